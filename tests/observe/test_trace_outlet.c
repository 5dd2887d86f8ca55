/* Exporters that take their time: who is traced never waits for them, and every segment is taken, dropped or failed, and counted. */
#include "support.h"

#include <pthread.h>
#include <string.h>

/** An exporter that the test holds back. */
typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut;
    bool within;
    bool fails;
    int closed;
    int flushed;    /* times */
    bool unflushed; /* something was written since */
    uint64_t taken;
    uint64_t refused;
    bool wrong;
} gate;

static void make_gate(gate *g, bool shut)
{
    *g = (gate){.shut = shut};
    assert_int_equal(pthread_mutex_init(&g->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&g->changed, NULL), 0);
}

static void end_gate(gate *g)
{
    pthread_mutex_destroy(&g->mutex);
    pthread_cond_destroy(&g->changed);
}

/** A segment of "f" came out of the buffer as it went in. */
static bool whole(const lambda_trace_segment *segment)
{
    if (strcmp(segment->function_name, "f") != 0 || segment->spans_count < 3 || segment->annotations_count != 1)
        return false;
    const lambda_trace_annotation *annotation = segment->annotations;
    return strcmp(segment->spans[0].name, "f") == 0 && strcmp(annotation->key, "text") == 0 &&
           strcmp(annotation->value.string, "a value") == 0 && segment->spans[0].end_ns >= segment->spans[0].start_ns &&
           strstr(segment->function_arn, ":function:f") && strcmp(segment->executed_version, "$LATEST") == 0;
}

static lambda_status write_gate(void *user, const lambda_trace_segment *segment)
{
    gate *g = user;
    pthread_mutex_lock(&g->mutex);
    g->within = true;
    pthread_cond_broadcast(&g->changed);
    while (g->shut)
        pthread_cond_wait(&g->changed, &g->mutex);
    g->wrong |= !whole(segment);
    g->unflushed = true;
    if (g->fails)
        g->refused++;
    else
        g->taken++;
    lambda_status status = g->fails ? LAMBDA_ERROR_SERVICE : LAMBDA_OK;
    pthread_mutex_unlock(&g->mutex);
    return status;
}

static lambda_status flush_gate(void *user)
{
    gate *g = user;
    pthread_mutex_lock(&g->mutex);
    g->flushed++;
    g->unflushed = false;
    pthread_mutex_unlock(&g->mutex);
    return LAMBDA_OK;
}

static void close_gate(void *user)
{
    gate *g = user;
    pthread_mutex_lock(&g->mutex);
    g->closed++;
    g->wrong |= g->unflushed;
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

static void until(gate *g, const bool *within, const int *closed)
{
    pthread_mutex_lock(&g->mutex);
    while (!(within && *within) && !(closed && *closed))
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

static lambda_status annotates(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    return lambda_annotate_string(context, "text", "a value");
}

static lambda_t *open_with(gate *g, lambda_options options)
{
    options.trace[0] =
        (lambda_trace_exporter){.write = write_gate, .flush = flush_gate, .close = close_gate, .user = g};
    options.trace_rate = 1;
    lambda_t *lambda = test_open(&options);
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                               .code = lambda_code_native(annotates, 0),
                                                                               .tracing_mode = LAMBDA_TRACING_ACTIVE}));
    return lambda;
}

static void invoke_many(lambda_t *lambda, int count)
{
    for (int i = 0; i < count; i++)
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), NULL));
}

static lambda_statistics statistics_of(lambda_t *lambda)
{
    lambda_statistics statistics;
    assert_ok(lambda, lambda_statistics_get(lambda, &statistics));
    return statistics;
}

static void a_slow_exporter_keeps_nobody_waiting(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, true);
    lambda_t *lambda = open_with(&g, (lambda_options){.trace_buffer_size = 16384});
    invoke_many(lambda, 1);
    until(&g, &g.within, NULL);
    invoke_many(lambda, 2999);
    uint64_t dropped = statistics_of(lambda).trace_segments_dropped;
    assert_true(dropped > 2000 && dropped < 3000);
    open_gate(&g);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(g.taken + dropped, 3000);
    assert_true(g.flushed > 0);
    assert_int_equal(g.closed, 1);
    assert_false(g.wrong);
    end_gate(&g);
}

static void failures_are_counted(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, false);
    g.fails = true;
    test_memory memory = {0};
    lambda_t *lambda = open_with(
        &g, (lambda_options){.executor = {.kind = LAMBDA_EXECUTOR_NONE}, .allocator = test_allocator(&memory)});
    invoke_many(lambda, 20);
    assert_int_equal(g.refused, 0);
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, NULL));
    assert_int_equal(g.refused, 20);
    assert_int_equal(g.flushed, 1);
    assert_int_equal(statistics_of(lambda).trace_segments_failed, 20);
    assert_int_equal(statistics_of(lambda).trace_segments_dropped, 0);
    lambda_close(lambda);
    assert_int_equal(g.flushed, 1);
    assert_int_equal(g.closed, 1);
    assert_int_equal(memory.live, 0);
    end_gate(&g);
}

static void an_exporter_that_hangs_is_abandoned(void **state)
{
    (void)state;
    gate g;
    make_gate(&g, true);
    lambda_t *lambda = open_with(&g, (lambda_options){.close_grace_ms = 20});
    invoke_many(lambda, 1);
    until(&g, &g.within, NULL);
    invoke_many(lambda, 10);
    assert_int_equal(lambda_close(lambda), 1);
    assert_int_equal(g.closed, 0);
    g.unflushed = false;
    open_gate(&g);
    until(&g, NULL, &g.closed);
    assert_int_equal(g.taken, 1);
    end_gate(&g);
}

static void virtual_time_exports_as_it_passes(void **state)
{
    (void)state;
    gate g;
    lambda_clock_virtual *clock;
    make_gate(&g, false);
    assert_int_equal(lambda_clock_virtual_open(3, 0, &clock), LAMBDA_OK);
    lambda_options options = {0};
    lambda_clock_virtual_options(clock, &options);
    lambda_t *lambda = open_with(&g, options);
    invoke_many(lambda, 10);
    lambda_clock_virtual_run(clock, UINT64_C(1000000));
    assert_int_equal(g.taken, 10);
    invoke_many(lambda, 10);
    lambda_close(lambda);
    assert_int_equal(g.taken, 20);
    assert_int_equal(g.closed, 1);
    assert_false(g.wrong);
    lambda_clock_virtual_close(clock);
    end_gate(&g);
}

static void opening_that_fails_leaves_the_exporter_alone(void **state)
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
        lambda_options options = {.allocator = test_allocator(&memory),
                                  .trace = {{.write = write_gate, .close = close_gate, .user = &g}}};
        if (lambda_open(&options, &lambda) == LAMBDA_OK) break;
        assert_int_equal(g.closed, 0);
        assert_int_equal(memory.live, 0);
    }
    assert_true(at > 5);
    memory.fail_at = 0;
    lambda_close(lambda);
    assert_int_equal(g.closed, 1);
    assert_int_equal(memory.live, 0);
    end_gate(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_exporter_keeps_nobody_waiting),
        cmocka_unit_test(failures_are_counted),
        cmocka_unit_test(an_exporter_that_hangs_is_abandoned),
        cmocka_unit_test(virtual_time_exports_as_it_passes),
        cmocka_unit_test(opening_that_fails_leaves_the_exporter_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
