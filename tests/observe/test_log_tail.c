/* LogType Tail, and who tells what of a handler whose caller has left. */
#include "support.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/testing.h>

#define SECOND UINT64_C(1000000000)

static test_clock the_clock;
static sem_t gate;   /* lets what waits go on */
static sem_t inside; /* something waits */
static sem_t ended;  /* a shutdown hook has run */
static bool init_waits;
static bool init_fails;
static lambda_t *the_service;

static lambda_status starts(lambda_context *context)
{
    lambda_log(context, LAMBDA_LOG_INFO, "init");
    if (init_waits) {
        the_clock.monotonic += 60 * SECOND;
        sem_post(&inside);
        while (sem_wait(&gate) != 0)
            ;
    }
    return init_fails ? LAMBDA_ERROR_SERVICE : LAMBDA_OK;
}

static void ends(lambda_context *context)
{
    lambda_log(context, LAMBDA_LOG_INFO, "shutdown");
    sem_post(&ended);
}

static bool is(lambda_bytes payload, const char *text)
{
    return payload.length == strlen(text) && memcmp(payload.data, text, payload.length) == 0;
}

/** A number: so many lines. "late": logs while its caller leaves. "long": one long line. "nested": invokes another. */
static lambda_status works(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    lambda_bytes payload = lambda_event_payload(event);
    if (is(payload, "\"late\"")) {
        lambda_log(context, LAMBDA_LOG_INFO, "in time");
        the_clock.monotonic += 4 * SECOND;
        for (int i = 0; sem_trywait(&gate) != 0; i++)
            lambda_log(context, LAMBDA_LOG_INFO, "late %d %s", i, lambda_context_log_group_name(context));
    } else if (is(payload, "\"long\"")) {
        char text[4097];
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        lambda_log(context, LAMBDA_LOG_INFO, "%s", text);
    } else if (is(payload, "\"nested\"")) {
        lambda_result inner = {0};
        lambda_log(context, LAMBDA_LOG_INFO, "outer");
        lambda_status status = lambda_invoke(the_service, "inner", LAMBDA_JSON("1"), &inner);
        assert_int_equal(inner.log_result.length, 0);
        lambda_result_clear(&inner);
        return status;
    } else if (is(payload, "\"error\"")) {
        return lambda_response_error(response, "Bad", "bad");
    } else {
        int lines = atoi(payload.data);
        for (int i = 0; i < lines; i++)
            lambda_log(context, LAMBDA_LOG_INFO, "line %d", i);
    }
    return LAMBDA_OK;
}

static void create(lambda_t *lambda, const char *name, lambda_isolation isolation, lambda_log_format format)
{
    lambda_function_config config = {.function_name = name,
                                     .isolation = isolation,
                                     .code = lambda_code_native_hooks(works, starts, ends, NULL),
                                     .logging_config = {.log_format = format}};
    assert_ok(lambda, lambda_function_create(lambda, &config));
}

static lambda_t *open_service(lambda_options options)
{
    the_clock = (test_clock){.monotonic = SECOND, .wall = UINT64_C(1767225600) * SECOND};
    init_waits = init_fails = false;
    sem_init(&gate, 0, 0);
    sem_init(&inside, 0, 0);
    sem_init(&ended, 0, 0);
    options.clock = test_clock_port(&the_clock);
    the_service = test_open(&options);
    return the_service;
}

static void tail(lambda_t *lambda, const char *name, const char *payload, lambda_result *result)
{
    assert_ok(lambda, lambda_invoke_with(lambda, name, lambda_bytes_make(payload, strlen(payload)),
                                         &(lambda_invoke_options){.log_type = LAMBDA_LOG_TYPE_TAIL}, result));
}

/** The result's log is whole lines, and holds the text so often. */
static void assert_tail(const lambda_result *result, const char *text, size_t times)
{
    lambda_bytes log = result->log_result;
    size_t count = 0;
    assert_true(log.length <= 4096);
    assert_int_equal(strlen(log.data), log.length);
    assert_true(log.length == 0 || ((const char *)log.data)[log.length - 1] == '\n');
    for (const char *at = strstr(log.data, text); at; at = strstr(at + 1, text))
        count++;
    assert_int_equal(count, times);
}

static const lambda_isolation isolations[] = {LAMBDA_ISOLATION_INLINE, LAMBDA_ISOLATION_THREAD};

