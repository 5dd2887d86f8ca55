/* Functions: configuration, validation, preconditions, tags, lists, memory. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static test_memory memory;

static lambda_t *open_counted(void)
{
    memory = (test_memory){0};
    return test_open(&(lambda_options){.allocator = test_allocator(&memory)});
}

static void close_counted(lambda_t *lambda)
{
    lambda_close(lambda);
    assert_int_equal(memory.live, 0);
}

static lambda_function_configuration *get(lambda_t *lambda, const char *name)
{
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, name, &got));
    return got;
}

/** What a call says it made, against the function as it is. */
static void assert_made(lambda_t *lambda, lambda_function_configuration *made, const char *name, const char *version)
{
    assert_non_null(made);
    lambda_function_configuration *now = get(lambda, name);
    assert_string_equal(made->version, version);
    assert_string_equal(made->revision_id, now->revision_id);
    assert_string_equal(made->description, now->description);
    lambda_function_configuration_free(now);
    lambda_function_configuration_free(made);
}

static void changes_say_what_they_made(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    lambda_function_configuration *made = NULL;
    lambda_function_config config = {
        .function_name = "f", .code = lambda_code_native(test_echo, NULL), .publish = true, .made = &made};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    assert_string_equal(made->function_arn, "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert_made(lambda, made, "f:1", "1");
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_RESOURCE_CONFLICT, "f");
    assert_null(made);
    lambda_function_config changes = {.description = "new", .made = &made};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    assert_made(lambda, made, "f", "$LATEST");
    changes.memory_size = 1;
    assert_fails(lambda, lambda_function_update_configuration(lambda, "f", &changes), INVALID, "memory_size");
    assert_null(made);
    int other = 0;
    lambda_function_code_update update = {
        .code = lambda_code_native(test_echo, &other), .dry_run = true, .publish = true, .made = &made};
    lambda_function_configuration *before = get(lambda, "f");
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    assert_string_equal(made->version, "$LATEST");
    assert_string_not_equal(made->code_sha256, before->code_sha256);
    lambda_function_configuration_free(before);
    lambda_function_configuration_free(made);
    update.dry_run = false;
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    assert_string_equal(made->function_arn, "arn:aws:lambda:us-east-1:000000000000:function:f:2");
    assert_made(lambda, made, "f:2", "2");
    /* The same again is no new version, and it says which it is. */
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    assert_made(lambda, made, "f:2", "2");
    update.revision_id = "none";
    assert_fails(lambda, lambda_function_update_code(lambda, "f", &update), LAMBDA_ERROR_PRECONDITION_FAILED, "");
    assert_null(made);
    close_counted(lambda);
}

