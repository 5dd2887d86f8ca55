/* Group commit: requests of several threads are one transaction, and one that fails is alone with it. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/sqlite/file.h"
#include "faulty_vfs.h"
#include "file_fixture.h"

/** One call on a thread of its own. */
typedef struct call {
    file_fixture *f;
    enum { CALL_PUSH, CALL_ACKNOWLEDGE, CALL_RETRY, CALL_WRITE } kind;
    size_t size; /* of the body */
    size_t count;
    lambda_queue_message message;
    lambda_status status;
    char error[256];
    pthread_t thread;
} call;

static void *make(void *user)
{
    call *self = user;
    static const unsigned char body[4000];
    lambda_queue *queue = &self->f->queue;
    lambda_store *store = &self->f->store;
    lambda_bytes part = lambda_bytes_make(body, self->size);
    lambda_queue_entry entries[4];
    for (int i = 0; i < 4; i++)
        entries[i] = (lambda_queue_entry){.parts = &part, .parts_count = 1};
    lambda_store_change change = {.kind = "function", .name = "a", .value = part};
    switch (self->kind) {
    case CALL_PUSH:
        self->status = queue->push(queue->user, entries, self->count);
        break;
    case CALL_ACKNOWLEDGE:
        self->status = queue->acknowledge(queue->user, &self->message, 1, entries, self->count);
        break;
    case CALL_RETRY:
        self->status = queue->retry(queue->user, &self->message, 5, 1000);
        break;
    case CALL_WRITE:
        self->status = store->write(store->user, &change, 1);
        break;
    }
    if (self->status != LAMBDA_OK) snprintf(self->error, sizeof(self->error), "%s", lambda_error_message(NULL));
    return NULL;
}

/** Makes all calls at once: they wait, in this order, until the test gives the database up. */
static void make_together(file_fixture *f, call *calls, size_t count)
{
    lambda_sqlite *file = f->file;
    pthread_mutex_lock(&file->lock);
    lambda__sqlite_own(file);
    pthread_mutex_unlock(&file->lock);
    for (size_t i = 0; i < count; i++) {
        calls[i].f = f;
        assert_int_equal(pthread_create(&calls[i].thread, NULL, make, &calls[i]), 0);
        for (size_t waiting = 0; waiting < i + 1;) {
            sched_yield();
            pthread_mutex_lock(&file->lock);
            waiting = file->pending_count;
            pthread_mutex_unlock(&file->lock);
        }
    }
    pthread_mutex_lock(&file->lock);
    lambda__sqlite_disown(file);
    pthread_mutex_unlock(&file->lock);
    for (size_t i = 0; i < count; i++)
        pthread_join(calls[i].thread, NULL);
}

static void open_with(file_fixture *f, uint64_t max_messages, lambda_queue_message *messages, size_t count)
{
    file_fixture_begin(f);
    f->options.vfs = FAULTY_VFS;
    f->options.max_messages = max_messages;
    faulty_reset();
    assert_ok(NULL, file_open(f));
    for (size_t i = 0; i < count; i++) {
        lambda_queue_entry entry = {.state = i};
        assert_ok(NULL, f->queue.push(f->queue.user, &entry, 1));
    }
    size_t received;
    assert_ok(NULL, f->queue.receive(f->queue.user, messages, count, LAMBDA_QUEUE_FOREVER, &received));
    assert_int_equal(received, count);
}

static void assert_counts(file_fixture *f, uint64_t waiting, uint64_t delayed, uint64_t received)
{
    lambda_queue_counts counts;
    assert_ok(NULL, f->queue.counts(f->queue.user, &counts));
    assert_int_equal(counts.waiting, waiting);
    assert_int_equal(counts.delayed, delayed);
    assert_int_equal(counts.received, received);
}

