/* The operations of function URLs. */
#include "support.h"

#include <jansson.h>
#include <lambda/api.h>
#include <lambda/port/attachment.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "url.h"

typedef struct world {
    lambda_t *lambda;
    lambda_api *api;
    lambda_api_answer answer;
    json_t *json;
} world;

static int open_world(void **state)
{
    static world with;
    with = (world){.lambda = test_open(NULL)};
    test_create(with.lambda, "f", test_echo, NULL);
    assert_ok(with.lambda, lambda_version_publish(with.lambda, "f", NULL, NULL));
    assert_ok(with.lambda,
              lambda_alias_create(with.lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    assert_ok(with.lambda,
              lambda_alias_create(with.lambda, "f", &(lambda_alias_config){.name = "next", .function_version = "1"}));
    assert_ok(with.lambda, lambda_api_open(&(lambda_api_options){.lambda = with.lambda}, &with.api));
    *state = &with;
    return 0;
}

static int close_world(void **state)
{
    world *with = *state;
    json_decref(with->json);
    lambda_api_answer_clear(&with->answer);
    lambda_api_close(with->api);
    lambda_close(with->lambda);
    return 0;
}

static void call(world *with, const char *operation, const char *input, int status)
{
    json_decref(with->json);
    with->json = NULL;
    assert_ok(with->lambda,
              lambda_api_call(with->api, operation, lambda_bytes_make(input, strlen(input)), &with->answer));
    if (with->answer.status != status) {
        fail_msg("%s: %d %s", operation, with->answer.status, with->answer.json);
    }
    if (with->answer.length) {
        with->json = json_loads(with->answer.json, 0, NULL);
        assert_non_null(with->json);
    }
}

static void fails(world *with, const char *operation, const char *input, int status, const char *type)
{
    call(with, operation, input, status);
    assert_string_equal(with->answer.error_type, type);
}

static const char *text(world *with, const char *name)
{
    return json_string_value(json_object_get(with->json, name));
}

/* The path form of the URL that was answered. */
static void url_path(world *with, char path[64])
{
    const char *url = text(with, "FunctionUrl");
    assert_non_null(url);
    assert_memory_equal(url, "http://", 7);
    snprintf(path, 64, "/lambda-url/%.32s/x", url + 7);
    assert_string_equal(url + 7 + 32, ".lambda-url.us-east-1.localhost/");
}

static void a_whole_life(void **state)
{
    world *with = *state;
    char path[64];
    lambda__url_match match = {0};
    call(with, "CreateFunctionUrlConfig", "{\"FunctionName\":\"f\",\"AuthType\":\"NONE\"}", 201);
    assert_string_equal(text(with, "FunctionArn"), "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert_string_equal(text(with, "AuthType"), "NONE");
    assert_string_equal(text(with, "InvokeMode"), "BUFFERED");
    assert_int_equal(strlen(text(with, "CreationTime")), 28);
    assert_null(json_object_get(with->json, "Cors"));
    assert_null(json_object_get(with->json, "LastModifiedTime"));
    url_path(with, path);
    assert_int_equal(lambda__url_find(with->api, NULL, path, &match), LAMBDA__URL_FOUND);
    assert_false(match.url->iam);
    lambda__url_release(&match);
    fails(with, "CreateFunctionUrlConfig", "{\"FunctionName\":\"f\",\"AuthType\":\"NONE\"}", 409,
          "ResourceConflictException");
    call(with, "UpdateFunctionUrlConfig",
         "{\"FunctionName\":\"f\",\"AuthType\":\"AWS_IAM\",\"InvokeMode\":\"RESPONSE_STREAM\",\"Cors\":{"
         "\"AllowOrigins\":[\"*\"]"
         ",\"MaxAge\":9}}",
         200);
    assert_string_equal(text(with, "AuthType"), "AWS_IAM");
    assert_non_null(text(with, "LastModifiedTime"));
    assert_int_equal(lambda__url_find(with->api, NULL, path, &match), LAMBDA__URL_FOUND);
    assert_true(match.url->iam && match.url->stream && match.url->cors && match.url->cors->max_age == 9);
    lambda__url_release(&match);
    call(with, "UpdateFunctionUrlConfig", "{\"FunctionName\":\"f\",\"Cors\":{}}", 200);
    assert_string_equal(text(with, "AuthType"), "AWS_IAM");
    call(with, "GetFunctionUrlConfig", "{\"FunctionName\":\"f\"}", 200);
    assert_null(json_object_get(with->json, "Cors"));
    assert_string_equal(text(with, "InvokeMode"), "RESPONSE_STREAM");
    call(with, "DeleteFunctionUrlConfig", "{\"FunctionName\":\"f\"}", 204);
    assert_int_equal(with->answer.length, 0);
    assert_int_equal(lambda__url_find(with->api, NULL, path, &match), LAMBDA__URL_UNKNOWN);
    fails(with, "GetFunctionUrlConfig", "{\"FunctionName\":\"f\"}", 404, "ResourceNotFoundException");
    fails(with, "UpdateFunctionUrlConfig", "{\"FunctionName\":\"f\"}", 404, "ResourceNotFoundException");
    fails(with, "DeleteFunctionUrlConfig", "{\"FunctionName\":\"f\"}", 404, "ResourceNotFoundException");
}

static void of_aliases(void **state)
{
    world *with = *state;
    call(with, "CreateFunctionUrlConfig", "{\"FunctionName\":\"f\",\"Qualifier\":\"live\",\"AuthType\":\"NONE\"}", 201);
    assert_string_equal(text(with, "FunctionArn"), "arn:aws:lambda:us-east-1:000000000000:function:f:live");
    call(with, "CreateFunctionUrlConfig", "{\"FunctionName\":\"f:next\",\"AuthType\":\"NONE\"}", 201);
    call(with, "CreateFunctionUrlConfig", "{\"FunctionName\":\"f\",\"AuthType\":\"NONE\"}", 201);
    call(with, "ListFunctionUrlConfigs", "{\"FunctionName\":\"f\",\"MaxItems\":2}", 200);
    json_t *items = json_object_get(with->json, "FunctionUrlConfigs");
    assert_int_equal(json_array_size(items), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 1), "FunctionArn")),
                        "arn:aws:lambda:us-east-1:000000000000:function:f:live");
    char input[256];
    snprintf(input, sizeof input, "{\"FunctionName\":\"f\",\"MaxItems\":2,\"Marker\":\"%s\"}",
             text(with, "NextMarker"));
    call(with, "ListFunctionUrlConfigs", input, 200);
    items = json_object_get(with->json, "FunctionUrlConfigs");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "FunctionArn")),
                        "arn:aws:lambda:us-east-1:000000000000:function:f:next");
    assert_null(text(with, "NextMarker"));
}

