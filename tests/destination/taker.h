/* A taker that keeps what it takes, and deliveries to begin with: what the tests of files and of queues share. */
#ifndef LAMBDA_TESTS_TAKER_H
#define LAMBDA_TESTS_TAKER_H

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/destination.h>
#include <lambda/port/runtime.h>

#include "destination/destination.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define ARN     "arn:aws:lambda:us-east-1:000000000000:function:f"

/** A record as a line has it; `condition` is free. */
#define RECORD(condition)                                                                                              \
    "{\"requestContext\":{\"requestId\":\"00000000-0000-0001-0000-000000000002\",\"condition\":\"" condition "\"}}"

/** Takes up to `most`, then fails. All it took is `text`, each "KIND ID ARN TARGET CODE MESSAGE BODY" and a line end. */
typedef struct taker {
    lambda_t *lambda;
    size_t most;
    size_t taken;
    char text[4096];
} taker;

static inline lambda_status take(void *user, const lambda_delivery *delivery)
{
    taker *into = user;
    char id[LAMBDA_REQUEST_ID_SIZE];
    if (into->taken == into->most) return lambda_runtime_fail(into->lambda, LAMBDA_ERROR_TOO_MANY_REQUESTS, "enough");
    lambda_request_id_format(delivery->request_id, id);
    size_t used = strlen(into->text);
    snprintf(into->text + used, sizeof(into->text) - used, "%d %s %s %s %s %s %.*s\n", (int)delivery->kind, id,
             delivery->function_arn, delivery->target, delivery->error_code, delivery->error_message,
             (int)delivery->body.length, (const char *)delivery->body.data);
    into->taken++;
    return LAMBDA_OK;
}

/** A dead letter of `number`, whose body that is. */
static inline lambda_status deliver_number(lambda_t *lambda, const char *name, int number)
{
    char body[16];
    snprintf(body, sizeof(body), "%d", number);
    const lambda_destination *destination = lambda__destination_find(lambda, name);
    const lambda_delivery delivery = {.kind = LAMBDA_DELIVERY_DEAD_LETTER,
                                      .request_id = {0, (uint64_t)number},
                                      .function_arn = ARN,
                                      .target = name,
                                      .body = {body, strlen(body)},
                                      .error_code = "200",
                                      .error_message = "bad"};
    return destination->deliver(destination->user, &delivery);
}

/** A record of success or failure. */
static inline lambda_status deliver_record(lambda_t *lambda, const char *name, lambda_delivery_kind kind,
                                           const char *record)
{
    const lambda_destination *destination = lambda__destination_find(lambda, name);
    const lambda_delivery delivery = {.kind = kind,
                                      .request_id = {1, 2},
                                      .function_arn = ARN ":PROD",
                                      .target = name,
                                      .body = {record, strlen(record)},
                                      .error_code = "",
                                      .error_message = ""};
    return destination->deliver(destination->user, &delivery);
}

/** Redrives with a taker that takes as many as it may; how many it took. */
static inline lambda_status redrive(lambda_t *lambda, const char *name, uint64_t most, taker *into, size_t may_take)
{
    const lambda_destination *destination = lambda__destination_find(lambda, name);
    memset(into, 0, sizeof(*into));
    into->lambda = lambda;
    into->most = may_take;
    return destination->redrive(destination->user, most, take, into);
}

/** How the dead letter of a number below ten is taken from a destination called "dead". */
#define TAKEN(number) "2 00000000-0000-0000-0000-00000000000" number " " ARN " dead 200 bad " number "\n"

/** How its line looks. */
#define LINE(number)                                                                                                   \
    "{\"kind\":\"DeadLetter\",\"functionArn\":\"" ARN "\",\"body\":\"" number                                          \
    "\",\"messageAttributes\":{\"RequestID\":{\"stringValue\":\"00000000-0000-0000-0000-00000000000" number            \
    "\",\"dataType\":\"String\"},\"ErrorCode\":{\"stringValue\":\"200\",\"dataType\":\"Number\"},"                     \
    "\"ErrorMessage\":{\"stringValue\":\"bad\",\"dataType\":\"String\"}}}"

#endif
