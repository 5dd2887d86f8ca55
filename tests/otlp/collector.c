#include "collector.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

/** Reads a request, head and body; false where the connection ended before. */
static bool read_request(int connection, collector_request *request)
{
    size_t capacity = 65536;
    size_t length = 0;
    char *text = malloc(capacity);
    char *end = NULL;
    size_t wanted = SIZE_MAX;
    while (text && length < wanted) {
        if (capacity - length < 2) text = realloc(text, capacity *= 2);
        ssize_t got = text ? recv(connection, text + length, capacity - length - 1, 0) : -1;
        if (got <= 0) break;
        length += (size_t)got;
        text[length] = '\0';
        end = strstr(text, "\r\n\r\n");
        if (!end) continue;
        const char *declared = strcasestr(text, "\r\ncontent-length:");
        if (!declared || declared > end) break;
        wanted = (size_t)(end + 4 - text) + strtoul(declared + 17, NULL, 10);
    }
    bool whole = text && end && length == wanted;
    if (whole) {
        size_t head = (size_t)(end + 2 - text);
        request->head = strndup(text, head);
        request->body_length = length - head - 2;
        request->body = malloc(request->body_length + 1);
        memcpy(request->body, text + head + 2, request->body_length + 1);
    }
    free(text);
    return whole;
}

static void *serve(void *user)
{
    collector *c = user;
    for (size_t i = 0; i < c->answers_count; i++) {
        int connection = accept(c->listener, NULL, NULL);
        if (connection < 0) break;
        if (!read_request(connection, &c->requests[i])) {
            close(connection);
            break;
        }
        c->count++;
        const char *answer = c->answers[i];
        if (answer && !answer[0]) {
            c->silent[c->silent_count++] = connection;
            continue;
        }
        for (size_t sent = 0; answer && answer[sent];) {
            ssize_t got = send(connection, answer + sent, strlen(answer + sent), MSG_NOSIGNAL);
            if (got <= 0) break;
            sent += (size_t)got;
        }
        close(connection);
    }
    return NULL;
}

void collector_begin(collector *c, const char *const *answers, size_t count)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(at);
    memset(c, 0, sizeof(*c));
    assert_true(count <= COLLECTOR_REQUESTS);
    c->answers = answers;
    c->answers_count = count;
    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->listener >= 0);
    assert_int_equal(bind(c->listener, (struct sockaddr *)&at, length), 0);
    assert_int_equal(listen(c->listener, 16), 0);
    assert_int_equal(getsockname(c->listener, (struct sockaddr *)&at, &length), 0);
    c->port = ntohs(at.sin_port);
    snprintf(c->endpoint, sizeof(c->endpoint), "http://127.0.0.1:%u/v1/traces", c->port);
    assert_int_equal(pthread_create(&c->thread, NULL, serve, c), 0);
}

void collector_end(collector *c)
{
    shutdown(c->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(c->thread, NULL), 0);
    close(c->listener);
    for (size_t i = 0; i < c->silent_count; i++)
        close(c->silent[i]);
}

void collector_free(collector *c)
{
    for (size_t i = 0; i < COLLECTOR_REQUESTS; i++) {
        free(c->requests[i].head);
        free(c->requests[i].body);
    }
}

const char *collector_header(const collector_request *request, const char *name)
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
