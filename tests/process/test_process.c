/*
 * Functions in processes, end to end: a bootstrap in bash with curl, as in Lambda's own tutorial
 * (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html), what is refused when a function is created, variables, log and streams.
 */
#include "process_world.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sandboxes.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

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

static const char in_bash[] =
    "#!/bin/bash\n"
    "set -euo pipefail\n"
    "api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation\n"
    "count=0\n"
    "while true; do\n"
    "  event=$(curl -sS -D /tmp/head \"$api/next\")\n"
    "  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id /tmp/head | tr -d '[:space:]' | cut -d: -f2)\n"
    "  count=$((count + 1))\n"
    "  echo \"event $count\"\n"
    "  curl -sS -X POST \"$api/$id/response\" -d \"{\\\"count\\\":$count,\\\"event\\\":$event}\" >/dev/null\n"
    "done\n";

static void test_bash(void **state)
{
    (void)state;
    process_world_create(&world, "bash", process_world_file(&world, "bash", "bootstrap", in_bash, true),
                         &(lambda_function_config){.memory_size = 1769}, NULL);
    process_world_say(&world, "bash", "one");
    process_world_answered(&world, "{\"count\":1,\"event\":\"one\"}");
    assert_true(world.result.cold_start);
    assert_true(world.result.init_duration_ns > 0);
    process_world_say(&world, "bash", "two");
    process_world_answered(&world, "{\"count\":2,\"event\":\"two\"}");
    assert_false(world.result.cold_start);
    assert_true(world.result.max_memory_used > 100 * 1024 && world.result.max_memory_used < 512 * 1024 * 1024);
    assert_int_equal(lambda_test_log_count(world.log, "event 1"), 1);
    assert_int_equal(lambda_test_log_count(world.log, "event 2"), 1);
    assert_true(process_world_processes(&world) > 0);
}

static void test_variables(void **state)
{
    (void)state;
    const lambda_pair own[] = {{"TABLE", "orders"}, {NULL, NULL}};
    process_world_create(&world, "variables", process_world_misbehave(&world, "misbehave"),
                         &(lambda_function_config){.memory_size = 256, .handler = "what.ever"}, own);
    process_world_say(&world, "variables", "variables");
    assert_null(world.result.function_error);
    const char *text = world.result.payload.data;
    static const char *const expected[] = {"_HANDLER=what.ever\n",
                                           "AWS_REGION=us-east-1\n",
                                           "AWS_LAMBDA_FUNCTION_NAME=variables\n",
                                           "AWS_LAMBDA_FUNCTION_VERSION=$LATEST\n",
                                           "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256\n",
                                           "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand\n",
                                           "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/variables\n",
                                           "TZ=:UTC\n",
                                           "TABLE=orders\n"};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (!strstr(text, expected[i])) fail_msg("%s is not in\n%s", expected[i], text);
    /* Nothing of this process's own. */
    assert_null(strstr(text, "TEST_PROCESS_MISBEHAVE"));
    lambda_process_limits limits;
    assert_ok(world.lambda, lambda_process_limits_get(world.process, &limits));
    bool own_paths = limits.paths == LAMBDA_PROCESS_NAMESPACE;
    assert_int_equal(strstr(text, "LAMBDA_TASK_ROOT=/var/task\n") != NULL, own_paths);
    assert_int_equal(strstr(text, "TMPDIR=") == NULL, own_paths);
}

static void test_refused(void **state)
{
    (void)state;
    lambda_t *lambda = world.lambda;
    const char *empty = process_world_file(&world, "empty", "readme", "nothing", false);
    lambda_function_config config = {.function_name = "refused", .code = lambda_code_package("provided.al2023", empty)};
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "bootstrap");
    config.code.path = process_world_file(&world, "plain", "bootstrap", "#!/bin/sh\n", false);
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "executable");
    config.code.path = "/nowhere/at/all";
    assert_int_not_equal(lambda_function_create(lambda, &config), LAMBDA_OK);
    static const char *const names[] = {"java21", "dotnet8", "ruby3.3", "go1.x", "provided", "python2.7"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        config.code = lambda_code_package(names[i], process_world_file(&world, "empty", "readme", "nothing", false));
        assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_RUNTIME, names[i]);
        assert_non_null(strstr(lambda_error_message(lambda), " use "));
    }
    config.code.runtime = "nodejs20.x";
    config.handler = "index";
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "handler");
    config.code.runtime = "shared-object";
    config.isolation = LAMBDA_ISOLATION_PROCESS;
    config.handler = "readme.nothing";
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "readme.so");
}

