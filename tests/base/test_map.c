/* The map: against what it must hold, without memory, and read beside its writer. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"

typedef struct item {
    lambda__map_entry entry;
    char name[24];
} item;

static test_memory memory;
static lambda__base *base;

static int open_base(void **state)
{
    (void)state;
    base = calloc(1, sizeof(*base));
    memory = (test_memory){0};
    lambda_allocator allocator = test_allocator(&memory);
    return !base || lambda__base_open(base, &allocator, &(lambda_clock){0}, &(lambda_random){0},
                                      &(lambda_executor){0}) != LAMBDA_OK;
}

static int close_base(void **state)
{
    (void)state;
    lambda__base_close(base);
    free(base);
    return memory.live != 0;
}

static item *make(int i)
{
    item *made = calloc(1, sizeof(*made));
    assert_non_null(made);
    made->entry.name_length = (size_t)snprintf(made->name, sizeof(made->name), "name-%d", i);
    return made;
}

static item *find(lambda__map *map, int i)
{
    char name[24];
    int length = snprintf(name, sizeof(name), "name-%d", i);
    return (item *)lambda__map_find(map, name, (size_t)length);
}

static void holds_what_was_added(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    lambda__map map = {.key = 7, .name_offset = offsetof(item, name)};
    static item *items[COUNT];
    assert_null(find(&map, 1));
    for (int i = 0; i < COUNT; i++) {
        items[i] = make(i);
        assert_true(lambda__map_insert(base, &map, &items[i]->entry));
    }
    for (int i = 0; i < COUNT; i += 2)
        lambda__map_remove(&map, &items[i]->entry);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(find(&map, i), i % 2 ? items[i] : NULL);
    /* Graves go when the table is made anew: adding and removing for ever does not fill it. */
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < COUNT; i += 2)
            assert_true(lambda__map_insert(base, &map, &items[i]->entry));
        for (int i = 0; i < COUNT; i += 2)
            lambda__map_remove(&map, &items[i]->entry);
    }
    assert_int_equal(map.count, COUNT / 2);
    assert_true(memory.bytes < 16 * 4 * COUNT);
    for (int i = 0; i < COUNT; i++)
        free(items[i]);
    lambda__map_clear(base, &map);
}

static void without_memory_stays_as_it_was(void **state)
{
    (void)state;
    lambda__map map = {.key = 7, .name_offset = offsetof(item, name)};
    item *items[200];
    int refused = 0;
    for (int i = 0; i < 200; i++) {
        items[i] = make(i);
        memory.requests = 0;
        memory.fail_at = 1;
        if (!lambda__map_insert(base, &map, &items[i]->entry)) {
            refused++;
            assert_null(find(&map, i));
            if (i > 0) assert_ptr_equal(find(&map, i - 1), items[i - 1]);
            memory.fail_at = 0;
            assert_true(lambda__map_insert(base, &map, &items[i]->entry));
        }
        memory.fail_at = 0;
    }
    assert_true(refused >= 4);
    for (int i = 0; i < 200; i++) {
        assert_ptr_equal(find(&map, i), items[i]);
        free(items[i]);
    }
    lambda__map_clear(base, &map);
}

static lambda__map shared = {.key = 7, .name_offset = offsetof(item, name)};
static _Atomic bool stop;

/** Looks for names that come and go, and for one that always is there. */
static void *reader(void *user)
{
    (void)user;
    lambda__thread *thread = lambda__thread_get(base);
    while (!atomic_load(&stop)) {
        for (int i = 0; i < 64; i++) {
            lambda__read_begin(thread);
            item *seen = find(&shared, i);
            bool whole = !seen || strncmp(seen->name, "name-", 5) == 0;
            bool steady = find(&shared, 9999) != NULL;
            lambda__read_end(thread);
            if (!steady || !whole) return (void *)1;
        }
    }
    return NULL;
}

static void is_read_beside_its_writer(void **state)
{
    (void)state;
    pthread_t threads[2];
    item *steady = make(9999);
    assert_true(lambda__map_insert(base, &shared, &steady->entry));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, NULL), 0);
    for (int round = 0; round < 200; round++) {
        item *items[64];
        for (int i = 0; i < 64; i++) {
            items[i] = make(i);
            assert_true(lambda__map_insert(base, &shared, &items[i]->entry));
        }
        for (int i = 0; i < 64; i++)
            lambda__map_remove(&shared, &items[i]->entry);
        lambda__grace_wait(base);
        for (int i = 0; i < 64; i++)
            free(items[i]);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++) {
        void *lost = NULL;
        pthread_join(threads[i], &lost);
        assert_null(lost);
    }
    free(steady);
    lambda__map_clear(base, &shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(holds_what_was_added, open_base, close_base),
        cmocka_unit_test_setup_teardown(without_memory_stays_as_it_was, open_base, close_base),
        cmocka_unit_test_setup_teardown(is_read_beside_its_writer, open_base, close_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
