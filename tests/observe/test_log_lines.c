/*
 * What log lines look like, byte by byte. Formats and members:
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
 * https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <lambda/json.h>
#include <lambda/pump.h>

#define MS             UINT64_C(1000000)
#define SAMPLED_HEADER "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
#define SECRET         "c0rrect-h0rse-battery"

typedef struct world {
    lambda_t *lambda;
    test_clock clock;
    test_random random;
    test_memory memory;
    char text[65536]; /* the lines */
    size_t lines;
    bool init_fails;
    lambda_result result;
} world;

static void advance(world *w, uint64_t ns)
{
    w->clock.monotonic += ns;
    w->clock.wall += ns;
}

/** Keeps the line, and checks what holds for every record. */
static lambda_status keep_line(void *user, const lambda_log_record *record)
{
    world *w = user;
    size_t used = strlen(w->text);
    assert_int_equal(strlen(record->line), record->line_length);
    assert_int_equal(strlen(record->message), record->message_length);
    assert_int_equal(strlen(record->fields), record->fields_length);
    assert_true(record->time_ns > 0);
    assert_int_equal(record->type[0] != '\0', record->platform);
    assert_true(used + record->line_length + 2 < sizeof(w->text));
    snprintf(w->text + used, sizeof(w->text) - used, "%s\n", record->line);
    w->lines++;
    return LAMBDA_OK;
}

static lambda_status forget_segment(void *user, const lambda_trace_segment *segment)
{
    (void)user;
    (void)segment;
    return LAMBDA_OK;
}

static lambda_status starts(lambda_context *context)
{
    world *w = lambda_context_user(context);
    lambda_log(context, LAMBDA_LOG_INFO, "starting");
    advance(w, 20 * MS + 125000);
    return w->init_fails ? LAMBDA_ERROR_SERVICE : LAMBDA_OK;
}

/** Does what its event says. */
static lambda_status works(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    world *w = lambda_context_user(context);
    const char *wanted = "";
    if (lambda_event_unpack(event, "s", &wanted) != LAMBDA_OK) wanted = "";
    advance(w, 12 * MS + 345678);
    if (strcmp(wanted, "pack") == 0) {
        lambda_log_pack(context, LAMBDA_LOG_WARN, "order \"placed\"", "{s:s, s:i, s:s, s:{s:b}}", "id", "a\tb", "items",
                        3, "level", "mine", "inner", "level", 1);
        lambda_log_pack(context, LAMBDA_LOG_ERROR, "no object", "[i]", 1);
        lambda_log_pack(context, LAMBDA_LOG_ERROR, "none", "{}");
    } else if (strcmp(wanted, "memory") == 0) {
        assert_non_null(lambda_context_alloc(context, 1500000));
        return lambda_response_write(response, "\"ok\"", 4);
    } else if (strcmp(wanted, "error") == 0) {
        return lambda_response_error(response, "Order.Invalid\n\"1\"", "no such order");
    } else if (strcmp(wanted, "slow") == 0) {
        advance(w, 4000 * MS);
    } else {
        lambda_log(context, LAMBDA_LOG_INFO, "plain\twith \"quotes\", \\ and \x01\xff\n");
        lambda_log(context, LAMBDA_LOG_DEBUG, "details");
    }
    return LAMBDA_OK;
}

static void create(world *w, const char *name, const lambda_logging_config *logging)
{
    lambda_pair secret = {"TOKEN", SECRET};
    lambda_function_config config = {.function_name = name,
                                     .code = lambda_code_native_hooks(works, starts, NULL, w),
                                     .environment = &secret,
                                     .environment_count = 1,
                                     .logging_config = *logging};
    assert_ok(w->lambda, lambda_function_create(w->lambda, &config));
}

static world *open_world(lambda_options options)
{
    world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->clock.wall = UINT64_C(1767225600) * 1000 * MS + 7 * MS;
    w->clock.monotonic = 1000 * MS;
    w->random.state = 7;
    options.clock = test_clock_port(&w->clock);
    options.random = test_random_port(&w->random);
    options.allocator = test_allocator(&w->memory);
    options.executor.kind = LAMBDA_EXECUTOR_NONE;
    options.log[0] = (lambda_log_sink){.write = keep_line, .user = w, .direct = true};
    w->lambda = test_open(&options);
    return w;
}

static void close_world(world *w)
{
    lambda_result_clear(&w->result);
    assert_int_equal(lambda_close(w->lambda), 0);
    assert_int_equal(w->memory.live, 0);
    free(w);
}

