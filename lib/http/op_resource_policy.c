/* PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy: the policy of a function, version or alias as a whole. It is the one that AddPermission adds to. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "resource.h"

#define INVALID "InvalidParameterValueException"

#define RESOURCE_ARN                                                                                                   \
    {                                                                                                                  \
        .name = "ResourceArn", .place = LAMBDA__IN_PATH, .required = true, .max = 256,                                 \
        .pattern = "arn:(aws[a-zA-Z-]*)?:lambda:[a-z0-9-]{1,32}:[0-9]{12}:function:[a-zA-Z0-9_-]+"                     \
                   "(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9_-])+)?",                                                    \
        .shown = "arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:"         \
                 "function:[a-zA-Z0-9-_]+(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_])+)?"                                \
    }

const lambda__member lambda__members_put_resource_policy[] = {
    RESOURCE_ARN,
    {.name = "Policy", .required = true, .min = 1},
    LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_BODY),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_resource_policy[] = {
    RESOURCE_ARN,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_delete_resource_policy[] = {
    RESOURCE_ARN,
    LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_QUERY),
    LAMBDA__MEMBERS_END,
};

/** The ARN, if it leads somewhere. NULL is answered. */
static const char *find(const lambda__request *request, lambda__reply *reply)
{
    const char *resource = lambda__input_string(request, "ResourceArn");
    char *arn = lambda__resource_arn(request, resource, reply);
    free(arn);
    return arn ? resource : NULL;
}

static void missing(lambda__reply *reply)
{
    lambda__reply_error(reply, 404, "ResourceNotFoundException", "No policy is associated with the given resource.");
}

/** The policy that is to be put. NULL is answered. */
static json_t *policy_of(const lambda__request *request, lambda__reply *reply)
{
    char why[256] = "";
    json_error_t error;
    const char *text = lambda__input_string(request, "Policy");
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!document && json_error_code(&error) == json_error_out_of_memory) {
        lambda__reply_json(reply, NULL);
        return NULL;
    }
    if (document && lambda__policy_check(document, true, why)) {
        if (lambda__policy_fits(document, reply)) return document;
    } else {
        lambda__reply_error(reply, 400, INVALID, "The policy is not valid: %s", document ? why : error.text);
    }
    json_decref(document);
    return NULL;
}

/** With `changing` held: `document` NULL takes the policy away; else `shape` is what is answered. */
static void change(const lambda__request *request, const char *arn, const json_t *document, json_t *shape,
                   lambda__reply *reply)
{
    lambda_status status;
    json_t *old = lambda__document_get(request->api, arn, "policy", &status);
    if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND && !document)
        missing(reply);
    else if (status != LAMBDA_OK && status != LAMBDA_ERROR_RESOURCE_NOT_FOUND)
        lambda__reply_status(reply, request->api->lambda, status);
    else if (lambda__policy_expect(request, old, reply)) {
        status = lambda__document_put(request->api, arn, "policy", document);
        if (status != LAMBDA_OK)
            lambda__reply_status(reply, request->api->lambda, status);
        else if (document)
            lambda__reply_json(reply, json_incref(shape));
    }
    json_decref(old);
}

void lambda__op_put_resource_policy(const lambda__request *request, lambda__reply *reply)
{
    const char *arn = find(request, reply);
    const char *colon = arn ? strrchr(arn, ':') : NULL;
    if (colon && strcmp(colon, ":$LATEST") == 0) {
        lambda__reply_error(reply, 400, INVALID, "We currently do not support adding policies for $LATEST.");
        return;
    }
    json_t *document = arn ? policy_of(request, reply) : NULL;
    if (!document) return;
    json_t *shape = lambda__policy_shape(document);
    pthread_mutex_lock(&request->api->changing);
    if (shape)
        change(request, arn, document, shape, reply);
    else
        lambda__reply_json(reply, NULL);
    pthread_mutex_unlock(&request->api->changing);
    json_decref(shape);
    json_decref(document);
}

void lambda__op_get_resource_policy(const lambda__request *request, lambda__reply *reply)
{
    lambda_status status;
    const char *arn = find(request, reply);
    if (!arn) return;
    json_t *document = lambda__document_get(request->api, arn, "policy", &status);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, lambda__policy_shape(document));
    else if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND)
        missing(reply);
    else
        lambda__reply_status(reply, request->api->lambda, status);
    json_decref(document);
}

void lambda__op_delete_resource_policy(const lambda__request *request, lambda__reply *reply)
{
    const char *arn = find(request, reply);
    if (!arn) return;
    pthread_mutex_lock(&request->api->changing);
    change(request, arn, NULL, NULL, reply);
    pthread_mutex_unlock(&request->api->changing);
}
