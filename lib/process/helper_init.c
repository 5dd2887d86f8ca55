/* Process 1 of a sandbox: starts programs, reaps, passes signals on, and ends when nobody holds its socket any more. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAMS = 64 };

typedef struct process_1 {
    const lambda__helper *helper;
    int control;
    int life;
    int signals;
    int devnull;
    struct {
        uint32_t program;
        pid_t pid; /* 0: free */
    } programs[PROGRAMS];
} process_1;

/* Pages of it that are not needed are never had. */
static char message[LAMBDA__WIRE_MOST];

/** What runs between vfork and execve: on the parent's memory, which waits. */
_Noreturn static void become(const process_1 *init, const char *path, const char *directory, char **arguments,
                             char **variables, const int output[2], uint64_t data_limit, volatile int *error)
{
    sigset_t none;
    struct rlimit data = {.rlim_cur = data_limit, .rlim_max = data_limit};
    bool failed = setsid() < 0 || dup2(init->devnull, 0) < 0 || dup2(output[0], 1) < 0 || dup2(output[1], 2) < 0 ||
                  (data_limit && setrlimit(RLIMIT_DATA, &data) != 0) || chdir(directory) != 0;
    if (!failed) {
        /* Where no namespace does it. */
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#ifdef SYS_close_range
        syscall(SYS_close_range, 3, ~0U, 0);
#endif
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(path, arguments, variables);
    }
    *error = errno;
    _exit(127);
}

static pid_t launch(const process_1 *init, const lambda__start *start, lambda__strings *strings, const int output[2],
                    int *failure)
{
    volatile int error = 0;
    const char *path = lambda__strings_next(strings);
    const char *directory = lambda__strings_next(strings);
    char **list = calloc((size_t)start->arguments + start->variables + 2, sizeof *list);
    if (!list) {
        *failure = ENOMEM;
        return 0;
    }
    char **variables = list + start->arguments + 1;
    for (uint32_t i = 0; i < start->arguments; i++)
        list[i] = (char *)lambda__strings_next(strings);
    for (uint32_t i = 0; i < start->variables; i++)
        variables[i] = (char *)lambda__strings_next(strings);
    pid_t pid = vfork(); /* NOLINT: it is what it is for, a fork would copy this process's pages */
    /* The child does nothing but system calls. */
    if (pid == 0) become(init, path, directory, list, variables, output, start->data_limit, &error); /* NOLINT */
    *failure = pid < 0 ? errno : error;
    if (pid > 0 && *failure) waitpid(pid, NULL, 0);
    free(list);
    return *failure ? 0 : pid;
}

static void tell(const process_1 *init, uint32_t kind, uint32_t program, int value, pid_t pid)
{
    lambda__told told = {.kind = kind, .program = program, .value = value, .pid = pid};
    lambda__wire_send(init->control, &told, sizeof told, NULL, 0, NULL, 0);
}

static void start(process_1 *init, size_t size, const int fds[LAMBDA__WIRE_FDS])
{
    lambda__start head;
    memcpy(&head, message, sizeof head);
    lambda__strings strings = {.at = message + sizeof head, .end = message + size};
    int free_place = 0;
    int error = 0;
    pid_t pid = 0;
    while (free_place < PROGRAMS && init->programs[free_place].pid)
        free_place++;
    if (free_place == PROGRAMS)
        error = EAGAIN;
    else
        pid = launch(init, &head, &strings, fds, &error);
    if (pid) {
        init->programs[free_place].program = head.program;
        init->programs[free_place].pid = pid;
    }
    tell(init, LAMBDA__WIRE_STARTED, head.program, error, pid);
}

static void reap(process_1 *init)
{
    struct signalfd_siginfo information;
    int status;
    pid_t pid;
    while (read(init->signals, &information, sizeof information) > 0) {
    }
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < PROGRAMS; i++) {
            if (init->programs[i].pid != pid) continue;
            init->programs[i].pid = 0;
            tell(init, LAMBDA__WIRE_EXITED, init->programs[i].program, status, pid);
            break;
        }
    }
}

static void all(const process_1 *init, int signal)
{
    if (init->helper->namespaces)
        kill(-1, signal);
    else
        tree_signal(getpid(), signal, NULL, NULL);
}

_Noreturn static void end(const process_1 *init)
{
    if (!init->helper->namespaces) tree_kill(getpid(), NULL, NULL);
    _exit(0);
}

static void signal_program(const process_1 *init, const lambda__told *told)
{
    for (int i = 0; i < PROGRAMS; i++)
        if (init->programs[i].pid && init->programs[i].program == told->program &&
            kill(-init->programs[i].pid, told->value) != 0)
            kill(init->programs[i].pid, told->value);
}

static void obey(process_1 *init)
{
    int fds[LAMBDA__WIRE_FDS];
    lambda__told told;
    ssize_t size = lambda__wire_receive(init->control, message, sizeof message, fds);
    if (size == 0) end(init);
    if (size < (ssize_t)sizeof told) return;
    memcpy(&told, message, sizeof told);
    switch (told.kind) {
    case LAMBDA__WIRE_START:
        start(init, (size_t)size, fds);
        break;
    case LAMBDA__WIRE_SIGNAL:
        signal_program(init, &told);
        break;
    case LAMBDA__WIRE_STOP:
        all(init, SIGSTOP);
        break;
    case LAMBDA__WIRE_CONTINUE:
        all(init, SIGCONT);
        break;
    case LAMBDA__WIRE_END:
        end(init);
    default:
        break;
    }
    lambda__wire_close_all(fds, LAMBDA__WIRE_FDS);
}

