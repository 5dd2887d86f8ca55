/* Log lines in files: where they stand, how files follow each other and go, and what cannot be written. */
#include "log_file_world.h"

#include <fcntl.h>
#include <time.h>

#include "observe/log/file.h"

/* ---- names */

/** An allocator's part without the others. */
static void *half_a_port(void *user, size_t size)
{
    (void)user;
    (void)size;
    return NULL;
}

static void parameters_are_checked(void **state)
{
    (void)state;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    lambda_log_file_options options = {.directory = directory};
    assert_fails(NULL, lambda_log_sink_file(&options, NULL), invalid, "sink:");
    assert_fails(NULL, lambda_log_sink_file(NULL, &sink), invalid, "directory: is NULL");
    options.max_file_bytes = 1023;
    assert_fails(NULL, lambda_log_sink_file(&options, &sink), invalid, "max_file_bytes:");
    options.max_file_bytes = 1024;
    options.retention_days = 3654;
    assert_fails(NULL, lambda_log_sink_file(&options, &sink), invalid, "retention_days:");
    options.retention_days = 3653;
    options.directory = "";
    assert_fails(NULL, lambda_log_sink_file(&options, &sink), invalid, "directory: is empty");
    options.directory = directory;
    options.allocator.allocate = half_a_port;
    assert_fails(NULL, lambda_log_sink_file(&options, &sink), invalid, "allocator");
    assert_null(sink.write);
}

/** The folder of a group; "" where there is no room. */
static const char *path_of(const char *group)
{
    static char path[4096];
    return lambda__log_group_path(group, path, sizeof(path)) ? path : "";
}

static void groups_stay_within_and_apart(void **state)
{
    (void)state;
    assert_string_equal(path_of("/aws/lambda/area"), "aws/lambda/area");
    assert_string_equal(path_of("area.v2/#1_x-y"), "%-area.v2/#1_x-y");
    assert_string_equal(path_of(""), "%-%");
    assert_string_equal(path_of("/"), "%");
    assert_string_equal(path_of("//a///"), "%/a/%/%/%");
    assert_string_equal(path_of("/../../etc/."), "%2E./%2E./etc/%2E");
    assert_string_equal(path_of(".."), "%-%2E.");
    assert_string_equal(path_of("/..."), "...");
    assert_string_equal(path_of("/a/2026-11-27.log"), "a/2026-11-27%2Elog");
    assert_string_equal(path_of("/%2E\n\xff \\"), "%252E%0A%FF%20%5C");
    assert_string_equal(path_of("/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/b/../c"),
                        "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a%2Fb%2F..%2Fc");
    char longest[600];
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[513] = '\0';
    const char *path = path_of(longest);
    assert_int_equal(strlen(path), 512 + 2 * 3);
    assert_int_equal(strcspn(path, "/"), 200);
    assert_memory_equal(path + 200, "/%+x", 4);
    char small[8];
    assert_false(lambda__log_group_path("/12345678", small, sizeof(small)));
    assert_true(lambda__log_group_path("/1234567", small, sizeof(small)));
    assert_true(lambda__log_group_part("%2E."));
    assert_false(lambda__log_group_part("my folder"));
    assert_false(lambda__log_group_part(""));
}

static void names_of_files_are_read_as_written(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       "2026-11-27",
                                       "2026-11-27.log.gz",
                                       "2026-11-27.00.log",
                                       "2026-11-27.01.log",
                                       "2026-11-27.0.log",
                                       "2026-11-27..log",
                                       "2026-11-31.log",
                                       "2025-02-29.log",
                                       "2026-13-01.log",
                                       "2026-00-01.log",
                                       "1969-12-31.log",
                                       "2026-11-27.4294967296.log",
                                       "2026-11-27.99999999999999999.log",
                                       "2026_11_27.log",
                                       "2026-11-27.-1.log",
                                       "x2026-11-27.log"};
    char name[LAMBDA__LOG_FILE_NAME_SIZE];
    uint64_t day;
    uint32_t number;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (lambda__log_file_name_read(none[i], &day, &number)) fail_msg("\"%s\" was taken", none[i]);
    lambda__log_file_name(0, 0, name);
    assert_string_equal(name, "1970-01-01.log");
    lambda__log_file_name(TODAY / DAY, UINT32_MAX, name);
    assert_string_equal(name, "2026-11-27.4294967295.log");
    lambda__log_file_name(UINT64_MAX / DAY, 1, name);
    assert_string_equal(name, "2554-07-21.1.log");
    /* Every day of four hundred years, which are what the calendar repeats. */
    time_t seconds = 0;
    for (uint64_t at = 0; at < 146097; at++, seconds += 86400) {
        char expected[LAMBDA__LOG_FILE_NAME_SIZE];
        struct tm utc;
        lambda__log_file_name(at, 0, name);
        strftime(expected, sizeof(expected), "%Y-%m-%d.log", gmtime_r(&seconds, &utc));
        assert_string_equal(name, expected);
        assert_true(lambda__log_file_name_read(name, &day, &number));
        assert_true(day == at && number == 0);
    }
}

