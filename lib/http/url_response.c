/* What functions answer, as HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "header_text.h"
#include "json_scan.h"
#include "url.h"
#include "url_answer.h"

/* Headers that a function may give; the rest of the room is for CORS. */
#define FUNCTION_HEADERS (LAMBDA__URL_HEADERS - 16)

void lambda__url_answer_reset(lambda__url_answer *answer)
{
    for (size_t i = 0; i < answer->strings_count; i++) {
        free(answer->strings[i]);
    }
    json_decref(answer->root);
    answer->root = NULL;
    answer->strings_count = 0;
    answer->headers_count = 0;
    answer->status = 0;
    answer->body = "";
    answer->body_length = 0;
    answer->text.length = 0;
    answer->text.failed = false;
}

void lambda__url_answer_clear(lambda__url_answer *answer)
{
    lambda__url_answer_reset(answer);
    lambda__url_text_free(&answer->text);
}

void lambda__url_answer_without(lambda__url_answer *answer, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < answer->headers_count; i++) {
        if (strcasecmp(answer->headers[i].name, name) != 0) {
            answer->headers[kept++] = answer->headers[i];
        }
    }
    answer->headers_count = kept;
}

bool lambda__url_answer_borrow(lambda__url_answer *answer, const char *name, const char *value)
{
    if (answer->headers_count == LAMBDA__URL_HEADERS) {
        return false;
    }
    answer->headers[answer->headers_count++] = (lambda__header){name, value};
    return true;
}

