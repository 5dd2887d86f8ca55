/* Responses that are read in parts, where the handler has a thread of its own: timeouts, late handlers, many at once, a host's executor. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <lambda/clock_virtual.h>

#include "environment/worker.h"

/* A clock that the test moves. */
static test_clock the_clock;
static lambda_t *lambda;
static lambda_context *environment; /* of the handler that ran last; it lives until `ended` is posted */
static sem_t ended;
static _Atomic bool call_returned; /* the reader's call, which took its time */
static lambda_status late_status;
static char late_message[512];

static char block[65536];

/** A reader of which the test knows when nobody may call it any more. */
typedef struct reader {
    _Atomic bool gone;
    size_t length;
    int parts;
    int stop_at; /* wants no more than so many parts; 0: all */
} reader;

static lambda_status take(void *user, const void *data, size_t length)
{
    reader *own = user;
    assert_false(atomic_load(&own->gone));
    assert_int_equal(((const char *)data)[length - 1], 'x');
    own->length += length;
    own->parts++;
    return own->parts == own->stop_at ? LAMBDA_ERROR_PRECONDITION_FAILED : LAMBDA_OK;
}

/** Until the stream of the handler that runs is in that state; fails the test when it takes too long. */
static void await_turn(uint32_t turn)
{
    struct timespec start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (atomic_load(&environment->worker->stream.turn) != turn) {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
        assert_true(now.tv_sec - start.tv_sec < 30);
    }
}

static void create(const char *name, lambda_handler *handler, uint32_t timeout_ms, void *user)
{
    assert_ok(lambda,
              lambda_function_create(lambda, &(lambda_function_config){.function_name = name,
                                                                       .code = lambda_code_native(handler, user),
                                                                       .isolation = LAMBDA_ISOLATION_THREAD,
                                                                       .timeout_ms = timeout_ms}));
}

static void post_ended(lambda_context *context)
{
    (void)context;
    sem_post(&ended);
}

/** The same with a shutdown hook that posts `ended`. */
static void create_watched(lambda_handler *handler)
{
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                               .code = lambda_code_native_hooks(
                                                                                   handler, NULL, post_ended, NULL),
                                                                               .isolation = LAMBDA_ISOLATION_THREAD,
                                                                               .timeout_ms = 1000}));
}

static int set_up(void **state)
{
    (void)state;
    the_clock = (test_clock){.monotonic = 1, .wall = 1};
    memset(block, 'x', sizeof(block));
    sem_init(&ended, 0, 0);
    atomic_store(&call_returned, false);
    late_status = LAMBDA_OK;
    lambda = test_open(&(lambda_options){.clock = test_clock_port(&the_clock)});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(lambda_close(lambda), 0);
    sem_destroy(&ended);
    return 0;
}

static void assert_ended(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    assert_int_equal(sem_timedwait(&ended, &until), 0);
}

/* ---- timeouts */

static void write_late(lambda_response *response)
{
    late_status = lambda_response_write(response, block, sizeof(block));
    strncpy(late_message, lambda_error_message(lambda), sizeof(late_message) - 1);
    /* From now on it is always so. */
    assert_int_equal(lambda_response_write(response, block, 1), late_status);
    assert_int_equal(lambda_response_flush(response), late_status);
}

static lambda_status writes_twice(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    environment = context;
    assert_ok(lambda, lambda_response_write(response, block, sizeof(block)));
    write_late(response);
    return LAMBDA_OK;
}

static lambda_status take_long(void *user, const void *data, size_t length)
{
    lambda_status status = take(user, data, length);
    atomic_fetch_add(&the_clock.monotonic, UINT64_C(5000000000));
    await_turn(LAMBDA__STREAM_LEAVING);
    atomic_store(&call_returned, true);
    return status;
}

static void a_caller_waits_for_the_call_that_is_under_way(void **state)
{
    (void)state;
    reader own = {.gone = false};
    const lambda_response_stream stream = {.write = take_long, .user = &own};
    lambda_result result = {0};
    create_watched(writes_twice);
    assert_ok(lambda,
              lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &(lambda_invoke_options){.stream = &stream}, &result));
    atomic_store(&own.gone, true);
    assert_true(atomic_load(&call_returned));
    assert_string_equal(result.function_error, "Unhandled");
    assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
    assert_ended();
    assert_int_equal(own.parts, 1);
    assert_int_equal(late_status, LAMBDA_ERROR_SERVICE);
    assert_non_null(strstr(late_message, "nobody reads it any more"));
    lambda_result_clear(&result);
}

