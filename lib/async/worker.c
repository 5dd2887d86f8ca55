/* Who receives, and when: the library's threads, pieces of work of a host's executor, or lambda_pump. */
#include "async/async.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/memory.h"
#include "environment/pool.h"
#include "observe/log.h"
#include "queue/memory.h"

/** How long a producer trusts that a worker that is awake comes back. */
#define WATCH_NS UINT64_C(1000000)
/** When a worker could not be started, or nothing be received: again after so long. */
#define AGAIN_NS UINT64_C(1000000000)
/** How often a worker looks before it sleeps: a little longer than waking a sleeper takes. */
#define LOOKS        64
#define LOOK_RELAXES 32

/** A worker takes more at once while handlers are quick, and one at a time where they are not. */
#define QUICK_NS UINT64_C(50000)
#define SLOW_NS  UINT64_C(1000000)
/** Handlers' time after which others get their visibility extended: it was asked for 20 minutes, a handler may take 15. */
#define EXTEND_NS UINT64_C(240000000000)
/** No event is too old before this, Lambda's least MaximumEventAgeInSeconds. */
#define AGE_MIN_NS UINT64_C(60000000000)

static uint64_t due_in(const lambda__async *async)
{
    return async->queue.next_due(async->queue.user);
}

static bool stops(const lambda__async *async)
{
    return atomic_load_explicit(&async->stopping, memory_order_acquire) != 0;
}

/* ---- running what was received */

