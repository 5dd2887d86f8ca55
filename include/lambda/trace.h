/* Traces: who invoked whom, and how long each part took, as X-Ray and OpenTelemetry tell it. */
#ifndef LAMBDA_TRACE_H
#define LAMBDA_TRACE_H

#include <lambda/context.h>
#include <lambda/port/allocator.h>
#include <lambda/port/trace.h>
#include <lambda/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A service with an exporter (lambda_options.trace) traces. An invocation belongs to the trace of the header that its caller gave
 * (lambda_invoke_options.trace_id or .traceparent), else to that of the handler that invoked it, else to a new one. The decision whether it is
 * sampled is kept from there; for a new trace, and where the header leaves it open, the service decides for functions whose tracing_mode is ACTIVE,
 * and says no for others. What is not sampled costs an id and no more.
 * A function whose mode is OFF hands its caller's header on as it is; what it invokes itself begins a new trace. Sources: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html
 * (trace header), https://www.w3.org/TR/trace-context/, https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html.
 */

/** Bytes of an X-Ray trace header that this library writes, its NUL included: "Root=1-...;Parent=...;Sampled=1". */
#define LAMBDA_TRACE_HEADER_SIZE 80
/** Bytes of a W3C traceparent, its NUL included. */
#define LAMBDA_TRACEPARENT_SIZE 56

/** What a trace header says. */
typedef struct lambda_trace_context {
    lambda_trace_id trace_id; /**< zero: none */
    uint64_t parent_id;       /**< 0: none */
    bool sampled;             /**< record it */
    bool decided;             /**< false: the header leaves it to whoever reads it (X-Ray's "Sampled=?", or none) */
} lambda_trace_context;

/**
 * Reads an X-Ray trace header. Fields in any order; those that are not Root, Parent and Sampled are passed over.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE, with a message, for a Root or Parent that is malformed; `*context` is all zero then. Any thread.
 */
LAMBDA_API lambda_status lambda_trace_header_parse(const char *header, lambda_trace_context *context);

/** Reads a W3C traceparent, of version 00 or a later one that begins alike. Likewise. */
LAMBDA_API lambda_status lambda_traceparent_parse(const char *traceparent, lambda_trace_context *context);

/** Writes them; "" for a context without a trace. Any thread. */
LAMBDA_API void lambda_trace_header_format(const lambda_trace_context *context, char text[LAMBDA_TRACE_HEADER_SIZE]);
LAMBDA_API void lambda_traceparent_format(const lambda_trace_context *context, char text[LAMBDA_TRACEPARENT_SIZE]);

/* ---- in handlers. On the handler's thread, while it runs. Where the invocation is not sampled they do nothing, and succeed. */

/**
 * Most subsegments, calls included, and most annotations of one invocation; of their texts, 64 KiB together. What is beyond, or for which there is no
 * memory, is counted (`spans_dropped`) and left away. Of a handler of THREAD isolation that overran its timeout there are none: its segment says what the
 * caller saw.
 */
#define LAMBDA_TRACE_SPANS_MAX       256
#define LAMBDA_TRACE_ANNOTATIONS_MAX 256

/**
 * Begins a subsegment within the one that was begun last and has not ended. What the handler invokes meanwhile stands in it. `name` is copied: 1 to
 * 200 characters, of letters, digits, space and `_ . : / % & # = + \ - @`, X-Ray's. Subsegments that the handler leaves open end with it.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE.
 */
LAMBDA_API lambda_status lambda_subsegment_begin(lambda_context *context, const char *name);

/** Ends the subsegment that was begun last. LAMBDA_ERROR_INVALID_PARAMETER_VALUE where none is open. */
LAMBDA_API lambda_status lambda_subsegment_end(lambda_context *context);

/** Says that the subsegment that was begun last, or with none open the invocation, failed: X-Ray's fault, with its cause. Texts are UTF-8, copied, and cut to 1,024 bytes. */
LAMBDA_API lambda_status lambda_subsegment_fail(lambda_context *context, const char *error_type,
                                                const char *error_message);

/**
 * Gives the subsegment that was begun last, or with none open the invocation, a key and a value; one of the same key is replaced. `key` is 1 to 500
 * of `A-Z a-z 0-9 _`, X-Ray's; both are copied. LAMBDA_ERROR_INVALID_PARAMETER_VALUE also for NaN, infinity and what is not UTF-8.
 */
LAMBDA_API lambda_status lambda_annotate_string(lambda_context *context, const char *key, const char *value);
LAMBDA_API lambda_status lambda_annotate_integer(lambda_context *context, const char *key, int64_t value);
LAMBDA_API lambda_status lambda_annotate_real(lambda_context *context, const char *key, double value);
LAMBDA_API lambda_status lambda_annotate_boolean(lambda_context *context, const char *key, bool value);

