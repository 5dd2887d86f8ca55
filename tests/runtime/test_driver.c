/* Drivers of a host's own: two kinds, isolation, layers, references in the store, and their end. */
#include "driver.h"
#include "store.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define LAYER_A "arn:aws:lambda:us-east-1:000000000000:layer:a:1"
#define LAYER_B "arn:aws:lambda:us-east-1:000000000000:layer:b:12"

static test_memory memory;
static test_store store;

static lambda_t *open_service(bool kept)
{
    lambda_options options = {.allocator = test_allocator(&memory), .executor = {.kind = LAMBDA_EXECUTOR_NONE}};
    if (kept) options.store = test_store_port(&store);
    return test_open(&options);
}

static int begin(void **state)
{
    (void)state;
    memory = (test_memory){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_store_clear(&store);
    assert_int_equal(memory.live, 0);
    return 0;
}

static void add(lambda_t *lambda, test_driver *driver, const char *name)
{
    const lambda_runtime_driver port = test_driver_port(driver, name, true);
    assert_ok(lambda, lambda_runtime_register(lambda, &port));
}

static lambda_status create(lambda_t *lambda, const char *name, const char *runtime, lambda_isolation isolation)
{
    const lambda_function_config config = {
        .function_name = name, .code = test_driver_code(runtime, "alpha"), .handler = "h", .isolation = isolation};
    return lambda_function_create(lambda, &config);
}

static void answers(lambda_t *lambda, const char *name, const char *answer)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("1"), &result));
    test_assert_payload(&result, answer);
    lambda_result_clear(&result);
}

static void isolation_is(lambda_t *lambda, const char *name, lambda_isolation isolation)
{
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, name, &got));
    assert_int_equal(got->isolation, isolation);
    lambda_function_configuration_free(got);
}

static void state_is(lambda_t *lambda, const char *name, const char *wanted, const char *reason)
{
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, name, &got));
    assert_string_equal(got->state, wanted);
    if (!strstr(got->state_reason, reason)) fail_msg("%s: %s", name, got->state_reason);
    lambda_function_configuration_free(got);
}

static void one_name_may_have_two_drivers(void **state)
{
    (void)state;
    test_driver here = {0};
    test_driver apart = {.process = true};
    lambda_t *lambda = open_service(false);
    add(lambda, &apart, "own");
    assert_ok(lambda, create(lambda, "first", "own", LAMBDA_ISOLATION_DEFAULT));
    isolation_is(lambda, "first", LAMBDA_ISOLATION_PROCESS);
    assert_fails(lambda, create(lambda, "x", "own", LAMBDA_ISOLATION_INLINE), INVALID, "isolation");
    assert_fails(lambda, create(lambda, "x", "native", LAMBDA_ISOLATION_PROCESS), INVALID, "isolation");
    assert_fails(lambda, create(lambda, "x", "none", LAMBDA_ISOLATION_PROCESS), LAMBDA_ERROR_INVALID_RUNTIME, "none");
    assert_fails(lambda, create(lambda, "x", "own", (lambda_isolation)4), INVALID, "isolation");
    add(lambda, &here, "own");
    assert_ok(lambda, create(lambda, "second", "own", LAMBDA_ISOLATION_DEFAULT));
    assert_ok(lambda, create(lambda, "third", "own", LAMBDA_ISOLATION_PROCESS));
    isolation_is(lambda, "second", LAMBDA_ISOLATION_INLINE);
    isolation_is(lambda, "third", LAMBDA_ISOLATION_PROCESS);
    assert_int_equal(here.loads, 1);
    assert_int_equal(apart.loads, 2);
    assert_false(apart.kept);
    answers(lambda, "first", "alpha h");
    answers(lambda, "second", "alpha h");
    /* One of a name and kind, the library's own included; but those have no processes. */
    const lambda_runtime_driver again = test_driver_port(&apart, "own", true);
    assert_fails(lambda, lambda_runtime_register(lambda, &again), LAMBDA_ERROR_RESOURCE_CONFLICT, "own");
    const lambda_runtime_driver native = test_driver_port(&here, "native", true);
    assert_fails(lambda, lambda_runtime_register(lambda, &native), LAMBDA_ERROR_RESOURCE_CONFLICT, "native");
    test_driver typed = {.process = true};
    add(lambda, &typed, "typed");
    assert_ok(lambda, create(lambda, "typed", "typed", LAMBDA_ISOLATION_PROCESS));
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(here.closes + apart.closes + typed.closes, 3);
}

