/* Lines out of pipes. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#include "output.h"

enum { LINES = 64 };

typedef struct world {
    lambda__loop loop;
    lambda__output *output;
    int pipe[2];
    size_t count; /* lines, of which the first are kept */
    uint64_t bytes;
    size_t longest;
    char *line[LINES];
    size_t length[LINES];
} world;

static void keep(void *user, const char *line, size_t length)
{
    world *w = user;
    if (w->count < LINES) {
        w->line[w->count] = malloc(length + 1);
        memcpy(w->line[w->count], line, length);
        w->line[w->count][length] = '\0';
        w->length[w->count] = length;
    }
    w->count++;
    w->bytes += length;
    if (length > w->longest) w->longest = length;
}

static void open_pipe(int ends[2])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
}

static void begin(world *w)
{
    memset(w, 0, sizeof(*w));
    assert_int_equal(lambda__loop_open(&w->loop), 0);
    open_pipe(w->pipe);
    w->output = lambda__output_open(&w->loop, w->pipe[0], keep, w);
    assert_non_null(w->output);
}

static void finish(world *w)
{
    lambda__output_close(w->output);
    for (size_t i = 0; i < w->count && i < LINES; i++)
        free(w->line[i]);
    close(w->pipe[0]);
    if (w->pipe[1] >= 0) close(w->pipe[1]);
    lambda__loop_close(&w->loop);
}

static void put(world *w, const char *data, size_t length)
{
    assert_int_equal(write(w->pipe[1], data, length), length);
}

static void text(world *w, const char *data)
{
    put(w, data, strlen(data));
}

static void close_writer(world *w)
{
    close(w->pipe[1]);
    w->pipe[1] = -1;
}

/** A round of the loop, which does not wait. */
static void round_of(world *w)
{
    assert_int_equal(lambda__loop_run(&w->loop, 0), 0);
}

/** Writes all of it, in pieces that the pipe takes, with rounds between. */
static void put_long(world *w, const char *data, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t piece = length - at < 30000 ? length - at : 30000;
        put(w, data + at, piece);
        at += piece;
        round_of(w);
    }
}

static void run_to_end(world *w)
{
    uint64_t until = lambda__loop_now() + 20000000000u;
    while (!lambda__output_ended(w->output)) {
        assert_true(lambda__loop_now() < until);
        assert_int_equal(lambda__loop_run(&w->loop, until), 0);
    }
}

static void line_is(const world *w, size_t at, const char *expected)
{
    assert_true(at < w->count);
    assert_int_equal(w->length[at], strlen(expected));
    assert_string_equal(w->line[at], expected);
}

static void test_lines(void **state)
{
    (void)state;
    world w;
    begin(&w);
    text(&w, "one\ntwo\n\nfour");
    round_of(&w);
    assert_int_equal(w.count, 3);
    line_is(&w, 0, "one");
    line_is(&w, 1, "two");
    line_is(&w, 2, "");
    text(&w, "teen\n");
    round_of(&w);
    assert_int_equal(w.count, 4);
    line_is(&w, 3, "fourteen");
    assert_false(lambda__output_ended(w.output));
    finish(&w);
    assert_int_equal(w.count, 4);
}

static void test_a_byte_at_a_time(void **state)
{
    (void)state;
    world w;
    begin(&w);
    for (const char *at = "ab\nc\n"; *at; at++) {
        put(&w, at, 1);
        round_of(&w);
    }
    assert_int_equal(w.count, 2);
    line_is(&w, 0, "ab");
    line_is(&w, 1, "c");
    finish(&w);
}

/* Runtimes put '\r' between the lines of one message; Windows' line ends keep theirs. */
static void test_carriage_returns_stay(void **state)
{
    (void)state;
    world w;
    begin(&w);
    text(&w, "Error: no\r    at a\r    at b\nlast\r\n");
    round_of(&w);
    assert_int_equal(w.count, 2);
    line_is(&w, 0, "Error: no\r    at a\r    at b");
    line_is(&w, 1, "last\r");
    finish(&w);
}

static void test_binary(void **state)
{
    (void)state;
    world w;
    const char bytes[] = "\0\xff\xfe\0\x80x\n\0\n";
    begin(&w);
    put(&w, bytes, sizeof(bytes) - 1);
    round_of(&w);
    assert_int_equal(w.count, 2);
    assert_int_equal(w.length[0], 6);
    assert_memory_equal(w.line[0], "\0\xff\xfe\0\x80x", 6);
    assert_int_equal(w.length[1], 1);
    finish(&w);
}

static void test_end_without_line_end(void **state)
{
    (void)state;
    world w;
    begin(&w);
    text(&w, "first\nlast");
    close_writer(&w);
    run_to_end(&w);
    assert_int_equal(w.count, 2);
    line_is(&w, 1, "last");
    lambda__output_drain(w.output, 0);
    finish(&w);
    assert_int_equal(w.count, 2);
}

static void test_end_of_nothing(void **state)
{
    (void)state;
    world w;
    begin(&w);
    close_writer(&w);
    run_to_end(&w);
    assert_int_equal(w.count, 0);
    finish(&w);
}

static void test_flush(void **state)
{
    (void)state;
    world w;
    begin(&w);
    lambda__output_flush(w.output);
    assert_int_equal(w.count, 0);
    text(&w, "half");
    round_of(&w);
    assert_int_equal(w.count, 0);
    lambda__output_flush(w.output);
    lambda__output_flush(w.output);
    line_is(&w, 0, "half");
    text(&w, "rest\n");
    round_of(&w);
    assert_int_equal(w.count, 2);
    line_is(&w, 1, "rest");
    text(&w, "tail");
    round_of(&w);
    finish(&w);
    assert_int_equal(w.count, 3);
}

