/*
 * The life of functions in processes: layers and extensions, provisioned concurrency, updates and deletion while they run, asynchronous events, the end of the service, stores, and many
 * environments at once.
 */
#include "process_world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef TEST_SQLITE
#include <lambda/sqlite.h>
#endif

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

static void program_path(char path[512], const char *file)
{
    const char *programs = getenv("TEST_PROCESS_PROGRAMS");
    assert_non_null(programs);
    snprintf(path, 512, "%s/%s", programs, file);
}

/** A published layer of a directory of the world. The ARN is to be freed. */
static char *publish(const char *name, const char *directory)
{
    lambda_layer_version *version = NULL;
    assert_ok(NULL, lambda_layer_publish(world.packages, &(lambda_layer_config){.layer_name = name, .path = directory},
                                         &version));
    char *arn = strdup(version->layer_version_arn);
    lambda_layer_version_free(version);
    assert_non_null(arn);
    return arn;
}

/* ---- layers and extensions */

/** A function with the extension of programs/extension.sh, which fails as it is told. */
static void create_extended(const char *name, const char *failure)
{
    char path[512];
    const lambda_pair variables[] = {{failure ? "EXTENSION_FAIL" : NULL, failure}, {NULL, NULL}};
    program_path(path, "extension.sh");
    char *arn = publish("extension", process_world_copy(&world, "layer", "extensions/watcher", path));
    const char *layers[] = {arn};
    process_world_create(
        &world, name, process_world_misbehave(&world, "misbehave"),
        &(lambda_function_config){.layers = layers, .layers_count = 1, .memory_size = 1769, .timeout_ms = 10000},
        variables);
    free(arn);
}

static void test_extension(void **state)
{
    (void)state;
    create_extended("f", NULL);
    process_world_say(&world, "f", "hello");
    process_world_answered(&world, "\"hello\"");
    assert_int_equal(lambda_test_log_count(world.log, "watcher: INVOKE"), 1);
    assert_int_equal(
        lambda_test_log_count(world.log, "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]"), 1);
    process_world_say(&world, "f", "count");
    process_world_answered(&world, "2");
    assert_int_equal(lambda_test_log_count(world.log, "watcher: INVOKE"), 2);
    assert_ok(world.lambda, lambda_function_delete(world.lambda, "f"));
    assert_int_equal(lambda_test_log_count(world.log, "watcher: SHUTDOWN spindown"), 1);
}

static void test_extension_hears_of_timeout(void **state)
{
    (void)state;
    create_extended("f", NULL);
    assert_ok(world.lambda,
              lambda_function_update_configuration(world.lambda, "f", &(lambda_function_config){.timeout_ms = 1000}));
    process_world_say(&world, "f", "stubborn");
    process_world_failed(&world, "Sandbox.Timedout", "Task timed out after 1.00 seconds");
    assert_int_equal(lambda_test_log_count(world.log, "watcher: SHUTDOWN timeout"), 1);
    process_world_say(&world, "f", "count");
    process_world_answered(&world, "1");
}

static void test_extension_fails(void **state)
{
    (void)state;
    create_extended("init", "init");
    process_world_say(&world, "init", "x");
    process_world_failed(&world, "Extension.InitError", "RequestId: ");
    create_extended("crash", "crash");
    process_world_say(&world, "crash", "never");
    process_world_failed(&world, "Extension.Crash", "exit code 3");
    create_extended("exit", "exit");
    process_world_say(&world, "exit", "never");
    process_world_failed(&world, "Extension.ExitError", "RequestId: ");
}