static lambda_status sleeps_between(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    environment = context;
    assert_ok(lambda, lambda_response_write(response, block, sizeof(block)));
    assert_ok(lambda, lambda_response_write(response, block, 100));
    atomic_fetch_add(&the_clock.monotonic, UINT64_C(5000000000));
    await_turn(LAMBDA__STREAM_LEFT);
    write_late(response);
    return LAMBDA_OK;
}

static void a_late_handler_has_nobody_to_write_to(void **state)
{
    (void)state;
    reader own = {.gone = false};
    const lambda_response_stream stream = {.write = take, .user = &own};
    lambda_result result = {0};
    create_watched(sleeps_between);
    const lambda_invoke_options tail = {.stream = &stream, .log_type = LAMBDA_LOG_TYPE_TAIL};
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &tail, &result));
    atomic_store(&own.gone, true);
    assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
    assert_non_null(strstr(result.log_result.data, "Status: timeout"));
    assert_ended();
    /* What was gathered is not handed on either. */
    assert_int_equal(own.length, sizeof(block));
    assert_int_equal(late_status, LAMBDA_ERROR_SERVICE);
    lambda_result_clear(&result);
}

/* ---- many */

enum { CALLERS = 4, TIMES = 60 };

static lambda_status writes_a_megabyte(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    lambda_status status = LAMBDA_OK;
    for (size_t i = 0; i < 64 && status == LAMBDA_OK; i++)
        status = lambda_response_write(response, block, i % 3 == 0 ? 16000 : 100);
    return status;
}

enum { WRITTEN = 22 * 16000 + 42 * 100 };

static void *call(void *user)
{
    lambda_result result = {0};
    (void)user;
    for (int i = 0; i < TIMES; i++) {
        reader own = {.stop_at = i % 3 == 0 ? 5 : 0};
        const lambda_response_stream stream = {.write = take, .user = &own};
        const lambda_invoke_options options = {.stream = i % 4 == 3 ? NULL : &stream};
        assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &options, &result));
        atomic_store(&own.gone, true);
        if (!options.stream) {
            assert_int_equal(result.payload.length, WRITTEN);
        } else if (own.stop_at) {
            assert_string_equal(result.function_error, "Unhandled");
            assert_int_equal(own.parts, own.stop_at);
        } else {
            assert_null(result.function_error);
            assert_int_equal(result.payload.length, 0);
            assert_int_equal(own.length, WRITTEN);
        }
    }
    lambda_result_clear(&result);
    return NULL;
}

static void many_at_once(void **state)
{
    (void)state;
    pthread_t threads[CALLERS];
    create("f", writes_a_megabyte, 900000, NULL);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call, NULL), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
}

static lambda_status writes_until_nobody_reads(const lambda_event *event, lambda_context *context,
                                               lambda_response *response)
{
    (void)event;
    (void)context;
    while (lambda_response_write(response, block, 5000) == LAMBDA_OK)
        ;
    return LAMBDA_OK;
}

/** With the system's own clock: callers leave at any point of a call, and nothing comes after they have left. */
static void callers_leave_at_any_time(void **state)
{
    (void)state;
    lambda_close(lambda);
    lambda = test_open(&(lambda_options){.limits.streamed_response_payload = UINT64_MAX});
    create("f", writes_until_nobody_reads, 1, NULL);
    for (int i = 0; i < 40; i++) {
        lambda_result result = {0};
        reader own = {.gone = false};
        const lambda_response_stream stream = {.write = take, .user = &own};
        assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"),
                                             &(lambda_invoke_options){.stream = &stream}, &result));
        atomic_store(&own.gone, true);
        assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
        lambda_result_clear(&result);
    }
}

/* ---- one thread for everything */

static void in_virtual_time(void **state)
{
    (void)state;
    lambda_close(lambda);
    lambda_clock_virtual *clock;
    lambda_options options = LAMBDA_ZERO;
    assert_ok(NULL, lambda_clock_virtual_open(7, 0, &clock));
    lambda_clock_virtual_options(clock, &options);
    lambda = test_open(&options);
    create("f", writes_a_megabyte, 3000, NULL);
    lambda_result result = {0};
    for (int i = 0; i < 3; i++) {
        reader own = {.stop_at = i == 1 ? 3 : 0};
        const lambda_response_stream stream = {.write = take, .user = &own};
        assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"),
                                             &(lambda_invoke_options){.stream = &stream}, &result));
        assert_int_equal(result.function_error != NULL, i == 1);
        if (i != 1) assert_int_equal(own.length, WRITTEN);
    }
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    lambda_clock_virtual_close(clock);
    lambda = test_open(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_caller_waits_for_the_call_that_is_under_way),
        TEST(a_late_handler_has_nobody_to_write_to),
        TEST(many_at_once),
        TEST(callers_leave_at_any_time),
        TEST(in_virtual_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
