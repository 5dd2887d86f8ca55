/* Which invocations are traced, and their trees, to the nanosecond. */
#include "trace_world.h"

#include <math.h>
#include <stdlib.h>

#include <lambda/port/runtime.h>
#include <lambda/testing.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static lambda_status work(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    traced *w = lambda_context_user(context);
    trace_advance(w, 5 * MS);
    snprintf(w->header, sizeof(w->header), "%s", lambda_context_trace_id(context));
    snprintf(w->traceparent, sizeof(w->traceparent), "%s", lambda_context_traceparent(context));
    return lambda_response_pack(response, "i", 1);
}

static lambda_status fails(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    trace_advance(lambda_context_user(context), MS);
    assert_ok(lambda_context_service(context), lambda_subsegment_begin(context, "left open"));
    trace_advance(lambda_context_user(context), MS);
    return lambda_response_error(response, "OrderError", "no such order");
}

static lambda_status overruns(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    trace_advance(lambda_context_user(context), 4000 * MS);
    return LAMBDA_OK;
}

static lambda_status init_takes_long(lambda_context *context)
{
    trace_advance(lambda_context_user(context), 20 * MS);
    /* A hook is not the handler: this does nothing. */
    assert_ok(lambda_context_service(context), lambda_subsegment_begin(context, "not kept"));
    return LAMBDA_OK;
}

static lambda_status init_fails(lambda_context *context)
{
    trace_advance(lambda_context_user(context), 2 * MS);
    return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_SERVICE, "no connection");
}

static traced *begin(void)
{
    traced *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    trace_open(w, &(lambda_options){0});
    return w;
}

static void end(traced *w)
{
    trace_close(w);
    free(w);
}

static void cold_and_warm(void **state)
{
    (void)state;
    traced *w = begin();
    assert_ok(w->lambda,
              lambda_function_create(w->lambda, &(lambda_function_config){
                                                    .function_name = "f",
                                                    .code = lambda_code_native_hooks(work, init_takes_long, NULL, w)}));
    trace_invoke(w, "f", SAMPLED_HEADER);
    assert_string_equal(w->text, "FUNCTION f 0-25\n"
                                 "  INITIALIZATION Initialization 0-20\n"
                                 "  INVOCATION Invocation 20-25\n"
                                 "  OVERHEAD Overhead 25-25\n");
    assert_int_equal(w->segments[0].trace_id.high, UINT64_C(0x5759e988bd862e3f));
    assert_int_equal(w->segments[0].parent_id, UINT64_C(0x53995c3f42cd8ad8));
    assert_string_equal(w->segments[0].arn, "arn:aws:lambda:us-east-1:000000000000:function:f");
    trace_forget(w);
    trace_invoke(w, "f", SAMPLED_HEADER);
    assert_string_equal(w->text, "FUNCTION f 25-30\n"
                                 "  INVOCATION Invocation 25-30\n"
                                 "  OVERHEAD Overhead 30-30\n");
    /* What it hands on names its own span. */
    char expected[LAMBDA_TRACE_HEADER_SIZE];
    snprintf(expected, sizeof(expected), "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=%016llx;Sampled=1",
             (unsigned long long)w->segments[0].id);
    assert_string_equal(w->header, expected);
    snprintf(expected, sizeof(expected), "00-5759e988bd862e3fe1be46a994272793-%016llx-01",
             (unsigned long long)w->segments[0].id);
    assert_string_equal(w->traceparent, expected);
    end(w);
}

