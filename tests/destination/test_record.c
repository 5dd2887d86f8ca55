/* Invocation records: byte for byte, and what they tell read back. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "destination/json_text.h"
#include "destination/record.h"

#define ARN "arn:aws:lambda:us-east-2:123456789012:function:my-function"
#define ID  "e4b46cbf-b738-xmpl-8880-a18cdf61200e"

/** 2019-11-14T18:16:05.568Z */
#define MOMENT (UINT64_C(1573755365) * 1000000000 + 568999999)

static lambda_t *lambda;

static int open_service(void **state)
{
    (void)state;
    lambda = test_open(NULL);
    return 0;
}

static int close_service(void **state)
{
    (void)state;
    lambda_close(lambda);
    return 0;
}

/** The record of the example in Lambda's documentation. */
static lambda__record exhausted(void)
{
    return (lambda__record){
        .wall_ns = MOMENT,
        .request_id = {UINT64_C(0xe4b46cbfb7380000), UINT64_C(0x8880a18cdf61200e)},
        .function_arn = ARN,
        .condition = "RetriesExhausted",
        .invoke_count = 3,
        .request = LAMBDA_JSON("{\"ORDER_IDS\":[\"9e07af03\",\"637afa3d\"]}"),
        .ran = true,
        .status_code = 200,
        .executed_version = "$LATEST",
        .function_error = "Unhandled",
        .response = LAMBDA_JSON("{\"errorMessage\":\"RequestId: e4b46cbf Process exited before completing request\"}"),
    };
}

static void assert_record(const lambda__record *record, const char *expected)
{
    lambda__buffer text = {0};
    assert_true(lambda__record_render(&lambda->base, record, &text));
    assert_string_equal(text.data, expected);
    assert_int_equal(lambda__json_check(lambda_bytes_make(text.data, text.length), 2048), LAMBDA__JSON_VALID);
    lambda__buffer_clear(&lambda->base, &text);
}

#define HEAD                                                                                                           \
    "{\"version\":\"1.0\",\"timestamp\":\"2019-11-14T18:16:05.568Z\",\"requestContext\":{\"requestId\":\"e4b46cbf-"    \
    "b738-0000-8880-a18cdf61200e\",\"functionArn\":\"" ARN

static void records_are_lambdas(void **state)
{
    (void)state;
    lambda__record record = exhausted();
    assert_record(&record, HEAD ":$LATEST\",\"condition\":\"RetriesExhausted\",\"approximateInvokeCount\":3},"
                                "\"requestPayload\":{\"ORDER_IDS\":[\"9e07af03\",\"637afa3d\"]},"
                                "\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\","
                                "\"functionError\":\"Unhandled\"},\"responsePayload\":{\"errorMessage\":"
                                "\"RequestId: e4b46cbf Process exited before completing request\"}}");
    record.condition = "Success";
    record.function_arn = ARN ":PROD";
    record.executed_version = "17";
    record.invoke_count = 1;
    record.function_error = NULL;
    record.request = LAMBDA_JSON(" [1, 2.50,\n{\"a\":1,\"a\":2}] ");
    record.response = LAMBDA_JSON("\"done\"");
    assert_record(&record, HEAD ":PROD\",\"condition\":\"Success\",\"approximateInvokeCount\":1},"
                                "\"requestPayload\": [1, 2.50,\n{\"a\":1,\"a\":2}] ,"
                                "\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"17\"},"
                                "\"responsePayload\":\"done\"}");
    record.response = lambda_bytes_make(NULL, 0);
    record.request = LAMBDA_JSON("99999999999999999999999");
    assert_record(&record, HEAD ":PROD\",\"condition\":\"Success\",\"approximateInvokeCount\":1},"
                                "\"requestPayload\":99999999999999999999999,"
                                "\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"17\"},"
                                "\"responsePayload\":null}");
}

