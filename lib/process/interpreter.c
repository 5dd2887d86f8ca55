/*
 * Node.js and Python as the machine has them. What stands on PATH under those names may be a small program that starts one of several, by variables that a function's
 * process does not get: so each is asked where it really is, once. And it has to be where sandboxes see it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

/** How long it may take to answer, milliseconds. */
#define ANSWER_MS 10000

#define PATH_SIZE 1024

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/** Reads its answer until it ends, or its time does. */
static void read_answer(int file, char *answer, size_t size)
{
    size_t length = 0;
    uint64_t end = now_ms() + ANSWER_MS;
    for (uint64_t now = now_ms(); length + 1 < size && now < end; now = now_ms()) {
        struct pollfd ready = {.fd = file, .events = POLLIN};
        if (poll(&ready, 1, (int)(end - now)) <= 0) continue;
        ssize_t got = read(file, answer + length, size - 1 - length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        length += (size_t)got;
    }
    answer[length] = '\0';
}

/** Asks a program where it really is; "" where it does not say. */
static void ask(const char *path, bool node, char answer[PATH_SIZE])
{
    extern char **environ;
    char *for_node[] = {(char *)path, "-e", "process.stdout.write(process.execPath)", NULL};
    char *for_python[] = {(char *)path, "-c", "import os,sys;sys.stdout.write(os.path.realpath(sys.executable))", NULL};
    int pipe[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    answer[0] = '\0';
    if (pipe2(pipe, O_CLOEXEC) != 0) return;
    bool prepared = posix_spawn_file_actions_init(&actions) == 0;
    int error = prepared ? 0 : ENOMEM;
    if (!error) error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
    if (!error) error = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (!error) error = posix_spawn(&child, path, &actions, NULL, node ? for_node : for_python, environ);
    if (prepared) posix_spawn_file_actions_destroy(&actions);
    close(pipe[1]);
    if (!error) {
        read_answer(pipe[0], answer, PATH_SIZE);
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close(pipe[0]);
}

static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/** True if sandboxes see it where it is: where they see the machine's files at all. */
static bool is_seen(const char *path, const lambda_process_limits *limits)
{
    static const char *const seen[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store", "/gnu/store"};
    bool found = limits->paths != LAMBDA_PROCESS_NAMESPACE;
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        found = found || is_below(path, seen[i]);
    return found;
}

/** Notes where it is seen: of PREFIX/bin/NAME the prefix goes to /var/lang. NULL, or why not. */
static const char *place(lambda__interpreter *interpreter, const char *real, const lambda_process_limits *limits)
{
    if (real[0] != '/') return "does not answer where it is";
    if (access(real, X_OK) != 0) return strerror(errno);
    if (is_seen(real, limits)) {
        interpreter->path = strdup(real);
        return interpreter->path ? NULL : "memory is out";
    }
    const char *name = strrchr(real, '/');
    size_t prefix = (size_t)(name - real) < 5 ? 0 : (size_t)(name - real) - 4;
    if (prefix == 0 || strncmp(real + prefix, "/bin/", 5) != 0) return "stands in no directory \"bin\"";
    char *path = NULL;
    interpreter->prefix = strndup(real, prefix);
    if (interpreter->prefix && asprintf(&path, "/var/lang%s", real + prefix) >= 0) {
        interpreter->path = path;
        return NULL;
    }
    free(interpreter->prefix);
    interpreter->prefix = NULL;
    return "memory is out";
}

/** One file that may be it. True: it is, and its place has been noted. */
static bool try_one(lambda__interpreter *interpreter, const char *path, bool node, const lambda_process_limits *limits)
{
    char answer[PATH_SIZE];
    if (access(path, X_OK) != 0) {
        snprintf(interpreter->problem, sizeof(interpreter->problem), "%.180s: %s", path, strerror(errno));
        return false;
    }
    ask(path, node, answer);
    const char *why = place(interpreter, answer, limits);
    if (why) snprintf(interpreter->problem, sizeof(interpreter->problem), "%.180s %s", answer[0] ? answer : path, why);
    return !why;
}

/** Goes through PATH; the first that can be used is it. */
static void search(lambda__interpreter *interpreter, bool node, const lambda_process_limits *limits)
{
    const char *at = getenv("PATH");
    char path[PATH_SIZE];
    if (strchr(interpreter->wanted, '/')) {
        try_one(interpreter, interpreter->wanted, node, limits);
        return;
    }
    if (!at || !at[0]) at = "/usr/local/bin:/usr/bin:/bin";
    snprintf(interpreter->problem, sizeof(interpreter->problem), "there is no \"%.100s\" on PATH", interpreter->wanted);
    while (*at) {
        size_t length = strcspn(at, ":");
        int written = snprintf(path, sizeof(path), "%.*s/%s", (int)length, at, interpreter->wanted);
        at += length + (at[length] == ':');
        if (written < 0 || (size_t)written >= sizeof(path) || access(path, F_OK) != 0) continue;
        if (try_one(interpreter, path, node, limits)) return;
    }
}

lambda_status lambda__interpreter_find(lambda__code *code)
{
    lambda_process *process = code->process;
    bool node = code->runtime->kind == LAMBDA__RUNTIME_NODE;
    lambda__interpreter *interpreter = node ? &process->node : &process->python;
    lambda_status status = LAMBDA_OK;
    pthread_mutex_lock(&process->mutex);
    if (!interpreter->path) search(interpreter, node, lambda__sandboxes_limits(process->sandboxes));
    code->interpreter = interpreter->path;
    code->interpreter_prefix = interpreter->prefix;
    if (!interpreter->path)
        status = lambda_runtime_fail(process->lambda, LAMBDA_ERROR_INVALID_RUNTIME,
                                     "code.runtime: \"%s\" needs %s on this machine: %s", code->runtime->name,
                                     node ? "Node.js" : "Python 3", interpreter->problem);
    pthread_mutex_unlock(&process->mutex);
    return status;
}
