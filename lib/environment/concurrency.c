/* A function's own concurrency: reserving it, its loops, and the account's settings. */
#include "environment/pool.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** The function that the name leads to, with a reference. No qualifier is allowed. */
static lambda_status hold(lambda_t *lambda, const char *function_name, lambda__function **function)
{
    *function = NULL;
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    lambda__name name;
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    if (name.qualifier) return lambda__name_qualified(lambda);
    return lambda__function_hold(lambda, &name, function);
}

lambda_status lambda__function_hold(lambda_t *lambda, const lambda__name *name, lambda__function **function)
{
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (!thread) return lambda__out_of_memory(&lambda->base);
    lambda__read_begin(thread);
    lambda__function *found = lambda__registry_find(lambda, name->function, name->function_length);
    if (found) *function = lambda__function_retain(found);
    lambda__read_end(thread);
    return found ? LAMBDA_OK : lambda__function_missing(lambda, name);
}

lambda__concurrency *lambda__concurrency_make(lambda_t *lambda, lambda__function *function)
{
    lambda__concurrency *own = lambda__concurrency_of(function);
    if (own) return own;
    own = lambda__allocate_zeroed(&lambda->base, sizeof(*own));
    if (!own) return NULL;
    own->permits.reserved = true;
    atomic_store_explicit(&function->concurrency, own, memory_order_release);
    return own;
}

void lambda__concurrency_apply(lambda_t *lambda, lambda__concurrency *own, uint32_t share_before)
{
    lambda__environments *environments = lambda->environments;
    environments->set_aside = environments->set_aside - share_before + lambda__concurrency_share(own);
    lambda__permits_limit(environments->account, lambda->limits.concurrent_executions - environments->set_aside);
    if (own->reserved) lambda__permits_limit(&own->permits, own->reserved_count - own->provisioned);
}

lambda_status lambda__concurrency_reserve(lambda_t *lambda, lambda__function *function, uint32_t wanted, bool keep)
{
    lambda__environments *environments = lambda->environments;
    lambda__concurrency *own = lambda__concurrency_make(lambda, function);
    if (!own) return lambda__out_of_memory(&lambda->base);
    uint32_t share = lambda__concurrency_share(own);
    uint32_t others = environments->set_aside - share;
    uint32_t most = lambda->limits.concurrent_executions - lambda->limits.unreserved_concurrent_executions;
    /* Lowering what is set aside is always allowed. */
    if (wanted > share && (others > most || wanted > most - others))
        return lambda__fail(&lambda->base, INVALID,
                            "reserved_concurrent_executions: Specified ReservedConcurrentExecutions for function "
                            "decreases account's UnreservedConcurrentExecution below "
                            "its minimum value of [%u].",
                            lambda->limits.unreserved_concurrent_executions);
    if (wanted < own->provisioned)
        return lambda__fail(
            &lambda->base, INVALID,
            "reserved_concurrent_executions: %u are less than the function's provisioned concurrency of %u", wanted,
            own->provisioned);
    if (!lambda__permits_prepare(lambda, function, environments->account, &own->permits))
        return lambda__out_of_memory(&lambda->base);
    const lambda__concurrency_change change = {.reserved = true, .reserved_count = wanted};
    lambda_status status = keep ? lambda__concurrency_keep(lambda, function, &change) : LAMBDA_OK;
    if (status != LAMBDA_OK) return status;
    if (!own->reserved) lambda__permits_move(lambda, function, environments->account, &own->permits);
    own->reserved = true;
    own->reserved_count = wanted;
    lambda__concurrency_apply(lambda, own, share);
    return LAMBDA_OK;
}

/** Of changes that are kept. */
static void lock(lambda_t *lambda)
{
    lambda__registry_lock(lambda);
    pthread_mutex_lock(&lambda->environments->mutex);
}

static void unlock(lambda_t *lambda)
{
    pthread_mutex_unlock(&lambda->environments->mutex);
    lambda__registry_unlock(lambda);
}

lambda_status lambda_function_concurrency_put(lambda_t *lambda, const char *function_name,
                                              uint32_t reserved_concurrent_executions)
{
    lambda__function *function = NULL;
    lambda_status status = hold(lambda, function_name, &function);
    if (status != LAMBDA_OK) return status;
    lock(lambda);
    status = lambda__concurrency_reserve(lambda, function, reserved_concurrent_executions, true);
    unlock(lambda);
    lambda__environments_freed(lambda->environments);
    lambda__function_release(lambda, function);
    return status;
}

lambda_status lambda_function_concurrency_get(lambda_t *lambda, const char *function_name, bool *reserved,
                                              uint32_t *reserved_concurrent_executions)
{
    lambda__function *function = NULL;
    if (!reserved || !reserved_concurrent_executions)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL",
                            reserved ? "reserved_concurrent_executions" : "reserved");
    lambda_status status = hold(lambda, function_name, &function);
    if (status != LAMBDA_OK) return status;
    pthread_mutex_lock(&lambda->environments->mutex);
    const lambda__concurrency *own = lambda__concurrency_of(function);
    *reserved = own && own->reserved;
    *reserved_concurrent_executions = own ? own->reserved_count : 0;
    pthread_mutex_unlock(&lambda->environments->mutex);
    lambda__function_release(lambda, function);
    return LAMBDA_OK;
}

