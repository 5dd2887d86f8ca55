/* The synchronous walk: results, function errors, the library's own failures, limits, memory. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/runtime.h>

static test_memory memory;

static lambda_t *open_counted(void)
{
    memory = (test_memory){0};
    return test_open(&(lambda_options){.allocator = test_allocator(&memory)});
}

static void close_counted(lambda_t *lambda)
{
    lambda_close(lambda);
    assert_int_equal(memory.live, 0);
}

static void answers(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    test_create(lambda, "echo", test_echo, NULL);
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "echo", LAMBDA_JSON("{\"x\":1}"), &result));
    test_assert_payload(&result, "{\"x\":1}");
    assert_int_equal(result.status_code, 200);
    assert_null(result.function_error);
    assert_true(result.cold_start);
    assert_string_equal(result.executed_version, "$LATEST");
    assert_int_equal(result.memory_size, 128);
    assert_int_equal(((const char *)result.payload.data)[result.payload.length], '\0');
    lambda_request_id first = result.request_id;
    assert_ok(lambda, lambda_invoke(lambda, "echo", LAMBDA_JSON("2"), &result));
    test_assert_payload(&result, "2");
    assert_false(result.cold_start);
    assert_int_equal(result.init_duration_ns, 0);
    assert_true(result.request_id.high != first.high || result.request_id.low != first.low);
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(result.request_id, id);
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[14], '4');
    assert_non_null(strchr("89ab", id[19]));
    assert_ok(lambda, lambda_invoke(lambda, "echo", lambda_bytes_make(NULL, 0), NULL));
    lambda_result_clear(&result);
    assert_null(result.payload.data);
    lambda_result_clear(&result);
    lambda_result_clear(NULL);
    close_counted(lambda);
}

static void formats_ids(void **state)
{
    (void)state;
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format((lambda_request_id){0x0123456789abcdef, 0xfedcba9876543210}, id);
    assert_string_equal(id, "01234567-89ab-cdef-fedc-ba9876543210");
}

static void an_answer_can_be_the_next_event(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    test_create(lambda, "echo", test_echo, NULL);
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "echo", LAMBDA_JSON("\"a fairly long event\""), &result));
    for (int i = 0; i < 3; i++) {
        assert_ok(lambda, lambda_invoke(lambda, "echo", result.payload, &result));
        test_assert_payload(&result, "\"a fairly long event\"");
    }
    lambda_result_clear(&result);
    close_counted(lambda);
}

static void a_warm_invocation_allocates_nothing(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    test_create(lambda, "echo", test_echo, NULL);
    lambda_target *target = NULL;
    assert_ok(lambda, lambda_target_open(lambda, "echo", &target));
    lambda_result result = {0};
    for (int i = 0; i < 2; i++)
        assert_ok(lambda, lambda_target_invoke(target, LAMBDA_JSON("{\"x\":1}"), NULL, &result));
    long before = memory.requests;
    for (int i = 0; i < 100; i++) {
        assert_ok(lambda, lambda_target_invoke(target, LAMBDA_JSON("{\"x\":1}"), NULL, &result));
        assert_ok(lambda, lambda_invoke(lambda, "echo", LAMBDA_JSON("{\"x\":1}"), &result));
    }
    assert_int_equal(memory.requests, before);
    lambda_result_clear(&result);
    lambda_target_close(target);
    close_counted(lambda);
}

static lambda_status fails_with_status(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_response_write(response, "half of it", 10);
    const char *message = lambda_context_user(context);
    if (!message) return LAMBDA_ERROR_SERVICE;
    return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s", message);
}

static lambda_status fails_with_error(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    lambda_response_error(response, "ValidationError", "no \"width\"");
    return lambda_response_error_trace(response, "area.c:12");
}

static void a_handlers_failure_is_a_function_error(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    test_create(lambda, "said", fails_with_status, "width: is missing");
    test_create(lambda, "silent", fails_with_status, NULL);
    test_create(lambda, "error", fails_with_error, NULL);
    lambda_result result = {0};
    assert_fails(lambda, lambda_invoke(lambda, "nobody", LAMBDA_JSON("1"), &result), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "nobody");
    assert_ok(lambda, lambda_invoke(lambda, "said", LAMBDA_JSON("1"), &result));
    assert_string_equal(result.function_error, "Unhandled");
    assert_int_equal(result.status_code, 200);
    test_assert_payload(&result, "{\"errorMessage\":\"width: is missing\",\"errorType\":"
                                 "\"InvalidParameterValueException\",\"stackTrace\":[]}");
    assert_fails(lambda, lambda_invoke(lambda, "nobody", LAMBDA_JSON("1"), &result), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "nobody");
    /* The message of an earlier failure is not this one's. */
    assert_ok(lambda, lambda_invoke(lambda, "silent", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "{\"errorMessage\":\"the service or the system below it failed\",\"errorType\":"
                                 "\"ServiceException\",\"stackTrace\":[]}");
    assert_ok(lambda, lambda_invoke(lambda, "error", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "{\"errorMessage\":\"no \\\"width\\\"\",\"errorType\":\"ValidationError\","
                                 "\"stackTrace\":[\"area.c:12\"]}");
    test_create(lambda, "echo", test_echo, NULL);
    assert_ok(lambda, lambda_invoke(lambda, "echo", LAMBDA_JSON("1"), &result));
    assert_null(result.function_error);
    lambda_statistics statistics;
    assert_ok(lambda, lambda_statistics_get(lambda, &statistics));
    assert_int_equal(statistics.invocations, 4);
    assert_int_equal(statistics.errors, 3);
    assert_int_equal(statistics.cold_starts, 4);
    lambda_result_clear(&result);
    close_counted(lambda);
}

static lambda_status takes_time(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    test_clock *clock = lambda_context_user(context);
    assert_int_equal(lambda_context_remaining_time_in_millis(context), 3000);
    clock->monotonic += 1000000000;
    assert_int_equal(lambda_context_remaining_time_in_millis(context), 2000);
    clock->monotonic += 2500000000;
    assert_int_equal(lambda_context_remaining_time_in_millis(context), 0);
    return lambda_response_write(response, "late", 4);
}

static void an_overrun_is_a_timeout(void **state)
{
    (void)state;
    memory = (test_memory){0};
    test_clock clock = {.monotonic = 5, .wall = 6};
    lambda_t *lambda =
        test_open(&(lambda_options){.allocator = test_allocator(&memory), .clock = test_clock_port(&clock)});
    test_create(lambda, "slow", takes_time, &clock);
    lambda_result result = {0};
    for (int i = 0; i < 2; i++) {
        assert_ok(lambda, lambda_invoke(lambda, "slow", LAMBDA_JSON("1"), &result));
        char id[LAMBDA_REQUEST_ID_SIZE];
        char expected[200];
        lambda_request_id_format(result.request_id, id);
        snprintf(expected, sizeof(expected),
                 "{\"errorMessage\":\"RequestId: %s Error: Task timed out after 3.00 seconds\",\"errorType\":"
                 "\"Sandbox.Timedout\",\"stackTrace\":[]}",
                 id);
        test_assert_payload(&result, expected);
        assert_string_equal(result.function_error, "Unhandled");
        assert_int_equal(result.duration_ns, 3500000000);
        assert_int_equal(result.billed_duration_ms, 3500);
        assert_true(result.cold_start); /* the environment that overran is not used again */
    }
    lambda_result_clear(&result);
    close_counted(lambda);
}

static lambda_status writes_much(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    static char block[1000];
    memset(block, 'x', sizeof(block));
    lambda_status status = LAMBDA_OK;
    for (int i = 0; i < 11 && status == LAMBDA_OK; i++)
        status = lambda_response_write(response, block, sizeof(block));
    return LAMBDA_OK; /* even a handler that looks away has answered too much */
}

static void payloads_have_limits(void **state)
{
    (void)state;
    memory = (test_memory){0};
    lambda_t *lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory),
                                                   .limits = {.request_payload = 10, .response_payload = 10000}});
    test_create(lambda, "much", writes_much, NULL);
    test_create(lambda, "echo", test_echo, NULL);
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "much", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size "
                                 "(10000 bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\",\"stackTrace\":[]}");
    assert_ok(lambda, lambda_invoke(lambda, "echo", LAMBDA_JSON("0123456789"), &result));
    assert_fails(lambda, lambda_invoke(lambda, "echo", LAMBDA_JSON("0123456789a"), &result),
                 LAMBDA_ERROR_REQUEST_TOO_LARGE, "11 bytes are more than 10");
    assert_int_equal(result.status_code, 0);
    assert_int_equal(result.payload.length, 0);
    lambda_result_clear(&result);
    close_counted(lambda);
}

