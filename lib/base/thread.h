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

struct lambda__thread {
    _Atomic uint32_t reading; /* 1 inside a read section; the owner writes, grace periods read */
    uint32_t number;          /* lambda__thread_number() of the owner */
    uint32_t depth;           /* invocations that this thread is inside of */
    uint64_t key[2];          /* request ids: random once */
    uint64_t sequence;        /* request ids: one more each */
    uint64_t random;          /* state of the routing generator */
    void *invocation;         /* the innermost environment that runs on this thread; the environment floor's */
    void *permit;             /* the last environment that gave back on this thread; the environment floor's */
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

/** 64 bits from the thread's own generator (xorshift*), for routing. */
uint64_t lambda__thread_random(lambda__thread *thread);

#endif
