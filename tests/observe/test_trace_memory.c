/* Memory of traces, and exporters that are opened, fail and are closed. */
#include "trace_world.h"

#include <stdlib.h>

static lambda_status says_much(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    for (int i = 0; i < 20; i++) {
        (void)lambda_subsegment_begin(context, "s");
        (void)lambda_annotate_string(context, "k", "v");
        (void)lambda_subsegment_end(context);
    }
    return LAMBDA_OK;
}

static void a_warm_invocation_allocates_nothing(void **state)
{
    (void)state;
    test_memory memory = {0};
    traced *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    trace_open(w, &(lambda_options){.allocator = test_allocator(&memory)});
    trace_create(w, "says", says_much, LAMBDA_TRACING_DEFAULT);
    lambda_result result = {0};
    lambda_invoke_options options = {.trace_id = SAMPLED_HEADER};
    for (int i = 0; i < 2; i++)
        assert_ok(w->lambda, lambda_invoke_with(w->lambda, "says", LAMBDA_JSON("1"), &options, &result));
    long before = memory.requests;
    assert_ok(w->lambda, lambda_invoke_with(w->lambda, "says", LAMBDA_JSON("1"), &options, &result));
    assert_int_equal(memory.requests, before);
    lambda_result_clear(&result);
    trace_close(w);
    free(w);
    assert_int_equal(memory.live, 0);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool whole = false;
    for (long fail_at = 1; !whole; fail_at++) {
        test_memory memory = {0};
        traced *w = calloc(1, sizeof(*w));
        assert_non_null(w);
        trace_open(w, &(lambda_options){.allocator = test_allocator(&memory)});
        trace_create(w, "f", says_much, LAMBDA_TRACING_DEFAULT);
        memory.fail_at = fail_at;
        lambda_invoke_options options = {.trace_id = SAMPLED_HEADER};
        lambda_status status = lambda_invoke_with(w->lambda, "f", LAMBDA_JSON("1"), &options, NULL);
        whole = memory.fail_at > 0;
        memory.fail_at = 0;
        /* What does not run for want of memory has no segment; what runs has one, if with less in it. */
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(w->count, status == LAMBDA_OK);
        trace_forget(w);
        trace_invoke(w, "f", SAMPLED_HEADER);
        assert_int_equal(w->count, 1);
        assert_null(strstr(w->text, "dropped"));
        trace_close(w);
        free(w);
        assert_int_equal(memory.live, 0);
    }
}

static void opening_may_fail(void **state)
{
    (void)state;
    traced w = {0};
    test_memory memory = {0};
    lambda_status status;
    long fail_at = 0;
    do {
        memory = (test_memory){.fail_at = ++fail_at};
        lambda_options options = {
            .allocator = test_allocator(&memory),
            .trace = {{.write = keep_traced, .close = close_traced_exporter, .user = &w, .direct = true}}};
        status = lambda_open(&options, &w.lambda);
        /* A service that was not opened does not close what it was to be given. */
        assert_int_equal(w.closed, 0);
        assert_true(status == LAMBDA_OK || memory.live == 0);
    } while (status == LAMBDA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(status, LAMBDA_OK);
    lambda_close(w.lambda);
    assert_int_equal(w.closed, 1);
    assert_int_equal(memory.live, 0);
}

static void what_an_exporter_loses_is_counted(void **state)
{
    (void)state;
    traced *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    trace_open(w, &(lambda_options){0});
    trace_create(w, "f", test_nothing, LAMBDA_TRACING_DEFAULT);
    w->answer = LAMBDA_ERROR_SERVICE;
    trace_invoke(w, "f", SAMPLED_HEADER);
    trace_invoke(w, "f", SAMPLED_HEADER);
    lambda_statistics statistics;
    assert_ok(w->lambda, lambda_statistics_get(w->lambda, &statistics));
    assert_int_equal(statistics.trace_segments_failed, 2);
    assert_int_equal(statistics.trace_segments_dropped, 0);
    trace_close(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_invocation_allocates_nothing),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(opening_may_fail),
        cmocka_unit_test(what_an_exporter_loses_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
