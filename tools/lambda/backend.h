/* Who does what a command asks for: the service of a data directory, here, or a server. */
#ifndef LAMBDA_TOOL_BACKEND_H
#define LAMBDA_TOOL_BACKEND_H

#include <jansson.h>

#include "home.h"
#include "output.h"

/** An invocation that is asked for. Borrowed. */
typedef struct tool_wish {
    const char *name;
    const char *qualifier; /* NULL: none */
    lambda_bytes event;
    bool later;  /* Event */
    bool stream; /* parts are written to stdout as they come */
    bool tail;   /* the end of its log is wanted */
} tool_wish;

/** What came of it. Zero to begin with; used again and again by one thread; ended by tool_outcome_clear. */
typedef struct tool_outcome {
    char *payload; /* NUL-terminated; NULL: none */
    size_t length;
    char function_error[24]; /* "": it did not fail */
    char version[24];
    char request_id[40];
    char *log;            /* NULL: none */
    uint64_t duration_ns; /* of the whole call */
    void *connection;     /* the backend's own */
} tool_outcome;

typedef struct tool_backend tool_backend;
struct tool_backend {
    /** An operation; takes the input, NULL included. `*output` is the caller's. An exit code: what is wrong was said. */
    int (*call)(tool_backend *backend, const char *operation, json_t *input, json_t **output);
    /** Any thread. TOOL_OK also where the function failed. */
    int (*invoke)(tool_backend *backend, const tool_wish *wish, tool_outcome *outcome);
    void (*forget)(tool_outcome *outcome); /* its connection */
    void (*close)(tool_backend *backend);
    tool_home *home; /* NULL: it is a server */
    /** The type of an error that is as good as an answer: `call` then gives TOOL_OK and NULL. NULL: none. */
    const char *tolerated;
};

/** By the arguments: --endpoint or the environment's, unless --data is given. `*backend` is NULL on failure, which was said. */
int tool_backend_open(const tool_arguments *arguments, tool_backend **backend);
int tool_backend_open_local(const tool_arguments *arguments, tool_backend **backend);
int tool_backend_open_remote(const tool_arguments *arguments, const char *endpoint, tool_backend **backend);
/** That not both are given. An exit code. */
int tool_arguments_check(const tool_arguments *arguments);
/** The endpoint, or NULL. */
const char *tool_endpoint(const tool_arguments *arguments);

/** Opens, calls one operation and closes. Takes the input. */
int tool_backend_ask(const tool_arguments *arguments, const char *operation, json_t *input, json_t **output);
/** The same, and prints the answer: JSON with --json, else its members. */
int tool_backend_show(const tool_arguments *arguments, const char *operation, json_t *input);
/** All pages of a listing: the arrays `list` one behind another, a new reference. Takes the input. */
int tool_backend_list(tool_backend *backend, const char *operation, json_t *input, const char *list, json_t **all);
/** The same, opened before and closed after. */
int tool_backend_ask_list(const tool_arguments *arguments, const char *operation, json_t *input, const char *list,
                          json_t **all);

void tool_outcome_clear(tool_backend *backend, tool_outcome *outcome);
/** Bytes of base64, malloc'd, a NUL behind them; and the other way round. NULL: none is, or memory is out. */
char *tool_unbase64(const char *text, size_t *length);
char *tool_base64(const void *data, size_t length);
uint64_t tool_now_ns(void);

#endif
