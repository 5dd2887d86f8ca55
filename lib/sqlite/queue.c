/* The queue port: what changes the file. */
#include "file.h"

#include <stdio.h>
#include <string.h>

#include <stdatomic.h>

#include <lambda/port/runtime.h>

static lambda_status fail(const lambda_sqlite *file, lambda_status status, const char *text)
{
    return lambda_runtime_fail(file->host.lambda, status, "%s", text);
}

lambda_status lambda__sqlite_queue_attach(void *user, const lambda_queue_host *host)
{
    lambda_sqlite *file = user;
    pthread_mutex_lock(&file->lock);
    if (file->attached) {
        pthread_mutex_unlock(&file->lock);
        return lambda_runtime_fail(host->lambda, LAMBDA_ERROR_RESOURCE_CONFLICT,
                                   "queue: %.200s is another service's already", file->path);
    }
    lambda__sqlite_own(file);
    int64_t newest = 0;
    int result = lambda__sqlite_cache_load(file, &newest);
    lambda__sqlite_disown(file);
    if (result == SQLITE_OK) {
        file->host = *host;
        file->attached = true;
        lambda__sqlite_time_start(file, newest);
    }
    pthread_mutex_unlock(&file->lock);
    return lambda__sqlite_fail(file, host->lambda, result);
}

void lambda__sqlite_queue_close(void *user)
{
    lambda_sqlite *file = user;
    pthread_mutex_lock(&file->lock);
    if (file->attached) {
        atomic_store(&file->floor, lambda__sqlite_now(file));
        lambda__sqlite_cache_forget(file);
        lambda__sqlite_lease_clear(file);
        memset(&file->host, 0, sizeof(file->host));
        file->attached = false;
    }
    pthread_mutex_unlock(&file->lock);
}

/** An entry as a message whose body is in one piece; NULL when memory is out. */
static lambda__sqlite_message *assemble(const lambda_sqlite *file, const lambda_queue_entry *entry, size_t length)
{
    lambda__sqlite_message *message = lambda__sqlite_message_new(&file->host.allocator, length);
    if (!message) return NULL;
    unsigned char *out = message->body;
    for (size_t i = 0; i < entry->parts_count; i++) {
        if (entry->parts[i].length > 0) memcpy(out, entry->parts[i].data, entry->parts[i].length);
        out += entry->parts[i].length;
    }
    message->state = entry->state;
    return message;
}

static bool measure(const lambda_sqlite *file, const lambda_queue_entry *entry, size_t *length)
{
    *length = 0;
    for (size_t i = 0; i < entry->parts_count; i++) {
        if (entry->parts[i].length > file->max_body - *length) return false;
        *length += entry->parts[i].length;
    }
    return true;
}

/** Makes messages of entries, before anything is changed. On failure there are none. */
static lambda_status assemble_all(const lambda_sqlite *file, const lambda_queue_entry *entries, size_t count,
                                  lambda__sqlite_list *messages)
{
    for (size_t i = 0; i < count; i++) {
        size_t length;
        if (!measure(file, &entries[i], &length)) {
            lambda__sqlite_list_free(&file->host.allocator, messages);
            return lambda_runtime_fail(file->host.lambda, LAMBDA_ERROR_REQUEST_TOO_LARGE,
                                       "a message is larger than the %llu bytes that the file holds",
                                       (unsigned long long)file->max_body);
        }
        lambda__sqlite_message *message = assemble(file, &entries[i], length);
        if (!message) {
            lambda__sqlite_list_free(&file->host.allocator, messages);
            return fail(file, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
        }
        lambda__sqlite_list_add(messages, message);
    }
    return LAMBDA_OK;
}

/** Sets the times of what is about to be pushed. The lock is held, so that they rise with the order of requests. */
static void stamp(const lambda_sqlite *file, lambda__sqlite_request *request, const lambda_queue_entry *entries)
{
    request->now = lambda__sqlite_now(file);
    size_t i = 0;
    for (lambda__sqlite_message *message = request->pushed.first; message; message = message->next, i++) {
        message->pushed = request->now;
        if (entries[i].delay_ns == 0) continue;
        message->due = lambda__sqlite_later(request->now, entries[i].delay_ns);
        message->delay = message->due - request->now;
    }
}

/** The request's status, with its message as this thread's. */
static lambda_status report(const lambda_sqlite *file, const lambda__sqlite_request *request)
{
    return request->status == LAMBDA_OK ? LAMBDA_OK : fail(file, request->status, request->error);
}

lambda_status lambda__sqlite_queue_push(void *user, const lambda_queue_entry *entries, size_t count)
{
    lambda_sqlite *file = user;
    if (count == 0) return LAMBDA_OK;
    lambda__sqlite_request request;
    memset(&request, 0, sizeof(request));
    lambda_status status = assemble_all(file, entries, count, &request.pushed);
    if (status != LAMBDA_OK) return status;
    pthread_mutex_lock(&file->lock);
    stamp(file, &request, entries);
    lambda__sqlite_commit(file, &request);
    lambda__sqlite_list_free(&file->host.allocator, &request.pushed);
    return report(file, &request);
}

/** Frees what the receiver borrowed of a message whose visibility was over. The lock is held. */
static void end_late(lambda_sqlite *file, lambda__sqlite_message *message)
{
    lambda__sqlite_lease_end(file, message);
    if (!message->redelivery) file->host.allocator.release(file->host.allocator.user, message);
}

/** Ends the receipts of messages whose visibility was over. The lock is held. */
static void end_all_late(lambda_sqlite *file, const lambda_queue_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lambda__sqlite_message *message = lambda__sqlite_lease_find(file, messages[i].receipt);
        if (message && message->standing == MESSAGE_LATE) end_late(file, message);
    }
}

