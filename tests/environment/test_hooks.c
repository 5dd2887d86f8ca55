/* What a driver's hooks and handlers ask of their context, and what they tell it. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include <lambda/port/runtime.h>
#include <lambda/testing.h>

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define SECOND  UINT64_C(1000000000)
#define MB      UINT64_C(1048576)

/** What the hooks are to do, and what they have seen. */
typedef struct plan {
    lambda_clock_virtual *clock;
    lambda_status (*init)(lambda_context *context);
    lambda_handler *handler;
    uint64_t shutdown_left;
    uint64_t init_left[4];
    int inits;
    int fail_inits;
    bool log_in_hooks;
} plan;

static lambda_status does_init(lambda_context *context)
{
    plan *own = lambda_context_user(context);
    own->init_left[own->inits++ % 4] = lambda_context_remaining_ns(context);
    if (own->log_in_hooks) lambda_context_log_line(context, "from init", 9);
    if (own->init) return own->init(context);
    if (own->fail_inits == 0) return LAMBDA_OK;
    own->fail_inits--;
    lambda_clock_virtual_step(own->clock, SECOND);
    return LAMBDA_ERROR_SERVICE;
}

static void does_shutdown(lambda_context *context)
{
    plan *own = lambda_context_user(context);
    lambda_clock_virtual_step(own->clock, SECOND / 2);
    own->shutdown_left = lambda_context_remaining_ns(context);
    if (own->log_in_hooks) lambda_context_log_line(context, "from shutdown", 13);
}

static lambda_status does_handle(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    const plan *own = lambda_context_user(context);
    return own->handler ? own->handler(event, context, response) : lambda_response_write(response, "1", 1);
}

typedef struct world {
    lambda_clock_virtual *clock;
    lambda_t *lambda;
    lambda_test_log *log;
    plan own;
    lambda_result result;
} world;

/** With a log; a driver "own" whose code is the plan. */
static void open_world(world *w, lambda_options options, bool logs)
{
    *w = (world){.log = lambda_test_log_new()};
    assert_int_equal(lambda_clock_virtual_open(7, 0, &w->clock), LAMBDA_OK);
    lambda_clock_virtual_options(w->clock, &options);
    if (logs) options.log[0] = lambda_test_log_sink(w->log);
    w->lambda = test_open(&options);
    w->own.clock = w->clock;
}

static void create(world *w, lambda_function_config config)
{
    config.function_name = "f";
    config.code = lambda_code_native_hooks(does_handle, does_init, does_shutdown, &w->own);
    assert_ok(w->lambda, lambda_function_create(w->lambda, &config));
}

static void invoke(world *w, const char *payload)
{
    assert_ok(w->lambda, lambda_invoke(w->lambda, "f", LAMBDA_JSON("1"), &w->result));
    if (payload) test_assert_payload(&w->result, payload);
}

static void close_world(world *w)
{
    lambda_result_clear(&w->result);
    assert_int_equal(lambda_close(w->lambda), 0);
    lambda_clock_virtual_close(w->clock);
    lambda_test_log_free(w->log);
}

static void logged(const world *w, const char *text, size_t times)
{
    if (lambda_test_log_count(w->log, text) != times)
        fail_msg("\"%s\" is not %zu times in:\n%s", text, times, lambda_test_log_text(w->log));
}

/* ---- what they ask */

static lambda_status asks(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    size_t count = 0;
    const lambda_pair *pairs = lambda_context_environment_variables(context, &count);
    char text[256];
    int length = snprintf(text, sizeof(text), "%zu %s=%s %s=%s %u %u %d %d %d %llu %d", count, pairs[0].name,
                          pairs[0].value, pairs[1].name, pairs[1].value, lambda_context_ephemeral_storage_size(context),
                          lambda_context_timeout_ms(context), (int)lambda_context_log_format(context),
                          (int)lambda_context_application_log_level(context), (int)lambda_context_tracing_mode(context),
                          (unsigned long long)lambda_context_remaining_ns(context), lambda_context_logs(context));
    return lambda_response_write(response, text, (size_t)length);
}

