#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/** struct clone_args up to `cgroup`: the header may be older than the kernel. */
typedef struct clone_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
} clone_arguments;

static const uint64_t INTO_CGROUP = UINT64_C(0x200000000);

/** As fork, with `*process` its pidfd; into the cgroup where the kernel can, else `*inside` is false. */
static pid_t make_child(unsigned long flags, int cgroup, int *process, bool *inside)
{
    clone_arguments arguments = {.flags = flags | CLONE_PIDFD | (cgroup >= 0 ? INTO_CGROUP : 0),
                                 .pidfd = (uint64_t)(uintptr_t)process,
                                 .exit_signal = SIGCHLD,
                                 .cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0};
    *inside = true;
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid >= 0 || (errno != ENOSYS && errno != E2BIG && errno != EPERM && errno != EBUSY)) return (pid_t)pid;
    *inside = cgroup < 0;
#if defined(__s390__) || defined(__CRIS__)
    return (pid_t)syscall(SYS_clone, NULL, flags | CLONE_PIDFD | SIGCHLD, process, NULL, 0);
#else
    return (pid_t)syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, NULL, process, NULL, 0);
#endif
}

bool cage_directory(const lambda__helper *helper, const char *name, char *path, size_t size)
{
    return path_join(path, size, helper->directory, name);
}

/** Where there are no namespaces: the directory that is /tmp to it, under one which nobody else can list. */
static int make_directory(const lambda__helper *helper, lambda__cage *cage, char *text)
{
    char path[LAMBDA__PATH];
    char tmp[LAMBDA__PATH];
    if (!cage_directory(helper, cage->name, path, sizeof path) || !path_join(tmp, sizeof tmp, path, "tmp"))
        return text_error(text, ENAMETOOLONG, "directory");
    if (mkdir(path, 0711) != 0 || mkdir(tmp, 0700) != 0) return text_error(text, errno, "making %.200s", path);
    /* Who cannot have its directory stays who it is. */
    if (cage->user && chown(tmp, cage->user, cage->user) != 0) cage->user = 0;
    return 0;
}

void cage_free(lambda__cage *cage)
{
    if (cage->process >= 0) close(cage->process);
    if (cage->setup >= 0) close(cage->setup);
    if (cage->done >= 0) close(cage->done);
    free(cage);
}

/** Of the child, up to where both ways of making one are alike. */
_Noreturn static void born(lambda__helper *helper, lambda__cage *cage, int setup, int cgroup, bool inside)
{
    if (!inside) file_write(cgroup, "cgroup.procs", "0");
    if (cgroup >= 0) close(cgroup);
    init_run(helper, cage, setup);
}

