/* What opening a service does with a virtual clock. */
#ifndef LAMBDA_LIB_VIRTUAL_H
#define LAMBDA_LIB_VIRTUAL_H

#include <lambda/clock_virtual.h>

#include "service.h"

/** Gives the virtual clock of the options its service; false if it has one. True where the clock is none. */
bool lambda__virtual_attach(lambda_t *lambda);
void lambda__virtual_detach(lambda_t *lambda);

#endif
