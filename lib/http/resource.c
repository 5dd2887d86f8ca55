/* Functions and pages, for the operations of what functions have. */
#include "resource.h"

#include <stdlib.h>
#include <string.h>

char *lambda__resource_arn(const lambda__request *request, const char *name, lambda__reply *reply)
{
    lambda_t *lambda = request->api->lambda;
    lambda_function_configuration *configuration = NULL;
    lambda_status status = lambda_function_get(lambda, name, &configuration);
    char *arn = status == LAMBDA_OK ? strdup(configuration->function_arn) : NULL;
    lambda_function_configuration_free(configuration);
    if (status != LAMBDA_OK)
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
