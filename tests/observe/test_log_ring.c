/* The ring of log lines: what comes back, in which order, what is forgotten, and followers; with threads at the end. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/log_ring.h>

static test_memory memory;
static lambda_log_ring *ring;

static int open_ring(void **state)
{
    (void)state;
    lambda_allocator allocator = test_allocator(&memory);
    assert_int_equal(lambda_log_ring_new(LAMBDA_LOG_RING_BYTES_MIN, &allocator, &ring), LAMBDA_OK);
    return 0;
}

static int close_ring(void **state)
{
    (void)state;
    lambda_log_ring_free(ring);
    assert_int_equal(memory.live, 0);
    return 0;
}

/** A line of a handler's. */
static lambda_log_record line_of(const char *text, uint64_t time_ns)
{
    return (lambda_log_record){.time_ns = time_ns,
                               .level = LAMBDA_LOG_INFO,
                               .type = "",
                               .log_group_name = "/aws/lambda/area",
                               .log_stream_name = "2026/11/27/[$LATEST]0123456789abcdef0123456789abcdef",
                               .request_id = "6f5a1b0e-0000-4000-8000-000000000001",
                               .message = text,
                               .message_length = strlen(text),
                               .fields = "",
                               .line = text,
                               .line_length = strlen(text)};
}

static lambda_status write_record(const lambda_log_record *record)
{
    lambda_log_sink sink = lambda_log_ring_sink(ring);
    return sink.write(sink.user, record);
}

static void write_line(const char *text, uint64_t time_ns)
{
    lambda_log_record record = line_of(text, time_ns);
    assert_int_equal(write_record(&record), LAMBDA_OK);
}

/** What a taker got: the lines with a blank behind each. */
typedef struct gathered {
    char text[4096];
    uint64_t count;
    uint64_t enough; /* 0: never */
    uint64_t last_ns;
    bool disorder;
} gathered;

static bool gather(void *user, const lambda_log_record *record)
{
    gathered *into = user;
    if (strlen(into->text) + record->line_length + 2 < sizeof(into->text)) {
        strcat(into->text, record->line);
        strcat(into->text, " ");
    }
    if (record->time_ns < into->last_ns) into->disorder = true;
    into->last_ns = record->time_ns;
    return ++into->count != into->enough;
}

static void assert_lines(const lambda_log_query *query, const char *expected)
{
    gathered into = {0};
    assert_int_equal(lambda_log_ring_query(ring, query, gather, &into), LAMBDA_OK);
    assert_string_equal(into.text, expected);
    assert_false(into.disorder);
}

static void assert_followed(lambda_log_follower *follower, const char *expected, uint64_t expected_lost)
{
    gathered into = {0};
    uint64_t lost = UINT64_MAX;
    assert_int_equal(lambda_log_follower_next(follower, 0, gather, &into, &lost), LAMBDA_OK);
    assert_string_equal(into.text, expected);
    assert_int_equal(lost, expected_lost);
}

static void parameters_are_checked(void **state)
{
    (void)state;
    lambda_log_ring *none = (lambda_log_ring *)&memory;
    lambda_log_follower *follower = NULL;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    assert_fails(NULL, lambda_log_ring_new(0, NULL, NULL), invalid, "ring:");
    assert_fails(NULL, lambda_log_ring_new(LAMBDA_LOG_RING_BYTES_MIN - 1, NULL, &none), invalid, "bytes: 65535");
    assert_null(none);
    assert_fails(NULL, lambda_log_ring_new((size_t)LAMBDA_LOG_RING_BYTES_MAX + 1, NULL, &none), invalid, "bytes:");
    assert_fails(NULL, lambda_log_ring_query(NULL, NULL, gather, NULL), invalid, "ring:");
    assert_fails(NULL, lambda_log_ring_query(ring, NULL, NULL, NULL), invalid, "take:");
    assert_fails(NULL, lambda_log_ring_query(ring, &(lambda_log_query){.level = LAMBDA_LOG_OFF}, gather, NULL), invalid,
                 "level:");
    assert_fails(NULL,
                 lambda_log_ring_query(ring, &(lambda_log_query){.start_time_ns = 2, .end_time_ns = 1}, gather, NULL),
                 invalid, "end_time_ns:");
    assert_fails(NULL, lambda_log_follower_open(NULL, NULL, &follower), invalid, "ring:");
    assert_fails(NULL, lambda_log_follower_open(ring, NULL, NULL), invalid, "follower:");
    assert_fails(NULL, lambda_log_follower_next(NULL, 0, gather, NULL, NULL), invalid, "follower:");
    assert_null(lambda_log_ring_sink(NULL).write);
    lambda_log_ring_free(NULL);
    lambda_log_ring_clear(NULL);
    lambda_log_follower_interrupt(NULL);
    lambda_log_follower_close(NULL);
}

