/* Documents appended to a file. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "base/memory.h"
#include "observe/trace/xray.h"
#include "trace_fixture.h"

static char directory[] = "/tmp/lambda-test-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return 1;
    snprintf(path, sizeof(path), "%s/trace.jsonl", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static int remove_file(void **state)
{
    (void)state;
    remove(path);
    return 0;
}

/** How many lines the file has, each of them a document, and nothing behind the last. */
static size_t count_documents(void)
{
    FILE *file = fopen(path, "r");
    char line[16384];
    size_t count = 0;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        json_t *document = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(document);
        assert_non_null(json_object_get(document, "trace_id"));
        assert_int_equal(line[strlen(line) - 1], '\n');
        json_decref(document);
        count++;
    }
    fclose(file);
    return count;
}

/** How many documents have a member that says so. */
static size_t count_of(const char *member, const char *text)
{
    FILE *file = fopen(path, "r");
    char line[16384];
    size_t count = 0;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        json_t *document = json_loads(line, 0, NULL);
        const char *found = json_string_value(json_object_get(document, member));
        count += found && strcmp(found, text) == 0;
        json_decref(document);
    }
    fclose(file);
    return count;
}

static lambda_trace_exporter open_exporter(void)
{
    lambda_trace_exporter exporter;
    assert_ok(NULL, lambda_trace_exporter_file(path, &exporter));
    assert_false(exporter.direct);
    return exporter;
}

static void segments_are_appended(void **state)
{
    (void)state;
    fixture f;
    struct stat info;
    mode_t mask = umask(0);
    lambda_trace_exporter exporter = open_exporter();
    umask(mask);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    fixture_small(&f);
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    fixture_full(&f);
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    assert_int_equal(count_documents(), 4);
    exporter.close(exporter.user);
    exporter = open_exporter();
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    exporter.close(exporter.user);
    assert_int_equal(count_documents(), 6);
}

/** What a crash cut is ended, so that no document stands in a line with it. */
static void a_cut_line_is_ended(void **state)
{
    (void)state;
    fixture f;
    char first[16];
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"name\":", file);
    fclose(file);
    lambda_trace_exporter exporter = open_exporter();
    fixture_small(&f);
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    exporter.close(exporter.user);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(first, sizeof(first), file));
    assert_string_equal(first, "{\"name\":\n");
    fclose(file);
}

/** In a process of its own, where files end at `limit` bytes: two segments fit. 0 where all was as it should be. */
static int within_limit(rlim_t limit)
{
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limits = {.rlim_cur = limit, .rlim_max = limit};
    if (setrlimit(RLIMIT_FSIZE, &limits) != 0) return 1;
    fixture f;
    lambda_trace_exporter exporter;
    fixture_small(&f);
    if (lambda_trace_exporter_file(path, &exporter) != LAMBDA_OK) return 2;
    int kept = 0;
    while (kept < 9 && exporter.write(exporter.user, &f.segment) == LAMBDA_OK)
        kept++;
    if (kept != 2) return 3;
    if (!strstr(lambda_error_message(NULL), strerror(EFBIG))) return 4;
    if (exporter.write(exporter.user, &f.segment) != LAMBDA_ERROR_SERVICE) return 5;
    exporter.close(exporter.user);
    return 0;
}

static void a_full_disk_leaves_no_torn_line(void **state)
{
    (void)state;
    fixture f;
    struct stat info;
    lambda_trace_exporter exporter = open_exporter();
    fixture_small(&f);
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    exporter.close(exporter.user);
    assert_int_equal(stat(path, &info), 0);
    const rlim_t one = (rlim_t)info.st_size;
    /* There is no room at all, for a part of the first document, or for all but the last line's end. */
    const rlim_t limits[] = {2 * one, 2 * one + 7, 3 * one - 1};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        remove(path);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(within_limit(limits[i]));
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(count_documents(), 4);
    }
}

static void devices_are_written_to(void **state)
{
    (void)state;
    fixture f;
    lambda_trace_exporter exporter;
    fixture_small(&f);
    assert_ok(NULL, lambda_trace_exporter_file("/dev/full", &exporter));
    assert_fails(NULL, exporter.write(exporter.user, &f.segment), LAMBDA_ERROR_SERVICE, strerror(ENOSPC));
    exporter.close(exporter.user);
}

static void what_cannot_be_opened_is_told(void **state)
{
    (void)state;
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    lambda_trace_exporter exporter;
    lambda_trace_exporter second;
    assert_fails(NULL, lambda_trace_exporter_file(path, NULL), invalid, "exporter");
    assert_fails(NULL, lambda_trace_exporter_file(NULL, &exporter), invalid, "path");
    assert_fails(NULL, lambda_trace_exporter_file("", &exporter), invalid, "path");
    assert_fails(NULL, lambda_trace_exporter_file("/nowhere/trace", &exporter), LAMBDA_ERROR_SERVICE, "/nowhere/trace");
    assert_null(exporter.write);
    exporter = open_exporter();
    assert_fails(NULL, lambda_trace_exporter_file(path, &second), LAMBDA_ERROR_SERVICE, "already");
    assert_null(second.write);
    exporter.close(exporter.user);
}