static void invoke(world *w, const char *name, const char *wanted, const char *trace_id)
{
    char payload[32];
    snprintf(payload, sizeof(payload), "\"%s\"", wanted);
    lambda_invoke_options options = {.trace_id = trace_id};
    assert_ok(w->lambda,
              lambda_invoke_with(w->lambda, name, lambda_bytes_make(payload, strlen(payload)), &options, &w->result));
}

/** All kinds of lines, in that format. */
static world *run_all(lambda_log_format format, lambda_log_level system)
{
    lambda_trace_exporter exporter = {.write = forget_segment, .direct = true};
    world *w = open_world((lambda_options){.trace = {exporter}});
    lambda_logging_config logging = {.log_format = format, .system_log_level = system};
    create(w, "f", &logging);
    logging.application_log_level = LAMBDA_LOG_DEBUG;
    create(w, "g", &logging);
    invoke(w, "f", "plain", NULL);
    invoke(w, "f", "pack", NULL);
    invoke(w, "f", "memory", NULL);
    invoke(w, "f", "error", NULL);
    invoke(w, "f", "slow", NULL);
    invoke(w, "g", "plain", SAMPLED_HEADER);
    invoke(w, "g", "plain", SAMPLED_HEADER);
    w->init_fails = true;
    assert_ok(w->lambda,
              lambda_function_update_configuration(w->lambda, "g", &(lambda_function_config){.description = "2"}));
    invoke(w, "g", "plain", NULL);
    return w;
}

static char *read_golden(const char *name)
{
    char path[1024];
    const char *directory = getenv("TEST_GOLDEN");
    snprintf(path, sizeof(path), "%s/%s", directory ? directory : "tests/observe/golden", name);
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 65536);
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

/** The lines are those of the file; @VERSION@ in it is the library's. */
static void compare(world *w, const char *name)
{
    static const char mark[] = "@VERSION@";
    char *golden = read_golden(name);
    char *expected = calloc(1, 131072);
    assert_non_null(expected);
    char *to = expected;
    for (const char *from = golden; *from;) {
        bool marked = strncmp(from, mark, sizeof(mark) - 1) == 0;
        if (marked)
            to += sprintf(to, "%s", LAMBDA_VERSION_TEXT);
        else
            *to++ = *from;
        from += marked ? sizeof(mark) - 1 : 1;
    }
    assert_string_equal(w->text, expected);
    free(expected);
    free(golden);
}

static void text_lines_are_lambdas(void **state)
{
    (void)state;
    world *w = run_all(LAMBDA_LOG_FORMAT_TEXT, LAMBDA_LOG_DEFAULT);
    compare(w, "log_text.txt");
    close_world(w);
}

/** Every line is an object, with the members that such a line has. */
static void check_json(const char *text)
{
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *json = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);
        assert_true(json_is_object(json));
        if (json_object_get(json, "record")) {
            const char *type = NULL;
            const char *time = NULL;
            json_t *record = NULL;
            assert_int_equal(json_unpack(json, "{s:s, s:s, s:o !}", "time", &time, "type", &type, "record", &record),
                             0);
            assert_memory_equal(type, "platform.", 9);
            assert_int_equal(strlen(time), 24);
            if (strcmp(type, "platform.report") == 0) {
                json_t *metrics = json_object_get(record, "metrics");
                assert_true(json_is_number(json_object_get(metrics, "durationMs")));
                assert_true(json_is_integer(json_object_get(metrics, "billedDurationMs")));
                assert_true(json_is_integer(json_object_get(metrics, "memorySizeMB")));
                assert_true(json_is_string(json_object_get(record, "status")));
            }
        } else {
            assert_int_equal(strlen(json_string_value(json_object_get(json, "timestamp"))), 24);
            assert_true(json_is_string(json_object_get(json, "level")));
            assert_true(json_is_string(json_object_get(json, "message")));
        }
        json_decref(json);
        line = end + 1;
    }
}

static void json_lines_are_lambdas(void **state)
{
    (void)state;
    world *w = run_all(LAMBDA_LOG_FORMAT_JSON, LAMBDA_LOG_DEBUG);
    compare(w, "log_json.txt");
    check_json(w->text);
    close_world(w);
}