static bool same_record(void *user, const lambda_log_record *record)
{
    const lambda_log_record *expected = user;
    assert_int_equal(record->time_ns, expected->time_ns);
    assert_int_equal(record->level, expected->level);
    assert_int_equal(record->platform, expected->platform);
    assert_string_equal(record->type, expected->type);
    assert_string_equal(record->log_group_name, expected->log_group_name);
    assert_string_equal(record->log_stream_name, expected->log_stream_name);
    assert_string_equal(record->request_id, expected->request_id);
    assert_int_equal(record->message_length, expected->message_length);
    assert_string_equal(record->message, expected->message);
    assert_int_equal(record->fields_length, expected->fields_length);
    assert_string_equal(record->fields, expected->fields);
    assert_int_equal(record->line_length, expected->line_length);
    assert_string_equal(record->line, expected->line);
    return true;
}

static void a_record_comes_back_whole(void **state)
{
    (void)state;
    const char *line = "T\tID\tWARN\torder placed {\"items\":3}";
    lambda_log_record record = {.time_ns = 7,
                                .level = LAMBDA_LOG_WARN,
                                .platform = true,
                                .type = "platform.start",
                                .log_group_name = "/g",
                                .log_stream_name = "s",
                                .request_id = "",
                                .message = "order placed",
                                .message_length = 12,
                                .fields = "{\"items\":3}",
                                .fields_length = 11,
                                .line = line,
                                .line_length = strlen(line)};
    assert_int_equal(write_record(&record), LAMBDA_OK);
    assert_int_equal(lambda_log_ring_query(ring, NULL, same_record, &record), LAMBDA_OK);
    lambda_log_ring_clear(ring);
    record.message = "said nowhere else";
    record.message_length = strlen(record.message);
    record.fields = "";
    record.fields_length = 0;
    record.type = "";
    record.log_group_name = "";
    assert_int_equal(write_record(&record), LAMBDA_OK);
    assert_int_equal(lambda_log_ring_query(ring, NULL, same_record, &record), LAMBDA_OK);
}

static void queries_choose(void **state)
{
    (void)state;
    lambda_log_record b = line_of("b", 20);
    lambda_log_record c = line_of("c", 30);
    b.log_group_name = "/aws/lambda/other";
    b.level = LAMBDA_LOG_ERROR;
    c.log_stream_name = "2026/11/28/[7]00";
    c.request_id = "";
    c.level = LAMBDA_LOG_DEBUG;
    write_line("a", 10);
    assert_int_equal(write_record(&b), LAMBDA_OK);
    assert_int_equal(write_record(&c), LAMBDA_OK);
    write_line("d", 40);
    assert_lines(NULL, "a b c d ");
    assert_lines(&(lambda_log_query){.log_group_name = "/aws/lambda/other"}, "b ");
    assert_lines(&(lambda_log_query){.log_group_name = "/aws/lambda"}, "");
    assert_lines(&(lambda_log_query){.log_stream_name_prefix = "2026/11/28"}, "c ");
    assert_lines(&(lambda_log_query){.log_stream_name_prefix = ""}, "a b c d ");
    assert_lines(&(lambda_log_query){.request_id = b.request_id}, "a b d ");
    assert_lines(&(lambda_log_query){.level = LAMBDA_LOG_INFO}, "a b d ");
    assert_lines(&(lambda_log_query){.level = LAMBDA_LOG_ERROR}, "b ");
    assert_lines(&(lambda_log_query){.start_time_ns = 20}, "b c d ");
    assert_lines(&(lambda_log_query){.start_time_ns = 20, .end_time_ns = 40}, "b c ");
    assert_lines(&(lambda_log_query){.end_time_ns = 10}, "");
    assert_lines(&(lambda_log_query){.limit = 2}, "a b ");
    assert_lines(&(lambda_log_query){.limit = 2, .start_time_ns = 11}, "b c ");
    gathered into = {.enough = 3};
    assert_int_equal(lambda_log_ring_query(ring, NULL, gather, &into), LAMBDA_OK);
    assert_string_equal(into.text, "a b c ");
    lambda_log_ring_clear(ring);
    assert_lines(NULL, "");
}

