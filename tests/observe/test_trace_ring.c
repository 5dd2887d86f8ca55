/* The ring of segments: what it keeps, what it lets go, and several who write to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include "support.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** A segment with two spans, a subsegment and annotations; `number` tells it from others. */
typedef struct made {
    lambda_trace_segment segment;
    lambda_trace_span spans[3];
    lambda_trace_annotation annotations[4];
    char text[128];
} made;

static const lambda_trace_segment *make(made *m, uint64_t number)
{
    snprintf(m->text, sizeof(m->text), "subsegment %llu", (unsigned long long)number);
    m->spans[0] = (lambda_trace_span){.kind = LAMBDA_TRACE_FUNCTION,
                                      .id = number * 4 + 1,
                                      .start_ns = number,
                                      .end_ns = number + 10,
                                      .name = "orders",
                                      .fault = true,
                                      .error_type = "Declined",
                                      .error_message = m->text};
    m->spans[1] = (lambda_trace_span){.kind = LAMBDA_TRACE_INVOCATION,
                                      .id = number * 4 + 2,
                                      .start_ns = number,
                                      .end_ns = number + 9,
                                      .name = "Invocation",
                                      .error_type = "",
                                      .error_message = ""};
    m->spans[2] = (lambda_trace_span){.kind = LAMBDA_TRACE_SUBSEGMENT,
                                      .parent = 1,
                                      .id = number * 4 + 3,
                                      .start_ns = number + 1,
                                      .end_ns = number + 2,
                                      .name = m->text,
                                      .error_type = "",
                                      .error_message = ""};
    m->annotations[0] = (lambda_trace_annotation){.kind = LAMBDA_TRACE_STRING, .key = "s", .value.string = m->text};
    m->annotations[1] = (lambda_trace_annotation){
        .span = 2, .kind = LAMBDA_TRACE_INTEGER, .key = "i", .value.integer = -(int64_t)number};
    m->annotations[2] = (lambda_trace_annotation){.kind = LAMBDA_TRACE_REAL, .key = "r", .value.real = 0.5};
    m->annotations[3] = (lambda_trace_annotation){.kind = LAMBDA_TRACE_BOOLEAN, .key = "b", .value.boolean = true};
    m->segment = (lambda_trace_segment){.trace_id = {number % 3 + 1, 7},
                                        .parent_id = number,
                                        .service_id = number + 5,
                                        .request_id = {number, 1},
                                        .function_name = "orders",
                                        .function_arn = "arn:aws:lambda:us-east-1:000000000000:function:orders",
                                        .executed_version = "$LATEST",
                                        .log_group_name = "/aws/lambda/orders",
                                        .log_stream_name = "",
                                        .memory_size = 128,
                                        .spans = m->spans,
                                        .spans_count = 3,
                                        .spans_dropped = 2,
                                        .annotations = m->annotations,
                                        .annotations_count = 4};
    return &m->segment;
}

/** Is a segment the one of that number, whole? */
static void check(const lambda_trace_segment *given, uint64_t number)
{
    made expected;
    const lambda_trace_segment *same = make(&expected, number);
    assert_memory_equal(&given->trace_id, &same->trace_id, sizeof(same->trace_id));
    assert_int_equal(given->parent_id, same->parent_id);
    assert_int_equal(given->service_id, same->service_id);
    assert_int_equal(given->request_id.high, number);
    assert_string_equal(given->function_name, same->function_name);
    assert_string_equal(given->function_arn, same->function_arn);
    assert_string_equal(given->executed_version, same->executed_version);
    assert_string_equal(given->log_group_name, same->log_group_name);
    assert_string_equal(given->log_stream_name, "");
    assert_int_equal(given->memory_size, 128);
    assert_int_equal(given->spans_dropped, 2);
    assert_int_equal(given->spans_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(given->spans[i].kind, same->spans[i].kind);
        assert_int_equal(given->spans[i].parent, same->spans[i].parent);
        assert_int_equal(given->spans[i].id, same->spans[i].id);
        assert_int_equal(given->spans[i].start_ns, same->spans[i].start_ns);
        assert_int_equal(given->spans[i].end_ns, same->spans[i].end_ns);
        assert_int_equal(given->spans[i].fault, same->spans[i].fault);
        assert_string_equal(given->spans[i].name, same->spans[i].name);
        assert_string_equal(given->spans[i].error_type, same->spans[i].error_type);
        assert_string_equal(given->spans[i].error_message, same->spans[i].error_message);
    }
    assert_int_equal(given->annotations_count, 4);
    assert_string_equal(given->annotations[0].key, "s");
    assert_string_equal(given->annotations[0].value.string, expected.text);
    assert_int_equal(given->annotations[1].span, 2);
    assert_int_equal(given->annotations[1].value.integer, -(int64_t)number);
    assert_true(given->annotations[2].value.real == 0.5);
    assert_true(given->annotations[3].value.boolean);
}

