#include "maker.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

unsigned long long lambda__maker_started(pid_t pid)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0) close(fd);
    text[length > 0 ? length : 0] = 0;
    const char *rest = strrchr(text, ')');
    if (!rest || rest[1] != ' ' || rest[2] == 'Z' || rest[2] == 'X') return 0;
    /* proc_pid_stat(5): what follows the name is field 3, the state; the start is field 22. */
    return lambda__word_number(rest + 1, 22 - 3);
}

unsigned long long lambda__maker_namespace(void)
{
    struct stat what;
    return stat("/proc/self/ns/pid", &what) == 0 ? what.st_ino : 0;
}

void lambda__maker_name(char *name, size_t size)
{
    snprintf(name, size, LAMBDA__MAKER_FAMILY "%llx-%d-%llx", lambda__maker_namespace(), (int)getpid(),
             lambda__maker_started(getpid()));
}
