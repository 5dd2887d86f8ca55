/*
 * What processes do wrong, and what comes of it: Lambda's error types and messages, and a fresh environment for the next invocation. As its users see them:
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
 */
#include "process_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static process_world world;

static int open_world(void **state)
{
    (void)state;
    process_world_open(&world, NULL);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    process_world_close(&world);
    return 0;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/** The environment is new: it has seen one event. */
static void assert_fresh(const char *name)
{
    process_world_say(&world, name, "count");
    process_world_answered(&world, "1");
    assert_true(world.result.cold_start);
}

/** It is the one of before. */
static void assert_same(const char *name)
{
    process_world_say(&world, name, "hello");
    process_world_answered(&world, "\"hello\"");
    assert_false(world.result.cold_start);
}

/** An invocation that fails so, with the request's id in the message, and a fresh environment afterwards. */
static void assert_ends(const char *verb, const char *type, const char *words)
{
    char message[256], id[LAMBDA_REQUEST_ID_SIZE];
    process_world_say(&world, "f", verb);
    lambda_request_id_format(world.result.request_id, id);
    snprintf(message, sizeof(message), "RequestId: %s Error: %s", id, words);
    process_world_failed(&world, type, message);
    assert_string_equal(world.result.function_error, "Unhandled");
    assert_fresh("f");
}

static void test_dies(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 5000);
    assert_fresh("f");
    assert_ends("exit 1", "Runtime.ExitError", "Runtime exited with error: exit status 1");
    assert_ends("exit 0", "Runtime.ExitError", "Runtime exited without providing a reason");
    assert_ends("signal 9", "Runtime.ExitError", "Runtime exited with error: signal: killed");
    assert_ends("signal 11", "Runtime.ExitError", "Runtime exited with error: signal: segmentation fault");
    assert_ends("half-head-exit", "Runtime.ExitError", "Runtime exited with error: exit status 3");
    assert_ends("half-body-exit", "Runtime.ExitError", "Runtime exited with error: exit status 4");
    /* Who has answered has answered. */
    process_world_say(&world, "f", "answer-exit");
    process_world_answered(&world, "\"last words\"");
    assert_fresh("f");
}

/** What a reader has got of a response. */
typedef struct reader {
    size_t got;
    bool late; /* it takes no more than the first part before the process is dead */
} reader;

static lambda_status part_comes(void *user, const void *data, size_t length)
{
    reader *own = user;
    for (size_t i = 0; i < length; i++)
        assert_int_equal(((const char *)data)[i], 'x');
    if (own->late && own->got == 0) process_world_wait_ended(&world);
    own->got += length;
    return LAMBDA_OK;
}

/** All that it had sent before is read, however much stands in the socket, and then it is an error. */
static void test_dies_in_stream(void **state)
{
    (void)state;
    static const struct {
        const char *verb;
        size_t kilobytes;
        const char *words;
        bool late;
    } ways[] = {{"stream-then 0 exit 1", 0, "exit status 1", false},
                {"stream-then 3 exit 1", 3, "exit status 1", false},
                {"stream-then 3 exit 0", 3, "without providing a reason", false},
                {"stream-then 3 signal 9", 3, "signal: killed", false},
                {"stream-then 3 signal 11", 3, "signal: segmentation fault", false},
                {"stream-then 8000 exit 1", 8000, "exit status 1", false},
                {"stream-then 8000 signal 9", 8000, "signal: killed", false},
                {"stream-then 1500 exit 1", 1500, "exit status 1", true},
                {"stream-then 1500 signal 9", 1500, "signal: killed", true}};
    process_world_create_misbehave(&world, "f", NULL, 10000);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        char event[64];
        reader own = {.late = ways[i].late};
        const lambda_response_stream stream = {.write = part_comes, .user = &own};
        int length = snprintf(event, sizeof(event), "\"%s\"", ways[i].verb);
        assert_ok(world.lambda, lambda_invoke_with(world.lambda, "f", lambda_bytes_make(event, (size_t)length),
                                                   &(lambda_invoke_options){.stream = &stream}, &world.result));
        process_world_failed(&world, "Runtime.ExitError", ways[i].words);
        if (own.got != ways[i].kilobytes * 1024) fail_msg("%s: %zu bytes came", ways[i].verb, own.got);
        assert_fresh("f");
    }
}

static void test_protocol(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 5000);
    process_world_say(&world, "f", "twice");
    process_world_answered(&world, "\"first\"");
    assert_same("f");
    assert_int_equal(lambda_test_log_count(world.log, "second 4"), 1);
    process_world_say(&world, "f", "other");
    process_world_answered(&world, "\"mine\"");
    assert_int_equal(lambda_test_log_count(world.log, "other 400"), 1);
    assert_same("f");
    process_world_say(&world, "f", "half-head");
    process_world_answered(&world, "\"whole\"");
    assert_same("f");
    process_world_say(&world, "f", "half-body");
    process_world_failed(&world, "Runtime.TruncatedResponse", "");
    assert_fresh("f");
    process_world_say(&world, "f", "binary");
    assert_null(world.result.function_error);
    assert_int_equal(world.result.payload.length, 4);
    assert_memory_equal(world.result.payload.data, "\xff\xfe\0\x80", 4);
    process_world_say(&world, "f", "error Mine.Type");
    process_world_failed(&world, "Mine", "mine");
    test_assert_payload(&world.result, "{\"errorMessage\":\"mine\",\"errorType\":\"Mine\",\"stackTrace\":[\"here\"]}");
    assert_same("f");
}

