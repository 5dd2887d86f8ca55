/* Packages that are there: the table, references, and what ends with the last one. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/* ---- the table */

static lambda_package **bucket_of(lambda_packages *packages, const char *hex)
{
    unsigned number = 0;
    for (size_t i = 0; i < 8 && hex[i]; i++)
        number = number * 31 + (unsigned char)hex[i];
    return &packages->buckets[number % LAMBDA__PACKAGE_BUCKETS];
}

lambda_package *lambda__package_new(lambda_packages *packages, const lambda__package_sum *sum)
{
    size_t size = strlen(packages->directory) + sizeof("/packages//tree") + LAMBDA__PACKAGE_HEX;
    lambda_package *package = calloc(1, sizeof(*package));
    char *path = malloc(size);
    if (!package || !path) {
        free(package);
        free(path);
        return NULL;
    }
    snprintf(path, size, "%s/packages/%s/tree", packages->directory, sum->hex);
    *package = (lambda_package){.packages = packages, .sum = *sum, .path = path};
    return package;
}

void lambda__package_free(lambda_package *package)
{
    if (!package) return;
    free(package->path);
    free(package);
}

void lambda__package_enter(lambda_package *package)
{
    lambda_package **bucket = bucket_of(package->packages, package->sum.hex);
    package->next = *bucket;
    *bucket = package;
}

static void leave(lambda_package *package)
{
    lambda_package **at = bucket_of(package->packages, package->sum.hex);
    while (*at != package)
        at = &(*at)->next;
    *at = package->next;
}

void lambda__package_spare(lambda_packages *packages, char name[LAMBDA__PACKAGE_SPARE])
{
    uint64_t number = __atomic_add_fetch(&packages->spares, 1, __ATOMIC_RELAXED);
    snprintf(name, LAMBDA__PACKAGE_SPARE, "%" PRIu64, number);
}

/* ---- the end */

bool lambda__package_detach(lambda_package *package, char spare[LAMBDA__PACKAGE_SPARE])
{
    lambda_packages *packages = package->packages;
    if (package->references > 0 || package->held > 0 || package->kept) return false;
    leave(package);
    lambda__package_spare(packages, spare);
    /* A mark that a loss of power brings back has no package then, and is removed. Where this fails the package stays until somebody makes the same, or the store is opened. */
    if (renameat(packages->unpacked.fd, package->sum.hex, packages->incoming.fd, spare) != 0) spare[0] = '\0';
    return true;
}

void lambda__package_discard(lambda_packages *packages, lambda_package *package,
                             const char spare[LAMBDA__PACKAGE_SPARE])
{
    if (spare[0]) lambda__package_remove(packages->incoming.fd, spare);
    lambda__package_free(package);
}

/** With `mutex` held: one reference fewer. True if it is the caller's to discard. */
static bool drop(lambda_package *package, char spare[LAMBDA__PACKAGE_SPARE])
{
    package->references--;
    return lambda__package_detach(package, spare);
}

void lambda_package_release(lambda_package *package)
{
    char spare[LAMBDA__PACKAGE_SPARE];
    if (!package) return;
    lambda_packages *packages = package->packages;
    pthread_mutex_lock(&packages->mutex);
    bool last = drop(package, spare);
    pthread_mutex_unlock(&packages->mutex);
    if (last) lambda__package_discard(packages, package, spare);
}

/* ---- looking and making */

/** With `mutex` held: a reference to what is in the table, once it is made; NULL if there is none. */
static lambda_package *look(lambda_packages *packages, const char *hex)
{
    for (;;) {
        lambda_package *package = *bucket_of(packages, hex);
        while (package && strcmp(package->sum.hex, hex) != 0)
            package = package->next;
        if (!package) return NULL;
        package->references++;
        while (package->making)
            pthread_cond_wait(&packages->made, &packages->mutex);
        if (!package->failed) return package;
        /* It came to nothing. Another thread may try the same by now. */
        if (--package->references == 0) lambda__package_free(package);
    }
}