static void the_end_of_the_log_is_in_the_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        /* With a sink and without. */
        lambda_test_log *log = lambda_test_log_new();
        test_memory memory = {0};
        lambda_options options = {.allocator = test_allocator(&memory)};
        if (i >= 2) options.log[0] = lambda_test_log_sink(log);
        lambda_t *lambda = open_service(options);
        create(lambda, "f", isolations[i % 2], LAMBDA_LOG_FORMAT_TEXT);
        lambda_result result = {0};
        tail(lambda, "f", "2", &result);
        assert_memory_equal(result.log_result.data, "INIT_START ", 11);
        assert_tail(&result, "undefined\tINFO\tinit", 1);
        assert_tail(&result, "\tINFO\tline 1\n", 1);
        assert_tail(&result, "START RequestId: ", 1);
        assert_tail(&result, "END RequestId: ", 1);
        assert_tail(&result, "REPORT RequestId: ", 1);
        const void *kept = result.log_result.data;
        long requests = memory.requests;
        tail(lambda, "f", "500", &result);
        assert_ptr_equal(result.log_result.data, kept);
        assert_int_equal(memory.requests, requests);
        assert_true(result.log_result.length > 4000);
        assert_memory_equal(result.log_result.data, "2026-01-01T", 11);
        assert_tail(&result, "\tline 499\n", 1);
        assert_tail(&result, "START RequestId: ", 0);
        /* One line too long for all of it: its end. */
        tail(lambda, "f", "\"long\"", &result);
        assert_int_equal(result.log_result.length, 4096);
        assert_memory_equal(result.log_result.data, "xxx", 3);
        assert_tail(&result, "xxx\nEND RequestId: ", 1);
        assert_tail(&result, "REPORT", 1);
        tail(lambda, "f", "\"error\"", &result);
        assert_tail(&result, "\tStatus: error\tError Type: Bad\n", 1);
        /* The log of one is the payload of the next. */
        lambda_invoke_options wanted = {.log_type = LAMBDA_LOG_TYPE_TAIL};
        assert_ok(lambda, lambda_invoke_with(lambda, "f", result.log_result, &wanted, &result));
        assert_tail(&result, "REPORT", 1);
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
        assert_int_equal(result.log_result.length, 0);
        size_t heard = lambda_test_log_count(log, "REPORT");
        assert_int_equal(heard, i >= 2 ? 6 : 0);
        lambda_result_clear(&result);
        assert_int_equal(lambda_close(lambda), 0);
        assert_int_equal(memory.live, 0);
        lambda_test_log_free(log);
    }
}

static void nothing_is_logged_where_nothing_runs(void **state)
{
    (void)state;
    lambda_t *lambda = open_service((lambda_options){0});
    create(lambda, "f", LAMBDA_ISOLATION_INLINE, LAMBDA_LOG_FORMAT_TEXT);
    lambda_result result = {0};
    lambda_invoke_options options = {.log_type = LAMBDA_LOG_TYPE_TAIL};
    tail(lambda, "f", "1", &result);
    options.invocation_type = LAMBDA_DRY_RUN;
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("1"), &options, &result));
    assert_int_equal(result.log_result.length, 0);
    options.invocation_type = LAMBDA_REQUEST_RESPONSE;
    tail(lambda, "f", "1", &result);
    assert_ok(lambda, lambda_function_concurrency_put(lambda, "f", 0));
    assert_fails(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("1"), &options, &result),
                 LAMBDA_ERROR_TOO_MANY_REQUESTS, "");
    assert_int_equal(result.log_result.length, 0);
    options.log_type = (lambda_log_type)7;
    assert_fails(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("1"), &options, &result),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "log_type: 7 is none");
    options.log_type = LAMBDA_LOG_TYPE_TAIL;
    assert_fails(lambda, lambda_invoke_with(lambda, "none", LAMBDA_JSON("1"), &options, &result),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "none");
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
}

static void who_is_nested_has_a_log_of_its_own(void **state)
{
    (void)state;
    lambda_t *lambda = open_service((lambda_options){0});
    create(lambda, "f", LAMBDA_ISOLATION_INLINE, LAMBDA_LOG_FORMAT_JSON);
    create(lambda, "inner", LAMBDA_ISOLATION_INLINE, LAMBDA_LOG_FORMAT_TEXT);
    lambda_result result = {0};
    tail(lambda, "f", "\"nested\"", &result);
    assert_null(result.function_error);
    assert_tail(&result, "\"message\":\"outer\"", 1);
    assert_tail(&result, "\"type\":\"platform.report\"", 1);
    assert_tail(&result, "line 0", 0);
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
}

static void failures_of_init_are_in_it(void **state)
{
    (void)state;
    lambda_t *lambda = open_service((lambda_options){0});
    create(lambda, "f", LAMBDA_ISOLATION_THREAD, LAMBDA_LOG_FORMAT_TEXT);
    init_fails = true;
    lambda_result result = {0};
    tail(lambda, "f", "1", &result);
    assert_string_equal(result.function_error, "Unhandled");
    assert_tail(&result, "INIT_START", 1);
    assert_tail(&result, "INIT_REPORT", 2);
    assert_tail(&result, "\tStatus: error\tError Type: Runtime.InitError\n", 3);
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
}

