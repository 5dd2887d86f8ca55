/* Events in the shapes that Lambda's services send. Ids and times are fixed, so that tests see the same each time. */
#include <lambda/testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

#define ACCOUNT   "123456789012"
#define REGION    "us-east-1"
#define ID        "11111111-2222-4333-8444-555555555555"
#define TIME_TEXT "2026-01-01T00:00:00.000Z"
#define TIME_S    1767225600

static const char *or_default(const char *given, const char *standard)
{
    return given ? given : standard;
}

static json_t *one_record(json_t *record)
{
    return record ? json_pack("{s:[o]}", "Records", record) : NULL;
}

/** A text that ends a chain of parts; freed by who made it. */
static char *join(const char *first, const char *second, const char *third)
{
    size_t size = strlen(first) + strlen(second) + strlen(third) + 1;
    char *text = malloc(size);
    if (!text) return NULL;
    snprintf(text, size, "%s%s%s", first, second, third);
    return text;
}

/** As S3 writes keys: letters, digits and `-_.*` and `/` as they are, spaces as `+`, all else by percent. */
static char *encode_key(const char *key)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = malloc(strlen(key) * 3 + 1);
    char *at = text;
    for (const char *each = key; text && *each; each++) {
        const unsigned char byte = (unsigned char)*each;
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                     strchr("-_.*/", byte);
        if (plain || byte == ' ') {
            *at++ = *each;
            if (byte == ' ') at[-1] = '+';
            continue;
        }
        *at++ = '%';
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    if (at) *at = '\0';
    return text;
}

json_t *lambda_test_event_s3_put(const char *bucket, const char *key, uint64_t size)
{
    bucket = or_default(bucket, "bucket");
    char *encoded = encode_key(or_default(key, "key"));
    char *arn = join("arn:aws:s3:::", bucket, "");
    json_t *object = encoded && arn ? json_pack("{s:{s:s, s:{s:s}, s:s}, s:{s:s, s:I, s:s, s:s}, s:s, s:s}", "bucket",
                                                "name", bucket, "ownerIdentity", "principalId", "EXAMPLE", "arn", arn,
                                                "object", "key", encoded, "size", (json_int_t)size, "eTag",
                                                "d41d8cd98f00b204e9800998ecf8427e", "sequencer", "0A1B2C3D4E5F678901",
                                                "s3SchemaVersion", "1.0", "configurationId", "testConfigRule")
                                    : NULL;
    json_t *record =
        object ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:{s:s}, s:{s:s, s:s}, s:o}", "eventVersion", "2.1",
                           "eventSource", "aws:s3", "awsRegion", REGION, "eventTime", TIME_TEXT, "eventName",
                           "ObjectCreated:Put", "userIdentity", "principalId", "EXAMPLE", "requestParameters",
                           "sourceIPAddress", "127.0.0.1", "responseElements", "x-amz-request-id", "EXAMPLE123456789",
                           "x-amz-id-2", "EXAMPLE123/abcdefghijklambdaisawesome", "s3", object)
               : NULL;
    free(encoded);
    free(arn);
    return one_record(record);
}

/** {"Records": [...]} of as many records as `make` gives. */
static json_t *records(size_t count, json_t *(*make)(size_t at, const void *data), const void *data)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        json_t *record = make(i, data);
        if (!record || json_array_append_new(list, record) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list ? json_pack("{s:o}", "Records", list) : NULL;
}

typedef struct sqs {
    const char *arn;
    const char *const *bodies;
} sqs;

static json_t *sqs_record(size_t at, const void *data)
{
    const sqs *given = data;
    char id[40];
    snprintf(id, sizeof(id), "11111111-2222-4333-8444-%012u", (unsigned)at);
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:{}, s:s, s:s, s:s}", "messageId", id, "receiptHandle",
                     "MessageReceiptHandle", "body", or_default(given->bodies[at], ""), "attributes",
                     "ApproximateReceiveCount", "1", "SentTimestamp", "1767225600000", "SenderId", ACCOUNT,
                     "ApproximateFirstReceiveTimestamp", "1767225600001", "messageAttributes", "eventSource", "aws:sqs",
                     "eventSourceARN", given->arn, "awsRegion", REGION);
}

json_t *lambda_test_event_sqs(const char *queue, const char *const *bodies, size_t count)
{
    char *arn = join("arn:aws:sqs:" REGION ":" ACCOUNT ":", or_default(queue, "queue"), "");
    json_t *event = arn ? records(count, sqs_record, &(sqs){arn, bodies}) : NULL;
    free(arn);
    return event;
}

