/* The server's road: its bounds, its threads, its end. */
#include "operation.h"
#include "server_world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUICK (&(lambda_http_options){.header_timeout_ms = 300})

static void answers_a_function_url(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    /* On a worker first, then on the event thread: one connection all the while. */
    for (int i = 0; i < 20; i++) {
        client_answer answer;
        client_text(fd, GET_URL(URL_HELLO));
        assert_true(client_receive(fd, &answer));
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "hello");
        assert_non_null(client_header(&answer, "x-amzn-RequestId"));
        assert_int_equal(strlen(client_header(&answer, "x-amzn-RequestId")), 36);
        assert_string_equal(client_header(&answer, "Content-Type"), "application/json");
        assert_non_null(client_header(&answer, "Date"));
        client_answer_clear(&answer);
    }
    /* By the host's name. */
    client_expect(fd, "GET /a HTTP/1.1\r\nHost: " URL_HELLO ".lambda-url.us-east-1.localhost:9000\r\n\r\n", 200,
                  "hello");
    client_expect(fd, GET_URL("00000000000000000000000000000000"), 403, NULL);
    client_expect(fd, GET_URL(URL_FAIL), 502, NULL);
    /* A body, whole and in chunks. */
    client_answer answer;
    client_text(fd, "POST /lambda-url/" URL_ECHO
                    "/p?q=1 HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc");
    assert_true(client_receive(fd, &answer));
    assert_non_null(strstr(answer.body, "\"body\":\"abc\""));
    assert_non_null(strstr(answer.body, "\"rawQueryString\":\"q=1\""));
    assert_non_null(strstr(answer.body, "\"x-forwarded-for\":\"127.0.0.1\",\"x-forwarded-proto\":\"http\""));
    /* A new trace, of the request's id; and one that the client has begun. */
    const char *trace = strstr(answer.body, "\"x-amzn-trace-id\":\"Root=1-");
    assert_non_null(trace);
    trace += strlen("\"x-amzn-trace-id\":\"Root=1-");
    assert_int_equal(strspn(trace, "0123456789abcdef"), 8);
    assert_int_equal(trace[8], '-');
    assert_int_equal(strspn(trace + 9, "0123456789abcdef"), 24);
    assert_int_equal(trace[33], '"');
    client_answer_clear(&answer);
    client_text(fd, "GET /lambda-url/" URL_ECHO "/ HTTP/1.1\r\nHost: h\r\nX-Amzn-Trace-Id: Root=1-5759e988-"
                    "bd862e3fe1be46a994272793;Sampled=1\r\n\r\n");
    assert_true(client_receive(fd, &answer));
    assert_non_null(strstr(answer.body, ":\"Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1\""));
    client_answer_clear(&answer);
    client_text(fd, "POST /lambda-url/" URL_ECHO
                    "/p HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
    assert_true(client_receive(fd, &answer));
    assert_non_null(strstr(answer.body, "\"body\":\"abcde\""));
    client_answer_clear(&answer);
    close(fd);
    world_close(&world);
    assert_non_null(strstr(world.log, "\"GET /lambda-url/" URL_HELLO "/ HTTP/1.1\" 200 5 "));
    assert_non_null(strstr(world.log, " InvokeFunctionUrl hello "));
    assert_true(strncmp(world.log, "127.0.0.1 - - [", 15) == 0);
}

/** The server that was opened last, while it is open. */
static void function_urls_name_the_server(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    world_expect_url(&world, "http", world.port);
    lambda_http_options options = {.api = world.api};
    lambda_http *other = NULL;
    assert_ok(NULL, lambda_http_open(&options, &other));
    uint16_t port = lambda_http_port(other);
    world_expect_url(&world, "http", port);
    lambda_http_close(world.http, 0);
    world_expect_url(&world, "http", port);
    /* One that could not be opened changes nothing. */
    options.port = port;
    assert_fails(NULL, lambda_http_open(&options, &world.http), LAMBDA_ERROR_RESOURCE_CONFLICT, "port");
    world_expect_url(&world, "http", port);
    lambda_http_close(other, 0);
    world_expect_url(&world, "http", 0);
    world_close(&world);
}

