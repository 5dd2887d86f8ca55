/* Asynchronous invocation on real threads: many producers and workers, waiting, handlers that block, closing under load. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "service.h"

enum { PRODUCERS = 4, EACH = 500, ALL = PRODUCERS * EACH };

typedef struct world {
    lambda_t *lambda;
    _Atomic uint32_t runs[ALL];
    _Atomic uint32_t told[ALL];
    _Atomic uint64_t ran;
    _Atomic uint64_t told_count;
    _Atomic uint64_t wrong;
    _Atomic uint32_t inside;
    _Atomic uint32_t peak;
    lambda_async_options options;
    lambda_async_options slots[ALL];
} world;

static world w;

/* A gate: handlers stand at it until the test opens it. */
static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static uint32_t gate_waiting;

static void gate_set(bool open)
{
    pthread_mutex_lock(&gate_mutex);
    gate_open = open;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_mutex);
}

static void gate_pass(void)
{
    pthread_mutex_lock(&gate_mutex);
    gate_waiting++;
    pthread_cond_broadcast(&gate_changed);
    while (!gate_open)
        pthread_cond_wait(&gate_changed, &gate_mutex);
    gate_waiting--;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_mutex);
}

/** Returns when so many stand at the gate. */
static void gate_await(uint32_t count)
{
    pthread_mutex_lock(&gate_mutex);
    while (gate_waiting != count)
        pthread_cond_wait(&gate_changed, &gate_mutex);
    pthread_mutex_unlock(&gate_mutex);
}

static lambda_status blocks(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    (void)response;
    gate_pass();
    return LAMBDA_OK;
}

static uint64_t number_of(lambda_bytes payload)
{
    char text[16] = "";
    memcpy(text, payload.data, payload.length < sizeof(text) ? payload.length : sizeof(text) - 1);
    return strtoull(text, NULL, 10);
}

static lambda_status counts(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)context;
    (void)response;
    uint32_t now = atomic_fetch_add(&w.inside, 1) + 1;
    uint32_t most = atomic_load(&w.peak);
    while (now > most && !atomic_compare_exchange_weak(&w.peak, &most, now))
        ;
    atomic_fetch_add(&w.runs[number_of(lambda_event_payload(event))], 1);
    atomic_fetch_add(&w.ran, 1);
    atomic_fetch_sub(&w.inside, 1);
    return LAMBDA_OK;
}

static void told(void *user, const lambda_async_outcome *outcome)
{
    if (outcome->condition != LAMBDA_ASYNC_SUCCESS && outcome->condition != LAMBDA_ASYNC_PURGED)
        atomic_fetch_add(&w.wrong, 1);
    atomic_fetch_add(&w.told[(size_t)(uintptr_t)user], 1);
    atomic_fetch_add(&w.told_count, 1);
}

static void open_world(lambda_options *options)
{
    memset(&w, 0, sizeof(w));
    gate_set(false);
    w.lambda = test_open(options);
}

static lambda_async_statistics statistics(void)
{
    lambda_async_statistics now;
    assert_ok(w.lambda, lambda_async_statistics_get(w.lambda, &now));
    return now;
}

static lambda_status push_number(const char *function, uint64_t number, uint32_t wait_ms, lambda_request_id *id)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%d", (int)number);
    lambda_async_options options = {.wait_ms = wait_ms};
    /* Every other one is told of, so that both roads are gone. */
    if (number % 2) {
        options.callback = told;
        options.user = (void *)(uintptr_t)number;
    }
    return lambda_invoke_async(w.lambda, function, lambda_bytes_make(text, (size_t)length), &options, id);
}

/** Pushes its numbers, waiting for room; waits for one of them now and then. */
static void *produce(void *user)
{
    uint64_t first = (uint64_t)(uintptr_t)user * EACH;
    for (uint64_t i = 0; i < EACH; i++) {
        lambda_request_id id;
        if (push_number("f", first + i, LAMBDA_WAIT_FOREVER, &id) != LAMBDA_OK) atomic_fetch_add(&w.wrong, 1);
        if (i % 16 == 0 && lambda_async_wait(w.lambda, id, LAMBDA_WAIT_FOREVER) != LAMBDA_OK)
            atomic_fetch_add(&w.wrong, 1);
    }
    if (lambda_async_wait_all(w.lambda, LAMBDA_WAIT_FOREVER) != LAMBDA_OK) atomic_fetch_add(&w.wrong, 1);
    return NULL;
}

