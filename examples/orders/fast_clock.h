/* A host's clock that runs fast: what Lambda makes wait for minutes is seen in seconds. For demonstrations, not for production. */
#ifndef FAST_CLOCK_H
#define FAST_CLOCK_H

#include <stdatomic.h>
#include <time.h>

#include <lambda/lambda.h>

/** So many seconds of the service pass in one of the machine. */
#define FAST_CLOCK_TIMES 100

/** All zero: it goes as the system's clock does. */
typedef struct fast_clock {
    _Atomic uint64_t since; /* monotonic time of the system when it began to run fast; 0: not yet */
} fast_clock;

static inline uint64_t fast_clock_system(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** How far it is ahead of the system's. */
static inline uint64_t fast_clock_ahead(const fast_clock *clock)
{
    uint64_t since = atomic_load(&clock->since);
    uint64_t now = fast_clock_system(CLOCK_MONOTONIC);
    return since > 0 && now > since ? (now - since) * (FAST_CLOCK_TIMES - 1) : 0;
}

static inline uint64_t fast_clock_monotonic(void *user)
{
    uint64_t ahead = fast_clock_ahead(user);
    return fast_clock_system(CLOCK_MONOTONIC) + ahead;
}

static inline uint64_t fast_clock_wall(void *user)
{
    return fast_clock_system(CLOCK_REALTIME) + fast_clock_ahead(user);
}

static inline lambda_clock fast_clock_port(fast_clock *clock)
{
    return (lambda_clock){.monotonic = fast_clock_monotonic, .wall = fast_clock_wall, .user = clock};
}

/** From now on it runs fast. */
static inline void fast_clock_start(fast_clock *clock)
{
    atomic_store(&clock->since, fast_clock_system(CLOCK_MONOTONIC));
}

#endif
