/*
 * Addresses of deployment packages: what Lambda's Code.Location is, a presigned one of S3, is here a path of this server. Whoever has it may fetch the package, for ten minutes:
 *
 *     /packages/CODE-SHA256?Expires=SECONDS&Signature=HMAC
 *
 * The key is the API's own, made when it is opened: nothing is kept of addresses, and none outlives its server.
 */
#include "location.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

enum { VALID_S = 600, SHA256_TEXT = 44, SIGNATURE = 64, ORIGIN_MOST = 300 };

/** In base64's alphabet for addresses, or back. */
static void swap(char *text, const char *from, const char *to)
{
    for (; *text; text++) {
        const char *at = strchr(from, *text);
        if (at) *text = to[at - from];
    }
}

/** In hexadecimal. False: libcrypto has no memory. */
static bool sign(const lambda_api *api, const char *name, uint64_t expires_s, char signature[SIGNATURE + 1])
{
    char text[SHA256_TEXT + 32];
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int size = snprintf(text, sizeof text, "%s\n%" PRIu64, name, expires_s);
    if (!HMAC(EVP_sha256(), api->location_key, sizeof api->location_key, (const unsigned char *)text, (size_t)size,
              bytes, &length))
        return false;
    for (unsigned i = 0; i < length; i++)
        snprintf(signature + 2 * (size_t)i, 3, "%02x", bytes[i]);
    return length * 2 == SIGNATURE;
}

bool lambda__location_of(const lambda__request *request, const char *code_sha256, uint64_t now_s,
                         char text[LAMBDA__LOCATION_SIZE])
{
    char name[SHA256_TEXT + 1];
    char signature[SIGNATURE + 1];
    int file;
    const lambda_api *api = request->api;
    const char *origin = request->origin;
    if (!origin || strlen(origin) > ORIGIN_MOST || strlen(code_sha256) != SHA256_TEXT || !api->packages) return false;
    if (lambda_packages_archive(api->packages, code_sha256, &file) != LAMBDA_OK) return false;
    close(file);
    memcpy(name, code_sha256, sizeof name);
    swap(name, "+/=", "-_.");
    if (!sign(api, name, now_s + VALID_S, signature)) return false;
    snprintf(text, LAMBDA__LOCATION_SIZE, "%s" LAMBDA__LOCATION_PATH "%s?Expires=%" PRIu64 "&Signature=%s", origin,
             name, now_s + VALID_S, signature);
    return true;
}

static int refuse(int status, const char *reason, const char **why)
{
    *why = reason;
    return status;
}

int lambda__location_open(lambda_api *api, const char *path, const char *query, uint64_t now_s, const char **why,
                          int *file)
{
    char name[SHA256_TEXT + 1] = "";
    char given[SIGNATURE + 1] = "";
    char right[SIGNATURE + 1];
    char *end;
    *file = -1;
    path += strlen(LAMBDA__LOCATION_PATH);
    const char *signature = strstr(query, "&Signature=");
    if (strlen(path) != SHA256_TEXT || strncmp(query, "Expires=", 8) != 0 || !signature ||
        strlen(signature) != 11 + SIGNATURE)
        return refuse(403, "The address is not one that this server gave.", why);
    memcpy(name, path, sizeof name);
    memcpy(given, signature + 11, sizeof given);
    uint64_t expires_s = strtoull(query + 8, &end, 10);
    if (!sign(api, name, expires_s, right)) return refuse(500, "memory is out", why);
    if (end != signature || CRYPTO_memcmp(given, right, SIGNATURE) != 0)
        return refuse(403, "The address is not one that this server gave.", why);
    if (now_s > expires_s) return refuse(403, "Request has expired", why);
    swap(name, "-_.", "+/=");
    if (api->packages && lambda_packages_archive(api->packages, name, file) == LAMBDA_OK) return 200;
    return refuse(404, "The package is not there any more.", why);
}
