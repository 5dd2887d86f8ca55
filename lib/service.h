/*
 * The directory of the house: what a lambda_t is. Only pointers to what the floors own, so that every floor may include
 * this file and none sees into another. lib/service.c opens, wires and closes them.
 */
#ifndef LAMBDA_LIB_SERVICE_H
#define LAMBDA_LIB_SERVICE_H

#include <lambda/service.h>

#include "base/base.h"

struct lambda {
    lambda__base base;               /* first: a lambda_t is handed to the base floor as it is */
    lambda_limits limits;            /* no zeros left */
    struct lambda__logs *logs;       /* observe/log/log.h; NULL: there is no sink */
    struct lambda__metrics *metrics; /* observe/metrics/metrics.h; NULL: they are off */
    struct lambda__traces *traces;   /* observe/trace/trace.h; NULL: there is no exporter */
    lambda_log_level log_level;      /* of functions that say nothing else */
    lambda_log_level system_log_level;
    const char *region;
    const char *account_id;
    const char *temporary_directory;
    struct lambda__registry *registry;         /* registry/registry.h */
    struct lambda__runtimes *runtimes;         /* runtime/runtimes.h */
    struct lambda__destinations *destinations; /* destination/destination.h */
    struct lambda__environments *environments; /* environment/environment.h */
    struct lambda__async *async;               /* async/async.h */
    _Atomic(struct lambda__faults *) faults;   /* invoke/fault.h; NULL unless a test injects some */
    uint64_t close_grace_ns;
    _Atomic bool given_up; /* close has returned, and handlers still run */
};

#endif
