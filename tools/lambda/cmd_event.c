/* lambda event: an event as a service of Lambda's sends it. */
#include <stdio.h>
#include <string.h>

#include <lambda/testing.h>

#include "commands.h"
#include "output.h"

const tool_option TOOL_OPTIONS_EVENT[] = {
    {"bucket", "NAME", "s3: the bucket"},
    {"key", "NAME", "s3: the object's key"},
    {"size", "BYTES", "s3: its size (default 1024)"},
    {"queue", "NAME", "sqs: the queue"},
    {"body", "TEXT", "sqs: a message, may be given again; api-gateway, http-api, alb: the request's body"},
    {"topic", "NAME", "sns, iot: the topic"},
    {"subject", "TEXT", "sns: the subject"},
    {"message", "TEXT", "sns: the message; logs: a line, may be given again"},
    {"stream", "NAME", "kinesis, logs: the stream"},
    {"partition-key", "NAME", "kinesis: the partition key"},
    {"record", "TEXT", "kinesis: a record's data, may be given again"},
    {"table", "NAME", "dynamodb: the table"},
    {"event-name", "NAME", "dynamodb: INSERT, MODIFY or REMOVE"},
    {"keys", "JSON", "dynamodb: the keys, in DynamoDB's JSON"},
    {"old-image", "JSON", "dynamodb: the item before"},
    {"new-image", "JSON", "dynamodb: the item after"},
    {"method", "NAME", "api-gateway, http-api, alb: the method"},
    {"path", "PATH", "api-gateway, http-api, alb: the path"},
    {"query", "TEXT", "http-api: the query, without the ?"},
    {"source", "NAME", "event-bridge: the source; cognito: the trigger's source"},
    {"detail-type", "TEXT", "event-bridge: the detail type"},
    {"detail", "JSON", "event-bridge: the detail"},
    {"rule", "NAME", "schedule: the rule"},
    {"group", "NAME", "logs: the log group"},
    {"payload", "JSON", "iot: the message"},
    {"user", "NAME", "cognito: the user"},
    {"attributes", "JSON", "cognito: the user's attributes"},
    {0}};

/** What is taken of the arguments; JSON is parsed before. */
typedef struct event_wanted {
    const tool_arguments *arguments;
    json_t *documents[3]; /* of the options `documents` names, in their order */
    uint64_t size;
} event_wanted;

typedef struct event_kind {
    const char *name;
    const char *options;      /* with a space before and behind each */
    const char *documents[3]; /* those of them that are JSON */
    json_t *(*make)(const event_wanted *wanted);
} event_kind;

static const char *value(const event_wanted *wanted, const char *name)
{
    return tool_option_value(wanted->arguments, name);
}

/** All values of an option that may be given again. */
static size_t values(const event_wanted *wanted, const char *name, const char *otherwise, const char *all[TOOL_GIVEN])
{
    size_t count = 0;
    const char *each;
    while (count < TOOL_GIVEN && (each = tool_option_value_at(wanted->arguments, name, count)))
        all[count++] = each;
    if (count == 0) all[count++] = otherwise;
    return count;
}

static json_t *s3(const event_wanted *wanted)
{
    return lambda_test_event_s3_put(value(wanted, "bucket"), value(wanted, "key"), wanted->size);
}

static json_t *sqs(const event_wanted *wanted)
{
    const char *all[TOOL_GIVEN];
    size_t count = values(wanted, "body", "Hello", all);
    return lambda_test_event_sqs(value(wanted, "queue"), all, count);
}

static json_t *sns(const event_wanted *wanted)
{
    return lambda_test_event_sns(value(wanted, "topic"), value(wanted, "subject"), value(wanted, "message"));
}

static json_t *kinesis(const event_wanted *wanted)
{
    const char *all[TOOL_GIVEN];
    lambda_bytes records[TOOL_GIVEN];
    size_t count = values(wanted, "record", "Hello", all);
    for (size_t i = 0; i < count; i++)
        records[i] = (lambda_bytes){all[i], strlen(all[i])};
    return lambda_test_event_kinesis(value(wanted, "stream"), value(wanted, "partition-key"), records, count);
}

static json_t *dynamodb(const event_wanted *wanted)
{
    return lambda_test_event_dynamodb(value(wanted, "table"), value(wanted, "event-name"), wanted->documents[0],
                                      wanted->documents[1], wanted->documents[2]);
}

