/* What a service may be given: checked, and the defaults filled in. */
#include "options.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "registry/limits.h"

/** A limit that may be chosen: zero is the default, more than the maximum is refused. */
static lambda_status choose_limit(const char *name, uint64_t given, uint64_t standard, uint64_t maximum,
                                  uint64_t *chosen)
{
    if (given > maximum)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "limits.%s: %llu is more than %llu", name,
                            (unsigned long long)given, (unsigned long long)maximum);
    *chosen = given ? given : standard;
    return LAMBDA_OK;
}

static lambda_status choose_limits(lambda_limits *limits, const lambda_limits *given)
{
    const struct {
        const char *name;
        uint64_t given;
        uint64_t standard;
        uint64_t maximum;
    } table[] = {
        {"concurrent_executions", given->concurrent_executions, 1000, 1048576},
        {"invocation_depth", given->invocation_depth, 64, 1024},
        {"request_payload", given->request_payload, 6291456, 1073741824},
        {"response_payload", given->response_payload, 6291456, 1073741824},
        {"environment_variables", given->environment_variables, 4096, 1048576},
        {"code_storage", given->code_storage, UINT64_C(80530636800), UINT64_MAX},
        {"scaling_rate", given->scaling_rate, 1000, 1000000000},
        {"init_timeout_ms", given->init_timeout_ms, 10000, 900000},
        {"async_payload", given->async_payload, 1048576, 1073741824},
        {"streamed_response_payload", given->streamed_response_payload, 209715200, UINT64_MAX},
    };
    uint64_t chosen[sizeof(table) / sizeof(table[0])];
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        lambda_status status =
            choose_limit(table[i].name, table[i].given, table[i].standard, table[i].maximum, &chosen[i]);
        if (status != LAMBDA_OK) return status;
    }
    *limits = (lambda_limits){.concurrent_executions = (uint32_t)chosen[0],
                              .invocation_depth = (uint32_t)chosen[1],
                              .request_payload = (size_t)chosen[2],
                              .response_payload = (size_t)chosen[3],
                              .environment_variables = (uint32_t)chosen[4],
                              .code_storage = chosen[5],
                              .scaling_rate = (uint32_t)chosen[6],
                              .init_timeout_ms = (uint32_t)chosen[7],
                              .async_payload = (size_t)chosen[8],
                              .streamed_response_payload = chosen[9]};
    uint64_t unreserved = 0;
    lambda_status status = choose_limit("unreserved_concurrent_executions", given->unreserved_concurrent_executions,
                                        chosen[0] / 10, chosen[0], &unreserved);
    limits->unreserved_concurrent_executions = (uint32_t)unreserved;
    return status;
}

/** Texts stay the caller's. */
static lambda_status choose_texts(lambda_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!options->region) options->region = "us-east-1";
    if (!options->account_id) options->account_id = "000000000000";
    if (!options->temporary_directory) options->temporary_directory = "/tmp";
    size_t length = strspn(options->region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (length == 0 || length > 32 || options->region[length])
        return lambda__fail(NULL, invalid, "region: \"%.40s\" is not 1 to 32 of a-z 0-9 -", options->region);
    length = strspn(options->account_id, "0123456789");
    if (length != 12 || options->account_id[length])
        return lambda__fail(NULL, invalid, "account_id: \"%.40s\" is not 12 digits", options->account_id);
    if (options->temporary_directory[0] != '/')
        return lambda__fail(NULL, invalid, "temporary_directory: \"%.80s\" is not absolute",
                            options->temporary_directory);
    if (strlen(options->temporary_directory) > 3000)
        return lambda__fail(NULL, invalid, "temporary_directory: is longer than 3000 bytes");
    return LAMBDA_OK;
}

static lambda_status choose_close_grace(lambda_options *options)
{
    if (options->close_grace_ms > 3600000)
        return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "close_grace_ms: %u is more than 3600000",
                            options->close_grace_ms);
    if (options->close_grace_ms == 0) options->close_grace_ms = 2000;
    return LAMBDA_OK;
}

