/* Shared objects: each way of being wrong, the private copy, hooks, updates under load, unmapping. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INVALID  LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define BAD_CODE LAMBDA_ERROR_INVALID_CODE

static char directory[] = "/tmp/lambda-test-XXXXXX";
static char path[64]; /* the file that tests overwrite: DIRECTORY/file.so */

/** Copies bytes [0, length) of a file, all of them for length -1. */
static void copy_file(const char *from, const char *to, long length)
{
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    assert_true(in && out);
    for (int byte; length != 0 && (byte = fgetc(in)) != EOF; length--)
        fputc(byte, out);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void object_path(char text[512], const char *name)
{
    snprintf(text, 512, "%s/%s", getenv("TEST_OBJECTS"), name);
}

static void place(const char *name)
{
    char from[512];
    object_path(from, name);
    copy_file(from, path, -1);
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
    remove(path);
    return rmdir(directory);
}

static lambda_function_config config(const char *handler)
{
    return (lambda_function_config){.function_name = "f", .code = lambda_code_shared_object(path), .handler = handler};
}

static void expect(lambda_t *lambda, const char *name, const char *answer)
{
    lambda_result result = {0};
    assert_ok(lambda, lambda_invoke(lambda, name, LAMBDA_JSON("{}"), &result));
    test_assert_payload(&result, answer);
    lambda_result_clear(&result);
}

/** Private copies that are mapped into this process now. */
static int mapped_objects(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024];
    int count = 0;
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        count += strstr(line, "memfd:lambda") && strstr(line, "r-xp");
    fclose(maps);
    return count;
}

static void wrong_objects_are_told_apart(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    lambda_function_config made = config("file.version");
    char from[512];
    remove(path);
    assert_fails(lambda, lambda_function_create(lambda, &made), BAD_CODE, "No such file");
    place("no_abi.so");
    assert_fails(lambda, lambda_function_create(lambda, &made), BAD_CODE, "LAMBDA_SHARED_OBJECT");
    place("old_abi.so");
    assert_fails(lambda, lambda_function_create(lambda, &made), BAD_CODE, "ABI version 2, this library has 1");
    object_path(from, "good_1.so");
    static const long cuts[] = {0, 3, 10, 40, 100, 5000};
    static const char *const reasons[] = {"empty",     "not a shared object", "cut short",
                                          "cut short", "cut short",           "cut short"};
    for (size_t i = 0; i < 6; i++) {
        copy_file(from, path, cuts[i]);
        assert_fails(lambda, lambda_function_create(lambda, &made), BAD_CODE, reasons[i]);
    }
    static const struct {
        long at;
        int byte;
        const char *reason;
    } changes[] = {{0, 'X', "not a shared object"},
                   {4, 1, "32 or 64"},
                   {5, 2, "byte order"},
                   {18, 250, "processor"},
                   {16, 1, "a program"}};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        place("good_1.so");
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        fseek(file, changes[i].at, SEEK_SET);
        fputc(changes[i].byte, file);
        fclose(file);
        assert_fails(lambda, lambda_function_create(lambda, &made), BAD_CODE, changes[i].reason);
    }
    made.code.path = directory;
    assert_fails(lambda, lambda_function_create(lambda, &made), BAD_CODE, "not a regular file");
    made.code.path = "";
    assert_fails(lambda, lambda_function_create(lambda, &made), INVALID, "empty");
    made.code.path = NULL;
    assert_fails(lambda, lambda_function_create(lambda, &made), INVALID, "NULL");
    place("good_1.so");
    made.code.path = path;
    static const char *const handlers[] = {NULL, "", "version", "other.version", "file.", "file"};
    for (size_t i = 0; i < 6; i++) {
        made.handler = handlers[i];
        assert_fails(lambda, lambda_function_create(lambda, &made), INVALID, "handler");
    }
    made.handler = "file.missing";
    assert_fails(lambda, lambda_function_create(lambda, &made), BAD_CODE, "missing");
    assert_int_equal(mapped_objects(), 0);
    lambda_close(lambda);
}

