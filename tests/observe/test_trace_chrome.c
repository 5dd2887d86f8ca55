/*
 * The picture, read strictly: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU says what each event has.
 * That bars nest and arrows have both ends is what Perfetto needs to draw it.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/memory.h"
#include "observe/trace/chrome.h"
#include "trace_fixture.h"

/** The text of a picture. */
typedef struct page {
    char *text;
    size_t length;
    size_t fail_at; /* the call that fails, counted from 1 */
    size_t calls;
} page;

static lambda_status print(void *user, const char *text, size_t length)
{
    page *to = user;
    if (++to->calls == to->fail_at) return LAMBDA_ERROR_RESOURCE_CONFLICT;
    to->text = realloc(to->text, to->length + length);
    assert_non_null(to->text);
    memcpy(to->text + to->length, text, length);
    to->length += length;
    return LAMBDA_OK;
}

/** Draws segments, and reads the picture. */
static json_t *draw(const lambda_trace_segment *const *segments, size_t count)
{
    page to = {0};
    lambda__chrome chrome;
    lambda__chrome_begin(&chrome, lambda__base_without_service(), print, &to);
    for (size_t i = 0; i < count; i++)
        assert_true(lambda__chrome_take(&chrome, segments[i]));
    assert_ok(NULL, lambda__chrome_end(&chrome));
    json_error_t error;
    json_t *picture = json_loadb(to.text, to.length, JSON_REJECT_DUPLICATES, &error);
    if (!picture) fail_msg("%s:\n%.*s", error.text, (int)to.length, to.text);
    free(to.text);
    return picture;
}

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    if (!text) fail_msg("an event has no text \"%s\"", key);
    return text;
}