static bool visit(void *user, const lambda_async_event *event)
{
    uint64_t *seen = user;
    ++*seen;
    return event->state != LAMBDA_ASYNC_DROPPED;
}

static _Atomic bool stop_looking;

static void *look(void *user)
{
    (void)user;
    while (!atomic_load(&stop_looking)) {
        uint64_t seen = 0;
        lambda_async_statistics now;
        if (lambda_async_list(w.lambda, "f", visit, &seen) != LAMBDA_OK) atomic_fetch_add(&w.wrong, 1);
        if (lambda_async_statistics_get(w.lambda, &now) != LAMBDA_OK) atomic_fetch_add(&w.wrong, 1);
        if (lambda_async_purge(w.lambda, "other", &seen) != LAMBDA_OK || seen != 0) atomic_fetch_add(&w.wrong, 1);
    }
    return NULL;
}

static void produce_all(void)
{
    pthread_t producers[PRODUCERS];
    pthread_t looker;
    atomic_store(&stop_looking, false);
    assert_int_equal(pthread_create(&looker, NULL, look, NULL), 0);
    for (size_t i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&producers[i], NULL, produce, (void *)i), 0);
    for (size_t i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i], NULL);
    atomic_store(&stop_looking, true);
    pthread_join(looker, NULL);
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, LAMBDA_WAIT_FOREVER));
    assert_int_equal(atomic_load(&w.wrong), 0);
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(atomic_load(&w.runs[i]), 1);
    lambda_async_statistics now = statistics();
    assert_int_equal(now.accepted, ALL);
    assert_int_equal(now.succeeded, ALL);
    assert_int_equal(now.waiting + now.delayed + now.running, 0);
    /* A callback may be under way still when nothing is left in the queue: the close waits for it. */
    assert_int_equal(lambda_close(w.lambda), 0);
    assert_int_equal(atomic_load(&w.told_count), ALL / 2);
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(atomic_load(&w.told[i]), i % 2);
}

static void every_event_runs_once(void **state)
{
    (void)state;
    open_world(&(lambda_options){.async_workers = 3});
    test_create(w.lambda, "f", counts, NULL);
    produce_all();
}

static void producers_wait_for_room(void **state)
{
    (void)state;
    lambda_options options = {.async_workers = 2};
    assert_int_equal(lambda_queue_memory_open(&(lambda_queue_memory_options){.max_messages = 3}, &options.queue),
                     LAMBDA_OK);
    open_world(&options);
    test_create(w.lambda, "f", counts, NULL);
    produce_all();
}

static void in_handlers_of_their_own_threads(void **state)
{
    (void)state;
    open_world(&(lambda_options){.async_workers = 3});
    assert_ok(w.lambda,
              lambda_function_create(w.lambda, &(lambda_function_config){.function_name = "f",
                                                                         .isolation = LAMBDA_ISOLATION_THREAD,
                                                                         .code = lambda_code_native(counts, NULL)}));
    produce_all();
}

/* ---- handlers that block */

