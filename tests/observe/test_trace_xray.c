/*
 * Segments as X-Ray's documents. The expected ones, in golden/, have the fields of
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html; test_xray_schema holds them against a schema.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/memory.h"
#include "observe/trace/xray.h"
#include "trace_fixture.h"

static char golden_directory[512];

/** Documents as they are written. */
typedef struct documents {
    json_t *list;
    size_t largest;
    size_t fail_at; /* the writer's call that fails, counted from 1 */
    size_t calls;
} documents;

static lambda_status collect(void *user, const char *text, size_t length)
{
    documents *taken = user;
    if (++taken->calls == taken->fail_at) return LAMBDA_ERROR_RESOURCE_CONFLICT;
    assert_null(memchr(text, '\n', length));
    if (length > taken->largest) taken->largest = length;
    json_error_t error;
    json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!document) fail_msg("%s in %.*s", error.text, (int)length, text);
    assert_int_equal(json_array_append_new(taken->list, document), 0);
    return LAMBDA_OK;
}

static documents write_all(const lambda_trace_segment *segment, size_t limit)
{
    documents taken = {.list = json_array()};
    assert_ok(NULL, lambda__xray_write(lambda__base_without_service(), segment, limit, collect, &taken));
    return taken;
}

static void assert_golden(const lambda_trace_segment *segment, const char *name)
{
    char path[600];
    json_error_t error;
    snprintf(path, sizeof(path), "%s/%s.json", golden_directory, name);
    json_t *expected = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!expected) fail_msg("%s: %s", path, error.text);
    documents taken = {.list = json_array()};
    assert_ok(NULL, lambda_trace_write_xray(segment, collect, &taken));
    if (!json_equal(expected, taken.list)) {
        char *text = json_dumps(taken.list, JSON_INDENT(2));
        fail_msg("not what is in %s:\n%s", path, text);
    }
    json_decref(expected);
    json_decref(taken.list);
}

static void documents_are_those_of_lambda(void **state)
{
    (void)state;
    fixture f;
    fixture_small(&f);
    assert_golden(&f.segment, "xray_small");
    fixture_full(&f);
    assert_golden(&f.segment, "xray_full");
}

static lambda_status keep_text(void *user, const char *text, size_t length)
{
    snprintf(user, 4096, "%.*s", (int)length, text);
    return LAMBDA_OK;
}

/** Numbers of seconds as text: to the microsecond, cut and not rounded, so that nothing ends outside of what it stands in. */
static void times_are_seconds_with_six_decimals(void **state)
{
    (void)state;
    fixture f;
    char text[4096];
    fixture_small(&f);
    f.spans[0].start_ns = UINT64_C(1480615200000001999);
    f.spans[0].end_ns = UINT64_C(1480615200999999999);
    assert_ok(NULL, lambda_trace_write_xray(&f.segment, keep_text, text));
    assert_non_null(strstr(text, "\"start_time\":1480615200.000001,\"end_time\":1480615200.999999"));
}

static const char *text_at(const json_t *document, const char *key)
{
    const char *text = json_string_value(json_object_get(document, key));
    assert_non_null(text);
    return text;
}

/** Names and values that X-Ray would not take become such that it does. */
static void names_and_values_are_made_to_fit(void **state)
{
    (void)state;
    char long_text[3001];
    memset(long_text, 'x', 3000);
    long_text[3000] = '\0';
    const struct {
        const char *given;
        const char *written;
    } names[] = {
        {"aZ09 _.:/%&#=+\\-@", "aZ09 _.:/%&#=+\\-@"},
        {"a\"b|c\x01"
         "d\x7f",
         "a_b_c_d_"},
        {"\xC3\xA9\xF0\x9F\x92\xB3!", "___"},
        {"\xFF\xC3", "__"},
        {"", "_"},
    };
    fixture f;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fixture_small(&f);
        f.spans[1].name = names[i].given;
        documents taken = write_all(&f.segment, 0);
        json_t *first = json_array_get(json_object_get(json_array_get(taken.list, 1), "subsegments"), 0);
        assert_string_equal(text_at(first, "name"), names[i].written);
        json_decref(taken.list);
    }
    fixture_small(&f);
    f.spans[1].name = long_text;
    f.spans[1].error_message = "\xFF is no text";
    fixture_annotation(&f, 1, "long")->value.string = long_text;
    documents taken = write_all(&f.segment, 0);
    json_t *first = json_array_get(json_object_get(json_array_get(taken.list, 1), "subsegments"), 0);
    assert_int_equal(strlen(text_at(first, "name")), 200);
    assert_int_equal(strlen(text_at(json_object_get(first, "annotations"), "long")), 1000);
    json_t *exception = json_array_get(json_object_get(json_object_get(first, "cause"), "exceptions"), 0);
    assert_string_equal(text_at(exception, "message"), "\xEF\xBF\xBD is no text");
    assert_string_equal(text_at(exception, "type"), "Error");
    json_decref(taken.list);
}

/** Notes which spans a document has, and that each stands in its parent. */
static void note_spans(const json_t *document, const char *parent, char *seen)
{
    const char *id = text_at(document, "id");
    unsigned long index = strtoul(id + 8, NULL, 16);
    assert_true(index < FIXTURE_SPANS);
    assert_int_equal(seen[index], 0);
    seen[index] = 1;
    if (parent) assert_null(json_object_get(document, "trace_id"));
    size_t i;
    json_t *child;
    json_array_foreach(json_object_get(document, "subsegments"), i, child)
    {
        note_spans(child, id, seen);
    }
}

