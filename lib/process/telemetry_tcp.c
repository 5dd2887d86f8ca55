/* Batches over TCP: events with a line end each, https://github.com/ndjson/ndjson-spec. A connection is kept until one side closes it; what was written into it is taken to be there, as TCP has no answers. */
#include "subscriber.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PIECE = 16384,
    ROUND = 262144, /* bytes in a round of the loop */
};

static void hang_up(lambda__subscriber *subscriber)
{
    if (subscriber->watch.fd < 0) return;
    lambda__loop_remove(subscriber->loop, &subscriber->watch);
    close(subscriber->watch.fd);
    subscriber->watch.fd = -1;
}

static void fail(lambda__subscriber *subscriber, int error)
{
    char reason[96];
    hang_up(subscriber);
    if (subscriber->state != LAMBDA__SUBSCRIBER_SENDING) return;
    lambda__subscriber_sent(subscriber, false, strerror_r(error, reason, sizeof(reason)));
}

/** Reads what the listener says, which interests nobody, but for its end. 0 or an errno. */
static int listen_to(lambda__subscriber *subscriber)
{
    char bytes[256];
    for (int i = 0; i < 16; i++) {
        ssize_t got = recv(subscriber->watch.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got == 0) return ECONNRESET;
        if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : errno;
    }
    return 0;
}

/** Puts a cursor back over bytes that were read and not written. */
static void go_back(lambda__subscriber *subscriber, lambda__batch before, size_t written)
{
    char bytes[PIECE];
    subscriber->batch = before;
    lambda__batch_read(subscriber, bytes, written);
}

/** Writes until the connection takes no more, or its round is over. */
static void write_on(lambda__subscriber *subscriber)
{
    char bytes[PIECE];
    for (size_t wrote = 0; wrote < ROUND;) {
        const uint32_t ticks = subscriber->ticks;
        const lambda__batch before = subscriber->batch;
        size_t length = lambda__batch_read(subscriber, bytes, sizeof(bytes));
        if (length == 0) {
            lambda__loop_change(subscriber->loop, &subscriber->watch, EPOLLIN);
            lambda__subscriber_sent(subscriber, true, "");
            return;
        }
        ssize_t sent = send(subscriber->watch.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        int error = errno;
        if (sent != (ssize_t)length) go_back(subscriber, before, sent > 0 ? (size_t)sent : 0);
        if (sent < 0) subscriber->ticks = ticks;
        if (sent < 0 && error != EAGAIN && error != EWOULDBLOCK && error != EINTR) {
            fail(subscriber, error);
            return;
        }
        if (sent != (ssize_t)length) break;
        wrote += length;
    }
    if (lambda__loop_change(subscriber->loop, &subscriber->watch, EPOLLIN | EPOLLOUT) != 0) fail(subscriber, ENOMEM);
}

static void ready(lambda__watch *watch, uint32_t events)
{
    lambda__subscriber *subscriber = watch->user;
    int error = events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? listen_to(subscriber) : 0;
    if (error != 0) {
        fail(subscriber, error);
        return;
    }
    if (events & EPOLLOUT && subscriber->state == LAMBDA__SUBSCRIBER_SENDING) write_on(subscriber);
}

/** Where nobody listens, a socket of this machine may be given that very port, and connect to itself. */
static bool is_itself(const lambda__subscriber *subscriber)
{
    struct sockaddr_in own = {0};
    socklen_t length = sizeof(own);
    return getsockname(subscriber->watch.fd, (struct sockaddr *)&own, &length) == 0 &&
           own.sin_port == htons(subscriber->wanted.port);
}

/** Begins to connect. 0 or an errno. */
static int connect_to(lambda__subscriber *subscriber)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(subscriber->wanted.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return errno;
    subscriber->watch = (lambda__watch){.fd = fd, .ready = ready, .user = subscriber};
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) return errno;
    if (is_itself(subscriber)) return ECONNREFUSED;
    return lambda__loop_add(subscriber->loop, &subscriber->watch, EPOLLIN | EPOLLOUT);
}

void lambda__tcp_send(lambda__subscriber *subscriber)
{
    /* It may have closed while nobody looked. */
    if (subscriber->watch.fd >= 0 && listen_to(subscriber) != 0) hang_up(subscriber);
    int error = subscriber->watch.fd < 0
                    ? connect_to(subscriber)
                    : lambda__loop_change(subscriber->loop, &subscriber->watch, EPOLLIN | EPOLLOUT);
    if (error != 0) fail(subscriber, error);
}

void lambda__tcp_stop(lambda__subscriber *subscriber)
{
    hang_up(subscriber);
}
