/* Signs requests as AWS's clients do (Signature Version 4), apart from the library's own code, so that each proves the other. Fails the test where a text is too long. */
#ifndef LAMBDA_TESTS_HTTP_SIGN_H
#define LAMBDA_TESTS_HTTP_SIGN_H

#include <stddef.h>
#include <stdint.h>

/** A header to be sent. */
typedef struct sign_header {
    const char *name;
    const char *value;
} sign_header;

/** A request. What is NULL or 0 is as its comment says. */
typedef struct sign_request {
    const char *method; /* NULL: "GET" */
    const char *path;   /* as it is sent; NULL: "/" */
    const char *query;  /* as it is sent, without "?"; NULL: none */
    const sign_header *
        headers; /* that are signed, at most 30; "host" must be among them. x-amz-date is added, and x-amz-security-token where there is a token, unless they are there */
    size_t headers_count;
    const char *body; /* NULL: none */
    size_t body_length;
    const char *payload; /* what stands for the body's digest, "UNSIGNED-PAYLOAD" say; NULL: the digest */
    const char *key;
    const char *secret;
    const char *token;   /* of a session; NULL: none */
    const char *region;  /* NULL: "us-east-1" */
    const char *service; /* NULL: "lambda" */
    uint64_t time_s;     /* since 1970 */
} sign_request;

/** The value of the header Authorization; and that of X-Amz-Date, which must be sent with it. */
void sign_header_form(const sign_request *request, char authorization[2048], char date[17]);

/** The whole query of a presigned request. `expires` 0: it says nothing of X-Amz-Expires. */
void sign_query_form(const sign_request *request, unsigned expires, char query[8192]);

/** "20150830T123600Z" */
void sign_date(uint64_t time_s, char date[17]);

/** The key that signs; and lower-case hex of what it makes of a text, for the chunks of a streaming payload. */
void sign_key(const sign_request *request, unsigned char key[32]);
void sign_text(const unsigned char key[32], const char *text, char hex[65]);

/** Lower-case hex of a SHA-256. */
void sign_digest(const void *data, size_t length, char hex[65]);

/** Percent-encodes all but letters, digits and "-._~"; and "/" where `slash` is set. */
void sign_encode(const char *text, int slash, char *encoded, size_t size);

#endif
