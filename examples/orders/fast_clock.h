/* A host's clock that runs fast: what Lambda makes wait for minutes is seen in seconds. For demonstrations, not for production. */
#ifndef FAST_CLOCK_H
#define FAST_CLOCK_H

#include <time.h>

#include <lambda/lambda.h>

/** So many seconds of the service pass in one of the machine. */
#define FAST_CLOCK_TIMES 100

typedef struct fast_clock {
    uint64_t since; /* monotonic time of the system when it was opened */
} fast_clock;

static inline uint64_t fast_clock_system(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t fast_clock_monotonic(void *user)
{
    const fast_clock *clock = user;
    return clock->since + (fast_clock_system(CLOCK_MONOTONIC) - clock->since) * FAST_CLOCK_TIMES;
}

/** The system's, as far ahead as the other: each run begins with the right time, which a queue in a file takes for a clock that was set back. */
static inline uint64_t fast_clock_wall(void *user)
{
    return fast_clock_system(CLOCK_REALTIME) + fast_clock_monotonic(user) - fast_clock_system(CLOCK_MONOTONIC);
}

/** The port, for lambda_options.clock; the clock outlives the service. */
static inline lambda_clock fast_clock_open(fast_clock *clock)
{
    clock->since = fast_clock_system(CLOCK_MONOTONIC);
    return (lambda_clock){.monotonic = fast_clock_monotonic, .wall = fast_clock_wall, .user = clock};
}

#endif
