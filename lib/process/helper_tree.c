#include "helper.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct entry {
    pid_t pid;
    pid_t parent;
    bool below;
} entry;

/** The parent of a process, 0 where there is none or it is dead already. */
static pid_t parent_of(int proc, const char *pid)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "%.32s/stat", pid);
    file_read(proc, path, text, sizeof text);
    /* The name may hold anything, even what looks like the rest. */
    const char *rest = strrchr(text, ')');
    if (!rest || rest[1] != ' ' || rest[2] == 'Z' || rest[2] == 'X') return 0;
    return (pid_t)lambda__word_number(rest + 1, 1);
}

/** All processes, with their parents. NULL: no memory, or no /proc. */
static entry *all_processes(size_t *count)
{
    DIR *directory = opendir("/proc");
    entry *list = NULL;
    size_t room = 0;
    *count = 0;
    if (!directory) return NULL;
    for (struct dirent *file; (file = readdir(directory));) {
        pid_t pid = (pid_t)strtol(file->d_name, NULL, 10);
        if (pid <= 0) continue;
        if (*count == room) {
            room = room ? room * 2 : 256;
            entry *larger = realloc(list, room * sizeof *list);
            if (!larger) break;
            list = larger;
        }
        list[*count] = (entry){.pid = pid, .parent = parent_of(dirfd(directory), file->d_name)};
        if (list[*count].parent) (*count)++;
    }
    closedir(directory);
    return list;
}

static bool is_below(const entry *list, size_t count, pid_t pid, pid_t root)
{
    if (pid == root) return true;
    for (size_t i = 0; i < count; i++)
        if (list[i].pid == pid) return list[i].below;
    return false;
}

int tree_signal(pid_t root, int signal, bool (*spared)(void *user, pid_t pid), void *user)
{
    size_t count;
    entry *list = all_processes(&count);
    int found = 0;
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            if (list[i].below || list[i].pid == root || !is_below(list, count, list[i].parent, root)) continue;
            if (spared && spared(user, list[i].pid)) continue;
            list[i].below = again = true;
            found++;
            kill(list[i].pid, signal);
        }
    }
    free(list);
    return found;
}

void tree_kill(pid_t root, bool (*spared)(void *user, pid_t pid), void *user)
{
    /* First nothing of it runs any more: what forks faster than one kills would never end. */
    for (int before = -1, now = 0; now != before;) {
        before = now;
        now = tree_signal(root, SIGSTOP, spared, user);
    }
    enum { ROUNDS = 10000 };
    for (int i = 0; i < ROUNDS && tree_signal(root, SIGKILL, spared, user) > 0; i++)
        if (!spared)
            while (waitpid(-1, NULL, WNOHANG) > 0) {
            }
}
