/* One sandbox, as its host sees it. */
#include "sandboxes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <lambda/port/runtime.h>

#include "sandbox_program.h"

void lambda__packed_add(lambda__packed *packed, const char *string)
{
    size_t length = strlen(string) + 1;
    if (packed->failed) return;
    if (packed->length + length > packed->room) {
        size_t room = packed->room * 2 > packed->length + length ? packed->room * 2 : packed->length + length + 1024;
        char *larger = realloc(packed->bytes, room);
        if (!larger) {
            packed->failed = true;
            return;
        }
        packed->bytes = larger;
        packed->room = room;
    }
    memcpy(packed->bytes + packed->length, string, length);
    packed->length += length;
}

/** What OPEN and its process 1 have answered so far. */
typedef struct heard {
    bool opened;
    bool ready;
    int error;
    char text[LAMBDA__WIRE_TEXT];
} heard;

static char *joined(const char *a, const char *b)
{
    size_t size = strlen(a) + strlen(b) + 1;
    char *path = malloc(size);
    if (path) snprintf(path, size, "%s%s", a, b);
    return path;
}

/** Takes what came with OPENED. */
static void take_opened(lambda__sandbox *sandbox, const char *bytes, size_t size, int *fds, heard *answers)
{
    lambda__opened opened;
    memcpy(&opened, bytes, sizeof opened);
    answers->opened = true;
    answers->error = opened.error;
    memcpy(answers->text, opened.text, sizeof answers->text);
    int *const places[LAMBDA__WIRE_FDS] = {&sandbox->process, &sandbox->unified, &sandbox->memory, &sandbox->freeze,
                                           &sandbox->cpu};
    for (int i = 0, next = 0; i < LAMBDA__WIRE_FDS; i++) {
        if (!(opened.has & 1U << i)) continue;
        *places[i] = fds[next];
        fds[next++] = -1;
    }
    sandbox->pid = opened.pid;
    if (!answers->error && !sandbox->tmp && size > sizeof opened && bytes[size - 1] == 0) {
        sandbox->tmp = joined(bytes + sizeof opened, "/tmp");
        if (!sandbox->tmp) answers->error = ENOMEM;
    }
}

/** One message of before it is ready. */
static void take(lambda__sandbox *sandbox, heard *answers)
{
    char bytes[sizeof(lambda__opened) + LAMBDA__PATH];
    int fds[LAMBDA__WIRE_FDS];
    uint32_t kind = 0;
    ssize_t size = lambda__wire_receive(sandbox->control.fd, bytes, sizeof bytes, fds);
    if (size >= (ssize_t)sizeof kind) memcpy(&kind, bytes, sizeof kind);
    if (kind == LAMBDA__WIRE_OPENED && size >= (ssize_t)sizeof(lambda__opened)) {
        take_opened(sandbox, bytes, (size_t)size, fds, answers);
    } else if (kind == LAMBDA__WIRE_READY && size >= (ssize_t)sizeof(lambda__ready)) {
        lambda__ready ready;
        memcpy(&ready, bytes, sizeof ready);
        answers->ready = true;
        sandbox->user = ready.user ? (uid_t)ready.user : sandbox->sandboxes->user;
        answers->error = ready.error;
        memcpy(answers->text, ready.text, sizeof answers->text);
    } else {
        answers->error = size < 0 ? (int)-size : EPIPE;
        snprintf(answers->text, sizeof answers->text, "helper: %s", strerror(answers->error));
    }
    lambda__wire_close_all(fds, LAMBDA__WIRE_FDS);
}

/** Asks the helper, and waits until process 1 is what was asked for. */
static int ask(lambda__sandbox *sandbox, const lambda__open *open, const lambda__packed *strings, heard *answers)
{
    enum { PATIENCE_MS = 20000 };
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        snprintf(answers->text, sizeof answers->text, "socket of a sandbox: %s", strerror(errno));
        return errno;
    }
    sandbox->control.fd = pair[0];
    int error = lambda__sandboxes_send(sandbox->sandboxes, open, sizeof *open, strings->bytes, strings->length, pair[1],
                                       answers->text);
    close(pair[1]);
    if (error) return error;
    while (!answers->error && !(answers->opened && answers->ready)) {
        struct pollfd polled = {.fd = pair[0], .events = POLLIN};
        int got = poll(&polled, 1, PATIENCE_MS);
        if (got < 0 && errno == EINTR) continue;
        if (got > 0) {
            take(sandbox, answers);
            continue;
        }
        answers->error = ETIMEDOUT;
        snprintf(answers->text, sizeof answers->text, "helper: %s", strerror(ETIMEDOUT));
    }
    return answers->error;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void free_sandbox(lambda__sandbox *sandbox)
{
    while (sandbox->programs)
        lambda__program_free(sandbox);
    close_fd(&sandbox->control.fd);
    close_fd(&sandbox->process);
    close_fd(&sandbox->unified);
    close_fd(&sandbox->memory);
    close_fd(&sandbox->most_memory);
    close_fd(&sandbox->freeze);
    close_fd(&sandbox->cpu);
    free(sandbox->task);
    free(sandbox->opt);
    free(sandbox->tmp);
    free(sandbox);
}

