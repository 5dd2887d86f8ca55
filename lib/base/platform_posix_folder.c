/*
 * Folders that are reached part by part from one that is open, so that no link on the way leads out of it.
 */
#include "base/platform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

int lambda__platform_folder_lock(const char *path, int *folder)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) return errno;
    *folder = open(path, FOLDER);
    if (*folder < 0) return errno;
    /* A file system that knows no locks is as good as one that locks. */
    if (flock(*folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return 0;
    close(*folder);
    return EBUSY;
}

int lambda__platform_folder_look(const char *path, int *folder)
{
    *folder = open(path, FOLDER);
    return *folder >= 0 ? 0 : errno;
}

void lambda__platform_folder_unlock(int folder)
{
    /* A child that was forked has the same open file: it shall not keep the lock. */
    flock(folder, LOCK_UN);
    close(folder);
}

/** One part of a path. */
static int open_part(int within, const char *name, bool make, int *folder)
{
    *folder = openat(within, name, FOLDER | O_NOFOLLOW);
    if (*folder >= 0) return 0;
    if (errno != ENOENT || !make) return errno;
    if (mkdirat(within, name, S_IRWXU) != 0 && errno != EEXIST) return errno;
    *folder = openat(within, name, FOLDER | O_NOFOLLOW);
    return *folder >= 0 ? 0 : errno;
}

int lambda__platform_folder_open(int within, const char *path, bool make, int *folder)
{
    int at = within;
    while (*path) {
        char name[256];
        int next;
        size_t length = strcspn(path, "/");
        if (length >= sizeof(name)) break;
        memcpy(name, path, length);
        name[length] = '\0';
        int error = open_part(at, name, make, &next);
        if (at != within) close(at);
        if (error) return error;
        at = next;
        path += length + (path[length] == '/');
    }
    if (at == within || *path) {
        if (at != within) close(at);
        return ENAMETOOLONG;
    }
    *folder = at;
    return 0;
}

void lambda__platform_folder_close(int folder)
{
    close(folder);
}

int lambda__platform_folder_list(int folder, void (*see)(void *user, int folder, const char *name, bool is_folder),
                                 void *user)
{
    int own = openat(folder, ".", FOLDER);
    if (own < 0) return errno;
    DIR *list = fdopendir(own);
    if (!list) {
        int error = errno;
        close(own);
        return error;
    }
    for (;;) {
        struct stat info;
        errno = 0;
        const struct dirent *entry = readdir(list);
        if (!entry) break;
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) see(user, folder, name, S_ISDIR(info.st_mode));
    }
    int error = errno;
    closedir(list);
    return error;
}

int lambda__platform_folder_remove(int folder, const char *name)
{
    return unlinkat(folder, name, 0) == 0 ? 0 : errno;
}

/** Opens a regular file. A pipe of that name shall not make us wait. */
static int open_regular(int folder, const char *name, int flags, int *descriptor)
{
    struct stat info;
    *descriptor = openat(folder, name, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (*descriptor < 0) return errno;
    int error = fstat(*descriptor, &info) != 0 ? errno : S_ISREG(info.st_mode) ? 0 : EINVAL;
    if (error) close(*descriptor);
    return error;
}

int lambda__platform_folder_lines(int folder, const char *name, lambda__line_file *file)
{
    file->regular = true;
    return open_regular(folder, name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, &file->descriptor);
}

int lambda__platform_folder_read(int folder, const char *name, int *descriptor)
{
    return open_regular(folder, name, O_RDONLY | O_NOFOLLOW, descriptor);
}

int lambda__platform_file_read(const char *path, int *descriptor)
{
    return open_regular(AT_FDCWD, path, O_RDONLY, descriptor);
}

int lambda__platform_lines_state(int descriptor, uint64_t *size, bool *named)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0) return errno;
    *size = (uint64_t)info.st_size;
    *named = info.st_nlink > 0;
    return 0;
}

void lambda__platform_descriptor_close(int descriptor)
{
    close(descriptor);
}
