/* What a sandbox has had and has, of memory and of files: read from cgroups, else from /proc and its directory. */
#include "sandboxes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool lambda__number_read(int directory, const char *file, const char *name, uint64_t *number)
{
    char text[8192];
    int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return false;
    text[length] = 0;
    const char *at = text;
    size_t name_length = strlen(name);
    while (name_length && (strncmp(at, name, name_length) != 0 || at[name_length] != ' ')) {
        at = strchr(at, '\n');
        if (!at) return false;
        at++;
    }
    char *end;
    *number = strtoull(at + name_length, &end, 10);
    return end != at + name_length;
}

/** Memory that no file on a disk stands behind. */
typedef struct watched {
    uint64_t anonymous; /* of all processes */
    uint64_t shared;    /* of the one that has most of it: what several share is not to be counted for each */
} watched;

/** A line of proc_pid_status(5), bytes. */
static uint64_t status_bytes(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) << 10 : 0;
}

static void add_process(watched *sum, long pid)
{
    char path[64];
    char text[4096];
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    uint64_t shared = status_bytes(text, "\nRssShmem:");
    sum->anonymous += status_bytes(text, "\nRssAnon:");
    if (shared > sum->shared) sum->shared = shared;
}

/** By a list of processes in a cgroup. False: there is none. */
static bool sum_group(const lambda__sandbox *sandbox, watched *sum)
{
    int fd = sandbox->unified >= 0 ? openat(sandbox->unified, "cgroup.procs", O_RDONLY | O_CLOEXEC) : -1;
    FILE *list = fd >= 0 ? fdopen(fd, "r") : NULL;
    char line[32];
    if (!list) {
        if (fd >= 0) close(fd);
        return false;
    }
    while (fgets(line, sizeof line, list))
        add_process(sum, strtol(line, NULL, 10));
    fclose(list);
    return true;
}

typedef struct entry {
    long pid;
    long parent;
    bool below;
} entry;

static long parent_of(long pid)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    const char *rest = strrchr(text, ')');
    return rest ? (long)lambda__word_number(rest + 1, 1) : 0;
}

/** By parents, from process 1 down. */
static void sum_tree(const lambda__sandbox *sandbox, watched *sum)
{
    size_t count = 0;
    size_t room = 0;
    entry *list = NULL;
    DIR *proc = opendir("/proc");
    for (struct dirent *file; proc && (file = readdir(proc));) {
        long pid = strtol(file->d_name, NULL, 10);
        if (pid <= 0) continue;
        if (count == room) {
            entry *larger = realloc(list, (room + 256) * sizeof *list);
            if (!larger) break;
            list = larger;
            room += 256;
        }
        list[count++] = (entry){.pid = pid, .parent = parent_of(pid), .below = pid == sandbox->pid};
    }
    if (proc) closedir(proc);
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            for (size_t k = 0; k < count && !list[i].below; k++)
                if (list[k].below && list[k].pid == list[i].parent) list[i].below = again = true;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (list[i].below) add_process(sum, list[i].pid);
    free(list);
}

uint64_t lambda__sandbox_watched_memory(const lambda__sandbox *sandbox)
{
    watched sum = {0};
    if (!sum_group(sandbox, &sum)) sum_tree(sandbox, &sum);
    return sum.anonymous + sum.shared;
}

static uint64_t sum_files(int parent, const char *name, int depth)
{
    enum { DEEPEST = 100, BLOCK = 512 };
    int fd = depth < DEEPEST ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    uint64_t sum = 0;
    if (fd >= 0 && !list) close(fd);
    if (!list) return 0;
    for (struct dirent *file; (file = readdir(list));) {
        struct stat what;
        if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0) continue;
        if (fstatat(dirfd(list), file->d_name, &what, AT_SYMLINK_NOFOLLOW) != 0) continue;
        sum += (uint64_t)what.st_blocks * BLOCK / (S_ISDIR(what.st_mode) ? 1 : what.st_nlink ? what.st_nlink : 1);
        if (S_ISDIR(what.st_mode)) sum += sum_files(dirfd(list), file->d_name, depth + 1);
    }
    closedir(list);
    return sum;
}

uint64_t lambda__sandbox_watched_storage(const lambda__sandbox *sandbox)
{
    return sum_files(AT_FDCWD, sandbox->tmp, 0);
}

/** What /tmp holds, where it is memory: a file system of its own. */
static uint64_t files_in_memory(const lambda__sandbox *sandbox)
{
    char path[LAMBDA__PATH + 64];
    struct statvfs what;
    if (sandbox->sandboxes->limits.storage != LAMBDA_PROCESS_FILESYSTEM) return 0;
    snprintf(path, sizeof path, "/proc/%ld/root%s", (long)sandbox->pid, sandbox->tmp);
    if (statvfs(path, &what) != 0) return 0;
    return (uint64_t)(what.f_blocks - what.f_bfree) * what.f_frsize;
}

