/*
 * Metrics as Prometheus and OpenMetrics read them. The two differ in little: OpenMetrics names a counter's family without "_total", says the unit, and
 * ends in "# EOF", and has no summaries of what is below zero.
 */
#include <stddef.h>

#include "base/error.h"
#include "observe/metrics/metrics.h"
#include "observe/metrics/text.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

typedef struct writing {
    lambda__text text;
    const lambda_metrics *metrics;
    bool open; /* OpenMetrics */
} writing;

typedef struct label {
    const char *name;
    const char *value;
} label;

/** `kind`: "counter", "gauge" or "summary". A counter's samples have "_total" behind the name. */
static void head(writing *to, const char *name, const char *kind, const char *unit, const char *help)
{
    const char *tail = !to->open && kind[0] == 'c' ? "_total" : "";
    lambda__text_format(&to->text, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, tail, help, name, tail, kind);
    if (to->open && unit) lambda__text_format(&to->text, "# UNIT %s %s\n", name, unit);
}

/** A label's value: backslash, quote and line end are escaped, in both formats. */
static void put_value(lambda__text *text, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"') lambda__text_put(text, "\\", 1);
        if (*value == '\n')
            lambda__text_put(text, "\\n", 2);
        else
            lambda__text_put(text, value, 1);
    }
}

