/* Log lines in files: which files expire, and what becomes of lines that cannot be written. */
#include "log_file_world.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <lambda/lambda.h>

/* ---- what expires */

static void expired_files_go(void **state)
{
    (void)state;
    make_folder("g");
    make_folder("g/within");
    make_folder("My Folder");
    static const char *const expired[] = {"g/2026-11-23.log", "g/2026-11-23.7.log", "g/within/1970-01-01.log"};
    static const char *const kept[] = {"g/2026-11-24.log",    "g/2026-11-25.1.log", "g/2026-11-23.log.gz",
                                       "g/2026-11-23.00.log", "g/notes.txt",        "My Folder/2026-11-01.log",
                                       "2026-11-01.log"};
    for (size_t i = 0; i < sizeof(expired) / sizeof(expired[0]); i++)
        make_file(expired[i], "old\n");
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        make_file(kept[i], "old\n");
    open_sink(0, 3);
    /* No day is known before the first line. */
    assert_true(there(expired[0]));
    assert_int_equal(put("/other", TODAY, "line"), LAMBDA_OK);
    for (size_t i = 0; i < sizeof(expired) / sizeof(expired[0]); i++)
        if (there(expired[i])) fail_msg("%s is there", expired[i]);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (!there(kept[i])) fail_msg("%s is not there", kept[i]);
    assert_true(there("g/within"));
    /* Its lines are three days old at the end of the next day, and not before; no other file has to be written to for that. */
    assert_int_equal(put("/other", TODAY + DAY - 1, "line"), LAMBDA_OK);
    assert_true(there("g/2026-11-24.log"));
    assert_int_equal(put("/other", TODAY + DAY, "line"), LAMBDA_OK);
    assert_false(there("g/2026-11-24.log"));
    assert_true(there("g/2026-11-25.1.log"));
    /* Even one that is open. */
    assert_int_equal(put("/other", TODAY + 4 * DAY - 1, "line"), LAMBDA_OK);
    assert_true(there("other/2026-11-27.log"));
    assert_int_equal(put("/another", TODAY + 5 * DAY, "line"), LAMBDA_OK);
    assert_false(there("other/2026-11-27.log"));
    assert_false(there("other/2026-11-28.log"));
    assert_true(there("other/2026-11-30.log"));
    close_sink();
}

static void without_retention_nothing_goes(void **state)
{
    (void)state;
    make_folder("g");
    make_file("g/1970-01-01.log", "old\n");
    open_sink(0, 0);
    assert_int_equal(put("/g", TODAY, "line"), LAMBDA_OK);
    close_sink();
    assert_file("g/1970-01-01.log", "old\n");
}

/* ---- what cannot be written */

static void links_are_not_followed(void **state)
{
    (void)state;
    char outside[64] = "/tmp/lambda-test-XXXXXX";
    char path[128];
    assert_non_null(mkdtemp(outside));
    snprintf(path, sizeof(path), "%s/1970-01-01.log", outside);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(symlink(outside, in("g")), 0);
    make_folder("h");
    assert_int_equal(symlink(path, in("h/2026-11-27.log")), 0);
    open_sink(0, 1);
    assert_fails(NULL, put("/g", TODAY, "line"), LAMBDA_ERROR_SERVICE, "the log file of \"/g\" cannot be opened: ");
    assert_fails(NULL, put("/h", TODAY, "line"), LAMBDA_ERROR_SERVICE, "the log file of \"/h\" cannot be opened: ");
    assert_int_equal(unlink(in("h/2026-11-27.log")), 0);
    assert_int_equal(put("/h", TODAY, "line"), LAMBDA_OK);
    close_sink();
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 0);
    assert_int_equal(lambda__platform_directory_remove(outside), 0);
}

static void what_is_no_file_is_not_written_to(void **state)
{
    (void)state;
    make_file("g", "a file\n");
    make_folder("h");
    make_folder("h/2026-11-27.log");
    make_folder("i");
    assert_int_equal(mkfifo(in("i/2026-11-27.log"), 0600), 0);
    open_sink(0, 0);
    assert_int_equal(put("/g", TODAY, "line"), LAMBDA_ERROR_SERVICE);
    assert_int_equal(put("/h", TODAY, "line"), LAMBDA_ERROR_SERVICE);
    assert_int_equal(put("/i", TODAY, "line"), LAMBDA_ERROR_SERVICE);
    assert_int_equal(put("/j", TODAY, "line"), LAMBDA_OK);
    close_sink();
    assert_file("g", "a file\n");
}

static void a_directory_is_one_sinks(void **state)
{
    (void)state;
    char path[1024];
    lambda_log_file_options options = {.directory = path};
    lambda_log_sink other;
    snprintf(path, sizeof(path), "%s", directory);
    open_sink(0, 0);
    assert_fails(NULL, lambda_log_sink_file(&options, &other), LAMBDA_ERROR_SERVICE, "another sink has it");
    assert_null(other.write);
    close_sink();
    make_file("file", "");
    snprintf(path, sizeof(path), "%s", in("file"));
    assert_fails(NULL, lambda_log_sink_file(&options, &other), LAMBDA_ERROR_SERVICE, "directory: ");
    snprintf(path, sizeof(path), "%s", in("a/b"));
    assert_fails(NULL, lambda_log_sink_file(&options, &other), LAMBDA_ERROR_SERVICE, "directory: ");
    snprintf(path, sizeof(path), "%s", in("made"));
    assert_ok(NULL, lambda_log_sink_file(&options, &other));
    other.close(other.user);
    assert_true(there("made"));
}

