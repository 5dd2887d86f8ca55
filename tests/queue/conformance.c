#include "conformance.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "conformance_fixture.h"
#include "support.h"

static const queue_maker *maker;

/* ---- the fixture */

static uint64_t times_ready;

static void count_ready(void *user)
{
    (void)user;
    times_ready++;
}

static void attach(queue_fixture *f)
{
    lambda_queue_host host = {.lambda = f->lambda,
                              .allocator = test_allocator(&f->memory),
                              .clock = test_clock_port(&f->clock),
                              .ready = count_ready};
    if (f->queue.attach) assert_ok(f->lambda, f->queue.attach(f->queue.user, &host));
}

void queue_fixture_open(queue_fixture *f, uint64_t max_messages)
{
    assert_true(maker->open(maker->user, max_messages, &f->queue));
    attach(f);
    f->is_open = true;
}

static void close_queue(queue_fixture *f)
{
    if (f->is_open) f->queue.close(f->queue.user);
    f->is_open = false;
}

void queue_fixture_reopen(queue_fixture *f)
{
    close_queue(f);
    assert_int_equal(atomic_load(&f->memory.live), 0);
    assert_true(maker->reopen(maker->user, &f->queue));
    attach(f);
    f->is_open = true;
}

bool queue_fixture_is_durable(void)
{
    return maker->reopen != NULL;
}

void queue_fixture_advance(queue_fixture *f, uint64_t ns)
{
    atomic_fetch_add(&f->clock.monotonic, ns);
    atomic_fetch_add(&f->clock.wall, ns);
}

int queue_fixture_setup(void **state)
{
    queue_fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->lambda = test_open(NULL);
    atomic_store(&f->clock.monotonic, 77);
    atomic_store(&f->clock.wall, UINT64_C(1700000000000000000));
    *state = f;
    return 0;
}

int queue_fixture_teardown(void **state)
{
    queue_fixture *f = *state;
    close_queue(f);
    if (maker->end) maker->end(maker->user);
    /* Closing gives everything back, what receivers have not given back included. */
    assert_int_equal(atomic_load(&f->memory.live), 0);
    lambda_close(f->lambda);
    free(f);
    return 0;
}

lambda_status queue_push_text(queue_fixture *f, const char *text, uint64_t state, uint64_t delay_ns)
{
    lambda_bytes part = lambda_bytes_make(text, strlen(text));
    lambda_queue_entry entry = {.parts = &part, .parts_count = 1, .state = state, .delay_ns = delay_ns};
    return f->queue.push(f->queue.user, &entry, 1);
}

void queue_pushed(queue_fixture *f, const char *text)
{
    assert_ok(f->lambda, queue_push_text(f, text, 0, 0));
}

size_t queue_receive(queue_fixture *f, lambda_queue_message *messages, size_t capacity, uint64_t visible_ns)
{
    size_t count = 99;
    assert_ok(f->lambda, f->queue.receive(f->queue.user, messages, capacity, visible_ns, &count));
    assert_true(count <= capacity && count <= LAMBDA_QUEUE_RECEIVE_MAX);
    return count;
}

void queue_assert_body(const lambda_queue_message *message, const char *text)
{
    if (message->body.length != strlen(text) || memcmp(message->body.data, text, strlen(text)) != 0)
        fail_msg("the body is %.*s, not %s", (int)message->body.length, (const char *)message->body.data, text);
}

void queue_received(queue_fixture *f, const char *text, uint64_t visible_ns, lambda_queue_message *message)
{
    assert_int_equal(queue_receive(f, message, 1, visible_ns), 1);
    queue_assert_body(message, text);
}

void queue_nothing(queue_fixture *f)
{
    lambda_queue_message message;
    assert_int_equal(queue_receive(f, &message, 1, LAMBDA_QUEUE_FOREVER), 0);
}

lambda_status queue_acknowledge(queue_fixture *f, const lambda_queue_message *message)
{
    return f->queue.acknowledge(f->queue.user, message, 1, NULL, 0);
}

