/* A directory of its own with files of credentials and identities. */
#ifndef LAMBDA_TESTS_HTTP_IDENTITY_WORLD_H
#define LAMBDA_TESTS_HTTP_IDENTITY_WORLD_H

#include "policy.h"

#include "../support/support.h"

#define ACCOUNT "000000000000"

/** The key of AWS's examples. */
#define KEY    "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

typedef struct identity_world {
    char directory[64];
    char credentials[96];
    char identities[96];
    lambda__identities *all;
} identity_world;

/** Makes the directory. */
void identity_world_open(identity_world *world);
/** Writes a file anew in place. */
void identity_write(const char *path, const char *text);
/** Its texts; NULL: there is no such file, and none is read. */
lambda_status identity_load(identity_world *world, const char *credentials, const char *identities);
/** Closes and removes all. */
void identity_world_close(identity_world *world);

#endif
