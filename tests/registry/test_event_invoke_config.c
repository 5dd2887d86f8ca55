/* Event invoke configs and dead-letter targets: where they are kept, what they may be, and what a worker is told of them. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "registry/registry_private.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define MISSING LAMBDA_ERROR_RESOURCE_NOT_FOUND

static test_memory memory;
static test_clock wall;

/** Functions "f" with versions 1 and 2 and the alias "live" of 1, and "g". */
static lambda_t *open_counted(void)
{
    memory = (test_memory){0};
    wall = (test_clock){.wall = 1000};
    lambda_t *lambda =
        test_open(&(lambda_options){.allocator = test_allocator(&memory), .clock = test_clock_port(&wall)});
    test_create(lambda, "f", test_echo, NULL);
    test_create(lambda, "g", test_echo, NULL);
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    lambda_function_code_update update = {.code = lambda_code_native(test_nothing, NULL), .publish = true};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    return lambda;
}

static void close_counted(lambda_t *lambda)
{
    lambda_close(lambda);
    assert_int_equal(memory.live, 0);
}

static void expect(lambda_t *lambda, const char *name, const char *qualifier, uint32_t attempts, uint32_t age,
                   const char *on_success, const char *on_failure)
{
    lambda_event_invoke_configuration *got = NULL;
    char arn[120];
    snprintf(arn, sizeof(arn), "arn:aws:lambda:us-east-1:000000000000:function:f:%s", qualifier);
    assert_ok(lambda, lambda_event_invoke_config_get(lambda, name, &got));
    assert_string_equal(got->function_arn, arn);
    assert_int_equal(got->maximum_retry_attempts, attempts);
    assert_int_equal(got->maximum_event_age_s, age);
    assert_string_equal(got->on_success, on_success);
    assert_string_equal(got->on_failure, on_failure);
    assert_int_equal(got->modified_ns, wall.wall);
    lambda_event_invoke_configuration_free(got);
}

static void nothing_set(lambda_t *lambda, const char *name)
{
    lambda_event_invoke_configuration *got = NULL;
    assert_fails(lambda, lambda_event_invoke_config_get(lambda, name, &got), MISSING, "f");
    assert_null(got);
}

static lambda__async_settings read_settings(lambda_t *lambda, const char *text)
{
    lambda__name name;
    lambda__async_settings settings;
    assert_ok(lambda, lambda__name_parse(lambda, text, &name));
    lambda__async_settings_read(lambda, lambda__thread_get(&lambda->base), &name, &settings);
    return settings;
}

static bool has_settings(lambda_t *lambda, const char *name)
{
    return lambda__function_has_async_settings(lambda__registry_find(lambda, name, strlen(name)));
}

static void puts_updates_and_deletes(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    nothing_set(lambda, "f");
    assert_fails(lambda, lambda_event_invoke_config_update(lambda, "f", &(lambda_event_invoke_config){0}), MISSING,
                 "EventInvokeConfig");
    assert_fails(lambda, lambda_event_invoke_config_delete(lambda, "f"), MISSING, "EventInvokeConfig");
    assert_ok(lambda, lambda_event_invoke_config_put(lambda, "f", &(lambda_event_invoke_config){0}));
    expect(lambda, "f", "$LATEST", 2, 21600, "", "");
    wall.wall = 2000;
    char target[] = "g";
    lambda_event_invoke_config config = {.maximum_retry_attempts = 1,
                                         .maximum_event_age_s = 60,
                                         .on_success = target,
                                         .on_failure = "arn:aws:lambda:us-east-1:000000000000:function:g:$LATEST"};
    assert_ok(lambda, lambda_event_invoke_config_put(lambda, "f:$LATEST", &config));
    target[0] = 'x'; /* what was given is copied */
    expect(lambda, "f", "$LATEST", 1, 60, "g", config.on_failure);
    wall.wall = 3000;
    assert_ok(lambda,
              lambda_event_invoke_config_update(
                  lambda, "f", &(lambda_event_invoke_config){.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS}));
    expect(lambda, "f", "$LATEST", 0, 60, "g", config.on_failure);
    lambda_event_invoke_config changes = {.on_success = "", .maximum_event_age_s = 61};
    assert_ok(lambda, lambda_event_invoke_config_update(lambda, "f", &changes));
    expect(lambda, "f:$LATEST", "$LATEST", 0, 61, "", config.on_failure);
    /* A put forgets what was set before. */
    assert_ok(lambda, lambda_event_invoke_config_put(lambda, "f", &(lambda_event_invoke_config){.on_success = "g"}));
    expect(lambda, "f", "$LATEST", 2, 21600, "g", "");
    assert_ok(lambda, lambda_event_invoke_config_delete(lambda, "f:$LATEST"));
    nothing_set(lambda, "f");
    close_counted(lambda);
}

