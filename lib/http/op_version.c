/* Versions and aliases. */
#include <lambda/version.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "url.h"

void lambda__op_publish_version(const lambda__request *request, lambda__reply *reply)
{
    lambda_function_configuration *version = NULL;
    const lambda_version_options options = {.description = lambda__input_string(request, "Description"),
                                            .code_sha256 = lambda__input_string(request, "CodeSha256"),
                                            .revision_id = lambda__input_string(request, "RevisionId")};
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    if (lambda__input_string(request, "PublishTo")) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "PublishTo is not supported here: it needs a capacity provider");
        return;
    }
    lambda_status status = lambda_version_publish(request->api->lambda, name, &options, &version);
    lambda__reply_configuration(request, reply, status, version);
}

json_t *lambda__shape_alias(const lambda_alias *alias)
{
    json_t *shape =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "AliasArn", alias->alias_arn, "Name", alias->name, "FunctionVersion",
                  alias->function_version, "Description", alias->description, "RevisionId", alias->revision_id);
    if (!shape || !*alias->additional_version) return shape;
    json_t *routing =
        json_pack("{s:{s:f}}", "AdditionalVersionWeights", alias->additional_version, alias->additional_weight);
    if (routing && json_object_set_new(shape, "RoutingConfig", routing) == 0) return shape;
    json_decref(shape);
    return NULL;
}

/** What the input says an alias is to be. False: it is answered what is wrong. */
static bool take_alias(const lambda__request *request, lambda_alias_config *config, lambda__reply *reply)
{
    json_t *routing = json_object_get(request->input, "RoutingConfig");
    json_t *weights = json_object_get(routing, "AdditionalVersionWeights");
    const char *version;
    json_t *weight;
    *config = (lambda_alias_config){.name = lambda__input_string(request, "Name"),
                                    .function_version = lambda__input_string(request, "FunctionVersion"),
                                    .description = lambda__input_string(request, "Description"),
                                    .revision_id = lambda__input_string(request, "RevisionId")};
    if (routing) config->additional_version = "";
    if (json_object_size(weights) > 1) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "Number of items in AdditionalVersionWeights cannot be greater than 1");
        return false;
    }
    json_object_foreach(weights, version, weight)
    {
        config->additional_version = version;
        config->additional_weight = json_number_value(weight);
    }
    return true;
}

/** What an alias is now, or why not. */
static void reply_alias(const lambda__request *request, lambda__reply *reply, const char *name, lambda_status status)
{
    lambda_alias *alias = NULL;
    if (status == LAMBDA_OK)
        status = lambda_alias_get(request->api->lambda, name, lambda__input_string(request, "Name"), &alias);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, lambda__shape_alias(alias));
    else
        lambda__reply_status(reply, request->api->lambda, status);
    lambda_alias_free(alias);
}

void lambda__op_create_alias(const lambda__request *request, lambda__reply *reply)
{
    lambda_alias_config config;
    const char *name = lambda__input_function(request, reply);
    if (name && take_alias(request, &config, reply))
        reply_alias(request, reply, name, lambda_alias_create(request->api->lambda, name, &config));
}

void lambda__op_update_alias(const lambda__request *request, lambda__reply *reply)
{
    lambda_alias_config config;
    const char *name = lambda__input_function(request, reply);
    if (name && take_alias(request, &config, reply))
        reply_alias(request, reply, name, lambda_alias_update(request->api->lambda, name, &config));
}

void lambda__op_get_alias(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    if (name) reply_alias(request, reply, name, LAMBDA_OK);
}

void lambda__op_delete_alias(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_alias_delete(request->api->lambda, name, lambda__input_string(request, "Name"));
    /* Its function URL is gone with it. */
    if (status == LAMBDA_OK) status = lambda__url_index_reload(request->api, name);
    lambda__reply_status(reply, request->api->lambda, status);
}
