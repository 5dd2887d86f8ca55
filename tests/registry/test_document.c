/* Documents of functions: format 1 is read for ever, and whatever is wrong with one is told. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Format 1, as it was first written. It never changes; a later format is another text beside it. */
static const char format_1[] =
    "{\"format\":1,\"name\":\"f\",\"sequence\":2,\"next_number\":4,\"recursive_loop\":\"Allow\","
    "\"tags\":{\"cost\":\"1\",\"team\":\"core\"},\"codes\":[{\"runtime\":\"typed\","
    "\"sha256\":\"2vBv5v4ZQevMTG6yg+aQa4Q+JSeMOV0N1fqIYUDdFPU=\",\"size\":0,\"path\":\"libm.so.6\","
    "\"declaration\":\"double pow(double x, double y)\",\"loadable\":true,\"bytes\":false},{"
    "\"runtime\":\"native\",\"sha256\":\"gYBU4FxEUCZK8wNq57ekFdnxeF9ImZqKkJjyIqhIkCY=\",\"size\":0,"
    "\"loadable\":false,\"bytes\":false}],\"versions\":[{\"number\":0,\"code\":0,"
    "\"revision_id\":\"b0fcc0d2-6cd3-46af-938c-6a0cda7326c7\",\"modified\":1,\"settings\":{"
    "\"memory_size\":256,\"timeout_ms\":3000,\"ephemeral_storage_size\":512,"
    "\"spare_environments\":0,\"isolation\":\"THREAD\",\"description\":\"\",\"handler\":\"\",\"role\":\"\","
    "\"dead_letter_target_arn\":\"\",\"environment\":{\"KEY\":\"value\",\"A_2\":\"\"}}},{\"number\":1,"
    "\"code\":1,\"revision_id\":\"b0fcc0d2-6cd3-46af-938c-6a0cda7326c7\",\"modified\":2,"
    "\"settings\":{\"memory_size\":128,\"timeout_ms\":3000,\"ephemeral_storage_size\":512,"
    "\"spare_environments\":0,\"isolation\":\"INLINE\",\"description\":\"\",\"handler\":\"file.main\","
    "\"role\":\"\",\"dead_letter_target_arn\":\"g\",\"environment\":{}}},{\"number\":3,\"code\":0,"
    "\"revision_id\":\"b0fcc0d2-6cd3-46af-938c-6a0cda7326c7\",\"modified\":3,"
    "\"description\":\"its own\",\"settings\":{\"memory_size\":128,\"timeout_ms\":3000,"
    "\"ephemeral_storage_size\":512,\"spare_environments\":3,\"isolation\":\"INLINE\","
    "\"description\":\"text\",\"handler\":\"\",\"role\":\"arn:aws:iam::123456789012:role/name\","
    "\"dead_letter_target_arn\":\"\",\"environment\":{}}}],\"aliases\":[{\"name\":\"edge\","
    "\"description\":\"\",\"revision_id\":\"b0fcc0d2-6cd3-46af-938c-6a0cda7326c7\",\"version\":0,"
    "\"additional_version\":0,\"additional_weight\":0.0},{\"name\":\"live\","
    "\"description\":\"what runs\",\"revision_id\":\"b0fcc0d2-6cd3-46af-938c-6a0cda7326c7\","
    "\"version\":1,\"additional_version\":3,\"additional_weight\":0.25}],"
    "\"event_invoke_configs\":[{\"qualifier\":\"$LATEST\",\"maximum_retry_attempts\":2,"
    "\"maximum_event_age_s\":60,\"on_success\":\"\",\"on_failure\":\"g\",\"modified\":4},{"
    "\"qualifier\":\"live\",\"maximum_retry_attempts\":0,\"maximum_event_age_s\":21600,"
    "\"on_success\":\"g\",\"on_failure\":\"\",\"modified\":5}],\"concurrency\":{\"reserved\":20,"
    "\"provisioned\":[{\"qualifier\":\"3\",\"requested\":1,\"modified\":7},{\"qualifier\":\"live\","
    "\"requested\":4,\"modified\":6}]}}";

/* How a function is told of came later: it stands in $LATEST's settings where it is not the default. */
static const char observed[] = "\"environment\":{\"KEY\":\"value\",\"A_2\":\"\"},\"log_format\":\"JSON\","
                               "\"application_log_level\":\"TRACE\",\"system_log_level\":\"WARN\","
                               "\"log_group\":\"/shop/orders\",\"tracing_mode\":\"ACTIVE\",\"metrics_mode\":\"OFF\"}";
static const char environment[] = "\"environment\":{\"KEY\":\"value\",\"A_2\":\"\"}}";

static test_memory memory;
static test_store store;

