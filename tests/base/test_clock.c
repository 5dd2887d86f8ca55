/* The default clock never goes back and keeps to the system's; thread numbers come back. */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/platform.h"
#include "base/thread.h"

/** Reads for a quarter of a second: over the first fit of the line. */
static void *read_on(void *user)
{
    lambda__base *base = user;
    uint64_t start = lambda__platform_monotonic();
    uint64_t last = 0;
    while (lambda__platform_monotonic() - start < 250000000) {
        uint64_t before = lambda__platform_monotonic();
        uint64_t now = lambda__now(base);
        uint64_t after = lambda__platform_monotonic();
        /* Within a hundredth of a second of the system's clock, and never back. */
        if (now < last || now + 10000000 < before || now > after + 10000000) return (void *)1;
        last = now;
    }
    return NULL;
}

static void keeps_to_the_system(void **state)
{
    (void)state;
    lambda__base *base = calloc(1, sizeof(*base));
    assert_non_null(base);
    assert_int_equal(
        lambda__base_open(base, &(lambda_allocator){0}, &(lambda_clock){0}, &(lambda_random){0}, &(lambda_executor){0}),
        LAMBDA_OK);
    pthread_t other;
    void *strayed = NULL;
    assert_int_equal(pthread_create(&other, NULL, read_on, base), 0);
    assert_null(read_on(base));
    pthread_join(other, &strayed);
    assert_null(strayed);
    uint64_t wall = lambda__wall(base);
    assert_true(wall > UINT64_C(1500000000) * 1000000000);
    lambda__base_close(base);
    free(base);
}

static void *take_number(void *user)
{
    *(uint32_t *)user = lambda__thread_number_take(LAMBDA__THREADS_MAX);
    return NULL;
}

static void numbers_come_back(void **state)
{
    (void)state;
    uint32_t highest = 0;
    for (int i = 0; i < 3000; i++) {
        uint32_t number = LAMBDA__THREAD_NONE;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, take_number, &number), 0);
        pthread_join(thread, NULL);
        assert_true(number != LAMBDA__THREAD_NONE);
        if (number > highest) highest = number;
    }
    assert_true(highest < 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_to_the_system),
        cmocka_unit_test(numbers_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
