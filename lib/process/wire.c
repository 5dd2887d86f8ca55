/* Compiled into the library and into the helper. */
#include "wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int lambda__wire_send(int socket, const void *head, size_t head_size, const void *rest, size_t rest_size,
                      const int *fds, int count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * LAMBDA__WIRE_FDS)];
    } control;
    struct iovec parts[2] = {{.iov_base = (void *)head, .iov_len = head_size},
                             {.iov_base = (void *)rest, .iov_len = rest_size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = rest_size ? 2 : 1};
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * (size_t)count);
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

void lambda__wire_close_all(int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        if (fds[i] >= 0) close(fds[i]);
        fds[i] = -1;
    }
}

ssize_t lambda__wire_receive(int socket, void *bytes, size_t size, int fds[LAMBDA__WIRE_FDS])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * LAMBDA__WIRE_FDS)];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    for (int i = 0; i < LAMBDA__WIRE_FDS; i++)
        fds[i] = -1;
    ssize_t received;
    do {
        received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        /* The other side has hung up without reading all that we sent, which is told before what it sent itself. */
    } while (received < 0 && (errno == EINTR || errno == ECONNRESET));
    if (received < 0) return -errno;
    for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        memcpy(fds, CMSG_DATA(each), each->cmsg_len - CMSG_LEN(0));
    }
    int error = message.msg_flags & MSG_CTRUNC ? EMFILE : message.msg_flags & MSG_TRUNC ? EMSGSIZE : 0;
    if (!error) return received;
    lambda__wire_close_all(fds, LAMBDA__WIRE_FDS);
    return -error;
}

const char *lambda__strings_next(lambda__strings *strings)
{
    const char *string = strings->at;
    const char *zero = memchr(string, 0, (size_t)(strings->end - string));
    if (!zero) {
        strings->failed = true;
        return "";
    }
    strings->at = zero + 1;
    return string;
}

unsigned long long lambda__word_number(const char *text, int word)
{
    text += strspn(text, " ");
    for (; word > 0; word--) {
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    return strtoull(text, NULL, 10);
}

void lambda__cpu_text(char text[LAMBDA__CPU_TEXT], bool version_2, uint32_t memory_mb)
{
    enum { LEAST_US = 1000 }; /* the kernel takes no quota under a millisecond */
    uint64_t quota = (uint64_t)LAMBDA__CPU_PERIOD_US * memory_mb / LAMBDA__MB_A_CPU;
    if (quota < LEAST_US) quota = LEAST_US;
    if (version_2)
        snprintf(text, LAMBDA__CPU_TEXT, "%" PRIu64 " %d", quota, LAMBDA__CPU_PERIOD_US);
    else
        snprintf(text, LAMBDA__CPU_TEXT, "%" PRIu64, quota);
}
