#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

lambda_status lambda__package_disk_failed(const char *what, const lambda__package_place *where, const char *name)
{
    char words[128];
    int error = errno;
    if (error == ENOMEM) return lambda__package_no_memory();
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "%.200s/%.120s: cannot %s: %s", where->path, name, what,
                               strerror_r(error, words, sizeof(words)));
}

/** Makes a directory that is not there yet, for everybody to read. False with errno. */
static bool make_directory(int fd, const char *name)
{
    return mkdirat(fd, name, 0755) == 0 && fchmodat(fd, name, 0755, 0) == 0;
}

lambda_status lambda__package_directory(const lambda__package_place *where, const char *name, int *fd)
{
    if (!make_directory(where->fd, name) && errno != EEXIST)
        return lambda__package_disk_failed("make the directory", where, name);
    *fd = openat(where->fd, name, DIRECTORY);
    return *fd >= 0 ? LAMBDA_OK : lambda__package_disk_failed("open the directory", where, name);
}

lambda_status lambda__package_directories(const char *path)
{
    char *copy = strdup(path);
    if (!copy) return lambda__package_no_memory();
    bool good = true;
    for (char *at = copy + 1; good && *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        good = mkdir(copy, 0755) == 0 || errno == EEXIST;
        *at = '/';
    }
    good = good && (mkdir(copy, 0755) == 0 || errno == EEXIST);
    lambda_status status = LAMBDA_OK;
    if (!good) {
        char words[128];
        status = lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "directory: %.200s: cannot make it: %s", path,
                                     strerror_r(errno, words, sizeof(words)));
    }
    free(copy);
    return status;
}

bool lambda__package_write(int fd, const void *data, size_t length)
{
    const char *at = data;
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        at += written;
        length -= (size_t)written;
    }
    return true;
}

long long lambda__package_read(int fd, void *data, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(fd, (char *)data + length, size - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        length += (size_t)got;
    }
    return (long long)length;
}

/** Writes a new file, with what it holds on disk. False with errno. */
static bool write_whole(int directory, const char *name, const void *data, size_t length)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) return false;
    bool good = lambda__package_write(fd, data, length) && fsync(fd) == 0;
    int error = errno;
    if (close(fd) != 0 && good) return false;
    errno = error;
    return good;
}

lambda_status lambda__package_put(const lambda__package_place *by, const char *spare, const lambda__package_place *to,
                                  const char *name, const void *data, size_t length)
{
    if (write_whole(by->fd, spare, data, length) && renameat(by->fd, spare, to->fd, name) == 0 && fsync(to->fd) == 0)
        return LAMBDA_OK;
    lambda_status status = lambda__package_disk_failed("write", to, name);
    unlinkat(by->fd, spare, 0);
    return status;
}

lambda_status lambda__package_get(const lambda__package_place *from, const char *name, size_t most, char **text,
                                  size_t *length)
{
    *text = NULL;
    int fd = openat(from->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return lambda__package_disk_failed("open", from, name);
    char *bytes = malloc(most + 2);
    lambda_status status = bytes ? LAMBDA_OK : lambda__package_no_memory();
    long long got = bytes ? lambda__package_read(fd, bytes, most + 1) : 0;
    if (got < 0) status = lambda__package_disk_failed("read", from, name);
    if (got > (long long)most)
        status = lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "%.200s/%.120s: is damaged: it is too large",
                                     from->path, name);
    close(fd);
    if (status != LAMBDA_OK) {
        free(bytes);
        return status;
    }
    bytes[got] = '\0';
    *text = bytes;
    *length = (size_t)got;
    return LAMBDA_OK;
}

static bool remove_at(int fd, const char *name, int depth);

/** Removes what is in a directory, and closes it. Names are read until there are none: some file systems pass over a few while others go. */
static bool empty_directory(int fd, int depth)
{
    DIR *directory = fdopendir(fd);
    if (!directory) {
        close(fd);
        return false;
    }
    bool good = true;
    for (size_t seen = 1; good && seen > 0;) {
        rewinddir(directory);
        seen = 0;
        errno = 0;
        for (const struct dirent *entry; good && (entry = readdir(directory)); errno = 0) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            good = remove_at(fd, entry->d_name, depth);
            seen++;
        }
        good = good && errno == 0;
    }
    int error = errno;
    closedir(directory);
    errno = error;
    return good;
}

static bool remove_at(int fd, const char *name, int depth)
{
    if (unlinkat(fd, name, 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM && errno != EACCES) return false;
    if (unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES) return false;
    if (depth == 0) {
        errno = ELOOP;
        return false;
    }
    int directory = openat(fd, name, DIRECTORY);
    if (directory < 0 && errno == EACCES && fchmodat(fd, name, 0700, 0) == 0) directory = openat(fd, name, DIRECTORY);
    if (directory < 0) return false;
    /* Who owns it may write to it from now on: it goes. */
    fchmod(directory, 0700);
    return empty_directory(directory, depth - 1) && unlinkat(fd, name, AT_REMOVEDIR) == 0;
}

bool lambda__package_remove(int fd, const char *name)
{
    return remove_at(fd, name, LAMBDA__PACKAGE_DEPTH + 4);
}

lambda_status lambda__package_each(const lambda__package_place *where,
                                   lambda_status (*each)(void *user, const char *name), void *user)
{
    int again = openat(where->fd, ".", DIRECTORY);
    DIR *directory = again >= 0 ? fdopendir(again) : NULL;
    if (!directory) {
        lambda_status failed = lambda__package_disk_failed("list the directory", where, ".");
        if (again >= 0) close(again);
        return failed;
    }
    lambda_status status = LAMBDA_OK;
    errno = 0;
    for (const struct dirent *entry; status == LAMBDA_OK && (entry = readdir(directory)); errno = 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) status = each(user, entry->d_name);
    }
    if (status == LAMBDA_OK && errno != 0) status = lambda__package_disk_failed("list the directory", where, ".");
    closedir(directory);
    return status;
}
