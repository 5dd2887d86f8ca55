#include "environment/worker.h"

#include "base/error.h"
#include "base/executor.h"
#include "base/memory.h"
#include "environment/pool.h"

enum { NONE, ASLEEP, POSTED };
enum { PENDING, WAITER_ASLEEP, DONE, LEAVING, LEFT };

bool lambda__worker_make(lambda__environment *environment)
{
    environment->worker = lambda__allocate_lines(&environment->lambda->base, sizeof(lambda__worker));
    return environment->worker != NULL;
}

void lambda__worker_free(lambda__environment *environment)
{
    lambda__worker *worker = environment->worker;
    if (!worker) return;
    lambda__base *base = &environment->lambda->base;
    lambda__buffer_clear(base, &worker->input);
    lambda__buffer_clear(base, &worker->ancestors);
    lambda__release_lines(base, worker);
    environment->worker = NULL;
}

/** Tells who waits; false if it has left. */
static bool reply(lambda__worker *worker)
{
    uint32_t state = atomic_load_explicit(&worker->reply, memory_order_acquire);
    do {
        while (state == LEAVING) {
            lambda__platform_wait(&worker->reply, LEAVING, UINT64_MAX);
            state = atomic_load_explicit(&worker->reply, memory_order_acquire);
        }
        if (state == LEFT) return false;
    } while (!atomic_compare_exchange_weak_explicit(&worker->reply, &state, DONE, memory_order_acq_rel,
                                                    memory_order_acquire));
    /* The environment is the caller's from here on; the worker lives until it is told to end. */
    if (state == WAITER_ASLEEP) lambda__platform_wake(&worker->reply);
    return true;
}

/** Does what was posted; false if the environment has ended. */
static bool perform(lambda__environment *environment, lambda__thread *thread)
{
    lambda__worker *worker = environment->worker;
    if (!worker->job) {
        lambda__environment_end_here(environment);
        return false;
    }
    /* Who posted it may have left before it began. */
    bool left = atomic_load_explicit(&worker->reply, memory_order_acquire) >= LEAVING;
    worker->refused = thread == NULL;
    if (thread && !left) worker->job(environment, thread);
    if (reply(worker)) return true;
    atomic_store_explicit(&environment->state, LAMBDA__ENDED, memory_order_release);
    lambda__pool *pool = atomic_load_explicit(&environment->version->pool, memory_order_acquire);
    pthread_mutex_lock(&pool->mutex);
    lambda__pool_unlink(environment);
    pthread_mutex_unlock(&pool->mutex);
    environment->shutdown_reason = LAMBDA_SHUTDOWN_TIMEOUT;
    lambda__environment_end_here(environment);
    return false;
}

static void sleep_until_posted(lambda__base *base, lambda__worker *worker)
{
    if (lambda__spin(base, &worker->request, NONE)) return;
    uint32_t none = NONE;
    if (!atomic_compare_exchange_strong_explicit(&worker->request, &none, ASLEEP, memory_order_acq_rel,
                                                 memory_order_acquire))
        return;
    while (atomic_load_explicit(&worker->request, memory_order_acquire) == ASLEEP)
        lambda__platform_wait(&worker->request, ASLEEP, UINT64_MAX);
}

/** The library's own thread: as long as the environment lives. */
static void live(void *user)
{
    lambda__environment *environment = user;
    lambda__worker *worker = environment->worker;
    lambda__base *base = &environment->lambda->base;
    lambda__thread *thread = lambda__thread_get(base);
    if (thread) atomic_store_explicit(&thread->working, 1, memory_order_release);
    do {
        sleep_until_posted(base, worker);
        atomic_store_explicit(&worker->request, NONE, memory_order_relaxed);
    } while (perform(environment, thread));
    if (thread) atomic_store_explicit(&thread->working, 0, memory_order_release);
    lambda__work_end(base);
}

/** On a host's executor: one job. */
static void step(void *user)
{
    lambda__environment *environment = user;
    lambda__base *base = &environment->lambda->base;
    lambda__thread *thread = lambda__thread_get(base);
    const lambda__chain *outer = thread ? thread->chain : NULL;
    if (thread) atomic_fetch_add_explicit(&thread->working, 1, memory_order_acq_rel);
    perform(environment, thread);
    if (thread) {
        thread->chain = outer;
        atomic_fetch_sub_explicit(&thread->working, 1, memory_order_acq_rel);
    }
    lambda__work_end(base);
}

lambda_status lambda__worker_post(lambda__environment *environment, lambda__worker_job *job)
{
    lambda__worker *worker = environment->worker;
    lambda__base *base = &environment->lambda->base;
    worker->job = job;
    atomic_store_explicit(&worker->deadline, UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&worker->reply, PENDING, memory_order_relaxed);
    if (base->executor.kind == LAMBDA_EXECUTOR_HOST) return lambda__work_start(base, step, environment);
    if (LAMBDA__UNLIKELY(!worker->started)) {
        atomic_store_explicit(&worker->request, POSTED, memory_order_relaxed);
        worker->started = true;
        lambda_status status = lambda__work_start(base, live, environment);
        if (status != LAMBDA_OK) worker->started = false;
        return status;
    }
    if (atomic_exchange_explicit(&worker->request, POSTED, memory_order_acq_rel) == ASLEEP)
        lambda__platform_wake(&worker->request);
    return LAMBDA_OK;
}

bool lambda__worker_wait(lambda__environment *environment)
{
    lambda__worker *worker = environment->worker;
    lambda__base *base = &environment->lambda->base;
    if (!base->executor.help && lambda__spin(base, &worker->reply, PENDING)) return true;
    uint32_t state = PENDING;
    if (!atomic_compare_exchange_strong_explicit(&worker->reply, &state, WAITER_ASLEEP, memory_order_acq_rel,
                                                 memory_order_acquire))
        return true;
    /* The deadline stands from when the job begins; until then nobody waits longer than the job itself may take. */
    uint64_t latest = lambda__now(base) + environment->timeout_ns;
    for (;;) {
        /* Init may end any time from now on, and the handler's deadline is then before init's: looked at again before it can be over. */
        uint64_t soonest = lambda__now(base) + environment->timeout_ns;
        uint64_t deadline = atomic_load_explicit(&worker->deadline, memory_order_acquire);
        uint64_t until = deadline == UINT64_MAX ? latest : deadline;
        if (deadline != UINT64_MAX && soonest < until) until = soonest;
        if (lambda__wait(base, &worker->reply, WAITER_ASLEEP, until)) return true;
        /* From init to invocation the deadline moves on. */
        deadline = atomic_load_explicit(&worker->deadline, memory_order_acquire);
        if (deadline != UINT64_MAX && deadline > until) continue;
        state = WAITER_ASLEEP;
        return !atomic_compare_exchange_strong_explicit(&worker->reply, &state, LEAVING, memory_order_acq_rel,
                                                        memory_order_acquire);
    }
}

void lambda__worker_leave(lambda__environment *environment)
{
    _Atomic uint32_t *word = &environment->worker->reply;
    atomic_store_explicit(word, LEFT, memory_order_release);
    lambda__platform_wake(word); /* only an address by now */
}

void lambda__worker_end(lambda__environment *environment)
{
    /* A thread that was never started cannot be told; and where none is to be had the hook runs here. */
    bool own = environment->lambda->base.executor.kind == LAMBDA_EXECUTOR_THREADS;
    bool posted = (!own || environment->worker->started) && lambda__worker_post(environment, NULL) == LAMBDA_OK;
    if (!posted) lambda__environment_end_here(environment);
}
