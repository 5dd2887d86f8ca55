/* The host is killed with SIGKILL while functions run, wait and have children: nothing of them lives on, and nothing is left on disk once there is a next host. */
#include "process_world.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

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
    if (write(told, &world, sizeof(world)) != sizeof(world)) _exit(1);
    process_world_say(&world, "busy", "stubborn");
    _exit(2);
}

static size_t entries_of(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void test_killed(void **state)
{
    (void)state;
    int told[2];
    process_world world;
    assert_int_equal(pipe(told), 0);
    pid_t host = fork();
    assert_true(host >= 0);
    if (host == 0) be_killed(told[1]);
    assert_int_equal(read(told[0], &world, sizeof(world)), sizeof(world));
    /* Its third function starts now; when it runs there are three bootstraps and ten children. */
    uint64_t end = now_ms() + 20000;
    while (process_world_processes(&world) < 13) {
        assert_true(now_ms() < end);
        usleep(2000);
    }
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(waitpid(host, NULL, 0), host);
    end = now_ms() + 10000;
    while (process_world_processes(&world) > 0) {
        assert_true(now_ms() < end);
        usleep(2000);
    }
    process_world_begin_service(&world, NULL);
    process_world_create_misbehave(&world, "next", NULL, 3000);
    process_world_say(&world, "next", "hello");
    process_world_answered(&world, "\"hello\"");
    /* There is what this one has, and nothing else. */
    assert_int_equal(entries_of(world.environments), 1);
    close(told[0]);
    close(told[1]);
    process_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
