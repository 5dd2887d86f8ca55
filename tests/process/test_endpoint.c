/* The Runtime API as it is meant to be used. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_world.h"

#define LIMIT ((size_t)6 * 1024 * 1024)

static const char response_1[] = INVOCATION "id-1/response";

static void test_round_trips(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    assert_false(lambda__endpoint_runtime_waits(world.endpoint));
    int runtime = client_open(&world);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    assert_string_equal(world_told(&world), "ready all");
    assert_true(lambda__endpoint_runtime_waits(world.endpoint));
    assert_true(client_silent(&world, runtime));
    for (int i = 0; i < 100; i++) {
        char id[16], payload[32], path[64], body[32];
        snprintf(id, sizeof(id), "id-%d", i);
        snprintf(payload, sizeof(payload), "{\"n\":%d}", i);
        snprintf(path, sizeof(path), INVOCATION "%s/response", id);
        snprintf(body, sizeof(body), "[%d]", i);
        world_invoke(&world, id, payload);
        struct answer answer;
        client_receive(&world, runtime, &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, payload);
        assert_string_equal(answer_header(&answer, "Content-Type"), "application/json");
        assert_string_equal(answer_header(&answer, "Lambda-Runtime-Aws-Request-Id"), id);
        assert_string_equal(answer_header(&answer, "Lambda-Runtime-Deadline-Ms"), "1700000003000");
        assert_string_equal(answer_header(&answer, "Lambda-Runtime-Invoked-Function-Arn"),
                            "arn:aws:lambda:us-east-1:123456789012:function:area");
        assert_string_equal(answer_header(&answer, "Lambda-Runtime-Trace-Id"),
                            "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1");
        assert_null(answer_header(&answer, "Lambda-Runtime-Client-Context"));
        assert_null(answer_header(&answer, "Lambda-Runtime-Cognito-Identity"));
        assert_null(answer_header(&answer, "Connection"));
        answer_clear(&answer);
        client_expect(&world, runtime, post(path, "", body), 202, OK_BODY);
        assert_string_equal(world_told(&world), "begin end");
        assert_string_equal(world.content_type, "application/octet-stream");
        assert_true(world.complete);
        assert_string_equal(world.type, "(none)");
        assert_memory_equal(world.data, body, strlen(body));
        client_text(&world, runtime, GET_NEXT);
        world_until_told(&world, "all");
        assert_string_equal(world_told(&world), "ready all");
    }
    client_close(runtime);
    world_close(&world);
}

static void test_client_context(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    lambda__endpoint_invocation invocation = world_invocation("id-1", "");
    /* A line's end in JSON is a space. */
    invocation.client_context = lambda_bytes_make("{\r\n\t\"client\":{}}", 16);
    invocation.cognito_identity = lambda_bytes_make("{\"cognitoIdentityId\":\"a\"}", 25);
    invocation.trace_id = "";
    /* Before the runtime asks. */
    assert_int_equal(lambda__endpoint_invoke(world.endpoint, &invocation), LAMBDA_OK);
    client_text(&world, runtime, GET_NEXT);
    struct answer answer;
    client_receive(&world, runtime, &answer);
    assert_string_equal(world_told(&world), "ready");
    assert_string_equal(answer_header(&answer, "Lambda-Runtime-Client-Context"), "{   \"client\":{}}");
    assert_string_equal(answer_header(&answer, "Lambda-Runtime-Cognito-Identity"), "{\"cognitoIdentityId\":\"a\"}");
    assert_null(answer_header(&answer, "Lambda-Runtime-Trace-Id"));
    assert_int_equal(answer.length, 0);
    answer_clear(&answer);
    client_close(runtime);
    world_close(&world);
}

static void test_invoked_when_ready(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    lambda__endpoint_invocation invocation = world_invocation("id-1", "{}");
    world.invoke_when_ready = &invocation;
    client_expect(&world, runtime, GET_NEXT, 200, "{}");
    assert_string_equal(world_told(&world), "ready");
    client_expect(&world, runtime, post(response_1, "", "1"), 202, OK_BODY);
    client_close(runtime);
    world_close(&world);
}

