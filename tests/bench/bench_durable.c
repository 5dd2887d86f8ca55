/* Asynchronous invocation with the queue on disk, beside the same rows written and deleted with SQLite alone. */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <sqlite3.h>

#include <lambda/sqlite.h>

#include "bench_async.h"

enum { BATCH = 100, PRODUCERS = 64, ROUND_NS = 100000000 };

static char directory[256];

static void make_directory(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof(directory), "%s/lambda-bench-XXXXXX", parent && *parent ? parent : "/var/tmp");
    if (mkdtemp(directory)) return;
    perror(directory);
    exit(1);
}

static const char *path_in_directory(char path[512], const char *name)
{
    snprintf(path, 512, "%s/%s", directory, name);
    return path;
}

static void remove_directory(void)
{
    char path[512];
    DIR *open = opendir(directory);
    if (!open) return;
    for (struct dirent *each; (each = readdir(open)) != NULL;)
        if (each->d_name[0] != '.') unlink(path_in_directory(path, each->d_name));
    closedir(open);
    rmdir(directory);
}

static void print_no_disk(void)
{
    struct statfs about;
    if (statfs(directory, &about) == 0 && about.f_type == TMPFS_MAGIC)
        printf("%22s %s is in memory, not on a disk: set TMPDIR\n", "", directory);
}

/* ---- the product */

static lambda_sqlite *file;
static bench_async service;

static void open_service(lambda_durability durability, uint32_t workers)
{
    char path[512];
    lambda_options options = {.async_workers = workers};
    bench_check(NULL, lambda_sqlite_open(path_in_directory(path, "product"),
                                         &(lambda_sqlite_options){.durability = durability}, &file));
    lambda_sqlite_use(file, &options);
    /* The function is not kept: what is measured is the queue. */
    options.store = (lambda_store){0};
    bench_async_open(&service, &options, bench_event_handler);
}

static void push_each(uint64_t operations)
{
    bench_async_push(&service, operations);
    bench_async_finish(&service, operations);
}

static void push_batches(uint64_t operations)
{
    lambda_bytes batch[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        batch[i] = lambda_bytes_make(bench_event, BENCH_EVENT_SIZE);
    for (uint64_t left = operations; left > 0;) {
        size_t count = left < BATCH ? (size_t)left : BATCH;
        bench_check(service.lambda, lambda_invoke_async_batch(service.lambda, "f", batch, count, NULL, NULL));
        left -= count;
    }
    bench_async_finish(&service, operations);
}

typedef struct share {
    uint64_t events;
    pthread_barrier_t *together;
} share;

static void *push_share(void *user)
{
    const share *own = user;
    pthread_barrier_wait(own->together);
    bench_async_push(&service, own->events);
    return NULL;
}

static void push_on_threads(uint64_t operations)
{
    pthread_t threads[PRODUCERS];
    share shares[PRODUCERS];
    pthread_barrier_t together;
    uint64_t start = bench_clock();
    pthread_barrier_init(&together, NULL, PRODUCERS + 1);
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        shares[i] = (share){operations / PRODUCERS + (i < operations % PRODUCERS), &together};
        if (pthread_create(&threads[i], NULL, push_share, &shares[i]) != 0) exit(1);
    }
    /* Threads that are being made are not the work. */
    bench_exclude(bench_clock() - start);
    pthread_barrier_wait(&together);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    bench_async_finish(&service, operations);
    pthread_barrier_destroy(&together);
}

/* ---- the yardstick: a table, prepared statements, and nobody else who may open the file */

static sqlite3 *database;
static sqlite3_stmt *begin;
static sqlite3_stmt *insert;
static sqlite3_stmt *delete_one;
static sqlite3_stmt *commit;
static sqlite3_int64 next_id;

static void check_database(int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE) return;
    fprintf(stderr, "%s\n", sqlite3_errmsg(database));
    exit(1);
}

static void step(sqlite3_stmt *statement)
{
    check_database(sqlite3_step(statement));
    check_database(sqlite3_reset(statement));
}

static sqlite3_stmt *prepare(const char *text)
{
    sqlite3_stmt *statement;
    check_database(sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL));
    return statement;
}

