/* Responses that are read in parts, on the caller's thread: what is handed on and when, errors in the middle, limits, memory. */
#include "stream_world.h"

#include <string.h>

#include <lambda/json.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- what is handed on */

static lambda_status says_little(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, "one,", 4));
    assert_ok(lambda, lambda_response_write(response, NULL, 0));
    assert_ok(lambda, lambda_response_write(response, "two", 3));
    return LAMBDA_OK;
}

static void small_writes_are_gathered_until_the_handler_returns(void **state)
{
    (void)state;
    invoke(says_little);
    assert_noted("one,two");
    assert_int_equal(noted.begun, 1);
    assert_int_equal(noted.parts, 1);
    assert_string_equal(noted.content_type, "application/octet-stream");
    assert_null(result.function_error);
    test_assert_payload(&result, "");
    assert_int_equal(((const char *)result.payload.data)[0], '\0');
    /* The next invocation of the same environment, which nobody reads in parts, is an ordinary one. */
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
    test_assert_payload(&result, "one,two");
    assert_int_equal(noted.parts, 1);
}

static lambda_status flushes(lambda_response *response)
{
    assert_ok(lambda, lambda_response_content_type(response, "text/event-stream"));
    assert_ok(lambda, lambda_response_flush(response));
    assert_int_equal(noted.begun, 0);
    assert_ok(lambda, lambda_response_write(response, "a", 1));
    assert_ok(lambda, lambda_response_flush(response));
    assert_noted("a");
    assert_int_equal(noted.begun, 1);
    assert_ok(lambda, lambda_response_flush(response));
    assert_int_equal(noted.parts, 1);
    assert_fails(lambda, lambda_response_content_type(response, "text/plain"), INVALID, "content_type");
    return lambda_response_write(response, "b", 1);
}

static void flush_hands_on_what_there_is(void **state)
{
    (void)state;
    invoke(flushes);
    assert_noted("ab");
    assert_int_equal(noted.parts, 2);
    assert_string_equal(noted.content_type, "text/event-stream");
    assert_null(result.function_error);
}

static char block[100000];

static lambda_status writes_much(lambda_response *response)
{
    for (int i = 0; i < 16; i++) {
        assert_int_equal(noted.parts, 0);
        assert_ok(lambda, lambda_response_write(response, block, 1024));
    }
    /* 16,384 bytes are there. */
    assert_int_equal(noted.parts, 1);
    assert_int_equal(noted.last_length, 16384);
    assert_ok(lambda, lambda_response_write(response, "small", 5));
    assert_ok(lambda, lambda_response_write(response, block, 4096));
    /* What was gathered came first; the large one as it is, from the handler's own memory. */
    assert_int_equal(noted.parts, 3);
    assert_memory_equal(noted.text + 16384, "small", 5);
    assert_ptr_equal(noted.last, block);
    assert_ok(lambda, lambda_response_write(response, block, sizeof(block)));
    assert_int_equal(noted.parts, 4);
    assert_ptr_equal(noted.last, block);
    return LAMBDA_OK;
}

static void large_writes_are_not_copied(void **state)
{
    (void)state;
    invoke(writes_much);
    assert_int_equal(noted.length, 16384 + 5 + 4096 + sizeof(block));
    assert_int_equal(noted.parts, 4);
    /* Warm, nothing is allocated for it. */
    long requests = memory.requests;
    invoke(writes_much);
    assert_int_equal(memory.requests, requests);
}

static lambda_status says_nothing(lambda_response *response)
{
    (void)response;
    return LAMBDA_OK;
}

static void an_empty_response_begins_too(void **state)
{
    (void)state;
    invoke(says_nothing);
    assert_int_equal(noted.begun, 1);
    assert_int_equal(noted.parts, 0);
    assert_null(result.function_error);
    const lambda_response_stream no_begin = {.write = reader.write, .user = &noted};
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &(lambda_invoke_options){.stream = &no_begin},
                                         &result));
    assert_int_equal(noted.begun, 1);
}

