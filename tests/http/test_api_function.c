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
    /* It is the configuration's alone: that of the version that is published, and no longer that of before. */
    json_t *version = api_output(&w, "PublishVersion", 201, "{'FunctionName':'f'}");
    assert_int_equal(strlen(api_text(none, "ConfigSha256")), 44);
    assert_string_equal(api_text(version, "ConfigSha256"), api_text(none, "ConfigSha256"));
    json_decref(version);
    version = api_output(&w, "UpdateFunctionConfiguration", 200, "{'FunctionName':'f','Timeout':10}");
    assert_string_not_equal(api_text(version, "ConfigSha256"), api_text(none, "ConfigSha256"));
    json_decref(version);
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
        {"'Runtime':'python3.11'", "runtime"},
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
    json_decref(api_output(&w, "UpdateFunctionConfiguration", 200,
                           "{'FunctionName':'f','VpcConfig':{'SubnetIds':[],'SecurityGroupIds':[],"
                           "'Ipv6AllowedForDualStack':false}}"));
    api_refused(&w, "UpdateFunctionCode", "{'FunctionName':'f','ZipFile':'AAAA','S3ObjectVersion':'v'}", 400, INVALID,
                "S3");
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

/** Errors in AWS's words. NULL: as test_words begins. */
static const struct {
    const char *operation;
    const char *input;
    int status;
    const char *type;
    const char *message;
} WORDS[] = {
    {"GetFunction", "{'FunctionName':'arn:aws:lambda:eu-west-1:000000000000:function:f'}", 404, MISSING,
     "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"},
    {"GetFunction", "{'FunctionName':'111111111111:function:f'}", 403, "AccessDeniedException",
     "User: arn:aws:iam::000000000000:root is not authorized to perform: lambda:GetFunction on resource: "
     "arn:aws:lambda:us-east-1:111111111111:function:f because no resource-based policy allows the "
     "lambda:GetFunction action"},
    {"GetFunction", "{'FunctionName':'f:$LATEST.PUBLISHED'}", 404, MISSING,
     "Function not found: " ARN "f:$LATEST.PUBLISHED"},
    {"DeleteFunction", "{'FunctionName':'f','Qualifier':'$LATEST'}", 400, INVALID,
     "$LATEST version cannot be deleted without deleting the function."},
    {"UpdateFunctionConfiguration", "{'FunctionName':'f:1','Timeout':9}", 400, INVALID,
     "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
     "Please specify either a function name or an unqualified function ARN."},
    {"UpdateFunctionConfiguration", "{'FunctionName':'f','RevisionId':'x'}", 412, "PreconditionFailedException",
     "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
     "retrieve the latest Revision Id"},
    {"UpdateFunctionConfiguration", "{'FunctionName':'f','LoggingConfig':{'SystemLogLevel':'DEBUG'}}", 400, INVALID,
     "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change the "
     "LogFormat to \"JSON\" and try again."},
    {"UpdateFunctionConfiguration",
     "{'FunctionName':'f','Layers':['arn:aws:lambda:us-east-1:000000000000:layer:none:1']}", 400, INVALID,
     "Layer version arn:aws:lambda:us-east-1:000000000000:layer:none:1 does not exist."},
    {"UpdateFunctionConfiguration",
     "{'FunctionName':'f','Layers':['arn:aws:lambda:eu-west-1:000000000000:layer:none:1']}", 400, INVALID,
     "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."},
    {"UpdateFunctionConfiguration", "{'FunctionName':'f','Environment':{'Variables':{'AWS_REGION':'x'}}}", 400, INVALID,
     "Lambda was unable to configure your environment variables because the environment variables you have "
     "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
     "this "
     "request: AWS_REGION"},
    {"UpdateFunctionConfiguration", "{'FunctionName':'f','DeadLetterConfig':{'TargetArn':'arn:aws:sqs:q'}}", 400,
     INVALID, "deadLetterTargetArn: \"arn:aws:sqs:q\" is neither a function nor a destination"},
    {"PublishVersion", "{'FunctionName':'f','CodeSha256':'x'}", 400, INVALID, NULL},
    {"CreateAlias", "{'FunctionName':'f','Name':'live','FunctionVersion':'1'}", 409, "ResourceConflictException",
     "Alias already exists: " ARN "f:live"},
    {"CreateAlias", "{'FunctionName':'f','Name':'new','FunctionVersion':'9'}", 404, MISSING,
     "Function not found: " ARN "f:9"},
    {"UpdateAlias", "{'FunctionName':'f','Name':'live','RoutingConfig':{'AdditionalVersionWeights':{'1':0.5}}}", 400,
     INVALID, "Invalid function version 1. Function version 1 is already included in routing configuration."},
    {"UpdateAlias", "{'FunctionName':'f','Name':'live','RoutingConfig':{'AdditionalVersionWeights':{'2':2.0}}}", 400,
     "ValidationException",
     "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
     "constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member "
     "must "
     "have value greater than or equal to 0.0, Member must not be null]"},
    {"UpdateAlias", "{'FunctionName':'f','Name':'live','RoutingConfig':{'AdditionalVersionWeights':{'$LATEST':0.5}}}",
     400, "ValidationException",
     "1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to "
     "satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
     "Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"},
    {"TagResource", "{'Resource':'" ARN "f','Tags':{}}", 400, INVALID,
     "An error occurred and the request cannot be processed."},
    {"GetFunctionScalingConfig", "{'FunctionName':'f','Qualifier':'live'}", 400, "ValidationException",
     "1 validation error detected: Value 'live' at 'qualifier' failed to satisfy constraint: Member must satisfy "
     "regular expression pattern: (\\$LATEST\\.PUBLISHED|[0-9]+)"},
    {"ListFunctions", "{'MasterRegion':'us-east-1'}", 400, INVALID,
     "FunctionVersion must be set to ALL if MasterRegion is specified."},
    {"PublishLayerVersion", "{'LayerName':'a','Content':{'ZipFile':'AAAA'},'CompatibleArchitectures':['mips']}", 400,
     "ValidationException",
     "1 validation error detected: Value '[mips]' at 'compatibleArchitectures' failed to satisfy constraint: "
     "Member "
     "must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"},
};

