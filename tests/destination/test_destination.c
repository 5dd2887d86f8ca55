/* Destinations by name: registering, finding, what is refused, and how they are closed. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/port/destination.h>

#include "destination/destination.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** Which destinations were closed, in order. */
static char closed[16];

static lambda_status keep_nothing(void *user, const lambda_delivery *delivery)
{
    (void)user;
    (void)delivery;
    return LAMBDA_OK;
}

static void note_close(void *user)
{
    strcat(closed, user);
}

static lambda_destination named(char *letter)
{
    return (lambda_destination){.deliver = keep_nothing, .close = note_close, .user = letter};
}

static void names_find_their_destinations(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    char name[] = "arn:aws:sqs:us-east-1:000000000000:failed";
    lambda_destination a = named("a");
    lambda_destination b = named("b");
    assert_null(lambda__destination_find(lambda, name));
    assert_ok(lambda, lambda_destination_register(lambda, name, &a));
    a.user = "changed";
    name[0] = 'x';
    assert_null(lambda__destination_find(lambda, name));
    assert_ok(lambda, lambda_destination_register(lambda, "b \xCE\xBB", &b));
    const lambda_destination *found = lambda__destination_find(lambda, "arn:aws:sqs:us-east-1:000000000000:failed");
    assert_non_null(found);
    assert_string_equal(found->user, "a");
    found = lambda__destination_find(lambda, "b \xCE\xBB");
    assert_non_null(found);
    assert_string_equal(found->user, "b");
    assert_null(lambda__destination_find(lambda, "b"));
    lambda_close(lambda);
}

static void the_last_is_closed_first(void **state)
{
    (void)state;
    closed[0] = '\0';
    lambda_t *lambda = test_open(NULL);
    lambda_destination a = named("a");
    lambda_destination b = named("b");
    lambda_destination c = named("c");
    const lambda_destination silent = {.deliver = keep_nothing};
    assert_ok(lambda, lambda_destination_register(lambda, "1", &a));
    assert_ok(lambda, lambda_destination_register(lambda, "2", &b));
    assert_ok(lambda, lambda_destination_register(lambda, "3", &silent));
    assert_ok(lambda, lambda_destination_register(lambda, "4", &c));
    assert_fails(lambda, lambda_destination_register(lambda, "1", &c), LAMBDA_ERROR_RESOURCE_CONFLICT, "\"1\"");
    assert_string_equal(closed, "");
    lambda_close(lambda);
    assert_string_equal(closed, "cba");
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    const lambda_destination a = named("a");
    const lambda_destination without = {.close = note_close};
    char name[4 * 257 + 1];
    assert_fails(NULL, lambda_destination_register(NULL, "a", &a), INVALID, "lambda");
    assert_fails(lambda, lambda_destination_register(lambda, NULL, &a), INVALID, "name: is NULL");
    assert_fails(lambda, lambda_destination_register(lambda, "", &a), INVALID, "name: is empty");
    assert_fails(lambda, lambda_destination_register(lambda, "a\xFF", &a), INVALID, "UTF-8");
    assert_fails(lambda, lambda_destination_register(lambda, "a", NULL), INVALID, "destination");
    assert_fails(lambda, lambda_destination_register(lambda, "a", &without), INVALID, "deliver");
    assert_fails(lambda, lambda_destination_register(lambda, "arn:aws-cn:lambda:us-east-1:000000000000:function:f", &a),
                 INVALID, "ARN of Lambda");
    test_create(lambda, "f", test_nothing, NULL);
    assert_fails(lambda, lambda_destination_register(lambda, "f", &a), INVALID, "\"f\" is a function's");
    assert_fails(lambda, lambda_destination_register(lambda, "f:PROD", &a), INVALID, "is a function's");
    /* Characters are counted, not bytes. */
    for (size_t i = 0; i < 257; i++)
        memcpy(name + 4 * i, "\xF0\x9F\x90\x91", 4);
    name[sizeof(name) - 1] = '\0';
    assert_fails(lambda, lambda_destination_register(lambda, name, &a), INVALID, "256");
    memset(name, 'x', 257);
    name[257] = '\0';
    assert_fails(lambda, lambda_destination_register(lambda, name, &a), INVALID, "256");
    name[256] = '\0';
    assert_ok(lambda, lambda_destination_register(lambda, name, &a));
    for (size_t i = 0; i < 256; i++)
        memcpy(name + 4 * i, "\xF0\x9F\x90\x91", 4);
    name[4 * 256] = '\0';
    assert_ok(lambda, lambda_destination_register(lambda, name, &a));
    closed[0] = '\0';
    lambda_close(lambda);
    assert_string_equal(closed, "aa");
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 20);
        test_memory memory = {0};
        lambda_t *lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
        const lambda_destination a = named("a");
        closed[0] = '\0';
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_status status = lambda_destination_register(lambda, "a", &a);
        succeeded = status == LAMBDA_OK;
        memory.fail_at = 0;
        if (!succeeded) {
            assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
            assert_null(lambda__destination_find(lambda, "a"));
        }
        lambda_close(lambda);
        assert_string_equal(closed, succeeded ? "a" : "");
        assert_int_equal(memory.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_find_their_destinations),
        cmocka_unit_test(the_last_is_closed_first),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
