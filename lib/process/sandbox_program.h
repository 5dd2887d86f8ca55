/* Programs of a sandbox: what its host hears of them. */
#ifndef LAMBDA_PROCESS_SANDBOX_PROGRAM_H
#define LAMBDA_PROCESS_SANDBOX_PROGRAM_H

#include "sandboxes.h"

/** What the loop calls when process 1 says something, or is no more. */
void lambda__sandbox_hear(lambda__watch *watch, uint32_t events);

/** Frees the first of a sandbox's programs. */
void lambda__program_free(lambda__sandbox *sandbox);

#endif