/** A program that the host starts does not get the file. */
static void a_program_does_not_inherit_it(void **state)
{
    (void)state;
    struct stat file;
    lambda_trace_exporter exporter = open_exporter();
    assert_int_equal(stat(path, &file), 0);
    int found = 0;
    for (int descriptor = 3; descriptor < 256; descriptor++) {
        struct stat info;
        if (fstat(descriptor, &info) != 0 || info.st_dev != file.st_dev || info.st_ino != file.st_ino) continue;
        found++;
        assert_true(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(descriptor, F_GETFL) & O_APPEND);
    }
    assert_int_equal(found, 1);
    exporter.close(exporter.user);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static lambda__base base;
    fixture f;
    fixture_full(&f);
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 100);
        test_memory memory = {.fail_at = nth};
        base.allocator = test_allocator(&memory);
        lambda_trace_exporter exporter;
        lambda_status status = lambda__xray_exporter_file(&base, path, &exporter);
        if (status == LAMBDA_OK) {
            status = exporter.write(exporter.user, &f.segment);
            /* What failed for want of memory succeeds when there is some again. */
            memory.fail_at = 0;
            if (status != LAMBDA_OK) assert_ok(NULL, exporter.write(exporter.user, &f.segment));
            exporter.close(exporter.user);
            assert_int_equal(count_documents(), 2);
        } else {
            assert_null(exporter.write);
        }
        succeeded = memory.requests < nth;
        assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
        assert_int_equal(memory.live, 0);
        remove(path);
    }
}

static bool count_up(void *user, const char *json, size_t length)
{
    size_t *left = user;
    assert_int_equal(json[0], '{');
    assert_int_equal(json[length - 1], '}');
    return --*left > 0;
}

/** So many documents are shown. */
static void expect_read(const char *trace_id, const char *name, size_t expected)
{
    size_t left = 100;
    assert_ok(NULL, lambda_trace_file_read(path, trace_id, name, count_up, &left));
    assert_int_equal(100 - left, expected);
}

static void documents_are_read(void **state)
{
    (void)state;
    fixture f;
    char trace_id[64];
    char name[64];
    size_t left = 100;
    assert_fails(NULL, lambda_trace_file_read("", NULL, NULL, count_up, &left), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "path: is empty");
    assert_fails(NULL, lambda_trace_file_read(NULL, NULL, NULL, count_up, &left), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "path: is NULL");
    assert_fails(NULL, lambda_trace_file_read(path, NULL, NULL, NULL, &left), LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                 "take: is NULL");
    assert_fails(NULL, lambda_trace_file_read(path, NULL, NULL, count_up, &left), LAMBDA_ERROR_RESOURCE_NOT_FOUND,
                 path);
    assert_fails(NULL, lambda_trace_file_read(directory, NULL, NULL, count_up, &left), LAMBDA_ERROR_SERVICE,
                 "cannot be read");
    lambda_trace_exporter exporter = open_exporter();
    expect_read(NULL, NULL, 0);
    fixture_small(&f);
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    fixture_full(&f);
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    expect_read(NULL, NULL, 4);
    FILE *file = fopen(path, "a+");
    assert_non_null(file);
    char line[16384];
    assert_non_null(fgets(line, sizeof(line), file));
    json_t *document = json_loads(line, 0, NULL);
    snprintf(trace_id, sizeof(trace_id), "%s", json_string_value(json_object_get(document, "trace_id")));
    snprintf(name, sizeof(name), "%s", json_string_value(json_object_get(document, "name")));
    json_decref(document);
    expect_read(trace_id, NULL, count_of("trace_id", trace_id));
    expect_read(NULL, name, count_of("name", name));
    expect_read("1-00000000-000000000000000000000000", NULL, 0);
    expect_read(NULL, "nobody", 0);
    /* What is no JSON, or not there whole, is left away. */
    fputs("torn\n{\"trace_id\":\"1-2-3\",\"name\":\"whole\"}\n{\"trace_id\":\"1-2-3\",\"name\":\"wh", file);
    fclose(file);
    expect_read(NULL, NULL, 5);
    expect_read("1-2-3", "whole", 1);
    left = 2;
    assert_ok(NULL, lambda_trace_file_read(path, NULL, NULL, count_up, &left));
    assert_int_equal(left, 0);
    exporter.close(exporter.user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(segments_are_appended, remove_file),
        cmocka_unit_test_teardown(documents_are_read, remove_file),
        cmocka_unit_test_teardown(a_cut_line_is_ended, remove_file),
        cmocka_unit_test_teardown(a_full_disk_leaves_no_torn_line, remove_file),
        cmocka_unit_test(devices_are_written_to),
        cmocka_unit_test_teardown(what_cannot_be_opened_is_told, remove_file),
        cmocka_unit_test_teardown(a_program_does_not_inherit_it, remove_file),
        cmocka_unit_test_teardown(every_allocation_may_fail, remove_file),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
