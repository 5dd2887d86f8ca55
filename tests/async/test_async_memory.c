/* Asynchronous invocation without memory: each allocation fails in its turn, and no accepted event is lost or ends twice. */
#include "support.h"

#include <stdatomic.h>
#include <string.h>

#include <lambda/clock_virtual.h>
#include <lambda/port/destination.h>

#define OUT    LAMBDA_ERROR_OUT_OF_MEMORY
#define SECOND UINT64_C(1000000000)
/** All has happened by then, so that what never does is seen: virtual milliseconds. */
#define A_DAY 86400000

typedef struct world {
    test_memory memory;
    lambda_clock_virtual *clock;
    lambda_t *lambda;
    uint32_t failures; /* runs that fail before one does not */
    uint32_t runs;
    uint32_t told;
    uint32_t delivered;
    uint32_t returned;
    uint32_t accepted; /* as the calls said */
    uint64_t purged;
    uint64_t listed;
} world;

static lambda_status handle(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    world *w = lambda_context_user(context);
    (void)event;
    if (w->runs++ < w->failures) return lambda_response_error(response, "Broken", "it is broken");
    return lambda_response_write(response, "1", 1);
}

static lambda_status deliver(void *user, const lambda_delivery *delivery)
{
    world *w = user;
    (void)delivery;
    /* The first is refused. */
    return w->delivered++ ? LAMBDA_OK : LAMBDA_ERROR_SERVICE;
}

static void told(void *user, const lambda_async_outcome *outcome)
{
    world *w = user;
    (void)outcome;
    w->told++;
}

static void give(void *user, const lambda_async_event *event)
{
    world *w = user;
    (void)event;
    w->returned++;
}

static bool visit(void *user, const lambda_async_event *event)
{
    world *w = user;
    (void)event;
    w->listed++;
    return true;
}

/** A service with a function "f", and a destination "kept". No failure yet. */
static lambda_status open_world(world *w, long fail_at, bool fail_on)
{
    lambda_options options = {.async_workers = 2};
    memset(w, 0, sizeof(*w));
    assert_int_equal(lambda_clock_virtual_open(3, 0, &w->clock), LAMBDA_OK);
    lambda_clock_virtual_options(w->clock, &options);
    w->memory.fail_at = fail_at;
    w->memory.fail_on = fail_on;
    options.allocator = test_allocator(&w->memory);
    return lambda_open(&options, &w->lambda);
}

static void prepare(world *w)
{
    assert_int_equal(open_world(w, 0, false), LAMBDA_OK);
    test_create(w->lambda, "f", handle, w);
    assert_ok(w->lambda,
              lambda_destination_register(w->lambda, "kept", &(lambda_destination){.deliver = deliver, .user = w}));
}

static void close_world(world *w)
{
    w->memory.fail_at = 0;
    assert_int_equal(lambda_close_with(w->lambda, &(lambda_close_options){.returned = give, .user = w}), 0);
    lambda_clock_virtual_close(w->clock);
    assert_int_equal(atomic_load(&w->memory.live), 0);
}

/** The call has worked, or there was no memory. */
static bool worked(lambda_status status)
{
    assert_true(status == LAMBDA_OK || status == OUT);
    return status == LAMBDA_OK;
}

