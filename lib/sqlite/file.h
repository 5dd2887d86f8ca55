/*
 * A file that is open, from the inside.
 *
 *     push, acknowledge, retry, store write            receive, counts, browse, purge, store read
 *                     |                                                   |
 *          commit.c: a request waits, until one of         commit.c: a thread owns the database
 *          those who wait performs them all                          for its reads
 *                     |                                                   |
 *                     +---------- one connection, one owner at a time ----+
 *
 * `lock` guards all of memory: who owns the database, the requests that wait, and what queue.c, lease.c and cache.c know of
 * messages. It is never held while the disk is waited for, except by browse and purge, which say so. The owner of the database
 * alone uses `database` and `statements`, and alone changes `end`, `total`, `cursor` and `due_cursor`, with the lock held.
 *
 * A row of `message` that no list in memory knows is one that waits and was not received since the file was opened: rows from
 * `cursor` on, and rows with a due time from `due_cursor` on. So nothing has to be kept for a message that waits.
 */
#ifndef LAMBDA_SQLITE_FILE_H
#define LAMBDA_SQLITE_FILE_H

#include <pthread.h>
#include <semaphore.h>

#include <lambda/sqlite.h>

#include <sqlite3.h>

#include "message.h"

/** `PRAGMA application_id` of the file: "LMDA". */
#define LAMBDA__SQLITE_APPLICATION 0x4C4D4441

/** Bytes of an error that one thread hands to another, its NUL included. */
#define LAMBDA__SQLITE_ERROR_SIZE 400

/** Messages that STATEMENT_INSERT_ROWS inserts. */
#define LAMBDA__SQLITE_ROWS 16

/** Statements that are prepared once. */
typedef enum lambda__sqlite_statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_INSERT,
    STATEMENT_INSERT_ROWS,
    STATEMENT_INSERT_DELAYED,
    STATEMENT_DELETE,
    STATEMENT_RETRY,
    STATEMENT_FETCH,
    STATEMENT_FETCH_DUE,
    STATEMENT_NEXT_DUE,
    STATEMENT_COUNT_DELAYED,
    STATEMENT_OLDEST,
    STATEMENT_BROWSE,
    STATEMENT_SUMMARY,
    STATEMENT_STORE_SET,
    STATEMENT_STORE_REMOVE,
    STATEMENT_STORE_GET,
    STATEMENT_STORE_NEXT,
    STATEMENT_COUNT
} lambda__sqlite_statement;

/** One call that changes the file, on the stack of the thread that makes it. */
typedef struct lambda__sqlite_request {
    struct lambda__sqlite_request *next; /* of those that wait, or of the group */
    int64_t now;                         /* queue time of the call */

    lambda__sqlite_list pushed; /* messages to insert; after success those that the cache did not take */
    bool may_overfill;          /* `max_messages` does not count */
    lambda__sqlite_list ended;  /* messages to delete: received ones, which stand as ENDING */

    lambda__sqlite_message *retried; /* the one to be given back, which stands as ENDING too, or NULL */
    uint64_t retry_state;
    int64_t retry_due;
    int64_t retry_delay;

    const lambda_store_change *changes;
    size_t changes_count;

    lambda_status status;
    char error[LAMBDA__SQLITE_ERROR_SIZE];
    _Atomic int stage;                   /* commit.c's */
    uint32_t called;                     /* how often it was woken to be performed by its own thread */
    struct lambda__sqlite_request *wake; /* whom this one wakes as soon as it is woken: two each, a tree */
    struct lambda__sqlite_request *wake_too;
    sem_t woken; /* posted when it is done, or may be performed by its own thread */
} lambda__sqlite_request;

/** A thread that waits to own the database. */
typedef struct lambda__sqlite_waiter {
    struct lambda__sqlite_waiter *next;
    sem_t granted;
} lambda__sqlite_waiter;

/** Where a received message is found by its receipt. */
typedef struct lambda__sqlite_slot {
    lambda__sqlite_message *message; /* NULL: free */
    uint32_t generation;             /* of receipts: an old one finds nothing */
    uint32_t next_free;              /* slot + 1, 0: none */
} lambda__sqlite_slot;

