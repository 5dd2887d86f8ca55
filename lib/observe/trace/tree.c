#include "observe/trace/tree.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/** Bytes of the first block of texts; each further one is twice as large. */
#define BLOCK_FIRST 1024

lambda__trace *lambda__trace_new(lambda__base *base)
{
    lambda__trace *trace = lambda__allocate_zeroed(base, sizeof(*trace));
    if (!trace) return NULL;
    trace->base = base;
    trace->spans = trace->first;
    trace->spans_capacity = LAMBDA__TRACE_SPANS_FIRST;
    return trace;
}

void lambda__trace_free(lambda__trace *trace)
{
    if (!trace) return;
    lambda__base *base = trace->base;
    for (lambda__trace_block *each = trace->texts; each;) {
        lambda__trace_block *next = each->next;
        lambda__release(base, each);
        each = next;
    }
    if (trace->spans != trace->first) lambda__release(base, trace->spans);
    lambda__release(base, trace->annotations);
    lambda__release(base, trace);
}

void lambda__trace_begin(lambda__trace *trace)
{
    trace->begun = true;
    trace->left = false;
    if (!trace->context.sampled) return;
    trace->open = trace->initialization = trace->invocation = 0;
    trace->dropped_open = trace->handler_spans = 0;
    trace->dropped = 0;
    trace->spans_count = 0;
    trace->annotations_count = 0;
    trace->text_used = 0;
    trace->text = trace->texts;
    if (trace->text) trace->text->used = 0;
    lambda__trace_push(trace, LAMBDA_TRACE_FUNCTION, "", trace->id, trace->start);
}

/* ---- texts */

/** A block with room for so many bytes; NULL: memory is out, or all of it is used. */
static lambda__trace_block *find_room(lambda__trace *trace, size_t size)
{
    if (size > LAMBDA__TRACE_TEXT_MAX - trace->text_used) return NULL;
    lambda__trace_block *block = trace->text;
    if (LAMBDA__LIKELY(block && block->capacity - block->used >= size)) return block;
    while (block && block->next) {
        block = block->next;
        block->used = 0;
        trace->text = block;
        if (block->capacity >= size) return block;
    }
    size_t capacity = block ? (size_t)block->capacity * 2 : BLOCK_FIRST;
    while (capacity < size)
        capacity *= 2;
    lambda__trace_block *made = lambda__allocate(trace->base, sizeof(*made) + capacity);
    if (!made) return NULL;
    made->next = NULL;
    made->capacity = (uint32_t)capacity;
    made->used = 0;
    if (block)
        block->next = made;
    else
        trace->texts = made;
    trace->text = made;
    return made;
}

/** A copy that ends in NUL; NULL where there is no room. */
static char *keep(lambda__trace *trace, const char *text, size_t length)
{
    lambda__trace_block *block = find_room(trace, length + 1);
    if (LAMBDA__UNLIKELY(!block)) return NULL;
    char *at = block->data + block->used;
    memcpy(at, text, length);
    at[length] = '\0';
    block->used += (uint32_t)length + 1;
    trace->text_used += length + 1;
    return at;
}

