/* Policies in tables: what they say, what is no policy, and who may. */
#include "identities.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity_world.h"

#define AREA "arn:aws:lambda:us-east-1:000000000000:function:area"

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (!json) print_error("%s: %s\n", text, error.text);
    assert_non_null(json);
    return json;
}

static const lambda__caller ALICE = {.arn = "arn:aws:iam::000000000000:user/alice",
                                     .account_id = ACCOUNT,
                                     .source_ip = "10.1.2.3",
                                     .secure_transport = "true"};
static const lambda__caller S3 = {.arn = "",
                                  .account_id = "",
                                  .service = "s3.amazonaws.com",
                                  .source_arn = "arn:aws:sns:us-east-1:111111111111:topic",
                                  .source_ip = ""};
static const lambda__caller NOBODY = {.arn = "", .account_id = "", .source_ip = "::1"};
static const lambda__caller STRANGER = {
    .arn = "arn:aws:iam::222222222222:user/bob", .account_id = "222222222222", .source_ip = ""};

static lambda__wish wish_of(const lambda__caller *caller)
{
    return (lambda__wish){.action = "lambda:InvokeFunction", .resource = AREA, .caller = caller};
}

/* ---- patterns */

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } CASES[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"?", "", false},
        {"?", "a", true},
        {"a*c", "abbc", true},
        {"a*c", "abcd", false},
        {"*a*b*", "xxaxxb", true},
        {"*a*b", "ba", false},
        {"a**", "a", true},
        {"*?", "", false},
        {"*ab", "aab", true},
        {"A", "a", false},
        {"a?c*", "abcccc", true},
        {"*aaab", "aaaaaaaaab", true},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        assert_int_equal(lambda__pattern_matches(CASES[i].pattern, CASES[i].text, false), CASES[i].matches);
    assert_true(lambda__pattern_matches("LAMBDA:get*", "lambda:GetFunction", true));
}

/* ---- statements */

static lambda__verdict evaluate(const char *statement, const lambda__wish *wish, bool with_principal)
{
    char text[2048];
    snprintf(text, sizeof(text), "{\"Statement\": %s}", statement);
    json_t *policy = parse(text);
    lambda__verdict verdict = lambda__policy_evaluate(policy, wish, with_principal);
    json_decref(policy);
    return verdict;
}

static void test_actions_and_resources(void **state)
{
    (void)state;
    static const struct {
        const char *statement;
        lambda__verdict verdict;
    } CASES[] = {
#define RULE(effect, rest) "{\"Effect\": \"" effect "\", " rest "}"
        {RULE("Allow", "\"Action\": \"lambda:InvokeFunction\", \"Resource\": \"*\""), LAMBDA__ALLOW},
        {RULE("Deny", "\"Action\": \"lambda:*\", \"Resource\": \"*\""), LAMBDA__DENY},
        {RULE("Allow", "\"Action\": \"LAMBDA:invoke?unction\", \"Resource\": \"*\""), LAMBDA__ALLOW},
        {RULE("Allow", "\"Action\": \"*\", \"Resource\": \"" AREA "\""), LAMBDA__ALLOW},
        {RULE("Allow", "\"Action\": \"*\", \"Resource\": \"" AREA ":*\""), LAMBDA__SILENT},
        {RULE("Allow", "\"Action\": \"*\", \"Resource\": \"arn:aws:lambda:*:*:function:a*a\""), LAMBDA__ALLOW},
        {RULE("Allow", "\"Action\": \"*\", \"Resource\": \"arn:*:function:area\""), LAMBDA__SILENT},
        {RULE("Allow", "\"Action\": \"*\", \"Resource\": [\"arn:aws:s3:::x\", \"" AREA "\"]"), LAMBDA__ALLOW},
        {RULE("Allow", "\"Action\": [\"lambda:Get*\", \"lambda:List*\"], \"Resource\": \"*\""), LAMBDA__SILENT},
        {RULE("Allow", "\"NotAction\": [\"lambda:Get*\"], \"Resource\": \"*\""), LAMBDA__ALLOW},
        {RULE("Allow", "\"NotAction\": \"lambda:Invoke*\", \"Resource\": \"*\""), LAMBDA__SILENT},
        {RULE("Allow", "\"Action\": \"*\", \"NotResource\": \"arn:aws:lambda:*:*:function:other\""), LAMBDA__ALLOW},
        {RULE("Allow", "\"Action\": \"*\", \"NotResource\": \"" AREA "\""), LAMBDA__SILENT},
        {RULE("Allow", "\"Resource\": \"*\""), LAMBDA__SILENT},
        {RULE("Allow", "\"Action\": \"*\""), LAMBDA__SILENT},
        {RULE("Grant", "\"Action\": \"*\", \"Resource\": \"*\""), LAMBDA__SILENT},
        {"[]", LAMBDA__SILENT},
        {"[" RULE("Allow", "\"Action\": \"*\", \"Resource\": \"*\"") "," RULE(
             "Deny", "\"Action\": \"lambda:Invoke*\", \"Resource\": \"*\"") "]",
         LAMBDA__DENY},
        {"[" RULE("Deny", "\"Action\": \"lambda:Get*\", \"Resource\": \"*\"") "," RULE(
             "Allow", "\"Action\": \"lambda:Invoke*\", \"Resource\": \"*\"") "]",
         LAMBDA__ALLOW},
    };
    lambda__wish wish = wish_of(&ALICE);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        lambda__verdict verdict = evaluate(CASES[i].statement, &wish, false);
        if (verdict != CASES[i].verdict) print_error("%s\n", CASES[i].statement);
        assert_int_equal(verdict, CASES[i].verdict);
    }
    wish.resource = "*"; /* of an action without a resource */
    assert_int_equal(evaluate(RULE("Allow", "\"Action\": \"*\", \"Resource\": \"" AREA "\""), &wish, false),
                     LAMBDA__SILENT);
    assert_int_equal(evaluate(RULE("Allow", "\"Action\": \"*\", \"Resource\": \"*\""), &wish, false), LAMBDA__ALLOW);
}

