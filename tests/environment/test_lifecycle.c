/* The life of environments: init and its second attempt, shutdown and its reasons, idle retirement, /tmp, pumping. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/port/runtime.h>
#include <lambda/testing.h>

#define SECOND UINT64_C(1000000000)

/** What a function's hooks have seen, and what they are to do. */
typedef struct life {
    lambda_clock_virtual *clock;
    int inits;
    int fail_inits;      /* so many fail */
    uint64_t init_takes; /* ns */
    uint64_t call_takes; /* ns */
    bool retire;
    size_t write;     /* bytes to write to /tmp */
    int shutdowns[8]; /* by reason */
} life;

static lambda_status life_init(lambda_context *context)
{
    life *seen = lambda_context_user(context);
    seen->inits++;
    assert_null(lambda_context_state(context));
    lambda_context_set_state(context, seen);
    lambda_clock_virtual_step(seen->clock, seen->init_takes);
    if (seen->fail_inits > 0) {
        seen->fail_inits--;
        return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_SERVICE, "no table");
    }
    return LAMBDA_OK;
}

static void life_shutdown(lambda_context *context)
{
    life *seen = lambda_context_user(context);
    assert_ptr_equal(lambda_context_state(context), seen);
    seen->shutdowns[lambda_context_shutdown_reason(context)]++;
}

static lambda_status life_call(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    life *seen = lambda_context_user(context);
    lambda_clock_virtual_step(seen->clock, seen->call_takes);
    if (seen->retire) lambda_context_retire(context);
    if (seen->write > 0) {
        const char *directory = NULL;
        char path[4200];
        assert_ok(lambda_context_service(context), lambda_context_temporary_directory(context, &directory));
        snprintf(path, sizeof(path), "%s/data", directory);
        assert_int_equal(close(mkstemp(strcat(strcpy(path, directory), "/dataXXXXXX"))), 0);
        assert_int_equal(truncate(path, (off_t)seen->write), 0);
        uint64_t bytes = 0;
        assert_ok(lambda_context_service(context), lambda_context_temporary_directory_size(context, &bytes));
        assert_true(bytes >= seen->write);
    }
    return lambda_response_write(response, "1", 1);
}

typedef struct world {
    lambda_clock_virtual *clock;
    lambda_t *lambda;
    lambda_test_log *log;
    life seen;
    lambda_result result;
} world;

static void open_world(world *all, lambda_isolation isolation, lambda_options options)
{
    *all = (world){.log = lambda_test_log_new()};
    assert_int_equal(lambda_clock_virtual_open(7, 0, &all->clock), LAMBDA_OK);
    lambda_clock_virtual_options(all->clock, &options);
    options.log[0] = lambda_test_log_sink(all->log);
    all->lambda = test_open(&options);
    all->seen.clock = all->clock;
    lambda_function_config config = {.function_name = "f",
                                     .isolation = isolation,
                                     .code = lambda_code_native_hooks(life_call, life_init, life_shutdown, &all->seen)};
    assert_ok(all->lambda, lambda_function_create(all->lambda, &config));
}

static void close_world(world *all)
{
    lambda_statistics counts = {0};
    lambda_result_clear(&all->result);
    assert_ok(all->lambda, lambda_statistics_get(all->lambda, &counts));
    assert_int_equal(lambda_close(all->lambda), 0);
    int shutdowns = 0;
    for (int i = 0; i < 8; i++)
        shutdowns += all->seen.shutdowns[i];
    assert_true(shutdowns <= all->seen.inits);
    lambda_clock_virtual_close(all->clock);
    lambda_test_log_free(all->log);
}

static void invoke(world *all)
{
    assert_ok(all->lambda, lambda_invoke(all->lambda, "f", LAMBDA_JSON("{}"), &all->result));
}

static const lambda_isolation isolations[] = {LAMBDA_ISOLATION_INLINE, LAMBDA_ISOLATION_THREAD};

