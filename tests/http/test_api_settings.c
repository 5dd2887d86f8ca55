/* Recursion, runtime management, scaling, tags and the account through the API. */
#include <string.h>

#include <lambda/concurrency.h>

#include "api_world.h"

#define INVALID "InvalidParameterValueException"
#define MISSING "ResourceNotFoundException"
#define ARN     "arn:aws:lambda:us-east-1:000000000000:function:"
#define RUNTIME "arn:aws:lambda:us-east-1::runtime:0123456789abcdef"

static void test_recursion(void **state)
{
    (void)state;
    api_world w;
    lambda_recursive_loop loop = LAMBDA_RECURSIVE_LOOP_TERMINATE;
    api_world_open(&w);
    api_expect(&w, "GetFunctionRecursionConfig", "{'FunctionName':'f'}", 200, "{'RecursiveLoop':'Terminate'}");
    api_expect(&w, "PutFunctionRecursionConfig", "{'FunctionName':'f','RecursiveLoop':'Allow'}", 200,
               "{'RecursiveLoop':'Allow'}");
    assert_ok(w.lambda, lambda_function_recursion_config_get(w.lambda, "f", &loop));
    assert_int_equal(loop, LAMBDA_RECURSIVE_LOOP_ALLOW);
    api_expect(&w, "GetFunctionRecursionConfig", "{'FunctionName':'f'}", 200, "{'RecursiveLoop':'Allow'}");
    api_expect(&w, "PutFunctionRecursionConfig", "{'FunctionName':'f','RecursiveLoop':'Terminate'}", 200,
               "{'RecursiveLoop':'Terminate'}");
    api_refused(&w, "GetFunctionRecursionConfig", "{'FunctionName':'h'}", 404, MISSING, "function:h");
    api_refused(&w, "PutFunctionRecursionConfig", "{'FunctionName':'h','RecursiveLoop':'Allow'}", 404, MISSING,
                "function:h");
    api_world_close(&w);
}

static void test_runtime_management(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_expect(&w, "GetRuntimeManagementConfig", "{'FunctionName':'f'}", 200,
               "{'UpdateRuntimeOn':'Auto','FunctionArn':'" ARN "f'}");
    api_expect(&w, "PutRuntimeManagementConfig",
               "{'FunctionName':'f','Qualifier':'1','UpdateRuntimeOn':'Manual','RuntimeVersionArn':'" RUNTIME "'}", 200,
               "{'UpdateRuntimeOn':'Manual','FunctionArn':'" ARN "f:1','RuntimeVersionArn':'" RUNTIME "'}");
    api_expect(&w, "PutRuntimeManagementConfig", "{'FunctionName':'" ARN "f','UpdateRuntimeOn':'FunctionUpdate'}", 200,
               "{'UpdateRuntimeOn':'FunctionUpdate','FunctionArn':'" ARN "f'}");
    api_expect(&w, "GetRuntimeManagementConfig", "{'FunctionName':'" ARN "f:1'}", 200,
               "{'UpdateRuntimeOn':'Manual','FunctionArn':'" ARN "f:1','RuntimeVersionArn':'" RUNTIME "'}");
    api_expect(&w, "GetRuntimeManagementConfig", "{'FunctionName':'000000000000:function:f'}", 200,
               "{'UpdateRuntimeOn':'FunctionUpdate','FunctionArn':'" ARN "f'}");
    api_expect(&w, "GetRuntimeManagementConfig", "{'FunctionName':'f','Qualifier':'$LATEST'}", 200,
               "{'UpdateRuntimeOn':'FunctionUpdate','FunctionArn':'" ARN "f:$LATEST'}");
    api_expect(&w, "PutRuntimeManagementConfig", "{'FunctionName':'f','Qualifier':'1','UpdateRuntimeOn':'Auto'}", 200,
               "{'UpdateRuntimeOn':'Auto','FunctionArn':'" ARN "f:1'}");
    api_expect(&w, "GetRuntimeManagementConfig", "{'FunctionName':'f:1'}", 200,
               "{'UpdateRuntimeOn':'Auto','FunctionArn':'" ARN "f:1'}");
    api_refused(&w, "PutRuntimeManagementConfig", "{'FunctionName':'f','UpdateRuntimeOn':'Manual'}", 400, INVALID,
                "required");
    api_refused(&w, "PutRuntimeManagementConfig",
                "{'FunctionName':'f','UpdateRuntimeOn':'Auto','RuntimeVersionArn':'" RUNTIME "'}", 400, INVALID,
                "only where");
    api_refused(&w, "PutRuntimeManagementConfig", "{'FunctionName':'f','Qualifier':'live','UpdateRuntimeOn':'Auto'}",
                400, INVALID, "live");
    api_refused(&w, "GetRuntimeManagementConfig", "{'FunctionName':'h'}", 404, MISSING, "function:h");
    api_refused(&w, "GetRuntimeManagementConfig", "{'FunctionName':'f:7'}", 404, MISSING, "f:7");
    api_world_close(&w);
}

