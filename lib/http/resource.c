/* Functions and pages, for the operations of what functions have. */
#include "resource.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Does the name end in what only an alias can be called? */
static bool is_alias(const char *name)
{
    const char *colon = strchr(lambda__bare_name(name, "function"), ':');
    return colon && colon[1] != '$' && colon[1 + strspn(colon + 1, "0123456789")] != '\0';
}

char *lambda__resource_arn(const lambda__request *request, const char *name, lambda__reply *reply)
{
    lambda_t *lambda = request->api->lambda;
    lambda_function_configuration *configuration = NULL;
    lambda_status status = lambda_function_get(lambda, name, &configuration);
    char *arn = status == LAMBDA_OK ? strdup(configuration->function_arn) : NULL;
    lambda_function_configuration_free(configuration);
    if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND && is_alias(name))
        lambda__reply_error(reply, 404, "ResourceNotFoundException",
                            "Cannot find alias arn: arn:aws:lambda:%s:%s:function:%s", request->api->region,
                            request->api->account_id, lambda__bare_name(name, "function"));
    else if (status != LAMBDA_OK)
        lambda__reply_status(reply, lambda, status);
    else if (!arn)
        lambda__reply_json(reply, NULL);
    return arn;
}

static const char *qualifier_of(const json_t *item)
{
    const char *arn = json_string_value(json_object_get(item, "FunctionArn"));
    const char *colon = arn ? strrchr(arn, ':') : NULL;
    return colon ? colon + 1 : "";
}

void lambda__resource_page(const lambda__request *request, json_t *all, const char *name, lambda__reply *reply)
{
    const char *marker = lambda__input_string(request, "Marker");
    size_t most = (size_t)lambda__input_number(request, "MaxItems", 50);
    size_t count = json_array_size(all);
    size_t at = 0;
    while (marker && at < count && strcmp(qualifier_of(json_array_get(all, at)), marker) < 0)
        at++;
    json_t *page = json_array();
    bool complete = all && page;
    for (; complete && at < count && json_array_size(page) < most; at++)
        complete = json_array_append(page, json_array_get(all, at)) == 0;
    const char *next = at < count ? qualifier_of(json_array_get(all, at)) : NULL;
    json_t *output = complete ? json_pack("{s:O, s:s*}", name, page, "NextMarker", next) : NULL;
    json_decref(page);
    json_decref(all);
    lambda__reply_json(reply, output);
}

unsigned char *lambda__resource_bytes(const char *text, size_t *length, lambda__reply *reply)
{
    size_t characters = strlen(text);
    unsigned char *bytes = characters % 4 == 0 && characters < INT32_MAX ? malloc(characters / 4 * 3 + 1) : NULL;
    int decoded = bytes ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)characters) : -1;
    if (decoded > 0) {
        *length = (size_t)decoded - (text[characters - 1] == '=') - (text[characters - 2] == '=');
        return bytes;
    }
    if (characters % 4 == 0 && characters < INT32_MAX && !bytes)
        lambda__reply_json(reply, NULL);
    else
        lambda__reply_error(reply, 400, "InvalidParameterValueException", "ZipFile is not the base64 of an archive.");
    free(bytes);
    return NULL;
}

void lambda__reply_archive_too_large(lambda__reply *reply)
{
    snprintf(reply->error_type, sizeof reply->error_type, "RequestEntityTooLargeException");
}
