/* Times as people write them. */
#ifndef LAMBDA_TOOL_WHEN_H
#define LAMBDA_TOOL_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/**
 * "30s", "10m", "2h", "1d" or "1w" before now, a day in UTC, or a time of RFC 3339 (https://www.rfc-editor.org/rfc/rfc3339), as nanoseconds since 1970. False: it is none of them, or before 1970.
 */
bool tool_when(const char *text, uint64_t *ns);

#endif
