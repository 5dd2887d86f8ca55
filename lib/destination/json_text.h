/*
 * JSON as text: what is embedded in it is found again byte for byte, which no tree of values could give back. Nothing here reads
 * beyond what it is given, whatever that is; that it is JSON at all is lambda__json_check's to say.
 */
#ifndef LAMBDA_LIB_JSON_TEXT_H
#define LAMBDA_LIB_JSON_TEXT_H

#include "base/buffer.h"

/** How deep what is embedded may nest, so that jansson, which reads 2,048 levels, still reads the whole. */
#define LAMBDA__JSON_DEPTH_MAX 1024

typedef enum lambda__json_verdict {
    LAMBDA__JSON_VALID,     /* one value, which may be any */
    LAMBDA__JSON_INVALID,   /* not JSON, or nothing that could be read: too deep, a number that is no double */
    LAMBDA__JSON_NO_MEMORY, /* it cannot be said */
} lambda__json_verdict;

/** Whether the text is JSON that nests no deeper than `depth`. It is then UTF-8 too. */
lambda__json_verdict lambda__json_check(lambda_bytes text, size_t depth);

/**
 * The first member of that name of an object: its value's text, with the white space around it, borrowed. False if there is none.
 * A name that is written with escapes is not found.
 */
bool lambda__json_member(lambda_bytes object, const char *name, lambda_bytes *value);

/** The first non-space byte of a value, 0 if there is none: '"' for a string, '{' for an object. */
char lambda__json_first(lambda_bytes value);

/**
 * What a JSON string stands for, as UTF-8: `decoded` has room for `value.length` bytes; their number comes back in `length`.
 * False if it is no string, or one with an escape that is none.
 */
bool lambda__json_decode(lambda_bytes value, char *decoded, size_t *length);

/** What a hexadecimal digit of either case is worth, -1 for what is none. */
static inline int lambda__hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/** Appends bytes as base64 in a JSON string. False when memory is out. */
bool lambda__json_base64(lambda__base *base, lambda__buffer *buffer, lambda_bytes bytes);

#endif
