/*
 * The harness: every bench is a product and a yardstick that do comparable work a number of times. They run in
 * interleaved rounds in one process; what is reported is the median cost of one operation of each, and their ratio. Each
 * bench has a process to itself: what one leaves behind, and pools that a process has but one of, are not the next one's.
 */
#ifndef LAMBDA_TESTS_BENCH_H
#define LAMBDA_TESTS_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include <lambda/lambda.h>

typedef struct bench {
    const char *name;
    const char *what;
    const char *yardstick;
    double target;
    bool threads;      /* uses several: instructions are not counted */
    uint64_t round_ns; /* about how long a round takes; 0: 40 milliseconds */
    void (*open)(void);
    void (*product)(uint64_t operations);
    void (*compare)(uint64_t operations); /* the yardstick */
    void (*close)(void);
    void (*remark)(void); /* prints what else was seen; may be NULL */
} bench;

extern const bench bench_sync_by_target;
extern const bench bench_sync_by_name;
extern const bench bench_sync_two_threads;
extern const bench bench_sync_json;
extern const bench bench_sync_typed;
extern const bench bench_registry_million;

extern const bench bench_env_thread_parked;
extern const bench bench_env_thread_hot;
extern const bench bench_env_cold_native;
extern const bench bench_env_cold_shared_object;
extern const bench bench_env_thousand;
extern const bench bench_pump_idle;
extern const bench bench_simulation_rate;
extern const bench bench_log_filter;

extern const bench bench_observe_off;
extern const bench bench_observe_metrics;
extern const bench bench_observe_logs;
extern const bench bench_observe_trace;
extern const bench bench_observe_two_threads;

extern const bench bench_async_memory_1x1;
extern const bench bench_async_memory_1x1_peers;
extern const bench bench_async_memory_2x2;
extern const bench bench_async_parked;
extern const bench bench_async_durable_single;
extern const bench bench_async_durable_group;
extern const bench bench_async_durable_relaxed;
extern const bench bench_async_depth;

extern const bench bench_package_unpack;
extern const bench bench_process_bootstrap;
extern const bench bench_process_ric;
extern const bench bench_process_cold;
extern const bench bench_process_endpoint;
extern const bench bench_stream_throughput;
extern const bench bench_http_url;
extern const bench bench_http_url_nginx;
extern const bench bench_http_invoke_signed;
extern const bench bench_http_invoke_process;
extern const bench bench_serve_start;

/** The service of sync_by_target, for those that have it as their yardstick. */
void bench_warm_open(void);
void bench_warm_by_target(uint64_t operations);
void bench_warm_close(void);

/** The yardstick of a call: an indirect one, and two readings of the clock. */
void bench_call_and_clock(uint64_t operations);

/** One or two threads that each invoke so often. */
void bench_on_threads(lambda_t *service, lambda_target *function, uint64_t operations, int count);

/** Where there are several, has this thread run on that processor; -1: on any. */
void bench_pin(int cpu);

/** So many nanoseconds of the round that runs were not the work's: they are not counted. */
void bench_exclude(uint64_t ns);

/** What an operation of the round that runs has cost, where that is not the round's time over the operations. */
void bench_cost(double ns);

/** The one in the middle; sorts them. */
double bench_median(double *values, size_t count);

/** Ends the program with a message unless the status is LAMBDA_OK. */
void bench_check(lambda_t *lambda, lambda_status status);

/** Handlers that benches share. */
lambda_status bench_nothing(const lambda_event *event, lambda_context *context, lambda_response *response);

/** CLOCK_MONOTONIC, as a plain program reads it. */
uint64_t bench_clock(void);

#endif
