#include "identity_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void identity_world_open(identity_world *world)
{
    memset(world, 0, sizeof(*world));
    snprintf(world->directory, sizeof(world->directory), "/tmp/lambda-identity-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    snprintf(world->credentials, sizeof(world->credentials), "%s/credentials", world->directory);
    snprintf(world->identities, sizeof(world->identities), "%s/identities", world->directory);
}

void identity_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

lambda_status identity_load(identity_world *world, const char *credentials, const char *identities)
{
    lambda__identities_close(world->all);
    if (credentials) identity_write(world->credentials, credentials);
    if (identities) identity_write(world->identities, identities);
    return lambda__identities_open(credentials ? world->credentials : NULL, identities ? world->identities : NULL,
                                   ACCOUNT, &world->all);
}

void identity_world_close(identity_world *world)
{
    lambda__identities_close(world->all);
    unlink(world->credentials);
    unlink(world->identities);
    assert_int_equal(rmdir(world->directory), 0);
}
