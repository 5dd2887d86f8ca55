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
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)parts[i].name_length, parts[i].name);
        /* What could not be put is missing then, which the check says. */
        json_object_set_new(input, name, decoded(parts[i].text, parts[i].length));
    }
}

const lambda__operation *lambda__operation_find(const char *method, const char *path, const char *query, json_t *input,
                                                bool *method_known)
{
    const lambda__operation *best = NULL;
    part best_parts[MEMBERS_MOST];
    size_t best_count = 0;
    size_t best_fixed = 0;
    *method_known = false;
    for (size_t i = 0; i < OPERATIONS_COUNT; i++) {
        part parts[MEMBERS_MOST];
        size_t count;
        size_t fixed;
        if (!path_matches(OPERATIONS[i].shown.path, path, query, parts, &count, &fixed)) continue;
        *method_known = true;
        if (strcmp(OPERATIONS[i].shown.method, method) != 0 || (best && fixed <= best_fixed)) continue;
        best = &OPERATIONS[i];
        best_fixed = fixed;
        best_count = count;
        memcpy(best_parts, parts, sizeof parts);
    }
    if (best && input) put_parts(input, best_parts, best_count);
    return best;
}

/* ---- running one */

/** The resource that an action is on: what the input names, as an ARN. Only members that the operation takes say so. */
static void resource_of(const lambda__request *request, char resource[512])
{
    static const char *const ARNS[] = {"Resource", "ResourceArn", "Arn", NULL};
    const lambda_api *api = request->api;
    for (const char *const *each = ARNS; *each; each++) {
        const char *arn =
            lambda__operation_takes(request->operation, *each) ? lambda__input_string(request, *each) : NULL;
        if (!arn) continue;
        snprintf(resource, 512, "%s", arn);
        return;
    }
    const char *kind = lambda__operation_takes(request->operation, "FunctionName") ? "function" : "layer";
    const char *name = lambda__input_string(request, *kind == 'f' ? "FunctionName" : "LayerName");
    if (!name) {
        snprintf(resource, 512, "*");
        return;
    }
    const char *bare = lambda__bare_name(name, kind);
    const char *qualifier = *kind == 'f' && !strchr(bare, ':') ? lambda__input_string(request, "Qualifier") : NULL;
    snprintf(resource, 512, "arn:aws:lambda:%s:%s:%s:%s%s%s", api->region, api->account_id, kind, bare,
             qualifier ? ":" : "", qualifier ? qualifier : "");
}

/** The action is the operation's name, but for one: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html */
static const char *action_of(const lambda__operation *operation)
{
    const char *name = operation->shown.name;
    return strcmp(name, "GetLayerVersionByArn") == 0 ? "GetLayerVersion" : name;
}

bool lambda__operation_allowed(const lambda__request *request, const json_t *resource_policy, lambda__reply *reply)
{
    char action[96];
    char resource[512];
    char why[512];
    const lambda__operation *operation = request->operation;
    if (!request->caller || (!request->caller->identity && !request->caller->service)) return true;
    snprintf(action, sizeof action, "%s:%s", operation->shown.own ? "liblambda" : "lambda", action_of(operation));
    resource_of(request, resource);
    const lambda__wish wish = {.action = action, .resource = resource, .caller = request->caller};
    if (lambda__caller_may(&wish, resource_policy, why)) return true;
    lambda__reply_error(reply, 403, "AccessDeniedException", "%s", why);
    return false;
}

void lambda__operation_run(const lambda__request *request, lambda__reply *reply)
{
    const lambda__operation *operation = request->operation;
    if (operation->shown.state == LAMBDA_API_NOT_BUILT) {
        lambda__reply_error(reply, 501, "NotImplementedException", "%s is not built here: docs/api.md says what is",
                            operation->shown.name);
        return;
    }
    if (!lambda__operation_check(request->api, operation, request->input, reply) ||
        !lambda__operation_allowed(request, NULL, reply))
        return;
    operation->handler(request, reply);
    if (reply->status == 0) reply->status = operation->shown.status;
}
