/*
 * What stands in the store, and how it comes back. A function is one document; code that has bytes stands beside it under the
 * name of its sha256, written with the first function that has it and taken away with the last. `stored` counts those functions.
 */
#include <string.h>

#include "registry/document.h"

bool lambda__registry_keeps(const lambda_t *lambda)
{
    return lambda->registry->store.write != NULL;
}

lambda__image lambda__image_of(lambda__function *function)
{
    return (lambda__image){.function = function,
                           .latest = atomic_load_explicit(&function->latest, memory_order_relaxed),
                           .directory = lambda__directory_of(function),
                           .event_invokes = atomic_load_explicit(&function->event_invokes, memory_order_relaxed),
                           .attachments = atomic_load_explicit(&function->attachments, memory_order_relaxed),
                           .tags = function->tags,
                           .tags_count = function->tags_count,
                           .next_number = function->next_number,
                           .loops_allowed = atomic_load_explicit(&function->loops_allowed, memory_order_relaxed)};
}

void lambda__stored_name(const char *sha256, char name[LAMBDA__STORED_SIZE])
{
    size_t length = strnlen(sha256, LAMBDA__STORED_SIZE - 1);
    for (size_t i = 0; i < length; i++) {
        name[i] = sha256[i];
        if (name[i] == '+') name[i] = '-';
        if (name[i] == '/') name[i] = '_';
    }
    name[length] = '\0';
}

/* ---- code that stands in the store: sorted by name */

