#include "environment/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "environment/pool.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- environments */

/** Adds what is in a pool. Under the environments' mutex. */
static void count_pool(lambda__pool *pool, lambda_metrics_concurrency *counted)
{
    pthread_mutex_lock(&pool->mutex);
    for (const lambda__environment *each = pool->first; each; each = each->next) {
        uint32_t state = atomic_load_explicit(&each->state, memory_order_relaxed);
        bool idle = state == LAMBDA__IDLE || state == LAMBDA__BARE;
        bool provisioned = atomic_load_explicit(&each->provisioned, memory_order_relaxed);
        if (state == LAMBDA__ENDED) continue;
        counted->environments++;
        counted->provisioned += provisioned;
        counted->concurrent_executions += !idle;
        counted->provisioned_executions += provisioned && !idle;
    }
    pthread_mutex_unlock(&pool->mutex);
}

static void add(lambda_metrics_concurrency *sum, const lambda_metrics_concurrency *each)
{
    sum->environments += each->environments;
    sum->concurrent_executions += each->concurrent_executions;
    sum->provisioned += each->provisioned;
    sum->provisioned_executions += each->provisioned_executions;
}

static int by_version(const void *one, const void *two)
{
    const lambda_metrics_concurrency *a = one;
    const lambda_metrics_concurrency *b = two;
    int order = strcmp(a->function_name, b->function_name);
    return order == 0 ? strcmp(a->version, b->version) : order;
}

/** Joins neighbours of the same function, and of the same version unless versions do not matter; how many are left. */
static size_t join(lambda_metrics_concurrency *items, size_t count, bool versions)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!versions) items[i].version = "";
        if (kept > 0 && by_version(&items[kept - 1], &items[i]) == 0)
            add(&items[kept - 1], &items[i]);
        else
            items[kept++] = items[i];
    }
    return kept;
}

/** Under the environments' mutex: one item for each pool with environments. False when memory is out. */
static bool read_pools(lambda_t *lambda, lambda__snapshot *snapshot, lambda_metrics_concurrency **items, size_t *count)
{
    size_t pools = 0;
    for (const lambda__pool *pool = lambda->environments->pools; pool; pool = pool->next)
        pools++;
    if (pools == 0) return true;
    *items = lambda__snapshot_allocate(snapshot, pools * sizeof(**items));
    if (!*items) return false;
    for (lambda__pool *pool = lambda->environments->pools; pool; pool = pool->next) {
        const lambda__function *function = pool->version->function;
        const lambda__concurrency *own = lambda__concurrency_of(function);
        lambda_metrics_concurrency counted = {0};
        count_pool(pool, &counted);
        add(&snapshot->metrics.concurrency, &counted);
        if (!own || !own->reserved) snapshot->metrics.unreserved_concurrent_executions += counted.concurrent_executions;
        if (counted.environments == 0 || pool->version->settings->metrics_mode == LAMBDA_METRICS_OFF) continue;
        counted.function_name = lambda__snapshot_text(snapshot, function->name, function->entry.name_length);
        counted.version = lambda__snapshot_text(snapshot, pool->version->label, strlen(pool->version->label));
        if (!counted.function_name || !counted.version) return false;
        (*items)[(*count)++] = counted;
    }
    return true;
}

bool lambda__snapshot_environments(lambda_t *lambda, lambda__snapshot *snapshot)
{
    lambda_metrics *metrics = &snapshot->metrics;
    lambda_metrics_concurrency *items = NULL;
    size_t count = 0;
    metrics->concurrency.function_name = metrics->concurrency.version = "";
    pthread_mutex_lock(&lambda->environments->mutex);
    bool complete = read_pools(lambda, snapshot, &items, &count);
    pthread_mutex_unlock(&lambda->environments->mutex);
    if (!complete || count == 0) return complete;
    qsort(items, count, sizeof(*items), by_version);
    metrics->versions = items;
    metrics->versions_count = join(items, count, true);
    size_t size = metrics->versions_count * sizeof(*items);
    lambda_metrics_concurrency *functions = lambda__snapshot_allocate(snapshot, size);
    if (!functions) return false;
    memcpy(functions, items, size);
    metrics->by_function = functions;
    metrics->by_function_count = join(functions, metrics->versions_count, false);
    return true;
}

/* ---- what handlers measure */

/** CloudWatch takes numbers from -2^360 to 2^360. */
static bool in_range(double value)
{
    return isfinite(value) && fabs(value) <= ldexp(1.0, 360);
}

static lambda_status check(lambda__base *base, const char *name, double value, lambda_metric_unit unit)
{
    bool blank = true;
    size_t length = 0;
    if (!name) return lambda__fail(base, INVALID, "name: is NULL");
    for (; length <= 255 && name[length]; length++) {
        if (name[length] < ' ' || name[length] > '~')
            return lambda__fail(base, INVALID, "name: has a character that is not printable ASCII at %zu", length);
        blank = blank && name[length] == ' ';
    }
    if (length > 255) return lambda__fail(base, INVALID, "name: is longer than 255 characters");
    if (blank) return lambda__fail(base, INVALID, "name: is empty");
    if (strcmp(name, "_aws") == 0 || strcmp(name, "FunctionName") == 0)
        return lambda__fail(base, INVALID, "name: \"%s\" is the embedded metric format's own", name);
    if ((unsigned)unit > LAMBDA_UNIT_COUNT_PER_SECOND)
        return lambda__fail(base, INVALID, "unit: %d is none", (int)unit);
    if (!in_range(value)) return lambda__fail(base, INVALID, "value: is not a number from -2^360 to 2^360");
    return LAMBDA_OK;
}

lambda_status lambda_metric_put(lambda_context *context, const char *name, double value, lambda_metric_unit unit)
{
    if (!context) return lambda__fail(NULL, INVALID, "context: is NULL");
    lambda_t *lambda = context->lambda;
    lambda_status status = check(&lambda->base, name, value, unit);
    if (status != LAMBDA_OK || !(context->observe & LAMBDA__OBSERVE_METRICS)) return status;
    lambda__thread *thread = lambda__thread_get(&lambda->base);
    if (!thread) return lambda__out_of_memory(&lambda->base);
    return lambda__metrics_put(lambda, thread, context->version->function->name, name, value, unit);
}
