/*
 * Permits: as many as a limit says, each with an environment or free. `holders` is packed. An environment in it is not freed
 * before it has left it.
 */
#include "base/error.h"
#include "base/memory.h"
#include "environment/pool.h"

/** The permits that bound the environment: its function's own, or the account's. */
static lambda__permits *permits_of(const lambda__environment *environment)
{
    lambda__concurrency *own = lambda__concurrency_of(environment->version->function);
    return own && own->reserved ? &own->permits : environment->lambda->environments->account;
}

static bool permit_add(lambda__permits *permits, lambda__environment *environment)
{
    if (!lambda__array_reserve(&environment->lambda->base, (void **)&permits->holders, &permits->capacity,
                               permits->count, sizeof(*permits->holders)))
        return false;
    environment->permits = permits;
    environment->permit = (uint32_t)permits->count;
    permits->holders[permits->count++] = environment;
    return true;
}

void lambda__permit_drop(lambda__environment *environment)
{
    lambda__permits *permits = environment->permits;
    if (!permits) return;
    lambda__environment *last = permits->holders[--permits->count];
    permits->holders[environment->permit] = last;
    last->permit = environment->permit;
    environment->permits = NULL;
}

/** Takes the permit of an idle environment, looking from `start` on. */
static bool take_from_idle(lambda__permits *permits, size_t start)
{
    for (size_t i = 0; i < permits->count; i++) {
        size_t at = start + i < permits->count ? start + i : start + i - permits->count;
        uint32_t idle = LAMBDA__IDLE;
        if (!atomic_compare_exchange_strong_explicit(&permits->holders[at]->state, &idle, LAMBDA__BARE,
                                                     memory_order_acq_rel, memory_order_relaxed))
            continue;
        lambda__permit_drop(permits->holders[at]);
        return true;
    }
    return false;
}

lambda_status lambda__throttle(lambda_t *lambda, lambda__thread *thread, const char *reason, const char *message)
{
    thread->throttle_reason = reason;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_TOO_MANY_REQUESTS, "Rate Exceeded: %s (%s)", message, reason);
}

lambda_status lambda__permit_take(lambda__environment *environment, lambda__thread *thread)
{
    lambda_t *lambda = environment->lambda;
    lambda__environments *environments = lambda->environments;
    bool complete = true;
    pthread_mutex_lock(&environments->mutex);
    lambda__permits *permits = permits_of(environment);
    bool room = true;
    while (room && permits->count >= permits->limit)
        room = take_from_idle(permits, thread->permit < permits->count ? thread->permit : 0);
    if (room) complete = permit_add(permits, environment);
    if (room && complete) thread->permit = environment->permit;
    bool reserved = permits->reserved;
    pthread_mutex_unlock(&environments->mutex);
    if (!complete) return lambda__out_of_memory(&lambda->base);
    if (room) return LAMBDA_OK;
    return reserved ? lambda__throttle(lambda, thread, "ReservedFunctionConcurrentInvocationLimitExceeded",
                                       "all of the function's reserved concurrency is in use")
                    : lambda__throttle(lambda, thread, "ConcurrentInvocationLimitExceeded",
                                       "all concurrent executions of the account that are not reserved are in use");
}

void lambda__permits_limit(lambda__permits *permits, uint32_t limit)
{
    permits->limit = limit;
    while (permits->count > limit && take_from_idle(permits, 0))
        ;
    size_t staying = 0;
    for (size_t i = 0; i < permits->count && permits->count > limit; i++) {
        lambda__environment *holder = permits->holders[i];
        uint32_t state = LAMBDA__BUSY;
        if (staying < limit) {
            uint32_t now = atomic_load_explicit(&holder->state, memory_order_relaxed);
            staying += now == LAMBDA__BUSY || now == LAMBDA__IDLE;
            continue;
        }
        if (atomic_compare_exchange_strong_explicit(&holder->state, &state, LAMBDA__SURPLUS, memory_order_acq_rel,
                                                    memory_order_relaxed))
            continue;
        state = LAMBDA__IDLE;
        if (!atomic_compare_exchange_strong_explicit(&holder->state, &state, LAMBDA__BARE, memory_order_acq_rel,
                                                     memory_order_relaxed)) {
            /* Taken again between the two looks: look once more. Doomed, surplus and ended ones leave by themselves. */
            i -= state == LAMBDA__BUSY;
            continue;
        }
        lambda__permit_drop(holder);
        i--;
    }
}

bool lambda__permits_prepare(lambda_t *lambda, const lambda__function *function, const lambda__permits *from,
                             lambda__permits *to)
{
    size_t more = 0;
    for (size_t i = 0; i < from->count; i++)
        more += from->holders[i]->version->function == function;
    while (to->capacity < to->count + more)
        if (!lambda__array_reserve(&lambda->base, (void **)&to->holders, &to->capacity, to->capacity,
                                   sizeof(*to->holders)))
            return false;
    return true;
}

bool lambda__permits_move(lambda_t *lambda, const lambda__function *function, lambda__permits *from,
                          lambda__permits *to)
{
    if (!lambda__permits_prepare(lambda, function, from, to)) return false;
    for (size_t i = from->count; i-- > 0;) {
        lambda__environment *holder = from->holders[i];
        if (holder->version->function != function) continue;
        lambda__permit_drop(holder);
        holder->permits = to;
        holder->permit = (uint32_t)to->count;
        to->holders[to->count++] = holder;
    }
    return true;
}

bool lambda__permit_join(lambda__environment *environment)
{
    return environment->permits || permit_add(permits_of(environment), environment);
}

lambda_status lambda__environment_permit(lambda__environment *environment, lambda__thread *thread)
{
    lambda_status status = lambda__permit_take(environment, thread);
    if (status == LAMBDA_OK) return LAMBDA_OK;
    uint32_t busy = LAMBDA__BUSY;
    /* Bare again, unless it was doomed meanwhile. */
    if (!atomic_compare_exchange_strong_explicit(&environment->state, &busy, LAMBDA__BARE, memory_order_release,
                                                 memory_order_relaxed))
        lambda__environment_end(environment, thread, LAMBDA_SHUTDOWN_UPDATE);
    return status;
}
