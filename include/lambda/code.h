/* What a function runs: a native callback, a typed C function, a shared object, or what a host's own driver takes. */
#ifndef LAMBDA_CODE_H
#define LAMBDA_CODE_H

#include <lambda/context.h>
#include <lambda/event.h>
#include <lambda/response.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A handler: reads the event, answers through the response. Called on the thread that invokes, with no lock held, in an
 * environment that runs nothing else meanwhile; several environments may call it at once on different threads.
 * It may call any public function, invoke functions included, but not `lambda_close` on its own service.
 * LAMBDA_OK: what stands in the response is the result. Anything else is a function error, with the status's name as
 * its type and the last error message of this thread as its message, unless `lambda_response_error` gave better ones.
 */
typedef lambda_status lambda_handler(const lambda_event *event, lambda_context *context, lambda_response *response);

/**
 * An init hook: runs once in each new environment, before its first invocation, on the invoking thread, on the
 * environment's own (THREAD isolation), or on one that starts environments ahead. Anything but LAMBDA_OK fails it; as in
 * Lambda (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html) it is then run once more, the
 * environment's state pointer NULL again. If that fails too, the invocation is a function error of type
 * "Runtime.InitError" that carries the thread's last error message, and the next invocation tries a new environment.
 * So a hook that fails leaves nothing behind. It may take `lambda_limits.init_timeout_ms` and then the function's timeout;
 * more is "Sandbox.Timedout", and so is a second attempt that fails after the timeout. Each failure, and each init that takes longer than the former, is an INIT_REPORT line of the log.
 */
typedef lambda_status lambda_init_hook(lambda_context *context);

/**
 * A shutdown hook: runs once in each environment whose init succeeded, after its last invocation, on the thread that ends
 * it: one that invokes, updates, deletes, pumps or closes, the library's own, or with THREAD isolation the environment's.
 * `lambda_context_shutdown_reason` says why. It must not invoke functions.
 */
typedef void lambda_shutdown_hook(lambda_context *context);

/**
 * A description of code. Make one with the calls below; fill it in by hand only for a driver of your own, which says
 * which fields it reads. All strings and bytes are copied or consumed before a call that takes it returns.
 */
typedef struct lambda_code {
    const char *runtime;            /**< the driver's name: "native", "typed", "shared-object", or a host's own */
    lambda_handler *handler;        /**< native: the callback */
    lambda_init_hook *init;         /**< native: NULL for none */
    lambda_shutdown_hook *shutdown; /**< native: NULL for none */
    void *user;              /**< native: `lambda_context_user`; the host keeps it alive while the function exists */
    const char *path;        /**< typed: the library; shared object: the file, or with `data` only its name */
    const char *declaration; /**< typed: the C declaration */
    void (*function)(void);  /**< typed: the function itself, instead of a library to look it up in */
    const void
        *data; /**< shared object: its bytes; else for a host's driver, not copied by the library, only handed on */
    size_t data_length; /**< bytes at `data` */
    const char *
        reference; /**< a driver's own words for code that it had before (lambda_runtime_handler); the library fills it in, hosts leave it NULL */
} lambda_code;

/** A native callback with a user pointer (NULL if none). */
static inline lambda_code lambda_code_native(lambda_handler *handler, void *user)
{
    lambda_code code = LAMBDA_ZERO;
    code.runtime = "native";
    code.handler = handler;
    code.user = user;
    return code;
}

/** A native callback with hooks around each environment's life (NULL for none). */
static inline lambda_code lambda_code_native_hooks(lambda_handler *handler, lambda_init_hook *init,
                                                   lambda_shutdown_hook *shutdown, void *user)
{
    lambda_code code = lambda_code_native(handler, user);
    code.init = init;
    code.shutdown = shutdown;
    return code;
}

/**
 * Any C function of a shared library, by its declaration: `lambda_code_typed("libm.so.6", "double pow(double x, double y)")`
 * is invoked with `{"x":2,"y":10}`. `library` as for dlopen; NULL is the host program itself and all that it links.
 * docs/typed.md tells the language of declarations.
 */
static inline lambda_code lambda_code_typed(const char *library, const char *declaration)
{
    lambda_code code = LAMBDA_ZERO;
    code.runtime = "typed";
    code.path = library;
    code.declaration = declaration;
    return code;
}

/** As `lambda_code_typed`, for a function that the host points to: cast it to `void (*)(void)`. */
static inline lambda_code lambda_code_typed_function(void (*function)(void), const char *declaration)
{
    lambda_code code = LAMBDA_ZERO;
    code.runtime = "typed";
    code.function = function;
    code.declaration = declaration;
    return code;
}

/**
 * A shared object with handlers in it, built against these headers and carrying LAMBDA_SHARED_OBJECT. The file is copied
 * when the function is created or its code updated: what is done to it later changes nothing that runs. Which symbol is
 * called is said by the function's `handler`, "file.symbol" in Lambda's form, where "file" is the object's name without
 * its ending. If it exports `lambda_init` or `lambda_shutdown` they are its hooks (lambda_init_hook, lambda_shutdown_hook).
 */
static inline lambda_code lambda_code_shared_object(const char *path)
{
    lambda_code code = LAMBDA_ZERO;
    code.runtime = "shared-object";
    code.path = path;
    return code;
}

/**
 * The same from memory: `name` stands for the file's name in handler strings, "shapes.so" for "shapes.area". The bytes are copied.
 */
static inline lambda_code lambda_code_shared_object_bytes(const char *name, const void *data, size_t length)
{
    lambda_code code = lambda_code_shared_object(name);
    code.data = data;
    code.data_length = length;
    return code;
}

/** The version of the interface between the library and a shared object. Changes when old objects no longer work. */
#define LAMBDA_ABI_VERSION 1

/** Stands once, outside functions, in every shared object with handlers: `LAMBDA_SHARED_OBJECT;` It says which ABI it was built for. */
#ifdef __cplusplus
#define LAMBDA_SHARED_OBJECT                                                                                           \
    extern "C" LAMBDA_API const uint32_t lambda_abi_version;                                                           \
    const uint32_t lambda_abi_version = LAMBDA_ABI_VERSION
#else
#define LAMBDA_SHARED_OBJECT LAMBDA_API const uint32_t lambda_abi_version = LAMBDA_ABI_VERSION
#endif

#ifdef __cplusplus
}
#endif

#endif
