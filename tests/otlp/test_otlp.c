/*
 * Segments to a collector of the test. The document expected, otlp_full.json, has the form of
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding; what is sent again and what is not stands in
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp-response.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>

#include <lambda/otlp.h>

#include "collector.h"
#include "trace_fixture.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** What the exporter told. */
typedef struct told {
    size_t count;
    lambda_status status;
    char message[256];
} told;

static void note_failure(void *user, lambda_status status, const char *message)
{
    told *to = user;
    to->count++;
    to->status = status;
    snprintf(to->message, sizeof(to->message), "%s", message);
}

static lambda_trace_exporter make(const lambda_otlp_options *options)
{
    lambda_trace_exporter exporter;
    assert_ok(NULL, lambda_otlp_exporter(options, &exporter));
    assert_false(exporter.direct);
    return exporter;
}

static lambda_otlp_statistics statistics_of(const lambda_trace_exporter *exporter)
{
    lambda_otlp_statistics statistics;
    assert_ok(NULL, lambda_otlp_statistics_get(exporter, &statistics));
    return statistics;
}

static json_t *body_of(const collector_request *request)
{
    json_error_t error;
    json_t *body = json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, &error);
    if (!body) fail_msg("%s in %s", error.text, request->body);
    return body;
}

static size_t segments_of(const collector_request *request)
{
    json_t *body = body_of(request);
    size_t count = json_array_size(json_object_get(body, "resourceSpans"));
    json_decref(body);
    return count;
}

static void a_segment_is_posted(void **state)
{
    (void)state;
    static const char *const answers[] = {COLLECTOR_OK};
    static const lambda_pair headers[] = {{"Authorization", "Bearer 123"}, {"X-Empty", ""}};
    static const lambda_pair resource[] = {{"deployment.environment.name", "test"}, {"cloud.region", "home"}};
    collector c;
    fixture f;
    fixture_full(&f);
    collector_begin(&c, answers, 1);
    lambda_trace_exporter exporter = make(&(lambda_otlp_options){
        .endpoint = c.endpoint, .headers = headers, .headers_count = 2, .resource = resource, .resource_count = 2});
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    assert_ok(NULL, exporter.flush(exporter.user));
    assert_ok(NULL, exporter.flush(exporter.user)); /* there is nothing more */
    lambda_otlp_statistics statistics = statistics_of(&exporter);
    exporter.close(exporter.user);
    collector_end(&c);
    assert_int_equal(c.count, 1);
    assert_memory_equal(c.requests[0].head, "POST /v1/traces HTTP/1.1\r\n", 26);
    assert_string_equal(collector_header(&c.requests[0], "Content-Type"), "application/json");
    assert_string_equal(collector_header(&c.requests[0], "Authorization"), "Bearer 123");
    assert_string_equal(collector_header(&c.requests[0], "X-Empty"), "");
    assert_string_equal(collector_header(&c.requests[0], "User-Agent"), "liblambda-otlp/" LAMBDA_VERSION_TEXT);
    assert_null(collector_header(&c.requests[0], "Content-Encoding"));
    assert_null(collector_header(&c.requests[0], "Expect"));
    assert_int_equal(statistics.segments, 1);
    assert_int_equal(statistics.spans, 7);
    assert_int_equal(statistics.batches, 1);
    assert_int_equal(statistics.requests, 1);
    json_error_t error;
    json_t *expected = json_load_file(getenv("TEST_OTLP_GOLDEN"), JSON_REJECT_DUPLICATES, &error);
    if (!expected) fail_msg("otlp_full.json: %s", error.text);
    json_t *body = body_of(&c.requests[0]);
    if (!json_equal(expected, body)) fail_msg("not what is expected:\n%s", json_dumps(body, JSON_INDENT(2)));
    json_decref(expected);
    json_decref(body);
    collector_free(&c);
}

static const json_t *span_at(const json_t *body, size_t index)
{
    const json_t *resource = json_array_get(json_object_get(body, "resourceSpans"), 0);
    const json_t *scope = json_array_get(json_object_get(resource, "scopeSpans"), 0);
    return json_array_get(json_object_get(scope, "spans"), index);
}

