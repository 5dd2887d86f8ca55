/* What is counted, by function, qualifier and version: exact, under virtual time. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <lambda/concurrency.h>
#include <lambda/event_invoke_config.h>
#include <lambda/metrics.h>
#include <lambda/port/destination.h>
#include <lambda/testing.h>

#include "../async/async_world.h"
#include "../async/wrapped_queue.h"

static void open_counted(world *w, lambda_options options)
{
    options.metrics = true;
    open_with(w, &options);
}

/** Takes as many milliseconds as its event says, and then fails if that is odd. Its user pointer is the world. */
static lambda_status works(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    world *w = lambda_context_user(context);
    int ms = 0;
    lambda_status status = lambda_event_unpack(event, "i", &ms);
    if (status != LAMBDA_OK) return status;
    lambda_clock_virtual_step(w->clock, (uint64_t)ms * 1000000);
    return ms % 2 ? lambda_response_error(response, "Odd", "it is odd") : LAMBDA_OK;
}

static lambda_status takes_a_second(lambda_context *context)
{
    world *w = lambda_context_user(context);
    lambda_clock_virtual_step(w->clock, SECOND);
    return LAMBDA_OK;
}

static void create(world *w, const char *name, uint32_t memory_size)
{
    assert_ok(w->lambda,
              lambda_function_create(
                  w->lambda, &(lambda_function_config){.function_name = name,
                                                       .code = lambda_code_native_hooks(works, takes_a_second, NULL, w),
                                                       .memory_size = memory_size,
                                                       .timeout_ms = 5000}));
}

static void invoke(world *w, const char *name, int ms)
{
    char event[16];
    int length = snprintf(event, sizeof(event), "%d", ms);
    assert_ok(w->lambda, lambda_invoke(w->lambda, name, lambda_bytes_make(event, (size_t)length), NULL));
}

static lambda_metrics *read_metrics(const world *w)
{
    lambda_metrics *metrics = NULL;
    assert_ok(w->lambda, lambda_metrics_read(w->lambda, &metrics));
    assert_non_null(metrics);
    assert_int_equal(metrics->lost, 0);
    assert_false(metrics->overflowed);
    return metrics;
}

static const lambda_metrics_series *series_of(const lambda_metrics *metrics, const char *resource, const char *version)
{
    for (size_t i = 0; i < metrics->series_count; i++)
        if (strcmp(metrics->series[i].resource, resource) == 0 &&
            strcmp(metrics->series[i].executed_version, version) == 0)
            return &metrics->series[i];
    fail_msg("there is no series of %s that ran %s", resource, version);
    return NULL;
}

static void invocations_are_counted_by_what_was_invoked_and_what_ran(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    create(&w, "f", 256);
    create(&w, "g", 128);
    lambda_function_configuration *version = NULL;
    assert_ok(w.lambda, lambda_version_publish(w.lambda, "f", NULL, &version));
    lambda_function_configuration_free(version);
    assert_ok(w.lambda,
              lambda_alias_create(w.lambda, "f", &(lambda_alias_config){.name = "prod", .function_version = "1"}));
    invoke(&w, "f", 10);        /* cold: $LATEST */
    invoke(&w, "f", 20);        /* warm */
    invoke(&w, "f", 31);        /* fails */
    invoke(&w, "f:$LATEST", 2); /* the same version, another resource */
    invoke(&w, "f:prod", 40);   /* cold: 1 */
    invoke(&w, "f:1", 6000);    /* times out */
    invoke(&w, "g", 4);
    lambda_metrics *metrics = read_metrics(&w);

    const lambda_metrics_series *plain = series_of(metrics, "f", "$LATEST");
    assert_string_equal(plain->function_name, "f");
    assert_string_equal(plain->qualifier, "");
    assert_int_equal(plain->invocations, 3);
    assert_int_equal(plain->errors, 1);
    assert_int_equal(plain->timeouts, 0);
    assert_int_equal(plain->cold_starts, 1);
    assert_int_equal(plain->duration.count, 3);
    assert_true(plain->duration.sum == 61e6 && plain->duration.min == 10e6 && plain->duration.max == 31e6);
    assert_int_equal(plain->init_duration.count, 1);
    assert_true(plain->init_duration.sum == 1e9);
    assert_int_equal(plain->billed_duration_ms, 1010 + 20 + 31);
    assert_int_equal(plain->billed_mb_ms, 256 * (1010 + 20 + 31));

    assert_int_equal(series_of(metrics, "f:$LATEST", "$LATEST")->invocations, 1);
    const lambda_metrics_series *alias = series_of(metrics, "f:prod", "1");
    assert_string_equal(alias->qualifier, "prod");
    assert_int_equal(alias->invocations, 1);
    assert_int_equal(alias->cold_starts, 1);
    const lambda_metrics_series *late = series_of(metrics, "f:1", "1");
    assert_int_equal(late->invocations, 1);
    assert_int_equal(late->errors, 1);
    assert_int_equal(late->timeouts, 1);

    const lambda_metrics_series *f = lambda_metrics_function(metrics, "f");
    assert_non_null(f);
    assert_int_equal(f->invocations, 6);
    assert_int_equal(f->errors, 2);
    assert_int_equal(f->cold_starts, 2);
    assert_int_equal(f->duration.count, 6);
    assert_int_equal(lambda_metrics_resource(metrics, "f", "prod")->invocations, 1);
    assert_int_equal(lambda_metrics_resource(metrics, "f", NULL)->invocations, 3);
    assert_null(lambda_metrics_resource(metrics, "f", "2"));
    assert_null(lambda_metrics_function(metrics, "h"));
    assert_int_equal(metrics->total.invocations, 7);
    assert_int_equal(metrics->total.invocations, metrics->statistics.invocations);
    assert_int_equal(metrics->total.errors, metrics->statistics.errors);
    assert_int_equal(metrics->functions_count, 2);
    lambda_metrics_free(metrics);
    close_world(&w);
}

