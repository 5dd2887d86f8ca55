/* Quantiles against the sorted truth: within 1 %, whatever the distribution. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "observe/metrics/histogram.h"

enum { VALUES = 20000 };

static lambda__base *base;
static test_memory memory;

static int open_base(void **state)
{
    (void)state;
    base = calloc(1, sizeof(*base));
    lambda_allocator allocator = test_allocator(&memory);
    return !base || lambda__base_open(base, &allocator, &(lambda_clock){0}, &(lambda_random){0},
                                      &(lambda_executor){.kind = LAMBDA_EXECUTOR_NONE}) != LAMBDA_OK;
}

static int close_base(void **state)
{
    (void)state;
    lambda__base_close(base);
    free(base);
    return 0;
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int by_value(const void *one, const void *two)
{
    double a = *(const double *)one;
    double b = *(const double *)two;
    return (a > b) - (a < b);
}

/** The rank that the header names: ceil(q * count), from 1. */
static double true_quantile(const double *sorted, size_t count, double q)
{
    double rank = ceil(q * (double)count);
    if (rank < 1) rank = 1;
    return sorted[(size_t)rank - 1];
}

static void assert_near(double seen, double truth)
{
    if (fabs(seen - truth) <= 0.01 * fabs(truth)) return;
    print_error("%.17g is not within 1 %% of %.17g\n", seen, truth);
    fail();
}

static void compare(lambda_distribution *distribution, double *values, size_t count)
{
    static const double shares[] = {0.0001, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999};
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    qsort(values, count, sizeof(*values), by_value);
    assert_int_equal(distribution->count, count);
    assert_true(distribution->min == values[0]);
    assert_true(distribution->max == values[count - 1]);
    assert_true(fabs(distribution->sum - sum) <= 1e-9 * fabs(sum) + 1e-300);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
        assert_near(lambda_distribution_quantile(distribution, shares[i]), true_quantile(values, count, shares[i]));
    assert_near(distribution->p50, true_quantile(values, count, 0.5));
    assert_near(distribution->p90, true_quantile(values, count, 0.9));
    assert_near(distribution->p99, true_quantile(values, count, 0.99));
    assert_near(distribution->p999, true_quantile(values, count, 0.999));
    assert_true(lambda_distribution_quantile(distribution, 0) == distribution->min);
    assert_true(lambda_distribution_quantile(distribution, 1) == distribution->max);
}

static void check_whole(uint64_t (*value)(uint64_t random, size_t at), size_t count)
{
    static double values[VALUES];
    uint64_t state = 88172645463325252;
    lambda__histogram histogram = {0};
    lambda__gathering gathering = {.base = base};
    lambda_distribution distribution;
    for (size_t i = 0; i < count; i++) {
        uint64_t each = value(next(&state), i);
        values[i] = (double)each;
        lambda__histogram_record(base, &histogram, each);
    }
    lambda__gathering_reset(&gathering);
    lambda__gather(&gathering, &histogram);
    lambda__gathering_finish(&gathering, true, &distribution);
    assert_false(gathering.failed);
    assert_int_equal(gathering.lost, 0);
    compare(&distribution, values, count);
    lambda__gathering_clear(&gathering);
    lambda__histogram_clear(base, &histogram);
}

static uint64_t uniform(uint64_t random, size_t at)
{
    (void)at;
    return random % 1000000;
}

/** From 1 ns to 15 minutes, each power of two as often. */
static uint64_t by_powers(uint64_t random, size_t at)
{
    return (random >> 8) % ((UINT64_C(1) << (at % 40)) + 1) + (UINT64_C(1) << (at % 40));
}

/** One in a thousand takes a million times as long. */
static uint64_t with_tail(uint64_t random, size_t at)
{
    return at % 1000 == 999 ? 800000000 + random % 100000000 : 700 + random % 90;
}

/** On and around the edges of buckets. */
static uint64_t edges(uint64_t random, size_t at)
{
    uint64_t edge = (UINT64_C(64) + random % 64) << (at % 34);
    return edge + (random >> 32) % 3 - 1;
}

