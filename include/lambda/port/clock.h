/* The clock port: the library asks no other clock. */
#ifndef LAMBDA_PORT_CLOCK_H
#define LAMBDA_PORT_CLOCK_H

#include <lambda/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Time as one service sees it. Each function may be called on any thread and must not call the library.
 * The default reads the system's clocks, and on processors with a dependable cycle counter that counter, calibrated
 * against the monotonic clock.
 */
typedef struct lambda_clock {
    /** Nanoseconds on a clock that never goes back; its zero is arbitrary. */
    uint64_t (*monotonic)(void *user);
    /** Nanoseconds since 1970-01-01T00:00:00Z. May jump. */
    uint64_t (*wall)(void *user);
    void *user; /**< handed to both */
} lambda_clock;

#ifdef __cplusplus
}
#endif

#endif
