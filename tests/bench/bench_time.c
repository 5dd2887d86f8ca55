/* Many functions, the host's own loop, and virtual time. */
#include <stdio.h>
#include <stdlib.h>

#include <lambda/clock_virtual.h>

#include "bench.h"

enum { FUNCTIONS = 1000 };

static lambda_t *lambda;
static lambda_target *targets[FUNCTIONS];
static lambda_result result;
static lambda_clock_virtual *virtual_clock;

static void open_functions(const lambda_options *options, int count)
{
    bench_check(NULL, lambda_open(options, &lambda));
    for (int i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof(name), "function-%d", i);
        bench_check(lambda, lambda_function_create(
                                lambda, &(lambda_function_config){.function_name = name,
                                                                  .code = lambda_code_native(bench_nothing, NULL)}));
        bench_check(lambda, lambda_target_open(lambda, name, &targets[i]));
        bench_check(lambda, lambda_target_invoke(targets[i], LAMBDA_JSON("{}"), NULL, &result));
    }
}

static void close_functions(int count)
{
    for (int i = 0; i < count; i++)
        lambda_target_close(targets[i]);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

/* ---- a thousand */

static void open_thousand(void)
{
    bench_warm_open();
    open_functions(NULL, FUNCTIONS);
}

static void close_thousand(void)
{
    close_functions(FUNCTIONS);
    bench_warm_close();
}

static void invoke_thousand(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        bench_check(lambda, lambda_target_invoke(targets[i * 617 % FUNCTIONS], LAMBDA_JSON("{}"), NULL, &result));
}

const bench bench_env_thousand = {.name = "env_thousand",
                                  .what = "warm invocations over 1,000 functions with an environment each",
                                  .yardstick = "sync_by_target on one",
                                  .target = 2.0,
                                  .open = open_thousand,
                                  .product = invoke_thousand,
                                  .compare = bench_warm_by_target,
                                  .close = close_thousand};

/* ---- pumping */

static volatile uint64_t now;

static void open_loop(void)
{
    /* With an environment that will be idle too long, but is not yet. */
    open_functions(&(lambda_options){.executor = {.kind = LAMBDA_EXECUTOR_NONE}}, 1);
}

static void close_loop(void)
{
    close_functions(1);
}

static void pump(uint64_t operations)
{
    lambda_pump_report report;
    for (uint64_t i = 0; i < operations; i++)
        bench_check(lambda, lambda_pump(lambda, 1000000, &report));
}

static void read_clock(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        now = bench_clock();
}

const bench bench_pump_idle = {.name = "pump_idle",
                               .what = "lambda_pump with nothing due",
                               .yardstick = "one clock_gettime(CLOCK_MONOTONIC)",
                               .target = 1.5,
                               .open = open_loop,
                               .product = pump,
                               .compare = read_clock,
                               .close = close_loop};

/* ---- virtual time */

static void open_virtual(void)
{
    lambda_options options = {0};
    bench_warm_open();
    bench_check(NULL, lambda_clock_virtual_open(1, 0, &virtual_clock));
    lambda_clock_virtual_options(virtual_clock, &options);
    open_functions(&options, 1);
}

static void close_virtual(void)
{
    close_functions(1);
    lambda_clock_virtual_close(virtual_clock);
    bench_warm_close();
}

static void invoke_virtual(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        lambda_clock_virtual_step(virtual_clock, 1000000);
        bench_check(lambda, lambda_target_invoke(targets[0], LAMBDA_JSON("{}"), NULL, &result));
    }
}

const bench bench_simulation_rate = {.name = "simulation_rate",
                                     .what = "a millisecond of virtual time and an invocation, logs off",
                                     .yardstick = "sync_by_target",
                                     .target = 5.0,
                                     .open = open_virtual,
                                     .product = invoke_virtual,
                                     .compare = bench_warm_by_target,
                                     .close = close_virtual};
