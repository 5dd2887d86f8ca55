/* Destinations: where what came of asynchronous invocations goes, by name. */
#ifndef LAMBDA_LIB_DESTINATION_H
#define LAMBDA_LIB_DESTINATION_H

#include <lambda/port/destination.h>

#include "service.h"

/** Characters of a destination's name. */
#define LAMBDA__DESTINATION_NAME_MAX 256

typedef struct lambda__destinations lambda__destinations;

/** Makes the empty table. */
lambda_status lambda__destinations_open(lambda_t *lambda, lambda__destinations **opened);

/** Closes each destination once, the last that was registered first, and frees the table. No delivery runs. */
void lambda__destinations_close(lambda_t *lambda, lambda__destinations *destinations);

/** The destination of that name, or NULL; valid until the service closes. Takes no lock, sets no message. Any thread. */
const lambda_destination *lambda__destination_find(lambda_t *lambda, const char *name);

/**
 * Checks the name and registers: what lambda_destination_register does. Once nothing but `begin` can fail any more it is called with
 * `destination->user`, so that what a failed call was given is as it was; NULL: there is nothing to begin. It must not register.
 */
lambda_status lambda__destination_add(lambda_t *lambda, const char *name, const lambda_destination *destination,
                                      lambda_status (*begin)(void *user));

#endif