static void an_update_leaves_isolation_by_processes(void **state)
{
    (void)state;
    test_driver here = {0};
    test_driver apart = {.process = true};
    lambda_t *lambda = open_service(false);
    add(lambda, &apart, "own");
    add(lambda, &here, "own");
    assert_ok(lambda, create(lambda, "p", "own", LAMBDA_ISOLATION_PROCESS));
    assert_ok(lambda, create(lambda, "i", "own", LAMBDA_ISOLATION_INLINE));
    lambda_function_config changes = {.isolation = LAMBDA_ISOLATION_INLINE};
    assert_fails(lambda, lambda_function_update_configuration(lambda, "p", &changes), INVALID, "isolation");
    assert_ok(lambda, lambda_function_update_configuration(lambda, "i", &changes));
    changes.isolation = LAMBDA_ISOLATION_PROCESS;
    assert_fails(lambda, lambda_function_update_configuration(lambda, "i", &changes), INVALID, "isolation");
    assert_ok(lambda, lambda_function_update_configuration(lambda, "p", &changes));
    /* New code is its driver's of the same kind. */
    lambda_function_code_update update = {.code = test_driver_code("own", "beta")};
    assert_ok(lambda, lambda_function_update_code(lambda, "p", &update));
    assert_int_equal(apart.loads, 2);
    answers(lambda, "p", "beta h");
    update.code = lambda_code_native(test_echo, NULL);
    assert_fails(lambda, lambda_function_update_code(lambda, "p", &update), INVALID, "isolation");
    lambda_close(lambda);
}

static void layers_are_handed_to_the_driver(void **state)
{
    (void)state;
    test_driver apart = {.process = true};
    test_driver plain = {0};
    const char *layers[] = {LAYER_B, LAYER_A};
    lambda_t *lambda = open_service(false);
    add(lambda, &apart, "own");
    const lambda_runtime_driver port = test_driver_port(&plain, "plain", false);
    assert_ok(lambda, lambda_runtime_register(lambda, &port));
    lambda_function_config config = {.function_name = "f",
                                     .code = test_driver_code("own", "alpha"),
                                     .handler = "h",
                                     .layers = layers,
                                     .layers_count = 2};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    answers(lambda, "f", "alpha h " LAYER_B " " LAYER_A);
    lambda_function_config changes = {.timeout_ms = 5000};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    assert_int_equal(apart.reloads, 0);
    changes = (lambda_function_config){.layers = layers + 1, .layers_count = 1};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    assert_int_equal(apart.reloads, 1);
    answers(lambda, "f", "alpha h " LAYER_A);
    assert_ok(lambda, lambda_function_update_code(
                          lambda, "f", &(lambda_function_code_update){.code = test_driver_code("own", "beta")}));
    answers(lambda, "f", "beta h " LAYER_A);
    changes.layers_count = 0;
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    answers(lambda, "f", "beta h");
    /* For those that cannot make code ready anew, and for the library's own, they mean nothing. */
    config.function_name = "g";
    config.code = test_driver_code("plain", "alpha");
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "layers");
    config.code = lambda_code_shared_object_bytes("x.so", "1", 1);
    assert_fails(lambda, lambda_function_create(lambda, &config), INVALID, "layers");
    assert_ok(lambda, create(lambda, "n", "plain", LAMBDA_ISOLATION_DEFAULT));
    changes.layers_count = 1;
    assert_fails(lambda, lambda_function_update_configuration(lambda, "n", &changes), INVALID, "layers");
    lambda_close(lambda);
    assert_int_equal(plain.closes, 1);
}

