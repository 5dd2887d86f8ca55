#include "observe/metrics/metrics.h"

#include "base/error.h"
#include "base/memory.h"

/** Bytes of a function's name, a version and what stands between them. */
enum { FUNCTION_MAX = 64, VERSION_MAX = 24, FAMILY_SIZE = FUNCTION_MAX + VERSION_MAX + 2, USER_NAME_MAX = 255 };

lambda_status lambda__metrics_open(lambda_t *lambda, const lambda_options *options, lambda__metrics **opened)
{
    *opened = NULL;
    if (!options->metrics) return LAMBDA_OK;
    lambda__metrics *metrics = lambda__allocate_zeroed(&lambda->base, sizeof(*metrics));
    if (!metrics) return lambda__out_of_memory(NULL);
    if (pthread_mutex_init(&metrics->mutex, NULL) != 0) {
        lambda__release(&lambda->base, metrics);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    }
    metrics->families.key = lambda->base.random.next(lambda->base.random.user);
    metrics->families.name_offset = offsetof(lambda__family, text);
    metrics->user.key = metrics->families.key;
    metrics->user.name_offset = offsetof(lambda__user_series, text);
    *opened = metrics;
    return LAMBDA_OK;
}

void lambda__metrics_some_off(lambda_t *lambda)
{
    if (lambda->metrics) atomic_store_explicit(&lambda->metrics->some_off, true, memory_order_relaxed);
}

/* ---- by thread */

/** Keeps the thread's item. False when memory is out. Only its own thread. */
static bool by_thread_put(lambda__base *base, lambda__by_thread *table, uint32_t number, void *item)
{
    _Atomic(lambda__by_thread_block *) *place = &table->blocks[number / LAMBDA__BY_THREAD_BLOCK];
    lambda__by_thread_block *block = atomic_load_explicit(place, memory_order_acquire);
    if (!block) {
        lambda__by_thread_block *made = lambda__allocate_zeroed(base, sizeof(*made));
        if (!made) return false;
        /* Another thread of the same block may have been faster. */
        if (atomic_compare_exchange_strong_explicit(place, &block, made, memory_order_acq_rel, memory_order_acquire))
            block = made;
        else
            lambda__release(base, made);
    }
    atomic_store_explicit(&block->items[number % LAMBDA__BY_THREAD_BLOCK], item, memory_order_release);
    return true;
}

static void by_thread_clear(lambda__base *base, lambda__by_thread *table)
{
    for (size_t i = 0; i < LAMBDA__BY_THREAD_BLOCKS; i++)
        lambda__release(base, atomic_load_explicit(&table->blocks[i], memory_order_relaxed));
}

/* ---- series */

static lambda__series *find_in(const lambda__family *family, const lambda__series_name *name)
{
    lambda__series *each = atomic_load_explicit(&family->first, memory_order_acquire);
    for (; each; each = each->sibling)
        if (each->qualifier_length == name->qualifier_length &&
            (name->qualifier_length == 0 || memcmp(each->qualifier, name->qualifier, name->qualifier_length) == 0))
            return each;
    return NULL;
}

/** Under the mutex. */
static lambda__family *make_family(lambda_t *lambda, const char *key, size_t length, size_t function_length)
{
    lambda__base *base = &lambda->base;
    lambda__family *family = lambda__allocate_zeroed(base, sizeof(*family) + length + 1);
    if (!family) return NULL;
    family->entry.name_length = length;
    family->function_length = function_length;
    memcpy(family->text, key, length);
    if (!lambda__map_insert(base, &lambda->metrics->families, &family->entry)) {
        lambda__release(base, family);
        return NULL;
    }
    family->next = lambda->metrics->made;
    lambda->metrics->made = family;
    return family;
}

