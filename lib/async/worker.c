/* Receiving some events and running them, one after the other, on this thread. */
#include "async/async.h"

#include "base/buffer.h"
#include "base/error.h"
#include "environment/pool.h"
#include "observe/log/log.h"

/** A worker takes more at once while handlers are quick, and one at a time where they are not. */
#define QUICK_NS UINT64_C(50000)
#define SLOW_NS  UINT64_C(1000000)
/** Handlers' time after which others get their visibility extended: it was asked for 20 minutes, a handler may take 15. */
#define EXTEND_NS UINT64_C(240000000000)
/** No event is too old before this, Lambda's least MaximumEventAgeInSeconds. */
#define AGE_MIN_NS UINT64_C(60000000000)

void lambda__async_worker_begin(lambda__async_worker *worker, lambda_t *lambda, lambda__thread *thread, size_t capacity)
{
    worker->lambda = lambda;
    worker->thread = thread;
    worker->count = worker->first = worker->at = worker->begun = 0;
    worker->capacity = capacity;
    worker->ran = worker->spent = worker->kept = 0;
    worker->failed = false;
    worker->kept_environment = NULL;
    worker->batch = worker->seen = worker->begun_seen = 0;
    worker->latch = (lambda__latch){0};
    worker->next = worker->previous = NULL;
    atomic_init(&worker->claim, 0);
    worker->result = (lambda_result)LAMBDA_ZERO;
    worker->record = (lambda__buffer){0};
}

void lambda__async_worker_end(lambda__async_worker *worker)
{
    lambda_result_clear(&worker->result);
    lambda__buffer_clear(&worker->lambda->base, &worker->record);
}

/** True, and settled, if the event is older than its function's events may get. */
static bool too_old(lambda__async_worker *worker, lambda__event_message *message)
{
    const lambda_queue_message *received = &worker->messages[worker->at];
    /* Those that were received with it and run before it made it older. */
    if (LAMBDA__LIKELY(received->age_ns + worker->ran < AGE_MIN_NS)) return false;
    lambda__async_settings settings;
    lambda__async_settings_read(worker->lambda, worker->thread, &message->name, &settings);
    uint64_t age = received->age_ns + (lambda__now(&worker->lambda->base) - worker->received);
    if (age <= settings.maximum_event_age_ns) return false;
    lambda__message(&worker->lambda->base, "the event is older than %llu seconds, its MaximumEventAgeInSeconds",
                    (unsigned long long)(settings.maximum_event_age_ns / 1000000000));
    return true;
}

static lambda_status invoke(lambda__async_worker *worker, const lambda__event_message *message,
                            lambda__invoked_event *event)
{
    lambda__thread *thread = worker->thread;
    lambda_invoke_options options;
    lambda__origin origin;
    lambda__invocation invocation = {.lambda = worker->lambda,
                                     .thread = thread,
                                     .name = message->name,
                                     .payload = message->payload,
                                     .result = &worker->result};
    if (LAMBDA__UNLIKELY(message->trace_id || message->client_context.length > 0)) {
        options = (lambda_invoke_options){.client_context = message->client_context, .trace_id = message->trace_id};
        invocation.options = &options;
    }
    if (LAMBDA__LIKELY(message->head.lineage_count == 0)) return lambda__invoke_event(&invocation, event);
    origin.chain = (lambda__chain){.function = LAMBDA__ORIGIN};
    origin.count = message->head.lineage_count;
    for (uint32_t i = 0; i < origin.count; i++)
        origin.lineage[i] = message->lineage[i];
    thread->chain = &origin.chain;
    lambda_status status = lambda__invoke_event(&invocation, event);
    thread->chain = NULL;
    return status;
}

/** One message: afterwards it was given back, or only waits to be acknowledged with its neighbours. */
static void perform(lambda__async_worker *worker)
{
    const lambda__async *async = worker->lambda->async;
    lambda__event_message message;
    bool valid = lambda__message_read(worker->messages[worker->at].body, &message);
    if (LAMBDA__UNLIKELY(!valid || message.head.delivery)) {
        lambda__invoke_release(&worker->kept_environment, worker->thread);
        if (valid)
            lambda__async_deliver(worker, &message);
        else
            lambda__async_drop_damaged(worker);
        return;
    }
    lambda__invoked_event event = {.request_id = message.head.request_id,
                                   .now = worker->now,
                                   .accepted = worker->received - worker->messages[worker->at].age_ns,
                                   .kept = worker->kept_environment};
    worker->now = 0;
    worker->kept_environment = NULL;
    if (LAMBDA__UNLIKELY(too_old(worker, &message))) {
        lambda__invoke_release(&event.kept, worker->thread);
        lambda__async_settle(worker, &message, LAMBDA_ERROR_TOO_MANY_REQUESTS);
        return;
    }
    lambda_status status = invoke(worker, &message, &event);
    bool plain = status == LAMBDA_OK && !worker->result.function_error && !event.settings;
    if (LAMBDA__LIKELY(status == LAMBDA_OK)) {
        uint64_t duration = worker->result.duration_ns + worker->result.init_duration_ns;
        worker->ran += duration;
        worker->spent += duration;
    }
    if (LAMBDA__LIKELY(plain && !lambda__async_awaited(async))) {
        /* The next begins as this one ends, where this one was: one reading of the clock for both, and no look-up. */
        worker->now = event.now;
        worker->kept_environment = event.kept;
        return;
    }
    lambda__invoke_release(&event.kept, worker->thread);
    lambda__async_settle(worker, &message, status);
}

