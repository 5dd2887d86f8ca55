/* Asynchronous invocation with the queue in memory: one producer and one worker, and how much a deep queue costs. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* The yardstick has its queue inlined, and what waits for a producer that was interrupted halfway lets it run. */
#define _LGPL_SOURCE
#define CDS_WFCQ_WAIT_SLEEP(ms) sched_yield()
#include <urcu/wfcqueue.h>

#include "base/platform.h"
#include "bench_async.h"

_Alignas(BENCH_EVENT_SIZE) const
    char bench_event[BENCH_EVENT_SIZE] = {"{\"order\":4711,\"customer\":\"0123456\",\"articles\":[17,4,42,1],\"a\":1}"};

lambda_status bench_event_handler(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)context;
    (void)response;
    bench_event_read(lambda_event_payload(event).data);
    return LAMBDA_OK;
}

/* ---- the product */

static void create_function(lambda_t *lambda, const char *name, lambda_handler *handler)
{
    bench_check(lambda,
                lambda_function_create(lambda, &(lambda_function_config){.function_name = name,
                                                                         .code = lambda_code_native(handler, NULL)}));
}

void bench_async_open(bench_async *service, const lambda_options *options, lambda_handler *handler)
{
    bench_check(NULL, lambda_open(options, &service->lambda));
    create_function(service->lambda, "f", handler);
    bench_check(service->lambda, lambda_target_open(service->lambda, "f", &service->target));
    service->accepted = 0;
}

void bench_async_close(bench_async *service)
{
    lambda_target_close(service->target);
    lambda_close(service->lambda);
}

static lambda_status go_to_processor(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    (void)response;
    bench_pin(1);
    return LAMBDA_OK;
}

void bench_async_place(bench_async *service)
{
    create_function(service->lambda, "place", go_to_processor);
    bench_check(service->lambda, lambda_invoke_async(service->lambda, "place", LAMBDA_JSON("{}"), NULL, NULL));
    bench_async_finish(service, 1);
    bench_pin(0);
}

void bench_async_push(bench_async *service, uint64_t events)
{
    static const lambda_async_options options = {.wait_ms = LAMBDA_WAIT_FOREVER};
    lambda_bytes event = lambda_bytes_make(bench_event, BENCH_EVENT_SIZE);
    for (uint64_t i = 0; i < events; i++)
        bench_check(service->lambda, lambda_target_invoke_async(service->target, event, &options, NULL));
}

void bench_async_finish(bench_async *service, uint64_t events)
{
    lambda_async_statistics statistics;
    bench_check(service->lambda, lambda_async_wait_all(service->lambda, LAMBDA_WAIT_FOREVER));
    bench_check(service->lambda, lambda_async_statistics_get(service->lambda, &statistics));
    service->accepted += events;
    if (statistics.succeeded == service->accepted) return;
    fprintf(stderr, "%llu events of %llu are done\n", (unsigned long long)statistics.succeeded,
            (unsigned long long)service->accepted);
    exit(1);
}

static bench_async service;

static void push_and_finish(uint64_t operations)
{
    bench_async_push(&service, operations);
    bench_async_finish(&service, operations);
}

/* ---- the yardstick: wfcqueue, nodes that go round, a futex for a consumer that sleeps */

enum {
    /*
     * How a consumer with nothing to do looks for more: about every 2 microseconds, 40 at most. One that looks all the time
     * takes every node as it comes, and then each pays for the way of the queue's ends from one processor to the other: three times
     * as much. With 4 times as many it is hardly less.
     */
    PAUSES = 200,
    LOOKS = 20,
    CHUNK = 64
};

typedef struct node {
    _Alignas(64) struct cds_wfcq_node link;
    void (*run)(const void *event);
    char event[BENCH_EVENT_SIZE];
} node;

typedef struct queue {
    _Alignas(64) struct __cds_wfcq_head head;
    _Alignas(64) struct cds_wfcq_tail tail;
} queue;

