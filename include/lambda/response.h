/* What a handler answers with: bytes, JSON, or an error. */
#ifndef LAMBDA_RESPONSE_H
#define LAMBDA_RESPONSE_H

#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The response of one invocation, empty at first. Opaque; borrowed by the handler until it returns; of the handler's
 * thread only. A handler that answers nothing gives its caller an empty payload.
 */
typedef struct lambda_response lambda_response;

/**
 * Appends bytes, copied. LAMBDA_ERROR_REQUEST_TOO_LARGE past the service's response limit (6 MiB unless set), and the
 * invocation is then a function error of type "Function.ResponseSizeTooLarge"; where it is read as a stream (stream.h) that has a limit of its own, and the
 * statuses of its reader; LAMBDA_ERROR_OUT_OF_MEMORY;
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a NULL response or NULL data with a length.
 */
LAMBDA_API lambda_status lambda_response_write(lambda_response *response, const void *data, size_t length);

/**
 * Replaces the response by a JSON value written compactly from jansson's pack format
 * (https://jansson.readthedocs.io/en/latest/apiref.html#building-values):
 * `lambda_response_pack(response, "{s:f}", "area", 12.0)`. The order of keys is that of the format. An object has at most
 * 64 keys and none twice, and values nest at most 64 deep; `lambda_response_json` (lambda/json.h) has no such bounds.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a format that is wrong, a string that is not UTF-8, or a number that JSON
 * has not (NaN, infinity), with a message; else as `lambda_response_write`. On failure the response is empty.
 */
LAMBDA_API lambda_status lambda_response_pack(lambda_response *response, const char *format, ...);

/**
 * Makes the invocation a function error: the payload becomes `{"errorMessage":..., "errorType":..., "stackTrace":[]}`
 * when the handler returns LAMBDA_OK or not. `type` as in "ValidationError" (NULL: "Error"); `message` NULL: "".
 * Both are copied; bytes that are not UTF-8 become U+FFFD. A second call replaces the first.
 * LAMBDA_ERROR_OUT_OF_MEMORY; LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a NULL response.
 */
LAMBDA_API lambda_status lambda_response_error(lambda_response *response, const char *type, const char *message);

/**
 * Adds one line to the error's `stackTrace`, the innermost first. Call it after `lambda_response_error`;
 * before it, LAMBDA_ERROR_INVALID_PARAMETER_VALUE. Copied. LAMBDA_ERROR_OUT_OF_MEMORY.
 */
LAMBDA_API lambda_status lambda_response_error_trace(lambda_response *response, const char *line);

/**
 * Hands on what was written so far to whom reads the response as a stream (stream.h): where nobody does, nothing is to be done. Without it, writes of less than 4,096
 * bytes are gathered until there are 16,384, or the handler returns. Once something was handed on, or after lambda_response_error,
 * lambda_response_pack and lambda_response_json are LAMBDA_ERROR_INVALID_PARAMETER_VALUE there, as nothing can be taken back; lambda_response_error still ends the stream with an
 * error, and what is written after it is lost. Where the caller of a THREAD function has left because its time was over, every write is LAMBDA_ERROR_SERVICE.
 * Returns what the reader's callback did, as lambda_response_write does; LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL.
 */
LAMBDA_API lambda_status lambda_response_flush(lambda_response *response);

/**
 * Names what the response is, as HTTP's Content-Type: for whom reads it as a stream. Default "application/octet-stream". 1 to 255 printable ASCII characters,
 * copied. After something was handed on, LAMBDA_ERROR_INVALID_PARAMETER_VALUE.
 */
LAMBDA_API lambda_status lambda_response_content_type(lambda_response *response, const char *content_type);

#ifdef __cplusplus
}
#endif

#endif