static void test_code_signing(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_expect(&w, "GetFunctionCodeSigningConfig", "{'FunctionName':'f'}", 200,
               "{'CodeSigningConfigArn':'','FunctionName':'f'}");
    api_refused(&w, "GetFunctionCodeSigningConfig", "{'FunctionName':'none'}", 404, "ResourceNotFoundException",
                "none");
    api_world_close(&w);
}

static void test_scaling(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_expect(&w, "GetFunctionScalingConfig", "{'FunctionName':'f','Qualifier':'1'}", 200,
               "{'FunctionArn':'" ARN "f:1'}");
    api_refused(&w, "PutFunctionScalingConfig",
                "{'FunctionName':'f','Qualifier':'1','FunctionScalingConfig':{'MinExecutionEnvironments':1}}", 400,
                INVALID, "PutProvisionedConcurrencyConfig");
    api_refused(&w, "PutFunctionScalingConfig", "{'FunctionName':'f','Qualifier':'7'}", 404, MISSING, "f:7");
    api_world_close(&w);
}

static void test_tags(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_expect(&w, "ListTags", "{'Resource':'" ARN "f'}", 200, "{'Tags':{}}");
    api_expect(&w, "TagResource", "{'Resource':'" ARN "f','Tags':{'a':'1','b':'','c d':'3'}}", 204, "");
    api_expect(&w, "TagResource", "{'Resource':'" ARN "f','Tags':{'a':'2'}}", 204, "");
    api_expect(&w, "ListTags", "{'Resource':'" ARN "f'}", 200, "{'Tags':{'a':'2','b':'','c d':'3'}}");
    api_expect(&w, "UntagResource", "{'Resource':'" ARN "f','TagKeys':['b','c d','none']}", 204, "");
    api_expect(&w, "ListTags", "{'Resource':'" ARN "f'}", 200, "{'Tags':{'a':'2'}}");
    api_refused(&w, "ListTags", "{'Resource':'" ARN "h'}", 404, MISSING, "function:h");
    api_refused(&w, "ListTags", "{'Resource':'" ARN "f:live'}", 400, INVALID, "aliases and versions");
    api_refused(&w, "TagResource", "{'Resource':'" ARN "h','Tags':{'a':'2'}}", 404, MISSING, "function:h");
    api_refused(&w, "TagResource", "{'Resource':'" ARN "f','Tags':{'':'2'}}", 400, INVALID, "tag");
    api_refused(&w, "UntagResource", "{'Resource':'" ARN "h','TagKeys':['a']}", 404, MISSING, "function:h");
    api_refused(&w, "ListTags",
                "{'Resource':'arn:aws:lambda:us-east-1:000000000000:event-source-mapping:"
                "01234567-0123-0123-0123-0123456789ab'}",
                404, MISSING, "event-source-mapping");
    api_world_close(&w);
}

static void test_account(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    assert_ok(w.lambda, lambda_function_concurrency_put(w.lambda, "f", 10));
    api_expect(&w, "GetAccountSettings", "{}", 200,
               "{'AccountLimit':{'TotalCodeSize':80530636800,'CodeSizeUnzipped':262144000,'CodeSizeZipped':52428800,"
               "'ConcurrentExecutions':1000,'UnreservedConcurrentExecutions':990},"
               "'AccountUsage':{'TotalCodeSize':0,'FunctionCount':2}}");
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_recursion), cmocka_unit_test(test_runtime_management),
                                     cmocka_unit_test(test_scaling),   cmocka_unit_test(test_code_signing),
                                     cmocka_unit_test(test_tags),      cmocka_unit_test(test_account)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
