/* Accepting events: checked, given an id, and in the queue before the caller is told so. */
#include "async/async.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "observe/metrics/metrics.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- the lineage */

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
    if (identity != LAMBDA__ORIGIN) lambda__lineage_count(origin, identity, 1);
    message->lineage = origin->lineage;
    message->head.lineage_count = (uint8_t)origin->count;
    /* It stands beside what it is told of: both have the same parent. */
    message->trace_id = parent->trace_id;
}

/* ---- pushing */

bool lambda__async_closed(const lambda__async *async, const lambda__thread *thread)
{
    return atomic_load_explicit(thread->chain ? &async->stopping : &async->closing, memory_order_acquire) != 0;
}

/** True if the queue has refused it for want of room and the caller would rather wait. */
static bool wait_for_room(lambda_t *lambda, const lambda__thread *thread, lambda_status *status, uint32_t seen,
                          uint64_t deadline)
{
    if (*status != LAMBDA_ERROR_TOO_MANY_REQUESTS || lambda__now(&lambda->base) >= deadline) return false;
    if (lambda__async_closed(lambda->async, thread)) {
        /* There will be no room any more. */
        *status = lambda__fail(&lambda->base, LAMBDA_ERROR_SERVICE, "the service closes");
        return false;
    }
    lambda__async_pause(lambda, seen, deadline);
    return true;
}

/** Counted first: whoever finds it in the queue, or ended, finds it counted. */
static lambda_status try_push(lambda__async *async, lambda__thread *thread, const lambda_queue_entry *entries,
                              size_t count)
{
    lambda__counter_add_many(thread, LAMBDA__COUNT_ACCEPTED, count);
    lambda_status status = async->queue.push(async->queue.user, entries, count);
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK))
        lambda__counter_add_many(thread, LAMBDA__COUNT_ACCEPTED, (uint64_t)0 - count);
    return status;
}

static lambda_status push(lambda_t *lambda, lambda__thread *thread, const lambda_queue_entry *entries, size_t count,
                          uint32_t wait_ms)
{
    lambda__async *async = lambda->async;
    lambda_status status = try_push(async, thread, entries, count);
    if (LAMBDA__LIKELY(status != LAMBDA_ERROR_TOO_MANY_REQUESTS) || wait_ms == 0) return status;
    uint64_t now = lambda__now(&lambda->base);
    uint64_t deadline = wait_ms == LAMBDA_WAIT_FOREVER ? UINT64_MAX : now + (uint64_t)wait_ms * 1000000;
    uint32_t seen;
    lambda__async_call_begin(thread);
    atomic_fetch_add_explicit(&async->want_room, 1, memory_order_seq_cst);
    do {
        seen = atomic_load_explicit(&async->changed, memory_order_seq_cst);
        status = try_push(async, thread, entries, count);
    } while (wait_for_room(lambda, thread, &status, seen, deadline));
    atomic_fetch_sub_explicit(&async->want_room, 1, memory_order_seq_cst);
    lambda__async_call_end(thread);
    return status;
}

/** Writes down who is to be told of each; if that fails nobody is. */
static lambda_status expect_all(lambda_t *lambda, const lambda__acceptance *acceptance, const lambda_request_id *ids,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lambda_status status = lambda__async_expect(lambda, ids[i], acceptance->callback, acceptance->user);
        if (status == LAMBDA_OK) continue;
        while (i-- > 0)
            lambda__async_forget(lambda, ids[i]);
        return status;
    }
    return LAMBDA_OK;
}

/** Pushes what is ready to be pushed, and sees to it that it is received. */
static lambda_status push_all(lambda_t *lambda, lambda__thread *thread, const lambda__acceptance *acceptance,
                              const lambda_queue_entry *entries, const lambda_request_id *ids, size_t count)
{
    bool told = LAMBDA__UNLIKELY(acceptance->callback != NULL);
    lambda_status status = told ? expect_all(lambda, acceptance, ids, count) : LAMBDA_OK;
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) return status;
    status = push(lambda, thread, entries, count, acceptance->wait_ms);
    if (LAMBDA__LIKELY(status == LAMBDA_OK)) {
        if (LAMBDA__UNLIKELY(lambda->metrics != NULL))
            lambda__measure_named(lambda, thread, &acceptance->message.name, LAMBDA__METER_RECEIVED, count);
        lambda__async_tell(lambda, thread);
        return LAMBDA_OK;
    }
    for (size_t i = 0; told && i < count; i++)
        lambda__async_forget(lambda, ids[i]);
    return status;
}

static lambda_status accept_many(lambda_t *lambda, lambda__thread *thread, const lambda__acceptance *acceptance,
                                 const lambda_bytes *payloads, size_t count, lambda_request_id *ids)
{
    lambda__base *base = &lambda->base;
    size_t size = sizeof(lambda__event_message) + LAMBDA__MESSAGE_PARTS * sizeof(lambda_bytes) +
                  sizeof(lambda_queue_entry) + sizeof(lambda_request_id);
    lambda__event_message *messages = lambda__allocate(base, count * size);
    if (!messages) return lambda__out_of_memory(base);
    lambda_bytes *parts = (lambda_bytes *)(void *)(messages + count);
    lambda_queue_entry *entries = (lambda_queue_entry *)(void *)(parts + count * LAMBDA__MESSAGE_PARTS);
    lambda_request_id *made = (lambda_request_id *)(void *)(entries + count);
    for (size_t i = 0; i < count; i++, parts += LAMBDA__MESSAGE_PARTS) {
        messages[i] = acceptance->message;
        messages[i].payload = payloads[i];
        messages[i].head.request_id = made[i] = lambda__request_id_next(thread);
        entries[i] = (lambda_queue_entry){.parts = parts, .parts_count = lambda__message_parts(&messages[i], parts)};
    }
    lambda_status status = push_all(lambda, thread, acceptance, entries, made, count);
    if (ids && status == LAMBDA_OK) memcpy(ids, made, count * sizeof(*ids));
    lambda__release(base, messages);
    return status;
}