/** Under the mutex. False when memory is out. */
static bool unreserve(lambda_t *lambda, const lambda__function *function, lambda__concurrency *own)
{
    if (!own->reserved) return true;
    uint32_t share = lambda__concurrency_share(own);
    if (!lambda__permits_move(lambda, function, &own->permits, lambda->environments->account)) return false;
    own->reserved = false;
    own->reserved_count = 0;
    lambda__concurrency_apply(lambda, own, share);
    return true;
}

/** Under both locks: as unreserve, once that is kept. */
static lambda_status give_back(lambda_t *lambda, lambda__function *function)
{
    lambda__concurrency *own = lambda__concurrency_of(function);
    const lambda__concurrency_change change = {.reserved = false};
    if (!own || !own->reserved) return LAMBDA_OK;
    if (!lambda__permits_prepare(lambda, function, &own->permits, lambda->environments->account))
        return lambda__out_of_memory(&lambda->base);
    lambda_status status = lambda__concurrency_keep(lambda, function, &change);
    if (status == LAMBDA_OK) unreserve(lambda, function, own);
    return status;
}

lambda_status lambda_function_concurrency_delete(lambda_t *lambda, const char *function_name)
{
    lambda__function *function = NULL;
    lambda_status status = hold(lambda, function_name, &function);
    if (status != LAMBDA_OK) return status;
    lock(lambda);
    status = give_back(lambda, function);
    unlock(lambda);
    lambda__environments_freed(lambda->environments);
    lambda__function_release(lambda, function);
    return status;
}

void lambda__function_retired(lambda_t *lambda, lambda__function *function)
{
    lambda__concurrency *own = lambda__concurrency_of(function);
    if (!own) return;
    pthread_mutex_lock(&lambda->environments->mutex);
    while (own->provisions)
        lambda__provision_remove(lambda, own, own->provisions);
    /* Without memory to move them, those that still run end with the permits they have. */
    if (!unreserve(lambda, function, own)) {
        uint32_t share = lambda__concurrency_share(own);
        own->reserved = false;
        own->reserved_count = 0;
        lambda__concurrency_apply(lambda, own, share);
    }
    pthread_mutex_unlock(&lambda->environments->mutex);
    lambda__provisioned_settle(lambda, function);
    lambda__environments_freed(lambda->environments);
}

void lambda__function_freed(lambda_t *lambda, lambda__function *function)
{
    lambda__concurrency *own = lambda__concurrency_of(function);
    /* Who held the function while it was deleted may have given it some again. */
    pthread_mutex_lock(&lambda->environments->mutex);
    while (own->provisions)
        lambda__provision_remove(lambda, own, own->provisions);
    (void)unreserve(lambda, function, own);
    pthread_mutex_unlock(&lambda->environments->mutex);
    lambda__release(&lambda->base, own->permits.holders);
    lambda__release(&lambda->base, own->versions);
    lambda__release(&lambda->base, own);
}

/* ---- loops */

lambda_status lambda_function_recursion_config_put(lambda_t *lambda, const char *function_name,
                                                   lambda_recursive_loop recursive_loop)
{
    lambda__function *function = NULL;
    if ((unsigned)recursive_loop > LAMBDA_RECURSIVE_LOOP_ALLOW)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "recursive_loop: %d is none", (int)recursive_loop);
    lambda_status status = hold(lambda, function_name, &function);
    if (status != LAMBDA_OK) return status;
    bool allowed = recursive_loop == LAMBDA_RECURSIVE_LOOP_ALLOW;
    lambda__registry_lock(lambda);
    status = lambda__function_keep(lambda, function, allowed, NULL);
    if (status == LAMBDA_OK) atomic_store_explicit(&function->loops_allowed, allowed, memory_order_relaxed);
    lambda__registry_unlock(lambda);
    lambda__function_release(lambda, function);
    return status;
}

lambda_status lambda_function_recursion_config_get(lambda_t *lambda, const char *function_name,
                                                   lambda_recursive_loop *recursive_loop)
{
    lambda__function *function = NULL;
    if (!recursive_loop) return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "recursive_loop: is NULL");
    lambda_status status = hold(lambda, function_name, &function);
    if (status != LAMBDA_OK) return status;
    bool allowed = atomic_load_explicit(&function->loops_allowed, memory_order_relaxed);
    *recursive_loop = allowed ? LAMBDA_RECURSIVE_LOOP_ALLOW : LAMBDA_RECURSIVE_LOOP_TERMINATE;
    lambda__function_release(lambda, function);
    return LAMBDA_OK;
}

/* ---- the account */

lambda_status lambda_account_settings_get_sized(lambda_t *lambda, lambda_account_settings *settings, size_t size)
{
    if (!lambda || !settings)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "settings" : "lambda");
    lambda_account_settings now = {.concurrent_executions = lambda->limits.concurrent_executions,
                                   .code_storage = lambda->limits.code_storage};
    lambda__registry_usage(lambda, &now.function_count, &now.code_size);
    pthread_mutex_lock(&lambda->environments->mutex);
    now.unreserved_concurrent_executions = now.concurrent_executions - lambda->environments->set_aside;
    pthread_mutex_unlock(&lambda->environments->mutex);
    memset(settings, 0, size);
    memcpy(settings, &now, size < sizeof(now) ? size : sizeof(now));
    return LAMBDA_OK;
}
