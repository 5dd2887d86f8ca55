/* Events: parsed lazily, unpacked by name, errors that name the field. Responses: bytes, JSON, errors, limits. */
#include "support.h"

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "event/event.h"

#define CONTENT LAMBDA_ERROR_INVALID_REQUEST_CONTENT
#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static test_memory memory;
static lambda_t *lambda;
static lambda_response response;

static int open_service(void **state)
{
    (void)state;
    memory = (test_memory){0};
    lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory), .limits = {.response_payload = 100000}});
    response = lambda__response_empty(lambda);
    return 0;
}

static int close_service(void **state)
{
    (void)state;
    lambda__response_reset_error(&response);
    lambda__buffer_clear(&lambda->base, &response.body);
    lambda_close(lambda);
    return memory.live != 0;
}

static lambda_event event_of(const char *text)
{
    return (lambda_event){.lambda = lambda, .payload = {text, strlen(text)}};
}

static void reads_fields(void **state)
{
    (void)state;
    lambda_event event =
        event_of("{\"i\":-5,\"I\":9007199254740993,\"f\":1.5,\"F\":2,\"b\":true,\"s\":\"text\",\"o\":[1]}");
    int i = 0;
    int b = 0;
    int missing = 42;
    json_int_t large = 0;
    double f = 0;
    double number = 0;
    const char *text = NULL;
    json_t *tree = NULL;
    json_t *kept = NULL;
    assert_ok(lambda,
              lambda_event_unpack(&event, "{s:i, s:I, s:f, s:F, s:b, s:s, s:o, s:O, s?i}", "i", &i, "I", &large, "f",
                                  &f, "F", &number, "b", &b, "s", &text, "o", &tree, "o", &kept, "none", &missing));
    assert_int_equal(i, -5);
    assert_true(large == 9007199254740993);
    assert_true(f == 1.5 && number == 2 && b == 1);
    assert_string_equal(text, "text");
    assert_ptr_equal(tree, kept);
    assert_int_equal(missing, 42);
    json_decref(kept);
    /* What is not a flat object is jansson's to read. */
    assert_ok(lambda, lambda_event_unpack(&event, "{s:[i]}", "o", &i));
    assert_int_equal(i, 1);
    assert_ptr_equal(lambda_event_payload(&event).data, event.payload.data);
    lambda__event_reset(&event);
    event = event_of(" \n");
    assert_ok(lambda, lambda_event_unpack(&event, "{s?i}", "none", &missing));
    lambda__event_reset(&event);
    event = event_of("7");
    assert_ok(lambda, lambda_event_unpack(&event, "i", &i));
    assert_int_equal(i, 7);
    lambda__event_reset(&event);
}

static void errors_name_the_field(void **state)
{
    (void)state;
    lambda_event event = event_of("{\"i\":3000000000,\"f\":1,\"s\":null,\"b\":0,\"t\":\"x\"}");
    int i = 0;
    double f = 0;
    json_int_t large = 0;
    const char *text = NULL;
    assert_fails(lambda, lambda_event_unpack(&event, "{s:i}", "none", &i), CONTENT, "\"none\" is missing");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:i}", "i", &i), CONTENT, "\"i\": 3000000000 does not fit");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:i}", "t", &i), CONTENT, "\"t\": expected integer, got string");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:I}", "t", &large), CONTENT, "\"t\"");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:f}", "f", &f), CONTENT, "\"f\": expected real, got integer");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:F}", "s", &f), CONTENT, "\"s\": expected number, got null");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:s}", "s", &text), CONTENT, "\"s\"");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:b}", "b", &i), CONTENT, "\"b\"");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:i}", NULL, &i), CONTENT, "NULL");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:i}", "i", NULL), CONTENT, "NULL");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:[i]}", "none", &i), CONTENT, "none");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:q}", "i", &i), CONTENT, "");
    assert_fails(lambda, lambda_event_unpack(&event, "", &i), CONTENT, "");
    assert_fails(lambda, lambda_event_unpack(&event, NULL, &i), CONTENT, "format");
    assert_fails(NULL, lambda_event_unpack(NULL, "i", &i), CONTENT, "event");
    lambda__event_reset(&event);
    static const char *const broken[] = {"{", "{\"a\":}", "\xFF", "{\"a\":\"\xC0\xAF\"}", "nul", "1 2", "\"\\u0000\""};
    for (size_t j = 0; j < sizeof(broken) / sizeof(broken[0]); j++) {
        event = event_of(broken[j]);
        assert_fails(lambda, lambda_event_unpack(&event, "{s:i}", "a", &i), CONTENT, "is not JSON");
    }
    event = event_of("[1]");
    assert_fails(lambda, lambda_event_unpack(&event, "{s:i}", "a", &i), CONTENT, "expected object, got array");
    json_t *json = NULL;
    assert_fails(lambda, lambda_event_json(&event, NULL), INVALID, "json");
    assert_fails(NULL, lambda_event_json(NULL, &json), INVALID, "event");
    assert_int_equal(lambda_event_payload(NULL).length, 0);
    lambda__event_reset(&event);
}

