#include "observe/log/log.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "observe/log/flat.h"

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

/** Hands a line to everybody. */
static void hand_out(const lambda__log_out *out, const lambda_log_record *record)
{
    lambda__logs *logs = out->lambda->logs;
    if (LAMBDA__UNLIKELY(out->tail != NULL))
        lambda__tail_add(&out->lambda->base, out->tail, out->leaving, record->line, record->line_length);
    if (LAMBDA__UNLIKELY(!logs)) return;
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

/** There is no memory for a line: it is lost. */
static void count_lost(lambda_t *lambda)
{
    lambda__thread *thread = lambda->logs ? lambda__thread_get(&lambda->base) : NULL;
    if (thread) lambda__counter_add(thread, LAMBDA__COUNT_LINES_FAILED);
}

/** The line is more than can be written in front of the message. */
static void write_long(const lambda__log_out *out, lambda_log_record *record, const char *prefixed, size_t length)
{
    lambda__base *base = &out->lambda->base;
    lambda__buffer own = {0};
    lambda__buffer *line = out->kept ? out->kept : &own;
    line->length = 0;
    bool made = out->json ? lambda__log_json(base, line, record)
                          : lambda__buffer_append(base, line, prefixed, length) &&
                                lambda__buffer_append(base, line, " ", 1) &&
                                lambda__buffer_append(base, line, record->fields, record->fields_length);
    if (made) {
        record->line = line->data;
        record->line_length = line->length;
        hand_out(out, record);
    } else {
        count_lost(out->lambda);
    }
    if (line == &own || line->capacity > LAMBDA__LOG_KEPT_MAX) lambda__buffer_clear(base, line);
}

void lambda__log_va(const lambda__log_out *out, lambda_log_record *record, const char *format, va_list arguments)
{
    char room[LAMBDA__LOG_PREFIX_SIZE + LAMBDA__LOG_LINE_SIZE];
    char *message = room + LAMBDA__LOG_PREFIX_SIZE;
    int formatted = vsnprintf(message, LAMBDA__LOG_LINE_SIZE, format, arguments);
    if (formatted < 0) return;
    size_t length = (size_t)formatted;
    if (length >= LAMBDA__LOG_LINE_SIZE) {
        length = LAMBDA__LOG_LINE_SIZE - 4;
        /* Not within a character. */
        while (length > 0 && ((unsigned char)message[length] & 0xC0u) == 0x80u)
            length--;
        memcpy(message + length, "...", 4);
        length += 3;
    }
    while (length > 0 && (message[length - 1] == '\n' || message[length - 1] == '\r'))
        message[--length] = '\0';
    if (record->time_ns == 0) record->time_ns = lambda__wall(&out->lambda->base);
    record->type = record->platform ? "platform.fault" : "";
    if (!record->fields) record->fields = "";
    record->message = message;
    record->message_length = length;
    /* What stands before the message is written there. */
    char prefix[LAMBDA__LOG_PREFIX_SIZE];
    size_t before = lambda__log_prefix(record, prefix);
    memcpy(message - before, prefix, before);
    if (out->json || record->fields_length > 0) {
        write_long(out, record, message - before, before + length);
    } else {
        record->line = message - before;
        record->line_length = before + length;
        hand_out(out, record);
    }
    /* Where they stood is no more. */
    record->message = record->line = "";
    record->message_length = record->line_length = 0;
}

void lambda__log(const lambda__log_out *out, lambda_log_record *record, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lambda__log_va(out, record, format, arguments);
    va_end(arguments);
}

void lambda__log_raw(const lambda__log_out *out, lambda_log_record *record, const char *line, size_t length)
{
    lambda__base *base = &out->lambda->base;
    char room[LAMBDA__LOG_LINE_SIZE];
    lambda__buffer own = {0};
    char *copy = length < sizeof(room) ? room : NULL;
    if (!copy && lambda__buffer_reserve(base, &own, length + 1)) copy = own.data;
    if (copy) {
        if (length > 0) memcpy(copy, line, length);
        copy[length] = '\0';
        if (record->time_ns == 0) record->time_ns = lambda__wall(base);
        record->type = record->fields = "";
        record->message = record->line = copy;
        record->message_length = record->line_length = length;
        hand_out(out, record);
        record->message = record->line = "";
        record->message_length = record->line_length = 0;
    } else {
        count_lost(out->lambda);
    }
    lambda__buffer_clear(base, &own);
}

void lambda__log_event_write(const lambda__log_out *out, lambda_log_record *record, const lambda__log_event *event)
{
    char text[LAMBDA__LOG_EVENT_SIZE];
    char json[LAMBDA__LOG_EVENT_SIZE];
    lambda__log_event_line(event, record, text, json);
    hand_out(out, record);
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
    lambda__log_va(&(lambda__log_out){.lambda = lambda}, &record, format, arguments);
    va_end(arguments);
}
