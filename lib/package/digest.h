/* SHA-256 (libcrypto), in hexadecimal and in base64. */
#ifndef LAMBDA_PACKAGE_DIGEST_H
#define LAMBDA_PACKAGE_DIGEST_H

#include <lambda/port/runtime.h>

#define LAMBDA__PACKAGE_HEX    65 /* bytes of a digest as text, its NUL included */
#define LAMBDA__PACKAGE_BASE64 45

/** A digest in the making. */
typedef struct lambda__package_digest {
    void *state;
} lambda__package_digest;

/** What came of it, in both forms. */
typedef struct lambda__package_sum {
    char hex[LAMBDA__PACKAGE_HEX];
    char base64[LAMBDA__PACKAGE_BASE64];
} lambda__package_sum;

/** Begins; ended by lambda__package_digest_end or _drop. OUT_OF_MEMORY, or SERVICE where libcrypto does not know SHA-256. */
lambda_status lambda__package_digest_begin(lambda__package_digest *digest);

/** More bytes. */
lambda_status lambda__package_digest_add(lambda__package_digest *digest, const void *data, size_t length);

/** Gives the sum, and begins anew. */
lambda_status lambda__package_digest_sum(lambda__package_digest *digest, lambda__package_sum *sum);

/** Frees it. One that never began may be given, zeroed. */
void lambda__package_digest_drop(lambda__package_digest *digest);

/** Both forms of a digest that is there in hexadecimal. False if it is none. */
bool lambda__package_sum_of(const char *hex, lambda__package_sum *sum);

#endif
