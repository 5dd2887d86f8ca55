#include "signature.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "signature_parts.h"

/** One check, and what it has allocated. */
typedef struct check {
    const lambda__signed_request *request;
    lambda__query query;
    lambda__hasher hasher;
    lambda__text headers;
    lambda__text paths[LAMBDA__PATH_FORMS];
    lambda__text queries[LAMBDA__QUERY_FORMS];
    char payload[80]; /* what stands in the canonical request for the body */
    unsigned char key[32];
    lambda__claim claim; /* the larger part of it, zeroed by who reads it */
} check;

static void no_memory(lambda__signature_result *result)
{
    lambda__signature_refuse(result, 500, "ServiceException", "out of memory");
}

/** The key of that day, region and service. */
static void derive(check *self, const char *secret)
{
    char text[4 + sizeof(((lambda__key *)0)->secret)];
    const char *at = self->claim.scope;
    int length = snprintf(text, sizeof(text), "AWS4%s", secret);
    const void *key = text;
    size_t key_length = (size_t)length;
    for (int i = 0; i < 4; i++) {
        char part[sizeof(self->claim.scope)];
        size_t part_length = strcspn(at, "/");
        memcpy(part, at, part_length);
        part[part_length] = '\0';
        lambda__hasher_mac(&self->hasher, key, key_length, part, self->key);
        key = self->key;
        key_length = sizeof(self->key);
        at += part_length + 1;
    }
    OPENSSL_cleanse(text, sizeof(text));
}

/** It is the same all day: the first request of it derives it. */
static void find_signing_key(check *self, lambda__identities *identities, const char *secret, lambda__key *key)
{
    if (strcmp(key->scope, self->claim.scope) == 0) {
        memcpy(self->key, key->signing, sizeof(self->key));
        return;
    }
    derive(self, secret);
    size_t size = strlen(self->claim.scope) + 1;
    if (self->hasher.failed || size > sizeof(key->scope)) return;
    memcpy(key->scope, self->claim.scope, size);
    memcpy(key->signing, self->key, sizeof(key->signing));
    lambda__key_keep(identities, key);
}

/** What stands for the body, where it is right. False: it is not the body's. */
static bool read_payload(check *self)
{
    const char *shown = self->claim.payload;
    if (strcmp(shown, "UNSIGNED-PAYLOAD") == 0 || lambda__payload_streams(shown)) {
        snprintf(self->payload, sizeof(self->payload), "%s", shown);
        return true;
    }
    lambda__hasher_hex(&self->hasher, self->request->body.data, self->request->body.length, self->payload);
    return !*shown || (strlen(shown) == 64 && CRYPTO_memcmp(shown, self->payload, 64) == 0);
}

/** The signature of the canonical request in those forms. */
static void sign(check *self, int path_form, int query_form, char signature[65])
{
    char canonical[65];
    char text[sizeof(self->claim.scope) + 128];
    unsigned char digest[32];
    lambda__hasher *hasher = &self->hasher;
    lambda__hasher_begin(hasher);
    lambda__hasher_add(hasher, self->request->method, strlen(self->request->method));
    lambda__hasher_add(hasher, "\n", 1);
    lambda__hasher_add(hasher, self->paths[path_form].data, self->paths[path_form].length);
    lambda__hasher_add(hasher, "\n", 1);
    lambda__hasher_add(hasher, self->queries[query_form].data, self->queries[query_form].length);
    lambda__hasher_add(hasher, "\n", 1);
    lambda__hasher_add(hasher, self->headers.data, self->headers.length);
    lambda__hasher_add(hasher, "\n", 1);
    lambda__hasher_add(hasher, self->payload, strlen(self->payload));
    lambda__hasher_end(hasher, digest);
    lambda__hex(digest, canonical);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s\n%s", self->claim.time, self->claim.scope, canonical);
    lambda__hasher_mac(hasher, self->key, sizeof(self->key), text, digest);
    lambda__hex(digest, signature);
}

/** Is that form another text than those before it? */
static bool is_new(const lambda__text *texts, int form)
{
    for (int i = 0; i < form; i++)
        if (texts[i].data && texts[i].length == texts[form].length &&
            memcmp(texts[i].data, texts[form].data, texts[form].length) == 0)
            return false;
    return texts[form].data != NULL;
}

