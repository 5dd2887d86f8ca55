#include "observe/log/flat.h"

#include <string.h>

/** Mostly the message is the end of the line, and stands there with the line's own NUL behind it. */
static bool ends_line(const lambda_log_record *record)
{
    uintptr_t line_end = (uintptr_t)record->line + record->line_length;
    return record->message_length <= record->line_length &&
           (uintptr_t)record->message + record->message_length == line_end;
}

size_t lambda__log_flat_size(const lambda_log_record *record)
{
    size_t message = ends_line(record) ? 0 : record->message_length + 1;
    return sizeof(*record) + strlen(record->type) + strlen(record->log_group_name) + strlen(record->log_stream_name) +
           strlen(record->request_id) + 4 + record->fields_length + 1 + record->line_length + 1 + message;
}

/** Puts a text behind what is there; its offset, as a pointer. */
static const char *put(char *flat, size_t *at, const char *text, size_t length)
{
    const char *offset = (const char *)(uintptr_t)*at;
    memcpy(flat + *at, text, length);
    flat[*at + length] = '\0';
    *at += length + 1;
    return offset;
}

void lambda__log_flat_write(const lambda_log_record *record, void *to)
{
    char *flat = to;
    size_t at = sizeof(*record);
    lambda_log_record made = *record;
    made.type = put(flat, &at, record->type, strlen(record->type));
    made.log_group_name = put(flat, &at, record->log_group_name, strlen(record->log_group_name));
    made.log_stream_name = put(flat, &at, record->log_stream_name, strlen(record->log_stream_name));
    made.request_id = put(flat, &at, record->request_id, strlen(record->request_id));
    made.fields = put(flat, &at, record->fields, record->fields_length);
    if (ends_line(record))
        made.message = (const char *)(uintptr_t)(at + record->line_length - record->message_length);
    else
        made.message = put(flat, &at, record->message, record->message_length);
    made.line = put(flat, &at, record->line, record->line_length);
    memcpy(flat, &made, sizeof(made));
}

const lambda_log_record *lambda__log_flat_read(void *flat)
{
    lambda_log_record *record = flat;
    const char **const texts[] = {&record->type,       &record->log_group_name, &record->log_stream_name,
                                  &record->request_id, &record->fields,         &record->message,
                                  &record->line};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = (const char *)flat + (uintptr_t)*texts[i];
    return record;
}
