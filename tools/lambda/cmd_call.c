/* lambda call LIBRARY DECLARATION [EVENT|NAME=VALUE...]: a C function of a shared library, without a service that is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/function.h>
#include <lambda/invoke.h>

#include "commands.h"
#include "event_input.h"
#include "output.h"

/** NAME=VALUE, where the value is JSON if it can be, else a string. */
static int put_argument(json_t *event, const char *text)
{
    char name[128];
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || equals - text >= 128)
        return tool_usage("'%s' has to be NAME=VALUE, a parameter of the declaration", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    if (!value) value = json_string(equals + 1);
    return json_object_set_new(event, name, value) == 0 ? TOOL_OK : tool_usage("'%s' is not UTF-8", text);
}

static int read_event(const tool_arguments *arguments, char **event, size_t *length)
{
    const char *first = tool_operand(arguments, 2);
    if (!first || strchr("{@-", *first)) return tool_event_read(first, event, length);
    json_t *object = json_object();
    int code = object ? TOOL_OK : tool_no_memory();
    for (size_t i = 2; code == TOOL_OK && tool_operand(arguments, i); i++)
        code = put_argument(object, tool_operand(arguments, i));
    *event = code == TOOL_OK ? json_dumps(object, JSON_COMPACT) : NULL;
    *length = *event ? strlen(*event) : 0;
    json_decref(object);
    return code == TOOL_OK && !*event ? tool_no_memory() : code;
}

static int run(lambda_t *lambda, const tool_arguments *arguments, lambda_bytes event)
{
    lambda_result result = {0};
    const lambda_function_config config = {
        .function_name = "call", .code = lambda_code_typed(tool_operand(arguments, 0), tool_operand(arguments, 1))};
    lambda_status status = lambda_function_create(lambda, &config);
    if (status == LAMBDA_OK) status = lambda_invoke(lambda, "call", event, &result);
    int code = TOOL_OK;
    if (status == LAMBDA_ERROR_INVALID_CODE)
        code = tool_refused("LibraryError", lambda_error_message(lambda));
    else if (status != LAMBDA_OK)
        code = tool_failed(lambda, status);
    if (status == LAMBDA_OK) {
        FILE *to = result.function_error ? stderr : stdout;
        fwrite(result.payload.data, 1, result.payload.length, to);
        fputc('\n', to);
        if (result.function_error) code = TOOL_FUNCTION_FAILED;
    }
    lambda_result_clear(&result);
    return code;
}

int tool_call(const tool_arguments *arguments)
{
    char *event = NULL;
    size_t length = 0;
    lambda_t *lambda;
    int code = read_event(arguments, &event, &length);
    if (code != TOOL_OK) return code;
    lambda_status status = lambda_open(NULL, &lambda);
    code = status == LAMBDA_OK ? run(lambda, arguments, lambda_bytes_make(event, length)) : tool_failed(NULL, status);
    lambda_close(lambda);
    free(event);
    return code;
}
