/* THREAD isolation with real threads: timeouts on time, late handlers, closing with a grace, a host's threads, waiting. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/pump.h>
#include <lambda/testing.h>

#include "environment/environment.h"
#include "service.h"

#define SECOND UINT64_C(1000000000)

/* A clock that the test moves; while `ticking`, each reading moves it on, and the `post_at`th posts `gate`. */
static test_clock the_clock;
static _Atomic int ticking;
static _Atomic int post_at;
static sem_t gate;   /* lets a handler that waits return */
static sem_t inside; /* a handler has come to its gate */
static sem_t ended;  /* a shutdown hook has run */
static _Atomic int reasons[8];
static _Atomic int inits;
static char seen[256]; /* what a late handler saw */

static uint64_t tick(void *user)
{
    (void)user;
    if (atomic_load(&ticking) && atomic_fetch_sub(&post_at, 1) == 1) sem_post(&gate);
    return atomic_fetch_add(&the_clock.monotonic, (uint64_t)(atomic_load(&ticking) * 1000000)) + 1;
}

static uint64_t tick_wall(void *user)
{
    (void)user;
    return UINT64_C(1767225600000000000);
}

static lambda_status starts(lambda_context *context)
{
    (void)context;
    atomic_fetch_add(&inits, 1);
    return LAMBDA_OK;
}

static void ends(lambda_context *context)
{
    atomic_fetch_add(&reasons[lambda_context_shutdown_reason(context)], 1);
    sem_post(&ended);
}

/** "late": lets its time pass, then waits at the gate. "gate": waits there. Else answers at once. */
static lambda_status works(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    lambda_bytes payload = lambda_event_payload(event);
    bool late = payload.length == 6 && memcmp(payload.data, "\"late\"", 6) == 0;
    bool waits = payload.length == 6 && memcmp(payload.data, "\"gate\"", 6) == 0;
    if (late) atomic_fetch_add(&the_clock.monotonic, 4 * SECOND);
    if (late || waits) {
        sem_post(&inside);
        while (sem_wait(&gate) != 0)
            ;
        lambda_bytes client = lambda_context_client_context(context);
        snprintf(seen, sizeof(seen), "%.*s %.*s %s %s %d", (int)payload.length, (const char *)payload.data,
                 (int)client.length, (const char *)client.data, lambda_context_trace_id(context),
                 lambda_context_invoked_function_arn(context)
                     ? strrchr(lambda_context_invoked_function_arn(context), ':')
                     : "",
                 (int)lambda_context_remaining_time_in_millis(context));
    }
    return lambda_response_write(response, "1", 1);
}

static lambda_t *open_with(lambda_options options)
{
    options.clock = (lambda_clock){.monotonic = tick, .wall = tick_wall};
    atomic_store(&the_clock.monotonic, SECOND);
    atomic_store(&ticking, 0);
    atomic_store(&inits, 0);
    for (int i = 0; i < 8; i++)
        atomic_store(&reasons[i], 0);
    sem_init(&gate, 0, 0);
    sem_init(&inside, 0, 0);
    sem_init(&ended, 0, 0);
    lambda_t *lambda = test_open(&options);
    lambda_function_config config = {.function_name = "f",
                                     .isolation = LAMBDA_ISOLATION_THREAD,
                                     .publish = true,
                                     .code = lambda_code_native_hooks(works, starts, ends, NULL)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    return lambda;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static void a_timeout_is_told_on_time(void **state)
{
    (void)state;
    test_memory memory = {0};
    lambda_test_log *log = lambda_test_log_new();
    lambda_t *lambda =
        open_with((lambda_options){.log = {lambda_test_log_sink(log)}, .allocator = test_allocator(&memory)});
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "f:1", LAMBDA_JSON("1"), &result));
    assert_true(result.cold_start);
    char payload[] = "\"late\"";
    char client[] = "{\"a\":1}";
    char trace[] = "Root=1-2-3";
    char qualifier[] = "1";
    lambda_invoke_options options = {
        .client_context = lambda_bytes_make(client, strlen(client)), .trace_id = trace, .qualifier = qualifier};
    assert_ok(lambda, lambda_invoke_with(lambda, "f", lambda_bytes_make(payload, 6), &options, &result));
    /* The handler is still there. */
    assert_string_equal(result.function_error, "Unhandled");
    assert_non_null(strstr((const char *)result.payload.data, "Sandbox.Timedout"));
    assert_non_null(strstr((const char *)result.payload.data, "Task timed out after 3.00 seconds"));
    assert_int_equal(result.duration_ns, 3 * SECOND);
    memset(payload, 'x', sizeof(payload) - 1);
    memset(client, 'x', sizeof(client) - 1);
    memset(trace, 'x', sizeof(trace) - 1);
    memset(qualifier, 'x', sizeof(qualifier) - 1);
    /* A new environment serves the next; the late one ends when its handler comes back, and only then. */
    assert_ok(lambda, lambda_invoke(lambda, "f:1", LAMBDA_JSON("1"), &result));
    assert_true(result.cold_start);
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_TIMEOUT]), 0);
    wait_for(&inside);
    sem_post(&gate);
    wait_for(&ended);
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_TIMEOUT]), 1);
    assert_string_equal(seen, "\"late\" {\"a\":1} Root=1-2-3 :1 0");
    lambda_statistics counts;
    assert_ok(lambda, lambda_statistics_get(lambda, &counts));
    assert_int_equal(counts.timeouts, 1);
    assert_int_equal(counts.errors, 1);
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_CLOSE]), 1);
    assert_int_equal(atomic_load(&inits), 2);
    assert_int_equal(memory.live, 0);
    assert_int_equal(lambda_test_log_count(log, "REPORT"), 3);
    assert_int_equal(lambda_test_log_count(log, "END"), 3);
    assert_int_equal(lambda_test_log_count(log, "Status: timeout"), 1);
    lambda_test_log_free(log);
}

