/*
 * Requests that were right once, spoilt in a few places: whatever comes of them, the server answers what it can, never as if it were its own fault, and goes on. TEST_HTTP_GARBAGE says how many; the same each time.
 */
#include "server_world.h"
#include "sign.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 8192 };

typedef struct garbage {
    uint64_t state;
    char data[ROOM];
    size_t length;
} garbage;

static size_t below(garbage *g, size_t most)
{
    g->state ^= g->state << 13;
    g->state ^= g->state >> 7;
    g->state ^= g->state << 17;
    return (size_t)(g->state >> 11) % most;
}

static void insert(garbage *g, size_t at, const void *data, size_t length)
{
    if (g->length + length > ROOM) return;
    memmove(g->data + at + length, g->data + at, g->length - at);
    memcpy(g->data + at, data, length);
    g->length += length;
}

#define TEXT(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static void spoil(garbage *g)
{
    static const struct {
        const char *text;
        size_t length;
    } BITS[] = {TEXT("\r\n"),
                TEXT("\n"),
                TEXT("\r"),
                TEXT("\0"),
                TEXT(":"),
                TEXT(" "),
                TEXT("%"),
                TEXT("%00"),
                TEXT("%ff"),
                TEXT("/../"),
                TEXT("?"),
                TEXT("&"),
                TEXT("="),
                TEXT(";"),
                TEXT(","),
                TEXT("\xff"),
                TEXT("\xc3"),
                TEXT("\""),
                TEXT("{"),
                TEXT("["),
                TEXT("-1"),
                TEXT("99999999999999999999"),
                TEXT("HTTP/1.0"),
                TEXT("\r\nContent-Length: 5"),
                TEXT("\r\nTransfer-Encoding: chunked"),
                TEXT("\r\nHost: x"),
                TEXT("\r\nExpect: 100-continue"),
                TEXT("\r\nConnection: upgrade\r\nUpgrade: x"),
                TEXT("\r\nX-Amz-Security-Token: t"),
                TEXT("\r\nX-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
                TEXT("\r\nX-Amz-Client-Context: e30="),
                TEXT("\r\nOrigin: https://a.test\r\nAccess-Control-Request-Method: GET"),
                TEXT("?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=")};
    size_t at = below(g, g->length + 1);
    size_t left = g->length - at;
    switch (below(g, 4)) {
    case 0: {
        size_t bit = below(g, sizeof(BITS) / sizeof(BITS[0]));
        insert(g, at, BITS[bit].text, BITS[bit].length);
        break;
    }
    case 1: {
        size_t gone = below(g, 40) + 1;
        if (gone > left) gone = left;
        memmove(g->data + at, g->data + at + gone, left - gone);
        g->length -= gone;
        break;
    }
    case 2:
        if (left > 0) g->data[at] = (char)below(g, 256);
        break;
    default: {
        char again[64];
        size_t part = below(g, sizeof(again));
        if (part > left) part = left;
        memcpy(again, g->data + at, part);
        insert(g, at, again, part);
    }
    }
}

static void plain(garbage *g, const char *text)
{
    g->length = strlen(text);
    memcpy(g->data, text, g->length);
}

static void signed_one(garbage *g, const char *method, const char *path, const char *query, const char *body)
{
    const sign_header host = {"host", "h"};
    const sign_request request = {.method = method,
                                  .path = path,
                                  .query = query,
                                  .headers = &host,
                                  .headers_count = 1,
                                  .body = body,
                                  .body_length = strlen(body),
                                  .key = KEY,
                                  .secret = SECRET,
                                  .time_s = (uint64_t)time(NULL)};
    char authorization[2048];
    char date[17];
    sign_header_form(&request, authorization, date);
    int length = snprintf(g->data, ROOM,
                          "%s %s%s%s HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nX-Amz-Date: %s\r\nContent-Length: %zu"
                          "\r\n\r\n%s",
                          method, path, query ? "?" : "", query ? query : "", authorization, date, strlen(body), body);
    assert_in_range(length, 1, ROOM - 1);
    g->length = (size_t)length;
}

static void fill(garbage *g)
{
    switch (below(g, 8)) {
    case 0:
        plain(g, "GET /lambda-url/" URL_ECHO "/a?x=1&y=%20 HTTP/1.1\r\nHost: h\r\nCookie: a=b; c=d\r\n\r\n");
        break;
    case 1:
        plain(g,
              "POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
              "0\r\n\r\n");
        break;
    case 2:
        plain(g, "POST / HTTP/1.1\r\nHost: " URL_STREAM ".lambda-url.us-east-1.localhost:1\r\nContent-Length: 5\r\n"
                 "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1\r\n\r\nhello");
        break;
    case 3:
        plain(g, "GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        break;
    case 4:
        signed_one(g, "GET", "/lambda-url/" URL_PRIVATE "/p", "a=1", "");
        break;
    case 5:
        signed_one(g, "POST", INVOKE("echo"), "Qualifier=%24LATEST", "{\"a\":[1,{\"b\":\"c\"}]}");
        break;
    case 6:
        signed_one(g, "POST", STREAM("stream"), NULL, "{}");
        break;
    default:
        signed_one(g, "DELETE", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aecho",
                   "tagKeys=a&tagKeys=b", "");
    }
    for (size_t times = below(g, 5); times > 0; times--)
        spoil(g);
}

/** All that comes until the connection ends: statuses are the client's fault, or nobody's. */
static void read_all(int fd)
{
    static char text[1 << 20];
    size_t length = 0;
    ssize_t more;
    struct pollfd look = {.fd = fd, .events = POLLIN};
    while (length + 1 < sizeof(text) && poll(&look, 1, 30000) == 1 &&
           (more = recv(fd, text + length, sizeof(text) - 1 - length, 0)) > 0)
        length += (size_t)more;
    text[length] = '\0';
    if (strncmp(text, "HTTP/1.1 500", 12) == 0) print_error("%s\n", text);
    assert_true(length == 0 || (strncmp(text, "HTTP/1.1 ", 9) == 0 && strncmp(text, "HTTP/1.1 500", 12) != 0));
}

static void goes_on(void **state)
{
    (void)state;
    struct world world;
    const char *many = getenv("TEST_HTTP_GARBAGE");
    unsigned long count = many ? strtoul(many, NULL, 10) : 800;
    static garbage g = {.state = UINT64_C(0x9e3779b97f4a7c15)};
    world_open(&world, &(lambda_http_options){.header_timeout_ms = 40});
    for (unsigned long i = 0; i < count; i++) {
        int fd = client_open(world.port);
        fill(&g);
        client_send(fd, g.data, g.length);
        /* Some go without a word. */
        bool stays = below(&g, 8) > 0;
        if (stays) {
            shutdown(fd, SHUT_WR);
            read_all(fd);
        }
        close(fd);
    }
    /* Where this test's thread is kept waiting so long its connection is closed as a slow one. */
    for (bool answered = false; !answered;) {
        client_answer answer;
        int fd = client_open(world.port);
        client_text(fd, GET_URL(URL_HELLO));
        answered = client_receive(fd, &answer);
        if (answered) assert_string_equal(answer.body, "hello");
        client_answer_clear(&answer);
        close(fd);
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
