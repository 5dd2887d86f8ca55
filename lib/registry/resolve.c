/* Following names without a lock: all of this runs in a read section. */
#include <string.h>

#include "registry/registry_private.h"

lambda__function *lambda__registry_find(lambda_t *lambda, const char *name, size_t length)
{
    return (lambda__function *)lambda__map_find(&lambda->registry->functions, name, length);
}

/** A version's number; false where the text is none, or larger than any. */
static bool parse_number(const char *text, size_t length, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || *number > UINT64_MAX / 10 - 1) return false;
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    }
    return length > 0;
}

lambda__alias *lambda__function_alias(lambda__function *function, const char *name, size_t length)
{
    const lambda__directory *directory = lambda__directory_of(function);
    size_t at = 0;
    return lambda__directory_find_alias(directory, name, length, &at) ? directory->aliases[at] : NULL;
}

lambda__version *lambda__function_version(lambda__function *function, uint64_t number)
{
    const lambda__directory *directory = lambda__directory_of(function);
    size_t at = 0;
    return lambda__directory_find_version(directory, number, &at) ? directory->versions[at] : NULL;
}

lambda__version *lambda__alias_resolve(lambda__function *function, lambda__alias *alias, lambda__thread *thread)
{
    lambda__route *route = atomic_load_explicit(&alias->route, memory_order_acquire);
    if (!route) return NULL;
    if (route->additional && (route->threshold == UINT64_MAX || lambda__thread_random(thread) < route->threshold))
        return route->additional;
    return route->version ? route->version : atomic_load_explicit(&function->latest, memory_order_acquire);
}

lambda__version *lambda__function_resolve(lambda__function *function, const char *qualifier, size_t length,
                                          lambda__thread *thread)
{
    uint64_t number = 0;
    if (!qualifier || qualifier[0] == '$') return atomic_load_explicit(&function->latest, memory_order_acquire);
    if (parse_number(qualifier, length, &number)) return lambda__function_version(function, number);
    lambda__alias *alias = lambda__function_alias(function, qualifier, length);
    return alias ? lambda__alias_resolve(function, alias, thread) : NULL;
}
