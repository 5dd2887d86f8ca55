/* Attachments: what adapters keep with functions goes where the function goes, and comes back with it. */
#include <lambda/port/attachment.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define MISSING LAMBDA_ERROR_RESOURCE_NOT_FOUND

static test_memory memory;
static test_store store;

static lambda_t *open_kept(void)
{
    return test_open(&(lambda_options){.allocator = test_allocator(&memory),
                                       .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                                       .store = test_store_port(&store)});
}

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

/** Functions "f" with version 1 and its alias "live", and "g". */
static lambda_t *open_two(void)
{
    lambda_t *lambda = open_kept();
    test_create(lambda, "f", test_echo, NULL);
    test_create(lambda, "g", test_echo, NULL);
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    return lambda;
}

/** What visits have shown. */
typedef struct shown {
    char text[512];
    lambda_t *lambda; /* asked again from inside, as no lock is held */
    int left;         /* the visit of that number ends it */
} shown;

static lambda_status note(void *user, const char *function_name, const char *qualifier, lambda_bytes value)
{
    shown *so_far = user;
    size_t used = strlen(so_far->text);
    snprintf(so_far->text + used, sizeof(so_far->text) - used, "%s:%s=%.*s ", function_name, qualifier,
             (int)value.length, (const char *)value.data);
    assert_int_equal(((const char *)value.data)[value.length], 0);
    if (--so_far->left == 0) return LAMBDA_ERROR_PRECONDITION_FAILED;
    if (so_far->lambda)
        assert_ok(so_far->lambda,
                  lambda_attachment_put(so_far->lambda, function_name, "seen", LAMBDA_JSON("by a visitor")));
    return LAMBDA_OK;
}

static lambda_bytes bytes(const char *text)
{
    return lambda_bytes_make(text, text ? strlen(text) : 0);
}

static void put(lambda_t *lambda, const char *name, const char *kind, const char *value)
{
    assert_ok(lambda, lambda_attachment_put(lambda, name, kind, bytes(value)));
}

static void expect(lambda_t *lambda, const char *name, const char *kind, const char *text)
{
    shown so_far = {.text = ""};
    assert_ok(lambda, lambda_attachment_get(lambda, name, kind, note, &so_far));
    assert_string_equal(so_far.text, text);
}

static void expect_none(lambda_t *lambda, const char *name, const char *kind)
{
    shown so_far = {.text = ""};
    assert_fails(lambda, lambda_attachment_get(lambda, name, kind, note, &so_far), MISSING, "f");
    assert_string_equal(so_far.text, "");
}

static void expect_all(lambda_t *lambda, const char *name, const char *kind, const char *text)
{
    shown so_far = {.text = ""};
    assert_ok(lambda, lambda_attachment_list(lambda, name, kind, note, &so_far));
    assert_string_equal(so_far.text, text);
}

static void kept_by_qualifier_and_kind(void **state)
{
    (void)state;
    lambda_t *lambda = open_two();
    expect_none(lambda, "f", "url");
    put(lambda, "f", "url", NULL);
    char value[] = "{}";
    put(lambda, "f:live", "url", value);
    value[0] = 'x'; /* it was copied */
    put(lambda, "f:1", "policy", "one");
    put(lambda, "f:$LATEST", "url", "latest");
    put(lambda, "g", "url", "");
    expect(lambda, "f", "url", "f:=latest ");
    expect(lambda, "f:$LATEST", "url", "f:=latest ");
    expect(lambda, "arn:aws:lambda:us-east-1:000000000000:function:f:live", "url", "f:live={} ");
    expect(lambda, "f:01", "policy", "f:1=one ");
    expect(lambda, "g", "url", "g:= ");
    expect_none(lambda, "f:1", "url");
    expect_none(lambda, "f", "policy");
    expect_all(lambda, "f", "url", "f:=latest f:live={} ");
    expect_all(lambda, "g", "policy", "");
    expect_all(lambda, NULL, "url", "f:=latest f:live={} g:= ");
    put(lambda, "f", "url", "again");
    put(lambda, "f:live", "url", NULL);
    put(lambda, "g", "url", NULL);
    expect_all(lambda, NULL, "url", "f:=again ");
    lambda_close(lambda);
}

