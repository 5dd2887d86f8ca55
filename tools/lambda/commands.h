/* The commands: one file each. */
#ifndef LAMBDA_TOOL_COMMANDS_H
#define LAMBDA_TOOL_COMMANDS_H

#include "options.h"

/** All of them, in the order of the help; ended by a NULL name. */
extern const tool_command TOOL_COMMANDS[];

int tool_alias(const tool_arguments *arguments);
int tool_api(const tool_arguments *arguments);
int tool_call(const tool_arguments *arguments);
int tool_completion(const tool_arguments *arguments);
int tool_config(const tool_arguments *arguments);
int tool_create(const tool_arguments *arguments);
int tool_delete(const tool_arguments *arguments);
int tool_doctor(const tool_arguments *arguments);
int tool_event(const tool_arguments *arguments);
int tool_get(const tool_arguments *arguments);
int tool_init(const tool_arguments *arguments);
int tool_invoke(const tool_arguments *arguments);
int tool_layer(const tool_arguments *arguments);
int tool_list(const tool_arguments *arguments);
int tool_logs(const tool_arguments *arguments);
int tool_man(const tool_arguments *arguments);
int tool_metrics(const tool_arguments *arguments);
int tool_publish(const tool_arguments *arguments);
int tool_queue(const tool_arguments *arguments);
int tool_serve(const tool_arguments *arguments);
int tool_trace(const tool_arguments *arguments);
int tool_update(const tool_arguments *arguments);
int tool_url(const tool_arguments *arguments);
int tool_version(const tool_arguments *arguments);

extern const tool_option TOOL_OPTIONS_ALIAS[];
extern const tool_option TOOL_OPTIONS_CONFIG[];
extern const tool_option TOOL_OPTIONS_CREATE[];
extern const tool_option TOOL_OPTIONS_EVENT[];
extern const tool_option TOOL_OPTIONS_INIT[];
extern const tool_option TOOL_OPTIONS_INVOKE[];
extern const tool_option TOOL_OPTIONS_LAYER[];
extern const tool_option TOOL_OPTIONS_LOGS[];
extern const tool_option TOOL_OPTIONS_QUEUE[];
extern const tool_option TOOL_OPTIONS_SERVE[];
extern const tool_option TOOL_OPTIONS_TRACE[];
extern const tool_option TOOL_OPTIONS_UPDATE[];
extern const tool_option TOOL_OPTIONS_URL[];

#endif
