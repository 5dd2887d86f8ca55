/* A queue in memory with a shell around it: it counts what the service asks for, and fails or hides when the test wants it to. */
#ifndef LAMBDA_TESTS_WRAPPED_QUEUE_H
#define LAMBDA_TESTS_WRAPPED_QUEUE_H

#include "support.h"

enum { WRAPPED_EXTENSIONS = 32 };

/** What is asked of a queue, as it is counted. Any thread. */
typedef struct wrapped_queue {
    lambda_queue inner;
    lambda_queue_host host; /* what the service gave it */
    /* What goes wrong. */
    _Atomic bool hidden;                /* nothing is there for who receives */
    _Atomic uint32_t fail_receives;     /* so many fail first */
    _Atomic uint32_t fail_acknowledges; /* likewise */
    _Atomic uint32_t fail_retries;      /* likewise */
    lambda_status failure;              /* of the last two; default LAMBDA_ERROR_SERVICE */
    /* What was asked for, what failed included. */
    _Atomic uint32_t receives;
    _Atomic uint32_t acknowledges;
    _Atomic uint32_t retries;
    _Atomic uint32_t extends;
    _Atomic uint32_t kept;                     /* messages that were acknowledged */
    _Atomic uint64_t visible_ns;               /* as it was asked for last */
    size_t extended[WRAPPED_EXTENSIONS];       /* messages in each extension */
    uint64_t extended_for[WRAPPED_EXTENSIONS]; /* and for how long */
} wrapped_queue;

/** Opens an empty one. */
void wrapped_open(wrapped_queue *wrapped);

/** The port, for `lambda_options.queue`. The service closes it. */
lambda_queue wrapped_port(wrapped_queue *wrapped);

/** Says to the service that something can be received which it did not push. */
void wrapped_ready(wrapped_queue *wrapped);

/** Pushes bytes as somebody else would who shares the queue; the service is not told. */
void wrapped_push(wrapped_queue *wrapped, const void *data, size_t length);

/** Messages that are with the service now. */
uint64_t wrapped_received(wrapped_queue *wrapped);

#endif
