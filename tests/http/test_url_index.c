/* Function URLs by host and path, and who may come in, while they change. */
#include "support.h"

#include <lambda/port/attachment.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "url.h"

#define ONE   "abcdefghijklmnopqrstuvwxyz012345"
#define TWO   "zyxwvutsrqponmlkjihgfedcba543210"
#define THREE "00000000000000000000000000000000"

#define PUBLIC(name, qualifier)                                                                                        \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"u\",\"Effect\":\"Allow\",\"Principal\":\"*\","              \
    "\"Action\":\"lambda:InvokeFunctionUrl\",\"Resource\":\"arn:aws:lambda:us-east-1:000000000000:function:" name      \
        qualifier "\",\"Condition\":{\"StringEquals\":{\"lambda:FunctionUrlAuthType\":\"NONE\"}}}%s]}"
#define ALSO_FUNCTION(name)                                                                                            \
    ",{\"Sid\":\"f\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":"      \
    "\"arn:aws:lambda:us-east-1:000000000000:function:" name                                                           \
    "\",\"Condition\":{\"Bool\":{\"lambda:InvokedViaFunctionUrl\":\"true\"}}}"

typedef struct world {
    lambda_t *lambda;
    lambda_api api;
} world;

static void attach(world *with, const char *name, const char *kind, const char *value)
{
    assert_ok(with->lambda,
              lambda_attachment_put(with->lambda, name, kind, lambda_bytes_make(value, value ? strlen(value) : 0)));
}

static int open_world(void **state)
{
    static world with;
    with = (world){.lambda = test_open(NULL), .api = {.region = "us-east-1", .account_id = "000000000000"}};
    with.api.lambda = with.lambda;
    test_create(with.lambda, "f", test_echo, NULL);
    test_create(with.lambda, "g", test_echo, NULL);
    assert_ok(with.lambda, lambda_alias_create(with.lambda, "f",
                                               &(lambda_alias_config){.name = "live", .function_version = "$LATEST"}));
    attach(&with, "f", "url", "{\"Id\":\"" ONE "\",\"AuthType\":\"NONE\",\"InvokeMode\":\"BUFFERED\"}");
    attach(
        &with, "f:live", "url",
        "{\"Id\":\"" TWO "\",\"AuthType\":\"AWS_IAM\",\"InvokeMode\":\"RESPONSE_STREAM\",\"Cors\":{\"AllowOrigins\":["
        "\"https://a.test\",\"*\"],\"AllowMethods\":[\"GET\",\"POST\"],\"AllowHeaders\":[\"X\",\"*\"],\"MaxAge\":5}}");
    assert_int_equal(lambda__url_index_open(&with.api, &with.api.urls), LAMBDA_OK);
    *state = &with;
    return 0;
}

static int close_world(void **state)
{
    world *with = *state;
    lambda__url_index_close(with->api.urls);
    lambda_close(with->lambda);
    return 0;
}

static lambda__url_found find(world *with, const char *host, const char *path, lambda__url_match *match)
{
    *match = (lambda__url_match){0};
    return lambda__url_find(&with->api, host, path, match);
}

static void by_host(void **state)
{
    world *with = *state;
    static const char *const hosts[] = {ONE ".lambda-url.us-east-1.localhost:9000", ONE ".lambda-url.us-east-1.on.aws",
                                        ONE ".lambda-url.us-east-1",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345.Lambda-Url.US-EAST-1.example.com"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        lambda__url_match match;
        assert_int_equal(find(with, hosts[i], "/a/b", &match), LAMBDA__URL_FOUND);
        assert_string_equal(match.url->function_name, "f");
        assert_string_equal(match.url->name, "f");
        assert_string_equal(match.path, "/a/b");
        assert_memory_equal(match.domain, ONE ".lambda-url.us-east-1", 53);
        lambda__url_release(&match);
        assert_null(match.url);
        lambda__url_release(&match);
    }
}

static void by_path(void **state)
{
    world *with = *state;
    lambda__url_match match;
    assert_int_equal(find(with, "localhost:9000", "/lambda-url/" TWO "/rest/%20x", &match), LAMBDA__URL_FOUND);
    assert_string_equal(match.path, "/rest/%20x");
    assert_string_equal(match.domain, TWO ".lambda-url.us-east-1.localhost");
    assert_string_equal(match.url->name, "f:live");
    assert_string_equal(match.url->arn, "arn:aws:lambda:us-east-1:000000000000:function:f:live");
    assert_true(match.url->iam && match.url->stream);
    assert_true(match.url->cors->any_origin);
    assert_string_equal(match.url->cors->methods, "GET, POST");
    assert_string_equal(match.url->cors->headers, "*");
    assert_null(match.url->cors->expose);
    assert_int_equal(match.url->cors->max_age, 5);
    lambda__url_release(&match);
    assert_int_equal(find(with, NULL, "/lambda-url/" ONE, &match), LAMBDA__URL_FOUND);
    assert_string_equal(match.path, "/");
    assert_false(match.url->iam || match.url->stream || match.url->cors);
    lambda__url_release(&match);
}

