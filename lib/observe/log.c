#include "observe/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const level_names[] = {"INFO", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"};

const char *lambda_log_level_name(lambda_log_level level)
{
    size_t index = (size_t)level;
    return index < sizeof(level_names) / sizeof(level_names[0]) ? level_names[index] : "UNKNOWN";
}

void lambda__log_va(lambda_t *lambda, lambda_log_record *record, const char *format, va_list arguments)
{
    if (!lambda__log_enabled(lambda, record->level)) return;
    char line[LAMBDA__LOG_LINE_SIZE];
    int length = vsnprintf(line, sizeof(line), format, arguments);
    if (length < 0) return;
    if ((size_t)length >= sizeof(line)) {
        memcpy(line + sizeof(line) - 4, "...", 4);
        length = (int)sizeof(line) - 1;
    }
    record->time_ns = lambda__wall(&lambda->base);
    record->message = line;
    record->message_length = (size_t)length;
    lambda->log.write(lambda->log.user, record);
}

void lambda__log(lambda_t *lambda, lambda_log_record *record, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lambda__log_va(lambda, record, format, arguments);
    va_end(arguments);
}

/** One fprintf a line: the stream's own lock keeps lines of several threads whole. */
static void write_stderr(void *user, const lambda_log_record *record)
{
    (void)user;
    if (record->platform) {
        fprintf(stderr, "%s\n", record->message);
        return;
    }
    time_t seconds = (time_t)(record->time_ns / 1000000000);
    struct tm utc;
    char text[32] = "";
    if (gmtime_r(&seconds, &utc)) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    fprintf(stderr, "%s.%03uZ %s [%s] %s\n", text, (unsigned)(record->time_ns / 1000000 % 1000),
            lambda_log_level_name(record->level), record->request_id, record->message);
}

lambda_log_sink lambda_log_sink_stderr(void)
{
    return (lambda_log_sink){.write = write_stderr};
}

void lambda__log_error(lambda_t *lambda, const char *format, ...)
{
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
