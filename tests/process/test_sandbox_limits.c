/* What a sandbox may have: memory, processor time, processes, files. */
#include "cage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static cage_world world;
static test_cage cage;
static test_run run;

static int set_up(void **state)
{
    (void)state;
    cage_world_open(&world, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cage_world_close(&world);
    return 0;
}

static void test_memory_within(void **state)
{
    (void)state;
    cage_open(&world, &cage, 256, 16);
    uint64_t before = lambda__sandbox_max_memory(cage.sandbox);
    START(&cage, &run, "allocate", "100");
    run_until(&run, "ready");
    while (lambda__sandbox_max_memory(cage.sandbox) == UINT64_MAX)
        assert_true(lambda__sandbox_look(cage.sandbox));
    uint64_t after = lambda__sandbox_max_memory(cage.sandbox);
    assert_true(before == UINT64_MAX || before < UINT64_C(60) << 20);
    /* The kernel's counts of a process may lag behind by some pages a thread. */
    assert_in_range(after, UINT64_C(95) << 20, UINT64_C(160) << 20);
    assert_false(lambda__sandbox_out_of_memory(cage.sandbox));
    assert_true(lambda__sandbox_look(cage.sandbox));
    cage_close(&cage);
}

static void test_memory_over(void **state)
{
    (void)state;
    /* More than memory alone, less than with what /tmp may have: seen by looking. */
    cage_open(&world, &cage, 64, 512);
    START(&cage, &run, "allocate", "100");
    assert_int_equal(WTERMSIG(run_finish(&run)), SIGKILL);
    assert_true(lambda__sandbox_out_of_memory(cage.sandbox));
    assert_false(lambda__sandbox_look(cage.sandbox));
    cage_close(&cage);
    /* More than all: the kernel's. */
    cage_open(&world, &cage, 64, 16);
    int status = RUN(&cage, &run, "allocate", "1000");
    if (world.limits->memory == LAMBDA_PROCESS_RLIMIT) {
        assert_string_equal(run.output, "no memory\n");
    } else {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        assert_true(lambda__sandbox_out_of_memory(cage.sandbox));
    }
    cage_close(&cage);
}

static void test_files_over(void **state)
{
    char path[256];
    (void)state;
    cage_open(&world, &cage, 512, 20);
    snprintf(path, sizeof path, "%s/large", lambda__sandbox_tmp(cage.sandbox));
    if (world.limits->storage == LAMBDA_PROCESS_FILESYSTEM) {
        assert_int_equal(RUN(&cage, &run, "fill", path, "40"), 0);
        assert_string_equal(run.output, "wrote 20 No space left on device\n");
        assert_true(lambda__sandbox_look(cage.sandbox));
    } else {
        START(&cage, &run, "fill", path, "40", "stay");
        assert_int_equal(WTERMSIG(run_finish(&run)), SIGKILL);
        assert_false(lambda__sandbox_look(cage.sandbox));
        assert_false(lambda__sandbox_out_of_memory(cage.sandbox));
    }
    cage_close(&cage);
}

static void test_files_are_not_memory(void **state)
{
    char path[256];
    (void)state;
    cage_open(&world, &cage, 64, 128);
    snprintf(path, sizeof path, "%s/large", lambda__sandbox_tmp(cage.sandbox));
    START(&cage, &run, "fill", path, "100", "stay");
    run_until(&run, "wrote 100 all");
    assert_true(lambda__sandbox_look(cage.sandbox));
    assert_false(lambda__sandbox_out_of_memory(cage.sandbox));
    cage_close(&cage);
}

static void test_processor_time(void **state)
{
    (void)state;
    if (world.limits->cpu == LAMBDA_PROCESS_NONE) {
        print_message("processor time is not limited here: %s\n", world.limits->reason);
        skip();
    }
    cage_open(&world, &cage, 177, 16);
    assert_int_equal(RUN(&cage, &run, "spin", "1000"), 0);
    double share = strtod(run.output + strlen("share "), NULL);
    print_message("%s", run.output);
    /* A tenth of a processor at 177 MB of 1,769. */
    assert_true(share > 0.02 && share < 0.16);
    cage_close(&cage);
}

static void test_processes(void **state)
{
    (void)state;
    if (world.limits->processes == LAMBDA_PROCESS_NONE) {
        print_message("processes are not limited here: %s\n", world.limits->reason);
        skip();
    }
    cage_open(&world, &cage, 1769, 16);
    START(&cage, &run, "bomb");
    run_until(&run, "full");
    int count = children();
    print_message("%d processes\n", count);
    assert_in_range(count, 1, 1024);
    cage_close(&cage);
    wait_for(no_children, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_within),  cmocka_unit_test(test_memory_over),
        cmocka_unit_test(test_files_over),     cmocka_unit_test(test_files_are_not_memory),
        cmocka_unit_test(test_processor_time), cmocka_unit_test(test_processes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
