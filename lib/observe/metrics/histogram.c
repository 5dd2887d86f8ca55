#include "observe/metrics/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/** Bits of a double below those that make a key: sign, 11 of exponent and 6 of mantissa stay. */
#define KEY_SHIFT 46

/** What a double's exponent is larger than the power of two by. */
#define BIAS 1023

lambda__page *lambda__histogram_page(lambda__base *base, lambda__histogram *histogram, unsigned which)
{
    lambda__page *page = lambda__allocate_zeroed(base, sizeof(*page));
    if (page)
        atomic_store_explicit(&histogram->pages[which], page, memory_order_release);
    else
        lambda__bump(&histogram->lost, 1);
    return page;
}

void lambda__histogram_clear(lambda__base *base, lambda__histogram *histogram)
{
    for (size_t i = 0; i < LAMBDA__PAGES; i++)
        lambda__release(base, atomic_load_explicit(&histogram->pages[i], memory_order_relaxed));
}

/* ---- real numbers */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double load(const _Atomic uint64_t *word)
{
    return double_of(atomic_load_explicit(word, memory_order_relaxed));
}

static void store(_Atomic uint64_t *word, double value)
{
    atomic_store_explicit(word, bits_of(value), memory_order_relaxed);
}

/** The key of the first bucket of a value's page: of those below zero it is the greatest of them. */
static int32_t page_of(double value, unsigned *slot)
{
    int32_t key = (int32_t)(bits_of(fabs(value)) >> KEY_SHIFT);
    *slot = (unsigned)key & (LAMBDA__PAGE_SIZE - 1);
    int32_t first = key - (int32_t)*slot;
    return value < 0 ? -1 - first : first;
}

static lambda__real_page *find_page(lambda__base *base, lambda__real_histogram *histogram, int32_t first)
{
    lambda__real_page *head = atomic_load_explicit(&histogram->pages, memory_order_relaxed);
    for (lambda__real_page *each = head; each; each = each->next)
        if (each->first == first) return each;
    lambda__real_page *made = lambda__allocate_zeroed(base, sizeof(*made));
    if (!made) return NULL;
    made->first = first;
    made->next = head;
    atomic_store_explicit(&histogram->pages, made, memory_order_release);
    return made;
}

void lambda__real_histogram_record(lambda__base *base, lambda__real_histogram *histogram, double value)
{
    unsigned slot = 0;
    lambda__real_page *page = find_page(base, histogram, page_of(value, &slot));
    bool first = atomic_load_explicit(&histogram->any, memory_order_relaxed) == 0;
    if (first || value > load(&histogram->max)) store(&histogram->max, value);
    if (first || value < load(&histogram->min)) store(&histogram->min, value);
    store(&histogram->sum, load(&histogram->sum) + value);
    if (value != trunc(value)) atomic_store_explicit(&histogram->fraction, 1, memory_order_relaxed);
    if (first) atomic_store_explicit(&histogram->any, 1, memory_order_release);
    lambda__bump(page ? &page->counts[slot] : &histogram->lost, 1);
}

void lambda__real_histogram_clear(lambda__base *base, lambda__real_histogram *histogram)
{
    lambda__real_page *next;
    for (lambda__real_page *each = atomic_load_explicit(&histogram->pages, memory_order_relaxed); each; each = next) {
        next = each->next;
        lambda__release(base, each);
    }
}

/* ---- gathering */

void lambda__gathering_reset(lambda__gathering *gathering)
{
    gathering->count = 0;
    gathering->lost = 0;
    gathering->sum = gathering->min = gathering->max = 0;
    gathering->any = gathering->fraction = false;
}

void lambda__gathering_clear(lambda__gathering *gathering)
{
    lambda__release(gathering->base, gathering->buckets);
    gathering->buckets = NULL;
    gathering->capacity = 0;
}

static void add_bucket(lambda__gathering *gathering, int32_t key, uint64_t count)
{
    if (count == 0 || gathering->failed) return;
    gathering->failed = !lambda__array_reserve(gathering->base, (void **)&gathering->buckets, &gathering->capacity,
                                               gathering->count, sizeof(*gathering->buckets));
    if (!gathering->failed)
        gathering->buckets[gathering->count++] = (struct lambda_distribution_bucket){.key = key, .count = count};
}

static void add_bounds(lambda__gathering *gathering, double sum, double min, double max)
{
    if (!gathering->any || min < gathering->min) gathering->min = min;
    if (!gathering->any || max > gathering->max) gathering->max = max;
    gathering->sum += sum;
    gathering->any = true;
}