static void what_is_none(void **state)
{
    world *with = *state;
    lambda__url_match match;
    static const char *const hosts[] = {"localhost",
                                        "",
                                        "[::1]:9000",
                                        ONE ".lambda-url.us-east-2.localhost",
                                        ONE ".lambda-url.us-east-11.localhost",
                                        "x" ONE ".lambda-url.us-east-1.localhost",
                                        ONE "lambda-url.us-east-1.localhost",
                                        "a.b.lambda-url.us-east-1.localhost"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        assert_int_equal(find(with, hosts[i], "/2015-03-31/functions", &match), LAMBDA__URL_NOT);
    }
    assert_int_equal(find(with, THREE ".lambda-url.us-east-1.localhost", "/", &match), LAMBDA__URL_UNKNOWN);
    assert_int_equal(find(with, NULL, "/lambda-url/" THREE "/", &match), LAMBDA__URL_UNKNOWN);
    assert_int_equal(find(with, NULL, "/lambda-url/short/", &match), LAMBDA__URL_UNKNOWN);
    assert_int_equal(find(with, NULL, "/lambda-url/", &match), LAMBDA__URL_UNKNOWN);
    assert_int_equal(find(with, NULL, "/lambda-urls", &match), LAMBDA__URL_NOT);
}

static void a_held_url_stays(void **state)
{
    world *with = *state;
    lambda__url_match old;
    lambda__url_match new;
    assert_int_equal(find(with, NULL, "/lambda-url/" ONE, &old), LAMBDA__URL_FOUND);
    attach(with, "f", "url", "{\"Id\":\"" ONE "\",\"AuthType\":\"AWS_IAM\"}");
    assert_int_equal(lambda__url_index_reload(&with->api, "f"), LAMBDA_OK);
    assert_int_equal(find(with, NULL, "/lambda-url/" ONE, &new), LAMBDA__URL_FOUND);
    assert_false(old.url->iam);
    assert_true(new.url->iam);
    lambda__url_release(&new);
    attach(with, "f", "url", NULL);
    assert_int_equal(lambda__url_index_reload(&with->api, "arn:aws:lambda:us-east-1:000000000000:function:f:live"),
                     LAMBDA_OK);
    assert_int_equal(find(with, NULL, "/lambda-url/" ONE, &new), LAMBDA__URL_UNKNOWN);
    assert_int_equal(find(with, NULL, "/lambda-url/" TWO, &new), LAMBDA__URL_FOUND);
    lambda__url_release(&new);
    lambda_result result = {0};
    assert_ok(with->lambda, lambda_target_invoke(old.url->target, LAMBDA_JSON("1"), NULL, &result));
    test_assert_payload(&result, "1");
    lambda_result_clear(&result);
    lambda__url_release(&old);
    assert_ok(with->lambda, lambda_function_delete(with->lambda, "f"));
    assert_int_equal(lambda__url_index_reload(&with->api, "f:live"), LAMBDA_OK);
    assert_int_equal(find(with, NULL, "/lambda-url/" TWO, &new), LAMBDA__URL_UNKNOWN);
}

static void what_is_deleted_past_the_api(void **state)
{
    world *with = *state;
    lambda__url_match match;
    lambda_alias_config live = {.name = "live", .function_version = "$LATEST"};
    assert_ok(with->lambda, lambda_alias_delete(with->lambda, "f", "live"));
    assert_ok(with->lambda, lambda_alias_create(with->lambda, "f", &live));
    assert_int_equal(find(with, NULL, "/lambda-url/" TWO, &match), LAMBDA__URL_UNKNOWN);
    assert_int_equal(find(with, NULL, "/lambda-url/" ONE, &match), LAMBDA__URL_FOUND);
    lambda__url_release(&match);
    attach(with, "f", "url", "{\"Id\":\"" ONE "\",\"AuthType\":\"AWS_IAM\"}");
    assert_int_equal(find(with, NULL, "/lambda-url/" ONE, &match), LAMBDA__URL_FOUND);
    assert_true(match.url->iam);
    lambda__url_release(&match);
    assert_ok(with->lambda, lambda_function_delete(with->lambda, "f"));
    test_create(with->lambda, "f", test_echo, NULL);
    assert_int_equal(find(with, NULL, "/lambda-url/" ONE, &match), LAMBDA__URL_UNKNOWN);
}

