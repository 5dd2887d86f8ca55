/* Telling the targets of an event that has ended, each until it has it or the record is too old. */
#include "async/async.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "destination/destination.h"
#include "destination/record.h"
#include "observe/metrics/metrics.h"

/** A record is tried to be delivered for as long as an event may get old by default, 6 hours. */
#define DELIVERY_AGE_NS UINT64_C(21600000000000)

void lambda__async_arn(const lambda_t *lambda, const lambda__event_message *message, char arn[LAMBDA__ARN_SIZE])
{
    char function[LAMBDA__NAME_MAX + 1];
    char qualifier[LAMBDA__QUALIFIER_SIZE] = "";
    memcpy(function, message->name.function, message->name.function_length);
    function[message->name.function_length] = '\0';
    if (message->name.qualifier) {
        memcpy(qualifier, message->name.qualifier, message->name.qualifier_length);
        qualifier[message->name.qualifier_length] = '\0';
    }
    lambda__name_arn(lambda, function, qualifier, arn, LAMBDA__ARN_SIZE);
}

bool lambda__async_record(lambda_t *lambda, const lambda__event_message *message, lambda__buffer *record)
{
    char arn[LAMBDA__ARN_SIZE];
    char version[24] = "";
    size_t length = message->executed_version.length;
    lambda__async_arn(lambda, message, arn);
    if (length < sizeof(version) && length > 0) memcpy(version, message->executed_version.data, length);
    lambda__record said = {.wall_ns = lambda__wall(&lambda->base),
                           .request_id = message->head.request_id,
                           .function_arn = arn,
                           .condition = lambda_async_condition_name((lambda_async_condition)message->head.condition),
                           .invoke_count = message->head.invoke_count,
                           .request = message->payload,
                           .ran = message->head.ran,
                           .status_code = 200,
                           .executed_version = version,
                           .function_error = message->head.failed ? "Unhandled" : NULL,
                           .response = message->answer};
    return lambda__record_render(&lambda->base, &said, record);
}

/** Lambda's ErrorCode of a dead letter: the status that the last attempt was answered with. */
static const char *error_code(const lambda__event_message *message)
{
    if (message->head.ran) return "200";
    return message->head.condition == LAMBDA_ASYNC_RECURSIVE_LOOP ? "400" : "429";
}

/** A target that is a function: its event. */
static lambda_status deliver_to_function(lambda__async_worker *worker, const lambda__event_message *message,
                                         const char *target, lambda_bytes body)
{
    lambda__acceptance acceptance;
    lambda__name name;
    lambda__origin origin;
    lambda_status status = lambda__name_parse(worker->lambda, target, &name);
    if (status != LAMBDA_OK) return status;
    if (!lambda__async_exists(worker->lambda, worker->thread, &name))
        return lambda__fail(&worker->lambda->base, LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                            "target: \"%s\" is neither a function nor a destination", target);
    lambda__acceptance_begin(&acceptance, &name);
    lambda__async_descend(worker->lambda, worker->thread, &acceptance.message, message, &origin);
    return lambda__async_accept(worker->lambda, worker->thread, &acceptance, &body, 1, NULL);
}

static lambda_status deliver_one(lambda__async_worker *worker, const lambda__event_message *message, int which)
{
    lambda_t *lambda = worker->lambda;
    char target[LAMBDA__TARGET_SIZE] = "";
    char error[LAMBDA__ERROR_MESSAGE_MAX + 1] = "";
    char arn[LAMBDA__ARN_SIZE];
    lambda_bytes name = message->targets[which];
    if (name.length >= sizeof(target)) return LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    memcpy(target, name.data, name.length);
    lambda__async_arn(lambda, message, arn);
    lambda_delivery delivery = {.request_id = message->head.request_id,
                                .function_arn = arn,
                                .target = target,
                                .body = message->payload,
                                .error_code = "",
                                .error_message = ""};
    if (which == LAMBDA__TARGET_DEAD_LETTER) {
        size_t length =
            message->error.length < LAMBDA__ERROR_MESSAGE_MAX ? message->error.length : LAMBDA__ERROR_MESSAGE_MAX;
        if (length > 0) memcpy(error, message->error.data, length);
        delivery.kind = LAMBDA_DELIVERY_DEAD_LETTER;
        delivery.error_code = error_code(message);
        delivery.error_message = error;
    } else {
        bool success = message->head.condition == LAMBDA_ASYNC_SUCCESS;
        delivery.kind = success ? LAMBDA_DELIVERY_ON_SUCCESS : LAMBDA_DELIVERY_ON_FAILURE;
        worker->record.length = 0;
        if (!lambda__async_record(lambda, message, &worker->record)) return lambda__out_of_memory(&lambda->base);
        delivery.body = lambda_bytes_make(worker->record.data, worker->record.length);
    }
    const lambda_destination *destination = lambda__destination_find(lambda, target);
    return destination ? destination->deliver(destination->user, &delivery)
                       : deliver_to_function(worker, message, target, delivery.body);
}

