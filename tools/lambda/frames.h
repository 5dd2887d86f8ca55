/* Answers that stream, as AWS frames them: application/vnd.amazon.eventstream. */
#ifndef LAMBDA_TOOL_FRAMES_H
#define LAMBDA_TOOL_FRAMES_H

#include <lambda/base.h>
#include <stdbool.h>

/** Bytes of frames that are not whole yet. Zero to begin with; `data` is freed by the caller. */
typedef struct tool_frames {
    unsigned char *data;
    size_t length;
    size_t capacity;
} tool_frames;

/** Is given the type of each frame's event and its payload. False ends it. */
typedef bool tool_frame_visitor(void *user, const char *event, const void *payload, size_t length);

/** Takes bytes, and shows each frame that is whole. False: the visitor ended it, they are no frames, or memory is out. */
bool tool_frames_feed(tool_frames *frames, const void *data, size_t length, tool_frame_visitor *visit, void *user);

#endif
