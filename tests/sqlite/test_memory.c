/* Memory: flat however many messages wait, and out at any moment. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "file_fixture.h"

/** AddressSanitizer keeps what is freed for a while, which is not what is measured here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1";
}

/** Resident memory in KiB. */
static long resident(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %ld kB", &kib) == 1) break;
    if (file) fclose(file);
    return kib;
}

static long report(file_fixture *f, const char *when)
{
    char log[128];
    struct stat status = {0};
    snprintf(log, sizeof(log), "%s-wal", f->path);
    stat(log, &status);
    long kib = resident();
    print_message("%-28s resident %6ld KiB, the queue's %6ld KiB, SQLite's %6ld KiB, log %6ld KiB\n", when, kib,
                  atomic_load(&f->memory.bytes) / 1024, (long)(sqlite3_memory_used() / 1024),
                  (long)status.st_size / 1024);
    /* The log is written back every 1,000 pages or so. */
    assert_true(status.st_size < 16 * 1048576);
    return kib;
}

static void push_many(file_fixture *f, uint64_t count, uint64_t delay_ns)
{
    enum { at_once = 1000 };
    static lambda_queue_entry entries[at_once];
    unsigned char body[100] = {1};
    lambda_bytes part = lambda_bytes_make(body, sizeof(body));
    for (uint64_t done = 0; done < count; done += at_once) {
        for (uint64_t i = 0; i < at_once; i++)
            entries[i] =
                (lambda_queue_entry){.parts = &part, .parts_count = 1, .state = done + i, .delay_ns = delay_ns};
        assert_ok(NULL, f->queue.push(f->queue.user, entries, at_once));
    }
}

static void take_many(file_fixture *f, uint64_t count)
{
    for (uint64_t done = 0; done < count;) {
        lambda_queue_message messages[LAMBDA_QUEUE_RECEIVE_MAX];
        size_t got;
        assert_ok(NULL, f->queue.receive(f->queue.user, messages, LAMBDA_QUEUE_RECEIVE_MAX, 1000, &got));
        assert_true(got > 0);
        assert_ok(NULL, f->queue.acknowledge(f->queue.user, messages, got, NULL, 0));
        done += got;
    }
}

static void a_million_messages_wait(void **state)
{
    (void)state;
    const uint64_t million = 1000000;
    file_fixture f;
    file_fixture_begin(&f);
    f.options.durability = LAMBDA_DURABILITY_RELAXED;
    assert_ok(NULL, file_open(&f));
    /* What is allocated once is there before the first figure. */
    push_many(&f, 20000, 0);
    take_many(&f, 1000);
    long before = report(&f, "20,000 wait:");
    push_many(&f, million - 20000, 0);
    lambda_queue_counts counts;
    assert_ok(NULL, f.queue.counts(f.queue.user, &counts));
    assert_true(counts.waiting >= million - 2000);
    long after = report(&f, "1,000,000 wait:");
    assert_true(after - before < 8192);
    push_many(&f, 100000, 1000000);
    take_many(&f, 50000);
    after = report(&f, "and 100,000 are delayed:");
    assert_true(after - before < 8192);
    file_close(&f);
    assert_ok(NULL, file_open(&f));
    assert_ok(NULL, f.queue.counts(f.queue.user, &counts));
    assert_int_equal(counts.delayed, 100000);
    take_many(&f, 10000);
    after = report(&f, "opened again:");
    assert_true(after - before < 8192);
    uint64_t count;
    assert_ok(NULL, f.queue.purge(f.queue.user, NULL, NULL, &count));
    assert_true(count > million);
    assert_ok(NULL, f.queue.counts(f.queue.user, &counts));
    assert_int_equal(counts.waiting + counts.delayed, 0);
    file_fixture_end(&f);
}

