/*
 * The queue port: what looks at all messages. These own the database and hold the lock until they are through, so that what they
 * show is the queue at one moment.
 */
#include "file.h"

#include <stdlib.h>
#include <string.h>

#include <lambda/port/runtime.h>

/** Rows that purge looks at in one go. */
#define PURGE_ROWS 256

/** A walk through all rows beside the messages that memory knows. */
typedef struct row_walk {
    lambda_sqlite *file;
    int64_t now;
    lambda__sqlite_message **known; /* received since the file was opened and still there, by rising id */
    size_t known_count;
    size_t next_known;
    unsigned char *body; /* the row's, aligned */
    size_t body_capacity;
} row_walk;

static int compare_ids(const void *left, const void *right)
{
    const lambda__sqlite_message *a = *(lambda__sqlite_message *const *)left;
    const lambda__sqlite_message *b = *(lambda__sqlite_message *const *)right;
    return (a->id > b->id) - (a->id < b->id);
}

/** Begins a walk, from the moment when nobody else changes anything; false when memory is out. Ends with walk_end. */
static bool walk_begin(row_walk *walk, lambda_sqlite *file)
{
    memset(walk, 0, sizeof(*walk));
    walk->file = file;
    pthread_mutex_lock(&file->lock);
    lambda__sqlite_own(file);
    walk->now = lambda__sqlite_now(file);
    lambda__sqlite_lease_expire(file, walk->now);
    size_t most = file->slots_used + file->overdue.count;
    if (most == 0) return true;
    const lambda_allocator *allocator = &file->host.allocator;
    walk->known = allocator->allocate(allocator->user, most * sizeof(lambda__sqlite_message *));
    if (!walk->known) return false;
    for (uint32_t i = 0; i < file->slots_count; i++) {
        lambda__sqlite_message *message = file->slots[i].message;
        if (message && message->standing != MESSAGE_LATE) walk->known[walk->known_count++] = message;
    }
    for (lambda__sqlite_message *message = file->overdue.first; message; message = message->next)
        walk->known[walk->known_count++] = message;
    qsort(walk->known, walk->known_count, sizeof(lambda__sqlite_message *), compare_ids);
    return true;
}

static void walk_end(row_walk *walk)
{
    const lambda_allocator *allocator = &walk->file->host.allocator;
    allocator->release(allocator->user, walk->known);
    allocator->release(allocator->user, walk->body);
    lambda__sqlite_disown(walk->file);
    pthread_mutex_unlock(&walk->file->lock);
}

/** What memory knows of a row; NULL: nothing. Rows come by rising id. */
static lambda__sqlite_message *find_known(row_walk *walk, int64_t id)
{
    while (walk->next_known < walk->known_count && walk->known[walk->next_known]->id < id)
        walk->next_known++;
    if (walk->next_known == walk->known_count || walk->known[walk->next_known]->id != id) return NULL;
    return walk->known[walk->next_known];
}

/** The row that a statement stands on, as a visitor sees it. False when memory is out. */
static bool show(row_walk *walk, sqlite3_stmt *row, lambda_queue_message *message, lambda_queue_standing *standing,
                 uint64_t *due_ns, lambda__sqlite_message **known)
{
    const void *body = sqlite3_column_blob(row, 6);
    size_t length = (size_t)sqlite3_column_bytes(row, 6);
    if (!body && length > 0) return false;
    if (length > walk->body_capacity) {
        const lambda_allocator *allocator = &walk->file->host.allocator;
        unsigned char *grown = allocator->reallocate(allocator->user, walk->body, length);
        if (!grown) return false;
        walk->body = grown;
        walk->body_capacity = length;
    }
    if (length > 0) memcpy(walk->body, body, length);
    *known = find_known(walk, sqlite3_column_int64(row, 0));
    *message = (lambda_queue_message){.body = lambda_bytes_make(walk->body, length),
                                      .state = (uint64_t)sqlite3_column_int64(row, 2),
                                      .age_ns = lambda__sqlite_between(sqlite3_column_int64(row, 1), walk->now),
                                      .receive_count =
                                          *known ? (*known)->receive_count : (uint32_t)sqlite3_column_int64(row, 3)};
    *due_ns = lambda__sqlite_between(walk->now, sqlite3_column_int64(row, 4));
    *standing = LAMBDA_QUEUE_WAITING;
    if (*known && (*known)->standing != MESSAGE_LATE)
        *standing = LAMBDA_QUEUE_RECEIVED;
    else if (*due_ns > 0)
        *standing = LAMBDA_QUEUE_DELAYED;
    return true;
}

lambda_status lambda__sqlite_queue_browse(void *user, lambda_queue_visitor *visit, void *visit_user)
{
    lambda_sqlite *file = user;
    row_walk walk;
    int result = walk_begin(&walk, file) ? SQLITE_OK : SQLITE_NOMEM;
    sqlite3_stmt *rows = file->statements[STATEMENT_BROWSE];
    sqlite3_bind_int64(rows, 1, INT64_MIN);
    while (result == SQLITE_OK) {
        result = sqlite3_step(rows);
        if (result != SQLITE_ROW) break;
        lambda_queue_message message;
        lambda_queue_standing standing;
        uint64_t due_ns;
        lambda__sqlite_message *known;
        result = show(&walk, rows, &message, &standing, &due_ns, &known) ? SQLITE_OK : SQLITE_NOMEM;
        if (result == SQLITE_OK && !visit(visit_user, &message, standing, due_ns)) break;
    }
    sqlite3_reset(rows);
    walk_end(&walk);
    return lambda__sqlite_fail(file, file->host.lambda, result == SQLITE_DONE ? SQLITE_OK : result);
}

