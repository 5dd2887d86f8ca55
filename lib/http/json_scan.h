/* Is it JSON? https://www.rfc-editor.org/rfc/rfc8259 */
#ifndef LAMBDA_HTTP_JSON_SCAN_H
#define LAMBDA_HTTP_JSON_SCAN_H

#include <lambda/base.h>
#include <stdbool.h>

/** Deepest nesting that is taken: jansson's, with which handlers read their events. */
#define LAMBDA__JSON_DEPTH 2048

/**
 * By its grammar alone, without a tree: whatever the size of its numbers, and of which characters its escapes are halves, as Lambda takes it; a parser may not be able to hold them. False: `why` says what is wrong
 * and where. Allocates nothing.
 */
bool lambda__json_scan(lambda_bytes text, char why[96]);

#endif