static void the_configuration_is_told(void **state)
{
    (void)state;
    world w;
    const lambda_pair pairs[] = {{"Bee", "1"}, {"Ant", "two"}};
    open_world(&w, (lambda_options){.log_level = LAMBDA_LOG_WARN}, false);
    w.own.handler = asks;
    create(&w, (lambda_function_config){
                   .environment = pairs, .environment_count = 2, .ephemeral_storage_size = 700, .timeout_ms = 1500});
    invoke(&w, "2 Bee=1 Ant=two 700 1500 1 4 1 1500000000 0");
    lambda_function_config changes = {
        .tracing_mode = LAMBDA_TRACING_ACTIVE,
        .logging_config = {.log_format = LAMBDA_LOG_FORMAT_JSON, .application_log_level = LAMBDA_LOG_OFF}};
    assert_ok(w.lambda, lambda_function_update_configuration(w.lambda, "f", &changes));
    invoke(&w, "2 Bee=1 Ant=two 700 1500 2 7 2 1500000000 0");
    close_world(&w);
}

static void there_may_be_no_context(void **state)
{
    (void)state;
    size_t count = 7;
    assert_null(lambda_context_environment_variables(NULL, &count));
    assert_int_equal(count, 0);
    assert_null(lambda_context_environment_variables(NULL, NULL));
    assert_int_equal(lambda_context_ephemeral_storage_size(NULL), 0);
    assert_int_equal(lambda_context_timeout_ms(NULL), 0);
    assert_int_equal(lambda_context_remaining_ns(NULL), 0);
    assert_int_equal(lambda_context_log_format(NULL), LAMBDA_LOG_FORMAT_TEXT);
    assert_int_equal(lambda_context_application_log_level(NULL), LAMBDA_LOG_INFO);
    assert_int_equal(lambda_context_tracing_mode(NULL), LAMBDA_TRACING_PASS_THROUGH);
    assert_false(lambda_context_logs(NULL));
    lambda_context_log_line(NULL, "x", 1);
    lambda_context_report_memory(NULL, 1);
    assert_fails(NULL, lambda_context_init_error(NULL, "T", NULL, 0), INVALID, "context");
    assert_fails(NULL, lambda_response_error_payload(NULL, "T", NULL, 0), INVALID, "response");
}

static void a_context_of_tests_has_all(void **state)
{
    (void)state;
    world w;
    open_world(&w, (lambda_options){0}, true);
    lambda_context *context = NULL;
    lambda_test_context_fields fields = {.remaining_time_ms = 2000};
    assert_ok(w.lambda, lambda_test_context_new(w.lambda, &fields, &context));
    assert_int_equal(lambda_context_timeout_ms(context), 2000);
    assert_int_equal(lambda_context_log_format(context), LAMBDA_LOG_FORMAT_TEXT);
    assert_int_equal(lambda_context_application_log_level(context), LAMBDA_LOG_INFO);
    assert_int_equal(lambda_context_tracing_mode(context), LAMBDA_TRACING_PASS_THROUGH);
    assert_true(lambda_context_remaining_ns(context) == 2 * SECOND);
    lambda_context_log_line(context, "as it is", 8);
    logged(&w, "as it is", 1);
    lambda_test_context_free(context);
    lambda_response *response = NULL;
    assert_ok(w.lambda, lambda_test_response_new(w.lambda, &response));
    assert_ok(w.lambda, lambda_response_write(response, "1", 1));
    assert_ok(w.lambda, lambda_response_error_payload(response, "Db.Missing", "{\"a\":1}", 7));
    assert_string_equal(lambda_test_response_error_type(response), "Db.Missing");
    assert_string_equal(lambda_test_response_payload(response).data, "{\"a\":1}");
    lambda_test_response_free(response);
    close_world(&w);
}

static lambda_status overruns(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    const plan *own = lambda_context_user(context);
    (void)event;
    lambda_clock_virtual_step(own->clock, SECOND);
    assert_true(lambda_context_remaining_ns(context) == 2 * SECOND);
    lambda_clock_virtual_step(own->clock, 2 * SECOND + 1);
    assert_int_equal(lambda_context_remaining_ns(context), 0);
    return lambda_response_write(response, "1", 1);
}

