/* What holds for asynchronous invocations: targets that can be, and the settings that a worker asks for. */
#include <string.h>

#include "base/buffer.h"
#include "observe/metrics/metrics.h"
#include "registry/registry_private.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static bool leads_somewhere(lambda_t *lambda, lambda__thread *thread, const lambda__name *name)
{
    lambda__read_begin(thread);
    lambda__function *function = lambda__registry_find(lambda, name->function, name->function_length);
    bool leads =
        function && lambda__function_resolve(function, name->qualifier, name->qualifier_length, thread) != NULL;
    lambda__read_end(thread);
    return leads;
}

lambda_status lambda__target_text_check(lambda_t *lambda, const char *field, const char *target)
{
    size_t length = target ? strnlen(target, LAMBDA__TARGET_MAX + 1) : 0;
    if (length > LAMBDA__TARGET_MAX)
        return lambda__fail(&lambda->base, INVALID, "%s: is longer than %d bytes", field, LAMBDA__TARGET_MAX);
    if (lambda__utf8_valid(target, length)) return LAMBDA_OK;
    return lambda__fail(&lambda->base, INVALID, "%s: is not UTF-8", field);
}

lambda_status lambda__target_check(lambda_t *lambda, const char *function_name, const char *field, const char *target)
{
    lambda_status status = lambda__target_text_check(lambda, field, target);
    if (status != LAMBDA_OK || !target || target[0] == '\0') return status;
    const lambda__registry_port *port = &lambda->registry->port;
    if (port->destination_exists && port->destination_exists(lambda, target)) return LAMBDA_OK;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (!thread) return lambda__out_of_memory(&lambda->base);
    lambda__name name;
    bool function = lambda__name_parse(lambda, target, &name) == LAMBDA_OK;
    if (function && strlen(function_name) == name.function_length &&
        memcmp(function_name, name.function, name.function_length) == 0)
        return lambda__fail(&lambda->base, INVALID, "%s: \"%s\" is the function itself", field, target);
    if (function && leads_somewhere(lambda, thread, &name)) return LAMBDA_OK;
    return lambda__fail(&lambda->base, INVALID, "%s: \"%s\" is neither a function nor a destination", field, target);
}

static void copy_target(char to[LAMBDA__TARGET_SIZE], const char *from)
{
    memcpy(to, from, strlen(from) + 1);
}

/** In a read section: what the name leads to; of an alias the main version. `*qualifier` is that of its event invoke config. */
static const lambda__version *find_version(lambda__function *function, const lambda__name *name, const char **qualifier)
{
    lambda__alias *alias =
        name->qualifier ? lambda__function_alias(function, name->qualifier, name->qualifier_length) : NULL;
    const lambda__route *route = alias ? atomic_load_explicit(&alias->route, memory_order_acquire) : NULL;
    const lambda__version *version =
        route && route->version
            ? route->version
            : lambda__function_resolve(function, alias ? NULL : name->qualifier, name->qualifier_length, NULL);
    if (!version || (alias && !route)) return NULL;
    *qualifier = alias ? alias->name : version->label;
    return version;
}

void lambda__async_settings_read(lambda_t *lambda, lambda__thread *thread, const lambda__name *name,
                                 lambda__async_settings *settings)
{
    *settings = (lambda__async_settings){.maximum_retry_attempts = LAMBDA__MAXIMUM_RETRY_ATTEMPTS_DEFAULT};
    uint64_t age = LAMBDA__MAXIMUM_EVENT_AGE_S_DEFAULT;
    lambda__read_begin(thread);
    lambda__function *function = lambda__registry_find(lambda, name->function, name->function_length);
    const char *qualifier = NULL;
    const lambda__version *version = function ? find_version(function, name, &qualifier) : NULL;
    if (version) {
        settings->exists = true;
        settings->unbound = lambda->registry->port.code_reason(lambda__version_code(version)) != NULL;
        copy_target(settings->dead_letter, version->settings->dead_letter);
        const lambda__event_invoke *set = lambda__event_invokes_find(
            atomic_load_explicit(&function->event_invokes, memory_order_acquire), qualifier, strlen(qualifier));
        if (set) {
            age = set->maximum_event_age_s;
            settings->maximum_retry_attempts = set->maximum_retry_attempts;
            copy_target(settings->on_success, set->on_success);
            copy_target(settings->on_failure, set->on_failure);
        }
    }
    lambda__read_end(thread);
    settings->maximum_event_age_ns = age * UINT64_C(1000000000);
}

bool lambda__name_is_measured(lambda_t *lambda, lambda__thread *thread, const lambda__name *name)
{
    if (LAMBDA__LIKELY(!lambda__metrics_any_off(lambda))) return true;
    lambda__read_begin(thread);
    lambda__function *function = lambda__registry_find(lambda, name->function, name->function_length);
    const char *qualifier = NULL;
    const lambda__version *version = function ? find_version(function, name, &qualifier) : NULL;
    bool measured = !version || version->settings->metrics_mode == LAMBDA_METRICS_ON;
    lambda__read_end(thread);
    return measured;
}
