/* What functions answer, as HTTP. */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "url.h"

static lambda__url_answer answer;

static int clear(void **state)
{
    (void)state;
    lambda__url_answer_clear(&answer);
    return 0;
}

static void respond(const char *payload)
{
    assert_int_equal(lambda__url_response(lambda_bytes_make(payload, strlen(payload)), &answer), LAMBDA_OK);
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < answer.headers_count; i++) {
        if (!strcasecmp(answer.headers[i].name, name)) {
            return answer.headers[i].value;
        }
    }
    return NULL;
}

static void assert_body(const char *body)
{
    assert_int_equal(answer.body_length, strlen(body));
    assert_memory_equal(answer.body, body, strlen(body));
}

static void inferred(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        const char *body;
    } rows[] = {
        {"\"Hello \\u00e9\"", "Hello \xC3\xA9"},
        {"{ \"message\": \"hi\" }", "{ \"message\": \"hi\" }"},
        {"[1,2]", "[1,2]"},
        {"\"plain\"", "plain"},
        {" \"plain\" ", "plain"},
        {"\"\"", ""},
        {"\"\\\"\"", "\""},
        {"\"a\\nb\"", "a\nb"},
        {"[\"a\", \"\\n\"]", "[\"a\", \"\\n\"]"},
        {"true", "true"},
        {"null", "null"},
        {"7.50", "7.50"},
        /* What jansson cannot hold is JSON all the same. */
        {"{\"id\":12345678901234567890}", "{\"id\":12345678901234567890}"},
        {"[1e999]", "[1e999]"},
        {"{\"half\":\"\\ud800\"}", "{\"half\":\"\\ud800\"}"},
        {"{\"statusCode\":null}", "{\"statusCode\":null}"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        respond(rows[i].payload);
        assert_int_equal(answer.status, 200);
        assert_string_equal(header("content-type"), "application/json");
        assert_body(rows[i].body);
    }
}

static void of_parts(void **state)
{
    (void)state;
    respond("{\"statusCode\":201,\"headers\":{\"Content-Type\":\"text/html\",\"X-N\":5,\"X-B\":true,\"x-r\":1.5},"
            "\"cookies\":[\"a=1; Secure\",\"b=2\"],\"body\":\"<p>\\u0000\",\"isBase64Encoded\":false}");
    assert_int_equal(answer.status, 201);
    assert_string_equal(header("content-type"), "text/html");
    assert_string_equal(header("x-n"), "5");
    assert_string_equal(header("x-b"), "true");
    assert_string_equal(header("x-r"), "1.5");
    assert_int_equal(answer.headers_count, 6);
    assert_string_equal(answer.headers[4].name, "Set-Cookie");
    assert_string_equal(answer.headers[4].value, "a=1; Secure");
    assert_string_equal(answer.headers[5].value, "b=2");
    assert_int_equal(answer.body_length, 4);
    assert_memory_equal(answer.body, "<p>", 4);
}

static void defaults_of_parts(void **state)
{
    (void)state;
    respond("{\"statusCode\":202.0,\"headers\":{\"X-N\":5},\"id\":12345678901234567890,\"body\":\"b\"}");
    assert_int_equal(answer.status, 202);
    assert_string_equal(header("X-N"), "5");
    assert_body("b");
    respond("{\"statusCode\":404,\"headers\":null,\"cookies\":null,\"body\":null,\"isBase64Encoded\":null}");
    assert_int_equal(answer.status, 404);
    assert_string_equal(header("content-type"), "application/json");
    assert_body("");
    respond("{\"statusCode\":204,\"body\":\"none\"}");
    assert_body("");
}

static void base64(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""}, {"Zw==", "g"}, {"Z28=", "go"}, {"Z28h", "go!"}, {"/+9v", "\xFF\xEFo"}};
    char payload[128];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(payload, sizeof payload, "{\"statusCode\":200,\"body\":\"%s\",\"isBase64Encoded\":true}", rows[i][0]);
        respond(payload);
        assert_int_equal(answer.status, 200);
        assert_body(rows[i][1]);
    }
}

static void connection_headers_are_dropped(void **state)
{
    (void)state;
    respond("{\"statusCode\":200,\"headers\":{\"X-Amzn-RequestId\":\"mine\",\"Connection\":\"close\",\"Transfer-"
            "Encoding\":\"chunked\","
            "\"Content-Length\":\"9\",\"X-Kept\":\"1\",\"upgrade\":\"h2c\",\"T"
            "E\":\"trailers\"}}");
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.headers_count, 2);
    assert_string_equal(header("x-kept"), "1");
}

