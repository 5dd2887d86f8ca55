/* What is refused before an operation sees it, in AWS's words. */
#include "api_world.h"

#include "pattern.h"

#define WRONG "ValidationException"
#define TYPE  "SerializationException"

static void test_values(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_refused(&w, "GetFunction", "{}", 400, WRONG,
                "1 validation error detected: Value null at 'functionName' failed to satisfy constraint: Member must "
                "not be null");
    api_refused(&w, "GetFunction", "{'FunctionName':null}", 400, WRONG, "must not be null");
    api_refused(&w, "GetFunction", "{'FunctionName':''}", 400, WRONG, "length greater than or equal to 1");
    api_refused(&w, "GetFunction", "{'FunctionName':'a b'}", 400, WRONG, "Value 'a b' at 'functionName'");
    api_refused(&w, "ListFunctions", "{'MaxItems':0}", 400, WRONG, "value greater than or equal to 1");
    api_refused(&w, "ListFunctions", "{'MaxItems':10001}", 400, WRONG, "value less than or equal to 10000");
    api_refused(&w, "ListFunctions", "{'FunctionVersion':'SOME'}", 400, WRONG, "enum value set: [ALL]");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','MemorySize':1,'Timeout':901}", 400, WRONG,
                "2 validation errors detected: ");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','EphemeralStorage':{'Size':1}}", 400, WRONG,
                "at 'ephemeralStorage.size'");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','TracingConfig':{'Mode':'Loud'}}", 400, WRONG,
                "at 'tracingConfig.mode'");
    api_world_close(&w);
}

static void test_types(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_refused(&w, "GetFunction", "{'FunctionName':7}", 400, TYPE, "functionName");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','Timeout':'long'}", 400, TYPE, "timeout");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','Timeout':1.5}", 400, TYPE, "timeout");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','Layers':'one'}", 400, TYPE, "layers");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','Layers':[1]}", 400, TYPE, "layers.1.member");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','Environment':{'Variables':{'A':1}}}", 400,
                TYPE, "A.member");
    api_refused(&w, "UpdateFunctionConfiguration", "{'FunctionName':'f','Environment':[]}", 400, TYPE, "environment");
    api_refused(&w, "UpdateFunctionCode", "{'FunctionName':'f','ZipFile':'no base64'}", 400, TYPE, "zipFile");
    api_refused(&w, "UpdateFunctionCode", "{'FunctionName':'f','DryRun':'yes'}", 400, TYPE, "dryRun");
    api_world_close(&w);
}

static void test_operations(void **state)
{
    (void)state;
    api_world w;
    lambda_api_answer answer = {0};
    api_world_open(&w);
    assert_int_equal(lambda_api_call(w.api, "NoSuchThing", (lambda_bytes){0}, &answer),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_int_equal(lambda_api_call(w.api, NULL, (lambda_bytes){0}, &answer), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_int_equal(lambda_api_call(w.api, "ListFunctions", LAMBDA_JSON("[]"), &answer),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_int_equal(lambda_api_call(w.api, "ListFunctions", LAMBDA_JSON("{"), &answer),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_int_equal(lambda_api_call(w.api, "Invoke", LAMBDA_JSON("{\"FunctionName\":\"f\"}"), &answer),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    api_refused(&w, "CreateEventSourceMapping", "{}", 501, "NotImplementedException", "CreateEventSourceMapping");
    lambda_api_answer_clear(&answer);
    lambda_api_answer_clear(NULL);
    api_world_close(&w);
}

static void test_opening(void **state)
{
    (void)state;
    lambda_t *lambda = NULL;
    lambda_api *api = NULL;
    assert_int_equal(lambda_api_open(NULL, &api), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_int_equal(lambda_api_open(&(lambda_api_options){0}, &api), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_int_equal(lambda_open(NULL, &lambda), LAMBDA_OK);
    static const char *const urls[] = {"http://here/", "http://%d/", "http://%s/%s", "%"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_int_equal(lambda_api_open(&(lambda_api_options){.lambda = lambda, .function_url = urls[i]}, &api),
                         LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
        assert_null(api);
    }
    lambda_api_close(NULL);
    lambda_close(lambda);
}

/** Members that say so do take every letter, digit, "_" and "-", alone and together. */
static void test_words(void **state)
{
    (void)state;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    api_world w;
    size_t seen = 0;
    const lambda_api_operation *operation;
    api_world_open(&w);
    for (size_t i = 0; (operation = lambda_api_operation_at(i)); i++) {
        const lambda__member *member = lambda__operation_named(operation->name)->members;
        for (; member && member->name; member++) {
            if (!member->takes_words) continue;
            const regex_t *pattern = lambda__pattern(w.api, member->pattern);
            assert_int_equal(regexec(pattern, letters, 0, NULL, 0), 0);
            for (const char *at = letters; *at; at++)
                assert_int_equal(regexec(pattern, (char[]){*at, '\0'}, 0, NULL, 0), 0);
            seen++;
        }
    }
    assert_true(seen > 0);
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_types), cmocka_unit_test(test_operations),
        cmocka_unit_test(test_opening), cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