/** AuthType AWS_IAM, and CORS. */
static void signed_function_urls(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_answer answer;
    client_expect(fd, GET_URL(URL_PRIVATE), 403, NULL);
    for (int i = 0; i < 3; i++) {
        client_signed(fd, "GET", "/lambda-url/" URL_PRIVATE "/x", "b=2&a=1", "Origin: https://a.test\r\n", "", 0, KEY,
                      SECRET);
        assert_true(client_receive(fd, &answer));
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.body, "\"accessKey\":\"" KEY "\""));
        assert_string_equal(client_header(&answer, "Access-Control-Allow-Origin"), "https://a.test");
        client_answer_clear(&answer);
    }
    client_signed(fd, "GET", "/lambda-url/" URL_PRIVATE "/", NULL, "", "", 0, KEY, "another");
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 403);
    assert_string_equal(client_header(&answer, "X-Amzn-ErrorType"), "InvalidSignatureException");
    client_answer_clear(&answer);
    client_text(fd, "OPTIONS /lambda-url/" URL_PRIVATE "/ HTTP/1.1\r\nHost: h\r\nOrigin: https://a.test\r\n"
                    "Access-Control-Request-Method: GET\r\n\r\n");
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 200);
    assert_string_equal(client_header(&answer, "Access-Control-Allow-Methods"), "GET");
    client_answer_clear(&answer);
    /* An old client, which expects the connection's end. */
    client_text(fd, "GET /lambda-url/" URL_HELLO "/ HTTP/1.0\r\n\r\n");
    assert_true(client_receive(fd, &answer));
    assert_string_equal(answer.body, "hello");
    client_answer_clear(&answer);
    client_until_closed(fd);
    world_close(&world);
}

static void pages(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_expect(fd, GET("/healthz"), 200, "ok\n");
    client_expect(fd, GET_URL(URL_HELLO), 200, "hello");
    client_answer answer;
    client_text(fd, GET("/metrics"));
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "function_name=\"hello\""));
    client_answer_clear(&answer);
    client_text(fd, GET("/nowhere"));
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 404);
    assert_string_equal(client_header(&answer, "X-Amzn-ErrorType"), "UnknownOperationException");
    client_answer_clear(&answer);
    close(fd);
    world_close(&world);
}

/** A broken file of credentials lets nobody in: who is on this machine can find out why. */
static void a_broken_file_of_credentials(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    FILE *file = fopen(world.credentials, "a");
    assert_non_null(file);
    assert_true(fputs("nonsense\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    int fd = client_open(world.port);
    client_answer answer;
    client_text(
        fd, "GET /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nX-Amz-Date: 20260101T000000Z\r\n"
            "Authorization: AWS4-HMAC-SHA256 Credential=" KEY "/20260101/us-east-1/lambda/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000"
            "\r\n\r\n");
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 403);
    client_answer_clear(&answer);
    client_text(fd, GET("/healthz"));
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "nobody with keys can come in"));
    assert_non_null(strstr(answer.body, "is neither"));
    client_answer_clear(&answer);
    close(fd);
    world_close(&world);
}

/** What is no encoding, or would end a name early, names no function. */
static void broken_paths(void **state)
{
    static const char *const names[] = {"hello%00", "hello%", "hello%zz", "%ff"};
    (void)state;
    struct world world;
    world_open(&world, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *input = json_object();
        char path[128];
        bool known;
        snprintf(path, sizeof path, "/2015-03-31/functions/%s/configuration", names[i]);
        assert_non_null(lambda__operation_find("GET", path, "", input, &known));
        assert_null(json_object_get(input, "FunctionName"));
        json_decref(input);
    }
    world_close(&world);
}

static void pipelined(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    /* Answers come in the order of their requests, slow and quick ones. */
    client_text(fd, GET_URL(URL_WAIT) GET_URL(URL_HELLO) GET("/healthz"));
    world_until_waiting(&world, 1);
    world_let_go(&world);
    client_expect(fd, "", 200, "waited");
    client_expect(fd, "", 200, "hello");
    client_expect(fd, "", 200, "ok\n");
    /* Garbage behind a request: that is answered, this is refused, and the connection ends. */
    client_text(fd, GET("/healthz") "\x01\x02 garbage\r\n\r\n\r\n");
    client_expect(fd, "", 200, "ok\n");
    client_until_closed(fd);
    fd = client_open(world.port);
    client_expect(fd, "GET /healthz HTTP/1.1\r\nno colon here\r\n\r\n", 400, NULL);
    client_until_closed(fd);
    /* HTTP/1.1 without a Host. */
    fd = client_open(world.port);
    client_expect(fd, "GET /healthz HTTP/1.1\r\n\r\n", 400, NULL);
    client_until_closed(fd);
    world_close(&world);
}

