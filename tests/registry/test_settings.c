/* How a function is told of: its log, traces and metrics, as configured, published, kept and shared. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static test_memory memory;
static test_store store;

static int begin(void **state)
{
    (void)state;
    memory = (test_memory){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_store_clear(&store);
    assert_int_equal(memory.live, 0);
    return 0;
}

static lambda_t *open_kept(void)
{
    return test_open(&(lambda_options){.allocator = test_allocator(&memory),
                                       .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                                       .store = test_store_port(&store)});
}

static lambda_status create(lambda_t *lambda, const char *name, const lambda_function_config *config)
{
    lambda_function_config chosen = *config;
    chosen.function_name = name;
    chosen.code = lambda_code_native(test_echo, NULL);
    return lambda_function_create(lambda, &chosen);
}

static void update(lambda_t *lambda, const lambda_function_config *changes)
{
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", changes));
}

/** That lambda_function_get says so; no group is the default one of "f". */
static void is(lambda_t *lambda, const char *name, const lambda_function_config *expected)
{
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, name, &got));
    const char *group = expected->logging_config.log_group;
    assert_string_equal(got->logging_config.log_group, group ? group : "/aws/lambda/f");
    assert_int_equal(got->logging_config.log_format, expected->logging_config.log_format);
    assert_int_equal(got->logging_config.application_log_level, expected->logging_config.application_log_level);
    assert_int_equal(got->logging_config.system_log_level, expected->logging_config.system_log_level);
    assert_int_equal(got->tracing_mode, expected->tracing_mode);
    assert_int_equal(got->metrics_mode, expected->metrics_mode);
    lambda_function_configuration_free(got);
}

static const lambda_function_config standard = {.logging_config = {.log_format = LAMBDA_LOG_FORMAT_TEXT},
                                                .tracing_mode = LAMBDA_TRACING_PASS_THROUGH,
                                                .metrics_mode = LAMBDA_METRICS_ON};

static const lambda_function_config chosen = {.logging_config = {.log_format = LAMBDA_LOG_FORMAT_JSON,
                                                                 .application_log_level = LAMBDA_LOG_TRACE,
                                                                 .system_log_level = LAMBDA_LOG_WARN,
                                                                 .log_group = "/Shop/orders-1_#.x"},
                                              .tracing_mode = LAMBDA_TRACING_ACTIVE,
                                              .metrics_mode = LAMBDA_METRICS_OFF};

static void the_default_is_said(void **state)
{
    (void)state;
    lambda_t *lambda = open_kept();
    assert_ok(lambda, create(lambda, "f", &(lambda_function_config){0}));
    is(lambda, "f", &standard);
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    /* A host that was compiled before these were there. */
    lambda_function_config older = chosen;
    older.function_name = "f";
    older.code = lambda_code_native(test_echo, NULL);
    assert_ok(lambda, lambda_function_create_sized(lambda, &older, offsetof(lambda_function_config, logging_config)));
    is(lambda, "f", &standard);
    lambda_close(lambda);
}