/** Makes the forms when they are asked for: nearly always it is the first. */
static bool matches(check *self)
{
    static const char NONE[65] = "----------------------------------------------------------------";
    const char *claimed = strlen(self->claim.signature) == 64 ? self->claim.signature : NONE;
    for (int path = 0; path < LAMBDA__PATH_FORMS; path++) {
        if (!lambda__canonical_path(self->request->path, path, &self->paths[path])) continue;
        if (self->paths[path].failed || !is_new(self->paths, path)) continue;
        for (int query = 0; query < LAMBDA__QUERY_FORMS; query++) {
            char signature[65];
            lambda__text *text = &self->queries[query];
            if (!text->data && !text->failed) lambda__canonical_query(&self->query, query, self->claim.presigned, text);
            if (text->failed || !is_new(self->queries, query)) continue;
            sign(self, path, query, signature);
            if (CRYPTO_memcmp(signature, claimed, 64) == 0) return true;
        }
    }
    return false;
}

static bool token_matches(const char *wanted, const char *shown)
{
    size_t length = strlen(wanted);
    return strlen(shown) == length && CRYPTO_memcmp(wanted, shown, length) == 0;
}

static bool out_of_memory(const check *self)
{
    bool out = self->hasher.failed || self->headers.failed;
    for (int i = 0; i < LAMBDA__PATH_FORMS; i++)
        out = out || self->paths[i].failed;
    for (int i = 0; i < LAMBDA__QUERY_FORMS; i++)
        out = out || self->queries[i].failed;
    return out;
}

/** A key that is not there goes the same way as one that is, with a secret that nobody has. */
static void check_with(check *self, lambda__identities *identities, lambda__signature_result *result)
{
    static const char NOBODYS[] = "nobody's secret, as long as AWS's own are";
    lambda__claim *claim = &self->claim;
    bool known = lambda__identities_find(identities, claim->key_id, &result->key);
    bool right_body = read_payload(self);
    find_signing_key(self, identities, known ? result->key.secret : NOBODYS, &result->key);
    lambda__canonical_headers(self->request, (lambda__span){claim->names, strlen(claim->names)}, &self->headers);
    bool signed_so = matches(self);
    if (out_of_memory(self)) {
        no_memory(result);
    } else if (!known || !token_matches(result->key.token, claim->token)) {
        lambda__signature_refuse(result, 403, "UnrecognizedClientException",
                                 "The security token included in the request is invalid.");
    } else if (!signed_so || !right_body) {
        lambda__signature_refuse(
            result, 403, "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.");
    } else if (!lambda__payload_streams(claim->payload) ||
               lambda__chunks_decode(self->request, claim, self->key, &self->hasher, result)) {
        result->status = 200;
        memcpy(result->access_key, claim->key_id, strlen(claim->key_id) + 1);
    }
    if (result->status != 200) lambda__key_release(&result->key);
}

void lambda__signature_check(lambda__identities *identities, const lambda__signed_request *request,
                             lambda__signature_result *result)
{
    memset(result, 0, sizeof(*result));
    check *self = malloc(sizeof(*self));
    if (!self) {
        no_memory(result);
        return;
    }
    memset(self, 0, offsetof(check, claim));
    self->request = request;
    lambda__hasher_open(&self->hasher);
    if (self->hasher.failed || !lambda__query_open(&self->query, request->query))
        no_memory(result);
    else if (lambda__claim_read(request, &self->query, &self->hasher, &self->claim, result))
        check_with(self, identities, result);
    lambda__query_close(&self->query);
    lambda__hasher_close(&self->hasher);
    lambda__text_clear(&self->headers);
    for (int i = 0; i < LAMBDA__PATH_FORMS; i++)
        lambda__text_clear(&self->paths[i]);
    for (int i = 0; i < LAMBDA__QUERY_FORMS; i++)
        lambda__text_clear(&self->queries[i]);
    OPENSSL_cleanse(self->key, sizeof(self->key));
    free(self);
}
