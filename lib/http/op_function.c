/* Functions, one at a time: create, get, update, delete. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lambda/concurrency.h>
#include <lambda/version.h>

#include "function.h"
#include "location.h"
#include "url.h"

void lambda__reply_configuration(const lambda__request *request, lambda__reply *reply, lambda_status status,
                                 lambda_function_configuration *configuration)
{
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, lambda__shape_configuration(request->api, configuration));
    else
        lambda__reply_status(reply, request->api->lambda, status);
    if (status == LAMBDA_ERROR_REQUEST_TOO_LARGE) lambda__reply_archive_too_large(reply);
    lambda_function_configuration_free(configuration);
}

/** The name of a function that is to be made: alone, or of an ARN of this service. NULL is answered. */
static const char *new_name(const lambda__request *request, lambda__reply *reply)
{
    char own[2][80];
    const lambda_api *api = request->api;
    const char *name = lambda__input_function(request, reply);
    if (!name) return NULL;
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

/** AWS's words for a runtime that nobody has; of one that is not had here the library says why. */
static void reply_runtime(const lambda__request *request, const char *runtime, lambda__reply *reply)
{
    char all[1024] = "";
    size_t length = 0;
    for (const char *const *each = lambda__runtimes; *each; each++) {
        if (strcmp(*each, runtime) == 0) {
            lambda__reply_status(reply, request->api->lambda, LAMBDA_ERROR_INVALID_RUNTIME);
            return;
        }
        int more = snprintf(all + length, sizeof all - length, "%s%s", length ? ", " : "", *each);
        if (more > 0 && length + (size_t)more < sizeof all) length += (size_t)more;
    }
    lambda__reply_error(reply, 400, "InvalidParameterValueException",
                        "Value %.128s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
                        "[%s] or be a valid ARN",
                        runtime, all);
}

static bool has_both(const lambda__request *request, lambda__reply *reply)
{
    const char *package_type = lambda__input_string(request, "PackageType");
    if (package_type && strcmp(package_type, "Image") == 0) return true;
    if (lambda__input_string(request, "Runtime") && lambda__input_string(request, "Handler")) return true;
    lambda__reply_error(reply, 400, "InvalidParameterValueException",
                        "Runtime and Handler are mandatory parameters for functions created with deployment packages.");
    return false;
}

void lambda__op_create_function(const lambda__request *request, lambda__reply *reply)
{
    lambda__taken taken = {0};
    lambda_function_configuration *made = NULL;
    const char *name = new_name(request, reply);
    if (name && has_both(request, reply) && lambda__take_configuration(request, NULL, &taken, reply) &&
        lambda__take_code(json_object_get(request->input, "Code"), taken.config.runtime, &taken, reply)) {
        taken.config.function_name = name;
        taken.config.publish = lambda__input_boolean(request, "Publish", false);
        taken.config.made = &made;
        lambda_status status = lambda_function_create(request->api->lambda, &taken.config);
        if (status == LAMBDA_ERROR_INVALID_RUNTIME)
            reply_runtime(request, taken.config.runtime, reply);
        else
            lambda__reply_configuration(request, reply, status, made);
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
    char location[LAMBDA__LOCATION_SIZE];
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_get(request->api->lambda, name, &configuration);
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, request->api->lambda, status);
        return;
    }
    json_t *shape = json_pack("{s:o, s:{s:s}}", "Configuration",
                              lambda__shape_configuration(request->api, configuration), "Code", "RepositoryType", "S3");
    bool whole = shape != NULL;
    if (whole && lambda__location_of(request, configuration->code_sha256, (uint64_t)time(NULL), location))
        whole = json_object_set_new(json_object_get(shape, "Code"), "Location", json_string(location)) == 0;
    if (whole && configuration->tags_count > 0)
        whole = json_object_set_new(shape, "Tags", lambda__shape_tags(configuration)) == 0;
    if (whole) whole = add_concurrency(request->api, configuration->function_name, shape);
    lambda__reply_json(reply, whole ? shape : NULL);
    if (!whole) json_decref(shape);
    lambda_function_configuration_free(configuration);
}

void lambda__op_get_function_configuration(const lambda__request *request, lambda__reply *reply)
{
    lambda_function_configuration *configuration = NULL;
    const char *name = lambda__input_function(request, reply);
    if (!name) return;
    lambda_status status = lambda_function_get(request->api->lambda, name, &configuration);
    lambda__reply_configuration(request, reply, status, configuration);
}

/** What a function is before it is changed. NULL is answered. */
static lambda_function_configuration *before(const lambda__request *request, lambda__reply *reply)
{
    lambda_function_configuration *configuration = NULL;
    const char *name = lambda__input_function(request, reply);
    lambda_status status = name ? lambda_function_get(request->api->lambda, name, &configuration) : LAMBDA_OK;
    if (status != LAMBDA_OK) lambda__reply_status(reply, request->api->lambda, status);
    return configuration;
}

void lambda__op_update_function_code(const lambda__request *request, lambda__reply *reply)
{
    lambda__taken taken = {0};
    lambda_function_configuration *made = NULL;
    lambda_function_configuration *old = before(request, reply);
    if (old && lambda__take_configuration(request, NULL, &taken, reply) &&
        lambda__take_code(request->input, old->runtime, &taken, reply)) {
        const lambda_function_code_update update = {.code = taken.config.code,
                                                    .revision_id = lambda__input_string(request, "RevisionId"),
                                                    .publish = lambda__input_boolean(request, "Publish", false),
                                                    .dry_run = lambda__input_boolean(request, "DryRun", false),
                                                    .made = &made};
        lambda_status status =
            lambda_function_update_code(request->api->lambda, lambda__input_string(request, "FunctionName"), &update);
        lambda__reply_configuration(request, reply, status, made);
    }
    lambda__taken_clear(&taken);
    lambda_function_configuration_free(old);
}

void lambda__op_update_function_configuration(const lambda__request *request, lambda__reply *reply)
{
    lambda__taken taken = {0};
    lambda_function_configuration *made = NULL;
    lambda_function_configuration *old = before(request, reply);
    bool json = old && old->logging_config.log_format == LAMBDA_LOG_FORMAT_JSON;
    if (old && lambda__take_configuration(request, json ? "JSON" : "Text", &taken, reply)) {
        taken.config.made = &made;
        lambda_status status = lambda_function_update_configuration(
            request->api->lambda, lambda__input_string(request, "FunctionName"), &taken.config);
        if (status == LAMBDA_ERROR_INVALID_RUNTIME)
            reply_runtime(request, taken.config.runtime, reply);
        else
            lambda__reply_configuration(request, reply, status, made);
    }
    lambda__taken_clear(&taken);
    lambda_function_configuration_free(old);
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
