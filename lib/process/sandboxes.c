/* The host's end of the helper: starts it, hears from it what can be done here, and asks it. */
#include "sandboxes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lambda/port/runtime.h>

/* The program, made when the library is built. */
extern const unsigned char lambda__helper_program[];
extern const size_t lambda__helper_program_size;

unsigned lambda__sandboxes_without;

enum { PATIENCE_MS = 20000 };

static int say(char *text, int error, const char *what)
{
    snprintf(text, LAMBDA__WIRE_TEXT, "%s: %s", what, strerror(error));
    return error;
}

/** The program as a file in memory. -1 with errno. */
static int program_file(void)
{
#ifdef MFD_EXEC
    int fd = memfd_create("lambda-sandbox", MFD_CLOEXEC | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) fd = memfd_create("lambda-sandbox", MFD_CLOEXEC);
#else
    int fd = memfd_create("lambda-sandbox", MFD_CLOEXEC);
#endif
    for (size_t done = 0; fd >= 0 && done < lambda__helper_program_size;) {
        ssize_t written = write(fd, lambda__helper_program + done, lambda__helper_program_size - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (errno != EINTR) {
            int error = errno;
            close(fd);
            errno = error;
            return -1;
        }
    }
    return fd;
}

/** Starts the program with one descriptor of ours, its end of the socket. The host's memory is not copied for it. */
static int spawn(int program, int socket, pid_t *pid)
{
    char path[64];
    char name[] = "lambda-sandbox";
    char *arguments[] = {name, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    snprintf(path, sizeof path, "/proc/self/fd/%d", program);
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    for (int fd = 0; fd < 3 && !error; fd++)
        error = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, socket, LAMBDA__HELPER_HOST);
    if (!error) error = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/** Waits for a helper whose socket was closed. What does not go in time is killed: the next one sweeps behind it. */
static void bury(pid_t helper)
{
    enum { LONGEST_MS = 5000 };
    int process = (int)syscall(SYS_pidfd_open, helper, 0);
    struct pollfd polled = {.fd = process, .events = POLLIN};
    if (process >= 0 && poll(&polled, 1, LONGEST_MS) != 1) kill(helper, SIGKILL);
    if (process >= 0) close(process);
    while (waitpid(helper, NULL, 0) < 0 && errno == EINTR) {
    }
}

/** Bounded wait for a message of the helper's. */
static ssize_t hear(int socket, void *bytes, size_t size)
{
    int fds[LAMBDA__WIRE_FDS];
    struct pollfd polled = {.fd = socket, .events = POLLIN};
    int ready;
    do {
        ready = poll(&polled, 1, PATIENCE_MS);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return -ETIMEDOUT;
    ssize_t got = lambda__wire_receive(socket, bytes, size, fds);
    lambda__wire_close_all(fds, LAMBDA__WIRE_FDS);
    return got;
}

static void take_limits(lambda_process_limits *limits, const lambda__welcome *welcome)
{
    limits->memory = (lambda_process_mechanism)welcome->memory;
    limits->cpu = (lambda_process_mechanism)welcome->cpu;
    limits->processes = (lambda_process_mechanism)welcome->processes;
    limits->storage = (lambda_process_mechanism)welcome->storage;
    limits->paths = (lambda_process_mechanism)welcome->paths;
    limits->tree = (lambda_process_mechanism)welcome->tree;
    limits->freeze = (lambda_process_mechanism)welcome->freeze;
    limits->identity = (lambda_process_mechanism)welcome->identity;
    limits->endpoint = (lambda_process_mechanism)welcome->endpoint;
    memcpy(limits->reason, welcome->reason, sizeof limits->reason);
}

/** Says what is to be done, and hears what can be. */
static int greet(lambda__sandboxes *sandboxes, int socket, char *text)
{
    lambda__hello hello = {.kind = LAMBDA__WIRE_HELLO, .without = lambda__sandboxes_without};
    lambda__welcome welcome;
    lambda__packed strings = {0};
    lambda__packed_add(&strings, sandboxes->directory);
    lambda__packed_add(&strings, sandboxes->cgroup);
    int error = strings.failed
                    ? ENOMEM
                    : lambda__wire_send(socket, &hello, sizeof hello, strings.bytes, strings.length, NULL, 0);
    free(strings.bytes);
    if (error) return say(text, error, "helper");
    ssize_t size = hear(socket, &welcome, sizeof welcome);
    if (size != (ssize_t)sizeof welcome) return say(text, size < 0 ? (int)-size : EPIPE, "helper");
    if (welcome.error) {
        memcpy(text, welcome.text, LAMBDA__WIRE_TEXT);
        return welcome.error;
    }
    /* They are read without the lock: what the first one found stands. */
    if (!sandboxes->helper) {
        take_limits(&sandboxes->limits, &welcome);
        sandboxes->user = geteuid();
    }
    return 0;
}

/** A new helper. The lock is held, or nobody else knows of it. */
static int start_helper(lambda__sandboxes *sandboxes, char *text)
{
    int pair[2];
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return say(text, errno, "socket of the helper");
    /* A descriptor that has that number already would be passed on close-on-exec. */
    int program = program_file();
    int error = program < 0 ? errno : 0;
    int peer = error ? -1 : fcntl(pair[1], F_DUPFD_CLOEXEC, LAMBDA__HELPER_HOST + 1);
    if (!error && peer < 0) error = errno;
    if (!error) error = spawn(program, peer, &pid);
    if (program >= 0) close(program);
    if (peer >= 0) close(peer);
    close(pair[1]);
    if (error)
        say(text, error, "starting the helper");
    else
        error = greet(sandboxes, pair[0], text);
    if (error) {
        close(pair[0]);
        if (pid > 0) bury(pid);
        return error;
    }
    sandboxes->socket = pair[0];
    sandboxes->helper = pid;
    return 0;
}

int lambda__sandboxes_send(lambda__sandboxes *sandboxes, const void *head, size_t head_size, const void *rest,
                           size_t rest_size, int fd, char *text)
{
    int error = 0;
    pthread_mutex_lock(&sandboxes->lock);
    for (int attempt = 0; attempt < 2; attempt++) {
        if (sandboxes->socket < 0) error = start_helper(sandboxes, text);
        if (error) break;
        error = lambda__wire_send(sandboxes->socket, head, head_size, rest, rest_size, &fd, fd >= 0);
        if (error != EPIPE && error != ECONNRESET) break;
        close(sandboxes->socket);
        sandboxes->socket = -1;
        bury(sandboxes->helper);
        error = 0;
    }
    if (!error && sandboxes->socket < 0) error = EPIPE;
    pthread_mutex_unlock(&sandboxes->lock);
    return error && !*text ? say(text, error, "helper") : error;
}

lambda_status lambda__sandboxes_open(lambda_t *lambda, const lambda_process_options *options,
                                     lambda__sandboxes **sandboxes)
{
    char text[LAMBDA__WIRE_TEXT] = "";
    const char *directory = options->directory ? options->directory : "/tmp";
    const char *cgroup = options->cgroup ? options->cgroup : "";
    if (directory[0] != '/' || strlen(directory) >= LAMBDA__PATH)
        return lambda_runtime_fail(lambda, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "directory: not an absolute path");
    if (strlen(cgroup) >= LAMBDA__PATH)
        return lambda_runtime_fail(lambda, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "cgroup: too long");
    lambda__sandboxes *made = calloc(1, sizeof *made);
    if (!made) return lambda_runtime_fail(lambda, LAMBDA_ERROR_OUT_OF_MEMORY, "sandboxes: no memory");
    made->lambda = lambda;
    made->best_effort = options->best_effort;
    snprintf(made->directory, sizeof made->directory, "%s", directory);
    snprintf(made->cgroup, sizeof made->cgroup, "%s", cgroup);
    made->socket = -1;
    pthread_mutex_init(&made->lock, NULL);
    if (start_helper(made, text) != 0) {
        pthread_mutex_destroy(&made->lock);
        free(made);
        return lambda_runtime_fail(lambda, LAMBDA_ERROR_SERVICE, "no process can be started: %s", text);
    }
    *sandboxes = made;
    return LAMBDA_OK;
}

void lambda__sandboxes_close(lambda__sandboxes *sandboxes)
{
    if (sandboxes->socket >= 0) {
        close(sandboxes->socket);
        bury(sandboxes->helper);
    }
    pthread_mutex_destroy(&sandboxes->lock);
    free(sandboxes);
}

const char *lambda__sandboxes_directory(const lambda__sandboxes *sandboxes)
{
    return sandboxes->directory;
}

const lambda_process_limits *lambda__sandboxes_limits(const lambda__sandboxes *sandboxes)
{
    return &sandboxes->limits;
}
