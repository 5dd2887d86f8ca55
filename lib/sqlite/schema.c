/* The tables of a file, how an older file gets them, and the statements that are used on them. */
#include "file.h"

#include <stdio.h>

/*
 * What makes version N + 1 of version N, from an empty file on. A step is never changed once it is released: files of that
 * version exist. Version 1 had the queue, version 2 brought the store.
 *
 * Columns of `message` that a message seldom has are NULL and take no room; the body is last, so that a scan that does not want
 * it does not read it. Only delayed and retried messages are in the index: a push without delay writes the table alone.
 */
static const char *const steps[] = {
    "CREATE TABLE message("
    " id INTEGER PRIMARY KEY," /* rises in the order of pushes */
    " pushed INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " received INTEGER,"
    " due INTEGER,"   /* not received before; NULL: never delayed */
    " delay INTEGER," /* which ended, or ends, at `due`: `due` - `delay` is when the row was written */
    " body BLOB NOT NULL) STRICT;"
    "CREATE INDEX message_due ON message(due, id) WHERE due IS NOT NULL;",

    "CREATE TABLE store("
    " kind TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " value BLOB NOT NULL,"
    " PRIMARY KEY(kind, name)) STRICT;",
};

#define ROW "SELECT id, pushed, state, received, due, delay, body FROM message "

/** Of LAMBDA__SQLITE_ROWS. */
#define FOUR_ROWS "(?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?)"

static const char *const texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_INSERT] = "INSERT INTO message(id, pushed, state, body) VALUES(?1, ?2, ?3, ?4)",
    [STATEMENT_INSERT_ROWS] =
        "INSERT INTO message(id, pushed, state, body) VALUES" FOUR_ROWS "," FOUR_ROWS "," FOUR_ROWS "," FOUR_ROWS,
    [STATEMENT_INSERT_DELAYED] =
        "INSERT INTO message(id, pushed, state, body, due, delay) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [STATEMENT_DELETE] = "DELETE FROM message WHERE id BETWEEN ?1 AND ?2",
    [STATEMENT_RETRY] = "UPDATE message SET state = ?2, received = ?3, due = ?4, delay = ?5 WHERE id = ?1",
    [STATEMENT_FETCH] = ROW "WHERE id >= ?1 AND due IS NULL ORDER BY id",
    [STATEMENT_FETCH_DUE] = ROW "WHERE due IS NOT NULL AND (due, id) > (?1, ?2) AND due <= ?3 ORDER BY due, id",
    [STATEMENT_NEXT_DUE] =
        "SELECT due FROM message WHERE due IS NOT NULL AND (due, id) > (?1, ?2) ORDER BY due, id LIMIT 1",
    [STATEMENT_COUNT_DELAYED] = "SELECT count(*) FROM message WHERE due > ?1",
    [STATEMENT_OLDEST] = "SELECT pushed FROM message ORDER BY id LIMIT 1",
    [STATEMENT_BROWSE] = ROW "WHERE id > ?1 ORDER BY id",
    [STATEMENT_SUMMARY] = "SELECT count(*), max(id), max(max(pushed, ifnull(due - delay, 0))) FROM message",
    [STATEMENT_STORE_SET] = "INSERT OR REPLACE INTO store(kind, name, value) VALUES(?1, ?2, ?3)",
    [STATEMENT_STORE_REMOVE] = "DELETE FROM store WHERE kind = ?1 AND name = ?2",
    [STATEMENT_STORE_GET] = "SELECT name, value FROM store WHERE kind = ?1 AND name = ?2",
    [STATEMENT_STORE_NEXT] = "SELECT name, value FROM store WHERE kind = ?1 AND name > ?2 ORDER BY name LIMIT 1",
};

int lambda__sqlite_version(void)
{
    return (int)(sizeof(steps) / sizeof(steps[0]));
}

int lambda__sqlite_migrate(sqlite3 *database, int version)
{
    int result = SQLITE_OK;
    for (int step = version; step < lambda__sqlite_version() && result == SQLITE_OK; step++)
        result = sqlite3_exec(database, steps[step], NULL, NULL, NULL);
    char identity[96];
    snprintf(identity, sizeof(identity), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             LAMBDA__SQLITE_APPLICATION, lambda__sqlite_version());
    if (result == SQLITE_OK) result = sqlite3_exec(database, identity, NULL, NULL, NULL);
    return result;
}

int lambda__sqlite_prepare(lambda_sqlite *file)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        int result =
            sqlite3_prepare_v3(file->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &file->statements[i], NULL);
        if (result != SQLITE_OK) return result;
    }
    return SQLITE_OK;
}
