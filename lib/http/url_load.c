#include "url_load.h"

#include <lambda/port/attachment.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "url_access.h"

/* "a, b" of a list of strings. An empty list is as none. False: memory is out. */
static bool join(const json_t *list, char **joined)
{
    size_t size = 1;
    size_t i;
    json_t *each;
    json_array_foreach(list, i, each)
    {
        size += json_string_length(each) + 2;
    }
    if (!json_array_size(list)) {
        return true;
    }
    char *at = *joined = malloc(size);
    if (!at) {
        return false;
    }
    json_array_foreach(list, i, each)
    {
        const char *text = json_string_value(each);
        at += snprintf(at, size - (size_t)(at - *joined), "%s%s", i ? ", " : "", text ? text : "");
    }
    return true;
}

/* A list with "*" among others is "*". */
static bool join_or_any(const json_t *list, char **joined)
{
    size_t i;
    json_t *each;
    json_array_foreach(list, i, each)
    {
        const char *text = json_string_value(each);
        if (text && !strcmp(text, "*")) {
            *joined = strdup("*");
            return *joined;
        }
    }
    return join(list, joined);
}

static bool load_origins(lambda__cors *cors, const json_t *list)
{
    cors->origins = calloc(json_array_size(list) + 1, sizeof(char *));
    if (!cors->origins) {
        return false;
    }
    size_t i;
    json_t *each;
    json_array_foreach(list, i, each)
    {
        const char *text = json_string_value(each);
        cors->origins[i] = strdup(text ? text : "");
        if (!cors->origins[i]) {
            return false;
        }
        cors->any_origin = cors->any_origin || !strcmp(cors->origins[i], "*");
    }
    return true;
}

static bool load_cors(lambda__url *url, const json_t *document)
{
    if (!json_is_object(document)) {
        return true;
    }
    lambda__cors *cors = url->cors = calloc(1, sizeof *cors);
    if (!cors) {
        return false;
    }
    const json_t *age = json_object_get(document, "MaxAge");
    cors->credentials = json_is_true(json_object_get(document, "AllowCredentials"));
    cors->max_age = json_is_integer(age) ? (int)json_integer_value(age) : -1;
    return load_origins(cors, json_object_get(document, "AllowOrigins")) &&
           join_or_any(json_object_get(document, "AllowMethods"), &cors->methods) &&
           join_or_any(json_object_get(document, "AllowHeaders"), &cors->headers) &&
           join_or_any(json_object_get(document, "ExposeHeaders"), &cors->expose);
}

static lambda_status visit_policy(void *user, const char *function_name, const char *qualifier, lambda_bytes value)
{
    (void)function_name;
    (void)qualifier;
    json_error_t error = {0};
    json_t **policy = user;
    *policy = json_loadb(value.data, value.length, 0, &error);
    if (*policy) {
        return LAMBDA_OK;
    }
    return json_error_code(&error) == json_error_out_of_memory ? LAMBDA_ERROR_OUT_OF_MEMORY
                                                               : LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
}

static lambda_status load_members(lambda__url *url, const json_t *document)
{
    const char *id = json_string_value(json_object_get(document, "Id"));
    const char *auth_type = json_string_value(json_object_get(document, "AuthType"));
    const char *mode = json_string_value(json_object_get(document, "InvokeMode"));
    if (!id || strlen(id) != 32 || !auth_type) {
        return LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    }
    memcpy(url->id, id, 33);
    /* Whatever is not NONE needs a signature. */
    url->iam = strcmp(auth_type, "NONE") != 0;
    url->stream = mode && !strcmp(mode, "RESPONSE_STREAM");
    return load_cors(url, json_object_get(document, "Cors")) ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
}

static lambda_status load_function(lambda_api *api, lambda__url *url)
{
    lambda_function_configuration *configuration = NULL;
    lambda_status status = lambda_function_get(api->lambda, url->name, &configuration);
    if (status) {
        return status;
    }
    snprintf(url->arn, sizeof url->arn, "%s", configuration->function_arn);
    lambda_function_configuration_free(configuration);
    return lambda_target_open(api->lambda, url->name, &url->target);
}

lambda_status lambda__url_load(lambda_api *api, const char *function_name, const char *qualifier, lambda_bytes document,
                               lambda__url *url)
{
    snprintf(url->function_name, sizeof url->function_name, "%s", function_name);
    snprintf(url->qualifier, sizeof url->qualifier, "%s", qualifier);
    snprintf(url->name, sizeof url->name, "%s%s%s", function_name, *qualifier ? ":" : "", qualifier);
    url->document = malloc(document.length + 1);
    if (!url->document) {
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    memcpy(url->document, document.data, document.length);
    url->document_length = document.length;
    json_error_t error = {0};
    json_t *root = json_loadb(document.data, document.length, 0, &error);
    if (!root) {
        return json_error_code(&error) == json_error_out_of_memory ? LAMBDA_ERROR_OUT_OF_MEMORY
                                                                   : LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    }
    lambda_status status = load_members(url, root);
    json_decref(root);
    if (!status) {
        status = load_function(api, url);
    }
    if (status) {
        return status;
    }
    status = lambda_attachment_get(api->lambda, url->name, "policy", visit_policy, &url->policy);
    if (status == LAMBDA_ERROR_OUT_OF_MEMORY) {
        return status;
    }
    /* A policy that cannot be read allows nothing, as one that is not there. */
    lambda__url_settle(url);
    return LAMBDA_OK;
}

void lambda__url_unload(lambda__url *url)
{
    lambda__cors *cors = url->cors;
    for (char **each = cors ? cors->origins : NULL; each && *each; each++) {
        free(*each);
    }
    if (cors) {
        free(cors->origins);
        free(cors->methods);
        free(cors->headers);
        free(cors->expose);
        free(cors);
    }
    free(url->document);
    json_decref(url->policy);
    lambda_target_close(url->target);
}
