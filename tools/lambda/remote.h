/* One signed request to a server. */
#ifndef LAMBDA_TOOL_REMOTE_H
#define LAMBDA_TOOL_REMOTE_H

#include <curl/curl.h>
#include <lambda/api.h>
#include <stdio.h>

#include "frames.h"
#include "keys.h"

/** Where and as whom. */
typedef struct tool_remote {
    const char *endpoint; /* "http://127.0.0.1:9000", without a slash at its end */
    char host[300];
    const char *region;
    tool_keys keys;
} tool_remote;

/** What was answered. Zero to begin with; ended by tool_answer_clear. */
typedef struct tool_answer {
    long status;
    char error_type[64];
    char function_error[24];
    char version[24];
    char request_id[40];
    char *log;  /* base64; NULL: none */
    char *body; /* NUL-terminated; NULL: none */
    size_t length;
    bool no_memory;
    tool_frame_visitor *visit; /* who gets frames of a 200, instead of `body`; NULL: nobody */
    void *user;
    tool_frames frames;
} tool_answer;

/** Sends it. An exit code: TOOL_OK says that there is an answer, whatever it is. `curl` is used again and again. */
int tool_remote_send(const tool_remote *remote, CURL *curl, const lambda_api_request_parts *parts, lambda_bytes body,
                     tool_answer *answer);
void tool_answer_clear(tool_answer *answer);

#endif
