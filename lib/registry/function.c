/* Functions: create, get, delete. */
#include <string.h>

#include "registry/registry_private.h"

lambda_status lambda__function_missing(lambda_t *lambda, const lambda__name *name)
{
    return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                        "Function not found: arn:aws:lambda:%s:%s:function:%.*s%s%.*s", lambda->region,
                        lambda->account_id, (int)name->function_length, name->function, name->qualifier ? ":" : "",
                        (int)name->qualifier_length, name->qualifier ? name->qualifier : "");
}

lambda_status lambda__function_find(lambda_t *lambda, const lambda__name *name, lambda__function **function)
{
    *function = lambda__registry_find(lambda, name->function, name->function_length);
    return *function ? LAMBDA_OK : lambda__function_missing(lambda, name);
}

lambda_status lambda__revision_check(lambda_t *lambda, const char *wanted, const char *revision)
{
    if (!wanted || strcmp(wanted, revision) == 0) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_PRECONDITION_FAILED,
                        "revision_id: The Revision Id provided does not match the latest Revision Id. Call the "
                        "GetFunction/GetAlias API "
                        "to retrieve the latest Revision Id");
}

uint64_t lambda__function_code_size(lambda_t *lambda, const lambda__function *function)
{
    const lambda__directory *directory = lambda__directory_of(function);
    uint64_t size = lambda__version_code_size(lambda, atomic_load_explicit(&function->latest, memory_order_relaxed));
    for (size_t i = 0; i < directory->versions_count; i++)
        size += lambda__version_code_size(lambda, directory->versions[i]);
    return size;
}

uint64_t lambda__version_code_size(lambda_t *lambda, const lambda__version *version)
{
    return lambda->registry->port.code_size(lambda__version_code(version));
}

static lambda_status check_config(lambda_t *lambda, const lambda_function_config *config, lambda__name *name)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    lambda_status status = lambda__name_parse_plain(lambda, config->function_name, name);
    if (status == LAMBDA_OK) status = lambda__limit_tags(lambda, config->tags, config->tags_count);
    if (status != LAMBDA_OK) return status;
    if (config->revision_id) return lambda__fail(&lambda->base, invalid, "revision_id: a new function has none");
    if (config->runtime && (!config->code.runtime || strcmp(config->runtime, config->code.runtime) != 0))
        return lambda__fail(&lambda->base, invalid, "runtime: \"%.80s\" is not the code's, \"%.80s\"", config->runtime,
                            config->code.runtime ? config->code.runtime : "");
    return LAMBDA_OK;
}

void lambda__function_discard(lambda_t *lambda, lambda__function *function)
{
    lambda__directory *directory = atomic_load_explicit(&function->directory, memory_order_relaxed);
    for (size_t i = 0; directory && i < directory->aliases_count; i++)
        lambda__alias_release(lambda, directory->aliases[i]);
    for (size_t i = 0; directory && i < directory->versions_count; i++)
        lambda__version_release(lambda, directory->versions[i]);
    lambda__release(&lambda->base, directory);
    lambda__version_release(lambda, atomic_load_explicit(&function->latest, memory_order_relaxed));
    lambda__function_release(lambda, function);
}

/** A version of its own references to code and settings. */
static lambda__version *version_of(lambda_t *lambda, lambda__function *function, uint64_t number, lambda__code *code,
                                   lambda__settings *settings)
{
    lambda__version *version = lambda__version_new(lambda, function, number, code, settings, NULL);
    if (!version) return NULL;
    lambda__version_stamp(lambda, version);
    lambda->registry->port.code_retain(code);
    atomic_fetch_add_explicit(&settings->references, 1, memory_order_relaxed);
    return version;
}

