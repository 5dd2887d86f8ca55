/*
 * A program of its own that is one function: Lambda's custom runtime. The handler written for the library speaks Lambda's Runtime API, here (process.h) and on AWS.
 * Library: liblambda-bootstrap (libcurl), for POSIX.
 *
 * `int main(void) { return lambda_bootstrap_run(handler); }`, linked, named `bootstrap` and zipped, is a deployment package for provided.al2023.
 */
#ifndef LAMBDA_BOOTSTRAP_H
#define LAMBDA_BOOTSTRAP_H

#include <lambda/code.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What runs, and its bounds. Zero means the default. All pointers are borrowed while it runs. */
typedef struct lambda_bootstrap_options {
    lambda_handler *handler; /**< required */
    lambda_init_hook *init;  /**< before the first event; where it fails the environment does. NULL for none */
    lambda_shutdown_hook
        *shutdown; /**< after the last, when SIGTERM says so; what it may take is Lambda's affair. NULL for none */
    void *user;    /**< `lambda_context_user` */
    size_t
        response_payload; /**< most bytes of a response that is not flushed. Default 6,291,456, Lambda's; at most 1 GiB */
} lambda_bootstrap_options;

/** Exported form of `lambda_bootstrap_run_with`. */
LAMBDA_API int lambda_bootstrap_run_with_sized(const lambda_bootstrap_options *options, size_t size);

/**
 * Runs events as AWS_LAMBDA_RUNTIME_API gives them, until the process is told to end, or cannot go on. To be called once, from main, which returns what this
 * does. The handler and its hooks run on this thread.
 *
 * The context answers with what the Runtime API says of the invocation, and with Lambda's environment variables
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html): name, version, memory, log group and stream. `lambda_context_environment_variable` gives
 * those of the process, `lambda_context_temporary_directory` is TMPDIR or else "/tmp", and `_X_AMZN_TRACE_ID` is set for each invocation. `lambda_context_service` is
 * a service of this process's own, without functions. Log lines go to standard output, as AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL say; a line end
 * within a line of TEXT is a carriage return, so that it is one event of CloudWatch Logs.
 *
 * A response is sent when the handler has returned; one that calls lambda_response_flush is streamed from then on
 * (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming), and an error after that stands in the stream's trailers.
 *
 * SIGTERM ends the process after the shutdown hook, between two events; where the program has a handler of its own for it, that is left alone. After
 * lambda_context_retire the process ends when its answer has been sent.
 *
 * 0: it was told to end. 1: it was not, and standard error says why; where it was init that failed, the Runtime API knows too.
 */
static inline int lambda_bootstrap_run_with(const lambda_bootstrap_options *options)
{
    return lambda_bootstrap_run_with_sized(options, sizeof(lambda_bootstrap_options));
}

/** As `lambda_bootstrap_run_with`, for a handler alone. */
static inline int lambda_bootstrap_run(lambda_handler *handler)
{
    lambda_bootstrap_options options = LAMBDA_ZERO;
    options.handler = handler;
    return lambda_bootstrap_run_with(&options);
}

/**
 * Instead of running: tells the Runtime API that the function cannot be started, and why. `type` as "Runtime.ImportModuleError" (NULL: "Runtime.InitError"); NULL
 * for `message`: "". Returns 1, for main.
 */
LAMBDA_API int lambda_bootstrap_fail(const char *type, const char *message);

#ifdef __cplusplus
}
#endif

#endif
