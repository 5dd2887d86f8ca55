/* Event invoke configs: put, update, get, delete, list; and the table that keeps a function's. */
#include <lambda/event_invoke_config.h>

#include <string.h>

#include "registry/registry_private.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- the table */

/** As strcmp, with a name that need not end in NUL. */
static int compare(const char *qualifier, const char *other, size_t length)
{
    int order = strncmp(qualifier, other, length);
    return order == 0 && qualifier[length] != '\0' ? 1 : order;
}

const lambda__event_invoke *lambda__event_invokes_find(const lambda__event_invokes *all, const char *qualifier,
                                                       size_t length)
{
    size_t low = 0;
    size_t high = all ? all->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(all->items[middle].qualifier, qualifier, length);
        if (order == 0) return &all->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

lambda__event_invokes *lambda__event_invokes_make(lambda_t *lambda, const lambda__event_invoke *items, size_t count)
{
    size_t size = sizeof(lambda__event_invokes) + count * sizeof(*items);
    size_t texts = size;
    for (size_t i = 0; i < count; i++)
        size += strlen(items[i].qualifier) + strlen(items[i].on_success) + strlen(items[i].on_failure) + 3;
    lambda__event_invokes *made = lambda__allocate(&lambda->base, size);
    if (!made) return NULL;
    char *at = (char *)made + texts;
    made->count = count;
    for (size_t i = 0; i < count; i++) {
        made->items[i] = items[i];
        made->items[i].qualifier = put(&at, items[i].qualifier);
        made->items[i].on_success = put(&at, items[i].on_success);
        made->items[i].on_failure = put(&at, items[i].on_failure);
    }
    return made;
}

static lambda__event_invokes *table_of(const lambda__function *function)
{
    return atomic_load_explicit(&function->event_invokes, memory_order_relaxed);
}

bool lambda__event_invokes_without(lambda_t *lambda, const lambda__function *function, const char *qualifier,
                                   lambda__event_invokes **made)
{
    lambda__event_invokes *all = table_of(function);
    const lambda__event_invoke *gone = lambda__event_invokes_find(all, qualifier, strlen(qualifier));
    *made = gone && all->count == 1 ? NULL : all;
    if (!gone || all->count == 1) return true;
    size_t at = (size_t)(gone - all->items);
    size_t count = all->count - 1;
    lambda__event_invoke *kept = lambda__allocate(&lambda->base, count * sizeof(*kept));
    if (!kept) return false;
    memcpy(kept, all->items, at * sizeof(*kept));
    memcpy(kept + at, gone + 1, (count - at) * sizeof(*kept));
    *made = lambda__event_invokes_make(lambda, kept, count);
    lambda__release(&lambda->base, kept);
    return *made != NULL;
}

/** As writer: the function's table with one item added, or put in the place of that of its qualifier. NULL when memory is out. */
static lambda__event_invokes *with(lambda_t *lambda, const lambda__function *function, const lambda__event_invoke *item)
{
    const lambda__event_invokes *all = table_of(function);
    size_t count = all ? all->count : 0;
    lambda__event_invoke *items = lambda__allocate(&lambda->base, (count + 1) * sizeof(*items));
    if (!items) return NULL;
    size_t at = 0;
    while (at < count && strcmp(all->items[at].qualifier, item->qualifier) < 0)
        at++;
    size_t rest = at < count && strcmp(all->items[at].qualifier, item->qualifier) == 0 ? at + 1 : at;
    if (at > 0) memcpy(items, all->items, at * sizeof(*items));
    items[at] = *item;
    if (rest < count) memcpy(&items[at + 1], &all->items[rest], (count - rest) * sizeof(*items));
    lambda__event_invokes *made = lambda__event_invokes_make(lambda, items, at + 1 + count - rest);
    lambda__release(&lambda->base, items);
    return made;
}

void lambda__event_invokes_replace(lambda__function *function, lambda__event_invokes *made, lambda__unlinked *unlinked)
{
    if (made == table_of(function)) return;
    /* First, so that who finds the table is never told that there is none. */
    if (made) atomic_store_explicit(&function->async_settings, true, memory_order_release);
    unlinked->event_invokes = atomic_exchange_explicit(&function->event_invokes, made, memory_order_acq_rel);
}

void lambda__event_invokes_discard(lambda_t *lambda, const lambda__function *function, lambda__event_invokes *made)
{
    if (made != table_of(function)) lambda__release(&lambda->base, made);
}

/** As writer: has the table kept, and puts it in the place of the function's; or frees it. */
static lambda_status install(lambda_t *lambda, lambda__function *function, lambda__event_invokes *made,
                             lambda__unlinked *unlinked)
{
    lambda__image image = lambda__image_of(function);
    image.event_invokes = made;
    lambda_status status = lambda__store_put(lambda, &image);
    if (status == LAMBDA_OK)
        lambda__event_invokes_replace(function, made, unlinked);
    else
        lambda__event_invokes_discard(lambda, function, made);
    return status;
}

/* ---- put and update */

static lambda_status check(lambda_t *lambda, const lambda__name *name, const lambda_event_invoke_config *config)
{
    uint32_t attempts = config->maximum_retry_attempts;
    if (attempts != LAMBDA_NO_RETRY_ATTEMPTS && attempts > LAMBDA__MAXIMUM_RETRY_ATTEMPTS_MAX)
        return lambda__fail(&lambda->base, INVALID,
                            "maximum_retry_attempts: %u is neither 1, 2 nor LAMBDA_NO_RETRY_ATTEMPTS", attempts);
    lambda_status status = lambda__limit_number(lambda, "maximum_event_age_s", config->maximum_event_age_s,
                                                LAMBDA__MAXIMUM_EVENT_AGE_S_MIN, LAMBDA__MAXIMUM_EVENT_AGE_S_MAX);
    char function[LAMBDA__FUNCTION_NAME_MAX + 1] = "";
    memcpy(function, name->function, name->function_length);
    if (status == LAMBDA_OK) status = lambda__target_check(lambda, function, "on_success", config->on_success);
    if (status == LAMBDA_OK) status = lambda__target_check(lambda, function, "on_failure", config->on_failure);
    return status;
}

/** As writer: the function, and the qualifier as the table knows it. ResourceNotFound where the name leads nowhere. */
static lambda_status find_place(lambda_t *lambda, const lambda__name *name, lambda__function **function,
                                const char **qualifier)
{
    *qualifier = "$LATEST";
    lambda_status status = lambda__function_find(lambda, name, function);
    if (status != LAMBDA_OK || !name->qualifier || name->qualifier[0] == '$') return status;
    const lambda__alias *alias = lambda__function_alias(*function, name->qualifier, name->qualifier_length);
    const lambda__version *version =
        alias ? NULL : lambda__function_resolve(*function, name->qualifier, name->qualifier_length, NULL);
    if (!alias && !version) return lambda__function_missing(lambda, name);
    *qualifier = alias ? alias->name : version->label;
    return LAMBDA_OK;
}

static lambda_status nothing_set(lambda_t *lambda, const lambda__function *function, const char *qualifier)
{
    char arn[LAMBDA__ARN_SIZE];
    lambda__name_arn(lambda, function->name, qualifier, arn, sizeof(arn));
    return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                        "The function %s doesn't have an EventInvokeConfig", arn);
}

