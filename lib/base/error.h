/* The last error message of each thread. */
#ifndef LAMBDA_LIB_ERROR_H
#define LAMBDA_LIB_ERROR_H

#include <stdarg.h>

#include "base/base.h"

/** Bytes of a message, its NUL included; longer ones are cut. */
#define LAMBDA__ERROR_SIZE 512

/**
 * Sets this thread's message and returns `status`, so that a check reads `return lambda__fail(base, ..., "...")`.
 * `base` NULL: the message of calls that have no service. Arguments may be the previous message itself.
 */
lambda_status lambda__fail(lambda__base *base, lambda_status status, const char *format, ...) LAMBDA_PRINTF(3, 4);

lambda_status lambda__fail_va(lambda__base *base, lambda_status status, const char *format, va_list arguments);

/** The message for a failed allocation. */
lambda_status lambda__out_of_memory(lambda__base *base);

/** This thread's message, "" if there is none. */
const char *lambda__error_message(lambda__base *base);

#endif