void queue_assert_counts(queue_fixture *f, uint64_t waiting, uint64_t delayed, uint64_t received)
{
    lambda_queue_counts counts;
    assert_ok(f->lambda, f->queue.counts(f->queue.user, &counts));
    assert_int_equal(counts.waiting, waiting);
    assert_int_equal(counts.delayed, delayed);
    assert_int_equal(counts.received, received);
}

/* ---- bodies and the order of arrival */

static void messages_come_as_pushed(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    assert_int_equal(f->queue.durable, queue_fixture_is_durable());
    queue_nothing(f);
    const char *const texts[] = {"one", "two", "three", "four", "five"};
    for (int i = 0; i < 5; i++)
        assert_ok(f->lambda, queue_push_text(f, texts[i], UINT64_MAX - (uint64_t)i, 0));
    lambda_queue_message messages[8];
    assert_int_equal(queue_receive(f, messages, 3, LAMBDA_QUEUE_FOREVER), 3);
    assert_int_equal(queue_receive(f, messages + 3, 5, LAMBDA_QUEUE_FOREVER), 2);
    /* About in that order; with one thread and few of them, exactly. */
    for (int i = 0; i < 5; i++) {
        queue_assert_body(&messages[i], texts[i]);
        assert_true(messages[i].state == UINT64_MAX - (uint64_t)i);
        assert_int_equal(messages[i].receive_count, 1);
        assert_int_equal(messages[i].age_ns, 0);
    }
    queue_nothing(f);
    assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, messages, 5, NULL, 0));
    queue_assert_counts(f, 0, 0, 0);
}

static void assert_large(const lambda_queue_message *message, const unsigned char *body, size_t length)
{
    assert_int_equal(message->body.length, length);
    assert_int_equal((uintptr_t)message->body.data % alignof(max_align_t), 0);
    assert_memory_equal(message->body.data, body, length);
}

static void bodies_are_their_parts(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    const size_t length = 1048576;
    unsigned char *large = malloc(length);
    assert_non_null(large);
    for (size_t i = 0; i < length; i++)
        large[i] = (unsigned char)(i * 2654435761u >> 13);
    const lambda_bytes several[] = {lambda_bytes_make("a", 1), lambda_bytes_make(NULL, 0),
                                    lambda_bytes_make("bc\0d", 4), lambda_bytes_make("", 0), lambda_bytes_make("e", 1)};
    const lambda_bytes halves[] = {lambda_bytes_make(large, 524289), lambda_bytes_make(large + 524289, 524287)};
    const lambda_queue_entry entries[] = {{.parts = several, .parts_count = 5, .state = 1},
                                          {.parts = NULL, .parts_count = 0, .state = 2},
                                          {.parts = &several[1], .parts_count = 1, .state = 3},
                                          {.parts = halves, .parts_count = 2, .state = 4},
                                          {.parts = several, .parts_count = 1, .state = 5}};
    assert_ok(f->lambda, f->queue.push(f->queue.user, entries, 5));
    lambda_queue_message messages[8];
    size_t count = 0;
    for (size_t got = 1; count < 5 && got > 0; count += got)
        got = queue_receive(f, messages + count, 8 - count, LAMBDA_QUEUE_FOREVER);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++) {
        if (messages[i].state == 1) assert_large(&messages[i], (const unsigned char *)"abc\0de", 6);
        if (messages[i].state == 2 || messages[i].state == 3) assert_int_equal(messages[i].body.length, 0);
        if (messages[i].state == 4) assert_large(&messages[i], large, length);
        if (messages[i].state == 5) assert_large(&messages[i], (const unsigned char *)"a", 1);
    }
    assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, messages, 5, NULL, 0));
    free(large);
}

static void bodies_of_all_small_sizes_are_aligned(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    const unsigned char *text = (const unsigned char *)"0123456789abcdefghijklmnopqrstuvwxyz!";
    for (size_t length = 0; length <= 36; length++) {
        lambda_bytes part = lambda_bytes_make(text, length);
        assert_ok(f->lambda, f->queue.push(f->queue.user, &(lambda_queue_entry){.parts = &part, .parts_count = 1}, 1));
    }
    for (size_t length = 0; length <= 36; length++) {
        lambda_queue_message message;
        assert_int_equal(queue_receive(f, &message, 1, LAMBDA_QUEUE_FOREVER), 1);
        if (message.body.length > 0) assert_large(&message, text, message.body.length);
        assert_ok(f->lambda, queue_acknowledge(f, &message));
    }
    queue_nothing(f);
}

