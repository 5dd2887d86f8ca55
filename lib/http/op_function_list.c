/* Lists of functions, versions and aliases, in pages. */
#include <lambda/alias.h>
#include <lambda/version.h>
#include <stdio.h>
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

/** Adds the items, without what Lambda leaves to GetFunction. False: memory is out. */
static bool add_items(const lambda_api *api, json_t *items, const lambda_function_list *list)
{
    static const char *const LEFT_OUT[] = {"State", "StateReason", "StateReasonCode", "LastUpdateStatus"};
    for (size_t i = 0; i < list->count; i++) {
        json_t *shape = lambda__shape_configuration(api, list->items[i]);
        for (size_t k = 0; k < sizeof LEFT_OUT / sizeof LEFT_OUT[0]; k++)
            json_object_del(shape, LEFT_OUT[k]);
        if (json_array_append_new(items, shape) != 0) return false;
    }
    return true;
}

static json_t *shape_list(const lambda_api *api, const lambda_function_list *list)
{
    json_t *items = json_array();
    if (items && add_items(api, items, list)) return items;
    json_decref(items);
    return NULL;
}

static void reply_list(const lambda__request *request, lambda__reply *reply, const char *name, lambda_status status,
                       lambda_function_list *list)
{
    if (status == LAMBDA_OK)
        reply_page(reply, name, shape_list(request->api, list), list->next_marker);
    else
        lambda__reply_status(reply, request->api->lambda, status);
    lambda_function_list_free(list);
}

/* ---- all versions of all functions */

/** Where a page begins: at a function of the list of functions, and at one of its versions. As a marker "FUNCTION", or "FUNCTION:VERSION:NAME" within a function. */
typedef struct place {
    char function[24]; /* the marker of the list of functions; "0": its first */
    char version[24];  /* the marker of the list of that function's versions; "": its first */
    char name[72];     /* of the function, with `version`: it may be gone when the next page is asked for */
} place;

static bool read_place(const char *marker, place *at)
{
    *at = (place){.function = "0"};
    if (!marker) return true;
    int end = 0;
    int parts =
        sscanf(marker, "%23[0-9]%n:%23[0-9]:%71[A-Za-z0-9_-]%n", at->function, &end, at->version, at->name, &end);
    return (parts == 1 || parts == 3) && marker[end] == '\0';
}

/** Adds a function's versions, as many as there is room for. `next` is set where that was not all of them. */
static lambda_status add_versions(lambda_api *api, const place *at, const char *name, uint32_t room, json_t *items,
                                  char next[128])
{
    lambda_function_list *list = NULL;
    bool within = at->version[0] && strcmp(at->name, name) == 0;
    const lambda_list_options page = {.marker = within ? at->version : NULL, .max_items = room};
    lambda_status status = lambda_version_list_page(api->lambda, name, &page, &list);
    /* It was deleted a moment ago. */
    if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) return LAMBDA_OK;
    if (status == LAMBDA_OK && !add_items(api, items, list)) status = LAMBDA_ERROR_OUT_OF_MEMORY;
    if (status == LAMBDA_OK && list->next_marker)
        snprintf(next, 128, "%s:%s:%s", at->function, list->next_marker, name);
    lambda_function_list_free(list);
    return status;
}

/** One page, however many functions and versions there are. `next`: the marker of the page behind it, "" for none. */
static lambda_status list_all(lambda_api *api, const lambda_list_options *page, json_t *items, char next[128])
{
    place at;
    bool more = true;
    lambda_status status = LAMBDA_OK;
    next[0] = '\0';
    if (!read_place(page->marker, &at))
        return lambda_runtime_fail(api->lambda, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                   "marker: \"%.80s\" is not the next_marker of a page", page->marker);
    while (status == LAMBDA_OK && more && !next[0]) {
        lambda_function_list *one = NULL;
        uint32_t room = page->max_items - (uint32_t)json_array_size(items);
        if (room == 0) {
            snprintf(next, 128, "%s", at.function);
            break;
        }
        status =
            lambda_function_list_page(api->lambda, &(lambda_list_options){.marker = at.function, .max_items = 1}, &one);
        if (status != LAMBDA_OK) break;
        more = one->next_marker != NULL;
        if (one->count > 0) status = add_versions(api, &at, one->items[0]->function_name, room, items, next);
        at.version[0] = '\0';
        if (more) snprintf(at.function, sizeof at.function, "%s", one->next_marker);
        lambda_function_list_free(one);
    }
    return status;
}

/** Functions of Lambda@Edge that were replicated from a region: there are none. True: it is answered. */
static bool reply_edge(const lambda__request *request, lambda__reply *reply)
{
    const char *master = lambda__input_string(request, "MasterRegion");
    if (!master || strcmp(master, "ALL") == 0) return false;
    if (lambda__input_string(request, "FunctionVersion"))
        reply_page(reply, "Functions", json_array(), NULL);
    else
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "FunctionVersion must be set to ALL if MasterRegion is specified.");
    return true;
}

void lambda__op_list_functions(const lambda__request *request, lambda__reply *reply)
{
    char next[128];
    lambda_list_options page = page_of(request);
    if (reply_edge(request, reply)) return;
    if (!lambda__input_string(request, "FunctionVersion")) {
        lambda_function_list *list = NULL;
        lambda_status status = lambda_function_list_page(request->api->lambda, &page, &list);
        reply_list(request, reply, "Functions", status, list);
        return;
    }
    json_t *items = json_array();
    lambda_status status = items ? list_all(request->api, &page, items, next) : LAMBDA_ERROR_OUT_OF_MEMORY;
    if (status == LAMBDA_OK) {
        reply_page(reply, "Functions", items, next[0] ? next : NULL);
    } else {
        json_decref(items);
        lambda__reply_status(reply, request->api->lambda, status);
    }
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
