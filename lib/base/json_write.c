/* Writing JSON as text. */
#include "base/json_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** How many bytes from here stand for themselves in a JSON string. */
static size_t plain_span(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        unsigned char byte = (unsigned char)text[at];
        if (byte < 0x20 || byte == '"' || byte == '\\') break;
        size_t size = byte < 0x80 ? 1 : lambda__utf8_length(text + at, length - at);
        if (size == 0) break;
        at += size;
    }
    return at;
}

/** The bytes that stand in a JSON string for one that does not stand for itself. */
static size_t escape(unsigned char byte, char text[8])
{
    static const char short_names[] = "btnvfr"; /* from 8 on; v has no short form */
    if (byte >= 0x80) return (size_t)snprintf(text, 8, "\xEF\xBF\xBD");
    if (byte == '"' || byte == '\\') return (size_t)snprintf(text, 8, "\\%c", byte);
    if (byte >= 8 && byte <= 13 && byte != 11) return (size_t)snprintf(text, 8, "\\%c", short_names[byte - 8]);
    return (size_t)snprintf(text, 8, "\\u%04X", byte);
}

bool lambda__json_string(lambda__base *base, lambda__buffer *buffer, const char *text, size_t length)
{
    if (!lambda__buffer_append(base, buffer, "\"", 1)) return false;
    for (size_t at = 0; at < length;) {
        size_t span = plain_span(text + at, length - at);
        if (!lambda__buffer_append(base, buffer, text + at, span)) return false;
        at += span;
        if (at == length) break;
        char escaped[8];
        size_t size = escape((unsigned char)text[at++], escaped);
        if (!lambda__buffer_append(base, buffer, escaped, size)) return false;
    }
    return lambda__buffer_append(base, buffer, "\"", 1);
}

/** Digits, written backwards from `end`; where they begin. */
static char *digits(char *end, unsigned long long value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return end;
}

size_t lambda__json_integer_text(char text[LAMBDA__JSON_NUMBER_SIZE], long long value)
{
    char *end = text + LAMBDA__JSON_NUMBER_SIZE;
    char *start = digits(end, value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value);
    if (value < 0) *--start = '-';
    size_t length = (size_t)(end - start);
    memmove(text, start, length);
    return length;
}

bool lambda__json_integer(lambda__base *base, lambda__buffer *buffer, long long value)
{
    char text[LAMBDA__JSON_NUMBER_SIZE];
    return lambda__buffer_append(base, buffer, text, lambda__json_integer_text(text, value));
}

/** Makes printf's text JSON's: a point whatever the locale, a fraction or an exponent, no plus and no zeros before it. */
static size_t normalise(char *text, size_t size)
{
    char *exponent = strchr(text, 'e');
    for (char *at = text; *at && at != exponent; at++)
        if (*at != '-' && (*at < '0' || *at > '9')) *at = '.';
    if (!exponent) {
        if (!strchr(text, '.')) strncat(text, ".0", size - strlen(text) - 1);
        return strlen(text);
    }
    char *to = exponent + 1;
    const char *from = to;
    if (*from == '+')
        from++;
    else if (*from == '-')
        to++, from++;
    while (*from == '0' && from[1] != '\0')
        from++;
    memmove(to, from, strlen(from) + 1);
    return strlen(text);
}

size_t lambda__json_real_text(char text[LAMBDA__JSON_NUMBER_SIZE], double value)
{
    if (fabs(value) < 1e15 && value == floor(value)) {
        char *end = text + LAMBDA__JSON_NUMBER_SIZE;
        char *start = end - 2;
        start[0] = '.';
        start[1] = '0';
        start = digits(start, (unsigned long long)fabs(value));
        if (signbit(value)) *--start = '-';
        size_t length = (size_t)(end - start);
        memmove(text, start, length);
        return length;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, LAMBDA__JSON_NUMBER_SIZE - 4, "%.*g", precision, value);
        if (strtod(text, NULL) == value) break;
    }
    return normalise(text, LAMBDA__JSON_NUMBER_SIZE);
}

bool lambda__json_real(lambda__base *base, lambda__buffer *buffer, double value)
{
    char text[LAMBDA__JSON_NUMBER_SIZE];
    if (!isfinite(value)) return false;
    return lambda__buffer_append(base, buffer, text, lambda__json_real_text(text, value));
}
