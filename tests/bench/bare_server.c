#include "bare_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(bool holds, const char *what)
{
    if (holds) return;
    perror(what);
    exit(1);
}

static void watch(bare_server *server, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    check(epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

void bare_server_open(bare_server *server)
{
    memset(server, 0, offsetof(bare_server, buffer));
    server->connection = server->waiting = -1;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(name);
    check(server->listener >= 0 && bind(server->listener, (struct sockaddr *)&name, sizeof(name)) == 0 &&
              listen(server->listener, 16) == 0 &&
              getsockname(server->listener, (struct sockaddr *)&name, &length) == 0,
          "listen");
    snprintf(server->address, sizeof(server->address), "127.0.0.1:%u", ntohs(name.sin_port));
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    check(server->epoll >= 0, "epoll_create1");
    watch(server, server->listener);
}

void bare_server_close(bare_server *server)
{
    bare_server_stop(server);
    close(server->listener);
    close(server->epoll);
}

typedef struct launch {
    char *const *arguments;
    char *const *environment;
    int error;
} launch;

/** In the child, which has this process's memory until it executes. */
static int execute(void *user)
{
    launch *program = user;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execve(program->arguments[0], program->arguments, program->environment);
    program->error = errno;
    _exit(127);
}

void bare_server_start(bare_server *server, const char *const *arguments, const char *const *environment,
                       int clone_flags)
{
    static char stack[65536] __attribute__((aligned(16)));
    enum { MOST = 62 };
    char address[64];
    snprintf(address, sizeof(address), "AWS_LAMBDA_RUNTIME_API=%s", server->address);
    char *variables[MOST + 2] = {address};
    for (size_t i = 0; environment && environment[i]; i++) {
        check(i < MOST, "too many variables");
        variables[i + 1] = (char *)environment[i];
    }
    launch program = {.arguments = (char *const *)arguments, .environment = variables};
    server->child = clone(execute, stack + sizeof(stack), clone_flags | CLONE_VM | CLONE_VFORK | SIGCHLD, &program);
    check(server->child > 0, "clone");
    errno = program.error;
    check(errno == 0, arguments[0]);
}

void bare_server_stop(bare_server *server)
{
    if (server->child > 0) {
        kill(server->child, SIGKILL);
        waitpid(server->child, NULL, 0);
    }
    server->child = 0;
    if (server->connection >= 0) close(server->connection);
    server->connection = server->waiting = -1;
    server->held = 0;
}

static void write_all(int fd, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t sent = writev(fd, parts, count);
        if (sent < 0) return; /* it is seen when it is read */
        while (count > 0 && (size_t)sent >= parts->iov_len) {
            sent -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count == 0) return;
        parts->iov_base = (char *)parts->iov_base + sent;
        parts->iov_len -= (size_t)sent;
    }
}

typedef enum request { NONE, NEXT, RESPONSE, HUNG_UP } request;

/** A request that stands in the buffer whole is taken out of it. */
static request take(bare_server *server)
{
    server->buffer[server->held] = '\0';
    char *end = strstr(server->buffer, "\r\n\r\n");
    if (!end) return NONE;
    size_t head = (size_t)(end - server->buffer) + 4;
    request what = server->buffer[0] == 'G' ? NEXT : RESPONSE;
    size_t body = 0;
    if (what == RESPONSE) {
        end[2] = '\0';
        const char *length = strcasestr(server->buffer, "content-length:");
        end[2] = '\r';
        body = length ? strtoul(length + 15, NULL, 10) : 0;
    }
    if (server->held < head + body) return NONE;
    server->held -= head + body;
    memmove(server->buffer, server->buffer + head + body, server->held);
    return what;
}

/** The next request, waited for. */
static request receive(bare_server *server)
{
    for (;;) {
        request what = server->held > 0 ? take(server) : NONE;
        if (what != NONE) return what;
        struct epoll_event event;
        int count = epoll_wait(server->epoll, &event, 1, 10000);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return HUNG_UP;
        if (event.data.fd == server->listener) {
            int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd < 0) continue;
            int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            if (server->connection >= 0) close(server->connection);
            server->connection = fd;
            server->held = 0;
            watch(server, fd);
            continue;
        }
        ssize_t got =
            recv(server->connection, server->buffer + server->held, sizeof(server->buffer) - 1 - server->held, 0);
        if (got > 0) {
            server->held += (size_t)got;
            continue;
        }
        close(server->connection);
        server->connection = -1;
        if (server->child == 0) return HUNG_UP;
        if (waitpid(server->child, NULL, WNOHANG) != 0) {
            server->child = 0;
            return HUNG_UP;
        }
    }
}

bool bare_server_ready(bare_server *server)
{
    if (server->waiting >= 0) return true;
    if (receive(server) != NEXT) return false;
    server->waiting = server->connection;
    return true;
}

bool bare_server_first(bare_server *server, const void *payload, size_t length)
{
    if (!bare_server_ready(server)) return false;
    char head[1024];
    int size = snprintf(head, sizeof(head),
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: "
                        "8476a536-e9f4-11e8-9739-%012llx\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n"
                        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n"
                        "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;"
                        "Sampled=0\r\nContent-Length: %zu\r\n\r\n",
                        (unsigned long long)server->asked++, length);
    struct iovec parts[] = {{.iov_base = head, .iov_len = (size_t)size},
                            {.iov_base = (void *)payload, .iov_len = length}};
    write_all(server->waiting, parts, 2);
    server->waiting = -1;
    if (receive(server) != RESPONSE) return false;
    static const char accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: "
                                   "16\r\n\r\n{\"status\":\"OK\"}\n";
    struct iovec part = {.iov_base = (void *)accepted, .iov_len = sizeof(accepted) - 1};
    write_all(server->connection, &part, 1);
    return true;
}

bool bare_server_round_trip(bare_server *server, const void *payload, size_t length)
{
    return bare_server_first(server, payload, length) && bare_server_ready(server);
}
