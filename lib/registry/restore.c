/* Bringing functions back from the store as the service opens. */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "registry/document.h"

/* ---- code */

/** Code that is read from the store, while it is loaded. */
typedef struct code_source {
    lambda_t *lambda;
    const char *function_name;
    const lambda__settings *settings;
    const lambda__recipe *recipe;
    const char *sha256;
    bool found;
    bool whole;           /* its sha256 is what it should be */
    lambda_status status; /* of loading it, or LAMBDA_OK */
    lambda__code *code;   /* NULL unless it was loaded */
} code_source;

static lambda_status load_bytes(void *user, const char *name, lambda_bytes value)
{
    code_source *source = user;
    (void)name;
    uint8_t digest[32];
    char sha256[45];
    lambda__sha256(value.data, value.length, digest);
    lambda__sha256_base64(digest, sha256);
    source->found = true;
    source->whole = strcmp(sha256, source->sha256) == 0;
    if (!source->whole) return LAMBDA_OK;
    lambda_code description = {.runtime = source->recipe->runtime,
                               .path = source->recipe->path,
                               .data = value.data,
                               .data_length = value.length};
    source->status = source->lambda->registry->port.code_load(source->lambda, &description, source->function_name,
                                                              source->settings, &source->code);
    return LAMBDA_OK;
}

/** Loads what can be loaded; `*reason` where it cannot. Fails only where the store or memory does. */
static lambda_status load_again(code_source *source, const char **reason)
{
    lambda_t *lambda = source->lambda;
    const lambda__recipe *recipe = source->recipe;
    const lambda_store *store = &lambda->registry->store;
    if (!recipe->loadable) {
        *reason = "it is the host's own, which no store can keep";
        return LAMBDA_OK;
    }
    if (recipe->reference) {
        /* Its driver is added once the service is open: see lambda__registry_driver_added. */
        *reason = "its runtime driver is not registered";
    } else if (recipe->has_bytes) {
        char name[LAMBDA__STORED_SIZE];
        lambda__stored_name(source->sha256, name);
        lambda_status status = store->read(store->user, "code", name, load_bytes, source);
        if (status != LAMBDA_OK) return status;
        if (!source->found) *reason = "its bytes are not in the store";
        if (source->found && !source->whole) *reason = "its bytes in the store are damaged";
    } else {
        lambda_code description = {
            .runtime = recipe->runtime, .path = recipe->path, .declaration = recipe->declaration};
        source->status = lambda->registry->port.code_load(lambda, &description, source->function_name, source->settings,
                                                          &source->code);
    }
    if (source->status == LAMBDA_ERROR_OUT_OF_MEMORY) return source->status;
    if (source->status != LAMBDA_OK) *reason = lambda__error_message(&lambda->base);
    return LAMBDA_OK;
}

static lambda_status make_code(lambda_t *lambda, const char *function_name, const lambda__settings *settings,
                               const lambda__recipe *recipe, const char *sha256, uint64_t size, lambda__code **code)
{
    code_source source = {
        .lambda = lambda, .function_name = function_name, .settings = settings, .recipe = recipe, .sha256 = sha256};
    const char *reason = NULL;
    lambda_status status = load_again(&source, &reason);
    if (status == LAMBDA_OK && !source.code)
        return lambda->registry->port.code_unbound(lambda, recipe, sha256, size, reason, code);
    *code = source.code;
    return status;
}

/* ---- documents */

/** One document, and what was made of it. */
typedef struct kept_function {
    char *name;
    char *text;
    size_t length;
    lambda__function *function; /* NULL before it is read, and once it is registered */
} kept_function;

typedef struct kept_functions {
    lambda_t *lambda;
    kept_function *items;
    size_t count;
    size_t capacity;
} kept_functions;

static lambda_status take_document(void *user, const char *name, lambda_bytes value)
{
    kept_functions *all = user;
    lambda__base *base = &all->lambda->base;
    if (!lambda__array_reserve(base, (void **)&all->items, &all->capacity, all->count, sizeof(*all->items)))
        return lambda__out_of_memory(base);
    kept_function *item = &all->items[all->count];
    *item = (kept_function){.name = lambda__duplicate(base, name),
                            .text = lambda__duplicate_bytes(base, value.data, value.length),
                            .length = value.length};
    all->count++;
    return item->name && item->text ? LAMBDA_OK : lambda__out_of_memory(base);
}

static void free_documents(kept_functions *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].function) lambda__function_discard(all->lambda, all->items[i].function);
        lambda__release(&all->lambda->base, all->items[i].name);
        lambda__release(&all->lambda->base, all->items[i].text);
    }
    lambda__release(&all->lambda->base, all->items);
}

