/* Zips as they came, for who wants them back. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "store.h"

#define ARCHIVE "package.zip"
#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

static lambda_status open_package(lambda_packages *packages, const char *hex, lambda__package_place *place)
{
    *place = (lambda__package_place){.path = hex};
    place->fd = openat(packages->unpacked.fd, hex, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return place->fd >= 0 ? LAMBDA_OK : lambda__package_disk_failed("open", &packages->unpacked, hex);
}

lambda_status lambda__package_archive(lambda_package *package, const void *bytes, size_t length)
{
    lambda_packages *packages = package->packages;
    lambda__package_place place;
    char spare[LAMBDA__PACKAGE_SPARE];
    if (!packages->archives) return LAMBDA_OK;
    lambda_status status = open_package(packages, package->sum.hex, &place);
    if (status != LAMBDA_OK) return status;
    if (faccessat(place.fd, ARCHIVE, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
        lambda__package_spare(packages, spare);
        status = lambda__package_put(&packages->incoming, spare, &place, ARCHIVE, bytes, length);
    }
    close(place.fd);
    return status;
}

/** The digest in hexadecimal. False where the text is no SHA-256 in base64. */
static bool hex_of(const char *base64, char hex[LAMBDA__PACKAGE_HEX])
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char bytes[3 * LAMBDA__PACKAGE_BASE64 / 4];
    if (strlen(base64) != LAMBDA__PACKAGE_BASE64 - 1) return false;
    if (EVP_DecodeBlock(bytes, (const unsigned char *)base64, LAMBDA__PACKAGE_BASE64 - 1) != 33) return false;
    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = DIGITS[bytes[i] >> 4];
        hex[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    hex[64] = '\0';
    return true;
}

lambda_status lambda_packages_archive(lambda_packages *packages, const char *code_sha256, int *file)
{
    char hex[LAMBDA__PACKAGE_HEX];
    char path[LAMBDA__PACKAGE_HEX + sizeof(ARCHIVE)];
    if (!file) return lambda_runtime_fail(NULL, INVALID, "file: is NULL");
    *file = -1;
    if (!packages || !code_sha256)
        return lambda_runtime_fail(NULL, INVALID, "%s: is NULL", packages ? "code_sha256" : "packages");
    if (!hex_of(code_sha256, hex))
        return lambda_runtime_fail(NULL, INVALID, "code_sha256: \"%.60s\" is no SHA-256 in base64", code_sha256);
    memcpy(path, hex, LAMBDA__PACKAGE_HEX - 1);
    memcpy(path + LAMBDA__PACKAGE_HEX - 1, "/" ARCHIVE, sizeof("/" ARCHIVE));
    *file = openat(packages->unpacked.fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*file >= 0) return LAMBDA_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return lambda_runtime_fail(NULL, LAMBDA_ERROR_RESOURCE_NOT_FOUND, "code_sha256: there is no zip of %s",
                                   code_sha256);
    return lambda__package_disk_failed("open", &packages->unpacked, path);
}
