/*
 * The memory that handlers ask of their environment: blocks of the service's allocator, each behind a small header, in a list so that
 * what is left ends with the environment.
 *
 * What is counted are the bytes that were asked for (0 as 1): no headers, nothing that the allocator adds, no memory that handlers have
 * from elsewhere. A block that is resized counts with its new size alone. So the figure is what the handler can reckon itself, and never more than
 * the function's `memory_size`.
 *
 * All but `most_and_one` is of whoever has the environment busy. That one word may be read meanwhile: who leaves with a timeout
 * reads it while the late handler goes on.
 */
#ifndef LAMBDA_LIB_HEAP_H
#define LAMBDA_LIB_HEAP_H

#include <lambda/invoke.h>

#include "base/base.h"

/** All zero to begin with. */
typedef struct lambda__heap {
    /** One more than the most bytes at once. 0 before the first was asked for, so that one less is LAMBDA_MEMORY_UNKNOWN. */
    _Atomic uint64_t most_and_one;
    uint64_t in_use; /* bytes */
    bool reported;   /* lambda_context_report_memory says the most; what is asked for does not count */
    struct lambda__block *first;
} lambda__heap;

/** Most bytes at once, or LAMBDA_MEMORY_UNKNOWN where none were ever asked for. Any thread that may look at the environment. */
static inline uint64_t lambda__heap_most(const lambda__heap *heap)
{
    return atomic_load_explicit(&heap->most_and_one, memory_order_relaxed) - 1;
}

/** Frees every block. */
void lambda__heap_clear(lambda__base *base, lambda__heap *heap);

#endif
