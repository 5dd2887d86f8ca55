/* The runtime port: how code becomes a handler. A host adds drivers of its own by name. */
#ifndef LAMBDA_PORT_RUNTIME_H
#define LAMBDA_PORT_RUNTIME_H

#include <lambda/code.h>
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
} lambda_runtime_handler;

/** A runtime driver. The library copies the struct; `name` is copied too. */
typedef struct lambda_runtime_driver {
    const char *name; /**< 1 to 64 letters, digits, dots, underscores and hyphens */
    /**
     * Makes code ready. Called on the thread that creates a function or updates it, possibly several at once.
     * On failure it leaves nothing behind and returns what `lambda_runtime_fail` returned. `identity` must stay valid
     * until `unload`.
     */
    lambda_status (*load)(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler);
    /**
     * The handler string of a function was changed, its code was not: makes the same code ready with `request->handler`
     * (`request->code` is NULL). `current` stays loaded beside it. NULL: handler strings mean nothing to this driver.
     */
    lambda_status (*reload)(void *user, const lambda_runtime_request *request, const lambda_runtime_handler *current,
                            lambda_runtime_handler *handler);
    /** Ends what `load` or `reload` began, after the last environment has shut down. May be NULL. */
    void (*unload)(void *user, lambda_runtime_handler *handler);
    void *user; /**< handed to all three */
} lambda_runtime_driver;

/**
 * Adds a driver to a service. LAMBDA_ERROR_RESOURCE_CONFLICT where the name is taken, the library's own included;
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE; LAMBDA_ERROR_OUT_OF_MEMORY. It stays until the service closes. Any thread.
 */
LAMBDA_API lambda_status lambda_runtime_register(lambda_t *lambda, const lambda_runtime_driver *driver);

/**
 * Sets this thread's error message of the service, printf-style, and returns `status`. For drivers, handlers and hooks:
 * `return lambda_runtime_fail(lambda, LAMBDA_ERROR_INVALID_CODE, "no symbol %s", name);`
 */
LAMBDA_API lambda_status lambda_runtime_fail(lambda_t *lambda, lambda_status status, const char *format, ...)
    LAMBDA_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif

#endif
