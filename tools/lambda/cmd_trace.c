/* lambda trace [TRACE]: X-Ray's documents, of DIR/traces.jsonl, also while a server writes to it; or of a server of this library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/trace.h>

#include "backend.h"
#include "commands.h"

const tool_option TOOL_OPTIONS_TRACE[] = {{"function", "NAME", "traces of that function alone"}, {0}};

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static const char *outcome(const json_t *document)
{
    if (json_is_true(json_object_get(document, "throttle"))) return "throttle";
    if (json_is_true(json_object_get(document, "fault"))) return "fault";
    return json_is_true(json_object_get(document, "error")) ? "error" : "ok";
}

static bool add(void *user, const char *json, size_t length)
{
    return json_array_append_new(user, json_loadb(json, length, 0, NULL)) == 0;
}

/** Of a file alone, so that it need not be free. */
static int read_documents(const tool_arguments *arguments, const char *trace, const char *function, json_t **all)
{
    char directory[768];
    char path[1024];
    if (!tool_home_directory(arguments, directory)) return TOOL_USAGE;
    tool_home_path(directory, "traces.jsonl", path);
    *all = json_array();
    if (!*all) return tool_no_memory();
    lambda_status status = lambda_trace_file_read(path, trace, function, add, *all);
    if (status == LAMBDA_OK || status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) return TOOL_OK;
    return tool_unreachable("%s", lambda_error_message(NULL));
}

static int ask_documents(const tool_arguments *arguments, const char *trace, const char *function, json_t **all)
{
    json_t *output;
    int code = tool_backend_ask(arguments, "ListTraceDocuments",
                                json_pack("{s:s*, s:s*}", "TraceId", trace, "FunctionName", function), &output);
    *all = json_incref(json_object_get(output, "Documents"));
    json_decref(output);
    return code;
}

static int by_start(const void *left, const void *right)
{
    double a = number(*(json_t *const *)left, "start_time");
    double b = number(*(json_t *const *)right, "start_time");
    return (a > b) - (a < b);
}

/** A line of the picture, and those of what stands within. */
static void draw(const json_t *document, double begin, int depth)
{
    json_t *within = json_object_get(document, "subsegments");
    double start = number(document, "start_time");
    double end = number(document, "end_time");
    const char *how = outcome(document);
    printf("%10.2f ms %10.2f ms  %*s%s%s%s\n", (start - begin) * 1000, (end - start) * 1000, depth * 2, "",
           text(document, "name"), strcmp(how, "ok") == 0 ? "" : "  ", strcmp(how, "ok") == 0 ? "" : how);
    for (size_t i = 0; i < json_array_size(within) && depth < 64; i++)
        draw(json_array_get(within, i), begin, depth + 1);
}

static int show(const char *trace, const json_t *all)
{
    size_t count = json_array_size(all);
    const json_t **sorted = calloc(count + 1, sizeof(json_t *));
    if (!sorted) return tool_no_memory();
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(all, i);
    qsort(sorted, count, sizeof(json_t *), by_start);
    printf("%s%s%s\n%13s %13s\n", tool_bold(), trace, tool_plain(), "from", "took");
    for (size_t i = 0; i < count; i++)
        draw(sorted[i], number(sorted[0], "start_time"), 0);
    free(sorted);
    return TOOL_OK;
}

/** One row a document of a function: the newest last, as they were written. */
static int list(const json_t *all)
{
    static const char *const HEADINGS[] = {"TRACE", "FUNCTION", "TOOK", "OUTCOME", NULL};
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *each = json_array_get(all, i);
        char took[32];
        if (strcmp(text(each, "origin"), "AWS::Lambda::Function") != 0) continue;
        snprintf(took, sizeof took, "%.2f ms", (number(each, "end_time") - number(each, "start_time")) * 1000);
        json_array_append_new(
            rows, json_pack("[s, s, s, s]", text(each, "trace_id"), text(each, "name"), took, outcome(each)));
    }
    if (json_array_size(rows) > 0) return tool_print_table(HEADINGS, rows);
    json_decref(rows);
    puts("There are no traces. 'lambda config NAME --tracing Active' has a share of a function's invocations traced.");
    return TOOL_OK;
}

int tool_trace(const tool_arguments *arguments)
{
    json_t *all = NULL;
    const char *trace = tool_operand(arguments, 0);
    const char *function = tool_option_value(arguments, "function");
    int code = tool_arguments_check(arguments);
    if (code == TOOL_OK)
        code = tool_endpoint(arguments) ? ask_documents(arguments, trace, function, &all)
                                        : read_documents(arguments, trace, function, &all);
    if (code == TOOL_OK && trace && json_array_size(all) == 0)
        code = tool_refused("TraceNotFound", "there is no such trace: 'lambda trace' lists those that there are");
    if (code == TOOL_OK && tool_option_value(arguments, "json"))
        code = tool_print_json(json_incref(all));
    else if (code == TOOL_OK)
        code = trace ? show(trace, all) : list(all);
    json_decref(all);
    return code;
}
