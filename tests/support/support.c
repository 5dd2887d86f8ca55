#include "support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each block begins with its size, in room that keeps what follows aligned. */
#define HEAD 16

static bool fails(test_memory *memory)
{
    long request = atomic_fetch_add(&memory->requests, 1) + 1;
    return memory->fail_at > 0 && (request == memory->fail_at || (memory->fail_on && request > memory->fail_at));
}

static void *test_allocate(void *user, size_t size)
{
    test_memory *memory = user;
    if (fails(memory)) return NULL;
    char *block = malloc(size + HEAD);
    if (!block) return NULL;
    memcpy(block, &size, sizeof(size));
    atomic_fetch_add(&memory->live, 1);
    atomic_fetch_add(&memory->bytes, (long)size);
    return block + HEAD;
}

static void test_release(void *user, void *data)
{
    test_memory *memory = user;
    if (!data) return;
    size_t size;
    char *block = (char *)data - HEAD;
    memcpy(&size, block, sizeof(size));
    atomic_fetch_sub(&memory->live, 1);
    atomic_fetch_sub(&memory->bytes, (long)size);
    free(block);
}

static void *test_reallocate(void *user, void *data, size_t size)
{
    if (!data) return test_allocate(user, size);
    void *moved = test_allocate(user, size);
    if (!moved) return NULL;
    size_t old;
    memcpy(&old, (char *)data - HEAD, sizeof(old));
    memcpy(moved, data, old < size ? old : size);
    test_release(user, data);
    return moved;
}

lambda_allocator test_allocator(test_memory *memory)
{
    return (lambda_allocator){
        .allocate = test_allocate, .reallocate = test_reallocate, .release = test_release, .user = memory};
}

static uint64_t test_monotonic(void *user)
{
    test_clock *clock = user;
    return atomic_fetch_add(&clock->monotonic, clock->step);
}

static uint64_t test_wall(void *user)
{
    test_clock *clock = user;
    return atomic_load(&clock->wall);
}

lambda_clock test_clock_port(test_clock *clock)
{
    return (lambda_clock){.monotonic = test_monotonic, .wall = test_wall, .user = clock};
}

static uint64_t test_next(void *user)
{
    test_random *random = user;
    uint64_t state = atomic_fetch_add(&random->state, UINT64_C(0x9E3779B97F4A7C15)) + UINT64_C(0x9E3779B97F4A7C15);
    state = (state ^ state >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    state = (state ^ state >> 27) * UINT64_C(0x94D049BB133111EB);
    return state ^ state >> 31;
}

lambda_random test_random_port(test_random *random)
{
    return (lambda_random){.next = test_next, .user = random};
}

lambda_t *test_open(const lambda_options *options)
{
    lambda_t *lambda = NULL;
    if (lambda_open(options, &lambda) != LAMBDA_OK) fail_msg("lambda_open: %s", lambda_error_message(NULL));
    return lambda;
}

void test_create(lambda_t *lambda, const char *name, lambda_handler *handler, void *user)
{
    assert_ok(lambda,
              lambda_function_create(
                  lambda, &(lambda_function_config){.function_name = name, .code = lambda_code_native(handler, user)}));
}

lambda_status test_echo(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)context;
    lambda_bytes payload = lambda_event_payload(event);
    return lambda_response_write(response, payload.data, payload.length);
}

lambda_status test_nothing(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    (void)response;
    return LAMBDA_OK;
}

void test_assert_status(lambda_t *lambda, lambda_status status, lambda_status expected, const char *text,
                        const char *call, const char *file, int line)
{
    const char *message = status == LAMBDA_OK ? "" : lambda_error_message(lambda);
    if (status == expected && strstr(message, text)) return;
    print_error("%s\n  is     %s: %s\n  not    %s: %s\n", call, lambda_status_name(status), message,
                lambda_status_name(expected), text);
    _fail(file, line);
}

void test_assert_payload(const lambda_result *result, const char *text)
{
    if (result->payload.length != strlen(text) || memcmp(result->payload.data, text, strlen(text)) != 0)
        fail_msg("the payload is %.*s, not %s", (int)result->payload.length, (const char *)result->payload.data, text);
}
