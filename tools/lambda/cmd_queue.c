/* lambda queue list|purge|redrive: asynchronous events of a data directory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lambda/async.h>

#include "commands.h"
#include "home.h"
#include "output.h"

const tool_option TOOL_OPTIONS_QUEUE[] = {{"data", "DIR", "the data directory (else LAMBDA_DATA, else ./.lambda)"},
                                          {"most", "COUNT", "redrive: at most so many (default all)"},
                                          {0}};

static bool add_event(void *user, const lambda_async_event *event)
{
    static const char *const STATES[] = {"waiting", "delayed", "running", "dropped"};
    char id[LAMBDA_REQUEST_ID_SIZE];
    char age[32];
    char attempts[16];
    lambda_request_id_format(event->request_id, id);
    snprintf(age, sizeof age, "%.1f", (double)event->age_ns / 1e9);
    snprintf(attempts, sizeof attempts, "%" PRIu32, event->attempts);
    return json_array_append_new(user, json_pack("[s, s, s, s, s, s]", id, event->function_name, STATES[event->state],
                                                 attempts, age, event->delivery ? event->target : "")) == 0;
}

static int list(const tool_arguments *arguments, lambda_t *lambda, const char *name)
{
    static const char *const HEADINGS[] = {"REQUEST ID", "FUNCTION", "STATE", "ATTEMPTS", "AGE (S)", "TARGET", NULL};
    static const char *const NAMES[] = {"RequestId", "FunctionName", "State", "Attempts", "AgeSeconds", "Target"};
    json_t *rows = json_array();
    lambda_status status = lambda_async_list(lambda, name, add_event, rows);
    if (status != LAMBDA_OK) {
        json_decref(rows);
        return tool_failed(lambda, status);
    }
    if (!tool_option_value(arguments, "json")) return tool_print_table(HEADINGS, rows);
    json_t *events = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *event = json_object();
        for (size_t j = 0; j < 6; j++)
            json_object_set(event, NAMES[j], json_array_get(json_array_get(rows, i), j));
        json_array_append_new(events, event);
    }
    json_decref(rows);
    return tool_print_json(json_pack("{s:o}", "Events", events));
}

static int count(const tool_arguments *arguments, lambda_t *lambda, lambda_status status, const char *what,
                 uint64_t many)
{
    if (status != LAMBDA_OK) return tool_failed(lambda, status);
    if (tool_option_value(arguments, "json")) return tool_print_json(json_pack("{s:I}", what, (json_int_t)many));
    printf("%s: %" PRIu64 "\n", what, many);
    return TOOL_OK;
}

int tool_queue(const tool_arguments *arguments)
{
    tool_home home = {0};
    uint64_t most;
    uint64_t many = 0;
    const char *verb = tool_operand(arguments, 0);
    const char *name = tool_operand(arguments, 1);
    if (strcmp(verb, "list") != 0 && strcmp(verb, "purge") != 0 && strcmp(verb, "redrive") != 0)
        return tool_usage("'%s' is none of list, purge and redrive", verb);
    if (strcmp(verb, "redrive") == 0 && !name) return tool_usage("redrive of which destination? queue redrive ARN");
    if (!tool_option_number(arguments, "most", 1, UINT64_MAX, UINT64_MAX, &most)) return TOOL_USAGE;
    int code = tool_home_open(arguments, NULL, &home);
    if (code == TOOL_OK && *verb == 'l')
        code = list(arguments, home.lambda, name);
    else if (code == TOOL_OK) {
        lambda_status status = *verb == 'p' ? lambda_async_purge(home.lambda, name, &many)
                                            : lambda_async_redrive(home.lambda, name, most, &many);
        code = count(arguments, home.lambda, status, *verb == 'p' ? "Purged" : "Redriven", many);
    }
    tool_home_close(&home);
    return code;
}
