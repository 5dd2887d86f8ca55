/*
 * Responses that are read where the reader asks for them. The invocation is a piece of work; between its handler, which writes, and the reader is a ring of bytes.
 *
 * Who waits says so in a word of its own before it looks once more; who changes something looks at that word afterwards. So either sees the other,
 * and where nobody waits nobody is woken. The piece's last touch of the reader is the bit ENDED: from then on it is the reader's alone.
 *
 * A host's executor may run the piece within a call of the reader's own thread, beneath which the reader cannot read: what the ring has no room for then
 * overflows into memory that grows. The next bytes go there too, until the reader has emptied it.
 *
 * An open reader is one of the service's pieces of work, up to its close: so the service stays as long as it does.
 */
#include <lambda/response_reader.h>

#include <string.h>

#include "base/error.h"
#include "base/executor.h"
#include "base/latch.h"
#include "base/memory.h"
#include "invoke/invoke.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define RING    LAMBDA_RESPONSE_READER_BUFFER

/** Who waits for room is told when there is so much. */
#define ROOM (RING / 2)

/** The bits of `more`: the invocation has ended; what is above them counts. */
enum { ENDED = 1, MORE = 2 };

struct lambda_response_reader {
    lambda_t *lambda;
    /* The piece's, until it has ended. */
    const char *function_name;
    lambda_bytes payload;
    lambda_invoke_options options;
    lambda_response_stream stream;
    bool nested; /* a handler opened it: `origin` is what led to it */
    lambda__origin origin;
    lambda_result result;
    lambda_status status; /* of the invocation */
    char message[LAMBDA__ERROR_SIZE];
    /* Of both. */
    _Atomic uint64_t put;   /* bytes that were put into the ring; the writer's */
    _Atomic uint64_t taken; /* bytes that were taken out; the reader's */
    _Atomic uint32_t more;  /* changes when there is something to read, where that is waited for */
    _Atomic uint32_t room;  /* changes when there is room, likewise */
    _Atomic bool reader_waits;
    _Atomic bool writer_waits;
    _Atomic bool begun;         /* content_type is there */
    _Atomic bool gone;          /* nobody reads any more */
    _Atomic bool overflows;     /* there is something in `overflow` */
    _Atomic uint32_t on_thread; /* number of the thread that called last */
    lambda__latch latch;        /* of what overflows */
    lambda__buffer overflow;
    size_t overflow_taken;
    char content_type[LAMBDA__CONTENT_TYPE_SIZE];
    char ring[RING]; /* last but for copies of what was given, which follow it */
};

/* ---- the writer's side */

static void tell_reader(lambda_response_reader *reader)
{
    if (!atomic_load_explicit(&reader->reader_waits, memory_order_seq_cst)) return;
    atomic_fetch_add_explicit(&reader->more, MORE, memory_order_release);
    lambda__platform_wake(&reader->more);
}

static lambda_status nobody_reads(const lambda_response_reader *reader)
{
    return lambda__fail(&reader->lambda->base, LAMBDA_ERROR_SERVICE, "response: its reader was closed");
}

static lambda_status begin(void *user, const char *content_type)
{
    lambda_response_reader *reader = user;
    memcpy(reader->content_type, content_type, strlen(content_type) + 1);
    atomic_store_explicit(&reader->begun, true, memory_order_seq_cst);
    tell_reader(reader);
    return atomic_load_explicit(&reader->gone, memory_order_acquire) ? nobody_reads(reader) : LAMBDA_OK;
}

/** Puts as much into the ring as there is room for; how much that is. */
static size_t put(lambda_response_reader *reader, const char *data, size_t length)
{
    uint64_t at = atomic_load_explicit(&reader->put, memory_order_relaxed);
    size_t room = RING - (size_t)(at - atomic_load_explicit(&reader->taken, memory_order_acquire));
    size_t count = length < room ? length : room;
    size_t start = (size_t)(at % RING);
    size_t straight = count < RING - start ? count : RING - start;
    if (count == 0) return 0;
    memcpy(reader->ring + start, data, straight);
    memcpy(reader->ring, data + straight, count - straight);
    atomic_store_explicit(&reader->put, at + count, memory_order_seq_cst);
    tell_reader(reader);
    return count;
}

/** Where something overflows already, or `begin` says that it is to: puts all of it there. True if so. */
static bool put_over(lambda_response_reader *reader, const char *data, size_t length, bool begins,
                     lambda_status *status)
{
    lambda__base *base = &reader->lambda->base;
    if (!begins && !atomic_load_explicit(&reader->overflows, memory_order_acquire)) return false;
    lambda__latch_take(&reader->latch);
    bool over = begins || reader->overflow.length > 0;
    bool complete = !over || lambda__buffer_append(base, &reader->overflow, data, length);
    if (over && complete) atomic_store_explicit(&reader->overflows, true, memory_order_seq_cst);
    lambda__latch_give(&reader->latch);
    if (over) tell_reader(reader);
    if (!complete) *status = lambda__out_of_memory(base);
    return over;
}

