/*
 * What every floor shares of one service: its ports and its threads. This floor knows nothing of Lambda.
 * `struct lambda` (lib/service.h) begins with a lambda__base, so that a lambda_t can be handed to all of this.
 */
#ifndef LAMBDA_LIB_BASE_H
#define LAMBDA_LIB_BASE_H

#include <pthread.h>
#include <stdatomic.h>

#include <lambda/port/allocator.h>
#include <lambda/port/clock.h>
#include <lambda/port/executor.h>
#include <lambda/port/random.h>
#include <lambda/status.h>

/** Threads that one service serves at once; each has a record of its own. */
#define LAMBDA__THREADS_MAX 1024

/** A cache line, and the one that the prefetcher brings with it. */
#define LAMBDA__CACHE_LINE 128

#define LAMBDA__LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define LAMBDA__UNREACHABLE()       __builtin_unreachable()
#define LAMBDA__UNLIKELY(condition) __builtin_expect(!!(condition), 0)

typedef struct lambda__thread lambda__thread;

typedef struct lambda__base {
    lambda_allocator allocator;
    lambda_clock clock;
    lambda_random random;
    void *cycle_clock;                                      /* the default clock's state, NULL with a host's clock */
    _Atomic(lambda__thread *) threads[LAMBDA__THREADS_MAX]; /* by thread number; made at a thread's first call */
    _Atomic uint32_t threads_end;                           /* all records stand below it */
    pthread_mutex_t grace_mutex;                            /* one grace period at a time */
    bool foreign_clock;                                     /* the host's: it may stand still */

    /* What is due: base/agenda.h. */
    pthread_mutex_t agenda_mutex;
    struct lambda__task *agenda;  /* by due time */
    _Atomic uint64_t agenda_next; /* when the first is due, UINT64_MAX for none */

    /* Other threads: base/executor.h. */
    lambda_executor executor;
    bool spins;                          /* there is another CPU for what one waits for */
    _Atomic uint32_t work;               /* pieces of work under way, and one for the service */
    _Atomic uint32_t keeper;             /* its state */
    _Atomic uint32_t keeper_told;        /* changes when the keeper has something to see */
    void (*last)(struct lambda__base *); /* frees the service when `work` is zero */
} lambda__base;

/** The given allocator, or malloc and its kin where all is NULL; InvalidParameterValue for a part of one. */
lambda_status lambda__allocator_choose(const lambda_allocator *given, lambda_allocator *chosen);

/** Fills in defaults for ports that are all NULL; InvalidParameterValue for half a port. Reads nothing else. */
lambda_status lambda__base_open(lambda__base *base, const lambda_allocator *allocator, const lambda_clock *clock,
                                const lambda_random *random, const lambda_executor *executor);

/** Frees the thread records and the clock. No thread may be in a call. */
void lambda__base_close(lambda__base *base);

/* ---- time */

static inline uint64_t lambda__now(const lambda__base *base)
{
    return base->clock.monotonic(base->clock.user);
}

static inline uint64_t lambda__wall(const lambda__base *base)
{
    return base->clock.wall(base->clock.user);
}

#endif
