/* Opening and closing a store. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* Of this file's format. A newer one is refused. */
#define MARKER "lambda-packages"
#define FORMAT "1\n"

enum { DIRECTORY_MAX = 1024 };

/* ---- options */

static lambda_status check_options(lambda_packages_options *options)
{
    if (!options->directory || !options->directory[0])
        return lambda_runtime_fail(NULL, INVALID, "directory: is missing");
    if (strlen(options->directory) > DIRECTORY_MAX)
        return lambda_runtime_fail(NULL, INVALID, "directory: is longer than %d bytes", DIRECTORY_MAX);
    if (options->zipped_size == 0) options->zipped_size = 52428800;
    if (options->unpacked_size == 0) options->unpacked_size = 262144000;
    if (options->entries == 0) options->entries = 65536;
    if (!options->region) options->region = "us-east-1";
    if (!options->account_id) options->account_id = "000000000000";
    size_t length = strspn(options->region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (length == 0 || length > 32 || options->region[length])
        return lambda_runtime_fail(NULL, INVALID, "region: \"%.40s\" is not 1 to 32 of a-z 0-9 -", options->region);
    length = strspn(options->account_id, "0123456789");
    if (length != 12 || options->account_id[length])
        return lambda_runtime_fail(NULL, INVALID, "account_id: \"%.40s\" is not 12 digits", options->account_id);
    return LAMBDA_OK;
}

/* ---- the directory */

static lambda_status is_not_empty(void *user, const char *name)
{
    const char *directory = user;
    if (strcmp(name, "lost+found") == 0) return LAMBDA_OK; /* a disk of its own */
    return lambda_runtime_fail(
        NULL, INVALID, "directory: %.200s: is no store of packages, and \"%.100s\" is in it: an empty one is taken",
        directory, name);
}

/** Opens the marker; makes it where nothing is, so that nobody's files are taken for ours. */
static lambda_status open_marker(lambda_packages *packages)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    packages->marker = openat(packages->root.fd, MARKER, flags);
    if (packages->marker < 0 && errno == ENOENT) {
        lambda_status status = lambda__package_each(&packages->root, is_not_empty, packages->directory);
        if (status != LAMBDA_OK) return status;
        packages->marker = openat(packages->root.fd, MARKER, flags | O_CREAT, 0644);
    }
    if (packages->marker < 0) return lambda__package_disk_failed("open", &packages->root, MARKER);
    if (flock(packages->marker, LOCK_EX | LOCK_NB) == 0) return LAMBDA_OK;
    if (errno != EWOULDBLOCK) return lambda__package_disk_failed("lock", &packages->root, MARKER);
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_CONFLICT,
                               "directory: %.300s: another process, or another open in this one, has it",
                               packages->directory);
}

/** Its format, once it is locked; one that was made and not yet written is ours. */
static lambda_status check_marker(const lambda_packages *packages)
{
    char text[16] = "";
    long long length = lambda__package_read(packages->marker, text, sizeof(text) - 1);
    if (length < 0) return lambda__package_disk_failed("read", &packages->root, MARKER);
    if (strcmp(text, FORMAT) == 0) return LAMBDA_OK;
    if (length > 0)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE,
                                   "directory: %.300s: is a store of a newer version of this library, or damaged",
                                   packages->directory);
    /* A descriptor of its own: one that may write, held for as long as the lock, would keep the disk from being made read-only. */
    int fd = openat(packages->root.fd, MARKER, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    bool good = fd >= 0 && lambda__package_write(fd, FORMAT, strlen(FORMAT)) && fsync(fd) == 0;
    lambda_status status = good ? LAMBDA_OK : lambda__package_disk_failed("write", &packages->root, MARKER);
    if (fd >= 0) close(fd);
    return status;
}

static lambda_status open_root(lambda_packages *packages, const char *directory)
{
    lambda_status status = lambda__package_directories(directory);
    if (status != LAMBDA_OK) return status;
    packages->directory = realpath(directory, NULL);
    if (!packages->directory && errno == ENOMEM) return lambda__package_no_memory();
    packages->root.path = packages->directory ? packages->directory : directory;
    if (packages->directory) packages->root.fd = open(packages->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!packages->directory || packages->root.fd < 0)
        return lambda__package_disk_failed("open the directory", &packages->root, ".");
    if (strlen(packages->directory) > DIRECTORY_MAX)
        return lambda_runtime_fail(NULL, INVALID, "directory: is longer than %d bytes", DIRECTORY_MAX);
    return LAMBDA_OK;
}