static void answers_of_drivers_are_checked(void **state)
{
    (void)state;
    static char longer[1026];
    memset(longer, 'x', 1025);
    test_driver driver = {0};
    lambda_t *lambda = open_service(true);
    add(lambda, &driver, "own");
    driver.no_handler = true;
    assert_fails(lambda, create(lambda, "f", "own", 0), LAMBDA_ERROR_SERVICE, "no handler");
    driver.no_handler = false;
    static const char *const wrong[] = {"", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-="};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        driver.gives_sha256 = wrong[i];
        assert_fails(lambda, create(lambda, "f", "own", 0), LAMBDA_ERROR_SERVICE, "code_sha256");
    }
    driver.gives_sha256 = NULL;
    driver.gives_reference = longer;
    assert_fails(lambda, create(lambda, "f", "own", 0), LAMBDA_ERROR_SERVICE, "reference");
    driver.gives_reference = "\xFF";
    assert_fails(lambda, create(lambda, "f", "own", 0), LAMBDA_ERROR_SERVICE, "reference");
    assert_int_equal(driver.live, 0);
    longer[1024] = '\0';
    driver.gives_reference = longer;
    assert_ok(lambda, create(lambda, "f", "own", 0));
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f", &got));
    assert_string_equal(got->code_sha256, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=");
    assert_int_equal(got->code_size, 5);
    lambda_function_configuration_free(got);
    lambda_close(lambda);
    lambda = open_service(true);
    state_is(lambda, "f", "Inactive", "not registered");
    lambda_close(lambda);
}

/* ---- references */

/** "f" with the versions 1, without layers, and 2 and $LATEST, with one and another handler. */
static lambda_t *open_kept(test_driver *driver)
{
    lambda_t *lambda = open_service(true);
    add(lambda, driver, "own");
    assert_true(driver->refers);
    lambda_function_config config = {
        .function_name = "f", .code = test_driver_code("own", "alpha"), .handler = "h", .publish = true};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    assert_true(driver->kept);
    const char *layers[] = {LAYER_A};
    lambda_function_config changes = {.handler = "other", .layers = layers, .layers_count = 1};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    return lambda;
}

static void restored_functions_are_loaded_by_their_reference(void **state)
{
    (void)state;
    test_driver first = {.process = true, .refers = true};
    test_driver second = {.process = true, .refers = true};
    test_driver other = {.refers = true};
    test_driver stranger = {.process = true, .refers = true};
    lambda_t *lambda = open_kept(&first);
    lambda_close(lambda);
    char *before = test_store_text(&store);
    lambda = open_service(true);
    state_is(lambda, "f", "Inactive", "not registered");
    isolation_is(lambda, "f", LAMBDA_ISOLATION_PROCESS);
    add(lambda, &other, "own");
    add(lambda, &stranger, "another");
    state_is(lambda, "f", "Inactive", "not registered");
    add(lambda, &second, "own");
    assert_int_equal(other.loads + stranger.loads, 0);
    state_is(lambda, "f", "Active", "");
    answers(lambda, "f", "alpha other " LAYER_A);
    answers(lambda, "f:2", "alpha other " LAYER_A);
    answers(lambda, "f:1", "alpha h");
    /* Nothing is written; and an update is as any other. */
    char *after = test_store_text(&store);
    assert_string_equal(after, before);
    free(before);
    free(after);
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.handler = "third"}));
    answers(lambda, "f", "alpha third " LAYER_A);
    lambda_close(lambda);
    assert_int_equal(other.closes + stranger.closes, 2);
    test_driver third = {.process = true, .refers = true};
    lambda = open_service(true);
    add(lambda, &third, "own");
    answers(lambda, "f", "alpha third " LAYER_A);
    answers(lambda, "f:1", "alpha h");
    lambda_close(lambda);
}

static void what_cannot_be_loaded_says_why(void **state)
{
    (void)state;
    test_driver first = {.process = true, .refers = true};
    lambda_close(open_kept(&first));
    test_driver second = {.process = true, .refers = true, .fails = true};
    lambda_t *lambda = open_service(true);
    add(lambda, &second, "own");
    state_is(lambda, "f", "Inactive", "the text is lost");
    state_is(lambda, "f:1", "Inactive", "the text is lost");
    assert_fails(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), NULL), LAMBDA_ERROR_RESOURCE_NOT_READY,
                 "the text is lost");
    second.fails = false;
    lambda_code code = test_driver_code("own", "alpha");
    assert_ok(lambda, lambda_function_bind(lambda, "f", &code));
    answers(lambda, "f:2", "alpha other " LAYER_A);
    lambda_close(lambda);
    /* A reference that leads elsewhere than it did. */
    test_driver third = {.process = true, .refers = true, .swaps = true};
    lambda = open_service(true);
    add(lambda, &third, "own");
    state_is(lambda, "f", "Inactive", "other code");
    assert_int_equal(third.live, 0);
    lambda_close(lambda);
    assert_int_equal(third.closes, 1);
}