static void parents_and_texts_that_are_none(void **state)
{
    (void)state;
    static const char *const answers[] = {COLLECTOR_OK};
    collector c;
    fixture f;
    fixture_small(&f);
    f.spans[1].name = "a\xFFz\xC3\xA9\xED\xA0\x80\xF0\x9F\x92\xB3\xE2\x82";
    collector_begin(&c, answers, 1);
    lambda_trace_exporter exporter = make(&(lambda_otlp_options){.endpoint = c.endpoint});
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    assert_ok(NULL, exporter.flush(exporter.user));
    exporter.close(exporter.user);
    collector_end(&c);
    json_t *body = body_of(&c.requests[0]);
    /* Not the segment of the service, which only X-Ray knows. */
    assert_string_equal(json_string_value(json_object_get(span_at(body, 0), "parentSpanId")), "53995c3f42cd8ad8");
    assert_null(json_object_get(span_at(body, 0), "status"));
#define BAD "\xEF\xBF\xBD"
    assert_string_equal(json_string_value(json_object_get(span_at(body, 1), "name")),
                        "a" BAD "z\xC3\xA9" BAD BAD BAD "\xF0\x9F\x92\xB3" BAD BAD);
    json_decref(body);
    collector_free(&c);
}

static void segments_wait_for_a_batch(void **state)
{
    (void)state;
    static const char *const answers[] = {COLLECTOR_OK, COLLECTOR_OK, COLLECTOR_OK};
    collector c;
    fixture f;
    fixture_small(&f);
    collector_begin(&c, answers, 3);
    lambda_trace_exporter exporter = make(&(lambda_otlp_options){.endpoint = c.endpoint, .batch_segments = 3});
    for (uint64_t i = 1; i <= 7; i++) {
        assert_ok(NULL, exporter.write(exporter.user, &f.segment));
        assert_int_equal(statistics_of(&exporter).batches, i / 3);
    }
    assert_ok(NULL, exporter.flush(exporter.user));
    assert_int_equal(statistics_of(&exporter).segments, 7);
    exporter.close(exporter.user);
    collector_end(&c);
    assert_int_equal(c.count, 3);
    assert_int_equal(segments_of(&c.requests[0]), 3);
    assert_int_equal(segments_of(&c.requests[1]), 3);
    assert_int_equal(segments_of(&c.requests[2]), 1);
    collector_free(&c);
    collector_begin(&c, answers, 2);
    exporter = make(&(lambda_otlp_options){.endpoint = c.endpoint, .batch_bytes = 3000});
    for (int i = 0; i < 4; i++)
        assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    assert_int_equal(statistics_of(&exporter).batches, 2);
    exporter.close(exporter.user);
    collector_end(&c);
    assert_int_equal(segments_of(&c.requests[0]), 2);
    assert_int_equal(segments_of(&c.requests[1]), 2);
    collector_free(&c);
}

/** Sends one segment to a collector with these answers; what it came to. */
static lambda_otlp_statistics send_one(const lambda_otlp_options *how, const char *const *answers, size_t count,
                                       lambda_status expected, told *to)
{
    collector c;
    fixture f;
    lambda_otlp_options options = *how;
    fixture_small(&f);
    collector_begin(&c, answers, count);
    *to = (told){0};
    options.endpoint = c.endpoint;
    options.failed = note_failure;
    options.user = to;
    if (!options.retry_delay_ms) options.retry_delay_ms = 1;
    lambda_trace_exporter exporter = make(&options);
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    assert_int_equal(exporter.flush(exporter.user), expected);
    lambda_otlp_statistics statistics = statistics_of(&exporter);
    exporter.close(exporter.user);
    collector_end(&c);
    assert_int_equal(statistics.requests, c.count);
    assert_int_equal(statistics.batches, expected == LAMBDA_OK);
    assert_int_equal(statistics.batches_lost, expected != LAMBDA_OK);
    assert_int_equal(statistics.segments, expected == LAMBDA_OK);
    assert_int_equal(statistics.segments_lost, expected != LAMBDA_OK);
    for (size_t i = 0; i < c.count; i++)
        assert_int_equal(segments_of(&c.requests[i]), 1);
    collector_free(&c);
    return statistics;
}

static void what_may_pass_is_sent_again(void **state)
{
    (void)state;
    told to;
    const lambda_otlp_options defaults = {0};
    static const char *const one_after_another[] = {
        COLLECTOR_ANSWER("429 Too Many Requests", "", ""), COLLECTOR_ANSWER("502 Bad Gateway", "", ""),
        COLLECTOR_ANSWER("503 Service Unavailable", "Retry-After: 0\r\n", ""),
        COLLECTOR_ANSWER("504 Gateway Timeout", "", ""), COLLECTOR_OK};
    assert_int_equal(send_one(&defaults, one_after_another, 5, LAMBDA_OK, &to).requests, 5);
    static const char *const closes[] = {COLLECTOR_CLOSES, COLLECTOR_CLOSES, COLLECTOR_OK};
    assert_int_equal(send_one(&defaults, closes, 3, LAMBDA_OK, &to).requests, 3);
    static const char *const cut[] = {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"partial", COLLECTOR_OK};
    assert_int_equal(send_one(&defaults, cut, 2, LAMBDA_OK, &to).requests, 2);
}

