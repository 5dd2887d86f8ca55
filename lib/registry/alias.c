/* Aliases: create, get, update, delete, list. */
#include <string.h>

#include "registry/registry_private.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** Stands before what is given away, so that it can be freed without its service. */
typedef struct owned_alias {
    lambda_allocator allocator;
    lambda_alias alias;
} owned_alias;

typedef struct owned_list {
    lambda_allocator allocator;
    lambda_alias_list list;
    char marker[LAMBDA__QUALIFIER_MAX + 1];
} owned_list;

lambda_status lambda__alias_name_check(lambda_t *lambda, const char *field, const char *name)
{
    /* A qualifier that is no number and not $LATEST. */
    if (!name) return lambda__fail(&lambda->base, INVALID, "%s: is NULL", field);
    lambda__name parsed;
    lambda_status status = lambda__name_parse_with(lambda, "f", name, &parsed);
    if (status != LAMBDA_OK) return status;
    if (!parsed.qualifier || name[0] == '$' || name[strspn(name, "0123456789")] == '\0')
        return lambda__fail(&lambda->base, INVALID, "%s: \"%.140s\" is not an alias: empty, $LATEST, or a number",
                            field, name);
    return LAMBDA_OK;
}

/** As writer: the published version of that number, or NULL for "$LATEST". */
static lambda_status find_version(lambda_t *lambda, lambda__function *function, const char *field, const char *text,
                                  lambda__version **version)
{
    *version = NULL;
    if (strcmp(text, "$LATEST") == 0) return LAMBDA_OK;
    size_t length = strspn(text, "0123456789");
    if (length == 0 || text[length] != '\0')
        return lambda__fail(&lambda->base, INVALID, "%s: \"%.40s\" is neither a version nor $LATEST", field, text);
    *version = lambda__function_resolve(function, text, length, NULL);
    if (*version) return LAMBDA_OK;
    char arn[LAMBDA__ARN_SIZE];
    lambda__name_arn(lambda, function->name, text, arn, sizeof(arn));
    return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "%s: Function not found: %s", field, arn);
}

lambda_status lambda__destinations_check(lambda_t *lambda, const lambda__destinations *route)
{
    if (!(route->weight >= 0.0 && route->weight <= 1.0))
        return lambda__fail(&lambda->base, INVALID, "additional_weight: %g is not between 0.0 and 1.0", route->weight);
    if (!route->additional && route->weight > 0)
        return lambda__fail(&lambda->base, INVALID, "additional_weight: needs an additional_version");
    if (route->additional && !route->version)
        return lambda__fail(
            &lambda->base, INVALID,
            "additional_version: $LATEST is not supported for an alias pointing to more than 1 version");
    if (route->additional && route->additional == route->version)
        return lambda__fail(
            &lambda->base, INVALID,
            "additional_version: Invalid function version %s. Function version %s is already included in routing "
            "configuration.",
            route->version->label, route->version->label);
    return LAMBDA_OK;
}

/** As writer: where the config leads, over what an alias was (`old` NULL: a new one). */
static lambda_status find_route(lambda_t *lambda, lambda__function *function, const lambda_alias_config *config,
                                const lambda__route *old, lambda__destinations *route)
{
    lambda_status status = LAMBDA_OK;
    *route = old ? (lambda__destinations){old->version, old->additional, old->weight} : (lambda__destinations){0};
    if (config->function_version)
        status = find_version(lambda, function, "function_version", config->function_version, &route->version);
    if (status == LAMBDA_OK && config->additional_version) {
        route->additional = NULL;
        route->weight = config->additional_weight;
        if (strcmp(config->additional_version, "$LATEST") == 0)
            return lambda__fail(
                &lambda->base, INVALID,
                "additional_version: $LATEST is not supported for an alias pointing to more than 1 version");
        if (config->additional_version[0])
            status =
                find_version(lambda, function, "additional_version", config->additional_version, &route->additional);
    } else if (status == LAMBDA_OK && config->additional_weight != 0) {
        route->weight = config->additional_weight;
    }
    return status == LAMBDA_OK ? lambda__destinations_check(lambda, route) : status;
}

