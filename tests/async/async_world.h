/* A service under virtual time, and handlers that note what they see. */
#ifndef LAMBDA_TESTS_ASYNC_WORLD_H
#define LAMBDA_TESTS_ASYNC_WORLD_H

#include <lambda/clock_virtual.h>
#include <lambda/testing.h>

#include "support.h"

#define SECOND UINT64_C(1000000000)
/** All has happened by then, so that what never does is seen: virtual milliseconds. */
#define A_DAY 86400000
enum { ATTEMPTS_MAX = 64 };

typedef struct world {
    lambda_clock_virtual *clock;
    lambda_test_log *log;
    lambda_t *lambda;
    /* What the handlers of this test saw. */
    uint64_t at[ATTEMPTS_MAX]; /* when, ns since the service opened */
    char ids[ATTEMPTS_MAX][LAMBDA_REQUEST_ID_SIZE];
    uint32_t runs;
    uint32_t failures; /* so many runs fail before one does not */
    char seen[2048];
    lambda_async_outcome outcome;
    uint32_t outcomes;
    char answer[2048];
} world;

/** Opens a service with these options, and with four workers. */
void open_with(world *w, lambda_options *options);
void open_world(world *w);

void close_world(world *w);

/** A handler that notes that it ran, and when; fails as often as the world says. Its user pointer is the world. */
lambda_status note(const lambda_event *event, lambda_context *context, lambda_response *response);

/** A callback that keeps what it is told. */
void told(void *user, const lambda_async_outcome *outcome);

/** The statistics, checked: every accepted event has ended in exactly one way, or is there. */
lambda_async_statistics statistics(const world *w);

#endif
