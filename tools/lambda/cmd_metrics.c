/* lambda metrics: of a data directory's log, whose REPORT lines tell of each invocation, also while a server has it open; or those that a server counts. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "backend.h"
#include "commands.h"

const tool_option TOOL_OPTIONS_METRICS[] = {
    {"data", "DIR", "the data directory (else LAMBDA_DATA, else ./.lambda)"},
    {"endpoint", "URL", "what that server counts, as Prometheus reads it"},
    {"region", "NAME", "the region (else AWS_REGION, AWS_DEFAULT_REGION, us-east-1)"},
    {0}};

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
        if (strncmp(line, "REPORT RequestId: ", 18) == 0) good = take_text(to, line);
        if (*line == '{' && strstr(line, "\"platform.report\"")) good = take_json(to, line, (size_t)length);
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

static json_t *row(const series *of)
{
    char text[7][32];
    snprintf(text[0], 32, "%zu", of->count);
    snprintf(text[1], 32, "%" PRIu64, of->errors);
    snprintf(text[2], 32, "%" PRIu64, of->cold_starts);
    snprintf(text[3], 32, "%.2f ms", quantile(of, 0.5));
    snprintf(text[4], 32, "%.2f ms", quantile(of, 0.99));
    snprintf(text[5], 32, "%" PRIu64 " ms", of->billed_ms);
    snprintf(text[6], 32, "%" PRIu64 " MB", of->max_memory);
    return json_pack("[s, s, s, s, s, s, s, s]", of->name, text[0], text[1], text[2], text[3], text[4], text[5],
                     of->max_memory ? text[6] : "-");
}

static int print(const tool_arguments *arguments, const found *all)
{
    static const char *const HEADINGS[] = {"FUNCTION", "INVOCATIONS", "ERRORS", "COLD", "P50",
                                           "P99",      "BILLED",      "MEMORY", NULL};
    bool json = tool_option_value(arguments, "json") != NULL;
    json_t *list = json_array();
    for (const series *each = all->first; each; each = each->next) {
        if (each->count == 0) continue;
        qsort(each->durations, each->count, sizeof *each->durations, compare);
        if (json_array_append_new(list, json ? document(each) : row(each)) != 0) {
            json_decref(list);
            return tool_no_memory();
        }
    }
    if (json) return tool_print_json(json_pack("{s:o}", "Functions", list));
    if (json_array_size(list) > 0) return tool_print_table(HEADINGS, list);
    json_decref(list);
    puts("The log tells of no invocation yet.");
    return TOOL_OK;
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
    int code = walk(&all, fd, "", 0) ? print(arguments, &all) : tool_no_memory();
    clear(&all);
    return code;
}

static int of_server(const char *endpoint)
{
    char url[1100];
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURL *curl = curl_easy_init();
    if (!curl) return tool_no_memory();
    size_t length = strlen(endpoint);
    while (length > 0 && endpoint[length - 1] == '/')
        length--;
    snprintf(url, sizeof url, "%.*s/metrics", (int)(length < 1000 ? length : 1000), endpoint);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, stdout);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (result == CURLE_HTTP_RETURNED_ERROR)
        return tool_refused("MetricsRefused", "the server has no /metrics for this machine: only 'lambda serve' has "
                                              "it, for who asks from the same machine");
    return result == CURLE_OK ? TOOL_OK : tool_unreachable("%s: %s\n  next: is the server running?", url, why);
}

int tool_metrics(const tool_arguments *arguments)
{
    const char *endpoint = tool_endpoint(arguments);
    if (!endpoint) return of_log(arguments);
    if (tool_option_value(arguments, "data")) return tool_usage("--data and --endpoint exclude each other");
    if (tool_option_value(arguments, "json"))
        return tool_usage("a server's metrics are Prometheus's text: leave out --json, or name --data");
    return of_server(endpoint);
}
