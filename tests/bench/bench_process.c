/*
 * Functions in processes of their own, beside the very same programs that a bare server serves (bare_server.h). BENCH_BOOTSTRAP is a program that answers with its event; the environment variable BENCH_RIC
 * names a directory with node_modules/aws-lambda-ric, the official client for Node.js.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lambda/package.h>
#include <lambda/process.h>

#include "bare_server.h"
#include "bench.h"

static const char event[] = "{\"length\":3,\"width\":4}";

static lambda_t *lambda;
static lambda_packages *packages;
static lambda_target *target;
static lambda_result result;
static bare_server server;
static char directory[64];
static char program[512];       /* what the bare server starts */
static char script[512];        /* and its argument, where there is one */
static char variables[16][640]; /* in that environment */
static const char *environment[17];

static void require(bool holds, const char *what)
{
    if (holds) return;
    perror(what);
    exit(1);
}

static void shell(const char *format, const char *one, const char *two)
{
    char command[2048];
    int length = snprintf(command, sizeof(command), format, one, two);
    require(length < (int)sizeof(command) && system(command) == 0, command);
}

/** Lambda's variables, as the driver gives them; the bare server's runtimes want them too. */
static void set_variables(const char *task)
{
    static const char *const fixed[] = {"AWS_LAMBDA_FUNCTION_NAME=f",
                                        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
                                        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769",
                                        "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
                                        "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f",
                                        "AWS_LAMBDA_LOG_STREAM_NAME=2026/01/01/[$LATEST]0",
                                        "AWS_REGION=us-east-1",
                                        "_HANDLER=index.handler",
                                        "LANG=en_US.UTF-8",
                                        "TZ=:UTC",
                                        "PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin"};
    enum { FIXED = sizeof(fixed) / sizeof(fixed[0]) };
    for (size_t i = 0; i < FIXED; i++)
        environment[i] = fixed[i];
    snprintf(variables[0], sizeof(variables[0]), "LAMBDA_TASK_ROOT=%s", task);
    environment[FIXED] = variables[0];
    environment[FIXED + 1] = NULL;
}

static void start_bare(int clone_flags)
{
    const char *const arguments[] = {program, *script ? script : NULL, *script ? "index.handler" : NULL, NULL};
    bare_server_start(&server, arguments, environment, clone_flags);
}

/** A service with function "f", whose package is the directory `package` under ours. */
static void open_function(const char *runtime)
{
    char package[128], store[128];
    snprintf(package, sizeof(package), "%s/package", directory);
    snprintf(store, sizeof(store), "%s/store", directory);
    bench_check(NULL, lambda_packages_open(&(lambda_packages_options){.directory = store}, &packages));
    bench_check(NULL, lambda_open(NULL, &lambda));
    bench_check(lambda, lambda_process_open(
                            lambda, &(lambda_process_options){.packages = packages, .best_effort = true}, NULL));
    bench_check(lambda,
                lambda_function_create(lambda, &(lambda_function_config){.function_name = "f",
                                                                         .code = lambda_code_package(runtime, package),
                                                                         .handler = "index.handler",
                                                                         .memory_size = 1769,
                                                                         .timeout_ms = 30000,
                                                                         .isolation = LAMBDA_ISOLATION_PROCESS}));
    bench_check(lambda, lambda_target_open(lambda, "f", &target));
}

static void make_directory(void)
{
    snprintf(directory, sizeof(directory), "/tmp/bench-process-XXXXXX");
    require(mkdtemp(directory) != NULL, directory);
    /* Programs in a user namespace are somebody else. */
    require(chmod(directory, 0755) == 0, directory);
    shell("mkdir '%s/package'%s", directory, "");
}

static void open_bootstrap_function(void)
{
    make_directory();
    shell("cp '%s' '%s/package/bootstrap'", BENCH_BOOTSTRAP, directory);
    snprintf(program, sizeof(program), "%s/package/bootstrap", directory);
    script[0] = '\0';
    open_function("provided.al2023");
    set_variables(directory);
    bare_server_open(&server);
}

static void invoke(void)
{
    bench_check(lambda, lambda_target_invoke(target, lambda_bytes_make(event, sizeof(event) - 1), NULL, &result));
    if (result.function_error || result.payload.length != sizeof(event) - 1 ||
        memcmp(result.payload.data, event, sizeof(event) - 1) != 0) {
        fprintf(stderr, "%.*s\n", (int)result.payload.length, (const char *)result.payload.data);
        exit(1);
    }
}

