#include "event/stream.h"

#include <string.h>

#include "base/error.h"
#include "base/executor.h"
#include "base/thread.h"
#include "event/event.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

void lambda__stream_init(lambda__stream *stream, const lambda_response_stream *to)
{
    stream->to = *to;
    stream->handed = 0;
    stream->status = LAMBDA_OK;
    stream->begun = false;
    atomic_store_explicit(&stream->turn, LAMBDA__STREAM_OPEN, memory_order_relaxed);
    memcpy(stream->content_type, "application/octet-stream", sizeof("application/octet-stream"));
}

/* ---- whose turn it is */

static bool enter(lambda__stream *stream)
{
    uint32_t open = LAMBDA__STREAM_OPEN;
    return atomic_compare_exchange_strong_explicit(&stream->turn, &open, LAMBDA__STREAM_CALLING, memory_order_acquire,
                                                   memory_order_relaxed);
}

static void leave_call(lambda__stream *stream)
{
    uint32_t calling = LAMBDA__STREAM_CALLING;
    if (LAMBDA__LIKELY(atomic_compare_exchange_strong_explicit(&stream->turn, &calling, LAMBDA__STREAM_OPEN,
                                                               memory_order_release, memory_order_relaxed)))
        return;
    atomic_store_explicit(&stream->turn, LAMBDA__STREAM_LEFT, memory_order_release);
    lambda__platform_wake(&stream->turn);
}

void lambda__stream_leave(lambda__base *base, lambda__stream *stream)
{
    uint32_t state = LAMBDA__STREAM_OPEN;
    while (!atomic_compare_exchange_weak_explicit(
        &stream->turn, &state, state == LAMBDA__STREAM_CALLING ? LAMBDA__STREAM_LEAVING : LAMBDA__STREAM_LEFT,
        memory_order_acquire, memory_order_acquire))
        ;
    if (state == LAMBDA__STREAM_CALLING) lambda__wait(base, &stream->turn, LAMBDA__STREAM_LEAVING, UINT64_MAX);
}

/* ---- handing on */

/** What every write answers once one was not taken. */
static lambda_status refused(const lambda_response *response)
{
    lambda_status status = response->stream->status;
    return lambda__fail(&response->lambda->base, status, "response: who read it as a stream wants no more of it");
}

/** One part; none where there is no length, and then the stream has at least begun. */
static lambda_status hand_on(lambda_response *response, const void *data, size_t length)
{
    lambda__stream *stream = response->stream;
    lambda__base *base = &response->lambda->base;
    if (LAMBDA__UNLIKELY(!enter(stream))) {
        stream->status = LAMBDA_ERROR_SERVICE;
        return lambda__fail(base, LAMBDA_ERROR_SERVICE,
                            "response: nobody reads it any more, as the invocation's time is over");
    }
    lambda_status status = LAMBDA_OK;
    const lambda__thread *thread = lambda__thread_get(base);
    uint32_t failures = thread ? thread->failures : 0;
    if (LAMBDA__UNLIKELY(!stream->begun)) {
        stream->begun = true;
        if (stream->to.begin) status = stream->to.begin(stream->to.user, stream->content_type);
    }
    if (LAMBDA__LIKELY(status == LAMBDA_OK && length > 0)) status = stream->to.write(stream->to.user, data, length);
    if (LAMBDA__LIKELY(status == LAMBDA_OK))
        stream->handed += length;
    else
        stream->status = status;
    leave_call(stream);
    if (LAMBDA__LIKELY(status == LAMBDA_OK)) return LAMBDA_OK;
    /* What the reader itself said of it is the better message. */
    return thread && thread->failures != failures ? status : refused(response);
}

static lambda_status hand_on_gathered(lambda_response *response)
{
    if (response->body.length == 0) return LAMBDA_OK;
    lambda_status status = hand_on(response, response->body.data, response->body.length);
    response->body.length = 0;
    return status;
}

static lambda_status too_large(lambda_response *response)
{
    response->too_large = true;
    return lambda__fail(&response->lambda->base, LAMBDA_ERROR_REQUEST_TOO_LARGE,
                        "response: is larger than %llu bytes, the limit of one that is read as a stream",
                        (unsigned long long)response->lambda->limits.streamed_response_payload);
}