static void a_slow_handler_holds_up_nobody(void **state)
{
    (void)state;
    open_world(&(lambda_options){.async_workers = 3});
    test_create(w.lambda, "slow", blocks, NULL);
    test_create(w.lambda, "f", counts, NULL);
    lambda_request_id slow;
    lambda_request_id ids[100];
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "slow", LAMBDA_JSON("0"), NULL, &slow));
    gate_await(1);
    for (uint64_t i = 0; i < 100; i++)
        assert_ok(w.lambda, push_number("f", i, 0, &ids[i]));
    for (uint64_t i = 0; i < 100; i++)
        assert_ok(w.lambda, lambda_async_wait(w.lambda, ids[i], LAMBDA_WAIT_FOREVER));
    assert_int_equal(atomic_load(&w.ran), 100);
    assert_int_equal(statistics().running, 1);
    assert_fails(w.lambda, lambda_async_wait(w.lambda, slow, 1), LAMBDA_ERROR_TOO_MANY_REQUESTS, "timeout_ms");
    assert_fails(w.lambda, lambda_async_wait_all(w.lambda, 1), LAMBDA_ERROR_TOO_MANY_REQUESTS, "timeout_ms");
    gate_set(true);
    assert_ok(w.lambda, lambda_async_wait(w.lambda, slow, LAMBDA_WAIT_FOREVER));
    assert_int_equal(lambda_close(w.lambda), 0);
}

static lambda_request_id waited_for;

static void *wait_for_it(void *user)
{
    (void)user;
    if (lambda_async_wait(w.lambda, waited_for, LAMBDA_WAIT_FOREVER) != LAMBDA_OK) atomic_fetch_add(&w.wrong, 1);
    return NULL;
}

static void several_wait_for_one(void **state)
{
    (void)state;
    pthread_t threads[4];
    open_world(&(lambda_options){.async_workers = 2});
    test_create(w.lambda, "slow", blocks, NULL);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "slow", LAMBDA_JSON("0"), NULL, &waited_for));
    gate_await(1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, NULL), 0);
    gate_set(true);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&w.wrong), 0);
    assert_int_equal(lambda_close(w.lambda), 0);
}

static void reserved_concurrency_holds_for_workers(void **state)
{
    (void)state;
    open_world(&(lambda_options){.async_workers = 4, .log_level = LAMBDA_LOG_OFF, .system_log_level = LAMBDA_LOG_OFF});
    test_create(w.lambda, "f", counts, NULL);
    assert_ok(w.lambda, lambda_function_concurrency_put(w.lambda, "f", 1));
    for (uint64_t i = 0; i < ALL; i++)
        assert_ok(w.lambda, push_number("f", i, 0, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, LAMBDA_WAIT_FOREVER));
    assert_int_equal(atomic_load(&w.peak), 1);
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(atomic_load(&w.runs[i]), 1);
    assert_int_equal(statistics().succeeded, ALL);
    assert_int_equal(lambda_close(w.lambda), 0);
}

/* ---- purging under load */

static void what_is_purged_is_told_of_once(void **state)
{
    (void)state;
    open_world(&(lambda_options){.async_workers = 2});
    test_create(w.lambda, "f", counts, NULL);
    uint64_t purged = 0;
    for (uint64_t i = 0; i < ALL; i++) {
        uint64_t some = 0;
        assert_ok(w.lambda, push_number("f", i, 0, NULL));
        if (i % 50 == 49) assert_ok(w.lambda, lambda_async_purge(w.lambda, i % 100 == 99 ? "f" : NULL, &some));
        purged += some;
    }
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, LAMBDA_WAIT_FOREVER));
    lambda_async_statistics now = statistics();
    assert_int_equal(now.accepted, ALL);
    assert_int_equal(now.purged, purged);
    assert_int_equal(now.succeeded + now.purged, ALL);
    assert_int_equal(atomic_load(&w.ran), now.succeeded);
    assert_int_equal(lambda_close(w.lambda), 0);
    for (size_t i = 0; i < ALL; i++)
        assert_int_equal(atomic_load(&w.told[i]), i % 2);
    assert_int_equal(atomic_load(&w.wrong), 0);
}

/* ---- closing */

typedef struct handed {
    _Atomic uint64_t count;
    _Atomic uint64_t running;
} handed;

static void take_back(void *user, const lambda_async_event *event)
{
    handed *what = user;
    atomic_fetch_add(&what->count, 1);
    if (event->state == LAMBDA_ASYNC_RUNNING) atomic_fetch_add(&what->running, 1);
}

static _Atomic uint64_t pushed_by_handlers;

