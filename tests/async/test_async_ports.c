/* Asynchronous invocation with other ports: no executor, a host's threads, a queue that others share, a queue that outlives the service. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/clock_virtual.h>
#include <lambda/testing.h>

#define SECOND UINT64_C(1000000000)

static _Atomic uint32_t runs;
static uint32_t failures; /* so many runs fail first */

static lambda_status count(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    if (atomic_fetch_add(&runs, 1) < failures) return lambda_response_error(response, "Broken", "it is broken");
    return LAMBDA_OK;
}

static void begin(uint32_t fail)
{
    atomic_store(&runs, 0);
    failures = fail;
}

static lambda_async_statistics statistics(lambda_t *lambda)
{
    lambda_async_statistics now;
    assert_ok(lambda, lambda_async_statistics_get(lambda, &now));
    return now;
}

static void push(lambda_t *lambda, const char *name, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        assert_ok(lambda, lambda_invoke_async(lambda, name, LAMBDA_JSON("1"), NULL, NULL));
}

/* ---- no executor */

static void pumping_runs_one_at_a_time(void **state)
{
    (void)state;
    test_clock clock = {.monotonic = 1, .wall = 1};
    lambda_pump_report report;
    begin(1);
    lambda_t *lambda =
        test_open(&(lambda_options){.clock = test_clock_port(&clock), .executor = {.kind = LAMBDA_EXECUTOR_NONE}});
    test_create(lambda, "f", count, NULL);
    assert_ok(lambda, lambda_pump(lambda, 0, &report));
    assert_int_equal(report.done, 0);
    push(lambda, "f", 3);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_ok(lambda, lambda_pump(lambda, 0, &report));
        assert_int_equal(atomic_load(&runs), i);
        assert_int_equal(report.more, i < 3);
        assert_int_equal(report.next_due_ns, i < 3 ? 0 : 60 * SECOND);
    }
    atomic_fetch_add(&clock.monotonic, 60 * SECOND - 1);
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, &report));
    assert_int_equal(atomic_load(&runs), 3);
    assert_int_equal(report.next_due_ns, 1);
    atomic_fetch_add(&clock.monotonic, 1);
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, &report));
    assert_int_equal(atomic_load(&runs), 4);
    assert_int_equal(statistics(lambda).succeeded, 3);
    /* Who waits pumps. */
    push(lambda, "f", 5);
    assert_ok(lambda, lambda_async_wait_all(lambda, LAMBDA_WAIT_FOREVER));
    lambda_request_id id;
    assert_ok(lambda, lambda_invoke_async(lambda, "f", LAMBDA_JSON("1"), NULL, &id));
    assert_ok(lambda, lambda_async_wait(lambda, id, LAMBDA_WAIT_FOREVER));
    assert_int_equal(atomic_load(&runs), 10);
    assert_int_equal(lambda_close(lambda), 0);
}

/* ---- a host's threads */

typedef struct piece {
    void (*work)(void *argument);
    void *argument;
} piece;

static void *run_piece(void *user)
{
    piece taken = *(piece *)user;
    free(user);
    taken.work(taken.argument);
    return NULL;
}

static lambda_status start(void *user, void (*work)(void *argument), void *argument)
{
    (void)user;
    pthread_t thread;
    piece *made = malloc(sizeof(*made));
    if (!made) return LAMBDA_ERROR_OUT_OF_MEMORY;
    *made = (piece){work, argument};
    if (pthread_create(&thread, NULL, run_piece, made) != 0) {
        free(made);
        return LAMBDA_ERROR_SERVICE;
    }
    pthread_detach(thread);
    return LAMBDA_OK;
}

typedef struct waiting {
    lambda_t *lambda;
    lambda_request_id id;
    lambda_status status;
} waiting;

static void *wait_for_one(void *user)
{
    waiting *what = user;
    what->status = lambda_async_wait(what->lambda, what->id, LAMBDA_WAIT_FOREVER);
    return NULL;
}

static _Atomic uint32_t entered;
static _Atomic bool leave;

/** Its first run stays until the test says so, and fails. */
static lambda_status stays(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    atomic_fetch_add(&entered, 1);
    while (!atomic_load(&leave))
        sched_yield();
    return atomic_fetch_add(&runs, 1) == 0 ? lambda_response_error(response, "Broken", "it is broken") : LAMBDA_OK;
}

