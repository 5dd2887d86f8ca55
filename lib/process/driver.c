/* A function's code as the driver has it: its package, its merged layers, and what is checked when it is created. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"

static lambda_status out_of_memory(lambda_t *lambda)
{
    return lambda_runtime_fail(lambda, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
}

/** What a call of the package library said, as this service's message. */
static lambda_status as_said(lambda_t *lambda, lambda_status status)
{
    char said[512];
    if (status == LAMBDA_OK) return status;
    snprintf(said, sizeof(said), "%s", lambda_error_message(NULL));
    return lambda_runtime_fail(lambda, status, "%s", said);
}

static void free_code(lambda__code *code)
{
    if (!code) return;
    lambda_package_release(code->layers);
    lambda_package_release(code->package);
    for (size_t i = 0; i < code->arns_count; i++)
        free((char *)code->arns[i]);
    free((void *)code->arns);
    free((char *)code->handler);
    free(code);
}

/** The request's words, copied. NULL when memory is out. */
static lambda__code *make_code(const lambda__process_driver *driver, const lambda_runtime_request *request)
{
    lambda__code *code = calloc(1, sizeof(*code));
    if (!code) return NULL;
    code->process = driver->process;
    code->runtime = driver->runtime;
    code->handler = strdup(request->handler);
    char **arns = calloc(request->layers_count + 1, sizeof(*arns));
    code->arns = (const char *const *)arns;
    bool complete = code->handler && arns;
    for (size_t i = 0; complete && i < request->layers_count; i++) {
        arns[i] = strdup(request->layers[i]);
        complete = arns[i] != NULL;
        if (complete) code->arns_count++;
    }
    if (complete) return code;
    free_code(code);
    return NULL;
}

/* ---- packages */

static int write_all(int file, const void *data, size_t length)
{
    const char *at = data;
    while (length > 0) {
        ssize_t written = write(file, at, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        at += written;
        length -= (size_t)written;
    }
    return 0;
}

/** A shared object's bytes: a package of the one file that they are, under the name that `path` gives it. */
static lambda_status add_object_bytes(const lambda__process_driver *driver, const lambda_code *code,
                                      lambda_package **package)
{
    lambda_t *lambda = driver->process->lambda;
    char directory[] = "/tmp/lambda-object-XXXXXX", path[sizeof(directory) + 256];
    const char *slash = code->path ? strrchr(code->path, '/') : NULL;
    const char *name = slash ? slash + 1 : code->path;
    if (!name || !name[0] || strlen(name) > 250)
        return lambda_runtime_fail(lambda, LAMBDA_ERROR_INVALID_PARAMETER_VALUE,
                                   "code.path: is to name the object whose bytes `data` is, as \"shapes.so\"");
    if (!mkdtemp(directory))
        return lambda_runtime_fail(lambda, LAMBDA_ERROR_SERVICE, "code.data: no directory in /tmp: %s",
                                   strerror(errno));
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    int error = file < 0 ? errno : write_all(file, code->data, code->data_length);
    if (file >= 0) close(file);
    const lambda_code of_file = {.runtime = code->runtime, .path = path};
    lambda_status status =
        error ? lambda_runtime_fail(lambda, LAMBDA_ERROR_SERVICE, "code.data: %s: %s", path, strerror(error))
              : as_said(lambda, lambda_package_add(driver->process->packages, &of_file, package));
    unlink(path);
    rmdir(directory);
    return status;
}

static lambda_status find_package(lambda__code *code, const char *reference, size_t length, lambda_package **package)
{
    lambda_t *lambda = code->process->lambda;
    char copy[sizeof(code->reference)];
    snprintf(copy, sizeof(copy), "%.*s", (int)length, reference);
    lambda_status status = lambda_package_find(code->process->packages, copy, package);
    if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND)
        return lambda_runtime_fail(lambda, LAMBDA_ERROR_INVALID_CODE,
                                   "code: its package \"%.200s\" is not in the store of packages any more", copy);
    return as_said(lambda, status);
}

static lambda_status get_package(const lambda__process_driver *driver, const lambda_code *given, lambda__code *code)
{
    lambda_process *process = driver->process;
    if (given->reference) return find_package(code, given->reference, strcspn(given->reference, " "), &code->package);
    bool zip = given->data && given->data_length >= 4 && memcmp(given->data, "PK", 2) == 0;
    if (given->data && !zip && driver->runtime->kind == LAMBDA__RUNTIME_OBJECT)
        return add_object_bytes(driver, given, &code->package);
    return as_said(process->lambda, lambda_package_add(process->packages, given, &code->package));
}

/** True if `other` has the same layers. */
static bool same_layers(const lambda__code *code, const lambda__code *other)
{
    bool same = code->arns_count == other->arns_count;
    for (size_t i = 0; same && i < code->arns_count; i++)
        same = strcmp(code->arns[i], other->arns[i]) == 0;
    return same;
}

