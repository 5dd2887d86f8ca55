/*
 * A process that is killed at any moment. The test forks a program that pushes and acknowledges under load and writes to a pipe
 * what it begins and what has returned; kills it after a random number of those records; opens the file, and compares.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file_fixture.h"

enum { ROUNDS = 500, IDS = 1 << 20 };

/** What a record says. */
typedef enum record_event {
    EVENT_PUSHING = 1, /* is about to push */
    EVENT_ACCEPTED,    /* the push has returned */
    EVENT_ENDING,      /* is about to acknowledge */
    EVENT_DONE,        /* the acknowledgement has returned */
    EVENT_BROKEN       /* something failed that must not */
} record_event;

typedef struct record {
    uint32_t event;
    uint32_t id;
} record;

/* ---- the program that is killed */

typedef struct program {
    file_fixture *f;
    int pipe;
    _Atomic uint32_t next;
    _Atomic bool stopped; /* never */
    uint32_t last;        /* ids from there on are the next round's */
} program;

/** Writes records in one piece, so that they do not mix. Nothing is left to be done where it fails: the test is gone. */
static void tell(program *self, record_event event, const uint32_t *ids, size_t count)
{
    record records[64];
    for (size_t i = 0; i < count; i++)
        records[i] = (record){.event = event, .id = ids[i]};
    if (write(self->pipe, records, count * sizeof(record)) < 0) _exit(1);
}

static void *push(void *user)
{
    program *self = user;
    lambda_queue *queue = &self->f->queue;
    for (;;) {
        uint32_t ids[5];
        lambda_bytes parts[5];
        lambda_queue_entry entries[5];
        uint32_t count = atomic_load(&self->next) % 3 == 0 ? 5 : 1;
        ids[0] = atomic_fetch_add(&self->next, count);
        if (ids[0] + count > self->last) return NULL;
        for (uint32_t i = 0; i < count; i++) {
            ids[i] = ids[0] + i;
            parts[i] = lambda_bytes_make(&ids[i], sizeof(ids[i]));
            entries[i] = (lambda_queue_entry){.parts = &parts[i], .parts_count = 1};
        }
        tell(self, EVENT_PUSHING, ids, count);
        bool good = queue->push(queue->user, entries, count) == LAMBDA_OK;
        tell(self, good ? EVENT_ACCEPTED : EVENT_BROKEN, ids, count);
    }
}

static void *receive(void *user)
{
    program *self = user;
    lambda_queue *queue = &self->f->queue;
    while (!atomic_load(&self->stopped)) {
        lambda_queue_message messages[16];
        uint32_t ids[16];
        size_t count = 0;
        lambda_status status = queue->receive(queue->user, messages, 16, LAMBDA_QUEUE_FOREVER, &count);
        if (status == LAMBDA_OK && count == 0) {
            sched_yield();
            continue;
        }
        for (size_t i = 0; i < count; i++)
            memcpy(&ids[i], messages[i].body.data, sizeof(ids[i]));
        /* One of each batch is given back, which must lose nothing. */
        if (count > 4) {
            count--;
            if (queue->retry(queue->user, &messages[count], 1, 0) != LAMBDA_OK) status = LAMBDA_ERROR_SERVICE;
        }
        tell(self, EVENT_ENDING, ids, count);
        if (status == LAMBDA_OK) status = queue->acknowledge(queue->user, messages, count, NULL, 0);
        tell(self, status == LAMBDA_OK ? EVENT_DONE : EVENT_BROKEN, ids, count);
    }
    return NULL;
}

static _Noreturn void be_killed(file_fixture *f, int pipe, uint32_t first, uint32_t last)
{
    program self = {.f = f, .pipe = pipe, .last = last};
    atomic_store(&self.next, first);
    uint32_t none = 0;
    if (file_open(f) != LAMBDA_OK) tell(&self, EVENT_BROKEN, &none, 1);
    pthread_t threads[3];
    if (pthread_create(&threads[0], NULL, push, &self) || pthread_create(&threads[1], NULL, push, &self) ||
        pthread_create(&threads[2], NULL, receive, &self))
        tell(&self, EVENT_BROKEN, &none, 1);
    for (;;)
        pause();
}

