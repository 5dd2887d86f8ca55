/* AddPermission, RemovePermission, GetPolicy: https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html */
#include <stdlib.h>
#include <string.h>

#include "resource.h"

#define INVALID "InvalidParameterValueException"

static const char *const AUTH_TYPES[] = {"NONE", "AWS_IAM", NULL};

const lambda__member lambda__members_add_permission[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_STATEMENT_ID(LAMBDA__IN_BODY, "", ""),
    {.name = "Action", .required = true, .pattern = "(lambda:[*]|lambda:[a-zA-Z]+|[*])"},
    {.name = "Principal", .required = true, .pattern = "[^[:space:]]+", .shown = "[^\\s]+"},
    {.name = "SourceArn",
     .pattern = "arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9-])+:([a-z0-9-]{1,32})?:([0-9]{12})?:(.*)",
     .shown = "arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:"
              "(\\d{12})?:(.*)"},
    {.name = "FunctionUrlAuthType", .values = AUTH_TYPES},
    {.name = "InvokedViaFunctionUrl", .type = LAMBDA__BOOLEAN},
    {.name = "SourceAccount", .max = 12, .pattern = "[0-9]{12}", .shown = "\\d{12}"},
    {.name = "EventSourceToken", .max = 256, .pattern = "[a-zA-Z0-9._-]+", .shown = "[a-zA-Z0-9._\\-]+"},
    LAMBDA__MEMBER_QUALIFIER(false),
    LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_BODY),
    {.name = "PrincipalOrgID", .min = 12, .max = 34, .pattern = "o-[a-z0-9]{10,32}", .shown = "^o-[a-z0-9]{10,32}$"},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_remove_permission[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_STATEMENT_ID(LAMBDA__IN_PATH, ".", "."),
    LAMBDA__MEMBER_QUALIFIER(false),
    LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_QUERY),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_policy[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_QUALIFIER(false),
    LAMBDA__MEMBERS_END,
};

/** Sets a key of an operator of the conditions, if it has a value. False when memory is out. */
static bool add_condition(json_t *conditions, const char *operator, const char * key, const char *value)
{
    if (!value) return true;
    json_t *keys = json_object_get(conditions, operator);
    if (!keys && (!(keys = json_object()) || json_object_set_new(conditions, operator, keys) != 0)) return false;
    return json_object_set_new(keys, key, json_string(value)) == 0;
}

/** What else the statement asks for; `*conditions` is NULL where that is nothing. False when memory is out. */
static bool conditions_of(const lambda__request *request, json_t **conditions)
{
    static const struct {
        const char *operator;
        const char *key;
        const char *member;
    } each[] = {
        {"StringEquals", "AWS:SourceAccount", "SourceAccount"},
        {"StringEquals", "lambda:EventSourceToken", "EventSourceToken"},
        {"StringEquals", "aws:PrincipalOrgID", "PrincipalOrgID"},
        {"StringEquals", "lambda:FunctionUrlAuthType", "FunctionUrlAuthType"},
        {"ArnLike", "AWS:SourceArn", "SourceArn"},
    };
    json_t *all = json_object();
    bool complete = all != NULL;
    for (size_t i = 0; complete && i < sizeof(each) / sizeof(each[0]); i++)
        complete = add_condition(all, each[i].operator, each[i].key, lambda__input_string(request, each[i].member));
    if (complete && lambda__input_boolean(request, "InvokedViaFunctionUrl", false))
        complete = add_condition(all, "Bool", "lambda:InvokedViaFunctionUrl", "true");
    bool some = complete && json_object_size(all) > 0;
    *conditions = some ? json_incref(all) : NULL;
    json_decref(all);
    return complete;
}

