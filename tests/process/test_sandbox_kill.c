/* Ends: of what ignores signals, forks away or is stopped; of the helper; of the host. Nothing stays. */
#include "cage.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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

static void test_close_kills_all(void **state)
{
    static const char *const verbs[] = {"ignore", "stop", "tick", "close"};
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        cage_open(&world, &cage, 256, 16);
        START(&cage, &run, verbs[i]);
        run_until(&run, i == 2 ? "tick" : "ready");
        assert_true(children() > 0);
        lambda__program_signal(run.program, SIGTERM);
        cage_close(&cage);
        assert_int_equal(children(), 0);
    }
    cage_open(&world, &cage, 256, 16);
    START(&cage, &run, "leave", "20", "stay");
    run_until(&run, "ready");
    assert_true(children() >= 20);
    cage_close(&cage);
    assert_int_equal(children(), 0);
}

static void test_children_left_behind(void **state)
{
    (void)state;
    cage_open(&world, &cage, 256, 16);
    START(&cage, &run, "leave", "3");
    run_until(&run, "orphan\norphan\norphan\n");
    while (!run.exited)
        assert_int_equal(lambda__loop_run(&cage.loop, UINT64_MAX), 0);
    assert_int_equal(run.status, 0);
    /* They hold its outputs, and live on until the sandbox is killed. */
    assert_int_equal(children(), 3);
    lambda__sandbox_kill(cage.sandbox);
    assert_int_equal(run_finish(&run), 0);
    cage_close(&cage);
    assert_int_equal(children(), 0);
}

static void test_kill_tells_each_program(void **state)
{
    static test_run runs[5];
    (void)state;
    cage_open(&world, &cage, 256, 16);
    for (int i = 0; i < 5; i++)
        START(&cage, &runs[i], "ignore");
    lambda__sandbox_freeze(cage.sandbox);
    lambda__sandbox_kill(cage.sandbox);
    for (int i = 0; i < 5; i++)
        assert_int_equal(WTERMSIG(run_finish(&runs[i])), SIGKILL);
    lambda__sandbox_freeze(cage.sandbox);
    lambda__sandbox_thaw(cage.sandbox);
    lambda__sandbox_kill(cage.sandbox);
    cage_close(&cage);
}

/** The helper's pid is in its directory's name: lambda-sandbox-NAMESPACE-PID-START. */
static pid_t helper_of(void)
{
    return world.sandboxes->helper;
}

static void test_the_helper_is_killed(void **state)
{
    static test_cage other;
    static test_run other_run;
    (void)state;
    for (int round = 0; round < 3; round++) {
        pid_t helper = helper_of();
        cage_open(&world, &cage, 256, 16);
        START(&cage, &run, "ignore");
        run_until(&run, "ready");
        assert_int_equal(kill(helper, SIGKILL), 0);
        assert_int_equal(WTERMSIG(run_finish(&run)), SIGKILL);
        wait_for(no_children, NULL);
        if (round == 0) cage_close(&cage);
        cage_open(&world, &other, 256, 16);
        assert_int_not_equal(helper_of(), helper);
        assert_int_equal(RUN(&other, &other_run, "exit", "3"), 3 << 8);
        cage_close(&other);
        if (round != 0) cage_close(&cage);
        assert_int_equal(groups_of(helper), 0);
    }
}

/** What a host does that will be killed. Tells its helper's pid. */
_Noreturn static void be_host(int told, bool frozen)
{
    static test_cage cages[3];
    static test_run runs[3];
    const lambda_process_options options = {.directory = world.directory, .best_effort = true};
    world.lambda = test_open(NULL);
    if (lambda__sandboxes_open(world.lambda, &options, &world.sandboxes) != LAMBDA_OK) _exit(1);
    for (int i = 0; i < 3; i++) {
        cage_open(&world, &cages[i], 256, 16);
        START(&cages[i], &runs[i], "leave", "4", "stay");
        run_until(&runs[i], "ready");
        if (frozen) lambda__sandbox_freeze(cages[i].sandbox);
    }
    pid_t helper = world.sandboxes->helper;
    if (write(told, &helper, sizeof helper) != (ssize_t)sizeof helper) _exit(1);
    for (;;)
        pause();
}