/** Counts the end of a delivery, or takes that back. */
static void count_end(lambda__async_worker *worker, const lambda__event_message *message, lambda__tries tries,
                      uint32_t missing, uint64_t by)
{
    lambda__thread *thread = worker->thread;
    if (missing & 1u << LAMBDA__TARGET_DESTINATION) {
        lambda__counter_add_many(thread, LAMBDA__COUNT_DESTINATION_FAILURES, by);
        lambda__measure_named(worker->lambda, thread, &message->name, LAMBDA__METER_DESTINATION_FAILURES, by);
    }
    if (missing & 1u << LAMBDA__TARGET_DEAD_LETTER) {
        lambda__counter_add_many(thread, LAMBDA__COUNT_DEAD_LETTER_ERRORS, by);
        lambda__measure_named(worker->lambda, thread, &message->name, LAMBDA__METER_DEAD_LETTER_ERRORS, by);
    }
    if (message->head.condition == LAMBDA_ASYNC_SUCCESS)
        lambda__counter_add_many(thread, LAMBDA__COUNT_SUCCEEDED, by);
    else if (tries.told)
        lambda__counter_add_many(thread, LAMBDA__COUNT_DELIVERED, by);
    else
        lambda__async_count_dropped(thread, LAMBDA_ASYNC_DELIVERY_FAILED, by);
}

/** All targets have it, or the rest is given up. */
static void end(lambda__async_worker *worker, const lambda__event_message *message, lambda__tries tries,
                uint32_t missing)
{
    const lambda__message_head head = message->head;
    lambda__dropped event = lambda__async_identify(message);
    event.condition = LAMBDA_ASYNC_DELIVERY_FAILED;
    event.attempts = tries.attempts;
    /* Counted first: who finds the queue empty finds all of it counted. */
    count_end(worker, message, tries, missing, 1);
    if (!lambda__async_keep_end(worker, worker->at, 1, NULL, 0)) {
        count_end(worker, message, tries, missing, (uint64_t)0 - 1);
        return;
    }
    if (head.condition != LAMBDA_ASYNC_SUCCESS && !tries.told)
        lambda__async_dropped(worker->lambda, worker->thread, &event);
    /* The message is no more. */
    lambda_async_outcome outcome = {.request_id = head.request_id,
                                    .condition = tries.told ? (lambda_async_condition)head.condition
                                                            : LAMBDA_ASYNC_DELIVERY_FAILED,
                                    .invoke_count = head.invoke_count,
                                    .function_error = head.failed ? "Unhandled" : NULL};
    lambda__async_ended(worker->lambda, &outcome);
}

void lambda__async_deliver(lambda__async_worker *worker, lambda__event_message *message)
{
    const lambda_queue_message *received = &worker->messages[worker->at];
    lambda__tries tries = lambda__tries_unpack(received->state);
    uint32_t missing = 0;
    lambda__async_flush(worker);
    (void)lambda__async_take_done(worker, worker->at + 1);
    tries.attempts++;
    for (int i = 0; i < LAMBDA__TARGETS; i++) {
        uint32_t bit = 1u << i;
        if (message->targets[i].length == 0 || tries.told & bit) continue;
        if (deliver_one(worker, message, i) == LAMBDA_OK)
            tries.told |= bit;
        else
            missing |= bit;
    }
    uint64_t delay = lambda__async_backoff(tries.postponed++);
    if (missing == 0 || received->age_ns + delay > DELIVERY_AGE_NS)
        end(worker, message, tries, missing);
    else
        (void)lambda__async_keep_retry(worker, worker->at, tries, delay);
}
