/* A runtime that does what it must not. It is local and untrusted: it gets a clear answer or none, and the host goes on. Texts: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "endpoint_world.h"

#define LIMIT ((size_t)6 * 1024 * 1024)

static const char response_1[] = INVOCATION "id-1/response";
static const char invalid_id[] = "{\"errorMessage\":\"Invalid request ID\",\"errorType\":\"InvalidRequestID\"}";

static const char *transition(const char *from, const char *to)
{
    static char text[512];
    snprintf(text, sizeof(text),
             "{\"errorMessage\":\"State transition from %s to %s failed for runtime. Error: State transition is not "
             "allowed\",\"errorType\":\"InvalidStateTransition\"}",
             from, to);
    return text;
}

/** The runtime has invocation "id-1", and is to answer. */
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

static void close_both(struct world *world, int runtime)
{
    client_close(runtime);
    world_close(world);
}

static void test_during_init(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    client_expect(&world, runtime, post(response_1, "", "1"), 400, invalid_id);
    client_expect(&world, runtime, post(INVOCATION "id-1/error", "", "{}"), 400, invalid_id);
    client_expect(&world, runtime, post(INVOCATION "/response", "", "1"), 400, invalid_id);
    assert_string_equal(world_told(&world), "");
    client_expect(&world, runtime, post("/2018-06-01/runtime/init/error", "", "{}"), 202, OK_BODY);
    assert_string_equal(world.type, "");
    /* It is over. */
    client_expect(&world, runtime, post("/2018-06-01/runtime/init/error", "", "{}"), 403,
                  transition("InitError", "InitError"));
    client_expect(&world, runtime, GET_NEXT, 403, transition("InitError", "Ready"));
    assert_string_equal(world_told(&world), "init_error");
    close_both(&world, runtime);
}

static void test_answers_twice(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    client_expect(&world, runtime, post(INVOCATION "id-2/response", "", "1"), 400, invalid_id);
    client_expect(&world, runtime, post(INVOCATION "id-/response", "", "1"), 400, invalid_id);
    client_expect(&world, runtime, post(INVOCATION "id-11/error", "", "1"), 400, invalid_id);
    client_expect(&world, runtime, post("/2018-06-01/runtime/init/error", "", "{}"), 403,
                  transition("Running", "InitError"));
    assert_string_equal(world_told(&world), "");
    client_expect(&world, runtime, post(response_1, "", "1"), 202, OK_BODY);
    assert_string_equal(world_told(&world), "begin end");
    client_expect(&world, runtime, post(response_1, "", "2"), 403,
                  transition("RuntimeResponseSentState", "InvocationResponse"));
    client_expect(&world, runtime, post(INVOCATION "id-1/error", "", "{}"), 403,
                  transition("RuntimeResponseSentState", "InvocationErrorResponse"));
    assert_string_equal(world_told(&world), "");
    assert_int_equal(world.data_length, 1);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    int other = client_open(&world);
    client_expect(&world, other, post(response_1, "", "2"), 403, transition("Ready", "InvocationResponse"));
    world_invoke(&world, "id-2", "{}");
    client_expect(&world, other, post(response_1, "", "2"), 400, invalid_id);
    client_close(other);
    close_both(&world, runtime);
}

static void test_next_twice(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    int other = client_open(&world);
    client_expect(&world, other, GET_NEXT, 403, transition("Ready", "Ready"));
    /* Who has hung up waits no more: another takes its place. */
    client_close(runtime);
    client_text(&world, other, GET_NEXT);
    assert_true(client_silent(&world, other));
    assert_string_equal(world_told(&world), "ready all");
    assert_true(lambda__endpoint_runtime_waits(world.endpoint));
    world_invoke(&world, "id-1", "{\"n\":1}");
    struct answer answer;
    client_receive(&world, other, &answer);
    assert_string_equal(answer.body, "{\"n\":1}");
    answer_clear(&answer);
    assert_false(lambda__endpoint_runtime_waits(world.endpoint));
    /* While it runs it is the same invocation once more. */
    client_expect(&world, other, GET_NEXT, 200, "{\"n\":1}");
    client_expect(&world, other, post(response_1, "", "1"), 202, OK_BODY);
    close_both(&world, other);
}

