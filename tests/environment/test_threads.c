/* Threads that create, update, publish, delete and invoke the same functions together. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS = 3, INVOKERS = 6, ROUNDS = 300 };

static lambda_t *shared;
static _Atomic bool stop;
static _Atomic long environments; /* initialised and not shut down */
static _Atomic long busy;         /* handlers that run */
static _Atomic long peak;
static _Atomic long answered;

/** The environment's state: an invocation that finds another inside of it has found a defect. */
typedef struct room {
    _Atomic int inside;
} room;

static lambda_status room_init(lambda_context *context)
{
    room *made = calloc(1, sizeof(*made));
    lambda_context_set_state(context, made);
    atomic_fetch_add(&environments, 1);
    return made ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
}

static void room_shutdown(lambda_context *context)
{
    room *entered = lambda_context_state(context);
    if (atomic_load(&entered->inside) != 0) abort();
    atomic_fetch_sub(&environments, 1);
    free(entered);
}

static lambda_status room_call(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    room *entered = lambda_context_state(context);
    if (atomic_fetch_add(&entered->inside, 1) != 0) abort();
    long now = atomic_fetch_add(&busy, 1) + 1;
    long most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now))
        continue;
    lambda_bytes payload = lambda_event_payload(event);
    lambda_status status = lambda_response_write(response, payload.data, payload.length);
    atomic_fetch_sub(&busy, 1);
    atomic_fetch_sub(&entered->inside, 1);
    return status;
}

static lambda_function_config config(int i, char name[16])
{
    snprintf(name, 16, "f%d", i);
    return (lambda_function_config){
        .function_name = name,
        .isolation = i == 1 ? LAMBDA_ISOLATION_THREAD : LAMBDA_ISOLATION_INLINE,
        .spare_environments = i == 2 ? 1 : 0,
        .code = lambda_code_native_hooks(room_call, room_init, room_shutdown, (void *)(intptr_t)(i + 1))};
}

static bool expected(lambda_status status)
{
    return status == LAMBDA_OK || status == LAMBDA_ERROR_RESOURCE_NOT_FOUND ||
           status == LAMBDA_ERROR_RESOURCE_CONFLICT || status == LAMBDA_ERROR_TOO_MANY_REQUESTS;
}

/** What a thread that saw a wrong status returns; says which. */
static void *unexpected(lambda_status status)
{
    print_error("%s: %s\n", lambda_status_name(status), lambda_error_message(shared));
    return shared;
}

static void *invoker(void *user)
{
    lambda_target *target = user;
    lambda_result result = {0};
    static const char *const names[] = {"f0", "f1", "f2", "f0:live", "f1:1", "f2:$LATEST"};
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        const char *name = names[i % (sizeof(names) / sizeof(names[0]))];
        lambda_status status = i % 3
                                   ? lambda_invoke(shared, name, lambda_bytes_make(name, strlen(name)), &result)
                                   : lambda_target_invoke(target, lambda_bytes_make(name, strlen(name)), NULL, &result);
        if (!expected(status)) return unexpected(status);
        if (status != LAMBDA_OK) continue;
        if (result.function_error || memcmp(result.payload.data, name, strlen(name)) != 0) {
            print_error("%s: %.*s\n", name, (int)result.payload.length, (const char *)result.payload.data);
            return (void *)3;
        }
        atomic_fetch_add(&answered, 1);
    }
    lambda_target_close(target);
    lambda_result_clear(&result);
    return NULL;
}

static void *changer(void *user)
{
    unsigned seed = (unsigned)(uintptr_t)user;
    for (int round = 0; round < ROUNDS; round++) {
        char name[16];
        lambda_function_config made = config((int)(seed % FUNCTIONS), name);
        lambda_status status;
        switch ((seed = seed * 1103515245u + 12345u) >> 16 & 7) {
        case 0:
            status = lambda_function_delete(shared, name);
            break;
        case 1:
            status = lambda_function_create(shared, &made);
            break;
        case 2:
            status = lambda_version_publish(shared, name, NULL, NULL);
            break;
        case 3:
            status = lambda_alias_create(shared, name, &(lambda_alias_config){.name = "live", .function_version = "1"});
            break;
        case 4:
            status = lambda_alias_delete(shared, name, "live");
            break;
        case 5:
            status = lambda_function_update_configuration(shared, name,
                                                          &(lambda_function_config){.timeout_ms = 1000 + seed % 1000});
            break;
        case 6:
            status = lambda_provisioned_concurrency_put(shared, round % 2 ? "f0:1" : "f1:live", 1 + seed % 2);
            if (status == LAMBDA_ERROR_INVALID_PARAMETER_VALUE) status = LAMBDA_OK; /* no room, or both */
            if (status == LAMBDA_OK && round % 3 == 0) status = lambda_function_concurrency_put(shared, name, seed % 3);
            if (status == LAMBDA_ERROR_INVALID_PARAMETER_VALUE) status = LAMBDA_OK;
            if (status == LAMBDA_OK && round % 3 == 1) status = lambda_function_concurrency_delete(shared, name);
            if (status == LAMBDA_OK && round % 4 == 0) status = lambda_provisioned_concurrency_delete(shared, "f0:1");
            break;
        default:
            status = lambda_function_update_code(shared, name, &(lambda_function_code_update){.code = made.code});
            break;
        }
        if (!expected(status)) return unexpected(status);
        if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) lambda_function_create(shared, &made);
    }
    return NULL;
}

