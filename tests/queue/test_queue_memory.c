/* The queue in memory against its port: leases and late receivers, order against a model; by many threads in test_queue_threads. */
#include <stdio.h>
#include <stdlib.h>

#include "memory_fixture.h"

/* ---- leases */

static void a_late_receiver_reads_on_and_frees_nothing(void **state)
{
    (void)state;
    fixture f;
    open_queue(&f, NULL);
    lambda_queue_message late;
    lambda_queue_message next;
    lambda_queue_message other;
    assert_int_equal(push(&f, "first", 5, 1, 0), LAMBDA_OK);
    assert_int_equal(receive(&f, &late, 1, 10), 1);
    pass(&f, 10);
    assert_int_equal(receive(&f, &next, 1, 10), 1);
    assert_int_equal(next.receive_count, 2);
    assert_memory_equal(late.body.data, "first", 5);
    /* It was the only one of its chunk, and the chunk is open still: the late answer must not end it. */
    assert_int_equal(acknowledge(&f, &late, 1), NOT_FOUND);
    assert_int_equal(acknowledge(&f, &late, 1), NOT_FOUND);
    assert_int_equal(push(&f, "second", 6, 2, 0), LAMBDA_OK);
    assert_memory_equal(next.body.data, "first", 5);
    assert_int_equal(receive(&f, &other, 1, 10), 1);
    assert_memory_equal(other.body.data, "second", 6);
    assert_int_equal(f.queue.retry(f.queue.user, &next, 7, 0), LAMBDA_OK);
    assert_int_equal(f.queue.retry(f.queue.user, &next, 8, 0), NOT_FOUND);
    assert_int_equal(receive(&f, &next, 1, 10), 1);
    assert_int_equal(next.state, 7);
    assert_int_equal(next.receive_count, 3);
    assert_int_equal(acknowledge(&f, &next, 1), LAMBDA_OK);
    assert_int_equal(acknowledge(&f, &other, 1), LAMBDA_OK);
    lambda_queue_counts now = counts(&f);
    assert_int_equal(now.waiting + now.delayed + now.received, 0);
    close_queue(&f);
}

static void a_late_retry_changes_nothing(void **state)
{
    (void)state;
    fixture f;
    open_queue(&f, NULL);
    lambda_queue_message late[3];
    lambda_queue_message next[3];
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(push(&f, "abc", i, i, 0), LAMBDA_OK);
    assert_int_equal(receive(&f, late, 3, 10), 3);
    pass(&f, 10);
    assert_int_equal(f.queue.retry(f.queue.user, &late[1], 9, 5), NOT_FOUND);
    assert_int_equal(f.queue.extend(f.queue.user, late, 3, 100), NOT_FOUND);
    assert_int_equal(receive(&f, next, 3, 10), 3);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(next[i].state, i);
    /* One of them moves on while its late receiver still reads it where it was. */
    assert_int_equal(f.queue.retry(f.queue.user, &next[0], 5, 0), LAMBDA_OK);
    assert_memory_equal(late[2].body.data, "ab", 2);
    assert_int_equal(acknowledge(&f, next + 1, 2), LAMBDA_OK);
    assert_int_equal(acknowledge(&f, late, 3), NOT_FOUND);
    assert_int_equal(receive(&f, next, 3, LAMBDA_QUEUE_FOREVER), 1);
    assert_int_equal(next[0].state, 5);
    close_queue(&f);
}

static void extending_keeps_them(void **state)
{
    (void)state;
    fixture f;
    open_queue(&f, NULL);
    lambda_queue_message held[4];
    lambda_queue_message other[4];
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(push(&f, "x", 1, i, 0), LAMBDA_OK);
    assert_int_equal(receive(&f, held, 4, 10), 4);
    assert_int_equal(f.queue.next_due(f.queue.user), 10);
    pass(&f, 9);
    assert_int_equal(f.queue.extend(f.queue.user, held, 2, 100), LAMBDA_OK);
    pass(&f, 1);
    assert_int_equal(receive(&f, other, 4, LAMBDA_QUEUE_FOREVER), 2);
    assert_true(other[0].state >= 2 && other[1].state >= 2);
    assert_int_equal(f.queue.extend(f.queue.user, held, 4, LAMBDA_QUEUE_FOREVER), NOT_FOUND);
    pass(&f, 1000000);
    assert_int_equal(receive(&f, other + 2, 2, 10), 0);
    assert_int_equal(f.queue.next_due(f.queue.user), UINT64_MAX);
    assert_int_equal(acknowledge(&f, held, 2), LAMBDA_OK);
    assert_int_equal(acknowledge(&f, held + 2, 2), NOT_FOUND);
    assert_int_equal(acknowledge(&f, other, 2), LAMBDA_OK);
    close_queue(&f);
}

/* ---- against a model */