static lambda_status packs(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, "forgotten", 9));
    assert_ok(lambda, lambda_response_pack(response, "{s:i}", "x", 1));
    json_t *json = json_pack("[i,s]", 2, "y");
    assert_ok(lambda, lambda_response_json(response, json));
    assert_int_equal(noted.begun, 0);
    assert_ok(lambda, lambda_response_flush(response));
    assert_noted("[2,\"y\"]");
    assert_ok(lambda, lambda_response_write(response, "z", 1));
    assert_fails(lambda, lambda_response_pack(response, "i", 1), INVALID, "handed on");
    assert_fails(lambda, lambda_response_json(response, json), INVALID, "handed on");
    json_decref(json);
    return LAMBDA_OK;
}

static void json_replaces_only_what_was_not_handed_on(void **state)
{
    (void)state;
    invoke(packs);
    assert_noted("[2,\"y\"]z");
    assert_null(result.function_error);
}

static lambda_status misuses(lambda_response *response)
{
    char longest[257];
    memset(longest, 'x', sizeof(longest));
    longest[256] = '\0';
    assert_fails(NULL, lambda_response_flush(NULL), INVALID, "response");
    assert_fails(NULL, lambda_response_content_type(NULL, "a/b"), INVALID, "response");
    assert_fails(lambda, lambda_response_content_type(response, NULL), INVALID, "content_type");
    assert_fails(lambda, lambda_response_content_type(response, ""), INVALID, "content_type");
    assert_fails(lambda, lambda_response_content_type(response, "a/b\r\nX: y"), INVALID, "content_type");
    assert_fails(lambda, lambda_response_content_type(response, "\xC3\xA4"), INVALID, "content_type");
    assert_fails(lambda, lambda_response_content_type(response, longest), INVALID, "content_type");
    assert_fails(lambda, lambda_response_write(response, NULL, 5), INVALID, "data");
    longest[255] = '\0';
    assert_ok(lambda, lambda_response_content_type(response, longest));
    assert_ok(lambda, lambda_response_content_type(response, "a/b"));
    return lambda_response_write(response, "c", 1);
}

static void wrong_calls_change_nothing(void **state)
{
    (void)state;
    invoke(misuses);
    assert_noted("c");
    assert_string_equal(noted.content_type, "a/b");
    /* The same on an invocation that nobody reads in parts: there is nothing to be done. */
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
    test_assert_payload(&result, "c");
    lambda_response *alone;
    assert_ok(lambda, lambda_test_response_new(lambda, &alone));
    assert_ok(lambda, lambda_response_write(alone, "d", 1));
    assert_ok(lambda, lambda_response_flush(alone));
    assert_int_equal(lambda_test_response_payload(alone).length, 1);
    lambda_test_response_free(alone);
}

/* ---- errors */

static lambda_status fails_at_once(lambda_response *response)
{
    return lambda_response_error(response, "NoSuchOrder", "there is none");
}

static lambda_status fails_in_the_middle(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, "first,", 6));
    assert_ok(lambda, lambda_response_flush(response));
    assert_ok(lambda, lambda_response_write(response, "second", 6));
    assert_ok(lambda, lambda_response_error(response, "Broken", "in the middle"));
    assert_ok(lambda, lambda_response_error_trace(response, "a.c:1"));
    assert_ok(lambda, lambda_response_write(response, "lost", 4));
    assert_ok(lambda, lambda_response_write(response, block, sizeof(block)));
    return LAMBDA_OK;
}

static lambda_status fails_before_it_is_read(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, "early", 5));
    assert_ok(lambda, lambda_response_error(response, "Broken", ""));
    assert_fails(lambda, lambda_response_pack(response, "i", 1), INVALID, "error");
    return LAMBDA_OK;
}

static lambda_status returns_a_status(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, "part", 4));
    return lambda_runtime_fail(lambda, LAMBDA_ERROR_RESOURCE_CONFLICT, "a row is locked");
}

