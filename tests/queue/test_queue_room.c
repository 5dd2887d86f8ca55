/* The queue in memory where there is no room, or no memory. */
#include <stdio.h>
#include <stdlib.h>

#include "memory_fixture.h"

/* ---- room */

static void a_push_is_all_or_nothing(void **state)
{
    (void)state;
    fixture f;
    open_queue(&f, &(lambda_queue_memory_options){.max_messages = 5, .max_bytes = 100000});
    static char body[40000];
    lambda_bytes part = {.data = body, .length = sizeof(body)};
    lambda_queue_entry entries[6];
    lambda_queue_message got[6];
    for (size_t i = 0; i < 6; i++)
        entries[i] = (lambda_queue_entry){.parts = &part, .parts_count = 1, .delay_ns = i % 2};
    /* The bytes of three are too many, and six are more than five; whatever was written of them is gone again. */
    for (int i = 0; i < 50; i++)
        assert_int_equal(f.queue.push(f.queue.user, entries, 3), FULL);
    part.length = 10;
    assert_int_equal(f.queue.push(f.queue.user, entries, 6), LAMBDA_ERROR_REQUEST_TOO_LARGE);
    assert_int_equal(counts(&f).waiting + counts(&f).delayed, 0);
    assert_int_equal(f.queue.push(f.queue.user, entries, 4), LAMBDA_OK);
    assert_int_equal(f.queue.push(f.queue.user, entries, 2), FULL);
    assert_int_equal(f.queue.push(f.queue.user, entries, 1), LAMBDA_OK);
    pass(&f, 1);
    assert_int_equal(f.queue.push(f.queue.user, entries, 1), FULL);
    assert_int_equal(receive(&f, got, 2, LAMBDA_QUEUE_FOREVER), 2);
    /* What takes an ended one's place is never refused. */
    assert_int_equal(f.queue.acknowledge(f.queue.user, got, 1, entries, 2), LAMBDA_OK);
    assert_int_equal(f.queue.push(f.queue.user, entries, 1), FULL);
    assert_int_equal(acknowledge(&f, got + 1, 1), LAMBDA_OK);
    assert_int_equal(f.queue.push(f.queue.user, entries, 1), FULL);
    uint64_t purged = 0;
    assert_int_equal(f.queue.purge(f.queue.user, NULL, NULL, &purged), LAMBDA_OK);
    assert_int_equal(purged, 5);
    assert_int_equal(f.queue.push(f.queue.user, entries, 5), LAMBDA_OK);
    close_queue(&f);
}

static void huge_bodies_come_and_go(void **state)
{
    (void)state;
    fixture f;
    const size_t size = 700000;
    char *body = malloc(size);
    assert_non_null(body);
    memset(body, 'h', size);
    open_queue(&f, &(lambda_queue_memory_options){.max_bytes = 1000000});
    lambda_queue_message got;
    assert_int_equal(push(&f, body, 1000000, 0, 0), LAMBDA_ERROR_REQUEST_TOO_LARGE);
    for (int i = 0; i < 10; i++) {
        /* An empty queue has room, whatever memory it keeps from earlier: small ones leave spare chunks. */
        assert_int_equal(push(&f, body, size, 0, i % 3 == 2), LAMBDA_OK);
        assert_int_equal(push(&f, body, size, 0, 0), FULL);
        pass(&f, 1);
        assert_int_equal(receive(&f, &got, 1, 10), 1);
        assert_int_equal(got.body.length, size);
        assert_memory_equal(got.body.data, body, size);
        lambda_bytes part = {.data = body, .length = size};
        lambda_queue_entry entry = {.parts = &part, .parts_count = 1};
        /* In the place of the one that it ends, though for a moment there are two. */
        assert_int_equal(f.queue.acknowledge(f.queue.user, &got, 1, &entry, 1), LAMBDA_OK);
        if (i % 2) {
            uint64_t purged = 0;
            assert_int_equal(f.queue.purge(f.queue.user, NULL, NULL, &purged), LAMBDA_OK);
            assert_int_equal(purged, 1);
        } else {
            assert_int_equal(receive(&f, &got, 1, 10), 1);
            assert_int_equal(acknowledge(&f, &got, 1), LAMBDA_OK);
        }
        for (int k = 0; k < 300; k++)
            assert_int_equal(push(&f, body, 500, 0, 0), LAMBDA_OK);
        for (int k = 0; k < 300; k++) {
            assert_int_equal(receive(&f, &got, 1, 10), 1);
            assert_int_equal(acknowledge(&f, &got, 1), LAMBDA_OK);
        }
    }
    close_queue(&f);
    free(body);
}