json_t *lambda_test_event_sns(const char *topic, const char *subject, const char *message)
{
    char *arn = join("arn:aws:sns:" REGION ":" ACCOUNT ":", or_default(topic, "topic"), "");
    char *subscription = arn ? join(arn, ":", ID) : NULL;
    json_t *record =
        subscription
            ? json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:s, s:s, s:{}}}", "EventSource",
                        "aws:sns", "EventVersion", "1.0", "EventSubscriptionArn", subscription, "Sns", "Type",
                        "Notification", "MessageId", ID, "TopicArn", arn, "Subject", subject, "Message",
                        or_default(message, "message"), "Timestamp", TIME_TEXT, "SignatureVersion", "1", "Signature",
                        "EXAMPLE", "SigningCertUrl", "EXAMPLE", "UnsubscribeUrl", "EXAMPLE", "MessageAttributes")
            : NULL;
    free(arn);
    free(subscription);
    return one_record(record);
}

/** base64, a new text. */
static char *base64(const void *data, size_t length)
{
    char *text = malloc((length + 2) / 3 * 4 + 1);
    if (text) lambda__base64(data, length, text);
    return text;
}

typedef struct kinesis {
    const char *arn;
    const char *partition_key;
    const lambda_bytes *data;
} kinesis;

static json_t *kinesis_record(size_t at, const void *data)
{
    const kinesis *given = data;
    char sequence[64];
    char id[96];
    snprintf(sequence, sizeof(sequence), "49590338271490256608559692538361571095921575989136588%03u", (unsigned)at);
    snprintf(id, sizeof(id), "shardId-000000000006:%s", sequence);
    char *text = base64(given->data[at].data, given->data[at].length);
    json_t *record =
        text
            ? json_pack("{s:{s:s, s:s, s:s, s:s, s:f}, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kinesis",
                        "kinesisSchemaVersion", "1.0", "partitionKey", given->partition_key, "sequenceNumber", sequence,
                        "data", text, "approximateArrivalTimestamp", (double)TIME_S, "eventSource", "aws:kinesis",
                        "eventVersion", "1.0", "eventID", id, "eventName", "aws:kinesis:record", "invokeIdentityArn",
                        "arn:aws:iam::" ACCOUNT ":role/lambda-role", "awsRegion", REGION, "eventSourceARN", given->arn)
            : NULL;
    free(text);
    return record;
}

json_t *lambda_test_event_kinesis(const char *stream, const char *partition_key, const lambda_bytes *data, size_t count)
{
    char *arn = join("arn:aws:kinesis:" REGION ":" ACCOUNT ":stream/", or_default(stream, "stream"), "");
    kinesis given = {arn, or_default(partition_key, "partition"), data};
    json_t *event = arn ? records(count, kinesis_record, &given) : NULL;
    free(arn);
    return event;
}

json_t *lambda_test_event_dynamodb(const char *table, const char *event_name, json_t *keys, json_t *old_image,
                                   json_t *new_image)
{
    char *arn = join("arn:aws:dynamodb:" REGION ":" ACCOUNT ":table/", or_default(table, "table"),
                     "/stream/2026-01-01T00:00:00.000");
    json_t *own_keys = keys ? json_incref(keys) : json_pack("{s:{s:s}}", "Id", "S", "1");
    const char *view = old_image && new_image ? "NEW_AND_OLD_IMAGES"
                       : new_image            ? "NEW_IMAGE"
                       : old_image            ? "OLD_IMAGE"
                                              : "KEYS_ONLY";
    json_t *record =
        arn && own_keys
            ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:i, s:O, s:O*, s:O*, s:s, s:i, s:s}, s:s}", "eventID",
                        "c4ca4238a0b923820dcc509a6f75849b", "eventName", or_default(event_name, "INSERT"),
                        "eventVersion", "1.1", "eventSource", "aws:dynamodb", "awsRegion", REGION, "dynamodb",
                        "ApproximateCreationDateTime", TIME_S, "Keys", own_keys, "OldImage", old_image, "NewImage",
                        new_image, "SequenceNumber", "4421584500000000017450439091", "SizeBytes", 26, "StreamViewType",
                        view, "eventSourceARN", arn)
            : NULL;
    json_decref(own_keys);
    free(arn);
    return one_record(record);
}

/* ---- HTTP */

