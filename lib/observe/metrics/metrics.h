/*
 * Counting: a *series* is a function as invoked through one qualifier and the version that ran, a *meter* is what one thread has counted of it.
 *
 * A meter is written by its own thread alone, with plain loads and stores, and stands on cache lines of its own; readers add up the meters of a
 * series. Series and meters live as long as the service, so that who has found one keeps it: an environment remembers the meter that was
 * used last, and the road to the next is a few comparisons. Series are found without a lock (base/map.h) and made under the mutex.
 *
 * Of a *family* are all series of the same function and version: they differ in the qualifier alone. What has no version yet, as it was
 * throttled or waits in the queue, is of the version "".
 */
#ifndef LAMBDA_LIB_METRICS_H
#define LAMBDA_LIB_METRICS_H

#include <string.h>

#include "base/map.h"
#include "observe/metrics/histogram.h"
#include "service.h"

/** What is counted besides distributions; the first two with every invocation. */
enum {
    LAMBDA__METER_BILLED_MS,
    LAMBDA__METER_BILLED_MB_MS,
    LAMBDA__METER_ERRORS,
    LAMBDA__METER_TIMEOUTS,
    LAMBDA__METER_THROTTLES,
    LAMBDA__METER_COLD_STARTS,
    LAMBDA__METER_PROVISIONED,
    LAMBDA__METER_SPILLOVERS,
    LAMBDA__METER_PROVISIONED_MB_MS,
    LAMBDA__METER_RECEIVED,
    LAMBDA__METER_DROPPED,
    LAMBDA__METER_DEAD_LETTER_ERRORS,
    LAMBDA__METER_DESTINATION_FAILURES,
    LAMBDA__METER_LOOPS,
    LAMBDA__METER_COUNTERS
};

/** Distributions that most series do not need. */
enum { LAMBDA__METER_INIT, LAMBDA__METER_AGE, LAMBDA__METER_RARE };

/** Something of each thread, by its number; the owner adds its own, readers look at all. */
enum { LAMBDA__BY_THREAD_BLOCK = 32, LAMBDA__BY_THREAD_BLOCKS = LAMBDA__THREADS_MAX / LAMBDA__BY_THREAD_BLOCK };
typedef struct lambda__by_thread_block {
    _Atomic(void *) items[LAMBDA__BY_THREAD_BLOCK];
} lambda__by_thread_block;
typedef struct lambda__by_thread {
    _Atomic(lambda__by_thread_block *) blocks[LAMBDA__BY_THREAD_BLOCKS];
} lambda__by_thread;

struct lambda__series;

typedef struct lambda__family {
    lambda__map_entry entry;     /* first */
    struct lambda__family *next; /* of all; under the mutex */
    size_t function_length;
    _Atomic(struct lambda__series *) first; /* the one made last */
    char text[];                            /* "function:version" */
} lambda__family;

typedef struct lambda__series {
    lambda__family *family;
    struct lambda__series *sibling; /* in the family; never changes */
    struct lambda__series *next;    /* of all; never changes */
    size_t qualifier_length;        /* 0: none */
    lambda__by_thread meters;
    char qualifier[];
} lambda__series;

typedef struct lambda__meter {
    uint32_t thread;           /* the owner's number */
    uint32_t qualifier_length; /* the series', near at hand */
    lambda__series *series;
    _Atomic uint64_t counters[LAMBDA__METER_COUNTERS];
    lambda__histogram duration;
    _Atomic(lambda__histogram *) rare[LAMBDA__METER_RARE]; /* NULL until something was measured */
} lambda__meter;

/** What handlers of a function measure under one name and unit. */
typedef struct lambda__user_series {
    lambda__map_entry entry; /* first */
    struct lambda__user_series *next;
    size_t function_length;
    lambda_metric_unit unit;
    lambda__by_thread meters; /* lambda__real_histogram */
    char text[];              /* the function, ':', a letter for the unit, the name */
} lambda__user_series;

