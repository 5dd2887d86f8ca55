/* The Extensions API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html, and the door to the Telemetry API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_world.h"

#define LIMIT ((size_t)6 * 1024 * 1024)

typedef char identifier[37];

static const char both[] = "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}";

static const char *refusal(const char *type, const char *message)
{
    static char text[1024];
    snprintf(text, sizeof(text), "{\"errorMessage\":\"%s\",\"errorType\":\"%s\"}", message, type);
    return text;
}

static const char *registration(const char *name, const char *headers, const char *body)
{
    char all[1024];
    snprintf(all, sizeof(all), "Lambda-Extension-Name: %s\r\n%s", name, headers);
    return post("/2020-01-01/extension/register", all, body);
}

static void sign_up(struct world *world, int fd, const char *name, const char *body, identifier id)
{
    client_text(world, fd, "%s", registration(name, "", body));
    struct answer answer;
    client_receive(world, fd, &answer);
    if (answer.status != 200) fail_msg("%s", answer.body);
    assert_string_equal(
        answer.body,
        "{\"functionName\":\"area\",\"functionVersion\":\"$LATEST\",\"handler\":\"index.\\\"handler\\\"\"}");
    const char *header = answer_header(&answer, "Lambda-Extension-Identifier");
    assert_non_null(header);
    assert_int_equal(strlen(header), 36);
    strcpy(id, header);
    answer_clear(&answer);
}

static const char *event_next(const char *id)
{
    static char text[256];
    snprintf(text, sizeof(text),
             "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: h\r\nLambda-Extension-Identifier: %s\r\n\r\n", id);
    return text;
}

static void expect_event(struct world *world, int fd, const char *body)
{
    struct answer answer;
    client_receive(world, fd, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, body);
    assert_string_equal(answer_header(&answer, "Content-Type"), "application/json");
    assert_int_equal(strlen(answer_header(&answer, "Lambda-Extension-Event-Identifier")), 36);
    answer_clear(&answer);
}

static const char invoke_1[] =
    "{\"eventType\":\"INVOKE\",\"deadlineMs\":1700000003000,\"requestId\":\"id-1\",\"invokedFunctionArn\":"
    "\"arn:aws:lambda:us-east-1:123456789012:function:area\",\"tracing\":{\"type\":\"X-Amzn-Trace-Id\",\"value\":"
    "\"Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1\"}}";

/** One external extension through all phases. */
static void test_life(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, "watcher.sh"), LAMBDA_OK);
    assert_false(lambda__endpoint_has_extensions(world.endpoint));
    int extension = client_open(&world);
    int runtime = client_open(&world);
    client_text(&world, runtime, GET_NEXT);
    assert_true(client_silent(&world, runtime));
    /* The init phase waits for those that were announced to register, and to ask for their event. */
    assert_string_equal(world_told(&world), "ready");
    identifier id;
    sign_up(&world, extension, "watcher.sh", both, id);
    assert_true(lambda__endpoint_has_extensions(world.endpoint));
    world_settle(&world);
    assert_string_equal(world_told(&world), "registered(watcher.sh,3)");
    client_text(&world, extension, "%s", event_next(id));
    world_until_told(&world, "all");
    assert_string_equal(world_told(&world), "all");

    for (int i = 0; i < 3; i++) {
        world_invoke(&world, "id-1", "{}");
        expect_event(&world, extension, invoke_1);
        client_expect(&world, runtime, "", 200, "{}");
        client_expect(&world, runtime, post(INVOCATION "id-1/response", "", "1"), 202, OK_BODY);
        client_text(&world, runtime, GET_NEXT);
        world_settle(&world);
        /* The phase ends when both have asked again. */
        assert_string_equal(world_told(&world), "begin end ready");
        client_text(&world, extension, "%s", event_next(id));
        world_until_told(&world, "all");
        assert_string_equal(world_told(&world), "all");
    }

    assert_int_equal(lambda__endpoint_shutdown(world.endpoint, "spindown", 1700000005000), 1);
    expect_event(&world, extension,
                 "{\"eventType\":\"SHUTDOWN\",\"deadlineMs\":1700000005000,\"shutdownReason\":\"spindown\"}");
    client_close(extension);
    client_close(runtime);
    world_close(&world);
}

