/* Text that grows: what events and bodies of function URLs are written into. */
#ifndef LAMBDA_HTTP_URL_TEXT_H
#define LAMBDA_HTTP_URL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/** Zero to begin with. To be used again, set `length` and `failed` to zero. */
typedef struct lambda__url_text {
    char *data; /* malloc'd; no NUL stands behind it */
    size_t length;
    size_t capacity;
    bool failed; /* memory was out: nothing more is written */
} lambda__url_text;

/** As lambda__url_text_room, where there is not enough. */
char *lambda__url_text_grow(lambda__url_text *text, size_t length);

/** Room for so many bytes at its end, for the caller to fill. NULL: memory is out, which `failed` says. */
static inline char *lambda__url_text_room(lambda__url_text *text, size_t length)
{
    return length <= text->capacity - text->length && !text->failed && text->data ? text->data + text->length
                                                                                  : lambda__url_text_grow(text, length);
}

static inline void lambda__url_text_add(lambda__url_text *text, const void *data, size_t length)
{
    char *room = length ? lambda__url_text_room(text, length) : NULL;
    if (room) {
        memcpy(room, data, length);
        text->length += length;
    }
}

static inline void lambda__url_text_string(lambda__url_text *text, const char *string)
{
    lambda__url_text_add(text, string, strlen(string));
}

/** The inside of a JSON string: escaped. NUL, which jansson's objects cannot hold, and bytes that are no UTF-8 become U+FFFD. */
void lambda__url_text_escaped(lambda__url_text *text, const char *data, size_t length);
void lambda__url_text_base64(lambda__url_text *text, const void *data, size_t length);
/** Bytes of the UTF-8 sequence that begins there; 0: there is none. There is one byte at least. */
size_t lambda__url_text_utf8_length(const unsigned char *data, size_t left);
/** UTF-8 without a NUL. */
bool lambda__url_text_is_utf8(const void *data, size_t length);
/** Puts "?" in place of bytes that are no UTF-8: of what a client said, or where a text was cut within a character. */
void lambda__url_text_mend(char *text);
/** False: it is no base64, in the alphabet of RFC 4648 and with its padding; nothing is added then. */
bool lambda__url_text_unbase64(lambda__url_text *text, const char *data, size_t length);
void lambda__url_text_free(lambda__url_text *text);

#endif
