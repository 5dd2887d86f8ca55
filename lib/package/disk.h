/* The disk, by descriptors of directories: nothing here follows a symbolic link, changes the working directory or the umask. Linux. */
#ifndef LAMBDA_PACKAGE_DISK_H
#define LAMBDA_PACKAGE_DISK_H

#include <lambda/port/runtime.h>

/** Deepest that a file may stand: so many descriptors are open at most while a tree is written, read or removed. */
#define LAMBDA__PACKAGE_DEPTH 100

/** A directory of the disk, and where it is, for messages. Borrowed text. */
typedef struct lambda__package_place {
    int fd;
    const char *path;
} lambda__package_place;

/** Fails with errno: "WHERE/NAME: cannot WHAT: the system's words". OUT_OF_MEMORY for ENOMEM, else SERVICE. */
lambda_status lambda__package_disk_failed(const char *what, const lambda__package_place *where, const char *name);

/** Fails with "out of memory". */
static inline lambda_status lambda__package_no_memory(void)
{
    lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "out of memory");
    return LAMBDA_ERROR_OUT_OF_MEMORY;
}

/** Makes a directory unless it is there, with mode 0755 whatever the umask, and opens it: the caller closes `*fd`. */
lambda_status lambda__package_directory(const lambda__package_place *where, const char *name, int *fd);

/** Makes a directory with all its parents, as mkdir -p does. */
lambda_status lambda__package_directories(const char *path);

/** Writes all of it; false with errno. */
bool lambda__package_write(int fd, const void *data, size_t length);

/** Reads as much as there is, `size` at most; -1 with errno. */
long long lambda__package_read(int fd, void *data, size_t size);

/**
 * Puts a file with these bytes in place of `to`/`name`, whole or not at all: it is written under `spare` in `by` first. It stands on disk when
 * this returns.
 */
lambda_status lambda__package_put(const lambda__package_place *by, const char *spare, const lambda__package_place *to,
                                  const char *name, const void *data, size_t length);

/** A small file's bytes and a NUL: the caller frees `*text`. At most `most` bytes, else SERVICE "is damaged". */
lambda_status lambda__package_get(const lambda__package_place *from, const char *name, size_t most, char **text,
                                  size_t *length);

/** Removes a file or a tree, read-only directories too. What cannot be removed stays; false then, with errno. A name that is not there is fine. */
bool lambda__package_remove(int fd, const char *name);

/** Calls back for each name in a directory but "." and "..", until an answer is not LAMBDA_OK. */
lambda_status lambda__package_each(const lambda__package_place *where,
                                   lambda_status (*each)(void *user, const char *name), void *user);

/** Where a tree is being written: directories are made on the way, and the last ones stay open. */
typedef struct lambda__package_writer {
    lambda__package_place root;
    int fds[LAMBDA__PACKAGE_DEPTH];
    size_t ends[LAMBDA__PACKAGE_DEPTH]; /* where the name of each ends in `at` */
    int depth;
    char at[4096];
} lambda__package_writer;

/** Begins; `root` stays the caller's. */
void lambda__package_writer_open(lambda__package_writer *writer, lambda__package_place root);

/** Closes what is open. */
void lambda__package_writer_close(lambda__package_writer *writer);

/** The directory that `path` stands in, made if it is not there, and in `*name` the last part of `path`. -1 with errno. Borrowed until the next call. */
int lambda__package_writer_parent(lambda__package_writer *writer, const char *path, const char **name);

/** Makes that directory. */
lambda_status lambda__package_writer_directory(lambda__package_writer *writer, const char *path);

/** Makes a file, mode 0755 or 0644 whatever the umask; the caller closes `*fd`, which must succeed too. */
lambda_status lambda__package_writer_file(lambda__package_writer *writer, const char *path, bool executable, int *fd);

/** Makes a symbolic link. */
lambda_status lambda__package_writer_link(lambda__package_writer *writer, const char *path, const char *target);

/** Fails with errno for a path below the writer's root. */
lambda_status lambda__package_writer_failed(const lambda__package_writer *writer, const char *what, const char *path);

#endif
