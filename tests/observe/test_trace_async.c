/* Traces of events: what a handler accepts, attempts, destinations. */
#include "trace_world.h"

#include <stdlib.h>

#include <lambda/clock_virtual.h>

typedef struct events {
    traced world;
    lambda_clock_virtual *clock;
    int failures; /* so many runs of "flaky" fail */
} events;

static lambda_status accepts(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    lambda_bytes two[] = {LAMBDA_JSON("1"), LAMBDA_JSON("2")};
    assert_ok(lambda, lambda_invoke_async(lambda, "later", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(lambda, lambda_invoke_async_batch(lambda, "later", two, 2, NULL, NULL));
    (void)lambda_invoke_async(lambda, "nobody", LAMBDA_JSON("1"), NULL, NULL);
    assert_ok(lambda, lambda_invoke_async(lambda, "later", LAMBDA_JSON("1"),
                                          &(lambda_async_options){.trace_id = SAMPLED_HEADER}, NULL));
    return LAMBDA_OK;
}

static lambda_status later(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    events *e = lambda_context_user(context);
    snprintf(e->world.header, sizeof(e->world.header), "%s", lambda_context_trace_id(context));
    return LAMBDA_OK;
}

static lambda_status flaky(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    events *e = lambda_context_user(context);
    return e->failures-- > 0 ? lambda_response_error(response, "Flaky", "not now") : LAMBDA_OK;
}

static void open_events(events *e, lambda_options *options)
{
    assert_ok(NULL, lambda_clock_virtual_open(3, 0, &e->clock));
    lambda_clock_virtual_options(e->clock, options);
    trace_open(&e->world, options);
}

static events *begin(void)
{
    events *e = calloc(1, sizeof(*e));
    assert_non_null(e);
    open_events(e, &(lambda_options){.trace_rate = 1});
    trace_create(&e->world, "accepts", accepts, LAMBDA_TRACING_PASS_THROUGH);
    trace_create(&e->world, "later", later, LAMBDA_TRACING_PASS_THROUGH);
    trace_create(&e->world, "flaky", flaky, LAMBDA_TRACING_ACTIVE);
    return e;
}

static void end(events *e)
{
    trace_close(&e->world);
    lambda_clock_virtual_close(e->clock);
    free(e);
}

static void run_all(events *e)
{
    lambda_clock_virtual_run(e->clock, UINT64_C(86400) * 1000 * MS);
}

static const kept_segment *find(const traced *w, const char *name)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->segments[i].name, name) == 0) return &w->segments[i];
    fail_msg("no segment of %s", name);
    return NULL;
}

static size_t count_children(const traced *w, uint64_t parent)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++)
        count += w->segments[i].parent_id == parent;
    return count;
}

static void events_are_linked_to_the_call(void **state)
{
    (void)state;
    events *e = begin();
    static const char header[] = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    trace_invoke(&e->world, "accepts", header);
    run_all(e);
    assert_int_equal(e->world.count, 5);
    const kept_segment *accepted = find(&e->world, "accepts");
    assert_int_equal(accepted->calls_count, 4);
    assert_int_equal(count_children(&e->world, accepted->calls[0]), 1);
    assert_int_equal(count_children(&e->world, accepted->calls[1]), 2);
    /* Its own header wins. */
    assert_int_equal(count_children(&e->world, accepted->calls[3]), 0);
    assert_int_equal(count_children(&e->world, UINT64_C(0x53995c3f42cd8ad8)), 1);
    for (size_t i = 0; i < e->world.count; i++)
        assert_int_equal(e->world.segments[i].trace_id.low, UINT64_C(0xe1be46a994272793));
    assert_non_null(strstr(e->world.text, "CALL later "));
    assert_non_null(strstr(e->world.text, " error asynchronous ResourceNotFoundException\n"));
    end(e);
}

