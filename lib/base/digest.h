/* SHA-256 (FIPS 180-4), base64 (RFC 4648) and a keyed hash for tables. */
#ifndef LAMBDA_LIB_DIGEST_H
#define LAMBDA_LIB_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The SHA-256 of `data`. */
void lambda__sha256(const void *data, size_t length, uint8_t digest[32]);

/** Base64 with padding: (length + 2) / 3 * 4 characters and a NUL. */
void lambda__base64(const void *data, size_t length, char *text);

/**
 * What base64 with padding stands for: `data`, which may be `text` itself, has room for `length` / 4 * 3 bytes; their number comes back
 * in `decoded`. False for what lambda__base64 would not have written.
 */
bool lambda__base64_decode(const char *text, size_t length, void *data, size_t *decoded);

/** Base64 of a SHA-256: 44 characters and a NUL. */
void lambda__sha256_base64(const uint8_t digest[32], char text[45]);

/** Has it the form of that? */
bool lambda__sha256_base64_valid(const char *text);

/** A keyed hash for hash tables; not for secrets. */
uint64_t lambda__hash(uint64_t key, const char *data, size_t length);

#endif
