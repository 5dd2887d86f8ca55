/* Accepting events: checked, given an id, and in the queue before the caller is told so. */
#include "async/async.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- the lineage */

static void count_ancestor(lambda__origin *origin, uint64_t function, uint64_t times)
{
    uint32_t least = 0;
    for (uint32_t i = 0; i < origin->count; i++) {
        if (origin->lineage[i].function == function) {
            origin->lineage[i].times += times;
            return;
        }
        if (origin->lineage[i].times < origin->lineage[least].times) least = i;
    }
    if (origin->count < LAMBDA__LINEAGE_MAX) least = origin->count++;
    origin->lineage[least] = (lambda__ancestor){.function = function, .times = times};
}

/** All invocations that led to this thread's call. */
static void find_lineage(const lambda__thread *thread, lambda__origin *origin)
{
    origin->count = 0;
    for (const lambda__chain *each = thread->chain; each; each = each->parent) {
        if (each->function != LAMBDA__ORIGIN) {
            count_ancestor(origin, each->function, 1);
            continue;
        }
        const lambda__origin *first = (const lambda__origin *)(const void *)each;
        for (uint32_t i = 0; i < first->count; i++)
            count_ancestor(origin, first->lineage[i].function, first->lineage[i].times);
    }
}

void lambda__async_descend(lambda_t *lambda, lambda__thread *thread, lambda__event_message *message,
                           const lambda__event_message *parent, lambda__origin *origin)
{
    uint64_t identity = LAMBDA__ORIGIN;
    lambda__read_begin(thread);
    const lambda__function *function =
        lambda__registry_find(lambda, parent->name.function, parent->name.function_length);
    if (function) identity = function->identity;
    lambda__read_end(thread);
    origin->count = parent->head.lineage_count;
    for (uint32_t i = 0; i < origin->count; i++)
        origin->lineage[i] = parent->lineage[i];
    if (identity != LAMBDA__ORIGIN) count_ancestor(origin, identity, 1);
    message->lineage = origin->lineage;
    message->head.lineage_count = (uint8_t)origin->count;
}

/* ---- pushing */

/** A message with what the queue needs of it. */
typedef struct piece {
    lambda__event_message message;
    lambda_bytes parts[LAMBDA__MESSAGE_PARTS];
} piece;

/** Handlers may push while the service drains; nobody may once it has stopped. */
static bool closed(const lambda__async *async, const lambda__thread *thread)
{
    return atomic_load_explicit(thread->chain ? &async->stopping : &async->closing, memory_order_acquire) != 0;
}

/** True if the queue has refused it for want of room and the caller would rather wait. */
static bool wait_for_room(lambda_t *lambda, const lambda__thread *thread, lambda_status *status, uint32_t seen,
                          uint64_t deadline)
{
    if (*status != LAMBDA_ERROR_TOO_MANY_REQUESTS || lambda__now(&lambda->base) >= deadline) return false;
    if (closed(lambda->async, thread)) {
        /* There will be no room any more. */
        *status = lambda__fail(&lambda->base, LAMBDA_ERROR_SERVICE, "the service closes");
        return false;
    }
    lambda__async_pause(lambda, seen, deadline);
    return true;
}

static lambda_status push(lambda_t *lambda, lambda__thread *thread, const lambda_queue_entry *entries, size_t count,
                          uint32_t wait_ms)
{
    lambda__async *async = lambda->async;
    lambda_status status = async->queue.push(async->queue.user, entries, count);
    if (LAMBDA__LIKELY(status != LAMBDA_ERROR_TOO_MANY_REQUESTS) || wait_ms == 0) return status;
    uint64_t now = lambda__now(&lambda->base);
    uint64_t deadline = wait_ms == LAMBDA_WAIT_FOREVER ? UINT64_MAX : now + (uint64_t)wait_ms * 1000000;
    uint32_t seen;
    lambda__async_call_begin(thread);
    atomic_fetch_add_explicit(&async->want_room, 1, memory_order_seq_cst);
    do {
        seen = atomic_load_explicit(&async->changed, memory_order_seq_cst);
        status = async->queue.push(async->queue.user, entries, count);
    } while (wait_for_room(lambda, thread, &status, seen, deadline));
    atomic_fetch_sub_explicit(&async->want_room, 1, memory_order_seq_cst);
    lambda__async_call_end(thread);
    return status;
}

