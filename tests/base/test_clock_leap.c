/* The default clock on a counter that this test turns: linked so that the library reads it here. */
#include "support.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/platform.h"

#define SECOND UINT64_C(1000000000)

/** The machine: a counter of three a nanosecond, and the system's time. */
static uint64_t counter;
static uint64_t now;

uint64_t __wrap_lambda__platform_cycles(void);
uint64_t __wrap_lambda__platform_monotonic(void);
bool __wrap_lambda__platform_cycles_dependable(void);

uint64_t __wrap_lambda__platform_cycles(void)
{
    return counter;
}

uint64_t __wrap_lambda__platform_monotonic(void)
{
    return now;
}

bool __wrap_lambda__platform_cycles_dependable(void)
{
    return true;
}

static void pass(uint64_t ns)
{
    now += ns;
    counter += 3 * ns;
}

static lambda__base *opened(void)
{
    lambda__base *base = calloc(1, sizeof(*base));
    assert_non_null(base);
    counter = UINT64_C(1) << 40;
    now = 1000 * SECOND;
    assert_int_equal(
        lambda__base_open(base, &(lambda_allocator){0}, &(lambda_clock){0}, &(lambda_random){0}, &(lambda_executor){0}),
        LAMBDA_OK);
    for (int i = 0; i < 40; i++) {
        pass(SECOND / 10);
        assert_in_range(lambda__now(base), now - SECOND / 100, now + SECOND / 100);
    }
    return base;
}

/** Reads for ten seconds: never back, and after the first second within a hundredth of one of the system's clock. */
static void follows(lambda__base *base)
{
    uint64_t last = lambda__now(base);
    for (int i = 0; i < 1000; i++) {
        pass(SECOND / 100);
        uint64_t read = lambda__now(base);
        assert_true(read >= last);
        if (i > 200) assert_in_range(read, now - SECOND / 100, now + SECOND / 100);
        last = read;
    }
}

static void close_clock(lambda__base *base)
{
    lambda__base_close(base);
    free(base);
}

static void a_counter_that_starts_again(void **state)
{
    (void)state;
    lambda__base *base = opened();
    now += 5 * SECOND;
    counter = 17;
    follows(base);
    close_clock(base);
}

static void a_counter_that_leaps_on(void **state)
{
    (void)state;
    lambda__base *base = opened();
    counter += UINT64_C(1) << 52;
    follows(base);
    close_clock(base);
}

static void a_machine_that_slept(void **state)
{
    (void)state;
    lambda__base *base = opened();
    pass(100000 * SECOND);
    follows(base);
    now += 100 * SECOND; /* the counter stood still */
    follows(base);
    close_clock(base);
}

/** A guest that goes on on another machine, whose counter is of another speed: some seconds later it is known. */
static void another_speed(void **state)
{
    (void)state;
    lambda__base *base = opened();
    uint64_t last = lambda__now(base);
    for (int i = 0; i < 3000; i++) {
        now += SECOND / 100;
        counter += 2 * SECOND / 100;
        uint64_t read = lambda__now(base);
        assert_true(read >= last);
        if (i > 2000) assert_in_range(read, now - SECOND / 50, now + SECOND / 50);
        last = read;
    }
    close_clock(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_that_starts_again),
        cmocka_unit_test(a_counter_that_leaps_on),
        cmocka_unit_test(a_machine_that_slept),
        cmocka_unit_test(another_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
