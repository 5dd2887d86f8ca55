/* lambda url create|update|get|delete NAME */
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "commands.h"

const tool_option TOOL_OPTIONS_URL[] = {
    {"qualifier", "ALIAS", "of an alias"},
    {"public", NULL, "for everybody: AuthType NONE, and the two permissions for it"},
    {"stream", NULL, "responses stream: InvokeMode RESPONSE_STREAM"},
    {0}};

/** The two permissions that Lambda wants of a URL for everybody: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html */
static int permit(tool_backend *backend, const char *name, const char *qualifier)
{
    json_t *output;
    json_t *input = json_pack("{s:s, s:s*, s:s, s:s, s:s, s:s}", "FunctionName", name, "Qualifier", qualifier,
                              "StatementId", "FunctionURLAllowPublicAccess", "Action", "lambda:InvokeFunctionUrl",
                              "Principal", "*", "FunctionUrlAuthType", "NONE");
    int code = backend->call(backend, "AddPermission", input, &output);
    json_decref(output);
    if (code != TOOL_OK) return code;
    input = json_pack("{s:s, s:s*, s:s, s:s, s:s, s:b}", "FunctionName", name, "Qualifier", qualifier, "StatementId",
                      "FunctionURLInvokeAllowPublicAccess", "Action", "lambda:InvokeFunction", "Principal", "*",
                      "InvokedViaFunctionUrl", 1);
    code = backend->call(backend, "AddPermission", input, &output);
    json_decref(output);
    return code;
}

static int change(const tool_arguments *arguments, bool create)
{
    tool_backend *backend;
    json_t *output = NULL;
    const char *name = tool_operand(arguments, 1);
    const char *qualifier = tool_option_value(arguments, "qualifier");
    const bool everybody = tool_option_value(arguments, "public") != NULL;
    const bool streams = tool_option_value(arguments, "stream") != NULL;
    int code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) return code;
    json_t *input = json_pack("{s:s, s:s*, s:s, s:s}", "FunctionName", name, "Qualifier", qualifier, "AuthType",
                              everybody ? "NONE" : "AWS_IAM", "InvokeMode", streams ? "RESPONSE_STREAM" : "BUFFERED");
    code = backend->call(backend, create ? "CreateFunctionUrlConfig" : "UpdateFunctionUrlConfig", input, &output);
    if (code == TOOL_OK && everybody && create) code = permit(backend, name, qualifier);
    backend->close(backend);
    if (code == TOOL_OK && tool_option_value(arguments, "json")) return tool_print_json(output);
    if (code == TOOL_OK) puts(json_string_value(json_object_get(output, "FunctionUrl")));
    json_decref(output);
    return code;
}

int tool_url(const tool_arguments *arguments)
{
    const char *verb = tool_operand(arguments, 0);
    if (strcmp(verb, "create") == 0 || strcmp(verb, "update") == 0) return change(arguments, verb[0] == 'c');
    if (strcmp(verb, "get") != 0 && strcmp(verb, "delete") != 0)
        return tool_usage("'%s' is none of create, update, get and delete", verb);
    return tool_backend_show(arguments, verb[0] == 'g' ? "GetFunctionUrlConfig" : "DeleteFunctionUrlConfig",
                             json_pack("{s:s, s:s*}", "FunctionName", tool_operand(arguments, 1), "Qualifier",
                                       tool_option_value(arguments, "qualifier")));
}
