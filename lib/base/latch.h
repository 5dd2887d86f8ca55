/*
 * A lock for a few instructions that are seldom contended: one locked instruction to take it, one to give it back, and that is a full
 * fence. Who finds it taken sleeps. Not to be taken twice by one thread.
 */
#ifndef LAMBDA_LIB_LATCH_H
#define LAMBDA_LIB_LATCH_H

#include "base/base.h"
#include "base/platform.h"

typedef struct lambda__latch {
    _Atomic uint32_t word; /* LAMBDA__LATCH_FREE when zeroed */
} lambda__latch;

enum { LAMBDA__LATCH_FREE, LAMBDA__LATCH_TAKEN, LAMBDA__LATCH_WAITED_FOR };

/** Looks before it sleeps: about as long as what the latch guards takes a few times. */
enum { LAMBDA__LATCH_LOOKS = 100 };

static inline bool lambda__latch_try(lambda__latch *latch)
{
    uint32_t state = LAMBDA__LATCH_FREE;
    return atomic_compare_exchange_strong_explicit(&latch->word, &state, LAMBDA__LATCH_TAKEN, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline void lambda__latch_take(lambda__latch *latch)
{
    if (LAMBDA__LIKELY(lambda__latch_try(latch))) return;
    for (int i = 0; i < LAMBDA__LATCH_LOOKS; i++) {
        lambda__platform_relax();
        bool unlocked = atomic_load_explicit(&latch->word, memory_order_relaxed) == LAMBDA__LATCH_FREE;
        if (unlocked && lambda__latch_try(latch)) return;
    }
    while (atomic_exchange_explicit(&latch->word, LAMBDA__LATCH_WAITED_FOR, memory_order_acquire) != LAMBDA__LATCH_FREE)
        lambda__platform_wait(&latch->word, LAMBDA__LATCH_WAITED_FOR, UINT64_MAX);
}

static inline void lambda__latch_give(lambda__latch *latch)
{
    if (LAMBDA__UNLIKELY(atomic_exchange_explicit(&latch->word, LAMBDA__LATCH_FREE, memory_order_seq_cst) ==
                         LAMBDA__LATCH_WAITED_FOR))
        lambda__platform_wake_one(&latch->word);
}

#endif