/** Again where memory was out: a call that fails leaves all as it was. */
#define AGAIN(call)                                                                                                    \
    do {                                                                                                               \
        lambda_status again_status = (call);                                                                           \
        if (again_status == LAMBDA_ERROR_OUT_OF_MEMORY) {                                                              \
            assert_string_equal(lambda_error_message(NULL), "out of memory");                                          \
            again_status = (call);                                                                                     \
        }                                                                                                              \
        assert_int_equal(again_status, LAMBDA_OK);                                                                     \
    } while (0)

static bool count_one(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)message;
    (void)standing;
    (void)due_ns;
    (*(int *)user)++;
    return true;
}

/** Receives until there are `wanted`. */
static void receive_again(lambda_queue *queue, lambda_queue_message *messages, size_t wanted, uint64_t visible_ns)
{
    for (size_t total = 0, tries = 0; total < wanted; tries++) {
        assert_true(tries < 8);
        size_t count = 99;
        AGAIN(queue->receive(queue->user, messages + total, wanted - total, visible_ns, &count));
        total += count;
    }
}

static void everything(file_fixture *f)
{
    lambda_queue *queue = &f->queue;
    lambda_bytes parts[] = {lambda_bytes_make("ab", 2), lambda_bytes_make("c", 1)};
    lambda_queue_entry entries[3] = {{.parts = parts, .parts_count = 2, .state = 1},
                                     {.parts = parts, .parts_count = 1, .state = 2, .delay_ns = 10},
                                     {.state = 3}};
    lambda_queue_message messages[8];
    lambda_queue_message late;
    lambda_queue_counts counts;
    for (int i = 0; i < 40; i++)
        AGAIN(queue->push(queue->user, entries, 3));
    receive_again(queue, &late, 1, 5);
    receive_again(queue, messages, 8, LAMBDA_QUEUE_FOREVER);
    AGAIN(queue->acknowledge(queue->user, messages, 6, entries, 3));
    AGAIN(queue->retry(queue->user, &messages[6], 9, 0));
    AGAIN(queue->extend(queue->user, &messages[7], 1, 5));
    atomic_fetch_add(&f->clock.monotonic, 10);
    /* The two whose visibility is over are received again, with copies of their bodies. */
    receive_again(queue, messages, 8, 1000);
    assert_true(late.body.length == 3 || late.body.length == 0);
    int seen = 0;
    lambda_status status = queue->browse(queue->user, count_one, &seen);
    if (status != LAMBDA_OK) {
        assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        seen = 0;
        AGAIN(queue->browse(queue->user, count_one, &seen));
    }
    assert_int_equal(seen, 117);
    AGAIN(queue->counts(queue->user, &counts));
    assert_int_equal(counts.received, 8);
    assert_int_equal(counts.waiting, 109 - counts.delayed);
    uint64_t count;
    AGAIN(queue->purge(queue->user, NULL, NULL, &count));
    assert_int_equal(count, 109);
    AGAIN(queue->acknowledge(queue->user, messages, 8, NULL, 0));
}

static void memory_is_out(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    f.options.durability = LAMBDA_DURABILITY_RELAXED;
    long requests = 1;
    for (long at = 1; at <= requests; at++) {
        assert_ok(NULL, file_open(&f));
        long before = atomic_load(&f.memory.requests);
        f.memory.fail_at = before + at;
        everything(&f);
        requests = atomic_load(&f.memory.requests) - before;
        f.memory.fail_at = 0;
        file_close(&f);
    }
    /* A file that was filled in an earlier run is read in pieces. */
    assert_ok(NULL, file_open(&f));
    push_many(&f, 2000, 0);
    file_close(&f);
    for (long at = 1; at < 700; at += 3) {
        assert_ok(NULL, file_open(&f));
        f.memory.fail_at = atomic_load(&f.memory.requests) + at;
        lambda_queue_message messages[32];
        for (int i = 0; i < 20; i++)
            receive_again(&f.queue, messages, 32, LAMBDA_QUEUE_FOREVER);
        f.memory.fail_at = 0;
        file_close(&f);
    }
    file_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_is_out), cmocka_unit_test(a_million_messages_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
