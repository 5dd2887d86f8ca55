/*
 * The rows that wait, as far as memory knows them. A message that is pushed while few wait is kept until it is received, so that
 * receiving it reads nothing; of many that wait only the next few are in memory, read as receivers need them.
 *
 * `ready` holds rows that nobody has received since the file was opened, or that were retried: all of those before `cursor`, and
 * all of those with a due time before `due_last`. So putting both back to the first of `ready` forgets it without a loss.
 */
#include "file.h"

#include <string.h>

/** Most messages that are kept, and that one fill reads. */
#define READY_MESSAGES 1024
#define FILL_MESSAGES  256

/** Bytes of bodies from which on no other is kept. */
#define READY_BYTES 1048576

static void add_ready(lambda_sqlite *file, lambda__sqlite_message *message)
{
    lambda__sqlite_list_add(&file->ready, message);
    file->ready_bytes += message->length;
}

/** Keeps what was pushed where the receivers have come as far as that. What is left in `pushed` is its thread's to free. */
static void keep_pushed(lambda_sqlite *file, lambda__sqlite_request *request)
{
    lambda__sqlite_list pushed = request->pushed;
    memset(&request->pushed, 0, sizeof(request->pushed));
    for (lambda__sqlite_message *message; (message = lambda__sqlite_list_take(&pushed));) {
        bool delayed = message->due != 0;
        bool next = message->id == file->cursor;
        if (delayed && message->due < file->next_due) file->next_due = message->due;
        if (next && delayed) file->cursor++;
        if (next && !delayed && file->ready.count < READY_MESSAGES && file->ready_bytes < READY_BYTES) {
            file->cursor++;
            add_ready(file, message);
        } else {
            lambda__sqlite_list_add(&request->pushed, message);
        }
    }
}

void lambda__sqlite_cache_committed(lambda_sqlite *file, lambda__sqlite_request *request)
{
    if (request->pushed.first) keep_pushed(file, request);
    for (lambda__sqlite_message *message = request->ended.first; message; message = message->next)
        lambda__sqlite_lease_end(file, message);
    if (!request->retried) return;
    if (request->retry_due < file->next_due) file->next_due = request->retry_due;
    lambda__sqlite_lease_end(file, request->retried);
}

void lambda__sqlite_cache_forget(lambda_sqlite *file)
{
    bool due_found = false;
    bool found = false;
    for (const lambda__sqlite_message *message = file->ready.first; message; message = message->next) {
        if (message->due != 0 && !due_found) {
            due_found = true;
            file->due_last = message->due;
            file->due_last_id = message->id - 1;
            file->next_due = message->due;
        } else if (message->due == 0 && !found) {
            found = true;
            file->cursor = message->id;
        }
    }
    lambda__sqlite_list_free(&file->host.allocator, &file->ready);
    file->ready_bytes = 0;
}

int lambda__sqlite_cache_load(lambda_sqlite *file, int64_t *newest)
{
    sqlite3_stmt *summary = file->statements[STATEMENT_SUMMARY];
    if (sqlite3_step(summary) == SQLITE_ROW) {
        file->total = (uint64_t)sqlite3_column_int64(summary, 0);
        int64_t last = sqlite3_column_int64(summary, 1);
        file->end = last < INT64_MAX / 2 ? last + 1 : last;
        *newest = sqlite3_column_int64(summary, 2);
    }
    int result = sqlite3_reset(summary);
    file->cursor = file->total > 0 ? INT64_MIN : file->end;
    file->due_last = INT64_MIN;
    file->due_last_id = INT64_MIN;
    /* Whether and when is found out by the first fill. */
    file->next_due = INT64_MIN;
    return result;
}

/** The row that a statement stands on; NULL when memory is out. */
static lambda__sqlite_message *read_row(lambda_sqlite *file, sqlite3_stmt *statement)
{
    const void *body = sqlite3_column_blob(statement, 6);
    size_t length = (size_t)sqlite3_column_bytes(statement, 6);
    if (!body && length > 0) return NULL;
    lambda__sqlite_message *message = lambda__sqlite_message_new(&file->host.allocator, length);
    if (!message) return NULL;
    message->id = sqlite3_column_int64(statement, 0);
    message->pushed = sqlite3_column_int64(statement, 1);
    message->state = (uint64_t)sqlite3_column_int64(statement, 2);
    message->receive_count = (uint32_t)sqlite3_column_int64(statement, 3);
    message->due = sqlite3_column_int64(statement, 4);
    message->delay = sqlite3_column_int64(statement, 5);
    if (length > 0) memcpy(message->body, body, length);
    return message;
}

