/* Keys and regions of AWS's files, and signatures with keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html */
#ifndef LAMBDA_TOOL_KEYS_H
#define LAMBDA_TOOL_KEYS_H

#include <lambda/base.h>
#include <stdbool.h>
#include <time.h>

typedef struct tool_keys {
    char id[129];
    char secret[129];
    char token[4096]; /* "": none */
} tool_keys;

/**
 * From the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), unless a profile is asked for; else of AWS_SHARED_CREDENTIALS_FILE, or where that is not set of
 * DIRECTORY/credentials or ~/.aws/credentials; else of AWS_CONFIG_FILE or ~/.aws/config. False: there are none, and `why` says where was looked.
 */
bool tool_keys_find(const char *profile, const char *directory, tool_keys *keys, char why[1024]);

/** The region of a profile (NULL: AWS_PROFILE, else "default") in AWS_CONFIG_FILE or ~/.aws/config. False: it has none. */
bool tool_profile_region(const char *profile, char region[64]);

/** What is signed. */
typedef struct tool_signed {
    const char *method;
    const char *host;
    const char *path; /* with its query, whose names are in order of bytes */
    const char *region;
    lambda_bytes body;
    time_t now;
} tool_signed;

/** Headers of a signed request. */
typedef struct tool_signature {
    char authorization[512];
    char date[48];
    char content[96];
} tool_signature;

/** False: memory is out. */
bool tool_sign(const tool_keys *keys, const tool_signed *request, tool_signature *signature);

#endif
