#include "sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { PAIRS = 64, HEADERS = 32, TEXT = 8192 };

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
    assert_true(written >= 0 && (size_t)written < size - length);
}

static void hex_of(const unsigned char digest[32], char hex[65])
{
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void sign_digest(const void *data, size_t length, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    assert_int_equal(EVP_Digest(length > 0 ? data : "", length, digest, NULL, EVP_sha256(), NULL), 1);
    hex_of(digest, hex);
}

static void mac(const void *key, size_t length, const char *text, unsigned char digest[32])
{
    unsigned char made[EVP_MAX_MD_SIZE];
    assert_non_null(HMAC(EVP_sha256(), key, (int)length, (const unsigned char *)text, strlen(text), made, NULL));
    memcpy(digest, made, 32);
}

void sign_date(uint64_t time_s, char date[17])
{
    time_t seconds = (time_t)time_s;
    struct tm parts;
    assert_non_null(gmtime_r(&seconds, &parts));
    assert_int_equal(strftime(date, 17, "%Y%m%dT%H%M%SZ", &parts), 16);
}

void sign_encode(const char *text, int slash, char *encoded, size_t size)
{
    encoded[0] = '\0';
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) != NULL || (slash && c == '/');
        append(encoded, size, plain ? "%c" : "%%%02X", c);
    }
}

static const char *region_of(const sign_request *request)
{
    return request->region ? request->region : "us-east-1";
}

static const char *service_of(const sign_request *request)
{
    return request->service ? request->service : "lambda";
}

void sign_key(const sign_request *request, unsigned char key[32])
{
    char date[17];
    char secret[512] = "";
    append(secret, sizeof secret, "AWS4%s", request->secret);
    sign_date(request->time_s, date);
    date[8] = '\0';
    mac(secret, strlen(secret), date, key);
    mac(key, 32, region_of(request), key);
    mac(key, 32, service_of(request), key);
    mac(key, 32, "aws4_request", key);
}

void sign_text(const unsigned char key[32], const char *text, char hex[65])
{
    unsigned char digest[32];
    mac(key, 32, text, digest);
    hex_of(digest, hex);
}

/* ---- the parts */

static int by_text(const void *one, const void *two)
{
    return strcmp(*(char *const *)one, *(char *const *)two);
}

/** Pairs by key and value, with "=" where there is none. A key ends before all that may stand in one. */
static void sort_query(const char *query, char *sorted)
{
    char *copy = strdup(query);
    char *pairs[PAIRS];
    size_t count = 0;
    char *rest = copy;
    for (char *pair; (pair = strsep(&rest, "&"));) {
        if (!*pair) continue;
        assert_true(count < PAIRS);
        pairs[count] = malloc(strlen(pair) + 2);
        strcpy(pairs[count], pair);
        if (!strchr(pair, '=')) strcat(pairs[count], "=");
        *strchr(pairs[count++], '=') = '\1';
    }
    qsort(pairs, count, sizeof pairs[0], by_text);
    sorted[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        *strchr(pairs[i], '\1') = '=';
        append(sorted, TEXT, "%s%s", i > 0 ? "&" : "", pairs[i]);
        free(pairs[i]);
    }
    free(copy);
}

typedef struct parts {
    char date[17], scope[256];
    sign_header headers[HEADERS];
    size_t count;
    char names[1024];
} parts;

static int by_name(const void *one, const void *two)
{
    return strcasecmp(((const sign_header *)one)->name, ((const sign_header *)two)->name);
}

static void add_header(parts *self, const char *name, const char *value)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcasecmp(self->headers[i].name, name) == 0) return;
    assert_true(self->count < HEADERS);
    self->headers[self->count++] = (sign_header){name, value};
}

static void prepare(const sign_request *request, bool in_headers, parts *self)
{
    *self = (parts){.count = request->headers_count};
    assert_true(self->count + 2 <= HEADERS);
    sign_date(request->time_s, self->date);
    append(self->scope, sizeof self->scope, "%.8s/%s/%s/aws4_request", self->date, region_of(request),
           service_of(request));
    if (self->count > 0) memcpy(self->headers, request->headers, self->count * sizeof self->headers[0]);
    if (in_headers) add_header(self, "x-amz-date", self->date);
    if (in_headers && request->token) add_header(self, "x-amz-security-token", request->token);
    qsort(self->headers, self->count, sizeof self->headers[0], by_name);
    for (size_t i = 0; i < self->count; i++) {
        append(self->names, sizeof self->names, "%s", i > 0 ? ";" : "");
        for (const char *c = self->headers[i].name; *c; c++)
            append(self->names, sizeof self->names, "%c", *c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c);
    }
}

static void signature_of(const sign_request *request, const parts *self, const char *query, char signature[65])
{
    char *text = calloc(1, 4 * TEXT);
    char *piece = calloc(1, TEXT);
    char digest[65];
    sign_encode(request->path ? request->path : "/", 1, piece, TEXT);
    append(text, 4 * TEXT, "%s\n%s\n", request->method ? request->method : "GET", piece);
    sort_query(query, piece);
    append(text, 4 * TEXT, "%s\n", piece);
    const char *names = self->names;
    for (size_t i = 0; i < self->count; i++) {
        size_t length = strcspn(names, ";");
        append(text, 4 * TEXT, "%.*s:%s\n", (int)length, names, self->headers[i].value);
        names += length + 1;
    }
    sign_digest(request->body, request->body_length, digest);
    append(text, 4 * TEXT, "\n%s\n%s", self->names, request->payload ? request->payload : digest);
    sign_digest(text, strlen(text), digest);
    text[0] = '\0';
    append(text, 4 * TEXT, "AWS4-HMAC-SHA256\n%s\n%s\n%s", self->date, self->scope, digest);
    unsigned char key[32];
    sign_key(request, key);
    sign_text(key, text, signature);
    free(piece);
    free(text);
}

void sign_header_form(const sign_request *request, char authorization[2048], char date[17])
{
    parts self;
    char signature[65];
    prepare(request, true, &self);
    signature_of(request, &self, request->query ? request->query : "", signature);
    authorization[0] = '\0';
    append(authorization, 2048, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", request->key,
           self.scope, self.names, signature);
    memcpy(date, self.date, sizeof self.date);
}

void sign_query_form(const sign_request *request, unsigned expires, char query[8192])
{
    parts self;
    char signature[65], encoded[3 * 2048];
    prepare(request, false, &self);
    query[0] = '\0';
    if (request->query && *request->query) append(query, TEXT, "%s&", request->query);
    sign_encode(self.scope, 0, encoded, sizeof encoded);
    append(query, TEXT, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F%s&X-Amz-Date=%s", request->key,
           encoded, self.date);
    if (expires > 0) append(query, TEXT, "&X-Amz-Expires=%u", expires);
    sign_encode(self.names, 0, encoded, sizeof encoded);
    append(query, TEXT, "&X-Amz-SignedHeaders=%s", encoded);
    if (request->token) {
        sign_encode(request->token, 0, encoded, sizeof encoded);
        append(query, TEXT, "&X-Amz-Security-Token=%s", encoded);
    }
    signature_of(request, &self, query, signature);
    append(query, TEXT, "&X-Amz-Signature=%s", signature);
}