/** Writes down who is to be told; if that fails nobody is. */
static lambda_status expect_all(lambda_t *lambda, const lambda__acceptance *acceptance, const piece *pieces,
                                size_t count)
{
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++) {
        status =
            lambda__async_expect(lambda, pieces[i].message.head.request_id, acceptance->callback, acceptance->user);
        for (size_t back = 0; status != LAMBDA_OK && back < i; back++)
            lambda__async_forget(lambda, pieces[back].message.head.request_id);
    }
    return status;
}

static lambda_status push_pieces(lambda_t *lambda, lambda__thread *thread, const lambda__acceptance *acceptance,
                                 const lambda_bytes *payloads, size_t count, piece *pieces, lambda_queue_entry *entries)
{
    for (size_t i = 0; i < count; i++) {
        pieces[i].message = acceptance->message;
        pieces[i].message.payload = payloads[i];
        pieces[i].message.head.request_id = lambda__request_id_next(thread);
        entries[i] = (lambda_queue_entry){.parts = pieces[i].parts};
        entries[i].parts_count = lambda__message_parts(&pieces[i].message, pieces[i].parts);
    }
    lambda_status status = LAMBDA_OK;
    if (LAMBDA__UNLIKELY(acceptance->callback != NULL)) status = expect_all(lambda, acceptance, pieces, count);
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) return status;
    status = push(lambda, thread, entries, count, acceptance->wait_ms);
    for (size_t i = 0; acceptance->callback && status != LAMBDA_OK && i < count; i++)
        lambda__async_forget(lambda, pieces[i].message.head.request_id);
    return status;
}

lambda_status lambda__async_accept(lambda_t *lambda, lambda__thread *thread, const lambda__acceptance *acceptance,
                                   const lambda_bytes *payloads, size_t count, lambda_request_id *ids)
{
    lambda__base *base = &lambda->base;
    piece one;
    lambda_queue_entry entry;
    piece *pieces = &one;
    lambda_queue_entry *entries = &entry;
    if (LAMBDA__UNLIKELY(count != 1)) {
        if (count == 0) return LAMBDA_OK;
        pieces = lambda__allocate(base, count * (sizeof(*pieces) + sizeof(*entries)));
        if (!pieces) return lambda__out_of_memory(base);
        entries = (lambda_queue_entry *)(void *)(pieces + count);
    }
    lambda_status status = push_pieces(lambda, thread, acceptance, payloads, count, pieces, entries);
    for (size_t i = 0; ids && status == LAMBDA_OK && i < count; i++)
        ids[i] = pieces[i].message.head.request_id;
    if (LAMBDA__UNLIKELY(count != 1)) lambda__release(base, pieces);
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) return status;
    lambda__counter_add_many(thread, LAMBDA__COUNT_ACCEPTED, count);
    lambda__async_tell(lambda, thread);
    return LAMBDA_OK;
}

void lambda__async_event(lambda__thread *thread, const lambda__name *name, lambda_bytes payload,
                         lambda__event_message *message)
{
    *message = (lambda__event_message){.name = *name, .payload = payload};
    message->head.request_id = lambda__request_id_next(thread);
}

/* ---- the public calls */

static lambda_status check_payload(lambda_t *lambda, lambda_bytes payload)
{
    if (LAMBDA__UNLIKELY(payload.length > 0 && !payload.data))
        return lambda__fail(&lambda->base, INVALID, "payload: is NULL with a length of %zu", payload.length);
    if (LAMBDA__UNLIKELY(payload.length > lambda->limits.async_payload))
        return lambda__fail(&lambda->base, LAMBDA_ERROR_REQUEST_TOO_LARGE, "payload: %zu bytes are more than %zu",
                            payload.length, lambda->limits.async_payload);
    return LAMBDA_OK;
}

/** Is there something to invoke? */
static bool exists(lambda_t *lambda, lambda__thread *thread, const lambda_target *target, const lambda__name *name)
{
    lambda__read_begin(thread);
    bool found = target && lambda__target_resolve(target, thread) != NULL;
    if (LAMBDA__UNLIKELY(!found)) {
        lambda__function *function = lambda__registry_find(lambda, name->function, name->function_length);
        found = function && lambda__function_resolve(function, name->qualifier, name->qualifier_length, thread) != NULL;
    }
    lambda__read_end(thread);
    return found;
}