static void keeps_its_configuration(void **state)
{
    (void)state;
    memory = (test_memory){0};
    test_clock clock = {.wall = UINT64_C(1767225600123) * 1000000};
    lambda_t *lambda =
        test_open(&(lambda_options){.allocator = test_allocator(&memory), .clock = test_clock_port(&clock)});
    char value[] = "one";
    lambda_pair environment[] = {{"KEY", value}, {"OTHER_2", ""}};
    lambda_pair tags[] = {{"team", "core"}, {"cost", "\xCE\xBB"}};
    assert_ok(lambda, lambda_function_create(
                          lambda, &(lambda_function_config){.function_name = "f",
                                                            .code = lambda_code_native(test_echo, NULL),
                                                            .description = "what it does",
                                                            .runtime = "native",
                                                            .handler = "file.main",
                                                            .role = "arn:aws:iam::123456789012:role/path/name",
                                                            .memory_size = 10240,
                                                            .timeout_ms = 900000,
                                                            .ephemeral_storage_size = 1024,
                                                            .environment = environment,
                                                            .environment_count = 2,
                                                            .tags = tags,
                                                            .tags_count = 2}));
    value[0] = 'X'; /* what was given is copied */
    lambda_function_configuration *got = get(lambda, "f");
    assert_string_equal(got->function_name, "f");
    assert_string_equal(got->function_arn, "arn:aws:lambda:us-east-1:000000000000:function:f");
    assert_string_equal(got->version, "$LATEST");
    assert_string_equal(got->description, "what it does");
    assert_string_equal(got->runtime, "native");
    assert_string_equal(got->handler, "file.main");
    assert_string_equal(got->role, "arn:aws:iam::123456789012:role/path/name");
    assert_string_equal(got->last_modified, "2026-01-01T00:00:00.123+0000");
    assert_int_equal(strlen(got->code_sha256), 44);
    assert_int_equal(strlen(got->revision_id), 36);
    assert_int_equal(got->memory_size, 10240);
    assert_int_equal(got->timeout_ms, 900000);
    assert_int_equal(got->ephemeral_storage_size, 1024);
    assert_int_equal(got->environment_count, 2);
    assert_string_equal(got->environment[0].value, "one");
    assert_int_equal(got->tags_count, 2);
    assert_string_equal(got->tags[0].name, "cost");
    assert_string_equal(got->tags[1].value, "core");
    lambda_function_configuration_free(got);
    test_create(lambda, "g", test_echo, NULL);
    got = get(lambda, "g:$LATEST");
    assert_string_equal(got->function_arn, "arn:aws:lambda:us-east-1:000000000000:function:g:$LATEST");
    assert_int_equal(got->memory_size, 128);
    assert_int_equal(got->timeout_ms, 3000);
    assert_int_equal(got->ephemeral_storage_size, 512);
    assert_string_equal(got->role, "");
    lambda_function_configuration_free(got);
    close_counted(lambda);
}

static void create_refuses(lambda_t *lambda, lambda_function_config config, const char *text)
{
    if (!config.function_name) config.function_name = "bad";
    if (!config.code.runtime) config.code = lambda_code_native(test_echo, NULL);
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, text);
}

