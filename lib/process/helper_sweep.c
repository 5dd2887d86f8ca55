#include "helper.h"
#include "maker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef enum maker_fate { LIVES, DEAD, UNKNOWN, STRANGER } maker_fate;

/** What became of who made something of this name. Of another PID namespace's processes nothing is known. */
static maker_fate fate_of(const char *name)
{
    char *end;
    if (strncmp(name, LAMBDA__MAKER_FAMILY, strlen(LAMBDA__MAKER_FAMILY)) != 0) return STRANGER;
    unsigned long long space = strtoull(name + strlen(LAMBDA__MAKER_FAMILY), &end, 16);
    if (*end != '-') return STRANGER;
    pid_t pid = (pid_t)strtol(end + 1, &end, 10);
    if (*end != '-' || pid <= 0) return STRANGER;
    unsigned long long start = strtoull(end + 1, NULL, 16);
    if (!start) return STRANGER;
    if (space != lambda__maker_namespace()) return UNKNOWN;
    return lambda__maker_started(pid) == start ? LIVES : DEAD;
}

static DIR *open_list(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (fd >= 0 && !list) close(fd);
    return list;
}

static bool remove_below(int parent, const char *name, dev_t device, int depth)
{
    enum { DEEPEST = 200 };
    DIR *list = depth < DEEPEST ? open_list(parent, name) : NULL;
    if (!list) return false;
    bool all = true;
    for (struct dirent *entry; (entry = readdir(list));) {
        struct stat what;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (unlinkat(dirfd(list), entry->d_name, 0) == 0) continue;
        if (fstatat(dirfd(list), entry->d_name, &what, AT_SYMLINK_NOFOLLOW) != 0 || what.st_dev != device ||
            !S_ISDIR(what.st_mode)) {
            all = false;
            continue;
        }
        /* Its owner may have forbidden it. */
        fchmodat(dirfd(list), entry->d_name, 0700, 0);
        if (!remove_below(dirfd(list), entry->d_name, device, depth + 1)) all = false;
    }
    closedir(list);
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 && all;
}

bool sweep_directory(int parent, const char *name)
{
    struct stat what;
    if (fstatat(parent, name, &what, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
    return remove_below(parent, name, what.st_dev, 0);
}

/** A helper holds its directory's lock as long as it lives. Where its process says nothing, that does, except for one that has only begun. */
static bool abandoned(int parent, const char *name)
{
    enum { YOUNG_SECONDS = 60 };
    struct stat what;
    char path[160];
    maker_fate fate = fate_of(name);
    if (fate == LIVES || fate == STRANGER) return false;
    if (fstatat(parent, name, &what, AT_SYMLINK_NOFOLLOW) != 0 || what.st_uid != geteuid()) return false;
    if (fate == DEAD) return true;
    snprintf(path, sizeof path, "%.100s/lock", name);
    int fd = openat(parent, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (fd >= 0) close(fd);
    return !held && what.st_mtime + YOUNG_SECONDS < time(NULL);
}

/** Kills what is still in a cgroup, as in a sandbox without namespaces whose process 1 was killed. */
static void empty(const lambda__helper *helper, int which, const char *name)
{
    char path[160];
    char list[16384];
    if (which == UNIFIED) cgroups_kill(helper, name);
    snprintf(path, sizeof path, "%.100s/cgroup.procs", name);
    file_read(helper->hierarchies[which].fd, path, list, sizeof list);
    for (char *at = list, *end; *at; at = end) {
        pid_t pid = (pid_t)strtol(at, &end, 10);
        if (end == at) break;
        if (pid > 0) kill(pid, SIGKILL);
    }
}

/** What was killed takes a moment to go. */
static void remove_group(const lambda__helper *helper, int which, const char *name)
{
    enum { TRIES = 200 };
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; i < TRIES; i++) {
        if (unlinkat(helper->hierarchies[which].fd, name, AT_REMOVEDIR) == 0 || errno != EBUSY) return;
        empty(helper, which, name);
        nanosleep(&moment, NULL);
    }
}

void sweep_left(lambda__helper *helper)
{
    for (int which = 0; which < HIERARCHIES; which++) {
        DIR *list = helper->hierarchies[which].fd >= 0 ? open_list(helper->hierarchies[which].fd, ".") : NULL;
        if (!list) continue;
        for (struct dirent *entry; (entry = readdir(list));)
            if (fate_of(entry->d_name) == DEAD) remove_group(helper, which, entry->d_name);
        closedir(list);
    }
    DIR *list = open_list(AT_FDCWD, helper->parent);
    if (!list) return;
    for (struct dirent *entry; (entry = readdir(list));)
        if (abandoned(dirfd(list), entry->d_name)) sweep_directory(dirfd(list), entry->d_name);
    closedir(list);
}
