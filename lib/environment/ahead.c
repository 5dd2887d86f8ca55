/*
 * Environments that are started before anybody asks for them: provisioned ones, and spare ones. Each is a job in one queue; a
 * few pieces of work on the executor take them, or, where there is none, a task takes one at a time in lambda_pump.
 */
#include <stdio.h>

#include "base/error.h"
#include "base/executor.h"
#include "base/memory.h"
#include "environment/pool.h"
#include "environment/worker.h"

#define STARTERS_MAX 4

typedef struct lambda__job {
    struct lambda__job *next;
    lambda__pool *pool;
    lambda__version *version; /* holds a reference, and with it the pool */
    bool provisioned;
} lambda__job;

bool lambda__ahead_add(lambda_t *lambda, lambda__pool *pool, bool provisioned)
{
    lambda__environments *environments = lambda->environments;
    if (atomic_load_explicit(&environments->closing, memory_order_acquire)) return false;
    lambda__job *job = lambda__allocate_zeroed(&lambda->base, sizeof(*job));
    if (!job) return false;
    *job = (lambda__job){.pool = pool, .version = lambda__version_retain(pool->version), .provisioned = provisioned};
    if (provisioned)
        pool->starting_provisioned++;
    else
        pool->starting_spare++;
    *environments->jobs_end = job;
    environments->jobs_end = &job->next;
    atomic_fetch_add_explicit(&environments->jobs_count, 1, memory_order_relaxed);
    return true;
}

static lambda__job *take_job(lambda__environments *environments)
{
    lambda__job *job = environments->jobs;
    if (!job) return NULL;
    environments->jobs = job->next;
    atomic_fetch_sub_explicit(&environments->jobs_count, 1, memory_order_relaxed);
    if (!environments->jobs) environments->jobs_end = &environments->jobs;
    return job;
}

static void free_job(lambda_t *lambda, lambda__job *job)
{
    lambda__version_release(lambda, job->version);
    lambda__release(&lambda->base, job);
}

/**
 * When the init hook's time is over. Nobody's invocation waits: it has 130 seconds, or the function's timeout where that is more,
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
 */
static uint64_t init_until(const lambda__environment *environment)
{
    const uint64_t least = UINT64_C(130000000000);
    uint64_t limit = environment->timeout_ns > least ? environment->timeout_ns : least;
    return lambda__now(&environment->lambda->base) + limit;
}

static void init_on_worker(lambda__environment *environment, lambda__thread *thread)
{
    (void)thread;
    lambda__worker *worker = environment->worker;
    /* Nobody's invocation waits: as long as it takes, https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html */
    atomic_store_explicit(&worker->deadline, UINT64_MAX - 1, memory_order_release);
    lambda__environment_tell_start(environment);
    worker->outcome.status = lambda__environment_init(environment, init_until(environment));
    snprintf(worker->message, sizeof(worker->message), "%s", lambda__error_message(&environment->lambda->base));
}

/** Runs the init hook where the environment's isolation says; `*message` tells why it failed. False: it is not ours any more. */
static bool initialise(lambda__environment *environment, lambda_status *status, const char **message)
{
    lambda__base *base = &environment->lambda->base;
    if (!environment->worker) {
        lambda__environment_tell_start(environment);
        *status = lambda__environment_init(environment, init_until(environment));
        *message = lambda__error_message(base);
        return true;
    }
    *status = lambda__worker_post(environment, init_on_worker);
    *message = lambda__error_message(base);
    if (*status != LAMBDA_OK) return true;
    if (!lambda__worker_wait(environment)) {
        lambda__worker_leave(environment);
        *status = LAMBDA_ERROR_SERVICE;
        *message = "the init hook did not begin in time";
        return false;
    }
    *status = environment->worker->refused ? LAMBDA_ERROR_OUT_OF_MEMORY : environment->worker->outcome.status;
    *message = environment->worker->message;
    return true;
}

/** An initialised environment joins its pool if it is still wanted there. */
static bool join(lambda__environment *environment, const lambda__job *job)
{
    lambda_t *lambda = environment->lambda;
    lambda__environments *environments = lambda->environments;
    lambda__pool *pool = job->pool;
    bool wanted = true;
    pthread_mutex_lock(&environments->mutex);
    if (job->provisioned) {
        wanted = pool->provisioned < pool->provisioned_wanted;
        pool->provisioned += wanted;
        pool->starting_provisioned--;
        atomic_store_explicit(&environment->provisioned, wanted, memory_order_relaxed);
    } else {
        pool->starting_spare--;
    }
    pthread_mutex_unlock(&environments->mutex);
    atomic_store_explicit(&environment->released, lambda__now(&lambda->base), memory_order_relaxed);
    /* From here to idle it is busy: whoever retires the version dooms it. */
    if (!wanted || !lambda__pool_join(pool, environment)) return false;
    uint32_t busy = LAMBDA__BUSY;
    pthread_mutex_lock(&environments->mutex);
    uint32_t ready = job->provisioned && atomic_load_explicit(&environment->provisioned, memory_order_relaxed)
                         ? LAMBDA__IDLE
                         : LAMBDA__BARE;
    if (ready == LAMBDA__BARE) lambda__permit_drop(environment);
    bool kept = atomic_compare_exchange_strong_explicit(&environment->state, &busy, ready, memory_order_seq_cst,
                                                        memory_order_relaxed);
    pthread_mutex_unlock(&environments->mutex);
    if (kept) lambda__environments_freed(environments);
    return kept;
}

