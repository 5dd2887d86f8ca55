/* Pages of layers and of versions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

enum { ITEMS = 50, ITEMS_MAX = 10000 };

void lambda_layer_list_free(lambda_layer_list *list)
{
    if (!list) return;
    for (size_t i = 0; i < list->count; i++)
        lambda_layer_version_free(list->items[i]);
    free(list->items);
    free((void *)(uintptr_t)list->next_marker);
    free(list);
}

/** Checks options, and fills in what was left out. */
static lambda_status check_options(lambda_layer_list_options *options)
{
    const char *architecture = options->compatible_architecture;
    if (options->max_items == 0) options->max_items = ITEMS;
    if (options->max_items > ITEMS_MAX)
        return lambda_runtime_fail(NULL, INVALID, "max_items: is not 1 to %d", ITEMS_MAX);
    if (options->compatible_runtime && !options->compatible_runtime[0])
        return lambda_runtime_fail(NULL, INVALID, "compatible_runtime: is empty");
    if (architecture && strcmp(architecture, "x86_64") != 0 && strcmp(architecture, "arm64") != 0)
        return lambda_runtime_fail(
            NULL, INVALID, "compatible_architecture: \"%.80s\" is neither \"x86_64\" nor \"arm64\"", architecture);
    return LAMBDA_OK;
}

static bool names(const char *const *list, size_t count, const char *wanted)
{
    if (!wanted) return true;
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], wanted) == 0) return true;
    return false;
}

/** The newest version from there on that the filters take; NULL if there is none. */
static const lambda__layer_record *filter(const lambda__layer_record *record, const lambda_layer_list_options *options)
{
    while (record && !(names(record->about->compatible_runtimes, record->about->compatible_runtimes_count,
                             options->compatible_runtime) &&
                       names(record->about->compatible_architectures, record->about->compatible_architectures_count,
                             options->compatible_architecture)))
        record = record->next;
    return record;
}

/** Adds a copy. False when memory is out. */
static bool append(lambda_packages *packages, lambda_layer_list *list, const lambda__layer_record *record)
{
    if (!list->items || (list->count >= 16 && (list->count & (list->count - 1)) == 0)) {
        size_t capacity = list->count == 0 ? 16 : list->count * 2;
        lambda_layer_version **grown = realloc(list->items, capacity * sizeof(*grown));
        if (!grown) return false;
        list->items = grown;
    }
    list->items[list->count] = lambda__layer_copy(packages, record->about, record->package);
    if (!list->items[list->count]) return false;
    list->count++;
    return true;
}

/** With `mutex` held: layers after the marker, until the page is full. False when memory is out. */
static bool fill_layers(lambda_packages *packages, const lambda_layer_list_options *options, lambda_layer_list *list)
{
    for (const lambda__layer *layer = packages->list; layer; layer = layer->next) {
        if (options->marker && strcmp(layer->name, options->marker) <= 0) continue;
        const lambda__layer_record *record = filter(layer->newest, options);
        if (!record) continue;
        if (list->items && list->count == options->max_items) {
            list->next_marker = strdup(list->items[list->count - 1]->layer_name);
            return list->next_marker != NULL;
        }
        if (!append(packages, list, record)) return false;
    }
    return true;
}

/** Likewise: versions below `before`. */
static bool fill_versions(lambda_packages *packages, const lambda__layer *layer, uint64_t before,
                          const lambda_layer_list_options *options, lambda_layer_list *list)
{
    const lambda__layer_record *record = filter(layer ? layer->newest : NULL, options);
    for (; record; record = filter(record->next, options)) {
        if (record->about->version >= before) continue;
        if (list->items && list->count == options->max_items) {
            char marker[24];
            snprintf(marker, sizeof(marker), "%" PRIu64, list->items[list->count - 1]->version);
            list->next_marker = strdup(marker);
            return list->next_marker != NULL;
        }
        if (!append(packages, list, record)) return false;
    }
    return true;
}

/** Checks arguments that both calls have, and gives an empty list. */
static lambda_status begin(const lambda_packages *packages, const lambda_layer_list_options *options,
                           lambda_layer_list_options *own, lambda_layer_list **list)
{
    if (list) *list = NULL;
    if (!packages || !list) {
        lambda_runtime_fail(NULL, INVALID, "%s: is NULL", packages ? "list" : "packages");
        return INVALID;
    }
    *own = options ? *options : (lambda_layer_list_options){0};
    lambda_status status = check_options(own);
    if (status != LAMBDA_OK) return status;
    *list = calloc(1, sizeof(**list));
    return *list ? LAMBDA_OK : lambda__package_no_memory();
}

static lambda_status finish(bool good, lambda_layer_list **list)
{
    if (good) return LAMBDA_OK;
    lambda_layer_list_free(*list);
    *list = NULL;
    return lambda__package_no_memory();
}

lambda_status lambda_layer_list_page(lambda_packages *packages, const lambda_layer_list_options *options,
                                     lambda_layer_list **list)
{
    lambda_layer_list_options own;
    lambda_status status = begin(packages, options, &own, list);
    if (status != LAMBDA_OK || !*list) return status;
    pthread_mutex_lock(&packages->mutex);
    bool good = fill_layers(packages, &own, *list);
    pthread_mutex_unlock(&packages->mutex);
    return finish(good, list);
}

/** The version that a page before ended with. */
static lambda_status read_marker(const char *marker, uint64_t *before)
{
    size_t digits = strspn(marker, "0123456789");
    if (digits == 0 || digits > 19 || marker[digits])
        return lambda_runtime_fail(NULL, INVALID, "marker: \"%.40s\" is none of a page", marker);
    *before = strtoull(marker, NULL, 10);
    return LAMBDA_OK;
}

lambda_status lambda_layer_versions_page(lambda_packages *packages, const char *layer_name,
                                         const lambda_layer_list_options *options, lambda_layer_list **list)
{
    lambda_layer_list_options own;
    lambda__layer_name name;
    uint64_t before = UINT64_MAX;
    lambda_status status = begin(packages, options, &own, list);
    if (status != LAMBDA_OK || !*list) return status;
    status = lambda__layer_parse(packages, "layer_name", layer_name, &name);
    if (status == LAMBDA_OK && own.marker) status = read_marker(own.marker, &before);
    if (status != LAMBDA_OK) {
        lambda_layer_list_free(*list);
        *list = NULL;
        return status;
    }
    pthread_mutex_lock(&packages->mutex);
    const lambda__layer *layer = lambda__layer_find(packages, name.name);
    bool good = fill_versions(packages, layer, before, &own, *list);
    pthread_mutex_unlock(&packages->mutex);
    return finish(good, list);
}
