/* Metrics: what was invoked, how it went and how long it took, by function, version and alias; and what it costs. */
#ifndef LAMBDA_METRICS_H
#define LAMBDA_METRICS_H

#include <lambda/log.h>
#include <lambda/service.h>
#include <lambda/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Nothing is counted unless `lambda_options.metrics` says so, nor for a function whose `metrics_mode` is LAMBDA_METRICS_OFF. The names and what
 * they mean are Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html. Each thread counts for itself, and
 * nobody waits for anybody. Where there is no memory to count something it is lost, and `lambda_metrics.lost` says how much was.
 */

/**
 * Combinations of function, qualifier and executed version that a service counts apart. All beyond them are counted together, as a function
 * whose name is "", and `lambda_metrics.overflowed` is true.
 */
#define LAMBDA_METRICS_SERIES_MAX 65536

/** Combinations of function, name and unit that a service keeps of what handlers measure. */
#define LAMBDA_METRICS_USER_MAX 4096

/**
 * How a figure was distributed over all that was measured. Every quantile is right within 1 % of the true value (rank ceil(q * count)), from 1 ns up;
 * whole numbers below 128 are exact. `min` and `max` are exact, `sum` is up to a double's precision. Times are in nanoseconds. Of nothing
 * all is 0. Part of what holds it; nothing to free.
 */
typedef struct lambda_distribution {
    uint64_t count;                                   /**< so many measurements */
    double sum;                                       /**< of all of them */
    double min;                                       /**< the least */
    double max;                                       /**< the greatest */
    double p50;                                       /**< the median */
    double p90;                                       /**< 9 of 10 are not greater */
    double p99;                                       /**< 99 of 100 */
    double p999;                                      /**< 999 of 1,000 */
    const struct lambda_distribution_bucket *buckets; /**< the library's own */
    size_t buckets_count;                             /**< likewise */
    bool whole;                                       /**< only whole numbers were measured */
} lambda_distribution;

/** The value that a share `q` of all measurements, 0 to 1, does not exceed: 0 is `min`, 1 is `max`. 0 of nothing. Any thread. */
LAMBDA_API double lambda_distribution_quantile(const lambda_distribution *distribution, double q);

/**
 * What was counted since the service was opened: of one function as invoked through one qualifier, and the version that ran; or the sum of several of
 * those, where `qualifier` or `executed_version` is not told apart.
 *
 * An invocation that was throttled, refused as recursive, or is an event that only waits, has run in no version: it is counted with
 * `executed_version` "".
 */
typedef struct lambda_metrics_series {
    const char *function_name; /**< "" for what overflowed; of the total "" too */
    const char
        *qualifier; /**< as invoked: "$LATEST", a number or an alias; "" where there was none, and in sums over all */
    const char *resource; /**< Lambda's Resource: "NAME" or "NAME:QUALIFIER"; in sums over all qualifiers "NAME" */
    const char *executed_version; /**< "$LATEST" or a number; "" where none ran, and in sums over all */
    uint64_t invocations; /**< handlers run, or that were to be run when their init failed: function errors included */
    uint64_t errors;      /**< of those, function errors; timeouts included */
    uint64_t timeouts;    /**< of those, timeouts */
    uint64_t throttles;   /**< invocations refused with LAMBDA_ERROR_TOO_MANY_REQUESTS: not among the invocations */
    uint64_t cold_starts; /**< of the invocations, those that initialised an environment */
    lambda_distribution duration;        /**< `lambda_result.duration_ns` of each invocation */
    lambda_distribution init_duration;   /**< `lambda_result.init_duration_ns` of each cold start */
    uint64_t billed_duration_ms;         /**< sum of `lambda_result.billed_duration_ms` */
    uint64_t billed_mb_ms;               /**< the same, each times its memory size in MB */
    uint64_t provisioned_invocations;    /**< Lambda's ProvisionedConcurrencyInvocations: in provisioned environments */
    uint64_t provisioned_spillovers;     /**< Lambda's ProvisionedConcurrencySpilloverInvocations */
    uint64_t provisioned_billed_mb_ms;   /**< of `billed_mb_ms`, that of provisioned environments */
    uint64_t async_events_received;      /**< events that the queue has accepted */
    lambda_distribution async_event_age; /**< at each attempt that ran, how long ago its event was accepted */
    /** Events that ended without having run successfully: also those of which a destination or dead-letter target was told, as in Lambda */
    uint64_t async_events_dropped;
    uint64_t dead_letter_errors;            /**< dead letters that could not be delivered, given up */
    uint64_t destination_delivery_failures; /**< records, likewise */
    uint64_t recursive_invocations_dropped; /**< refused because the function went in a loop */
} lambda_metrics_series;

