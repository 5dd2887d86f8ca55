/*
 * Deployment packages: code as a zip or a directory, kept in a store on disk by what it contains. Library: liblambda-package (libarchive, libcrypto).
 */
#ifndef LAMBDA_PACKAGE_H
#define LAMBDA_PACKAGE_H

#include <lambda/code.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Calls here that fail set the message of `lambda_error_message(NULL)` on the calling thread. All may be made on any thread, unless a comment says otherwise.
 * Errors that they share: LAMBDA_ERROR_INVALID_PARAMETER_VALUE, LAMBDA_ERROR_OUT_OF_MEMORY, LAMBDA_ERROR_SERVICE (the disk: the message says what and where).
 * After an error the store is as it was, on disk too.
 */

/** A store of packages and layers in a directory. Opaque. */
typedef struct lambda_packages lambda_packages;

/** Where and how. Zero means the default. Copied. */
typedef struct lambda_packages_options {
    const char *
        directory; /**< required, at most 1,024 bytes; made if it is not there, with its parents, and else empty or a store. One process at a time */
    /**
     * Bytes of a zip. Default 52,428,800, Lambda's 50 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
     */
    uint64_t zipped_size;
    uint64_t
        unpacked_size; /**< bytes of all files of a function's package and its layers together. Default 262,144,000, Lambda's 250 MB */
    uint32_t entries;       /**< files, directories and links of a package. Default 65,536 */
    const char *region;     /**< of layers' ARNs. Default "us-east-1" */
    const char *account_id; /**< likewise. Default "000000000000" */
    bool archives; /**< zips are kept beside what they hold, for `lambda_packages_archive`. Default: they are not */
} lambda_packages_options;

/** Exported form of `lambda_packages_open`. */
LAMBDA_API lambda_status lambda_packages_open_sized(const lambda_packages_options *options, size_t size,
                                                    lambda_packages **packages);

/**
 * Opens a store, and removes what a killed process left unfinished in it, and packages that neither a layer nor lambda_package_keep holds. LAMBDA_ERROR_RESOURCE_CONFLICT where another process
 * has it open, or this one. `*packages` is NULL on failure, else the caller's to end with `lambda_packages_close`, after the services that use it.
 */
static inline lambda_status lambda_packages_open(const lambda_packages_options *options, lambda_packages **packages)
{
    return lambda_packages_open_sized(options, sizeof(lambda_packages_options), packages);
}

/** Ends a store. Every package has been released. NULL is allowed. */
LAMBDA_API void lambda_packages_close(lambda_packages *packages);

/**
 * A package that is unpacked, once: who adds the same again gets the same. Its files are 0644 or 0755, its directories 0755; nobody writes to them, as all share them. Counted; opaque.
 */
typedef struct lambda_package lambda_package;

/**
 * Code of a package: a zip file or a directory at `path`. `runtime` is that of the function: "provided.al2023", "nodejs20.x", ... (process.h).
 * It is unpacked or copied when the function is created or its code updated; what is done to it later changes nothing that runs.
 */
static inline lambda_code lambda_code_package(const char *runtime, const char *path)
{
    lambda_code code = LAMBDA_ZERO;
    code.runtime = runtime;
    code.path = path;
    return code;
}

/** The same of a zip's bytes, which are consumed before a call that takes it returns. */
static inline lambda_code lambda_code_package_bytes(const char *runtime, const void *data, size_t length)
{
    lambda_code code = LAMBDA_ZERO;
    code.runtime = runtime;
    code.data = data;
    code.data_length = length;
    return code;
}

/**
 * Unpacks a zip, of a file or of bytes, or copies a directory or one file (which is no zip, and stands in the package under its own name). What is in the store already is not
 * unpacked again. `*package` is NULL on failure, else a reference, the caller's to end with lambda_package_release.
 *
 * LAMBDA_ERROR_INVALID_CODE, and nothing is left behind: a zip that is torn, encrypted, or no zip; names that are absolute, empty, not UTF-8, lead out of the
 * package ("..") or occur twice; links that lead out; devices, pipes and sockets; entries whose sizes lie. LAMBDA_ERROR_REQUEST_TOO_LARGE past `zipped_size`,
 * LAMBDA_ERROR_INVALID_PARAMETER_VALUE past `unpacked_size` or `entries`, with Lambda's words. LAMBDA_ERROR_RESOURCE_CONFLICT for a path that is changed while it is read. Only permission bits for executing are taken from it; files are owned by who runs this process.
 */
LAMBDA_API lambda_status lambda_package_add(lambda_packages *packages, const lambda_code *code,
                                            lambda_package **package);

/** The package of that `lambda_package_reference`, if it is in the store: else LAMBDA_ERROR_RESOURCE_NOT_FOUND. As lambda_package_add. */
LAMBDA_API lambda_status lambda_package_find(lambda_packages *packages, const char *reference,
                                             lambda_package **package);

/** Gives a reference back. With the last one the package is removed from the disk, unless a layer or lambda_package_keep holds it. NULL is allowed. */
LAMBDA_API void lambda_package_release(lambda_package *package);

/**
 * Says whether the package outlives its references, and this process: for who can name it again. It stands on disk when this returns.
 */
LAMBDA_API lambda_status lambda_package_keep(lambda_package *package, bool kept);

/** Its directory, absolute. Borrowed, as what the three below give, until it is released. */
LAMBDA_API const char *lambda_package_path(const lambda_package *package);

/**
 * CodeSha256 as Lambda works it out: base64 of the SHA-256 of the zip. Of a directory or a single file, which Lambda has not, of a listing of its names, kinds,
 * execute bits and contents, in the form that docs/packages.md tells: the same files, the same digest.
 */
LAMBDA_API const char *lambda_package_sha256(const lambda_package *package);

/** The text that lambda_package_find takes. */
LAMBDA_API const char *lambda_package_reference(const lambda_package *package);

/** Lambda's CodeSize: bytes of the zip; of a directory those of its files. */
LAMBDA_API uint64_t lambda_package_size(const lambda_package *package);

/** Bytes of its files. */
LAMBDA_API uint64_t lambda_package_unpacked_size(const lambda_package *package);

/**
 * Opens the zip of that CodeSha256 for reading: the caller's to close, and to be read whatever becomes of the package. `*file` is -1 on failure. LAMBDA_ERROR_RESOURCE_NOT_FOUND where there is
 * none: the package is not in the store, came as a directory or a file, or was added while `archives` was not set.
 */
LAMBDA_API lambda_status lambda_packages_archive(lambda_packages *packages, const char *code_sha256, int *file);

/** Removes packages that lambda_package_keep holds and nobody has a reference to: call it when everybody who can name one again has. How many, in `*removed` (NULL is allowed). */
LAMBDA_API lambda_status lambda_packages_collect(lambda_packages *packages, size_t *removed);

#ifdef __cplusplus
}
#endif

#endif
