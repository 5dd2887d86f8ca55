/*
 * A file of lines.
 *
 * It is held by an advisory lock on the open file, so that no two destinations append to one and rewrite it under each other. A
 * rewrite makes a new file beside it, "PATH.redrive", and renames that over it: whoever opens the path meanwhile may get hold of the old
 * one, and looks again (lambda__platform_lines_open).
 */
#include "base/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#if PATH_MAX > LAMBDA__PATH_SIZE
#error "a path may be longer than LAMBDA__PATH_SIZE"
#endif

#define SUFFIX ".redrive"

/** Has what was written on disk. Devices and pipes have no disk. */
static int sync_data(int descriptor)
{
    int result;
    do {
#if defined(__linux__)
        result = fdatasync(descriptor);
#else
        result = fsync(descriptor);
#endif
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS ? 0 : errno;
}

/** Has the file's name on disk. */
static int sync_directory(lambda__line_file *file)
{
    char directory[LAMBDA__PATH_SIZE];
    if (!file->directory_stale) return 0;
    memcpy(directory, file->path, sizeof(directory));
    char *slash = strrchr(directory, '/');
    slash[slash == directory ? 1 : 0] = '\0';
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* One that may be written to but not be read: nothing more can be done. */
    int error = descriptor >= 0 ? sync_data(descriptor) : errno == EACCES ? 0 : errno;
    if (descriptor >= 0) close(descriptor);
    if (!error) file->directory_stale = false;
    return error;
}

/* ---- opening */

/** Locks an open file. A file system that knows no locks is as good as one that locks. */
static int lock(int descriptor)
{
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK ? EBUSY : 0;
}

/** Takes hold of an open file; EAGAIN where its path is another's by now. */
static int take_hold(const char *path, lambda__line_file *file)
{
    struct stat held;
    struct stat named;
    if (fstat(file->descriptor, &held) != 0) return errno;
    file->regular = S_ISREG(held.st_mode);
    if (!file->regular) return 0;
    int error = lock(file->descriptor);
    if (error) return error;
    if (!realpath(path, file->path) || stat(file->path, &named) != 0) return errno == ENOENT ? EAGAIN : errno;
    bool same = held.st_dev == named.st_dev && held.st_ino == named.st_ino;
    file->directory_stale = true;
    return same ? 0 : EAGAIN;
}

int lambda__platform_lines_open(const char *path, lambda__line_file *file)
{
    int error = EAGAIN;
    for (int attempt = 0; error == EAGAIN && attempt < 100; attempt++) {
        *file = (lambda__line_file){0};
        file->descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
        if (file->descriptor < 0) return errno;
        error = take_hold(path, file);
        if (error) close(file->descriptor);
    }
    return error;
}

void lambda__platform_lines_close(lambda__line_file *file)
{
    /* A child that was forked has the same open file: it shall not keep the lock. */
    flock(file->descriptor, LOCK_UN);
    close(file->descriptor);
}

/* ---- appending */

/** All of it, in one call unless the system takes less. */
static int write_parts(int descriptor, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t written = writev(descriptor, parts, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        size_t left = (size_t)written;
        while (count > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            count--;
        }
        if (count == 0) break;
        parts->iov_base = (char *)parts->iov_base + left;
        parts->iov_len -= left;
    }
    return 0;
}

/** Whether the file ends within a line, as a crash or a foreign hand may leave it. */
static int ends_in_line(const lambda__line_file *file, uint64_t size, bool *within)
{
    char last = '\n';
    size_t length = 1;
    int error = size > 0 ? lambda__platform_lines_read(file, size - 1, &last, 1, &length) : 0;
    *within = length == 1 && last != '\n';
    return error;
}

/** Appends lines and, if told, an end of the last one; all or, if that can be done, nothing of it. */
static int append(lambda__line_file *file, const void *lines, size_t length, bool ended, bool durable)
{
    uint64_t size = 0;
    bool within = false;
    char end[] = "\n";
    int error = 0;
    if (file->regular) {
        if (durable) error = sync_directory(file);
        if (!error) error = lambda__platform_lines_size(file, &size);
        if (!error) error = ends_in_line(file, size, &within);
    }
    if (error) return error;
    struct iovec parts[] = {{end, 1}, {(void *)(uintptr_t)lines, length}, {end, 1}};
    error = write_parts(file->descriptor, within ? parts : parts + 1, 1 + within + !ended);
    if (!error && durable) error = sync_data(file->descriptor);
    /* Where not even this can be done, the next append finds the file to end within a line. */
    if (error && file->regular && ftruncate(file->descriptor, (off_t)size) != 0) return error;
    return error;
}

int lambda__platform_lines_append(lambda__line_file *file, const void *line, size_t length)
{
    return append(file, line, length, false, true);
}

int lambda__platform_lines_add(lambda__line_file *file, const void *lines, size_t length)
{
    return append(file, lines, length, true, false);
}

/* ---- reading */

int lambda__platform_lines_size(const lambda__line_file *file, uint64_t *size)
{
    struct stat info;
    if (fstat(file->descriptor, &info) != 0) return errno;
    *size = (uint64_t)info.st_size;
    return 0;
}

int lambda__platform_lines_read(const lambda__line_file *file, uint64_t offset, void *data, size_t capacity,
                                size_t *length)
{
    ssize_t result;
    do {
        result = pread(file->descriptor, data, capacity, (off_t)offset);
    } while (result < 0 && errno == EINTR);
    *length = result > 0 ? (size_t)result : 0;
    return result < 0 ? errno : 0;
}

/* ---- forgetting */

/** Copies a part of a file to another's end; what is not there is not missed. */
static int copy_part(const lambda__line_file *file, lambda__file_range part, int to)
{
    char block[16384];
    while (part.length > 0) {
        size_t length = 0;
        size_t wanted = part.length < sizeof(block) ? (size_t)part.length : sizeof(block);
        int error = lambda__platform_lines_read(file, part.offset, block, wanted, &length);
        if (error || length == 0) return error;
        error = write_parts(to, &(struct iovec){block, length}, 1);
        if (error) return error;
        part.offset += length;
        part.length -= length;
    }
    return 0;
}

/** Fills the new file and makes it as good as the old one: its rights, its lock, on disk. */
static int complete(const lambda__line_file *file, const lambda__file_range *parts, size_t count, uint64_t rest, int to)
{
    struct stat info;
    if (fstat(file->descriptor, &info) != 0) return errno;
    /* Only who is privileged can give a file away; who is not had it given. */
    if (fchown(to, info.st_uid, info.st_gid) != 0 && errno != EPERM) return errno;
    if (fchmod(to, info.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO)) != 0) return errno;
    int error = lock(to);
    for (size_t i = 0; !error && i < count; i++)
        error = copy_part(file, parts[i], to);
    if (!error) error = copy_part(file, (lambda__file_range){.offset = rest, .length = UINT64_MAX}, to);
    return error ? error : sync_data(to);
}

int lambda__platform_lines_keep(lambda__line_file *file, const lambda__file_range *parts, size_t count, uint64_t rest)
{
    char path[LAMBDA__PATH_SIZE + sizeof(SUFFIX)];
    snprintf(path, sizeof(path), "%s" SUFFIX, file->path);
    /* What a crash left is nobody's: the lock on the file itself is ours. */
    if (unlink(path) != 0 && errno != ENOENT) return errno;
    int made = open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (made < 0) return errno;
    int error = complete(file, parts, count, rest, made);
    if (!error && rename(path, file->path) != 0) error = errno;
    if (error) {
        unlink(path);
        close(made);
        return error;
    }
    lambda__platform_lines_close(file);
    file->descriptor = made;
    file->directory_stale = true;
    sync_directory(
        file); /* where it fails the next append does it: a crash before that only brings the old file back */
    return 0;
}
