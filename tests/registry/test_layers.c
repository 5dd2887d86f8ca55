/* Layers of a function: what names one, how many, and what stands in the store. */
#include "driver.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

#define INVALID   LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define ARN(name) "arn:aws:lambda:us-east-1:123456789012:layer:" name

static test_memory memory;
static test_store store;
static test_driver driver;
static test_driver newer;

static lambda_t *open_with(lambda_store port_of_store)
{
    lambda_options options = {
        .allocator = test_allocator(&memory), .executor = {.kind = LAMBDA_EXECUTOR_NONE}, .store = port_of_store};
    lambda_t *lambda = test_open(&options);
    driver = (test_driver){.process = true, .refers = true};
    const lambda_runtime_driver port = test_driver_port(&driver, "own", true);
    assert_ok(lambda, lambda_runtime_register(lambda, &port));
    newer = (test_driver){.process = true, .refers = true};
    const lambda_runtime_driver another = test_driver_port(&newer, "newer", true);
    assert_ok(lambda, lambda_runtime_register(lambda, &another));
    return lambda;
}

static lambda_t *open_service(void)
{
    return open_with(test_store_port(&store));
}

static int begin(void **state)
{
    memory = (test_memory){0};
    *state = open_service();
    return 0;
}

static int end(void **state)
{
    lambda_close(*state);
    test_store_clear(&store);
    assert_int_equal(memory.live, 0);
    return 0;
}

static lambda_status create(lambda_t *lambda, const char *name, const char *const *layers, size_t count)
{
    const lambda_function_config config = {
        .function_name = name, .code = test_driver_code("own", "alpha"), .layers = layers, .layers_count = count};
    return lambda_function_create(lambda, &config);
}

static void names_of_layers_are_checked(void **state)
{
    lambda_t *lambda = *state;
    char name[256] = ARN("");
    size_t length = strlen(name);
    memset(name + length, 'n', 141);
    strcpy(name + length + 141, ":1");
    const char *const wrong[] = {NULL,
                                 "",
                                 "shared",
                                 ARN("shared"),
                                 ARN("shared:"),
                                 ARN("shared:0"),
                                 ARN("shared:01"),
                                 ARN("shared:x"),
                                 ARN("shared:1x"),
                                 ARN("shared:1:2"),
                                 ARN("sha.red:1"),
                                 ARN("sh\xC3\xA4red:1"),
                                 ARN(":1"),
                                 ARN("shared:12345678901234567890"),
                                 "arn:aws:lambda:us-east-1:12345678901:layer:shared:1",
                                 "arn:aws:lambda:us-east-1:1234567890123:layer:shared:1",
                                 "arn:aws:lambda::123456789012:layer:shared:1",
                                 "arn::lambda:us-east-1:123456789012:layer:shared:1",
                                 "arn:aws:s3:us-east-1:123456789012:layer:shared:1",
                                 "arn:aws:lambda:us-east-1:123456789012:function:shared:1",
                                 name};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (create(lambda, "f", &wrong[i], 1) != INVALID || !strstr(lambda_error_message(lambda), "layers[0]"))
            fail_msg("%s: %s", wrong[i], lambda_error_message(lambda));
    strcpy(name + length + 140, ":1");
    const char *const right[] = {ARN("shared:1"), ARN("A-Z_09:1234567890123456789"),
                                 "arn:aws-us-gov:lambda:us-gov-west-1:000000000000:layer:x:7", name};
    assert_ok(lambda, create(lambda, "f", right, 4));
}

static void a_function_has_few_layers_and_none_twice(void **state)
{
    lambda_t *lambda = *state;
    const char *layers[] = {ARN("a:1"), ARN("b:1"), ARN("c:1"), ARN("d:1"), ARN("e:1"), ARN("f:1")};
    assert_fails(lambda, create(lambda, "f", layers, 6), INVALID, "layers: Cannot reference more than 5 layers");
    assert_fails(lambda, create(lambda, "f", NULL, 1), INVALID, "layers: is NULL");
    assert_ok(lambda, create(lambda, "f", layers, 5));
    const char *const twice[] = {ARN("a:1"), ARN("a:1")};
    const char *const other[] = {ARN("a:1"), ARN("b:1"), ARN("a:2")};
    assert_fails(lambda, create(lambda, "g", twice, 2), INVALID, "same layer");
    assert_fails(lambda, create(lambda, "g", other, 3), INVALID, ARN("a:1") " and " ARN("a:2"));
    const char *const alike[] = {ARN("a:1"), ARN("aa:1"), "arn:aws:lambda:us-east-1:000000000000:layer:a:1"};
    assert_ok(lambda, create(lambda, "g", alike, 3));
    lambda_function_config changes = {.layers = twice, .layers_count = 2};
    assert_fails(lambda, lambda_function_update_configuration(lambda, "g", &changes), INVALID, "same layer");
}

