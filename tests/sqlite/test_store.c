/* The store in an SQLite file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/attachment.h>

#include "driver.h"
#include "file_fixture.h"

static int setup(void **state)
{
    file_fixture *f = malloc(sizeof(*f));
    assert_non_null(f);
    file_fixture_begin(f);
    assert_ok(NULL, file_open(f));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    file_fixture_end(*state);
    free(*state);
    return 0;
}

static lambda_store_change change(const char *kind, const char *name, const char *value)
{
    return (lambda_store_change){
        .kind = kind, .name = name, .value = lambda_bytes_make(value, value ? strlen(value) : 0)};
}

/** What a read has shown. */
typedef struct shown {
    file_fixture *f;
    char text[256];
    int left;
} shown;

static lambda_status note(void *user, const char *name, lambda_bytes value)
{
    shown *so_far = user;
    size_t used = strlen(so_far->text);
    snprintf(so_far->text + used, sizeof(so_far->text) - used, "%s=%.*s ", name, (int)value.length,
             (const char *)value.data);
    if (--so_far->left == 0) return LAMBDA_ERROR_PRECONDITION_FAILED;
    /* Other threads, and the visitor itself, use the file meanwhile. */
    lambda_queue *queue = &so_far->f->queue;
    lambda_queue_entry entry = {.state = 1};
    assert_ok(NULL, queue->push(queue->user, &entry, 1));
    return LAMBDA_OK;
}

static void assert_shows(file_fixture *f, const char *kind, const char *name, const char *text)
{
    shown so_far = {.f = f};
    assert_ok(NULL, f->store.read(f->store.user, kind, name, note, &so_far));
    assert_string_equal(so_far.text, text);
}

static void values_are_kept(void **state)
{
    file_fixture *f = *state;
    lambda_store *store = &f->store;
    assert_shows(f, "function", NULL, "");
    assert_shows(f, "function", "a", "");
    const lambda_store_change several[] = {change("function", "b", "2"), change("code", "b", "other"),
                                           change("function", "a", "1"), change("function", "\xce\xbb", "3"),
                                           change("function", "B", ""),  change("function", "", "none")};
    assert_ok(NULL, store->write(store->user, several, 6));
    for (int i = 0; i < 2; i++) {
        assert_shows(f, "function", NULL, "B= a=1 b=2 \xce\xbb=3 ");
        assert_shows(f, "function", "a", "a=1 ");
        assert_shows(f, "code", NULL, "b=other ");
        assert_shows(f, "cod", NULL, "");
        file_close(f);
        assert_ok(NULL, file_open(f));
    }
    /* Set again, taken away, and what is not there taken away. */
    const lambda_store_change more[] = {change("function", "a", "one"), change("function", "b", NULL),
                                        change("function", "c", NULL), change("function", "d", "x"),
                                        change("function", "d", "y")};
    assert_ok(NULL, store->write(store->user, more, 5));
    assert_shows(f, "function", NULL, "B= a=one d=y \xce\xbb=3 ");
    assert_shows(f, "function", "b", "");
    assert_ok(NULL, store->write(store->user, NULL, 0));
    /* A visitor may end it. */
    shown so_far = {.f = f, .left = 2};
    assert_int_equal(store->read(store->user, "function", NULL, note, &so_far), LAMBDA_ERROR_PRECONDITION_FAILED);
    assert_string_equal(so_far.text, "B= a=one ");
}

static void limits(void **state)
{
    file_fixture *f = *state;
    lambda_store *store = &f->store;
    char name[258];
    memset(name, 'n', sizeof(name));
    name[257] = '\0';
    lambda_store_change changes[] = {change("function", "a", "1"), change("function", name, "2")};
    assert_fails(NULL, store->write(store->user, changes, 2), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "longer than 256 characters");
    name[256] = '\0';
    changes[0].kind = "seventeen letters";
    assert_fails(NULL, store->write(store->user, changes, 2), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "longer than 16 characters");
    /* None of them was made. */
    assert_shows(f, "function", NULL, "");
    changes[0].kind = "sixteen letters.";
    assert_ok(NULL, store->write(store->user, changes, 2));
    changes[0].value.length = (size_t)2000000000;
    assert_fails(NULL, store->write(store->user, changes, 2), LAMBDA_ERROR_REQUEST_TOO_LARGE, "larger than");
}