static lambda__route *make_route(lambda_t *lambda, const lambda__destinations *from)
{
    lambda__route *route = lambda__allocate_zeroed(&lambda->base, sizeof(*route));
    if (!route) return NULL;
    if (from->version) route->version = lambda__version_retain(from->version);
    if (from->additional) route->additional = lambda__version_retain(from->additional);
    route->weight = from->weight;
    route->threshold = from->weight >= 1.0 ? UINT64_MAX : (uint64_t)(from->weight * 18446744073709551616.0);
    return route;
}

/** Checks what does not need the function, and copies the caller's struct. */
static lambda_status begin(lambda_t *lambda, const char *function_name, const lambda_alias_config *given, size_t size,
                           lambda__name *name, lambda_alias_config *config)
{
    if (!lambda || !given)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "config" : "lambda");
    memset(config, 0, sizeof(*config));
    memcpy(config, given, size < sizeof(*config) ? size : sizeof(*config));
    lambda_status status = lambda__name_parse_plain(lambda, function_name, name);
    if (status == LAMBDA_OK) status = lambda__alias_name_check(lambda, "name", config->name);
    if (status == LAMBDA_OK)
        status = lambda__limit_text(lambda, "description", config->description, LAMBDA__DESCRIPTION_MIN,
                                    LAMBDA__DESCRIPTION_MAX);
    return status;
}

lambda__alias *lambda__alias_new(lambda_t *lambda, const char *name, const char *description,
                                 const lambda__destinations *to)
{
    lambda__alias *alias = lambda__allocate_zeroed(&lambda->base, sizeof(*alias));
    if (!alias) return NULL;
    atomic_init(&alias->references, 1);
    alias->name = lambda__duplicate(&lambda->base, name);
    alias->description = lambda__duplicate(&lambda->base, description);
    lambda__route *route = make_route(lambda, to);
    atomic_init(&alias->route, route);
    lambda__revision_new(lambda, alias->revision_id);
    if (alias->name && alias->description && route) return alias;
    lambda__alias_release(lambda, alias);
    return NULL;
}

static lambda_status alias_failed(lambda_t *lambda, lambda_status status, const char *what,
                                  const lambda__function *function, const char *name)
{
    char arn[LAMBDA__ARN_SIZE];
    lambda__name_arn(lambda, function->name, name, arn, sizeof(arn));
    return lambda__fail(&lambda->base, status, "%s: %s", what, arn);
}

/** As writer: adds an alias to the function. */
static lambda_status add(lambda_t *lambda, lambda__function *function, const lambda_alias_config *config,
                         lambda__unlinked *unlinked)
{
    lambda__destinations route;
    size_t at = 0;
    if (lambda__directory_find_alias(lambda__directory_of(function), config->name, strlen(config->name), &at))
        return alias_failed(lambda, LAMBDA_ERROR_RESOURCE_CONFLICT, "Alias already exists", function, config->name);
    lambda_status status = find_route(lambda, function, config, NULL, &route);
    if (status != LAMBDA_OK) return status;
    lambda__directory *directory = lambda__directory_copy(lambda, function);
    const char *description = config->description ? config->description : "";
    lambda__alias *alias = directory ? lambda__alias_new(lambda, config->name, description, &route) : NULL;
    if (!alias) {
        lambda__release(&lambda->base, directory);
        return lambda__out_of_memory(&lambda->base);
    }
    memmove(&directory->aliases[at + 1], &directory->aliases[at],
            (directory->aliases_count - at) * sizeof(*directory->aliases));
    directory->aliases[at] = alias;
    directory->aliases_count++;
    lambda__image image = lambda__image_of(function);
    image.directory = directory;
    status = lambda__store_put(lambda, &image);
    if (status != LAMBDA_OK) {
        lambda__alias_release(lambda, alias);
        lambda__release(&lambda->base, directory);
        return status;
    }
    unlinked->directory = atomic_exchange_explicit(&function->directory, directory, memory_order_acq_rel);
    return LAMBDA_OK;
}

