/* Workers on real threads: several at once, what is received together, what could not be received or started, and the close. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "service.h"
#include "wrapped_queue.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND      UINT64_C(1000000000)
enum { EVENTS = 16 };

/** No test takes so long: what has not happened by then does not happen. After the first time less is waited for. */
static int patience_s = 20;
static int turns = 10000000;

typedef struct world {
    lambda_t *lambda;
    test_clock clock; /* stands still, so that nothing happens because of time alone */
    wrapped_queue queue;
    uint32_t slow_from; /* events from this number on take some time */
    uint64_t slow_ns;
    uint32_t stays;                    /* the event of this number ends when the service has stopped; 0: none does */
    _Atomic bool there;                /* it runs */
    _Atomic uint32_t runs[EVENTS];     /* of each event */
    _Atomic uint64_t received[EVENTS]; /* how many were with the worker as it began */
    _Atomic uint32_t ran;
    _Atomic uint64_t ran_at; /* the last, on the clock */
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

static uint32_t gate_count(void)
{
    pthread_mutex_lock(&gate_mutex);
    uint32_t count = gate_waiting;
    pthread_mutex_unlock(&gate_mutex);
    return count;
}

/** Opens the gate if so many do not come to stand at it, so that the test can end. */
static void gate_await(uint32_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += patience_s;
    int result = 0;
    pthread_mutex_lock(&gate_mutex);
    while (gate_waiting != count && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&gate_changed, &gate_mutex, &until);
    uint32_t waiting = gate_waiting;
    pthread_mutex_unlock(&gate_mutex);
    if (waiting == count) return;
    gate_set(true);
    patience_s = 1;
    fail_msg("%u stand at the gate, not %u", waiting, count);
}

static uint32_t number_of(lambda_bytes payload)
{
    char text[16] = "";
    memcpy(text, payload.data, payload.length < sizeof(text) ? payload.length : sizeof(text) - 1);
    return (uint32_t)strtoul(text, NULL, 10);
}

/** Until a push is refused because the service has stopped. A name that is none: while it has not, nothing is pushed. */
static void stay(lambda_t *lambda)
{
    atomic_store(&w.there, true);
    while (lambda_invoke_async(lambda, "none", LAMBDA_JSON("1"), NULL, NULL) != LAMBDA_ERROR_SERVICE)
        sched_yield();
}

/** The first stands at the gate; others take no time, or as much as the test says. */
static lambda_status handle(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)response;
    uint32_t number = number_of(lambda_event_payload(event));
    atomic_store(&w.received[number], wrapped_received(&w.queue));
    atomic_fetch_add(&w.runs[number], 1);
    atomic_store(&w.ran_at, atomic_load(&w.clock.monotonic));
    atomic_fetch_add(&w.ran, 1);
    if (number == 0) gate_pass();
    if (w.slow_from && number >= w.slow_from) atomic_fetch_add(&w.clock.monotonic, w.slow_ns);
    if (w.stays && number == w.stays) stay(lambda_context_service(context));
    return LAMBDA_OK;
}

static lambda_status blocks(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    (void)response;
    gate_pass();
    return LAMBDA_OK;
}

/** A service over a wrapped queue, whose time the test moves. */
static void open_world(uint32_t workers, bool shared, size_t stack_size)
{
    memset(&w, 0, sizeof(w));
    gate_set(false);
    wrapped_open(&w.queue);
    atomic_store(&w.clock.monotonic, SECOND);
    atomic_store(&w.clock.wall, UINT64_C(1767225600000000000));
    lambda_options options = {.async_workers = workers,
                              .clock = test_clock_port(&w.clock),
                              .queue = wrapped_port(&w.queue),
                              .executor = {.stack_size = stack_size},
                              .log_level = LAMBDA_LOG_OFF,
                              .system_log_level = LAMBDA_LOG_OFF};
    options.queue.shared = shared;
    w.lambda = test_open(&options);
    lambda_function_config config = {
        .function_name = "f", .timeout_ms = 900000, .code = lambda_code_native(handle, NULL)};
    assert_ok(w.lambda, lambda_function_create(w.lambda, &config));
    test_create(w.lambda, "blocks", blocks, NULL);
}

static void push(const char *function, uint32_t number)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%u", number);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, function, lambda_bytes_make(text, (size_t)length), NULL, NULL));
}

static lambda_async_statistics statistics(void)
{
    lambda_async_statistics now;
    assert_ok(w.lambda, lambda_async_statistics_get(w.lambda, &now));
    return now;
}

