/* Code that comes back from a store: loaded again where it can be, unbound until the host binds it where it cannot. */
#include "store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/port/runtime.h>

#include "registry/registry.h"

#define INVALID   LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define NOT_READY LAMBDA_ERROR_RESOURCE_NOT_READY

static test_memory memory;
static test_store store;

static lambda_options options(void)
{
    return (lambda_options){.allocator = test_allocator(&memory),
                            .executor = {.kind = LAMBDA_EXECUTOR_NONE},
                            .store = test_store_port(&store)};
}

static lambda_t *open_store(void)
{
    lambda_options chosen = options();
    return test_open(&chosen);
}

static lambda_t *reopen(lambda_t *lambda)
{
    lambda_close(lambda);
    return open_store();
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

static lambda_status answers_user(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    const char *answer = lambda_context_user(context);
    return lambda_response_write(response, answer, strlen(answer));
}

static lambda_code native(char *answer)
{
    return lambda_code_native(answers_user, answer);
}

static void answers(lambda_t *lambda, const char *name, const char *answer)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("{\"x\":4}"), &result));
    test_assert_payload(&result, answer);
    lambda_result_clear(&result);
}

static void is_not_ready(lambda_t *lambda, const char *name)
{
    lambda_result result = {0};
    assert_fails(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("{\"x\":4}"), &result), NOT_READY,
                 "call lambda_function_bind");
    lambda_result_clear(&result);
}

static void bind(lambda_t *lambda, const char *name, lambda_code code)
{
    assert_ok(lambda, lambda_function_bind(lambda, name, &code));
}

/** CodeSha256 of a name, in one of two static texts. */
static const char *sha256_of(lambda_t *lambda, const char *name, const char *state, const char *reason)
{
    static char texts[2][45];
    static int next;
    lambda_function_configuration *got = NULL;
    assert_ok(lambda, lambda_function_get(lambda, name, &got));
    assert_string_equal(got->state, state);
    if (!strstr(got->state_reason, reason)) fail_msg("%s: %s", name, got->state_reason);
    char *text = texts[next++ % 2];
    memcpy(text, got->code_sha256, 45);
    lambda_function_configuration_free(got);
    return text;
}

static bool unbound(lambda_t *lambda, const char *text)
{
    lambda__name name;
    lambda__async_settings settings;
    assert_ok(lambda, lambda__name_parse(lambda, text, &name));
    lambda__async_settings_read(lambda, lambda__thread_get(&lambda->base), &name, &settings);
    assert_true(settings.exists);
    return settings.unbound;
}

/** A native "f" with versions 1 and 2, $LATEST as 2, and the alias "live" of 1. */
static lambda_t *open_native(void)
{
    lambda_t *lambda = open_store();
    lambda_function_config config = {.function_name = "f", .code = native("one"), .publish = true};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    lambda_function_code_update update = {.code = native("two"), .publish = true};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    assert_ok(lambda,
              lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "live", .function_version = "1"}));
    return lambda;
}

static void native_functions_wait_to_be_bound(void **state)
{
    (void)state;
    lambda_t *lambda = open_native();
    char sha256[45];
    memcpy(sha256, sha256_of(lambda, "f:1", "Active", ""), 45);
    lambda = reopen(lambda);
    long writes = store.writes;
    static const char *const names[] = {"f", "f:$LATEST", "f:1", "f:2", "f:live"};
    for (size_t i = 0; i < 5; i++) {
        sha256_of(lambda, names[i], "Inactive", "the host's own");
        is_not_ready(lambda, names[i]);
        assert_true(unbound(lambda, names[i]));
    }
    assert_string_equal(sha256_of(lambda, "f:1", "Inactive", ""), sha256);
    assert_ok(lambda, lambda_invoke_with(lambda, "f", LAMBDA_JSON("1"),
                                         &(lambda_invoke_options){.invocation_type = LAMBDA_DRY_RUN}, NULL));
    bind(lambda, "f:1", native("first"));
    answers(lambda, "f:1", "first");
    answers(lambda, "f:live", "first");
    assert_false(unbound(lambda, "f:live"));
    is_not_ready(lambda, "f");
    bind(lambda, "f", native("rest"));
    answers(lambda, "f:1", "first");
    answers(lambda, "f:2", "rest");
    answers(lambda, "f", "rest");
    assert_string_equal(sha256_of(lambda, "f:1", "Active", ""), sha256);
    assert_int_equal(store.writes, writes);
    /* It is no update: what was published stays published, and all is as it was when it comes back again. */
    lambda_function_configuration *version = NULL;
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, &version));
    assert_string_equal(version->version, "2");
    lambda_function_configuration_free(version);
    lambda = reopen(lambda);
    is_not_ready(lambda, "f:1");
    assert_string_equal(sha256_of(lambda, "f:1", "Inactive", ""), sha256);
    lambda_close(lambda);
}

