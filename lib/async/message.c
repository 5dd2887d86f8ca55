#include "async/message.h"

#include <string.h>

static inline void add(lambda_bytes *parts, size_t *count, const void *data, size_t length)
{
    if (length > 0) parts[(*count)++] = lambda_bytes_make(data, length);
}

size_t lambda__message_parts(lambda__event_message *message, lambda_bytes parts[LAMBDA__MESSAGE_PARTS])
{
    lambda__message_head *head = &message->head;
    size_t count = 0;
    head->version = LAMBDA__MESSAGE_VERSION;
    head->name_length = (uint16_t)message->name.function_length;
    head->qualifier_length = (uint16_t)message->name.qualifier_length;
    head->trace_length = (uint16_t)(message->trace_id ? strlen(message->trace_id) + 1 : 0);
    head->context_length = (uint16_t)message->client_context.length;
    head->payload_length = (uint32_t)message->payload.length;
    add(parts, &count, head, sizeof(*head));
    add(parts, &count, message->lineage, head->lineage_count * sizeof(*message->lineage));
    add(parts, &count, message->name.function, head->name_length);
    add(parts, &count, message->name.qualifier, head->qualifier_length);
    add(parts, &count, message->trace_id, head->trace_length);
    add(parts, &count, message->client_context.data, head->context_length);
    add(parts, &count, message->payload.data, head->payload_length);
    if (!head->delivery) return count;
    head->executed_length = (uint16_t)message->executed_version.length;
    head->error_length = (uint16_t)message->error.length;
    head->answer_length = (uint32_t)message->answer.length;
    add(parts, &count, message->executed_version.data, head->executed_length);
    for (int i = 0; i < LAMBDA__TARGETS; i++) {
        head->target_lengths[i] = (uint16_t)message->targets[i].length;
        add(parts, &count, message->targets[i].data, head->target_lengths[i]);
    }
    add(parts, &count, message->error.data, head->error_length);
    add(parts, &count, message->answer.data, head->answer_length);
    return count;
}

/** The next so many bytes. */
static inline const char *take(const char **at, size_t length)
{
    const char *start = *at;
    *at = start + length;
    return start;
}

static inline lambda_bytes take_bytes(const char **at, size_t length)
{
    return lambda_bytes_make(take(at, length), length);
}

/** Bytes of all that a head says is behind it; each is 4 GiB at most, so that there is no overflow. */
static uint64_t size_behind(const lambda__message_head *head)
{
    uint64_t size = (uint64_t)head->lineage_count * sizeof(lambda__ancestor) + head->name_length +
                    head->qualifier_length + head->trace_length + head->context_length + head->payload_length;
    if (LAMBDA__LIKELY(!head->delivery)) return size;
    for (int i = 0; i < LAMBDA__TARGETS; i++)
        size += head->target_lengths[i];
    return size + head->executed_length + head->error_length + head->answer_length;
}

static bool head_is_valid(const lambda__message_head *head, size_t behind)
{
    return head->version == LAMBDA__MESSAGE_VERSION && head->lineage_count <= LAMBDA__LINEAGE_MAX &&
           head->name_length > 0 && head->name_length <= LAMBDA__NAME_MAX &&
           head->qualifier_length < LAMBDA__QUALIFIER_SIZE && head->condition <= LAMBDA_ASYNC_RECURSIVE_LOOP &&
           size_behind(head) == behind;
}

bool lambda__message_read(lambda_bytes body, lambda__event_message *message)
{
    lambda__message_head *head = &message->head;
    const char *at = body.data;
    if (body.length < sizeof(*head)) return false;
    memcpy(head, at, sizeof(*head));
    at += sizeof(*head);
    if (LAMBDA__UNLIKELY(!head_is_valid(head, body.length - sizeof(*head)))) return false;
    message->lineage =
        (const lambda__ancestor *)(const void *)take(&at, head->lineage_count * sizeof(lambda__ancestor));
    message->name.function_length = head->name_length;
    message->name.function = take(&at, head->name_length);
    message->name.qualifier_length = head->qualifier_length;
    message->name.qualifier = head->qualifier_length ? at : NULL;
    take(&at, head->qualifier_length);
    message->trace_id = head->trace_length ? at : NULL;
    take(&at, head->trace_length);
    message->client_context = take_bytes(&at, head->context_length);
    message->payload = take_bytes(&at, head->payload_length);
    if (LAMBDA__UNLIKELY(head->delivery)) {
        message->executed_version = take_bytes(&at, head->executed_length);
        for (int i = 0; i < LAMBDA__TARGETS; i++)
            message->targets[i] = take_bytes(&at, head->target_lengths[i]);
        message->error = take_bytes(&at, head->error_length);
        message->answer = take_bytes(&at, head->answer_length);
    }
    return !message->trace_id || message->trace_id[head->trace_length - 1] == '\0';
}

void lambda__message_name(const lambda__event_message *message, char text[LAMBDA__MESSAGE_NAME_SIZE])
{
    size_t length = message->name.function_length;
    memcpy(text, message->name.function, length);
    if (message->name.qualifier) {
        text[length++] = ':';
        memcpy(text + length, message->name.qualifier, message->name.qualifier_length);
        length += message->name.qualifier_length;
    }
    text[length] = '\0';
}