static void open_bootstrap(void)
{
    open_bootstrap_function();
    start_bare(0);
    require(bare_server_ready(&server), program);
    invoke();
}

static void open_ric(void)
{
    const char *client = getenv("BENCH_RIC");
    if (!client) {
        fprintf(stderr, "process_ric: BENCH_RIC does not say where node_modules/aws-lambda-ric is\n");
        exit(1);
    }
    make_directory();
    shell("cp -rL '%s/node_modules' '%s/package/'", client, directory);
    shell("printf 'exports.handler = async (event) => event;\\n' >'%s/package/index.js'%s", directory, "");
    shell("command -v node >'%s/node'%s", directory, "");
    char path[128], package[128];
    snprintf(path, sizeof(path), "%s/node", directory);
    FILE *node = fopen(path, "r");
    require(node && fgets(program, sizeof(program), node) && fclose(node) == 0, path);
    program[strcspn(program, "\n")] = '\0';
    snprintf(package, sizeof(package), "%s/package", directory);
    snprintf(script, sizeof(script), "%s/node_modules/aws-lambda-ric/bin/index.mjs", package);
    open_function("nodejs20.x");
    set_variables(package);
    bare_server_open(&server);
    /* The client looks for the handler in its working directory, which is this process's. */
    require(chdir(package) == 0, package);
    start_bare(0);
    require(bare_server_ready(&server), script);
    /* Its start is not to be taken for what a warm round trip takes. */
    invoke();
}

static void close_all(void)
{
    bare_server_close(&server);
    lambda_target_close(target);
    lambda_result_clear(&result);
    lambda_close(lambda);
    lambda_packages_close(packages);
    require(chdir("/") == 0, "/");
    shell("rm -rf '%s'%s", directory, "");
}

static void invoke_warm(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        invoke();
}

static void bare_warm(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        require(bare_server_round_trip(&server, event, sizeof(event) - 1), program);
}

/** Each in a new environment: a function whose configuration was changed has none. That, and the former's end, do not count. */
static void invoke_cold(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        static unsigned changes;
        char value[16];
        uint64_t start = bench_clock();
        snprintf(value, sizeof(value), "%u", changes++);
        bench_check(lambda, lambda_function_update_configuration(
                                lambda, "f",
                                &(lambda_function_config){.environment = &(lambda_pair){"CHANGE", value},
                                                          .environment_count = 1}));
        bench_exclude(bench_clock() - start);
        invoke();
        if (!result.cold_start) {
            fprintf(stderr, "it was warm\n");
            exit(1);
        }
    }
}

static void bare_cold(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        start_bare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS);
        require(bare_server_first(&server, event, sizeof(event) - 1), program);
        uint64_t start = bench_clock();
        bare_server_stop(&server);
        bench_exclude(bench_clock() - start);
    }
}

const bench bench_process_bootstrap = {.name = "process_bootstrap",
                                       .what = "warm round trip to a C bootstrap through the Runtime API",
                                       .yardstick = "the same bootstrap against a bare epoll server",
                                       .target = 1.3,
                                       .threads = true,
                                       .round_ns = 200000000,
                                       .open = open_bootstrap,
                                       .product = invoke_warm,
                                       .compare = bare_warm,
                                       .close = close_all};

const bench bench_process_ric = {.name = "process_ric",
                                 .what = "warm round trip to the official client for Node.js",
                                 .yardstick = "the same client against a bare epoll server",
                                 .target = 1.1,
                                 .threads = true,
                                 .round_ns = 200000000,
                                 .open = open_ric,
                                 .product = invoke_warm,
                                 .compare = bare_warm,
                                 .close = close_all};

const bench bench_process_cold = {.name = "process_cold",
                                  .what = "cold start to first response, C bootstrap, all namespaces and limits on",
                                  .yardstick =
                                      "clone with the same flags, execve of the same program, its first request",
                                  .target = 1.5,
                                  .threads = true,
                                  .round_ns = 400000000,
                                  .open = open_bootstrap_function,
                                  .product = invoke_cold,
                                  .compare = bare_cold,
                                  .close = close_all};
