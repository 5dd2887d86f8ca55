/* The queue in memory by many threads: everything once, nothing in between two places, and answers to one lease from several. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <lambda/port/queue.h>

enum { PRODUCERS = 3, CONSUMERS = 3, EACH = 3000, STEADY = 200 };

static test_memory memory;
static test_clock test_time;
static lambda_queue queue;
static _Atomic uint32_t ended[PRODUCERS * EACH];
static _Atomic uint64_t ended_count;
static _Atomic bool stop;
static _Atomic long wrong;

static void open_queue(void)
{
    assert_int_equal(lambda_queue_memory_open(NULL, &queue), LAMBDA_OK);
    atomic_store(&test_time.monotonic, 1);
    test_time.step = 1;
    lambda_queue_host host = {.allocator = test_allocator(&memory), .clock = test_clock_port(&test_time)};
    assert_int_equal(queue.attach(queue.user, &host), LAMBDA_OK);
    atomic_store(&stop, false);
    atomic_store(&wrong, 0);
    atomic_store(&ended_count, 0);
}

static void close_queue(void)
{
    queue.close(queue.user);
    assert_int_equal(atomic_load(&memory.live), 0);
    assert_int_equal(atomic_load(&wrong), 0);
}

static void start(pthread_t *threads, size_t count, void *(*run)(void *), size_t first)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)(first + i)), 0);
}

static void join(const pthread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static lambda_queue_entry entry_of(lambda_bytes *part, const uint64_t *word, uint64_t delay)
{
    *part = lambda_bytes_make(word, sizeof(*word));
    return (lambda_queue_entry){.parts = part, .parts_count = 1, .delay_ns = delay};
}

static void *produce(void *user)
{
    uint64_t first = (uint64_t)(uintptr_t)user * EACH;
    for (uint64_t i = 0; i < EACH; i += 3) {
        uint64_t words[3] = {first + i, first + i + 1, first + i + 2};
        lambda_bytes parts[3];
        lambda_queue_entry entries[3];
        for (size_t k = 0; k < 3; k++)
            entries[k] = entry_of(&parts[k], &words[k], k == 2 ? i % 50 : 0);
        if (queue.push(queue.user, entries, 3) != LAMBDA_OK) atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

/** Gives a third of them back once or twice, and ends the rest, in pieces. */
static void *consume(void *user)
{
    (void)user;
    lambda_queue_message got[LAMBDA_QUEUE_RECEIVE_MAX];
    while (atomic_load(&ended_count) < PRODUCERS * EACH) {
        size_t count = 0;
        if (queue.receive(queue.user, got, LAMBDA_QUEUE_RECEIVE_MAX, LAMBDA_QUEUE_FOREVER, &count) != LAMBDA_OK)
            atomic_fetch_add(&wrong, 1);
        size_t first = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t word = *(const uint64_t *)got[i].body.data;
            if (word % 3 || got[i].state >= 1 + word % 2) continue;
            if (queue.acknowledge(queue.user, got + first, i - first, NULL, 0) != LAMBDA_OK)
                atomic_fetch_add(&wrong, 1);
            if (queue.retry(queue.user, &got[i], got[i].state + 1, word % 20) != LAMBDA_OK) atomic_fetch_add(&wrong, 1);
            atomic_fetch_add(&ended_count, i - first);
            first = i + 1;
        }
        if (first < count && queue.acknowledge(queue.user, got + first, count - first, NULL, 0) != LAMBDA_OK)
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&ended_count, count - first);
    }
    return NULL;
}

/** As consume, each answered alone, so that each is noted before it is no more. */
static void *consume_one_by_one(void *user)
{
    (void)user;
    lambda_queue_message got[8];
    while (atomic_load(&ended_count) < PRODUCERS * EACH) {
        size_t count = 0;
        if (queue.receive(queue.user, got, 8, LAMBDA_QUEUE_FOREVER, &count) != LAMBDA_OK) atomic_fetch_add(&wrong, 1);
        for (size_t i = count; i-- > 0;) {
            uint64_t word = *(const uint64_t *)got[i].body.data;
            bool again = word % 3 == 0 && got[i].state < 2;
            if (!again && atomic_fetch_add(&ended[word], 1) != 0) atomic_fetch_add(&wrong, 1);
            lambda_status status = again ? queue.retry(queue.user, &got[i], got[i].state + 1, word % 20)
                                         : queue.acknowledge(queue.user, &got[i], 1, NULL, 0);
            if (status != LAMBDA_OK) atomic_fetch_add(&wrong, 1);
            if (!again) atomic_fetch_add(&ended_count, 1);
        }
    }
    return NULL;
}

static bool look(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)standing;
    (void)due_ns;
    uint64_t *sum = user;
    *sum += *(const uint64_t *)message->body.data + message->state;
    return true;
}

static bool none(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    look(user, message, standing, due_ns);
    return false;
}

static void *watch(void *user)
{
    (void)user;
    while (!atomic_load(&stop)) {
        uint64_t sum = 0;
        uint64_t purged = 1;
        lambda_queue_counts counts;
        queue.browse(queue.user, look, &sum);
        queue.counts(queue.user, &counts);
        queue.purge(queue.user, none, &sum, &purged);
        if (purged != 0) atomic_fetch_add(&wrong, 1);
        queue.next_due(queue.user);
    }
    return NULL;
}

