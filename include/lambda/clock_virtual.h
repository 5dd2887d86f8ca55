/*
 * Virtual time: a clock, randomness and an executor of one seed. A service that is opened with them runs on one thread, moves
 * through hours in milliseconds, and does the same each time: same seed, same order, same request ids, same log.
 */
#ifndef LAMBDA_CLOCK_VIRTUAL_H
#define LAMBDA_CLOCK_VIRTUAL_H

#include <lambda/service.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A virtual clock. Opaque; of one thread, as is the service that has it. */
typedef struct lambda_clock_virtual lambda_clock_virtual;

/**
 * Makes a clock that stands at `wall_ns` (nanoseconds since 1970; 0: 2026-01-01T00:00:00Z). `*clock` is NULL on failure,
 * else the caller's to end with `lambda_clock_virtual_close`. LAMBDA_ERROR_OUT_OF_MEMORY, LAMBDA_ERROR_INVALID_PARAMETER_VALUE.
 */
LAMBDA_API lambda_status lambda_clock_virtual_open(uint64_t seed, uint64_t wall_ns, lambda_clock_virtual **clock);

/** Ends a clock, after the service that has it. NULL is allowed. */
LAMBDA_API void lambda_clock_virtual_close(lambda_clock_virtual *clock);

/**
 * Sets the options' clock, random and executor to the clock's. One service at a time has a clock: lambda_open refuses a
 * second. Its executor runs pieces of work when the clock is stepped or an invocation waits for them, in an order that the
 * seed decides; THREAD isolation then means a piece of work on the same thread, whose overrun is seen when it ends.
 */
LAMBDA_API void lambda_clock_virtual_options(lambda_clock_virtual *clock, lambda_options *options);

/** Nanoseconds since the clock was made. 0 for NULL. */
LAMBDA_API uint64_t lambda_clock_virtual_now(const lambda_clock_virtual *clock);

/**
 * Lets so much time pass: all that becomes due on the way is done at its time. Handlers and hooks may call it: that is how
 * they take time. NULL is ignored.
 */
LAMBDA_API void lambda_clock_virtual_step(lambda_clock_virtual *clock, uint64_t ns);

/** Lets time pass until the next thing is due, and does it. False if nothing is: the time is then as it was. */
LAMBDA_API bool lambda_clock_virtual_step_next(lambda_clock_virtual *clock);

/** Steps from one thing to the next until nothing is due any more, or `most_ns` have passed. How many things were done. */
LAMBDA_API uint64_t lambda_clock_virtual_run(lambda_clock_virtual *clock, uint64_t most_ns);

#ifdef __cplusplus
}
#endif

#endif
