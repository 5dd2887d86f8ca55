/* Resource policies of functions through the API: statement by statement, and whole. */
#include <stdlib.h>
#include <string.h>

#include "api_world.h"

#define INVALID  "InvalidParameterValueException"
#define MISSING  "ResourceNotFoundException"
#define CONFLICT "ResourceConflictException"
#define STALE    "PreconditionFailedException"
#define ARN      "arn:aws:lambda:us-east-1:000000000000:function:"

/** Adds a permission with these members, and it becomes that statement. */
static void expect_statement(const api_world *w, const char *members, const char *expected)
{
    char input[1024];
    snprintf(input, sizeof(input), "{'FunctionName':'f','StatementId':'s',%s}", members);
    json_t *output = api_output(w, "AddPermission", 201, input);
    json_t *statement = api_inner(output, "Statement");
    if (!api_equal(statement, expected)) fail_msg("%s", api_text(output, "Statement"));
    json_decref(statement);
    json_decref(output);
    api_expect(w, "RemovePermission", "{'FunctionName':'f','StatementId':'s'}", 204, "");
}

#define BEGIN(principal, action)                                                                                       \
    "{'Sid':'s','Effect':'Allow','Principal':" principal ",'Action':'" action "','Resource':'" ARN "f'"

static void test_statements(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    expect_statement(&w, "'Action':'lambda:InvokeFunction','Principal':'s3.amazonaws.com'",
                     BEGIN("{'Service':'s3.amazonaws.com'}", "lambda:InvokeFunction") "}");
    expect_statement(
        &w,
        "'Action':'lambda:InvokeFunction','Principal':'s3.amazonaws.com','SourceArn':'arn:aws:s3:::bucket',"
        "'SourceAccount':'123456789012'",
        BEGIN("{'Service':'s3.amazonaws.com'}",
              "lambda:InvokeFunction") ",'Condition':{'StringEquals':{'AWS:SourceAccount':'123456789012'},"
                                       "'ArnLike':{'AWS:SourceArn':'arn:aws:s3:::bucket'}}}");
    expect_statement(&w, "'Action':'lambda:*','Principal':'123456789012'",
                     BEGIN("{'AWS':'arn:aws:iam::123456789012:root'}", "lambda:*") "}");
    expect_statement(&w, "'Action':'lambda:GetFunction','Principal':'arn:aws:iam::123456789012:role/r'",
                     BEGIN("{'AWS':'arn:aws:iam::123456789012:role/r'}", "lambda:GetFunction") "}");
    expect_statement(
        &w, "'Action':'lambda:InvokeFunction','Principal':'*','PrincipalOrgID':'o-a1b2c3d4e5'",
        BEGIN("'*'", "lambda:InvokeFunction") ",'Condition':{'StringEquals':{'aws:PrincipalOrgID':'o-a1b2c3d4e5'}}}");
    expect_statement(
        &w,
        "'Action':'lambda:InvokeFunction','Principal':'alexa-connectedhome.amazon.com',"
        "'EventSourceToken':'amzn1.ask.skill.1'",
        BEGIN("{'Service':'alexa-connectedhome.amazon.com'}", "lambda:InvokeFunction") ",'Condition':{'StringEquals':"
                                                                                       "{'lambda:EventSourceToken':"
                                                                                       "'amzn1.ask.skill.1'}}}");
    expect_statement(
        &w, "'Action':'lambda:InvokeFunctionUrl','Principal':'*','FunctionUrlAuthType':'NONE'",
        BEGIN("'*'",
              "lambda:InvokeFunctionUrl") ",'Condition':{'StringEquals':{'lambda:FunctionUrlAuthType':'NONE'}}}");
    expect_statement(
        &w, "'Action':'lambda:InvokeFunction','Principal':'*','InvokedViaFunctionUrl':true",
        BEGIN("'*'", "lambda:InvokeFunction") ",'Condition':{'Bool':{'lambda:InvokedViaFunctionUrl':'true'}}}");
    api_world_close(&w);
}

