/* Names that say who made a thing, so that it can be told from the name alone whether its maker is still there. Compiled into the library and into the helper. */
#ifndef LAMBDA_PROCESS_MAKER_H
#define LAMBDA_PROCESS_MAKER_H

#include <stddef.h>
#include <sys/types.h>

/** What all of them begin with. */
#define LAMBDA__MAKER_FAMILY "lambda-sandbox-"

/** "lambda-sandbox-NAMESPACE-PID-START" of this process. */
void lambda__maker_name(char *name, size_t size);

/** When a process started, by the kernel's clock; 0: it is no more. */
unsigned long long lambda__maker_started(pid_t pid);

/** This process's PID namespace: of another's processes nothing is known. */
unsigned long long lambda__maker_namespace(void);

#endif