/** Reads up to a fill's worth of rows; `*all` where there are no more. SQLite's result. */
static int read_rows(lambda_sqlite *file, sqlite3_stmt *statement, lambda__sqlite_list *rows, bool *all)
{
    size_t bytes = 0;
    int result = SQLITE_ROW;
    *all = false;
    while (rows->count < FILL_MESSAGES && bytes < READY_BYTES) {
        result = sqlite3_step(statement);
        *all = result == SQLITE_DONE;
        if (result != SQLITE_ROW) break;
        lambda__sqlite_message *message = read_row(file, statement);
        if (!message) {
            result = SQLITE_NOMEM;
            break;
        }
        bytes += message->length;
        lambda__sqlite_list_add(rows, message);
    }
    sqlite3_reset(statement);
    if (result == SQLITE_ROW || result == SQLITE_DONE) return SQLITE_OK;
    /* What was read before is good. */
    return rows->first ? SQLITE_OK : result;
}

/** Reads delayed rows that are due, and when the next one is. The database is owned, the lock is not held. */
static int read_due(lambda_sqlite *file, int64_t now, lambda__sqlite_list *rows, int64_t *next_due)
{
    sqlite3_stmt *statement = file->statements[STATEMENT_FETCH_DUE];
    sqlite3_bind_int64(statement, 1, file->due_last);
    sqlite3_bind_int64(statement, 2, file->due_last_id);
    sqlite3_bind_int64(statement, 3, now);
    bool all;
    int result = read_rows(file, statement, rows, &all);
    if (result != SQLITE_OK) return result;
    statement = file->statements[STATEMENT_NEXT_DUE];
    sqlite3_bind_int64(statement, 1, rows->last ? rows->last->due : file->due_last);
    sqlite3_bind_int64(statement, 2, rows->last ? rows->last->id : file->due_last_id);
    *next_due = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : INT64_MAX;
    result = sqlite3_reset(statement);
    if (result != SQLITE_OK) lambda__sqlite_list_free(&file->host.allocator, rows);
    return result;
}

/** Appends rows that were read. */
static void add_rows(lambda_sqlite *file, lambda__sqlite_list *rows)
{
    for (lambda__sqlite_message *message; (message = lambda__sqlite_list_take(rows));)
        add_ready(file, message);
}

static int fill_due(lambda_sqlite *file, int64_t now)
{
    lambda__sqlite_list rows = {0};
    int64_t next_due = INT64_MAX;
    pthread_mutex_unlock(&file->lock);
    int result = read_due(file, now, &rows, &next_due);
    pthread_mutex_lock(&file->lock);
    if (result != SQLITE_OK) return result;
    file->next_due = next_due;
    if (rows.last) {
        file->due_last = rows.last->due;
        file->due_last_id = rows.last->id;
    }
    add_rows(file, &rows);
    return SQLITE_OK;
}

static int fill_undelayed(lambda_sqlite *file)
{
    sqlite3_stmt *statement = file->statements[STATEMENT_FETCH];
    lambda__sqlite_list rows = {0};
    bool all;
    sqlite3_bind_int64(statement, 1, file->cursor);
    pthread_mutex_unlock(&file->lock);
    int result = read_rows(file, statement, &rows, &all);
    pthread_mutex_lock(&file->lock);
    if (result != SQLITE_OK) return result;
    if (all)
        file->cursor = file->end;
    else if (rows.last)
        file->cursor = rows.last->id + 1;
    add_rows(file, &rows);
    return SQLITE_OK;
}

lambda_status lambda__sqlite_cache_fill(lambda_sqlite *file, size_t wanted)
{
    int64_t now = lambda__sqlite_now(file);
    bool more = file->cursor < file->end && file->ready.count < wanted;
    if (!more && file->next_due > now) return LAMBDA_OK;
    lambda__sqlite_own(file);
    int result = SQLITE_OK;
    /* Another thread may have filled it while this one waited. */
    if (file->next_due <= now) result = fill_due(file, now);
    if (result == SQLITE_OK && file->cursor < file->end && file->ready.count < wanted) result = fill_undelayed(file);
    lambda__sqlite_disown(file);
    /* What there is can be received all the same. */
    return file->ready.first || result == SQLITE_OK ? LAMBDA_OK : lambda__sqlite_fail(file, file->host.lambda, result);
}
