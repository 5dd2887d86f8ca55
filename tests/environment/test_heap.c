/* Memory of an environment: what is counted, its limit, and that it ends with the environment. */
#include "support.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include <lambda/testing.h>

#define SECOND    UINT64_C(1000000000)
#define MEGABYTES ((size_t)1048576)

static test_memory memory;

static lambda_t *open_counted(lambda_options options)
{
    memory = (test_memory){0};
    options.allocator = test_allocator(&memory);
    return test_open(&options);
}

static void close_counted(lambda_t *lambda)
{
    lambda_close(lambda);
    assert_int_equal(memory.live, 0);
}

/** A context of a function with 128 MB; the service's live allocations before anything is asked. */
static lambda_context *fake(lambda_t *lambda, long *live)
{
    lambda_context *context = NULL;
    assert_ok(lambda, lambda_test_context_new(lambda, NULL, &context));
    *live = memory.live;
    return context;
}

static bool is_aligned(const void *data)
{
    return (uintptr_t)data % _Alignof(max_align_t) == 0;
}

static bool is_all(const unsigned char *data, size_t length, unsigned char value)
{
    for (size_t i = 0; i < length; i++)
        if (data[i] != value) return false;
    return true;
}

static void bytes_are_counted_as_asked_for(void **state)
{
    (void)state;
    long live;
    lambda_t *lambda = open_counted((lambda_options){0});
    lambda_context *context = fake(lambda, &live);
    assert_int_equal(lambda_context_memory_in_use(context), 0);
    unsigned char *one = lambda_context_alloc(context, 1000);
    unsigned char *two = lambda_context_alloc(context, 0);
    unsigned char *three = lambda_context_alloc(context, 24);
    assert_true(one && two && three);
    assert_true(is_aligned(one) && is_aligned(two) && is_aligned(three));
    assert_true(is_all(one, 1000, 0) && two[0] == 0 && is_all(three, 24, 0));
    assert_int_equal(lambda_context_memory_in_use(context), 1025);
    assert_int_equal(memory.live, live + 3);
    lambda_context_free(context, two);
    assert_int_equal(lambda_context_memory_in_use(context), 1024);
    lambda_context_free(context, NULL);
    lambda_context_free(context, one);
    assert_int_equal(lambda_context_memory_in_use(context), 24);
    assert_int_equal(memory.live, live + 1);
    /* What is left goes with the context. */
    assert_non_null(lambda_context_alloc(context, 5));
    lambda_test_context_free(context);
    close_counted(lambda);
}

static void a_block_can_be_resized(void **state)
{
    (void)state;
    long live;
    lambda_t *lambda = open_counted((lambda_options){0});
    lambda_context *context = fake(lambda, &live);
    /* In the middle of others, so that both neighbours have to find it again. */
    void *before = lambda_context_alloc(context, 10);
    unsigned char *block = lambda_context_realloc(context, NULL, 10);
    void *after = lambda_context_alloc(context, 10);
    assert_true(before && block && after);
    assert_true(is_all(block, 10, 0));
    memset(block, 7, 10);
    block = lambda_context_realloc(context, block, 5000);
    assert_non_null(block);
    assert_true(is_aligned(block) && is_all(block, 10, 7));
    assert_int_equal(lambda_context_memory_in_use(context), 5020);
    memset(block, 8, 5000);
    block = lambda_context_realloc(context, block, 3);
    assert_non_null(block);
    assert_true(is_all(block, 3, 8));
    assert_int_equal(lambda_context_memory_in_use(context), 23);
    block = lambda_context_realloc(context, block, 0);
    assert_non_null(block);
    assert_int_equal(lambda_context_memory_in_use(context), 21);
    lambda_context_free(context, before);
    lambda_context_free(context, after);
    lambda_context_free(context, block);
    assert_int_equal(lambda_context_memory_in_use(context), 0);
    assert_int_equal(memory.live, live);
    lambda_test_context_free(context);
    close_counted(lambda);
}