static void what_is_too_long_is_split(void **state)
{
    (void)state;
    enum { limit = 40000, count = 200 };
    char text[901];
    char seen[FIXTURE_SPANS] = {0};
    fixture f;
    memset(text, 'y', 900);
    text[900] = '\0';
    fixture_large(&f, text, count);
    documents taken = write_all(&f.segment, limit);
    size_t written = json_array_size(taken.list);
    assert_true(taken.largest <= limit);
    /* Three subsegments each, as they stand in each other, and the first document as full as it can be. */
    assert_in_range(written, 3, 2 + count / 3 - 10);
    for (size_t i = 1; i < written; i++) {
        const json_t *document = json_array_get(taken.list, i);
        note_spans(document, NULL, seen);
        assert_string_equal(text_at(document, "trace_id"), "1-58406320-a006649127e371903a2de979");
        unsigned long index = strtoul(text_at(document, "id") + 8, NULL, 16);
        if (i == 1) {
            assert_string_equal(text_at(document, "origin"), "AWS::Lambda::Function");
            continue;
        }
        char parent[17];
        snprintf(parent, sizeof(parent), "%016llx", (unsigned long long)f.spans[f.spans[index].parent].id);
        assert_string_equal(text_at(document, "type"), "subsegment");
        assert_string_equal(text_at(document, "parent_id"), parent);
    }
    for (size_t i = 0; i < f.segment.spans_count; i++)
        assert_int_equal(seen[i], 1);
    json_decref(taken.list);
}

/** One span that is too long on its own loses annotations, and says how many. */
static void annotations_without_room_are_counted(void **state)
{
    (void)state;
    enum { limit = 40000 };
    static char keys[100][8];
    char text[1001];
    fixture f;
    memset(text, 'z', 1000);
    text[1000] = '\0';
    for (uint32_t span = 0; span < 2; span++) {
        fixture_small(&f);
        for (size_t i = 0; i < 100; i++) {
            snprintf(keys[i], sizeof(keys[i]), "key%zu", i);
            fixture_annotation(&f, span, keys[i])->value.string = text;
        }
        documents taken = write_all(&f.segment, limit);
        assert_true(taken.largest <= limit);
        json_t *document = json_array_get(taken.list, 1);
        if (span == 1) document = json_array_get(json_object_get(document, "subsegments"), 0);
        size_t kept = json_object_size(json_object_get(document, "annotations"));
        json_t *facts = json_object_get(json_object_get(document, "metadata"), "lambda");
        json_int_t dropped = json_integer_value(json_object_get(facts, "annotations_dropped"));
        assert_in_range(kept, 25, 40);
        assert_int_equal(kept + (size_t)dropped, 100);
        json_decref(taken.list);
    }
}

/** How deep spans stand in each other is the handlers' affair: nothing is called for each level. */
static void a_deep_tree_is_written(void **state)
{
    (void)state;
    fixture f;
    fixture_small(&f);
    for (uint32_t i = 3; i < FIXTURE_SPANS; i++)
        fixture_span(&f, LAMBDA_TRACE_SUBSEGMENT, i == 3 ? 1 : i - 1, "deeper", 1, 2);
    documents taken = write_all(&f.segment, 0);
    json_t *at = json_array_get(json_object_get(json_array_get(taken.list, 1), "subsegments"), 0);
    size_t depth = 0;
    while ((at = json_array_get(json_object_get(at, "subsegments"), 0)))
        depth++;
    assert_int_equal(depth, FIXTURE_SPANS - 3);
    json_decref(taken.list);
}

static void failures_are_told(void **state)
{
    (void)state;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    fixture f;
    fixture_full(&f);
    for (size_t at = 1; at <= 2; at++) {
        documents taken = {.list = json_array(), .fail_at = at};
        assert_int_equal(lambda_trace_write_xray(&f.segment, collect, &taken), LAMBDA_ERROR_RESOURCE_CONFLICT);
        assert_int_equal(json_array_size(taken.list), at - 1);
        assert_int_equal(taken.calls, at);
        json_decref(taken.list);
    }
    assert_fails(NULL, lambda_trace_write_xray(NULL, collect, NULL), invalid, "segment");
    assert_fails(NULL, lambda_trace_write_xray(&f.segment, NULL, NULL), invalid, "write");
    f.segment.spans_count = 0;
    assert_fails(NULL, lambda_trace_write_xray(&f.segment, collect, NULL), invalid, "segment");
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static lambda__base base;
    char text[901];
    fixture f;
    memset(text, 'y', 900);
    text[900] = '\0';
    fixture_large(&f, text, 100);
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 100);
        test_memory memory = {.fail_at = nth};
        base.allocator = test_allocator(&memory);
        documents taken = {.list = json_array()};
        lambda_status status = lambda__xray_write(&base, &f.segment, 40000, collect, &taken);
        succeeded = memory.requests < nth;
        assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(memory.live, 0);
        json_decref(taken.list);
    }
}

int main(void)
{
    const char *directory = getenv("TEST_GOLDEN");
    snprintf(golden_directory, sizeof(golden_directory), "%s", directory ? directory : "tests/observe/golden");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_those_of_lambda),
        cmocka_unit_test(times_are_seconds_with_six_decimals),
        cmocka_unit_test(names_and_values_are_made_to_fit),
        cmocka_unit_test(what_is_too_long_is_split),
        cmocka_unit_test(annotations_without_room_are_counted),
        cmocka_unit_test(a_deep_tree_is_written),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
