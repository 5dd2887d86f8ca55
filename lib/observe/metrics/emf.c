/*
 * Metrics as CloudWatch's embedded metric format:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "observe/metrics/snapshot.h"
#include "observe/metrics/text.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** The format's limits: metrics of a document, and numbers of a metric. */
enum { METRICS_MAX = 100, VALUES_MAX = 100, NAMESPACE_MAX = 255 };

const char *lambda_metric_unit_name(lambda_metric_unit unit)
{
    static const char *const names[] = {"None",
                                        "Seconds",
                                        "Microseconds",
                                        "Milliseconds",
                                        "Bytes",
                                        "Kilobytes",
                                        "Megabytes",
                                        "Gigabytes",
                                        "Terabytes",
                                        "Bits",
                                        "Kilobits",
                                        "Megabits",
                                        "Gigabits",
                                        "Terabits",
                                        "Percent",
                                        "Count",
                                        "Bytes/Second",
                                        "Kilobytes/Second",
                                        "Megabytes/Second",
                                        "Gigabytes/Second",
                                        "Terabytes/Second",
                                        "Bits/Second",
                                        "Kilobits/Second",
                                        "Megabits/Second",
                                        "Gigabits/Second",
                                        "Terabits/Second",
                                        "Count/Second"};
    return (unsigned)unit < sizeof(names) / sizeof(names[0]) ? names[unit] : "Unknown";
}

/* ---- what is new in a distribution */

