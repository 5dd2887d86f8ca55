#include "add.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zip.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

lambda__package_tree lambda__package_tree_for(const lambda_packages *packages, const char *what)
{
    return (lambda__package_tree){.what = what, .most = packages->entries, .unpacked_size = packages->unpacked_size};
}

static lambda_status too_large(const lambda_packages *packages, const char *what)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_REQUEST_TOO_LARGE, "%s: Zipped size must be smaller than %llu bytes",
                               what, (unsigned long long)packages->zipped_size);
}

/* ---- a zip */

typedef struct zip_job {
    lambda__package_zip zip;
    lambda__package_tree tree;
} zip_job;

static lambda_status fill_from_zip(void *user, lambda__package_place root, lambda_package *package)
{
    zip_job *job = user;
    lambda_status status = lambda__package_zip_list(job->zip, &job->tree);
    if (status == LAMBDA_OK) status = lambda__package_zip_unpack(job->zip, &job->tree, root);
    package->size = job->zip.length;
    package->unpacked_size = job->tree.bytes;
    return status;
}

static lambda_status make_from_zip(lambda_packages *packages, const char *what, lambda__package_zip zip,
                                   const lambda__package_sum *sum, lambda_package **package)
{
    zip_job job = {.zip = zip, .tree = lambda__package_tree_for(packages, what)};
    lambda_status status = lambda__package_make(packages, sum, fill_from_zip, &job, package);
    lambda__package_tree_clear(&job.tree);
    if (status == LAMBDA_OK) status = lambda__package_archive(*package, zip.bytes, zip.length);
    if (status == LAMBDA_OK) return LAMBDA_OK;
    lambda_package_release(*package);
    *package = NULL;
    return status;
}

static lambda_status add_bytes(lambda_packages *packages, const char *what, lambda__package_zip zip,
                               lambda_package **package)
{
    lambda__package_digest digest;
    lambda__package_sum sum;
    if (zip.length > packages->zipped_size) return too_large(packages, what);
    lambda_status status = lambda__package_digest_begin(&digest);
    if (status != LAMBDA_OK) return status;
    status = lambda__package_digest_add(&digest, zip.bytes, zip.length);
    if (status == LAMBDA_OK) status = lambda__package_digest_sum(&digest, &sum);
    lambda__package_digest_drop(&digest);
    return status == LAMBDA_OK ? make_from_zip(packages, what, zip, &sum, package) : status;
}

/* ---- a path */

static lambda_status path_failed(const char *what, const char *path, const char *doing)
{
    char words[128];
    int error = errno;
    if (error == ENOMEM) return lambda__package_no_memory();
    lambda_status status = error == ENOENT || error == ENOTDIR ? INVALID : LAMBDA_ERROR_SERVICE;
    return lambda_runtime_fail(NULL, status, "%s: %.300s: cannot %s it: %s", what, path, doing,
                               strerror_r(error, words, sizeof(words)));
}

/** Reads and sums a file of that size. It may change while it is read, and then there is an error; afterwards it makes no difference. */
static lambda_status read_and_sum(const lambda__package_source *source, int fd, char *bytes, size_t size,
                                  lambda__package_sum *sum)
{
    enum { PIECE = 1 << 18 }; /* it is in the processor's cache when it is summed */
    lambda__package_digest digest;
    size_t length = 0;
    lambda_status status = lambda__package_digest_begin(&digest);
    if (status != LAMBDA_OK) return status;
    while (status == LAMBDA_OK && length < size) {
        size_t piece = size - length < PIECE ? size - length : PIECE;
        long long got = lambda__package_read(fd, bytes + length, piece);
        if (got < 0)
            status = path_failed(source->path_name, source->path, "read");
        else if ((size_t)got < piece)
            status = lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_CONFLICT,
                                         "%s: %.300s: was changed while it was read", source->path_name, source->path);
        else
            status = lambda__package_digest_add(&digest, bytes + length, piece);
        length += piece;
    }
    if (status == LAMBDA_OK) status = lambda__package_digest_sum(&digest, sum);
    lambda__package_digest_drop(&digest);
    return status;
}

/** A zip's file is read whole: what is summed is what is unpacked, whoever writes to the file meanwhile. */
static lambda_status add_zip_file(lambda_packages *packages, const lambda__package_source *source, int fd,
                                  uint64_t size, lambda_package **package)
{
    lambda__package_sum sum;
    if (size > packages->zipped_size) return too_large(packages, source->path_name);
    char *bytes = malloc(size > 0 ? (size_t)size : 1);
    if (!bytes) return lambda__package_no_memory();
    lambda_status status = read_and_sum(source, fd, bytes, (size_t)size, &sum);
    lambda__package_zip zip = {.bytes = (const unsigned char *)bytes, .length = (size_t)size};
    if (status == LAMBDA_OK) status = make_from_zip(packages, source->path_name, zip, &sum, package);
    free(bytes);
    return status;
}

/** True for a file whose name or beginning says that it is a zip. */
static bool says_zip(int fd, const char *path)
{
    char begin[4];
    size_t length = strlen(path);
    if (length >= 4 && strcasecmp(path + length - 4, ".zip") == 0) return true;
    ssize_t got = pread(fd, begin, sizeof(begin), 0);
    return got == (ssize_t)sizeof(begin) && lambda__package_is_zip(begin, sizeof(begin));
}

static lambda_status add_open(lambda_packages *packages, const lambda__package_source *source, int fd,
                              lambda_package **package)
{
    struct stat about;
    if (fstat(fd, &about) != 0) return path_failed(source->path_name, source->path, "look at");
    if (S_ISDIR(about.st_mode)) return lambda__package_add_copy(packages, source->path_name, fd, NULL, package);
    if (!S_ISREG(about.st_mode))
        return lambda_runtime_fail(NULL, INVALID, "%s: %.300s: is neither a file nor a directory", source->path_name,
                                   source->path);
    if (says_zip(fd, source->path)) return add_zip_file(packages, source, fd, (uint64_t)about.st_size, package);
    const char *slash = strrchr(source->path, '/');
    return lambda__package_add_copy(packages, source->path_name, fd, slash ? slash + 1 : source->path, package);
}

lambda_status lambda__package_add(lambda_packages *packages, const lambda__package_source *source,
                                  lambda_package **package)
{
    if (source->data && source->path)
        return lambda_runtime_fail(NULL, INVALID, "%s: is given beside %s: only one can be", source->data_name,
                                   source->path_name);
    if (source->data) {
        lambda__package_zip zip = {.bytes = source->data, .length = source->length};
        return add_bytes(packages, source->data_name, zip, package);
    }
    if (!source->path || !source->path[0])
        return lambda_runtime_fail(NULL, INVALID, "%s: is missing, as is %s", source->path_name, source->data_name);
    int fd = open(source->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return path_failed(source->path_name, source->path, "open");
    lambda_status status = add_open(packages, source, fd, package);
    close(fd);
    return status;
}

lambda_status lambda_package_add(lambda_packages *packages, const lambda_code *code, lambda_package **package)
{
    if (!package) return lambda_runtime_fail(NULL, INVALID, "package: is NULL");
    *package = NULL;
    if (!packages || !code) return lambda_runtime_fail(NULL, INVALID, "%s: is NULL", packages ? "code" : "packages");
    lambda__package_source source = {.path = code->path,
                                     .path_name = "code.path",
                                     .data = code->data,
                                     .length = code->data_length,
                                     .data_name = "code.data"};
    return lambda__package_add(packages, &source, package);
}