static void test_refused(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
#define ADD(more) "{'FunctionName':'f','StatementId':'s','Action':'lambda:InvokeFunction'," more "}"
    api_refused(&w, "AddPermission", ADD("'Principal':'nobody'"), 400, INVALID, "principal was invalid");
    api_refused(&w, "AddPermission", ADD("'Principal':'*','Qualifier':'$LATEST'"), 400, INVALID, "$LATEST");
    api_refused(&w, "AddPermission", ADD("'Principal':'*','FunctionUrlAuthType':'NONE'"), 400, INVALID,
                "FunctionUrlAuthType");
    api_refused(&w, "AddPermission",
                "{'FunctionName':'f','StatementId':'s','Action':'lambda:GetFunction','Principal':'*',"
                "'InvokedViaFunctionUrl':true}",
                400, INVALID, "InvokedViaFunctionUrl");
    api_refused(&w, "AddPermission", ADD("'Principal':'*','Qualifier':'7'"), 404, MISSING, "f:7");
    api_refused(&w, "AddPermission", ADD("'Principal':'*','RevisionId':'x'"), 412, STALE, "");
    api_refused(&w, "GetPolicy", "{'FunctionName':'f'}", 404, MISSING, "does not exist");
    api_refused(&w, "GetPolicy", "{'FunctionName':'h'}", 404, MISSING, "function:h");
    api_refused(&w, "RemovePermission", "{'FunctionName':'f','StatementId':'s'}", 404, MISSING, "No policy");
    json_decref(api_output(&w, "AddPermission", 201, ADD("'Principal':'*'")));
    api_refused(&w, "AddPermission", ADD("'Principal':'*'"), 409, CONFLICT, "The statement id (s) provided");
    api_refused(&w, "RemovePermission", "{'FunctionName':'f','StatementId':'t'}", 404, MISSING, "Statement t");
    api_refused(&w, "RemovePermission", "{'FunctionName':'f','StatementId':'s','RevisionId':'x'}", 412, STALE, "");
    api_world_close(&w);
}

