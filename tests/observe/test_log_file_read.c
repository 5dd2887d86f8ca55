/* Log lines read from files: which, in what order, and from where a reading goes on. */
#include "log_file_world.h"

#define GROUP "/aws/lambda/area"
#define HOUR  UINT64_C(3600000000000)

static lambda_log_file_position position;

/** What was shown: "MILLISECONDS-SINCE-TODAY LINE;" each. */
static char shown[4096];
static size_t shown_most; /* lines */

static bool take(void *user, uint64_t time_ns, const char *line, size_t length)
{
    size_t at = strlen(shown);
    (void)user;
    if (shown_most == 0) return false;
    shown_most--;
    snprintf(shown + at, sizeof(shown) - at, "%lld %.*s;", ((long long)time_ns - (long long)TODAY) / 1000000,
             (int)length, line);
    return true;
}

/** Reads what is new, and it is that. */
static void expect(const lambda_log_file_query *query, const char *lines)
{
    shown[0] = '\0';
    assert_ok(NULL, lambda_log_file_read(query, &position, take, NULL));
    assert_string_equal(shown, lines);
}

static int make_world(void **state)
{
    position = (lambda_log_file_position){0};
    shown_most = SIZE_MAX;
    return make_directory(state);
}

static void open_with_times(uint64_t max_file_bytes)
{
    const lambda_log_file_options options = {.directory = directory, .max_file_bytes = max_file_bytes, .times = true};
    assert_ok(NULL, lambda_log_sink_file(&options, &sink));
}

static void parameters_are_checked(void **state)
{
    (void)state;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    lambda_log_file_query query = {.log_group_name = GROUP};
    assert_fails(NULL, lambda_log_file_read(NULL, &position, take, NULL), invalid, "directory: is NULL");
    assert_fails(NULL, lambda_log_file_read(&query, &position, take, NULL), invalid, "directory: is NULL");
    query.directory = "";
    assert_fails(NULL, lambda_log_file_read(&query, &position, take, NULL), invalid, "directory: is empty");
    query = (lambda_log_file_query){.directory = directory};
    assert_fails(NULL, lambda_log_file_read(&query, &position, take, NULL), invalid, "log_group_name: is NULL");
    query.log_group_name = GROUP;
    assert_fails(NULL, lambda_log_file_read(&query, NULL, take, NULL), invalid, "position: is NULL");
    assert_fails(NULL, lambda_log_file_read(&query, &position, NULL, NULL), invalid, "take: is NULL");
    assert_fails(NULL, lambda_log_file_read(&query, &position, take, NULL), LAMBDA_ERROR_RESOURCE_NOT_FOUND, GROUP);
    query.directory = in("nowhere");
    assert_fails(NULL, lambda_log_file_read(&query, &position, take, NULL), LAMBDA_ERROR_RESOURCE_NOT_FOUND, GROUP);
    make_file("file", "no directory");
    query.directory = in("file");
    assert_fails(NULL, lambda_log_file_read(&query, &position, take, NULL), LAMBDA_ERROR_SERVICE, "cannot be read");
}

static void lines_have_their_times(void **state)
{
    (void)state;
    const lambda_log_file_query query = {.directory = directory, .log_group_name = GROUP};
    open_with_times(0);
    assert_int_equal(put(GROUP, TODAY + 1500000, "START"), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY + HOUR, "2026-11-27T00:59:59.000Z\tid\tINFO\tits own is the line's"), LAMBDA_OK);
    assert_int_equal(put("/other", TODAY + 2, "not this"), LAMBDA_OK);
    assert_file("aws/lambda/area/2026-11-27.log",
                "2026-11-27T00:00:00.001Z  START\n"
                "2026-11-27T01:00:00.000Z  2026-11-27T00:59:59.000Z\tid\tINFO\tits own is the line's\n");
    expect(&query, "1 START;3600000 2026-11-27T00:59:59.000Z\tid\tINFO\tits own is the line's;");
    assert_false(position.more);
    /* Beside the sink, and what is new alone. */
    expect(&query, "");
    assert_int_equal(put(GROUP, TODAY + 2 * HOUR, "END"), LAMBDA_OK);
    expect(&query, "7200000 END;");
    close_sink();
}

/** Of a sink without times, those that lines begin with are known, and the others' are near. */
static void lines_without_times_have_one_nevertheless(void **state)
{
    (void)state;
    const lambda_log_file_query query = {.directory = directory, .log_group_name = GROUP};
    open_sink(0, 0);
    assert_int_equal(put(GROUP, TODAY + HOUR, "START"), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY + HOUR, "2026-11-27T01:00:00.007Z\tid\tINFO\tone"), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY + HOUR, "END"), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY + HOUR, "2026-11-27T01:00:03.000Z id Task timed out"), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY + HOUR, "2026-11-27T25:00:03.000Z  is no time"), LAMBDA_OK);
    close_sink();
    expect(&query, "0 START;3600007 2026-11-27T01:00:00.007Z\tid\tINFO\tone;3600007 END;"
                   "3603000 2026-11-27T01:00:03.000Z id Task timed out;3603000 2026-11-27T25:00:03.000Z  is no time;");
}

