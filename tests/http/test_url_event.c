/* Requests as events: AWS's documented example (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html), and what clients do to it. */
#include "support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "url.h"

#define ID    "abcdefghijklmnopqrstuvwxyz012345"
#define TRACE "Root=1-5e5ffa9e-5a3f0c6b7a11b1d95a3f0c6b"

static lambda_api api = {.region = "us-west-2", .account_id = "123456789012"};
static lambda__url url = {.id = ID};
static lambda__url_match match = {.url = &url, .path = "/my/path", .domain = ID ".lambda-url.us-west-2.localhost"};

static lambda__url_request request_of(const lambda__header *headers, size_t count)
{
    return (lambda__url_request){.method = "POST",
                                 .query = "",
                                 .protocol = "HTTP/1.1",
                                 .source_ip = "123.123.123.123",
                                 .port = "443",
                                 .trace = TRACE,
                                 .tls = true,
                                 .headers = headers,
                                 .headers_count = count,
                                 .now_ns = 1583348638390000000U,
                                 .request_id = "6a0e3f6c-0a3b-4a43-b1d9-5a3f0c6b7a11"};
}

static json_t *event_of(const lambda__url_request *request)
{
    lambda__url_text text = {0};
    assert_int_equal(lambda__url_event(&api, &match, request, &text), LAMBDA_OK);
    json_error_t error;
    json_t *event = json_loadb(text.data, text.length, 0, &error);
    if (!event) {
        fail_msg("%s in %.*s", error.text, (int)text.length, text.data);
    }
    lambda__url_text_free(&text);
    return event;
}

/* The member at "a.b.c". */
static json_t *at(json_t *event, const char *path)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", path);
    char *rest = NULL;
    for (char *name = strtok_r(copy, ".", &rest); name; name = strtok_r(NULL, ".", &rest)) {
        event = json_object_get(event, name);
    }
    return event;
}

static void assert_text(json_t *event, const char *path, const char *text)
{
    const char *value = json_string_value(at(event, path));
    assert_non_null(value);
    assert_string_equal(value, text);
}

static const char GOLDEN[] =
    "{\"version\":\"2.0\",\"routeKey\":\"$default\",\"rawPath\":\"/my/path\","
    "\"rawQueryString\":\"parameter1=value1&parameter1=value2&parameter2=value\","
    "\"cookies\":[\"cookie1=a\",\"cookie2=b\"],"
    "\"headers\":{\"header1\":\"value1\",\"header2\":\"value1,value2\",\"user-agent\":\"agent\",\"content-type\":"
    "\"text/"
    "plain\",\"x-forwarded-for\":\"123.123.123.123\",\"x-forwarded-proto\":\"https\",\"x-forwarded-port\":\"443\","
    "\"x-amzn-trace-id\":\"" TRACE "\"},"
    "\"queryStringParameters\":{\"parameter1\":\"value1,value2\",\"parameter2\":\"value\"},"
    "\"requestContext\":{\"accountId\":\"123456789012\",\"apiId\":\"" ID "\",\"authentication\":null,"
    "\"authorizer\":{\"iam\":{\"accessKey\":\"AKIAEXAMPLE\",\"accountId\":\"111122223333\",\"callerId\":\"alice\","
    "\"cognitoIdentity\":null,\"principalOrgId\":null,\"userArn\":\"arn:aws:iam::111122223333:user/alice\","
    "\"userId\":\"alice\"}},"
    "\"domainName\":\"" ID ".lambda-url.us-west-2.localhost\",\"domainPrefix\":\"" ID "\","
    "\"http\":{\"method\":\"POST\",\"path\":\"/my/path\",\"protocol\":\"HTTP/1.1\",\"sourceIp\":\"123.123.123.123\","
    "\"userAgent\":\"agent\"},\"requestId\":\"6a0e3f6c-0a3b-4a43-b1d9-5a3f0c6b7a11\",\"routeKey\":\"$default\","
    "\"stage\":\"$default\",\"time\":\"04/Mar/2020:19:03:58 +0000\",\"timeEpoch\":1583348638390},"
    "\"body\":\"Hello from client!\",\"isBase64Encoded\":false}";

