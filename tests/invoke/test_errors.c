/* Errors that a driver gives whole, of invocations and of init, with who is told of them; memory that it measures; timeouts in the log. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include <lambda/port/runtime.h>
#include <lambda/testing.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define MB      UINT64_C(1048576)
#define PAYLOAD "{\"errorMessage\":\"no such table\",\"errorType\":\"Db.Missing\",\"trace\":[\"a\",\"b\"]}"

static test_memory memory;
static lambda_handler *handles;
static lambda_init_hook *inits;

static lambda_status handle(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    return handles ? handles(event, context, response) : lambda_response_write(response, "1", 1);
}

static lambda_status init(lambda_context *context)
{
    return inits ? inits(context) : LAMBDA_OK;
}

typedef struct world {
    lambda_clock_virtual *clock;
    lambda_test_log *log;
    char traced_type[128]; /* of the last segment */
    char traced_message[128];
    lambda_t *lambda;
    lambda_result result;
} world;

static lambda_status note_segment(void *user, const lambda_trace_segment *segment)
{
    world *w = user;
    snprintf(w->traced_type, sizeof(w->traced_type), "%s", segment->spans[0].error_type);
    snprintf(w->traced_message, sizeof(w->traced_message), "%s", segment->spans[0].error_message);
    return LAMBDA_OK;
}

static void open_world(world *w, lambda_log_format format, lambda_isolation isolation)
{
    *w = (world){.log = lambda_test_log_new()};
    handles = NULL;
    inits = NULL;
    memory = (test_memory){0};
    lambda_options options = {
        .allocator = test_allocator(&memory), .limits = {.response_payload = 1000}, .trace_rate = 1};
    assert_int_equal(lambda_clock_virtual_open(7, 0, &w->clock), LAMBDA_OK);
    lambda_clock_virtual_options(w->clock, &options);
    options.log[0] = lambda_test_log_sink(w->log);
    options.trace[0] = (lambda_trace_exporter){.write = note_segment, .user = w, .direct = true};
    w->lambda = test_open(&options);
    lambda_function_config config = {.function_name = "f",
                                     .isolation = isolation,
                                     .tracing_mode = LAMBDA_TRACING_ACTIVE,
                                     .logging_config = {.log_format = format},
                                     .code = lambda_code_native_hooks(handle, init, NULL, w->clock)};
    assert_ok(w->lambda, lambda_function_create(w->lambda, &config));
}

static void close_world(world *w)
{
    lambda_result_clear(&w->result);
    assert_int_equal(lambda_close(w->lambda), 0);
    lambda_clock_virtual_close(w->clock);
    lambda_test_log_free(w->log);
    assert_int_equal(memory.live, 0);
}

static void invoke(world *w, const char *payload)
{
    assert_ok(w->lambda, lambda_invoke(w->lambda, "f", LAMBDA_JSON("1"), &w->result));
    test_assert_payload(&w->result, payload);
}

static void logged(const world *w, const char *text, size_t times)
{
    if (lambda_test_log_count(w->log, text) != times)
        fail_msg("\"%s\" is not %zu times in:\n%s", text, times, lambda_test_log_text(w->log));
}

static void traced(const world *w, const char *type, const char *message)
{
    assert_string_equal(w->traced_type, type);
    assert_string_equal(w->traced_message, message);
}

/* ---- of invocations */

static lambda_status fails_whole(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_t *lambda = lambda_context_service(context);
    char large[1001];
    memset(large, ' ', sizeof(large));
    assert_ok(lambda, lambda_response_write(response, "partial", 7));
    assert_ok(lambda, lambda_response_error(response, "Other", "message"));
    assert_ok(lambda, lambda_response_error_trace(response, "line"));
    char payload[] = PAYLOAD;
    assert_ok(lambda, lambda_response_error_payload(response, "Db.Missing", payload, strlen(payload)));
    memset(payload, 'x', sizeof(payload));
    assert_fails(lambda, lambda_response_error_trace(response, "line"), INVALID, "no error to trace");
    assert_fails(lambda, lambda_response_error_payload(response, "T", large, sizeof(large)),
                 LAMBDA_ERROR_REQUEST_TOO_LARGE, "payload");
    assert_fails(lambda, lambda_response_error_payload(response, "T", NULL, 1), INVALID, "payload");
    return LAMBDA_OK;
}

static lambda_status fails_without(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return lambda_response_error_payload(response, "Runtime.ExitError", NULL, 0);
}

static lambda_status fails_again(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    assert_int_equal(lambda_response_error_payload(response, "First", "[1]", 3), LAMBDA_OK);
    assert_int_equal(lambda_response_error(response, "Second", "two"), LAMBDA_OK);
    return lambda_response_error_trace(response, "here");
}

static lambda_status fails_oddly(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return lambda_response_error_payload(response, NULL, "no \xFF JSON", 9);
}

