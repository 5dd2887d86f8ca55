/* Files as destinations: what a line is, crashes, full disks, redrives, hostile bytes. */
#include "taker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lambda/testing.h>

static char directory[] = "/tmp/lambda-test-XXXXXX";
static char path[64];      /* DIRECTORY/dead.jsonl */
static char temporary[80]; /* what a redrive writes beside it */

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return 1;
    snprintf(path, sizeof(path), "%s/dead.jsonl", directory);
    snprintf(temporary, sizeof(temporary), "%s.redrive", path);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    return remove(path) != 0 && errno != ENOENT;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void write_file(const char *data, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/** All of the file; the caller frees it. */
static char *read_file(size_t *length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*length + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, *length, file), *length);
    text[*length] = '\0';
    fclose(file);
    return text;
}

static void assert_file(const char *expected)
{
    size_t length;
    char *text = read_file(&length);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    free(text);
    assert_int_equal(access(temporary, F_OK), -1);
}

/** A service with the file as its destination "dead". */
static lambda_t *open_dead(void)
{
    lambda_t *lambda = test_open(NULL);
    assert_ok(lambda, lambda_destination_register_file(lambda, "dead", path));
    return lambda;
}

static void lines_are_as_documented(void **state)
{
    (void)state;
    lambda_t *lambda = open_dead();
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_ok(lambda, deliver_number(lambda, "dead", 1));
    assert_ok(lambda, deliver_record(lambda, "dead", LAMBDA_DELIVERY_ON_SUCCESS, RECORD("Success")));
    assert_ok(lambda, deliver_record(lambda, "dead", LAMBDA_DELIVERY_ON_FAILURE, "{\"a\":\n1,\n\"b\":\"\\n\"}"));
    const lambda_destination *destination = lambda__destination_find(lambda, "dead");
    lambda_delivery delivery = {.kind = LAMBDA_DELIVERY_DEAD_LETTER,
                                .function_arn = ARN,
                                .body = {"\xFF", 1},
                                .error_code = "",
                                .error_message = "say \"\xFF\""};
    assert_ok(lambda, destination->deliver(destination->user, &delivery));
    assert_file(LINE(
        "1") "\n"
             "{\"kind\":\"OnSuccess\",\"functionArn\":\"" ARN ":PROD\",\"record\":" RECORD(
                 "Success") "}\n"
                            "{\"kind\":\"OnFailure\",\"functionArn\":\"" ARN
                            ":PROD\",\"record\":{\"a\": 1, \"b\":\"\\n\"}}\n"
                            "{\"kind\":\"DeadLetter\",\"functionArn\":\"" ARN
                            "\",\"body\":{\"base64\":\"/w==\"},\"messageAttributes\":{\"RequestID\":{\"stringValue\":"
                            "\"00000000-0000-0000-0000-000000000000\",\"dataType\":\"String\"},\"ErrorMessage\":{"
                            "\"stringValue\":\"say \\\"\xEF\xBF\xBD\\\"\",\"dataType\":\"String\"}}}\n");
    lambda_close(lambda);
}

static void what_cannot_be_opened_is_refused(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    assert_fails(NULL, lambda_destination_register_file(NULL, "dead", path), INVALID, "lambda");
    assert_fails(lambda, lambda_destination_register_file(lambda, NULL, path), INVALID, "name");
    assert_fails(lambda, lambda_destination_register_file(lambda, "", path), INVALID, "name");
    assert_fails(lambda, lambda_destination_register_file(lambda, "dead", NULL), INVALID, "path: is NULL");
    assert_fails(lambda, lambda_destination_register_file(lambda, "dead", ""), INVALID, "path: is empty");
    assert_fails(lambda, lambda_destination_register_file(lambda, "dead", directory), LAMBDA_ERROR_SERVICE, directory);
    assert_fails(lambda, lambda_destination_register_file(lambda, "dead", "/nowhere/dead"), LAMBDA_ERROR_SERVICE,
                 "cannot be opened");
    assert_null(lambda__destination_find(lambda, "dead"));
    assert_ok(lambda, lambda_destination_register_file(lambda, "dead", path));
    assert_fails(lambda, lambda_destination_register_file(lambda, "other", path), LAMBDA_ERROR_SERVICE, "already");
    char unused[96];
    snprintf(unused, sizeof(unused), "%s/unused", directory);
    assert_fails(lambda, lambda_destination_register_file(lambda, "dead", unused), LAMBDA_ERROR_RESOURCE_CONFLICT,
                 "\"dead\"");
    assert_int_equal(access(unused, F_OK), -1); /* what is refused makes no file */
    lambda_t *second = test_open(NULL);
    assert_fails(second, lambda_destination_register_file(second, "dead", path), LAMBDA_ERROR_SERVICE, "already");
    lambda_close(lambda);
    assert_ok(second, lambda_destination_register_file(second, "dead", path));
    lambda_close(second);
}

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