lambda_status lambda_alias_create_sized(lambda_t *lambda, const char *function_name, const lambda_alias_config *given,
                                        size_t size)
{
    lambda__name name;
    lambda_alias_config config;
    lambda__function *function = NULL;
    lambda__unlinked unlinked = {0};
    lambda_status status = begin(lambda, function_name, given, size, &name, &config);
    if (status == LAMBDA_OK && !config.function_version)
        status = lambda__fail(&lambda->base, INVALID, "function_version: is NULL");
    if (status == LAMBDA_OK && config.revision_id)
        status = lambda__fail(&lambda->base, INVALID, "revision_id: a new alias has none");
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    if (status == LAMBDA_OK) status = add(lambda, function, &config, &unlinked);
    lambda__registry_unlock(lambda);
    if (unlinked.directory) lambda__unlinked_end(lambda, &unlinked);
    return status;
}

/** As writer: the function and its alias; `*at` is the alias's place. */
static lambda_status find_alias(lambda_t *lambda, const lambda__name *name, const char *alias_name,
                                lambda__function **function, lambda__alias **alias, size_t *at)
{
    lambda_status status = lambda__function_find(lambda, name, function);
    if (status != LAMBDA_OK) return status;
    const lambda__directory *directory = lambda__directory_of(*function);
    if (!lambda__directory_find_alias(directory, alias_name, strlen(alias_name), at))
        return alias_failed(lambda, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "Alias not found", *function, alias_name);
    *alias = directory->aliases[*at];
    return LAMBDA_OK;
}

/** As writer: changes an alias, all of it or nothing. */
static lambda_status modify(lambda_t *lambda, lambda__function *function, lambda__alias *alias,
                            const lambda_alias_config *config, lambda__unlinked *unlinked)
{
    lambda__destinations to;
    lambda_status status = lambda__revision_check(lambda, config->revision_id, alias->revision_id);
    if (status == LAMBDA_OK)
        status = find_route(lambda, function, config, atomic_load_explicit(&alias->route, memory_order_relaxed), &to);
    if (status != LAMBDA_OK) return status;
    char *description = config->description ? lambda__duplicate(&lambda->base, config->description) : NULL;
    lambda__route *route = config->description && !description ? NULL : make_route(lambda, &to);
    if (!route) {
        lambda__release(&lambda->base, description);
        return lambda__out_of_memory(&lambda->base);
    }
    char revision_id[sizeof(alias->revision_id)];
    lambda__revision_new(lambda, revision_id);
    lambda__image image = lambda__image_of(function);
    image.alias = alias;
    image.route = route;
    image.description = description ? description : alias->description;
    image.revision_id = revision_id;
    status = lambda__store_put(lambda, &image);
    if (status != LAMBDA_OK) {
        lambda__release(&lambda->base, description);
        lambda__route_free(lambda, route);
        return status;
    }
    if (description) {
        lambda__release(&lambda->base, alias->description);
        alias->description = description;
    }
    unlinked->route = atomic_exchange_explicit(&alias->route, route, memory_order_acq_rel);
    unlinked->changed = lambda__function_retain(function);
    memcpy(alias->revision_id, revision_id, sizeof(revision_id));
    return LAMBDA_OK;
}

lambda_status lambda_alias_update_sized(lambda_t *lambda, const char *function_name, const lambda_alias_config *given,
                                        size_t size)
{
    lambda__name name;
    lambda_alias_config config;
    lambda__function *function = NULL;
    lambda__alias *alias = NULL;
    lambda__unlinked unlinked = {0};
    size_t at = 0;
    lambda_status status = begin(lambda, function_name, given, size, &name, &config);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = find_alias(lambda, &name, config.name, &function, &alias, &at);
    if (status == LAMBDA_OK) status = modify(lambda, function, alias, &config, &unlinked);
    lambda__registry_unlock(lambda);
    if (unlinked.route) lambda__unlinked_end(lambda, &unlinked);
    return status;
}

