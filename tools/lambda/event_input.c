/* The event of a command. */
#include "event_input.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "zip.h"

int tool_event_read(const char *text, char **event, size_t *length)
{
    json_error_t error;
    int code = TOOL_OK;
    *event = NULL;
    if (text && (*text == '@' || strcmp(text, "-") == 0)) {
        code = tool_read(*text == '@' ? text + 1 : text, event, length);
    } else {
        *event = strdup(text ? text : "{}");
        *length = *event ? strlen(*event) : 0;
        if (!*event) code = tool_no_memory();
    }
    if (code != TOOL_OK) return code;
    json_t *json = json_loadb(*event, *length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json) {
        code = tool_usage("the event is no JSON: %s (line %d, column %d)", error.text, error.line, error.column);
        free(*event);
        *event = NULL;
    }
    json_decref(json);
    return code;
}
