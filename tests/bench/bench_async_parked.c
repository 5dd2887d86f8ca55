/* One event to a worker that sleeps: from the call that accepts it to the handler, the one in the middle of a round's. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_async.h"

/** A worker, as it is seen from here. */
typedef struct worker {
    _Atomic int thread;   /* its number in the system, once it has run */
    _Atomic uint64_t ran; /* when it last began to run; 0: not since */
    char path[64];
    int state; /* descriptor of what the system says of the thread */
} worker;

static bench_async service;
static worker product_worker;
static worker compare_worker;

static void note(worker *self, uint64_t now)
{
    if (atomic_load_explicit(&self->thread, memory_order_relaxed) == 0) atomic_store(&self->thread, gettid());
    atomic_store_explicit(&self->ran, now, memory_order_release);
}

static uint64_t await_run(worker *of)
{
    uint64_t at;
    while ((at = atomic_load_explicit(&of->ran, memory_order_acquire)) == 0)
        sched_yield();
    return at;
}

static void watch(worker *of)
{
    await_run(of);
    snprintf(of->path, sizeof(of->path), "/proc/self/task/%d/stat", atomic_load(&of->thread));
    of->state = open(of->path, O_RDONLY | O_CLOEXEC);
    if (of->state < 0) exit(1);
}

static bool sleeps(const worker *of)
{
    char text[128];
    ssize_t length = pread(of->state, text, sizeof(text) - 1, 0);
    if (length <= 0) exit(1);
    text[length] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] == ' ' && name_end[2] == 'S';
}

/** Until the system has said for 20 microseconds that the thread sleeps: then it has also left its processor. */
static void await_sleep(const worker *of)
{
    uint64_t since = bench_clock();
    while (bench_clock() - since < 20000)
        if (!sleeps(of)) since = bench_clock();
}

static void measure(worker *of, void (*push)(void), uint64_t operations)
{
    double *samples = malloc(operations * sizeof(samples[0]));
    if (!samples) exit(1);
    for (uint64_t i = 0; i < operations; i++) {
        await_sleep(of);
        atomic_store_explicit(&of->ran, 0, memory_order_relaxed);
        uint64_t start = bench_clock();
        push();
        samples[i] = (double)(await_run(of) - start);
    }
    bench_cost(bench_median(samples, operations));
    free(samples);
}

/* ---- the product */

static lambda_status note_event(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    uint64_t now = bench_clock();
    bench_event_handler(event, context, response);
    note(&product_worker, now);
    return LAMBDA_OK;
}

static void push_event(void)
{
    bench_async_push(&service, 1);
}

static void wake_worker(uint64_t operations)
{
    measure(&product_worker, push_event, operations);
    bench_async_finish(&service, operations);
}

/* ---- the yardstick: a mutex and a condition variable */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static unsigned waiting;
static bool ends;
static char slot[BENCH_EVENT_SIZE];

static void *wait_and_run(void *user)
{
    char event[BENCH_EVENT_SIZE];
    bench_pin(1);
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (waiting == 0 && !ends)
            pthread_cond_wait(&changed, &mutex);
        if (ends) break;
        memcpy(event, slot, sizeof(event));
        waiting--;
        pthread_mutex_unlock(&mutex);
        uint64_t now = bench_clock();
        bench_event_read(event);
        note(&compare_worker, now);
        pthread_mutex_lock(&mutex);
    }
    pthread_mutex_unlock(&mutex);
    return user;
}

static void signal_event(void)
{
    pthread_mutex_lock(&mutex);
    memcpy(slot, bench_event, sizeof(slot));
    waiting++;
    pthread_mutex_unlock(&mutex);
    /* Not before: whom it wakes would have to wait for the mutex. */
    pthread_cond_signal(&changed);
}

static void wake_thread(uint64_t operations)
{
    measure(&compare_worker, signal_event, operations);
}

static void open_workers(void)
{
    if (pthread_create(&thread, NULL, wait_and_run, NULL) != 0) exit(1);
    signal_event();
    watch(&compare_worker);
    bench_async_open(&service, &(lambda_options){.async_workers = 1}, note_event);
    bench_async_place(&service);
    bench_async_push(&service, 1);
    bench_async_finish(&service, 1);
    watch(&product_worker);
}

static void close_workers(void)
{
    bench_pin(-1);
    bench_async_close(&service);
    pthread_mutex_lock(&mutex);
    ends = true;
    pthread_mutex_unlock(&mutex);
    pthread_cond_signal(&changed);
    pthread_join(thread, NULL);
    close(compare_worker.state);
    close(product_worker.state);
}

const bench bench_async_parked = {.name = "async_parked",
                                  .what = "an event to a worker that sleeps, to its handler; the median of a round",
                                  .yardstick = "the same through a mutex and a condition variable",
                                  .target = 1.1,
                                  .threads = true,
                                  .open = open_workers,
                                  .product = wake_worker,
                                  .compare = wake_thread,
                                  .close = close_workers};
