/*
 * The sink to files. A file is one of a group, a day and a number; the group's newest number of the day is looked for when it is opened, so
 * that nothing has to be remembered of those that are not open.
 */
#include <errno.h>
#include <string.h>

#include <lambda/log_file.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/platform.h"
#include "observe/log/file.h"
#include "observe/log/line.h"

/** Files that are open at most. */
#define OPEN_MAX 16

#define MAX_FILE_BYTES_DEFAULT (UINT64_C(64) << 20)
#define MAX_FILE_BYTES_MIN     1024
#define RETENTION_DAYS_MAX     3653
#define DAY_NS                 (UINT64_C(86400) * 1000000000)

/** Folders within each other that are looked through: more than a group's name makes. */
#define DEPTH_MAX 64

/** A file that is open, if it has a group. */
typedef struct open_file {
    char *group;
    uint64_t day;
    uint64_t used; /* the how manieth line was the last for it */
    uint32_t number;
    int descriptor;
} open_file;

typedef struct file_sink {
    lambda_allocator allocator;
    uint64_t max_file_bytes;
    uint64_t retention_days; /* 0: for ever */
    bool times;              /* stand before lines */
    uint64_t swept;          /* the day since which nothing more can have expired */
    uint64_t lines;
    int folder;
    lambda__line_file file; /* that is being written to, for the platform */
    char *text;             /* the line with its end */
    size_t capacity;
    open_file open[OPEN_MAX];
} file_sink;

static lambda_status failed(const lambda_log_record *record, const char *what, int error)
{
    return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the log file of \"%.200s\" cannot be %s: %s",
                        record->log_group_name, what, strerror(error));
}

static void close_file(file_sink *sink, open_file *file)
{
    if (!file->group) return;
    lambda__platform_descriptor_close(file->descriptor);
    sink->allocator.release(sink->allocator.user, file->group);
    file->group = NULL;
}

/* ---- what has expired */

/** The folders that are being looked through. */
typedef struct sweep {
    uint64_t before; /* files of days before this one go */
    unsigned depth;
} sweep;

static void sweep_entry(void *user, int folder, const char *name, bool is_folder)
{
    sweep *at = user;
    uint64_t day;
    uint32_t number;
    int within;
    if (!is_folder) {
        /* What stands in the uppermost folder is no group's. A file that cannot be removed is tried again tomorrow. */
        if (at->depth > 0 && lambda__log_file_name_read(name, &day, &number) && day < at->before)
            lambda__platform_folder_remove(folder, name);
        return;
    }
    if (at->depth == DEPTH_MAX || !lambda__log_group_part(name)) return;
    if (lambda__platform_folder_open(folder, name, false, &within) != 0) return;
    at->depth++;
    lambda__platform_folder_list(within, sweep_entry, at);
    at->depth--;
    lambda__platform_folder_close(within);
}

/** Deletes what has expired at the beginning of a day. */
static void sweep_day(file_sink *sink, uint64_t today)
{
    sink->swept = today;
    if (sink->retention_days == 0 || today <= sink->retention_days) return;
    sweep at = {.before = today - sink->retention_days};
    for (size_t i = 0; i < OPEN_MAX; i++)
        if (sink->open[i].day < at.before) close_file(sink, &sink->open[i]);
    lambda__platform_folder_list(sink->folder, sweep_entry, &at);
}

/* ---- opening */

/** The newest file of a day. */
typedef struct newest {
    uint64_t day;
    uint32_t number;
} newest;

static void newest_entry(void *user, int folder, const char *name, bool is_folder)
{
    newest *found = user;
    uint64_t day;
    uint32_t number;
    (void)folder;
    if (!is_folder && lambda__log_file_name_read(name, &day, &number) && day == found->day && number > found->number)
        found->number = number;
}

/** Opens the newest file of the day of a group, or the one of that number. */
static int open_number(file_sink *sink, const char *group, uint64_t day, uint32_t *number, int *descriptor)
{
    char name[LAMBDA__LOG_FILE_NAME_SIZE];
    newest found = {.day = day, .number = *number};
    int folder;
    /* The platform's path is not in use for a file of a folder. */
    if (!lambda__log_group_path(group, sink->file.path, sizeof(sink->file.path))) return ENAMETOOLONG;
    int error = lambda__platform_folder_open(sink->folder, sink->file.path, true, &folder);
    if (error) return error;
    error = lambda__platform_folder_list(folder, newest_entry, &found);
    lambda__log_file_name(day, found.number, name);
    if (!error) error = lambda__platform_folder_lines(folder, name, &sink->file);
    lambda__platform_folder_close(folder);
    *number = found.number;
    *descriptor = sink->file.descriptor;
    return error;
}

/** The place of a group's file: its own, else one that is free, else that of the file that was not used for longest. */
static open_file *place_of(file_sink *sink, const char *group)
{
    open_file *oldest = &sink->open[0];
    for (size_t i = 0; i < OPEN_MAX; i++) {
        open_file *file = &sink->open[i];
        if (file->group && strcmp(file->group, group) == 0) return file;
        if (oldest->group && (!file->group || file->used < oldest->used)) oldest = file;
    }
    close_file(sink, oldest);
    return oldest;
}

/** Has the group's file of the day open, from a number on. */
static lambda_status have_file(file_sink *sink, open_file *file, const lambda_log_record *record, uint64_t day,
                               uint32_t number)
{
    int descriptor;
    int error = open_number(sink, record->log_group_name, day, &number, &descriptor);
    if (error) return failed(record, "opened", error);
    if (file->group) {
        lambda__platform_descriptor_close(file->descriptor);
    } else {
        size_t size = strlen(record->log_group_name) + 1;
        file->group = sink->allocator.allocate(sink->allocator.user, size);
        if (!file->group) {
            lambda__platform_descriptor_close(descriptor);
            return lambda__out_of_memory(NULL);
        }
        memcpy(file->group, record->log_group_name, size);
    }
    file->descriptor = descriptor;
    file->day = day;
    file->number = number;
    return LAMBDA_OK;
}

