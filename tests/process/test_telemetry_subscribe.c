/* The Telemetry API: who may subscribe, and how. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry_world.h"

static void test_subscriptions(void **state)
{
    (void)state;
#define HTTP_TO   "\"destination\":{\"protocol\":\"HTTP\",\"URI\":\"http://sandbox.localdomain:8080\"}"
#define BEGIN     "{\"schemaVersion\":\"2022-12-13\",\"types\":[\"platform\"],"
#define TO(uri)   BEGIN "\"destination\":{\"protocol\":\"HTTP\",\"URI\":\"" uri "\"}}"
#define WITH(buf) BEGIN HTTP_TO ",\"buffering\":" buf "}"
    static const struct {
        const char *body;
        const char *message; /* NULL: it is good */
    } cases[] = {
        {BEGIN HTTP_TO "}", NULL},
        {"{\"schemaVersion\":\"2025-01-29\",\"types\":[\"platform\",\"function\",\"extension\"]," HTTP_TO "}", NULL},
        {"{\"schemaVersion\":\"2022-07-01\",\"types\":[\"function\"]," HTTP_TO "}", NULL},
        {TO("http://sandbox:80/a/b?c=d"), NULL},
        {BEGIN "\"destination\":{\"protocol\":\"TCP\",\"port\":4000}}", NULL},
        {WITH("{\"maxItems\":1000,\"maxBytes\":262144,\"timeoutMs\":25}"), NULL},
        {WITH("{\"maxItems\":10000,\"maxBytes\":1048576,\"timeoutMs\":30000}"), NULL},
        {WITH("{}"), NULL},
        {WITH("null"), NULL},
        {"", "the body is not a JSON object: "},
        {"[]", "the body is not a JSON object: it is an array"},
        {"{\"schemaVersion\":", "the body is not a JSON object: "},
        /* https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html has this pair as its example. */
        {"{\"schemaVersion\":\"2022-12-13\",\"types\":[],\"destination\":{\"protocol\":\"HTTP\",\"URI\":\"http://"
         "sandbox.localdomain\"}}",
         "types should not be empty; URI port is not provided"},
        {"{\"types\":[\"platform\"]," HTTP_TO "}", "schemaVersion is not provided"},
        {"{\"schemaVersion\":\"2021-03-18\",\"types\":[\"platform\"]," HTTP_TO "}",
         "schemaVersion 2021-03-18 is the Logs API's"},
        {"{\"schemaVersion\":\"1\\\"2\",\"types\":[\"platform\"]," HTTP_TO "}", "schemaVersion \"1\"2\" is not"},
        {"{\"schemaVersion\":\"2022-12-13\"," HTTP_TO "}", "types is not an array"},
        {"{\"schemaVersion\":\"2022-12-13\",\"types\":[\"platform\",\"logs\"]," HTTP_TO "}", "types has \"logs\""},
        {"{\"schemaVersion\":\"2022-12-13\",\"types\":[7]," HTTP_TO "}", "types has \"\""},
        {"{\"schemaVersion\":\"2022-12-13\",\"types\":[\"platform\"]}", "destination is not an object"},
        {BEGIN "\"destination\":{\"protocol\":\"UDP\"}}", "destination.protocol is not HTTP or TCP"},
        {BEGIN "\"destination\":{\"protocol\":\"HTTP\"}}", "destination.URI is not provided"},
        {BEGIN "\"destination\":{\"protocol\":\"TCP\"}}", "destination.port is not provided"},
        {BEGIN "\"destination\":{\"protocol\":\"TCP\",\"port\":65536}}", "destination.port is not a port"},
        {BEGIN "\"destination\":{\"protocol\":\"TCP\",\"port\":4294967376}}", "destination.port is not a port"},
        {BEGIN "\"destination\":{\"protocol\":\"TCP\",\"port\":9001}}", "destination.port 9001 is reserved"},
        {TO("http://sandbox.localdomain:9001"), "URI port 9001 is reserved"},
        {TO("https://sandbox.localdomain:8080"), "URI scheme is not http"},
        {TO("file:///etc/passwd"), "URI scheme is not http"},
        {TO("http://169.254.169.254:80/"), "URI host is not sandbox.localdomain"},
        {TO("http://sandbox.localdomain@elsewhere:80/"), "URI host is not sandbox.localdomain"},
        {TO("http://me@sandbox:80/"), "URI has a user"},
        {TO("http://sandbox:0/"), "URI port is not a port"},
        {TO("http://sandbox:99999/"), "URI \"http://sandbox:99999/\" is none"},
        {TO("not a uri"), "URI"},
        {WITH("7"), "buffering is not an object"},
        {WITH("{\"maxItems\":999}"), "buffering.maxItems is not an integer from 1000 to 10000"},
        {WITH("{\"maxItems\":10001}"), "buffering.maxItems is not"},
        {WITH("{\"maxItems\":\"1000\"}"), "buffering.maxItems is not"},
        {WITH("{\"maxBytes\":262143}"), "buffering.maxBytes is not an integer from 262144 to 1048576"},
        {WITH("{\"maxBytes\":1048577}"), "buffering.maxBytes is not"},
        {WITH("{\"timeoutMs\":24}"), "buffering.timeoutMs is not an integer from 25 to 30000"},
        {WITH("{\"timeoutMs\":30001}"), "buffering.timeoutMs is not"},
        {WITH("{\"timeoutMs\":100.5}"), "buffering.timeoutMs is not"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world w;
        begin(&w);
        lambda_bytes body = lambda_bytes_make(cases[i].body, strlen(cases[i].body));
        int status = lambda__telemetry_subscribe(w.telemetry, "x", body, true, w.answer);
        json_t *answer = json_loads(w.answer, JSON_DECODE_ANY, NULL);
        assert_non_null(answer);
        if (!cases[i].message) {
            assert_string_equal(w.answer, "\"OK\"");
            assert_int_equal(status, 200);
        } else {
            const char *message = json_string_value(json_object_get(answer, "errorMessage"));
            assert_int_equal(status, 400);
            assert_string_equal(json_string_value(json_object_get(answer, "errorType")), "ValidationError");
            assert_non_null(message);
            if (strncmp(message, cases[i].message, strlen(cases[i].message)) != 0) fail_msg("%zu: %s", i, message);
        }
        json_decref(answer);
        finish(&w);
    }
}

