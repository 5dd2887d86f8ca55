/* Writing JSON as text. */
#ifndef LAMBDA_LIB_JSON_WRITE_H
#define LAMBDA_LIB_JSON_WRITE_H

#include "base/buffer.h"

/** Appends a JSON string with its quotes, bytes that are not UTF-8 as U+FFFD. False when memory is out. */
bool lambda__json_string(lambda__base *base, lambda__buffer *buffer, const char *text, size_t length);

/** Appends a real number so that it reads back the same, shortest of 15 to 17 digits, always with a `.0` or exponent; false for NaN, infinity or no memory. */
bool lambda__json_real(lambda__base *base, lambda__buffer *buffer, double value);

/** Appends an integer. False when memory is out. */
bool lambda__json_integer(lambda__base *base, lambda__buffer *buffer, long long value);

#endif
