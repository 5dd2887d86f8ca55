/* ListTags, TagResource, UntagResource: https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html */
#include <stdlib.h>
#include <string.h>

#include "resource.h"

#define RESOURCE                                                                                                       \
    {                                                                                                                  \
        .name = "Resource", .place = LAMBDA__IN_PATH, .required = true, .min = 1, .max = 256,                          \
        .pattern = "arn:(aws[a-zA-Z-]*):lambda:[a-z0-9-]{1,32}:[0-9]{12}:(function:[a-zA-Z0-9_-]+"                     \
                   "(:(\\$LATEST|[a-zA-Z0-9_-]+))?|code-signing-config:csc-[a-z0-9]{17}|"                              \
                   "event-source-mapping:[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}|"                \
                   "capacity-provider:[a-zA-Z0-9_-]+)",                                                                \
        .shown = "arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:"          \
                 "(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|"        \
                 "event-source-mapping:[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}|"                  \
                 "capacity-provider:[a-zA-Z0-9-_]+)"                                                                   \
    }

const lambda__member lambda__members_list_tags[] = {
    RESOURCE,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_tag_resource[] = {
    RESOURCE,
    {.name = "Tags", .type = LAMBDA__MAP, .element = LAMBDA__STRING, .required = true},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_untag_resource[] = {
    RESOURCE,
    {.name = "TagKeys",
     .type = LAMBDA__LIST,
     .place = LAMBDA__IN_QUERY,
     .required = true,
     .wire = "tagKeys",
     .element = LAMBDA__STRING},
    LAMBDA__MEMBERS_END,
};

/** The ARN of a function itself. NULL is answered. */
static const char *find(const lambda__request *request, lambda__reply *reply)
{
    const char *arn = lambda__input_string(request, "Resource");
    const char *function = strstr(arn, ":function:");
    if (!function) {
        lambda__reply_error(reply, 404, "ResourceNotFoundException", "The resource you requested does not exist: %s",
                            arn);
        return NULL;
    }
    if (!strchr(function + strlen(":function:"), ':')) return arn;
    lambda__reply_error(reply, 400, "InvalidParameterValueException",
                        "Tags on function aliases and versions are not supported. Please specify a function ARN.");
    return NULL;
}

void lambda__op_list_tags(const lambda__request *request, lambda__reply *reply)
{
    lambda_function_configuration *configuration = NULL;
    const char *arn = find(request, reply);
    if (!arn) return;
    lambda_status status = lambda_function_get(request->api->lambda, arn, &configuration);
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, request->api->lambda, status);
        return;
    }
    json_t *tags = json_object();
    bool complete = tags != NULL;
    for (size_t i = 0; complete && i < configuration->tags_count; i++)
        complete =
            json_object_set_new(tags, configuration->tags[i].name, json_string(configuration->tags[i].value)) == 0;
    lambda_function_configuration_free(configuration);
    if (!complete) {
        json_decref(tags);
        tags = NULL;
    }
    lambda__reply_json(reply, tags ? json_pack("{s:o}", "Tags", tags) : NULL);
}

void lambda__op_tag_resource(const lambda__request *request, lambda__reply *reply)
{
    const char *arn = find(request, reply);
    json_t *tags = json_object_get(request->input, "Tags");
    if (!arn) return;
    if (json_object_size(tags) == 0) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "An error occurred and the request cannot be processed.");
        return;
    }
    lambda_pair *pairs = calloc(json_object_size(tags) + 1, sizeof(*pairs));
    if (!pairs) {
        lambda__reply_json(reply, NULL);
        return;
    }
    const char *name;
    json_t *value;
    size_t count = 0;
    json_object_foreach(tags, name, value)
    {
        pairs[count++] = (lambda_pair){name, json_string_value(value)};
    }
    lambda_status status = lambda_function_tag(request->api->lambda, arn, pairs, count);
    if (status != LAMBDA_OK) lambda__reply_status(reply, request->api->lambda, status);
    free(pairs);
}

void lambda__op_untag_resource(const lambda__request *request, lambda__reply *reply)
{
    const char *arn = find(request, reply);
    const json_t *keys = json_object_get(request->input, "TagKeys");
    if (!arn) return;
    size_t count = json_array_size(keys);
    const char **names = calloc(count + 1, sizeof(*names));
    if (!names) {
        lambda__reply_json(reply, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        names[i] = json_string_value(json_array_get(keys, i));
    lambda_status status = lambda_function_untag(request->api->lambda, arn, names, count);
    if (status != LAMBDA_OK) lambda__reply_status(reply, request->api->lambda, status);
    free(names);
}
