/* Who may invoke through a function URL: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html */
#include "url_access.h"

#include <string.h>
#include <strings.h>

static const char *const ACTIONS[] = {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"};

static bool may(const lambda__url *url, const lambda__caller *caller)
{
    for (size_t i = 0; i < sizeof ACTIONS / sizeof ACTIONS[0]; i++) {
        lambda__wish wish = {.action = ACTIONS[i],
                             .resource = url->arn,
                             .function_url_auth_type = url->iam ? "AWS_IAM" : "NONE",
                             .invoked_via_function_url = true,
                             .caller = caller};
        char why[512];
        if (!lambda__caller_may(&wish, url->policy, why)) {
            return false;
        }
    }
    return true;
}

static bool looks_at_request(const json_t *statement)
{
    const char *operator_name;
    json_t *keys;
    json_object_foreach(json_object_get(statement, "Condition"), operator_name, keys)
    {
        const char *key;
        json_t *values;
        json_object_foreach(keys, key, values)
        {
            if (strcasecmp(key, "lambda:FunctionUrlAuthType") != 0 &&
                strcasecmp(key, "lambda:InvokedViaFunctionUrl") != 0) {
                return true;
            }
        }
    }
    return false;
}

void lambda__url_settle(lambda__url *url)
{
    const json_t *statements = json_object_get(url->policy, "Statement");
    bool one = json_is_object(statements);
    for (size_t i = 0; i < (one ? 1 : json_array_size(statements)); i++) {
        if (looks_at_request(one ? statements : json_array_get(statements, i))) {
            return;
        }
    }
    lambda__caller anybody = {.arn = "", .account_id = "", .source_ip = ""};
    url->open = may(url, &anybody) ? LAMBDA__ALLOW : LAMBDA__SILENT;
    url->settled = true;
}

bool lambda__url_may(const lambda__url *url, const lambda__caller *caller, lambda__url_answer *answer)
{
    bool settled = url->settled && !url->iam;
    bool allowed = settled ? url->open == LAMBDA__ALLOW : (*caller->arn || !url->iam) && may(url, caller);
    if (!allowed) {
        lambda__url_answer_forbidden(answer);
    }
    return allowed;
}
