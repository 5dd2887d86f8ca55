#include "reader_world.h"

#include <string.h>
#include <time.h>

test_memory memory;
lambda_t *lambda;
lambda_result result;
char block[65536];
_Atomic size_t written;
_Atomic int refused;
sem_t inside;
sem_t gate;

int set_up(void **state)
{
    (void)state;
    memory = (test_memory){0};
    atomic_store(&written, 0);
    atomic_store(&refused, LAMBDA_OK);
    sem_init(&inside, 0, 0);
    sem_init(&gate, 0, 0);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (char)(i * 7 + i / 251);
    lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    lambda_result_clear(&result);
    assert_int_equal(lambda_close(lambda), 0);
    assert_int_equal(memory.live, 0);
    sem_destroy(&inside);
    sem_destroy(&gate);
    return 0;
}

void await(sem_t *semaphore)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    assert_int_equal(sem_timedwait(semaphore, &until), 0);
}

void create(const char *name, lambda_handler *handler, void *user)
{
    assert_ok(lambda,
              lambda_function_create(lambda, &(lambda_function_config){.function_name = name,
                                                                       .code = lambda_code_native(handler, user),
                                                                       .timeout_ms = 900000}));
}

lambda_response_reader *open_reader(const char *name)
{
    lambda_response_reader *reader = NULL;
    assert_ok(lambda, lambda_response_reader_open(lambda, name, LAMBDA_JSON("{\"x\":1}"), NULL, &reader));
    assert_non_null(reader);
    return reader;
}

size_t read_all(lambda_response_reader *reader, size_t size)
{
    static char buffer[200000];
    size_t total = 0;
    size_t length = 0;
    do {
        assert_ok(lambda, lambda_response_reader_read(reader, buffer, size, &length));
        assert_true(length <= size);
        for (size_t i = 0; i < length; i++)
            if (buffer[i] != block[(total + i) % sizeof(block)]) fail_msg("byte %zu is wrong", total + i);
        total += length;
    } while (length > 0);
    return total;
}

lambda_status write_many(lambda_response *response, size_t total, size_t piece)
{
    lambda_status status = LAMBDA_OK;
    for (size_t at = 0; at < total && status == LAMBDA_OK;) {
        size_t length = total - at < piece ? total - at : piece;
        size_t start = at % sizeof(block);
        if (length > sizeof(block) - start) length = sizeof(block) - start;
        status = lambda_response_write(response, block + start, length);
        if (status == LAMBDA_OK) atomic_fetch_add(&written, length);
        at += length;
    }
    atomic_store(&refused, (int)status);
    return status;
}

lambda_status writes_much(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    size_t piece = context && lambda_context_user(context) ? 65536 : 5000;
    assert_int_equal(lambda_event_payload(event).length, 7);
    assert_memory_equal(lambda_event_payload(event).data, "{\"x\":1}", 7);
    lambda_status status = lambda_response_content_type(response, "text/csv");
    return status == LAMBDA_OK ? write_many(response, MUCH, piece) : status;
}
