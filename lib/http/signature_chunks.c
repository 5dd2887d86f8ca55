/*
 * Payloads in chunks, each signed with the signature before it: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html; with checksums at the end:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 *
 *     SIZE[;chunk-signature=SIGNATURE] CR LF DATA CR LF ... 0[;chunk-signature=SIGNATURE] CR LF [NAME:VALUE CR LF ...] [x-amz-trailer-signature:SIGNATURE CR LF] CR LF
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "signature_parts.h"

#define SIGNED         "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define SIGNED_TRAILER "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
#define TRAILER        "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
#define EMPTY_DIGEST   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TRAILERS_BYTES 4096

bool lambda__payload_streams(const char *payload)
{
    return strcmp(payload, SIGNED) == 0 || strcmp(payload, SIGNED_TRAILER) == 0 || strcmp(payload, TRAILER) == 0;
}

typedef struct decoder {
    const lambda__signed_request *request;
    const lambda__claim *claim;
    const unsigned char *key;
    lambda__hasher *hasher;
    lambda__signature_result *result;
    const char *at;
    const char *end;
    bool is_signed;
    char last[65]; /* the signature before */
    char *data;
    size_t length;
} decoder;

static bool malformed(decoder *self, const char *what)
{
    lambda__signature_refuse(self->result, 400, "IncompleteBody", "The request body terminated unexpectedly: %s", what);
    return false;
}

static bool wrong(decoder *self)
{
    lambda__signature_refuse(
        self->result, 403, "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.");
    return false;
}

/** A line without its end. False: there is no end. */
static bool next_line(decoder *self, lambda__span *line)
{
    const char *end = self->at < self->end ? memmem(self->at, (size_t)(self->end - self->at), "\r\n", 2) : NULL;
    if (!end) return false;
    *line = (lambda__span){self->at, (size_t)(end - self->at)};
    self->at = end + 2;
    return true;
}

/** Is it what the key makes of the one before it and of this digest? Then it is the one before the next. */
static bool check_signature(decoder *self, const char *algorithm, const char *digests, const char *shown)
{
    char text[640];
    unsigned char mac[32];
    snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s", algorithm, self->claim->time, self->claim->scope, self->last,
             digests);
    lambda__hasher_mac(self->hasher, self->key, 32, text, mac);
    lambda__hex(mac, self->last);
    return CRYPTO_memcmp(self->last, shown, 64) == 0;
}

static bool read_size(lambda__span line, size_t *size, size_t *end)
{
    *size = 0;
    for (*end = 0; *end < line.length; ++*end) {
        char c = line.at[*end];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16) break;
        if (*size > (SIZE_MAX >> 4)) return false;
        *size = *size * 16 + digit;
    }
    return *end > 0;
}

/** One chunk; `*last`: it was the empty one. */
static bool next_chunk(decoder *self, bool *last)
{
    static const char EXTENSION[] = ";chunk-signature=";
    const size_t extension = sizeof(EXTENSION) - 1;
    lambda__span line;
    size_t size;
    size_t end;
    if (!next_line(self, &line)) return malformed(self, "a chunk has no size");
    if (!read_size(line, &size, &end)) return malformed(self, "a chunk's size is no number");
    bool right = self->is_signed
                     ? line.length == end + extension + 64 && memcmp(line.at + end, EXTENSION, extension) == 0
                     : line.length == end;
    if (!right) return malformed(self, "a chunk's first line is not of its form");
    const char *data = self->at;
    if (size > (size_t)(self->end - data)) return malformed(self, "a chunk is cut off");
    if (self->is_signed) {
        char digests[2 * 64 + 2];
        snprintf(digests, sizeof(digests), "%s\n", EMPTY_DIGEST);
        lambda__hasher_hex(self->hasher, data, size, digests + 65);
        if (!check_signature(self, "AWS4-HMAC-SHA256-PAYLOAD", digests, line.at + end + extension)) return wrong(self);
    }
    *last = size == 0;
    if (*last) return true;
    memcpy(self->data + self->length, data, size);
    self->length += size;
    self->at += size;
    if (self->end - self->at < 2 || memcmp(self->at, "\r\n", 2) != 0) return malformed(self, "a chunk has no end");
    self->at += 2;
    return true;
}

/* ---- checksums */

/** Bits from the lowest on, as all of AWS's go. */
static uint64_t crc(const char *data, size_t length, uint64_t polynomial, uint64_t all)
{
    uint64_t table[256];
    uint64_t value = all;
    for (uint64_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? polynomial : 0);
    }
    for (size_t i = 0; i < length; i++)
        value = value >> 8 ^ table[(value ^ (unsigned char)data[i]) & 255];
    return value ^ all;
}

static size_t write_crc(uint64_t value, size_t bytes, unsigned char digest[])
{
    for (size_t i = 0; i < bytes; i++)
        digest[i] = (unsigned char)(value >> 8 * (bytes - 1 - i));
    return bytes;
}