static long long number_of(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/** Nanoseconds of a time in microseconds. */
static long long time_of(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    assert_true(json_is_real(value));
    assert_true(json_real_value(value) >= 0);
    return llround(json_real_value(value) * 1000);
}

static bool is(const json_t *event, const char *phase)
{
    return strcmp(text_of(event, "ph"), phase) == 0;
}

/** The event of that phase and, if not NULL, name; the `nth`, counted from 0, NULL for none. */
static json_t *find(const json_t *picture, const char *phase, const char *name, size_t nth)
{
    size_t i;
    json_t *event;
    json_array_foreach(json_object_get(picture, "traceEvents"), i, event)
    {
        if (is(event, phase) && (!name || strcmp(text_of(event, "name"), name) == 0) && nth-- == 0) return event;
    }
    return NULL;
}

static bool same_row(const json_t *left, const json_t *right)
{
    return number_of(left, "pid") == number_of(right, "pid") && number_of(left, "tid") == number_of(right, "tid");
}

/** Each two bars of a row stand one in the other or one behind the other, and what is drawn first is the outer one. */
static void assert_bars_nest(const json_t *picture)
{
    const json_t *event;
    for (size_t i = 0; (event = find(picture, "X", NULL, i)); i++) {
        const json_t *other;
        long long from = time_of(event, "ts");
        long long to = from + time_of(event, "dur");
        for (size_t j = i + 1; (other = find(picture, "X", NULL, j)); j++) {
            long long other_from = time_of(other, "ts");
            long long other_to = other_from + time_of(other, "dur");
            if (!same_row(event, other)) continue;
            bool within = other_from >= from && other_to <= to;
            if (!within && other_from < to && from < other_to)
                fail_msg("%s from %lld to %lld and %s from %lld to %lld", text_of(event, "name"), from, to,
                         text_of(other, "name"), other_from, other_to);
        }
    }
}

/** A bar of that row and a name of that event's process and row. */
static void assert_named(const json_t *picture, const json_t *event)
{
    bool process = false;
    bool row = false;
    const json_t *name;
    for (size_t i = 0; (name = find(picture, "M", NULL, i)); i++) {
        bool same = number_of(name, "pid") == number_of(event, "pid");
        assert_non_null(json_string_value(json_object_get(json_object_get(name, "args"), "name")));
        process = process || (same && strcmp(text_of(name, "name"), "process_name") == 0);
        row = row || (same && strcmp(text_of(name, "name"), "thread_name") == 0 && same_row(name, event));
    }
    assert_true(process && row);
}

/** Whether a time lies in a bar of the event's row. */
static bool on_bar(const json_t *picture, const json_t *event)
{
    const json_t *bar;
    long long at = time_of(event, "ts");
    for (size_t i = 0; (bar = find(picture, "X", NULL, i)); i++)
        if (same_row(bar, event) && time_of(bar, "ts") <= at && at <= time_of(bar, "ts") + time_of(bar, "dur"))
            return true;
    return false;
}

/** All that a picture must be; how many arrows it has. */
static size_t check(const json_t *picture)
{
    size_t i;
    size_t ends = 0;
    size_t starts = 0;
    json_t *event;
    json_array_foreach(json_object_get(picture, "traceEvents"), i, event)
    {
        assert_true(text_of(event, "name")[0] != '\0');
        if (is(event, "M")) continue;
        assert_named(picture, event);
        assert_non_null(text_of(event, "cat"));
        if (is(event, "X")) {
            assert_true(json_is_object(json_object_get(event, "args")));
            continue;
        }
        assert_true(on_bar(picture, event));
        if (is(event, "s")) {
            starts++;
            continue;
        }
        assert_true(is(event, "f"));
        assert_string_equal(text_of(event, "bp"), "e");
        ends++;
        size_t same = 0;
        const json_t *start;
        for (size_t j = 0; (start = find(picture, "s", NULL, j)); j++)
            same += number_of(start, "id") == number_of(event, "id") &&
                    strcmp(text_of(start, "cat"), text_of(event, "cat")) == 0 &&
                    strcmp(text_of(start, "name"), text_of(event, "name")) == 0;
        assert_int_equal(same, 1);
    }
    assert_int_equal(starts, ends);
    assert_bars_nest(picture);
    return ends;
}

/** The segment of a function that was called, so many ms after the fixture's begin. */
static void callee(fixture *f, const char *name, uint64_t parent, uint64_t from_ms, uint64_t to_ms)
{
    fixture_small(f);
    f->segment.function_name = name;
    f->segment.parent_id = parent;
    f->segment.log_stream_name = "2016/12/01/[$LATEST]0123456789abcdef";
    f->segment.spans_count = 0;
    fixture_span(f, LAMBDA_TRACE_FUNCTION, 0, name, from_ms, to_ms);
    fixture_span(f, LAMBDA_TRACE_INVOCATION, 0, "Invocation", from_ms, to_ms);
    for (size_t i = 0; i < f->segment.spans_count; i++)
        f->spans[i].id += UINT64_C(0x100000000) * from_ms;
}

static void an_invocation_is_a_row_of_bars(void **state)
{
    (void)state;
    static const char *const names[] = {"orders",   "Initialization", "Invocation", "charge \"card\" 2/2",
                                        "payments", "ship",           "Overhead"};
    static const char *const categories[] = {"function", "initialization", "invocation", "subsegment",
                                             "call",     "call",           "overhead"};
    static const double times[][2] = {{0, 100000},    {0, 20000},    {20000, 79000}, {30000, 30000},
                                      {31000, 28000}, {70000, 1000}, {99000, 1000}};
    fixture f;
    fixture_full(&f);
    json_t *picture = draw((const lambda_trace_segment *[]){&f.segment}, 1);
    assert_int_equal(check(picture), 0); /* what was called is not there */
    for (size_t i = 0; i < 7; i++) {
        const json_t *event = find(picture, "X", NULL, i);
        assert_non_null(event);
        assert_string_equal(text_of(event, "name"), names[i]);
        assert_string_equal(text_of(event, "cat"), categories[i]);
        assert_int_equal(time_of(event, "ts"), (long long)times[i][0] * 1000);
        assert_int_equal(time_of(event, "dur"), (long long)times[i][1] * 1000);
    }
    assert_null(find(picture, "X", NULL, 7));
    const json_t *root = json_object_get(find(picture, "X", "orders", 0), "args");
    assert_string_equal(text_of(root, "request_id"), "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
    assert_string_equal(text_of(root, "trace_id"), "58406320a006649127e371903a2de979");
    assert_string_equal(text_of(root, "executed_version"), "7");
    assert_true(json_is_true(json_object_get(root, "cold_start")));
    assert_true(json_is_true(json_object_get(root, "fault")));
    assert_int_equal(number_of(root, "spans_dropped"), 3);
    assert_string_equal(text_of(json_object_get(root, "annotations"), "customer"), "Gr\xC3\xBC\xC3\x9F \"Gott\"");
    const json_t *charge = json_object_get(find(picture, "X", "charge \"card\" 2/2", 0), "args");
    assert_string_equal(text_of(charge, "error_type"), "Payment.Declined");
    assert_string_equal(text_of(charge, "error_message"), "a \"quote\", a line\nend, and \xF0\x9F\x92\xB3");
    assert_true(json_integer_value(json_object_get(json_object_get(charge, "annotations"), "items")) == INT64_MIN);
    assert_true(json_is_true(json_object_get(json_object_get(charge, "annotations"), "gift")));
    const json_t *ship = json_object_get(find(picture, "X", "ship", 0), "args");
    assert_true(json_is_true(json_object_get(ship, "asynchronous")));
    const json_t *process = find(picture, "M", "process_name", 0);
    assert_string_equal(text_of(json_object_get(process, "args"), "name"), "orders");
    const json_t *row = find(picture, "M", "thread_name", 0);
    assert_string_equal(text_of(json_object_get(row, "args"), "name"), f.segment.log_stream_name);
    assert_string_equal(text_of(json_object_get(picture, "otherData"), "origin_ns"), "1480615200010000000");
    json_decref(picture);
}

static void calls_have_arrows(void **state)
{
    (void)state;
    static fixture f[4];
    fixture_full(&f[0]);
    callee(&f[1], "payments", f[0].spans[4].id, 32, 58);
    callee(&f[2], "ship", f[0].spans[5].id, 200, 210); /* an event, and once more as it failed */
    callee(&f[3], "ship", f[0].spans[5].id, 300, 310);
    const lambda_trace_segment *segments[] = {&f[0].segment, &f[1].segment, &f[2].segment, &f[3].segment};
    json_t *picture = draw(segments, 4);
    assert_int_equal(check(picture), 3);
    const json_t *from = find(picture, "s", NULL, 0);
    const json_t *to = find(picture, "f", NULL, 0);
    assert_int_equal(number_of(from, "pid"), number_of(find(picture, "X", "orders", 0), "pid"));
    assert_int_equal(time_of(from, "ts"), 31000000);
    assert_int_equal(number_of(to, "pid"), number_of(find(picture, "X", "payments", 1), "pid"));
    assert_int_equal(time_of(to, "ts"), 32000000);
    json_decref(picture);
    /* The same ids in another trace are others. */
    f[1].segment.trace_id.low++;
    f[2].segment.trace_id.high++;
    picture = draw(segments, 4);
    assert_int_equal(check(picture), 1);
    json_decref(picture);
    /* The caller is not there: nothing begins nowhere. */
    picture = draw(segments + 1, 3);
    assert_int_equal(check(picture), 0);
    json_decref(picture);
}

/** An environment whose last invocation still has its answer taken when the next one begins. */
static void what_overlaps_gets_another_row(void **state)
{
    (void)state;
    static fixture f[3];
    callee(&f[0], "ship", 0, 0, 100);
    callee(&f[1], "ship", 0, 99, 200);
    callee(&f[2], "ship", 0, 100, 150);
    const lambda_trace_segment *segments[] = {&f[0].segment, &f[1].segment, &f[2].segment};
    json_t *picture = draw(segments, 3);
    check(picture);
    assert_true(same_row(find(picture, "X", "ship", 0), find(picture, "X", "ship", 2)));
    assert_false(same_row(find(picture, "X", "ship", 0), find(picture, "X", "ship", 1)));
    const json_t *second = find(picture, "M", "thread_name", 1);
    assert_string_equal(text_of(json_object_get(second, "args"), "name"), "2016/12/01/[$LATEST]0123456789abcdef (2)");
    json_decref(picture);
}

/** Whatever times spans have, and wherever they stand, bars nest. */
static void bars_nest_always(void **state)
{
    (void)state;
    static fixture f[8];
    const lambda_trace_segment *segments[8];
    uint64_t seed = 7;
    for (int round = 0; round < 30; round++) {
        for (size_t i = 0; i < 8; i++) {
            fixture_small(&f[i]);
            f[i].spans[0].start_ns = FIXTURE_TIME + i * 1000 + (uint64_t)round;
            f[i].spans[0].end_ns = f[i].spans[0].start_ns + 2500;
            for (uint32_t span = 1; span < 12; span++) {
                if (span > 2) fixture_span(&f[i], LAMBDA_TRACE_SUBSEGMENT, 0, "step", 0, 0);
                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
                f[i].spans[span].parent = (uint32_t)(seed >> 33) % span;
                f[i].spans[span].start_ns = FIXTURE_TIME + (seed >> 40) % 9000;
                f[i].spans[span].end_ns = f[i].spans[span].start_ns + (seed >> 20) % 3000;
            }
            segments[i] = &f[i].segment;
        }
        json_t *picture = draw(segments, 8);
        check(picture);
        json_decref(picture);
    }
}

static void many_rows_are_told_apart(void **state)
{
    (void)state;
    enum { count = 500 };
    static fixture f[count];
    static char names[count][16];
    static const lambda_trace_segment *segments[count];
    for (size_t i = 0; i < count; i++) {
        callee(&f[i], "ship", 0, i, i + 1);
        snprintf(names[i], sizeof(names[i]), "stream-%zu", i);
        f[i].segment.log_stream_name = names[i];
        segments[i] = &f[i].segment;
    }
    json_t *picture = draw(segments, count);
    assert_non_null(find(picture, "M", "thread_name", count - 1));
    assert_null(find(picture, "M", "thread_name", count));
    assert_null(find(picture, "M", "process_name", 1));
    for (size_t i = 0; i < count; i++) {
        const json_t *row = find(picture, "M", "thread_name", i);
        assert_string_equal(text_of(json_object_get(row, "args"), "name"), names[i]);
        assert_true(same_row(row, find(picture, "X", "ship", i)));
    }
    json_decref(picture);
}

/** From a ring, as hosts do: all of it, or a trace. */
static void a_ring_is_drawn(void **state)
{
    (void)state;
    static fixture f[2];
    lambda_trace_ring *ring;
    page to = {0};
    fixture_full(&f[0]);
    callee(&f[1], "payments", f[0].spans[4].id, 32, 58);
    f[1].segment.trace_id.low++;
    assert_ok(NULL, lambda_trace_ring_new(0, NULL, &ring));
    lambda_trace_exporter exporter = lambda_trace_ring_exporter(ring);
    for (size_t i = 0; i < 2; i++)
        assert_ok(NULL, exporter.write(exporter.user, &f[i].segment));
    const lambda_trace_id ids[] = {{0, 0}, f[0].segment.trace_id, f[1].segment.trace_id, {1, 1}};
    const size_t processes[] = {2, 1, 1, 0};
    for (size_t i = 0; i < 4; i++) {
        to.length = 0;
        assert_ok(NULL, lambda_trace_write_chrome(ring, ids[i], print, &to));
        json_t *picture = json_loadb(to.text, to.length, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(picture);
        assert_int_equal(check(picture), 0);
        size_t count = 0;
        while (find(picture, "M", "process_name", count))
            count++;
        assert_int_equal(count, processes[i]);
        json_decref(picture);
    }
    free(to.text);
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    assert_ok(NULL, lambda_trace_write_chrome(ring, ids[0], lambda_write_to_file, file));
    fclose(file);
    json_t *written = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(written);
    json_decref(written);
    free(text);
    file = fopen("/dev/null", "r");
    assert_non_null(file);
    assert_int_equal(lambda_trace_write_chrome(ring, ids[0], lambda_write_to_file, file), LAMBDA_ERROR_SERVICE);
    fclose(file);
    for (size_t at = 1; at <= 4; at++) {
        page failing = {.fail_at = at};
        assert_int_equal(lambda_trace_write_chrome(ring, ids[0], print, &failing), LAMBDA_ERROR_RESOURCE_CONFLICT);
        assert_int_equal(failing.calls, at);
        free(failing.text);
    }
    assert_fails(NULL, lambda_trace_write_chrome(NULL, ids[0], print, &to), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "ring");
    assert_fails(NULL, lambda_trace_write_chrome(ring, ids[0], NULL, &to), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "write");
    lambda_trace_ring_free(ring);
}

static void an_empty_picture_is_one(void **state)
{
    (void)state;
    json_t *picture = draw(NULL, 0);
    assert_int_equal(json_array_size(json_object_get(picture, "traceEvents")), 0);
    json_decref(picture);
}

static void the_writer_may_end_it(void **state)
{
    (void)state;
    static fixture f[2];
    fixture_full(&f[0]);
    callee(&f[1], "payments", f[0].spans[4].id, 32, 58);
    size_t calls = 0;
    for (size_t at = 0; at <= calls; at++) {
        page to = {.fail_at = at};
        lambda__chrome chrome;
        lambda__chrome_begin(&chrome, lambda__base_without_service(), print, &to);
        for (size_t i = 0; i < 2 && lambda__chrome_take(&chrome, &f[i].segment); i++)
            continue;
        assert_int_equal(lambda__chrome_end(&chrome), at > 0 ? LAMBDA_ERROR_RESOURCE_CONFLICT : LAMBDA_OK);
        if (at > 0) assert_int_equal(to.calls, at);
        if (at == 0) calls = to.calls;
        free(to.text);
    }
    assert_in_range(calls, 4, 9);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static lambda__base base;
    static fixture f[2];
    fixture_full(&f[0]);
    callee(&f[1], "payments", f[0].spans[4].id, 32, 58);
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 200);
        test_memory memory = {.fail_at = nth};
        base.allocator = test_allocator(&memory);
        page to = {0};
        lambda__chrome chrome;
        lambda__chrome_begin(&chrome, &base, print, &to);
        for (size_t i = 0; i < 2 && lambda__chrome_take(&chrome, &f[i].segment); i++)
            continue;
        lambda_status status = lambda__chrome_end(&chrome);
        succeeded = memory.requests < nth;
        assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(memory.live, 0);
        free(to.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invocation_is_a_row_of_bars), cmocka_unit_test(calls_have_arrows),
        cmocka_unit_test(what_overlaps_gets_another_row), cmocka_unit_test(bars_nest_always),
        cmocka_unit_test(many_rows_are_told_apart),       cmocka_unit_test(a_ring_is_drawn),
        cmocka_unit_test(an_empty_picture_is_one),        cmocka_unit_test(the_writer_may_end_it),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
