/* What the operations of layers and of their policies share. */
#ifndef LAMBDA_HTTP_LAYER_H
#define LAMBDA_HTTP_LAYER_H

#include "resource.h"

/** The store of packages. NULL is answered: the service has none. */
lambda_packages *lambda__layer_packages(const lambda__request *request, lambda__reply *reply);

/** The member LayerName, and VersionNumber in `*number`. NULL is answered: that is no number of a version. */
const char *lambda__layer_number(const lambda__request *request, uint64_t *number, lambda__reply *reply);

#endif