static void a_receive_gives_no_more_than_asked(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    lambda_queue_entry entries[100];
    lambda_bytes part = lambda_bytes_make("x", 1);
    for (size_t i = 0; i < 100; i++)
        entries[i] = (lambda_queue_entry){.parts = &part, .parts_count = 1, .state = i};
    assert_ok(f->lambda, f->queue.push(f->queue.user, entries, 100));
    assert_ok(f->lambda, f->queue.push(f->queue.user, NULL, 0));
    lambda_queue_message messages[64];
    bool seen[100] = {false};
    assert_int_equal(queue_receive(f, messages, 0, LAMBDA_QUEUE_FOREVER), 0);
    for (size_t total = 0, round = 0; total < 100; round++) {
        assert_true(round < 100);
        size_t count = queue_receive(f, messages, round % 2 ? 64 : 7, LAMBDA_QUEUE_FOREVER);
        for (size_t i = 0; i < count; i++) {
            assert_true(messages[i].state < 100 && !seen[messages[i].state]);
            seen[messages[i].state] = true;
        }
        assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, messages, count, NULL, 0));
        total += count;
    }
    queue_nothing(f);
}

/* ---- retry and acknowledge */

static void a_retry_gives_back(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    assert_ok(f->lambda, queue_push_text(f, "message", 1, 0));
    lambda_queue_message message;
    queue_received(f, "message", 1000, &message);
    assert_ok(f->lambda, f->queue.retry(f->queue.user, &message, UINT64_C(0xFEDCBA9876543210), 70));
    queue_assert_counts(f, 0, 1, 0);
    assert_int_equal(f->queue.next_due(f->queue.user), 70);
    queue_fixture_advance(f, 69);
    queue_nothing(f);
    queue_fixture_advance(f, 1);
    queue_received(f, "message", 1000, &message);
    assert_true(message.state == UINT64_C(0xFEDCBA9876543210));
    assert_int_equal(message.receive_count, 2);
    /* At once, again and again, and others are not in its way. */
    for (uint64_t i = 0; i < 20; i++) {
        queue_pushed(f, "other");
        assert_ok(f->lambda, f->queue.retry(f->queue.user, &message, i, 0));
        assert_int_equal(f->queue.next_due(f->queue.user), 0);
        lambda_queue_message messages[2];
        assert_int_equal(queue_receive(f, messages, 2, 1000), 2);
        bool first = messages[0].body.length == 7;
        message = messages[first ? 0 : 1];
        queue_assert_body(&message, "message");
        assert_int_equal(message.state, i);
        assert_int_equal(message.receive_count, 3 + i);
        assert_ok(f->lambda, queue_acknowledge(f, &messages[first ? 1 : 0]));
    }
    assert_ok(f->lambda, queue_acknowledge(f, &message));
    queue_assert_counts(f, 0, 0, 0);
}

static void many_retries_of_many(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    char text[16];
    for (int i = 0; i < 64; i++) {
        snprintf(text, sizeof(text), "%d", i);
        queue_pushed(f, text);
    }
    int rounds[64] = {0};
    size_t left = 64;
    for (int turn = 0; left > 0; turn++) {
        assert_true(turn < 100000);
        lambda_queue_message messages[5];
        size_t count = queue_receive(f, messages, 5, LAMBDA_QUEUE_FOREVER);
        if (count == 0) queue_fixture_advance(f, 1);
        for (size_t i = 0; i < count; i++) {
            int which = atoi(
                (const char *)memcpy(memset(text, 0, sizeof(text)), messages[i].body.data, messages[i].body.length));
            assert_int_equal(messages[i].state, rounds[which]);
            if (++rounds[which] == 10) {
                assert_ok(f->lambda, queue_acknowledge(f, &messages[i]));
                left--;
            } else {
                uint64_t delay = (uint64_t)(which * rounds[which] % 5);
                assert_ok(f->lambda, f->queue.retry(f->queue.user, &messages[i], (uint64_t)rounds[which], delay));
            }
        }
    }
    queue_nothing(f);
    queue_assert_counts(f, 0, 0, 0);
}