static lambda_status compare(void *user, const char *name, lambda_bytes value)
{
    const lambda_bytes *expected = user;
    assert_string_equal(name, "large");
    assert_int_equal(value.length, expected->length);
    assert_memory_equal(value.data, expected->data, value.length);
    return LAMBDA_OK;
}

static void large_values(void **state)
{
    file_fixture *f = *state;
    lambda_bytes value = {.length = 5000001};
    unsigned char *data = malloc(value.length);
    assert_non_null(data);
    for (size_t i = 0; i < value.length; i++)
        data[i] = (unsigned char)(i * 31 >> 3);
    value.data = data;
    lambda_store_change large = {.kind = "code", .name = "large", .value = value};
    assert_ok(NULL, f->store.write(f->store.user, &large, 1));
    file_close(f);
    assert_ok(NULL, file_open(f));
    assert_ok(NULL, f->store.read(f->store.user, "code", NULL, compare, &value));
    free(data);
}

/** A service with its functions in the file, and a driver of processes. */
static lambda_t *open_service(const file_fixture *f, lambda_sqlite **file, test_driver *driver)
{
    lambda_options options = {.executor = {.kind = LAMBDA_EXECUTOR_NONE}};
    assert_ok(NULL, lambda_sqlite_open(f->path, NULL, file));
    lambda_sqlite_use(*file, &options);
    lambda_t *lambda = test_open(&options);
    *driver = (test_driver){.process = true, .refers = true};
    const lambda_runtime_driver port = test_driver_port(driver, "own", true);
    assert_ok(lambda, lambda_runtime_register(lambda, &port));
    return lambda;
}

static void functions_of_drivers_come_back(void **state)
{
    file_fixture *f = *state;
    lambda_sqlite *file = NULL;
    test_driver driver;
    file_close(f);
    lambda_t *lambda = open_service(f, &file, &driver);
    const char *const layers[] = {"arn:aws:lambda:us-east-1:000000000000:layer:a:1"};
    const lambda_function_config config = {.function_name = "f",
                                           .code = test_driver_code("own", "alpha"),
                                           .handler = "h",
                                           .layers = layers,
                                           .layers_count = 1};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    for (int i = 0; i < 2; i++) {
        lambda_result result = {0};
        assert_ok(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("1"), &result));
        test_assert_payload(&result, "alpha h arn:aws:lambda:us-east-1:000000000000:layer:a:1");
        lambda_result_clear(&result);
        lambda_close(lambda);
        lambda_sqlite_close(file);
        assert_int_equal(driver.closes, 1);
        if (i == 0) lambda = open_service(f, &file, &driver);
    }
}

static lambda_status show(void *user, const char *function_name, const char *qualifier, lambda_bytes value)
{
    assert_string_equal(function_name, "f");
    assert_string_equal(qualifier, "1");
    snprintf(user, 32, "%.*s", (int)value.length, (const char *)value.data);
    return LAMBDA_OK;
}

static void attachments_come_back(void **state)
{
    file_fixture *f = *state;
    lambda_sqlite *file = NULL;
    test_driver driver;
    char text[32] = "";
    file_close(f);
    lambda_t *lambda = open_service(f, &file, &driver);
    const lambda_function_config config = {
        .function_name = "f", .code = test_driver_code("own", "alpha"), .publish = true};
    assert_ok(lambda, lambda_function_create(lambda, &config));
    assert_ok(lambda, lambda_attachment_put(lambda, "f:1", "url", LAMBDA_JSON("{\"AuthType\":\"NONE\"}")));
    lambda_close(lambda);
    lambda_sqlite_close(file);
    lambda = open_service(f, &file, &driver);
    assert_ok(lambda, lambda_attachment_get(lambda, "f:1", "url", show, text));
    assert_string_equal(text, "{\"AuthType\":\"NONE\"}");
    assert_ok(lambda, lambda_attachment_put(lambda, "f:1", "url", lambda_bytes_make(NULL, 0)));
    lambda_close(lambda);
    lambda_sqlite_close(file);
    lambda = open_service(f, &file, &driver);
    assert_fails(lambda, lambda_attachment_get(lambda, "f:1", "url", show, text), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 "f:1 has no url");
    lambda_close(lambda);
    lambda_sqlite_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(limits, setup, teardown),
        cmocka_unit_test_setup_teardown(large_values, setup, teardown),
        cmocka_unit_test_setup_teardown(functions_of_drivers_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(attachments_come_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
