/* Who is told of events that have ended: destinations, dead letters, functions; retried, given up, taken back. */
#include <stdio.h>
#include <string.h>

#include <lambda/port/destination.h>

#include "async_world.h"

typedef struct sink {
    uint32_t count;
    uint32_t failures; /* so many deliveries are refused first */
    uint32_t refused;
    lambda_delivery_kind kind;
    char body[2048];
    char arn[128];
    char code[16];
    char message[256];
} sink;

static lambda_status deliver(void *user, const lambda_delivery *delivery)
{
    sink *s = user;
    if (s->refused < s->failures) {
        s->refused++;
        return LAMBDA_ERROR_SERVICE;
    }
    s->count++;
    s->kind = delivery->kind;
    assert_true(delivery->body.length < sizeof(s->body));
    memcpy(s->body, delivery->body.data, delivery->body.length);
    s->body[delivery->body.length] = '\0';
    snprintf(s->arn, sizeof(s->arn), "%s", delivery->function_arn);
    snprintf(s->code, sizeof(s->code), "%s", delivery->error_code);
    snprintf(s->message, sizeof(s->message), "%s", delivery->error_message);
    return LAMBDA_OK;
}

static void register_sink(world *w, const char *name, sink *s)
{
    memset(s, 0, sizeof(*s));
    assert_ok(w->lambda,
              lambda_destination_register(w->lambda, name, &(lambda_destination){.deliver = deliver, .user = s}));
}

static void a_success_is_told_to_its_destination(void **state)
{
    (void)state;
    world w;
    sink good;
    sink bad;
    open_world(&w);
    register_sink(&w, "good", &good);
    register_sink(&w, "bad", &bad);
    test_create(w.lambda, "f", note, &w);
    lambda_event_invoke_config config = {.on_success = "good", .on_failure = "bad"};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    lambda_request_id id;
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("{\"x\":1}"), NULL, &id));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    char text[LAMBDA_REQUEST_ID_SIZE];
    char expected[1024];
    lambda_request_id_format(id, text);
    snprintf(expected, sizeof(expected),
             "{\"version\":\"1.0\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"requestContext\":{\"requestId\":\"%s\","
             "\"functionArn\":\"arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST\",\"condition\":\"Success\","
             "\"approximateInvokeCount\":1},\"requestPayload\":{\"x\":1},\"responseContext\":{\"statusCode\":200,"
             "\"executedVersion\":\"$LATEST\"},\"responsePayload\":{\"done\":true}}",
             text);
    assert_string_equal(good.body, expected);
    assert_int_equal(good.count, 1);
    assert_int_equal(bad.count, 0);
    assert_int_equal(statistics(&w).succeeded, 1);
    close_world(&w);
}

static void a_failure_is_told_to_destination_and_dead_letter(void **state)
{
    (void)state;
    world w;
    sink bad;
    sink dead;
    open_world(&w);
    w.failures = 100;
    register_sink(&w, "bad", &bad);
    register_sink(&w, "dead", &dead);
    assert_ok(w.lambda, lambda_function_create(w.lambda, &(lambda_function_config){.function_name = "f",
                                                                                   .code = lambda_code_native(note, &w),
                                                                                   .dead_letter_target_arn = "dead"}));
    lambda_event_invoke_config config = {.on_failure = "bad", .maximum_retry_attempts = 1};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    /* The dead-letter target fails a few times: it is tried again, the other is not told twice. */
    dead.failures = 5;
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("{\"x\":1}"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 2);
    assert_int_equal(bad.count, 1);
    assert_int_equal(bad.kind, LAMBDA_DELIVERY_ON_FAILURE);
    assert_non_null(strstr(bad.body, "\"condition\":\"RetriesExhausted\",\"approximateInvokeCount\":2"));
    assert_non_null(strstr(bad.body, "\"functionError\":\"Unhandled\""));
    assert_int_equal(dead.count, 1);
    assert_int_equal(dead.refused, 5);
    assert_int_equal(dead.kind, LAMBDA_DELIVERY_DEAD_LETTER);
    assert_string_equal(dead.body, "{\"x\":1}");
    assert_string_equal(dead.code, "200");
    assert_non_null(strstr(dead.message, "it is broken"));
    assert_int_equal(statistics(&w).delivered, 1);
    /* A minute after the first failure; then the delivery's 1, 2, 4, 8 and 16 seconds. */
    assert_int_equal(lambda_clock_virtual_now(w.clock), (60 + 31) * SECOND);
    close_world(&w);
}

