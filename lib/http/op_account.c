/* GetAccountSettings. */
#include <lambda/concurrency.h>

#include "resource.h"

const lambda__member lambda__members_get_account_settings[] = {LAMBDA__MEMBERS_END};

/* Of deployment packages: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
enum { CODE_SIZE_UNZIPPED = 262144000, CODE_SIZE_ZIPPED = 52428800 };

void lambda__op_get_account_settings(const lambda__request *request, lambda__reply *reply)
{
    lambda_account_settings settings;
    lambda_status status = lambda_account_settings_get(request->api->lambda, &settings);
    if (status != LAMBDA_OK) {
        lambda__reply_status(reply, request->api->lambda, status);
        return;
    }
    lambda__reply_json(reply,
                       json_pack("{s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I}}", "AccountLimit", "TotalCodeSize",
                                 (json_int_t)settings.code_storage, "CodeSizeUnzipped", (json_int_t)CODE_SIZE_UNZIPPED,
                                 "CodeSizeZipped", (json_int_t)CODE_SIZE_ZIPPED, "ConcurrentExecutions",
                                 (json_int_t)settings.concurrent_executions, "UnreservedConcurrentExecutions",
                                 (json_int_t)settings.unreserved_concurrent_executions, "AccountUsage", "TotalCodeSize",
                                 (json_int_t)settings.code_size, "FunctionCount", (json_int_t)settings.function_count));
}