/** Environments at the moment of reading: of one version, or of several. */
typedef struct lambda_metrics_concurrency {
    const char *function_name;       /**< "" in the sum over all */
    const char *version;             /**< "$LATEST" or a number; "" in a sum over all versions */
    uint32_t environments;           /**< how many there are */
    uint32_t concurrent_executions;  /**< of those, that are being invoked */
    uint32_t provisioned;            /**< of those there are, provisioned and ready */
    uint32_t provisioned_executions; /**< of those, that are being invoked: Lambda's ProvisionedConcurrentExecutions */
} lambda_metrics_concurrency;

/** CloudWatch's units (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html). */
typedef enum lambda_metric_unit {
    LAMBDA_UNIT_NONE = 0,
    LAMBDA_UNIT_SECONDS = 1,
    LAMBDA_UNIT_MICROSECONDS = 2,
    LAMBDA_UNIT_MILLISECONDS = 3,
    LAMBDA_UNIT_BYTES = 4,
    LAMBDA_UNIT_KILOBYTES = 5,
    LAMBDA_UNIT_MEGABYTES = 6,
    LAMBDA_UNIT_GIGABYTES = 7,
    LAMBDA_UNIT_TERABYTES = 8,
    LAMBDA_UNIT_BITS = 9,
    LAMBDA_UNIT_KILOBITS = 10,
    LAMBDA_UNIT_MEGABITS = 11,
    LAMBDA_UNIT_GIGABITS = 12,
    LAMBDA_UNIT_TERABITS = 13,
    LAMBDA_UNIT_PERCENT = 14,
    LAMBDA_UNIT_COUNT = 15,
    LAMBDA_UNIT_BYTES_PER_SECOND = 16,
    LAMBDA_UNIT_KILOBYTES_PER_SECOND = 17,
    LAMBDA_UNIT_MEGABYTES_PER_SECOND = 18,
    LAMBDA_UNIT_GIGABYTES_PER_SECOND = 19,
    LAMBDA_UNIT_TERABYTES_PER_SECOND = 20,
    LAMBDA_UNIT_BITS_PER_SECOND = 21,
    LAMBDA_UNIT_KILOBITS_PER_SECOND = 22,
    LAMBDA_UNIT_MEGABITS_PER_SECOND = 23,
    LAMBDA_UNIT_GIGABITS_PER_SECOND = 24,
    LAMBDA_UNIT_TERABITS_PER_SECOND = 25,
    LAMBDA_UNIT_COUNT_PER_SECOND = 26
} lambda_metric_unit;

/** CloudWatch's word for it: "None", "Milliseconds", "Bytes/Second" and so on; "Unknown" for what is none. Static; any thread. */
LAMBDA_API const char *lambda_metric_unit_name(lambda_metric_unit unit);

/**
 * Measures something of a handler's own: `lambda_metric_put(context, "OrderValue", 12.5, LAMBDA_UNIT_NONE)`. The service keeps, by function,
 * name and unit, how the values are distributed. Call it on the handler's thread while the handler or hook runs. Where metrics are off
 * the arguments are checked and nothing is kept.
 *
 * `name` is 1 to 255 printable ASCII characters, not all of them blank, and neither "_aws" nor "FunctionName", which the embedded metric format
 * needs; `value` is from -2^360 to 2^360, CloudWatch's bounds. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for others,
 * and for the first value of a combination where LAMBDA_METRICS_USER_MAX are there; LAMBDA_ERROR_OUT_OF_MEMORY.
 */
LAMBDA_API lambda_status lambda_metric_put(lambda_context *context, const char *name, double value,
                                           lambda_metric_unit unit);