static void visitors_may_change_and_end(void **state)
{
    (void)state;
    lambda_t *lambda = open_two();
    put(lambda, "f", "url", "1");
    put(lambda, "f:1", "url", "2");
    put(lambda, "g", "url", "3");
    shown so_far = {.lambda = lambda};
    assert_ok(lambda, lambda_attachment_list(lambda, NULL, "url", note, &so_far));
    assert_string_equal(so_far.text, "f:=1 f:1=2 g:=3 ");
    expect_all(lambda, NULL, "seen", "f:=by a visitor g:=by a visitor ");
    so_far = (shown){.left = 2};
    assert_int_equal(lambda_attachment_list(lambda, NULL, "url", note, &so_far), LAMBDA_ERROR_PRECONDITION_FAILED);
    assert_string_equal(so_far.text, "f:=1 f:1=2 ");
    so_far = (shown){.left = 1};
    assert_int_equal(lambda_attachment_list(lambda, "f", "url", note, &so_far), LAMBDA_ERROR_PRECONDITION_FAILED);
    so_far = (shown){.left = 1};
    assert_int_equal(lambda_attachment_get(lambda, "f", "url", note, &so_far), LAMBDA_ERROR_PRECONDITION_FAILED);
    lambda_close(lambda);
}

static void gone_with_what_they_are_of(void **state)
{
    (void)state;
    lambda_t *lambda = open_two();
    put(lambda, "f", "url", "1");
    put(lambda, "f:1", "url", "2");
    put(lambda, "f:1", "policy", "3");
    put(lambda, "f:live", "policy", "4");
    assert_ok(lambda, lambda_alias_delete(lambda, "f", "live"));
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    expect_none(lambda, "f:live", "policy");
    assert_ok(lambda, lambda_alias_delete(lambda, "f", "live"));
    assert_ok(lambda, lambda_function_delete(lambda, "f:1"));
    expect_none(lambda, "f:1", "url");
    expect_all(lambda, NULL, "policy", "");
    expect_all(lambda, NULL, "url", "f:=1 ");
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    expect_none(lambda, "f", "url");
    test_create(lambda, "f", test_echo, NULL);
    expect_none(lambda, "f", "url");
    put(lambda, "f", "url", "new");
    lambda_close(lambda); /* frees it with the function */
}

static void no_change_of_the_function(void **state)
{
    (void)state;
    lambda_t *lambda = open_two();
    lambda_function_configuration *before = NULL;
    lambda_function_configuration *after = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f", &before));
    put(lambda, "f", "url", "1");
    assert_ok(lambda, lambda_function_get(lambda, "f", &after));
    assert_string_equal(before->revision_id, after->revision_id);
    assert_string_equal(before->last_modified, after->last_modified);
    lambda_function_configuration_free(before);
    lambda_function_configuration_free(after);
    lambda_close(lambda);
}

static void back_with_the_store(void **state)
{
    (void)state;
    lambda_t *lambda = open_two();
    char *empty = test_store_text(&store);
    put(lambda, "f:live", "url", "{\"a\":\"\xce\xbb\"}");
    put(lambda, "f", "policy", "p");
    put(lambda, "f", "url", "");
    char *all = test_store_text(&store);
    for (int i = 0; i < 2; i++) {
        lambda_close(lambda);
        lambda = open_kept();
        expect_all(lambda, NULL, "url", "f:= f:live={\"a\":\"\xce\xbb\"} ");
        expect_all(lambda, NULL, "policy", "f:=p ");
    }
    /* Another change of the function carries them on. */
    assert_ok(lambda, lambda_function_concurrency_put(lambda, "f", 3));
    assert_ok(lambda, lambda_function_concurrency_delete(lambda, "f"));
    char *same = test_store_text(&store);
    assert_string_equal(same, all);
    /* A write that fails changes nothing. */
    store.fail_at = store.writes + 1;
    assert_int_not_equal(lambda_attachment_put(lambda, "f", "url", bytes("other")), LAMBDA_OK);
    store.fail_at = store.writes + 1;
    assert_int_not_equal(lambda_attachment_put(lambda, "f", "url", bytes(NULL)), LAMBDA_OK);
    store.fail_at = store.writes + 1;
    assert_int_not_equal(lambda_alias_delete(lambda, "f", "live"), LAMBDA_OK);
    store.fail_at = 0;
    expect_all(lambda, NULL, "url", "f:= f:live={\"a\":\"\xce\xbb\"} ");
    put(lambda, "f:live", "url", NULL);
    put(lambda, "f", "policy", NULL);
    put(lambda, "f", "url", NULL);
    char *none = test_store_text(&store);
    assert_string_equal(none, empty);
    free(empty);
    free(all);
    free(same);
    free(none);
    lambda_close(lambda);
}