/** Starts an invocation "id-1" that the runtime has. */
static int running(struct world *world, size_t limit)
{
    world_open(world, limit, NULL);
    int runtime = client_open(world);
    client_text(world, runtime, GET_NEXT);
    world_until_told(world, "all");
    world_invoke(world, "id-1", "{}");
    struct answer answer;
    client_receive(world, runtime, &answer);
    answer_clear(&answer);
    world_told(world);
    return runtime;
}

static void test_large(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    char *payload = malloc(LIMIT + 1);
    assert_non_null(payload);
    for (size_t i = 0; i < LIMIT; i++)
        payload[i] = (char)('a' + i % 23);
    payload[LIMIT] = '\0';
    world_invoke(&world, "id-1", payload);
    struct answer answer;
    client_receive(&world, runtime, &answer);
    assert_int_equal(answer.length, LIMIT);
    assert_memory_equal(answer.body, payload, LIMIT);
    answer_clear(&answer);
    /* As curl does where a body is large. */
    client_text(&world, runtime, "POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
                response_1, LIMIT);
    client_receive(&world, runtime, &answer);
    assert_int_equal(answer.status, 100);
    answer_clear(&answer);
    client_send(&world, runtime, payload, LIMIT);
    client_receive(&world, runtime, &answer);
    assert_int_equal(answer.status, 202);
    answer_clear(&answer);
    assert_int_equal(world.data_length, LIMIT);
    assert_memory_equal(world.data, payload, LIMIT);
    free(payload);
    client_close(runtime);
    world_close(&world);
}

/* https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming */
static const char stream_head[] =
    "POST " INVOCATION "id-1/response HTTP/1.1\r\nHost: h\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Transfer-Encoding: chunked\r\n"
    "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n";

static void test_streamed(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, 8);
    client_text(&world, runtime, "%s", stream_head);
    world_until_told(&world, "stream");
    assert_string_equal(world.content_type, "text/html; charset=utf-8");
    /* Each piece arrives before the next is written; more than the limit of what is not streamed. */
    size_t length = 0;
    for (int i = 0; i < 10; i++) {
        client_text(&world, runtime, "5\r\nhello\r\n");
        length += 5;
        while (world.data_length < length)
            assert_int_equal(lambda__loop_run(&world.loop, lambda__loop_now() + 1000000), 0);
    }
    assert_string_equal(world_told(&world), "stream");
    client_expect(&world, runtime, "0\r\n\r\n", 202, OK_BODY);
    assert_string_equal(world_told(&world), "end");
    assert_string_equal(world.type, "(none)");
    assert_int_equal(world.data_length, 50);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    client_close(runtime);
    world_close(&world);
}

static void test_streamed_error(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    client_text(&world, runtime, "%s3\r\nabc\r\n", stream_head);
    /* {"errorMessage":"oh"} */
    client_expect(&world, runtime,
                  "0\r\nLambda-Runtime-Function-Error-Type: Runtime.Bad\r\n"
                  "Lambda-Runtime-Function-Error-Body: eyJlcnJvck1lc3NhZ2UiOiJvaCJ9\r\n\r\n",
                  202, OK_BODY);
    assert_string_equal(world_told(&world), "stream end");
    assert_true(world.complete);
    assert_string_equal(world.type, "Runtime.Bad");
    assert_string_equal(world.body, "{\"errorMessage\":\"oh\"}");
    assert_int_equal(world.data_length, 3);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    client_close(runtime);
    world_close(&world);
}

