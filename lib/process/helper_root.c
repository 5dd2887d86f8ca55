/*
 * What a sandbox sees of files. The helper has a mount namespace of its own, and in it a skeleton of the sandboxes' root: a small tmpfs with the machine's programs and libraries, read-only. A child gets
 * a copy of that namespace, mounts what is its own on the skeleton, makes it its root and lets the rest go.
 */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** struct mount_attr: the C library's header may be older than the kernel. */
typedef struct mount_attributes {
    uint64_t set, clear, propagation, user_namespace;
} mount_attributes;

enum { ATTRIBUTE_READ_ONLY = 1, ATTRIBUTE_NOSUID = 2, ATTRIBUTE_NODEV = 4 };

/** Makes what is mounted at `path`, and below it where the kernel can, read-only. 0 or an errno. */
static int read_only(const char *path)
{
#ifdef SYS_mount_setattr
    mount_attributes attributes = {.set = ATTRIBUTE_READ_ONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV};
    if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof attributes) == 0) return 0;
    if (errno != ENOSYS && errno != EPERM) return errno;
#endif
    /* Flags that it has may not be taken away in a user namespace. */
    struct statvfs now;
    if (statvfs(path, &now) != 0) return errno;
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
    if (now.f_flag & ST_NOEXEC) flags |= MS_NOEXEC;
    if (now.f_flag & ST_NOATIME) flags |= MS_NOATIME;
    if (now.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
    if (now.f_flag & ST_RELATIME) flags |= MS_RELATIME;
    return mount(NULL, path, NULL, flags, NULL) == 0 ? 0 : errno;
}

/** Directories above `path`, below `root`. */
static int make_above(int root, const char *path)
{
    char part[LAMBDA__PATH];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        if ((size_t)(slash - path) >= sizeof part) return ENAMETOOLONG;
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = 0;
        if (mkdirat(root, part, 0755) != 0 && errno != EEXIST) return errno;
    }
    return 0;
}

