/* The same without what a machine may lack: namespaces, cgroups of one version or of both, root. */
#include "cage.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static cage_world world;
static test_cage cage;
static test_run run;

static void print_limits(const char *what)
{
    print_message("%s: memory %d cpu %d processes %d storage %d paths %d tree %d freeze %d identity %d: %s\n", what,
                  world.limits->memory, world.limits->cpu, world.limits->processes, world.limits->storage,
                  world.limits->paths, world.limits->tree, world.limits->freeze, world.limits->identity,
                  world.limits->reason);
}

static bool is_quiet(void *user)
{
    return *(const uint64_t *)user < lambda__loop_now();
}

/** What must hold whatever there is. */
static void use(void)
{
    char path[256];
    cage_open(&world, &cage, 128, 16);
    assert_int_equal(RUN(&cage, &run, "exit", "5"), 5 << 8);
    assert_int_equal(RUN(&cage, &run, "descriptors"), 0);
    assert_string_equal(run.output, "0 1 2 \nstdin 0\n");
    assert_int_equal(RUN(&cage, &run, "identity"), 0);
    assert_non_null(strstr(run.output, "CapEff:\t0000000000000000"));
    assert_non_null(strstr(run.output, "NoNewPrivs:\t1"));
    assert_int_equal(RUN(&cage, &run, "look", lambda__sandbox_tmp(cage.sandbox), lambda__sandbox_task(cage.sandbox)),
                     0);
    assert_non_null(strstr(run.output, "writable"));
    /* It is stopped, goes on, and hears its signals. */
    START(&cage, &run, "tick");
    run_until(&run, "tick\ntick\n");
    lambda__sandbox_freeze(cage.sandbox);
    uint64_t quiet = lambda__loop_now() + 100000000;
    cage_until(&cage, is_quiet, &quiet);
    size_t length = run.length;
    quiet = lambda__loop_now() + 100000000;
    cage_until(&cage, is_quiet, &quiet);
    assert_int_equal(run.length, length);
    lambda__sandbox_thaw(cage.sandbox);
    lambda__program_signal(run.program, SIGTERM);
    assert_int_equal(WTERMSIG(run_finish(&run)), SIGTERM);
    /* Everything dies, also what left its parents, and what is frozen. */
    for (int frozen = 0; frozen < 2; frozen++) {
        START(&cage, &run, "leave", "5", "stay");
        run_until(&run, "ready");
        assert_int_equal(children(), 6);
        if (frozen) lambda__sandbox_freeze(cage.sandbox);
        cage_close(&cage);
        wait_for(no_children, NULL);
        cage_open(&world, &cage, 128, 16);
    }
    /* Memory and files have their limits. */
    START(&cage, &run, "allocate", "200");
    assert_int_equal(WTERMSIG(run_finish(&run)), SIGKILL);
    assert_true(lambda__sandbox_out_of_memory(cage.sandbox));
    uint64_t most = lambda__sandbox_max_memory(cage.sandbox);
    assert_in_range(most, UINT64_C(64) << 20, UINT64_C(256) << 20);
    cage_close(&cage);
    cage_open(&world, &cage, 128, 16);
    START(&cage, &run, "allocate", "200", "shared");
    assert_int_equal(WTERMSIG(run_finish(&run)), SIGKILL);
    assert_true(lambda__sandbox_out_of_memory(cage.sandbox));
    cage_close(&cage);
    cage_open(&world, &cage, 512, 16);
    snprintf(path, sizeof path, "%s/large", lambda__sandbox_tmp(cage.sandbox));
    START(&cage, &run, "fill", path, "40", "stay");
    if (world.limits->storage == LAMBDA_PROCESS_FILESYSTEM)
        run_until(&run, "wrote 16");
    else
        assert_int_equal(WTERMSIG(run_finish(&run)), SIGKILL);
    cage_close(&cage);
    wait_for(no_children, NULL);
    if (world.limits->processes == LAMBDA_PROCESS_NONE) return;
    cage_open(&world, &cage, 1769, 16);
    START(&cage, &run, "bomb");
    run_until(&run, "full");
    cage_close(&cage);
    wait_for(no_children, NULL);
}

static void with(unsigned without, const char *what)
{
    cage_world_open(&world, without);
    print_limits(what);
    use();
    cage_world_close(&world);
}

static void test_without_a_user_namespace(void **state)
{
    (void)state;
    with(LAMBDA__WITHOUT_USER_NAMESPACE, "no user namespace");
}

static void test_without_cgroups(void **state)
{
    (void)state;
    with(LAMBDA__WITHOUT_CGROUP_1, "no cgroups of version 1");
    with(LAMBDA__WITHOUT_CGROUP_2, "no cgroups of version 2");
    with(LAMBDA__WITHOUT_CGROUP_1 | LAMBDA__WITHOUT_CGROUP_2, "no cgroups");
}

static void test_without_namespaces(void **state)
{
    (void)state;
    with(LAMBDA__WITHOUT_NAMESPACES, "no namespaces");
    with(LAMBDA__WITHOUT_NAMESPACES | LAMBDA__WITHOUT_CGROUP_2, "no namespaces, no cgroups of version 2");
    with(LAMBDA__WITHOUT_NAMESPACES | LAMBDA__WITHOUT_CGROUP_1 | LAMBDA__WITHOUT_CGROUP_2, "nothing");
}

static void test_without_a_spare(void **state)
{
    (void)state;
    with(LAMBDA__WITHOUT_SPARE, "no spare child");
}

static void test_what_is_refused(void **state)
{
    lambda__sandboxes *strict;
    lambda__sandbox *sandbox;
    lambda__loop loop;
    (void)state;
    cage_world_open(&world, LAMBDA__WITHOUT_CGROUP_1 | LAMBDA__WITHOUT_CGROUP_2);
    const lambda_process_options options = {.directory = world.directory};
    assert_ok(world.lambda, lambda__sandboxes_open(world.lambda, &options, &strict));
    assert_int_equal(lambda__sandboxes_limits(strict)->cpu, LAMBDA_PROCESS_NONE);
    assert_string_not_equal(lambda__sandboxes_limits(strict)->reason, "");
    assert_int_equal(lambda__loop_open(&loop), 0);
    const lambda__sandbox_options wanted = {.task = world.code, .memory_mb = 128, .storage_mb = 16, .loop = &loop};
    assert_fails(world.lambda, lambda__sandbox_open(strict, &wanted, &sandbox), LAMBDA_ERROR_SERVICE, "best_effort");
    lambda__loop_close(&loop);
    lambda__sandboxes_close(strict);
    cage_world_close(&world);
}

/** As a user without privileges, in a process of its own. */
static void as_nobody(unsigned without, const char *what)
{
    int status;
    if (geteuid() != 0) {
        print_message("not root: the other tests are run so already\n");
        skip();
    }
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (setgroups(0, NULL) != 0 || setgid(12345) != 0 || setuid(12345) != 0) _exit(1);
        with(without, what);
        fflush(stdout);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_an_unprivileged_host(void **state)
{
    (void)state;
    as_nobody(0, "user");
    as_nobody(LAMBDA__WITHOUT_USER_NAMESPACE, "user, no user namespace");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_user_namespace), cmocka_unit_test(test_without_cgroups),
        cmocka_unit_test(test_without_namespaces),       cmocka_unit_test(test_without_a_spare),
        cmocka_unit_test(test_what_is_refused),          cmocka_unit_test(test_an_unprivileged_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
