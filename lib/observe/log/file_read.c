/*
 * Reading what the sink to files wrote: a group's files one after the other, from a position on. No lock: files are only ever appended to and removed, and a line that has no end yet is left for the
 * next reading.
 */
#include <errno.h>
#include <string.h>

#include <lambda/log_file.h>

#include "base/error.h"
#include "base/lines.h"
#include "base/memory.h"
#include "observe/log/file.h"

#define DAY_NS (UINT64_C(86400) * 1000000000)

typedef struct file_reading {
    const lambda_log_file_query *query;
    lambda_log_file_taker *take;
    void *user;
    uint64_t bytes;   /* shown so far */
    uint64_t time_ns; /* of the line before */
} file_reading;

/** The first file that is not before another. */
typedef struct next_file {
    uint64_t from_day;
    uint32_t from_number;
    bool found;
    uint64_t day;
    uint32_t number;
} next_file;

static bool is_before(uint64_t day, uint32_t number, uint64_t other_day, uint32_t other_number)
{
    return day < other_day || (day == other_day && number < other_number);
}

static void see_file(void *user, int folder, const char *name, bool is_folder)
{
    next_file *next = user;
    uint64_t day;
    uint32_t number;
    (void)folder;
    if (is_folder || !lambda__log_file_name_read(name, &day, &number)) return;
    if (is_before(day, number, next->from_day, next->from_number)) return;
    if (next->found && !is_before(day, number, next->day, next->number)) return;
    next->day = day;
    next->number = number;
    next->found = true;
}

static int find_file(int folder, uint64_t day, uint32_t number, next_file *next)
{
    *next = (next_file){.from_day = day, .from_number = number};
    return lambda__platform_folder_list(folder, see_file, next);
}

/** Shows a line to the taker, where it is wanted. */
static bool show(void *user, const char *line, size_t length)
{
    file_reading *reading = user;
    if (reading->query->most_bytes > 0 && reading->bytes >= reading->query->most_bytes) return false;
    size_t before = lambda__log_file_time_read(line, length, &reading->time_ns);
    bool wanted = reading->time_ns >= reading->query->since_ns &&
                  lambda_log_filter_matches(reading->query->filter, line + before, length - before);
    if (wanted && !reading->take(reading->user, reading->time_ns, line + before, length - before)) return false;
    reading->bytes += length + 1;
    return true;
}

/** Reads a file from the position on. */
static int read_file(file_reading *reading, int folder, lambda_log_file_position *at)
{
    char name[LAMBDA__LOG_FILE_NAME_SIZE];
    int descriptor;
    lambda__log_file_name(at->day, at->number, name);
    reading->time_ns = at->day * DAY_NS;
    int error = lambda__platform_folder_read(folder, name, &descriptor);
    if (error) return error == ENOENT ? 0 : error; /* it has expired since */
    error = lambda__lines_show(lambda__base_without_service(), descriptor, &at->offset, show, reading, &at->more);
    lambda__platform_descriptor_close(descriptor);
    return error;
}

static int read_folder(file_reading *reading, int folder, lambda_log_file_position *at)
{
    const uint64_t first = reading->query->since_ns / DAY_NS;
    if (at->day < first) *at = (lambda_log_file_position){.day = first};
    for (;;) {
        next_file here;
        next_file behind = {0};
        int error = find_file(folder, at->day, at->number, &here);
        if (error || !here.found) return error;
        if (here.day != at->day || here.number != at->number)
            *at = (lambda_log_file_position){.day = here.day, .number = here.number};
        /* Looked for before this one is read: where there is another, nothing more comes into this one. */
        if (here.number < UINT32_MAX)
            error = find_file(folder, here.day, here.number + 1, &behind);
        else
            error = find_file(folder, here.day + 1, 0, &behind);
        if (!error) error = read_file(reading, folder, at);
        if (error || at->more || !behind.found) return error;
        *at = (lambda_log_file_position){.day = behind.day, .number = behind.number};
    }
}

static int open_group(const lambda_log_file_query *query, int *folder)
{
    char path[LAMBDA__PATH_SIZE];
    int all;
    if (!lambda__log_group_path(query->log_group_name, path, sizeof(path))) return ENAMETOOLONG;
    int error = lambda__platform_folder_look(query->directory, &all);
    if (error) return error;
    error = lambda__platform_folder_open(all, path, false, folder);
    lambda__platform_folder_close(all);
    return error;
}

static lambda_status check(const lambda_log_file_query *query, const lambda_log_file_position *position,
                           lambda_log_file_taker *take)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!query->directory || !query->directory[0])
        return lambda__fail(NULL, invalid, "directory: is %s", query->directory ? "empty" : "NULL");
    if (!query->log_group_name) return lambda__fail(NULL, invalid, "log_group_name: is NULL");
    if (!position) return lambda__fail(NULL, invalid, "position: is NULL");
    return take ? LAMBDA_OK : lambda__fail(NULL, invalid, "take: is NULL");
}

lambda_status lambda_log_file_read_sized(const lambda_log_file_query *given, size_t size,
                                         lambda_log_file_position *position, lambda_log_file_taker *take, void *user)
{
    lambda_log_file_query query = {0};
    int folder;
    if (given) memcpy(&query, given, size < sizeof(query) ? size : sizeof(query));
    lambda_status status = check(&query, position, take);
    if (status != LAMBDA_OK) return status;
    file_reading reading = {.query = &query, .take = take, .user = user};
    position->more = false;
    int error = open_group(&query, &folder);
    if (error == ENOENT)
        return lambda__fail(NULL, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "log_group_name: \"%.200s\" has no lines",
                            query.log_group_name);
    if (!error) {
        error = read_folder(&reading, folder, position);
        lambda__platform_folder_close(folder);
    }
    if (error == ENOMEM) return lambda__out_of_memory(NULL);
    if (!error) return LAMBDA_OK;
    return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the log files of \"%.200s\" cannot be read: %s",
                        query.log_group_name, strerror(error));
}
