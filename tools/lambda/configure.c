/* What create, update and config take alike. */
#include "configure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zip.h"

static int put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0 ? TOOL_OK : tool_no_memory();
}

static int put_texts(const tool_arguments *arguments, json_t *input)
{
    static const char *const NAMES[][2] = {
        {"runtime", "Runtime"}, {"handler", "Handler"}, {"role", "Role"}, {"description", "Description"}};
    int code = TOOL_OK;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES && code == TOOL_OK; i++) {
        const char *value = tool_option_value(arguments, NAMES[i][0]);
        if (!value) continue;
        json_t *text = json_string(value);
        if (!text) return tool_usage("--%s is not UTF-8", NAMES[i][0]);
        code = put(input, NAMES[i][1], text);
    }
    return code;
}

static int put_numbers(const tool_arguments *arguments, json_t *input)
{
    uint64_t memory;
    uint64_t timeout;
    int code = TOOL_OK;
    if (!tool_option_number(arguments, "memory", 128, 10240, 0, &memory) ||
        !tool_option_number(arguments, "timeout", 1, 900, 0, &timeout))
        return TOOL_USAGE;
    if (memory) code = put(input, "MemorySize", json_integer((json_int_t)memory));
    if (timeout && code == TOOL_OK) code = put(input, "Timeout", json_integer((json_int_t)timeout));
    return code;
}

static int put_environment(const tool_arguments *arguments, json_t *input)
{
    const char *each;
    if (!tool_option_value(arguments, "environment")) return TOOL_OK;
    json_t *variables = json_object();
    for (size_t i = 0; (each = tool_option_value_at(arguments, "environment", i)) != NULL; i++) {
        const char *equals = strchr(each, '=');
        char name[256];
        if (!equals || equals == each || equals - each >= 256) {
            json_decref(variables);
            return tool_usage("--environment '%s' has to be NAME=VALUE", each);
        }
        snprintf(name, sizeof name, "%.*s", (int)(equals - each), each);
        if (json_object_set_new(variables, name, json_string(equals + 1)) != 0) {
            json_decref(variables);
            return tool_usage("--environment '%s' cannot be taken: it has to be UTF-8", each);
        }
    }
    return put(input, "Environment", json_pack("{s:o}", "Variables", variables));
}

static int put_layers(const tool_arguments *arguments, json_t *input)
{
    const char *each;
    if (!tool_option_value(arguments, "layer")) return TOOL_OK;
    json_t *layers = json_array();
    for (size_t i = 0; (each = tool_option_value_at(arguments, "layer", i)) != NULL; i++) {
        if (strcmp(each, "none") == 0 || json_array_append_new(layers, json_string(each)) == 0) continue;
        json_decref(layers);
        return tool_no_memory();
    }
    return put(input, "Layers", layers);
}

int tool_configure(const tool_arguments *arguments, json_t *input)
{
    int code = put_texts(arguments, input);
    if (code == TOOL_OK) code = put_numbers(arguments, input);
    if (code == TOOL_OK) code = put_environment(arguments, input);
    if (code == TOOL_OK) code = put_layers(arguments, input);
    const char *tracing = tool_option_value(arguments, "tracing");
    return code == TOOL_OK && tracing ? put(input, "TracingConfig", json_pack("{s:s}", "Mode", tracing)) : code;
}

int tool_configure_code(const char *path, json_t *code_object)
{
    char *data;
    size_t length;
    int code = tool_zip(path, &data, &length);
    if (code != TOOL_OK) return code;
    char *text = tool_base64(data, length);
    free(data);
    code = text ? put(code_object, "ZipFile", json_string(text)) : tool_no_memory();
    free(text);
    return code;
}

int tool_configuration_print(const tool_arguments *arguments, json_t *configuration)
{
    static const char *const SHOWN[] = {"FunctionName",  "FunctionArn",
                                        "Version",       "Runtime",
                                        "Handler",       "State",
                                        "MemorySize",    "Timeout",
                                        "CodeSize",      "CodeSha256",
                                        "Description",   "Environment",
                                        "LastModified",  "Layers",
                                        "TracingConfig", "ReservedConcurrentExecutions",
                                        "RecursiveLoop", "FunctionEventInvokeConfigs"};
    if (tool_option_value(arguments, "json")) return tool_print_json(configuration);
    json_t *few = json_object();
    for (size_t i = 0; i < sizeof SHOWN / sizeof *SHOWN; i++) {
        json_t *value = json_object_get(configuration, SHOWN[i]);
        if (value && !(json_is_string(value) && !*json_string_value(value))) json_object_set(few, SHOWN[i], value);
    }
    int code = few ? tool_print_members(few) : tool_no_memory();
    json_decref(few);
    json_decref(configuration);
    return code;
}
