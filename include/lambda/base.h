/* What every other public header stands on: visibility, bytes, and the service handle's name. */
#ifndef LAMBDA_BASE_H
#define LAMBDA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Version of these headers, `major * 10000 + minor * 100 + patch`. Compare with `lambda_version_number()`. */
#define LAMBDA_VERSION_NUMBER 100

/** Version of these headers as text. */
#define LAMBDA_VERSION_TEXT "0.1.0"

/** Marks what the library exports; everything else is hidden. */
#if defined(__GNUC__)
#define LAMBDA_API __attribute__((visibility("default")))
#else
#define LAMBDA_API
#endif

/** Lets the compiler check printf-style arguments where it can. */
#if defined(__GNUC__)
#define LAMBDA_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define LAMBDA_PRINTF(format_index, first_argument)
#endif

/** The initialiser that zeroes a struct, in C and in C++. */
#ifdef __cplusplus
#define LAMBDA_ZERO                                                                                                    \
    {                                                                                                                  \
    }
#else
#define LAMBDA_ZERO                                                                                                    \
    {                                                                                                                  \
        0                                                                                                              \
    }
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A service: a registry of functions, their environments, and all that runs them. Opaque. See service.h. */
typedef struct lambda lambda_t;

/**
 * Bytes that somebody else owns. `data` may be NULL where `length` is 0. Never assumed to end in NUL.
 * The call that takes or gives it says how long it must stay or stays valid.
 */
typedef struct lambda_bytes {
    const void *data; /**< first byte */
    size_t length;    /**< number of bytes */
} lambda_bytes;

/** Bytes from a pointer and a length. Owns nothing. */
static inline lambda_bytes lambda_bytes_make(const void *data, size_t length)
{
    lambda_bytes bytes;
    bytes.data = data;
    bytes.length = length;
    return bytes;
}

/** A payload from a string literal: `LAMBDA_JSON("{\"x\":2}")`. The literal's final NUL is not part of it. */
#define LAMBDA_JSON(literal) lambda_bytes_make("" literal, sizeof(literal) - 1)

/** An invocation's id in 128 bits; `lambda_request_id_format` gives the text. */
typedef struct lambda_request_id {
    uint64_t high; /**< first eight bytes, as a big-endian number */
    uint64_t low;  /**< last eight bytes */
} lambda_request_id;

/** Bytes of a formatted request id, its NUL included. */
#define LAMBDA_REQUEST_ID_SIZE 37

/** Writes an id as a UUID, lower case, 36 characters and a NUL. Any thread. */
LAMBDA_API void lambda_request_id_format(lambda_request_id id, char text[LAMBDA_REQUEST_ID_SIZE]);

/** Version of the library that is linked, in the form of LAMBDA_VERSION_NUMBER. Any thread. */
LAMBDA_API int lambda_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
