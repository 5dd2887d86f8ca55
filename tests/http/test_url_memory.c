/* Each allocation of the library's own fails once, in turn: the call says that memory is out, or had what it needed; nothing leaks, and what was served before is served on. */
#include "support.h"

#include <lambda/port/attachment.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "failing_memory.h"
#include "policy_cache.h"
#include "url.h"

/* Runs it with the first allocation failing, then with the second, until none fails. */
static void with_each_failing(lambda_status (*run)(void *user), void *user)
{
    long failures = 0;
    for (long at = 1;; at++) {
        fail_at = at;
        lambda_status status = run(user);
        bool failed = fail_at == 0;
        fail_at = 0;
        if (!failed) {
            assert_int_equal(status, LAMBDA_OK);
            break;
        }
        assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        failures++;
    }
    assert_true(failures > 0);
}

#define ID   "abcdefghijklmnopqrstuvwxyz012345"
#define PATH "/lambda-url/" ID

static const char DOCUMENT[] =
    "{\"Id\":\"" ID "\",\"AuthType\":\"NONE\",\"Cors\":{\"AllowOrigins\":[\"https://a.test\",\"https://b.test\"],"
    "\"AllowMethods\":[\"GET\"],\"AllowHeaders\":[\"*\"],\"ExposeHeaders\":[\"a\",\"b\"],\"MaxAge\":1}}";

static int open_world(void **state)
{
    static lambda_api api;
    api = (lambda_api){.lambda = test_open(NULL), .region = "us-east-1", .account_id = "000000000000"};
    test_create(api.lambda, "f", test_echo, NULL);
    assert_ok(api.lambda, lambda_attachment_put(api.lambda, "f", "url", lambda_bytes_make(DOCUMENT, strlen(DOCUMENT))));
    *state = &api;
    return 0;
}

static int close_world(void **state)
{
    lambda_api *api = *state;
    lambda__url_index_close(api->urls);
    lambda_close(api->lambda);
    return 0;
}

static lambda_status open_index(void *user)
{
    lambda_api *api = user;
    return lambda__url_index_open(api, &api->urls);
}

static lambda_status reload(void *user)
{
    lambda_api *api = user;
    lambda_status status = lambda__url_index_reload(api, "f");
    lambda__url_match match = {0};
    assert_int_equal(lambda__url_find(api, NULL, PATH, &match), LAMBDA__URL_FOUND);
    lambda__url_release(&match);
    return status;
}

static void the_index(void **state)
{
    with_each_failing(open_index, *state);
    with_each_failing(reload, *state);
}

static lambda_status hold_policy(void *user)
{
    lambda_api *api = user;
    api->policies = lambda__policies_open();
    if (!api->policies) return LAMBDA_ERROR_OUT_OF_MEMORY;
    lambda_status status;
    lambda__held_policy *held = lambda__policy_hold(api, "f", &status);
    assert_true((held != NULL) == (status == LAMBDA_OK));
    lambda__policy_let_go(held);
    lambda__policies_close(api->policies);
    return status;
}

static void policies(void **state)
{
    const lambda_api *api = *state;
    assert_ok(api->lambda, lambda_attachment_put(api->lambda, "f", "policy", LAMBDA_JSON("{}")));
    with_each_failing(hold_policy, *state);
}

static lambda_status make_event(void *user)
{
    enum { COUNT = 40 };
    static const lambda__url url = {.id = ID};
    lambda__url_match match = {.url = &url, .path = "/", .domain = "d"};
    lambda__header headers[COUNT];
    char query[4096];
    for (size_t i = 0; i < COUNT; i++) {
        headers[i] = (lambda__header){"name", "value"};
    }
    memset(query, '&', sizeof query);
    for (size_t i = 0; i < sizeof query; i += 64) {
        query[i] = 'a';
    }
    query[sizeof query - 1] = '\0';
    lambda__url_request request = {.method = "GET",
                                   .query = query,
                                   .protocol = "HTTP/1.1",
                                   .source_ip = "::1",
                                   .port = "443",
                                   .trace = "Root=1",
                                   .headers = headers,
                                   .headers_count = COUNT,
                                   .body = lambda_bytes_make(query, sizeof query - 1),
                                   .request_id = "id"};
    lambda__url_text text = {0};
    lambda_status status = lambda__url_event(user, &match, &request, &text);
    lambda__url_text_free(&text);
    return status;
}

static void events(void **state)
{
    with_each_failing(make_event, *state);
}

static lambda_status respond(void *user)
{
    (void)user;
    lambda__url_answer answer = {0};
    lambda_status status = lambda__url_response(
        LAMBDA_JSON("{\"statusCode\":200,\"headers\":{\"a\":1},\"body\":\"Zm9v\",\"isBase64Encoded\":true}"), &answer);
    lambda__cors cors = {.any_origin = true, .expose = "a", .credentials = true, .max_age = -1};
    lambda__url url = {.cors = &cors};
    lambda__header origin = {"origin", "https://a.test"};
    if (!status) {
        status = lambda__cors_apply(&url, &origin, 1, &answer);
    }
    lambda__url_answer_clear(&answer);
    return status;
}

static lambda_status stream(void *user)
{
    (void)user;
    static const char data[] = "{\"statusCode\":200,\"headers\":{\"a\":1}}\0\0\0\0\0\0\0\0";
    lambda__url_answer answer = {0};
    lambda__url_prelude prelude = {0};
    size_t used;
    lambda_status status = lambda__url_prelude_begin(&prelude, "text/plain", &answer);
    if (!status) {
        status = lambda__url_prelude_begin(&prelude, "application/vnd.awslambda.http-integration-response", &answer);
    }
    if (!status) {
        status = lambda__url_prelude_feed(&prelude, data, sizeof data - 1, &used, &answer);
    }
    lambda__url_prelude_clear(&prelude);
    lambda__url_answer_clear(&answer);
    return status;
}

static void answers(void **state)
{
    with_each_failing(respond, *state);
    with_each_failing(stream, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_index, open_world, close_world),
        cmocka_unit_test_setup_teardown(policies, open_world, close_world),
        cmocka_unit_test_setup_teardown(events, open_world, close_world),
        cmocka_unit_test_setup_teardown(answers, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
