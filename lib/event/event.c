/* The event: parsed once, at the first question. Handlers see it const; what is kept in it is theirs alone. */
#include "event/event.h"

#include <limits.h>
#include <string.h>

#include "base/error.h"

#define INVALID LAMBDA_ERROR_INVALID_REQUEST_CONTENT

lambda_bytes lambda_event_payload(const lambda_event *event)
{
    return event ? event->payload : lambda_bytes_make(NULL, 0);
}

static bool is_blank(lambda_bytes payload)
{
    const char *data = payload.data;
    for (size_t i = 0; i < payload.length; i++)
        if (data[i] != ' ' && data[i] != '\t' && data[i] != '\r' && data[i] != '\n') return false;
    return true;
}

static lambda_status parse(lambda_event *event)
{
    lambda__base *base = &event->lambda->base;
    json_error_t error = {.position = 0};
    bool blank = is_blank(event->payload);
    event->json =
        blank ? json_object() : json_loadb(event->payload.data, event->payload.length, JSON_DECODE_ANY, &error);
    if (event->json) return LAMBDA_OK;
    if (blank || json_error_code(&error) == json_error_out_of_memory) return lambda__out_of_memory(base);
    return lambda__fail(base, INVALID, "event: is not JSON: %s, at line %d, column %d", error.text, error.line,
                        error.column);
}

lambda_status lambda_event_json(const lambda_event *event, json_t **json)
{
    lambda__base *base = event ? &event->lambda->base : NULL;
    if (json) *json = NULL;
    if (!event || !json)
        return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL", event ? "json" : "event");
    lambda_event *own = (lambda_event *)(uintptr_t)event;
    lambda_status status = own->json ? LAMBDA_OK : parse(own);
    *json = own->json;
    return status;
}

/* ---- unpacking: formats of one flat object are read here, which names the field that is wrong; all others by jansson */

static const char *skip(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == ',' || *at == ':')
        at++;
    return at;
}

/** True for "{s:T, s?T, ...}" with T one of i I f F b s o O. */
static bool is_flat(const char *format)
{
    const char *at = skip(format);
    if (*at++ != '{') return false;
    for (at = skip(at); *at == 's'; at = skip(at)) {
        at++;
        if (*at == '?') at++;
        at = skip(at);
        if (*at == '\0' || !strchr("iIfFbsoO", *at)) return false;
        at++;
        if (*at == '%') return false;
    }
    return *at == '}' && *skip(at + 1) == '\0';
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {"object", "array", "string", "integer", "real", "true", "false", "null"};
    return names[json_typeof(value)];
}

static lambda_status wrong_type(const lambda_event *event, const char *field, const char *wanted, const json_t *value)
{
    return lambda__fail(&event->lambda->base, INVALID, "event: field \"%s\": expected %s, got %s", field, wanted,
                        type_name(value));
}

/** Where a value goes: the pointer that the caller gave, by the type that its letter says. */
static lambda_status unpack_value(const lambda_event *event, const char *field, char type, json_t *value, void *to)
{
    json_int_t integer = json_integer_value(value);
    switch (type) {
    case 'i':
        if (!json_is_integer(value)) return wrong_type(event, field, "integer", value);
        if (integer < INT_MIN || integer > INT_MAX)
            return lambda__fail(&event->lambda->base, INVALID, "event: field \"%s\": %lld does not fit into an int",
                                field, (long long)integer);
        *(int *)to = (int)integer;
        return LAMBDA_OK;
    case 'I':
        if (!json_is_integer(value)) return wrong_type(event, field, "integer", value);
        *(json_int_t *)to = integer;
        return LAMBDA_OK;
    case 'f':
        if (!json_is_real(value)) return wrong_type(event, field, "real", value);
        *(double *)to = json_real_value(value);
        return LAMBDA_OK;
    case 'F':
        if (!json_is_number(value)) return wrong_type(event, field, "number", value);
        *(double *)to = json_number_value(value);
        return LAMBDA_OK;
    case 'b':
        if (!json_is_boolean(value)) return wrong_type(event, field, "true or false", value);
        *(int *)to = json_is_true(value);
        return LAMBDA_OK;
    case 's':
        if (!json_is_string(value)) return wrong_type(event, field, "string", value);
        *(const char **)to = json_string_value(value);
        return LAMBDA_OK;
    default:
        *(json_t **)to = type == 'O' ? json_incref(value) : value;
        return LAMBDA_OK;
    }
}

static lambda_status unpack_flat(const lambda_event *event, json_t *json, const char *format, va_list arguments)
{
    if (!json_is_object(json))
        return lambda__fail(&event->lambda->base, INVALID, "event: expected object, got %s", type_name(json));
    for (const char *at = skip(skip(format) + 1); *at == 's'; at = skip(at + 1)) {
        bool optional = at[1] == '?';
        at = skip(at + 1 + optional);
        const char *field = va_arg(arguments, const char *);
        void *to = va_arg(arguments, void *);
        if (!field || !to)
            return lambda__fail(&event->lambda->base, INVALID, "event: a field's name or place in unpack is NULL");
        json_t *value = json_object_get(json, field);
        if (!value && optional) continue;
        if (!value) return lambda__fail(&event->lambda->base, INVALID, "event: field \"%s\" is missing", field);
        lambda_status status = unpack_value(event, field, *at, value, to);
        if (status != LAMBDA_OK) return status;
    }
    return LAMBDA_OK;
}

static lambda_status unpack_any(const lambda_event *event, json_t *json, const char *format, va_list arguments)
{
    json_error_t error;
    if (json_vunpack_ex(json, &error, 0, format, arguments) == 0) return LAMBDA_OK;
    if (json_error_code(&error) == json_error_out_of_memory) return lambda__out_of_memory(&event->lambda->base);
    return lambda__fail(&event->lambda->base, INVALID, "event: %s, at character %d of \"%.100s\"", error.text,
                        error.column, format);
}

lambda_status lambda_event_unpack(const lambda_event *event, const char *format, ...)
{
    if (!event || !format)
        return lambda__fail(event ? &event->lambda->base : NULL, INVALID, "%s: is NULL", event ? "format" : "event");
    json_t *json = NULL;
    lambda_status status = lambda_event_json(event, &json);
    if (status != LAMBDA_OK) return status;
    va_list arguments;
    va_start(arguments, format);
    status = is_flat(format) ? unpack_flat(event, json, format, arguments) : unpack_any(event, json, format, arguments);
    va_end(arguments);
    return status;
}
