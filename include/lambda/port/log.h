/* The log port: where log lines go. */
#ifndef LAMBDA_PORT_LOG_H
#define LAMBDA_PORT_LOG_H

#include <lambda/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One log line as a sink sees it. All pointers are borrowed and end with the call. */
typedef struct lambda_log_record {
    uint64_t time_ns;            /**< wall clock, nanoseconds since 1970 */
    lambda_log_level level;      /**< never LAMBDA_LOG_OFF */
    bool platform;               /**< true for the library's own START, END and REPORT lines */
    const char *log_group_name;  /**< "/aws/lambda/NAME" */
    const char *log_stream_name; /**< "YYYY/MM/DD/[VERSION]ENVIRONMENT" */
    const char *request_id;      /**< the invocation's, 36 characters; "" outside of one */
    const char *message;         /**< the line, no line end, NUL after it */
    size_t message_length;       /**< bytes of `message` */
} lambda_log_record;

/** Where a service's log lines go. */
typedef struct lambda_log_sink {
    /**
     * Takes one line. Called on the thread that logged, with no lock held, any number at once; must not invoke or
     * change functions of the same service. NULL: there is no sink and logging costs nothing.
     */
    void (*write)(void *user, const lambda_log_record *record);
    void *user; /**< handed to it */
} lambda_log_sink;

/**
 * A sink that writes each line to standard error, as `TIME LEVEL [REQUEST-ID] MESSAGE` for a handler's lines and the
 * bare line for the platform's. Nothing to free. Any thread.
 */
LAMBDA_API lambda_log_sink lambda_log_sink_stderr(void);

#ifdef __cplusplus
}
#endif

#endif