static void test_principals(void **state)
{
    (void)state;
    /* Whom each names: Alice, a service, nobody, a stranger. An Allow names nobody of its own account by the account; a Deny does. */
    static const struct {
        const char *principal;
        bool names[4];
    } CASES[] = {
        {"\"Principal\": \"*\"", {true, true, true, true}},
        {"\"Principal\": {\"AWS\": \"*\"}", {true, true, true, true}},
        {"\"Principal\": {\"AWS\": \"000000000000\"}", {true, false, false, false}},
        {"\"Principal\": {\"AWS\": [\"1\", \"arn:aws:iam::000000000000:root\"]}", {true, false, false, false}},
        {"\"Principal\": {\"AWS\": \"arn:aws:iam::000000000000:user/alice\"}", {true, false, false, false}},
        {"\"Principal\": {\"AWS\": \"arn:aws:iam::000000000000:user/ali\"}", {false, false, false, false}},
        {"\"Principal\": {\"AWS\": \"arn:aws:iam::000000000000:user/*\"}", {false, false, false, false}},
        {"\"Principal\": {\"AWS\": \"222222222222\"}", {false, false, false, true}},
        {"\"Principal\": {\"Service\": \"s3.amazonaws.com\"}", {false, true, false, false}},
        {"\"Principal\": {\"Service\": [\"sns.amazonaws.com\"]}", {false, false, false, false}},
        {"\"Principal\": {\"Service\": \"s3.amazonaws.com\", \"AWS\": \"000000000000\"}", {true, true, false, false}},
        {"\"Principal\": {\"Federated\": \"x\"}", {false, false, false, false}},
        {"\"Principal\": \"s3.amazonaws.com\"", {false, false, false, false}},
        {"\"NotPrincipal\": {\"AWS\": \"000000000000\"}", {false, true, true, true}},
        {"\"Sid\": \"no principal\"", {false, false, false, false}},
    };
    const lambda__caller *callers[] = {&ALICE, &S3, &NOBODY, &STRANGER};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        for (size_t k = 0; k < 4; k++) {
            char text[512];
            lambda__wish wish = wish_of(callers[k]);
            snprintf(text, sizeof(text), "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",%s}",
                     CASES[i].principal);
            bool named = evaluate(text, &wish, true) == LAMBDA__DENY;
            if (named != CASES[i].names[k]) print_error("%zu %s\n", k, CASES[i].principal);
            assert_int_equal(named, CASES[i].names[k]);
            const char *principal = CASES[i].principal;
            bool by_account = k == 0 && (strstr(principal, "\"000000000000\"") || strstr(principal, ":root"));
            snprintf(text, sizeof(text), "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",%s}",
                     CASES[i].principal);
            assert_int_equal(evaluate(text, &wish, true) == LAMBDA__ALLOW, named && !by_account);
        }
}