/** Nothing is new where `before` is the later reading, or another service's. */
static uint64_t difference(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

typedef struct since {
    const lambda_distribution *now;
    const lambda_distribution *before; /* NULL: nothing was */
    size_t at;
    size_t at_before;
} since;

/** The next bucket and how much came to it; false at the end. */
static bool next(since *what, struct lambda_distribution_bucket *bucket)
{
    const lambda_distribution *before = what->before;
    while (what->now && what->at < what->now->buckets_count) {
        *bucket = what->now->buckets[what->at++];
        while (before && what->at_before < before->buckets_count && before->buckets[what->at_before].key < bucket->key)
            what->at_before++;
        if (before && what->at_before < before->buckets_count && before->buckets[what->at_before].key == bucket->key)
            bucket->count = difference(bucket->count, before->buckets[what->at_before].count);
        if (bucket->count > 0) return true;
    }
    return false;
}

static uint64_t count_new(const lambda_distribution *now, const lambda_distribution *before)
{
    since what = {.now = now, .before = before};
    struct lambda_distribution_bucket bucket;
    uint64_t count = 0;
    while (next(&what, &bucket))
        count += bucket.count;
    return count;
}

/** A bucket's value, and where it is known better: what is below or above all that was before. */
static double value_of(const since *what, int32_t key, bool first, bool last)
{
    const lambda_distribution *now = what->now;
    const lambda_distribution *before = what->before && what->before->count > 0 ? what->before : NULL;
    double value = lambda__bucket_value(key, now->whole);
    if (first && (!before || now->min < before->min)) return now->min;
    if (last && (!before || now->max > before->max)) return now->max;
    if (value < now->min) return now->min;
    return value > now->max ? now->max : value;
}

/** Writes what is new as an array of at most 100 numbers. There is something new. */
static void put_values(lambda__text *text, const lambda_distribution *now, const lambda_distribution *before,
                       double scale)
{
    since what = {.now = now, .before = before};
    struct lambda_distribution_bucket bucket;
    uint64_t total = count_new(now, before);
    uint64_t values = total < VALUES_MAX ? total : VALUES_MAX;
    uint64_t seen = 0;
    uint64_t put = 0;
    while (put < values && next(&what, &bucket)) {
        seen += bucket.count;
        for (; put < values; put++) {
            bool first = put == 0;
            bool last = put + 1 == values;
            /* The rank, from 1, in the middle of its share; of the first and the last at the ends. */
            uint64_t rank = (uint64_t)(((double)put + 0.5) * (double)total / (double)values) + 1;
            if (first) rank = 1;
            if (last) rank = total;
            if (rank > seen) break;
            lambda__text_string(text, first ? "[" : ",");
            lambda__text_number(text, value_of(&what, bucket.key, first, last) / scale);
        }
    }
    lambda__text_put(text, "]", 1);
}

/* ---- documents */

typedef struct document {
    lambda__text *text;
    const char *name_space;
    uint64_t time_ms;
    const char *dimensions; /* JSON: the sets */
    const char *function_name;
    const char *resource;         /* NULL: none */
    const char *executed_version; /* likewise */
} document;

static void open_document(const document *what)
{
    lambda__text *text = what->text;
    lambda__text_format(text, "{\"_aws\":{\"Timestamp\":%llu,\"CloudWatchMetrics\":[{\"Namespace\":",
                        (unsigned long long)what->time_ms);
    lambda__text_json(text, what->name_space);
    lambda__text_format(text, ",\"Dimensions\":%s,\"Metrics\":[", what->dimensions);
}

static void declare(const document *what, bool first, const char *name, const char *unit)
{
    lambda__text_string(what->text, first ? "{\"Name\":" : ",{\"Name\":");
    lambda__text_json(what->text, name);
    lambda__text_format(what->text, ",\"Unit\":\"%s\"}", unit);
}

static void put_dimension(const document *what, const char *name, const char *value)
{
    if (!value) return;
    lambda__text_format(what->text, ",\"%s\":", name);
    lambda__text_json(what->text, value);
}

/** All is declared: what follows are the values. */
static void begin_values(const document *what)
{
    lambda__text_string(what->text, "]}]}");
    put_dimension(what, "FunctionName", what->function_name);
    put_dimension(what, "Resource", what->resource);
    put_dimension(what, "ExecutedVersion", what->executed_version);
}

static void name_value(const document *what, const char *name)
{
    lambda__text_put(what->text, ",", 1);
    lambda__text_json(what->text, name);
    lambda__text_put(what->text, ":", 1);
}

static void close_document(const document *what)
{
    lambda__text_string(what->text, "}\n");
}

/** Where a series' metric stands. */
typedef struct metric {
    const char *name;
    const char *unit;
    size_t offset;
    bool distribution;
    bool always; /* also when it is 0, where there were invocations: so that its average is a rate */
} metric;

#define AT(field) offsetof(lambda_metrics_series, field)

static const metric metrics_of_series[] = {
    {"Invocations", "Count", AT(invocations), false, false},
    {"Errors", "Count", AT(errors), false, true},
    {"Throttles", "Count", AT(throttles), false, true},
    {"Timeouts", "Count", AT(timeouts), false, false},
    {"ColdStarts", "Count", AT(cold_starts), false, false},
    {"Duration", "Milliseconds", AT(duration), true, false},
    {"InitDuration", "Milliseconds", AT(init_duration), true, false},
    {"BilledDuration", "Milliseconds", AT(billed_duration_ms), false, false},
    {"ProvisionedConcurrencyInvocations", "Count", AT(provisioned_invocations), false, false},
    {"ProvisionedConcurrencySpilloverInvocations", "Count", AT(provisioned_spillovers), false, false},
    {"AsyncEventsReceived", "Count", AT(async_events_received), false, false},
    {"AsyncEventAge", "Milliseconds", AT(async_event_age), true, false},
    {"AsyncEventsDropped", "Count", AT(async_events_dropped), false, false},
    {"DeadLetterErrors", "Count", AT(dead_letter_errors), false, false},
    {"DestinationDeliveryFailures", "Count", AT(destination_delivery_failures), false, false},
    {"RecursiveInvocationsDropped", "Count", AT(recursive_invocations_dropped), false, false},
};
enum { SERIES_METRICS = sizeof(metrics_of_series) / sizeof(metrics_of_series[0]) };

static uint64_t number_at(const lambda_metrics_series *series, size_t offset)
{
    uint64_t number = 0;
    if (series) memcpy(&number, (const char *)series + offset, sizeof(number));
    return number;
}

static const lambda_distribution *distribution_at(const lambda_metrics_series *series, size_t offset)
{
    return series ? (const void *)((const char *)series + offset) : NULL;
}

/** How much of a metric is new. */
static uint64_t how_much(const metric *which, const lambda_metrics_series *now, const lambda_metrics_series *before)
{
    if (which->distribution)
        return count_new(distribution_at(now, which->offset), distribution_at(before, which->offset));
    return difference(number_at(now, which->offset), number_at(before, which->offset));
}

static void write_series(lambda__text *text, const char *name_space, uint64_t time_ms, const lambda_metrics_series *now,
                         const lambda_metrics_series *before)
{
    document what = {.text = text, .name_space = name_space, .time_ms = time_ms, .dimensions = "[[]]"};
    uint64_t news[SERIES_METRICS];
    bool said[SERIES_METRICS];
    bool any = false;
    for (size_t i = 0; i < SERIES_METRICS; i++) {
        news[i] = how_much(&metrics_of_series[i], now, before);
        /* Invocations stand first. */
        said[i] = news[i] > 0 || (metrics_of_series[i].always && news[0] > 0);
        any = any || said[i];
    }
    if (!any) return;
    if (now->function_name[0]) {
        bool ran = now->executed_version[0] != '\0';
        what.dimensions = ran ? "[[\"FunctionName\"],[\"FunctionName\",\"Resource\"],"
                                "[\"FunctionName\",\"Resource\",\"ExecutedVersion\"]]"
                              : "[[\"FunctionName\"],[\"FunctionName\",\"Resource\"]]";
        what.function_name = now->function_name;
        what.resource = now->resource;
        what.executed_version = ran ? now->executed_version : NULL;
    }
    open_document(&what);
    bool first = true;
    for (size_t i = 0; i < SERIES_METRICS; i++) {
        if (!said[i]) continue;
        declare(&what, first, metrics_of_series[i].name, metrics_of_series[i].unit);
        first = false;
    }
    begin_values(&what);
    for (size_t i = 0; i < SERIES_METRICS; i++) {
        if (!said[i]) continue;
        size_t offset = metrics_of_series[i].offset;
        name_value(&what, metrics_of_series[i].name);
        if (metrics_of_series[i].distribution)
            put_values(text, distribution_at(now, offset), distribution_at(before, offset), 1e6);
        else
            lambda__text_format(text, "%llu", (unsigned long long)news[i]);
    }
    close_document(&what);
}

/* ---- what is busy */

static void write_service(lambda__text *text, const char *name_space, const lambda_metrics *now)
{
    const document what = {
        .text = text, .name_space = name_space, .time_ms = now->time_ns / 1000000, .dimensions = "[[]]"};
    open_document(&what);
    declare(&what, true, "ConcurrentExecutions", "Count");
    declare(&what, false, "UnreservedConcurrentExecutions", "Count");
    begin_values(&what);
    lambda__text_format(text, ",\"ConcurrentExecutions\":%u,\"UnreservedConcurrentExecutions\":%u",
                        now->concurrency.concurrent_executions, now->unreserved_concurrent_executions);
    close_document(&what);
}

/** Of a function, or with a resource of a version of it that is provisioned. */
static void write_concurrency(lambda__text *text, const char *name_space, uint64_t time_ms,
                              const lambda_metrics_concurrency *now, const char *resource)
{
    const document what = {.text = text,
                           .name_space = name_space,
                           .time_ms = time_ms,
                           .dimensions = resource ? "[[\"FunctionName\",\"Resource\"]]" : "[[\"FunctionName\"]]",
                           .function_name = now->function_name,
                           .resource = resource};
    open_document(&what);
    declare(&what, true, "ConcurrentExecutions", "Count");
    if (now->provisioned > 0) {
        declare(&what, false, "ProvisionedConcurrentExecutions", "Count");
        declare(&what, false, "ProvisionedConcurrencyUtilization", "None");
    }
    begin_values(&what);
    lambda__text_format(text, ",\"ConcurrentExecutions\":%u", now->concurrent_executions);
    if (now->provisioned > 0) {
        lambda__text_format(text, ",\"ProvisionedConcurrentExecutions\":%u,\"ProvisionedConcurrencyUtilization\":",
                            now->provisioned_executions);
        lambda__text_number(text, (double)now->provisioned_executions / now->provisioned);
    }
    close_document(&what);
}

static void write_environments(lambda__text *text, const char *name_space, const lambda_metrics *now)
{
    uint64_t time_ms = now->time_ns / 1000000;
    write_service(text, name_space, now);
    for (size_t i = 0; i < now->by_function_count; i++)
        write_concurrency(text, name_space, time_ms, &now->by_function[i], NULL);
    for (size_t i = 0; i < now->versions_count; i++) {
        char resource[128];
        if (now->versions[i].provisioned == 0) continue;
        snprintf(resource, sizeof(resource), "%s:%s", now->versions[i].function_name, now->versions[i].version);
        write_concurrency(text, name_space, time_ms, &now->versions[i], resource);
    }
}

/* ---- what handlers measured */

static const lambda_distribution *values_before(const lambda_metrics *before, const lambda_user_metric *now)
{
    const lambda_user_metric *found = before ? lambda__user_metric_find(before, now) : NULL;
    return found ? &found->values : NULL;
}

static bool is_new(const lambda_metrics *before, const lambda_user_metric *now)
{
    return count_new(&now->values, values_before(before, now)) > 0;
}

/** Those from `first` on that go in one document: of one function, no name twice, and no more than the format allows. Where they end. */
static size_t end_of_document(const lambda_metrics *now, const lambda_metrics *before, size_t first)
{
    const lambda_user_metric *user = now->user;
    size_t count = 0;
    size_t last = first;
    size_t i = first;
    for (; i < now->user_count && strcmp(user[i].function_name, user[first].function_name) == 0; i++) {
        if (!is_new(before, &user[i])) continue;
        if (count == METRICS_MAX || (count > 0 && strcmp(user[last].name, user[i].name) == 0)) break;
        last = i;
        count++;
    }
    return i;
}

static void write_user(lambda__text *text, const char *name_space, const lambda_metrics *now,
                       const lambda_metrics *before, size_t at, size_t end)
{
    const document what = {.text = text,
                           .name_space = name_space,
                           .time_ms = now->time_ns / 1000000,
                           .dimensions = "[[\"FunctionName\"]]",
                           .function_name = now->user[at].function_name};
    bool any = false;
    for (size_t i = at; i < end; i++) {
        if (!is_new(before, &now->user[i])) continue;
        if (!any) open_document(&what);
        declare(&what, !any, now->user[i].name, lambda_metric_unit_name(now->user[i].unit));
        any = true;
    }
    if (!any) return;
    begin_values(&what);
    for (size_t i = at; i < end; i++) {
        if (!is_new(before, &now->user[i])) continue;
        name_value(&what, now->user[i].name);
        put_values(text, &now->user[i].values, values_before(before, &now->user[i]), 1);
    }
    close_document(&what);
}

/* ---- all */

/** CloudWatch's rule: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Metric.html */
static lambda_status check_namespace(const char *field, const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_/#: ");
    bool blank = !name[strspn(name, " ")];
    bool valid = !blank && length <= NAMESPACE_MAX && !name[length] && name[0] != ':';
    return valid ? LAMBDA_OK : lambda__fail(NULL, INVALID, "%s: \"%.40s\" is no namespace", field, name);
}

lambda_status lambda_metrics_write_emf_sized(const lambda_metrics *now, const lambda_metrics *before,
                                             const lambda_emf_options *given, size_t size, lambda_writer *write,
                                             void *user)
{
    lambda_emf_options options = LAMBDA_ZERO;
    if (!now || !write) return lambda__fail(NULL, INVALID, "%s: is NULL", now ? "write" : "now");
    if (given) memcpy(&options, given, size < sizeof(options) ? size : sizeof(options));
    if (!options.namespace_name) options.namespace_name = "AWS/Lambda";
    if (!options.user_namespace) options.user_namespace = "LambdaUser";
    lambda_status status = check_namespace("namespace_name", options.namespace_name);
    if (status == LAMBDA_OK) status = check_namespace("user_namespace", options.user_namespace);
    if (status != LAMBDA_OK) return status;
    lambda__text text;
    lambda__text_begin(&text, write, user);
    for (size_t i = 0; i < now->series_count; i++) {
        const lambda_metrics_series *each = &now->series[i];
        const lambda_metrics_series *then =
            before ? lambda__series_find(before->series, before->series_count, each->function_name, each->qualifier,
                                         each->executed_version)
                   : NULL;
        write_series(&text, options.namespace_name, now->time_ns / 1000000, each, then);
    }
    write_environments(&text, options.namespace_name, now);
    size_t end;
    for (size_t at = 0; at < now->user_count; at = end) {
        end = end_of_document(now, before, at);
        write_user(&text, options.user_namespace, now, before, at, end);
    }
    return lambda__text_end(&text);
}