static void errors_are_given_whole(void **state)
{
    (void)state;
    world w;
    open_world(&w, LAMBDA_LOG_FORMAT_TEXT, LAMBDA_ISOLATION_INLINE);
    handles = fails_whole;
    invoke(&w, PAYLOAD);
    assert_string_equal(w.result.function_error, "Unhandled");
    logged(&w, "Error Type: Db.Missing", 1);
    traced(&w, "Db.Missing", "no such table");
    handles = fails_without;
    invoke(&w, "{\"errorMessage\":\"\",\"errorType\":\"Runtime.ExitError\",\"stackTrace\":[]}");
    traced(&w, "Runtime.ExitError", "");
    handles = fails_again;
    invoke(&w, "{\"errorMessage\":\"two\",\"errorType\":\"Second\",\"stackTrace\":[\"here\"]}");
    handles = fails_oddly;
    invoke(&w, "no \xFF JSON");
    traced(&w, "Error", "");
    handles = NULL;
    invoke(&w, "1");
    assert_null(w.result.function_error);
    close_world(&w);
}

/* ---- of init */

static lambda_status exits(lambda_context *context)
{
    lambda_t *lambda = lambda_context_service(context);
    assert_fails(lambda, lambda_context_init_error(context, NULL, NULL, 0), INVALID, "type");
    assert_fails(lambda, lambda_context_init_error(context, "T", NULL, 1), INVALID, "payload");
    assert_ok(lambda, lambda_context_init_error(context, "First", "{}", 2));
    assert_ok(lambda, lambda_context_init_error(context, "Runtime.ExitError", NULL, 0));
    return lambda_runtime_fail(lambda, LAMBDA_ERROR_SERVICE, "exit status 3");
}

static lambda_status refuses(lambda_context *context)
{
    char payload[] = PAYLOAD;
    lambda_status status = lambda_context_init_error(context, "Db.Missing", payload, strlen(payload));
    memset(payload, 'x', sizeof(payload));
    return status == LAMBDA_OK ? LAMBDA_ERROR_SERVICE : status;
}

static lambda_status says_nothing(lambda_context *context)
{
    return lambda_runtime_fail(lambda_context_service(context), LAMBDA_ERROR_SERVICE, "plain");
}

static int attempts;

/** The first attempt gives an error, the second only fails: what it said does not hold any more. */
static lambda_status refuses_once(lambda_context *context)
{
    return attempts++ == 0 ? refuses(context) : says_nothing(context);
}

/** Succeeds in spite of what it said. */
static lambda_status takes_it_back(lambda_context *context)
{
    (void)refuses(context);
    return LAMBDA_OK;
}

static lambda_status asks_too_late(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    assert_fails(lambda_context_service(context), lambda_context_init_error(context, "T", NULL, 0), INVALID, "init");
    return lambda_response_write(response, "1", 1);
}

static void errors_of_init_are_told(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        world w;
        open_world(&w, json ? LAMBDA_LOG_FORMAT_JSON : LAMBDA_LOG_FORMAT_TEXT, LAMBDA_ISOLATION_INLINE);
        inits = exits;
        assert_ok(w.lambda, lambda_invoke(w.lambda, "f", LAMBDA_JSON("1"), &w.result));
        char id[LAMBDA_REQUEST_ID_SIZE], message[128], payload[256];
        lambda_request_id_format(w.result.request_id, id);
        snprintf(message, sizeof(message), "RequestId: %s Error: exit status 3", id);
        snprintf(payload, sizeof(payload),
                 "{\"errorMessage\":\"%s\",\"errorType\":\"Runtime.ExitError\",\"stackTrace\":[]}", message);
        test_assert_payload(&w.result, payload);
        assert_string_equal(w.result.function_error, "Unhandled");
        /* Two attempts and the report; in JSON it stands in the end of each phase, too. The log of tests shows the text of both. */
        logged(&w, "Error Type: Runtime.ExitError", json ? 5 : 3);
        traced(&w, "Runtime.ExitError", message);
        inits = refuses;
        invoke(&w, PAYLOAD);
        logged(&w, "Error Type: Db.Missing", json ? 5 : 3);
        traced(&w, "Db.Missing", "no such table");
        inits = refuses_once;
        attempts = 0;
        invoke(&w, "{\"errorMessage\":\"plain\",\"errorType\":\"Runtime.InitError\",\"stackTrace\":[]}");
        inits = says_nothing;
        invoke(&w, "{\"errorMessage\":\"plain\",\"errorType\":\"Runtime.InitError\",\"stackTrace\":[]}");
        inits = takes_it_back;
        handles = asks_too_late;
        invoke(&w, "1");
        assert_null(w.result.function_error);
        close_world(&w);
    }
}

/** Is stopped when its attempt's time is over, as a driver stops a process. */
static lambda_status is_stopped(lambda_context *context)
{
    lambda_clock_virtual_step(lambda_context_user(context), lambda_context_remaining_ns(context) + 1);
    assert_int_equal(lambda_context_remaining_ns(context), 0);
    return attempts++ == 0 ? LAMBDA_ERROR_SERVICE : refuses(context);
}

/** Only its second attempt is. */
static lambda_status is_stopped_later(lambda_context *context)
{
    if (attempts > 0) return is_stopped(context);
    attempts++;
    return refuses(context);
}