/** What handlers of one function have measured under one name and unit. */
typedef struct lambda_user_metric {
    const char *function_name;  /**< whose handlers */
    const char *name;           /**< as they named it */
    lambda_metric_unit unit;    /**< as they said */
    lambda_distribution values; /**< in that unit */
} lambda_user_metric;

/**
 * All of a service's metrics at one moment. Immutable, and the caller's to free with `lambda_metrics_free`, also after the service was
 * closed; only its allocator must still work. No string in it is NULL. All lists are sorted, by function, then qualifier or name,
 * then version or unit.
 */
typedef struct lambda_metrics {
    uint64_t time_ns;                       /**< when it was read, wall clock, nanoseconds since 1970 */
    lambda_metrics_series total;            /**< all functions together */
    const lambda_metrics_series *series;    /**< each function, qualifier and executed version apart */
    size_t series_count;                    /**< number of those */
    const lambda_metrics_series *resources; /**< sums: each function and qualifier, over all executed versions */
    size_t resources_count;                 /**< number of those */
    const lambda_metrics_series *functions; /**< sums: each function, over all qualifiers and versions */
    size_t functions_count;                 /**< number of those */
    const lambda_user_metric *user;         /**< what handlers have measured */
    size_t user_count;                      /**< number of those */
    lambda_metrics_concurrency
        concurrency; /**< all environments of the service, whatever their function's metrics_mode */
    const lambda_metrics_concurrency
        *versions;         /**< those of each version that has any; functions with metrics_mode OFF left out */
    size_t versions_count; /**< number of those */
    const lambda_metrics_concurrency *by_function; /**< sums of `versions`: each function */
    size_t by_function_count;                      /**< number of those */
    /** Lambda's UnreservedConcurrentExecutions: invocations under way of functions without reserved concurrency */
    uint32_t unreserved_concurrent_executions;
    uint64_t
        async_events_waiting; /**< events in the queue that wait for their first or next attempt; as old as the queue says */
    lambda_statistics statistics; /**< what `lambda_statistics_get` gives */
    uint64_t lost;                /**< countings lost for want of memory */
    bool overflowed;              /**< see LAMBDA_METRICS_SERIES_MAX */
} lambda_metrics;

/**
 * Reads all metrics. `*metrics` is NULL on failure. What runs meanwhile may or may not be in it; what has ended is. Any thread.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE where `lambda_options.metrics` is not set; LAMBDA_ERROR_OUT_OF_MEMORY.
 */
LAMBDA_API lambda_status lambda_metrics_read(lambda_t *lambda, lambda_metrics **metrics);

/** Frees what was read. NULL is allowed. */
LAMBDA_API void lambda_metrics_free(lambda_metrics *metrics);

/** The sum of one function's series, borrowed from the metrics; NULL where nothing of it was counted. Any thread. */
LAMBDA_API const lambda_metrics_series *lambda_metrics_function(const lambda_metrics *metrics,
                                                                const char *function_name);

/** Likewise of one function and qualifier; `qualifier` NULL or "": those invoked without one. */
LAMBDA_API const lambda_metrics_series *lambda_metrics_resource(const lambda_metrics *metrics,
                                                                const char *function_name, const char *qualifier);

/* ---- as text. Calls that write answer LAMBDA_OK, what the writer answered, or LAMBDA_ERROR_OUT_OF_MEMORY. Any thread. */

/**
 * Writes all as Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), to be served as
 * "text/plain; version=0.0.4". Counters are `lambda_invocations_total` and so on with labels function_name, resource and executed_version;
 * times are summaries in seconds, `lambda_duration_seconds`, with quantiles 0.5, 0.9, 0.99, 0.999 and 1, the greatest; what handlers
 * measure is the summary `lambda_user_metric` with labels function_name, metric and unit, and quantile 0, the least, besides.
 */
LAMBDA_API lambda_status lambda_metrics_write_prometheus(const lambda_metrics *metrics, lambda_writer *write,
                                                         void *user);

/**
 * The same as OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/), ending in "# EOF": "application/openmetrics-text;
 * version=1.0.0; charset=utf-8". That allows nothing below zero in a summary: of what handlers measured, quantiles below zero are left
 * away, and the sum of what was ever below zero.
 */
LAMBDA_API lambda_status lambda_metrics_write_openmetrics(const lambda_metrics *metrics, lambda_writer *write,
                                                          void *user);

