/* What identities may do: by what an operation is really on, however it is named. */
#include <string.h>

#include "api_world.h"
#include "identities.h"
#include "operation.h"

#define ALLOW(resource) "{'Effect':'Allow','Action':'lambda:*','Resource':'" resource "'}"
#define ARN             "arn:aws:lambda:us-east-1:000000000000:function:"

/** The status of an operation for an identity with those statements. */
static int status_of(const api_world *w, const char *statements, const char *operation, const char *input)
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
    const lambda__caller caller = {.arn = "arn:aws:iam::000000000000:user/bob",
                                   .account_id = "000000000000",
                                   .identity = &identity,
                                   .source_ip = ""};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resource),
        cmocka_unit_test(test_names_that_end_in_function),
        cmocka_unit_test(test_making_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