static void who_waits_runs_what_becomes_due_later(void **state)
{
    (void)state;
    static test_clock clock;
    pthread_t thread;
    begin(0);
    clock = (test_clock){.monotonic = 1, .wall = 1};
    atomic_store(&entered, 0);
    atomic_store(&leave, false);
    lambda_t *lambda = test_open(&(lambda_options){.clock = test_clock_port(&clock),
                                                   .executor = {.kind = LAMBDA_EXECUTOR_HOST, .start = start}});
    test_create(lambda, "f", stays, NULL);
    waiting what = {.lambda = lambda};
    assert_ok(lambda, lambda_invoke_async(lambda, "f", LAMBDA_JSON("1"), NULL, &what.id));
    while (atomic_load(&entered) == 0)
        sched_yield();
    /* It looks, finds nothing due, and waits; only afterwards the event fails, and there is something to be done in a minute. */
    assert_int_equal(pthread_create(&thread, NULL, wait_for_one, &what), 0);
    atomic_store(&leave, true);
    while (statistics(lambda).delayed == 0)
        sched_yield();
    atomic_fetch_add(&clock.monotonic, 61 * SECOND);
    pthread_join(thread, NULL);
    assert_int_equal(what.status, LAMBDA_OK);
    assert_int_equal(atomic_load(&runs), 2);
    assert_int_equal(lambda_close(lambda), 0);
}

static void a_host_of_threads_runs_thousands(void **state)
{
    (void)state;
    begin(0);
    lambda_t *lambda =
        test_open(&(lambda_options){.async_workers = 3, .executor = {.kind = LAMBDA_EXECUTOR_HOST, .start = start}});
    test_create(lambda, "f", count, NULL);
    push(lambda, "f", 2000);
    assert_ok(lambda, lambda_async_wait_all(lambda, LAMBDA_WAIT_FOREVER));
    assert_int_equal(atomic_load(&runs), 2000);
    assert_int_equal(lambda_close(lambda), 0);
}

/* ---- a queue around the one in memory */

typedef struct wrapper {
    lambda_queue inner;
    _Atomic uint32_t extends;
    _Atomic uint32_t closes;
    uint32_t failing; /* so many receives fail first */
} wrapper;

static lambda_status wrap_attach(void *user, const lambda_queue_host *host)
{
    wrapper *w = user;
    return w->inner.attach(w->inner.user, host);
}

static lambda_status wrap_push(void *user, const lambda_queue_entry *entries, size_t entries_count)
{
    wrapper *w = user;
    return w->inner.push(w->inner.user, entries, entries_count);
}

static lambda_status wrap_receive(void *user, lambda_queue_message *messages, size_t capacity, uint64_t visible_ns,
                                  size_t *received)
{
    wrapper *w = user;
    *received = 0;
    if (w->failing > 0) {
        w->failing--;
        return LAMBDA_ERROR_SERVICE;
    }
    return w->inner.receive(w->inner.user, messages, capacity, visible_ns, received);
}

static lambda_status wrap_acknowledge(void *user, const lambda_queue_message *messages, size_t messages_count,
                                      const lambda_queue_entry *entries, size_t entries_count)
{
    wrapper *w = user;
    return w->inner.acknowledge(w->inner.user, messages, messages_count, entries, entries_count);
}

static lambda_status wrap_retry(void *user, const lambda_queue_message *message, uint64_t word, uint64_t delay_ns)
{
    wrapper *w = user;
    return w->inner.retry(w->inner.user, message, word, delay_ns);
}

static lambda_status wrap_extend(void *user, const lambda_queue_message *messages, size_t messages_count,
                                 uint64_t visible_ns)
{
    wrapper *w = user;
    atomic_fetch_add(&w->extends, 1);
    return w->inner.extend(w->inner.user, messages, messages_count, visible_ns);
}

static uint64_t wrap_next_due(void *user)
{
    wrapper *w = user;
    return w->inner.next_due(w->inner.user);
}

static lambda_status wrap_counts(void *user, lambda_queue_counts *counts)
{
    wrapper *w = user;
    return w->inner.counts(w->inner.user, counts);
}

static lambda_status wrap_browse(void *user, lambda_queue_visitor *visit, void *visit_user)
{
    wrapper *w = user;
    return w->inner.browse(w->inner.user, visit, visit_user);
}

static lambda_status wrap_purge(void *user, lambda_queue_visitor *chosen, void *chosen_user, uint64_t *purged)
{
    wrapper *w = user;
    return w->inner.purge(w->inner.user, chosen, chosen_user, purged);
}

/** What is in it stays. */
static void wrap_close(void *user)
{
    wrapper *w = user;
    atomic_fetch_add(&w->closes, 1);
}