/* ---- conditions */

static void test_conditions(void **state)
{
    (void)state;
    /* By Alice through a function URL, and by S3. */
    static const struct {
        const char *condition;
        bool alice, s3;
    } CASES[] = {
        {"{}", true, true},
        {"{\"StringEquals\": {\"aws:PrincipalAccount\": \"000000000000\"}}", true, false},
        {"{\"StringEquals\": {\"AWS:principalaccount\": [\"1\", \"000000000000\"]}}", true, false},
        {"{\"StringEqualsIfExists\": {\"aws:PrincipalAccount\": \"1\"}}", false, true},
        {"{\"StringNotEquals\": {\"aws:PrincipalAccount\": [\"1\", \"000000000000\"]}}", false, true},
        {"{\"StringEqualsIgnoreCase\": {\"aws:username\": \"ALICE\"}}", true, false},
        {"{\"StringEquals\": {\"aws:username\": \"ALICE\"}}", false, false},
        {"{\"StringNotEqualsIgnoreCase\": {\"aws:username\": \"ALICE\"}}", false, true},
        {"{\"StringLike\": {\"aws:PrincipalArn\": \"arn:*:user/al?ce\"}}", true, false},
        {"{\"StringNotLike\": {\"aws:PrincipalArn\": \"*alice\"}}", false, true},
        {"{\"ArnLike\": {\"aws:SourceArn\": \"arn:aws:sns:*:*:t*\"}}", false, true},
        {"{\"ArnEquals\": {\"aws:SourceArn\": \"arn:aws:sns:us-east-1:111111111111:topic\"}}", false, true},
        {"{\"ArnLike\": {\"aws:SourceArn\": \"arn:*:topic\"}}", false, false},
        {"{\"ArnNotLike\": {\"aws:SourceArn\": \"arn:aws:sns:*:*:t*\"}}", true, false},
        {"{\"ArnNotEquals\": {\"aws:SourceArn\": \"arn:aws:sns:*:*:u*\"}}", true, true},
        {"{\"StringEquals\": {\"aws:SourceAccount\": \"111111111111\"}}", false, true},
        {"{\"Null\": {\"aws:SourceArn\": \"true\"}}", true, false},
        {"{\"Null\": {\"aws:SourceArn\": false}}", false, true},
        {"{\"Bool\": {\"lambda:InvokedViaFunctionUrl\": \"True\"}}", true, false},
        {"{\"Bool\": {\"lambda:InvokedViaFunctionUrl\": false}}", false, true},
        {"{\"StringEquals\": {\"lambda:FunctionUrlAuthType\": \"NONE\"}}", true, false},
        {"{\"StringEquals\": {\"lambda:functionurlauthtype\": \"AWS_IAM\"}}", false, false},
        {"{\"Bool\": {\"aws:SecureTransport\": \"true\"}}", true, false},
        {"{\"Bool\": {\"aws:SecureTransport\": false}}", false, false},
        {"{\"Null\": {\"aws:SecureTransport\": \"true\"}}", false, true},
        {"{\"IpAddress\": {\"aws:SourceIp\": \"10.0.0.0/8\"}}", true, false},
        {"{\"IpAddress\": {\"aws:SourceIp\": [\"192.168.0.0/16\", \"10.1.2.2/31\"]}}", true, false},
        {"{\"IpAddress\": {\"aws:SourceIp\": \"10.1.2.4/31\"}}", false, false},
        {"{\"IpAddress\": {\"aws:SourceIp\": \"10.1.2.3\"}}", true, false},
        {"{\"IpAddress\": {\"aws:SourceIp\": \"::/0\"}}", true, false},
        {"{\"IpAddress\": {\"aws:SourceIp\": \"2001:db8::/32\"}}", false, false},
        {"{\"NotIpAddress\": {\"aws:SourceIp\": \"10.0.0.0/8\"}}", false, true},
        {"{\"NumericLessThan\": {\"aws:PrincipalAccount\": 1}}", true, false},
        {"{\"NumericEquals\": {\"aws:PrincipalAccount\": \"0\"}}", true, false},
        {"{\"NumericNotEquals\": {\"aws:PrincipalAccount\": 0.0}}", false, true},
        {"{\"NumericGreaterThanEquals\": {\"aws:SourceAccount\": 111111111111}}", false, true},
        {"{\"NumericGreaterThan\": {\"aws:SourceAccount\": 111111111111}}", false, false},
        {"{\"NumericLessThanEquals\": {\"aws:SourceAccount\": 111111111111}}", false, true},
        {"{\"NumericLessThan\": {\"aws:username\": 1}}", false, false},
        {"{\"DateGreaterThan\": {\"aws:CurrentTime\": \"2020-01-01T00:00:00Z\"}}", true, true},
        {"{\"DateLessThan\": {\"aws:CurrentTime\": \"2020-01-01T00:00:00Z\"}}", false, false},
        {"{\"DateLessThanEquals\": {\"aws:EpochTime\": \"99999999999\"}}", true, true},
        {"{\"DateGreaterThanEquals\": {\"aws:CurrentTime\": \"2020-01-01\"}}", true, true},
        {"{\"DateEquals\": {\"aws:CurrentTime\": \"2020-01-01T00:00Z\"}}", false, false},
        {"{\"DateNotEquals\": {\"aws:CurrentTime\": \"2020-01-01T00:00Z\"}}", true, true},
        {"{\"ForAnyValue:StringEquals\": {\"aws:PrincipalAccount\": \"000000000000\"}}", true, false},
        {"{\"ForAllValues:StringEquals\": {\"aws:PrincipalAccount\": \"1\"}}", false, true},
        {"{\"ForAllValues:StringLike\": {\"aws:PrincipalAccount\": \"0*\"}}", true, true},
        {"{\"ForAnyValue:StringNotEquals\": {\"aws:PrincipalAccount\": \"1\"}}", true, false},
        {"{\"StringEquals\": {\"aws:PrincipalAccount\": \"000000000000\", \"aws:username\": \"bob\"}}", false, false},
        {"{\"StringEquals\": {\"aws:username\": \"alice\"}, \"IpAddress\": {\"aws:SourceIp\": \"11.0.0.0/8\"}}", false,
         false},
    };
    lambda__wish alice = wish_of(&ALICE);
    lambda__wish s3 = wish_of(&S3);
    alice.function_url_auth_type = "NONE";
    alice.invoked_via_function_url = true;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char why[256] = "";
        json_t *block = parse(CASES[i].condition);
        if (!lambda__condition_check(block, why)) print_error("%s\n", why);
        assert_string_equal(why, "");
        for (int otherwise = 0; otherwise < 2; otherwise++) {
            bool holds = lambda__condition_holds(block, &alice, otherwise);
            if (holds != CASES[i].alice) print_error("%s\n", CASES[i].condition);
            assert_int_equal(holds, CASES[i].alice);
            holds = lambda__condition_holds(block, &s3, otherwise);
            if (holds != CASES[i].s3) print_error("S3: %s\n", CASES[i].condition);
            assert_int_equal(holds, CASES[i].s3);
        }
        json_decref(block);
    }
}

