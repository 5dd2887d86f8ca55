/* Cgroups of both versions. Which of them can be had is found out by making one and writing its limits. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const CONTROLLERS[HIERARCHIES] = {"", "memory", "cpu", "pids"};

/** Is `word` in a list of words divided by `divider`? */
static bool listed(const char *list, const char *word, char divider)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == divider) && (!at[length] || at[length] == divider || at[length] == '\n'))
            return true;
    return false;
}

/** Octal escapes of mountinfo, in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && from[1] && from[2] && from[3]) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = 0;
}

/** This process's group in a hierarchy, as /proc/self/cgroup has it: "/" at least. */
static void own_group(hierarchy_name which, char *group, size_t size)
{
    snprintf(group, size, "/");
    FILE *file = fopen("/proc/self/cgroup", "re");
    char *line = NULL;
    size_t room = 0;
    while (file && getline(&line, &room, file) > 0) {
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        bool wanted = which == UNIFIED ? !controllers[1] : listed(controllers + 1, CONTROLLERS[which], ',');
        if (wanted) snprintf(group, size, "%s", path);
    }
    free(line);
    if (file) fclose(file);
}

/** Opens the group's directory under a mount of its hierarchy. */
static int open_group(const char *mount, const char *root, const char *group, bool make, lambda__hierarchy *into)
{
    size_t length = strlen(root);
    if (length > 1 && strncmp(group, root, length) == 0) group += length;
    while (*group == '/')
        group++;
    if (!path_join(into->path, sizeof into->path, mount, group)) return -1;
    if (make) mkdir(into->path, 0755);
    return open(into->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/** One line of mountinfo: opens what it is a mount of, where that is not open yet. */
static void take_mount(lambda__helper *helper, char *line, const char *option)
{
    char *rest = strstr(line, " - ");
    char *fields[5] = {0};
    char *at = line;
    for (int i = 0; i < 5 && at; i++)
        fields[i] = strsep(&at, " ");
    if (!rest || !fields[4]) return;
    char type[32];
    char *options = rest + 3;
    if (sscanf(options, "%31s", type) != 1) return;
    options = strchr(options, ' ');
    options = options ? strchr(options + 1, ' ') : NULL;
    if (!options) return;
    unescape(fields[3]);
    unescape(fields[4]);
    for (int which = 0; which < HIERARCHIES; which++) {
        lambda__hierarchy *each = &helper->hierarchies[which];
        bool fits = which == UNIFIED ? strcmp(type, "cgroup2") == 0
                                     : strcmp(type, "cgroup") == 0 && listed(options + 1, CONTROLLERS[which], ',');
        if (!fits || each->fd >= 0) continue;
        char own[LAMBDA__PATH];
        own_group((hierarchy_name)which, own, sizeof own);
        each->fd = open_group(fields[4], *option ? "/" : fields[3], *option ? option : own, *option, each);
    }
}

/** Turns on for children of the unified hierarchy's group what it has. A group with processes of its own cannot, except the root. */
static void enable_unified(lambda__helper *helper)
{
    int fd = helper->hierarchies[UNIFIED].fd;
    char enabled[256];
    file_write(fd, "cgroup.subtree_control", "+memory");
    file_write(fd, "cgroup.subtree_control", "+cpu");
    file_write(fd, "cgroup.subtree_control", "+pids");
    file_read(fd, "cgroup.subtree_control", enabled, sizeof enabled);
    helper->memory_2 = listed(enabled, "memory", ' ');
    helper->cpu_2 = listed(enabled, "cpu", ' ');
    helper->pids_2 = listed(enabled, "pids", ' ');
}

static bool has(int directory, const char *name, const char *file)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", name, file);
    return faccessat(directory, path, W_OK, 0) == 0;
}

static int write_in(const lambda__hierarchy *hierarchy, const char *name, const char *file, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", name, file);
    return file_write(hierarchy->fd, path, text);
}

/** Of version 1, where it has a file of its own. */
static int write_period(const lambda__hierarchy *hierarchy, const char *name)
{
    char period[16];
    snprintf(period, sizeof period, "%d", LAMBDA__CPU_PERIOD_US);
    return write_in(hierarchy, name, "cpu.cfs_period_us", period);
}

/** Gives a hierarchy up, saying why. */
static void give_up(lambda__helper *helper, int which, int error, char *why, size_t size)
{
    lambda__hierarchy *each = &helper->hierarchies[which];
    size_t length = strlen(why);
    snprintf(why + length, size - length, "%s: %s; ", each->path, strerror(error));
    close(each->fd);
    each->fd = -1;
}

/** Makes one as a sandbox will, and sees what can be written. */
static void try_hierarchies(lambda__helper *helper, char *why, size_t size)
{
    char name[96];
    char text[LAMBDA__WIRE_TEXT];
    snprintf(name, sizeof name, "%s-try", helper->prefix);
    for (int which = 0; which < HIERARCHIES; which++) {
        lambda__hierarchy *each = &helper->hierarchies[which];
        if (each->fd < 0) continue;
        int error = mkdirat(each->fd, name, 0755) == 0 || errno == EEXIST ? 0 : errno;
        if (!error && which == PIDS_1) error = write_in(each, name, "pids.max", "100");
        if (!error && which == CPU_1) error = write_period(each, name);
        if (!error && which == CPU_1) {
            int cpu = cgroups_open_cpu(helper, name);
            error = cpu < 0 ? errno : cgroups_write_cpu(helper, cpu, LAMBDA__MB_A_CPU);
            if (cpu >= 0) close(cpu);
        }
        if (!error && which == MEMORY_1 && !helper->memory_2)
            error = cgroups_limit_memory(helper, name, UINT64_C(1) << 30, text);
        if (!error && which == UNIFIED) {
            helper->freeze_2 = has(each->fd, name, "cgroup.freeze");
            helper->kill_2 = has(each->fd, name, "cgroup.kill");
        }
        unlinkat(each->fd, name, AT_REMOVEDIR);
        if (error) give_up(helper, which, error, why, size);
    }
}

void cgroups_find(lambda__helper *helper, const char *option, char *why, size_t size)
{
    for (int i = 0; i < HIERARCHIES; i++)
        helper->hierarchies[i].fd = -1;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t room = 0;
    while (file && getline(&line, &room, file) > 0)
        take_mount(helper, line, option);
    free(line);
    if (file) fclose(file);
    for (int i = 0; i < HIERARCHIES; i++) {
        lambda__hierarchy *each = &helper->hierarchies[i];
        uint32_t refused = i == UNIFIED ? LAMBDA__WITHOUT_CGROUP_2 : LAMBDA__WITHOUT_CGROUP_1;
        if (each->fd < 0 || !(helper->without & refused)) continue;
        close(each->fd);
        each->fd = -1;
    }
    if (helper->hierarchies[UNIFIED].fd >= 0) enable_unified(helper);
    try_hierarchies(helper, why, size);
    if (helper->hierarchies[UNIFIED].fd < 0)
        helper->memory_2 = helper->cpu_2 = helper->pids_2 = helper->freeze_2 = helper->kill_2 = false;
    /* One version for each thing. */
    const bool in_2[HIERARCHIES] = {[MEMORY_1] = helper->memory_2, [CPU_1] = helper->cpu_2, [PIDS_1] = helper->pids_2};
    for (int i = MEMORY_1; i < HIERARCHIES; i++) {
        if (!in_2[i] || helper->hierarchies[i].fd < 0) continue;
        close(helper->hierarchies[i].fd);
        helper->hierarchies[i].fd = -1;
    }
}

int cgroups_make(lambda__helper *helper, const char *name, char *text)
{
    for (int i = 0; i < HIERARCHIES; i++) {
        const lambda__hierarchy *each = &helper->hierarchies[i];
        if (each->fd < 0) continue;
        /* Two controllers may be mounted as one. */
        if (mkdirat(each->fd, name, 0755) != 0 && errno != EEXIST)
            return text_error(text, errno, "making a cgroup in %.150s", each->path);
    }
    char most[16];
    snprintf(most, sizeof most, "%d", LAMBDA__PROCESSES + 1); /* process 1 is one too many */
    const lambda__hierarchy *pids = &helper->hierarchies[helper->pids_2 ? UNIFIED : PIDS_1];
    int error = pids->fd < 0 || (pids == &helper->hierarchies[UNIFIED] && !helper->pids_2)
                    ? 0
                    : write_in(pids, name, "pids.max", most);
    if (error) return text_error(text, error, "limiting processes in %.150s", pids->path);
    const lambda__hierarchy *cpu = &helper->hierarchies[CPU_1];
    error = cpu->fd < 0 ? 0 : write_period(cpu, name);
    return error ? text_error(text, error, "limiting processor time in %.150s", cpu->path) : 0;
}

int cgroups_unified(const lambda__helper *helper, const char *name)
{
    const lambda__hierarchy *each = &helper->hierarchies[UNIFIED];
    return each->fd < 0 ? -1 : openat(each->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroups_enter(const lambda__helper *helper, const char *name, lambda__ready *ready)
{
    for (int i = MEMORY_1; i < HIERARCHIES; i++) {
        const lambda__hierarchy *each = &helper->hierarchies[i];
        int error = each->fd < 0 ? 0 : write_in(each, name, "cgroup.procs", "0");
        if (!error) continue;
        ready->cgroup = i;
        return text_error(ready->text, error, "entering a cgroup in %.150s", each->path);
    }
    return 0;
}

int cgroups_limit_memory(const lambda__helper *helper, const char *name, uint64_t bytes, char *text)
{
    char limit[32];
    snprintf(limit, sizeof limit, "%" PRIu64, bytes);
    if (helper->memory_2) {
        const lambda__hierarchy *unified = &helper->hierarchies[UNIFIED];
        int error = write_in(unified, name, "memory.max", limit);
        if (!error) {
            error = write_in(unified, name, "memory.swap.max", "0");
            if (error == ENOENT) error = 0; /* a kernel without swap */
        }
        return error ? text_error(text, error, "limiting memory in %.150s", unified->path) : 0;
    }
    const lambda__hierarchy *memory = &helper->hierarchies[MEMORY_1];
    if (memory->fd < 0) return 0;
    int error = write_in(memory, name, "memory.limit_in_bytes", limit);
    if (!error) {
        error = write_in(memory, name, "memory.memsw.limit_in_bytes", limit);
        if (error == ENOENT || error == EOPNOTSUPP) error = 0; /* swap is not counted there */
    }
    return error ? text_error(text, error, "limiting memory in %.150s", memory->path) : 0;
}

int cgroups_open_cpu(const lambda__helper *helper, const char *name)
{
    char path[160];
    const lambda__hierarchy *cpu = &helper->hierarchies[helper->cpu_2 ? UNIFIED : CPU_1];
    if (cpu->fd < 0) return -1;
    snprintf(path, sizeof path, "%s/%s", name, helper->cpu_2 ? "cpu.max" : "cpu.cfs_quota_us");
    return openat(cpu->fd, path, O_WRONLY | O_CLOEXEC);
}

int cgroups_write_cpu(const lambda__helper *helper, int fd, uint32_t memory_mb)
{
    char text[LAMBDA__CPU_TEXT];
    lambda__cpu_text(text, helper->cpu_2, memory_mb);
    return write(fd, text, strlen(text)) < 0 ? errno : 0;
}

void cgroups_kill(const lambda__helper *helper, const char *name)
{
    const lambda__hierarchy *each = &helper->hierarchies[UNIFIED];
    if (each->fd >= 0 && helper->kill_2) write_in(each, name, "cgroup.kill", "1");
    /* Dying takes processor time too. */
    if (helper->cpu_2)
        write_in(each, name, "cpu.max", "max");
    else if (helper->hierarchies[CPU_1].fd >= 0)
        write_in(&helper->hierarchies[CPU_1], name, "cpu.cfs_quota_us", "-1");
}

bool cgroups_remove(const lambda__helper *helper, const char *name)
{
    bool all = true;
    for (int i = 0; i < HIERARCHIES; i++) {
        const lambda__hierarchy *each = &helper->hierarchies[i];
        if (each->fd >= 0 && unlinkat(each->fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT) all = false;
    }
    return all;
}