/** True if the reader's thread is this one: it cannot read before the handler has returned. */
static bool is_beneath(const lambda_response_reader *reader)
{
    return reader->lambda->base.executor.help &&
           atomic_load_explicit(&reader->on_thread, memory_order_acquire) == lambda__thread_number();
}

static void wait_for_room(lambda_response_reader *reader)
{
    lambda__base *base = &reader->lambda->base;
    atomic_store_explicit(&reader->writer_waits, true, memory_order_seq_cst);
    for (;;) {
        uint32_t seen = atomic_load_explicit(&reader->room, memory_order_acquire);
        uint64_t there = atomic_load_explicit(&reader->put, memory_order_relaxed) -
                         atomic_load_explicit(&reader->taken, memory_order_seq_cst);
        if (there <= RING - ROOM || atomic_load_explicit(&reader->gone, memory_order_seq_cst)) break;
        if (!base->executor.help && lambda__spin(base, &reader->room, seen)) continue;
        lambda__wait(base, &reader->room, seen, UINT64_MAX);
    }
    atomic_store_explicit(&reader->writer_waits, false, memory_order_relaxed);
}

static lambda_status write_part(void *user, const void *data, size_t length)
{
    lambda_response_reader *reader = user;
    const char *at = data;
    lambda_status status = LAMBDA_OK;
    for (;;) {
        if (atomic_load_explicit(&reader->gone, memory_order_acquire)) return nobody_reads(reader);
        if (put_over(reader, at, length, false, &status)) return status;
        size_t count = put(reader, at, length);
        at += count;
        length -= count;
        if (length == 0) return LAMBDA_OK;
        if (is_beneath(reader)) {
            put_over(reader, at, length, true, &status);
            return status;
        }
        wait_for_room(reader);
    }
}

/** The piece of work. */
static void run(void *user)
{
    lambda_response_reader *reader = user;
    lambda_t *lambda = reader->lambda;
    lambda__base *base = &lambda->base;
    lambda__thread *thread = lambda__thread_get(base);
    const lambda__chain *outer = thread ? thread->chain : NULL;
    if (thread) {
        thread->chain = reader->nested ? &reader->origin.chain : NULL;
        atomic_fetch_add_explicit(&thread->working, 1, memory_order_acq_rel);
    }
    reader->status = lambda_invoke_sized(lambda, reader->function_name, reader->payload, &reader->options,
                                         sizeof(reader->options), &reader->result, sizeof(reader->result));
    if (reader->status != LAMBDA_OK) {
        const char *message = lambda__error_message(thread ? base : NULL);
        memcpy(reader->message, message, strlen(message) + 1);
    }
    if (thread) {
        thread->chain = outer;
        atomic_fetch_sub_explicit(&thread->working, 1, memory_order_acq_rel);
    }
    atomic_fetch_or_explicit(&reader->more, ENDED, memory_order_release);
    lambda__platform_wake(&reader->more); /* only an address by now */
}

/* ---- the reader's side */

static void tell_writer(lambda_response_reader *reader)
{
    if (!atomic_load_explicit(&reader->writer_waits, memory_order_seq_cst)) return;
    atomic_fetch_add_explicit(&reader->room, 1, memory_order_release);
    lambda__platform_wake(&reader->room);
}

/** What overflowed. */
static size_t take_over(lambda_response_reader *reader, char *buffer, size_t size)
{
    lambda__latch_take(&reader->latch);
    size_t there = reader->overflow.length - reader->overflow_taken;
    size_t count = there < size ? there : size;
    memcpy(buffer, reader->overflow.data + reader->overflow_taken, count);
    reader->overflow_taken += count;
    if (count == there) {
        reader->overflow.length = reader->overflow_taken = 0;
        atomic_store_explicit(&reader->overflows, false, memory_order_release);
    }
    lambda__latch_give(&reader->latch);
    return count;
}

/** Takes as much as there is; how much that is. */
static size_t take(lambda_response_reader *reader, char *buffer, size_t size)
{
    uint64_t at = atomic_load_explicit(&reader->taken, memory_order_relaxed);
    /* Asked before the ring is looked at: from then on nothing is put into that, and what is there came before all that overflowed. */
    bool over = atomic_load_explicit(&reader->overflows, memory_order_seq_cst);
    size_t there = (size_t)(atomic_load_explicit(&reader->put, memory_order_seq_cst) - at);
    size_t count = there < size ? there : size;
    size_t start = (size_t)(at % RING);
    size_t straight = count < RING - start ? count : RING - start;
    if (count == 0) return over ? take_over(reader, buffer, size) : 0;
    memcpy(buffer, reader->ring + start, straight);
    memcpy(buffer + straight, reader->ring, count - straight);
    atomic_store_explicit(&reader->taken, at + count, memory_order_seq_cst);
    if (there - count <= RING - ROOM) tell_writer(reader);
    return count;
}

