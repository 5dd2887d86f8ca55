/* The helper's own life: tells what the machine can do, then makes sandboxes and removes them, until nobody holds its socket any more. */
#include "helper.h"
#include "maker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lambda/process.h>

enum { RETRY_MS = 5, ROUNDS_TO_KILL = 200, ROUNDS_TO_LEAVE = 2000 };

/* The lock in its directory is held as long as it lives. */
static int lock_held;
static _Alignas(8) char message[LAMBDA__WIRE_MOST];

static int open_directory(lambda__helper *helper, const char *parent, char *text)
{
    char path[LAMBDA__PATH];
    snprintf(helper->parent, sizeof helper->parent, "%s", parent);
    lambda__maker_name(helper->prefix, sizeof helper->prefix);
    if (!path_join(helper->directory, sizeof helper->directory, parent, helper->prefix) ||
        !path_join(path, sizeof path, helper->directory, "lock"))
        return text_error(text, ENAMETOOLONG, "directory");
    if (mkdir(helper->directory, 0711) != 0) return text_error(text, errno, "directory: %.150s", parent);
    lock_held = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (lock_held < 0 || flock(lock_held, LOCK_EX | LOCK_NB) != 0)
        return text_error(text, errno, "directory: %.150s", parent);
    return 0;
}

static bool is_cage(void *user, pid_t pid)
{
    const lambda__helper *helper = user;
    if (helper->spare && helper->spare->pid == pid) return true;
    for (const lambda__cage *each = helper->cages; each; each = each->next)
        if (each->pid == pid) return true;
    return false;
}

static void reaped(lambda__helper *helper, pid_t pid)
{
    if (helper->spare && helper->spare->pid == pid) {
        helper->spare->pid = 0;
        helper->spare->closing = true;
        helper->spare->next = helper->cages;
        helper->cages = helper->spare;
        helper->spare = NULL;
        return;
    }
    for (lambda__cage *each = helper->cages; each; each = each->next) {
        if (each->pid != pid) continue;
        each->pid = 0;
        /* What it left, where no namespace held it, are children of ours now. */
        if (!helper->namespaces) tree_kill(getpid(), is_cage, helper);
        return;
    }
}

static void reap(lambda__helper *helper)
{
    struct signalfd_siginfo information;
    while (read(helper->signals, &information, sizeof information) > 0) {
    }
    for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
        reaped(helper, pid);
}

/** Removes what can be of those that are closing. True: some are left. */
static bool clean(lambda__helper *helper)
{
    bool left = false;
    for (lambda__cage **link = &helper->cages; *link;) {
        lambda__cage *each = *link;
        if (each->closing && !each->pid && cage_clean(helper, each)) {
            *link = each->next;
            cage_free(each);
            continue;
        }
        if (each->closing) left = true;
        link = &each->next;
    }
    return left;
}

static void close_cage(lambda__helper *helper, const lambda__close *close_it, int done)
{
    for (lambda__cage *each = helper->cages; each; each = each->next) {
        if (each->id != close_it->id || each->closing) continue;
        each->closing = true;
        each->done = done;
        cage_kill(helper, each);
        return;
    }
    if (done >= 0) close(done);
}

static void close_all(lambda__helper *helper)
{
    for (lambda__cage *each = helper->cages; each; each = each->next) {
        each->closing = true;
        cage_kill(helper, each);
    }
    if (!helper->spare) return;
    cage_kill(helper, helper->spare);
    helper->spare->closing = true;
    helper->spare->next = helper->cages;
    helper->cages = helper->spare;
    helper->spare = NULL;
}

/** One message of the host. False: it has hung up. */
static bool obey(lambda__helper *helper)
{
    int fds[LAMBDA__WIRE_FDS];
    uint32_t kind;
    ssize_t size = lambda__wire_receive(helper->host, message, sizeof message, fds);
    if (size == 0) return false;
    if (size < (ssize_t)sizeof kind) return true;
    memcpy(&kind, message, sizeof kind);
    if (kind == LAMBDA__WIRE_OPEN && size >= (ssize_t)sizeof(lambda__open) && fds[0] >= 0) {
        cage_open(helper, (const lambda__open *)message, (size_t)size, fds[0]);
        fds[0] = -1;
    } else if (kind == LAMBDA__WIRE_CLOSE && size >= (ssize_t)sizeof(lambda__close)) {
        close_cage(helper, (const lambda__close *)message, fds[0]);
        fds[0] = -1;
    }
    lambda__wire_close_all(fds, LAMBDA__WIRE_FDS);
    return true;
}