static void each_qualifier_has_its_own(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    static const char *const names[] = {"f:live", "f:2", "f", "f:1"};
    for (uint32_t i = 0; i < 4; i++) {
        nothing_set(lambda, names[i]);
        lambda_event_invoke_config config = {.maximum_event_age_s = 100 + i};
        assert_ok(lambda, lambda_event_invoke_config_put(lambda, names[i], &config));
    }
    expect(lambda, "f:live", "live", 2, 100, "", "");
    expect(lambda, "f:2", "2", 2, 101, "", "");
    expect(lambda, "f:02", "2", 2, 101, "", "");
    expect(lambda, "f", "$LATEST", 2, 102, "", "");
    expect(lambda, "f:1", "1", 2, 103, "", "");
    lambda_event_invoke_configuration_list *list = NULL;
    assert_ok(lambda, lambda_event_invoke_config_list(lambda, "f", &list));
    assert_int_equal(list->count, 4);
    static const char *const order[] = {":$LATEST", ":1", ":2", ":live"};
    for (size_t i = 0; i < 4; i++)
        assert_non_null(strstr(list->items[i]->function_arn, order[i]));
    lambda_event_invoke_configuration_list_free(list);
    assert_ok(lambda, lambda_event_invoke_config_list(lambda, "g", &list));
    assert_int_equal(list->count, 0);
    lambda_event_invoke_configuration_list_free(list);
    /* They go with what they are of, and with nothing else. */
    assert_ok(lambda, lambda_alias_delete(lambda, "f", "live"));
    nothing_set(lambda, "f:live");
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    nothing_set(lambda, "f:live");
    assert_ok(lambda, lambda_function_delete(lambda, "f:2"));
    nothing_set(lambda, "f:2");
    expect(lambda, "f:1", "1", 2, 103, "", "");
    assert_ok(lambda, lambda_event_invoke_config_list(lambda, "f", &list));
    assert_int_equal(list->count, 2);
    lambda_event_invoke_configuration_list_free(list);
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    test_create(lambda, "f", test_echo, NULL);
    nothing_set(lambda, "f");
    assert_fails(lambda, lambda_event_invoke_config_put(lambda, "f:1", &(lambda_event_invoke_config){0}), MISSING, "f");
    close_counted(lambda);
}

static bool is_queue(lambda_t *lambda, const char *name)
{
    (void)lambda;
    return strcmp(name, "arn:aws:sqs:us-east-1:000000000000:failed") == 0;
}

static void bad_ones_are_refused(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    char large[LAMBDA__TARGET_SIZE];
    memset(large, 'x', 351);
    large[351] = '\0';
    const struct {
        lambda_event_invoke_config config;
        const char *text;
    } bad[] = {
        {{.maximum_retry_attempts = 3}, "maximum_retry_attempts: 3"},
        {{.maximum_event_age_s = 59}, "maximum_event_age_s: 59"},
        {{.maximum_event_age_s = 21601}, "maximum_event_age_s: 21601"},
        {{.on_success = "f"}, "on_success: \"f\" is the function itself"},
        {{.on_failure = "arn:aws:lambda:us-east-1:000000000000:function:f:1"}, "on_failure"},
        {{.on_failure = "h"}, "on_failure: \"h\" is neither a function nor a destination"},
        {{.on_failure = "g:7"}, "on_failure: \"g:7\""},
        {{.on_failure = "arn:aws:sqs:us-east-1:000000000000:failed"}, "neither a function nor a destination"},
        {{.on_success = large}, "on_success: is longer than 350"},
        {{.on_success = "\xFF"}, "on_success: is not UTF-8"},
    };
    lambda_event_invoke_config config = {0};
    lambda_event_invoke_configuration *got = NULL;
    lambda_event_invoke_configuration_list *list = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(lambda, lambda_event_invoke_config_put(lambda, "f", &bad[i].config), INVALID, bad[i].text);
    nothing_set(lambda, "f");
    assert_fails(lambda, lambda_event_invoke_config_put(lambda, "f:7", &config), MISSING, "f:7");
    assert_fails(lambda, lambda_event_invoke_config_put(lambda, "f:none", &config), MISSING, "f:none");
    assert_fails(lambda, lambda_event_invoke_config_put(lambda, "h", &config), MISSING, "h");
    assert_fails(lambda, lambda_event_invoke_config_put(lambda, NULL, &config), INVALID, "function_name");
    assert_fails(lambda, lambda_event_invoke_config_put(lambda, "f", NULL), INVALID, "config");
    assert_fails(NULL, lambda_event_invoke_config_put(NULL, "f", &config), INVALID, "lambda");
    assert_fails(lambda, lambda_event_invoke_config_update(lambda, "f", NULL), INVALID, "changes");
    assert_fails(lambda, lambda_event_invoke_config_get(lambda, "f", NULL), INVALID, "configuration");
    assert_fails(NULL, lambda_event_invoke_config_get(NULL, "f", &got), INVALID, "lambda");
    assert_fails(lambda, lambda_event_invoke_config_get(lambda, "h", &got), MISSING, "h");
    assert_fails(NULL, lambda_event_invoke_config_delete(NULL, "f"), INVALID, "lambda");
    assert_fails(lambda, lambda_event_invoke_config_delete(lambda, "h"), MISSING, "h");
    assert_fails(lambda, lambda_event_invoke_config_list(lambda, "f", NULL), INVALID, "list");
    assert_fails(NULL, lambda_event_invoke_config_list(NULL, "f", &list), INVALID, "lambda");
    assert_fails(lambda, lambda_event_invoke_config_list(lambda, "f:1", &list), INVALID, "qualifier");
    assert_fails(lambda, lambda_event_invoke_config_list(lambda, "h", &list), MISSING, "h");
    lambda_event_invoke_configuration_free(NULL);
    lambda_event_invoke_configuration_list_free(NULL);
    close_counted(lambda);
}

