/* Responses that are read where the reader asks for them: back-pressure, errors, readers that stop, executors, closing, memory. */
#include "reader_world.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/clock_virtual.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- reading */

static void reads_what_is_written(void **state)
{
    (void)state;
    const size_t sizes[] = {777, 65536, 200000};
    create("f", writes_much, NULL);
    create("g", writes_much, &written);
    for (int i = 0; i < 6; i++) {
        lambda_response_reader *reader = open_reader(i % 2 ? "g" : "f");
        if (i % 3 == 0) assert_string_equal(lambda_response_reader_content_type(reader), "text/csv");
        assert_int_equal(read_all(reader, sizes[i / 2]), MUCH);
        assert_int_equal(read_all(reader, 10), 0);
        assert_string_equal(lambda_response_reader_content_type(reader), "text/csv");
        assert_ok(lambda, lambda_response_reader_close(reader, i == 5 ? NULL : &result));
        assert_null(result.function_error);
        assert_int_equal(result.status_code, 200);
        assert_int_equal(result.payload.length, 0);
        assert_true(result.request_id.low != 0);
    }
}

static lambda_status answers_little(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return lambda_response_write(response, block, 3);
}

static void short_and_empty_responses(void **state)
{
    (void)state;
    create("short", answers_little, NULL);
    create("empty", test_nothing, NULL);
    lambda_response_reader *reader = open_reader("short");
    assert_int_equal(read_all(reader, 2), 3);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    reader = open_reader("empty");
    assert_string_equal(lambda_response_reader_content_type(reader), "application/octet-stream");
    assert_int_equal(read_all(reader, 2), 0);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_null(result.function_error);
}

static void a_function_is_never_far_ahead(void **state)
{
    (void)state;
    char buffer[1000];
    size_t total = 0;
    size_t length = 0;
    create("f", writes_much, NULL);
    lambda_response_reader *reader = open_reader("f");
    do {
        assert_ok(lambda, lambda_response_reader_read(reader, buffer, sizeof(buffer), &length));
        total += length;
        /* And what is gathered of small pieces. */
        assert_true(atomic_load(&written) <= total + LAMBDA_RESPONSE_READER_BUFFER + 16384);
    } while (length > 0);
    assert_int_equal(total, MUCH);
    assert_ok(lambda, lambda_response_reader_close(reader, NULL));
    /* The buffer is allocated with the reader: so many bytes or more, nothing else is. */
    long requests = memory.requests;
    reader = open_reader("f");
    assert_int_equal(read_all(reader, 65536), MUCH);
    assert_ok(lambda, lambda_response_reader_close(reader, NULL));
    /* The reader, and where another thread of the library's takes it, that and its record. */
    assert_in_range(memory.requests - requests, 1, 4);
}

/* ---- errors */

static lambda_status fails_in_the_middle(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    assert_ok(lambda, write_many(response, 100000, 5000));
    return lambda_response_error(response, "Broken", "in the middle");
}

static lambda_status fails_at_once(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    return lambda_response_error(response, "Broken", "at once");
}

static void errors_of_the_function(void **state)
{
    (void)state;
    create("middle", fails_in_the_middle, NULL);
    create("once", fails_at_once, NULL);
    lambda_response_reader *reader = open_reader("middle");
    assert_int_equal(read_all(reader, 65536), 100000);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_string_equal(result.function_error, "Unhandled");
    test_assert_payload(&result, "{\"errorMessage\":\"in the middle\",\"errorType\":\"Broken\",\"stackTrace\":[]}");
    reader = open_reader("once");
    assert_string_equal(lambda_response_reader_content_type(reader), "");
    assert_int_equal(read_all(reader, 65536), 0);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    test_assert_payload(&result, "{\"errorMessage\":\"at once\",\"errorType\":\"Broken\",\"stackTrace\":[]}");
}

static void errors_of_the_invocation(void **state)
{
    (void)state;
    char buffer[10];
    size_t length = 77;
    lambda_response_reader *reader = open_reader("none");
    assert_fails(lambda, lambda_response_reader_read(reader, buffer, sizeof(buffer), &length),
                 LAMBDA_ERROR_RESOURCE_NOT_FOUND, "function:none");
    assert_int_equal(length, 0);
    assert_string_equal(lambda_response_reader_content_type(reader), "");
    assert_fails(lambda, lambda_response_reader_close(reader, &result), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "none");
    assert_int_equal(result.status_code, 0);
    create("f", test_nothing, NULL);
    assert_ok(lambda, lambda_function_concurrency_put(lambda, "f", 0));
    reader = open_reader("f");
    assert_fails(lambda, lambda_response_reader_close(reader, &result), LAMBDA_ERROR_TOO_MANY_REQUESTS, "Rate");
    assert_string_equal(result.throttle_reason, "ReservedFunctionConcurrentInvocationLimitExceeded");
}

