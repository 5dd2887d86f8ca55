/* What a sandbox is to what runs in it: files, user, descriptors, and the ends of programs. */
#include "cage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static cage_world world;

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

/** Skips what this machine cannot do, saying so. */
static bool without_namespaces(void)
{
    if (world.limits->paths == LAMBDA_PROCESS_NAMESPACE) return false;
    print_message("no namespaces here: %s\n", world.limits->reason);
    return true;
}

static void test_limits_are_told(void **state)
{
    (void)state;
    print_message("memory %d cpu %d processes %d storage %d paths %d tree %d freeze %d identity %d endpoint %d: %s\n",
                  world.limits->memory, world.limits->cpu, world.limits->processes, world.limits->storage,
                  world.limits->paths, world.limits->tree, world.limits->freeze, world.limits->identity,
                  world.limits->endpoint, world.limits->reason);
    assert_int_not_equal(world.limits->memory, LAMBDA_PROCESS_NONE);
    assert_int_not_equal(world.limits->tree, LAMBDA_PROCESS_NONE);
    assert_int_not_equal(world.limits->freeze, LAMBDA_PROCESS_NONE);
    assert_int_not_equal(world.limits->storage, LAMBDA_PROCESS_NONE);
    bool all = world.limits->cpu && world.limits->processes && world.limits->paths && world.limits->identity &&
               world.limits->endpoint;
    assert_int_equal(all, world.limits->reason[0] == 0);
}

static void test_a_program(void **state)
{
    static test_cage cage;
    static test_run run;
    (void)state;
    cage_open(&world, &cage, 128, 16);
    int status = RUN(&cage, &run, "environment", "x", "");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    char expected[256];
    snprintf(expected, sizeof expected, "A=1\nB=two words\nargument x\nargument \ncwd %s\n",
             lambda__sandbox_task(cage.sandbox));
    assert_string_equal(run.output, expected);
    assert_false(lambda__program_runs(run.program));
    lambda__program_signal(run.program, SIGKILL);
    assert_int_equal(WEXITSTATUS(RUN(&cage, &run, "exit", "42")), 42);
    status = RUN(&cage, &run, "crash");
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    START(&cage, &run, "term");
    run_until(&run, "ready");
    assert_true(lambda__program_runs(run.program));
    lambda__program_signal(run.program, SIGTERM);
    assert_int_equal(WEXITSTATUS(run_finish(&run)), 7);
    assert_non_null(strstr(run.output, "terminated"));
    cage_close(&cage);
}

static void test_programs_that_cannot_be_started(void **state)
{
    static test_cage cage;
    static const char *const none[] = {"x", NULL};
    static const struct {
        const char *path;
        int error;
    } cases[] = {{"/var/task/missing", ENOENT}, {"/etc", EACCES}, {"/etc/passwd", EACCES}};
    lambda__program *program;
    int error;
    (void)state;
    cage_open(&world, &cage, 128, 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const lambda__program_options options = {
            .path = cases[i].path, .arguments = none, .environment = none + 1, .working_directory = "/"};
        assert_fails(world.lambda, lambda__program_start(cage.sandbox, &options, &program, &error),
                     LAMBDA_ERROR_SERVICE, cases[i].path);
        assert_int_equal(error, cases[i].error);
    }
    static char large[512 * 1024];
    memset(large, 'x', sizeof large - 1);
    const char *const much[] = {large, NULL};
    const lambda__program_options options = {
        .path = "/x", .arguments = none, .environment = much, .working_directory = "/"};
    assert_fails(world.lambda, lambda__program_start(cage.sandbox, &options, &program, &error), LAMBDA_ERROR_SERVICE,
                 "/x");
    static test_run run;
    assert_int_equal(RUN(&cage, &run, "exit"), 0);
    cage_close(&cage);
}