/** Opens the file that takes `length` bytes more, if it is not open. */
static lambda_status choose_file(file_sink *sink, open_file *file, const lambda_log_record *record, size_t length)
{
    uint64_t day = record->time_ns / DAY_NS;
    for (uint32_t number = 0;;) {
        uint64_t size = 0;
        bool named = false;
        int error = file->group && file->day == day ? lambda__platform_lines_state(file->descriptor, &size, &named) : 0;
        if (error) return failed(record, "looked at", error);
        if (named && (size == 0 || (size < sink->max_file_bytes && length <= sink->max_file_bytes - size)))
            return LAMBDA_OK;
        /* One that was deleted by somebody is begun again. */
        number = named ? file->number + 1 : 0;
        if (named && number == 0) return failed(record, "followed by another", EFBIG);
        lambda_status status = have_file(sink, file, record, day, number);
        if (status != LAMBDA_OK) return status;
    }
}

/* ---- writing */

/** Makes the line ready: one line, with its time if that is wanted, and its end. */
static bool make_text(file_sink *sink, const lambda_log_record *record, size_t *all)
{
    size_t before = sink->times ? LAMBDA__LOG_FILE_TIME_SIZE : 0;
    size_t length = before + record->line_length;
    if (length >= sink->capacity) {
        size_t capacity = length < SIZE_MAX / 2 ? (length + 1) * 3 / 2 : length + 1;
        char *text = sink->allocator.reallocate(sink->allocator.user, sink->text, capacity);
        if (!text) return false;
        sink->text = text;
        sink->capacity = capacity;
    }
    if (before > 0) {
        memset(sink->text, ' ', before);
        lambda__log_time_write(sink->text, record->time_ns);
    }
    memcpy(sink->text + before, record->line, record->line_length);
    for (char *end = sink->text; (end = memchr(end, '\n', length - (size_t)(end - sink->text)));)
        *end = ' ';
    for (char *end = sink->text; (end = memchr(end, '\r', length - (size_t)(end - sink->text)));)
        *end = ' ';
    sink->text[length] = '\n';
    *all = length + 1;
    return true;
}

static lambda_status file_write(void *user, const lambda_log_record *record)
{
    file_sink *sink = user;
    uint64_t day = record->time_ns / DAY_NS;
    if (day > sink->swept) sweep_day(sink, day);
    size_t length;
    if (!make_text(sink, record, &length)) return lambda__out_of_memory(NULL);
    open_file *file = place_of(sink, record->log_group_name);
    file->used = ++sink->lines;
    lambda_status status = choose_file(sink, file, record, length);
    if (status != LAMBDA_OK) return status;
    sink->file.descriptor = file->descriptor;
    int error = lambda__platform_lines_add(&sink->file, sink->text, length);
    return error ? failed(record, "appended to", error) : LAMBDA_OK;
}

static void file_close(void *user)
{
    file_sink *sink = user;
    const lambda_allocator allocator = sink->allocator;
    for (size_t i = 0; i < OPEN_MAX; i++)
        close_file(sink, &sink->open[i]);
    lambda__platform_folder_unlock(sink->folder);
    allocator.release(allocator.user, sink->text);
    allocator.release(allocator.user, sink);
}

static lambda_status check(const lambda_log_file_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!options->directory || !options->directory[0])
        return lambda__fail(NULL, invalid, "directory: is %s", options->directory ? "empty" : "NULL");
    if (options->max_file_bytes > 0 && options->max_file_bytes < MAX_FILE_BYTES_MIN)
        return lambda__fail(NULL, invalid, "max_file_bytes: %llu is less than %d",
                            (unsigned long long)options->max_file_bytes, MAX_FILE_BYTES_MIN);
    if (options->retention_days > RETENTION_DAYS_MAX)
        return lambda__fail(NULL, invalid, "retention_days: %u is more than %d", options->retention_days,
                            RETENTION_DAYS_MAX);
    return LAMBDA_OK;
}

lambda_status lambda_log_sink_file_sized(const lambda_log_file_options *given, size_t size, lambda_log_sink *sink)
{
    lambda_log_file_options options = {0};
    if (!sink) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "sink: is NULL");
    *sink = (lambda_log_sink){0};
    if (given) memcpy(&options, given, size < sizeof(options) ? size : sizeof(options));
    lambda_status status = check(&options);
    if (status == LAMBDA_OK) status = lambda__allocator_choose(&options.allocator, &options.allocator);
    if (status != LAMBDA_OK) return status;
    file_sink *made = options.allocator.allocate(options.allocator.user, sizeof(*made));
    if (!made) return lambda__out_of_memory(NULL);
    memset(made, 0, sizeof(*made));
    made->allocator = options.allocator;
    made->max_file_bytes = options.max_file_bytes ? options.max_file_bytes : MAX_FILE_BYTES_DEFAULT;
    made->retention_days = options.retention_days;
    made->times = options.times;
    int error = lambda__platform_folder_lock(options.directory, &made->folder);
    if (error) {
        options.allocator.release(options.allocator.user, made);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "directory: \"%.200s\" cannot be opened: %s", options.directory,
                            error == EBUSY ? "another sink has it, of this process or of another" : strerror(error));
    }
    *sink = (lambda_log_sink){.write = file_write, .close = file_close, .user = made};
    return LAMBDA_OK;
}
