/* lambda doctor: what this machine can enforce, what is in the data directory, whether the server answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "commands.h"

/** One finding: `state` is "ok", "warning" or "error". */
static void add(json_t *findings, const char *what, const char *state, const char *details)
{
    json_array_append_new(findings, json_pack("{s:s, s:s, s:s}", "Check", what, "State", state, "Details", details));
}

static void look_for_program(json_t *findings, const char *what, const char *name)
{
    char path[1024];
    const char *from = getenv("PATH");
    while (from && *from) {
        size_t length = strcspn(from, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)length, from, name);
        if (access(path, X_OK) == 0) {
            add(findings, what, "ok", path);
            return;
        }
        from += length + (from[length] != '\0');
    }
    snprintf(path, sizeof path, "'%s' is not in PATH: functions of that runtime cannot run", name);
    add(findings, what, "warning", path);
}

static void look_at_limits(json_t *findings, lambda_process *process)
{
    lambda_process_limits limits = {0};
    if (lambda_process_limits_get(process, &limits) != LAMBDA_OK) return;
    const struct {
        const char *what;
        lambda_process_mechanism how;
    } each[] = {{"limit of memory", limits.memory},
                {"share of the processor", limits.cpu},
                {"limit of processes", limits.processes},
                {"limit of storage", limits.storage},
                {"paths of its own", limits.paths},
                {"processes that end", limits.tree},
                {"frozen between invocations", limits.freeze},
                {"a user of its own", limits.identity},
                {"Runtime API of its own", limits.endpoint}};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        add(findings, each[i].what, each[i].how == LAMBDA_PROCESS_NONE ? "warning" : "ok",
            lambda_process_mechanism_name(each[i].how));
    if (*limits.reason) add(findings, "why not", "warning", limits.reason);
}

static int look(const tool_arguments *arguments, json_t *findings)
{
    tool_backend *backend;
    json_t *output;
    int code = tool_backend_open(arguments, &backend);
    if (code != TOOL_OK) {
        add(findings, tool_endpoint(arguments) ? "server" : "data directory", "error", "see above");
        return code;
    }
    code = backend->call(backend, "GetAccountSettings", json_object(), &output);
    add(findings, backend->home ? "data directory" : "server", code == TOOL_OK ? "ok" : "error",
        backend->home ? backend->home->directory : tool_endpoint(arguments));
    if (backend->home) look_at_limits(findings, backend->home->process);
    json_decref(output);
    backend->close(backend);
    return code;
}

int tool_doctor(const tool_arguments *arguments)
{
    static const char *const HEADINGS[] = {"CHECK", "STATE", "DETAILS", NULL};
    json_t *findings = json_array();
    if (!findings) return tool_no_memory();
    look_for_program(findings, "Node.js", "node");
    look_for_program(findings, "Python", "python3");
    int code = look(arguments, findings);
    if (tool_option_value(arguments, "json")) {
        int printed = tool_print_json(json_pack("{s:o}", "Findings", findings));
        return code == TOOL_OK ? printed : code;
    }
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *each = json_array_get(findings, i);
        json_array_append_new(rows, json_pack("[O, O, O]", json_object_get(each, "Check"),
                                              json_object_get(each, "State"), json_object_get(each, "Details")));
    }
    json_decref(findings);
    int printed = tool_print_table(HEADINGS, rows);
    return code == TOOL_OK ? printed : code;
}
