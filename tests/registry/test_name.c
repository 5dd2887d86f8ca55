/* Names, partial ARNs and ARNs, with and without qualifiers. */
#include "support.h"

#include <string.h>

#include "registry/registry.h"

static lambda_t *lambda;

static int open_service(void **state)
{
    (void)state;
    lambda = test_open(&(lambda_options){.region = "eu-west-1", .account_id = "123456789012"});
    return 0;
}

static int close_service(void **state)
{
    (void)state;
    lambda_close(lambda);
    return 0;
}

static void good_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *function, *qualifier;
    } good[] = {
        {"f", "f", NULL},
        {"my-function_2", "my-function_2", NULL},
        {"arn", "arn", NULL},
        {"123456789012", "123456789012", NULL},
        {"f:$LATEST", "f", "$LATEST"},
        {"f:12", "f", "12"},
        {"f:live", "f", "live"},
        {"123456789012:function:f", "f", NULL},
        {"123456789012:function:f:3", "f", "3"},
        {"arn:aws:lambda:eu-west-1:123456789012:function:f", "f", NULL},
        {"arn:aws-cn:lambda:eu-west-1:123456789012:function:f:live", "f", "live"},
        {"arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST", "f", "$LATEST"},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
         "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl", NULL},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        lambda__name name;
        assert_ok(lambda, lambda__name_parse(lambda, good[i].text, &name));
        assert_int_equal(name.function_length, strlen(good[i].function));
        assert_memory_equal(name.function, good[i].function, name.function_length);
        if (good[i].qualifier)
            assert_string_equal(name.qualifier, good[i].qualifier);
        else
            assert_null(name.qualifier);
    }
}

static void bad_names(void **state)
{
    (void)state;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    const lambda_status missing = LAMBDA_ERROR_RESOURCE_NOT_FOUND;
    const struct {
        const char *text;
        lambda_status status;
        const char *message;
    } bad[] = {
        {NULL, invalid, "NULL"},
        {"", invalid, "is not a name"},
        {" f", invalid, "is not a name"},
        {"f g", invalid, "is not a name"},
        {"f/g", invalid, "is not a name"},
        {"f:", invalid, "qualifier"},
        {":f", invalid, "is not a name"},
        {"f:a:b", invalid, "qualifier"},
        {"f:$latest", invalid, "qualifier"},
        {"f:$LATEST2", invalid, "qualifier"},
        {"f:a b", invalid, "qualifier"},
        {"\xCE\xBB", invalid, "is not a name"},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm", invalid, "is not a name"},
        {"arn:", invalid, "partition"},
        {"arn:gcp:lambda:eu-west-1:123456789012:function:f", invalid, "partition"},
        {"arn:aws", invalid, "partition"},
        {"arn:aws:s3:eu-west-1:123456789012:function:f", invalid, "not an ARN of Lambda"},
        {"arn:aws:lambda", invalid, "not an ARN of Lambda"},
        {"arn:aws:lambda:eu-west-1", invalid, "ends before"},
        {"arn:aws:lambda:us-east-1:123456789012:function:f", missing, "us-east-1"},
        {"arn:aws:lambda:eu-west-1:000000000000:function:f", missing, "000000000000"},
        {"arn:aws:lambda:eu-west-1:123456789012:layer:f", invalid, "not a function's ARN"},
        {"arn:aws:lambda:eu-west-1:123456789012:function:", invalid, "is not a name"},
        {"999999999999:function:f", missing, "999999999999"},
        {"123456789012:function:", invalid, "is not a name"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        lambda__name name;
        assert_fails(lambda, lambda__name_parse(lambda, bad[i].text, &name), bad[i].status, bad[i].message);
    }
}

static void a_qualifier_apart(void **state)
{
    (void)state;
    lambda__name name;
    assert_ok(lambda, lambda__name_parse_with(lambda, "f", "live", &name));
    assert_string_equal(name.qualifier, "live");
    assert_ok(lambda, lambda__name_parse_with(lambda, "f:live", "live", &name));
    assert_ok(lambda, lambda__name_parse_with(lambda, "f:live", "", &name));
    assert_string_equal(name.qualifier, "live");
    assert_fails(lambda, lambda__name_parse_with(lambda, "f:live", "dead", &name), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "dead");
    assert_fails(lambda, lambda__name_parse_with(lambda, "f", "a:b", &name), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "a:b");
    char arn[LAMBDA__ARN_SIZE];
    lambda__name_arn(lambda, "f", "live", arn, sizeof(arn));
    assert_string_equal(arn, "arn:aws:lambda:eu-west-1:123456789012:function:f:live");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_names),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(a_qualifier_apart),
    };
    return cmocka_run_group_tests(tests, open_service, close_service);
}
