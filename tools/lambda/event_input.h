/* The event of a command: an argument, "@FILE", or "-" for stdin. */
#ifndef LAMBDA_TOOL_EVENT_INPUT_H
#define LAMBDA_TOOL_EVENT_INPUT_H

#include <stddef.h>

/** malloc'd; NULL `text`: "{}". An exit code: what is no JSON is refused here, before anything is asked. */
int tool_event_read(const char *text, char **event, size_t *length);

#endif