/** What is not understood never lets anybody in: it fails in an Allow, and holds in a Deny. */
static void test_not_understood(void **state)
{
    (void)state;
    static const char *const CONDITIONS[] = {
        "[]",
        "{\"StringMatches\": {\"aws:username\": \"alice\"}}",
        "{\"StringEquals\": \"alice\"}",
        "{\"StringEquals\": {\"aws:ResourceTag/team\": \"alice\"}}",
        "{\"StringEquals\": {\"aws:username\": {}}}",
        "{\"IpAddress\": {\"aws:SourceIp\": \"everywhere\"}}",
        "{\"Bool\": {\"lambda:InvokedViaFunctionUrl\": \"perhaps\"}}",
        "{\"NullIfExists\": {\"aws:SourceArn\": true}}",
        "{\"StringEquals\": {\"aws:username\": \"${aws:username}\"}}",
        "{\"DateLessThan\": {\"aws:CurrentTime\": \"tomorrow\"}}",
    };
    lambda__wish wish = wish_of(&ALICE);
    for (size_t i = 0; i < sizeof(CONDITIONS) / sizeof(CONDITIONS[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":%s}",
                 CONDITIONS[i]);
        assert_int_equal(evaluate(text, &wish, false), LAMBDA__SILENT);
        snprintf(text, sizeof(text), "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":%s}",
                 CONDITIONS[i]);
        assert_int_equal(evaluate(text, &wish, false), LAMBDA__DENY);
    }
}

/* ---- is it a policy? */

