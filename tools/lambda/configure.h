/* What create, update and config take alike. */
#ifndef LAMBDA_TOOL_CONFIGURE_H
#define LAMBDA_TOOL_CONFIGURE_H

#include "backend.h"

/* clang-format off */
#define TOOL_CODE_OPTIONS                                                                                              \
    {"zip", "PATH", "the code: a zip, a directory, or a single file"},                                                 \
    {"publish", NULL, "publish a version too"}

#define TOOL_CONFIGURE_OPTIONS                                                                                         \
    {"runtime", "NAME", "provided.al2023, nodejs22.x, python3.13, ..."},                                               \
    {"handler", "NAME", "what the runtime calls: index.handler"},                                                      \
    {"memory", "MB", "128 to 10240 (default 128)"},                                                                    \
    {"timeout", "SECONDS", "1 to 900 (default 3)"},                                                                    \
    {"environment", "K=V", "a variable; may be given again"},                                                          \
    {"layer", "ARN", "a layer's version; may be given again; none: no layer"},                                         \
    {"tracing", "MODE", "Active or PassThrough (default)"},                                                            \
    {"role", "ARN", "of the function (default arn:aws:iam::000000000000:role/lambda)"},                                \
    {"description", "TEXT", "for people"}
/* clang-format on */

/** Members of the configuration that were given, put into `input`. An exit code: what is wrong was said. */
int tool_configure(const tool_arguments *arguments, json_t *input);
/** Base64 of --zip, put into `code` as ZipFile. */
int tool_configure_code(const char *path, json_t *code);
/** What create, update, get and publish print of a configuration: JSON with --json. Takes it. */
int tool_configuration_print(const tool_arguments *arguments, json_t *configuration);

#endif