static void an_init_may_be_stopped(void **state)
{
    (void)state;
    for (int later = 0; later < 2; later++) {
        world w;
        open_world(&w, LAMBDA_LOG_FORMAT_TEXT, LAMBDA_ISOLATION_INLINE);
        inits = later ? is_stopped_later : is_stopped;
        attempts = 0;
        assert_ok(w.lambda, lambda_invoke(w.lambda, "f", LAMBDA_JSON("1"), &w.result));
        assert_non_null(strstr(w.result.payload.data, "\"errorType\":\"Sandbox.Timedout\""));
        logged(&w, later ? "Phase: init\tStatus: error\tError Type: Db.Missing" : "Phase: init\tStatus: timeout", 1);
        logged(&w, "Phase: invoke\tStatus: timeout", 1);
        logged(&w, " Task timed out after 3.00 seconds", 1);
        lambda_statistics counts;
        assert_ok(w.lambda, lambda_statistics_get(w.lambda, &counts));
        assert_int_equal(counts.timeouts, 1);
        close_world(&w);
    }
}

static void memory_may_be_out_at_an_error(void **state)
{
    (void)state;
    for (int what = 0; what < 2; what++) {
        bool all = false;
        for (long at = 1; !all; at++) {
            world w;
            open_world(&w, LAMBDA_LOG_FORMAT_TEXT, LAMBDA_ISOLATION_INLINE);
            handles = what == 0 ? fails_oddly : NULL;
            inits = what == 1 ? refuses : NULL;
            memory.requests = 0;
            memory.fail_at = at;
            lambda_status status = lambda_invoke(w.lambda, "f", LAMBDA_JSON("1"), &w.result);
            all = memory.requests < at;
            memory.fail_at = 0;
            assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
            if (all) test_assert_payload(&w.result, what == 0 ? "no \xFF JSON" : PAYLOAD);
            close_world(&w);
        }
    }
}

/* ---- memory that was measured */

static uint64_t measured;

static lambda_status measures(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    assert_non_null(lambda_context_alloc(context, 10 * MB));
    lambda_context_report_memory(context, UINT64_MAX);
    if (measured > 0) lambda_context_report_memory(context, measured);
    assert_non_null(lambda_context_alloc(context, MB));
    return lambda_response_write(response, "1", 1);
}

static void memory_that_is_measured_counts(void **state)
{
    (void)state;
    world w;
    open_world(&w, LAMBDA_LOG_FORMAT_TEXT, LAMBDA_ISOLATION_INLINE);
    handles = measures;
    measured = 0;
    invoke(&w, "1");
    assert_true(w.result.max_memory_used == 11 * MB);
    /* Less than what was asked for: it is what counts. */
    measured = 3 * MB;
    invoke(&w, "1");
    assert_true(w.result.max_memory_used == 3 * MB);
    logged(&w, "Max Memory Used: 3 MB", 1);
    measured = 2 * MB;
    invoke(&w, "1");
    assert_true(w.result.max_memory_used == 3 * MB);
    measured = 5 * MB + 1;
    invoke(&w, "1");
    assert_true(w.result.max_memory_used == 5 * MB + 1);
    logged(&w, "Max Memory Used: 6 MB", 1);
    close_world(&w);
}

/* ---- timeouts */

static lambda_status overruns(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_clock_virtual_step(lambda_context_user(context), UINT64_C(3500000000));
    return LAMBDA_OK;
}

static void timeouts_have_their_line(void **state)
{
    (void)state;
    static const lambda_isolation isolations[] = {LAMBDA_ISOLATION_INLINE, LAMBDA_ISOLATION_THREAD};
    for (int i = 0; i < 4; i++) {
        bool json = i / 2 == 1;
        world w;
        open_world(&w, json ? LAMBDA_LOG_FORMAT_JSON : LAMBDA_LOG_FORMAT_TEXT, isolations[i % 2]);
        handles = overruns;
        lambda_invoke_options tail = {.log_type = LAMBDA_LOG_TYPE_TAIL};
        assert_ok(w.lambda, lambda_invoke_with(w.lambda, "f", LAMBDA_JSON("1"), &tail, &w.result));
        assert_string_equal(w.result.function_error, "Unhandled");
        logged(&w, " Task timed out after 3.00 seconds", json ? 0 : 1);
        if (!json) {
            const char *line = strstr(w.result.log_result.data, " Task timed out after 3.00 seconds\nEND RequestId");
            assert_non_null(line);
            /* "2026-01-01T00:00:00.000Z ID" before it, on its line. */
            char id[LAMBDA_REQUEST_ID_SIZE];
            lambda_request_id_format(w.result.request_id, id);
            assert_memory_equal(line - 36, id, 36);
            assert_memory_equal(line - 38, "Z ", 2);
            assert_int_equal(line[-62], '\n');
        }
        close_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_given_whole),         cmocka_unit_test(errors_of_init_are_told),
        cmocka_unit_test(an_init_may_be_stopped),         cmocka_unit_test(memory_may_be_out_at_an_error),
        cmocka_unit_test(memory_that_is_measured_counts), cmocka_unit_test(timeouts_have_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
