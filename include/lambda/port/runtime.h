/* The runtime port: how code becomes a handler. A host adds drivers of its own by name. */
#ifndef LAMBDA_PORT_RUNTIME_H
#define LAMBDA_PORT_RUNTIME_H

#include <lambda/function.h>
#include <lambda/port/allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a driver is asked to load. Borrowed for the call. */
typedef struct lambda_runtime_request {
    lambda_t *lambda;                  /**< the service, for `lambda_runtime_fail` */
    const lambda_allocator *allocator; /**< the service's memory; valid while the service is open */
    const lambda_code *code;           /**< the description; a driver copies what it keeps */
    const char *function_name;         /**< the function's name */
    const char *handler;               /**< the configuration's handler string, "" if none */
    const char *const *layers;         /**< ARNs of the configuration's layer versions, in their order */
    size_t layers_count;               /**< number of those */
    bool kept;                         /**< the service keeps its functions in a store: `reference` outlives it */
} lambda_runtime_request;

/** What a driver answers: a handler with its hooks, and what identifies the code. All zero when the driver is called. */
typedef struct lambda_runtime_handler {
    lambda_handler *handler;        /**< required */
    lambda_init_hook *init;         /**< NULL for none */
    lambda_shutdown_hook *shutdown; /**< NULL for none */
    void *user;                     /**< what `lambda_context_user` gives in all three */
    void *instance;                 /**< what `unload` is handed */
    const void
        *identity; /**< bytes whose SHA-256 is CodeSha256: the same code, the same bytes. Borrowed until `unload` */
    size_t identity_length; /**< number of those */
    uint64_t code_size;     /**< bytes of code, 0 if there is no such figure */
    const char *
        code_sha256; /**< CodeSha256 itself, 44 characters of base64; `identity` is then not looked at. NULL: it is worked out. Borrowed likewise */
    /**
     * Text, at most 1,024 bytes of UTF-8, by which `load` gets the same code again: it stands in the service's store, and comes back as `code->reference`
     * when a service is opened from it. NULL: the code cannot be had again without the host (lambda_function_bind). Borrowed likewise.
     */
    const char *reference;
} lambda_runtime_handler;

/** A runtime driver. The library copies the struct; `name` is copied too. */
typedef struct lambda_runtime_driver {
    const char *name; /**< 1 to 64 letters, digits, dots, underscores and hyphens */
    /**
     * It runs code in processes of its own: functions with LAMBDA_ISOLATION_PROCESS are its, and those with no isolation of their own where no other driver
     * has the name. Else it gets those with INLINE and THREAD. So two drivers may have one name, one of each kind.
     */
    bool process;
    /**
     * Makes code ready. Called on the thread that creates a function or updates it, possibly several at once.
     * On failure it leaves nothing behind and returns what `lambda_runtime_fail` returned. `identity` must stay valid
     * until `unload`, which also follows where the answer is refused: without a handler, or with a `code_sha256` or `reference` that is none.
     */
    lambda_status (*load)(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler);
    /**
     * The handler string or the layers of a function were changed, its code was not: makes the same code ready with `request->handler` and
     * `request->layers` (`request->code` is NULL). `current` stays loaded beside it. NULL: handler strings mean nothing to this driver, and it is given no
     * functions with layers.
     */
    lambda_status (*reload)(void *user, const lambda_runtime_request *request, const lambda_runtime_handler *current,
                            lambda_runtime_handler *handler);
    /** Ends what `load` or `reload` began, after the last environment has shut down. May be NULL. */
    void (*unload)(void *user, lambda_runtime_handler *handler);
    /** The service begins to close; every `unload` from now on is because of that. On lambda_close's thread. May be NULL. */
    void (*closing)(void *user);
    /** The service has closed: the last call. On lambda_close's thread, or on that of what was abandoned and came back last. May be NULL. */
    void (*close)(void *user);
    void *user; /**< handed to all of them */
} lambda_runtime_driver;

/**
 * Adds a driver to a service. LAMBDA_ERROR_RESOURCE_CONFLICT where the name is taken by one of its kind, the library's own included;
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE; LAMBDA_ERROR_OUT_OF_MEMORY. It stays until the service closes. Any thread.
 *
 * Functions that came back from the service's store with a `reference` of this driver's are loaded now; one that cannot be, or whose CodeSha256 would be
 * another than it was, stays Inactive, and its state_reason says why: lambda_function_bind may give it its code. With an error, `close` is not called.
 */
LAMBDA_API lambda_status lambda_runtime_register(lambda_t *lambda, const lambda_runtime_driver *driver);