void lambda__async_worker_begin(lambda__async_worker *worker, lambda_t *lambda, lambda__thread *thread, size_t capacity)
{
    worker->lambda = lambda;
    worker->thread = thread;
    worker->count = worker->first = worker->at = 0;
    worker->capacity = capacity;
    worker->ran = worker->spent = worker->kept = 0;
    worker->failed = false;
    worker->kept_environment = NULL;
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
    lambda__invoked_event event = {
        .request_id = message.head.request_id, .now = worker->now, .kept = worker->kept_environment};
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
static void adapt(lambda__async_worker *worker, uint64_t spent)
{
    size_t most = worker->lambda->async->queue.durable ? LAMBDA__WORKER_MOST_DURABLE : LAMBDA__WORKER_MOST;
    if (worker->count == worker->capacity && spent < QUICK_NS && worker->capacity < most)
        worker->capacity *= 2;
    else if (spent > SLOW_NS)
        worker->capacity = 1;
}

/** The service stops: what was received and not begun is given back. */
static void give_back(lambda__async_worker *worker)
{
    for (; worker->at < worker->count; worker->at++)
        lambda__async_keep_retry(worker, worker->at, lambda__tries_unpack(worker->messages[worker->at].state), 0);
}

static bool wake(lambda_t *lambda);

/** Has the task run then. Who waits where nobody else would run it must know of it. */
static void schedule(lambda_t *lambda, uint64_t due)
{
    lambda__base *base = &lambda->base;
    lambda__async *async = lambda->async;
    lambda__agenda_schedule(base, &async->task, due);
    if (base->executor.kind == LAMBDA_EXECUTOR_THREADS || base->executor.help) return;
    if (lambda__async_awaited(async) || atomic_load_explicit(&async->want_room, memory_order_seq_cst) ||
        atomic_load_explicit(&async->want_end, memory_order_seq_cst))
        lambda__async_change_all(lambda);
}

static void schedule_again(lambda_t *lambda)
{
    schedule(lambda, lambda__now(&lambda->base) + AGAIN_NS);
}

static void receive_failed(lambda_t *lambda)
{
    lambda_log_record record = {.level = LAMBDA_LOG_ERROR,
                                .platform = true,
                                .log_group_name = "/aws/lambda",
                                .log_stream_name = "",
                                .request_id = ""};
    lambda__log(lambda, &record, "Error: nothing could be received from the queue of events: %s",
                lambda__error_message(&lambda->base));
    schedule_again(lambda);
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

bool lambda__async_work(lambda__async_worker *worker)
{
    lambda_t *lambda = worker->lambda;
    lambda__async *async = lambda->async;
    worker->count = worker->first = worker->at = 0;
    worker->ran = worker->spent = worker->kept = 0;
    worker->failed = false;
    receive(worker);
    if (worker->count == 0) {
        lambda__async_idle(lambda);
        return false;
    }
    worker->received = worker->now = lambda__now(&lambda->base);
    /* More than one takes at once: another comes to help. */
    bool more = async->threads && worker->count == worker->capacity &&
                atomic_load_explicit(&async->active, memory_order_relaxed) < async->most;
    if (more && due_in(async) == 0) wake(lambda);
    for (; worker->at < worker->count; worker->at++) {
        if (LAMBDA__UNLIKELY(stops(async))) break;
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
    adapt(worker, worker->ran);
    return true;
}

/* ---- the library's threads */

static void live(void *user);

/** A worker was promised to be awake, and could not be started. */
static void not_started(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    atomic_fetch_sub_explicit(&async->started, 1, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&async->active, 1, memory_order_seq_cst);
    if (!stops(async)) schedule_again(lambda);
}

/** One less of what the word counts; false if it is 0. */
static bool take_one(_Atomic uint32_t *word)
{
    uint32_t count = atomic_load_explicit(word, memory_order_seq_cst);
    do {
        if (count == 0) return false;
    } while (
        !atomic_compare_exchange_weak_explicit(word, &count, count - 1, memory_order_seq_cst, memory_order_seq_cst));
    return true;
}

/** One more of them, if that is no more than `most`. */
static bool add_one(_Atomic uint32_t *word, uint32_t most)
{
    uint32_t count = atomic_load_explicit(word, memory_order_seq_cst);
    do {
        if (count >= most) return false;
    } while (
        !atomic_compare_exchange_weak_explicit(word, &count, count + 1, memory_order_seq_cst, memory_order_seq_cst));
    return true;
}

static bool wake_sleeper(lambda__async *async)
{
    if (!take_one(&async->asleep)) return false;
    atomic_fetch_add_explicit(&async->active, 1, memory_order_seq_cst);
    atomic_fetch_add_explicit(&async->wakes, 1, memory_order_release);
    lambda__platform_wake_one(&async->wakes);
    return true;
}

/** One more worker is awake, if there is any. */
static bool wake(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    if (wake_sleeper(async)) return true;
    if (!add_one(&async->started, async->most)) return false;
    atomic_fetch_add_explicit(&async->active, 1, memory_order_seq_cst);
    if (lambda__work_start(&lambda->base, live, lambda) == LAMBDA_OK) return true;
    not_started(lambda);
    return false;
}

/** Looks for as long as it pays. */
static bool look(const lambda_t *lambda)
{
    const lambda__async *async = lambda->async;
    for (int i = 0; lambda->base.spins && i < LOOKS; i++) {
        if (due_in(async) == 0 || stops(async)) return true;
        for (int relax = 0; relax < LOOK_RELAXES; relax++)
            lambda__platform_relax();
    }
    return false;
}

/** Sleeps until somebody wakes it. */
static void sleep_until_woken(lambda_t *lambda, lambda__thread *thread)
{
    lambda__async *async = lambda->async;
    atomic_fetch_add_explicit(&async->asleep, 1, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&async->active, 1, memory_order_seq_cst);
    /* Either a producer has seen that nobody is awake, or this sees what it pushed. */
    atomic_exchange_explicit(&thread->fence, 1, memory_order_seq_cst);
    if ((due_in(async) == 0 || stops(async)) && take_one(&async->asleep)) {
        atomic_fetch_add_explicit(&async->active, 1, memory_order_seq_cst);
        return;
    }
    lambda__async_due(lambda);
    while (!take_one(&async->wakes))
        lambda__platform_wait(&async->wakes, 0, UINT64_MAX);
}

static void live(void *user)
{
    lambda_t *lambda = user;
    lambda__async *async = lambda->async;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (!thread) {
        not_started(lambda);
        lambda__work_end(&lambda->base);
        return;
    }
    atomic_store_explicit(&thread->working, 1, memory_order_release);
    lambda__async_worker worker;
    lambda__async_worker_begin(&worker, lambda, thread, 1);
    while (!stops(async)) {
        if (lambda__async_work(&worker)) continue;
        if (worker.failed)
            lambda__wait(&lambda->base, &async->stopping, 0, lambda__now(&lambda->base) + AGAIN_NS);
        else if (!look(lambda))
            sleep_until_woken(lambda, thread);
    }
    lambda__async_worker_end(&worker);
    atomic_store_explicit(&thread->working, 0, memory_order_release);
    atomic_fetch_sub_explicit(&async->started, 1, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&async->active, 1, memory_order_seq_cst);
    lambda__work_end(&lambda->base);
}

/* ---- a host's executor, and none */

static void start_piece(lambda_t *lambda);

/** Receives one and runs it, on this thread. False if receiving failed, which is tried again in a while. */
static bool work_once(lambda_t *lambda, lambda__thread *thread)
{
    const lambda__chain *outer = thread->chain;
    lambda__async_worker worker;
    thread->chain = NULL;
    lambda__async_worker_begin(&worker, lambda, thread, 1);
    /* Whoever waits for the end of all is told by a worker that finds nothing. */
    if (lambda__async_work(&worker) && due_in(lambda->async) != 0) lambda__async_idle(lambda);
    lambda__async_worker_end(&worker);
    thread->chain = outer;
    return !worker.failed;
}

static void piece(void *user)
{
    lambda_t *lambda = user;
    lambda__async *async = lambda->async;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    bool received = thread != NULL;
    if (thread) {
        atomic_fetch_add_explicit(&thread->working, 1, memory_order_acq_rel);
        if (!stops(async)) received = work_once(lambda, thread);
        atomic_fetch_sub_explicit(&thread->working, 1, memory_order_acq_rel);
    }
    atomic_fetch_sub_explicit(&async->active, 1, memory_order_seq_cst);
    if (!stops(async)) {
        if (!received)
            schedule_again(lambda);
        else if (due_in(async) == 0)
            start_piece(lambda);
        else
            lambda__async_due(lambda);
    }
    lambda__work_end(&lambda->base);
}

static void start_piece(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    if (!add_one(&async->active, async->most)) return;
    if (lambda__work_start(&lambda->base, piece, lambda) == LAMBDA_OK) return;
    atomic_fetch_sub_explicit(&async->active, 1, memory_order_seq_cst);
    if (!stops(async)) schedule_again(lambda);
}

/* ---- telling */

/** Has the task run after so long, unless it was asked for already. */
static void watch(lambda_t *lambda, uint64_t after)
{
    lambda__async *async = lambda->async;
    if (atomic_load_explicit(&async->watched, memory_order_relaxed) ||
        atomic_exchange_explicit(&async->watched, 1, memory_order_seq_cst))
        return;
    schedule(lambda, lambda__now(&lambda->base) + after);
}

static void tell(lambda_t *lambda, uint32_t active)
{
    lambda_executor_kind kind = lambda->base.executor.kind;
    if (kind == LAMBDA_EXECUTOR_HOST)
        start_piece(lambda);
    else if (kind == LAMBDA_EXECUTOR_NONE)
        watch(lambda, 0);
    else if (active == 0)
        wake(lambda);
    else
        watch(lambda, WATCH_NS);
}

void lambda__async_tell(lambda_t *lambda, lambda__thread *thread)
{
    lambda__async *async = lambda->async;
    /* What was pushed is seen by a worker that is about to sleep, or this sees that it is. */
    if (LAMBDA__UNLIKELY(!async->fenced)) atomic_exchange_explicit(&thread->fence, 1, memory_order_seq_cst);
    uint32_t active = atomic_load_explicit(&async->active, memory_order_seq_cst);
    if (LAMBDA__LIKELY(active > 0 && (active >= async->most ||
                                      (async->threads && atomic_load_explicit(&async->watched, memory_order_seq_cst)))))
        return;
    tell(lambda, active);
}

void lambda__async_due(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    uint64_t due = due_in(async);
    if (due == UINT64_MAX || stops(async)) return;
    uint64_t now = lambda__now(&lambda->base);
    schedule(lambda, due < UINT64_MAX - now ? now + due : UINT64_MAX - 1);
}

/** The queue's own `ready`: somebody else has pushed. */
static void ready(void *user)
{
    lambda_t *lambda = user;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (thread && !stops(lambda->async)) lambda__async_tell(lambda, thread);
}

/** What waits is seen to. */
static void see_to(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    lambda_executor_kind kind = lambda->base.executor.kind;
    if (kind == LAMBDA_EXECUTOR_HOST) {
        start_piece(lambda);
    } else if (kind == LAMBDA_EXECUTOR_THREADS) {
        wake(lambda);
        bool others = atomic_load_explicit(&async->active, memory_order_seq_cst) < async->most;
        if (others && due_in(async) == 0) watch(lambda, WATCH_NS);
    } else {
        lambda__thread *thread = lambda__thread_get(&lambda->base);
        if (thread && work_once(lambda, thread))
            lambda__async_due(lambda);
        else if (!thread)
            schedule_again(lambda);
    }
}

static void run_task(lambda__base *base, lambda__task *task)
{
    (void)task;
    lambda_t *lambda = (lambda_t *)base;
    lambda__async *async = lambda->async;
    atomic_store_explicit(&async->watched, 0, memory_order_seq_cst);
    if (stops(async)) return;
    if (due_in(async) == 0)
        see_to(lambda);
    else
        lambda__async_due(lambda);
}

void lambda__async_begin(lambda_t *lambda)
{
    /* Soon, not now: the host creates and binds its functions first. */
    if (due_in(lambda->async) != UINT64_MAX)
        lambda__agenda_schedule(&lambda->base, &lambda->async->task, lambda__now(&lambda->base) + AGAIN_NS);
}

void lambda__async_stop(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    atomic_store_explicit(&async->closing, 1, memory_order_seq_cst);
    atomic_store_explicit(&async->stopping, 1, memory_order_seq_cst);
    lambda__platform_wake(&async->stopping);
    while (wake_sleeper(async))
        ;
    lambda__async_change_all(lambda);
}

lambda_status lambda__async_open(lambda_t *lambda, const lambda_options *options, lambda__async **opened)
{
    lambda__base *base = &lambda->base;
    lambda__async *async = lambda__allocate_lines(base, sizeof(*async));
    if (!async) return lambda__out_of_memory(NULL);
    uint32_t cpus = lambda__platform_cpus();
    async->most = options->async_workers ? options->async_workers : (cpus > 2 ? cpus : 2);
    async->threads = base->executor.kind == LAMBDA_EXECUTOR_THREADS;
    async->task.run = run_task;
    if (pthread_mutex_init(&async->mutex, NULL) != 0) {
        lambda__release_lines(base, async);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    *opened = async;
    lambda_queue queue = options->queue;
    bool own = queue.push == NULL;
    lambda_status status = own ? lambda_queue_memory_open(NULL, &queue) : LAMBDA_OK;
    if (status != LAMBDA_OK) return status;
    lambda_queue_host host = {
        .lambda = lambda, .allocator = base->allocator, .clock = base->clock, .ready = ready, .user = lambda};
    if (queue.attach) status = queue.attach(queue.user, &host);
    if (status != LAMBDA_OK) {
        /* The message is the service's, which goes: the caller reads that of no service. */
        lambda__message(NULL, "queue: %s", lambda__error_message(base));
        if (own) queue.close(queue.user);
        return status;
    }
    async->queue = queue;
    async->fenced = lambda__queue_is_memory(&queue);
    async->visible_ns = queue.shared ? UINT64_C(1200000000000) : LAMBDA_QUEUE_FOREVER;
    return LAMBDA_OK;
}