/**
 * The merged layers: those that stood behind `reference` or `current` where they are the same, as a function keeps its layers when their versions are deleted; else made
 * of the versions.
 */
static lambda_status get_layers(lambda__code *code, const char *reference, const lambda__code *current)
{
    lambda_process *process = code->process;
    if (code->arns_count == 0) return LAMBDA_OK;
    const char *before = reference ? strchr(reference, ' ') : NULL;
    if (before) before++;
    if (current && current->layers && same_layers(code, current)) before = lambda_package_reference(current->layers);
    if (before && lambda_package_find(process->packages, before, &code->layers) == LAMBDA_OK) return LAMBDA_OK;
    return as_said(process->lambda,
                   lambda_layers_merge(process->packages, code->arns, code->arns_count, code->package, &code->layers));
}

/** What names both again. */
static lambda_status make_reference(lambda__code *code)
{
    int length = snprintf(code->reference, sizeof(code->reference), "%s%s%s", lambda_package_reference(code->package),
                          code->layers ? " " : "", code->layers ? lambda_package_reference(code->layers) : "");
    if (length > 0 && (size_t)length < sizeof(code->reference)) return LAMBDA_OK;
    return lambda_runtime_fail(code->process->lambda, LAMBDA_ERROR_SERVICE, "code: its package has too long a name");
}

static lambda_status keep(lambda__code *code)
{
    lambda_status status = lambda__kept_add(code->package);
    if (status != LAMBDA_OK) return as_said(code->process->lambda, status);
    if (code->layers) status = lambda__kept_add(code->layers);
    if (status != LAMBDA_OK) {
        lambda__kept_remove(code->package, true);
        return as_said(code->process->lambda, status);
    }
    code->kept = true;
    return LAMBDA_OK;
}

/** What the machine cannot enforce is refused now, not when the function is invoked. */
static lambda_status check_machine(const lambda__code *code)
{
    const lambda__sandboxes *sandboxes = code->process->sandboxes;
    const char *unenforced = lambda__sandboxes_unenforced(sandboxes);
    if (!unenforced) return LAMBDA_OK;
    return lambda_runtime_fail(
        code->process->lambda, LAMBDA_ERROR_SERVICE,
        "code: %s cannot be enforced on this machine, and best_effort does not allow for that: %s", unenforced,
        lambda__sandboxes_limits(sandboxes)->reason);
}

/* ---- the driver */

/** Code whose package is there becomes what the driver answers with, or is freed. */
static lambda_status finish(lambda__code *code, lambda_status status, const lambda_runtime_request *request,
                            const char *reference, const lambda__code *current, lambda_runtime_handler *handler)
{
    if (status == LAMBDA_OK) status = check_machine(code);
    if (status == LAMBDA_OK) status = get_layers(code, reference, current);
    if (status == LAMBDA_OK) status = lambda__runtime_check(code);
    if (status == LAMBDA_OK) status = make_reference(code);
    if (status == LAMBDA_OK && request->kept) status = keep(code);
    if (status != LAMBDA_OK) {
        free_code(code);
        return status;
    }
    *handler = (lambda_runtime_handler){.handler = lambda__instance_handle,
                                        .init = lambda__instance_init,
                                        .shutdown = lambda__instance_shutdown,
                                        .user = code,
                                        .instance = code,
                                        .code_size = lambda_package_size(code->package),
                                        .code_sha256 = lambda_package_sha256(code->package),
                                        .reference = code->reference};
    return LAMBDA_OK;
}

lambda_status lambda__code_load(void *user, const lambda_runtime_request *request, lambda_runtime_handler *handler)
{
    const lambda__process_driver *driver = user;
    lambda__code *code = make_code(driver, request);
    if (!code) return out_of_memory(request->lambda);
    lambda_status status = get_package(driver, request->code, code);
    return finish(code, status, request, request->code->reference, NULL, handler);
}

lambda_status lambda__code_reload(void *user, const lambda_runtime_request *request,
                                  const lambda_runtime_handler *current, lambda_runtime_handler *handler)
{
    const lambda__process_driver *driver = user;
    const lambda__code *before = current->instance;
    lambda__code *code = make_code(driver, request);
    if (!code) return out_of_memory(request->lambda);
    const char *reference = lambda_package_reference(before->package);
    lambda_status status = find_package(code, reference, strlen(reference), &code->package);
    return finish(code, status, request, NULL, before, handler);
}

void lambda__code_unload(void *user, lambda_runtime_handler *handler)
{
    const lambda__process_driver *driver = user;
    lambda__code *code = handler->instance;
    bool forget = !atomic_load_explicit(&driver->process->closing, memory_order_acquire);
    if (code->kept) {
        lambda__kept_remove(code->package, forget);
        if (code->layers) lambda__kept_remove(code->layers, forget);
    }
    free_code(code);
}