/** Remembers which thread reads. */
static void enter(lambda_response_reader *reader)
{
    (void)lambda__thread_get(&reader->lambda->base);
    atomic_store_explicit(&reader->on_thread, lambda__thread_number(), memory_order_release);
}

/**
 * Waits until there is something to read, or with `size` 0 until the response has begun; or until the invocation has ended. How much was read.
 */
static size_t await(lambda_response_reader *reader, char *buffer, size_t size)
{
    lambda__base *base = &reader->lambda->base;
    size_t count = 0;
    for (bool waits = false;;) {
        uint32_t seen = atomic_load_explicit(&reader->more, memory_order_acquire);
        bool begun = size == 0 && atomic_load_explicit(&reader->begun, memory_order_seq_cst);
        if (size > 0) count = take(reader, buffer, size);
        if (count > 0 || begun || (seen & ENDED)) break;
        if (!waits) {
            atomic_store_explicit(&reader->reader_waits, waits = true, memory_order_seq_cst);
            continue;
        }
        if (!base->executor.help && lambda__spin(base, &reader->more, seen)) continue;
        lambda__wait(base, &reader->more, seen, UINT64_MAX);
    }
    atomic_store_explicit(&reader->reader_waits, false, memory_order_relaxed);
    return count;
}

/** The invocation has ended: why it could not be run, if so. */
static lambda_status tell_status(const lambda_response_reader *reader)
{
    if (LAMBDA__LIKELY(reader->status == LAMBDA_OK)) return LAMBDA_OK;
    return lambda__fail(&reader->lambda->base, reader->status, "%s", reader->message);
}

lambda_status lambda_response_reader_read(lambda_response_reader *reader, void *buffer, size_t size, size_t *length)
{
    if (length) *length = 0;
    if (!reader || !buffer || !length)
        return lambda__fail(reader ? &reader->lambda->base : NULL, INVALID, "%s: is NULL",
                            !reader   ? "reader"
                            : !buffer ? "buffer"
                                      : "length");
    if (size == 0) return lambda__fail(&reader->lambda->base, INVALID, "size: is 0, as if it were the end");
    enter(reader);
    *length = await(reader, buffer, size);
    return *length > 0 ? LAMBDA_OK : tell_status(reader);
}

const char *lambda_response_reader_content_type(lambda_response_reader *reader)
{
    if (!reader) return "";
    enter(reader);
    await(reader, NULL, 0);
    return reader->content_type;
}

/* ---- its life */

/** Copies bytes behind what is there already, and a NUL; where they are. */
static char *copy(char **at, const void *data, size_t length)
{
    char *copied = *at;
    if (length > 0) memcpy(copied, data, length);
    copied[length] = '\0';
    *at += length + 1;
    return copied;
}

static const char *copy_text(char **at, const char *text)
{
    return text ? copy(at, text, strlen(text)) : NULL;
}

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/** A reader with copies of all that was given; NULL when memory is out. */
static lambda_response_reader *make(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                    const lambda_invoke_options *given)
{
    size_t size = text_size(function_name) + text_size(given->qualifier) + text_size(given->trace_id) +
                  text_size(given->traceparent) + payload.length + given->client_context.length +
                  given->identity.length + 3;
    lambda_response_reader *reader = lambda__allocate(&lambda->base, sizeof(*reader) + size);
    if (!reader) return NULL;
    memset(reader, 0, offsetof(lambda_response_reader, ring));
    char *at = (char *)(reader + 1);
    reader->lambda = lambda;
    reader->function_name = copy_text(&at, function_name);
    reader->payload = lambda_bytes_make(copy(&at, payload.data, payload.length), payload.length);
    reader->options = *given;
    lambda_invoke_options *options = &reader->options;
    options->qualifier = copy_text(&at, given->qualifier);
    options->trace_id = copy_text(&at, given->trace_id);
    options->traceparent = copy_text(&at, given->traceparent);
    options->client_context.data = copy(&at, given->client_context.data, given->client_context.length);
    options->identity.data = copy(&at, given->identity.data, given->identity.length);
    reader->stream = (lambda_response_stream){.begin = begin, .write = write_part, .user = reader};
    options->stream = &reader->stream;
    return reader;
}

