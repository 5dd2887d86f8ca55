/* Invoking functions and reading what came of it. */
#ifndef LAMBDA_INVOKE_H
#define LAMBDA_INVOKE_H

#include <lambda/function.h>
#include <lambda/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Lambda's invocation types that are synchronous. */
typedef enum lambda_invocation_type {
    LAMBDA_REQUEST_RESPONSE = 0, /**< run the function and wait for its answer */
    LAMBDA_DRY_RUN = 1           /**< only check that it could be invoked */
} lambda_invocation_type;

/** Lambda's LogType. */
typedef enum lambda_log_type {
    LAMBDA_LOG_TYPE_NONE = 0, /**< the log goes to the service's sinks alone */
    LAMBDA_LOG_TYPE_TAIL = 1  /**< the end of this invocation's log stands in the result too, sinks or not */
} lambda_log_type;

/** How to invoke. Zero means the default; NULL in place of it takes all. Borrowed for the call. */
typedef struct lambda_invoke_options {
    lambda_invocation_type invocation_type; /**< default LAMBDA_REQUEST_RESPONSE */
    const char *qualifier;                  /**< a version or alias; refused where the name carries another */
    lambda_bytes client_context;            /**< handed to the handler as it is; at most 3,583 bytes */
    lambda_bytes identity;                  /**< handed to the handler as it is; at most 3,583 bytes */
    uint32_t wait_ms; /**< where concurrency is short, wait so long for it before the invocation is
                                               throttled. Default 0. There is no order among those who wait */
    const char *
        trace_id; /**< X-Ray trace header, at most 255 characters. Where the service traces (trace.h) it is continued, or where it
                               is malformed a new trace begins, as in Lambda; else it is
                               handed to the handler as it is */
    const char *traceparent;  /**< the same as a W3C traceparent; not both. One that is malformed is refused */
    lambda_log_type log_type; /**< default LAMBDA_LOG_TYPE_NONE */
    const lambda_response_stream *
        stream; /**< who gets the response in parts as the function writes it. NULL: nobody, it is `lambda_result.payload`. Refused with
                     LAMBDA_DRY_RUN; asynchronous invocations have none */
} lambda_invoke_options;

/** For `max_memory_used`: nobody can tell. */
#define LAMBDA_MEMORY_UNKNOWN UINT64_MAX

/**
 * What came of an invocation. Zero it before its first use (`lambda_result result = {0};`). It may be used again and again:
 * each invocation overwrites it and uses its memory again, so that a warm invocation allocates nothing. When done,
 * `lambda_result_clear`. Of one thread at a time; a result belongs to one service.
 */
typedef struct lambda_result {
    lambda_bytes
        payload;     /**< the answer, or the error's JSON; valid until the next use or clear; a NUL stands after it */
    int status_code; /**< 200; 204 for a dry run; 0 where the call itself failed */
    const char
        *function_error; /**< NULL: the function succeeded. Else "Unhandled" or "Handled", as Lambda says it. Static */
    lambda_request_id request_id; /**< the invocation's */
    char executed_version[24];    /**< "$LATEST" or a number */
    uint64_t duration_ns;         /**< of the handler */
    uint64_t init_duration_ns;    /**< of the environment's start, 0 if it was warm */
    uint64_t
        billed_duration_ms; /**< as Lambda bills: the handler's duration and a cold start's, in whole milliseconds up */
    uint32_t memory_size;   /**< MB, as configured, for what it cost */
    bool cold_start;        /**< true where the environment was new */
    const char *
        throttle_reason; /**< with LAMBDA_ERROR_TOO_MANY_REQUESTS, Lambda's Reason (concurrency.h); else NULL. Static */
    size_t capacity;     /**< the library's own: bytes behind payload */
    lambda_t *owner;     /**< the library's own: whose memory it is */
    /**
     * Most bytes that the environment had at once of lambda_context_alloc (context.h), since it started, in hooks or invocations, or what its driver
     * measured instead (lambda_context_report_memory);
     * LAMBDA_MEMORY_UNKNOWN where it never asked that for any, where the call itself failed, and for a dry run. 0: it asked, and got none.
     */
    uint64_t max_memory_used;
    lambda_bytes
        log_result; /**< with LAMBDA_LOG_TYPE_TAIL: the last 4,096 bytes of the invocation's log, each line with a line end, in the function's
                                  log format. Lambda's LogResult, not in base64. It begins with a whole line, unless one of over 2,048 bytes
                                  stands in the way, which is cut. Else empty. Valid as `payload` is. What a handler says after its caller
                                  left is not in it */
    size_t log_capacity; /**< the library's own: bytes behind log_result */
} lambda_result;

