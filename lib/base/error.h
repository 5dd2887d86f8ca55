/* The last error message of each thread. */
#ifndef LAMBDA_LIB_ERROR_H
#define LAMBDA_LIB_ERROR_H

#include <stdarg.h>

#include "base/base.h"

/** Bytes of a message, its NUL included; longer ones are cut. */
#define LAMBDA__ERROR_SIZE 512

/** Sets this thread's message; of `base` NULL, that of calls that have no service. An argument may be the old message. */
void lambda__message(lambda__base *base, const char *format, ...) LAMBDA_PRINTF(2, 3);

static inline lambda_status lambda__status(lambda_status status)
{
    return status;
}

/** Sets the message and is `status`, so that a check reads `return lambda__fail(base, ..., "...")`. */
#define lambda__fail(base, status, ...) (lambda__message((base), __VA_ARGS__), lambda__status(status))

void lambda__message_va(lambda__base *base, const char *format, va_list arguments);

/** The message for a failed allocation. */
static inline lambda_status lambda__out_of_memory(lambda__base *base)
{
    return lambda__fail(base, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
}

/** This thread's message, "" if there is none. */
const char *lambda__error_message(lambda__base *base);

#endif
