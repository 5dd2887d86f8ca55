/* lambda api OPERATION [INPUT]: any operation by its name in AWS's model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "commands.h"
#include "event_input.h"

static int list(const tool_arguments *arguments)
{
    static const char *const HEADINGS[] = {"OPERATION", "METHOD", "PATH", "BUILT", NULL};
    const lambda_api_operation *each;
    json_t *rows = json_array();
    for (size_t i = 0; (each = lambda_api_operation_at(i)) != NULL; i++)
        json_array_append_new(rows, json_pack("[s, s, s, s]", each->name, each->method, each->path,
                                              each->state == LAMBDA_API_BUILT ? "yes" : "no"));
    return tool_option_value(arguments, "json") ? tool_print_json(rows) : tool_print_table(HEADINGS, rows);
}

/** Whether there is such an operation, and it answers with JSON. An exit code. */
static int check(const char *operation)
{
    const lambda_api_operation *each;
    for (size_t i = 0; (each = lambda_api_operation_at(i)) != NULL; i++)
        if (strcmp(each->name, operation) == 0) break;
    if (!each) return tool_usage("there is no operation '%s': 'lambda api' lists them", operation);
    if (strncmp(operation, "Invoke", 6) == 0)
        return tool_usage("%s is 'lambda invoke NAME EVENT', with --async or --stream", operation);
    return TOOL_OK;
}

int tool_api(const tool_arguments *arguments)
{
    char *text;
    size_t length;
    json_t *output;
    const char *operation = tool_operand(arguments, 0);
    if (!operation) return list(arguments);
    int code = check(operation);
    if (code == TOOL_OK) code = tool_event_read(tool_operand(arguments, 1), &text, &length);
    if (code != TOOL_OK) return code;
    json_t *input = json_loadb(text, length, 0, NULL);
    free(text);
    if (!json_is_object(input)) {
        json_decref(input);
        return tool_usage("the input has to be a JSON object: lambda api %s '{\"FunctionName\": \"NAME\"}'", operation);
    }
    code = tool_backend_ask(arguments, operation, input, &output);
    return code == TOOL_OK ? tool_print_json(output) : code;
}
