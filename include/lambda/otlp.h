/*
 * Traces to an OpenTelemetry collector, or to what speaks OTLP/HTTP as one does: pkg-config `lambda-otlp`.
 *
 *     lambda_options options = {0};
 *     lambda_otlp_exporter(NULL, &options.trace[0]);
 *     lambda_open(&options, &lambda);
 *
 * Sources: https://opentelemetry.io/docs/specs/otlp/ (OTLP/HTTP, its JSON encoding, retries, partial success),
 * https://opentelemetry.io/docs/specs/semconv/ (names of attributes).
 */
#ifndef LAMBDA_OTLP_H
#define LAMBDA_OTLP_H

#include <lambda/function.h>
#include <lambda/port/allocator.h>
#include <lambda/port/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where spans go, and how. Zero means the default; NULL in place of it takes all. All is copied. */
typedef struct lambda_otlp_options {
    const char *endpoint;        /**< the whole URL, `http` or `https`. Default "http://127.0.0.1:4318/v1/traces" */
    const lambda_pair *headers;  /**< sent with each request, such as {"authorization", "Bearer ..."}. Default none */
    size_t headers_count;        /**< number of those */
    const lambda_pair *resource; /**< attributes of all resources, in place of the exporter's of the same name */
    size_t resource_count;       /**< number of those */
    uint32_t timeout_ms;         /**< for a batch, with all attempts and the waits between them. Default 10,000 */
    uint32_t max_attempts;       /**< times that a batch is sent at most. Default 5 */
    uint32_t
        retry_delay_ms; /**< before the second attempt where the collector names no time; it doubles with each further one up to ten times
                                    that, and up to half of it is left out at random. Default 1,000 */
    uint32_t batch_segments; /**< so many segments are sent without waiting for more. Default 512 */
    uint32_t batch_bytes;    /**< so many bytes likewise; a batch is longer by one segment at most. Default 1 MiB */
    /**
     * Is told of each batch that was lost, wholly or in part, and why. On the thread that writes or flushes; may do anything but write to, flush or
     * close this exporter. Default NULL: nobody is told; lambda_otlp_statistics_get counts.
     */
    void (*failed)(void *user, lambda_status status, const char *message);
    void *user;                 /**< handed to it */
    lambda_allocator allocator; /**< all NULL: malloc and its kin. libcurl and jansson have their own besides */
} lambda_otlp_options;

/** What became of what was written. */
typedef struct lambda_otlp_statistics {
    uint64_t segments;       /**< in batches that were accepted, though perhaps not whole */
    uint64_t spans;          /**< in those */
    uint64_t spans_rejected; /**< of those, what the collector said it had rejected: OTLP's partial success */
    uint64_t segments_lost;  /**< in batches that were not accepted */
    uint64_t batches;        /**< that were accepted */
    uint64_t batches_lost;   /**< that were not */
    uint64_t requests;       /**< attempts to send one */
} lambda_otlp_statistics;

/** Exported form of `lambda_otlp_exporter`. */
LAMBDA_API lambda_status lambda_otlp_exporter_sized(const lambda_otlp_options *options, size_t size,
                                                    lambda_trace_exporter *exporter);

/**
 * Makes an exporter that POSTs segments in batches, as JSON and not compressed. It is buffered: `write` collects, and sends a batch
 * that is full; `flush` sends what there is. Both may take `timeout_ms` and fail with LAMBDA_ERROR_SERVICE, or
 * LAMBDA_ERROR_OUT_OF_MEMORY: what was in the batch is then lost and counted. A batch is sent again where OTLP says so: after 429, 502, 503 and 504, at the time
 * that the collector names if that is in time, and where no connection was made or it broke. Proxies are those of the environment,
 * as libcurl reads it. A redirection is not followed.
 *
 * The spans of an invocation are one of kind SERVER and what stands in it: calls are CLIENT, accepted events PRODUCER, all others
 * INTERNAL. `*exporter` is zero on failure, and else the service's that is opened with it, which closes it;
 * `lambda_error_message(NULL)` says why. The process must not be a child that was forked after this call.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_SERVICE, LAMBDA_ERROR_OUT_OF_MEMORY.
 */
static inline lambda_status lambda_otlp_exporter(const lambda_otlp_options *options, lambda_trace_exporter *exporter)
{
    return lambda_otlp_exporter_sized(options, sizeof(lambda_otlp_options), exporter);
}

/** Exported form of `lambda_otlp_statistics_get`. */
LAMBDA_API lambda_status lambda_otlp_statistics_get_sized(const lambda_trace_exporter *exporter,
                                                          lambda_otlp_statistics *statistics, size_t size);

/**
 * What became of what was written. `exporter` is one that lambda_otlp_exporter made, or a copy of it, and not closed. Any thread.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE.
 */
static inline lambda_status lambda_otlp_statistics_get(const lambda_trace_exporter *exporter,
                                                       lambda_otlp_statistics *statistics)
{
    return lambda_otlp_statistics_get_sized(exporter, statistics, sizeof(lambda_otlp_statistics));
}

#ifdef __cplusplus
}
#endif

#endif
