/* Opening and closing a service, and reading what went wrong. */
#ifndef LAMBDA_SERVICE_H
#define LAMBDA_SERVICE_H

#include <lambda/port/allocator.h>
#include <lambda/port/clock.h>
#include <lambda/port/executor.h>
#include <lambda/port/log.h>
#include <lambda/port/queue.h>
#include <lambda/port/random.h>
#include <lambda/port/store.h>
#include <lambda/port/trace.h>
#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Limits of one service. Zero means the default, which is Lambda's
 * (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html) where Lambda has one.
 */
typedef struct lambda_limits {
    uint32_t
        concurrent_executions; /**< invocations at once, all functions together. Default 1,000; at most 1,048,576 */
    /**
     * What functions may not reserve of it. Default a tenth of `concurrent_executions`, which of Lambda's 1,000 is
     * Lambda's 100; at most `concurrent_executions`
     */
    uint32_t unreserved_concurrent_executions;
    /**
     * Environments that one function may start at once, and again in every 10 seconds. Default 1,000
     * (https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html); at most 1,000,000,000
     */
    uint32_t scaling_rate;
    uint32_t invocation_depth; /**< invocations nested in one another, whichever they are. Default 64; at most 1,024 */
    uint32_t init_timeout_ms;  /**< of an init hook before it is tried again. Default 10,000; at most 900,000 */
    size_t request_payload;    /**< bytes of an event. Default 6,291,456; at most 1 GiB */
    size_t response_payload;   /**< bytes of a response. Default 6,291,456; at most 1 GiB */
    uint32_t environment_variables; /**< bytes of all names and values of one function. Default 4,096; at most 1 MiB */
    uint64_t code_storage; /**< bytes of code of all versions of all functions. Default 75 GiB (80,530,636,800) */
    /**
     * Bytes of an event that the host or a handler invokes asynchronously. Default 1,048,576; at most 1 GiB. `request_payload` is not asked
     * there, and neither is for the records that functions get as destinations: they hold an event and its answer.
     */
    size_t async_payload;
    /**
     * Bytes of a response that is read as a stream. Default 209,715,200, Lambda's 200 MB
     * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html)
     */
    uint64_t streamed_response_payload;
} lambda_limits;

/** For `idle_timeout_ms`. */
#define LAMBDA_IDLE_FOREVER UINT32_MAX

/** For `trace_reservoir`. */
#define LAMBDA_TRACE_NONE UINT32_MAX

/** Options of a service. Zero means the default in every field; `lambda_open(NULL, ...)` takes all defaults. */
typedef struct lambda_options {
    lambda_allocator allocator; /**< memory. All NULL: malloc, realloc and free. Some NULL: refused */
    lambda_clock clock;         /**< time. All NULL: the system's. Some NULL: refused */
    lambda_executor executor;   /**< threads. All zero: the library's own, each started when first needed */
    lambda_random random; /**< randomness. NULL: the system's. Give one to have the same ids and routing each run */
    /**
     * Where log lines go; those without `write` are passed over (`close` without `write`: refused), and with none logging costs nothing. `.log = {lambda_log_sink_stderr()}` is one.
     * They are the service's, and closed with it, once lambda_open has succeeded.
     */
    lambda_log_sink log[LAMBDA_LOG_SINKS_MAX];
    lambda_log_level
        log_level; /**< of functions that say nothing else: handlers' lines below it are not written. Default INFO */
    const char *region;              /**< used in ARNs, 1 to 32 of `a-z 0-9 -`. Default "us-east-1" */
    const char *account_id;          /**< used in ARNs, 12 digits. Default "000000000000" */
    const char *temporary_directory; /**< where environments' directories are made; absolute. Default "/tmp" */
    uint32_t idle_timeout_ms; /**< how long an environment may be idle before it is shut down, and at most 1/64 longer.
                                 Default 600,000, ten minutes; LAMBDA_IDLE_FOREVER: as long as the service is open */
    uint32_t close_grace_ms;  /**< how long lambda_close waits for handlers and hooks that run on other threads than the
                                 host's own. Default 2,000, Lambda's shutdown limit; at most 3,600,000 */
    lambda_limits limits;     /**< see there */
    lambda_queue
        queue; /**< where asynchronous events wait. All zero: a queue in memory with all its defaults. It is the
                           service's, and closed with it, once lambda_open has succeeded */
    lambda_store store;     /**< where functions are kept. All zero: nowhere, they end with the service. Likewise */
    uint32_t async_workers; /**< how many asynchronous events run at once. Default the number of processors, at least 2;
                               at most 512. With LAMBDA_EXECUTOR_NONE one, in lambda_pump */
    lambda_log_level
        system_log_level; /**< likewise for the library's own lines: DEBUG, INFO, WARN or OFF. Default INFO */
    size_t
        log_buffer_size; /**< bytes of lines that wait for one sink that is not direct. Default 1 MiB; 16 KiB to 1 GiB. Allocated with
                               its first line */
    bool metrics; /**< count what metrics.h reads. Default no, and then it costs nothing */
    /** Where segments of sampled invocations go (trace.h); with none tracing costs nothing. Else as `log`. */
    lambda_trace_exporter trace[LAMBDA_TRACE_EXPORTERS_MAX];
    size_t
        trace_buffer_size; /**< bytes of segments that wait for one exporter that is not direct. Default 1 MiB; 16 KiB to 1 GiB */
    /**
     * Traces that begin here, of functions with LAMBDA_TRACING_ACTIVE: so many in each second are sampled, and of the others this share. Defaults 1
     * and 0.05, X-Ray's (https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html); LAMBDA_TRACE_NONE and a negative
     * share: none.
     */
    uint32_t trace_reservoir;
    double trace_rate; /**< see above; at most 1 */
} lambda_options;