static bool publish_first(lambda_t *lambda, lambda__function *function, lambda__code *code, lambda__settings *settings)
{
    lambda__directory *directory = lambda__directory_copy(lambda, function);
    if (!directory) return false;
    directory->versions[0] = version_of(lambda, function, 1, code, settings);
    if (!directory->versions[0]) {
        lambda__release(&lambda->base, directory);
        return false;
    }
    directory->versions_count = 1;
    function->next_number = 2;
    atomic_store_explicit(&function->directory, directory, memory_order_relaxed);
    return true;
}

lambda__function *lambda__function_new(lambda_t *lambda, const char *name, size_t length)
{
    lambda__function *function = lambda__allocate_zeroed(&lambda->base, sizeof(*function) + length + 1);
    if (!function) return NULL;
    atomic_init(&function->references, 1);
    memcpy(function->name, name, length);
    function->entry.name_length = length;
    function->next_number = 1;
    return function;
}

/** The whole function, not yet registered; NULL when memory is out. */
static lambda__function *build(lambda_t *lambda, const lambda_function_config *config, const lambda__name *name,
                               lambda__code *code, lambda__settings *settings)
{
    lambda__function *function = lambda__function_new(lambda, name->function, name->function_length);
    if (!function) return NULL;
    bool complete = lambda__tags_copy(lambda, config->tags, config->tags_count, &function->tags);
    if (complete) {
        function->tags_count = (uint32_t)config->tags_count;
        lambda__version *latest = version_of(lambda, function, 0, code, settings);
        atomic_store_explicit(&function->latest, latest, memory_order_relaxed);
        complete = latest && (!config->publish || publish_first(lambda, function, code, settings));
    }
    if (complete) return function;
    lambda__function_discard(lambda, function);
    return NULL;
}

/** As writer: what a new function is, or its first version. NULL when memory is out. */
static lambda_function_configuration *describe(lambda_t *lambda, const lambda__function *function)
{
    const lambda__directory *directory = lambda__directory_of(function);
    const lambda__version *latest = atomic_load_explicit(&function->latest, memory_order_relaxed);
    /* Lambda names the function there, not its version. */
    return lambda__configuration_make(lambda, directory->versions_count > 0 ? directory->versions[0] : latest, NULL);
}

/** Registers a function that is whole. */
static lambda_status insert(lambda_t *lambda, lambda__function *function, lambda_function_configuration **made)
{
    lambda__registry *registry = lambda->registry;
    uint64_t size = lambda__function_code_size(lambda, function);
    if (lambda__registry_find(lambda, function->name, function->entry.name_length))
        return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_CONFLICT, "Function already exist: %s",
                            function->name);
    lambda_status status = lambda__code_storage_check(lambda, size, 0);
    if (status != LAMBDA_OK) return status;
    if (made && !(*made = describe(lambda, function))) return lambda__out_of_memory(&lambda->base);
    if (!lambda__order_append(lambda, function)) return lambda__out_of_memory(&lambda->base);
    lambda__image image = lambda__image_of(function);
    status = lambda__map_reserve(&lambda->base, &registry->functions) ? lambda__store_put(lambda, &image)
                                                                      : lambda__out_of_memory(&lambda->base);
    if (status != LAMBDA_OK) {
        registry->order_count--;
        return status;
    }
    lambda__map_insert(&lambda->base, &registry->functions, &function->entry);
    registry->code_bytes += size;
    return LAMBDA_OK;
}

