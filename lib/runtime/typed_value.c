/* Values between JSON and C: every conversion is checked, nothing wraps. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "runtime/typed.h"

/* ---- messages */

static size_t write_path(const lambda__typed_path *path, char *text, size_t size)
{
    size_t used = path->parent ? write_path(path->parent, text, size) : 0;
    int length = path->name.text ? snprintf(text + used, size - used, "%s%.*s", used > 0 ? "." : "",
                                            (int)path->name.length, path->name.text)
                                 : snprintf(text + used, size - used, "[%zu]", path->index);
    return length < 0 || used + (size_t)length >= size ? size - 1 : used + (size_t)length;
}

lambda_status lambda__typed_refuse(lambda__base *base, const lambda__typed_path *path, const char *reason)
{
    char place[200] = "";
    write_path(path, place, sizeof(place));
    return lambda__fail(base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "event: field \"%s\": %s", place, reason);
}

static lambda_status expected(lambda__base *base, const lambda__typed_path *path, const char *wanted,
                              const json_t *json)
{
    static const char *const names[] = {"object", "array", "string", "integer", "real", "true", "false", "null"};
    char reason[80];
    snprintf(reason, sizeof(reason), "expected %s, got %s", wanted, names[json_typeof(json)]);
    return lambda__typed_refuse(base, path, reason);
}

static lambda_status does_not_fit(lambda__base *base, const lambda__typed_path *path, const lambda__typed_type *type,
                                  long long value)
{
    char reason[100];
    snprintf(reason, sizeof(reason), "%lld does not fit into %s integer of %d bits", value,
             type->kind == LAMBDA__TYPED_UNSIGNED ? "an unsigned" : "a signed", type->size * 8);
    return lambda__typed_refuse(base, path, reason);
}

/* ---- reading */

/** Stores the low bytes of an integer that fits. */
static void store(void *to, uint64_t value, uint8_t size)
{
    uint8_t v8 = (uint8_t)value;
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;
    if (size == 1)
        memcpy(to, &v8, 1);
    else if (size == 2)
        memcpy(to, &v16, 2);
    else if (size == 4)
        memcpy(to, &v32, 4);
    else
        memcpy(to, &value, 8);
}

static lambda_status read_integer(lambda__base *base, const lambda__typed_type *type, const json_t *json, void *to,
                                  const lambda__typed_path *path)
{
    double real = json_real_value(json);
    long long value = json_integer_value(json);
    if (json_is_real(json)) {
        /* JSON does not tell 3 from 3.0. Beyond 2^53 a real may stand for several integers. */
        if (real != floor(real)) return lambda__typed_refuse(base, path, "expected integer, got a fraction");
        if (fabs(real) > 9007199254740992.0)
            return lambda__typed_refuse(base, path, "the real number is too large to be an exact integer");
        value = (long long)real;
    } else if (!json_is_integer(json)) {
        return expected(base, path, "integer", json);
    }
    int bits = type->size * 8;
    bool fits = type->kind == LAMBDA__TYPED_UNSIGNED
                    ? value >= 0 && (bits == 64 || (unsigned long long)value >> bits == 0)
                    : bits == 64 || (value >= -(1LL << (bits - 1)) && value < 1LL << (bits - 1));
    if (!fits) return does_not_fit(base, path, type, value);
    store(to, (uint64_t)value, type->size);
    return LAMBDA_OK;
}

static lambda_status read_real(lambda__base *base, const lambda__typed_type *type, const json_t *json, void *to,
                               const lambda__typed_path *path)
{
    if (!json_is_number(json)) return expected(base, path, "number", json);
    double value = json_number_value(json);
    if (json_is_integer(json) &&
        (fabs(value) >= 9223372036854775808.0 || (json_int_t)value != json_integer_value(json)))
        return lambda__typed_refuse(base, path, "the integer is not exact as a real number");
    if (type->kind == LAMBDA__TYPED_DOUBLE) {
        memcpy(to, &value, sizeof(value));
        return LAMBDA_OK;
    }
    float narrow = (float)value;
    if (isinf(narrow)) return lambda__typed_refuse(base, path, "the number does not fit into a float");
    memcpy(to, &narrow, sizeof(narrow));
    return LAMBDA_OK;
}