static void redrives_take_from_the_front(void **state)
{
    (void)state;
    lambda_t *lambda = open_dead();
    taker into;
    assert_ok(lambda, redrive(lambda, "dead", UINT64_MAX, &into, 9)); /* of an empty file */
    assert_string_equal(into.text, "");
    for (int i = 1; i <= 5; i++)
        assert_ok(lambda, deliver_number(lambda, "dead", i));
    assert_ok(lambda, redrive(lambda, "dead", 0, &into, 9));
    assert_string_equal(into.text, "");
    assert_ok(lambda, redrive(lambda, "dead", 2, &into, 9));
    assert_string_equal(into.text, TAKEN("1") TAKEN("2"));
    assert_file(LINE("3") "\n" LINE("4") "\n" LINE("5") "\n");
    /* One that cannot take stops it, and its message is the caller's. */
    assert_fails(lambda, redrive(lambda, "dead", 9, &into, 1), LAMBDA_ERROR_TOO_MANY_REQUESTS, "enough");
    assert_string_equal(into.text, TAKEN("3"));
    assert_fails(lambda, redrive(lambda, "dead", 9, &into, 0), LAMBDA_ERROR_TOO_MANY_REQUESTS, "enough");
    assert_file(LINE("4") "\n" LINE("5") "\n");
    assert_ok(lambda, deliver_number(lambda, "dead", 6));
    assert_ok(lambda, redrive(lambda, "dead", UINT64_MAX, &into, 9));
    assert_string_equal(into.text, TAKEN("4") TAKEN("5") TAKEN("6"));
    assert_file("");
    assert_ok(lambda, deliver_number(lambda, "dead", 7));
    assert_file(LINE("7") "\n");
    lambda_close(lambda);
    /* The lock went along with the file: it can be opened again, and what was there is there. */
    lambda = open_dead();
    assert_ok(lambda, redrive(lambda, "dead", 1, &into, 9));
    assert_string_equal(into.text, TAKEN("7"));
    lambda_close(lambda);
}

static void what_is_no_dead_letter_stays(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "no JSON",
        "1",
        "{}",
        "{\"kind\":\"Else\",\"functionArn\":\"a\",\"record\":" RECORD("x") "}",
        "{\"kind\":\"OnFailure\",\"record\":" RECORD("x") "}",
        "{\"kind\":\"OnFailure\",\"functionArn\":\"a\\u0000b\",\"record\":" RECORD("x") "}",
        "{\"kind\":\"OnFailure\",\"functionArn\":\"a\",\"record\":{}}",
        "{\"kind\":\"OnFailure\",\"functionArn\":\"a\",\"record\":" RECORD("x"),
        "{\"kind\":\"DeadLetter\",\"functionArn\":\"a\",\"body\":\"b\"}",
        "{\"kind\":\"DeadLetter\",\"functionArn\":\"a\",\"body\":\"b\",\"messageAttributes\":{\"RequestID\":1}}",
        "{\"kind\":\"DeadLetter\",\"functionArn\":\"a\",\"body\":{\"base64\":\"?\"},\"messageAttributes\":{}}",
        "{\"kind\":\"DeadLetter\",\"functionArn\":\"a\",\"body\":1,\"messageAttributes\":{}}",
        "\xFF\xFE",
        LINE("1") " x",
        LINE("1") LINE("2"),
    };
    enum { DAMAGED = sizeof(damaged) / sizeof(damaged[0]) };
    static char text[8192];
    static char stays[8192];
    lambda_test_log *log = lambda_test_log_new();
    text[0] = stays[0] = '\0';
    for (size_t i = 0; i < DAMAGED; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n%s\n\n", damaged[i], i == 3 ? LINE("3") : "");
        snprintf(stays + strlen(stays), sizeof(stays) - strlen(stays), "%s\n", damaged[i]);
    }
    strcat(text, "\n" LINE("4") "\n");
    write_file(text, strlen(text));
    lambda_t *lambda = test_open(&(lambda_options){.log = lambda_test_log_sink(log)});
    assert_ok(lambda, lambda_destination_register_file(lambda, "dead", path));
    assert_ok(lambda, deliver_record(lambda, "dead", LAMBDA_DELIVERY_ON_SUCCESS, RECORD("Success")));
    assert_ok(lambda, deliver_record(lambda, "dead", LAMBDA_DELIVERY_ON_FAILURE, RECORD("RetriesExhausted")));
    strcat(stays, "{\"kind\":\"OnSuccess\",\"functionArn\":\"" ARN ":PROD\",\"record\":" RECORD("Success") "}\n");
    taker into;
    assert_ok(lambda, redrive(lambda, "dead", 9, &into, 9));
    assert_string_equal(into.text, TAKEN("3") TAKEN("4") "1 00000000-0000-0001-0000-000000000002 " ARN
                                                         ":PROD dead   " RECORD("RetriesExhausted") "\n");
    assert_file(stays);
    assert_int_equal(lambda_test_log_count(log, "15 messages that are no deliveries"), 1);
    assert_int_equal(lambda_test_log_count(log, "WARN"), 1);
    lambda_close(lambda);
    lambda_test_log_free(log);
}

/** Redrives one dead letter and compares its body. */
static lambda_status compare(void *user, const lambda_delivery *delivery)
{
    const lambda_bytes *expected = user;
    assert_int_equal(delivery->body.length, expected->length);
    if (expected->length > 0) assert_memory_equal(delivery->body.data, expected->data, expected->length);
    return LAMBDA_OK;
}

