/* A server of this process, with the function "hello", its function URL and one identity. */
#ifndef LAMBDA_TESTS_HTTP_WORLD_H
#define LAMBDA_TESTS_HTTP_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include <lambda/http.h>

enum { HTTP_REQUEST = 4096 };

typedef struct http_world {
    lambda_t *lambda;
    lambda_api *api;
    lambda_http *http;
    char directory[64];     /* of its own */
    char url[HTTP_REQUEST]; /* a request to the function URL */
} http_world;

/** A directory of its own, that anybody may read. */
void http_directory_make(char directory[64]);
void http_directory_remove(const char *directory);
/** The one identity's file. */
void http_credentials_write(const char *directory, char path[128]);

/** Starts it; `threads` 0: the default. Ends the program where it cannot be. */
void http_world_open(http_world *world, unsigned threads);
void http_world_close(http_world *world);

/** A request that is signed by that identity now; it holds for five minutes. */
void http_signed(const char *method, const char *path, const char *body, char request[HTTP_REQUEST]);

#endif
