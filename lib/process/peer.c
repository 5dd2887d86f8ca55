#include "peer.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/** A socket, as the kernel tells of it. */
typedef struct end {
    bool found;
    unsigned state; /* TCP's, include/net/tcp_states.h of the kernel */
    uid_t user;
    unsigned long inode; /* 0: nobody has it: it was closed, or not accepted yet */
} end;

enum { STATE_SYN_SENT = 2, STATE_SYN_RECV = 3, STATE_TIME_WAIT = 6, STATE_CLOSE = 7, STATE_LISTEN = 10 };

static bool is_open(const end *which)
{
    return which->found && which->inode && which->state != STATE_SYN_SENT && which->state != STATE_SYN_RECV &&
           which->state != STATE_TIME_WAIT && which->state != STATE_CLOSE && which->state != STATE_LISTEN;
}

/* ---- netlink */

typedef struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
} question;

_Static_assert(sizeof(question) % NLMSG_ALIGNTO == 0, "questions stand one behind the other");

static question ask_for(const struct sockaddr_in *name, const struct sockaddr_in *other)
{
    question made = {
        .head = {.nlmsg_len = sizeof made, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_INET,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = ~0U,
                 .id = {.idiag_sport = name->sin_port,
                        .idiag_dport = other->sin_port,
                        .idiag_src = {name->sin_addr.s_addr},
                        .idiag_dst = {other->sin_addr.s_addr},
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    return made;
}

/** The answer to one. The kernel has given it before the question's send returned. */
static void take_answer(int fd, const question *asked, end *answer)
{
    union {
        struct nlmsghdr head;
        char bytes[4096];
    } message;
    struct inet_diag_msg body;
    ssize_t size = recv(fd, &message, sizeof message, MSG_DONTWAIT);
    if (size < (ssize_t)NLMSG_LENGTH(sizeof body) || message.head.nlmsg_type != SOCK_DIAG_BY_FAMILY) return;
    memcpy(&body, NLMSG_DATA(&message.head), sizeof body);
    /* Where no socket is connected so, one that listens on the port is told of. */
    if (body.id.idiag_sport != asked->body.id.idiag_sport || body.id.idiag_dport != asked->body.id.idiag_dport) return;
    *answer = (end){.found = true, .state = body.idiag_state, .user = body.idiag_uid, .inode = body.idiag_inode};
}

/** One after the other, in this order. */
static void ask_netlink(const question *questions, size_t count, end *answers)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return;
    if (send(fd, questions, count * sizeof *questions, 0) == (ssize_t)(count * sizeof *questions))
        for (size_t i = 0; i < count; i++)
            take_answer(fd, &questions[i], &answers[i]);
    close(fd);
}

/* ---- /proc/net/tcp */

/** An address as the table of IPv4's or IPv6's sockets has it. */
static void name_in_table(const struct sockaddr_in *name, bool mapped, char text[64])
{
    unsigned port = ntohs(name->sin_port);
    if (mapped)
        snprintf(text, 64, "0000000000000000%08X%08X:%04X", (unsigned)htonl(0xffff), (unsigned)name->sin_addr.s_addr,
                 port);
    else
        snprintf(text, 64, "%08X:%04X", (unsigned)name->sin_addr.s_addr, port);
}

static end look_in(const char *table, const char *name, const char *other)
{
    end answer = {0};
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(table, "re");
    while (file && !answer.found && getline(&line, &room, file) > 0) {
        char local[64];
        char remote[64];
        char state[16];
        char user[16];
        char inode[24];
        if (sscanf(line, " %*s %63s %63s %15s %*s %*s %*s %15s %*s %23s", local, remote, state, user, inode) != 5 ||
            strcmp(local, name) != 0 || strcmp(remote, other) != 0)
            continue;
        answer = (end){.found = true,
                       .state = (unsigned)strtoul(state, NULL, 16),
                       .user = (unsigned)strtoul(user, NULL, 10),
                       .inode = strtoul(inode, NULL, 10)};
    }
    free(line);
    if (file) fclose(file);
    return answer;
}

static end ask_table(const struct sockaddr_in *name, const struct sockaddr_in *other)
{
    enum { LOOKS = 3 };
    char names[2][2][64];
    end answer = {0};
    for (int mapped = 0; mapped < 2; mapped++) {
        name_in_table(name, mapped, names[mapped][0]);
        name_in_table(other, mapped, names[mapped][1]);
    }
    /* The kernel gives the table in pieces: while others connect, one that is there may stand in none of them. */
    for (int i = 0; i < LOOKS && !answer.found; i++) {
        answer = look_in("/proc/thread-self/net/tcp", names[0][0], names[0][1]);
        if (!answer.found) answer = look_in("/proc/thread-self/net/tcp6", names[1][0], names[1][1]);
    }
    return answer;
}

/* ---- either */

lambda__peer_source lambda__peer_find_source(const struct sockaddr_in *listening)
{
    const struct sockaddr_in nobody = {.sin_family = AF_INET};
    const question asked = ask_for(listening, &nobody);
    end answer = {0};
    ask_netlink(&asked, 1, &answer);
    if (answer.found) return LAMBDA__PEER_NETLINK;
    return ask_table(listening, &nobody).found ? LAMBDA__PEER_TABLE : LAMBDA__PEER_UNKNOWN;
}

bool lambda__peer_user(lambda__peer_source source, const struct sockaddr_in *peer, const struct sockaddr_in *own,
                       uid_t *user)
{
    end ends[2] = {{0}, {0}};
    /* The peer first. If ours is open after that it was so all the time, and what was found is what it is connected to. */
    if (source == LAMBDA__PEER_NETLINK) {
        const question questions[2] = {ask_for(peer, own), ask_for(own, peer)};
        ask_netlink(questions, 2, ends);
    } else if (source == LAMBDA__PEER_TABLE) {
        ends[0] = ask_table(peer, own);
        ends[1] = ask_table(own, peer);
    }
    *user = ends[0].user;
    return is_open(&ends[0]) && is_open(&ends[1]);
}
