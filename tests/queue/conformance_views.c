/* Conformance of what looks at all messages: browse, purge, counts. */
#include <string.h>

#include "conformance_fixture.h"

/** What a browse has shown. */
typedef struct seen {
    char text[256];
    int left; /* how many more are wanted; negative: all */
} seen;

static bool note(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    seen *so_far = user;
    assert_int_equal(message->receipt, 0);
    size_t used = strlen(so_far->text);
    snprintf(so_far->text + used, sizeof(so_far->text) - used, "%.*s/%d/%d/%d/%d/%d ", (int)message->body.length,
             (const char *)message->body.data, (int)standing, (int)message->state, (int)message->age_ns,
             (int)message->receive_count, (int)due_ns);
    return --so_far->left != 0;
}

static void assert_shows(queue_fixture *f, int wanted, const char *text)
{
    seen so_far = {.left = wanted};
    assert_ok(f->lambda, f->queue.browse(f->queue.user, note, &so_far));
    assert_string_equal(so_far.text, text);
}

static void browsing_shows_all(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    assert_shows(f, -1, "");
    assert_ok(f->lambda, queue_push_text(f, "a", 1, 0));
    queue_fixture_advance(f, 10);
    assert_ok(f->lambda, queue_push_text(f, "b", 2, 30));
    assert_ok(f->lambda, queue_push_text(f, "c", 3, 0));
    lambda_queue_message message;
    queue_received(f, "a", 20, &message);
    queue_fixture_advance(f, 10);
    assert_shows(f, -1, "a/2/1/20/1/0 b/1/2/10/0/20 c/0/3/10/0/0 ");
    assert_shows(f, 1, "a/2/1/20/1/0 ");
    assert_shows(f, 2, "a/2/1/20/1/0 b/1/2/10/0/20 ");
    /* Browsing receives nothing. */
    queue_assert_counts(f, 1, 1, 1);
    /* One whose visibility is over waits again. */
    queue_fixture_advance(f, 10);
    assert_shows(f, -1, "a/0/1/30/1/0 b/1/2/20/0/10 c/0/3/20/0/0 ");
    queue_assert_counts(f, 2, 1, 0);
    queue_fixture_advance(f, 10);
    assert_shows(f, -1, "a/0/1/40/1/0 b/0/2/30/0/0 c/0/3/30/0/0 ");
    queue_assert_counts(f, 3, 0, 0);
}

static bool odd(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    int *asked = user;
    (*asked)++;
    assert_int_equal(message->receipt, 0);
    assert_int_equal(standing, due_ns > 0 ? LAMBDA_QUEUE_DELAYED : LAMBDA_QUEUE_WAITING);
    return message->state % 2 == 1;
}

static void purging_ends_those_chosen(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    for (uint64_t i = 0; i < 700; i++)
        assert_ok(f->lambda, queue_push_text(f, "m", i, i % 3 == 0 ? 1000 : 0));
    lambda_queue_message messages[32];
    size_t held = queue_receive(f, messages, 10, LAMBDA_QUEUE_FOREVER);
    assert_int_equal(held, 10);
    int asked = 0;
    uint64_t count = 77;
    assert_ok(f->lambda, f->queue.purge(f->queue.user, odd, &asked, &count));
    assert_int_equal(asked, 690);
    uint64_t left = 690 - count;
    queue_assert_counts(f, left - 117, 117, 10);
    /* All that is left comes, once. */
    size_t total = 0;
    bool there[700] = {false};
    queue_fixture_advance(f, 1000);
    for (size_t got = 1; got > 0; total += got) {
        lambda_queue_message more[32];
        got = queue_receive(f, more, 32, LAMBDA_QUEUE_FOREVER);
        for (size_t i = 0; i < got; i++) {
            assert_true(more[i].state < 700 && more[i].state % 2 == 0 && !there[more[i].state]);
            there[more[i].state] = true;
        }
        if (got > 0) assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, more, got, NULL, 0));
    }
    assert_int_equal(total, left);
    /* What was with a receiver is its receiver's still. */
    queue_assert_counts(f, 0, 0, 10);
    assert_ok(f->lambda, f->queue.acknowledge(f->queue.user, messages, held, NULL, 0));
    queue_assert_counts(f, 0, 0, 0);
}

static void purging_all(void **state)
{
    queue_fixture *f = *state;
    queue_fixture_open(f, 0);
    uint64_t count = 77;
    assert_ok(f->lambda, f->queue.purge(f->queue.user, NULL, NULL, &count));
    assert_int_equal(count, 0);
    for (uint64_t i = 0; i < 5; i++)
        assert_ok(f->lambda, queue_push_text(f, "m", i, i == 4 ? 1000 : 0));
    lambda_queue_message late;
    lambda_queue_message held;
    queue_received(f, "m", 10, &late);
    queue_received(f, "m", LAMBDA_QUEUE_FOREVER, &held);
    queue_fixture_advance(f, 10);
    /* One whose visibility is over waits, and is ended; the late receiver has its body until it is through. */
    assert_ok(f->lambda, f->queue.purge(f->queue.user, NULL, NULL, &count));
    assert_int_equal(count, 4);
    queue_assert_body(&late, "m");
    queue_assert_counts(f, 0, 0, 1);
    assert_fails(f->lambda, queue_acknowledge(f, &late), LAMBDA_ERROR_RESOURCE_NOT_FOUND, "");
    queue_fixture_advance(f, 2000);
    queue_nothing(f);
    assert_ok(f->lambda, queue_acknowledge(f, &held));
    queue_pushed(f, "next");
    queue_received(f, "next", LAMBDA_QUEUE_FOREVER, &held);
    queue_assert_counts(f, 0, 0, 1);
}

int queue_conformance_views(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(browsing_shows_all),
        QUEUE_TEST(purging_ends_those_chosen),
        QUEUE_TEST(purging_all),
    };
    return cmocka_run_group_tests_name("views", tests, NULL, NULL);
}
