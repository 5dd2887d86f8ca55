/*
 * Environment variables of a function's processes. Names and values: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "variables.h"

static const lambda__runtime *runtime_named(const char *name)
{
    size_t count;
    const lambda__runtime *all = lambda__runtimes_all(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].name, name) == 0) return &all[i];
    fail_msg("no runtime %s", name);
    return NULL;
}

static lambda__facts facts_of(const char *runtime)
{
    return (lambda__facts){.runtime = runtime_named(runtime),
                           .handler = "index.handler",
                           .region = "eu-central-1",
                           .function_name = "area",
                           .function_version = "$LATEST",
                           .initialization_type = "on-demand",
                           .log_group_name = "/aws/lambda/area",
                           .log_stream_name = "2026/11/27/[$LATEST]0123",
                           .memory_mb = 256,
                           .log_format = LAMBDA_LOG_FORMAT_TEXT,
                           .log_level = LAMBDA_LOG_INFO,
                           .runtime_api = "127.0.0.1:9001",
                           .task = "/var/task",
                           .opt = "/opt",
                           .tmp = "/tmp",
                           .runtime_directory = "/var/runtime"};
}

static void assert_variable(char *const *variables, const char *name, const char *value)
{
    const char *found = lambda__variables_find(variables, name);
    if (!value) {
        assert_null(found);
        return;
    }
    if (!found) fail_msg("%s is not there", name);
    assert_string_equal(found, value);
}

static size_t count_of(char *const *variables, const char *name)
{
    size_t count = 0;
    for (; *variables; variables++)
        count += strncmp(*variables, name, strlen(name)) == 0 && (*variables)[strlen(name)] == '=';
    return count;
}

static void test_what_lambda_gives(void **state)
{
    (void)state;
    const lambda__facts facts = facts_of("provided.al2023");
    char **variables = lambda__variables_make(&facts, false);
    assert_non_null(variables);
    assert_variable(variables, "_HANDLER", "index.handler");
    assert_variable(variables, "AWS_REGION", "eu-central-1");
    assert_variable(variables, "AWS_DEFAULT_REGION", "eu-central-1");
    assert_variable(variables, "AWS_LAMBDA_FUNCTION_NAME", "area");
    assert_variable(variables, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    assert_variable(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
    assert_variable(variables, "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    assert_variable(variables, "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/area");
    assert_variable(variables, "AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/27/[$LATEST]0123");
    assert_variable(variables, "AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
    assert_variable(variables, "LAMBDA_TASK_ROOT", "/var/task");
    assert_variable(variables, "LAMBDA_RUNTIME_DIR", "/var/runtime");
    assert_variable(variables, "TZ", ":UTC");
    assert_variable(variables, "LANG", "en_US.UTF-8");
    assert_variable(variables, "PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin");
    assert_variable(variables, "LD_LIBRARY_PATH",
                    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib");
    assert_variable(variables, "AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR");
    /* Not of runtimes that are an operating system alone; and where nothing stands elsewhere, nothing says so. */
    assert_variable(variables, "AWS_EXECUTION_ENV", NULL);
    assert_variable(variables, "_X_AMZN_TRACE_ID", NULL);
    assert_variable(variables, "AWS_LAMBDA_LOG_FORMAT", NULL);
    assert_variable(variables, "HOME", NULL);
    assert_variable(variables, "NODE_PATH", NULL);
    assert_variable(variables, "PYTHONPATH", NULL);
    lambda__variables_free(variables);
}

static void test_languages(void **state)
{
    (void)state;
    const lambda__facts node = facts_of("nodejs20.x"), python = facts_of("python3.11");
    char **variables = lambda__variables_make(&node, false);
    assert_variable(variables, "AWS_EXECUTION_ENV", "AWS_Lambda_nodejs20.x");
    assert_variable(variables, "NODE_PATH",
                    "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:"
                    "/var/task");
    lambda__variables_free(variables);
    variables = lambda__variables_make(&python, false);
    assert_variable(variables, "AWS_EXECUTION_ENV", "AWS_Lambda_python3.11");
    assert_variable(variables, "PYTHONPATH",
                    "/var/task:/opt/python/lib/python3.11/site-packages:/opt/python:/var/runtime");
    lambda__variables_free(variables);
}