static void validation_names_the_field(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    char large[600];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    static char huge[4100];
    memset(huge, 'x', sizeof(huge) - 1);
    const lambda_pair reserved = {"AWS_REGION", "x"};
    const lambda_pair number = {"1A", "x"};
    const lambda_pair dash = {"A-B", "x"};
    const lambda_pair single = {"A", "x"};
    const lambda_pair none = {"AB", NULL};
    const lambda_pair bytes = {"AB", "\xFF"};
    const lambda_pair much = {"AB", huge};
    const lambda_pair twice[] = {{"AB", "x"}, {"AB", "y"}};
    const lambda_pair own = {"aws:tag", "x"};
    const lambda_pair empty = {"", "x"};
    const lambda_pair long_tag = {"t", large};
    create_refuses(lambda, (lambda_function_config){.function_name = "a b"}, "a b");
    create_refuses(lambda, (lambda_function_config){.function_name = "f:1"}, "qualifier");
    create_refuses(lambda, (lambda_function_config){.memory_size = 127}, "memory_size: 127");
    create_refuses(lambda, (lambda_function_config){.memory_size = 10241}, "memory_size");
    create_refuses(lambda, (lambda_function_config){.timeout_ms = 900001}, "timeout_ms");
    create_refuses(lambda, (lambda_function_config){.ephemeral_storage_size = 511}, "ephemeral_storage_size");
    create_refuses(lambda, (lambda_function_config){.description = large}, "description");
    create_refuses(lambda, (lambda_function_config){.description = "\xFF\xFE"}, "description: is not UTF-8");
    create_refuses(lambda, (lambda_function_config){.handler = large}, "handler");
    create_refuses(lambda, (lambda_function_config){.handler = "a b"}, "handler");
    create_refuses(lambda, (lambda_function_config){.role = "admin"}, "role");
    create_refuses(lambda, (lambda_function_config){.role = "arn:aws:iam::12345678901:role/x"}, "role");
    create_refuses(lambda, (lambda_function_config){.role = "arn:aws:iam::123456789012:role/"}, "role");
    create_refuses(lambda, (lambda_function_config){.runtime = "python3.12"}, "runtime");
    create_refuses(lambda, (lambda_function_config){.revision_id = "x"}, "revision_id");
    create_refuses(lambda, (lambda_function_config){.environment_count = 1}, "environment: is NULL");
    create_refuses(lambda, (lambda_function_config){.environment = &reserved, .environment_count = 1}, "reserved");
    create_refuses(lambda, (lambda_function_config){.environment = &number, .environment_count = 1}, "1A");
    create_refuses(lambda, (lambda_function_config){.environment = &dash, .environment_count = 1}, "A-B");
    create_refuses(lambda, (lambda_function_config){.environment = &single, .environment_count = 1}, "\"A\"");
    create_refuses(lambda, (lambda_function_config){.environment = &none, .environment_count = 1}, "value: is NULL");
    create_refuses(lambda, (lambda_function_config){.environment = &bytes, .environment_count = 1}, "UTF-8");
    create_refuses(lambda, (lambda_function_config){.environment = &much, .environment_count = 1}, "4096");
    create_refuses(lambda, (lambda_function_config){.environment = twice, .environment_count = 2}, "twice");
    create_refuses(lambda, (lambda_function_config){.tags = &own, .tags_count = 1}, "aws:");
    create_refuses(lambda, (lambda_function_config){.tags = &empty, .tags_count = 1}, "tags: a name");
    create_refuses(lambda, (lambda_function_config){.tags = &long_tag, .tags_count = 1}, "tags: a value");
    create_refuses(lambda, (lambda_function_config){.tags_count = 1}, "tags: is NULL");
    create_refuses(lambda, (lambda_function_config){.tags = twice, .tags_count = 51}, "tags: Number of tags");
    assert_fails(lambda, lambda_function_create(lambda, NULL), INVALID, "config");
    assert_fails(NULL, lambda_function_create(NULL, NULL), INVALID, "lambda");
    assert_fails(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "f"}), INVALID,
                 "code");
    lambda_function_configuration *got = NULL;
    assert_fails(lambda, lambda_function_get(lambda, "bad", &got), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "bad");
    assert_null(got);
    assert_fails(lambda, lambda_function_get(lambda, "bad", NULL), INVALID, "configuration");
    assert_fails(NULL, lambda_function_get(NULL, "bad", &got), INVALID, "lambda");
    test_create(lambda, "f", test_echo, NULL);
    assert_fails(lambda,
                 lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                          .code = lambda_code_native(test_echo, NULL)}),
                 LAMBDA_ERROR_RESOURCE_CONFLICT, "f");
    close_counted(lambda);
}