/** Exported form of the invoke calls. */
LAMBDA_API lambda_status lambda_invoke_sized(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                             const lambda_invoke_options *options, size_t options_size,
                                             lambda_result *result, size_t result_size);

/**
 * Invokes a function and waits: the handler runs where the function's isolation says (function.h), by default on this
 * thread. The payload is handed on unparsed, and copied only for THREAD isolation.
 *
 * LAMBDA_OK says that the function ran; whether it failed stands in `result->function_error`. Its own failure is never a
 * failed status. Else: LAMBDA_ERROR_RESOURCE_NOT_FOUND, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
 * LAMBDA_ERROR_REQUEST_TOO_LARGE, LAMBDA_ERROR_TOO_MANY_REQUESTS (concurrency.h),
 * LAMBDA_ERROR_RECURSIVE_INVOCATION (nested deeper than the limit, or the 17th time in a loop), LAMBDA_ERROR_SERVICE
 * (no thread for THREAD isolation), LAMBDA_ERROR_OUT_OF_MEMORY.
 *
 * A handler that overruns its timeout gives Lambda's "Sandbox.Timedout" error, and its environment is shut down: with
 * INLINE isolation when it returns, its answer dropped; with THREAD isolation this call returns on time. `result` NULL: nobody wants the answer. Any thread.
 */
static inline lambda_status lambda_invoke(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                          lambda_result *result)
{
    return lambda_invoke_sized(lambda, function_name, payload, (const lambda_invoke_options *)0, 0, result,
                               sizeof(lambda_result));
}

/** As `lambda_invoke`, with options. */
static inline lambda_status lambda_invoke_with(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                               const lambda_invoke_options *options, lambda_result *result)
{
    return lambda_invoke_sized(lambda, function_name, payload, options, sizeof(lambda_invoke_options), result,
                               sizeof(lambda_result));
}

/** Exported form of `lambda_result_clear`. */
LAMBDA_API void lambda_result_clear_sized(lambda_result *result, size_t size);

/** Frees a result's memory and zeroes it. NULL and a zeroed result are allowed. Before the service closes. */
static inline void lambda_result_clear(lambda_result *result)
{
    lambda_result_clear_sized(result, sizeof(lambda_result));
}

/** A function, version or alias that has been looked up: invoking through it skips that. Opaque. Any number of threads. */
typedef struct lambda_target lambda_target;

/**
 * Looks a name up, once. The target follows every change: updates, alias routing, deletion (invoking it then is
 * LAMBDA_ERROR_RESOURCE_NOT_FOUND), and creation anew under the same name. `*target` is NULL on failure, else the
 * caller's to end with `lambda_target_close`. Any thread; errors as in function.h.
 */
LAMBDA_API lambda_status lambda_target_open(lambda_t *lambda, const char *function_name, lambda_target **target);

/** Ends a target. No other call on it may be running. NULL is allowed. Before the service closes. */
LAMBDA_API void lambda_target_close(lambda_target *target);

/** Exported form of `lambda_target_invoke`. */
LAMBDA_API lambda_status lambda_target_invoke_sized(lambda_target *target, lambda_bytes payload,
                                                    const lambda_invoke_options *options, size_t options_size,
                                                    lambda_result *result, size_t result_size);

/** As `lambda_invoke_with`, through a target; `options` NULL takes all defaults, and a qualifier in them is refused. */
static inline lambda_status lambda_target_invoke(lambda_target *target, lambda_bytes payload,
                                                 const lambda_invoke_options *options, lambda_result *result)
{
    return lambda_target_invoke_sized(target, payload, options, sizeof(lambda_invoke_options), result,
                                      sizeof(lambda_result));
}

#ifdef __cplusplus
}
#endif

#endif