static void test_interpreter_missing(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    const lambda_process_options options = {.packages = world.packages,
                                            .directory = world.environments,
                                            .node = "/nowhere/node",
                                            .python = "no-such-python"};
    assert_ok(lambda, lambda_process_open(lambda, &options, NULL));
    lambda_function_config config = {.function_name = "missing", .handler = "index.handler"};
    config.code = lambda_code_package("nodejs20.x", process_world_file(&world, "node", "index.js", "", false));
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_RUNTIME, "/nowhere/node");
    config.code.runtime = "python3.12";
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_RUNTIME, "no-such-python");
    lambda_close(lambda);
}

static void test_options(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    lambda_process *process = (lambda_process *)&lambda;
    lambda_process_options options = {0};
    assert_fails(NULL, lambda_process_open(NULL, &options, &process), INVALID, "lambda");
    assert_null(process);
    assert_fails(lambda, lambda_process_open(lambda, NULL, NULL), INVALID, "options");
    assert_fails(lambda, lambda_process_open(lambda, &options, NULL), INVALID, "options.packages");
    options.packages = world.packages;
    options.directory = "relative";
    assert_fails(lambda, lambda_process_open(lambda, &options, NULL), INVALID, "options.directory");
    options.directory = world.environments;
    options.node = "";
    assert_fails(lambda, lambda_process_open(lambda, &options, NULL), INVALID, "options.node");
    options.node = NULL;
    assert_ok(lambda, lambda_process_open(lambda, &options, &process));
    assert_fails(lambda, lambda_process_open(lambda, &options, NULL), LAMBDA_ERROR_RESOURCE_CONFLICT,
                 "provided.al2023");
    lambda_process_limits limits = {0};
    assert_ok(lambda, lambda_process_limits_get(process, &limits));
    assert_fails(NULL, lambda_process_limits_get(NULL, &limits), INVALID, "process");
    assert_fails(lambda, lambda_process_limits_get(process, NULL), INVALID, "limits");
    /* Whatever this machine can do, something holds the tree of processes together. */
    assert_int_not_equal(limits.tree, LAMBDA_PROCESS_NONE);
    lambda_close(lambda);
}

/* A machine without cgroups cannot give processor time in proportion: refused when a function is created, unless the host allows for that. */
static void test_best_effort(void **state)
{
    (void)state;
    lambda__sandboxes_without = LAMBDA__WITHOUT_CGROUP_1 | LAMBDA__WITHOUT_CGROUP_2;
    for (int allowed = 0; allowed < 2; allowed++) {
        lambda_test_log *log = lambda_test_log_new();
        assert_non_null(log);
        lambda_t *lambda = test_open(&(lambda_options){.log = {lambda_test_log_sink(log)}});
        const lambda_process_options options = {
            .packages = world.packages, .directory = world.environments, .best_effort = allowed};
        lambda_process *process;
        assert_ok(lambda, lambda_process_open(lambda, &options, &process));
        lambda_process_limits limits;
        assert_ok(lambda, lambda_process_limits_get(process, &limits));
        assert_int_equal(limits.cpu, LAMBDA_PROCESS_NONE);
        assert_string_not_equal(limits.reason, "");
        const lambda_function_config config = {
            .function_name = "f",
            .timeout_ms = 10000,
            .code = lambda_code_package("provided.al2023", process_world_misbehave(&world, "misbehave"))};
        if (!allowed) {
            assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_SERVICE, "processor time");
        } else {
            assert_ok(lambda, lambda_function_create(lambda, &config));
            assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("\"hello\""), &world.result));
            process_world_answered(&world, "\"hello\"");
            assert_int_equal(lambda_test_log_count(log, "not enforced on this machine: cpu"), 1);
            lambda_result_clear(&world.result);
        }
        lambda_close(lambda);
        lambda_test_log_free(log);
    }
    lambda__sandboxes_without = 0;
}

