/* Environments: warm and cold, init and shutdown, draining, permits, the context, the temporary directory. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lambda/port/runtime.h>

static test_memory memory;

static lambda_t *open_with(lambda_limits limits)
{
    memory = (test_memory){0};
    return test_open(&(lambda_options){.allocator = test_allocator(&memory), .limits = limits});
}

static void close_counted(lambda_t *lambda)
{
    lambda_close(lambda);
    assert_int_equal(memory.live, 0);
}

/** What the hooks of a function have seen. */
typedef struct life {
    int inits;
    int shutdowns;
    int calls;
    bool fail_init;
} life;

static lambda_status life_init(lambda_context *context)
{
    life *seen = lambda_context_user(context);
    seen->inits++;
    assert_string_equal(lambda_context_aws_request_id(context), "");
    assert_string_equal(lambda_context_invoked_function_arn(context), "");
    assert_int_equal(lambda_context_remaining_time_in_millis(context), 0);
    if (seen->fail_init) return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_SERVICE, "no table");
    int *state = calloc(1, sizeof(*state));
    lambda_context_set_state(context, state);
    return state ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
}

static void life_shutdown(lambda_context *context)
{
    life *seen = lambda_context_user(context);
    seen->shutdowns++;
    free(lambda_context_state(context));
}

static lambda_status life_call(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    life *seen = lambda_context_user(context);
    int *state = lambda_context_state(context);
    seen->calls++;
    return lambda_response_pack(response, "i", ++*state);
}

static void create_life(lambda_t *lambda, const char *name, life *seen)
{
    lambda_code code = lambda_code_native_hooks(life_call, life_init, life_shutdown, seen);
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = name, .code = code}));
}

static void invoke_expect(lambda_t *lambda, const char *name, const char *payload)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, payload);
    lambda_result_clear(&result);
}

static void state_lives_as_long_as_the_environment(void **state)
{
    (void)state;
    lambda_t *lambda = open_with((lambda_limits){0});
    life seen = {0};
    create_life(lambda, "f", &seen);
    invoke_expect(lambda, "f", "1");
    invoke_expect(lambda, "f", "2");
    assert_int_equal(seen.inits, 1);
    assert_int_equal(seen.shutdowns, 0);
    /* Another configuration is another environment, and the old one ends before the update returns. */
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.timeout_ms = 5000}));
    assert_int_equal(seen.shutdowns, 1);
    invoke_expect(lambda, "f", "1");
    assert_int_equal(seen.inits, 2);
    /* A version has environments of its own, and so has $LATEST after it. */
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    invoke_expect(lambda, "f:1", "1");
    invoke_expect(lambda, "f:1", "2");
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    assert_int_equal(seen.inits, seen.shutdowns);
    create_life(lambda, "f", &seen);
    invoke_expect(lambda, "f", "1");
    close_counted(lambda);
    assert_int_equal(seen.inits, seen.shutdowns);
    assert_int_equal(seen.calls, 6);
}

static void a_failed_init_is_a_function_error_and_is_tried_again(void **state)
{
    (void)state;
    lambda_t *lambda = open_with((lambda_limits){0});
    life seen = {.fail_init = true};
    create_life(lambda, "f", &seen);
    lambda_result result = {0};
    for (int i = 1; i <= 2; i++) {
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
        assert_string_equal(result.function_error, "Unhandled");
        test_assert_payload(&result,
                            "{\"errorMessage\":\"no table\",\"errorType\":\"Runtime.InitError\",\"stackTrace\":[]}");
        assert_int_equal(seen.inits, 2 * i); /* as in Lambda, a failed init is tried once more */
    }
    assert_int_equal(seen.calls, 0);
    assert_int_equal(seen.shutdowns, 0);
    seen.fail_init = false;
    invoke_expect(lambda, "f", "1");
    lambda_result_clear(&result);
    close_counted(lambda);
    assert_int_equal(seen.shutdowns, 1);
}

/** Invokes "f" from within until `depth` is reached, then whatever "last" is. */
typedef struct nest {
    int depth;
    int reached;
    lambda_status innermost;
    const char *last;
} nest;

static lambda_status nest_call(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    nest *nested = lambda_context_user(context);
    const char *next = ++nested->reached < nested->depth ? "nest" : nested->last;
    bool innermost = nested->reached == nested->depth;
    lambda_status status = lambda_invoke(lambda_context_service(context), next, LAMBDA_JSON("1"), NULL);
    if (innermost) nested->innermost = status;
    return LAMBDA_OK;
}

