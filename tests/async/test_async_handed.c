/* What an event carries, when it is too old, who may push while a service closes, and who is never told. Under virtual time. */
#include <pthread.h>
#include <string.h>

#include "async_world.h"

/* ---- what the handler is handed */

typedef struct carried {
    char trace_id[256];
    char client_context[256];
    uint32_t runs;
} carried;

static lambda_status look_at_context(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    carried *c = lambda_context_user(context);
    lambda_bytes client_context = lambda_context_client_context(context);
    assert_true(client_context.length < sizeof(c->client_context));
    strcpy(c->trace_id, lambda_context_trace_id(context));
    memset(c->client_context, 0, sizeof(c->client_context));
    if (client_context.length > 0) memcpy(c->client_context, client_context.data, client_context.length);
    c->runs++;
    return LAMBDA_OK;
}

static void check_carried(world *w, carried *c, const char *trace_id, const char *client_context)
{
    const lambda_async_options options = {
        .trace_id = trace_id[0] ? trace_id : NULL,
        .client_context = lambda_bytes_make(client_context, strlen(client_context)),
    };
    uint32_t runs = c->runs;
    assert_ok(w->lambda, lambda_invoke_async(w->lambda, "f", LAMBDA_JSON("1"), &options, NULL));
    lambda_clock_virtual_step(w->clock, 0);
    assert_int_equal(c->runs, runs + 1);
    assert_string_equal(c->trace_id, trace_id);
    assert_string_equal(c->client_context, client_context);
}

static void trace_and_client_context_reach_the_handler(void **state)
{
    (void)state;
    world w;
    carried c = {0};
    open_world(&w);
    test_create(w.lambda, "f", look_at_context, &c);
    check_carried(&w, &c, "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "{\"custom\":{\"a\":1}}");
    check_carried(&w, &c, "", "");
    check_carried(&w, &c, "Root=1-2-3", "");
    check_carried(&w, &c, "", "{}");
    close_world(&w);
}

/* ---- too old */

/** Notes that it ran, and takes 61 seconds. */
static lambda_status take_a_minute(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    world *w = lambda_context_user(context);
    lambda_status status = note(event, context, response);
    lambda_clock_virtual_step(w->clock, 61 * SECOND);
    return status;
}

static void an_event_gets_too_old_behind_a_slow_one(void **state)
{
    (void)state;
    world w;
    lambda_options options = {.async_workers = 1};
    open_with(&w, &options);
    lambda_function_config slow = {
        .function_name = "slow", .timeout_ms = 900000, .code = lambda_code_native(take_a_minute, &w)};
    assert_ok(w.lambda, lambda_function_create(w.lambda, &slow));
    test_create(w.lambda, "f", note, &w);
    test_create(w.lambda, "patient", note, &w);
    lambda_event_invoke_config config = {.maximum_event_age_s = 60};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    lambda_async_options told_of = {.callback = told, .user = &w};
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "slow", LAMBDA_JSON("\"slow\""), NULL, NULL));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("\"f\""), &told_of, NULL));
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "patient", LAMBDA_JSON("\"patient\""), NULL, NULL));
    lambda_clock_virtual_step(w.clock, 120 * SECOND);
    assert_int_equal(w.runs, 2);
    assert_string_equal(w.seen, "\"patient\"");
    assert_int_equal(w.outcomes, 1);
    assert_int_equal(w.outcome.condition, LAMBDA_ASYNC_EVENT_AGE_EXCEEDED);
    assert_int_equal(w.outcome.invoke_count, 0);
    assert_int_equal(statistics(&w).dropped_event_age_exceeded, 1);
    close_world(&w);
}

/* ---- who is never told */

static void who_was_refused_is_not_told(void **state)
{
    (void)state;
    world w;
    lambda_options options = {0};
    lambda_queue_memory_options small = {.max_messages = 2};
    assert_int_equal(lambda_queue_memory_open(&small, &options.queue), LAMBDA_OK);
    open_with(&w, &options);
    test_create(w.lambda, "f", note, &w);
    lambda_async_options told_of = {.callback = told, .user = &w};
    lambda_bytes two[2] = {LAMBDA_JSON("1"), LAMBDA_JSON("2")};
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("0"), NULL, NULL));
    assert_fails(w.lambda, lambda_invoke_async_batch(w.lambda, "f", two, 2, &told_of, NULL),
                 LAMBDA_ERROR_TOO_MANY_REQUESTS, "full");
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("0"), NULL, NULL));
    assert_fails(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), &told_of, NULL),
                 LAMBDA_ERROR_TOO_MANY_REQUESTS, "full");
    close_world(&w);
    /* Nothing of theirs was accepted: there is no end to be told of. */
    assert_int_equal(w.runs, 0);
    assert_int_equal(w.outcomes, 0);
}