static void layers_are(lambda_t *lambda, const char *name, const char *const *layers, size_t count)
{
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, name, &got));
    assert_int_equal(got->layers_count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(got->layers[i], layers[i]);
    lambda_function_configuration_free(got);
}

static void layers_are_kept(void **state)
{
    lambda_t *lambda = *state;
    const char *const layers[] = {ARN("b:1"), ARN("a:22")};
    const char *const fewer[] = {ARN("a:23")};
    assert_ok(lambda, create(lambda, "f", layers, 2));
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    lambda_function_config changes = {.layers = fewer, .layers_count = 1};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.timeout_ms = 5}));
    /* Nothing but the layers differs: it is another version. */
    lambda_function_configuration *version = NULL;
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, &version));
    assert_string_equal(version->version, "2");
    lambda_function_configuration_free(version);
    for (int i = 0; i < 2; i++) {
        layers_are(lambda, "f:1", layers, 2);
        layers_are(lambda, "f:2", fewer, 1);
        layers_are(lambda, "f", fewer, 1);
        if (i > 0) break;
        lambda_close(lambda);
        *state = lambda = open_service();
    }
    changes.layers_count = 0;
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    layers_are(lambda, "f", NULL, 0);
    layers_are(lambda, "f:2", fewer, 1);
}

/** Replaces a part of the document of "f", of the same length or shorter. */
static void change_document(const char *from, const char *to)
{
    const test_value *value = test_store_find(&store, "function", "f");
    char *text = strdup(value->data);
    assert_non_null(text);
    char *at = strstr(text, from);
    assert_non_null(at);
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
    test_store_set(&store, "function", "f", text, strlen(text));
    free(text);
}

static void refused(const char *reason)
{
    lambda_options options = {.allocator = test_allocator(&memory), .store = test_store_port(&store)};
    lambda_t *lambda = NULL;
    assert_fails(NULL, lambda_open(&options, &lambda), LAMBDA_ERROR_SERVICE, reason);
    assert_null(lambda);
}

static void documents_are_checked(void **state)
{
    lambda_t *lambda = *state;
    const char *const layers[] = {ARN("b:1"), ARN("a:22")};
    assert_ok(lambda, create(lambda, "f", layers, 2));
    lambda_close(lambda);
    assert_non_null(strstr(test_store_find(&store, "function", "f")->data, "\"isolation\":\"PROCESS\""));
    assert_non_null(strstr(test_store_find(&store, "function", "f")->data, "\"reference\":\"text:alpha\""));
    char *whole = strdup(test_store_find(&store, "function", "f")->data);
    assert_non_null(whole);
    change_document("[\"arn", "[\"brn");
    refused("layers[0]");
    change_document("\"brn:aws:lambda:us-east-1:123456789012:layer:b:1\"", "7");
    refused("layers: one is no string");
    change_document("[7,\"" ARN("a:22") "\"]", "[1,2,3,4,5,6]");
    refused("layers: is no array");
    change_document("[1,2,3,4,5,6]", "{}");
    refused("layers: is no array");
    test_store_set(&store, "function", "f", whole, strlen(whole));
    /* As a library wrote it that knew of neither. */
    change_document(",\"layers\":[\"" ARN("b:1") "\",\"" ARN("a:22") "\"]", "");
    change_document("\"reference\":\"text:alpha\",", "");
    change_document("PROCESS", "INLINE");
    *state = lambda = open_service();
    layers_are(lambda, "f", NULL, 0);
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f", &got));
    assert_string_equal(got->state, "Inactive");
    assert_int_equal(got->isolation, LAMBDA_ISOLATION_INLINE);
    lambda_function_configuration_free(got);
    free(whole);
}

static void answers_are(lambda_t *lambda, const char *name, const char *answer)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("{}"), &result));
    assert_int_equal(result.payload.length, strlen(answer));
    assert_memory_equal(result.payload.data, answer, strlen(answer));
    lambda_result_clear(&result);
}