static void an_event_that_never_ran_has_no_response(void **state)
{
    (void)state;
    static const char *const conditions[] = {"EventAgeExceeded", "ZeroReservedConcurrency", "RecursiveLoop"};
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        char expected[600];
        lambda__record record = {.wall_ns = MOMENT,
                                 .request_id = {UINT64_C(0xe4b46cbfb7380000), UINT64_C(0x8880a18cdf61200e)},
                                 .function_arn = ARN,
                                 .condition = conditions[i],
                                 .request = LAMBDA_JSON("{}")};
        snprintf(expected, sizeof(expected),
                 HEAD ":$LATEST\",\"condition\":\"%s\",\"approximateInvokeCount\":0},\"requestPayload\":{}}",
                 conditions[i]);
        assert_record(&record, expected);
    }
    /* One that was too old before its next attempt did run. */
    lambda__record record = exhausted();
    record.condition = "EventAgeExceeded";
    record.invoke_count = 1;
    record.request = LAMBDA_JSON("1");
    record.response = LAMBDA_JSON("2");
    assert_record(&record, HEAD ":$LATEST\",\"condition\":\"EventAgeExceeded\",\"approximateInvokeCount\":1},"
                                "\"requestPayload\":1,\"responseContext\":{\"statusCode\":200,\"executedVersion\":"
                                "\"$LATEST\",\"functionError\":\"Unhandled\"},\"responsePayload\":2}");
}

static void what_is_no_json_is_a_string(void **state)
{
    (void)state;
    lambda__record record = exhausted();
    record.request = LAMBDA_JSON("say \"\xCE\xBB\"\n");
    record.response = LAMBDA_JSON("\xFF\x00\x01");
    assert_record(&record, HEAD ":$LATEST\",\"condition\":\"RetriesExhausted\",\"approximateInvokeCount\":3},"
                                "\"requestPayload\":\"say \\\"\xCE\xBB\\\"\\n\",\"requestPayloadEncoding\":\"text\","
                                "\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\","
                                "\"functionError\":\"Unhandled\"},\"responsePayload\":\"/wAB\","
                                "\"responsePayloadEncoding\":\"base64\"}");
}

/** The payload comes back byte for byte, and so do the ARN and the id. */
static void assert_round_trip(lambda_bytes payload)
{
    lambda__record record = exhausted();
    lambda__buffer text = {0};
    lambda__buffer back = {0};
    lambda__buffer arn = {0};
    lambda_request_id id;
    record.request = payload;
    assert_true(lambda__record_render(&lambda->base, &record, &text));
    lambda_bytes rendered = lambda_bytes_make(text.data, text.length);
    assert_int_equal(lambda__json_check(rendered, 2048), LAMBDA__JSON_VALID);
    assert_ok(lambda, lambda__record_request(lambda, rendered, &back, &arn));
    assert_int_equal(back.length, payload.length);
    assert_memory_equal(back.data, payload.length ? payload.data : "", payload.length);
    assert_string_equal(arn.data, ARN ":$LATEST");
    assert_true(lambda__record_request_id(rendered, &id));
    assert_true(id.high == record.request_id.high && id.low == record.request_id.low);
    lambda__buffer_clear(&lambda->base, &text);
    lambda__buffer_clear(&lambda->base, &back);
    lambda__buffer_clear(&lambda->base, &arn);
}

static void hostile_payloads_come_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "null",
        " {\"requestPayload\":1,\"requestPayloadEncoding\":\"base64\"}\r\n",
        "\"requestPayloadEncoding\"",
        "\"/wAB\"",
        "/wAB",
        "{\"base64\":\"/wAB\"}",
        "\"\\u0000\\ud83d\\udc11\\\\\"",
        "\"\\ud83d\"",
        "}",
        "]}],{[\"",
        "{\"a\":1},\"requestContext\":{}",
        "1e999",
        "-0.0",
        "\\",
        "\"",
        "\xEF\xBB\xBF{}",
        "nan",
        "{\"a\":1}x",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_round_trip(lambda_bytes_make(texts[i], strlen(texts[i])));
    assert_round_trip(LAMBDA_JSON("{}\0{}"));
    assert_round_trip(LAMBDA_JSON("\0"));
    char bytes[512];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    for (size_t length = 0; length <= sizeof(bytes); length++)
        assert_round_trip(lambda_bytes_make(bytes, length));
    for (size_t start = 0; start < 256; start++)
        assert_round_trip(lambda_bytes_make(bytes + start, 2));
}