/** The extension answers first; and it has not asked when there is something for it. */
static void test_order(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int extension = client_open(&world);
    int runtime = client_open(&world);
    identifier id;
    sign_up(&world, extension, "inside", "{\"events\":[\"INVOKE\"]}", id);
    client_text(&world, extension, "%s", event_next(id));
    assert_true(client_silent(&world, extension));
    assert_string_equal(world_told(&world), "registered(inside,1)");
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    world_told(&world);
    world_invoke(&world, "id-1", "{}");
    expect_event(&world, extension, invoke_1);
    client_text(&world, extension, "%s", event_next(id));
    assert_true(client_silent(&world, extension));
    client_expect(&world, runtime, "", 200, "{}");
    client_expect(&world, runtime, post(INVOCATION "id-1/response", "", "1"), 202, OK_BODY);
    assert_string_equal(world_told(&world), "begin end");
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    assert_string_equal(world_told(&world), "ready all");
    /* No SHUTDOWN for who did not ask for it. */
    assert_int_equal(lambda__endpoint_shutdown(world.endpoint, "timeout", 1), 0);
    assert_true(client_silent(&world, extension));
    client_close(extension);
    client_close(runtime);
    world_close(&world);
}

static void test_shutdown_when_it_asks(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, "a"), LAMBDA_OK);
    assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, "b"), LAMBDA_OK);
    int one = client_open(&world);
    int two = client_open(&world);
    int runtime = client_open(&world);
    identifier a, b;
    sign_up(&world, one, "a", both, a);
    sign_up(&world, two, "b", "{\"events\":[\"SHUTDOWN\"]}", b);
    client_text(&world, one, "%s", event_next(a));
    client_text(&world, two, "%s", event_next(b));
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    world_invoke(&world, "id-1", "{}");
    expect_event(&world, one, invoke_1);
    /* The invocation ends by a timeout. */
    lambda__endpoint_cancel(world.endpoint);
    assert_int_equal(lambda__endpoint_shutdown(world.endpoint, "timeout", 7), 2);
    static const char shutdown[] = "{\"eventType\":\"SHUTDOWN\",\"deadlineMs\":7,\"shutdownReason\":\"timeout\"}";
    expect_event(&world, two, shutdown);
    assert_true(client_silent(&world, one));
    client_text(&world, one, "%s", event_next(a));
    expect_event(&world, one, shutdown);
    /* It was given once. */
    client_text(&world, one, "%s", event_next(a));
    assert_true(client_silent(&world, one));
    client_close(one);
    client_close(two);
    client_close(runtime);
    world_close(&world);
}

static void test_account(void **state)
{
    (void)state;
    static const char *const with[] = {"accountId", "a, accountId", " accountId ,b", ",accountId,"};
    static const char *const without[] = {"", "account", "accountIds", "accountId b"};
    struct world world;
    world_open(&world, LIMIT, NULL);
    int extension = client_open(&world);
    for (size_t i = 0; i < 8; i++) {
        char name[16], header[128];
        snprintf(name, sizeof(name), "e%zu", i);
        snprintf(header, sizeof(header), "Lambda-Extension-Accept-Feature: %s\r\n", i < 4 ? with[i] : without[i - 4]);
        client_expect(&world, extension, registration(name, header, "{}"), 200,
                      i < 4
                          ? "{\"accountId\":\"123456789012\",\"functionName\":\"area\",\"functionVersion\":\"$LATEST\","
                            "\"handler\":\"index.\\\"handler\\\"\"}"
                          : "{\"functionName\":\"area\",\"functionVersion\":\"$LATEST\",\"handler\":"
                            "\"index.\\\"handler\\\"\"}");
    }
    client_close(extension);
    world_close(&world);
}