json_t *lambda_test_event_api_gateway_v1(const char *method, const char *path, const char *body)
{
    method = or_default(method, "GET");
    path = or_default(path, "/");
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:{s:[s], s:[s], s:[s]}, s:n, s:n, s:n, s:n,"
                     " s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:I, s:s}, s:s?, s:b}",
                     "resource", path, "path", path, "httpMethod", method, "headers", "Accept", "*/*", "Host",
                     "example.execute-api." REGION ".amazonaws.com", "User-Agent", "test", "multiValueHeaders",
                     "Accept", "*/*", "Host", "example.execute-api." REGION ".amazonaws.com", "User-Agent", "test",
                     "queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables",
                     "requestContext", "accountId", ACCOUNT, "apiId", "example", "protocol", "HTTP/1.1", "httpMethod",
                     method, "path", path, "resourcePath", path, "stage", "test", "requestId", ID, "resourceId",
                     "123456", "identity", "sourceIp", "127.0.0.1", "userAgent", "test", "requestTimeEpoch",
                     (json_int_t)TIME_S * 1000, "requestTime", "01/Jan/2026:00:00:00 +0000", "body", body,
                     "isBase64Encoded", 0);
}

/** Adds the parameters of a query as payload 2.0 has them: the same name twice is joined by commas. */
static bool add_query(json_t *event, const char *query)
{
    json_t *parameters = json_object();
    bool complete = parameters != NULL;
    for (const char *at = query; complete && *at;) {
        size_t length = strcspn(at, "&");
        const char *equals = memchr(at, '=', length);
        size_t name_length = equals ? (size_t)(equals - at) : length;
        char *name = strndup(at, name_length);
        char *value = strndup(equals ? equals + 1 : "", equals ? length - name_length - 1 : 0);
        const char *before = name ? json_string_value(json_object_get(parameters, name)) : NULL;
        char *joined = name && value ? join(or_default(before, ""), before ? "," : "", value) : NULL;
        complete = joined && json_object_set_new(parameters, name, json_string(joined)) == 0;
        free(name);
        free(value);
        free(joined);
        at += length + (at[length] == '&');
    }
    if (complete) return json_object_set_new(event, "queryStringParameters", parameters) == 0;
    json_decref(parameters);
    return false;
}

json_t *lambda_test_event_api_gateway_v2(const char *method, const char *path, const char *query, const char *body)
{
    method = or_default(method, "GET");
    path = or_default(path, "/");
    query = or_default(query, "");
    json_t *event = json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s},"
        " s:{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:s, s:s, s:I},"
        " s:s*, s:b}",
        "version", "2.0", "routeKey", "$default", "rawPath", path, "rawQueryString", query, "headers", "accept", "*/*",
        "host", "example.lambda-url." REGION ".on.aws", "user-agent", "test", "requestContext", "accountId",
        "anonymous", "apiId", "example", "domainName", "example.lambda-url." REGION ".on.aws", "domainPrefix",
        "example", "http", "method", method, "path", path, "protocol", "HTTP/1.1", "sourceIp", "127.0.0.1", "userAgent",
        "test", "requestId", ID, "routeKey", "$default", "stage", "$default", "time", "01/Jan/2026:00:00:00 +0000",
        "timeEpoch", (json_int_t)TIME_S * 1000, "body", body, "isBase64Encoded", 0);
    if (event && query[0] && !add_query(event, query)) {
        json_decref(event);
        return NULL;
    }
    return event;
}

json_t *lambda_test_event_alb(const char *method, const char *path, const char *body)
{
    return json_pack("{s:{s:{s:s}}, s:s, s:s, s:{}, s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:s, s:b}", "requestContext",
                     "elb", "targetGroupArn",
                     "arn:aws:elasticloadbalancing:" REGION ":" ACCOUNT ":targetgroup/lambda/1234567890abcdef",
                     "httpMethod", or_default(method, "GET"), "path", or_default(path, "/"), "queryStringParameters",
                     "headers", "accept", "*/*", "host", "lambda-alb-123578498." REGION ".elb.amazonaws.com",
                     "user-agent", "test", "x-forwarded-for", "127.0.0.1", "x-forwarded-port", "80",
                     "x-forwarded-proto", "http", "body", or_default(body, ""), "isBase64Encoded", 0);
}

/* ---- events */

json_t *lambda_test_event_event_bridge(const char *source, const char *detail_type, json_t *detail)
{
    json_t *own = detail ? json_incref(detail) : json_object();
    json_t *event =
        own ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:O}", "version", "0", "id", ID, "detail-type",
                        or_default(detail_type, "my.detail"), "source", or_default(source, "my.source"), "account",
                        ACCOUNT, "time", "2026-01-01T00:00:00Z", "region", REGION, "resources", "detail", own)
            : NULL;
    json_decref(own);
    return event;
}

