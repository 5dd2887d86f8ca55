/* Asynchronous invocation beside the pools that C programs use: libuv's and GLib's. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib.h>
#include <uv.h>

#include "base/platform.h"
#include "bench_async.h"

/** So many requests go round in each pool. Fewer make it slower, by far; more do not make it faster. */
enum { REQUESTS = 32768 };

static bench_async service;

/* ---- libuv: a loop a producer, as it takes work from the loop's own thread only */

typedef struct request {
    uv_work_t work;
    struct request *next;
    char event[BENCH_EVENT_SIZE];
} request;

typedef struct loop {
    _Alignas(64) uv_loop_t uv;
    request *unused;
    request *requests;
} loop;

static loop loops[2];

static void work_on_event(uv_work_t *work)
{
    bench_event_read(((request *)work->data)->event);
}

static void give_back(uv_work_t *work, int status)
{
    request *done = work->data;
    loop *of = done->work.loop->data;
    if (status != 0) exit(1);
    done->next = of->unused;
    of->unused = done;
}

static void push_to_loop(loop *to, uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        while (!to->unused)
            uv_run(&to->uv, UV_RUN_ONCE);
        request *taken = to->unused;
        to->unused = taken->next;
        memcpy(taken->event, bench_event, BENCH_EVENT_SIZE);
        if (uv_queue_work(&to->uv, &taken->work, work_on_event, give_back) != 0) exit(1);
    }
    /* Until all are done, and given back: what comes after the last one's work is a few of these at most. */
    uv_run(&to->uv, UV_RUN_DEFAULT);
}

static void open_loop(loop *of)
{
    of->requests = calloc(REQUESTS, sizeof(of->requests[0]));
    if (!of->requests || uv_loop_init(&of->uv) != 0) exit(1);
    of->uv.data = of;
    of->unused = NULL;
    for (size_t i = REQUESTS; i-- > 0;) {
        of->requests[i].work.data = &of->requests[i];
        of->requests[i].next = of->unused;
        of->unused = &of->requests[i];
    }
}

static void close_loop(loop *of)
{
    if (uv_loop_close(&of->uv) != 0) exit(1);
    free(of->requests);
}

/** The pool is made when the first work comes, once in a process. */
static void set_pool_size(const char *threads)
{
    setenv("UV_THREADPOOL_SIZE", threads, 1);
}

static void place_worker(uv_work_t *work)
{
    (void)work;
    bench_pin(1);
}

/* ---- GLib: requests are in a ring, for with one thread they end in their order */

typedef struct ring_slot {
    _Alignas(64) char event[BENCH_EVENT_SIZE];
} ring_slot;

static GThreadPool *pool;
static ring_slot *ring;
/* What the producer writes and what the worker writes: never in one cache line. */
static struct {
    _Alignas(64) uint64_t pushed;
    uint64_t seen_done;
    _Alignas(64) _Atomic uint64_t done;
} counts;

static void run_slot(gpointer slot, gpointer user)
{
    (void)user;
    if (slot == &pool)
        bench_pin(1);
    else
        bench_event_read(((const ring_slot *)slot)->event);
    uint64_t done = atomic_load_explicit(&counts.done, memory_order_relaxed);
    atomic_store_explicit(&counts.done, done + 1, memory_order_release);
}

static void await_done(uint64_t count)
{
    while (counts.seen_done < count) {
        counts.seen_done = atomic_load_explicit(&counts.done, memory_order_acquire);
        lambda__platform_relax();
    }
}

static void push_to_pool(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        if (counts.pushed >= REQUESTS) await_done(counts.pushed - REQUESTS + 1);
        ring_slot *slot = &ring[counts.pushed++ % REQUESTS];
        memcpy(slot->event, bench_event, BENCH_EVENT_SIZE);
        if (!g_thread_pool_push(pool, slot, NULL)) exit(1);
    }
    await_done(counts.pushed);
}

static void open_pool(void)
{
    ring = aligned_alloc(64, REQUESTS * sizeof(ring[0]));
    pool = g_thread_pool_new(run_slot, NULL, 1, TRUE, NULL);
    if (!ring || !pool) exit(1);
    counts.pushed = 1;
    g_thread_pool_push(pool, &pool, NULL);
    await_done(counts.pushed);
}

