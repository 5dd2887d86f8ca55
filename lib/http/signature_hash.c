#include "signature_parts.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

enum { BLOCK = 64, DIGEST = 32 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256; /* fetched once: that takes longer than to hash a request. Kept for the process's life */

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void lambda__hasher_open(lambda__hasher *self)
{
    pthread_once(&once, fetch);
    self->state = EVP_MD_CTX_new();
    self->failed = !self->state || !sha256;
}

void lambda__hasher_close(lambda__hasher *self)
{
    EVP_MD_CTX_free(self->state);
    self->state = NULL;
}

void lambda__hasher_begin(lambda__hasher *self)
{
    if (!self->failed) self->failed = EVP_DigestInit_ex2(self->state, sha256, NULL) != 1;
}

void lambda__hasher_add(lambda__hasher *self, const void *data, size_t length)
{
    if (!self->failed && length > 0) self->failed = EVP_DigestUpdate(self->state, data, length) != 1;
}

void lambda__hasher_end(lambda__hasher *self, unsigned char digest[DIGEST])
{
    unsigned length = 0;
    if (!self->failed) self->failed = EVP_DigestFinal_ex(self->state, digest, &length) != 1;
    if (self->failed) memset(digest, 0, DIGEST);
}

void lambda__hasher_mac(lambda__hasher *self, const void *key, size_t key_length, const char *text,
                        unsigned char mac[DIGEST])
{
    unsigned char block[BLOCK] = {0};
    unsigned char inner[DIGEST];
    if (key_length > BLOCK) {
        lambda__hasher_begin(self);
        lambda__hasher_add(self, key, key_length);
        lambda__hasher_end(self, block);
    } else {
        memcpy(block, key, key_length);
    }
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= 0x36;
    lambda__hasher_begin(self);
    lambda__hasher_add(self, block, BLOCK);
    lambda__hasher_add(self, text, strlen(text));
    lambda__hasher_end(self, inner);
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= 0x36 ^ 0x5c;
    lambda__hasher_begin(self);
    lambda__hasher_add(self, block, BLOCK);
    lambda__hasher_add(self, inner, DIGEST);
    lambda__hasher_end(self, mac);
    OPENSSL_cleanse(block, sizeof(block));
}

void lambda__hex(const unsigned char digest[DIGEST], char hex[65])
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST; i++) {
        hex[2 * i] = DIGITS[digest[i] >> 4];
        hex[2 * i + 1] = DIGITS[digest[i] & 15];
    }
    hex[64] = '\0';
}

void lambda__hasher_hex(lambda__hasher *self, const void *data, size_t length, char hex[65])
{
    unsigned char digest[DIGEST];
    lambda__hasher_begin(self);
    lambda__hasher_add(self, data, length);
    lambda__hasher_end(self, digest);
    lambda__hex(digest, hex);
}