/** Finds what to purge among the next rows. `*last` is the last row looked at, `*more` whether there may be others. */
static int choose_rows(row_walk *walk, lambda_queue_visitor *chosen, void *user, int64_t *last, int64_t *ids,
                       size_t *count, bool *more)
{
    sqlite3_stmt *rows = walk->file->statements[STATEMENT_BROWSE];
    sqlite3_bind_int64(rows, 1, *last);
    int result = SQLITE_OK;
    *more = true;
    *count = 0;
    for (int i = 0; i < PURGE_ROWS && result == SQLITE_OK; i++) {
        result = sqlite3_step(rows);
        if (result != SQLITE_ROW) break;
        lambda_queue_message message;
        lambda_queue_standing standing;
        uint64_t due_ns;
        lambda__sqlite_message *known;
        result = show(walk, rows, &message, &standing, &due_ns, &known) ? SQLITE_OK : SQLITE_NOMEM;
        *last = sqlite3_column_int64(rows, 0);
        if (result != SQLITE_OK || standing == LAMBDA_QUEUE_RECEIVED) continue;
        if (chosen && !chosen(user, &message, standing, due_ns)) continue;
        ids[(*count)++] = *last;
        if (known) known->purged = true;
    }
    if (result == SQLITE_DONE) {
        *more = false;
        result = SQLITE_OK;
    }
    sqlite3_reset(rows);
    return result;
}

/** Deletes what is chosen, in one transaction. SQLite's result. */
static int purge_rows(row_walk *walk, lambda_queue_visitor *chosen, void *user, uint64_t *count)
{
    lambda_sqlite *file = walk->file;
    sqlite3_stmt *begin = file->statements[STATEMENT_BEGIN];
    sqlite3_stmt *remove = file->statements[STATEMENT_DELETE];
    sqlite3_stmt *commit = file->statements[STATEMENT_COMMIT];
    lambda__sqlite_rollback(file);
    sqlite3_step(begin);
    int result = sqlite3_reset(begin);
    int64_t last = INT64_MIN;
    for (bool more = true; more && result == SQLITE_OK;) {
        int64_t ids[PURGE_ROWS];
        size_t ids_count;
        result = choose_rows(walk, chosen, user, &last, ids, &ids_count, &more);
        for (size_t i = 0; i < ids_count && result == SQLITE_OK; i++) {
            sqlite3_bind_int64(remove, 1, ids[i]);
            sqlite3_bind_int64(remove, 2, ids[i]);
            sqlite3_step(remove);
            result = sqlite3_reset(remove);
        }
        *count += ids_count;
    }
    if (result == SQLITE_OK) {
        sqlite3_step(commit);
        result = sqlite3_reset(commit);
    }
    if (result != SQLITE_OK) lambda__sqlite_rollback(file);
    return result;
}

/** Takes what was purged off the list of those that are received again. */
static void forget_purged(lambda_sqlite *file, bool committed)
{
    lambda__sqlite_list kept = {0};
    for (lambda__sqlite_message *message; (message = lambda__sqlite_list_take(&file->overdue));) {
        if (!message->purged || !committed) {
            message->purged = false;
            lambda__sqlite_list_add(&kept, message);
            continue;
        }
        message->redelivery = false;
        /* Where its late receiver still has the body, it is freed when that is through. */
        if (!message->borrowed) file->host.allocator.release(file->host.allocator.user, message);
    }
    file->overdue = kept;
}

lambda_status lambda__sqlite_queue_purge(void *user, lambda_queue_visitor *chosen, void *chosen_user, uint64_t *count)
{
    lambda_sqlite *file = user;
    *count = 0;
    row_walk walk;
    int result = walk_begin(&walk, file) ? SQLITE_OK : SQLITE_NOMEM;
    if (result == SQLITE_OK) {
        lambda__sqlite_cache_forget(file);
        result = purge_rows(&walk, chosen, chosen_user, count);
        forget_purged(file, result == SQLITE_OK);
        if (result == SQLITE_OK)
            file->total -= *count;
        else
            *count = 0;
    }
    walk_end(&walk);
    return lambda__sqlite_fail(file, file->host.lambda, result);
}

lambda_status lambda__sqlite_queue_counts(void *user, lambda_queue_counts *counts)
{
    lambda_sqlite *file = user;
    memset(counts, 0, sizeof(*counts));
    pthread_mutex_lock(&file->lock);
    lambda__sqlite_own(file);
    int64_t now = lambda__sqlite_now(file);
    lambda__sqlite_lease_expire(file, now);
    sqlite3_stmt *delayed = file->statements[STATEMENT_COUNT_DELAYED];
    sqlite3_bind_int64(delayed, 1, now);
    if (sqlite3_step(delayed) == SQLITE_ROW) counts->delayed = (uint64_t)sqlite3_column_int64(delayed, 0);
    int result = sqlite3_reset(delayed);
    if (result == SQLITE_OK) {
        sqlite3_stmt *oldest = file->statements[STATEMENT_OLDEST];
        if (sqlite3_step(oldest) == SQLITE_ROW)
            counts->oldest_age_ns = lambda__sqlite_between(sqlite3_column_int64(oldest, 0), now);
        result = sqlite3_reset(oldest);
    }
    counts->received = file->received;
    uint64_t others = counts->delayed + counts->received;
    counts->waiting = file->total > others ? file->total - others : 0;
    lambda__sqlite_disown(file);
    pthread_mutex_unlock(&file->lock);
    return lambda__sqlite_fail(file, file->host.lambda, result);
}
