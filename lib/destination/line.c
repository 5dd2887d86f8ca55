#include "destination/line.h"

#include <string.h>

#include "base/digest.h"
#include "destination/json_text.h"
#include "destination/record.h"
#include "event/event.h"

static const char *const kinds[] = {"OnSuccess", "OnFailure", "DeadLetter"};

/* ---- writing */

static bool append(lambda__base *base, lambda__buffer *buffer, const char *text)
{
    return lambda__buffer_append(base, buffer, text, strlen(text));
}

static bool append_string(lambda__base *base, lambda__buffer *buffer, const char *text)
{
    return lambda__json_string(base, buffer, text, strlen(text));
}

/** In JSON a line end is white space between two tokens, and another will do. */
static bool append_record(lambda__base *base, lambda__buffer *buffer, lambda_bytes record)
{
    const size_t before = buffer->length;
    if (!lambda__buffer_append(base, buffer, record.data, record.length)) return false;
    char *at = buffer->data + before;
    char *end = buffer->data + buffer->length;
    while ((at = memchr(at, '\n', (size_t)(end - at))))
        *at = ' ';
    return true;
}

static bool append_body(lambda__base *base, lambda__buffer *buffer, lambda_bytes body)
{
    if (lambda__utf8_valid(body.data, body.length)) return lambda__json_string(base, buffer, body.data, body.length);
    return append(base, buffer, "{\"base64\":") && lambda__json_base64(base, buffer, body) && append(base, buffer, "}");
}

/** One of SQS's message attributes; those that are empty are left out, as SQS knows none. */
static bool append_attribute(lambda__base *base, lambda__buffer *buffer, const char *name, const char *value,
                             const char *type)
{
    if (!value || !value[0]) return true;
    return append(base, buffer, ",\"") && append(base, buffer, name) && append(base, buffer, "\":{\"stringValue\":") &&
           append_string(base, buffer, value) && append(base, buffer, ",\"dataType\":\"") &&
           append(base, buffer, type) && append(base, buffer, "\"}");
}

static bool append_attributes(lambda__base *base, lambda__buffer *buffer, const lambda_delivery *delivery)
{
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(delivery->request_id, id);
    return append(base, buffer, ",\"messageAttributes\":{\"RequestID\":{\"stringValue\":\"") &&
           append(base, buffer, id) && append(base, buffer, "\",\"dataType\":\"String\"}") &&
           append_attribute(base, buffer, "ErrorCode", delivery->error_code, "Number") &&
           append_attribute(base, buffer, "ErrorMessage", delivery->error_message, "String") &&
           append(base, buffer, "}");
}

bool lambda__line_render(lambda__base *base, const lambda_delivery *delivery, lambda__buffer *buffer)
{
    const size_t before = buffer->length;
    bool done = append(base, buffer, "{\"kind\":\"") && append(base, buffer, kinds[delivery->kind]) &&
                append(base, buffer, "\",\"functionArn\":") && append_string(base, buffer, delivery->function_arn);
    if (done && delivery->kind == LAMBDA_DELIVERY_DEAD_LETTER)
        done = append(base, buffer, ",\"body\":") && append_body(base, buffer, delivery->body) &&
               append_attributes(base, buffer, delivery);
    else if (done)
        done = append(base, buffer, ",\"record\":") && append_record(base, buffer, delivery->body);
    done = done && append(base, buffer, "}");
    if (!done) buffer->length = before;
    return done;
}

/* ---- reading: every text that is decoded goes to `texts`, which has room for all of them from the start */

/** What a string member stands for. False if there is no such member, or it is no string. */
static bool take_bytes(lambda__line *line, lambda_bytes object, const char *name, lambda_bytes *taken)
{
    lambda_bytes value;
    size_t length;
    char *to = line->texts.data + line->texts.length;
    if (!lambda__json_member(object, name, &value) || !lambda__json_decode(value, to, &length)) return false;
    to[length] = '\0';
    line->texts.length += length + 1;
    *taken = lambda_bytes_make(to, length);
    return true;
}

/** The same, as a C string. */
static bool take_text(lambda__line *line, lambda_bytes object, const char *name, const char **taken)
{
    lambda_bytes bytes;
    if (!take_bytes(line, object, name, &bytes) || memchr(bytes.data, '\0', bytes.length)) return false;
    *taken = bytes.data;
    return true;
}

static bool take_kind(lambda__line *line, lambda_bytes object)
{
    const char *kind;
    if (!take_text(line, object, "kind", &kind)) return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        line->delivery.kind = (lambda_delivery_kind)i;
        if (strcmp(kind, kinds[i]) == 0) return true;
    }
    return false;
}

static bool take_body(lambda__line *line, lambda_bytes object)
{
    lambda_bytes value;
    lambda_bytes *body = &line->delivery.body;
    if (!lambda__json_member(object, "body", &value)) return false;
    if (lambda__json_first(value) == '"') return take_bytes(line, object, "body", body);
    if (!take_bytes(line, value, "base64", body)) return false;
    char *decoded = (char *)(uintptr_t)body->data;
    return lambda__base64_decode(decoded, body->length, decoded, &body->length);
}

/** An attribute that may be missing. False if it is there and is none. */
static bool take_optional(lambda__line *line, lambda_bytes attributes, const char *name, const char **taken)
{
    lambda_bytes attribute;
    return !lambda__json_member(attributes, name, &attribute) || take_text(line, attribute, "stringValue", taken);
}

static bool take_dead_letter(lambda__line *line, lambda_bytes object)
{
    lambda_bytes attributes;
    lambda_bytes attribute;
    const char *id;
    return take_body(line, object) && lambda__json_member(object, "messageAttributes", &attributes) &&
           lambda__json_member(attributes, "RequestID", &attribute) && take_text(line, attribute, "stringValue", &id) &&
           lambda__request_id_parse(id, strlen(id), &line->delivery.request_id) &&
           take_optional(line, attributes, "ErrorCode", &line->delivery.error_code) &&
           take_optional(line, attributes, "ErrorMessage", &line->delivery.error_message);
}

static bool take_record(lambda__line *line, lambda_bytes object)
{
    lambda_delivery *delivery = &line->delivery;
    return lambda__json_member(object, "record", &delivery->body) &&
           lambda__record_request_id(delivery->body, &delivery->request_id);
}

lambda__line_verdict lambda__line_parse(lambda__base *base, lambda_bytes text, lambda__line *line)
{
    line->delivery = (lambda_delivery){.target = "", .error_code = "", .error_message = ""};
    line->texts.length = 0;
    switch (lambda__json_check(text, SIZE_MAX)) {
    case LAMBDA__JSON_NO_MEMORY:
        return LAMBDA__LINE_NO_MEMORY;
    case LAMBDA__JSON_INVALID:
        return LAMBDA__LINE_DAMAGED;
    case LAMBDA__JSON_VALID:
        break;
    }
    /* No text is longer than what it is decoded from, and that has two quotes more: room for its NUL. */
    if (!lambda__buffer_reserve(base, &line->texts, text.length)) return LAMBDA__LINE_NO_MEMORY;
    bool read = take_kind(line, text) && take_text(line, text, "functionArn", &line->delivery.function_arn);
    if (read && line->delivery.kind == LAMBDA_DELIVERY_DEAD_LETTER)
        read = take_dead_letter(line, text);
    else if (read)
        read = take_record(line, text);
    return read ? LAMBDA__LINE_DELIVERY : LAMBDA__LINE_DAMAGED;
}

void lambda__line_clear(lambda__base *base, lambda__line *line)
{
    lambda__buffer_clear(base, &line->texts);
}
