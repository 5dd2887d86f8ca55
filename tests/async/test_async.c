/* Asynchronous invocation in memory: accepted, run, retried, ended; under virtual time, so that hours pass at once. */
#include <stdio.h>
#include <string.h>

#include "async_world.h"

static void an_event_runs_and_is_told_of(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    test_create(w.lambda, "f", note, &w);
    lambda_request_id id;
    lambda_async_options options = {.callback = told, .user = &w};
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("{\"x\":1}"), &options, &id));
    assert_int_equal(w.runs, 0);
    assert_int_equal(statistics(&w).waiting, 1);
    assert_ok(w.lambda, lambda_async_wait(w.lambda, id, A_DAY));
    char text[LAMBDA_REQUEST_ID_SIZE];
    lambda_request_id_format(id, text);
    assert_int_equal(w.runs, 1);
    assert_string_equal(w.ids[0], text);
    assert_string_equal(w.seen, "{\"x\":1}");
    assert_int_equal(w.outcomes, 1);
    assert_int_equal(w.outcome.condition, LAMBDA_ASYNC_SUCCESS);
    assert_int_equal(w.outcome.invoke_count, 1);
    assert_null(w.outcome.function_error);
    assert_string_equal(w.answer, "{\"done\":true}");
    assert_int_equal(statistics(&w).succeeded, 1);
    close_world(&w);
}

static void a_failing_event_is_tried_three_times(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.failures = 100;
    test_create(w.lambda, "f", note, &w);
    lambda_async_options options = {.callback = told, .user = &w};
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), &options, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 3);
    /* At once, a minute after the first failure, two minutes after the second; the same id each time. */
    assert_int_equal(w.at[0], 0);
    assert_int_equal(w.at[1], 60 * SECOND);
    assert_int_equal(w.at[2], 180 * SECOND);
    assert_string_equal(w.ids[0], w.ids[2]);
    assert_int_equal(w.outcome.condition, LAMBDA_ASYNC_RETRIES_EXHAUSTED);
    assert_int_equal(w.outcome.invoke_count, 3);
    assert_string_equal(w.outcome.function_error, "Unhandled");
    assert_non_null(strstr(w.answer, "it is broken"));
    lambda_async_statistics now = statistics(&w);
    assert_int_equal(now.dropped_retries_exhausted, 1);
    assert_int_equal(now.retries, 2);
    assert_int_equal(lambda_test_log_count(w.log, "the event was dropped: RetriesExhausted after 3 attempts"), 1);
    close_world(&w);
}

static void retries_are_as_configured(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.failures = 100;
    test_create(w.lambda, "f", note, &w);
    lambda_event_invoke_config config = {.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 1);
    /* Two minutes before the third attempt are more than is left of 150 seconds: it ends before it. */
    config = (lambda_event_invoke_config){.maximum_event_age_s = 150};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    lambda_async_options options = {.callback = told, .user = &w};
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), &options, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 3);
    assert_int_equal(w.outcome.condition, LAMBDA_ASYNC_EVENT_AGE_EXCEEDED);
    assert_int_equal(w.outcome.invoke_count, 2);
    close_world(&w);
}

static void what_cannot_run_is_postponed_for_six_hours(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    test_create(w.lambda, "f", note, &w);
    assert_ok(w.lambda, lambda_function_concurrency_put(w.lambda, "f", 0));
    lambda_async_options options = {.callback = told, .user = &w};
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), &options, NULL));
    /* 1, 2, 4 ... 256 seconds, then every 5 minutes: the table of attempts, by how often it was postponed at each time. */
    static const uint32_t after[] = {0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111};
    for (uint32_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        uint64_t now = lambda_clock_virtual_now(w.clock);
        lambda_clock_virtual_step(w.clock, after[i] * SECOND - now);
        assert_int_equal(statistics(&w).postponed, i + 1);
        lambda_clock_virtual_step(w.clock, SECOND - 1);
        assert_int_equal(statistics(&w).postponed, i + 1);
    }
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 0);
    assert_int_equal(w.outcome.condition, LAMBDA_ASYNC_EVENT_AGE_EXCEEDED);
    assert_int_equal(w.outcome.invoke_count, 0);
    /* The last attempt is the last that is not later than 6 hours after it was accepted: 511 s and 70 times 300 s. */
    assert_int_equal(statistics(&w).postponed, 10 + 70 - 1);
    assert_int_equal(lambda_clock_virtual_now(w.clock) / SECOND, 511 + 70 * 300);
    assert_int_equal(statistics(&w).dropped_event_age_exceeded, 1);
    close_world(&w);
}

static void reserved_concurrency_zero_keeps_events_waiting(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    test_create(w.lambda, "f", note, &w);
    assert_ok(w.lambda, lambda_function_concurrency_put(w.lambda, "f", 0));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 3600 * SECOND);
    assert_int_equal(statistics(&w).delayed, 1);
    assert_ok(w.lambda, lambda_function_concurrency_delete(w.lambda, "f"));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 1);
    close_world(&w);
}