/** As writer: sets what the config asks for, over what is set where it is an update. */
static lambda_status set(lambda_t *lambda, lambda__function *function, const char *qualifier,
                         const lambda_event_invoke_config *config, bool update, lambda__unlinked *unlinked)
{
    static const lambda__event_invoke standard = {.on_success = "",
                                                  .on_failure = "",
                                                  .maximum_retry_attempts = LAMBDA__MAXIMUM_RETRY_ATTEMPTS_DEFAULT,
                                                  .maximum_event_age_s = LAMBDA__MAXIMUM_EVENT_AGE_S_DEFAULT};
    const lambda__event_invoke *old = lambda__event_invokes_find(table_of(function), qualifier, strlen(qualifier));
    if (update && !old) return nothing_set(lambda, function, qualifier);
    if (!update) old = &standard;
    uint32_t attempts = config->maximum_retry_attempts ? config->maximum_retry_attempts : old->maximum_retry_attempts;
    lambda__event_invoke item = {.qualifier = qualifier,
                                 .on_success = config->on_success ? config->on_success : old->on_success,
                                 .on_failure = config->on_failure ? config->on_failure : old->on_failure,
                                 .modified = lambda__wall(&lambda->base),
                                 .maximum_retry_attempts = attempts == LAMBDA_NO_RETRY_ATTEMPTS ? 0 : attempts,
                                 .maximum_event_age_s = config->maximum_event_age_s ? config->maximum_event_age_s
                                                                                    : old->maximum_event_age_s};
    lambda__event_invokes *made = with(lambda, function, &item);
    return made ? install(lambda, function, made, unlinked) : lambda__out_of_memory(&lambda->base);
}