static void dead_letter_targets_are_configuration(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    lambda_function_configuration *got = NULL;
    lambda_function_config config = {
        .function_name = "h", .code = lambda_code_native(test_echo, NULL), .dead_letter_target_arn = "h"};
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "dead_letter_target_arn: \"h\" is the");
    config.dead_letter_target_arn = "nothing";
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "dead_letter_target_arn: \"nothing\"");
    config.dead_letter_target_arn = "g";
    assert_ok(lambda, lambda_function_create(lambda, &config));
    assert_ok(lambda, lambda_function_get(lambda, "h", &got));
    assert_string_equal(got->dead_letter_target_arn, "g");
    lambda_function_configuration_free(got);
    assert_ok(lambda, lambda_version_publish(lambda, "h", NULL, NULL));
    assert_ok(lambda,
              lambda_function_update_configuration(lambda, "h", &(lambda_function_config){.description = "new"}));
    assert_string_equal(read_settings(lambda, "h").dead_letter, "g");
    lambda_function_config changes = {.dead_letter_target_arn = "f:live"};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "h", &changes));
    assert_string_equal(read_settings(lambda, "h").dead_letter, "f:live");
    changes.dead_letter_target_arn = "";
    assert_ok(lambda, lambda_function_update_configuration(lambda, "h", &changes));
    assert_ok(lambda, lambda_function_get(lambda, "h", &got));
    assert_string_equal(got->dead_letter_target_arn, "");
    lambda_function_configuration_free(got);
    /* A version keeps what it was published with. */
    assert_string_equal(read_settings(lambda, "h:1").dead_letter, "g");
    assert_true(has_settings(lambda, "h"));
    close_counted(lambda);
}

static bool settings_are_default(const lambda__async_settings *settings)
{
    return settings->maximum_retry_attempts == 2 && settings->maximum_event_age_ns == UINT64_C(21600000000000) &&
           !settings->on_success[0] && !settings->on_failure[0] && !settings->dead_letter[0];
}

