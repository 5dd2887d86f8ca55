/* Policies of layer versions: AddLayerVersionPermission, RemoveLayerVersionPermission, GetLayerVersionPolicy. They are kept with the versions, in the store of packages. */
#include <stdlib.h>
#include <string.h>

#include <lambda/layer.h>

#include "layer.h"

const lambda__member lambda__members_add_layer_version_permission[] = {
    LAMBDA__MEMBER_LAYER_NAME,
    LAMBDA__MEMBER_LAYER_VERSION,
    LAMBDA__MEMBER_STATEMENT_ID(LAMBDA__IN_BODY, "", ""),
    {.name = "Action", .required = true, .max = 22, .pattern = "lambda:GetLayerVersion"},
    {.name = "Principal",
     .required = true,
     .pattern = "[0-9]{12}|\\*|arn:(aws[a-zA-Z-]*):iam::[0-9]{12}:root",
     .shown = "\\d{12}|\\*|arn:(aws[a-zA-Z-]*):iam::\\d{12}:root"},
    {.name = "OrganizationId", .max = 34, .pattern = "o-[a-z0-9]{10,32}"},
    LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_QUERY),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_remove_layer_version_permission[] = {
    LAMBDA__MEMBER_LAYER_NAME,
    LAMBDA__MEMBER_LAYER_VERSION,
    LAMBDA__MEMBER_STATEMENT_ID(LAMBDA__IN_PATH, "", ""),
    LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_QUERY),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_layer_version_policy[] = {
    LAMBDA__MEMBER_LAYER_NAME,
    LAMBDA__MEMBER_LAYER_VERSION,
    LAMBDA__MEMBERS_END,
};

/** A version that is there. */
typedef struct place {
    lambda_packages *packages;
    const char *name;
    uint64_t number;
    char *arn; /* owned */
} place;

/** False is answered. */
static bool find(const lambda__request *request, place *found, lambda__reply *reply)
{
    lambda_layer_version *version = NULL;
    *found = (place){.packages = lambda__layer_packages(request, reply)};
    if (found->packages) found->name = lambda__layer_number(request, &found->number, reply);
    if (!found->name) return false;
    lambda_status status = lambda_layer_get(found->packages, found->name, found->number, &version);
    if (status == LAMBDA_OK) found->arn = strdup(version->layer_version_arn);
    lambda_layer_version_free(version);
    if (status != LAMBDA_OK)
        lambda__reply_status(reply, NULL, status);
    else if (!found->arn)
        lambda__reply_json(reply, NULL);
    return found->arn != NULL;
}

/** The policy; NULL with LAMBDA_OK: there is none. */
static json_t *get(const place *of, lambda_status *status)
{
    char *text = NULL;
    json_t *document = NULL;
    *status = lambda_layer_policy_get(of->packages, of->name, of->number, &text);
    if (*status == LAMBDA_OK) {
        document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (!document)
            *status = lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "%s: the policy that is kept with it is no JSON",
                                          of->arn);
    } else if (*status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) {
        *status = LAMBDA_OK;
    }
    lambda_layer_policy_free(text);
    return document;
}

/** False is answered. `document` NULL takes it away. */
static bool put(const place *of, const json_t *document, lambda__reply *reply)
{
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    if (document && !text) {
        lambda__reply_json(reply, NULL);
        return false;
    }
    lambda_status status = lambda_layer_policy_put(of->packages, of->name, of->number, text);
    if (status != LAMBDA_OK) lambda__reply_status(reply, NULL, status);
    free(text);
    return status == LAMBDA_OK;
}

/** NULL when memory is out. */
static json_t *added(const json_t *document, const json_t *statement)
{
    char *text = json_dumps(statement, JSON_COMPACT);
    json_t *shape = lambda__policy_shape(document);
    json_t *output =
        text && shape ? json_pack("{s:s, s:O}", "Statement", text, "RevisionId", json_object_get(shape, "RevisionId"))
                      : NULL;
    json_decref(shape);
    free(text);
    return output;
}

/** With `changing` held. */
static void add(const lambda__request *request, const place *to, json_t *statement, lambda__reply *reply)
{
    lambda_status status;
    json_t *document = get(to, &status);
    if (status != LAMBDA_OK)
        lambda__reply_status(reply, NULL, status);
    else if (lambda__policy_expect(request, document, reply) &&
             lambda__policy_add(&document, json_incref(statement), reply)) {
        /* The answer is made first: once the permission is kept, nothing can fail. */
        json_t *output = added(document, statement);
        if (!output || put(to, document, reply))
            lambda__reply_json(reply, output);
        else
            json_decref(output);
    }
    json_decref(document);
}

void lambda__op_add_layer_version_permission(const lambda__request *request, lambda__reply *reply)
{
    place to;
    const char *organization = lambda__input_string(request, "OrganizationId");
    if (organization && strcmp(lambda__input_string(request, "Principal"), "*") != 0) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "OrganizationId can be specified only where Principal is *.");
        return;
    }
    if (!find(request, &to, reply)) return;
    json_t *condition =
        organization ? json_pack("{s:{s:s}}", "StringEquals", "aws:PrincipalOrgID", organization) : NULL;
    json_t *statement = NULL;
    if (organization && !condition)
        lambda__reply_json(reply, NULL);
    else
        statement = lambda__policy_statement(request, to.arn, condition, reply);
    if (statement) {
        pthread_mutex_lock(&request->api->changing);
        add(request, &to, statement, reply);
        pthread_mutex_unlock(&request->api->changing);
    }
    json_decref(statement);
    free(to.arn);
}

/** True: there is one. False is answered. */
static bool is_there(lambda_status status, const json_t *document, lambda__reply *reply)
{
    if (status != LAMBDA_OK)
        lambda__reply_status(reply, NULL, status);
    else if (!document)
        lambda__reply_error(reply, 404, "ResourceNotFoundException",
                            "No policy is associated with the given resource.");
    return document != NULL;
}

void lambda__op_remove_layer_version_permission(const lambda__request *request, lambda__reply *reply)
{
    place from;
    lambda_status status;
    bool empty = false;
    if (!find(request, &from, reply)) return;
    pthread_mutex_lock(&request->api->changing);
    json_t *document = get(&from, &status);
    if (is_there(status, document, reply) && lambda__policy_expect(request, document, reply) &&
        lambda__policy_remove(request, document, &empty, reply))
        put(&from, empty ? NULL : document, reply);
    pthread_mutex_unlock(&request->api->changing);
    json_decref(document);
    free(from.arn);
}

void lambda__op_get_layer_version_policy(const lambda__request *request, lambda__reply *reply)
{
    place of;
    lambda_status status;
    if (!find(request, &of, reply)) return;
    json_t *document = get(&of, &status);
    if (is_there(status, document, reply)) lambda__reply_json(reply, lambda__policy_shape(document));
    json_decref(document);
    free(of.arn);
}