/** Under the mutex. */
static lambda__series *make_series(lambda_t *lambda, lambda__family *family, const lambda__series_name *name)
{
    lambda__metrics *metrics = lambda->metrics;
    lambda__series *series = lambda__allocate_zeroed(&lambda->base, sizeof(*series) + name->qualifier_length + 1);
    if (!series) return NULL;
    series->family = family;
    series->qualifier_length = name->qualifier_length;
    if (name->qualifier_length > 0) memcpy(series->qualifier, name->qualifier, name->qualifier_length);
    series->sibling = atomic_load_explicit(&family->first, memory_order_relaxed);
    series->next = atomic_load_explicit(&metrics->series, memory_order_relaxed);
    atomic_store_explicit(&family->first, series, memory_order_release);
    atomic_store_explicit(&metrics->series, series, memory_order_release);
    atomic_fetch_add_explicit(&metrics->series_count, 1, memory_order_relaxed);
    return series;
}

static lambda__series *find_or_make(lambda_t *lambda, const char *key, size_t length, const lambda__series_name *name)
{
    lambda__map *families = &lambda->metrics->families;
    pthread_mutex_lock(&lambda->metrics->mutex);
    lambda__family *family = (lambda__family *)lambda__map_find(families, key, length);
    if (!family) family = make_family(lambda, key, length, name->function_length);
    lambda__series *series = family ? find_in(family, name) : NULL;
    if (family && !series) series = make_series(lambda, family, name);
    pthread_mutex_unlock(&lambda->metrics->mutex);
    return series;
}

/** What is too much is counted in one place. */
static lambda__series *overflow(lambda_t *lambda)
{
    const lambda__series_name nobody = {.function = "", .version = ""};
    lambda__series *series = atomic_load_explicit(&lambda->metrics->overflow, memory_order_acquire);
    if (series) return series;
    series = find_or_make(lambda, ":", 1, &nobody);
    if (series) atomic_store_explicit(&lambda->metrics->overflow, series, memory_order_release);
    return series;
}

static lambda__series *find_series(lambda_t *lambda, lambda__thread *thread, const lambda__series_name *name)
{
    char key[FAMILY_SIZE];
    size_t version_length = strlen(name->version);
    if (name->function_length > FUNCTION_MAX || version_length > VERSION_MAX) return NULL;
    memcpy(key, name->function, name->function_length);
    key[name->function_length] = ':';
    memcpy(key + name->function_length + 1, name->version, version_length);
    size_t length = name->function_length + 1 + version_length;
    lambda__read_begin(thread);
    const lambda__family *family = (const lambda__family *)lambda__map_find(&lambda->metrics->families, key, length);
    lambda__read_end(thread);
    lambda__series *series = family ? find_in(family, name) : NULL;
    if (LAMBDA__LIKELY(series != NULL)) return series;
    if (atomic_load_explicit(&lambda->metrics->series_count, memory_order_relaxed) >= LAMBDA_METRICS_SERIES_MAX)
        return overflow(lambda);
    return find_or_make(lambda, key, length, name);
}

/* ---- meters */

static lambda__meter *make_meter(lambda_t *lambda, const lambda__thread *thread, lambda__series *series)
{
    lambda__meter *meter = lambda__allocate_lines(&lambda->base, sizeof(*meter));
    if (!meter) return NULL;
    meter->thread = thread->number;
    meter->qualifier_length = (uint32_t)series->qualifier_length;
    meter->series = series;
    if (by_thread_put(&lambda->base, &series->meters, thread->number, meter)) return meter;
    lambda__release_lines(&lambda->base, meter);
    return NULL;
}

lambda__meter *lambda__meter_find(lambda_t *lambda, lambda__thread *thread, const lambda__series_name *name)
{
    lambda__series *series = find_series(lambda, thread, name);
    lambda__meter *meter = series ? lambda__by_thread_get(&series->meters, thread->number) : NULL;
    if (series && LAMBDA__UNLIKELY(!meter)) meter = make_meter(lambda, thread, series);
    if (LAMBDA__UNLIKELY(!meter)) atomic_fetch_add_explicit(&lambda->metrics->lost, 1, memory_order_relaxed);
    return meter;
}

