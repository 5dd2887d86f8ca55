/* lambda queue: the asynchronous events of a data directory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lambda/async.h>

#include "commands.h"
#include "home.h"
#include "output.h"

const tool_option TOOL_OPTIONS_QUEUE[] = {
    {"data", "DIR", "the data directory (else LAMBDA_DATA, else ./.lambda)"},
    {"region", "NAME", "the region (else AWS_REGION, AWS_DEFAULT_REGION, us-east-1)"},
    {"function", "NAME", "list, purge: those of this function alone"},
    {"destination", "NAME", "redrive: where the failed events are"},
    {"most", "NUMBER", "redrive: no more than that (default 10000)"},
    {"wait", "SECONDS", "drain: no longer than that (default 60)"},
    {"endpoint", "URL", "is refused: Lambda's API has no operations for the queue"},
    {0}};

static const char *const STATES[] = {"waiting", "delayed", "running", "dropped"};

/** A member more; memory that is out ends the listing. */
static bool add(void *user, const lambda_async_event *event)
{
    const char *condition = event->state == LAMBDA_ASYNC_DROPPED ? lambda_async_condition_name(event->condition) : NULL;
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(event->request_id, id);
    json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s*}", "RequestId", id, "State",
                            STATES[event->state & 3], "Function", event->function_name, "Target", event->target,
                            "Attempts", (json_int_t)event->attempts, "AgeMs", (json_int_t)(event->age_ns / 1000000),
                            "DueMs", (json_int_t)(event->due_ns / 1000000), "Reason", condition);
    return json_array_append_new(user, one) == 0;
}

static int show(json_t *events)
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
    return tool_print_table(HEADINGS, rows);
}

static int list(const tool_arguments *arguments, lambda_t *lambda)
{
    json_t *events = json_array();
    lambda_status status = lambda_async_list(lambda, tool_option_value(arguments, "function"), add, events);
    if (status != LAMBDA_OK) {
        json_decref(events);
        return tool_failed(lambda, status);
    }
    if (tool_option_value(arguments, "json")) return tool_print_json(events);
    int code = show(events);
    json_decref(events);
    return code;
}

/** How many it were, for people and programs. */
static int count(const tool_arguments *arguments, const char *name, uint64_t number)
{
    if (tool_option_value(arguments, "json")) return tool_print_json(json_pack("{s:I}", name, (json_int_t)number));
    printf("%s %" PRIu64 "\n", name, number);
    return TOOL_OK;
}

static int purge(const tool_arguments *arguments, lambda_t *lambda)
{
    uint64_t number = 0;
    lambda_status status = lambda_async_purge(lambda, tool_option_value(arguments, "function"), &number);
    return status == LAMBDA_OK ? count(arguments, "purged", number) : tool_failed(lambda, status);
}

static int redrive(const tool_arguments *arguments, lambda_t *lambda)
{
    uint64_t most;
    uint64_t number = 0;
    const char *destination = tool_option_value(arguments, "destination");
    if (!destination) return tool_usage("redrive needs --destination NAME: where the failed events are");
    if (!tool_option_number(arguments, "most", 1, UINT32_MAX, LAMBDA_ASYNC_BATCH_MAX, &most)) return TOOL_USAGE;
    lambda_status status = lambda_async_redrive(lambda, destination, most, &number);
    return status == LAMBDA_OK ? count(arguments, "redriven", number) : tool_failed(lambda, status);
}

static int drain(const tool_arguments *arguments, lambda_t *lambda)
{
    uint64_t seconds;
    if (!tool_option_number(arguments, "wait", 0, 4000000, 60, &seconds)) return TOOL_USAGE;
    lambda_status status = lambda_async_wait_all(lambda, (uint32_t)seconds * 1000);
    return status == LAMBDA_OK ? list(arguments, lambda) : tool_failed(lambda, status);
}

int tool_queue(const tool_arguments *arguments)
{
    static const struct {
        const char *name;
        int (*run)(const tool_arguments *, lambda_t *);
    } ACTIONS[] = {{"list", list}, {"purge", purge}, {"redrive", redrive}, {"drain", drain}};
    tool_home home = {0};
    const char *name = tool_operand(arguments, 0);
    int (*run)(const tool_arguments *, lambda_t *) = NULL;
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++)
        if (strcmp(ACTIONS[i].name, name ? name : "list") == 0) run = ACTIONS[i].run;
    if (!run) return tool_usage("there is no 'lambda queue %s': list, purge, redrive, drain", name);
    if (tool_option_value(arguments, "endpoint"))
        return tool_usage("Lambda's API has no operations for the queue: use --data with the server's data directory, "
                          "when the server is stopped");
    int code = tool_home_open(arguments, &home);
    if (code == TOOL_OK) code = run(arguments, home.lambda);
    tool_home_close(&home);
    return code;
}