static uint64_t same(uint64_t random, size_t at)
{
    (void)random;
    (void)at;
    return 123456789;
}

static uint64_t none_or_much(uint64_t random, size_t at)
{
    return at % 2 ? UINT64_C(900000000000) : random % 2;
}

static void whole_numbers(void **state)
{
    (void)state;
    uint64_t (*const all[])(uint64_t, size_t) = {uniform, by_powers, with_tail, edges, same, none_or_much};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        check_whole(all[i], VALUES);
        check_whole(all[i], 1);
        check_whole(all[i], 17);
    }
}

static void small_whole_numbers_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 128; value++) {
        lambda__histogram histogram = {0};
        lambda__gathering gathering = {.base = base};
        lambda_distribution distribution;
        /* Two others, so that it is not the least and not the greatest. */
        lambda__histogram_record(base, &histogram, 0);
        lambda__histogram_record(base, &histogram, value);
        lambda__histogram_record(base, &histogram, 1000000);
        lambda__gather(&gathering, &histogram);
        lambda__gathering_finish(&gathering, true, &distribution);
        assert_true(distribution.p50 == (double)value);
        lambda__gathering_clear(&gathering);
        lambda__histogram_clear(base, &histogram);
    }
}

static void numbers_of_handlers(void **state)
{
    (void)state;
    static double values[VALUES];
    uint64_t random = 88172645463325252;
    lambda__real_histogram histogram = {0};
    lambda__gathering gathering = {.base = base};
    lambda_distribution distribution;
    for (size_t i = 0; i < VALUES; i++) {
        double value = ldexp((double)(next(&random) % 1000003) + 1, (int)(i % 60) - 50);
        values[i] = i % 3 == 0 ? -value : value;
        if (i % 500 == 7) values[i] = 0;
        lambda__real_histogram_record(base, &histogram, values[i]);
    }
    lambda__gather_real(&gathering, &histogram);
    lambda__gathering_finish(&gathering, false, &distribution);
    assert_false(gathering.failed);
    compare(&distribution, values, VALUES);
    lambda__gathering_clear(&gathering);
    lambda__real_histogram_clear(base, &histogram);
}

static void of_nothing_all_is_zero(void **state)
{
    (void)state;
    lambda__histogram histogram = {0};
    lambda__gathering gathering = {.base = base};
    lambda_distribution distribution;
    lambda__gather(&gathering, &histogram);
    lambda__gathering_finish(&gathering, true, &distribution);
    assert_int_equal(distribution.count, 0);
    assert_true(distribution.sum == 0 && distribution.min == 0 && distribution.max == 0 && distribution.p999 == 0);
    assert_true(lambda_distribution_quantile(&distribution, 0.5) == 0);
    lambda__gathering_clear(&gathering);
}

static void what_memory_has_no_room_for_is_lost_and_said_to_be(void **state)
{
    (void)state;
    lambda__histogram histogram = {0};
    lambda__gathering gathering = {.base = base};
    lambda_distribution distribution;
    lambda__histogram_record(base, &histogram, 1000);
    memory.requests = 0;
    memory.fail_at = 1;
    lambda__histogram_record(base, &histogram, 1000000);
    memory.fail_at = 0;
    lambda__histogram_record(base, &histogram, 1001);
    lambda__gather(&gathering, &histogram);
    lambda__gathering_finish(&gathering, true, &distribution);
    assert_int_equal(gathering.lost, 1);
    /* The sum, the least and the greatest know of it; where it stood among the others nobody does. */
    assert_int_equal(distribution.count, 3);
    assert_true(distribution.max == 1000000 && distribution.sum == 1002001);
    lambda__gathering_clear(&gathering);
    lambda__histogram_clear(base, &histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(small_whole_numbers_are_exact),
        cmocka_unit_test(numbers_of_handlers),
        cmocka_unit_test(of_nothing_all_is_zero),
        cmocka_unit_test(what_memory_has_no_room_for_is_lost_and_said_to_be),
    };
    return cmocka_run_group_tests(tests, open_base, close_base);
}