/** Takes the messages that are still the receiver's into the request; returns how many are not. The lock is held. */
static size_t collect(lambda_sqlite *file, const lambda_queue_message *messages, size_t count,
                      lambda__sqlite_request *request)
{
    size_t late = 0;
    for (size_t i = 0; i < count; i++) {
        lambda__sqlite_message *message = lambda__sqlite_lease_find(file, messages[i].receipt);
        if (!message || message->standing != MESSAGE_HELD) {
            late++;
            continue;
        }
        lambda__sqlite_lease_freeze(file, message);
        lambda__sqlite_list_add(&request->ended, message);
    }
    return late;
}

/** What is left of an acknowledgement after its request: on success the messages are freed, else they are the receiver's again. */
static void settle(lambda_sqlite *file, lambda__sqlite_request *request, const lambda_queue_message *messages,
                   size_t count, size_t late)
{
    const lambda_allocator *allocator = &file->host.allocator;
    if (request->status == LAMBDA_OK && late == 0) {
        lambda__sqlite_list_free(allocator, &request->ended);
        return;
    }
    pthread_mutex_lock(&file->lock);
    if (request->status == LAMBDA_OK) {
        end_all_late(file, messages, count);
        lambda__sqlite_list_free(allocator, &request->ended);
    } else {
        for (lambda__sqlite_message *message; (message = lambda__sqlite_list_take(&request->ended));)
            lambda__sqlite_lease_thaw(file, message);
    }
    pthread_mutex_unlock(&file->lock);
}

lambda_status lambda__sqlite_queue_acknowledge(void *user, const lambda_queue_message *messages, size_t count,
                                               const lambda_queue_entry *entries, size_t entries_count)
{
    lambda_sqlite *file = user;
    if (count == 0 && entries_count == 0) return LAMBDA_OK;
    lambda__sqlite_request request;
    memset(&request, 0, sizeof(request));
    request.may_overfill = true;
    lambda_status status = assemble_all(file, entries, entries_count, &request.pushed);
    if (status != LAMBDA_OK) return status;
    pthread_mutex_lock(&file->lock);
    stamp(file, &request, entries);
    lambda__sqlite_lease_expire(file, request.now);
    size_t late = collect(file, messages, count, &request);
    bool nothing = count > 0 && !request.ended.first;
    if (nothing)
        pthread_mutex_unlock(&file->lock);
    else
        lambda__sqlite_commit(file, &request);
    settle(file, &request, messages, count, late);
    lambda__sqlite_list_free(&file->host.allocator, &request.pushed);
    if (request.status == LAMBDA_OK && late > 0)
        return fail(file, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                    count == 1 ? "the message is not its receiver's any more: its visibility was over"
                               : "a message is not its receiver's any more: its visibility was over");
    return report(file, &request);
}

lambda_status lambda__sqlite_queue_retry(void *user, const lambda_queue_message *given, uint64_t state,
                                         uint64_t delay_ns)
{
    lambda_sqlite *file = user;
    lambda__sqlite_request request;
    memset(&request, 0, sizeof(request));
    request.retry_state = state;
    request.retry_delay = lambda__sqlite_later(0, delay_ns);
    pthread_mutex_lock(&file->lock);
    request.now = lambda__sqlite_now(file);
    request.retry_delay = lambda__sqlite_later(request.now, delay_ns) - request.now;
    lambda__sqlite_lease_expire(file, request.now);
    lambda__sqlite_message *message = lambda__sqlite_lease_find(file, given->receipt);
    if (!message || message->standing != MESSAGE_HELD) {
        if (message && message->standing == MESSAGE_LATE) end_late(file, message);
        pthread_mutex_unlock(&file->lock);
        return fail(file, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                    "the message is not its receiver's any more: its visibility was over");
    }
    lambda__sqlite_lease_freeze(file, message);
    request.retried = message;
    lambda__sqlite_commit(file, &request);
    if (request.status == LAMBDA_OK) {
        file->host.allocator.release(file->host.allocator.user, message);
        return LAMBDA_OK;
    }
    pthread_mutex_lock(&file->lock);
    lambda__sqlite_lease_thaw(file, message);
    pthread_mutex_unlock(&file->lock);
    return report(file, &request);
}