static lambda_status change(lambda_t *lambda, const char *function_name, const lambda_event_invoke_config *given,
                            size_t size, bool update)
{
    if (!lambda || !given)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL",
                            !lambda  ? "lambda"
                            : update ? "changes"
                                     : "config");
    lambda_event_invoke_config config = LAMBDA_ZERO;
    memcpy(&config, given, size < sizeof(config) ? size : sizeof(config));
    lambda__name name;
    lambda__function *function = NULL;
    const char *qualifier = NULL;
    lambda__unlinked unlinked = {0};
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status == LAMBDA_OK) status = check(lambda, &name, &config);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = find_place(lambda, &name, &function, &qualifier);
    if (status == LAMBDA_OK) status = set(lambda, function, qualifier, &config, update, &unlinked);
    lambda__registry_unlock(lambda);
    if (unlinked.event_invokes) lambda__unlinked_end(lambda, &unlinked);
    return status;
}

lambda_status lambda_event_invoke_config_put_sized(lambda_t *lambda, const char *function_name,
                                                   const lambda_event_invoke_config *config, size_t size)
{
    return change(lambda, function_name, config, size, false);
}

lambda_status lambda_event_invoke_config_update_sized(lambda_t *lambda, const char *function_name,
                                                      const lambda_event_invoke_config *changes, size_t size)
{
    return change(lambda, function_name, changes, size, true);
}

/** As writer: takes the qualifier's settings away. */
static lambda_status unset(lambda_t *lambda, lambda__function *function, const char *qualifier,
                           lambda__unlinked *unlinked)
{
    lambda__event_invokes *made = NULL;
    if (!lambda__event_invokes_without(lambda, function, qualifier, &made)) return lambda__out_of_memory(&lambda->base);
    if (made == table_of(function)) return nothing_set(lambda, function, qualifier);
    return install(lambda, function, made, unlinked);
}

lambda_status lambda_event_invoke_config_delete(lambda_t *lambda, const char *function_name)
{
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    lambda__name name;
    lambda__function *function = NULL;
    const char *qualifier = NULL;
    lambda__unlinked unlinked = {0};
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = find_place(lambda, &name, &function, &qualifier);
    if (status == LAMBDA_OK) status = unset(lambda, function, qualifier, &unlinked);
    lambda__registry_unlock(lambda);
    if (unlinked.event_invokes) lambda__unlinked_end(lambda, &unlinked);
    return status;
}

/* ---- public copies */

/** Stands before what is given away, so that it can be freed without its service. */
typedef struct owned_configuration {
    lambda_allocator allocator;
    lambda_event_invoke_configuration configuration;
} owned_configuration;

typedef struct owned_list {
    lambda_allocator allocator;
    lambda_event_invoke_configuration_list list;
} owned_list;

