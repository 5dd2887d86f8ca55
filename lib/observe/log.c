#include "observe/log.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char *const level_names[] = {"INFO", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"};

const char *lambda_log_level_name(lambda_log_level level)
{
    size_t index = (size_t)level;
    return index < sizeof(level_names) / sizeof(level_names[0]) ? level_names[index] : "UNKNOWN";
}

lambda_status lambda__log_open(lambda_t *lambda, const lambda_options *options, lambda__logs **opened)
{
    lambda__logs *logs = lambda__allocate_zeroed(&lambda->base, sizeof(*logs));
    if (!logs) return lambda__out_of_memory(NULL);
    for (size_t i = 0; i < LAMBDA_LOG_SINKS_MAX; i++)
        if (options->log[i].write) logs->sinks[logs->count++] = options->log[i];
    *opened = logs->count > 0 ? logs : NULL;
    if (!*opened) lambda__release(&lambda->base, logs);
    return LAMBDA_OK;
}

void lambda__log_close(lambda_t *lambda, lambda__logs *logs)
{
    lambda__release(&lambda->base, logs);
}

void lambda__log_write(lambda_t *lambda, lambda_log_record *record, const char *message, size_t length)
{
    record->time_ns = lambda__wall(&lambda->base);
    record->message = record->line = message;
    record->message_length = record->line_length = length;
    record->type = record->fields = "";
    for (size_t i = 0; i < lambda->logs->count; i++)
        (void)lambda->logs->sinks[i].write(lambda->logs->sinks[i].user, record);
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