static void assert_round_trip(lambda_t *lambda, lambda_bytes body)
{
    const lambda_destination *destination = lambda__destination_find(lambda, "dead");
    const lambda_delivery delivery = {.kind = LAMBDA_DELIVERY_DEAD_LETTER,
                                      .function_arn = ARN,
                                      .body = body,
                                      .error_code = "429",
                                      .error_message = "Rate Exceeded."};
    assert_ok(lambda, destination->deliver(destination->user, &delivery));
    assert_ok(lambda, destination->redrive(destination->user, 1, compare, &body));
    assert_file("");
}

static void any_bytes_come_back(void **state)
{
    (void)state;
    enum { LARGE = 1 << 20 };
    lambda_t *lambda = open_dead();
    char bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    assert_round_trip(lambda, lambda_bytes_make(NULL, 0));
    assert_round_trip(lambda, lambda_bytes_make(bytes, 128)); /* ASCII, NUL and line end included */
    assert_round_trip(lambda, lambda_bytes_make(bytes, 256));
    assert_round_trip(lambda, LAMBDA_JSON("{\"base64\":\"/w==\"}"));
    assert_round_trip(lambda, LAMBDA_JSON("\"}\n{\"kind\":\"DeadLetter\""));
    assert_round_trip(lambda, LAMBDA_JSON("\xF0\x9F\x90\x91\\u0000\\"));
    assert_round_trip(lambda, LAMBDA_JSON("\xED\xA0\x80"));
    char *large = malloc(LARGE);
    assert_non_null(large);
    memset(large, '\n', LARGE);
    assert_round_trip(lambda, lambda_bytes_make(large, LARGE));
    memset(large, '\xFF', LARGE);
    assert_round_trip(lambda, lambda_bytes_make(large, LARGE));
    free(large);
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

enum { THREADS = 4, EACH = 25 };

static void *deliver_some(void *lambda)
{
    for (int i = 0; i < EACH; i++)
        if (deliver_number(lambda, "dead", 1) != LAMBDA_OK) return lambda;
    return NULL;
}

static void deliveries_beside_redrives_lose_nothing(void **state)
{
    (void)state;
    lambda_t *lambda = open_dead();
    pthread_t threads[THREADS];
    static taker into;
    size_t taken = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, deliver_some, lambda), 0);
    for (int i = 0; i < 20; i++) {
        assert_ok(lambda, redrive(lambda, "dead", 10, &into, SIZE_MAX));
        taken += into.taken;
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    do {
        assert_ok(lambda, redrive(lambda, "dead", 10, &into, SIZE_MAX));
        taken += into.taken;
    } while (into.taken > 0);
    assert_int_equal(taken, THREADS * EACH);
    assert_file("");
    lambda_close(lambda);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 100);
        static const char text[] = "damaged\n" LINE("1") "\ndamaged\n" LINE("2") "\n";
        write_file(text, sizeof(text) - 1);
        test_memory memory = {0};
        lambda_t *lambda = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
        static taker into;
        size_t taken = 0;
        memory.requests = 0;
        memory.fail_at = nth;
        lambda_status status = lambda_destination_register_file(lambda, "dead", path);
        if (status == LAMBDA_OK) status = deliver_number(lambda, "dead", 3);
        if (status == LAMBDA_OK) {
            status = redrive(lambda, "dead", 9, &into, 9);
            taken = into.taken;
        }
        succeeded = memory.requests < nth;
        memory.fail_at = 0;
        assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
        /* Whatever failed, what was not taken can be. */
        lambda_status again = lambda_destination_register_file(lambda, "dead", path);
        assert_true(again == LAMBDA_OK || again == LAMBDA_ERROR_RESOURCE_CONFLICT);
        assert_ok(lambda, redrive(lambda, "dead", 9, &into, 9));
        assert_true(taken + into.taken == 2 || taken + into.taken == 3);
        assert_file("damaged\ndamaged\n");
        lambda_close(lambda);
        assert_int_equal(memory.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(lines_are_as_documented, remove_file),
        cmocka_unit_test_teardown(what_cannot_be_opened_is_refused, remove_file),
        cmocka_unit_test_teardown(a_cut_line_is_ended, remove_file),
        cmocka_unit_test_teardown(redrives_take_from_the_front, remove_file),
        cmocka_unit_test_teardown(what_is_no_dead_letter_stays, remove_file),
        cmocka_unit_test_teardown(any_bytes_come_back, remove_file),
        cmocka_unit_test_teardown(a_full_disk_loses_nothing, remove_file),
        cmocka_unit_test_teardown(what_cannot_be_forgotten_stays, remove_file),
        cmocka_unit_test_teardown(a_device_takes_and_gives_nothing_back, remove_file),
        cmocka_unit_test_teardown(redrives_keep_rights_and_links, remove_file),
        cmocka_unit_test_teardown(deliveries_beside_redrives_lose_nothing, remove_file),
        cmocka_unit_test_teardown(every_allocation_may_fail, remove_file),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
