/* A function's own concurrency as it stands in a store: described, written before it changes, and brought back. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "environment/pool.h"

static bool is_changed(const lambda__concurrency_change *change, const char *qualifier)
{
    return change && change->qualifier && strcmp(change->qualifier, qualifier) == 0;
}

static void append(lambda__kept_concurrency *kept, char **at, const char *qualifier, uint32_t requested,
                   uint64_t modified)
{
    size_t size = strlen(qualifier) + 1;
    kept->provisions[kept->count++] = (lambda__kept_provision){*at, requested, modified};
    memcpy(*at, qualifier, size);
    *at += size;
}

/** What the function has, or is about to have. Under the mutex. NULL when memory is out. */
static lambda__kept_concurrency *describe(lambda_t *lambda, const lambda__concurrency *own,
                                          const lambda__concurrency_change *change)
{
    size_t count = 1;
    size_t texts = change && change->qualifier ? strlen(change->qualifier) + 1 : 0;
    for (const lambda__provision *each = own->provisions; each; each = each->next) {
        count++;
        texts += strlen(each->qualifier) + 1;
    }
    lambda__kept_concurrency *kept =
        lambda__allocate(&lambda->base, sizeof(*kept) + count * sizeof(kept->provisions[0]) + texts);
    if (!kept) return NULL;
    char *at = (char *)&kept->provisions[count];
    bool reserved = change ? change->reserved : own->reserved;
    uint32_t reserved_count = change ? change->reserved_count : own->reserved_count;
    *kept = (lambda__kept_concurrency){.reserved = reserved, .reserved_count = reserved_count};
    bool added = !change || !change->qualifier || change->requested == 0;
    for (const lambda__provision *each = own->provisions; each; each = each->next) {
        if (!added && strcmp(change->qualifier, each->qualifier) <= 0) {
            append(kept, &at, change->qualifier, change->requested, change->modified);
            added = true;
        }
        if (!is_changed(change, each->qualifier)) append(kept, &at, each->qualifier, each->requested, each->modified);
    }
    if (!added) append(kept, &at, change->qualifier, change->requested, change->modified);
    return kept;
}

lambda_status lambda__concurrency_keep(lambda_t *lambda, lambda__function *function,
                                       const lambda__concurrency_change *change)
{
    const lambda__concurrency *own = lambda__concurrency_of(function);
    bool loops = atomic_load_explicit(&function->loops_allowed, memory_order_relaxed);
    if (!lambda__registry_keeps(lambda)) return lambda__function_keep(lambda, function, loops, NULL);
    lambda__kept_concurrency *kept = describe(lambda, own, change);
    if (!kept) return lambda__out_of_memory(&lambda->base);
    lambda_status status = lambda__function_keep(lambda, function, loops, kept);
    lambda__release(&lambda->base, kept);
    return status;
}

lambda_status lambda__concurrency_describe(lambda_t *lambda, lambda__function *function,
                                           lambda__kept_concurrency **kept)
{
    const lambda__concurrency *own = lambda__concurrency_of(function);
    *kept = NULL;
    if (!own) return LAMBDA_OK;
    pthread_mutex_lock(&lambda->environments->mutex);
    *kept = describe(lambda, own, NULL);
    pthread_mutex_unlock(&lambda->environments->mutex);
    return *kept ? LAMBDA_OK : lambda__out_of_memory(&lambda->base);
}

lambda_status lambda__concurrency_restore(lambda_t *lambda, lambda__function *function,
                                          const lambda__kept_concurrency *kept)
{
    lambda_status status = LAMBDA_OK;
    pthread_mutex_lock(&lambda->environments->mutex);
    if (kept->reserved) status = lambda__concurrency_reserve(lambda, function, kept->reserved_count, false);
    for (size_t i = 0; i < kept->count && status == LAMBDA_OK; i++)
        status = lambda__provision_put(lambda, function, kept->provisions[i].qualifier, kept->provisions[i].requested,
                                       kept->provisions[i].modified, false);
    pthread_mutex_unlock(&lambda->environments->mutex);
    return status;
}