/** One ASCII character, or its number. */
static lambda_status read_char(lambda__base *base, const json_t *json, void *to, const lambda__typed_path *path)
{
    const lambda__typed_type number = {.kind = (char)-1 < 0 ? LAMBDA__TYPED_SIGNED : LAMBDA__TYPED_UNSIGNED, .size = 1};
    if (!json_is_string(json)) return read_integer(base, &number, json, to, path);
    const char *text = json_string_value(json);
    if (json_string_length(json) != 1 || (unsigned char)text[0] >= 0x80)
        return lambda__typed_refuse(base, path, "expected a string of one ASCII character");
    memcpy(to, text, 1);
    return LAMBDA_OK;
}

static lambda_status read_string(lambda__base *base, const json_t *json, void *to, const lambda__typed_path *path)
{
    const char *text = NULL;
    if (!json_is_null(json)) {
        if (!json_is_string(json)) return expected(base, path, "string or null", json);
        text = json_string_value(json);
    }
    memcpy(to, &text, sizeof(text));
    return LAMBDA_OK;
}

static lambda_status read_member(lambda__base *base, const lambda__typed_member *member, const json_t *json, char *to,
                                 const lambda__typed_path *path)
{
    if (member->count == 0) return lambda__typed_read(base, &member->type, json, to, path);
    if (!json_is_array(json)) return expected(base, path, "array", json);
    if (json_array_size(json) != member->count) {
        char reason[80];
        snprintf(reason, sizeof(reason), "expected %zu elements, got %zu", member->count, json_array_size(json));
        return lambda__typed_refuse(base, path, reason);
    }
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < member->count && status == LAMBDA_OK; i++)
        status = lambda__typed_read(base, &member->type, json_array_get(json, i), to + i * member->type.ffi->size,
                                    &(lambda__typed_path){.parent = path, .index = i});
    return status;
}

lambda_status lambda__typed_read_struct(lambda__base *base, const lambda__typed_struct *structure, const json_t *json,
                                        void *to, const lambda__typed_path *path)
{
    if (!json_is_object(json)) return expected(base, path, "object", json);
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < structure->members_count && status == LAMBDA_OK; i++) {
        const lambda__typed_member *member = &structure->members[i];
        lambda__typed_path inner = {.parent = path, .name = member->name};
        const json_t *value = json_object_getn(json, member->name.text, member->name.length);
        status = value ? read_member(base, member, value, (char *)to + member->offset, &inner)
                       : lambda__typed_refuse(base, &inner, "is missing");
    }
    if (status != LAMBDA_OK || json_object_size(json) == structure->members_count) return status;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        size_t i = 0;
        while (i < structure->members_count && (strlen(key) != structure->members[i].name.length ||
                                                memcmp(key, structure->members[i].name.text, strlen(key)) != 0))
            i++;
        if (i < structure->members_count) continue;
        return lambda__typed_refuse(base, &(lambda__typed_path){.parent = path, .name = {key, strlen(key)}},
                                    "is not a member");
    }
    return status;
}

lambda_status lambda__typed_read(lambda__base *base, const lambda__typed_type *type, const json_t *json, void *to,
                                 const lambda__typed_path *path)
{
    bool truth = json_is_true(json);
    switch (type->kind) {
    case LAMBDA__TYPED_BOOL:
        if (!json_is_boolean(json)) return expected(base, path, "true or false", json);
        memcpy(to, &truth, sizeof(truth));
        return LAMBDA_OK;
    case LAMBDA__TYPED_CHAR:
        return read_char(base, json, to, path);
    case LAMBDA__TYPED_FLOAT:
    case LAMBDA__TYPED_DOUBLE:
        return read_real(base, type, json, to, path);
    case LAMBDA__TYPED_STRING:
        return read_string(base, json, to, path);
    case LAMBDA__TYPED_STRUCT:
        return lambda__typed_read_struct(base, type->structure, json, to, path);
    default:
        return read_integer(base, type, json, to, path);
    }
}

/* ---- writing */

static lambda_status bad_result(lambda_response *response, const char *message)
{
    lambda_status status = lambda_response_error(response, "Function.InvalidResult", message);
    return status == LAMBDA_OK ? LAMBDA_ERROR_SERVICE : status;
}

static lambda_status append(lambda_response *response, const char *text, size_t length)
{
    return lambda__response_append(response, text, length);
}

static lambda_status written(lambda_response *response, bool complete)
{
    return complete ? append(response, "", 0) : lambda__out_of_memory(&response->lambda->base);
}

