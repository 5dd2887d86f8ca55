/* The Telemetry API where memory runs out, at each allocation in turn: nothing breaks or leaks, and each event is told or counted. */
#include <stdlib.h>
#include <string.h>

#include "telemetry_world.h"

static long fail_at; /* the allocation from now that fails; 0: none */
static bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
    if (fail_at == 0 || --fail_at > 0) return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static const char all_types[] = "[\"platform\",\"function\"]";

/** Ten events, and how many of them were told or said to be dropped. The subscription's own comes to it where it was possible. */
static void try_once(bool tcp, long at)
{
    world w;
    begin(&w);
    listener *l = add(&w, tcp);
    fail_at = at;
    int status = 0;
    for (int i = 0; i < 4; i++)
        say(&w, "before");
    status = subscribe(&w, "x", l, all_types, SOON);
    assert_true(status == 200 || status == 500);
    if (status == 500) {
        assert_non_null(strstr(w.answer, "out of memory"));
        assert_int_equal(subscribe(&w, "x", l, all_types, SOON), 200);
    }
    for (int i = 0; i < 5; i++)
        say(&w, "after");
    lambda__telemetry_event(w.telemetry, "platform.start", json_object());
    /* Nobody listens yet: so all of it is in the first batch. The thread allocates nothing while something is to fail. */
    flush(&w);
    flush(&w);
    fail_at = 0;
    listener_begin(l, NULL, 0, false);
    leap(&w);
    run_until(&w, listener_has(l, 0, "type"));
    flush(&w);
    lambda__telemetry_close(w.telemetry);
    w.telemetry = NULL;
    if (tcp) run_until(&w, !listener_is_connected(l));
    json_t *events = tcp ? all_lines(l) : all(l);
    json_int_t count = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *dropped = json_object_get(record_of(events, i), "droppedRecords");
        count += dropped ? json_integer_value(dropped) : 1;
    }
    assert_int_equal(count, 11);
    json_decref(events);
    finish(&w);
}

static void test_each_allocation(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        long at = 0;
        do {
            failed = false;
            try_once(tcp, ++at);
        } while (failed);
        assert_true(at > 25);
    }
}

static void test_nothing_opens(void **state)
{
    (void)state;
    lambda__loop loop;
    assert_int_equal(lambda__loop_open(&loop), 0);
    fail_at = 1;
    assert_null(lambda__telemetry_open(&loop));
    lambda__loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
        cmocka_unit_test(test_nothing_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