/** A message, cut between characters where it is long, or "". */
static const char *keep_message(lambda__trace *trace, const char *text)
{
    size_t length = text ? strnlen(text, LAMBDA__TRACE_MESSAGE_MAX + 1) : 0;
    if (length == 0) return "";
    if (length > LAMBDA__TRACE_MESSAGE_MAX) {
        length = LAMBDA__TRACE_MESSAGE_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    const char *kept = keep(trace, text, length);
    return kept ? kept : "";
}

/* ---- spans */

/** Room for one more of a handler's, and for all that the library may still add. */
static bool reserve(lambda__trace *trace)
{
    if (LAMBDA__LIKELY(trace->spans_count + 1 + LAMBDA__TRACE_SPANS_OWN <= trace->spans_capacity)) return true;
    uint32_t capacity = trace->spans_capacity * 2;
    lambda_trace_span *grown = lambda__allocate(trace->base, capacity * sizeof(*grown));
    if (!grown) return false;
    memcpy(grown, trace->spans, trace->spans_count * sizeof(*grown));
    if (trace->spans != trace->first) lambda__release(trace->base, trace->spans);
    trace->spans = grown;
    trace->spans_capacity = capacity;
    return true;
}

uint32_t lambda__trace_push(lambda__trace *trace, lambda_trace_span_kind kind, const char *name, uint64_t id,
                            uint64_t now)
{
    uint32_t index = trace->spans_count++;
    lambda_trace_span *span = &trace->spans[index];
    span->kind = kind;
    span->parent = trace->open;
    span->id = id;
    span->start_ns = span->end_ns = now + trace->offset;
    span->name = name;
    span->error = span->throttle = span->fault = span->asynchronous = false;
    span->error_type = span->error_message = "";
    trace->open = index;
    return index;
}

uint32_t lambda__trace_start(lambda__trace *trace, lambda_trace_span_kind kind, const char *name, size_t length,
                             uint64_t id, uint64_t now)
{
    const char *kept = NULL;
    /* What stands in one that was dropped is dropped with it. */
    if (trace->dropped_open == 0 && trace->handler_spans < LAMBDA_TRACE_SPANS_MAX && reserve(trace))
        kept = keep(trace, name, length);
    if (!kept) {
        trace->dropped_open++;
        trace->dropped++;
        return LAMBDA__TRACE_NONE;
    }
    trace->handler_spans++;
    return lambda__trace_push(trace, kind, kept, id, now);
}

void lambda__trace_pop(lambda__trace *trace, uint32_t span, uint64_t now)
{
    if (span == LAMBDA__TRACE_NONE) {
        if (trace->dropped_open > 0) trace->dropped_open--;
        return;
    }
    trace->dropped_open = 0;
    uint64_t end = now + trace->offset;
    for (;;) {
        lambda_trace_span *each = &trace->spans[trace->open];
        if (end > each->start_ns) each->end_ns = end;
        bool last = trace->open <= span;
        trace->open = each->parent;
        if (last) return;
    }
}

uint64_t lambda__trace_parent(const lambda__trace *trace)
{
    if (!trace->context.sampled) return trace->id;
    const lambda_trace_span *open = &trace->spans[trace->open];
    return open->kind == LAMBDA_TRACE_SUBSEGMENT || open->kind == LAMBDA_TRACE_CALL ? open->id : trace->id;
}

void lambda__trace_fail(lambda__trace *trace, uint32_t span, const char *error_type, const char *error_message)
{
    trace->spans[span].fault = true;
    trace->spans[span].error_type = keep_message(trace, error_type);
    trace->spans[span].error_message = keep_message(trace, error_message);
}

void lambda__trace_annotate(lambda__trace *trace, const lambda_trace_annotation *annotation)
{
    lambda_trace_annotation *slot = NULL;
    lambda_trace_annotation made = *annotation;
    for (size_t i = 0; i < trace->annotations_count && !slot; i++) {
        lambda_trace_annotation *each = &trace->annotations[i];
        if (each->span == made.span && strcmp(each->key, made.key) == 0) slot = each;
    }
    bool room = slot || (trace->annotations_count < LAMBDA_TRACE_ANNOTATIONS_MAX &&
                         lambda__array_reserve(trace->base, (void **)&trace->annotations, &trace->annotations_capacity,
                                               trace->annotations_count, sizeof(*slot)));
    made.key = NULL;
    if (room) made.key = slot ? slot->key : keep(trace, annotation->key, strlen(annotation->key));
    if (made.key && made.kind == LAMBDA_TRACE_STRING) {
        made.value.string = keep(trace, annotation->value.string, strlen(annotation->value.string));
        if (!made.value.string) made.key = NULL;
    }
    if (!made.key) {
        trace->dropped++;
        return;
    }
    if (!slot) slot = &trace->annotations[trace->annotations_count++];
    *slot = made;
}
