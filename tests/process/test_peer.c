/* Who may speak to an environment's endpoint: whose socket it is, on either way of finding out; and that nothing is handed to anybody else. */
#include "cage.h"
#include "endpoint_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

enum { STRANGER = 12345 };

static const lambda__peer_source sources[] = {LAMBDA__PEER_NETLINK, LAMBDA__PEER_TABLE};

static struct world api;
static cage_world world;
static test_cage cages[2];
static test_run runs[2];

/* ---- sockets */

static int listen_on(struct sockaddr_in *name)
{
    socklen_t length = sizeof *name;
    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)name, sizeof *name), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)name, &length), 0);
    return fd;
}

static int connect_to(const struct sockaddr_in *name)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)name, sizeof *name), 0);
    return fd;
}

static int accept_from(int listening, struct sockaddr_in *peer)
{
    socklen_t length = sizeof *peer;
    int fd = accept(listening, (struct sockaddr *)peer, &length);
    assert_true(fd >= 0);
    return fd;
}

static void test_sources(void **state)
{
    struct sockaddr_in own;
    (void)state;
    int listening = listen_on(&own);
    assert_int_not_equal(lambda__peer_find_source(&own), LAMBDA__PEER_UNKNOWN);
    print_message("this machine is asked by %s\n",
                  lambda__peer_find_source(&own) == LAMBDA__PEER_NETLINK ? "netlink" : "the table");
    close(listening);
    /* Nothing listens there. */
    assert_int_equal(lambda__peer_find_source(&own), LAMBDA__PEER_UNKNOWN);
}

static void is_known(lambda__peer_source source, const struct sockaddr_in *peer, const struct sockaddr_in *own,
                     uid_t expected)
{
    uid_t user = 77;
    if (!lambda__peer_user(source, peer, own, &user)) fail_msg("not known, by source %d", (int)source);
    assert_int_equal(user, expected);
}

static void is_unknown(const struct sockaddr_in *peer, const struct sockaddr_in *own)
{
    uid_t user;
    for (size_t i = 0; i < 2; i++)
        assert_false(lambda__peer_user(sources[i], peer, own, &user));
    assert_false(lambda__peer_user(LAMBDA__PEER_UNKNOWN, peer, own, &user));
}

static void test_a_connection(void **state)
{
    struct sockaddr_in own, peer;
    (void)state;
    int listening = listen_on(&own);
    int ours = connect_to(&own);
    int theirs = accept_from(listening, &peer);
    for (size_t i = 0; i < 2; i++)
        is_known(sources[i], &peer, &own, geteuid());
    /* It has nothing more to say, but waits for an answer. */
    assert_int_equal(shutdown(ours, SHUT_WR), 0);
    for (size_t i = 0; i < 2; i++)
        is_known(sources[i], &peer, &own, geteuid());
    /* Whoever has gone is nobody: what is left of a socket has no user, or root's. */
    close(ours);
    is_unknown(&peer, &own);
    close(theirs);
    is_unknown(&peer, &own);
    close(listening);
}

/** Runtimes whose sockets are of IPv6 and reach IPv4 by its mapped addresses, as Java's. */
static void test_a_socket_of_ipv6(void **state)
{
    struct sockaddr_in own, peer;
    (void)state;
    int listening = listen_on(&own);
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = own.sin_port};
    int ours = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr), 1);
    if (ours < 0 || connect(ours, (struct sockaddr *)&mapped, sizeof mapped) != 0) {
        if (ours >= 0) close(ours);
        close(listening);
        print_message("there is no IPv6\n");
        skip();
    }
    int theirs = accept_from(listening, &peer);
    for (size_t i = 0; i < 2; i++)
        is_known(sources[i], &peer, &own, geteuid());
    close(ours);
    close(theirs);
    close(listening);
}