static void an_event_for_a_function_that_is_gone_waits_for_it(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    test_create(w.lambda, "f", note, &w);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(w.lambda, lambda_function_delete(w.lambda, "f"));
    lambda_clock_virtual_step(w.clock, 10 * SECOND);
    assert_int_equal(statistics(&w).delayed, 1);
    test_create(w.lambda, "f", note, &w);
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 1);
    close_world(&w);
}

/** Invokes itself asynchronously, for ever if it could. */
static lambda_status again(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    lambda_status status = note(event, context, response);
    if (status != LAMBDA_OK) return status;
    return lambda_invoke_async(lambda_context_service(context), "f", LAMBDA_JSON("2"), NULL, NULL);
}

static void a_loop_of_events_is_stopped(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    test_create(w.lambda, "f", again, &w);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 16);
    lambda_async_statistics now = statistics(&w);
    assert_int_equal(now.recursive_invocations_dropped, 1);
    assert_int_equal(now.dropped_recursive_loop, 1);
    assert_int_equal(now.accepted, 17);
    /* Where loops are allowed it goes on: until the test stops it. */
    w.runs = 0;
    assert_ok(w.lambda, lambda_function_recursion_config_put(w.lambda, "f", LAMBDA_RECURSIVE_LOOP_ALLOW));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    for (int i = 0; i < 80 && w.runs < 40; i++)
        lambda_clock_virtual_step_next(w.clock);
    assert_int_equal(w.runs, 40);
    uint64_t purged = 0;
    assert_ok(w.lambda, lambda_async_purge(w.lambda, NULL, &purged));
    assert_int_equal(purged, 1);
    close_world(&w);
}

static void bad_arguments_are_refused_by_name(void **state)
{
    (void)state;
    world w;
    lambda_queue queue;
    lambda_queue_memory_options small = {.max_messages = 2};
    assert_int_equal(lambda_queue_memory_open(&small, &queue), LAMBDA_OK);
    lambda_options options = {.queue = queue, .limits = {.async_payload = 4}};
    open_with(&w, &options);
    test_create(w.lambda, "f", note, &w);
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    assert_fails(w.lambda, lambda_invoke_async(w.lambda, "g", LAMBDA_JSON("1"), NULL, NULL),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "function:g");
    assert_fails(w.lambda, lambda_invoke_async(w.lambda, "f:3", LAMBDA_JSON("1"), NULL, NULL),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "function:f:3");
    assert_fails(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("12345"), NULL, NULL),
                 LAMBDA_ERROR_REQUEST_TOO_LARGE, "5 bytes are more than 4");
    assert_fails(w.lambda, lambda_invoke_async(w.lambda, "f", lambda_bytes_make(NULL, 3), NULL, NULL), invalid,
                 "payload");
    assert_fails(w.lambda, lambda_invoke_async(w.lambda, NULL, LAMBDA_JSON("1"), NULL, NULL), invalid, "function_name");
    assert_fails(NULL, lambda_invoke_async(NULL, "f", LAMBDA_JSON("1"), NULL, NULL), invalid, "lambda");
    lambda_async_options bad = {.client_context = {.length = 5}};
    assert_fails(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), &bad, NULL), invalid, "client_context");
    assert_fails(w.lambda, lambda_invoke_async_batch(w.lambda, "f", NULL, 2, NULL, NULL), invalid, "payloads");
    lambda_bytes three[3] = {LAMBDA_JSON("1"), LAMBDA_JSON("2"), LAMBDA_JSON("3")};
    /* All or none. */
    assert_fails(w.lambda, lambda_invoke_async_batch(w.lambda, "f", three, 3, NULL, NULL),
                 LAMBDA_ERROR_REQUEST_TOO_LARGE, "max_messages of 2");
    assert_int_equal(statistics(&w).waiting, 0);
    lambda_request_id ids[3];
    assert_ok(w.lambda, lambda_invoke_async_batch(w.lambda, "f", three, 2, NULL, ids));
    assert_fails(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL),
                 LAMBDA_ERROR_TOO_MANY_REQUESTS, "full");
    /* Asked to wait, it waits until there is room. */
    assert_ok(w.lambda,
              lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), &(lambda_async_options){.wait_ms = 1000}, NULL));
    assert_ok(w.lambda, lambda_invoke_async_batch(w.lambda, "f", three, 0, NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 3);
    close_world(&w);
}

/* ---- looking in */

typedef struct listed {
    uint32_t count;
    lambda_async_state states[8];
    char names[8][64];
} listed;

static bool list(void *user, const lambda_async_event *event)
{
    listed *what = user;
    assert_true(what->count < 8);
    what->states[what->count] = event->state;
    snprintf(what->names[what->count++], 64, "%s", event->function_name);
    return true;
}

