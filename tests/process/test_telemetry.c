/* The Telemetry API: what is told to whom, and when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry_text.h"
#include "telemetry_world.h"

/* What was said before, the subscription, and what is said after it, in one array. */
static void test_http(void **state)
{
    (void)state;
    world w;
    begin(&w);
    listener *l = add_listening(&w, false);
    lambda__telemetry_event(w.telemetry, "platform.initStart",
                            json_pack("{s:s, s:s}", "initializationType", "on-demand", "phase", "init"));
    say(&w, "before");
    assert_int_equal(subscribe(&w, "watcher", l, "[\"platform\",\"function\",\"extension\"]", SOON), 200);
    assert_true(lambda__telemetry_wanted(w.telemetry));
    lambda__telemetry_end_init(w.telemetry);
    assert_true(lambda__telemetry_wanted(w.telemetry));
    lambda__telemetry_line(w.telemetry, LAMBDA__TELEMETRY_EXTENSION, "hello", 5, false);
    lambda__telemetry_event(w.telemetry, "platform.report",
                            json_pack("{s:{s:f, s:i}}", "metrics", "durationMs", 693.92, "billedDurationMs", 694));
    run_until(&w, listener_count(l) == 1);
    const listener_request *request = &l->requests[0];
    char host[64];
    snprintf(host, sizeof(host), "sandbox.localdomain:%u", l->port);
    assert_memory_equal(request->head, "POST /to/me HTTP/1.1\r\n", 22);
    assert_string_equal(listener_header(request, "Host"), host);
    assert_string_equal(listener_header(request, "Content-Type"), "application/json");
    assert_null(listener_header(request, "Expect"));
    json_t *events = batch(l, 0);
    static const char *const types[] = {"platform.initStart", "function", "platform.telemetrySubscription", "extension",
                                        "platform.report"};
    assert_int_equal(json_array_size(events), 5);
    for (size_t i = 0; i < 5; i++) {
        const char *time = json_string_value(json_object_get(json_array_get(events, i), "time"));
        int ms;
        int end = 0;
        assert_string_equal(type_of(events, i), types[i]);
        assert_int_equal(sscanf(time, "20%*2d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ%n", &ms, &end), 1);
        assert_int_equal(end, 24);
        assert_int_equal(json_object_size(json_array_get(events, i)), 3);
    }
    assert_string_equal(json_string_value(record_of(events, 1)), "before");
    json_t *subscription = json_pack("{s:s, s:s, s:[s, s, s]}", "name", "watcher", "state", "Subscribed", "types",
                                     "platform", "function", "extension");
    assert_true(json_equal(record_of(events, 2), subscription));
    assert_string_equal(json_string_value(record_of(events, 3)), "hello");
    assert_non_null(strstr(request->body, "\"durationMs\":693.92,"));
    json_decref(subscription);
    json_decref(events);
    finish(&w);
}

static void test_types(void **state)
{
    (void)state;
    world w;
    begin(&w);
    listener *l = add_listening(&w, false);
    say(&w, "before");
    lambda__telemetry_event(w.telemetry, "platform.start", json_object());
    assert_int_equal(subscribe(&w, "x", l, "[\"extension\"]", LATE), 200);
    say(&w, "after");
    lambda__telemetry_line(w.telemetry, LAMBDA__TELEMETRY_EXTENSION, "mine", 4, false);
    flush(&w);
    json_t *events = all(l);
    assert_int_equal(json_array_size(events), 1);
    assert_string_equal(type_of(events, 0), "extension");
    json_decref(events);
    finish(&w);
}

