/* lambda/testing.h and virtual time: events in their shapes, fakes, captured logs, faults, and the same run twice. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/clock_virtual.h>
#include <lambda/testing.h>

/** The text at a path such as "Records/0/s3/bucket/name". */
static const char *text_at(json_t *root, const char *path)
{
    char part[64];
    json_t *at = root;
    while (*path) {
        size_t length = strcspn(path, "/");
        assert_true(length < sizeof(part));
        memcpy(part, path, length);
        part[length] = '\0';
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part)) : json_object_get(at, part);
        path += length + (path[length] == '/');
    }
    if (!json_is_string(at)) fail_msg("no text there");
    return json_string_value(at);
}

static void check(json_t *event, const char *const (*expected)[2])
{
    assert_non_null(event);
    for (; (*expected)[0]; expected++)
        assert_string_equal(text_at(event, (*expected)[0]), (*expected)[1]);
    char *dumped = json_dumps(event, 0);
    assert_non_null(dumped);
    free(dumped);
    json_decref(event);
}
#define CHECK_EVENT(event, ...) check(event, (const char *const[][2]){__VA_ARGS__, {NULL, NULL}})

static void events_have_their_services_shapes(void **state)
{
    (void)state;
    const char *const bodies[] = {"one", "two"};
    const lambda_bytes data[] = {lambda_bytes_make("hello", 5), lambda_bytes_make("", 0)};
    CHECK_EVENT(lambda_test_event_s3_put("b", "a key/1+2", 10), {"Records/0/eventSource", "aws:s3"},
                {"Records/0/eventName", "ObjectCreated:Put"}, {"Records/0/s3/bucket/name", "b"},
                {"Records/0/s3/object/key", "a+key/1%2B2"});
    CHECK_EVENT(lambda_test_event_sqs(NULL, bodies, 2), {"Records/0/eventSource", "aws:sqs"}, {"Records/0/body", "one"},
                {"Records/1/body", "two"});
    CHECK_EVENT(lambda_test_event_sns(NULL, NULL, "m"), {"Records/0/EventSource", "aws:sns"},
                {"Records/0/Sns/Message", "m"});
    CHECK_EVENT(lambda_test_event_kinesis("s", NULL, data, 2), {"Records/0/eventSource", "aws:kinesis"},
                {"Records/0/kinesis/data", "aGVsbG8="}, {"Records/1/kinesis/data", ""});
    CHECK_EVENT(lambda_test_event_dynamodb("t", "REMOVE", NULL, NULL, NULL), {"Records/0/eventSource", "aws:dynamodb"},
                {"Records/0/eventName", "REMOVE"}, {"Records/0/dynamodb/Keys/Id/S", "1"});
    CHECK_EVENT(lambda_test_event_api_gateway_v1("POST", "/p", "body"), {"httpMethod", "POST"}, {"path", "/p"},
                {"body", "body"});
    CHECK_EVENT(lambda_test_event_api_gateway_v2(NULL, "/p", "a=1&b=2", NULL), {"version", "2.0"}, {"rawPath", "/p"},
                {"rawQueryString", "a=1&b=2"}, {"requestContext/http/method", "GET"}, {"queryStringParameters/b", "2"});
    CHECK_EVENT(lambda_test_event_alb("PUT", "/p", NULL), {"httpMethod", "PUT"}, {"path", "/p"}, {"body", ""});
    CHECK_EVENT(lambda_test_event_event_bridge("s", "d", NULL), {"source", "s"}, {"detail-type", "d"});
    CHECK_EVENT(lambda_test_event_schedule(NULL), {"source", "aws.events"}, {"detail-type", "Scheduled Event"});
    CHECK_EVENT(lambda_test_event_cognito(NULL, "u", NULL), {"triggerSource", "PreSignUp_SignUp"}, {"userName", "u"},
                {"request/userAttributes/email", "user@example.com"});
    CHECK_EVENT(lambda_test_event_iot_rule("t", NULL), {"topic", "t"});
    json_t *logs = lambda_test_event_cloudwatch_logs("g", "s", bodies, 2);
    /* The gzip form's first three bytes, in base64. */
    assert_memory_equal(text_at(logs, "awslogs/data"), "H4sI", 4);
    json_decref(logs);
}

static void a_fake_context_answers_what_it_is_told(void **state)
{
    (void)state;
    lambda_test_log *log = lambda_test_log_new();
    lambda_t *lambda = test_open(&(lambda_options){.log = {lambda_test_log_sink(log)}});
    lambda_context *context = NULL;
    const lambda_pair variables[] = {{"A", "1"}};
    int user = 0;
    lambda_test_context_fields fields = {.aws_request_id = "11111111-0000-4000-8000-000000000000",
                                         .function_name = "f",
                                         .function_version = "7",
                                         .memory_limit_in_mb = 256,
                                         .environment = variables,
                                         .environment_count = 1,
                                         .user = &user,
                                         .trace_id = "Root=1"};
    assert_ok(lambda, lambda_test_context_new(lambda, &fields, &context));
    assert_string_equal(lambda_context_aws_request_id(context), fields.aws_request_id);
    assert_string_equal(lambda_context_function_name(context), "f");
    assert_string_equal(lambda_context_function_version(context), "7");
    assert_int_equal(lambda_context_memory_limit_in_mb(context), 256);
    assert_string_equal(lambda_context_environment_variable(context, "A"), "1");
    assert_string_equal(lambda_context_trace_id(context), "Root=1");
    assert_string_equal(lambda_context_log_group_name(context), "/aws/lambda/f");
    assert_ptr_equal(lambda_context_user(context), &user);
    assert_true(lambda_context_remaining_time_in_millis(context) <= 3000);
    lambda_log(context, LAMBDA_LOG_INFO, "seen %d", 5);
    assert_int_equal(lambda_test_log_count(log, "seen 5"), 1);
    assert_string_equal(lambda_test_log_text(log), "INFO 11111111-0000-4000-8000-000000000000 seen 5\n");
    lambda_test_log_clear(log);
    assert_string_equal(lambda_test_log_text(log), "");
    lambda_test_context_free(context);
    fields.aws_request_id = "longer-than-thirty-six-characters-and-so-refused";
    assert_fails(lambda, lambda_test_context_new(lambda, &fields, &context), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "aws_request_id");
    assert_null(context);
    lambda_test_context_free(NULL);
    lambda_test_event_free(NULL);
    lambda_test_response_free(NULL);
    lambda_close(lambda);
    lambda_test_log_free(log);
}

