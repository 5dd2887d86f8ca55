/* The parts of a signature's check, each of which knows nothing of the next. */
#ifndef LAMBDA_HTTP_SIGNATURE_PARTS_H
#define LAMBDA_HTTP_SIGNATURE_PARTS_H

#include <openssl/evp.h>

#include "signature.h"

/* ---- hashes (signature_hash.c) */

/** SHA-256 and HMAC with it, one after the other. */
typedef struct lambda__hasher {
    EVP_MD_CTX *state;
    bool failed; /* memory was out, or libcrypto refused: what came since is no digest */
} lambda__hasher;

void lambda__hasher_open(lambda__hasher *self);
void lambda__hasher_close(lambda__hasher *self);
void lambda__hasher_begin(lambda__hasher *self);
void lambda__hasher_add(lambda__hasher *self, const void *data, size_t length);
void lambda__hasher_end(lambda__hasher *self, unsigned char digest[32]);
/** `mac` may be `key`. */
void lambda__hasher_mac(lambda__hasher *self, const void *key, size_t key_length, const char *text,
                        unsigned char mac[32]);
/** Lower case and a NUL. */
void lambda__hex(const unsigned char digest[32], char hex[65]);
/** That of data. */
void lambda__hasher_hex(lambda__hasher *self, const void *data, size_t length, char hex[65]);

/* ---- texts that grow, and the canonical request (signature_canonical.c) */

/** Zeroed, it is empty. Ends in NUL unless it is empty or has failed. */
typedef struct lambda__text {
    char *data;
    size_t length;
    size_t capacity;
    bool failed; /* memory was out */
} lambda__text;

void lambda__text_add(lambda__text *self, const char *data, size_t length);
void lambda__text_clear(lambda__text *self);

/** A part of somebody's text. */
typedef struct lambda__span {
    const char *at; /* NULL: not there */
    size_t length;
} lambda__span;

/** A pair of the query. */
typedef struct lambda__query_pair {
    size_t key;   /* where it stands in `encoded`, ended by NUL */
    size_t value; /* likewise */
    lambda__span raw_key;
    lambda__span raw_value; /* `at` NULL: there is no "=" */
} lambda__query_pair;

/** A query, taken apart. */
typedef struct lambda__query {
    lambda__query_pair *pairs; /* in the order they came */
    size_t count;
    lambda__text encoded; /* keys and values, decoded and then encoded as the canonical form is */
} lambda__query;

/** False when memory is out. */
bool lambda__query_open(lambda__query *self, const char *query);
void lambda__query_close(lambda__query *self);
/** Is there a pair of that name, in any case of letters? */
bool lambda__query_has(const lambda__query *self, const char *name);
/** The value of the first pair of that name, in any case of letters, percent-decoded into `value`. False: there is none, or it is longer or holds a NUL. */
bool lambda__query_find(const lambda__query *self, const char *name, char *value, size_t size);

/**
 * Forms of the path and of the query that clients sign. The first is AWS's. The others are what clients make that leave encoding to their caller: the query as it was sent, sorted or not; the path as it was sent.
 * No two requests that mean something else have one canonical form among all of these: the other path is tried only where it holds no "%25", and what is taken as it was sent decodes to the same.
 */
enum { LAMBDA__PATH_FORMS = 2, LAMBDA__QUERY_FORMS = 3 };

/** False: this form is not to be tried. */
bool lambda__canonical_path(const char *path, int form, lambda__text *canonical);
void lambda__canonical_query(lambda__query *query, int form, bool presigned, lambda__text *canonical);
/** The headers that `names` ("host;x-amz-date") says, then an empty line, then the names. */
void lambda__canonical_headers(const lambda__signed_request *request, lambda__span names, lambda__text *canonical);

/** The first header of that name, without blanks around it; `at` NULL: there is none. `*count`: how many there are. */
lambda__span lambda__header_find(const lambda__signed_request *request, const char *name, size_t *count);

/* ---- what a request says of its signature (signature_claim.c) */

typedef struct lambda__claim {
    bool presigned;
    char algorithm[64];
    char key_id[136];
    char scope[256];    /* "20150830/us-east-1/lambda/aws4_request" */
    char names[4096];   /* of signed headers */
    char signature[65]; /* "" for one that is of another length */
    char time[17];      /* "20150830T123600Z" */
    uint64_t time_s;
    uint64_t expires_s; /* presigned: how long it is good; UINT64_MAX: it does not say */
    char token[2048];   /* of the session; "": none */
    char payload[80];   /* x-amz-content-sha256; "": not shown */
} lambda__claim;

/** Fills in the result: the words and the name of an error. */
void lambda__signature_refuse(lambda__signature_result *result, int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Reads it, and checks form, scope and time. False: the result says why not. */
bool lambda__claim_read(const lambda__signed_request *request, const lambda__query *query, lambda__hasher *hasher,
                        lambda__claim *claim, lambda__signature_result *result);

/* ---- streaming payloads (signature_chunks.c) */

/** Is it the name of one? */
bool lambda__payload_streams(const char *payload);

/** Takes the chunks out of the body, each of whose signatures must be right. False: the result says why not. */
bool lambda__chunks_decode(const lambda__signed_request *request, const lambda__claim *claim,
                           const unsigned char key[32], lambda__hasher *hasher, lambda__signature_result *result);

#endif
