/* Metrics of environments: how many are busy now. */
#ifndef LAMBDA_LIB_MEASURE_H
#define LAMBDA_LIB_MEASURE_H

#include "environment/environment.h"
#include "observe/metrics/snapshot.h"

/** Adds how many environments there are and are busy. False when memory is out. */
bool lambda__snapshot_environments(lambda_t *lambda, lambda__snapshot *snapshot);

#endif
