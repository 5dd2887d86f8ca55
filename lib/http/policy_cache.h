/*
 * Policies of functions, parsed: each Invoke asks for one. A parsed document is kept with the text that it was made of, and is good for as long as the function has that very text: nobody has to say that a policy has changed.
 */
#ifndef LAMBDA_HTTP_POLICY_CACHE_H
#define LAMBDA_HTTP_POLICY_CACHE_H

#include "api.h"

typedef struct lambda__policies lambda__policies;
typedef struct lambda__held_policy lambda__held_policy;

/** NULL when memory is out. Belongs to the API: `api->policies`. */
lambda__policies *lambda__policies_open(void);
/** NULL is allowed. Nothing may be held. */
void lambda__policies_close(lambda__policies *policies);

/**
 * Holds the policy of a function, or of its version or alias that the name carries. NULL with LAMBDA_OK: it has none, or is not there. NULL with another status: it cannot be known, so nothing is allowed. Any thread.
 */
lambda__held_policy *lambda__policy_hold(lambda_api *api, const char *name, lambda_status *status);
/** Not to be changed; there until it is let go. `held` NULL: NULL. */
const json_t *lambda__policy_document(const lambda__held_policy *held);
/** NULL is allowed. */
void lambda__policy_let_go(lambda__held_policy *held);

#endif