static lambda_queue wrap(wrapper *w)
{
    *w = (wrapper){0};
    assert_int_equal(lambda_queue_memory_open(NULL, &w->inner), LAMBDA_OK);
    return (lambda_queue){.attach = wrap_attach,
                          .push = wrap_push,
                          .receive = wrap_receive,
                          .acknowledge = wrap_acknowledge,
                          .retry = wrap_retry,
                          .extend = wrap_extend,
                          .next_due = wrap_next_due,
                          .counts = wrap_counts,
                          .browse = wrap_browse,
                          .purge = wrap_purge,
                          .close = wrap_close,
                          .user = w};
}

static void ignore(void *user, const lambda_async_event *event)
{
    (void)event;
    ++*(uint32_t *)user;
}

static void a_queue_outlives_its_service(void **state)
{
    (void)state;
    static wrapper w;
    static test_memory memory;
    test_clock clock = {.monotonic = 1, .wall = 1};
    uint32_t returned = 0;
    lambda_options options = {.queue = wrap(&w),
                              .clock = test_clock_port(&clock),
                              .allocator = test_allocator(&memory),
                              .executor = {.kind = LAMBDA_EXECUTOR_NONE}};
    options.queue.durable = true;
    begin(1);
    lambda_t *lambda = test_open(&options);
    test_create(lambda, "f", count, NULL);
    push(lambda, "f", 3);
    assert_ok(lambda, lambda_pump(lambda, 0, NULL));
    /* One has failed and waits for its minute, two are as they were; nobody is handed them. */
    assert_int_equal(lambda_close_with(lambda, &(lambda_close_options){.returned = ignore, .user = &returned}), 0);
    assert_int_equal(returned, 0);
    assert_int_equal(atomic_load(&w.closes), 1);
    lambda = test_open(&options);
    assert_int_equal(statistics(lambda).waiting, 2);
    assert_int_equal(statistics(lambda).delayed, 1);
    /* Not before the host has had time to create its functions. */
    lambda_pump_report report;
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, &report));
    assert_int_equal(atomic_load(&runs), 1);
    assert_true(report.next_due_ns > 0 && report.next_due_ns <= SECOND);
    test_create(lambda, "f", count, NULL);
    atomic_fetch_add(&clock.monotonic, SECOND);
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, &report));
    assert_int_equal(atomic_load(&runs), 3);
    atomic_fetch_add(&clock.monotonic, 60 * SECOND);
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, NULL));
    assert_int_equal(atomic_load(&runs), 4);
    assert_int_equal(statistics(lambda).succeeded, 3);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(atomic_load(&w.closes), 2);
    w.inner.close(w.inner.user);
    assert_int_equal(atomic_load(&memory.live), 0);
}

static test_clock shared_clock;

/** Takes longer than a receiver of a shared queue has, the first time, and somebody looks meanwhile. */
static lambda_status overruns(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    if (atomic_fetch_add(&runs, 1) > 0) return LAMBDA_OK;
    atomic_fetch_add(&shared_clock.monotonic, 1300 * SECOND);
    assert_int_equal(statistics(lambda_context_service(context)).waiting, 1);
    return LAMBDA_OK;
}

static void who_is_late_in_a_shared_queue_loses_the_event(void **state)
{
    (void)state;
    static wrapper w;
    begin(0);
    shared_clock = (test_clock){.monotonic = 1, .wall = 1};
    lambda_options options = {
        .queue = wrap(&w), .clock = test_clock_port(&shared_clock), .executor = {.kind = LAMBDA_EXECUTOR_NONE}};
    options.queue.shared = true;
    lambda_t *lambda = test_open(&options);
    lambda_function_config config = {
        .function_name = "f", .timeout_ms = 900000, .code = lambda_code_native(overruns, NULL)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    push(lambda, "f", 1);
    assert_ok(lambda, lambda_pump(lambda, 0, NULL));
    assert_int_equal(atomic_load(&runs), 1);
    /* It was late: what came of it counts no more, and another receiver may have the event. Here it is this one again, at once. */
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, NULL));
    assert_int_equal(atomic_load(&runs), 2);
    assert_int_equal(statistics(lambda).succeeded, 1);
    assert_int_equal(statistics(lambda).waiting + statistics(lambda).delayed + statistics(lambda).running, 0);
    assert_int_equal(lambda_close(lambda), 0);
    w.inner.close(w.inner.user);
}

/** The 40th takes five minutes. */
static lambda_status slow_once(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    (void)response;
    if (atomic_fetch_add(&runs, 1) + 1 == 40) atomic_fetch_add(&shared_clock.monotonic, 300 * SECOND);
    return LAMBDA_OK;
}

