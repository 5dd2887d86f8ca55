/* The executor port: what is refused, and that a service without an executor makes no thread. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>

#include <lambda/concurrency.h>
#include <lambda/pump.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static lambda_status start(void *user, void (*work)(void *argument), void *argument)
{
    (void)user;
    (void)work;
    (void)argument;
    return LAMBDA_ERROR_SERVICE;
}

static void help(void *user, uint64_t until)
{
    (void)user;
    (void)until;
}

static void refused(lambda_executor executor, const char *text)
{
    lambda_t *lambda = NULL;
    assert_fails(NULL, lambda_open(&(lambda_options){.executor = executor}, &lambda), INVALID, text);
    assert_null(lambda);
}

static void wrong_executors_are_refused(void **state)
{
    (void)state;
    refused((lambda_executor){.kind = (lambda_executor_kind)7}, "executor.kind: 7");
    refused((lambda_executor){.kind = LAMBDA_EXECUTOR_HOST}, "executor.start: is NULL");
    refused((lambda_executor){.kind = LAMBDA_EXECUTOR_NONE, .start = start}, "executor.start: is for");
    refused((lambda_executor){.help = help}, "executor.help");
    refused((lambda_executor){.stack_size = 1000}, "executor.stack_size");
    refused((lambda_executor){.kind = LAMBDA_EXECUTOR_HOST, .start = start, .stack_size = 65536},
            "executor.stack_size");
}

/** Threads of this process; 0 where the system does not tell. */
static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return 0;
    for (const struct dirent *each = readdir(tasks); each; each = readdir(tasks))
        count += each->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void no_executor_no_thread(void **state)
{
    (void)state;
    test_clock clock = {.monotonic = 1, .wall = 1};
    int before = threads();
    lambda_t *lambda = test_open(&(lambda_options){
        .executor = {.kind = LAMBDA_EXECUTOR_NONE}, .clock = test_clock_port(&clock), .idle_timeout_ms = 1000});
    lambda_function_config config = {
        .function_name = "f", .publish = true, .spare_environments = 2, .code = lambda_code_native(test_nothing, NULL)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    config.function_name = "g";
    config.isolation = LAMBDA_ISOLATION_THREAD;
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "isolation");
    assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 2));
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), NULL));
    /* A budget of nothing is one piece. */
    lambda_pump_report report;
    assert_ok(lambda, lambda_pump(lambda, 0, &report));
    assert_int_equal(report.done, 1);
    assert_true(report.more);
    assert_int_equal(report.next_due_ns, 0);
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, &report));
    assert_true(report.done >= 3);
    assert_false(report.more);
    assert_true(report.next_due_ns > 0 && report.next_due_ns <= UINT64_C(1100000000));
    clock.monotonic += UINT64_C(5000000000);
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, NULL));
    lambda_statistics counts;
    assert_ok(lambda, lambda_statistics_get(lambda, &counts));
    /* The provisioned two stay. */
    assert_int_equal(counts.environments_started - counts.environments_ended, 2);
    assert_int_equal(threads(), before);
    assert_int_equal(lambda_close(lambda), 0);
    assert_fails(NULL, lambda_pump(NULL, 1, NULL), INVALID, "lambda");
}

static void a_refusing_executor_leaves_work_to_the_pump(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(&(lambda_options){.executor = {.kind = LAMBDA_EXECUTOR_HOST, .start = start}});
    lambda_function_config config = {
        .function_name = "f", .publish = true, .code = lambda_code_native(test_nothing, NULL)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 2));
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, NULL));
    lambda_provisioned_concurrency got;
    assert_ok(lambda, lambda_provisioned_concurrency_get(lambda, "f:1", &got));
    assert_int_equal(got.status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
    assert_int_equal(lambda_close(lambda), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_executors_are_refused),
        cmocka_unit_test(no_executor_no_thread),
        cmocka_unit_test(a_refusing_executor_leaves_work_to_the_pump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
