/* Many at once, from many threads; the helper dies under them. */
#include "cage.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { THREADS = 100 };

static cage_world world;
static pthread_barrier_t all_open;

/** Opens, waits until all are open, runs, closes. The status of what ran, or -1. */
static int live(bool together)
{
    lambda__loop loop;
    lambda__sandbox *sandbox;
    lambda__program *program;
    static const char *const arguments[] = {"many", "exit", "9", NULL};
    int status = -1;
    int error;
    if (lambda__loop_open(&loop) != 0) return -1;
    const lambda__sandbox_options options = {.task = world.code, .memory_mb = 128, .storage_mb = 16, .loop = &loop};
    bool opened = lambda__sandbox_open(world.sandboxes, &options, &sandbox) == LAMBDA_OK;
    if (together) pthread_barrier_wait(&all_open);
    if (opened) {
        char path[160];
        snprintf(path, sizeof path, "%s/child", lambda__sandbox_task(sandbox));
        const lambda__program_options start = {
            .path = path, .arguments = arguments, .environment = arguments + 3, .working_directory = "/"};
        if (lambda__program_start(sandbox, &start, &program, &error) == LAMBDA_OK) {
            uint64_t until = lambda__loop_now() + UINT64_C(30000000000);
            while (lambda__program_runs(program) && lambda__loop_now() < until)
                lambda__loop_run(&loop, until);
            status = lambda__program_runs(program) ? -1 : 0;
        }
        lambda__sandbox_close(sandbox);
    }
    lambda__loop_close(&loop);
    return status;
}

static void *run_one(void *user)
{
    *(int *)user = live(true);
    return NULL;
}

static void test_a_hundred(void **state)
{
    pthread_t threads[THREADS];
    int results[THREADS];
    struct rlimit files;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    cage_world_open(&world, 0);
    pthread_barrier_init(&all_open, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_one, &results[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(results[i], 0);
    pid_t helper = world.sandboxes->helper;
    pthread_barrier_destroy(&all_open);
    cage_world_close(&world);
    assert_int_equal(groups_of(helper), 0);
}

static void *run_many(void *user)
{
    (void)user;
    for (int i = 0; i < 20; i++)
        live(false);
    return NULL;
}

static void test_the_helper_dies_meanwhile(void **state)
{
    enum { FEW = 4, DEATHS = 5 };
    pthread_t threads[FEW];
    (void)state;
    cage_world_open(&world, 0);
    for (int i = 0; i < FEW; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, NULL), 0);
    for (int i = 0; i < DEATHS; i++) {
        live(false);
        pthread_mutex_lock(&world.sandboxes->lock);
        if (world.sandboxes->socket >= 0) kill(world.sandboxes->helper, SIGKILL);
        pthread_mutex_unlock(&world.sandboxes->lock);
    }
    for (int i = 0; i < FEW; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(live(false), 0);
    cage_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hundred),
        cmocka_unit_test(test_the_helper_dies_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