static void test_its_user(void **state)
{
    static test_cage cage;
    static test_run run;
    (void)state;
    cage_open(&world, &cage, 128, 16);
    assert_int_equal(RUN(&cage, &run, "identity"), 0);
    assert_non_null(strstr(run.output, "NoNewPrivs:\t1"));
    assert_non_null(strstr(run.output, "CapEff:\t0000000000000000"));
    assert_non_null(strstr(run.output, "CapPrm:\t0000000000000000"));
    assert_non_null(strstr(run.output, "SigBlk:\t0000000000000000"));
    assert_non_null(strstr(run.output, "SigIgn:\t0000000000000000"));
    assert_non_null(strstr(run.output, "sid 1 pid 1"));
    if (!without_namespaces()) assert_non_null(strstr(run.output, "host sandbox"));
    /* Lambda's user; or nobody, where a user namespace is not to be had, as in a chroot. */
    if (world.limits->identity == LAMBDA_PROCESS_NAMESPACE)
        assert_true(strstr(run.output, "uid 993 gid 990 ") || strstr(run.output, "uid 65534 gid 65534 groups 0"));
    /* What only the host's root may read is not for it. */
    assert_int_equal(RUN(&cage, &run, "look", "/etc/shadow"), 0);
    assert_true(strstr(run.output, "Permission denied") || strstr(run.output, "absent"));
    assert_int_equal(RUN(&cage, &run, "descriptors"), 0);
    assert_string_equal(run.output, "0 1 2 \nstdin 0\n");
    cage_close(&cage);
}

static void test_its_files(void **state)
{
    static test_cage cage;
    static test_run run;
    (void)state;
    if (without_namespaces()) skip();
    cage_open(&world, &cage, 128, 16);
    assert_string_equal(lambda__sandbox_task(cage.sandbox), "/var/task");
    assert_string_equal(lambda__sandbox_opt(cage.sandbox), "/opt");
    assert_string_equal(lambda__sandbox_tmp(cage.sandbox), "/tmp");
    assert_int_equal(RUN(&cage, &run, "look", "/var/task", "/opt", "/tmp", "/opt/layer.txt", "/", "/usr", "/root",
                         "/home", "/var/lib", "/sys", "/etc/hosts", "/dev/null", "/proc/self", "/proc/2",
                         world.directory),
                     0);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "/var/task there Read-only file system\n/opt there Read-only file system\n"
             "/tmp there writable\n/opt/layer.txt there a layer\n/ there Read-only file system\n"
             "/usr there Read-only file system\n/root absent\n/home absent\n/var/lib absent\n"
             "/sys absent\n/etc/hosts there 127.0.0.1 localhost localhost.localdomain sandbox sandbox.localdomain\n"
             "/dev/null there\n/proc/self there No such file or directory\n"
             "/proc/2 there No such file or directory\n%s absent\n",
             world.directory);
    assert_string_equal(run.output, expected);
    cage_close(&cage);
}

static void test_more_files(void **state)
{
    static test_cage cage = {.world = &world};
    static test_run run;
    (void)state;
    if (without_namespaces()) skip();
    const lambda__sandbox_bind binds[] = {{world.layers, "/srv/interpreter"}, {"/etc/hostname", "/srv/name"}, {0}};
    assert_int_equal(lambda__loop_open(&cage.loop), 0);
    lambda__sandbox_options options = {
        .task = world.code, .memory_mb = 128, .storage_mb = 16, .loop = &cage.loop, .binds = binds};
    assert_ok(world.lambda, lambda__sandbox_open(world.sandboxes, &options, &cage.sandbox));
    assert_int_equal(RUN(&cage, &run, "look", "/srv/interpreter/layer.txt", "/opt/layer.txt", "/opt"), 0);
    assert_string_equal(
        run.output,
        "/srv/interpreter/layer.txt there a layer\n/opt/layer.txt absent\n/opt there Read-only file system\n");
    lambda__sandbox_close(cage.sandbox);
    const lambda__sandbox_bind wrong[] = {{"/nowhere/at/all", "/srv/x"}, {0}};
    options.binds = wrong;
    assert_fails(world.lambda, lambda__sandbox_open(world.sandboxes, &options, &cage.sandbox), LAMBDA_ERROR_SERVICE,
                 "/nowhere/at/all");
    options.binds = NULL;
    options.task = "/nowhere";
    assert_fails(world.lambda, lambda__sandbox_open(world.sandboxes, &options, &cage.sandbox), LAMBDA_ERROR_SERVICE,
                 "/nowhere");
    lambda__loop_close(&cage.loop);
}

