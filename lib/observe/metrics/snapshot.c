#include "observe/metrics/snapshot.h"

#include <stdlib.h>

#include "base/memory.h"

/** A piece of memory, in the order of last to first. */
struct lambda__piece {
    struct lambda__piece *next;
    _Alignas(max_align_t) char bytes[];
};

lambda__snapshot *lambda__snapshot_new(lambda_t *lambda)
{
    lambda__snapshot *snapshot = lambda__allocate_zeroed(&lambda->base, sizeof(*snapshot));
    if (!snapshot) return NULL;
    snapshot->allocator = lambda->base.allocator;
    snapshot->metrics.time_ns = lambda__wall(&lambda->base);
    return snapshot;
}

void *lambda__snapshot_allocate(lambda__snapshot *snapshot, size_t size)
{
    struct lambda__piece *piece = snapshot->allocator.allocate(snapshot->allocator.user, sizeof(*piece) + size);
    if (!piece) return NULL;
    memset(piece, 0, sizeof(*piece) + size);
    piece->next = snapshot->pieces;
    snapshot->pieces = piece;
    return piece->bytes;
}

const char *lambda__snapshot_text(lambda__snapshot *snapshot, const char *text, size_t length)
{
    if (length == 0) return "";
    char *copy = lambda__snapshot_allocate(snapshot, length + 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

void lambda_metrics_free(lambda_metrics *metrics)
{
    lambda__snapshot *snapshot = (lambda__snapshot *)(void *)metrics;
    if (!snapshot) return;
    lambda_allocator allocator = snapshot->allocator;
    struct lambda__piece *next;
    for (struct lambda__piece *each = snapshot->pieces; each; each = next) {
        next = each->next;
        allocator.release(allocator.user, each);
    }
    allocator.release(allocator.user, snapshot);
}

/** Makes the gathered distribution the snapshot's. */
static bool keep(lambda__snapshot *snapshot, lambda__gathering *gathering, bool whole, lambda_distribution *made)
{
    if (gathering->failed) return false;
    lambda__gathering_finish(gathering, whole, made);
    size_t size = made->buckets_count * sizeof(*made->buckets);
    struct lambda_distribution_bucket *buckets = size > 0 ? lambda__snapshot_allocate(snapshot, size) : NULL;
    if (size > 0 && !buckets) return false;
    if (buckets) memcpy(buckets, made->buckets, size);
    made->buckets = buckets;
    return true;
}

/* ---- sums */

/** The counters of a reading, in the order of LAMBDA__METER_. */
static void point_at_counters(lambda_metrics_series *series, uint64_t *counters[LAMBDA__METER_COUNTERS])
{
    counters[LAMBDA__METER_BILLED_MS] = &series->billed_duration_ms;
    counters[LAMBDA__METER_BILLED_MB_MS] = &series->billed_mb_ms;
    counters[LAMBDA__METER_ERRORS] = &series->errors;
    counters[LAMBDA__METER_TIMEOUTS] = &series->timeouts;
    counters[LAMBDA__METER_THROTTLES] = &series->throttles;
    counters[LAMBDA__METER_COLD_STARTS] = &series->cold_starts;
    counters[LAMBDA__METER_PROVISIONED] = &series->provisioned_invocations;
    counters[LAMBDA__METER_SPILLOVERS] = &series->provisioned_spillovers;
    counters[LAMBDA__METER_PROVISIONED_MB_MS] = &series->provisioned_billed_mb_ms;
    counters[LAMBDA__METER_RECEIVED] = &series->async_events_received;
    counters[LAMBDA__METER_DROPPED] = &series->async_events_dropped;
    counters[LAMBDA__METER_DEAD_LETTER_ERRORS] = &series->dead_letter_errors;
    counters[LAMBDA__METER_DESTINATION_FAILURES] = &series->destination_delivery_failures;
    counters[LAMBDA__METER_LOOPS] = &series->recursive_invocations_dropped;
}

/** Where a distribution stands in a reading. */
static const size_t distributions[] = {offsetof(lambda_metrics_series, duration),
                                       offsetof(lambda_metrics_series, init_duration),
                                       offsetof(lambda_metrics_series, async_event_age)};

/** Adds so many readings up; names are the caller's. False when memory is out. */
static bool sum_up(lambda__snapshot *snapshot, lambda__gathering *gathering, lambda_metrics_series *sum,
                   lambda_metrics_series *items, size_t count)
{
    uint64_t *sums[LAMBDA__METER_COUNTERS];
    uint64_t *counters[LAMBDA__METER_COUNTERS];
    point_at_counters(sum, sums);
    for (size_t i = 0; i < count; i++) {
        point_at_counters(&items[i], counters);
        sum->invocations += items[i].invocations;
        for (size_t each = 0; each < LAMBDA__METER_COUNTERS; each++)
            *sums[each] += *counters[each];
    }
    for (size_t which = 0; which < sizeof(distributions) / sizeof(distributions[0]); which++) {
        lambda__gathering_reset(gathering);
        for (size_t i = 0; i < count; i++)
            lambda__gather_distribution(gathering, (const void *)((const char *)&items[i] + distributions[which]));
        if (!keep(snapshot, gathering, true, (void *)((char *)sum + distributions[which]))) return false;
    }
    return true;
}

/** True if two neighbours in the sorted list belong in the same sum. */
typedef bool alike(const lambda_metrics_series *one, const lambda_metrics_series *two);

static bool of_one_function(const lambda_metrics_series *one, const lambda_metrics_series *two)
{
    return strcmp(one->function_name, two->function_name) == 0;
}

static bool of_one_resource(const lambda_metrics_series *one, const lambda_metrics_series *two)
{
    return of_one_function(one, two) && strcmp(one->qualifier, two->qualifier) == 0;
}

/** Sums of neighbours that are alike. */
static bool sum_groups(lambda__snapshot *snapshot, lambda__gathering *gathering, alike *same,
                       lambda_metrics_series *items, size_t count, const lambda_metrics_series **made,
                       size_t *made_count)
{
    size_t groups = 0;
    for (size_t i = 0; i < count; i++)
        groups += i == 0 || !same(&items[i - 1], &items[i]);
    *made = NULL;
    *made_count = groups;
    if (groups == 0) return true;
    lambda_metrics_series *sums = lambda__snapshot_allocate(snapshot, groups * sizeof(*sums));
    *made = sums;
    if (!sums) return false;
    size_t at = 0;
    for (size_t group = 0; group < groups; group++) {
        size_t end = at + 1;
        while (end < count && same(&items[end - 1], &items[end]))
            end++;
        bool resource = same == of_one_resource;
        sums[group].function_name = items[at].function_name;
        sums[group].qualifier = resource ? items[at].qualifier : "";
        sums[group].resource = resource ? items[at].resource : items[at].function_name;
        sums[group].executed_version = "";
        if (!sum_up(snapshot, gathering, &sums[group], &items[at], end - at)) return false;
        at = end;
    }
    return true;
}

/* ---- from meters */

static bool name_series(lambda__snapshot *snapshot, const lambda__series *from, lambda_metrics_series *series)
{
    const lambda__family *family = from->family;
    size_t function_length = family->function_length;
    size_t length = function_length + 1 + from->qualifier_length;
    const char *version = family->text + function_length + 1;
    char *resource = lambda__snapshot_allocate(snapshot, length + 1);
    series->function_name = lambda__snapshot_text(snapshot, family->text, function_length);
    series->executed_version = lambda__snapshot_text(snapshot, version, strlen(version));
    if (!resource || !series->function_name || !series->executed_version) return false;
    memcpy(resource, family->text, function_length);
    if (from->qualifier_length > 0) {
        resource[function_length] = ':';
        memcpy(resource + function_length + 1, from->qualifier, from->qualifier_length);
    }
    series->resource = resource;
    series->qualifier = from->qualifier_length > 0 ? resource + function_length + 1 : "";
    return true;
}

static void gather_meter(lambda__gathering *gathering, const lambda__meter *meter, size_t which)
{
    if (which == 0) {
        lambda__gather(gathering, &meter->duration);
        return;
    }
    const lambda__histogram *histogram = atomic_load_explicit(&meter->rare[which - 1], memory_order_acquire);
    if (histogram) lambda__gather(gathering, histogram);
}

/** Adds up the meters of a series. False when memory is out. */
static bool read_series(lambda__snapshot *snapshot, lambda__gathering *gathering, const lambda__series *from,
                        lambda_metrics_series *series)
{
    uint64_t *counters[LAMBDA__METER_COUNTERS];
    if (!name_series(snapshot, from, series)) return false;
    point_at_counters(series, counters);
    for (size_t which = 0; which < sizeof(distributions) / sizeof(distributions[0]); which++) {
        lambda__gathering_reset(gathering);
        for (uint32_t number = 0; number < LAMBDA__THREADS_MAX; number++) {
            const lambda__meter *meter = lambda__by_thread_get(&from->meters, number);
            if (meter) gather_meter(gathering, meter, which);
        }
        if (!keep(snapshot, gathering, true, (void *)((char *)series + distributions[which]))) return false;
        snapshot->metrics.lost += gathering->lost;
    }
    for (uint32_t number = 0; number < LAMBDA__THREADS_MAX; number++) {
        const lambda__meter *meter = lambda__by_thread_get(&from->meters, number);
        for (size_t each = 0; meter && each < LAMBDA__METER_COUNTERS; each++)
            *counters[each] += atomic_load_explicit(&meter->counters[each], memory_order_relaxed);
    }
    series->invocations = series->duration.count;
    return true;
}

static int by_series(const void *one, const void *two)
{
    const lambda_metrics_series *a = one;
    const lambda_metrics_series *b = two;
    int order = strcmp(a->function_name, b->function_name);
    if (order == 0) order = strcmp(a->qualifier, b->qualifier);
    return order == 0 ? strcmp(a->executed_version, b->executed_version) : order;
}

static bool read_all_series(lambda_t *lambda, lambda__snapshot *snapshot, lambda__gathering *gathering)
{
    lambda_metrics *metrics = &snapshot->metrics;
    const lambda__series *first = atomic_load_explicit(&lambda->metrics->series, memory_order_acquire);
    size_t count = 0;
    for (const lambda__series *each = first; each; each = each->next)
        count++;
    if (count == 0) return true;
    lambda_metrics_series *items = lambda__snapshot_allocate(snapshot, count * sizeof(*items));
    if (!items) return false;
    metrics->series = items;
    metrics->series_count = count;
    for (size_t i = 0; first; first = first->next, i++)
        if (!read_series(snapshot, gathering, first, &items[i])) return false;
    qsort(items, count, sizeof(*items), by_series);
    return sum_groups(snapshot, gathering, of_one_resource, items, count, &metrics->resources,
                      &metrics->resources_count) &&
           sum_groups(snapshot, gathering, of_one_function, items, count, &metrics->functions,
                      &metrics->functions_count) &&
           sum_up(snapshot, gathering, &metrics->total, items, count);
}

/* ---- what handlers measured */

static int by_measured(const void *one, const void *two)
{
    const lambda_user_metric *a = one;
    const lambda_user_metric *b = two;
    int order = strcmp(a->function_name, b->function_name);
    if (order == 0) order = strcmp(a->name, b->name);
    return order == 0 ? (int)a->unit - (int)b->unit : order;
}

static bool read_measured(lambda_t *lambda, lambda__snapshot *snapshot, lambda__gathering *gathering)
{
    const lambda__user_series *first = atomic_load_explicit(&lambda->metrics->measured, memory_order_acquire);
    size_t count = 0;
    for (const lambda__user_series *each = first; each; each = each->next)
        count++;
    if (count == 0) return true;
    lambda_user_metric *items = lambda__snapshot_allocate(snapshot, count * sizeof(*items));
    if (!items) return false;
    snapshot->metrics.user = items;
    snapshot->metrics.user_count = count;
    for (lambda_user_metric *item = items; first; first = first->next, item++) {
        const char *name = first->text + first->function_length + 2;
        item->function_name = lambda__snapshot_text(snapshot, first->text, first->function_length);
        item->name = lambda__snapshot_text(snapshot, name, strlen(name));
        item->unit = first->unit;
        lambda__gathering_reset(gathering);
        for (uint32_t number = 0; number < LAMBDA__THREADS_MAX; number++) {
            const lambda__real_histogram *meter = lambda__by_thread_get(&first->meters, number);
            if (meter) lambda__gather_real(gathering, meter);
        }
        if (!item->function_name || !item->name || !keep(snapshot, gathering, !gathering->fraction, &item->values))
            return false;
        snapshot->metrics.lost += gathering->lost;
    }
    qsort(items, count, sizeof(*items), by_measured);
    return true;
}

bool lambda__snapshot_count(lambda_t *lambda, lambda__snapshot *snapshot)
{
    lambda__gathering gathering = {.base = &lambda->base};
    lambda_metrics *metrics = &snapshot->metrics;
    metrics->total.function_name = metrics->total.qualifier = "";
    metrics->total.resource = metrics->total.executed_version = "";
    bool complete = read_all_series(lambda, snapshot, &gathering) && read_measured(lambda, snapshot, &gathering);
    lambda__gathering_clear(&gathering);
    metrics->lost += atomic_load_explicit(&lambda->metrics->lost, memory_order_relaxed);
    metrics->overflowed = atomic_load_explicit(&lambda->metrics->overflow, memory_order_acquire) != NULL;
    return complete;
}

/* ---- looking */

const lambda_metrics_series *lambda__series_find(const lambda_metrics_series *items, size_t count,
                                                 const char *function_name, const char *qualifier,
                                                 const char *executed_version)
{
    const lambda_metrics_series wanted = {
        .function_name = function_name, .qualifier = qualifier, .executed_version = executed_version};
    return count > 0 ? bsearch(&wanted, items, count, sizeof(wanted), by_series) : NULL;
}

const lambda_user_metric *lambda__user_metric_find(const lambda_metrics *metrics, const lambda_user_metric *like)
{
    return metrics->user_count > 0 ? bsearch(like, metrics->user, metrics->user_count, sizeof(*like), by_measured)
                                   : NULL;
}

const lambda_metrics_series *lambda_metrics_function(const lambda_metrics *metrics, const char *function_name)
{
    if (!metrics || !function_name) return NULL;
    return lambda__series_find(metrics->functions, metrics->functions_count, function_name, "", "");
}

const lambda_metrics_series *lambda_metrics_resource(const lambda_metrics *metrics, const char *function_name,
                                                     const char *qualifier)
{
    if (!metrics || !function_name) return NULL;
    return lambda__series_find(metrics->resources, metrics->resources_count, function_name, qualifier ? qualifier : "",
                               "");
}
