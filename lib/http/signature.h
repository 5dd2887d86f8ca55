/*
 * Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Knows nothing of HTTP's connections, so that a test and a fuzzer can feed it.
 */
#ifndef LAMBDA_HTTP_SIGNATURE_H
#define LAMBDA_HTTP_SIGNATURE_H

#include "policy.h"

typedef struct lambda__header {
    const char *name;
    const char *value;
} lambda__header;

/** A request as it came: nothing decoded. Borrowed. */
typedef struct lambda__signed_request {
    const char *method;
    const char *path;              /* raw, percent-encoded as the client sent it */
    const char *query;             /* raw, without "?"; "" for none */
    const lambda__header *headers; /* all of them, repeated names too, in their order */
    size_t headers_count;
    lambda_bytes body;   /* whole; of streaming payloads as it came: see `decoded` */
    const char *region;  /* the credential scope's must be: region */
    const char *service; /* ... and service: "lambda" */
    uint64_t now_s;      /* seconds since 1970 */
} lambda__signed_request;

/** What came of it. */
typedef struct lambda__signature_result {
    int status; /* 200, or 403 or 400; 500 "ServiceException" when memory is out */
    char error_type
        [64]; /* "MissingAuthenticationTokenException", "InvalidSignatureException", "UnrecognizedClientException", "IncompleteSignatureException", ... as AWS names them */
    char message[512]; /* AWS's words */
    bool anonymous;    /* it has no signature at all: status 403, error_type "MissingAuthenticationTokenException" */
    char *
        decoded; /* malloc'd: the body without the chunk signatures of STREAMING-AWS4-HMAC-SHA256-PAYLOAD (and -TRAILER), each of which was right. NULL: the body as it is */
    size_t decoded_length;
    lambda__key key;      /* whose it is, where status is 200: to be released */
    char access_key[136]; /* the id of that key */
} lambda__signature_result;

/**
 * Header and presigned (query) forms; any set of signed headers that has `host`; `x-amz-content-sha256` where it is signed or shown must be that of the body, or UNSIGNED-PAYLOAD, or a streaming form; without
 * it the body's digest is what is signed; 5 minutes of clock skew either way; presigned for as long as X-Amz-Expires says, at most 7 days. Duplicate query keys stay. Compares in constant time.
 */
void lambda__signature_check(lambda__identities *identities, const lambda__signed_request *request,
                             lambda__signature_result *result);

#endif