/** Numbers of what was read. */
typedef struct seen {
    uint64_t numbers[8192];
    size_t count;
    size_t most;
} seen;

static bool see(void *user, const lambda_trace_segment *segment)
{
    seen *s = user;
    check(segment, segment->request_id.high);
    assert_true(s->count < 8192);
    s->numbers[s->count++] = segment->request_id.high;
    return s->most == 0 || s->count < s->most;
}

static void write_number(lambda_trace_ring *ring, uint64_t number)
{
    made m;
    lambda_trace_exporter exporter = lambda_trace_ring_exporter(ring);
    assert_true(exporter.direct);
    assert_int_equal(exporter.write(exporter.user, make(&m, number)), LAMBDA_OK);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    lambda_trace_ring *ring = NULL;
    const lambda_trace_id all = {0, 0};
    assert_fails(NULL, lambda_trace_ring_new(4095, NULL, &ring), INVALID, "bytes");
    assert_fails(NULL, lambda_trace_ring_new(((size_t)1 << 30) + 1, NULL, &ring), INVALID, "bytes");
    assert_null(ring);
    assert_fails(NULL, lambda_trace_ring_new(0, NULL, NULL), INVALID, "ring");
    assert_fails(NULL, lambda_trace_ring_read(NULL, all, see, NULL), INVALID, "ring");
    assert_ok(NULL, lambda_trace_ring_new(0, NULL, &ring));
    assert_fails(NULL, lambda_trace_ring_read(ring, all, NULL, NULL), INVALID, "take");
    lambda_trace_ring_free(ring);
    lambda_trace_ring_free(NULL);
    lambda_trace_ring_clear(NULL);
    assert_null(lambda_trace_ring_exporter(NULL).write);
}

static void segments_are_read_by_time(void **state)
{
    (void)state;
    lambda_trace_ring *ring;
    seen s = {0};
    assert_ok(NULL, lambda_trace_ring_new(0, NULL, &ring));
    static const uint64_t order[] = {5, 3, 9, 1, 7, 4};
    for (size_t i = 0; i < 6; i++)
        write_number(ring, order[i]);
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, &s));
    static const uint64_t sorted[] = {1, 3, 4, 5, 7, 9};
    assert_int_equal(s.count, 6);
    assert_memory_equal(s.numbers, sorted, sizeof(sorted));
    /* One trace: those with the same rest by 3. */
    s.count = 0;
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){2, 7}, see, &s));
    static const uint64_t one[] = {1, 4, 7};
    assert_int_equal(s.count, 3);
    assert_memory_equal(s.numbers, one, sizeof(one));
    /* No more, please. */
    s.count = 0;
    s.most = 2;
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, &s));
    assert_int_equal(s.count, 2);
    lambda_trace_ring_clear(ring);
    s.count = 0;
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, &s));
    assert_int_equal(s.count, 0);
    write_number(ring, 8);
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, &s));
    assert_int_equal(s.count, 1);
    lambda_trace_ring_free(ring);
}