/** Exported form of `lambda_open`: `size` is the caller's `sizeof(lambda_options)`. Call `lambda_open`. */
LAMBDA_API lambda_status lambda_open_sized(const lambda_options *options, size_t size, lambda_t **lambda);

/**
 * Opens a service. Any number may be open in one process; they share nothing. `options` NULL: all defaults; its strings
 * are copied. `*lambda` is NULL on failure, else the caller's to end with `lambda_close`.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_OUT_OF_MEMORY; `lambda_error_message(NULL)` says why. Any thread.
 */
static inline lambda_status lambda_open(const lambda_options *options, lambda_t **lambda)
{
    return lambda_open_sized(options, sizeof(lambda_options), lambda);
}

/**
 * Closes a service: shuts every environment down, unloads all code, removes all temporary directories, frees all memory.
 * Asynchronous events that wait are not run any more: `lambda_close_with` (async.h) says what becomes of them. Invocations under way
 * are waited for; the host starts no other call on the service once this one has begun, and no
 * handler calls it. Targets and readers (response_reader.h) must be closed first. NULL is allowed.
 *
 * Handlers of THREAD isolation that overran their timeout, and hooks on threads that are not the host's, are waited for no
 * longer than `lambda_options.close_grace_ms`. What is still running then is abandoned: each is reported to the log as an
 * ERROR line, and the call returns how many there were, 0 normally. All that they can reach stays as it is until the last of
 * them returns, which then frees it; so the host keeps its ports (allocator, clock, log, queue, store) and their code until then.
 */
LAMBDA_API uint32_t lambda_close(lambda_t *lambda);

/** What a service has done since it was opened, all threads together. */
typedef struct lambda_statistics {
    uint64_t invocations;             /**< handlers run */
    uint64_t errors;                  /**< of those, function errors */
    uint64_t throttles;               /**< invocations refused with LAMBDA_ERROR_TOO_MANY_REQUESTS */
    uint64_t cold_starts;             /**< invocations that had to start an environment */
    uint64_t environments_started;    /**< environments, those started ahead included */
    uint64_t environments_ended;      /**< of those, shut down again; the difference is there now */
    uint64_t timeouts;                /**< of the errors, overrun timeouts */
    uint64_t provisioned_invocations; /**< invocations in provisioned environments */
    uint64_t provisioned_spillovers;  /**< invocations of provisioned versions that found none of them free */
    uint64_t log_lines_dropped;       /**< lines that found a sink's buffer full, or for which there was no memory */
    uint64_t log_lines_failed;        /**< lines that a sink did not take */
    uint64_t trace_segments_dropped;  /**< segments, likewise */
    uint64_t trace_segments_failed;   /**< likewise */
} lambda_statistics;

/** Exported form of `lambda_statistics_get`. */
LAMBDA_API lambda_status lambda_statistics_get_sized(lambda_t *lambda, lambda_statistics *statistics, size_t size);

/** Reads the counters; invocations that run meanwhile may or may not be in them. Any thread. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL. */
static inline lambda_status lambda_statistics_get(lambda_t *lambda, lambda_statistics *statistics)
{
    return lambda_statistics_get_sized(lambda, statistics, sizeof(lambda_statistics));
}

/** The region of the service's ARNs, as it was opened. Borrowed until it is closed. Any thread. */
LAMBDA_API const char *lambda_region(const lambda_t *lambda);

/** The account id of the service's ARNs, likewise. */
LAMBDA_API const char *lambda_account_id(const lambda_t *lambda);

/**
 * Why the last call that failed on this thread and service did so, in a sentence that names the parameter. "" if none has.
 * A call that succeeds does not change it. With NULL: the last failed `lambda_open` of this thread, or the last call
 * that was given no service. Borrowed until this thread's next call that fails.
 */
LAMBDA_API const char *lambda_error_message(lambda_t *lambda);

#ifdef __cplusplus
}
#endif

#endif
