/* Taking environments from a version's pool, giving them back, and ending them. */
#include "environment/pool.h"

#include "base/error.h"
#include "base/memory.h"
#include "environment/worker.h"

lambda__pool *lambda__pool_of(lambda_t *lambda, lambda__version *version)
{
    void *present = atomic_load_explicit(&version->pool, memory_order_acquire);
    if (present) return present;
    lambda__pool *made = lambda__allocate_zeroed(&lambda->base, sizeof(*made));
    if (!made) return NULL;
    made->version = version;
    if (pthread_mutex_init(&made->mutex, NULL) != 0) {
        lambda__release(&lambda->base, made);
        return NULL;
    }
    if (atomic_compare_exchange_strong_explicit(&version->pool, &present, made, memory_order_seq_cst,
                                                memory_order_acquire))
        return made;
    pthread_mutex_destroy(&made->mutex);
    lambda__release(&lambda->base, made);
    return present;
}

void lambda__pool_list(lambda__environments *environments, lambda__pool *pool)
{
    if (pool->listed) return;
    pool->listed = true;
    pool->next = environments->pools;
    pool->link = &environments->pools;
    if (pool->next) pool->next->link = &pool->next;
    environments->pools = pool;
}

void lambda__pool_unlist(lambda__pool *pool)
{
    if (!pool->listed) return;
    *pool->link = pool->next;
    if (pool->next) pool->next->link = pool->link;
    pool->listed = false;
}

static void pool_link(lambda__pool *pool, lambda__environment *environment)
{
    environment->next = pool->first;
    environment->link = &pool->first;
    if (pool->first) pool->first->link = &environment->next;
    pool->first = environment;
}

void lambda__pool_unlink(lambda__environment *environment)
{
    if (!environment->link) return; /* it never joined */
    *environment->link = environment->next;
    if (environment->next) environment->next->link = environment->link;
    environment->link = NULL;
    environment->next = NULL;
}

bool lambda__pool_join(lambda__pool *pool, lambda__environment *environment)
{
    lambda_t *lambda = environment->lambda;
    lambda__environments *environments = lambda->environments;
    uint64_t released = atomic_load_explicit(&environment->released, memory_order_relaxed);
    pthread_mutex_lock(&environments->mutex);
    pthread_mutex_lock(&pool->mutex);
    /* Pairs with version_retired: one of the two sees what the other wrote first, the pool or the mark. */
    bool open = !pool->closed && !atomic_load_explicit(&pool->version->retired, memory_order_seq_cst) &&
                !atomic_load_explicit(&environments->closing, memory_order_acquire);
    if (open) {
        pool_link(pool, environment);
        lambda__pool_list(environments, pool);
    }
    pthread_mutex_unlock(&pool->mutex);
    pthread_mutex_unlock(&environments->mutex);
    bool sweeps = environments->idle_timeout_ns != UINT64_MAX;
    if (open && sweeps && !atomic_exchange_explicit(&environments->sweeping, true, memory_order_acq_rel))
        lambda__agenda_schedule(&lambda->base, &environments->sweep, released + environments->idle_timeout_ns);
    return open;
}

/** The idle environment that was given back last, provisioned ones first, now busy; NULL if none is idle. Under the mutex. */
static lambda__environment *take_idle(lambda__pool *pool, bool *bare, uint32_t *idle)
{
    for (;;) {
        lambda__environment *best = NULL;
        uint32_t best_state = 0;
        uint64_t best_time = 0;
        *idle = 0;
        for (lambda__environment *each = pool->first; each; each = each->next) {
            /* Acquire, so that `released` is that of the time when it became idle. */
            uint32_t state = atomic_load_explicit(&each->state, memory_order_acquire);
            if (state != LAMBDA__IDLE && state != LAMBDA__BARE) continue;
            ++*idle;
            uint64_t time = atomic_load_explicit(&each->released, memory_order_relaxed) >> 1;
            if (atomic_load_explicit(&each->provisioned, memory_order_relaxed)) time |= UINT64_C(1) << 63;
            if (best && time <= best_time) continue;
            best = each;
            best_state = state;
            best_time = time;
        }
        if (!best) return NULL;
        *bare = best_state == LAMBDA__BARE;
        if (atomic_compare_exchange_strong_explicit(&best->state, &best_state, LAMBDA__BUSY, memory_order_acquire,
                                                    memory_order_relaxed))
            return best;
    }
}

