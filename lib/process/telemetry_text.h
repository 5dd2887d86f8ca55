/* One event of the Telemetry API as JSON: {"time":...,"type":...,"record":...}. Made once, shared by all who are told of it. */
#ifndef LAMBDA_PROCESS_TELEMETRY_TEXT_H
#define LAMBDA_PROCESS_TELEMETRY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

typedef struct lambda__telemetry_text {
    unsigned references;
    unsigned type; /* one of lambda__telemetry_type */
    size_t length;
    char data[]; /* no line end in it, and no zero after it */
} lambda__telemetry_text;

/** Of the platform: `name` is its type, as "platform.start". Time is now. NULL when memory is out. One reference, the caller's. */
lambda__telemetry_text *lambda__telemetry_text_event(const char *name, const json_t *record);

/** A line of `type`, the function's or an extension's. `json`: as an object, where it is one. What is not UTF-8 becomes U+FFFD. NULL when memory is out. */
lambda__telemetry_text *lambda__telemetry_text_line(unsigned type, const char *line, size_t length, bool json);

/** Gives a reference back. */
void lambda__telemetry_text_release(lambda__telemetry_text *text);

/** Writes `text` as what stands between the quotes of a JSON string, as much of it as `room` bytes hold, whole characters; NULL for `to`: nothing. How many bytes. */
size_t lambda__telemetry_escape(char *to, size_t room, const char *text, size_t length);

#endif
