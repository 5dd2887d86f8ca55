/* The ring of log lines by many threads: writers, queries, followers and one who clears, all at once. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <lambda/log_ring.h>

enum { WRITERS = 3, EACH = 4000 };

static lambda_log_ring *ring;
static _Atomic uint64_t ticks;
static _Atomic long wrong;
static _Atomic bool written;

static void *write_lines(void *user)
{
    lambda_log_sink sink = lambda_log_ring_sink(ring);
    const char *name = user;
    for (int i = 0; i < EACH; i++) {
        char text[80];
        int length = snprintf(text, sizeof(text), "%s %d", name, i);
        lambda_log_record record = {.time_ns = atomic_fetch_add(&ticks, 1),
                                    .level = LAMBDA_LOG_INFO,
                                    .type = "platform.report",
                                    .log_group_name = "/aws/lambda/area",
                                    .log_stream_name = name,
                                    .request_id = text,
                                    .message = text,
                                    .message_length = (size_t)length,
                                    .fields = "",
                                    .line = text,
                                    .line_length = (size_t)length};
        if (sink.write(sink.user, &record) != LAMBDA_OK) atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

/** What one reader has seen: each writer's lines rise, and what belongs together does. */
typedef struct reader {
    int last[WRITERS];
    uint64_t last_ns;
    uint64_t count;
    bool by_time;
} reader;

static bool see(void *user, const lambda_log_record *record)
{
    reader *me = user;
    char name = '?';
    int number = -1;
    bool good = sscanf(record->line, "%c %d", &name, &number) == 2 && name >= 'a' && name < 'a' + WRITERS;
    good = good && record->log_stream_name[0] == name && strcmp(record->request_id, record->line) == 0;
    good = good && strcmp(record->type, "platform.report") == 0 && strcmp(record->message, record->line) == 0;
    if (good) {
        int *last = &me->last[name - 'a'];
        good = number > *last;
        *last = number;
    }
    if (me->by_time && record->time_ns < me->last_ns) good = false;
    me->last_ns = record->time_ns;
    me->count++;
    if (!good) atomic_fetch_add(&wrong, 1);
    return true;
}

static void *query_again_and_again(void *user)
{
    (void)user;
    while (!atomic_load(&written)) {
        reader me = {.last = {-1, -1, -1}, .by_time = true};
        if (lambda_log_ring_query(ring, NULL, see, &me) != LAMBDA_OK) atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

/** Follows to the end: each line was handed, or counted as lost. */
static void *follow(void *user)
{
    lambda_log_follower *follower = user;
    reader me = {.last = {-1, -1, -1}};
    uint64_t lost_in_all = 0;
    while (me.count + lost_in_all < (uint64_t)WRITERS * EACH) {
        uint64_t lost = 0;
        if (lambda_log_follower_next(follower, LAMBDA_LOG_FOREVER, see, &me, &lost) != LAMBDA_OK) break;
        lost_in_all += lost;
    }
    if (me.count + lost_in_all != (uint64_t)WRITERS * EACH) atomic_fetch_add(&wrong, 1);
    return NULL;
}

static void *clear_again_and_again(void *user)
{
    (void)user;
    while (!atomic_load(&written))
        lambda_log_ring_clear(ring);
    return NULL;
}

static void start(void)
{
    assert_int_equal(lambda_log_ring_new(LAMBDA_LOG_RING_BYTES_MIN, NULL, &ring), LAMBDA_OK);
    atomic_store(&ticks, 1);
    atomic_store(&wrong, 0);
    atomic_store(&written, false);
}

static void run_writers(void)
{
    static char *const names[WRITERS] = {"a", "b", "c"};
    pthread_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_lines, names[i]), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&written, true);
}

static void writers_queries_and_followers(void **state)
{
    (void)state;
    lambda_log_follower *followers[2];
    pthread_t threads[3];
    start();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(lambda_log_follower_open(ring, NULL, &followers[i]), LAMBDA_OK);
        assert_int_equal(pthread_create(&threads[i], NULL, follow, followers[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[2], NULL, query_again_and_again, NULL), 0);
    run_writers();
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++)
        lambda_log_follower_close(followers[i]);
    lambda_log_ring_free(ring);
    assert_int_equal(atomic_load(&wrong), 0);
}

static void writers_and_who_clears(void **state)
{
    (void)state;
    pthread_t threads[2];
    start();
    assert_int_equal(pthread_create(&threads[0], NULL, clear_again_and_again, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, query_again_and_again, NULL), 0);
    run_writers();
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    lambda_log_ring_free(ring);
    assert_int_equal(atomic_load(&wrong), 0);
}

static bool refuse(void *user, const lambda_log_record *record)
{
    (void)user;
    (void)record;
    atomic_fetch_add(&wrong, 1);
    return false;
}

static void *wait_for_lines(void *user)
{
    if (lambda_log_follower_next(user, LAMBDA_LOG_FOREVER, refuse, NULL, NULL) != LAMBDA_OK)
        atomic_fetch_add(&wrong, 1);
    return NULL;
}

static void a_follower_is_interrupted(void **state)
{
    (void)state;
    lambda_log_follower *follower;
    pthread_t thread;
    start();
    for (int i = 0; i < 200; i++) {
        assert_int_equal(lambda_log_follower_open(ring, NULL, &follower), LAMBDA_OK);
        assert_int_equal(pthread_create(&thread, NULL, wait_for_lines, follower), 0);
        lambda_log_follower_interrupt(follower);
        pthread_join(thread, NULL);
        lambda_log_follower_close(follower);
    }
    lambda_log_ring_free(ring);
    assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_queries_and_followers),
        cmocka_unit_test(writers_and_who_clears),
        cmocka_unit_test(a_follower_is_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