/** Memory by the cgroup that counts it, without /tmp where all together is too much. False: none does. */
static bool counted(const lambda__sandbox *sandbox, uint64_t most, uint64_t *bytes)
{
    const lambda_process_mechanism how = sandbox->sandboxes->limits.memory;
    const bool first = how == LAMBDA_PROCESS_CGROUP_1;
    const int group = first ? sandbox->memory : sandbox->unified;
    uint64_t shared = 0;
    if ((!first && how != LAMBDA_PROCESS_CGROUP_2) || group < 0) return false;
    /* All of it is quicker to read, and seldom too much. */
    if (!lambda__number_read(group, first ? "memory.usage_in_bytes" : "memory.current", "", bytes)) return false;
    if (*bytes <= most) return true;
    if (!lambda__number_read(group, "memory.stat", first ? "total_rss" : "anon", bytes)) return false;
    lambda__number_read(group, "memory.stat", first ? "total_shmem" : "shmem", &shared);
    uint64_t files = files_in_memory(sandbox);
    if (shared > files) *bytes += shared - files;
    return true;
}

bool lambda__sandbox_look(lambda__sandbox *sandbox)
{
    enum { SHARE = 20 }; /* looking takes at most this part of the time */
    const lambda_process_limits *limits = &sandbox->sandboxes->limits;
    uint64_t most = (uint64_t)sandbox->memory_mb << 20;
    uint64_t bytes = 0;
    bool too_much = false;
    if (sandbox->killed) return false;
    if (sandbox->hung_up) return true;
    const bool is_counted = counted(sandbox, most, &bytes);
    if (!is_counted) {
        uint64_t now = lambda__loop_now();
        if (now < sandbox->look_after) return true;
        bytes = lambda__sandbox_watched_memory(sandbox);
        if (limits->storage == LAMBDA_PROCESS_WATCH)
            too_much = lambda__sandbox_watched_storage(sandbox) > (uint64_t)sandbox->storage_mb << 20;
        sandbox->look_after = now + (lambda__loop_now() - now) * SHARE;
    } else if (limits->storage == LAMBDA_PROCESS_WATCH) {
        uint64_t now = lambda__loop_now();
        if (now >= sandbox->look_after) {
            too_much = lambda__sandbox_watched_storage(sandbox) > (uint64_t)sandbox->storage_mb << 20;
            sandbox->look_after = now + (lambda__loop_now() - now) * SHARE;
        }
    }
    if (bytes > sandbox->peak && (bytes > most || !is_counted)) sandbox->peak = bytes;
    if (bytes > most) sandbox->out_of_memory = too_much = true;
    if (!too_much) return true;
    sandbox->killed = true;
    lambda__sandbox_kill(sandbox);
    return false;
}

/** Reads the file that the kernel keeps the most in: with the files of /tmp. */
static bool most_with_files(lambda__sandbox *sandbox, uint64_t *bytes)
{
    const lambda_process_mechanism how = sandbox->sandboxes->limits.memory;
    char text[32];
    if (how != LAMBDA_PROCESS_CGROUP_1 && how != LAMBDA_PROCESS_CGROUP_2) return false;
    bool first = how == LAMBDA_PROCESS_CGROUP_1;
    if (sandbox->most_memory < 0)
        sandbox->most_memory = openat(first ? sandbox->memory : sandbox->unified,
                                      first ? "memory.max_usage_in_bytes" : "memory.peak", O_RDONLY | O_CLOEXEC);
    ssize_t length = sandbox->most_memory < 0 ? 0 : pread(sandbox->most_memory, text, sizeof text - 1, 0);
    if (length <= 0) return !first && lambda__number_read(sandbox->unified, "memory.current", "", bytes);
    text[length] = 0;
    *bytes = strtoull(text, NULL, 10);
    return true;
}

/** The most that was counted, without the files that were in /tmp when that was last more than before. */
static bool most_counted(lambda__sandbox *sandbox, uint64_t *bytes)
{
    if (!most_with_files(sandbox, bytes)) return false;
    if (*bytes == sandbox->most_with_files) {
        *bytes = sandbox->most_without;
        return true;
    }
    sandbox->most_with_files = *bytes;
    uint64_t files = files_in_memory(sandbox);
    *bytes -= files < *bytes ? files : *bytes;
    if (*bytes < sandbox->most_without) *bytes = sandbox->most_without;
    sandbox->most_without = *bytes;
    return true;
}

uint64_t lambda__sandbox_max_memory(lambda__sandbox *sandbox)
{
    uint64_t bytes;
    if (most_counted(sandbox, &bytes)) return bytes > sandbox->peak ? bytes : sandbox->peak;
    return sandbox->peak ? sandbox->peak : UINT64_MAX;
}

bool lambda__sandbox_out_of_memory(lambda__sandbox *sandbox)
{
    const lambda_process_mechanism how = sandbox->sandboxes->limits.memory;
    uint64_t kills = 0;
    if (sandbox->out_of_memory) return true;
    if (how == LAMBDA_PROCESS_CGROUP_1)
        lambda__number_read(sandbox->memory, "memory.oom_control", "oom_kill", &kills);
    else if (how == LAMBDA_PROCESS_CGROUP_2)
        lambda__number_read(sandbox->unified, "memory.events", "oom_kill", &kills);
    if (kills) sandbox->out_of_memory = true;
    return sandbox->out_of_memory;
}