/** Lets a little time pass again and again, until so many have run: never so much that they were too old. */
static void pass_time_until_ran(uint32_t count)
{
    for (int i = 0; i < turns && atomic_load(&w.ran) < count; i++) {
        atomic_fetch_add(&w.clock.monotonic, MILLISECOND);
        assert_ok(w.lambda, lambda_pump(w.lambda, 0, NULL));
        sched_yield();
    }
    if (atomic_load(&w.ran) < count) turns /= 10;
    assert_int_equal(atomic_load(&w.ran), count);
}

/** Until nothing is left. Asked again and again, as a wait on a clock that stands still would have no end. */
static void await_all(lambda_t *lambda)
{
    lambda_async_statistics now = {.running = 1};
    for (int i = 0; i < turns && now.waiting + now.delayed + now.running > 0; i++) {
        assert_ok(lambda, lambda_async_statistics_get(lambda, &now));
        sched_yield();
    }
    if (now.waiting + now.delayed + now.running > 0) turns /= 10;
    assert_int_equal(now.waiting + now.delayed + now.running, 0);
}

/* ---- several at once */

static void as_many_run_at_once_as_there_are_workers(void **state)
{
    (void)state;
    gate_set(false);
    lambda_t *lambda = test_open(&(lambda_options){.async_workers = 4});
    test_create(lambda, "blocks", blocks, NULL);
    for (int i = 0; i < 6; i++)
        assert_ok(lambda, lambda_invoke_async(lambda, "blocks", LAMBDA_JSON("1"), NULL, NULL));
    /* Each waits for all the others. */
    gate_await(4);
    lambda_async_statistics now;
    assert_ok(lambda, lambda_async_statistics_get(lambda, &now));
    assert_int_equal(now.running, 4);
    assert_int_equal(now.waiting, 2);
    gate_set(true);
    await_all(lambda);
    assert_int_equal(lambda_close(lambda), 0);
}

static void a_worker_that_finds_more_calls_another(void **state)
{
    (void)state;
    open_world(4, false, 0);
    /* The clock stands still, and so does the watch: those who come were called by one another. */
    atomic_store(&w.queue.hidden, true);
    for (uint32_t i = 0; i < 4; i++)
        push("blocks", i);
    while (atomic_load(&w.queue.receives) == 0)
        sched_yield();
    atomic_store(&w.queue.hidden, false);
    wrapped_ready(&w.queue);
    gate_await(4);
    gate_set(true);
    await_all(w.lambda);
    assert_int_equal(lambda_close(w.lambda), 0);
}

static void another_comes_when_one_is_busy(void **state)
{
    (void)state;
    open_world(2, false, 0);
    push("blocks", 0);
    gate_await(1);
    push("blocks", 1);
    /* A millisecond, and somebody looks. */
    for (int i = 0; i < turns && gate_count() < 2; i++) {
        atomic_fetch_add(&w.clock.monotonic, MILLISECOND / 100);
        sched_yield();
    }
    gate_await(2);
    gate_set(true);
    await_all(w.lambda);
    assert_int_equal(lambda_close(w.lambda), 0);
}

/* ---- what is received together: one event, then 2, 4 and 8, as long as they take no time */

static void push_batches(uint32_t count)
{
    push("f", 0);
    gate_await(1);
    for (uint32_t i = 1; i < count; i++)
        push("f", i);
    gate_set(true);
}

static void a_slow_batch_stays_the_workers(void **state)
{
    (void)state;
    open_world(1, true, 0);
    w.slow_from = 7;
    w.slow_ns = 300 * SECOND;
    push_batches(15);
    await_all(w.lambda);
    assert_int_equal(atomic_load(&w.received[7]), 8);
    /* Eight of five minutes are longer than the twenty that were asked for: it was asked again, for all that were left. */
    uint32_t extends = atomic_load(&w.queue.extends);
    assert_in_range(extends, 2, 7);
    assert_in_range(w.queue.extended[0], 5, 7);
    for (uint32_t i = 0; i < extends; i++)
        assert_int_equal(w.queue.extended_for[i], 1200 * SECOND);
    for (uint32_t i = 0; i < 15; i++)
        assert_int_equal(atomic_load(&w.runs[i]), 1);
    assert_int_equal(atomic_load(&w.queue.kept), 15);
    assert_int_equal(statistics().succeeded, 15);
    assert_int_equal(lambda_close(w.lambda), 0);
}