lambda__cage *cage_make(lambda__helper *helper, char *text, int *error)
{
    int pair[2] = {-1, -1};
    int cgroup = -1;
    bool inside;
    lambda__cage *made = calloc(1, sizeof *made);
    if (!made) {
        *error = text_error(text, ENOMEM, "sandbox");
        return NULL;
    }
    made->process = made->setup = made->done = -1;
    snprintf(made->name, sizeof made->name, "%.63s-%llu", helper->prefix, (unsigned long long)++helper->serial);
    made->user = users_draw(helper);
    *error = cgroups_make(helper, made->name, text);
    if (!*error && !helper->namespaces) *error = make_directory(helper, made, text);
    if (!*error && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        *error = text_error(text, errno, "socket of a sandbox");
    if (!*error) {
        cgroup = cgroups_unified(helper, made->name);
        made->setup = pair[0];
        made->pid = make_child(helper->namespaces ? helper->flags : 0, cgroup, &made->process, &inside);
        if (made->pid == 0) {
            close(pair[0]);
            made->setup = made->process = -1;
            born(helper, made, pair[1], cgroup, inside);
        }
        if (made->pid < 0) {
            *error = text_error(text, errno, "making process 1 of a sandbox");
            made->pid = 0;
            made->process = -1;
        }
        close(pair[1]);
        if (cgroup >= 0) close(cgroup);
    }
    if (!*error) return made;
    cage_clean(helper, made);
    cage_free(made);
    return NULL;
}

static void say_opened(const lambda__helper *helper, const lambda__cage *cage, int control, int error, const char *text)
{
    lambda__opened opened = {.kind = LAMBDA__WIRE_OPENED, .error = error, .pid = cage ? cage->pid : 0};
    char path[LAMBDA__PATH] = "";
    int fds[LAMBDA__WIRE_FDS];
    int count = 0;
    int unified = -1;
    int memory = -1;
    int freeze = -1;
    int cpu = -1;
    snprintf(opened.text, sizeof opened.text, "%s", text);
    if (!error && cage) {
        unified = cgroups_unified(helper, cage->name);
        if (helper->hierarchies[MEMORY_1].fd >= 0)
            memory = openat(helper->hierarchies[MEMORY_1].fd, cage->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (unified >= 0 && helper->freeze_2) freeze = openat(unified, "cgroup.freeze", O_WRONLY | O_CLOEXEC);
        cpu = cgroups_open_cpu(helper, cage->name);
        if (!helper->namespaces) cage_directory(helper, cage->name, path, sizeof path);
        const int all[LAMBDA__WIRE_FDS] = {cage->process, unified, memory, freeze, cpu};
        for (int i = 0; i < LAMBDA__WIRE_FDS; i++) {
            if (all[i] < 0) continue;
            opened.has |= 1U << i;
            fds[count++] = all[i];
        }
    }
    lambda__wire_send(control, &opened, sizeof opened, path, strlen(path) + 1, fds, count);
    if (unified >= 0) close(unified);
    if (memory >= 0) close(memory);
    if (freeze >= 0) close(freeze);
    if (cpu >= 0) close(cpu);
}

/** Places to mount what it asks for on. `bytes` is the whole OPEN. */
static int make_places(const lambda__helper *helper, const lambda__open *open, size_t size, char *text)
{
    lambda__strings strings = {.at = (const char *)(open + 1), .end = (const char *)open + size};
    lambda__strings_next(&strings);
    lambda__strings_next(&strings);
    if (open->binds > LAMBDA__WIRE_BINDS) return text_error(text, E2BIG, "more than %d paths", LAMBDA__WIRE_BINDS);
    for (uint32_t i = 0; i < open->binds; i++) {
        const char *from = lambda__strings_next(&strings);
        const char *to = lambda__strings_next(&strings);
        int error = helper->namespaces ? root_place(helper, to, from) : 0;
        if (error) return text_error(text, error, "a place for %.100s at %.100s", from, to);
    }
    return strings.failed ? text_error(text, EINVAL, "what was asked of the helper") : 0;
}

/** Hands the OPEN to a child. 0 or an errno. */
static int hand_over(lambda__helper *helper, lambda__cage *cage, const lambda__open *open, size_t size, int control,
                     char *text)
{
    uint64_t bytes = ((uint64_t)open->memory_mb + open->storage_mb) << 20;
    int error = cgroups_limit_memory(helper, cage->name, bytes, text);
    if (error) return error;
    error = lambda__wire_send(cage->setup, open, size, NULL, 0, &control, 1);
    return error ? text_error(text, error, "process 1 of a sandbox") : 0;
}

/** A child that died before it was of use. */
static void discard(lambda__helper *helper, lambda__cage *cage)
{
    cage_kill(helper, cage);
    cage->closing = true;
    close(cage->setup);
    cage->setup = -1;
    cage->next = helper->cages;
    helper->cages = cage;
}

void cage_open(lambda__helper *helper, const lambda__open *open, size_t size, int control)
{
    char text[LAMBDA__WIRE_TEXT] = "";
    int error = make_places(helper, open, size, text);
    lambda__cage *cage = helper->spare;
    helper->spare = NULL;
    if (cage && !error) {
        error = hand_over(helper, cage, open, size, control, text);
        if (error) {
            discard(helper, cage);
            cage = NULL;
            error = 0;
        }
    }
    if (!cage && !error) {
        cage = cage_make(helper, text, &error);
        if (cage) error = hand_over(helper, cage, open, size, control, text);
    }
    say_opened(helper, cage, control, error, text);
    close(control);
    if (!cage) return;
    cage->id = open->id;
    if (error) {
        discard(helper, cage);
        return;
    }
    close(cage->setup);
    cage->setup = -1;
    cage->next = helper->cages;
    helper->cages = cage;
}

void cage_kill(lambda__helper *helper, lambda__cage *cage)
{
    if (!cage->pid) return;
    /* Without namespaces process 1 kills the rest, when its socket hangs up; it must be alive for that. */
    cgroups_kill(helper, cage->name);
    if (helper->namespaces || cage->setup >= 0) kill(cage->pid, SIGKILL);
}

bool cage_clean(lambda__helper *helper, lambda__cage *cage)
{
    bool all = cgroups_remove(helper, cage->name);
    if (helper->namespaces) return all;
    int directory = open(helper->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        all = sweep_directory(directory, cage->name) && all;
        close(directory);
    }
    return all;
}