static lambda_status takes_a_second(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_clock_virtual_step(lambda_context_user(context), UINT64_C(1000000000));
    lambda_log(context, LAMBDA_LOG_INFO, "%d ms are left", (int)lambda_context_remaining_time_in_millis(context));
    return lambda_response_write(response, "1", 1);
}

/** A service's whole log, all of one seed. */
static char *run(uint64_t seed)
{
    lambda_clock_virtual *clock;
    lambda_options options = {0};
    lambda_test_log *log = lambda_test_log_new();
    assert_int_equal(lambda_clock_virtual_open(seed, 0, &clock), LAMBDA_OK);
    lambda_clock_virtual_options(clock, &options);
    options.log[0] = lambda_test_log_sink(log);
    lambda_t *lambda = test_open(&options);
    lambda_t *second = NULL;
    assert_int_equal(lambda_open(&options, &second), LAMBDA_ERROR_RESOURCE_CONFLICT);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof(name), "f%d", i);
        lambda_function_config config = {.function_name = name,
                                         .publish = true,
                                         .isolation = i % 2 ? LAMBDA_ISOLATION_THREAD : LAMBDA_ISOLATION_INLINE,
                                         .code = lambda_code_native(takes_a_second, clock)};
        assert_ok(lambda, lambda_function_create(lambda, &config));
        snprintf(name, sizeof(name), "f%d:1", i);
        assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, name, 2));
    }
    assert_true(lambda_clock_virtual_run(clock, UINT64_MAX) > 0);
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof(name), i % 3 ? "f%d" : "f%d:1", i % 4);
        assert_ok(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("{}"), NULL));
    }
    uint64_t before = lambda_clock_virtual_now(clock);
    while (lambda_clock_virtual_step_next(clock))
        ;
    /* Nothing was due but retiring what was idle. */
    assert_true(lambda_clock_virtual_now(clock) - before >= UINT64_C(600000000000) - UINT64_C(20000000000));
    assert_false(lambda_clock_virtual_step_next(clock));
    assert_int_equal(lambda_close(lambda), 0);
    lambda_clock_virtual_close(clock);
    char *text = strdup(lambda_test_log_text(log));
    lambda_test_log_free(log);
    return text;
}

static void the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    char *one = run(5);
    char *same = run(5);
    char *other = run(6);
    assert_true(strlen(one) > 1000);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    free(one);
    free(same);
    free(other);
    lambda_clock_virtual_close(NULL);
    assert_int_equal(lambda_clock_virtual_now(NULL), 0);
    assert_int_equal(lambda_clock_virtual_open(1, 0, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
}

static void faults_come_as_often_as_told(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    lambda_result result = {0};
    test_create(lambda, "f", test_echo, NULL);
    assert_ok(lambda, lambda_test_fault(lambda, "f", LAMBDA_TEST_FAULT_INIT, 2));
    for (int i = 0; i < 3; i++) {
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
        bool failed = strstr((const char *)result.payload.data, "Runtime.InitError") != NULL;
        assert_int_equal(failed, i < 2);
        assert_int_equal(result.function_error != NULL, i < 2);
    }
    assert_ok(lambda, lambda_test_fault(lambda, "f", LAMBDA_TEST_FAULT_THROTTLE, 5));
    assert_fails(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result), LAMBDA_ERROR_TOO_MANY_REQUESTS,
                 "injected");
    assert_fails(lambda, lambda_invoke(lambda, "f:$LATEST", LAMBDA_JSON("1"), &result), LAMBDA_ERROR_TOO_MANY_REQUESTS,
                 "injected");
    assert_fails(lambda, lambda_invoke(lambda, "f:?", LAMBDA_JSON("1"), &result), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "");
    assert_ok(lambda, lambda_test_fault(lambda, "f", LAMBDA_TEST_FAULT_THROTTLE, 0));
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
    assert_fails(lambda, lambda_test_fault(lambda, "f:1", LAMBDA_TEST_FAULT_THROTTLE, 1),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "qualifier");
    assert_fails(lambda, lambda_test_fault(lambda, "f", (lambda_test_fault_kind)9, 1),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "kind");
    lambda_result_clear(&result);
    lambda_close(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_have_their_services_shapes),
        cmocka_unit_test(a_fake_context_answers_what_it_is_told),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(faults_come_as_often_as_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