json_t *lambda_test_event_schedule(const char *rule)
{
    char *arn = join("arn:aws:events:" REGION ":" ACCOUNT ":rule/", or_default(rule, "rule"), "");
    json_t *event = arn ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:{}}", "version", "0", "id", ID,
                                    "detail-type", "Scheduled Event", "source", "aws.events", "account", ACCOUNT,
                                    "time", "2026-01-01T00:00:00Z", "region", REGION, "resources", arn, "detail")
                        : NULL;
    free(arn);
    return event;
}

/** CRC-32 as gzip has it. */
static uint32_t crc32_of(const unsigned char *data, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

static unsigned char *put_little(unsigned char *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *at++ = (unsigned char)(value >> 8 * i);
    return at;
}

/** gzip (RFC 1952) of stored blocks (RFC 1951), a new run of bytes. */
static unsigned char *gzip_stored(const char *text, size_t length, size_t *size)
{
    const size_t block = 65535;
    size_t blocks = length / block + 1;
    unsigned char *made = malloc(18 + blocks * 5 + length);
    if (!made) return NULL;
    static const unsigned char head[10] = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255};
    memcpy(made, head, sizeof(head));
    unsigned char *at = made + sizeof(head);
    for (size_t i = 0; i < blocks; i++) {
        size_t part = i + 1 < blocks ? block : length - i * block;
        *at++ = i + 1 == blocks;
        at = put_little(at, (uint32_t)part, 2);
        at = put_little(at, ~(uint32_t)part, 2);
        memcpy(at, text + i * block, part);
        at += part;
    }
    at = put_little(at, crc32_of((const unsigned char *)text, length), 4);
    at = put_little(at, (uint32_t)length, 4);
    *size = (size_t)(at - made);
    return made;
}

json_t *lambda_test_event_cloudwatch_logs(const char *group, const char *stream, const char *const *messages,
                                          size_t count)
{
    json_t *list = json_array();
    bool complete = list != NULL;
    for (size_t i = 0; complete && i < count; i++) {
        char id[80];
        snprintf(id, sizeof(id), "317827814507798718000000000000000000000000000000000%05zu", i);
        json_t *line = json_pack("{s:s, s:I, s:s}", "id", id, "timestamp", (json_int_t)TIME_S * 1000, "message",
                                 or_default(messages[i], ""));
        complete = line && json_array_append_new(list, line) == 0;
    }
    json_t *data = complete
                       ? json_pack("{s:s, s:s, s:s, s:s, s:[s], s:O}", "messageType", "DATA_MESSAGE", "owner", ACCOUNT,
                                   "logGroup", or_default(group, "group"), "logStream", or_default(stream, "stream"),
                                   "subscriptionFilters", "filter", "logEvents", list)
                       : NULL;
    json_decref(list);
    char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;
    size_t size = 0;
    unsigned char *zipped = text ? gzip_stored(text, strlen(text), &size) : NULL;
    char *encoded = zipped ? base64(zipped, size) : NULL;
    json_t *event = encoded ? json_pack("{s:{s:s}}", "awslogs", "data", encoded) : NULL;
    json_decref(data);
    free(text);
    free(zipped);
    free(encoded);
    return event;
}

json_t *lambda_test_event_iot_rule(const char *topic, json_t *payload)
{
    json_t *own = payload ? json_incref(payload) : json_object();
    json_t *event = own ? json_pack("{s:s, s:O}", "topic", or_default(topic, "topic"), "payload", own) : NULL;
    json_decref(own);
    return event;
}

json_t *lambda_test_event_cognito(const char *trigger_source, const char *user_name, json_t *attributes)
{
    json_t *own = attributes ? json_incref(attributes) : json_pack("{s:s}", "email", "user@example.com");
    json_t *event =
        own ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:O}, s:{}}", "version", "1", "triggerSource",
                        or_default(trigger_source, "PreSignUp_SignUp"), "region", REGION, "userPoolId",
                        REGION "_EXAMPLE", "userName", or_default(user_name, "user"), "callerContext", "awsSdkVersion",
                        "aws-sdk-unknown-unknown", "clientId", "EXAMPLE", "request", "userAttributes", own, "response")
            : NULL;
    json_decref(own);
    return event;
}