/** Counts, and pushes another until there are enough. */
static lambda_status multiplies(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    atomic_fetch_add(&w.ran, 1);
    if (atomic_load(&pushed_by_handlers) >= 400) return LAMBDA_OK;
    for (int i = 0; i < 2; i++) {
        lambda_status status = lambda_invoke_async(lambda_context_service(context), "f", LAMBDA_JSON("0"), NULL, NULL);
        if (status == LAMBDA_OK)
            atomic_fetch_add(&pushed_by_handlers, 1);
        else if (status != LAMBDA_ERROR_SERVICE)
            atomic_fetch_add(&w.wrong, 1);
    }
    return LAMBDA_OK;
}

static void close_while_handlers_push(uint32_t drain_ms)
{
    handed back = {0};
    open_world(&(lambda_options){.async_workers = 3});
    atomic_store(&pushed_by_handlers, 0);
    test_create(w.lambda, "f", multiplies, NULL);
    assert_ok(w.lambda, lambda_function_recursion_config_put(w.lambda, "f", LAMBDA_RECURSIVE_LOOP_ALLOW));
    for (int i = 0; i < 10; i++)
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("0"), NULL, NULL));
    lambda_close_options options = {.drain_ms = drain_ms, .returned = take_back, .user = &back};
    assert_int_equal(lambda_close_with(w.lambda, &options), 0);
    assert_int_equal(atomic_load(&w.wrong), 0);
    assert_int_equal(atomic_load(&w.ran) + atomic_load(&back.count), 10 + atomic_load(&pushed_by_handlers));
    if (drain_ms == LAMBDA_WAIT_FOREVER) assert_int_equal(atomic_load(&back.count), 0);
}

static void closing_while_handlers_push(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        close_while_handlers_push(0);
        close_while_handlers_push(LAMBDA_WAIT_FOREVER);
    }
}

static void *push_into_a_full_queue(void *user)
{
    lambda_status status = push_number("slow", 0, LAMBDA_WAIT_FOREVER, NULL);
    (void)user;
    if (status != LAMBDA_ERROR_SERVICE) atomic_fetch_add(&w.wrong, 1);
    return NULL;
}

static void *wait_until_it_closes(void *user)
{
    lambda_status status = user ? lambda_async_wait_all(w.lambda, LAMBDA_WAIT_FOREVER)
                                : lambda_async_wait(w.lambda, waited_for, LAMBDA_WAIT_FOREVER);
    if (status != LAMBDA_ERROR_SERVICE) atomic_fetch_add(&w.wrong, 1);
    return NULL;
}

static _Atomic uint64_t freed; /* the service's memory, at the end */

static void released(void *user, void *data)
{
    (void)user;
    if (data) atomic_fetch_sub(&freed, 1);
    free(data);
}

static void *allocated(void *user, size_t size)
{
    (void)user;
    void *data = malloc(size);
    if (data) atomic_fetch_add(&freed, 1);
    return data;
}

static void *reallocated(void *user, void *data, size_t size)
{
    (void)user;
    if (!data) return allocated(user, size);
    return realloc(data, size);
}

/** Threads that are in a call which waits, as far as the service knows. */
static void await_callers(uint32_t count)
{
    lambda_async_statistics now;
    for (uint32_t seen = 0; seen < count;) {
        seen = 0;
        lambda_async_statistics_get(w.lambda, &now);
        for (uint32_t i = 0; i < LAMBDA__THREADS_MAX; i++) {
            lambda__thread *each = atomic_load(&w.lambda->base.threads[i]);
            if (each && atomic_load(&each->depth) && !atomic_load(&each->working)) seen++;
        }
        sched_yield();
    }
}

