/* Functions, versions and aliases through the API. What needs a deployment package is tried with clients of AWS: tests/clients. */
#include <string.h>

#include "api_world.h"

#define ARN     "arn:aws:lambda:us-east-1:000000000000:function:"
#define INVALID "InvalidParameterValueException"
#define MISSING "ResourceNotFoundException"

static void test_get(void **state)
{
    static const char *const names[] = {"f", "f:$LATEST", "000000000000:function:f", ARN "f"};
    (void)state;
    api_world w;
    api_world_open(&w);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char input[160];
        snprintf(input, sizeof input, "{'FunctionName':'%s'}", names[i]);
        json_t *got = api_output(&w, "GetFunctionConfiguration", 200, input);
        assert_string_equal(api_text(got, "FunctionName"), "f");
        assert_string_equal(api_text(got, "Version"), "$LATEST");
        assert_string_equal(api_text(got, "State"), "Active");
        assert_string_equal(api_text(got, "LastUpdateStatus"), "Successful");
        assert_string_equal(api_text(got, "PackageType"), "Zip");
        assert_int_equal(json_integer_value(json_object_get(got, "MemorySize")), 128);
        assert_int_equal(json_integer_value(json_object_get(got, "Timeout")), 3);
        assert_true(api_equal(json_object_get(got, "EphemeralStorage"), "{'Size':512}"));
        json_decref(got);
    }
    json_t *version = api_output(&w, "GetFunctionConfiguration", 200, "{'FunctionName':'f','Qualifier':'live'}");
    assert_string_equal(api_text(version, "Version"), "1");
    assert_string_equal(api_text(version, "FunctionArn"), ARN "f:live");
    json_decref(version);
    api_refused(&w, "GetFunction", "{'FunctionName':'f:1','Qualifier':'live'}", 400, INVALID, "qualifier");
    api_refused(&w, "GetFunction", "{'FunctionName':'h'}", 404, MISSING, "function:h");
    api_refused(&w, "GetFunction", "{'FunctionName':'f','Qualifier':'9'}", 404, MISSING, "f:9");
    api_world_close(&w);
}

static void test_update(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    json_t *before = api_output(&w, "GetFunctionConfiguration", 200, "{'FunctionName':'f'}");
    json_t *after = api_output(&w, "UpdateFunctionConfiguration", 200,
                               "{'FunctionName':'f','Timeout':9,'MemorySize':256,'Description':'d','Handler':'a.b',"
                               "'Environment':{'Variables':{'COLOUR':'red'}},'EphemeralStorage':{'Size':1024},"
                               "'TracingConfig':{'Mode':'Active'},'VpcConfig':{'SubnetIds':[]},"
                               "'LoggingConfig':{'LogFormat':'JSON','ApplicationLogLevel':'WARN'},"
                               "'SnapStart':{'ApplyOn':'None'}}");
    assert_int_equal(json_integer_value(json_object_get(after, "Timeout")), 9);
    assert_int_equal(json_integer_value(json_object_get(after, "MemorySize")), 256);
    assert_true(api_equal(json_object_get(after, "Environment"), "{'Variables':{'COLOUR':'red'}}"));
    assert_true(api_equal(json_object_get(after, "EphemeralStorage"), "{'Size':1024}"));
    assert_true(api_equal(json_object_get(after, "TracingConfig"), "{'Mode':'Active'}"));
    assert_string_equal(api_text(json_object_get(after, "LoggingConfig"), "ApplicationLogLevel"), "WARN");
    char stale[160];
    snprintf(stale, sizeof stale, "{'FunctionName':'f','Timeout':8,'RevisionId':'%s'}", api_text(before, "RevisionId"));
    api_refused(&w, "UpdateFunctionConfiguration", stale, 412, "PreconditionFailedException", "");
    json_decref(before);
    json_decref(after);
    json_t *none = api_output(&w, "UpdateFunctionConfiguration", 200, "{'FunctionName':'f','Environment':{}}");
    assert_null(json_object_get(none, "Environment"));
    json_decref(none);
    api_world_close(&w);
}

static void test_what_there_is_not(void **state)
{
    static const char *const inputs[][2] = {
        {"'VpcConfig':{'SubnetIds':['subnet-1']}", "VpcConfig"},
        {"'FileSystemConfigs':[{'Arn':'a'}]", "FileSystemConfigs"},
        {"'KMSKeyArn':'arn:aws:kms:x'", "KMSKeyArn"},
        {"'ImageConfig':{'Command':['a']}", "ImageConfig"},
        {"'SnapStart':{'ApplyOn':'PublishedVersions'}", "SnapStart"},
        {"'Runtime':'python3.11'", "Runtime"},
        {"'DurableConfig':{'ExecutionTimeout':1}", "DurableConfig"},
    };
    (void)state;
    api_world w;
    api_world_open(&w);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        char input[160];
        snprintf(input, sizeof input, "{'FunctionName':'f',%s}", inputs[i][0]);
        api_refused(&w, "UpdateFunctionConfiguration", input, 400, INVALID, inputs[i][1]);
    }
