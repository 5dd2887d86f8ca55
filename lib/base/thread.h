/*
 * A thread's record in a service, read sections, and grace periods.
 *
 * What readers reach without a lock (functions, versions, routes, tables) is published through atomic pointers. A reader
 * looks only inside a read section: lambda__read_begin .. lambda__read_end, a few instructions long, never around a call
 * to foreign code. A writer unlinks, calls lambda__grace_wait, and may then free: every section that could have seen the
 * old pointer has ended. Sections nest not.
 */
#ifndef LAMBDA_LIB_THREAD_H
#define LAMBDA_LIB_THREAD_H

#include "base/base.h"
#include "base/error.h"
#include "base/platform.h"

/** What is counted on each thread; read by lambda__counter_sum. */
enum {
    LAMBDA__COUNT_INVOCATIONS,
    LAMBDA__COUNT_ERRORS,
    LAMBDA__COUNT_THROTTLES,
    LAMBDA__COUNT_COLD_STARTS,
    LAMBDA__COUNT_STARTED,
    LAMBDA__COUNT_ENDED,
    LAMBDA__COUNT_TIMEOUTS,
    LAMBDA__COUNT_PROVISIONED,
    LAMBDA__COUNT_SPILLOVERS,
    LAMBDA__COUNT_ACCEPTED,
    LAMBDA__COUNT_SUCCEEDED,
    LAMBDA__COUNT_DELIVERED,
    LAMBDA__COUNT_DROPPED_RETRIES,
    LAMBDA__COUNT_DROPPED_AGE,
    LAMBDA__COUNT_DROPPED_LOOP,
    LAMBDA__COUNT_DROPPED_DELIVERY,
    LAMBDA__COUNT_DROPPED_DAMAGED,
    LAMBDA__COUNT_PURGED,
    LAMBDA__COUNT_RETRIES,
    LAMBDA__COUNT_POSTPONED,
    LAMBDA__COUNT_DESTINATION_FAILURES,
    LAMBDA__COUNT_DEAD_LETTER_ERRORS,
    LAMBDA__COUNT_LOOPS,
    LAMBDA__COUNT_TRACES_FAILED,
    LAMBDA__COUNT_LINES_FAILED,
    LAMBDA__COUNTERS
};

struct lambda__thread {
    _Atomic uint32_t reading; /* 1 inside a read section; the owner writes, grace periods read */
    uint32_t number;          /* lambda__thread_number() of the owner */
    _Atomic uint32_t fence;   /* exchanged by the owner to have its writes seen before it looks: async/worker.c */
    _Atomic uint32_t depth;   /* calls to invoke that this thread is inside of; the owner writes, closing reads */
    _Atomic uint32_t
        working;       /* pieces of the library's work that it is inside of; likewise: base/executor.h counts those */
    uint32_t permit;   /* where this thread last gave a permit back: the first place to look for one */
    uint32_t failures; /* messages set so far: tells whether a call set one */
    uint64_t key[2];   /* request ids: random once */
    uint64_t sequence; /* request ids: one more each */
    uint64_t random;   /* state of the routing generator */
    const struct lambda__chain *chain;           /* the invocation that this thread runs, and those that led to it */
    const char *throttle_reason;                 /* why the last one was throttled: Lambda's Reason */
    _Atomic uint64_t counters[LAMBDA__COUNTERS]; /* the owner writes, sums read */
    char message[LAMBDA__ERROR_SIZE];
};

/** This thread's record; NULL when memory is out, or when more than LAMBDA__THREADS_MAX threads live. */
lambda__thread *lambda__thread_slow(lambda__base *base);

static inline lambda__thread *lambda__thread_get(lambda__base *base)
{
    uint32_t number = lambda__thread_number();
    if (LAMBDA__LIKELY(number < LAMBDA__THREADS_MAX)) {
        lambda__thread *thread = atomic_load_explicit(&base->threads[number], memory_order_acquire);
        if (LAMBDA__LIKELY(thread != NULL)) return thread;
    }
    return lambda__thread_slow(base);
}

static inline void lambda__read_begin(lambda__thread *thread)
{
    /* Sequentially consistent, so that no load of the section moves before it: the one locked instruction of a reader. */
    atomic_exchange_explicit(&thread->reading, 1, memory_order_seq_cst);
}

static inline void lambda__read_end(lambda__thread *thread)
{
    atomic_store_explicit(&thread->reading, 0, memory_order_release);
}

/** Returns when every read section that began before the call has ended. Not inside a section. May wait; never long. */
void lambda__grace_wait(lambda__base *base);

/** Adds so many; only on the record's own thread, so no locked instruction is needed. */
static inline void lambda__counter_add_many(lambda__thread *thread, int counter, uint64_t count)
{
    uint64_t value = atomic_load_explicit(&thread->counters[counter], memory_order_relaxed);
    atomic_store_explicit(&thread->counters[counter], value + count, memory_order_relaxed);
}

static inline void lambda__counter_add(lambda__thread *thread, int counter)
{
    lambda__counter_add_many(thread, counter, 1);
}

/** The sum over all threads. */
uint64_t lambda__counter_sum(lambda__base *base, int counter);

/** True while a thread other than the caller's is inside of an invocation, and not because of a piece of work. */
bool lambda__threads_busy(lambda__base *base);

/** 64 bits from the thread's own generator (xorshift*), for routing. */
uint64_t lambda__thread_random(lambda__thread *thread);

#endif
