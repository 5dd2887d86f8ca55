/* What a sandbox may have: memory, processor time, processes, files. */
#include "cage.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
    /* Memory that processes could share is memory too. */
    cage_open(&world, &cage, 64, 512);
    START(&cage, &run, "allocate", "100", "shared");
    assert_int_equal(WTERMSIG(run_finish(&run)), SIGKILL);
    assert_true(lambda__sandbox_out_of_memory(cage.sandbox));
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
    uint64_t most = lambda__sandbox_max_memory(cage.sandbox);
    assert_true(most == UINT64_MAX || most < UINT64_C(60) << 20);
    cage_close(&cage);
}

/** What its cgroup has in the file of the quota. */
static void read_quota(char text[64])
{
    char link[64];
    char path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", cage.sandbox->cpu);
    ssize_t length = readlink(link, path, sizeof path - 1);
    assert_true(length > 0);
    path[length] = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    length = read(fd, text, 63);
    assert_true(length > 0);
    text[length] = 0;
    close(fd);
}

/** Processor time in the init phase: a whole vCPU at least, or as much as memory stands for. */
static void test_processor_time_of_init(void **state)
{
    char before[64];
    char quota[64];
    static const struct {
        uint32_t memory_mb;
        long init, after; /* of a period of 20,000 us */
    } cases[] = {{128, 20000, 1447}, {1769, 20000, 20000}, {3538, 40000, 40000}, {64, 20000, 1000}};
    (void)state;
    if (world.limits->cpu == LAMBDA_PROCESS_NONE) skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cage_open(&world, &cage, cases[i].memory_mb, 16);
        assert_true(cage.sandbox->cpu >= 0);
        read_quota(before);
        assert_int_equal(strtol(before, NULL, 10), cases[i].init);
        int kept = dup(cage.sandbox->cpu);
        assert_true(kept >= 0);
        assert_ok(world.lambda, lambda__sandbox_limit_cpu(cage.sandbox));
        assert_int_equal(cage.sandbox->cpu, -1);
        cage.sandbox->cpu = kept; /* to see the file once more */
        read_quota(quota);
        assert_int_equal(strtol(quota, NULL, 10), cases[i].after);
        assert_ok(world.lambda, lambda__sandbox_limit_cpu(cage.sandbox));
        /* Once it was closed nothing is written. */
        assert_ok(world.lambda, lambda__sandbox_limit_cpu(cage.sandbox));
        cage_close(&cage);
    }
}

static void test_processor_time(void **state)
{
    (void)state;
    if (world.limits->cpu == LAMBDA_PROCESS_NONE) {
        print_message("processor time is not limited here: %s\n", world.limits->reason);
        skip();
    }
    cage_open(&world, &cage, 177, 16);
    /* More than its part while it begins; how much more depends on what else the machine does. */
    double share = 0;
    for (int i = 0; i < 50 && share < 0.2; i++) {
        assert_int_equal(RUN(&cage, &run, "spin", "200"), 0);
        share = strtod(run.output + strlen("share "), NULL);
    }
    print_message("%s", run.output);
    assert_true(share > 0.2);
    assert_ok(world.lambda, lambda__sandbox_limit_cpu(cage.sandbox));
    assert_int_equal(RUN(&cage, &run, "spin", "1000"), 0);
    share = strtod(run.output + strlen("share "), NULL);
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
        cmocka_unit_test(test_memory_within),
        cmocka_unit_test(test_memory_over),
        cmocka_unit_test(test_files_over),
        cmocka_unit_test(test_files_are_not_memory),
        cmocka_unit_test(test_processor_time),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_processor_time_of_init),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
