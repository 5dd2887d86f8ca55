/* What else is set for a function: recursion, runtime management, scaling, code signing. */
#include <stdlib.h>
#include <string.h>

#include <lambda/concurrency.h>

#include "resource.h"

#define INVALID "InvalidParameterValueException"

/** Kept with a function or version where it is not the default: {"UpdateRuntimeOn":...,"RuntimeVersionArn":...}. */
#define RUNTIME_KIND "runtime-management"

static const char *const LOOPS[] = {"Allow", "Terminate", NULL};
static const char *const MODES[] = {"Auto", "Manual", "FunctionUpdate", NULL};

const lambda__member lambda__members_put_function_recursion_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    {.name = "RecursiveLoop", .required = true, .values = LOOPS},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_function_recursion_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_put_runtime_management_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(false),
    {.name = "UpdateRuntimeOn", .required = true, .values = MODES},
    {.name = "RuntimeVersionArn",
     .min = 26,
     .max = 2048,
     .pattern = "arn:(aws[a-zA-Z-]*):lambda:[a-z0-9-]{1,32}::runtime:.+",
     .shown = "^arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}::runtime:.+$"},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_runtime_management_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(false),
    LAMBDA__MEMBERS_END,
};

static const lambda__member SCALING[] = {
    {.name = "MinExecutionEnvironments", .type = LAMBDA__INTEGER, .min = 0, .max = 15000},
    {.name = "MaxExecutionEnvironments", .type = LAMBDA__INTEGER, .min = 0, .max = 15000},
    LAMBDA__MEMBERS_END,
};

#define SCALED                                                                                                         \
    {                                                                                                                  \
        .name = "Qualifier", .place = LAMBDA__IN_QUERY, .required = true, .min = 1, .max = 128,                        \
        .pattern = "(\\$LATEST\\.PUBLISHED|[0-9]+)"                                                                    \
    }

const lambda__member lambda__members_put_function_scaling_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    SCALED,
    {.name = "FunctionScalingConfig", .type = LAMBDA__STRUCTURE, .members = SCALING},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_function_scaling_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    SCALED,
    LAMBDA__MEMBERS_END,
};

/* ---- recursion */

void lambda__op_put_function_recursion_config(const lambda__request *request, lambda__reply *reply)
{
    lambda_t *lambda = request->api->lambda;
    const char *loop = lambda__input_string(request, "RecursiveLoop");
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_recursion_config_put(
        lambda, name, strcmp(loop, "Allow") == 0 ? LAMBDA_RECURSIVE_LOOP_ALLOW : LAMBDA_RECURSIVE_LOOP_TERMINATE);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, json_pack("{s:s}", "RecursiveLoop", loop));
    else
        lambda__reply_status(reply, lambda, status);
}

void lambda__op_get_function_recursion_config(const lambda__request *request, lambda__reply *reply)
{
    lambda_t *lambda = request->api->lambda;
    lambda_recursive_loop loop = LAMBDA_RECURSIVE_LOOP_TERMINATE;
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_recursion_config_get(lambda, name, &loop);
    if (status == LAMBDA_OK)
        lambda__reply_json(
            reply, json_pack("{s:s}", "RecursiveLoop", loop == LAMBDA_RECURSIVE_LOOP_ALLOW ? "Allow" : "Terminate"));
    else
        lambda__reply_status(reply, lambda, status);
}

/* ---- runtime management: runtimes are what this machine has and nothing here updates them, so that it is only kept and shown */

/** The ARN of $LATEST or of a version, the caller's to free. NULL is answered: there is no such function, or an alias is named. */
static char *version_arn(const lambda__request *request, const char *name, lambda__reply *reply)
{
    char *arn = lambda__resource_arn(request, name, reply);
    const char *function = arn ? strstr(arn, ":function:") + strlen(":function:") : "";
    const char *colon = strchr(function, ':');
    const char *qualifier = colon ? colon + 1 : "";
    if (!arn || strcmp(qualifier, "$LATEST") == 0 || strspn(qualifier, "0123456789") == strlen(qualifier)) return arn;
    lambda__reply_error(reply, 400, INVALID,
                        "Runtime management is set for $LATEST and for published versions; \"%s\" is neither.",
                        qualifier);
    free(arn);
    return NULL;
}