static void those_received_with_a_slow_one_are_extended(void **state)
{
    (void)state;
    static wrapper w;
    begin(0);
    shared_clock = (test_clock){.monotonic = 1, .wall = 1};
    lambda_options options = {.queue = wrap(&w), .clock = test_clock_port(&shared_clock), .async_workers = 1};
    options.queue.shared = true;
    lambda_t *lambda = test_open(&options);
    lambda_function_config config = {
        .function_name = "f", .timeout_ms = 900000, .code = lambda_code_native(slow_once, NULL)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    lambda_bytes payloads[200];
    for (size_t i = 0; i < 200; i++)
        payloads[i] = LAMBDA_JSON("1");
    assert_ok(lambda, lambda_invoke_async_batch(lambda, "f", payloads, 200, NULL, NULL));
    assert_ok(lambda, lambda_async_wait_all(lambda, LAMBDA_WAIT_FOREVER));
    assert_int_equal(atomic_load(&runs), 200);
    /* By then a worker takes many at once: those behind it are kept for longer, once. */
    assert_int_equal(atomic_load(&w.extends), 1);
    assert_int_equal(statistics(lambda).succeeded, 200);
    assert_int_equal(lambda_close(lambda), 0);
    w.inner.close(w.inner.user);
}

static void a_queue_that_gives_nothing_is_asked_again_later(void **state)
{
    (void)state;
    static wrapper w;
    lambda_clock_virtual *clock;
    begin(0);
    assert_int_equal(lambda_clock_virtual_open(5, 0, &clock), LAMBDA_OK);
    lambda_options options = {.queue = wrap(&w), .async_workers = 2};
    lambda_clock_virtual_options(clock, &options);
    lambda_test_log *log = lambda_test_log_new();
    options.log[0] = lambda_test_log_sink(log);
    options.log_level = LAMBDA_LOG_ERROR;
    options.system_log_level = LAMBDA_LOG_WARN;
    lambda_t *lambda = test_open(&options);
    test_create(lambda, "f", count, NULL);
    w.failing = 5;
    push(lambda, "f", 1);
    lambda_clock_virtual_step(clock, SECOND / 2);
    assert_int_equal(lambda_test_log_count(log, "nothing could be received"), 1);
    assert_ok(lambda, lambda_async_wait_all(lambda, LAMBDA_WAIT_FOREVER));
    assert_int_equal(atomic_load(&runs), 1);
    assert_int_equal(lambda_clock_virtual_now(clock), 5 * SECOND);
    assert_int_equal(lambda_close(lambda), 0);
    w.inner.close(w.inner.user);
    lambda_test_log_free(log);
    lambda_clock_virtual_close(clock);
}

/* ---- loops through destinations */

static void functions_that_tell_each_other_go_in_a_loop(void **state)
{
    (void)state;
    for (uint32_t fail = 0; fail < 2; fail++) {
        lambda_clock_virtual *clock;
        lambda_options options = {.async_workers = 2};
        begin(fail ? UINT32_MAX : 0);
        assert_int_equal(lambda_clock_virtual_open(5, 0, &clock), LAMBDA_OK);
        lambda_clock_virtual_options(clock, &options);
        lambda_t *lambda = test_open(&options);
        test_create(lambda, "f", count, NULL);
        test_create(lambda, "g", count, NULL);
        lambda_event_invoke_config config = {.on_success = "g", .on_failure = "g"};
        config.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS;
        assert_ok(lambda, lambda_event_invoke_config_put(lambda, "f", &config));
        config.on_success = config.on_failure = "f";
        assert_ok(lambda, lambda_event_invoke_config_put(lambda, "g", &config));
        push(lambda, "f", 1);
        assert_ok(lambda, lambda_async_wait_all(lambda, LAMBDA_WAIT_FOREVER));
        /* 16 times each; to tell the other that it was stopped would go on for ever. */
        assert_int_equal(atomic_load(&runs), 32);
        assert_int_equal(statistics(lambda).dropped_recursive_loop, 1);
        assert_int_equal(lambda_close(lambda), 0);
        lambda_clock_virtual_close(clock);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pumping_runs_one_at_a_time),
        cmocka_unit_test(who_waits_runs_what_becomes_due_later),
        cmocka_unit_test(a_host_of_threads_runs_thousands),
        cmocka_unit_test(a_queue_outlives_its_service),
        cmocka_unit_test(who_is_late_in_a_shared_queue_loses_the_event),
        cmocka_unit_test(those_received_with_a_slow_one_are_extended),
        cmocka_unit_test(a_queue_that_gives_nothing_is_asked_again_later),
        cmocka_unit_test(functions_that_tell_each_other_go_in_a_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
