#include "destination/record.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/error.h"
#include "destination/json_text.h"
#include "event/event.h"

static bool append(lambda__base *base, lambda__buffer *buffer, const char *text)
{
    return lambda__buffer_append(base, buffer, text, strlen(text));
}

static bool append_string(lambda__base *base, lambda__buffer *buffer, const char *text)
{
    return lambda__json_string(base, buffer, text, strlen(text));
}

static bool append_timestamp(lambda__base *base, lambda__buffer *buffer, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    struct tm utc;
    char date[40] = "";
    char text[64];
    if (gmtime_r(&seconds, &utc)) strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof(text), "\"%s.%03uZ\"", date, (unsigned)(wall_ns / 1000000 % 1000));
    return append(base, buffer, text);
}

/** `"NAMEPayload":` and the payload, with its encoding behind it where it is no JSON. */
static bool append_payload(lambda__base *base, lambda__buffer *buffer, const char *name, lambda_bytes payload)
{
    const char *encoding = "base64";
    bool done = append(base, buffer, "\"") && append(base, buffer, name) && append(base, buffer, "Payload\":");
    if (!done) return false;
    switch (lambda__json_check(payload, LAMBDA__JSON_DEPTH_MAX)) {
    case LAMBDA__JSON_NO_MEMORY:
        return false;
    case LAMBDA__JSON_VALID:
        return lambda__buffer_append(base, buffer, payload.data, payload.length);
    case LAMBDA__JSON_INVALID:
        break;
    }
    if (lambda__utf8_valid(payload.data, payload.length)) {
        encoding = "text";
        done = lambda__json_string(base, buffer, payload.data, payload.length);
    } else {
        done = lambda__json_base64(base, buffer, payload);
    }
    return done && append(base, buffer, ",\"") && append(base, buffer, name) &&
           append(base, buffer, "PayloadEncoding\":\"") && append(base, buffer, encoding) && append(base, buffer, "\"");
}

/** "arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME" has six colons; a seventh is the qualifier's. */
static bool is_unqualified(const char *arn)
{
    int colons = 0;
    for (; *arn; arn++)
        colons += *arn == ':';
    return colons == 6;
}

static bool append_request(lambda__base *base, lambda__buffer *buffer, const lambda__record *record)
{
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(record->request_id, id);
    bool done = append(base, buffer, "\"requestContext\":{\"requestId\":\"") && append(base, buffer, id) &&
                append(base, buffer, "\",\"functionArn\":") && append_string(base, buffer, record->function_arn);
    if (done && is_unqualified(record->function_arn)) {
        buffer->length--; /* the string goes on */
        done = append(base, buffer, ":$LATEST\"");
    }
    return done && append(base, buffer, ",\"condition\":") && append_string(base, buffer, record->condition) &&
           append(base, buffer, ",\"approximateInvokeCount\":") &&
           lambda__json_integer(base, buffer, record->invoke_count) && append(base, buffer, "},") &&
           append_payload(base, buffer, "request", record->request);
}

static bool append_response(lambda__base *base, lambda__buffer *buffer, const lambda__record *record)
{
    bool done = append(base, buffer, ",\"responseContext\":{\"statusCode\":") &&
                lambda__json_integer(base, buffer, record->status_code) &&
                append(base, buffer, ",\"executedVersion\":") && append_string(base, buffer, record->executed_version);
    if (done && record->function_error)
        done = append(base, buffer, ",\"functionError\":") && append_string(base, buffer, record->function_error);
    lambda_bytes response = record->response.length > 0 ? record->response : LAMBDA_JSON("null");
    return done && append(base, buffer, "},") && append_payload(base, buffer, "response", response);
}

bool lambda__record_render(lambda__base *base, const lambda__record *record, lambda__buffer *buffer)
{
    const size_t before = buffer->length;
    bool done = append(base, buffer, "{\"version\":\"1.0\",\"timestamp\":") &&
                append_timestamp(base, buffer, record->wall_ns) && append(base, buffer, ",") &&
                append_request(base, buffer, record);
    if (done && record->ran) done = append_response(base, buffer, record);
    done = done && append(base, buffer, "}");
    if (!done) buffer->length = before;
    return done;
}

