/* Log lines from handlers. */
#ifndef LAMBDA_LOG_H
#define LAMBDA_LOG_H

#include <lambda/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Lambda's application log levels, finest first; OFF silences all. */
typedef enum lambda_log_level {
    LAMBDA_LOG_DEFAULT = 0, /**< in a config: INFO. Never in a record. */
    LAMBDA_LOG_TRACE = 1,
    LAMBDA_LOG_DEBUG = 2,
    LAMBDA_LOG_INFO = 3,
    LAMBDA_LOG_WARN = 4,
    LAMBDA_LOG_ERROR = 5,
    LAMBDA_LOG_FATAL = 6,
    LAMBDA_LOG_OFF = 7
} lambda_log_level;

/** "TRACE", "DEBUG", ... "OFF"; "INFO" for LAMBDA_LOG_DEFAULT; "UNKNOWN" for a value that is none. Static; any thread. */
LAMBDA_API const char *lambda_log_level_name(lambda_log_level level);

/** A handler's context. See context.h. */
typedef struct lambda_context lambda_context;

/**
 * Writes a line to the function's log stream, printf-style. Below the service's level, or with no sink, nothing is
 * formatted. Longer lines than 4,096 bytes are cut, and end in "...". Call it on the handler's thread while the
 * handler or hook runs. A NULL context or format is ignored.
 */
LAMBDA_API void lambda_log(lambda_context *context, lambda_log_level level, const char *format, ...)
    LAMBDA_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif

#endif