static void a_weighted_alias_tells_versions_apart(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    create(&w, "f", 0);
    for (int i = 0; i < 2; i++) {
        lambda_function_configuration *version = NULL;
        assert_ok(w.lambda, lambda_function_update_configuration(
                                w.lambda, "f", &(lambda_function_config){.description = i ? "two" : "one"}));
        assert_ok(w.lambda, lambda_version_publish(w.lambda, "f", NULL, &version));
        lambda_function_configuration_free(version);
    }
    assert_ok(w.lambda, lambda_alias_create(w.lambda, "f",
                                            &(lambda_alias_config){.name = "both",
                                                                   .function_version = "1",
                                                                   .additional_version = "2",
                                                                   .additional_weight = 0.5}));
    for (int i = 0; i < 200; i++)
        invoke(&w, "f:both", 2);
    lambda_metrics *metrics = read_metrics(&w);
    uint64_t first = series_of(metrics, "f:both", "1")->invocations;
    uint64_t second = series_of(metrics, "f:both", "2")->invocations;
    assert_true(first > 50 && second > 50);
    assert_int_equal(first + second, 200);
    assert_int_equal(lambda_metrics_resource(metrics, "f", "both")->invocations, 200);
    assert_string_equal(lambda_metrics_resource(metrics, "f", "both")->executed_version, "");
    lambda_metrics_free(metrics);
    close_world(&w);
}

static void what_is_refused_is_counted_too(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    create(&w, "f", 0);
    assert_ok(w.lambda, lambda_function_concurrency_put(w.lambda, "f", 0));
    for (int i = 0; i < 3; i++)
        assert_fails(w.lambda, lambda_invoke(w.lambda, "f", LAMBDA_JSON("1"), NULL), LAMBDA_ERROR_TOO_MANY_REQUESTS,
                     "");
    assert_fails(w.lambda, lambda_invoke(w.lambda, "none", LAMBDA_JSON("1"), NULL), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "none");
    lambda_metrics *metrics = read_metrics(&w);
    assert_int_equal(series_of(metrics, "f", "")->throttles, 3);
    assert_int_equal(series_of(metrics, "f", "")->invocations, 0);
    assert_int_equal(metrics->series_count, 1);
    lambda_metrics_free(metrics);
    close_world(&w);
}

static lambda_status again_and_again(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_status status = lambda_invoke(lambda_context_service(context), "f", LAMBDA_JSON("1"), NULL);
    if (status == LAMBDA_ERROR_RECURSIVE_INVOCATION) return LAMBDA_OK;
    return lambda_response_pack(response, "i", (int)status);
}

static void loops_are_counted(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    test_create(w.lambda, "f", again_and_again, NULL);
    assert_ok(w.lambda, lambda_invoke(w.lambda, "f", LAMBDA_JSON("1"), NULL));
    lambda_metrics *metrics = read_metrics(&w);
    assert_int_equal(metrics->total.invocations, 16);
    assert_int_equal(metrics->total.recursive_invocations_dropped, 1);
    lambda_metrics_free(metrics);
    close_world(&w);
}