static void test_drain(void **state)
{
    (void)state;
    world w;
    begin(&w);
    text(&w, "one\ntwo\nthree");
    lambda__output_drain(w.output, 5);
    assert_int_equal(w.count, 1);
    lambda__output_drain(w.output, 0);
    assert_int_equal(w.count, 2);
    assert_false(lambda__output_ended(w.output));
    lambda__output_drain(w.output, 0);
    close_writer(&w);
    lambda__output_drain(w.output, 0);
    assert_true(lambda__output_ended(w.output));
    assert_int_equal(w.count, 3);
    line_is(&w, 2, "three");
    finish(&w);
}

/* Exactly as long as a line may be, and a byte more. */
static void test_longest_line(void **state)
{
    (void)state;
    world w;
    const size_t most = LAMBDA__OUTPUT_LINE_MAX;
    char *line = malloc(most + 2);
    memset(line, 'x', most + 2);
    begin(&w);
    line[most] = '\n';
    put_long(&w, line, most + 1);
    assert_int_equal(w.count, 1);
    assert_int_equal(w.length[0], most);
    line[most] = 'y';
    line[most + 1] = '\n';
    put_long(&w, line, most + 2);
    round_of(&w);
    assert_int_equal(w.count, 3);
    assert_int_equal(w.length[1], most);
    line_is(&w, 2, "y");
    /* Unfinished, it is cut too. */
    put_long(&w, line, most + 1);
    lambda__output_flush(w.output);
    assert_int_equal(w.count, 5);
    assert_int_equal(w.length[3], most);
    line_is(&w, 4, "y");
    finish(&w);
    free(line);
}

/* Characters of two, three and four bytes that lie across the place where the line is cut, in each position. */
static void test_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x91"};
    const size_t most = LAMBDA__OUTPUT_LINE_MAX;
    char *line = malloc(most + 8);
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(characters[i]);
        for (size_t before = 0; before <= size; before++) {
            world w;
            begin(&w);
            memset(line, 'x', most + 8);
            memcpy(line + most - before, characters[i], size);
            line[most + 5] = '\n';
            put_long(&w, line, most + 6);
            round_of(&w);
            assert_int_equal(w.count, 2);
            /* Whole, it stays where it is; else all of it goes to the second. */
            assert_int_equal(w.length[0], before == size ? most : most - before);
            assert_int_equal(w.length[0] + w.length[1], most + 5);
            assert_memory_equal(w.line[0], line, w.length[0]);
            assert_memory_equal(w.line[1], line + w.length[0], w.length[1]);
            finish(&w);
        }
    }
    free(line);
}

/* Bytes that look like the rest of a character and are none are cut where the line is full. */
static void test_cut_of_no_characters(void **state)
{
    (void)state;
    const size_t most = LAMBDA__OUTPUT_LINE_MAX;
    char *line = malloc(most + 8);
    world w;
    begin(&w);
    memset(line, 0x80, most + 8);
    line[most + 7] = '\n';
    put_long(&w, line, most + 8);
    round_of(&w);
    assert_int_equal(w.count, 2);
    assert_int_equal(w.length[0], most);
    assert_int_equal(w.length[1], 7);
    finish(&w);
    free(line);
}

enum { FLOOD = 256 << 20, FLOOD_LINE = 1000 };

/** Writes `FLOOD` bytes of lines. */
static void *flood(void *user)
{
    static char block[FLOOD_LINE * 64];
    const world *w = user;
    memset(block, 'z', sizeof(block));
    for (size_t i = FLOOD_LINE - 1; i < sizeof(block); i += FLOOD_LINE)
        block[i] = '\n';
    for (size_t left = FLOOD; left > 0;) {
        ssize_t wrote = write(w->pipe[1], block, left < sizeof(block) ? left : sizeof(block));
        if (wrote < 0) return (void *)"it could not write";
        left -= (size_t)wrote;
    }
    close(w->pipe[1]);
    return NULL;
}

/* Who writes without end gets little of each round, and others theirs. */
static void test_flood_starves_nobody(void **state)
{
    (void)state;
    world w;
    world quiet;
    begin(&w);
    memset(&quiet, 0, sizeof(quiet));
    open_pipe(quiet.pipe);
    quiet.output = lambda__output_open(&w.loop, quiet.pipe[0], keep, &quiet);
    assert_non_null(quiet.output);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, flood, &w), 0);
    uint64_t until = lambda__loop_now() + 120000000000u;
    size_t said = 0;
    while (!lambda__output_ended(w.output)) {
        uint64_t before = w.bytes;
        if (said < 32) text(&quiet, "still here\n");
        said += said < 32;
        assert_int_equal(lambda__loop_run(&w.loop, until), 0);
        assert_true(w.bytes - before <= 65536 + FLOOD_LINE);
        assert_int_equal(quiet.count, said);
        assert_true(lambda__loop_now() < until);
    }
    void *failed = NULL;
    assert_int_equal(pthread_join(thread, &failed), 0);
    w.pipe[1] = -1;
    assert_null(failed);
    assert_int_equal(w.bytes + w.count - (FLOOD % FLOOD_LINE > 0), FLOOD);
    assert_int_equal(w.longest, FLOOD_LINE - 1);
    lambda__output_close(quiet.output);
    for (size_t i = 0; i < quiet.count; i++)
        free(quiet.line[i]);
    close(quiet.pipe[0]);
    close(quiet.pipe[1]);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_byte_at_a_time),
        cmocka_unit_test(test_carriage_returns_stay),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_end_without_line_end),
        cmocka_unit_test(test_end_of_nothing),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_longest_line),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_cut_of_no_characters),
        cmocka_unit_test(test_flood_starves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
