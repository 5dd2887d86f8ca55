/* The files of new projects. */
#ifndef LAMBDA_TOOL_INIT_FILES_H
#define LAMBDA_TOOL_INIT_FILES_H

#include <stdbool.h>

/** One file. Tables of them end with a NULL name. */
typedef struct tool_init_file {
    const char *name;
    bool program; /* it may be executed */
    const char *text;
} tool_init_file;

/** A kind of project. */
typedef struct tool_init_kind {
    const char *name;
    const char *test; /* the command that runs its test */
    const char *make; /* the command that makes its package; NULL: the directory is it */
    const char *package;
    const char *runtime;
    const char *handler;
    const tool_init_file *files;
} tool_init_kind;

/** All of them, ended by a NULL name. */
extern const tool_init_kind TOOL_INIT_KINDS[];

#endif