static void bad_bindings_are_refused(void **state)
{
    (void)state;
    lambda_t *lambda = reopen(open_native());
    lambda_code code = native("x");
    lambda_code typed = lambda_code_typed("libm.so.6", "double sqrt(double x)");
    lambda_code none = LAMBDA_ZERO;
    lambda_code bad = {.runtime = "native"};
    assert_fails(NULL, lambda_function_bind(NULL, "f", &code), INVALID, "lambda");
    assert_fails(lambda, lambda_function_bind(lambda, "f", NULL), INVALID, "code");
    assert_fails(lambda, lambda_function_bind(lambda, "f", &none), INVALID, "code");
    assert_fails(lambda, lambda_function_bind(lambda, NULL, &code), INVALID, "function_name");
    assert_fails(lambda, lambda_function_bind(lambda, "f:live", &code), INVALID, "alias");
    assert_fails(lambda, lambda_function_bind(lambda, "g", &code), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "g");
    assert_fails(lambda, lambda_function_bind(lambda, "f:9", &code), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "f:9");
    assert_fails(lambda, lambda_function_bind(lambda, "f", &typed), INVALID, "runtime");
    assert_fails(lambda, lambda_function_bind(lambda, "f", &bad), INVALID, "callback");
    is_not_ready(lambda, "f");
    bind(lambda, "f", code);
    assert_fails(lambda, lambda_function_bind(lambda, "f", &code), LAMBDA_ERROR_RESOURCE_CONFLICT, "already");
    assert_fails(lambda, lambda_function_bind(lambda, "f:1", &code), LAMBDA_ERROR_RESOURCE_CONFLICT, "already");
    lambda_close(lambda);
}

static void unbound_functions_can_be_changed(void **state)
{
    (void)state;
    lambda_t *lambda = reopen(open_native());
    lambda_function_config changes = {.handler = "some.thing", .timeout_ms = 100};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    assert_ok(lambda, lambda_alias_create(lambda, "f", &(lambda_alias_config){.name = "new", .function_version = "3"}));
    assert_ok(lambda, lambda_function_delete(lambda, "f:2"));
    lambda = reopen(lambda);
    is_not_ready(lambda, "f:new");
    lambda_function_code_update update = {.code = native("updated")};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    answers(lambda, "f", "updated");
    is_not_ready(lambda, "f:new");
    bind(lambda, "f", native("bound"));
    answers(lambda, "f", "updated");
    answers(lambda, "f:new", "bound");
    answers(lambda, "f:live", "bound");
    /* A change of what was bound keeps what stands for it. */
    changes = (lambda_function_config){.handler = "other.thing"};
    assert_ok(lambda, lambda_function_update_configuration(lambda, "f", &changes));
    answers(lambda, "f", "updated");
    lambda = reopen(lambda);
    is_not_ready(lambda, "f");
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    assert_int_equal(store.count, 0);
    lambda_close(lambda);
}

static double twice(double x)
{
    return 2 * x;
}

static lambda_status echo_load(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    (void)user;
    if (request->code->data_length == 0)
        return lambda_runtime_fail(request->lambda, LAMBDA_ERROR_INVALID_CODE, "nothing to load");
    handler->handler = test_echo;
    return LAMBDA_OK;
}