/** As writer: takes the alias at this place out of the function, and all that is set for it. */
static lambda_status take_out(lambda_t *lambda, lambda__function *function, size_t at, lambda__unlinked *unlinked)
{
    lambda__directory *directory = lambda__directory_copy(lambda, function);
    lambda__alias *alias = directory ? directory->aliases[at] : NULL;
    lambda__event_invokes *event_invokes = NULL;
    lambda__attachments *attachments = NULL;
    bool complete = alias && lambda__event_invokes_without(lambda, function, alias->name, &event_invokes);
    if (!complete || !lambda__attachments_without(lambda, function, alias->name, &attachments)) {
        if (complete) lambda__event_invokes_discard(lambda, function, event_invokes);
        lambda__release(&lambda->base, directory);
        return lambda__out_of_memory(&lambda->base);
    }
    directory->aliases_count--;
    memmove(&directory->aliases[at], &directory->aliases[at + 1],
            (directory->aliases_count - at) * sizeof(*directory->aliases));
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
    lambda__event_invokes_replace(function, event_invokes, unlinked);
    lambda__attachments_replace(function, attachments, unlinked);
    if (atomic_load_explicit(&function->concurrency, memory_order_acquire))
        lambda->registry->port.qualifier_deleted(lambda, function, alias->name);
    unlinked->alias = alias;
    unlinked->directory = atomic_exchange_explicit(&function->directory, directory, memory_order_acq_rel);
    unlinked->route = atomic_exchange_explicit(&alias->route, NULL, memory_order_acq_rel);
    unlinked->changed = lambda__function_retain(function);
    return LAMBDA_OK;
}

lambda_status lambda_alias_delete(lambda_t *lambda, const char *function_name, const char *alias_name)
{
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    lambda__name name;
    lambda__function *function = NULL;
    lambda__unlinked unlinked = {0};
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status == LAMBDA_OK) status = lambda__alias_name_check(lambda, "alias_name", alias_name);
    if (status != LAMBDA_OK) return status;
    size_t at = 0;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    bool found = status == LAMBDA_OK &&
                 lambda__directory_find_alias(lambda__directory_of(function), alias_name, strlen(alias_name), &at);
    if (found) status = take_out(lambda, function, at, &unlinked);
    lambda__registry_unlock(lambda);
    if (unlinked.directory) lambda__unlinked_end(lambda, &unlinked);
    return status;
}

/* ---- public copies */

static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

/** As writer. NULL when memory is out. */
static lambda_alias *copy_alias(lambda_t *lambda, const lambda__function *function, const lambda__alias *alias)
{
    const lambda__route *route = atomic_load_explicit(&alias->route, memory_order_relaxed);
    char arn[LAMBDA__ARN_SIZE];
    lambda__name_arn(lambda, function->name, alias->name, arn, sizeof(arn));
    const char *texts[] = {arn,
                           alias->name,
                           route->version ? route->version->label : "$LATEST",
                           alias->description,
                           route->additional ? route->additional->label : "",
                           alias->revision_id};
    enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
    size_t size = sizeof(owned_alias);
    for (size_t i = 0; i < TEXTS; i++)
        size += strlen(texts[i]) + 1;
    owned_alias *owned = lambda__allocate_zeroed(&lambda->base, size);
    if (!owned) return NULL;
    owned->allocator = lambda->base.allocator;
    char *at = (char *)(owned + 1);
    lambda_alias *copy = &owned->alias;
    const char **fields[TEXTS] = {&copy->alias_arn,          &copy->name,
                                  &copy->function_version,   &copy->description,
                                  &copy->additional_version, &copy->revision_id};
    for (size_t i = 0; i < TEXTS; i++)
        *fields[i] = put(&at, texts[i]);
    copy->additional_weight = route->additional ? route->weight : 0;
    return copy;
}