lambda_status lambda__stream_write(lambda_response *response, const void *data, size_t length)
{
    lambda__stream *stream = response->stream;
    lambda__base *base = &response->lambda->base;
    uint64_t left = response->lambda->limits.streamed_response_payload - stream->handed - response->body.length;
    if (LAMBDA__UNLIKELY(stream->status != LAMBDA_OK)) return refused(response);
    /* As in a response that is read whole: it is taken, and lost. */
    if (LAMBDA__UNLIKELY(response->failed)) return LAMBDA_OK;
    /* What came after a hole would be something else than the function wrote. */
    if (LAMBDA__UNLIKELY(response->too_large || length > left)) return too_large(response);
    /* Where there is no memory to gather in, every write is handed on as it is. */
    if (length < LAMBDA__STREAM_SMALL && lambda__buffer_reserve(base, &response->body, LAMBDA__STREAM_GATHERED) &&
        lambda__buffer_append(base, &response->body, data, length))
        return response->body.length < LAMBDA__STREAM_GATHERED ? LAMBDA_OK : hand_on_gathered(response);
    lambda_status status = hand_on_gathered(response);
    return LAMBDA__LIKELY(status == LAMBDA_OK && length > 0) ? hand_on(response, data, length) : status;
}

lambda_status lambda__stream_restart(lambda_response *response)
{
    lambda__base *base = &response->lambda->base;
    if (response->stream->status != LAMBDA_OK) return refused(response);
    if (response->stream->begun)
        return lambda__fail(base, INVALID, "response: a part of it was handed on, which cannot be replaced");
    if (response->failed) return lambda__fail(base, INVALID, "response: is an error already");
    response->body.length = 0;
    return LAMBDA_OK;
}

void lambda__stream_end(lambda_response *response, lambda_status status, bool late)
{
    lambda__stream *stream = response->stream;
    bool succeeded = status == LAMBDA_OK && !response->failed && !response->too_large;
    lambda__thread *thread = lambda__thread_get(&response->lambda->base);
    char message[LAMBDA__ERROR_SIZE];
    uint32_t failures = thread ? thread->failures : 0;
    /* What the handler failed with is told by this message: no reader's may take its place. */
    if (!succeeded && thread) memcpy(message, thread->message, sizeof(message));
    if (!late && stream->status == LAMBDA_OK) {
        if (response->body.length > 0)
            hand_on_gathered(response);
        else if (succeeded && !stream->begun)
            hand_on(response, NULL, 0);
    }
    response->body.length = 0;
    if (succeeded || !thread) return;
    memcpy(thread->message, message, sizeof(message));
    thread->failures = failures;
}

/* ---- the handler's calls */

lambda_status lambda_response_flush(lambda_response *response)
{
    if (!response) return lambda__fail(NULL, INVALID, "response: is NULL");
    if (!response->stream) return LAMBDA_OK;
    if (response->stream->status != LAMBDA_OK) return refused(response);
    response->limit = 0;
    /* What is there after an error was written before it. */
    return hand_on_gathered(response);
}

lambda_status lambda_response_content_type(lambda_response *response, const char *content_type)
{
    lambda__base *base = response ? &response->lambda->base : NULL;
    if (!response || !content_type)
        return lambda__fail(base, INVALID, "%s: is NULL", response ? "content_type" : "response");
    size_t length = strnlen(content_type, LAMBDA__CONTENT_TYPE_SIZE);
    bool printable = length > 0 && length < LAMBDA__CONTENT_TYPE_SIZE;
    for (size_t i = 0; i < length && printable; i++)
        printable = content_type[i] >= 0x20 && content_type[i] < 0x7F;
    if (!printable)
        return lambda__fail(base, INVALID, "content_type: is not 1 to %d printable ASCII characters",
                            LAMBDA__CONTENT_TYPE_SIZE - 1);
    if (!response->stream) return LAMBDA_OK;
    if (response->stream->begun)
        return lambda__fail(base, INVALID, "content_type: a part of the response was handed on already");
    memcpy(response->stream->content_type, content_type, length + 1);
    return LAMBDA_OK;
}
