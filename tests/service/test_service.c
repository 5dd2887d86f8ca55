/* Opening, options and limits; several services; log lines; drivers that a host adds. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/port/runtime.h>

static void free_nothing(void *user, void *memory)
{
    (void)user;
    (void)memory;
}

static void options_are_checked(void **state)
{
    (void)state;
    lambda_t *lambda = NULL;
    const struct {
        lambda_options options;
        const char *text;
    } bad[] = {
        {{.region = ""}, "region"},
        {{.region = "US"}, "region"},
        {{.region = "a-region-name-that-is-far-too-long-for-one"}, "region"},
        {{.account_id = "123"}, "account_id"},
        {{.account_id = "12345678901x"}, "account_id"},
        {{.temporary_directory = "tmp"}, "temporary_directory"},
        {{.temporary_directory = ""}, "temporary_directory"},
        {{.log_level = (lambda_log_level)99}, "log_level"},
        {{.limits = {.concurrent_executions = 1048577}}, "concurrent_executions"},
        {{.limits = {.invocation_depth = 1025}}, "invocation_depth"},
        {{.limits = {.request_payload = (size_t)1 << 31}}, "request_payload"},
        {{.limits = {.response_payload = (size_t)1 << 31}}, "response_payload"},
        {{.limits = {.environment_variables = 1u << 21}}, "environment_variables"},
        {{.allocator = {.release = free_nothing}}, "allocator"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_fails(NULL, lambda_open(&bad[i].options, &lambda), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, bad[i].text);
        assert_null(lambda);
    }
    assert_fails(NULL, lambda_open(NULL, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda");
    lambda_close(NULL);
    /* A caller compiled before the later fields were there. */
    lambda_options older = {.account_id = "not read", .region = "eu-west-1"};
    assert_int_equal(lambda_open_sized(&older, offsetof(lambda_options, account_id), &lambda), LAMBDA_OK);
    lambda_close(lambda);
}

static lambda_status names_service(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    return lambda_response_pack(response, "s", lambda_context_invoked_function_arn(context));
}

