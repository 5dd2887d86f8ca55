/* What the files of the conformance tests share. */
#ifndef LAMBDA_TESTS_QUEUE_FIXTURE_H
#define LAMBDA_TESTS_QUEUE_FIXTURE_H

#include <stdatomic.h>
#include <stdio.h>

#include "support.h"

/** One test's queue. */
typedef struct queue_fixture {
    lambda_t *lambda; /* for error messages */
    lambda_queue queue;
    bool is_open;
    test_clock clock;
    test_memory memory;
} queue_fixture;

#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, queue_fixture_setup, queue_fixture_teardown)

int queue_fixture_setup(void **state);
int queue_fixture_teardown(void **state);

/** Opens an empty queue. */
void queue_fixture_open(queue_fixture *f, uint64_t max_messages);

/** Closes it and opens it again. */
void queue_fixture_reopen(queue_fixture *f);

bool queue_fixture_is_durable(void);

/** Lets time pass, on both clocks. */
void queue_fixture_advance(queue_fixture *f, uint64_t ns);

lambda_status queue_push_text(queue_fixture *f, const char *text, uint64_t state, uint64_t delay_ns);

/** Pushes a message that can be received at once, or fails the test. */
void queue_pushed(queue_fixture *f, const char *text);

size_t queue_receive(queue_fixture *f, lambda_queue_message *messages, size_t capacity, uint64_t visible_ns);

/** The next message that is received has this body. */
void queue_received(queue_fixture *f, const char *text, uint64_t visible_ns, lambda_queue_message *message);

/** Nothing can be received. */
void queue_nothing(queue_fixture *f);

lambda_status queue_acknowledge(queue_fixture *f, const lambda_queue_message *message);

void queue_assert_body(const lambda_queue_message *message, const char *text);

void queue_assert_counts(queue_fixture *f, uint64_t waiting, uint64_t delayed, uint64_t received);

/** The other groups of tests; how many failed. */
int queue_conformance_times(void);
int queue_conformance_views(void);
int queue_conformance_threads(void);
int queue_conformance_durable(void);

#endif