static void documented_example(void **state)
{
    (void)state;
    lambda__header headers[] = {{"Header1", "value1"},   {"Header2", "value1"},
                                {"HEADER2", "value2"},   {"Cookie", "cookie1=a; cookie2=b"},
                                {"User-Agent", "agent"}, {"Content-Type", "text/plain"}};
    lambda__caller caller = {.arn = "arn:aws:iam::111122223333:user/alice", .account_id = "111122223333"};
    lambda__url_request request = request_of(headers, 6);
    request.query = "parameter1=value1&parameter1=value2&parameter2=value";
    request.body = lambda_bytes_make("Hello from client!", 18);
    request.caller = &caller;
    request.access_key = "AKIAEXAMPLE";
    json_t *event = event_of(&request);
    json_t *golden = json_loads(GOLDEN, 0, NULL);
    assert_non_null(golden);
    if (!json_equal(event, golden)) {
        char *text = json_dumps(event, JSON_INDENT(1));
        fail_msg("%s", text);
    }
    json_decref(event);
    json_decref(golden);
}

static void without_anything(void **state)
{
    (void)state;
    lambda__url_request request = request_of(NULL, 0);
    request.method = "GET";
    json_t *event = event_of(&request);
    assert_null(at(event, "body"));
    assert_null(at(event, "cookies"));
    assert_null(at(event, "queryStringParameters"));
    assert_null(at(event, "requestContext.http.userAgent"));
    assert_true(json_is_null(at(event, "requestContext.authorizer")));
    assert_true(json_is_false(at(event, "isBase64Encoded")));
    assert_int_equal(json_object_size(at(event, "headers")), 4); /* the server's own */
    assert_text(event, "requestContext.accountId", "anonymous");
    json_decref(event);
}

/* A client may say where it came from, before its address; how it came, and in which trace, is not for it to say. */
static void how_it_came(void **state)
{
    (void)state;
    lambda__header headers[] = {{"X-Forwarded-For", "6.6.6.6"},   {"X-FORWARDED-PROTO", "ftp"},
                                {"x-forwarded-port", "1"},        {"x-forwarded-for", "7.7.7.7, 8.8.8.8"},
                                {"X-Amzn-Trace-Id", "Root=none"}, {"X-Forwarded-Host", "kept"}};
    lambda__url_request request = request_of(headers, 6);
    request.tls = false;
    request.port = "9000";
    json_t *event = event_of(&request);
    assert_text(event, "headers.x-forwarded-for", "6.6.6.6,7.7.7.7, 8.8.8.8,123.123.123.123");
    assert_text(event, "headers.x-forwarded-proto", "http");
    assert_text(event, "headers.x-forwarded-port", "9000");
    assert_text(event, "headers.x-amzn-trace-id", TRACE);
    assert_text(event, "headers.x-forwarded-host", "kept");
    assert_int_equal(json_object_size(at(event, "headers")), 5);
    json_decref(event);
}

