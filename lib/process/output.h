/* What a program writes to its standard output and error, cut into lines. */
#ifndef LAMBDA_PROCESS_OUTPUT_H
#define LAMBDA_PROCESS_OUTPUT_H

#include <stddef.h>

#include "loop.h"

/** Longest line, bytes: longer ones are cut into several, at a character's beginning where they are UTF-8. Lambda's event size of CloudWatch is 262,144. */
#define LAMBDA__OUTPUT_LINE_MAX 262144

/** One pipe. */
typedef struct lambda__output lambda__output;

/** A line, without its end, borrowed for the call. Of binary output bytes as they are, NULs too. */
typedef void lambda__output_line(void *user, const char *line, size_t length);

/** Reads `fd`, which is non-blocking and stays the caller's, whenever the loop runs. NULL when memory is out. */
lambda__output *lambda__output_open(lambda__loop *loop, int fd, lambda__output_line *line, void *user);

/** Reads what stands in the pipe now, at most `most` bytes (0: all); an unfinished line stays. */
void lambda__output_drain(lambda__output *output, size_t most);

/** Hands on a line that was not finished yet, as one. At an invocation's end, so that it stands where it belongs. */
void lambda__output_flush(lambda__output *output);

/** True if the loop's last look at it left something, or may have: it reads a bounded part of a pipe at a time. */
bool lambda__output_unread(const lambda__output *output);

/** True once the writers have closed it. */
bool lambda__output_ended(const lambda__output *output);

/** Flushes, and ends it. */
void lambda__output_close(lambda__output *output);

#endif
