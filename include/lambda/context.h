/* What a handler can ask about the invocation and about the execution environment that it runs in. */
#ifndef LAMBDA_CONTEXT_H
#define LAMBDA_CONTEXT_H

#include <lambda/log.h>
#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A `lambda_context` is borrowed by the handler (or hook) until it returns, and of that thread only. Every string is
 * borrowed likewise. In init and shutdown hooks there is no invocation: what belongs to one is "" or 0.
 * A NULL context gives "", 0 or NULL.
 * The properties are Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
 */

/** The invocation's id, a UUID of 36 characters, formatted at the first call. */
LAMBDA_API const char *lambda_context_aws_request_id(lambda_context *context);

/** The ARN that was invoked, with the qualifier if the caller gave one. */
LAMBDA_API const char *lambda_context_invoked_function_arn(lambda_context *context);

/** The function's name. */
LAMBDA_API const char *lambda_context_function_name(lambda_context *context);

/** The version that runs: "$LATEST" or a number. */
LAMBDA_API const char *lambda_context_function_version(lambda_context *context);

/** The function's execution role, "" if it has none. */
LAMBDA_API const char *lambda_context_role(lambda_context *context);

/** The handler string of the function's configuration, "" if it has none. */
LAMBDA_API const char *lambda_context_handler(lambda_context *context);

/** The memory size that was configured, in MB. */
LAMBDA_API uint32_t lambda_context_memory_limit_in_mb(lambda_context *context);

/** "/aws/lambda/NAME", or what the function's logging_config says. */
LAMBDA_API const char *lambda_context_log_group_name(lambda_context *context);

/** "YYYY/MM/DD/[VERSION]ENVIRONMENT", the date being that on which the environment started, in UTC. */
LAMBDA_API const char *lambda_context_log_stream_name(lambda_context *context);

/** Milliseconds until the invocation's timeout; 0 once it has passed. */
LAMBDA_API uint64_t lambda_context_remaining_time_in_millis(lambda_context *context);

/** The client context that the caller sent, as it came. Empty if none. */
LAMBDA_API lambda_bytes lambda_context_client_context(lambda_context *context);

/** The Cognito identity that the caller sent, as it came. Empty if none. */
LAMBDA_API lambda_bytes lambda_context_identity(lambda_context *context);

/**
 * The invocation's X-Ray trace header, Lambda's _X_AMZN_TRACE_ID: to be handed to what it calls. Where the service traces, its Parent is the
 * invocation's own span, or the subsegment that was begun last; else it is what the caller sent, "" if nothing.
 * Borrowed until it is asked for again.
 */
LAMBDA_API const char *lambda_context_trace_id(lambda_context *context);

/** The same as a W3C traceparent; "" where there is no trace. */
LAMBDA_API const char *lambda_context_traceparent(lambda_context *context);

/**
 * Memory of the environment, from the service's allocator; what REPORT and lambda_result call its max memory used is counted here: the bytes
 * that were asked for, nothing added, and nothing that handlers have from elsewhere. It lives until it is freed or the environment ends (after
 * its shutdown hook), whichever is first. NULL when memory is out, or where the environment would have more than its function's
 * `memory_size`; `lambda_error_message` says which. Zeroed, aligned for any type. `size` 0 is 1. A NULL context gives NULL.
 */
LAMBDA_API void *lambda_context_alloc(lambda_context *context, size_t size);

/**
 * Resizes it, as realloc: the old memory stays as it was where the answer is NULL. `memory` NULL: lambda_context_alloc. What is new is not
 * zeroed. `size` 0 is 1. Memory of another environment gives NULL. What is no memory of lambda_context_alloc, or was freed, is undefined behaviour.
 */
LAMBDA_API void *lambda_context_realloc(lambda_context *context, void *memory, size_t size);

/** Frees it. NULL is allowed. Memory of another environment stays as it is; anything else is undefined behaviour, as for free. */
LAMBDA_API void lambda_context_free(lambda_context *context, void *memory);

/** Bytes that the environment has of it now. */
LAMBDA_API size_t lambda_context_memory_in_use(lambda_context *context);

/** An environment variable of the function, never of the host's process. NULL if the function has none of that name. */
LAMBDA_API const char *lambda_context_environment_variable(lambda_context *context, const char *name);

/** The user pointer that the code was registered with. */
LAMBDA_API void *lambda_context_user(lambda_context *context);

/**
 * The execution environment's own pointer: NULL when the environment starts, then whatever the init hook or a handler
 * stored. It lives as long as the environment; the shutdown hook is the place to free what it points to.
 */
LAMBDA_API void *lambda_context_state(lambda_context *context);

/** Stores the environment's pointer. A NULL context is ignored. */
LAMBDA_API void lambda_context_set_state(lambda_context *context, void *state);

/**
 * The environment's own directory, Lambda's `/tmp`: made at the first call, kept from invocation to invocation, removed
 * with all that is in it when the environment ends. What is in it is measured after each invocation: more than the
 * function's `ephemeral_storage_size` is reported in the log, and the environment ends. `*path` is borrowed while the environment lives.
 * LAMBDA_ERROR_SERVICE where it cannot be made (the message says why), LAMBDA_ERROR_OUT_OF_MEMORY,
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL arguments.
 */
LAMBDA_API lambda_status lambda_context_temporary_directory(lambda_context *context, const char **path);

/** Bytes of the files in the environment's directory, 0 where it was not asked for yet. LAMBDA_ERROR_SERVICE where it cannot be read. */
LAMBDA_API lambda_status lambda_context_temporary_directory_size(lambda_context *context, uint64_t *bytes);

/** "on-demand" or "provisioned-concurrency": why the environment was started. Lambda's AWS_LAMBDA_INITIALIZATION_TYPE. */
LAMBDA_API const char *lambda_context_initialization_type(lambda_context *context);

/**
 * Says that the environment's state is broken: after this invocation, whatever it answers, the environment is shut
 * down, and the next begins in a new one. A NULL context is ignored.
 */
LAMBDA_API void lambda_context_retire(lambda_context *context);

/** Why an environment is shut down. */
typedef enum lambda_shutdown_reason {
    LAMBDA_SHUTDOWN_NONE = 0, /**< it is not */
    LAMBDA_SHUTDOWN_IDLE = 1, /**< nobody invoked it for long: `lambda_options.idle_timeout_ms` */
    LAMBDA_SHUTDOWN_FAILURE =
        2, /**< lambda_context_retire, more in its directory than it may store, or a failed init */
    LAMBDA_SHUTDOWN_TIMEOUT = 3, /**< its handler overran the timeout */
    LAMBDA_SHUTDOWN_UPDATE = 4,  /**< its code or configuration was replaced or deleted */
    LAMBDA_SHUTDOWN_CLOSE = 5    /**< the service closes */
} lambda_shutdown_reason;

/** In a shutdown hook: why it runs. Before that, and for a NULL context, LAMBDA_SHUTDOWN_NONE. */
LAMBDA_API lambda_shutdown_reason lambda_context_shutdown_reason(lambda_context *context);

/** "none", "idle", "failure", "timeout", "update", "close"; "unknown" for what is none. Static; any thread. */
LAMBDA_API const char *lambda_shutdown_reason_name(lambda_shutdown_reason reason);

/** The service that the handler runs in, to invoke other functions. NULL for a NULL context. */
LAMBDA_API lambda_t *lambda_context_service(lambda_context *context);

#ifdef __cplusplus
}
#endif

#endif
