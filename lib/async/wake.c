/*
 * Who is awake when: the library's threads, pieces of work of a host's executor, or lambda_pump.
 *
 * A producer wakes nobody while somebody is awake, as who is awake looks again before it sleeps. That it may be busy for long with one
 * event is seen by the watch: the task, a moment later, wakes another if events wait still. The same task sees to what was delayed.
 */
#include "async/async.h"

#include "base/error.h"
#include "base/executor.h"

/** How long a producer trusts that a worker that is awake comes back. */
#define WATCH_NS UINT64_C(1000000)
/** When a worker could not be started, or nothing be received: again after so long. */
#define AGAIN_NS UINT64_C(1000000000)
/** How often a worker looks before it sleeps: a little longer than waking a sleeper takes. */
#define LOOKS        64
#define LOOK_RELAXES 32

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

void lambda__async_again(lambda_t *lambda)
{
    schedule(lambda, lambda__now(&lambda->base) + AGAIN_NS);
}

/* ---- the library's threads */

static void live(void *user);

/** A worker was promised to be awake, and could not be started. */
static void not_started(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    atomic_fetch_sub_explicit(&async->started, 1, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&async->active, 1, memory_order_seq_cst);
    if (!lambda__async_stops(async)) lambda__async_again(lambda);
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
bool lambda__async_wake(lambda_t *lambda)
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
        if (lambda__async_due_in(async) == 0 || lambda__async_stops(async)) return true;
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
    if (atomic_fetch_sub_explicit(&async->active, 1, memory_order_seq_cst) > 1) lambda__async_watch(lambda);
    /* Either a producer has seen that nobody is awake, or this sees what it pushed. */
    atomic_exchange_explicit(&thread->fence, 1, memory_order_seq_cst);
    if ((lambda__async_due_in(async) == 0 || lambda__async_stops(async)) && take_one(&async->asleep)) {
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
    lambda__async_worker_list(&worker);
    while (!lambda__async_stops(async)) {
        if (lambda__async_work(&worker)) continue;
        if (worker.failed)
            lambda__wait(&lambda->base, &async->stopping, 0, lambda__now(&lambda->base) + AGAIN_NS);
        else if (!look(lambda))
            sleep_until_woken(lambda, thread);
    }
    lambda__async_worker_unlist(&worker);
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
    if (lambda__async_work(&worker) && lambda__async_due_in(lambda->async) != 0) lambda__async_idle(lambda);
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
        if (!lambda__async_stops(async)) received = work_once(lambda, thread);
        atomic_fetch_sub_explicit(&thread->working, 1, memory_order_acq_rel);
    }
    atomic_fetch_sub_explicit(&async->active, 1, memory_order_seq_cst);
    if (!lambda__async_stops(async)) {
        if (!received)
            lambda__async_again(lambda);
        else if (lambda__async_due_in(async) == 0)
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
    if (!lambda__async_stops(async)) lambda__async_again(lambda);
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

void lambda__async_watch(lambda_t *lambda)
{
    watch(lambda, WATCH_NS);
}

static void tell(lambda_t *lambda, uint32_t active)
{
    lambda_executor_kind kind = lambda->base.executor.kind;
    if (kind == LAMBDA_EXECUTOR_HOST)
        start_piece(lambda);
    else if (kind == LAMBDA_EXECUTOR_NONE)
        watch(lambda, 0);
    else if (active == 0)
        lambda__async_wake(lambda);
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
    uint64_t due = lambda__async_due_in(async);
    if (due == UINT64_MAX || lambda__async_stops(async)) return;
    uint64_t now = lambda__now(&lambda->base);
    schedule(lambda, due < UINT64_MAX - now ? now + due : UINT64_MAX - 1);
}

void lambda__async_ready(void *user)
{
    lambda_t *lambda = user;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (thread && !lambda__async_stops(lambda->async)) lambda__async_tell(lambda, thread);
}

/** What waits is seen to. */
static void see_to(lambda_t *lambda)
{
    lambda__async *async = lambda->async;
    lambda_executor_kind kind = lambda->base.executor.kind;
    if (kind == LAMBDA_EXECUTOR_HOST) {
        start_piece(lambda);
    } else if (kind == LAMBDA_EXECUTOR_THREADS) {
        lambda__async_wake(lambda);
        bool others = atomic_load_explicit(&async->active, memory_order_seq_cst) < async->most;
        if (others && lambda__async_due_in(async) == 0) watch(lambda, WATCH_NS);
    } else {
        lambda__thread *thread = lambda__thread_get(&lambda->base);
        if (thread && work_once(lambda, thread))
            lambda__async_due(lambda);
        else if (!thread)
            lambda__async_again(lambda);
    }
}

void lambda__async_run(lambda__base *base, lambda__task *task)
{
    (void)task;
    lambda_t *lambda = (lambda_t *)base;
    lambda__async *async = lambda->async;
    atomic_store_explicit(&async->watched, 0, memory_order_seq_cst);
    if (lambda__async_stops(async)) return;
    if (async->threads && lambda__async_look_behind(lambda)) lambda__async_watch(lambda);
    if (lambda__async_due_in(async) == 0)
        see_to(lambda);
    else
        lambda__async_due(lambda);
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
