/* What the benches of asynchronous invocation share: the event, what a function does with it, and a service that runs it. */
#ifndef LAMBDA_TESTS_BENCH_ASYNC_H
#define LAMBDA_TESTS_BENCH_ASYNC_H

#include <string.h>

#include "bench.h"

/** Every event, of products and yardsticks, is these bytes. */
#define BENCH_EVENT_SIZE 64
extern const char bench_event[BENCH_EVENT_SIZE];

/** What a function does with an event, in products and yardsticks: no more than to read it. */
static inline void bench_event_read(const void *event)
{
    uint64_t words[BENCH_EVENT_SIZE / sizeof(uint64_t)];
    uint64_t sum = 0;
    memcpy(words, event, sizeof(words));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        sum += words[i];
    volatile uint64_t kept = sum;
    (void)kept;
}

/** A handler that does that. */
lambda_status bench_event_handler(const lambda_event *event, lambda_context *context, lambda_response *response);

/** A service with one function. */
typedef struct bench_async {
    lambda_t *lambda;
    lambda_target *target;
    uint64_t accepted;
} bench_async;

void bench_async_open(bench_async *service, const lambda_options *options, lambda_handler *handler);
void bench_async_close(bench_async *service);

/** Has the worker of a service that has but one run on processor 1, and this thread on processor 0. */
void bench_async_place(bench_async *service);

/** So many events, one after the other. Several threads may. */
void bench_async_push(bench_async *service, uint64_t events);

/** Until all are done, so many since this was last called; ends the program where they are not. */
void bench_async_finish(bench_async *service, uint64_t events);

#endif
