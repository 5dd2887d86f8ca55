/*
 * Where an environment's processes run: a tree of processes that sees its own files, has its limits, is frozen and thawed as one, and dies as one.
 *
 * Three parts. The *service* is one for a lambda_process: a small helper process (`helper_main.c`, carried inside the library and started from memory), because a large host must not fork. The
 * helper makes *sandboxes*: it clones a child into new namespaces (user, PID, mount), which becomes process 1 there, sets its files up, waits for commands on a socket of its own, starts
 * programs, and reaps. The host holds the other end of that socket. Whoever sees it hang up ends: so nothing outlives the host, even when that is killed. Where namespaces are not to be had, the
 * same helper does what can be done without (lambda_process_limits says what).
 *
 * Nothing here knows of Lambda's protocols.
 */
#ifndef LAMBDA_PROCESS_SANDBOX_H
#define LAMBDA_PROCESS_SANDBOX_H

#include <stddef.h>
#include <sys/types.h>

#include <lambda/process.h>

#include "loop.h"

typedef struct lambda__sandboxes lambda__sandboxes;
typedef struct lambda__sandbox lambda__sandbox;
typedef struct lambda__program lambda__program;

/**
 * Starts the helper, finds out what the machine can do, and removes what a killed process left: in `directory` and in cgroups. Fails by lambda_runtime_fail(lambda, ...), with the message.
 */
lambda_status lambda__sandboxes_open(lambda_t *lambda, const lambda_process_options *options,
                                     lambda__sandboxes **sandboxes);
/** Every sandbox was closed. Ends the helper. */
void lambda__sandboxes_close(lambda__sandboxes *sandboxes);

const lambda_process_limits *lambda__sandboxes_limits(const lambda__sandboxes *sandboxes);
/** Where they are made: what is left there by a process that was killed, and has its name (maker.h), is swept away by the next. Borrowed. */
const char *lambda__sandboxes_directory(const lambda__sandboxes *sandboxes);

/** The name of what this machine cannot enforce and the options do not allow for: no sandbox can be made. NULL: nothing. */
const char *lambda__sandboxes_unenforced(const lambda__sandboxes *sandboxes);

/** One more directory or file of the machine that a sandbox sees, read-only: an interpreter that is not in /usr, say. */
typedef struct lambda__sandbox_bind {
    const char *from; /* absolute */
    const char *
        to; /* where it is seen; absolute, not in /usr, /etc, /var/task, /opt, /tmp, /proc and /dev, where nothing can be made */
} lambda__sandbox_bind;

/** What a sandbox is to be. Borrowed for the call. */
typedef struct lambda__sandbox_options {
    const char *task; /* directory of the code, seen as /var/task; read-only */
    const char *opt;  /* directory of the merged layers, seen as /opt; NULL: an empty one */
    uint32_t memory_mb;
    uint32_t storage_mb; /* of /tmp */
    lambda__loop *loop;  /* where it is heard from; of whoever uses the sandbox */
    /** Ends with one whose `from` is NULL; NULL: none; at most 16. Where there are no namespaces they do nothing: programs see `from` itself. */
    const lambda__sandbox_bind *binds;
} lambda__sandbox_options;

/**
 * A sandbox with nothing running in it. LAMBDA_ERROR_SERVICE where it cannot be made, or something cannot be enforced and the options do not allow for that; by
 * lambda_runtime_fail.
 */
lambda_status lambda__sandbox_open(lambda__sandboxes *sandboxes, const lambda__sandbox_options *options,
                                   lambda__sandbox **sandbox);

/**
 * Kills all that runs in it, at once, waits until it is dead, and removes its directory and cgroups. Frees its programs. What cannot be waited for within a second (a process that
 * the kernel holds) is left to the helper.
 */
void lambda__sandbox_close(lambda__sandbox *sandbox);

/** Paths as the programs see them: "/var/task", "/opt", "/tmp", or where there are no namespaces the real ones. Borrowed while it is open. */
const char *lambda__sandbox_task(const lambda__sandbox *sandbox);
const char *lambda__sandbox_opt(const lambda__sandbox *sandbox);
const char *lambda__sandbox_tmp(const lambda__sandbox *sandbox);

/** The user that its processes are, and so their sockets, in the host's user namespace: one that nothing else has, or where limits' `endpoint` is NONE the host's own. */
uid_t lambda__sandbox_user(const lambda__sandbox *sandbox);

/**
 * Processor time in proportion to memory_mb from now on; until then it has a whole vCPU where that is more. Once, some microseconds. LAMBDA_ERROR_SERVICE by lambda_runtime_fail where it is not had.
 */
lambda_status lambda__sandbox_limit_cpu(lambda__sandbox *sandbox);

/** A program to start. Strings and arrays are borrowed for the call. */
typedef struct lambda__program_options {
    const char *path;               /* as it sees it, absolute */
    const char *const *arguments;   /* the first is its name; NULL-terminated */
    const char *const *environment; /* "NAME=value"; NULL-terminated: there is nothing else in its environment */
    const char *working_directory;  /* as it sees it */
    /**
     * Its end: `status` as waitpid's. Once, on who runs the loop, with no more output to come but what stands in the pipes. May close the sandbox only after it returned.
     */
    void (*exited)(void *user, int status);
    void *user;
} lambda__program_options;

/**
 * Starts it; its standard input is empty. LAMBDA_OK once it runs: `execve` has succeeded. Else LAMBDA_ERROR_SERVICE by lambda_runtime_fail, and `*error` is the errno of execve (ENOENT, EACCES,
 * ENOEXEC, ...) or 0. It runs the loop meanwhile, for a moment.
 */
lambda_status lambda__program_start(lambda__sandbox *sandbox, const lambda__program_options *options,
                                    lambda__program **program, int *error);

/** The pipes of its standard output and error, non-blocking: ours to read and, by the sandbox, to close. */
int lambda__program_output(const lambda__program *program);
int lambda__program_error_output(const lambda__program *program);

/** Sends a signal to it and to the process group that it leads. Nothing where it has ended. */
void lambda__program_signal(lambda__program *program, int signal);

/** True until `exited` was called. */
bool lambda__program_runs(const lambda__program *program);

/** Kills all that runs in the sandbox, not waiting for it: quick, for who is out of time. `exited` is still called for each program by the loop. */
void lambda__sandbox_kill(lambda__sandbox *sandbox);

/** Stops all that runs in it, or lets it go on. Quick: some microseconds. */
void lambda__sandbox_freeze(lambda__sandbox *sandbox);
void lambda__sandbox_thaw(lambda__sandbox *sandbox);

/** Most bytes that all in it had at once of memory, since it was opened, as far as is known; UINT64_MAX: not at all. Some microseconds. */
uint64_t lambda__sandbox_max_memory(lambda__sandbox *sandbox);

/** True once something in it was killed because it had more memory than it may, by the kernel or by `lambda__sandbox_look`. */
bool lambda__sandbox_out_of_memory(lambda__sandbox *sandbox);

/**
 * What is watched rather than enforced (memory without what stands in /tmp, and without cgroups memory and /tmp): looks, and kills the sandbox if it has too much. To be called each 10 ms
 * while something runs. False: it was killed.
 */
bool lambda__sandbox_look(lambda__sandbox *sandbox);

#endif
