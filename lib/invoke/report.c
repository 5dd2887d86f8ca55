/* What is told of an invocation to whom it concerns: log lines, metrics, the trace. */
#include <stdio.h>

#include "environment/worker.h"
#include "invoke/invoke.h"
#include "observe/log/log.h"

/** A line of the platform at that time, if it is to be written. `left`: the handler still runs. */
static void write_event(lambda__environment *environment, bool left, const char *request_id, uint64_t time_ns,
                        const lambda__log_event *event)
{
    lambda_log_record record = {.level = lambda__log_event_level(event), .platform = true, .time_ns = time_ns};
    if (record.level == LAMBDA_LOG_OFF || !lambda__environment_logs(environment, record.level)) return;
    record.log_group_name = lambda_context_log_group_name(environment);
    record.log_stream_name = lambda_context_log_stream_name(environment);
    record.request_id = request_id;
    lambda__log_out out = lambda__environment_out(environment);
    out.leaving = left;
    lambda__log_event_write(&out, &record, event);
}

static bool is_json(const lambda__environment *environment)
{
    return environment->version->settings->log_format == LAMBDA_LOG_FORMAT_JSON;
}

void lambda__report_init(lambda__environment *environment, const lambda__outcome *outcome, const char *phase,
                         bool too_long)
{
    lambda__log_event event = {.kind = LAMBDA__LOG_INIT_DONE,
                               .json = is_json(environment),
                               .phase = phase,
                               .status = "success",
                               .init_duration = outcome->init_duration};
    char type[LAMBDA__LOG_TYPE_SIZE];
    if (!(environment->observe & LAMBDA__OBSERVE_LOGS)) return;
    if (too_long) {
        event.status = "timeout";
    } else if (outcome->init_failed) {
        event.status = "error";
        snprintf(type, sizeof(type), "%s", lambda__environment_init_error_type(environment));
        event.error_type = type;
    }
    uint64_t wall = lambda__wall(&environment->lambda->base);
    write_event(environment, false, "", wall, &event);
    event.kind = LAMBDA__LOG_INIT_REPORT;
    write_event(environment, false, "", wall, &event);
}

/** The wall clock's reading when the invocation began, by that of its trace if there is one. */
static uint64_t wall_at_start(const lambda__environment *environment)
{
    const lambda__trace *trace = environment->trace;
    if (LAMBDA__UNLIKELY(trace && trace->begun && trace->context.sampled)) return environment->start + trace->offset;
    return lambda__wall(&environment->lambda->base);
}

static void log_start(lambda__environment *environment, bool left, const char *request_id, uint64_t wall)
{
    lambda__log_event event = {
        .kind = LAMBDA__LOG_START, .json = is_json(environment), .version = environment->version->label};
    event.sampled = lambda__trace_sampled(environment, &event.trace_id, &event.span_id);
    write_event(environment, left, request_id, wall, &event);
}

/** Bytes of the function's answer, as far as it was handed on; an error is none. */
static uint64_t produced(const lambda__environment *environment, const lambda__outcome *outcome)
{
    const lambda_response *response = &environment->response;
    if (response->stream) return response->stream->handed;
    return outcome->failed ? 0 : response->body.length;
}

static void log_timeout(lambda__environment *environment, bool left, const char *request_id, uint64_t wall)
{
    lambda__log_event event = {.kind = LAMBDA__LOG_TIMEOUT,
                               .json = is_json(environment),
                               .status = "timeout",
                               .duration = environment->timeout_ns};
    write_event(environment, left, request_id, wall, &event);
}