static void other_code_of_the_host_waits_too(void **state)
{
    (void)state;
    const lambda_runtime_driver driver = {.name = "my-own", .load = echo_load};
    lambda_code pointer = lambda_code_typed_function((void (*)(void))twice, "double twice(double x)");
    lambda_code own = {.runtime = "my-own", .data = "1", .data_length = 1};
    lambda_t *lambda = open_store();
    assert_ok(lambda, lambda_runtime_register(lambda, &driver));
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "p", .code = pointer}));
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "o", .code = own}));
    answers(lambda, "p", "8.0");
    lambda = reopen(lambda);
    is_not_ready(lambda, "p");
    is_not_ready(lambda, "o");
    bind(lambda, "p", pointer);
    answers(lambda, "p", "8.0");
    assert_fails(lambda, lambda_function_bind(lambda, "o", &own), LAMBDA_ERROR_INVALID_RUNTIME, "my-own");
    assert_ok(lambda, lambda_runtime_register(lambda, &driver));
    own.data_length = 0;
    assert_fails(lambda, lambda_function_bind(lambda, "o", &own), LAMBDA_ERROR_INVALID_CODE, "nothing to load");
    own.data_length = 1;
    bind(lambda, "o", own);
    answers(lambda, "o", "{\"x\":4}");
    lambda_function_config latin = {.function_name = "l",
                                    .code = lambda_code_typed("lib\xFF.so", "double f(double x)")};
    assert_fails(lambda, lambda_function_create(lambda, &latin), INVALID, "UTF-8");
    lambda_close(lambda);
}

static void a_library_that_is_gone_is_no_error(void **state)
{
    (void)state;
    lambda_t *lambda = open_store();
    lambda_code code = lambda_code_typed("libm.so.6", "double sqrt(double x)");
    assert_ok(lambda, lambda_function_create(lambda, &(lambda_function_config){.function_name = "f", .code = code}));
    answers(lambda, "f", "2.0");
    lambda_close(lambda);
    const test_value *value = test_store_find(&store, "function", "f");
    char *document = strdup(value->data);
    assert_non_null(document);
    memcpy(strstr(document, "libm.so.6"), "libw.so.6", 9);
    test_store_set(&store, "function", "f", document, strlen(document));
    free(document);
    lambda = open_store();
    assert_string_equal(lambda_error_message(lambda), "");
    sha256_of(lambda, "f", "Inactive", "libw.so.6");
    is_not_ready(lambda, "f");
    bind(lambda, "f", code);
    answers(lambda, "f", "2.0");
    lambda_close(lambda);
}

/* ---- shared objects */

static char directory[] = "/tmp/lambda-test-XXXXXX";
static char path[64];

/** The bytes of one of the test's objects; the caller frees them. */
static char *object(const char *name, size_t *length)
{
    char from[512];
    snprintf(from, sizeof(from), "%s/%s", getenv("TEST_OBJECTS"), name);
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *length = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*length);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *length, file), *length);
    fclose(file);
    return data;
}

