/* A growing run of bytes, always followed by a NUL that is not counted. */
#ifndef LAMBDA_LIB_BUFFER_H
#define LAMBDA_LIB_BUFFER_H

#include "base/base.h"

typedef struct lambda__buffer {
    char *data;      /* NULL with capacity 0 */
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes allocated, the NUL's included */
} lambda__buffer;

/** Makes room for `extra` bytes more and a NUL; false when memory is out, the buffer as it was. */
bool lambda__buffer_reserve(lambda__base *base, lambda__buffer *buffer, size_t extra);

/** Appends; false when memory is out, the buffer as it was. `data` must not point into the buffer. */
bool lambda__buffer_append(lambda__base *base, lambda__buffer *buffer, const void *data, size_t length);

/** Frees; the buffer is then empty. */
void lambda__buffer_clear(lambda__base *base, lambda__buffer *buffer);

/** Length of the UTF-8 sequence at `data` (1 to 4), 0 if it is not one: overlong, surrogate, cut or beyond U+10FFFF. */
size_t lambda__utf8_length(const char *data, size_t length);

/** True if all of it is UTF-8. */
bool lambda__utf8_valid(const char *data, size_t length);

/** Characters (code points) in valid UTF-8. */
size_t lambda__utf8_count(const char *data, size_t length);

#endif