/** A file or a directory to mount `from` on. */
int root_place(const lambda__helper *helper, const char *to, const char *from)
{
    struct stat what;
    if (stat(from, &what) != 0) return errno;
    while (*to == '/')
        to++;
    struct stat there;
    if (fstatat(helper->root, to, &there, 0) == 0) return 0;
    int error = make_above(helper->root, to);
    if (error) return error;
    if (S_ISDIR(what.st_mode)) return mkdirat(helper->root, to, 0755) == 0 || errno == EEXIST ? 0 : errno;
    int fd = openat(helper->root, to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

/** Mounts a path of the machine at the same place of the skeleton, which is the working directory. */
static int bind_same(const lambda__helper *helper, const char *path, bool writable)
{
    int error = root_place(helper, path, path);
    if (error) return error;
    if (mount(path, path + 1, NULL, MS_BIND | MS_REC, NULL) != 0) return errno;
    return writable ? 0 : read_only(path + 1);
}

/** The machine's programs: directories, or the links that they are where /usr has everything. */
static int bind_system(const lambda__helper *helper, char *text)
{
    static const char *const paths[] = {"/usr",   "/bin",    "/sbin",      "/lib",       "/lib32",
                                        "/lib64", "/libx32", "/nix/store", "/gnu/store", "/etc"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char target[LAMBDA__PATH];
        struct stat what;
        if (lstat(paths[i], &what) != 0) continue;
        int error = 0;
        if (S_ISLNK(what.st_mode)) {
            ssize_t length = readlink(paths[i], target, sizeof target - 1);
            target[length > 0 ? length : 0] = 0;
            if (symlink(target, paths[i] + 1) != 0) error = errno;
        } else {
            error = bind_same(helper, paths[i], false);
        }
        if (error) return text_error(text, error, "binding %s", paths[i]);
    }
    return 0;
}

/** A file of our own over one of /etc. It needs no name of its own once it is mounted. */
static int cover(const char *path, const char *content)
{
    static const char name[] = "covering";
    struct stat there;
    if (stat(path, &there) != 0) return 0;
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return errno;
    size_t length = strlen(content);
    int error = write(fd, content, length) == (ssize_t)length ? 0 : errno;
    close(fd);
    if (!error && mount(name, path, NULL, MS_BIND, NULL) != 0) error = errno;
    if (!error) error = read_only(path);
    unlink(name);
    return error;
}

static int fill(const lambda__helper *helper, char *text)
{
    static const char *const directories[] = {"dev", "proc", "tmp", "var", "var/task", "opt"};
    static const char *const devices[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                          "/dev/random", "/dev/urandom", "/dev/tty"};
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"},
                                           {"/tmp", "dev/shm"}};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
        if (mkdir(directories[i], 0755) != 0) return text_error(text, errno, "making /%s", directories[i]);
    int error = bind_system(helper, text);
    if (error) return error;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        error = bind_same(helper, devices[i], true);
        if (error && error != ENOENT) return text_error(text, error, "binding %s", devices[i]);
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (symlink(links[i][0], links[i][1]) != 0) return text_error(text, errno, "making /%s", links[i][1]);
    error = cover("etc/hosts", "127.0.0.1 localhost localhost.localdomain sandbox sandbox.localdomain\n"
                               "::1 localhost localhost.localdomain\n");
    if (!error)
        error = cover("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\n"
                                    "sbx_user1051:x:993:990::/tmp:/sbin/nologin\n"
                                    "nobody:x:65534:65534:nobody:/:/sbin/nologin\n");
    if (!error) error = cover("etc/group", "root:x:0:\nsbx_user1051:x:990:\nnogroup:x:65534:\n");
    return error ? text_error(text, error, "files of /etc") : 0;
}

/**
 * Root that may not mount, as in many containers: its namespace has the users of sandboxes too, so that those need not be root. That is for a process outside of the namespace to say. Waits on
 * `go` for it to exist, and is the child.
 */
_Noreturn static void map_users(const lambda__helper *helper, int go)
{
    static const char *const files[] = {"uid_map", "gid_map"};
    char path[64];
    char map[96];
    char byte;
    pid_t parent = getppid();
    if (!helper->users_count || read(go, &byte, 1) != 1) _exit(1);
    snprintf(map, sizeof map, "0 0 1\n%u %u %u\n", helper->users_first, helper->users_first, helper->users_count);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)parent, files[i]);
        if (file_write(AT_FDCWD, path, map) != 0) _exit(1);
    }
    _exit(0);
}

/** This user alone, as root of the namespace. */
static int map_one(unsigned user, unsigned group)
{
    char map[64];
    snprintf(map, sizeof map, "0 %u 1", user);
    int error = file_write(AT_FDCWD, "/proc/self/uid_map", map);
    if (!error) error = file_write(AT_FDCWD, "/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", group);
    return error ? error : file_write(AT_FDCWD, "/proc/self/gid_map", map);
}

/** A user namespace in which this process may mount. */
static int own_user(lambda__helper *helper, char *text)
{
    unsigned user = geteuid();
    unsigned group = getegid();
    int go[2] = {-1, -1};
    pid_t child = -1;
    int status = -1;
    int error = 0;
    if (helper->without & LAMBDA__WITHOUT_USER_NAMESPACE) return text_error(text, EPERM, "user namespace");
    users_find(helper);
    if (user == 0 && group == 0 && pipe2(go, O_CLOEXEC) == 0) child = fork();
    if (child == 0) {
        close(go[1]);
        map_users(helper, go[0]);
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) error = text_error(text, errno, "user and mount namespace");
    if (child > 0) {
        if (!error && write(go[1], "", 1) != 1) error = text_error(text, errno, "users of the namespace");
        close(go[1]);
        waitpid(child, &status, 0);
    } else if (go[1] >= 0) {
        close(go[1]);
    }
    if (go[0] >= 0) close(go[0]);
    if (error || status == 0) return error;
    helper->own_user = true;
    error = map_one(user, group);
    return error ? text_error(text, error, "users of the namespace") : 0;
}

