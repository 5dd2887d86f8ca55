/* Invoke, InvokeAsync and InvokeWithResponseStream over HTTP, and streams of function URLs. */
#include "server_world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void ask(struct world *world, int fd, const char *path, const char *query, const char *headers, const char *body,
                client_answer *answer)
{
    (void)world;
    client_signed(fd, "POST", path, query, headers, body, strlen(body), KEY, SECRET);
    assert_true(client_receive(fd, answer));
}

static void expect_error(const client_answer *answer, int status, const char *type, const char *message)
{
    assert_int_equal(answer->status, status);
    assert_string_equal(client_header(answer, "X-Amzn-ErrorType"), type);
    assert_non_null(strstr(answer->body, message));
}

static void invokes(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_answer answer;
    /* On a worker first, then on the event thread. */
    for (int i = 0; i < 5; i++) {
        ask(&world, fd, INVOKE("echo"), NULL, "", "{\"a\":1}", &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "{\"a\":1}");
        assert_string_equal(client_header(&answer, "X-Amz-Executed-Version"), "$LATEST");
        assert_null(client_header(&answer, "X-Amz-Function-Error"));
        assert_null(client_header(&answer, "X-Amz-Log-Result"));
        assert_string_equal(client_header(&answer, "Content-Type"), "application/json");
        assert_int_equal(strlen(client_header(&answer, "x-amzn-RequestId")), 36);
        client_answer_clear(&answer);
    }
    ask(&world, fd, INVOKE("echo"), "Qualifier=%24LATEST", "", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{}");
    client_answer_clear(&answer);
    /* Numbers of any size, and halves of characters, are the function's to read. */
    static const char odd[] = "{\"id\":12345678901234567890,\"x\":1e999,\"half\":\"\\ud800\"}";
    ask(&world, fd, INVOKE("echo"), NULL, "X-Amz-Client-Context: eyJhIjoxfQ==\r\n", odd, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, odd);
    client_answer_clear(&answer);
    ask(&world, fd, INVOKE("fail"), NULL, "X-Amz-Log-Type: Tail\r\n", "1", &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(client_header(&answer, "X-Amz-Function-Error"), "Unhandled");
    assert_non_null(strstr(answer.body, "\"errorType\":\"Oops\""));
    assert_true(strlen(client_header(&answer, "X-Amz-Log-Result")) > 40);
    client_answer_clear(&answer);
    ask(&world, fd, INVOKE("echo"), NULL, "X-Amz-Invocation-Type: DryRun\r\n", "{}", &answer);
    assert_int_equal(answer.status, 204);
    client_answer_clear(&answer);
    close(fd);
    world_close(&world);
    assert_non_null(strstr(world.log, " Invoke echo "));
    assert_non_null(strstr(world.log, "127.0.0.1 - " KEY " ["));
}

static void invokes_later(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_answer answer;
    ask(&world, fd, INVOKE("stream"), NULL, "X-Amz-Invocation-Type: Event\r\n", "{}", &answer);
    assert_int_equal(answer.status, 202);
    assert_int_equal(answer.length, 0);
    client_answer_clear(&answer);
    world_until_ended(&world, 1);
    ask(&world, fd, ASYNC("stream"), NULL, "", "{}", &answer);
    assert_int_equal(answer.status, 202);
    assert_string_equal(answer.body, "{\"Status\":202}");
    client_answer_clear(&answer);
    world_until_ended(&world, 2);
    close(fd);
    world_close(&world);
}

/** Invoke and InvokeAsync are actions of their own. */
static void actions(void **state)
{
    (void)state;
    static const char *const ACTIONS[] = {"InvokeFunction", "InvokeAsync", "Get*"};
    char path[] = "/tmp/lambda-identities-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(ACTIONS[0]); i++) {
        struct world world;
        client_answer answer;
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fprintf(out,
                "{\"admin\":{\"policies\":[{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"lambda:%s\","
                "\"Resource\":\"*\"}}]}}",
                ACTIONS[i]);
        assert_int_equal(fclose(out), 0);
        world_open(&world, &(lambda_http_options){.identities = path});
        int fd = client_open(world.port);
        ask(&world, fd, INVOKE("echo"), NULL, "", "{}", &answer);
        assert_int_equal(answer.status, i == 0 ? 200 : 403);
        client_answer_clear(&answer);
        ask(&world, fd, STREAM("stream"), NULL, "", "{}", &answer);
        assert_int_equal(answer.status, i == 0 ? 200 : 403);
        client_answer_clear(&answer);
        ask(&world, fd, ASYNC("echo"), NULL, "", "{}", &answer);
        assert_int_equal(answer.status, i == 1 ? 202 : 403);
        client_answer_clear(&answer);
        close(fd);
        world_close(&world);
    }
    unlink(path);
}

/** What is no base64, no JSON, no object, or too long. */
static void refuses_contexts(struct world *world, int fd)
{
    enum { MOST = 3583 };
    static const char *const wrong[] = {"***", "bm8ganNvbg==", "W10=", "MQ==", "e314"};
    char header[MOST + 64];
    client_answer answer;
    for (size_t i = 0; i <= sizeof(wrong) / sizeof(wrong[0]); i++) {
        bool last = i == sizeof(wrong) / sizeof(wrong[0]);
        size_t length = (size_t)snprintf(header, sizeof(header), "X-Amz-Client-Context: %s", last ? "" : wrong[i]);
        /* {} and spaces behind it, in base64: it is well but for its length. */
        if (last) length += (size_t)snprintf(header + length, sizeof(header) - length, "e30g");
        for (size_t k = 4; last && k <= MOST; k += 4)
            length += (size_t)snprintf(header + length, sizeof(header) - length, "ICAg");
        snprintf(header + length, sizeof(header) - length, "\r\n");
        ask(world, fd, INVOKE("echo"), NULL, header, "{}", &answer);
        expect_error(&answer, 400, "InvalidRequestContentException", "Client context");
        client_answer_clear(&answer);
    }
    ask(world, fd, INVOKE("echo"), NULL, "X-Amz-Client-Context: e30g\r\n", "{}", &answer);
    assert_int_equal(answer.status, 200);
    client_answer_clear(&answer);
}

static void refuses(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_answer answer;
    ask(&world, fd, INVOKE("nobody"), NULL, "", "{}", &answer);
    expect_error(&answer, 404, "ResourceNotFoundException", "nobody");
    client_answer_clear(&answer);
    ask(&world, fd, INVOKE("echo"), NULL, "", "{\"a\":", &answer);
    expect_error(&answer, 400, "InvalidRequestContentException", "Could not parse request body into json");
    client_answer_clear(&answer);
    refuses_contexts(&world, fd);
    ask(&world, fd, INVOKE("echo"), NULL, "X-Amz-Tenant-Id: t\r\n", "{}", &answer);
    expect_error(&answer, 400, "InvalidParameterValueException", "TenantId");
    client_answer_clear(&answer);
    /* No signature, and a wrong one. */
    client_text(fd, "POST " INVOKE("echo") " HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
    assert_true(client_receive(fd, &answer));
    expect_error(&answer, 403, "MissingAuthenticationTokenException", "message");
    client_answer_clear(&answer);
    client_signed(fd, "POST", INVOKE("echo"), NULL, "", "{}", 2, KEY, "another secret");
    assert_true(client_receive(fd, &answer));
    expect_error(&answer, 403, "InvalidSignatureException", "message");
    client_answer_clear(&answer);
    /* One byte too many, for each kind. */
    size_t most = 6291456;
    char *body = malloc(most + 1);
    assert_non_null(body);
    memset(body, '1', most + 1);
    client_signed(fd, "POST", INVOKE("echo"), NULL, "", body, most + 1, KEY, SECRET);
    assert_true(client_receive(fd, &answer));
    expect_error(&answer, 413, "RequestTooLargeException",
                 "Request must be smaller than 6291456 bytes for the InvokeFunction operation");
    client_answer_clear(&answer);
    client_signed(fd, "POST", INVOKE("echo"), NULL, "X-Amz-Invocation-Type: Event\r\n", body, 1048577, KEY, SECRET);
    assert_true(client_receive(fd, &answer));
    expect_error(&answer, 413, "RequestTooLargeException", "smaller than 1048576 bytes");
    client_answer_clear(&answer);
    /* As large as may be. */
    memset(body, ' ', most);
    body[0] = '1';
    client_signed(fd, "POST", INVOKE("echo"), NULL, "", body, most, KEY, SECRET);
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.length, most);
    client_answer_clear(&answer);
    free(body);
    close(fd);
    world_close(&world);
}

static void throttles(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    assert_ok(world.lambda, lambda_function_concurrency_put(world.lambda, "echo", 0));
    int fd = client_open(world.port);
    client_answer answer;
    ask(&world, fd, INVOKE("echo"), NULL, "", "{}", &answer);
    expect_error(&answer, 429, "TooManyRequestsException",
                 "\"Reason\":\"ReservedFunctionConcurrentInvocationLimitExceeded\"");
    assert_string_equal(client_header(&answer, "Retry-After"), "1");
    client_answer_clear(&answer);
    client_text(fd, GET_URL(URL_ECHO));
    assert_true(client_receive(fd, &answer));
    expect_error(&answer, 429, "TooManyRequestsException",
                 "{\"Reason\":\"ReservedFunctionConcurrentInvocationLimitExceeded\",\"Type\":\"User\"");
    client_answer_clear(&answer);
    close(fd);
    world_close(&world);
}

/* ---- frames */

/** CRC-32 bit by bit, apart from the library's own. */
static uint32_t crc_of(const unsigned char *bytes, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ UINT32_C(0xedb88320) : crc >> 1;
    }
    return ~crc;
}