static void close_pool(void)
{
    g_thread_pool_free(pool, FALSE, TRUE);
    free(ring);
}

/* ---- one producer, one worker: the better of the two, in each round */

static double least_loop;
static double least_pool;

static double cost_of(uint64_t start, uint64_t operations, double *least)
{
    double cost = (double)(bench_clock() - start) / (double)operations;
    if (*least == 0 || cost < *least) *least = cost;
    return cost;
}

static void push_to_peers(uint64_t operations)
{
    uint64_t start = bench_clock();
    push_to_loop(&loops[0], operations);
    double loop_cost = cost_of(start, operations, &least_loop);
    start = bench_clock();
    push_to_pool(operations);
    double pool_cost = cost_of(start, operations, &least_pool);
    bench_cost(loop_cost < pool_cost ? loop_cost : pool_cost);
}

static void push_and_finish(uint64_t operations)
{
    bench_async_push(&service, operations);
    bench_async_finish(&service, operations);
}

static void open_peers(void)
{
    set_pool_size("1");
    open_loop(&loops[0]);
    request *first = loops[0].unused;
    loops[0].unused = first->next;
    if (uv_queue_work(&loops[0].uv, &first->work, place_worker, give_back) != 0) exit(1);
    uv_run(&loops[0].uv, UV_RUN_DEFAULT);
    open_pool();
    bench_async_open(&service, &(lambda_options){.async_workers = 1}, bench_event_handler);
    bench_async_place(&service);
}

static void close_peers(void)
{
    bench_pin(-1);
    bench_async_close(&service);
    close_pool();
    close_loop(&loops[0]);
}

static void print_least(void)
{
    printf("%22s the least of libuv %.1f, of GLib %.1f\n", "", least_loop, least_pool);
}

const bench bench_async_memory_1x1_peers = {.name = "async_memory_1x1_peers",
                                            .what = "the same as async_memory_1x1",
                                            .yardstick = "the faster of libuv's uv_queue_work and GLib's GThreadPool",
                                            .target = 0.5,
                                            .threads = true,
                                            .open = open_peers,
                                            .product = push_and_finish,
                                            .compare = push_to_peers,
                                            .close = close_peers,
                                            .remark = print_least};

/* ---- two producers, two workers */

typedef struct share {
    uint64_t operations;
    loop *to; /* NULL: the service */
} share;

static void *push_share(void *user)
{
    const share *own = user;
    if (own->to)
        push_to_loop(own->to, own->operations);
    else
        bench_async_push(&service, own->operations);
    return NULL;
}

static void push_shares(uint64_t operations, loop *first, loop *second)
{
    pthread_t thread;
    share shares[2] = {{operations / 2, first}, {operations - operations / 2, second}};
    if (pthread_create(&thread, NULL, push_share, &shares[0]) != 0) exit(1);
    push_share(&shares[1]);
    pthread_join(thread, NULL);
}

static void push_two_and_finish(uint64_t operations)
{
    push_shares(operations, NULL, NULL);
    bench_async_finish(&service, operations);
}

static void push_to_loops(uint64_t operations)
{
    push_shares(operations, &loops[0], &loops[1]);
}

static void open_2x2(void)
{
    set_pool_size("2");
    open_loop(&loops[0]);
    open_loop(&loops[1]);
    bench_async_open(&service, &(lambda_options){.async_workers = 2}, bench_event_handler);
}

static void close_2x2(void)
{
    bench_async_close(&service);
    close_loop(&loops[0]);
    close_loop(&loops[1]);
}

const bench bench_async_memory_2x2 = {.name = "async_memory_2x2",
                                      .what = "the same with two producers and two workers",
                                      .yardstick = "libuv's uv_queue_work, two loops that push and two threads",
                                      .target = 1.0,
                                      .threads = true,
                                      .open = open_2x2,
                                      .product = push_two_and_finish,
                                      .compare = push_to_loops,
                                      .close = close_2x2};
