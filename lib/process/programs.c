/*
 * The library's own bootstraps, which it carries in itself: for functions whose package has no official client. They are put into the store of packages, like any
 * other code, and seen by functions as /var/runtime, Lambda's place for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "maker.h"
#include "program_files.h"
#include "wire.h"

static int write_file(const char *directory, const lambda__program_file *file)
{
    char path[LAMBDA__PATH + 32];
    snprintf(path, sizeof(path), "%s/%s", directory, file->name);
    int open_file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->executable ? 0755 : 0644);
    if (open_file < 0) return errno;
    int error = 0;
    for (const unsigned char *at = file->data; !error && at < file->end;) {
        ssize_t written = write(open_file, at, (size_t)(file->end - at));
        if (written >= 0)
            at += (size_t)written;
        else if (errno != EINTR)
            error = errno;
    }
    close(open_file);
    return error;
}

static lambda_status add(lambda_process *process)
{
    char maker[80];
    char directory[LAMBDA__PATH];
    char path[LAMBDA__PATH + 32];
    lambda_t *lambda = process->lambda;
    /* A name that whoever opens the directory next sweeps away, should this process be killed meanwhile. */
    lambda__maker_name(maker, sizeof(maker));
    int length =
        snprintf(directory, sizeof(directory), "%s/%s-XXXXXX", lambda__sandboxes_directory(process->sandboxes), maker);
    if (length >= (int)sizeof(directory) || !mkdtemp(directory))
        return lambda_runtime_fail(lambda, LAMBDA_ERROR_SERVICE, "no directory can be made in %s: %s",
                                   lambda__sandboxes_directory(process->sandboxes),
                                   length >= (int)sizeof(directory) ? strerror(ENAMETOOLONG) : strerror(errno));
    int error = 0;
    for (size_t i = 0; !error && i < lambda__program_files_count; i++)
        error = write_file(directory, &lambda__program_files[i]);
    lambda_status status = LAMBDA_ERROR_SERVICE;
    if (error) {
        lambda_runtime_fail(lambda, status, "%s cannot be written: %s", directory, strerror(error));
    } else {
        char said[512];
        const lambda_code code = {.runtime = "shared-object", .path = directory};
        status = lambda_package_add(process->packages, &code, &process->programs);
        if (status != LAMBDA_OK) {
            snprintf(said, sizeof(said), "%s", lambda_error_message(NULL));
            lambda_runtime_fail(lambda, status, "%s", said);
        }
    }
    for (size_t i = 0; i < lambda__program_files_count; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, lambda__program_files[i].name);
        unlink(path);
    }
    rmdir(directory);
    return status;
}

lambda_status lambda__programs_directory(lambda_process *process, const char **directory)
{
    lambda_status status = LAMBDA_OK;
    pthread_mutex_lock(&process->mutex);
    if (!process->programs) status = add(process);
    *directory = process->programs ? lambda_package_path(process->programs) : NULL;
    pthread_mutex_unlock(&process->mutex);
    return status;
}