static pthread_t the_caller;
static _Atomic bool looked_for; /* the caller's readings of the clock are told */
static sem_t looked;

static uint64_t tick_looked(void *user)
{
    if (atomic_load(&looked_for) && pthread_equal(pthread_self(), the_caller)) sem_post(&looked);
    return tick(user);
}

/** Takes longer than a handler may, so that the caller looks again and waits for what it then knows of: init's deadline. */
static lambda_status starts_watched(lambda_context *context)
{
    atomic_fetch_add(&the_clock.monotonic, 4 * SECOND);
    atomic_store(&looked_for, true);
    for (int i = 0; i < 6; i++)
        wait_for(&looked);
    atomic_store(&looked_for, false);
    return starts(context);
}

static void a_timeout_after_init_is_told_on_time(void **state)
{
    (void)state;
    lambda_t *unused = open_with((lambda_options){0});
    lambda_close(unused);
    sem_init(&looked, 0, 0);
    the_caller = pthread_self();
    lambda_t *lambda = test_open(&(lambda_options){.clock = {.monotonic = tick_looked, .wall = tick_wall}});
    lambda_function_config config = {.function_name = "f",
                                     .isolation = LAMBDA_ISOLATION_THREAD,
                                     .code = lambda_code_native_hooks(works, starts_watched, ends, NULL)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    lambda_result result = {0};
    /* The clock then stands between the handler's deadline and that of init. */
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("\"late\""), &result));
    assert_non_null(strstr((const char *)result.payload.data, "Task timed out after 3.00 seconds"));
    sem_post(&gate);
    wait_for(&ended);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

static void closing_waits_for_a_late_handler(void **state)
{
    (void)state;
    test_memory memory = {0};
    lambda_t *lambda = open_with((lambda_options){.allocator = test_allocator(&memory), .close_grace_ms = 1000000});
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("\"late\""), NULL));
    atomic_store(&post_at, 5);
    atomic_store(&ticking, 1);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_TIMEOUT]), 1);
    assert_int_equal(memory.live, 0);
}

static void what_is_abandoned_is_reported(void **state)
{
    (void)state;
    test_memory memory = {0};
    lambda_test_log *log = lambda_test_log_new();
    lambda_t *lambda = open_with((lambda_options){
        .log = {lambda_test_log_sink(log)}, .allocator = test_allocator(&memory), .close_grace_ms = 20});
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("\"late\""), NULL));
    wait_for(&inside);
    atomic_store(&post_at, 0);
    atomic_store(&ticking, 5);
    assert_int_equal(lambda_close(lambda), 1);
    assert_int_equal(lambda_test_log_count(log, "the handler of f:$LATEST still runs and is abandoned"), 1);
    /* When it comes back at last, all is freed; the hook is not called in a service that was closed. */
    assert_true(memory.live > 0);
    sem_post(&gate);
    while (memory.bytes > 0)
        sched_yield();
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_TIMEOUT]), 0);
    lambda_test_log_free(log);
}

/* ---- a host's threads: one for each piece of work */

static pthread_t threads[64];
static _Atomic int threads_count;

typedef struct piece {
    void (*work)(void *argument);
    void *argument;
} piece;

static void *run_piece(void *user)
{
    piece taken = *(piece *)user;
    free(user);
    taken.work(taken.argument);
    return NULL;
}

static lambda_status start_piece(void *user, void (*work)(void *argument), void *argument)
{
    if (*(int *)user) return LAMBDA_ERROR_SERVICE;
    piece *made = malloc(sizeof(*made));
    *made = (piece){work, argument};
    assert_true(threads_count < 64);
    return pthread_create(&threads[atomic_fetch_add(&threads_count, 1)], NULL, run_piece, made) == 0
               ? LAMBDA_OK
               : LAMBDA_ERROR_SERVICE;
}

