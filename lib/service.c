/* Opens, wires and closes the floors. */
#include "service.h"

#include <string.h>

#include "async/async.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/memory.h"
#include "base/thread.h"
#include "destination/destination.h"
#include "environment/pool.h"
#include "invoke/invoke.h"
#include "observe/log/log.h"
#include "observe/metrics/metrics.h"
#include "observe/trace/trace.h"
#include "options.h"
#include "registry/registry.h"
#include "runtime/runtimes.h"
#include "testing/virtual.h"

static lambda_status copy_texts(lambda_t *lambda, const lambda_options *options)
{
    lambda->region = lambda__duplicate(&lambda->base, options->region);
    lambda->account_id = lambda__duplicate(&lambda->base, options->account_id);
    lambda->temporary_directory = lambda__duplicate(&lambda->base, options->temporary_directory);
    bool complete = lambda->region && lambda->account_id && lambda->temporary_directory;
    return complete ? LAMBDA_OK : lambda__out_of_memory(NULL);
}

static bool destination_exists(lambda_t *lambda, const char *name)
{
    return lambda__destination_find(lambda, name) != NULL;
}

static lambda_status open_floors(lambda_t *lambda, const lambda_options *options)
{
    lambda__registry_port port = {0};
    lambda__runtimes_port(&port);
    lambda__environments_port(&port);
    port.destination_exists = destination_exists;
    lambda_status status = lambda__log_open(lambda, options, &lambda->logs);
    if (status == LAMBDA_OK) status = lambda__traces_open(lambda, options, &lambda->traces);
    if (status == LAMBDA_OK) status = lambda__metrics_open(lambda, options, &lambda->metrics);
    if (status == LAMBDA_OK) status = lambda__runtimes_open(lambda, &lambda->runtimes);
    if (status == LAMBDA_OK) status = lambda__destinations_open(lambda, &lambda->destinations);
    if (status == LAMBDA_OK) status = lambda__environments_open(lambda, options, &lambda->environments);
    if (status == LAMBDA_OK) status = lambda__registry_open(lambda, &port, &options->store, &lambda->registry);
    if (status == LAMBDA_OK) status = lambda__registry_restore(lambda);
    /* Last: the queue is the service's only once nothing else can fail. */
    if (status == LAMBDA_OK) status = lambda__async_open(lambda, options, &lambda->async);
    return status;
}

/** Frees a service of which anything may not be there yet. */
static void free_service(lambda_t *lambda)
{
    if (lambda->async) lambda__async_close(lambda, lambda->async);
    if (lambda->registry) lambda__registry_close(lambda, lambda->registry);
    if (lambda->environments) lambda__environments_close(lambda, lambda->environments);
    if (lambda->destinations) lambda__destinations_close(lambda, lambda->destinations);
    if (lambda->traces) lambda__traces_close(lambda, lambda->traces);
    if (lambda->metrics) lambda__metrics_close(lambda, lambda->metrics);
    if (lambda->logs) lambda__log_close(lambda, lambda->logs);
    if (lambda->runtimes) lambda__runtimes_close(lambda, lambda->runtimes);
    lambda__release(&lambda->base, (void *)(uintptr_t)lambda->region);
    lambda__release(&lambda->base, (void *)(uintptr_t)lambda->account_id);
    lambda__release(&lambda->base, (void *)(uintptr_t)lambda->temporary_directory);
    lambda__faults_free(lambda);
    lambda__virtual_detach(lambda);
    lambda__base_close(&lambda->base);
    lambda_allocator allocator = lambda->base.allocator;
    allocator.release(allocator.user, lambda);
}

/** The last piece of work has ended, or there is none: the end of what close began. */
static void free_last(lambda__base *base)
{
    free_service((lambda_t *)base);
}

lambda_status lambda_open_sized(const lambda_options *given, size_t size, lambda_t **opened)
{
    if (!opened) return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    *opened = NULL;
    lambda_options options;
    lambda_status status = lambda__options_choose(given, size, &options);
    if (status != LAMBDA_OK) return status;

    lambda_allocator allocator;
    status = lambda__allocator_choose(&options.allocator, &allocator);
    if (status != LAMBDA_OK) return status;
    lambda_t *lambda = allocator.allocate(allocator.user, sizeof(*lambda));
    if (!lambda) return lambda__out_of_memory(NULL);
    memset(lambda, 0, sizeof(*lambda));
    status = lambda__base_open(&lambda->base, &allocator, &options.clock, &options.random, &options.executor);
    if (status != LAMBDA_OK) {
        allocator.release(allocator.user, lambda);
        return status;
    }
    lambda->limits = options.limits;
    lambda->log_level = options.log_level;
    lambda->system_log_level = options.system_log_level;
    lambda->base.last = free_last;
    lambda->close_grace_ns = (uint64_t)options.close_grace_ms * 1000000;
    if (!lambda__virtual_attach(lambda))
        status = lambda__fail(NULL, LAMBDA_ERROR_RESOURCE_CONFLICT, "clock: the virtual clock has a service already");
    if (status == LAMBDA_OK) status = copy_texts(lambda, &options);
    if (status == LAMBDA_OK) status = open_floors(lambda, &options);
    if (status != LAMBDA_OK) {
        free_service(lambda);
        return status;
    }
    if (lambda->logs) lambda__log_opened(lambda->logs);
    if (lambda->traces) lambda__traces_opened(lambda->traces);
    lambda__registry_opened(lambda);
    lambda__async_begin(lambda);
    *opened = lambda;
    return LAMBDA_OK;
}

