/* Versions and aliases: publishing, numbers, routing, deletion, lists. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static lambda_status answers_user(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    const char *text = lambda_context_user(context);
    return lambda_response_write(response, text, strlen(text));
}

static void update(lambda_t *lambda, char *text)
{
    lambda_function_code_update code = {.code = lambda_code_native(answers_user, text)};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &code));
}

static void publish(lambda_t *lambda, const char *number)
{
    lambda_function_configuration *version = NULL;
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, &version));
    assert_string_equal(version->version, number);
    lambda_function_configuration_free(version);
}

static void expect(lambda_t *lambda, const char *name, const char *text)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, text);
    lambda_result_clear(&result);
}

static lambda_t *open_with_versions(void)
{
    lambda_t *lambda = test_open(NULL);
    test_create(lambda, "f", answers_user, "one");
    publish(lambda, "1");
    update(lambda, "two");
    publish(lambda, "2");
    update(lambda, "three");
    return lambda;
}

static void versions_are_snapshots(void **state)
{
    (void)state;
    lambda_t *lambda = open_with_versions();
    expect(lambda, "f", "three");
    expect(lambda, "f:1", "one");
    expect(lambda, "f:2", "two");
    publish(lambda, "3");
    publish(lambda, "3"); /* nothing has changed */
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.timeout_ms = 9}));
    publish(lambda, "4");
    assert_ok(lambda, lambda_function_delete(lambda, "f:4"));
    publish(lambda, "5"); /* a number is never used twice */
    assert_fails(lambda, lambda_invoke(lambda, "f:4", LAMBDA_JSON("1"), NULL), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "f:4");
    assert_fails(lambda, lambda_function_delete(lambda, "f:4"), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "f:4");
    assert_fails(lambda, lambda_function_delete(lambda, "f:$LATEST"), INVALID, "$LATEST");
    assert_fails(lambda, lambda_function_delete(lambda, "f:live"), INVALID, "live");
    assert_fails(lambda, lambda_function_delete(lambda, "g"), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "g");
    assert_fails(NULL, lambda_function_delete(NULL, "g"), INVALID, "lambda");
    lambda_function_list *list = NULL;
    assert_ok(lambda, lambda_version_list_page(lambda, "f", &(lambda_list_options){.max_items = 3}, &list));
    assert_int_equal(list->count, 3);
    assert_string_equal(list->items[0]->version, "$LATEST");
    assert_string_equal(list->items[2]->version, "2");
    assert_string_equal(list->items[2]->function_arn, "arn:aws:lambda:us-east-1:000000000000:function:f:2");
    char marker[32];
    snprintf(marker, sizeof(marker), "%s", list->next_marker);
    lambda_function_list_free(list);
    assert_ok(lambda, lambda_version_list_page(lambda, "f", &(lambda_list_options){.marker = marker}, &list));
    assert_int_equal(list->count, 2);
    assert_string_equal(list->items[0]->version, "3");
    assert_string_equal(list->items[1]->version, "5");
    assert_null(list->next_marker);
    lambda_function_list_free(list);
    assert_fails(lambda, lambda_version_list_page(lambda, "g", NULL, &list), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "g");
    assert_fails(lambda, lambda_version_list_page(lambda, "f", NULL, NULL), INVALID, "list");
    assert_fails(NULL, lambda_version_list_page(NULL, "f", NULL, &list), INVALID, "lambda");
    lambda_close(lambda);
}