lambda_package *lambda__package_look(lambda_packages *packages, const char *hex)
{
    pthread_mutex_lock(&packages->mutex);
    lambda_package *package = look(packages, hex);
    pthread_mutex_unlock(&packages->mutex);
    return package;
}

lambda_status lambda_package_find(lambda_packages *packages, const char *reference, lambda_package **package)
{
    if (!package) return lambda_runtime_fail(NULL, INVALID, "package: is NULL");
    *package = NULL;
    if (!packages || !reference)
        return lambda_runtime_fail(NULL, INVALID, "%s: is NULL", packages ? "reference" : "packages");
    *package = lambda__package_look(packages, reference);
    if (*package) return LAMBDA_OK;
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "reference: there is no package \"%.80s\"",
                               reference);
}

/** Puts what is whole in its place. What stood there is in no table: its removal failed once. */
static lambda_status move_in(lambda_packages *packages, const char *hex, const char *spare)
{
    char old[LAMBDA__PACKAGE_SPARE];
    if (renameat(packages->incoming.fd, spare, packages->unpacked.fd, hex) == 0) return LAMBDA_OK;
    if (errno == ENOTEMPTY || errno == EEXIST) {
        lambda__package_spare(packages, old);
        if (renameat(packages->unpacked.fd, hex, packages->incoming.fd, old) == 0) {
            lambda__package_remove(packages->incoming.fd, old);
            if (renameat(packages->incoming.fd, spare, packages->unpacked.fd, hex) == 0) return LAMBDA_OK;
        }
    }
    return lambda__package_disk_failed("move in", &packages->unpacked, hex);
}

/** Makes it in incoming/, and moves it in. Nothing is left behind where that fails. */
static lambda_status fill_new(lambda_package *package, lambda__package_fill *fill, void *user)
{
    lambda_packages *packages = package->packages;
    char spare[LAMBDA__PACKAGE_SPARE];
    lambda__package_place place = {.fd = -1, .path = "incoming"};
    lambda__package_place tree = {.fd = -1, .path = "incoming"};
    lambda__package_spare(packages, spare);
    lambda_status status = lambda__package_directory(&packages->incoming, spare, &place.fd);
    if (status == LAMBDA_OK) status = lambda__package_directory(&place, "tree", &tree.fd);
    if (status == LAMBDA_OK) status = fill(user, tree, package);
    if (status == LAMBDA_OK) status = lambda__package_describe(package, &place);
    if (tree.fd >= 0) close(tree.fd);
    if (place.fd >= 0) close(place.fd);
    if (status == LAMBDA_OK) status = move_in(packages, package->sum.hex, spare);
    if (status != LAMBDA_OK) lambda__package_remove(packages->incoming.fd, spare);
    return status;
}

lambda_status lambda__package_make(lambda_packages *packages, const lambda__package_sum *sum,
                                   lambda__package_fill *fill, void *user, lambda_package **package)
{
    lambda_package *made = lambda__package_new(packages, sum);
    if (!made) return lambda__package_no_memory();
    pthread_mutex_lock(&packages->mutex);
    lambda_package *found = look(packages, sum->hex);
    if (!found) {
        made->making = true;
        made->references = 1;
        lambda__package_enter(made);
    }
    pthread_mutex_unlock(&packages->mutex);
    if (found) {
        lambda__package_free(made);
        *package = found;
        return LAMBDA_OK;
    }
    lambda_status status = fill_new(made, fill, user);
    pthread_mutex_lock(&packages->mutex);
    made->making = false;
    bool last = false;
    if (status != LAMBDA_OK) {
        leave(made);
        made->failed = true;
        last = --made->references == 0;
    }
    pthread_cond_broadcast(&packages->made);
    pthread_mutex_unlock(&packages->mutex);
    if (last) lambda__package_free(made);
    *package = status == LAMBDA_OK ? made : NULL;
    return status;
}

