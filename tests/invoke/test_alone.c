/* lambda/port/environment.h: an environment that is run by hand. What its context answers, streams that begin with a flush, failures, every allocation. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/environment.h>
#include <lambda/port/runtime.h>

/** What hooks and handler saw, and do. */
typedef struct world {
    test_clock clock;
    int inits;
    int shutdowns;
    int failing_inits;
    lambda_shutdown_reason reason;
    lambda_handler *then;
    char parts[256]; /* what a stream was handed, each part followed by "|" */
    char content_type[64];
    lambda_status reader; /* what it says to each part */
} world;

static lambda_status begin(lambda_context *context)
{
    world *seen = lambda_context_user(context);
    seen->inits++;
    assert_string_equal(lambda_context_aws_request_id(context), "");
    assert_null(lambda_context_state(context));
    lambda_context_set_state(context, seen);
    if (seen->inits <= seen->failing_inits)
        return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_SERVICE, "not yet");
    return LAMBDA_OK;
}

static void end(lambda_context *context)
{
    world *seen = lambda_context_user(context);
    seen->shutdowns++;
    seen->reason = lambda_context_shutdown_reason(context);
}

static lambda_status run(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    const world *seen = lambda_context_user(context);
    return seen->then(event, context, response);
}

static lambda_status describe(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    char text[1024];
    lambda_bytes client = lambda_context_client_context(context);
    lambda_bytes identity = lambda_context_identity(context);
    const char *directory = NULL;
    const char *none = lambda_context_environment_variable(context, "NONE");
    assert_int_equal(lambda_context_temporary_directory(context, &directory), LAMBDA_OK);
    int length = snprintf(text, sizeof(text), "%s %s %s %s %s %s %u %s %s %llu %.*s %.*s %s %s %s %s %s",
                          lambda_context_aws_request_id(context), lambda_context_invoked_function_arn(context),
                          lambda_context_function_name(context), lambda_context_function_version(context),
                          lambda_context_handler(context), lambda_context_role(context),
                          lambda_context_memory_limit_in_mb(context), lambda_context_log_group_name(context),
                          lambda_context_log_stream_name(context),
                          (unsigned long long)lambda_context_remaining_time_in_millis(context), (int)client.length,
                          (const char *)client.data, (int)identity.length, (const char *)identity.data,
                          lambda_context_trace_id(context), lambda_context_environment_variable(context, "COLOUR"),
                          none ? none : "(none)", directory, lambda_context_initialization_type(context));
    return lambda_response_write(response, text, (size_t)length);
}

static lambda_t *open_service(world *seen, lambda_allocator allocator)
{
    seen->clock.monotonic = 1000000000;
    seen->clock.wall = UINT64_C(1700000000000000000);
    seen->then = test_echo;
    lambda_t *lambda = NULL;
    (void)lambda_open(&(lambda_options){.allocator = allocator,
                                        .clock = test_clock_port(&seen->clock),
                                        .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                                        .limits = {.response_payload = 20000, .streamed_response_payload = 60000}},
                      &lambda);
    return lambda;
}

static lambda_status open_full(lambda_t *lambda, world *seen, lambda_environment **environment)
{
    const lambda_pair pairs[] = {{"SHAPE", "square"}, {"COLOUR", "red"}};
    return lambda_environment_open(lambda,
                                   &(lambda_environment_config){.handler = run,
                                                                .init = begin,
                                                                .shutdown = end,
                                                                .user = seen,
                                                                .function_name = "shapes",
                                                                .function_version = "7",
                                                                .handler_name = "shapes.area",
                                                                .role = "arn:role",
                                                                .log_group_name = "group",
                                                                .log_stream_name = "stream",
                                                                .memory_size = 256,
                                                                .temporary_directory = "/tmp",
                                                                .environment = pairs,
                                                                .environment_count = 2,
                                                                .provisioned = true},
                                   environment);
}