/* However much is wrong, and whatever is in it, the answer is JSON and fits. */
static void test_long_refusals(void **state)
{
    (void)state;
    world w;
    char body[6000] =
        "{\"schemaVersion\":\"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001"
        "\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001"
        "\",\"types\":[\"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001"
        "\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\"],\"buffering\":{\"maxItems\":1,"
        "\"maxBytes\":1,\"timeoutMs\":1},\"destination\":{\"protocol\":\"HTTP\",\"URI\":\"http://sandbox:1/";
    begin(&w);
    size_t length = strlen(body);
    memset(body + length, 'x', 2000);
    strcpy(body + length + 2000, "\"}}");
    int status = lambda__telemetry_subscribe(w.telemetry, "x", lambda_bytes_make(body, strlen(body)), true, w.answer);
    assert_int_equal(status, 400);
    json_t *answer = json_loads(w.answer, 0, NULL);
    assert_true(json_is_object(answer));
    json_decref(answer);
    finish(&w);
}

/* After the init phase nobody subscribes, and nothing is kept. */
static void test_closed(void **state)
{
    (void)state;
    world w;
    begin(&w);
    assert_true(lambda__telemetry_wanted(w.telemetry));
    lambda__telemetry_end_init(w.telemetry);
    assert_false(lambda__telemetry_wanted(w.telemetry));
    int status = lambda__telemetry_subscribe(w.telemetry, "x", lambda_bytes_make("", 0), false, w.answer);
    assert_int_equal(status, 403);
    assert_string_equal(w.answer, "{\"errorType\":\"Telemetry.SubscriptionClosed\",\"errorMessage\":\"Telemetry API "
                                  "subscription is closed\"}");
    /* Nobody is told, and nothing is kept. */
    say(&w, "into the void");
    lambda__telemetry_event(w.telemetry, "platform.start", json_object());
    assert_false(lambda__telemetry_flush(w.telemetry));
    finish(&w);
}

/* A record for which there was no memory. */
static void test_lost_record(void **state)
{
    (void)state;
    world w;
    begin(&w);
    listener *l = add_listening(&w, false);
    lambda__telemetry_event(w.telemetry, "platform.initStart", NULL);
    assert_int_equal(subscribe(&w, "x", l, "[\"platform\"]", SOON), 200);
    lambda__telemetry_event(w.telemetry, "platform.start", NULL);
    run_until(&w, listener_count(l) == 1);
    json_t *events = batch(l, 0);
    assert_int_equal(json_integer_value(json_object_get(record_of(events, 0), "droppedRecords")), 2);
    assert_string_equal(type_of(events, 1), "platform.telemetrySubscription");
    json_decref(events);
    finish(&w);
}

/* Another subscription of the same extension is in place of the first. */
static void test_again(void **state)
{
    (void)state;
    static const char *const silent[] = {LISTENER_SILENT};
    world w;
    begin(&w);
    listener *first = add(&w, false);
    listener *second = add_listening(&w, false);
    listener *third = add_listening(&w, true);
    listener_begin(first, silent, 1, false);
    assert_int_equal(subscribe(&w, "x", first, "[\"function\",\"platform\"]", SOON), 200);
    say(&w, "under way");
    run_until(&w, listener_count(first) == 1);
    /* What the first has not taken goes to the second, with what comes now. */
    assert_int_equal(subscribe(&w, "x", second, "[\"platform\"]", SOON), 200);
    say(&w, "not wanted any more");
    flush(&w);
    json_t *events = all(second);
    assert_int_equal(json_array_size(events), 3);
    assert_string_equal(type_of(events, 0), "platform.telemetrySubscription");
    assert_string_equal(json_string_value(record_of(events, 1)), "under way");
    assert_string_equal(json_string_value(json_object_get(record_of(events, 2), "state")), "Already subscribed");
    json_decref(events);
    assert_int_equal(subscribe(&w, "x", third, "[\"function\"]", SOON), 200);
    say(&w, "now so");
    flush(&w);
    run_until(&w, listener_has(third, 0, "now so"));
    events = all_lines(third);
    assert_int_equal(json_array_size(events), 1);
    json_decref(events);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscriptions), cmocka_unit_test(test_long_refusals), cmocka_unit_test(test_closed),
        cmocka_unit_test(test_again),         cmocka_unit_test(test_lost_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
