/* What an extension is told of a function in a process, end to end: a bootstrap and an extension in bash, which subscribes with a listener of the test's. */
#include "process_world.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listener.h"

static process_world world;
static listener ear;

static int open_world(void **state)
{
    (void)state;
    process_world_open(&world, NULL);
    listener_open(&ear, true);
    listener_begin(&ear, NULL, 0, false);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    process_world_close(&world);
    listener_end(&ear);
    listener_free(&ear);
    return 0;
}

/** A function of programs/bootstrap.sh with the extension `watcher`, whose variables are these too. */
static void create(const char *name, const lambda_function_config *more, const lambda_pair *variables)
{
    const char *programs = getenv("TEST_PROCESS_PROGRAMS");
    char path[512];
    assert_non_null(programs);
    snprintf(path, sizeof(path), "%s/extension.sh", programs);
    lambda_layer_version *layer = NULL;
    assert_ok(NULL, lambda_layer_publish(
                        world.packages,
                        &(lambda_layer_config){.layer_name = "extension",
                                               .path = process_world_copy(&world, "layer", "extensions/watcher", path)},
                        &layer));
    const char *layers[] = {layer->layer_version_arn};
    lambda_function_config config = *more;
    config.layers = layers;
    config.layers_count = 1;
    config.memory_size = 1769;
    config.timeout_ms = 20000;
    snprintf(path, sizeof(path), "%s/bootstrap.sh", programs);
    process_world_create(&world, name, process_world_copy(&world, name, "bootstrap", path), &config, variables);
    lambda_layer_version_free(layer);
}

/** Waits until the extension has hung up, and gives all that it was sent. */
static json_t *all_events(void)
{
    struct pollfd told = {.fd = ear.told[0], .events = POLLIN};
    char bytes[256];
    json_t *events = json_array();
    while (listener_connections(&ear) == 0 || listener_is_connected(&ear)) {
        assert_int_equal(poll(&told, 1, 60000), 1);
        while (read(told.fd, bytes, sizeof(bytes)) > 0)
            continue;
    }
    for (const char *at = ear.requests[0].body; at && *at;) {
        size_t length = strcspn(at, "\n");
        json_t *event = json_loadb(at, length, 0, NULL);
        assert_true(json_is_object(event));
        json_array_append_new(events, event);
        at += length + 1;
    }
    return events;
}

/** The next event of that type from `*at` on; after it, `*at` is. Fails where there is none. */
static const json_t *next(const json_t *events, size_t *at, const char *type)
{
    for (; *at < json_array_size(events); ++*at) {
        const json_t *event = json_array_get(events, *at);
        if (strcmp(json_string_value(json_object_get(event, "type")), type) != 0) continue;
        ++*at;
        return json_object_get(event, "record");
    }
    char *text = json_dumps(events, JSON_INDENT(1));
    fail_msg("no %s in %s", type, text);
    return NULL;
}

static const char *text_of(const json_t *record, const char *name)
{
    const char *text = json_string_value(json_object_get(record, name));
    return text ? text : "";
}

static void test_an_environments_life(void **state)
{
    (void)state;
    char port[8];
    snprintf(port, sizeof(port), "%u", ear.port);
    create("f", &(lambda_function_config){0}, (const lambda_pair[]){{"EXTENSION_TELEMETRY_PORT", port}, {NULL, NULL}});
    process_world_say(&world, "f", "log a line");
    process_world_answered(&world, "\"logged\"");
    char id[64];
    lambda_request_id_format(world.result.request_id, id);
    process_world_say(&world, "f", "fail as told");
    process_world_failed(&world, "Bash.Failed", "as told");
    assert_ok(world.lambda, lambda_function_delete(world.lambda, "f"));
    json_t *events = all_events();
    size_t at = 0;
    const json_t *record = next(events, &at, "platform.initStart");
    assert_string_equal(text_of(record, "initializationType"), "on-demand");
    /* The extension and the runtime begin at the same time. */
    size_t here = at;
    record = next(events, &here, "platform.telemetrySubscription");
    assert_string_equal(text_of(record, "name"), "watcher");
    record = next(events, &at, "platform.initRuntimeDone");
    assert_string_equal(text_of(record, "status"), "success");
    record = next(events, &at, "platform.start");
    assert_string_equal(text_of(record, "requestId"), id);
    here = at;
    assert_string_equal(json_string_value(next(events, &here, "function")), "a line");
    here = at;
    record = next(events, &here, "extension");
    assert_memory_equal(json_string_value(record), "watcher: INVOKE ", 16);
    record = next(events, &at, "platform.runtimeDone");
    assert_string_equal(text_of(record, "requestId"), id);
    assert_string_equal(text_of(record, "status"), "success");
    assert_true(json_number_value(json_object_get(json_object_get(record, "metrics"), "durationMs")) > 0);
    record = next(events, &at, "platform.report");
    assert_string_equal(text_of(record, "requestId"), id);
    next(events, &at, "platform.start");
    record = next(events, &at, "platform.runtimeDone");
    assert_string_equal(text_of(record, "status"), "error");
    json_decref(events);
}

/* With the log format JSON a line that is an object is told as one. */
static void test_json(void **state)
{
    (void)state;
    char port[8];
    snprintf(port, sizeof(port), "%u", ear.port);
    create("f", &(lambda_function_config){.logging_config = {.log_format = LAMBDA_LOG_FORMAT_JSON}},
           (const lambda_pair[]){
               {"EXTENSION_TELEMETRY_PORT", port}, {"EXTENSION_TELEMETRY_TYPES", "[\"function\"]"}, {NULL, NULL}});
    process_world_say(&world, "f", "log plain");
    process_world_say(&world, "f", "log {}");
    assert_ok(world.lambda, lambda_function_delete(world.lambda, "f"));
    json_t *events = all_events();
    size_t at = 0;
    size_t objects = 0;
    size_t plain = 0;
    for (; at < json_array_size(events); at++) {
        const json_t *event = json_array_get(events, at);
        const json_t *record = json_object_get(event, "record");
        assert_string_equal(text_of(event, "type"), "function");
        objects += json_is_object(record);
        plain += json_is_string(record) && strcmp(json_string_value(record), "plain") == 0;
    }
    /* To standard output and error. */
    assert_int_equal(objects, 2);
    assert_int_equal(plain, 2);
    json_decref(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_environments_life, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_json, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