/** A sandbox as it would be, with nothing in it. 0: all went well. */
static int try_one(lambda__helper *helper, lambda__ready *ready)
{
    struct {
        lambda__open open;
        char strings[LAMBDA__PATH + 1];
    } asked = {.open = {.kind = LAMBDA__WIRE_OPEN, .memory_mb = 2048, .storage_mb = 1}};
    int pair[2];
    enum { PATIENCE_MS = 5000 };
    *ready = (lambda__ready){.error = EIO, .cgroup = -1, .text = "process 1 of a sandbox ended"};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return errno;
    size_t length = (size_t)snprintf(asked.strings, LAMBDA__PATH, "%s", helper->directory);
    cage_open(helper, &asked.open, sizeof asked.open + length + 2, pair[1]);
    for (int i = 0; i < 2; i++) {
        int fds[LAMBDA__WIRE_FDS];
        uint32_t kind;
        struct pollfd polled = {.fd = pair[0], .events = POLLIN};
        if (poll(&polled, 1, PATIENCE_MS) != 1) break;
        ssize_t size = lambda__wire_receive(pair[0], message, sizeof message, fds);
        lambda__wire_close_all(fds, LAMBDA__WIRE_FDS);
        if (size < (ssize_t)sizeof kind) break;
        memcpy(&kind, message, sizeof kind);
        const lambda__opened *opened = (const lambda__opened *)message;
        if (kind == LAMBDA__WIRE_READY) memcpy(ready, message, sizeof *ready);
        if (kind == LAMBDA__WIRE_READY && i == 0) continue;
        if (kind != LAMBDA__WIRE_OPENED) break;
        if (!opened->error) continue;
        ready->error = opened->error;
        memcpy(ready->text, opened->text, sizeof ready->text);
        break;
    }
    close(pair[0]);
    close_all(helper);
    return ready->error;
}

/** Gives up what `ready` complains of. False: there is nothing left to give up. */
static bool give_way(lambda__helper *helper, const lambda__ready *ready, char *why, size_t size)
{
    size_t length = strlen(why);
    snprintf(why + length, size - length, "%s; ", ready->text);
    if (ready->cgroup >= 0) {
        lambda__hierarchy *each = &helper->hierarchies[ready->cgroup];
        close(each->fd);
        each->fd = -1;
        return true;
    }
    if (helper->namespaces) {
        unsigned long all = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
        if (helper->flags == all)
            helper->flags = CLONE_NEWPID | CLONE_NEWNS;
        else
            helper->namespaces = false;
        return true;
    }
    /* What is left may be a cgroup of version 2 that nothing can be born into. */
    bool some = false;
    for (int i = 0; i < HIERARCHIES; i++) {
        some = some || helper->hierarchies[i].fd >= 0;
        if (helper->hierarchies[i].fd >= 0) close(helper->hierarchies[i].fd);
        helper->hierarchies[i].fd = -1;
    }
    helper->memory_2 = helper->cpu_2 = helper->pids_2 = helper->freeze_2 = helper->kill_2 = false;
    return some;
}

static uint32_t version(const lambda__helper *helper, bool in_2, hierarchy_name in_1,
                        lambda_process_mechanism otherwise)
{
    if (in_2) return LAMBDA_PROCESS_CGROUP_2;
    return helper->hierarchies[in_1].fd >= 0 ? LAMBDA_PROCESS_CGROUP_1 : otherwise;
}

