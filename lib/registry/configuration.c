/* Public copies of what the registry holds, each in one allocation, and pages of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "registry/registry_private.h"

/** Stands before what is given away, so that it can be freed without its service. */
typedef struct owned_configuration {
    lambda_allocator allocator;
    lambda_function_configuration configuration;
} owned_configuration;

typedef struct owned_list {
    lambda_allocator allocator;
    lambda_function_list list;
    char marker[24];
} owned_list;

static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static size_t pairs_size(const lambda_pair *pairs, size_t count)
{
    size_t size = count * sizeof(*pairs);
    for (size_t i = 0; i < count; i++)
        size += strlen(pairs[i].name) + strlen(pairs[i].value) + 2;
    return size;
}

static size_t layers_size(const lambda__settings *settings)
{
    size_t size = settings->layers_count * sizeof(char *);
    for (size_t i = 0; i < settings->layers_count; i++)
        size += strlen(settings->layers[i]) + 1;
    return size;
}

static const lambda_pair *put_pairs(lambda_pair **pairs, char **at, const lambda_pair *from, size_t count)
{
    lambda_pair *copy = *pairs;
    *pairs += count;
    for (size_t i = 0; i < count; i++) {
        copy[i].name = put(at, from[i].name);
        copy[i].value = put(at, from[i].value);
    }
    return copy;
}

static void format_time(uint64_t ns, char text[40])
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm utc;
    char date[24] = "1970-01-01T00:00:00";
    if (gmtime_r(&seconds, &utc)) strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, 40, "%s.%03u+0000", date, (unsigned)(ns / 1000000 % 1000));
}

lambda_function_configuration *lambda__configuration_make(lambda_t *lambda, const lambda__version *version,
                                                          const char *qualifier)
{
    const lambda__registry_port *port = &lambda->registry->port;
    const lambda__function *function = version->function;
    const lambda__settings *settings = version->settings;
    lambda__code *code = lambda__version_code(version);
    const char *reason = port->code_reason(code);
    char arn[LAMBDA__ARN_SIZE];
    char modified[40];
    char group[sizeof("/aws/lambda/") + LAMBDA__NAME_MAX];
    lambda__name_arn(lambda, function->name, qualifier, arn, sizeof(arn));
    format_time(version->modified, modified);
    snprintf(group, sizeof(group), "/aws/lambda/%s", function->name);
    const char *texts[] = {function->name,           arn,
                           version->label,           version->description,
                           port->code_runtime(code), settings->handler,
                           settings->role,           port->code_sha256(code),
                           version->revision_id,     modified,
                           settings->dead_letter,    reason ? "Inactive" : "Active",
                           reason ? reason : "",     settings->log_group[0] ? settings->log_group : group};
    enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
    size_t size = sizeof(owned_configuration) + pairs_size(settings->environment, settings->environment_count) +
                  pairs_size(function->tags, function->tags_count) + layers_size(settings);
    for (size_t i = 0; i < TEXTS; i++)
        size += strlen(texts[i]) + 1;
    owned_configuration *owned = lambda__allocate_zeroed(&lambda->base, size);
    if (!owned) return NULL;
    owned->allocator = lambda->base.allocator;
    lambda_pair *pairs = (lambda_pair *)(owned + 1);
    const char **layers = (const char **)(pairs + settings->environment_count + function->tags_count);
    char *at = (char *)(layers + settings->layers_count);
    lambda_function_configuration *made = &owned->configuration;
    const char **fields[TEXTS] = {&made->function_name,
                                  &made->function_arn,
                                  &made->version,
                                  &made->description,
                                  &made->runtime,
                                  &made->handler,
                                  &made->role,
                                  &made->code_sha256,
                                  &made->revision_id,
                                  &made->last_modified,
                                  &made->dead_letter_target_arn,
                                  &made->state,
                                  &made->state_reason,
                                  &made->logging_config.log_group};
    for (size_t i = 0; i < TEXTS; i++)
        *fields[i] = put(&at, texts[i]);
    made->code_size = port->code_size(code);
    made->memory_size = settings->memory_size;
    made->timeout_ms = settings->timeout_ms;
    made->ephemeral_storage_size = settings->ephemeral_storage_size;
    made->spare_environments = settings->spare_environments;
    made->isolation = (lambda_isolation)settings->isolation;
    made->logging_config.log_format = (lambda_log_format)settings->log_format;
    made->logging_config.application_log_level = (lambda_log_level)settings->application_log_level;
    made->logging_config.system_log_level = (lambda_log_level)settings->system_log_level;
    made->tracing_mode = (lambda_tracing_mode)settings->tracing_mode;
    made->metrics_mode = (lambda_metrics_mode)settings->metrics_mode;
    made->environment = put_pairs(&pairs, &at, settings->environment, settings->environment_count);
    made->environment_count = settings->environment_count;
    made->tags = put_pairs(&pairs, &at, function->tags, function->tags_count);
    made->tags_count = function->tags_count;
    made->layers = layers;
    made->layers_count = settings->layers_count;
    for (size_t i = 0; i < settings->layers_count; i++)
        layers[i] = put(&at, settings->layers[i]);
    return made;
}