static void a_failed_init_is_tried_once_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world all;
        open_world(&all, isolations[i], (lambda_options){0});
        all.seen.fail_inits = 1;
        invoke(&all);
        assert_null(all.result.function_error);
        assert_int_equal(all.seen.inits, 2);
        assert_int_equal(lambda_test_log_count(all.log, "Phase: init\tStatus: error\tError Type: Runtime.InitError"),
                         1);
        all.seen.fail_inits = 2;
        assert_ok(all.lambda,
                  lambda_function_update_configuration(all.lambda, "f", &(lambda_function_config){.description = "2"}));
        lambda_clock_virtual_run(all.clock, 0);
        assert_int_equal(all.seen.shutdowns[LAMBDA_SHUTDOWN_UPDATE], 1);
        invoke(&all);
        test_assert_payload(&all.result,
                            "{\"errorMessage\":\"no table\",\"errorType\":\"Runtime.InitError\",\"stackTrace\":[]}");
        assert_int_equal(lambda_test_log_count(all.log, "Phase: invoke\tStatus: error"), 1);
        assert_int_equal(all.seen.inits, 4);
        close_world(&all);
    }
}

static void a_long_init_is_reported_and_too_long_a_one_times_out(void **state)
{
    (void)state;
    world all;
    open_world(&all, LAMBDA_ISOLATION_INLINE, (lambda_options){0});
    all.seen.init_takes = 11 * SECOND;
    invoke(&all);
    assert_null(all.result.function_error);
    assert_int_equal(all.result.init_duration_ns, 11 * SECOND);
    assert_int_equal(
        lambda_test_log_count(all.log, "INIT_REPORT Init Duration: 11000.00 ms\tPhase: init\tStatus: timeout"), 1);
    assert_ok(all.lambda,
              lambda_function_update_configuration(all.lambda, "f", &(lambda_function_config){.timeout_ms = 500}));
    invoke(&all);
    assert_string_equal(all.result.function_error, "Unhandled");
    assert_non_null(strstr(all.result.payload.data, "Task timed out after 0.50 seconds"));
    assert_int_equal(all.seen.shutdowns[LAMBDA_SHUTDOWN_TIMEOUT], 1);
    close_world(&all);
}

static void idle_environments_end_at_their_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world all;
        open_world(&all, isolations[i], (lambda_options){.idle_timeout_ms = 60000});
        invoke(&all);
        lambda_clock_virtual_step(all.clock, 50 * SECOND);
        invoke(&all);
        assert_false(all.result.cold_start);
        lambda_clock_virtual_step(all.clock, 60 * SECOND - 1);
        assert_int_equal(all.seen.shutdowns[LAMBDA_SHUTDOWN_IDLE], 0);
        lambda_clock_virtual_step(all.clock, SECOND);
        assert_int_equal(all.seen.shutdowns[LAMBDA_SHUTDOWN_IDLE], 1);
        assert_int_equal(lambda_clock_virtual_run(all.clock, UINT64_MAX), 0);
        invoke(&all);
        assert_true(all.result.cold_start);
        lambda_statistics counts;
        assert_ok(all.lambda, lambda_statistics_get(all.lambda, &counts));
        assert_int_equal(counts.environments_started, 2);
        assert_int_equal(counts.environments_ended, 1);
        close_world(&all);
        assert_int_equal(all.seen.shutdowns[LAMBDA_SHUTDOWN_CLOSE], 1);
    }
}

static void environments_may_stay_forever(void **state)
{
    (void)state;
    world all;
    open_world(&all, LAMBDA_ISOLATION_INLINE, (lambda_options){.idle_timeout_ms = LAMBDA_IDLE_FOREVER});
    invoke(&all);
    assert_false(lambda_clock_virtual_step_next(all.clock));
    lambda_clock_virtual_step(all.clock, 1000000 * SECOND);
    invoke(&all);
    assert_false(all.result.cold_start);
    close_world(&all);
}

static void an_overrun_or_a_broken_environment_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world all;
        open_world(&all, isolations[i], (lambda_options){0});
        all.seen.call_takes = 4 * SECOND;
        invoke(&all);
        assert_non_null(strstr(all.result.payload.data, "Sandbox.Timedout"));
        lambda_clock_virtual_run(all.clock, 0);
        assert_int_equal(all.seen.shutdowns[LAMBDA_SHUTDOWN_TIMEOUT], 1);
        all.seen.call_takes = 0;
        all.seen.retire = true;
        invoke(&all);
        assert_null(all.result.function_error);
        lambda_clock_virtual_run(all.clock, 0);
        assert_int_equal(all.seen.shutdowns[LAMBDA_SHUTDOWN_FAILURE], 1);
        all.seen.retire = false;
        invoke(&all);
        assert_true(all.result.cold_start);
        lambda_statistics counts;
        assert_ok(all.lambda, lambda_statistics_get(all.lambda, &counts));
        assert_int_equal(counts.timeouts, 1);
        close_world(&all);
    }
}

