/* Ends: of clients in the middle of what they say, and of the server under load. */
#include "server_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/** Clients that end in the middle of a request make room for others long before its time is over. */
static void half_requests(void **state)
{
    static const char *const halves[] = {
        "POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\n",
        "POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf",
        "POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf",
    };
    (void)state;
    struct world world;
    world_open(&world, &(lambda_http_options){.connections = 1, .header_timeout_ms = 3600000});
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        client_answer answer = {0};
        int fd = client_open(world.port);
        client_text(fd, "%s", halves[i]);
        close(fd);
        for (bool answered = false; !answered; close(fd)) {
            fd = client_open(world.port);
            client_text(fd, GET("/healthz"));
            answered = client_receive(fd, &answer);
            client_answer_clear(&answer);
        }
        assert_int_equal(answer.status, 200);
    }
    world_close(&world);
    /* Who has said all and ends its side is answered. */
    world_open(&world, &(lambda_http_options){.header_timeout_ms = 300});
    int fd = client_open(world.port);
    client_text(fd, GET_URL(URL_WAIT));
    shutdown(fd, SHUT_WR);
    world_until_waiting(&world, 1);
    client_until_closed(client_open(world.port));
    world_let_go(&world);
    client_expect(fd, "", 200, "waited");
    close(fd);
    /* And is given all of a long answer, though the watchman looks at it again and again. */
    enum { LENGTH = 4 << 20 };
    char *body = malloc(LENGTH);
    char first;
    client_answer answer = {0};
    assert_non_null(body);
    memset(body, 'x', LENGTH);
    fd = client_open(world.port);
    client_text(fd, "POST /lambda-url/" URL_ECHO "/ HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", LENGTH);
    client_send(fd, body, LENGTH);
    shutdown(fd, SHUT_WR);
    assert_int_equal(recv(fd, &first, 1, MSG_PEEK), 1);
    client_until_closed(client_open(world.port));
    assert_true(client_receive(fd, &answer));
    assert_false(answer.cut);
    assert_int_equal(answer.status, 200);
    assert_true(answer.length > LENGTH);
    client_answer_clear(&answer);
    close(fd);
    free(body);
    world_close(&world);
}

static void *closes(void *user)
{
    struct world *world = user;
    lambda_http_close(world->http, 30000);
    world->http = NULL;
    return NULL;
}

static void closes_when_all_is_answered(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int runs = client_open(world.port);
    client_text(runs, GET_URL(URL_WAIT));
    world_until_waiting(&world, 1);
    int kept = client_open(world.port);
    client_expect(kept, GET("/healthz"), 200, "ok\n");
    pthread_t closer;
    assert_int_equal(pthread_create(&closer, NULL, closes, &world), 0);
    /* Until it closes, requests are answered; then this one too, in its way. */
    client_answer answer = {.status = 200};
    while (answer.status == 200) {
        client_text(kept, GET("/healthz"));
        assert_true(client_receive(kept, &answer));
        client_answer_clear(&answer);
    }
    assert_int_equal(answer.status, 503);
    assert_string_equal(client_header(&answer, "Connection"), "close");
    client_until_closed(kept);
    /* What ran before is answered still. */
    world_let_go(&world);
    client_expect(runs, "", 200, "waited");
    pthread_join(closer, NULL);
    close(runs);
    world_close(&world);
}

/** Asks as long as it is answered. */
static void *load(void *user)
{
    struct world *world = user;
    int fd = client_open(world->port);
    client_answer answer = {0};
    do {
        client_answer_clear(&answer);
        client_text(fd, "%s", GET_URL(URL_HELLO));
    } while (client_receive(fd, &answer) && answer.status == 200);
    client_answer_clear(&answer);
    close(fd);
    return NULL;
}

static void closes_under_load(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load, &world), 0);
    int fd = client_open(world.port);
    for (int i = 0; i < 200; i++)
        client_expect(fd, GET_URL(URL_HELLO), 200, "hello");
    lambda_http_close(world.http, 1);
    world.http = NULL;
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    close(fd);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_requests),
        cmocka_unit_test(closes_when_all_is_answered),
        cmocka_unit_test(closes_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
