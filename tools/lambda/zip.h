/* Code as a zip. */
#ifndef LAMBDA_TOOL_ZIP_H
#define LAMBDA_TOOL_ZIP_H

#include <stdbool.h>
#include <stddef.h>

/**
 * The bytes of a zip at `path`, or of one made of a directory, or of a single file that is no zip and then stands in it under its own name: malloc'd, in `*data`.
 * Times are left out, names sorted: the same files, the same zip. An exit code: what is wrong was said.
 */
int tool_zip(const char *path, char **data, size_t *length);

/** Reads a file whole, "-" stdin: malloc'd, a NUL behind it. An exit code. */
int tool_read(const char *path, char **data, size_t *length);

#endif