/* Each gets all, with its own buffers; one that is silent holds up nobody. */
static void test_several(void **state)
{
    (void)state;
    world w;
    begin(&w);
    static const char *const silent[] = {LISTENER_SILENT};
    listener *one = add(&w, false);
    listener *two = add_listening(&w, false);
    listener *three = add_listening(&w, true);
    listener_begin(one, silent, 1, false);
    assert_int_equal(subscribe(&w, "one", one, "[\"function\"]", SOON), 200);
    assert_int_equal(subscribe(&w, "two", two, "[\"platform\",\"function\"]", SOON), 200);
    assert_int_equal(subscribe(&w, "three", three, "[\"function\"]", SOON), 200);
    say(&w, "for all");
    run_until(&w, listener_count(one) == 1 && listener_count(two) >= 1 && listener_bytes(three) > 0);
    say(&w, "again");
    size_t before = listener_count(two);
    size_t bytes = listener_bytes(three);
    run_until(&w, listener_count(two) > before && listener_bytes(three) > bytes);
    assert_int_equal(listener_count(one), 1);
    json_t *events = all(two);
    /* Three subscriptions, its own the second, and two lines. */
    assert_int_equal(json_array_size(events), 5);
    assert_string_equal(json_string_value(record_of(events, 4)), "again");
    json_decref(events);
    finish(&w);
}

/* A batch goes when it has its items or its bytes, whatever the time. */
static void test_full_batches(void **state)
{
    (void)state;
    world w;
    begin(&w);
    listener *l = add_listening(&w, false);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", ",\"buffering\":{\"timeoutMs\":30000,\"maxItems\":1000}"),
                     200);
    for (int i = 0; i < 1001; i++)
        say(&w, "a");
    run_until(&w, listener_count(l) == 1);
    json_t *events = batch(l, 0);
    assert_int_equal(json_array_size(events), 1000);
    json_decref(events);
    char *text = malloc(262144);
    memset(text, 'b', 262144);
    lambda__telemetry_line(w.telemetry, LAMBDA__TELEMETRY_FUNCTION, text, 262144, false);
    run_until(&w, listener_count(l) == 2);
    events = batch(l, 1);
    assert_int_equal(json_array_size(events), 2);
    assert_int_equal(json_string_length(record_of(events, 1)), 262144);
    json_decref(events);
    free(text);
    finish(&w);
}

static void test_flush(void **state)
{
    (void)state;
    world w;
    begin(&w);
    listener *l = add_listening(&w, false);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", LATE), 200);
    assert_false(lambda__telemetry_flush(w.telemetry));
    for (int i = 0; i < 12000; i++)
        say(&w, "xxxxxxxxxxxxxxxx");
    flush(&w);
    json_t *events = all(l);
    assert_int_equal(json_array_size(events), 12000);
    json_decref(events);
    /* It is over: what comes now waits again. */
    size_t before = listener_count(l);
    say(&w, "later");
    assert_int_equal(lambda__loop_run(&w.loop, lambda__loop_now() + 20000000), 0);
    assert_int_equal(listener_count(l), before);
    finish(&w);
}

static void record_is(const char *text, size_t length, bool json, const char *expected)
{
    world w;
    begin(&w);
    listener *l = add_listening(&w, true);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", LATE), 200);
    lambda__telemetry_line(w.telemetry, LAMBDA__TELEMETRY_FUNCTION, text, length, json);
    flush(&w);
    run_until(&w, listener_has(l, 0, "record"));
    const char *record = strstr(l->requests[0].body, "\"record\":");
    assert_non_null(record);
    size_t found = strlen(record) - 9 - 2;
    if (found != strlen(expected) || memcmp(record + 9, expected, found) != 0) fail_msg("%s: %s", text, record);
    finish(&w);
}

#define RECORD(text, json, expected) record_is(text, sizeof(text) - 1, json, expected)