static void refusals(void **state)
{
    (void)state;
    const lambda_bytes payload = LAMBDA_JSON("{}");
    const lambda_response_stream stream = {0};
    lambda_response_reader *reader = (lambda_response_reader *)(uintptr_t)1;
    char buffer[4];
    size_t length = 0;
    assert_fails(NULL, lambda_response_reader_open(NULL, "f", payload, NULL, &reader), INVALID, "lambda");
    assert_null(reader);
    assert_fails(lambda, lambda_response_reader_open(lambda, "f", payload, NULL, NULL), INVALID, "reader");
    assert_fails(lambda, lambda_response_reader_open(lambda, NULL, payload, NULL, &reader), INVALID, "function_name");
    assert_fails(lambda, lambda_response_reader_open(lambda, "a b", payload, NULL, &reader), INVALID, "function_name");
    assert_fails(lambda,
                 lambda_response_reader_open(lambda, "f", payload,
                                             &(lambda_invoke_options){.invocation_type = LAMBDA_DRY_RUN}, &reader),
                 INVALID, "invocation_type");
    assert_fails(
        lambda, lambda_response_reader_open(lambda, "f", payload, &(lambda_invoke_options){.stream = &stream}, &reader),
        INVALID, "stream");
    assert_fails(
        lambda,
        lambda_response_reader_open(lambda, "f", payload, &(lambda_invoke_options){.traceparent = "no"}, &reader),
        INVALID, "traceparent");
    assert_fails(lambda, lambda_response_reader_open(lambda, "f", lambda_bytes_make(NULL, 4), NULL, &reader), INVALID,
                 "payload");
    assert_fails(NULL, lambda_response_reader_read(NULL, buffer, 4, &length), INVALID, "reader");
    create("f", test_nothing, NULL);
    reader = open_reader("f");
    assert_fails(lambda, lambda_response_reader_read(reader, NULL, 4, &length), INVALID, "buffer");
    assert_fails(lambda, lambda_response_reader_read(reader, buffer, 4, NULL), INVALID, "length");
    assert_fails(lambda, lambda_response_reader_read(reader, buffer, 0, &length), INVALID, "size");
    lambda_t *other = test_open(NULL);
    lambda_result foreign = {0};
    test_create(other, "echo", test_echo, NULL);
    assert_ok(other, lambda_invoke(other, "echo", payload, &foreign));
    assert_fails(lambda, lambda_response_reader_close(reader, &foreign), INVALID, "result");
    assert_fails(lambda, lambda_response_reader_close_sized(reader, &result, 8), INVALID, "result");
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_ok(lambda, lambda_response_reader_close(NULL, &result));
    assert_string_equal(lambda_response_reader_content_type(NULL), "");
    lambda_result_clear(&foreign);
    lambda_close(other);
    lambda_t *alone = test_open(&(lambda_options){.executor = {.kind = LAMBDA_EXECUTOR_NONE}});
    assert_fails(alone, lambda_response_reader_open(alone, "f", payload, NULL, &reader), LAMBDA_ERROR_SERVICE,
                 "LAMBDA_EXECUTOR_NONE");
    lambda_close(alone);
}

static lambda_status sees_all(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    lambda_bytes client = lambda_context_client_context(context);
    lambda_bytes identity = lambda_context_identity(context);
    assert_string_equal(lambda_context_trace_id(context), "Root=1-5759e988-bd862e3fe1be46a994272793");
    assert_non_null(strstr(lambda_context_invoked_function_arn(context), ":f:$LATEST"));
    await(&gate);
    assert_ok(lambda, lambda_response_write(response, client.data, client.length));
    assert_ok(lambda, lambda_response_write(response, identity.data, identity.length));
    return lambda_response_write(response, lambda_event_payload(event).data, lambda_event_payload(event).length);
}