lambda__meter *lambda__meter_named(lambda_t *lambda, lambda__thread *thread, const char *function,
                                   size_t function_length, const char *qualifier, size_t qualifier_length)
{
    _Atomic(lambda__meter *) *place = &lambda->metrics->recent[thread->number];
    lambda__meter *recent = atomic_load_explicit(place, memory_order_relaxed);
    if (!qualifier) qualifier_length = 0;
    if (LAMBDA__LIKELY(recent && lambda__meter_fits(recent, thread, qualifier, qualifier_length))) {
        const lambda__family *family = recent->series->family;
        if (family->function_length == function_length && memcmp(family->text, function, function_length) == 0)
            return recent;
    }
    const lambda__series_name name = {.function = function,
                                      .function_length = function_length,
                                      .qualifier = qualifier,
                                      .qualifier_length = qualifier_length,
                                      .version = ""};
    lambda__meter *meter = lambda__meter_find(lambda, thread, &name);
    if (meter) atomic_store_explicit(place, meter, memory_order_relaxed);
    return meter;
}

void lambda__meter_rare(lambda_t *lambda, lambda__meter *meter, int which, uint64_t value)
{
    lambda__histogram *histogram = atomic_load_explicit(&meter->rare[which], memory_order_relaxed);
    if (LAMBDA__UNLIKELY(!histogram)) {
        histogram = lambda__allocate_zeroed(&lambda->base, sizeof(*histogram));
        if (!histogram) {
            atomic_fetch_add_explicit(&lambda->metrics->lost, 1, memory_order_relaxed);
            return;
        }
        atomic_store_explicit(&meter->rare[which], histogram, memory_order_release);
    }
    lambda__histogram_record(&lambda->base, histogram, value);
}

/* ---- what handlers measure */

/** Under the mutex. */
static lambda__user_series *make_user_series(lambda_t *lambda, const char *key, size_t length, size_t function_length,
                                             lambda_metric_unit unit)
{
    lambda__metrics *metrics = lambda->metrics;
    lambda__user_series *series = lambda__allocate_zeroed(&lambda->base, sizeof(*series) + length + 1);
    if (!series) return NULL;
    series->entry.name_length = length;
    series->function_length = function_length;
    series->unit = unit;
    memcpy(series->text, key, length);
    if (!lambda__map_insert(&lambda->base, &metrics->user, &series->entry)) {
        lambda__release(&lambda->base, series);
        return NULL;
    }
    series->next = atomic_load_explicit(&metrics->measured, memory_order_relaxed);
    atomic_store_explicit(&metrics->measured, series, memory_order_release);
    metrics->user_count++;
    return series;
}

static lambda_status find_user_series(lambda_t *lambda, lambda__thread *thread, const char *function, const char *name,
                                      lambda_metric_unit unit, lambda__user_series **found)
{
    char key[FUNCTION_MAX + USER_NAME_MAX + 3];
    lambda__metrics *metrics = lambda->metrics;
    size_t function_length = strlen(function);
    size_t name_length = strlen(name);
    memcpy(key, function, function_length + 1);
    key[function_length] = ':';
    key[function_length + 1] = (char)('A' + (int)unit);
    memcpy(key + function_length + 2, name, name_length + 1);
    size_t length = function_length + 2 + name_length;
    lambda__read_begin(thread);
    *found = (lambda__user_series *)lambda__map_find(&metrics->user, key, length);
    lambda__read_end(thread);
    if (LAMBDA__LIKELY(*found != NULL)) return LAMBDA_OK;
    pthread_mutex_lock(&metrics->mutex);
    *found = (lambda__user_series *)lambda__map_find(&metrics->user, key, length);
    bool full = metrics->user_count >= LAMBDA_METRICS_USER_MAX;
    if (!*found && !full) *found = make_user_series(lambda, key, length, function_length, unit);
    pthread_mutex_unlock(&metrics->mutex);
    if (*found) return LAMBDA_OK;
    return full ? lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                               "name: there are %d combinations of function, name and unit already",
                               LAMBDA_METRICS_USER_MAX)
                : lambda__out_of_memory(&lambda->base);
}