static void failures_are_said(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "fails", fails, LAMBDA_TRACING_DEFAULT);
    trace_create(w, "overruns", overruns, LAMBDA_TRACING_DEFAULT);
    assert_ok(w->lambda, lambda_function_create(w->lambda, &(lambda_function_config){.function_name = "init",
                                                                                     .code = lambda_code_native_hooks(
                                                                                         work, init_fails, NULL, w)}));
    trace_invoke(w, "fails", SAMPLED_HEADER);
    assert_string_equal(w->text, "FUNCTION fails 0-2 fault OrderError: no such order\n"
                                 "  INITIALIZATION Initialization 0-0\n"
                                 "  INVOCATION Invocation 0-2 fault OrderError: no such order\n"
                                 "    SUBSEGMENT left open 1-2\n"
                                 "  OVERHEAD Overhead 2-2\n");
    trace_forget(w);
    trace_invoke(w, "overruns", SAMPLED_HEADER);
    assert_non_null(strstr(w->text, "FUNCTION overruns 2-4002 fault Sandbox.Timedout: RequestId: "));
    assert_non_null(strstr(w->text, "  INVOCATION Invocation 2-4002 fault Sandbox.Timedout: RequestId: "));
    trace_forget(w);
    trace_invoke(w, "init", SAMPLED_HEADER);
    assert_string_equal(w->text, "FUNCTION init 4002-4006 fault Runtime.InitError: no connection\n"
                                 "  INITIALIZATION Initialization 4002-4006 fault Runtime.InitError: no connection\n"
                                 "  OVERHEAD Overhead 4006-4006\n");
    end(w);
}

static void injected_faults_are_said(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "f", work, LAMBDA_TRACING_DEFAULT);
    trace_invoke(w, "f", SAMPLED_HEADER);
    trace_forget(w);
    assert_ok(w->lambda, lambda_test_fault(w->lambda, "f", LAMBDA_TEST_FAULT_INIT, 1));
    trace_invoke(w, "f", SAMPLED_HEADER);
    assert_string_equal(
        w->text,
        "FUNCTION f 5-5 fault Runtime.InitError: the service or the system below it failed\n"
        "  INITIALIZATION Initialization 5-5 fault Runtime.InitError: the service or the system below it failed\n"
        "  OVERHEAD Overhead 5-5\n");
    trace_forget(w);
    assert_ok(w->lambda, lambda_test_fault(w->lambda, "f", LAMBDA_TEST_FAULT_TIMEOUT, 1));
    trace_invoke(w, "f", SAMPLED_HEADER);
    assert_non_null(strstr(w->text, "INVOCATION Invocation 5-3005 fault Sandbox.Timedout"));
    end(w);
}

/* ---- sampling */

static size_t segments_of(traced *w, const char *name, const char *header, int times)
{
    trace_forget(w);
    for (int i = 0; i < times; i++)
        trace_invoke(w, name, header);
    return w->count;
}

