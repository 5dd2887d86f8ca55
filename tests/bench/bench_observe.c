/* What it costs to be watched: logs, metrics and traces, each on its own, all together, and all off. */
#include <stdio.h>
#include <string.h>

#include <lambda/log_ring.h>

#include "bench.h"

/** A service that is watched, with one function. */
typedef struct watched {
    lambda_log_ring *log;
    lambda_trace_ring *trace;
    lambda_t *lambda;
    lambda_target *target;
    lambda_result result;
} watched;

static watched service;

/** What a service has somebody for. */
enum { LOGS = 1, METRICS = 2, TRACES = 4 };

static void open_watched(int what, const lambda_function_config *settings)
{
    lambda_options options = LAMBDA_ZERO;
    if (what & LOGS) {
        bench_check(NULL, lambda_log_ring_new(0, NULL, &service.log));
        options.log[0] = lambda_log_ring_sink(service.log);
    }
    options.metrics = (what & METRICS) != 0;
    if (what & TRACES) {
        bench_check(NULL, lambda_trace_ring_new(0, NULL, &service.trace));
        options.trace[0] = lambda_trace_ring_exporter(service.trace);
        options.trace_rate = 1;
    }
    bench_check(NULL, lambda_open(&options, &service.lambda));
    lambda_function_config config = *settings;
    config.function_name = "watched";
    config.code = lambda_code_native(bench_nothing, NULL);
    bench_check(service.lambda, lambda_function_create(service.lambda, &config));
    bench_check(service.lambda, lambda_target_open(service.lambda, "watched", &service.target));
}

static void close_watched(void)
{
    lambda_target_close(service.target);
    lambda_result_clear(&service.result);
    lambda_close(service.lambda);
    lambda_log_ring_free(service.log);
    lambda_trace_ring_free(service.trace);
    memset(&service, 0, sizeof(service));
}

static void invoke(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        bench_check(service.lambda, lambda_target_invoke(service.target, LAMBDA_JSON("{}"), NULL, &service.result));
}

/* ---- all there, and the function wants none of it */

static void open_off(void)
{
    open_watched(LOGS | METRICS | TRACES,
                 &(lambda_function_config){
                     .logging_config = {.application_log_level = LAMBDA_LOG_OFF, .system_log_level = LAMBDA_LOG_OFF},
                     .tracing_mode = LAMBDA_TRACING_OFF,
                     .metrics_mode = LAMBDA_METRICS_OFF});
}

const bench bench_observe_off = {.name = "observe_off",
                                 .what = "sync_by_target, where the service has sinks for all and the function none",
                                 .yardstick = "an indirect call and two clock_gettime(CLOCK_MONOTONIC)",
                                 .target = 1.0,
                                 .open = open_off,
                                 .product = invoke,
                                 .compare = bench_call_and_clock,
                                 .close = close_watched};

/* ---- metrics */

static void open_metrics(void)
{
    bench_warm_open();
    open_watched(METRICS, &(lambda_function_config){0});
}

static void close_both(void)
{
    close_watched();
    bench_warm_close();
}

const bench bench_observe_metrics = {.name = "observe_metrics",
                                     .what = "sync_by_target with metrics, histogram included",
                                     .yardstick = "sync_by_target with metrics off",
                                     .target = 1.2,
                                     .open = open_metrics,
                                     .product = invoke,
                                     .compare = bench_warm_by_target,
                                     .close = close_both};

/* ---- logs */

static void open_logs(void)
{
    open_watched(LOGS, &(lambda_function_config){0});
}

static void print_lines(uint64_t operations)
{
    static char lines[3][256];
    static volatile char seen;
    for (uint64_t i = 0; i < operations; i++) {
        const char *id = "7a02cf76-dae5-4261-88d0-59d672c97322";
        double ms = (double)(i % 1000) / 100;
        snprintf(lines[0], sizeof(lines[0]), "START RequestId: %s Version: %s", id, "$LATEST");
        snprintf(lines[1], sizeof(lines[1]), "END RequestId: %s", id);
        snprintf(lines[2], sizeof(lines[2]),
                 "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %llu ms\tMemory Size: %u MB\t"
                 "Max Memory Used: %s",
                 id, ms, (unsigned long long)ms + 1, 128U, "unknown");
        seen = lines[2][i % 64];
    }
    (void)seen;
}

const bench bench_observe_logs = {.name = "observe_logs",
                                  .what = "an invocation whose START, END and REPORT go into the ring",
                                  .yardstick = "three snprintf of the same lines into a buffer",
                                  .target = 1.2,
                                  .open = open_logs,
                                  .product = invoke,
                                  .compare = print_lines,
                                  .close = close_watched};

/* ---- traces */

enum { SLOTS = 256 };

typedef struct filled {
    lambda_trace_segment segment;
    lambda_trace_span spans[3];
} filled;

static filled slots[SLOTS];
static uint64_t random_state = 88172645463325252ULL;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void open_traces(void)
{
    bench_warm_open();
    open_watched(TRACES, &(lambda_function_config){.tracing_mode = LAMBDA_TRACING_ACTIVE});
}

/** An invocation that nobody traces, and the segment of it that a program would fill in by hand. */
static void fill_by_hand(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        filled *slot = &slots[i % SLOTS];
        uint64_t start = bench_clock();
        bench_warm_by_target(1);
        uint64_t end = bench_clock();
        const char *names[] = {"watched", "Invocation", "Overhead"};
        for (uint32_t s = 0; s < 3; s++)
            slot->spans[s] = (lambda_trace_span){.kind = s == 0 ? LAMBDA_TRACE_FUNCTION : LAMBDA_TRACE_SUBSEGMENT,
                                                 .id = next_random() | 1,
                                                 .start_ns = start,
                                                 .end_ns = end,
                                                 .name = names[s],
                                                 .error_type = "",
                                                 .error_message = ""};
        slot->segment = (lambda_trace_segment){.trace_id = {next_random(), next_random()},
                                               .service_id = next_random() | 1,
                                               .request_id = {next_random(), next_random()},
                                               .function_name = "watched",
                                               .function_arn = "arn:aws:lambda:us-east-1:000000000000:function:watched",
                                               .executed_version = "$LATEST",
                                               .log_group_name = "/aws/lambda/watched",
                                               .log_stream_name = "2026/01/01/[$LATEST]0123456789abcdef",
                                               .memory_size = 128,
                                               .spans = slot->spans,
                                               .spans_count = 3};
    }
}

const bench bench_observe_trace = {.name = "observe_trace",
                                   .what = "a sampled invocation, its segment in the ring",
                                   .yardstick = "sync_by_target, the same structures filled in, two clock readings",
                                   .target = 1.5,
                                   .open = open_traces,
                                   .product = invoke,
                                   .compare = fill_by_hand,
                                   .close = close_both};

/* ---- all of it, on two threads: each does all the operations, so that the time is that of one */

static void open_all(void)
{
    open_watched(LOGS | METRICS | TRACES, &(lambda_function_config){.tracing_mode = LAMBDA_TRACING_ACTIVE});
}

static void two_threads(uint64_t operations)
{
    bench_on_threads(service.lambda, service.target, operations, 2);
}

static void one_thread(uint64_t operations)
{
    bench_on_threads(service.lambda, service.target, operations, 1);
}

const bench bench_observe_two_threads = {.name = "observe_two_threads",
                                         .what = "logs, metrics and sampled traces, cost of a call with two threads",
                                         .yardstick = "the same with one thread",
                                         .target = 1.5,
                                         .threads = true,
                                         .open = open_all,
                                         .product = two_threads,
                                         .compare = one_thread,
                                         .close = close_watched};
