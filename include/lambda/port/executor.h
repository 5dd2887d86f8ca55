/* The executor port: whose threads run what does not run on the caller's own. */
#ifndef LAMBDA_PORT_EXECUTOR_H
#define LAMBDA_PORT_EXECUTOR_H

#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where a service's threads come from. */
typedef enum lambda_executor_kind {
    LAMBDA_EXECUTOR_THREADS = 0, /**< the library starts threads of its own, each when first needed (default) */
    LAMBDA_EXECUTOR_NONE = 1,    /**< there are none: due work waits for lambda_pump, THREAD isolation is refused */
    LAMBDA_EXECUTOR_HOST = 2     /**< the host's: `start` below; due work waits for lambda_pump */
} lambda_executor_kind;

/**
 * Runs pieces of work. With LAMBDA_EXECUTOR_THREADS an environment of THREAD isolation has a thread of its own, which runs
 * its init hook, each invocation and its shutdown hook; up to `lambda_options.async_workers` threads run asynchronous events; one
 * more, started when first needed, runs what is due.
 * The library's threads have all signals blocked.
 * With LAMBDA_EXECUTOR_HOST each of those is a piece of work that may run on another thread than the one before, an event at a time.
 */
typedef struct lambda_executor {
    lambda_executor_kind kind; /**< default LAMBDA_EXECUTOR_THREADS */
    size_t stack_size;         /**< bytes of stack of the library's own threads; 0: the system's default */
    /**
     * HOST: runs `work(argument)` exactly once, soon, on any thread but inside this call; the work lasts as long as a
     * handler or hook does. Called on any thread, with no lock held. LAMBDA_OK, or a status: the work is then not
     * run, and the invocation fails with that status.
     */
    lambda_status (*start)(void *user, void (*work)(void *argument), void *argument);
    /**
     * HOST, or NULL: called again and again in place of blocking, on the thread that waits, until what it waits for has
     * happened or `until` (monotonic, nanoseconds; UINT64_MAX: no end) has passed on the service's clock. Runs a piece of
     * work, or lets time pass. For executors that run everything on one thread.
     */
    void (*help)(void *user, uint64_t until);
    void *user; /**< handed to both */
} lambda_executor;

#ifdef __cplusplus
}
#endif

#endif
