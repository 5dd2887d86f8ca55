/* lambda url create|update|get|list|delete NAME */
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "commands.h"

const tool_option TOOL_OPTIONS_URL[] = {
    {"qualifier", "ALIAS", "of an alias"},
    {"public", NULL, "create, update: for everybody: AuthType NONE, and the two permissions for it"},
    {"private", NULL, "create, update: for who signs and may: AuthType AWS_IAM (default)"},
    {"stream", NULL, "create, update: responses stream: InvokeMode RESPONSE_STREAM"},
    {"buffered", NULL, "create, update: responses come whole: InvokeMode BUFFERED (default)"},
    {0}};

/** One of two options, as a member's value; `otherwise` where neither was given. */
static const char *either(const tool_arguments *arguments, const char *one, const char *value, const char *other,
                          const char *other_value, const char *otherwise)
{
    if (tool_option_value(arguments, one)) return value;
    return tool_option_value(arguments, other) ? other_value : otherwise;
}

/** A permission; one that is there already is as good. Takes the input. */
static int add_permission(tool_backend *backend, json_t *input)
{
    json_t *output;
    backend->tolerated = "ResourceConflictException";
    int code = backend->call(backend, "AddPermission", input, &output);
    backend->tolerated = NULL;
    json_decref(output);
    return code;
}

/** The two permissions that Lambda wants of a URL for everybody: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html */
static int permit(tool_backend *backend, const char *name, const char *qualifier)
{
    int code =
        add_permission(backend, json_pack("{s:s, s:s*, s:s, s:s, s:s, s:s}", "FunctionName", name, "Qualifier",
                                          qualifier, "StatementId", "FunctionURLAllowPublicAccess", "Action",
                                          "lambda:InvokeFunctionUrl", "Principal", "*", "FunctionUrlAuthType", "NONE"));
    if (code != TOOL_OK) return code;
    return add_permission(backend, json_pack("{s:s, s:s*, s:s, s:s, s:s, s:b}", "FunctionName", name, "Qualifier",
                                             qualifier, "StatementId", "FunctionURLInvokeAllowPublicAccess", "Action",
                                             "lambda:InvokeFunction", "Principal", "*", "InvokedViaFunctionUrl", 1));
}

/** What is not given stays in an update. */
static int change(const tool_arguments *arguments, bool create)
{
    tool_backend *backend;
    json_t *output = NULL;
    const char *name = tool_operand(arguments, 1);
    const char *qualifier = tool_option_value(arguments, "qualifier");
    const char *auth = either(arguments, "public", "NONE", "private", "AWS_IAM", create ? "AWS_IAM" : NULL);
    const char *mode =
        either(arguments, "stream", "RESPONSE_STREAM", "buffered", "BUFFERED", create ? "BUFFERED" : NULL);
    if (tool_option_value(arguments, "public") && tool_option_value(arguments, "private"))
        return tool_usage("--public and --private exclude each other");
    if (tool_option_value(arguments, "stream") && tool_option_value(arguments, "buffered"))
        return tool_usage("--stream and --buffered exclude each other");
    if (!auth && !mode) return tool_usage("nothing to update: --public or --private, --stream or --buffered");
    int code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) return code;
    json_t *input = json_pack("{s:s, s:s*, s:s*, s:s*}", "FunctionName", name, "Qualifier", qualifier, "AuthType", auth,
                              "InvokeMode", mode);
    code = backend->call(backend, create ? "CreateFunctionUrlConfig" : "UpdateFunctionUrlConfig", input, &output);
    if (code == TOOL_OK && auth && strcmp(auth, "NONE") == 0) code = permit(backend, name, qualifier);
    backend->close(backend);
    if (code == TOOL_OK && tool_option_value(arguments, "json")) return tool_print_json(output);
    if (code == TOOL_OK) puts(json_string_value(json_object_get(output, "FunctionUrl")));
    json_decref(output);
    return code;
}

/** The function's own and its aliases'. */
static int list(const tool_arguments *arguments)
{
    static const char *const HEADINGS[] = {"OF", "AUTH", "MODE", "URL", NULL};
    json_t *all;
    int code = tool_backend_ask_list(arguments, "ListFunctionUrlConfigs",
                                     json_pack("{s:s}", "FunctionName", tool_operand(arguments, 1)),
                                     "FunctionUrlConfigs", &all);
    if (code != TOOL_OK) return code;
    if (tool_option_value(arguments, "json")) return tool_print_json(json_pack("{s:o}", "FunctionUrlConfigs", all));
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *each = json_array_get(all, i);
        const char *of = json_string_value(json_object_get(each, "FunctionArn"));
        const char *name = of ? strstr(of, ":function:") : NULL;
        json_array_append_new(rows, json_pack("[s, O, O, O]", name ? name + strlen(":function:") : "-",
                                              json_object_get(each, "AuthType"), json_object_get(each, "InvokeMode"),
                                              json_object_get(each, "FunctionUrl")));
    }
    json_decref(all);
    return tool_print_table(HEADINGS, rows);
}

int tool_url(const tool_arguments *arguments)
{
    const char *verb = tool_operand(arguments, 0);
    if (strcmp(verb, "create") == 0 || strcmp(verb, "update") == 0) return change(arguments, verb[0] == 'c');
    if (strcmp(verb, "list") == 0) return tool_options_belong(arguments, "url list", "") ? list(arguments) : TOOL_USAGE;
    if (strcmp(verb, "get") != 0 && strcmp(verb, "delete") != 0)
        return tool_usage("'%s' is none of create, update, get, list and delete", verb);
    if (!tool_options_belong(arguments, verb[0] == 'g' ? "url get" : "url delete", " qualifier ")) return TOOL_USAGE;
    return tool_backend_show(arguments, verb[0] == 'g' ? "GetFunctionUrlConfig" : "DeleteFunctionUrlConfig",
                             json_pack("{s:s, s:s*}", "FunctionName", tool_operand(arguments, 1), "Qualifier",
                                       tool_option_value(arguments, "qualifier")));
}