struct lambda_sqlite {
    /* Set by open, never changed. */
    char *path;
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    uint64_t max_messages;
    uint64_t max_body;
    bool waits_for_disk; /* each transaction does: it is worth sharing */

    pthread_mutex_t lock;

    /* Who owns the database, and who wants something of it: commit.c. */
    _Atomic bool owned;
    _Atomic(lambda__sqlite_request *) pending; /* the first of them; both are read without the lock too */
    lambda__sqlite_request *pending_last;
    size_t pending_count;
    size_t crowd;            /* how many requests make up a group, of late */
    uint64_t transaction_ns; /* how long the last one took; the owner of the database only */
    lambda__sqlite_waiter *waiters, **waiters_tail;

    /* The service that has the queue, and the one that has the store. */
    bool attached;
    lambda_queue_host host;
    lambda_t *store_service;

    /* Queue time: time.c. */
    int64_t time_base;     /* queue time when the clock showed `clock_base` */
    uint64_t clock_base;   /* its monotonic time then */
    _Atomic int64_t floor; /* queue time is never less */

    /* The rows: cache.c. */
    int64_t end;      /* the next message's id */
    uint64_t total;   /* rows */
    int64_t cursor;   /* rows before it that are not delayed are known in memory */
    int64_t due_last; /* rows due before it, or at it up to `due_last_id`, likewise */
    int64_t due_last_id;
    int64_t next_due;            /* no other row is due before; INT64_MAX: there is none */
    lambda__sqlite_list ready;   /* a few of the rows that wait, which the next receive takes */
    size_t ready_bytes;          /* of their bodies */
    lambda__sqlite_list overdue; /* messages whose visibility is over, to be received again */

    /* What is with receivers: lease.c. */
    lambda__sqlite_slot *slots;
    uint32_t slots_count, slots_used, first_free; /* `first_free` is slot + 1 */
    lambda__sqlite_message **heap;                /* those whose visibility ends, the next one first */
    size_t heap_count, heap_capacity;
    uint64_t received; /* messages with receivers whose visibility is not over */
};

/* ---- file.c */

/** SQLite's result as a status, with a message that names the file: written to `error`. */
lambda_status lambda__sqlite_describe(const lambda_sqlite *file, int result, char error[LAMBDA__SQLITE_ERROR_SIZE]);

/** The same as the thread's error message of the service. */
lambda_status lambda__sqlite_fail(const lambda_sqlite *file, lambda_t *lambda, int result);

/* ---- schema.c */

/** Brings the file to this library's schema: makes it in an empty file, migrates an older one. SQLite's result. */
int lambda__sqlite_migrate(sqlite3 *database, int version);

/** Prepares all statements. SQLite's result. */
int lambda__sqlite_prepare(lambda_sqlite *file);

/** The schema's version that this library writes. */
int lambda__sqlite_version(void);

/* ---- commit.c */

/** Performs a request together with others that wait; returns when it is safe. The lock is held before, not afterwards. */
void lambda__sqlite_commit(lambda_sqlite *file, lambda__sqlite_request *request);

/** Waits until this thread owns the database. The lock is held at both ends, not between. */
void lambda__sqlite_own(lambda_sqlite *file);

/** Gives it up. The lock is held. */
void lambda__sqlite_disown(lambda_sqlite *file);

/* ---- perform.c: the database is owned, the lock is not held */

/** Performs a group in one transaction; each request has its status and error afterwards. */
void lambda__sqlite_perform(lambda_sqlite *file, lambda__sqlite_request *group, int64_t *end, uint64_t *total);

/** Rolls back what a failed transaction has left open. */
void lambda__sqlite_rollback(lambda_sqlite *file);

/* ---- time.c */

/** Starts queue time: the wall clock, but never before `newest`. */
void lambda__sqlite_time_start(lambda_sqlite *file, int64_t newest);

/** Queue time in nanoseconds since 1970, which never goes back. */
int64_t lambda__sqlite_now(const lambda_sqlite *file);

/** `time` + `duration`, at most INT64_MAX. */
int64_t lambda__sqlite_later(int64_t time, uint64_t duration);