/** The newest stay, without a gap, and the memory is what was asked for. */
static void check_newest(size_t bytes, size_t least)
{
    test_memory memory = {0};
    lambda_allocator allocator = test_allocator(&memory);
    lambda_trace_ring *ring;
    seen *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    assert_ok(NULL, lambda_trace_ring_new(bytes, &allocator, &ring));
    long own = memory.bytes;
    for (uint64_t number = 1; number <= 5000; number++)
        write_number(ring, number);
    assert_in_range(memory.bytes - own, 1, bytes);
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, s));
    assert_in_range(s->count, least, 4999);
    for (size_t i = 0; i < s->count; i++)
        assert_int_equal(s->numbers[i], 5000 - s->count + 1 + i);
    lambda_trace_ring_free(ring);
    assert_int_equal(memory.live, 0);
    free(s);
}

static void the_newest_stay(void **state)
{
    (void)state;
    check_newest(4096, 3);
    check_newest(65536, 50);
    check_newest((size_t)1 << 20, 900);
}

static void what_cannot_fit_is_refused(void **state)
{
    (void)state;
    lambda_trace_ring *ring;
    made m;
    seen s = {0};
    char *text = calloc(1, 5000);
    assert_non_null(text);
    memset(text, 'x', 4999);
    assert_ok(NULL, lambda_trace_ring_new(4096, NULL, &ring));
    write_number(ring, 1);
    lambda_trace_exporter exporter = lambda_trace_ring_exporter(ring);
    (void)make(&m, 2);
    m.spans[2].name = text;
    assert_int_not_equal(exporter.write(exporter.user, &m.segment), LAMBDA_OK);
    /* What was there stays. */
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, &s));
    assert_int_equal(s.count, 1);
    lambda_trace_ring_free(ring);
    free(text);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    test_memory memory;
    bool whole = false;
    for (long fail_at = 1; !whole; fail_at++) {
        memory = (test_memory){.fail_at = fail_at};
        lambda_allocator allocator = test_allocator(&memory);
        lambda_trace_ring *ring = NULL;
        seen s = {0};
        made m;
        lambda_status status = lambda_trace_ring_new(0, &allocator, &ring);
        lambda_trace_exporter exporter = lambda_trace_ring_exporter(ring);
        bool wrote = status == LAMBDA_OK && exporter.write(exporter.user, make(&m, 1)) == LAMBDA_OK;
        if (ring) status = lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, &s);
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(s.count, wrote && status == LAMBDA_OK);
        whole = memory.requests < fail_at;
        lambda_trace_ring_free(ring);
        assert_int_equal(memory.live, 0);
    }
}

/* ---- threads */

typedef struct writer {
    lambda_trace_ring *ring;
    uint64_t first;
} writer;

enum { WRITERS = 4, EACH = 2000 };

static void *write_many(void *user)
{
    writer *w = user;
    lambda_trace_exporter exporter = lambda_trace_ring_exporter(w->ring);
    made m;
    for (uint64_t i = 0; i < EACH; i++)
        if (exporter.write(exporter.user, make(&m, w->first + i)) != LAMBDA_OK) abort();
    return NULL;
}

/** Whoever reads meanwhile sees whole segments only; who reads afterwards sees all, where there was room. */
static void threads_write_and_read(size_t bytes, bool all)
{
    lambda_trace_ring *ring;
    pthread_t threads[WRITERS];
    writer writers[WRITERS];
    seen *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    assert_ok(NULL, lambda_trace_ring_new(bytes, NULL, &ring));
    for (uint64_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer){ring, i * EACH};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        s->count = 0;
        assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, s));
        if (!all && i % 3 == 0) lambda_trace_ring_clear(ring);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    s->count = 0;
    assert_ok(NULL, lambda_trace_ring_read(ring, (lambda_trace_id){0, 0}, see, s));
    if (all) assert_int_equal(s->count, WRITERS * EACH);
    for (size_t i = 1; i < s->count; i++)
        assert_true(s->numbers[i] > s->numbers[i - 1]);
    lambda_trace_ring_free(ring);
    free(s);
}

static void threads_get_on(void **state)
{
    (void)state;
    threads_write_and_read((size_t)64 << 20, true);
    threads_write_and_read(65536, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_checked),     cmocka_unit_test(segments_are_read_by_time),
        cmocka_unit_test(the_newest_stay),           cmocka_unit_test(what_cannot_fit_is_refused),
        cmocka_unit_test(every_allocation_may_fail), cmocka_unit_test(threads_get_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
