#include "url_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *lambda__url_text_grow(lambda__url_text *text, size_t length)
{
    if (text->failed) {
        return NULL;
    }
    size_t capacity = text->capacity ? text->capacity : 1024;
    while (capacity - text->length < length) {
        if (capacity > SIZE_MAX / 2) {
            text->failed = true;
            return NULL;
        }
        capacity *= 2;
    }
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return NULL;
    }
    text->data = data;
    text->capacity = capacity;
    return text->data + text->length;
}

/* By table 3-7 of the Unicode standard. */
size_t lambda__url_text_utf8_length(const unsigned char *data, size_t left)
{
    unsigned char first = data[0];
    if (first < 0x80) {
        return 1;
    }
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || left < length) {
        return 0;
    }
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (data[1] < low || data[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((data[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool lambda__url_text_is_utf8(const void *data, size_t length)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length;) {
        size_t step = bytes[i] ? lambda__url_text_utf8_length(bytes + i, length - i) : 0;
        if (!step) {
            return false;
        }
        i += step;
    }
    return true;
}

void lambda__url_text_mend(char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t step = lambda__url_text_utf8_length((const unsigned char *)text, left);
        if (!step) {
            *text = '?';
            step = 1;
        }
        text += step;
        left -= step;
    }
}

static void escape_one(lambda__url_text *text, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = strchr(plain, byte);
    if (at) {
        char pair[2] = {'\\', letters[at - plain]};
        lambda__url_text_add(text, pair, 2);
    } else {
        char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
        lambda__url_text_add(text, escape, 6);
    }
}

#define EACH(byte) (0x0101010101010101U * (byte))

/* Do eight bytes stand for themselves? That is: none is a control character, a quote, a backslash, or beyond ASCII. */
static bool plain_eight(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    uint64_t quotes = word ^ EACH('"');
    uint64_t backslashes = word ^ EACH('\\');
    return !((word | (word - EACH(0x20)) | (quotes - EACH(1)) | (backslashes - EACH(1))) & EACH(0x80));
}

void lambda__url_text_escaped(lambda__url_text *text, const char *data, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t start = 0;
    size_t i = 0;
    while (i < length) {
        if (length - i >= 8 && plain_eight(bytes + i)) {
            i += 8;
            continue;
        }
        /* The rest of it, together with bytes that are known. */
        if (i >= 8 && length - i < 8 && plain_eight(bytes + length - 8)) {
            break;
        }
        unsigned char byte = bytes[i];
        if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
            i++;
            continue;
        }
        size_t step = byte >= 0x80 ? lambda__url_text_utf8_length(bytes + i, length - i) : 0;
        if (step) {
            i += step;
            continue;
        }
        lambda__url_text_add(text, data + start, i - start);
        if (byte >= 0x80 || byte == 0) {
            lambda__url_text_add(text, "\xEF\xBF\xBD", 3);
        } else {
            escape_one(text, byte);
        }
        start = ++i;
    }
    lambda__url_text_add(text, data + start, length - start);
}

void lambda__url_text_base64(lambda__url_text *text, const void *data, size_t length)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = data;
    char *out = lambda__url_text_room(text, (length + 2) / 3 * 4 + 1);
    if (!out) {
        return;
    }
    char *begin = out;
    for (; length >= 3; length -= 3, in += 3) {
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
        *out++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
        *out++ = alphabet[in[2] & 63];
    }
    if (length) {
        unsigned second = length > 1 ? in[1] : 0;
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 3U) << 4 | second >> 4];
        out[0] = '=';
        out[1] = '=';
        if (length > 1) {
            out[0] = alphabet[(second & 15) << 2];
        }
        out += 2;
    }
    text->length += (size_t)(out - begin);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool lambda__url_text_unbase64(lambda__url_text *text, const char *data, size_t length)
{
    if (length % 4) {
        return false;
    }
    size_t padding = length && data[length - 1] == '=' ? data[length - 2] == '=' ? 2 : 1 : 0;
    char *room = lambda__url_text_room(text, length / 4 * 3 + 1);
    if (!room) {
        return true;
    }
    for (size_t i = 0; i < length; i += 4) {
        size_t digits = i + 4 == length ? 4 - padding : 4;
        unsigned bits = 0;
        for (size_t k = 0; k < 4; k++) {
            int value = k < digits ? base64_value(data[i + k]) : 0;
            if (value < 0) {
                return false;
            }
            bits = bits << 6 | (unsigned)value;
        }
        room[i / 4 * 3] = (char)(bits >> 16);
        room[i / 4 * 3 + 1] = (char)(bits >> 8);
        room[i / 4 * 3 + 2] = (char)bits;
    }
    text->length += length / 4 * 3 - padding;
    return true;
}

void lambda__url_text_free(lambda__url_text *text)
{
    free(text->data);
    *text = (lambda__url_text){0};
}