/** What an action and the members that go with it alone say of each other. False is answered. */
static bool agree(const lambda__request *request, const char *name, lambda__reply *reply)
{
    const char *action = lambda__input_string(request, "Action");
    const char *colon = strrchr(name, ':');
    if (colon && strncmp(colon, ":$LATEST", 8) == 0)
        lambda__reply_error(reply, 400, INVALID, "We currently do not support adding policies for $LATEST.");
    else if (lambda__input_string(request, "FunctionUrlAuthType") && strcmp(action, "lambda:InvokeFunctionUrl") != 0)
        lambda__reply_error(reply, 400, INVALID,
                            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action");
    else if (lambda__input_boolean(request, "InvokedViaFunctionUrl", false) &&
             strcmp(action, "lambda:InvokeFunction") != 0)
        lambda__reply_error(reply, 400, INVALID,
                            "InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action");
    else
        return true;
    return false;
}

/** With `changing` held: the policy with the statement (taken) added is kept. True: it is. */
static bool keep(const lambda__request *request, const char *name, json_t *statement, lambda__reply *reply)
{
    lambda_status status;
    json_t *document = lambda__document_get(request->api, name, "policy", &status);
    bool there = status == LAMBDA_OK || status == LAMBDA_ERROR_RESOURCE_NOT_FOUND;
    if (!there) lambda__reply_status(reply, request->api->lambda, status);
    bool good = there && lambda__policy_expect(request, document, reply) &&
                lambda__policy_add(&document, json_incref(statement), reply);
    if (good) {
        status = lambda__document_put(request->api, name, "policy", document);
        good = status == LAMBDA_OK;
        if (!good) lambda__reply_status(reply, request->api->lambda, status);
    }
    json_decref(document);
    return good;
}

void lambda__op_add_permission(const lambda__request *request, lambda__reply *reply)
{
    json_t *conditions = NULL;
    const char *name = lambda__input_function(request, reply);
    if (!name || !agree(request, name, reply)) return;
    char *arn = lambda__resource_arn(request, name, reply);
    if (!arn) return;
    if (!conditions_of(request, &conditions)) {
        free(arn);
        lambda__reply_json(reply, NULL);
        return;
    }
    json_t *statement = lambda__policy_statement(request, arn, conditions, reply);
    free(arn);
    if (!statement) return;
    /* The answer is made first: once the permission is kept, nothing can fail. */
    char *text = json_dumps(statement, JSON_COMPACT);
    json_t *output = text ? json_pack("{s:s}", "Statement", text) : NULL;
    free(text);
    pthread_mutex_lock(&request->api->changing);
    if (!output || keep(request, name, statement, reply))
        lambda__reply_json(reply, output);
    else
        json_decref(output);
    pthread_mutex_unlock(&request->api->changing);
    json_decref(statement);
}

/** With `changing` held. */
static void remove_permission(const lambda__request *request, const char *name, lambda__reply *reply)
{
    lambda_status status;
    bool empty = false;
    json_t *document = lambda__document_get(request->api, name, "policy", &status);
    if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND)
        lambda__reply_error(reply, 404, "ResourceNotFoundException",
                            "No policy is associated with the given resource.");
    else if (status != LAMBDA_OK)
        lambda__reply_status(reply, request->api->lambda, status);
    else if (lambda__policy_expect(request, document, reply) &&
             lambda__policy_remove(request, document, &empty, reply)) {
        status = lambda__document_put(request->api, name, "policy", empty ? NULL : document);
        if (status != LAMBDA_OK) lambda__reply_status(reply, request->api->lambda, status);
    }
    json_decref(document);
}

void lambda__op_remove_permission(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    char *arn = name ? lambda__resource_arn(request, name, reply) : NULL;
    if (!arn) return;
    free(arn);
    pthread_mutex_lock(&request->api->changing);
    remove_permission(request, name, reply);
    pthread_mutex_unlock(&request->api->changing);
}

void lambda__op_get_policy(const lambda__request *request, lambda__reply *reply)
{
    lambda_status status;
    const char *name = lambda__input_function(request, reply);
    char *arn = name ? lambda__resource_arn(request, name, reply) : NULL;
    if (!arn) return;
    free(arn);
    json_t *document = lambda__document_get(request->api, name, "policy", &status);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, lambda__policy_shape(document));
    else if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND)
        lambda__reply_error(reply, 404, "ResourceNotFoundException", "The resource you requested does not exist.");
    else
        lambda__reply_status(reply, request->api->lambda, status);
    json_decref(document);
}
