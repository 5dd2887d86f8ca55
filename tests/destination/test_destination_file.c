/* Files as destinations: what a line is, redrives, hostile bytes, several threads. */
#include "dead_file.h"

#include <pthread.h>
#include <sys/stat.h>

#include <lambda/testing.h>

#include "destination/record.h"

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
    lambda_t *lambda = test_open(&(lambda_options){.log = {lambda_test_log_sink(log)}});
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

/** What a record tells of is had back too, whatever the event was. */
static lambda_status compare_request(void *user, const lambda_delivery *delivery)
{
    lambda_t *lambda = user;
    lambda__buffer payload = {0};
    lambda__buffer arn = {0};
    assert_int_equal(delivery->kind, LAMBDA_DELIVERY_ON_FAILURE);
    assert_true(delivery->request_id.high == 3 && delivery->request_id.low == 4);
    assert_ok(lambda, lambda__record_request(lambda, delivery->body, &payload, &arn));
    assert_int_equal(payload.length, 4);
    assert_memory_equal(payload.data, "\xFF\0\n\"", 4);
    assert_string_equal(arn.data, ARN ":$LATEST");
    lambda__buffer_clear(&lambda->base, &payload);
    lambda__buffer_clear(&lambda->base, &arn);
    return LAMBDA_OK;
}

static void records_come_back(void **state)
{
    (void)state;
    lambda_t *lambda = open_dead();
    lambda__buffer text = {0};
    const lambda_destination *destination = lambda__destination_find(lambda, "dead");
    const lambda__record record = {.request_id = {3, 4},
                                   .function_arn = ARN,
                                   .condition = "EventAgeExceeded",
                                   .request = LAMBDA_JSON("\xFF\0\n\"")};
    assert_true(lambda__record_render(&lambda->base, &record, &text));
    const lambda_delivery delivery = {
        .kind = LAMBDA_DELIVERY_ON_FAILURE, .function_arn = ARN, .body = {text.data, text.length}};
    assert_ok(lambda, destination->deliver(destination->user, &delivery));
    assert_ok(lambda, destination->redrive(destination->user, 1, compare_request, lambda));
    assert_file("");
    lambda__buffer_clear(&lambda->base, &text);
    lambda_close(lambda);
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
        cmocka_unit_test_teardown(redrives_take_from_the_front, remove_file),
        cmocka_unit_test_teardown(what_is_no_dead_letter_stays, remove_file),
        cmocka_unit_test_teardown(any_bytes_come_back, remove_file),
        cmocka_unit_test_teardown(records_come_back, remove_file),
        cmocka_unit_test_teardown(deliveries_beside_redrives_lose_nothing, remove_file),
        cmocka_unit_test_teardown(every_allocation_may_fail, remove_file),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