/** Waits until there are no more than so many pieces of work, or the time is over; how many there are. */
static uint32_t wait_for_work(lambda__base *base, uint32_t most, uint64_t until)
{
    for (;;) {
        uint32_t work = atomic_load_explicit(&base->work, memory_order_acquire);
        if (work <= most || !lambda__wait(base, &base->work, work, until))
            return atomic_load_explicit(&base->work, memory_order_acquire);
    }
}

/** Pieces of work that empty the buffers of sinks and exporters, and last until they are stopped. */
static uint32_t observers(const lambda_t *lambda)
{
    uint32_t count = lambda->logs ? lambda__log_threads(lambda->logs) : 0;
    return lambda->traces ? count + lambda__traces_threads(lambda->traces) : count;
}

/** Hands over what waits for sinks and exporters; how many pieces of work there are then, of which `left` were not theirs. */
static uint32_t stop_observers(lambda_t *lambda, uint32_t left)
{
    lambda__base *base = &lambda->base;
    uint64_t until = lambda__now(base) + lambda->close_grace_ns;
    bool stopped = true;
    if (lambda->traces) stopped = lambda__traces_stop(lambda->traces, until);
    if (lambda->logs) stopped = lambda__log_stop(lambda->logs, until) && stopped;
    /* Their threads have only to end. */
    return wait_for_work(base, left, stopped ? UINT64_MAX : until);
}

uint32_t lambda_close_with_sized(lambda_t *lambda, const lambda_close_options *given, size_t size)
{
    if (!lambda) return 0;
    lambda_close_options options = LAMBDA_ZERO;
    if (given) memcpy(&options, given, size < sizeof(options) ? size : sizeof(options));
    lambda__async_drain(lambda, options.drain_ms);
    lambda__async_stop(lambda);
    lambda__environments_closing(lambda);
    if (lambda->base.executor.kind == LAMBDA_EXECUTOR_THREADS) lambda__keeper_stop(&lambda->base);
    while (lambda__threads_busy(&lambda->base))
        lambda__platform_pause();
    lambda__ahead_clear(lambda);
    lambda__runtimes_closing(lambda);
    lambda__registry_empty(lambda);
    lambda__base *base = &lambda->base;
    uint32_t own = 1 + observers(lambda);
    uint32_t left = wait_for_work(base, own, lambda__now(base) + lambda->close_grace_ns);
    if (left > own) {
        lambda__environments_abandon(lambda);
        atomic_store_explicit(&lambda->given_up, true, memory_order_release);
    }
    lambda__async_return(lambda, options.returned, options.user);
    left = stop_observers(lambda, left > own ? 1 + left - own : 1);
    if (left > 1) atomic_store_explicit(&lambda->given_up, true, memory_order_release);
    lambda__work_end(base);
    return left - 1;
}

uint32_t lambda_close(lambda_t *lambda)
{
    return lambda_close_with_sized(lambda, NULL, 0);
}

const char *lambda_error_message(lambda_t *lambda)
{
    return lambda__error_message(lambda ? &lambda->base : NULL);
}

lambda_status lambda_statistics_get_sized(lambda_t *lambda, lambda_statistics *statistics, size_t size)
{
    if (!lambda || !statistics)
        return lambda__fail(lambda ? &lambda->base : NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: is NULL",
                            lambda ? "statistics" : "lambda");
    lambda_statistics sums = {.invocations = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_INVOCATIONS),
                              .errors = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_ERRORS),
                              .throttles = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_THROTTLES),
                              .cold_starts = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_COLD_STARTS),
                              .environments_started = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_STARTED),
                              .environments_ended = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_ENDED),
                              .timeouts = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_TIMEOUTS),
                              .provisioned_invocations = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_PROVISIONED),
                              .provisioned_spillovers = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_SPILLOVERS),
                              .log_lines_dropped = lambda->logs ? lambda__log_dropped(lambda->logs) : 0,
                              .log_lines_failed = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_LINES_FAILED),
                              .trace_segments_dropped = lambda->traces ? lambda__traces_dropped(lambda->traces) : 0,
                              .trace_segments_failed = lambda__counter_sum(&lambda->base, LAMBDA__COUNT_TRACES_FAILED)};
    memset(statistics, 0, size);
    memcpy(statistics, &sums, size < sizeof(sums) ? size : sizeof(sums));
    return LAMBDA_OK;
}

const char *lambda_region(const lambda_t *lambda)
{
    return lambda->region;
}

const char *lambda_account_id(const lambda_t *lambda)
{
    return lambda->account_id;
}
