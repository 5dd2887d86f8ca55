/* The registry as a whole: opened, closed, and the order of its functions. */
#include "registry/registry_private.h"

#include <string.h>

#include "base/digest.h"

lambda_status lambda__registry_open(lambda_t *lambda, const lambda__registry_port *port, const lambda_store *store,
                                    lambda__registry **opened)
{
    lambda__registry *registry = lambda__allocate_zeroed(&lambda->base, sizeof(*registry));
    if (!registry) return lambda__out_of_memory(NULL);
    if (pthread_mutex_init(&registry->mutex, NULL) != 0) {
        lambda__release(&lambda->base, registry);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    registry->port = *port;
    registry->store = *store;
    registry->functions.key = lambda->base.random.next(lambda->base.random.user);
    registry->functions.name_offset = offsetof(lambda__function, name);
    *opened = registry;
    return LAMBDA_OK;
}

void lambda__registry_lock(lambda_t *lambda)
{
    pthread_mutex_lock(&lambda->registry->mutex);
}

void lambda__registry_unlock(lambda_t *lambda)
{
    pthread_mutex_unlock(&lambda->registry->mutex);
}

/** As writer: takes the function of the last place out of readers' reach; false if there is none. */
static bool unlink_last(lambda_t *lambda, lambda__unlinked *unlinked)
{
    lambda__registry *registry = lambda->registry;
    while (registry->order_count > 0) {
        lambda__function *function = registry->order[--registry->order_count].function;
        if (!function) continue;
        lambda__map_remove(&registry->functions, &function->entry);
        lambda__function_unlink(function, unlinked);
        unlinked->function = function;
        return true;
    }
    return false;
}

void lambda__registry_empty(lambda_t *lambda)
{
    for (;;) {
        lambda__unlinked unlinked = {0};
        lambda__registry_lock(lambda);
        bool found = unlink_last(lambda, &unlinked);
        lambda__registry_unlock(lambda);
        if (!found) return;
        lambda__unlinked_end(lambda, &unlinked);
    }
}

void lambda__registry_usage(lambda_t *lambda, uint64_t *functions, uint64_t *code_bytes)
{
    lambda__registry_lock(lambda);
    *functions = lambda->registry->functions.count;
    *code_bytes = lambda->registry->code_bytes;
    lambda__registry_unlock(lambda);
}

void lambda__registry_close(lambda_t *lambda, lambda__registry *registry)
{
    lambda__registry_empty(lambda);
    lambda__settings_release(lambda, registry->standard);
    lambda__map_clear(&lambda->base, &registry->functions);
    lambda__release(&lambda->base, registry->stored);
    if (registry->store_owned && registry->store.close) registry->store.close(registry->store.user);
    lambda__release(&lambda->base, registry->order);
    pthread_mutex_destroy(&registry->mutex);
    lambda__release(&lambda->base, registry);
}

bool lambda__order_append(lambda_t *lambda, lambda__function *function)
{
    lambda__registry *registry = lambda->registry;
    if (!lambda__array_reserve(&lambda->base, (void **)&registry->order, &registry->order_capacity,
                               registry->order_count, sizeof(*registry->order)))
        return false;
    function->sequence = ++registry->next_sequence;
    /* Another key than the table's: it must be the same in every process. 0 is none. */
    function->identity = lambda__hash(1, function->name, function->entry.name_length) | 1;
    registry->order[registry->order_count++] = (lambda__place){function->sequence, function};
    return true;
}

size_t lambda__order_find(const lambda__registry *registry, uint64_t sequence)
{
    size_t low = 0;
    size_t high = registry->order_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (registry->order[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void lambda__order_remove(lambda_t *lambda, const lambda__function *function)
{
    lambda__registry *registry = lambda->registry;
    registry->order[lambda__order_find(registry, function->sequence)].function = NULL;
    if (registry->order_count < 64 || registry->functions.count * 2 > registry->order_count) return;
    size_t kept = 0;
    for (size_t i = 0; i < registry->order_count; i++)
        if (registry->order[i].function) registry->order[kept++] = registry->order[i];
    registry->order_count = kept;
}

lambda_status lambda__code_storage_check(lambda_t *lambda, uint64_t more, uint64_t less)
{
    uint64_t used = lambda->registry->code_bytes - less;
    uint64_t limit = lambda->limits.code_storage;
    if (more == 0 || (used <= limit && more <= limit - used)) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_CODE_STORAGE_EXCEEDED,
                        "code: %llu bytes and %llu in use are more than the limit of %llu", (unsigned long long)more,
                        (unsigned long long)used, (unsigned long long)limit);
}