/** The checksum that a trailer of this name has; 0: there is no such. */
static size_t checksum(const decoder *self, lambda__span name, unsigned char digest[EVP_MAX_MD_SIZE])
{
    static const struct {
        const char *name;
        uint64_t polynomial;
        size_t bytes;
    } CRCS[] = {{"x-amz-checksum-crc32", 0xedb88320, 4},
                {"x-amz-checksum-crc32c", 0x82f63b78, 4},
                {"x-amz-checksum-crc64nvme", 0x9a6c9329ac4bc9b5, 8}};
    unsigned length = 0;
    for (size_t i = 0; i < sizeof(CRCS) / sizeof(CRCS[0]); i++)
        if (strlen(CRCS[i].name) == name.length && strncasecmp(name.at, CRCS[i].name, name.length) == 0)
            return write_crc(
                crc(self->data, self->length, CRCS[i].polynomial, CRCS[i].bytes == 8 ? UINT64_MAX : UINT32_MAX),
                CRCS[i].bytes, digest);
    bool sha256 = name.length == 21 && strncasecmp(name.at, "x-amz-checksum-sha256", 21) == 0;
    bool sha1 = name.length == 19 && strncasecmp(name.at, "x-amz-checksum-sha1", 19) == 0;
    if (!sha256 && !sha1) return 0;
    return EVP_Digest(self->data, self->length, digest, &length, sha256 ? EVP_sha256() : EVP_sha1(), NULL) == 1 ? length
                                                                                                                : 0;
}

static bool check_trailer(decoder *self, lambda__span name, lambda__span value)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE];
    size_t length = checksum(self, name, digest);
    int shown = name.length > 80 ? 80 : (int)name.length;
    if (length == 0) {
        lambda__signature_refuse(self->result, 400, "InvalidRequest", "The trailer %.*s is not supported.", shown,
                                 name.at);
        return false;
    }
    EVP_EncodeBlock((unsigned char *)text, digest, (int)length);
    if (strlen(text) == value.length && memcmp(text, value.at, value.length) == 0) return true;
    lambda__signature_refuse(self->result, 400, "BadDigest", "The %.*s you specified did not match what we received.",
                             shown, name.at);
    return false;
}

static lambda__span without_blanks(const char *at, size_t length)
{
    while (length > 0 && (*at == ' ' || *at == '\t')) {
        at++;
        length--;
    }
    while (length > 0 && strchr(" \t\r\n", at[length - 1]))
        length--;
    return (lambda__span){at, length};
}

/** The trailers' lines, and after them, where they are signed, their signature. */
static bool read_trailers(decoder *self)
{
    static const char NAME[] = "x-amz-trailer-signature:";
    char lines[TRAILERS_BYTES] = "";
    size_t length = 0;
    lambda__span line;
    bool named = false;
    for (;;) {
        if (!next_line(self, &line)) return malformed(self, "the trailers have no end");
        if (line.length == 0) break;
        if (line.length == sizeof(NAME) - 1 + 64 && strncasecmp(line.at, NAME, sizeof(NAME) - 1) == 0) {
            char digest[65];
            lambda__hasher_hex(self->hasher, lines, length, digest);
            named = self->is_signed &&
                    check_signature(self, "AWS4-HMAC-SHA256-TRAILER", digest, line.at + sizeof(NAME) - 1);
            if (!named) return wrong(self);
            continue;
        }
        const char *colon = memchr(line.at, ':', line.length);
        if (!colon || named) return malformed(self, "a trailer is not NAME:VALUE");
        lambda__span name = {line.at, (size_t)(colon - line.at)};
        lambda__span value = without_blanks(colon + 1, line.length - name.length - 1);
        if (!check_trailer(self, name, value)) return false;
        if (length + name.length + value.length + 2 > sizeof(lines)) return malformed(self, "trailers are too long");
        memcpy(lines + length, name.at, name.length);
        lines[length + name.length] = ':';
        memcpy(lines + length + name.length + 1, value.at, value.length);
        length += name.length + value.length + 2;
        lines[length - 1] = '\n';
    }
    return !self->is_signed || named ? true : wrong(self);
}

/** Nothing may follow, and the length must be the one that was said. */
static bool check_end(decoder *self)
{
    char text[32];
    size_t count;
    lambda__span said = lambda__header_find(self->request, "x-amz-decoded-content-length", &count);
    snprintf(text, sizeof(text), "%zu", self->length);
    if (self->at != self->end) return malformed(self, "there is more after its end");
    if (!said.at || (said.length == strlen(text) && memcmp(said.at, text, said.length) == 0)) return true;
    return malformed(self, "it is not as long as x-amz-decoded-content-length says");
}

static bool decode(decoder *self)
{
    bool last = false;
    while (!last)
        if (!next_chunk(self, &last)) return false;
    if (strcmp(self->claim->payload, SIGNED) != 0) {
        if (!read_trailers(self)) return false;
    } else if (self->end - self->at < 2 || memcmp(self->at, "\r\n", 2) != 0) {
        return malformed(self, "the last chunk has no end");
    } else {
        self->at += 2;
    }
    return check_end(self);
}

bool lambda__chunks_decode(const lambda__signed_request *request, const lambda__claim *claim,
                           const unsigned char key[32], lambda__hasher *hasher, lambda__signature_result *result)
{
    decoder self = {.request = request,
                    .claim = claim,
                    .key = key,
                    .hasher = hasher,
                    .result = result,
                    .at = request->body.length > 0 ? request->body.data : "",
                    .is_signed = strcmp(claim->payload, TRAILER) != 0};
    self.end = self.at + request->body.length;
    memcpy(self.last, claim->signature, sizeof(self.last));
    self.data = malloc(request->body.length + 1);
    bool decoded = self.data && decode(&self);
    if (!self.data || hasher->failed) {
        lambda__signature_refuse(result, 500, "ServiceException", "out of memory");
        decoded = false;
    }
    if (!decoded) {
        free(self.data);
        return false;
    }
    self.data[self.length] = '\0';
    result->decoded = self.data;
    result->decoded_length = self.length;
    return true;
}
