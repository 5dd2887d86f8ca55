/* Reading a response in parts where the reader's own code asks for them: the other way round than stream.h. */
#ifndef LAMBDA_RESPONSE_READER_H
#define LAMBDA_RESPONSE_READER_H

#include <lambda/invoke.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that a function can be ahead of its reader, besides what it has not flushed: then it waits in lambda_response_write. */
#define LAMBDA_RESPONSE_READER_BUFFER 65536

/** An invocation whose response is read while it runs. Opaque; of one thread at a time. */
typedef struct lambda_response_reader lambda_response_reader;

/** Exported form of `lambda_response_reader_open`. */
LAMBDA_API lambda_status lambda_response_reader_open_sized(lambda_t *lambda, const char *function_name,
                                                           lambda_bytes payload, const lambda_invoke_options *options,
                                                           size_t options_size, lambda_response_reader **reader);

/**
 * Starts an invocation on the service's executor, whatever the function's isolation, and returns. All that is given is copied; `options` may be NULL.
 * `*reader` is NULL on failure, else the caller's to end with `lambda_response_reader_close`.
 *
 * What the function writes waits in a buffer of LAMBDA_RESPONSE_READER_BUFFER bytes, allocated here, once. Where that is full the function waits, and its time goes
 * on; where it overruns its timeout meanwhile, that is told when the reader has made room. A host's executor that helps (`lambda_executor.help`) may run the function within a
 * call of the reader's own thread: nobody could read meanwhile, so what the buffer has no room for is then kept in memory of its own, of up to
 * `lambda_limits.streamed_response_payload` bytes.
 *
 * In a handler it counts as an invocation by that: for the limit of nested ones, for loops, in its trace.
 *
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for arguments that `lambda_invoke_with` refuses, for LAMBDA_DRY_RUN and for a stream in the options;
 * LAMBDA_ERROR_REQUEST_TOO_LARGE; LAMBDA_ERROR_SERVICE where the service has no executor (LAMBDA_EXECUTOR_NONE) or the system gave no thread; LAMBDA_ERROR_OUT_OF_MEMORY; what a
 * host's executor said. That there is no such function, and whatever else goes wrong with the invocation itself, is told by the calls below. Any thread.
 */
static inline lambda_status lambda_response_reader_open(lambda_t *lambda, const char *function_name,
                                                        lambda_bytes payload, const lambda_invoke_options *options,
                                                        lambda_response_reader **reader)
{
    return lambda_response_reader_open_sized(lambda, function_name, payload, options, sizeof(lambda_invoke_options),
                                             reader);
}

/**
 * Reads at least a byte and at most `size`, waiting until there is something. `*length` is 0 at the end, and then always: LAMBDA_OK says that the function has run,
 * also if it failed (`lambda_response_reader_close` tells); any other status is why the invocation could not be run, as of `lambda_invoke`.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL or a `size` of 0.
 */
LAMBDA_API lambda_status lambda_response_reader_read(lambda_response_reader *reader, void *buffer, size_t size,
                                                     size_t *length);

/**
 * What the response is (lambda_response_content_type), once it begins: waits for that. "" where it ended without, as the function failed before it wrote anything or could not be
 * run, and for NULL. Borrowed until the reader is closed.
 */
LAMBDA_API const char *lambda_response_reader_content_type(lambda_response_reader *reader);

/** Exported form of `lambda_response_reader_close`. */
LAMBDA_API lambda_status lambda_response_reader_close_sized(lambda_response_reader *reader, lambda_result *result,
                                                            size_t result_size);

/**
 * Ends a reader: at any time. Before the end of the response the function's writes fail from now on (LAMBDA_ERROR_SERVICE). Waits until the function has ended, and tells
 * what came of it in `result`, as `lambda_invoke_with` does of an invocation with a stream; NULL: nobody wants it. The status is the invocation's. LAMBDA_OK for NULL.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a result that holds memory of another service: the reader is then still open.
 *
 * Readers are closed before their service. `lambda_close` takes one that is open for a handler that runs: it waits for
 * `lambda_options.close_grace_ms`, counts it among those that were abandoned, and leaves the service's memory, until this call ends it. The reader can be read until then; this call's
 * status is LAMBDA_ERROR_SERVICE then, and the result empty.
 */
static inline lambda_status lambda_response_reader_close(lambda_response_reader *reader, lambda_result *result)
{
    return lambda_response_reader_close_sized(reader, result, sizeof(lambda_result));
}

#ifdef __cplusplus
}
#endif

#endif
