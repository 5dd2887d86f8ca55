/* A client of bare sockets, which can do what no well-behaved one does. Fails the test where something takes more than 30 seconds. */
#ifndef LAMBDA_TESTS_HTTP_CLIENT_H
#define LAMBDA_TESTS_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What came back. */
typedef struct client_answer {
    int status;
    char head[16384];
    char *body; /* without its chunks' frames; ends in NUL */
    size_t length;
    bool cut; /* the connection was closed before its end */
} client_answer;

/** A connection to loopback; fails the test. */
int client_open(uint16_t port);
void client_send(int fd, const void *data, size_t length);
void client_text(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** One answer, and no byte of what follows; `client_answer_clear` it. False: the connection was closed before its head was there. */
bool client_receive(int fd, client_answer *answer);
void client_answer_clear(client_answer *answer);
/** A header; NULL: there is none. Borrowed until the next call. */
const char *client_header(const client_answer *answer, const char *name);
/** Reads, and throws away, until the other side has closed it; closes it too. */
void client_until_closed(int fd);
/** Sends, and checks the answer's status and body (NULL: any). */
void client_expect(int fd, const char *request, int status, const char *body);

/** Sends a request signed with this key. `query` NULL: none; `headers` "": more of them, unsigned, each with CR LF. */
void client_signed(int fd, const char *method, const char *path, const char *query, const char *headers,
                   const void *body, size_t length, const char *key, const char *secret);

#endif
