/* What the table's rows name: the handlers and members of the operations that are built. */
#ifndef LAMBDA_HTTP_HANDLERS_H
#define LAMBDA_HTTP_HANDLERS_H

#include "operation.h"
#include "own.h"
#include "table.h"

#define LAMBDA__DECLARE_BUILT(name_, snake, method_, path_, status_)                                                   \
    extern const lambda__member lambda__members_##snake[];                                                             \
    lambda__handler lambda__op_##snake;
#define LAMBDA__DECLARE_SERVED(name_, snake, method_, path_, status_, kind_)                                           \
    extern const lambda__member lambda__members_##snake[];
#define LAMBDA__DECLARE_LATER(name_, snake, method_, path_, status_)
LAMBDA__OPERATIONS(LAMBDA__DECLARE_BUILT, LAMBDA__DECLARE_SERVED, LAMBDA__DECLARE_LATER)
LAMBDA__OWN_OPERATIONS(LAMBDA__DECLARE_BUILT)

#endif