/** A connection that was broken off before it was accepted leaves its port to somebody else, whose it is not. */
/** A client that says something and is gone; and another's socket, which has the port that it had. -1: the system has not given it up yet. */
static int take_port(const struct sockaddr_in *own, struct sockaddr_in *peer)
{
    const struct linger at_once = {.l_onoff = 1};
    socklen_t length = sizeof *peer;
    int bad = connect_to(own);
    assert_int_equal(getsockname(bad, (struct sockaddr *)peer, &length), 0);
    assert_int_equal(send(bad, "POST", 4, 0), 4);
    assert_int_equal(setsockopt(bad, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(bad);
    int good = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(good, (const struct sockaddr *)peer, sizeof *peer) == 0) return good;
    assert_int_equal(errno, EADDRINUSE);
    close(good);
    return -1;
}

static void test_a_port_that_is_used_again(void **state)
{
    enum { ATTEMPTS = 100 };
    struct sockaddr_in own, peer, first, second;
    (void)state;
    int listening = listen_on(&own);
    int good = take_port(&own, &peer);
    for (int i = 1; good < 0 && i < ATTEMPTS; i++) {
        close(listening);
        listening = listen_on(&own);
        good = take_port(&own, &peer);
    }
    assert_true(good >= 0);
    assert_int_equal(connect(good, (struct sockaddr *)&own, sizeof own), 0);
    int dead = accept_from(listening, &first);
    assert_int_equal(first.sin_port, peer.sin_port);
    is_unknown(&first, &own);
    int live = accept_from(listening, &second);
    assert_int_equal(second.sin_port, peer.sin_port);
    for (size_t i = 0; i < 2; i++)
        is_known(sources[i], &second, &own, geteuid());
    close(good);
    close(dead);
    close(live);
    close(listening);
}

/* ---- the endpoint */

static unsigned port_of_api(void)
{
    unsigned port = 0;
    assert_int_equal(sscanf(lambda__endpoint_address(api.endpoint), "127.0.0.1:%u", &port), 1);
    return port;
}

static void test_the_right_user(void **state)
{
    (void)state;
    world_open_for(&api, geteuid());
    int fd = client_open(&api);
    client_text(&api, fd, GET_NEXT);
    world_until_told(&api, "ready");
    world_invoke(&api, "id-1", "\"secret\"");
    struct answer answer;
    client_receive(&api, fd, &answer);
    assert_string_equal(answer.body, "\"secret\"");
    answer_clear(&answer);
    client_close(fd);
    world_close(&api);
}

static void test_another_user(void **state)
{
    (void)state;
    world_open_for(&api, STRANGER);
    world_invoke(&api, "id-1", "\"secret\"");
    for (int i = 0; i < 3; i++) {
        char bytes[256];
        int fd = client_open(&api);
        /* It may be closed before this comes. */
        send(fd, GET_NEXT, strlen(GET_NEXT), MSG_NOSIGNAL);
        world_settle(&api);
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
        client_close(fd);
    }
    assert_string_equal(world_told(&api), "");
    world_close(&api);
}

/** As another user: what comes of asking for the next event. 0: it was closed; 1: something came. */
_Noreturn static void ask_as_stranger(unsigned port)
{
    char bytes[256];
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    if (setgroups(0, NULL) != 0 || setgid(STRANGER) != 0 || setuid(STRANGER) != 0) _exit(2);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0) _exit(3);
    if (send(fd, GET_NEXT, strlen(GET_NEXT), MSG_NOSIGNAL) < 0) _exit(errno == EPIPE || errno == ECONNRESET ? 0 : 4);
    _exit(recv(fd, bytes, sizeof bytes, 0) > 0);
}

/** A real one, with a program of its own: refused where root is expected, and taken where it is. */
static void test_a_stranger(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("not root: no other user can be had\n");
        skip();
    }
    for (int expected = 0; expected < 2; expected++) {
        int status = 0;
        pid_t ended = 0;
        world_open_for(&api, expected ? STRANGER : 0);
        world_invoke(&api, "id-1", "\"secret\"");
        fflush(stdout);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) ask_as_stranger(port_of_api());
        uint64_t until = lambda__loop_now() + UINT64_C(20000000000);
        while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && lambda__loop_now() < until)
            lambda__loop_run(&api.loop, lambda__loop_now() + 1000000);
        assert_int_equal(ended, pid);
        if (status == 2 << 8) {
            world_close(&api);
            print_message("no other user can be had\n");
            skip();
        }
        assert_int_equal(status, expected << 8);
        assert_string_equal(world_told(&api), expected ? "ready" : "");
        world_close(&api);
    }
}

/* ---- sandboxes */

