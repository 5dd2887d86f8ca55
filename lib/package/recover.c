/* What a package's own file says, and what is found when a store is opened. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "store.h"

enum { DESCRIPTION_MAX = 4096 };
#define DESCRIPTION "package.json"

lambda_status lambda__package_describe(const lambda_package *package, const lambda__package_place *where)
{
    char text[160];
    int length = snprintf(text, sizeof(text), "{\"size\": %" PRIu64 ", \"unpacked_size\": %" PRIu64 "}\n",
                          package->size, package->unpacked_size);
    int fd = openat(where->fd, DESCRIPTION, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    bool good = fd >= 0 && lambda__package_write(fd, text, (size_t)length);
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && good) return lambda__package_disk_failed("write", where, DESCRIPTION);
    errno = error;
    return good ? LAMBDA_OK : lambda__package_disk_failed("write", where, DESCRIPTION);
}

static lambda_status damaged(const char *hex)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "packages/%.80s: is damaged or not there", hex);
}

/** Reads a package's own file. */
static lambda_status read_description(lambda_packages *packages, const char *hex, json_int_t *size,
                                      json_int_t *unpacked)
{
    char *text = NULL;
    size_t length = 0;
    lambda__package_place place = {.path = hex};
    place.fd = openat(packages->unpacked.fd, hex, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (place.fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? damaged(hex)
                                                   : lambda__package_disk_failed("open", &packages->unpacked, hex);
    bool has_tree = faccessat(place.fd, "tree", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    lambda_status status = lambda__package_get(&place, DESCRIPTION, DESCRIPTION_MAX, &text, &length);
    close(place.fd);
    if (status != LAMBDA_OK) return status;
    json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    bool good = has_tree && json_unpack(document, "{s:I, s:I}", "size", size, "unpacked_size", unpacked) == 0 &&
                *size >= 0 && *unpacked >= 0;
    json_decref(document);
    return good ? LAMBDA_OK : damaged(hex);
}

lambda_status lambda__package_load(lambda_packages *packages, const char *hex, lambda_package **package)
{
    lambda__package_sum sum;
    json_int_t size = 0;
    json_int_t unpacked = 0;
    *package = NULL;
    if (!lambda__package_sum_of(hex, &sum)) return damaged(hex);
    lambda_status status = read_description(packages, hex, &size, &unpacked);
    if (status != LAMBDA_OK) return status;
    lambda_package *made = lambda__package_new(packages, &sum);
    if (!made) return lambda__package_no_memory();
    made->size = (uint64_t)size;
    made->unpacked_size = (uint64_t)unpacked;
    made->synchronised = true;
    lambda__package_enter(made);
    *package = made;
    return LAMBDA_OK;
}

lambda_status lambda__package_hold_found(lambda_packages *packages, const char *hex, lambda_package **package)
{
    *package = lambda__package_look(packages, hex);
    if (*package) {
        (*package)->references--;
    } else {
        lambda_status status = lambda__package_load(packages, hex, package);
        if (status != LAMBDA_OK || !*package) return status;
    }
    (*package)->held++;
    return LAMBDA_OK;
}

/** A mark of lambda_package_keep. One whose package is gone was about to be removed. */
static lambda_status recover_kept(void *user, const char *name)
{
    lambda_packages *packages = user;
    lambda_package *package = lambda__package_look(packages, name);
    if (package) {
        package->references--;
    } else if (faccessat(packages->unpacked.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
        unlinkat(packages->kept.fd, name, 0);
        return LAMBDA_OK;
    } else {
        lambda_status status = lambda__package_load(packages, name, &package);
        if (status != LAMBDA_OK || !package) return status;
    }
    package->kept = true;
    return LAMBDA_OK;
}

/** A package that no mark speaks of was not synchronised, and nobody can name it. */
static lambda_status remove_unmarked(void *user, const char *name)
{
    lambda_packages *packages = user;
    char spare[LAMBDA__PACKAGE_SPARE];
    lambda_package *package = lambda__package_look(packages, name);
    if (package) {
        package->references--;
        return LAMBDA_OK;
    }
    lambda__package_spare(packages, spare);
    if (renameat(packages->unpacked.fd, name, packages->incoming.fd, spare) == 0) return LAMBDA_OK;
    return lambda__package_disk_failed("remove", &packages->unpacked, name);
}

static lambda_status remove_incoming(void *user, const char *name)
{
    lambda_packages *packages = user;
    if (lambda__package_remove(packages->incoming.fd, name)) return LAMBDA_OK;
    return lambda__package_disk_failed("remove", &packages->incoming, name);
}

lambda_status lambda__package_recover(lambda_packages *packages)
{
    lambda_status status = lambda__package_each(&packages->kept, recover_kept, packages);
    if (status == LAMBDA_OK) status = lambda__package_each(&packages->incoming, remove_incoming, packages);
    if (status == LAMBDA_OK) status = lambda__package_each(&packages->unpacked, remove_unmarked, packages);
    if (status == LAMBDA_OK) status = lambda__package_each(&packages->incoming, remove_incoming, packages);
    return status;
}