void lambda_function_configuration_free(lambda_function_configuration *configuration)
{
    if (!configuration) return;
    owned_configuration *owned =
        (owned_configuration *)((char *)configuration - offsetof(owned_configuration, configuration));
    owned->allocator.release(owned->allocator.user, owned);
}

lambda_function_list *lambda__function_list_new(lambda_t *lambda, size_t capacity)
{
    owned_list *owned =
        lambda__allocate_zeroed(&lambda->base, sizeof(*owned) + capacity * sizeof(lambda_function_configuration *));
    if (!owned) return NULL;
    owned->allocator = lambda->base.allocator;
    owned->list.items = (lambda_function_configuration **)(owned + 1);
    return &owned->list;
}

static owned_list *list_owner(lambda_function_list *list)
{
    return (owned_list *)((char *)list - offsetof(owned_list, list));
}

void lambda__function_list_mark(lambda_function_list *list, uint64_t marker)
{
    owned_list *owned = list_owner(list);
    snprintf(owned->marker, sizeof(owned->marker), "%" PRIu64, marker);
    list->next_marker = owned->marker;
}

void lambda_function_list_free(lambda_function_list *list)
{
    if (!list) return;
    for (size_t i = 0; i < list->count; i++)
        lambda_function_configuration_free(list->items[i]);
    owned_list *owned = list_owner(list);
    owned->allocator.release(owned->allocator.user, owned);
}

lambda_status lambda__list_options_check(lambda_t *lambda, const lambda_list_options *options, size_t *max_items)
{
    *max_items = options && options->max_items ? options->max_items : LAMBDA__MAX_ITEMS_DEFAULT;
    return lambda__limit_number(lambda, "max_items", *max_items, LAMBDA__MAX_ITEMS_MIN, LAMBDA__MAX_ITEMS_MAX);
}

lambda_status lambda__list_options_number(lambda_t *lambda, const lambda_list_options *options, uint64_t *first,
                                          size_t *max_items)
{
    const char *marker = options ? options->marker : NULL;
    *first = 0;
    if (marker) {
        size_t length = strspn(marker, "0123456789");
        if (length == 0 || length > 19 || marker[length] != '\0')
            return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                "marker: \"%.40s\" is not the next_marker of a page", marker);
        *first = strtoull(marker, NULL, 10);
    }
    return lambda__list_options_check(lambda, options, max_items);
}

lambda_status lambda_function_list_page(lambda_t *lambda, const lambda_list_options *options,
                                        lambda_function_list **listed)
{
    if (listed) *listed = NULL;
    if (!lambda || !listed)
        return lambda__fail(lambda ? &lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                            lambda ? "list" : "lambda");
    uint64_t first = 0;
    size_t max_items = 0;
    lambda_status status = lambda__list_options_number(lambda, options, &first, &max_items);
    if (status != LAMBDA_OK) return status;
    lambda__registry_lock(lambda);
    const lambda__registry *registry = lambda->registry;
    size_t left = registry->functions.count;
    lambda_function_list *list = lambda__function_list_new(lambda, left < max_items ? left : max_items);
    bool complete = list != NULL;
    for (size_t at = lambda__order_find(registry, first); complete && at < registry->order_count; at++) {
        const lambda__function *function = registry->order[at].function;
        if (!function) continue;
        if (list->count == max_items) {
            lambda__function_list_mark(list, function->sequence);
            break;
        }
        const lambda__version *latest = atomic_load_explicit(&function->latest, memory_order_relaxed);
        list->items[list->count] = lambda__configuration_make(lambda, latest, NULL);
        complete = list->items[list->count++] != NULL;
    }
    lambda__registry_unlock(lambda);
    if (complete)
        *listed = list;
    else
        lambda_function_list_free(list);
    return complete ? LAMBDA_OK : lambda__out_of_memory(&lambda->base);
}
