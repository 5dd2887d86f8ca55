/*
 * Lambda's runtimes as drivers of the runtime port: what a lambda_process has, what a runtime is, and what stands behind a function's code.
 */
#ifndef LAMBDA_PROCESS_DRIVER_H
#define LAMBDA_PROCESS_DRIVER_H

#include <pthread.h>
#include <stdatomic.h>

#include <lambda/layer.h>
#include <lambda/port/runtime.h>

#include "sandbox.h"

/** How code of a runtime is started. */
typedef enum lambda__runtime_kind {
    LAMBDA__RUNTIME_PROVIDED, /* an executable file named bootstrap */
    LAMBDA__RUNTIME_NODE,
    LAMBDA__RUNTIME_PYTHON,
    LAMBDA__RUNTIME_OBJECT, /* a shared object, by a program of the library's own */
    LAMBDA__RUNTIME_REFUSED /* a name of Lambda's that there is nothing for */
} lambda__runtime_kind;

/** A name that functions may give. */
typedef struct lambda__runtime {
    const char *name;
    lambda__runtime_kind kind;
    const char *advice; /* of a refused one: what to do */
} lambda__runtime;

/** All of them, `*count`. */
const lambda__runtime *lambda__runtimes_all(size_t *count);

/** A program of this machine that runs code, looked for when the first function needs it. */
typedef struct lambda__interpreter {
    char *wanted; /* what the options say, or its usual name */
    char *path;   /* as sandboxes see it; NULL: not looked for yet, or not found */
    char *
        prefix; /* the directory that sandboxes see as /var/lang, Lambda's place for it; NULL: they see the machine's */
    char problem[256]; /* why it was not found */
} lambda__interpreter;

typedef struct lambda__process_driver {
    struct lambda_process *process;
    const lambda__runtime *runtime;
} lambda__process_driver;

struct lambda_process {
    lambda_t *lambda;
    lambda_packages *packages;
    lambda__sandboxes *sandboxes;
    struct lambda__freezer *freezer;
    atomic_bool closing; /* the service closes: what is unloaded is still kept */
    _Atomic size_t
        drivers; /* those that were not closed yet, and one while it is being opened: the last one frees all of it */
    pthread_mutex_t mutex; /* of what follows */
    lambda__interpreter node;
    lambda__interpreter python;
    lambda_package *programs; /* the library's own bootstraps, put into the store when the first function needs them */
    lambda__process_driver *users; /* one a driver */
};

/** What a function's code is, loaded: `user` and `instance` of its lambda_runtime_handler. Never changes. */
typedef struct lambda__code {
    lambda_process *process;
    const lambda__runtime *runtime;
    lambda_package *package;
    lambda_package *layers;  /* merged; NULL for none */
    const char *const *arns; /* of those layers, in their order */
    size_t arns_count;
    const char *handler;
    const char *interpreter;        /* NULL for what needs none */
    const char *interpreter_prefix; /* as lambda__interpreter */
    const char *programs;           /* directory of the library's own bootstraps; NULL where they are not needed */
    bool kept;
    char reference[1025];
} lambda__code;

/** The driver's calls. */
lambda_status lambda__code_load(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler);
lambda_status lambda__code_reload(void *user, const lambda_runtime_request *request,
                                  const lambda_runtime_handler *current, lambda_runtime_handler *handler);
void lambda__code_unload(void *user, lambda_runtime_handler *handler);

/** Its handler and hooks: environment.c. */
lambda_handler lambda__instance_handle;
lambda_init_hook lambda__instance_init;
lambda_shutdown_hook lambda__instance_shutdown;

/* ---- what a runtime needs: runtimes.c */

/** Most arguments of a runtime's program, its name included. */
#define LAMBDA__ARGUMENTS_MAX 8

/** How an environment starts its runtime. */
typedef struct lambda__launch {
    char path[1024];
    const char *arguments[LAMBDA__ARGUMENTS_MAX + 1];
    char texts[3][1024]; /* of arguments that are made up */
} lambda__launch;

/** When a function is created: whether what is there can be run at all. Finds the interpreter. Fails by lambda_runtime_fail. */
lambda_status lambda__runtime_check(lambda__code *code);

/** Directories as the programs of a sandbox see them. */
typedef struct lambda__places {
    const char *task;
    const char *opt;
    const char *runtime; /* of the library's own bootstraps */
} lambda__places;

/**
 * The runtime's program and its arguments, as they are seen there. `wrapper`: the function's AWS_LAMBDA_EXEC_WRAPPER, NULL for none. False where there is no
 * bootstrap any more, or a path is too long.
 */
bool lambda__runtime_launch(const lambda__code *code, const lambda__places *places, const char *wrapper,
                            lambda__launch *launch);

/* ---- interpreters of the machine: interpreter.c */

/**
 * Where it is, found by asking it: on PATH stand small programs that start another one. Fills in the code's `interpreter` and its prefix, which are the process's.
 * LAMBDA_ERROR_INVALID_RUNTIME by lambda_runtime_fail where there is none that sandboxes can start.
 */
lambda_status lambda__interpreter_find(lambda__code *code);

/* ---- the library's own bootstraps: programs.c */

/** One file of them. */
typedef struct lambda__program_file {
    const char *name; /* without a directory */
    bool executable;
    const unsigned char *data;
    const unsigned char *end;
} lambda__program_file;

/** Directory with all of them, made at the first call; `*directory` is the process's. By lambda_runtime_fail. */
lambda_status lambda__programs_directory(lambda_process *process, const char **directory);

/* ---- who needs a package on disk: kept.c */

/** Has the package outlive this process, until lambda__kept_remove was called as often with `forget`. */
lambda_status lambda__kept_add(lambda_package *package);
void lambda__kept_remove(lambda_package *package, bool forget);

#endif
