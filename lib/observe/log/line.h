/*
 * What log lines look like, in Lambda's two formats. The facts:
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
 * https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 */
#ifndef LAMBDA_LIB_LOG_LINE_H
#define LAMBDA_LIB_LOG_LINE_H

#include <lambda/port/log.h>
#include <lambda/trace.h>

#include "base/buffer.h"

/** What the platform says of an environment and its invocations. */
typedef enum lambda__log_kind {
    LAMBDA__LOG_INIT_START,
    LAMBDA__LOG_INIT_DONE, /* JSON alone */
    LAMBDA__LOG_INIT_REPORT,
    LAMBDA__LOG_START,
    LAMBDA__LOG_END,
    LAMBDA__LOG_REPORT,
    LAMBDA__LOG_TIMEOUT /* TEXT alone; what Lambda writes of an invocation that it ended */
} lambda__log_kind;

/** The parts of such a line; those that its kind does not have are not looked at. */
typedef struct lambda__log_event {
    lambda__log_kind kind;
    bool json;
    bool provisioned;
    bool has_init;             /* init_duration is known: a cold start's */
    const char *function_name; /* INIT_START; also the next */
    const char *runtime;
    const char *version;    /* INIT_START and START */
    const char *phase;      /* of INIT_: "init" or "invoke" */
    const char *status;     /* INIT_REPORT, END, REPORT: "success", "error" or "timeout" */
    const char *error_type; /* NULL: none */
    uint64_t duration;      /* ns; TIMEOUT: what it may take */
    uint64_t init_duration; /* ns */
    uint64_t billed_ms;
    uint64_t produced;   /* END: bytes of the response */
    uint64_t max_memory; /* bytes, or LAMBDA_MEMORY_UNKNOWN */
    uint32_t memory_size;
    bool sampled; /* the next two are there */
    lambda_trace_id trace_id;
    uint64_t span_id;
} lambda__log_event;

/** Bytes of a line of the platform. */
#define LAMBDA__LOG_EVENT_SIZE 1024

/** Bytes of an error's type in a line, its NUL included; longer ones are cut. */
#define LAMBDA__LOG_TYPE_SIZE 128

/**
 * The level of what the platform says, https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html. OFF where the format has
 * no such line.
 */
lambda_log_level lambda__log_event_level(const lambda__log_event *event);

/** Bytes of a time as lines have it, "2026-01-01T00:00:00.000Z", which no NUL follows. */
#define LAMBDA__LOG_TIME_LENGTH 24
void lambda__log_time_write(char text[LAMBDA__LOG_TIME_LENGTH], uint64_t ns);

/** Makes type, message and line of the record, which has its time and id. `text` and `json` are where they may be written. */
void lambda__log_event_line(const lambda__log_event *event, lambda_log_record *record,
                            char text[LAMBDA__LOG_EVENT_SIZE], char json[LAMBDA__LOG_EVENT_SIZE]);

/** Bytes of what stands before the message in the TEXT format. */
#define LAMBDA__LOG_PREFIX_SIZE 96

/** Writes what stands before the record's message in TEXT; its length, less than LAMBDA__LOG_PREFIX_SIZE. */
size_t lambda__log_prefix(const lambda_log_record *record, char *text);

/** The JSON line of a record with its message, in the buffer. False when memory is out. */
bool lambda__log_json(lambda__base *base, lambda__buffer *buffer, const lambda_log_record *record);

#endif
