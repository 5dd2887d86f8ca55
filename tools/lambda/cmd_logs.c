/* lambda logs NAME: the lines of DIR/logs, also while a server writes them; or those that a server of this library shows. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/log_file.h>

#include "backend.h"
#include "commands.h"
#include "when.h"

const tool_option TOOL_OPTIONS_LOGS[] = {
    {"filter", "PATTERN", "lines that match, in CloudWatch Logs' syntax"},
    {"since", "WHEN", "of that time and later: 10m, 2h or 1d ago, 2026-01-31, 2026-01-31T12:00:00Z"},
    {"group", "NAME", "the log group (default /aws/lambda/NAME)"},
    {"follow", NULL, "go on with lines as they are written"},
    {0}};

/** Between two looks for new lines. */
#define FOLLOW_MS 300

typedef struct reading {
    char group[600];
    uint64_t since_ns;
    const char *pattern; /* NULL: none */
    bool follows;
    json_t *lines; /* to be printed as one document; NULL: each is printed as it comes */
    bool json;
    bool no_memory;
    /* of a data directory */
    char directory[1024];
    lambda_log_filter *filter;
    lambda_log_file_position position;
    /* of a server */
    tool_backend *backend;
    char marker[128];
    int (*next)(struct reading *self, bool *more);
} reading;

static bool print(reading *self, uint64_t time_ms, const char *line, size_t length)
{
    if (self->json) {
        json_t *text = json_stringn(line, length);
        if (!text) text = json_string("(a line that is no text)");
        json_t *object = json_pack("{s:I, s:o}", "Time", (json_int_t)time_ms, "Line", text);
        if (self->lines) return json_array_append_new(self->lines, object) == 0;
        char *one = object ? json_dumps(object, JSON_COMPACT) : NULL;
        json_decref(object);
        if (one) puts(one);
        free(one);
        return one != NULL;
    }
    fwrite(line, 1, length, stdout);
    putchar('\n');
    return true;
}

static bool take(void *user, uint64_t time_ns, const char *line, size_t length)
{
    reading *self = user;
    self->no_memory = !print(self, time_ns / 1000000, line, length);
    return !self->no_memory;
}

static int next_of_files(reading *self, bool *more)
{
    const lambda_log_file_query query = {.directory = self->directory,
                                         .log_group_name = self->group,
                                         .since_ns = self->since_ns,
                                         .filter = self->filter};
    lambda_status status = lambda_log_file_read(&query, &self->position, take, self);
    *more = false;
    if (self->no_memory) return tool_no_memory();
    if (status == LAMBDA_OK) return TOOL_OK;
    if (status != LAMBDA_ERROR_RESOURCE_NOT_FOUND) return tool_unreachable("%s", lambda_error_message(NULL));
    return tool_refused("ResourceNotFoundException",
                        "there are no logs of it in the data directory: it may never have run");
}

static int next_of_server(reading *self, bool *more)
{
    json_t *output;
    json_t *input =
        json_pack("{s:s, s:s*, s:I, s:s*}", "LogGroupName", self->group, "FilterPattern", self->pattern, "StartTime",
                  (json_int_t)(self->since_ns / 1000000), "Marker", *self->marker ? self->marker : NULL);
    int code = self->backend->call(self->backend, "GetLogLines", input, &output);
    const json_t *lines = json_object_get(output, "Lines");
    const char *marker = json_string_value(json_object_get(output, "NextMarker"));
    for (size_t i = 0; code == TOOL_OK && i < json_array_size(lines); i++) {
        const json_t *line = json_object_get(json_array_get(lines, i), "Line");
        uint64_t time = (uint64_t)json_integer_value(json_object_get(json_array_get(lines, i), "Time"));
        if (!print(self, time, json_string_value(line), json_string_length(line))) code = tool_no_memory();
    }
    *more = json_is_true(json_object_get(output, "More"));
    if (marker) snprintf(self->marker, sizeof self->marker, "%s", marker);
    json_decref(output);
    return code;
}

/** All that there is, and with --follow what comes until it is ended, or the reader of stdout is. */
static int read_all(reading *self)
{
    int code = TOOL_OK;
    bool more = true;
    while (code == TOOL_OK && (more || self->follows)) {
        struct pollfd reader = {.fd = STDOUT_FILENO};
        if (!more && poll(&reader, 1, FOLLOW_MS) > 0 && reader.revents & (POLLERR | POLLHUP)) break;
        code = self->next(self, &more);
        if (fflush(stdout) != 0) break;
    }
    return code;
}

static int open_reading(const tool_arguments *arguments, reading *self)
{
    char home[768];
    if (tool_endpoint(arguments)) {
        self->next = next_of_server;
        return tool_backend_open(arguments, &self->backend);
    }
    self->next = next_of_files;
    if (!tool_home_directory(arguments, home)) return TOOL_USAGE;
    tool_home_path(home, "logs", self->directory);
    if (!self->pattern || lambda_log_filter_new(self->pattern, NULL, &self->filter) == LAMBDA_OK) return TOOL_OK;
    return tool_usage("--filter: %s", lambda_error_message(NULL));
}

int tool_logs(const tool_arguments *arguments)
{
    reading self = {.pattern = tool_option_value(arguments, "filter"),
                    .follows = tool_option_value(arguments, "follow") != NULL,
                    .json = tool_option_value(arguments, "json") != NULL};
    const char *group = tool_option_value(arguments, "group");
    const char *name = tool_operand(arguments, 0);
    const char *since = tool_option_value(arguments, "since");
    int code = tool_arguments_check(arguments);
    if (code != TOOL_OK) return code;
    if (!name && !group) return tool_usage("whose? lambda logs NAME, or --group GROUP");
    if (name && group) return tool_usage("NAME and --group exclude each other");
    if (strlen(group ? group : name) > 512 || !*(group ? group : name))
        return tool_usage("a log group's name has 1 to 512 bytes");
    if (since && !tool_when(since, &self.since_ns))
        return tool_usage("--since '%s' has to be so long ago (30s, 10m, 2h, 1d), a day (2026-01-31) or a time "
                          "(2026-01-31T12:00:00Z)",
                          since);
    snprintf(self.group, sizeof self.group, "%s%s", group ? "" : "/aws/lambda/", group ? group : name);
    if (self.json && !self.follows) self.lines = json_array();
    code = open_reading(arguments, &self);
    if (code == TOOL_OK) code = read_all(&self);
    if (self.backend) self.backend->close(self.backend);
    lambda_log_filter_free(self.filter);
    if (code == TOOL_OK && self.lines) return tool_print_json(json_pack("{s:o}", "Lines", self.lines));
    json_decref(self.lines);
    return code;
}
