/* The API as calls. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lambda/port/runtime.h>
#include <openssl/rand.h>

#include "pattern.h"
#include "policy_cache.h"
#include "url.h"

static lambda_status refuse(const char *why)
{
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_INVALID_PARAMETER_VALUE, "%s", why);
}

/** Has the format one %s, and no other? */
static bool is_url_format(const char *format)
{
    const char *percent = strchr(format, '%');
    return percent && percent[1] == 's' && !strchr(percent + 1, '%') && strlen(format) <= 200;
}

static lambda_status keep_paths(lambda_api *api, const lambda_api_options *given)
{
    if (given->logs) api->logs = strdup(given->logs);
    if (given->traces) api->traces = strdup(given->traces);
    if ((!given->logs || api->logs) && (!given->traces || api->traces)) return LAMBDA_OK;
    return lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "no memory for an API");
}

lambda_status lambda_api_open_sized(const lambda_api_options *options, size_t size, lambda_api **api)
{
    lambda_api_options given = {0};
    if (!api) return refuse("api is NULL");
    *api = NULL;
    if (!options || size < sizeof(void *)) return refuse("options is NULL");
    memcpy(&given, options, size < sizeof given ? size : sizeof given);
    if (!given.lambda) return refuse("options.lambda is NULL");
    if (given.function_url && !is_url_format(given.function_url))
        return refuse("options.function_url has to have one %s, and at most 200 bytes");
    lambda_api *made = calloc(1, sizeof *made);
    if (!made) return lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "no memory for an API");
    made->lambda = given.lambda;
    made->packages = given.packages;
    snprintf(made->region, sizeof made->region, "%s", lambda_region(given.lambda));
    snprintf(made->account_id, sizeof made->account_id, "%s", lambda_account_id(given.lambda));
    if (given.function_url) snprintf(made->function_url, sizeof made->function_url, "%s", given.function_url);
    pthread_mutex_init(&made->changing, NULL);
    made->policies = lambda__policies_open();
    lambda_status status = LAMBDA_OK;
    if (!made->policies)
        status = lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "no memory for an API");
    else if (RAND_bytes(made->location_key, sizeof made->location_key) != 1)
        status = lambda_runtime_fail(NULL, LAMBDA_ERROR_SERVICE, "the system gives no random numbers");
    if (status == LAMBDA_OK) status = keep_paths(made, &given);
    if (status == LAMBDA_OK) status = lambda__url_index_open(made, &made->urls);
    if (status != LAMBDA_OK) {
        lambda_api_close(made);
        return status;
    }
    *api = made;
    return LAMBDA_OK;
}

void lambda_api_close(lambda_api *api)
{
    if (!api) return;
    lambda__url_index_close(api->urls);
    lambda__policies_close(api->policies);
    lambda__patterns_free(api);
    pthread_mutex_destroy(&api->changing);
    free(api->logs);
    free(api->traces);
    free(api);
}

lambda_status lambda_api_call(lambda_api *api, const char *operation, lambda_bytes input, lambda_api_answer *answer)
{
    static const lambda__caller ADMINISTRATOR = {.arn = "", .account_id = "", .source_ip = ""};
    const lambda__operation *found = operation ? lambda__operation_named(operation) : NULL;
    lambda__reply reply = {0};
    if (!api || !answer) return refuse("api or answer is NULL");
    lambda_api_answer_clear(answer);
    if (!found) return refuse("there is no such operation");
    if (found->kind != LAMBDA__KIND_JSON) return refuse("its answer is no JSON: invoke.h has it");
    json_t *object = input.length ? json_loadb(input.data, input.length, 0, NULL) : json_object();
    if (!json_is_object(object)) {
        json_decref(object);
        return refuse("the input is no JSON object");
    }
    lambda__operation_run(
        &(lambda__request){.api = api, .operation = found, .input = object, .caller = &ADMINISTRATOR, .request_id = ""},
        &reply);
    json_decref(object);
    answer->status = reply.status;
    memcpy(answer->error_type, reply.error_type, sizeof answer->error_type);
    answer->json = reply.json ? json_dumps(reply.json, JSON_COMPACT) : strdup("");
    if (answer->json) answer->length = strlen(answer->json);
    lambda__reply_clear(&reply);
    return answer->json ? LAMBDA_OK : lambda_runtime_fail(NULL, LAMBDA_ERROR_OUT_OF_MEMORY, "no memory for an answer");
}

void lambda_api_answer_clear(lambda_api_answer *answer)
{
    if (!answer) return;
    free(answer->json);
    *answer = (lambda_api_answer){0};
}

void lambda__time_text(uint64_t ns, char text[32])
{
    char day[24];
    struct tm parts;
    time_t seconds = (time_t)(ns / 1000000000);
    gmtime_r(&seconds, &parts);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, 32, "%.19s.%03u+0000", day, (unsigned)(ns / 1000000 % 1000));
}