/** How long from `since` to `time`; 0 where that is negative. */
uint64_t lambda__sqlite_between(int64_t since, int64_t time);

/* ---- cache.c: the lock is held */

/** What a committed request has changed: `request` is one of the group, in the order in which they were performed. */
void lambda__sqlite_cache_committed(lambda_sqlite *file, lambda__sqlite_request *request);

/** Forgets the messages of `ready`: they are read again. The database is owned. */
void lambda__sqlite_cache_forget(lambda_sqlite *file);

/** Reads rows that can be received into `ready`, if there are and it holds less than `wanted`. Releases the lock meanwhile. */
lambda_status lambda__sqlite_cache_fill(lambda_sqlite *file, size_t wanted);

/** Reads what `end`, `total` and `next_due` are. `*newest` is the newest time in the file. SQLite's result. */
int lambda__sqlite_cache_load(lambda_sqlite *file, int64_t *newest);

/* ---- lease.c: the lock is held */

/** Room for `count` more received messages: false when memory is out. */
bool lambda__sqlite_lease_reserve(lambda_sqlite *file, size_t count);

/** Makes a message its receiver's until `expires`; returns its receipt. There is room. */
uint64_t lambda__sqlite_lease_begin(lambda_sqlite *file, lambda__sqlite_message *message, int64_t expires);

/** The message of a receipt, whatever its visibility; NULL where there is none any more. */
lambda__sqlite_message *lambda__sqlite_lease_find(const lambda_sqlite *file, uint64_t receipt);

/** Makes messages whose visibility is over ready to be received again. */
void lambda__sqlite_lease_expire(lambda_sqlite *file, int64_t now);

/** Changes when the visibility of a HELD message ends. */
void lambda__sqlite_lease_extend(lambda_sqlite *file, lambda__sqlite_message *message, int64_t expires);

/** HELD to ENDING: its visibility does not end while a request on it is performed. */
void lambda__sqlite_lease_freeze(lambda_sqlite *file, lambda__sqlite_message *message);

/** Back from ENDING: the request has failed. */
void lambda__sqlite_lease_thaw(lambda_sqlite *file, lambda__sqlite_message *message);

/** The receipt is worth nothing from now on; the caller frees the message unless it is to be received again. */
void lambda__sqlite_lease_end(lambda_sqlite *file, lambda__sqlite_message *message);

/** Frees all that is known of received messages. */
void lambda__sqlite_lease_clear(lambda_sqlite *file);

/* ---- queue.c, receive.c, browse.c, store.c: the ports */

lambda_status lambda__sqlite_queue_attach(void *user, const lambda_queue_host *host);
lambda_status lambda__sqlite_queue_push(void *user, const lambda_queue_entry *entries, size_t count);
lambda_status lambda__sqlite_queue_acknowledge(void *user, const lambda_queue_message *messages, size_t count,
                                               const lambda_queue_entry *entries, size_t entries_count);
lambda_status lambda__sqlite_queue_retry(void *user, const lambda_queue_message *message, uint64_t state,
                                         uint64_t delay_ns);
void lambda__sqlite_queue_close(void *user);

lambda_status lambda__sqlite_queue_receive(void *user, lambda_queue_message *messages, size_t capacity,
                                           uint64_t visible_ns, size_t *count);
lambda_status lambda__sqlite_queue_extend(void *user, const lambda_queue_message *messages, size_t count,
                                          uint64_t visible_ns);
uint64_t lambda__sqlite_queue_next_due(void *user);

lambda_status lambda__sqlite_queue_counts(void *user, lambda_queue_counts *counts);
lambda_status lambda__sqlite_queue_browse(void *user, lambda_queue_visitor *visit, void *visit_user);
lambda_status lambda__sqlite_queue_purge(void *user, lambda_queue_visitor *chosen, void *chosen_user, uint64_t *count);

lambda_status lambda__sqlite_store_attach(void *user, lambda_t *lambda);
lambda_status lambda__sqlite_store_write(void *user, const lambda_store_change *changes, size_t count);
lambda_status lambda__sqlite_store_read(void *user, const char *kind, const char *name, lambda_store_visitor *visit,
                                        void *visit_user);
void lambda__sqlite_store_close(void *user);

#endif
