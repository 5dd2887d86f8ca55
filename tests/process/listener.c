#include "listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

static void came(listener *l)
{
    ssize_t wrote = write(l->told[1], "", 1);
    (void)wrote; /* a full pipe has told enough */
}

/** Reads a request, head and body; false where the connection ended before. */
static bool read_request(int connection, listener_request *request)
{
    size_t capacity = 65536;
    size_t length = 0;
    char *text = malloc(capacity);
    size_t wanted = SIZE_MAX;
    while (text && length < wanted) {
        if (capacity - length < 2) text = realloc(text, capacity *= 2);
        ssize_t got = text ? recv(connection, text + length, capacity - length - 1, 0) : -1;
        if (got <= 0) break;
        length += (size_t)got;
        text[length] = '\0';
        const char *end = wanted == SIZE_MAX ? strstr(text, "\r\n\r\n") : NULL;
        if (end) {
            const char *declared = strcasestr(text, "\r\ncontent-length:");
            if (!declared || declared > end) break;
            wanted = (size_t)(end + 4 - text) + strtoul(declared + 17, NULL, 10);
        }
    }
    bool whole = text && length == wanted;
    if (whole) {
        const char *end = strstr(text, "\r\n\r\n");
        size_t head = (size_t)(end + 2 - text);
        request->head = strndup(text, head);
        request->length = length - head - 2;
        request->body = malloc(request->length + 1);
        memcpy(request->body, text + head + 2, request->length + 1);
    }
    free(text);
    return whole;
}

static void wait_until_open(listener *l)
{
    pthread_mutex_lock(&l->mutex);
    while (l->closed && !l->ends)
        pthread_cond_wait(&l->opened, &l->mutex);
    pthread_mutex_unlock(&l->mutex);
}

static void answer(int connection, const char *text)
{
    for (size_t sent = 0; text[sent];) {
        ssize_t wrote = send(connection, text + sent, strlen(text + sent), MSG_NOSIGNAL);
        if (wrote <= 0) break;
        sent += (size_t)wrote;
    }
}

/** Requests of one connection, until it ends. */
static void serve_http(listener *l, int connection)
{
    for (;;) {
        listener_request request = {0};
        wait_until_open(l);
        if (!read_request(connection, &request)) return;
        pthread_mutex_lock(&l->mutex);
        size_t number = l->count;
        bool fits = number < LISTENER_REQUESTS;
        if (fits) l->requests[number] = request;
        l->count++;
        l->bytes += request.length;
        pthread_mutex_unlock(&l->mutex);
        if (!fits) {
            free(request.head);
            free(request.body);
        }
        const char *text = number < l->answers_count ? l->answers[number] : LISTENER_OK;
        bool hangs_up = strcmp(text, LISTENER_HANG_UP) == 0;
        if (!hangs_up && strcmp(text, LISTENER_SILENT) != 0) answer(connection, text + (text[0] == '!'));
        came(l);
        if (hangs_up || text[0] == '!') return;
    }
}

static void serve_tcp(listener *l, int connection)
{
    size_t number = l->connections - 1;
    static char bytes[65536];
    for (;;) {
        wait_until_open(l);
        ssize_t got = recv(connection, bytes, sizeof(bytes), 0);
        if (got <= 0) return;
        pthread_mutex_lock(&l->mutex);
        listener_request *request = &l->requests[number];
        request->body = realloc(request->body, request->length + (size_t)got + 1);
        memcpy(request->body + request->length, bytes, (size_t)got);
        request->length += (size_t)got;
        request->body[request->length] = '\0';
        l->bytes += (size_t)got;
        pthread_mutex_unlock(&l->mutex);
        came(l);
        if (number < l->answers_count && strcmp(l->answers[number], LISTENER_HANG_UP) == 0) return;
    }
}