static void no_more_than_the_functions_memory_size(void **state)
{
    (void)state;
    long live;
    lambda_t *lambda = open_counted((lambda_options){0});
    lambda_context *context = fake(lambda, &live);
    const size_t most = 128 * MEGABYTES;
    unsigned char *block = lambda_context_alloc(context, 100);
    assert_non_null(block);
    memset(block, 3, 100);
    assert_null(lambda_context_alloc(context, most - 99));
    assert_non_null(strstr(lambda_error_message(lambda), "memory_size of 128 MB"));
    assert_null(lambda_context_alloc(context, SIZE_MAX));
    assert_null(lambda_context_alloc(context, SIZE_MAX - 8));
    assert_null(lambda_context_realloc(context, block, most + 1));
    assert_null(lambda_context_realloc(context, block, SIZE_MAX));
    /* As it was. */
    assert_true(is_all(block, 100, 3));
    assert_int_equal(lambda_context_memory_in_use(context), 100);
    assert_int_equal(memory.live, live + 1);
    /* To the last byte, and what is resized makes room for itself. */
    void *rest = lambda_context_alloc(context, most - 100);
    assert_non_null(rest);
    assert_null(lambda_context_alloc(context, 1));
    lambda_context_free(context, rest);
    block = lambda_context_realloc(context, block, most);
    assert_non_null(block);
    assert_int_equal(lambda_context_memory_in_use(context), most);
    assert_null(lambda_context_alloc(context, 0));
    lambda_test_context_free(context);
    close_counted(lambda);
}

static void when_memory_is_out_all_is_as_it_was(void **state)
{
    (void)state;
    long live;
    lambda_t *lambda = open_counted((lambda_options){0});
    lambda_context *context = fake(lambda, &live);
    unsigned char *block = lambda_context_alloc(context, 100);
    assert_non_null(block);
    memset(block, 9, 100);
    for (int i = 0; i < 2; i++) {
        memory.requests = 0;
        memory.fail_at = 1;
        if (i == 0)
            assert_null(lambda_context_alloc(context, 50));
        else
            assert_null(lambda_context_realloc(context, block, 5000));
        memory.fail_at = 0;
        assert_non_null(strstr(lambda_error_message(lambda), "memory"));
        assert_int_equal(lambda_context_memory_in_use(context), 100);
        assert_int_equal(memory.live, live + 1);
        assert_true(is_all(block, 100, 9));
    }
    assert_non_null(lambda_context_realloc(context, block, 5000));
    lambda_test_context_free(context);
    close_counted(lambda);
}

static void another_environments_memory_is_left_alone(void **state)
{
    (void)state;
    long live;
    lambda_t *lambda = open_counted((lambda_options){0});
    lambda_context *one = fake(lambda, &live);
    lambda_context *two = fake(lambda, &live);
    unsigned char *block = lambda_context_alloc(one, 10);
    assert_non_null(block);
    lambda_context_free(two, block);
    assert_null(lambda_context_realloc(two, block, 20));
    assert_non_null(strstr(lambda_error_message(lambda), "another environment"));
    assert_int_equal(lambda_context_memory_in_use(one), 10);
    assert_int_equal(lambda_context_memory_in_use(two), 0);
    assert_int_equal(memory.live, live + 1);
    assert_null(lambda_context_alloc(NULL, 10));
    assert_null(lambda_context_realloc(NULL, block, 10));
    lambda_context_free(NULL, block);
    assert_int_equal(lambda_context_memory_in_use(NULL), 0);
    block = lambda_context_realloc(one, block, 20);
    assert_non_null(block);
    lambda_test_context_free(one);
    lambda_test_context_free(two);
    close_counted(lambda);
}

/* ---- what invocations say of it */

/** Bytes that are asked for and freed again, that the init hook keeps, and that each invocation keeps. */
typedef struct need {
    size_t freed;
    size_t init;
    size_t kept;
    bool retire;
    lambda_clock_virtual *clock; /* the handler lets more than its time pass */
} need;

/* Bytes that shutdown hooks found left, all environments together. */
static _Atomic size_t left;

