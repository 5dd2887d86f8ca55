/* The trace port: where the segments of sampled invocations go. */
#ifndef LAMBDA_PORT_TRACE_H
#define LAMBDA_PORT_TRACE_H

#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A trace's id in 128 bits: W3C's trace-id, and X-Ray's "1-TTTTTTTT-..." of which the first 32 bits are the time in seconds. */
typedef struct lambda_trace_id {
    uint64_t high; /**< first eight bytes, as a big-endian number */
    uint64_t low;  /**< last eight bytes. Both zero: no trace */
} lambda_trace_id;

/** What an annotation's value is. */
typedef enum lambda_trace_value_kind {
    LAMBDA_TRACE_STRING = 0,  /**< `string` */
    LAMBDA_TRACE_INTEGER = 1, /**< `integer` */
    LAMBDA_TRACE_REAL = 2,    /**< `real`, never NaN nor infinite */
    LAMBDA_TRACE_BOOLEAN = 3  /**< `boolean` */
} lambda_trace_value_kind;

/** A key and a value of a span: X-Ray's annotation, OpenTelemetry's attribute. */
typedef struct lambda_trace_annotation {
    uint32_t span;                /**< index of the span that it is about */
    lambda_trace_value_kind kind; /**< which of the values */
    const char *key;              /**< 1 to 500 of `A-Z a-z 0-9 _` */
    union {
        const char *string;
        int64_t integer;
        double real;
        bool boolean;
    } value; /**< its value */
} lambda_trace_annotation;

/** What a span is about. */
typedef enum lambda_trace_span_kind {
    LAMBDA_TRACE_FUNCTION = 0,       /**< the invocation: always the first span, and only that. X-Ray's segment */
    LAMBDA_TRACE_INITIALIZATION = 1, /**< the environment's init, of a cold start */
    LAMBDA_TRACE_INVOCATION = 2,     /**< the handler */
    LAMBDA_TRACE_OVERHEAD = 3,       /**< from the handler's return until the caller has the answer */
    LAMBDA_TRACE_SUBSEGMENT = 4,     /**< a handler's own: lambda_subsegment_begin */
    LAMBDA_TRACE_CALL =
        5 /**< a handler invoked another function, or accepted an event for one; its id is the parent of that */
} lambda_trace_span_kind;

/** A piece of time: X-Ray's segment or subsegment, OpenTelemetry's span. */
typedef struct lambda_trace_span {
    lambda_trace_span_kind kind; /**< which of them */
    uint32_t parent;             /**< index of the span that it stands in; of the first, 0 */
    uint64_t id;                 /**< not 0 */
    uint64_t start_ns;           /**< wall clock, nanoseconds since 1970 */
    uint64_t end_ns;             /**< likewise, not before `start_ns` */
    const char *name;  /**< of the first and of a CALL the function's; "Initialization", "Invocation", "Overhead"; a
                                      handler's own. Never NULL */
    bool error;        /**< the caller's fault: X-Ray's 4xx */
    bool throttle;     /**< the function was throttled; `error` is set too */
    bool fault;        /**< a function error, a timeout, or what a handler said failed */
    bool asynchronous; /**< CALL: the event was accepted, not run */
    const char *error_type;    /**< of what failed, "" where nothing did or nothing is known. Never NULL */
    const char *error_message; /**< likewise */
} lambda_trace_span;

/** One sampled invocation, ended. All pointers are borrowed for the call. */
typedef struct lambda_trace_segment {
    lambda_trace_id trace_id; /**< the trace that it is of */
    uint64_t parent_id;       /**< the span that led to it; 0: this begins the trace */
    uint64_t
        service_id; /**< of the segment "AWS::Lambda" that stands between both in X-Ray: its parent is `parent_id`, and
                                           the parent of the first span is this */
    lambda_request_id request_id;   /**< the invocation's */
    const char *function_name;      /**< never NULL, as all strings here */
    const char *function_arn;       /**< as it was invoked, with the qualifier if there was one */
    const char *executed_version;   /**< "$LATEST" or a number */
    const char *log_group_name;     /**< where its lines are */
    const char *log_stream_name;    /**< likewise */
    uint32_t memory_size;           /**< MB, as configured */
    bool cold_start;                /**< there is an INITIALIZATION */
    const lambda_trace_span *spans; /**< spans[0] is the invocation; each stands behind its parent */
    size_t spans_count;             /**< at least 2 */
    size_t spans_dropped;           /**< of handlers, annotations too, beyond what one invocation may have */
    const lambda_trace_annotation *annotations; /**< of all spans */
    size_t annotations_count;                   /**< number of those */
} lambda_trace_segment;

/** Most exporters of a service. */
#define LAMBDA_TRACE_EXPORTERS_MAX 4

/** Where a service's segments go. The library copies the struct. */
typedef struct lambda_trace_exporter {
    /**
     * Takes a segment. Anything but LAMBDA_OK, and it is counted as lost: nobody tries again. No lock is held; must not invoke or change
     * functions of the same service. NULL: there is no exporter.
     */
    lambda_status (*write)(void *user, const lambda_trace_segment *segment);
    /**
     * What was written should be on its way: called when no more waits, and before `close`. NULL: nothing is to be done. Buffered exporters
     * only, on the thread that called `write`.
     */
    lambda_status (*flush)(void *user);
    void (*close)(void *user); /**< the service closes. NULL: nothing is to be done */
    void *user;                /**< handed to all three */
    bool
        direct; /**< as in lambda_log_sink: false, segments wait in a buffer (`lambda_options.trace_buffer_size`) for another thread */
} lambda_trace_exporter;

#ifdef __cplusplus
}
#endif

#endif
