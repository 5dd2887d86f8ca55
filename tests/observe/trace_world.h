/* A service that is traced, on a clock that its handlers move, and its segments as text. */
#ifndef LAMBDA_TESTS_TRACE_WORLD_H
#define LAMBDA_TESTS_TRACE_WORLD_H

#include <stdio.h>
#include <string.h>

#include "support.h"

/** 2026-01-01, in seconds. */
#define TRACE_DAY UINT64_C(1767225600)
#define MS        UINT64_C(1000000)
/** A header that has everything sampled. */
#define SAMPLED_HEADER "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

typedef struct kept_segment {
    lambda_trace_id trace_id;
    uint64_t parent_id;
    uint64_t id;
    uint64_t calls[8]; /* ids of its CALL spans */
    size_t calls_count;
    char name[64];
    char arn[128];
    lambda_request_id request_id;
} kept_segment;

typedef struct traced {
    lambda_t *lambda;
    test_clock clock;
    test_random random;
    char text[65536]; /* of all segments */
    kept_segment segments[64];
    size_t count;
    char header[LAMBDA_TRACE_HEADER_SIZE]; /* what the last handler was given */
    char traceparent[LAMBDA_TRACEPARENT_SIZE];
    lambda_status answer; /* of the exporter */
    size_t closed;
} traced;

static inline void trace_advance(traced *w, uint64_t ns)
{
    w->clock.monotonic += ns;
    w->clock.wall += ns;
}

static inline const char *span_kind_name(lambda_trace_span_kind kind)
{
    static const char *const names[] = {"FUNCTION", "INITIALIZATION", "INVOCATION", "OVERHEAD", "SUBSEGMENT", "CALL"};
    return names[kind];
}

static inline void render_annotation(const lambda_trace_annotation *each, char *to, size_t size)
{
    switch (each->kind) {
    case LAMBDA_TRACE_STRING:
        snprintf(to, size, " %s=\"%s\"", each->key, each->value.string);
        break;
    case LAMBDA_TRACE_INTEGER:
        snprintf(to, size, " %s=%lld", each->key, (long long)each->value.integer);
        break;
    case LAMBDA_TRACE_REAL:
        snprintf(to, size, " %s=%g", each->key, each->value.real);
        break;
    default:
        snprintf(to, size, " %s=%s", each->key, each->value.boolean ? "true" : "false");
    }
}

/** A line a span: how deep, kind, name, milliseconds since the test's day, flags, what failed, annotations. */
static inline void render_span(const lambda_trace_segment *given, size_t index, char *to, size_t size)
{
    const lambda_trace_span *span = &given->spans[index];
    int depth = 0;
    for (uint32_t each = (uint32_t)index; each != 0; each = given->spans[each].parent)
        depth++;
    double start = (double)(span->start_ns - TRACE_DAY * 1000 * MS) / 1e6;
    double end = (double)(span->end_ns - TRACE_DAY * 1000 * MS) / 1e6;
    snprintf(to, size, "%*s%s %s %g-%g%s%s%s%s%s%s%s%s", depth * 2, "", span_kind_name(span->kind), span->name, start,
             end, span->error ? " error" : "", span->throttle ? " throttle" : "", span->fault ? " fault" : "",
             span->asynchronous ? " asynchronous" : "", span->error_type[0] ? " " : "", span->error_type,
             span->error_message[0] ? ": " : "", span->error_message);
    for (size_t i = 0; i < given->annotations_count; i++)
        if (given->annotations[i].span == index)
            render_annotation(&given->annotations[i], to + strlen(to), size - strlen(to));
    snprintf(to + strlen(to), size - strlen(to), "\n");
}

static inline void keep_segment(kept_segment *kept, const lambda_trace_segment *given)
{
    kept->trace_id = given->trace_id;
    kept->parent_id = given->parent_id;
    kept->id = given->spans[0].id;
    kept->request_id = given->request_id;
    snprintf(kept->name, sizeof(kept->name), "%s", given->function_name);
    snprintf(kept->arn, sizeof(kept->arn), "%s", given->function_arn);
    for (size_t i = 0; i < given->spans_count && kept->calls_count < 8; i++)
        if (given->spans[i].kind == LAMBDA_TRACE_CALL) kept->calls[kept->calls_count++] = given->spans[i].id;
}

