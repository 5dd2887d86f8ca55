/* lambda config NAME: all of a function but its code: its configuration, its reserved concurrency, what becomes of its asynchronous events, its loops. */
#include <string.h>

#include "commands.h"
#include "configure.h"

const tool_option TOOL_OPTIONS_CONFIG[] = {
    TOOL_CONFIGURE_OPTIONS,
    {"unset", "NAME", "take this variable away; may be given again"},
    {"qualifier", "NAME", "of a version or an alias: to show, and for asynchronous events"},
    {"concurrency", "COUNT", "reserve so much; none: reserve nothing"},
    {"retries", "COUNT", "of asynchronous events, 0 to 2"},
    {"age", "SECONDS", "most that they may have, 60 to 21600"},
    {"on-success", "ARN", "the destination of those that succeed"},
    {"on-failure", "ARN", "the destination of those that fail"},
    {"recursion", "WORD", "Allow or Terminate loops"},
    {0}};

/** Calls it, and adds what it answers to the members that are shown. Takes the input. */
static int ask(tool_backend *backend, const char *operation, json_t *input, json_t *shown)
{
    json_t *output;
    int code = backend->call(backend, operation, input, &output);
    if (code == TOOL_OK && json_object_update(shown, output) != 0) code = tool_no_memory();
    json_decref(output);
    return code;
}

/** What is not given stays, and so do variables of the environment: the operation itself replaces them all. */
static int merge_environment(const tool_arguments *arguments, tool_backend *backend, const char *name, json_t *input)
{
    const char *gone;
    json_t *output;
    if (!tool_option_value(arguments, "environment") && !tool_option_value(arguments, "unset")) return TOOL_OK;
    int code = backend->call(backend, "GetFunctionConfiguration", json_pack("{s:s}", "FunctionName", name), &output);
    if (code != TOOL_OK) return code;
    json_t *given = json_object_get(json_object_get(input, "Environment"), "Variables");
    json_t *there = json_object_get(json_object_get(output, "Environment"), "Variables");
    json_t *all = there ? json_copy(there) : json_object();
    if (!all || (given && json_object_update(all, given) != 0)) code = tool_no_memory();
    for (size_t i = 0; code == TOOL_OK && (gone = tool_option_value_at(arguments, "unset", i)) != NULL; i++)
        if (json_object_del(all, gone) != 0) code = tool_usage("--unset %s: there is no such variable", gone);
    if (code != TOOL_OK)
        json_decref(all);
    else if (json_object_set_new(input, "Environment", json_pack("{s:o}", "Variables", all)) != 0)
        code = tool_no_memory();
    json_decref(output);
    return code;
}

static int set_configuration(const tool_arguments *arguments, tool_backend *backend, const char *name, json_t *shown)
{
    json_t *input = json_pack("{s:s}", "FunctionName", name);
    int code = input ? tool_configure(arguments, input) : tool_no_memory();
    if (code == TOOL_OK) code = merge_environment(arguments, backend, name, input);
    if (code == TOOL_OK && json_object_size(input) > 1)
        return ask(backend, "UpdateFunctionConfiguration", input, shown);
    json_decref(input);
    return code;
}

static int set_concurrency(const tool_arguments *arguments, tool_backend *backend, const char *name, json_t *shown)
{
    uint64_t count;
    const char *given = tool_option_value(arguments, "concurrency");
    if (!given) return TOOL_OK;
    if (strcmp(given, "none") == 0)
        return ask(backend, "DeleteFunctionConcurrency", json_pack("{s:s}", "FunctionName", name), shown);
    if (!tool_option_number(arguments, "concurrency", 0, 1u << 20, 0, &count)) return TOOL_USAGE;
    return ask(backend, "PutFunctionConcurrency",
               json_pack("{s:s, s:I}", "FunctionName", name, "ReservedConcurrentExecutions", (json_int_t)count), shown);
}

static int set_number(const tool_arguments *arguments, const char *option, uint64_t least, uint64_t most,
                      const char *member, json_t *input)
{
    uint64_t number;
    if (!tool_option_number(arguments, option, least, most, UINT64_MAX, &number)) return TOOL_USAGE;
    if (number == UINT64_MAX) return TOOL_OK;
    return json_object_set_new(input, member, json_integer((json_int_t)number)) == 0 ? TOOL_OK : tool_no_memory();
}

