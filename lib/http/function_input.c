/* What a function is to be, of what was given. What this library has not is refused where it is asked for. */
#include <stdlib.h>
#include <string.h>

#include <lambda/layer.h>

#include "function.h"

static bool refuse(lambda__reply *reply, const char *why)
{
    lambda__reply_error(reply, 400, "InvalidParameterValueException", "%s", why);
    return false;
}

/** Has the structure anything in it? Clients send empty ones for "none". */
static bool asks(const json_t *input, const char *name)
{
    const json_t *value = json_object_get(input, name);
    const char *key;
    json_t *each;
    if (json_is_array(value)) return json_array_size(value) > 0;
    if (json_is_string(value)) return json_string_length(value) > 0;
    json_object_foreach((json_t *)value, key,
                        each) if (!json_is_null(each) && !json_is_false(each) &&
                                  !(json_is_array(each) && json_array_size(each) == 0)) return true;
    return false;
}

static bool check_foreign(const json_t *input, lambda__reply *reply)
{
    static const struct {
        const char *name;
        const char *why;
    } FOREIGN[] = {
        {"VpcConfig", "VpcConfig is not supported here: functions have the network of this machine"},
        {"FileSystemConfigs", "FileSystemConfigs is not supported here: there is no Amazon EFS"},
        {"ImageConfig", "ImageConfig is not supported here: give the code as ZipFile"},
        {"KMSKeyArn", "KMSKeyArn is not supported here: there is no key service"},
        {"CodeSigningConfigArn", "CodeSigningConfigArn is not supported here"},
        {"CapacityProviderConfig", "CapacityProviderConfig is not supported here"},
        {"DurableConfig", "DurableConfig is not supported here"},
        {"TenancyConfig", "TenancyConfig is not supported here"},
        {"PublishTo", "PublishTo is not supported here: it needs a capacity provider"},
    };
    for (size_t i = 0; i < sizeof FOREIGN / sizeof FOREIGN[0]; i++)
        if (asks(input, FOREIGN[i].name)) return refuse(reply, FOREIGN[i].why);
    const char *apply_on = json_string_value(json_object_get(json_object_get(input, "SnapStart"), "ApplyOn"));
    if (apply_on && strcmp(apply_on, "None") != 0)
        return refuse(reply, "SnapStart is not supported here: ApplyOn has to be None");
    const char *package_type = json_string_value(json_object_get(input, "PackageType"));
    if (package_type && strcmp(package_type, "Zip") != 0)
        return refuse(reply, "PackageType Image is not supported here: give the code as ZipFile");
    const char *architecture = json_string_value(json_array_get(json_object_get(input, "Architectures"), 0));
    if (architecture && strcmp(architecture, lambda__architecture()) != 0) {
        lambda__reply_error(reply, 400, "InvalidParameterValueException",
                            "Architectures: this machine is %s, and runs no %s", lambda__architecture(), architecture);
        return false;
    }
    return true;
}

/** An array for so many, at least one; NULL is answered. */
static void *array_for(size_t count, size_t size, lambda__reply *reply)
{
    void *array = calloc(count + 1, size);
    if (!array) lambda__reply_json(reply, NULL);
    return array;
}

static lambda_pair *take_pairs(const json_t *map, size_t *count, lambda__reply *reply)
{
    lambda_pair *pairs = array_for(json_object_size(map), sizeof *pairs, reply);
    const char *name;
    json_t *value;
    *count = 0;
    if (!pairs) return NULL;
    json_object_foreach((json_t *)map, name, value) pairs[(*count)++] = (lambda_pair){name, json_string_value(value)};
    return pairs;
}

static bool take_lists(const json_t *input, lambda__taken *taken, lambda__reply *reply)
{
    const json_t *environment = json_object_get(input, "Environment");
    const json_t *layers = json_object_get(input, "Layers");
    const json_t *tags = json_object_get(input, "Tags");
    lambda_function_config *config = &taken->config;
    if (environment) {
        taken->environment = take_pairs(json_object_get(environment, "Variables"), &config->environment_count, reply);
        if (!taken->environment) return false;
        config->environment = taken->environment;
    }
    if (tags) {
        taken->tags = take_pairs(tags, &config->tags_count, reply);
        if (!taken->tags) return false;
        config->tags = taken->tags;
    }
    if (layers) {
        taken->layers = array_for(json_array_size(layers), sizeof *taken->layers, reply);
        if (!taken->layers) return false;
        for (size_t i = 0; i < json_array_size(layers); i++)
            taken->layers[i] = json_string_value(json_array_get(layers, i));
        config->layers = taken->layers;
        config->layers_count = json_array_size(layers);
    }
    return true;
}

static lambda_log_level level_of(const json_t *logging, const char *name)
{
    static const struct {
        const char *name;
        lambda_log_level level;
    } LEVELS[] = {{"TRACE", LAMBDA_LOG_TRACE}, {"DEBUG", LAMBDA_LOG_DEBUG}, {"INFO", LAMBDA_LOG_INFO},
                  {"WARN", LAMBDA_LOG_WARN},   {"ERROR", LAMBDA_LOG_ERROR}, {"FATAL", LAMBDA_LOG_FATAL}};
    const char *given = json_string_value(json_object_get(logging, name));
    for (size_t i = 0; given && i < sizeof LEVELS / sizeof LEVELS[0]; i++)
        if (strcmp(LEVELS[i].name, given) == 0) return LEVELS[i].level;
    return LAMBDA_LOG_DEFAULT;
}

