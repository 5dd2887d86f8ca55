/* Log lines that are kept as one text. */
#include <lambda/testing.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct lambda_test_log {
    pthread_mutex_t mutex;
    char *text; /* NULL while there is no line */
    size_t length;
    size_t capacity;
};

lambda_test_log *lambda_test_log_new(void)
{
    lambda_test_log *log = calloc(1, sizeof(*log));
    if (log && pthread_mutex_init(&log->mutex, NULL) != 0) {
        free(log);
        return NULL;
    }
    return log;
}

void lambda_test_log_free(lambda_test_log *log)
{
    if (!log) return;
    pthread_mutex_destroy(&log->mutex);
    free(log->text);
    free(log);
}

static void put(lambda_test_log *log, const char *text, size_t length)
{
    memcpy(log->text + log->length, text, length);
    log->length += length;
    log->text[log->length] = '\0';
}

static lambda_status write_line(void *user, const lambda_log_record *record)
{
    lambda_test_log *log = user;
    const char *level = lambda_log_level_name(record->level);
    const char *id = record->request_id[0] ? record->request_id : "-";
    size_t size = strlen(level) + strlen(id) + record->message_length + 4;
    pthread_mutex_lock(&log->mutex);
    if (log->length + size > log->capacity) {
        size_t capacity = (log->length + size) * 2;
        char *grown = realloc(log->text, capacity);
        if (grown) {
            log->text = grown;
            log->capacity = capacity;
        }
    }
    /* A line for which there is no memory is missing. */
    if (log->length + size <= log->capacity) {
        put(log, level, strlen(level));
        put(log, " ", 1);
        put(log, id, strlen(id));
        put(log, " ", 1);
        put(log, record->message, record->message_length);
        put(log, "\n", 1);
    }
    pthread_mutex_unlock(&log->mutex);
    return LAMBDA_OK;
}

lambda_log_sink lambda_test_log_sink(lambda_test_log *log)
{
    return (lambda_log_sink){.write = log ? write_line : NULL, .user = log, .direct = true};
}

const char *lambda_test_log_text(lambda_test_log *log)
{
    return log && log->text ? log->text : "";
}

size_t lambda_test_log_count(lambda_test_log *log, const char *text)
{
    size_t count = 0;
    if (!log || !text) return 0;
    pthread_mutex_lock(&log->mutex);
    for (const char *line = log->text ? log->text : ""; *line;) {
        const char *found = strstr(line, text);
        if (!found) break;
        count++;
        const char *end = strchr(found, '\n');
        line = end ? end + 1 : "";
    }
    pthread_mutex_unlock(&log->mutex);
    return count;
}

void lambda_test_log_clear(lambda_test_log *log)
{
    if (!log) return;
    pthread_mutex_lock(&log->mutex);
    log->length = 0;
    if (log->text) log->text[0] = '\0';
    pthread_mutex_unlock(&log->mutex);
}
