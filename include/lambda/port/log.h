/* The log port: where log lines go. */
#ifndef LAMBDA_PORT_LOG_H
#define LAMBDA_PORT_LOG_H

#include <lambda/log.h>
#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One log line as a sink sees it. All pointers are borrowed and end with the call; none is NULL. */
typedef struct lambda_log_record {
    uint64_t time_ns;       /**< wall clock, nanoseconds since 1970 */
    lambda_log_level level; /**< never LAMBDA_LOG_DEFAULT or LAMBDA_LOG_OFF */
    bool platform;          /**< true for the library's own lines, START, END and REPORT among them */
    const char *
        type; /**< of the library's own, Lambda's event type in both formats: "platform.start", "platform.report" and so on; END
                                      is "platform.end" in TEXT and "platform.runtimeDone" in JSON; all that has no type of its own is
                                      "platform.fault". Else "" */
    const char *log_group_name;  /**< "/aws/lambda/NAME", or what the function's logging_config says */
    const char *log_stream_name; /**< "YYYY/MM/DD/[VERSION]ENVIRONMENT"; "" for what is about no environment */
    const char *request_id;      /**< the invocation's, 36 characters; "" outside of one */
    const char *message;         /**< what was said, with no level, time or id; no line end, NUL after it */
    size_t message_length;       /**< bytes of `message` */
    const char *fields;          /**< of lambda_log_pack: a JSON object, NUL after it; else "" */
    size_t fields_length;        /**< bytes of `fields` */
    const char *line;   /**< the whole line in the function's log format, as CloudWatch Logs would have it as the
                                      event's message; no line end after it, but a NUL. A handler's message may have
                                      line ends within, in TEXT. Lambda's third line of REPORT, "XRAY TraceId: ...", stands in the same
                                      line behind a tab */
    size_t line_length; /**< bytes of `line` */
} lambda_log_record;

/** Most sinks of a service. */
#define LAMBDA_LOG_SINKS_MAX 4

/** Where a service's log lines go. */
typedef struct lambda_log_sink {
    /**
     * Takes one line. Anything but LAMBDA_OK, and the line is counted as lost: nobody tries again. No lock is held; it must not invoke or
     * change functions of the same service. Lines of one thread come in order. NULL: there is no sink.
     */
    lambda_status (*write)(void *user, const lambda_log_record *record);
    /** The service closes, and no line comes any more. On lambda_close's thread. NULL: nothing is to be done. */
    void (*close)(void *user);
    void *user; /**< handed to both */
    /**
     * false: lines wait in a buffer (`lambda_options.log_buffer_size`) and one thread at a time hands them to `write`: the library's, a
     * host's executor's, or with LAMBDA_EXECUTOR_NONE lambda_pump's; so that a sink may take its time, and an invocation never waits for
     * it. What finds the buffer full is dropped and counted (lambda_statistics), and the sink is told how many as soon as it gets on.
     * true: `write` is called at once on the thread that logged, any number at a time. For sinks that are quick.
     */
    bool direct;
} lambda_log_sink;

/**
 * A sink that writes each record's `line` and a line end to standard error. Nothing to free. Any thread.
 */
LAMBDA_API lambda_log_sink lambda_log_sink_stderr(void);

#ifdef __cplusplus
}
#endif

#endif
