/* Log lines: told of what happens, hands it to the sink. */
#ifndef LAMBDA_LIB_LOG_H
#define LAMBDA_LIB_LOG_H

#include <stdarg.h>

#include <lambda/port/log.h>

#include "observe/log/line.h"
#include "observe/log/tail.h"
#include "observe/outlet.h"
#include "service.h"

/** Bytes of a line, its NUL included; longer ones are cut and end in "...". */
#define LAMBDA__LOG_LINE_SIZE 4097

/** A sink, and the buffer in front of it where it has one. */
typedef struct lambda__log_sink {
    lambda_log_sink sink;
    lambda_t *lambda;
    lambda__outlet outlet; /* of a sink that is not direct */
} lambda__log_sink;

/** A service's sinks. */
typedef struct lambda__logs {
    lambda__log_sink sinks[LAMBDA_LOG_SINKS_MAX];
    size_t count;
    bool opened; /* they are the service's */
} lambda__logs;

/** Copies the sinks; `*logs` NULL where there are none. They are the log's once lambda__log_opened was called. */
lambda_status lambda__log_open(lambda_t *lambda, const lambda_options *options, lambda__logs **logs);

/** Nothing else can fail: the sinks are the service's, and somebody empties their buffers. */
void lambda__log_opened(lambda__logs *logs);

/** The service closes: hands over what waits. False: a sink had not come back by `until`, and is abandoned. */
bool lambda__log_stop(lambda__logs *logs, uint64_t until);

/** Threads of the library's own that empty buffers. */
uint32_t lambda__log_threads(const lambda__logs *logs);

/** Lines that found a buffer full. */
uint64_t lambda__log_dropped(const lambda__logs *logs);

/** Closes the sinks, if they are the log's, and frees it. */
void lambda__log_close(lambda_t *lambda, lambda__logs *logs);

/** True if a line of the service itself, of that level, would be written. */
static inline bool lambda__log_enabled(const lambda_t *lambda, lambda_log_level level)
{
    return lambda->logs && level >= lambda->system_log_level && level < LAMBDA_LOG_OFF;
}

/** Memory for longer lines that is kept. */
#define LAMBDA__LOG_KEPT_MAX 16384

/** Where a line goes, and how it looks. */
typedef struct lambda__log_out {
    lambda_t *lambda;
    lambda__tail *tail;   /* of the invocation; NULL: nobody collects */
    bool json;            /* the function's log format */
    bool leaving;         /* a caller says it that leaves its handler */
    lambda__buffer *kept; /* memory for longer lines, of the thread that logs; NULL: allocated for each */
} lambda__log_out;

/**
 * Formats a line and hands it to the sinks and the tail; whether it is enabled was asked before. Where the record has no time, it is now; where it has
 * `fields`, they go with it. Lines of the platform are of type "platform.fault".
 */
void lambda__log_va(const lambda__log_out *out, lambda_log_record *record, const char *format, va_list arguments);

/** The same, with the arguments themselves. */
void lambda__log(const lambda__log_out *out, lambda_log_record *record, const char *format, ...) LAMBDA_PRINTF(3, 4);

/** A line as it is, in both formats; its bytes are copied. Else likewise. */
void lambda__log_raw(const lambda__log_out *out, lambda_log_record *record, const char *line, size_t length);

/** A line of what the platform says, whose level was asked for before. The record has its time. */
void lambda__log_event_write(const lambda__log_out *out, lambda_log_record *record, const lambda__log_event *event);

/** An ERROR line of the service itself, which is about no function. */
void lambda__log_error(lambda_t *lambda, const char *format, ...) LAMBDA_PRINTF(2, 3);

#endif