static void updates_change_what_is_given(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    const lambda_pair environment[] = {{"KEY", "one"}};
    assert_ok(lambda,
              lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                       .code = lambda_code_native(test_echo, NULL),
                                                                       .description = "old",
                                                                       .timeout_ms = 7000,
                                                                       .environment = environment,
                                                                       .environment_count = 1}));
    lambda_function_configuration *before = get(lambda, "f");
    assert_ok(lambda,
              lambda_function_update_configuration(
                  lambda, "f", &(lambda_function_config){.memory_size = 256, .revision_id = before->revision_id}));
    lambda_function_configuration *after = get(lambda, "f");
    assert_int_equal(after->memory_size, 256);
    assert_int_equal(after->timeout_ms, 7000);
    assert_string_equal(after->description, "old");
    assert_int_equal(after->environment_count, 1);
    assert_string_not_equal(after->revision_id, before->revision_id);
    assert_string_equal(after->code_sha256, before->code_sha256);
    assert_fails(lambda,
                 lambda_function_update_configuration(
                     lambda, "f", &(lambda_function_config){.memory_size = 512, .revision_id = before->revision_id}),
                 LAMBDA_ERROR_PRECONDITION_FAILED, "revision_id");
    assert_ok(lambda, lambda_function_update_configuration(
                          lambda, "f", &(lambda_function_config){.description = "", .environment = environment}));
    lambda_function_configuration_free(before);
    before = get(lambda, "f");
    assert_string_equal(before->description, "");
    assert_int_equal(before->environment_count, 0);
    assert_int_equal(before->memory_size, 256);

    lambda_function_code_update update = {.code = lambda_code_native(test_nothing, NULL), .dry_run = true};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    lambda_function_configuration_free(after);
    after = get(lambda, "f");
    assert_string_equal(after->revision_id, before->revision_id);
    update = (lambda_function_code_update){
        .code = lambda_code_native(test_nothing, NULL), .publish = true, .revision_id = before->revision_id};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    assert_fails(lambda, lambda_function_update_code(lambda, "f", &update), LAMBDA_ERROR_PRECONDITION_FAILED,
                 "revision_id");
    lambda_function_configuration_free(after);
    after = get(lambda, "f:1");
    assert_string_not_equal(after->code_sha256, before->code_sha256);
    lambda_function_configuration_free(before);
    lambda_function_configuration_free(after);

    const struct {
        lambda_function_config changes;
        const char *text;
    } bad[] = {
        {{.function_name = "g"}, "function_name"},
        {{.code = lambda_code_native(test_echo, NULL)}, "code"},
        {{.tags_count = 1}, "tags"},
        {{.publish = true}, "publish"},
        {{.memory_size = 1}, "memory_size"},
        {{.runtime = "typed"}, "runtime"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(lambda, lambda_function_update_configuration(lambda, "f", &bad[i].changes), INVALID, bad[i].text);
    lambda_function_config nothing = {0};
    assert_fails(lambda, lambda_function_update_configuration(lambda, "f:1", &nothing), INVALID, "qualifier");
    assert_fails(lambda, lambda_function_update_configuration(lambda, "g", &nothing), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "g");
    assert_fails(lambda, lambda_function_update_configuration(lambda, "f", NULL), INVALID, "changes");
    assert_fails(NULL, lambda_function_update_configuration(NULL, "f", &nothing), INVALID, "lambda");
    assert_fails(lambda, lambda_function_update_code(lambda, "f", NULL), INVALID, "update");
    assert_fails(NULL, lambda_function_update_code(NULL, "f", &update), INVALID, "lambda");
    assert_fails(lambda, lambda_function_update_code(lambda, "f", &(lambda_function_code_update){.publish = true}),
                 INVALID, "code");
    close_counted(lambda);
}

static void tags_are_merged(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    test_create(lambda, "f", test_echo, NULL);
    const lambda_pair first[] = {{"b", "1"}, {"a", "1"}};
    const lambda_pair second[] = {{"b", "2"}, {"c", "2"}};
    const char *const gone[] = {"a", "never there"};
    assert_ok(lambda, lambda_function_tag(lambda, "f", first, 2));
    assert_ok(lambda, lambda_function_tag(lambda, "f", second, 2));
    lambda_function_configuration *got = get(lambda, "f");
    assert_int_equal(got->tags_count, 3);
    assert_string_equal(got->tags[1].name, "b");
    assert_string_equal(got->tags[1].value, "2");
    lambda_function_configuration_free(got);
    assert_ok(lambda, lambda_function_untag(lambda, "f", gone, 2));
    got = get(lambda, "f");
    assert_int_equal(got->tags_count, 2);
    lambda_function_configuration_free(got);
    lambda_pair many[50];
    char names[50][16];
    for (int i = 0; i < 50; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        many[i] = (lambda_pair){names[i], ""};
    }
    assert_fails(lambda, lambda_function_tag(lambda, "f", many, 50), INVALID, "tags: Number of tags");
    const char *const hole[] = {NULL};
    assert_fails(lambda, lambda_function_untag(lambda, "f", hole, 1), INVALID, "names[0]");
    assert_fails(lambda, lambda_function_untag(lambda, "f", NULL, 1), INVALID, "names");
    assert_fails(NULL, lambda_function_untag(NULL, "f", gone, 1), INVALID, "lambda");
    assert_fails(NULL, lambda_function_tag(NULL, "f", first, 1), INVALID, "lambda");
    assert_fails(lambda, lambda_function_tag(lambda, "f:$LATEST:x", first, 1), INVALID, "qualifier");
    assert_fails(lambda, lambda_function_tag(lambda, "g", first, 1), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "g");
    close_counted(lambda);
}

static void lists_come_in_pages(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted();
    char name[16];
    for (int i = 0; i < 120; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        test_create(lambda, name, test_nothing, NULL);
    }
    for (int i = 0; i < 120; i += 3) {
        snprintf(name, sizeof(name), "f%d", i);
        assert_ok(lambda, lambda_function_delete(lambda, name));
    }
    lambda_list_options options = {.max_items = 30};
    char marker[32];
    int seen = 0;
    int pages = 0;
    for (;;) {
        lambda_function_list *list = NULL;
        assert_ok(lambda, lambda_function_list_page(lambda, &options, &list));
        pages++;
        for (size_t i = 0; i < list->count; i++, seen++) {
            snprintf(name, sizeof(name), "f%d", seen / 2 * 3 + seen % 2 + 1);
            assert_string_equal(list->items[i]->function_name, name);
        }
        bool last = !list->next_marker;
        if (!last) snprintf(marker, sizeof(marker), "%s", list->next_marker);
        options.marker = marker;
        lambda_function_list_free(list);
        if (last) break;
        /* A function that goes between two pages is not in the next one, and nothing else is lost. */
        if (pages == 1) assert_ok(lambda, lambda_function_delete(lambda, "f1"));
    }
    assert_int_equal(seen, 80);
    assert_int_equal(pages, 3);
    lambda_function_list *list = NULL;
    assert_fails(lambda, lambda_function_list_page(lambda, &(lambda_list_options){.marker = "x"}, &list), INVALID,
                 "marker");
    assert_fails(lambda, lambda_function_list_page(lambda, &(lambda_list_options){.max_items = 10001}, &list), INVALID,
                 "max_items");
    assert_fails(lambda, lambda_function_list_page(lambda, NULL, NULL), INVALID, "list");
    assert_fails(NULL, lambda_function_list_page(NULL, NULL, &list), INVALID, "lambda");
    assert_ok(lambda, lambda_function_list_page(lambda, NULL, &list));
    assert_int_equal(list->count, 50);
    lambda_function_list_free(list);
    lambda_function_list_free(NULL);
    lambda_function_configuration_free(NULL);
    close_counted(lambda);
}

static lambda_status everything(lambda_t *lambda)
{
    const lambda_pair pair = {"KEY", "value"};
    lambda_function_list *list = NULL;
    lambda_alias_list *aliases = NULL;
    lambda_function_configuration *got = NULL;
    lambda_alias *alias = NULL;
    const char *const name = "KEY";
    lambda_status status =
        lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                 .code = lambda_code_native(test_echo, NULL),
                                                                 .environment = &pair,
                                                                 .environment_count = 1,
                                                                 .tags = &pair,
                                                                 .tags_count = 1,
                                                                 .publish = true,
                                                                 .made = &got});
    lambda_function_configuration_free(got);
    got = NULL;
    if (status == LAMBDA_OK)
        status = lambda_function_update_configuration(lambda, "f",
                                                      &(lambda_function_config){.description = "two", .made = &got});
    lambda_function_configuration_free(got);
    got = NULL;
    if (status == LAMBDA_OK)
        status = lambda_function_update_code(
            lambda, "f",
            &(lambda_function_code_update){
                .code = lambda_code_native(test_nothing, NULL), .publish = true, .made = &got});
    lambda_function_configuration_free(got);
    got = NULL;
    if (status == LAMBDA_OK)
        status = lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.timeout_ms = 5});
    if (status == LAMBDA_OK)
        status = lambda_version_publish(lambda, "f", &(lambda_version_options){.description = "three"}, &got);
    if (status == LAMBDA_OK)
        status = lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"});
    if (status == LAMBDA_OK)
        status = lambda_alias_update(
            lambda, "f",
            &(lambda_alias_config){
                .name = "live", .description = "routed", .additional_version = "2", .additional_weight = 0.5});
    if (status == LAMBDA_OK) status = lambda_alias_get(lambda, "f", "live", &alias);
    if (status == LAMBDA_OK) status = lambda_alias_list_page(lambda, "f", NULL, NULL, &aliases);
    if (status == LAMBDA_OK) status = lambda_version_list_page(lambda, "f", NULL, &list);
    lambda_function_list_free(list);
    list = NULL;
    if (status == LAMBDA_OK) status = lambda_function_list_page(lambda, NULL, &list);
    if (status == LAMBDA_OK) status = lambda_function_tag(lambda, "f", &(lambda_pair){"new", "tag"}, 1);
    if (status == LAMBDA_OK) status = lambda_function_untag(lambda, "f", &name, 1);
    if (status == LAMBDA_OK) status = lambda_invoke(lambda, "f:live", LAMBDA_JSON("1"), NULL);
    if (status == LAMBDA_OK) status = lambda_alias_delete(lambda, "f", "live");
    if (status == LAMBDA_OK) status = lambda_function_delete(lambda, "f:2");
    if (status == LAMBDA_OK) status = lambda_function_delete(lambda, "f");
    lambda_function_list_free(list);
    lambda_alias_list_free(aliases);
    lambda_alias_free(alias);
    lambda_function_configuration_free(got);
    return status;
}