/** What is packed is what jansson packs. */
#define assert_packs(...)                                                                                              \
    do {                                                                                                               \
        json_t *expected = json_pack(__VA_ARGS__);                                                                     \
        assert_non_null(expected);                                                                                     \
        char *text = json_dumps(expected, JSON_COMPACT | JSON_ENCODE_ANY);                                             \
        assert_ok(lambda, lambda_response_pack(&response, __VA_ARGS__));                                               \
        assert_string_equal(response.body.data, text);                                                                 \
        free(text);                                                                                                    \
        json_decref(expected);                                                                                         \
    } while (0)

static void packs_as_jansson_does(void **state)
{
    (void)state;
    const char *none = NULL;
    json_t *tree = json_pack("{s:[i,i], s:n}", "list", 1, 2, "nothing");
    assert_packs("{}");
    assert_packs("[]");
    assert_packs("{s:f}", "area", 12.0);
    assert_packs("{s:i, s:I, s:b, s:b, s:n}", "i", -7, "I", (json_int_t)1 << 60, "t", 1, "f", 0, "n");
    assert_packs("[i,i,i]", 0, INT_MAX, INT_MIN);
    assert_packs("I", (json_int_t)LLONG_MIN);
    assert_packs("{s:{s:[[],{}]}}", "a", "b");
    assert_packs("s", "quotes \" \\ / \b\f\n\r\t \x01\x1f\x7f \xCE\xBB \xF0\x9F\x98\x80");
    assert_packs("[s?, s*, s]", none, none, "x");
    assert_packs("{s:s?, s:s*, s:s}", "a", none, "b", none, "c", "x");
    assert_packs("{s:s*, s:s}", "b", none, "c", "x");
    assert_packs("s#", "cut here", 3);
    assert_packs("s%", "cut here", (size_t)3);
    assert_packs("s+++", "one", "two", "three", "four");
    assert_packs("s#+#+", "oneX", 3, "twoX", 3, "three");
    assert_packs("{s+: i}", "ke", "y", 1);
    assert_packs("[o?, o*]", NULL, NULL);
    assert_packs("O", tree);
    assert_packs("{s:O, s:O?}", "one", tree, "two", tree);
    assert_packs(" [ i , i : i ] ", 1, 2, 3);
    json_t *given = json_incref(tree);
    assert_ok(lambda, lambda_response_pack(&response, "[o]", given));
    assert_int_equal(tree->refcount, 1);
    assert_ok(lambda, lambda_response_json(&response, tree));
    assert_string_equal(response.body.data, "{\"list\":[1,2],\"nothing\":null}");
    json_decref(tree);
}

static void packs_numbers_that_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } known[] = {{0.0, "0.0"},
                 {-0.0, "-0.0"},
                 {1.0, "1.0"},
                 {-123456.0, "-123456.0"},
                 {0.1, "0.1"},
                 {1e15, "1e15"},
                 {1.5e300, "1.5e300"},
                 {1e-7, "1e-7"},
                 {123456.789, "123456.789"},
                 {1.0 / 3.0, "0.3333333333333333"},
                 {999999999999999.0, "999999999999999.0"}};
    for (int local = 0; local < 2; local++) {
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            assert_ok(lambda, lambda_response_pack(&response, "f", known[i].value));
            assert_string_equal(response.body.data, known[i].text);
        }
        /* Where such a locale is installed, its comma changes nothing. */
        setlocale(LC_NUMERIC, "de_DE.UTF-8");
    }
    setlocale(LC_NUMERIC, "C");
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        double value;
        bits = bits * UINT64_C(6364136223846793005) + 1442695040888963407u;
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) continue;
        assert_ok(lambda, lambda_response_pack(&response, "f", value));
        assert_true(strtod(response.body.data, NULL) == value);
    }
}

