/* The table of operations: which one a method and a path mean, and how one is run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "handlers.h"
#include "percent.h"
#include "policy.h"

#define SHOWN(name_, method_, path_, status_, state_)                                                                  \
    {                                                                                                                  \
        .name = #name_, .method = (method_), .path = (path_), .status = (status_), .state = LAMBDA_API_##state_        \
    }
#define ROW_BUILT(name_, snake, method_, path_, status_)                                                               \
    {.shown = SHOWN(name_, method_, path_, status_, BUILT),                                                            \
     .handler = lambda__op_##snake,                                                                                    \
     .members = lambda__members_##snake},
#define ROW_SERVED(name_, snake, method_, path_, status_, kind_)                                                       \
    {.shown = SHOWN(name_, method_, path_, status_, BUILT), .kind = (kind_), .members = lambda__members_##snake},
#define ROW_LATER(name_, snake, method_, path_, status_) {.shown = SHOWN(name_, method_, path_, status_, NOT_BUILT)},

#define ROW_OWN(name_, snake, method_, path_, status_)                                                                 \
    {.shown = {.name = #name_, .method = (method_), .path = (path_), .status = (status_), .own = true},                \
     .handler = lambda__op_##snake,                                                                                    \
     .members = lambda__members_##snake},

static const lambda__operation OPERATIONS[] = {LAMBDA__OPERATIONS(ROW_BUILT, ROW_SERVED, ROW_LATER)
                                                   LAMBDA__OWN_OPERATIONS(ROW_OWN)};

enum { OPERATIONS_COUNT = sizeof OPERATIONS / sizeof OPERATIONS[0], MEMBERS_MOST = 4 };

const lambda_api_operation *lambda_api_operation_at(size_t index)
{
    return index < OPERATIONS_COUNT ? &OPERATIONS[index].shown : NULL;
}

const lambda__operation *lambda__operation_named(const char *name)
{
    for (size_t i = 0; i < OPERATIONS_COUNT; i++)
        if (strcmp(OPERATIONS[i].shown.name, name) == 0) return &OPERATIONS[i];
    return NULL;
}

bool lambda__operation_takes(const lambda__operation *operation, const char *name)
{
    for (const lambda__member *member = operation->members; member && member->name; member++)
        if (strcmp(member->name, name) == 0) return true;
    return false;
}

/* ---- paths */

typedef struct part {
    const char *name; /* of the member, in the template */
    size_t name_length;
    const char *text; /* raw */
    size_t length;
} part;

/** Does the query have the template's "find=LayerVersion"? */
static bool query_has(const char *query, const char *wanted)
{
    size_t length = strlen(wanted);
    for (const char *at = query; at && *at; at = strchr(at, '&')) {
        at += *at == '&';
        if (strncmp(at, wanted, length) == 0 && (at[length] == '&' || at[length] == '\0')) return true;
    }
    return false;
}

/** Are path and query of the form? The parts are filled in. `*fixed` counts what stands in both. */
static bool path_matches(const char *form, const char *path, const char *query, part parts[MEMBERS_MOST], size_t *count,
                         size_t *fixed)
{
    *count = *fixed = 0;
    while (*form && *form != '?') {
        if (*form == '{') {
            const char *end = strchr(form, '}');
            size_t length = strcspn(path, "/");
            if (length == 0 || *count == MEMBERS_MOST) return false;
            parts[(*count)++] = (part){form + 1, (size_t)(end - form) - 1, path, length};
            path += length;
            form = end + 1;
        } else if (*form == *path) {
            form++;
            path++;
            (*fixed)++;
        } else {
            return false;
        }
    }
    /* "/functions/" is "/functions": clients differ. */
    if (path[0] == '/' && path[1] == '\0') path++;
    if (*path) return false;
    if (*form == '\0') return true;
    *fixed += strlen(form);
    return query_has(query, form + 1);
}

/** A string of what is percent-encoded. NULL: it is not rightly, or no UTF-8, or memory is out. */
static json_t *decoded(const char *text, size_t length)
{
    char *plain = strndup(text, length);
    json_t *value = plain && lambda__percent_decode(plain) ? json_string(plain) : NULL;
    free(plain);
    return value;
}

static void put_parts(json_t *input, const part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* What could not be put is missing then, which the check says. */
        json_object_setn_new(input, parts[i].name, parts[i].name_length, decoded(parts[i].text, parts[i].length));
    }
}

/** With another method than was asked. */
static bool path_is_known(const char *path, const char *query)
{
    part parts[MEMBERS_MOST];
    size_t count;
    size_t fixed;
    for (size_t i = 0; i < OPERATIONS_COUNT; i++)
        if (path_matches(OPERATIONS[i].shown.path, path, query, parts, &count, &fixed)) return true;
    return false;
}

const lambda__operation *lambda__operation_find(const char *method, const char *path, const char *query, json_t *input,
                                                bool *path_known)
{
    const lambda__operation *best = NULL;
    part best_parts[MEMBERS_MOST];
    size_t best_count = 0;
    size_t best_fixed = 0;
    for (size_t i = 0; *method && i < OPERATIONS_COUNT; i++) {
        part parts[MEMBERS_MOST];
        size_t count;
        size_t fixed;
        /* Nearly all others go at their first letters. */
        if (OPERATIONS[i].shown.method[1] != method[1] || strcmp(OPERATIONS[i].shown.method, method) != 0 ||
            !path_matches(OPERATIONS[i].shown.path, path, query, parts, &count, &fixed) ||
            (best && fixed <= best_fixed))
            continue;
        best = &OPERATIONS[i];
        best_fixed = fixed;
        best_count = count;
        memcpy(best_parts, parts, sizeof parts);
    }
    if (best && input) put_parts(input, best_parts, best_count);
    *path_known = best || path_is_known(path, query);
    return best;
}

/* ---- running one */

void lambda__operation_run(const lambda__request *request, lambda__reply *reply)
{
    const lambda__operation *operation = request->operation;
    if (operation->shown.state == LAMBDA_API_NOT_BUILT) {
        lambda__reply_error(reply, 501, "NotImplementedException", "%s is not built here: docs/api.md says what is",
                            operation->shown.name);
        return;
    }
    if (!lambda__operation_check(request->api, operation, request->input, reply) ||
        !lambda__operation_allowed(request, reply))
        return;
    operation->handler(request, reply);
    if (reply->status == 0) reply->status = operation->shown.status;
}
