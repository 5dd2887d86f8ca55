/*
 * The account's concurrency: as many permits as the limit says, each with an environment or free.
 * `permits` is packed: those out are its first `permits_count`. An environment in it is not freed before it has left it.
 */
#include "base/memory.h"
#include "environment/environment.h"

/** Takes the permit of an idle environment, beginning where this thread gave one back last. */
static bool take_from_idle(lambda__environments *environments, lambda__environment *environment, size_t start)
{
    size_t count = environments->permits_count;
    for (size_t i = 0; i < count; i++) {
        size_t at = start + i < count ? start + i : start + i - count;
        uint32_t idle = LAMBDA__IDLE;
        lambda__environment *holder = environments->permits[at];
        if (!atomic_compare_exchange_strong_explicit(&holder->state, &idle, LAMBDA__BARE, memory_order_acq_rel,
                                                     memory_order_relaxed))
            continue;
        holder->permit = UINT32_MAX;
        environments->permits[at] = environment;
        environment->permit = (uint32_t)at;
        return true;
    }
    return false;
}

lambda_status lambda__permit_take(lambda__environment *environment, lambda__thread *thread)
{
    lambda_t *lambda = environment->lambda;
    lambda__environments *environments = lambda->environments;
    lambda_status status = LAMBDA_OK;
    pthread_mutex_lock(&environments->permits_mutex);
    size_t count = environments->permits_count;
    if (count < lambda->limits.concurrent_executions) {
        if (lambda__array_reserve(&lambda->base, (void **)&environments->permits, &environments->permits_capacity,
                                  count, sizeof(*environments->permits))) {
            environments->permits[count] = environment;
            environment->permit = (uint32_t)count;
            environments->permits_count++;
        } else {
            status = LAMBDA_ERROR_OUT_OF_MEMORY;
        }
    } else if (!take_from_idle(environments, environment, thread->permit < count ? thread->permit : 0)) {
        status = LAMBDA_ERROR_TOO_MANY_REQUESTS;
    }
    if (status == LAMBDA_OK) thread->permit = environment->permit;
    pthread_mutex_unlock(&environments->permits_mutex);
    if (status == LAMBDA_ERROR_OUT_OF_MEMORY) return lambda__out_of_memory(&lambda->base);
    if (status != LAMBDA_OK) {
        lambda__counter_add(thread, LAMBDA__COUNT_THROTTLES);
        lambda__fail(&lambda->base, status, "Rate Exceeded: all %u concurrent executions of the account are in use",
                     lambda->limits.concurrent_executions);
    }
    return status;
}

void lambda__permit_give(lambda__environment *environment)
{
    lambda__environments *environments = environment->lambda->environments;
    pthread_mutex_lock(&environments->permits_mutex);
    if (environment->permit != UINT32_MAX) {
        lambda__environment *last = environments->permits[--environments->permits_count];
        environments->permits[environment->permit] = last;
        last->permit = environment->permit;
        environment->permit = UINT32_MAX;
    }
    pthread_mutex_unlock(&environments->permits_mutex);
}

lambda_status lambda__environment_permit(lambda__environment *environment, lambda__thread *thread)
{
    lambda_status status = lambda__permit_take(environment, thread);
    if (status == LAMBDA_OK) return LAMBDA_OK;
    uint32_t busy = LAMBDA__BUSY;
    /* Bare again, unless it was doomed meanwhile. */
    if (!atomic_compare_exchange_strong_explicit(&environment->state, &busy, LAMBDA__BARE, memory_order_release,
                                                 memory_order_relaxed))
        lambda__environment_give_slow(environment, thread, false);
    return status;
}