static void wrong_formats_are_refused(void **state)
{
    (void)state;
    static const char *const formats[] = {"",      "q",   "{", "[",   "[i",  "{s",    "{s:i",
                                          "{i:i}", "i i", "]", "{s:", "[q]", "{s:q}", "}"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        assert_fails(lambda, lambda_response_pack(&response, formats[i], "a", 1, 2), INVALID, "format");
        assert_int_equal(response.body.length, 0);
    }
    const char *none = NULL;
    assert_fails(lambda, lambda_response_pack(&response, "s", none), INVALID, "NULL");
    assert_fails(lambda, lambda_response_pack(&response, "s#", none, 2), INVALID, "NULL");
    assert_fails(lambda, lambda_response_pack(&response, "s+", "a", none), INVALID, "NULL");
    assert_fails(lambda, lambda_response_pack(&response, "o", NULL), INVALID, "NULL");
    assert_fails(lambda, lambda_response_pack(&response, "s#", "abc", -1), INVALID, "negative");
    assert_fails(lambda, lambda_response_pack(&response, "s", "\xFF"), INVALID, "UTF-8");
    assert_fails(lambda, lambda_response_pack(&response, "{s:i}", "\xC0\xAF", 1), INVALID, "UTF-8");
    assert_fails(lambda, lambda_response_pack(&response, "f", (double)NAN), INVALID, "NaN");
    assert_fails(lambda, lambda_response_pack(&response, "[f]", (double)INFINITY), INVALID, "NaN");
    assert_fails(lambda, lambda_response_pack(&response, "{s:i, s:i}", "a", 1, "a", 2), INVALID, "twice");
    char deep[200];
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    assert_fails(lambda, lambda_response_pack(&response, deep), INVALID, "64 levels");
    assert_fails(lambda, lambda_response_pack(&response, NULL), INVALID, "format");
    assert_fails(NULL, lambda_response_pack(NULL, "i", 1), INVALID, "response");
    assert_fails(lambda, lambda_response_json(&response, NULL), INVALID, "json");
    assert_fails(lambda, lambda_response_write(&response, NULL, 3), INVALID, "data");
    assert_fails(NULL, lambda_response_write(NULL, "a", 1), INVALID, "response");
}

static void responses_have_a_limit(void **state)
{
    (void)state;
    static char block[60000];
    memset(block, 'x', sizeof(block) - 1);
    assert_ok(lambda, lambda_response_write(&response, block, sizeof(block)));
    assert_fails(lambda, lambda_response_write(&response, block, sizeof(block)), LAMBDA_ERROR_REQUEST_TOO_LARGE,
                 "100000");
    assert_true(response.too_large);
    assert_int_equal(response.body.length, sizeof(block));
    response.too_large = false;
    assert_fails(lambda, lambda_response_pack(&response, "[s,s]", block, block), LAMBDA_ERROR_REQUEST_TOO_LARGE,
                 "100000");
    assert_true(response.too_large);
    json_t *tree = json_pack("[s,s]", block, block);
    assert_fails(lambda, lambda_response_json(&response, tree), LAMBDA_ERROR_REQUEST_TOO_LARGE, "100000");
    assert_int_equal(response.body.length, 0);
    json_decref(tree);
}