static lambda_status calls_itself(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    int *deepest = lambda_context_user(context);
    int depth = 0;
    lambda_event_unpack(event, "i", &depth);
    char text[16];
    int length = snprintf(text, sizeof(text), "%d", depth + 1);
    *deepest = depth;
    lambda_result result = {0};
    lambda_t *lambda = lambda_context_service(context);
    lambda_status status = lambda_invoke(lambda, "self", lambda_bytes_make(text, (size_t)length), &result);
    if (status == LAMBDA_OK) lambda_response_write(response, result.payload.data, result.payload.length);
    lambda_result_clear(&result);
    return status;
}

static void recursion_is_bounded(void **state)
{
    (void)state;
    memory = (test_memory){0};
    lambda_t *lambda =
        test_open(&(lambda_options){.allocator = test_allocator(&memory), .limits = {.invocation_depth = 5}});
    int deepest = -1;
    test_create(lambda, "self", calls_itself, &deepest);
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "self", LAMBDA_JSON("1"), &result));
    assert_int_equal(deepest, 5);
    assert_non_null(strstr(result.payload.data, "RecursiveInvocationException"));
    assert_non_null(strstr(result.payload.data, "5 deep"));
    deepest = -1;
    assert_ok(lambda, lambda_invoke(lambda, "self", LAMBDA_JSON("1"), &result));
    assert_int_equal(deepest, 5);
    lambda_statistics statistics;
    assert_ok(lambda, lambda_statistics_get(lambda, &statistics));
    assert_int_equal(statistics.cold_starts, 5); /* the second time all five were warm */
    lambda_result_clear(&result);
    close_counted(lambda);
}