static void invalid(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "no json",
        "{\"statusCode\":200",
        "\"\xff\"",
        "{\"statusCode\":\"200\"}",
        "{\"statusCode\":99}",
        "{\"statusCode\":100}",
        "{\"statusCode\":600}",
        "{\"statusCode\":200.5}",
        "{\"statusCode\":1e999}",
        "{\"statusCode\":200,\"body\":\"\\ud800\"}",
        "{\"statusCode\":200,\"headers\":[]}",
        "{\"statusCode\":200,\"headers\":{\"a\":{}}}",
        "{\"statusCode\":200,\"headers\":{\"a\":null}}",
        "{\"statusCode\":200,\"headers\":{\"a b\":\"c\"}}",
        "{\"statusCode\":200,\"headers\":{\"\":\"c\"}}",
        "{\"statusCode\":200,\"headers\":{\"a\":\"b\\r\\nc: d\"}}",
        "{\"statusCode\":200,\"headers\":{\"a\":\"b\\u0000\"}}",
        "{\"statusCode\":200,\"cookies\":\"a=b\"}",
        "{\"statusCode\":200,\"cookies\":[1]}",
        "{\"statusCode\":200,\"cookies\":[\"a\\nb\"]}",
        "{\"statusCode\":200,\"body\":{}}",
        "{\"statusCode\":200,\"body\":\"a\",\"isBase64Encoded\":\"true\"}",
        "{\"statusCode\":200,\"body\":\"a\",\"isBase64Encoded\":true}",
        "{\"statusCode\":200,\"body\":\"a===\",\"isBase64Encoded\":true}",
        "{\"statusCode\":200,\"body\":\"Zm9=Zm9v\",\"isBase64Encoded\":true}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        respond(rows[i]);
        if (answer.status != 502) {
            fail_msg("%s gave %d", rows[i], answer.status);
        }
        assert_body("Internal Server Error");
        assert_int_equal(answer.headers_count, 1);
    }
}

static void too_many_headers(void **state)
{
    (void)state;
    char payload[8192] = "{\"statusCode\":200,\"headers\":{\"h\":\"v\"";
    for (int i = 0; i < LAMBDA__URL_HEADERS; i++) {
        sprintf(payload + strlen(payload), ",\"h%d\":%d", i, i);
    }
    strcat(payload, "}}");
    respond(payload);
    assert_int_equal(answer.status, 502);
}

static void failures(void **state)
{
    (void)state;
    lambda__url_answer_failed(&answer, LAMBDA_OK, NULL);
    assert_int_equal(answer.status, 502);
    assert_body("Internal Server Error");
    lambda__url_answer_failed(&answer, LAMBDA_ERROR_TOO_MANY_REQUESTS, "ConcurrentInvocationLimitExceeded");
    assert_int_equal(answer.status, 429);
    assert_body("{\"Reason\":\"ConcurrentInvocationLimitExceeded\",\"Type\":\"User\",\"message\":\"Rate Exceeded.\"}");
    lambda__url_answer_failed(&answer, LAMBDA_ERROR_TOO_MANY_REQUESTS, NULL);
    assert_body("{\"Type\":\"User\",\"message\":\"Rate Exceeded.\"}");
    assert_string_equal(header("x-amzn-errortype"), "TooManyRequestsException");
    lambda__url_answer_failed(&answer, LAMBDA_ERROR_REQUEST_TOO_LARGE, NULL);
    assert_int_equal(answer.status, 413);
    lambda__url_answer_failed(&answer, LAMBDA_ERROR_RESOURCE_NOT_FOUND, NULL);
    assert_int_equal(answer.status, 404);
    lambda__url_answer_failed(&answer, LAMBDA_ERROR_SERVICE, NULL);
    assert_int_equal(answer.status, 500);
    lambda__url_answer_message(&answer, 403, "InvalidSignatureException", "say \"no\"");
    assert_body("{\"Message\":\"say \\\"no\\\"\"}");
}

static void headers_are_replaced(void **state)
{
    (void)state;
    respond("{\"statusCode\":200,\"headers\":{\"X-A\":\"1\",\"x-a\":\"2\"}}");
    assert_int_equal(lambda__url_answer_header(&answer, "X-a", "3", true), LAMBDA_OK);
    assert_int_equal(answer.headers_count, 2);
    assert_string_equal(header("x-a"), "3");
    assert_int_equal(lambda__url_answer_header(&answer, "X-a", "4", false), LAMBDA_OK);
    lambda__url_answer_without(&answer, "x-A");
    assert_null(header("x-a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(inferred, clear),
        cmocka_unit_test_teardown(of_parts, clear),
        cmocka_unit_test_teardown(defaults_of_parts, clear),
        cmocka_unit_test_teardown(base64, clear),
        cmocka_unit_test_teardown(connection_headers_are_dropped, clear),
        cmocka_unit_test_teardown(invalid, clear),
        cmocka_unit_test_teardown(too_many_headers, clear),
        cmocka_unit_test_teardown(failures, clear),
        cmocka_unit_test_teardown(headers_are_replaced, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