static void an_acknowledgement_adds(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    queue_pushed(f, "done");
    lambda_queue_message message;
    queue_received(f, "done", LAMBDA_QUEUE_FOREVER, &message);
    const lambda_bytes parts[] = {lambda_bytes_make("out", 3), lambda_bytes_make("come", 4)};
    const lambda_queue_entry entries[] = {{.parts = parts, .parts_count = 2, .state = 3},
                                          {.parts = parts, .parts_count = 1, .state = 4, .delay_ns = 10}};
    assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, &message, 1, entries, 2));
    queue_assert_counts(f, 1, 1, 0);
    queue_received(f, "outcome", LAMBDA_QUEUE_FOREVER, &message);
    assert_int_equal(message.state, 3);
    queue_nothing(f);
    queue_fixture_advance(f, 10);
    queue_received(f, "out", LAMBDA_QUEUE_FOREVER, &message);
    assert_int_equal(message.state, 4);
}

/* ---- limits */

static void a_full_queue_refuses(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 4);
    for (int i = 0; i < 3; i++)
        queue_pushed(f, "message");
    const lambda_queue_entry entries[2] = {{.state = 1}, {.state = 2}};
    const lambda_status full = LAMBDA_ERROR_TOO_MANY_REQUESTS;
    /* All or none. */
    assert_fails(f->lambda, f->queue.push(f->queue.user, entries, 2), full, "full");
    queue_assert_counts(f, 3, 0, 0);
    queue_pushed(f, "message");
    assert_fails(f->lambda, queue_push_text(f, "message", 0, 0), full, "full");
    assert_fails(f->lambda, queue_push_text(f, "message", 0, 1000), full, "full");
    queue_assert_counts(f, 4, 0, 0);
    /* What an acknowledgement adds is never refused. */
    lambda_queue_message message;
    queue_received(f, "message", LAMBDA_QUEUE_FOREVER, &message);
    assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, &message, 1, entries, 2));
    queue_assert_counts(f, 5, 0, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(queue_receive(f, &message, 1, LAMBDA_QUEUE_FOREVER), 1);
        assert_ok(f->lambda, queue_acknowledge(f, &message));
    }
    queue_pushed(f, "message");
    queue_assert_counts(f, 4, 0, 0);
}

static void what_no_room_is_enough_for_is_refused(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    /* One body of more than a gigabyte, of which only a piece is there. */
    enum { piece = 1048576, pieces = 1100 };
    unsigned char *bytes = calloc(1, piece);
    lambda_bytes *parts = calloc(pieces, sizeof(*parts));
    assert_true(bytes && parts);
    for (int i = 0; i < pieces; i++)
        parts[i] = lambda_bytes_make(bytes, piece);
    lambda_queue_entry entries[2] = {{.state = 1}, {.parts = parts, .parts_count = pieces}};
    assert_fails(f->lambda, f->queue.push(f->queue.user, entries, 2), LAMBDA_ERROR_REQUEST_TOO_LARGE, "");
    queue_assert_counts(f, 0, 0, 0);
    free(parts);
    free(bytes);
    queue_pushed(f, "message");
    queue_assert_counts(f, 1, 0, 0);
}

int queue_conformance(const queue_maker *given)
{
    maker = given;
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(messages_come_as_pushed),
        QUEUE_TEST(bodies_are_their_parts),
        QUEUE_TEST(bodies_of_all_small_sizes_are_aligned),
        QUEUE_TEST(a_receive_gives_no_more_than_asked),
        QUEUE_TEST(a_retry_gives_back),
        QUEUE_TEST(many_retries_of_many),
        QUEUE_TEST(an_acknowledgement_adds),
        QUEUE_TEST(a_full_queue_refuses),
        QUEUE_TEST(what_no_room_is_enough_for_is_refused),
    };
    int failed = cmocka_run_group_tests_name(maker->name, tests, NULL, NULL);
    return failed + queue_conformance_times() + queue_conformance_views() + queue_conformance_threads() +
           (queue_fixture_is_durable() ? queue_conformance_durable() : 0);
}