lambda_status lambda_alias_get(lambda_t *lambda, const char *function_name, const char *alias_name, lambda_alias **got)
{
    if (got) *got = NULL;
    if (!lambda || !got)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "alias" : "lambda");
    lambda__name name;
    lambda__function *function = NULL;
    lambda__alias *alias = NULL;
    size_t at = 0;
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status == LAMBDA_OK) status = lambda__alias_name_check(lambda, "alias_name", alias_name);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = find_alias(lambda, &name, alias_name, &function, &alias, &at);
    if (status == LAMBDA_OK && !(*got = copy_alias(lambda, function, alias)))
        status = lambda__out_of_memory(&lambda->base);
    lambda__registry_unlock(lambda);
    return status;
}

void lambda_alias_free(lambda_alias *alias)
{
    if (!alias) return;
    owned_alias *owned = (owned_alias *)((char *)alias - offsetof(owned_alias, alias));
    owned->allocator.release(owned->allocator.user, owned);
}

static owned_list *list_owner(lambda_alias_list *list)
{
    return (owned_list *)((char *)list - offsetof(owned_list, list));
}

void lambda_alias_list_free(lambda_alias_list *list)
{
    if (!list) return;
    for (size_t i = 0; i < list->count; i++)
        lambda_alias_free(list->items[i]);
    owned_list *owned = list_owner(list);
    owned->allocator.release(owned->allocator.user, owned);
}

/** As writer: fills a page from the first alias that is not before the marker. False when memory is out. */
static bool fill_page(lambda_t *lambda, const lambda__function *function, const char *function_version,
                      const char *marker, size_t max_items, lambda_alias_list *list)
{
    const lambda__directory *directory = lambda__directory_of(function);
    size_t at = 0;
    if (marker) lambda__directory_find_alias(directory, marker, strlen(marker), &at);
    for (; at < directory->aliases_count; at++) {
        const lambda__alias *alias = directory->aliases[at];
        lambda_alias *copy = copy_alias(lambda, function, alias);
        if (!copy) return false;
        bool wanted_one = !function_version || strcmp(function_version, copy->function_version) == 0 ||
                          strcmp(function_version, copy->additional_version) == 0;
        if (wanted_one && list->count < max_items) {
            list->items[list->count++] = copy;
            continue;
        }
        lambda_alias_free(copy);
        if (!wanted_one) continue;
        memcpy(list_owner(list)->marker, alias->name, strlen(alias->name) + 1);
        list->next_marker = list_owner(list)->marker;
        return true;
    }
    return true;
}

lambda_status lambda_alias_list_page(lambda_t *lambda, const char *function_name, const char *function_version,
                                     const lambda_list_options *options, lambda_alias_list **listed)
{
    if (listed) *listed = NULL;
    if (!lambda || !listed)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "list" : "lambda");
    lambda__name name;
    lambda__function *function = NULL;
    size_t max_items = 0;
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status == LAMBDA_OK) status = lambda__list_options_check(lambda, options, &max_items);
    if (status == LAMBDA_OK && options && options->marker)
        status = lambda__alias_name_check(lambda, "marker", options->marker);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    if (status == LAMBDA_OK) {
        size_t count = lambda__directory_of(function)->aliases_count;
        size_t room = count < max_items ? count : max_items;
        owned_list *owned = lambda__allocate_zeroed(&lambda->base, sizeof(*owned) + room * sizeof(lambda_alias *));
        if (owned) {
            owned->allocator = lambda->base.allocator;
            owned->list.items = (lambda_alias **)(owned + 1);
        }
        bool complete = owned && fill_page(lambda, function, function_version, options ? options->marker : NULL,
                                           max_items, &owned->list);
        if (complete)
            *listed = &owned->list;
        else if (owned)
            lambda_alias_list_free(&owned->list);
        if (!complete) status = lambda__out_of_memory(&lambda->base);
    }
    lambda__registry_unlock(lambda);
    return status;
}
