#include "cage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Tests run beside each other. */
static char child_name[32];

static const uint64_t LONGEST_NS = UINT64_C(30000000000);

static void copy(const char *from, const char *to)
{
    char bytes[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t got; (got = read(in, bytes, sizeof bytes)) > 0;)
        assert_int_equal(write(out, bytes, (size_t)got), got);
    close(in);
    close(out);
}

void cage_world_open(cage_world *world, unsigned without)
{
    char path[160];
    *world = (cage_world){.directory = "/tmp/sandbox-test-XXXXXX"};
    snprintf(child_name, sizeof child_name, "child-%d", (int)getpid());
    assert_non_null(mkdtemp(world->directory));
    assert_int_equal(chmod(world->directory, 0755), 0);
    snprintf(world->code, sizeof world->code, "%s/code", world->directory);
    snprintf(world->layers, sizeof world->layers, "%s/layers", world->directory);
    assert_int_equal(mkdir(world->code, 0755), 0);
    assert_int_equal(mkdir(world->layers, 0755), 0);
    snprintf(path, sizeof path, "%s/child", world->code);
    assert_non_null(getenv("TEST_CHILD"));
    copy(getenv("TEST_CHILD"), path);
    snprintf(path, sizeof path, "%s/layer.txt", world->layers);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "a layer", 7), 7);
    close(fd);
    world->lambda = test_open(NULL);
    lambda__sandboxes_without = without;
    const lambda_process_options options = {.directory = world->directory, .best_effort = true};
    assert_ok(world->lambda, lambda__sandboxes_open(world->lambda, &options, &world->sandboxes));
    world->limits = lambda__sandboxes_limits(world->sandboxes);
}

static int remove_one(const char *path, const struct stat *what, int type, struct FTW *where)
{
    (void)what;
    (void)type;
    (void)where;
    return remove(path);
}

void cage_world_close(cage_world *world)
{
    if (world->sandboxes) lambda__sandboxes_close(world->sandboxes);
    /* Only what the test made is left. */
    assert_int_equal(entries_of(world->directory), 2);
    lambda_close(world->lambda);
    nftw(world->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void cage_open(cage_world *world, test_cage *cage, uint32_t memory_mb, uint32_t storage_mb)
{
    cage->world = world;
    assert_int_equal(lambda__loop_open(&cage->loop), 0);
    const lambda__sandbox_options options = {.task = world->code,
                                             .opt = world->layers,
                                             .memory_mb = memory_mb,
                                             .storage_mb = storage_mb,
                                             .loop = &cage->loop};
    assert_ok(world->lambda, lambda__sandbox_open(world->sandboxes, &options, &cage->sandbox));
}

void cage_close(test_cage *cage)
{
    lambda__sandbox_close(cage->sandbox);
    lambda__loop_close(&cage->loop);
}

static void read_output(lambda__watch *watch, uint32_t events)
{
    test_run *run = watch->user;
    (void)events;
    size_t room = sizeof run->output - 1 - run->length;
    char over[4096];
    ssize_t got = room ? read(watch->fd, run->output + run->length, room) : read(watch->fd, over, sizeof over);
    if (got < 0 && errno == EAGAIN) return;
    if (got > 0) {
        if (room) run->length += (size_t)got;
        return;
    }
    lambda__loop_remove(&run->cage->loop, watch);
    run->open--;
}

static void exited(void *user, int status)
{
    test_run *run = user;
    assert_false(run->exited);
    run->exited = true;
    run->status = status;
}

void run_start(test_cage *cage, test_run *run, const char *const *arguments)
{
    char path[160];
    int error;
    static const char *const environment[] = {"A=1", "B=two words", NULL};
    const char *named[24] = {child_name};
    for (int i = 1; i < 23 && arguments[i - 1]; i++)
        named[i] = arguments[i - 1];
    *run = (test_run){.cage = cage, .open = 2};
    snprintf(path, sizeof path, "%s/child", lambda__sandbox_task(cage->sandbox));
    const lambda__program_options options = {.path = path,
                                             .arguments = named,
                                             .environment = environment,
                                             .working_directory = lambda__sandbox_task(cage->sandbox),
                                             .exited = exited,
                                             .user = run};
    assert_ok(cage->world->lambda, lambda__program_start(cage->sandbox, &options, &run->program, &error));
    assert_int_equal(error, 0);
    const int fds[] = {lambda__program_output(run->program), lambda__program_error_output(run->program)};
    for (int i = 0; i < 2; i++) {
        run->watches[i] = (lambda__watch){.fd = fds[i], .ready = read_output, .user = run};
        assert_int_equal(lambda__loop_add(&cage->loop, &run->watches[i], EPOLLIN), 0);
    }
}

void cage_until(test_cage *cage, bool (*done)(void *user), void *user)
{
    uint64_t until = lambda__loop_now() + LONGEST_NS;
    while (!done(user)) {
        if (lambda__loop_now() > until) fail_msg("waited half a minute");
        assert_int_equal(lambda__loop_run(&cage->loop, lambda__loop_now() + 10000000), 0);
        lambda__sandbox_look(cage->sandbox);
    }
}

static const char *wanted;

static bool has_wanted(void *user)
{
    const test_run *run = user;
    return strstr(run->output, wanted) != NULL;
}

void run_until(test_run *run, const char *text)
{
    wanted = text;
    cage_until(run->cage, has_wanted, run);
}

static bool finished(void *user)
{
    const test_run *run = user;
    return run->exited && run->open == 0;
}

int run_finish(test_run *run)
{
    cage_until(run->cage, finished, run);
    return run->status;
}

int run_whole(test_cage *cage, test_run *run, const char *const *arguments)
{
    run_start(cage, run, arguments);
    return run_finish(run);
}

int children(void)
{
    DIR *proc = opendir("/proc");
    int count = 0;
    for (struct dirent *file; proc && (file = readdir(proc));) {
        char path[300];
        char line[256] = "";
        if (atoi(file->d_name) <= 0) continue;
        snprintf(path, sizeof path, "/proc/%s/cmdline", file->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        ssize_t length = read(fd, line, sizeof line - 1);
        close(fd);
        if (length > 0 && strcmp(line, child_name) == 0) count++;
    }
    if (proc) closedir(proc);
    return count;
}

static int groups_found;
static char group_part[64];

static int count_group(const char *path, const struct stat *what, int type, struct FTW *where)
{
    (void)what;
    const char *name = path + where->base;
    if (type == FTW_D && strncmp(name, "lambda-sandbox-", 15) == 0 && strstr(name, group_part)) groups_found++;
    return 0;
}

int groups_of(pid_t helper)
{
    groups_found = 0;
    snprintf(group_part, sizeof group_part, helper ? "-%d-" : "-", (int)helper);
    nftw("/sys/fs/cgroup", count_group, 16, FTW_PHYS);
    return groups_found;
}

int entries_of(const char *directory)
{
    DIR *list = opendir(directory);
    int count = 0;
    assert_non_null(list);
    for (struct dirent *file; (file = readdir(list));)
        if (file->d_name[0] != '.') count++;
    closedir(list);
    return count;
}

void wait_for(bool (*holds)(void *user), void *user)
{
    uint64_t until = lambda__loop_now() + UINT64_C(20000000000);
    while (!holds(user)) {
        if (lambda__loop_now() > until) fail_msg("waited 20 s");
        poll(NULL, 0, 2);
    }
}

bool no_children(void *user)
{
    (void)user;
    return children() == 0;
}