static lambda_status open_places(lambda_packages *packages)
{
    struct {
        lambda__package_place *place;
        const char *name;
    } places[] = {{&packages->incoming, "incoming"},
                  {&packages->unpacked, "packages"},
                  {&packages->kept, "kept"},
                  {&packages->layers, "layers"}};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        lambda_status status = lambda__package_directory(&packages->root, places[i].name, &places[i].place->fd);
        if (status != LAMBDA_OK) return status;
    }
    return fsync(packages->root.fd) == 0 ? LAMBDA_OK
                                         : lambda__package_disk_failed("write the directory", &packages->root, ".");
}

static void close_if_open(int fd)
{
    if (fd >= 0) close(fd);
}

static void free_packages(lambda_packages *packages)
{
    for (size_t i = 0; i < LAMBDA__PACKAGE_BUCKETS; i++)
        while (packages->buckets[i]) {
            lambda_package *next = packages->buckets[i]->next;
            lambda__package_free(packages->buckets[i]);
            packages->buckets[i] = next;
        }
}

void lambda_packages_close(lambda_packages *packages)
{
    if (!packages) return;
    lambda__layer_free_all(packages);
    free_packages(packages);
    close_if_open(packages->incoming.fd);
    close_if_open(packages->layers.fd);
    close_if_open(packages->kept.fd);
    close_if_open(packages->unpacked.fd);
    close_if_open(packages->root.fd);
    close_if_open(packages->marker); /* and with it the lock */
    pthread_cond_destroy(&packages->made);
    pthread_mutex_destroy(&packages->mutex);
    pthread_mutex_destroy(&packages->changing);
    free(packages->directory);
    free(packages->region);
    free(packages->account_id);
    free(packages);
}

static lambda_packages *new_packages(const lambda_packages_options *options)
{
    lambda_packages *packages = calloc(1, sizeof(*packages));
    if (!packages) return NULL;
    packages->marker = packages->root.fd = packages->incoming.fd = -1;
    packages->unpacked.fd = packages->kept.fd = packages->layers.fd = -1;
    packages->incoming.path = "incoming";
    packages->unpacked.path = "packages";
    packages->kept.path = "kept";
    packages->layers.path = "layers";
    pthread_mutex_init(&packages->changing, NULL);
    pthread_mutex_init(&packages->mutex, NULL);
    pthread_cond_init(&packages->made, NULL);
    packages->zipped_size = options->zipped_size;
    packages->unpacked_size = options->unpacked_size;
    packages->entries = options->entries;
    packages->archives = options->archives;
    packages->region = strdup(options->region);
    packages->account_id = strdup(options->account_id);
    if (packages->region && packages->account_id) return packages;
    lambda_packages_close(packages);
    return NULL;
}

lambda_status lambda_packages_open_sized(const lambda_packages_options *options, size_t size,
                                         lambda_packages **packages)
{
    if (!packages) return lambda_runtime_fail(NULL, INVALID, "packages: is NULL");
    *packages = NULL;
    if (!options) return lambda_runtime_fail(NULL, INVALID, "options: is NULL");
    lambda_packages_options own = {0};
    memcpy(&own, options, size < sizeof(own) ? size : sizeof(own));
    lambda_status status = check_options(&own);
    if (status != LAMBDA_OK) return status;
    lambda_packages *made = new_packages(&own);
    if (!made) return lambda__package_no_memory();
    status = open_root(made, own.directory);
    if (status == LAMBDA_OK) status = open_marker(made);
    if (status == LAMBDA_OK) status = check_marker(made);
    if (status == LAMBDA_OK) status = open_places(made);
    if (status == LAMBDA_OK) status = lambda__layer_load_all(made);
    if (status == LAMBDA_OK) status = lambda__package_recover(made);
    if (status != LAMBDA_OK) {
        lambda_packages_close(made);
        return status;
    }
    *packages = made;
    return LAMBDA_OK;
}
