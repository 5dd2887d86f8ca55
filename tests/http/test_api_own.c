/* libλ's own operations: queued events, metrics, traces and logs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lambda/async.h>
#include <lambda/log_file.h>
#include <lambda/pump.h>
#include <lambda/trace.h>

#include "api_world.h"
#include "base/platform.h"
#include "identities.h"
#include "operation.h"

#define INVALID "InvalidParameterValueException"
#define MISSING "ResourceNotFoundException"
#define WRONG   "ValidationException"

/** A service that counts, traces and logs into a directory, and its API. */
typedef struct own_world {
    api_world w;
    char directory[64];
    char logs[80];
    char traces[80];
} own_world;

static lambda_status refuse(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    lambda_log(context, LAMBDA_LOG_INFO, "caf\xe9");
    return lambda_response_error(response, "Wrong", "as told");
}

static void own_world_open(own_world *own)
{
    api_world *w = &own->w;
    strcpy(own->directory, "/tmp/lambda-test-XXXXXX");
    assert_non_null(mkdtemp(own->directory));
    snprintf(own->logs, sizeof(own->logs), "%s/logs", own->directory);
    snprintf(own->traces, sizeof(own->traces), "%s/traces.jsonl", own->directory);
    lambda_options options = {.executor = {.kind = LAMBDA_EXECUTOR_NONE}, .metrics = true};
    assert_ok(NULL,
              lambda_log_sink_file(&(lambda_log_file_options){.directory = own->logs, .times = true}, &options.log[0]));
    assert_ok(NULL, lambda_trace_exporter_file(own->traces, &options.trace[0]));
    w->lambda = test_open(&options);
    test_create(w->lambda, "f", test_echo, NULL);
    test_create(w->lambda, "bad", refuse, NULL);
    lambda_api_options about = {.lambda = w->lambda, .logs = own->logs, .traces = own->traces};
    assert_ok(NULL, lambda_api_open(&about, &w->api));
}

static void own_world_close(own_world *own)
{
    lambda_api_close(own->w.api);
    lambda_close(own->w.lambda);
    lambda__platform_directory_remove(own->directory);
}

static void pump(const own_world *own)
{
    for (int i = 0; i < 50; i++)
        lambda_pump(own->w.lambda, 0, NULL);
}

static size_t count_of(const api_world *w, const char *operation, const char *input, const char *member)
{
    json_t *output = api_output(w, operation, 200, input);
    size_t count = json_array_size(json_object_get(output, member));
    json_decref(output);
    return count;
}

static void test_queue(void **state)
{
    (void)state;
    own_world own;
    own_world_open(&own);
    const api_world *w = &own.w;
    api_expect(w, "ListQueuedEvents", "{}", 200, "{'Events':[],'More':false}");
    api_expect(w, "WaitForQueuedEvents", "{'Seconds':0}", 200, "{'Ended':true}");
    for (int i = 0; i < 3; i++)
        assert_ok(w->lambda, lambda_invoke_async(w->lambda, i ? "f" : "bad", LAMBDA_JSON("{}"), NULL, NULL));
    json_t *output = api_output(w, "ListQueuedEvents", 200, "{}");
    const json_t *first = json_array_get(json_object_get(output, "Events"), 0);
    assert_int_equal(json_array_size(json_object_get(output, "Events")), 3);
    assert_string_equal(api_text(first, "State"), "waiting");
    assert_string_equal(api_text(first, "Function"), "bad");
    assert_int_equal(strlen(api_text(first, "RequestId")), 36);
    assert_true(json_is_false(json_object_get(output, "More")));
    json_decref(output);
    assert_int_equal(count_of(w, "ListQueuedEvents", "{'FunctionName':'f'}", "Events"), 2);
    assert_int_equal(count_of(w, "ListQueuedEvents",
                              "{'FunctionName':'arn:aws:lambda:us-east-1:000000000000:function:f'}", "Events"),
                     2);
    output = api_output(w, "ListQueuedEvents", 200, "{'MaxItems':2}");
    assert_int_equal(json_array_size(json_object_get(output, "Events")), 2);
    assert_true(json_is_true(json_object_get(output, "More")));
    json_decref(output);
    api_expect(w, "PurgeQueuedEvents", "{'FunctionName':'f'}", 200, "{'Purged':2}");
    /* It fails, and waits to be tried again. */
    pump(&own);
    api_expect(w, "WaitForQueuedEvents", "{'Seconds':0}", 200, "{'Ended':false}");
    output = api_output(w, "ListQueuedEvents", 200, "{}");
    first = json_array_get(json_object_get(output, "Events"), 0);
    assert_string_equal(api_text(first, "State"), "delayed");
    assert_int_equal(json_integer_value(json_object_get(first, "Attempts")), 1);
    assert_true(json_integer_value(json_object_get(first, "DueMs")) > 1000);
    json_decref(output);
    api_expect(w, "PurgeQueuedEvents", "{}", 200, "{'Purged':1}");
    api_refused(w, "RedriveQueuedEvents", "{'Destination':'nowhere'}", 404, MISSING, "nowhere");
    api_refused(w, "RedriveQueuedEvents", "{}", 400, WRONG, "destination");
    api_refused(w, "ListQueuedEvents", "{'MaxItems':10001}", 400, WRONG, "maxItems");
    api_refused(w, "WaitForQueuedEvents", "{'Seconds':6}", 400, WRONG, "seconds");
    own_world_close(&own);
}