/** NULL when memory is out. */
static lambda_event_invoke_configuration *copy(lambda_t *lambda, const lambda__function *function,
                                               const lambda__event_invoke *from)
{
    char arn[LAMBDA__ARN_SIZE];
    lambda__name_arn(lambda, function->name, from->qualifier, arn, sizeof(arn));
    size_t size = strlen(arn) + strlen(from->on_success) + strlen(from->on_failure) + 3;
    owned_configuration *owned = lambda__allocate(&lambda->base, sizeof(*owned) + size);
    if (!owned) return NULL;
    char *at = (char *)(owned + 1);
    owned->allocator = lambda->base.allocator;
    owned->configuration.function_arn = put(&at, arn);
    owned->configuration.on_success = put(&at, from->on_success);
    owned->configuration.on_failure = put(&at, from->on_failure);
    owned->configuration.maximum_retry_attempts = from->maximum_retry_attempts;
    owned->configuration.maximum_event_age_s = from->maximum_event_age_s;
    owned->configuration.modified_ns = from->modified;
    return &owned->configuration;
}

lambda_status lambda_event_invoke_config_get(lambda_t *lambda, const char *function_name,
                                             lambda_event_invoke_configuration **configuration)
{
    if (configuration) *configuration = NULL;
    if (!lambda || !configuration)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "configuration" : "lambda");
    lambda__name name;
    lambda__function *function = NULL;
    const char *qualifier = NULL;
    lambda_status status = lambda__name_parse(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = find_place(lambda, &name, &function, &qualifier);
    if (status == LAMBDA_OK) {
        const lambda__event_invoke *item = lambda__event_invokes_find(table_of(function), qualifier, strlen(qualifier));
        if (!item)
            status = nothing_set(lambda, function, qualifier);
        else if (!(*configuration = copy(lambda, function, item)))
            status = lambda__out_of_memory(&lambda->base);
    }
    lambda__registry_unlock(lambda);
    return status;
}

void lambda_event_invoke_configuration_free(lambda_event_invoke_configuration *configuration)
{
    if (!configuration) return;
    owned_configuration *owned =
        (owned_configuration *)((char *)configuration - offsetof(owned_configuration, configuration));
    owned->allocator.release(owned->allocator.user, owned);
}

void lambda_event_invoke_configuration_list_free(lambda_event_invoke_configuration_list *list)
{
    if (!list) return;
    for (size_t i = 0; i < list->count; i++)
        lambda_event_invoke_configuration_free(list->items[i]);
    owned_list *owned = (owned_list *)((char *)list - offsetof(owned_list, list));
    owned->allocator.release(owned->allocator.user, owned);
}

/** As writer: all of a function; NULL when memory is out. */
static lambda_event_invoke_configuration_list *copy_all(lambda_t *lambda, const lambda__function *function)
{
    const lambda__event_invokes *all = table_of(function);
    size_t count = all ? all->count : 0;
    owned_list *owned =
        lambda__allocate_zeroed(&lambda->base, sizeof(*owned) + count * sizeof(lambda_event_invoke_configuration *));
    if (!owned) return NULL;
    owned->allocator = lambda->base.allocator;
    owned->list.items = (lambda_event_invoke_configuration **)(owned + 1);
    for (size_t i = 0; i < count; i++) {
        owned->list.items[i] = copy(lambda, function, &all->items[i]);
        if (!owned->list.items[i]) {
            lambda_event_invoke_configuration_list_free(&owned->list);
            return NULL;
        }
        owned->list.count++;
    }
    return &owned->list;
}

lambda_status lambda_event_invoke_config_list(lambda_t *lambda, const char *function_name,
                                              lambda_event_invoke_configuration_list **list)
{
    if (list) *list = NULL;
    if (!lambda || !list)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "list" : "lambda");
    lambda__name name;
    lambda__function *function = NULL;
    lambda_status status = lambda__name_parse_plain(lambda, function_name, &name);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    status = lambda__function_find(lambda, &name, &function);
    if (status == LAMBDA_OK && !(*list = copy_all(lambda, function))) status = lambda__out_of_memory(&lambda->base);
    lambda__registry_unlock(lambda);
    return status;
}
