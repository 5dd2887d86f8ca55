/* Event invoke configs through the API. */
#include <string.h>
#include <time.h>

#include "api_world.h"

#define INVALID "InvalidParameterValueException"
#define MISSING "ResourceNotFoundException"
#define ARN     "arn:aws:lambda:us-east-1:000000000000:function:"

/** Without LastModified, which is a number of seconds, now. */
static void expect_config(const api_world *w, const char *operation, const char *input, const char *output)
{
    json_t *got = api_output(w, operation, 200, input);
    double modified = json_number_value(json_object_get(got, "LastModified"));
    assert_true(modified > (double)time(NULL) - 600 && modified < (double)time(NULL) + 600);
    json_object_del(got, "LastModified");
    if (!api_equal(got, output)) fail_msg("%s: %s", operation, json_dumps(got, 0));
    json_decref(got);
}

static void test_config(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_refused(&w, "GetFunctionEventInvokeConfig", "{'FunctionName':'f'}", 404, MISSING, "EventInvokeConfig");
    api_refused(&w, "UpdateFunctionEventInvokeConfig", "{'FunctionName':'f','MaximumRetryAttempts':1}", 404, MISSING,
                "EventInvokeConfig");
    expect_config(&w, "PutFunctionEventInvokeConfig", "{'FunctionName':'f','MaximumRetryAttempts':0}",
                  "{'FunctionArn':'" ARN "f:$LATEST','MaximumRetryAttempts':0,'MaximumEventAgeInSeconds':21600,"
                  "'DestinationConfig':{'OnSuccess':{},'OnFailure':{}}}");
    expect_config(&w, "UpdateFunctionEventInvokeConfig",
                  "{'FunctionName':'f','MaximumEventAgeInSeconds':60,"
                  "'DestinationConfig':{'OnFailure':{'Destination':'" ARN "g'}}}",
                  "{'FunctionArn':'" ARN "f:$LATEST','MaximumRetryAttempts':0,'MaximumEventAgeInSeconds':60,"
                  "'DestinationConfig':{'OnSuccess':{},'OnFailure':{'Destination':'" ARN "g'}}}");
    expect_config(&w, "UpdateFunctionEventInvokeConfig",
                  "{'FunctionName':'f','MaximumRetryAttempts':2,"
                  "'DestinationConfig':{'OnSuccess':{'Destination':'" ARN "g'},'OnFailure':{'Destination':''}}}",
                  "{'FunctionArn':'" ARN "f:$LATEST','MaximumRetryAttempts':2,'MaximumEventAgeInSeconds':60,"
                  "'DestinationConfig':{'OnSuccess':{'Destination':'" ARN "g'},'OnFailure':{}}}");
    /* A put forgets what was there. */
    expect_config(&w, "PutFunctionEventInvokeConfig", "{'FunctionName':'f','MaximumRetryAttempts':1}",
                  "{'FunctionArn':'" ARN "f:$LATEST','MaximumRetryAttempts':1,'MaximumEventAgeInSeconds':21600,"
                  "'DestinationConfig':{'OnSuccess':{},'OnFailure':{}}}");
    expect_config(&w, "GetFunctionEventInvokeConfig", "{'FunctionName':'f','Qualifier':'$LATEST'}",
                  "{'FunctionArn':'" ARN "f:$LATEST','MaximumRetryAttempts':1,'MaximumEventAgeInSeconds':21600,"
                  "'DestinationConfig':{'OnSuccess':{},'OnFailure':{}}}");
    api_expect(&w, "DeleteFunctionEventInvokeConfig", "{'FunctionName':'f'}", 204, "");
    api_refused(&w, "DeleteFunctionEventInvokeConfig", "{'FunctionName':'f'}", 404, MISSING, "EventInvokeConfig");
    api_refused(&w, "PutFunctionEventInvokeConfig", "{'FunctionName':'f'}", 400, INVALID, "at least one");
    api_refused(&w, "PutFunctionEventInvokeConfig",
                "{'FunctionName':'f','DestinationConfig':{'OnFailure':{'Destination':'" ARN "f'}}}", 400, INVALID,
                "itself");
    api_refused(&w, "PutFunctionEventInvokeConfig",
                "{'FunctionName':'f','DestinationConfig':{'OnFailure':{'Destination':'" ARN "h'}}}", 400, INVALID,
                "neither");
    api_refused(&w, "PutFunctionEventInvokeConfig", "{'FunctionName':'f','Qualifier':'9','MaximumRetryAttempts':1}",
                404, MISSING, "f:9");
    api_world_close(&w);
}

static void test_list(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    static const char *const names[] = {"$LATEST", "1", "live"};
    for (int i = 0; i < 3; i++) {
        char input[128];
        snprintf(input, sizeof(input), "{'FunctionName':'f','Qualifier':'%s','MaximumRetryAttempts':1}", names[i]);
        json_decref(api_output(&w, "PutFunctionEventInvokeConfig", 200, input));
    }
    json_t *page = api_output(&w, "ListFunctionEventInvokeConfigs", 200, "{'FunctionName':'f','MaxItems':1}");
    assert_int_equal(json_array_size(json_object_get(page, "FunctionEventInvokeConfigs")), 1);
    assert_string_equal(api_text(page, "NextMarker"), "1");
    json_decref(page);
    page = api_output(&w, "ListFunctionEventInvokeConfigs", 200, "{'FunctionName':'f','Marker':'1'}");
    json_t *items = json_object_get(page, "FunctionEventInvokeConfigs");
    assert_int_equal(json_array_size(items), 2);
    assert_string_equal(api_text(json_array_get(items, 0), "FunctionArn"), ARN "f:1");
    assert_string_equal(api_text(json_array_get(items, 1), "FunctionArn"), ARN "f:live");
    json_decref(page);
    api_expect(&w, "ListFunctionEventInvokeConfigs", "{'FunctionName':'g'}", 200, "{'FunctionEventInvokeConfigs':[]}");
    api_refused(&w, "ListFunctionEventInvokeConfigs", "{'FunctionName':'h'}", 404, MISSING, "function:h");
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_config), cmocka_unit_test(test_list)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