static void the_file_may_change(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    place("good_1.so");
    lambda_function_config made = config("file.version");
    assert_ok(lambda, lambda_function_create(lambda, &made));
    lambda_function_configuration *one = NULL;
    lambda_function_configuration *two = NULL;
    assert_ok(lambda, lambda_function_get(lambda, "f", &one));
    assert_true(one->code_size > 1000);
    expect(lambda, "f", "1");
    place("good_2.so");
    expect(lambda, "f", "1");
    remove(path);
    expect(lambda, "f", "1");
    /* Another handler of the same object needs no file either. */
    assert_ok(lambda,
              lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.handler = "file.count"}));
    expect(lambda, "f", "1");
    expect(lambda, "f", "2");
    assert_fails(lambda,
                 lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.handler = "file.none"}),
                 BAD_CODE, "none");
    expect(lambda, "f", "3");
    assert_int_equal(mapped_objects(), 1);
    assert_ok(lambda, lambda_version_publish(lambda, "f", NULL, NULL));
    place("good_2.so");
    assert_ok(lambda,
              lambda_function_update_configuration(lambda, "f", &(lambda_function_config){.handler = "file.version"}));
    lambda_function_code_update update = {.code = lambda_code_shared_object(path)};
    assert_ok(lambda, lambda_function_update_code(lambda, "f", &update));
    expect(lambda, "f", "2");
    expect(lambda, "f:1", "1");
    assert_int_equal(mapped_objects(), 2);
    assert_ok(lambda, lambda_function_get(lambda, "f", &two));
    assert_string_not_equal(one->code_sha256, two->code_sha256);
    lambda_function_configuration_free(one);
    lambda_function_configuration_free(two);
    assert_ok(lambda, lambda_function_delete(lambda, "f:1"));
    assert_int_equal(mapped_objects(), 1);
    assert_ok(lambda, lambda_function_delete(lambda, "f"));
    assert_int_equal(mapped_objects(), 0);
    lambda_close(lambda);
}

static void storage_has_a_limit(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(&(lambda_options){.limits = {.code_storage = 10000}});
    place("good_1.so");
    lambda_function_config made = config("file.version");
    assert_fails(lambda, lambda_function_create(lambda, &made), LAMBDA_ERROR_CODE_STORAGE_EXCEEDED, "10000");
    assert_int_equal(mapped_objects(), 0);
    lambda_close(lambda);
}

static lambda_t *shared;
static _Atomic bool stop;

static void *invoke_on(void *user)
{
    (void)user;
    lambda_result result = {0};
    long last = 0;
    while (!atomic_load(&stop)) {
        if (lambda_invoke(shared, "f", LAMBDA_JSON("{}"), &result) != LAMBDA_OK || result.function_error)
            return (void *)1;
        last = strtol(result.payload.data, NULL, 10);
        if (last != 1 && last != 2) return (void *)2;
    }
    lambda_result_clear(&result);
    return NULL;
}

static void code_is_replaced_under_load(void **state)
{
    (void)state;
    shared = test_open(NULL);
    place("good_1.so");
    lambda_function_config made = config("file.version");
    assert_ok(shared, lambda_function_create(shared, &made));
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, invoke_on, NULL), 0);
    lambda_function_code_update update = {.code = lambda_code_shared_object(path)};
    for (int round = 0; round < 40; round++) {
        place(round % 2 ? "good_1.so" : "good_2.so");
        assert_ok(shared, lambda_function_update_code(shared, "f", &update));
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(mapped_objects(), 1);
    lambda_close(shared);
    assert_int_equal(mapped_objects(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_objects_are_told_apart),
        cmocka_unit_test(the_file_may_change),
        cmocka_unit_test(storage_has_a_limit),
        cmocka_unit_test(code_is_replaced_under_load),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