static void test_metrics(void **state)
{
    (void)state;
    own_world own;
    own_world_open(&own);
    const api_world *w = &own.w;
    lambda_result result = {0};
    api_expect(w, "GetFunctionMetrics", "{}", 200, "{'Functions':[]}");
    assert_ok(w->lambda, lambda_invoke(w->lambda, "f", LAMBDA_JSON("{}"), &result));
    assert_ok(w->lambda, lambda_invoke(w->lambda, "bad", LAMBDA_JSON("{}"), &result));
    lambda_result_clear(&result);
    json_t *output = api_output(w, "GetFunctionMetrics", 200, "{}");
    const json_t *bad = json_array_get(json_object_get(output, "Functions"), 0);
    assert_int_equal(json_array_size(json_object_get(output, "Functions")), 2);
    assert_string_equal(api_text(bad, "Function"), "bad");
    static const char *const ones[] = {"Invocations", "Errors", "ColdStarts"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_integer_value(json_object_get(bad, ones[i])), 1);
    assert_int_equal(json_integer_value(json_object_get(bad, "Timeouts")), 0);
    assert_true(json_number_value(json_object_get(json_object_get(bad, "DurationMs"), "Max")) > 0);
    json_decref(output);
    own_world_close(&own);
}

static void test_traces(void **state)
{
    (void)state;
    own_world own;
    own_world_open(&own);
    const api_world *w = &own.w;
    lambda_result result = {0};
    lambda_invoke_options options = {.trace_id = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"};
    assert_int_equal(count_of(w, "ListTraceDocuments", "{}", "Documents"), 0);
    assert_ok(w->lambda, lambda_invoke_with(w->lambda, "f", LAMBDA_JSON("{}"), &options, &result));
    options.trace_id = "Root=1-5759e988-bd862e3fe1be46a994272794;Sampled=1";
    assert_ok(w->lambda, lambda_invoke_with(w->lambda, "bad", LAMBDA_JSON("{}"), &options, &result));
    lambda_result_clear(&result);
    pump(&own);
    assert_int_equal(count_of(w, "ListTraceDocuments", "{}", "Documents"), 4);
    assert_int_equal(count_of(w, "ListTraceDocuments", "{'FunctionName':'bad'}", "Documents"), 2);
    assert_int_equal(
        count_of(w, "ListTraceDocuments", "{'TraceId':'1-5759e988-bd862e3fe1be46a994272793'}", "Documents"), 2);
    assert_int_equal(
        count_of(w, "ListTraceDocuments", "{'TraceId':'1-5759e988-bd862e3fe1be46a994272795'}", "Documents"), 0);
    /* The newest. */
    json_t *output = api_output(w, "ListTraceDocuments", 200, "{'MaxItems':1}");
    assert_int_equal(json_array_size(json_object_get(output, "Documents")), 1);
    assert_string_equal(api_text(json_array_get(json_object_get(output, "Documents"), 0), "name"), "bad");
    json_decref(output);
    own_world_close(&own);
}

static void test_logs(void **state)
{
    (void)state;
    own_world own;
    own_world_open(&own);
    const api_world *w = &own.w;
    lambda_result result = {0};
    char next[256];
    api_refused(w, "GetLogLines", "{'LogGroupName':'/aws/lambda/bad'}", 404, MISSING, "/aws/lambda/bad");
    assert_ok(w->lambda, lambda_invoke(w->lambda, "bad", LAMBDA_JSON("{}"), &result));
    lambda_result_clear(&result);
    pump(&own);
    json_t *output = api_output(w, "GetLogLines", 200, "{'LogGroupName':'/aws/lambda/bad'}");
    const json_t *lines = json_object_get(output, "Lines");
    size_t count = json_array_size(lines);
    assert_true(count >= 4);
    assert_true(json_is_false(json_object_get(output, "More")));
    assert_true(json_integer_value(json_object_get(json_array_get(lines, 0), "Time")) > 0);
    snprintf(next, sizeof(next), "{'LogGroupName':'/aws/lambda/bad','Marker':'%s'}", api_text(output, "NextMarker"));
    json_decref(output);
    assert_int_equal(count_of(w, "GetLogLines", next, "Lines"), 0);
    assert_ok(w->lambda, lambda_invoke(w->lambda, "bad", LAMBDA_JSON("{}"), &result));
    lambda_result_clear(&result);
    pump(&own);
    assert_true(count_of(w, "GetLogLines", next, "Lines") >= 3);
    /* What is no UTF-8 is shown as far as it can be. */
    output = api_output(w, "GetLogLines", 200, "{'LogGroupName':'/aws/lambda/bad','FilterPattern':'caf'}");
    lines = json_object_get(output, "Lines");
    assert_int_equal(json_array_size(lines), 2);
    assert_non_null(strstr(api_text(json_array_get(lines, 0), "Line"), "caf"));
    json_decref(output);
    assert_int_equal(
        count_of(w, "GetLogLines", "{'LogGroupName':'/aws/lambda/bad','StartTime':4102444800000}", "Lines"), 0);
    api_refused(w, "GetLogLines", "{'LogGroupName':'/aws/lambda/bad','FilterPattern':'{ bad'}", 400, INVALID,
                "pattern");
    static const char *const markers[] = {
        "1.2", "1.2.3x", "1.-2.3", "99999999999.0.0", "1.4294967296.0", "1.2.9223372036854775808", "..", "1..3"};
    for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
        snprintf(next, sizeof(next), "{'LogGroupName':'/aws/lambda/bad','Marker':'%s'}", markers[i]);
        api_refused(w, "GetLogLines", next, 400, INVALID, "Marker");
    }
    api_refused(w, "GetLogLines", "{}", 400, WRONG, "logGroupName");
    own_world_close(&own);
}