static void all_that_was_given_is_copied(void **state)
{
    (void)state;
    char texts[7][64] = {"f", "$LATEST", "client", "identity", "\"event\"", "Root=1-5759e988-bd862e3fe1be46a994272793"};
    char buffer[64];
    size_t length = 0;
    size_t total = 0;
    lambda_response_reader *reader;
    create("f", sees_all, NULL);
    lambda_invoke_options options = {.qualifier = texts[1],
                                     .client_context = lambda_bytes_make(texts[2], 6),
                                     .identity = lambda_bytes_make(texts[3], 8),
                                     .trace_id = texts[5],
                                     .log_type = LAMBDA_LOG_TYPE_TAIL};
    assert_ok(lambda, lambda_response_reader_open(lambda, texts[0], lambda_bytes_make(texts[4], 7), &options, &reader));
    memset(texts, 'z', sizeof(texts));
    memset(&options, 0xFF, sizeof(options));
    sem_post(&gate);
    do {
        assert_ok(lambda, lambda_response_reader_read(reader, buffer + total, sizeof(buffer) - total, &length));
        total += length;
    } while (length > 0);
    assert_int_equal(total, 21);
    assert_memory_equal(buffer, "clientidentity\"event\"", 21);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_non_null(strstr(result.log_result.data, "REPORT RequestId"));
    /* A host that was compiled with a shorter result gets what it has room for. */
    lambda_result shorter = {0};
    create("error", fails_at_once, NULL);
    assert_ok(lambda, lambda_response_reader_open(lambda, "error", LAMBDA_JSON("{}"),
                                                  &(lambda_invoke_options){.log_type = LAMBDA_LOG_TYPE_TAIL}, &reader));
    assert_ok(lambda, lambda_response_reader_close_sized(reader, &shorter, offsetof(lambda_result, log_result)));
    assert_string_equal(shorter.function_error, "Unhandled");
    assert_null(shorter.log_result.data);
    lambda_result_clear_sized(&shorter, offsetof(lambda_result, log_result));
}

/* ---- readers that stop, and slow ones */

static _Atomic bool returned; /* writes_until_refused has */

static lambda_status writes_until_refused(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    while (write_many(response, sizeof(block), sizeof(block)) == LAMBDA_OK)
        ;
    atomic_store(&returned, true);
    return (lambda_status)atomic_load(&refused);
}

static lambda_status waits_and_writes(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    sem_post(&inside);
    await(&gate);
    return writes_until_refused(event, context, response);
}

static void a_reader_stops(void **state)
{
    (void)state;
    char buffer[10];
    size_t length = 0;
    create("f", writes_until_refused, NULL);
    lambda_response_reader *reader = open_reader("f");
    assert_ok(lambda, lambda_response_reader_read(reader, buffer, sizeof(buffer), &length));
    assert_int_equal(length, 10);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_true(atomic_load(&returned));
    assert_int_equal(atomic_load(&refused), LAMBDA_ERROR_SERVICE);
    test_assert_payload(
        &result,
        "{\"errorMessage\":\"response: its reader was closed\",\"errorType\":\"ServiceException\",\"stackTrace\":[]}");
    /* Before anything was read; and before the function has begun, or after, or just now. */
    for (int i = 0; i < 20; i++) {
        atomic_store(&returned, false);
        reader = open_reader("f");
        assert_ok(lambda, lambda_response_reader_close(reader, &result));
        assert_true(atomic_load(&returned));
        assert_string_equal(result.function_error, "Unhandled");
    }
    /* While it does something else. */
    create("waits", waits_and_writes, NULL);
    reader = open_reader("waits");
    await(&inside);
    sem_post(&gate);
    assert_ok(lambda, lambda_response_reader_close(reader, NULL));
}

static test_clock the_clock;

static void a_slow_reader_lets_the_time_pass(void **state)
{
    (void)state;
    lambda_close(lambda);
    the_clock = (test_clock){.monotonic = 1, .wall = 1};
    lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory),
                                         .clock = test_clock_port(&the_clock),
                                         .limits.streamed_response_payload = UINT64_MAX});
    assert_ok(lambda, lambda_function_create(
                          lambda, &(lambda_function_config){.function_name = "f",
                                                            .code = lambda_code_native(writes_until_refused, NULL),
                                                            .isolation = LAMBDA_ISOLATION_THREAD,
                                                            .timeout_ms = 1000}));
    lambda_response_reader *reader = open_reader("f");
    static char buffer[65536];
    size_t length = 0;
    assert_ok(lambda, lambda_response_reader_read(reader, buffer, 1, &length));
    atomic_fetch_add(&the_clock.monotonic, UINT64_C(2000000000));
    /* Sooner or later the caller sees that the time is over; all that came before is read. */
    while (length > 0)
        assert_ok(lambda, lambda_response_reader_read(reader, buffer, sizeof(buffer), &length));
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
}

/* ---- in a handler */

static char innermost[512]; /* why the innermost invocation could not be run */

