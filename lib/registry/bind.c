/*
 * Binding: giving code to versions that came back from the store without. A version's code pointer is exchanged under the lock of
 * all changes; no environment of the version can have been made before, so whoever reads the pointer finds either nothing to run
 * or what it will always be. The code that was unbound stays with the one that stands for it.
 */
#include <string.h>

#include "registry/registry_private.h"

/** One version, and what it is about to run; both with a reference. */
typedef struct binding {
    lambda__version *version;
    lambda__code *unbound; /* borrowed from the version */
    lambda__code *code;
} binding;

typedef struct bindings {
    lambda__function *function; /* with a reference */
    binding *items;
    size_t count;
    size_t other; /* versions that are unbound and of another runtime */
} bindings;

static void free_bindings(lambda_t *lambda, bindings *all)
{
    for (size_t i = 0; i < all->count; i++) {
        lambda->registry->port.code_release(lambda, all->items[i].code);
        lambda__version_release(lambda, all->items[i].version);
    }
    lambda__release(&lambda->base, all->items);
    lambda__function_release(lambda, all->function);
    *all = (bindings){0};
}

/** As writer: takes the version into the list if it is unbound. */
static void look_at(lambda_t *lambda, lambda__version *version, const char *runtime, bindings *all)
{
    const lambda__registry_port *port = &lambda->registry->port;
    lambda__code *code = lambda__version_code(version);
    if (!port->code_reason(code)) return;
    if (strcmp(port->code_runtime(code), runtime) == 0)
        all->items[all->count++] = (binding){.version = lambda__version_retain(version), .unbound = code};
    else
        all->other++;
}

/** As writer: all that the name wants bound. */
static lambda_status collect(lambda_t *lambda, const lambda__name *name, const char *runtime, bindings *all)
{
    lambda__function *function = NULL;
    lambda_status status = lambda__function_find(lambda, name, &function);
    if (status != LAMBDA_OK) return status;
    lambda__version *latest = atomic_load_explicit(&function->latest, memory_order_relaxed);
    const lambda__directory *directory = lambda__directory_of(function);
    lambda__version *only =
        name->qualifier ? lambda__function_resolve(function, name->qualifier, name->qualifier_length, NULL) : NULL;
    if (name->qualifier && !only) return lambda__function_missing(lambda, name);
    all->items = lambda__allocate(&lambda->base, (directory->versions_count + 1) * sizeof(*all->items));
    if (!all->items) return lambda__out_of_memory(&lambda->base);
    all->function = lambda__function_retain(function);
    look_at(lambda, only ? only : latest, runtime, all);
    for (size_t i = 0; !only && i < directory->versions_count; i++)
        look_at(lambda, directory->versions[i], runtime, all);
    return LAMBDA_OK;
}

/** Loads the code for each; versions that were one piece of code, with one handler, are again. */
static lambda_status load(lambda_t *lambda, const lambda_code *code, bindings *all)
{
    const lambda__registry_port *port = &lambda->registry->port;
    for (size_t i = 0; i < all->count; i++) {
        binding *item = &all->items[i];
        const char *handler = item->version->settings->handler;
        const binding *before = i > 0 ? &all->items[i - 1] : NULL;
        if (before && before->unbound == item->unbound && strcmp(before->version->settings->handler, handler) == 0) {
            item->code = port->code_retain(before->code);
            continue;
        }
        lambda_status status = port->code_bind(lambda, item->unbound, code, all->function->name, handler, &item->code);
        if (status != LAMBDA_OK) return status;
    }
    return LAMBDA_OK;
}

/** As writer: does the list lack a version that is to be bound? `*at` is where to look on: versions come in the list's order. */
static bool lacks(lambda_t *lambda, const bindings *all, size_t *at, const lambda__version *version,
                  const char *runtime)
{
    const lambda__registry_port *port = &lambda->registry->port;
    const lambda__code *code = lambda__version_code(version);
    if (!port->code_reason(code) || strcmp(port->code_runtime(code), runtime) != 0) return false;
    while (*at < all->count && all->items[*at].version != version)
        ++*at;
    return *at == all->count;
}

/** As writer: does it still have all? A change that came between may have made a new version of an unbound one. */
static bool is_complete(lambda_t *lambda, const bindings *all, const lambda__name *name, const char *runtime)
{
    const lambda__version *latest = atomic_load_explicit(&all->function->latest, memory_order_relaxed);
    const lambda__directory *directory = lambda__directory_of(all->function);
    size_t at = 0;
    bool published = name->qualifier && name->qualifier[0] != '$'; /* one version, which is itself for ever */
    if (!latest || published) return true;
    bool complete = !lacks(lambda, all, &at, latest, runtime);
    for (size_t i = 0; complete && !name->qualifier && i < directory->versions_count; i++)
        complete = !lacks(lambda, all, &at, directory->versions[i], runtime);
    return complete;
}

/** As writer: the versions have their code from here on, but for those that somebody else has bound meanwhile. */
static void install(bindings *all)
{
    for (size_t i = 0; i < all->count; i++) {
        binding *item = &all->items[i];
        if (lambda__version_code(item->version) != item->unbound) continue;
        /* The reference that it held is given to the list, which ends it: what stands for it holds one of its own. */
        item->code = atomic_exchange_explicit(&item->version->code, item->code, memory_order_acq_rel);
    }
}

static lambda_status nothing_to_bind(lambda_t *lambda, const lambda__name *name, const bindings *all,
                                     const char *runtime)
{
    int length = (int)name->function_length;
    if (all->other == 0)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_CONFLICT, "%.*s: has its code already", length,
                            name->function);
    return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                        "code.runtime: %.*s has no code yet, but is not of the runtime \"%.80s\"", length,
                        name->function, runtime);
}

lambda_status lambda_function_bind(lambda_t *lambda, const char *function_name, const lambda_code *code)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!lambda || !code)
        return lambda__fail(lambda ? &lambda->base : NULL, invalid, "%s: is NULL", lambda ? "code" : "lambda");
    lambda__name name;
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    bool version =
        !name.qualifier || name.qualifier[0] == '$' || strspn(name.qualifier, "0123456789") == name.qualifier_length;
    if (!version)
        return lambda__fail(&lambda->base, invalid, "qualifier: \"%s\" is an alias; versions have code",
                            name.qualifier);
    if (!code->runtime) return lambda__fail(&lambda->base, invalid, "code: is missing");
    for (bool done = false; !done && status == LAMBDA_OK;) {
        bindings all = {0};
        lambda__registry_lock(lambda);
        status = collect(lambda, &name, code->runtime, &all);
        lambda__registry_unlock(lambda);
        if (status == LAMBDA_OK && all.count == 0) status = nothing_to_bind(lambda, &name, &all, code->runtime);
        if (status == LAMBDA_OK) status = load(lambda, code, &all);
        if (status == LAMBDA_OK) {
            lambda__registry_lock(lambda);
            done = is_complete(lambda, &all, &name, code->runtime);
            if (done) install(&all);
            lambda__registry_unlock(lambda);
        }
        if (done && atomic_load_explicit(&all.function->concurrency, memory_order_acquire))
            lambda->registry->port.function_changed(lambda, all.function);
        free_bindings(lambda, &all);
    }
    return status;
}