static void the_limit_throttles_when_all_are_busy(void **state)
{
    (void)state;
    lambda_t *lambda = open_with((lambda_limits){.concurrent_executions = 3});
    nest nested = {.depth = 3, .last = "other"};
    test_create(lambda, "nest", nest_call, &nested);
    test_create(lambda, "other", test_nothing, NULL);
    assert_ok(lambda, lambda_invoke(lambda, "nest", LAMBDA_JSON("1"), NULL));
    assert_int_equal(nested.reached, 3);
    assert_int_equal(nested.innermost, LAMBDA_ERROR_TOO_MANY_REQUESTS);
    assert_non_null(strstr(lambda_error_message(lambda), "ConcurrentInvocationLimitExceeded"));
    lambda_statistics statistics;
    assert_ok(lambda, lambda_statistics_get(lambda, &statistics));
    assert_int_equal(statistics.throttles, 1);
    nested = (nest){.depth = 2, .last = "other"};
    assert_ok(lambda, lambda_invoke(lambda, "nest", LAMBDA_JSON("1"), NULL));
    assert_int_equal(nested.innermost, LAMBDA_OK);
    close_counted(lambda);
}

static void more_functions_than_permits_stay_warm(void **state)
{
    (void)state;
    enum { FUNCTIONS = 20 };
    lambda_t *lambda = open_with((lambda_limits){.concurrent_executions = 3});
    life seen[FUNCTIONS] = {{0}};
    char name[16];
    for (int i = 0; i < FUNCTIONS; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        create_life(lambda, name, &seen[i]);
    }
    for (int round = 1; round <= 5; round++) {
        for (int i = 0; i < FUNCTIONS; i++) {
            char expected[16];
            snprintf(name, sizeof(name), "f%d", i);
            snprintf(expected, sizeof(expected), "%d", round);
            invoke_expect(lambda, name, expected);
        }
    }
    for (int i = 0; i < FUNCTIONS; i++)
        assert_int_equal(seen[i].inits, 1);
    close_counted(lambda);
}

static lambda_status updates_itself(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_t *lambda = lambda_context_service(context);
    life *seen = lambda_context_user(context);
    lambda_code code = lambda_code_native_hooks(life_call, life_init, life_shutdown, seen);
    lambda_status status = lambda_function_update_code(lambda, "f", &(lambda_function_code_update){.code = code});
    if (status != LAMBDA_OK) return status;
    seen->calls++;
    return lambda_response_pack(response, "s", "old");
}

static void a_running_environment_is_drained(void **state)
{
    (void)state;
    lambda_t *lambda = open_with((lambda_limits){0});
    life seen = {0};
    lambda_code code = lambda_code_native_hooks(updates_itself, life_init, life_shutdown, &seen);
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "f", .code = code}));
    invoke_expect(lambda, "f", "\"old\"");
    assert_int_equal(seen.shutdowns, 1);
    invoke_expect(lambda, "f", "1");
    close_counted(lambda);
    assert_int_equal(seen.inits, 2);
    assert_int_equal(seen.shutdowns, 2);
}

static lambda_status shows_context(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_bytes client = lambda_context_client_context(context);
    lambda_bytes identity = lambda_context_identity(context);
    const char *missing = lambda_context_environment_variable(context, "PATH");
    return lambda_response_pack(
        response, "{ss ss ss ss ss si ss ss ss ss# ss# ss ss*}", "arn", lambda_context_invoked_function_arn(context),
        "name", lambda_context_function_name(context), "version", lambda_context_function_version(context), "role",
        lambda_context_role(context), "handler", lambda_context_handler(context), "memory",
        (int)lambda_context_memory_limit_in_mb(context), "group", lambda_context_log_group_name(context), "stream",
        lambda_context_log_stream_name(context), "trace", lambda_context_trace_id(context), "client",
        (const char *)client.data, (int)client.length, "identity", (const char *)identity.data, (int)identity.length,
        "greeting", lambda_context_environment_variable(context, "GREETING"), "path", missing);
}

static void the_context_tells_all(void **state)
{
    (void)state;
    test_clock clock = {.wall = UINT64_C(1767225600) * 1000000000}; /* 2026-01-01 */
    test_random random = {.state = 42};
    lambda_t *lambda = test_open(&(lambda_options){.clock = test_clock_port(&clock),
                                                   .random = test_random_port(&random),
                                                   .region = "eu-central-1",
                                                   .account_id = "123456789012"});
    const lambda_pair environment[] = {{"GREETING", "hello"}, {"EMPTY", ""}};
    assert_ok(lambda,
              lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                       .code = lambda_code_native(shows_context, NULL),
                                                                       .handler = "file.main",
                                                                       .role = "arn:aws:iam::123456789012:role/service",
                                                                       .memory_size = 256,
                                                                       .environment = environment,
                                                                       .environment_count = 2,
                                                                       .publish = true}));
    lambda_result result = {0};
    lambda_invoke_options options = {
        .client_context = {"client", 6}, .identity = {"me", 2}, .trace_id = "Root=1-2", .qualifier = "1"};
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("1"), &options, &result));
    char *text = (char *)(uintptr_t)result.payload.data;
    char *stream = strstr(text, "2026/01/01/[1]");
    assert_non_null(stream);
    assert_int_equal(strspn(stream + 14, "0123456789abcdef"), 32);
    memset(stream + 14, 'x', 32);
    test_assert_payload(
        &result, "{\"arn\":\"arn:aws:lambda:eu-central-1:123456789012:function:f:1\",\"name\":\"f\","
                 "\"version\":\"1\",\"role\":\"arn:aws:iam::123456789012:role/service\",\"handler\":\"file.main\","
                 "\"memory\":256,\"group\":\"/aws/lambda/f\","
                 "\"stream\":\"2026/01/01/[1]xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"trace\":\"Root=1-2\","
                 "\"client\":\"client\",\"identity\":\"me\",\"greeting\":\"hello\"}");
    lambda_result_clear(&result);
    lambda_close(lambda);
}

