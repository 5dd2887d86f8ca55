/* Retiring what has been idle for long. One task for all pools; the warm road knows nothing of it. */
#include "environment/pool.h"

/** Takes the pool's environments out that have been idle since before `before`; `*oldest`: since when the next one is. */
static void sweep_pool(lambda__pool *pool, uint64_t now, uint64_t before, uint64_t *oldest, lambda__environment **ended)
{
    lambda__environment *next;
    for (lambda__environment *each = pool->first; each; each = next) {
        next = each->next;
        if (atomic_load_explicit(&each->provisioned, memory_order_relaxed)) continue;
        uint32_t state = atomic_load_explicit(&each->state, memory_order_acquire);
        bool idle = state == LAMBDA__IDLE || state == LAMBDA__BARE;
        uint64_t since = idle ? atomic_load_explicit(&each->released, memory_order_relaxed) : now;
        if (since > before || !idle) {
            if (since < *oldest) *oldest = since;
            continue;
        }
        if (!atomic_compare_exchange_strong_explicit(&each->state, &state, LAMBDA__ENDED, memory_order_acq_rel,
                                                     memory_order_relaxed)) {
            *oldest = since < *oldest ? since : *oldest;
            continue;
        }
        each->shutdown_reason = LAMBDA_SHUTDOWN_IDLE;
        lambda__pool_unlink(each);
        each->next = *ended;
        *ended = each;
    }
}

void lambda__sweep(lambda__base *base, lambda__task *task)
{
    lambda_t *lambda = (lambda_t *)base;
    lambda__environments *environments = lambda->environments;
    uint64_t timeout = environments->idle_timeout_ns;
    uint64_t now = lambda__now(base);
    uint64_t before = now > timeout ? now - timeout : 0;
    uint64_t oldest = UINT64_MAX;
    lambda__environment *ended = NULL;
    lambda__pool *next;
    pthread_mutex_lock(&environments->mutex);
    for (lambda__pool *pool = environments->pools; pool; pool = next) {
        next = pool->next;
        pthread_mutex_lock(&pool->mutex);
        sweep_pool(pool, now, before, &oldest, &ended);
        if (!pool->first) lambda__pool_unlist(pool);
        pthread_mutex_unlock(&pool->mutex);
    }
    if (oldest == UINT64_MAX) atomic_store_explicit(&environments->sweeping, false, memory_order_release);
    pthread_mutex_unlock(&environments->mutex);
    lambda__environments_end(lambda, ended);
    if (oldest == UINT64_MAX) return;
    /* Where many are released one after the other, some at once are cheaper than each on its own. */
    uint64_t soonest = now + timeout / 64 + 1;
    uint64_t due = oldest + timeout;
    lambda__agenda_schedule(base, task, due > soonest ? due : soonest);
}