static void errors_have_lambdas_shape(void **state)
{
    (void)state;
    assert_fails(lambda, lambda_response_error_trace(&response, "early"), INVALID, "no error");
    assert_ok(lambda, lambda_response_error(&response, "Old", "old"));
    assert_ok(lambda, lambda_response_error(&response, "Type\xFF", "say \"no\"\n"));
    assert_ok(lambda, lambda_response_error_trace(&response, "a.c:1"));
    assert_ok(lambda, lambda_response_error_trace(&response, "b\xFE.c:2"));
    assert_true(
        lambda__response_error_body(&response, response.error_type, response.error_message, response.error_trace));
    assert_string_equal(response.body.data,
                        "{\"errorMessage\":\"say \\\"no\\\"\\n\",\"errorType\":\"Type\xEF\xBF\xBD\","
                        "\"stackTrace\":[\"a.c:1\",\"b\xEF\xBF\xBD.c:2\"]}");
    json_error_t error;
    json_t *read_back = json_loads(response.body.data, 0, &error);
    assert_non_null(read_back);
    json_decref(read_back);
    assert_ok(lambda, lambda_response_error(&response, NULL, NULL));
    assert_string_equal(response.error_type, "Error");
    assert_string_equal(response.error_message, "");
    size_t size = 70000;
    char *large = malloc(size);
    assert_non_null(large);
    memset(large, 'x', size);
    memcpy(large + 65535, "\xCE\xBB", 2);
    large[size - 1] = '\0';
    assert_ok(lambda, lambda_response_error(&response, "T", large));
    assert_int_equal(strlen(response.error_message), 65535); /* cut before the character, not within */
    free(large);
    assert_fails(NULL, lambda_response_error(NULL, "a", "b"), INVALID, "response");
    assert_fails(NULL, lambda_response_error_trace(NULL, "a"), INVALID, "response");
    assert_fails(lambda, lambda_response_error_trace(&response, NULL), INVALID, "line");
}

/* ---- jansson's memory fails too: only in this process's own test, and set back afterwards */

static long jansson_requests;
static long jansson_fail_at;

static void *jansson_allocate(size_t size)
{
    return ++jansson_requests == jansson_fail_at ? NULL : malloc(size);
}

static lambda_status read_and_answer(void)
{
    lambda_event event = event_of("{\"a\":[1,2,{\"b\":\"text\"}],\"c\":1.5}");
    const char *text = NULL;
    double c = 0;
    json_t *tree = NULL;
    lambda_status status = lambda_event_unpack(&event, "{s:F}", "c", &c);
    if (status == LAMBDA_OK)
        status = lambda_event_unpack(&event, "{s:[i,i,{s:s}]}", "a", &(int){0}, &(int){0}, "b", &text);
    if (status == LAMBDA_OK) status = lambda_event_json(&event, &tree);
    if (status == LAMBDA_OK) status = lambda_response_pack(&response, "{s+:O, s:s+}", "a", "b", tree, "c", "d", "e");
    if (status == LAMBDA_OK) status = lambda_response_json(&response, tree);
    if (status == LAMBDA_OK) status = lambda_response_error(&response, "T", "m");
    if (status == LAMBDA_OK) status = lambda_response_error_trace(&response, "\xFFline");
    lambda__event_reset(&event);
    lambda__response_reset_error(&response);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 500);
        lambda__buffer_clear(&lambda->base, &response.body);
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_status status = read_and_answer();
        memory.fail_at = 0;
        succeeded = memory.requests < nth;
        assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
    }
    json_malloc_t old_malloc;
    json_free_t old_free;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(jansson_allocate, free);
    int failures = 0;
    succeeded = false;
    for (jansson_fail_at = 1; !succeeded; jansson_fail_at++) {
        assert_true(jansson_fail_at < 500);
        jansson_requests = 0;
        lambda_status status = read_and_answer();
        succeeded = jansson_requests < jansson_fail_at;
        failures += status != LAMBDA_OK;
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY || status == CONTENT);
        if (succeeded) assert_int_equal(status, LAMBDA_OK);
    }
    json_set_alloc_funcs(old_malloc, old_free);
    assert_true(failures > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_fields, open_service, close_service),
        cmocka_unit_test_setup_teardown(errors_name_the_field, open_service, close_service),
        cmocka_unit_test_setup_teardown(packs_as_jansson_does, open_service, close_service),
        cmocka_unit_test_setup_teardown(packs_numbers_that_read_back, open_service, close_service),
        cmocka_unit_test_setup_teardown(wrong_formats_are_refused, open_service, close_service),
        cmocka_unit_test_setup_teardown(responses_have_a_limit, open_service, close_service),
        cmocka_unit_test_setup_teardown(errors_have_lambdas_shape, open_service, close_service),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, open_service, close_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
