/* Memory that runs out, for libraries that use malloc: a program with failing_memory_dependency (tests/meson.build) has its own allocations, and those of what is linked into it, asked for here. */
#ifndef LAMBDA_TESTS_FAILING_MEMORY_H
#define LAMBDA_TESTS_FAILING_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>

/** The Nth allocation from now fails, and is then 0; 0: none. Of all threads but those that are unconcerned. */
extern _Atomic long fail_at;
extern _Thread_local bool unconcerned;

#endif
