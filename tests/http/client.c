#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "sign.h"

int client_open(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

void client_send(int fd, const void *data, size_t length)
{
    const char *from = data;
    while (length > 0) {
        ssize_t sent = send(fd, from, length, MSG_NOSIGNAL);
        /* Who has been answered already need not take all. */
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
        assert_true(sent > 0);
        from += sent;
        length -= (size_t)sent;
    }
}

void client_text(int fd, const char *format, ...)
{
    char text[16384];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_in_range(length, 1, sizeof(text) - 1);
    client_send(fd, text, (size_t)length);
}

/** 0: it is closed. */
static size_t take(int fd, void *data, size_t most)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&look, 1, 30000), 1);
    ssize_t length = recv(fd, data, most, 0);
    return length < 0 ? 0 : (size_t)length;
}

static bool take_all(int fd, char *data, size_t length)
{
    while (length > 0) {
        size_t part = take(fd, data, length);
        if (part == 0) return false;
        data += part;
        length -= part;
    }
    return true;
}

/** Up to and with `end`. */
static bool take_until(int fd, char *text, size_t size, const char *end)
{
    size_t length = 0;
    size_t tail = strlen(end);
    text[0] = '\0';
    while (length < tail || memcmp(text + length - tail, end, tail) != 0) {
        assert_true(length + 1 < size);
        if (take(fd, text + length, 1) == 0) return false;
        text[++length] = '\0';
    }
    return true;
}

static void add(client_answer *answer, int fd, size_t length)
{
    answer->body = realloc(answer->body, answer->length + length + 1);
    assert_non_null(answer->body);
    if (!take_all(fd, answer->body + answer->length, length))
        answer->cut = true;
    else
        answer->length += length;
    answer->body[answer->length] = '\0';
}

bool client_receive(int fd, client_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    do {
        if (!take_until(fd, answer->head, sizeof(answer->head), "\r\n\r\n")) return false;
        assert_int_equal(sscanf(answer->head, "HTTP/1.%*d %d", &answer->status), 1);
    } while (answer->status == 100);
    add(answer, fd, 0);
    const char *length = client_header(answer, "Content-Length");
    if (length) {
        add(answer, fd, strtoul(length, NULL, 10));
        return true;
    }
    if (!client_header(answer, "Transfer-Encoding")) return true;
    for (;;) {
        char line[64];
        if (!take_until(fd, line, sizeof(line), "\r\n")) answer->cut = true;
        if (answer->cut) return true;
        size_t part = strtoul(line, NULL, 16);
        if (part > 0) add(answer, fd, part);
        if (!take_until(fd, line, sizeof(line), "\r\n")) answer->cut = true;
        if (answer->cut || part == 0) return true;
    }
}

void client_answer_clear(client_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

const char *client_header(const client_answer *answer, const char *name)
{
    static _Thread_local char value[8192];
    size_t length = strlen(name);
    for (const char *line = strstr(answer->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
        line += length + 1;
        line += strspn(line, " ");
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, "\r"), line);
        return value;
    }
    return NULL;
}

void client_until_closed(int fd)
{
    char bytes[4096];
    while (take(fd, bytes, sizeof(bytes)) > 0)
        continue;
    close(fd);
}

void client_expect(int fd, const char *request, int status, const char *body)
{
    client_answer answer;
    client_send(fd, request, strlen(request));
    assert_true(client_receive(fd, &answer));
    assert_int_equal(answer.status, status);
    if (body) assert_string_equal(answer.body, body);
    client_answer_clear(&answer);
}

void client_signed(int fd, const char *method, const char *path, const char *query, const char *headers,
                   const void *body, size_t length, const char *key, const char *secret)
{
    static const sign_header host[] = {{"host", "localhost"}};
    sign_request request = {.method = method,
                            .path = path,
                            .query = query,
                            .headers = host,
                            .headers_count = 1,
                            .body = body,
                            .body_length = length,
                            .key = key,
                            .secret = secret,
                            .time_s = (uint64_t)time(NULL)};
    char authorization[2048];
    char date[17];
    sign_header_form(&request, authorization, date);
    client_text(fd,
                "%s %s%s%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nX-Amz-Date: %s\r\n%sContent-Length: "
                "%zu\r\n\r\n",
                method, path, query ? "?" : "", query ? query : "", authorization, date, headers, length);
    client_send(fd, body, length);
}