/** Before one is run: those after it stay this worker's for as long as it may take. */
static void extend(lambda__async_worker *worker)
{
    const lambda__async *async = worker->lambda->async;
    if (LAMBDA__LIKELY(async->visible_ns == LAMBDA_QUEUE_FOREVER || worker->spent < EXTEND_NS)) return;
    worker->spent = worker->kept = 0;
    /* What is no longer its own is run by somebody else too: that is what a shared queue means. */
    (void)async->queue.extend(async->queue.user, worker->messages + worker->at, worker->count - worker->at,
                              async->visible_ns);
}

/** How many to take next. */
static void adapt(lambda__async_worker *worker)
{
    size_t most = worker->lambda->async->queue.durable ? LAMBDA__WORKER_MOST_DURABLE : LAMBDA__WORKER_MOST;
    if (worker->count == worker->capacity && worker->ran < QUICK_NS && worker->capacity < most)
        worker->capacity *= 2;
    else if (worker->ran > SLOW_NS)
        worker->capacity = 1;
}

/** The service stops: what was received and not begun is given back. */
static void give_back(lambda__async_worker *worker)
{
    if (LAMBDA__LIKELY(worker->at == worker->count)) return;
    (void)lambda__async_take_done(worker, worker->count);
    for (; worker->at < worker->count && lambda__async_begin_next(worker); worker->at++)
        lambda__async_keep_retry(worker, worker->at, lambda__tries_unpack(worker->messages[worker->at].state), 0);
}

static void receive_failed(lambda_t *lambda)
{
    lambda__log_error(lambda, "Error: nothing could be received from the queue of events: %s",
                      lambda__error_message(&lambda->base));
    lambda__async_again(lambda);
}

/** As many as are wanted and there: a queue gives a few at a time. */
static void receive(lambda__async_worker *worker)
{
    const lambda_queue *queue = &worker->lambda->async->queue;
    size_t got = 0;
    do {
        size_t wanted = worker->capacity - worker->count;
        lambda_status status = queue->receive(queue->user, worker->messages + worker->count, wanted,
                                              worker->lambda->async->visible_ns, &got);
        if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) {
            worker->failed = true;
            receive_failed(worker->lambda);
            return;
        }
        worker->count += got;
    } while (LAMBDA__UNLIKELY(got == LAMBDA_QUEUE_RECEIVE_MAX && worker->count < worker->capacity));
}

/** Where more is there than one takes at once, another comes; and somebody sees to what would wait behind a slow handler. */
static void get_help(const lambda__async_worker *worker)
{
    lambda_t *lambda = worker->lambda;
    const lambda__async *async = lambda->async;
    if (!async->threads) return;
    bool others = atomic_load_explicit(&async->active, memory_order_relaxed) < async->most;
    if (LAMBDA__UNLIKELY(others) && worker->count == worker->capacity && lambda__async_due_in(async) == 0)
        lambda__async_wake(lambda);
    if (worker->count > 1) lambda__async_watch(lambda);
}

bool lambda__async_work(lambda__async_worker *worker)
{
    lambda_t *lambda = worker->lambda;
    lambda__async *async = lambda->async;
    worker->ran = worker->spent = worker->kept = 0;
    worker->failed = false;
    worker->count = lambda__async_take_stolen(worker);
    if (LAMBDA__LIKELY(worker->count == 0)) receive(worker);
    if (worker->count == 0) {
        lambda__async_idle(lambda);
        return false;
    }
    worker->received = worker->now = lambda__now(&lambda->base);
    get_help(worker);
    for (; worker->at < worker->count; worker->at++) {
        if (LAMBDA__UNLIKELY(lambda__async_stops(async) || !lambda__async_begin_next(worker))) break;
        extend(worker);
        perform(worker);
        if (worker->spent - worker->kept > SLOW_NS) {
            lambda__invoke_release(&worker->kept_environment, worker->thread);
            worker->at++;
            lambda__async_flush(worker);
            worker->at--;
            worker->now = 0;
        }
    }
    lambda__invoke_release(&worker->kept_environment, worker->thread);
    lambda__async_flush(worker);
    give_back(worker);
    adapt(worker);
    lambda__async_batch_end(worker);
    return true;
}