static void no_context_is_no_crash(void **state)
{
    (void)state;
    const char *path = "x";
    assert_string_equal(lambda_context_aws_request_id(NULL), "");
    assert_string_equal(lambda_context_invoked_function_arn(NULL), "");
    assert_string_equal(lambda_context_function_name(NULL), "");
    assert_string_equal(lambda_context_function_version(NULL), "");
    assert_string_equal(lambda_context_role(NULL), "");
    assert_string_equal(lambda_context_handler(NULL), "");
    assert_string_equal(lambda_context_log_group_name(NULL), "");
    assert_string_equal(lambda_context_log_stream_name(NULL), "");
    assert_string_equal(lambda_context_trace_id(NULL), "");
    assert_int_equal(lambda_context_memory_limit_in_mb(NULL), 0);
    assert_int_equal(lambda_context_remaining_time_in_millis(NULL), 0);
    assert_int_equal(lambda_context_client_context(NULL).length, 0);
    assert_int_equal(lambda_context_identity(NULL).length, 0);
    assert_null(lambda_context_environment_variable(NULL, "A"));
    assert_null(lambda_context_user(NULL));
    assert_null(lambda_context_state(NULL));
    assert_null(lambda_context_service(NULL));
    lambda_context_set_state(NULL, NULL);
    lambda_log(NULL, LAMBDA_LOG_INFO, "nothing");
    assert_fails(NULL, lambda_context_temporary_directory(NULL, &path), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "context");
    assert_null(path);
}

static lambda_status uses_directory(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    const char *path = NULL;
    lambda_status status = lambda_context_temporary_directory(context, &path);
    if (status != LAMBDA_OK) return status;
    char name[4200];
    snprintf(name, sizeof(name), "%s/sub", path);
    mkdir(name, 0700);
    snprintf(name, sizeof(name), "%s/sub/file", path);
    FILE *file = fopen(name, "a");
    if (!file) return LAMBDA_ERROR_SERVICE;
    fprintf(file, "x");
    long size = ftell(file);
    fclose(file);
    return lambda_response_pack(response, "[si]", path, (int)size);
}

static void the_temporary_directory_ends_with_its_environment(void **state)
{
    (void)state;
    char root[] = "/tmp/lambda-test-XXXXXX";
    assert_non_null(mkdtemp(root));
    lambda_t *lambda = test_open(&(lambda_options){.temporary_directory = root});
    test_create(lambda, "f", uses_directory, NULL);
    lambda_result result = {0};
    for (int i = 1; i <= 3; i++) {
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
        char end[16];
        snprintf(end, sizeof(end), ",%d]", i);
        assert_non_null(strstr(result.payload.data, end));
        assert_non_null(strstr(result.payload.data, root));
    }
    assert_int_not_equal(rmdir(root), 0); /* it is in there */
    lambda_result_clear(&result);
    lambda_close(lambda);
    assert_int_equal(rmdir(root), 0); /* nothing is left in it */

    lambda = test_open(&(lambda_options){.temporary_directory = "/nowhere/at/all"});
    test_create(lambda, "f", uses_directory, NULL);
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
    assert_non_null(strstr(result.payload.data, "/nowhere/at/all"));
    assert_non_null(strstr(result.payload.data, "No such file"));
    lambda_result_clear(&result);
    lambda_close(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_lives_as_long_as_the_environment),
        cmocka_unit_test(a_failed_init_is_a_function_error_and_is_tried_again),
        cmocka_unit_test(the_limit_throttles_when_all_are_busy),
        cmocka_unit_test(more_functions_than_permits_stay_warm),
        cmocka_unit_test(a_running_environment_is_drained),
        cmocka_unit_test(the_context_tells_all),
        cmocka_unit_test(no_context_is_no_crash),
        cmocka_unit_test(the_temporary_directory_ends_with_its_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
