/* The host is killed with SIGKILL while functions run, wait and have children: nothing of them lives on, and nothing is left on disk and of cgroups once there is a next host. */
#include "process_world.h"

#include <dirent.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** The host that is killed: one function is idle, one has children, and one runs. */
static void be_killed(int told)
{
    process_world world;
    process_world_open(&world, NULL);
    process_world_create_misbehave(&world, "idle", NULL, 3000);
    process_world_create_misbehave(&world, "children", NULL, 3000);
    process_world_create_misbehave(&world, "busy", NULL, 600000);
    process_world_say(&world, "idle", "hello");
    process_world_say(&world, "children", "children");
    assert_ok(world.lambda, lambda_invoke_async(world.lambda, "busy", LAMBDA_JSON("\"stubborn\""), NULL, NULL));
    process_world_wait_log(&world, "stubborn");
    if (write(told, &world, sizeof(world)) != sizeof(world)) _exit(1);
    for (;;)
        pause();
}

/** Entries of a directory, and the name of one of them. */
static size_t entries_of(const char *path, char name[128])
{
    size_t count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(name, 128, "%.127s", entry->d_name);
        count++;
    }
    closedir(directory);
    return count;
}

static const char *groups_prefix;
static size_t groups;

static int count_group(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about;
    groups += kind == FTW_D && strncmp(path + walk->base, groups_prefix, strlen(groups_prefix)) == 0;
    return 0;
}

/** Cgroups whose names begin so, in all hierarchies. */
static size_t groups_of(const char *prefix)
{
    groups_prefix = prefix;
    groups = 0;
    nftw("/sys/fs/cgroup", count_group, 16, FTW_PHYS);
    return groups;
}

static bool has_groups(const process_world *world)
{
    lambda_process_limits limits;
    assert_ok(world->lambda, lambda_process_limits_get(world->process, &limits));
    const lambda_process_mechanism all[] = {limits.memory, limits.cpu, limits.processes, limits.freeze};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i] == LAMBDA_PROCESS_CGROUP_1 || all[i] == LAMBDA_PROCESS_CGROUP_2) return true;
    return false;
}

/** Kills the host, and its helper in the same moment or not; then nothing of them runs any more. */
static void kill_host(const process_world *world, pid_t host, pid_t helper, bool helper_too)
{
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, helper, 0), .events = POLLIN};
    assert_true(end.fd >= 0);
    if (helper_too) assert_int_equal(kill(helper, SIGSTOP), 0);
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(waitpid(host, NULL, 0), host);
    if (helper_too) assert_int_equal(kill(helper, SIGKILL), 0);
    assert_int_equal(poll(&end, 1, 20000), 1);
    close(end.fd);
    process_world_wait_ended(world);
    assert_int_equal(process_world_processes(world), 0);
}

static void killed(bool helper_too)
{
    int told[2];
    process_world world;
    char prefix[128], other[128];
    int helper = 0;
    assert_int_equal(pipe(told), 0);
    pid_t host = fork();
    assert_true(host >= 0);
    if (host == 0) be_killed(told[1]);
    close(told[1]);
    assert_int_equal(read(told[0], &world, sizeof(world)), sizeof(world));
    close(told[0]);
    /* Three bootstraps and ten children. */
    assert_true(process_world_processes(&world) >= 13);
    /* Directories and cgroups are named for the helper's process. */
    assert_int_equal(entries_of(world.environments, prefix), 1);
    assert_int_equal(sscanf(prefix, "lambda-sandbox-%*x-%d-", &helper), 1);
    size_t had = groups_of(prefix);
    kill_host(&world, host, helper, helper_too);
    process_world_begin_service(&world, NULL);
    assert_true(has_groups(&world) ? had >= 3 : had == 0);
    assert_int_equal(groups_of(prefix), 0);
    process_world_create_misbehave(&world, "next", NULL, 3000);
    process_world_say(&world, "next", "hello");
    process_world_answered(&world, "\"hello\"");
    /* There is what this one has, and nothing else. */
    assert_int_equal(entries_of(world.environments, other), 1);
    assert_string_not_equal(other, prefix);
    process_world_close(&world);
    assert_int_equal(groups_of(other), 0);
}

static void test_killed(void **state)
{
    (void)state;
    killed(false);
}

/* Nobody cleans up but the next host. */
static void test_killed_with_helper(void **state)
{
    (void)state;
    killed(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed), cmocka_unit_test(test_killed_with_helper)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
