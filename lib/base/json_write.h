/* Writing JSON as text. */
#ifndef LAMBDA_LIB_JSON_WRITE_H
#define LAMBDA_LIB_JSON_WRITE_H

#include "base/buffer.h"

/** Appends a JSON string with its quotes, bytes that are not UTF-8 as U+FFFD. False when memory is out. */
bool lambda__json_string(lambda__base *base, lambda__buffer *buffer, const char *text, size_t length);

/** Appends a real number so that it reads back the same, shortest of 15 to 17 digits, always with a `.0` or exponent; false for NaN, infinity or no memory. */
bool lambda__json_real(lambda__base *base, lambda__buffer *buffer, double value);

/** Bytes of a number's text at most. */
#define LAMBDA__JSON_NUMBER_SIZE 40

/** The text that lambda__json_real appends, of a finite number, and lambda__json_integer; not ended by NUL. Its length. */
size_t lambda__json_real_text(char text[LAMBDA__JSON_NUMBER_SIZE], double value);
size_t lambda__json_integer_text(char text[LAMBDA__JSON_NUMBER_SIZE], long long value);

/** Appends an integer. False when memory is out. */
bool lambda__json_integer(lambda__base *base, lambda__buffer *buffer, long long value);

#endif
