#include "observe/metrics/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void flush(lambda__text *text)
{
    if (text->length > 0 && text->status == LAMBDA_OK)
        text->status = text->write(text->user, text->piece, text->length);
    text->length = 0;
}

lambda_status lambda__text_end(lambda__text *text)
{
    flush(text);
    return text->status;
}

void lambda__text_put(lambda__text *text, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t room = sizeof(text->piece) - text->length;
        size_t part = length < room ? length : room;
        memcpy(text->piece + text->length, bytes, part);
        text->length += part;
        bytes += part;
        length -= part;
        if (text->length == sizeof(text->piece)) flush(text);
    }
}

void lambda__text_string(lambda__text *text, const char *string)
{
    lambda__text_put(text, string, strlen(string));
}

void lambda__text_format(lambda__text *text, const char *format, ...)
{
    char formatted[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(formatted, sizeof(formatted), format, arguments);
    va_end(arguments);
    if (length > 0)
        lambda__text_put(text, formatted, (size_t)length < sizeof(formatted) ? (size_t)length : sizeof(formatted) - 1);
}

void lambda__text_json(lambda__text *text, const char *string)
{
    lambda__text_put(text, "\"", 1);
    for (; *string; string++) {
        unsigned char byte = (unsigned char)*string;
        if (byte == '"' || byte == '\\') lambda__text_put(text, "\\", 1);
        if (byte < 0x20)
            lambda__text_format(text, "\\u%04x", byte);
        else
            lambda__text_put(text, string, 1);
    }
    lambda__text_put(text, "\"", 1);
}

void lambda__text_number(lambda__text *text, double value)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    /* A host's locale may have a comma for it. */
    char *point = digits + strspn(digits, "-0123456789");
    if (*point && *point != 'e') *point = '.';
    lambda__text_string(text, digits);
}