static void open_database(const char *synchronous)
{
    char path[512];
    check_database(sqlite3_open_v2(path_in_directory(path, "yardstick"), &database,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
    check_database(
        sqlite3_exec(database, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL", NULL, NULL, NULL));
    check_database(sqlite3_exec(database, synchronous, NULL, NULL, NULL));
    check_database(
        sqlite3_exec(database, "CREATE TABLE events (id INTEGER PRIMARY KEY, event BLOB NOT NULL)", NULL, NULL, NULL));
    begin = prepare("BEGIN IMMEDIATE");
    insert = prepare("INSERT INTO events (id, event) VALUES (?1, ?2)");
    delete_one = prepare("DELETE FROM events WHERE id = ?1");
    commit = prepare("COMMIT");
}

static void insert_event(sqlite3_int64 id)
{
    check_database(sqlite3_bind_int64(insert, 1, id));
    check_database(sqlite3_bind_blob(insert, 2, bench_event, BENCH_EVENT_SIZE, SQLITE_STATIC));
    step(insert);
}

static void delete_event(sqlite3_int64 id)
{
    check_database(sqlite3_bind_int64(delete_one, 1, id));
    step(delete_one);
}

static void write_each(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        /* A statement alone is a transaction. */
        insert_event(next_id);
        bench_event_read(bench_event);
        delete_event(next_id++);
    }
}

static void write_batches(uint64_t operations)
{
    for (uint64_t left = operations; left > 0;) {
        int count = left < BATCH ? (int)left : BATCH;
        step(begin);
        for (int i = 0; i < count; i++)
            insert_event(next_id + i);
        step(commit);
        for (int i = 0; i < count; i++)
            bench_event_read(bench_event);
        step(begin);
        for (int i = 0; i < count; i++)
            delete_event(next_id + i);
        step(commit);
        next_id += count;
        left -= (uint64_t)count;
    }
}

/* ---- the benches */

static void open_single(void)
{
    make_directory();
    open_database("PRAGMA synchronous = FULL");
    open_service(LAMBDA_DURABILITY_FULL, 1);
}

static void open_group(void)
{
    make_directory();
    open_database("PRAGMA synchronous = FULL");
    open_service(LAMBDA_DURABILITY_FULL, 0);
}

static void open_relaxed(void)
{
    make_directory();
    open_database("PRAGMA synchronous = NORMAL");
    open_service(LAMBDA_DURABILITY_RELAXED, 0);
}

static void close_both(void)
{
    bench_async_close(&service);
    lambda_sqlite_close(file);
    sqlite3_finalize(begin);
    sqlite3_finalize(insert);
    sqlite3_finalize(delete_one);
    sqlite3_finalize(commit);
    check_database(sqlite3_close(database));
    remove_directory();
}

const bench bench_async_durable_single = {.name = "async_durable_single",
                                          .what = "one producer, each event on disk before it is accepted, until done",
                                          .yardstick = "SQLite: insert in a transaction, delete in a transaction",
                                          .target = 1.1,
                                          .threads = true,
                                          .round_ns = ROUND_NS,
                                          .open = open_single,
                                          .product = push_each,
                                          .compare = write_each,
                                          .close = close_both,
                                          .remark = print_no_disk};

const bench bench_async_durable_group = {.name = "async_durable_group",
                                         .what = "the same with 64 producers, each waiting for its own event",
                                         .yardstick =
                                             "SQLite: 100 inserts in a transaction, 100 deletes in a transaction",
                                         .target = 1.4,
                                         .threads = true,
                                         .round_ns = ROUND_NS,
                                         .open = open_group,
                                         .product = push_on_threads,
                                         .compare = write_batches,
                                         .close = close_both,
                                         .remark = print_no_disk};

const bench bench_async_durable_relaxed = {.name = "async_durable_relaxed",
                                           .what = "in batches of 100; survives the process, not the loss of power",
                                           .yardstick = "SQLite the same way: WAL, NORMAL, 100 in a transaction",
                                           .target = 1.4,
                                           .threads = true,
                                           .round_ns = ROUND_NS,
                                           .open = open_relaxed,
                                           .product = push_batches,
                                           .compare = write_batches,
                                           .close = close_both,
                                           .remark = print_no_disk};