/** Sends a body in parts, headers first. */
static void post(int fd, const char *path, size_t length, bool chunked)
{
    static char bytes[65536];
    memset(bytes, 'x', sizeof(bytes));
    if (chunked)
        client_text(
            fd, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
            path, length);
    else
        client_text(fd, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", path,
                    length);
    for (size_t left = length; left > 0;) {
        size_t part = left < sizeof(bytes) ? left : sizeof(bytes);
        client_send(fd, bytes, part);
        left -= part;
    }
    if (chunked) client_text(fd, "\r\n0\r\n\r\n");
}

static void bodies(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int fd = client_open(world.port);
    client_answer answer;
    for (int chunked = 0; chunked < 2; chunked++) {
        /* One byte over: refused, and the connection goes on. */
        post(fd, "/lambda-url/" URL_HELLO "/", 6291457, chunked);
        assert_true(client_receive(fd, &answer));
        assert_int_equal(answer.status, 413);
        assert_string_equal(client_header(&answer, "X-Amzn-ErrorType"), "RequestEntityTooLargeException");
        client_answer_clear(&answer);
        client_expect(fd, GET("/healthz"), 200, "ok\n");
    }
    /* As large as may be, before the event is made of it. */
    post(fd, "/lambda-url/" URL_HELLO "/", 6000000, false);
    client_expect(fd, "", 200, "hello");
    /* Who asks first is told first. */
    client_text(fd, "POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                    "Content-Length: 6291457\r\n\r\n");
    client_expect(fd, "", 413, NULL);
    client_until_closed(fd);
    static const struct {
        const char *head;
        int status;
    } FIRST[] = {
        {"POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", 413},
        /* And who has no signature. */
        {"POST " INVOKE("echo") " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", 403},
        {"POST " INVOKE("echo") " HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775808\r\n\r\n", 403},
        {"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", 404},
    };
    for (size_t i = 0; i < sizeof(FIRST) / sizeof(FIRST[0]); i++) {
        fd = client_open(world.port);
        client_expect(fd, FIRST[i].head, FIRST[i].status, NULL);
        client_until_closed(fd);
    }
    /* Half a request. */
    fd = client_open(world.port);
    client_text(fd, "POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
    close(fd);
    world_close(&world);
}

/** Bodies of all requests have so much memory together; small ones are not asked. */
static void bodies_at_once(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(lambda_http_options){.body_bytes = 1000000});
    int first = client_open(world.port);
    client_text(first, "POST /lambda-url/" URL_WAIT "/ HTTP/1.1\r\nHost: h\r\nContent-Length: 700000\r\n\r\n");
    char *body = calloc(1, 700000);
    assert_non_null(body);
    client_send(first, body, 700000);
    world_until_waiting(&world, 1);
    int second = client_open(world.port);
    for (int i = 0; i < 2; i++) {
        post(second, "/lambda-url/" URL_HELLO "/", 700000, i == 1);
        client_expect(second, "", 503, NULL);
        post(second, "/lambda-url/" URL_HELLO "/", 60000, i == 1);
        client_expect(second, "", 200, "hello");
    }
    /* One that goes gives its room back, as one does that was answered. */
    world_let_go(&world);
    client_expect(first, "", 200, "waited");
    close(first);
    for (int i = 0; i < 3; i++) {
        post(second, "/lambda-url/" URL_HELLO "/", 700000, i == 1);
        client_expect(second, "", 200, "hello");
    }
    free(body);
    close(second);
    world_close(&world);
}

static void heads(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(lambda_http_options){.header_bytes = 2048});
    char value[4096];
    memset(value, 'v', sizeof(value));
    int fd = client_open(world.port);
    /* GET of 47 bytes with that header's name: as many as may be, then one more. */
    client_text(fd, "GET /healthz HTTP/1.1\r\nHost: h\r\nX: %.*s\r\n\r\n", 1900, value);
    client_expect(fd, "", 200, "ok\n");
    client_text(fd, "GET /healthz HTTP/1.1\r\nHost: h\r\nX: %.*s\r\n\r\n", 2048, value);
    client_expect(fd, "", 431, NULL);
    client_until_closed(fd);
    world_close(&world);
}