/** An API that was told of no files. */
static void test_nothing_kept(void **state)
{
    (void)state;
    api_world w;
    api_world_open(&w);
    api_refused(&w, "GetLogLines", "{'LogGroupName':'/aws/lambda/f'}", 404, MISSING, "keeps no log");
    api_expect(&w, "ListTraceDocuments", "{}", 200, "{'Documents':[]}");
    api_refused(&w, "GetFunctionMetrics", "{}", 400, INVALID, "metrics");
    api_world_close(&w);
}

/** Whether an identity with that action on all resources may. */
static int status_for(const api_world *w, const char *action, const char *operation)
{
    json_t *policies = json_pack("[{s:s, s:[{s:s, s:s, s:s}]}]", "Version", "2012-10-17", "Statement", "Effect",
                                 "Allow", "Action", action, "Resource", "*");
    const lambda__identity identity = {policies};
    const lambda__caller caller = {.arn = "arn:aws:iam::000000000000:user/bob",
                                   .account_id = "000000000000",
                                   .identity = &identity,
                                   .source_ip = ""};
    json_t *input = json_object();
    lambda__reply reply = {0};
    lambda__operation_run(&(lambda__request){.api = w->api,
                                             .operation = lambda__operation_named(operation),
                                             .input = input,
                                             .caller = &caller,
                                             .request_id = ""},
                          &reply);
    int status = reply.status;
    lambda__reply_clear(&reply);
    json_decref(input);
    json_decref(policies);
    return status;
}

static void test_actions(void **state)
{
    (void)state;
    own_world own;
    own_world_open(&own);
    assert_int_equal(status_for(&own.w, "liblambda:ListQueuedEvents", "ListQueuedEvents"), 200);
    assert_int_equal(status_for(&own.w, "liblambda:*", "GetFunctionMetrics"), 200);
    assert_int_equal(status_for(&own.w, "liblambda:ListQueuedEvents", "PurgeQueuedEvents"), 403);
    /* Who may everything of Lambda's may nothing of these. */
    assert_int_equal(status_for(&own.w, "lambda:*", "ListQueuedEvents"), 403);
    assert_int_equal(status_for(&own.w, "liblambda:*", "ListFunctions"), 403);
    own_world_close(&own);
}

/** None of AWS's is where these are, and a client's request is found again. */
static void test_paths(void **state)
{
    (void)state;
    const lambda_api_operation *each;
    size_t own = 0;
    for (size_t i = 0; (each = lambda_api_operation_at(i)); i++) {
        lambda_api_request_parts parts = {0};
        bool known;
        assert_int_equal(each->own, strncmp(each->path, "/liblambda/", 11) == 0);
        if (!each->own) continue;
        own++;
        assert_ok(NULL, lambda_api_request(each->name, lambda_bytes_make("{}", 2), &parts));
        const lambda__operation *found = lambda__operation_find(parts.method, parts.path, "", NULL, &known);
        assert_ptr_equal(found, lambda__operation_named(each->name));
        lambda_api_request_clear(&parts);
    }
    assert_int_equal(own, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue), cmocka_unit_test(test_metrics),      cmocka_unit_test(test_traces),
        cmocka_unit_test(test_logs),  cmocka_unit_test(test_nothing_kept), cmocka_unit_test(test_actions),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
