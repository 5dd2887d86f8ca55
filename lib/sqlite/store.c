/* The store port: values by kind and name, written as the queue's messages are, in the same transactions. */
#include "file.h"

#include <stdlib.h>
#include <string.h>

#include <lambda/port/runtime.h>

/** A row that was read, in the library's own memory: visitors are called while other threads use the database. */
typedef struct stored_value {
    bool found;
    char *name;
    void *value;
    size_t length;
} stored_value;

lambda_status lambda__sqlite_store_attach(void *user, lambda_t *lambda)
{
    lambda_sqlite *file = user;
    file->store_service = lambda;
    return LAMBDA_OK;
}

void lambda__sqlite_store_close(void *user)
{
    lambda_sqlite *file = user;
    file->store_service = NULL;
}

lambda_status lambda__sqlite_store_write(void *user, const lambda_store_change *changes, size_t count)
{
    lambda_sqlite *file = user;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    for (size_t i = 0; i < count; i++) {
        if (strlen(changes[i].kind) > 16)
            return lambda_runtime_fail(file->store_service, invalid, "kind: \"%.40s\" is longer than 16 characters",
                                       changes[i].kind);
        if (strlen(changes[i].name) > 256)
            return lambda_runtime_fail(file->store_service, invalid, "name: \"%.40s...\" is longer than 256 characters",
                                       changes[i].name);
        if (changes[i].value.length > file->max_body)
            return lambda_runtime_fail(file->store_service, LAMBDA_ERROR_REQUEST_TOO_LARGE,
                                       "%.40s: the value is larger than the %llu bytes that the file holds",
                                       changes[i].name, (unsigned long long)file->max_body);
    }
    if (count == 0) return LAMBDA_OK;
    lambda__sqlite_request request;
    memset(&request, 0, sizeof(request));
    request.changes = changes;
    request.changes_count = count;
    pthread_mutex_lock(&file->lock);
    lambda__sqlite_commit(file, &request);
    if (request.status == LAMBDA_OK) return LAMBDA_OK;
    return lambda_runtime_fail(file->store_service, request.status, "%s", request.error);
}

/** Copies the row that a statement gives, if it gives one. SQLite's result. */
static int copy_row(sqlite3_stmt *statement, stored_value *row)
{
    if (sqlite3_step(statement) != SQLITE_ROW) return sqlite3_reset(statement);
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    const void *value = sqlite3_column_blob(statement, 1);
    row->length = (size_t)sqlite3_column_bytes(statement, 1);
    row->name = name ? strdup(name) : NULL;
    row->value = malloc(row->length + 1);
    bool complete = row->name && row->value && (value || row->length == 0);
    if (complete && row->length > 0) memcpy(row->value, value, row->length);
    row->found = true;
    int result = sqlite3_reset(statement);
    return complete ? result : SQLITE_NOMEM;
}

/** Reads a value: that of `name`, or where `next` the one that follows it. SQLite's result. */
static int read_value(lambda_sqlite *file, const char *kind, const char *name, bool next, stored_value *row)
{
    pthread_mutex_lock(&file->lock);
    lambda__sqlite_own(file);
    pthread_mutex_unlock(&file->lock);
    sqlite3_stmt *statement = file->statements[next ? STATEMENT_STORE_NEXT : STATEMENT_STORE_GET];
    sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
    int result = copy_row(statement, row);
    pthread_mutex_lock(&file->lock);
    lambda__sqlite_disown(file);
    pthread_mutex_unlock(&file->lock);
    return result;
}

lambda_status lambda__sqlite_store_read(void *user, const char *kind, const char *name, lambda_store_visitor *visit,
                                        void *visit_user)
{
    lambda_sqlite *file = user;
    char *before = NULL;
    lambda_status status;
    bool found;
    do {
        stored_value row = {0};
        /* No name comes before "". */
        int result = read_value(file, kind, name ? name : before ? before : "", !name, &row);
        free(before);
        before = NULL;
        found = result == SQLITE_OK && row.found;
        status = lambda__sqlite_fail(file, file->store_service, result);
        if (found) status = visit(visit_user, row.name, lambda_bytes_make(row.value, row.length));
        free(row.value);
        before = row.name;
    } while (found && status == LAMBDA_OK && !name);
    free(before);
    return status;
}