static void updates_change_what_is_given(void **state)
{
    (void)state;
    lambda_t *lambda = open_kept();
    lambda_function_config expected = chosen;
    assert_ok(lambda, create(lambda, "f", &chosen));
    is(lambda, "f", &expected);
    update(lambda, &(lambda_function_config){.description = "another matter"});
    is(lambda, "f", &expected);
    update(lambda, &(lambda_function_config){.tracing_mode = LAMBDA_TRACING_OFF});
    expected.tracing_mode = LAMBDA_TRACING_OFF;
    is(lambda, "f", &expected);
    update(lambda, &(lambda_function_config){.metrics_mode = LAMBDA_METRICS_ON});
    expected.metrics_mode = LAMBDA_METRICS_ON;
    is(lambda, "f", &expected);
    update(lambda, &(lambda_function_config){.logging_config = {.log_format = LAMBDA_LOG_FORMAT_TEXT}});
    expected.logging_config.log_format = LAMBDA_LOG_FORMAT_TEXT;
    is(lambda, "f", &expected);
    update(lambda, &(lambda_function_config){.logging_config = {.application_log_level = LAMBDA_LOG_OFF}});
    expected.logging_config.application_log_level = LAMBDA_LOG_OFF;
    is(lambda, "f", &expected);
    update(lambda, &(lambda_function_config){.logging_config = {.system_log_level = LAMBDA_LOG_DEBUG}});
    expected.logging_config.system_log_level = LAMBDA_LOG_DEBUG;
    is(lambda, "f", &expected);
    update(lambda, &(lambda_function_config){.logging_config = {.log_group = "other"}});
    expected.logging_config.log_group = "other";
    is(lambda, "f", &expected);
    update(lambda, &(lambda_function_config){.logging_config = {.log_group = ""}});
    expected.logging_config.log_group = NULL;
    is(lambda, "f", &expected);
    lambda_close(lambda);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    char longest[514];
    memset(longest, 'g', sizeof(longest) - 1);
    longest[513] = '\0';
    const struct {
        lambda_function_config config;
        const char *text;
    } wrong[] = {
        {{.logging_config = {.log_format = (lambda_log_format)3}}, "logging_config.log_format: 3 is none"},
        {{.logging_config = {.log_format = (lambda_log_format)-1}}, "logging_config.log_format: -1 is none"},
        {{.logging_config = {.application_log_level = (lambda_log_level)8}},
         "logging_config.application_log_level: 8 is none"},
        {{.logging_config = {.system_log_level = (lambda_log_level)8}}, "logging_config.system_log_level: is UNKNOWN"},
        {{.logging_config = {.system_log_level = LAMBDA_LOG_TRACE}}, "logging_config.system_log_level: is TRACE"},
        {{.logging_config = {.system_log_level = LAMBDA_LOG_ERROR}}, "logging_config.system_log_level: is ERROR"},
        {{.logging_config = {.system_log_level = LAMBDA_LOG_FATAL}}, "DEBUG, INFO, WARN or OFF"},
        {{.logging_config = {.log_group = longest}}, "logging_config.log_group: is longer than 512"},
        {{.logging_config = {.log_group = "a b"}}, "logging_config.log_group: \"a b\""},
        {{.logging_config = {.log_group = "a:b"}}, "logging_config.log_group: \"a:b\""},
        {{.logging_config = {.log_group = "gr\xC3\xBCn"}}, "logging_config.log_group"},
        {{.logging_config = {.log_group = "\xFF"}}, "logging_config.log_group: is not UTF-8"},
        {{.tracing_mode = (lambda_tracing_mode)4}, "tracing_mode: 4 is none"},
        {{.metrics_mode = (lambda_metrics_mode)3}, "metrics_mode: 3 is none"},
    };
    lambda_t *lambda = open_kept();
    assert_ok(lambda, create(lambda, "f", &chosen));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_fails(lambda, create(lambda, "g", &wrong[i].config), INVALID, wrong[i].text);
        assert_fails(lambda, lambda_function_update_configuration(lambda, "f", &wrong[i].config), INVALID,
                     wrong[i].text);
    }
    /* "" is for updates alone. */
    assert_fails(lambda, create(lambda, "g", &(lambda_function_config){.logging_config = {.log_group = ""}}), INVALID,
                 "logging_config.log_group: is shorter than 1");
    is(lambda, "f", &chosen);
    /* The least and the most are taken. */
    longest[512] = '\0';
    lambda_function_config expected = chosen;
    expected.logging_config.log_group = longest;
    update(lambda, &expected);
    is(lambda, "f", &expected);
    expected.logging_config.log_group = "x";
    update(lambda, &expected);
    is(lambda, "f", &expected);
    const lambda_log_level levels[] = {LAMBDA_LOG_DEBUG, LAMBDA_LOG_INFO, LAMBDA_LOG_WARN, LAMBDA_LOG_OFF};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        expected.logging_config.system_log_level = levels[i];
        update(lambda, &expected);
        is(lambda, "f", &expected);
    }
    for (int level = LAMBDA_LOG_TRACE; level <= LAMBDA_LOG_OFF; level++) {
        expected.logging_config.application_log_level = (lambda_log_level)level;
        update(lambda, &expected);
        is(lambda, "f", &expected);
    }
    lambda_close(lambda);
}

static void publish(lambda_t *lambda, const char *number)
{
    lambda_function_configuration *version = NULL;
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, &version));
    assert_string_equal(version->version, number);
    lambda_function_configuration_free(version);
}

static void all_is_there(lambda_t *lambda, const lambda_function_config *latest)
{
    is(lambda, "f", latest);
    is(lambda, "f:1", &chosen);
    is(lambda, "f:2", latest);
    is(lambda, "f:live", &chosen);
}