static void test_refused_registrations(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, "outside"), LAMBDA_OK);
    int fd = client_open(&world);
    static const char path[] = "/2020-01-01/extension/register";
    client_expect(&world, fd, post(path, "", both), 403,
                  refusal("Extension.InvalidExtensionName", "Empty extension name"));
    client_expect(&world, fd, registration("a/b", "", both), 403,
                  refusal("Extension.InvalidExtensionName", "Invalid extension name"));
    client_expect(&world, fd, registration("a\xff", "", both), 403,
                  refusal("Extension.InvalidExtensionName", "Invalid extension name"));
    char name[257];
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    client_expect(&world, fd, registration(name, "", both), 403,
                  refusal("Extension.InvalidExtensionName", "Invalid extension name"));
    static const char *const formats[] = {"",
                                          "{",
                                          "[]",
                                          "{\"events\":1}",
                                          "{\"events\":[1]}",
                                          "{\"events\":[\"\xff\"]}",
                                          "{\"events\":[],\"configurationKeys\":[\"a\"]}"};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        client_text(&world, fd, "%s", registration("outside", "", formats[i]));
        struct answer answer;
        client_receive(&world, fd, &answer);
        assert_int_equal(answer.status, 403);
        assert_non_null(strstr(answer.body, "\"errorType\":\"InvalidRequestFormat\""));
        answer_clear(&answer);
    }
    client_expect(&world, fd, registration("outside", "", "{\"events\":[\"INVOKE\",\"SLEEP\"]}"), 403,
                  refusal("Extension.InvalidEventType", "SLEEP: ErrorInvalidEventType"));
    client_expect(&world, fd, registration("inside", "", both), 403,
                  refusal("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"));
    assert_string_equal(world_told(&world), "");

    identifier id;
    sign_up(&world, fd, "outside", both, id);
    client_expect(&world, fd, registration("outside", "", both), 403,
                  refusal("Extension.InvalidExtensionState",
                          "State transition from Registered to Registered failed for extension outside. Error: State "
                          "transition is not allowed"));
    sign_up(&world, fd, "inside", "{\"events\":[\"INVOKE\",\"INVOKE\"]}", id);
    client_expect(&world, fd, registration("inside", "", "{\"events\":[\"INVOKE\"]}"), 403,
                  refusal("Extension.InvalidExtensionState", "Extension with this name already registered"));
    for (int i = 2; i < 10; i++) {
        snprintf(name, sizeof(name), "e%d", i);
        sign_up(&world, fd, name, "{}", id);
    }
    client_expect(&world, fd, registration("e10", "", "{}"), 403,
                  refusal("Extension.TooManyExtensions", "Extension limit (10) reached"));
    char large[300 * 1024];
    memset(large, ' ', sizeof(large));
    client_text(&world, fd, "POST %s HTTP/1.1\r\nLambda-Extension-Name: a\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                path, sizeof(large));
    client_send(&world, fd, large, sizeof(large));
    client_expect(&world, fd, "", 413, NULL);
    client_close(fd);
    world_close(&world);
}

static void test_registration_closes(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int runtime = client_open(&world);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    int fd = client_open(&world);
    client_expect(&world, fd, registration("inside", "", "{}"), 403,
                  refusal("Extension.RegistrationClosed", "Extension registration closed already"));
    client_close(fd);
    client_close(runtime);
    world_close(&world);
}