/** What holds of every segment. */
static inline void check_segment(const lambda_trace_segment *given)
{
    assert_true(given->trace_id.high | given->trace_id.low);
    assert_true(given->service_id != 0);
    assert_true(given->spans_count >= 2);
    assert_int_equal(given->spans[0].kind, LAMBDA_TRACE_FUNCTION);
    assert_string_equal(given->spans[0].name, given->function_name);
    bool initialised = false;
    for (size_t i = 0; i < given->spans_count; i++) {
        const lambda_trace_span *span = &given->spans[i];
        assert_true(span->id != 0 && span->end_ns >= span->start_ns);
        assert_true(i == 0 || span->parent < i);
        assert_true(i == 0 || span->kind != LAMBDA_TRACE_FUNCTION);
        assert_true(span->name && span->error_type && span->error_message);
        assert_true(!span->throttle || span->error);
        initialised = initialised || span->kind == LAMBDA_TRACE_INITIALIZATION;
        for (size_t j = 0; j < i; j++)
            assert_true(given->spans[j].id != span->id);
    }
    assert_int_equal(given->cold_start, initialised);
    for (size_t i = 0; i < given->annotations_count; i++)
        assert_true(given->annotations[i].span < given->spans_count);
}

static inline lambda_status keep_traced(void *user, const lambda_trace_segment *given)
{
    traced *w = user;
    check_segment(given);
    assert_true(w->count < 64);
    keep_segment(&w->segments[w->count++], given);
    for (size_t i = 0; i < given->spans_count; i++) {
        size_t used = strlen(w->text);
        render_span(given, i, w->text + used, sizeof(w->text) - used);
    }
    size_t used = strlen(w->text);
    if (given->spans_dropped > 0)
        snprintf(w->text + used, sizeof(w->text) - used, "dropped %zu\n", given->spans_dropped);
    return w->answer;
}

static inline void close_traced_exporter(void *user)
{
    ((traced *)user)->closed++;
}

/** Opens a service with the exporter; what else is in the options stays. */
static inline void trace_open(traced *w, lambda_options *options)
{
    w->clock.wall = (uint64_t)TRACE_DAY * 1000 * MS;
    w->clock.monotonic = 1000 * MS;
    w->random.state = 7;
    if (!options->clock.monotonic) options->clock = test_clock_port(&w->clock);
    if (!options->random.next) options->random = test_random_port(&w->random);
    if (!options->executor.start) options->executor.kind = LAMBDA_EXECUTOR_NONE;
    options->trace[0] =
        (lambda_trace_exporter){.write = keep_traced, .close = close_traced_exporter, .user = w, .direct = true};
    w->lambda = test_open(options);
}

static inline void trace_close(traced *w)
{
    lambda_close(w->lambda);
    assert_int_equal(w->closed, 1);
}

static inline void trace_create(traced *w, const char *name, lambda_handler *handler, lambda_tracing_mode mode)
{
    assert_ok(w->lambda,
              lambda_function_create(w->lambda, &(lambda_function_config){.function_name = name,
                                                                          .code = lambda_code_native(handler, w),
                                                                          .tracing_mode = mode}));
}

/** Forgets all segments. */
static inline void trace_forget(traced *w)
{
    w->text[0] = '\0';
    memset(w->segments, 0, sizeof(w->segments));
    w->count = 0;
}

static inline void trace_invoke(traced *w, const char *name, const char *header)
{
    lambda_result result = {0};
    assert_ok(w->lambda, lambda_invoke_with(w->lambda, name, LAMBDA_JSON("1"),
                                            &(lambda_invoke_options){.trace_id = header}, &result));
    lambda_result_clear(&result);
}

#endif
