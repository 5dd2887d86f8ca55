/* Percent-encoding: https://www.rfc-editor.org/rfc/rfc3986#section-2.1. Who decodes differs in what becomes of what is no encoding; a digit is the same to all. */
#ifndef LAMBDA_HTTP_PERCENT_H
#define LAMBDA_HTTP_PERCENT_H

#include <stdbool.h>

/** The value of a hexadecimal digit; -1: it is none. */
static inline int lambda__hexadecimal(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/** Decodes where it stands. False: a percent sign without two digits, or a NUL. */
bool lambda__percent_decode(char *text);

#endif
