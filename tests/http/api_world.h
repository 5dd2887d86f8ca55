/* A service behind lambda_api_call. JSON is written with ' in place of ", as C's strings have those. */
#ifndef LAMBDA_TESTS_API_WORLD_H
#define LAMBDA_TESTS_API_WORLD_H

#include <jansson.h>

#include <lambda/api.h>

#include "fixture.h"

typedef struct api_world {
    fixture f; /* its store of packages, of at most 65,536 bytes each */
    lambda_t *lambda;
    lambda_api *api;
} api_world;

/** Functions "f" with version 1 and the alias "live" of 1, and "g". */
void api_world_open(api_world *world);

void api_world_close(api_world *world);

/** Calls an operation, which must succeed with that status: the output, the caller's; NULL where there is none. */
json_t *api_output(const api_world *world, const char *operation, int status, const char *input);

/** The same, and the output is that; "" for none. */
void api_expect(const api_world *world, const char *operation, const char *input, int status, const char *output);

/** It is refused, with a message that holds `text`. */
void api_refused(const api_world *world, const char *operation, const char *input, int status, const char *type,
                 const char *text);

/** A member of an object as text; the test fails where it is none. */
const char *api_text(const json_t *object, const char *name);

/** What a member says as JSON within JSON: the caller's. */
json_t *api_inner(const json_t *object, const char *name);

/** True if both are equal: the second is text, with ' for ". */
bool api_equal(const json_t *value, const char *text);

#endif
