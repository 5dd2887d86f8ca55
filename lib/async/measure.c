/* Reading all metrics: what is counted, what is busy, what waits. */
#include <lambda/metrics.h>

#include "async/async.h"
#include "base/error.h"
#include "environment/measure.h"

lambda_status lambda_metrics_read(lambda_t *lambda, lambda_metrics **read)
{
    if (read) *read = NULL;
    if (!lambda || !read)
        return lambda__fail(lambda ? &lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                            lambda ? "metrics" : "lambda");
    if (!lambda->metrics)
        return lambda__fail(&lambda->base, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                            "lambda: counts nothing; open it with lambda_options.metrics");
    lambda__snapshot *snapshot = lambda__snapshot_new(lambda);
    if (!snapshot) return lambda__out_of_memory(&lambda->base);
    lambda_metrics *metrics = &snapshot->metrics;
    lambda_queue_counts counts;
    lambda_status status = lambda_statistics_get(lambda, &metrics->statistics);
    if (status == LAMBDA_OK) status = lambda->async->queue.counts(lambda->async->queue.user, &counts);
    if (status == LAMBDA_OK) metrics->async_events_waiting = counts.waiting + counts.delayed;
    if (status == LAMBDA_OK &&
        !(lambda__snapshot_count(lambda, snapshot) && lambda__snapshot_environments(lambda, snapshot)))
        status = lambda__out_of_memory(&lambda->base);
    if (status == LAMBDA_OK)
        *read = metrics;
    else
        lambda_metrics_free(metrics);
    return status;
}
