/* What commands print, and how they end. */
#ifndef LAMBDA_TOOL_OUTPUT_H
#define LAMBDA_TOOL_OUTPUT_H

#include <jansson.h>
#include <lambda/status.h>
#include <stdbool.h>

/** Exit codes. */
enum {
    TOOL_OK = 0,
    TOOL_FUNCTION_FAILED = 1,
    TOOL_USAGE = 2,
    TOOL_REFUSED = 3,      /* the operation was refused */
    TOOL_UNREACHABLE = 4,  /* no server, or a data directory that is in use */
    TOOL_INTERRUPTED = 130 /* by SIGINT, as shells have it */
};

/* Each says on stderr what is wrong, and gives its exit code: here, so that whoever reads a caller sees that it is not TOOL_OK. */

void tool_say(const char *format, ...) LAMBDA_PRINTF(1, 2);
/** An error by its type, with what to do next where that is known. `message` may be NULL. */
void tool_say_error(const char *type, const char *message);

static inline int tool_code(int code)
{
    return code;
}

#define tool_usage(...)       (tool_say(__VA_ARGS__), tool_code(TOOL_USAGE))
#define tool_unreachable(...) (tool_say(__VA_ARGS__), tool_code(TOOL_UNREACHABLE))

/** An operation was refused. */
static inline int tool_refused(const char *type, const char *message)
{
    tool_say_error(type, message);
    return TOOL_REFUSED;
}

static inline int tool_no_memory(void)
{
    return tool_refused("OutOfMemoryError", "memory is out");
}

/** Of a call of the library that failed: its name and lambda_error_message(lambda). */
int tool_failed(lambda_t *lambda, lambda_status status);

/** Prints JSON on stdout with a line end, indented. Takes the reference; NULL: memory is out. */
int tool_print_json(json_t *json);

/** Prints a table on stdout: `rows` is an array of arrays of strings, one for each heading. Takes the reference; NULL: memory is out. */
int tool_print_table(const char *const *headings, json_t *rows);

/** Prints an object's members on lines of their own, "Name  value"; lists and objects as JSON. Borrowed. */
int tool_print_members(const json_t *object);

/** "\033[1m" and "\033[0m" where stdout is a terminal and NO_COLOR is not set, else "". */
const char *tool_bold(void);
const char *tool_plain(void);

#endif
