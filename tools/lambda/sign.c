/*
 * Signatures of requests. Not libcurl's own: that signs the path as it is sent, and Lambda's API wants it percent-encoded once more, which tells for names with a colon or a $.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "keys.h"

static void hex(const unsigned char *bytes, char text[65])
{
    for (size_t i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static bool digest(const void *data, size_t length, char text[65])
{
    unsigned char bytes[32];
    if (EVP_Digest(data ? data : "", length, bytes, NULL, EVP_sha256(), NULL) != 1) return false;
    hex(bytes, text);
    return true;
}

static bool mac(const void *key, size_t length, const char *text, unsigned char bytes[32])
{
    unsigned size = 32;
    return HMAC(EVP_sha256(), key, (int)length, (const unsigned char *)text, strlen(text), bytes, &size) != NULL;
}

/** The path, each byte of it that is not plain encoded once more, up to the query. */
static void add_path(FILE *out, const char *path)
{
    for (; *path && *path != '?'; path++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/", *path))
            fputc(*path, out);
        else
            fprintf(out, "%%%02X", (unsigned)(unsigned char)*path);
    }
}

/** The canonical request's digest. */
static bool canonical(const tool_keys *keys, const tool_signed *request, const tool_signature *signature,
                      const char *names, char text[65])
{
    char *made = NULL;
    size_t length;
    FILE *out = open_memstream(&made, &length);
    if (!out) return false;
    const char *query = strchr(request->path, '?');
    fprintf(out, "%s\n", request->method);
    add_path(out, request->path);
    fprintf(out, "\n%s\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n", query ? query + 1 : "", request->host,
            signature->content, signature->date);
    if (*keys->token) fprintf(out, "x-amz-security-token:%s\n", keys->token);
    fprintf(out, "\n%s\n%s", names, signature->content);
    bool good = fclose(out) == 0 && made && digest(made, length, text);
    free(made);
    return good;
}

/** The key of a day, a region and the service, and what it signs. */
static bool derive(const tool_keys *keys, const char *day, const char *region, const char *text, char result[65])
{
    char first[140];
    unsigned char key[32];
    unsigned char next[32];
    snprintf(first, sizeof first, "AWS4%s", keys->secret);
    bool good = mac(first, strlen(first), day, key) && mac(key, 32, region, next) && mac(next, 32, "lambda", key) &&
                mac(key, 32, "aws4_request", next) && mac(next, 32, text, key);
    if (good) hex(key, result);
    return good;
}

bool tool_sign(const tool_keys *keys, const tool_signed *request, tool_signature *signature)
{
    char day[16];
    char scope[96];
    char hash[65];
    char text[320];
    char made[65];
    struct tm parts;
    const char *names = *keys->token ? "host;x-amz-content-sha256;x-amz-date;x-amz-security-token"
                                     : "host;x-amz-content-sha256;x-amz-date";
    gmtime_r(&request->now, &parts);
    strftime(day, sizeof day, "%Y%m%d", &parts);
    strftime(signature->date, sizeof signature->date, "%Y%m%dT%H%M%SZ", &parts);
    if (!digest(request->body.data, request->body.length, signature->content)) return false;
    if (!canonical(keys, request, signature, names, hash)) return false;
    snprintf(scope, sizeof scope, "%s/%.40s/lambda/aws4_request", day, request->region);
    snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", signature->date, scope, hash);
    if (!derive(keys, day, request->region, text, made)) return false;
    snprintf(signature->authorization, sizeof signature->authorization,
             "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", keys->id, scope, names, made);
    return true;
}