/** What a thread does to functions that are being loaded meanwhile. */
typedef struct meddler {
    lambda_t *lambda;
    pthread_t thread;
    pthread_barrier_t *start;
    int number;
} meddler;

static const char *const many_names[] = {"f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"};
enum { MANY = 8, MEDDLERS = 3 };

static void *meddle(void *argument)
{
    const meddler *own = argument;
    lambda_code code = test_driver_code("own", "alpha");
    pthread_barrier_wait(own->start);
    for (int i = 0; i < MANY; i++) {
        const char *name = many_names[(i + own->number * 3) % MANY];
        lambda_function_configuration *got = NULL;
        lambda_status invoked = lambda_invoke(own->lambda, name, LAMBDA_JSON("1"), NULL);
        assert_true(invoked == LAMBDA_OK || invoked == LAMBDA_ERROR_RESOURCE_NOT_READY);
        assert_ok(own->lambda, lambda_function_get(own->lambda, name, &got));
        lambda_function_configuration_free(got);
        lambda_function_config changes = {.handler = own->number % 2 == 0 ? "even" : "odd"};
        if (own->number == 0) {
            assert_ok(own->lambda, lambda_function_update_configuration(own->lambda, name, &changes));
            continue;
        }
        lambda_status bound = lambda_function_bind(own->lambda, name, &code);
        assert_true(bound == LAMBDA_OK || bound == LAMBDA_ERROR_INVALID_RUNTIME ||
                    bound == LAMBDA_ERROR_INVALID_PARAMETER_VALUE || bound == LAMBDA_ERROR_RESOURCE_CONFLICT);
    }
    return NULL;
}

static void others_may_change_them_meanwhile(void **state)
{
    (void)state;
    test_driver first = {.process = true, .refers = true};
    lambda_t *lambda = open_service(true);
    add(lambda, &first, "own");
    for (int i = 0; i < MANY; i++)
        assert_ok(lambda, create(lambda, many_names[i], "own", LAMBDA_ISOLATION_DEFAULT));
    lambda_close(lambda);
    for (int round = 0; round < 20; round++) {
        test_driver second = {.process = true, .refers = true};
        pthread_barrier_t start;
        meddler others[MEDDLERS];
        lambda = open_service(true);
        assert_int_equal(pthread_barrier_init(&start, NULL, MEDDLERS + 1), 0);
        for (int i = 0; i < MEDDLERS; i++) {
            others[i] = (meddler){.lambda = lambda, .start = &start, .number = i};
            assert_int_equal(pthread_create(&others[i].thread, NULL, meddle, &others[i]), 0);
        }
        pthread_barrier_wait(&start);
        add(lambda, &second, "own");
        for (int i = 0; i < MEDDLERS; i++)
            assert_int_equal(pthread_join(others[i].thread, NULL), 0);
        pthread_barrier_destroy(&start);
        for (int i = 0; i < MANY; i++)
            answers(lambda, many_names[i], "alpha even");
        lambda_close(lambda);
        assert_int_equal(second.closes, 1);
    }
}

