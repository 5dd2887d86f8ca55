/* lambda update: what is configured, the code, or both. */
#include "commands.h"
#include "configure.h"

const tool_option TOOL_OPTIONS_UPDATE[] = {TOOL_CONFIGURE_OPTIONS, {0}};

static int update_code(const tool_arguments *arguments, tool_backend *backend, const char *path, json_t **output)
{
    json_t *input = json_pack("{s:s, s:b}", "FunctionName", tool_operand(arguments, 0), "Publish",
                              tool_option_value(arguments, "publish") != NULL);
    int code = input ? tool_configure_code(path, input) : tool_no_memory();
    if (code == TOOL_OK) {
        json_decref(*output);
        return backend->call(backend, "UpdateFunctionCode", input, output);
    }
    json_decref(input);
    return code;
}

int tool_update(const tool_arguments *arguments)
{
    tool_backend *backend;
    json_t *output = NULL;
    const char *path = tool_option_value(arguments, "zip");
    json_t *input = json_pack("{s:s}", "FunctionName", tool_operand(arguments, 0));
    int code = input ? tool_configure(arguments, input) : tool_no_memory();
    const bool configures = json_object_size(input) > 1;
    if (code == TOOL_OK && !configures && !path)
        code = tool_usage("nothing to update: 'lambda update --help' says what there is");
    if (code == TOOL_OK && tool_option_value(arguments, "publish") && !path)
        code = tool_usage("--publish goes with --zip: else 'lambda publish NAME'");
    if (code == TOOL_OK) code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) {
        json_decref(input);
        return code;
    }
    if (configures)
        code = backend->call(backend, "UpdateFunctionConfiguration", input, &output);
    else
        json_decref(input);
    if (code == TOOL_OK && path) code = update_code(arguments, backend, path, &output);
    backend->close(backend);
    if (code == TOOL_OK) return tool_configuration_print(arguments, output);
    json_decref(output);
    return code;
}
