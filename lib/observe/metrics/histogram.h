/*
 * How values are distributed, within 1 %: 64 buckets for each power of two, so that a bucket's middle is at most 1/128 away from all that is in it.
 *
 * A histogram is written by one thread alone, with plain loads and stores, and read by any at any time. The buckets of a power of two are a
 * *page*, allocated when the first value falls in it. The number of all values is nowhere kept but in the buckets: a reader that adds them up has
 * a distribution that agrees with itself.
 *
 * Readers know a bucket by its *key*: the upper bits of its lower bound as a double, so that keys are in the order of the values. Of values below
 * zero it is -1 minus that of the value without its sign.
 */
#ifndef LAMBDA_LIB_HISTOGRAM_H
#define LAMBDA_LIB_HISTOGRAM_H

#include <lambda/metrics.h>

#include "base/base.h"

enum { LAMBDA__PAGE_BITS = 6, LAMBDA__PAGE_SIZE = 1 << LAMBDA__PAGE_BITS, LAMBDA__PAGES = 65 };

/** What readers see of a bucket that is not empty. */
struct lambda_distribution_bucket {
    int32_t key;
    uint64_t count;
};

typedef struct lambda__page {
    _Atomic uint64_t counts[LAMBDA__PAGE_SIZE];
} lambda__page;

/** Of whole numbers. All zero: empty. */
typedef struct lambda__histogram {
    _Atomic uint64_t sum;
    _Atomic uint64_t max;
    _Atomic uint64_t min;                         /* its complement, so that zero is right for none */
    _Atomic uint64_t lost;                        /* values for whose page there was no memory */
    _Atomic(lambda__page *) pages[LAMBDA__PAGES]; /* by power of two; the last is that of zero */
} lambda__histogram;

/** Adds to what only this thread writes. */
static inline void lambda__bump(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

/** Allocates a page; NULL when memory is out, and then the value is counted as lost. */
lambda__page *lambda__histogram_page(lambda__base *base, lambda__histogram *histogram, unsigned which);

static inline void lambda__histogram_record(lambda__base *base, lambda__histogram *histogram, uint64_t value)
{
    unsigned power = LAMBDA__LIKELY(value != 0) ? 63u - (unsigned)__builtin_clzll(value) : LAMBDA__PAGES - 1;
    unsigned slot = (unsigned)((value << (63 - (power & 63))) >> (63 - LAMBDA__PAGE_BITS)) & (LAMBDA__PAGE_SIZE - 1);
    lambda__page *page = atomic_load_explicit(&histogram->pages[power], memory_order_relaxed);
    if (LAMBDA__UNLIKELY(!page)) page = lambda__histogram_page(base, histogram, power);
    if (LAMBDA__LIKELY(page != NULL)) lambda__bump(&page->counts[slot], 1);
    lambda__bump(&histogram->sum, value);
    if (LAMBDA__UNLIKELY(value > atomic_load_explicit(&histogram->max, memory_order_relaxed)))
        atomic_store_explicit(&histogram->max, value, memory_order_relaxed);
    if (LAMBDA__UNLIKELY(~value > atomic_load_explicit(&histogram->min, memory_order_relaxed)))
        atomic_store_explicit(&histogram->min, ~value, memory_order_relaxed);
}

/** Frees the pages. */
void lambda__histogram_clear(lambda__base *base, lambda__histogram *histogram);

typedef struct lambda__real_page {
    struct lambda__real_page *next; /* never changes */
    int32_t first;                  /* key of the first bucket that is nearest to zero; likewise */
    _Atomic uint64_t counts[LAMBDA__PAGE_SIZE];
} lambda__real_page;

/** Of any finite numbers. All zero: empty. Those of a handler's measurements lie in few powers of two: their pages are a list. */
typedef struct lambda__real_histogram {
    _Atomic uint64_t sum; /* doubles as they stand in memory */
    _Atomic uint64_t max;
    _Atomic uint64_t min;
    _Atomic uint64_t lost;
    _Atomic uint64_t any;      /* 1: the above hold something */
    _Atomic uint64_t fraction; /* 1: not all were whole numbers */
    _Atomic(lambda__real_page *) pages;
} lambda__real_histogram;

void lambda__real_histogram_record(lambda__base *base, lambda__real_histogram *histogram, double value);
void lambda__real_histogram_clear(lambda__base *base, lambda__real_histogram *histogram);

/* ---- reading */

/** Buckets on their way into a distribution, in any order and any number of times the same. */
typedef struct lambda__gathering {
    lambda__base *base;
    struct lambda_distribution_bucket *buckets;
    size_t count;
    size_t capacity;
    uint64_t lost;
    double sum;
    double min;
    double max;
    bool any;      /* the three above hold something */
    bool fraction; /* not all were whole numbers */
    bool failed;   /* memory was out */
} lambda__gathering;

/** Begins anew, keeping the memory. */
void lambda__gathering_reset(lambda__gathering *gathering);
void lambda__gathering_clear(lambda__gathering *gathering);

void lambda__gather(lambda__gathering *gathering, const lambda__histogram *histogram);
void lambda__gather_real(lambda__gathering *gathering, const lambda__real_histogram *histogram);
void lambda__gather_distribution(lambda__gathering *gathering, const lambda_distribution *distribution);

/** Sorts the buckets and joins those that are the same: all of the distribution, its buckets still the gathering's. */
void lambda__gathering_finish(lambda__gathering *gathering, bool whole, lambda_distribution *distribution);

/** The value that stands for a bucket. */
double lambda__bucket_value(int32_t key, bool whole);

#endif
