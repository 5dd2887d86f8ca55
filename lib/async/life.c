/* The life of a service's events: opened, drained, what is left handed back, closed. */
#include "async/async.h"

#include "base/error.h"
#include "base/memory.h"
#include "observe/log/log.h"
#include "queue/memory.h"

/** A received event of a shared queue stays this service's for so long, 20 minutes: a handler may take 15. */
#define VISIBLE_NS UINT64_C(1200000000000)

lambda_status lambda__async_open(lambda_t *lambda, const lambda_options *options, lambda__async **opened)
{
    lambda__base *base = &lambda->base;
    lambda__async *async = lambda__allocate_lines(base, sizeof(*async));
    if (!async) return lambda__out_of_memory(NULL);
    uint32_t cpus = lambda__platform_cpus();
    async->most = options->async_workers ? options->async_workers : (cpus > 2 ? cpus : 2);
    async->threads = base->executor.kind == LAMBDA_EXECUTOR_THREADS;
    async->task.run = lambda__async_run;
    if (pthread_mutex_init(&async->mutex, NULL) != 0) {
        lambda__release_lines(base, async);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    *opened = async;
    lambda_queue queue = options->queue;
    bool own = queue.push == NULL;
    lambda_status status = own ? lambda_queue_memory_open(NULL, &queue) : LAMBDA_OK;
    if (status != LAMBDA_OK) return status;
    lambda_queue_host host = {.lambda = lambda,
                              .allocator = base->allocator,
                              .clock = base->clock,
                              .ready = lambda__async_ready,
                              .user = lambda};
    if (queue.attach) status = queue.attach(queue.user, &host);
    if (status != LAMBDA_OK) {
        /* The message is the service's, which goes: the caller reads that of no service. */
        lambda__message(NULL, "queue: %s", lambda__error_message(base));
        if (own) queue.close(queue.user);
        return status;
    }
    async->queue = queue;
    async->fenced = lambda__queue_is_memory(&queue);
    async->visible_ns = queue.shared ? VISIBLE_NS : LAMBDA_QUEUE_FOREVER;
    return LAMBDA_OK;
}

void lambda__async_begin(lambda_t *lambda)
{
    /* Soon, not now: the host creates and binds its functions first. */
    if (lambda__async_due_in(lambda->async) != UINT64_MAX) lambda__async_again(lambda);
}

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
    lambda__async_return_stolen(lambda);
    if (async->queue.durable) return;
    (void)async->queue.browse(async->queue.user, hand_back, &what);
    if (what.count == 0 || returned) return;
    lambda__log_error(lambda, "Error: %llu events had not ended when the service closed, and nobody took them",
                      (unsigned long long)what.count);
}

void lambda__async_close(lambda_t *lambda, lambda__async *async)
{
    if (async->queue.close) async->queue.close(async->queue.user);
    lambda__release(&lambda->base, async->dropped);
    lambda__release(&lambda->base, async->stolen);
    pthread_mutex_destroy(&async->mutex);
    lambda__release_lines(&lambda->base, async);
}
