#include "base/lines.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"

/** Bytes that are read at once. */
#define PIECE 65536

/** Shows the whole lines of what was read, and takes them away. False: one was not taken. */
static bool show(lambda__buffer *text, uint64_t *offset, lambda__lines_taker *take, void *user)
{
    size_t done = 0;
    bool taken = true;
    const char *end;
    while (done < text->length && (end = memchr(text->data + done, '\n', text->length - done))) {
        size_t length = (size_t)(end - text->data) - done;
        taken = take(user, text->data + done, length);
        if (!taken) break;
        done += length + 1;
    }
    *offset += done;
    text->length -= done;
    if (done > 0 && text->length > 0) memmove(text->data, text->data + done, text->length);
    return taken;
}

int lambda__lines_show(lambda__base *base, int descriptor, uint64_t *offset, lambda__lines_taker *take, void *user,
                       bool *ended)
{
    const lambda__line_file file = {.descriptor = descriptor};
    lambda__buffer text = {0};
    int error = 0;
    for (*ended = false; !error && !*ended;) {
        size_t length = 0;
        if (!lambda__buffer_reserve(base, &text, PIECE)) {
            error = ENOMEM;
            break;
        }
        error = lambda__platform_lines_read(&file, *offset + text.length, text.data + text.length, PIECE, &length);
        if (length == 0) break;
        text.length += length;
        *ended = !show(&text, offset, take, user);
    }
    lambda__buffer_clear(base, &text);
    return error;
}