static void too_much_in_tmp_is_reported_and_ends_the_environment(void **state)
{
    (void)state;
    world all;
    open_world(&all, LAMBDA_ISOLATION_INLINE, (lambda_options){0});
    all.seen.write = (size_t)400 << 20; /* a hole: it takes no room on the disk */
    invoke(&all);
    assert_null(all.result.function_error);
    assert_int_equal(lambda_test_log_count(all.log, "more than its size"), 0);
    invoke(&all);
    assert_null(all.result.function_error);
    assert_int_equal(lambda_test_log_count(all.log, "more than its size of 512 MB"), 1);
    assert_int_equal(all.seen.shutdowns[LAMBDA_SHUTDOWN_FAILURE], 1);
    close_world(&all);
}

static void without_an_executor_pump_does_the_work(void **state)
{
    (void)state;
    test_clock clock = {0};
    life seen = {0};
    lambda_t *lambda = test_open(&(lambda_options){
        .clock = test_clock_port(&clock), .executor = {.kind = LAMBDA_EXECUTOR_NONE}, .idle_timeout_ms = 64});
    lambda_function_config config = {.function_name = "f",
                                     .code = lambda_code_native_hooks(life_call, life_init, life_shutdown, &seen)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    config.function_name = "t";
    config.isolation = LAMBDA_ISOLATION_THREAD;
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "isolation");
    config.function_name = NULL;
    config.code = (lambda_code){0};
    assert_fails(lambda, lambda_function_update_configuration(lambda, "f", &config),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "isolation");
    lambda_pump_report report;
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, &report));
    assert_int_equal(report.done, 0);
    assert_true(report.next_due_ns == UINT64_MAX && !report.more);
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), NULL));
    clock.monotonic += 1000000;
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, &report));
    assert_int_equal(report.next_due_ns, 63000000);
    clock.monotonic += 63000000;
    assert_ok(lambda, lambda_pump(lambda, 0, &report));
    assert_int_equal(report.done, 1);
    assert_int_equal(seen.shutdowns[LAMBDA_SHUTDOWN_IDLE], 1);
    assert_ok(lambda, lambda_pump(lambda, 0, NULL));
    assert_fails(NULL, lambda_pump(NULL, 0, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda");
    lambda_close(lambda);
}

static void options_are_checked(void **state)
{
    (void)state;
    const struct {
        lambda_options options;
        const char *text;
    } wrong[] = {
        {{.executor = {.kind = (lambda_executor_kind)9}}, "executor.kind"},
        {{.executor = {.kind = LAMBDA_EXECUTOR_HOST}}, "executor.start"},
        {{.executor = {.stack_size = 1}}, "executor.stack_size"},
        {{.close_grace_ms = 3600001}, "close_grace_ms"},
        {{.limits = {.scaling_rate = 1000000001}}, "limits.scaling_rate"},
        {{.limits = {.init_timeout_ms = 900001}}, "limits.init_timeout_ms"},
        {{.limits = {.unreserved_concurrent_executions = 1001}}, "limits.unreserved_concurrent_executions"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        lambda_t *lambda = NULL;
        assert_fails(NULL, lambda_open(&wrong[i].options, &lambda), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                     wrong[i].text);
        assert_null(lambda);
    }
    assert_string_equal(lambda_shutdown_reason_name(LAMBDA_SHUTDOWN_IDLE), "idle");
    assert_string_equal(lambda_shutdown_reason_name((lambda_shutdown_reason)17), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_init_is_tried_once_more),
        cmocka_unit_test(a_long_init_is_reported_and_too_long_a_one_times_out),
        cmocka_unit_test(idle_environments_end_at_their_time),
        cmocka_unit_test(environments_may_stay_forever),
        cmocka_unit_test(an_overrun_or_a_broken_environment_ends),
        cmocka_unit_test(too_much_in_tmp_is_reported_and_ends_the_environment),
        cmocka_unit_test(without_an_executor_pump_does_the_work),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