static void test_own_and_reserved(void **state)
{
    (void)state;
    static const lambda_pair own[] = {{"TABLE", "orders"},
                                      {"PATH", "/mine"},
                                      {"TZ", "Europe/Vienna"},
                                      {"AWS_LAMBDA_FUNCTION_NAME", "other"},
                                      {"EMPTY", ""}};
    lambda__facts facts = facts_of("provided.al2");
    facts.own = own;
    facts.own_count = 5;
    char **variables = lambda__variables_make(&facts, false);
    assert_variable(variables, "TABLE", "orders");
    assert_variable(variables, "EMPTY", "");
    assert_variable(variables, "PATH", "/mine");
    assert_variable(variables, "TZ", "Europe/Vienna");
    assert_variable(variables, "AWS_LAMBDA_FUNCTION_NAME", "area");
    assert_int_equal(count_of(variables, "PATH"), 1);
    assert_int_equal(count_of(variables, "AWS_LAMBDA_FUNCTION_NAME"), 1);
    lambda__variables_free(variables);
}

/* https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html */
static void test_json_log(void **state)
{
    (void)state;
    lambda__facts facts = facts_of("nodejs22.x");
    facts.log_format = LAMBDA_LOG_FORMAT_JSON;
    facts.log_level = LAMBDA_LOG_WARN;
    char **variables = lambda__variables_make(&facts, false);
    assert_variable(variables, "AWS_LAMBDA_LOG_FORMAT", "JSON");
    assert_variable(variables, "AWS_LAMBDA_LOG_LEVEL", "WARN");
    lambda__variables_free(variables);
}

/* https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html: what extensions cannot see. */
static void test_extension(void **state)
{
    (void)state;
    static const lambda_pair own[] = {{"TABLE", "orders"}};
    static const char *const without[] = {"_HANDLER",
                                          "AWS_EXECUTION_ENV",
                                          "AWS_LAMBDA_LOG_GROUP_NAME",
                                          "AWS_LAMBDA_LOG_STREAM_NAME",
                                          "AWS_XRAY_CONTEXT_MISSING",
                                          "AWS_XRAY_DAEMON_ADDRESS",
                                          "LAMBDA_RUNTIME_DIR",
                                          "LAMBDA_TASK_ROOT",
                                          "_AWS_XRAY_DAEMON_ADDRESS",
                                          "_AWS_XRAY_DAEMON_PORT"};
    lambda__facts facts = facts_of("python3.12");
    facts.own = own;
    facts.own_count = 1;
    char **variables = lambda__variables_make(&facts, true);
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
        assert_variable(variables, without[i], NULL);
    assert_variable(variables, "TABLE", "orders");
    assert_variable(variables, "AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
    assert_variable(variables, "AWS_LAMBDA_FUNCTION_NAME", "area");
    lambda__variables_free(variables);
}

static void test_other_directories(void **state)
{
    (void)state;
    lambda__facts facts = facts_of("provided.al2023");
    facts.task = "/srv/code";
    facts.opt = "/srv/layers";
    facts.tmp = "/srv/tmp";
    char **variables = lambda__variables_make(&facts, false);
    assert_variable(variables, "LAMBDA_TASK_ROOT", "/srv/code");
    assert_variable(variables, "HOME", "/srv/tmp");
    assert_variable(variables, "TMPDIR", "/srv/tmp");
    assert_variable(variables, "PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/srv/layers/bin");
    lambda__variables_free(variables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_lambda_gives), cmocka_unit_test(test_languages),
        cmocka_unit_test(test_own_and_reserved),  cmocka_unit_test(test_json_log),
        cmocka_unit_test(test_extension),         cmocka_unit_test(test_other_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
