/* The insides of event and response; both live in an execution environment and are reset for each invocation. */
#ifndef LAMBDA_LIB_EVENT_H
#define LAMBDA_LIB_EVENT_H

#include <stdarg.h>

#include <jansson.h>

#include <lambda/json.h>

#include "base/buffer.h"
#include "base/json_write.h"
#include "service.h"

struct lambda_event {
    lambda_t *lambda;
    lambda_bytes payload;
    json_t *json; /* parsed at the first question; owned */
};

struct lambda_response {
    lambda_t *lambda;
    lambda__buffer body; /* lent: the caller's result's memory, grown in place */
    bool failed;         /* lambda_response_error was called */
    bool too_large;      /* a write went past the limit */
    char *error_type;    /* owned; set only when failed */
    char *error_message;
    json_t *error_trace;          /* array of strings, or NULL */
    lambda__buffer error_payload; /* the error's whole object; empty: it is made of the others */
};

/** Drops what the invocation left: the parsed tree. Costs one comparison where there is none. */
static inline void lambda__event_reset(lambda_event *event)
{
    if (event->json) {
        json_decref(event->json);
        event->json = NULL;
    }
}

/** Appends within the response's limit; sets too_large past it. */
lambda_status lambda__response_append(lambda_response *response, const void *data, size_t length);

/** Appends a jansson value, compactly. */
lambda_status lambda__response_dump(lambda_response *response, const json_t *json);

/**
 * The JSON object of a log line's fields. A top member named like one of the line's own gets a "_" before its name. The buffer, empty before, is the
 * caller's, also on failure.
 */
lambda_status lambda__pack_fields(lambda_t *lambda, lambda__buffer *buffer, const char *format, va_list arguments);

/** Frees error parts; leaves `body` alone, which is somebody else's. */
void lambda__response_reset_error(lambda_response *response);

/**
 * Replaces the body by Lambda's error shape: {"errorMessage":...,"errorType":...,"stackTrace":[...]}; `trace` may be NULL.
 * False when memory is out.
 */
bool lambda__response_error_body(lambda_response *response, const char *type, const char *message, const json_t *trace);

/** Refuses a payload that no response may have: of `field`. */
lambda_status lambda__error_payload_check(lambda_t *lambda, const char *field, const void *payload, size_t length);

#endif