/* ---- the dropped */

enum { DROPPED = 300, REMEMBERED = 256 };

static lambda_status fail_always(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return lambda_response_error(response, "Broken", "it is broken");
}

typedef struct listed {
    uint32_t count;
    lambda_request_id ids[DROPPED];
} listed;

static bool list(void *user, const lambda_async_event *event)
{
    listed *all = user;
    assert_true(all->count < DROPPED);
    assert_int_equal(event->state, LAMBDA_ASYNC_DROPPED);
    assert_string_equal(event->function_name, "f");
    all->ids[all->count++] = event->request_id;
    return true;
}

static void the_last_dropped_are_remembered(void **state)
{
    (void)state;
    world w;
    static listed all;
    static lambda_request_id ids[DROPPED];
    open_world(&w);
    test_create(w.lambda, "f", fail_always, NULL);
    lambda_event_invoke_config config = {.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS};
    assert_ok(w.lambda, lambda_event_invoke_config_put(w.lambda, "f", &config));
    for (uint32_t i = 0; i < DROPPED; i++) {
        assert_ok(w.lambda, lambda_invoke_async(w.lambda, "f", LAMBDA_JSON("1"), NULL, &ids[i]));
        lambda_clock_virtual_step(w.clock, 1);
    }
    assert_int_equal(statistics(&w).dropped_retries_exhausted, DROPPED);
    memset(&all, 0, sizeof(all));
    assert_ok(w.lambda, lambda_async_list(w.lambda, "f", list, &all));
    assert_int_equal(all.count, REMEMBERED);
    assert_memory_equal(all.ids, ids + DROPPED - REMEMBERED, REMEMBERED * sizeof(ids[0]));
    lambda_async_event *event;
    assert_fails(w.lambda, lambda_async_get(w.lambda, ids[DROPPED - REMEMBERED - 1], &event),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "there is no event");
    close_world(&w);
}

/* ---- pushing while it closes */

typedef struct closing {
    lambda_t *lambda;
    lambda_status by_host;
    lambda_status by_target;
    lambda_status by_handler;
} closing;

static void *push_as_host(void *user)
{
    closing *c = user;
    lambda_target *target;
    c->by_host = lambda_invoke_async(c->lambda, "f", LAMBDA_JSON("\"host\""), NULL, NULL);
    if (lambda_target_open(c->lambda, "f", &target) != LAMBDA_OK) return NULL;
    c->by_target = lambda_target_invoke_async(target, LAMBDA_JSON("\"host\""), NULL, NULL);
    lambda_target_close(target);
    return NULL;
}

static lambda_status push_from_all(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    closing *c = lambda_context_user(context);
    pthread_t host;
    assert_int_equal(pthread_create(&host, NULL, push_as_host, c), 0);
    pthread_join(host, NULL);
    c->by_handler = lambda_invoke_async(c->lambda, "f", LAMBDA_JSON("\"handler\""), NULL, NULL);
    return LAMBDA_OK;
}

static void handlers_may_push_while_it_drains(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    closing c = {.lambda = w.lambda};
    test_create(w.lambda, "f", note, &w);
    test_create(w.lambda, "pushes", push_from_all, &c);
    assert_ok(w.lambda, lambda_invoke_async(w.lambda, "pushes", LAMBDA_JSON("1"), NULL, NULL));
    lambda_close_options options = {.drain_ms = A_DAY};
    assert_int_equal(lambda_close_with(w.lambda, &options), 0);
    assert_int_equal(c.by_host, LAMBDA_ERROR_SERVICE);
    assert_int_equal(c.by_target, LAMBDA_ERROR_SERVICE);
    assert_int_equal(c.by_handler, LAMBDA_OK);
    /* What was accepted ran before the end. */
    assert_int_equal(w.runs, 1);
    assert_string_equal(w.seen, "\"handler\"");
    lambda_test_log_free(w.log);
    lambda_clock_virtual_close(w.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace_and_client_context_reach_the_handler),
        cmocka_unit_test(an_event_gets_too_old_behind_a_slow_one),
        cmocka_unit_test(who_was_refused_is_not_told),
        cmocka_unit_test(the_last_dropped_are_remembered),
        cmocka_unit_test(handlers_may_push_while_it_drains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
