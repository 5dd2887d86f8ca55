/*
 * Functions in processes of their own, which speak Lambda's Runtime API: executables named `bootstrap`, Node.js and Python. Library: liblambda-process
 * (libmicrohttpd, libcurl), for Linux.
 */
#ifndef LAMBDA_PROCESS_H
#define LAMBDA_PROCESS_H

#include <lambda/package.h>
#include <lambda/service.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What starts processes for one service. Opaque. */
typedef struct lambda_process lambda_process;

/** How. Zero means the default, NULL in place of it is not allowed. Copied. */
typedef struct lambda_process_options {
    lambda_packages
        *packages; /**< required: where functions' packages and layers are. Borrowed until the service has closed */
    const char *directory; /**< where environments have their directories; absolute. Default "/tmp" */
    /**
     * What this machine cannot enforce (lambda_process_limits_get says what) is left away, instead of refusing the function: it then stands in
     * `lambda_process_limits` and in the log of each environment. Default: refuse.
     */
    bool best_effort;
    /** Cgroup directories are made under this one of each hierarchy, as far as they can be. Default: this process's own. */
    const char *cgroup;
    const char *node;   /**< Node.js's program. Default "node" of this process's PATH */
    const char *python; /**< Python's. Default "python3" of it */
} lambda_process_options;

/** How one thing is enforced, or not. */
typedef enum lambda_process_mechanism {
    LAMBDA_PROCESS_NONE = 0,       /**< not at all */
    LAMBDA_PROCESS_CGROUP_2 = 1,   /**< a cgroup of version 2 */
    LAMBDA_PROCESS_CGROUP_1 = 2,   /**< a cgroup of version 1 */
    LAMBDA_PROCESS_RLIMIT = 3,     /**< setrlimit, for each process alone */
    LAMBDA_PROCESS_NAMESPACE = 4,  /**< a namespace */
    LAMBDA_PROCESS_FILESYSTEM = 5, /**< a file system of its own, with that size */
    LAMBDA_PROCESS_SIGNAL = 6,     /**< signals */
    LAMBDA_PROCESS_WATCH = 7,      /**< it is looked at while the function runs, and the environment killed */
    LAMBDA_PROCESS_USER = 8        /**< a user id of its own */
} lambda_process_mechanism;

/** What this machine can do, and how: seen when the driver was opened, by trying. */
typedef struct lambda_process_limits {
    lambda_process_mechanism memory; /**< memory_size: CGROUP_2, CGROUP_1, RLIMIT or NONE */
    /**
     * Processor time in proportion to memory_size, one vCPU at 1,769 MB: CGROUP_2, CGROUP_1 or NONE. In the init phase an environment has a whole vCPU where that is more. This is our choice: Lambda does
     * not document it, but is seen to do likewise, and with 128 MB's 7 % an interpreter would take a second to start.
     */
    lambda_process_mechanism cpu;
    lambda_process_mechanism
        processes; /**< number of processes and threads, 1,024 as in Lambda: CGROUP_2, CGROUP_1, RLIMIT or NONE */
    lambda_process_mechanism storage; /**< ephemeral_storage_size of /tmp: FILESYSTEM, WATCH or NONE */
    lambda_process_mechanism
        paths; /**< /var/task, /opt and /tmp are the environment's own: NAMESPACE; else variables name them: NONE */
    lambda_process_mechanism
        tree; /**< the whole tree of processes dies with its environment: NAMESPACE, CGROUP_2, or SIGNAL (what leaves its process group is hunted through its parents) */
    lambda_process_mechanism
        freeze; /**< nothing runs between invocations, from some milliseconds after one has ended: CGROUP_2 or SIGNAL */
    lambda_process_mechanism
        identity; /**< another user, without privileges: NAMESPACE; NONE: that of this process, which then has none to lose */
    /**
     * Who can speak to an environment's Runtime API, which listens on 127.0.0.1: USER, its own processes alone, known by a user id that nothing else has; NONE, all programs of the user that this process
     * is, other environments' too, but no other user's. Not refused where it is NONE: only root can have it.
     */
    lambda_process_mechanism endpoint;
    char reason[512]; /**< why what is NONE is none, for people; "" where all is enforced */
} lambda_process_limits;

/** Exported form of `lambda_process_open`. */
LAMBDA_API lambda_status lambda_process_open_sized(lambda_t *lambda, const lambda_process_options *options, size_t size,
                                                   lambda_process **process);

/**
 * Registers drivers for Lambda's runtimes with a service, of the kind that runs processes: "provided.al2023" and "provided.al2" (an executable file `bootstrap` in the package), "nodejs*" and "python*" in the
 * versions that Lambda has or had, and "shared-object" (shared objects with handlers, as in the library's own driver). Names of Lambda's that it does not have (Java, .NET, Ruby, Go) are
 * LAMBDA_ERROR_INVALID_RUNTIME when a function is created, and the message says what to do.
 *
 * Removes what a killed process left in `directory` and in cgroups. `*process` (NULL: not wanted) is the service's, and ends with it. LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
 * LAMBDA_ERROR_RESOURCE_CONFLICT where the service has these drivers; LAMBDA_ERROR_SERVICE where no process can be started; LAMBDA_ERROR_OUT_OF_MEMORY. Any thread.
 */
static inline lambda_status lambda_process_open(lambda_t *lambda, const lambda_process_options *options,
                                                lambda_process **process)
{
    return lambda_process_open_sized(lambda, options, sizeof(lambda_process_options), process);
}

/** Exported form of `lambda_process_limits_get`. */
LAMBDA_API lambda_status lambda_process_limits_get_sized(lambda_process *process, lambda_process_limits *limits,
                                                         size_t size);

/** What is enforced, and how. LAMBDA_ERROR_INVALID_PARAMETER_VALUE for NULL. Any thread. */
static inline lambda_status lambda_process_limits_get(lambda_process *process, lambda_process_limits *limits)
{
    return lambda_process_limits_get_sized(process, limits, sizeof(lambda_process_limits));
}

/** "none", "cgroup v2", "cgroup v1", "rlimit", "namespace", "file system", "signal", "watch", "user"; "unknown" for what is none. Static; any thread. */
LAMBDA_API const char *lambda_process_mechanism_name(lambda_process_mechanism mechanism);

#ifdef __cplusplus
}
#endif

#endif
