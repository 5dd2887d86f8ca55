/* A sandbox's processes have no privilege, and are not the user that the host is, where that can be had. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Ranges that no login user, service or container is given: https://systemd.io/UIDS-GIDS. The large one, where two helpers draw the same number once in a hundred million times; else what is left of a
 * container's 65,536.
 */
static const struct {
    uint32_t first, count;
} RANGES[] = {{0x70000000, 0x0FFE0000}, {60578, 606}};

/** Does this user namespace have all of them? */
static bool mapped(const char *path, uint32_t first, uint32_t count)
{
    char text[4096];
    file_read(AT_FDCWD, path, text, sizeof text);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        char *rest;
        line += *line == '\n';
        unsigned long long inside = strtoull(line, &rest, 10);
        strtoull(rest, &rest, 10); /* by what number it is known outside */
        unsigned long long size = strtoull(rest, NULL, 10);
        if (first >= inside && (unsigned long long)first + count <= inside + size) return true;
    }
    return false;
}

void users_find(lambda__helper *helper)
{
    helper->users_count = 0;
    if (helper->own_user || geteuid() != 0) return;
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++) {
        if (!mapped("/proc/self/uid_map", RANGES[i].first, RANGES[i].count) ||
            !mapped("/proc/self/gid_map", RANGES[i].first, RANGES[i].count))
            continue;
        helper->users_first = RANGES[i].first;
        helper->users_count = RANGES[i].count;
        return;
    }
}

static bool taken(const lambda__helper *helper, uint32_t user)
{
    for (const lambda__cage *each = helper->cages; each; each = each->next)
        if (each->user == user) return true;
    return helper->spare && helper->spare->user == user;
}

uint32_t users_draw(const lambda__helper *helper)
{
    enum { TRIES = 1000 };
    uint32_t user = 0;
    for (int i = 0; i < TRIES && helper->users_count; i++) {
        uint32_t number;
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) continue;
        user = helper->users_first + number % helper->users_count;
        if (!taken(helper, user)) break;
    }
    return user;
}

/** No program that is started can gain any. */
static void drop_bounding(void)
{
    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL) break;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &header, none) == 0 ? 0 : errno;
}

/** Lambda's user, by a namespace where the user that it is now is called so. */
static int seen_as(lambda__ready *ready)
{
    char map[64];
    unsigned user = geteuid();
    unsigned group = getegid();
    if (unshare(CLONE_NEWUSER) != 0) return 0;
    snprintf(map, sizeof map, "%d %u 1", SEEN_USER, user);
    int error = file_write(AT_FDCWD, "/proc/self/uid_map", map);
    if (!error) error = file_write(AT_FDCWD, "/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%d %u 1", SEEN_GROUP, group);
    if (!error) error = file_write(AT_FDCWD, "/proc/self/gid_map", map);
    if (error) return text_error(ready->text, error, "users of the sandbox");
    ready->user_namespace = true;
    return 0;
}

static int limit(int what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now) != 0) return errno;
    if (now.rlim_max < most) most = now.rlim_max;
    now = (struct rlimit){.rlim_cur = most, .rlim_max = most};
    return setrlimit((__rlimit_resource_t)what, &now) == 0 ? 0 : errno;
}

int user_leave(const lambda__helper *helper, const lambda__cage *cage, lambda__ready *ready)
{
    enum { OPEN_FILES = 1024 };
    bool pids = helper->pids_2 || helper->hierarchies[PIDS_1].fd >= 0;
    /* Where memory is short, these go before the host. */
    file_write(AT_FDCWD, "/proc/self/oom_score_adj", "1000");
    drop_bounding();
    if (cage->user && setgroups(0, NULL) == 0 && setresgid(cage->user, cage->user, cage->user) == 0 &&
        setresuid(cage->user, cage->user, cage->user) == 0)
        ready->user = cage->user;
    /* A change of user takes a process's files in /proc away from it. */
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    int error = 0;
    if (helper->namespaces && !(helper->without & LAMBDA__WITHOUT_USER_NAMESPACE)) error = seen_as(ready);
    if (error) return error;
    drop_bounding();
    error = drop_capabilities();
    if (error) return text_error(ready->text, error, "giving up capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return text_error(ready->text, errno, "no new privileges");
    error = limit(RLIMIT_NOFILE, OPEN_FILES);
    if (!error) error = limit(RLIMIT_CORE, 0);
    if (!error && !pids) error = limit(RLIMIT_NPROC, LAMBDA__PROCESSES + 1);
    if (error) return text_error(ready->text, error, "limits of process 1");
    /* What runs in the sandbox has its user, but not its memory and its descriptors. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return 0;
}