static int begin(void **state)
{
    (void)state;
    memory = (test_memory){0};
    test_store_set(&store, "function", "f", format_1, sizeof(format_1) - 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_store_clear(&store);
    assert_int_equal(memory.live, 0);
    return 0;
}

static lambda_options options(void)
{
    return (lambda_options){.allocator = test_allocator(&memory), .store = test_store_port(&store)};
}

static void format_1_is_read(void **state)
{
    (void)state;
    lambda_options chosen = options();
    lambda_t *lambda = test_open(&chosen);
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f", &got));
    assert_string_equal(got->revision_id, "b0fcc0d2-6cd3-46af-938c-6a0cda7326c7");
    assert_int_equal(got->memory_size, 256);
    assert_int_equal(got->isolation, LAMBDA_ISOLATION_THREAD);
    assert_int_equal(got->environment_count, 2);
    assert_string_equal(got->environment[0].name, "KEY");
    assert_int_equal(got->tags_count, 2);
    assert_string_equal(got->state, "Active");
    assert_string_equal(got->logging_config.log_group, "/aws/lambda/f");
    assert_int_equal(got->logging_config.log_format, LAMBDA_LOG_FORMAT_TEXT);
    assert_int_equal(got->logging_config.application_log_level, LAMBDA_LOG_DEFAULT);
    assert_int_equal(got->logging_config.system_log_level, LAMBDA_LOG_DEFAULT);
    assert_int_equal(got->tracing_mode, LAMBDA_TRACING_PASS_THROUGH);
    assert_int_equal(got->metrics_mode, LAMBDA_METRICS_ON);
    lambda_function_configuration_free(got);
    assert_ok(lambda, lambda_function_get(lambda, "f:3", &got));
    assert_string_equal(got->description, "its own");
    assert_string_equal(got->last_modified, "1970-01-01T00:00:00.000+0000");
    lambda_function_configuration_free(got);
    assert_ok(lambda, lambda_function_get(lambda, "f:live", &got));
    assert_string_equal(got->version, "1");
    assert_string_equal(got->dead_letter_target_arn, "g");
    assert_string_equal(got->state, "Inactive");
    lambda_function_configuration_free(got);
    lambda_recursive_loop loop;
    assert_ok(lambda, lambda_function_recursion_config_get(lambda, "f", &loop));
    assert_int_equal(loop, LAMBDA_RECURSIVE_LOOP_ALLOW);
    /* Written again it is the same text. */
    assert_ok(lambda, lambda_function_untag(lambda, "f", NULL, 0));
    assert_int_equal(store.writes, 1);
    assert_string_equal(test_store_find(&store, "function", "f")->data, format_1);
    lambda_close(lambda);
}

static void refused(const char *part)
{
    lambda_t *lambda = NULL;
    lambda_options chosen = options();
    assert_fails(NULL, lambda_open(&chosen, &lambda), LAMBDA_ERROR_SERVICE, part);
    assert_null(lambda);
    assert_int_equal(memory.live, 0);
    assert_int_equal(store.closed, 0);
}

/** The document with a part replaced, in the store and as a copy that the caller frees. */
static char *replace(const char *from, const char *to)
{
    const char *at = strstr(format_1, from);
    if (!at) fail_msg("%s is not in the document", from);
    size_t before = (size_t)(at - format_1);
    size_t added = strlen(to);
    size_t rest = strlen(at + strlen(from));
    char *changed = malloc(before + added + rest + 1);
    assert_non_null(changed);
    memcpy(changed, format_1, before);
    memcpy(changed + before, to, added);
    memcpy(changed + before + added, at + strlen(from), rest + 1);
    test_store_set(&store, "function", "f", changed, strlen(changed));
    return changed;
}

static void what_came_later_is_read(void **state)
{
    (void)state;
    char *document = replace(environment, observed);
    lambda_options chosen = options();
    lambda_t *lambda = test_open(&chosen);
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f", &got));
    assert_string_equal(got->logging_config.log_group, "/shop/orders");
    assert_int_equal(got->logging_config.log_format, LAMBDA_LOG_FORMAT_JSON);
    assert_int_equal(got->logging_config.application_log_level, LAMBDA_LOG_TRACE);
    assert_int_equal(got->logging_config.system_log_level, LAMBDA_LOG_WARN);
    assert_int_equal(got->tracing_mode, LAMBDA_TRACING_ACTIVE);
    assert_int_equal(got->metrics_mode, LAMBDA_METRICS_OFF);
    lambda_function_configuration_free(got);
    assert_ok(lambda, lambda_function_get(lambda, "f:1", &got));
    assert_string_equal(got->logging_config.log_group, "/aws/lambda/f");
    assert_int_equal(got->metrics_mode, LAMBDA_METRICS_ON);
    lambda_function_configuration_free(got);
    assert_ok(lambda, lambda_function_untag(lambda, "f", NULL, 0));
    assert_string_equal(test_store_find(&store, "function", "f")->data, document);
    lambda_close(lambda);
    free(document);
}

/** Opens with a part of the document replaced, which is refused, and leaves the store as it is. */
static void damage(const char *from, const char *to, const char *part)
{
    char *changed = replace(from, to);
    refused("store: the document of the function \"f\": ");
    refused(part);
    assert_string_equal(test_store_find(&store, "function", "f")->data, changed);
    assert_int_equal(store.writes, 0);
    free(changed);
}

static void damaged_documents_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        const char *part;
    } bad[] = {
        {"\"format\":1", "\"format\":2", "format: is 2, and this library knows no later one than 1"},
        {"\"format\":1", "\"format\":0", "format: 0"},
        {"\"format\":1", "\"format\":\"1\"", "format: is missing"},
        {"{\"format\":1,", "", "is not JSON"},
        {"\"name\":\"f\"", "\"name\":\"g\"", "name"},
        {"\"name\":\"f\",", "\"name\":\"f\",\"name\":\"f\",", "is not JSON"},
        {"\"name\":\"f\",", "\"name\":\"f\",\"what\":1,", "\"what\" is unknown"},
        {"\"next_number\":4,", "", "next_number: is missing"},
        {"\"next_number\":4", "\"next_number\":4.5", "next_number: is no whole number"},
        {"\"name\":\"f\"", "\"name\":1", "name: is no string"},
        {"\"additional_weight\":0.25", "\"additional_weight\":\"\"", "additional_weight: is no number"},
        {"\"sequence\":2", "\"sequence\":0", "sequence"},
        {"\"sequence\":2", "\"sequence\":-2", "sequence"},
        {"\"next_number\":4", "\"next_number\":3", "versions[2].number"},
        {"\"Allow\"", "\"Maybe\"", "recursive_loop"},
        {"\"cost\":\"1\"", "\"cost\":1", "tags"},
        {"\"cost\":\"1\"", "\"aws:cost\":\"1\"", "aws:"},
        {"\"codes\":[", "\"codes\":[[],", "codes[0]"},
        {"\"runtime\":\"typed\"", "\"runtime\":\"\"", "runtime"},
        {"\"loadable\":true", "\"loadable\":1", "codes[0]: loadable: is no true or false"},
        {"\"size\":0", "\"size\":-1", "size"},
        {"\"sha256\":\"", "\"sha256\":\"!", "sha256"},
        {"\"code\":0", "\"code\":7", "codes: there is none at 7"},
        {"\"number\":0", "\"number\":1", "versions[0].number"},
        {"\"number\":3", "\"number\":1", "versions[2].number"},
        {"\"revision_id\":\"", "\"revision_id\":\"0", "versions[0].revision_id"},
        {"\"modified\":", "\"modified\":0.5,\"x\":", "versions[0]"},
        {"\"memory_size\":256", "\"memory_size\":1", "memory_size"},
        {"\"timeout_ms\":3000", "\"timeout_ms\":-1", "settings"},
        {"\"isolation\":\"INLINE\"", "\"isolation\":\"MOON\"", "isolation"},
        {"\"environment\":{}", "\"environment\":{},\"log_format\":\"XML\"", "settings.log_format: \"XML\" is none"},
        {"\"environment\":{}", "\"environment\":{},\"log_format\":2", "versions[1].settings"},
        {"\"environment\":{}", "\"environment\":{},\"application_log_level\":\"info\"", "application_log_level"},
        {"\"environment\":{}", "\"environment\":{},\"system_log_level\":\"\"", "versions[1].settings.system_log_level"},
        {"\"environment\":{}", "\"environment\":{},\"system_log_level\":\"FATAL\"", "logging_config.system_log_level"},
        {"\"environment\":{}", "\"environment\":{},\"log_group\":\"\"", "logging_config.log_group"},
        {"\"environment\":{}", "\"environment\":{},\"log_group\":\"a b\"", "logging_config.log_group"},
        {"\"environment\":{}", "\"environment\":{},\"tracing_mode\":\"SOME\"", "tracing_mode"},
        {"\"environment\":{}", "\"environment\":{},\"metrics_mode\":\"\"", "metrics_mode"},
        {"\"environment\":{}", "\"environment\":{},\"log_level\":\"INFO\"",
         "versions[1].settings: \"log_level\" is unknown"},
        {"\"environment\":{}", "\"environment\":[]", "environment"},
        {"\"environment\":{}", "\"environment\":{\"AWS_REGION\":\"\"}", "reserved"},
        {"\"handler\":\"\"", "\"handler\":\"a b\"", "handler"},
        {"\"aliases\":[", "\"aliases\":[0,", "aliases[0]"},
        {"\"name\":\"edge\"", "\"name\":\"12\"", "12"},
        {"\"version\":1,", "\"version\":9,", "aliases[1]"},
        {"\"name\":\"live\"", "\"name\":\"dead\"", "aliases[1]: stands out of order"},
        {"\"additional_weight\":0.25", "\"additional_weight\":1.5", "weight"},
        {"\"qualifier\":\"$LATEST\"", "\"qualifier\":\"zzz\"", "event_invoke_configs[0].qualifier"},
        {"\"qualifier\":\"live\"", "\"qualifier\":\"$LATEST\"", "out of order"},
        {"\"maximum_retry_attempts\":2", "\"maximum_retry_attempts\":3", "event_invoke_configs[0]"},
        {"\"maximum_event_age_s\":21600", "\"maximum_event_age_s\":0", "event_invoke_configs[1]"},
        {"\"reserved\":20", "\"reserved\":-1", "concurrency.reserved"},
        {"\"reserved\":20", "\"reserved\":1000", "reserved_concurrent_executions"},
        {"\"reserved\":20", "\"reserved\":3", "provisioned_concurrent_executions"},
        {"\"requested\":4", "\"requested\":0", "requested"},
        {"\"provisioned\":[{\"qualifier\":\"3\"", "\"provisioned\":[{\"qualifier\":\"4\"", "leads nowhere"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        damage(bad[i].from, bad[i].to, bad[i].part);
}

static void each_has_its_own_place(void **state)
{
    (void)state;
    char *other = strdup(format_1);
    assert_non_null(other);
    memcpy(strstr(other, "\"name\":\"f\""), "\"name\":\"e\"", 10);
    memcpy(strstr(other, "\"requested\":1"), "\"requested\":2", 13);
    test_store_set(&store, "function", "e", other, strlen(other));
    refused("the document of the function \"f\": sequence: \"e\" has the same");
    free(other);
}

/** So many that several threads parse them. */
enum { MANY = 300 };

static void keep_small(int number)
{
    static const char small[] =
        "{\"format\":1,\"name\":\"f-%d\",\"sequence\":%d,\"next_number\":1,\"recursive_loop\":\"Terminate\","
        "\"tags\":{},\"codes\":[{\"runtime\":\"native\","
        "\"sha256\":\"gYBU4FxEUCZK8wNq57ekFdnxeF9ImZqKkJjyIqhIkCY=\",\"size\":0,\"loadable\":false,\"bytes\":false}],"
        "\"versions\":[{\"number\":0,\"code\":0,\"revision_id\":\"b0fcc0d2-6cd3-46af-938c-6a0cda7326c7\","
        "\"modified\":1,\"settings\":{\"memory_size\":%d,\"timeout_ms\":3000,\"ephemeral_storage_size\":512,"
        "\"spare_environments\":0,\"isolation\":\"INLINE\",\"description\":\"\",\"handler\":\"\",\"role\":\"\","
        "\"dead_letter_target_arn\":\"\",\"environment\":{}}}],\"aliases\":[],\"event_invoke_configs\":[],"
        "\"concurrency\":{\"provisioned\":[]}}";
    char name[16];
    char text[1024];
    snprintf(name, sizeof(name), "f-%d", number);
    int length = snprintf(text, sizeof(text), small, number, number + 10, 128 + number);
    test_store_set(&store, "function", name, text, (size_t)length);
}

static void many_are_read(void **state)
{
    (void)state;
    lambda_options chosen = options();
    for (int i = 0; i < MANY; i++)
        keep_small(i);
    lambda_t *lambda = test_open(&chosen);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        lambda_function_configuration *got = NULL;
        snprintf(name, sizeof(name), "f-%d", i);
        assert_ok(lambda, lambda_function_get(lambda, name, &got));
        assert_int_equal(got->memory_size, 128 + i);
        lambda_function_configuration_free(got);
    }
    lambda_close(lambda);
    /* One of them is damaged, somewhere in the middle: it is named, and nothing is left behind. */
    store.closed = 0;
    test_store_set(&store, "function", "f-200", "{", 1);
    refused("store: the document of the function \"f-200\": is not JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(format_1_is_read, begin, end),
        cmocka_unit_test_setup_teardown(what_came_later_is_read, begin, end),
        cmocka_unit_test_setup_teardown(damaged_documents_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(each_has_its_own_place, begin, end),
        cmocka_unit_test_setup_teardown(many_are_read, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
