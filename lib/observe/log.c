#include "observe/log.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "observe/log_flat.h"

static const char *const level_names[] = {"INFO", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"};

const char *lambda_log_level_name(lambda_log_level level)
{
    size_t index = (size_t)level;
    return index < sizeof(level_names) / sizeof(level_names[0]) ? level_names[index] : "UNKNOWN";
}

/* ---- sinks */

/** Hands a line to a sink. On any thread; a line that it does not take is counted. */
static void hand(lambda__log_sink *to, const lambda_log_record *record)
{
    if (LAMBDA__LIKELY(to->sink.write(to->sink.user, record) == LAMBDA_OK)) return;
    lambda__thread *thread = lambda__thread_get(&to->lambda->base);
    if (thread) lambda__counter_add(thread, LAMBDA__COUNT_LINES_FAILED);
}

/** A line out of the buffer. */
static void take(void *user, void *item, size_t length)
{
    (void)length;
    hand(user, lambda__log_flat_read(item));
}

/** The buffer was full for a while. */
static void tell_dropped(void *user, uint64_t items, uint64_t bytes)
{
    lambda__log_sink *to = user;
    char text[160];
    int length = snprintf(text, sizeof(text), "%llu lines of the log, %llu bytes, were dropped: the sink was too slow",
                          (unsigned long long)items, (unsigned long long)bytes);
    lambda_log_record record = {.time_ns = lambda__wall(&to->lambda->base),
                                .level = LAMBDA_LOG_WARN,
                                .platform = true,
                                .type = "platform.logsDropped",
                                .log_group_name = "/aws/lambda",
                                .log_stream_name = "",
                                .request_id = "",
                                .message = text,
                                .message_length = (size_t)length,
                                .fields = "",
                                .line = text,
                                .line_length = (size_t)length};
    hand(to, &record);
}

static lambda_status add_sink(lambda_t *lambda, lambda__logs *logs, const lambda_log_sink *sink, size_t buffer_size)
{
    lambda__log_sink *to = &logs->sinks[logs->count];
    lambda__outlet_port port = {.take = take, .dropped = tell_dropped, .user = to};
    to->sink = *sink;
    to->lambda = lambda;
    lambda_status status =
        sink->direct ? LAMBDA_OK : lambda__outlet_open(&to->outlet, &lambda->base, buffer_size, &port);
    logs->count += status == LAMBDA_OK;
    return status;
}

lambda_status lambda__log_open(lambda_t *lambda, const lambda_options *options, lambda__logs **opened)
{
    lambda__logs *logs = lambda__allocate_zeroed(&lambda->base, sizeof(*logs));
    lambda_status status = LAMBDA_OK;
    if (!logs) return lambda__out_of_memory(NULL);
    for (size_t i = 0; i < LAMBDA_LOG_SINKS_MAX && status == LAMBDA_OK; i++)
        if (options->log[i].write) status = add_sink(lambda, logs, &options->log[i], options->log_buffer_size);
    *opened = logs->count > 0 ? logs : NULL;
    if (!*opened) lambda__release(&lambda->base, logs);
    return status;
}

void lambda__log_opened(lambda__logs *logs)
{
    logs->opened = true;
    for (size_t i = 0; i < logs->count; i++)
        if (!logs->sinks[i].sink.direct) lambda__outlet_begin(&logs->sinks[i].outlet);
}

uint32_t lambda__log_threads(const lambda__logs *logs)
{
    uint32_t count = 0;
    for (size_t i = 0; i < logs->count; i++)
        count += atomic_load_explicit(&logs->sinks[i].outlet.thread, memory_order_relaxed);
    return count;
}

bool lambda__log_stop(lambda__logs *logs, uint64_t until)
{
    bool stopped = true;
    for (size_t i = 0; i < logs->count; i++)
        if (!logs->sinks[i].sink.direct) stopped = lambda__outlet_stop(&logs->sinks[i].outlet, until) && stopped;
    return stopped;
}

uint64_t lambda__log_dropped(const lambda__logs *logs)
{
    uint64_t dropped = 0;
    for (size_t i = 0; i < logs->count; i++)
        dropped += lambda__outlet_dropped(&logs->sinks[i].outlet);
    return dropped;
}

void lambda__log_close(lambda_t *lambda, lambda__logs *logs)
{
    for (size_t i = 0; i < logs->count; i++) {
        const lambda_log_sink *sink = &logs->sinks[i].sink;
        if (logs->opened && sink->close) sink->close(sink->user);
        lambda__outlet_close(&logs->sinks[i].outlet);
    }
    lambda__release(&lambda->base, logs);
}

void lambda__log_hand(lambda_t *lambda, const lambda_log_record *record)
{
    lambda__logs *logs = lambda->logs;
    for (size_t i = 0; i < logs->count; i++) {
        lambda__log_sink *to = &logs->sinks[i];
        if (to->sink.direct) {
            hand(to, record);
            continue;
        }
        size_t size = lambda__log_flat_size(record);
        void *item = lambda__outlet_reserve(&to->outlet, size);
        if (!item) continue;
        lambda__log_flat_write(record, item);
        lambda__outlet_commit(&to->outlet);
    }
}

/* ---- lines */

void lambda__log_write(lambda_t *lambda, lambda_log_record *record, const char *message, size_t length)
{
    record->time_ns = lambda__wall(&lambda->base);
    record->message = record->line = message;
    record->message_length = record->line_length = length;
    record->type = record->fields = "";
    lambda__log_hand(lambda, record);
}

void lambda__log_va(lambda_t *lambda, lambda_log_record *record, const char *format, va_list arguments)
{
    char line[LAMBDA__LOG_LINE_SIZE];
    int length = vsnprintf(line, sizeof(line), format, arguments);
    if (length < 0) return;
    if ((size_t)length >= sizeof(line)) {
        memcpy(line + sizeof(line) - 4, "...", 4);
        length = (int)sizeof(line) - 1;
    }
    lambda__log_write(lambda, record, line, (size_t)length);
}

void lambda__log(lambda_t *lambda, lambda_log_record *record, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lambda__log_va(lambda, record, format, arguments);
    va_end(arguments);
}

/** One fprintf a line: the stream's own lock keeps lines of several threads whole. */
static lambda_status write_stderr(void *user, const lambda_log_record *record)
{
    (void)user;
    return fprintf(stderr, "%s\n", record->line) < 0 ? LAMBDA_ERROR_SERVICE : LAMBDA_OK;
}

lambda_log_sink lambda_log_sink_stderr(void)
{
    return (lambda_log_sink){.write = write_stderr};
}

void lambda__log_error(lambda_t *lambda, const char *format, ...)
{
    if (!lambda__log_enabled(lambda, LAMBDA_LOG_ERROR)) return;
    lambda_log_record record = {.level = LAMBDA_LOG_ERROR,
                                .platform = true,
                                .log_group_name = "/aws/lambda",
                                .log_stream_name = "",
                                .request_id = ""};
    va_list arguments;
    va_start(arguments, format);
    lambda__log_va(lambda, &record, format, arguments);
    va_end(arguments);
}