static void slow_ones_are_ended(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, QUICK);
    /* Nothing at all; half a line; a byte now and then; half a body; a body in drops; and one that was answered before. */
    int nothing = client_open(world.port);
    int half = client_open(world.port);
    client_text(half, "GET /heal");
    int body = client_open(world.port);
    client_text(body, "POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
    int kept = client_open(world.port);
    client_expect(kept, GET("/healthz"), 200, "ok\n");
    int drops[2] = {client_open(world.port), client_open(world.port)};
    client_text(drops[0], "GET /healthz HTTP/1.1\r\nX: ");
    client_text(drops[1], "POST /lambda-url/" URL_HELLO "/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    bool open[2] = {true, true};
    while (open[0] || open[1]) {
        for (int i = 0; i < 2; i++) {
            if (!open[i]) continue;
            struct pollfd look = {.fd = drops[i], .events = POLLIN | POLLRDHUP};
            /* A drop each 20 ms: it waits for the connection's end so long. */
            if (poll(&look, 1, 20) == 1)
                open[i] = false;
            else
                client_text(drops[i], "x");
        }
    }
    client_until_closed(drops[0]);
    client_until_closed(drops[1]);
    client_until_closed(nothing);
    client_until_closed(half);
    client_until_closed(body);
    client_until_closed(kept);
    /* What runs is not slow. */
    int runs = client_open(world.port);
    client_text(runs, GET_URL(URL_WAIT));
    world_until_waiting(&world, 1);
    int other = client_open(world.port);
    client_until_closed(other);
    world_let_go(&world);
    client_expect(runs, "", 200, "waited");
    close(runs);
    world_close(&world);
}

/** A long answer, and a stream, of which the client takes nothing: the only connection there may be is free again. */
static void untaken_answers_are_ended(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(lambda_http_options){.header_timeout_ms = 20, .connections = 1});
    world.parts = 1000000;
    for (int stream = 0; stream < 2; stream++) {
        /* The one before may not be counted out yet: then this one is closed, and the next is tried. */
        int fd = client_open(world.port);
        char first;
        for (;;) {
            static const char ask[] = GET_URL(URL_STREAM);
            if (stream)
                (void)send(fd, ask, strlen(ask), MSG_NOSIGNAL);
            else
                post(fd, "/lambda-url/" URL_ECHO "/", 4 << 20, false);
            if (recv(fd, &first, 1, 0) == 1) break;
            close(fd);
            fd = client_open(world.port);
        }
        bool answered = false;
        while (!answered) {
            client_answer answer;
            int other = client_open(world.port);
            (void)send(other, GET("/healthz"), strlen(GET("/healthz")), MSG_NOSIGNAL);
            answered = client_receive(other, &answer);
            if (answered) client_answer_clear(&answer);
            close(other);
        }
        close(fd);
    }
    world_until_ended(&world, 1);
    assert_int_equal(world.written, LAMBDA_ERROR_SERVICE);
    world_close(&world);
}

static void as_many_connections_as_may_be(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(lambda_http_options){.connections = 3});
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = client_open(world.port);
        client_expect(fds[i], GET("/healthz"), 200, "ok\n");
    }
    client_until_closed(client_open(world.port));
    client_expect(fds[0], GET("/healthz"), 200, "ok\n");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    world_close(&world);
}

static void rates(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(lambda_http_options){.connection_rate = 5});
    int fd = client_open(world.port);
    int refused = 0;
    for (int i = 0; i < 50; i++) {
        client_answer answer;
        client_text(fd, GET("/healthz"));
        assert_true(client_receive(fd, &answer));
        if (i < 5) assert_int_equal(answer.status, 200);
        if (answer.status == 429) {
            refused++;
            assert_string_equal(client_header(&answer, "X-Amzn-ErrorType"), "TooManyRequestsException");
        }
        client_answer_clear(&answer);
    }
    assert_true(refused > 0);
    close(fd);
    world_close(&world);
}