static void versions_have_their_own_and_a_store_keeps_them(void **state)
{
    (void)state;
    lambda_t *lambda = open_kept();
    assert_ok(lambda, create(lambda, "f", &chosen));
    publish(lambda, "1");
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    lambda_function_config latest = standard;
    latest.logging_config.application_log_level = LAMBDA_LOG_ERROR;
    latest.logging_config.system_log_level = LAMBDA_LOG_OFF;
    latest.logging_config.log_group = "";
    update(lambda, &latest);
    latest.logging_config.log_group = NULL;
    /* That it differs in nothing else is enough for a version of its own. */
    publish(lambda, "2");
    all_is_there(lambda, &latest);
    lambda_close(lambda);

    lambda = open_kept();
    all_is_there(lambda, &latest);
    const lambda_code code = lambda_code_native(test_echo, NULL);
    assert_ok(lambda, lambda_function_bind(lambda, "f", &code));
    all_is_there(lambda, &latest);
    /* What the store has is written anew as the same. */
    char *before = test_store_text(&store);
    assert_ok(lambda, lambda_function_untag(lambda, "f", NULL, 0));
    char *after = test_store_text(&store);
    assert_string_equal(before, after);
    free(before);
    free(after);
    lambda_close(lambda);
}

static const lambda__settings *settings_of(lambda_t *lambda, const char *name)
{
    const lambda__function *function = lambda__registry_find(lambda, name, strlen(name));
    return atomic_load(&function->latest)->settings;
}

static void equal_ones_are_shared_and_small(void **state)
{
    (void)state;
    /* One byte each: six settings stand in what two once took. */
    assert_true(offsetof(lambda__settings, metrics_mode) - offsetof(lambda__settings, isolation) == 5);
    lambda_t *lambda = open_kept();
    assert_ok(lambda, create(lambda, "a", &chosen));
    assert_ok(lambda, create(lambda, "b", &chosen));
    assert_ptr_equal(settings_of(lambda, "a"), settings_of(lambda, "b"));
    for (int i = 0; i < 6; i++) {
        lambda_function_config other = chosen;
        char name[] = {'c', (char)('0' + i), '\0'};
        if (i == 0) other.logging_config.log_format = LAMBDA_LOG_FORMAT_TEXT;
        if (i == 1) other.logging_config.application_log_level = LAMBDA_LOG_DEBUG;
        if (i == 2) other.logging_config.system_log_level = LAMBDA_LOG_DEBUG;
        if (i == 3) other.logging_config.log_group = "another";
        if (i == 4) other.tracing_mode = LAMBDA_TRACING_OFF;
        if (i == 5) other.metrics_mode = LAMBDA_METRICS_ON;
        assert_ok(lambda, create(lambda, "a1", &chosen));
        assert_ok(lambda, create(lambda, name, &other));
        assert_ptr_not_equal(settings_of(lambda, "a1"), settings_of(lambda, name));
        assert_ok(lambda, lambda_function_delete(lambda, "a1"));
    }
    lambda_close(lambda);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    lambda_t *lambda = open_kept();
    assert_ok(lambda, create(lambda, "f", &(lambda_function_config){0}));
    lambda_function_config expected = standard;
    for (int round = 0; round < 2; round++) {
        lambda_function_config changes = chosen;
        changes.logging_config.log_group = round == 0 ? "one" : "two";
        lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
        for (long at = 1; status == LAMBDA_ERROR_OUT_OF_MEMORY; at++) {
            assert_true(at < 100);
            memory.requests = 0;
            memory.fail_at = at;
            status = lambda_function_update_configuration(lambda, "f", &changes);
            memory.fail_at = 0;
            if (status == LAMBDA_OK) expected = changes;
            is(lambda, "f", &expected);
        }
        assert_int_equal(status, LAMBDA_OK);
    }
    lambda_function_configuration *got = NULL;
    memory.requests = 0;
    memory.fail_at = 1;
    assert_fails(lambda, lambda_function_get(lambda, "f", &got), LAMBDA_ERROR_OUT_OF_MEMORY, "");
    memory.fail_at = 0;
    lambda_close(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_default_is_said, begin, end),
        cmocka_unit_test_setup_teardown(updates_change_what_is_given, begin, end),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named, begin, end),
        cmocka_unit_test_setup_teardown(versions_have_their_own_and_a_store_keeps_them, begin, end),
        cmocka_unit_test_setup_teardown(equal_ones_are_shared_and_small, begin, end),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