/* ---- the test */

static unsigned char known[IDS]; /* how far each id has come: the greatest of its events */

/** Reads records until there are none or `count` were read; how many there were. */
static size_t listen_to(int pipe, size_t count)
{
    size_t total = 0;
    while (total < count) {
        record records[256];
        size_t wanted = count - total < 256 ? count - total : 256;
        ssize_t length = read(pipe, records, wanted * sizeof(record));
        if (length <= 0) break;
        assert_int_equal(length % (ssize_t)sizeof(record), 0);
        for (size_t i = 0; i < (size_t)length / sizeof(record); i++) {
            if (records[i].event == EVENT_BROKEN) fail_msg("a call failed");
            assert_true(records[i].id < IDS);
            /* Threads may write in another order than things happened. */
            unsigned char *last = &known[records[i].id];
            if (*last < records[i].event) *last = (unsigned char)records[i].event;
        }
        total += (size_t)length / sizeof(record);
    }
    return total;
}

static unsigned char found[IDS];

static bool find(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)user;
    (void)standing;
    (void)due_ns;
    uint32_t id;
    assert_int_equal(message->body.length, sizeof(id));
    memcpy(&id, message->body.data, sizeof(id));
    assert_true(id < IDS);
    found[id]++;
    return true;
}

/** What is in the file is what the records say. What was under way is settled now, one way or the other. */
static void compare(file_fixture *f, uint32_t last, uint64_t *accepted, uint64_t *done)
{
    memset(found, 0, last);
    assert_ok(NULL, f->queue.browse(f->queue.user, find, NULL));
    for (uint32_t id = 0; id < last; id++) {
        if (found[id] > 1) fail_msg("%u is there %d times", id, found[id]);
        switch (known[id]) {
        case 0:
            if (found[id]) fail_msg("%u was never pushed", id);
            break;
        case EVENT_ACCEPTED:
            if (!found[id]) fail_msg("%u was accepted and is lost", id);
            (*accepted)++;
            break;
        case EVENT_DONE:
            if (found[id]) fail_msg("%u is there again: its acknowledgement had returned", id);
            (*done)++;
            break;
        default:
            known[id] = found[id] ? EVENT_ACCEPTED : EVENT_DONE;
            break;
        }
    }
}

static void one_round(file_fixture *f, size_t records, uint32_t first, uint32_t last)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        be_killed(f, ends[1], first, last);
    }
    close(ends[1]);
    listen_to(ends[0], records);
    assert_int_equal(kill(child, SIGKILL), 0);
    listen_to(ends[0], SIZE_MAX);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void killed_at_any_moment(void **state)
{
    (void)state;
    file_fixture f;
    file_fixture_begin(&f);
    test_random random = {.state = (uint64_t)getpid()};
    lambda_random port = test_random_port(&random);
    uint64_t accepted = 0;
    uint64_t done = 0;
    const uint32_t share = 1000;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        f.options.durability = round % 2 ? LAMBDA_DURABILITY_RELAXED : LAMBDA_DURABILITY_FULL;
        size_t records = (size_t)(port.next(port.user) % 200);
        one_round(&f, records, round * share, (round + 1) * share);
        assert_ok(NULL, file_open(&f));
        accepted = done = 0;
        compare(&f, (round + 1) * share, &accepted, &done);
        /* What is left goes on to the next round, unless it is too much to look at each time. */
        lambda_queue_counts counts;
        assert_ok(NULL, f.queue.counts(f.queue.user, &counts));
        if (counts.waiting > 1000) {
            uint64_t count;
            assert_ok(NULL, f.queue.purge(f.queue.user, NULL, NULL, &count));
            for (uint32_t id = 0; id < (round + 1) * share; id++)
                if (found[id]) known[id] = EVENT_DONE;
        }
        file_close(&f);
    }
    print_message("%d rounds: %llu were done, %llu waited at the end\n", ROUNDS, (unsigned long long)done,
                  (unsigned long long)accepted);
    assert_true(done > ROUNDS);
    file_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_at_any_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