/** One allocation after the other fails; what follows works as if nothing had been. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    int failures = 0;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 1000);
        lambda_t *lambda = open_counted();
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_status status = everything(lambda);
        succeeded = memory.requests < nth;
        if (succeeded)
            assert_int_equal(status, LAMBDA_OK);
        else
            assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        failures += status != LAMBDA_OK;
        memory.fail_at = 0;
        lambda_status gone = lambda_function_delete(lambda, "f");
        assert_true(gone == LAMBDA_OK || gone == LAMBDA_ERROR_RESOURCE_NOT_FOUND);
        assert_ok(lambda, everything(lambda));
        close_counted(lambda);
    }
    assert_true(failures > 30);
}

static void a_million_functions(void **state)
{
    (void)state;
    enum { FUNCTIONS = 1000000 };
    lambda_t *lambda = test_open(NULL);
    char name[24];
    for (int i = 0; i < FUNCTIONS; i++) {
        snprintf(name, sizeof(name), "function-%d", i);
        assert_ok(lambda, lambda_function_create(
                              lambda, &(lambda_function_config){.function_name = name,
                                                                .code = lambda_code_native(test_echo, NULL)}));
    }
    lambda_result result = {0};
    for (int i = 0; i < FUNCTIONS; i += 997) {
        snprintf(name, sizeof(name), "function-%d", i);
        assert_ok(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("1"), &result));
    }
    lambda_list_options options = {.max_items = 10000};
    char marker[32];
    size_t seen = 0;
    for (bool last = false; !last;) {
        lambda_function_list *list = NULL;
        assert_ok(lambda, lambda_function_list_page(lambda, &options, &list));
        seen += list->count;
        last = !list->next_marker;
        if (!last) snprintf(marker, sizeof(marker), "%s", list->next_marker);
        options.marker = marker;
        lambda_function_list_free(list);
    }
    assert_int_equal(seen, FUNCTIONS);
    for (int i = 0; i < FUNCTIONS; i += 2) {
        snprintf(name, sizeof(name), "function-%d", i);
        assert_ok(lambda, lambda_function_delete(lambda, name));
    }
    assert_ok(lambda, lambda_invoke(lambda, "function-999", LAMBDA_JSON("1"), &result));
    assert_fails(lambda, lambda_invoke(lambda, "function-998", LAMBDA_JSON("1"), &result),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "function-998");
    lambda_result_clear(&result);
    lambda_close(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_say_what_they_made),
        cmocka_unit_test(keeps_its_configuration),
        cmocka_unit_test(validation_names_the_field),
        cmocka_unit_test(updates_change_what_is_given),
        cmocka_unit_test(tags_are_merged),
        cmocka_unit_test(lists_come_in_pages),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_million_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