static void test_records(void **state)
{
    (void)state;
    RECORD("a \"b\" \\ \t\r", false, "\"a \\\"b\\\" \\\\ \\t\\r\"");
    RECORD("\0\x1f\x7f", false, "\"\\u0000\\u001f\x7f\"");
    RECORD("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x91", false, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x91\"");
    /* Cut off, longer than need be, a surrogate, beyond the last, and what never begins a character. */
    RECORD("x\xe2\x82", false, "\"x\xef\xbf\xbd\xef\xbf\xbd\"");
    RECORD("\xc0\x80", false, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    RECORD("\xed\xa0\x80z", false, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
    RECORD("\xf4\x90\x80\x80", false, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    RECORD("\xff", false, "\"\xef\xbf\xbd\"");
    RECORD("", false, "\"\"");
    RECORD("{\"a\":1}", false, "\"{\\\"a\\\":1}\"");
    RECORD(" {\"a\": 1.10,\n\"b\":[\"\\u0000\", 123456789012345678901234567890]} ", true,
           " {\"a\": 1.10, \"b\":[\"\\u0000\", 123456789012345678901234567890]} ");
    RECORD("{\"a\":1", true, "\"{\\\"a\\\":1\"");
    RECORD("[1]", true, "\"[1]\"");
    RECORD("plain", true, "\"plain\"");
}

/* Whatever bytes a line has, its event is JSON, and has them all where they are UTF-8. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const unsigned char begins[] = {0x00, 0x22, 0x5c, 0x7f, 0x80, 0xbf, 0xc0,
                                           0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5};
    test_random seed = {.state = 7};
    lambda_random random = test_random_port(&seed);
    size_t good = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t numbers[3];
        unsigned char bytes[sizeof(numbers)];
        unsigned char line[16];
        for (int k = 0; k < 3; k++)
            numbers[k] = random.next(random.user);
        memcpy(bytes, numbers, sizeof(bytes));
        size_t length = bytes[16] % 9;
        for (size_t k = 0; k < length; k++)
            line[k] = bytes[17] & 1u << (k & 7) ? begins[bytes[k] % sizeof(begins)] : 0x80 + bytes[k] % 0x40;
        lambda__telemetry_text *text =
            lambda__telemetry_text_line(LAMBDA__TELEMETRY_FUNCTION, (const char *)line, length, false);
        assert_non_null(text);
        json_t *event = json_loadb(text->data, text->length, JSON_ALLOW_NUL, NULL);
        const json_t *record = json_object_get(event, "record");
        assert_true(json_is_string(record));
        json_t *same = json_stringn((const char *)line, length);
        if (same) assert_true(json_equal(record, same));
        good += same && length > 1;
        json_decref(same);
        json_decref(event);
        lambda__telemetry_text_release(text);
    }
    assert_true(good > 100);
}

/* More than is kept before anybody has subscribed. */
static void test_much_before(void **state)
{
    (void)state;
    world w;
    char text[1000];
    const size_t lines = 5000;
    begin(&w);
    listener *l = add_listening(&w, false);
    memset(text, 'h', sizeof(text));
    for (size_t i = 0; i < lines; i++)
        lambda__telemetry_line(w.telemetry, LAMBDA__TELEMETRY_FUNCTION, text, sizeof(text), false);
    lambda__telemetry_event(w.telemetry, "platform.initStart", json_object());
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", SOON), 200);
    flush(&w);
    json_t *events = all(l);
    assert_string_equal(type_of(events, 0), "platform.logsDropped");
    size_t dropped = (size_t)json_integer_value(json_object_get(record_of(events, 0), "droppedRecords"));
    assert_int_equal(dropped + json_array_size(events) - 1, lines);
    json_decref(events);
    finish(&w);
}

/* Lines, over a connection that the listener closes now and then. */
static void test_tcp(void **state)
{
    (void)state;
    static const char *const answers[] = {LISTENER_HANG_UP, LISTENER_HANG_UP};
    world w;
    begin(&w);
    listener *l = add(&w, true);
    listener_begin(l, answers, 2, false);
    assert_int_equal(subscribe(&w, "x", l, "[\"function\"]", LATE), 200);
    for (size_t i = 0; i < 4; i++) {
        char text[16];
        snprintf(text, sizeof(text), "line %zu", i);
        size_t before = listener_bytes(l);
        say(&w, text);
        flush(&w);
        run_until(&w, listener_bytes(l) > before);
        /* The thread has closed when the next can connect. */
        if (i < 2) run_until(&w, !listener_is_connected(l));
    }
    lambda__telemetry_close(w.telemetry);
    w.telemetry = NULL;
    run_until(&w, !listener_is_connected(l));
    assert_int_equal(listener_connections(l), 3);
    json_t *events = all_lines(l);
    assert_int_equal(json_array_size(events), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(json_string_value(record_of(events, i))[5], '0' + (int)i);
    json_decref(events);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http),         cmocka_unit_test(test_types), cmocka_unit_test(test_several),
        cmocka_unit_test(test_full_batches), cmocka_unit_test(test_flush), cmocka_unit_test(test_records),
        cmocka_unit_test(test_any_bytes),    cmocka_unit_test(test_tcp),   cmocka_unit_test(test_much_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
