/* Segments that are filled in by hand, for the tests of what becomes of them. */
#ifndef LAMBDA_TESTS_TRACE_FIXTURE_H
#define LAMBDA_TESTS_TRACE_FIXTURE_H

#include <string.h>

#include <lambda/trace.h>

/** When the segments begin: 1 December 2016, 18:00:00.010, as in X-Ray's documentation. */
#define FIXTURE_TIME UINT64_C(1480615200010000000)
#define FIXTURE_MS   UINT64_C(1000000)

enum { FIXTURE_SPANS = 320, FIXTURE_ANNOTATIONS = 320 };

/** A segment and room for what it points to. */
typedef struct fixture {
    lambda_trace_segment segment;
    lambda_trace_span spans[FIXTURE_SPANS];
    lambda_trace_annotation annotations[FIXTURE_ANNOTATIONS];
} fixture;

/** Adds a span within another, from and to so many ms after the segment's begin. Its index. */
static inline uint32_t fixture_span(fixture *f, lambda_trace_span_kind kind, uint32_t parent, const char *name,
                                    uint64_t from_ms, uint64_t to_ms)
{
    uint32_t index = (uint32_t)f->segment.spans_count++;
    f->spans[index] = (lambda_trace_span){
        .kind = kind,
        .parent = parent,
        .id = UINT64_C(0x1000000000000000) + index,
        .start_ns = FIXTURE_TIME + from_ms * FIXTURE_MS,
        .end_ns = FIXTURE_TIME + to_ms * FIXTURE_MS,
        .name = name,
        .error_type = "",
        .error_message = "",
    };
    return index;
}

static inline lambda_trace_annotation *fixture_annotation(fixture *f, uint32_t span, const char *key)
{
    lambda_trace_annotation *annotation = &f->annotations[f->segment.annotations_count++];
    *annotation = (lambda_trace_annotation){.span = span, .key = key};
    return annotation;
}

/** The least that there is: an invocation of 100 ms of which the last ms is overhead, of a warm environment. */
static inline void fixture_small(fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->segment = (lambda_trace_segment){
        .trace_id = {.high = UINT64_C(0x5840632000000000) | 0xa0066491, .low = UINT64_C(0x27e371903a2de979)},
        .parent_id = UINT64_C(0x53995c3f42cd8ad8),
        .service_id = UINT64_C(0x0715ec2a50482cd2),
        .request_id = {.high = UINT64_C(0x8476a536e9f411e8), .low = UINT64_C(0x97392dfe598c3fcd)},
        .function_name = "orders",
        .function_arn = "arn:aws:lambda:us-east-1:123456789012:function:orders:prod",
        .executed_version = "7",
        .log_group_name = "/aws/lambda/orders",
        .log_stream_name = "2016/12/01/[7]8c0ffee08c0ffee08c0ffee08c0ffee0",
        .memory_size = 256,
        .spans = f->spans,
        .annotations = f->annotations,
    };
    fixture_span(f, LAMBDA_TRACE_FUNCTION, 0, "orders", 0, 100);
    fixture_span(f, LAMBDA_TRACE_INVOCATION, 0, "Invocation", 0, 99);
    fixture_span(f, LAMBDA_TRACE_OVERHEAD, 0, "Overhead", 99, 100);
}

/**
 * One of everything: a cold start, a subsegment that failed with a call in it that was throttled, an event that was accepted, and annotations of each
 * kind. It begins its trace.
 */
static inline void fixture_full(fixture *f)
{
    fixture_small(f);
    lambda_trace_segment *segment = &f->segment;
    segment->parent_id = 0;
    segment->cold_start = true;
    segment->spans_dropped = 3;
    segment->spans_count = 0;
    fixture_span(f, LAMBDA_TRACE_FUNCTION, 0, "orders", 0, 100);
    fixture_span(f, LAMBDA_TRACE_INITIALIZATION, 0, "Initialization", 0, 20);
    fixture_span(f, LAMBDA_TRACE_INVOCATION, 0, "Invocation", 20, 99);
    fixture_span(f, LAMBDA_TRACE_SUBSEGMENT, 2, "charge \"card\" 2/2", 30, 60);
    fixture_span(f, LAMBDA_TRACE_CALL, 3, "payments", 31, 59);
    fixture_span(f, LAMBDA_TRACE_CALL, 2, "ship", 70, 71);
    fixture_span(f, LAMBDA_TRACE_OVERHEAD, 0, "Overhead", 99, 100);
    f->spans[0].fault = f->spans[2].fault = f->spans[3].fault = true;
    f->spans[2].error_type = f->spans[3].error_type = "Payment.Declined";
    f->spans[2].error_message = "no card";
    f->spans[3].error_message = "a \"quote\", a line\nend, and \xF0\x9F\x92\xB3";
    f->spans[4].error = f->spans[4].throttle = true;
    f->spans[4].error_type = "TooManyRequestsException";
    f->spans[4].error_message = "Rate Exceeded.";
    f->spans[5].asynchronous = true;
    fixture_annotation(f, 0, "customer")->value.string = "Gr\xC3\xBC\xC3\x9F \"Gott\"";
    *fixture_annotation(f, 3, "items") =
        (lambda_trace_annotation){.span = 3, .kind = LAMBDA_TRACE_INTEGER, .key = "items", .value.integer = INT64_MIN};
    *fixture_annotation(f, 0, "total") =
        (lambda_trace_annotation){.span = 0, .kind = LAMBDA_TRACE_REAL, .key = "total", .value.real = 19.5};
    *fixture_annotation(f, 3, "gift") =
        (lambda_trace_annotation){.span = 3, .kind = LAMBDA_TRACE_BOOLEAN, .key = "gift", .value.boolean = true};
}

/** What does not fit into a datagram: texts of `length` bytes, as annotations of `count` subsegments within one another. */
static inline void fixture_large(fixture *f, const char *text, size_t count)
{
    fixture_small(f);
    uint32_t parent = 1;
    for (size_t i = 0; i < count; i++) {
        parent = fixture_span(f, LAMBDA_TRACE_SUBSEGMENT, i % 3 == 0 ? 1 : parent, "step", 1, 2);
        fixture_annotation(f, parent, "text")->value.string = text;
    }
}

#endif