static void context_answers_what_it_was_told(void **state)
{
    (void)state;
    world seen = {.inits = 0};
    lambda_t *lambda = open_service(&seen, (lambda_allocator){0});
    lambda_environment *environment = NULL;
    lambda_result result = {0};
    assert_ok(lambda, open_full(lambda, &seen, &environment));
    assert_ok(lambda, lambda_environment_init(environment, &result));
    assert_null(result.function_error);
    assert_true(result.cold_start);
    seen.then = describe;
    assert_ok(lambda, lambda_environment_invoke(
                          environment, LAMBDA_JSON("{}"),
                          &(lambda_environment_invocation){.aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                                                           .invoked_function_arn = "arn:one:prod",
                                                           .remaining_ns = 2500000000,
                                                           .client_context = lambda_bytes_make("client", 6),
                                                           .identity = lambda_bytes_make("who", 3),
                                                           .trace_id = "Root=1"},
                          &result));
    test_assert_payload(&result,
                        "8476a536-e9f4-11e8-9739-2dfe598c3fcd arn:one:prod shapes 7 shapes.area arn:role 256 group "
                        "stream 2500 client who Root=1 red (none) /tmp provisioned-concurrency");
    assert_string_equal(result.executed_version, "7");
    assert_false(result.cold_start);
    /* The next invocation has nothing of it. */
    assert_ok(lambda, lambda_environment_invoke(environment, LAMBDA_JSON("{}"), NULL, &result));
    test_assert_payload(
        &result, " arn:aws:lambda:us-east-1:000000000000:function:shapes shapes 7 shapes.area arn:role 256 group "
                 "stream 0    red (none) /tmp provisioned-concurrency");
    lambda_environment_close(environment, LAMBDA_SHUTDOWN_IDLE);
    assert_int_equal(seen.shutdowns, 1);
    assert_int_equal(seen.reason, LAMBDA_SHUTDOWN_IDLE);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

/** Memory and the environment's pointer last from one invocation to the next. */
static lambda_status count(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    int *counter = lambda_context_state(context);
    if (!counter) {
        counter = lambda_context_alloc(context, sizeof(*counter));
        lambda_context_set_state(context, counter);
    }
    *counter += 1;
    if (*counter == 3) lambda_context_retire(context);
    return lambda_response_pack(response, "i", *counter);
}

static void state_lasts(void **state)
{
    (void)state;
    world seen = {.inits = 0};
    lambda_t *lambda = open_service(&seen, (lambda_allocator){0});
    lambda_environment *environment = NULL;
    lambda_result result = {0};
    assert_ok(lambda, lambda_environment_open(lambda, &(lambda_environment_config){.handler = count}, &environment));
    assert_ok(lambda, lambda_environment_init(environment, &result));
    const char *const answers[] = {"1", "2", "3"};
    for (int i = 0; i < 3; i++) {
        assert_false(lambda_environment_retired(environment));
        assert_ok(lambda, lambda_environment_invoke(environment, LAMBDA_JSON("{}"), NULL, &result));
        test_assert_payload(&result, answers[i]);
        assert_int_equal(result.max_memory_used, sizeof(int));
    }
    assert_true(lambda_environment_retired(environment));
    assert_false(lambda_environment_retired(NULL));
    lambda_environment_close(environment, LAMBDA_SHUTDOWN_FAILURE);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

static void init_may_fail_and_be_run_again(void **state)
{
    (void)state;
    world seen = {.failing_inits = 1};
    lambda_t *lambda = open_service(&seen, (lambda_allocator){0});
    lambda_environment *environment = NULL;
    lambda_result result = {0};
    assert_ok(lambda, open_full(lambda, &seen, &environment));
    assert_fails(lambda, lambda_environment_invoke(environment, LAMBDA_JSON("{}"), NULL, &result),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "environment: has not been initialised");
    assert_ok(lambda, lambda_environment_init(environment, &result));
    assert_string_equal(result.function_error, "Unhandled");
    test_assert_payload(&result,
                        "{\"errorMessage\":\"not yet\",\"errorType\":\"Runtime.InitError\",\"stackTrace\":[]}");
    assert_ok(lambda, lambda_environment_init(environment, &result));
    assert_null(result.function_error);
    assert_fails(lambda, lambda_environment_init(environment, &result), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "initialised before");
    assert_ok(lambda, lambda_environment_invoke(environment, LAMBDA_JSON("[1]"), NULL, &result));
    test_assert_payload(&result, "[1]");
    lambda_environment_close(environment, LAMBDA_SHUTDOWN_CLOSE);
    /* One whose init failed has no shutdown. */
    seen = (world){.failing_inits = 1, .then = test_echo};
    assert_ok(lambda, open_full(lambda, &seen, &environment));
    assert_ok(lambda, lambda_environment_init(environment, &result));
    lambda_environment_close(environment, LAMBDA_SHUTDOWN_CLOSE);
    assert_int_equal(seen.shutdowns, 0);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

/* ---- streams */

static lambda_status take_begin(void *user, const char *content_type)
{
    world *seen = user;
    snprintf(seen->content_type, sizeof(seen->content_type), "%s", content_type);
    return LAMBDA_OK;
}

static lambda_status take(void *user, const void *data, size_t length)
{
    world *seen = user;
    size_t at = strlen(seen->parts);
    if (length < 40)
        snprintf(seen->parts + at, sizeof(seen->parts) - at, "%.*s|", (int)length, (const char *)data);
    else
        snprintf(seen->parts + at, sizeof(seen->parts) - at, "%zu bytes|", length);
    return seen->reader;
}

/** What the event says: w writes "w", W writes 5,000 bytes, f flushes, e is an error, p packs "p", t names a type. */
static lambda_status play(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)context;
    static const char many[5000] = "W";
    lambda_bytes steps = lambda_event_payload(event);
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < steps.length && status == LAMBDA_OK; i++) {
        switch (((const char *)steps.data)[i]) {
        case 'w':
            status = lambda_response_write(response, "w", 1);
            break;
        case 'W':
            status = lambda_response_write(response, many, sizeof(many));
            break;
        case 'f':
            status = lambda_response_flush(response);
            break;
        case 'e':
            status = lambda_response_error(response, "Broken", "here");
            break;
        case 'p':
            status = lambda_response_pack(response, "s", "p");
            break;
        case 't':
            status = lambda_response_content_type(response, "text/plain");
            break;
        default:
            fail_msg("no such step");
        }
    }
    return status;
}

typedef struct script {
    const char *steps;
    const char *parts;   /* what the stream got */
    const char *payload; /* what the result has; NULL: not looked at */
    const char *error;   /* is in the payload; NULL: no error */
    const char *content_type;
} script;

static const script scripts[] = {
    {"ww", "", "ww", NULL, ""},
    {"WWW", "", NULL, NULL, ""},
    {"wp", "", "\"p\"", NULL, ""},
    {"we", "", NULL, "Broken", ""},
    {"WWWWW", "", NULL, "Function.ResponseSizeTooLarge", ""},
    {"wfww", "w|ww|", "", NULL, "application/octet-stream"},
    {"tfww", "ww|", "", NULL, "text/plain"},
    {"f", "", "", NULL, "application/octet-stream"},
    {"fe", "", NULL, "Broken", ""},
    {"wfwe", "w|w|", NULL, "Broken", "application/octet-stream"},
    {"wfp", "w|", NULL, "InvalidParameterValueException", "application/octet-stream"},
    {"WWfWW", "10000 bytes|5000 bytes|5000 bytes|", "", NULL, "application/octet-stream"},
    {"fWWWWWWWWWWWWW", NULL, NULL, "Function.ResponseSizeTooLarge", "application/octet-stream"},
};

static void streams_begin_with_a_flush(void **state)
{
    (void)state;
    world seen = {.inits = 0};
    lambda_t *lambda = open_service(&seen, (lambda_allocator){0});
    lambda_environment *environment = NULL;
    lambda_result result = {0};
    const lambda_response_stream stream = {.begin = take_begin, .write = take, .user = &seen};
    assert_ok(lambda, lambda_environment_open(lambda, &(lambda_environment_config){.handler = play}, &environment));
    assert_ok(lambda, lambda_environment_init(environment, &result));
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        const script *each = &scripts[i];
        print_message("%s\n", each->steps);
        seen.parts[0] = seen.content_type[0] = '\0';
        assert_ok(lambda, lambda_environment_invoke(environment, lambda_bytes_make(each->steps, strlen(each->steps)),
                                                    &(lambda_environment_invocation){.stream = &stream}, &result));
        if (each->parts) assert_string_equal(seen.parts, each->parts);
        if (each->payload) test_assert_payload(&result, each->payload);
        assert_string_equal(seen.content_type, each->content_type);
        assert_int_equal(result.function_error != NULL, each->error != NULL);
        if (each->error) assert_non_null(strstr(result.payload.data, each->error));
    }
    /* A reader that wants no more of it fails the handler that says so. */
    seen.reader = LAMBDA_ERROR_SERVICE;
    assert_ok(lambda, lambda_environment_invoke(environment, lambda_bytes_make("wfw", 3),
                                                &(lambda_environment_invocation){.stream = &stream}, &result));
    assert_non_null(strstr(result.payload.data, "ServiceException"));
    /* Without a reader a flush is nothing. */
    assert_ok(lambda, lambda_environment_invoke(environment, lambda_bytes_make("wfwfp", 5), NULL, &result));
    assert_non_null(result.payload.data);
    lambda_environment_close(environment, LAMBDA_SHUTDOWN_CLOSE);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

/* ---- what is wrong */

static void refuses(void **state)
{
    (void)state;
    world seen = {.inits = 0};
    lambda_t *lambda = open_service(&seen, (lambda_allocator){0});
    lambda_environment *environment = NULL;
    lambda_result result = {0};
    char name[66];
    memset(name, 'n', 65);
    name[65] = '\0';
    const lambda_pair broken = {"NAME", NULL};
    const struct {
        lambda_environment_config config;
        const char *message;
    } wrong[] = {
        {{.handler = NULL}, "handler: is NULL"},
        {{.handler = run, .function_name = name}, "function_name: is longer than 64 characters"},
        {{.handler = run, .function_version = name}, "function_version: is longer than 23 characters"},
        {{.handler = run, .environment_count = 1}, "environment: is NULL with a count of 1"},
        {{.handler = run, .environment = &broken, .environment_count = 1},
         "environment: the name or value of variable 0"},
        {{.handler = run, .log_format = (lambda_log_format)9}, "log_format: 9 is none"},
        {{.handler = run, .log_level = (lambda_log_level)9}, "log_level: 9 is none"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_fails(lambda, lambda_environment_open(lambda, &wrong[i].config, &environment),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE, wrong[i].message);
    assert_fails(lambda, lambda_environment_open(lambda, NULL, &environment), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "config: is NULL");
    assert_fails(lambda, lambda_environment_open(lambda, &wrong[0].config, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "environment: is NULL");
    assert_fails(NULL, lambda_environment_open(NULL, NULL, &environment), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "lambda: is NULL");
    assert_fails(NULL, lambda_environment_init(NULL, &result), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "environment: is NULL");
    lambda_environment_close(NULL, LAMBDA_SHUTDOWN_NONE);
    assert_ok(lambda,
              lambda_environment_open(lambda, &(lambda_environment_config){.handler = test_echo}, &environment));
    assert_fails(lambda, lambda_environment_init(environment, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "result: is NULL");
    assert_ok(lambda, lambda_environment_init(environment, &result));
    char arn[400];
    memset(arn, 'a', sizeof(arn));
    arn[sizeof(arn) - 1] = '\0';
    assert_fails(lambda,
                 lambda_environment_invoke(environment, LAMBDA_JSON("{}"),
                                           &(lambda_environment_invocation){.invoked_function_arn = arn}, &result),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "invoked_function_arn: is longer than");
    assert_fails(lambda, lambda_environment_invoke(environment, lambda_bytes_make(NULL, 3), NULL, &result),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "payload: is NULL");
    assert_fails(lambda, lambda_environment_invoke(environment, lambda_bytes_make("", 7000000), NULL, &result),
                 LAMBDA_ERROR_REQUEST_TOO_LARGE, "payload: 7000000 bytes");
    const lambda_response_stream nobody = {0};
    assert_fails(lambda,
                 lambda_environment_invoke(environment, LAMBDA_JSON("{}"),
                                           &(lambda_environment_invocation){.stream = &nobody}, &result),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "stream.write: is NULL");
    lambda_environment_close(environment, LAMBDA_SHUTDOWN_CLOSE);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

/** All of it once; true if it went well. */
static bool attempt(test_memory *memory)
{
    world seen = {.inits = 0};
    lambda_t *lambda = open_service(&seen, test_allocator(memory));
    if (!lambda) return false;
    lambda_environment *environment = NULL;
    lambda_result result = {0};
    seen.then = describe;
    lambda_status status = open_full(lambda, &seen, &environment);
    bool well = status == LAMBDA_OK && lambda_environment_init(environment, &result) == LAMBDA_OK &&
                lambda_environment_invoke(environment, LAMBDA_JSON("{}"), NULL, &result) == LAMBDA_OK &&
                !result.function_error;
    if (status != LAMBDA_OK) {
        assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_null(environment);
    }
    lambda_environment_close(environment, LAMBDA_SHUTDOWN_CLOSE);
    lambda_result_clear(&result);
    lambda_close(lambda);
    return well;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool well = false;
    for (long nth = 1; !well && nth < 200; nth++) {
        test_memory memory = {.fail_at = nth};
        well = attempt(&memory);
        assert_int_equal(memory.live, 0);
    }
    assert_true(well);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_answers_what_it_was_told),
        cmocka_unit_test(state_lasts),
        cmocka_unit_test(init_may_fail_and_be_run_again),
        cmocka_unit_test(streams_begin_with_a_flush),
        cmocka_unit_test(refuses),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