static void test_words(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        char text[1024] = "CodeSHA256 (x) is different from current CodeSHA256 in $LATEST (";
        /* As JSON has it. */
        size_t at = 0;
        for (const char *from = WORDS[i].message; from && *from; from++) {
            if (*from == '"' || *from == '\\') text[at++] = '\\';
            text[at++] = *from;
            text[at] = '\0';
        }
        api_refused(&w, WORDS[i].operation, WORDS[i].input, WORDS[i].status, WORDS[i].type, text);
    }
    api_refused(&w, "CreateFunction", "{'FunctionName':'n','Role':'arn:aws:iam::000000000000:role/r','Code':{}}", 400,
                INVALID, "Runtime and Handler are mandatory parameters");
    api_world_close(&w);
}

/** All versions of all functions, in pages of so many: their number. */
static size_t count_all(const api_world *w, int most)
{
    size_t count = 0;
    char input[200];
    snprintf(input, sizeof input, "{'FunctionVersion':'ALL','MaxItems':%d}", most);
    for (bool more = true; more;) {
        json_t *list = api_output(w, "ListFunctions", 200, input);
        size_t items = json_array_size(json_object_get(list, "Functions"));
        const char *next = json_string_value(json_object_get(list, "NextMarker"));
        more = next != NULL;
        if (items > (size_t)most || (more && items != (size_t)most)) fail_msg("a page of %zu", items);
        if (more) snprintf(input, sizeof input, "{'FunctionVersion':'ALL','MaxItems':%d,'Marker':'%s'}", most, next);
        count += items;
        json_decref(list);
    }
    return count;
}

static void test_lists_of_versions(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    for (int i = 0; i < 70; i++) {
        char input[80];
        snprintf(input, sizeof input, "{'FunctionName':'g','Description':'%d'}", i);
        json_decref(api_output(&w, "UpdateFunctionConfiguration", 200, input));
        json_decref(api_output(&w, "PublishVersion", 201, "{'FunctionName':'g'}"));
    }
    test_create(w.lambda, "h", test_echo, NULL);
    /* $LATEST of three, one version of the first, 70 of the second. */
    assert_int_equal(count_all(&w, 50), 74);
    for (int most = 1; most < 6; most++)
        assert_int_equal(count_all(&w, most), 74);
    json_t *list = api_output(&w, "ListFunctions", 200, "{'FunctionVersion':'ALL','MaxItems':10000}");
    assert_int_equal(json_array_size(json_object_get(list, "Functions")), 50);
    char next[200];
    snprintf(next, sizeof next, "{'FunctionVersion':'ALL','Marker':'%s'}", api_text(list, "NextMarker"));
    /* What Lambda leaves to GetFunction. */
    assert_null(json_object_get(json_array_get(json_object_get(list, "Functions"), 0), "State"));
    json_decref(list);
    /* The function within which the next page begins is gone by then. */
    api_expect(&w, "DeleteFunction", "{'FunctionName':'g'}", 200, "");
    list = api_output(&w, "ListFunctions", 200, next);
    assert_int_equal(json_array_size(json_object_get(list, "Functions")), 1);
    json_decref(list);
    static const char *const garbage[] = {"x", "1:2", "1:x:g", "1:2:g:", "1:2:g h", "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        snprintf(next, sizeof next, "{'FunctionVersion':'ALL','Marker':'%s'}", garbage[i]);
        api_refused(&w, "ListFunctions", next, 400, INVALID, "marker");
    }
    api_expect(&w, "ListFunctions", "{'FunctionVersion':'ALL','MasterRegion':'us-east-1'}", 200, "{'Functions':[]}");
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
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lists_of_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