/** Tells the helper that it is not wanted any more, and waits until it is gone, for a second. */
static void dismiss(lambda__sandbox *sandbox)
{
    enum { LONGEST_MS = 1000 };
    lambda__close message = {.kind = LAMBDA__WIRE_CLOSE, .id = sandbox->id};
    char text[LAMBDA__WIRE_TEXT] = "";
    int gone[2] = {-1, -1};
    struct pollfd polled = {.fd = -1, .events = POLLIN};
    if (pipe2(gone, O_CLOEXEC) == 0) polled.fd = gone[0];
    lambda__sandboxes_send(sandbox->sandboxes, &message, sizeof message, NULL, 0, gone[1], text);
    close_fd(&gone[1]);
    /* Without a descriptor to spare its death alone is waited for. */
    if (polled.fd < 0) polled.fd = sandbox->process;
    if (polled.fd >= 0)
        while (poll(&polled, 1, LONGEST_MS) < 0 && errno == EINTR) {
        }
    close_fd(&gone[0]);
}

static int pack(const lambda__sandbox_options *options, lambda__open *open, lambda__packed *strings)
{
    lambda__packed_add(strings, options->task);
    lambda__packed_add(strings, options->opt ? options->opt : "");
    for (const lambda__sandbox_bind *bind = options->binds; bind && bind->from; bind++, open->binds++) {
        lambda__packed_add(strings, bind->from);
        lambda__packed_add(strings, bind->to);
    }
    return strings->failed ? ENOMEM : strings->length + sizeof *open > LAMBDA__WIRE_MOST ? E2BIG : 0;
}

const char *lambda__sandboxes_unenforced(const lambda__sandboxes *sandboxes)
{
    const lambda_process_limits *limits = &sandboxes->limits;
    if (sandboxes->best_effort) return NULL;
    if (limits->memory == LAMBDA_PROCESS_NONE) return "memory_size";
    if (limits->cpu == LAMBDA_PROCESS_NONE) return "processor time in proportion to memory_size";
    if (limits->processes == LAMBDA_PROCESS_NONE) return "the number of processes";
    if (limits->storage == LAMBDA_PROCESS_NONE) return "ephemeral_storage_size";
    return NULL;
}

/** Paths as programs see them. */
static int name_paths(lambda__sandbox *sandbox, const lambda__sandbox_options *options)
{
    bool own = sandbox->sandboxes->limits.paths == LAMBDA_PROCESS_NAMESPACE;
    if (own) free(sandbox->tmp);
    if (own) sandbox->tmp = joined("/tmp", "");
    sandbox->task = joined(own ? "/var/task" : options->task, "");
    sandbox->opt = joined(own ? "/opt" : options->opt ? options->opt : "/opt", "");
    return sandbox->tmp && sandbox->task && sandbox->opt ? 0 : ENOMEM;
}