/** A buffer of what waits for a sink or an exporter; zero is the default. */
static lambda_status choose_buffer(const char *name, size_t *size)
{
    const size_t least = 16384;
    const size_t most = 1073741824;
    if (*size == 0) *size = 1048576;
    if (*size >= least && *size <= most) return LAMBDA_OK;
    return lambda__fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s: %zu is not between %zu and %zu", name, *size,
                        least, most);
}

/** Those without `write` are passed over: what would be called at the close or before it must not be there by mistake. */
static lambda_status check_sinks(const lambda_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    for (size_t i = 0; i < LAMBDA_LOG_SINKS_MAX; i++)
        if (!options->log[i].write && options->log[i].close)
            return lambda__fail(NULL, invalid, "log[%zu].write: is NULL, and close is not", i);
    for (size_t i = 0; i < LAMBDA_TRACE_EXPORTERS_MAX; i++)
        if (!options->trace[i].write && (options->trace[i].close || options->trace[i].flush))
            return lambda__fail(NULL, invalid, "trace[%zu].write: is NULL, and %s is not", i,
                                options->trace[i].close ? "close" : "flush");
    return LAMBDA_OK;
}

static lambda_status choose_log(lambda_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if ((unsigned)options->log_level > LAMBDA_LOG_OFF)
        return lambda__fail(NULL, invalid, "log_level: %d is none", (int)options->log_level);
    if (!lambda__system_log_level_valid(options->system_log_level))
        return lambda__fail(NULL, invalid, "system_log_level: is %s, not DEBUG, INFO, WARN or OFF",
                            lambda_log_level_name(options->system_log_level));
    if (options->log_level == LAMBDA_LOG_DEFAULT) options->log_level = LAMBDA_LOG_INFO;
    if (options->system_log_level == LAMBDA_LOG_DEFAULT) options->system_log_level = LAMBDA_LOG_INFO;
    return choose_buffer("log_buffer_size", &options->log_buffer_size);
}

/** LAMBDA_TRACE_NONE and a negative rate stay as they are. */
static lambda_status choose_trace(lambda_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (isnan(options->trace_rate)) return lambda__fail(NULL, invalid, "trace_rate: is not a number");
    if (options->trace_rate > 1)
        return lambda__fail(NULL, invalid, "trace_rate: %g is more than 1", options->trace_rate);
    if (options->trace_reservoir == 0) options->trace_reservoir = 1;
    if (options->trace_rate == 0) options->trace_rate = 0.05;
    return choose_buffer("trace_buffer_size", &options->trace_buffer_size);
}

/** The queue and its workers. */
static lambda_status check_queue(const lambda_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (options->async_workers > 512)
        return lambda__fail(NULL, invalid, "async_workers: %u is more than 512", options->async_workers);
    const lambda_queue *queue = &options->queue;
    if (queue->push && !(queue->receive && queue->acknowledge && queue->retry && queue->extend && queue->next_due &&
                         queue->counts && queue->browse && queue->purge && queue->close))
        return lambda__fail(NULL, invalid, "queue: only attach may be NULL");
    return LAMBDA_OK;
}

lambda_status lambda__options_choose(const lambda_options *given, size_t size, lambda_options *chosen)
{
    memset(chosen, 0, sizeof(*chosen));
    if (given) memcpy(chosen, given, size < sizeof(*chosen) ? size : sizeof(*chosen));
    const lambda_limits limits = chosen->limits;
    lambda_status status = choose_limits(&chosen->limits, &limits);
    if (status == LAMBDA_OK) status = choose_texts(chosen);
    if (status == LAMBDA_OK) status = choose_close_grace(chosen);
    if (status == LAMBDA_OK) status = check_sinks(chosen);
    if (status == LAMBDA_OK) status = choose_log(chosen);
    if (status == LAMBDA_OK) status = choose_trace(chosen);
    if (status == LAMBDA_OK) status = check_queue(chosen);
    return status;
}
