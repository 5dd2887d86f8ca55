/*
 * A durable queue and a store of functions in one SQLite file, with no server: pkg-config `lambda-sqlite`.
 *
 *     lambda_sqlite *file;
 *     lambda_options options = {0};
 *     lambda_sqlite_open("orders.db", NULL, &file);
 *     lambda_sqlite_use(file, &options);
 *     lambda_open(&options, &lambda);
 *     ...
 *     lambda_close(lambda);
 *     lambda_sqlite_close(file);
 */
#ifndef LAMBDA_SQLITE_H
#define LAMBDA_SQLITE_H

#include <lambda/service.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A file that is open. Opaque. */
typedef struct lambda_sqlite lambda_sqlite;

/** What an accepted event survives. docs/durability.md has the measured cost. */
typedef enum lambda_durability {
    LAMBDA_DURABILITY_FULL =
        0, /**< the loss of power: on disk before the call returns (WAL, synchronous=FULL). Default */
    LAMBDA_DURABILITY_RELAXED = 1 /**< the end of the process, not the loss of power (WAL, synchronous=NORMAL) */
} lambda_durability;

/** How to open a file. Zero means the default; NULL in place of it takes all. */
typedef struct lambda_sqlite_options {
    lambda_durability durability; /**< what accepted events survive. Default LAMBDA_DURABILITY_FULL */
    uint64_t max_messages; /**< where there are so many, a push is refused. Default 0: as many as the disk holds */
    const char *vfs;       /**< SQLite's VFS to use. Default NULL: SQLite's own default */
} lambda_sqlite_options;

/** Exported form of `lambda_sqlite_open`. */
LAMBDA_API lambda_status lambda_sqlite_open_sized(const char *path, const lambda_sqlite_options *options, size_t size,
                                                  lambda_sqlite **file);

/**
 * Opens a file, made if it is not there, and locks it: one process at a time has it, and another, or another open in this
 * process, gets LAMBDA_ERROR_RESOURCE_CONFLICT. A file of an older schema is migrated; one that is newer, foreign, damaged or
 * read-only is LAMBDA_ERROR_SERVICE and stays as it is. To find damage the whole file is read once. Beside the file stands its
 * log, named as it is with `-wal` at the end: they belong together until the file is closed.
 *
 * A call that is refused because the disk fails or is full changes nothing, and the queue works again when the disk does. If the
 * process ends before that, what was refused may be found in the file at the next open; what was accepted always is.
 *
 * `*file` is NULL on failure, else the caller's to end with `lambda_sqlite_close`; `lambda_error_message(NULL)` says why. A file
 * is not used in a child of `fork`. Uses malloc, and the service's allocator for messages. LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
 * LAMBDA_ERROR_OUT_OF_MEMORY.
 */
static inline lambda_status lambda_sqlite_open(const char *path, const lambda_sqlite_options *options,
                                               lambda_sqlite **file)
{
    return lambda_sqlite_open_sized(path, options, sizeof(lambda_sqlite_options), file);
}

/** Sets `options->queue` and `options->store` to the file's. One service at a time may be opened with them. */
LAMBDA_API void lambda_sqlite_use(lambda_sqlite *file, lambda_options *options);

/** Closes the file, after the service that used it. NULL is allowed. */
LAMBDA_API void lambda_sqlite_close(lambda_sqlite *file);

#ifdef __cplusplus
}
#endif

#endif
