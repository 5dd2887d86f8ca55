/* THREAD isolation: handing an invocation to a worker and back, against two threads that do nothing else. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/platform.h"
#include "bench.h"
#include "environment/worker.h"

/** As the library does: how long a side looks before it sleeps. */
#define SPIN_ROUNDS 4000
/** The worker's request word while it sleeps: environment/worker.c. */
#define WORKER_ASLEEP 1

static lambda_t *lambda;
static lambda_target *target;
static lambda_result result;
static _Atomic(lambda_context *) environment;

static lambda_status remember(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    atomic_store_explicit(&environment, context, memory_order_relaxed);
    return LAMBDA_OK;
}

static void open_service(void)
{
    bench_check(NULL, lambda_open(NULL, &lambda));
    bench_check(lambda,
                lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                         .isolation = LAMBDA_ISOLATION_THREAD,
                                                                         .code = lambda_code_native(remember, NULL)}));
    bench_check(lambda, lambda_target_open(lambda, "f", &target));
    bench_check(lambda, lambda_target_invoke(target, LAMBDA_JSON("{}"), NULL, &result));
    /* After the worker was started, which has the other processor to itself. */
    bench_pin(0);
}

static void close_service(void)
{
    bench_pin(-1);
    lambda_target_close(target);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

/** Until the word has the value, by looking; that time does not count. */
static void until(const _Atomic uint32_t *word, uint32_t value)
{
    uint64_t start = bench_clock();
    while (atomic_load_explicit(word, memory_order_acquire) != value)
        lambda__platform_relax();
    /* From there into the kernel it is not far, but it is some way. */
    while (bench_clock() - start < 20000)
        ;
    bench_exclude(bench_clock() - start);
}

static void invoke_parked(uint64_t operations)
{
    const lambda_context *context = atomic_load(&environment);
    for (uint64_t i = 0; i < operations; i++) {
        until(&context->worker->request, WORKER_ASLEEP);
        bench_check(lambda, lambda_target_invoke(target, LAMBDA_JSON("{}"), NULL, &result));
    }
}

static void invoke_hot(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        bench_check(lambda, lambda_target_invoke(target, LAMBDA_JSON("{}"), NULL, &result));
}

/* ---- the yardstick: a word each way */

enum { NOTHING, ASLEEP, SENT, ENDS };
static _Alignas(64) _Atomic uint32_t there;
static _Alignas(64) _Atomic uint32_t back;
static uint32_t spins;
static pthread_t peer;

static uint32_t receive(_Atomic uint32_t *word)
{
    for (uint32_t i = 0; i < spins; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != NOTHING) break;
        lambda__platform_relax();
    }
    uint32_t state = NOTHING;
    atomic_compare_exchange_strong_explicit(word, &state, ASLEEP, memory_order_acq_rel, memory_order_acquire);
    while (atomic_load_explicit(word, memory_order_acquire) == ASLEEP)
        lambda__platform_wait(word, ASLEEP, UINT64_MAX);
    return atomic_exchange_explicit(word, NOTHING, memory_order_acq_rel);
}

static void send(_Atomic uint32_t *word, uint32_t value)
{
    if (atomic_exchange_explicit(word, value, memory_order_acq_rel) == ASLEEP) lambda__platform_wake(word);
}

static void *answer(void *user)
{
    bench_pin(1);
    while (receive(&there) != ENDS)
        send(&back, SENT);
    return user;
}

static void hand_over(uint64_t operations, uint32_t rounds)
{
    spins = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? rounds : 0;
    if (pthread_create(&peer, NULL, answer, NULL) != 0) exit(1);
    for (uint64_t i = 0; i < operations; i++) {
        if (rounds == 0) until(&there, ASLEEP);
        send(&there, SENT);
        receive(&back);
    }
    send(&there, ENDS);
    pthread_join(peer, NULL);
}

static void hand_over_asleep(uint64_t operations)
{
    hand_over(operations, 0);
}

static void hand_over_hot(uint64_t operations)
{
    hand_over(operations, SPIN_ROUNDS);
}

const bench bench_env_thread_parked = {.name = "env_thread_parked",
                                       .what = "THREAD isolation, no-op handler, its worker asleep",
                                       .yardstick = "two threads handing over through a futex, there and back",
                                       .target = 1.2,
                                       .threads = true,
                                       .open = open_service,
                                       .product = invoke_parked,
                                       .compare = hand_over_asleep,
                                       .close = close_service};

const bench bench_env_thread_hot = {.name = "env_thread_hot",
                                    .what = "the same back to back",
                                    .yardstick = "the same with a bounded spin before the futex",
                                    .target = 1.5,
                                    .threads = true,
                                    .open = open_service,
                                    .product = invoke_hot,
                                    .compare = hand_over_hot,
                                    .close = close_service};