/** What the machine mounts later is seen here; nothing of ours is seen there. */
static int own_mounts(void)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0) return 0;
    if (errno != EINVAL) return errno;
    /*
     * In a chroot "/" is no mount, and the one that it is in has no name here. A copy of all that is seen is mounted where something is mounted
     * already, which can be made ours first, and lived in.
     */
    if (mount(NULL, "/proc", NULL, MS_PRIVATE, NULL) != 0 || mount("/", "/proc", NULL, MS_BIND | MS_REC, NULL) != 0 ||
        mount(NULL, "/proc", NULL, MS_REC | MS_SLAVE, NULL) != 0 || chroot("/proc") != 0 || chdir("/") != 0)
        return errno;
    return 0;
}

int root_prepare(lambda__helper *helper, char *text)
{
    char path[LAMBDA__PATH];
    if (helper->without & LAMBDA__WITHOUT_NAMESPACES) return text_error(text, EPERM, "namespaces");
    if (!path_join(path, sizeof path, helper->directory, "root")) return text_error(text, ENAMETOOLONG, "directory");
    if (mkdir(path, 0755) != 0 && errno != EEXIST) return text_error(text, errno, "making %.200s", path);
    int error = unshare(CLONE_NEWNS) != 0 ? own_user(helper, text) : 0;
    if (error) return error;
    error = own_mounts();
    if (error) return text_error(text, error, "mounts of our own");
    if (mount("sandbox", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") != 0)
        return text_error(text, errno, "mounting %.200s", path);
    helper->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (helper->root < 0 || fchdir(helper->root) != 0) return text_error(text, errno, "opening %.200s", path);
    /* It stays the working directory: a child's is then that of its own copy, where a descriptor is of ours. */
    return fill(helper, text);
}

int root_enter(const lambda__helper *helper, lambda__ready *ready)
{
    (void)helper;
    ready->own_proc = mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
    /* In a container, parts of /proc may be hidden, and a fresh one is refused. The old one has the right `self`. */
    if (!ready->own_proc && mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) != 0)
        return text_error(ready->text, errno, "mounting /proc");
    return 0;
}

/** Binds a path, read-only. */
static int bind_to(const char *from, const char *to, lambda__ready *ready)
{
    while (*to == '/')
        to++;
    if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0)
        return text_error(ready->text, errno, "binding %.150s to /%.60s", from, to);
    int error = read_only(to);
    return error ? text_error(ready->text, error, "making /%.100s read-only", to) : 0;
}

/** The working directory becomes the root, and the old one is gone. */
static int turn(lambda__ready *ready)
{
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
        if (umount2(".", MNT_DETACH) != 0) return text_error(ready->text, errno, "leaving the old root");
    } else {
        /* Who lives in a chroot, or on the first root file system, cannot pivot. */
        if (mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0)
            return text_error(ready->text, errno, "changing the root");
    }
    return chdir("/") == 0 ? 0 : text_error(ready->text, errno, "/");
}

int root_complete(const lambda__cage *cage, const lambda__open *open, lambda__strings *strings, lambda__ready *ready)
{
    char options[96];
    const char *task = lambda__strings_next(strings);
    const char *opt = lambda__strings_next(strings);
    int error = bind_to(task, "var/task", ready);
    if (!error && *opt) error = bind_to(opt, "opt", ready);
    for (uint32_t i = 0; i < open->binds && !error; i++) {
        const char *from = lambda__strings_next(strings);
        const char *to = lambda__strings_next(strings);
        error = bind_to(from, to, ready);
    }
    if (error) return error;
    snprintf(options, sizeof options, "size=%um,mode=700,uid=%u,gid=%u", open->storage_mb, cage->user, cage->user);
    if (mount("tmp", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
        return text_error(ready->text, errno, "mounting /tmp");
    error = turn(ready);
    if (error) return error;
    mount_attributes attributes = {.set = ATTRIBUTE_READ_ONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV};
    (void)attributes;
#ifdef SYS_mount_setattr
    if (syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof attributes) == 0) return 0;
#endif
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) != 0)
        return text_error(ready->text, errno, "making the root read-only");
    return 0;
}
