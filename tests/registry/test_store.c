/* Functions in a store: every change survives, a write that fails changes nothing, and memory may run out anywhere. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static test_memory memory;
static test_store store;
static test_clock wall;
static test_random randomness;

/** One thread, so that nothing happens but what the test does; everything from the test's allocator. */
static lambda_t *open_store(void)
{
    return test_open(&(lambda_options){.allocator = test_allocator(&memory),
                                       .clock = test_clock_port(&wall),
                                       .random = test_random_port(&randomness),
                                       .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                                       .store = test_store_port(&store)});
}

static int begin(void **state)
{
    (void)state;
    memory = (test_memory){0};
    wall = (test_clock){.wall = UINT64_C(1767225600123) * 1000000};
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_store_clear(&store);
    assert_int_equal(memory.live, 0);
    return 0;
}

static lambda_code code(const char *declaration)
{
    return lambda_code_typed("libm.so.6", declaration);
}

/* ---- what a service is, as text */

typedef struct text {
    char *data;
    size_t length;
} text;

static void add(text *to, const char *format, ...) LAMBDA_PRINTF(2, 3);

static void add(text *to, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && length < (int)sizeof(line));
    to->data = realloc(to->data, to->length + (size_t)length + 1);
    assert_non_null(to->data);
    memcpy(to->data + to->length, line, (size_t)length + 1);
    to->length += (size_t)length;
}

static void add_configuration(text *to, const lambda_function_configuration *each)
{
    const lambda_logging_config *logging = &each->logging_config;
    add(to, "%s %s \"%s\" %s \"%s\" \"%s\" %s %s %s %llu %u %u %u %d %u \"%s\" %s \"%s\" %d %d %d %s %d %d\n",
        each->function_arn, each->version, each->description, each->runtime, each->handler, each->role,
        each->code_sha256, each->revision_id, each->last_modified, (unsigned long long)each->code_size,
        each->memory_size, each->timeout_ms, each->ephemeral_storage_size, (int)each->isolation,
        each->spare_environments, each->dead_letter_target_arn, each->state, each->state_reason,
        (int)logging->log_format, (int)logging->application_log_level, (int)logging->system_log_level,
        logging->log_group, (int)each->tracing_mode, (int)each->metrics_mode);
    for (size_t i = 0; i < each->environment_count; i++)
        add(to, "  %s=%s\n", each->environment[i].name, each->environment[i].value);
    for (size_t i = 0; i < each->tags_count; i++)
        add(to, "  #%s=%s\n", each->tags[i].name, each->tags[i].value);
}

static void add_aliases(text *to, lambda_t *lambda, const char *name)
{
    lambda_alias_list *aliases = NULL;
    lambda_event_invoke_configuration_list *configs = NULL;
    assert_ok(lambda, lambda_alias_list_page(lambda, name, NULL, NULL, &aliases));
    for (size_t i = 0; i < aliases->count; i++) {
        const lambda_alias *each = aliases->items[i];
        add(to, "%s -> %s \"%s\" %s %g %s\n", each->alias_arn, each->function_version, each->description,
            each->additional_version, each->additional_weight, each->revision_id);
    }
    lambda_alias_list_free(aliases);
    assert_ok(lambda, lambda_event_invoke_config_list(lambda, name, &configs));
    for (size_t i = 0; i < configs->count; i++) {
        const lambda_event_invoke_configuration *each = configs->items[i];
        add(to, "%s: %u %u \"%s\" \"%s\" %llu\n", each->function_arn, each->maximum_retry_attempts,
            each->maximum_event_age_s, each->on_success, each->on_failure, (unsigned long long)each->modified_ns);
    }
    lambda_event_invoke_configuration_list_free(configs);
}

static void add_concurrency(text *to, lambda_t *lambda, const char *name)
{
    bool reserved = false;
    uint32_t count = 0;
    lambda_recursive_loop loop;
    lambda_provisioned_concurrency items[8];
    size_t items_count = 0;
    assert_ok(lambda, lambda_function_concurrency_get(lambda, name, &reserved, &count));
    assert_ok(lambda, lambda_function_recursion_config_get(lambda, name, &loop));
    add(to, "reserved %d %u, loops %d\n", reserved, count, (int)loop);
    assert_ok(lambda, lambda_provisioned_concurrency_list(lambda, name, items, 8, &items_count));
    for (size_t i = 0; i < items_count; i++)
        add(to, "provisioned %s %u %llu\n", items[i].qualifier, items[i].requested,
            (unsigned long long)items[i].modified_ns);
}