static void the_ends_of_a_slow_batch_are_kept_soon(void **state)
{
    (void)state;
    open_world(1, false, 0);
    w.slow_from = 7;
    w.slow_ns = 600000;
    push_batches(15);
    await_all(w.lambda);
    assert_int_equal(atomic_load(&w.received[7]), 8);
    /* When more than a millisecond is over, those that ran are no longer with the worker. */
    assert_true(atomic_load(&w.received[9]) <= 6);
    assert_true(atomic_load(&w.received[11]) <= 4);
    assert_true(atomic_load(&w.received[13]) <= 2);
    /* Nobody else needs what is never shared to be extended. */
    assert_int_equal(atomic_load(&w.queue.extends), 0);
    assert_int_equal(statistics().succeeded, 15);
    assert_int_equal(lambda_close(w.lambda), 0);
}

static void an_event_gets_too_old_behind_another(void **state)
{
    (void)state;
    open_world(1, false, 0);
    lambda_event_invoke_config config = {.maximum_event_age_s = 60};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    w.slow_from = 3;
    w.slow_ns = 25 * SECOND;
    push_batches(7);
    await_all(w.lambda);
    /* The batch of four: the last would begin after 75 seconds. */
    assert_int_equal(atomic_load(&w.received[3]), 4);
    assert_int_equal(atomic_load(&w.runs[5]), 1);
    assert_int_equal(atomic_load(&w.runs[6]), 0);
    assert_int_equal(statistics().dropped_event_age_exceeded, 1);
    assert_int_equal(statistics().succeeded, 6);
    assert_int_equal(lambda_close(w.lambda), 0);
}

typedef struct handed {
    uint32_t count;
    uint32_t waiting;
} handed;

static void take_back(void *user, const lambda_async_event *event)
{
    handed *what = user;
    what->count++;
    what->waiting += event->state == LAMBDA_ASYNC_WAITING;
}

static void what_was_received_and_not_begun_is_given_back(void **state)
{
    (void)state;
    handed back = {0};
    open_world(1, false, 0);
    w.stays = 3;
    push_batches(7);
    while (!atomic_load(&w.there))
        sched_yield();
    assert_int_equal(atomic_load(&w.received[3]), 4);
    lambda_close_options options = {.returned = take_back, .user = &back};
    assert_int_equal(lambda_close_with(w.lambda, &options), 0);
    assert_int_equal(atomic_load(&w.ran), 4);
    assert_int_equal(atomic_load(&w.queue.kept), 4);
    assert_int_equal(atomic_load(&w.queue.retries), 3);
    assert_int_equal(back.count, 3);
    assert_int_equal(back.waiting, 3);
}

/* ---- what could not be received, and who could not be started */

static void a_worker_that_could_not_receive_tries_again(void **state)
{
    (void)state;
    open_world(1, false, 0);
    atomic_store(&w.queue.fail_receives, 2);
    gate_set(true);
    push("f", 1);
    pass_time_until_ran(1);
    /* Not at once: a second after each failure. */
    assert_true(atomic_load(&w.ran_at) >= 3 * SECOND);
    await_all(w.lambda);
    assert_int_equal(statistics().succeeded, 1);
    assert_int_equal(lambda_close(w.lambda), 0);
}

static void a_thread_that_could_not_be_started_is_started_later(void **state)
{
    (void)state;
    /* More than any machine has addresses for. */
    open_world(1, false, (size_t)1 << 50);
    push("f", 1);
    push("f", 2);
    assert_int_equal(statistics().waiting, 2);
    for (int i = 0; i < 3; i++) {
        atomic_fetch_add(&w.clock.monotonic, SECOND);
        assert_ok(w.lambda, lambda_pump(w.lambda, 0, NULL));
    }
    assert_int_equal(statistics().waiting, 2);
    /* From here on the system has threads. */
    w.lambda->base.executor.stack_size = 0;
    pass_time_until_ran(2);
    await_all(w.lambda);
    assert_int_equal(lambda_close(w.lambda), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_run_at_once_as_there_are_workers),
        cmocka_unit_test(a_worker_that_finds_more_calls_another),
        cmocka_unit_test(another_comes_when_one_is_busy),
        cmocka_unit_test(a_slow_batch_stays_the_workers),
        cmocka_unit_test(the_ends_of_a_slow_batch_are_kept_soon),
        cmocka_unit_test(an_event_gets_too_old_behind_another),
        cmocka_unit_test(what_was_received_and_not_begun_is_given_back),
        cmocka_unit_test(a_worker_that_could_not_receive_tries_again),
        cmocka_unit_test(a_thread_that_could_not_be_started_is_started_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