lambda_status lambda__url_answer_header(lambda__url_answer *answer, const char *name, const char *value, bool replace)
{
    if (replace) {
        lambda__url_answer_without(answer, name);
    }
    if (answer->strings_count == LAMBDA__URL_HEADERS || answer->headers_count == LAMBDA__URL_HEADERS) {
        return LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    }
    size_t name_size = strlen(name) + 1;
    size_t value_size = strlen(value) + 1;
    char *copy = malloc(name_size + value_size);
    if (!copy) {
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    memcpy(copy, name, name_size);
    memcpy(copy + name_size, value, value_size);
    answer->strings[answer->strings_count++] = copy;
    lambda__url_answer_borrow(answer, copy, copy + name_size);
    return LAMBDA_OK;
}

/* ---- answers of the server's own */

static void answer_static(lambda__url_answer *answer, int status, const char *error_type, const char *body)
{
    lambda__url_answer_reset(answer);
    answer->status = status;
    lambda__url_answer_borrow(answer, "Content-Type", "application/json");
    if (error_type) {
        lambda__url_answer_borrow(answer, "X-Amzn-ErrorType", error_type);
    }
    answer->body = body;
    answer->body_length = strlen(body);
}

void lambda__url_answer_bad(lambda__url_answer *answer)
{
    answer_static(answer, 502, NULL, "Internal Server Error");
}

void lambda__url_answer_message(lambda__url_answer *answer, int status, const char *error_type, const char *message)
{
    answer_static(answer, status, error_type, "");
    lambda__url_text_string(&answer->text, "{\"Message\":\"");
    lambda__url_text_escaped(&answer->text, message, strlen(message));
    lambda__url_text_string(&answer->text, "\"}");
    if (!answer->text.failed) {
        answer->body = answer->text.data;
        answer->body_length = answer->text.length;
    }
}

void lambda__url_answer_forbidden(lambda__url_answer *answer)
{
    answer_static(answer, 403, "AccessDeniedException",
                  "{\"Message\":\"Forbidden. For troubleshooting Function URL authorization issues, see: "
                  "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html\"}");
}

static void answer_throttled(lambda__url_answer *answer, const char *reason)
{
    answer_static(answer, 429, "TooManyRequestsException", "");
    if (reason) {
        lambda__url_text_string(&answer->text, "{\"Reason\":\"");
        lambda__url_text_string(&answer->text, reason);
        lambda__url_text_string(&answer->text, "\",");
    } else {
        lambda__url_text_string(&answer->text, "{");
    }
    lambda__url_text_string(&answer->text, "\"Type\":\"User\",\"message\":\"Rate Exceeded.\"}");
    if (!answer->text.failed) {
        answer->body = answer->text.data;
        answer->body_length = answer->text.length;
    }
}

void lambda__url_answer_failed(lambda__url_answer *answer, lambda_status status, const char *throttle_reason)
{
    switch (status) {
    case LAMBDA_OK:
        lambda__url_answer_bad(answer);
        break;
    case LAMBDA_ERROR_TOO_MANY_REQUESTS:
        answer_throttled(answer, throttle_reason);
        break;
    case LAMBDA_ERROR_REQUEST_TOO_LARGE:
        lambda__url_answer_message(answer, 413, "RequestEntityTooLargeException", "Request Entity Too Large");
        break;
    case LAMBDA_ERROR_RESOURCE_NOT_FOUND:
        lambda__url_answer_message(answer, 404, "ResourceNotFoundException", "Not Found");
        break;
    default:
        answer_static(answer, 500, NULL, "Internal Server Error");
    }
}

/* ---- what the function says */

/* Headers of a connection, of a message's length and the request's id are the server's to say. */
static bool belongs_to_connection(const char *name)
{
    static const char transfer_codings[] = {'t', 'e', '\0'}; /* its name, which the spelling check takes for a word */
    static const char *const names[] = {
        "connection",          "content-length",   "keep-alive",      "proxy-authenticate",
        "proxy-authorization", "proxy-connection", transfer_codings,  "trailer",
        "transfer-encoding",   "upgrade",          "x-amzn-requestid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strcasecmp(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* False: the answer is not valid. */
static bool take_header(lambda__url_answer *answer, const char *name, const json_t *value, lambda_status *status)
{
    char number[32];
    const char *text = json_string_value(value);
    if (json_is_boolean(value)) {
        text = json_is_true(value) ? "true" : "false";
    } else if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = number;
    } else if (json_is_real(value)) {
        snprintf(number, sizeof number, "%.17g", json_real_value(value));
        text = number;
    }
    if (!text || !lambda__is_token(name, strlen(name)) ||
        !lambda__is_field_value(text, json_is_string(value) ? json_string_length(value) : strlen(text))) {
        return false;
    }
    if (belongs_to_connection(name)) {
        return true;
    }
    if (answer->headers_count >= FUNCTION_HEADERS) {
        return false;
    }
    if (text == number) {
        *status = lambda__url_answer_header(answer, name, text, false);
        return true;
    }
    return lambda__url_answer_borrow(answer, name, text);
}

static bool has_header(const lambda__url_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->headers_count; i++) {
        if (!strcasecmp(answer->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* A member that is null is as one that is not there. */
static json_t *member(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

bool lambda__url_answer_head(lambda__url_answer *answer, json_t *object, lambda_status *status)
{
    const json_t *code = member(object, "statusCode");
    json_t *headers = member(object, "headers");
    const json_t *cookies = member(object, "cookies");
    /* As a real number: so it may have been written, or read. */
    double number = code ? json_number_value(code) : 200;
    if ((code && !json_is_number(code)) || !(number >= 200 && number <= 599) || number != (int)number ||
        (headers && !json_is_object(headers)) || (cookies && !json_is_array(cookies))) {
        return false;
    }
    answer->status = (int)number;
    const char *name;
    json_t *value;
    json_object_foreach(headers, name, value)
    {
        if (!take_header(answer, name, value, status)) {
            return false;
        }
    }
    for (size_t i = 0; i < json_array_size(cookies); i++) {
        const json_t *cookie = json_array_get(cookies, i);
        if (!json_is_string(cookie) || !take_header(answer, "Set-Cookie", cookie, status)) {
            return false;
        }
    }
    if (!has_header(answer, "content-type")) {
        lambda__url_answer_borrow(answer, "Content-Type", "application/json");
    }
    return true;
}

/* False: the answer is not valid. */
static bool take_body(lambda__url_answer *answer, const json_t *object)
{
    const json_t *body = member(object, "body");
    const json_t *encoded = member(object, "isBase64Encoded");
    if ((body && !json_is_string(body)) || (encoded && !json_is_boolean(encoded))) {
        return false;
    }
    if (!body || answer->status == 204 || answer->status == 304) {
        return true;
    }
    answer->body = json_string_value(body);
    answer->body_length = json_string_length(body);
    if (json_is_true(encoded)) {
        if (!lambda__url_text_unbase64(&answer->text, answer->body, answer->body_length)) {
            return false;
        }
        answer->body = answer->text.length ? answer->text.data : "";
        answer->body_length = answer->text.length;
    }
    return true;
}

static void answer_inferred(lambda__url_answer *answer, lambda_bytes payload)
{
    answer->status = 200;
    lambda__url_answer_borrow(answer, "Content-Type", "application/json");
    if (json_is_string(answer->root)) {
        answer->body = json_string_value(answer->root);
        answer->body_length = json_string_length(answer->root);
    } else if (payload.length) {
        answer->body = payload.data;
        answer->body_length = payload.length;
    }
}

json_t *lambda__url_answer_read(lambda_bytes text, json_error_t *error)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *json = json_loadb(text.data, text.length, flags, error);
    if (json || json_error_code(error) != json_error_numeric_overflow) return json;
    /* An integer of more digits than jansson's have. */
    return json_loadb(text.data, text.length, flags | JSON_DECODE_INT_AS_REAL, error);
}

/* JSON that jansson cannot hold, and that says nothing of a status: it goes out as it is. */
static bool is_other_json(lambda_bytes payload)
{
    char why[96];
    return lambda__json_scan(payload, why) && !memmem(payload.data, payload.length, "\"statusCode\"", 12);
}

/* Does it need no tree? That is no object, which may say a status; and no string with escapes. */
static bool is_plain(lambda_bytes payload)
{
    const char *text = payload.data;
    char why[96];
    bool string =
        text[0] == '"' && payload.length >= 2 && text[payload.length - 1] == '"' && !memchr(text, '\\', payload.length);
    return (string || (text[0] != '\0' && strchr("[-0123456789tfn", text[0]))) && lambda__json_scan(payload, why);
}

lambda_status lambda__url_response(lambda_bytes payload, lambda__url_answer *answer)
{
    lambda__url_answer_reset(answer);
    if (!payload.length || is_plain(payload)) {
        bool string = payload.length && *(const char *)payload.data == '"';
        answer_inferred(answer,
                        string ? lambda_bytes_make((const char *)payload.data + 1, payload.length - 2) : payload);
        return LAMBDA_OK;
    }
    json_error_t error = {0};
    answer->root = lambda__url_answer_read(payload, &error);
    if (!answer->root) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            return LAMBDA_ERROR_OUT_OF_MEMORY;
        }
        if (is_other_json(payload)) {
            answer_inferred(answer, payload);
        } else {
            lambda__url_answer_bad(answer);
        }
        return LAMBDA_OK;
    }
    if (!member(answer->root, "statusCode")) {
        answer_inferred(answer, payload);
        return LAMBDA_OK;
    }
    lambda_status status = LAMBDA_OK;
    bool good = lambda__url_answer_head(answer, answer->root, &status) && take_body(answer, answer->root);
    if (answer->text.failed || status) {
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    if (!good) {
        lambda__url_answer_bad(answer);
    }
    return LAMBDA_OK;
}