static void log_end(lambda__environment *environment, bool left, const lambda__outcome *outcome, const char *request_id,
                    uint64_t wall, bool init_known)
{
    lambda__log_event event = {.kind = LAMBDA__LOG_END,
                               .json = is_json(environment),
                               .has_init = outcome->cold && init_known,
                               .status = "success",
                               .duration = outcome->duration,
                               .init_duration = outcome->init_duration,
                               .billed_ms = lambda__outcome_billed_ms(outcome),
                               .produced = produced(environment, outcome),
                               .memory_size = environment->version->settings->memory_size,
                               .max_memory = lambda__environment_max_memory(environment)};
    if (outcome->timed_out) {
        event.status = "timeout";
    } else if (outcome->failed) {
        event.status = "error";
        event.error_type = environment->error_type;
    }
    if (outcome->timed_out) log_timeout(environment, left, request_id, wall);
    event.sampled = lambda__trace_sampled(environment, &event.trace_id, &event.span_id);
    write_event(environment, left, request_id, wall, &event);
    event.kind = LAMBDA__LOG_REPORT;
    write_event(environment, left, request_id, wall, &event);
}

bool lambda__start_claim(lambda__worker *worker)
{
    uint32_t told = LAMBDA__START_UNTOLD;
    if (atomic_compare_exchange_strong_explicit(&worker->start_told, &told, LAMBDA__START_BEING_TOLD,
                                                memory_order_acq_rel, memory_order_acquire))
        return true;
    while (atomic_load_explicit(&worker->start_told, memory_order_acquire) == LAMBDA__START_BEING_TOLD)
        lambda__platform_wait(&worker->start_told, LAMBDA__START_BEING_TOLD, UINT64_MAX);
    return false;
}

void lambda__start_told(lambda__worker *worker)
{
    atomic_store_explicit(&worker->start_told, LAMBDA__START_TOLD, memory_order_release);
    lambda__platform_wake(&worker->start_told);
}

void lambda__report_start(lambda__environment *environment)
{
    if (!(environment->observe & LAMBDA__OBSERVE_LOGS)) return;
    environment->start_wall = 0;
    if (!lambda__environment_logs(environment, LAMBDA_LOG_INFO)) return;
    environment->start_wall = wall_at_start(environment);
    log_start(environment, false, lambda_context_aws_request_id(environment), environment->start_wall);
}

void lambda__report_end(lambda__environment *environment, const lambda__outcome *outcome)
{
    if (environment->observe & LAMBDA__OBSERVE_METRICS) lambda__measure_end(environment, outcome);
    bool logged = outcome->failed || lambda__environment_logs(environment, LAMBDA_LOG_INFO);
    if ((environment->observe & LAMBDA__OBSERVE_LOGS) && logged) {
        uint64_t start = environment->start_wall;
        uint64_t wall = start ? start + outcome->duration : lambda__wall(&environment->lambda->base);
        log_end(environment, false, outcome, lambda_context_aws_request_id(environment), wall, true);
    }
    /* Last: what is told before is overhead too. */
    if (environment->observe & LAMBDA__OBSERVE_TRACES) lambda__trace_report(environment, outcome);
}

void lambda__report_left(lambda__environment *environment, const lambda__outcome *outcome, bool init_known)
{
    bool untold = lambda__start_claim(environment->worker);
    if (environment->observe & LAMBDA__OBSERVE_METRICS) lambda__measure_end(environment, outcome);
    if (environment->observe & LAMBDA__OBSERVE_TAIL) lambda__tail_leave(&environment->tail);
    if (environment->observe & LAMBDA__OBSERVE_LOGS) {
        /* Nothing of the environment that its handler's thread may write just now. */
        char id[LAMBDA_REQUEST_ID_SIZE];
        lambda_request_id_format(environment->request_id, id);
        uint64_t wall = lambda__wall(&environment->lambda->base);
        uint64_t before = outcome->duration + outcome->init_duration;
        if (untold) log_start(environment, true, id, wall > before ? wall - before : wall);
        log_end(environment, true, outcome, id, wall, init_known);
    }
    if (environment->observe & LAMBDA__OBSERVE_TRACES) lambda__trace_report(environment, outcome);
    /* Its handler's thread, which comes too late to tell anything, goes on. */
    if (untold) lambda__start_told(environment->worker);
}