static void what_is_refused(void **state)
{
    world *with = *state;
    static const struct {
        const char *input;
        int status;
        const char *type;
    } rows[] = {
        {"{\"FunctionName\":\"none\",\"AuthType\":\"NONE\"}", 404, "ResourceNotFoundException"},
        {"{\"FunctionName\":\"f\",\"Qualifier\":\"none\",\"AuthType\":\"NONE\"}", 404, "ResourceNotFoundException"},
        {"{\"FunctionName\":\"f\",\"Qualifier\":\"1\",\"AuthType\":\"NONE\"}", 400, "ValidationException"},
        {"{\"FunctionName\":\"f:1\",\"AuthType\":\"NONE\"}", 400, "InvalidParameterValueException"},
        {"{\"FunctionName\":\"f\"}", 400, "ValidationException"},
        {"{\"FunctionName\":\"f\",\"AuthType\":\"ANY\"}", 400, "ValidationException"},
        {"{\"FunctionName\":\"f\",\"AuthType\":\"NONE\",\"InvokeMode\":\"FAST\"}", 400, "ValidationException"},
        {"{\"FunctionName\":\"f\",\"AuthType\":\"NONE\",\"Cors\":{\"MaxAge\":86401}}", 400, "ValidationException"},
        {"{\"FunctionName\":\"f\",\"AuthType\":\"NONE\",\"Cors\":{\"AllowMethods\":[\"OPTIONS\"]}}", 400,
         "ValidationException"},
        {"{\"FunctionName\":\"f\",\"AuthType\":\"NONE\",\"Cors\":{\"AllowOrigins\":[\"\"]}}", 400,
         "ValidationException"},
        {"{\"FunctionName\":\"f\",\"AuthType\":\"NONE\",\"Cors\":{\"ExposeHeaders\":[\"a\\r\\nb\"]}}", 400,
         "ValidationException"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fails(with, "CreateFunctionUrlConfig", rows[i].input, rows[i].status, rows[i].type);
    }
    call(with, "ListFunctionUrlConfigs", "{\"FunctionName\":\"f\"}", 200);
    assert_int_equal(json_array_size(json_object_get(with->json, "FunctionUrlConfigs")), 0);
}

static void another_api_finds_them(void **state)
{
    world *with = *state;
    char path[64];
    call(with, "CreateFunctionUrlConfig", "{\"FunctionName\":\"f\",\"AuthType\":\"NONE\"}", 201);
    url_path(with, path);
    lambda_api *again = NULL;
    assert_ok(with->lambda, lambda_api_open(&(lambda_api_options){.lambda = with->lambda}, &again));
    lambda__url_match match = {0};
    assert_int_equal(lambda__url_find(again, NULL, path, &match), LAMBDA__URL_FOUND);
    lambda__url_release(&match);
    lambda_api_close(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_life, open_world, close_world),
        cmocka_unit_test_setup_teardown(of_aliases, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_is_refused, open_world, close_world),
        cmocka_unit_test_setup_teardown(another_api_finds_them, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
