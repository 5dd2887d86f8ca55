/* A queue in memory with a clock and an allocator of the test's, and short forms of its calls. */
#ifndef LAMBDA_TESTS_MEMORY_FIXTURE_H
#define LAMBDA_TESTS_MEMORY_FIXTURE_H

#include <stdatomic.h>
#include <string.h>

#include <lambda/port/queue.h>

#include "support.h"

#define NOT_FOUND LAMBDA_ERROR_RESOURCE_NOT_FOUND
#define FULL      LAMBDA_ERROR_TOO_MANY_REQUESTS

typedef struct fixture {
    test_memory memory;
    test_clock clock;
    lambda_queue queue;
} fixture;

static inline void open_queue(fixture *f, const lambda_queue_memory_options *options)
{
    memset(f, 0, sizeof(*f));
    atomic_store(&f->clock.monotonic, 1000);
    assert_int_equal(lambda_queue_memory_open(options, &f->queue), LAMBDA_OK);
    lambda_queue_host host = {.allocator = test_allocator(&f->memory), .clock = test_clock_port(&f->clock)};
    assert_int_equal(f->queue.attach(f->queue.user, &host), LAMBDA_OK);
}

static inline void close_queue(fixture *f)
{
    f->queue.close(f->queue.user);
    assert_int_equal(atomic_load(&f->memory.live), 0);
}

/** Lets time pass, and has somebody look: until then a late receiver is in time. */
static inline void pass(fixture *f, uint64_t ns)
{
    lambda_queue_counts now;
    atomic_fetch_add(&f->clock.monotonic, ns);
    assert_int_equal(f->queue.counts(f->queue.user, &now), LAMBDA_OK);
}

static inline lambda_status push(fixture *f, const void *data, size_t length, uint64_t state, uint64_t delay)
{
    lambda_bytes part = lambda_bytes_make(data, length);
    lambda_queue_entry entry = {.parts = &part, .parts_count = 1, .state = state, .delay_ns = delay};
    return f->queue.push(f->queue.user, &entry, 1);
}

static inline size_t receive(fixture *f, lambda_queue_message *messages, size_t capacity, uint64_t visible)
{
    size_t count = 99;
    assert_int_equal(f->queue.receive(f->queue.user, messages, capacity, visible, &count), LAMBDA_OK);
    return count;
}

static inline lambda_status acknowledge(fixture *f, const lambda_queue_message *messages, size_t count)
{
    return f->queue.acknowledge(f->queue.user, messages, count, NULL, 0);
}

static inline lambda_queue_counts counts(fixture *f)
{
    lambda_queue_counts now;
    assert_int_equal(f->queue.counts(f->queue.user, &now), LAMBDA_OK);
    return now;
}

#endif
