/* Shapes that operations of functions answer with: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html */
#include <stdlib.h>
#include <string.h>

#include <lambda/layer.h>
#include <openssl/evp.h>

#include "function.h"

/** Takes the value; a NULL one is memory that is out, which `*whole` remembers. */
static void put(json_t *object, const char *name, json_t *value, bool *whole)
{
    if (!value || json_object_set_new(object, name, value) != 0) *whole = false;
}

static json_t *shape_pairs(const lambda_pair *pairs, size_t count)
{
    json_t *object = json_object();
    bool whole = object != NULL;
    for (size_t i = 0; whole && i < count; i++)
        put(object, pairs[i].name, json_string(pairs[i].value), &whole);
    if (whole) return object;
    json_decref(object);
    return NULL;
}

json_t *lambda__shape_tags(const lambda_function_configuration *configuration)
{
    return shape_pairs(configuration->tags, configuration->tags_count);
}

/** Of a layer that was deleted nobody knows the size any more. */
static json_t *shape_layer(const lambda_api *api, const char *arn)
{
    lambda_layer_version *version = NULL;
    if (api->packages) (void)lambda_layer_get_by_arn(api->packages, arn, &version);
    json_t *shape = version ? json_pack("{s:s, s:I}", "Arn", arn, "CodeSize", (json_int_t)version->code_size)
                            : json_pack("{s:s}", "Arn", arn);
    lambda_layer_version_free(version);
    return shape;
}

static json_t *shape_layers(const lambda_api *api, const lambda_function_configuration *configuration)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < configuration->layers_count; i++) {
        if (json_array_append_new(list, shape_layer(api, configuration->layers[i])) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static const char *level_name(lambda_log_level level)
{
    static const char *const NAMES[] = {
        [LAMBDA_LOG_TRACE] = "TRACE", [LAMBDA_LOG_DEBUG] = "DEBUG", [LAMBDA_LOG_INFO] = "INFO",
        [LAMBDA_LOG_WARN] = "WARN",   [LAMBDA_LOG_ERROR] = "ERROR", [LAMBDA_LOG_FATAL] = "FATAL"};
    return (size_t)level < sizeof NAMES / sizeof NAMES[0] && NAMES[level] ? NAMES[level] : "INFO";
}

static json_t *shape_logging(const lambda_logging_config *logging)
{
    bool json = logging->log_format == LAMBDA_LOG_FORMAT_JSON;
    json_t *shape = json_pack("{s:s, s:s}", "LogFormat", json ? "JSON" : "Text", "LogGroup", logging->log_group);
    bool whole = shape != NULL;
    if (json) {
        put(shape, "ApplicationLogLevel", json_string(level_name(logging->application_log_level)), &whole);
        put(shape, "SystemLogLevel", json_string(level_name(logging->system_log_level)), &whole);
    }
    if (whole) return shape;
    json_decref(shape);
    return NULL;
}

const char *lambda__architecture(void)
{
#if defined(__x86_64__) || defined(_M_X64)
    return "x86_64";
#elif defined(__aarch64__)
    return "arm64";
#else
    return "unknown";
#endif
}

/** Seconds, up: Lambda has whole ones. */
static json_int_t seconds(uint32_t ms)
{
    return (json_int_t)((ms + 999) / 1000);
}

/** ConfigSha256: of what was configured, so that two are the same where nothing but their code differs. NULL when memory is out. */
static json_t *digest_of(const json_t *shape)
{
    static const char *const OTHERS[] = {"FunctionArn",  "Version",    "CodeSize", "CodeSha256",
                                         "LastModified", "RevisionId", "State",    "LastUpdateStatus"};
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned char text[EVP_MAX_MD_SIZE * 2];
    json_t *configured = json_copy((json_t *)(uintptr_t)shape);
    for (size_t i = 0; configured && i < sizeof OTHERS / sizeof OTHERS[0]; i++)
        json_object_del(configured, OTHERS[i]);
    char *dump = configured ? json_dumps(configured, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    unsigned length = 0;
    bool whole = dump && EVP_Digest(dump, strlen(dump), bytes, &length, EVP_sha256(), NULL) == 1;
    free(dump);
    json_decref(configured);
    if (!whole) return NULL;
    EVP_EncodeBlock(text, bytes, (int)length);
    return json_string((const char *)text);
}

json_t *lambda__shape_configuration(const lambda_api *api, const lambda_function_configuration *c)
{
    json_t *shape =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:{s:I}}",
                  "FunctionName", c->function_name, "FunctionArn", c->function_arn, "Runtime", c->runtime, "Role",
                  c->role, "Handler", c->handler, "CodeSize", (json_int_t)c->code_size, "Description", c->description,
                  "Timeout", seconds(c->timeout_ms), "MemorySize", (json_int_t)c->memory_size, "LastModified",
                  c->last_modified, "CodeSha256", c->code_sha256, "Version", c->version, "RevisionId", c->revision_id,
                  "State", c->state, "LastUpdateStatus", "Successful", "PackageType", "Zip", "Architectures",
                  lambda__architecture(), "EphemeralStorage", "Size", (json_int_t)c->ephemeral_storage_size);
    bool whole = shape != NULL;
    if (!shape) return NULL;
    put(shape, "TracingConfig",
        json_pack("{s:s}", "Mode", c->tracing_mode == LAMBDA_TRACING_ACTIVE ? "Active" : "PassThrough"), &whole);
    put(shape, "LoggingConfig", shape_logging(&c->logging_config), &whole);
    put(shape, "SnapStart", json_pack("{s:s, s:s}", "ApplyOn", "None", "OptimizationStatus", "Off"), &whole);
    if (c->layers_count > 0) put(shape, "Layers", shape_layers(api, c), &whole);
    if (c->environment_count > 0)
        put(shape, "Environment", json_pack("{s:o}", "Variables", shape_pairs(c->environment, c->environment_count)),
            &whole);
    if (*c->dead_letter_target_arn)
        put(shape, "DeadLetterConfig", json_pack("{s:s}", "TargetArn", c->dead_letter_target_arn), &whole);
    if (whole) put(shape, "ConfigSha256", digest_of(shape), &whole);
    if (*c->state_reason) {
        put(shape, "StateReason", json_string(c->state_reason), &whole);
        put(shape, "StateReasonCode", json_string("Idle"), &whole);
    }
    if (whole) return shape;
    json_decref(shape);
    return NULL;
}