static bool is_gone(void *user)
{
    return kill(*(const pid_t *)user, 0) != 0 && errno == ESRCH;
}

static void kill_a_host(bool frozen, bool helper_too)
{
    int told[2];
    pid_t helper = 0;
    int entries = entries_of(world.directory);
    assert_int_equal(pipe(told), 0);
    pid_t host = fork();
    assert_true(host >= 0);
    if (host == 0) be_host(told[1], frozen);
    close(told[1]);
    assert_int_equal(read(told[0], &helper, sizeof helper), sizeof helper);
    close(told[0]);
    assert_true(children() >= 15);
    if (helper_too) kill(helper, SIGKILL);
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(waitpid(host, NULL, 0), host);
    wait_for(is_gone, &helper);
    if (!helper_too || world.limits->tree == LAMBDA_PROCESS_NAMESPACE) wait_for(no_children, NULL);
    if (!helper_too) {
        assert_int_equal(groups_of(helper), 0);
        assert_int_equal(entries_of(world.directory), entries);
        return;
    }
    /* The next one to open sweeps behind it, and leaves alone what is another's that lives. */
    lambda__sandboxes *next;
    const lambda_process_options options = {.directory = world.directory, .best_effort = true};
    cage_open(&world, &cage, 256, 16);
    START(&cage, &run, "tick");
    assert_ok(world.lambda, lambda__sandboxes_open(world.lambda, &options, &next));
    run_until(&run, "tick");
    assert_int_equal(groups_of(helper), 0);
    lambda__sandboxes_close(next);
    cage_close(&cage);
    wait_for(no_children, NULL);
    assert_int_equal(entries_of(world.directory), entries);
}

static void test_the_host_is_killed(void **state)
{
    (void)state;
    kill_a_host(false, false);
    kill_a_host(true, false);
}

static void test_host_and_helper_are_killed(void **state)
{
    (void)state;
    kill_a_host(false, true);
    kill_a_host(true, true);
}

static void test_no_descriptors(void **state)
{
    struct rlimit before;
    struct rlimit few;
    lambda__sandbox *sandbox;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    cage_open(&world, &cage, 256, 16);
    const lambda__sandbox_options options = {
        .task = world.code, .memory_mb = 256, .storage_mb = 16, .loop = &cage.loop};
    int opened = 0;
    int next = dup(0);
    close(next);
    for (int room = 0; room < 12; room++) {
        few = before;
        few.rlim_cur = (rlim_t)(next + room);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        lambda_status status = lambda__sandbox_open(world.sandboxes, &options, &sandbox);
        if (status == LAMBDA_OK) {
            opened++;
            lambda__sandbox_close(sandbox);
        } else {
            assert_int_equal(status, LAMBDA_ERROR_SERVICE);
            assert_int_equal(opened, 0);
        }
    }
    assert_true(opened > 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(RUN(&cage, &run, "exit"), 0);
    cage_close(&cage);
}

static void test_a_directory_that_cannot_be_written(void **state)
{
    lambda__sandboxes *sandboxes;
    (void)state;
    const lambda_process_options wrong[] = {{.directory = "/proc/self"}, {.directory = "/nowhere"}};
    for (size_t i = 0; i < 2; i++)
        assert_fails(world.lambda, lambda__sandboxes_open(world.lambda, &wrong[i], &sandboxes), LAMBDA_ERROR_SERVICE,
                     wrong[i].directory);
    const lambda_process_options relative = {.directory = "here"};
    assert_fails(world.lambda, lambda__sandboxes_open(world.lambda, &relative, &sandboxes),
                 LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_kills_all),         cmocka_unit_test(test_children_left_behind),
        cmocka_unit_test(test_kill_tells_each_program), cmocka_unit_test(test_the_helper_is_killed),
        cmocka_unit_test(test_the_host_is_killed),      cmocka_unit_test(test_host_and_helper_are_killed),
        cmocka_unit_test(test_no_descriptors),          cmocka_unit_test(test_a_directory_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