static void workers_are_bounded(void **state)
{
    (void)state;
    struct world world;
    /* One event thread, which must not be held up. */
    world_open(&world, &(lambda_http_options){.workers = 2, .threads = 1});
    int fds[6];
    for (int i = 0; i < 6; i++) {
        fds[i] = client_open(world.port);
        client_text(fds[i], GET_URL(URL_WAIT));
    }
    /* Two run, the others wait; who needs none is not held up. */
    world_until_waiting(&world, 2);
    int fd = client_open(world.port);
    client_expect(fd, GET("/healthz"), 200, "ok\n");
    close(fd);
    world_let_go(&world);
    for (int i = 0; i < 6; i++) {
        client_expect(fds[i], "", 200, "waited");
        close(fds[i]);
    }
    world_close(&world);
}

static void many_at_once(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct world world;
    world_open(&world, NULL);
    static int fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = client_open(world.port);
    for (int i = 0; i < MANY; i++)
        client_text(fds[i], GET_URL(URL_HELLO));
    for (int i = 0; i < MANY; i++) {
        client_expect(fds[i], "", 200, "hello");
        close(fds[i]);
    }
    world_close(&world);
}

/** One after the other; TEST_HTTP_CONNECTIONS says how many. */
static void many_in_turn(void **state)
{
    (void)state;
    const char *many = getenv("TEST_HTTP_CONNECTIONS");
    long count = many ? strtol(many, NULL, 10) : 2000;
    struct world world;
    world_open(&world, NULL);
    for (long i = 0; i < count; i++) {
        int fd = client_open(world.port);
        client_expect(fd, GET_URL(URL_HELLO), 200, "hello");
        /* No TIME_WAIT here, or ports run out. */
        struct linger reset = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
    }
    world_close(&world);
}

static void refuses_options(void **state)
{
    (void)state;
    lambda_t *lambda = test_open(NULL);
    lambda_api *api = NULL;
    lambda_http *http = NULL;
    assert_ok(NULL, lambda_api_open(&(lambda_api_options){.lambda = lambda}, &api));
#define REFUSED(status, text, ...)                                                                                     \
    assert_fails(NULL, lambda_http_open(&(lambda_http_options){.api = api, __VA_ARGS__}, &http), status, text);        \
    assert_null(http)
    assert_fails(NULL, lambda_http_open(NULL, &http), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "options");
    assert_fails(NULL, lambda_http_open(&(lambda_http_options){0}, &http), LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "api");
    REFUSED(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "insecure", .address = "0.0.0.0");
    REFUSED(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "insecure", .address = "::");
    REFUSED(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "numeric", .address = "localhost");
    REFUSED(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "key", .certificate = "/dev/null");
    REFUSED(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "PEM", .certificate = "/dev/null", .key = "/dev/null");
    REFUSED(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "threads", .threads = 65);
    REFUSED(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "workers", .workers = 4097);
    REFUSED(LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "header_bytes", .header_bytes = 1023);
    assert_ok(NULL, lambda_http_open(&(lambda_http_options){.api = api}, &http));
    lambda_http *other = NULL;
    assert_fails(NULL, lambda_http_open(&(lambda_http_options){.api = api, .port = lambda_http_port(http)}, &other),
                 LAMBDA_ERROR_RESOURCE_CONFLICT, "port");
    lambda_http_close(http, 0);
    assert_ok(NULL,
              lambda_http_open(&(lambda_http_options){.api = api, .address = "0.0.0.0", .insecure = true}, &http));
    lambda_http_close(http, 0);
    assert_ok(NULL, lambda_http_open(&(lambda_http_options){.api = api, .address = "::1"}, &http));
    lambda_http_close(http, 0);
    lambda_http_close(NULL, 0);
    assert_int_equal(lambda_http_port(NULL), 0);
    lambda_api_close(api);
    lambda_close(lambda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_function_url),
        cmocka_unit_test(function_urls_name_the_server),
        cmocka_unit_test(signed_function_urls),
        cmocka_unit_test(pages),
        cmocka_unit_test(a_broken_file_of_credentials),
        cmocka_unit_test(broken_paths),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(bodies),
        cmocka_unit_test(bodies_at_once),
        cmocka_unit_test(heads),
        cmocka_unit_test(slow_ones_are_ended),
        cmocka_unit_test(untaken_answers_are_ended),
        cmocka_unit_test(as_many_connections_as_may_be),
        cmocka_unit_test(rates),
        cmocka_unit_test(workers_are_bounded),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(many_in_turn),
        cmocka_unit_test(refuses_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