static void a_host_lends_its_threads(void **state)
{
    (void)state;
    int refuses = 0;
    test_memory memory = {0};
    lambda_t *lambda =
        open_with((lambda_options){.allocator = test_allocator(&memory),
                                   .idle_timeout_ms = 1000,
                                   .executor = {.kind = LAMBDA_EXECUTOR_HOST, .start = start_piece, .user = &refuses}});
    lambda_result result = {0};
    for (int i = 0; i < 5; i++)
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "1");
    assert_int_equal(threads_count, 5);
    refuses = 1;
    assert_fails(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result), LAMBDA_ERROR_SERVICE, "");
    refuses = 0;
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("\"late\""), &result));
    assert_non_null(strstr((const char *)result.payload.data, "Sandbox.Timedout"));
    sem_post(&gate);
    /* Retiring is due work: the host's pump does it. Both have ended by then, one late and one idle. */
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
    atomic_fetch_add(&the_clock.monotonic, 2 * SECOND);
    lambda_pump_report report;
    assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, &report));
    assert_true(report.done > 0);
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_TIMEOUT]), 1);
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_IDLE]), 1);
    for (int i = 0; i < threads_count; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(memory.live, 0);
}

/* ---- waiting for concurrency */

static void *invoke_gate(void *user)
{
    return (void *)(intptr_t)lambda_invoke(user, "f", LAMBDA_JSON("\"gate\""), NULL);
}

/** Opens the gate once somebody waits for concurrency. */
static void *open_gate(void *user)
{
    lambda_t *lambda = user;
    while (atomic_load(&lambda->environments->waiting) == 0)
        sched_yield();
    sem_post(&gate);
    return NULL;
}

static void who_waits_is_woken(void **state)
{
    (void)state;
    lambda_t *lambda = open_with((lambda_options){.limits = {.concurrent_executions = 1}});
    test_create(lambda, "g", test_echo, NULL);
    const char *const names[] = {"f", "g"};
    for (size_t i = 0; i < 2; i++) {
        pthread_t holder;
        pthread_t opener;
        assert_int_equal(pthread_create(&holder, NULL, invoke_gate, lambda), 0);
        wait_for(&inside);
        assert_fails(lambda, lambda_invoke(lambda, names[i], LAMBDA_JSON("1"), NULL), LAMBDA_ERROR_TOO_MANY_REQUESTS,
                     "");
        assert_int_equal(pthread_create(&opener, NULL, open_gate, lambda), 0);
        /* The clock stands still: only being woken ends this. */
        assert_ok(lambda, lambda_invoke_with(lambda, names[i], LAMBDA_JSON("1"),
                                             &(lambda_invoke_options){.wait_ms = 1000}, NULL));
        void *status = NULL;
        pthread_join(holder, &status);
        pthread_join(opener, NULL);
        assert_null(status);
    }
    assert_int_equal(lambda_close(lambda), 0);
}

static lambda_status nests(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_t *lambda = lambda_context_service(context);
    lambda_result result = {0};
    lambda_status status = lambda_invoke(lambda, lambda_context_user(context), LAMBDA_JSON("1"), &result);
    if (status == LAMBDA_OK) status = lambda_response_write(response, result.payload.data, result.payload.length);
    lambda_result_clear(&result);
    return status;
}

static void handlers_on_threads_invoke_each_other(void **state)
{
    (void)state;
    lambda_t *lambda = open_with((lambda_options){0});
    lambda_function_config config = {
        .function_name = "outer", .isolation = LAMBDA_ISOLATION_THREAD, .code = lambda_code_native(nests, "inner")};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    config.function_name = "inner";
    config.code = lambda_code_native(nests, "f");
    assert_ok(lambda, lambda_function_create(lambda, &config));
    lambda_result result = {0};
    for (int i = 0; i < 10; i++)
        assert_ok(lambda, lambda_invoke(lambda, "outer", LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, "1");
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(atomic_load(&inits), 1);
}

/** The library's own threads start environments ahead and retire them: nobody pumps. */
static void the_keeper_works_by_itself(void **state)
{
    (void)state;
    lambda_t *lambda = open_with((lambda_options){.idle_timeout_ms = 1000});
    assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:1", 3));
    lambda_provisioned_concurrency got = {0};
    do {
        sched_yield();
        assert_ok(lambda, lambda_provisioned_concurrency_get(lambda, "f:1", &got));
    } while (got.status == LAMBDA_PROVISIONED_CONCURRENCY_IN_PROGRESS);
    assert_int_equal(got.status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
    assert_int_equal(atomic_load(&inits), 3);
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "f:1", LAMBDA_JSON("1"), &result));
    assert_false(result.cold_start);
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
    assert_true(result.cold_start);
    atomic_fetch_add(&the_clock.monotonic, 2 * SECOND);
    wait_for(&ended);
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_IDLE]), 1);
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(atomic_load(&reasons[LAMBDA_SHUTDOWN_CLOSE]), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeout_is_told_on_time),
        cmocka_unit_test(a_timeout_after_init_is_told_on_time),
        cmocka_unit_test(closing_waits_for_a_late_handler),
        cmocka_unit_test(what_is_abandoned_is_reported),
        cmocka_unit_test(a_host_lends_its_threads),
        cmocka_unit_test(who_waits_is_woken),
        cmocka_unit_test(handlers_on_threads_invoke_each_other),
        cmocka_unit_test(the_keeper_works_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
