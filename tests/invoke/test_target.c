/* Targets follow what happens to the name that they were opened on. */
#include "support.h"

#include <string.h>

static lambda_status answers_user(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    const char *text = lambda_context_user(context);
    return lambda_response_write(response, text, strlen(text));
}

static void update(lambda_t *lambda, const char *name, char *text, bool publish)
{
    lambda_function_code_update code = {.code = lambda_code_native(answers_user, text), .publish = publish};
    assert_ok(lambda, lambda_function_update_code(lambda, name, &code));
}

static void expect(lambda_t *lambda, lambda_target *target, const char *text)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_target_invoke(target, LAMBDA_JSON("1"), NULL, &result));
    test_assert_payload(&result, text);
    lambda_result_clear(&result);
}

static void follows_changes(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    test_create(lambda, "f", answers_user, "one");
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    lambda_target *latest = NULL;
    lambda_target *version = NULL;
    lambda_target *alias = NULL;
    lambda_target *arn = NULL;
    assert_ok(lambda, lambda_target_open(lambda, "f", &latest));
    assert_ok(lambda, lambda_target_open(lambda, "f:1", &version));
    assert_ok(lambda, lambda_target_open(lambda, "f:live", &alias));
    assert_ok(lambda, lambda_target_open(lambda, "arn:aws:lambda:us-east-1:000000000000:function:f:live", &arn));
    expect(lambda, latest, "one");
    update(lambda, "f", "two", true);
    expect(lambda, latest, "two");
    expect(lambda, version, "one");
    expect(lambda, alias, "one");
    assert_ok(lambda,
              lambda_alias_update(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "2"}));
    expect(lambda, alias, "two");
    expect(lambda, arn, "two");
    assert_ok(lambda, lambda_function_delete(lambda, "f:1"));
    lambda_result result = {0};
    assert_fails(lambda, lambda_target_invoke(version, LAMBDA_JSON("1"), NULL, &result),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "f:1");
    assert_ok(lambda, lambda_alias_delete(lambda, "f", "live"));
    assert_fails(lambda, lambda_target_invoke(alias, LAMBDA_JSON("1"), NULL, &result), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "f:live");
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    assert_fails(lambda, lambda_target_invoke(latest, LAMBDA_JSON("1"), NULL, &result), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 ":f");
    test_create(lambda, "f", answers_user, "three");
    expect(lambda, latest, "three");
    lambda_target_close(latest);
    lambda_target_close(version);
    lambda_target_close(alias);
    lambda_target_close(arn);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

static void bad_arguments_are_named(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    lambda_target *target = NULL;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    assert_fails(NULL, lambda_target_open(NULL, "f", &target), invalid, "lambda");
    assert_fails(lambda, lambda_target_open(lambda, "f", NULL), invalid, "target");
    assert_fails(lambda, lambda_target_open(lambda, NULL, &target), invalid, "NULL");
    assert_fails(lambda, lambda_target_open(lambda, "f", &target), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "f");
    assert_null(target);
    test_create(lambda, "f", test_echo, NULL);
    assert_fails(lambda, lambda_target_open(lambda, "f:9", &target), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "f:9");
    assert_fails(lambda, lambda_target_open(lambda, "f:live", &target), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "f:live");
    assert_ok(lambda, lambda_target_open(lambda, "f:$LATEST", &target));
    expect(lambda, target, "1");
    assert_fails(lambda,
                 lambda_target_invoke(target, LAMBDA_JSON("1"), &(lambda_invoke_options){.qualifier = "1"}, NULL),
                 invalid, "qualifier");
    assert_fails(NULL, lambda_target_invoke(NULL, LAMBDA_JSON("1"), NULL, NULL), invalid, "target");
    lambda_target_close(target);
    lambda_target_close(NULL);
    lambda_close(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_changes),
        cmocka_unit_test(bad_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
