#include "base/json_build.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"

void lambda__build(lambda__json_text *text, const char *piece)
{
    if (text->failed) return;
    text->failed = !lambda__buffer_append(text->base, &text->buffer, piece, strlen(piece));
}

void lambda__build_format(lambda__json_text *text, const char *format, ...)
{
    char piece[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    lambda__build(text, piece);
}

/** Bytes of the first `most` characters; a byte that is not UTF-8 counts as one. */
static size_t bytes_of(const char *string, size_t length, size_t most)
{
    size_t at = 0;
    for (; at < length && most > 0; most--) {
        size_t size = lambda__utf8_length(string + at, length - at);
        at += size > 0 ? size : 1;
    }
    return at;
}

void lambda__build_string(lambda__json_text *text, const char *string, size_t most)
{
    if (text->failed) return;
    size_t length = strlen(string);
    if (length > most) length = bytes_of(string, length, most);
    text->failed = !lambda__json_string(text->base, &text->buffer, string, length);
}

void lambda__build_real(lambda__json_text *text, double value)
{
    if (!isfinite(value))
        lambda__build(text, "null");
    else if (!text->failed)
        text->failed = !lambda__json_real(text->base, &text->buffer, value);
}