/** A stack of a thousand frames, in a trailer after a body that has filled the connection's buffers, and in a header. */
static void test_long_stacks(void **state)
{
    (void)state;
    enum { STACK = 80000 };
    static char stack[STACK + 1];
    memset(stack, 'e', STACK);
    struct world world;
    int runtime = running(&world, LIMIT);
    client_text(&world, runtime, "%s", stream_head);
    static char chunk[65536];
    memset(chunk, 'x', sizeof(chunk));
    for (int i = 0; i < 32; i++) {
        client_text(&world, runtime, "10000\r\n");
        client_send(&world, runtime, chunk, sizeof(chunk));
        client_text(&world, runtime, "\r\n");
    }
    client_text(&world, runtime,
                "0\r\nLambda-Runtime-Function-Error-Type: Runtime.Bad\r\nLambda-Runtime-Function-Error-Body: ");
    client_send(&world, runtime, stack, STACK);
    client_expect(&world, runtime, "\r\n\r\n", 202, OK_BODY);
    assert_int_equal(world.data_length, 32 * sizeof(chunk));
    assert_string_equal(world.type, "Runtime.Bad");
    assert_int_equal(strlen(world.body), STACK / 4 * 3);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    world_told(&world);
    world_invoke(&world, "id-1", "{}");
    client_expect(&world, runtime, "", 200, "{}");
    client_text(&world, runtime,
                "POST " INVOCATION "id-1/error HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                "Lambda-Runtime-Function-XRay-Error-Cause: ");
    client_send(&world, runtime, stack, STACK);
    client_expect(&world, runtime, "\r\n\r\n{}", 202, OK_BODY);
    assert_string_equal(world_told(&world), "error");
    assert_int_equal(strlen(world.cause), STACK);
    client_close(runtime);
    world_close(&world);
}

static void test_error(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    client_expect(&world, runtime,
                  post(INVOCATION "id-1/error",
                       "Lambda-Runtime-Function-Error-Type: Runtime.Oh\r\n"
                       "Lambda-Runtime-Function-XRay-Error-Cause: {\"working_directory\":\"/\"}\r\n",
                       "{\"errorMessage\":\"oh\"}"),
                  202, OK_BODY);
    assert_string_equal(world_told(&world), "error");
    assert_string_equal(world.type, "Runtime.Oh");
    assert_string_equal(world.cause, "{\"working_directory\":\"/\"}");
    assert_int_equal(world.data_length, 21);
    assert_memory_equal(world.data, "{\"errorMessage\":\"oh\"}", 21);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    client_close(runtime);
    world_close(&world);
}

static void test_init_error(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    client_expect(&world, runtime,
                  post("/2018-06-01/runtime/init/error", "Lambda-Runtime-Function-Error-Type: Runtime.NoSuch\r\n",
                       "{\"errorMessage\":\"no\",\"errorType\":\"E\"}"),
                  202, OK_BODY);
    assert_string_equal(world_told(&world), "init_error");
    assert_string_equal(world.type, "Runtime.NoSuch");
    assert_int_equal(world.data_length, 37);
    client_close(runtime);
    world_close(&world);
}

/** A runtime whose connections last for one request. */
static void test_many_connections(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    for (int i = 0; i < 200; i++) {
        int runtime = client_open(&world);
        client_text(&world, runtime, "GET /2018-06-01/runtime/invocation/next HTTP/1.0\r\n\r\n");
        world_until_told(&world, "all");
        world_invoke(&world, "id-1", "{}");
        client_until_closed(&world, runtime);
        client_close(runtime);
        world_told(&world);
        runtime = client_open(&world);
        client_expect(&world, runtime, post(response_1, "Connection: close\r\n", "1"), 202, OK_BODY);
        client_until_closed(&world, runtime);
        client_close(runtime);
        world_told(&world);
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),        cmocka_unit_test(test_client_context),
        cmocka_unit_test(test_invoked_when_ready), cmocka_unit_test(test_large),
        cmocka_unit_test(test_streamed),           cmocka_unit_test(test_streamed_error),
        cmocka_unit_test(test_long_stacks),        cmocka_unit_test(test_error),
        cmocka_unit_test(test_init_error),         cmocka_unit_test(test_many_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