static void test_identifiers(void **state)
{
    (void)state;
    static const char unknown[] = "00000000-0000-4000-8000-000000000000";
    static const char *const paths[] = {"/2020-01-01/extension/init/error", "/2020-01-01/extension/exit/error"};
    struct world world;
    world_open(&world, LIMIT, NULL);
    int fd = client_open(&world);
    client_expect(&world, fd, event_next(""), 403,
                  refusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"));
    client_expect(&world, fd, "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: h\r\n\r\n", 403,
                  refusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"));
    client_expect(&world, fd, event_next("abc"), 403,
                  refusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"));
    client_expect(&world, fd, event_next("00000000-0000-4000-8000-0000000000000"), 403,
                  refusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"));
    char message[128];
    snprintf(message, sizeof(message), "Unknown extension %s", unknown);
    client_expect(&world, fd, event_next(unknown), 403, refusal("Extension.UnknownExtensionIdentifier", message));
    for (size_t i = 0; i < 2; i++)
        client_expect(&world, fd, post(paths[i], "", "{}"), 403,
                      refusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"));
    client_close(fd);
    world_close(&world);
}

static const char *report(const char *path, const char *id, const char *type)
{
    char headers[256];
    snprintf(headers, sizeof(headers), "Lambda-Extension-Identifier: %s\r\n%s%s%s", id,
             type ? "Lambda-Extension-Function-Error-Type: " : "", type ? type : "", type ? "\r\n" : "");
    return post(path, headers, "{\"errorMessage\":\"x\"}");
}

static const char *transition(const char *from, const char *to, const char *id)
{
    char message[256];
    snprintf(message, sizeof(message),
             "State transition from %s to %s failed for extension %s. Error: State transition is not allowed", from, to,
             id);
    return refusal("Extension.InvalidExtensionState", message);
}

static void test_errors(void **state)
{
    (void)state;
    static const char init_path[] = "/2020-01-01/extension/init/error";
    static const char exit_path[] = "/2020-01-01/extension/exit/error";
    struct world world;
    world_open(&world, LIMIT, NULL);
    int fd = client_open(&world);
    int runtime = client_open(&world);
    identifier a, b;
    sign_up(&world, fd, "a", "{\"events\":[\"INVOKE\"]}", a);
    sign_up(&world, fd, "b", "{\"events\":[\"INVOKE\"]}", b);
    world_told(&world);
    client_expect(&world, fd, report(init_path, a, NULL), 403,
                  refusal("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"));
    client_expect(&world, fd, report(init_path, a, "Extension.Bad"), 202, OK_BODY);
    assert_string_equal(world_told(&world), "extension_error(a,Extension.Bad,{\"errorMessage\":\"x\"})");
    /* It is not told twice. */
    client_expect(&world, fd, report(init_path, a, "Extension.Bad"), 202, OK_BODY);
    client_expect(&world, fd, report(exit_path, a, "Extension.Bad"), 403, transition("InitError", "Exited", a));
    client_expect(&world, fd, event_next(a), 403, transition("InitError", "Ready", a));
    assert_string_equal(world_told(&world), "");
    client_text(&world, runtime, GET_NEXT);
    world_settle(&world);
    assert_string_equal(world_told(&world), "ready");
    client_text(&world, fd, "%s", event_next(b));
    world_until_told(&world, "all");
    world_told(&world);
    int other = client_open(&world);
    client_expect(&world, other, report(init_path, b, "E"), 403, transition("Ready", "InitError", b));
    client_expect(&world, other, event_next(b), 403, transition("Ready", "Ready", b));
    /* Another takes the place of one that has hung up. */
    client_close(fd);
    client_text(&world, other, "%s", event_next(b));
    assert_true(client_silent(&world, other));
    world_invoke(&world, "id-1", "{}");
    expect_event(&world, other, invoke_1);
    client_expect(&world, runtime, "", 200, "{}");
    client_expect(&world, runtime, post(INVOCATION "id-1/response", "", "1"), 202, OK_BODY);
    client_text(&world, runtime, GET_NEXT);
    world_settle(&world);
    assert_string_equal(world_told(&world), "begin end ready");
    /* Nobody waits for one that has failed. */
    client_expect(&world, other, report(exit_path, b, "Extension.Gone"), 202, OK_BODY);
    assert_string_equal(world_told(&world), "extension_error(b,Extension.Gone,{\"errorMessage\":\"x\"}) all");
    client_expect(&world, other, report(exit_path, b, "Extension.Gone"), 202, OK_BODY);
    assert_string_equal(world_told(&world), "");
    client_close(other);
    client_close(runtime);
    world_close(&world);
}

static void test_expected_names(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    char name[257];
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, name), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, ""), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "e%d", i);
        assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, name), LAMBDA_OK);
    }
    assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, "e9"), LAMBDA_ERROR_RESOURCE_CONFLICT);
    assert_int_equal(lambda__endpoint_expect_extension(world.endpoint, "e10"), LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    world_close(&world);
}

static const char *subscription(const char *path, const char *id)
{
    static char text[512];
    snprintf(text, sizeof(text),
             "PUT %s HTTP/1.1\r\nHost: h\r\nLambda-Extension-Identifier: %s\r\nContent-Length: 3\r\n\r\nabc", path, id);
    return text;
}

static void test_telemetry(void **state)
{
    (void)state;
    struct world world;
    int any;
    /* fake_telemetry.c does not look at it. */
    world_open(&world, LIMIT, (lambda__telemetry *)(void *)&any);
    int fd = client_open(&world);
    identifier id;
    sign_up(&world, fd, "a", "{}", id);
    client_expect(&world, fd, subscription("/2022-07-01/telemetry", id), 200, "\"a abc open\"");
    client_expect(&world, fd, subscription("/2020-08-15/logs", id), 200, "\"a abc open\"");
    client_expect(&world, fd, subscription("/2022-07-01/telemetry", ""), 403, NULL);
    client_text(&world, fd, "%s", event_next(id));
    int runtime = client_open(&world);
    client_text(&world, runtime, GET_NEXT);
    world_until_told(&world, "all");
    client_close(fd);
    fd = client_open(&world);
    client_expect(&world, fd, subscription("/2022-07-01/telemetry", id), 403, "\"a abc over\"");
    client_close(fd);
    client_close(runtime);
    world_close(&world);
}

static void test_no_telemetry(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, LIMIT, NULL);
    int fd = client_open(&world);
    identifier id;
    sign_up(&world, fd, "a", "{}", id);
    client_expect(&world, fd, subscription("/2022-07-01/telemetry", id), 501, NULL);
    client_close(fd);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_shutdown_when_it_asks),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_refused_registrations),
        cmocka_unit_test(test_registration_closes),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_expected_names),
        cmocka_unit_test(test_telemetry),
        cmocka_unit_test(test_no_telemetry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