lambda_status lambda__async_accept(lambda_t *lambda, lambda__thread *thread, lambda__acceptance *acceptance,
                                   const lambda_bytes *payloads, size_t count, lambda_request_id *ids)
{
    if (LAMBDA__UNLIKELY(lambda->traces != NULL))
        acceptance->message.trace_id = lambda__trace_event(lambda, thread, &acceptance->message.name,
                                                           acceptance->message.trace_id, acceptance->trace);
    if (LAMBDA__UNLIKELY(count != 1))
        return count == 0 ? LAMBDA_OK : accept_many(lambda, thread, acceptance, payloads, count, ids);
    lambda_bytes parts[LAMBDA__MESSAGE_PARTS];
    lambda__event_message *message = &acceptance->message;
    lambda_request_id id = lambda__request_id_next(thread);
    message->payload = payloads[0];
    message->head.request_id = id;
    const lambda_queue_entry entry = {.parts = parts, .parts_count = lambda__message_parts(message, parts)};
    lambda_status status = push_all(lambda, thread, acceptance, &entry, &id, 1);
    if (ids && LAMBDA__LIKELY(status == LAMBDA_OK)) *ids = id;
    return status;
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

bool lambda__async_exists(lambda_t *lambda, lambda__thread *thread, const lambda__name *name)
{
    lambda__read_begin(thread);
    lambda__function *function = lambda__registry_find(lambda, name->function, name->function_length);
    bool found =
        function && lambda__function_resolve(function, name->qualifier, name->qualifier_length, thread) != NULL;
    lambda__read_end(thread);
    return found;
}

/** A traceparent that was checked, as the header that a message has. */
static const char *convert(const char *traceparent, char header[LAMBDA_TRACE_HEADER_SIZE])
{
    lambda_trace_context context;
    (void)lambda__traceparent_read(traceparent, &context);
    lambda_trace_header_format(&context, header);
    return header;
}

/** All that is left once the name has been taken apart. */
static lambda_status accept_event(lambda_t *lambda, const lambda_target *target, const lambda__name *name,
                                  const lambda_bytes *payloads, size_t count, const lambda_async_options *options,
                                  lambda_request_id *ids)
{
    lambda__base *base = &lambda->base;
    lambda__acceptance acceptance;
    lambda__acceptance_begin(&acceptance, name);
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++)
        status = check_payload(lambda, payloads[i]);
    if (LAMBDA__UNLIKELY(status != LAMBDA_OK)) return status;
    if (options) {
        const lambda_invoke_options same = {.client_context = options->client_context,
                                            .trace_id = options->trace_id,
                                            .traceparent = options->traceparent};
        status = lambda__invoke_check_options(base, &same);
        if (status != LAMBDA_OK) return status;
        acceptance.message.trace_id = options->trace_id;
        if (options->traceparent) acceptance.message.trace_id = convert(options->traceparent, acceptance.trace);
        acceptance.message.client_context = options->client_context;
        acceptance.wait_ms = options->wait_ms;
        acceptance.callback = options->callback;
        acceptance.user = options->user;
    }
    lambda__thread *thread = lambda__thread_get(base);
    if (LAMBDA__UNLIKELY(!thread)) return lambda__out_of_memory(base);
    /* A service that closes has no functions any more: that is not what is wrong. */
    bool leads = target && LAMBDA__LIKELY(lambda__target_leads(target));
    bool found = LAMBDA__LIKELY(leads) || lambda__async_exists(lambda, thread, name);
    if (LAMBDA__UNLIKELY(lambda__async_closed(lambda->async, thread)))
        return lambda__fail(base, LAMBDA_ERROR_SERVICE, "the service closes");
    if (LAMBDA__UNLIKELY(!found)) {
        char arn[LAMBDA__ARN_SIZE];
        lambda__async_arn(lambda, &acceptance.message, arn);
        return lambda__fail(base, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "Function not found: %s", arn);
    }
    lambda__origin origin;
    bool inside = thread->chain != NULL;
    if (LAMBDA__UNLIKELY(inside && acceptance.wait_ms == LAMBDA_WAIT_FOREVER))
        return lambda__fail(base, INVALID, "wait_ms: a handler that waits for ever may be what keeps the queue full");
    if (LAMBDA__UNLIKELY(inside)) {
        lambda__lineage_find(thread, &origin);
        acceptance.message.head.lineage_count = (uint8_t)origin.count;
        acceptance.message.lineage = origin.lineage;
    }
    return lambda__async_accept(lambda, thread, &acceptance, payloads, count, ids);
}

/** The same; what a handler accepts stands in its trace, as one call however many events it is. */
static lambda_status accept(lambda_t *lambda, const lambda_target *target, const lambda__name *name,
                            const lambda_bytes *payloads, size_t count, const lambda_async_options *options,
                            lambda_request_id *ids)
{
    lambda__thread *thread = LAMBDA__UNLIKELY(lambda->traces != NULL) ? lambda__thread_get(&lambda->base) : NULL;
    lambda__trace_call call = {0};
    if (thread) call = lambda__trace_call_begin(thread, name->function, name->function_length, true);
    lambda_status status = accept_event(lambda, target, name, payloads, count, options, ids);
    if (call.trace) lambda__trace_call_end(call, name->function, name->function_length, status);
    return status;
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