/** The runtime hangs up before its invocation comes: whoever asks then gets it. */
static void test_hangs_up(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(runtime, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    client_close(runtime);
    world_settle(&world);
    world_invoke(&world, "id-1", "{\"n\":1}");
    world_settle(&world);
    assert_false(lambda__endpoint_runtime_waits(world.endpoint));
    runtime = client_open(&world);
    client_expect(&world, runtime, GET_NEXT, 200, "{\"n\":1}");
    client_expect(&world, runtime, post(response_1, "", "1"), 202, OK_BODY);
    assert_string_equal(world_told(&world), "ready all begin end");
    close_both(&world, runtime);
}

static void test_too_large(void **state)
{
    (void)state;
    static const char large[] = "{\"errorMessage\":\"Exceeded maximum allowed payload size (10 "
                                "bytes).\",\"errorType\":\"RequestEntityTooLarge\"}";
    struct world world;
    int runtime = running(&world, 10);
    client_expect(&world, runtime, post(response_1, "", "01234567890"), 413, large);
    assert_string_equal(world_told(&world), "begin broken");
    assert_string_equal(world.type, "Function.ResponseSizeTooLarge");
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    world_told(&world);
    world_invoke(&world, "id-1", "{}");
    struct answer answer;
    client_receive(&world, runtime, &answer);
    answer_clear(&answer);
    client_expect(&world, runtime, post(response_1, "", "0123456789"), 202, OK_BODY);
    assert_int_equal(world.data_length, 10);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    world_told(&world);
    world_invoke(&world, "id-1", "{}");
    client_receive(&world, runtime, &answer);
    answer_clear(&answer);
    client_expect(&world, runtime,
                  post(INVOCATION "id-1/error", "Lambda-Runtime-Function-Error-Type: E\r\n", "01234567890"), 413,
                  large);
    assert_string_equal(world_told(&world), "error");
    assert_string_equal(world.type, "E");
    assert_int_equal(world.data_length, 0);
    close_both(&world, runtime);
}

/** 7 MB, all of which is read: a client that writes before it reads gets its answer. */
static void test_seven_megabytes(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    size_t length = (size_t)7 * 1024 * 1024;
    char *body = calloc(1, length);
    assert_non_null(body);
    client_text(&world, runtime, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", response_1, length);
    client_send(&world, runtime, body, length);
    free(body);
    client_expect(&world, runtime, "", 413, NULL);
    assert_string_equal(world_told(&world), "begin broken");
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    close_both(&world, runtime);
}

static void test_refused_by_reader(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    world.refuse = LAMBDA_ERROR_OUT_OF_MEMORY;
    client_expect(&world, runtime, post(response_1, "Lambda-Runtime-Function-Response-Mode: streaming\r\n", "abc"), 500,
                  NULL);
    assert_string_equal(world_told(&world), "stream broken");
    assert_string_equal(world.type, "(none)");
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    world_told(&world);
    world_invoke(&world, "id-1", "{}");
    struct answer answer;
    client_receive(&world, runtime, &answer);
    answer_clear(&answer);
    world.refuse = LAMBDA_ERROR_REQUEST_TOO_LARGE;
    client_expect(&world, runtime, post(response_1, "", "abc"), 413, NULL);
    assert_string_equal(world_told(&world), "begin broken");
    close_both(&world, runtime);
}

static void test_response_mode(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    client_expect(
        &world, runtime, post(response_1, "Lambda-Runtime-Function-Response-Mode: sideways\r\n", "abc"), 400,
        "{\"errorMessage\":\"Invalid function response mode\",\"errorType\":\"InvalidFunctionResponseMode\"}");
    assert_string_equal(world_told(&world), "error");
    assert_string_equal(world.type, "Runtime.InvalidResponseModeHeader");
    close_both(&world, runtime);
}

/** Two connections answer at once. */
static void test_two_responses_at_once(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    int other = client_open(&world);
    client_text(&world, runtime, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab", response_1);
    world_until_told(&world, "begin");
    client_expect(&world, other, post(response_1, "", "2"), 403,
                  transition("InvocationResponse", "InvocationResponse"));
    client_expect(&world, other, post(INVOCATION "id-1/error", "", "{}"), 403,
                  transition("InvocationResponse", "InvocationErrorResponse"));
    client_expect(&world, other, GET_NEXT, 403, transition("InvocationResponse", "Ready"));
    client_expect(&world, runtime, "cd", 202, OK_BODY);
    assert_string_equal(world_told(&world), "begin end");
    assert_memory_equal(world.data, "abcd", 4);
    client_close(other);
    close_both(&world, runtime);
}

/** The connection breaks at each place of a response. */
static void test_breaks_off(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *told;
    } cases[] = {
        {"POST " INVOCATION "id-1/response HTTP/1.1\r\nHo", ""},
        {"POST " INVOCATION "id-1/response HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "begin broken"},
        {"POST " INVOCATION "id-1/response HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcd", "begin broken"},
        {"POST " INVOCATION "id-1/response HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
         "begin broken"},
        {"POST " INVOCATION "id-1/response HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nbad",
         "begin broken"},
        {"POST " INVOCATION "id-1/response HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nLambda-R",
         "begin broken"},
        {"POST " INVOCATION "id-1/error HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcd", "error"},
    };
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    for (size_t n = 0; n < (size_t)2 * CASES; n++) {
        size_t i = n % CASES;
        struct world world;
        int runtime = running(&world, LIMIT);
        client_text(&world, runtime, "%s", cases[i].text);
        /* The end comes after the bytes, or together with them. */
        if (n < CASES) world_settle(&world);
        client_close(runtime);
        world_settle(&world);
        assert_string_equal(world_told(&world), cases[i].told);
        assert_false(world.complete);
        /* The next one can be had. */
        runtime = client_open(&world);
        if (*cases[i].told) {
            client_text(&world, runtime, GET_NEXT);
            world_until_told(&world, "all");
        } else {
            client_expect(&world, runtime, GET_NEXT, 200, "{}");
        }
        close_both(&world, runtime);
    }
}

/** The invocation ends while its answer comes. */
static void test_cancelled(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    lambda__endpoint_cancel(world.endpoint);
    client_expect(&world, runtime, post(response_1, "", "1"), 400, invalid_id);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    world_told(&world);
    world_invoke(&world, "id-2", "{}");
    struct answer answer;
    client_receive(&world, runtime, &answer);
    answer_clear(&answer);
    client_text(&world, runtime, "POST " INVOCATION "id-2/response HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    world_until_told(&world, "begin");
    lambda__endpoint_cancel(world.endpoint);
    client_expect(&world, runtime, "cd", 400, invalid_id);
    assert_string_equal(world_told(&world), "begin");
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    world_told(&world);
    /* By who reads it. */
    world_invoke(&world, "id-3", "{}");
    client_receive(&world, runtime, &answer);
    answer_clear(&answer);
    world.cancel = true;
    client_expect(&world, runtime, post(INVOCATION "id-3/response", "", "abc"), 400, invalid_id);
    assert_string_equal(world_told(&world), "begin");
    close_both(&world, runtime);
}

/** Nobody reads an event to its end, and its memory goes: the connection is cut off. */
static void test_payload_goes(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct world world;
        world_open(&world, LIMIT, NULL);
        int runtime = client_open(&world);
        int small = 65536;
        assert_int_equal(setsockopt(runtime, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
        client_text(&world, runtime, GET_NEXT);
        world_until_told(&world, "all");
        world_told(&world);
        char *payload = malloc(LIMIT + 1);
        assert_non_null(payload);
        memset(payload, 'x', LIMIT);
        payload[LIMIT] = '\0';
        world_invoke(&world, "id-1", payload);
        world_settle(&world);
        int other = client_open(&world);
        if (way == 0) {
            lambda__endpoint_cancel(world.endpoint);
        } else if (way == 1) {
            client_expect(&world, other, post(response_1, "", "1"), 202, OK_BODY);
        } else {
            client_expect(&world, other, post(INVOCATION "id-1/error", "", "{}"), 202, OK_BODY);
        }
        free(payload);
        client_until_closed(&world, runtime);
        client_text(&world, other, GET_NEXT);
        world_until_told(&world, "all");
        client_close(other);
        close_both(&world, runtime);
    }
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404},
        {"GET /2018-06-01/runtime/invocation/next/ HTTP/1.1\r\nHost: h\r\n\r\n", 404},
        {"GET /2018-06-01/runtime/invocation/nex HTTP/1.1\r\nHost: h\r\n\r\n", 404},
        {"GET /2018-06-02/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n\r\n", 404},
        {"POST /2018-06-01/runtime/invocation/id/answer HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", 404},
        {"POST /2018-06-01/runtime/invocation/a/b/response HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", 404},
        {"POST /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", 405},
        {"GET /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\nHost: h\r\n\r\n", 405},
        {"PUT /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405},
        {"DELETE /2020-01-01/extension/register HTTP/1.1\r\nHost: h\r\n\r\n", 405},
    };
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_text(&world, runtime, "%s", cases[i].request);
        struct answer answer;
        client_receive(&world, runtime, &answer);
        assert_int_equal(answer.status, cases[i].status);
        assert_non_null(strstr(answer.body, "\"errorType\":"));
        if (answer.status == 405) assert_non_null(answer_header(&answer, "Allow"));
        answer_clear(&answer);
    }
    close_both(&world, runtime);
}

/** What is no HTTP. The connection is closed, and others are served. */
static void test_garbage(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "\x16\x03\x01\x02\x01\r\n\r\n",
        "GET\r\n\r\n",
        "GET /2018-06-01/runtime/invocation/next HTTP/9.9\r\n\r\n",
        "POST " INVOCATION "x/response HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "POST " INVOCATION "x/response HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST " INVOCATION "x/response HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    struct world world;
    world_open(&world, LIMIT, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int runtime = client_open(&world);
        client_text(&world, runtime, "%s", cases[i]);
        client_until_closed(&world, runtime);
        client_close(runtime);
    }
    /* A head without end. */
    int runtime = client_open(&world);
    client_text(&world, runtime, "GET / HTTP/1.1\r\nX: ");
    char x[1024];
    memset(x, 'x', sizeof(x));
    bool closed = false;
    for (int i = 0; i < 1024 && !closed; i++) {
        if (send(runtime, x, sizeof(x), MSG_NOSIGNAL) < 0) closed = true;
        assert_int_equal(lambda__loop_run(&world.loop, 0), 0);
    }
    client_until_closed(&world, runtime);
    client_close(runtime);
    assert_string_equal(world_told(&world), "");
    runtime = client_open(&world);
    client_expect(&world, runtime, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404, NULL);
    close_both(&world, runtime);
}

/** One byte at a time; several requests at once. */
static void test_slow_and_pipelined(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    const char *text = post(response_1, "Content-Type: a/b\r\n", "slow");
    for (size_t i = 0; i < strlen(text); i++) {
        client_send(&world, runtime, text + i, 1);
        assert_int_equal(lambda__loop_run(&world.loop, 0), 0);
    }
    client_expect(&world, runtime, "", 202, OK_BODY);
    assert_string_equal(world.content_type, "a/b");
    assert_string_equal(world_told(&world), "begin end");
    /* The second `next` is asked when the first has been answered. */
    client_text(&world, runtime, GET_NEXT GET_NEXT);
    world_until_told(&world, "all");
    world_settle(&world);
    world_invoke(&world, "id-1", "{\"n\":1}");
    client_expect(&world, runtime, "", 200, "{\"n\":1}");
    client_expect(&world, runtime, "", 200, "{\"n\":1}");
    char two[2048];
    int length = snprintf(two, sizeof(two), "%s", post(response_1, "", "1"));
    snprintf(two + length, sizeof(two) - (size_t)length, GET_NEXT "not HTTP at all\r\n\r\n");
    client_expect(&world, runtime, two, 202, OK_BODY);
    world_until_told(&world, "all");
    world_invoke(&world, "id-1", "{\"n\":2}");
    client_expect(&world, runtime, "", 200, "{\"n\":2}");
    client_until_closed(&world, runtime);
    close_both(&world, runtime);
}

/** More connections than are served at once: those that wait come in when others go. */
static void test_too_many_connections(void **state)
{
    (void)state;
    enum { MANY = 70 };
    struct world world;
    world_open(&world, LIMIT, NULL);
    int clients[MANY];
    for (int i = 0; i < MANY; i++) {
        clients[i] = client_open(&world);
        client_text(&world, clients[i], "GET /2018-06-01/runtime/inv");
        world_settle(&world);
    }
    int last = client_open(&world);
    client_text(&world, last, GET_NEXT);
    assert_true(client_silent(&world, last));
    assert_string_equal(world_told(&world), "");
    for (int i = 0; i < MANY; i++)
        client_close(clients[i]);
    world_until_told(&world, "all");
    close_both(&world, last);
}

/** It is closed in the middle of everything, and tells nobody. */
static void test_closed_in_the_middle(void **state)
{
    (void)state;
    struct world world;
    int runtime = running(&world, LIMIT);
    int other = client_open(&world);
    client_text(&world, other,
                "POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc");
    int third = client_open(&world);
    client_text(&world, third, "GET /2018");
    world_settle(&world);
    world_told(&world);
    lambda__endpoint_close(world.endpoint);
    assert_string_equal(world_told(&world), "");
    world.endpoint = NULL;
    client_close(other);
    client_close(third);
    close_both(&world, runtime);
    lambda__endpoint_close(NULL);
}

static void test_long_words(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    static char text[80000];
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    lambda__endpoint_invocation invocation = world_invocation(text, "");
    assert_int_equal(lambda__endpoint_invoke(world.endpoint, &invocation), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    invocation = world_invocation("id", "");
    invocation.client_context = lambda_bytes_make(text, sizeof(text));
    assert_int_equal(lambda__endpoint_invoke(world.endpoint, &invocation), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    invocation.client_context = lambda_bytes_make(text, 60000);
    int runtime = client_open(&world);
    assert_int_equal(lambda__endpoint_invoke(world.endpoint, &invocation), LAMBDA_OK);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "ready");
    char bytes[16384];
    size_t got = 0;
    while (got < 60000) {
        assert_int_equal(lambda__loop_run(&world.loop, lambda__loop_now() + 1000000), 0);
        ssize_t more = recv(runtime, bytes, sizeof(bytes), 0);
        if (more > 0) got += (size_t)more;
    }
    close_both(&world, runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_during_init),
        cmocka_unit_test(test_answers_twice),
        cmocka_unit_test(test_next_twice),
        cmocka_unit_test(test_hangs_up),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_seven_megabytes),
        cmocka_unit_test(test_refused_by_reader),
        cmocka_unit_test(test_response_mode),
        cmocka_unit_test(test_two_responses_at_once),
        cmocka_unit_test(test_breaks_off),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_payload_goes),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_slow_and_pipelined),
        cmocka_unit_test(test_too_many_connections),
        cmocka_unit_test(test_closed_in_the_middle),
        cmocka_unit_test(test_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
