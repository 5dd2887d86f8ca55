/* What is told of an invocation to whom it concerns: log lines, metrics, the trace. */
#include <stdio.h>

#include "invoke/invoke.h"
#include "observe/log.h"

void lambda__report_init(lambda__environment *environment, const lambda__outcome *outcome, const char *phase)
{
    lambda_log_record record = {.level = LAMBDA_LOG_WARN, .platform = true};
    if (!lambda__environment_logs(environment, record.level)) return;
    lambda__environment_record(environment, &record);
    const char *status = outcome->init_failed ? "error\tError Type: Runtime.InitError" : "timeout";
    lambda__log(environment->lambda, &record, "INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s",
                (double)outcome->init_duration / 1e6, phase, status);
}

static void platform_line(lambda__environment *environment, lambda_log_record *record)
{
    *record = (lambda_log_record){.level = LAMBDA_LOG_INFO, .platform = true};
    lambda__environment_record(environment, record);
}

static void log_start(lambda__environment *environment)
{
    lambda_log_record record;
    platform_line(environment, &record);
    lambda__log(environment->lambda, &record, "START RequestId: %s Version: %s", record.request_id,
                environment->version->label);
}

static void log_end(lambda__environment *environment, const lambda__outcome *outcome)
{
    lambda_log_record record;
    platform_line(environment, &record);
    char init[64] = "";
    if (outcome->cold) snprintf(init, sizeof(init), "\tInit Duration: %.2f ms", (double)outcome->init_duration / 1e6);
    const char *status = "";
    if (outcome->failed) status = outcome->timed_out ? "\tStatus: timeout" : "\tStatus: error";
    lambda__log(environment->lambda, &record, "END RequestId: %s", record.request_id);
    lambda__log(environment->lambda, &record,
                "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %llu ms\tMemory Size: %u MB%s%s",
                record.request_id, (double)outcome->duration / 1e6,
                (unsigned long long)lambda__outcome_billed_ms(outcome), environment->version->settings->memory_size,
                init, status);
}

void lambda__report_start(lambda__environment *environment)
{
    if (environment->observe & LAMBDA__OBSERVE_LOGS) log_start(environment);
}

void lambda__report_end(lambda__environment *environment, const lambda__outcome *outcome)
{
    if (environment->observe & LAMBDA__OBSERVE_METRICS) lambda__measure_end(environment, outcome);
    if (environment->observe & LAMBDA__OBSERVE_LOGS) log_end(environment, outcome);
    /* Last: what is told before is overhead too. */
    if (environment->observe & LAMBDA__OBSERVE_TRACES) lambda__trace_report(environment, outcome);
}