/** At WARN of the platform's lines there is only what failed; with OFF there are none. */
static void levels_hold_for_the_platforms_lines(void **state)
{
    (void)state;
    static const lambda_log_format formats[] = {LAMBDA_LOG_FORMAT_TEXT, LAMBDA_LOG_FORMAT_JSON};
    for (size_t i = 0; i < 2; i++) {
        world *w = open_world((lambda_options){0});
        lambda_logging_config logging = {
            .log_format = formats[i], .application_log_level = LAMBDA_LOG_OFF, .system_log_level = LAMBDA_LOG_WARN};
        create(w, "f", &logging);
        invoke(w, "f", "plain", NULL);
        assert_int_equal(w->lines, 0);
        invoke(w, "f", "error", NULL);
        /* In JSON the end of what failed is a warning too. */
        assert_int_equal(w->lines, i == 0 ? 1 : 2);
        assert_non_null(strstr(w->text, i == 0 ? "REPORT RequestId: " : "\"platform.report\""));
        logging.system_log_level = LAMBDA_LOG_OFF;
        w->lines = 0;
        create(w, "g", &logging);
        invoke(w, "g", "error", NULL);
        assert_int_equal(w->lines, 0);
        close_world(w);
    }
}

static lambda_status keep_group(void *user, const lambda_log_record *record)
{
    char(*groups)[256] = user;
    if (strstr(record->message, "was dropped")) snprintf(groups[0], 256, "%s", record->log_group_name);
    if (strstr(record->message, "START")) snprintf(groups[1], 256, "%s", record->log_group_name);
    return LAMBDA_OK;
}

/** What is dropped is told in the function's own group, and in its format. */
static void a_dropped_event_is_told_in_its_functions_group(void **state)
{
    (void)state;
    char groups[2][256] = {"", ""};
    lambda_options options = {.log = {{0}, {.write = keep_group, .user = groups, .direct = true}}};
    world *w = open_world(options);
    lambda_logging_config logging = {.log_format = LAMBDA_LOG_FORMAT_JSON, .log_group = "/my/group"};
    create(w, "f", &logging);
    assert_ok(w->lambda,
              lambda_event_invoke_config_put(
                  w->lambda, "f", &(lambda_event_invoke_config){.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS}));
    assert_ok(w->lambda, lambda_invoke_async(w->lambda, "f", LAMBDA_JSON("\"error\""), NULL, NULL));
    assert_ok(w->lambda, lambda_pump(w->lambda, UINT64_MAX, NULL));
    assert_string_equal(groups[0], "/my/group");
    assert_string_equal(groups[1], "/my/group");
    assert_non_null(strstr(w->text, "\"type\":\"platform.fault\",\"record\":{\"requestId\":\""));
    check_json(w->text);
    close_world(w);
}

/** Whatever happens, the library says nothing of what stands in environment variables. */
static void values_of_variables_are_never_told(void **state)
{
    (void)state;
    world *w = run_all(LAMBDA_LOG_FORMAT_JSON, LAMBDA_LOG_DEBUG);
    assert_null(strstr(w->text, SECRET));
    close_world(w);
    w = run_all(LAMBDA_LOG_FORMAT_TEXT, LAMBDA_LOG_DEBUG);
    assert_null(strstr(w->text, SECRET));
    assert_ok(w->lambda,
              lambda_event_invoke_config_put(
                  w->lambda, "f", &(lambda_event_invoke_config){.maximum_retry_attempts = LAMBDA_NO_RETRY_ATTEMPTS}));
    assert_ok(w->lambda, lambda_invoke_async(w->lambda, "f", LAMBDA_JSON("\"error\""), NULL, NULL));
    assert_ok(w->lambda, lambda_pump(w->lambda, UINT64_MAX, NULL));
    assert_non_null(strstr(w->text, "was dropped"));
    assert_null(strstr(w->text, SECRET));
    close_world(w);
}

/** A line for which there is no memory is lost and counted; the invocation goes on. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (long nth = 1; nth < 40; nth++) {
        world *w = open_world((lambda_options){0});
        create(w, "f", &(lambda_logging_config){.log_format = LAMBDA_LOG_FORMAT_JSON});
        w->memory.fail_at = nth;
        lambda_status status = lambda_invoke(w->lambda, "f", LAMBDA_JSON("\"pack\""), &w->result);
        assert_true(status == LAMBDA_OK || status == LAMBDA_ERROR_OUT_OF_MEMORY);
        w->memory.fail_at = 0;
        invoke(w, "f", "pack", NULL);
        assert_null(w->result.function_error);
        check_json(w->text);
        close_world(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines_are_lambdas),
        cmocka_unit_test(json_lines_are_lambdas),
        cmocka_unit_test(levels_hold_for_the_platforms_lines),
        cmocka_unit_test(a_dropped_event_is_told_in_its_functions_group),
        cmocka_unit_test(values_of_variables_are_never_told),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