static void test_bootstrap_in_layer(void **state)
{
    (void)state;
    char *arn = publish("runtime", process_world_misbehave(&world, "misbehave"));
    const char *layers[] = {arn};
    process_world_create(&world, "f", process_world_file(&world, "code", "data", "1", false),
                         &(lambda_function_config){.layers = layers, .layers_count = 1}, NULL);
    process_world_say(&world, "f", "hello");
    process_world_answered(&world, "\"hello\"");
    /* A function keeps its layers when their versions are deleted, also where its handler changes. */
    assert_ok(NULL, lambda_layer_delete(world.packages, "runtime", 1));
    assert_ok(world.lambda,
              lambda_function_update_configuration(world.lambda, "f", &(lambda_function_config){.handler = "a.b"}));
    process_world_say(&world, "f", "count");
    process_world_answered(&world, "1");
    /* Without it there is nothing to run. */
    assert_fails(world.lambda,
                 lambda_function_update_configuration(world.lambda, "f", &(lambda_function_config){.layers = layers}),
                 LAMBDA_ERROR_INVALID_CODE, "bootstrap");
    free(arn);
}

/* ---- what happens meanwhile */

typedef struct caller {
    pthread_t thread;
    const char *verb;
    lambda_result result;
    lambda_status status;
} caller;

static void *call(void *user)
{
    caller *own = user;
    char event[64];
    int length = snprintf(event, sizeof(event), "\"%s\"", own->verb);
    own->status = lambda_invoke(world.lambda, "f", lambda_bytes_make(event, (size_t)length), &own->result);
    return NULL;
}

static void begin_call(caller *own, const char *verb)
{
    *own = (caller){.verb = verb};
    assert_int_equal(pthread_create(&own->thread, NULL, call, own), 0);
}

static void test_update_while_running(void **state)
{
    (void)state;
    caller running;
    process_world_create_misbehave(&world, "f", NULL, 5000);
    begin_call(&running, "pause 300");
    process_world_wait_log(&world, "pausing");
    assert_ok(world.lambda,
              lambda_function_update_configuration(world.lambda, "f", &(lambda_function_config){.memory_size = 256}));
    process_world_say(&world, "f", "count");
    process_world_answered(&world, "1");
    assert_int_equal(pthread_join(running.thread, NULL), 0);
    assert_int_equal(running.status, LAMBDA_OK);
    test_assert_payload(&running.result, "\"paused\"");
    lambda_result_clear(&running.result);
}

static void test_delete_while_running(void **state)
{
    (void)state;
    caller running;
    process_world_create_misbehave(&world, "f", NULL, 5000);
    begin_call(&running, "pause 300");
    process_world_wait_log(&world, "pausing");
    assert_ok(world.lambda, lambda_function_delete(world.lambda, "f"));
    assert_int_equal(pthread_join(running.thread, NULL), 0);
    assert_int_equal(running.status, LAMBDA_OK);
    test_assert_payload(&running.result, "\"paused\"");
    lambda_result_clear(&running.result);
    assert_int_equal(process_world_processes(&world), 0);
}

/* lambda_close waits for what runs: close_world does it while the other thread's invocation goes on. */
static void test_close_while_running(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 5000);
    lambda_request_id id;
    assert_ok(world.lambda, lambda_invoke_async(world.lambda, "f", LAMBDA_JSON("\"pause 300\""), NULL, &id));
    process_world_wait_log(&world, "pausing");
}

static void test_provisioned(void **state)
{
    (void)state;
    const lambda_function_config config = {.publish = true, .timeout_ms = 5000};
    process_world_create(&world, "f", process_world_misbehave(&world, "misbehave"), &config, NULL);
    assert_ok(world.lambda, lambda_provisioned_concurrency_put(world.lambda, "f:1", 2));
    lambda_provisioned_concurrency got = {0};
    uint64_t end = now_ms() + 20000;
    do {
        assert_ok(world.lambda, lambda_provisioned_concurrency_get(world.lambda, "f:1", &got));
        if (now_ms() > end) fail_msg("%s", got.status_reason);
        usleep(1000);
    } while (got.status != LAMBDA_PROVISIONED_CONCURRENCY_READY);
    assert_true(process_world_processes(&world) >= 2);
    process_world_say(&world, "f:1", "variables");
    assert_false(world.result.cold_start);
    assert_non_null(strstr(world.result.payload.data, "AWS_LAMBDA_INITIALIZATION_TYPE=provisioned-concurrency\n"));
}