/** All that the public calls tell of a service's functions; the caller frees it. */
static char *describe(lambda_t *lambda)
{
    text to = {0};
    lambda_account_settings account;
    lambda_function_list *functions = NULL;
    assert_ok(lambda, lambda_account_settings_get(lambda, &account));
    add(&to, "%llu functions, %llu bytes, %u unreserved\n", (unsigned long long)account.function_count,
        (unsigned long long)account.code_size, account.unreserved_concurrent_executions);
    assert_ok(lambda, lambda_function_list_page(lambda, NULL, &functions));
    for (size_t i = 0; i < functions->count; i++) {
        const char *name = functions->items[i]->function_name;
        lambda_function_list *versions = NULL;
        assert_ok(lambda, lambda_version_list_page(lambda, name, NULL, &versions));
        for (size_t k = 0; k < versions->count; k++)
            add_configuration(&to, versions->items[k]);
        lambda_function_list_free(versions);
        add_aliases(&to, lambda, name);
        add_concurrency(&to, lambda, name);
    }
    lambda_function_list_free(functions);
    return to.data;
}

/* ---- every change */

static lambda_status create(lambda_t *lambda)
{
    const lambda_pair environment[] = {{"KEY", "\xCE\xBB \"quoted\""}, {"A_SECOND", ""}};
    const lambda_pair tags[] = {{"team", "core"}, {"a", ""}};
    return lambda_function_create(lambda, &(lambda_function_config){.function_name = "new",
                                                                    .code = code("double sqrt(double x)"),
                                                                    .description = "what\nit does",
                                                                    .handler = "any.thing",
                                                                    .role = "arn:aws:iam::123456789012:role/name",
                                                                    .memory_size = 512,
                                                                    .timeout_ms = 4321,
                                                                    .ephemeral_storage_size = 600,
                                                                    .spare_environments = 3,
                                                                    .logging_config = {.log_group = "all"},
                                                                    .tracing_mode = LAMBDA_TRACING_ACTIVE,
                                                                    .dead_letter_target_arn = "g",
                                                                    .environment = environment,
                                                                    .environment_count = 2,
                                                                    .tags = tags,
                                                                    .tags_count = 2,
                                                                    .publish = true});
}

static lambda_status update_configuration(lambda_t *lambda)
{
    return lambda_function_update_configuration(
        lambda, "f",
        &(lambda_function_config){.description = "changed",
                                  .timeout_ms = 77,
                                  .handler = "other",
                                  .logging_config = {LAMBDA_LOG_FORMAT_JSON, LAMBDA_LOG_TRACE, LAMBDA_LOG_OFF, NULL},
                                  .metrics_mode = LAMBDA_METRICS_OFF});
}

static lambda_status update_code(lambda_t *lambda)
{
    lambda_function_code_update update = {.code = code("double exp(double x)")};
    return lambda_function_update_code(lambda, "f", &update);
}

static lambda_status update_and_publish(lambda_t *lambda)
{
    lambda_function_code_update update = {.code = code("double exp(double x)"), .publish = true};
    return lambda_function_update_code(lambda, "f", &update);
}

static lambda_status publish(lambda_t *lambda)
{
    lambda_function_configuration *version = NULL;
    lambda_status status =
        lambda_version_publish(lambda, "f", &(lambda_version_options){.description = "the third"}, &version);
    lambda_function_configuration_free(version);
    return status;
}

static lambda_status create_alias(lambda_t *lambda)
{
    return lambda_alias_create(
        lambda, "f", &(lambda_alias_config){.name = "new", .function_version = "2", .description = "an alias"});
}

static lambda_status alias_of_latest(lambda_t *lambda)
{
    return lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "edge", .function_version = "$LATEST"});
}