static void changes_and_invocations_together(void **state)
{
    (void)state;
    shared =
        test_open(&(lambda_options){.limits = {.concurrent_executions = 4, .unreserved_concurrent_executions = 1}});
    for (int i = 0; i < FUNCTIONS; i++) {
        char name[16];
        lambda_function_config made = config(i, name);
        assert_ok(shared, lambda_function_create(shared, &made));
    }
    pthread_t invokers[INVOKERS];
    pthread_t changers[2];
    for (size_t i = 0; i < INVOKERS; i++) {
        /* Before anybody deletes it; who has it open is then told so. */
        lambda_target *target = NULL;
        assert_ok(shared, lambda_target_open(shared, "f0", &target));
        assert_int_equal(pthread_create(&invokers[i], NULL, invoker, target), 0);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&changers[i], NULL, changer, (void *)(uintptr_t)(i + 1)), 0);
    void *wrong = NULL;
    for (size_t i = 0; i < 2; i++) {
        pthread_join(changers[i], &wrong);
        assert_null(wrong);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < INVOKERS; i++) {
        pthread_join(invokers[i], &wrong);
        assert_null(wrong);
    }
    lambda_statistics statistics;
    assert_ok(shared, lambda_statistics_get(shared, &statistics));
    assert_int_equal(statistics.invocations, answered);
    assert_true(peak <= 4);
    lambda_close(shared);
    assert_int_equal(environments, 0);
}

static pthread_barrier_t entered;
static pthread_barrier_t leave;

static lambda_status waits(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    pthread_barrier_wait(&entered);
    pthread_barrier_wait(&leave);
    return lambda_response_write(response, "1", 1);
}

static void *invoke_waiting(void *user)
{
    lambda_t *lambda = user;
    lambda_status status = lambda_invoke(lambda, "f", LAMBDA_JSON("1"), NULL);
    return (void *)(intptr_t)status;
}

static void *close_service(void *user)
{
    lambda_close(user);
    return NULL;
}

static void closing_waits_for_what_runs(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    test_create(lambda, "f", waits, NULL);
    pthread_barrier_init(&entered, NULL, 2);
    pthread_barrier_init(&leave, NULL, 2);
    pthread_t running;
    pthread_t closing;
    assert_int_equal(pthread_create(&running, NULL, invoke_waiting, lambda), 0);
    pthread_barrier_wait(&entered);
    assert_int_equal(pthread_create(&closing, NULL, close_service, lambda), 0);
    pthread_barrier_wait(&leave);
    void *status = NULL;
    pthread_join(running, &status);
    assert_null(status);
    pthread_join(closing, NULL);
    pthread_barrier_destroy(&entered);
    pthread_barrier_destroy(&leave);
}

static void a_thread_at_the_limit_is_throttled(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(&(lambda_options){.limits = {.concurrent_executions = 1}});
    test_create(lambda, "f", waits, NULL);
    test_create(lambda, "g", test_nothing, NULL);
    pthread_barrier_init(&entered, NULL, 2);
    pthread_barrier_init(&leave, NULL, 2);
    pthread_t running;
    assert_int_equal(pthread_create(&running, NULL, invoke_waiting, lambda), 0);
    pthread_barrier_wait(&entered);
    assert_fails(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), NULL), LAMBDA_ERROR_TOO_MANY_REQUESTS,
                 "ConcurrentInvocationLimitExceeded");
    assert_fails(lambda, lambda_invoke(lambda, "g", LAMBDA_JSON("1"), NULL), LAMBDA_ERROR_TOO_MANY_REQUESTS,
                 "ConcurrentInvocationLimitExceeded");
    pthread_barrier_wait(&leave);
    pthread_join(running, NULL);
    assert_ok(lambda, lambda_invoke(lambda, "g", LAMBDA_JSON("1"), NULL));
    lambda_close(lambda);
    pthread_barrier_destroy(&entered);
    pthread_barrier_destroy(&leave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_and_invocations_together),
        cmocka_unit_test(closing_waits_for_what_runs),
        cmocka_unit_test(a_thread_at_the_limit_is_throttled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
