/* May the caller? What an operation is on, as an ARN, and whose policies speak of that. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/layer.h>

#include "api.h"
#include "policy.h"

enum { RESOURCE = 512 };

/** What stands behind the partition of an ARN. All of them are the same here, so that no policy is passed by writing another one. */
static const char *without_partition(const char *arn)
{
    const char *colon = strchr(arn, ':');
    colon = colon ? strchr(colon + 1, ':') : NULL;
    return colon ? colon + 1 : arn;
}

/** The resource that an action is on: what the input names, as an ARN. Only members that the operation takes say so. */
static void resource_of(const lambda__request *request, char resource[RESOURCE])
{
    static const char *const ARNS[] = {"Resource", "ResourceArn", "Arn", NULL};
    const lambda_api *api = request->api;
    for (const char *const *each = ARNS; *each; each++) {
        const char *arn =
            lambda__operation_takes(request->operation, *each) ? lambda__input_string(request, *each) : NULL;
        if (!arn) continue;
        snprintf(resource, RESOURCE, "arn:aws:%s", without_partition(arn));
        return;
    }
    const char *kind = lambda__operation_takes(request->operation, "FunctionName") ? "function" : "layer";
    const char *name = lambda__input_string(request, *kind == 'f' ? "FunctionName" : "LayerName");
    if (!name) {
        snprintf(resource, RESOURCE, "*");
        return;
    }
    char version[24] = "";
    const char *bare = lambda__bare_name(name, kind);
    const char *qualifier = NULL;
    if (*kind == 'f' && !strchr(bare, ':')) qualifier = lambda__input_string(request, "Qualifier");
    if (*kind == 'l' && lambda__operation_takes(request->operation, "VersionNumber")) {
        snprintf(version, sizeof version, "%" PRIu64, lambda__input_number(request, "VersionNumber", 0));
        qualifier = version;
    }
    snprintf(resource, RESOURCE, "arn:aws:lambda:%s:%s:%s:%s%s%s", api->region, api->account_id, kind, bare,
             qualifier ? ":" : "", qualifier ? qualifier : "");
}

/** The action is the operation's name, but for one: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html */
static const char *action_of(const lambda__operation *operation)
{
    const char *name = operation->shown.name;
    return strcmp(name, "GetLayerVersionByArn") == 0 ? "GetLayerVersion" : name;
}

/** The policy of a layer's version. NULL with LAMBDA_OK: there is none, or no such version. */
static json_t *policy_of_layer(const lambda_api *api, const char *arn, lambda_status *status)
{
    char name[160];
    char *text = NULL;
    const char *bare = lambda__bare_name(arn, "layer");
    size_t length = strcspn(bare, ":");
    *status = LAMBDA_OK;
    if (!api->packages || length >= sizeof name || bare[length] != ':') return NULL;
    memcpy(name, bare, length);
    name[length] = '\0';
    uint64_t number = strtoull(bare + length + 1, NULL, 10);
    *status = lambda_layer_policy_get(api->packages, name, number, &text);
    json_t *policy = NULL;
    if (*status == LAMBDA_OK) {
        json_error_t error;
        policy = json_loads(text, 0, &error);
        if (!policy && json_error_code(&error) == json_error_out_of_memory) *status = LAMBDA_ERROR_OUT_OF_MEMORY;
    } else if (*status != LAMBDA_ERROR_OUT_OF_MEMORY) {
        *status = LAMBDA_OK;
    }
    lambda_layer_policy_free(text);
    return policy;
}

/** False: the reply says why not. */
static bool may(const lambda__request *request, const char *action, const char *resource, lambda__reply *reply)
{
    char why[512];
    lambda_status status = LAMBDA_OK;
    json_t *policy = NULL;
    if (strcmp(action, "lambda:GetLayerVersion") == 0) policy = policy_of_layer(request->api, resource, &status);
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, NULL, status);
        return false;
    }
    const lambda__wish wish = {
        .action = action, .resource = resource, .account_id = request->api->account_id, .caller = request->caller};
    bool allowed = lambda__caller_may(&wish, policy, why);
    json_decref(policy);
    if (!allowed) lambda__reply_error(reply, 403, "AccessDeniedException", "%s", why);
    return allowed;
}

static bool is_bounded(const lambda__request *request)
{
    return request->caller && (request->caller->identity || request->caller->service);
}

/** Who gives a function a layer reads the layer. */
static bool may_use_layers(const lambda__request *request, lambda__reply *reply)
{
    if (!lambda__operation_takes(request->operation, "Layers")) return true;
    const json_t *layers = json_object_get(request->input, "Layers");
    size_t index;
    const json_t *layer;
    json_array_foreach(layers, index, layer)
    {
        char resource[RESOURCE];
        snprintf(resource, sizeof resource, "arn:aws:%s", without_partition(json_string_value(layer)));
        if (!may(request, "lambda:GetLayerVersion", resource, reply)) return false;
    }
    return true;
}

bool lambda__operation_allowed(const lambda__request *request, lambda__reply *reply)
{
    char action[96];
    char resource[RESOURCE];
    if (!is_bounded(request)) return true;
    snprintf(action, sizeof action, "%s:%s", request->operation->shown.own ? "liblambda" : "lambda",
             action_of(request->operation));
    resource_of(request, resource);
    return may(request, action, resource, reply) && may_use_layers(request, reply);
}