static queue pushed; /* from the producer to the consumer */
static queue used;   /* and back, a batch at a time */
static queue unused; /* the producer's own */
static void *chunks[1 << 20];
static size_t chunk_count;
static _Alignas(64) _Atomic uint32_t consumer_sleeps;
static _Alignas(64) _Atomic uint64_t consumed;
static _Atomic bool consumer_ends;
static pthread_t consumer;
static uint64_t produced;

static bool anything(void)
{
    return !cds_wfcq_empty(&pushed.head, &pushed.tail) || atomic_load_explicit(&consumer_ends, memory_order_acquire);
}

static void await_nodes(void)
{
    for (int look = 0; look < LOOKS; look++) {
        for (int i = 0; i < PAUSES; i++)
            lambda__platform_relax();
        if (anything()) return;
    }
    atomic_store(&consumer_sleeps, 1);
    if (anything()) atomic_store(&consumer_sleeps, 0);
    while (atomic_load(&consumer_sleeps))
        lambda__platform_wait(&consumer_sleeps, 1, UINT64_MAX);
}

static void wake_consumer(void)
{
    /* The exchange of the queue's tail came before: one of the two sees the other. */
    if (atomic_load_explicit(&consumer_sleeps, memory_order_relaxed) && atomic_exchange(&consumer_sleeps, 0))
        lambda__platform_wake(&consumer_sleeps);
}

static void *consume(void *user)
{
    bench_pin(1);
    while (!atomic_load_explicit(&consumer_ends, memory_order_acquire)) {
        queue batch;
        struct cds_wfcq_node *each;
        uint64_t count = 0;
        __cds_wfcq_init(&batch.head, &batch.tail);
        if (__cds_wfcq_splice_blocking(&batch.head, &batch.tail, &pushed.head, &pushed.tail) ==
            CDS_WFCQ_RET_SRC_EMPTY) {
            await_nodes();
            continue;
        }
        __cds_wfcq_for_each_blocking(&batch.head, &batch.tail, each)
        {
            const node *taken = caa_container_of(each, node, link);
            taken->run(taken->event);
            count++;
        }
        __cds_wfcq_splice_blocking(&used.head, &used.tail, &batch.head, &batch.tail);
        atomic_fetch_add_explicit(&consumed, count, memory_order_release);
    }
    return user;
}

static node *unused_node(void)
{
    for (;;) {
        struct cds_wfcq_node *first = __cds_wfcq_dequeue_blocking(&unused.head, &unused.tail);
        if (first) return caa_container_of(first, node, link);
        if (__cds_wfcq_splice_blocking(&unused.head, &unused.tail, &used.head, &used.tail) != CDS_WFCQ_RET_SRC_EMPTY)
            continue;
        node *chunk = aligned_alloc(64, CHUNK * sizeof(node));
        if (!chunk || chunk_count == sizeof(chunks) / sizeof(chunks[0])) exit(1);
        chunks[chunk_count++] = chunk;
        for (int i = 0; i < CHUNK; i++) {
            cds_wfcq_node_init(&chunk[i].link);
            cds_wfcq_enqueue(&unused.head, &unused.tail, &chunk[i].link);
        }
    }
}

static void produce(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        node *made = unused_node();
        cds_wfcq_node_init(&made->link);
        made->run = bench_event_read;
        memcpy(made->event, bench_event, BENCH_EVENT_SIZE);
        cds_wfcq_enqueue(&pushed.head, &pushed.tail, &made->link);
        wake_consumer();
    }
    produced += operations;
    while (atomic_load_explicit(&consumed, memory_order_acquire) != produced)
        sched_yield();
}

static void open_1x1(void)
{
    __cds_wfcq_init(&pushed.head, &pushed.tail);
    __cds_wfcq_init(&used.head, &used.tail);
    __cds_wfcq_init(&unused.head, &unused.tail);
    if (pthread_create(&consumer, NULL, consume, NULL) != 0) exit(1);
    bench_async_open(&service, &(lambda_options){.async_workers = 1}, bench_event_handler);
    bench_async_place(&service);
}