static void test_async(void **state)
{
    (void)state;
    process_world_create_misbehave(&world, "f", NULL, 5000);
    for (int i = 0; i < 8; i++)
        assert_ok(world.lambda, lambda_invoke_async(world.lambda, "f", LAMBDA_JSON("\"say so\""), NULL, NULL));
    assert_ok(world.lambda, lambda_async_wait_all(world.lambda, 30000));
    assert_int_equal(lambda_test_log_count(world.log, "so unfinished"), 8);
}

/* ---- stores */

#ifdef TEST_SQLITE
static void open_kept(lambda_sqlite **file, lambda_options *options)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/functions.db", world.directory);
    assert_ok(NULL, lambda_sqlite_open(path, NULL, file));
    *options = (lambda_options){0};
    lambda_sqlite_use(*file, options);
}

/* A function of a store has its code and its layers again, though the directory that it came from and the layer's version are gone. */
static void test_store(void **state)
{
    (void)state;
    lambda_sqlite *file;
    lambda_options options;
    process_world_end_service(&world);
    open_kept(&file, &options);
    process_world_begin_service(&world, &options);
    char *arn = publish("runtime", process_world_misbehave(&world, "misbehave"));
    const char *layers[] = {arn};
    process_world_create(&world, "f", process_world_file(&world, "code", "data", "1", false),
                         &(lambda_function_config){.layers = layers, .layers_count = 1}, NULL);
    process_world_create_misbehave(&world, "g", NULL, 3000);
    assert_ok(NULL, lambda_layer_delete(world.packages, "runtime", 1));
    process_world_end_service(&world);
    lambda_sqlite_close(file);
    open_kept(&file, &options);
    process_world_begin_service(&world, &options);
    process_world_say(&world, "f", "hello");
    process_world_answered(&world, "\"hello\"");
    process_world_say(&world, "g", "hello");
    process_world_answered(&world, "\"hello\"");
    /* With the functions their packages go from the disk. */
    assert_ok(world.lambda, lambda_function_delete(world.lambda, "f"));
    assert_ok(world.lambda, lambda_function_delete(world.lambda, "g"));
    process_world_end_service(&world);
    lambda_sqlite_close(file);
    open_kept(&file, &options);
    process_world_begin_service(&world, &options);
    size_t removed = 1;
    assert_ok(NULL, lambda_packages_collect(world.packages, &removed));
    assert_int_equal(removed, 0);
    process_world_end_service(&world);
    lambda_sqlite_close(file);
    process_world_begin_service(&world, NULL);
    free(arn);
}
#endif

/* ---- many */

enum { MANY = 100 };

static void *call_many(void *user)
{
    caller *own = user;
    own->status = lambda_invoke(world.lambda, "f", LAMBDA_JSON("\"pause 200\""), &own->result);
    return NULL;
}

static void test_many(void **state)
{
    (void)state;
    static caller callers[MANY];
    process_world_create(&world, "f", process_world_misbehave(&world, "misbehave"),
                         &(lambda_function_config){.timeout_ms = 60000, .memory_size = 1769}, NULL);
    for (int i = 0; i < MANY; i++) {
        callers[i] = (caller){0};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_many, &callers[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_int_equal(callers[i].status, LAMBDA_OK);
        test_assert_payload(&callers[i].result, "\"paused\"");
        lambda_result_clear(&callers[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_extension, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_extension_hears_of_timeout, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_extension_fails, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_bootstrap_in_layer, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_update_while_running, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_delete_while_running, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_close_while_running, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_provisioned, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_async, open_world, close_world),
#ifdef TEST_SQLITE
        cmocka_unit_test_setup_teardown(test_store, open_world, close_world),
#endif
        cmocka_unit_test_setup_teardown(test_many, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