/** Texts in the ring as they are; the syntax and what it means: log_filter.h and its own tests. */
static void patterns_choose(void **state)
{
    (void)state;
    lambda_log_follower *follower = NULL;
    assert_int_equal(lambda_log_follower_open(ring, &(lambda_log_query){.filter_pattern = "ERROR -timeout"}, &follower),
                     LAMBDA_OK);
    write_line("ERROR:disk", 10);
    write_line("INFO:disk", 20);
    write_line("ERROR:timeout", 30);
    write_line("{\"code\":404}", 40);
    write_line("{\"code\":\"404 \"}", 50);
    assert_lines(&(lambda_log_query){.filter_pattern = ""}, "ERROR:disk INFO:disk ERROR:timeout {\"code\":404} "
                                                            "{\"code\":\"404 \"} ");
    assert_lines(&(lambda_log_query){.filter_pattern = "ERROR"}, "ERROR:disk ERROR:timeout ");
    assert_lines(&(lambda_log_query){.filter_pattern = "?INFO ?timeout"}, "INFO:disk ERROR:timeout ");
    assert_lines(&(lambda_log_query){.filter_pattern = "{ $.code = 404 }"}, "{\"code\":404} ");
    assert_lines(&(lambda_log_query){.filter_pattern = "ERROR", .start_time_ns = 11, .limit = 1}, "ERROR:timeout ");
    /* The limit counts what matches. */
    assert_lines(&(lambda_log_query){.filter_pattern = "disk", .limit = 2}, "ERROR:disk INFO:disk ");
    assert_followed(follower, "ERROR:disk ", 0);
    assert_followed(follower, "", 0);
    write_line("ERROR:again", 60);
    assert_followed(follower, "ERROR:again ", 0);
    lambda_log_follower_close(follower);
    const lambda_log_query malformed = {.filter_pattern = "{ $.code = "};
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    assert_fails(NULL, lambda_log_ring_query(ring, &malformed, gather, NULL), invalid, "pattern:");
    assert_fails(NULL, lambda_log_follower_open(ring, &malformed, &follower), invalid, "pattern:");
    assert_null(follower);
}

static void lines_come_by_time(void **state)
{
    (void)state;
    write_line("c", 30);
    write_line("a", 10);
    write_line("b1", 20);
    write_line("b2", 20);
    write_line("b3", 20);
    assert_lines(NULL, "a b1 b2 b3 c ");
}

/** Counts that the lines are those of a run without a gap. */
typedef struct run {
    uint64_t next;
    uint64_t count;
} run;

static bool follows(void *user, const lambda_log_record *record)
{
    run *at = user;
    uint64_t number = strtoull(record->line, NULL, 10);
    if (at->count++ > 0) assert_int_equal(number, at->next);
    at->next = number + 1;
    return true;
}

static void write_numbers(uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++) {
        char text[64];
        snprintf(text, sizeof(text), "%llu ............................", (unsigned long long)i);
        write_line(text, i + 1);
    }
}

static void the_oldest_go_first(void **state)
{
    (void)state;
    run all = {0};
    write_numbers(0, 5000);
    assert_int_equal(lambda_log_ring_query(ring, NULL, follows, &all), LAMBDA_OK);
    assert_int_equal(all.next, 5000);
    /* 72 bytes a line: what stays is more than half of the ring. */
    assert_in_range(all.count, 450, 910);
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    static char text[8200];
    memset(text, 'x', sizeof(text) - 1);
    lambda_log_record record = line_of(text, 1);
    write_line("before", 1);
    assert_fails(NULL, write_record(&record), LAMBDA_ERROR_REQUEST_TOO_LARGE, "8199 bytes");
    text[7900] = '\0';
    record = line_of(text, 2);
    assert_int_equal(write_record(&record), LAMBDA_OK);
    write_line("after", 3);
    assert_lines(&(lambda_log_query){.end_time_ns = 2}, "before ");
    assert_lines(&(lambda_log_query){.start_time_ns = 3}, "after ");
    record = line_of(text, 4);
    assert_int_equal(
        lambda_log_ring_query(ring, &(lambda_log_query){.start_time_ns = 2, .limit = 1}, gather, &(gathered){0}),
        LAMBDA_OK);
}

