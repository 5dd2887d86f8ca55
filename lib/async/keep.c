/* Telling the queue what became of a message, until it is kept: a disk that is full for a while loses nothing. */
#include "async/async.h"

#include "base/error.h"
#include "base/executor.h"
#include "observe/log.h"

/** First wait before another try, doubled up to the most. */
#define WAIT_NS     UINT64_C(100000000)
#define WAIT_MAX_NS UINT64_C(5000000000)
/** Where nobody may be kept waiting. */
#define TRIES_WITHOUT_THREADS 3

static void say(lambda_t *lambda, const char *text)
{
    lambda_log_record record = {.level = LAMBDA_LOG_ERROR,
                                .platform = true,
                                .log_group_name = "/aws/lambda",
                                .log_stream_name = "",
                                .request_id = ""};
    lambda__log(lambda, &record, "Error: the end of an event %s: %s", text, lambda__error_message(&lambda->base));
}

/** After a try that failed: false if there is to be no other. */
static bool try_again(lambda_t *lambda, uint32_t tries)
{
    lambda__async *async = lambda->async;
    if (tries == 0) say(lambda, "could not be kept in the queue, and is tried again");
    bool none = lambda->base.executor.kind == LAMBDA_EXECUTOR_NONE;
    bool stops = lambda__async_stops(async);
    if (stops || (none && tries >= TRIES_WITHOUT_THREADS)) {
        say(lambda, "could not be kept in the queue: it may run again");
        return false;
    }
    if (none) return true;
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
    uint32_t tries = 0;
    while (LAMBDA__UNLIKELY(
        !settled(queue->acknowledge(queue->user, worker->messages + first, count, entries, entries_count))))
        if (!try_again(worker->lambda, tries++)) return false;
    lambda__async_change(worker->lambda);
    return true;
}

bool lambda__async_keep_retry(lambda__async_worker *worker, size_t at, lambda__tries tries, uint64_t delay_ns)
{
    const lambda_queue *queue = &worker->lambda->async->queue;
    uint32_t failed = 0;
    while (!settled(queue->retry(queue->user, &worker->messages[at], lambda__tries_pack(tries), delay_ns)))
        if (!try_again(worker->lambda, failed++)) return false;
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
    if (!lambda__async_keep_end(worker, first, count, NULL, 0)) return false;
    /* Nobody waited when they had run; but somebody may have come since, and found them with this worker. */
    for (size_t i = 0; LAMBDA__UNLIKELY(lambda__async_awaited(lambda->async)) && i < count; i++)
        lambda__async_ended(lambda, &(lambda_async_outcome){.request_id = ids[i], .invoke_count = 1});
    return true;
}
