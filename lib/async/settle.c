/* What becomes of an event that was run, or could not be. The rules: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
#include "async/async.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "destination/destination.h"
#include "environment/pool.h"
#include "observe/log/log.h"
#include "observe/metrics/metrics.h"
#include "registry/limits.h"

#define SECOND_NS      UINT64_C(1000000000)
#define BACKOFF_MAX_NS (300 * SECOND_NS)
/** Bytes of a log group that is configured. */
#define LOG_GROUP_SIZE (LAMBDA__LOG_GROUP_MAX + 1)

uint64_t lambda__async_backoff(uint32_t postponed)
{
    return postponed < 9 ? SECOND_NS << postponed : BACKOFF_MAX_NS;
}

/* ---- dropped */

static void remember(lambda__async *async, lambda__base *base, const lambda__dropped *dropped)
{
    pthread_mutex_lock(&async->mutex);
    /* Without memory for it, it is counted and logged all the same. */
    if (!async->dropped) async->dropped = lambda__allocate_zeroed(base, LAMBDA__DROPPED_MAX * sizeof(*dropped));
    if (async->dropped) async->dropped[async->dropped_count++ % LAMBDA__DROPPED_MAX] = *dropped;
    pthread_mutex_unlock(&async->mutex);
}

/** Where the function logs now, and how; where it is gone, the group that it would have. */
static void find_group(lambda_t *lambda, lambda__thread *thread, const char *function_name, char group[LOG_GROUP_SIZE],
                       bool *json)
{
    size_t length = strcspn(function_name, ":");
    const char *qualifier = function_name[length] ? function_name + length + 1 : NULL;
    snprintf(group, LOG_GROUP_SIZE, "/aws/lambda/%.*s", (int)length, function_name);
    *json = false;
    lambda__read_begin(thread);
    lambda__function *function = lambda__registry_find(lambda, function_name, length);
    const lambda__version *version =
        function ? lambda__function_resolve(function, qualifier, qualifier ? strlen(qualifier) : 0, thread) : NULL;
    if (version) {
        const lambda__settings *settings = version->settings;
        if (settings->log_group[0]) snprintf(group, LOG_GROUP_SIZE, "%s", settings->log_group);
        *json = settings->log_format == LAMBDA_LOG_FORMAT_JSON;
    }
    lambda__read_end(thread);
}

void lambda__async_count_dropped(lambda__thread *thread, lambda_async_condition condition, uint64_t by)
{
    static const int counters[] = {
        [LAMBDA_ASYNC_RETRIES_EXHAUSTED] = LAMBDA__COUNT_DROPPED_RETRIES,
        [LAMBDA_ASYNC_EVENT_AGE_EXCEEDED] = LAMBDA__COUNT_DROPPED_AGE,
        [LAMBDA_ASYNC_RECURSIVE_LOOP] = LAMBDA__COUNT_DROPPED_LOOP,
        [LAMBDA_ASYNC_DELIVERY_FAILED] = LAMBDA__COUNT_DROPPED_DELIVERY,
    };
    lambda__counter_add_many(thread, counters[condition], by);
}

void lambda__async_dropped(lambda_t *lambda, lambda__thread *thread, lambda__dropped *dropped)
{
    dropped->when = lambda__now(&lambda->base);
    remember(lambda->async, &lambda->base, dropped);
    lambda_log_record record = {.level = LAMBDA_LOG_ERROR, .platform = true};
    if (!lambda__log_enabled(lambda, record.level)) return;
    char group[LOG_GROUP_SIZE];
    char id[LAMBDA_REQUEST_ID_SIZE];
    lambda__log_out out = {.lambda = lambda};
    find_group(lambda, thread, dropped->function_name, group, &out.json);
    lambda_request_id_format(dropped->request_id, id);
    record.log_group_name = group;
    record.log_stream_name = "";
    record.request_id = id;
    lambda__log(&out, &record, "RequestId: %s Error: the event was dropped: %s after %u attempts", id,
                lambda_async_condition_name(dropped->condition), dropped->attempts);
}

