/* The insides of event and response; both live in an execution environment and are reset for each invocation. */
#ifndef LAMBDA_LIB_EVENT_H
#define LAMBDA_LIB_EVENT_H

#include <stdarg.h>

#include <jansson.h>

#include <lambda/json.h>

#include "base/buffer.h"
#include "base/json_write.h"
#include "event/stream.h"
#include "service.h"

struct lambda_event {
    lambda_t *lambda;
    lambda_bytes payload;
    json_t *json; /* parsed at the first question; owned */
};

struct lambda_response {
    lambda_t *lambda;
    lambda__buffer body; /* lent: the caller's result's memory, grown in place */
    size_t limit;        /* bytes of it; 0: it is handed on as a stream, whose writes all take the slow road */
    bool failed;         /* lambda_response_error was called */
    bool too_large;      /* a write went past the limit */
    char *error_type;    /* owned; set only when failed */
    char *error_message;
    json_t *error_trace;          /* array of strings, or NULL */
    lambda__buffer error_payload; /* the error's whole object; empty: it is made of the others */
    lambda__stream *
        stream; /* who reads it in parts: with `limit` 0 from the beginning, else from the first flush on. NULL: nobody */
};

/** An empty response. */
static inline lambda_response lambda__response_empty(lambda_t *lambda)
{
    return (lambda_response){.lambda = lambda, .limit = lambda->limits.response_payload};
}

/** Drops what the invocation left: the parsed tree. Costs one comparison where there is none. */
static inline void lambda__event_reset(lambda_event *event)
{
    if (event->json) {
        json_decref(event->json);
        event->json = NULL;
    }
}

/** Empties it for another body. Of one that is read as a stream InvalidParameterValue once something was handed on. */
static inline lambda_status lambda__response_restart(lambda_response *response)
{
    if (LAMBDA__UNLIKELY(response->limit == 0)) return lambda__stream_restart(response);
    response->body.length = 0;
    return LAMBDA_OK;
}

/** Appends within the response's limit; sets too_large past it. Hands nothing on. */
lambda_status lambda__response_append(lambda_response *response, const void *data, size_t length);

/** After something wrote into the body itself: the same check. */
static inline lambda_status lambda__response_check(lambda_response *response)
{
    return LAMBDA__UNLIKELY(response->body.length > response->limit) ? lambda__response_append(response, "", 0)
                                                                     : LAMBDA_OK;
}

/** Bytes that it may have: as a stream, if it is one. */
static inline uint64_t lambda__response_limit(const lambda_response *response)
{
    const lambda_limits *limits = &response->lambda->limits;
    return response->limit == 0 ? limits->streamed_response_payload : limits->response_payload;
}

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