static lambda_status passes_on(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)context;
    char buffer[10000];
    size_t length = 0;
    lambda_response_reader *reader;
    lambda_result own = {0};
    lambda_status status = lambda_response_reader_open(lambda, "inner", lambda_event_payload(event), NULL, &reader);
    if (status != LAMBDA_OK) return status;
    do {
        status = lambda_response_reader_read(reader, buffer, sizeof(buffer), &length);
        if (status == LAMBDA_OK) status = lambda_response_write(response, buffer, length);
    } while (status == LAMBDA_OK && length > 0);
    lambda_status ended = lambda_response_reader_close(reader, &own);
    if (ended != LAMBDA_OK) strncpy(innermost, lambda_error_message(lambda), sizeof(innermost) - 1);
    if (ended == LAMBDA_OK && own.function_error) lambda_response_error(response, "Inner", "see there");
    lambda_result_clear(&own);
    return status == LAMBDA_OK ? ended : status;
}

static void handlers_read_too(void **state)
{
    (void)state;
    create("outer", passes_on, NULL);
    create("inner", writes_much, NULL);
    lambda_response_reader *reader = open_reader("outer");
    assert_int_equal(read_all(reader, 65536), MUCH);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_null(result.function_error);
}

static void a_loop_through_readers_is_seen(void **state)
{
    (void)state;
    create("inner", passes_on, NULL);
    lambda_response_reader *reader = open_reader("inner");
    read_all(reader, 65536);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_string_equal(result.function_error, "Unhandled");
    assert_non_null(strstr(innermost, "it goes in a loop"));
    lambda_statistics statistics;
    assert_ok(lambda, lambda_statistics_get(lambda, &statistics));
    assert_int_equal(statistics.invocations, 16);
    /* Where loops are allowed, how deep they go is limited. */
    assert_ok(lambda, lambda_function_recursion_config_put(lambda, "inner", LAMBDA_RECURSIVE_LOOP_ALLOW));
    reader = open_reader("inner");
    read_all(reader, 65536);
    assert_ok(lambda, lambda_response_reader_close(reader, &result));
    assert_non_null(strstr(innermost, "nested 64 deep"));
}

/* ---- executors */

static void in_virtual_time(void **state)
{
    (void)state;
    const lambda_isolation isolations[] = {LAMBDA_ISOLATION_INLINE, LAMBDA_ISOLATION_THREAD};
    lambda_close(lambda);
    lambda_clock_virtual *clock;
    lambda_options options = {.allocator = test_allocator(&memory)};
    assert_ok(NULL, lambda_clock_virtual_open(7, 0, &clock));
    lambda_clock_virtual_options(clock, &options);
    lambda = test_open(&options);
    const char *names[] = {"f", "g"};
    for (int i = 0; i < 2; i++) {
        assert_ok(lambda, lambda_function_create(
                              lambda, &(lambda_function_config){.function_name = names[i],
                                                                .code = lambda_code_native(writes_much, NULL),
                                                                .isolation = isolations[i]}));
        lambda_response_reader *reader = open_reader(names[i]);
        assert_string_equal(lambda_response_reader_content_type(reader), "text/csv");
        assert_int_equal(read_all(reader, 777), MUCH);
        assert_ok(lambda, lambda_response_reader_close(reader, &result));
        assert_null(result.function_error);
        /* Run by the clock, before anybody asks; and by the close. */
        reader = open_reader(names[i]);
        lambda_clock_virtual_step(clock, 1);
        assert_int_equal(read_all(reader, 200000), MUCH);
        assert_ok(lambda, lambda_response_reader_close(reader, &result));
        reader = open_reader(names[i]);
        assert_ok(lambda, lambda_response_reader_close(reader, &result));
        assert_non_null(strstr(result.payload.data, "its reader was closed"));
    }
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    lambda_clock_virtual_close(clock);
    lambda = test_open(NULL);
}

typedef struct piece {
    void (*work)(void *argument);
    void *argument;
} piece;

static _Atomic int pieces;
static lambda_status start_status;
static pthread_t started[8];

static void *run_piece(void *user)
{
    piece own = *(piece *)user;
    free(user);
    own.work(own.argument);
    return NULL;
}

static lambda_status start(void *user, void (*work)(void *argument), void *argument)
{
    (void)user;
    if (start_status != LAMBDA_OK) return start_status;
    piece *made = malloc(sizeof(*made));
    assert_non_null(made);
    *made = (piece){work, argument};
    int number = atomic_fetch_add(&pieces, 1);
    assert_true(number < 8);
    assert_int_equal(pthread_create(&started[number], NULL, run_piece, made), 0);
    return LAMBDA_OK;
}

