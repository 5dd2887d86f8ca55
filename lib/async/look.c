/* Looking into what is asynchronous: counting, listing, reading one, purging. */
#include "async/async.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

const char *lambda_async_condition_name(lambda_async_condition condition)
{
    static const char *const names[] = {
        [LAMBDA_ASYNC_SUCCESS] = "Success",
        [LAMBDA_ASYNC_RETRIES_EXHAUSTED] = "RetriesExhausted",
        [LAMBDA_ASYNC_EVENT_AGE_EXCEEDED] = "EventAgeExceeded",
        [LAMBDA_ASYNC_ZERO_RESERVED_CONCURRENCY] = "ZeroReservedConcurrency",
        [LAMBDA_ASYNC_RECURSIVE_LOOP] = "RecursiveLoop",
        [LAMBDA_ASYNC_DELIVERY_FAILED] = "DeliveryFailed",
        [LAMBDA_ASYNC_PURGED] = "Purged",
        [LAMBDA_ASYNC_CLOSED] = "Closed",
    };
    return (unsigned)condition < sizeof(names) / sizeof(names[0]) ? names[condition] : "Unknown";
}

lambda_status lambda_async_statistics_get_sized(lambda_t *lambda, lambda_async_statistics *statistics, size_t size)
{
    if (!lambda || !statistics)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "statistics" : "lambda");
    lambda__base *base = &lambda->base;
    lambda_queue_counts counts;
    const lambda_queue *queue = &lambda->async->queue;
    lambda_status status = queue->counts(queue->user, &counts);
    if (status != LAMBDA_OK) return status;
    lambda_async_statistics now = {
        .waiting = counts.waiting,
        .delayed = counts.delayed,
        .running = counts.received,
        .oldest_age_ns = counts.oldest_age_ns,
        .accepted = lambda__counter_sum(base, LAMBDA__COUNT_ACCEPTED),
        .succeeded = lambda__counter_sum(base, LAMBDA__COUNT_SUCCEEDED),
        .delivered = lambda__counter_sum(base, LAMBDA__COUNT_DELIVERED),
        .dropped_retries_exhausted = lambda__counter_sum(base, LAMBDA__COUNT_DROPPED_RETRIES),
        .dropped_event_age_exceeded = lambda__counter_sum(base, LAMBDA__COUNT_DROPPED_AGE),
        .dropped_recursive_loop = lambda__counter_sum(base, LAMBDA__COUNT_DROPPED_LOOP),
        .dropped_delivery_failed = lambda__counter_sum(base, LAMBDA__COUNT_DROPPED_DELIVERY),
        .dropped_damaged = lambda__counter_sum(base, LAMBDA__COUNT_DROPPED_DAMAGED),
        .purged = lambda__counter_sum(base, LAMBDA__COUNT_PURGED),
        .retries = lambda__counter_sum(base, LAMBDA__COUNT_RETRIES),
        .postponed = lambda__counter_sum(base, LAMBDA__COUNT_POSTPONED),
        .destination_delivery_failures = lambda__counter_sum(base, LAMBDA__COUNT_DESTINATION_FAILURES),
        .dead_letter_errors = lambda__counter_sum(base, LAMBDA__COUNT_DEAD_LETTER_ERRORS),
        .recursive_invocations_dropped = lambda__counter_sum(base, LAMBDA__COUNT_LOOPS),
    };
    memset(statistics, 0, size);
    memcpy(statistics, &now, size < sizeof(now) ? size : sizeof(now));
    return LAMBDA_OK;
}

/* ---- listing */

typedef struct listing {
    const lambda__name *function; /* NULL: of all */
    lambda_async_visitor *visit;
    void *user;
    bool ended;
    uint64_t now;
} listing;

static bool of_function(const lambda__name *function, const lambda__event_message *message)
{
    if (!function) return true;
    bool same_name = function->function_length == message->name.function_length &&
                     memcmp(function->function, message->name.function, function->function_length) == 0;
    if (!function->qualifier || !same_name) return same_name;
    return message->name.qualifier && function->qualifier_length == message->name.qualifier_length &&
           memcmp(function->qualifier, message->name.qualifier, function->qualifier_length) == 0;
}

