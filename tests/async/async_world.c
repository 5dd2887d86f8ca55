#include "async_world.h"

#include <string.h>

void open_with(world *w, lambda_options *options)
{
    memset(w, 0, sizeof(*w));
    assert_int_equal(lambda_clock_virtual_open(7, 0, &w->clock), LAMBDA_OK);
    lambda_clock_virtual_options(w->clock, options);
    w->log = lambda_test_log_new();
    options->log[0] = lambda_test_log_sink(w->log);
    options->log_level = LAMBDA_LOG_ERROR;
    options->system_log_level = LAMBDA_LOG_WARN;
    w->lambda = test_open(options);
}

void open_world(world *w)
{
    lambda_options options = {.async_workers = 4};
    open_with(w, &options);
}

void close_world(world *w)
{
    assert_int_equal(lambda_close(w->lambda), 0);
    lambda_test_log_free(w->log);
    lambda_clock_virtual_close(w->clock);
}

lambda_status note(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    world *w = lambda_context_user(context);
    lambda_bytes payload = lambda_event_payload(event);
    assert_true(w->runs < ATTEMPTS_MAX);
    w->at[w->runs] = lambda_clock_virtual_now(w->clock);
    strcpy(w->ids[w->runs++], lambda_context_aws_request_id(context));
    assert_true(payload.length < sizeof(w->seen));
    memcpy(w->seen, payload.data, payload.length);
    w->seen[payload.length] = '\0';
    if (w->runs <= w->failures) return lambda_response_error(response, "Broken", "it is broken");
    return lambda_response_write(response, "{\"done\":true}", 13);
}

void told(void *user, const lambda_async_outcome *outcome)
{
    world *w = user;
    w->outcome = *outcome;
    w->outcomes++;
    assert_true(outcome->payload.length < sizeof(w->answer));
    if (outcome->payload.length > 0) memcpy(w->answer, outcome->payload.data, outcome->payload.length);
    w->answer[outcome->payload.length] = '\0';
}

lambda_async_statistics statistics(const world *w)
{
    lambda_async_statistics now;
    assert_ok(w->lambda, lambda_async_statistics_get(w->lambda, &now));
    /* Every accepted event has ended in exactly one way, or is there. */
    assert_int_equal(now.accepted, now.succeeded + now.delivered + now.dropped_retries_exhausted +
                                       now.dropped_event_age_exceeded + now.dropped_recursive_loop +
                                       now.dropped_delivery_failed + now.purged + now.waiting + now.delayed +
                                       now.running);
    return now;
}
