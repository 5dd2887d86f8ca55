/*
 * One function in several languages: a shared object through the three isolation levels, Node.js and Python with the library's own bootstraps, found in packages and layers.
 */
#include "process_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static process_world world;

static int open_world(void **state)
{
    (void)state;
    process_world_open(&world, NULL);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    process_world_close(&world);
    return 0;
}

static void invoke_area(const char *name)
{
    assert_ok(world.lambda,
              lambda_invoke(world.lambda, name, LAMBDA_JSON("{\"length\":3,\"width\":4}"), &world.result));
}

static void test_object(void **state)
{
    (void)state;
    static const lambda_isolation isolations[] = {LAMBDA_ISOLATION_INLINE, LAMBDA_ISOLATION_THREAD,
                                                  LAMBDA_ISOLATION_PROCESS};
    const char *object = getenv("TEST_PROCESS_AREA");
    assert_non_null(object);
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "area-%zu", i);
        process_world_create(&world, name, NULL,
                             &(lambda_function_config){.code = lambda_code_shared_object(object),
                                                       .handler = "area.area",
                                                       .isolation = isolations[i],
                                                       .memory_size = 1769,
                                                       .timeout_ms = 20000},
                             NULL);
        invoke_area(name);
        process_world_answered(&world, "{\"area\":12.0}");
    }
    assert_true(process_world_processes(&world) > 0);
    /* What it logs comes from a process as from a thread. */
    assert_int_equal(lambda_test_log_count(world.log, "log group: /aws/lambda/area-0"), 1);
    assert_int_equal(lambda_test_log_count(world.log, "log group: /aws/lambda/area-2"), 1);
}

/** The same, its bytes given. */
static void test_object_bytes(void **state)
{
    (void)state;
    const char *object = getenv("TEST_PROCESS_AREA");
    FILE *file = fopen(object, "rb");
    assert_non_null(file);
    static char bytes[4 << 20];
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    process_world_create(&world, "area", NULL,
                         &(lambda_function_config){.code = lambda_code_shared_object_bytes("area.so", bytes, length),
                                                   .handler = "area.area",
                                                   .isolation = LAMBDA_ISOLATION_PROCESS,
                                                   .memory_size = 1769,
                                                   .timeout_ms = 20000},
                         NULL);
    invoke_area("area");
    process_world_answered(&world, "{\"area\":12.0}");
}

static const char in_node[] = "const shapes = require('shapes');\n"
                              "exports.area = async (event, context) => {\n"
                              "  console.log('log group: ' + context.logGroupName);\n"
                              "  return {area: shapes.area(event.length, event.width)};\n"
                              "};\n"
                              "exports.broken = async () => { throw new TypeError('broken on purpose'); };\n";

static char *publish(const char *name, const char *directory)
{
    lambda_layer_version *version = NULL;
    assert_ok(NULL, lambda_layer_publish(world.packages, &(lambda_layer_config){.layer_name = name, .path = directory},
                                         &version));
    char *arn = strdup(version->layer_version_arn);
    lambda_layer_version_free(version);
    assert_non_null(arn);
    return arn;
}

static void create_in(const char *name, const char *runtime, const char *directory, const char *handler,
                      const char *layer)
{
    const char *layers[] = {layer};
    process_world_create(&world, name, NULL,
                         &(lambda_function_config){.code = lambda_code_package(runtime, directory),
                                                   .handler = handler,
                                                   .layers = layer ? layers : NULL,
                                                   .layers_count = layer ? 1 : 0,
                                                   .memory_size = 1769,
                                                   .timeout_ms = 20000},
                         NULL);
}

static void test_node(void **state)
{
    (void)state;
    if (access("/usr/bin/node", X_OK) != 0) skip();
    char *layer = publish("shapes", process_world_file(&world, "shapes", "nodejs/node_modules/shapes/index.js",
                                                       "exports.area = (a, b) => a * b;\n", false));
    const char *directory = process_world_file(&world, "node", "index.js", in_node, false);
    create_in("area", "nodejs20.x", directory, "index.area", layer);
    create_in("broken", "nodejs20.x", process_world_file(&world, "node", "index.js", in_node, false), "index.broken",
              layer);
    create_in("absent", "nodejs20.x", process_world_file(&world, "node", "index.js", in_node, false), "index.absent",
              layer);
    invoke_area("area");
    process_world_answered(&world, "{\"area\":12}");
    assert_int_equal(lambda_test_log_count(world.log, "log group: /aws/lambda/area"), 1);
    invoke_area("broken");
    process_world_failed(&world, "TypeError", "broken on purpose");
    assert_non_null(strstr(world.result.payload.data, "index.js"));
    invoke_area("absent");
    process_world_failed(&world, "Runtime.HandlerNotFound", "absent");
    free(layer);
}

static const char in_python[] = "import shapes\n"
                                "def area(event, context):\n"
                                "    print('log group: ' + context.log_group_name)\n"
                                "    return {'area': shapes.area(event['length'], event['width'])}\n"
                                "def broken(event, context):\n"
                                "    raise ValueError('broken on purpose')\n";

static void test_python(void **state)
{
    (void)state;
    if (access("/usr/bin/python3", X_OK) != 0) skip();
    char *layer = publish("shapes", process_world_file(&world, "shapes", "python/shapes.py",
                                                       "def area(a, b):\n    return a * b\n", false));
    create_in("area", "python3.11", process_world_file(&world, "python", "main.py", in_python, false), "main.area",
              layer);
    create_in("broken", "python3.11", process_world_file(&world, "python", "main.py", in_python, false), "main.broken",
              layer);
    create_in("absent", "python3.11", process_world_file(&world, "python", "main.py", in_python, false), "other.area",
              layer);
    invoke_area("area");
    process_world_answered(&world, "{\"area\": 12}");
    assert_int_equal(lambda_test_log_count(world.log, "log group: /aws/lambda/area"), 1);
    invoke_area("broken");
    process_world_failed(&world, "ValueError", "broken on purpose");
    invoke_area("absent");
    process_world_failed(&world, "Runtime.ImportModuleError", "other");
    free(layer);
}

/* https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper */
static void test_wrapper(void **state)
{
    (void)state;
    if (access("/usr/bin/node", X_OK) != 0) skip();
    process_world_file(&world, "wrapped", "wrap", "#!/bin/sh\nexport WRAPPED=yes\nexec \"$@\"\n", true);
    const lambda_pair variables[] = {{"AWS_LAMBDA_EXEC_WRAPPER", "/var/task/wrap"}, {NULL, NULL}};
    const char *directory = process_world_file(&world, "wrapped", "index.js",
                                               "exports.handler = async () => process.env.WRAPPED;\n", false);
    lambda_process_limits limits;
    assert_ok(world.lambda, lambda_process_limits_get(world.process, &limits));
    if (limits.paths != LAMBDA_PROCESS_NAMESPACE) skip();
    process_world_create(&world, "wrapped", NULL,
                         &(lambda_function_config){.code = lambda_code_package("nodejs20.x", directory),
                                                   .handler = "index.handler",
                                                   .memory_size = 1769,
                                                   .timeout_ms = 20000},
                         variables);
    process_world_say(&world, "wrapped", "x");
    process_world_answered(&world, "\"yes\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_object, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_object_bytes, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_node, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_python, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_wrapper, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