static void what_is_left_of_the_time_is_told(void **state)
{
    (void)state;
    world w;
    open_world(&w, (lambda_options){.close_grace_ms = 1500, .limits = {.init_timeout_ms = 4000}}, true);
    w.own.fail_inits = 1;
    w.own.handler = overruns;
    create(&w, (lambda_function_config){.timeout_ms = 3000});
    invoke(&w, NULL);
    assert_non_null(w.result.function_error);
    assert_true(w.own.init_left[0] == 4 * SECOND);
    assert_true(w.own.init_left[1] == 3 * SECOND);
    assert_true(w.own.shutdown_left == SECOND);
    /* Ahead of invocations nobody waits for it. */
    w.own = (plan){.clock = w.clock};
    assert_ok(w.lambda, lambda_version_publish(w.lambda, "f", NULL, NULL));
    assert_ok(w.lambda, lambda_provisioned_concurrency_put(w.lambda, "f:1", 1));
    lambda_clock_virtual_step(w.clock, 1);
    assert_int_equal(w.own.inits, 1);
    assert_true(w.own.init_left[0] == 130 * SECOND);
    close_world(&w);
}

/* ---- lines of the log */

static lambda_status writes_lines(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    char longer[6000];
    memset(longer, 'y', sizeof(longer));
    assert_true(lambda_context_logs(context));
    lambda_context_log_line(context, "{\"a\":1}\xFF\tb", 10);
    lambda_context_log_line(context, longer, sizeof(longer));
    lambda_context_log_line(context, NULL, 0);
    lambda_context_log_line(context, NULL, 4);
    return lambda_response_write(response, "1", 1);
}

typedef struct taken {
    int lines;
    int empty;
    int longer;
    char first[64];
} taken;

static lambda_status take(void *user, const lambda_log_record *record)
{
    taken *all = user;
    assert_int_equal(record->line[record->line_length], '\0');
    assert_int_equal(record->message[record->message_length], '\0');
    if (record->platform) return LAMBDA_OK;
    assert_int_equal(record->level, LAMBDA_LOG_INFO);
    assert_string_equal(record->type, "");
    assert_string_equal(record->log_group_name, "/aws/lambda/f");
    if (record->line_length == 0) {
        all->empty++;
    } else if (record->line_length == 6000) {
        all->longer++;
        assert_int_equal(strspn(record->line, "y"), 6000);
    } else {
        assert_int_equal(strlen(record->request_id), 36);
        assert_string_equal(record->message, record->line);
        snprintf(all->first, sizeof(all->first), "%s", record->line);
    }
    all->lines++;
    return LAMBDA_OK;
}

static void lines_stand_as_they_came(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        world w;
        taken all = {0};
        lambda_options options = {
            .log = {{.write = take, .user = &all, .direct = i % 2 == 0}},
        };
        open_world(&w, options, false);
        w.own.handler = writes_lines;
        /* Levels are not asked. */
        create(&w, (lambda_function_config){
                       .logging_config = {.log_format = i < 2 ? LAMBDA_LOG_FORMAT_TEXT : LAMBDA_LOG_FORMAT_JSON,
                                          .application_log_level = LAMBDA_LOG_OFF,
                                          .system_log_level = LAMBDA_LOG_OFF}});
        invoke(&w, "1");
        lambda_result_clear(&w.result);
        assert_int_equal(lambda_close(w.lambda), 0);
        assert_int_equal(all.lines, 3);
        assert_int_equal(all.empty, 1);
        assert_int_equal(all.longer, 1);
        assert_string_equal(all.first, "{\"a\":1}\xFF\tb");
        lambda_clock_virtual_close(w.clock);
        lambda_test_log_free(w.log);
    }
}

static void hooks_write_lines_too(void **state)
{
    (void)state;
    world w;
    open_world(&w, (lambda_options){0}, false);
    w.own.log_in_hooks = true;
    create(&w, (lambda_function_config){.logging_config = {.log_format = LAMBDA_LOG_FORMAT_JSON}});
    lambda_invoke_options tail = {.log_type = LAMBDA_LOG_TYPE_TAIL};
    assert_ok(w.lambda, lambda_invoke_with(w.lambda, "f", LAMBDA_JSON("1"), &tail, &w.result));
    assert_non_null(strstr(w.result.log_result.data, "\nfrom init\n"));
    close_world(&w);
    open_world(&w, (lambda_options){0}, true);
    w.own.log_in_hooks = true;
    create(&w, (lambda_function_config){0});
    invoke(&w, "1");
    assert_ok(w.lambda, lambda_function_delete(w.lambda, "f"));
    logged(&w, "from init", 1);
    logged(&w, "from shutdown", 1);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_configuration_is_told),  cmocka_unit_test(there_may_be_no_context),
        cmocka_unit_test(a_context_of_tests_has_all), cmocka_unit_test(what_is_left_of_the_time_is_told),
        cmocka_unit_test(lines_stand_as_they_came),   cmocka_unit_test(hooks_write_lines_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