/* ---- files that follow each other */

static void lines_stand_by_group_and_day(void **state)
{
    (void)state;
    open_sink(0, 0);
    assert_int_equal(put("/aws/lambda/a", TODAY, "one"), LAMBDA_OK);
    assert_int_equal(put("/aws/lambda/a", TODAY + 1, "two\nhalves\r\nhere\n"), LAMBDA_OK);
    assert_int_equal(put("b", TODAY + 2, ""), LAMBDA_OK);
    assert_int_equal(put("/aws/lambda/a", TODAY + DAY, "next day"), LAMBDA_OK);
    assert_int_equal(put("/aws/lambda/a", TODAY + DAY - 1, "late"), LAMBDA_OK);
    assert_int_equal(put("/../../x", TODAY, "within"), LAMBDA_OK);
    close_sink();
    assert_file("aws/lambda/a/2026-11-27.log", "one\ntwo halves  here \nlate\n");
    assert_file("aws/lambda/a/2026-11-28.log", "next day\n");
    assert_file("%-b/2026-11-27.log", "\n");
    assert_file("%2E./%2E./x/2026-11-27.log", "within\n");
    struct stat info;
    assert_int_equal(stat(in("aws"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(stat(in("aws/lambda/a/2026-11-27.log"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void a_long_file_is_followed(void **state)
{
    (void)state;
    char line[2049];
    memset(line, 'x', sizeof(line));
    line[511] = '\0';
    open_sink(1024, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(put("/g", TODAY, line), LAMBDA_OK);
    struct stat info;
    assert_int_equal(stat(in("g/2026-11-27.log"), &info), 0);
    assert_int_equal(info.st_size, 1024);
    assert_int_equal(stat(in("g/2026-11-27.2.log"), &info), 0);
    assert_int_equal(info.st_size, 512);
    close_sink();
    /* Another sink goes on where this one ended; a longer line has a file of its own. */
    open_sink(1024, 0);
    assert_int_equal(put("/g", TODAY, "small"), LAMBDA_OK);
    memset(line, 'y', sizeof(line));
    line[2048] = '\0';
    assert_int_equal(put("/g", TODAY, line), LAMBDA_OK);
    assert_int_equal(put("/g", TODAY, "behind"), LAMBDA_OK);
    close_sink();
    assert_int_equal(stat(in("g/2026-11-27.2.log"), &info), 0);
    assert_int_equal(info.st_size, 518);
    assert_int_equal(stat(in("g/2026-11-27.3.log"), &info), 0);
    assert_int_equal(info.st_size, 2049);
    assert_file("g/2026-11-27.4.log", "behind\n");
}

static void a_torn_or_deleted_file_does_no_harm(void **state)
{
    (void)state;
    make_folder("g");
    make_file("g/2026-11-27.log", "torn");
    open_sink(0, 0);
    assert_int_equal(put("/g", TODAY, "whole"), LAMBDA_OK);
    assert_file("g/2026-11-27.log", "torn\nwhole\n");
    assert_int_equal(unlink(in("g/2026-11-27.log")), 0);
    assert_int_equal(rmdir(in("g")), 0);
    assert_int_equal(put("/g", TODAY, "again"), LAMBDA_OK);
    assert_file("g/2026-11-27.log", "again\n");
    close_sink();
}

/** How many files the process has open. */
static int open_files(void)
{
    int count = 0;
    for (int i = 0; i < 1024; i++)
        count += fcntl(i, F_GETFD) >= 0;
    return count;
}

static void many_groups_share_few_open_files(void **state)
{
    (void)state;
    char group[32];
    char name[64];
    int before = open_files();
    open_sink(0, 0);
    for (int i = 0; i < 300; i++) {
        snprintf(group, sizeof(group), "/groups/%d", i % 100);
        assert_int_equal(put(group, TODAY, "line"), LAMBDA_OK);
        assert_int_equal(put("/groups/0", TODAY, "often"), LAMBDA_OK);
    }
    assert_int_equal(open_files(), before + 1 + 16);
    close_sink();
    assert_int_equal(open_files(), before);
    for (int i = 1; i < 100; i++) {
        snprintf(name, sizeof(name), "groups/%d/2026-11-27.log", i);
        assert_file(name, "line\nline\nline\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parameters_are_checked, make_directory, remove_directory),
        cmocka_unit_test(groups_stay_within_and_apart),
        cmocka_unit_test(names_of_files_are_read_as_written),
        cmocka_unit_test_setup_teardown(lines_stand_by_group_and_day, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_long_file_is_followed, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_torn_or_deleted_file_does_no_harm, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(many_groups_share_few_open_files, make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