lambda_status lambda_function_create_sized(lambda_t *lambda, const lambda_function_config *given, size_t size)
{
    if (!lambda || !given)
        return lambda__fail(lambda ? &lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                            lambda ? "config" : "lambda");
    lambda_function_config config = LAMBDA_ZERO;
    memcpy(&config, given, size < sizeof(config) ? size : sizeof(config));
    if (config.made) *config.made = NULL;
    lambda__name name;
    lambda__settings *settings = NULL;
    lambda__code *code = NULL;
    const lambda__registry_port *port = &lambda->registry->port;
    lambda_status status = check_config(lambda, &config, &name);
    if (status != LAMBDA_OK) return status;
    char text[LAMBDA__FUNCTION_NAME_MAX + 1] = "";
    memcpy(text, name.function, name.function_length);
    if (config.isolation == LAMBDA_ISOLATION_DEFAULT)
        config.isolation = port->code_isolation(lambda, config.code.runtime);
    status = lambda__settings_make(lambda, text, &config, NULL, &settings);
    if (status != LAMBDA_OK) return status;
    status = port->code_load(lambda, &config.code, text, settings, &code);
    if (status == LAMBDA_OK) {
        lambda__function *function = build(lambda, &config, &name, code, settings);
        status = function ? LAMBDA_OK : lambda__out_of_memory(&lambda->base);
        if (function) {
            lambda__registry_lock(lambda);
            status = insert(lambda, function, config.made);
            lambda__registry_unlock(lambda);
            if (status != LAMBDA_OK) {
                lambda__function_discard(lambda, function);
                if (config.made) lambda_function_configuration_free(*config.made);
                if (config.made) *config.made = NULL;
            }
        }
    }
    port->code_release(lambda, code);
    lambda__settings_release(lambda, settings);
    return status;
}

lambda_status lambda_function_get(lambda_t *lambda, const char *function_name,
                                  lambda_function_configuration **configuration)
{
    if (configuration) *configuration = NULL;
    if (!lambda || !configuration)
        return lambda__fail(lambda ? &lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                            lambda ? "configuration" : "lambda");
    lambda__name name;
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (!thread) return lambda__out_of_memory(&lambda->base);
    lambda__function *function = NULL;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    if (status == LAMBDA_OK) {
        /* Routing may choose either version of an alias; what it is said to be is the first. */
        lambda__alias *alias =
            name.qualifier ? lambda__function_alias(function, name.qualifier, name.qualifier_length) : NULL;
        const lambda__route *route = alias ? atomic_load_explicit(&alias->route, memory_order_acquire) : NULL;
        const lambda__version *version =
            route && route->version
                ? route->version
                : lambda__function_resolve(function, route ? NULL : name.qualifier, name.qualifier_length, thread);
        if (!version)
            status = lambda__function_missing(lambda, &name);
        else if (!(*configuration = lambda__configuration_make(lambda, version, name.qualifier)))
            status = lambda__out_of_memory(&lambda->base);
    }
    lambda__registry_unlock(lambda);
    return status;
}

void lambda__function_unlink(lambda__function *function, lambda__unlinked *unlinked)
{
    unlinked->version = atomic_exchange_explicit(&function->latest, NULL, memory_order_acq_rel);
    unlinked->whole = atomic_exchange_explicit(&function->directory, NULL, memory_order_acq_rel);
    unlinked->event_invokes = atomic_exchange_explicit(&function->event_invokes, NULL, memory_order_acq_rel);
    unlinked->attachments = atomic_exchange_explicit(&function->attachments, NULL, memory_order_acq_rel);
    const lambda__directory *whole = unlinked->whole;
    atomic_store_explicit(&unlinked->version->retired, true, memory_order_seq_cst);
    for (size_t i = 0; whole && i < whole->versions_count; i++)
        atomic_store_explicit(&whole->versions[i]->retired, true, memory_order_seq_cst);
    for (size_t i = 0; whole && i < whole->aliases_count; i++)
        whole->aliases[i]->ended = atomic_exchange_explicit(&whole->aliases[i]->route, NULL, memory_order_acq_rel);
}

/** As writer: takes the whole function out. */
static lambda_status delete_whole(lambda_t *lambda, lambda__function *function, lambda__unlinked *unlinked)
{
    lambda__registry *registry = lambda->registry;
    lambda_status status = lambda__store_remove(lambda, function);
    if (status != LAMBDA_OK) return status;
    registry->code_bytes -= lambda__function_code_size(lambda, function);
    lambda__map_remove(&registry->functions, &function->entry);
    lambda__order_remove(lambda, function);
    lambda__function_unlink(function, unlinked);
    unlinked->function = function;
    return LAMBDA_OK;
}