/** A host that was compiled against a smaller result asks for a tail: nothing leaks. */
static void smaller_results_have_no_log(void **state)
{
    (void)state;
    test_memory memory = {0};
    lambda_t *lambda = open_service((lambda_options){.allocator = test_allocator(&memory)});
    create(lambda, "f", LAMBDA_ISOLATION_INLINE, LAMBDA_LOG_FORMAT_TEXT);
    lambda_invoke_options options = {.log_type = LAMBDA_LOG_TYPE_TAIL};
    static const size_t sizes[] = {offsetof(lambda_result, max_memory_used), offsetof(lambda_result, log_result),
                                   offsetof(lambda_result, log_capacity)};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        lambda_result result = {0};
        for (int times = 0; times < 2; times++)
            assert_ok(lambda,
                      lambda_invoke_sized(lambda, "f", LAMBDA_JSON("3"), &options, sizeof(options), &result, sizes[i]));
        lambda_result_clear_sized(&result, sizes[i]);
    }
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(memory.live, 0);
}

/** The caller leaves at the timeout while the handler goes on logging: what it has is what was said until then. */
static void a_late_handler_logs_on(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        test_memory memory = {0};
        lambda_test_log *log = lambda_test_log_new();
        lambda_options options = {.allocator = test_allocator(&memory)};
        if (i == 1) options.log[0] = lambda_test_log_sink(log);
        lambda_t *lambda = open_service(options);
        create(lambda, "f", LAMBDA_ISOLATION_THREAD, LAMBDA_LOG_FORMAT_TEXT);
        lambda_result result = {0};
        tail(lambda, "f", "\"late\"", &result);
        assert_string_equal(result.function_error, "Unhandled");
        assert_tail(&result, "REPORT RequestId: ", 1);
        assert_tail(&result, "\tStatus: timeout\n", 1);
        /* However much the late handler says, it is behind. */
        assert_string_equal(strstr(result.log_result.data, "\tStatus: timeout\n"), "\tStatus: timeout\n");
        assert_true(strstr(result.log_result.data, "Init Duration: 0.00 ms") != NULL);
        /* The result may be used again while the late handler is still there. */
        tail(lambda, "f", "1", &result);
        assert_tail(&result, "late", 0);
        assert_tail(&result, "line 0", 1);
        sem_post(&gate);
        while (sem_wait(&ended) != 0)
            ;
        lambda_result_clear(&result);
        assert_int_equal(lambda_close(lambda), 0);
        assert_int_equal(memory.live, 0);
        lambda_test_log_free(log);
    }
}

/** The caller leaves while init runs: START, END and REPORT come once, in this order, with the id, and without what nobody knows yet. */
static void a_caller_leaves_during_init(void **state)
{
    (void)state;
    test_memory memory = {0};
    lambda_test_log *log = lambda_test_log_new();
    lambda_t *lambda =
        open_service((lambda_options){.log = {lambda_test_log_sink(log)}, .allocator = test_allocator(&memory)});
    create(lambda, "f", LAMBDA_ISOLATION_THREAD, LAMBDA_LOG_FORMAT_TEXT);
    init_waits = true;
    lambda_result result = {0};
    tail(lambda, "f", "1", &result);
    assert_string_equal(result.function_error, "Unhandled");
    char id[LAMBDA_REQUEST_ID_SIZE];
    char start[80];
    char end[160];
    lambda_request_id_format(result.request_id, id);
    snprintf(start, sizeof(start), "START RequestId: %s Version: $LATEST\n", id);
    snprintf(end, sizeof(end), "END RequestId: %s\nREPORT RequestId: %s\t", id, id);
    assert_tail(&result, "\nSTART RequestId", 1);
    const char *started = strstr(result.log_result.data, start);
    assert_non_null(started);
    assert_non_null(strstr(started, end));
    assert_tail(&result, "Init Duration", 0);
    while (sem_wait(&inside) != 0)
        ;
    sem_post(&gate);
    while (sem_wait(&ended) != 0)
        ;
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(memory.live, 0);
    assert_int_equal(lambda_test_log_count(log, " START RequestId"), 1);
    assert_int_equal(lambda_test_log_count(log, " END RequestId"), 1);
    lambda_test_log_free(log);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (long nth = 1; nth < 30; nth++) {
        test_memory memory = {0};
        lambda_t *lambda = open_service((lambda_options){.allocator = test_allocator(&memory)});
        create(lambda, "f", LAMBDA_ISOLATION_INLINE, LAMBDA_LOG_FORMAT_TEXT);
        lambda_result result = {0};
        lambda_invoke_options options = {.log_type = LAMBDA_LOG_TYPE_TAIL};
        memory.fail_at = nth;
        lambda_status status = lambda_invoke_with(lambda, "f", LAMBDA_JSON("3"), &options, &result);
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_true(result.log_result.length <= 4096);
        memory.fail_at = 0;
        tail(lambda, "f", "3", &result);
        assert_tail(&result, "REPORT", 1);
        lambda_result_clear(&result);
        assert_int_equal(lambda_close(lambda), 0);
        assert_int_equal(memory.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_the_log_is_in_the_result), cmocka_unit_test(nothing_is_logged_where_nothing_runs),
        cmocka_unit_test(who_is_nested_has_a_log_of_its_own),  cmocka_unit_test(failures_of_init_are_in_it),
        cmocka_unit_test(smaller_results_have_no_log),         cmocka_unit_test(a_late_handler_logs_on),
        cmocka_unit_test(a_caller_leaves_during_init),         cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