/* ---- segments kept in memory, and pictures of them */

/** The newest segments, in memory. Opaque. */
typedef struct lambda_trace_ring lambda_trace_ring;

/**
 * Makes a ring of so many bytes, 4,096 to 1 GiB; 0: 4 MiB. It holds the newest segments that fit. `allocator` NULL: malloc and its kin. `*ring` is the
 * caller's to free, after the services that write to it are closed. LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_OUT_OF_MEMORY.
 */
LAMBDA_API lambda_status lambda_trace_ring_new(size_t bytes, const lambda_allocator *allocator,
                                               lambda_trace_ring **ring);

/** Frees it. NULL is allowed. */
LAMBDA_API void lambda_trace_ring_free(lambda_trace_ring *ring);

/** The exporter that writes to it; direct. Any number of services may. */
LAMBDA_API lambda_trace_exporter lambda_trace_ring_exporter(lambda_trace_ring *ring);

/** Takes a segment; false: no more, please. */
typedef bool lambda_trace_taker(void *user, const lambda_trace_segment *segment);

/**
 * Hands the segments of a trace, or with a zero id all, to `take`, by the time they began. With no lock held: writers go on meanwhile. Any
 * thread. LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_OUT_OF_MEMORY.
 */
LAMBDA_API lambda_status lambda_trace_ring_read(lambda_trace_ring *ring, lambda_trace_id trace_id,
                                                lambda_trace_taker *take, void *user);

/** Forgets what it holds. Any thread. */
LAMBDA_API void lambda_trace_ring_clear(lambda_trace_ring *ring);

/**
 * Writes the segments of a trace, or with a zero id all, as a picture that Perfetto (https://ui.perfetto.dev) and chrome://tracing open: Chrome's
 * trace event format, JSON; a row an environment, an arrow from each call to what it led to. Errors of lambda_trace_ring_read, and what `write`
 * answers, which ends it.
 */
LAMBDA_API lambda_status lambda_trace_write_chrome(lambda_trace_ring *ring, lambda_trace_id trace_id,
                                                   lambda_writer *write, void *user);

/* ---- exporters of the library's own */

/**
 * Writes X-Ray segment documents (https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html) to the X-Ray daemon, a
 * datagram each (https://docs.aws.amazon.com/xray/latest/devguide/xray-daemon.html). `address` is "HOST:PORT" of numbers, "[::1]:2000" for IPv6;
 * NULL: "127.0.0.1:2000". A segment whose document would be longer than 64,000 bytes is sent as several: subsegments on their own; of a span that is
 * too long by itself, annotations are left out. Nothing is waited for, and a daemon that is not there is found out with the next datagram: that segment
 * counts as failed, and is sent nevertheless. LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
 * LAMBDA_ERROR_SERVICE, LAMBDA_ERROR_OUT_OF_MEMORY with lambda_error_message(NULL). A service that is opened with it closes it.
 */
LAMBDA_API lambda_status lambda_trace_exporter_xray(const char *address, lambda_trace_exporter *exporter);

/**
 * Appends the same documents to a file, one a line; the two of a segment together, or none where the disk is full. The file is made where it is not
 * there, for its owner alone, and locked: LAMBDA_ERROR_SERVICE where another has it. Nobody waits for the disk. Likewise.
 */
LAMBDA_API lambda_status lambda_trace_exporter_file(const char *path, lambda_trace_exporter *exporter);

/** Is shown a document as it stands in the file, which is JSON. False: the reading ends. */
typedef bool lambda_trace_document_taker(void *user, const char *json, size_t length);

/**
 * Shows the documents of such a file, the oldest first: those of a trace ("1-...", NULL: any) and a name, which is the function's (NULL: any). Also while an exporter writes it, of this process or of another: what is not there whole is left away.
 * LAMBDA_ERROR_RESOURCE_NOT_FOUND where there is no such file; LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_SERVICE, LAMBDA_ERROR_OUT_OF_MEMORY with lambda_error_message(NULL). Any thread.
 */
LAMBDA_API lambda_status lambda_trace_file_read(const char *path, const char *trace_id, const char *name,
                                                lambda_trace_document_taker *take, void *user);

/**
 * Writes a segment as X-Ray's documents, each in one call of `write` and with no line end: that of "AWS::Lambda", and that of
 * "AWS::Lambda::Function" with its subsegments. For exporters of a host's own. Any thread. LAMBDA_ERROR_OUT_OF_MEMORY, and what `write` answers.
 */
LAMBDA_API lambda_status lambda_trace_write_xray(const lambda_trace_segment *segment, lambda_writer *write, void *user);

#ifdef __cplusplus
}
#endif

#endif