static void services_share_nothing(void **state)
{
    (void)state;
    lambda_t *one = test_open(&(lambda_options){.region = "eu-west-1", .account_id = "111111111111"});
    lambda_t *two = test_open(&(lambda_options){.region = "eu-west-2", .account_id = "222222222222"});
    test_create(one, "f", names_service, NULL);
    lambda_result result = {0};
    assert_fails(two, lambda_invoke(two, "f", LAMBDA_JSON("1"), &result), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "222222222222");
    assert_string_equal(lambda_error_message(one), "");
    test_create(two, "f", names_service, NULL);
    assert_ok(one, lambda_invoke(one, "f", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "\"arn:aws:lambda:eu-west-1:111111111111:function:f\"");
    lambda_result_clear(&result);
    lambda_close(one);
    assert_ok(two, lambda_invoke(two, "f", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "\"arn:aws:lambda:eu-west-2:222222222222:function:f\"");
    lambda_result_clear(&result);
    lambda_close(two);
}

/** Log lines, one after the other, as a test can compare them. */
typedef struct lines {
    char text[16384];
} lines;

static lambda_status keep_line(void *user, const lambda_log_record *record)
{
    lines *kept = user;
    size_t used = strlen(kept->text);
    assert_int_equal(strlen(record->message), record->message_length);
    assert_non_null(strstr(record->log_stream_name, "2026/01/01/[$LATEST]"));
    snprintf(kept->text + used, sizeof(kept->text) - used, "%s %s %s%s\n", lambda_log_level_name(record->level),
             record->log_group_name, record->platform ? "platform " : "", record->message);
    return LAMBDA_OK;
}

static lambda_status logs(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    char large[6000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    lambda_log(context, LAMBDA_LOG_DEBUG, "not to be seen");
    lambda_log(context, LAMBDA_LOG_WARN, "seen %d", 1);
    lambda_log(context, LAMBDA_LOG_DEFAULT, "%s", large);
    lambda_log(context, LAMBDA_LOG_OFF, "not to be seen");
    return LAMBDA_OK;
}

static void log_lines_are_lambdas(void **state)
{
    (void)state;
    lines *kept = calloc(1, sizeof(*kept));
    assert_non_null(kept);
    test_clock clock = {.wall = UINT64_C(1767225600) * 1000000000, .step = 1500000};
    test_random random = {.state = 1};
    /* One thread: the library's own would read the clock, which moves with each reading. */
    lambda_t *lambda = test_open(&(lambda_options){.clock = test_clock_port(&clock),
                                                   .random = test_random_port(&random),
                                                   .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                                                   .log = {{.write = keep_line, .user = kept, .direct = true}}});
    test_create(lambda, "f", logs, NULL);
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(result.request_id, id);
    char *long_line = strstr(kept->text, "INFO /aws/lambda/f xxx");
    assert_non_null(long_line);
    char *end = strchr(long_line, '\n');
    assert_int_equal(end - long_line, 4096 + strlen("INFO /aws/lambda/f "));
    assert_memory_equal(end - 3, "...", 3);
    memmove(long_line, end + 1, strlen(end));
    char expected[1000];
    snprintf(expected, sizeof(expected),
             "INFO /aws/lambda/f platform INIT_START Runtime Version: native:" LAMBDA_VERSION_TEXT "\n"
             "INFO /aws/lambda/f platform START RequestId: %s Version: $LATEST\n"
             "WARN /aws/lambda/f seen 1\n"
             "INFO /aws/lambda/f platform END RequestId: %s\n"
             "INFO /aws/lambda/f platform REPORT RequestId: %s\tDuration: 1.50 ms\tBilled Duration: 3 ms\t"
             "Memory Size: 128 MB\tMax Memory Used: unknown\tInit Duration: 1.50 ms\n",
             id, id, id);
    assert_string_equal(kept->text, expected);
    assert_string_equal(lambda_log_level_name((lambda_log_level)50), "UNKNOWN");
    assert_string_equal(lambda_log_level_name(LAMBDA_LOG_DEFAULT), "INFO");
    lambda_result_clear(&result);
    lambda_close(lambda);
    free(kept);
}

static void standard_error_shows_lines(void **state)
{
    (void)state;
    char path[] = "/tmp/lambda-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    test_clock clock = {.wall = UINT64_C(1767225600) * 1000000000 + 42000000};
    lambda_t *lambda = test_open(&(lambda_options){.clock = test_clock_port(&clock),
                                                   .log = {lambda_log_sink_stderr()},
                                                   .log_level = LAMBDA_LOG_WARN,
                                                   .system_log_level = LAMBDA_LOG_WARN});
    test_create(lambda, "f", logs, NULL);
    lambda_result result = {0};
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
    lambda_status status = lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result);
    lambda_request_id request_id = result.request_id;
    /* The sink has a buffer: all of it is written when the service has closed. */
    lambda_result_clear(&result);
    lambda_close(lambda);
    lambda_log_sink sink = lambda_log_sink_stderr();
    lambda_log_record record = {.level = LAMBDA_LOG_INFO, .platform = true, .line = "START", .line_length = 5};
    assert_int_equal(sink.write(sink.user, &record), LAMBDA_OK);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(status, LAMBDA_OK);
    char text[400] = "";
    assert_true(pread(file, text, sizeof(text) - 1, 0) > 0);
    char id[LAMBDA_REQUEST_ID_SIZE];
    char expected[200];
    lambda_request_id_format(request_id, id);
    /* At WARN neither the platform's own lines nor INFO are there. */
    snprintf(expected, sizeof(expected), "2026-01-01T00:00:00.042Z\t%s\tWARN\tseen 1\nSTART\n", id);
    assert_string_equal(text, expected);
    close(file);
    remove(path);
}

static int loads;

static lambda_status host_load(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    (void)user;
    if (request->code->data_length == 0)
        return lambda_runtime_fail(request->lambda, LAMBDA_ERROR_INVALID_CODE, "code.data: is empty");
    loads++;
    handler->handler = test_echo;
    return LAMBDA_OK;
}

static void host_unload(void *user, lambda_runtime_handler *handler)
{
    (void)user;
    (void)handler;
    loads--;
}

static lambda_status host_load_nothing(void *user, const lambda_runtime_request *request,
                                       lambda_runtime_handler *handler)
{
    (void)user;
    (void)request;
    (void)handler;
    return LAMBDA_OK;
}

static void a_host_adds_drivers(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    char name[] = "script-1.0";
    lambda_runtime_driver driver = {.name = name, .load = host_load, .unload = host_unload};
    lambda_code code = {.runtime = "script-1.0", .data = "x", .data_length = 1};
    lambda_function_config config = {.function_name = "f", .code = code};
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_RUNTIME, "script-1.0");
    assert_ok(lambda, lambda_runtime_register(lambda, &driver));
    name[0] = 'x';
    assert_ok(lambda, lambda_function_create(lambda, &config));
    assert_int_equal(loads, 1);
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("[1]"), &result));
    test_assert_payload(&result, "[1]");
    config = (lambda_function_config){.function_name = "g", .code = {.runtime = "script-1.0"}};
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "code.data");
    driver.name = "script-1.0";
    assert_fails(lambda, lambda_runtime_register(lambda, &driver), LAMBDA_ERROR_RESOURCE_CONFLICT, "script-1.0");
    driver.name = "native";
    assert_fails(lambda, lambda_runtime_register(lambda, &driver), LAMBDA_ERROR_RESOURCE_CONFLICT, "native");
    driver.name = "with space";
    assert_fails(lambda, lambda_runtime_register(lambda, &driver), invalid, "with space");
    driver.name = NULL;
    assert_fails(lambda, lambda_runtime_register(lambda, &driver), invalid, "name");
    driver = (lambda_runtime_driver){.name = "empty"};
    assert_fails(lambda, lambda_runtime_register(lambda, &driver), invalid, "load");
    assert_fails(lambda, lambda_runtime_register(lambda, NULL), invalid, "driver");
    assert_fails(NULL, lambda_runtime_register(NULL, &driver), invalid, "lambda");
    driver.load = host_load_nothing;
    assert_ok(lambda, lambda_runtime_register(lambda, &driver));
    config.code = (lambda_code){.runtime = "empty"};
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_SERVICE, "no handler");
    config.code = lambda_code_native(NULL, NULL);
    assert_fails(lambda, lambda_function_create(lambda, &config), invalid, "callback");
    assert_fails(NULL, lambda_statistics_get(NULL, NULL), invalid, "lambda");
    assert_fails(lambda, lambda_statistics_get(lambda, NULL), invalid, "statistics");
    lambda_result_clear(&result);
    lambda_close(lambda);
    assert_int_equal(loads, 0);
}

