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

/** Lambda's LogFormat: how the lines of a function's log look. */
typedef enum lambda_log_format {
    LAMBDA_LOG_FORMAT_DEFAULT = 0, /**< TEXT; in an update, as it was */
    LAMBDA_LOG_FORMAT_TEXT = 1,    /**< "START RequestId: ..." and "TIME<tab>REQUEST-ID<tab>LEVEL<tab>MESSAGE" */
    LAMBDA_LOG_FORMAT_JSON = 2     /**< each line a JSON object, for `{ $.level = "ERROR" }` and the like */
} lambda_log_format;

/**
 * Lambda's LoggingConfig of a function (https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html). Zero means the default when a
 * function is created, and "as it was" when one is updated. Other than Lambda, both levels hold for TEXT too.
 */
typedef struct lambda_logging_config {
    lambda_log_format log_format; /**< default TEXT */
    lambda_log_level
        application_log_level;         /**< of the handler's lines; OFF: none. Default `lambda_options.log_level` */
    lambda_log_level system_log_level; /**< of the platform's lines: DEBUG, INFO, WARN or OFF. Default
                                               `lambda_options.system_log_level` */
    const char *
        log_group; /**< 1 to 512 letters, digits, dots, hyphens, underscores, slashes and hash signs. Default "/aws/lambda/NAME"; "" to
                                               update: that again */
} lambda_logging_config;

/** A handler's context. See context.h. */
typedef struct lambda_context lambda_context;

/**
 * Writes a line to the function's log stream, printf-style. Below the function's application log level, or with no sink, nothing is
 * formatted. Longer messages than 4,096 bytes are cut, and end in "..."; line ends at the message's end are left away. In hooks, where no
 * invocation has an id, TEXT shows "undefined" in its place and JSON has no requestId, as Lambda's Node.js runtime does. Call it on the handler's thread while the
 * handler or hook runs. A NULL context or format is ignored. The library itself never logs values of environment variables.
 */
LAMBDA_API void lambda_log(lambda_context *context, lambda_log_level level, const char *format, ...)
    LAMBDA_PRINTF(3, 4);

/**
 * Writes a line with keys and values: `lambda_log_pack(context, LAMBDA_LOG_INFO, "order placed", "{s:s, s:i}", "id", id, "items", 3)`.
 * `format` and what follows are those of `lambda_response_pack`, and make an object. In JSON format its members stand in the line's
 * object behind Lambda's own, which they cannot replace: one named timestamp, level, requestId or message gets a "_" before its name, in both formats; two of
 * one name then are none, as ever.
 * In TEXT the object stands behind the message and a space. A format that makes no object leaves it away, and the line says so. A NULL message or
 * format is ignored. Else as `lambda_log`.
 */
LAMBDA_API void lambda_log_pack(lambda_context *context, lambda_log_level level, const char *message,
                                const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
