/* Sinks that take their time: who logs never waits for them, and every line is taken, dropped or failed, and counted. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/testing.h>

/** A sink that the test holds back. */
typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut;        /* who writes waits */
    bool within;      /* somebody does */
    bool fails;       /* nothing is taken */
    int closed;       /* times */
    uint64_t taken;   /* lines, without those about dropped ones */
    uint64_t refused; /* likewise */
    uint64_t told;    /* lines that it was told were dropped */
    bool wrong;       /* a line that is not what it should be, or out of order */
    long last;        /* number of the last line */
} gate;

static void make_gate(gate *g, bool shut)
{
    *g = (gate){.shut = shut, .last = -1};
    assert_int_equal(pthread_mutex_init(&g->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&g->changed, NULL), 0);
}

static void end_gate(gate *g)
{
    pthread_mutex_destroy(&g->mutex);
    pthread_cond_destroy(&g->changed);
}

static void look_at(gate *g, const lambda_log_record *record)
{
    unsigned long long lines = 0;
    long number = 0;
    if (sscanf(record->message, "%llu lines of the log", &lines) == 1) {
        g->told += lines;
        g->wrong |= strcmp(record->type, "platform.logsDropped") != 0 || record->level != LAMBDA_LOG_WARN;
        return;
    }
    if (g->fails)
        g->refused++;
    else
        g->taken++;
    if (sscanf(record->message, "number %ld", &number) != 1 || number <= g->last) g->wrong = true;
    g->wrong |= strcmp(record->log_group_name, "/aws/lambda/f") != 0 || strlen(record->request_id) != 36 ||
                strlen(record->line) != record->line_length || !strstr(record->line, record->message) ||
                strlen(record->message) != record->message_length || strlen(record->fields) != record->fields_length;
    g->last = number;
}

static lambda_status write_gate(void *user, const lambda_log_record *record)
{
    gate *g = user;
    pthread_mutex_lock(&g->mutex);
    g->within = true;
    pthread_cond_broadcast(&g->changed);
    while (g->shut)
        pthread_cond_wait(&g->changed, &g->mutex);
    look_at(g, record);
    lambda_status status = g->fails ? LAMBDA_ERROR_SERVICE : LAMBDA_OK;
    pthread_mutex_unlock(&g->mutex);
    return status;
}

static void close_gate(void *user)
{
    gate *g = user;
    pthread_mutex_lock(&g->mutex);
    g->closed++;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
}

static void open_gate(gate *g)
{
    pthread_mutex_lock(&g->mutex);
    g->shut = false;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
}

static void until_within(gate *g)
{
    pthread_mutex_lock(&g->mutex);
    while (!g->within)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

static void until_closed(gate *g)
{
    pthread_mutex_lock(&g->mutex);
    while (!g->closed)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

static lambda_log_sink sink_of(gate *g)
{
    return (lambda_log_sink){.write = write_gate, .close = close_gate, .user = g};
}

/** The function "f" logs one line: its number. */
static lambda_status logs(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)response;
    lambda_log(context, LAMBDA_LOG_INFO, "number %.*s", (int)lambda_event_payload(event).length,
               (const char *)lambda_event_payload(event).data);
    return LAMBDA_OK;
}

static lambda_t *open_with(gate *g, lambda_options options)
{
    options.log[0] = sink_of(g);
    options.system_log_level = LAMBDA_LOG_OFF;
    lambda_t *lambda = test_open(&options);
    test_create(lambda, "f", logs, NULL);
    return lambda;
}

static void invoke_many(lambda_t *lambda, int from, int to)
{
    char number[16];
    lambda_result result = {0};
    for (int i = from; i < to; i++) {
        int length = snprintf(number, sizeof(number), "%d", i);
        assert_ok(lambda, lambda_invoke(lambda, "f", lambda_bytes_make(number, (size_t)length), &result));
    }
    lambda_result_clear(&result);
}

static lambda_statistics statistics_of(lambda_t *lambda)
{
    lambda_statistics statistics;
    assert_ok(lambda, lambda_statistics_get(lambda, &statistics));
    return statistics;
}

static void a_slow_sink_keeps_nobody_waiting(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, true);
    lambda_t *lambda = open_with(&g, (lambda_options){.log_buffer_size = 16384});
    invoke_many(lambda, 0, 1);
    until_within(&g);
    invoke_many(lambda, 1, 10000);
    uint64_t dropped = statistics_of(lambda).log_lines_dropped;
    assert_true(dropped > 9000 && dropped < 10000);
    open_gate(&g);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(g.taken + dropped, 10000);
    assert_int_equal(g.told, dropped);
    assert_int_equal(g.closed, 1);
    assert_false(g.wrong);
    end_gate(&g);
}

