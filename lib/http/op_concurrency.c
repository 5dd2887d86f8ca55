/* Reserved and provisioned concurrency: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/concurrency.h>

#include "resource.h"

const lambda__member lambda__members_put_function_concurrency[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    {.name = "ReservedConcurrentExecutions", .type = LAMBDA__INTEGER, .required = true, .min = 0, .max = INT32_MAX},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_function_concurrency[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_delete_function_concurrency[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_put_provisioned_concurrency_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(true),
    {.name = "ProvisionedConcurrentExecutions", .type = LAMBDA__INTEGER, .required = true, .min = 1, .max = INT32_MAX},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_provisioned_concurrency_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(true),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_delete_provisioned_concurrency_config[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(true),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_list_provisioned_concurrency_configs[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_MARKER,
    LAMBDA__MEMBER_MAX_ITEMS(50),
    LAMBDA__MEMBERS_END,
};

/* ---- reserved */

void lambda__op_put_function_concurrency(const lambda__request *request, lambda__reply *reply)
{
    lambda_t *lambda = request->api->lambda;
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    uint32_t count = (uint32_t)lambda__input_number(request, "ReservedConcurrentExecutions", 0);
    lambda_status status = lambda_function_concurrency_put(lambda, name, count);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, json_pack("{s:I}", "ReservedConcurrentExecutions", (json_int_t)count));
    else
        lambda__reply_status(reply, lambda, status);
}

void lambda__op_get_function_concurrency(const lambda__request *request, lambda__reply *reply)
{
    lambda_t *lambda = request->api->lambda;
    bool reserved = false;
    uint32_t count = 0;
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_concurrency_get(lambda, name, &reserved, &count);
    if (status != LAMBDA_OK)
        lambda__reply_status(reply, lambda, status);
    else
        lambda__reply_json(reply, reserved ? json_pack("{s:I}", "ReservedConcurrentExecutions", (json_int_t)count)
                                           : json_object());
}

void lambda__op_delete_function_concurrency(const lambda__request *request, lambda__reply *reply)
{
    lambda_t *lambda = request->api->lambda;
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_concurrency_delete(lambda, name);
    if (status != LAMBDA_OK) lambda__reply_status(reply, lambda, status);
}

/* ---- provisioned */

/** `arn` NULL: the shape has none. */
static json_t *shape_of(const lambda_provisioned_concurrency *config, const char *arn)
{
    char modified[32];
    lambda__time_text(config->modified_ns, modified);
    return json_pack("{s:s*, s:I, s:I, s:I, s:s, s:s*, s:s}", "FunctionArn", arn,
                     "RequestedProvisionedConcurrentExecutions", (json_int_t)config->requested,
                     "AvailableProvisionedConcurrentExecutions", (json_int_t)config->allocated,
                     "AllocatedProvisionedConcurrentExecutions", (json_int_t)config->allocated, "Status",
                     lambda_provisioned_concurrency_status_name(config->status), "StatusReason",
                     config->status_reason[0] ? config->status_reason : NULL, "LastModified", modified);
}

/** The version or alias, which is there. NULL is answered. */
static const char *find(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    char *arn = name ? lambda__resource_arn(request, name, reply) : NULL;
    bool there = arn != NULL;
    free(arn);
    return there ? name : NULL;
}

static void answer(const lambda__request *request, const char *name, lambda__reply *reply)
{
    lambda_provisioned_concurrency config;
    lambda_status status = lambda_provisioned_concurrency_get(request->api->lambda, name, &config);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, shape_of(&config, NULL));
    else
        lambda__reply_status(reply, request->api->lambda, status);
}

void lambda__op_put_provisioned_concurrency_config(const lambda__request *request, lambda__reply *reply)
{
    const char *name = find(request, reply);
    if (!name) return;
    const char *qualifier = strrchr(name, ':');
    if (qualifier && strcmp(qualifier, ":$LATEST") == 0) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.");
        return;
    }
    lambda_status status = lambda_provisioned_concurrency_put(
        request->api->lambda, name, (uint32_t)lambda__input_number(request, "ProvisionedConcurrentExecutions", 0));
    if (status == LAMBDA_OK)
        answer(request, name, reply);
    else
        lambda__reply_status(reply, request->api->lambda, status);
}

void lambda__op_get_provisioned_concurrency_config(const lambda__request *request, lambda__reply *reply)
{
    const char *name = find(request, reply);
    if (name) answer(request, name, reply);
}

void lambda__op_delete_provisioned_concurrency_config(const lambda__request *request, lambda__reply *reply)
{
    const char *name = find(request, reply);
    if (!name) return;
    lambda_status status = lambda_provisioned_concurrency_delete(request->api->lambda, name);
    if (status != LAMBDA_OK) lambda__reply_status(reply, request->api->lambda, status);
}

/** All of a function's: the caller's to free. */
static lambda_status take_all(const lambda__request *request, const char *name, lambda_provisioned_concurrency **items,
                              size_t *count)
{
    lambda_status status = LAMBDA_OK;
    size_t capacity = 16;
    *items = NULL;
    for (;;) {
        lambda_provisioned_concurrency *grown = realloc(*items, capacity * sizeof(*grown));
        if (!grown) return LAMBDA_ERROR_OUT_OF_MEMORY;
        *items = grown;
        status = lambda_provisioned_concurrency_list(request->api->lambda, name, grown, capacity, count);
        if (status != LAMBDA_OK || *count <= capacity) return status;
        capacity = *count;
    }
}

void lambda__op_list_provisioned_concurrency_configs(const lambda__request *request, lambda__reply *reply)
{
    lambda_provisioned_concurrency *items = NULL;
    size_t count = 0;
    const char *name = lambda__input_function(request, reply);
    char *arn = name ? lambda__resource_arn(request, name, reply) : NULL;
    if (!arn) return;
    lambda_status status = take_all(request, name, &items, &count);
    if (status == LAMBDA_OK) {
        json_t *all = json_array();
        bool complete = all != NULL;
        for (size_t i = 0; complete && i < count; i++) {
            char qualified[512];
            snprintf(qualified, sizeof(qualified), "%s:%s", arn, items[i].qualifier);
            complete = json_array_append_new(all, shape_of(&items[i], qualified)) == 0;
        }
        if (!complete) json_decref(all);
        lambda__resource_page(request, complete ? all : NULL, "ProvisionedConcurrencyConfigs", reply);
    } else {
        lambda__reply_status(reply, request->api->lambda, status);
    }
    free(items);
    free(arn);
}