/** Levels are JSON's alone. `format` is what the function has, NULL for what functions begin with. */
static bool check_logging(const json_t *logging, const char *format, lambda__reply *reply)
{
    const char *wanted = json_string_value(json_object_get(logging, "LogFormat"));
    if (wanted) format = wanted;
    if (!json_object_get(logging, "ApplicationLogLevel") && !json_object_get(logging, "SystemLogLevel")) return true;
    if (format && strcmp(format, "JSON") == 0) return true;
    return refuse(reply,
                  "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or "
                  "change the LogFormat to \"JSON\" and try again.");
}

/** Layers have to be there, and in this region: where there is a store of them at all. */
static bool check_layers(const lambda__request *request, lambda__reply *reply)
{
    size_t index;
    const json_t *each;
    const lambda_api *api = request->api;
    json_array_foreach(json_object_get(request->input, "Layers"), index, each)
    {
        lambda_layer_version *version = NULL;
        const char *arn = json_string_value(each);
        const char *region = strstr(arn, ":lambda:") + strlen(":lambda:");
        size_t length = strcspn(region, ":");
        if (length != strlen(api->region) || strncmp(region, api->region, length) != 0) {
            lambda__reply_error(
                reply, 400, "InvalidParameterValueException",
                "Layers are not in the same region as the function. Layers are expected to be in region "
                "%s.",
                api->region);
            return false;
        }
        lambda_status status =
            api->packages ? lambda_layer_get_by_arn(api->packages, arn, &version) : LAMBDA_ERROR_RESOURCE_NOT_FOUND;
        lambda_layer_version_free(version);
        if (status == LAMBDA_OK) continue;
        if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND)
            lambda__reply_error(reply, 400, "InvalidParameterValueException", "Layer version %.200s does not exist.",
                                arn);
        else
            lambda__reply_status(reply, NULL, status);
        return false;
    }
    return true;
}

static void take_logging(const json_t *logging, lambda_logging_config *config)
{
    const char *format = json_string_value(json_object_get(logging, "LogFormat"));
    if (format) config->log_format = strcmp(format, "JSON") == 0 ? LAMBDA_LOG_FORMAT_JSON : LAMBDA_LOG_FORMAT_TEXT;
    config->application_log_level = level_of(logging, "ApplicationLogLevel");
    config->system_log_level = level_of(logging, "SystemLogLevel");
    config->log_group = json_string_value(json_object_get(logging, "LogGroup"));
}

bool lambda__take_configuration(const lambda__request *request, const char *log_format, lambda__taken *taken,
                                lambda__reply *reply)
{
    const json_t *input = request->input;
    lambda_function_config *config = &taken->config;
    if (!check_foreign(input, reply) || !check_logging(json_object_get(input, "LoggingConfig"), log_format, reply) ||
        !take_lists(input, taken, reply))
        return false;
    /* Too many, or two of one, are what the library refuses first. */
    if (config->layers_count <= 5 && !check_layers(request, reply)) return false;
    config->description = lambda__input_string(request, "Description");
    config->handler = lambda__input_string(request, "Handler");
    config->role = lambda__input_string(request, "Role");
    config->runtime = lambda__input_string(request, "Runtime");
    config->revision_id = lambda__input_string(request, "RevisionId");
    config->memory_size = (uint32_t)lambda__input_number(request, "MemorySize", 0);
    config->timeout_ms = (uint32_t)lambda__input_number(request, "Timeout", 0) * 1000;
    const json_t *storage = json_object_get(json_object_get(input, "EphemeralStorage"), "Size");
    config->ephemeral_storage_size = (uint32_t)json_integer_value(storage);
    const json_t *dead_letters = json_object_get(input, "DeadLetterConfig");
    if (dead_letters) {
        const char *target = json_string_value(json_object_get(dead_letters, "TargetArn"));
        config->dead_letter_target_arn = target ? target : "";
    }
    const char *tracing = json_string_value(json_object_get(json_object_get(input, "TracingConfig"), "Mode"));
    if (tracing)
        config->tracing_mode = strcmp(tracing, "Active") == 0 ? LAMBDA_TRACING_ACTIVE : LAMBDA_TRACING_PASS_THROUGH;
    take_logging(json_object_get(input, "LoggingConfig"), &config->logging_config);
    return true;
}

bool lambda__take_code(const json_t *code, const char *runtime, lambda__taken *taken, lambda__reply *reply)
{
    const char *zip = json_string_value(json_object_get(code, "ZipFile"));
    size_t length = 0;
    if (asks(code, "S3Bucket") || asks(code, "S3Key") || asks(code, "S3ObjectVersion") ||
        asks(code, "S3ObjectStorageMode"))
        return refuse(reply,
                      "S3Bucket, S3Key and what goes with them are not supported here: give the code as ZipFile");
    if (asks(code, "ImageUri")) return refuse(reply, "ImageUri is not supported here: give the code as ZipFile");
    if (asks(code, "SourceKMSKeyArn")) return refuse(reply, "SourceKMSKeyArn is not supported here");
    if (!zip) return refuse(reply, "Please provide a source for the function code: ZipFile");
    taken->zip = (char *)lambda__resource_bytes(zip, &length, reply);
    if (!taken->zip) return false;
    taken->config.code = lambda_code_package_bytes(runtime, taken->zip, length);
    return true;
}

void lambda__taken_clear(lambda__taken *taken)
{
    free(taken->environment);
    free(taken->tags);
    free(taken->layers);
    free(taken->zip);
    *taken = (lambda__taken){0};
}