static void all_are_handed_over_in_order(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, false);
    test_memory memory = {0};
    lambda_t *lambda = open_with(&g, (lambda_options){.allocator = test_allocator(&memory)});
    invoke_many(lambda, 0, 3000);
    lambda_close(lambda);
    assert_int_equal(g.taken, 3000);
    assert_int_equal(g.told, 0);
    assert_int_equal(g.closed, 1);
    assert_false(g.wrong);
    assert_int_equal(memory.live, 0);
    end_gate(&g);
}

static void what_a_sink_does_not_take_is_counted(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, true);
    g.fails = true;
    lambda_t *lambda = open_with(&g, (lambda_options){0});
    invoke_many(lambda, 0, 50);
    open_gate(&g);
    lambda_close(lambda);
    assert_int_equal(g.refused, 50);
    make_gate(&g, false);
    g.fails = true;
    lambda_log_sink direct = sink_of(&g);
    direct.direct = true;
    lambda = test_open(&(lambda_options){.log = {direct}, .system_log_level = LAMBDA_LOG_OFF});
    test_create(lambda, "f", logs, NULL);
    invoke_many(lambda, 0, 50);
    assert_int_equal(statistics_of(lambda).log_lines_failed, 50);
    assert_int_equal(statistics_of(lambda).log_lines_dropped, 0);
    lambda_close(lambda);
    assert_int_equal(g.refused, 50);
    assert_int_equal(g.closed, 1);
    end_gate(&g);
}

static void a_sink_that_hangs_is_abandoned(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, true);
    lambda_t *lambda = open_with(&g, (lambda_options){.close_grace_ms = 20});
    invoke_many(lambda, 0, 1);
    until_within(&g);
    invoke_many(lambda, 1, 100);
    assert_int_equal(lambda_close(lambda), 1);
    assert_int_equal(g.closed, 0);
    open_gate(&g);
    until_closed(&g);
    assert_int_equal(g.taken, 1);
    assert_int_equal(g.closed, 1);
    pthread_mutex_lock(&g.mutex); /* close_gate has left it */
    pthread_mutex_unlock(&g.mutex);
    end_gate(&g);
}

static void with_no_executor_the_pump_writes(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, false);
    lambda_t *lambda =
        open_with(&g, (lambda_options){.executor = {.kind = LAMBDA_EXECUTOR_NONE}, .log_buffer_size = 16384});
    invoke_many(lambda, 0, 5);
    assert_int_equal(g.taken, 0);
    while (lambda_pump(lambda, 0, NULL) == LAMBDA_OK && g.taken < 5)
        ;
    assert_int_equal(g.taken, 5);
    invoke_many(lambda, 5, 500);
    uint64_t dropped = statistics_of(lambda).log_lines_dropped;
    assert_true(dropped > 0);
    lambda_close(lambda);
    assert_int_equal(g.taken + dropped, 500);
    assert_int_equal(g.told, dropped);
    assert_false(g.wrong);
    end_gate(&g);
}

static void virtual_time_writes_as_it_passes(void **state)
{
    (void)state;
    gate g;
    lambda_clock_virtual *clock;
    make_gate(&g, false);
    assert_int_equal(lambda_clock_virtual_open(3, 0, &clock), LAMBDA_OK);
    lambda_options options = {0};
    lambda_clock_virtual_options(clock, &options);
    lambda_t *lambda = open_with(&g, options);
    invoke_many(lambda, 0, 10);
    lambda_clock_virtual_run(clock, UINT64_C(1000000));
    assert_int_equal(g.taken, 10);
    invoke_many(lambda, 10, 20);
    lambda_close(lambda);
    assert_int_equal(g.taken, 20);
    assert_int_equal(g.closed, 1);
    assert_false(g.wrong);
    lambda_clock_virtual_close(clock);
    end_gate(&g);
}

