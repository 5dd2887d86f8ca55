/* The queue port: what changes memory alone. */
#include "file.h"

#include <string.h>

#include <lambda/port/runtime.h>

/** Takes a message that is to be received again; NULL when memory is out, and it stays. */
static lambda__sqlite_message *take_overdue(lambda_sqlite *file)
{
    lambda__sqlite_message *message = file->overdue.first;
    if (!message->borrowed) return lambda__sqlite_list_take(&file->overdue);
    /* The late receiver may still read it. */
    lambda__sqlite_message *copy = lambda__sqlite_message_new(&file->host.allocator, message->length);
    if (!copy) return NULL;
    copy->id = message->id;
    copy->pushed = message->pushed;
    copy->due = message->due;
    copy->delay = message->delay;
    copy->state = message->state;
    copy->receive_count = message->receive_count;
    memcpy(copy->body, message->body, message->length);
    lambda__sqlite_list_take(&file->overdue);
    message->redelivery = false;
    return copy;
}

static lambda__sqlite_message *take(lambda_sqlite *file)
{
    if (file->overdue.first) return take_overdue(file);
    lambda__sqlite_message *message = lambda__sqlite_list_take(&file->ready);
    if (message) file->ready_bytes -= message->length;
    return message;
}

lambda_status lambda__sqlite_queue_receive(void *user, lambda_queue_message *messages, size_t capacity,
                                           uint64_t visible_ns, size_t *count)
{
    lambda_sqlite *file = user;
    *count = 0;
    if (capacity > LAMBDA_QUEUE_RECEIVE_MAX) capacity = LAMBDA_QUEUE_RECEIVE_MAX;
    if (capacity == 0) return LAMBDA_OK;
    pthread_mutex_lock(&file->lock);
    lambda_status status = lambda__sqlite_cache_fill(file, capacity);
    int64_t now = lambda__sqlite_now(file);
    lambda__sqlite_lease_expire(file, now);
    int64_t expires = visible_ns == LAMBDA_QUEUE_FOREVER ? INT64_MAX : lambda__sqlite_later(now, visible_ns);
    size_t there = file->overdue.count + file->ready.count;
    if (there > capacity) there = capacity;
    bool memory = there == 0 || lambda__sqlite_lease_reserve(file, there);
    while (memory && *count < there) {
        lambda__sqlite_message *message = take(file);
        if (!message) {
            memory = false;
            break;
        }
        uint64_t receipt = lambda__sqlite_lease_begin(file, message, expires);
        messages[(*count)++] = (lambda_queue_message){.body = lambda_bytes_make(message->body, message->length),
                                                      .state = message->state,
                                                      .age_ns = lambda__sqlite_between(message->pushed, now),
                                                      .receipt = receipt,
                                                      .receive_count = message->receive_count};
    }
    pthread_mutex_unlock(&file->lock);
    if (*count > 0) return LAMBDA_OK;
    if (!memory) return lambda_runtime_fail(file->host.lambda, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
    return status;
}

lambda_status lambda__sqlite_queue_extend(void *user, const lambda_queue_message *messages, size_t count,
                                          uint64_t visible_ns)
{
    lambda_sqlite *file = user;
    size_t late = 0;
    pthread_mutex_lock(&file->lock);
    int64_t now = lambda__sqlite_now(file);
    int64_t expires = visible_ns == LAMBDA_QUEUE_FOREVER ? INT64_MAX : lambda__sqlite_later(now, visible_ns);
    lambda__sqlite_lease_expire(file, now);
    for (size_t i = 0; i < count; i++) {
        lambda__sqlite_message *message = lambda__sqlite_lease_find(file, messages[i].receipt);
        if (message && message->standing == MESSAGE_HELD)
            lambda__sqlite_lease_extend(file, message, expires);
        else
            late++;
    }
    pthread_mutex_unlock(&file->lock);
    if (late == 0) return LAMBDA_OK;
    return lambda_runtime_fail(file->host.lambda, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                               "a message is not its receiver's any more: its visibility was over");
}

uint64_t lambda__sqlite_queue_next_due(void *user)
{
    lambda_sqlite *file = user;
    pthread_mutex_lock(&file->lock);
    uint64_t due = UINT64_MAX;
    if (file->ready.first || file->overdue.first || file->cursor < file->end) {
        due = 0;
    } else {
        int64_t next = file->next_due;
        if (file->heap_count > 0 && file->heap[0]->expires < next) next = file->heap[0]->expires;
        if (next != INT64_MAX) due = lambda__sqlite_between(lambda__sqlite_now(file), next);
    }
    pthread_mutex_unlock(&file->lock);
    return due;
}