static void one_transaction(void **state)
{
    (void)state;
    file_fixture f;
    lambda_queue_message messages[3];
    open_with(&f, 0, messages, 3);
    long before = atomic_load(&faulty.changes);
    assert_ok(NULL, f.queue.push(f.queue.user, &(lambda_queue_entry){.state = 9}, 1));
    long alone = atomic_load(&faulty.changes) - before;
    call calls[] = {{.kind = CALL_PUSH, .count = 1, .size = 10},
                    {.kind = CALL_ACKNOWLEDGE, .message = messages[0]},
                    {.kind = CALL_PUSH, .count = 4, .size = 3},
                    {.kind = CALL_RETRY, .message = messages[1]},
                    {.kind = CALL_WRITE, .size = 5},
                    {.kind = CALL_PUSH, .count = 2, .size = 0}};
    before = atomic_load(&faulty.changes);
    make_together(&f, calls, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(calls[i].status, LAMBDA_OK);
    /* Each for itself they would have written, and waited for the disk, six times. */
    assert_true(atomic_load(&faulty.changes) - before < 5 * alone);
    assert_counts(&f, 8, 1, 1);
    file_close(&f);
    assert_ok(NULL, file_open(&f));
    assert_counts(&f, 9, 1, 0);
    file_fixture_end(&f);
}

static void one_that_fails_is_alone(void **state)
{
    (void)state;
    file_fixture f;
    lambda_queue_message messages[2];
    open_with(&f, 8, messages, 2);
    /* SQLite refuses what was taken for small enough. */
    sqlite3_limit(f.file->database, SQLITE_LIMIT_LENGTH, 2000);
    call calls[] = {{.kind = CALL_PUSH, .count = 1, .size = 10},
                    {.kind = CALL_PUSH, .count = 2, .size = 3000},
                    {.kind = CALL_PUSH, .count = 4, .size = 3},
                    {.kind = CALL_PUSH, .count = 2, .size = 3}, /* does not fit any more */
                    {.kind = CALL_PUSH, .count = 1, .size = 3},
                    {.kind = CALL_WRITE, .size = 3500},
                    {.kind = CALL_ACKNOWLEDGE, .message = messages[0], .count = 3, .size = 1},
                    {.kind = CALL_ACKNOWLEDGE, .message = messages[1], .count = 1, .size = 3000}};
    const lambda_status expected[] = {
        LAMBDA_OK, LAMBDA_ERROR_REQUEST_TOO_LARGE, LAMBDA_OK, LAMBDA_ERROR_TOO_MANY_REQUESTS,
        LAMBDA_OK, LAMBDA_ERROR_REQUEST_TOO_LARGE, LAMBDA_OK, LAMBDA_ERROR_REQUEST_TOO_LARGE};
    make_together(&f, calls, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(calls[i].status, expected[i]);
    assert_non_null(strstr(calls[1].error, "larger than"));
    assert_non_null(strstr(calls[3].error, "full: it has 7 messages of at most 8"));
    assert_counts(&f, 9, 0, 1);
    /* Its receiver has it still. */
    assert_ok(NULL, f.queue.acknowledge(f.queue.user, &messages[1], 1, NULL, 0));
    file_close(&f);
    assert_ok(NULL, file_open(&f));
    assert_counts(&f, 9, 0, 0);
    file_fixture_end(&f);
}

static void a_commit_that_fails_fails_all(void **state)
{
    (void)state;
    file_fixture f;
    lambda_queue_message messages[2];
    open_with(&f, 0, messages, 2);
    call calls[] = {{.kind = CALL_PUSH, .count = 1, .size = 10},
                    {.kind = CALL_ACKNOWLEDGE, .message = messages[0]},
                    {.kind = CALL_RETRY, .message = messages[1]}};
    faulty_arm(1, 1);
    make_together(&f, calls, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(calls[i].status, LAMBDA_ERROR_SERVICE);
        assert_non_null(strstr(calls[i].error, "disk"));
    }
    assert_counts(&f, 0, 0, 2);
    faulty_reset();
    make_together(&f, calls, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(calls[i].status, LAMBDA_OK);
    assert_counts(&f, 1, 1, 0);
    file_fixture_end(&f);
}

enum { PUSHERS = 24 };

/** Faults strike again and again while threads push and receive. */
typedef struct storm {
    file_fixture *f;
    file_ledger *ledger;
    _Atomic uint32_t next;
    _Atomic int pushing;
    _Atomic bool done[LEDGER_SIZE]; /* whose acknowledgement has returned, maybe before its push has */
} storm;

static void *push_all(void *user)
{
    storm *all = user;
    for (uint32_t number; (number = atomic_fetch_add(&all->next, 1)) < 4000;)
        ledger_push(all->ledger, all->f, number, 8 + number % 50);
    atomic_fetch_sub(&all->pushing, 1);
    return NULL;
}

static void *take_all(void *user)
{
    storm *all = user;
    size_t count = 1;
    while (atomic_load(&all->pushing) > 0 || count > 0) {
        lambda_queue_message messages[16];
        lambda_queue *queue = &all->f->queue;
        if (queue->receive(queue->user, messages, 16, LAMBDA_QUEUE_FOREVER, &count) != LAMBDA_OK)
            count = 1;
        else if (count > 0) {
            lambda_status status = queue->acknowledge(queue->user, messages, count, NULL, 0);
            for (size_t i = 0; i < count; i++) {
                uint32_t number = (uint32_t)messages[i].state;
                if (status == LAMBDA_OK) atomic_store(&all->done[number], true);
            }
            if (status != LAMBDA_OK) queue->extend(queue->user, messages, count, 0);
        }
    }
    return NULL;
}

static void a_storm(void **state)
{
    (void)state;
    file_fixture f;
    lambda_queue_message none;
    static file_ledger ledger;
    memset(&ledger, 0, sizeof(ledger));
    open_with(&f, 0, &none, 0);
    static storm all;
    all = (storm){.f = &f, .ledger = &ledger};
    atomic_store(&all.pushing, PUSHERS);
    pthread_t threads[PUSHERS + 1];
    for (int i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_all, &all), 0);
    assert_int_equal(pthread_create(&threads[PUSHERS], NULL, take_all, &all), 0);
    for (long at = 1; atomic_load(&all.pushing) > 0; at = at % 13 + 1) {
        faulty_arm(at, 1 + at % 3);
        long seen = atomic_load(&faulty.changes);
        while (atomic_load(&all.pushing) > 0 && atomic_load(&faulty.changes) < seen + 60)
            sched_yield();
    }
    faulty_reset();
    for (int i = 0; i <= PUSHERS; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < LEDGER_SIZE; i++)
        if (atomic_load(&all.done[i])) ledger.entries[i] = LEDGER_DONE;
    file_close(&f);
    assert_ok(NULL, file_open(&f));
    ledger_check(&ledger, &f);
    file_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_transaction),
        cmocka_unit_test(one_that_fails_is_alone),
        cmocka_unit_test(a_commit_that_fails_fails_all),
        cmocka_unit_test(a_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