/** Errors that are no JSON, as what an invocation gives, a stream, and the init phase. */
static void test_wrong_errors(void **state)
{
    (void)state;
    static const char *const mended[] = {
        "{\"errorMessage\":\"caf\xef\xbf\xbd\",\"errorType\":\"Mine\"}",
        "{\"errorType\":\"Mine\",\"errorMessage\":\"no \\\"JSON\\\" \xef\xbf\xbd\\u0000\"}",
    };
    static const char *const before[] = {"error-wrong 0", "error-wrong 1"};
    process_world_create_misbehave(&world, "f", NULL, 5000);
    for (size_t i = 0; i < 2; i++) {
        process_world_say(&world, "f", before[i]);
        assert_string_equal(world.result.function_error, "Unhandled");
        test_assert_payload(&world.result, mended[i]);
        process_world_say(&world, "f", i ? "stream-wrong 1" : "stream-wrong 0");
        assert_string_equal(world.result.function_error, "Unhandled");
        test_assert_payload(&world.result, mended[i]);
        process_world_create_misbehave(&world, "init", before[i], 5000);
        process_world_say(&world, "init", "x");
        assert_string_equal(world.result.function_error, "Unhandled");
        test_assert_payload(&world.result, mended[i]);
        assert_ok(world.lambda, lambda_function_delete(world.lambda, "init"));
    }
    /* With each byte three of U+FFFD it is more than a payload may have: its message is cut. */
    process_world_say(&world, "f", "error-large");
    process_world_failed(&world, "Mine", "\xef\xbf\xbd\xef\xbf\xbd");
    assert_true(world.result.payload.length > 65536);
    assert_same("f");
}

static void test_large(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 10000);
    process_world_say(&world, "f", "large");
    process_world_failed(&world, "Function.ResponseSizeTooLarge",
                         "Response payload size exceeded maximum allowed payload size (6291456 bytes).");
    assert_same("f");
    assert_int_equal(lambda_test_log_count(world.log, "large 413"), 1);
}

static void test_timeout(void **state)
{
    (void)state;
    static const char *const verbs[] = {"never", "stubborn", "signal 19"};
    process_world_create_misbehave(&world, "f", NULL, 500);
    assert_fresh("f");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        uint64_t began = now_ms();
        process_world_say(&world, "f", verbs[i]);
        uint64_t took = now_ms() - began;
        process_world_failed(&world, "Sandbox.Timedout", "Error: Task timed out after 0.50 seconds");
        assert_true(took >= 500);
        if (took > 1000) fail_msg("%s took %u ms", verbs[i], (unsigned)took);
        assert_int_equal(process_world_processes(&world), 0);
        assert_fresh("f");
    }
}

static void test_init(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *words;
    } ways[] = {{"exit 7", "Error: Runtime exited with error: exit status 7"},
                {"exit 0", "Error: Runtime exited without providing a reason"},
                {"signal 9", "Error: Runtime exited with error: signal: killed"},
                {"signal 11", "Error: Runtime exited with error: signal: segmentation fault"}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        lambda_test_log_clear(world.log);
        process_world_create_misbehave(&world, "dies", ways[i].before, 3000);
        process_world_say(&world, "dies", "x");
        process_world_failed(&world, "Runtime.ExitError", ways[i].words);
        /* It is tried twice, as Lambda does. */
        assert_int_equal(lambda_test_log_count(world.log, "INIT_REPORT"), 2);
        assert_int_equal(process_world_processes(&world), 0);
        assert_ok(world.lambda, lambda_function_delete(world.lambda, "dies"));
    }
    process_world_create_misbehave(&world, "reports", "error", 3000);
    process_world_say(&world, "reports", "x");
    test_assert_payload(&world.result, "{\"errorMessage\":\"no init\",\"errorType\":\"Mine.Init\"}");
    assert_int_equal(process_world_processes(&world), 0);
    /* What is no program. */
    process_world_create(&world, "garbage", process_world_file(&world, "garbage", "bootstrap", "\x7f\x45not", true),
                         NULL, NULL);
    process_world_say(&world, "garbage", "x");
    process_world_failed(&world, "Runtime.InvalidEntrypoint", "exec format error");
}

static lambda_status read_nothing(void *user, const void *data, size_t length)
{
    (void)user;
    (void)data;
    (void)length;
    return LAMBDA_ERROR_SERVICE;
}