/** Memory that fails once, at each request in turn, while a service with kept functions is opened and used. */
static void memory_may_be_out_anywhere(void **state)
{
    (void)state;
    test_driver first = {.process = true, .refers = true};
    lambda_close(open_kept(&first));
    char *before = test_store_text(&store);
    bool all = false;
    for (long at = 1; !all; at++) {
        test_driver driver = {.process = true, .refers = true};
        lambda_t *lambda = open_service(true);
        const char *layers[] = {LAYER_B};
        lambda_function_config config = {
            .function_name = "g", .code = test_driver_code("own", "beta"), .layers = layers, .layers_count = 1};
        const lambda_runtime_driver port = test_driver_port(&driver, "own", true);
        memory.requests = 0;
        memory.fail_at = at;
        lambda_status status = lambda_runtime_register(lambda, &port);
        bool registered = status == LAMBDA_OK;
        if (status == LAMBDA_OK) status = lambda_function_create(lambda, &config);
        if (status == LAMBDA_OK)
            status = lambda_function_update_configuration(
                lambda, "f", &(lambda_function_config){.handler = "new", .layers = layers, .layers_count = 1});
        all = memory.requests < at;
        memory.fail_at = 0;
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_true(status == LAMBDA_OK || !all);
        if (all) answers(lambda, "f", "alpha new " LAYER_B);
        lambda_close(lambda);
        assert_int_equal(driver.closes, registered);
        assert_int_equal(driver.live, 0);
        assert_int_equal(memory.live, 0);
        if (all) break;
        /* As it was. */
        lambda = open_service(true);
        (void)lambda_function_delete(lambda, "g");
        lambda_close(lambda);
    }
    free(before);
}

/* ---- the end */

static void unloading_at_the_close_is_told_apart(void **state)
{
    (void)state;
    test_driver driver = {0};
    lambda_t *lambda = open_service(false);
    add(lambda, &driver, "own");
    assert_ok(lambda, create(lambda, "f", "own", 0));
    assert_ok(lambda, create(lambda, "g", "own", 0));
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    assert_int_equal(driver.unloads, 1);
    assert_int_equal(driver.late_unloads, 0);
    answers(lambda, "g", "alpha h");
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(driver.unloads, 2);
    assert_int_equal(driver.late_unloads, 1);
    assert_int_equal(driver.closings, 1);
    assert_int_equal(driver.closes, 1);
}

static test_clock the_clock;
static sem_t gate;
static sem_t closed;

static lambda_status waits(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    the_clock.monotonic += 4 * UINT64_C(1000000000);
    while (sem_wait(&gate) != 0)
        ;
    return lambda_response_write(response, "1", 1);
}

static lambda_status load_waiting(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    (void)user;
    (void)request;
    handler->handler = waits;
    return LAMBDA_OK;
}

static void tell_closed(void *user)
{
    *(bool *)user = true;
    sem_post(&closed);
}

static void tell_closing(void *user)
{
    assert_false(*(bool *)user);
}

static void what_is_abandoned_closes_last(void **state)
{
    (void)state;
    bool done = false;
    the_clock = (test_clock){.monotonic = 1};
    lambda_options options = {
        .allocator = test_allocator(&memory), .clock = test_clock_port(&the_clock), .close_grace_ms = 1};
    assert_int_equal(sem_init(&gate, 0, 0) + sem_init(&closed, 0, 0), 0);
    lambda_t *lambda = test_open(&options);
    lambda_runtime_driver port = {
        .name = "own", .load = load_waiting, .closing = tell_closing, .close = tell_closed, .user = &done};
    assert_ok(lambda, lambda_runtime_register(lambda, &port));
    lambda_function_config config = {
        .function_name = "f", .code = test_driver_code("own", "x"), .isolation = LAMBDA_ISOLATION_THREAD};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
    assert_non_null(result.function_error);
    lambda_result_clear(&result);
    the_clock.step = 100000;
    assert_int_equal(lambda_close(lambda), 1);
    assert_int_equal(sem_trywait(&closed), -1);
    sem_post(&gate);
    while (sem_wait(&closed) != 0)
        ;
    assert_true(done);
    /* Its thread frees the rest. */
    while (memory.bytes > 0)
        sched_yield();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_name_may_have_two_drivers, begin, end),
        cmocka_unit_test_setup_teardown(an_update_leaves_isolation_by_processes, begin, end),
        cmocka_unit_test_setup_teardown(layers_are_handed_to_the_driver, begin, end),
        cmocka_unit_test_setup_teardown(answers_of_drivers_are_checked, begin, end),
        cmocka_unit_test_setup_teardown(restored_functions_are_loaded_by_their_reference, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_loaded_says_why, begin, end),
        cmocka_unit_test_setup_teardown(others_may_change_them_meanwhile, begin, end),
        cmocka_unit_test_setup_teardown(memory_may_be_out_anywhere, begin, end),
        cmocka_unit_test_setup_teardown(unloading_at_the_close_is_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(what_is_abandoned_closes_last, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