static void many(void **state)
{
    world *with = *state;
    char name[32];
    char document[128];
    char path[64];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "n%d", i);
        test_create(with->lambda, name, test_echo, NULL);
        snprintf(document, sizeof document, "{\"Id\":\"%032d\",\"AuthType\":\"NONE\"}", i + 1);
        attach(with, name, "url", document);
        assert_int_equal(lambda__url_index_reload(&with->api, name), LAMBDA_OK);
    }
    for (int i = 0; i < 200; i++) {
        lambda__url_match match;
        snprintf(path, sizeof path, "/lambda-url/%032d", i + 1);
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(find(with, NULL, path, &match), LAMBDA__URL_FOUND);
        assert_string_equal(match.url->name, name);
        lambda__url_release(&match);
    }
}

static bool may(world *with, const char *path, const lambda__caller *caller, const char *source_ip)
{
    lambda__url_match match;
    lambda__url_answer answer = {0};
    assert_int_equal(find(with, NULL, path, &match), LAMBDA__URL_FOUND);
    const lambda__caller anybody = {.arn = "", .account_id = "", .source_ip = source_ip};
    bool allowed = lambda__url_may(match.url, caller ? caller : &anybody, &answer);
    if (!allowed) {
        assert_int_equal(answer.status, 403);
        assert_non_null(strstr(answer.body, "{\"Message\":\"Forbidden"));
    }
    lambda__url_answer_clear(&answer);
    lambda__url_release(&match);
    return allowed;
}

static void policy(world *with, const char *name, const char *format, const char *more)
{
    char text[2048];
    snprintf(text, sizeof text, format, more);
    attach(with, name, "policy", text);
    assert_int_equal(lambda__url_index_reload(&with->api, "f"), LAMBDA_OK);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void anybody_needs_both_permissions(void **state)
{
    world *with = *state;
    assert_false(may(with, "/lambda-url/" ONE, NULL, "127.0.0.1"));
    policy(with, "f", PUBLIC("f", ""), "");
    assert_false(may(with, "/lambda-url/" ONE, NULL, "127.0.0.1"));
    policy(with, "f", PUBLIC("f", ""), ALSO_FUNCTION("f"));
    assert_true(may(with, "/lambda-url/" ONE, NULL, "127.0.0.1"));
    policy(with, "f", PUBLIC("f", ""),
           ALSO_FUNCTION(
               "f") ",{\"Sid\":\"d\",\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"lambda:*\",\"Resource\":"
                    "\"*\",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}}");
    assert_true(may(with, "/lambda-url/" ONE, NULL, "127.0.0.1"));
    assert_false(may(with, "/lambda-url/" ONE, NULL, "10.1.2.3"));
}

static void iam_needs_a_caller(void **state)
{
    world *with = *state;
    lambda__caller administrator = {
        .arn = "arn:aws:iam::000000000000:user/admin", .account_id = "000000000000", .source_ip = "127.0.0.1"};
    assert_false(may(with, "/lambda-url/" TWO, NULL, "127.0.0.1"));
    assert_true(may(with, "/lambda-url/" TWO, &administrator, "127.0.0.1"));
    /* Of a URL for anybody, it does not count who calls. */
    assert_false(may(with, "/lambda-url/" ONE, &administrator, "127.0.0.1"));
}

typedef struct looker {
    world *with;
    atomic_bool stop;
    atomic_uint found;
} looker;

static void *look(void *user)
{
    looker *each = user;
    while (!atomic_load(&each->stop)) {
        lambda__url_match match;
        if (find(each->with, NULL, "/lambda-url/" TWO, &match) == LAMBDA__URL_FOUND) {
            lambda_result result = {0};
            if (lambda_target_invoke(match.url->target, LAMBDA_JSON("1"), NULL, &result) == LAMBDA_OK) {
                atomic_fetch_add(&each->found, 1);
            }
            lambda_result_clear(&result);
            lambda__url_release(&match);
        }
    }
    return NULL;
}

static void threads_look_while_it_changes(void **state)
{
    world *with = *state;
    looker each = {.with = with};
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, look, &each), 0);
    }
    for (int i = 0; i < 200 || atomic_load(&each.found) < 10; i++) {
        assert_int_equal(lambda__url_index_reload(&with->api, "f"), LAMBDA_OK);
    }
    atomic_store(&each.stop, true);
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(atomic_load(&each.found) >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_host, open_world, close_world),
        cmocka_unit_test_setup_teardown(by_path, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_is_none, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_held_url_stays, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_is_deleted_past_the_api, open_world, close_world),
        cmocka_unit_test_setup_teardown(many, open_world, close_world),
        cmocka_unit_test_setup_teardown(anybody_needs_both_permissions, open_world, close_world),
        cmocka_unit_test_setup_teardown(iam_needs_a_caller, open_world, close_world),
        cmocka_unit_test_setup_teardown(threads_look_while_it_changes, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
