/* Where text is written to. */
#ifndef LAMBDA_WRITER_H
#define LAMBDA_WRITER_H

#include <lambda/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Takes a piece of text, `length` bytes and no NUL. Anything but LAMBDA_OK ends the writing, and is what the call answers. */
typedef lambda_status lambda_writer(void *user, const char *text, size_t length);

/** A lambda_writer that writes to the `FILE *` that it is given as `user`. LAMBDA_ERROR_SERVICE where that fails. */
LAMBDA_API lambda_status lambda_write_to_file(void *file, const char *text, size_t length);

#ifdef __cplusplus
}
#endif

#endif
