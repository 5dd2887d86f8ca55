/* lambda update: a function's code. What is configured is cmd_config.c's. */
#include "commands.h"
#include "configure.h"

const tool_option TOOL_OPTIONS_UPDATE[] = {TOOL_CODE_OPTIONS, {0}};

int tool_update(const tool_arguments *arguments)
{
    json_t *output;
    const char *name = tool_operand(arguments, 0);
    const char *path = tool_option_value(arguments, "zip");
    if (!path)
        return tool_usage("update needs --zip, the code: lambda update %s --zip DIR\n"
                          "  next: 'lambda config %s' changes the rest: memory, timeout, environment, ...",
                          name, name);
    json_t *input =
        json_pack("{s:s, s:b}", "FunctionName", name, "Publish", tool_option_value(arguments, "publish") != NULL);
    int code = input ? tool_configure_code(path, input) : tool_no_memory();
    if (code != TOOL_OK) {
        json_decref(input);
        return code;
    }
    code = tool_backend_ask(arguments, "UpdateFunctionCode", input, &output);
    return code == TOOL_OK ? tool_configuration_print(arguments, output) : code;
}