/** The operation that keeps what is not given: there may be nothing yet to keep. */
static int event_operation(tool_backend *backend, const char *name, const char *qualifier, const char **operation)
{
    json_t *all;
    int code = tool_backend_list(backend, "ListFunctionEventInvokeConfigs", json_pack("{s:s}", "FunctionName", name),
                                 "FunctionEventInvokeConfigs", &all);
    *operation = "PutFunctionEventInvokeConfig";
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *arn = json_string_value(json_object_get(json_array_get(all, i), "FunctionArn"));
        const char *last = arn ? strrchr(arn, ':') : NULL;
        if (last && strcmp(last + 1, qualifier ? qualifier : "$LATEST") == 0)
            *operation = "UpdateFunctionEventInvokeConfig";
    }
    json_decref(all);
    return code;
}

/** What is not given stays. */
static int set_events(const tool_arguments *arguments, tool_backend *backend, const char *name, json_t *shown)
{
    const char *success = tool_option_value(arguments, "on-success");
    const char *failure = tool_option_value(arguments, "on-failure");
    json_t *input =
        json_pack("{s:s, s:s*}", "FunctionName", name, "Qualifier", tool_option_value(arguments, "qualifier"));
    const size_t named = json_object_size(input);
    int code = input ? set_number(arguments, "retries", 0, 2, "MaximumRetryAttempts", input) : tool_no_memory();
    if (code == TOOL_OK) code = set_number(arguments, "age", 60, 21600, "MaximumEventAgeInSeconds", input);
    json_t *where = success || failure ? json_object() : NULL;
    if (success) json_object_set_new(where, "OnSuccess", json_pack("{s:s}", "Destination", success));
    if (failure) json_object_set_new(where, "OnFailure", json_pack("{s:s}", "Destination", failure));
    if ((success || failure) && json_object_set_new(input, "DestinationConfig", where) != 0) code = tool_no_memory();
    if (code == TOOL_OK && json_object_size(input) > named) {
        const char *operation;
        code = event_operation(backend, name, tool_option_value(arguments, "qualifier"), &operation);
        if (code == TOOL_OK) return ask(backend, operation, input, shown);
    }
    json_decref(input);
    return code;
}

static int show_all(tool_backend *backend, const char *name, const char *qualifier, json_t *shown)
{
    int code = ask(backend, "GetFunctionConfiguration",
                   json_pack("{s:s, s:s*}", "FunctionName", name, "Qualifier", qualifier), shown);
    if (code == TOOL_OK) code = ask(backend, "GetFunctionConcurrency", json_pack("{s:s}", "FunctionName", name), shown);
    if (code == TOOL_OK)
        code = ask(backend, "GetFunctionRecursionConfig", json_pack("{s:s}", "FunctionName", name), shown);
    json_t *events = NULL;
    if (code == TOOL_OK)
        code = tool_backend_list(backend, "ListFunctionEventInvokeConfigs", json_pack("{s:s}", "FunctionName", name),
                                 "FunctionEventInvokeConfigs", &events);
    if (code == TOOL_OK && json_object_set_new(shown, "FunctionEventInvokeConfigs", events) != 0)
        code = tool_no_memory();
    return code;
}

int tool_config(const tool_arguments *arguments)
{
    tool_backend *backend;
    const char *name = tool_operand(arguments, 0);
    const char *qualifier = tool_option_value(arguments, "qualifier");
    const char *recursion = tool_option_value(arguments, "recursion");
    if (qualifier &&
        !tool_options_belong(arguments, "config with --qualifier", " qualifier retries age on-success on-failure "))
        return TOOL_USAGE;
    json_t *shown = json_object();
    int code = shown ? tool_backend_open(arguments, &backend) : tool_no_memory();
    if (code != TOOL_OK) {
        json_decref(shown);
        return code;
    }
    code = set_configuration(arguments, backend, name, shown);
    if (code == TOOL_OK) code = set_concurrency(arguments, backend, name, shown);
    if (code == TOOL_OK) code = set_events(arguments, backend, name, shown);
    if (code == TOOL_OK && recursion)
        code = ask(backend, "PutFunctionRecursionConfig",
                   json_pack("{s:s, s:s}", "FunctionName", name, "RecursiveLoop", recursion), shown);
    if (code == TOOL_OK) json_object_clear(shown);
    if (code == TOOL_OK) code = show_all(backend, name, qualifier, shown);
    backend->close(backend);
    if (code == TOOL_OK) return tool_configuration_print(arguments, shown);
    json_decref(shown);
    return code;
}