static int compare_sequence(const void *one, const void *two)
{
    uint64_t first = ((const kept_function *)one)->function->sequence;
    uint64_t second = ((const kept_function *)two)->function->sequence;
    if (first != second) return first < second ? -1 : 1;
    return strcmp(((const kept_function *)one)->name, ((const kept_function *)two)->name);
}

/** What is wrong with a document is an error of the service, not of a parameter. */
static lambda_status damaged(lambda_t *lambda, const char *name, lambda_status status)
{
    if (status == LAMBDA_ERROR_OUT_OF_MEMORY) return status;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_SERVICE, "store: the document of the function \"%.80s\": %s", name,
                        lambda__error_message(&lambda->base));
}

/** So many are parsed at once: parsed, they take ten times the room. */
enum { PART = 256 };

static lambda_status read_part(lambda_t *lambda, kept_function *items, size_t count)
{
    lambda__parsed parsed[PART];
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < count; i++)
        parsed[i] = (lambda__parsed){.text = {items[i].text, items[i].length}};
    lambda__documents_parse(&lambda->base, parsed, count);
    for (size_t i = 0; i < count; i++) {
        kept_function *item = &items[i];
        if (status == LAMBDA_OK) {
            status = lambda__document_read(lambda, item->name, &parsed[i], make_code, &item->function);
            if (status != LAMBDA_OK) status = damaged(lambda, item->name, status);
        }
        json_decref(parsed[i].document);
        lambda__release(&lambda->base, item->text);
        item->text = NULL;
    }
    return status;
}

static lambda_status read_all(lambda_t *lambda, kept_functions *all)
{
    for (size_t at = 0; at < all->count; at += PART) {
        size_t left = all->count - at;
        lambda_status status = read_part(lambda, &all->items[at], left < PART ? left : PART);
        if (status != LAMBDA_OK) return status;
    }
    if (all->count > 1) qsort(all->items, all->count, sizeof(*all->items), compare_sequence);
    for (size_t i = 1; i < all->count; i++)
        if (all->items[i].function->sequence == all->items[i - 1].function->sequence)
            return damaged(lambda, all->items[i].name,
                           lambda__fail(&lambda->base, LAMBDA_ERROR_SERVICE, "sequence: \"%.80s\" has the same",
                                        all->items[i - 1].name));
    return LAMBDA_OK;
}

/** As writer: gives the function its place among the others. */
static bool enter(lambda_t *lambda, lambda__function *function)
{
    lambda__registry *registry = lambda->registry;
    registry->next_sequence = function->sequence - 1;
    if (!lambda__map_reserve(&lambda->base, &registry->functions) || !lambda__store_count(lambda, function) ||
        !lambda__order_append(lambda, function))
        return false;
    lambda__map_insert(&lambda->base, &registry->functions, &function->entry);
    registry->code_bytes += lambda__function_code_size(lambda, function);
    return true;
}

static lambda_status restore(lambda_t *lambda, kept_functions *all)
{
    const lambda_store *store = &lambda->registry->store;
    lambda_status status = store->attach ? store->attach(store->user, lambda) : LAMBDA_OK;
    if (status == LAMBDA_OK) status = store->read(store->user, "function", NULL, take_document, all);
    if (status == LAMBDA_OK) status = read_all(lambda, all);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    bool complete = true;
    for (size_t i = 0; complete && i < all->count; i++) {
        complete = enter(lambda, all->items[i].function);
        if (complete) all->items[i].function = NULL;
    }
    lambda__registry_unlock(lambda);
    return complete ? LAMBDA_OK : lambda__out_of_memory(&lambda->base);
}

lambda_status lambda__registry_restore(lambda_t *lambda)
{
    const lambda_store *store = &lambda->registry->store;
    if (!store->write && !store->read) return LAMBDA_OK;
    if (!store->write || !store->read)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "store: write and read must be given together");
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (!thread) return lambda__out_of_memory(NULL);
    kept_functions all = {.lambda = lambda};
    lambda_status status = restore(lambda, &all);
    free_documents(&all);
    if (status != LAMBDA_OK) return lambda__fail(NULL, status, "%s", lambda__error_message(&lambda->base));
    /* Code that could not be loaded has said why, to nobody: no call of this service has failed yet. */
    thread->message[0] = '\0';
    return LAMBDA_OK;
}

void lambda__registry_opened(lambda_t *lambda)
{
    lambda__registry *registry = lambda->registry;
    registry->store_owned = true;
    /* Nobody else can reach the service yet: the order stands still. */
    for (size_t i = 0; i < registry->order_count; i++) {
        lambda__function *function = registry->order[i].function;
        if (function && atomic_load_explicit(&function->concurrency, memory_order_acquire))
            registry->port.function_changed(lambda, function);
    }
}