static void a_line_without_room_is_not_torn(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    open_sink(0, 0);
    assert_int_equal(put("/g", TODAY, "0123456789"), LAMBDA_OK);
    struct rlimit limit = before;
    limit.rlim_cur = 16;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    lambda_status refused = put("/g", TODAY, "0123456789");
    lambda_status small = put("/g", TODAY, "0123");
    lambda_status full = put("/g", TODAY, "");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(refused, LAMBDA_ERROR_SERVICE);
    assert_int_equal(small, LAMBDA_OK);
    assert_int_equal(full, LAMBDA_ERROR_SERVICE);
    assert_int_equal(put("/g", TODAY, "room again"), LAMBDA_OK);
    close_sink();
    assert_file("g/2026-11-27.log", "0123456789\n0123\nroom again\n");
}

static void numbers_may_end(void **state)
{
    (void)state;
    char line[1025];
    memset(line, 'x', sizeof(line));
    line[1024] = '\0';
    make_folder("g");
    make_file("g/2026-11-27.4294967295.log", line);
    open_sink(1024, 0);
    assert_fails(NULL, put("/g", TODAY, "line"), LAMBDA_ERROR_SERVICE, "cannot be followed by another");
    assert_int_equal(put("/g", TODAY + DAY, "line"), LAMBDA_OK);
    close_sink();
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    test_memory memory = {0};
    const lambda_log_file_options options = {.directory = directory, .allocator = test_allocator(&memory)};
    bool done = false;
    for (long nth = 1; !done; nth++) {
        assert_true(nth < 10);
        memory.fail_at = memory.requests + nth;
        lambda_status status = lambda_log_sink_file(&options, &sink);
        bool opened = status == LAMBDA_OK;
        if (opened) status = put("/g", TODAY, "a line that needs room");
        done = status == LAMBDA_OK;
        if (!done) assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
        memory.fail_at = 0;
        /* The next line has all it needs. */
        if (opened && !done) assert_int_equal(put("/h", TODAY, "line"), LAMBDA_OK);
        if (opened) close_sink();
        assert_int_equal(memory.live, 0);
    }
    assert_file("g/2026-11-27.log", "a line that needs room\n");
    assert_file("h/2026-11-27.log", "line\nline\n");
}

/* ---- with a service */

static lambda_status say(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    lambda_log(context, LAMBDA_LOG_INFO, "said at %llu", (unsigned long long)*(uint64_t *)lambda_context_user(context));
    return LAMBDA_OK;
}

/** How often a text stands in a file; 0 where there is none. */
static int count_in(const char *name, const char *text)
{
    char line[1024];
    int count = 0;
    FILE *file = fopen(in(name), "r");
    if (!file) return 0;
    while (fgets(line, sizeof(line), file))
        count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

static void a_service_writes_days(void **state)
{
    (void)state;
    uint64_t day = 0;
    lambda_t *lambda;
    lambda_clock_virtual *clock;
    lambda_options options = {0};
    open_sink(0, 2);
    assert_ok(NULL, lambda_clock_virtual_open(1, TODAY, &clock));
    lambda_clock_virtual_options(clock, &options);
    options.log[0] = sink;
    assert_ok(NULL, lambda_open(&options, &lambda));
    test_create(lambda, "f", say, &day);
    for (; day < 5; day++) {
        lambda_result result = {0};
        assert_ok(lambda, lambda_invoke(lambda, "f", lambda_bytes_make(NULL, 0), &result));
        lambda_result_clear(&result);
        lambda_clock_virtual_step(clock, DAY);
    }
    lambda_close(lambda);
    lambda_clock_virtual_close(clock);
    assert_false(there("aws/lambda/f/2026-11-27.log"));
    assert_false(there("aws/lambda/f/2026-11-28.log"));
    assert_int_equal(count_in("aws/lambda/f/2026-11-29.log", "said at 2"), 1);
    assert_int_equal(count_in("aws/lambda/f/2026-11-30.log", "said at 3"), 1);
    assert_int_equal(count_in("aws/lambda/f/2026-12-01.log", "said at 4"), 1);
    assert_int_equal(count_in("aws/lambda/f/2026-12-01.log", "said at"), 1);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(expired_files_go),         IN_DIRECTORY(without_retention_nothing_goes),
        IN_DIRECTORY(links_are_not_followed),   IN_DIRECTORY(what_is_no_file_is_not_written_to),
        IN_DIRECTORY(a_directory_is_one_sinks), IN_DIRECTORY(a_line_without_room_is_not_torn),
        IN_DIRECTORY(numbers_may_end),          IN_DIRECTORY(every_allocation_may_fail),
        IN_DIRECTORY(a_service_writes_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
