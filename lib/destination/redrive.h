/* What the library's own destinations do alike when what they keep is had back. */
#ifndef LAMBDA_LIB_REDRIVE_H
#define LAMBDA_LIB_REDRIVE_H

#include "destination/line.h"
#include "service.h"

/** A redrive under way. The first four are filled in by who begins it, the rest is zero. */
typedef struct lambda__redrive {
    lambda_t *lambda;
    const char *name; /* of the destination */
    lambda_redrive_taker *take;
    void *taker;
    lambda_status status; /* why it ended, LAMBDA_OK while it goes on */
    uint64_t taken;
    uint64_t damaged;
    lambda__line line;
} lambda__redrive;

typedef enum lambda__redriven {
    LAMBDA__REDRIVEN_TAKEN, /* is to be forgotten */
    LAMBDA__REDRIVEN_KEPT,  /* stays: the record of a success, or no delivery at all. Those behind it are next */
    LAMBDA__REDRIVEN_ENDED  /* stays, and nothing more is offered: `status` says why */
} lambda__redriven;

/** Offers a line to the taker. */
lambda__redriven lambda__redrive_offer(lambda__redrive *redrive, lambda_bytes text);

/** Ends a redrive: what was damaged is logged. Returns the status. */
lambda_status lambda__redrive_end(lambda__redrive *redrive);

#endif