/* ---- keeping */

lambda_status lambda__package_synchronise(lambda_package *package)
{
    lambda_packages *packages = package->packages;
    if (package->synchronised) return LAMBDA_OK;
    /* All at once: a wait for the disk for each file would be the longer one. */
    if (syncfs(packages->root.fd) != 0)
        return lambda__package_disk_failed("synchronise", &packages->unpacked, package->sum.hex);
    package->synchronised = true;
    return LAMBDA_OK;
}

/** With `changing` held: makes or removes the mark, on disk. */
static lambda_status mark(lambda_package *package, bool kept)
{
    const lambda__package_place *place = &package->packages->kept;
    const char *name = package->sum.hex;
    bool good = true;
    if (kept) {
        lambda_status status = lambda__package_synchronise(package);
        if (status != LAMBDA_OK) return status;
        int fd = openat(place->fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
        good = fd >= 0;
        if (good) close(fd);
    } else {
        good = unlinkat(place->fd, name, 0) == 0 || errno == ENOENT;
    }
    if (good && fsync(place->fd) == 0) return LAMBDA_OK;
    return lambda__package_disk_failed("write", place, name);
}

lambda_status lambda_package_keep(lambda_package *package, bool kept)
{
    if (!package) return lambda_runtime_fail(NULL, INVALID, "package: is NULL");
    lambda_packages *packages = package->packages;
    lambda_status status = LAMBDA_OK;
    pthread_mutex_lock(&packages->changing);
    if (package->kept != kept) status = mark(package, kept);
    pthread_mutex_lock(&packages->mutex);
    if (status == LAMBDA_OK) package->kept = kept;
    pthread_mutex_unlock(&packages->mutex);
    pthread_mutex_unlock(&packages->changing);
    return status;
}

/** With both locks held: packages that only their mark holds, out of the table, in a list. Their names in incoming/ stand beside them. */
static lambda_status gather(lambda_packages *packages, lambda_package **list)
{
    for (size_t i = 0; i < LAMBDA__PACKAGE_BUCKETS; i++) {
        lambda_package *next;
        for (lambda_package *package = packages->buckets[i]; package; package = next) {
            next = package->next;
            if (!package->kept || package->references > 0) continue;
            if (unlinkat(packages->kept.fd, package->sum.hex, 0) != 0 && errno != ENOENT)
                return lambda__package_disk_failed("remove", &packages->kept, package->sum.hex);
            package->kept = false;
            /* Nobody has it, so its own text has room for the name. */
            if (!lambda__package_detach(package, package->sum.base64)) continue;
            package->next = *list;
            *list = package;
        }
    }
    return LAMBDA_OK;
}

lambda_status lambda_packages_collect(lambda_packages *packages, size_t *removed)
{
    lambda_package *list = NULL;
    if (removed) *removed = 0;
    if (!packages) return lambda_runtime_fail(NULL, INVALID, "packages: is NULL");
    pthread_mutex_lock(&packages->changing);
    pthread_mutex_lock(&packages->mutex);
    lambda_status status = gather(packages, &list);
    pthread_mutex_unlock(&packages->mutex);
    pthread_mutex_unlock(&packages->changing);
    while (list) {
        lambda_package *next = list->next;
        lambda__package_discard(packages, list, list->sum.base64);
        if (removed) ++*removed;
        list = next;
    }
    return status;
}

/* ---- what it is */

const char *lambda_package_path(const lambda_package *package)
{
    return package ? package->path : "";
}

const char *lambda_package_sha256(const lambda_package *package)
{
    return package ? package->sum.base64 : "";
}

const char *lambda_package_reference(const lambda_package *package)
{
    return package ? package->sum.hex : "";
}

uint64_t lambda_package_size(const lambda_package *package)
{
    return package ? package->size : 0;
}

uint64_t lambda_package_unpacked_size(const lambda_package *package)
{
    return package ? package->unpacked_size : 0;
}
