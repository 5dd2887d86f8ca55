/* `lambda serve` from its start to its first answer, which names one of the thousand functions of its data directory; nginx likewise. BENCH_COMMAND is the command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/process.h>
#include <lambda/sqlite.h>

#include "bench.h"
#include "http_peers.h"
#include "http_world.h"
#include "load_client.h"

enum { FUNCTIONS = 1000 };

static char directory[64];
static char credentials[128];
static char data[96];
static char port_text[8];
static uint16_t serve_port;
static uint16_t nginx_port;
static char request[HTTP_REQUEST];

static const char *const command[] = {BENCH_COMMAND, "serve",     "--data",        data,        "--port", port_text,
                                      "--region",    "us-east-1", "--credentials", credentials, NULL};

/** As the command has them there (tools/lambda/home.c). */
static void make_functions(void)
{
    char path[160], package[128], shell[1024];
    lambda_t *lambda;
    lambda_packages *packages;
    lambda_sqlite *file;
    lambda_options options = {.region = "us-east-1"};
    snprintf(package, sizeof(package), "%s/package", directory);
    snprintf(shell, sizeof(shell), "mkdir '%s' '%s' && cp '%s' '%s/bootstrap'", data, package, BENCH_BOOTSTRAP,
             package);
    if (system(shell) != 0) exit(1);
    snprintf(path, sizeof(path), "%s/lambda.db", data);
    bench_check(NULL, lambda_sqlite_open(path, NULL, &file));
    snprintf(path, sizeof(path), "%s/packages", data);
    bench_check(
        NULL, lambda_packages_open(&(lambda_packages_options){.directory = path, .region = options.region}, &packages));
    lambda_sqlite_use(file, &options);
    bench_check(NULL, lambda_open(&options, &lambda));
    bench_check(lambda, lambda_process_open(
                            lambda, &(lambda_process_options){.packages = packages, .best_effort = true}, NULL));
    for (int i = 0; i < FUNCTIONS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "function-%d", i);
        bench_check(lambda, lambda_function_create(lambda, &(lambda_function_config){
                                                               .function_name = name,
                                                               .code = lambda_code_package("provided.al2023", package),
                                                               .handler = "index.handler",
                                                               .isolation = LAMBDA_ISOLATION_PROCESS}));
    }
    lambda_close(lambda);
    lambda_packages_close(packages);
    lambda_sqlite_close(file);
}

static void open_all(void)
{
    http_directory_make(directory);
    http_credentials_write(directory, credentials);
    snprintf(data, sizeof(data), "%s/data", directory);
    make_functions();
    serve_port = load_free_port();
    nginx_port = load_free_port();
    snprintf(port_text, sizeof(port_text), "%u", serve_port);
    nginx_configure(directory, nginx_port, "hello");
}

static void close_all(void)
{
    http_directory_remove(directory);
}

/* Ending it is no part of it. */
static void end(pid_t child)
{
    uint64_t start = bench_clock();
    peer_stop(child);
    bench_exclude(bench_clock() - start);
}

static void start_serve(uint64_t operations)
{
    http_signed("GET", "/2015-03-31/functions/function-999/configuration", "", request);
    for (uint64_t i = 0; i < operations; i++) {
        pid_t child = peer_start(command);
        first_answer(serve_port, request);
        end(child);
    }
}

static void start_nginx(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        pid_t child = nginx_start(directory);
        first_answer(nginx_port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        end(child);
    }
}

/** Of a process, in KiB; 0: it has no such line. */
static unsigned long memory_of(pid_t child, const char *line)
{
    char path[64], text[256];
    unsigned long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)child);
    FILE *file = fopen(path, "r");
    while (file && fgets(text, sizeof(text), file))
        if (strncmp(text, line, strlen(line)) == 0) kib = strtoul(text + strlen(line), NULL, 10);
    if (file) fclose(file);
    return kib;
}

static void print_memory(void)
{
    pid_t child = peer_start(command);
    first_answer(serve_port, request);
    printf("%-22s idle memory of lambda serve after its first answer: %.1f MiB resident, %.1f of them no file's\n", "",
           (double)memory_of(child, "VmRSS:") / 1024, (double)memory_of(child, "RssAnon:") / 1024);
    peer_stop(child);
}

const bench bench_serve_start = {.name = "serve_start",
                                 .what = "lambda serve, 1,000 functions in its data directory, to its first answer",
                                 .yardstick = "nginx, from its start to its first answer",
                                 .target = 3,
                                 .threads = true,
                                 .round_ns = 200000000,
                                 .open = open_all,
                                 .product = start_serve,
                                 .compare = start_nginx,
                                 .close = close_all,
                                 .remark = print_memory};
