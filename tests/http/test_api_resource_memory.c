/* Each allocation of an operation fails once, in turn: it says that memory is out, nothing leaks, and the service goes on. */
#include <stdlib.h>
#include <string.h>

#include "api_world.h"
#include "failing_memory.h"

/* Allocations of jansson's do not fail, as its parser takes no notice of some that do. */
#define ARN   "arn:aws:lambda:us-east-1:000000000000:function:f"
#define LAYER "\"LayerName\":\"a\",\"VersionNumber\":1"

/** In this order each finds what it needs. */
static const struct {
    const char *operation;
    const char *input;
} calls[] = {
    {"PutFunctionConcurrency", "{\"FunctionName\":\"f\",\"ReservedConcurrentExecutions\":5}"},
    {"GetFunctionConcurrency", "{\"FunctionName\":\"f\"}"},
    {"PutProvisionedConcurrencyConfig",
     "{\"FunctionName\":\"f\",\"Qualifier\":\"live\",\"ProvisionedConcurrentExecutions\":1}"},
    {"ListProvisionedConcurrencyConfigs", "{\"FunctionName\":\"f\"}"},
    {"PutFunctionEventInvokeConfig", "{\"FunctionName\":\"f\",\"MaximumRetryAttempts\":1}"},
    {"ListFunctionEventInvokeConfigs", "{\"FunctionName\":\"f\"}"},
    {"AddPermission", "{\"FunctionName\":\"f\",\"StatementId\":\"s\",\"Action\":\"lambda:InvokeFunction\","
                      "\"Principal\":\"s3.amazonaws.com\",\"SourceArn\":\"arn:aws:s3:::b\"}"},
    {"GetPolicy", "{\"FunctionName\":\"f\"}"},
    {"RemovePermission", "{\"FunctionName\":\"f\",\"StatementId\":\"s\"}"},
    {"PutResourcePolicy",
     "{\"ResourceArn\":\"" ARN "\",\"Policy\":\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":"
     "{\\\"Effect\\\":\\\"Deny\\\",\\\"Principal\\\":\\\"*\\\",\\\"Action\\\":\\\"*\\\","
     "\\\"Resource\\\":\\\"*\\\"}}\"}"},
    {"GetResourcePolicy", "{\"ResourceArn\":\"" ARN "\"}"},
    {"DeleteResourcePolicy", "{\"ResourceArn\":\"" ARN "\"}"},
    {"AddLayerVersionPermission", "{" LAYER ",\"StatementId\":\"s\",\"Action\":\"lambda:GetLayerVersion\","
                                  "\"Principal\":\"*\",\"OrganizationId\":\"o-a1b2c3d4e5\"}"},
    {"GetLayerVersionPolicy", "{" LAYER "}"},
    {"RemoveLayerVersionPermission", "{" LAYER ",\"StatementId\":\"s\"}"},
    {"GetLayerVersion", "{" LAYER "}"},
    {"ListLayers", "{}"},
    {"ListLayerVersions", "{\"LayerName\":\"a\"}"},
    {"PutRuntimeManagementConfig", "{\"FunctionName\":\"f\",\"UpdateRuntimeOn\":\"FunctionUpdate\"}"},
    {"GetRuntimeManagementConfig", "{\"FunctionName\":\"f\"}"},
    {"TagResource", "{\"Resource\":\"" ARN "\",\"Tags\":{\"a\":\"1\"}}"},
    {"ListTags", "{\"Resource\":\"" ARN "\"}"},
    {"UntagResource", "{\"Resource\":\"" ARN "\",\"TagKeys\":[\"a\"]}"},
    {"GetAccountSettings", "{}"},
};

/** What says that memory is out. */
static bool is_out(lambda_status status, const lambda_api_answer *answer)
{
    return status == LAMBDA_ERROR_OUT_OF_MEMORY || (status == LAMBDA_OK && answer->status >= 500);
}

/** What a call says that was done, when only its answer had no room. */
static bool was_done(const char *operation, const lambda_api_answer *answer)
{
    bool adds = strncmp(operation, "Add", 3) == 0;
    bool removes = strncmp(operation, "Remove", 6) == 0 || strncmp(operation, "Delete", 6) == 0;
    return (adds && answer->status == 409) || (removes && answer->status == 404);
}

/** How many of its allocations have failed. */
static long try_all(const api_world *w, const char *operation, const char *input)
{
    for (long at = 1;; at++) {
        lambda_api_answer answer = {0};
        assert_true(at < 2000);
        fail_at = at;
        lambda_status status = lambda_api_call(w->api, operation, lambda_bytes_make(input, strlen(input)), &answer);
        bool failed = fail_at == 0;
        fail_at = 0;
        bool done = status == LAMBDA_OK && (answer.status < 300 || was_done(operation, &answer));
        if (!done && !(failed && is_out(status, &answer)))
            fail_msg("%s, allocation %ld: %d %d %s", operation, at, (int)status, answer.status, answer.json);
        lambda_api_answer_clear(&answer);
        if (!failed) return at - 1;
    }
}

static void test_all(void **state)
{
    (void)state;
    api_world w;
    long failures = 0;
    zip made = zip_one("x", "1");
    lambda_layer_config config = {.layer_name = "a", .data = made.bytes, .data_length = made.length};
    api_world_open(&w);
    assert_ok(NULL, lambda_layer_publish(w.f.packages, &config, NULL));
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        failures += try_all(&w, calls[i].operation, calls[i].input);
    assert_true(failures > (long)(sizeof(calls) / sizeof(calls[0])));
    zip_free(&made);
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
