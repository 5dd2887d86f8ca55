/*
 * Binding: giving code to versions that came back from the store without. A version's code pointer is exchanged under the lock of
 * all changes; no environment of the version can have been made before, so whoever reads the pointer finds either nothing to run
 * or what it will always be. The code that was unbound stays with the one that stands for it; so it does where only the reason
 * why there is nothing to run becomes another.
 */
#include <string.h>

#include "registry/registry_private.h"

/** One version, and what it is about to run; both with a reference. */
typedef struct binding {
    lambda__version *version;
    lambda__code *unbound; /* borrowed from the version */
    lambda__code *code;
} binding;

/** Which versions are to be bound, and with what. */
typedef struct wanted {
    const char *runtime;
    const lambda_code *code; /* NULL: by the references that they came back with */
    bool process;            /* then those with LAMBDA_ISOLATION_PROCESS, else all others */
} wanted;

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

/** As writer: is it to be bound? `*other`: it is of another runtime. */
static bool fits(lambda_t *lambda, const lambda__version *version, const wanted *what, bool *other)
{
    const lambda__registry_port *port = &lambda->registry->port;
    const lambda__code *code = lambda__version_code(version);
    bool unbound = port->code_reason(code) != NULL;
    *other = unbound && strcmp(port->code_runtime(code), what->runtime) != 0;
    if (!unbound || *other) return false;
    if (what->code) return true;
    lambda__recipe recipe;
    port->code_describe(code, &recipe);
    return recipe.reference && (version->settings->isolation == LAMBDA_ISOLATION_PROCESS) == what->process;
}

/** As writer: takes the version into the list if it is to be bound. */
static void look_at(lambda_t *lambda, lambda__version *version, const wanted *what, bindings *all)
{
    lambda__code *code = lambda__version_code(version);
    bool other = false;
    if (fits(lambda, version, what, &other))
        all->items[all->count++] = (binding){.version = lambda__version_retain(version), .unbound = code};
    all->other += other;
}

/** As writer: all that the name wants bound. */
static lambda_status collect(lambda_t *lambda, const lambda__name *name, const wanted *what, bindings *all)
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
    look_at(lambda, only ? only : latest, what, all);
    for (size_t i = 0; !only && i < directory->versions_count; i++)
        look_at(lambda, directory->versions[i], what, all);
    return LAMBDA_OK;
}

/** Were they made ready as one? */
static bool alike(const binding *one, const binding *two)
{
    const lambda__settings *first = one->version->settings;
    const lambda__settings *second = two->version->settings;
    return one->unbound == two->unbound && strcmp(first->handler, second->handler) == 0 &&
           lambda__layers_equal(first, second);
}

/** Loads the code for each; versions that were one piece of code, with one handler and the same layers, are again. */
static lambda_status load(lambda_t *lambda, const wanted *what, bindings *all)
{
    const lambda__registry_port *port = &lambda->registry->port;
    for (size_t i = 0; i < all->count; i++) {
        binding *item = &all->items[i];
        const lambda__settings *settings = item->version->settings;
        if (i > 0 && alike(item, &all->items[i - 1])) {
            item->code = port->code_retain(all->items[i - 1].code);
            continue;
        }
        const char *name = all->function->name;
        lambda_status status = what->code
                                   ? port->code_bind(lambda, item->unbound, what->code, name, settings, &item->code)
                                   : port->code_bind_reference(lambda, item->unbound, name, settings, &item->code);
        if (status != LAMBDA_OK) return status;
    }
    return LAMBDA_OK;
}

/** As writer: does the list lack a version that is to be bound? `*at` is where to look on: versions come in the list's order. */
static bool lacks(lambda_t *lambda, const bindings *all, size_t *at, const lambda__version *version, const wanted *what)
{
    bool other = false;
    if (!fits(lambda, version, what, &other)) return false;
    while (*at < all->count && all->items[*at].version != version)
        ++*at;
    return *at == all->count;
}

/** As writer: does it still have all? A change that came between may have made a new version of an unbound one. */
static bool is_complete(lambda_t *lambda, const bindings *all, const lambda__name *name, const wanted *what)
{
    const lambda__version *latest = atomic_load_explicit(&all->function->latest, memory_order_relaxed);
    const lambda__directory *directory = lambda__directory_of(all->function);
    size_t at = 0;
    bool published = name->qualifier && name->qualifier[0] != '$'; /* one version, which is itself for ever */
    if (!latest || published) return true;
    bool complete = !lacks(lambda, all, &at, latest, what);
    for (size_t i = 0; complete && !name->qualifier && i < directory->versions_count; i++)
        complete = !lacks(lambda, all, &at, directory->versions[i], what);
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

/** Binds what is wanted; ResourceConflict and the like where that is nothing. */
static lambda_status bind_wanted(lambda_t *lambda, const lambda__name *name, const wanted *what)
{
    lambda_status status = LAMBDA_OK;
    for (bool done = false; !done && status == LAMBDA_OK;) {
        bindings all = {0};
        lambda__registry_lock(lambda);
        status = collect(lambda, name, what, &all);
        lambda__registry_unlock(lambda);
        if (status == LAMBDA_OK && all.count == 0) status = nothing_to_bind(lambda, name, &all, what->runtime);
        if (status == LAMBDA_OK) status = load(lambda, what, &all);
        if (status == LAMBDA_OK) {
            lambda__registry_lock(lambda);
            done = is_complete(lambda, &all, name, what);
            if (done) install(&all);
            lambda__registry_unlock(lambda);
        }
        if (done && atomic_load_explicit(&all.function->concurrency, memory_order_acquire))
            lambda->registry->port.function_changed(lambda, all.function);
        free_bindings(lambda, &all);
    }
    return status;
}

/** As writer: has the function a version that is to be bound? */
static bool wants(lambda_t *lambda, const lambda__function *function, const wanted *what)
{
    const lambda__directory *directory = lambda__directory_of(function);
    bool other = false;
    bool found = fits(lambda, atomic_load_explicit(&function->latest, memory_order_relaxed), what, &other);
    for (size_t i = 0; !found && i < directory->versions_count; i++)
        found = fits(lambda, directory->versions[i], what, &other);
    return found;
}

void lambda__registry_driver_added(lambda_t *lambda, const char *runtime, bool process)
{
    const wanted what = {.runtime = runtime, .process = process};
    const lambda__registry *registry = lambda->registry;
    for (uint64_t sequence = 0;;) {
        char text[LAMBDA__NAME_MAX + 1];
        bool found = false;
        lambda__registry_lock(lambda);
        for (size_t at = lambda__order_find(registry, sequence + 1); !found && at < registry->order_count; at++) {
            const lambda__function *function = registry->order[at].function;
            found = function && wants(lambda, function, &what);
            if (!found) continue;
            sequence = function->sequence;
            memcpy(text, function->name, function->entry.name_length + 1);
        }
        lambda__registry_unlock(lambda);
        if (!found) return;
        lambda__name name = {.function = text, .function_length = strlen(text)};
        /* What fails here stays as it was: the function was deleted or bound meanwhile, or memory is out. */
        (void)bind_wanted(lambda, &name, &what);
    }
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
    const wanted what = {.runtime = code->runtime, .code = code};
    return bind_wanted(lambda, &name, &what);
}