static void an_error_ends_the_stream(void **state)
{
    (void)state;
    invoke(fails_at_once);
    assert_int_equal(noted.begun, 0);
    assert_int_equal(noted.parts, 0);
    assert_failed("{\"errorMessage\":\"there is none\",\"errorType\":\"NoSuchOrder\",\"stackTrace\":[]}");
    invoke(fails_in_the_middle);
    assert_noted("first,second");
    assert_failed("{\"errorMessage\":\"in the middle\",\"errorType\":\"Broken\",\"stackTrace\":[\"a.c:1\"]}");
    invoke(fails_before_it_is_read);
    assert_noted("early");
    assert_failed("{\"errorMessage\":\"\",\"errorType\":\"Broken\",\"stackTrace\":[]}");
    invoke(returns_a_status);
    assert_noted("part");
    assert_failed(
        "{\"errorMessage\":\"a row is locked\",\"errorType\":\"ResourceConflictException\",\"stackTrace\":[]}");
    /* What a reader says at the very end does not take the place of what the handler said. */
    wanted.refuse_at = 1;
    wanted.says_why = true;
    invoke(returns_a_status);
    assert_noted("");
    assert_failed(
        "{\"errorMessage\":\"a row is locked\",\"errorType\":\"ResourceConflictException\",\"stackTrace\":[]}");
}

/* ---- readers that want no more */

static lambda_status goes_on_to_write(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, block, 5000));
    assert_fails(lambda, lambda_response_write(response, block, 5000), LAMBDA_ERROR_PRECONDITION_FAILED,
                 wanted.says_why ? "the pipe is broken" : "no more");
    assert_fails(lambda, lambda_response_write(response, "x", 1), LAMBDA_ERROR_PRECONDITION_FAILED, "no more");
    assert_fails(lambda, lambda_response_flush(response), LAMBDA_ERROR_PRECONDITION_FAILED, "no more");
    assert_fails(lambda, lambda_response_pack(response, "i", 1), LAMBDA_ERROR_PRECONDITION_FAILED, "no more");
    return LAMBDA_OK;
}

static lambda_status gives_up(lambda_response *response)
{
    lambda_status status = LAMBDA_OK;
    while (status == LAMBDA_OK)
        status = lambda_response_write(response, block, 5000);
    return status;
}

static void a_reader_may_stop(void **state)
{
    (void)state;
    wanted.refuse_at = 2;
    invoke(goes_on_to_write);
    assert_int_equal(noted.parts, 2);
    assert_int_equal(noted.length, 5000);
    /* What the function answers to that is its own affair. */
    assert_null(result.function_error);
    test_assert_payload(&result, "");
    wanted.says_why = true;
    invoke(goes_on_to_write);
    invoke(gives_up);
    assert_failed(
        "{\"errorMessage\":\"the pipe is broken\",\"errorType\":\"PreconditionFailedException\",\"stackTrace\":[]}");
    wanted.refuse_at = 0;
    wanted.refuse_begin = true;
    invoke(gives_up);
    assert_int_equal(noted.begun, 1);
    assert_int_equal(noted.parts, 0);
    assert_string_equal(result.function_error, "Unhandled");
}

/* ---- limits */

static lambda_status exceeds(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, block, 50000));
    assert_ok(lambda, lambda_response_write(response, block, 3000));
    assert_fails(lambda, lambda_response_write(response, block, 7001), LAMBDA_ERROR_REQUEST_TOO_LARGE, "60000");
    assert_fails(lambda, lambda_response_write(response, block, 1), LAMBDA_ERROR_REQUEST_TOO_LARGE, "60000");
    return LAMBDA_OK;
}

static lambda_status fits(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, block, 50000));
    assert_ok(lambda, lambda_response_write(response, block, 3000));
    return lambda_response_write(response, block, 7000);
}

static lambda_status packs_too_much(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, "gone", 4));
    return lambda_response_pack(response, "s#", block, (int)sizeof(block));
}