static void everything_once_by(void *(*consumer)(void *))
{
    pthread_t producers[PRODUCERS];
    pthread_t consumers[CONSUMERS];
    pthread_t watcher;
    memset(ended, 0, sizeof(ended));
    open_queue();
    start(&watcher, 1, watch, 0);
    start(consumers, CONSUMERS, consumer, 0);
    start(producers, PRODUCERS, produce, 0);
    join(producers, PRODUCERS);
    join(consumers, CONSUMERS);
    atomic_store(&stop, true);
    join(&watcher, 1);
    for (size_t i = 0; i < PRODUCERS * EACH; i++)
        if (consumer == consume_one_by_one) assert_int_equal(atomic_load(&ended[i]), 1);
    lambda_queue_counts counts;
    queue.counts(queue.user, &counts);
    assert_int_equal(counts.waiting + counts.delayed + counts.received, 0);
    close_queue();
}

static void everything_comes_once(void **state)
{
    (void)state;
    everything_once_by(consume_one_by_one);
}

static void answered_many_at_once(void **state)
{
    (void)state;
    everything_once_by(consume);
}

/* ---- as many as ever, at any moment */

/** Gives back what it gets, or ends it and adds another in the same step. */
static void *keep_going(void *user)
{
    uint64_t which = (uint64_t)(uintptr_t)user;
    lambda_queue_message got[4];
    for (uint64_t round = 0; !atomic_load(&stop); round++) {
        size_t count = 0;
        queue.receive(queue.user, got, 1 + round % 4, LAMBDA_QUEUE_FOREVER, &count);
        for (size_t i = 0; i < count; i++) {
            uint64_t word = *(const uint64_t *)got[i].body.data;
            lambda_bytes part;
            lambda_queue_entry entry = entry_of(&part, &word, (round + i) % 3);
            lambda_status status = (which + round + i) % 2 ? queue.retry(queue.user, &got[i], 0, round % 3)
                                                           : queue.acknowledge(queue.user, &got[i], 1, &entry, 1);
            if (status != LAMBDA_OK) atomic_fetch_add(&wrong, 1);
        }
    }
    return NULL;
}

static bool count_one(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)message;
    (void)standing;
    (void)due_ns;
    ++*(uint64_t *)user;
    return true;
}

static void who_counts_finds_all_of_them(void **state)
{
    (void)state;
    pthread_t threads[CONSUMERS];
    open_queue();
    for (uint64_t i = 0; i < STEADY; i++) {
        lambda_bytes part;
        lambda_queue_entry entry = entry_of(&part, &i, i % 5);
        assert_int_equal(queue.push(queue.user, &entry, 1), LAMBDA_OK);
    }
    start(threads, CONSUMERS, keep_going, 0);
    for (int i = 0; i < 3000; i++) {
        lambda_queue_counts counts;
        uint64_t seen = 0;
        queue.counts(queue.user, &counts);
        if (counts.waiting + counts.delayed + counts.received != STEADY) atomic_fetch_add(&wrong, 1);
        queue.browse(queue.user, count_one, &seen);
        if (seen != STEADY) atomic_fetch_add(&wrong, 1);
    }
    atomic_store(&stop, true);
    join(threads, CONSUMERS);
    close_queue();
}

/* ---- one lease, two threads */

static lambda_queue_message shared[LAMBDA_QUEUE_RECEIVE_MAX];
static pthread_barrier_t ready;

static void *extend_odd(void *user)
{
    (void)user;
    for (int round = 0; round < 300; round++) {
        pthread_barrier_wait(&ready);
        for (size_t i = 1; i < LAMBDA_QUEUE_RECEIVE_MAX; i += 2)
            if (queue.extend(queue.user, &shared[i], 1, 1000000000) != LAMBDA_OK) atomic_fetch_add(&wrong, 1);
        pthread_barrier_wait(&ready);
    }
    return NULL;
}

static void one_lease_is_answered_by_two(void **state)
{
    (void)state;
    pthread_t other;
    static char body[3000];
    open_queue();
    pthread_barrier_init(&ready, NULL, 2);
    start(&other, 1, extend_odd, 0);
    for (int round = 0; round < 300; round++) {
        /* Each in a chunk of its own, which goes when it is answered. */
        for (size_t i = 0; i < LAMBDA_QUEUE_RECEIVE_MAX; i++) {
            lambda_bytes part = {.data = body, .length = sizeof(body)};
            lambda_queue_entry entry = {.parts = &part, .parts_count = 1, .delay_ns = 1};
            assert_int_equal(queue.push(queue.user, &entry, 1), LAMBDA_OK);
        }
        atomic_fetch_add(&test_time.monotonic, 10);
        size_t count = 0;
        queue.receive(queue.user, shared, LAMBDA_QUEUE_RECEIVE_MAX, 1000000000, &count);
        assert_int_equal(count, LAMBDA_QUEUE_RECEIVE_MAX);
        pthread_barrier_wait(&ready);
        for (size_t i = 0; i < LAMBDA_QUEUE_RECEIVE_MAX; i += 2)
            assert_int_equal(queue.acknowledge(queue.user, &shared[i], 1, NULL, 0), LAMBDA_OK);
        pthread_barrier_wait(&ready);
        for (size_t i = 1; i < LAMBDA_QUEUE_RECEIVE_MAX; i += 2)
            assert_int_equal(queue.acknowledge(queue.user, &shared[i], 1, NULL, 0), LAMBDA_OK);
    }
    join(&other, 1);
    pthread_barrier_destroy(&ready);
    close_queue();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_once),
        cmocka_unit_test(answered_many_at_once),
        cmocka_unit_test(who_counts_finds_all_of_them),
        cmocka_unit_test(one_lease_is_answered_by_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