static void test_mechanisms(void **state)
{
    (void)state;
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_NONE), "none");
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_CGROUP_2), "cgroup v2");
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_CGROUP_1), "cgroup v1");
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_RLIMIT), "rlimit");
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_NAMESPACE), "namespace");
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_FILESYSTEM), "file system");
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_SIGNAL), "signal");
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_WATCH), "watch");
    assert_string_equal(lambda_process_mechanism_name(LAMBDA_PROCESS_USER), "user");
    assert_string_equal(lambda_process_mechanism_name((lambda_process_mechanism)99), "unknown");
}

/* Lines as they were written: no level, no id; one that was not ended ends with the invocation. */
static void test_log(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "say", NULL, 3000);
    process_world_say(&world, "say", "say hello");
    process_world_answered(&world, "\"said\"");
    const char *text = lambda_test_log_text(world.log);
    const char *end = strstr(text, "END RequestId");
    assert_non_null(end);
    const char *unfinished = strstr(text, "hello unfinished");
    assert_true(unfinished && unfinished < end);
    assert_int_equal(lambda_test_log_count(world.log, "hello"), 2);
}

static void wait_until_frozen(void)
{
    /* What it does not do cannot be waited for: so its own processor time is looked at until it has stood still for as long as it rests before it is frozen, many times over. */
    uint64_t before = UINT64_MAX, now = process_world_processor_time(&world);
    for (int rounds = 0; rounds < 200 && now != before; rounds++) {
        const struct timespec moment = {.tv_nsec = 100000000};
        before = now;
        nanosleep(&moment, NULL);
        now = process_world_processor_time(&world);
    }
    assert_int_equal(now, before);
}

static void test_frozen(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 10000);
    process_world_say(&world, "f", "tick");
    process_world_answered(&world, "\"ticking\"");
    wait_until_frozen();
    process_world_say(&world, "f", "ticks");
    assert_null(world.result.function_error);
    assert_false(world.result.cold_start);
}

typedef struct parts {
    char text[256];
    char content_type[64];
    size_t count;
} parts;

static lambda_status part_begins(void *user, const char *content_type)
{
    parts *all = user;
    snprintf(all->content_type, sizeof(all->content_type), "%s", content_type);
    return LAMBDA_OK;
}

static lambda_status part_comes(void *user, const void *data, size_t length)
{
    parts *all = user;
    all->count++;
    strncat(all->text, data, length);
    return LAMBDA_OK;
}

static void test_stream(void **state)
{
    (void)state;
    parts all = {{0}, {0}, 0};
    const lambda_response_stream stream = {.begin = part_begins, .write = part_comes, .user = &all};
    const lambda_invoke_options options = {.stream = &stream};
    process_world_create_misbehave(&world, "stream", NULL, 3000);
    assert_ok(world.lambda,
              lambda_invoke_with(world.lambda, "stream", LAMBDA_JSON("\"stream\""), &options, &world.result));
    assert_null(world.result.function_error);
    assert_string_equal(all.text, "firstsecond");
    assert_string_equal(all.content_type, "text/plain");
    /* An error in the middle is seen, with what came before it. */
    memset(&all, 0, sizeof(all));
    assert_ok(world.lambda,
              lambda_invoke_with(world.lambda, "stream", LAMBDA_JSON("\"stream fails\""), &options, &world.result));
    assert_string_equal(all.text, "first");
    process_world_failed(&world, "Mine", "");
    /* Without a reader it is a payload. */
    process_world_say(&world, "stream", "stream");
    process_world_answered(&world, "firstsecond");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bash, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_variables, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_refused, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_interpreter_missing, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_options, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_best_effort, open_world, close_world),
        cmocka_unit_test(test_mechanisms),
        cmocka_unit_test_setup_teardown(test_log, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_frozen, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_stream, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