static void close_1x1(void)
{
    bench_pin(-1);
    bench_async_close(&service);
    atomic_store(&consumer_ends, true);
    wake_consumer();
    pthread_join(consumer, NULL);
    while (chunk_count > 0)
        free(chunks[--chunk_count]);
}

const bench bench_async_memory_1x1 = {.name = "async_memory_1x1",
                                      .what = "one producer, one worker, 64-byte events, accepted to done",
                                      .yardstick = "liburcu's wfcqueue with a futex, the same events, a call for each",
                                      .target = 2.0,
                                      .threads = true,
                                      .open = open_1x1,
                                      .product = push_and_finish,
                                      .compare = produce,
                                      .close = close_1x1};

/* ---- depth: with so many waiting, one more is pushed and one is run */

enum { DEEP = 10000000, SHALLOW = 1000 };

static bench_async shallow;
static uint64_t ran;
static double bytes_waiting;

static lambda_status count_event(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    ran++;
    return bench_event_handler(event, context, response);
}

static double resident_bytes(void)
{
    unsigned long long all = 0;
    unsigned long long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%llu %llu", &all, &resident) != 2) resident = 0;
    if (file) fclose(file);
    return (double)resident * 4096;
}

static void open_filled(bench_async *filled, uint64_t events)
{
    static lambda_bytes batch[LAMBDA_ASYNC_BATCH_MAX];
    lambda_options options = {.executor = {.kind = LAMBDA_EXECUTOR_NONE}};
    bench_check(NULL, lambda_queue_memory_open(
                          &(lambda_queue_memory_options){.max_messages = 12000000, .max_bytes = UINT64_C(8) << 30},
                          &options.queue));
    for (size_t i = 0; i < LAMBDA_ASYNC_BATCH_MAX; i++)
        batch[i] = lambda_bytes_make(bench_event, BENCH_EVENT_SIZE);
    bench_async_open(filled, &options, count_event);
    for (uint64_t left = events; left > 0;) {
        size_t count = left < LAMBDA_ASYNC_BATCH_MAX ? (size_t)left : LAMBDA_ASYNC_BATCH_MAX;
        bench_check(filled->lambda, lambda_invoke_async_batch(filled->lambda, "f", batch, count, NULL, NULL));
        left -= count;
    }
}

static void open_depths(void)
{
    open_filled(&shallow, SHALLOW);
    double before = resident_bytes();
    open_filled(&service, DEEP);
    bytes_waiting = (resident_bytes() - before) / DEEP;
}

static void close_depths(void)
{
    bench_async_close(&service);
    bench_async_close(&shallow);
}

static void push_and_pump(bench_async *filled, uint64_t operations)
{
    uint64_t until = ran;
    for (uint64_t i = 0; i < operations; i++) {
        bench_async_push(filled, 1);
        until++;
        while (ran < until)
            bench_check(filled->lambda, lambda_pump(filled->lambda, 0, NULL));
    }
}

static void push_and_pump_deep(uint64_t operations)
{
    push_and_pump(&service, operations);
}

static void push_and_pump_shallow(uint64_t operations)
{
    push_and_pump(&shallow, operations);
}

static void print_bytes(void)
{
    printf("%22s %.0f bytes of memory an event that waits\n", "", bytes_waiting);
}

const bench bench_async_depth = {.name = "async_depth",
                                 .what = "one event pushed and one run, with 10,000,000 waiting",
                                 .yardstick = "the same with 1,000 waiting",
                                 .target = 1.3,
                                 .open = open_depths,
                                 .product = push_and_pump_deep,
                                 .compare = push_and_pump_shallow,
                                 .close = close_depths,
                                 .remark = print_bytes};
