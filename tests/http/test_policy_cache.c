/* Parsed policies, which are what the function has now. */
#include "support.h"

#include <lambda/port/attachment.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "policy_cache.h"

static int open_world(void **state)
{
    static lambda_api api;
    api = (lambda_api){.lambda = test_open(NULL), .region = "us-east-1", .account_id = "000000000000"};
    api.policies = lambda__policies_open();
    assert_non_null(api.policies);
    test_create(api.lambda, "f", test_echo, NULL);
    *state = &api;
    return 0;
}

static int close_world(void **state)
{
    lambda_api *api = *state;
    lambda__policies_close(api->policies);
    lambda_close(api->lambda);
    return 0;
}

static void attach(const lambda_api *api, const char *name, const char *text)
{
    assert_ok(api->lambda,
              lambda_attachment_put(api->lambda, name, "policy", lambda_bytes_make(text, text ? strlen(text) : 0)));
}

/** What the policy's member "Id" says; the test fails where there is none. */
static const char *id_of(const lambda__held_policy *held)
{
    const char *id = json_string_value(json_object_get(lambda__policy_document(held), "Id"));
    assert_non_null(id);
    return id;
}

static lambda__held_policy *hold(lambda_api *api, const char *name)
{
    lambda_status status = LAMBDA_ERROR_SERVICE;
    lambda__held_policy *held = lambda__policy_hold(api, name, &status);
    assert_int_equal(status, LAMBDA_OK);
    return held;
}

static void test_parsed_once(void **state)
{
    lambda_api *api = *state;
    attach(api, "f", "{\"Id\":\"one\"}");
    lambda__held_policy *first = hold(api, "f");
    lambda__held_policy *second = hold(api, "f");
    assert_ptr_equal(first, second);
    assert_string_equal(id_of(first), "one");
    lambda__policy_let_go(first);
    lambda__policy_let_go(second);
}

static void test_changes(void **state)
{
    lambda_api *api = *state;
    attach(api, "f", "{\"Id\":\"one\"}");
    lambda__held_policy *before = hold(api, "f");
    attach(api, "f", "{\"Id\":\"two\"}");
    lambda__held_policy *after = hold(api, "f");
    assert_string_equal(id_of(after), "two");
    assert_string_equal(id_of(before), "one"); /* for as long as it is held */
    lambda__policy_let_go(before);
    lambda__policy_let_go(after);
    attach(api, "f", NULL);
    assert_null(hold(api, "f"));
    assert_null(lambda__policy_document(NULL));
}

static void test_none(void **state)
{
    lambda_api *api = *state;
    lambda_status status;
    assert_null(hold(api, "f"));
    assert_null(hold(api, "nobody"));
    assert_null(hold(api, "f:nothing"));
    attach(api, "f", "no JSON");
    assert_null(lambda__policy_hold(api, "f", &status));
    assert_int_equal(status, LAMBDA_ERROR_SERVICE);
}

static void test_many(void **state)
{
    enum { FUNCTIONS = 200 };
    lambda_api *api = *state;
    char name[16];
    char text[32];
    for (int i = 0; i < FUNCTIONS; i++) {
        snprintf(name, sizeof(name), "f-%d", i);
        snprintf(text, sizeof(text), "{\"Id\":\"%d\"}", i);
        test_create(api->lambda, name, test_echo, NULL);
        attach(api, name, text);
    }
    for (int i = 0; i < 2 * FUNCTIONS; i++) {
        snprintf(name, sizeof(name), "f-%d", i % FUNCTIONS);
        lambda__held_policy *held = hold(api, name);
        assert_string_equal(id_of(held), name + 2);
        lambda__policy_let_go(held);
    }
}

static void *ask(void *user)
{
    for (int i = 0; i < 2000; i++) {
        lambda__held_policy *held = hold(user, "f");
        const char *id = id_of(held);
        assert_true(strcmp(id, "one") == 0 || strcmp(id, "two") == 0);
        lambda__policy_let_go(held);
    }
    return NULL;
}

static void test_threads(void **state)
{
    lambda_api *api = *state;
    pthread_t threads[2];
    attach(api, "f", "{\"Id\":\"one\"}");
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, api), 0);
    for (int i = 0; i < 500; i++)
        attach(api, "f", i % 2 == 0 ? "{\"Id\":\"two\"}" : "{\"Id\":\"one\"}");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parsed_once, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_changes, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_none, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_many, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_threads, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