static void times_and_filters_choose(void **state)
{
    (void)state;
    lambda_log_file_query query = {.directory = directory, .log_group_name = GROUP, .since_ns = TODAY + HOUR};
    lambda_log_filter *filter;
    open_with_times(0);
    assert_int_equal(put(GROUP, TODAY - DAY, "yesterday ERROR"), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY + HOUR - 1000000, "too early ERROR"), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY + HOUR, "in time"), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY + DAY, "tomorrow ERROR"), LAMBDA_OK);
    close_sink();
    expect(&query, "3600000 in time;86400000 tomorrow ERROR;");
    assert_ok(NULL, lambda_log_filter_new("ERROR", NULL, &filter));
    query.filter = filter;
    position = (lambda_log_file_position){0};
    expect(&query, "86400000 tomorrow ERROR;");
    query.since_ns = 0;
    position = (lambda_log_file_position){0};
    expect(&query, "-86400000 yesterday ERROR;3599999 too early ERROR;86400000 tomorrow ERROR;");
    /* The time is no part of the line. */
    lambda_log_filter_free(filter);
    assert_ok(NULL, lambda_log_filter_new("2026", NULL, &filter));
    query.filter = filter;
    position = (lambda_log_file_position){0};
    expect(&query, "");
    lambda_log_filter_free(filter);
}

static void a_reading_goes_on_where_it_ended(void **state)
{
    (void)state;
    lambda_log_file_query query = {.directory = directory, .log_group_name = GROUP};
    open_with_times(1024);
    char line[401];
    memset(line, 'x', 400);
    line[400] = '\0';
    /* Two a file. */
    for (int i = 0; i < 7; i++) {
        line[0] = (char)('0' + i);
        assert_int_equal(put(GROUP, TODAY, line), LAMBDA_OK);
    }
    close_sink();
    assert_true(there("aws/lambda/area/2026-11-27.3.log"));
    for (int i = 0; i < 7; i++) {
        shown_most = 1;
        shown[0] = '\0';
        assert_ok(NULL, lambda_log_file_read(&query, &position, take, NULL));
        assert_int_equal(shown[2], '0' + i);
        assert_int_equal(strlen(shown), 2 + 400 + 1);
        assert_int_equal(position.more, i < 6);
    }
    /* However little is to be read at once, it gets on. */
    position = (lambda_log_file_position){0};
    query.most_bytes = 1;
    shown_most = SIZE_MAX;
    int lines = 0;
    do {
        shown[0] = '\0';
        assert_ok(NULL, lambda_log_file_read(&query, &position, take, NULL));
        lines += shown[0] != '\0';
    } while (position.more && lines < 99);
    assert_int_equal(lines, 7);
}

static void what_is_gone_or_not_whole_is_passed_over(void **state)
{
    (void)state;
    const lambda_log_file_query query = {.directory = directory, .log_group_name = GROUP};
    make_folder("aws");
    make_folder("aws/lambda");
    make_folder("aws/lambda/area");
    make_folder("aws/lambda/area/2026-11-25.log");
    make_file("aws/lambda/area/notes.txt", "not this\n");
    make_file("aws/lambda/area/2026-11-26.log", "one\ntwo\n");
    make_file("aws/lambda/area/2026-11-27.log", "three\nfo");
    expect(&query, "-86400000 one;-86400000 two;0 three;");
    make_file("aws/lambda/area/2026-11-27.log", "three\nfour\n");
    expect(&query, "0 four;");
    /* All that was read, and what was not, expires. */
    assert_int_equal(remove(in("aws/lambda/area/2026-11-26.log")), 0);
    assert_int_equal(remove(in("aws/lambda/area/2026-11-27.log")), 0);
    expect(&query, "");
    make_file("aws/lambda/area/2026-11-28.log", "five\n");
    expect(&query, "86400000 five;");
}

/** Longer than what is read at once. */
static void a_line_may_be_long(void **state)
{
    (void)state;
    const lambda_log_file_query query = {.directory = directory, .log_group_name = GROUP};
    static char line[300001];
    memset(line, 'y', sizeof(line) - 1);
    open_with_times(0);
    assert_int_equal(put(GROUP, TODAY, line), LAMBDA_OK);
    assert_int_equal(put(GROUP, TODAY, "short"), LAMBDA_OK);
    close_sink();
    shown_most = 1;
    shown[0] = '\0';
    assert_ok(NULL, lambda_log_file_read(&query, &position, take, NULL));
    assert_int_equal(position.offset, 300000 + 26 + 1);
    shown_most = 1;
    expect(&query, "0 short;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parameters_are_checked, make_world, remove_directory),
        cmocka_unit_test_setup_teardown(lines_have_their_times, make_world, remove_directory),
        cmocka_unit_test_setup_teardown(lines_without_times_have_one_nevertheless, make_world, remove_directory),
        cmocka_unit_test_setup_teardown(times_and_filters_choose, make_world, remove_directory),
        cmocka_unit_test_setup_teardown(a_reading_goes_on_where_it_ended, make_world, remove_directory),
        cmocka_unit_test_setup_teardown(what_is_gone_or_not_whole_is_passed_over, make_world, remove_directory),
        cmocka_unit_test_setup_teardown(a_line_may_be_long, make_world, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