/* ---- many threads */

enum { THREADS = 4, EACH = 2000 };

static void *invoke_share(void *user)
{
    lambda_t *lambda = user;
    for (int i = 0; i < EACH; i++)
        if (lambda_invoke(lambda, "f", LAMBDA_JSON("1"), NULL) != LAMBDA_OK) return lambda;
    return NULL;
}

static void threads_lose_no_line_uncounted(void **state)
{
    (void)state;
    gate g;
    pthread_t threads[THREADS];
    make_gate(&g, false);
    lambda_t *lambda = open_with(&g, (lambda_options){.log_buffer_size = 16384});
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, invoke_share, lambda), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    uint64_t dropped = statistics_of(lambda).log_lines_dropped;
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(g.taken + dropped, THREADS * EACH);
    assert_int_equal(g.told, dropped);
    end_gate(&g);
}

/* ---- opening */

static void opening_that_fails_leaves_the_sink_alone(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, false);
    test_memory memory = {0};
    lambda_t *lambda = NULL;
    long at = 1;
    for (;; at++) {
        memory.fail_at = at;
        memory.requests = 0;
        lambda_options options = {.allocator = test_allocator(&memory), .log = {sink_of(&g), sink_of(&g)}};
        if (lambda_open(&options, &lambda) == LAMBDA_OK) break;
        assert_int_equal(g.closed, 0);
        assert_int_equal(memory.live, 0);
    }
    assert_true(at > 5);
    memory.fail_at = 0;
    lambda_close(lambda);
    assert_int_equal(g.closed, 2);
    assert_int_equal(memory.live, 0);
    end_gate(&g);
}

static void without_memory_for_the_buffer_lines_are_dropped(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, false);
    test_memory memory = {0};
    lambda_t *lambda = open_with(
        &g, (lambda_options){.allocator = test_allocator(&memory), .executor = {.kind = LAMBDA_EXECUTOR_NONE}});
    invoke_many(lambda, 0, 1);
    lambda_close(lambda);
    assert_int_equal(g.taken, 1);
    end_gate(&g);
    make_gate(&g, false);
    lambda = open_with(&g, (lambda_options){.allocator = test_allocator(&memory),
                                            .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                                            .log_buffer_size = 1 << 20});
    /* Warm, and silent: what is allocated afterwards is the buffer. */
    assert_ok(lambda,
              lambda_function_update_configuration(
                  lambda, "f", &(lambda_function_config){.logging_config = {.application_log_level = LAMBDA_LOG_OFF}}));
    invoke_many(lambda, 0, 1);
    assert_int_equal(statistics_of(lambda).log_lines_dropped, 0);
    assert_ok(lambda, lambda_function_update_configuration(
                          lambda, "f",
                          &(lambda_function_config){.logging_config = {.application_log_level = LAMBDA_LOG_INFO}}));
    uint64_t dropped = 0;
    for (long at = 1; at < 40 && dropped == 0; at++) {
        memory.fail_at = at;
        memory.fail_on = true;
        memory.requests = 0;
        (void)lambda_invoke(lambda, "f", LAMBDA_JSON("7"), NULL);
        memory.fail_at = 0;
        memory.fail_on = false;
        dropped = statistics_of(lambda).log_lines_dropped;
    }
    assert_int_equal(dropped, 1);
    lambda_close(lambda);
    assert_int_equal(memory.live, 0);
    end_gate(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_sink_keeps_nobody_waiting),
        cmocka_unit_test(all_are_handed_over_in_order),
        cmocka_unit_test(what_a_sink_does_not_take_is_counted),
        cmocka_unit_test(a_sink_that_hangs_is_abandoned),
        cmocka_unit_test(with_no_executor_the_pump_writes),
        cmocka_unit_test(virtual_time_writes_as_it_passes),
        cmocka_unit_test(threads_lose_no_line_uncounted),
        cmocka_unit_test(opening_that_fails_leaves_the_sink_alone),
        cmocka_unit_test(without_memory_for_the_buffer_lines_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
