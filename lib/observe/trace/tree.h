/*
 * The growing tree of one invocation's spans. It is kept by the environment and used again, so that a warm invocation allocates nothing.
 *
 * Who touches what. `lambda__trace_begin`, and all that stands above `the handler's` in the struct, belong to the thread that invokes: it fills them in before the
 * handler may run, and nobody changes them while it does. The spans, texts and annotations are the handler's thread's until it has handed
 * its outcome on. Where the caller leaves sooner, because the time of a handler on a worker is over, it tells of the invocation without them
 * (`left`): the late handler goes on with a tree that nobody reads any more.
 */
#ifndef LAMBDA_LIB_TRACE_TREE_H
#define LAMBDA_LIB_TRACE_TREE_H

#include "base/base.h"
#include "observe/trace/header.h"

/** No span: it was dropped. */
#define LAMBDA__TRACE_NONE UINT32_MAX

/** Bytes of all texts of one invocation, X-Ray's limit of a whole document; what would be beyond is dropped. */
#define LAMBDA__TRACE_TEXT_MAX 65536

/** Bytes of an error's message that are kept. */
#define LAMBDA__TRACE_MESSAGE_MAX 1024

/** Spans that every environment has room for: those of any invocation, and some of its handler's. */
#define LAMBDA__TRACE_SPANS_FIRST 8

/** Spans that the library adds itself: room for them is kept. */
#define LAMBDA__TRACE_SPANS_OWN 4

/** Bytes of an ARN and of a qualifier. */
#define LAMBDA__TRACE_ARN_SIZE       320
#define LAMBDA__TRACE_QUALIFIER_SIZE 136

/** Texts, one behind the other. */
typedef struct lambda__trace_block {
    struct lambda__trace_block *next;
    uint32_t capacity;
    uint32_t used;
    char data[];
} lambda__trace_block;

typedef struct lambda__trace {
    lambda__base *base;
    lambda_trace_context context; /* what it belongs to; of what is not sampled, no trace until somebody asks */
    uint64_t id;                  /* of the first span; likewise 0 */
    uint64_t service_id;
    uint64_t start;  /* monotonic */
    uint64_t offset; /* to be added to a monotonic time to have the wall clock's */
    bool begun;      /* and not reported */
    bool left;       /* the caller left before the handler was done */
    char left_type[32];
    char left_message[160];
    char arn[LAMBDA__TRACE_ARN_SIZE]; /* as it was invoked with the qualifier */
    char arn_qualifier[LAMBDA__TRACE_QUALIFIER_SIZE];
    size_t arn_qualifier_length;

    /* the handler's */
    uint32_t open;           /* the innermost span that has not ended */
    uint32_t initialization; /* 0: there is none */
    uint32_t invocation;     /* likewise */
    uint32_t dropped_open;   /* subsegments within it that were dropped and have not ended */
    uint32_t handler_spans;
    size_t dropped;
    lambda_trace_span *spans;
    uint32_t spans_count;
    uint32_t spans_capacity;
    lambda_trace_annotation *annotations;
    size_t annotations_count;
    size_t annotations_capacity;
    lambda__trace_block *texts; /* the first */
    lambda__trace_block *text;  /* the one that is being filled */
    size_t text_used;           /* bytes of all */
    char header[LAMBDA_TRACE_HEADER_SIZE];
    char traceparent[LAMBDA_TRACEPARENT_SIZE];
    lambda_trace_span first[LAMBDA__TRACE_SPANS_FIRST];
} lambda__trace;

/** NULL when memory is out. */
lambda__trace *lambda__trace_new(lambda__base *base);

/** NULL is allowed. */
void lambda__trace_free(lambda__trace *trace);

/** Empties the tree, and begins its first span where it is sampled. `context`, the ids and times are set. */
void lambda__trace_begin(lambda__trace *trace);

/** True for one whose spans are kept. NULL is allowed. */
static inline bool lambda__trace_records(const lambda__trace *trace)
{
    return trace && trace->context.sampled;
}

/** A span of the library's own within the one that is open; it is open now. There is room for it. */
uint32_t lambda__trace_push(lambda__trace *trace, lambda_trace_span_kind kind, const char *name, uint64_t id,
                            uint64_t now);

/**
 * A span of a handler's. LAMBDA__TRACE_NONE: it was dropped, and counted; the next lambda__trace_end is for it all the same. `name` is copied, and has room
 * for `length` bytes.
 */
uint32_t lambda__trace_start(lambda__trace *trace, lambda_trace_span_kind kind, const char *name, size_t length,
                             uint64_t id, uint64_t now);

/** Ends a span and all that are open within it. */
void lambda__trace_pop(lambda__trace *trace, uint32_t span, uint64_t now);

/** The id that what is invoked now has as its parent. */
uint64_t lambda__trace_parent(const lambda__trace *trace);

/** Sets what a span failed with; both may be NULL. Texts are copied, and cut or left away where there is no room. */
void lambda__trace_fail(lambda__trace *trace, uint32_t span, const char *error_type, const char *error_message);

/** An annotation of the span, in the place of one with the same key; its texts are copied. */
void lambda__trace_annotate(lambda__trace *trace, const lambda_trace_annotation *annotation);

#endif