static void place(const char *name)
{
    size_t length = 0;
    char *data = object(name, &length);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    free(data);
}

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return 1;
    snprintf(path, sizeof(path), "%s/file.so", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void create_object(lambda_t *lambda, const char *name, const char *handler)
{
    lambda_function_config config = {
        .function_name = name, .code = lambda_code_shared_object(path), .handler = handler, .publish = true};
    assert_ok(lambda, lambda_function_create(lambda, &config));
}

static void shared_objects_stand_in_the_store(void **state)
{
    (void)state;
    lambda_t *lambda = open_store();
    place("good_1.so");
    create_object(lambda, "f", "file.version");
    assert_int_equal(store.writes, 1);
    assert_int_equal(test_store_count(&store, "code"), 1);
    create_object(lambda, "g", "file.count");
    assert_int_equal(test_store_count(&store, "code"), 1);
    assert_ok(lambda,
              lambda_function_update_configuration(lambda, "g", &(lambda_function_config){.handler = "file.version"}));
    place("good_2.so");
    lambda_function_code_update update = {.code = lambda_code_shared_object(path)};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    assert_int_equal(test_store_count(&store, "code"), 2);
    assert_int_equal(remove(path), 0);
    char sha256[45];
    memcpy(sha256, sha256_of(lambda, "f", "Active", ""), 45);
    lambda = reopen(lambda);
    answers(lambda, "f", "2");
    answers(lambda, "f:1", "1");
    answers(lambda, "g", "1");
    answers(lambda, "g:1", "1");
    assert_string_equal(sha256_of(lambda, "f", "Active", ""), sha256);
    /* It goes with the last function that has it. */
    assert_ok(lambda, lambda_function_delete(lambda, "g"));
    assert_int_equal(test_store_count(&store, "code"), 2);
    assert_ok(lambda, lambda_function_delete(lambda, "f:1"));
    assert_int_equal(test_store_count(&store, "code"), 1);
    store.fail_at = store.writes + 1;
    assert_fails(lambda, lambda_function_delete(lambda, "f"), LAMBDA_ERROR_SERVICE, "the disk is full");
    answers(lambda, "f", "2");
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    assert_int_equal(store.count, 0);
    lambda_close(lambda);
}

static void objects_may_come_from_memory(void **state)
{
    (void)state;
    lambda_t *lambda = open_store();
    size_t length = 0;
    char *data = object("good_1.so", &length);
    lambda_function_config config = {.function_name = "f",
                                     .code = lambda_code_shared_object_bytes("any.so", data, length),
                                     .handler = "any.version"};
    config.code.data_length = 0;
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "empty");
    config.code.data_length = (size_t)300 << 20;
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "250 MB");
    config.code.data_length = 100;
    assert_fails(lambda, lambda_function_create(lambda, &config), LAMBDA_ERROR_INVALID_CODE, "cut short");
    config.code.data_length = length;
    assert_ok(lambda, lambda_function_create(lambda, &config));
    memset(data, 0, length);
    free(data);
    answers(lambda, "f", "1");
    lambda = reopen(lambda);
    answers(lambda, "f", "1");
    lambda_close(lambda);
}

static void damaged_bytes_leave_it_unbound(void **state)
{
    (void)state;
    lambda_t *lambda = open_store();
    place("good_1.so");
    create_object(lambda, "f", "file.version");
    assert_int_equal(remove(path), 0);
    char name[257];
    for (size_t i = 0; i < store.count; i++)
        if (strcmp(store.values[i].kind, "code") == 0) memcpy(name, store.values[i].name, sizeof(name));
    test_store_set(&store, "code", name, "damaged", 7);
    lambda = reopen(lambda);
    sha256_of(lambda, "f", "Inactive", "damaged");
    test_store_set(&store, "code", name, NULL, 0);
    lambda = reopen(lambda);
    sha256_of(lambda, "f:1", "Inactive", "not in the store");
    size_t length = 0;
    char *data = object("good_2.so", &length);
    lambda_code code = lambda_code_shared_object_bytes("file.so", data, length);
    bind(lambda, "f", code);
    answers(lambda, "f", "2");
    answers(lambda, "f:1", "2");
    free(data);
    assert_ok(lambda,
              lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.handler = "file.count"}));
    answers(lambda, "f", "1");
    sha256_of(lambda, "f", "Active", "");
    lambda_close(lambda);
}

static void objects_need_memory(void **state)
{
    (void)state;
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    place("good_1.so");
    for (long nth = 1; status != LAMBDA_OK; nth++) {
        lambda_t *lambda = open_store();
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_function_config config = {
            .function_name = "f", .code = lambda_code_shared_object(path), .handler = "file.version", .publish = true};
        status = lambda_function_create(lambda, &config);
        memory.fail_at = 0;
        assert_int_equal(store.count, status == LAMBDA_OK ? 2 : 0);
        lambda_close(lambda);
        assert_int_equal(memory.live, 0);
    }
    assert_int_equal(remove(path), 0);
    status = LAMBDA_ERROR_OUT_OF_MEMORY;
    lambda_options chosen = options();
    for (long nth = 1; status != LAMBDA_OK; nth++) {
        lambda_t *lambda = NULL;
        memory.requests = 0;
        memory.fail_at = nth;
        status = lambda_open(&chosen, &lambda);
        memory.fail_at = 0;
        if (status == LAMBDA_OK) answers(lambda, "f:1", "1");
        lambda_close(lambda);
        assert_int_equal(memory.live, 0);
    }
}

