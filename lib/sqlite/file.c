/*
 * Opening a file: it is looked at first without a trace (no lock, no recovery, no side file), so that a foreign one stays as it
 * is; then it is locked, checked, brought to this library's schema, and only then written.
 */
#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/runtime.h>

lambda_status lambda__sqlite_describe(const lambda_sqlite *file, int result, char error[LAMBDA__SQLITE_ERROR_SIZE])
{
    const char *path = file->path;
    const size_t size = LAMBDA__SQLITE_ERROR_SIZE;
    switch (result & 0xff) {
    case SQLITE_OK:
        return LAMBDA_OK;
    case SQLITE_NOMEM:
        snprintf(error, size, "out of memory");
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        snprintf(error, size, "%.200s: another process, or another open in this one, has the file", path);
        return LAMBDA_ERROR_RESOURCE_CONFLICT;
    case SQLITE_TOOBIG:
        snprintf(error, size, "%.200s: a value is larger than SQLite stores", path);
        return LAMBDA_ERROR_REQUEST_TOO_LARGE;
    case SQLITE_FULL:
        snprintf(error, size, "%.200s: there is no room left on the disk", path);
        return LAMBDA_ERROR_SERVICE;
    case SQLITE_READONLY:
        snprintf(error, size, "%.200s: the file or its directory is read-only", path);
        return LAMBDA_ERROR_SERVICE;
    case SQLITE_NOTADB:
        snprintf(error, size, "%.200s: is not an SQLite database", path);
        return LAMBDA_ERROR_SERVICE;
    case SQLITE_CORRUPT:
        snprintf(error, size, "%.200s: is damaged (SQLite result %d)", path, result);
        return LAMBDA_ERROR_SERVICE;
    case SQLITE_CANTOPEN:
        snprintf(error, size, "%.200s: cannot be opened, or its directory cannot be written", path);
        return LAMBDA_ERROR_SERVICE;
    default:
        snprintf(error, size, "%.200s: %.100s (SQLite result %d)", path, sqlite3_errstr(result), result);
        return LAMBDA_ERROR_SERVICE;
    }
}

lambda_status lambda__sqlite_fail(const lambda_sqlite *file, lambda_t *lambda, int result)
{
    char error[LAMBDA__SQLITE_ERROR_SIZE] = "";
    lambda_status status = lambda__sqlite_describe(file, result, error);
    return status == LAMBDA_OK ? status : lambda_runtime_fail(lambda, status, "%s", error);
}

/** A path as SQLite's URI, with a query; NULL when memory is out. The caller frees it. */
static char *uri_of(const char *path, const char *query)
{
    const char *start = path[0] == '/' ? "file://" : "file:./";
    size_t size = strlen(start) + 3 * strlen(path) + strlen(query) + 1;
    char *uri = malloc(size);
    if (!uri) return NULL;
    char *out = uri + snprintf(uri, size, "%s", start);
    for (const char *in = path; *in; in++) {
        if (*in == '%' || *in == '?' || *in == '#')
            out += snprintf(out, 4, "%%%02X", (unsigned)*in);
        else
            *out++ = *in;
    }
    memcpy(out, query, strlen(query) + 1);
    return uri;
}

/** The number that a pragma answers with. SQLite's result. */
static int read_number(sqlite3 *database, const char *pragma, int *number)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(database, pragma, -1, &statement, NULL);
    if (result == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) *number = sqlite3_column_int(statement, 0);
    int ended = sqlite3_finalize(statement);
    return result == SQLITE_OK ? ended : result;
}

/** Refuses what this library did not make. */
static lambda_status judge(const lambda_sqlite *file, int application, int version)
{
    if (application != LAMBDA__SQLITE_APPLICATION)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE,
                                   "%.200s: belongs to another application (its application_id is %d)", file->path,
                                   application);
    if (version > lambda__sqlite_version())
        return lambda_runtime_fail(
            NULL, LAMBDA_ERROR_SERVICE,
            "%.200s: was written by a newer version of this library (schema %d, this one knows %d)", file->path,
            version, lambda__sqlite_version());
    if (version < 1)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "%.200s: is damaged: its schema version is %d",
                                   file->path, version);
    return LAMBDA_OK;
}

/** The version of the schema; 0 for a file without a table, which is anybody's. */
static lambda_status identify(const lambda_sqlite *file, int *version)
{
    int application = 0;
    int schema = 0;
    *version = 0;
    int result = read_number(file->database, "PRAGMA application_id", &application);
    if (result == SQLITE_OK) result = read_number(file->database, "PRAGMA user_version", version);
    if (result == SQLITE_OK) result = read_number(file->database, "PRAGMA schema_version", &schema);
    if (result != SQLITE_OK) return lambda__sqlite_fail(file, NULL, result);
    if (application == 0 && *version == 0 && schema == 0) return LAMBDA_OK;
    return judge(file, application, *version);
}