enum { ITEMS = 600, GONE = 0, WAITS, DELAYED, HELD };

typedef struct item {
    int standing;
    uint64_t word;
    uint64_t until; /* DELAYED, HELD */
    uint64_t due;   /* when it could be received first since it was given back */
    uint32_t receives;
    lambda_queue_message message;
} item;

typedef struct model {
    fixture f;
    uint64_t random;
    item items[ITEMS];
    size_t count;
    lambda_queue_message late[ITEMS * 4];
    size_t late_ids[ITEMS * 4];
    size_t late_count;
} model;

static uint64_t draw(model *m, uint64_t below)
{
    uint64_t mixed = m->random += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return (mixed ^ mixed >> 31) % below;
}

static uint64_t now_of(model *m)
{
    return atomic_load(&m->f.clock.monotonic);
}

/** Its number, again and again, as long as the number says. */
static size_t fill(size_t id, uint32_t *body)
{
    size_t words = 1 + id % 97 * (id % 13 == 0 ? 40 : 1);
    for (size_t i = 0; i < words; i++)
        body[i] = (uint32_t)id;
    return words * sizeof(*body);
}

static void check_body(const lambda_queue_message *message, size_t id)
{
    static uint32_t body[97 * 40 + 1];
    size_t length = fill(id, body);
    assert_int_equal(message->body.length, length);
    assert_memory_equal(message->body.data, body, length);
    assert_int_equal((uintptr_t)message->body.data % 16, 0);
}

static void settle_time(model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        item *each = &m->items[i];
        if (each->standing == DELAYED && each->until <= now_of(m)) each->standing = WAITS;
        if (each->standing != HELD || each->until > now_of(m)) continue;
        each->standing = WAITS;
        each->due = now_of(m);
        assert_true(m->late_count < ITEMS * 4);
        m->late_ids[m->late_count] = i;
        m->late[m->late_count++] = each->message;
    }
}

static void model_push(model *m)
{
    static uint32_t body[97 * 40 + 1];
    if (m->count == ITEMS) return;
    size_t id = m->count++;
    uint64_t delay = draw(m, 2) ? draw(m, 500) : 0;
    assert_int_equal(push(&m->f, body, fill(id, body), id, delay), LAMBDA_OK);
    m->items[id] = (item){.standing = delay ? DELAYED : WAITS, .word = id, .until = now_of(m) + delay};
    m->items[id].due = m->items[id].until;
}

static void model_receive(model *m)
{
    lambda_queue_message got[LAMBDA_QUEUE_RECEIVE_MAX];
    uint64_t visible = draw(m, 4) ? 1 + draw(m, 300) : LAMBDA_QUEUE_FOREVER;
    size_t waiting = 0;
    for (size_t i = 0; i < m->count; i++)
        waiting += m->items[i].standing == WAITS;
    size_t count = receive(&m->f, got, 1 + draw(m, 40), visible);
    assert_true(count > 0 || waiting == 0);
    for (size_t i = 0; i < count; i++) {
        size_t id = ((const uint32_t *)got[i].body.data)[0];
        assert_true(id < m->count);
        item *each = &m->items[id];
        assert_int_equal(each->standing, WAITS);
        assert_int_equal(got[i].state, each->word);
        assert_int_equal(got[i].receive_count, ++each->receives);
        check_body(&got[i], id);
        each->standing = HELD;
        each->until = visible == LAMBDA_QUEUE_FOREVER ? UINT64_MAX : now_of(m) + visible;
        each->message = got[i];
    }
}

/** One that is held, ITEMS if there is none. */
static size_t some_held(model *m)
{
    size_t start = m->count ? draw(m, m->count) : 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->items[(start + i) % m->count].standing == HELD) return (start + i) % m->count;
    return ITEMS;
}

static void model_end(model *m)
{
    size_t id = some_held(m);
    if (id == ITEMS) return;
    item *each = &m->items[id];
    check_body(&each->message, id);
    uint64_t what = draw(m, 3);
    if (what == 0) {
        assert_int_equal(acknowledge(&m->f, &each->message, 1), LAMBDA_OK);
        each->standing = GONE;
    } else if (what == 1) {
        uint64_t delay = draw(m, 300);
        each->word += 1000000;
        assert_int_equal(m->f.queue.retry(m->f.queue.user, &each->message, each->word, delay), LAMBDA_OK);
        each->standing = delay ? DELAYED : WAITS;
        each->due = each->until = now_of(m) + delay;
    } else {
        uint64_t visible = 1 + draw(m, 300);
        assert_int_equal(m->f.queue.extend(m->f.queue.user, &each->message, 1, visible), LAMBDA_OK);
        each->until = now_of(m) + visible;
    }
}

