/* Opening files: new, older, newer, foreign, damaged, taken, read-only. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "faulty_vfs.h"
#include "file_fixture.h"

/** Opening the file is refused for this reason, and changes no byte of it. */
static void assert_refused(file_fixture *f, lambda_status status, const char *why)
{
    size_t before_length;
    size_t after_length;
    unsigned char *before = file_read(f->path, &before_length);
    assert_fails(NULL, file_open(f), status, why);
    assert_non_null(strstr(lambda_error_message(NULL), f->path));
    unsigned char *after = file_read(f->path, &after_length);
    assert_int_equal(before_length, after_length);
    if (before) assert_memory_equal(before, after, before_length);
    free(before);
    free(after);
}

static void parameters(void **state)
{
    (void)state;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    lambda_sqlite *file = (lambda_sqlite *)1;
    assert_fails(NULL, lambda_sqlite_open("x", NULL, NULL), invalid, "file: is NULL");
    assert_fails(NULL, lambda_sqlite_open(NULL, NULL, &file), invalid, "path: is NULL");
    assert_null(file);
    assert_fails(NULL, lambda_sqlite_open("", NULL, &file), invalid, "path: is empty");
    lambda_sqlite_options options = {.durability = (lambda_durability)7};
    assert_fails(NULL, lambda_sqlite_open("x", &options, &file), invalid, "durability: 7");
    options = (lambda_sqlite_options){.vfs = "no such thing"};
    assert_fails(NULL, lambda_sqlite_open("x", &options, &file), invalid, "no such thing");
    assert_fails(NULL, lambda_sqlite_open("/no/such/directory/x", NULL, &file), LAMBDA_ERROR_SERVICE,
                 "/no/such/directory/x: cannot be opened");
    assert_fails(NULL, lambda_sqlite_open("/tmp", NULL, &file), LAMBDA_ERROR_SERVICE, "/tmp: ");
    lambda_sqlite_close(NULL);
}

static void odd_paths(void **state)
{
    (void)state;
    static const char *const names[] = {"a b", "50%25", "what?mode=memory", "#1", ":memory:", "\xce\xbb", "a//b"};
    file_fixture f;
    file_fixture_begin(&f);
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(f.directory), 0);
    assert_int_equal(mkdir("a", 0700), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        lambda_sqlite *file;
        assert_ok(NULL, lambda_sqlite_open(names[i], NULL, &file));
        assert_int_equal(access(names[i], F_OK), 0);
        lambda_sqlite_close(file);
        assert_int_equal(unlink(names[i]), 0);
    }
    assert_int_equal(rmdir("a"), 0);
    assert_int_equal(chdir(before), 0);
    file_fixture_end(&f);
}

