/* An operation's input as the parts of an HTTP request. */
#include <string.h>

#include <lambda/api.h>

#include "support.h"

static lambda_status split(const char *operation, const char *input, lambda_api_request_parts *parts)
{
    return lambda_api_request(operation, lambda_bytes_make(input, strlen(input)), parts);
}

static void refused(const char *operation, const char *input, const char *why)
{
    lambda_api_request_parts parts = {0};
    assert_int_equal(split(operation, input, &parts), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_non_null(strstr(lambda_error_message(NULL), why));
    assert_null(parts.path);
    assert_null(parts.headers);
    assert_null(parts.body);
}

static void test_places(void **state)
{
    (void)state;
    lambda_api_request_parts parts = {0};
    assert_ok(NULL, split("AddPermission",
                          "{\"FunctionName\": \"area\", \"Qualifier\": \"a b\", \"StatementId\": \"one\", \"Action\": "
                          "\"lambda:InvokeFunction\", \"Principal\": \"*\"}",
                          &parts));
    assert_string_equal(parts.method, "POST");
    assert_string_equal(parts.path, "/2015-03-31/functions/area/policy?Qualifier=a%20b");
    assert_string_equal(parts.headers, "");
    assert_string_equal(parts.body,
                        "{\"StatementId\":\"one\",\"Action\":\"lambda:InvokeFunction\",\"Principal\":\"*\"}");
    assert_int_equal(parts.length, strlen(parts.body));
    /* The same is used again: what it had is freed. */
    assert_ok(NULL, split("Invoke",
                          "{\"FunctionName\": \"arn:aws:lambda:us-east-1:000000000000:function:\xce\xbb\", "
                          "\"InvocationType\": \"Event\", \"Payload\": \"e30=\", \"Qualifier\": \"$LATEST\"}",
                          &parts));
    assert_string_equal(parts.path, "/2015-03-31/functions/"
                                    "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3A%CE%BB/"
                                    "invocations?Qualifier=%24LATEST");
    assert_string_equal(parts.headers, "X-Amz-Invocation-Type: Event\n");
    assert_string_equal(parts.body, "");
    lambda_api_request_clear(&parts);
    assert_null(parts.path);
    lambda_api_request_clear(&parts);
    lambda_api_request_clear(NULL);
}

static void test_query(void **state)
{
    (void)state;
    lambda_api_request_parts parts = {0};
    /* Sorted by bytes, each of a list, and what the path of the table itself asks. */
    assert_ok(NULL, split("UntagResource", "{\"Resource\": \"a\", \"TagKeys\": [\"z\", \"b/c\"]}", &parts));
    assert_string_equal(parts.path, "/2017-03-31/tags/a?tagKeys=b%2Fc&tagKeys=z");
    assert_string_equal(parts.method, "DELETE");
    assert_string_equal(parts.body, "");
    assert_ok(NULL, split("GetLayerVersionByArn", "{\"Arn\": \"x\"}", &parts));
    assert_string_equal(parts.path, "/2018-10-31/layers?Arn=x&find=LayerVersion");
    assert_ok(NULL, split("ListLayers", "{\"MaxItems\": 7}", &parts));
    assert_string_equal(parts.path, "/2018-10-31/layers?MaxItems=7");
    assert_ok(NULL, split("ListLayers", "", &parts));
    assert_string_equal(parts.path, "/2018-10-31/layers");
    lambda_api_request_clear(&parts);
}

static void test_refused(void **state)
{
    (void)state;
    refused("Fly", "{}", "there is no such operation");
    refused("GetPolicy", "[]", "no JSON object");
    refused("GetPolicy", "{", "no JSON object");
    refused("GetPolicy", "{}", "missing or empty");
    refused("GetPolicy", "{\"FunctionName\": \"\"}", "missing or empty");
    refused("GetPolicy", "{\"FunctionName\": {}}", "FunctionName has to be a string");
    refused("GetPolicy", "{\"FunctionName\": \"a\\u0000b\"}", "FunctionName holds a NUL");
    refused("GetPolicy", "{\"FunctionName\": \"a\", \"Qualifier\": []}", "Qualifier has to be a string");
    refused("Invoke", "{\"FunctionName\": \"a\", \"ClientContext\": \"a\\nX: b\"}", "ClientContext stands in a header");
    assert_int_equal(lambda_api_request("Invoke", (lambda_bytes){0}, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    lambda_api_request_parts parts = {0};
    assert_int_equal(lambda_api_request(NULL, (lambda_bytes){0}, &parts), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