static void queries_are_decoded(void **state)
{
    (void)state;
    lambda__url_request request = request_of(NULL, 0);
    request.query = "a=%41+b%2C&&c&=d&e=f=g&a=%zz%4&%61=%C3%A9&n=%00%ff";
    json_t *event = event_of(&request);
    assert_text(event, "rawQueryString", request.query);
    json_t *query = at(event, "queryStringParameters");
    assert_text(query, "a", "A b,,%zz%4,\xC3\xA9");
    assert_text(query, "c", "");
    assert_text(query, "e", "f=g");
    assert_text(query, "n", "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_string_equal(json_string_value(json_object_get(query, "")), "d");
    assert_int_equal(json_object_size(query), 5);
    json_decref(event);
}

static void many_of_a_name(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    char names[COUNT][16];
    lambda__header headers[COUNT];
    char query[COUNT * 16] = "";
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "%s%zu", i % 2 ? "X-A" : "x-a", i % 100);
        headers[i] = (lambda__header){names[i], "v"};
        sprintf(query + strlen(query), "%s%zu=%zu", i ? "&" : "", i % 100, i);
    }
    lambda__url_request request = request_of(headers, COUNT);
    request.query = query;
    json_t *event = event_of(&request);
    assert_int_equal(json_object_size(at(event, "headers")), 104);
    assert_text(event, "headers.x-a7", "v,v,v,v");
    assert_int_equal(json_object_size(at(event, "queryStringParameters")), 100);
    assert_text(event, "queryStringParameters.42", "42,142,242,342");
    json_decref(event);
}

static void assert_body(const char *type, const void *data, size_t length, const char *body, bool encoded)
{
    lambda__header headers[] = {{"content-type", type}};
    lambda__url_request request = request_of(headers, type ? 1 : 0);
    request.body = lambda_bytes_make(data, length);
    json_t *event = event_of(&request);
    assert_text(event, "body", body);
    assert_int_equal(json_is_true(at(event, "isBase64Encoded")), encoded);
    json_decref(event);
}

static void bodies(void **state)
{
    (void)state;
    assert_body("text/html; charset=utf-8", "<p>\"\\\n\x01", 7, "<p>\"\\\n\x01", false);
    assert_body("application/json", "{}", 2, "{}", false);
    assert_body("Application/Vnd.api+JSON;a=b", "{}", 2, "{}", false);
    assert_body("image/svg+xml", "<svg/>", 6, "<svg/>", false);
    assert_body("text/plain", "\xff\xfe", 2, "//4=", true);
    assert_body("text/plain", "a\0b", 3, "YQBi", true);
    assert_body("text/plain", "\xED\xA0\x80", 3, "7aCA", true);
    assert_body("application/x-www-form-urlencoded", "a=b", 3, "YT1i", true);
    assert_body("application/octet-stream", "abc", 3, "YWJj", true);
    assert_body(NULL, "a", 1, "YQ==", true);
}

static void cookies_of_several_headers(void **state)
{
    (void)state;
    lambda__header headers[] = {{"cookie", " a=1 ;; b=\"2\"; "}, {"COOKIE", "c=3"}, {"cookie", ";"}};
    lambda__url_request request = request_of(headers, 3);
    json_t *event = event_of(&request);
    json_t *cookies = at(event, "cookies");
    assert_int_equal(json_array_size(cookies), 3);
    assert_string_equal(json_string_value(json_array_get(cookies, 0)), "a=1");
    assert_string_equal(json_string_value(json_array_get(cookies, 1)), "b=\"2\"");
    assert_string_equal(json_string_value(json_array_get(cookies, 2)), "c=3");
    assert_null(at(event, "headers.cookie"));
    json_decref(event);
}

static void memory_is_used_again(void **state)
{
    (void)state;
    lambda__url_text text = {0};
    lambda__url_request request = request_of(NULL, 0);
    assert_int_equal(lambda__url_event(&api, &match, &request, &text), LAMBDA_OK);
    const char *data = text.data;
    size_t length = text.length;
    assert_int_equal(lambda__url_event(&api, &match, &request, &text), LAMBDA_OK);
    assert_ptr_equal(text.data, data);
    assert_int_equal(text.length, length);
    lambda__url_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_example),
        cmocka_unit_test(without_anything),
        cmocka_unit_test(queries_are_decoded),
        cmocka_unit_test(many_of_a_name),
        cmocka_unit_test(bodies),
        cmocka_unit_test(cookies_of_several_headers),
        cmocka_unit_test(how_it_came),
        cmocka_unit_test(memory_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