lambda_status lambda__sandbox_open(lambda__sandboxes *sandboxes, const lambda__sandbox_options *options,
                                   lambda__sandbox **sandbox)
{
    lambda__open open = {.kind = LAMBDA__WIRE_OPEN, .memory_mb = options->memory_mb, .storage_mb = options->storage_mb};
    lambda__packed strings = {0};
    const char *missing = lambda__sandboxes_unenforced(sandboxes);
    if (missing)
        return lambda_runtime_fail(sandboxes->lambda, LAMBDA_ERROR_SERVICE,
                                   "best_effort: this machine cannot enforce %s (%s), and best_effort is not set",
                                   missing, sandboxes->limits.reason);
    int error = pack(options, &open, &strings);
    heard answers = {0};
    lambda__sandbox *made = NULL;
    /* Again, where the helper died under it. */
    for (int attempt = 0; attempt < 2 && !error; attempt++) {
        answers = (heard){0};
        made = calloc(1, sizeof *made);
        if (!made) {
            error = ENOMEM;
            break;
        }
        made->sandboxes = sandboxes;
        made->loop = options->loop;
        made->control = (lambda__watch){.fd = -1, .ready = lambda__sandbox_hear, .user = made};
        made->process = made->unified = made->memory = made->freeze = made->most_memory = made->cpu = -1;
        made->memory_mb = options->memory_mb;
        made->storage_mb = options->storage_mb;
        pthread_mutex_lock(&sandboxes->lock);
        made->id = open.id = ++sandboxes->last_id;
        pthread_mutex_unlock(&sandboxes->lock);
        error = ask(made, &open, &strings, &answers);
        if (!error) break;
        close_fd(&made->control.fd);
        dismiss(made);
        free_sandbox(made);
        made = NULL;
        if (error != EPIPE && error != ECONNRESET) break;
        if (attempt == 0) error = 0;
    }
    free(strings.bytes);
    if (!error) error = name_paths(made, options);
    if (!error) error = lambda__loop_add(made->loop, &made->control, EPOLLIN);
    if (!error) {
        *sandbox = made;
        return LAMBDA_OK;
    }
    if (made) lambda__sandbox_close(made);
    if (error == ENOMEM)
        return lambda_runtime_fail(sandboxes->lambda, LAMBDA_ERROR_OUT_OF_MEMORY, "sandbox: no memory");
    return lambda_runtime_fail(sandboxes->lambda, LAMBDA_ERROR_SERVICE, "sandbox: %s",
                               answers.text[0] ? answers.text : strerror(error));
}

void lambda__sandbox_close(lambda__sandbox *sandbox)
{
    lambda__loop_remove(sandbox->loop, &sandbox->control);
    lambda__sandbox_kill(sandbox);
    close_fd(&sandbox->control.fd);
    dismiss(sandbox);
    free_sandbox(sandbox);
}

const char *lambda__sandbox_task(const lambda__sandbox *sandbox)
{
    return sandbox->task;
}

const char *lambda__sandbox_opt(const lambda__sandbox *sandbox)
{
    return sandbox->opt;
}

const char *lambda__sandbox_tmp(const lambda__sandbox *sandbox)
{
    return sandbox->tmp;
}

uid_t lambda__sandbox_user(const lambda__sandbox *sandbox)
{
    return sandbox->user;
}

lambda_status lambda__sandbox_limit_cpu(lambda__sandbox *sandbox)
{
    char text[LAMBDA__CPU_TEXT];
    int error = 0;
    if (sandbox->cpu < 0) return LAMBDA_OK;
    lambda__cpu_text(text, sandbox->sandboxes->limits.cpu == LAMBDA_PROCESS_CGROUP_2, sandbox->memory_mb);
    if (sandbox->memory_mb < LAMBDA__MB_A_CPU && write(sandbox->cpu, text, strlen(text)) < 0) error = errno;
    close_fd(&sandbox->cpu);
    if (!error) return LAMBDA_OK;
    return lambda_runtime_fail(sandbox->sandboxes->lambda, LAMBDA_ERROR_SERVICE, "sandbox: limiting processor time: %s",
                               strerror(error));
}

/** Writes to a file of the cgroup. */
static bool write_unified(const lambda__sandbox *sandbox, const char *file, const char *text)
{
    int fd = sandbox->unified >= 0 ? openat(sandbox->unified, file, O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0) return false;
    bool written = write(fd, text, strlen(text)) > 0;
    close(fd);
    return written;
}

static void tell(const lambda__sandbox *sandbox, uint32_t kind)
{
    lambda__told told = {.kind = kind};
    if (sandbox->control.fd >= 0 && !sandbox->hung_up)
        lambda__wire_send(sandbox->control.fd, &told, sizeof told, NULL, 0, NULL, 0);
}

void lambda__sandbox_kill(lambda__sandbox *sandbox)
{
    bool killed = write_unified(sandbox, "cgroup.kill", "1");
    if (sandbox->sandboxes->limits.paths == LAMBDA_PROCESS_NAMESPACE) {
        /* The kernel kills all of a PID namespace with its process 1. */
        if (sandbox->process >= 0) syscall(SYS_pidfd_send_signal, sandbox->process, SIGKILL, NULL, 0);
    } else if (!killed) {
        lambda__sandbox_thaw(sandbox);
        tell(sandbox, LAMBDA__WIRE_END);
    }
}

void lambda__sandbox_freeze(lambda__sandbox *sandbox)
{
    if (sandbox->freeze < 0 || pwrite(sandbox->freeze, "1", 1, 0) != 1) tell(sandbox, LAMBDA__WIRE_STOP);
}

void lambda__sandbox_thaw(lambda__sandbox *sandbox)
{
    if (sandbox->freeze < 0 || pwrite(sandbox->freeze, "0", 1, 0) != 1) tell(sandbox, LAMBDA__WIRE_CONTINUE);
}