static bool is_odd(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    (void)user;
    (void)standing;
    (void)due_ns;
    return message->state % 2 == 1;
}

static void what_was_purged_is_passed_over(void **state)
{
    (void)state;
    fixture f;
    static char body[3000];
    open_queue(&f, &(lambda_queue_memory_options){.max_messages = 100});
    lambda_queue_message got[LAMBDA_QUEUE_RECEIVE_MAX];
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(push(&f, body, i * 30, i, 0), LAMBDA_OK);
    uint64_t purged = 0;
    assert_int_equal(f.queue.purge(f.queue.user, is_odd, NULL, &purged), LAMBDA_OK);
    assert_int_equal(purged, 50);
    assert_int_equal(f.queue.purge(f.queue.user, is_odd, NULL, &purged), LAMBDA_OK);
    assert_int_equal(purged, 0);
    assert_int_equal(counts(&f).waiting, 50);
    for (uint64_t i = 100; i < 150; i++)
        assert_int_equal(push(&f, body, 7, i, 0), LAMBDA_OK);
    assert_int_equal(push(&f, body, 7, 0, 0), FULL);
    uint64_t next = 0;
    for (size_t count; (count = receive(&f, got, LAMBDA_QUEUE_RECEIVE_MAX, 10)) > 0;) {
        for (size_t i = 0; i < count; i++, next += next < 100 ? 2 : 1)
            assert_int_equal(got[i].state, next);
        assert_int_equal(acknowledge(&f, got, count), LAMBDA_OK);
    }
    assert_int_equal(next, 150);
    close_queue(&f);
}

/* ---- failing memory */

/** Some of everything; what was accepted and not ended. */
static uint64_t exercise(fixture *f)
{
    static char body[5000];
    lambda_queue_message got[8];
    uint64_t there = 0;
    lambda_bytes part = {.data = body, .length = 3000};
    lambda_queue_entry entries[3];
    for (size_t i = 0; i < 3; i++)
        entries[i] = (lambda_queue_entry){.parts = &part, .parts_count = 1, .delay_ns = i == 1};
    for (int i = 0; i < 6; i++) {
        lambda_status status = f->queue.push(f->queue.user, entries, 3);
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        there += status == LAMBDA_OK ? 3 : 0;
        size_t count = 0;
        status = f->queue.receive(f->queue.user, got, 4, i == 3 ? 1 : LAMBDA_QUEUE_FOREVER, &count);
        assert_true(status == LAMBDA_OK || (status == LAMBDA_ERROR_OUT_OF_MEMORY && count == 0));
        pass(f, 1);
        for (size_t k = 0; k < count; k++) {
            if (k % 2 == 0) {
                status = f->queue.retry(f->queue.user, &got[k], 1, 1);
                assert_int_equal(status, i == 3 ? (counts(f), status) : LAMBDA_OK);
                continue;
            }
            status = f->queue.acknowledge(f->queue.user, &got[k], 1, entries, k == 3 ? 2 : 0);
            if (status == LAMBDA_OK)
                there += k == 3 ? 1 : (uint64_t)-1;
            else
                assert_true(status == LAMBDA_ERROR_OUT_OF_MEMORY || i == 3);
            if (status != LAMBDA_ERROR_OUT_OF_MEMORY) continue;
            status = f->queue.retry(f->queue.user, &got[k], 1, 0);
            assert_true(status == LAMBDA_OK || i == 3);
        }
    }
    return there;
}

static void without_memory_nothing_is_lost(void **state)
{
    (void)state;
    for (long fail_at = 1; fail_at < 200; fail_at++) {
        fixture f;
        open_queue(&f, NULL);
        f.memory.fail_at = fail_at;
        f.memory.fail_on = fail_at % 2;
        uint64_t there = exercise(&f);
        bool failed = atomic_load(&f.memory.requests) >= fail_at;
        f.memory.fail_at = 0;
        lambda_queue_counts now = counts(&f);
        assert_int_equal(now.waiting + now.delayed + now.received, there);
        there += exercise(&f);
        now = counts(&f);
        assert_int_equal(now.waiting + now.delayed + now.received, there);
        close_queue(&f);
        if (!failed) return;
    }
    fail_msg("it never ran without a failure");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_is_all_or_nothing),
        cmocka_unit_test(huge_bodies_come_and_go),
        cmocka_unit_test(what_was_purged_is_passed_over),
        cmocka_unit_test(without_memory_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