static void followers_get_each_line_once(void **state)
{
    (void)state;
    lambda_log_follower *follower = NULL;
    lambda_log_follower *errors = NULL;
    write_line("a", 10);
    assert_int_equal(lambda_log_follower_open(ring, &(lambda_log_query){.limit = 2}, &follower), LAMBDA_OK);
    assert_int_equal(lambda_log_follower_open(ring, &(lambda_log_query){.level = LAMBDA_LOG_ERROR}, &errors),
                     LAMBDA_OK);
    assert_followed(follower, "a ", 0);
    assert_followed(follower, "", 0);
    write_line("b", 20);
    write_line("c", 20);
    write_line("d", 5);
    assert_followed(follower, "d b ", 0);
    write_line("e", 1);
    assert_followed(follower, "c ", 0);
    assert_followed(follower, "e ", 0);
    gathered into = {.enough = 1};
    write_line("f", 50);
    write_line("g", 60);
    assert_int_equal(lambda_log_follower_next(follower, 0, gather, &into, NULL), LAMBDA_OK);
    assert_followed(follower, "g ", 0);
    assert_followed(errors, "", 0);
    write_line("h", 70);
    lambda_log_ring_clear(ring);
    write_line("i", 80);
    assert_followed(follower, "i ", 0);
    lambda_log_follower_interrupt(follower);
    gathered none = {0};
    assert_int_equal(lambda_log_follower_next(follower, LAMBDA_LOG_FOREVER, gather, &none, NULL), LAMBDA_OK);
    assert_int_equal(none.count, 0);
    assert_int_equal(lambda_log_follower_next(follower, 1, gather, &none, NULL), LAMBDA_OK);
    lambda_log_follower_close(errors);
    lambda_log_follower_close(follower);
}

static void followers_count_what_they_lost(void **state)
{
    (void)state;
    lambda_log_follower *follower = NULL;
    run all = {0};
    uint64_t lost = 0;
    assert_int_equal(lambda_log_follower_open(ring, NULL, &follower), LAMBDA_OK);
    write_numbers(0, 10);
    assert_int_equal(lambda_log_follower_next(follower, 0, follows, &all, &lost), LAMBDA_OK);
    assert_int_equal(all.count, 10);
    assert_int_equal(lost, 0);
    write_numbers(10, 5000);
    all = (run){0};
    assert_int_equal(lambda_log_follower_next(follower, 0, follows, &all, &lost), LAMBDA_OK);
    assert_int_equal(all.next, 5000);
    assert_true(lost > 0);
    assert_int_equal(10 + lost + all.count, 5000);
    assert_int_equal(lambda_log_follower_next(follower, 0, follows, &all, &lost), LAMBDA_OK);
    assert_int_equal(lost, 0);
    lambda_log_follower_close(follower);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 20);
        test_memory counted = {.fail_at = nth};
        lambda_allocator allocator = test_allocator(&counted);
        lambda_log_ring *made = NULL;
        lambda_log_follower *follower = NULL;
        gathered into = {0};
        lambda_status status = lambda_log_ring_new(0, &allocator, &made);
        assert_true(status == LAMBDA_OK || !made);
        if (status == LAMBDA_OK) {
            lambda_log_sink sink = lambda_log_ring_sink(made);
            lambda_log_record record = line_of("a", 1);
            assert_int_equal(sink.write(sink.user, &record), LAMBDA_OK);
            status = lambda_log_ring_query(made, NULL, gather, &into);
        }
        const lambda_log_query query = {.log_group_name = "/aws/lambda/area", .filter_pattern = "a"};
        if (status == LAMBDA_OK) status = lambda_log_follower_open(made, &query, &follower);
        if (status == LAMBDA_OK) status = lambda_log_follower_next(follower, 0, gather, &into, NULL);
        succeeded = counted.requests < nth;
        counted.fail_at = 0;
        assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
        if (follower) {
            /* What could not be loaded is not lost. */
            assert_int_equal(lambda_log_follower_next(follower, 0, gather, &into, NULL), LAMBDA_OK);
            assert_int_equal(into.count, 2);
        }
        lambda_log_follower_close(follower);
        lambda_log_ring_free(made);
        assert_int_equal(counted.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parameters_are_checked, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(a_record_comes_back_whole, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(queries_choose, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(patterns_choose, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(lines_come_by_time, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(the_oldest_go_first, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(what_is_too_long_is_refused, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(followers_get_each_line_once, open_ring, close_ring),
        cmocka_unit_test_setup_teardown(followers_count_what_they_lost, open_ring, close_ring),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
