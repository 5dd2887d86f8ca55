/* The end of a service's events: draining, and handing back what is left. */
#include "async/async.h"

#include "base/error.h"
#include "base/memory.h"
#include "observe/log.h"

/** Lets events run until none is left, or the time is over. */
void lambda__async_drain(lambda_t *lambda, uint32_t drain_ms)
{
    lambda__async *async = lambda->async;
    atomic_store_explicit(&async->closing, 1, memory_order_seq_cst);
    if (drain_ms > 0) (void)lambda__async_wait_all(lambda, drain_ms, drain_ms != LAMBDA_WAIT_FOREVER);
}

typedef struct returning {
    lambda_async_returner *returned;
    void *user;
    uint64_t count;
} returning;

static bool give(void *user, const lambda_async_event *event)
{
    returning *what = user;
    what->count++;
    if (what->returned) what->returned(what->user, event);
    return true;
}

static bool hand_back(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    lambda__event_message read;
    bool goes_on = true;
    if (!lambda__message_read(message->body, &read)) return true;
    lambda_async_state state = standing == LAMBDA_QUEUE_RECEIVED  ? LAMBDA_ASYNC_RUNNING
                               : standing == LAMBDA_QUEUE_DELAYED ? LAMBDA_ASYNC_DELAYED
                                                                  : LAMBDA_ASYNC_WAITING;
    lambda__async_show(message, &read, state, due_ns, give, user, &goes_on);
    return true;
}

void lambda__async_return(lambda_t *lambda, lambda_async_returner *returned, void *user)
{
    lambda__async *async = lambda->async;
    returning what = {.returned = returned, .user = user};
    lambda__async_waiters_end(lambda);
    if (async->queue.durable) return;
    (void)async->queue.browse(async->queue.user, hand_back, &what);
    if (what.count == 0 || returned) return;
    lambda_log_record record = {.level = LAMBDA_LOG_ERROR,
                                .platform = true,
                                .log_group_name = "/aws/lambda",
                                .log_stream_name = "",
                                .request_id = ""};
    lambda__log(lambda, &record, "Error: %llu events had not ended when the service closed, and nobody took them",
                (unsigned long long)what.count);
}

void lambda__async_close(lambda_t *lambda, lambda__async *async)
{
    if (async->queue.close) async->queue.close(async->queue.user);
    lambda__release(&lambda->base, async->dropped);
    pthread_mutex_destroy(&async->mutex);
    lambda__release_lines(&lambda->base, async);
}