static void push_some(world *w)
{
    lambda_async_options options = {.callback = told, .user = w};
    lambda_bytes three[3] = {LAMBDA_JSON("1"), LAMBDA_JSON("2"), LAMBDA_JSON("3")};
    w->accepted += worked(lambda_invoke_async(w->lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    w->accepted += worked(lambda_invoke_async(w->lambda, "f", LAMBDA_JSON("1"), &options, NULL));
    w->accepted += 3 * worked(lambda_invoke_async_batch(w->lambda, "f", three, 3, NULL, NULL));
    w->accepted += 3 * worked(lambda_invoke_async_batch(w->lambda, "f", three, 3, &options, NULL));
}

static void check_sum(world *w)
{
    lambda_async_statistics now;
    assert_ok(w->lambda, lambda_async_statistics_get(w->lambda, &now));
    assert_int_equal(now.accepted, w->accepted);
    assert_int_equal(now.accepted, now.succeeded + now.delivered + now.dropped_retries_exhausted + now.purged +
                                       now.waiting + now.delayed + now.running);
    assert_int_equal(now.dropped_damaged + now.dropped_event_age_exceeded + now.dropped_delivery_failed, 0);
}

/** Lets all that is due within two minutes happen, and then, with memory again, all the rest. */
static void run_through(world *w)
{
    lambda_clock_virtual_run(w->clock, 130 * SECOND);
    check_sum(w);
    w->memory.fail_at = 0;
    assert_ok(w->lambda, lambda_async_wait_all(w->lambda, A_DAY));
    check_sum(w);
}

typedef void scenario(world *w);

/** Does it with each allocation failing in its turn, alone and with all after it. How many there were. */
static void each_allocation_fails(scenario *run)
{
    bool failed = true;
    for (long at = 1; failed; at++) {
        for (int on = 0; on < 2; on++) {
            world w;
            prepare(&w);
            w.memory.fail_at = atomic_load(&w.memory.requests) + at;
            w.memory.fail_on = on;
            long fail_at = w.memory.fail_at;
            run(&w);
            failed = atomic_load(&w.memory.requests) >= fail_at;
            /* It is as good as new. */
            w.memory.fail_at = 0;
            w.failures = 0;
            push_some(&w);
            assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
            check_sum(&w);
            close_world(&w);
        }
        assert_true(at < 2000);
    }
}

static void opening(void **state)
{
    (void)state;
    for (long at = 1;; at++) {
        world w;
        lambda_status status = open_world(&w, at, false);
        if (status != LAMBDA_OK) {
            assert_int_equal(status, OUT);
            assert_null(w.lambda);
            assert_int_equal(atomic_load(&w.memory.live), 0);
            lambda_clock_virtual_close(w.clock);
            continue;
        }
        w.memory.fail_at = 0;
        close_world(&w);
        return;
    }
}

static void push_and_run(world *w)
{
    push_some(w);
    run_through(w);
}

static void pushing_and_running(void **state)
{
    (void)state;
    each_allocation_fails(push_and_run);
}

static void push_and_retry(world *w)
{
    w->failures = 12;
    push_some(w);
    run_through(w);
}

static void retrying(void **state)
{
    (void)state;
    each_allocation_fails(push_and_retry);
}

/** Told of a success, of a failure, and of nothing but that there is no memory. */
static void push_and_deliver(world *w)
{
    lambda_event_invoke_config config = {
        .on_success = "kept", .on_failure = "kept", .maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS};
    w->failures = 3;
    bool set = worked(lambda_event_invoke_config_put(w->lambda, "f", &config));
    push_some(w);
    run_through(w);
    lambda_async_statistics now;
    assert_ok(w->lambda, lambda_async_statistics_get(w->lambda, &now));
    /* Each has had its record: the first was refused once. */
    if (set && now.accepted > 0) assert_int_equal(w->delivered, now.accepted + 1);
}

static void delivering(void **state)
{
    (void)state;
    each_allocation_fails(push_and_deliver);
}

static void push_to_function(world *w)
{
    lambda_function_config other = {.function_name = "g", .code = lambda_code_native(handle, w)};
    lambda_event_invoke_config config = {.on_success = "g"};
    /* What takes an event's place must be written: a worker tries that for as long as it takes, and here is only one thread. */
    w->memory.fail_on = false;
    if (worked(lambda_function_create(w->lambda, &other)))
        worked(lambda_event_invoke_config_put(w->lambda, "f", &config));
    push_some(w);
    lambda_clock_virtual_run(w->clock, 130 * SECOND);
    w->memory.fail_at = 0;
    assert_ok(w->lambda, lambda_async_wait_all(w->lambda, A_DAY));
    lambda_async_statistics now;
    assert_ok(w->lambda, lambda_async_statistics_get(w->lambda, &now));
    assert_int_equal(now.accepted, now.succeeded);
    lambda_event_invoke_configuration *set = NULL;
    bool twice = lambda_event_invoke_config_get(w->lambda, "f", &set) == LAMBDA_OK;
    lambda_event_invoke_configuration_free(set);
    assert_int_equal(now.accepted, w->accepted * (twice ? 2 : 1));
    if (twice) assert_ok(w->lambda, lambda_event_invoke_config_delete(w->lambda, "f"));
    w->accepted = (uint32_t)now.accepted;
}

static void handing_to_a_function(void **state)
{
    (void)state;
    each_allocation_fails(push_to_function);
}

static void look_and_wait(world *w)
{
    lambda_request_id id = {0};
    lambda_async_event *event = NULL;
    w->accepted += worked(lambda_invoke_async(w->lambda, "f", LAMBDA_JSON("1"), NULL, &id));
    push_some(w);
    lambda_status status = lambda_async_get(w->lambda, id, &event);
    assert_true(worked(status == LAMBDA_ERROR_RESOURCE_NOT_FOUND ? LAMBDA_OK : status) || !event);
    lambda_async_event_free(event);
    worked(lambda_async_list(w->lambda, NULL, visit, w));
    /* It may take a minute's wait for memory to be had. */
    status = lambda_async_wait(w->lambda, id, 1000);
    worked(status == LAMBDA_ERROR_TOO_MANY_REQUESTS ? LAMBDA_OK : status);
    status = lambda_async_wait_all(w->lambda, 1000);
    worked(status == LAMBDA_ERROR_TOO_MANY_REQUESTS ? LAMBDA_OK : status);
    run_through(w);
}

static void looking_and_waiting(void **state)
{
    (void)state;
    each_allocation_fails(look_and_wait);
}

static void push_and_purge(world *w)
{
    push_some(w);
    uint32_t pushed = w->accepted;
    worked(lambda_async_purge(w->lambda, "f", &w->purged));
    assert_true(w->purged <= pushed);
    run_through(w);
    lambda_async_statistics now;
    assert_ok(w->lambda, lambda_async_statistics_get(w->lambda, &now));
    assert_int_equal(now.purged, w->purged);
    assert_int_equal(now.succeeded + now.purged, pushed);
}

static void purging(void **state)
{
    (void)state;
    each_allocation_fails(push_and_purge);
}

/** A destination that gives back what it was told once. */
static lambda_status redrive(void *user, uint64_t most, lambda_redrive_taker *take, void *taker)
{
    world *w = user;
    static const char arn[] = "arn:aws:lambda:us-east-1:000000000000:function:f";
    for (uint64_t i = 0; i < most && i < 2; i++) {
        const char *record = "{\"requestPayload\":{\"a\":1}}";
        lambda_delivery delivery = {.kind = i ? LAMBDA_DELIVERY_ON_FAILURE : LAMBDA_DELIVERY_DEAD_LETTER,
                                    .function_arn = arn,
                                    .target = "back",
                                    .body = lambda_bytes_make(record, strlen(record)),
                                    .error_code = "",
                                    .error_message = ""};
        lambda_status status = take(taker, &delivery);
        if (status != LAMBDA_OK) return status;
        w->accepted++;
    }
    return LAMBDA_OK;
}

static void register_and_redrive(world *w)
{
    lambda_destination destination = {.deliver = deliver, .redrive = redrive, .user = w};
    uint64_t redriven = 0;
    if (worked(lambda_destination_register(w->lambda, "back", &destination))) {
        worked(lambda_async_redrive(w->lambda, "back", 2, &redriven));
        assert_int_equal(redriven, w->accepted);
    }
    run_through(w);
}

static void redriving(void **state)
{
    (void)state;
    each_allocation_fails(register_and_redrive);
}

static void closing(void **state)
{
    (void)state;
    bool failed = true;
    for (long at = 1; failed; at++) {
        world w;
        prepare(&w);
        w.failures = 2;
        push_some(&w);
        w.memory.fail_at = atomic_load(&w.memory.requests) + at;
        w.memory.fail_on = at % 2;
        long fail_at = w.memory.fail_at;
        lambda_close_options options = {.drain_ms = 1000, .returned = give, .user = &w};
        assert_int_equal(lambda_close_with(w.lambda, &options), 0);
        failed = atomic_load(&w.memory.requests) >= fail_at;
        lambda_clock_virtual_close(w.clock);
        assert_int_equal(atomic_load(&w.memory.live), 0);
        /* Those with a callback were told, whatever became of them; what failed waits for another attempt. */
        assert_int_equal(w.told, 4);
        assert_true(w.returned >= 2 || failed);
        assert_true(w.runs + w.returned >= w.accepted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening),
        cmocka_unit_test(pushing_and_running),
        cmocka_unit_test(retrying),
        cmocka_unit_test(delivering),
        cmocka_unit_test(handing_to_a_function),
        cmocka_unit_test(looking_and_waiting),
        cmocka_unit_test(purging),
        cmocka_unit_test(redriving),
        cmocka_unit_test(closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
