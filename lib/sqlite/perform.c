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

/** A transaction as far as it has come. Inserts and deletes are put aside, so that one statement does several. */
typedef struct transaction {
    lambda_sqlite *file;
    int64_t end;
    uint64_t total;
    const lambda__sqlite_message *inserts[LAMBDA__SQLITE_ROWS];
    int inserts_count;
    int64_t delete_from, delete_to; /* none where they are not in order */
} transaction;

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

static int bind_message(sqlite3_stmt *statement, int first, const lambda__sqlite_message *message)
{
    sqlite3_bind_int64(statement, first, message->id);
    sqlite3_bind_int64(statement, first + 1, message->pushed);
    sqlite3_bind_int64(statement, first + 2, (sqlite3_int64)message->state);
    /* The body stays where it is until the next message takes the place of the binding. */
    return sqlite3_bind_blob64(statement, first + 3, message->body, message->length, SQLITE_STATIC);
}

/** Inserts the messages that were put aside: all in one statement where there are enough. */
static int flush_inserts(transaction *step)
{
    sqlite3_stmt *const *statements = step->file->statements;
    int result = SQLITE_OK;
    if (step->inserts_count == LAMBDA__SQLITE_ROWS) {
        for (int i = 0; i < LAMBDA__SQLITE_ROWS && result == SQLITE_OK; i++)
            result = bind_message(statements[STATEMENT_INSERT_ROWS], 4 * i + 1, step->inserts[i]);
        if (result == SQLITE_OK) result = run(statements[STATEMENT_INSERT_ROWS]);
    } else {
        for (int i = 0; i < step->inserts_count && result == SQLITE_OK; i++) {
            result = bind_message(statements[STATEMENT_INSERT], 1, step->inserts[i]);
            if (result == SQLITE_OK) result = run(statements[STATEMENT_INSERT]);
        }
    }
    step->inserts_count = 0;
    return result;
}

static int insert(transaction *step, lambda__sqlite_message *message)
{
    message->id = step->end++;
    if (message->delay == 0) {
        step->inserts[step->inserts_count++] = message;
        return step->inserts_count == LAMBDA__SQLITE_ROWS ? flush_inserts(step) : SQLITE_OK;
    }
    sqlite3_stmt *statement = step->file->statements[STATEMENT_INSERT_DELAYED];
    message->due = choose_due(step->file, message->due, message->id);
    sqlite3_bind_int64(statement, 5, message->due);
    sqlite3_bind_int64(statement, 6, message->delay);
    int result = bind_message(statement, 1, message);
    return result == SQLITE_OK ? run(statement) : result;
}

/** Deletes the rows that were put aside, which follow one another. */
static int flush_deletes(transaction *step)
{
    if (step->delete_from > step->delete_to) return SQLITE_OK;
    sqlite3_stmt *statement = step->file->statements[STATEMENT_DELETE];
    sqlite3_bind_int64(statement, 1, step->delete_from);
    sqlite3_bind_int64(statement, 2, step->delete_to);
    step->delete_from = 1;
    step->delete_to = 0;
    return run(statement);
}

static int remove_row(transaction *step, int64_t id)
{
    if (step->delete_from <= step->delete_to && id == step->delete_to + 1) {
        step->delete_to = id;
        return SQLITE_OK;
    }
    int result = flush_deletes(step);
    step->delete_from = step->delete_to = id;
    return result;
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
static int perform_one(transaction *step, lambda__sqlite_request *request)
{
    uint64_t most = step->file->max_messages;
    uint64_t more = request->pushed.count;
    if (most && !request->may_overfill && more > most) {
        request->status = LAMBDA_ERROR_REQUEST_TOO_LARGE;
        snprintf(request->error, sizeof(request->error), "%llu messages at once are more than the most of %llu",
                 (unsigned long long)more, (unsigned long long)most);
        return SQLITE_OK;
    }
    if (most && !request->may_overfill && (step->total > most || more > most - step->total)) {
        request->status = LAMBDA_ERROR_TOO_MANY_REQUESTS;
        snprintf(request->error, sizeof(request->error), "the queue is full: it has %llu messages of at most %llu",
                 (unsigned long long)step->total, (unsigned long long)most);
        return SQLITE_OK;
    }
    int result = SQLITE_OK;
    for (lambda__sqlite_message *message = request->pushed.first; message && result == SQLITE_OK;
         message = message->next)
        result = insert(step, message);
    for (lambda__sqlite_message *message = request->ended.first; message && result == SQLITE_OK;
         message = message->next)
        result = remove_row(step, message->id);
    if (request->retried && result == SQLITE_OK) result = give_back(step->file, request);
    for (size_t i = 0; i < request->changes_count && result == SQLITE_OK; i++)
        result = change_store(step->file, &request->changes[i]);
    step->total += more;
    step->total -= request->ended.count;
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

/**
 * Tries the transaction with all requests that have not failed. Where each is performed for itself and its statement fails,
 * `*culprit` is that one.
 */
static int try_group(transaction *step, lambda__sqlite_request *group, bool each_for_itself,
                     lambda__sqlite_request **culprit)
{
    lambda_sqlite *file = step->file;
    *culprit = NULL;
    if (!sqlite3_get_autocommit(file->database)) lambda__sqlite_rollback(file);
    int result = run(file->statements[STATEMENT_BEGIN]);
    for (lambda__sqlite_request *request = group; request && result == SQLITE_OK; request = request->next) {
        if (request->status != LAMBDA_OK) continue;
        result = perform_one(step, request);
        if (!each_for_itself) continue;
        if (result == SQLITE_OK) result = flush_inserts(step);
        if (result == SQLITE_OK) result = flush_deletes(step);
        if (result != SQLITE_OK) *culprit = request;
    }
    if (result == SQLITE_OK) result = flush_inserts(step);
    if (result == SQLITE_OK) result = flush_deletes(step);
    if (result == SQLITE_OK) result = run(file->statements[STATEMENT_COMMIT]);
    return result;
}

/** Makes requests that have not failed do so. */
static void fail_all(const lambda_sqlite *file, lambda__sqlite_request *group, int result)
{
    for (lambda__sqlite_request *request = group; request; request = request->next)
        if (request->status == LAMBDA_OK) request->status = lambda__sqlite_describe(file, result, request->error);
}

/** The queue may not be full without the request that has failed. */
static void readmit(lambda__sqlite_request *group)
{
    for (lambda__sqlite_request *request = group; request; request = request->next)
        if (request->status == LAMBDA_ERROR_TOO_MANY_REQUESTS) request->status = LAMBDA_OK;
}

void lambda__sqlite_perform(lambda_sqlite *file, lambda__sqlite_request *group, int64_t *end, uint64_t *total)
{
    for (bool each_for_itself = false;; each_for_itself = true) {
        transaction step = {.file = file, .end = *end, .total = *total, .delete_from = 1};
        lambda__sqlite_request *culprit;
        int result = try_group(&step, group, each_for_itself, &culprit);
        if (result == SQLITE_OK) {
            *end = step.end;
            *total = step.total;
            return;
        }
        lambda__sqlite_rollback(file);
        if (is_everybodys(result) || (each_for_itself && !culprit)) {
            fail_all(file, group, result);
            return;
        }
        if (culprit) culprit->status = lambda__sqlite_describe(file, result, culprit->error);
        readmit(group);
    }
}