static uint64_t load(const void *from, uint8_t size)
{
    uint8_t v8;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;
    if (size == 1) return memcpy(&v8, from, 1), v8;
    if (size == 2) return memcpy(&v16, from, 2), v16;
    if (size == 4) return memcpy(&v32, from, 4), v32;
    return memcpy(&v64, from, 8), v64;
}

static lambda_status write_integer(lambda_response *response, const lambda__typed_type *type, const void *from)
{
    uint64_t value = load(from, type->size);
    if (type->kind == LAMBDA__TYPED_UNSIGNED && value > INT64_MAX) {
        char text[24];
        int length = snprintf(text, sizeof(text), "%" PRIu64, value);
        return append(response, text, (size_t)length);
    }
    uint64_t sign = UINT64_C(1) << (type->size * 8 - 1);
    if (type->kind != LAMBDA__TYPED_UNSIGNED) value = (value ^ sign) - sign;
    return written(response, lambda__json_integer(&response->lambda->base, &response->body, (long long)value));
}

static lambda_status write_real(lambda_response *response, double value)
{
    if (!isfinite(value)) return bad_result(response, "the function's result is NaN or infinite, which JSON has not");
    return written(response, lambda__json_real(&response->lambda->base, &response->body, value));
}

static lambda_status write_text(lambda_response *response, const char *text)
{
    if (!text) return append(response, "null", 4);
    size_t length = strlen(text);
    if (!lambda__utf8_valid(text, length)) return bad_result(response, "the function's result is not UTF-8");
    return written(response, lambda__json_string(&response->lambda->base, &response->body, text, length));
}

static lambda_status write_char(lambda_response *response, const void *from)
{
    static const lambda__typed_type number = {.kind = LAMBDA__TYPED_SIGNED, .size = 1};
    static const lambda__typed_type positive = {.kind = LAMBDA__TYPED_UNSIGNED, .size = 1};
    char text[2] = {*(const char *)from, '\0'};
    if (text[0] > 0) return write_text(response, text);
    return write_integer(response, (char)-1 < 0 ? &number : &positive, from);
}

static lambda_status write_member(lambda_response *response, const lambda__typed_member *member, const char *from)
{
    if (member->count == 0) return lambda__typed_write(response, &member->type, from);
    lambda_status status = append(response, "[", 1);
    for (size_t i = 0; i < member->count && status == LAMBDA_OK; i++) {
        if (i > 0) status = append(response, ",", 1);
        if (status == LAMBDA_OK)
            status = lambda__typed_write(response, &member->type, from + i * member->type.ffi->size);
    }
    return status == LAMBDA_OK ? append(response, "]", 1) : status;
}

static lambda_status write_struct(lambda_response *response, const lambda__typed_struct *structure, const char *from)
{
    lambda_status status = append(response, "{", 1);
    for (size_t i = 0; i < structure->members_count && status == LAMBDA_OK; i++) {
        const lambda__typed_member *member = &structure->members[i];
        status = append(response, i > 0 ? ",\"" : "\"", i > 0 ? 2 : 1);
        if (status == LAMBDA_OK) status = append(response, member->name.text, member->name.length);
        if (status == LAMBDA_OK) status = append(response, "\":", 2);
        if (status == LAMBDA_OK) status = write_member(response, member, from + member->offset);
    }
    return status == LAMBDA_OK ? append(response, "}", 1) : status;
}

lambda_status lambda__typed_write(lambda_response *response, const lambda__typed_type *type, const void *from)
{
    bool truth;
    float narrow;
    double real;
    const char *text;
    switch (type->kind) {
    case LAMBDA__TYPED_VOID:
        return append(response, "null", 4);
    case LAMBDA__TYPED_BOOL:
        memcpy(&truth, from, sizeof(truth));
        return truth ? append(response, "true", 4) : append(response, "false", 5);
    case LAMBDA__TYPED_CHAR:
        return write_char(response, from);
    case LAMBDA__TYPED_FLOAT:
        memcpy(&narrow, from, sizeof(narrow));
        return write_real(response, (double)narrow);
    case LAMBDA__TYPED_DOUBLE:
        memcpy(&real, from, sizeof(real));
        return write_real(response, real);
    case LAMBDA__TYPED_STRING:
        memcpy(&text, from, sizeof(text));
        return write_text(response, text);
    case LAMBDA__TYPED_STRUCT:
        return write_struct(response, type->structure, from);
    default:
        return write_integer(response, type, from);
    }
}