static lambda_status check(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                           const lambda_invoke_options *options, lambda__name *name)
{
    lambda__base *base = &lambda->base;
    lambda_status status = lambda__invoke_check(lambda, payload, options, NULL);
    if (status == LAMBDA_OK) status = lambda__name_parse_with(lambda, function_name, options->qualifier, name);
    if (status != LAMBDA_OK) return status;
    if (options->invocation_type == LAMBDA_DRY_RUN)
        return lambda__fail(base, INVALID, "invocation_type: a dry run has no response");
    if (options->stream) return lambda__fail(base, INVALID, "stream: a reader is one itself");
    if (lambda__executor_present(base)) return LAMBDA_OK;
    return lambda__fail(base, LAMBDA_ERROR_SERVICE,
                        "a reader needs an executor, and the service's is LAMBDA_EXECUTOR_NONE; "
                        "lambda_invoke_options.stream needs none");
}

/** Makes the reader and starts its piece of work; in a handler, as an invocation by that. */
static lambda_status open_reader(lambda_t *lambda, lambda__thread *thread, const char *function_name,
                                 lambda_bytes payload, lambda_invoke_options *options, const lambda__name *name,
                                 lambda_response_reader **opened)
{
    char trace[LAMBDA_TRACE_HEADER_SIZE];
    if (thread->chain && lambda->traces && !options->traceparent)
        options->trace_id = lambda__trace_event(lambda, thread, name, options->trace_id, trace);
    lambda_response_reader *reader = make(lambda, function_name, payload, options);
    if (!reader) return lambda__out_of_memory(&lambda->base);
    reader->nested = thread->chain != NULL;
    if (reader->nested) {
        reader->origin.chain = (lambda__chain){.function = LAMBDA__ORIGIN, .depth = thread->chain->depth};
        lambda__lineage_find(thread, &reader->origin);
    }
    enter(reader);
    lambda_status status = lambda__work_start(&lambda->base, run, reader);
    if (status == LAMBDA_OK)
        *opened = reader;
    else
        lambda__release(&lambda->base, reader);
    return status;
}

lambda_status lambda_response_reader_open_sized(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                                const lambda_invoke_options *given, size_t options_size,
                                                lambda_response_reader **opened)
{
    lambda__base *base = lambda ? &lambda->base : NULL;
    if (opened) *opened = NULL;
    if (!lambda || !opened) return lambda__fail(base, INVALID, "%s: is NULL", lambda ? "reader" : "lambda");
    lambda_invoke_options options = LAMBDA_ZERO;
    if (given) memcpy(&options, given, options_size < sizeof(options) ? options_size : sizeof(options));
    lambda__name name;
    lambda_status status = check(lambda, function_name, payload, &options, &name);
    if (status != LAMBDA_OK) return status;
    lambda__thread *thread = lambda__thread_get(base);
    if (!thread) return lambda__out_of_memory(base);
    lambda__trace_call call = lambda__trace_call_begin(thread, name.function, name.function_length, true);
    status = open_reader(lambda, thread, function_name, payload, &options, &name, opened);
    if (call.trace) lambda__trace_call_end(call, name.function, name.function_length, status);
    return status;
}

static void end_reader(lambda_response_reader *reader)
{
    lambda__base *base = &reader->lambda->base;
    lambda__buffer_clear(base, &reader->overflow);
    lambda__release(base, reader);
    lambda__work_end(base);
}

lambda_status lambda_response_reader_close_sized(lambda_response_reader *reader, lambda_result *result,
                                                 size_t result_size)
{
    if (!reader) return LAMBDA_OK;
    lambda_t *lambda = reader->lambda;
    lambda__base *base = &lambda->base;
    lambda_status status = lambda__invoke_check_size(base, result, result_size);
    if (status == LAMBDA_OK && result) status = lambda__invoke_check(lambda, lambda_bytes_make(NULL, 0), NULL, result);
    if (status != LAMBDA_OK) return status;
    enter(reader);
    atomic_store_explicit(&reader->gone, true, memory_order_seq_cst);
    tell_writer(reader);
    for (;;) {
        uint32_t seen = atomic_load_explicit(&reader->more, memory_order_acquire);
        if (seen & ENDED) break;
        lambda__wait(base, &reader->more, seen, UINT64_MAX);
    }
    /* What an abandoned service gave is the service's: it goes with it. */
    bool given_up = atomic_load_explicit(&lambda->given_up, memory_order_acquire);
    if (result) lambda_result_clear_sized(result, result_size);
    if (result && !given_up)
        lambda__result_export(&reader->result, result, result_size);
    else
        lambda_result_clear(&reader->result);
    status = given_up ? lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the service has closed") : tell_status(reader);
    end_reader(reader);
    return status;
}
