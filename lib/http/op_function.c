/* Functions, one at a time: create, get, update, delete. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/concurrency.h>
#include <lambda/version.h>

#include "function.h"
#include "url.h"

void lambda__reply_configuration(const lambda__request *request, lambda__reply *reply, lambda_status status,
                                 lambda_function_configuration *configuration)
{
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, lambda__shape_configuration(configuration));
    else
        lambda__reply_status(reply, request->api->lambda, status);
    lambda_function_configuration_free(configuration);
}

/** What a function is now. */
static void reply_function(const lambda__request *request, lambda__reply *reply, const char *name)
{
    lambda_function_configuration *configuration = NULL;
    lambda_status status = lambda_function_get(request->api->lambda, name, &configuration);
    lambda__reply_configuration(request, reply, status, configuration);
}

/** The name of a function that is to be made: alone, or of an ARN of this service. NULL is answered. */
static const char *new_name(const lambda__request *request, lambda__reply *reply)
{
    char own[2][80];
    const lambda_api *api = request->api;
    const char *name = lambda__input_string(request, "FunctionName");
    const char *bare = lambda__bare_name(name, "function");
    snprintf(own[0], sizeof own[0], "arn:aws:lambda:%s:%s:function:", api->region, api->account_id);
    snprintf(own[1], sizeof own[1], "%s:function:", api->account_id);
    if (bare == name) return name;
    for (size_t i = 0; i < 2; i++)
        if ((size_t)(bare - name) == strlen(own[i]) && strncmp(name, own[i], strlen(own[i])) == 0) return bare;
    lambda__reply_error(reply, 400, "InvalidParameterValueException",
                        "FunctionName: %.200s is not of this service, whose ARNs begin with %s", name, own[0]);
    return NULL;
}

void lambda__op_create_function(const lambda__request *request, lambda__reply *reply)
{
    lambda__taken taken = {0};
    const char *name = new_name(request, reply);
    if (name && lambda__take_configuration(request, &taken, reply) &&
        lambda__take_code(json_object_get(request->input, "Code"), taken.config.runtime, &taken, reply)) {
        taken.config.function_name = name;
        taken.config.publish = lambda__input_boolean(request, "Publish", false);
        lambda_status status = lambda_function_create(request->api->lambda, &taken.config);
        if (status != LAMBDA_OK) {
            lambda__reply_status(reply, request->api->lambda, status);
        } else if (taken.config.publish) {
            char version[80];
            snprintf(version, sizeof version, "%s:1", name);
            reply_function(request, reply, version);
        } else {
            reply_function(request, reply, name);
        }
    }
    lambda__taken_clear(&taken);
}

/** What is reserved, if anything is. False: memory is out. */
static bool add_concurrency(lambda_api *api, const char *name, json_t *shape)
{
    bool reserved = false;
    uint32_t executions = 0;
    if (lambda_function_concurrency_get(api->lambda, name, &reserved, &executions) != LAMBDA_OK || !reserved)
        return true;
    json_t *concurrency = json_pack("{s:I}", "ReservedConcurrentExecutions", (json_int_t)executions);
    return json_object_set_new(shape, "Concurrency", concurrency) == 0;
}

void lambda__op_get_function(const lambda__request *request, lambda__reply *reply)
{
    lambda_function_configuration *configuration = NULL;
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_get(request->api->lambda, name, &configuration);
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, request->api->lambda, status);
        return;
    }
    json_t *shape = json_pack("{s:o, s:{s:s}}", "Configuration", lambda__shape_configuration(configuration), "Code",
                              "RepositoryType", "S3");
    bool whole = shape != NULL;
    if (whole && configuration->tags_count > 0)
        whole = json_object_set_new(shape, "Tags", lambda__shape_tags(configuration)) == 0;
    if (whole) whole = add_concurrency(request->api, configuration->function_name, shape);
    lambda__reply_json(reply, whole ? shape : NULL);
    if (!whole) json_decref(shape);
    lambda_function_configuration_free(configuration);
}