static void test_check(void **state)
{
    (void)state;
#define ANY "\"Action\":\"*\",\"Resource\":\"*\""
    static const struct {
        const char *text;
        bool with_principal;
        const char *why; /* "": it is one */
    } CASES[] = {
        {"{\"Version\":\"2012-10-17\",\"Id\":\"i\",\"Statement\":[]}", true, ""},
        {"{\"Statement\":{\"Sid\":\"s\",\"Effect\":\"Allow\"," ANY "}}", false, ""},
        {"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"000000000000\",\"*\"],\"Service\":"
         "\"s3.amazonaws.com\"}," ANY ",\"Condition\":{\"StringLike\":{\"x:y\":\"z\"}}}]}",
         true, ""},
        {"[]", false, "is no JSON object"},
        {"{}", false, "Statement is neither an object nor an array"},
        {"{\"Version\":\"2020-01-01\",\"Statement\":[]}", false, "Version is not what belongs there"},
        {"{\"Statements\":[]}", false, "Statements is not what belongs there"},
        {"{\"Statement\":[1]}", false, "Statement[0]: is no object"},
        {"{\"Statement\":[{\"Effect\":\"allow\"," ANY "}]}", false, "Statement[0]: Effect is neither Allow nor Deny"},
        {"{\"Statement\":{\"Sid\":1,\"Effect\":\"Allow\"," ANY "}}", false, "Sid is no string"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\"," ANY "}}", false,
         "Principal does not belong there"},
        {"{\"Statement\":{\"Effect\":\"Allow\"," ANY "}}", true, "neither Principal nor NotPrincipal is there"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"s3\"," ANY "}}", true,
         "Principal is a string other than \"*\""},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Federated\":\"*\"}," ANY "}}", true,
         "Principal has a kind that is neither AWS nor Service"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"bob\"}," ANY "}}", true,
         "Principal is no ARN, account or \"*\""},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"NotPrincipal\":{\"Service\":[\"S3 \"]}," ANY "}}", true,
         "NotPrincipal is no name of a service"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{}," ANY "}}", true,
         "Principal is neither \"*\" nor an object"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"NotAction\":\"a:b\"," ANY "}}", false,
         "Action and NotAction are both there"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"Invoke\",\"Resource\":\"*\"}}", false,
         "Action is no action, such as \"lambda:InvokeFunction\""},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":[],\"Resource\":\"*\"}}", false, "Action is empty"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":[1],\"Resource\":\"*\"}}", false,
         "Action is no string or array of strings"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\"}}", false, "neither Resource nor NotResource is there"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"area\"}}", false,
         "Resource is neither \"*\" nor an ARN"},
        {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"arn:a:b:c:d:${e}\"}}", false,
         "Resource has a policy variable, which is not supported"},
        {"{\"Statement\":{\"Effect\":\"Allow\"," ANY ",\"Condition\":[]}}", false, "Condition is no object"},
        {"{\"Statement\":{\"Effect\":\"Allow\"," ANY ",\"Condition\":{\"Equals\":{}}}}", false,
         "Condition: Equals is no operator that is supported"},
        {"{\"Statement\":{\"Effect\":\"Allow\"," ANY ",\"Condition\":{\"Bool\":1}}}", false,
         "Condition: Bool is no object of keys"},
        {"{\"Statement\":{\"Effect\":\"Allow\"," ANY ",\"Condition\":{\"Bool\":{\"a:b\":[\"x\"]}}}}", false,
         "Condition: Bool: a:b has a value that its operator cannot take"},
        {"{\"Statement\":{\"Effect\":\"Allow\"," ANY ",\"Condition\":{\"Bool\":{\"a:b\":[]}}}}", false,
         "Condition: Bool: a:b has no value"},
        {"{\"Statement\":{\"Effect\":\"Allow\"," ANY ",\"Condition\":{\"Bool\":{\"a:b\":null}}}}", false,
         "Condition: Bool: a:b has a value that is no string, number or boolean"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char why[256];
        json_t *policy = parse(CASES[i].text);
        assert_int_equal(lambda__policy_check(policy, CASES[i].with_principal, why), !*CASES[i].why);
        assert_string_equal(why, CASES[i].why);
        json_decref(policy);
    }
    char why[256];
    assert_false(lambda__policy_check(NULL, false, why));
}

/* ---- who may */

#define ALLOW_ALL "{\"Statement\":{\"Effect\":\"Allow\"," ANY "}}"
#define DENY_ALL  "{\"Statement\":{\"Effect\":\"Deny\"," ANY "}}"
#define SILENT    "{\"Statement\":[]}"
#define FOR(effect, principal)                                                                                         \
    "{\"Statement\":{\"Effect\":\"" effect "\",\"Principal\":" principal ",\"Action\":\"lambda:InvokeFunction\","      \
    "\"Resource\":\"" AREA "\"}}"