static void sample(writing *to, const char *name, const char *tail, const label *labels, size_t count, double value)
{
    lambda__text *text = &to->text;
    lambda__text_string(text, name);
    lambda__text_string(text, tail);
    for (size_t i = 0; i < count; i++) {
        lambda__text_format(text, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        put_value(text, labels[i].value);
        lambda__text_put(text, "\"", 1);
    }
    lambda__text_string(text, count > 0 ? "} " : " ");
    lambda__text_number(text, value);
    lambda__text_put(text, "\n", 1);
}

/** Samples of a summary; the labels have room for one more. */
static void summary(writing *to, const char *name, label *labels, size_t count, const lambda_distribution *values,
                    bool least, double scale)
{
    static const struct {
        double q;
        const char *text;
    } quantiles[] = {{0, "0.0"}, {0.5, "0.5"}, {0.9, "0.9"}, {0.99, "0.99"}, {0.999, "0.999"}, {1, "1.0"}};
    labels[count].name = "quantile";
    for (size_t i = least ? 0 : 1; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        double value = lambda_distribution_quantile(values, quantiles[i].q) / scale;
        labels[count].value = quantiles[i].text;
        if (!to->open || value >= 0) sample(to, name, "", labels, count + 1, value);
    }
    /* A sum that goes down would look like a restart. */
    if (!to->open || values->min >= 0) sample(to, name, "_sum", labels, count, values->sum / scale);
    sample(to, name, "_count", labels, count, (double)values->count);
}

enum { SERIES_LABELS = 3, SERIES_LABELS_ROOM };

static void label_series(const lambda_metrics_series *series, label labels[SERIES_LABELS_ROOM])
{
    labels[0] = (label){"function_name", series->function_name};
    labels[1] = (label){"resource", series->resource};
    labels[2] = (label){"executed_version", series->executed_version};
}

typedef struct counter {
    const char *name;
    const char *unit;
    const char *help;
    size_t offset; /* of the number in a reading */
    double scale;
} counter;

/** Milliseconds in a second; the same of megabytes for bytes: MB-ms in a byte-second. */
#define MS        1000.0
#define BYTE_TIME (1000.0 / 1048576.0)

#define AT(field) offsetof(lambda_metrics_series, field)

static const counter counters[] = {
    {"lambda_invocations", NULL, "Handlers run, function errors included.", AT(invocations), 1},
    {"lambda_errors", NULL, "Invocations that ended in a function error.", AT(errors), 1},
    {"lambda_timeouts", NULL, "Function errors that were timeouts.", AT(timeouts), 1},
    {"lambda_throttles", NULL, "Invocations refused for want of concurrency.", AT(throttles), 1},
    {"lambda_cold_starts", NULL, "Invocations that initialised an environment.", AT(cold_starts), 1},
    {"lambda_billed_duration_seconds", "seconds", "Duration in whole milliseconds up.", AT(billed_duration_ms), MS},
    {"lambda_billed_byte_seconds", NULL, "Billed duration times memory size.", AT(billed_mb_ms), BYTE_TIME},
    {"lambda_provisioned_concurrency_invocations", NULL, "Invocations in provisioned environments.",
     AT(provisioned_invocations), 1},
    {"lambda_provisioned_concurrency_spillover_invocations", NULL,
     "Invocations that found no provisioned environment free.", AT(provisioned_spillovers), 1},
    {"lambda_async_events_received", NULL, "Events that the queue accepted.", AT(async_events_received), 1},
    {"lambda_async_events_dropped", NULL, "Events that ended without success.", AT(async_events_dropped), 1},
    {"lambda_dead_letter_errors", NULL, "Dead letters that were not delivered.", AT(dead_letter_errors), 1},
    {"lambda_destination_delivery_failures", NULL, "Records that were not delivered.",
     AT(destination_delivery_failures), 1},
    {"lambda_recursive_invocations_dropped", NULL, "Invocations refused because they went in a loop.",
     AT(recursive_invocations_dropped), 1},
};

static const struct {
    const char *name;
    const char *help;
    size_t offset;
} times[] = {
    {"lambda_duration_seconds", "How long handlers ran.", AT(duration)},
    {"lambda_init_duration_seconds", "How long environments were initialised.", AT(init_duration)},
    {"lambda_async_event_age_seconds", "How old events were when they were run.", AT(async_event_age)},
};

static void write_series(writing *to)
{
    label labels[SERIES_LABELS_ROOM];
    const lambda_metrics *metrics = to->metrics;
    for (size_t which = 0; which < sizeof(counters) / sizeof(counters[0]); which++) {
        const counter *each = &counters[which];
        head(to, each->name, "counter", each->unit, each->help);
        for (size_t i = 0; i < metrics->series_count; i++) {
            uint64_t number;
            memcpy(&number, (const char *)&metrics->series[i] + each->offset, sizeof(number));
            label_series(&metrics->series[i], labels);
            sample(to, each->name, "_total", labels, SERIES_LABELS, (double)number / each->scale);
        }
    }
    for (size_t which = 0; which < sizeof(times) / sizeof(times[0]); which++) {
        head(to, times[which].name, "summary", "seconds", times[which].help);
        for (size_t i = 0; i < metrics->series_count; i++) {
            const void *values = (const char *)&metrics->series[i] + times[which].offset;
            label_series(&metrics->series[i], labels);
            if (((const lambda_distribution *)values)->count > 0)
                summary(to, times[which].name, labels, SERIES_LABELS, values, false, 1e9);
        }
    }
}

static void write_user(writing *to)
{
    label labels[SERIES_LABELS_ROOM];
    head(to, "lambda_user_metric", "summary", NULL, "What handlers measured.");
    for (size_t i = 0; i < to->metrics->user_count; i++) {
        const lambda_user_metric *each = &to->metrics->user[i];
        labels[0] = (label){"function_name", each->function_name};
        labels[1] = (label){"metric", each->name};
        labels[2] = (label){"unit", lambda_metric_unit_name(each->unit)};
        summary(to, "lambda_user_metric", labels, SERIES_LABELS, &each->values, true, 1);
    }
}

/* ---- environments */

static double utilization(const lambda_metrics_concurrency *each)
{
    return each->provisioned ? (double)each->provisioned_executions / each->provisioned : 0;
}

static double environments(const lambda_metrics_concurrency *each)
{
    return each->environments;
}

static double executions(const lambda_metrics_concurrency *each)
{
    return each->concurrent_executions;
}

static double provisioned(const lambda_metrics_concurrency *each)
{
    return each->provisioned;
}

static double provisioned_executions(const lambda_metrics_concurrency *each)
{
    return each->provisioned_executions;
}

static void write_versions(writing *to)
{
    static const struct {
        const char *name;
        const char *help;
        double (*of)(const lambda_metrics_concurrency *each);
    } gauges[] = {
        {"lambda_version_environments", "Environments of a version.", environments},
        {"lambda_version_concurrent_executions", "Environments of a version that are being invoked.", executions},
        {"lambda_version_provisioned_environments", "Provisioned environments that are ready.", provisioned},
        {"lambda_version_provisioned_concurrent_executions", "Provisioned environments that are being invoked.",
         provisioned_executions},
        {"lambda_version_provisioned_concurrency_utilization", "The share of them that is.", utilization},
    };
    const lambda_metrics *metrics = to->metrics;
    for (size_t which = 0; which < sizeof(gauges) / sizeof(gauges[0]); which++) {
        head(to, gauges[which].name, "gauge", NULL, gauges[which].help);
        for (size_t i = 0; i < metrics->versions_count; i++) {
            const label labels[] = {{"function_name", metrics->versions[i].function_name},
                                    {"version", metrics->versions[i].version}};
            sample(to, gauges[which].name, "", labels, 2, gauges[which].of(&metrics->versions[i]));
        }
    }
}

static void write_service(writing *to)
{
    const lambda_metrics *metrics = to->metrics;
    const lambda_statistics *statistics = &metrics->statistics;
    const struct {
        const char *name;
        const char *help;
        bool counts;
        double value;
    } all[] = {
        {"lambda_environments", "Environments of the service.", false, metrics->concurrency.environments},
        {"lambda_concurrent_executions", "Environments of the service that are being invoked.", false,
         metrics->concurrency.concurrent_executions},
        {"lambda_unreserved_concurrent_executions", "The same, of functions without reserved concurrency.", false,
         metrics->unreserved_concurrent_executions},
        {"lambda_async_events_waiting", "Events that wait for an attempt.", false,
         (double)metrics->async_events_waiting},
        {"lambda_environments_started", "Environments that were started.", true,
         (double)statistics->environments_started},
        {"lambda_environments_ended", "Environments that were shut down.", true,
         (double)statistics->environments_ended},
        {"lambda_log_lines_dropped", "Log lines for which there was no room.", true,
         (double)statistics->log_lines_dropped},
        {"lambda_log_lines_failed", "Log lines that a sink did not take.", true, (double)statistics->log_lines_failed},
        {"lambda_trace_segments_dropped", "Segments for which there was no room.", true,
         (double)statistics->trace_segments_dropped},
        {"lambda_trace_segments_failed", "Segments that an exporter did not take.", true,
         (double)statistics->trace_segments_failed},
        {"lambda_metrics_lost", "Countings lost for want of memory.", true, (double)metrics->lost},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        head(to, all[i].name, all[i].counts ? "counter" : "gauge", NULL, all[i].help);
        sample(to, all[i].name, all[i].counts ? "_total" : "", NULL, 0, all[i].value);
    }
}

static lambda_status write_all(const lambda_metrics *metrics, lambda_writer *write, void *user, bool open)
{
    if (!metrics || !write) return lambda__fail(NULL, INVALID, "%s: is NULL", metrics ? "write" : "metrics");
    writing to = {.metrics = metrics, .open = open};
    lambda__text_begin(&to.text, write, user);
    write_series(&to);
    write_user(&to);
    write_versions(&to);
    write_service(&to);
    if (open) lambda__text_string(&to.text, "# EOF\n");
    return lambda__text_end(&to.text);
}

lambda_status lambda_metrics_write_prometheus(const lambda_metrics *metrics, lambda_writer *write, void *user)
{
    return write_all(metrics, write, user, false);
}

lambda_status lambda_metrics_write_openmetrics(const lambda_metrics *metrics, lambda_writer *write, void *user)
{
    return write_all(metrics, write, user, true);
}