static void a_worker_is_told(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    static const char *const names[] = {"f", "f:$LATEST", "f:1", "f:2", "f:live"};
    assert_false(has_settings(lambda, "f"));
    for (size_t i = 0; i < 5; i++) {
        lambda__async_settings settings = read_settings(lambda, names[i]);
        assert_true(settings.exists && settings_are_default(&settings));
    }
    lambda_event_invoke_config config = {.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS,
                                         .maximum_event_age_s = 90,
                                         .on_success = "g",
                                         .on_failure = "g:$LATEST"};
    assert_ok(lambda, lambda_event_invoke_config_put(lambda, "f:live", &config));
    assert_true(has_settings(lambda, "f"));
    lambda__async_settings settings = read_settings(lambda, "f:live");
    assert_int_equal(settings.maximum_retry_attempts, 0);
    assert_int_equal(settings.maximum_event_age_ns, UINT64_C(90000000000));
    assert_string_equal(settings.on_success, "g");
    assert_string_equal(settings.on_failure, "g:$LATEST");
    settings = read_settings(lambda, "f:1");
    assert_true(settings.exists && settings_are_default(&settings));
    /* The dead letter of an alias is that of the version that it mainly leads to. */
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f",
                                                           &(lambda_function_config){.dead_letter_target_arn = "g"}));
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    lambda_alias_config alias = {
        .name = "live", .function_version = "3", .additional_version = "1", .additional_weight = 1};
    assert_ok(lambda, lambda_alias_update(lambda, "f", &alias));
    assert_string_equal(read_settings(lambda, "f:live").dead_letter, "g");
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "new", .function_version = "$LATEST"}));
    assert_string_equal(read_settings(lambda, "f:new").dead_letter, "g");
    assert_string_equal(read_settings(lambda, "f:2").dead_letter, "");
    static const char *const nowhere[] = {"h", "f:9", "f:gone"};
    for (size_t i = 0; i < 3; i++) {
        settings = read_settings(lambda, nowhere[i]);
        assert_true(!settings.exists && settings_are_default(&settings));
    }
    close_counted(lambda);
}

static lambda_status put_all(lambda_t *lambda)
{
    lambda_status status = LAMBDA_OK;
    static const char *const names[] = {"f", "f:1", "f:live"};
    for (size_t i = 0; i < 3 && status == LAMBDA_OK; i++)
        status =
            lambda_event_invoke_config_put(lambda, names[i], &(lambda_event_invoke_config){.maximum_event_age_s = 77});
    if (status == LAMBDA_OK)
        status = lambda_event_invoke_config_update(lambda, "f:1", &(lambda_event_invoke_config){.on_failure = "g"});
    return status;
}

static lambda_status read_all(lambda_t *lambda)
{
    lambda_event_invoke_configuration *one = NULL;
    lambda_event_invoke_configuration_list *all = NULL;
    lambda_status status = lambda_event_invoke_config_get(lambda, "f", &one);
    if (status == LAMBDA_OK) status = lambda_event_invoke_config_list(lambda, "f", &all);
    lambda_event_invoke_configuration_free(one);
    lambda_event_invoke_configuration_list_free(all);
    return status;
}

static lambda_status take_away(lambda_t *lambda)
{
    lambda_status status = lambda_event_invoke_config_delete(lambda, "f");
    if (status == LAMBDA_OK) status = lambda_alias_delete(lambda, "f", "live");
    return status == LAMBDA_OK ? lambda_function_delete(lambda, "f:1") : status;
}

/** Runs one thing with each of its allocations failing in turn. */
static void with_failing_memory(lambda_status (*act)(lambda_t *lambda))
{
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    for (long nth = 1; status == LAMBDA_ERROR_OUT_OF_MEMORY; nth++) {
        lambda_t *lambda = open_counted();
        if (act != put_all) assert_ok(lambda, put_all(lambda));
        memory.requests = 0;
        memory.fail_at = nth;
        status = act(lambda);
        memory.fail_at = 0;
        if (status == LAMBDA_ERROR_OUT_OF_MEMORY) {
            /* What was not done can be done now. */
            lambda_event_invoke_configuration *got = NULL;
            bool set = lambda_event_invoke_config_get(lambda, "f:live", &got) == LAMBDA_OK;
            if (set) assert_int_equal(got->maximum_event_age_s, 77);
            lambda_event_invoke_configuration_free(got);
            if (act == put_all) assert_ok(lambda, put_all(lambda));
        }
        close_counted(lambda);
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
    }
}

static void survives_without_memory(void **state)
{
    (void)state;
    with_failing_memory(put_all);
    with_failing_memory(read_all);
    with_failing_memory(take_away);
}

static void destinations_count(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    lambda->registry->port.destination_exists = is_queue;
    lambda_event_invoke_config config = {.on_failure = "arn:aws:sqs:us-east-1:000000000000:failed"};
    assert_ok(lambda, lambda_event_invoke_config_put(lambda, "f", &config));
    assert_string_equal(read_settings(lambda, "f").on_failure, config.on_failure);
    close_counted(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_updates_and_deletes), cmocka_unit_test(each_qualifier_has_its_own),
        cmocka_unit_test(bad_ones_are_refused),     cmocka_unit_test(dead_letter_targets_are_configuration),
        cmocka_unit_test(a_worker_is_told),         cmocka_unit_test(survives_without_memory),
        cmocka_unit_test(destinations_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