static void events_are_seen_and_purged(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.failures = 1;
    test_create(w.lambda, "f", note, &w);
    test_create(w.lambda, "g", note, &w);
    assert_ok(w.lambda, lambda_alias_create(w.lambda, "g",
                                            &(lambda_alias_config){.name = "live", .function_version = "$LATEST"}));
    lambda_request_id failing;
    lambda_request_id other;
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("\"a\""), NULL, &failing));
    lambda_clock_virtual_step(w.clock, SECOND);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "g:live", LAMBDA_JSON("\"b\""), NULL, &other));
    listed all = {0};
    assert_ok(w.lambda, lambda_async_list(w.lambda, NULL, list, &all));
    assert_int_equal(all.count, 2);
    listed live = {0};
    assert_ok(w.lambda, lambda_async_list(w.lambda, "g:live", list, &live));
    assert_int_equal(live.count, 1);
    assert_string_equal(live.names[0], "g:live");
    assert_int_equal(live.states[0], LAMBDA_ASYNC_WAITING);
    lambda_async_event *event;
    assert_ok(w.lambda, lambda_async_get(w.lambda, failing, &event));
    assert_int_equal(event->state, LAMBDA_ASYNC_DELAYED);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->due_ns, 59 * SECOND);
    assert_int_equal(event->age_ns, SECOND);
    assert_memory_equal(event->payload.data, "\"a\"", 3);
    lambda_async_event_free(event);
    lambda_async_options options = {.callback = told, .user = &w};
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "g", LAMBDA_JSON("3"), &options, NULL));
    uint64_t purged = 0;
    assert_ok(w.lambda, lambda_async_purge(w.lambda, "g", &purged));
    assert_int_equal(purged, 2);
    assert_int_equal(w.outcome.condition, LAMBDA_ASYNC_PURGED);
    assert_fails(w.lambda, lambda_async_get(w.lambda, other, &event), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "there is no");
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 2);
    statistics(&w);
    close_world(&w);
}

static void the_dropped_are_remembered(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.failures = 100;
    test_create(w.lambda, "f", note, &w);
    lambda_event_invoke_config config = {.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    lambda_request_id id;
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, &id));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    lambda_async_event *event;
    assert_ok(w.lambda, lambda_async_get(w.lambda, id, &event));
    assert_int_equal(event->state, LAMBDA_ASYNC_DROPPED);
    assert_int_equal(event->condition, LAMBDA_ASYNC_RETRIES_EXHAUSTED);
    assert_int_equal(event->attempts, 1);
    lambda_async_event_free(event);
    close_world(&w);
}

/* ---- closing */

typedef struct returned {
    uint32_t count;
    uint32_t delayed;
} returned;

static void give(void *user, const lambda_async_event *event)
{
    returned *r = user;
    r->count++;
    r->delayed += event->state == LAMBDA_ASYNC_DELAYED;
}

static void what_is_left_is_handed_back(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.failures = 1;
    test_create(w.lambda, "f", note, &w);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 1);
    for (int i = 0; i < 5; i++)
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"),
                                                &(lambda_async_options){.callback = told, .user = &w}, NULL));
    returned r = {0};
    assert_int_equal(lambda_close_with(w.lambda, &(lambda_close_options){.returned = give, .user = &r}), 0);
    assert_int_equal(r.count, 6);
    assert_int_equal(r.delayed, 1);
    assert_int_equal(w.outcomes, 5);
    assert_int_equal(w.outcome.condition, LAMBDA_ASYNC_CLOSED);
    lambda_test_log_free(w.log);
    lambda_clock_virtual_close(w.clock);

    /* Drained for ten seconds: what can be run is, what is due later is handed back at once. */
    open_world(&w);
    w.failures = 1;
    test_create(w.lambda, "f", note, &w);
    for (int i = 0; i < 6; i++)
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    r = (returned){0};
    assert_int_equal(
        lambda_close_with(w.lambda, &(lambda_close_options){.drain_ms = 10000, .returned = give, .user = &r}), 0);
    assert_int_equal(w.runs, 6);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.delayed, 1);
    lambda_test_log_free(w.log);
    lambda_clock_virtual_close(w.clock);

    /* Until none is left. */
    open_world(&w);
    w.failures = 1;
    test_create(w.lambda, "f", note, &w);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    r = (returned){0};
    lambda_close_options options = {.drain_ms = LAMBDA_WAIT_FOREVER, .returned = give, .user = &r};
    assert_int_equal(lambda_close_with(w.lambda, &options), 0);
    assert_int_equal(w.runs, 2);
    assert_int_equal(r.count, 0);
    lambda_test_log_free(w.log);
    lambda_clock_virtual_close(w.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_runs_and_is_told_of),
        cmocka_unit_test(a_failing_event_is_tried_three_times),
        cmocka_unit_test(retries_are_as_configured),
        cmocka_unit_test(what_cannot_run_is_postponed_for_six_hours),
        cmocka_unit_test(reserved_concurrency_zero_keeps_events_waiting),
        cmocka_unit_test(an_event_for_a_function_that_is_gone_waits_for_it),
        cmocka_unit_test(a_loop_of_events_is_stopped),
        cmocka_unit_test(bad_arguments_are_refused_by_name),
        cmocka_unit_test(events_are_seen_and_purged),
        cmocka_unit_test(the_dropped_are_remembered),
        cmocka_unit_test(what_is_left_is_handed_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