static lambda_status asks_for_texts(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    const char *path = NULL;
    lambda_status status = lambda_context_temporary_directory(context, &path);
    if (status != LAMBDA_OK) return status;
    return lambda_response_pack(response, "[s,s,s]", lambda_context_invoked_function_arn(context),
                                lambda_context_log_group_name(context), lambda_context_log_stream_name(context));
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 100);
        test_memory memory = {0};
        lambda_t *lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
        lambda_runtime_driver driver = {.name = "host", .load = host_load, .unload = host_unload};
        lambda_result result = {0};
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_status status = lambda_runtime_register(lambda, &driver);
        lambda_function_config config = {.function_name = "f", .code = lambda_code_native(asks_for_texts, NULL)};
        if (status == LAMBDA_OK) status = lambda_function_create(lambda, &config);
        if (status == LAMBDA_OK) status = lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result);
        succeeded = memory.requests < nth;
        memory.fail_at = 0;
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        if (succeeded) assert_null(result.function_error);
        /* What could not be registered or created is not half there. */
        lambda_status again = lambda_runtime_register(lambda, &driver);
        assert_true(again == LAMBDA_OK || again == LAMBDA_ERROR_RESOURCE_CONFLICT);
        lambda_result_clear(&result);
        lambda_close(lambda);
        assert_int_equal(memory.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked),   cmocka_unit_test(services_share_nothing),
        cmocka_unit_test(log_lines_are_lambdas), cmocka_unit_test(standard_error_shows_lines),
        cmocka_unit_test(a_host_adds_drivers),   cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
