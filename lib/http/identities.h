/* The files behind lambda__identities: what stands in them, and what policies an identity has. */
#ifndef LAMBDA_HTTP_IDENTITIES_H
#define LAMBDA_HTTP_IDENTITIES_H

#include <sys/stat.h>

#include "policy.h"

/** Most bytes of either file. */
#define LAMBDA__IDENTITIES_BYTES ((size_t)4 << 20)

/** Bytes of an access key's id, with zeros after it; so many at most but one. */
#define LAMBDA__KEY_ID_SIZE 136

struct lambda__identity {
    const json_t *policies; /* an array; NULL: it may do nothing */
};

/** A section of a credentials file; texts stand in the file's own text. */
typedef struct lambda__section {
    const char *name;
    size_t line;        /* its number in the file, from 1 */
    const char *id;     /* NULL: it has none */
    const char *secret; /* likewise */
    const char *token;  /* likewise */
} lambda__section;

/** The sections of `text`, which is written into and must outlive them. `*sections` is malloc'd. `what` begins the message of an error: the file's name. */
lambda_status lambda__credentials_parse(char *text, const char *what, lambda__section **sections, size_t *count);

/** A whole file and a NUL, malloc'd, and what the system says of it. INVALID_PARAMETER_VALUE for one that cannot be read, is too large or holds a NUL. */
lambda_status lambda__file_read(const char *path, char **text, size_t *length, struct stat *about);

/** A name that an identity may have: 1 to 64 of `A-Z a-z 0-9 + = , . @ _ -`, as IAM's users. */
bool lambda__identity_name_valid(const char *name);

/**
 * Whether both files are as they should be; false: nobody comes in until they are, and `why` says what is wrong.
 */
bool lambda__identities_sound(lambda__identities *all, char why[512]);

/* ---- conditions of policies */

/** Does the condition block of a statement hold for the wish? `otherwise` is the answer for what is not understood. */
bool lambda__condition_holds(const json_t *block, const lambda__wish *wish, bool otherwise);

/** Is it a condition block? False: `why` says what is wrong. */
bool lambda__condition_check(const json_t *block, char why[256]);

/** Does the text match the pattern, in which "*" is any number of characters and "?" is one? `any_case`: letters count as the same. */
bool lambda__pattern_matches(const char *pattern, const char *text, bool any_case);

#endif