static void model_late(model *m)
{
    if (m->late_count == 0) return;
    size_t at = draw(m, m->late_count);
    lambda_queue_message message = m->late[at];
    check_body(&message, m->late_ids[at]);
    m->late_count--;
    m->late[at] = m->late[m->late_count];
    m->late_ids[at] = m->late_ids[m->late_count];
    lambda_status status =
        draw(m, 2) ? acknowledge(&m->f, &message, 1) : m->f.queue.retry(m->f.queue.user, &message, 1, 1);
    assert_int_equal(status, NOT_FOUND);
}

static bool seventh(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    model *m = user;
    size_t id = ((const uint32_t *)message->body.data)[0];
    item *each = &m->items[id];
    assert_int_equal(each->standing, standing == LAMBDA_QUEUE_DELAYED ? DELAYED : WAITS);
    assert_int_equal(due_ns, each->standing == DELAYED ? each->until - now_of(m) : 0);
    if (id % 7) return false;
    each->standing = GONE;
    return true;
}

static void model_purge(model *m)
{
    uint64_t expected = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < m->count; i += 7)
        expected += m->items[i].standing == WAITS || m->items[i].standing == DELAYED;
    assert_int_equal(m->f.queue.purge(m->f.queue.user, seventh, m, &count), LAMBDA_OK);
    assert_int_equal(count, expected);
}

typedef struct seen {
    model *m;
    size_t count;
} seen;

static bool look(void *user, const lambda_queue_message *message, lambda_queue_standing standing, uint64_t due_ns)
{
    seen *what = user;
    (void)due_ns;
    size_t id = ((const uint32_t *)message->body.data)[0];
    static const int standings[] = {WAITS, DELAYED, HELD};
    assert_int_equal(what->m->items[id].standing, standings[standing]);
    assert_int_equal(message->receipt, 0);
    check_body(message, id);
    what->count++;
    return true;
}

static void model_check(model *m)
{
    uint64_t expected[4] = {0};
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < m->count; i++) {
        const item *each = &m->items[i];
        expected[each->standing]++;
        if (each->standing == WAITS) first = now_of(m);
        if (each->standing != GONE && each->standing != WAITS && each->until < first) first = each->until;
    }
    lambda_queue_counts now = counts(&m->f);
    assert_int_equal(now.waiting, expected[WAITS]);
    assert_int_equal(now.delayed, expected[DELAYED]);
    assert_int_equal(now.received, expected[HELD]);
    seen what = {.m = m};
    assert_int_equal(m->f.queue.browse(m->f.queue.user, look, &what), LAMBDA_OK);
    assert_int_equal(what.count, expected[WAITS] + expected[DELAYED] + expected[HELD]);
    /* It may say too early, never too late. */
    uint64_t due = m->f.queue.next_due(m->f.queue.user);
    assert_true(first == UINT64_MAX || due <= first - now_of(m));
}

static void random_steps_do_as_the_model_says(void **state)
{
    (void)state;
    static model m;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        memset(&m, 0, sizeof(m));
        m.random = seed;
        open_queue(&m.f, NULL);
        print_message("seed %d\n", (int)seed);
        for (int step = 0; step < 3000; step++) {
            uint64_t what = draw(&m, 100);
            if (what < 20)
                model_push(&m);
            else if (what < 35)
                model_receive(&m);
            else if (what < 70)
                model_end(&m);
            else if (what < 82)
                model_late(&m);
            else if (what < 84)
                model_purge(&m);
            else
                pass(&m.f, draw(&m, 60));
            settle_time(&m);
            if (step % 10 == 0) model_check(&m);
        }
        model_check(&m);
        close_queue(&m.f);
    }
}

static void delayed_ones_come_in_the_order_of_their_times(void **state)
{
    (void)state;
    static model m;
    lambda_queue_message got[1];
    m = (model){.random = 42};
    open_queue(&m.f, NULL);
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 1000; i++) {
            uint64_t delay = 1 + draw(&m, 400);
            assert_int_equal(push(&m.f, "x", 1, now_of(&m) + delay, delay), LAMBDA_OK);
        }
        uint64_t last = 0;
        for (size_t left = 1000; left > 0; left--) {
            uint64_t due = m.f.queue.next_due(m.f.queue.user);
            assert_int_equal(receive(&m.f, got, due > 0, 1), 0);
            pass(&m.f, due);
            assert_int_equal(receive(&m.f, got, 1, LAMBDA_QUEUE_FOREVER), 1);
            assert_true(got[0].state >= last && got[0].state == now_of(&m));
            last = got[0].state;
            assert_int_equal(acknowledge(&m.f, got, 1), LAMBDA_OK);
        }
    }
    close_queue(&m.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_receiver_reads_on_and_frees_nothing),
        cmocka_unit_test(a_late_retry_changes_nothing),
        cmocka_unit_test(extending_keeps_them),
        cmocka_unit_test(random_steps_do_as_the_model_says),
        cmocka_unit_test(delayed_ones_come_in_the_order_of_their_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