static lambda_async_state state_of(lambda_queue_standing standing)
{
    if (standing == LAMBDA_QUEUE_RECEIVED) return LAMBDA_ASYNC_RUNNING;
    return standing == LAMBDA_QUEUE_DELAYED ? LAMBDA_ASYNC_DELAYED : LAMBDA_ASYNC_WAITING;
}

/** The targets of a delivery that have not got it yet, with a comma between them. */
static void write_targets(const lambda__event_message *message, lambda__tries tries, char text[2 * LAMBDA__TARGET_SIZE])
{
    size_t length = 0;
    for (int i = 0; i < LAMBDA__TARGETS; i++) {
        lambda_bytes target = message->targets[i];
        if (target.length == 0 || target.length >= LAMBDA__TARGET_SIZE || tries.told & 1u << i) continue;
        if (length > 0) text[length++] = ',';
        memcpy(text + length, target.data, target.length);
        length += target.length;
    }
    text[length] = '\0';
}

void lambda__async_show(const lambda_queue_message *message, const lambda__event_message *read,
                        lambda_async_state state, uint64_t due_ns, lambda_async_visitor *visit, void *user,
                        bool *goes_on)
{
    char name[LAMBDA__MESSAGE_NAME_SIZE];
    char targets[2 * LAMBDA__TARGET_SIZE] = "";
    lambda__tries tries = lambda__tries_unpack(message->state);
    lambda__message_name(read, name);
    if (read->head.delivery) write_targets(read, tries, targets);
    lambda_async_event event = {.request_id = read->head.request_id,
                                .state = state,
                                .condition = (lambda_async_condition)(read->head.delivery ? read->head.condition : 0),
                                .delivery = read->head.delivery != 0,
                                .function_name = name,
                                .target = targets,
                                .attempts = tries.attempts,
                                .age_ns = message->age_ns,
                                .due_ns = due_ns,
                                .payload = read->payload};
    *goes_on = visit(user, &event);
}

static bool show(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    listing *what = user;
    lambda__event_message read;
    if (!lambda__message_read(message->body, &read) || !of_function(what->function, &read)) return true;
    bool goes_on = true;
    lambda__async_show(message, &read, state_of(standing), due_ns, what->visit, what->user, &goes_on);
    what->ended = !goes_on;
    return goes_on;
}

static bool show_dropped(listing *what, const lambda__dropped *dropped)
{
    lambda__event_message read = {.name = {.function = dropped->function_name}};
    const char *colon = strchr(dropped->function_name, ':');
    read.name.function_length = colon ? (size_t)(colon - dropped->function_name) : strlen(dropped->function_name);
    read.name.qualifier = colon ? colon + 1 : NULL;
    read.name.qualifier_length = colon ? strlen(colon + 1) : 0;
    if (!of_function(what->function, &read)) return true;
    lambda_async_event event = {.request_id = dropped->request_id,
                                .state = LAMBDA_ASYNC_DROPPED,
                                .condition = dropped->condition,
                                .function_name = dropped->function_name,
                                .target = "",
                                .attempts = dropped->attempts,
                                .age_ns = what->now - dropped->when,
                                .payload = {.data = ""}};
    return what->visit(what->user, &event);
}

static void each_dropped(lambda__async *async, listing *what)
{
    pthread_mutex_lock(&async->mutex);
    uint64_t end = async->dropped_count;
    uint64_t at = end > LAMBDA__DROPPED_MAX ? end - LAMBDA__DROPPED_MAX : 0;
    for (; at < end && !what->ended; at++)
        what->ended = !show_dropped(what, &async->dropped[at % LAMBDA__DROPPED_MAX]);
    pthread_mutex_unlock(&async->mutex);
}

/** The function whose events are meant; `*function` NULL: all. */
static lambda_status parse_function(lambda_t *lambda, const char *function_name, lambda__name *name,
                                    const lambda__name **function)
{
    *function = function_name ? name : NULL;
    return function_name ? lambda__name_parse(lambda, function_name, name) : LAMBDA_OK;
}

lambda_status lambda_async_list(lambda_t *lambda, const char *function_name, lambda_async_visitor *visit, void *user)
{
    lambda__name name;
    if (!lambda || !visit)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "visit" : "lambda");
    listing what = {.visit = visit, .user = user, .now = lambda__now(&lambda->base)};
    lambda_status status = parse_function(lambda, function_name, &name, &what.function);
    const lambda_queue *queue = &lambda->async->queue;
    if (status == LAMBDA_OK) status = queue->browse(queue->user, show, &what);
    if (status == LAMBDA_OK && !what.ended) each_dropped(lambda->async, &what);
    return status;
}