/** How documents of the embedded metric format are to be. Zero means the default. */
typedef struct lambda_emf_options {
    /**
     * CloudWatch's namespace of Lambda's own metrics, 1 to 255 letters, digits, spaces, dots, hyphens,
     * underscores, slashes, hash signs and colons, the first not a colon, not all of them spaces. Default "AWS/Lambda",
     * which CloudWatch itself keeps for AWS: give one of your own where the documents go there
     */
    const char *namespace_name;
    const char *user_namespace; /**< likewise, of what handlers measure. Default "LambdaUser" */
} lambda_emf_options;

/** Exported form of `lambda_metrics_write_emf`. */
LAMBDA_API lambda_status lambda_metrics_write_emf_sized(const lambda_metrics *now, const lambda_metrics *before,
                                                        const lambda_emf_options *options, size_t size,
                                                        lambda_writer *write, void *user);

/**
 * Writes what was counted between two readings of a service as CloudWatch's embedded metric format
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html). `before` NULL: since
 * the service was opened. `options` NULL: the defaults. What `before` has more of than `now` counts as nothing.
 *
 * Each document is one line of at most 1 MB: one for each series in which something happened (dimension sets FunctionName; FunctionName and
 * Resource; FunctionName, Resource and ExecutedVersion where one ran), one for each function's concurrency and one for the service's, and one for each
 * function and 100 names of what its handlers measured. Counts of 0 are left away, but for Errors and
 * Throttles, which stand for rates, and the concurrency. A distribution is an array of at most 100 numbers,
 * the format's limit: of up to 100 measurements each of them, of more those at the middles of 100 equal shares, where the first is the least and the
 * last the greatest. So CloudWatch's percentiles are right, and its SampleCount is at most 100 a document. Durations are in milliseconds.
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE for a namespace that is none; `lambda_error_message(NULL)` says which.
 */
static inline lambda_status lambda_metrics_write_emf(const lambda_metrics *now, const lambda_metrics *before,
                                                     const lambda_emf_options *options, lambda_writer *write,
                                                     void *user)
{
    return lambda_metrics_write_emf_sized(now, before, options, sizeof(lambda_emf_options), write, user);
}

/* ---- what it costs */

/** What the host charges. There is no default: zeros cost nothing. */
typedef struct lambda_price_table {
    const char *currency;             /**< any text, at most 15 bytes; NULL: "" */
    double per_request;               /**< for each invocation */
    double per_gb_second;             /**< for each second that is billed of 1,024 MB */
    double per_provisioned_gb_second; /**< the same, of invocations in provisioned environments */
} lambda_price_table;

/** A bill. Filled in for the caller, nothing to free. */
typedef struct lambda_billing {
    char currency[16];             /**< the price table's */
    uint64_t requests;             /**< invocations, function errors included; throttled ones are not */
    uint64_t billed_duration_ms;   /**< each in whole milliseconds up, its init included */
    double gb_seconds;             /**< billed duration times memory size, of environments that are not provisioned */
    double provisioned_gb_seconds; /**< the same, of provisioned ones. What keeping them ready costs is not in it */
    double request_cost;           /**< of the requests */
    double duration_cost;          /**< of both kinds of GB-seconds */
    double cost;                   /**< all together */
} lambda_billing;

/** Exported form of `lambda_billing_summarize`. */
LAMBDA_API lambda_status lambda_billing_summarize_sized(const lambda_metrics *metrics, const char *function_name,
                                                        const lambda_price_table *prices, size_t prices_size,
                                                        lambda_billing *billing, size_t billing_size);

/**
 * Sums up what was billed since the service was opened, of one function or, with `function_name` NULL, of all. One of which nothing was
 * counted has a bill of zeros. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL, a price that is negative or no number, or too
 * long a currency; `lambda_error_message(NULL)` says which. Any thread.
 */
static inline lambda_status lambda_billing_summarize(const lambda_metrics *metrics, const char *function_name,
                                                     const lambda_price_table *prices, lambda_billing *billing)
{
    return lambda_billing_summarize_sized(metrics, function_name, prices, sizeof(lambda_price_table), billing,
                                          sizeof(lambda_billing));
}

#ifdef __cplusplus
}
#endif

#endif
