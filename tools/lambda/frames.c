/* Frames: length of all, length of the headers, CRC of both; headers; payload; CRC of all before. Numbers are big-endian. TCP and TLS have sums of their own: the CRCs are not looked at. */
#include "frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What surrounds headers and payload, and the most that a frame may have. */
#define AROUND     16
#define FRAME_MOST (32u << 20)

static size_t number(const unsigned char *from)
{
    return (size_t)from[0] << 24 | (size_t)from[1] << 16 | (size_t)from[2] << 8 | from[3];
}

/** The text of ":event-type"; "" where there is none. False: these are no headers. */
static bool event_type(const unsigned char *from, size_t length, char event[64])
{
    const unsigned char *end = from + length;
    *event = '\0';
    while (from < end) {
        size_t name = *from++;
        if ((size_t)(end - from) < name + 3 || from[name] != 7)
            return false; /* 7: a string; there are no others here */
        size_t value = (size_t)from[name + 1] << 8 | from[name + 2];
        if ((size_t)(end - from) - name - 3 < value) return false;
        if (name == 11 && memcmp(from, ":event-type", 11) == 0)
            snprintf(event, 64, "%.*s", (int)value, (const char *)from + name + 3);
        from += name + 3 + value;
    }
    return true;
}

static bool grow(tool_frames *frames, size_t more)
{
    if (frames->capacity - frames->length >= more) return true;
    size_t capacity = 2 * frames->capacity + more;
    unsigned char *data = realloc(frames->data, capacity);
    if (!data) return false;
    frames->data = data;
    frames->capacity = capacity;
    return true;
}

bool tool_frames_feed(tool_frames *frames, const void *data, size_t length, tool_frame_visitor *visit, void *user)
{
    char event[64];
    size_t at = 0;
    if (!grow(frames, length)) return false;
    memcpy(frames->data + frames->length, data, length);
    frames->length += length;
    while (frames->length - at >= AROUND) {
        const unsigned char *frame = frames->data + at;
        size_t all = number(frame);
        size_t headers = number(frame + 4);
        if (all < AROUND || all > FRAME_MOST || headers > all - AROUND) return false;
        if (frames->length - at < all) break;
        if (!event_type(frame + 12, headers, event)) return false;
        if (!visit(user, event, frame + 12 + headers, all - AROUND - headers)) return false;
        at += all;
    }
    frames->length -= at;
    memmove(frames->data, frames->data + at, frames->length);
    return true;
}
