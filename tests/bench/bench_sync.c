/* The warm road: through a target, by name, and on two threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "bench.h"

enum { FUNCTIONS = 64 };

static lambda_t *lambda;
static lambda_target *target;
static lambda_result result;
static char names[FUNCTIONS][24];

void bench_warm_open(void)
{
    bench_check(NULL, lambda_open(NULL, &lambda));
    for (int i = 0; i < FUNCTIONS; i++) {
        snprintf(names[i], sizeof(names[i]), "function-%d", i);
        bench_check(lambda, lambda_function_create(
                                lambda, &(lambda_function_config){.function_name = names[i],
                                                                  .code = lambda_code_native(bench_nothing, NULL)}));
    }
    bench_check(lambda, lambda_target_open(lambda, names[0], &target));
}

void bench_warm_close(void)
{
    lambda_target_close(target);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

/* ---- the yardstick: one indirect call and two readings of the clock */

static lambda_handler *volatile handler = bench_nothing;
static volatile uint64_t duration;

void bench_call_and_clock(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        uint64_t start = bench_clock();
        handler(NULL, NULL, NULL);
        duration = bench_clock() - start;
    }
}

void bench_warm_by_target(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        bench_check(lambda, lambda_target_invoke(target, LAMBDA_JSON("{}"), NULL, &result));
}

const bench bench_sync_by_target = {.name = "sync_by_target",
                                    .what = "warm no-op native handler through a target, logs off",
                                    .yardstick = "an indirect call and two clock_gettime(CLOCK_MONOTONIC)",
                                    .target = 1.0,
                                    .open = bench_warm_open,
                                    .product = bench_warm_by_target,
                                    .compare = bench_call_and_clock,
                                    .close = bench_warm_close};

/* ---- by name */

typedef struct entry {
    char name[24];
    lambda_handler *handler;
    UT_hash_handle hh;
} entry;

static entry *table;

static void open_names(void)
{
    bench_warm_open();
    for (int i = 0; i < FUNCTIONS; i++) {
        entry *made = calloc(1, sizeof(*made));
        if (!made) exit(1);
        memcpy(made->name, names[i], sizeof(made->name));
        made->handler = bench_nothing;
        HASH_ADD_STR(table, name, made);
    }
}

static void close_names(void)
{
    entry *each;
    entry *next;
    HASH_ITER(hh, table, each, next)
    {
        HASH_DEL(table, each);
        free(each);
    }
    bench_warm_close();
}

static void by_name(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        bench_check(lambda, lambda_invoke(lambda, names[i % FUNCTIONS], LAMBDA_JSON("{}"), &result));
}

static void look_up_call_and_clock(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        entry *found;
        HASH_FIND_STR(table, names[i % FUNCTIONS], found);
        uint64_t start = bench_clock();
        found->handler(NULL, NULL, NULL);
        duration = bench_clock() - start;
    }
}

const bench bench_sync_by_name = {.name = "sync_by_name",
                                  .what = "the same by name, 64 functions",
                                  .yardstick = "a uthash look-up, an indirect call and two clock readings",
                                  .target = 1.0,
                                  .open = open_names,
                                  .product = by_name,
                                  .compare = look_up_call_and_clock,
                                  .close = close_names};

/* ---- two threads on one function: each does all the operations, so that the time is that of one */

typedef struct share {
    lambda_t *lambda;
    lambda_target *target;
    uint64_t operations;
    int cpu;
} share;

static pthread_barrier_t together;

static void *invoke_share(void *user)
{
    const share *own = user;
    lambda_result own_result = {0};
    bench_pin(own->cpu);
    pthread_barrier_wait(&together);
    for (uint64_t i = 0; i < own->operations; i++)
        bench_check(own->lambda, lambda_target_invoke(own->target, LAMBDA_JSON("{}"), NULL, &own_result));
    lambda_result_clear(&own_result);
    return NULL;
}

void bench_on_threads(lambda_t *service, lambda_target *function, uint64_t operations, int count)
{
    pthread_t threads[2];
    share shares[2] = {{service, function, operations, 0}, {service, function, operations, 1}};
    pthread_barrier_init(&together, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, invoke_share, &shares[i]) != 0) exit(1);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
}

static void two_threads(uint64_t operations)
{
    bench_on_threads(lambda, target, operations, 2);
}

static void one_thread(uint64_t operations)
{
    bench_on_threads(lambda, target, operations, 1);
}

const bench bench_sync_two_threads = {.name = "sync_two_threads",
                                      .what = "cost of a call with two threads on one function",
                                      .yardstick = "the same with one thread",
                                      .target = 1.5,
                                      .threads = true,
                                      .open = bench_warm_open,
                                      .product = two_threads,
                                      .compare = one_thread,
                                      .close = bench_warm_close};