static uint32_t number(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/** A string header of a frame; fails where there is none. */
static void frame_header(const unsigned char *frame, const char *name, char value[128])
{
    const unsigned char *at = frame + 12;
    const unsigned char *end = at + number(frame + 4);
    while (at < end) {
        size_t length = *at++;
        bool same = length == strlen(name) && memcmp(at, name, length) == 0;
        at += length;
        assert_int_equal(*at++, 7);
        size_t size = (size_t)at[0] << 8 | at[1];
        at += 2;
        if (same) {
            assert_true(size < 128);
            memcpy(value, at, size);
            value[size] = '\0';
            return;
        }
        at += size;
    }
    fail_msg("no header %s", name);
}

/** All frames: what chunks hold, one after the other, and the last frame's JSON. */
static void decode(const client_answer *answer, char *chunks, size_t *length, char complete[8192])
{
    const unsigned char *at = (const unsigned char *)answer->body;
    const unsigned char *end = at + answer->length;
    *length = 0;
    complete[0] = '\0';
    while (at < end) {
        assert_true(end - at >= 16);
        uint32_t total = number(at);
        uint32_t headers = number(at + 4);
        assert_true(total <= (size_t)(end - at) && headers + 16 <= total);
        assert_int_equal(number(at + 8), crc_of(at, 8));
        assert_int_equal(number(at + total - 4), crc_of(at, total - 4));
        char type[128];
        frame_header(at, ":message-type", type);
        assert_string_equal(type, "event");
        frame_header(at, ":event-type", type);
        const unsigned char *payload = at + 12 + headers;
        size_t size = total - headers - 16;
        assert_string_equal(complete, "");
        if (strcmp(type, "PayloadChunk") == 0) {
            memcpy(chunks + *length, payload, size);
            *length += size;
        } else {
            assert_string_equal(type, "InvokeComplete");
            assert_true(size < 8192);
            memcpy(complete, payload, size);
            complete[size] = '\0';
        }
        at += total;
    }
    assert_string_not_equal(complete, "");
}

static void streams_frames(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_answer answer;
    static char chunks[2000000];
    static char complete[8192];
    size_t length = 0;
    for (unsigned parts = 0; parts <= 1000; parts += 500) {
        world.parts = parts;
        ask(&world, fd, STREAM("stream"), NULL, "", "{}", &answer);
        assert_int_equal(answer.status, 200);
        assert_false(answer.cut);
        assert_string_equal(client_header(&answer, "Content-Type"), "application/vnd.amazon.eventstream");
        assert_string_equal(client_header(&answer, "X-Amz-Executed-Version"), "$LATEST");
        assert_string_equal(client_header(&answer, "X-Amzn-Stream-Content-Type"), "text/plain");
        decode(&answer, chunks, &length, complete);
        assert_int_equal(length, parts * 1000);
        for (unsigned i = 0; i < parts; i++)
            assert_int_equal(chunks[i * 1000 + 999], 'a' + (int)(i % 26));
        assert_string_equal(complete, "{}");
        client_answer_clear(&answer);
    }
    ask(&world, fd, STREAM("fail"), NULL, "X-Amz-Log-Type: Tail\r\n", "{}", &answer);
    assert_int_equal(answer.status, 200);
    decode(&answer, chunks, &length, complete);
    assert_int_equal(length, 0);
    assert_non_null(strstr(complete, "\"ErrorCode\":\"Unhandled\""));
    assert_non_null(strstr(complete, "\\\"errorType\\\":\\\"Oops\\\""));
    assert_non_null(strstr(complete, "\"LogResult\":\""));
    client_answer_clear(&answer);
    ask(&world, fd, STREAM("nobody"), NULL, "", "{}", &answer);
    expect_error(&answer, 404, "ResourceNotFoundException", "nobody");
    client_answer_clear(&answer);
    close(fd);
    world_close(&world);
}

static lambda_status say_version(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    char text[200];
    int length = snprintf(text, sizeof(text), "%s %s", lambda_context_function_version(context),
                          lambda_context_aws_request_id(context));
    return lambda_response_write(response, text, (size_t)length);
}

/** Of an alias of two versions the header names the one that ran, under the id that the function has. */
static void streams_of_two_versions(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    const lambda_function_config config = {.function_name = "two", .code = lambda_code_native(say_version, NULL)};
    assert_ok(world.lambda, lambda_function_create(world.lambda, &config));
    assert_ok(world.lambda, lambda_version_publish(world.lambda, "two", NULL, NULL));
    const lambda_function_config changed = {.description = "another"};
    assert_ok(world.lambda, lambda_function_update_configuration(world.lambda, "two", &changed));
    assert_ok(world.lambda, lambda_version_publish(world.lambda, "two", NULL, NULL));
    const lambda_alias_config alias = {
        .name = "live", .function_version = "1", .additional_version = "2", .additional_weight = 0.5};
    assert_ok(world.lambda, lambda_alias_create(world.lambda, "two", &alias));
    int fd = client_open(world.port);
    unsigned ran[2] = {0, 0};
    while (ran[0] == 0 || ran[1] == 0 || ran[0] + ran[1] < 20) {
        client_answer answer;
        char chunks[200] = "";
        char complete[8192];
        char expected[200];
        size_t length = 0;
        ask(&world, fd, STREAM("two"), "Qualifier=live", "", "{}", &answer);
        assert_int_equal(answer.status, 200);
        decode(&answer, chunks, &length, complete);
        snprintf(expected, sizeof(expected), "%s ", client_header(&answer, "X-Amz-Executed-Version"));
        ran[expected[0] == '2']++;
        snprintf(expected + 2, sizeof(expected) - 2, "%s", client_header(&answer, "x-amzn-RequestId"));
        assert_string_equal(chunks, expected);
        client_answer_clear(&answer);
        assert_in_range(ran[0] + ran[1], 1, 1000);
    }
    client_answer answer;
    ask(&world, fd, STREAM("two"), "Qualifier=live", "X-Amz-Invocation-Type: DryRun\r\n", "{}", &answer);
    assert_int_equal(answer.status, 204);
    client_answer_clear(&answer);
    ask(&world, fd, STREAM("two"), "Qualifier=none", "X-Amz-Invocation-Type: DryRun\r\n", "{}", &answer);
    expect_error(&answer, 404, "ResourceNotFoundException", "two");
    client_answer_clear(&answer);
    close(fd);
    world_close(&world);
}

static void streams_a_function_url(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    for (unsigned parts = 1; parts <= 401; parts += 200) {
        client_answer answer;
        world.parts = parts;
        client_text(fd, GET_URL(URL_STREAM));
        assert_true(client_receive(fd, &answer));
        assert_int_equal(answer.status, 200);
        assert_string_equal(client_header(&answer, "Content-Type"), "text/plain");
        assert_false(answer.cut);
        assert_int_equal(answer.length, parts * 1000);
        client_answer_clear(&answer);
    }
    close(fd);
    world_close(&world);
}

/** The client goes in the middle: the function's writes fail, it ends, and nothing of it is left. */
static void clients_that_vanish(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    world.parts = 200000;
    for (unsigned i = 0; i < 4; i++) {
        int fd = client_open(world.port);
        if (i % 2 == 0)
            client_text(fd, GET_URL(URL_STREAM));
        else
            client_signed(fd, "POST", STREAM("stream"), NULL, "", "{}", 2, KEY, SECRET);
        char first[100];
        assert_true(recv(fd, first, sizeof(first), 0) > 0);
        /* A client that reads nothing holds the function back; one that is gone ends it. */
        close(fd);
        world_until_ended(&world, i + 1);
        assert_int_equal(world.written, LAMBDA_ERROR_SERVICE);
    }
    /* One that closes while its function runs, too. */
    int fd = client_open(world.port);
    client_text(fd, GET_URL(URL_WAIT));
    world_until_waiting(&world, 1);
    close(fd);
    world_let_go(&world);
    fd = client_open(world.port);
    client_expect(fd, GET("/healthz"), 200, "ok\n");
    close(fd);
    world_close(&world);
}

/** Nor does one that stays and takes nothing hold a function for ever. */
static void clients_that_read_nothing(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(lambda_http_options){.header_timeout_ms = 300});
    world.parts = 200000;
    int fd = client_open(world.port);
    client_text(fd, GET_URL(URL_STREAM));
    world_until_ended(&world, 1);
    assert_int_equal(world.written, LAMBDA_ERROR_SERVICE);
    client_until_closed(fd);
    world_close(&world);
}

/** A server that closes cuts streams when its grace is over. */
static void close_cuts_streams(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    world.parts = 200000;
    int fd = client_open(world.port);
    client_text(fd, GET_URL(URL_STREAM));
    char first[100];
    assert_true(recv(fd, first, sizeof(first), 0) > 0);
    lambda_http_close(world.http, 1);
    world.http = NULL;
    assert_int_equal(world.ended, 1);
    assert_int_equal(world.written, LAMBDA_ERROR_SERVICE);
    close(fd);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invokes),
        cmocka_unit_test(invokes_later),
        cmocka_unit_test(actions),
        cmocka_unit_test(refuses),
        cmocka_unit_test(throttles),
        cmocka_unit_test(streams_frames),
        cmocka_unit_test(streams_of_two_versions),
        cmocka_unit_test(streams_a_function_url),
        cmocka_unit_test(clients_that_vanish),
        cmocka_unit_test(clients_that_read_nothing),
        cmocka_unit_test(close_cuts_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
