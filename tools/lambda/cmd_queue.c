/* lambda queue: the asynchronous events of a data directory, or of a server of this library. */
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "commands.h"

const tool_option TOOL_OPTIONS_QUEUE[] = {{"function", "NAME", "list, purge: those of this function alone"},
                                          {"destination", "NAME", "redrive: where the failed events are"},
                                          {"most", "NUMBER", "list, redrive: no more than that (default 1000, 10000)"},
                                          {"wait", "SECONDS", "drain: no longer than that (default 60)"},
                                          {0}};

/** Most seconds that one call waits. */
#define WAIT_S 1

static int show(const json_t *events, bool more)
{
    static const char *const HEADINGS[] = {"STATE", "FUNCTION", "ATTEMPTS", "AGE", "REASON", "REQUEST ID", NULL};
    json_t *rows = json_array();
    json_t *event;
    size_t i;
    if (json_array_size(events) == 0) {
        puts("Nothing waits, and nothing was dropped.");
        json_decref(rows);
        return TOOL_OK;
    }
    json_array_foreach(events, i, event)
    {
        char attempts[24];
        char age[32];
        const char *reason = json_string_value(json_object_get(event, "Reason"));
        snprintf(attempts, sizeof attempts, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(event, "Attempts")));
        snprintf(age, sizeof age, "%.1f s", (double)json_integer_value(json_object_get(event, "AgeMs")) / 1000);
        json_array_append_new(rows, json_pack("[O, O, s, s, s, O]", json_object_get(event, "State"),
                                              json_object_get(event, "Function"), attempts, age, reason ? reason : "-",
                                              json_object_get(event, "RequestId")));
    }
    int code = tool_print_table(HEADINGS, rows);
    if (more) puts("There are more: --most NUMBER shows them.");
    return code;
}

/** Adds a whole number that was given. */
static int put_most(const tool_arguments *arguments, uint64_t most, uint64_t otherwise, json_t *input)
{
    uint64_t number;
    if (!tool_option_number(arguments, "most", 1, most, otherwise, &number)) return TOOL_USAGE;
    return json_object_set_new(input, "MaxItems", json_integer((json_int_t)number)) == 0 ? TOOL_OK : tool_no_memory();
}

static int list(const tool_arguments *arguments, tool_backend *backend)
{
    json_t *output = NULL;
    json_t *input = json_pack("{s:s*}", "FunctionName", tool_option_value(arguments, "function"));
    int code = input ? put_most(arguments, 10000, 1000, input) : tool_no_memory();
    if (code == TOOL_OK)
        code = backend->call(backend, "ListQueuedEvents", input, &output);
    else
        json_decref(input);
    if (code == TOOL_OK && tool_option_value(arguments, "json")) return tool_print_json(output);
    if (code == TOOL_OK) code = show(json_object_get(output, "Events"), json_is_true(json_object_get(output, "More")));
    json_decref(output);
    return code;
}

/** Calls it, and prints how many it were. Takes the input. */
static int count(const tool_arguments *arguments, tool_backend *backend, const char *operation, json_t *input,
                 const char *member, const char *word)
{
    json_t *output;
    int code = backend->call(backend, operation, input, &output);
    if (code == TOOL_OK && tool_option_value(arguments, "json")) return tool_print_json(output);
    if (code == TOOL_OK)
        printf("%s %" JSON_INTEGER_FORMAT "\n", word, json_integer_value(json_object_get(output, member)));
    json_decref(output);
    return code;
}

static int purge(const tool_arguments *arguments, tool_backend *backend)
{
    return count(arguments, backend, "PurgeQueuedEvents",
                 json_pack("{s:s*}", "FunctionName", tool_option_value(arguments, "function")), "Purged", "purged");
}

static int redrive(const tool_arguments *arguments, tool_backend *backend)
{
    const char *destination = tool_option_value(arguments, "destination");
    if (!destination) return tool_usage("redrive needs --destination NAME: where the failed events are");
    json_t *input = json_pack("{s:s}", "Destination", destination);
    int code = input ? put_most(arguments, UINT32_MAX, 10000, input) : tool_no_memory();
    if (code == TOOL_OK) return count(arguments, backend, "RedriveQueuedEvents", input, "Redriven", "redriven");
    json_decref(input);
    return code;
}

/** Waits in steps, so that no server has a thread wait for long. */
static int drain(const tool_arguments *arguments, tool_backend *backend)
{
    uint64_t seconds;
    bool ended = false;
    int code = TOOL_OK;
    if (!tool_option_number(arguments, "wait", 0, 4000000, 60, &seconds)) return TOOL_USAGE;
    const uint64_t until = tool_now_ns() + seconds * UINT64_C(1000000000);
    while (code == TOOL_OK && !ended) {
        json_t *output = NULL;
        const bool last = tool_now_ns() >= until;
        code = backend->call(backend, "WaitForQueuedEvents", json_pack("{s:i}", "Seconds", last ? 0 : WAIT_S), &output);
        ended = json_is_true(json_object_get(output, "Ended"));
        json_decref(output);
        if (last) break;
    }
    if (code == TOOL_OK) code = list(arguments, backend);
    if (code != TOOL_OK || ended) return code;
    return tool_refused("TooManyRequestsException", "the time was over before all events had ended");
}

int tool_queue(const tool_arguments *arguments)
{
    static const struct {
        const char *name;
        int (*run)(const tool_arguments *, tool_backend *);
        const char *options;
    } ACTIONS[] = {{"list", list, " function most "},
                   {"purge", purge, " function "},
                   {"redrive", redrive, " destination most "},
                   {"drain", drain, " wait "}};
    tool_backend *backend;
    const char *name = tool_operand(arguments, 0);
    size_t i = 0;
    while (i < 4 && strcmp(ACTIONS[i].name, name ? name : "list") != 0)
        i++;
    if (i == 4) return tool_usage("there is no 'lambda queue %s': list, purge, redrive, drain", name);
    if (!tool_options_belong(arguments, ACTIONS[i].name, ACTIONS[i].options)) return TOOL_USAGE;
    int code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) return code;
    code = ACTIONS[i].run(arguments, backend);
    backend->close(backend);
    return code;
}