static void give_reason(lambda__welcome *welcome, const char *why)
{
    bool all = welcome->cpu && welcome->processes && welcome->paths && welcome->identity;
    const char *alone = welcome->endpoint ? "" : "this process may not give environments users of their own";
    size_t length = strlen(why);
    if (length >= 2 && why[length - 2] == ';') length -= 2;
    if (!all && !length) {
        why = "there are no cgroups that can be written";
        length = strlen(why);
    }
    if (all) length = 0;
    snprintf(welcome->reason, sizeof welcome->reason, "%.*s%s%s", (int)length, why, length && *alone ? "; " : "",
             alone);
}

static void describe(lambda__helper *helper, const lambda__ready *ready, const char *why)
{
    lambda__welcome *welcome = &helper->welcome;
    bool user = ready->user || ready->user_namespace;
    welcome->memory = version(helper, helper->memory_2, MEMORY_1, LAMBDA_PROCESS_RLIMIT);
    welcome->cpu = version(helper, helper->cpu_2, CPU_1, LAMBDA_PROCESS_NONE);
    /* The kernel does not count root's processes. */
    welcome->processes =
        version(helper, helper->pids_2, PIDS_1, user || geteuid() != 0 ? LAMBDA_PROCESS_RLIMIT : LAMBDA_PROCESS_NONE);
    welcome->storage = helper->namespaces ? LAMBDA_PROCESS_FILESYSTEM : LAMBDA_PROCESS_WATCH;
    welcome->paths = helper->namespaces ? LAMBDA_PROCESS_NAMESPACE : LAMBDA_PROCESS_NONE;
    welcome->tree = helper->namespaces ? LAMBDA_PROCESS_NAMESPACE
                    : helper->kill_2   ? LAMBDA_PROCESS_CGROUP_2
                                       : LAMBDA_PROCESS_SIGNAL;
    welcome->freeze = helper->freeze_2 ? LAMBDA_PROCESS_CGROUP_2 : LAMBDA_PROCESS_SIGNAL;
    welcome->identity = user ? LAMBDA_PROCESS_NAMESPACE : LAMBDA_PROCESS_NONE;
    welcome->endpoint = ready->user ? LAMBDA_PROCESS_USER : LAMBDA_PROCESS_NONE;
    give_reason(welcome, why);
}

/** Finds out what can be had, by trying. */
static int find_out(lambda__helper *helper, const char *cgroup, lambda__welcome *welcome)
{
    char why[1024] = "";
    char text[LAMBDA__WIRE_TEXT] = "";
    lambda__ready ready;
    cgroups_find(helper, cgroup, why, sizeof why - LAMBDA__WIRE_TEXT);
    helper->flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
    helper->namespaces = root_prepare(helper, text) == 0;
    if (!helper->namespaces) {
        size_t length = strlen(why);
        snprintf(why + length, sizeof why - length, "%s; ", text);
    }
    users_find(helper);
    sweep_left(helper);
    for (;;) {
        if (try_one(helper, &ready) == 0) {
            if (ready.user || !helper->users_count) break;
            /* A root that cannot be somebody else: files are not to be given to those either. */
            helper->users_count = 0;
        } else if (!give_way(helper, &ready, why, sizeof why)) {
            memcpy(welcome->text, ready.text, sizeof welcome->text);
            return ready.error;
        }
    }
    describe(helper, &ready, why);
    return 0;
}

static int begin(lambda__helper *helper)
{
    lambda__welcome *welcome = &helper->welcome;
    int fds[LAMBDA__WIRE_FDS];
    lambda__hello hello;
    sigset_t children;
    ssize_t size = lambda__wire_receive(helper->host, message, sizeof message, fds);
    lambda__wire_close_all(fds, LAMBDA__WIRE_FDS);
    if (size < (ssize_t)sizeof hello) return EPROTO;
    memcpy(&hello, message, sizeof hello);
    lambda__strings strings = {.at = message + sizeof hello, .end = message + size};
    char directory[LAMBDA__PATH];
    char cgroup[LAMBDA__PATH];
    snprintf(directory, sizeof directory, "%s", lambda__strings_next(&strings));
    snprintf(cgroup, sizeof cgroup, "%s", lambda__strings_next(&strings));
    helper->without = hello.without;
    welcome->kind = LAMBDA__WIRE_WELCOME;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    helper->signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    helper->devnull = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (helper->signals < 0 || helper->devnull < 0 || pipe2(helper->life, O_CLOEXEC) != 0)
        welcome->error = text_error(welcome->text, errno, "helper");
    if (!welcome->error) welcome->error = open_directory(helper, directory, welcome->text);
    if (!welcome->error) welcome->error = find_out(helper, cgroup, welcome);
    return lambda__wire_send(helper->host, welcome, sizeof *welcome, NULL, 0, NULL, 0);
}

