#include "load_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char good[] = "HTTP/1.1 200";

static void require(int holds, const char *what)
{
    if (holds) return;
    perror(what);
    exit(1);
}

uint16_t load_free_port(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0 && bind(fd, (struct sockaddr *)&name, length) == 0 &&
                getsockname(fd, (struct sockaddr *)&name, &length) == 0,
            "a free port");
    close(fd);
    return ntohs(name.sin_port);
}

int load_connect(uint16_t port)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0, "socket");
    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return fd;
    }
    close(fd);
    return -1;
}

size_t load_exchange(int fd, const char *request, size_t length, char *answer, size_t size)
{
    if (send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) return 0;
    for (size_t held = 0; held + 1 < size;) {
        ssize_t more = recv(fd, answer + held, size - held - 1, 0);
        if (more <= 0) return 0;
        held += (size_t)more;
        answer[held] = '\0';
        const char *end = strstr(answer, "\r\n\r\n");
        if (!end) continue;
        const char *declared = strcasestr(answer, "\r\ncontent-length:");
        if (!declared || declared > end) return 0;
        size_t whole = (size_t)(end + 4 - answer) + strtoull(declared + 17, NULL, 10);
        if (held >= whole) return held == whole ? whole : 0;
    }
    return 0;
}

void load_open(load_client *client, uint16_t port, int count, const char *request)
{
    *client = (load_client){.count = count, .epoll = epoll_create1(EPOLL_CLOEXEC), .request_length = strlen(request)};
    require(client->epoll >= 0 && client->request_length < sizeof(client->request), "epoll");
    memcpy(client->request, request, client->request_length);
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        client->fds[i] = load_connect(port);
        require(client->fds[i] >= 0, "connect");
        require(epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->fds[i], &event) == 0, "epoll_ctl");
    }
    client->answer_length =
        load_exchange(client->fds[0], request, client->request_length, client->answer, sizeof(client->answer));
    if (client->answer_length == 0 || strncmp(client->answer, good, sizeof(good) - 1) != 0) {
        fprintf(stderr, "no good answer:\n%s\n", client->answer);
        exit(1);
    }
    client->body = strstr(client->answer, "\r\n\r\n") + 4;
}

static void ask(load_client *client, uint32_t which)
{
    ssize_t sent = send(client->fds[which], client->request, client->request_length, MSG_NOSIGNAL);
    require(sent == (ssize_t)client->request_length, "send");
}

/** Is the answer of that connection there? */
static int take(load_client *client, uint32_t which)
{
    char part[sizeof(client->answer)];
    ssize_t length = recv(client->fds[which], part, sizeof(part), MSG_DONTWAIT);
    size_t *received = &client->received[which];
    int wrong =
        length <= 0 || *received + (size_t)length > client->answer_length ||
        (*received == 0 && memcmp(part, good, (size_t)length < sizeof(good) ? (size_t)length : sizeof(good) - 1) != 0);
    if (wrong) {
        fprintf(stderr, "another answer than the first:\n%.*s\n", length > 0 ? (int)length : 0, part);
        exit(1);
    }
    *received += (size_t)length;
    if (*received < client->answer_length) return 0;
    *received = 0;
    return 1;
}

void load_run(load_client *client, uint64_t operations)
{
    struct epoll_event events[LOAD_CONNECTIONS];
    uint64_t asked = 0;
    uint64_t answered = 0;
    for (; asked < operations && asked < (uint64_t)client->count; asked++)
        ask(client, (uint32_t)asked);
    while (answered < operations) {
        int ready = epoll_wait(client->epoll, events, LOAD_CONNECTIONS, 10000);
        require(ready > 0, "no answer in ten seconds");
        for (int i = 0; i < ready; i++) {
            if (!take(client, events[i].data.u32)) continue;
            answered++;
            if (asked == operations) continue;
            ask(client, events[i].data.u32);
            asked++;
        }
    }
}

void load_close(load_client *client)
{
    for (int i = 0; i < client->count; i++)
        close(client->fds[i]);
    if (client->count > 0) close(client->epoll);
    client->count = 0;
}
