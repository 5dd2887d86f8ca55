/*
 * A live endpoint, and a client that sends it anything. The first byte says how far the environment is, and what happens to it meanwhile; of the rest each NUL is a pause in which the endpoint runs, and each
 * 0x01 the identifier of an extension that has registered. What the endpoint tells must make sense, whatever was sent: an answer begins only while one is due, and ends once.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endpoint_parts.h"
#include "fuzz.h"

enum { PAUSES = 16, STATES = 5, CANCELS = 8, SHUTS_DOWN = 16, HANGS_UP = 32, CLOSES_EARLY = 64 };

typedef struct scene {
    lambda__loop loop;
    lambda__endpoint *endpoint;
    unsigned invocations; /* given */
    unsigned answers;     /* that came, begun */
    bool answering;
    bool registering;
    char payload[64];
} scene;

static void require(bool holds)
{
    if (!holds) abort();
}

static void on_ready(void *user)
{
    scene *scene = user;
    require(!scene->answering);
}

static void on_bytes(scene *scene, const void *data, size_t length)
{
    (void)scene;
    /* Every byte can be read. */
    static volatile unsigned sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = sum + ((const unsigned char *)data)[i];
}

static void on_init_error(void *user, const char *type, lambda_bytes payload)
{
    scene *scene = user;
    require(scene->invocations == 0 && type);
    on_bytes(scene, payload.data, payload.length);
}

static void on_begin(void *user, bool streamed, const char *content_type)
{
    (void)streamed;
    scene *scene = user;
    require(!scene->answering && scene->answers < scene->invocations && *content_type);
    scene->answering = true;
    scene->answers++;
}

static lambda_status on_data(void *user, const void *data, size_t length)
{
    scene *scene = user;
    require(scene->answering && length > 0);
    on_bytes(scene, data, length);
    const unsigned char first = *(const unsigned char *)data;
    return first == '!' ? LAMBDA_ERROR_SERVICE : first == '?' ? LAMBDA_ERROR_REQUEST_TOO_LARGE : LAMBDA_OK;
}

static void on_end(void *user, bool complete, const char *type, lambda_bytes body)
{
    (void)complete;
    scene *scene = user;
    require(scene->answering);
    scene->answering = false;
    if (type) on_bytes(scene, type, strlen(type));
    on_bytes(scene, body.data, body.length);
}

static void on_error(void *user, const char *type, lambda_bytes payload, const char *cause)
{
    scene *scene = user;
    require(!scene->answering && scene->answers < scene->invocations && type && cause);
    scene->answers++;
    on_bytes(scene, payload.data, payload.length);
}

static void on_extension_error(void *user, const char *name, const char *type, lambda_bytes payload)
{
    require(*name && *type);
    on_bytes(user, payload.data, payload.length);
}

static void on_registered(void *user, const char *name, unsigned events)
{
    (void)user;
    require(*name && events < 4);
}

static const lambda__endpoint_events told = {.runtime_ready = on_ready,
                                             .all_ready = on_ready,
                                             .init_error = on_init_error,
                                             .response_begin = on_begin,
                                             .response_data = on_data,
                                             .response_end = on_end,
                                             .error = on_error,
                                             .extension_error = on_extension_error,
                                             .extension_registered = on_registered};

int lambda__telemetry_subscribe(lambda__telemetry *telemetry, const char *extension_name, lambda_bytes body,
                                bool phase_open, char answer[512])
{
    (void)phase_open;
    require(telemetry && *extension_name);
    on_bytes(NULL, body.data, body.length);
    answer[0] = '\0';
    return 200;
}

static void run(scene *scene)
{
    for (int i = 0; i < 8; i++) {
        struct pollfd look = {.fd = scene->loop.epoll, .events = POLLIN};
        bool due = scene->endpoint->timer.due <= lambda__loop_now();
        if (poll(&look, 1, 0) == 0 && !due) return;
        require(lambda__loop_run(&scene->loop, 0) == 0);
    }
}

static int client(scene *scene)
{
    int pair[2];
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    struct sockaddr name = {.sa_family = AF_UNIX};
    require(MHD_add_connection(scene->endpoint->daemon, pair[1], &name, sizeof(name)) == MHD_YES);
    return pair[0];
}