/** A spare child is made when there is nothing else to do. */
static void make_spare(lambda__helper *helper)
{
    char text[LAMBDA__WIRE_TEXT];
    int error;
    if (!helper->spare && !(helper->without & LAMBDA__WITHOUT_SPARE)) helper->spare = cage_make(helper, text, &error);
}

/** The host by its pidfd: a process that it forked may hold the socket when it is no more. -1: not to be had. */
static int host_process(const lambda__helper *helper)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(helper->host, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return -1;
    return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}

static void serve(lambda__helper *helper)
{
    struct pollfd polled[3] = {{.fd = helper->host, .events = POLLIN},
                               {.fd = helper->signals, .events = POLLIN},
                               {.fd = host_process(helper), .events = POLLIN}};
    bool idle = false;
    for (;;) {
        bool left = clean(helper);
        int ready = poll(polled, 3, left ? RETRY_MS : idle ? -1 : 0);
        if (ready == 0 && !idle) {
            make_spare(helper);
            idle = true;
        }
        if (ready <= 0) continue;
        if (polled[2].revents) return;
        if (polled[1].revents) reap(helper);
        if (!polled[0].revents) continue;
        idle = false;
        if (!obey(helper)) return;
    }
}

/** Nothing stays. What does not go by itself, as process 1 where there are no namespaces, is killed after a while. */
static void leave(lambda__helper *helper)
{
    struct pollfd polled = {.fd = helper->signals, .events = POLLIN};
    char path[LAMBDA__PATH];
    /* Whoever lives by it sees it go. */
    if (helper->life[1] >= 0) close(helper->life[1]);
    close_all(helper);
    for (int round = 0; clean(helper) && round < ROUNDS_TO_LEAVE; round++) {
        if (poll(&polled, 1, RETRY_MS) > 0) reap(helper);
        for (lambda__cage *each = helper->cages; each && round > ROUNDS_TO_KILL; each = each->next)
            if (each->pid) kill(each->pid, SIGKILL);
    }
    if (path_join(path, sizeof path, helper->directory, "root")) umount2(path, MNT_DETACH);
    int parent = open(helper->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) sweep_directory(parent, helper->prefix);
}

/** What is ignored stays so through execve, also in programs of sandboxes. The C library's posix_spawn leaves two of its own ignored, and lets nobody name them. */
static void hear_all_signals(void)
{
    enum { SIGNALS = 64, SET_SIZE = 8 };
    static const unsigned long by_default[8]; /* the kernel's struct sigaction, larger than it */
    for (int signal = 1; signal <= SIGNALS; signal++)
        syscall(SYS_rt_sigaction, signal, by_default, NULL, SET_SIZE);
}

int main(void)
{
    static lambda__helper helper = {.host = LAMBDA__HELPER_HOST, .root = -1, .life = {-1, -1}, .signals = -1};
    sigset_t all;
    const struct sched_param ordinary = {0};
#ifdef SYS_close_range
    syscall(SYS_close_range, LAMBDA__HELPER_HOST + 1, ~0U, 0);
#endif
    fcntl(LAMBDA__HELPER_HOST, F_SETFD, FD_CLOEXEC);
    hear_all_signals();
    /* A host's real-time scheduling is not for functions, and most cgroups do not take it. */
    sched_setscheduler(0, SCHED_OTHER, &ordinary);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    umask(022);
    prctl(PR_SET_NAME, "lambda-sandbox", 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (int i = 0; i < HIERARCHIES; i++)
        helper.hierarchies[i].fd = -1;
    if (begin(&helper) == 0 && !helper.welcome.error) serve(&helper);
    leave(&helper);
    return 0;
}
