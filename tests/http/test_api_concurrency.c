/* Reserved and provisioned concurrency through the API. */
#include <string.h>

#include "api_world.h"

#define INVALID "InvalidParameterValueException"
#define MISSING "ResourceNotFoundException"
#define ARN     "arn:aws:lambda:us-east-1:000000000000:function:"

static void test_reserved(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_expect(&w, "GetFunctionConcurrency", "{'FunctionName':'f'}", 200, "{}");
    api_expect(&w, "PutFunctionConcurrency", "{'FunctionName':'f','ReservedConcurrentExecutions':7}", 200,
               "{'ReservedConcurrentExecutions':7}");
    api_expect(&w, "GetFunctionConcurrency", "{'FunctionName':'" ARN "f'}", 200, "{'ReservedConcurrentExecutions':7}");
    api_expect(&w, "PutFunctionConcurrency", "{'FunctionName':'f','ReservedConcurrentExecutions':0}", 200,
               "{'ReservedConcurrentExecutions':0}");
    api_expect(&w, "GetFunctionConcurrency", "{'FunctionName':'f'}", 200, "{'ReservedConcurrentExecutions':0}");
    api_expect(&w, "DeleteFunctionConcurrency", "{'FunctionName':'f'}", 204, "");
    api_expect(&w, "GetFunctionConcurrency", "{'FunctionName':'f'}", 200, "{}");
    api_refused(&w, "PutFunctionConcurrency", "{'FunctionName':'f','ReservedConcurrentExecutions':901}", 400, INVALID,
                "");
    api_refused(&w, "PutFunctionConcurrency", "{'FunctionName':'h','ReservedConcurrentExecutions':1}", 404, MISSING,
                "function:h");
    api_refused(&w, "PutFunctionConcurrency", "{'FunctionName':'f:1','ReservedConcurrentExecutions':1}", 400, INVALID,
                "unqualified");
    api_refused(&w, "GetFunctionConcurrency", "{'FunctionName':'h'}", 404, MISSING, "function:h");
    api_refused(&w, "DeleteFunctionConcurrency", "{'FunctionName':'h'}", 404, MISSING, "function:h");
    api_world_close(&w);
}

/** Without LastModified, whose form is looked at. */
static void expect_config(const api_world *w, const char *operation, int status, const char *input, const char *output)
{
    json_t *got = api_output(w, operation, status, input);
    assert_int_equal(strlen(api_text(got, "LastModified")), strlen("2026-01-31T12:00:00.000+0000"));
    assert_string_equal(api_text(got, "LastModified") + 23, "+0000");
    json_object_del(got, "LastModified");
    assert_true(api_equal(got, output));
    json_decref(got);
}

static void test_provisioned(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_refused(&w, "GetProvisionedConcurrencyConfig", "{'FunctionName':'f','Qualifier':'live'}", 404,
                "ProvisionedConcurrencyConfigNotFoundException", "");
    expect_config(&w, "PutProvisionedConcurrencyConfig", 202,
                  "{'FunctionName':'f','Qualifier':'live','ProvisionedConcurrentExecutions':2}",
                  "{'RequestedProvisionedConcurrentExecutions':2,'AvailableProvisionedConcurrentExecutions':0,"
                  "'AllocatedProvisionedConcurrentExecutions':0,'Status':'IN_PROGRESS'}");
    assert_ok(w.lambda, lambda_pump(w.lambda, UINT64_MAX, NULL));
    expect_config(&w, "GetProvisionedConcurrencyConfig", 200, "{'FunctionName':'f','Qualifier':'live'}",
                  "{'RequestedProvisionedConcurrentExecutions':2,'AvailableProvisionedConcurrentExecutions':2,"
                  "'AllocatedProvisionedConcurrentExecutions':2,'Status':'READY'}");
    api_expect(&w, "DeleteProvisionedConcurrencyConfig", "{'FunctionName':'f:live','Qualifier':'live'}", 204, "");
    api_refused(&w, "PutProvisionedConcurrencyConfig",
                "{'FunctionName':'f','Qualifier':'$LATEST','ProvisionedConcurrentExecutions':2}", 400, INVALID, "");
    api_refused(&w, "PutProvisionedConcurrencyConfig",
                "{'FunctionName':'f','Qualifier':'9','ProvisionedConcurrentExecutions':2}", 404, MISSING, "f:9");
    api_refused(&w, "GetProvisionedConcurrencyConfig", "{'FunctionName':'f:1','Qualifier':'live'}", 400, INVALID, "");
    /* What there is not can have none, and nothing of it can be deleted. */
    api_refused(&w, "GetProvisionedConcurrencyConfig", "{'FunctionName':'f','Qualifier':'none'}", 404, MISSING,
                "Cannot find alias arn: arn:aws:lambda:us-east-1:000000000000:function:f:none");
    api_refused(&w, "DeleteProvisionedConcurrencyConfig", "{'FunctionName':'f','Qualifier':'none'}", 404, MISSING,
                "none");
    api_refused(&w, "DeleteProvisionedConcurrencyConfig", "{'FunctionName':'f','Qualifier':'9'}", 404, MISSING, "f:9");
    json_decref(api_output(&w, "PutProvisionedConcurrencyConfig", 202,
                           "{'FunctionName':'f','Qualifier':'1','ProvisionedConcurrentExecutions':1}"));
    api_refused(&w, "PutProvisionedConcurrencyConfig",
                "{'FunctionName':'f','Qualifier':'live','ProvisionedConcurrentExecutions':1}", 409,
                "ResourceConflictException", "already Provisioned");
    api_world_close(&w);
}

static void test_provisioned_pages(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_expect(&w, "ListProvisionedConcurrencyConfigs", "{'FunctionName':'f'}", 200,
               "{'ProvisionedConcurrencyConfigs':[]}");
    static const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        lambda_function_code_update update = {.code = lambda_code_native(test_nothing, &w.f.directory[i]),
                                              .publish = true};
        char number[8] = {(char)('2' + i), '\0'};
        char input[128];
        assert_ok(w.lambda, lambda_function_update_code(w.lambda, "f", &update));
        assert_ok(w.lambda, lambda_alias_create(w.lambda, "f",
                                                &(lambda_alias_config){.name = names[i], .function_version = number}));
        snprintf(input, sizeof(input), "{'FunctionName':'f','Qualifier':'%s','ProvisionedConcurrentExecutions':1}",
                 names[i]);
        json_decref(api_output(&w, "PutProvisionedConcurrencyConfig", 202, input));
    }
    json_t *page = api_output(&w, "ListProvisionedConcurrencyConfigs", 200, "{'FunctionName':'f','MaxItems':2}");
    json_t *items = json_object_get(page, "ProvisionedConcurrencyConfigs");
    assert_int_equal(json_array_size(items), 2);
    assert_string_equal(api_text(json_array_get(items, 1), "FunctionArn"), ARN "f:b");
    assert_string_equal(api_text(page, "NextMarker"), "c");
    json_decref(page);
    page = api_output(&w, "ListProvisionedConcurrencyConfigs", 200, "{'FunctionName':'f','MaxItems':2,'Marker':'c'}");
    items = json_object_get(page, "ProvisionedConcurrencyConfigs");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(api_text(json_array_get(items, 0), "FunctionArn"), ARN "f:c");
    assert_null(json_object_get(page, "NextMarker"));
    json_decref(page);
    api_refused(&w, "ListProvisionedConcurrencyConfigs", "{'FunctionName':'h'}", 404, MISSING, "function:h");
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_reserved), cmocka_unit_test(test_provisioned),
                                     cmocka_unit_test(test_provisioned_pages)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
