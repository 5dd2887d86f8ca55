/* JSON text in many pieces: whether memory sufficed is asked once, at the end. */
#ifndef LAMBDA_LIB_JSON_BUILD_H
#define LAMBDA_LIB_JSON_BUILD_H

#include "base/buffer.h"

/** A text that grows. Zeroed but for `base`, it is empty. */
typedef struct lambda__json_text {
    lambda__base *base;
    lambda__buffer buffer;
    bool failed; /* memory was out: the text is no more than a beginning */
} lambda__json_text;

/** Appends text as it stands. */
void lambda__build(lambda__json_text *text, const char *piece);

/** Appends a format of integers and short texts: at most 127 bytes come of it. */
void lambda__build_format(lambda__json_text *text, const char *format, ...) LAMBDA_PRINTF(2, 3);

/** Appends a JSON string: at most `most` characters of it, and U+FFFD for bytes that are not UTF-8. */
void lambda__build_string(lambda__json_text *text, const char *string, size_t most);

/** Appends a real number that is neither NaN nor infinite; `null` for one that is. */
void lambda__build_real(lambda__json_text *text, double value);

#endif
