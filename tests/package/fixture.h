/* What the tests of packages share: directories that go at the end, and zips written byte by byte, so that each byte can be wrong. */
#ifndef LAMBDA_TESTS_PACKAGE_FIXTURE_H
#define LAMBDA_TESTS_PACKAGE_FIXTURE_H

#include <sys/stat.h>

#include <lambda/layer.h>

#include "support.h"

/** A temporary directory and a store in it. */
typedef struct fixture {
    char directory[128];
    char store[160];
    lambda_packages *packages;
} fixture;

/** Makes the directory, and opens a store with these options (NULL: the defaults), its directory set. */
void fixture_open(fixture *f, const lambda_packages_options *options);

/** Opens the store anew. */
void fixture_reopen(fixture *f, const lambda_packages_options *options);

/** Closes the store, and removes the directory with all that is in it. */
void fixture_close(fixture *f);

/** "DIRECTORY/NAME". Valid until the fourth call after it. */
const char *fixture_path(const fixture *f, const char *name);

/** Writes a file there, with its directories, and that mode. */
void fixture_write(const fixture *f, const char *name, const void *data, size_t length, unsigned mode);

/** A file's text; the test fails where it is not there. Valid until the next call. */
const char *fixture_read(const char *directory, const char *name);

/** True if there is something of that name, a dangling link too. */
bool fixture_exists(const char *directory, const char *name);

/** Its permission bits, or with `kind` the bits of its kind. */
unsigned fixture_mode(const char *directory, const char *name);

/** Names in a directory of the store. */
size_t fixture_count(const fixture *f, const char *name);

/** The store has nothing but so many packages: nothing is left in incoming/. */
void fixture_assert_packages(const fixture *f, size_t count);

/** Removes a tree. */
void fixture_remove(const char *path);

/* ---- zips */

/** An entry. What is zero is as it should be. */
typedef struct zip_entry {
    const char *name;
    size_t name_length; /* 0: strlen */
    const void *data;
    size_t length;
    unsigned mode;          /* of Unix, with the kind; 0: 0100644 */
    bool no_unix;           /* made by another system, without a mode */
    unsigned flags;         /* in both headers */
    unsigned method;        /* 8: `data` is deflated already, and `size` says what comes of it */
    uint64_t size;          /* of method 8 */
    uint32_t crc;           /* 0: computed */
    const char *local_name; /* another one in its own header */
    uint32_t local_size;    /* likewise */
    uint32_t local_crc;
    unsigned local_flags;
    uint32_t central_size; /* likewise in the directory */
    const void *extra;     /* in the directory */
    size_t extra_length;
    bool again; /* in the directory it stands where the first entry does */
} zip_entry;

typedef struct zip {
    unsigned char *bytes;
    size_t length, capacity;
    unsigned char *central;
    size_t central_length, central_capacity;
    unsigned count;
    uint32_t first; /* where the first one stands */
} zip;

/** Adds an entry. */
void zip_add(zip *to, const zip_entry *entry);

/** Adds a file with that text and mode 0644. */
void zip_text(zip *to, const char *name, const char *text);

/** Adds the directory and the end, with that comment. */
void zip_end(zip *to, const char *comment);

/** Adds bytes. */
void zip_raw(zip *to, const void *data, size_t length);

void zip_free(zip *to);

/** A zip of one text, whole. */
zip zip_one(const char *name, const char *text);

/** Code of it. */
lambda_code zip_code(const zip *of);

/** The zip is refused with that status and text, as bytes and as a file, and nothing is left behind. Frees it. */
void zip_refused(const fixture *f, zip *of, lambda_status status, const char *text);

/** The sum that zips have. */
uint32_t zip_crc(const void *data, size_t length);

#endif
