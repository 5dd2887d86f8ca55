/* Responses that are read in parts, as the function writes them. */
#ifndef LAMBDA_STREAM_H
#define LAMBDA_STREAM_H

#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Who reads a response in parts: given to an invocation in its options (`lambda_invoke_options.stream`), borrowed until that returns.
 *
 * The calls come one after the other, on the thread that the handler runs on, and the handler waits for each of them to return: a reader that takes its time slows
 * the function down, and nothing piles up between them. None comes after the invocation has returned; where a THREAD function overruns its timeout, the
 * invocation returns when the call that is under way has. They must not end the service;
 * what they invoke counts as invoked by the function.
 *
 * What is handed on is what the function wrote, in its order: all that it wrote before it returned or failed, but for what it had not flushed when its time was over. It may be more than a payload's limit: `lambda_limits.streamed_response_payload` is its own.
 * `lambda_result.payload` is then empty; where the function fails it is the error's JSON, and `function_error` says so, whatever was handed on
 * before: so the reader sees an error in the middle of a stream.
 */
typedef struct lambda_response_stream {
    /**
     * The first part is about to come; called once, also for a response that is empty, but not where the function failed before it wrote anything. `content_type` is borrowed for the
     * call, never NULL. Anything but LAMBDA_OK: as from `write`. May be NULL.
     */
    lambda_status (*begin)(void *user, const char *content_type);
    /**
     * One part, never empty, borrowed for the call. Anything but LAMBDA_OK: the reader wants no more. The function's write then returns that status, and so do
     * all that follow; nothing is handed on any more. What the function answers to that is its own affair.
     */
    lambda_status (*write)(void *user, const void *data, size_t length);
    void *user; /**< handed to both */
} lambda_response_stream;

#ifdef __cplusplus
}
#endif

#endif
