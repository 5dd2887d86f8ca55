#include "endpoint_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lambda/status.h>

#define PATIENCE UINT64_C(20000000000)

static void tell(struct world *world, const char *format, ...)
{
    size_t length = strlen(world->told);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->told + length, sizeof(world->told) - length, format, arguments);
    va_end(arguments);
}

static void keep(struct world *world, const void *data, size_t length)
{
    if (length == 0) return;
    while (world->data_size < world->data_length + length) {
        world->data_size = world->data_size > 0 ? world->data_size * 2 : 1024;
        world->data = realloc(world->data, world->data_size);
        assert_non_null(world->data);
    }
    memcpy(world->data + world->data_length, data, length);
    world->data_length += length;
}

static void keep_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "(none)");
}

static void runtime_ready(void *user)
{
    struct world *world = user;
    tell(world, " ready");
    const lambda__endpoint_invocation *invocation = world->invoke_when_ready;
    world->invoke_when_ready = NULL;
    if (invocation) assert_int_equal(lambda__endpoint_invoke(world->endpoint, invocation), LAMBDA_OK);
}

static void all_ready(void *user)
{
    tell(user, " all");
}

static void init_error(void *user, const char *type, lambda_bytes payload)
{
    struct world *world = user;
    tell(world, " init_error");
    keep_text(world->type, sizeof(world->type), type);
    world->data_length = 0;
    keep(world, payload.data, payload.length);
}

static void response_begin(void *user, bool streamed, const char *content_type)
{
    struct world *world = user;
    tell(world, streamed ? " stream" : " begin");
    keep_text(world->content_type, sizeof(world->content_type), content_type);
    world->data_length = 0;
}

static lambda_status response_data(void *user, const void *data, size_t length)
{
    struct world *world = user;
    if (world->cancel) lambda__endpoint_cancel(world->endpoint);
    if (world->refuse != LAMBDA_OK) return world->refuse;
    keep(world, data, length);
    return LAMBDA_OK;
}

static void response_end(void *user, bool complete, const char *error_type, lambda_bytes error_body)
{
    struct world *world = user;
    tell(world, complete ? " end" : " broken");
    world->complete = complete;
    keep_text(world->type, sizeof(world->type), error_type);
    assert_true(error_body.length < sizeof(world->body));
    if (error_body.length > 0) memcpy(world->body, error_body.data, error_body.length);
    world->body[error_body.length] = '\0';
}

static void runtime_error(void *user, const char *type, lambda_bytes payload, const char *xray_cause)
{
    struct world *world = user;
    tell(world, " error");
    keep_text(world->type, sizeof(world->type), type);
    keep_text(world->cause, sizeof(world->cause), xray_cause);
    world->data_length = 0;
    keep(world, payload.data, payload.length);
}

static void extension_error(void *user, const char *name, const char *type, lambda_bytes payload)
{
    tell(user, " extension_error(%s,%s,%.*s)", name, type, (int)payload.length, (const char *)payload.data);
}

static void extension_registered(void *user, const char *name, unsigned events)
{
    tell(user, " registered(%s,%u)", name, events);
}

static lambda_status try_open(struct world *world, size_t response_limit, lambda__telemetry *telemetry, uid_t peer,
                              char message[256])
{
    *world = (struct world){.events = {.runtime_ready = runtime_ready,
                                       .all_ready = all_ready,
                                       .init_error = init_error,
                                       .response_begin = response_begin,
                                       .response_data = response_data,
                                       .response_end = response_end,
                                       .error = runtime_error,
                                       .extension_error = extension_error,
                                       .extension_registered = extension_registered}};
    assert_int_equal(lambda__loop_open(&world->loop), 0);
    lambda__endpoint_options options = {.loop = &world->loop,
                                        .events = &world->events,
                                        .user = world,
                                        .telemetry = telemetry,
                                        .response_limit = response_limit,
                                        .function_name = "area",
                                        .function_version = "$LATEST",
                                        .handler = "index.\"handler\"",
                                        .account_id = "123456789012",
                                        .peer = peer};
    return lambda__endpoint_open(&options, &world->endpoint, message);
}

lambda_status world_try_open(struct world *world, size_t response_limit, lambda__telemetry *telemetry,
                             char message[256])
{
    return try_open(world, response_limit, telemetry, LAMBDA__ENDPOINT_ANYBODY, message);
}

void world_open_for(struct world *world, uid_t peer)
{
    char message[256] = "";
    if (try_open(world, 1000, NULL, peer, message) != LAMBDA_OK) fail_msg("%s", message);
}

void world_open(struct world *world, size_t response_limit, lambda__telemetry *telemetry)
{
    char message[256] = "";
    if (world_try_open(world, response_limit, telemetry, message) != LAMBDA_OK) fail_msg("%s", message);
}

void world_close(struct world *world)
{
    lambda__endpoint_close(world->endpoint);
    lambda__loop_close(&world->loop);
    free(world->data);
}

const char *world_told(struct world *world)
{
    static char told[sizeof(world->told)];
    memcpy(told, world->told, sizeof(told));
    world->told[0] = '\0';
    return told[0] == ' ' ? told + 1 : told;
}

