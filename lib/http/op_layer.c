/* Layers: https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include <lambda/layer.h>

#include "function.h"
#include "layer.h"
#include "location.h"

#define INVALID "InvalidParameterValueException"

static const char *const ARCHITECTURES[] = {"x86_64", "arm64", NULL};
static const char *const STORAGE_MODES[] = {"COPY", "REFERENCE", NULL};

static const lambda__member RUNTIME = {.values = lambda__runtimes};
static const lambda__member ARCHITECTURE = {.values = ARCHITECTURES};

static const lambda__member CONTENT[] = {
    {.name = "S3Bucket",
     .min = 3,
     .max = 63,
     .pattern = "[0-9A-Za-z._-]*[0-9A-Za-z_-]",
     .shown = "[0-9A-Za-z\\.\\-_]*(?<!\\.)"},
    {.name = "S3Key", .min = 1, .max = 1024},
    {.name = "S3ObjectVersion", .min = 1, .max = 1024},
    {.name = "S3ObjectStorageMode", .values = STORAGE_MODES},
    {.name = "ZipFile", .type = LAMBDA__BLOB},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_publish_layer_version[] = {
    LAMBDA__MEMBER_LAYER_NAME,
    {.name = "Description", .max = 256},
    {.name = "Content", .type = LAMBDA__STRUCTURE, .required = true, .members = CONTENT},
    {.name = "CompatibleRuntimes", .type = LAMBDA__LIST, .max = 15, .element = LAMBDA__STRING, .each = &RUNTIME},
    {.name = "LicenseInfo", .max = 512},
    {.name = "CompatibleArchitectures",
     .type = LAMBDA__LIST,
     .max = 2,
     .element = LAMBDA__STRING,
     .each = &ARCHITECTURE},
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_layer_version[] = {
    LAMBDA__MEMBER_LAYER_NAME,
    LAMBDA__MEMBER_LAYER_VERSION,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_delete_layer_version[] = {
    LAMBDA__MEMBER_LAYER_NAME,
    LAMBDA__MEMBER_LAYER_VERSION,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_layer_version_by_arn[] = {
    {.name = "Arn",
     .place = LAMBDA__IN_QUERY,
     .required = true,
     .min = 1,
     .max = 256,
     .pattern = "arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:[0-9]{12}:layer:[a-zA-Z0-9_-]+:[0-9]+",
     .shown = "arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+"},
    LAMBDA__MEMBERS_END,
};

#define FILTERS                                                                                                        \
    {.name = "CompatibleRuntime", .place = LAMBDA__IN_QUERY, .values = lambda__runtimes},                              \
        {.name = "CompatibleArchitecture", .place = LAMBDA__IN_QUERY, .values = ARCHITECTURES}, LAMBDA__MEMBER_MARKER, \
        LAMBDA__MEMBER_MAX_ITEMS(50)

const lambda__member lambda__members_list_layers[] = {
    FILTERS,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_list_layer_versions[] = {
    LAMBDA__MEMBER_LAYER_NAME,
    FILTERS,
    LAMBDA__MEMBERS_END,
};

lambda_packages *lambda__layer_packages(const lambda__request *request, lambda__reply *reply)
{
    if (!request->api->packages)
        lambda__reply_error(reply, 400, INVALID, "%s: this service was opened without a store of packages and layers.",
                            request->operation->shown.name);
    return request->api->packages;
}

const char *lambda__layer_number(const lambda__request *request, uint64_t *number, lambda__reply *reply)
{
    const json_t *value = json_object_get(request->input, "VersionNumber");
    const char *name = lambda__input_string(request, "LayerName");
    *number = json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
    if (*number > 0) return name;
    lambda__reply_error(reply, 400, INVALID, "Layer Version Cannot be less than 1");
    return NULL;
}

/* ---- shapes */

/** Texts as a list; NULL for none of them, which leaves the member out, and when memory is out, which `*complete` then says. */
static json_t *list_of(const char *const *texts, size_t count, bool *complete)
{
    if (count == 0) return NULL;
    json_t *list = json_array();
    bool all = list != NULL;
    for (size_t i = 0; all && i < count; i++)
        all = json_array_append_new(list, json_string(texts[i])) == 0;
    if (all) return list;
    *complete = false;
    json_decref(list);
    return NULL;
}

