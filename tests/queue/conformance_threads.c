/* Conformance with several threads: each message is received once, whoever pushes and receives beside it. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "conformance_fixture.h"

enum { PUSHERS = 4, RECEIVERS = 3, EACH = 600, ALL = PUSHERS * EACH };

typedef struct crowd {
    queue_fixture *f;
    _Atomic int next_pusher;
    _Atomic int ended;         /* messages that are through */
    _Atomic int failures;      /* cmocka's assertions are for one thread */
    _Atomic int received[ALL]; /* how often each was */
    _Atomic int outcomes;      /* messages that acknowledgements have added */
    bool retry;
} crowd;

static void expect(crowd *all, bool good)
{
    if (!good) atomic_fetch_add(&all->failures, 1);
}

/** Pushes its messages, by one or by seven. */
static void *push(void *user)
{
    crowd *all = user;
    lambda_queue *queue = &all->f->queue;
    uint64_t first = (uint64_t)atomic_fetch_add(&all->next_pusher, 1) * EACH;
    for (uint64_t done = 0; done < EACH;) {
        uint64_t numbers[7];
        lambda_bytes parts[7];
        lambda_queue_entry entries[7];
        size_t count = done % 2 && EACH - done >= 7 ? 7 : 1;
        for (size_t i = 0; i < count; i++) {
            numbers[i] = first + done + i;
            parts[i] = lambda_bytes_make(&numbers[i], sizeof(numbers[i]));
            entries[i] = (lambda_queue_entry){.parts = &parts[i], .parts_count = 1};
        }
        expect(all, queue->push(queue->user, entries, count) == LAMBDA_OK);
        done += count;
    }
    return NULL;
}

/** Ends a message, or gives it back once. Every tenth that is ended adds an outcome, whose body is empty. */
static void end(crowd *all, const lambda_queue_message *message)
{
    lambda_queue *queue = &all->f->queue;
    if (message->body.length == 0) {
        atomic_fetch_add(&all->outcomes, -1);
        expect(all, queue->acknowledge(queue->user, message, 1, NULL, 0) == LAMBDA_OK);
        return;
    }
    uint64_t number;
    expect(all, message->body.length == sizeof(number));
    memcpy(&number, message->body.data, sizeof(number));
    expect(all, number < ALL);
    atomic_fetch_add(&all->received[number % ALL], 1);
    if (all->retry && message->state == 0) {
        expect(all, message->receive_count == 1);
        expect(all, queue->retry(queue->user, message, 1, 0) == LAMBDA_OK);
        return;
    }
    lambda_queue_entry outcome = {.state = 2};
    bool adds = number % 10 == 0;
    if (adds) atomic_fetch_add(&all->outcomes, 1);
    expect(all, queue->acknowledge(queue->user, message, 1, &outcome, adds ? 1 : 0) == LAMBDA_OK);
    atomic_fetch_add(&all->ended, 1);
}

static void *receive(void *user)
{
    crowd *all = user;
    lambda_queue *queue = &all->f->queue;
    while (atomic_load(&all->ended) < ALL || atomic_load(&all->outcomes) > 0) {
        lambda_queue_message messages[8];
        size_t count = 0;
        expect(all, queue->receive(queue->user, messages, 8, LAMBDA_QUEUE_FOREVER, &count) == LAMBDA_OK);
        for (size_t i = 0; i < count; i++)
            end(all, &messages[i]);
        queue->next_due(queue->user);
        if (count == 0) sched_yield();
    }
    return NULL;
}

static bool look(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)message;
    (void)standing;
    (void)due_ns;
    return --*(int *)user > 0;
}

/** Looks on, all the while. */
static void *watch(void *user)
{
    crowd *all = user;
    lambda_queue *queue = &all->f->queue;
    for (int next = 0; atomic_load(&all->ended) < ALL;) {
        /* Each look takes as long as all of the queue; the others are to get on meanwhile. */
        if (atomic_load(&all->ended) < next) {
            sched_yield();
            continue;
        }
        next += ALL / 40;
        lambda_queue_counts counts;
        int wanted = 20;
        uint64_t purged;
        bool (*none)(void *, const lambda_queue_message *, lambda_queue_standing, uint64_t) = look;
        expect(all, queue->counts(queue->user, &counts) == LAMBDA_OK);
        expect(all, queue->browse(queue->user, look, &wanted) == LAMBDA_OK);
        wanted = 0;
        expect(all, queue->purge(queue->user, none, &wanted, &purged) == LAMBDA_OK && purged == 0);
    }
    return NULL;
}

static void run_crowd(queue_fixture *f, bool retry)
{
    static crowd all;
    memset(&all, 0, sizeof(all));
    all.f = f;
    all.retry = retry;
    pthread_t threads[PUSHERS + RECEIVERS + 1];
    int count = 0;
    for (int i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&threads[count++], NULL, push, &all), 0);
    for (int i = 0; i < RECEIVERS; i++)
        assert_int_equal(pthread_create(&threads[count++], NULL, receive, &all), 0);
    assert_int_equal(pthread_create(&threads[count++], NULL, watch, &all), 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&all.failures), 0);
    for (int i = 0; i < ALL; i++)
        assert_int_equal(atomic_load(&all.received[i]), retry ? 2 : 1);
    queue_nothing(f);
    queue_assert_counts(f, 0, 0, 0);
}

static void each_message_is_received_once(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    run_crowd(f, false);
}

static void each_retry_is_received_once(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    run_crowd(f, true);
}

int queue_conformance_threads(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(each_message_is_received_once),
        QUEUE_TEST(each_retry_is_received_once),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