static void publishing_has_preconditions(void **state)
{
    (void)state;
    lambda_t *lambda = open_with_versions();
    lambda_function_configuration *latest = NULL;
    lambda_function_configuration *version = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f", &latest));
    assert_fails(lambda, lambda_version_publish(lambda, "f", &(lambda_version_options){.revision_id = "x"}, &version),
                 LAMBDA_ERROR_PRECONDITION_FAILED, "revision_id");
    assert_fails(lambda, lambda_version_publish(lambda, "f", &(lambda_version_options){.code_sha256 = "x"}, &version),
                 INVALID, "code_sha256");
    assert_null(version);
    lambda_version_options options = {
        .description = "the third", .code_sha256 = latest->code_sha256, .revision_id = latest->revision_id};
    assert_ok(lambda, lambda_version_publish(lambda, "f", &options, &version));
    assert_string_equal(version->description, "the third");
    assert_string_equal(version->code_sha256, latest->code_sha256);
    assert_fails(lambda, lambda_version_publish(lambda, "f", &(lambda_version_options){.description = "\xFF"}, NULL),
                 INVALID, "description");
    assert_fails(lambda, lambda_version_publish(lambda, "f:1", NULL, NULL), INVALID, "qualifier");
    assert_fails(lambda, lambda_version_publish(lambda, "g", NULL, NULL), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "g");
    assert_fails(NULL, lambda_version_publish(NULL, "f", NULL, NULL), INVALID, "lambda");
    lambda_function_configuration_free(latest);
    lambda_function_configuration_free(version);
    lambda_close(lambda);
}

static void a_version_that_cannot_be_shown_is_not_published(void **state)
{
    (void)state;
    for (long nth = 1; nth < 12; nth++) {
        test_memory memory = {0};
        lambda_t *lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
        test_create(lambda, "f", answers_user, "one");
        lambda_function_configuration *version = NULL;
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_status status = lambda_version_publish(lambda, "f", NULL, &version);
        memory.fail_at = 0;
        lambda_status there = lambda_invoke(lambda, "f:1", LAMBDA_JSON("1"), NULL);
        assert_int_equal(there, status == LAMBDA_OK ? LAMBDA_OK : LAMBDA_ERROR_RESOURCE_NOT_FOUND);
        publish(lambda, "1");
        lambda_function_configuration_free(version);
        lambda_close(lambda);
        assert_int_equal(memory.live, 0);
    }
}

static void aliases_lead_to_versions(void **state)
{
    (void)state;
    lambda_t *lambda = open_with_versions();
    lambda_alias_config config = {.name = "live", .function_version = "1", .description = "what runs"};
    assert_ok(lambda, lambda_alias_create(lambda, "f", &config));
    assert_fails(lambda, lambda_alias_create(lambda, "f", &config), LAMBDA_ERROR_RESOURCE_CONFLICT, "live");
    expect(lambda, "f:live", "one");
    lambda_alias *alias = NULL;
    assert_ok(lambda, lambda_alias_get(lambda, "f", "live", &alias));
    assert_string_equal(alias->alias_arn, "arn:aws:lambda:us-east-1:000000000000:function:f:live");
    assert_string_equal(alias->function_version, "1");
    assert_string_equal(alias->description, "what runs");
    assert_string_equal(alias->additional_version, "");
    assert_fails(lambda, lambda_alias_update(lambda, "f", &(lambda_alias_config){.name = "live", .revision_id = "x"}),
                 LAMBDA_ERROR_PRECONDITION_FAILED, "revision_id");
    assert_ok(lambda,
              lambda_alias_update(
                  lambda, "f",
                  &(lambda_alias_config){.name = "live", .function_version = "2", .revision_id = alias->revision_id}));
    lambda_alias_free(alias);
    assert_ok(lambda, lambda_alias_get(lambda, "f", "live", &alias));
    assert_string_equal(alias->function_version, "2");
    assert_string_equal(alias->description, "what runs");
    lambda_alias_free(alias);
    expect(lambda, "f:live", "two");
    assert_fails(lambda, lambda_function_delete(lambda, "f:2"), LAMBDA_ERROR_RESOURCE_CONFLICT, "live");
    assert_ok(lambda, lambda_function_delete(lambda, "f:1"));
    assert_ok(lambda, lambda_alias_create(lambda, "f",
                                          &(lambda_alias_config){.name = "newest", .function_version = "$LATEST"}));
    expect(lambda, "f:newest", "three");
    update(lambda, "four");
    expect(lambda, "f:newest", "four");
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f:live", &got));
    assert_string_equal(got->version, "2");
    assert_string_equal(got->function_arn, "arn:aws:lambda:us-east-1:000000000000:function:f:live");
    lambda_function_configuration_free(got);
    assert_ok(lambda, lambda_alias_delete(lambda, "f", "live"));
    assert_ok(lambda, lambda_alias_delete(lambda, "f", "live"));
    assert_fails(lambda, lambda_alias_get(lambda, "f", "live", &alias), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "live");
    assert_ok(lambda, lambda_function_delete(lambda, "f:2"));
    lambda_close(lambda);
}

