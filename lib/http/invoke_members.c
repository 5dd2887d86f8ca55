/* What the three operations that invoke take: facts of Lambda's model, https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
#include "operation.h"

#define FUNCTION_NAME                                                                                                  \
    {                                                                                                                  \
        .name = "FunctionName", .type = LAMBDA__STRING, .place = LAMBDA__IN_PATH, .required = true, .min = 1,          \
        .max = 170, .takes_words = true,                                                                               \
        .pattern = "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-[0-9]{1}:)?([0-9]{12}:)?"  \
                   "(function:)?([a-zA-Z0-9_.-]+)(:([$]LATEST([.]PUBLISHED)?|[a-zA-Z0-9_-]+))?",                       \
        .shown = "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?"           \
                 "(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"             \
    }
#define QUALIFIER                                                                                                      \
    {                                                                                                                  \
        .name = "Qualifier", .type = LAMBDA__STRING, .place = LAMBDA__IN_QUERY, .min = 1, .max = 128,                  \
        .pattern = "[$]LATEST([.]PUBLISHED)?|[a-zA-Z0-9$_-]+", .shown = "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"   \
    }
#define LOG_TYPE                                                                                                       \
    {                                                                                                                  \
        .name = "LogType", .type = LAMBDA__STRING, .place = LAMBDA__IN_HEADER, .wire = "X-Amz-Log-Type",               \
        .values = LOG_TYPES                                                                                            \
    }
#define CLIENT_CONTEXT                                                                                                 \
    {                                                                                                                  \
        .name = "ClientContext", .type = LAMBDA__STRING, .place = LAMBDA__IN_HEADER, .wire = "X-Amz-Client-Context"    \
    }
#define TENANT                                                                                                         \
    {                                                                                                                  \
        .name = "TenantId", .type = LAMBDA__STRING, .place = LAMBDA__IN_HEADER, .wire = "X-Amz-Tenant-Id", .min = 1,   \
        .max = 256                                                                                                     \
    }
#define DURABLE                                                                                                        \
    {                                                                                                                  \
        .name = "DurableExecutionName", .type = LAMBDA__STRING, .place = LAMBDA__IN_HEADER,                            \
        .wire = "X-Amz-Durable-Execution-Name", .min = 1, .max = 64                                                    \
    }
#define PAYLOAD(name_, required_)                                                                                      \
    {                                                                                                                  \
        .name = (name_), .type = LAMBDA__BLOB, .place = LAMBDA__IN_PAYLOAD, .required = (required_)                    \
    }

static const char *const LOG_TYPES[] = {"None", "Tail", NULL};
static const char *const TYPES[] = {"Event", "RequestResponse", "DryRun", NULL};
static const char *const STREAM_TYPES[] = {"RequestResponse", "DryRun", NULL};

extern const lambda__member lambda__members_invoke[];
extern const lambda__member lambda__members_invoke_async[];
extern const lambda__member lambda__members_invoke_with_response_stream[];

const lambda__member lambda__members_invoke[] = {FUNCTION_NAME,
                                                 {.name = "InvocationType",
                                                  .type = LAMBDA__STRING,
                                                  .place = LAMBDA__IN_HEADER,
                                                  .wire = "X-Amz-Invocation-Type",
                                                  .values = TYPES},
                                                 LOG_TYPE,
                                                 CLIENT_CONTEXT,
                                                 DURABLE,
                                                 QUALIFIER,
                                                 TENANT,
                                                 PAYLOAD("Payload", false),
                                                 {0}};

const lambda__member lambda__members_invoke_with_response_stream[] = {FUNCTION_NAME,
                                                                      {.name = "InvocationType",
                                                                       .type = LAMBDA__STRING,
                                                                       .place = LAMBDA__IN_HEADER,
                                                                       .wire = "X-Amz-Invocation-Type",
                                                                       .values = STREAM_TYPES},
                                                                      LOG_TYPE,
                                                                      CLIENT_CONTEXT,
                                                                      QUALIFIER,
                                                                      TENANT,
                                                                      PAYLOAD("Payload", false),
                                                                      {0}};

const lambda__member lambda__members_invoke_async[] = {FUNCTION_NAME, PAYLOAD("InvokeArgs", false), {0}};
