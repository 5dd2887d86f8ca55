/* lambda create */
#include "commands.h"
#include "configure.h"

const tool_option TOOL_OPTIONS_CREATE[] = {TOOL_CODE_OPTIONS, TOOL_CONFIGURE_OPTIONS, {0}};

int tool_create(const tool_arguments *arguments)
{
    json_t *output;
    const char *path = tool_option_value(arguments, "zip");
    if (!path || !tool_option_value(arguments, "runtime"))
        return tool_usage("create needs --runtime and --zip: lambda create NAME --runtime nodejs22.x --handler "
                          "index.handler --zip DIR");
    json_t *code_object = json_object();
    json_t *input = json_pack("{s:s, s:s, s:b, s:o}", "FunctionName", tool_operand(arguments, 0), "Role",
                              "arn:aws:iam::000000000000:role/lambda", "Publish",
                              tool_option_value(arguments, "publish") != NULL, "Code", code_object);
    if (!input) return tool_no_memory();
    int code = tool_configure(arguments, input);
    if (code == TOOL_OK) code = tool_configure_code(path, code_object);
    if (code != TOOL_OK) {
        json_decref(input);
        return code;
    }
    code = tool_backend_ask(arguments, "CreateFunction", input, &output);
    return code == TOOL_OK ? tool_configuration_print(arguments, output) : code;
}
