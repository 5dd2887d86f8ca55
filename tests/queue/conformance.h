/* What every queue must do, as tests that any queue is run through: see lambda/port/queue.h. */
#ifndef LAMBDA_TESTS_QUEUE_CONFORMANCE_H
#define LAMBDA_TESTS_QUEUE_CONFORMANCE_H

#include <lambda/port/queue.h>

/** How the tests get a queue. */
typedef struct queue_maker {
    const char *name; /**< of the group of tests */
    /** Opens an empty queue that refuses more than `max_messages` (0: its default). It is not attached. */
    bool (*open)(void *user, uint64_t max_messages, lambda_queue *queue);
    /** Opens again what `lambda_queue.close` has closed, with all that was in it. NULL: the queue is not durable. */
    bool (*reopen)(void *user, lambda_queue *queue);
    /** After each test, the queue's own `close` called: nothing of it is left. NULL: nothing is to be done. */
    void (*end)(void *user);
    void *user; /**< handed to each */
} queue_maker;

/** Runs all tests; how many failed. */
int queue_conformance(const queue_maker *maker);

#endif