void lambda__gather(lambda__gathering *gathering, const lambda__histogram *histogram)
{
    size_t before = gathering->count;
    uint64_t lost = atomic_load_explicit(&histogram->lost, memory_order_relaxed);
    for (int32_t power = 0; power < LAMBDA__PAGES; power++) {
        lambda__page *page = atomic_load_explicit(&histogram->pages[power], memory_order_acquire);
        int32_t first = power == LAMBDA__PAGES - 1 ? 0 : (BIAS + power) << LAMBDA__PAGE_BITS;
        for (int32_t slot = 0; page && slot < LAMBDA__PAGE_SIZE; slot++)
            add_bucket(gathering, first + slot, atomic_load_explicit(&page->counts[slot], memory_order_relaxed));
    }
    gathering->lost += lost;
    if (gathering->count == before && lost == 0) return;
    uint64_t max = atomic_load_explicit(&histogram->max, memory_order_relaxed);
    uint64_t min = ~atomic_load_explicit(&histogram->min, memory_order_relaxed);
    /* The first value may be under way: its bucket is there, its bounds are not. */
    add_bounds(gathering, (double)atomic_load_explicit(&histogram->sum, memory_order_relaxed),
               (double)(min > max ? max : min), (double)max);
}

void lambda__gather_real(lambda__gathering *gathering, const lambda__real_histogram *histogram)
{
    if (!atomic_load_explicit(&histogram->any, memory_order_acquire)) return;
    const lambda__real_page *page = atomic_load_explicit(&histogram->pages, memory_order_acquire);
    for (; page; page = page->next)
        for (int32_t slot = 0; slot < LAMBDA__PAGE_SIZE; slot++)
            add_bucket(gathering, page->first < 0 ? page->first - slot : page->first + slot,
                       atomic_load_explicit(&page->counts[slot], memory_order_relaxed));
    gathering->fraction |= atomic_load_explicit(&histogram->fraction, memory_order_relaxed) != 0;
    gathering->lost += atomic_load_explicit(&histogram->lost, memory_order_relaxed);
    add_bounds(gathering, load(&histogram->sum), load(&histogram->min), load(&histogram->max));
}

void lambda__gather_distribution(lambda__gathering *gathering, const lambda_distribution *distribution)
{
    uint64_t counted = 0;
    if (distribution->count == 0) return;
    for (size_t i = 0; i < distribution->buckets_count; i++) {
        add_bucket(gathering, distribution->buckets[i].key, distribution->buckets[i].count);
        counted += distribution->buckets[i].count;
    }
    gathering->lost += distribution->count - counted;
    add_bounds(gathering, distribution->sum, distribution->min, distribution->max);
}

static int by_key(const void *one, const void *two)
{
    const struct lambda_distribution_bucket *a = one;
    const struct lambda_distribution_bucket *b = two;
    return (a->key > b->key) - (a->key < b->key);
}

void lambda__gathering_finish(lambda__gathering *gathering, bool whole, lambda_distribution *distribution)
{
    struct lambda_distribution_bucket *buckets = gathering->buckets;
    size_t kept = 0;
    uint64_t counted = 0;
    if (gathering->count > 1) qsort(buckets, gathering->count, sizeof(*buckets), by_key);
    for (size_t i = 0; i < gathering->count; i++) {
        counted += buckets[i].count;
        if (kept > 0 && buckets[kept - 1].key == buckets[i].key)
            buckets[kept - 1].count += buckets[i].count;
        else
            buckets[kept++] = buckets[i];
    }
    *distribution = (lambda_distribution){.count = counted + gathering->lost,
                                          .sum = gathering->sum,
                                          .min = gathering->min,
                                          .max = gathering->max,
                                          .buckets = buckets,
                                          .buckets_count = kept,
                                          .whole = whole};
    distribution->p50 = lambda_distribution_quantile(distribution, 0.5);
    distribution->p90 = lambda_distribution_quantile(distribution, 0.9);
    distribution->p99 = lambda_distribution_quantile(distribution, 0.99);
    distribution->p999 = lambda_distribution_quantile(distribution, 0.999);
}

/* ---- values */

double lambda__bucket_value(int32_t key, bool whole)
{
    int64_t magnitude = key < 0 ? -1 - (int64_t)key : key;
    if (magnitude == 0) return 0;
    double low = double_of((uint64_t)magnitude << KEY_SHIFT);
    double width = double_of((uint64_t)(magnitude + 1) << KEY_SHIFT) - low;
    /* Of whole numbers the last of a bucket is one below the next bucket. */
    double value = whole ? low + (width > 1 ? (width - 1) / 2 : 0) : low + width / 2;
    return key < 0 ? -value : value;
}

double lambda_distribution_quantile(const lambda_distribution *distribution, double q)
{
    if (!distribution || distribution->count == 0) return 0;
    if (!(q > 0)) return distribution->min;
    if (q >= 1) return distribution->max;
    uint64_t total = 0;
    for (size_t i = 0; i < distribution->buckets_count; i++)
        total += distribution->buckets[i].count;
    double rank = ceil(q * (double)total);
    uint64_t seen = 0;
    double value = distribution->max;
    for (size_t i = 0; i < distribution->buckets_count; i++) {
        seen += distribution->buckets[i].count;
        if ((double)seen < rank) continue;
        value = lambda__bucket_value(distribution->buckets[i].key, distribution->whole);
        break;
    }
    if (value < distribution->min) value = distribution->min;
    return value > distribution->max ? distribution->max : value;
}