static json_t *api_gateway(const event_wanted *wanted)
{
    return lambda_test_event_api_gateway_v1(value(wanted, "method"), value(wanted, "path"), value(wanted, "body"));
}

static json_t *http_api(const event_wanted *wanted)
{
    return lambda_test_event_api_gateway_v2(value(wanted, "method"), value(wanted, "path"), value(wanted, "query"),
                                            value(wanted, "body"));
}

static json_t *alb(const event_wanted *wanted)
{
    return lambda_test_event_alb(value(wanted, "method"), value(wanted, "path"), value(wanted, "body"));
}

static json_t *event_bridge(const event_wanted *wanted)
{
    return lambda_test_event_event_bridge(value(wanted, "source"), value(wanted, "detail-type"), wanted->documents[0]);
}

static json_t *schedule(const event_wanted *wanted)
{
    return lambda_test_event_schedule(value(wanted, "rule"));
}

static json_t *logs(const event_wanted *wanted)
{
    const char *all[TOOL_GIVEN];
    size_t count = values(wanted, "message", "Hello", all);
    return lambda_test_event_cloudwatch_logs(value(wanted, "group"), value(wanted, "stream"), all, count);
}

static json_t *iot(const event_wanted *wanted)
{
    return lambda_test_event_iot_rule(value(wanted, "topic"), wanted->documents[0]);
}

static json_t *cognito(const event_wanted *wanted)
{
    return lambda_test_event_cognito(value(wanted, "source"), value(wanted, "user"), wanted->documents[0]);
}

static const event_kind KINDS[] = {
    {"alb", " method path body ", {NULL}, alb},
    {"api-gateway", " method path body ", {NULL}, api_gateway},
    {"cognito", " source user attributes ", {"attributes"}, cognito},
    {"dynamodb", " table event-name keys old-image new-image ", {"keys", "old-image", "new-image"}, dynamodb},
    {"event-bridge", " source detail-type detail ", {"detail"}, event_bridge},
    {"http-api", " method path query body ", {NULL}, http_api},
    {"iot", " topic payload ", {"payload"}, iot},
    {"kinesis", " stream partition-key record ", {NULL}, kinesis},
    {"logs", " group stream message ", {NULL}, logs},
    {"s3", " bucket key size ", {NULL}, s3},
    {"schedule", " rule ", {NULL}, schedule},
    {"sns", " topic subject message ", {NULL}, sns},
    {"sqs", " queue body ", {NULL}, sqs},
};
enum { KINDS_COUNT = sizeof KINDS / sizeof *KINDS };

/** Parses the options that are JSON. */
static int read_documents(event_wanted *wanted, const event_kind *kind)
{
    for (size_t i = 0; i < 3 && kind->documents[i]; i++) {
        json_error_t error;
        const char *text = value(wanted, kind->documents[i]);
        if (!text) continue;
        wanted->documents[i] = json_loads(text, JSON_DECODE_ANY, &error);
        if (!wanted->documents[i])
            return tool_usage("--%s is no JSON: %s, at byte %d", kind->documents[i], error.text, error.position);
    }
    return TOOL_OK;
}

int tool_event(const tool_arguments *arguments)
{
    event_wanted wanted = {.arguments = arguments};
    const event_kind *found = NULL;
    const char *name = tool_operand(arguments, 0);
    for (size_t i = 0; i < KINDS_COUNT; i++)
        if (name && strcmp(KINDS[i].name, name) == 0) found = &KINDS[i];
    if (!name) {
        json_t *names = json_array();
        for (size_t i = 0; i < KINDS_COUNT; i++)
            json_array_append_new(names, json_string(KINDS[i].name));
        if (tool_option_value(arguments, "json")) return tool_print_json(names);
        json_decref(names);
        for (size_t i = 0; i < KINDS_COUNT; i++)
            puts(KINDS[i].name);
        return TOOL_OK;
    }
    if (!found) return tool_usage("there is no event of '%s': 'lambda event' lists what there is", name);
    if (!tool_options_belong(arguments, found->name, found->options)) return TOOL_USAGE;
    if (!tool_option_number(arguments, "size", 0, UINT64_MAX, 1024, &wanted.size)) return TOOL_USAGE;
    int code = read_documents(&wanted, found);
    if (code == TOOL_OK) code = tool_print_json(found->make(&wanted));
    for (size_t i = 0; i < 3; i++)
        json_decref(wanted.documents[i]);
    return code;
}
