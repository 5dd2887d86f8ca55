/* lambda metrics: of a data directory's log, whose REPORT lines tell of each invocation, also while a server has it open; or those that a server of this library counts. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "commands.h"

/** Directories within each other; the log has at most 17 of its own, and parts of names that are too long. */
#define DEPTH_MAX 40

typedef struct series {
    struct series *next;
    char name[520]; /* of the function, else of the log group */
    double *durations;
    size_t count;
    size_t room;
    uint64_t errors;
    uint64_t timeouts;
    uint64_t cold_starts;
    uint64_t billed_ms;
    uint64_t max_memory;
} series;

typedef struct found {
    series *first; /* by name */
    bool no_memory;
} found;

static void clear(found *all)
{
    while (all->first) {
        series *gone = all->first;
        all->first = gone->next;
        free(gone->durations);
        free(gone);
    }
}

/** The series of a log group's directory, a new one where there is none. NULL: memory is out. */
static series *series_of(found *all, const char *group)
{
    static const char USUAL[] = "aws/lambda/";
    series **at = &all->first;
    const char *name = strncmp(group, USUAL, sizeof USUAL - 1) == 0 ? group + sizeof USUAL - 1 : group;
    while (*at && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    if (*at && strcmp((*at)->name, name) == 0) return *at;
    series *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    snprintf(made->name, sizeof made->name, "%s", name);
    made->next = *at;
    *at = made;
    return made;
}

static bool add(series *to, double duration)
{
    if (to->count == to->room) {
        size_t room = to->room ? to->room * 2 : 64;
        double *grown = realloc(to->durations, room * sizeof *grown);
        if (!grown) return false;
        to->durations = grown;
        to->room = room;
    }
    to->durations[to->count++] = duration;
    return true;
}

static void add_status(series *to, const char *status, size_t length)
{
    if (length == 0 || strncmp(status, "success", length) == 0) return;
    to->errors++;
    if (length == 7 && strncmp(status, "timeout", length) == 0) to->timeouts++;
}

/** The number behind a name of a REPORT line; negative: it is not there. */
static double number_of(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? strtod(at + strlen(name), NULL) : -1;
}

/** "REPORT RequestId: ...<tab>Duration: 1.20 ms<tab>...". False: memory is out. */
static bool take_text(series *to, const char *line)
{
    double duration = number_of(line, "\tDuration: ");
    double billed = number_of(line, "\tBilled Duration: ");
    double memory = number_of(line, "\tMax Memory Used: ");
    const char *status = strstr(line, "\tStatus: ");
    if (duration < 0) return true;
    if (billed > 0) to->billed_ms += (uint64_t)billed;
    if (memory > (double)to->max_memory) to->max_memory = (uint64_t)memory;
    if (strstr(line, "\tInit Duration: ")) to->cold_starts++;
    if (status) add_status(to, status + 9, strcspn(status + 9, "\t\n"));
    return add(to, duration);
}

/** {"type":"platform.report","record":{"metrics":{...},"status":...}}. Likewise. */
static bool take_json(series *to, const char *line, size_t length)
{
    json_t *json = json_loadb(line, length, 0, NULL);
    const char *type = json_string_value(json_object_get(json, "type"));
    const json_t *record = json_object_get(json, "record");
    const json_t *metrics = json_object_get(record, "metrics");
    const char *status = json_string_value(json_object_get(record, "status"));
    bool good = true;
    if (type && strcmp(type, "platform.report") == 0 && metrics) {
        json_int_t billed = json_integer_value(json_object_get(metrics, "billedDurationMs"));
        json_int_t memory = json_integer_value(json_object_get(metrics, "maxMemoryUsedMB"));
        if (billed > 0) to->billed_ms += (uint64_t)billed;
        if (memory > 0 && (uint64_t)memory > to->max_memory) to->max_memory = (uint64_t)memory;
        if (json_object_get(metrics, "initDurationMs")) to->cold_starts++;
        if (status) add_status(to, status, strlen(status));
        good = add(to, json_number_value(json_object_get(metrics, "durationMs")));
    }
    json_decref(json);
    return good;
}

/** A line stands behind its time and two spaces (lambda/log_file.h). */
static const char *behind_time(const char *line, size_t length)
{
    return length > 26 && line[23] == 'Z' && line[24] == ' ' && line[25] == ' ' ? line + 26 : line;
}

static bool read_file(found *all, int directory, const char *name, const char *group)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (!file) {
        /* It may have been deleted just now: its lines are too old. */
        if (fd >= 0) close(fd);
        return true;
    }
    series *to = series_of(all, group);
    bool good = to != NULL;
    while (good && (length = getline(&line, &room, file)) > 0) {
        const char *said = behind_time(line, (size_t)length);
        if (strncmp(said, "REPORT RequestId: ", 18) == 0) good = take_text(to, said);
        if (*said == '{' && strstr(said, "\"platform.report\""))
            good = take_json(to, said, (size_t)length - (size_t)(said - line));
    }
    free(line);
    fclose(file);
    return good;
}

