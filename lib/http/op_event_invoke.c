/* What becomes of asynchronous invocations: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html */
#include <lambda/event_invoke_config.h>

#include "resource.h"

#define DESTINATION                                                                                                    \
    {                                                                                                                  \
        .name = "Destination", .max = 350,                                                                             \
        .pattern = "(arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9-])+:([a-z0-9-]{1,32})?:([0-9]{12})?:(.*))?",                   \
        .shown =                                                                                                       \
            "$|kafka://([^.]([a-zA-Z0-9\\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}"     \
            "((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)"                                                 \
    }

static const lambda__member TARGET[] = {DESTINATION, LAMBDA__MEMBERS_END};

static const lambda__member DESTINATIONS[] = {
    {.name = "OnSuccess", .type = LAMBDA__STRUCTURE, .members = TARGET},
    {.name = "OnFailure", .type = LAMBDA__STRUCTURE, .members = TARGET},
    LAMBDA__MEMBERS_END,
};

#define CONFIG                                                                                                         \
    {.name = "MaximumRetryAttempts", .type = LAMBDA__INTEGER, .min = 0, .max = 2},                                     \
        {.name = "MaximumEventAgeInSeconds", .type = LAMBDA__INTEGER, .min = 60, .max = 21600},                        \
    {                                                                                                                  \
        .name = "DestinationConfig", .type = LAMBDA__STRUCTURE, .members = DESTINATIONS                                \
    }

const lambda__member lambda__members_put_function_event_invoke_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(false),
    CONFIG,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_update_function_event_invoke_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(false),
    CONFIG,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_function_event_invoke_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(false),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_delete_function_event_invoke_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(false),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_list_function_event_invoke_configs[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_MARKER,
    LAMBDA__MEMBER_MAX_ITEMS(50),
    LAMBDA__MEMBERS_END,
};

/** A time of the model's kind Date: seconds since 1970, to the millisecond. */
static double seconds_of(uint64_t ns)
{
    uint64_t milliseconds = ns / 1000000;
    return (double)milliseconds / 1000.0;
}

static json_t *target_of(const char *target)
{
    return target[0] ? json_pack("{s:s}", "Destination", target) : json_object();
}

static json_t *shape_of(const lambda_event_invoke_configuration *config)
{
    return json_pack("{s:f, s:s, s:I, s:I, s:{s:o, s:o}}", "LastModified", seconds_of(config->modified_ns),
                     "FunctionArn", config->function_arn, "MaximumRetryAttempts",
                     (json_int_t)config->maximum_retry_attempts, "MaximumEventAgeInSeconds",
                     (json_int_t)config->maximum_event_age_s, "DestinationConfig", "OnSuccess",
                     target_of(config->on_success), "OnFailure", target_of(config->on_failure));
}

static void answer(const lambda__request *request, const char *name, lambda__reply *reply)
{
    lambda_event_invoke_configuration *config = NULL;
    lambda_status status = lambda_event_invoke_config_get(request->api->lambda, name, &config);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, shape_of(config));
    else
        lambda__reply_status(reply, request->api->lambda, status);
    lambda_event_invoke_configuration_free(config);
}

static const char *destination(const lambda__request *request, const char *which)
{
    const json_t *all = json_object_get(request->input, "DestinationConfig");
    return json_string_value(json_object_get(json_object_get(all, which), "Destination"));
}

static void change(const lambda__request *request, bool update, lambda__reply *reply)
{
    static const char *const some[] = {"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"};
    const char *name = lambda__input_function(request, reply);
    bool any = false;
    if (!name) return;
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
        any = any || json_object_get(request->input, some[i]) != NULL;
    if (!any) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "You must specify at least one of error handling or destination setting.");
        return;
    }
    uint64_t attempts = lambda__input_number(request, "MaximumRetryAttempts", UINT64_MAX);
    lambda_event_invoke_config config = {.maximum_event_age_s =
                                             (uint32_t)lambda__input_number(request, "MaximumEventAgeInSeconds", 0),
                                         .on_success = destination(request, "OnSuccess"),
                                         .on_failure = destination(request, "OnFailure")};
    if (attempts != UINT64_MAX)
        config.maximum_retry_attempts = attempts == 0 ? LAMBDA_NO_RETRY_ATTEMPTS : (uint32_t)attempts;
    lambda_t *lambda = request->api->lambda;
    lambda_status status = update ? lambda_event_invoke_config_update(lambda, name, &config)
                                  : lambda_event_invoke_config_put(lambda, name, &config);
    if (status == LAMBDA_OK)
        answer(request, name, reply);
    else
        lambda__reply_status(reply, lambda, status);
}

void lambda__op_put_function_event_invoke_config(const lambda__request *request, lambda__reply *reply)
{
    change(request, false, reply);
}

void lambda__op_update_function_event_invoke_config(const lambda__request *request, lambda__reply *reply)
{
    change(request, true, reply);
}

void lambda__op_get_function_event_invoke_config(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    if (name) answer(request, name, reply);
}

void lambda__op_delete_function_event_invoke_config(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_event_invoke_config_delete(request->api->lambda, name);
    if (status != LAMBDA_OK) lambda__reply_status(reply, request->api->lambda, status);
}

void lambda__op_list_function_event_invoke_configs(const lambda__request *request, lambda__reply *reply)
{
    lambda_t *lambda = request->api->lambda;
    lambda_event_invoke_configuration_list *list = NULL;
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_event_invoke_config_list(lambda, name, &list);
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, lambda, status);
        return;
    }
    json_t *all = json_array();
    bool complete = all != NULL;
    for (size_t i = 0; complete && i < list->count; i++)
        complete = json_array_append_new(all, shape_of(list->items[i])) == 0;
    lambda_event_invoke_configuration_list_free(list);
    if (!complete) json_decref(all);
    lambda__resource_page(request, complete ? all : NULL, "FunctionEventInvokeConfigs", reply);
}
