/*
 * A group of requests as one transaction. A request that cannot be performed leaves the others alone: what can be known before
 * is checked before; where a statement fails all the same, the transaction is rolled back and made again without that request.
 * A disk that is full or fails, a COMMIT that fails: all of the group has failed, and the file is as it was.
 *
 * After a COMMIT that failed the group may be there all the same if the process ends before the next COMMIT succeeds: the log may
 * hold it, and opening the file reads the log. So what was refused may be found later; what was accepted is always found.
 */
#include "file.h"

#include <stdio.h>
#include <string.h>

#include <stdatomic.h>

/** Runs a statement that answers with nothing, and resets it. SQLite's result. */
static int run(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    int reset = sqlite3_reset(statement);
    return result == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : result;
}

void lambda__sqlite_rollback(lambda_sqlite *file)
{
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_reset(file->statements[i]);
    if (!sqlite3_get_autocommit(file->database)) sqlite3_exec(file->database, "ROLLBACK", NULL, NULL, NULL);
}

/** A due time that receivers have not passed: they look for rows after `due_last`. */
static int64_t choose_due(lambda_sqlite *file, int64_t due, int64_t id)
{
    if (due > file->due_last || (due == file->due_last && id > file->due_last_id)) return due;
    due = file->due_last + 1;
    /* It can be received at once, so queue time is at least that. */
    if (atomic_load(&file->floor) < due) atomic_store(&file->floor, due);
    return due;
}

static int insert(lambda_sqlite *file, lambda__sqlite_message *message)
{
    bool delayed = message->delay > 0;
    sqlite3_stmt *statement = file->statements[delayed ? STATEMENT_INSERT_DELAYED : STATEMENT_INSERT];
    sqlite3_bind_int64(statement, 1, message->id);
    sqlite3_bind_int64(statement, 2, message->pushed);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)message->state);
    /* The body stays where it is until the next message takes the place of the binding. */
    sqlite3_bind_blob64(statement, 4, message->body, message->length, SQLITE_STATIC);
    if (delayed) {
        message->due = choose_due(file, message->due, message->id);
        sqlite3_bind_int64(statement, 5, message->due);
        sqlite3_bind_int64(statement, 6, message->delay);
    }
    return run(statement);
}

static int give_back(lambda_sqlite *file, lambda__sqlite_request *request)
{
    const lambda__sqlite_message *message = request->retried;
    sqlite3_stmt *statement = file->statements[STATEMENT_RETRY];
    request->retry_due =
        choose_due(file, lambda__sqlite_later(request->now, (uint64_t)request->retry_delay), message->id);
    sqlite3_bind_int64(statement, 1, message->id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)request->retry_state);
    sqlite3_bind_int64(statement, 3, message->receive_count);
    sqlite3_bind_int64(statement, 4, request->retry_due);
    sqlite3_bind_int64(statement, 5, request->retry_delay);
    return run(statement);
}

static int change_store(lambda_sqlite *file, const lambda_store_change *change)
{
    bool set = change->value.data != NULL;
    sqlite3_stmt *statement = file->statements[set ? STATEMENT_STORE_SET : STATEMENT_STORE_REMOVE];
    sqlite3_bind_text(statement, 1, change->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, change->name, -1, SQLITE_STATIC);
    int result = SQLITE_OK;
    if (set) result = sqlite3_bind_blob64(statement, 3, change->value.data, change->value.length, SQLITE_STATIC);
    return result == SQLITE_OK ? run(statement) : result;
}

/** Performs one request inside of the transaction. SQLite's result; a refusal is in the request's status. */
static int perform_one(lambda_sqlite *file, lambda__sqlite_request *request, int64_t *end, uint64_t *total)
{
    uint64_t more = request->pushed.count;
    if (file->max_messages && !request->may_overfill &&
        (*total > file->max_messages || more > file->max_messages - *total)) {
        request->status = LAMBDA_ERROR_TOO_MANY_REQUESTS;
        snprintf(request->error, sizeof(request->error), "the queue is full: it has %llu messages of at most %llu",
                 (unsigned long long)*total, (unsigned long long)file->max_messages);
        return SQLITE_OK;
    }
    int result = SQLITE_OK;
    for (lambda__sqlite_message *message = request->pushed.first; message && result == SQLITE_OK;
         message = message->next) {
        message->id = (*end)++;
        result = insert(file, message);
    }
    for (lambda__sqlite_message *message = request->ended.first; message && result == SQLITE_OK;
         message = message->next) {
        sqlite3_bind_int64(file->statements[STATEMENT_DELETE], 1, message->id);
        result = run(file->statements[STATEMENT_DELETE]);
    }
    if (request->retried && result == SQLITE_OK) result = give_back(file, request);
    for (size_t i = 0; i < request->changes_count && result == SQLITE_OK; i++)
        result = change_store(file, &request->changes[i]);
    *total += more;
    *total -= request->ended.count;
    return result;
}

/** What is wrong with the disk is wrong for all. */
static bool is_everybodys(int result)
{
    switch (result & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
        return true;
    default:
        return false;
    }
}

/** Tries the transaction with all requests that have not failed. `*culprit` is the one whose statement failed, if one did. */
static int try_group(lambda_sqlite *file, lambda__sqlite_request *group, int64_t *end, uint64_t *total,
                     lambda__sqlite_request **culprit)
{
    *culprit = NULL;
    if (!sqlite3_get_autocommit(file->database)) lambda__sqlite_rollback(file);
    int result = run(file->statements[STATEMENT_BEGIN]);
    for (lambda__sqlite_request *request = group; request && result == SQLITE_OK; request = request->next) {
        if (request->status != LAMBDA_OK) continue;
        result = perform_one(file, request, end, total);
        if (result != SQLITE_OK) *culprit = request;
    }
    if (result == SQLITE_OK) result = run(file->statements[STATEMENT_COMMIT]);
    return result;
}

void lambda__sqlite_perform(lambda_sqlite *file, lambda__sqlite_request *group, int64_t *end, uint64_t *total)
{
    for (;;) {
        int64_t new_end = *end;
        uint64_t new_total = *total;
        lambda__sqlite_request *culprit;
        int result = try_group(file, group, &new_end, &new_total, &culprit);
        if (result == SQLITE_OK) {
            *end = new_end;
            *total = new_total;
            return;
        }
        lambda__sqlite_rollback(file);
        bool all = !culprit || is_everybodys(result);
        for (lambda__sqlite_request *request = group; request; request = request->next) {
            if (request->status != LAMBDA_OK || (!all && request != culprit)) continue;
            request->status = lambda__sqlite_describe(file, result, request->error);
        }
        if (all) return;
    }
}
