/* What many tests need: memory that is counted and can fail, a clock and randomness that the test moves. */
#ifndef LAMBDA_TESTS_SUPPORT_H
#define LAMBDA_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lambda/lambda.h>

/** Counts what is out; the `fail_at`th allocation from now fails (0: none does), and all after it if `fail_on`. Any thread. */
typedef struct test_memory {
    _Atomic long live;     /* allocations not yet released */
    _Atomic long bytes;    /* bytes of those */
    _Atomic long requests; /* allocations asked for */
    long fail_at;
    bool fail_on;
} test_memory;

lambda_allocator test_allocator(test_memory *memory);

/** A clock that stands still until the test moves it; `step` is added at each reading of the monotonic one. */
typedef struct test_clock {
    _Atomic uint64_t monotonic;
    _Atomic uint64_t wall;
    uint64_t step;
} test_clock;

lambda_clock test_clock_port(test_clock *clock);

/** The same numbers from the same seed; any thread. */
typedef struct test_random {
    _Atomic uint64_t state;
} test_random;

lambda_random test_random_port(test_random *random);

/** Opens a service or fails the test. */
lambda_t *test_open(const lambda_options *options);

/** Creates a native function or fails the test. */
void test_create(lambda_t *lambda, const char *name, lambda_handler *handler, void *user);

/** A handler that answers with its event. */
lambda_status test_echo(const lambda_event *event, lambda_context *context, lambda_response *response);

/** A handler that does nothing. */
lambda_status test_nothing(const lambda_event *event, lambda_context *context, lambda_response *response);

#define assert_ok(lambda, call) test_assert_status(lambda, call, LAMBDA_OK, "", #call, __FILE__, __LINE__)

/** The call's status, and that its message holds `text`. */
#define assert_fails(lambda, call, status, text)                                                                       \
    test_assert_status(lambda, call, status, text, #call, __FILE__, __LINE__)

void test_assert_status(lambda_t *lambda, lambda_status status, lambda_status expected, const char *text,
                        const char *call, const char *file, int line);

/** The payload is this text. */
void test_assert_payload(const lambda_result *result, const char *text);

#endif
