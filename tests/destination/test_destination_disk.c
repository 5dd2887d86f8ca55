/* Files as destinations when things go wrong: crashes, full disks, devices in a file's place. */
#include "dead_file.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void a_cut_line_is_ended(void **state)
{
    (void)state;
    static const char cut[] = LINE("1") "\n{\"kind\":\"Dea";
    write_file(cut, sizeof(cut) - 1);
    lambda_t *lambda = open_dead();
    taker into;
    assert_ok(lambda, redrive(lambda, "dead", 1, &into, 1));
    assert_string_equal(into.text, TAKEN("1"));
    assert_file("{\"kind\":\"Dea");
    assert_ok(lambda, redrive(lambda, "dead", 9, &into, 9)); /* what is cut is no line yet */
    assert_int_equal(into.taken, 0);
    assert_ok(lambda, deliver_number(lambda, "dead", 2));
    assert_ok(lambda, deliver_number(lambda, "dead", 3));
    assert_file("{\"kind\":\"Dea\n" LINE("2") "\n" LINE("3") "\n");
    assert_ok(lambda, redrive(lambda, "dead", 1, &into, 9));
    assert_string_equal(into.text, TAKEN("2"));
    assert_file("{\"kind\":\"Dea\n" LINE("3") "\n");
    lambda_close(lambda);
}

/** In a process of its own: files that would grow beyond `limit` bytes cannot. Exits with 0 where all was as it should be. */
static int within_limit(rlim_t limit)
{
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limits = {.rlim_cur = limit, .rlim_max = limit};
    if (setrlimit(RLIMIT_FSIZE, &limits) != 0) return 1;
    lambda_t *lambda = NULL;
    if (lambda_open(NULL, &lambda) != LAMBDA_OK) return 2;
    if (lambda_destination_register_file(lambda, "dead", path) != LAMBDA_OK) return 3;
    int kept = 0;
    while (kept < 9 && deliver_number(lambda, "dead", kept + 1) == LAMBDA_OK)
        kept++;
    if (kept != 2) return 4;
    if (!strstr(lambda_error_message(lambda), strerror(EFBIG))) return 5;
    if (deliver_number(lambda, "dead", 3) != LAMBDA_ERROR_SERVICE) return 6;
    lambda_close(lambda);
    return 0;
}

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    const size_t line = strlen(LINE("1") "\n");
    /* The third line does not fit at all, or all but its end does. */
    const rlim_t limits[] = {2 * line, 2 * line + 1, 3 * line - 1};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        remove(path);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(within_limit(limits[i]));
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_file(LINE("1") "\n" LINE("2") "\n");
    }
    lambda_t *lambda = open_dead();
    assert_ok(lambda, deliver_number(lambda, "dead", 3));
    assert_file(LINE("1") "\n" LINE("2") "\n" LINE("3") "\n");
    lambda_close(lambda);
}

/** In a process of its own: a redrive takes, and the rest finds no room beside the file. */
static int redrive_within_limit(rlim_t limit)
{
    signal(SIGXFSZ, SIG_IGN);
    lambda_t *lambda = NULL;
    taker into;
    if (lambda_open(NULL, &lambda) != LAMBDA_OK) return 1;
    if (lambda_destination_register_file(lambda, "dead", path) != LAMBDA_OK) return 2;
    const struct rlimit limits = {.rlim_cur = limit, .rlim_max = limit};
    if (setrlimit(RLIMIT_FSIZE, &limits) != 0) return 3;
    if (redrive(lambda, "dead", 1, &into, 9) != LAMBDA_ERROR_SERVICE || into.taken != 1) return 4;
    if (!strstr(lambda_error_message(lambda), "given again")) return 5;
    if (redrive(lambda, "dead", 3, &into, 9) != LAMBDA_OK || into.taken != 3) return 6;
    lambda_close(lambda);
    return 0;
}

static void what_cannot_be_forgotten_stays(void **state)
{
    (void)state;
    static const char text[] = LINE("1") "\n" LINE("2") "\n" LINE("3") "\n";
    write_file(text, sizeof(text) - 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(redrive_within_limit(strlen(LINE("1"))));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_file("");
}

static void a_device_takes_and_gives_nothing_back(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    taker into;
    assert_ok(lambda, lambda_destination_register_file(lambda, "null", "/dev/null"));
    assert_ok(lambda, deliver_number(lambda, "null", 1));
    assert_fails(lambda, redrive(lambda, "null", 1, &into, 1), INVALID, "/dev/null");
    assert_ok(lambda, lambda_destination_register_file(lambda, "full", "/dev/full"));
    assert_fails(lambda, deliver_number(lambda, "full", 1), LAMBDA_ERROR_SERVICE, strerror(ENOSPC));
    lambda_close(lambda);
}

/** What a crash in the middle of a redrive leaves is no hindrance, and rights and links are as they were. */
static void redrives_keep_rights_and_links(void **state)
{
    (void)state;
    char link[96];
    struct stat info;
    taker into;
    snprintf(link, sizeof(link), "%s/link", directory);
    assert_int_equal(symlink(path, link), 0);
    write_file("", 0);
    assert_int_equal(chmod(path, 0640), 0);
    FILE *left = fopen(temporary, "wb");
    assert_non_null(left);
    fputs(LINE("9") "\n", left);
    fclose(left);
    lambda_t *lambda = test_open(NULL);
    assert_ok(lambda, lambda_destination_register_file(lambda, "dead", link));
    assert_ok(lambda, deliver_number(lambda, "dead", 1));
    assert_ok(lambda, deliver_number(lambda, "dead", 2));
    assert_ok(lambda, redrive(lambda, "dead", 1, &into, 1));
    assert_file(LINE("2") "\n");
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    lambda_close(lambda);
    remove(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_cut_line_is_ended, remove_file),
        cmocka_unit_test_teardown(a_full_disk_loses_nothing, remove_file),
        cmocka_unit_test_teardown(what_cannot_be_forgotten_stays, remove_file),
        cmocka_unit_test_teardown(a_device_takes_and_gives_nothing_back, remove_file),
        cmocka_unit_test_teardown(redrives_keep_rights_and_links, remove_file),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
