/* Conformance of delay, age and visibility. */
#include "conformance_fixture.h"

static void a_delay_is_kept(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    assert_ok(f->lambda, queue_push_text(f, "later", 1, 1000));
    assert_ok(f->lambda, queue_push_text(f, "never", 2, UINT64_MAX));
    queue_nothing(f);
    queue_assert_counts(f, 0, 2, 0);
    assert_int_equal(f->queue.next_due(f->queue.user), 1000);
    queue_fixture_advance(f, 999);
    queue_nothing(f);
    assert_int_equal(f->queue.next_due(f->queue.user), 1);
    queue_fixture_advance(f, 1);
    assert_int_equal(f->queue.next_due(f->queue.user), 0);
    queue_assert_counts(f, 1, 1, 0);
    lambda_queue_message message;
    queue_received(f, "later", LAMBDA_QUEUE_FOREVER, &message);
    assert_int_equal(message.age_ns, 1000);
    queue_nothing(f);
    assert_ok(f->lambda, queue_acknowledge(f, &message));
    queue_assert_counts(f, 0, 1, 0);
}

static void delayed_ones_do_not_hold_up_others(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    for (int i = 0; i < 50; i++)
        assert_ok(f->lambda, queue_push_text(f, "delayed", 1, (uint64_t)(1000 + i % 7)));
    queue_pushed(f, "now");
    lambda_queue_message message;
    queue_received(f, "now", LAMBDA_QUEUE_FOREVER, &message);
    assert_ok(f->lambda, queue_acknowledge(f, &message));
    queue_nothing(f);
    queue_fixture_advance(f, 1003);
    lambda_queue_message messages[32];
    size_t due = 0;
    for (size_t got = 1; got > 0; due += got)
        got = queue_receive(f, messages, 32, LAMBDA_QUEUE_FOREVER);
    assert_int_equal(due, 8 + 7 + 7 + 7);
    assert_int_equal(f->queue.next_due(f->queue.user), 1);
    queue_assert_counts(f, 0, 21, 29);
}

static void an_age_is_since_the_push(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    lambda_queue_counts counts;
    assert_ok(f->lambda, f->queue.counts(f->queue.user, &counts));
    assert_int_equal(counts.oldest_age_ns, 0);
    queue_pushed(f, "old");
    queue_fixture_advance(f, 500);
    queue_pushed(f, "new");
    queue_fixture_advance(f, 5);
    assert_ok(f->lambda, f->queue.counts(f->queue.user, &counts));
    assert_int_equal(counts.oldest_age_ns, 505);
    lambda_queue_message messages[2];
    assert_int_equal(queue_receive(f, messages, 2, LAMBDA_QUEUE_FOREVER), 2);
    assert_int_equal(messages[0].age_ns, 505);
    assert_int_equal(messages[1].age_ns, 5);
    /* One that is with a receiver counts too. */
    assert_ok(f->lambda, f->queue.counts(f->queue.user, &counts));
    assert_int_equal(counts.oldest_age_ns, 505);
    assert_ok(f->lambda, queue_acknowledge(f, &messages[0]));
    assert_ok(f->lambda, f->queue.counts(f->queue.user, &counts));
    assert_int_equal(counts.oldest_age_ns, 5);
    /* A retry does not make it younger. */
    assert_ok(f->lambda, f->queue.retry(f->queue.user, &messages[1], 0, 10));
    queue_fixture_advance(f, 10);
    queue_received(f, "new", LAMBDA_QUEUE_FOREVER, messages);
    assert_int_equal(messages[0].age_ns, 15);
}

static void a_wall_clock_that_is_set_changes_nothing(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    const uint64_t day = UINT64_C(86400000000000);
    queue_pushed(f, "now");
    assert_ok(f->lambda, queue_push_text(f, "later", 0, 1000));
    atomic_fetch_sub(&f->clock.wall, 3 * day);
    lambda_queue_message message;
    queue_received(f, "now", 100, &message);
    assert_int_equal(message.age_ns, 0);
    atomic_fetch_add(&f->clock.wall, 30 * day);
    queue_nothing(f);
    assert_int_equal(f->queue.next_due(f->queue.user), 100);
    assert_ok(f->lambda, f->queue.extend(f->queue.user, &message, 1, LAMBDA_QUEUE_FOREVER));
    assert_int_equal(f->queue.next_due(f->queue.user), 1000);
    queue_fixture_advance(f, 1000);
    queue_received(f, "later", 100, &message);
    assert_int_equal(message.age_ns, 1000);
}

static void visibility_ends(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    queue_pushed(f, "message");
    lambda_queue_message late;
    lambda_queue_message message;
    queue_received(f, "message", 100, &late);
    queue_assert_counts(f, 0, 0, 1);
    queue_nothing(f);
    assert_int_equal(f->queue.next_due(f->queue.user), 100);
    queue_fixture_advance(f, 99);
    queue_nothing(f);
    queue_fixture_advance(f, 1);
    assert_int_equal(f->queue.next_due(f->queue.user), 0);
    queue_received(f, "message", 50, &message);
    assert_int_equal(message.receive_count, 2);
    assert_int_equal(message.age_ns, 100);
    assert_true(message.receipt != late.receipt);
    /* The late receiver still has its body, but the message is another's. */
    queue_assert_body(&late, "message");
    assert_fails(f->lambda, queue_acknowledge(f, &late), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "");
    queue_assert_body(&message, "message");
    queue_assert_counts(f, 0, 0, 1);
    assert_ok(f->lambda, queue_acknowledge(f, &message));
    queue_assert_counts(f, 0, 0, 0);
    queue_fixture_advance(f, 1000);
    queue_nothing(f);
    assert_true(f->queue.next_due(f->queue.user) == UINT64_MAX);
}