static lambda_status update_alias(lambda_t *lambda)
{
    lambda_alias_config config = {
        .name = "live", .function_version = "2", .additional_version = "1", .additional_weight = 0.1};
    return lambda_alias_update(lambda, "f", &config);
}

static lambda_status describe_alias(lambda_t *lambda)
{
    return lambda_alias_update(lambda, "f", &(lambda_alias_config){.name = "live", .description = "only that"});
}

static lambda_status delete_alias(lambda_t *lambda)
{
    return lambda_alias_delete(lambda, "f", "live");
}

static lambda_status delete_version(lambda_t *lambda)
{
    return lambda_function_delete(lambda, "g:1");
}

static lambda_status delete_function(lambda_t *lambda)
{
    return lambda_function_delete(lambda, "f");
}

static lambda_status tag(lambda_t *lambda)
{
    const lambda_pair tags[] = {{"z", "last"}, {"cost", "\xCE\xBB"}};
    return lambda_function_tag(lambda, "f", tags, 2);
}

static lambda_status untag(lambda_t *lambda)
{
    return lambda_function_untag(lambda, "f", (const char *const[]){"cost"}, 1);
}

static lambda_status put_event_config(lambda_t *lambda)
{
    lambda_event_invoke_config config = {
        .maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS, .maximum_event_age_s = 60, .on_failure = "g"};
    return lambda_event_invoke_config_put(lambda, "f:2", &config);
}

static lambda_status update_event_config(lambda_t *lambda)
{
    return lambda_event_invoke_config_update(lambda, "f:live", &(lambda_event_invoke_config){.on_success = ""});
}

static lambda_status delete_event_config(lambda_t *lambda)
{
    return lambda_event_invoke_config_delete(lambda, "f:live");
}

static lambda_status reserve(lambda_t *lambda)
{
    return lambda_function_concurrency_put(lambda, "g", 30);
}

static lambda_status reserve_other(lambda_t *lambda)
{
    return lambda_function_concurrency_put(lambda, "f", 0x20);
}

static lambda_status unreserve(lambda_t *lambda)
{
    return lambda_function_concurrency_delete(lambda, "f");
}

static lambda_status provision(lambda_t *lambda)
{
    return lambda_provisioned_concurrency_put(lambda, "g:1", 2);
}

static lambda_status provision_other(lambda_t *lambda)
{
    return lambda_provisioned_concurrency_put(lambda, "f:live", 5);
}

static lambda_status unprovision(lambda_t *lambda)
{
    return lambda_provisioned_concurrency_delete(lambda, "f:live");
}

static lambda_status allow_loops(lambda_t *lambda)
{
    return lambda_function_recursion_config_put(lambda, "f", LAMBDA_RECURSIVE_LOOP_ALLOW);
}

static const struct {
    const char *name;
    lambda_status (*make)(lambda_t *lambda);
    bool goes_on; /* without memory for what follows it is made and fails: environments are not started at once */
} changes[] = {
    {"create", create, false},
    {"update configuration", update_configuration, false},
    {"update code", update_code, false},
    {"update and publish", update_and_publish, false},
    {"publish", publish, false},
    {"create alias", create_alias, false},
    {"alias of $LATEST", alias_of_latest, false},
    {"update alias", update_alias, false},
    {"describe alias", describe_alias, false},
    {"delete alias", delete_alias, false},
    {"delete version", delete_version, false},
    {"delete function", delete_function, false},
    {"tag", tag, false},
    {"untag", untag, false},
    {"put event config", put_event_config, false},
    {"update event config", update_event_config, false},
    {"delete event config", delete_event_config, false},
    {"reserve", reserve, false},
    {"reserve other", reserve_other, false},
    {"unreserve", unreserve, false},
    {"provision", provision, true},
    {"provision other", provision_other, true},
    {"unprovision", unprovision, false},
    {"allow loops", allow_loops, false},
};
enum { CHANGES = sizeof(changes) / sizeof(changes[0]) };