static void options_are_handed_on_or_refused(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    test_create(lambda, "echo", test_echo, NULL);
    lambda_result result = {0};
    lambda_invoke_options options = {.invocation_type = LAMBDA_DRY_RUN};
    assert_ok(lambda, lambda_invoke_with(lambda, "echo", LAMBDA_JSON("1"), &options, &result));
    assert_int_equal(result.status_code, 204);
    assert_int_equal(result.payload.length, 0);
    assert_fails(lambda, lambda_invoke_with(lambda, "echo:nobody", LAMBDA_JSON("1"), &options, &result),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "echo");
    static char large[4000];
    memset(large, 'x', sizeof(large) - 1);
    const struct {
        lambda_invoke_options options;
        const char *text;
    } bad[] = {
        {{.invocation_type = (lambda_invocation_type)7}, "invocation_type"},
        {{.client_context = {NULL, 3}}, "client_context"},
        {{.client_context = {large, sizeof(large)}}, "client_context"},
        {{.identity = {large, sizeof(large)}}, "identity"},
        {{.trace_id = large}, "trace_id"},
        {{.qualifier = "a b"}, "ualifier"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(lambda, lambda_invoke_with(lambda, "echo", LAMBDA_JSON("1"), &bad[i].options, &result),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE, bad[i].text);
    assert_fails(
        lambda,
        lambda_invoke_with(lambda, "echo:a", LAMBDA_JSON("1"), &(lambda_invoke_options){.qualifier = "b"}, &result),
        LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "ualifier");
    lambda_result_clear(&result);
    close_counted(lambda);
}

static void bad_arguments_are_named(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    lambda_t *other = test_open(NULL);
    test_create(lambda, "echo", test_echo, NULL);
    test_create(other, "echo", test_echo, NULL);
    lambda_result result = {0};
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    assert_fails(NULL, lambda_invoke(NULL, "echo", LAMBDA_JSON("1"), &result), invalid, "lambda");
    assert_fails(lambda, lambda_invoke(lambda, NULL, LAMBDA_JSON("1"), &result), invalid, "NULL");
    assert_fails(lambda, lambda_invoke(lambda, "", LAMBDA_JSON("1"), &result), invalid, "");
    assert_fails(lambda, lambda_invoke(lambda, "a name", LAMBDA_JSON("1"), &result), invalid, "a name");
    assert_fails(lambda, lambda_invoke(lambda, "\xff\xfe", LAMBDA_JSON("1"), &result), invalid, "");
    assert_fails(lambda, lambda_invoke(lambda, "echo", lambda_bytes_make(NULL, 4), &result), invalid, "payload");
    assert_fails(lambda, lambda_invoke_sized(lambda, "echo", LAMBDA_JSON("1"), NULL, 0, &result, 8), invalid, "result");
    assert_ok(other, lambda_invoke(other, "echo", LAMBDA_JSON("12345"), &result));
    assert_fails(lambda, lambda_invoke(lambda, "echo", LAMBDA_JSON("1"), &result), invalid, "another service");
    test_assert_payload(&result, "12345");
    lambda_result_clear(&result);
    lambda_close(other);
    close_counted(lambda);
}

static void structs_may_grow(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    test_create(lambda, "echo", test_echo, NULL);
    struct {
        lambda_result known;
        uint64_t later;
    } newer = {.later = 7};
    struct {
        lambda_invoke_options known;
        const char *later;
    } options = {.known = {.trace_id = "Root=1"}};
    for (int i = 0; i < 3; i++) {
        assert_ok(lambda, lambda_invoke_sized(lambda, "echo", LAMBDA_JSON("\"older library\""), &options.known,
                                              sizeof(options), &newer.known, sizeof(newer)));
        test_assert_payload(&newer.known, "\"older library\"");
        assert_int_equal(newer.later, 7);
    }
    lambda_result_clear(&newer.known);
    close_counted(lambda);
}

/** The structs as they were before they grew, in memory of just that size: what looks further is seen. */
static void structs_may_be_older(void **state)
{
    (void)state;
    const size_t result_size = offsetof(lambda_result, owner) + sizeof(lambda_t *);
    const size_t options_size = offsetof(lambda_invoke_options, trace_id) + sizeof(const char *);
    lambda_t *lambda = open_counted();
    lambda_target *target = NULL;
    test_create(lambda, "echo", test_echo, NULL);
    assert_ok(lambda, lambda_target_open(lambda, "echo", &target));
    lambda_result *result = calloc(1, result_size);
    lambda_invoke_options *options = calloc(1, options_size);
    assert_true(result && options && result_size < sizeof(*result) && options_size < sizeof(*options));
    options->trace_id = "Root=1";
    for (int i = 0; i < 3; i++) {
        assert_ok(lambda, lambda_invoke_sized(lambda, "echo", LAMBDA_JSON("\"older host\""), options, options_size,
                                              result, result_size));
        test_assert_payload(result, "\"older host\"");
        assert_ptr_equal(result->owner, lambda);
        assert_int_equal(result->status_code, 200);
        assert_ok(lambda,
                  lambda_target_invoke_sized(target, LAMBDA_JSON("2"), options, options_size, result, result_size));
        test_assert_payload(result, "2");
    }
    options->invocation_type = LAMBDA_DRY_RUN;
    assert_ok(lambda,
              lambda_invoke_sized(lambda, "echo", LAMBDA_JSON("3"), options, options_size, result, result_size));
    assert_int_equal(result->status_code, 204);
    options->invocation_type = LAMBDA_REQUEST_RESPONSE;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    options->client_context = lambda_bytes_make(NULL, 1);
    assert_fails(lambda,
                 lambda_invoke_sized(lambda, "echo", LAMBDA_JSON("4"), options, options_size, result, result_size),
                 invalid, "client_context");
    assert_int_equal(result->status_code, 0);
    assert_int_equal(result->payload.length, 0);
    assert_fails(lambda, lambda_invoke_sized(lambda, "none", LAMBDA_JSON("5"), NULL, 0, result, result_size),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "none");
    assert_fails(lambda, lambda_invoke_sized(lambda, "echo", LAMBDA_JSON("6"), NULL, 0, result, result_size - 1),
                 invalid, "result");
    lambda_result_clear_sized(result, result_size);
    assert_null(result->payload.data);
    lambda_target_close(target);
    free(options);
    free(result);
    close_counted(lambda);
}

/** Invokes in all ways; with which allocation failing is the caller's. */
static lambda_status invoke_once(lambda_t *lambda, const char *name, lambda_result *result)
{
    lambda_target *target = NULL;
    lambda_status status = lambda_target_open(lambda, name, &target);
    if (status == LAMBDA_OK) status = lambda_target_invoke(target, LAMBDA_JSON("[1,2,3]"), NULL, result);
    if (status == LAMBDA_OK) status = lambda_invoke(lambda, name, LAMBDA_JSON("[1,2,3]"), result);
    lambda_target_close(target);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 1000);
        lambda_t *lambda = open_counted();
        test_create(lambda, "echo", test_echo, NULL);
        test_create(lambda, "error", fails_with_error, NULL);
        lambda_result result = {0};
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_status status = invoke_once(lambda, "echo", &result);
        if (status == LAMBDA_OK) status = invoke_once(lambda, "error", &result);
        succeeded = memory.requests < nth;
        if (succeeded)
            assert_int_equal(status, LAMBDA_OK);
        else
            assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        memory.fail_at = 0;
        assert_ok(lambda, invoke_once(lambda, "echo", &result));
        test_assert_payload(&result, "[1,2,3]");
        assert_ok(lambda, invoke_once(lambda, "error", &result));
        lambda_result_clear(&result);
        close_counted(lambda);
    }
}

static void every_allocation_of_open_may_fail(void **state)
{
    (void)state;
    lambda_t *lambda = NULL;
    for (long nth = 1; !lambda; nth++) {
        assert_true(nth < 100);
        memory = (test_memory){.fail_at = nth};
        lambda_status status = lambda_open(&(lambda_options){.allocator = test_allocator(&memory)}, &lambda);
        if (lambda) break;
        assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(memory.live, 0);
    }
    close_counted(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(formats_ids),
        cmocka_unit_test(an_answer_can_be_the_next_event),
        cmocka_unit_test(a_warm_invocation_allocates_nothing),
        cmocka_unit_test(a_handlers_failure_is_a_function_error),
        cmocka_unit_test(an_overrun_is_a_timeout),
        cmocka_unit_test(payloads_have_limits),
        cmocka_unit_test(recursion_is_bounded),
        cmocka_unit_test(options_are_handed_on_or_refused),
        cmocka_unit_test(bad_arguments_are_named),
        cmocka_unit_test(structs_may_grow),
        cmocka_unit_test(structs_may_be_older),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_allocation_of_open_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
