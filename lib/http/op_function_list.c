/* Lists of functions, versions and aliases, in pages. */
#include <lambda/alias.h>
#include <lambda/version.h>
#include <string.h>

#include "function.h"

enum { PAGE_MOST = 50 }; /* Lambda gives no more at once, whatever MaxItems says */

static lambda_list_options page_of(const lambda__request *request)
{
    uint64_t most = lambda__input_number(request, "MaxItems", PAGE_MOST);
    const char *marker = lambda__input_string(request, "Marker");
    return (lambda_list_options){.marker = marker && *marker ? marker : NULL,
                                 .max_items = (uint32_t)(most < PAGE_MOST ? most : PAGE_MOST)};
}

/** Takes the items, and the marker where there is one. */
static void reply_page(lambda__reply *reply, const char *name, json_t *items, const char *next_marker)
{
    json_t *page = json_pack("{s:o}", name, items);
    if (page && next_marker && json_object_set_new(page, "NextMarker", json_string(next_marker)) != 0) {
        json_decref(page);
        page = NULL;
    }
    lambda__reply_json(reply, page);
}

static json_t *shape_list(const lambda_function_list *list)
{
    json_t *items = json_array();
    for (size_t i = 0; items && i < list->count; i++) {
        if (json_array_append_new(items, lambda__shape_configuration(list->items[i])) == 0) continue;
        json_decref(items);
        items = NULL;
    }
    return items;
}

static void reply_list(const lambda__request *request, lambda__reply *reply, const char *name, lambda_status status,
                       lambda_function_list *list)
{
    if (status == LAMBDA_OK)
        reply_page(reply, name, shape_list(list), list->next_marker);
    else
        lambda__reply_status(reply, request->api->lambda, status);
    lambda_function_list_free(list);
}

/** Adds all versions of a function that is still there. */
static lambda_status add_versions(lambda_api *api, const char *name, json_t *items)
{
    lambda_status status = LAMBDA_OK;
    json_t *marker = NULL;
    do {
        lambda_function_list *list = NULL;
        const lambda_list_options page = {.marker = json_string_value(marker), .max_items = 1000};
        status = lambda_version_list_page(api->lambda, name, &page, &list);
        json_decref(marker);
        marker = NULL;
        if (status != LAMBDA_OK) break;
        json_t *versions = shape_list(list);
        if (list->next_marker) marker = json_string(list->next_marker);
        if (!versions || json_array_extend(items, versions) != 0 || (list->next_marker && !marker))
            status = LAMBDA_ERROR_OUT_OF_MEMORY;
        json_decref(versions);
        lambda_function_list_free(list);
    } while (status == LAMBDA_OK && marker);
    json_decref(marker);
    return status == LAMBDA_ERROR_RESOURCE_NOT_FOUND ? LAMBDA_OK : status;
}

void lambda__op_list_functions(const lambda__request *request, lambda__reply *reply)
{
    lambda_function_list *list = NULL;
    lambda_list_options page = page_of(request);
    bool all = lambda__input_string(request, "FunctionVersion") != NULL;
    const char *master = lambda__input_string(request, "MasterRegion");
    /* Functions of Lambda@Edge, replicated from there: there are none. */
    if (master && strcmp(master, "ALL") != 0 && strcmp(master, request->api->region) != 0) {
        reply_page(reply, "Functions", json_array(), NULL);
        return;
    }
    lambda_status status = lambda_function_list_page(request->api->lambda, &page, &list);
    if (status != LAMBDA_OK || !all) {
        reply_list(request, reply, "Functions", status, list);
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; items && status == LAMBDA_OK && i < list->count; i++)
        status = add_versions(request->api, list->items[i]->function_name, items);
    if (status == LAMBDA_OK) {
        reply_page(reply, "Functions", items, list->next_marker);
    } else {
        json_decref(items);
        lambda__reply_status(reply, request->api->lambda, status);
    }
    lambda_function_list_free(list);
}

void lambda__op_list_versions_by_function(const lambda__request *request, lambda__reply *reply)
{
    lambda_function_list *list = NULL;
    lambda_list_options page = page_of(request);
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_version_list_page(request->api->lambda, name, &page, &list);
    reply_list(request, reply, "Versions", status, list);
}

void lambda__op_list_aliases(const lambda__request *request, lambda__reply *reply)
{
    lambda_alias_list *list = NULL;
    lambda_list_options page = page_of(request);
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_alias_list_page(request->api->lambda, name,
                                                  lambda__input_string(request, "FunctionVersion"), &page, &list);
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, request->api->lambda, status);
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; items && i < list->count; i++) {
        if (json_array_append_new(items, lambda__shape_alias(list->items[i])) == 0) continue;
        json_decref(items);
        items = NULL;
    }
    reply_page(reply, "Aliases", items, list->next_marker);
    lambda_alias_list_free(list);
}
