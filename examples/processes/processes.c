/*
 * Functions in processes of their own. The function `area` of examples/area as a shared object through the three isolation levels, and as deployment packages of a C program, of Node.js and of
 * Python; then a function that works on a file, with a layer.
 *
 *     processes EXAMPLES PACKAGES SHAPES_SO
 *
 * EXAMPLES is the directory of the examples, PACKAGES one where area/package.sh has put its zips and the store is to be, SHAPES_SO a shared object with the handler: processes.sh has them all. What this machine has no
 * interpreter for is left out, and said so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/lambda.h>
#include <lambda/layer.h>
#include <lambda/process.h>

/* "day,cups\nmonday,12\ntuesday,30\n" */
#define TABLE "{\"name\":\"coffee.csv\",\"file\":\"ZGF5LGN1cHMKbW9uZGF5LDEyCnR1ZXNkYXksMzAK\"}"

static lambda_t *lambda;
static int failures;

static void fail(const char *what)
{
    printf("%-28s FAILED: %s\n", what, lambda_error_message(lambda));
    failures++;
}

/** Creates a function; false, said aloud, where it cannot be. A missing interpreter is no failure. */
static bool create(const char *name, lambda_code code, const char *handler, lambda_isolation isolation,
                   const char *const *layers)
{
    lambda_function_config config = {.function_name = name,
                                     .code = code,
                                     .handler = handler,
                                     .isolation = isolation,
                                     .memory_size = 256,
                                     .timeout_ms = 20000,
                                     .layers = layers,
                                     .layers_count = layers ? 1 : 0};
    lambda_status status = lambda_function_create(lambda, &config);
    if (status == LAMBDA_ERROR_INVALID_RUNTIME)
        printf("%-28s left out: %s\n", name, lambda_error_message(lambda));
    else if (status != LAMBDA_OK)
        fail(name);
    return status == LAMBDA_OK;
}

/** Invokes it cold and then warm, and compares the answer; with whitespace left away, which languages put as they like. */
static void run(const char *name, lambda_bytes event, const char *expected)
{
    lambda_result result = {0};
    char answer[256] = "";
    double cold = 0;
    if (lambda_invoke(lambda, name, event, &result) == LAMBDA_OK)
        cold = (double)(result.init_duration_ns + result.duration_ns) / 1e6;
    if (lambda_invoke(lambda, name, event, &result) != LAMBDA_OK) {
        fail(name);
    } else {
        size_t length = 0;
        for (size_t i = 0; i < result.payload.length && length < sizeof(answer) - 1; i++) {
            char each = ((const char *)result.payload.data)[i];
            if (each != ' ') answer[length++] = each;
        }
        /* JavaScript writes 12 for 12.0. */
        bool same = strncmp(answer, expected, strlen(expected)) == 0 && !result.function_error;
        printf("%-28s %-60s cold %8.2f ms, warm %6.2f ms%s\n", name, answer, cold, (double)result.duration_ns / 1e6,
               same ? "" : "  UNEXPECTED");
        failures += !same;
    }
    lambda_result_clear(&result);
}

static void area(const char *name, lambda_code code, const char *handler, lambda_isolation isolation)
{
    if (create(name, code, handler, isolation, NULL))
        run(name, LAMBDA_JSON("{\"length\":3,\"width\":4}"), "{\"area\":12");
}

static void areas(const char *packages, const char *object)
{
    char zip[1024];
    area("area-inline", lambda_code_shared_object(object), "shapes.area", LAMBDA_ISOLATION_INLINE);
    area("area-thread", lambda_code_shared_object(object), "shapes.area", LAMBDA_ISOLATION_THREAD);
    area("area-process", lambda_code_shared_object(object), "shapes.area", LAMBDA_ISOLATION_PROCESS);
    snprintf(zip, sizeof(zip), "%s/area-bootstrap.zip", packages);
    area("area-bootstrap", lambda_code_package("provided.al2023", zip), "", LAMBDA_ISOLATION_DEFAULT);
    snprintf(zip, sizeof(zip), "%s/area-node.zip", packages);
    area("area-node", lambda_code_package("nodejs20.x", zip), "index.handler", LAMBDA_ISOLATION_DEFAULT);
    snprintf(zip, sizeof(zip), "%s/area-python.zip", packages);
    area("area-python", lambda_code_package("python3.11", zip), "area.handler", LAMBDA_ISOLATION_DEFAULT);
}

static void report(lambda_packages *packages, const char *examples)
{
    char layer_path[1024];
    char path[1024];
    lambda_layer_version *layer = NULL;
    snprintf(layer_path, sizeof(layer_path), "%s/processes/layer", examples);
    snprintf(path, sizeof(path), "%s/processes/report", examples);
    const char *const runtimes[] = {"python3.11"};
    const lambda_layer_config config = {
        .layer_name = "tables", .path = layer_path, .compatible_runtimes = runtimes, .compatible_runtimes_count = 1};
    if (lambda_layer_publish(packages, &config, &layer) != LAMBDA_OK) {
        printf("layer FAILED: %s\n", lambda_error_message(NULL));
        failures++;
        return;
    }
    printf("%-28s %s\n", "layer", layer->layer_version_arn);
    const char *const layers[] = {layer->layer_version_arn};
    if (create("report", lambda_code_package("python3.11", path), "report.handler", LAMBDA_ISOLATION_DEFAULT, layers))
        run("report", LAMBDA_JSON(TABLE), "{\"name\":\"coffee.csv\",\"rows\":2,\"sums\":{\"cups\":42.0}}");
    lambda_layer_version_free(layer);
}

int main(int count, char **arguments)
{
    char store[1024];
    lambda_packages *packages = NULL;
    lambda_process *process = NULL;
    if (count != 4) {
        fprintf(stderr, "usage: processes EXAMPLES PACKAGES SHAPES_SO\n");
        return 2;
    }
    snprintf(store, sizeof(store), "%s/store", arguments[2]);
    if (lambda_packages_open(&(lambda_packages_options){.directory = store}, &packages) != LAMBDA_OK ||
        lambda_open(NULL, &lambda) != LAMBDA_OK) {
        fprintf(stderr, "%s\n", lambda_error_message(NULL));
        return 1;
    }
    if (lambda_process_open(lambda, &(lambda_process_options){.packages = packages, .best_effort = true}, &process) !=
        LAMBDA_OK) {
        fail("processes");
    } else {
        lambda_process_limits limits;
        lambda_process_limits_get(process, &limits);
        printf("memory: %s, processor: %s, /tmp: %s, paths: %s%s%s\n", lambda_process_mechanism_name(limits.memory),
               lambda_process_mechanism_name(limits.cpu), lambda_process_mechanism_name(limits.storage),
               lambda_process_mechanism_name(limits.paths), limits.reason[0] ? "; " : "", limits.reason);
        areas(arguments[2], arguments[3]);
        report(packages, arguments[1]);
    }
    lambda_close(lambda);
    lambda_packages_close(packages);
    printf("%s\n", failures == 0 ? "all the same" : "NOT ALL THE SAME");
    return failures == 0 ? 0 : 1;
}