/** What comes of a clone is the helper's: here only this is of use. */
static void forget(lambda__helper *helper, const lambda__cage *self)
{
    for (const lambda__cage *each = helper->cages; each; each = each->next) {
        if (each->process >= 0) close(each->process);
        if (each->done >= 0) close(each->done);
        if (each->setup >= 0 && each != self) close(each->setup);
    }
    if (helper->spare && helper->spare != self) {
        close(helper->spare->process);
        close(helper->spare->setup);
    }
    close(helper->host);
    close(helper->life[1]);
    close(helper->signals);
}

/** Waits for the OPEN, and takes the sandbox's socket. */
static size_t wait_for_open(const lambda__helper *helper, int setup, int *control)
{
    int fds[LAMBDA__WIRE_FDS];
    struct pollfd polled[2] = {{.fd = setup, .events = POLLIN}, {.fd = helper->life[0], .events = POLLIN}};
    while (poll(polled, 2, -1) < 0) {
    }
    ssize_t size = polled[0].revents & POLLIN ? lambda__wire_receive(setup, message, sizeof message, fds) : 0;
    if (size < (ssize_t)sizeof(lambda__open) || fds[0] < 0) _exit(0);
    *control = fds[0];
    close(setup);
    return (size_t)size;
}

/** Without namespaces: whether its user may go where it has to. */
static int see(const lambda__helper *helper, const lambda__open *open, lambda__strings *strings, lambda__ready *ready)
{
    (void)helper;
    (void)open;
    const char *task = lambda__strings_next(strings);
    const char *opt = lambda__strings_next(strings);
    if (access(task, X_OK) != 0) return text_error(ready->text, errno, "the code's directory, to user %u", geteuid());
    if (*opt && access(opt, X_OK) != 0)
        return text_error(ready->text, errno, "the layers' directory, to user %u", geteuid());
    return 0;
}

/** Becomes what the OPEN asks for. */
static int complete(const lambda__helper *helper, const lambda__cage *cage, size_t size, int cpu, lambda__ready *ready)
{
    lambda__open open;
    memcpy(&open, message, sizeof open);
    lambda__strings strings = {.at = message + sizeof open, .end = message + size};
    int error = helper->namespaces ? root_complete(cage, &open, &strings, ready) : 0;
    if (!error && cpu >= 0) {
        /* Until the host says that it has begun. */
        error = cgroups_write_cpu(helper, cpu, open.memory_mb > LAMBDA__MB_A_CPU ? open.memory_mb : LAMBDA__MB_A_CPU);
        if (error) text_error(ready->text, error, "limiting processor time");
    }
    if (!error) error = user_leave(helper, cage, ready);
    if (!error && !helper->namespaces) error = see(helper, &open, &strings, ready);
    return error;
}

_Noreturn static void live(process_1 *init)
{
    struct pollfd polled[3] = {{.fd = init->control, .events = POLLIN},
                               {.fd = init->signals, .events = POLLIN},
                               {.fd = init->life, .events = POLLIN}};
    for (;;) {
        if (poll(polled, 3, -1) < 0) continue;
        if (polled[2].revents) end(init);
        if (polled[1].revents) reap(init);
        if (polled[0].revents) obey(init);
    }
}

void init_run(lambda__helper *helper, lambda__cage *self, int setup)
{
    lambda__ready ready = {.kind = LAMBDA__WIRE_READY, .cgroup = -1};
    process_1 init = {.helper = helper, .life = helper->life[0], .devnull = helper->devnull};
    sigset_t children;
    forget(helper, self);
    prctl(PR_SET_NAME, "sandbox", 0, 0, 0);
    if (helper->namespaces)
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    else
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    setsid();
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    init.signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (init.signals < 0) ready.error = text_error(ready.text, errno, "signals of process 1");
    if (!ready.error) ready.error = cgroups_enter(helper, self->name, &ready);
    if (!ready.error && helper->namespaces) {
        ready.error = root_enter(helper, &ready);
        if (sethostname("sandbox", strlen("sandbox")) != 0) {
        } /* where it has no name of its own */
    }
    int cpu = ready.error ? -1 : cgroups_open_cpu(helper, self->name);
    size_t size = wait_for_open(helper, setup, &init.control);
    if (!ready.error) ready.error = complete(helper, self, size, cpu, &ready);
    /* Again: it is forgotten when the user changes. */
    if (helper->namespaces) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (cpu >= 0) close(cpu);
    if (helper->root >= 0) close(helper->root);
    for (int i = 0; i < HIERARCHIES; i++)
        if (helper->hierarchies[i].fd >= 0) close(helper->hierarchies[i].fd);
    lambda__wire_send(init.control, &ready, sizeof ready, NULL, 0, NULL, 0);
    if (ready.error) _exit(1);
    live(&init);
}
