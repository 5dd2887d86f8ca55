/* Conformance of durable queues: what was there is there again. */
#include <string.h>

#include "conformance_fixture.h"

static void what_is_left_is_there_again(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    assert_ok(f->lambda, queue_push_text(f, "received", 1, 0));
    assert_ok(f->lambda, queue_push_text(f, "ended", 2, 0));
    assert_ok(f->lambda, queue_push_text(f, "retried", 3, 0));
    assert_ok(f->lambda, queue_push_text(f, "waiting", 4, 0));
    assert_ok(f->lambda, queue_push_text(f, "delayed", 5, 1000));
    assert_ok(f->lambda, queue_push_text(f, "", 6, 0));
    lambda_queue_message messages[3];
    assert_int_equal(queue_receive(f, messages, 3, LAMBDA_QUEUE_FOREVER), 3);
    lambda_bytes part = lambda_bytes_make("outcome", 7);
    lambda_queue_entry entry = {.parts = &part, .parts_count = 1, .state = 7};
    assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, &messages[1], 1, &entry, 1));
    assert_ok(f->lambda, f->queue.retry(f->queue.user, &messages[2], 33, 400));
    queue_fixture_advance(f, 100);
    queue_fixture_reopen(f);
    queue_assert_counts(f, 4, 2, 0);
    assert_int_equal(f->queue.next_due(f->queue.user), 0);
    lambda_queue_message message;
    const char *const order[] = {"received", "waiting", "", "outcome"};
    const uint64_t states[] = {1, 4, 6, 7};
    for (int i = 0; i < 4; i++) {
        queue_received(f, order[i], LAMBDA_QUEUE_FOREVER, &message);
        assert_int_equal(message.state, states[i]);
        assert_int_equal(message.age_ns, 100);
        if (i % 2) assert_ok(f->lambda, queue_acknowledge(f, &message));
    }
    queue_nothing(f);
    assert_int_equal(f->queue.next_due(f->queue.user), 300);
    queue_fixture_advance(f, 300);
    queue_received(f, "retried", LAMBDA_QUEUE_FOREVER, &message);
    assert_int_equal(message.state, 33);
    queue_fixture_advance(f, 600);
    queue_received(f, "delayed", LAMBDA_QUEUE_FOREVER, &message);
    assert_int_equal(message.age_ns, 1000);
    queue_nothing(f);
    queue_fixture_reopen(f);
    queue_assert_counts(f, 4, 0, 0);
}

static void a_wall_clock_set_between_runs(void **state)
{
    queue_fixture *f = *state;
    const uint64_t day = UINT64_C(86400000000000);
    queue_fixture_open(f, 0);
    assert_ok(f->lambda, queue_push_text(f, "delayed", 1, 1000));
    assert_ok(f->lambda, queue_push_text(f, "waiting", 2, 0));
    lambda_queue_message message;
    queue_received(f, "waiting", LAMBDA_QUEUE_FOREVER, &message);
    queue_fixture_advance(f, day);
    assert_ok(f->lambda, f->queue.retry(f->queue.user, &message, 3, 500));
    /* Set back by days: nobody waits for longer than the delay. */
    atomic_fetch_sub(&f->clock.wall, 5 * day);
    queue_fixture_reopen(f);
    queue_received(f, "delayed", 1000, &message);
    queue_nothing(f);
    assert_true(f->queue.next_due(f->queue.user) <= 500);
    queue_fixture_advance(f, 500);
    queue_received(f, "waiting", 1000, &message);
    assert_int_equal(message.state, 3);
    assert_int_equal(message.age_ns, day + 500);
    assert_ok(f->lambda, f->queue.retry(f->queue.user, &message, 4, 500));
    assert_ok(f->lambda, queue_push_text(f, "pushed", 5, 500));
    /* Set forward: a delay may be shorter, nothing is lost. */
    atomic_fetch_add(&f->clock.wall, 50 * day);
    queue_fixture_reopen(f);
    lambda_queue_message messages[4];
    assert_int_equal(queue_receive(f, messages, 4, 1000), 3);
    assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, messages, 3, NULL, 0));
    assert_ok(f->lambda, queue_push_text(f, "later", 6, 700));
    /* And back again. */
    atomic_fetch_sub(&f->clock.wall, 80 * day);
    queue_fixture_reopen(f);
    queue_nothing(f);
    assert_true(f->queue.next_due(f->queue.user) <= 700);
    queue_fixture_advance(f, 700);
    queue_received(f, "later", 1000, &message);
    assert_int_equal(message.age_ns, 700);
}

static void many_come_again(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    for (uint64_t i = 0; i < 3000; i++)
        assert_ok(f->lambda, queue_push_text(f, "m", i, i % 4 == 0 ? i : 0));
    queue_fixture_reopen(f);
    queue_fixture_advance(f, 3000);
    bool there[3000] = {false};
    size_t total = 0;
    for (size_t got = 1; got > 0; total += got) {
        lambda_queue_message messages[32];
        got = queue_receive(f, messages, 32, LAMBDA_QUEUE_FOREVER);
        for (size_t i = 0; i < got; i++) {
            assert_true(messages[i].state < 3000 && !there[messages[i].state]);
            there[messages[i].state] = true;
        }
        if (got > 0) assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, messages, got, NULL, 0));
    }
    assert_int_equal(total, 3000);
    queue_fixture_reopen(f);
    queue_assert_counts(f, 0, 0, 0);
}

int queue_conformance_durable(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(what_is_left_is_there_again),
        QUEUE_TEST(a_wall_clock_set_between_runs),
        QUEUE_TEST(many_come_again),
    };
    return cmocka_run_group_tests_name("durable", tests, NULL, NULL);
}