static void failed(lambda_t *lambda, const lambda__job *job, const char *message)
{
    pthread_mutex_lock(&lambda->environments->mutex);
    if (job->provisioned) {
        job->pool->starting_provisioned--;
        job->pool->provisioning_failed = true;
        snprintf(job->pool->failure, sizeof(job->pool->failure), "%.110s", message);
    } else {
        job->pool->starting_spare--;
    }
    pthread_mutex_unlock(&lambda->environments->mutex);
}

static void start_one(lambda_t *lambda, lambda__thread *thread, const lambda__job *job)
{
    if (thread && lambda__version_ready(lambda, job->version) != LAMBDA_OK) {
        failed(lambda, job, lambda__error_message(&lambda->base));
        return;
    }
    lambda__environment *environment = thread ? lambda__environment_new(lambda, job->version, thread) : NULL;
    if (!environment) {
        failed(lambda, job, "memory is out");
        return;
    }
    lambda__counter_add(thread, LAMBDA__COUNT_STARTED);
    environment->for_provisioned = job->provisioned;
    const char *message = "";
    lambda_status status = LAMBDA_OK;
    bool ours = initialise(environment, &status, &message);
    if (status == LAMBDA_OK && join(environment, job)) return;
    if (status != LAMBDA_OK) failed(lambda, job, message);
    if (!ours) return;
    /* Failed, or not wanted any more. */
    lambda__environment_end(environment, thread,
                            status == LAMBDA_OK ? LAMBDA_SHUTDOWN_UPDATE : LAMBDA_SHUTDOWN_FAILURE);
}

/** Takes a job and does it; false if there is none. */
static bool take_and_start(lambda_t *lambda)
{
    lambda__environments *environments = lambda->environments;
    pthread_mutex_lock(&environments->mutex);
    lambda__job *job = take_job(environments);
    pthread_mutex_unlock(&environments->mutex);
    if (!job) return false;
    start_one(lambda, lambda__thread_get(&lambda->base), job);
    free_job(lambda, job);
    return true;
}

static void starter(void *user)
{
    lambda_t *lambda = user;
    lambda__environments *environments = lambda->environments;
    bool more = true;
    while (more) {
        while (take_and_start(lambda))
            ;
        /* A job that is added while this one leaves finds the count lowered, or is found here. */
        pthread_mutex_lock(&environments->mutex);
        more = environments->jobs != NULL;
        if (!more) environments->starters--;
        pthread_mutex_unlock(&environments->mutex);
    }
    lambda__work_end(&lambda->base);
}

void lambda__ahead_step(lambda__base *base, lambda__task *task)
{
    lambda_t *lambda = (lambda_t *)base;
    if (!take_and_start(lambda)) return;
    lambda__agenda_schedule(base, task, 0);
}

void lambda__ahead_go(lambda_t *lambda)
{
    lambda__environments *environments = lambda->environments;
    lambda__base *base = &lambda->base;
    if (LAMBDA__LIKELY(atomic_load_explicit(&environments->jobs_count, memory_order_relaxed) == 0)) return;
    pthread_mutex_lock(&environments->mutex);
    uint32_t before = environments->starters;
    uint32_t more = 0;
    if (lambda__executor_present(base))
        for (const lambda__job *job = environments->jobs; job && before + more < STARTERS_MAX; job = job->next)
            more++;
    environments->starters += more;
    bool jobs = environments->jobs != NULL;
    pthread_mutex_unlock(&environments->mutex);
    for (; more > 0; more--) {
        if (lambda__work_start(base, starter, lambda) == LAMBDA_OK) continue;
        pthread_mutex_lock(&environments->mutex);
        environments->starters -= more;
        before = environments->starters;
        pthread_mutex_unlock(&environments->mutex);
        break;
    }
    if (jobs && before == 0 && (more > 0 || !lambda__executor_present(base)))
        lambda__agenda_schedule(base, &environments->starter, 0);
}

void lambda__ahead_clear(lambda_t *lambda)
{
    lambda__environments *environments = lambda->environments;
    for (;;) {
        pthread_mutex_lock(&environments->mutex);
        lambda__job *job = take_job(environments);
        if (job && job->provisioned) job->pool->starting_provisioned--;
        if (job && !job->provisioned) job->pool->starting_spare--;
        pthread_mutex_unlock(&environments->mutex);
        if (!job) return;
        free_job(lambda, job);
    }
}