/** The document of "f" with one text in place of another is refused. */
static void refuse_damaged(const char *from, const char *to, const char *message)
{
    const test_value *value = test_store_find(&store, "function", "f");
    char *whole = strndup(value->data, value->length);
    char *damaged = malloc(value->length + strlen(to) + 1);
    assert_non_null(whole);
    assert_non_null(damaged);
    char *at = strstr(whole, from);
    assert_non_null(at);
    int length = sprintf(damaged, "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
    test_store_set(&store, "function", "f", damaged, (size_t)length);
    lambda_t *lambda = NULL;
    assert_fails(NULL, lambda_open(&(lambda_options){.store = test_store_port(&store)}, &lambda), LAMBDA_ERROR_SERVICE,
                 message);
    test_store_set(&store, "function", "f", whole, strlen(whole));
    free(whole);
    free(damaged);
}

static void damaged_documents_are_refused(void **state)
{
    (void)state;
    lambda_t *lambda = open_two();
    put(lambda, "f:1", "url", "a");
    put(lambda, "f:live", "url", "b");
    lambda_close(lambda);
    refuse_damaged("\"value\":\"a\"", "\"value\":1", "attachments[0].value: is no string");
    refuse_damaged("{\"qualifier\":\"1\",\"kind\"", "{\"qualifier\":\"2\",\"kind\"", "attachments[0].qualifier");
    refuse_damaged("{\"qualifier\":\"1\",\"kind\"", "{\"qualifier\":\"m\",\"kind\"", "leads nowhere");
    refuse_damaged("{\"qualifier\":\"live\",\"kind\"", "{\"qualifier\":\"1\",\"kind\"",
                   "attachments[1]: stands out of order");
    refuse_damaged("\"kind\":\"url\",\"value\":\"a\"", "\"kind\":\"URL\",\"value\":\"a\"", "kind: \"URL\"");
    refuse_damaged("\"kind\":\"url\",\"value\":\"a\"", "\"value\":\"a\"", "attachments[0]: ");
    refuse_damaged("\"attachments\":[", "\"attachments\":1,\"x\":[", "x");
}

static void bad_ones_are_refused(void **state)
{
    (void)state;
    lambda_t *lambda = open_two();
    shown so_far = {.text = ""};
    char *large = malloc(LAMBDA_ATTACHMENT_MAX + 1);
    assert_non_null(large);
    memset(large, 'x', LAMBDA_ATTACHMENT_MAX + 1);
    const lambda_bytes value = LAMBDA_JSON("v");
    assert_fails(lambda, lambda_attachment_put(lambda, "f", NULL, value), INVALID, "kind");
    assert_fails(lambda, lambda_attachment_put(lambda, "f", "", value), INVALID, "kind");
    assert_fails(lambda, lambda_attachment_put(lambda, "f", "Url", value), INVALID, "kind: \"Url\"");
    assert_fails(lambda, lambda_attachment_put(lambda, "f", "123456789012345678901234567890123", value), INVALID,
                 "kind");
    assert_ok(lambda, lambda_attachment_put(lambda, "f", "12345678901234567890123456789012", value));
    assert_fails(lambda, lambda_attachment_put(lambda, "f", "url", LAMBDA_JSON("a\0b")), INVALID, "NUL");
    assert_fails(lambda, lambda_attachment_put(lambda, "f", "url", LAMBDA_JSON("\xff")), INVALID, "UTF-8");
    assert_fails(lambda, lambda_attachment_put(lambda, "f", "url", (lambda_bytes){large, LAMBDA_ATTACHMENT_MAX + 1}),
                 INVALID, "longer than 65536");
    assert_ok(lambda, lambda_attachment_put(lambda, "f", "url", (lambda_bytes){large, LAMBDA_ATTACHMENT_MAX}));
    assert_fails(lambda, lambda_attachment_put(lambda, "f:2", "url", value), MISSING, "f:2");
    assert_fails(lambda, lambda_attachment_put(lambda, "f:none", "url", bytes(NULL)), MISSING, "f:none");
    assert_fails(lambda, lambda_attachment_put(lambda, "h", "url", value), MISSING, "h");
    assert_fails(lambda, lambda_attachment_put(lambda, NULL, "url", value), INVALID, "function_name");
    assert_fails(NULL, lambda_attachment_put(NULL, "f", "url", value), INVALID, "lambda");
    assert_fails(NULL, lambda_attachment_get(NULL, "f", "url", note, &so_far), INVALID, "lambda");
    assert_fails(lambda, lambda_attachment_get(lambda, "f", "url", NULL, NULL), INVALID, "visit");
    assert_fails(lambda, lambda_attachment_get(lambda, "f", "U", note, &so_far), INVALID, "kind");
    assert_fails(lambda, lambda_attachment_get(lambda, "h", "url", note, &so_far), MISSING, "h");
    assert_fails(lambda, lambda_attachment_get(lambda, NULL, "url", note, &so_far), INVALID, "function_name");
    assert_fails(lambda, lambda_attachment_list(lambda, "h", "url", note, &so_far), MISSING, "h");
    assert_fails(lambda, lambda_attachment_list(lambda, "f:1", "url", note, &so_far), INVALID, "qualifier");
    assert_fails(NULL, lambda_attachment_list(NULL, NULL, "url", note, &so_far), INVALID, "lambda");
    assert_string_equal(so_far.text, "");
    free(large);
    lambda_close(lambda);
}

/* ---- memory */

static lambda_status one(lambda_t *lambda, int what, shown *so_far)
{
    switch (what) {
    case 0:
        return lambda_attachment_put(lambda, "f", "url", LAMBDA_JSON("other"));
    case 1:
        return lambda_attachment_put(lambda, "f:1", "url", bytes(NULL));
    case 2:
        return lambda_attachment_list(lambda, NULL, "url", note, so_far);
    case 3:
        return lambda_attachment_get(lambda, "f:1", "url", note, so_far);
    case 4:
        return lambda_alias_delete(lambda, "f", "live");
    default:
        return lambda_function_delete(lambda, "f:2");
    }
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    for (int what = 0; what < 6; what++) {
        lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
        for (long nth = 1; status != LAMBDA_OK; nth++) {
            assert_true(nth < 200);
            lambda_t *lambda = open_two();
            lambda_function_code_update update = {.code = lambda_code_native(test_nothing, NULL), .publish = true};
            assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
            static const char *const names[] = {"f", "f:1", "f:2", "f:live"};
            for (int i = 0; i < 4; i++) {
                put(lambda, names[i], "url", "v");
                put(lambda, names[i], "policy", "w");
            }
            char *before = test_store_text(&store);
            shown so_far = {.text = ""};
            memory.requests = 0;
            memory.fail_at = nth;
            status = one(lambda, what, &so_far);
            memory.fail_at = 0;
            if (status != LAMBDA_OK) {
                assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
                char *after = test_store_text(&store);
                assert_string_equal(before, after);
                free(after);
                expect_all(lambda, NULL, "url", "f:=v f:1=v f:2=v f:live=v ");
            }
            lambda_close(lambda);
            free(before);
            assert_int_equal(memory.live, 0);
            /* And once more as the service opens. */
            if (status != LAMBDA_OK) {
                lambda = open_kept();
                expect_all(lambda, NULL, "policy", "f:=w f:1=w f:2=w f:live=w ");
                lambda_close(lambda);
            }
            test_store_clear(&store);
            store = (test_store){0};
        }
    }
}

static void memory_may_run_out_while_it_opens(void **state)
{
    (void)state;
    lambda_t *lambda = open_two();
    put(lambda, "f", "url", "v");
    lambda_close(lambda);
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    for (long nth = 1; status != LAMBDA_OK; nth++) {
        lambda_options options = {.allocator = test_allocator(&memory),
                                  .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                                  .store = test_store_port(&store)};
        memory.requests = 0;
        memory.fail_at = nth;
        status = lambda_open(&options, &lambda);
        memory.fail_at = 0;
        if (status != LAMBDA_OK) {
            assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
            assert_int_equal(memory.live, 0);
        }
    }
    expect(lambda, "f", "url", "f:=v ");
    lambda_close(lambda);
}

/* ---- threads */

enum { ROUNDS = 2000 };

static lambda_status check_pair(void *user, const char *function_name, const char *qualifier, lambda_bytes value)
{
    (void)user;
    (void)function_name;
    (void)qualifier;
    assert_int_equal(value.length, 2);
    assert_int_equal(((const char *)value.data)[0], ((const char *)value.data)[1]);
    return LAMBDA_OK;
}

static void *read_on(void *user)
{
    lambda_t *lambda = user;
    for (int i = 0; i < ROUNDS; i++) {
        lambda_status status = lambda_attachment_get(lambda, "g", "url", check_pair, NULL);
        assert_true(status == LAMBDA_OK || status == MISSING);
        assert_ok(lambda, lambda_attachment_list(lambda, NULL, "url", check_pair, NULL));
    }
    return NULL;
}

static void read_while_they_change(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
    test_create(lambda, "g", test_echo, NULL);
    pthread_t readers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, lambda), 0);
    for (int i = 0; i < ROUNDS; i++) {
        char value[3] = {(char)('a' + i % 26), (char)('a' + i % 26), '\0'};
        put(lambda, "g", "url", i % 5 == 0 ? NULL : value);
        if (i % 100 == 0) {
            assert_ok(lambda, lambda_function_delete(lambda, "g"));
            test_create(lambda, "g", test_echo, NULL);
        }
    }
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    lambda_close(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kept_by_qualifier_and_kind, begin, end),
        cmocka_unit_test_setup_teardown(visitors_may_change_and_end, begin, end),
        cmocka_unit_test_setup_teardown(gone_with_what_they_are_of, begin, end),
        cmocka_unit_test_setup_teardown(no_change_of_the_function, begin, end),
        cmocka_unit_test_setup_teardown(back_with_the_store, begin, end),
        cmocka_unit_test_setup_teardown(damaged_documents_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(bad_ones_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(memory_may_run_out_anywhere, begin, end),
        cmocka_unit_test_setup_teardown(memory_may_run_out_while_it_opens, begin, end),
        cmocka_unit_test_setup_teardown(read_while_they_change, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
