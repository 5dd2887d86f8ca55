/*
 * How a handler is tested with lambda/testing.h; the framework is cmocka here, any other will do. First the handler alone, with a
 * context that answers what the test wants; then in a service under virtual time, with faults.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lambda/clock_virtual.h>
#include <lambda/json.h>
#include <lambda/testing.h>

#include "orders.h"

static const char *const bodies[] = {"{\"item\":\"tea\",\"count\":2}", "{\"item\":\"tea\",\"count\":99}", "no JSON"};

typedef struct fixture {
    lambda_clock_virtual *clock;
    lambda_test_log *log;
    lambda_test_memory memory;
    lambda_t *lambda;
    lambda_result result;
    json_t *event;
    char *text;
    lambda_bytes payload;
} fixture;

static int set_up(void **state)
{
    static fixture made;
    made = (fixture){.log = lambda_test_log_new()};
    lambda_options options = {.log = {lambda_test_log_sink(made.log)},
                              .allocator = lambda_test_allocator(&made.memory)};
    assert_int_equal(lambda_clock_virtual_open(1, 0, &made.clock), LAMBDA_OK);
    lambda_clock_virtual_options(made.clock, &options);
    assert_int_equal(lambda_open(&options, &made.lambda), LAMBDA_OK);
    lambda_function_config config = {.function_name = "orders",
                                     .code = lambda_code_native_hooks(orders, orders_init, orders_shutdown, NULL)};
    assert_int_equal(lambda_function_create(made.lambda, &config), LAMBDA_OK);
    made.event = lambda_test_event_sqs("orders", bodies, 3);
    made.text = json_dumps(made.event, 0);
    made.payload = lambda_bytes_make(made.text, strlen(made.text));
    *state = &made;
    return 0;
}

static int tear_down(void **state)
{
    fixture *all = *state;
    free(all->text);
    json_decref(all->event);
    lambda_result_clear(&all->result);
    assert_int_equal(lambda_close(all->lambda), 0);
    assert_int_equal(all->memory.live, 0);
    lambda_clock_virtual_close(all->clock);
    lambda_test_log_free(all->log);
    return 0;
}

static void the_handler_alone(void **state)
{
    fixture *all = *state;
    lambda_context *context;
    lambda_event *event;
    lambda_response *response;
    const lambda_pair variables[] = {{"MOST", "1"}};
    lambda_test_context_fields fields = {.function_name = "orders", .environment = variables, .environment_count = 1};
    assert_int_equal(lambda_test_context_new(all->lambda, &fields, &context), LAMBDA_OK);
    assert_int_equal(lambda_test_event_new(all->lambda, all->payload, &event), LAMBDA_OK);
    assert_int_equal(lambda_test_response_new(all->lambda, &response), LAMBDA_OK);
    assert_int_equal(orders_init(context), LAMBDA_OK);
    assert_int_equal(orders(event, context, response), LAMBDA_OK);
    assert_non_null(strstr(lambda_test_response_payload(response).data, "\"taken\":0"));
    assert_int_equal(lambda_test_log_count(all->log, "is not taken"), 3);
    orders_shutdown(context);
    lambda_test_response_free(response);
    lambda_test_event_free(event);
    lambda_test_context_free(context);
}

static void little_time_takes_nothing(void **state)
{
    fixture *all = *state;
    lambda_context *context;
    lambda_event *event;
    lambda_response *response;
    lambda_test_context_fields fields = {.remaining_time_ms = 90};
    assert_int_equal(lambda_test_context_new(all->lambda, &fields, &context), LAMBDA_OK);
    assert_int_equal(lambda_test_event_new(all->lambda, all->payload, &event), LAMBDA_OK);
    assert_int_equal(lambda_test_response_new(all->lambda, &response), LAMBDA_OK);
    assert_int_equal(orders_init(context), LAMBDA_OK);
    assert_int_equal(orders(event, context, response), LAMBDA_OK);
    assert_non_null(strstr(lambda_test_response_payload(response).data, "\"taken\":0"));
    orders_shutdown(context);
    lambda_test_response_free(response);
    lambda_test_event_free(event);
    lambda_test_context_free(context);
}

static void what_is_kept_between_invocations(void **state)
{
    fixture *all = *state;
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(lambda_invoke(all->lambda, "orders", all->payload, &all->result), LAMBDA_OK);
        assert_null(all->result.function_error);
        json_t *answer = json_loads(all->result.payload.data, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(answer, "taken")), 2 * i);
        assert_int_equal(json_array_size(json_object_get(answer, "batchItemFailures")), 2);
        json_decref(answer);
    }
    /* Ten minutes and a bit later its environment is gone, and what it kept. */
    lambda_clock_virtual_step(all->clock, UINT64_C(620000000000));
    assert_int_equal(lambda_invoke(all->lambda, "orders", all->payload, &all->result), LAMBDA_OK);
    assert_true(all->result.cold_start);
    assert_non_null(strstr(all->result.payload.data, "\"taken\":2"));
}

static void when_lambda_fails(void **state)
{
    fixture *all = *state;
    assert_int_equal(lambda_test_fault(all->lambda, "orders", LAMBDA_TEST_FAULT_THROTTLE, 1), LAMBDA_OK);
    assert_int_equal(lambda_test_fault(all->lambda, "orders", LAMBDA_TEST_FAULT_TIMEOUT, 1), LAMBDA_OK);
    assert_int_equal(lambda_invoke(all->lambda, "orders", all->payload, &all->result), LAMBDA_ERROR_TOO_MANY_REQUESTS);
    assert_int_equal(lambda_invoke(all->lambda, "orders", all->payload, &all->result), LAMBDA_OK);
    assert_non_null(strstr(all->result.payload.data, "Sandbox.Timedout"));
    assert_int_equal(lambda_invoke(all->lambda, "orders", all->payload, &all->result), LAMBDA_OK);
    assert_null(all->result.function_error);
}

static void when_memory_is_out(void **state)
{
    fixture *all = *state;
    for (uint64_t at = 1; at < 100; at++) {
        all->memory.requests = 0;
        all->memory.fail_at = at;
        lambda_status status = lambda_invoke(all->lambda, "orders", all->payload, &all->result);
        all->memory.fail_at = 0;
        if (all->memory.requests < at) {
            assert_int_equal(status, LAMBDA_OK);
            return;
        }
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        lambda_result_clear(&all->result);
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_handler_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(little_time_takes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_kept_between_invocations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_lambda_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_memory_is_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