static void attempts_have_an_end(void **state)
{
    (void)state;
    told to;
    static const char *const busy[] = {COLLECTOR_ANSWER("503 Service Unavailable", "", ""),
                                       COLLECTOR_ANSWER("503 Service Unavailable", "", ""),
                                       COLLECTOR_ANSWER("503 Service Unavailable", "", ""), COLLECTOR_OK};
    const lambda_otlp_options options = {.max_attempts = 3};
    assert_int_equal(send_one(&options, busy, 4, LAMBDA_ERROR_SERVICE, &to).requests, 3);
    assert_int_equal(to.count, 1);
    assert_int_equal(to.status, LAMBDA_ERROR_SERVICE);
    assert_non_null(strstr(to.message, "503"));
    /* Another time than there is left: nobody waits for that. Had it waited, this would take an hour. */
    static const char *const later[] = {COLLECTOR_ANSWER("503 Service Unavailable", "Retry-After: 3600\r\n", ""),
                                        COLLECTOR_OK};
    const lambda_otlp_options defaults = {0};
    assert_int_equal(send_one(&defaults, later, 2, LAMBDA_ERROR_SERVICE, &to).requests, 1);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/** The one test that takes its time: what the collector names is in seconds, and one is the least. */
static void the_collector_says_when(void **state)
{
    (void)state;
    told to;
    static const char *const soon[] = {COLLECTOR_ANSWER("429 Too Many Requests", "Retry-After: 1\r\n", ""),
                                       COLLECTOR_OK};
    const lambda_otlp_options defaults = {.retry_delay_ms = 1};
    uint64_t begin = now_ms();
    assert_int_equal(send_one(&defaults, soon, 2, LAMBDA_OK, &to).requests, 2);
    assert_true(now_ms() - begin >= 1000);
}

static void what_is_refused_is_lost(void **state)
{
    (void)state;
    told to;
    const lambda_otlp_options defaults = {0};
    static const struct {
        const char *answer;
        const char *told;
    } refusals[] = {
        {COLLECTOR_ANSWER("400 Bad Request", "", "{\"code\":3,\"message\":\"no\"}"), "400"},
        {COLLECTOR_ANSWER("401 Unauthorized", "", ""), "401"},
        {COLLECTOR_ANSWER("413 Content Too Large", "", ""), "413"},
        {COLLECTOR_ANSWER("500 Internal Server Error", "Retry-After: 0\r\n", ""), "500"},
        {COLLECTOR_ANSWER("301 Moved Permanently", "Location: http://127.0.0.1:1/\r\n", ""), "301"},
        {"this is not HTTP\r\n\r\n", ""},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const char *const answers[] = {refusals[i].answer, COLLECTOR_OK};
        assert_int_equal(send_one(&defaults, answers, 2, LAMBDA_ERROR_SERVICE, &to).requests, 1);
        assert_int_equal(to.count, 1);
        assert_non_null(strstr(to.message, refusals[i].told));
    }
}

static void a_collector_that_says_nothing_is_left(void **state)
{
    (void)state;
    told to;
    static const char *const silent[] = {COLLECTOR_SILENT, COLLECTOR_OK};
    const lambda_otlp_options options = {.timeout_ms = 100};
    assert_int_equal(send_one(&options, silent, 2, LAMBDA_ERROR_SERVICE, &to).requests, 1);
    assert_int_equal(to.count, 1);
}

static void a_collector_that_is_not_there(void **state)
{
    (void)state;
    collector c;
    fixture f;
    told to = {0};
    fixture_small(&f);
    collector_begin(&c, NULL, 0);
    collector_end(&c); /* its port is nobody's now */
    lambda_trace_exporter exporter = make(&(lambda_otlp_options){
        .endpoint = c.endpoint, .max_attempts = 3, .retry_delay_ms = 1, .failed = note_failure, .user = &to});
    assert_ok(NULL, exporter.write(exporter.user, &f.segment));
    assert_int_equal(exporter.flush(exporter.user), LAMBDA_ERROR_SERVICE);
    assert_int_equal(statistics_of(&exporter).requests, 3);
    assert_int_equal(to.count, 1);
    /* What was lost is not sent later. */
    assert_ok(NULL, exporter.flush(exporter.user));
    assert_int_equal(statistics_of(&exporter).requests, 3);
    exporter.close(exporter.user);
}

#define ACCEPTED(body) COLLECTOR_ANSWER("200 OK", "Content-Type: application/json\r\n", body)

static void what_is_accepted_in_part_is_counted(void **state)
{
    (void)state;
    told to;
    const lambda_otlp_options defaults = {0};
    static char long_answer[20000];
    memset(long_answer, ' ', sizeof(long_answer) - 1);
    const struct {
        const char *answer;
        uint64_t rejected;
    } cases[] = {
        {ACCEPTED("{\"partialSuccess\":{\"rejectedSpans\":\"2\",\"errorMessage\":\"too old\"}}"), 2},
        {ACCEPTED("{\"partialSuccess\":{\"rejectedSpans\":1}}"), 1},
        {ACCEPTED("{\"partialSuccess\":{\"rejectedSpans\":\"99\",\"errorMessage\":\"all\"}}"), 3},
        {ACCEPTED("{\"partialSuccess\":{\"rejectedSpans\":\"-1\",\"errorMessage\":[]}}"), 0},
        {ACCEPTED("{\"partialSuccess\":{\"rejectedSpans\":\"x\"}}"), 0},
        {ACCEPTED("{\"partialSuccess\":7}"), 0},
        {ACCEPTED("{}"), 0},
        {ACCEPTED(""), 0},
        {ACCEPTED("<html>"), 0},
        {long_answer, 0},
    };
    memcpy(long_answer, ACCEPTED("["), sizeof(ACCEPTED("[")) - 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lambda_otlp_statistics statistics = send_one(&defaults, &cases[i].answer, 1, LAMBDA_OK, &to);
        assert_int_equal(statistics.spans, 3);
        assert_int_equal(statistics.spans_rejected, cases[i].rejected);
        assert_int_equal(to.count, cases[i].rejected > 0);
        if (to.count > 0) assert_int_equal(to.status, LAMBDA_OK);
        if (i == 0) assert_string_equal(to.message, "2 of 3 spans were rejected: too old");
    }
}

static void options_are_checked(void **state)
{
    (void)state;
    lambda_trace_exporter exporter;
    test_memory memory = {0};
    lambda_allocator half = test_allocator(&memory);
    half.release = NULL;
    static const lambda_pair broken[] = {{"a b", "1"}, {"", "1"}, {"a", "1\r\nb: 2"}, {NULL, "1"}, {"a", NULL}};
    static const char *const endpoints[] = {"", "127.0.0.1:4318", "ftp://127.0.0.1/", "http://", "http://a b/"};
    assert_fails(NULL, lambda_otlp_exporter(NULL, NULL), INVALID, "exporter");
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        const lambda_otlp_options options = {.endpoint = endpoints[i]};
        assert_fails(NULL, lambda_otlp_exporter(&options, &exporter), INVALID, "endpoint");
        assert_null(exporter.write);
    }
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        const lambda_otlp_options options = {.headers = &broken[i], .headers_count = 1};
        assert_fails(NULL, lambda_otlp_exporter(&options, &exporter), INVALID, "headers");
    }
    assert_fails(NULL, lambda_otlp_exporter(&(lambda_otlp_options){.headers_count = 1}, &exporter), INVALID, "headers");
    assert_fails(NULL, lambda_otlp_exporter(&(lambda_otlp_options){.resource_count = 1}, &exporter), INVALID,
                 "resource");
    for (size_t i = 3; i < 5; i++) {
        const lambda_otlp_options options = {.resource = &broken[i], .resource_count = 1};
        assert_fails(NULL, lambda_otlp_exporter(&options, &exporter), INVALID, "resource");
    }
    assert_fails(NULL, lambda_otlp_exporter(&(lambda_otlp_options){.allocator = half}, &exporter), INVALID,
                 "allocator");
    /* A host that was compiled with fewer options: what is behind them is not looked at. */
    const lambda_otlp_options newer = {.endpoint = "https://localhost/v1/traces", .allocator = half};
    assert_ok(NULL, lambda_otlp_exporter_sized(&newer, offsetof(lambda_otlp_options, allocator), &exporter));
    exporter.close(exporter.user);
    exporter = make(NULL);
    lambda_otlp_statistics statistics;
    struct {
        uint64_t segments;
        uint64_t untouched;
    } older = {1, 2};
    assert_ok(NULL, lambda_otlp_statistics_get_sized(&exporter, (lambda_otlp_statistics *)&older, 8));
    assert_int_equal(older.segments, 0);
    assert_int_equal(older.untouched, 2);
    assert_fails(NULL, lambda_otlp_statistics_get(&exporter, NULL), INVALID, "statistics");
    assert_fails(NULL, lambda_otlp_statistics_get(NULL, &statistics), INVALID, "exporter");
    exporter.close(exporter.user);
    exporter = (lambda_trace_exporter){0};
    assert_fails(NULL, lambda_otlp_statistics_get(&exporter, &statistics), INVALID, "exporter");
}

