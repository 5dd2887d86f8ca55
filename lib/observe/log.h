/* Log lines: told of what happens, hands it to the sink. */
#ifndef LAMBDA_LIB_LOG_H
#define LAMBDA_LIB_LOG_H

#include <stdarg.h>

#include <lambda/port/log.h>

#include "service.h"

/** Bytes of a line, its NUL included; longer ones are cut and end in "...". */
#define LAMBDA__LOG_LINE_SIZE 4097

/** True if a line of that level would be written. */
static inline bool lambda__log_enabled(const lambda_t *lambda, lambda_log_level level)
{
    return lambda->log.write && level >= lambda->log_level && level < LAMBDA_LOG_OFF;
}

/** Formats a line and hands it to the sink; fills in the record's time, level and message. Nothing where not enabled. */
void lambda__log_va(lambda_t *lambda, lambda_log_record *record, const char *format, va_list arguments);

/** The same, for the platform's own lines. */
void lambda__log(lambda_t *lambda, lambda_log_record *record, const char *format, ...) LAMBDA_PRINTF(3, 4);

/** An ERROR line of the service itself, which is about no function. */
void lambda__log_error(lambda_t *lambda, const char *format, ...) LAMBDA_PRINTF(2, 3);

#endif
