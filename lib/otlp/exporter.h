/*
 * The exporter, from the inside. document.c makes text of segments, exporter.c collects it, send.c has it delivered. One thread at a
 * time writes and flushes; others only read the counters.
 */
#ifndef LAMBDA_OTLP_EXPORTER_H
#define LAMBDA_OTLP_EXPORTER_H

#include <stdatomic.h>

#include <lambda/otlp.h>

#include <curl/curl.h>

/** Bytes of a collector's answer that are read; what is longer says nothing to us. */
#define LAMBDA__OTLP_ANSWER_SIZE 16384

/** Text that grows. */
typedef struct lambda__otlp_text {
    char *data;
    size_t length;
    size_t capacity;
} lambda__otlp_text;

typedef struct lambda__otlp_exporter {
    lambda_allocator allocator;
    CURL *curl;
    struct curl_slist *headers;
    lambda_pair *resource; /* own copies */
    size_t resource_count;
    uint32_t timeout_ms;
    uint32_t max_attempts;
    uint32_t retry_delay_ms;
    uint32_t batch_segments;
    uint32_t batch_bytes;
    void (*failed)(void *user, lambda_status status, const char *message);
    void *user;
    uint64_t random; /* state of the waits' randomness, not 0 */

    /* The batch: a request's body but for its end. Empty: there is none. */
    lambda__otlp_text body;
    uint32_t segments;
    uint64_t spans;

    char answer[LAMBDA__OTLP_ANSWER_SIZE];
    size_t answer_length;
    bool memory_out; /* libcurl lacked it */
    char error[CURL_ERROR_SIZE];

    struct {
        _Atomic uint64_t segments, spans, spans_rejected, segments_lost, batches, batches_lost, requests;
    } counts;
} lambda__otlp_exporter;

/** Appends; false where memory is out, the text as it was. */
bool lambda__otlp_append(lambda__otlp_exporter *exporter, const char *data, size_t length);

/** Appends a segment's resource spans to the body. False where memory is out, the body as it was. */
bool lambda__otlp_document(lambda__otlp_exporter *exporter, const lambda_trace_segment *segment);

/** Delivers the body, which is a whole request. Counts, and tells of what failed. */
lambda_status lambda__otlp_send(lambda__otlp_exporter *exporter);

#endif