/* ---- one event */

typedef struct copying {
    lambda_t *lambda;
    lambda_request_id id;
    bool found;
    lambda_async_event *made;
} copying;

typedef struct event_copy {
    lambda_async_event event; /* first */
    lambda_t *lambda;
    char text[];
} event_copy;

static bool copy(void *user, const lambda_async_event *event)
{
    copying *what = user;
    if (event->request_id.high != what->id.high || event->request_id.low != what->id.low) return true;
    size_t name = strlen(event->function_name) + 1;
    size_t target = strlen(event->target) + 1;
    event_copy *made = lambda__allocate(&what->lambda->base, sizeof(*made) + name + target + event->payload.length + 1);
    what->found = true;
    if (!made) return false;
    made->event = *event;
    made->lambda = what->lambda;
    made->event.function_name = memcpy(made->text, event->function_name, name);
    made->event.target = memcpy(made->text + name, event->target, target);
    char *payload = made->text + name + target;
    if (event->payload.length > 0) memcpy(payload, event->payload.data, event->payload.length);
    payload[event->payload.length] = '\0';
    made->event.payload.data = payload;
    what->made = &made->event;
    return false;
}

lambda_status lambda_async_get(lambda_t *lambda, lambda_request_id request_id, lambda_async_event **event)
{
    if (event) *event = NULL;
    if (!lambda || !event)
        return lambda__fail(lambda ? &lambda->base : NULL, INVALID, "%s: is NULL", lambda ? "event" : "lambda");
    copying what = {.lambda = lambda, .id = request_id};
    lambda_status status = lambda_async_list(lambda, NULL, copy, &what);
    if (status != LAMBDA_OK) return status;
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(request_id, id);
    if (!what.found) return lambda__fail(&lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "there is no event %s", id);
    if (!what.made) return lambda__out_of_memory(&lambda->base);
    *event = what.made;
    return LAMBDA_OK;
}

void lambda_async_event_free(lambda_async_event *event)
{
    if (event) lambda__release(&((event_copy *)event)->lambda->base, event);
}

/* ---- purging */

typedef struct purging {
    const lambda__name *function;
    lambda__base *base;
    lambda_request_id *ids; /* those that somebody may wait for */
    size_t count;
    size_t capacity;
    const lambda__async *async;
} purging;

static bool choose(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)standing;
    (void)due_ns;
    purging *what = user;
    lambda__event_message read;
    if (!lambda__message_read(message->body, &read)) return !what->function;
    if (!of_function(what->function, &read)) return false;
    /* Asked here: who found the event before the purge, and waits for it, is seen. */
    if (!lambda__async_awaited(what->async)) return true;
    /* Who waits is to be told: without memory for that, the event stays. */
    if (!lambda__array_reserve(what->base, (void **)&what->ids, &what->capacity, what->count, sizeof(*what->ids)))
        return false;
    what->ids[what->count++] = read.head.request_id;
    return true;
}

lambda_status lambda_async_purge(lambda_t *lambda, const char *function_name, uint64_t *purged)
{
    lambda__name name;
    uint64_t count = 0;
    if (purged) *purged = 0;
    if (!lambda) return lambda__fail(NULL, INVALID, "lambda: is NULL");
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (!thread) return lambda__out_of_memory(&lambda->base);
    purging what = {.base = &lambda->base, .async = lambda->async};
    lambda_status status = parse_function(lambda, function_name, &name, &what.function);
    const lambda_queue *queue = &lambda->async->queue;
    if (status == LAMBDA_OK) status = queue->purge(queue->user, choose, &what, &count);
    lambda__counter_add_many(thread, LAMBDA__COUNT_PURGED, count);
    for (size_t i = 0; status == LAMBDA_OK && i < what.count; i++)
        lambda__async_ended(lambda,
                            &(lambda_async_outcome){.request_id = what.ids[i], .condition = LAMBDA_ASYNC_PURGED});
    lambda__release(&lambda->base, what.ids);
    lambda__async_change(lambda);
    lambda__async_idle(lambda);
    if (purged) *purged = count;
    return status;
}