/**
 * Sets this thread's error message of the service, printf-style, and returns `status`. For drivers, handlers and hooks:
 * `return lambda_runtime_fail(lambda, LAMBDA_ERROR_INVALID_CODE, "no symbol %s", name);`
 */
LAMBDA_API lambda_status lambda_runtime_fail(lambda_t *lambda, lambda_status status, const char *format, ...)
    LAMBDA_PRINTF(3, 4);

/* ---- What a driver's hooks and handlers ask of, and tell to, the context that they are called with. On that thread, until they return. */

/** The function's environment variables, `*count` of them. Borrowed while the environment lives. NULL for a NULL context. */
LAMBDA_API const lambda_pair *lambda_context_environment_variables(lambda_context *context, size_t *count);

/** The size of the environment's `/tmp`, MB. 0 for a NULL context. */
LAMBDA_API uint32_t lambda_context_ephemeral_storage_size(lambda_context *context);

/** The function's timeout, milliseconds. 0 for a NULL context. */
LAMBDA_API uint32_t lambda_context_timeout_ms(lambda_context *context);

/** The format of the function's log; never LAMBDA_LOG_FORMAT_DEFAULT. */
LAMBDA_API lambda_log_format lambda_context_log_format(lambda_context *context);

/** The level below which the function's own lines are not written, whether there is a sink or not; never LAMBDA_LOG_DEFAULT. */
LAMBDA_API lambda_log_level lambda_context_application_log_level(lambda_context *context);

/** Bytes of a response, or of an error, that is not read in parts: `lambda_limits.response_payload`. 0 for a NULL context. */
LAMBDA_API size_t lambda_context_response_limit(lambda_context *context);

/** X-Ray's mode of the function; never LAMBDA_TRACING_DEFAULT. */
LAMBDA_API lambda_tracing_mode lambda_context_tracing_mode(lambda_context *context);

/**
 * Nanoseconds that are left: of an invocation until its timeout; of an init hook until its attempt has taken as long as it may
 * (`lambda_limits.init_timeout_ms`, and at the second attempt the function's timeout; ahead of invocations, as for provisioned concurrency, the one
 * attempt has 130 seconds, or the function's timeout where that is more, https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html); of a shutdown hook until `lambda_options.close_grace_ms` have
 * passed since it began. A driver that can stop its code does so then. 0 once it has passed, and for a NULL context.
 */
LAMBDA_API uint64_t lambda_context_remaining_ns(lambda_context *context);

/**
 * A line of the environment's log, as the function wrote it: no level, time or id is put before it, in either format, and the levels of the function's
 * log are not asked. No line end after it. Bytes that are not UTF-8 stand as they came, and nothing is cut. A sink sees it as a record of level INFO,
 * `message` and `line` being the same. In hooks and handlers.
 */
LAMBDA_API void lambda_context_log_line(lambda_context *context, const char *line, size_t length);

/** True if anybody takes the lines of lambda_context_log_line. */
LAMBDA_API bool lambda_context_logs(lambda_context *context);

/**
 * For an init hook that is about to fail: what the invocation is answered with instead of "Runtime.InitError" and the thread's message. `type` is Lambda's
 * error type ("Runtime.ExitError"). `payload` is the error's JSON object as the function gave it; `length` 0: it is made of `type` and the thread's message,
 * before which "RequestId: ID Error: " is put, as Lambda does.
 * Copied; a later one replaces it, and what an attempt said ends with the next. A hook that then succeeds has said nothing. LAMBDA_ERROR_OUT_OF_MEMORY;
 * LAMBDA_ERROR_REQUEST_TOO_LARGE past the service's response limit; LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL, or outside of an init hook.
 */
LAMBDA_API lambda_status lambda_context_init_error(lambda_context *context, const char *type, const void *payload,
                                                   size_t length);

/**
 * As lambda_response_error, with the whole payload as the function gave it: the caller gets these bytes, which should be Lambda's error object.
 * `length` 0: as lambda_response_error with an empty message. Copied. LAMBDA_ERROR_REQUEST_TOO_LARGE past the service's response limit, and the
 * response is as it was; else the errors of lambda_response_error. It has no room for lambda_response_error_trace.
 */
LAMBDA_API lambda_status lambda_response_error_payload(lambda_response *response, const char *type, const void *payload,
                                                       size_t length);

/**
 * Says how much memory the environment had at most until now, bytes: `lambda_result.max_memory_used` and REPORT's, instead of what lambda_context_alloc
 * counts. The most that was said counts. LAMBDA_MEMORY_UNKNOWN says nothing.
 */
LAMBDA_API void lambda_context_report_memory(lambda_context *context, uint64_t bytes);

#ifdef __cplusplus
}
#endif

#endif
