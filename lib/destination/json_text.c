#include "destination/json_text.h"

#include <string.h>

#include <jansson.h>

#include "base/digest.h"

#define NOWHERE SIZE_MAX

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static size_t skip_space(lambda_bytes text, size_t at)
{
    const char *data = text.data;
    while (at < text.length && is_space(data[at]))
        at++;
    return at;
}

/** From a string's first quote to behind its last; NOWHERE if it has no end. */
static size_t skip_string(lambda_bytes text, size_t at)
{
    const char *data = text.data;
    for (at++; at < text.length; at++) {
        if (data[at] == '"') return at + 1;
        if (data[at] == '\\') at++;
    }
    return NOWHERE;
}

/** The comma or closing bracket behind a value that begins at `at`, NOWHERE if there is none; `deepest` grows to its nesting. */
static size_t skip_value(lambda_bytes text, size_t at, size_t *deepest)
{
    const char *data = text.data;
    size_t depth = 0;
    while (at < text.length) {
        char byte = data[at];
        if (byte == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (byte == '[' || byte == '{') {
            depth++;
            if (depth > *deepest) *deepest = depth;
        }
        bool closes = byte == ']' || byte == '}';
        if (depth == 0 && (closes || byte == ',')) return at;
        depth -= closes;
        at++;
    }
    return NOWHERE;
}

lambda__json_verdict lambda__json_check(lambda_bytes text, size_t depth)
{
    size_t deepest = 0;
    if (text.length == 0) return LAMBDA__JSON_INVALID;
    skip_value(text, 0, &deepest);
    if (deepest > depth) return LAMBDA__JSON_INVALID;
    /* An integer may have any number of digits; as a real number it is read whatever they are. */
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    json_error_t error;
    json_t *json = json_loadb(text.data, text.length, flags, &error);
    if (!json)
        return json_error_code(&error) == json_error_out_of_memory ? LAMBDA__JSON_NO_MEMORY : LAMBDA__JSON_INVALID;
    json_decref(json);
    return LAMBDA__JSON_VALID;
}

bool lambda__json_member(lambda_bytes object, const char *name, lambda_bytes *value)
{
    const char *data = object.data;
    const size_t name_length = strlen(name);
    size_t deepest = 0;
    size_t at = skip_space(object, 0);
    if (at == object.length || data[at] != '{') return false;
    do {
        size_t key = skip_space(object, at + 1);
        if (key >= object.length || data[key] != '"') return false;
        size_t key_end = skip_string(object, key);
        at = key_end == NOWHERE ? object.length : skip_space(object, key_end);
        if (at == object.length || data[at] != ':') return false;
        size_t start = at + 1;
        at = skip_value(object, start, &deepest);
        if (at == NOWHERE) return false;
        if (key_end - key == name_length + 2 && memcmp(data + key + 1, name, name_length) == 0) {
            *value = lambda_bytes_make(data + start, at - start);
            return true;
        }
    } while (data[at] == ',');
    return false;
}

char lambda__json_first(lambda_bytes value)
{
    const char *data = value.data;
    size_t at = skip_space(value, 0);
    if (at == value.length) return '\0';
    return data[at];
}

/** Four hexadecimal digits. */
static bool read_unit(const char *text, const char *end, uint32_t *unit)
{
    if (end - text < 4) return false;
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = lambda__hex_value(text[i]);
        if (digit < 0) return false;
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return true;
}

/** At most as many bytes as the escape has: three of one unit, four of a pair. */
static char *write_utf8(char *to, uint32_t point)
{
    if (point < 0x80) {
        *to++ = (char)point;
        return to;
    }
    int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    const uint32_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    *to++ = (char)(leads[more] | point >> 6 * more);
    while (more-- > 0)
        *to++ = (char)(0x80u | (point >> 6 * more & 0x3Fu));
    return to;
}

/** What stands behind a backslash and 'u'. False for half a surrogate pair. */
static bool read_point(const char **from, const char *end, uint32_t *point)
{
    uint32_t low;
    if (!read_unit(*from, end, point)) return false;
    *from += 4;
    if (*point < 0xD800 || *point > 0xDFFF) return true;
    if (*point > 0xDBFF || end - *from < 6 || memcmp(*from, "\\u", 2) != 0) return false;
    if (!read_unit(*from + 2, end, &low) || low < 0xDC00 || low > 0xDFFF) return false;
    *from += 6;
    *point = 0x10000 + ((*point - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

bool lambda__json_decode(lambda_bytes value, char *decoded, size_t *length)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    size_t start = skip_space(value, 0);
    const char *data = value.data;
    if (start == value.length || data[start] != '"') return false;
    size_t behind = skip_string(value, start);
    if (behind == NOWHERE || skip_space(value, behind) != value.length) return false;
    const char *from = data + start + 1;
    const char *end = data + behind - 1;
    char *to = decoded;
    while (from < end) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        /* A backslash is never the last byte: it would have escaped the quote. */
        char escape = from[1];
        from += 2;
        const char *known = escape ? strchr(escapes, escape) : NULL;
        uint32_t point = 0;
        if (known)
            *to++ = meanings[known - escapes];
        else if (escape == 'u' && read_point(&from, end, &point))
            to = write_utf8(to, point);
        else
            return false;
    }
    *length = (size_t)(to - decoded);
    return true;
}

bool lambda__json_base64(lambda__base *base, lambda__buffer *buffer, lambda_bytes bytes)
{
    if (bytes.length > SIZE_MAX / 4) return false;
    const size_t length = (bytes.length + 2) / 3 * 4;
    if (!lambda__buffer_reserve(base, buffer, length + 2)) return false;
    char *to = buffer->data + buffer->length;
    to[0] = '"';
    lambda__base64(bytes.data, bytes.length, to + 1);
    memcpy(to + 1 + length, "\"", 2);
    buffer->length += length + 2;
    return true;
}