/** This thread's, made at its first value; NULL when memory is out. */
static lambda__real_histogram *user_meter(lambda__base *base, const lambda__thread *thread, lambda__user_series *series)
{
    lambda__real_histogram *meter = lambda__by_thread_get(&series->meters, thread->number);
    if (LAMBDA__LIKELY(meter != NULL)) return meter;
    meter = lambda__allocate_lines(base, sizeof(*meter));
    if (!meter || by_thread_put(base, &series->meters, thread->number, meter)) return meter;
    lambda__release_lines(base, meter);
    return NULL;
}

lambda_status lambda__metrics_put(lambda_t *lambda, lambda__thread *thread, const char *function, const char *name,
                                  double value, lambda_metric_unit unit)
{
    lambda__user_series *series = NULL;
    lambda_status status = find_user_series(lambda, thread, function, name, unit, &series);
    if (LAMBDA__LIKELY(status == LAMBDA_OK)) {
        lambda__real_histogram *meter = user_meter(&lambda->base, thread, series);
        if (meter)
            lambda__real_histogram_record(&lambda->base, meter, value);
        else
            status = lambda__out_of_memory(&lambda->base);
    }
    if (LAMBDA__UNLIKELY(status == LAMBDA_ERROR_OUT_OF_MEMORY))
        atomic_fetch_add_explicit(&lambda->metrics->lost, 1, memory_order_relaxed);
    return status;
}

/* ---- the end */

static void free_series(lambda__base *base, lambda__series *series)
{
    for (uint32_t number = 0; number < LAMBDA__THREADS_MAX; number++) {
        lambda__meter *meter = lambda__by_thread_get(&series->meters, number);
        if (!meter) continue;
        lambda__histogram_clear(base, &meter->duration);
        for (int which = 0; which < LAMBDA__METER_RARE; which++) {
            lambda__histogram *histogram = atomic_load_explicit(&meter->rare[which], memory_order_relaxed);
            if (histogram) lambda__histogram_clear(base, histogram);
            lambda__release(base, histogram);
        }
        lambda__release_lines(base, meter);
    }
    by_thread_clear(base, &series->meters);
    lambda__release(base, series);
}

static void free_user_series(lambda__base *base, lambda__user_series *series)
{
    for (uint32_t number = 0; number < LAMBDA__THREADS_MAX; number++) {
        lambda__real_histogram *meter = lambda__by_thread_get(&series->meters, number);
        if (meter) lambda__real_histogram_clear(base, meter);
        lambda__release_lines(base, meter);
    }
    by_thread_clear(base, &series->meters);
    lambda__release(base, series);
}

void lambda__metrics_close(lambda_t *lambda, lambda__metrics *metrics)
{
    lambda__base *base = &lambda->base;
    lambda__series *series = atomic_load_explicit(&metrics->series, memory_order_acquire);
    while (series) {
        lambda__series *next = series->next;
        free_series(base, series);
        series = next;
    }
    lambda__user_series *measured = atomic_load_explicit(&metrics->measured, memory_order_acquire);
    while (measured) {
        lambda__user_series *next = measured->next;
        free_user_series(base, measured);
        measured = next;
    }
    while (metrics->made) {
        lambda__family *next = metrics->made->next;
        lambda__release(base, metrics->made);
        metrics->made = next;
    }
    lambda__map_clear(base, &metrics->families);
    lambda__map_clear(base, &metrics->user);
    pthread_mutex_destroy(&metrics->mutex);
    lambda__release(base, metrics);
}