void lambda__async_drop_damaged(lambda__async_worker *worker)
{
    lambda_t *lambda = worker->lambda;
    lambda__async_flush(worker);
    size_t length = worker->messages[worker->at].body.length;
    (void)lambda__async_take_done(worker, worker->at + 1);
    lambda__counter_add(worker->thread, LAMBDA__COUNT_DROPPED_DAMAGED);
    if (!lambda__async_keep_end(worker, worker->at, 1, NULL, 0)) {
        lambda__counter_add_many(worker->thread, LAMBDA__COUNT_DROPPED_DAMAGED, (uint64_t)0 - 1);
        return;
    }
    lambda__log_error(lambda, "Error: a message of %zu bytes in the queue of events is none, and was dropped", length);
}

/* ---- the end of an event */

/** How an event ends, and what its targets are. */
typedef struct ending {
    lambda_async_condition condition;
    uint32_t attempts;
    bool ran; /* in this attempt: the worker's result is its answer */
    const char *targets[LAMBDA__TARGETS];
} ending;

/** A message that goes into the queue in the place of the event. */
typedef struct successor {
    lambda__event_message message;
    lambda__origin origin;                /* of an event: its lineage */
    char trace[LAMBDA_TRACE_HEADER_SIZE]; /* likewise */
    lambda_bytes parts[LAMBDA__MESSAGE_PARTS];
} successor;

/** The delivery that the event becomes: all that a record or dead letter will say. */
static void make_delivery(const lambda__async_worker *worker, const lambda__event_message *event, const ending *how,
                          char error[LAMBDA__ERROR_MESSAGE_MAX + 1], lambda__event_message *delivery)
{
    *delivery = *event;
    delivery->head.delivery = 1;
    delivery->head.condition = (uint8_t)how->condition;
    delivery->head.invoke_count = (uint16_t)(how->attempts < UINT16_MAX ? how->attempts : UINT16_MAX);
    delivery->head.ran = how->ran;
    delivery->head.failed = 0;
    delivery->executed_version = delivery->answer = lambda_bytes_make("", 0);
    for (int i = 0; i < LAMBDA__TARGETS; i++)
        delivery->targets[i] = lambda_bytes_make("", 0);
    if (how->ran) {
        const lambda_result *result = &worker->result;
        delivery->head.failed = result->function_error != NULL;
        delivery->executed_version = lambda_bytes_make(result->executed_version, strlen(result->executed_version));
        delivery->answer = result->payload;
        size_t length =
            result->payload.length < LAMBDA__ERROR_MESSAGE_MAX ? result->payload.length : LAMBDA__ERROR_MESSAGE_MAX;
        if (result->function_error) memcpy(error, result->payload.data, length);
        error[result->function_error ? length : 0] = '\0';
    } else {
        snprintf(error, LAMBDA__ERROR_MESSAGE_MAX + 1, "%s", lambda__error_message(&worker->lambda->base));
    }
    delivery->error = lambda_bytes_make(error, strlen(error));
}

/** The event for a function that is a target. False: it is none, or there is no memory for the record. */
static bool make_event(lambda__async_worker *worker, const lambda__event_message *delivery, const char *target,
                       successor *made)
{
    lambda_t *lambda = worker->lambda;
    lambda__name name;
    if (lambda__destination_find(lambda, target)) return false;
    /* What is neither yet is a destination that the host has still to register: it is delivered when it is there. */
    if (lambda__name_parse(lambda, target, &name) != LAMBDA_OK) return false;
    if (!lambda__async_exists(lambda, worker->thread, &name)) return false;
    worker->record.length = 0;
    if (!lambda__async_record(lambda, delivery, &worker->record)) return false;
    lambda__async_event(worker->thread, &name, lambda_bytes_make(worker->record.data, worker->record.length),
                        &made->message);
    /* A function that is told of itself, through others, goes in a loop too. */
    lambda__async_descend(lambda, worker->thread, &made->message, delivery, &made->origin);
    if (LAMBDA__UNLIKELY(lambda->traces != NULL))
        made->message.trace_id =
            lambda__trace_event(lambda, worker->thread, &name, made->message.trace_id, made->trace);
    return true;
}

static lambda_queue_entry entry_of(successor *each)
{
    lambda_queue_entry entry = {.parts = each->parts};
    entry.parts_count = lambda__message_parts(&each->message, each->parts);
    return entry;
}

static void tell(const lambda__async_worker *worker, lambda_request_id id, const ending *how)
{
    lambda_async_outcome outcome = {.request_id = id, .condition = how->condition, .invoke_count = how->attempts};
    if (how->ran) {
        outcome.function_error = worker->result.function_error;
        outcome.payload = worker->result.payload;
    }
    lambda__async_ended(worker->lambda, &outcome);
}

