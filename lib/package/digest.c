#include "digest.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "disk.h"

enum { BYTES = 32 };

static lambda_status failed(void)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "libcrypto cannot compute SHA-256");
}

lambda_status lambda__package_digest_begin(lambda__package_digest *digest)
{
    digest->state = EVP_MD_CTX_new();
    if (!digest->state) return lambda__package_no_memory();
    if (EVP_DigestInit_ex(digest->state, EVP_sha256(), NULL) == 1) return LAMBDA_OK;
    lambda__package_digest_drop(digest);
    return failed();
}

lambda_status lambda__package_digest_add(lambda__package_digest *digest, const void *data, size_t length)
{
    if (length == 0) return LAMBDA_OK;
    return EVP_DigestUpdate(digest->state, data, length) == 1 ? LAMBDA_OK : failed();
}

static void write_sum(const unsigned char bytes[BYTES], lambda__package_sum *sum)
{
    for (size_t i = 0; i < BYTES; i++)
        snprintf(sum->hex + 2 * i, 3, "%02x", bytes[i]);
    EVP_EncodeBlock((unsigned char *)sum->base64, bytes, BYTES);
}

lambda_status lambda__package_digest_sum(lambda__package_digest *digest, lambda__package_sum *sum)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_DigestFinal_ex(digest->state, bytes, &length) != 1 || length != BYTES) return failed();
    write_sum(bytes, sum);
    return EVP_DigestInit_ex(digest->state, EVP_sha256(), NULL) == 1 ? LAMBDA_OK : failed();
}

void lambda__package_digest_drop(lambda__package_digest *digest)
{
    EVP_MD_CTX_free(digest->state);
    digest->state = NULL;
}

bool lambda__package_sum_of(const char *hex, lambda__package_sum *sum)
{
    unsigned char bytes[BYTES];
    if (strlen(hex) != LAMBDA__PACKAGE_HEX - 1 || hex[strspn(hex, "0123456789abcdef")]) return false;
    for (size_t i = 0; i < BYTES; i++) {
        unsigned byte = 0;
        for (size_t k = 0; k < 2; k++) {
            unsigned char digit = (unsigned char)hex[2 * i + k];
            byte = byte * 16 + (digit <= '9' ? digit - (unsigned)'0' : digit - (unsigned)'a' + 10);
        }
        bytes[i] = (unsigned char)byte;
    }
    write_sum(bytes, sum);
    return true;
}