static void test_who_may(void **state)
{
    (void)state;
#define REFUSED(who, why) "User: " who " is not authorized to perform: lambda:InvokeFunction on resource: " AREA " " why
#define ALICES            "arn:aws:iam::000000000000:user/alice"
#define NO_IDENTITY       "because no identity-based policy allows the lambda:InvokeFunction action"
#define NO_RESOURCE       "because no resource-based policy allows the lambda:InvokeFunction action"
    static const struct {
        const lambda__caller *caller;
        const char *identity; /* its policy; NULL: everything; "": none */
        const char *resource;
        const char *why; /* "": it may */
    } CASES[] = {
        {&ALICE, NULL, NULL, ""},
        {&ALICE, NULL, SILENT, ""},
        {&ALICE, "", NULL, REFUSED(ALICES, NO_IDENTITY)},
        {&ALICE, SILENT, NULL, REFUSED(ALICES, NO_IDENTITY)},
        {&ALICE, ALLOW_ALL, NULL, ""},
        {&ALICE, SILENT, FOR("Allow", "{\"AWS\":\"000000000000\"}"), REFUSED(ALICES, NO_IDENTITY)},
        {&ALICE, SILENT, FOR("Allow", "{\"AWS\":[\"000000000000\",\"" ALICES "\"]}"), ""},
        {&ALICE, ALLOW_ALL, FOR("Deny", "{\"AWS\":\"000000000000\"}"),
         REFUSED(ALICES, "with an explicit deny in a resource-based policy")},
        {&ALICE, SILENT, FOR("Allow", "{\"AWS\":\"222222222222\"}"), REFUSED(ALICES, NO_IDENTITY)},
        {&ALICE, DENY_ALL, FOR("Allow", "\"*\""), REFUSED(ALICES, "with an explicit deny in an identity-based policy")},
        {&ALICE, ALLOW_ALL, FOR("Deny", "\"*\""), REFUSED(ALICES, "with an explicit deny in a resource-based policy")},
        {&ALICE, NULL, FOR("Deny", "\"*\""), REFUSED(ALICES, "with an explicit deny in a resource-based policy")},
        {&S3, NULL, NULL, REFUSED("s3.amazonaws.com", NO_RESOURCE)},
        {&S3, NULL, FOR("Allow", "{\"Service\":\"s3.amazonaws.com\"}"), ""},
        {&S3, NULL, FOR("Allow", "{\"Service\":\"sns.amazonaws.com\"}"), REFUSED("s3.amazonaws.com", NO_RESOURCE)},
        {&NOBODY, NULL, NULL, REFUSED("anonymous", NO_RESOURCE)},
        {&NOBODY, NULL, FOR("Allow", "\"*\""), ""},
        {&NOBODY, NULL, FOR("Allow", "{\"AWS\":\"000000000000\"}"), REFUSED("anonymous", NO_RESOURCE)},
        /* Of another account: both. */
        {&STRANGER, ALLOW_ALL, NULL, REFUSED("arn:aws:iam::222222222222:user/bob", NO_RESOURCE)},
        {&STRANGER, SILENT, FOR("Allow", "\"*\""), REFUSED("arn:aws:iam::222222222222:user/bob", NO_IDENTITY)},
        {&STRANGER, ALLOW_ALL, FOR("Allow", "{\"AWS\":\"222222222222\"}"), ""},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char why[512];
        lambda__caller caller = *CASES[i].caller;
        json_t *policies = CASES[i].identity && *CASES[i].identity ? json_pack("[o]", parse(CASES[i].identity)) : NULL;
        struct lambda__identity identity = {.policies = policies};
        caller.identity = CASES[i].identity ? &identity : NULL;
        json_t *resource = CASES[i].resource ? parse(CASES[i].resource) : NULL;
        lambda__wish wish = wish_of(&caller);
        bool may = lambda__caller_may(&wish, resource, why);
        assert_string_equal(why, CASES[i].why);
        assert_int_equal(may, !*CASES[i].why);
        json_decref(policies);
        json_decref(resource);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),       cmocka_unit_test(test_actions_and_resources),
        cmocka_unit_test(test_principals),     cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_not_understood), cmocka_unit_test(test_check),
        cmocka_unit_test(test_who_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