static void deep_nesting_is_kept_as_text(void **state)
{
    (void)state;
    enum { MOST = 5000 };
    static const size_t depths[] = {1, 1023, 1024, 1025, 2047, 2048, MOST};
    char *text = malloc(2 * MOST);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        memset(text, '[', depths[i]);
        memset(text + depths[i], ']', depths[i]);
        assert_round_trip(lambda_bytes_make(text, 2 * depths[i]));
    }
    free(text);
}

static void a_megabyte_comes_back(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, 'x', SIZE);
    assert_round_trip(lambda_bytes_make(text, SIZE));
    text[0] = text[SIZE - 1] = '"';
    assert_round_trip(lambda_bytes_make(text, SIZE));
    memset(text, '\xFF', SIZE);
    assert_round_trip(lambda_bytes_make(text, SIZE));
    free(text);
}

static void what_is_no_record_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"requestPayload\":1}",
        "{\"requestPayload\":1,\"requestContext\":1}",
        "{\"requestPayload\":1,\"requestContext\":{\"functionArn\":1}}",
        "{\"requestPayload\":1,\"requestContext\":{\"functionArn\":\"a\\u0000b\"}}",
        "{\"requestPayload\":1,\"requestContext\":{\"functionArn\":\"a\\q\"}}",
        "{\"requestPayload\":1,\"requestPayloadEncoding\":\"text\",\"requestContext\":{\"functionArn\":\"a\"}}",
        "{\"requestPayload\":\"a\",\"requestPayloadEncoding\":\"rot13\",\"requestContext\":{\"functionArn\":\"a\"}}",
        "{\"requestPayload\":\"YQ\",\"requestPayloadEncoding\":\"base64\",\"requestContext\":{\"functionArn\":\"a\"}}",
        "{\"requestPayload\":\"YR==\",\"requestPayloadEncoding\":\"base64\",\"requestContext\":{\"functionArn\":\"a\"}"
        "}",
        "{\"requestPayload\"",
        "{\"requestPayload\":",
        "{\"requestPayload\":1",
        "{\"requestPayload",
        "{1:2}",
    };
    lambda__buffer payload = {0};
    lambda__buffer arn = {0};
    assert_true(lambda__buffer_append(&lambda->base, &payload, "before", 6));
    assert_true(lambda__buffer_append(&lambda->base, &arn, "before", 6));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        lambda_bytes record = lambda_bytes_make(texts[i], strlen(texts[i]));
        assert_fails(lambda, lambda__record_request(lambda, record, &payload, &arn),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "record: has no request");
        assert_int_equal(payload.length, 6);
        assert_int_equal(arn.length, 6);
    }
    lambda_request_id id;
    assert_false(lambda__record_request_id(LAMBDA_JSON("{\"requestContext\":{\"requestId\":\"" ID "\"}}"), &id));
    assert_false(lambda__record_request_id(LAMBDA_JSON("{\"requestContext\":{\"requestId\":1}}"), &id));
    assert_false(lambda__record_request_id(LAMBDA_JSON("{\"requestContext\":{}}"), &id));
    lambda__buffer_clear(&lambda->base, &payload);
    lambda__buffer_clear(&lambda->base, &arn);
}

static void request_ids_are_read_back(void **state)
{
    (void)state;
    const lambda_request_id ids[] = {{0, 0}, {UINT64_MAX, UINT64_MAX}, {UINT64_C(0x0123456789abcdef), 1}};
    lambda_request_id back;
    char text[LAMBDA_REQUEST_ID_SIZE];
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        lambda_request_id_format(ids[i], text);
        assert_true(lambda__request_id_parse(text, strlen(text), &back));
        assert_true(back.high == ids[i].high && back.low == ids[i].low);
    }
    const char *upper = "01234567-89AB-CDEF-0000-000000000001";
    assert_true(lambda__request_id_parse(upper, strlen(upper), &back));
    assert_true(back.high == ids[2].high && back.low == ids[2].low);
    assert_false(lambda__request_id_parse(upper, strlen(upper) - 1, &back));
    assert_false(lambda__request_id_parse("012345678-9AB-CDEF-0000-000000000001", 36, &back));
    assert_false(lambda__request_id_parse("01234567-89AB-CDEF-0000-00000000000g", 36, &back));
    assert_false(lambda__request_id_parse("01234567-89AB-CDEF-0000-00000000000\0", 36, &back));
}

