/* What HTTP allows in a header: https://www.rfc-editor.org/rfc/rfc9110#section-5 */
#ifndef LAMBDA_HTTP_HEADER_TEXT_H
#define LAMBDA_HTTP_HEADER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/** A name, or a method. */
static inline bool lambda__is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!plain && (c == '\0' || !strchr("!#$%&'*+.^_`|~", c))) return false;
    }
    return length > 0;
}

/** Anything but control characters. */
static inline bool lambda__is_field_value(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) return false;
    }
    return true;
}

#endif