/** Counts an end, or takes that back. What is left to deliver is counted when it is. */
static void count_end(lambda__thread *thread, const ending *how, bool handed, bool left, uint64_t by)
{
    if (handed) lambda__counter_add_many(thread, LAMBDA__COUNT_ACCEPTED, by);
    if (how->condition == LAMBDA_ASYNC_RECURSIVE_LOOP) lambda__counter_add_many(thread, LAMBDA__COUNT_LOOPS, by);
    if (left) return;
    if (how->condition == LAMBDA_ASYNC_SUCCESS)
        lambda__counter_add_many(thread, LAMBDA__COUNT_SUCCEEDED, by);
    else if (handed)
        lambda__counter_add_many(thread, LAMBDA__COUNT_DELIVERED, by);
    else
        lambda__async_count_dropped(thread, how->condition, by);
}

/** Likewise for the function: as Lambda does, an event that did not succeed is dropped also where somebody is told of it. */
static void measure_end(lambda__async_worker *worker, const lambda__event_message *message, const ending *how,
                        const lambda__event_message *handed, uint64_t by)
{
    if (how->condition != LAMBDA_ASYNC_SUCCESS)
        lambda__measure_named(worker->lambda, worker->thread, &message->name, LAMBDA__METER_DROPPED, by);
    if (handed) lambda__measure_named(worker->lambda, worker->thread, &handed->name, LAMBDA__METER_RECEIVED, by);
}

/** Ends the event: its targets' messages take its place in the same step. */
static void end(lambda__async_worker *worker, const lambda__event_message *message, const ending *how)
{
    successor successors[2] = {0};
    lambda_queue_entry entries[2];
    size_t count = 0;
    bool handed = false; /* to a function: that is all that there is to deliver */
    bool left = false;
    char error[LAMBDA__ERROR_MESSAGE_MAX + 1];
    lambda__event_message delivery;
    if (how->targets[0] || how->targets[1]) make_delivery(worker, message, how, error, &delivery);
    const char *destination = how->targets[LAMBDA__TARGET_DESTINATION];
    if (destination && make_event(worker, &delivery, destination, &successors[0])) {
        entries[count++] = entry_of(&successors[0]);
        handed = true;
    }
    for (int i = 0; i < LAMBDA__TARGETS; i++) {
        if (!how->targets[i] || (i == LAMBDA__TARGET_DESTINATION && handed)) continue;
        delivery.targets[i] = lambda_bytes_make(how->targets[i], strlen(how->targets[i]));
        left = true;
    }
    if (left) {
        successors[1].message = delivery;
        entries[count++] = entry_of(&successors[1]);
    }
    lambda__thread *thread = worker->thread;
    lambda__dropped event = lambda__async_identify(message);
    event.condition = how->condition;
    event.attempts = how->attempts;
    bool dropped = !left && !handed && how->condition != LAMBDA_ASYNC_SUCCESS;
    /* Counted first: who finds the queue empty finds all of it counted. */
    count_end(thread, how, handed, left, 1);
    const lambda__event_message *next = handed ? &successors[0].message : NULL;
    if (worker->lambda->metrics) measure_end(worker, message, how, next, 1);
    if (!lambda__async_keep_end(worker, worker->at, 1, entries, count)) {
        count_end(thread, how, handed, left, (uint64_t)0 - 1);
        if (worker->lambda->metrics) measure_end(worker, message, how, next, (uint64_t)0 - 1);
        return;
    }
    if (dropped) lambda__async_dropped(worker->lambda, thread, &event);
    /* The message is no more. */
    if (count > 0) lambda__async_tell(worker->lambda, thread);
    tell(worker, event.request_id, how);
}

/* ---- which end it is */

static bool reserved_none(lambda_t *lambda, const lambda__event_message *message)
{
    char name[LAMBDA__NAME_MAX + 1];
    bool reserved = false;
    uint32_t concurrency = 1;
    memcpy(name, message->name.function, message->name.function_length);
    name[message->name.function_length] = '\0';
    return lambda_function_concurrency_get(lambda, name, &reserved, &concurrency) == LAMBDA_OK && reserved &&
           concurrency == 0;
}