/** "f" with two versions and an alias that has everything, "g" with one version; the same each time. */
static lambda_t *open_base(void)
{
    test_store_clear(&store);
    randomness = (test_random){7};
    lambda_t *lambda = open_store();
    const lambda_pair tags[] = {{"cost", "1"}, {"team", "core"}};
    lambda_function_config config = {.function_name = "g", .code = code("double cbrt(double x)"), .publish = true};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    config = (lambda_function_config){.function_name = "f",
                                      .code = code("double pow(double x, double y)"),
                                      .publish = true,
                                      .tags = tags,
                                      .tags_count = 2,
                                      .dead_letter_target_arn = "g"};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    lambda_function_code_update update = {.code = code("double log(double x)"), .publish = true};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.memory_size = 256}));
    lambda_alias_config alias = {
        .name = "live", .function_version = "1", .additional_version = "2", .additional_weight = 0.25};
    assert_ok(lambda, lambda_alias_create(lambda, "f", &alias));
    lambda_event_invoke_config events = {.maximum_retry_attempts = 1, .on_success = "g"};
    assert_ok(lambda, lambda_event_invoke_config_put(lambda, "f:live", &events));
    assert_ok(lambda, lambda_event_invoke_config_put(lambda, "f", &events));
    assert_ok(lambda, lambda_function_concurrency_put(lambda, "f", 20));
    assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:live", 4));
    store.writes = 0;
    wall.wall += 1000000;
    return lambda;
}

static void assert_same(const char *change, const char *before, const char *after)
{
    if (strcmp(before, after) != 0) fail_msg("%s: was\n%sand is\n%s", change, before, after);
}

static void every_change_survives(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHANGES; i++) {
        lambda_t *lambda = open_base();
        char *before = describe(lambda);
        assert_ok(lambda, changes[i].make(lambda));
        assert_int_equal(store.writes, 1);
        char *after = describe(lambda);
        assert_string_not_equal(before, after);
        free(before);
        lambda_close(lambda);
        assert_int_equal(store.closed, 1);
        lambda = open_store();
        assert_string_equal(lambda_error_message(lambda), "");
        char *again = describe(lambda);
        assert_same(changes[i].name, after, again);
        assert_int_equal(store.writes, 1);
        free(after);
        free(again);
        lambda_close(lambda);
    }
}

static void a_failed_write_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHANGES; i++) {
        lambda_t *lambda = open_base();
        char *before = describe(lambda);
        char *stored = test_store_text(&store);
        store.fail_at = 1;
        assert_fails(lambda, changes[i].make(lambda), LAMBDA_ERROR_SERVICE, "the disk is full");
        char *after = describe(lambda);
        char *stored_after = test_store_text(&store);
        assert_same(changes[i].name, before, after);
        assert_same(changes[i].name, stored, stored_after);
        assert_ok(lambda, changes[i].make(lambda));
        free(before);
        free(after);
        free(stored);
        free(stored_after);
        lambda_close(lambda);
        assert_int_equal(memory.live, 0);
    }
}

/** What the store would bring back is what the service has. */
static void assert_kept(const char *change, lambda_t *lambda)
{
    char *now = describe(lambda);
    lambda_close(lambda);
    lambda = open_store();
    char *again = describe(lambda);
    assert_same(change, now, again);
    lambda_close(lambda);
    free(now);
    free(again);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHANGES; i++) {
        lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
        for (long nth = 1; status != LAMBDA_OK; nth++) {
            lambda_t *lambda = open_base();
            char *before = describe(lambda);
            char *stored = test_store_text(&store);
            memory.requests = 0;
            memory.fail_at = nth;
            status = changes[i].make(lambda);
            memory.fail_at = 0;
            assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
            if (status != LAMBDA_OK && !changes[i].goes_on) {
                char *after = describe(lambda);
                char *stored_after = test_store_text(&store);
                assert_same(changes[i].name, before, after);
                assert_same(changes[i].name, stored, stored_after);
                free(after);
                free(stored_after);
            }
            free(before);
            free(stored);
            assert_kept(changes[i].name, lambda);
            assert_int_equal(memory.live, 0);
        }
    }
}