static int32_t big_endian(const unsigned char *bytes)
{
    return (int32_t)((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
}

/**
 * Judges a file by its first bytes (https://www.sqlite.org/fileformat.html#the_database_header). No more of it can be relied on
 * without its log: a process may have ended while it wrote that back.
 */
static lambda_status judge_header(const lambda_sqlite *file, sqlite3 *database)
{
    enum { schema = 40, version = 60, application = 68, size = 100 };
    static const unsigned char nothing[size];
    unsigned char header[size] = {0};
    sqlite3_file *opened = NULL;
    sqlite3_int64 length = 0;
    int result = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &opened);
    if (result == SQLITE_OK) result = opened->pMethods->xFileSize(opened, &length);
    if (result == SQLITE_OK) result = opened->pMethods->xRead(opened, header, size, 0);
    if (result != SQLITE_OK && result != SQLITE_IOERR_SHORT_READ) return lambda__sqlite_fail(file, NULL, result);
    /* Empty, or its making was interrupted: opening it finds out. */
    if (length == 0 || memcmp(header, nothing, size) == 0) return LAMBDA_OK;
    if (memcmp(header, "SQLite format 3", 16) != 0) return lambda__sqlite_fail(file, NULL, SQLITE_NOTADB);
    if (big_endian(header + application) == 0 && big_endian(header + version) == 0 && big_endian(header + schema) == 0)
        return LAMBDA_OK;
    return judge(file, big_endian(header + application), big_endian(header + version));
}

/** Looks at the file without a trace, so that one that is not ours is not touched. A file that is not there is fine. */
static lambda_status look(const lambda_sqlite *file, const char *vfs)
{
    char *uri = uri_of(file->path, "?immutable=1");
    if (!uri) return lambda__sqlite_fail(file, NULL, SQLITE_NOMEM);
    sqlite3 *database = NULL;
    int result = sqlite3_open_v2(uri, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, vfs);
    free(uri);
    lambda_status status = LAMBDA_OK;
    if (result == SQLITE_OK)
        status = judge_header(file, database);
    else if ((result & 0xff) != SQLITE_CANTOPEN)
        status = lambda__sqlite_fail(file, NULL, result);
    sqlite3_close(database);
    return status;
}

/** Refuses a file whose pages do not fit together. */
static lambda_status check_pages(const lambda_sqlite *file)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(file->database, "PRAGMA quick_check(1)", -1, &statement, NULL);
    lambda_status status = LAMBDA_OK;
    if (result == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *answer = (const char *)sqlite3_column_text(statement, 0);
        if (answer && strcmp(answer, "ok") != 0)
            status = lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "%.200s: is damaged: %.120s", file->path, answer);
    }
    int ended = sqlite3_finalize(statement);
    if (status != LAMBDA_OK) return status;
    return lambda__sqlite_fail(file, NULL, result == SQLITE_OK ? ended : result);
}

/** Runs SQL that answers with nothing of interest. */
static lambda_status run(const lambda_sqlite *file, const char *sql)
{
    return lambda__sqlite_fail(file, NULL, sqlite3_exec(file->database, sql, NULL, NULL, NULL));
}

/** Takes the lock, which the connection keeps, and makes the file what it must be, all in one transaction. */
static lambda_status take(lambda_sqlite *file)
{
    int version = 0;
    lambda_status status = run(file, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA secure_delete = OFF;"
                                     "PRAGMA cell_size_check = ON; BEGIN EXCLUSIVE");
    if (status == LAMBDA_OK) status = identify(file, &version);
    if (status == LAMBDA_OK) status = check_pages(file);
    if (status == LAMBDA_OK && version < lambda__sqlite_version())
        status = lambda__sqlite_fail(file, NULL, lambda__sqlite_migrate(file->database, version));
    if (status == LAMBDA_OK) {
        int result = lambda__sqlite_prepare(file);
        if (result == SQLITE_ERROR)
            status = lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "%.200s: is damaged: %.120s", file->path,
                                         sqlite3_errmsg(file->database));
        else
            status = lambda__sqlite_fail(file, NULL, result);
    }
    if (status == LAMBDA_OK) status = run(file, "COMMIT");
    if (status != LAMBDA_OK) sqlite3_exec(file->database, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/** Sets how the file is written from now on. */
static lambda_status set_journal(const lambda_sqlite *file, lambda_durability durability)
{
    lambda_status status = run(file, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 1000;"
                                     "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY");
    if (status == LAMBDA_OK)
        status = run(file, durability == LAMBDA_DURABILITY_RELAXED ? "PRAGMA synchronous = NORMAL"
                                                                   : "PRAGMA synchronous = FULL");
    if (status != LAMBDA_OK) return status;
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(file->database, "PRAGMA journal_mode", -1, &statement, NULL);
    bool wal = false;
    if (result == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *mode = (const char *)sqlite3_column_text(statement, 0);
        wal = mode && strcmp(mode, "wal") == 0;
    }
    sqlite3_finalize(statement);
    if (wal) return LAMBDA_OK;
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "%.200s: SQLite cannot keep a write-ahead log for it",
                               file->path);
}

