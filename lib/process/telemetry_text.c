#include "telemetry_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "telemetry.h"

enum { HEAD = 160 };

/** Bytes of the character at `at`, of which there are `left`; 0: it is none of UTF-8. */
static size_t character(const unsigned char *at, size_t left)
{
    unsigned char begin = at[0];
    size_t size = begin < 0x80 ? 1 : begin < 0xc2 ? 0 : begin < 0xe0 ? 2 : begin < 0xf0 ? 3 : begin < 0xf5 ? 4 : 0;
    if (size > left) return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    /* Longer than need be, surrogates, and beyond the last. */
    if ((begin == 0xe0 && at[1] < 0xa0) || (begin == 0xed && at[1] > 0x9f)) return 0;
    if ((begin == 0xf0 && at[1] < 0x90) || (begin == 0xf4 && at[1] > 0x8f)) return 0;
    return size;
}

/** How a control character, a quote or a backslash is written; in `buffer` where it is nothing static. */
static const char *escaped(unsigned char byte, char buffer[8])
{
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        snprintf(buffer, 8, "\\u%04x", byte);
        return buffer;
    }
}

/** How many bytes stand there that are written as they are. */
static size_t plain(const unsigned char *at, size_t left)
{
    size_t length = 0;
    while (length < left && at[length] >= 0x20 && at[length] < 0x80 && at[length] != '"' && at[length] != '\\')
        length++;
    return length;
}

size_t lambda__telemetry_escape(char *to, size_t room, const char *text, size_t length)
{
    size_t wrote = 0;
    for (size_t i = 0; i < length;) {
        const unsigned char *at = (const unsigned char *)text + i;
        char buffer[8];
        const char *from = text + i;
        size_t read = plain(at, length - i);
        size_t size = read;
        if (read > 0) {
            if (to && size > room - wrote) read = size = room - wrote;
        } else if (*at < 0x80) {
            read = 1;
            from = escaped(*at, buffer);
            size = strlen(from);
        } else {
            read = size = character(at, length - i);
            if (read == 0) {
                read = 1;
                from = "\xef\xbf\xbd";
                size = 3;
            }
        }
        if (to && (size > room - wrote || size == 0)) break;
        if (to) memcpy(to + wrote, from, size);
        wrote += size;
        i += read;
    }
    return wrote;
}

/** Writes all before the record. */
static size_t head(char text[HEAD], const char *name)
{
    struct timespec now = {0};
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    int length = snprintf(
        text, HEAD,
        "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\",\"type\":\"%.64s\",\"record\":", parts.tm_year + 1900,
        parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1000000, name);
    return (size_t)length;
}

/** With its head, room for `record_length` bytes of a record at `*record`, and its end. */
static lambda__telemetry_text *make(unsigned type, const char *name, size_t record_length, char **record)
{
    char begin[HEAD];
    size_t begin_length = head(begin, name);
    lambda__telemetry_text *text = malloc(sizeof(*text) + begin_length + record_length + 1);
    if (!text) return NULL;
    text->references = 1;
    text->type = type;
    text->length = begin_length + record_length + 1;
    memcpy(text->data, begin, begin_length);
    text->data[text->length - 1] = '}';
    *record = text->data + begin_length;
    return text;
}

lambda__telemetry_text *lambda__telemetry_text_event(const char *name, const json_t *record)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    size_t length = json_dumpb(record, NULL, 0, flags);
    char *to;
    if (length == 0) return NULL;
    lambda__telemetry_text *text = make(LAMBDA__TELEMETRY_PLATFORM, name, length, &to);
    if (text && json_dumpb(record, to, length, flags) != length) {
        lambda__telemetry_text_release(text);
        return NULL;
    }
    return text;
}

static bool is_object(const char *line, size_t length)
{
    size_t at = 0;
    while (at < length && (line[at] == ' ' || line[at] == '\t'))
        at++;
    if (at == length || line[at] != '{') return false;
    json_t *value = json_loadb(line, length, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    bool object = json_is_object(value);
    json_decref(value);
    return object;
}

lambda__telemetry_text *lambda__telemetry_text_line(unsigned type, const char *line, size_t length, bool json)
{
    const char *name = type == LAMBDA__TELEMETRY_EXTENSION ? "extension" : "function";
    char *to;
    if (json && is_object(line, length)) {
        lambda__telemetry_text *text = make(type, name, length, &to);
        /* A line end in an object stands between its tokens, where a space does as well. */
        if (!text) return NULL;
        memcpy(to, line, length);
        for (char *end = to; (end = memchr(end, '\n', length - (size_t)(end - to)));)
            *end = ' ';
        return text;
    }
    size_t escaped_length = lambda__telemetry_escape(NULL, 0, line, length);
    lambda__telemetry_text *text = make(type, name, escaped_length + 2, &to);
    if (!text) return NULL;
    to[0] = '"';
    lambda__telemetry_escape(to + 1, escaped_length, line, length);
    to[escaped_length + 1] = '"';
    return text;
}

void lambda__telemetry_text_release(lambda__telemetry_text *text)
{
    if (text && --text->references == 0) free(text);
}