static lambda_status need_init(lambda_context *context)
{
    const need *wanted = lambda_context_user(context);
    if (wanted->init > 0) assert_non_null(lambda_context_alloc(context, wanted->init));
    return LAMBDA_OK;
}

static lambda_status need_call(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    const need *wanted = lambda_context_user(context);
    if (wanted->clock) lambda_clock_virtual_step(wanted->clock, 4 * SECOND);
    if (wanted->retire) lambda_context_retire(context);
    if (wanted->freed > 0) lambda_context_free(context, lambda_context_alloc(context, wanted->freed));
    if (wanted->kept > 0) assert_non_null(lambda_context_alloc(context, wanted->kept));
    return lambda_response_write(response, "1", 1);
}

static void need_shutdown(lambda_context *context)
{
    atomic_fetch_add(&left, lambda_context_memory_in_use(context));
    assert_non_null(lambda_context_alloc(context, 1));
}

static void create(lambda_t *lambda, need *wanted, lambda_isolation isolation)
{
    atomic_store(&left, 0);
    lambda_function_config config = {.function_name = "f",
                                     .isolation = isolation,
                                     .code = lambda_code_native_hooks(need_call, need_init, need_shutdown, wanted)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
}

static const lambda_isolation isolations[] = {LAMBDA_ISOLATION_INLINE, LAMBDA_ISOLATION_THREAD};

static void the_most_is_the_environments_over_all_its_invocations(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        lambda_t *lambda = open_counted((lambda_options){0});
        need wanted = {0};
        lambda_result result = {0};
        create(lambda, &wanted, isolations[i]);
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
        assert_true(result.max_memory_used == LAMBDA_MEMORY_UNKNOWN);
        wanted.kept = 100;
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
        assert_int_equal(result.max_memory_used, 100);
        wanted = (need){.freed = 1000};
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
        assert_int_equal(result.max_memory_used, 1100);
        wanted = (need){.kept = 10, .retire = true};
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
        assert_false(result.cold_start);
        assert_int_equal(result.max_memory_used, 1100);
        /* The next environment begins anew; its init counts. */
        wanted = (need){.init = 33};
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
        assert_true(result.cold_start);
        assert_int_equal(result.max_memory_used, 33);
        lambda_result_clear(&result);
        close_counted(lambda);
        assert_int_equal(atomic_load(&left), 110 + 33);
    }
}

static void asked_and_got_none_is_zero(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted((lambda_options){0});
    need wanted = {.freed = 128 * MEGABYTES + 1};
    lambda_result result = {0};
    create(lambda, &wanted, LAMBDA_ISOLATION_INLINE);
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
    assert_int_equal(result.max_memory_used, 0);
    lambda_result_clear(&result);
    close_counted(lambda);
}

static void a_call_that_runs_nothing_knows_of_none(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted((lambda_options){0});
    need wanted = {.kept = 100};
    lambda_result result = {0};
    create(lambda, &wanted, LAMBDA_ISOLATION_INLINE);
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
    assert_int_equal(result.max_memory_used, 100);
    assert_fails(lambda, lambda_invoke(lambda, "g", LAMBDA_JSON("{}"), &result), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "g");
    assert_true(result.max_memory_used == LAMBDA_MEMORY_UNKNOWN);
    lambda_invoke_options options = {.invocation_type = LAMBDA_DRY_RUN};
    result.max_memory_used = 0;
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("{}"), &options, &result));
    assert_true(result.max_memory_used == LAMBDA_MEMORY_UNKNOWN);
    assert_ok(lambda, lambda_test_fault(lambda, "f", LAMBDA_TEST_FAULT_THROTTLE, 1));
    result.max_memory_used = 0;
    assert_fails(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result), LAMBDA_ERROR_TOO_MANY_REQUESTS, "");
    assert_true(result.max_memory_used == LAMBDA_MEMORY_UNKNOWN);
    result.max_memory_used = 0;
    assert_fails(lambda, lambda_invoke(lambda, "f", lambda_bytes_make(NULL, 1), &result),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "payload");
    assert_true(result.max_memory_used == LAMBDA_MEMORY_UNKNOWN);
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
    assert_int_equal(result.max_memory_used, 200);
    lambda_result_clear(&result);
    close_counted(lambda);
}