static void run(struct world *world)
{
    assert_int_equal(lambda__loop_run(&world->loop, lambda__loop_now() + 1000000), 0);
}

static void check_time(uint64_t deadline, const char *what)
{
    if (lambda__loop_now() > deadline) fail_msg("waited too long for %s", what);
}

void world_until_told(struct world *world, const char *word)
{
    uint64_t deadline = lambda__loop_now() + PATIENCE;
    while (!strstr(world->told, word)) {
        check_time(deadline, word);
        run(world);
    }
}

void world_settle(struct world *world)
{
    /* The loop's descriptor is readable while there is anything to do, but for what a timer does: each look lets those run. */
    for (int idle = 0; idle < 4;) {
        struct pollfd look = {.fd = world->loop.epoll, .events = POLLIN};
        idle = poll(&look, 1, 3) == 1 ? 0 : idle + 1;
        assert_int_equal(lambda__loop_run(&world->loop, 0), 0);
    }
}

lambda__endpoint_invocation world_invocation(const char *id, const char *payload)
{
    return (lambda__endpoint_invocation){.request_id = id,
                                         .invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:area",
                                         .deadline_ms = 1700000003000,
                                         .trace_id = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
                                         .payload = lambda_bytes_make(payload, strlen(payload))};
}

void world_invoke(struct world *world, const char *id, const char *payload)
{
    lambda__endpoint_invocation invocation = world_invocation(id, payload);
    assert_int_equal(lambda__endpoint_invoke(world->endpoint, &invocation), LAMBDA_OK);
}

int client_open(struct world *world)
{
    unsigned port = 0;
    assert_int_equal(sscanf(lambda__endpoint_address(world->endpoint), "127.0.0.1:%u", &port), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

void client_close(int fd)
{
    close(fd);
}

void client_send(struct world *world, int fd, const char *data, size_t length)
{
    uint64_t deadline = lambda__loop_now() + PATIENCE;
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0) {
            assert_int_equal(errno, EAGAIN);
            check_time(deadline, "room");
            run(world);
            continue;
        }
        data += sent;
        length -= (size_t)sent;
    }
}

void client_text(struct world *world, int fd, const char *format, ...)
{
    static char text[65536];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_true(length > 0 && length < (int)sizeof(text));
    client_send(world, fd, text, (size_t)length);
}

/** Reads a byte or more, running the loop until there are some; 0: it was closed. */
static size_t receive(struct world *world, int fd, void *to, size_t size, const char *what)
{
    uint64_t deadline = lambda__loop_now() + PATIENCE;
    for (;;) {
        ssize_t got = recv(fd, to, size, 0);
        if (got >= 0) return (size_t)got;
        if (errno == ECONNRESET) return 0;
        assert_int_equal(errno, EAGAIN);
        check_time(deadline, what);
        run(world);
    }
}

void client_receive(struct world *world, int fd, struct answer *answer)
{
    size_t length = 0;
    do {
        assert_true(length + 1 < sizeof(answer->head));
        if (receive(world, fd, answer->head + length, 1, "an answer") == 0)
            fail_msg("closed, after: %.*s", (int)length, answer->head);
        answer->head[++length] = '\0';
    } while (length < 4 || memcmp(answer->head + length - 4, "\r\n\r\n", 4) != 0);
    assert_int_equal(sscanf(answer->head, "HTTP/1.1 %d", &answer->status), 1);
    const char *size = answer_header(answer, "Content-Length");
    answer->length = size ? strtoul(size, NULL, 10) : 0;
    answer->body = malloc(answer->length + 1);
    assert_non_null(answer->body);
    for (size_t got = 0; got < answer->length;) {
        size_t more = receive(world, fd, answer->body + got, answer->length - got, "a body");
        assert_true(more > 0);
        got += more;
    }
    answer->body[answer->length] = '\0';
}

bool client_silent(struct world *world, int fd)
{
    world_settle(world);
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

void client_until_closed(struct world *world, int fd)
{
    char bytes[4096];
    while (receive(world, fd, bytes, sizeof(bytes), "the end") > 0)
        continue;
}

void answer_clear(struct answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

const char *answer_header(const struct answer *answer, const char *name)
{
    static char value[4096];
    size_t length = strlen(name);
    for (const char *line = answer->head; line; line = strstr(line, "\r\n")) {
        if (line != answer->head) line += 2;
        if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
        line += length + 1;
        line += strspn(line, " ");
        size_t end = strcspn(line, "\r");
        assert_true(end < sizeof(value));
        memcpy(value, line, end);
        value[end] = '\0';
        return value;
    }
    return NULL;
}

void client_expect(struct world *world, int fd, const char *request, int status, const char *body)
{
    client_send(world, fd, request, strlen(request));
    struct answer answer;
    client_receive(world, fd, &answer);
    if (answer.status != status) fail_msg("%d, not %d: %s", answer.status, status, answer.body);
    assert_string_equal(answer_header(&answer, "Content-Type"), "application/json");
    if (body) assert_string_equal(answer.body, body);
    answer_clear(&answer);
}

const char *post(const char *path, const char *headers, const char *body)
{
    static char text[65536];
    int length = snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n%s", path,
                          headers, strlen(body), body);
    assert_true(length < (int)sizeof(text));
    return text;
}
