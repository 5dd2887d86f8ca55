/* Datagrams: a connected socket, so that the system tells when nobody is there. */
#include "base/platform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/** An address in numbers as the system has it; 0 for what is none. */
static socklen_t parse(const char *host, uint16_t port, struct sockaddr_storage *address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return sizeof(*four);
    }
    if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1) return 0;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    return sizeof(*six);
}

int lambda__platform_datagram_open(const char *host, uint16_t port, int *descriptor)
{
    struct sockaddr_storage address;
    socklen_t length = parse(host, port, &address);
    if (length == 0) return EINVAL;
    int opened = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened < 0) return errno;
    if (connect(opened, (struct sockaddr *)&address, length) != 0) {
        int error = errno;
        close(opened);
        return error;
    }
    *descriptor = opened;
    return 0;
}

static int send_once(int descriptor, const struct msghdr *message)
{
    ssize_t result;
    do {
        result = sendmsg(descriptor, message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
}

int lambda__platform_datagram_send(int descriptor, const void *head, size_t head_length, const void *data,
                                   size_t length)
{
    struct iovec parts[] = {{(void *)(uintptr_t)head, head_length}, {(void *)(uintptr_t)data, length}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int error = send_once(descriptor, &message);
    if (error != ECONNREFUSED) return error;
    /* That was the answer to an earlier one, and this one has not been sent yet. */
    int again = send_once(descriptor, &message);
    return again ? again : error;
}

void lambda__platform_datagram_close(int descriptor)
{
    close(descriptor);
}
