/* lambda trace [TRACE]: what DIR/traces.jsonl has, X-Ray's documents, one a line; also while a server writes to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "home.h"
#include "output.h"

const tool_option TOOL_OPTIONS_TRACE[] = {{"data", "DIR", "the data directory (else LAMBDA_DATA, else ./.lambda)"},
                                          {"function", "NAME", "traces of that function alone"},
                                          {"endpoint", "URL", "is refused: Lambda's API has no operations for traces"},
                                          {0}};

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

/** Documents of a trace and a function; NULL: of any. */
static int read_documents(const char *path, const char *trace, const char *function, json_t **all)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    FILE *file = fopen(path, "re");
    *all = json_array();
    if (!*all || (!file && errno != ENOENT)) {
        if (file) fclose(file);
        return *all ? tool_unreachable("%s: %s", path, strerror(errno)) : tool_no_memory();
    }
    int code = TOOL_OK;
    while (file && code == TOOL_OK && (length = getline(&line, &room, file)) > 0) {
        /* The last line may not be whole yet. */
        json_t *one = json_loadb(line, (size_t)length, 0, NULL);
        bool wanted = one && (!trace || strcmp(text(one, "trace_id"), trace) == 0) &&
                      (!function || strcmp(text(one, "name"), function) == 0);
        if (wanted && json_array_append(*all, one) != 0) code = tool_no_memory();
        json_decref(one);
    }
    free(line);
    if (file) fclose(file);
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
    puts("There are no traces. Functions whose TracingConfig has the Mode Active are traced, a share of their "
         "invocations.");
    return TOOL_OK;
}

int tool_trace(const tool_arguments *arguments)
{
    char directory[768];
    char path[1024];
    json_t *all;
    const char *trace = tool_operand(arguments, 0);
    if (tool_option_value(arguments, "endpoint"))
        return tool_usage("Lambda's API has no operations for traces: use --data with the server's data directory");
    if (!tool_home_directory(arguments, directory)) return TOOL_USAGE;
    tool_home_path(directory, "traces.jsonl", path);
    int code = read_documents(path, trace, tool_option_value(arguments, "function"), &all);
    if (code == TOOL_OK && trace && json_array_size(all) == 0)
        code = tool_refused("TraceNotFound", "there is no such trace: 'lambda trace' lists those that there are");
    if (code == TOOL_OK && tool_option_value(arguments, "json"))
        code = tool_print_json(json_incref(all));
    else if (code == TOOL_OK)
        code = trace ? show(trace, all) : list(all);
    json_decref(all);
    return code;
}