static void on_a_hosts_threads(void **state)
{
    (void)state;
    lambda_close(lambda);
    lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory),
                                         .executor = {.kind = LAMBDA_EXECUTOR_HOST, .start = start}});
    create("f", writes_much, NULL);
    for (int i = 0; i < 3; i++) {
        lambda_response_reader *reader = open_reader("f");
        if (i < 2) assert_int_equal(read_all(reader, 5000), MUCH);
        assert_ok(lambda, lambda_response_reader_close(reader, &result));
        assert_int_equal(result.function_error != NULL, i == 2);
    }
    start_status = LAMBDA_ERROR_RESOURCE_CONFLICT;
    lambda_response_reader *reader;
    assert_int_equal(lambda_response_reader_open(lambda, "f", LAMBDA_JSON("{\"x\":1}"), NULL, &reader),
                     LAMBDA_ERROR_RESOURCE_CONFLICT);
    assert_null(reader);
    start_status = LAMBDA_OK;
    for (int i = 0; i < atomic_load(&pieces); i++)
        pthread_join(started[i], NULL);
}

static void *read_several(void *user)
{
    (void)user;
    lambda_result own = {0};
    for (int i = 0; i < 10; i++) {
        static _Thread_local char buffer[30000];
        size_t total = 0;
        size_t length = 0;
        lambda_response_reader *reader = open_reader("f");
        do {
            assert_ok(lambda, lambda_response_reader_read(reader, buffer, sizeof(buffer), &length));
            total += length;
        } while (length > 0 && (i % 3 != 2 || total < 100000));
        if (i % 3 != 2) assert_int_equal(total, MUCH);
        assert_ok(lambda, lambda_response_reader_close(reader, &own));
    }
    lambda_result_clear(&own);
    return NULL;
}

static void many_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    create("f", writes_much, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_several, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

/* ---- closing the service, and memory */

static void a_service_stays_as_long_as_its_readers(void **state)
{
    (void)state;
    char buffer[1000];
    size_t length = 0;
    lambda_close(lambda);
    lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory), .close_grace_ms = 1});
    create("f", writes_until_refused, NULL);
    create("short", answers_little, NULL);
    lambda_response_reader *reader = open_reader("f");
    assert_ok(lambda, lambda_response_reader_read(reader, buffer, sizeof(buffer), &length));
    assert_int_equal(lambda_close(lambda), 1);
    assert_int_equal(lambda_response_reader_read(reader, buffer, sizeof(buffer), &length), LAMBDA_OK);
    assert_true(length > 0);
    assert_fails(NULL, lambda_response_reader_close(reader, &result), LAMBDA_ERROR_SERVICE, "has closed");
    assert_int_equal(result.payload.length, 0);
    assert_int_equal(result.capacity, 0);
    assert_int_equal(memory.live, 0);
    /* One whose function has ended is open too. */
    lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory), .close_grace_ms = 1});
    create("short", answers_little, NULL);
    reader = open_reader("short");
    assert_int_equal(lambda_close(lambda), 1);
    assert_int_equal(lambda_response_reader_close(reader, NULL), LAMBDA_ERROR_SERVICE);
    assert_int_equal(memory.live, 0);
    lambda = test_open(NULL);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool complete = false;
    for (long at = 1; !complete; at++) {
        char buffer[100];
        size_t length = 0;
        lambda_response_reader *reader = NULL;
        assert_int_equal(lambda_close(lambda), 0);
        lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
        create("f", answers_little, NULL);
        memory.requests = 0;
        memory.fail_at = at;
        lambda_status status = lambda_response_reader_open(lambda, "f", LAMBDA_JSON("{}"), NULL, &reader);
        if (status != LAMBDA_OK) {
            assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
            assert_null(reader);
            memory.fail_at = 0;
            continue;
        }
        lambda_status read = lambda_response_reader_read(reader, buffer, sizeof(buffer), &length);
        status = lambda_response_reader_close(reader, &result);
        complete = memory.requests < at;
        memory.fail_at = 0;
        assert_int_equal(status, read);
        if (read == LAMBDA_OK && !result.function_error)
            assert_int_equal(length, 3);
        else
            assert_true(result.function_error || read == LAMBDA_ERROR_OUT_OF_MEMORY);
        lambda_result_clear(&result);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_what_is_written),
        TEST(short_and_empty_responses),
        TEST(a_function_is_never_far_ahead),
        TEST(errors_of_the_function),
        TEST(errors_of_the_invocation),
        TEST(refusals),
        TEST(all_that_was_given_is_copied),
        TEST(a_reader_stops),
        TEST(a_slow_reader_lets_the_time_pass),
        TEST(handlers_read_too),
        TEST(a_loop_through_readers_is_seen),
        TEST(in_virtual_time),
        TEST(on_a_hosts_threads),
        TEST(many_at_once),
        TEST(a_service_stays_as_long_as_its_readers),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