static void test_it_cannot_reach_out(void **state)
{
    static test_cage cage;
    static test_run run;
    (void)state;
    if (without_namespaces()) skip();
    cage_open(&world, &cage, 128, 16);
    assert_int_equal(RUN(&cage, &run, "attack"), 0);
    assert_non_null(strstr(run.output, "trace Operation not permitted"));
    assert_non_null(strstr(run.output, "descriptors Permission denied"));
    assert_non_null(strstr(run.output, "chroot Operation not permitted"));
    assert_non_null(strstr(run.output, "setuid "));
    assert_null(strstr(run.output, "setuid done"));
    assert_null(strstr(run.output, "hostname done"));
    assert_non_null(strstr(run.output, "survived"));
    assert_int_equal(RUN(&cage, &run, "exit"), 0);
    cage_close(&cage);
}

static void test_a_tmp_of_its_own(void **state)
{
    static test_cage cages[2];
    static test_run runs[2];
    char path[256];
    (void)state;
    cage_open(&world, &cages[0], 128, 16);
    cage_open(&world, &cages[1], 128, 16);
    snprintf(path, sizeof path, "%s/file", lambda__sandbox_tmp(cages[0].sandbox));
    assert_int_equal(RUN(&cages[0], &runs[0], "fill", path, "1"), 0);
    assert_int_equal(RUN(&cages[0], &runs[0], "look", path), 0);
    assert_non_null(strstr(runs[0].output, "there"));
    snprintf(path, sizeof path, "%s/file", lambda__sandbox_tmp(cages[1].sandbox));
    assert_int_equal(RUN(&cages[1], &runs[1], "look", path), 0);
    assert_non_null(strstr(runs[1].output, "absent"));
    cage_close(&cages[0]);
    cage_close(&cages[1]);
}

static bool is_quiet(void *user)
{
    return *(const uint64_t *)user < lambda__loop_now();
}

static void test_freezing(void **state)
{
    static test_cage cage;
    static test_run run;
    (void)state;
    cage_open(&world, &cage, 128, 16);
    START(&cage, &run, "tick");
    run_until(&run, "tick\ntick\ntick\n");
    lambda__sandbox_freeze(cage.sandbox);
    /* What was under way is read; then there is nothing for long. */
    uint64_t quiet = lambda__loop_now() + 100000000;
    cage_until(&cage, is_quiet, &quiet);
    size_t length = run.length;
    quiet = lambda__loop_now() + 200000000;
    cage_until(&cage, is_quiet, &quiet);
    assert_int_equal(run.length, length);
    lambda__sandbox_thaw(cage.sandbox);
    run.length = 0;
    memset(run.output, 0, sizeof run.output);
    run_until(&run, "tick\ntick\ntick\n");
    lambda__sandbox_freeze(cage.sandbox);
    cage_close(&cage);
    assert_int_equal(children(), 0);
}

static void test_closed_outputs(void **state)
{
    static test_cage cage;
    static test_run run;
    (void)state;
    cage_open(&world, &cage, 128, 16);
    START(&cage, &run, "close");
    run_until(&run, "ready");
    assert_true(lambda__program_runs(run.program));
    lambda__sandbox_kill(cage.sandbox);
    assert_int_equal(WTERMSIG(run_finish(&run)), SIGKILL);
    int error;
    lambda__program *program;
    static const char *const none[] = {"x", NULL};
    const lambda__program_options options = {
        .path = "/x", .arguments = none, .environment = none + 1, .working_directory = "/"};
    assert_fails(world.lambda, lambda__program_start(cage.sandbox, &options, &program, &error), LAMBDA_ERROR_SERVICE,
                 "/x");
    assert_int_equal(error, 0);
    cage_close(&cage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_are_told),
        cmocka_unit_test(test_a_program),
        cmocka_unit_test(test_programs_that_cannot_be_started),
        cmocka_unit_test(test_its_user),
        cmocka_unit_test(test_its_files),
        cmocka_unit_test(test_more_files),
        cmocka_unit_test(test_it_cannot_reach_out),
        cmocka_unit_test(test_a_tmp_of_its_own),
        cmocka_unit_test(test_freezing),
        cmocka_unit_test(test_closed_outputs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