/** All that is left once the name has been taken apart. */
static lambda_status accept(lambda_t *lambda, const lambda_target *target, const lambda__name *name,
                            const lambda_bytes *payloads, size_t count, const lambda_async_options *options,
                            lambda_request_id *ids)
{
    lambda__base *base = &lambda->base;
    lambda__acceptance acceptance = {.message = {.name = *name}};
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++)
        status = check_payload(lambda, payloads[i]);
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) return status;
    if (options) {
        const lambda_invoke_options same = {.client_context = options->client_context, .trace_id = options->trace_id};
        status = lambda__invoke_check_options(base, &same);
        if (status != LAMBDA_OK) return status;
        acceptance.message.trace_id = options->trace_id;
        acceptance.message.client_context = options->client_context;
        acceptance.wait_ms = options->wait_ms;
        acceptance.callback = options->callback;
        acceptance.user = options->user;
    }
    lambda__thread *thread = lambda__thread_get(base);
    if (LAMBDA__UNLIKELY(!thread)) return lambda__out_of_memory(base);
    /* A service that closes has no functions any more: that is not what is wrong. */
    bool found = exists(lambda, thread, target, name);
    if (LAMBDA__UNLIKELY(closed(lambda->async, thread)))
        return lambda__fail(base, LAMBDA_ERROR_SERVICE, "the service closes");
    if (LAMBDA__UNLIKELY(!found)) {
        char arn[LAMBDA__ARN_SIZE];
        lambda__async_arn(lambda, &acceptance.message, arn);
        return lambda__fail(base, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "Function not found: %s", arn);
    }
    lambda__origin origin;
    bool inside = thread->chain != NULL;
    if (LAMBDA__UNLIKELY(inside)) {
        find_lineage(thread, &origin);
        acceptance.message.head.lineage_count = (uint8_t)origin.count;
        acceptance.message.lineage = origin.lineage;
    }
    return lambda__async_accept(lambda, thread, &acceptance, payloads, count, ids);
}

/** The options as this library knows them: those given, or a copy of what both sides know. */
static const lambda_async_options *resize(const lambda_async_options *given, size_t size, lambda_async_options *copy)
{
    if (!given || LAMBDA__LIKELY(size == sizeof(*given))) return given;
    memset(copy, 0, sizeof(*copy));
    memcpy(copy, given, size < sizeof(*copy) ? size : sizeof(*copy));
    return copy;
}

static lambda_status accept_named(lambda_t *lambda, const char *function_name, const lambda_bytes *payloads,
                                  size_t count, const lambda_async_options *given, size_t size, lambda_request_id *ids)
{
    lambda_async_options copy;
    const lambda_async_options *options = resize(given, size, &copy);
    lambda__name name;
    lambda_status status = lambda__name_parse_with(lambda, function_name, options ? options->qualifier : NULL, &name);
    return LAMBDA__LIKELY(status == LAMBDA_OK) ? accept(lambda, NULL, &name, payloads, count, options, ids) : status;
}

lambda_status lambda_invoke_async_sized(lambda_t *lambda, const char *function_name, lambda_bytes payload,
                                        const lambda_async_options *options, size_t size, lambda_request_id *request_id)
{
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    return accept_named(lambda, function_name, &payload, 1, options, size, request_id);
}

lambda_status lambda_target_invoke_async_sized(lambda_target *target, lambda_bytes payload,
                                               const lambda_async_options *given, size_t size,
                                               lambda_request_id *request_id)
{
    if (!target) return lambda__fail(NULL, INVALID, "target: is NULL");
    lambda_async_options copy;
    const lambda_async_options *options = resize(given, size, &copy);
    if (options && options->qualifier)
        return lambda__fail(&target->lambda->base, INVALID, "qualifier: a target has its qualifier already");
    return accept(target->lambda, target, &target->name, &payload, 1, options, request_id);
}

lambda_status lambda_invoke_async_batch_sized(lambda_t *lambda, const char *function_name, const lambda_bytes *payloads,
                                              size_t count, const lambda_async_options *options, size_t size,
                                              lambda_request_id *request_ids)
{
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    if (!payloads && count > 0) return lambda__fail(&lambda->base, INVALID, "payloads: is NULL");
    if (count > LAMBDA_ASYNC_BATCH_MAX)
        return lambda__fail(&lambda->base, INVALID, "count: %zu is more than %d", count, LAMBDA_ASYNC_BATCH_MAX);
    return accept_named(lambda, function_name, payloads, count, options, size, request_ids);
}