static void opens_only_with_memory(void **state)
{
    (void)state;
    lambda_t *lambda = open_base();
    char *before = describe(lambda);
    lambda_close(lambda);
    char *stored = test_store_text(&store);
    lambda_options options = {.allocator = test_allocator(&memory),
                              .clock = test_clock_port(&wall),
                              .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                              .store = test_store_port(&store)};
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    for (long nth = 1; status != LAMBDA_OK; nth++) {
        memory.requests = 0;
        memory.fail_at = nth;
        store.closed = 0;
        status = lambda_open(&options, &lambda);
        memory.fail_at = 0;
        char *stored_after = test_store_text(&store);
        assert_string_equal(stored, stored_after);
        free(stored_after);
        if (status == LAMBDA_OK) break;
        assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_string_equal(lambda_error_message(NULL), "out of memory");
        assert_int_equal(memory.live, 0);
        assert_int_equal(store.closed, 0); /* it is the host's still */
    }
    char *after = describe(lambda);
    assert_string_equal(before, after);
    free(before);
    free(after);
    free(stored);
    lambda_close(lambda);
}

static void goes_on_where_it_was(void **state)
{
    (void)state;
    lambda_t *lambda = open_base();
    assert_ok(lambda, lambda_alias_delete(lambda, "f", "live"));
    assert_ok(lambda, lambda_function_delete(lambda, "f:2"));
    lambda_close(lambda);
    lambda = open_store();
    /* Numbers are never used twice, and the order of creation goes on. */
    lambda_function_configuration *version = NULL;
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, &version));
    assert_string_equal(version->version, "3");
    lambda_function_configuration_free(version);
    lambda_function_config config = {.function_name = "a", .code = code("double fabs(double x)")};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    lambda_function_list *list = NULL;
    assert_ok(lambda, lambda_function_list_page(lambda, NULL, &list));
    assert_int_equal(list->count, 3);
    assert_string_equal(list->items[0]->function_name, "g");
    assert_string_equal(list->items[1]->function_name, "f");
    assert_string_equal(list->items[2]->function_name, "a");
    lambda_function_list_free(list);
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "f:1", LAMBDA_JSON("{\"x\":2,\"y\":10}"), &result));
    test_assert_payload(&result, "1024.0");
    lambda_result_clear(&result);
    lambda_close(lambda);
}

static void provisioned_environments_start_again(void **state)
{
    (void)state;
    lambda_t *lambda = open_base();
    lambda_close(lambda);
    lambda = open_store();
    lambda_provisioned_concurrency got;
    for (int i = 0; i < 10; i++)
        assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, NULL));
    assert_ok(lambda, lambda_provisioned_concurrency_get(lambda, "f:live", &got));
    assert_int_equal(got.status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
    assert_int_equal(got.allocated, 4);
    lambda_close(lambda);
}

static void refused(const char *part)
{
    lambda_t *lambda = NULL;
    lambda_options options = {.allocator = test_allocator(&memory), .store = test_store_port(&store)};
    assert_fails(NULL, lambda_open(&options, &lambda), LAMBDA_ERROR_SERVICE, part);
    assert_null(lambda);
    assert_int_equal(memory.live, 0);
    assert_int_equal(store.closed, 0);
}

static void a_store_that_fails_is_said_to(void **state)
{
    (void)state;
    lambda_t *lambda = open_base();
    lambda_close(lambda);
    store.closed = 0;
    store.fail_reading = true;
    refused("the disk is gone");
    store.fail_reading = false;
    store.fail_attach = true;
    refused("somebody else's");
    store.fail_attach = false;
    lambda_options options = {.store = test_store_port(&store)};
    options.store.read = NULL;
    assert_fails(NULL, lambda_open(&options, &lambda), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "store");
    /* Less room than was reserved when it was kept. */
    options = (lambda_options){.store = test_store_port(&store), .limits = {.concurrent_executions = 10}};
    assert_fails(NULL, lambda_open(&options, &lambda), LAMBDA_ERROR_SERVICE, "\"f\": reserved_concurrent_executions");
    assert_int_equal(store.closed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_change_survives, begin, end),
        cmocka_unit_test_setup_teardown(a_failed_write_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_nothing_changes, begin, end),
        cmocka_unit_test_setup_teardown(opens_only_with_memory, begin, end),
        cmocka_unit_test_setup_teardown(goes_on_where_it_was, begin, end),
        cmocka_unit_test_setup_teardown(provisioned_environments_start_again, begin, end),
        cmocka_unit_test_setup_teardown(a_store_that_fails_is_said_to, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