/** `config` is borrowed. */
static json_t *runtime_shape(const json_t *config, const char *arn)
{
    json_t *shape = json_deep_copy(config);
    if (shape && json_object_set_new(shape, "FunctionArn", json_string(arn)) == 0) return shape;
    json_decref(shape);
    return NULL;
}

/** The config that is asked for. NULL is answered. */
static json_t *runtime_config(const lambda__request *request, lambda__reply *reply)
{
    const char *mode = lambda__input_string(request, "UpdateRuntimeOn");
    const char *version = lambda__input_string(request, "RuntimeVersionArn");
    bool manual = strcmp(mode, "Manual") == 0;
    if (manual != (version != NULL)) {
        lambda__reply_error(reply, 400, INVALID,
                            manual ? "RuntimeVersionArn is required where UpdateRuntimeOn is Manual."
                                   : "RuntimeVersionArn can be specified only where UpdateRuntimeOn is Manual.");
        return NULL;
    }
    json_t *config = json_pack("{s:s, s:s*}", "UpdateRuntimeOn", mode, "RuntimeVersionArn", version);
    if (!config) lambda__reply_json(reply, NULL);
    return config;
}

void lambda__op_put_runtime_management_config(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    char *arn = name ? version_arn(request, name, reply) : NULL;
    json_t *config = arn ? runtime_config(request, reply) : NULL;
    if (config) {
        bool standard = strcmp(lambda__input_string(request, "UpdateRuntimeOn"), "Auto") == 0;
        lambda_status status = lambda__document_put(request->api, name, RUNTIME_KIND, standard ? NULL : config);
        if (status == LAMBDA_OK)
            lambda__reply_json(reply, runtime_shape(config, arn));
        else
            lambda__reply_status(reply, request->api->lambda, status);
    }
    json_decref(config);
    free(arn);
}

void lambda__op_get_runtime_management_config(const lambda__request *request, lambda__reply *reply)
{
    lambda_status status;
    const char *name = lambda__input_function(request, reply);
    char *arn = name ? version_arn(request, name, reply) : NULL;
    if (!arn) return;
    json_t *config = lambda__document_get(request->api, name, RUNTIME_KIND, &status);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, runtime_shape(config, arn));
    else if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND)
        lambda__reply_json(reply, json_pack("{s:s, s:s}", "UpdateRuntimeOn", "Auto", "FunctionArn", arn));
    else
        lambda__reply_status(reply, request->api->lambda, status);
    json_decref(config);
    free(arn);
}

/* ---- scaling: of functions on capacity providers alone, and there are none of those here */

void lambda__op_put_function_scaling_config(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    char *arn = name ? lambda__resource_arn(request, name, reply) : NULL;
    if (!arn) return;
    lambda__reply_error(reply, 400, INVALID,
                        "%s is on no capacity provider, and has no FunctionScalingConfig: a minimum is set with "
                        "PutProvisionedConcurrencyConfig, a maximum with PutFunctionConcurrency.",
                        arn);
    free(arn);
}

void lambda__op_get_function_scaling_config(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    char *arn = name ? lambda__resource_arn(request, name, reply) : NULL;
    if (!arn) return;
    lambda__reply_json(reply, json_pack("{s:s}", "FunctionArn", arn));
    free(arn);
}

/* ---- code signing: there is none here, which who manages functions asks */

const lambda__member lambda__members_get_function_code_signing_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBERS_END,
};

void lambda__op_get_function_code_signing_config(const lambda__request *request, lambda__reply *reply)
{
    lambda_function_configuration *configuration = NULL;
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_get(request->api->lambda, name, &configuration);
    if (status == LAMBDA_OK)
        lambda__reply_json(
            reply, json_pack("{s:s, s:s}", "CodeSigningConfigArn", "", "FunctionName", configuration->function_name));
    else
        lambda__reply_status(reply, request->api->lambda, status);
    lambda_function_configuration_free(configuration);
}