static void an_overrun_tells_it_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        need wanted = {.init = 50, .kept = 100};
        lambda_options options = {0};
        lambda_result result = {0};
        assert_int_equal(lambda_clock_virtual_open(3, 0, &wanted.clock), LAMBDA_OK);
        lambda_clock_virtual_options(wanted.clock, &options);
        lambda_t *lambda = open_counted(options);
        create(lambda, &wanted, isolations[i]);
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
        assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
        assert_int_equal(result.max_memory_used, 150);
        lambda_result_clear(&result);
        lambda_clock_virtual_run(wanted.clock, 0);
        assert_int_equal(atomic_load(&left), 150);
        close_counted(lambda);
        lambda_clock_virtual_close(wanted.clock);
    }
}

/* ---- a late handler, on a thread of its own */

static test_clock the_clock;
static _Atomic int busy; /* callers whose invocation is under way */
static sem_t begun;

/** Lets its time pass, and then asks for memory as long as its caller is there. */
static lambda_status asks_on(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    assert_non_null(lambda_context_alloc(context, 1));
    atomic_fetch_add(&the_clock.monotonic, 4 * SECOND);
    sem_post(&begun);
    for (size_t size = 2; atomic_load(&busy) > 0; size = size % 100000 + 1)
        lambda_context_free(context, lambda_context_alloc(context, size));
    return lambda_response_write(response, "1", 1);
}

static void a_late_handler_may_go_on_asking(void **state)
{
    (void)state;
    the_clock = (test_clock){.monotonic = SECOND};
    sem_init(&begun, 0, 0);
    lambda_t *lambda = open_counted((lambda_options){.clock = test_clock_port(&the_clock)});
    lambda_function_config config = {
        .function_name = "f", .isolation = LAMBDA_ISOLATION_THREAD, .code = lambda_code_native(asks_on, NULL)};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    lambda_result result = {0};
    for (int i = 0; i < 20; i++) {
        atomic_store(&busy, 1);
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
        atomic_store(&busy, 0);
        while (sem_wait(&begun) != 0)
            ;
        assert_non_null(strstr(result.payload.data, "Sandbox.Timedout"));
        assert_true(result.max_memory_used >= 1 && result.max_memory_used <= 100001);
    }
    lambda_result_clear(&result);
    close_counted(lambda);
    sem_destroy(&begun);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    lambda_t *lambda = open_counted((lambda_options){0});
    need wanted = {.kept = 100};
    create(lambda, &wanted, LAMBDA_ISOLATION_INLINE);
    lambda_context *context = NULL;
    long live = memory.live;
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    for (long at = 1; status != LAMBDA_OK; at++) {
        assert_true(at < 100);
        memory.requests = 0;
        memory.fail_at = at;
        status = lambda_test_context_new(lambda, NULL, &context);
        void *one = status == LAMBDA_OK ? lambda_context_alloc(context, 10) : NULL;
        void *two = one ? lambda_context_realloc(context, one, 1000) : NULL;
        void *three = two ? lambda_context_alloc(context, 3) : NULL;
        status = three ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY;
        memory.fail_at = 0;
        lambda_test_context_free(context);
        context = NULL;
        assert_in_range(memory.live, live, live + 1); /* the thread's own record stays */
    }
    close_counted(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_counted_as_asked_for),
        cmocka_unit_test(a_block_can_be_resized),
        cmocka_unit_test(no_more_than_the_functions_memory_size),
        cmocka_unit_test(when_memory_is_out_all_is_as_it_was),
        cmocka_unit_test(another_environments_memory_is_left_alone),
        cmocka_unit_test(the_most_is_the_environments_over_all_its_invocations),
        cmocka_unit_test(asked_and_got_none_is_zero),
        cmocka_unit_test(a_call_that_runs_nothing_knows_of_none),
        cmocka_unit_test(an_overrun_tells_it_too),
        cmocka_unit_test(a_late_handler_may_go_on_asking),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
