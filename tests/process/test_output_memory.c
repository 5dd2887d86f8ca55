/* Lines out of pipes where memory is out: they are cut earlier, and no byte is lost. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#include "output.h"

static bool out; /* of memory */

void *__real_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    return out ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return out ? NULL : __real_realloc(memory, size);
}

static char got[65536];
static size_t got_length;
static size_t got_lines;

static void take(void *user, const char *line, size_t length)
{
    (void)user;
    assert_true(got_length + length <= sizeof(got));
    memcpy(got + got_length, line, length);
    got_length += length;
    got_lines++;
}

static void test_memory_is_out(void **state)
{
    (void)state;
    static char line[20000];
    lambda__loop loop;
    int ends[2];
    assert_int_equal(lambda__loop_open(&loop), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    out = true;
    lambda__output *output = lambda__output_open(&loop, ends[0], take, NULL);
    out = false;
    assert_null(output);
    output = lambda__output_open(&loop, ends[0], take, NULL);
    assert_non_null(output);
    for (size_t i = 0; i < sizeof(line); i++)
        line[i] = (char)('a' + i % 23);
    line[sizeof(line) - 1] = '\n';
    assert_int_equal(write(ends[1], line, sizeof(line)), sizeof(line));
    out = true;
    assert_int_equal(lambda__loop_run(&loop, 0), 0);
    out = false;
    /* 19,999 bytes, in pieces of what there is without memory of its own. */
    assert_int_equal(got_lines, 5);
    assert_int_equal(got_length, sizeof(line) - 1);
    assert_memory_equal(got, line, got_length);
    /* And whole again when there is memory. */
    assert_int_equal(write(ends[1], line, sizeof(line)), sizeof(line));
    got_length = 0;
    got_lines = 0;
    assert_int_equal(lambda__loop_run(&loop, 0), 0);
    assert_int_equal(got_lines, 1);
    assert_int_equal(got_length, sizeof(line) - 1);
    lambda__output_close(output);
    close(ends[0]);
    close(ends[1]);
    lambda__loop_close(&loop);
}

/* What epoll does not take is refused as memory that is out. */
static void test_no_pipe(void **state)
{
    (void)state;
    lambda__loop loop;
    assert_int_equal(lambda__loop_open(&loop), 0);
    assert_null(lambda__output_open(&loop, -1, take, NULL));
    lambda__loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_out),
        cmocka_unit_test(test_no_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
