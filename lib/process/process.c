/* What is public: opening, which registers a driver for each of Lambda's runtimes; and what the machine enforces. */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "freezer.h"

static lambda_status out_of_memory(lambda_t *lambda)
{
    return lambda_runtime_fail(lambda, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
}

static void free_process(lambda_process *process)
{
    lambda_package_release(process->programs);
    lambda__freezer_close(process->freezer);
    if (process->sandboxes) lambda__sandboxes_close(process->sandboxes);
    pthread_mutex_destroy(&process->mutex);
    free(process->node.wanted);
    free(process->node.path);
    free(process->node.prefix);
    free(process->python.wanted);
    free(process->python.path);
    free(process->python.prefix);
    free(process->users);
    free(process);
}

/** One of those that hold the process is done with it; the last one ends it. */
static void drop(lambda_process *process)
{
    if (atomic_fetch_sub_explicit(&process->drivers, 1, memory_order_acq_rel) == 1) free_process(process);
}

static void driver_closing(void *user)
{
    const lambda__process_driver *driver = user;
    atomic_store_explicit(&driver->process->closing, true, memory_order_release);
}

static void driver_close(void *user)
{
    const lambda__process_driver *driver = user;
    drop(driver->process);
}

/** A name of Lambda's that there is nothing for. */
static lambda_status refuse(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    const lambda__process_driver *driver = user;
    (void)handler;
    return lambda_runtime_fail(request->lambda, LAMBDA_ERROR_INVALID_RUNTIME,
                               "code.runtime: \"%s\" cannot be run here; %s", driver->runtime->name,
                               driver->runtime->advice);
}

static lambda_status register_runtime(lambda__process_driver *user)
{
    bool refused = user->runtime->kind == LAMBDA__RUNTIME_REFUSED;
    const lambda_runtime_driver driver = {.name = user->runtime->name,
                                          .process = true,
                                          .load = refused ? refuse : lambda__code_load,
                                          .reload = refused ? NULL : lambda__code_reload,
                                          .unload = refused ? NULL : lambda__code_unload,
                                          .closing = driver_closing,
                                          .close = driver_close,
                                          .user = user};
    atomic_fetch_add_explicit(&user->process->drivers, 1, memory_order_relaxed);
    lambda_status status = lambda_runtime_register(user->process->lambda, &driver);
    if (status != LAMBDA_OK) atomic_fetch_sub_explicit(&user->process->drivers, 1, memory_order_relaxed);
    return status;
}

static lambda_status check_options(lambda_t *lambda, const lambda_process_options *options)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    if (!options->packages) return lambda_runtime_fail(lambda, invalid, "options.packages: is NULL");
    if (options->directory && options->directory[0] != '/')
        return lambda_runtime_fail(lambda, invalid, "options.directory: \"%.200s\" is not absolute",
                                   options->directory);
    if (options->cgroup && options->cgroup[0] == '\0')
        return lambda_runtime_fail(lambda, invalid, "options.cgroup: is empty");
    if (options->node && options->node[0] == '\0')
        return lambda_runtime_fail(lambda, invalid, "options.node: is empty");
    if (options->python && options->python[0] == '\0')
        return lambda_runtime_fail(lambda, invalid, "options.python: is empty");
    return LAMBDA_OK;
}

/** A process with everything but its sandboxes and drivers. */
static lambda_process *make(lambda_t *lambda, const lambda_process_options *options, size_t runtimes)
{
    lambda_process *process = calloc(1, sizeof(*process));
    if (!process) return NULL;
    process->lambda = lambda;
    process->packages = options->packages;
    atomic_init(&process->drivers, 1);
    process->node.wanted = strdup(options->node ? options->node : "node");
    process->python.wanted = strdup(options->python ? options->python : "python3");
    process->users = calloc(runtimes, sizeof(*process->users));
    process->freezer = lambda__freezer_open();
    if (process->node.wanted && process->python.wanted && process->users && process->freezer &&
        pthread_mutex_init(&process->mutex, NULL) == 0)
        return process;
    lambda__freezer_close(process->freezer);
    free(process->node.wanted);
    free(process->python.wanted);
    free(process->users);
    free(process);
    return NULL;
}

lambda_status lambda_process_open_sized(lambda_t *lambda, const lambda_process_options *options, size_t size,
                                        lambda_process **process)
{
    lambda_process_options full = {0};
    size_t count;
    const lambda__runtime *runtimes = lambda__runtimes_all(&count);
    if (process) *process = NULL;
    if (!lambda) return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "lambda: is NULL");
    if (!options) return lambda_runtime_fail(lambda, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "options: is NULL");
    memcpy(&full, options, size < sizeof(full) ? size : sizeof(full));
    lambda_status status = check_options(lambda, &full);
    if (status != LAMBDA_OK) return status;
    lambda_process *made = make(lambda, &full, count);
    if (!made) return out_of_memory(lambda);
    status = lambda__sandboxes_open(lambda, &full, &made->sandboxes);
    for (size_t i = 0; i < count && status == LAMBDA_OK; i++) {
        made->users[i] = (lambda__process_driver){made, &runtimes[i]};
        status = register_runtime(&made->users[i]);
    }
    if (status == LAMBDA_OK && process) *process = made;
    /* Drivers that are registered already stay until the service closes, and hold it so long. */
    drop(made);
    return status;
}

lambda_status lambda_process_limits_get_sized(lambda_process *process, lambda_process_limits *limits, size_t size)
{
    if (!process) return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "process: is NULL");
    if (!limits) return lambda_runtime_fail(process->lambda, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "limits: is NULL");
    memcpy(limits, lambda__sandboxes_limits(process->sandboxes), size < sizeof(*limits) ? size : sizeof(*limits));
    return LAMBDA_OK;
}

const char *lambda_process_mechanism_name(lambda_process_mechanism mechanism)
{
    switch (mechanism) {
    case LAMBDA_PROCESS_NONE:
        return "none";
    case LAMBDA_PROCESS_CGROUP_2:
        return "cgroup v2";
    case LAMBDA_PROCESS_CGROUP_1:
        return "cgroup v1";
    case LAMBDA_PROCESS_RLIMIT:
        return "rlimit";
    case LAMBDA_PROCESS_NAMESPACE:
        return "namespace";
    case LAMBDA_PROCESS_FILESYSTEM:
        return "file system";
    case LAMBDA_PROCESS_SIGNAL:
        return "signal";
    case LAMBDA_PROCESS_WATCH:
        return "watch";
    case LAMBDA_PROCESS_USER:
        return "user";
    }
    return "unknown";
}
