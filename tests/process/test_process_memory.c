/* Memory that runs out, at each allocation in turn, while a function is created and while its first environment starts: an error each time, nothing leaked, and it works once there is memory again. */
#include "process_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library's calls, and those of all that is linked into this program, come here. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

static long until_failure; /* 0: none fails */
static bool failed;

static bool fails(void)
{
    if (until_failure == 0 || --until_failure > 0) return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static void fail_at(long number)
{
    failed = false;
    until_failure = number;
}

/** One thread alone: nobody else allocates. */
static const lambda_options alone = {.executor = {.kind = LAMBDA_EXECUTOR_NONE}};

static void test_creating(void **state)
{
    (void)state;
    process_world world;
    process_world_open(&world, &alone);
    char path[256];
    snprintf(path, sizeof(path), "%s", process_world_misbehave(&world, "misbehave"));
    const lambda_function_config config = {.function_name = "f", .code = lambda_code_package("provided.al2023", path)};
    lambda_status status = LAMBDA_ERROR_OUT_OF_MEMORY;
    for (long i = 1; status != LAMBDA_OK; i++) {
        fail_at(i);
        status = lambda_function_create(world.lambda, &config);
        fail_at(0);
        if (status != LAMBDA_OK) assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_true(i < 2000);
    }
    process_world_say(&world, "f", "hello");
    process_world_answered(&world, "\"hello\"");
    process_world_close(&world);
}

static void test_starting(void **state)
{
    (void)state;
    process_world world;
    process_world_open(&world, &alone);
    const lambda_pair variables[] = {{NULL, NULL}};
    process_world_create(&world, "f", process_world_misbehave(&world, "misbehave"),
                         &(lambda_function_config){.memory_size = 1769, .timeout_ms = 10000}, variables);
    bool done = false;
    for (long i = 1; !done; i++) {
        fail_at(i);
        lambda_status status = lambda_invoke(world.lambda, "f", LAMBDA_JSON("\"hello\""), &world.result);
        done = !failed;
        fail_at(0);
        /* Where the first attempt has failed the second one starts; so most of them succeed, and none is wrong. */
        if (status != LAMBDA_OK)
            assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        else if (!world.result.function_error)
            process_world_answered(&world, "\"hello\"");
        /* The next one begins anew. */
        assert_ok(world.lambda, lambda_function_update_configuration(
                                    world.lambda, "f", &(lambda_function_config){.memory_size = i % 2 ? 1770 : 1769}));
        assert_true(i < 1000);
    }
    process_world_say(&world, "f", "hello");
    process_world_answered(&world, "\"hello\"");
    process_world_close(&world);
}

/* Where there is no memory for an answer or an error, that is told: half of it is never taken for the whole. */
static void test_answering(void **state)
{
    (void)state;
    static const struct {
        const char *event;
        const char *answer; /* NULL: an error */
    } ways[] = {{"\"hello\"", "\"hello\""},  {"\"error Mine\"", NULL},     {"\"error-wrong 0\"", NULL},
                {"\"error-wrong 1\"", NULL}, {"\"stream-wrong 1\"", NULL}, {"\"stream\"", "firstsecond"}};
    process_world world;
    process_world_open(&world, &alone);
    process_world_create_misbehave(&world, "f", NULL, 10000);
    for (size_t which = 0; which < sizeof(ways) / sizeof(ways[0]); which++) {
        bool done = false;
        for (long i = 1; !done; i++) {
            process_world_say(&world, "f", "warm");
            const lambda_bytes event = lambda_bytes_make(ways[which].event, strlen(ways[which].event));
            lambda_result_clear(&world.result);
            fail_at(i);
            lambda_status status = lambda_invoke(world.lambda, "f", event, &world.result);
            done = !failed;
            fail_at(0);
            if (status != LAMBDA_OK)
                assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
            else if (!world.result.function_error)
                test_assert_payload(&world.result, ways[which].answer ? ways[which].answer : "an error");
            assert_true(i < 1000);
        }
    }
    process_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_creating), cmocka_unit_test(test_starting),
                                       cmocka_unit_test(test_answering)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