static void test_policy_of_qualifiers(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    json_decref(api_output(&w, "AddPermission", 201,
                           "{'FunctionName':'f','Qualifier':'live','StatementId':'s','Action':'lambda:InvokeFunction',"
                           "'Principal':'*'}"));
    api_refused(&w, "GetPolicy", "{'FunctionName':'f'}", 404, MISSING, "");
    json_t *got = api_output(&w, "GetPolicy", 200, "{'FunctionName':'f:live'}");
    json_t *policy = api_inner(got, "Policy");
    assert_true(api_equal(policy, "{'Version':'2012-10-17','Id':'default','Statement':[{'Sid':'s','Effect':'Allow',"
                                  "'Principal':'*','Action':'lambda:InvokeFunction','Resource':'" ARN "f:live'}]}"));
    json_decref(policy);
    /* With the revision that was shown it goes on; that one is old then. */
    char input[512];
    snprintf(input, sizeof(input),
             "{'FunctionName':'f','Qualifier':'live','StatementId':'t','Action':'lambda:InvokeFunction',"
             "'Principal':'*','RevisionId':'%s'}",
             api_text(got, "RevisionId"));
    json_decref(got);
    json_decref(api_output(&w, "AddPermission", 201, input));
    input[strlen("{'FunctionName':'f','Qualifier':'live','StatementId':'")] = 'u';
    api_refused(&w, "AddPermission", input, 412, STALE, "");
    /* It goes with the alias. */
    assert_ok(w.lambda, lambda_alias_delete(w.lambda, "f", "live"));
    assert_ok(w.lambda,
              lambda_alias_create(w.lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    api_refused(&w, "GetPolicy", "{'FunctionName':'f','Qualifier':'live'}", 404, MISSING, "");
    api_world_close(&w);
}

static void test_too_long(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    int added = 0;
    for (;;) {
        char input[1024];
        lambda_api_answer answer = {0};
        snprintf(input, sizeof(input),
                 "{\"FunctionName\":\"f\",\"StatementId\":\"s%d\",\"Action\":\"lambda:InvokeFunction\","
                 "\"Principal\":\"*\",\"SourceArn\":\"arn:aws:s3:::%0200d\"}",
                 added, 1);
        assert_ok(NULL, lambda_api_call(w.api, "AddPermission", lambda_bytes_make(input, strlen(input)), &answer));
        int status = answer.status;
        if (status != 201) assert_string_equal(answer.error_type, "PolicyLengthExceededException");
        lambda_api_answer_clear(&answer);
        if (status != 201) break;
        added++;
        assert_true(added < 200);
    }
    json_t *got = api_output(&w, "GetPolicy", 200, "{'FunctionName':'f'}");
    assert_true(strlen(api_text(got, "Policy")) <= 20480);
    assert_true(strlen(api_text(got, "Policy")) > 20480 - 600);
    json_decref(got);
    api_world_close(&w);
}

static void test_whole(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    static const char text[] = "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Sid\\\":\\\"a\\\","
                               "\\\"Effect\\\":\\\"Deny\\\",\\\"Principal\\\":\\\"*\\\",\\\"Action\\\":"
                               "\\\"lambda:InvokeFunction\\\",\\\"Resource\\\":\\\"" ARN "f\\\"}]}";
    char input[1024];
    api_refused(&w, "GetResourcePolicy", "{'ResourceArn':'" ARN "f'}", 404, MISSING, "No policy");
    api_refused(&w, "DeleteResourcePolicy", "{'ResourceArn':'" ARN "f'}", 404, MISSING, "No policy");
    api_refused(&w, "GetResourcePolicy", "{'ResourceArn':'" ARN "h'}", 404, MISSING, "function:h");
    snprintf(input, sizeof(input), "{'ResourceArn':'" ARN "f','Policy':'%s'}", text);
    json_t *put = api_output(&w, "PutResourcePolicy", 200, input);
    json_t *got = api_output(&w, "GetResourcePolicy", 200, "{'ResourceArn':'" ARN "f'}");
    assert_true(json_equal(put, got));
    json_decref(got);
    got = api_output(&w, "GetPolicy", 200, "{'FunctionName':'f'}");
    assert_true(json_equal(put, got));
    json_decref(got);
    json_decref(api_output(&w, "AddPermission", 201,
                           "{'FunctionName':'f','StatementId':'b','Action':'lambda:InvokeFunction','Principal':'*'}"));
    snprintf(input, sizeof(input), "{'ResourceArn':'" ARN "f','Policy':'%s','RevisionId':'%s'}", text,
             api_text(put, "RevisionId"));
    api_refused(&w, "PutResourcePolicy", input, 412, STALE, "");
    snprintf(input, sizeof(input), "{'ResourceArn':'" ARN "f','RevisionId':'%s'}", api_text(put, "RevisionId"));
    api_refused(&w, "DeleteResourcePolicy", input, 412, STALE, "");
    json_decref(put);
    api_expect(&w, "DeleteResourcePolicy", "{'ResourceArn':'" ARN "f'}", 204, "");
    api_refused(&w, "GetPolicy", "{'FunctionName':'f'}", 404, MISSING, "");
    api_refused(&w, "PutResourcePolicy", "{'ResourceArn':'" ARN "f','Policy':'no'}", 400, INVALID, "policy");
    api_refused(&w, "PutResourcePolicy", "{'ResourceArn':'" ARN "f','Policy':'{}'}", 400, INVALID, "policy");
    api_refused(&w, "PutResourcePolicy", "{'ResourceArn':'" ARN "f:$LATEST','Policy':'{}'}", 400, INVALID, "$LATEST");
    api_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(test_statements), cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_policy_of_qualifiers), cmocka_unit_test(test_too_long),
                                     cmocka_unit_test(test_whole)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