void lambda__op_get_function_configuration(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    if (name) reply_function(request, reply, name);
}

/** The runtime of a function, which code for it has to be of: the caller's to free. NULL is answered. */
static char *runtime_of(const lambda__request *request, const char *name, lambda__reply *reply)
{
    lambda_function_configuration *configuration = NULL;
    lambda_status status = lambda_function_get(request->api->lambda, name, &configuration);
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, request->api->lambda, status);
        return NULL;
    }
    char *runtime = strdup(configuration->runtime);
    if (!runtime) lambda__reply_json(reply, NULL);
    lambda_function_configuration_free(configuration);
    return runtime;
}

/** As the newest version, where one was published with the update. */
static void reply_updated(const lambda__request *request, lambda__reply *reply, const char *name, bool published)
{
    lambda_function_configuration *version = NULL;
    if (!published) {
        reply_function(request, reply, name);
        return;
    }
    /* Nothing has changed since: so it gives the one that was published. */
    lambda_status status = lambda_version_publish(request->api->lambda, name, NULL, &version);
    lambda__reply_configuration(request, reply, status, version);
}

void lambda__op_update_function_code(const lambda__request *request, lambda__reply *reply)
{
    lambda__taken taken = {0};
    const char *name = lambda__input_function(request, reply);
    char *runtime = name ? runtime_of(request, name, reply) : NULL;
    if (runtime && lambda__take_configuration(request, &taken, reply) &&
        lambda__take_code(request->input, runtime, &taken, reply)) {
        const lambda_function_code_update update = {.code = taken.config.code,
                                                    .revision_id = lambda__input_string(request, "RevisionId"),
                                                    .publish = lambda__input_boolean(request, "Publish", false),
                                                    .dry_run = lambda__input_boolean(request, "DryRun", false)};
        lambda_status status = lambda_function_update_code(request->api->lambda, name, &update);
        if (status != LAMBDA_OK)
            lambda__reply_status(reply, request->api->lambda, status);
        else
            reply_updated(request, reply, name, update.publish && !update.dry_run);
    }
    lambda__taken_clear(&taken);
    free(runtime);
}

/** A runtime that is not the code's would need other code. */
static bool check_runtime(const lambda__request *request, const char *name, lambda__reply *reply)
{
    const char *wanted = lambda__input_string(request, "Runtime");
    char *runtime = wanted ? runtime_of(request, name, reply) : NULL;
    if (!wanted) return true;
    if (!runtime) return false;
    bool same = strcmp(runtime, wanted) == 0;
    if (!same)
        lambda__reply_error(
            reply, 400, "InvalidParameterValueException",
            "Runtime: the code of the function is of %s, and here a function keeps its runtime: create it anew for %s",
            runtime, wanted);
    free(runtime);
    return same;
}

void lambda__op_update_function_configuration(const lambda__request *request, lambda__reply *reply)
{
    lambda__taken taken = {0};
    const char *name = lambda__input_function(request, reply);
    if (name && check_runtime(request, name, reply) && lambda__take_configuration(request, &taken, reply)) {
        lambda_status status = lambda_function_update_configuration(request->api->lambda, name, &taken.config);
        if (status != LAMBDA_OK)
            lambda__reply_status(reply, request->api->lambda, status);
        else
            reply_function(request, reply, name);
    }
    lambda__taken_clear(&taken);
}

void lambda__op_delete_function(const lambda__request *request, lambda__reply *reply)
{
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_delete(request->api->lambda, name);
    if (status == LAMBDA_OK) {
        status = lambda__url_index_reload(request->api, lambda__input_string(request, "FunctionName"));
        /* That it is gone is what was asked for. */
        if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) status = LAMBDA_OK;
    }
    lambda__reply_status(reply, request->api->lambda, status);
}
