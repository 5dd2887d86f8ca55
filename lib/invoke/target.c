/* Targets: names that were looked up once. What they found is kept by reference and asked anew at each invocation. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "invoke/invoke.h"

lambda__version *lambda__target_resolve(const lambda_target *target, lambda__thread *thread)
{
    if (target->alias) return lambda__alias_resolve(target->function, target->alias, thread);
    if (!target->version) return atomic_load_explicit(&target->function->latest, memory_order_acquire);
    bool retired = atomic_load_explicit(&target->version->retired, memory_order_acquire);
    return retired ? NULL : target->version;
}

bool lambda__target_leads(const lambda_target *target)
{
    /* What is looked at is held by the target, and not followed: no read section. */
    if (target->alias) return atomic_load_explicit(&target->alias->route, memory_order_acquire) != NULL;
    if (!target->version) return atomic_load_explicit(&target->function->latest, memory_order_acquire) != NULL;
    return !atomic_load_explicit(&target->version->retired, memory_order_acquire);
}

/** Finds what the name leads to and holds it; false if it leads nowhere. */
static bool hold(lambda_target *target, lambda__thread *thread)
{
    const lambda__name *name = &target->name;
    lambda__read_begin(thread);
    lambda__function *function = lambda__registry_find(target->lambda, name->function, name->function_length);
    bool found =
        function && lambda__function_resolve(function, name->qualifier, name->qualifier_length, thread) != NULL;
    if (found) {
        target->function = lambda__function_retain(function);
        if (name->qualifier) {
            lambda__alias *alias = lambda__function_alias(function, name->qualifier, name->qualifier_length);
            if (alias) target->alias = lambda__alias_retain(alias);
            uint64_t number = 0;
            for (size_t i = 0; !alias && i < name->qualifier_length && name->qualifier[0] != '$'; i++)
                number = number * 10 + (uint64_t)(name->qualifier[i] - '0');
            if (number > 0) {
                lambda__version *version = lambda__function_version(function, number);
                if (version) target->version = lambda__version_retain(version);
            }
        }
    }
    lambda__read_end(thread);
    return found;
}

lambda_status lambda_target_open(lambda_t *lambda, const char *function_name, lambda_target **opened)
{
    lambda__base *base = lambda ? &lambda->base : NULL;
    if (opened) *opened = NULL;
    if (!lambda || !opened)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL", lambda ? "target" : "lambda");
    lambda__name name;
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    lambda__thread *thread = lambda__thread_get(base);
    size_t size = strlen(function_name) + 1;
    lambda_target *target = thread ? lambda__allocate_zeroed(base, sizeof(*target) + size) : NULL;
    if (!target) return lambda__out_of_memory(base);
    memcpy(target->text, function_name, size);
    target->lambda = lambda;
    status = lambda__name_parse(lambda, target->text, &target->name);
    if (status == LAMBDA_OK && !hold(target, thread)) status = lambda__function_missing(lambda, &target->name);
    if (status != LAMBDA_OK) {
        lambda__release(base, target);
        return status;
    }
    *opened = target;
    return LAMBDA_OK;
}

void lambda_target_close(lambda_target *target)
{
    if (!target) return;
    lambda_t *lambda = target->lambda;
    if (target->alias) lambda__alias_release(lambda, target->alias);
    if (target->version) lambda__version_release(lambda, target->version);
    lambda__function_release(lambda, target->function);
    lambda__release(&lambda->base, target);
}