/** Where the name stands, or would stand; true if it is there. */
static bool stored_place(const lambda__registry *registry, const char *name, size_t *at)
{
    size_t low = 0;
    size_t high = registry->stored_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(registry->stored[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < registry->stored_count && strcmp(registry->stored[low].name, name) == 0;
}

/** Good until the next is added or removed. */
static lambda__stored *find_stored(lambda_t *lambda, const char *name)
{
    size_t at = 0;
    return stored_place(lambda->registry, name, &at) ? &lambda->registry->stored[at] : NULL;
}

static lambda__stored *add_stored(lambda_t *lambda, const char *name)
{
    lambda__registry *registry = lambda->registry;
    size_t at = 0;
    stored_place(registry, name, &at);
    if (!lambda__array_reserve(&lambda->base, (void **)&registry->stored, &registry->stored_capacity,
                               registry->stored_count, sizeof(*registry->stored)))
        return NULL;
    lambda__stored *stored = &registry->stored[at];
    memmove(stored + 1, stored, (registry->stored_count++ - at) * sizeof(*stored));
    *stored = (lambda__stored){0};
    memcpy(stored->name, name, strlen(name) + 1);
    return stored;
}

static void remove_stored(lambda_t *lambda, lambda__stored *stored)
{
    lambda__registry *registry = lambda->registry;
    size_t at = (size_t)(stored - registry->stored);
    memmove(stored, stored + 1, (--registry->stored_count - at) * sizeof(*stored));
}

/* ---- which code a function has */

typedef struct code_names {
    char (*names)[LAMBDA__STORED_SIZE];
    lambda_bytes *bytes;
    size_t count;
} code_names;

static void free_names(lambda_t *lambda, code_names *all)
{
    lambda__release(&lambda->base, all->names);
    lambda__release(&lambda->base, all->bytes);
}

static bool holds(const code_names *all, const char *name)
{
    for (size_t i = all->count; i-- > 0;)
        if (strcmp(all->names[i], name) == 0) return true;
    return false;
}

static void add_name(lambda_t *lambda, const lambda__version *version, code_names *all)
{
    const lambda__registry_port *port = &lambda->registry->port;
    lambda__code *code = lambda__version_code(version);
    lambda__recipe recipe;
    port->code_describe(code, &recipe);
    if (!recipe.has_bytes) return;
    lambda__stored_name(port->code_sha256(code), all->names[all->count]);
    if (holds(all, all->names[all->count])) return;
    all->bytes[all->count++] = recipe.bytes;
}

/** The names of all code that has bytes. False when memory is out; to be freed either way. */
static bool list_code(lambda_t *lambda, const lambda__version *latest, const lambda__directory *directory,
                      code_names *all)
{
    size_t most = directory->versions_count + 1;
    *all = (code_names){.names = lambda__allocate(&lambda->base, most * sizeof(*all->names)),
                        .bytes = lambda__allocate(&lambda->base, most * sizeof(*all->bytes))};
    if (!all->names || !all->bytes) return false;
    add_name(lambda, latest, all);
    for (size_t i = 0; i < directory->versions_count; i++)
        add_name(lambda, directory->versions[i], all);
    return true;
}

/* ---- writing */

/** One write while it is put together. */
typedef struct change_set {
    code_names before; /* what the function has */
    code_names after;  /* what it is about to have */
    lambda_store_change *changes;
    size_t count;
} change_set;

/** Code that the store is about to have; it is counted once it does. False when memory is out. */
static bool add_new_code(lambda_t *lambda, change_set *set)
{
    for (size_t i = 0; i < set->after.count; i++) {
        const char *name = set->after.names[i];
        if (holds(&set->before, name) || find_stored(lambda, name)) continue;
        if (!add_stored(lambda, name)) return false;
        set->changes[set->count++] = (lambda_store_change){"code", name, set->after.bytes[i]};
    }
    return true;
}

static void add_old_code(lambda_t *lambda, change_set *set)
{
    for (size_t i = 0; i < set->before.count; i++) {
        const lambda__stored *stored = find_stored(lambda, set->before.names[i]);
        if (stored && stored->functions == 1 && !holds(&set->after, stored->name))
            set->changes[set->count++] = (lambda_store_change){"code", set->before.names[i], {NULL, 0}};
    }
}

/** Counts what is written now, or forgets what is not. */
static void settle(lambda_t *lambda, change_set *set, bool written)
{
    for (size_t i = 0; i < set->after.count; i++) {
        lambda__stored *stored = find_stored(lambda, set->after.names[i]);
        if (!stored) continue;
        if (written && !holds(&set->before, stored->name)) stored->functions++;
        if (stored->functions == 0) remove_stored(lambda, stored);
    }
    for (size_t i = 0; written && i < set->before.count; i++) {
        lambda__stored *stored =
            holds(&set->after, set->before.names[i]) ? NULL : find_stored(lambda, set->before.names[i]);
        if (stored && --stored->functions == 0) remove_stored(lambda, stored);
    }
}

/** Writes a document, or with `document` NULL takes it away, and what that means for code. */
static lambda_status write_changes(lambda_t *lambda, const char *name, const lambda__buffer *document, change_set *set)
{
    const lambda_store *store = &lambda->registry->store;
    size_t most = set->before.count + set->after.count + 1;
    set->changes = lambda__allocate(&lambda->base, most * sizeof(*set->changes));
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    if (set->changes && add_new_code(lambda, set)) {
        lambda_bytes value = {document ? document->data : NULL, document ? document->length : 0};
        set->changes[set->count++] = (lambda_store_change){"function", name, value};
        add_old_code(lambda, set);
        status = store->write(store->user, set->changes, set->count);
    } else {
        lambda__out_of_memory(&lambda->base);
    }
    settle(lambda, set, status == LAMBDA_OK);
    lambda__release(&lambda->base, set->changes);
    return status;
}

/** True for a function that stands in the store already. */
static bool is_registered(lambda_t *lambda, const lambda__function *function)
{
    return lambda__registry_find(lambda, function->name, function->entry.name_length) == function;
}

lambda_status lambda__store_put(lambda_t *lambda, const lambda__image *image)
{
    if (!lambda__registry_keeps(lambda)) return LAMBDA_OK;
    const lambda__image now = lambda__image_of(image->function);
    bool registered = is_registered(lambda, image->function);
    bool same_code = registered && now.latest == image->latest && now.directory == image->directory;
    change_set set = {0};
    lambda__buffer document = {0};
    bool complete = lambda__document_write(lambda, image, &document);
    if (complete && registered && !same_code) complete = list_code(lambda, now.latest, now.directory, &set.before);
    if (complete && !same_code) complete = list_code(lambda, image->latest, image->directory, &set.after);
    lambda_status status =
        complete ? write_changes(lambda, image->function->name, &document, &set) : lambda__out_of_memory(&lambda->base);
    free_names(lambda, &set.before);
    free_names(lambda, &set.after);
    lambda__buffer_clear(&lambda->base, &document);
    return status;
}

lambda_status lambda__store_remove(lambda_t *lambda, lambda__function *function)
{
    if (!lambda__registry_keeps(lambda)) return LAMBDA_OK;
    const lambda__image now = lambda__image_of(function);
    change_set set = {0};
    lambda_status status = list_code(lambda, now.latest, now.directory, &set.before)
                               ? write_changes(lambda, function->name, NULL, &set)
                               : lambda__out_of_memory(&lambda->base);
    free_names(lambda, &set.before);
    return status;
}

lambda_status lambda__function_keep(lambda_t *lambda, lambda__function *function, bool loops_allowed,
                                    const lambda__kept_concurrency *concurrency)
{
    if (!is_registered(lambda, function))
        return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                            "Function not found: arn:aws:lambda:%s:%s:function:%s", lambda->region, lambda->account_id,
                            function->name);
    lambda__image image = lambda__image_of(function);
    image.loops_allowed = loops_allowed;
    image.concurrency = concurrency;
    return lambda__store_put(lambda, &image);
}

bool lambda__store_count(lambda_t *lambda, lambda__function *function)
{
    const lambda__image now = lambda__image_of(function);
    code_names all = {0};
    bool complete = list_code(lambda, now.latest, now.directory, &all);
    for (size_t i = 0; complete && i < all.count; i++) {
        lambda__stored *stored = find_stored(lambda, all.names[i]);
        if (!stored) stored = add_stored(lambda, all.names[i]);
        complete = stored != NULL;
        if (stored) stored->functions++;
    }
    free_names(lambda, &all);
    return complete;
}