static void late_receivers_find_nothing(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    lambda_queue_message late[4];
    lambda_queue_message again[4];
    for (int i = 0; i < 4; i++)
        queue_pushed(f, "message");
    assert_int_equal(queue_receive(f, late, 4, 100), 4);
    queue_fixture_advance(f, 100);
    assert_int_equal(queue_receive(f, again, 4, LAMBDA_QUEUE_FOREVER), 4);
    lambda_queue_entry entry = {.state = 9};
    const lambda_status gone = LAMBDA_ERROR_RESOURCE_NOT_FOUND;
    assert_fails(f->lambda, f->queue.acknowledge(f->queue.user, &late[0], 1, &entry, 1), gone, "");
    assert_fails(f->lambda, f->queue.retry(f->queue.user, &late[1], 5, 0), gone, "");
    assert_fails(f->lambda, f->queue.extend(f->queue.user, &late[2], 1, 100), gone, "");
    /* Nothing was added for one that is late. */
    queue_assert_counts(f, 0, 0, 4);
    /* Of several, those that are not late are ended, and what is to be added is. */
    lambda_queue_message mixed[2] = {late[3], again[0]};
    assert_fails(f->lambda, f->queue.acknowledge(f->queue.user, mixed, 2, &entry, 1), gone, "");
    queue_assert_counts(f, 1, 0, 3);
    assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, again + 1, 3, NULL, 0));
    queue_assert_counts(f, 1, 0, 0);
    /* What was acknowledged is not there to be acknowledged or retried. */
    lambda_queue_message message;
    queue_received(f, "", LAMBDA_QUEUE_FOREVER, &message);
    assert_int_equal(message.state, 9);
    assert_ok(f->lambda, queue_acknowledge(f, &message));
    queue_assert_counts(f, 0, 0, 0);
}

static void extending_keeps_a_message(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    queue_pushed(f, "one");
    queue_pushed(f, "two");
    lambda_queue_message messages[2];
    assert_int_equal(queue_receive(f, messages, 2, 100), 2);
    queue_fixture_advance(f, 90);
    assert_ok(f->lambda, f->queue.extend(f->queue.user, messages, 2, 100));
    queue_fixture_advance(f, 99);
    queue_nothing(f);
    assert_ok(f->lambda, f->queue.extend(f->queue.user, messages, 1, LAMBDA_QUEUE_FOREVER));
    /* Shorter than it was. */
    assert_ok(f->lambda, f->queue.extend(f->queue.user, messages + 1, 1, 0));
    lambda_queue_message again;
    queue_received(f, "two", LAMBDA_QUEUE_FOREVER, &again);
    queue_fixture_advance(f, UINT64_C(1000000000000000));
    queue_nothing(f);
    assert_ok(f->lambda, queue_acknowledge(f, &messages[0]));
    assert_ok(f->lambda, queue_acknowledge(f, &again));
}

static void many_visibilities_end_each_in_its_time(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    enum { many = 60 };
    lambda_queue_message messages[many];
    uint64_t ends[many];
    for (uint64_t i = 0; i < many; i++)
        assert_ok(f->lambda, queue_push_text(f, "m", i, 0));
    for (uint64_t i = 0; i < many; i++) {
        ends[i] = 1 + i * 37 % 101;
        queue_received(f, "m", ends[i], &messages[i]);
    }
    for (uint64_t i = 0; i < many; i += 4) {
        ends[i] = 1 + i * 53 % 90;
        assert_ok(f->lambda, f->queue.extend(f->queue.user, &messages[i], 1, ends[i]));
    }
    for (uint64_t i = 1; i < many; i += 4) {
        ends[i] = 0;
        assert_ok(f->lambda, queue_acknowledge(f, &messages[i]));
    }
    for (uint64_t now = 1; now <= 102; now++) {
        queue_fixture_advance(f, 1);
        uint64_t expected = 0;
        uint64_t next = UINT64_MAX;
        for (int i = 0; i < many; i++) {
            if (ends[i] == now) expected++;
            if (ends[i] > now && ends[i] - now < next) next = ends[i] - now;
        }
        for (uint64_t i = 0; i < expected; i++) {
            lambda_queue_message message;
            queue_received(f, "m", LAMBDA_QUEUE_FOREVER, &message);
            assert_true(message.state < many && ends[message.state] == now);
        }
        queue_nothing(f);
        assert_true(f->queue.next_due(f->queue.user) == next);
    }
}

int queue_conformance_times(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_delay_is_kept),           QUEUE_TEST(delayed_ones_do_not_hold_up_others),
        QUEUE_TEST(an_age_is_since_the_push),  QUEUE_TEST(a_wall_clock_that_is_set_changes_nothing),
        QUEUE_TEST(visibility_ends),           QUEUE_TEST(late_receivers_find_nothing),
        QUEUE_TEST(extending_keeps_a_message), QUEUE_TEST(many_visibilities_end_each_in_its_time),
    };
    return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
