/* Log lines in files: a directory for each log group, a file for each day; written and read. */
#ifndef LAMBDA_LOG_FILE_H
#define LAMBDA_LOG_FILE_H

#include <lambda/log_filter.h>
#include <lambda/port/allocator.h>
#include <lambda/port/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where and how long lines are kept in files. Zero means the default. */
typedef struct lambda_log_file_options {
    /**
     * The directory of all: made, for its owner alone, if it is not there, but not what it stands in. Required. It is looked up once: a
     * relative path begins where the process stands when the sink is opened.
     */
    const char *directory;
    uint64_t
        max_file_bytes; /**< a file that would become longer is followed by another. Default 64 MiB; at least 1,024 */
    /**
     * Days after which lines are deleted, 1 to 3,653; a file goes as soon as all its lines are that old, at the first line of a new day and
     * at the first of all. Default 0: never, as in CloudWatch Logs.
     */
    uint32_t retention_days;
    lambda_allocator allocator; /**< default malloc and its kin. It must outlive the sink */
    /** Each line stands behind its record's time and two spaces, "2026-01-31T12:00:00.000Z  START RequestId: ...", so that a reader knows when it was. Default false: lines alone */
    bool times;
} lambda_log_file_options;

/** Exported form of `lambda_log_sink_file`. */
LAMBDA_API lambda_status lambda_log_sink_file_sized(const lambda_log_file_options *options, size_t size,
                                                    lambda_log_sink *sink);

/**
 * Opens a sink that appends each record's `line` and a line end to a file `DIRECTORY/GROUP/YYYY-MM-DD.log`, of the day of the record in UTC.
 * When that has `max_file_bytes`, `YYYY-MM-DD.1.log` follows, and so on. A line longer than
 * that has a file of its own. Line ends within a line (LF and CR) are written as spaces. Lines of all streams of a group stand in one file,
 * in the order in which they came; a later sink appends to it.
 *
 * GROUP is the group's name, each part of it a directory, without the slash in front: `/aws/lambda/area` is `aws/lambda/area`. No group
 * leaves the directory, and no two share one (where the file system tells case apart). What could is written with a `%`, which no group's
 * name holds: a name without a slash in front as `%-NAME`, an empty part as `%`, a byte that would mean something else (the dot in front of
 * a part `.` or `..`, and that of one that ends in `.log`) or is none of a group's name as `%XX`, a slash behind 16 parts as `%2F`, and what a
 * part has beyond about 200 bytes stands in a directory within, `%+REST`. Links within the directory are not followed, and only files of
 * these names within directories of such names are ever deleted.
 *
 * A line that cannot be written whole is not written at all: LAMBDA_ERROR_SERVICE, and the next one is tried anew. Lines are handed to the
 * system one by one and not forced to disk. At most 16 files are open. The process should ignore SIGXFSZ where it limits the size of files.
 *
 * The sink is one for `lambda_options.log` of one service, which closes it; or the caller calls its `close`. Not direct: the service buffers. The
 * directory is locked: one sink at a time, of this process or another.
 * `*sink` is all zero on failure: LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_SERVICE (the directory cannot be made or
 * opened, or has a sink), LAMBDA_ERROR_OUT_OF_MEMORY; `lambda_error_message(NULL)` says more.
 */
static inline lambda_status lambda_log_sink_file(const lambda_log_file_options *options, lambda_log_sink *sink)
{
    return lambda_log_sink_file_sized(options, sizeof(lambda_log_file_options), sink);
}

/* ---- reading */

/** Which lines are to be read. Zero means the default. Borrowed for the call. */
typedef struct lambda_log_file_query {
    const char *directory;           /**< the sink's. Required */
    const char *log_group_name;      /**< required */
    uint64_t since_ns;               /**< lines of that time, nanoseconds since 1970, and later. Default 0: all */
    const lambda_log_filter *filter; /**< lines that match it. Default NULL: all */
    uint64_t most_bytes; /**< no more of the files is read than that, and the rest of a line. Default 0: no limit */
} lambda_log_file_query;

/** Where a reading goes on. Zero: with the oldest line. Numbers alone: it may be kept, sent, and handed to another process. */
typedef struct lambda_log_file_position {
    uint64_t day;    /**< of the file, days since 1970 */
    uint64_t offset; /**< bytes of it that were read */
    uint32_t number; /**< of the file */
    bool more;       /**< out: there may be more to read, as the taker or `most_bytes` ended the reading */
} lambda_log_file_position;

/**
 * Is shown a line: without its end, and without the time that a sink with `times` put before it. `time_ns` is that time; of lines without it the one that they begin with themselves, else that of the
 * line before, or of the day's beginning. False: the line is not taken, and the reading ends before it.
 */
typedef bool lambda_log_file_taker(void *user, uint64_t time_ns, const char *line, size_t length);

/** Exported form of `lambda_log_file_read`. */
LAMBDA_API lambda_status lambda_log_file_read_sized(const lambda_log_file_query *query, size_t size,
                                                    lambda_log_file_position *position, lambda_log_file_taker *take,
                                                    void *user);

/**
 * Shows a group's lines from a position on, in the order in which they came, and moves the position behind them. Also while a sink writes them, of this process or of another: nothing is locked, and a later call with the
 * same position shows what came since. Lines of files that have expired meanwhile are passed over.
 * LAMBDA_ERROR_RESOURCE_NOT_FOUND for a group that has no lines; LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_SERVICE (it cannot be read), LAMBDA_ERROR_OUT_OF_MEMORY;
 * `lambda_error_message(NULL)` says more. Any thread.
 */
static inline lambda_status lambda_log_file_read(const lambda_log_file_query *query, lambda_log_file_position *position,
                                                 lambda_log_file_taker *take, void *user)
{
    return lambda_log_file_read_sized(query, sizeof(lambda_log_file_query), position, take, user);
}

#ifdef __cplusplus
}
#endif

#endif
