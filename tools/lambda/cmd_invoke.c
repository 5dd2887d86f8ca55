/* lambda invoke */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "event_input.h"
#include "load.h"

const tool_option TOOL_OPTIONS_INVOKE[] = {{"qualifier", "NAME", "a version or an alias"},
                                           {"async", NULL, "leave it to the queue, and do not wait"},
                                           {"stream", NULL, "print the response as it comes"},
                                           {"tail", NULL, "print the end of the log on stderr"},
                                           {"repeat", "COUNT", "so many times, and say how long they took"},
                                           {"concurrency", "COUNT", "so many of them at once, at most 256 (default 1)"},
                                           {0}};

/** Payload, as JSON or as a text; what is neither is PayloadBase64. */
static int put_payload(json_t *object, const tool_outcome *outcome)
{
    json_t *payload = json_loadb(outcome->payload, outcome->length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    const char *name = "Payload";
    if (!payload) payload = json_stringn(outcome->payload, outcome->length);
    if (!payload) {
        char *text = tool_base64(outcome->payload, outcome->length);
        payload = text ? json_string(text) : NULL;
        name = "PayloadBase64";
        free(text);
    }
    return json_object_set_new(object, name, payload) == 0 ? TOOL_OK : tool_no_memory();
}

static int print(const tool_arguments *arguments, const tool_wish *wish, const tool_outcome *outcome)
{
    const bool failed = *outcome->function_error;
    if (wish->tail && outcome->log) fputs(outcome->log, stderr);
    if (wish->later) {
        if (tool_option_value(arguments, "json"))
            return tool_print_json(json_pack("{s:i, s:s}", "StatusCode", 202, "RequestId", outcome->request_id));
        printf("accepted: %s\n", outcome->request_id);
        return TOOL_OK;
    }
    if (tool_option_value(arguments, "json")) {
        json_t *object =
            json_pack("{s:i, s:s, s:s, s:s*, s:f}", "StatusCode", 200, "RequestId", outcome->request_id,
                      "ExecutedVersion", outcome->version, "FunctionError", failed ? outcome->function_error : NULL,
                      "DurationMs", (double)outcome->duration_ns / 1e6);
        int code = object ? put_payload(object, outcome) : tool_no_memory();
        if (code != TOOL_OK) {
            json_decref(object);
            return code;
        }
        code = tool_print_json(object);
        return code == TOOL_OK && failed ? TOOL_FUNCTION_FAILED : code;
    }
    /* What a function answered is its output; how it failed is not. */
    FILE *to = failed ? stderr : stdout;
    if (outcome->length) {
        fwrite(outcome->payload, 1, outcome->length, to);
        fputc('\n', to);
    } else if (wish->stream && isatty(STDOUT_FILENO)) {
        /* A file gets the function's bytes alone. */
        fputc('\n', to);
    }
    if (failed)
        fprintf(stderr, "lambda: the function failed (%s), request %s\n", outcome->function_error, outcome->request_id);
    return failed ? TOOL_FUNCTION_FAILED : TOOL_OK;
}

static int check(const tool_arguments *arguments, const tool_wish *wish, bool again)
{
    if (wish->later && (wish->stream || wish->tail || again))
        return tool_usage("--async goes with none of --stream, --tail, --repeat and --concurrency: nobody waits");
    if (wish->stream && tool_option_value(arguments, "json"))
        return tool_usage("--stream goes without --json: its output is what the function writes");
    if (again && (wish->stream || wish->tail)) return tool_usage("--repeat goes with neither --stream nor --tail");
    if (tool_option_value(arguments, "concurrency") && !again) return tool_usage("--concurrency needs --repeat");
    return TOOL_OK;
}

int tool_invoke(const tool_arguments *arguments)
{
    tool_backend *backend;
    tool_outcome outcome = {0};
    uint64_t repeat;
    uint64_t concurrency;
    char *event = NULL;
    size_t length;
    tool_wish wish = {.name = tool_operand(arguments, 0),
                      .qualifier = tool_option_value(arguments, "qualifier"),
                      .later = tool_option_value(arguments, "async") != NULL,
                      .stream = tool_option_value(arguments, "stream") != NULL,
                      .tail = tool_option_value(arguments, "tail") != NULL};
    if (!tool_option_number(arguments, "repeat", 1, 10000000, 0, &repeat) ||
        !tool_option_number(arguments, "concurrency", 1, 256, 1, &concurrency))
        return TOOL_USAGE;
    int code = check(arguments, &wish, repeat > 0);
    if (code == TOOL_OK) code = tool_event_read(tool_operand(arguments, 1), &event, &length);
    if (code == TOOL_OK) code = tool_backend_open(arguments, &backend);
    if (code == TOOL_OK) {
        wish.event = lambda_bytes_make(event, length);
        if (repeat > 0)
            code = tool_load(backend, &wish, repeat, concurrency, tool_option_value(arguments, "json") != NULL);
        else
            code = backend->invoke(backend, &wish, &outcome);
        if (code == TOOL_OK && repeat == 0) code = print(arguments, &wish, &outcome);
        tool_outcome_clear(backend, &outcome);
        backend->close(backend);
    }
    free(event);
    return code;
}
