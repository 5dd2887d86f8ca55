/*
 * A response that is read in parts. The handler's thread alone hands on; what it wrote in small pieces is gathered in the response's body.
 *
 * A caller whose time is over may leave while the handler still runs. Whose turn it is stands in one word, so that no part is handed on
 * after the caller has left, and it leaves only when the call that is under way has returned:
 *
 *     OPEN  --handler-->  CALLING  --handler-->  OPEN
 *     OPEN  --caller-->  LEFT
 *     CALLING  --caller-->  LEAVING  --handler-->  LEFT      the caller waits in between
 */
#ifndef LAMBDA_LIB_STREAM_H
#define LAMBDA_LIB_STREAM_H

#include <lambda/code.h>
#include <lambda/stream.h>

#include "base/base.h"

enum { LAMBDA__STREAM_OPEN, LAMBDA__STREAM_CALLING, LAMBDA__STREAM_LEAVING, LAMBDA__STREAM_LEFT };

/** Writes of less than this are gathered. */
#define LAMBDA__STREAM_SMALL 4096

/** Gathered ones are handed on when there are so many bytes. */
#define LAMBDA__STREAM_GATHERED 16384

/** Bytes of a content type, its NUL included. */
#define LAMBDA__CONTENT_TYPE_SIZE 256

typedef struct lambda__stream {
    lambda_response_stream to;
    lambda_handler
        *handler;    /* the function's own, while the environment's is one that ends the stream: invoke/special.c */
    uint64_t handed; /* bytes handed on */
    _Atomic uint32_t turn; /* LAMBDA__STREAM_, see above */
    lambda_status status;  /* of the first call that failed: from then on nothing is handed on */
    bool begun;            /* the first part was handed on, or refused */
    char content_type[LAMBDA__CONTENT_TYPE_SIZE];
} lambda__stream;

/** A stream to that reader, of which nothing was handed on. */
void lambda__stream_init(lambda__stream *stream, const lambda_response_stream *to);

/** Appends to a response that is read as a stream; within its own limit. */
lambda_status lambda__stream_write(lambda_response *response, const void *data, size_t length);

/** Empties such a response for another body, unless something was handed on. */
lambda_status lambda__stream_restart(lambda_response *response);

/**
 * The handler has returned that status: hands on what was gathered, and begins a response that is empty. `late`: its time was over before, and nothing is
 * handed on any more. This thread's error message stays as it is.
 */
void lambda__stream_end(lambda_response *response, lambda_status status, bool late);

/** On the thread of who invoked: waits for the call that is under way; there is no other afterwards. */
void lambda__stream_leave(lambda__base *base, lambda__stream *stream);

#endif