struct lambda__metrics {
    lambda__map families;
    lambda__map user;
    _Atomic(lambda__series *) series;        /* all, the last one first */
    _Atomic(lambda__user_series *) measured; /* likewise */
    _Atomic uint32_t series_count;
    uint32_t user_count;                /* under the mutex */
    lambda__family *made;               /* all families; likewise */
    _Atomic(lambda__series *) overflow; /* for what is too much; NULL until it is needed */
    _Atomic uint64_t lost;
    _Atomic bool some_off;                                /* a function may have metrics_mode OFF */
    pthread_mutex_t mutex;                                /* of making series */
    _Atomic(lambda__meter *) recent[LAMBDA__THREADS_MAX]; /* of each thread, what it found by name last */
};

typedef struct lambda__metrics lambda__metrics;

lambda_status lambda__metrics_open(lambda_t *lambda, const lambda_options *options, lambda__metrics **metrics);
void lambda__metrics_close(lambda_t *lambda, lambda__metrics *metrics);

/** Says that not all functions are counted any more: until then nobody asks which are. */
void lambda__metrics_some_off(lambda_t *lambda);

static inline bool lambda__metrics_any_off(const lambda_t *lambda)
{
    return atomic_load_explicit(&lambda->metrics->some_off, memory_order_relaxed);
}

/** What a series is of; nothing needs to end in NUL. */
typedef struct lambda__series_name {
    const char *function;
    size_t function_length;
    const char *qualifier; /* NULL: none */
    size_t qualifier_length;
    const char *version; /* ends in NUL; "" for none */
} lambda__series_name;

/** This thread's meter of that series; NULL where memory is out, and that is counted as lost. Not in a read section. */
lambda__meter *lambda__meter_find(lambda_t *lambda, lambda__thread *thread, const lambda__series_name *name);

/** The same for what has no version, remembering the last one. `qualifier` of the name NULL: none. */
lambda__meter *lambda__meter_named(lambda_t *lambda, lambda__thread *thread, const char *function,
                                   size_t function_length, const char *qualifier, size_t qualifier_length);

/** True if it is the thread's own and of that qualifier. */
static inline bool lambda__meter_fits(const lambda__meter *meter, const lambda__thread *thread, const char *qualifier,
                                      size_t length)
{
    return meter->thread == thread->number && meter->qualifier_length == length &&
           (LAMBDA__LIKELY(length == 0) || memcmp(meter->series->qualifier, qualifier, length) == 0);
}

static inline void lambda__meter_add(lambda__meter *meter, int counter, uint64_t by)
{
    lambda__bump(&meter->counters[counter], by);
}

/** An invocation that has ended. */
static inline void lambda__meter_invocation(lambda__base *base, lambda__meter *meter, uint64_t duration,
                                            uint64_t billed_ms, uint64_t memory_size)
{
    lambda__histogram_record(base, &meter->duration, duration);
    lambda__meter_add(meter, LAMBDA__METER_BILLED_MS, billed_ms);
    lambda__meter_add(meter, LAMBDA__METER_BILLED_MB_MS, billed_ms * memory_size);
}

/** A value of one of the rare distributions. */
void lambda__meter_rare(lambda_t *lambda, lambda__meter *meter, int which, uint64_t value);

/** A value that a handler measured; the arguments are checked. */
lambda_status lambda__metrics_put(lambda_t *lambda, lambda__thread *thread, const char *function, const char *name,
                                  double value, lambda_metric_unit unit);

/** The thread's item, or NULL. */
static inline void *lambda__by_thread_get(const lambda__by_thread *table, uint32_t number)
{
    const lambda__by_thread_block *block =
        atomic_load_explicit(&table->blocks[number / LAMBDA__BY_THREAD_BLOCK], memory_order_acquire);
    return block ? atomic_load_explicit(&block->items[number % LAMBDA__BY_THREAD_BLOCK], memory_order_acquire) : NULL;
}

#endif