static void members_are_found_as_text(void **state)
{
    (void)state;
    lambda_bytes value;
    lambda_bytes object = LAMBDA_JSON(" {\"a\" : \"}\\\"\" ,\"b\":{\"c\":1},\"c\":[{\"c\":2},3] }");
    assert_true(lambda__json_member(object, "a", &value));
    assert_int_equal(value.length, 7);
    assert_memory_equal(value.data, " \"}\\\"\" ", 7);
    assert_int_equal(lambda__json_first(value), '"');
    assert_true(lambda__json_member(object, "c", &value));
    assert_memory_equal(value.data, "[{\"c\":2},3] ", value.length);
    assert_false(lambda__json_member(object, "d", &value));
    assert_false(lambda__json_member(object, "", &value));
    assert_int_equal(lambda__json_first(LAMBDA_JSON(" ")), '\0');
}

static void strings_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *meaning; /* NULL: it is none */
    } table[] = {
        {" \"a\" ", "a"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\\ud83d\\uDC11\"", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x91"},
        {"\"\\ud83d\"", NULL},
        {"\"\\ud83dxx\"", NULL},
        {"\"\\ud83d\\u0041\"", NULL},
        {"\"\\udc11\"", NULL},
        {"\"\\u12\"", NULL},
        {"\"\\u12g4\"", NULL},
        {"\"\\x\"", NULL},
        {"\"a\"b", NULL},
        {"\"a", NULL},
        {"\"a\\\"", NULL},
        {"a", NULL},
        {"", NULL},
    };
    char decoded[64];
    size_t length;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        lambda_bytes text = lambda_bytes_make(table[i].text, strlen(table[i].text));
        bool found = lambda__json_decode(text, decoded, &length);
        assert_int_equal(found, table[i].meaning != NULL);
        if (!found) continue;
        assert_int_equal(length, strlen(table[i].meaning));
        assert_memory_equal(decoded, table[i].meaning, length);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool succeeded = false;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 100);
        test_memory memory = {0};
        lambda_t *failing = test_open(&(lambda_options){.allocator = test_allocator(&memory)});
        lambda__record record = exhausted();
        lambda__buffer text = {0};
        lambda__buffer payload = {0};
        lambda__buffer arn = {0};
        record.request = LAMBDA_JSON("\xFF");
        memory.requests = 0;
        memory.fail_at = nth;
        succeeded = lambda__record_render(&failing->base, &record, &text);
        if (!succeeded) assert_int_equal(text.length, 0);
        if (succeeded) {
            lambda_bytes rendered = lambda_bytes_make(text.data, text.length);
            lambda_status status = lambda__record_request(failing, rendered, &payload, &arn);
            succeeded = status == LAMBDA_OK;
            if (!succeeded) {
                assert_int_equal(status, LAMBDA_ERROR_OUT_OF_MEMORY);
                assert_int_equal(payload.length, 0);
            }
        }
        lambda__buffer_clear(&failing->base, &text);
        lambda__buffer_clear(&failing->base, &payload);
        lambda__buffer_clear(&failing->base, &arn);
        lambda_close(failing);
        assert_int_equal(memory.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_lambdas),          cmocka_unit_test(an_event_that_never_ran_has_no_response),
        cmocka_unit_test(what_is_no_json_is_a_string),  cmocka_unit_test(hostile_payloads_come_back),
        cmocka_unit_test(deep_nesting_is_kept_as_text), cmocka_unit_test(a_megabyte_comes_back),
        cmocka_unit_test(what_is_no_record_is_refused), cmocka_unit_test(request_ids_are_read_back),
        cmocka_unit_test(members_are_found_as_text),    cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_service, close_service);
}