static void *serve(void *user)
{
    listener *l = user;
    for (;;) {
        int connection = accept(l->socket, NULL, NULL);
        if (connection < 0) return NULL;
        pthread_mutex_lock(&l->mutex);
        l->connection = connection;
        l->connections++;
        if (l->ends) shutdown(connection, SHUT_RDWR);
        pthread_mutex_unlock(&l->mutex);
        if (l->tcp)
            serve_tcp(l, connection);
        else
            serve_http(l, connection);
        pthread_mutex_lock(&l->mutex);
        l->connection = -1;
        close(connection);
        pthread_mutex_unlock(&l->mutex);
        came(l);
    }
}

void listener_open(listener *l, bool tcp)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(at);
    memset(l, 0, sizeof(*l));
    l->tcp = tcp;
    l->connection = -1;
    assert_int_equal(pthread_mutex_init(&l->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&l->opened, NULL), 0);
    assert_int_equal(pipe2(l->told, O_CLOEXEC | O_NONBLOCK), 0);
    l->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(l->socket >= 0);
    /* Little is taken before it is read, so that a slow one is seen soon. */
    assert_int_equal(setsockopt(l->socket, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int)), 0);
    assert_int_equal(bind(l->socket, (struct sockaddr *)&at, length), 0);
    assert_int_equal(getsockname(l->socket, (struct sockaddr *)&at, &length), 0);
    l->port = ntohs(at.sin_port);
}

void listener_begin(listener *l, const char *const *answers, size_t answers_count, bool closed)
{
    l->answers = answers;
    l->answers_count = answers_count;
    l->closed = closed;
    assert_int_equal(listen(l->socket, 16), 0);
    assert_int_equal(pthread_create(&l->thread, NULL, serve, l), 0);
}

void listener_read_on(listener *l)
{
    pthread_mutex_lock(&l->mutex);
    l->closed = false;
    pthread_cond_broadcast(&l->opened);
    pthread_mutex_unlock(&l->mutex);
}

void listener_end(listener *l)
{
    pthread_mutex_lock(&l->mutex);
    l->ends = true;
    shutdown(l->socket, SHUT_RDWR);
    if (l->connection >= 0) shutdown(l->connection, SHUT_RDWR);
    pthread_cond_broadcast(&l->opened);
    pthread_mutex_unlock(&l->mutex);
    assert_int_equal(pthread_join(l->thread, NULL), 0);
}

void listener_free(listener *l)
{
    for (size_t i = 0; i < LISTENER_REQUESTS; i++) {
        free(l->requests[i].head);
        free(l->requests[i].body);
    }
    close(l->socket);
    close(l->told[0]);
    close(l->told[1]);
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->opened);
}

static size_t number_of(listener *l, const size_t *number)
{
    pthread_mutex_lock(&l->mutex);
    size_t now = *number;
    pthread_mutex_unlock(&l->mutex);
    return now;
}

size_t listener_count(listener *l)
{
    return number_of(l, &l->count);
}

size_t listener_bytes(listener *l)
{
    return number_of(l, &l->bytes);
}

size_t listener_connections(listener *l)
{
    return number_of(l, &l->connections);
}

bool listener_is_connected(listener *l)
{
    pthread_mutex_lock(&l->mutex);
    bool connected = l->connection >= 0;
    pthread_mutex_unlock(&l->mutex);
    return connected;
}

bool listener_has(listener *l, size_t number, const char *text)
{
    pthread_mutex_lock(&l->mutex);
    const listener_request *request = &l->requests[number];
    bool has =
        request->length > 0 && strstr(request->body, text) && (!l->tcp || request->body[request->length - 1] == '\n');
    pthread_mutex_unlock(&l->mutex);
    return has;
}

const char *listener_header(const listener_request *request, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(request->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) != 0 || line[2 + length] != ':') continue;
        static char value[256];
        const char *text = line + 3 + length + strspn(line + 3 + length, " ");
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(text, "\r"), text);
        return value;
    }
    return NULL;
}