/* ---- reading one back */

bool lambda__request_id_parse(const char *text, size_t length, lambda_request_id *id)
{
    uint64_t words[2] = {0, 0};
    int count = 0;
    if (length != LAMBDA_REQUEST_ID_SIZE - 1) return false;
    for (size_t i = 0; i < length; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') return false;
            continue;
        }
        int digit = lambda__hex_value(text[i]);
        if (digit < 0) return false;
        words[count / 16] = words[count / 16] << 4 | (uint64_t)digit;
        count++;
    }
    id->high = words[0];
    id->low = words[1];
    return true;
}

bool lambda__record_request_id(lambda_bytes record, lambda_request_id *id)
{
    lambda_bytes context;
    lambda_bytes value;
    char text[64];
    size_t length;
    return lambda__json_member(record, "requestContext", &context) &&
           lambda__json_member(context, "requestId", &value) && value.length <= sizeof(text) &&
           lambda__json_decode(value, text, &length) && lambda__request_id_parse(text, length, id);
}

/** What one member of a record gave. */
typedef enum taken { TAKEN, NOT_THERE, NO_MEMORY } taken;

/** Appends what a string stands for. */
static taken take_string(lambda__base *base, lambda_bytes value, lambda__buffer *buffer)
{
    size_t length;
    if (!lambda__buffer_reserve(base, buffer, value.length)) return NO_MEMORY;
    bool decoded = lambda__json_decode(value, buffer->data + buffer->length, &length);
    if (decoded) buffer->length += length;
    buffer->data[buffer->length] = '\0';
    return decoded ? TAKEN : NOT_THERE;
}

static taken take_payload(lambda__base *base, lambda_bytes record, lambda__buffer *payload)
{
    lambda_bytes value;
    lambda_bytes encoding;
    if (!lambda__json_member(record, "requestPayload", &value)) return NOT_THERE;
    if (!lambda__json_member(record, "requestPayloadEncoding", &encoding))
        return lambda__buffer_append(base, payload, value.data, value.length) ? TAKEN : NO_MEMORY;
    const size_t before = payload->length;
    taken result = take_string(base, value, payload);
    if (result != TAKEN) return result;
    if (encoding.length == 6 && memcmp(encoding.data, "\"text\"", 6) == 0) return TAKEN;
    size_t length;
    bool decoded =
        encoding.length == 8 && memcmp(encoding.data, "\"base64\"", 8) == 0 &&
        lambda__base64_decode(payload->data + before, payload->length - before, payload->data + before, &length);
    payload->length = decoded ? before + length : before;
    payload->data[payload->length] = '\0';
    return decoded ? TAKEN : NOT_THERE;
}

static taken take_arn(lambda__base *base, lambda_bytes record, lambda__buffer *arn)
{
    lambda_bytes context;
    lambda_bytes value;
    if (!lambda__json_member(record, "requestContext", &context)) return NOT_THERE;
    if (!lambda__json_member(context, "functionArn", &value)) return NOT_THERE;
    const size_t before = arn->length;
    taken result = take_string(base, value, arn);
    /* It is used as a C string. */
    if (result != TAKEN || !memchr(arn->data + before, '\0', arn->length - before)) return result;
    arn->length = before;
    return NOT_THERE;
}

lambda_status lambda__record_request(lambda_t *lambda, lambda_bytes record, lambda__buffer *payload,
                                     lambda__buffer *function_arn)
{
    lambda__base *base = &lambda->base;
    const size_t before = payload ? payload->length : 0;
    taken result = payload ? take_payload(base, record, payload) : TAKEN;
    const char *missing = "requestPayload";
    if (result == TAKEN && function_arn) {
        missing = "requestContext.functionArn";
        result = take_arn(base, record, function_arn);
    }
    if (result == TAKEN) return LAMBDA_OK;
    if (payload) payload->length = before;
    if (result == NO_MEMORY) return lambda__out_of_memory(base);
    return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "record: has no %s that can be read", missing);
}
