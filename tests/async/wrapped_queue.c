#include "wrapped_queue.h"

#include <stdatomic.h>
#include <string.h>

#include <lambda/port/runtime.h>

/** One less of them; false if there is none. */
static bool take_one(_Atomic uint32_t *word)
{
    uint32_t count = atomic_load(word);
    while (count > 0)
        if (atomic_compare_exchange_weak(word, &count, count - 1)) return true;
    return false;
}

static lambda_status say_why(const wrapped_queue *wrapped, lambda_status status)
{
    return lambda_runtime_fail(wrapped->host.lambda, status, "the queue was told to fail");
}

static lambda_status wrapped_attach(void *user, const lambda_queue_host *host)
{
    wrapped_queue *wrapped = user;
    wrapped->host = *host;
    return wrapped->inner.attach(wrapped->inner.user, host);
}

static lambda_status wrapped_add(void *user, const lambda_queue_entry *entries, size_t count)
{
    wrapped_queue *wrapped = user;
    return wrapped->inner.push(wrapped->inner.user, entries, count);
}

static lambda_status wrapped_receive(void *user, lambda_queue_message *messages, size_t capacity, uint64_t visible_ns,
                                     size_t *count)
{
    wrapped_queue *wrapped = user;
    *count = 0;
    atomic_store(&wrapped->visible_ns, visible_ns);
    atomic_fetch_add(&wrapped->receives, 1);
    if (atomic_load(&wrapped->hidden)) return LAMBDA_OK;
    if (take_one(&wrapped->fail_receives)) return say_why(wrapped, LAMBDA_ERROR_SERVICE);
    return wrapped->inner.receive(wrapped->inner.user, messages, capacity, visible_ns, count);
}

static lambda_status wrapped_acknowledge(void *user, const lambda_queue_message *messages, size_t count,
                                         const lambda_queue_entry *entries, size_t entries_count)
{
    wrapped_queue *wrapped = user;
    atomic_fetch_add(&wrapped->acknowledges, 1);
    if (take_one(&wrapped->fail_acknowledges)) return say_why(wrapped, wrapped->failure);
    lambda_status status = wrapped->inner.acknowledge(wrapped->inner.user, messages, count, entries, entries_count);
    if (status == LAMBDA_OK) atomic_fetch_add(&wrapped->kept, (uint32_t)count);
    return status;
}

static lambda_status wrapped_retry(void *user, const lambda_queue_message *message, uint64_t state, uint64_t delay_ns)
{
    wrapped_queue *wrapped = user;
    atomic_fetch_add(&wrapped->retries, 1);
    if (take_one(&wrapped->fail_retries)) return say_why(wrapped, wrapped->failure);
    return wrapped->inner.retry(wrapped->inner.user, message, state, delay_ns);
}

static lambda_status wrapped_extend(void *user, const lambda_queue_message *messages, size_t count, uint64_t visible_ns)
{
    wrapped_queue *wrapped = user;
    uint32_t at = atomic_fetch_add(&wrapped->extends, 1);
    if (at < WRAPPED_EXTENSIONS) {
        wrapped->extended[at] = count;
        wrapped->extended_for[at] = visible_ns;
    }
    return wrapped->inner.extend(wrapped->inner.user, messages, count, visible_ns);
}

static uint64_t wrapped_next_due(void *user)
{
    wrapped_queue *wrapped = user;
    return atomic_load(&wrapped->hidden) ? UINT64_MAX : wrapped->inner.next_due(wrapped->inner.user);
}

static lambda_status wrapped_counts(void *user, lambda_queue_counts *counts)
{
    wrapped_queue *wrapped = user;
    return wrapped->inner.counts(wrapped->inner.user, counts);
}

static lambda_status wrapped_browse(void *user, lambda_queue_visitor *visit, void *visit_user)
{
    wrapped_queue *wrapped = user;
    return wrapped->inner.browse(wrapped->inner.user, visit, visit_user);
}

static lambda_status wrapped_purge(void *user, lambda_queue_visitor *chosen, void *chosen_user, uint64_t *count)
{
    wrapped_queue *wrapped = user;
    return wrapped->inner.purge(wrapped->inner.user, chosen, chosen_user, count);
}

static void wrapped_close(void *user)
{
    wrapped_queue *wrapped = user;
    wrapped->inner.close(wrapped->inner.user);
}

void wrapped_open(wrapped_queue *wrapped)
{
    memset(wrapped, 0, sizeof(*wrapped));
    wrapped->failure = LAMBDA_ERROR_SERVICE;
    assert_int_equal(lambda_queue_memory_open(NULL, &wrapped->inner), LAMBDA_OK);
}

lambda_queue wrapped_port(wrapped_queue *wrapped)
{
    return (lambda_queue){.attach = wrapped_attach,
                          .push = wrapped_add,
                          .receive = wrapped_receive,
                          .acknowledge = wrapped_acknowledge,
                          .retry = wrapped_retry,
                          .extend = wrapped_extend,
                          .next_due = wrapped_next_due,
                          .counts = wrapped_counts,
                          .browse = wrapped_browse,
                          .purge = wrapped_purge,
                          .close = wrapped_close,
                          .user = wrapped};
}

void wrapped_ready(wrapped_queue *wrapped)
{
    wrapped->host.ready(wrapped->host.user);
}

void wrapped_push(wrapped_queue *wrapped, const void *data, size_t length)
{
    const lambda_bytes part = lambda_bytes_make(data, length);
    const lambda_queue_entry entry = {.parts = &part, .parts_count = 1};
    assert_ok(NULL, wrapped->inner.push(wrapped->inner.user, &entry, 1));
}

uint64_t wrapped_received(wrapped_queue *wrapped)
{
    lambda_queue_counts counts;
    assert_ok(NULL, wrapped->inner.counts(wrapped->inner.user, &counts));
    return counts.received;
}
