#include "file_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

void file_fixture_begin(file_fixture *f)
{
    memset(f, 0, sizeof(*f));
    strcpy(f->directory, "/tmp/sqlite-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof(f->path), "%s/queue.db", f->directory);
    atomic_store(&f->clock.monotonic, 5);
    atomic_store(&f->clock.wall, UINT64_C(1700000000000000000));
}

void file_remove(file_fixture *f)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", f->path, endings[i]);
        unlink(path);
    }
}

void file_fixture_end(file_fixture *f)
{
    file_close(f);
    file_remove(f);
    assert_int_equal(rmdir(f->directory), 0);
}

lambda_status file_open(file_fixture *f)
{
    lambda_status status = lambda_sqlite_open(f->path, &f->options, &f->file);
    if (status != LAMBDA_OK) {
        assert_null(f->file);
        return status;
    }
    lambda_options options = {0};
    lambda_sqlite_use(f->file, &options);
    f->queue = options.queue;
    f->store = options.store;
    lambda_queue_host host = {.allocator = test_allocator(&f->memory), .clock = test_clock_port(&f->clock)};
    status = f->queue.attach(f->queue.user, &host);
    if (status == LAMBDA_OK) return f->store.attach(f->store.user, NULL);
    lambda_sqlite_close(f->file);
    f->file = NULL;
    return status;
}

void file_close(file_fixture *f)
{
    if (!f->file) return;
    f->store.close(f->store.user);
    f->queue.close(f->queue.user);
    lambda_sqlite_close(f->file);
    f->file = NULL;
    assert_int_equal(atomic_load(&f->memory.live), 0);
}

unsigned char *file_read(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    *length = 0;
    if (!file) return NULL;
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    unsigned char *data = malloc((size_t)size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    *length = (size_t)size;
    return data;
}

void file_write(const char *path, const void *data, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

void file_sql(const char *path, const char *sql)
{
    sqlite3 *database = NULL;
    char *error = NULL;
    if (sqlite3_open(path, &database) != SQLITE_OK || sqlite3_exec(database, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error ? error : sqlite3_errmsg(database));
    sqlite3_close(database);
}

lambda_status ledger_push(file_ledger *ledger, file_fixture *f, uint32_t number, size_t size)
{
    assert_true(number < LEDGER_SIZE && size >= 8);
    unsigned char head[8];
    uint32_t check = number * UINT32_C(2654435761);
    memcpy(head, &number, 4);
    memcpy(head + 4, &check, 4);
    unsigned char *tail = malloc(size);
    assert_non_null(tail);
    memset(tail, (int)(number & 255), size);
    lambda_bytes parts[2] = {lambda_bytes_make(head, 8), lambda_bytes_make(tail, size - 8)};
    lambda_queue_entry entry = {.parts = parts, .parts_count = 2, .state = number};
    lambda_status status = f->queue.push(f->queue.user, &entry, 1);
    ledger->entries[number] = status == LAMBDA_OK ? LEDGER_ACCEPTED : LEDGER_REFUSED;
    free(tail);
    return status;
}

uint32_t ledger_number(lambda_bytes body)
{
    uint32_t number;
    uint32_t check;
    assert_true(body.length >= 8);
    memcpy(&number, body.data, 4);
    memcpy(&check, (const char *)body.data + 4, 4);
    assert_true(number < LEDGER_SIZE);
    assert_int_equal(check, number * UINT32_C(2654435761));
    for (size_t i = 8; i < body.length; i++)
        if (((const unsigned char *)body.data)[i] != (number & 255)) fail_msg("body %u is damaged", number);
    return number;
}

size_t ledger_acknowledge(file_ledger *ledger, file_fixture *f, size_t capacity)
{
    lambda_queue_message messages[LAMBDA_QUEUE_RECEIVE_MAX];
    size_t count = 0;
    if (f->queue.receive(f->queue.user, messages, capacity, LAMBDA_QUEUE_FOREVER, &count) != LAMBDA_OK) return 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = ledger_number(messages[i].body);
        assert_true(ledger->entries[number] != LEDGER_NEVER && ledger->entries[number] != LEDGER_DONE);
        lambda_status status = f->queue.acknowledge(f->queue.user, &messages[i], 1, NULL, 0);
        ledger->entries[number] = status == LAMBDA_OK ? LEDGER_DONE : LEDGER_UNSURE;
        if (status == LAMBDA_OK) continue;
        /* It is the receiver's still: the queue is as it was. */
        assert_int_equal(ledger_number(messages[i].body), number);
        assert_int_equal(f->queue.extend(f->queue.user, &messages[i], 1, 0), LAMBDA_OK);
    }
    return count;
}

/** What a walk has found. */
typedef struct found_numbers {
    unsigned char count[LEDGER_SIZE];
} found_numbers;

static bool note(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)standing;
    (void)due_ns;
    ((found_numbers *)user)->count[ledger_number(message->body)]++;
    return true;
}

void ledger_check(file_ledger *ledger, file_fixture *f)
{
    static found_numbers found;
    memset(&found, 0, sizeof(found));
    assert_ok(NULL, f->queue.browse(f->queue.user, note, &found));
    uint64_t total = 0;
    for (uint32_t i = 0; i < LEDGER_SIZE; i++) {
        unsigned char there = found.count[i];
        total += there;
        switch ((ledger_entry)ledger->entries[i]) {
        case LEDGER_NEVER:
            if (there != 0) fail_msg("%u is there and was never pushed", i);
            break;
        case LEDGER_DONE:
            if (there != 0) fail_msg("%u is there again: its acknowledgement had returned", i);
            break;
        case LEDGER_ACCEPTED:
            if (there != 1) fail_msg("%u was accepted, and is there %d times", i, there);
            break;
        case LEDGER_REFUSED:
        case LEDGER_UNSURE:
            if (there > 1) fail_msg("%u is there %d times", i, there);
            ledger->entries[i] = there ? LEDGER_ACCEPTED : LEDGER_DONE;
            break;
        }
    }
    lambda_queue_counts counts;
    assert_ok(NULL, f->queue.counts(f->queue.user, &counts));
    assert_int_equal(counts.waiting + counts.delayed + counts.received, total);
}