static lambda_status open_database(lambda_sqlite *file, const lambda_sqlite_options *options)
{
    char *uri = uri_of(file->path, "");
    if (!uri) return lambda__sqlite_fail(file, NULL, SQLITE_NOMEM);
    int result = sqlite3_open_v2(uri, &file->database,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                                 options->vfs);
    free(uri);
    if (result != SQLITE_OK) return lambda__sqlite_fail(file, NULL, result);
    if (sqlite3_db_readonly(file->database, "main") == 1) return lambda__sqlite_fail(file, NULL, SQLITE_READONLY);
    sqlite3_extended_result_codes(file->database, 1);
    sqlite3_db_config(file->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(file->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* A file that is refused below is left as it is, its log included. */
    sqlite3_db_config(file->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    /* A row is its body and some 60 bytes. */
    file->max_body = (uint64_t)sqlite3_limit(file->database, SQLITE_LIMIT_LENGTH, -1) - 100;

    lambda_status status = take(file);
    if (status == LAMBDA_OK) status = set_journal(file, options->durability);
    if (status == LAMBDA_OK) sqlite3_db_config(file->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return status;
}

static lambda_status open_checked(const char *path, const lambda_sqlite_options *options, lambda_sqlite **opened)
{
    lambda_sqlite *file = calloc(1, sizeof(*file));
    char *copy = file ? strdup(path) : NULL;
    if (!copy) {
        free(file);
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    file->path = copy;
    file->max_messages = options->max_messages;
    file->waits_for_disk = options->durability == LAMBDA_DURABILITY_FULL;
    file->waiters_tail = &file->waiters;
    pthread_mutex_init(&file->lock, NULL);
    lambda_status status = look(file, options->vfs);
    if (status == LAMBDA_OK) status = open_database(file, options);
    if (status == LAMBDA_OK)
        *opened = file;
    else
        lambda_sqlite_close(file);
    return status;
}

lambda_status lambda_sqlite_open_sized(const char *path, const lambda_sqlite_options *given, size_t size,
                                       lambda_sqlite **file)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!file) return lambda_runtime_fail(NULL, invalid, "file: is NULL");
    *file = NULL;
    if (!path || !path[0]) return lambda_runtime_fail(NULL, invalid, "path: is %s", path ? "empty" : "NULL");
    lambda_sqlite_options options = LAMBDA_ZERO;
    if (given) memcpy(&options, given, size < sizeof(options) ? size : sizeof(options));
    if ((unsigned)options.durability > LAMBDA_DURABILITY_RELAXED)
        return lambda_runtime_fail(NULL, invalid, "durability: %d is none", (int)options.durability);
    if (options.vfs && !sqlite3_vfs_find(options.vfs))
        return lambda_runtime_fail(NULL, invalid, "vfs: SQLite has no VFS \"%.80s\"", options.vfs);
    if (!sqlite3_threadsafe())
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "SQLite was built without support for threads");
    return open_checked(path, &options, file);
}

void lambda_sqlite_use(lambda_sqlite *file, lambda_options *options)
{
    options->queue = (lambda_queue){.attach = lambda__sqlite_queue_attach,
                                    .push = lambda__sqlite_queue_push,
                                    .receive = lambda__sqlite_queue_receive,
                                    .acknowledge = lambda__sqlite_queue_acknowledge,
                                    .retry = lambda__sqlite_queue_retry,
                                    .extend = lambda__sqlite_queue_extend,
                                    .next_due = lambda__sqlite_queue_next_due,
                                    .counts = lambda__sqlite_queue_counts,
                                    .browse = lambda__sqlite_queue_browse,
                                    .purge = lambda__sqlite_queue_purge,
                                    .close = lambda__sqlite_queue_close,
                                    .user = file,
                                    .durable = true};
    options->store = (lambda_store){.attach = lambda__sqlite_store_attach,
                                    .write = lambda__sqlite_store_write,
                                    .read = lambda__sqlite_store_read,
                                    .close = lambda__sqlite_store_close,
                                    .user = file};
}

void lambda_sqlite_close(lambda_sqlite *file)
{
    if (!file) return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(file->statements[i]);
    sqlite3_close(file->database);
    pthread_mutex_destroy(&file->lock);
    free(file->path);
    free(file);
}
