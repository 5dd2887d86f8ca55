/* A reading of all metrics: what it is made of, and how it is made. */
#ifndef LAMBDA_LIB_SNAPSHOT_H
#define LAMBDA_LIB_SNAPSHOT_H

#include "observe/metrics/metrics.h"

struct lambda__piece;

/** Owns all that the metrics point to. */
typedef struct lambda__snapshot {
    lambda_metrics metrics; /* first */
    lambda_allocator allocator;
    struct lambda__piece *pieces;
} lambda__snapshot;

/** An empty one; NULL when memory is out. Freed by lambda_metrics_free. */
lambda__snapshot *lambda__snapshot_new(lambda_t *lambda);

/** Memory of the snapshot's own, all zero; NULL when it is out. */
void *lambda__snapshot_allocate(lambda__snapshot *snapshot, size_t size);

/** A copy of a text that need not end in NUL; "" takes no memory. */
const char *lambda__snapshot_text(lambda__snapshot *snapshot, const char *text, size_t length);

/** Adds all that is counted. False when memory is out. */
bool lambda__snapshot_count(lambda_t *lambda, lambda__snapshot *snapshot);

/** The one of that function, qualifier and version in a sorted list, or NULL. */
const lambda_metrics_series *lambda__series_find(const lambda_metrics_series *items, size_t count,
                                                 const char *function_name, const char *qualifier,
                                                 const char *executed_version);

/** The one of that function, name and unit, or NULL. */
const lambda_user_metric *lambda__user_metric_find(const lambda_metrics *metrics, const lambda_user_metric *like);

#endif