static bool routes_to(const lambda__alias *alias, const lambda__version *version)
{
    const lambda__route *route = atomic_load_explicit(&alias->route, memory_order_acquire);
    return route->version == version || route->additional == version;
}

/** As writer: takes one published version out. */
static lambda_status delete_version(lambda_t *lambda, lambda__function *function, const lambda__name *name,
                                    lambda__unlinked *unlinked)
{
    if (name->qualifier[0] == '$')
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "qualifier: $LATEST version cannot be deleted without deleting the function.");
    if (strspn(name->qualifier, "0123456789") != name->qualifier_length)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "qualifier: \"%s\" is not a version; only the whole function or a version can be deleted",
                            name->qualifier);
    lambda__version *version = lambda__function_resolve(function, name->qualifier, name->qualifier_length, NULL);
    if (!version) return lambda__function_missing(lambda, name);
    const lambda__directory *old = lambda__directory_of(function);
    for (size_t i = 0; i < old->aliases_count; i++)
        if (routes_to(old->aliases[i], version))
            return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_CONFLICT,
                                "version %s of %s: the alias \"%s\" points to it", version->label, function->name,
                                old->aliases[i]->name);
    lambda__event_invokes *event_invokes = NULL;
    lambda__attachments *attachments = NULL;
    lambda__directory *directory = lambda__directory_copy(lambda, function);
    bool complete = directory && lambda__event_invokes_without(lambda, function, version->label, &event_invokes);
    if (!complete || !lambda__attachments_without(lambda, function, version->label, &attachments)) {
        if (complete) lambda__event_invokes_discard(lambda, function, event_invokes);
        lambda__release(&lambda->base, directory);
        return lambda__out_of_memory(&lambda->base);
    }
    size_t at = 0;
    lambda__directory_find_version(directory, version->number, &at);
    directory->versions_count--;
    memmove(&directory->versions[at], &directory->versions[at + 1],
            (directory->versions_count - at) * sizeof(*directory->versions));
    lambda__image image = lambda__image_of(function);
    image.directory = directory;
    image.event_invokes = event_invokes;
    image.attachments = attachments;
    lambda_status status = lambda__store_put(lambda, &image);
    if (status != LAMBDA_OK) {
        lambda__event_invokes_discard(lambda, function, event_invokes);
        lambda__attachments_discard(lambda, function, attachments);
        lambda__release(&lambda->base, directory);
        return status;
    }
    lambda->registry->code_bytes -= lambda__version_code_size(lambda, version);
    lambda__event_invokes_replace(function, event_invokes, unlinked);
    lambda__attachments_replace(function, attachments, unlinked);
    if (atomic_load_explicit(&function->concurrency, memory_order_acquire))
        lambda->registry->port.qualifier_deleted(lambda, function, version->label);
    unlinked->directory = atomic_exchange_explicit(&function->directory, directory, memory_order_acq_rel);
    unlinked->version = version;
    unlinked->changed = lambda__function_retain(function);
    atomic_store_explicit(&version->retired, true, memory_order_seq_cst);
    return LAMBDA_OK;
}

lambda_status lambda_function_delete(lambda_t *lambda, const char *function_name)
{
    if (!lambda) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    lambda__name name;
    lambda__function *function = NULL;
    lambda__unlinked unlinked = {0};
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    if (status == LAMBDA_OK && name.qualifier)
        status = delete_version(lambda, function, &name, &unlinked);
    else if (status == LAMBDA_OK)
        status = delete_whole(lambda, function, &unlinked);
    lambda__registry_unlock(lambda);
    if (status == LAMBDA_OK) lambda__unlinked_end(lambda, &unlinked);
    return status;
}
