/* A data directory with the service that lives in it. */
#ifndef LAMBDA_TOOL_HOME_H
#define LAMBDA_TOOL_HOME_H

#include <lambda/api.h>
#include <lambda/process.h>
#include <lambda/sqlite.h>

#include "options.h"

/** DIR/lambda.db, DIR/packages, DIR/logs and what is open of them. Zero to begin with. */
typedef struct tool_home {
    char directory[768];
    lambda_sqlite *file;
    lambda_packages *packages;
    lambda_t *lambda;
    lambda_process *process; /* the service's */
    lambda_api *api;
} tool_home;

/** The data directory of the arguments: --data, else LAMBDA_DATA, else ./.lambda. False: it is too long, which was said. */
bool tool_home_directory(const tool_arguments *arguments, char directory[768]);
/** "DIRECTORY/NAME". */
void tool_home_path(const char *directory, const char *name, char path[1024]);
/** The region of the arguments and the environment. */
const char *tool_region(const tool_arguments *arguments);

/**
 * Opens it; it is made where there is none. An exit code, and what is wrong was said; the caller ends it with tool_home_close either way.
 */
int tool_home_open(const tool_arguments *arguments, tool_home *home);
void tool_home_close(tool_home *home);

#endif