/* ---- binding beside all else */

static void provisioned_environments_follow(void **state)
{
    (void)state;
    lambda_t *lambda = open_native();
    lambda_provisioned_concurrency got;
    assert_ok(lambda, lambda_provisioned_concurrency_put(lambda, "f:live", 2));
    lambda = reopen(lambda);
    for (int i = 0; i < 5; i++)
        assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, NULL));
    assert_ok(lambda, lambda_provisioned_concurrency_get(lambda, "f:live", &got));
    assert_int_equal(got.status, LAMBDA_PROVISIONED_CONCURRENCY_FAILED);
    assert_non_null(strstr(got.status_reason, "no code yet"));
    bind(lambda, "f", native("x"));
    for (int i = 0; i < 5; i++)
        assert_ok(lambda, lambda_pump(lambda, UINT64_MAX, NULL));
    assert_ok(lambda, lambda_provisioned_concurrency_get(lambda, "f:live", &got));
    assert_int_equal(got.status, LAMBDA_PROVISIONED_CONCURRENCY_READY);
    lambda_close(lambda);
}

static void binds_all_or_nothing(void **state)
{
    (void)state;
    lambda_close(open_native());
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    for (long nth = 1; status != LAMBDA_OK; nth++) {
        lambda_t *lambda = open_store();
        lambda_code code = native("x");
        memory.requests = 0;
        memory.fail_at = nth;
        status = lambda_function_bind(lambda, "f", &code);
        memory.fail_at = 0;
        if (status != LAMBDA_OK) {
            assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
            is_not_ready(lambda, "f");
            is_not_ready(lambda, "f:1");
            bind(lambda, "f", code);
        }
        answers(lambda, "f", "x");
        answers(lambda, "f:1", "x");
        lambda_close(lambda);
        assert_int_equal(memory.live, 0);
    }
}

typedef struct invoker {
    lambda_t *lambda;
    _Atomic bool *stop;
    _Atomic int *succeeded;
} invoker;

static void *invoke_on(void *argument)
{
    invoker *given = argument;
    while (!atomic_load(given->stop)) {
        lambda_status status = lambda_invoke(given->lambda, "f:live", LAMBDA_JSON("1"), NULL);
        if (status == LAMBDA_OK)
            atomic_fetch_add(given->succeeded, 1);
        else if (status != NOT_READY)
            return "failed";
    }
    return NULL;
}

static void binds_under_load(void **state)
{
    (void)state;
    lambda_close(open_native());
    lambda_t *lambda = test_open(&(lambda_options){.store = test_store_port(&store)});
    _Atomic bool stop = false;
    _Atomic int succeeded = 0;
    invoker given = {lambda, &stop, &succeeded};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, invoke_on, &given), 0);
    bind(lambda, "f", native("x"));
    while (atomic_load(&succeeded) < 100)
        sched_yield();
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        void *failure = NULL;
        pthread_join(threads[i], &failure);
        assert_null(failure);
    }
    lambda_close(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(native_functions_wait_to_be_bound, begin, end),
        cmocka_unit_test_setup_teardown(bad_bindings_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(unbound_functions_can_be_changed, begin, end),
        cmocka_unit_test_setup_teardown(other_code_of_the_host_waits_too, begin, end),
        cmocka_unit_test_setup_teardown(a_library_that_is_gone_is_no_error, begin, end),
        cmocka_unit_test_setup_teardown(shared_objects_stand_in_the_store, begin, end),
        cmocka_unit_test_setup_teardown(objects_may_come_from_memory, begin, end),
        cmocka_unit_test_setup_teardown(damaged_bytes_leave_it_unbound, begin, end),
        cmocka_unit_test_setup_teardown(objects_need_memory, begin, end),
        cmocka_unit_test_setup_teardown(provisioned_environments_follow, begin, end),
        cmocka_unit_test_setup_teardown(binds_all_or_nothing, begin, end),
        cmocka_unit_test_setup_teardown(binds_under_load, begin, end),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