static bool both_have_ended(void *user)
{
    (void)user;
    /* The programs wait for the endpoint, and it stands in a loop of its own. */
    lambda__loop_run(&api.loop, 0);
    lambda__loop_run(&cages[1].loop, 0);
    return runs[0].exited && runs[1].exited && runs[0].open == 0 && runs[1].open == 0;
}

/** Two sandboxes ask the endpoint of the first one. */
static void ask_from_two(void)
{
    char port[16];
    for (int i = 0; i < 2; i++)
        cage_open(&world, &cages[i], 128, 16);
    world_open_for(&api, lambda__sandbox_user(cages[0].sandbox));
    world_invoke(&api, "id-1", "\"secret\"");
    snprintf(port, sizeof port, "%u", port_of_api());
    /* The stranger first: the event is there to be had. */
    for (int i = 1; i >= 0; i--)
        START(&cages[i], &runs[i], "ask", port);
    bool own = world.limits->endpoint == LAMBDA_PROCESS_USER;
    if (own) {
        cage_until(&cages[0], both_have_ended, NULL);
        assert_non_null(strstr(runs[0].output, "got HTTP/1.1 200"));
        assert_non_null(strstr(runs[0].output, "secret"));
        assert_string_equal(runs[1].output, "closed \n");
        assert_string_equal(world_told(&api), "ready");
        assert_int_not_equal(lambda__sandbox_user(cages[0].sandbox), lambda__sandbox_user(cages[1].sandbox));
        assert_int_not_equal(lambda__sandbox_user(cages[0].sandbox), geteuid());
    } else {
        /* One of them, as may be: the other one waits for another event. */
        world_until_told(&api, "ready");
        assert_int_equal(lambda__sandbox_user(cages[0].sandbox), geteuid());
        assert_int_equal(lambda__sandbox_user(cages[1].sandbox), geteuid());
    }
    world_close(&api);
    for (int i = 0; i < 2; i++)
        cage_close(&cages[i]);
}

/** Root where all users are, not in a container that has some, and with the privileges that it takes. */
static bool is_whole_root(void)
{
    static const int privileges[] = {CAP_SYS_ADMIN, CAP_CHOWN, CAP_SETUID, CAP_SETGID};
    unsigned long long inside = 1, outside = 1, count = 0;
    FILE *map = fopen("/proc/self/uid_map", "re");
    bool read = map && fscanf(map, "%llu %llu %llu", &inside, &outside, &count) == 3;
    if (map) fclose(map);
    for (size_t i = 0; i < sizeof privileges / sizeof *privileges; i++)
        if (prctl(PR_CAPBSET_READ, privileges[i], 0, 0, 0) != 1) return false;
    return geteuid() == 0 && read && inside == 0 && outside == 0 && count == UINT32_MAX;
}

static void with(unsigned without)
{
    cage_world_open(&world, without);
    print_message("endpoint: %s: %s\n", lambda_process_mechanism_name(world.limits->endpoint), world.limits->reason);
    if (is_whole_root())
        assert_int_equal(world.limits->endpoint, LAMBDA_PROCESS_USER);
    else if (geteuid() != 0)
        assert_int_equal(world.limits->endpoint, LAMBDA_PROCESS_NONE);
    if (world.limits->endpoint == LAMBDA_PROCESS_NONE)
        assert_non_null(strstr(world.limits->reason, "users of their own"));
    ask_from_two();
    cage_world_close(&world);
}

static void test_sandboxes(void **state)
{
    (void)state;
    with(0);
    with(LAMBDA__WITHOUT_SPARE);
    with(LAMBDA__WITHOUT_USER_NAMESPACE);
    with(LAMBDA__WITHOUT_NAMESPACES);
}

static void test_an_unprivileged_host(void **state)
{
    int status;
    (void)state;
    if (!is_whole_root()) skip();
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (setgroups(0, NULL) != 0 || setgid(STRANGER) != 0 || setuid(STRANGER) != 0) _exit(1);
        with(0);
        with(LAMBDA__WITHOUT_NAMESPACES);
        fflush(stdout);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_a_connection),
        cmocka_unit_test(test_a_socket_of_ipv6),
        cmocka_unit_test(test_a_port_that_is_used_again),
        cmocka_unit_test(test_the_right_user),
        cmocka_unit_test(test_another_user),
        cmocka_unit_test(test_a_stranger),
        cmocka_unit_test(test_sandboxes),
        cmocka_unit_test(test_an_unprivileged_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