/** What the other side does not take is lost. */
static void send_bytes(int fd, const void *data, size_t length)
{
    if (length > 0 && send(fd, data, length, MSG_NOSIGNAL) < 0)
        require(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
}

static void drain(int fd)
{
    char bytes[65536];
    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        continue;
}

static void request(scene *scene, int fd, const char *text)
{
    send_bytes(fd, text, strlen(text));
    run(scene);
    drain(fd);
}

static void invoke(scene *scene)
{
    lambda__endpoint_invocation invocation = {.request_id = "id-1",
                                              .invoked_function_arn = "arn",
                                              .deadline_ms = 1,
                                              .trace_id = "trace",
                                              .payload = lambda_bytes_make(scene->payload, sizeof(scene->payload))};
    require(!scene->answering);
    scene->answers = scene->invocations;
    scene->invocations++;
    require(lambda__endpoint_invoke(scene->endpoint, &invocation) == LAMBDA_OK);
}

/** Brings the environment as far as it is to be: started, ready, running, answered, and ready for the second time. */
static void prepare(scene *scene, int fd, unsigned state)
{
    request(scene, fd,
            "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: h\r\nLambda-Extension-Name: known\r\n"
            "Content-Length: 21\r\n\r\n{\"events\":[\"INVOKE\"]}");
    static const char next[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n\r\n";
    if (state > 0) request(scene, fd, next);
    if (state > 1) {
        invoke(scene);
        run(scene);
        drain(fd);
    }
    if (state > 2)
        request(scene, fd,
                "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1");
    if (state > 3) request(scene, fd, next);
}

static void play(scene *scene, int fd, const uint8_t *data, size_t size, unsigned flags)
{
    const char *id = scene->endpoint->extensions[0].id;
    size_t begin = 0;
    unsigned pauses = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && data[i] > 1) continue;
        send_bytes(fd, data + begin, i - begin);
        begin = i + 1;
        if (i < size && data[i] == 1) {
            send_bytes(fd, id, strlen(id));
            continue;
        }
        if (i < size && pauses++ >= PAUSES) continue;
        run(scene);
        drain(fd);
        if (scene->endpoint->state == LAMBDA__RUNTIME_READY && !scene->endpoint->event) {
            if (flags & SHUTS_DOWN) lambda__endpoint_shutdown(scene->endpoint, "spindown", 1);
            invoke(scene);
        } else if (flags & CANCELS) {
            lambda__endpoint_cancel(scene->endpoint);
            scene->answering = false;
            scene->answers = scene->invocations;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    static char anything;
    unsigned flags = data[0];
    scene scene = {.payload = "{}"};
    require(lambda__loop_open(&scene.loop) == 0);
    char message[256];
    lambda__endpoint_options options = {.loop = &scene.loop,
                                        .events = &told,
                                        .user = &scene,
                                        .telemetry = (lambda__telemetry *)(void *)&anything,
                                        .response_limit = 1000,
                                        .function_name = "f",
                                        .function_version = "1",
                                        .handler = "h",
                                        .account_id = "1",
                                        .peer = LAMBDA__ENDPOINT_ANYBODY};
    require(lambda__endpoint_open(&options, &scene.endpoint, message) == LAMBDA_OK);
    require(lambda__endpoint_expect_extension(scene.endpoint, "awaited") == LAMBDA_OK);
    int good = client(&scene);
    prepare(&scene, good, (flags & 7) % STATES);
    int bad = client(&scene);
    if (flags & HANGS_UP) close(good);
    play(&scene, bad, data + 1, size - 1, flags);
    if (!(flags & CLOSES_EARLY)) {
        close(bad);
        run(&scene);
        if (!(flags & HANGS_UP)) require(!scene.answering || scene.endpoint->answering);
    }
    lambda__endpoint_close(scene.endpoint);
    if (flags & CLOSES_EARLY) close(bad);
    if (!(flags & HANGS_UP)) close(good);
    lambda__loop_close(&scene.loop);
    return 0;
}
