/*
 * An event as it stands in the queue, and the word that the queue keeps with it.
 *
 * A message is a fixed head and then, one behind the other: the lineage, the function's name, its qualifier, the trace header with a
 * NUL, the client context, the payload. A delivery, which is an event that has ended and whose targets are to be told, has behind it: the
 * version that ran, its two targets, the error's message, the answer. Numbers are in the machine's byte order: a queue's file does not travel
 * between machines of different ones.
 */
#ifndef LAMBDA_LIB_ASYNC_MESSAGE_H
#define LAMBDA_LIB_ASYNC_MESSAGE_H

#include <stddef.h>
#include <string.h>

#include <lambda/async.h>

#include "environment/environment.h"

#define LAMBDA__MESSAGE_VERSION 1

/** Targets that a delivery can have: a destination, and a dead-letter target. */
enum { LAMBDA__TARGET_DESTINATION, LAMBDA__TARGET_DEAD_LETTER, LAMBDA__TARGETS };

/** Bytes of the error's message that a dead letter carries, Lambda's first kilobyte. */
#define LAMBDA__ERROR_MESSAGE_MAX 1024

typedef struct lambda__message_head {
    uint8_t version;
    uint8_t delivery;  /* 1: the event has ended */
    uint8_t condition; /* of a delivery: lambda_async_condition, as all that follows to `invoke_count` */
    uint8_t ran;       /* there was an answer */
    uint8_t failed;    /* it was a function error */
    uint8_t lineage_count;
    uint16_t name_length;
    uint16_t qualifier_length;
    uint16_t trace_length; /* its NUL included; 0: none */
    uint16_t context_length;
    uint16_t executed_length;
    uint16_t target_lengths[LAMBDA__TARGETS];
    uint16_t error_length;
    uint16_t invoke_count;
    uint32_t payload_length;
    uint32_t answer_length;
    lambda_request_id request_id;
} lambda__message_head;

/** A message that has been taken apart; points into it. */
typedef struct lambda__event_message {
    lambda__message_head head;
    const lambda__ancestor *lineage;
    lambda__name name;
    const char *trace_id; /* NULL for none */
    lambda_bytes client_context;
    lambda_bytes payload;
    lambda_bytes executed_version;
    lambda_bytes targets[LAMBDA__TARGETS];
    lambda_bytes error;
    lambda_bytes answer;
} lambda__event_message;

/** Pieces of a message, for the queue: `fill` from what is pointed to. */
enum { LAMBDA__MESSAGE_PARTS = 12 };

/** Fills in the lengths of the head, and the parts that the message is made of; how many. */
size_t lambda__message_parts(lambda__event_message *message, lambda_bytes parts[LAMBDA__MESSAGE_PARTS]);

/** Takes a message apart; false if it is none. What only a delivery has is not set for others. */
bool lambda__message_read(lambda_bytes body, lambda__event_message *message);

/** The id of a message that is one. */
static inline lambda_request_id lambda__message_id(lambda_bytes body)
{
    lambda_request_id id;
    memcpy(&id, (const char *)body.data + offsetof(lambda__message_head, request_id), sizeof(id));
    return id;
}

/** Writes "name" or "name:qualifier" and a NUL. */
#define LAMBDA__MESSAGE_NAME_SIZE (LAMBDA__NAME_MAX + LAMBDA__QUALIFIER_SIZE + 2)
void lambda__message_name(const lambda__event_message *message, char text[LAMBDA__MESSAGE_NAME_SIZE]);

/* ---- the word: how often it was tried */

typedef struct lambda__tries {
    uint32_t attempts;  /* in which the handler ran; of a delivery: of those to deliver */
    uint32_t postponed; /* in a row in which it could not run */
    uint32_t told;      /* of a delivery: targets that have it, a bit each */
} lambda__tries;

static inline uint64_t lambda__tries_pack(lambda__tries tries)
{
    uint64_t attempts = tries.attempts < UINT16_MAX ? tries.attempts : UINT16_MAX;
    uint64_t postponed = tries.postponed < UINT16_MAX ? tries.postponed : UINT16_MAX;
    return attempts | postponed << 16 | (uint64_t)(tries.told & 0xff) << 32;
}

static inline lambda__tries lambda__tries_unpack(uint64_t state)
{
    return (lambda__tries){
        .attempts = state & UINT16_MAX, .postponed = state >> 16 & UINT16_MAX, .told = state >> 32 & 0xff};
}

#endif
