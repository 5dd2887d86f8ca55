/* What can be told of a shared object's file before the system's loader touches it. */
#ifndef LAMBDA_LIB_OBJECT_FORMAT_H
#define LAMBDA_LIB_OBJECT_FORMAT_H

#include <stddef.h>

/**
 * Why this file cannot be loaded into this process, or NULL. The loader trusts a file's own figures: one that was cut
 * short would end the process at the first touch of what is missing. Formats other than ELF are left to the loader.
 */
const char *lambda__object_refuse(const void *data, size_t length);

#endif