/* ---- memory: the exporter's, jansson's and libcurl's, from one allocator */

static test_memory shared;

static void *shared_allocate(size_t size)
{
    lambda_allocator memory = test_allocator(&shared);
    return memory.allocate(memory.user, size);
}

static void *shared_reallocate(void *data, size_t size)
{
    lambda_allocator memory = test_allocator(&shared);
    return memory.reallocate(memory.user, data, size);
}

static void shared_release(void *data)
{
    lambda_allocator memory = test_allocator(&shared);
    memory.release(memory.user, data);
}

static char *shared_duplicate(const char *text)
{
    char *copy = shared_allocate(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

static void *shared_allocate_zeroed(size_t count, size_t size)
{
    void *data = shared_allocate(count * size);
    return data ? memset(data, 0, count * size) : NULL;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const lambda_pair pair[] = {{"a", "\xFF"}};
    static const char *const answers[] = {COLLECTOR_OK};
    fixture f;
    told to = {0};
    fixture_full(&f);
    f.spans[3].name = "\xFF";
    bool succeeded = false;
    long losses = 0;
    for (long nth = 1; !succeeded; nth++) {
        assert_true(nth < 5000);
        collector c;
        collector_begin(&c, answers, 1);
        const lambda_otlp_options options = {.endpoint = c.endpoint,
                                             .headers = pair,
                                             .headers_count = 1,
                                             .resource = pair,
                                             .resource_count = 1,
                                             .max_attempts = 1,
                                             .failed = note_failure,
                                             .user = &to,
                                             .allocator = test_allocator(&shared)};
        lambda_trace_exporter exporter;
        long live = shared.live;
        shared.requests = 0;
        shared.fail_at = nth;
        lambda_status status = lambda_otlp_exporter(&options, &exporter);
        if (status == LAMBDA_OK) {
            status = exporter.write(exporter.user, &f.segment);
            lambda_status flushed = exporter.flush(exporter.user);
            if (status == LAMBDA_OK) status = flushed;
            succeeded = shared.requests < nth;
            shared.fail_at = 0;
            lambda_otlp_statistics statistics = statistics_of(&exporter);
            assert_int_equal(statistics.segments + statistics.segments_lost, 1);
            assert_int_equal(statistics.segments, status == LAMBDA_OK);
            losses += status != LAMBDA_OK;
            exporter.close(exporter.user);
        }
        shared.fail_at = 0;
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY || status == LAMBDA_ERROR_SERVICE);
        if (succeeded) assert_int_equal(status, LAMBDA_OK);
        assert_int_equal(shared.live, live);
        collector_end(&c);
        collector_free(&c);
    }
    assert_true(losses > 100);
}

int main(void)
{
    /* The tests' collector is nobody's to stand before. */
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    json_set_alloc_funcs(shared_allocate, shared_release);
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, shared_allocate, shared_release, shared_reallocate, shared_duplicate,
                             shared_allocate_zeroed) != CURLE_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_posted),           cmocka_unit_test(parents_and_texts_that_are_none),
        cmocka_unit_test(segments_wait_for_a_batch),     cmocka_unit_test(what_may_pass_is_sent_again),
        cmocka_unit_test(attempts_have_an_end),          cmocka_unit_test(the_collector_says_when),
        cmocka_unit_test(what_is_refused_is_lost),       cmocka_unit_test(a_collector_that_says_nothing_is_left),
        cmocka_unit_test(a_collector_that_is_not_there), cmocka_unit_test(what_is_accepted_in_part_is_counted),
        cmocka_unit_test(options_are_checked),           cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