static void the_callers_decision_is_kept(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "active", work, LAMBDA_TRACING_ACTIVE);
    trace_create(w, "passes", work, LAMBDA_TRACING_PASS_THROUGH);
    trace_create(w, "off", work, LAMBDA_TRACING_OFF);
    static const char no[] = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";
    assert_int_equal(segments_of(w, "active", SAMPLED_HEADER, 3), 3);
    assert_int_equal(segments_of(w, "passes", SAMPLED_HEADER, 3), 3);
    assert_int_equal(segments_of(w, "off", SAMPLED_HEADER, 3), 0);
    assert_string_equal(w->header, SAMPLED_HEADER);
    assert_string_equal(w->traceparent, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
    assert_int_equal(segments_of(w, "active", no, 3), 0);
    assert_memory_equal(w->header, no, strlen("Root=1-5759e988-bd862e3fe1be46a994272793;Parent="));
    assert_non_null(strstr(w->header, ";Sampled=0"));
    /* Its own id, not the caller's. */
    assert_null(strstr(w->header, "53995c3f42cd8ad8"));
    assert_int_equal(segments_of(w, "passes", no, 3), 0);
    assert_int_equal(segments_of(w, "passes", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?", 3), 0);
    assert_int_equal(segments_of(w, "passes", NULL, 3), 0);
    assert_memory_equal(w->header, "Root=1-6955b900-", 16);
    /* Left to the function: the first in a second is. */
    assert_int_equal(segments_of(w, "active", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?", 1), 1);
    assert_int_equal(w->segments[0].trace_id.low, UINT64_C(0xe1be46a994272793));
    /* A malformed one begins a new trace. */
    trace_advance(w, 1000 * MS);
    assert_int_equal(segments_of(w, "active", "Root=1-2-3;Sampled=1", 1), 1);
    assert_int_equal(w->segments[0].trace_id.high >> 32, TRACE_DAY + 1);
    assert_int_equal(w->segments[0].parent_id, 0);
    assert_int_equal(segments_of(w, "passes", "Root=1-2-3;Sampled=1", 1), 0);
    end(w);
}

static void some_of_each_second_and_a_share_are_sampled(void **state)
{
    (void)state;
    traced *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    trace_open(w, &(lambda_options){.trace_reservoir = 3, .trace_rate = -1});
    trace_create(w, "f", work, LAMBDA_TRACING_ACTIVE);
    assert_int_equal(segments_of(w, "f", NULL, 20), 3);
    trace_advance(w, 1000 * MS);
    assert_int_equal(segments_of(w, "f", NULL, 20), 3);
    end(w);
    w = calloc(1, sizeof(*w));
    assert_non_null(w);
    trace_open(w, &(lambda_options){.trace_reservoir = LAMBDA_TRACE_NONE, .trace_rate = 0.25});
    trace_create(w, "f", work, LAMBDA_TRACING_ACTIVE);
    size_t sampled = 0;
    for (int i = 0; i < 40; i++)
        sampled += segments_of(w, "f", NULL, 50);
    assert_in_range(sampled, 400, 600);
    end(w);
    w = calloc(1, sizeof(*w));
    assert_non_null(w);
    trace_open(w, &(lambda_options){.trace_reservoir = LAMBDA_TRACE_NONE, .trace_rate = 1});
    trace_create(w, "f", work, LAMBDA_TRACING_ACTIVE);
    assert_int_equal(segments_of(w, "f", NULL, 50), 50);
    end(w);
    lambda_t *lambda;
    lambda_options bad = {.trace_rate = 1.5};
    assert_fails(NULL, lambda_open(&bad, &lambda), INVALID, "trace_rate");
    bad.trace_rate = (double)NAN;
    assert_fails(NULL, lambda_open(&bad, &lambda), INVALID, "trace_rate");
}

static void traceparents_are_taken(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "f", work, LAMBDA_TRACING_DEFAULT);
    lambda_invoke_options options = {.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    lambda_result result = {0};
    assert_ok(w->lambda, lambda_invoke_with(w->lambda, "f", LAMBDA_JSON("1"), &options, &result));
    assert_int_equal(w->count, 1);
    assert_int_equal(w->segments[0].trace_id.high, UINT64_C(0x4bf92f3577b34da6));
    assert_int_equal(w->segments[0].parent_id, UINT64_C(0x00f067aa0ba902b7));
    options.trace_id = SAMPLED_HEADER;
    assert_fails(w->lambda, lambda_invoke_with(w->lambda, "f", LAMBDA_JSON("1"), &options, &result), INVALID,
                 "traceparent: is given together with trace_id");
    options.trace_id = NULL;
    options.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
    assert_fails(w->lambda, lambda_invoke_with(w->lambda, "f", LAMBDA_JSON("1"), &options, &result), INVALID,
                 "traceparent: the parent-id");
    lambda_result_clear(&result);
    end(w);
}

/** A service that does not trace hands both forms on. */
static void without_an_exporter_headers_pass(void **state)
{
    (void)state;
    traced w = {0};
    w.lambda = test_open(NULL);
    test_create(w.lambda, "f", work, &w);
    trace_invoke(&w, "f", SAMPLED_HEADER);
    assert_string_equal(w.header, SAMPLED_HEADER);
    assert_string_equal(w.traceparent, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
    lambda_invoke_options options = {.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    assert_ok(w.lambda, lambda_invoke_with(w.lambda, "f", LAMBDA_JSON("1"), &options, NULL));
    assert_string_equal(w.traceparent, options.traceparent);
    assert_string_equal(w.header, "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1");
    trace_invoke(&w, "f", NULL);
    assert_string_equal(w.header, "");
    assert_string_equal(w.traceparent, "");
    lambda_close(w.lambda);
}

/* ---- nested */

static lambda_status calls(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    trace_advance(lambda_context_user(context), MS);
    assert_ok(lambda, lambda_subsegment_begin(context, "step"));
    assert_ok(lambda, lambda_invoke(lambda, "inner", LAMBDA_JSON("1"), NULL));
    assert_ok(lambda, lambda_subsegment_end(context));
    assert_ok(lambda, lambda_invoke(lambda, "fails:prod", LAMBDA_JSON("1"), NULL));
    (void)lambda_invoke(lambda,
                        "\xff"
                        "one",
                        LAMBDA_JSON("1"), NULL);
    assert_ok(lambda, lambda_test_fault(lambda, "inner", LAMBDA_TEST_FAULT_THROTTLE, 1));
    (void)lambda_invoke(lambda, "inner", LAMBDA_JSON("1"), NULL);
    return LAMBDA_OK;
}

static void nested_invocations_are_linked(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "outer", calls, LAMBDA_TRACING_DEFAULT);
    trace_create(w, "inner", work, LAMBDA_TRACING_DEFAULT);
    trace_create(w, "fails", fails, LAMBDA_TRACING_DEFAULT);
    assert_ok(w->lambda, lambda_alias_create(w->lambda, "fails",
                                             &(lambda_alias_config){.name = "prod", .function_version = "$LATEST"}));
    trace_invoke(w, "outer", SAMPLED_HEADER);
    assert_int_equal(w->count, 3);
    const char *outer = strstr(w->text, "FUNCTION outer");
    assert_non_null(outer);
    assert_string_equal(outer, "FUNCTION outer 0-8\n"
                               "  INITIALIZATION Initialization 0-0\n"
                               "  INVOCATION Invocation 0-8\n"
                               "    SUBSEGMENT step 1-6\n"
                               "      CALL inner 1-6\n"
                               "    CALL fails 6-8 fault Unhandled\n"
                               "    CALL _one 8-8 error InvalidParameterValueException\n"
                               "    CALL inner 8-8 error throttle TooManyRequestsException\n"
                               "  OVERHEAD Overhead 8-8\n");
    kept_segment *called = &w->segments[2];
    assert_int_equal(called->calls_count, 4);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(w->segments[i].trace_id.low, called->trace_id.low);
        assert_int_equal(w->segments[i].parent_id, called->calls[i]);
    }
    assert_string_equal(w->segments[1].arn, "arn:aws:lambda:us-east-1:000000000000:function:fails:prod");
    end(w);
}

static lambda_status calls_active(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    return lambda_invoke(lambda, "active", LAMBDA_JSON("1"), NULL);
}

static void a_decision_holds_for_what_is_within(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "active", work, LAMBDA_TRACING_ACTIVE);
    trace_create(w, "outer", calls_active, LAMBDA_TRACING_DEFAULT);
    trace_create(w, "off", calls_active, LAMBDA_TRACING_OFF);
    trace_invoke(w, "outer", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0");
    assert_int_equal(w->count, 0);
    assert_memory_equal(w->header, SAMPLED_HEADER, strlen("Root=1-5759e988-bd862e3fe1be46a994272793;Parent="));
    assert_non_null(strstr(w->header, ";Sampled=0"));
    /* What begins here and is not sampled is not decided anew within. */
    trace_invoke(w, "outer", NULL);
    assert_int_equal(w->count, 0);
    /* A function that is not traced ends the trace: what it invokes begins anew. */
    trace_invoke(w, "off", SAMPLED_HEADER);
    assert_int_equal(w->count, 1);
    assert_int_not_equal(w->segments[0].trace_id.low, UINT64_C(0xe1be46a994272793));
    end(w);
}

/* ---- what handlers say */

static lambda_status says(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    traced *w = lambda_context_user(context);
    lambda_t *lambda = lambda_context_service(context);
    assert_ok(lambda, lambda_annotate_string(context, "order", "one"));
    assert_ok(lambda, lambda_annotate_string(context, "order", "two"));
    assert_ok(lambda, lambda_subsegment_begin(context, "a:b/c 1%&#=+\\-@_\xc3\xa4"));
    assert_ok(lambda, lambda_annotate_integer(context, "n", -3));
    assert_ok(lambda, lambda_subsegment_begin(context, "inner"));
    trace_advance(w, MS);
    char parent[LAMBDA_TRACE_HEADER_SIZE];
    snprintf(parent, sizeof(parent), "%s", lambda_context_trace_id(context));
    assert_ok(lambda, lambda_annotate_real(context, "r", 0.5));
    assert_ok(lambda, lambda_subsegment_fail(context, "Declined", "card declined"));
    assert_ok(lambda, lambda_subsegment_end(context));
    bool recorded = strstr(parent, "Sampled=1") != NULL;
    /* The parent of what is invoked is the subsegment that is open. */
    assert_int_equal(strcmp(parent, lambda_context_trace_id(context)) != 0, recorded);
    assert_ok(lambda, lambda_annotate_boolean(context, "b", true));
    assert_ok(lambda, lambda_subsegment_end(context));
    lambda_status status = lambda_subsegment_end(context);
    assert_int_equal(status, recorded ? INVALID : LAMBDA_OK);
    return LAMBDA_OK;
}

static void handlers_say_more(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "says", says, LAMBDA_TRACING_DEFAULT);
    trace_invoke(w, "says", SAMPLED_HEADER);
    assert_string_equal(w->text, "FUNCTION says 0-1 order=\"two\"\n"
                                 "  INITIALIZATION Initialization 0-0\n"
                                 "  INVOCATION Invocation 0-1\n"
                                 "    SUBSEGMENT a:b/c 1%&#=+\\-@_\xc3\xa4 0-1 n=-3 b=true\n"
                                 "      SUBSEGMENT inner 0-1 fault Declined: card declined r=0.5\n"
                                 "  OVERHEAD Overhead 1-1\n");
    trace_forget(w);
    end(w);
}

static lambda_status says_wrong(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    char long_name[202];
    char long_key[502];
    memset(long_name, 'x', sizeof(long_name));
    memset(long_key, 'k', sizeof(long_key));
    long_name[201] = long_key[501] = '\0';
    const char *const names[] = {"", "a;b", "a\nb", "a\xff", long_name};
    const char *const keys[] = {"", "a b", "a.b", long_key};
    for (size_t i = 0; i < 5; i++)
        assert_fails(lambda, lambda_subsegment_begin(context, names[i]), INVALID, "name");
    for (size_t i = 0; i < 4; i++)
        assert_fails(lambda, lambda_annotate_integer(context, keys[i], 1), INVALID, "key");
    assert_fails(lambda, lambda_subsegment_begin(context, NULL), INVALID, "name");
    assert_fails(lambda, lambda_annotate_string(context, "k", NULL), INVALID, "value");
    assert_fails(lambda, lambda_annotate_string(context, "k", "\xff"), INVALID, "value");
    assert_fails(lambda, lambda_annotate_string(context, NULL, "v"), INVALID, "key");
    assert_fails(lambda, lambda_annotate_real(context, "k", (double)NAN), INVALID, "value");
    assert_fails(lambda, lambda_annotate_real(context, "k", (double)INFINITY), INVALID, "value");
    assert_fails(lambda, lambda_subsegment_fail(context, NULL, "m"), INVALID, "error_type");
    assert_fails(lambda, lambda_subsegment_fail(context, "t", NULL), INVALID, "error_message");
    assert_fails(lambda, lambda_subsegment_fail(context, "\xff", "m"), INVALID, "error_type");
    assert_fails(lambda, lambda_subsegment_fail(context, "t", "\xff"), INVALID, "error_message");
    long_name[200] = long_key[500] = '\0';
    assert_ok(lambda, lambda_subsegment_begin(context, long_name));
    assert_ok(lambda, lambda_annotate_integer(context, long_key, 1));
    return LAMBDA_OK;
}

static void arguments_are_checked(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "f", says_wrong, LAMBDA_TRACING_DEFAULT);
    trace_create(w, "says", says, LAMBDA_TRACING_DEFAULT);
    trace_invoke(w, "f", SAMPLED_HEADER);
    assert_int_equal(w->count, 1);
    /* Where it is not sampled they do nothing, but look at what they are given all the same. */
    trace_invoke(w, "f", NULL);
    trace_invoke(w, "says", NULL);
    assert_int_equal(w->count, 1);
    assert_fails(NULL, lambda_subsegment_begin(NULL, "a"), INVALID, "context");
    assert_fails(NULL, lambda_subsegment_end(NULL), INVALID, "context");
    assert_fails(NULL, lambda_subsegment_fail(NULL, "a", "b"), INVALID, "context");
    assert_fails(NULL, lambda_annotate_integer(NULL, "a", 1), INVALID, "context");
    assert_string_equal(lambda_context_traceparent(NULL), "");
    end(w);
}

static lambda_status says_too_much(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    char key[16];
    for (int i = 0; i < LAMBDA_TRACE_ANNOTATIONS_MAX + 10; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_ok(lambda, lambda_annotate_integer(context, key, i));
    }
    for (int i = 0; i < LAMBDA_TRACE_SPANS_MAX + 5; i++) {
        assert_ok(lambda, lambda_subsegment_begin(context, "s"));
        if (i >= LAMBDA_TRACE_SPANS_MAX) assert_ok(lambda, lambda_subsegment_begin(context, "within"));
        if (i >= LAMBDA_TRACE_SPANS_MAX) assert_ok(lambda, lambda_subsegment_end(context));
        assert_ok(lambda, lambda_subsegment_end(context));
    }
    assert_fails(lambda, lambda_subsegment_end(context), INVALID, "open");
    return LAMBDA_OK;
}

static lambda_status says_at_length(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_t *lambda = lambda_context_service(context);
    char *value = calloc(1, 30001);
    assert_non_null(value);
    memset(value, 'v', 30000);
    assert_ok(lambda, lambda_annotate_string(context, "one", value));
    assert_ok(lambda, lambda_annotate_string(context, "two", value));
    assert_ok(lambda, lambda_annotate_string(context, "three", value));
    free(value);
    return LAMBDA_OK;
}

static void what_is_too_much_is_counted(void **state)
{
    (void)state;
    traced *w = begin();
    trace_create(w, "much", says_too_much, LAMBDA_TRACING_DEFAULT);
    trace_create(w, "long", says_at_length, LAMBDA_TRACING_DEFAULT);
    trace_invoke(w, "much", SAMPLED_HEADER);
    assert_non_null(strstr(w->text, "  OVERHEAD Overhead 0-0\ndropped 20\n"));
    trace_forget(w);
    trace_invoke(w, "long", SAMPLED_HEADER);
    assert_non_null(strstr(w->text, "dropped 1\n"));
    assert_null(strstr(w->text, "three="));
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cold_and_warm),
        cmocka_unit_test(failures_are_said),
        cmocka_unit_test(injected_faults_are_said),
        cmocka_unit_test(the_callers_decision_is_kept),
        cmocka_unit_test(some_of_each_second_and_a_share_are_sampled),
        cmocka_unit_test(traceparents_are_taken),
        cmocka_unit_test(without_an_exporter_headers_pass),
        cmocka_unit_test(nested_invocations_are_linked),
        cmocka_unit_test(a_decision_holds_for_what_is_within),
        cmocka_unit_test(handlers_say_more),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(what_is_too_much_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