static void bad_aliases_are_refused(void **state)
{
    (void)state;
    lambda_t *lambda = open_with_versions();
    const lambda_status missing = LAMBDA_ERROR_RESOURCE_NOT_FOUND;
    const struct {
        lambda_alias_config config;
        lambda_status status;
        const char *text;
    } bad[] = {
        {{.function_version = "1"}, INVALID, "name"},
        {{.name = "12", .function_version = "1"}, INVALID, "name"},
        {{.name = "", .function_version = "1"}, INVALID, "name"},
        {{.name = "$LATEST", .function_version = "1"}, INVALID, "name"},
        {{.name = "a b", .function_version = "1"}, INVALID, "a b"},
        {{.name = "a"}, INVALID, "function_version"},
        {{.name = "a", .function_version = "9"}, missing, "9"},
        {{.name = "a", .function_version = "x"}, INVALID, "function_version"},
        {{.name = "a", .function_version = "99999999999999999999999"}, missing, "function_version"},
        {{.name = "a", .function_version = "1", .revision_id = "x"}, INVALID, "revision_id"},
        {{.name = "a", .function_version = "1", .description = "\xFF"}, INVALID, "description"},
        {{.name = "a", .function_version = "1", .additional_weight = 0.1}, INVALID, "additional_weight"},
        {{.name = "a", .function_version = "1", .additional_version = "2", .additional_weight = 1.1},
         INVALID,
         "weight"},
        {{.name = "a", .function_version = "1", .additional_version = "2", .additional_weight = -1}, INVALID, "weight"},
        {{.name = "a", .function_version = "1", .additional_version = "1", .additional_weight = 0.1},
         INVALID,
         "already"},
        {{.name = "a", .function_version = "1", .additional_version = "$LATEST", .additional_weight = 0.1},
         INVALID,
         "$LATEST"},
        {{.name = "a", .function_version = "$LATEST", .additional_version = "1", .additional_weight = 0.1},
         INVALID,
         "$LATEST"},
        {{.name = "a", .function_version = "1", .additional_version = "7", .additional_weight = 0.1}, missing, "7"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(lambda, lambda_alias_create(lambda, "f", &bad[i].config), bad[i].status, bad[i].text);
    lambda_alias_config config = {.name = "a", .function_version = "1"};
    lambda_alias *alias = NULL;
    lambda_alias_list *list = NULL;
    assert_fails(lambda, lambda_alias_update(lambda, "f", &config), missing, "f:a");
    assert_fails(lambda, lambda_alias_create(lambda, "g", &config), missing, "g");
    assert_fails(lambda, lambda_alias_create(lambda, "f", NULL), INVALID, "config");
    assert_fails(NULL, lambda_alias_create(NULL, "f", &config), INVALID, "lambda");
    assert_fails(lambda, lambda_alias_get(lambda, "f", "a", NULL), INVALID, "alias");
    assert_fails(lambda, lambda_alias_get(lambda, "f", NULL, &alias), INVALID, "alias_name");
    assert_fails(NULL, lambda_alias_get(NULL, "f", "a", &alias), INVALID, "lambda");
    assert_fails(lambda, lambda_alias_delete(lambda, "g", "a"), missing, "g");
    assert_fails(NULL, lambda_alias_delete(NULL, "g", "a"), INVALID, "lambda");
    assert_fails(lambda, lambda_alias_list_page(lambda, "f", NULL, NULL, NULL), INVALID, "list");
    assert_fails(NULL, lambda_alias_list_page(NULL, "f", NULL, NULL, &list), INVALID, "lambda");
    assert_fails(lambda, lambda_alias_list_page(lambda, "f", NULL, &(lambda_list_options){.marker = "12"}, &list),
                 INVALID, "marker");
    lambda_alias_free(NULL);
    lambda_alias_list_free(NULL);
    lambda_close(lambda);
}

static void aliases_are_listed_by_name(void **state)
{
    (void)state;
    lambda_t *lambda = open_with_versions();
    static const char *const names[] = {"m", "a", "z", "b", "aa"};
    for (size_t i = 0; i < 5; i++)
        assert_ok(lambda,
                  lambda_alias_create(lambda, "f",
                                      &(lambda_alias_config){.name = names[i], .function_version = i % 2 ? "1" : "2"}));
    lambda_alias_list *list = NULL;
    assert_ok(lambda, lambda_alias_list_page(lambda, "f", NULL, &(lambda_list_options){.max_items = 3}, &list));
    assert_int_equal(list->count, 3);
    assert_string_equal(list->items[0]->name, "a");
    assert_string_equal(list->items[1]->name, "aa");
    assert_string_equal(list->items[2]->name, "b");
    assert_string_equal(list->next_marker, "m");
    lambda_alias_list_free(list);
    assert_ok(lambda, lambda_alias_list_page(lambda, "f", NULL, &(lambda_list_options){.marker = "m"}, &list));
    assert_int_equal(list->count, 2);
    assert_null(list->next_marker);
    lambda_alias_list_free(list);
    assert_ok(lambda, lambda_alias_list_page(lambda, "f", "1", NULL, &list));
    assert_int_equal(list->count, 2);
    assert_string_equal(list->items[0]->name, "a");
    lambda_alias_list_free(list);
    lambda_close(lambda);
}

static int count_ones(lambda_t *lambda, int calls)
{
    lambda_result result = {0};
    int ones = 0;
    for (int i = 0; i < calls; i++) {
        assert_ok(lambda, lambda_invoke(lambda, "f:split", LAMBDA_JSON("1"), &result));
        ones += strcmp(result.executed_version, "2") == 0;
    }
    lambda_result_clear(&result);
    return ones;
}

static void weights_split_invocations(void **state)
{
    (void)state;
    int first = 0;
    for (int run = 0; run < 2; run++) {
        test_random random = {.state = 7};
        lambda_t *lambda = test_open(&(lambda_options){.random = test_random_port(&random)});
        test_create(lambda, "f", answers_user, "one");
        publish(lambda, "1");
        update(lambda, "two");
        publish(lambda, "2");
        lambda_alias_config config = {
            .name = "split", .function_version = "1", .additional_version = "2", .additional_weight = 0.1};
        assert_ok(lambda, lambda_alias_create(lambda, "f", &config));
        int tenth = count_ones(lambda, 100000);
        /* Five standard deviations of a binomial split are about 475. */
        assert_in_range(tenth, 9500, 10500);
        if (run == 0)
            first = tenth;
        else
            assert_int_equal(tenth, first); /* the same seed, the same routes */
        config = (lambda_alias_config){.name = "split", .additional_version = "2", .additional_weight = 1.0};
        assert_ok(lambda, lambda_alias_update(lambda, "f", &config));
        assert_int_equal(count_ones(lambda, 1000), 1000);
        config.additional_weight = 0.0;
        assert_ok(lambda, lambda_alias_update(lambda, "f", &config));
        assert_int_equal(count_ones(lambda, 1000), 0);
        assert_fails(lambda, lambda_function_delete(lambda, "f:2"), LAMBDA_ERROR_RESOURCE_CONFLICT, "split");
        config = (lambda_alias_config){.name = "split", .additional_version = ""};
        assert_ok(lambda, lambda_alias_update(lambda, "f", &config));
        assert_ok(lambda, lambda_function_delete(lambda, "f:2"));
        lambda_close(lambda);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_snapshots),
        cmocka_unit_test(publishing_has_preconditions),
        cmocka_unit_test(a_version_that_cannot_be_shown_is_not_published),
        cmocka_unit_test(aliases_lead_to_versions),
        cmocka_unit_test(bad_aliases_are_refused),
        cmocka_unit_test(aliases_are_listed_by_name),
        cmocka_unit_test(weights_split_invocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