static void one_at_a_time(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    assert_ok(NULL, file_open(&f));
    lambda_sqlite *second;
    const lambda_status taken = LAMBDA_ERROR_RESOURCE_CONFLICT;
    for (int i = 0; i < 3; i++) {
        assert_fails(NULL, lambda_sqlite_open(f.path, NULL, &second), taken, "another process");
        assert_null(second);
    }
    /* Another process. */
    pid_t child = fork();
    if (child == 0) _exit(lambda_sqlite_open(f.path, NULL, &second) == taken ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* The first one has lost nothing by it. */
    static file_ledger ledger;
    memset(&ledger, 0, sizeof(ledger));
    assert_ok(NULL, ledger_push(&ledger, &f, 1, 20));
    assert_fails(NULL, lambda_sqlite_open(f.path, NULL, &second), taken, "another process");
    ledger_check(&ledger, &f);
    /* One service at a time, too. */
    lambda_options options = {0};
    lambda_sqlite_use(f.file, &options);
    lambda_queue_host host = {.allocator = test_allocator(&f.memory), .clock = test_clock_port(&f.clock)};
    assert_fails(NULL, options.queue.attach(options.queue.user, &host), taken, "another service");
    /* But one after the other. */
    f.queue.close(f.queue.user);
    assert_ok(NULL, options.queue.attach(options.queue.user, &host));
    ledger_check(&ledger, &f);
    file_close(&f);
    assert_ok(NULL, file_open(&f));
    ledger_check(&ledger, &f);
    file_fixture_end(&f);
}

/** A file as version 1 of the schema was, which had no store. */
static void write_version_1(const char *path)
{
    file_sql(path, "CREATE TABLE message("
                   " id INTEGER PRIMARY KEY, pushed INTEGER NOT NULL, state INTEGER NOT NULL, received INTEGER,"
                   " due INTEGER, delay INTEGER, body BLOB NOT NULL) STRICT;"
                   "CREATE INDEX message_due ON message(due, id) WHERE due IS NOT NULL;"
                   "PRAGMA application_id = 0x4C4D4441; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;"
                   "INSERT INTO message(id, pushed, state, body)"
                   " VALUES(3, 1600000000000000000, 5, x'6f6c64'), (9, 1600000000000000001, 6, x'6f6c646572')");
}

static lambda_status same_value(void *user, const char *name, lambda_bytes value)
{
    assert_string_equal(name, "name");
    assert_int_equal(value.length, 5);
    (*(int *)user)++;
    return LAMBDA_OK;
}

static void an_older_file_is_migrated(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    write_version_1(f.path);
    for (int i = 0; i < 2; i++) {
        int shown = 0;
        assert_ok(NULL, file_open(&f));
        assert_ok(NULL, f.store.read(f.store.user, "function", NULL, same_value, &shown));
        assert_int_equal(shown, i);
        lambda_store_change change = {.kind = "function", .name = "name", .value = lambda_bytes_make("value", 5)};
        assert_ok(NULL, f.store.write(f.store.user, &change, 1));
        file_close(&f);
    }
    assert_ok(NULL, file_open(&f));
    lambda_queue_message messages[4];
    size_t count;
    assert_ok(NULL, f.queue.receive(f.queue.user, messages, 4, LAMBDA_QUEUE_FOREVER, &count));
    assert_int_equal(count, 2);
    assert_int_equal(messages[0].state, 5);
    assert_memory_equal(messages[0].body.data, "old", 3);
    assert_int_equal(messages[1].state, 6);
    assert_memory_equal(messages[1].body.data, "older", 5);
    file_fixture_end(&f);
}

/** A migration that the disk interrupts leaves the older version, which is migrated at the next open. */
static void an_interrupted_migration(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    bool struck = true;
    for (long at = 1; struck; at++) {
        assert_true(at < 1000);
        write_version_1(f.path);
        faulty_reset();
        faulty_arm(at, 1);
        lambda_status status = file_open(&f);
        struck = faulty.failures > 0;
        faulty_reset();
        if (status != LAMBDA_OK) assert_ok(NULL, file_open(&f));
        lambda_queue_counts counts;
        assert_ok(NULL, f.queue.counts(f.queue.user, &counts));
        assert_int_equal(counts.waiting, 2);
        int shown = 0;
        assert_ok(NULL, f.store.read(f.store.user, "function", NULL, same_value, &shown));
        file_close(&f);
        file_remove(&f);
    }
    file_fixture_end(&f);
}

static void files_that_are_not_ours(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    const lambda_status service = LAMBDA_ERROR_SERVICE;
    file_sql(f.path, "CREATE TABLE message(id INTEGER PRIMARY KEY); INSERT INTO message VALUES(1)");
    assert_refused(&f, service, "belongs to another application");
    file_remove(&f);
    file_sql(f.path, "PRAGMA application_id = 252006673; PRAGMA user_version = 1; CREATE TABLE t(x)");
    assert_refused(&f, service, "belongs to another application (its application_id is 252006673)");
    file_remove(&f);
    file_sql(f.path, "PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    assert_refused(&f, service, "belongs to another application");
    file_remove(&f);
    file_sql(f.path, "PRAGMA application_id = 0x4C4D4441; PRAGMA user_version = 99; CREATE TABLE t(x)");
    assert_refused(&f, service, "was written by a newer version of this library (schema 99");
    file_remove(&f);
    file_sql(f.path, "PRAGMA application_id = 0x4C4D4441; CREATE TABLE t(x)");
    assert_refused(&f, service, "is damaged: its schema version is 0");
    file_remove(&f);
    /* Ours by its name, but without our tables. */
    file_sql(f.path, "PRAGMA application_id = 0x4C4D4441; PRAGMA user_version = 2; CREATE TABLE t(x)");
    assert_refused(&f, service, "is damaged: no such table");
    file_remove(&f);
    static const char text[] = "This is a letter, and no database at all. It is kept as it is.\n";
    file_write(f.path, text, sizeof(text) - 1);
    assert_refused(&f, service, "is not an SQLite database");
    file_write(f.path, text, 5);
    assert_refused(&f, service, "is not an SQLite database");
    unsigned char zeros[5000] = {0};
    file_write(f.path, zeros, sizeof(zeros));
    assert_refused(&f, service, "is not an SQLite database");
    /* An empty file is anybody's. */
    file_write(f.path, text, 0);
    assert_ok(NULL, file_open(&f));
    file_fixture_end(&f);
}

/** Another application's file whose tables are in its log alone is left alone too, log and all. */
static void a_foreign_log_is_kept(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    faulty_reset();
    sqlite3 *database;
    assert_int_equal(sqlite3_open_v2(f.path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database,
                                  "CREATE TABLE t(x); PRAGMA journal_mode = WAL; INSERT INTO t VALUES(1);"
                                  "PRAGMA application_id = 77",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(database);
    char log[128];
    snprintf(log, sizeof(log), "%s-wal", f.path);
    size_t before_length;
    size_t after_length;
    unsigned char *before = file_read(log, &before_length);
    assert_refused(&f, LAMBDA_ERROR_SERVICE, "belongs to another application");
    unsigned char *after = file_read(log, &after_length);
    assert_int_equal(before_length, after_length);
    assert_memory_equal(before, after, before_length);
    free(before);
    free(after);
    file_fixture_end(&f);
}

/** Fills a file with enough to have pages of all kinds. */
static void fill(file_fixture *f, file_ledger *ledger)
{
    memset(ledger, 0, sizeof(*ledger));
    assert_ok(NULL, file_open(f));
    for (uint32_t i = 0; i < 120; i++)
        assert_ok(NULL, ledger_push(ledger, f, i, i % 10 == 0 ? 9000 : 50));
    ledger_acknowledge(ledger, f, 15);
    lambda_queue_message message;
    size_t count;
    assert_ok(NULL, f->queue.receive(f->queue.user, &message, 1, LAMBDA_QUEUE_FOREVER, &count));
    assert_ok(NULL, f->queue.retry(f->queue.user, &message, 5, 1000));
    file_close(f);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    file_fixture f;
    static file_ledger ledger;
    file_fixture_begin(&f);
    f.options.durability = LAMBDA_DURABILITY_RELAXED;
    fill(&f, &ledger);
    size_t length;
    unsigned char *good = file_read(f.path, &length);
    /* A page in the middle is overwritten. */
    unsigned char *bad = malloc(length);
    for (size_t page = 1; page < 6; page++) {
        memcpy(bad, good, length);
        memset(bad + page * 4096, 0xA5, 4096);
        file_write(f.path, bad, length);
        assert_refused(&f, LAMBDA_ERROR_SERVICE, "is damaged");
    }
    /* The end is missing. */
    file_write(f.path, good, length - 4096);
    assert_refused(&f, LAMBDA_ERROR_SERVICE, "is damaged");
    file_write(f.path, good, 4096);
    assert_refused(&f, LAMBDA_ERROR_SERVICE, "is damaged");
    /* And whole again. */
    file_write(f.path, good, length);
    assert_ok(NULL, file_open(&f));
    ledger_check(&ledger, &f);
    free(good);
    free(bad);
    file_fixture_end(&f);
}

static bool pass(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)standing;
    (void)due_ns;
    *(size_t *)user += message->body.length;
    return true;
}

static lambda_status see(void *user, const char *name, lambda_bytes value)
{
    *(size_t *)user += strlen(name) + value.length;
    return LAMBDA_OK;
}

/** Uses all of a file that may be damaged: calls may fail, nothing may crash. */
static void use_all(file_fixture *f)
{
    lambda_queue *queue = &f->queue;
    size_t bytes = 0;
    lambda_queue_counts counts;
    queue->counts(queue->user, &counts);
    queue->browse(queue->user, pass, &bytes);
    f->store.read(f->store.user, "function", NULL, see, &bytes);
    for (int i = 0; i < 40; i++) {
        lambda_queue_message messages[8];
        size_t count = 0;
        if (queue->receive(queue->user, messages, 8, LAMBDA_QUEUE_FOREVER, &count) != LAMBDA_OK || count == 0) break;
        queue->retry(queue->user, &messages[0], 1, 10);
        queue->acknowledge(queue->user, messages + 1, count - 1, &(lambda_queue_entry){.state = 1}, 1);
    }
    queue->next_due(queue->user);
    uint64_t purged;
    queue->purge(queue->user, NULL, NULL, &purged);
}

/** Bytes that flip in a file that is closed: it is refused or it works, and nothing crashes. */
static void flipped_bytes(void **state)
{
    (void)state;
    file_fixture f;
    static file_ledger ledger;
    test_random random = {0};
    lambda_random port = test_random_port(&random);
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    faulty_reset();
    fill(&f, &ledger);
    size_t length;
    unsigned char *good = file_read(f.path, &length);
    unsigned char *bad = malloc(length);
    int refused = 0;
    int opened = 0;
    for (int round = 0; round < 600; round++) {
        memcpy(bad, good, length);
        uint64_t flips = 1 + port.next(port.user) % 6;
        for (uint64_t i = 0; i < flips; i++) {
            uint64_t number = port.next(port.user);
            /* Every other one strikes the heads of pages, where structure is. */
            uint64_t at = number % 2 ? number % length : number % (length / 4096) * 4096 + number / 8192 % 120;
            bad[at] ^= (unsigned char)(1 + (number >> 40) % 255);
        }
        file_write(f.path, bad, length);
        lambda_status status = file_open(&f);
        if (status == LAMBDA_OK) {
            opened++;
            use_all(&f);
            file_close(&f);
        } else {
            refused++;
            assert_true(strlen(lambda_error_message(NULL)) > 0);
        }
        file_remove(&f);
    }
    print_message("flipped bytes: %d refused, %d opened\n", refused, opened);
    assert_true(refused > 50 && opened > 50);
    free(good);
    free(bad);
    file_fixture_end(&f);
}

static void read_only_files(void **state)
{
    (void)state;
    file_fixture f;
    static file_ledger ledger;
    file_fixture_begin(&f);
    f.options.vfs = FAULTY_VFS;
    faulty_reset();
    fill(&f, &ledger);
    faulty.read_only = true;
    assert_refused(&f, LAMBDA_ERROR_SERVICE, "read-only");
    faulty_reset();
    assert_ok(NULL, file_open(&f));
    ledger_check(&ledger, &f);
    file_close(&f);
    f.options.vfs = NULL;
    /* Permissions mean nothing to root. */
    uid_t user = geteuid();
    assert_int_equal(chmod(f.directory, 0555), 0);
    if (user == 0) assert_int_equal(seteuid(65534), 0);
    assert_refused(&f, LAMBDA_ERROR_SERVICE, "");
    char other[128];
    snprintf(other, sizeof(other), "%s/other.db", f.directory);
    lambda_sqlite *file;
    assert_fails(NULL, lambda_sqlite_open(other, NULL, &file), LAMBDA_ERROR_SERVICE, "cannot be opened");
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod(f.directory, 0755), 0);
    assert_int_equal(chmod(f.path, 0444), 0);
    if (user == 0) assert_int_equal(seteuid(65534), 0);
    assert_refused(&f, LAMBDA_ERROR_SERVICE, "read-only");
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod(f.path, 0644), 0);
    assert_ok(NULL, file_open(&f));
    ledger_check(&ledger, &f);
    file_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters),
        cmocka_unit_test(odd_paths),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(an_older_file_is_migrated),
        cmocka_unit_test(an_interrupted_migration),
        cmocka_unit_test(files_that_are_not_ours),
        cmocka_unit_test(a_foreign_log_is_kept),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(flipped_bytes),
        cmocka_unit_test(read_only_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