/** All files "*.log" of a directory, which is closed, and of those within. `group`: its path within the log. */
static bool walk(found *all, int fd, const char *group, int depth)
{
    DIR *directory = fdopendir(fd);
    const struct dirent *entry;
    bool good = true;
    if (!directory) {
        close(fd);
        return errno != ENOMEM;
    }
    while (good && (entry = readdir(directory))) {
        struct stat it;
        char within[520];
        size_t length = strlen(entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (fstatat(fd, entry->d_name, &it, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(it.st_mode) && length > 4 && strcmp(entry->d_name + length - 4, ".log") == 0)
            good = read_file(all, fd, entry->d_name, group);
        if (!S_ISDIR(it.st_mode) || depth == DEPTH_MAX) continue;
        int inner = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner < 0) continue;
        snprintf(within, sizeof within, "%s%s%s", group, *group ? "/" : "", entry->d_name);
        good = walk(all, inner, within, depth + 1);
    }
    closedir(directory);
    return good;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/** Of sorted durations: the least that so large a share is not above. */
static double quantile(const series *of, double share)
{
    size_t rank = (size_t)(share * (double)of->count);
    if ((double)rank < share * (double)of->count) rank++;
    return of->durations[rank > 0 ? rank - 1 : 0];
}

static json_t *document(const series *of)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:f, s:f, s:f, s:f}}", "Function", of->name, "Invocations",
                     (json_int_t)of->count, "Errors", (json_int_t)of->errors, "Timeouts", (json_int_t)of->timeouts,
                     "ColdStarts", (json_int_t)of->cold_starts, "BilledDurationMs", (json_int_t)of->billed_ms,
                     "MaxMemoryUsedMB", (json_int_t)of->max_memory, "DurationMs", "P50", quantile(of, 0.5), "P90",
                     quantile(of, 0.9), "P99", quantile(of, 0.99), "Max", quantile(of, 1));
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static json_t *row(const json_t *of)
{
    char text[7][32];
    const json_t *took = json_object_get(of, "DurationMs");
    const char *name = json_string_value(json_object_get(of, "Function"));
    const double memory = number(of, "MaxMemoryUsedMB");
    snprintf(text[0], 32, "%.0f", number(of, "Invocations"));
    snprintf(text[1], 32, "%.0f", number(of, "Errors"));
    snprintf(text[2], 32, "%.0f", number(of, "ColdStarts"));
    snprintf(text[3], 32, "%.2f ms", number(took, "P50"));
    snprintf(text[4], 32, "%.2f ms", number(took, "P99"));
    snprintf(text[5], 32, "%.0f ms", number(of, "BilledDurationMs"));
    snprintf(text[6], 32, "%.0f MB", memory);
    return json_pack("[s, s, s, s, s, s, s, s]", name && *name ? name : "(others)", text[0], text[1], text[2], text[3],
                     text[4], text[5], memory > 0 ? text[6] : "-");
}

/** Takes the output, {"Functions": [...]}. */
static int print(const tool_arguments *arguments, json_t *output)
{
    static const char *const HEADINGS[] = {"FUNCTION", "INVOCATIONS", "ERRORS", "COLD", "P50",
                                           "P99",      "BILLED",      "MEMORY", NULL};
    const json_t *all = json_object_get(output, "Functions");
    if (!output || tool_option_value(arguments, "json")) return tool_print_json(output);
    json_t *rows = json_array();
    int code = rows ? TOOL_OK : tool_no_memory();
    for (size_t i = 0; code == TOOL_OK && i < json_array_size(all); i++)
        if (json_array_append_new(rows, row(json_array_get(all, i))) != 0) code = tool_no_memory();
    json_decref(output);
    if (code == TOOL_OK && json_array_size(rows) > 0) return tool_print_table(HEADINGS, rows);
    json_decref(rows);
    if (code == TOOL_OK) puts("Nothing was invoked yet.");
    return code;
}

static json_t *documents(const found *all)
{
    json_t *list = json_array();
    for (const series *each = all->first; each; each = each->next) {
        if (each->count == 0) continue;
        qsort(each->durations, each->count, sizeof *each->durations, compare);
        if (json_array_append_new(list, document(each)) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return json_pack("{s:o}", "Functions", list);
}

static int of_log(const tool_arguments *arguments)
{
    char directory[768];
    char path[1024];
    found all = {0};
    if (!tool_home_directory(arguments, directory)) return TOOL_USAGE;
    tool_home_path(directory, "logs", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return tool_unreachable("%s: %s\n  next: name the data directory with --data, or a server with --endpoint",
                                path, strerror(errno));
    int code = walk(&all, fd, "", 0) ? print(arguments, documents(&all)) : tool_no_memory();
    clear(&all);
    return code;
}

int tool_metrics(const tool_arguments *arguments)
{
    json_t *output;
    int code = tool_arguments_check(arguments);
    if (code != TOOL_OK) return code;
    if (!tool_endpoint(arguments)) return of_log(arguments);
    code = tool_backend_ask(arguments, "GetFunctionMetrics", json_object(), &output);
    return code == TOOL_OK ? print(arguments, output) : code;
}
