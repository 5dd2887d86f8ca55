/*
 * A version's environments. The pool's mutex guards the list and `closed`; the environments' own states decide who
 * has them. Locks are taken in this order: pool, then permits. No hook runs under either.
 */
#include "base/error.h"
#include "base/memory.h"
#include "environment/environment.h"

typedef struct pool {
    pthread_mutex_t mutex;
    lambda__environment *first;
    bool closed; /* the version is retired: no environment joins any more */
} pool;

/** The version's pool, made at its first use; NULL when memory is out. */
static pool *pool_of(lambda_t *lambda, lambda__version *version)
{
    void *present = atomic_load_explicit(&version->pool, memory_order_acquire);
    if (present) return present;
    pool *made = lambda__allocate_zeroed(&lambda->base, sizeof(*made));
    if (!made) return NULL;
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

static void pool_link(pool *environments, lambda__environment *environment)
{
    environment->next = environments->first;
    environment->link = &environments->first;
    if (environments->first) environments->first->link = &environment->next;
    environments->first = environment;
}

static void pool_unlink(lambda__environment *environment)
{
    *environment->link = environment->next;
    if (environment->next) environment->next->link = environment->link;
}

/** The idle environment that was given back last, now busy; NULL if none is idle. Under the mutex. */
static lambda__environment *take_idle(pool *environments, bool *bare)
{
    for (;;) {
        lambda__environment *best = NULL;
        uint32_t best_state = 0;
        for (lambda__environment *each = environments->first; each; each = each->next) {
            /* Acquire, so that `released` is that of the time when it became idle. */
            uint32_t state = atomic_load_explicit(&each->state, memory_order_acquire);
            if (state != LAMBDA__IDLE && state != LAMBDA__BARE) continue;
            if (best && atomic_load_explicit(&each->released, memory_order_relaxed) <=
                            atomic_load_explicit(&best->released, memory_order_relaxed))
                continue;
            best = each;
            best_state = state;
        }
        if (!best) return NULL;
        *bare = best_state == LAMBDA__BARE;
        if (atomic_compare_exchange_strong_explicit(&best->state, &best_state, LAMBDA__BUSY, memory_order_acquire,
                                                    memory_order_relaxed))
            return best;
    }
}

/** A new environment with a permit, in the pool. */
static lambda_status start(lambda_t *lambda, lambda__version *version, pool *environments, lambda__thread *thread,
                           lambda__environment **started)
{
    lambda__environment *environment = lambda__environment_new(lambda, version, thread);
    if (!environment) return lambda__out_of_memory(&lambda->base);
    lambda_status status = lambda__permit_take(environment, thread);
    if (status != LAMBDA_OK) {
        lambda__environment_free(environment);
        return status;
    }
    /* Pairs with version_retired: one of the two sees what the other wrote first, the pool or the mark. */
    pthread_mutex_lock(&environments->mutex);
    bool closed = environments->closed || atomic_load_explicit(&version->retired, memory_order_seq_cst);
    if (!closed) pool_link(environments, environment);
    pthread_mutex_unlock(&environments->mutex);
    if (closed) {
        lambda__permit_give(environment);
        lambda__environment_free(environment);
        return LAMBDA_OK;
    }
    *started = environment;
    return LAMBDA_OK;
}

lambda_status lambda__environment_take(lambda_t *lambda, lambda__version *version, lambda__thread *thread,
                                       lambda__environment **taken, bool *cold)
{
    *taken = NULL;
    *cold = false;
    pool *environments = pool_of(lambda, version);
    if (!environments) return lambda__out_of_memory(&lambda->base);
    bool bare = false;
    pthread_mutex_lock(&environments->mutex);
    bool closed = environments->closed;
    lambda__environment *environment = closed ? NULL : take_idle(environments, &bare);
    pthread_mutex_unlock(&environments->mutex);
    if (closed) return LAMBDA_OK;
    if (!environment) {
        *cold = true;
        return start(lambda, version, environments, thread, taken);
    }
    lambda_status status = bare ? lambda__environment_permit(environment, thread) : LAMBDA_OK;
    if (status == LAMBDA_OK) *taken = environment;
    return status;
}

/** An ended environment, out of its pool, shuts down and leaves all else that leads to it but readers in a section. */
static void leave(lambda__environment *environment)
{
    lambda__environment_shutdown(environment);
    for (size_t i = 0; i < LAMBDA__WARM_SLOTS; i++) {
        void *self = environment;
        atomic_compare_exchange_strong_explicit(&environment->version->warm[i], &self, NULL, memory_order_acq_rel,
                                                memory_order_relaxed);
    }
    lambda__permit_give(environment);
}

static void wait_for_readers(lambda_t *lambda)
{
    if (!lambda->environments->closing) lambda__grace_wait(&lambda->base);
}

static void end(lambda__environment *environment)
{
    pool *environments = atomic_load_explicit(&environment->version->pool, memory_order_acquire);
    pthread_mutex_lock(&environments->mutex);
    pool_unlink(environment);
    pthread_mutex_unlock(&environments->mutex);
    leave(environment);
    wait_for_readers(environment->lambda);
    lambda__environment_free(environment);
}

void lambda__environment_give_slow(lambda__environment *environment, lambda__thread *thread, bool keep)
{
    lambda__version *version = environment->version;
    uint32_t busy = LAMBDA__BUSY;
    if (keep) {
        /* While it is busy it cannot end, so what is stored here is taken away again when it does. */
        atomic_store_explicit(&version->warm[thread->number % LAMBDA__WARM_SLOTS], environment, memory_order_release);
        if (atomic_compare_exchange_strong_explicit(&environment->state, &busy, LAMBDA__IDLE, memory_order_release,
                                                    memory_order_relaxed))
            return;
    }
    /* Busy or doomed: nobody but its owner ends it from either. */
    atomic_store_explicit(&environment->state, LAMBDA__ENDED, memory_order_release);
    end(environment);
}

/** Moves an environment towards its end; true if it was idle, and is the caller's to shut down. */
static bool retire(lambda__environment *environment)
{
    uint32_t state = atomic_load_explicit(&environment->state, memory_order_relaxed);
    for (;;) {
        bool idle = state == LAMBDA__IDLE || state == LAMBDA__BARE;
        if (!idle && state != LAMBDA__BUSY) return false;
        if (atomic_compare_exchange_weak_explicit(&environment->state, &state, idle ? LAMBDA__ENDED : LAMBDA__DOOMED,
                                                  memory_order_acq_rel, memory_order_relaxed))
            return idle;
    }
}

static void version_retired(lambda_t *lambda, lambda__version *version)
{
    /* Where there is no pool yet, none will get an environment: `start` sees that the version is retired. */
    pool *environments = atomic_load_explicit(&version->pool, memory_order_seq_cst);
    if (!environments) return;
    lambda__environment *ended = NULL;
    lambda__environment *next;
    pthread_mutex_lock(&environments->mutex);
    environments->closed = true;
    for (lambda__environment *each = environments->first; each; each = next) {
        next = each->next;
        if (!retire(each)) continue;
        pool_unlink(each);
        each->next = ended;
        ended = each;
    }
    pthread_mutex_unlock(&environments->mutex);
    if (!ended) return;
    for (lambda__environment *each = ended; each; each = each->next)
        leave(each);
    wait_for_readers(lambda);
    for (lambda__environment *each = ended; each; each = next) {
        next = each->next;
        lambda__environment_free(each);
    }
}

static void version_freed(lambda_t *lambda, lambda__version *version)
{
    pool *environments = atomic_load_explicit(&version->pool, memory_order_acquire);
    if (!environments) return;
    pthread_mutex_destroy(&environments->mutex);
    lambda__release(&lambda->base, environments);
}

void lambda__environments_port(lambda__registry_port *port)
{
    port->version_retired = version_retired;
    port->version_freed = version_freed;
}