static void the_same_code_runs_with_another_runtime(void **state)
{
    lambda_t *lambda = *state;
    const char *const one[] = {ARN("a:1")};
    const char *const other[] = {ARN("b:1"), ARN("a:2")};
    lambda_function_configuration *made = NULL;
    lambda_function_config changes = {.runtime = "newer", .handler = "h", .made = &made};
    assert_ok(lambda, create(lambda, "f", one, 1));
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    lambda_function_configuration *before = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f", &before));
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    assert_string_equal(made->runtime, "newer");
    assert_string_equal(made->code_sha256, before->code_sha256);
    lambda_function_configuration_free(made);
    lambda_function_configuration_free(before);
    assert_int_equal(newer.loads, 1);
    answers_are(lambda, "f", "alpha h " ARN("a:1"));
    answers_are(lambda, "f:1", "alpha  " ARN("a:1"));
    /* It is another version, and its layers may change with it. */
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, &made));
    assert_string_equal(made->version, "2");
    lambda_function_configuration_free(made);
    changes = (lambda_function_config){.runtime = "own", .layers = other, .layers_count = 2};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    answers_are(lambda, "f", "alpha h " ARN("b:1") " " ARN("a:2"));
    lambda_close(lambda);
    *state = lambda = open_service();
    answers_are(lambda, "f", "alpha h " ARN("b:1") " " ARN("a:2"));
    answers_are(lambda, "f:2", "alpha h " ARN("a:1"));
    /* What cannot be leaves all as it was. */
    changes = (lambda_function_config){.runtime = "none"};
    assert_fails(lambda, lambda_function_update_configuration(lambda, "f", &changes), LAMBDA_ERROR_INVALID_RUNTIME,
                 "none");
    newer.fails = true;
    changes.runtime = "newer";
    assert_fails(lambda, lambda_function_update_configuration(lambda, "f", &changes), LAMBDA_ERROR_INVALID_CODE,
                 "lost");
    newer.fails = false;
    answers_are(lambda, "f", "alpha h " ARN("b:1") " " ARN("a:2"));
    bool all = false;
    changes.layers = one;
    changes.layers_count = 1;
    for (long at = 1; !all; at++) {
        memory.requests = 0;
        memory.fail_at = at;
        lambda_status status = lambda_function_update_configuration(lambda, "f", &changes);
        all = memory.requests < at;
        memory.fail_at = 0;
        assert_int_equal(status, all ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
    }
    answers_are(lambda, "f", "alpha h " ARN("a:1"));
}

/** What a service without a store knows of code is less. */
static void another_runtime_needs_no_store(void **state)
{
    lambda_close(*state);
    lambda_t *lambda = *state = open_with((lambda_store){0});
    const lambda_function_config changes = {.runtime = "newer"};
    assert_ok(lambda, create(lambda, "f", NULL, 0));
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    assert_int_equal(newer.loads, 1);
    answers_are(lambda, "f", "alpha ");
    driver.refers = false;
    assert_ok(lambda, create(lambda, "g", NULL, 0));
    assert_fails(lambda, lambda_function_update_configuration(lambda, "g", &changes), INVALID, "runtime");
}

static void memory_may_be_out(void **state)
{
    lambda_t *lambda = *state;
    const char *const layers[] = {ARN("b:1"), ARN("a:22")};
    bool all = false;
    for (long at = 1; !all; at++) {
        memory.requests = 0;
        memory.fail_at = at;
        lambda_status status = create(lambda, "f", layers, 2);
        lambda_function_configuration *got = NULL;
        if (status == LAMBDA_OK) status = lambda_function_get(lambda, "f", &got);
        all = memory.requests < at;
        memory.fail_at = 0;
        assert_int_equal(status, all ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
        lambda_function_configuration_free(got);
        if (all) layers_are(lambda, "f", layers, 2);
        (void)lambda_function_delete(lambda, "f");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_of_layers_are_checked, begin, end),
        cmocka_unit_test_setup_teardown(a_function_has_few_layers_and_none_twice, begin, end),
        cmocka_unit_test_setup_teardown(layers_are_kept, begin, end),
        cmocka_unit_test_setup_teardown(documents_are_checked, begin, end),
        cmocka_unit_test_setup_teardown(the_same_code_runs_with_another_runtime, begin, end),
        cmocka_unit_test_setup_teardown(another_runtime_needs_no_store, begin, end),
        cmocka_unit_test_setup_teardown(memory_may_be_out, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