static void a_stream_has_its_own_limit(void **state)
{
    (void)state;
    open_service((lambda_options){.limits = {.response_payload = 10000, .streamed_response_payload = 60000}});
    invoke(exceeds);
    /* What was within it has come. */
    assert_int_equal(noted.length, 53000);
    assert_failed("{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size (60000 bytes).\","
                  "\"errorType\":\"Function.ResponseSizeTooLarge\",\"stackTrace\":[]}");
    invoke(fits);
    assert_int_equal(noted.length, 60000);
    assert_null(result.function_error);
    invoke(packs_too_much);
    assert_int_equal(noted.begun, 0);
    assert_non_null(strstr(result.payload.data, "Function.ResponseSizeTooLarge"));
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
    assert_non_null(strstr(result.payload.data, "(10000 bytes)"));
}

/* ---- the other ways to invoke */

static void refusals(void **state)
{
    (void)state;
    next = says_little;
    const lambda_response_stream no_write = {.begin = reader.begin, .user = &noted};
    assert_fails(
        lambda,
        lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &(lambda_invoke_options){.stream = &no_write}, &result),
        INVALID, "stream.write");
    assert_fails(lambda,
                 lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"),
                                    &(lambda_invoke_options){.stream = &reader, .invocation_type = LAMBDA_DRY_RUN},
                                    &result),
                 INVALID, "stream");
    assert_int_equal(result.status_code, 0);
    assert_fails(lambda, lambda_invoke_with(lambda, "none", LAMBDA_JSON("{}"), &streamed, &result),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "none");
    assert_int_equal(noted.begun, 0);
}

static lambda_status forward(void *user, const void *data, size_t length)
{
    return lambda_response_write(user, data, length);
}

static lambda_status invokes(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    const lambda_invoke_options onwards = {.stream = &(lambda_response_stream){.write = forward, .user = response}};
    assert_ok(lambda, lambda_response_write(response, "<", 1));
    assert_ok(lambda, lambda_response_flush(response));
    next = fits;
    assert_ok(lambda, lambda_invoke_with(lambda, "inner", LAMBDA_JSON("{}"), &onwards, NULL));
    return lambda_response_write(response, ">", 1);
}

static void nested_targets_and_tails(void **state)
{
    (void)state;
    lambda_target *target;
    test_create(lambda, "outer", invokes, NULL);
    test_create(lambda, "inner", does_next, NULL);
    assert_ok(lambda, lambda_target_open(lambda, "outer", &target));
    assert_ok(lambda, lambda_target_invoke(target, LAMBDA_JSON("{}"), &streamed, &result));
    assert_int_equal(noted.length, 60002);
    assert_int_equal(noted.text[0], '<');
    assert_int_equal(noted.text[60001], '>');
    assert_int_equal(noted.begun, 1);
    lambda_target_close(target);
    memset(&noted, 0, sizeof(noted));
    next = says_little;
    const lambda_invoke_options both = {.stream = &reader, .log_type = LAMBDA_LOG_TYPE_TAIL};
    for (int i = 0; i < 2; i++) {
        memset(&noted, 0, sizeof(noted));
        assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &both, &result));
        assert_noted("one,two");
        assert_non_null(strstr(result.log_result.data, "REPORT RequestId"));
    }
    assert_ok(lambda, lambda_function_update_configuration(
                          lambda, "f",
                          &(lambda_function_config){.logging_config = {.log_format = LAMBDA_LOG_FORMAT_JSON,
                                                                       .system_log_level = LAMBDA_LOG_DEBUG}}));
    memset(&noted, 0, sizeof(noted));
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &both, &result));
    assert_non_null(strstr(result.log_result.data, "\"producedBytes\":7}"));
    /* Nobody wants the result, and the parts come nevertheless. */
    memset(&noted, 0, sizeof(noted));
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &both, NULL));
    assert_noted("one,two");
}