static void a_destination_that_fails_for_ever_is_given_up(void **state)
{
    (void)state;
    world w;
    sink bad;
    open_world(&w);
    w.failures = 100;
    register_sink(&w, "bad", &bad);
    bad.failures = UINT32_MAX;
    test_create(w.lambda, "f", note, &w);
    lambda_event_invoke_config config = {.on_failure = "bad", .maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    lambda_async_statistics now = statistics(&w);
    assert_int_equal(now.dropped_delivery_failed, 1);
    assert_int_equal(now.destination_delivery_failures, 1);
    assert_int_equal(bad.refused, 10 + 70);
    close_world(&w);
}

/** Keeps what it is told. */
static lambda_status keep(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    sink *s = lambda_context_user(context);
    (void)response;
    lambda_bytes payload = lambda_event_payload(event);
    s->count++;
    assert_true(payload.length < sizeof(s->body));
    memcpy(s->body, payload.data, payload.length);
    s->body[payload.length] = '\0';
    return LAMBDA_OK;
}

static void a_function_may_be_the_destination(void **state)
{
    (void)state;
    world w;
    sink next = {0};
    open_world(&w);
    test_create(w.lambda, "f", note, &w);
    test_create(w.lambda, "next", keep, &next);
    lambda_event_invoke_config config = {.on_success = "next"};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(next.count, 1);
    assert_non_null(strstr(next.body, "\"requestPayload\":1,"));
    lambda_async_statistics now = statistics(&w);
    assert_int_equal(now.accepted, 2);
    assert_int_equal(now.succeeded, 2);
    close_world(&w);
}

static void a_destination_that_is_registered_late_is_waited_for(void **state)
{
    (void)state;
    world w;
    sink late;
    sink next = {0};
    open_world(&w);
    test_create(w.lambda, "f", note, &w);
    test_create(w.lambda, "late", keep, &next);
    lambda_event_invoke_config config = {.on_success = "late"};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    /* The target was a function when it was named, and is nothing now: it is not taken for one, nothing is lost. */
    assert_ok(w.lambda, lambda_function_delete(w.lambda, "late"));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 100 * SECOND);
    assert_int_equal(statistics(&w).succeeded, 0);
    assert_int_equal(statistics(&w).delayed, 1);
    register_sink(&w, "late", &late);
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(late.count, 1);
    assert_int_equal(next.count, 0);
    assert_int_equal(statistics(&w).succeeded, 1);
    close_world(&w);
}

static void zero_reserved_concurrency_goes_to_the_target(void **state)
{
    (void)state;
    world w;
    sink bad;
    open_world(&w);
    register_sink(&w, "bad", &bad);
    test_create(w.lambda, "f", note, &w);
    lambda_event_invoke_config config = {.on_failure = "bad"};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    assert_ok(w.lambda, lambda_function_concurrency_put(w.lambda, "f", 0));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(lambda_clock_virtual_now(w.clock), 0);
    assert_int_equal(bad.count, 1);
    assert_non_null(strstr(bad.body, "\"condition\":\"ZeroReservedConcurrency\",\"approximateInvokeCount\":0"));
    close_world(&w);
}

/* ---- taken back */

static void dead_letters_are_taken_back(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    lambda_queue queue;
    assert_int_equal(lambda_queue_memory_open(NULL, &queue), LAMBDA_OK);
    assert_ok(w.lambda, lambda_destination_register_queue(w.lambda, "dead", &queue));
    w.failures = 4;
    assert_ok(w.lambda, lambda_function_create(w.lambda, &(lambda_function_config){.function_name = "f",
                                                                                   .code = lambda_code_native(note, &w),
                                                                                   .dead_letter_target_arn = "dead"}));
    lambda_event_invoke_config config = {.on_failure = "dead", .maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    for (int i = 0; i < 2; i++)
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("{\"x\": 1}"), NULL, NULL));
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(statistics(&w).delivered, 2);
    /* A record and a dead letter each: the first two fail once more, and come back as two of each. */
    uint64_t redriven = 0;
    assert_ok(w.lambda, lambda_async_redrive(w.lambda, "dead", 2, &redriven));
    assert_int_equal(redriven, 2);
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 4);
    assert_string_equal(w.seen, "{\"x\": 1}");
    assert_ok(w.lambda, lambda_async_redrive(w.lambda, "dead", UINT64_MAX, &redriven));
    assert_int_equal(redriven, 6);
    assert_ok(w.lambda, lambda_async_wait_all(w.lambda, A_DAY));
    assert_int_equal(w.runs, 10);
    assert_int_equal(statistics(&w).succeeded, 6);
    assert_ok(w.lambda, lambda_async_redrive(w.lambda, "dead", UINT64_MAX, &redriven));
    assert_int_equal(redriven, 0);
    close_world(&w);
}

static void a_redrive_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    world w;
    sink s;
    uint64_t redriven = 7;
    open_world(&w);
    register_sink(&w, "mine", &s);
    assert_fails(w.lambda, lambda_async_redrive(w.lambda, "none", 1, &redriven), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "\"none\"");
    assert_int_equal(redriven, 0);
    assert_fails(w.lambda, lambda_async_redrive(w.lambda, "mine", 1, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "gives nothing back");
    assert_fails(w.lambda, lambda_async_redrive(w.lambda, NULL, 1, NULL), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "destination");
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_success_is_told_to_its_destination),
        cmocka_unit_test(a_failure_is_told_to_destination_and_dead_letter),
        cmocka_unit_test(a_destination_that_fails_for_ever_is_given_up),
        cmocka_unit_test(a_function_may_be_the_destination),
        cmocka_unit_test(a_destination_that_is_registered_late_is_waited_for),
        cmocka_unit_test(zero_reserved_concurrency_goes_to_the_target),
        cmocka_unit_test(dead_letters_are_taken_back),
        cmocka_unit_test(a_redrive_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
