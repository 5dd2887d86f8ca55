/* Options of a service: who is told of what happens, and how much; what is wrong is refused by name, with nothing left behind. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "options.h"

static test_memory memory;

static lambda_status write_line(void *user, const lambda_log_record *record)
{
    (void)user;
    (void)record;
    return LAMBDA_OK;
}

static lambda_status write_segment(void *user, const lambda_trace_segment *segment)
{
    (void)user;
    (void)segment;
    return LAMBDA_OK;
}

static lambda_status flush_port(void *user)
{
    (*(int *)user)++;
    return LAMBDA_OK;
}

static void close_port(void *user)
{
    (*(int *)user)++;
}

static int calls;

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    const lambda_log_sink sink = {.close = close_port, .user = &calls};
    const lambda_trace_exporter closes = {.close = close_port, .user = &calls};
    const lambda_trace_exporter flushes = {.flush = flush_port, .user = &calls};
    const struct {
        lambda_options options;
        const char *text;
    } wrong[] = {
        {{.log_level = (lambda_log_level)8}, "log_level: 8 is none"},
        {{.log_level = (lambda_log_level)-1}, "log_level: -1 is none"},
        {{.system_log_level = (lambda_log_level)8}, "system_log_level: is UNKNOWN, not DEBUG, INFO, WARN or OFF"},
        {{.system_log_level = LAMBDA_LOG_TRACE}, "system_log_level: is TRACE"},
        {{.system_log_level = LAMBDA_LOG_ERROR}, "system_log_level: is ERROR"},
        {{.system_log_level = LAMBDA_LOG_FATAL}, "system_log_level: is FATAL"},
        {{.log = {sink}}, "log[0].write: is NULL, and close is not"},
        {{.log = {{.write = write_line}, {0}, {0}, sink}}, "log[3].write: is NULL"},
        {{.log_buffer_size = 1}, "log_buffer_size: 1 is not between 16384 and 1073741824"},
        {{.log_buffer_size = 16383}, "log_buffer_size: 16383"},
        {{.log_buffer_size = 1073741825}, "log_buffer_size: 1073741825"},
        {{.trace = {closes}}, "trace[0].write: is NULL, and close is not"},
        {{.trace = {{.write = write_segment}, flushes}}, "trace[1].write: is NULL, and flush is not"},
        {{.trace_buffer_size = 16383}, "trace_buffer_size: 16383 is not between 16384 and 1073741824"},
        {{.trace_buffer_size = 1073741825}, "trace_buffer_size: 1073741825"},
        {{.trace_rate = 1.001}, "trace_rate: 1.001 is more than 1"},
        {{.trace_rate = HUGE_VAL}, "trace_rate: inf is more than 1"},
        {{.trace_rate = NAN}, "trace_rate: is not a number"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        lambda_options options = wrong[i].options;
        lambda_t *lambda = NULL;
        memory = (test_memory){0};
        options.allocator = test_allocator(&memory);
        assert_fails(NULL, lambda_open(&options, &lambda), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, wrong[i].text);
        assert_null(lambda);
        assert_int_equal(memory.live, 0);
    }
    /* Nothing that was refused is the service's. */
    assert_int_equal(calls, 0);
}

static void edges_are_taken(void **state)
{
    (void)state;
    const lambda_options right[] = {
        {.log_level = LAMBDA_LOG_TRACE, .system_log_level = LAMBDA_LOG_DEBUG},
        {.log_level = LAMBDA_LOG_OFF, .system_log_level = LAMBDA_LOG_OFF},
        {.system_log_level = LAMBDA_LOG_INFO},
        {.system_log_level = LAMBDA_LOG_WARN},
        {.log_buffer_size = 16384, .trace_buffer_size = 16384},
        {.log_buffer_size = 1073741824, .trace_buffer_size = 1073741824},
        {.trace_rate = 1, .trace_reservoir = LAMBDA_TRACE_NONE},
        {.trace_rate = -1, .trace_reservoir = 1000000},
        {.trace_rate = -HUGE_VAL},
        /* What has no `write` is passed over, whatever its user pointer. */
        {.log = {{.user = &calls, .direct = true}}, .trace = {{.user = &calls, .direct = true}}},
    };
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        lambda_options options = right[i];
        memory = (test_memory){0};
        options.allocator = test_allocator(&memory);
        lambda_close(test_open(&options));
        assert_int_equal(memory.live, 0);
    }
}

static void defaults_are_filled_in(void **state)
{
    (void)state;
    lambda_options chosen;
    assert_int_equal(lambda__options_choose(NULL, 0, &chosen), LAMBDA_OK);
    assert_int_equal(chosen.log_level, LAMBDA_LOG_INFO);
    assert_int_equal(chosen.system_log_level, LAMBDA_LOG_INFO);
    assert_int_equal(chosen.log_buffer_size, 1048576);
    assert_int_equal(chosen.trace_buffer_size, 1048576);
    assert_int_equal(chosen.trace_reservoir, 1);
    assert_true(chosen.trace_rate == 0.05);
    assert_false(chosen.metrics);
    assert_int_equal(chosen.close_grace_ms, 2000);
    assert_int_equal(chosen.limits.concurrent_executions, 1000);
    assert_string_equal(chosen.region, "us-east-1");
    lambda_options given = {.log_level = LAMBDA_LOG_WARN,
                            .system_log_level = LAMBDA_LOG_OFF,
                            .log_buffer_size = 20000,
                            .trace_buffer_size = 30000,
                            .trace_reservoir = LAMBDA_TRACE_NONE,
                            .trace_rate = -0.5,
                            .metrics = true};
    assert_int_equal(lambda__options_choose(&given, sizeof(given), &chosen), LAMBDA_OK);
    assert_int_equal(chosen.log_level, LAMBDA_LOG_WARN);
    assert_int_equal(chosen.system_log_level, LAMBDA_LOG_OFF);
    assert_int_equal(chosen.log_buffer_size, 20000);
    assert_int_equal(chosen.trace_buffer_size, 30000);
    assert_true(chosen.trace_reservoir == LAMBDA_TRACE_NONE);
    assert_true(chosen.trace_rate == -0.5);
    assert_true(chosen.metrics);
    /* What an older host's struct has not is the default, whatever stands behind it. */
    assert_int_equal(lambda__options_choose(&given, offsetof(lambda_options, system_log_level), &chosen), LAMBDA_OK);
    assert_int_equal(chosen.log_level, LAMBDA_LOG_WARN);
    assert_int_equal(chosen.system_log_level, LAMBDA_LOG_INFO);
    assert_int_equal(chosen.log_buffer_size, 1048576);
    assert_true(chosen.trace_rate == 0.05);
    assert_false(chosen.metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(edges_are_taken),
        cmocka_unit_test(defaults_are_filled_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