#define CREATE "{'FunctionName':'n','Role':'arn:aws:iam::000000000000:role/r','Handler':'a.b','Runtime':'nodejs20.x',"
    api_refused(&w, "CreateFunction", CREATE "'Code':{}}", 400, INVALID, "ZipFile");
    api_refused(&w, "CreateFunction", CREATE "'Code':{'S3Bucket':'b','S3Key':'k'}}", 400, INVALID, "S3Bucket");
    api_refused(&w, "CreateFunction", CREATE "'Code':{'ImageUri':'i'}}", 400, INVALID, "ImageUri");
    api_refused(&w, "CreateFunction", CREATE "'PackageType':'Image','Code':{'ZipFile':'AAAA'}}", 400, INVALID, "Image");
    /* Nothing here runs processes. */
    api_refused(&w, "CreateFunction", CREATE "'Code':{'ZipFile':'AAAA'}}", 400, INVALID, "nodejs20.x");
    api_refused(&w, "CreateFunction", CREATE "'Code':{'ZipFile':'AAAA'},'Architectures':['sparc']}", 400,
                "ValidationException", "architectures");
    api_refused(&w, "UpdateFunctionCode", "{'FunctionName':'h','ZipFile':'AAAA'}", 404, MISSING, "function:h");
    api_world_close(&w);
}

static void test_versions_and_aliases(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    json_decref(api_output(&w, "UpdateFunctionConfiguration", 200, "{'FunctionName':'f','Description':'two'}"));
    json_t *two = api_output(&w, "PublishVersion", 201, "{'FunctionName':'f','Description':'second'}");
    assert_string_equal(api_text(two, "Version"), "2");
    assert_string_equal(api_text(two, "FunctionArn"), ARN "f:2");
    json_decref(two);
    json_t *list = api_output(&w, "ListVersionsByFunction", 200, "{'FunctionName':'f','MaxItems':2}");
    assert_int_equal(json_array_size(json_object_get(list, "Versions")), 2);
    char next[160];
    snprintf(next, sizeof next, "{'FunctionName':'f','Marker':'%s'}", api_text(list, "NextMarker"));
    json_decref(list);
    list = api_output(&w, "ListVersionsByFunction", 200, next);
    assert_int_equal(json_array_size(json_object_get(list, "Versions")), 1);
    assert_null(json_object_get(list, "NextMarker"));
    json_decref(list);
    json_t *alias = api_output(&w, "CreateAlias", 201,
                               "{'FunctionName':'f','Name':'new','FunctionVersion':'2',"
                               "'RoutingConfig':{'AdditionalVersionWeights':{'1':0.5}}}");
    assert_string_equal(api_text(alias, "AliasArn"), ARN "f:new");
    assert_true(api_equal(json_object_get(alias, "RoutingConfig"), "{'AdditionalVersionWeights':{'1':0.5}}"));
    json_decref(alias);
    alias = api_output(&w, "UpdateAlias", 200, "{'FunctionName':'f','Name':'new','RoutingConfig':{}}");
    assert_null(json_object_get(alias, "RoutingConfig"));
    json_decref(alias);
    json_t *aliases = api_output(&w, "ListAliases", 200, "{'FunctionName':'f','FunctionVersion':'2'}");
    assert_int_equal(json_array_size(json_object_get(aliases, "Aliases")), 1);
    json_decref(aliases);
    api_refused(&w, "UpdateAlias",
                "{'FunctionName':'f','Name':'new','RoutingConfig':{'AdditionalVersionWeights':{'1':0.5,'2':0.1}}}", 400,
                INVALID, "AdditionalVersionWeights");
    api_refused(&w, "CreateAlias", "{'FunctionName':'f','Name':'12','FunctionVersion':'2'}", 400, "ValidationException",
                "'name'");
    api_refused(&w, "DeleteFunction", "{'FunctionName':'f','Qualifier':'2'}", 409, "ResourceConflictException", "new");
    api_expect(&w, "DeleteAlias", "{'FunctionName':'f','Name':'new'}", 204, "");
    api_refused(&w, "GetAlias", "{'FunctionName':'f','Name':'new'}", 404, MISSING, "new");
    api_expect(&w, "DeleteFunction", "{'FunctionName':'f','Qualifier':'2'}", 200, "");
    api_expect(&w, "DeleteFunction", "{'FunctionName':'f'}", 200, "");
    api_refused(&w, "DeleteFunction", "{'FunctionName':'f'}", 404, MISSING, "function:f");
    api_world_close(&w);
}

static void test_lists(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    json_t *list = api_output(&w, "ListFunctions", 200, "{'MaxItems':1}");
    assert_int_equal(json_array_size(json_object_get(list, "Functions")), 1);
    char next[160];
    snprintf(next, sizeof next, "{'Marker':'%s'}", api_text(list, "NextMarker"));
    json_decref(list);
    list = api_output(&w, "ListFunctions", 200, next);
    assert_int_equal(json_array_size(json_object_get(list, "Functions")), 1);
    json_decref(list);
    list = api_output(&w, "ListFunctions", 200, "{'FunctionVersion':'ALL'}");
    assert_int_equal(json_array_size(json_object_get(list, "Functions")), 3);
    json_decref(list);
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_what_there_is_not),
        cmocka_unit_test(test_versions_and_aliases),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