static lambda_status no_init(lambda_context *context)
{
    return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_SERVICE, "no database");
}

static void functions_that_never_run(void **state)
{
    (void)state;
    next = says_little;
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "unready",
                                                                               .code = lambda_code_native_hooks(
                                                                                   does_next, no_init, NULL, NULL)}));
    assert_ok(lambda, lambda_invoke_with(lambda, "unready", LAMBDA_JSON("{}"), &streamed, &result));
    assert_int_equal(noted.begun, 0);
    assert_failed("{\"errorMessage\":\"no database\",\"errorType\":\"Runtime.InitError\",\"stackTrace\":[]}");
    assert_ok(lambda, lambda_test_fault(lambda, "f", LAMBDA_TEST_FAULT_TIMEOUT, 1));
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &streamed, &result));
    assert_int_equal(noted.begun, 0);
    assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
    invoke(says_little);
    assert_noted("one,two");
}

/* ---- time */

static test_clock the_clock;

static lambda_status overruns(lambda_response *response)
{
    assert_ok(lambda, lambda_response_write(response, block, 4096));
    assert_ok(lambda, lambda_response_write(response, "gathered", 8));
    the_clock.monotonic += UINT64_C(4000000000);
    return LAMBDA_OK;
}

static lambda_status overruns_silently(lambda_response *response)
{
    (void)response;
    the_clock.monotonic += UINT64_C(4000000000);
    return LAMBDA_OK;
}

static void after_its_time_nothing_is_handed_on(void **state)
{
    (void)state;
    the_clock = (test_clock){.monotonic = 1, .wall = 1};
    open_service((lambda_options){.clock = test_clock_port(&the_clock)});
    invoke(overruns);
    assert_int_equal(noted.length, 4096);
    assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
    invoke(overruns_silently);
    assert_int_equal(noted.begun, 0);
    assert_string_equal(result.function_error, "Unhandled");
}

/* ---- memory */

static void every_allocation_may_fail(void **state)
{
    (void)state;
    next = says_little;
    bool complete = false;
    for (long at = 1; !complete; at++) {
        memset(&noted, 0, sizeof(noted));
        open_service((lambda_options){0});
        lambda_result fresh = {0};
        memory.requests = 0;
        memory.fail_at = at;
        lambda_status status = lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &streamed, &fresh);
        complete = memory.requests < at;
        memory.fail_at = 0;
        if (status == LAMBDA_OK && !fresh.function_error) {
            assert_noted("one,two");
        } else {
            assert_int_equal(noted.parts, 0);
            assert_true(status == LAMBDA_ERROR_OUT_OF_MEMORY || fresh.function_error);
        }
        lambda_result_clear(&fresh);
    }
}

static lambda_status writes_bits(lambda_response *response)
{
    memory.fail_at = memory.requests + 1;
    memory.fail_on = true;
    assert_ok(lambda, lambda_response_write(response, "one,", 4));
    assert_ok(lambda, lambda_response_write(response, "two", 3));
    memory.fail_at = 0;
    memory.fail_on = false;
    return LAMBDA_OK;
}

static void without_memory_to_gather_in_each_write_is_a_part(void **state)
{
    (void)state;
    invoke(writes_bits);
    assert_noted("one,two");
    assert_int_equal(noted.parts, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(small_writes_are_gathered_until_the_handler_returns),
        TEST(flush_hands_on_what_there_is),
        TEST(large_writes_are_not_copied),
        TEST(an_empty_response_begins_too),
        TEST(json_replaces_only_what_was_not_handed_on),
        TEST(wrong_calls_change_nothing),
        TEST(an_error_ends_the_stream),
        TEST(a_reader_may_stop),
        TEST(a_stream_has_its_own_limit),
        TEST(refusals),
        TEST(nested_targets_and_tails),
        TEST(functions_that_never_run),
        TEST(after_its_time_nothing_is_handed_on),
        TEST(every_allocation_may_fail),
        TEST(without_memory_to_gather_in_each_write_is_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
