#include "observe/trace/flat.h"

#include <string.h>

/** The texts of a segment itself. */
enum { TEXTS = 5 };

static const char **text_of(lambda_trace_segment *segment, int which)
{
    switch (which) {
    case 0:
        return &segment->function_name;
    case 1:
        return &segment->function_arn;
    case 2:
        return &segment->executed_version;
    case 3:
        return &segment->log_group_name;
    default:
        return &segment->log_stream_name;
    }
}

/** Texts that are the same in every segment are not written: what they are told by. */
enum { FUNCTION_NAME = 1, EMPTY, INITIALIZATION, INVOCATION, OVERHEAD, WRITTEN };

/** Which of them a span's name is, by its kind. */
static uintptr_t known_name(lambda_trace_span_kind kind)
{
    static const uint8_t known[] = {
        [LAMBDA_TRACE_FUNCTION] = FUNCTION_NAME, [LAMBDA_TRACE_INITIALIZATION] = INITIALIZATION,
        [LAMBDA_TRACE_INVOCATION] = INVOCATION,  [LAMBDA_TRACE_OVERHEAD] = OVERHEAD,
        [LAMBDA_TRACE_SUBSEGMENT] = WRITTEN,     [LAMBDA_TRACE_CALL] = WRITTEN};
    return known[kind];
}

static inline size_t text_size(const char *text)
{
    return *text ? strlen(text) + 1 : 0;
}

size_t lambda__trace_flat_size(const lambda_trace_segment *segment)
{
    size_t size = sizeof(*segment) + segment->spans_count * sizeof(*segment->spans) +
                  segment->annotations_count * sizeof(*segment->annotations);
    size += text_size(segment->function_name) + text_size(segment->function_arn) +
            text_size(segment->executed_version) + text_size(segment->log_group_name) +
            text_size(segment->log_stream_name);
    for (size_t i = 0; i < segment->spans_count; i++) {
        const lambda_trace_span *span = &segment->spans[i];
        if (known_name(span->kind) == WRITTEN) size += text_size(span->name);
        size += text_size(span->error_type) + text_size(span->error_message);
    }
    for (size_t i = 0; i < segment->annotations_count; i++) {
        const lambda_trace_annotation *each = &segment->annotations[i];
        size += text_size(each->key);
        if (each->kind == LAMBDA_TRACE_STRING) size += text_size(each->value.string);
    }
    return (size + LAMBDA__TRACE_FLAT_ALIGN - 1) & ~(size_t)(LAMBDA__TRACE_FLAT_ALIGN - 1);
}

/** Where texts are written to. */
typedef struct writing {
    char *start; /* of all */
    char *at;
} writing;

/** Copies a text; what stands for it: a small number, or its offset. */
static inline const char *put(writing *to, const char *text)
{
    if (!*text) return (const char *)(uintptr_t)EMPTY;
    size_t size = strlen(text) + 1;
    uintptr_t offset = (uintptr_t)(to->at - to->start);
    memcpy(to->at, text, size);
    to->at += size;
    return (const char *)offset;
}

void lambda__trace_flat_write(const lambda_trace_segment *segment, void *to, size_t size)
{
    lambda_trace_segment *flat = to;
    lambda_trace_span *spans = (lambda_trace_span *)(void *)(flat + 1);
    lambda_trace_annotation *annotations = (lambda_trace_annotation *)(void *)(spans + segment->spans_count);
    writing texts = {.start = to, .at = (char *)(annotations + segment->annotations_count)};
    *flat = *segment;
    for (int i = 0; i < TEXTS; i++)
        *text_of(flat, i) = put(&texts, *text_of(flat, i));
    for (size_t i = 0; i < segment->spans_count; i++) {
        spans[i] = segment->spans[i];
        uintptr_t known = known_name(spans[i].kind);
        spans[i].name = known == WRITTEN ? put(&texts, spans[i].name) : (const char *)known;
        spans[i].error_type = put(&texts, spans[i].error_type);
        spans[i].error_message = put(&texts, spans[i].error_message);
    }
    for (size_t i = 0; i < segment->annotations_count; i++) {
        annotations[i] = segment->annotations[i];
        annotations[i].key = put(&texts, annotations[i].key);
        if (annotations[i].kind == LAMBDA_TRACE_STRING)
            annotations[i].value.string = put(&texts, annotations[i].value.string);
    }
    /* What fills it up to its length is nobody's bytes. */
    memset(texts.at, 0, (size_t)(texts.start + size - texts.at));
}

static const char *get(const lambda_trace_segment *segment, const char *kept)
{
    static const char *const known[] = {
        [EMPTY] = "", [INITIALIZATION] = "Initialization", [INVOCATION] = "Invocation", [OVERHEAD] = "Overhead"};
    uintptr_t offset = (uintptr_t)kept;
    if (offset == FUNCTION_NAME) return segment->function_name;
    return offset < WRITTEN ? known[offset] : (const char *)segment + offset;
}

const lambda_trace_segment *lambda__trace_flat_read(void *flat)
{
    lambda_trace_segment *segment = flat;
    lambda_trace_span *spans = (lambda_trace_span *)(void *)(segment + 1);
    lambda_trace_annotation *annotations = (lambda_trace_annotation *)(void *)(spans + segment->spans_count);
    segment->spans = spans;
    segment->annotations = annotations;
    for (int i = 0; i < TEXTS; i++)
        *text_of(segment, i) = get(segment, *text_of(segment, i));
    for (size_t i = 0; i < segment->spans_count; i++) {
        spans[i].name = get(segment, spans[i].name);
        spans[i].error_type = get(segment, spans[i].error_type);
        spans[i].error_message = get(segment, spans[i].error_message);
    }
    for (size_t i = 0; i < segment->annotations_count; i++) {
        annotations[i].key = get(segment, annotations[i].key);
        if (annotations[i].kind == LAMBDA_TRACE_STRING)
            annotations[i].value.string = get(segment, annotations[i].value.string);
    }
    return segment;
}