/** A reader that leaves costs nobody an environment, and hides nothing of how the function ends. */
static void test_reader_leaves(void **state)
{
    const lambda_response_stream stream = {.write = read_nothing};
    const lambda_invoke_options options = {.stream = &stream};
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 5000);
    assert_fresh("f");
    assert_ok(world.lambda, lambda_invoke_with(world.lambda, "f", LAMBDA_JSON("\"stream\""), &options, &world.result));
    assert_null(world.result.function_error);
    assert_same("f");
    assert_ok(world.lambda,
              lambda_invoke_with(world.lambda, "f", LAMBDA_JSON("\"stream fails\""), &options, &world.result));
    process_world_failed(&world, "Mine", "");
    assert_same("f");
    assert_ok(world.lambda, lambda_invoke_with(world.lambda, "f", LAMBDA_JSON("\"stream-then 1 signal 11\""), &options,
                                               &world.result));
    process_world_failed(&world, "Runtime.ExitError", "segmentation fault");
    assert_fresh("f");
}

static void test_init_too_long(void **state)
{
    (void)state;
    process_world_end_service(&world);
    process_world_begin_service(&world, &(lambda_options){.limits = {.init_timeout_ms = 300}});
    static const char *const before[] = {"never", "stubborn", "signal 19"};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        process_world_create_misbehave(&world, "f", before[i], 400);
        uint64_t began = now_ms();
        process_world_say(&world, "f", "x");
        uint64_t took = now_ms() - began;
        process_world_failed(&world, "Sandbox.Timedout", "Task timed out after 0.40 seconds");
        if (took < 700 || took >= 2000) fail_msg("%s took %u ms", before[i], (unsigned)took);
        assert_int_equal(process_world_processes(&world), 0);
        assert_ok(world.lambda, lambda_function_delete(world.lambda, "f"));
    }
}

static void test_children(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 3000);
    process_world_say(&world, "f", "children");
    process_world_answered(&world, "\"ten\"");
    assert_true(process_world_processes(&world) >= 11);
    assert_same("f");
    process_world_say(&world, "f", "exit 1");
    process_world_failed(&world, "Runtime.ExitError", "exit status 1");
    assert_int_equal(process_world_processes(&world), 0);
}

static void test_full(void **state)
{
    (void)state;
    lambda_process_limits limits;
    assert_ok(world.lambda, lambda_process_limits_get(world.process, &limits));
    if (limits.storage != LAMBDA_PROCESS_FILESYSTEM) skip();
    process_world_create(&world, "f", process_world_misbehave(&world, "misbehave"),
                         &(lambda_function_config){.timeout_ms = 20000, .memory_size = 1769}, NULL);
    process_world_say(&world, "f", "fill /tmp");
    if (!strstr(world.result.payload.data, "{\"errno\":28,\"megabytes\":51"))
        fail_msg("%s", (const char *)world.result.payload.data);
    assert_same("f");
}

/* A gigabyte in full takes the whole machine for long: it is 64 MB here unless the environment asks for more. */
static void test_lines(void **state)
{
    (void)state;
    const char *megabytes = getenv("TEST_PROCESS_LOG_MEGABYTES");
    char verb[64];
    snprintf(verb, sizeof(verb), "lines %s", megabytes ? megabytes : "64");
    process_world_create(&world, "f", process_world_misbehave(&world, "misbehave"),
                         &(lambda_function_config){.timeout_ms = 600000, .memory_size = 1769}, NULL);
    process_world_say(&world, "f", verb);
    process_world_answered(&world, "\"written\"");
    assert_same("f");
}

static void test_deaf(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 3000);
    process_world_say(&world, "f", "deaf");
    process_world_answered(&world, "\"deaf\"");
    assert_same("f");
    assert_same("f");
}

/* A tenth of a processor, from the first event on: the init phase had a whole one. */
static void test_processor_time(void **state)
{
    (void)state;
    lambda_process_limits limits;
    assert_ok(world.lambda, lambda_process_limits_get(world.process, &limits));
    if (limits.cpu == LAMBDA_PROCESS_NONE) skip();
    process_world_create(&world, "f", process_world_misbehave(&world, "misbehave"),
                         &(lambda_function_config){.timeout_ms = 20000, .memory_size = 177}, NULL);
    for (int i = 0; i < 2; i++) {
        process_world_say(&world, "f", "spin 500");
        assert_in_range(strtol(world.result.payload.data, NULL, 10), 20, 170);
    }
    assert_same("f");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    lambda_process_limits limits;
    assert_ok(world.lambda, lambda_process_limits_get(world.process, &limits));
    if (limits.memory != LAMBDA_PROCESS_CGROUP_1 && limits.memory != LAMBDA_PROCESS_CGROUP_2) skip();
    process_world_create_misbehave(&world, "f", NULL, 30000);
    assert_ends("memory", "Runtime.OutOfMemory", "Runtime exited with error: signal: killed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dies, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_dies_in_stream, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_protocol, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_wrong_errors, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_large, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_timeout, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_init, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_init_too_long, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_reader_leaves, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_children, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_full, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_lines, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_deaf, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_processor_time, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_out_of_memory, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