/** What all shapes of a version have. */
static json_t *version_of(const lambda_layer_version *version)
{
    bool complete = true;
    json_t *runtimes = list_of(version->compatible_runtimes, version->compatible_runtimes_count, &complete);
    json_t *architectures =
        list_of(version->compatible_architectures, version->compatible_architectures_count, &complete);
    json_t *shape =
        json_pack("{s:s, s:I, s:s, s:s, s:s*, s:o*, s:o*}", "LayerVersionArn", version->layer_version_arn, "Version",
                  (json_int_t)version->version, "Description", version->description, "CreatedDate",
                  version->created_date, "LicenseInfo", version->license_info[0] ? version->license_info : NULL,
                  "CompatibleRuntimes", runtimes, "CompatibleArchitectures", architectures);
    if (shape && complete) return shape;
    json_decref(shape);
    return NULL;
}

/** Of what publishing and reading answer with. */
static json_t *shape_of(const lambda__request *request, const lambda_layer_version *version)
{
    char location[LAMBDA__LOCATION_SIZE];
    bool there = lambda__location_of(request, version->code_sha256, (uint64_t)time(NULL), location);
    json_t *shape = version_of(version);
    json_t *content = json_pack("{s:s, s:I, s:s*}", "CodeSha256", version->code_sha256, "CodeSize",
                                (json_int_t)version->code_size, "Location", there ? location : NULL);
    bool complete = shape && json_object_set_new(shape, "LayerArn", json_string(version->layer_arn)) == 0;
    complete = complete && json_object_set(shape, "Content", content) == 0;
    json_decref(content);
    if (complete) return shape;
    json_decref(shape);
    return NULL;
}

/* ---- publishing */

/** Texts of a member; NULL when memory is out. The array is the caller's to free. */
static const char **texts_of(const lambda__request *request, const char *name, size_t *count)
{
    const json_t *list = json_object_get(request->input, name);
    *count = json_array_size(list);
    const char **texts = calloc(*count + 1, sizeof(*texts));
    for (size_t i = 0; texts && i < *count; i++)
        texts[i] = json_string_value(json_array_get(list, i));
    return texts;
}

static void publish(const lambda__request *request, const lambda_layer_config *config, lambda__reply *reply)
{
    lambda_layer_version *version = NULL;
    lambda_status status = lambda_layer_publish(request->api->packages, config, &version);
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, shape_of(request, version));
    else if (status == LAMBDA_ERROR_INVALID_CODE)
        lambda__reply_error(reply, 400, INVALID,
                            "Could not unzip uploaded file. Please check your file, then try to upload again. (%s)",
                            lambda_error_message(NULL));
    else
        lambda__reply_status(reply, NULL, status);
    if (status == LAMBDA_ERROR_REQUEST_TOO_LARGE) lambda__reply_archive_too_large(reply);
    lambda_layer_version_free(version);
}

void lambda__op_publish_layer_version(const lambda__request *request, lambda__reply *reply)
{
    const json_t *content = json_object_get(request->input, "Content");
    const char *zip = json_string_value(json_object_get(content, "ZipFile"));
    if (!lambda__layer_packages(request, reply)) return;
    if (!zip || json_object_size(content) > 1) {
        lambda__reply_error(reply, 400, INVALID,
                            "Content: give the archive as ZipFile, and nothing else. There is no S3 here.");
        return;
    }
    size_t length = 0;
    unsigned char *bytes = lambda__resource_bytes(zip, &length, reply);
    if (!bytes) return;
    lambda_layer_config config = {.layer_name = lambda__input_string(request, "LayerName"),
                                  .description = lambda__input_string(request, "Description"),
                                  .license_info = lambda__input_string(request, "LicenseInfo"),
                                  .data = bytes,
                                  .data_length = length};
    const char **runtimes = texts_of(request, "CompatibleRuntimes", &config.compatible_runtimes_count);
    const char **architectures = texts_of(request, "CompatibleArchitectures", &config.compatible_architectures_count);
    config.compatible_runtimes = runtimes;
    config.compatible_architectures = architectures;
    if (runtimes && architectures)
        publish(request, &config, reply);
    else
        lambda__reply_json(reply, NULL);
    free(runtimes);
    free(architectures);
    free(bytes);
}

