/* What identities may do: by what an operation is really on, however it is named. */
#include <string.h>

#include "api_world.h"
#include "identities.h"
#include "operation.h"

#define ALLOW(resource) "{'Effect':'Allow','Action':'lambda:*','Resource':'" resource "'}"
#define ARN             "arn:aws:lambda:us-east-1:000000000000:function:"

/** The status of an operation for an identity of that account with those statements. */
static int status_for(const api_world *w, const char *account, const char *statements, const char *operation,
                      const char *input)
{
    char text[1024];
    snprintf(text, sizeof text, "[{'Version':'2012-10-17','Statement':[%s]}];%s", statements, input);
    for (char *at = text; *at; at++)
        if (*at == '\'') *at = '"';
    char *second = strchr(text, ';');
    *second++ = '\0';
    json_t *policies = json_loads(text, 0, NULL);
    json_t *members = json_loads(second, 0, NULL);
    assert_non_null(policies);
    assert_non_null(members);
    const lambda__identity identity = {policies};
    char arn[64];
    snprintf(arn, sizeof arn, "arn:aws:iam::%s:user/bob", account);
    const lambda__caller caller = {.arn = arn, .account_id = account, .identity = &identity, .source_ip = ""};
    lambda__reply reply = {0};
    lambda__operation_run(&(lambda__request){.api = w->api,
                                             .operation = lambda__operation_named(operation),
                                             .input = members,
                                             .caller = &caller,
                                             .request_id = ""},
                          &reply);
    int status = reply.status;
    lambda__reply_clear(&reply);
    json_decref(members);
    json_decref(policies);
    return status;
}

static int status_of(const api_world *w, const char *statements, const char *operation, const char *input)
{
    return status_for(w, "000000000000", statements, operation, input);
}

static void test_resource(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    assert_int_equal(status_of(&w, ALLOW(ARN "g"), "GetFunction", "{'FunctionName':'g'}"), 200);
    assert_int_equal(status_of(&w, ALLOW(ARN "g"), "GetFunction", "{'FunctionName':'" ARN "g'}"), 200);
    assert_int_equal(status_of(&w, ALLOW(ARN "g"), "GetFunction", "{'FunctionName':'f'}"), 403);
    /* What the operation does not take says nothing of what it is on. */
    static const char *const members[] = {"Resource", "ResourceArn", "Arn", "LayerName", "\\u0001function"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char input[200];
        snprintf(input, sizeof input, "{'FunctionName':'f','Description':'x','%s':'" ARN "g'}", members[i]);
        assert_int_equal(status_of(&w, ALLOW(ARN "g"), "UpdateFunctionConfiguration", input), 403);
    }
    api_world_close(&w);
}

static void test_names_that_end_in_function(void **state)
{
#define DENIED ALLOW("*") ",{'Effect':'Deny','Action':'*','Resource':'" ARN "my-function*'}"
    static const char *const inputs[] = {"{'FunctionName':'my-function'}", "{'FunctionName':'my-function:1'}",
                                         "{'FunctionName':'my-function','Qualifier':'1'}",
                                         "{'FunctionName':'000000000000:function:my-function:1'}"};
    (void)state;
    api_world w;
    api_world_open(&w);
    test_create(w.lambda, "my-function", test_echo, NULL);
    assert_ok(w.lambda, lambda_version_publish(w.lambda, "my-function", NULL, NULL));
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        assert_int_equal(status_of(&w, DENIED, "GetFunctionConfiguration", inputs[i]), 403);
        assert_int_equal(status_of(&w, ALLOW("*"), "GetFunctionConfiguration", inputs[i]), 200);
    }
    json_decref(api_output(&w, "GetFunctionConfiguration", 200, "{'FunctionName':'my-function:1','Qualifier':'1'}"));
    api_world_close(&w);
}

static void test_making_one(void **state)
{
#define CREATE(name)                                                                                                   \
    "{'FunctionName':'" name                                                                                           \
    "','Role':'arn:aws:iam::000000000000:role/r','Runtime':'nodejs20.x','Handler':'a.b','Code':{'ZipFile':'AAAA'}}"
    (void)state;
    api_world w;
    api_world_open(&w);
    api_refused(&w, "CreateFunction", CREATE("arn:aws:lambda:eu-west-1:000000000000:function:x"), 400,
                "InvalidParameterValueException", "not of this service");
    api_refused(&w, "CreateFunction", CREATE("111111111111:function:x"), 403, "AccessDeniedException",
                "111111111111:function:x");
    api_refused(&w, "CreateFunction", CREATE("my-function:x"), 400, "InvalidParameterValueException", "unqualified");
    assert_int_equal(status_of(&w, ALLOW(ARN "x"), "CreateFunction", CREATE("y")), 403);
    api_world_close(&w);
}