/* ---- asynchronous */

static void events_are_counted_from_acceptance_to_their_end(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    test_create(w.lambda, "f", note, &w);
    w.failures = 100;
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    w.failures = w.runs; /* from now on none */
    lambda_bytes payloads[3] = {LAMBDA_JSON("1"), LAMBDA_JSON("2"), LAMBDA_JSON("3")};
    assert_ok(w.lambda, lambda_invoke_async_batch(w.lambda, "f", payloads, 3, NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    lambda_metrics *metrics = read_metrics(&w);
    const lambda_metrics_series *f = lambda_metrics_function(metrics, "f");
    assert_int_equal(f->async_events_received, 4);
    assert_int_equal(f->async_events_dropped, 1);
    assert_int_equal(f->invocations, 6); /* three attempts of one, one of each other */
    assert_int_equal(f->errors, 3);
    /* At once, after a minute, and after two more. */
    assert_int_equal(f->async_event_age.count, 6);
    assert_true(f->async_event_age.max >= 180e9 && f->async_event_age.max < 181e9);
    assert_int_equal(metrics->async_events_waiting, 0);
    lambda_metrics_free(metrics);
    close_world(&w);
}

static lambda_status refuses(void *user, const lambda_delivery *delivery)
{
    (void)user;
    (void)delivery;
    return LAMBDA_ERROR_SERVICE;
}

static void deliveries_that_fail_are_counted(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    test_create(w.lambda, "f", note, &w);
    w.failures = 100;
    assert_ok(w.lambda, lambda_destination_register(w.lambda, "nowhere", &(lambda_destination){.deliver = refuses}));
    assert_ok(w.lambda,
              lambda_event_invoke_config_put(w.lambda, "f", &(lambda_event_invoke_config){.on_failure = "nowhere"}));
    assert_ok(w.lambda, lambda_function_update_configuration(
                            w.lambda, "f", &(lambda_function_config){.dead_letter_target_arn = "nowhere"}));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    lambda_metrics *metrics = read_metrics(&w);
    const lambda_metrics_series *f = lambda_metrics_function(metrics, "f");
    assert_int_equal(f->destination_delivery_failures, 1);
    assert_int_equal(f->dead_letter_errors, 1);
    lambda_metrics_free(metrics);
    close_world(&w);
}

/* ---- switched off */

static void off_for_a_service_or_a_function(void **state)
{
    (void)state;
    world w;
    lambda_metrics *metrics = NULL;
    open_world(&w);
    create(&w, "f", 0);
    invoke(&w, "f", 2);
    assert_fails(w.lambda, lambda_metrics_read(w.lambda, &metrics), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "metrics");
    assert_null(metrics);
    close_world(&w);
    open_counted(&w, (lambda_options){0});
    create(&w, "f", 0);
    create(&w, "seen", 0);
    assert_ok(w.lambda, lambda_function_update_configuration(
                            w.lambda, "f", &(lambda_function_config){.metrics_mode = LAMBDA_METRICS_OFF}));
    invoke(&w, "f", 2);
    invoke(&w, "seen", 2);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("2"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_ok(w.lambda, lambda_function_concurrency_put(w.lambda, "f", 0));
    assert_fails(w.lambda, lambda_invoke(w.lambda, "f", LAMBDA_JSON("1"), NULL), LAMBDA_ERROR_TOO_MANY_REQUESTS, "");
    metrics = read_metrics(&w);
    assert_null(lambda_metrics_function(metrics, "f"));
    assert_int_equal(metrics->total.invocations, 1);
    assert_int_equal(metrics->statistics.invocations, 3);
    lambda_metrics_free(metrics);
    assert_ok(w.lambda, lambda_function_concurrency_delete(w.lambda, "f"));
    assert_ok(w.lambda, lambda_function_update_configuration(
                            w.lambda, "f", &(lambda_function_config){.metrics_mode = LAMBDA_METRICS_ON}));
    invoke(&w, "f", 2);
    metrics = read_metrics(&w);
    assert_int_equal(lambda_metrics_function(metrics, "f")->invocations, 1);
    lambda_metrics_free(metrics);
    close_world(&w);
}

/* ---- gauges, and what handlers measure */

static lambda_status measures(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)response;
    world *w = lambda_context_user(context);
    double value = 0;
    lambda_status status = lambda_event_unpack(event, "F", &value);
    if (status == LAMBDA_OK) status = lambda_metric_put(context, "OrderValue", value, LAMBDA_UNIT_NONE);
    if (status == LAMBDA_OK) status = lambda_metric_put(context, "OrderValue", 1, LAMBDA_UNIT_COUNT);
    lambda_metrics *metrics = read_metrics(w);
    /* This one runs. */
    assert_int_equal(metrics->concurrency.concurrent_executions, 1);
    assert_int_equal(metrics->unreserved_concurrent_executions, 1);
    assert_int_equal(metrics->by_function_count, 1);
    assert_string_equal(metrics->by_function[0].function_name, "f");
    assert_int_equal(metrics->by_function[0].concurrent_executions, 1);
    lambda_metrics_free(metrics);
    assert_fails(w->lambda, lambda_metric_put(context, "", 1, LAMBDA_UNIT_NONE), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "name");
    assert_fails(w->lambda, lambda_metric_put(context, "\n", 1, LAMBDA_UNIT_NONE), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "name");
    assert_fails(w->lambda, lambda_metric_put(context, "x", 0.0 / 0.0, LAMBDA_UNIT_NONE),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "value");
    assert_fails(w->lambda, lambda_metric_put(context, "x", 1, (lambda_metric_unit)99),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "unit");
    return status;
}

static void handlers_measure(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    test_create(w.lambda, "f", measures, &w);
    static const char *const values[] = {"2.5", "-1.5", "0", "1000000"};
    for (int i = 0; i < 4; i++)
        assert_ok(w.lambda, lambda_invoke(w.lambda, "f", lambda_bytes_make(values[i], strlen(values[i])), NULL));
    lambda_metrics *metrics = read_metrics(&w);
    assert_int_equal(metrics->user_count, 2);
    const lambda_user_metric *plain = &metrics->user[0];
    assert_string_equal(plain->function_name, "f");
    assert_string_equal(plain->name, "OrderValue");
    assert_int_equal(plain->unit, LAMBDA_UNIT_NONE);
    assert_int_equal(plain->values.count, 4);
    assert_true(plain->values.sum == 1000001 && plain->values.min == -1.5 && plain->values.max == 1000000);
    assert_true(plain->values.p50 == 0);
    assert_int_equal(metrics->user[1].unit, LAMBDA_UNIT_COUNT);
    assert_int_equal(metrics->user[1].values.count, 4);
    assert_int_equal(metrics->concurrency.concurrent_executions, 0);
    assert_int_equal(metrics->concurrency.environments, 1);
    assert_string_equal(lambda_metric_unit_name(LAMBDA_UNIT_KILOBYTES_PER_SECOND), "Kilobytes/Second");
    lambda_metrics_free(metrics);
    close_world(&w);
}

static void provisioned_environments_are_told_apart(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    create(&w, "f", 128);
    lambda_function_configuration *version = NULL;
    assert_ok(w.lambda, lambda_version_publish(w.lambda, "f", NULL, &version));
    lambda_function_configuration_free(version);
    assert_ok(w.lambda, lambda_provisioned_concurrency_put(w.lambda, "f:1", 2));
    lambda_clock_virtual_run(w.clock, 10 * SECOND);
    invoke(&w, "f:1", 10);
    lambda_metrics *metrics = read_metrics(&w);
    const lambda_metrics_series *seen = series_of(metrics, "f:1", "1");
    assert_int_equal(seen->provisioned_invocations, 1);
    assert_int_equal(seen->provisioned_spillovers, 0);
    assert_int_equal(seen->cold_starts, 0);
    assert_int_equal(seen->provisioned_billed_mb_ms, 128 * 10);
    assert_int_equal(metrics->concurrency.provisioned, 2);
    assert_int_equal(metrics->concurrency.provisioned_executions, 0);
    lambda_metrics_free(metrics);
    close_world(&w);
}

static lambda_status counts(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)response;
    int value = 0;
    lambda_status status = lambda_event_unpack(event, "i", &value);
    return status == LAMBDA_OK ? lambda_metric_put(context, "whole", value, LAMBDA_UNIT_COUNT) : status;
}

static void small_whole_measurements_are_exact(void **state)
{
    (void)state;
    world w;
    open_counted(&w, (lambda_options){0});
    test_create(w.lambda, "f", counts, NULL);
    for (int i = -20; i <= 40; i += 10)
        invoke(&w, "f", i);
    lambda_metrics *metrics = read_metrics(&w);
    const lambda_distribution *values = &metrics->user[0].values;
    assert_true(values->whole);
    for (int i = 0; i < 7; i++)
        assert_true(lambda_distribution_quantile(values, (i + 0.5) / 7) == -20 + 10 * i);
    lambda_metrics_free(metrics);
    close_world(&w);
}

static void an_end_that_the_queue_does_not_keep_is_counted_once(void **state)
{
    (void)state;
    wrapped_queue queue;
    world w;
    wrapped_open(&queue);
    lambda_options options = {.metrics = true, .queue = wrapped_port(&queue)};
    memset(&w, 0, sizeof(w));
    assert_int_equal(lambda_clock_virtual_open(7, 0, &w.clock), LAMBDA_OK);
    lambda_clock_virtual_options(w.clock, &options);
    options.executor = (lambda_executor){.kind = LAMBDA_EXECUTOR_NONE};
    w.log = lambda_test_log_new();
    options.log[0] = lambda_test_log_sink(w.log);
    w.lambda = test_open(&options);
    test_create(w.lambda, "f", note, &w);
    w.failures = 100;
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    atomic_store(&queue.fail_acknowledges, 8);
    for (int i = 0; i < 60; i++) {
        lambda_clock_virtual_step(w.clock, 60 * SECOND);
        assert_ok(w.lambda, lambda_pump(w.lambda, SECOND, NULL));
    }
    lambda_metrics *metrics = read_metrics(&w);
    assert_int_equal(metrics->total.async_events_dropped, 1);
    assert_int_equal(metrics->async_events_waiting, 0);
    assert_int_equal(statistics(&w).dropped_retries_exhausted, 1);
    assert_int_equal(lambda_test_log_count(w.log, "the event was dropped"), 1);
    lambda_metrics_free(metrics);
    close_world(&w);
}

/* ---- memory */

static void readings_outlive_the_service(void **state)
{
    (void)state;
    world w;
    test_memory memory = {0};
    open_counted(&w, (lambda_options){.allocator = test_allocator(&memory)});
    create(&w, "f", 0);
    invoke(&w, "f", 2);
    lambda_metrics *metrics = NULL;
    long at = 1;
    for (;; at++) {
        memory.requests = 0;
        memory.fail_at = at;
        lambda_status status = lambda_metrics_read(w.lambda, &metrics);
        memory.fail_at = 0;
        if (status == LAMBDA_OK) break;
        assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_null(metrics);
    }
    assert_true(at > 3);
    close_world(&w);
    assert_int_equal(lambda_metrics_function(metrics, "f")->invocations, 1);
    assert_true(memory.live > 0);
    lambda_metrics_free(metrics);
    lambda_metrics_free(NULL);
    assert_int_equal(memory.live, 0);
}

static void without_memory_invocations_run_and_the_loss_is_told(void **state)
{
    (void)state;
    uint64_t told_lost = 0;
    for (long at = 1; at < 60; at++) {
        world w;
        test_memory memory = {0};
        open_counted(&w, (lambda_options){.allocator = test_allocator(&memory)});
        create(&w, "f", 0);
        create(&w, "g", 0);
        memory.requests = 0;
        memory.fail_at = at;
        lambda_status status = lambda_invoke(w.lambda, "f", LAMBDA_JSON("2"), NULL);
        memory.fail_at = 0;
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        lambda_metrics *metrics = NULL;
        assert_ok(w.lambda, lambda_metrics_read(w.lambda, &metrics));
        const lambda_metrics_series *f = lambda_metrics_function(metrics, "f");
        uint64_t counted = f ? f->invocations : 0;
        if (status == LAMBDA_OK) assert_true(counted == 1 || metrics->lost > 0);
        told_lost += metrics->lost;
        lambda_metrics_free(metrics);
        close_world(&w);
        assert_int_equal(memory.live, 0);
    }
    assert_true(told_lost > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invocations_are_counted_by_what_was_invoked_and_what_ran),
        cmocka_unit_test(a_weighted_alias_tells_versions_apart),
        cmocka_unit_test(what_is_refused_is_counted_too),
        cmocka_unit_test(loops_are_counted),
        cmocka_unit_test(events_are_counted_from_acceptance_to_their_end),
        cmocka_unit_test(deliveries_that_fail_are_counted),
        cmocka_unit_test(off_for_a_service_or_a_function),
        cmocka_unit_test(handlers_measure),
        cmocka_unit_test(provisioned_environments_are_told_apart),
        cmocka_unit_test(small_whole_measurements_are_exact),
        cmocka_unit_test(an_end_that_the_queue_does_not_keep_is_counted_once),
        cmocka_unit_test(readings_outlive_the_service),
        cmocka_unit_test(without_memory_invocations_run_and_the_loss_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