/* ---- reading and deleting */

static void answer(const lambda__request *request, lambda_status status, lambda_layer_version *version,
                   lambda__reply *reply)
{
    if (status == LAMBDA_OK)
        lambda__reply_json(reply, shape_of(request, version));
    else
        lambda__reply_status(reply, NULL, status);
    lambda_layer_version_free(version);
}

void lambda__op_get_layer_version(const lambda__request *request, lambda__reply *reply)
{
    uint64_t number = 0;
    lambda_layer_version *version = NULL;
    lambda_packages *packages = lambda__layer_packages(request, reply);
    const char *name = packages ? lambda__layer_number(request, &number, reply) : NULL;
    if (!name) return;
    lambda_status status = lambda_layer_get(packages, name, number, &version);
    answer(request, status, version, reply);
}

void lambda__op_get_layer_version_by_arn(const lambda__request *request, lambda__reply *reply)
{
    lambda_layer_version *version = NULL;
    lambda_packages *packages = lambda__layer_packages(request, reply);
    if (!packages) return;
    lambda_status status = lambda_layer_get_by_arn(packages, lambda__input_string(request, "Arn"), &version);
    answer(request, status, version, reply);
}

void lambda__op_delete_layer_version(const lambda__request *request, lambda__reply *reply)
{
    uint64_t number = 0;
    lambda_packages *packages = lambda__layer_packages(request, reply);
    const char *name = packages ? lambda__layer_number(request, &number, reply) : NULL;
    lambda_status status = name ? lambda_layer_delete(packages, name, number) : LAMBDA_OK;
    if (status != LAMBDA_OK) lambda__reply_status(reply, NULL, status);
}

/* ---- pages */

static lambda_layer_list_options options_of(const lambda__request *request)
{
    return (lambda_layer_list_options){.compatible_runtime = lambda__input_string(request, "CompatibleRuntime"),
                                       .compatible_architecture =
                                           lambda__input_string(request, "CompatibleArchitecture"),
                                       .marker = lambda__input_string(request, "Marker"),
                                       .max_items = (uint32_t)lambda__input_number(request, "MaxItems", 50)};
}

/** Takes the list. `layers`: each item is a layer with its newest version. */
static void answer_page(lambda_status status, lambda_layer_list *list, const char *name, bool layers,
                        lambda__reply *reply)
{
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, NULL, status);
        return;
    }
    json_t *items = json_array();
    bool complete = items != NULL;
    for (size_t i = 0; complete && i < list->count; i++) {
        const lambda_layer_version *version = list->items[i];
        json_t *item = version_of(version);
        if (layers && item)
            item = json_pack("{s:s, s:s, s:o}", "LayerName", version->layer_name, "LayerArn", version->layer_arn,
                             "LatestMatchingVersion", item);
        complete = json_array_append_new(items, item) == 0;
    }
    json_t *page = complete ? json_pack("{s:O, s:s*}", name, items, "NextMarker", list->next_marker) : NULL;
    json_decref(items);
    lambda_layer_list_free(list);
    lambda__reply_json(reply, page);
}

void lambda__op_list_layers(const lambda__request *request, lambda__reply *reply)
{
    lambda_layer_list *list = NULL;
    lambda_packages *packages = lambda__layer_packages(request, reply);
    if (!packages) return;
    const lambda_layer_list_options options = options_of(request);
    lambda_status status = lambda_layer_list_page(packages, &options, &list);
    answer_page(status, list, "Layers", true, reply);
}

void lambda__op_list_layer_versions(const lambda__request *request, lambda__reply *reply)
{
    lambda_layer_list *list = NULL;
    lambda_packages *packages = lambda__layer_packages(request, reply);
    if (!packages) return;
    const lambda_layer_list_options options = options_of(request);
    lambda_status status =
        lambda_layer_versions_page(packages, lambda__input_string(request, "LayerName"), &options, &list);
    answer_page(status, list, "LayerVersions", false, reply);
}