/** An ARN of another partition, which the library takes for its own, is no other resource. */
static void test_partitions(void **state)
{
#define NOT(resource) ALLOW("*") ",{'Effect':'Deny','Action':'*','Resource':'" resource "'}"
    static const char *const operations[][2] = {
        {"ListTags", "Resource"}, {"GetResourcePolicy", "ResourceArn"}, {"GetFunction", "FunctionName"}};
    (void)state;
    api_world w;
    api_world_open(&w);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        char input[200];
        snprintf(input, sizeof input, "{'%s':'arn:aws-cn:lambda:us-east-1:000000000000:function:f'}", operations[i][1]);
        assert_int_equal(status_of(&w, NOT(ARN "f"), operations[i][0], input), 403);
    }
    api_world_close(&w);
}

static void test_layers(void **state)
{
#define LAYER "arn:aws:lambda:us-east-1:000000000000:layer:l"
#define PUBLISH                                                                                                        \
    "{'LayerName':'l','Content':{'ZipFile':'"                                                                          \
    "UEsDBBQAAAAAAAAAIQBDvrfoAQAAAAEAAAABAAAAYWFQSwECFAMUAAAAAAAAACEAQ7636AEAAAABAAAAAQAAAAAAAAAAAAAAgAEAAAAAYVBLBQYA" \
    "AAAAAQABAC8AAAAgAAAAAAA='}}"
#define READ(n) "{'LayerName':'l','VersionNumber':" n "}"
    static const char *const operations[] = {"GetLayerVersion", "GetLayerVersionPolicy", "DeleteLayerVersion"};
    (void)state;
    api_world w;
    api_world_open(&w);
    for (int i = 0; i < 2; i++)
        json_decref(api_output(&w, "PublishLayerVersion", 201, PUBLISH));
    /* Operations of a version are on that version. */
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        assert_int_equal(status_of(&w, NOT(LAYER ":1"), operations[i], READ("1")), 403);
        assert_int_equal(status_of(&w, ALLOW(LAYER ":1"), operations[i], READ("2")), 403);
        assert_int_equal(status_of(&w, ALLOW(LAYER), operations[i], READ("2")), 403);
    }
    assert_int_equal(status_of(&w, ALLOW(LAYER ":*"), "GetLayerVersion", READ("1")), 200);
    assert_int_equal(status_of(&w, NOT(LAYER ":1"), "GetLayerVersionByArn",
                               "{'Arn':'arn:aws-cn:lambda:us-east-1:000000000000:layer:l:1'}"),
                     403);
    /* Who gives a function a layer has to be allowed to read it. */
#define USE "{'FunctionName':'f','Layers':['" LAYER ":1']}"
    assert_int_equal(status_of(&w, ALLOW(ARN "f"), "UpdateFunctionConfiguration", USE), 403);
    assert_int_equal(status_of(&w, NOT(LAYER ":1"), "UpdateFunctionConfiguration", USE), 403);
    assert_int_not_equal(status_of(&w, ALLOW("*"), "UpdateFunctionConfiguration", USE), 403);
    api_world_close(&w);
}

/** Of another account: what the resource's policy allows and the identity's too, and nothing that is on no resource. */
static void test_other_accounts(void **state)
{
    static const char *const operations[] = {"ListFunctions", "ListLayers", "GetAccountSettings"};
    (void)state;
    api_world w;
    api_world_open(&w);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        assert_int_equal(status_for(&w, "222222222222", ALLOW("*"), operations[i], "{}"), 403);
        assert_int_equal(status_of(&w, ALLOW("*"), operations[i], "{}"), 200);
    }
    json_decref(api_output(&w, "PublishLayerVersion", 201, PUBLISH));
    assert_int_equal(status_for(&w, "222222222222", ALLOW("*"), "GetLayerVersion", READ("1")), 403);
    json_decref(api_output(&w, "AddLayerVersionPermission", 201,
                           "{'LayerName':'l','VersionNumber':1,'StatementId':'s','Action':'lambda:GetLayerVersion',"
                           "'Principal':'222222222222'}"));
    assert_int_equal(status_for(&w, "222222222222", ALLOW("*"), "GetLayerVersion", READ("1")), 200);
    assert_int_equal(status_for(&w, "222222222222", ALLOW("*"), "GetLayerVersionByArn", "{'Arn':'" LAYER ":1'}"), 200);
    assert_int_equal(status_for(&w, "222222222222", ALLOW(ARN "*"), "GetLayerVersion", READ("1")), 403);
    assert_int_equal(status_for(&w, "333333333333", ALLOW("*"), "GetLayerVersion", READ("1")), 403);
    assert_int_equal(status_for(&w, "222222222222", ALLOW("*"), "DeleteLayerVersion", READ("1")), 403);
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resource),   cmocka_unit_test(test_names_that_end_in_function),
        cmocka_unit_test(test_making_one), cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_layers),     cmocka_unit_test(test_other_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
