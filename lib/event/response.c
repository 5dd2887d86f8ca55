/* The response: bytes, a jansson value, or an error. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "event/event.h"

#include <lambda/port/runtime.h>

/** Longer messages of errors are cut: Lambda cuts what it shows as well. */
#define ERROR_TEXT_MAX 65536

static lambda_status is_null(const lambda_response *response, const char *name)
{
    return lambda__fail(response ? &response->lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                        response ? name : "response");
}

/** True where so much more is past the limit: always, but for nothing at all, where the response is read as a stream. */
static inline bool is_past(const lambda_response *response, size_t length)
{
    size_t limit = response->limit;
    return LAMBDA__UNLIKELY(length > limit || response->body.length > limit - length);
}

static inline lambda_status append(lambda_response *response, const void *data, size_t length)
{
    lambda__base *base = &response->lambda->base;
    return lambda__buffer_append(base, &response->body, data, length) ? LAMBDA_OK : lambda__out_of_memory(base);
}

/** What is past the limit: of a stream its own counts. */
static __attribute__((noinline)) lambda_status append_past(lambda_response *response, const void *data, size_t length)
{
    uint64_t limit = lambda__response_limit(response);
    if (response->limit == 0 && response->body.length <= limit && length <= limit - response->body.length)
        return append(response, data, length);
    response->too_large = true;
    return lambda__fail(&response->lambda->base, LAMBDA_ERROR_REQUEST_TOO_LARGE, "response: is larger than %llu bytes",
                        (unsigned long long)limit);
}

lambda_status lambda__response_append(lambda_response *response, const void *data, size_t length)
{
    return is_past(response, length) ? append_past(response, data, length) : append(response, data, length);
}

lambda_status lambda_response_write(lambda_response *response, const void *data, size_t length)
{
    if (!response || (!data && length > 0)) return is_null(response, "data");
    if (!is_past(response, length)) return append(response, data, length);
    return response->limit == 0 ? lambda__stream_write(response, data, length) : append_past(response, data, length);
}

/** jansson's way of writing, into the response; the response keeps what went wrong. */
typedef struct dump {
    lambda_response *response;
    lambda_status status;
} dump;

static int dump_chunk(const char *data, size_t length, void *user)
{
    dump *state = user;
    state->status = lambda__response_append(state->response, data, length);
    return state->status == LAMBDA_OK ? 0 : -1;
}

lambda_status lambda__response_dump(lambda_response *response, const json_t *json)
{
    dump state = {.response = response, .status = LAMBDA_OK};
    int result = json_dump_callback(json, dump_chunk, &state, JSON_COMPACT | JSON_ENCODE_ANY);
    if (result != 0 && state.status == LAMBDA_OK) return lambda__out_of_memory(&response->lambda->base);
    return state.status;
}

lambda_status lambda_response_json(lambda_response *response, const json_t *json)
{
    if (!response || !json) return is_null(response, "json");
    lambda_status status = lambda__response_restart(response);
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) return status;
    status = lambda__response_dump(response, json);
    if (status != LAMBDA_OK) response->body.length = 0;
    return status;
}

static char *copy_text(lambda__base *base, const char *text)
{
    size_t length = strnlen(text, ERROR_TEXT_MAX + 1);
    if (length > ERROR_TEXT_MAX) {
        length = ERROR_TEXT_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xC0u) == 0x80u)
            length--;
    }
    return lambda__duplicate_bytes(base, text, length);
}

lambda_status lambda_response_error(lambda_response *response, const char *type, const char *message)
{
    if (!response) return is_null(NULL, "");
    lambda__base *base = &response->lambda->base;
    char *type_copy = copy_text(base, type ? type : "Error");
    char *message_copy = type_copy ? copy_text(base, message ? message : "") : NULL;
    if (!message_copy) {
        lambda__release(base, type_copy);
        return lambda__out_of_memory(base);
    }
    lambda__response_reset_error(response);
    response->failed = true;
    response->error_type = type_copy;
    response->error_message = message_copy;
    return LAMBDA_OK;
}

lambda_status lambda__error_payload_check(lambda_t *lambda, const char *field, const void *payload, size_t length)
{
    size_t limit = lambda->limits.response_payload;
    if (!payload && length > 0)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL with a length of %zu",
                            field, length);
    if (length <= limit) return LAMBDA_OK;
    return lambda__fail(&lambda->base, LAMBDA_ERROR_REQUEST_TOO_LARGE, "%s: is larger than %zu bytes", field, limit);
}

lambda_status lambda_response_error_payload(lambda_response *response, const char *type, const void *payload,
                                            size_t length)
{
    if (!response) return is_null(NULL, "");
    lambda__base *base = &response->lambda->base;
    lambda__buffer copy = {0};
    lambda_status status = lambda__error_payload_check(response->lambda, "payload", payload, length);
    if (status == LAMBDA_OK && !lambda__buffer_append(base, &copy, payload, length))
        status = lambda__out_of_memory(base);
    if (status == LAMBDA_OK) status = lambda_response_error(response, type, "");
    if (status == LAMBDA_OK)
        response->error_payload = copy;
    else
        lambda__buffer_clear(base, &copy);
    return status;
}

lambda_status lambda_response_error_trace(lambda_response *response, const char *line)
{
    if (!response || !line) return is_null(response, "line");
    lambda__base *base = &response->lambda->base;
    if (!response->failed || response->error_payload.length > 0)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "response: has no error to trace");
    size_t length = strlen(line);
    if (!response->error_trace) response->error_trace = json_array();
    json_t *text = lambda__utf8_valid(line, length) ? json_stringn(line, length) : NULL;
    if (!text) {
        lambda__buffer repaired = {0};
        /* Without its quotes it is the line, bytes that are not UTF-8 replaced; escapes stay, as nobody reads it back. */
        if (lambda__json_string(base, &repaired, line, length))
            text = json_stringn(repaired.data + 1, repaired.length - 2);
        lambda__buffer_clear(base, &repaired);
    }
    /* It takes the reference over even where it fails, but not where there is no array. */
    if (response->error_trace && text && json_array_append_new(response->error_trace, text) == 0) return LAMBDA_OK;
    if (!response->error_trace) json_decref(text);
    return lambda__out_of_memory(base);
}

void lambda__response_reset_error(lambda_response *response)
{
    lambda__release(&response->lambda->base, response->error_type);
    lambda__release(&response->lambda->base, response->error_message);
    lambda__buffer_clear(&response->lambda->base, &response->error_payload);
    if (response->error_trace) json_decref(response->error_trace);
    response->error_type = response->error_message = NULL;
    response->error_trace = NULL;
    response->failed = false;
}

bool lambda__response_error_body(lambda_response *response, const char *type, const char *message, const json_t *trace)
{
    lambda__base *base = &response->lambda->base;
    lambda__buffer *body = &response->body;
    body->length = 0;
    bool written = lambda__buffer_append(base, body, "{\"errorMessage\":", 16) &&
                   lambda__json_string(base, body, message, strlen(message)) &&
                   lambda__buffer_append(base, body, ",\"errorType\":", 13) &&
                   lambda__json_string(base, body, type, strlen(type)) &&
                   lambda__buffer_append(base, body, ",\"stackTrace\":[", 15);
    for (size_t i = 0; written && i < json_array_size(trace); i++) {
        const json_t *line = json_array_get(trace, i);
        written = (i == 0 || lambda__buffer_append(base, body, ",", 1)) &&
                  lambda__json_string(base, body, json_string_value(line), json_string_length(line));
    }
    return written && lambda__buffer_append(base, body, "]}", 2);
}
