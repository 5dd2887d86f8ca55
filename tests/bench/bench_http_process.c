/* A signed Invoke to a C bootstrap, beside what it is made of: the same function without a server, then a function URL of a native one. One connection: one environment, as process_bootstrap has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lambda/process.h>

#include "bench.h"
#include "http_world.h"
#include "load_client.h"

static const char event[] = "{\"length\":3,\"width\":4}";

static http_world world;
static lambda_packages *packages;
static lambda_target *target;
static lambda_result result;
static load_client invoking;
static load_client url;

static void invoke(void)
{
    bench_check(world.lambda, lambda_target_invoke(target, lambda_bytes_make(event, sizeof(event) - 1), NULL, &result));
    if (!result.function_error && result.payload.length == sizeof(event) - 1) return;
    fprintf(stderr, "%.*s\n", (int)result.payload.length, (const char *)result.payload.data);
    exit(1);
}

static void make_function(void)
{
    char package[128], store[128], command[1024];
    snprintf(package, sizeof(package), "%s/package", world.directory);
    snprintf(store, sizeof(store), "%s/store", world.directory);
    snprintf(command, sizeof(command), "mkdir '%s' && cp '%s' '%s/bootstrap'", package, BENCH_BOOTSTRAP, package);
    if (system(command) != 0) exit(1);
    bench_check(NULL, lambda_packages_open(&(lambda_packages_options){.directory = store}, &packages));
    bench_check(
        world.lambda,
        lambda_process_open(world.lambda, &(lambda_process_options){.packages = packages, .best_effort = true}, NULL));
    bench_check(world.lambda,
                lambda_function_create(
                    world.lambda, &(lambda_function_config){.function_name = "f",
                                                            .code = lambda_code_package("provided.al2023", package),
                                                            .handler = "index.handler",
                                                            .memory_size = 1769,
                                                            .timeout_ms = 30000,
                                                            .isolation = LAMBDA_ISOLATION_PROCESS}));
    bench_check(world.lambda, lambda_target_open(world.lambda, "f", &target));
}

static void open_all(void)
{
    char request[HTTP_REQUEST];
    http_world_open(&world, 0);
    make_function();
    invoke();
    http_signed("POST", "/2015-03-31/functions/f/invocations", event, request);
    load_open(&invoking, lambda_http_port(world.http), 1, request);
    load_open(&url, lambda_http_port(world.http), 1, world.url);
    if (strcmp(invoking.body, event) == 0) return;
    fprintf(stderr, "it answered\n%s\n", invoking.answer);
    exit(1);
}

static void close_all(void)
{
    load_close(&invoking);
    load_close(&url);
    lambda_target_close(target);
    lambda_result_clear(&result);
    http_world_close(&world);
    lambda_packages_close(packages);
}

static void ask(uint64_t operations)
{
    load_run(&invoking, operations);
}

static void apart(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        invoke();
    load_run(&url, operations);
}

const bench bench_http_invoke_process = {.name = "http_invoke_process",
                                         .what = "signed Invoke to a C bootstrap, one after the other",
                                         .yardstick = "process_bootstrap, then http_url on one connection",
                                         .target = 1.2,
                                         .threads = true,
                                         .round_ns = 200000000,
                                         .open = open_all,
                                         .product = ask,
                                         .compare = apart,
                                         .close = close_all};
