/* Writing a tree in the order of its paths: a file's directory is nearly always one that is open already. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"

void lambda__package_writer_open(lambda__package_writer *writer, lambda__package_place root)
{
    writer->root = root;
    writer->depth = 0;
}

/** Closes directories until so many are open. */
static void back(lambda__package_writer *writer, int depth)
{
    while (writer->depth > depth)
        close(writer->fds[--writer->depth]);
}

void lambda__package_writer_close(lambda__package_writer *writer)
{
    back(writer, 0);
}

/** The directory that is open. */
static int current(const lambda__package_writer *writer)
{
    return writer->depth > 0 ? writer->fds[writer->depth - 1] : writer->root.fd;
}

/** Makes and opens the directory that ends at `path + end`, in the current one. False with errno. */
static bool enter(lambda__package_writer *writer, const char *path, size_t begin, size_t end)
{
    if (writer->depth == LAMBDA__PACKAGE_DEPTH || end >= sizeof(writer->at)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(writer->at, path, end);
    writer->at[end] = '\0';
    const char *name = writer->at + begin;
    bool made = mkdirat(current(writer), name, 0755) == 0;
    if (!made && errno != EEXIST) return false;
    int fd = openat(current(writer), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    if (made && fchmod(fd, 0755) != 0) {
        close(fd);
        return false;
    }
    writer->fds[writer->depth] = fd;
    writer->ends[writer->depth++] = end;
    return true;
}

/** Opens the directory whose name is the first `length` bytes of `path`. False with errno. */
static bool go(lambda__package_writer *writer, const char *path, size_t length)
{
    int depth = 0;
    /* As much of where we are as is a directory on the way to where we go. */
    while (depth < writer->depth && writer->ends[depth] <= length &&
           memcmp(writer->at, path, writer->ends[depth]) == 0 &&
           (writer->ends[depth] == length || path[writer->ends[depth]] == '/'))
        depth++;
    back(writer, depth);
    size_t begin = depth > 0 ? writer->ends[depth - 1] + 1 : 0;
    while (begin < length) {
        const char *slash = memchr(path + begin, '/', length - begin);
        size_t end = slash ? (size_t)(slash - path) : length;
        if (!enter(writer, path, begin, end)) return false;
        begin = end + 1;
    }
    return true;
}

int lambda__package_writer_parent(lambda__package_writer *writer, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    return go(writer, path, slash ? (size_t)(slash - path) : 0) ? current(writer) : -1;
}

lambda_status lambda__package_writer_failed(const lambda__package_writer *writer, const char *what, const char *path)
{
    return lambda__package_disk_failed(what, &writer->root, path);
}

lambda_status lambda__package_writer_directory(lambda__package_writer *writer, const char *path)
{
    if (go(writer, path, strlen(path))) return LAMBDA_OK;
    return lambda__package_writer_failed(writer, "make the directory", path);
}

lambda_status lambda__package_writer_file(lambda__package_writer *writer, const char *path, bool executable, int *fd)
{
    const char *name;
    int parent = lambda__package_writer_parent(writer, path, &name);
    mode_t mode = executable ? 0755 : 0644;
    *fd = parent < 0 ? -1 : openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (*fd < 0) return lambda__package_writer_failed(writer, "write", path);
    /* The umask is the process's, and other threads' too. */
    if (fchmod(*fd, mode) == 0) return LAMBDA_OK;
    lambda_status status = lambda__package_writer_failed(writer, "change the mode of", path);
    close(*fd);
    *fd = -1;
    return status;
}

lambda_status lambda__package_writer_link(lambda__package_writer *writer, const char *path, const char *target)
{
    const char *name;
    int parent = lambda__package_writer_parent(writer, path, &name);
    if (parent >= 0 && symlinkat(target, parent, name) == 0) return LAMBDA_OK;
    return lambda__package_writer_failed(writer, "make the link", path);
}