/**
 * The rate at which a function may scale up: so many environments at once, and the same number again in ten seconds. Kept as
 * the time at which the last one would have started at an even pace. Says whether another may start; takes it with `take`.
 */
static bool scaling_admits(lambda_t *lambda, lambda__function *function, uint64_t now, bool take)
{
    const uint64_t window = UINT64_C(10000000000);
    uint64_t pace = window / lambda->limits.scaling_rate;
    uint64_t paced = atomic_load_explicit(&function->scaling, memory_order_relaxed);
    uint64_t next;
    do {
        next = (paced > now ? paced : now) + pace;
        if (next - now > window) return false;
        if (!take) return true;
    } while (!atomic_compare_exchange_weak_explicit(&function->scaling, &paced, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static lambda_status throttle_by_rate(lambda_t *lambda, const lambda__function *function, lambda__thread *thread)
{
    const lambda__concurrency *own = lambda__concurrency_of(function);
    return lambda__throttle(lambda, thread,
                            own && own->reserved ? "ReservedFunctionInvocationRateLimitExceeded"
                                                 : "FunctionInvocationRateLimitExceeded",
                            "the function starts environments faster than its scaling rate");
}

/** A new environment with a permit, in the pool; NULL with LAMBDA_OK if the pool is closed. */
static lambda_status start(lambda_t *lambda, lambda__version *version, lambda__pool *pool, lambda__thread *thread,
                           lambda__environment **started)
{
    lambda__function *function = version->function;
    lambda_status ready = lambda__version_ready(lambda, version);
    if (ready != LAMBDA_OK) return ready;
    /* Before a permit is taken, perhaps from an idle environment: a refusal takes nothing, and frees nothing. */
    if (!scaling_admits(lambda, function, lambda__now(&lambda->base), false))
        return throttle_by_rate(lambda, function, thread);
    lambda__environment *environment = lambda__environment_new(lambda, version, thread);
    if (!environment) return lambda__out_of_memory(&lambda->base);
    lambda_status status = lambda__permit_take(environment, thread);
    bool permitted = status == LAMBDA_OK;
    if (permitted && !scaling_admits(lambda, function, environment->released, true))
        status = throttle_by_rate(lambda, function, thread);
    if (status == LAMBDA_OK && lambda__pool_join(pool, environment)) {
        lambda__counter_add(thread, LAMBDA__COUNT_STARTED);
        *started = environment;
        return LAMBDA_OK;
    }
    if (permitted) {
        pthread_mutex_lock(&lambda->environments->mutex);
        lambda__permit_drop(environment);
        pthread_mutex_unlock(&lambda->environments->mutex);
        lambda__environments_freed(lambda->environments);
    }
    lambda__environment_free(environment);
    return status;
}

/** Has so many idle environments started that the function's spare ones are there for the next who ask. */
static void top_up(lambda_t *lambda, lambda__pool *pool, uint32_t idle)
{
    uint32_t spare = pool->version->settings->spare_environments;
    lambda__environments *environments = lambda->environments;
    if (LAMBDA__LIKELY(spare == 0)) return;
    pthread_mutex_lock(&environments->mutex);
    while (idle + pool->starting_spare < spare && lambda__ahead_add(lambda, pool, false))
        ;
    pthread_mutex_unlock(&environments->mutex);
    lambda__ahead_go(lambda);
}

lambda_status lambda__environment_take(lambda_t *lambda, lambda__version *version, lambda__thread *thread,
                                       lambda__environment **taken, bool *cold)
{
    *taken = NULL;
    *cold = false;
    if (atomic_load_explicit(&lambda->environments->closing, memory_order_acquire))
        return lambda__fail(&lambda->base, LAMBDA_ERROR_SERVICE, "the service is closing");
    lambda__pool *pool = lambda__pool_of(lambda, version);
    if (!pool) return lambda__out_of_memory(&lambda->base);
    bool bare = false;
    uint32_t idle = 0;
    pthread_mutex_lock(&pool->mutex);
    bool closed = pool->closed;
    lambda__environment *environment = closed ? NULL : take_idle(pool, &bare, &idle);
    pthread_mutex_unlock(&pool->mutex);
    if (closed) return LAMBDA_OK;
    lambda_status status = LAMBDA_OK;
    if (!environment) {
        status = start(lambda, version, pool, thread, taken);
        *cold = *taken != NULL;
    } else {
        idle--;
        if (bare) status = lambda__environment_permit(environment, thread);
        if (status == LAMBDA_OK) *taken = environment;
    }
    if (status == LAMBDA_OK) top_up(lambda, pool, idle);
    return status;
}

void lambda__environments_freed(lambda__environments *environments)
{
    if (!atomic_load_explicit(&environments->waiting, memory_order_seq_cst)) return;
    atomic_fetch_add_explicit(&environments->freed, 1, memory_order_seq_cst);
    lambda__platform_wake(&environments->freed);
}

/** An ended environment, out of its pool, shuts down and leaves all else that leads to it but readers in a section. */
static void leave(lambda__environment *environment)
{
    lambda_t *lambda = environment->lambda;
    lambda__environments *environments = lambda->environments;
    lambda__environment_shutdown(environment);
    for (size_t i = 0; i < LAMBDA__WARM_SLOTS; i++) {
        void *self = environment;
        if (atomic_load_explicit(&environment->version->warm[i], memory_order_relaxed) == self)
            atomic_compare_exchange_strong_explicit(&environment->version->warm[i], &self, NULL, memory_order_acq_rel,
                                                    memory_order_relaxed);
    }
    pthread_mutex_lock(&environments->mutex);
    lambda__permit_drop(environment);
    if (atomic_load_explicit(&environment->provisioned, memory_order_relaxed)) lambda__provisioned_lost(environment);
    pthread_mutex_unlock(&environments->mutex);
    lambda__environments_freed(environments);
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (thread) lambda__counter_add(thread, LAMBDA__COUNT_ENDED);
}

void lambda__environment_end_here(lambda__environment *environment)
{
    lambda_t *lambda = environment->lambda;
    leave(environment);
    lambda__grace_wait(&lambda->base);
    lambda__environment_free(environment);
    /* Where it was provisioned another takes its place. */
    lambda__ahead_go(lambda);
}

void lambda__environments_end(lambda_t *lambda, lambda__environment *ended)
{
    lambda__environment *here = NULL;
    lambda__environment *next;
    for (lambda__environment *each = ended; each; each = next) {
        next = each->next;
        if (each->worker) {
            /* It runs nothing any more: its concurrency is free before its worker has come to its end. */
            pthread_mutex_lock(&lambda->environments->mutex);
            lambda__permit_drop(each);
            pthread_mutex_unlock(&lambda->environments->mutex);
            lambda__worker_end(each);
            continue;
        }
        leave(each);
        each->next = here;
        here = each;
    }
    if (here) lambda__grace_wait(&lambda->base);
    for (lambda__environment *each = here; each; each = next) {
        next = each->next;
        lambda__environment_free(each);
    }
    lambda__ahead_go(lambda);
}

static void end(lambda__environment *environment, lambda_shutdown_reason reason)
{
    lambda_t *lambda = environment->lambda;
    lambda__pool *pool = atomic_load_explicit(&environment->version->pool, memory_order_acquire);
    atomic_store_explicit(&environment->state, LAMBDA__ENDED, memory_order_release);
    pthread_mutex_lock(&pool->mutex);
    /* Whoever doomed it has said why. */
    if (environment->shutdown_reason == LAMBDA_SHUTDOWN_NONE) environment->shutdown_reason = reason;
    lambda__pool_unlink(environment);
    pthread_mutex_unlock(&pool->mutex);
    environment->next = NULL;
    lambda__environments_end(lambda, environment);
}

/** A surplus environment becomes bare; false if it was doomed meanwhile. */
static bool give_surplus(lambda__environment *environment)
{
    lambda__environments *environments = environment->lambda->environments;
    uint32_t surplus = LAMBDA__SURPLUS;
    pthread_mutex_lock(&environments->mutex);
    lambda__permit_drop(environment);
    bool kept = atomic_compare_exchange_strong_explicit(&environment->state, &surplus, LAMBDA__BARE,
                                                        memory_order_seq_cst, memory_order_relaxed);
    pthread_mutex_unlock(&environments->mutex);
    return kept;
}

void lambda__environment_give_slow(lambda__environment *environment, lambda__thread *thread,
                                   const lambda_shutdown_reason *reason)
{
    lambda__version *version = environment->version;
    lambda__environments *environments = environment->lambda->environments;
    if (reason) {
        end(environment, *reason);
        return;
    }
    uint32_t busy = LAMBDA__BUSY;
    /* While it is busy it cannot end, so what is stored here is taken away again when it does. */
    atomic_store_explicit(&version->warm[thread->number % LAMBDA__WARM_SLOTS], environment, memory_order_release);
    bool kept = atomic_compare_exchange_strong_explicit(&environment->state, &busy, LAMBDA__IDLE, memory_order_seq_cst,
                                                        memory_order_relaxed);
    if (!kept && busy == LAMBDA__SURPLUS) kept = give_surplus(environment);
    if (kept)
        lambda__environments_freed(environments);
    else
        end(environment, LAMBDA_SHUTDOWN_UPDATE);
}

bool lambda__environment_retire(lambda__environment *environment, lambda_shutdown_reason reason)
{
    uint32_t state = atomic_load_explicit(&environment->state, memory_order_relaxed);
    for (;;) {
        bool idle = state == LAMBDA__IDLE || state == LAMBDA__BARE;
        if (!idle && state != LAMBDA__BUSY && state != LAMBDA__SURPLUS) return false;
        if (!atomic_compare_exchange_weak_explicit(&environment->state, &state, idle ? LAMBDA__ENDED : LAMBDA__DOOMED,
                                                   memory_order_acq_rel, memory_order_relaxed))
            continue;
        environment->shutdown_reason = reason;
        return idle;
    }
}

static void version_retired(lambda_t *lambda, lambda__version *version)
{
    /* Where there is no pool yet, none will get an environment: joining sees that the version is retired. */
    lambda__pool *pool = atomic_load_explicit(&version->pool, memory_order_seq_cst);
    if (!pool) return;
    bool closing = atomic_load_explicit(&lambda->environments->closing, memory_order_acquire);
    lambda__environment *ended = NULL;
    lambda__environment *next;
    pthread_mutex_lock(&pool->mutex);
    pool->closed = true;
    for (lambda__environment *each = pool->first; each; each = next) {
        next = each->next;
        if (!lambda__environment_retire(each, closing ? LAMBDA_SHUTDOWN_CLOSE : LAMBDA_SHUTDOWN_UPDATE)) continue;
        lambda__pool_unlink(each);
        each->next = ended;
        ended = each;
    }
    pthread_mutex_unlock(&pool->mutex);
    lambda__environments_end(lambda, ended);
}

static void version_freed(lambda_t *lambda, lambda__version *version)
{
    lambda__pool *pool = atomic_load_explicit(&version->pool, memory_order_acquire);
    if (!pool) return;
    pthread_mutex_lock(&lambda->environments->mutex);
    lambda__pool_unlist(pool);
    pthread_mutex_unlock(&lambda->environments->mutex);
    pthread_mutex_destroy(&pool->mutex);
    lambda__release(&lambda->base, pool);
}

void lambda__environments_port(lambda__registry_port *port)
{
    port->version_retired = version_retired;
    port->version_freed = version_freed;
    port->function_changed = lambda__function_changed;
    port->qualifier_deleted = lambda__qualifier_deleted;
    port->function_retired = lambda__function_retired;
    port->function_freed = lambda__function_freed;
    port->concurrency_describe = lambda__concurrency_describe;
    port->concurrency_restore = lambda__concurrency_restore;
}
