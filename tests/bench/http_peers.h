/* The yardsticks of HTTP: libmicrohttpd alone, and nginx. */
#ifndef LAMBDA_TESTS_HTTP_PEERS_H
#define LAMBDA_TESTS_HTTP_PEERS_H

#include <stdint.h>
#include <sys/types.h>

/** libmicrohttpd with so many threads, which answers everything with the status 200, headers and body of this answer. One at a time; ends the program where it cannot. */
uint16_t bare_http_open(const char *answer, unsigned threads, unsigned memory);
void bare_http_close(void);

/** Starts a program that ends with this one; ends this one where it cannot be. */
pid_t peer_start(const char *const *arguments);
/** Sends SIGTERM and waits for its end. */
void peer_stop(pid_t child);

/** Writes the configuration of an nginx with one worker into this directory, its own: it answers everything with that body. */
void nginx_configure(const char *directory, uint16_t port, const char *body);
pid_t nginx_start(const char *directory);
/** The process that serves. */
pid_t nginx_worker(pid_t nginx);

/** Connects until somebody listens, and asks. Ends the program where the answer has not status 200, or there is none in ten seconds. */
void first_answer(uint16_t port, const char *request);

#endif
