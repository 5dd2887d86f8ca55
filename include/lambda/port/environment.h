/*
 * An execution environment that somebody else governs: for programs that are one themselves, and are told by others what to run and when it must be done
 * (bootstrap.h). The service knows of no function of that name, starts and retires nothing, and writes no START, END and REPORT.
 */
#ifndef LAMBDA_PORT_ENVIRONMENT_H
#define LAMBDA_PORT_ENVIRONMENT_H

#include <lambda/invoke.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Such an environment. Opaque; of one thread at a time. */
typedef struct lambda_environment lambda_environment;

/** What its context answers as long as it lives. Zero or NULL is the default. All is copied but what a pointer's comment says. */
typedef struct lambda_environment_config {
    lambda_handler *handler;         /**< required */
    lambda_init_hook *init;          /**< NULL for none */
    lambda_shutdown_hook *shutdown;  /**< NULL for none */
    void *user;                      /**< `lambda_context_user`; borrowed */
    const char *function_name;       /**< at most 64 characters. Default "function" */
    const char *function_version;    /**< at most 23 characters. Default "$LATEST" */
    const char *handler_name;        /**< `lambda_context_handler`. Default "" */
    const char *role;                /**< default "" */
    const char *log_group_name;      /**< default "/aws/lambda/NAME" */
    const char *log_stream_name;     /**< default: made as for any environment */
    lambda_log_format log_format;    /**< default TEXT */
    lambda_log_level log_level;      /**< of the handler's lines. Default the service's */
    uint32_t memory_size;            /**< MB. Default 128 */
    uint32_t ephemeral_storage_size; /**< MB. Default 512 */
    const char *
        temporary_directory; /**< it is there, and stays when the environment ends. Default: one is made as for any environment */
    const lambda_pair *environment; /**< variables */
    size_t environment_count;       /**< number of those */
    bool provisioned;               /**< the initialization type. Default "on-demand" */
} lambda_environment_config;

/** Exported form of `lambda_environment_open`. */
LAMBDA_API lambda_status lambda_environment_open_sized(lambda_t *lambda, const lambda_environment_config *config,
                                                       size_t size, lambda_environment **environment);

/**
 * Makes one; runs nothing yet. `*environment` is NULL on failure, else the caller's to end with `lambda_environment_close`, before the service closes.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_OUT_OF_MEMORY. Any thread.
 */
static inline lambda_status lambda_environment_open(lambda_t *lambda, const lambda_environment_config *config,
                                                    lambda_environment **environment)
{
    return lambda_environment_open_sized(lambda, config, sizeof(lambda_environment_config), environment);
}

/** Exported form of `lambda_environment_init`. */
LAMBDA_API lambda_status lambda_environment_init_sized(lambda_environment *environment, lambda_result *result,
                                                       size_t size);

/**
 * Runs the init hook, once. Where it fails `result->payload` is Lambda's error object, `result->function_error` says so, and it may be run again. The result is
 * as for any invocation. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL, or where it has succeeded before.
 */
static inline lambda_status lambda_environment_init(lambda_environment *environment, lambda_result *result)
{
    return lambda_environment_init_sized(environment, result, sizeof(lambda_result));
}

/** One invocation, as who governs the environment describes it. Zero or NULL is the default. Borrowed for the call. */
typedef struct lambda_environment_invocation {
    const char *aws_request_id;       /**< of more than 36 characters those. Default "" */
    const char *invoked_function_arn; /**< at most 319 characters. Default: made of the function's name */
    uint64_t remaining_ns; /**< until its deadline: `lambda_context_remaining_time_in_millis`. Nothing ends then */
    lambda_bytes client_context; /**< default none */
    lambda_bytes identity;       /**< default none */
    const char *trace_id;        /**< X-Ray trace header. Default "" */
    /**
     * Who gets the response in parts: where the handler calls lambda_response_flush, and from then on. A response that is never flushed is
     * `lambda_result.payload`, as where `stream` is NULL.
     */
    const lambda_response_stream *stream;
} lambda_environment_invocation;

/** Exported form of `lambda_environment_invoke`. */
LAMBDA_API lambda_status lambda_environment_invoke_sized(lambda_environment *environment, lambda_bytes payload,
                                                         const lambda_environment_invocation *invocation, size_t size,
                                                         lambda_result *result, size_t result_size);

/**
 * Runs the handler on this thread. LAMBDA_OK says that it ran: whether it failed stands in the result, as for lambda_invoke. Limits of payloads are the
 * service's. LAMBDA_ERROR_INVALID_PARAMETER_VALUE, also where init has not succeeded; LAMBDA_ERROR_REQUEST_TOO_LARGE; LAMBDA_ERROR_OUT_OF_MEMORY.
 */
static inline lambda_status lambda_environment_invoke(lambda_environment *environment, lambda_bytes payload,
                                                      const lambda_environment_invocation *invocation,
                                                      lambda_result *result)
{
    return lambda_environment_invoke_sized(environment, payload, invocation, sizeof(lambda_environment_invocation),
                                           result, sizeof(lambda_result));
}

/** True once a handler or hook has called lambda_context_retire: whoever governs the environment should end it. */
LAMBDA_API bool lambda_environment_retired(const lambda_environment *environment);

/** Runs the shutdown hook where init succeeded, with that reason, and ends the environment. NULL is allowed. */
LAMBDA_API void lambda_environment_close(lambda_environment *environment, lambda_shutdown_reason reason);

#ifdef __cplusplus
}
#endif

#endif