/** True for a target that is a function which has gone in the event's loop too often itself: to tell it would go on for ever. */
static bool loops_too(lambda__async_worker *worker, const lambda__event_message *message, const char *target)
{
    lambda_t *lambda = worker->lambda;
    lambda__name name;
    uint64_t times = 0;
    if (!target || lambda__destination_find(lambda, target)) return false;
    if (lambda__name_parse(lambda, target, &name) != LAMBDA_OK) return false;
    lambda__read_begin(worker->thread);
    const lambda__function *function = lambda__registry_find(lambda, name.function, name.function_length);
    for (uint32_t i = 0; function && i < message->head.lineage_count; i++)
        if (message->lineage[i].function == function->identity) times = message->lineage[i].times;
    lambda__read_end(worker->thread);
    return times >= LAMBDA__LOOP_MAX;
}

/** Gives the event back for another attempt, unless it would be too old by then. */
static bool again(lambda__async_worker *worker, const lambda__async_settings *settings, lambda__tries tries,
                  uint64_t delay, int counter)
{
    uint64_t age = worker->messages[worker->at].age_ns + (lambda__now(&worker->lambda->base) - worker->received);
    if (age > settings->maximum_event_age_ns || delay > settings->maximum_event_age_ns - age) return false;
    lambda__counter_add(worker->thread, counter);
    if (!lambda__async_keep_retry(worker, worker->at, tries, delay))
        lambda__counter_add_many(worker->thread, counter, (uint64_t)0 - 1);
    return true;
}

void lambda__async_settle(lambda__async_worker *worker, lambda__event_message *message, lambda_status status)
{
    lambda_t *lambda = worker->lambda;
    lambda__async_settings settings;
    lambda__tries tries = lambda__tries_unpack(worker->messages[worker->at].state);
    lambda__async_flush(worker);
    (void)lambda__async_take_done(worker, worker->at + 1);
    /* Said before other calls change it. */
    char why[LAMBDA__ERROR_SIZE];
    snprintf(why, sizeof(why), "%s", lambda__error_message(&lambda->base));
    lambda__async_settings_read(lambda, worker->thread, &message->name, &settings);
    const char *on_failure = settings.on_failure[0] ? settings.on_failure : NULL;
    const char *dead_letter = settings.dead_letter[0] ? settings.dead_letter : NULL;
    ending how = {.ran = status == LAMBDA_OK, .targets = {on_failure, dead_letter}};
    if (how.ran) {
        tries.attempts++;
        tries.postponed = 0;
    }
    how.attempts = tries.attempts;
    if (how.ran && !worker->result.function_error) {
        how.condition = LAMBDA_ASYNC_SUCCESS;
        how.targets[LAMBDA__TARGET_DESTINATION] = settings.on_success[0] ? settings.on_success : NULL;
        how.targets[LAMBDA__TARGET_DEAD_LETTER] = NULL;
    } else if (how.ran) {
        how.condition = LAMBDA_ASYNC_RETRIES_EXHAUSTED;
        if (tries.attempts <= settings.maximum_retry_attempts) {
            if (again(worker, &settings, tries, 60 * SECOND_NS * tries.attempts, LAMBDA__COUNT_RETRIES)) return;
            how.condition = LAMBDA_ASYNC_EVENT_AGE_EXCEEDED;
        }
    } else if (status == LAMBDA_ERROR_RECURSIVE_INVOCATION) {
        how.condition = LAMBDA_ASYNC_RECURSIVE_LOOP;
        for (int i = 0; i < LAMBDA__TARGETS; i++)
            if (loops_too(worker, message, how.targets[i])) how.targets[i] = NULL;
    } else if (status == LAMBDA_ERROR_TOO_MANY_REQUESTS && (on_failure || dead_letter) &&
               reserved_none(lambda, message)) {
        how.condition = LAMBDA_ASYNC_ZERO_RESERVED_CONCURRENCY;
    } else {
        uint64_t delay = lambda__async_backoff(tries.postponed++);
        if (again(worker, &settings, tries, delay, LAMBDA__COUNT_POSTPONED)) return;
        how.condition = LAMBDA_ASYNC_EVENT_AGE_EXCEEDED;
    }
    if (!how.ran) lambda__message(&lambda->base, "%s", why);
    end(worker, message, &how);
}
