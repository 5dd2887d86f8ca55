/* Telling the queue what became of a message, until it is kept: a disk that is full for a while loses nothing. */
#include "async/async.h"

#include "base/error.h"
#include "base/executor.h"
#include "observe/log/log.h"

/** First wait before another try, doubled up to the most. */
#define WAIT_NS     UINT64_C(100000000)
#define WAIT_MAX_NS UINT64_C(5000000000)
/** Where nobody may be kept waiting: then it is received again after a minute, and runs again. */
#define TRIES_WITHOUT_THREADS 3
#define RUN_AGAIN_NS          UINT64_C(60000000000)

static void say(lambda_t *lambda, const char *text)
{
    lambda__log_error(lambda, "Error: the end of an event %s: %s", text, lambda__error_message(&lambda->base));
}

/** Messages of which it could not be kept what became of them. */
typedef struct unkept {
    lambda_t *lambda;
    const lambda_queue_message *messages;
    size_t count;
    uint32_t tries;
} unkept;

/** It is not to be tried again here: unless the service closes, the queue gives them out anew. */
static bool give_up(const unkept *what, bool stops)
{
    const lambda_queue *queue = &what->lambda->async->queue;
    say(what->lambda, "could not be kept in the queue: it may run again");
    if (!stops) {
        (void)queue->extend(queue->user, what->messages, what->count, RUN_AGAIN_NS);
        lambda__async_due(what->lambda);
    }
    return false;
}

/** After a try that failed: false if there is to be no other. */
static bool try_again(unkept *what)
{
    lambda_t *lambda = what->lambda;
    lambda__async *async = lambda->async;
    uint32_t tries = what->tries++;
    bool none = lambda->base.executor.kind == LAMBDA_EXECUTOR_NONE;
    if (tries == 0) say(lambda, "could not be kept in the queue, and is tried again");
    if (lambda__async_stops(async)) return give_up(what, true);
    if (none) return tries < TRIES_WITHOUT_THREADS || give_up(what, false);
    uint64_t wait = tries < 6 ? WAIT_NS << tries : WAIT_MAX_NS;
    if (wait > WAIT_MAX_NS) wait = WAIT_MAX_NS;
    lambda__wait(&lambda->base, &async->stopping, 0, lambda__now(&lambda->base) + wait);
    return true;
}

/** A shared queue has given it to somebody else meanwhile: it is theirs to end. */
static bool settled(lambda_status status)
{
    return status == LAMBDA_OK || status == LAMBDA_ERROR_RESOURCE_NOT_FOUND;
}

bool lambda__async_keep_end(lambda__async_worker *worker, size_t first, size_t count, const lambda_queue_entry *entries,
                            size_t entries_count)
{
    const lambda_queue *queue = &worker->lambda->async->queue;
    unkept what = {.lambda = worker->lambda, .messages = worker->messages + first, .count = count};
    while (LAMBDA__UNLIKELY(!settled(queue->acknowledge(queue->user, what.messages, count, entries, entries_count))))
        if (!try_again(&what)) return false;
    lambda__async_change(worker->lambda);
    return true;
}

bool lambda__async_keep_retry(lambda__async_worker *worker, size_t at, lambda__tries tries, uint64_t delay_ns)
{
    const lambda_queue *queue = &worker->lambda->async->queue;
    unkept what = {.lambda = worker->lambda, .messages = worker->messages + at, .count = 1};
    while (!settled(queue->retry(queue->user, what.messages, lambda__tries_pack(tries), delay_ns)))
        if (!try_again(&what)) return false;
    lambda__async_due(worker->lambda);
    return true;
}

bool lambda__async_flush(lambda__async_worker *worker)
{
    lambda_t *lambda = worker->lambda;
    size_t first = lambda__async_take_done(worker, worker->at);
    size_t count = worker->at - first;
    lambda_request_id ids[LAMBDA__WORKER_MOST_DURABLE];
    worker->kept = worker->spent;
    if (count == 0) return true;
    for (size_t i = 0; i < count; i++)
        ids[i] = lambda__message_id(worker->messages[first + i].body);
    /* Counted first: who finds the queue empty finds all of it counted. */
    lambda__counter_add_many(worker->thread, LAMBDA__COUNT_SUCCEEDED, count);
    if (!lambda__async_keep_end(worker, first, count, NULL, 0)) {
        lambda__counter_add_many(worker->thread, LAMBDA__COUNT_SUCCEEDED, (uint64_t)0 - count);
        return false;
    }
    /* Nobody waited when they had run; but somebody may have come since, and found them with this worker. */
    for (size_t i = 0; LAMBDA__UNLIKELY(lambda__async_awaited(lambda->async)) && i < count; i++)
        lambda__async_ended(lambda, &(lambda_async_outcome){.request_id = ids[i], .invoke_count = 1});
    return true;
}
