/* A request that is signed, and can then be spoiled. */
#ifndef LAMBDA_TESTS_HTTP_SIGNATURE_WORLD_H
#define LAMBDA_TESTS_HTTP_SIGNATURE_WORLD_H

#include "signature.h"

#include "identity_world.h"
#include "sign.h"

#define THEN_S 1440938160 /* 30 August 2015, 12:36:00 UTC */

/** A request, which starts as a signed one and can then be spoiled. */
typedef struct attempt {
    lambda__signed_request request;
    lambda__header headers[24];
    char authorization[2048], date[17], query[8192], path[256];
    lambda__signature_result result;
} attempt;

#define MISMATCH                                                                                                       \
    403, "InvalidSignatureException",                                                                                  \
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access " \
        "Key and signing method. Consult the service documentation for details."

#define ALICE "arn:aws:iam::000000000000:user/alice"

/** The world has Alice, whose key it is; a session, whose key needs a token; and the key of S3's examples. */
int signature_setup(void **state);
int signature_teardown(void **state);

/** An Invoke by Alice. */
sign_request plain_request(void);
/** Signs it, in the header's form. */
void attempt_load(const sign_request *request, attempt *self);
void attempt_check(identity_world *world, attempt *self);
/** Releases what a check gave. */
void attempt_end(attempt *self);
void assert_allowed(identity_world *world, attempt *self, const char *arn);
void assert_refused(identity_world *world, attempt *self, int status, const char *type, const char *message);
/** Puts a text in place of the first that is like `from`; there must be room. */
void attempt_replace(char *text, const char *from, const char *to);

#endif