static void what_is_not_sampled_stays_so(void **state)
{
    (void)state;
    events *e = begin();
    trace_create(&e->world, "active", flaky, LAMBDA_TRACING_ACTIVE);
    trace_invoke(&e->world, "accepts", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0");
    run_all(e);
    /* But for the one with a header of its own. */
    assert_int_equal(e->world.count, 1);
    assert_memory_equal(e->world.header, SAMPLED_HEADER, 40);
    end(e);
}

static void attempts_are_of_one_trace(void **state)
{
    (void)state;
    events *e = begin();
    e->failures = 2;
    lambda_request_id id;
    assert_ok(e->world.lambda, lambda_invoke_async(e->world.lambda, "flaky", LAMBDA_JSON("1"), NULL, &id));
    run_all(e);
    assert_int_equal(e->world.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const kept_segment *each = &e->world.segments[i];
        assert_int_equal(each->trace_id.high, e->world.segments[0].trace_id.high);
        assert_int_equal(each->trace_id.low, e->world.segments[0].trace_id.low);
        assert_int_equal(each->parent_id, 0);
        assert_int_equal(each->request_id.low, id.low);
        assert_true(i == 0 || each->id != e->world.segments[i - 1].id);
    }
    end(e);
}

static void traceparents_are_taken(void **state)
{
    (void)state;
    events *e = begin();
    lambda_t *lambda = e->world.lambda;
    lambda_async_options options = {.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    assert_ok(lambda, lambda_invoke_async(lambda, "later", LAMBDA_JSON("1"), &options, NULL));
    run_all(e);
    assert_int_equal(e->world.count, 1);
    assert_int_equal(e->world.segments[0].trace_id.high, UINT64_C(0x4bf92f3577b34da6));
    assert_int_equal(e->world.segments[0].parent_id, UINT64_C(0x00f067aa0ba902b7));
    options.trace_id = SAMPLED_HEADER;
    assert_fails(lambda, lambda_invoke_async(lambda, "later", LAMBDA_JSON("1"), &options, NULL),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "traceparent");
    options = (lambda_async_options){.traceparent = "00"};
    assert_fails(lambda, lambda_invoke_async(lambda, "later", LAMBDA_JSON("1"), &options, NULL),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "traceparent");
    end(e);
}

static void destinations_go_on_with_the_trace(void **state)
{
    (void)state;
    events *e = begin();
    lambda_t *lambda = e->world.lambda;
    assert_ok(lambda,
              lambda_event_invoke_config_put(lambda, "flaky", &(lambda_event_invoke_config){.on_success = "later"}));
    assert_ok(lambda, lambda_invoke_async(lambda, "flaky", LAMBDA_JSON("1"),
                                          &(lambda_async_options){.trace_id = SAMPLED_HEADER}, NULL));
    run_all(e);
    assert_int_equal(e->world.count, 2);
    assert_string_equal(e->world.segments[1].name, "later");
    assert_int_equal(e->world.segments[1].trace_id.low, UINT64_C(0xe1be46a994272793));
    assert_int_equal(e->world.segments[1].parent_id, UINT64_C(0x53995c3f42cd8ad8));
    end(e);
}

static lambda_status reads(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    lambda_response_reader *reader;
    char buffer[16];
    size_t length;
    assert_ok(lambda, lambda_response_reader_open(lambda, "later", lambda_event_payload(event), NULL, &reader));
    assert_ok(lambda, lambda_response_reader_read(reader, buffer, sizeof(buffer), &length));
    return lambda_response_reader_close(reader, NULL);
}

static void what_a_handler_reads_is_in_its_trace(void **state)
{
    (void)state;
    events *e = begin();
    trace_create(&e->world, "reads", reads, LAMBDA_TRACING_PASS_THROUGH);
    trace_invoke(&e->world, "reads", SAMPLED_HEADER);
    assert_int_equal(e->world.count, 2);
    const kept_segment *outer = find(&e->world, "reads");
    const kept_segment *inner = find(&e->world, "later");
    assert_int_equal(outer->calls_count, 1);
    assert_int_equal(inner->parent_id, outer->calls[0]);
    assert_int_equal(inner->trace_id.high, outer->trace_id.high);
    assert_int_equal(inner->trace_id.low, outer->trace_id.low);
    assert_non_null(strstr(e->world.text, " asynchronous"));
    end(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_linked_to_the_call),     cmocka_unit_test(what_is_not_sampled_stays_so),
        cmocka_unit_test(attempts_are_of_one_trace),         cmocka_unit_test(traceparents_are_taken),
        cmocka_unit_test(destinations_go_on_with_the_trace), cmocka_unit_test(what_a_handler_reads_is_in_its_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
