/* The table of operations. */
#include "operation.h"
#include "table.h"

#define DECLARE_BUILT(name_, snake, method_, path_, status_)                                                           \
    extern const lambda__member lambda__members_##snake[];                                                             \
    lambda__handler lambda__op_##snake;
#define DECLARE_SERVED(name_, snake, method_, path_, status_, kind_)                                                   \
    extern const lambda__member lambda__members_##snake[];
#define DECLARE_LATER(name_, snake, method_, path_, status_)
LAMBDA__OPERATIONS(DECLARE_BUILT, DECLARE_SERVED, DECLARE_LATER)

#define SHOWN(name_, method_, path_, status_, state_)                                                                  \
    {                                                                                                                  \
        .name = #name_, .method = method_, .path = path_, .status = status_, .state = LAMBDA_API_##state_              \
    }
#define ROW_BUILT(name_, snake, method_, path_, status_)                                                               \
    {.shown = SHOWN(name_, method_, path_, status_, BUILT),                                                            \
     .handler = lambda__op_##snake,                                                                                    \
     .members = lambda__members_##snake},
#define ROW_SERVED(name_, snake, method_, path_, status_, kind_)                                                       \
    {.shown = SHOWN(name_, method_, path_, status_, BUILT), .kind = kind_, .members = lambda__members_##snake},
#define ROW_LATER(name_, snake, method_, path_, status_) {.shown = SHOWN(name_, method_, path_, status_, NOT_BUILT)},

static const lambda__operation OPERATIONS[] = {LAMBDA__OPERATIONS(ROW_BUILT, ROW_SERVED, ROW_LATER)};

const lambda_api_operation *lambda_api_operation_at(size_t index)
{
    return index < sizeof OPERATIONS / sizeof OPERATIONS[0] ? &OPERATIONS[index].shown : NULL;
}