static void a_close_ends_those_who_wait(void **state)
{
    (void)state;
    pthread_t threads[3];
    handed back = {0};
    lambda_options options = {.async_workers = 1,
                              .close_grace_ms = 1,
                              .allocator = {.allocate = allocated, .reallocate = reallocated, .release = released}};
    assert_int_equal(lambda_queue_memory_open(&(lambda_queue_memory_options){.max_messages = 2}, &options.queue),
                     LAMBDA_OK);
    open_world(&options);
    test_create(w.lambda, "slow", blocks, NULL);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "slow", LAMBDA_JSON("0"), NULL, NULL));
    gate_await(1);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "slow", LAMBDA_JSON("0"),
                                            &(lambda_async_options){.callback = NULL}, &waited_for));
    assert_int_equal(pthread_create(&threads[0], NULL, push_into_a_full_queue, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, wait_until_it_closes, NULL), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, wait_until_it_closes, &w), 0);
    await_callers(3);
    /* The handler is still at the gate: it is given up, and its event handed back with the one that waits. */
    lambda_close_options closing = {.returned = take_back, .user = &back};
    assert_int_equal(lambda_close_with(w.lambda, &closing), 1);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&w.wrong), 0);
    assert_int_equal(atomic_load(&back.count), 2);
    assert_int_equal(atomic_load(&back.running), 1);
    gate_set(true);
    /* The last piece of work frees the service. */
    while (atomic_load(&freed) > 0)
        sched_yield();
}

static void what_overruns_the_grace_is_given_up(lambda_isolation isolation)
{
    handed back = {0};
    open_world(&(lambda_options){.async_workers = 2,
                                 .close_grace_ms = 1,
                                 .allocator = {.allocate = allocated, .reallocate = reallocated, .release = released}});
    lambda_function_config config = {
        .function_name = "slow", .isolation = isolation, .code = lambda_code_native(blocks, NULL)};
    assert_ok(w.lambda, lambda_function_create(w.lambda, &config));
    for (int i = 0; i < 5; i++)
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "slow", LAMBDA_JSON("0"), NULL, NULL));
    gate_await(2);
    lambda_close_options closing = {.drain_ms = 1, .returned = take_back, .user = &back};
    assert_true(lambda_close_with(w.lambda, &closing) >= 2);
    assert_int_equal(atomic_load(&back.count), 5);
    gate_set(true);
    while (atomic_load(&freed) > 0)
        sched_yield();
}

static void handlers_that_overrun_the_grace(void **state)
{
    (void)state;
    what_overruns_the_grace_is_given_up(LAMBDA_ISOLATION_INLINE);
    what_overruns_the_grace_is_given_up(LAMBDA_ISOLATION_THREAD);
}

static void a_timeout_is_a_function_error(void **state)
{
    (void)state;
    open_world(&(lambda_options){.async_workers = 2});
    lambda_function_config config = {.function_name = "slow",
                                     .isolation = LAMBDA_ISOLATION_THREAD,
                                     .timeout_ms = 1,
                                     .code = lambda_code_native(blocks, NULL)};
    assert_ok(w.lambda, lambda_function_create(w.lambda, &config));
    lambda_request_id id;
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "slow", LAMBDA_JSON("0"), NULL, &id));
    while (statistics().retries == 0)
        sched_yield();
    lambda_async_event *event = NULL;
    lambda_status status;
    while ((status = lambda_async_get(w.lambda, id, &event)) == LAMBDA_OK && event->state != LAMBDA_ASYNC_DELAYED) {
        lambda_async_event_free(event);
        sched_yield();
    }
    assert_int_equal(status, LAMBDA_OK);
    assert_int_equal(event->attempts, 1);
    lambda_async_event_free(event);
    gate_set(true);
    gate_await(0);
    uint64_t purged = 0;
    assert_ok(w.lambda, lambda_async_purge(w.lambda, NULL, &purged));
    assert_int_equal(purged, 1);
    assert_int_equal(lambda_close(w.lambda), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_runs_once),
        cmocka_unit_test(producers_wait_for_room),
        cmocka_unit_test(in_handlers_of_their_own_threads),
        cmocka_unit_test(a_slow_handler_holds_up_nobody),
        cmocka_unit_test(several_wait_for_one),
        cmocka_unit_test(reserved_concurrency_holds_for_workers),
        cmocka_unit_test(what_is_purged_is_told_of_once),
        cmocka_unit_test(closing_while_handlers_push),
        cmocka_unit_test(a_close_ends_those_who_wait),
        cmocka_unit_test(handlers_that_overrun_the_grace),
        cmocka_unit_test(a_timeout_is_a_function_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
