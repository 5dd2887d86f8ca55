/*
 * The server beside libmicrohttpd alone, which it stands on, and beside nginx; and what a signature costs. All are asked by the same client, a thread of this process, so its time is part of both sides' and brings
 * their ratio nearer to 1: what the servers alone cost is printed too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "http_peers.h"
#include "http_world.h"
#include "load_client.h"

/* What the server gives a connection by default: a request's headers, and 8 KiB. */
enum { CONNECTION_MEMORY = 16384 + 8192 };

/** Processor time of a server, without the client's. */
typedef struct server_cost {
    clockid_t clock;
    bool apart; /* it is a process of its own */
    uint64_t ns;
    uint64_t operations;
} server_cost;

static http_world world;
static load_client product_client;
static load_client yardstick_client;
static server_cost product_cost;
static server_cost yardstick_cost;
static pid_t nginx;

static uint64_t processor_time(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t server_time(const server_cost *of)
{
    return processor_time(of->clock) - (of->apart ? 0 : processor_time(CLOCK_THREAD_CPUTIME_ID));
}

static void run(load_client *client, server_cost *of, uint64_t operations)
{
    uint64_t start = server_time(of);
    load_run(client, operations);
    of->ns += server_time(of) - start;
    of->operations += operations;
}

static void ask_product(uint64_t operations)
{
    run(&product_client, &product_cost, operations);
}

static void ask_yardstick(uint64_t operations)
{
    run(&yardstick_client, &yardstick_cost, operations);
}

static void print_costs(void)
{
    double product = (double)product_cost.ns / (double)product_cost.operations;
    double yardstick = (double)yardstick_cost.ns / (double)yardstick_cost.operations;
    printf("%-22s processor time of the servers alone: %.0f ns a request, yardstick %.0f, ratio %.2f\n", "", product,
           yardstick, product / yardstick);
}

static void open_world(unsigned threads)
{
    http_world_open(&world, threads);
    product_cost = yardstick_cost = (server_cost){.clock = CLOCK_PROCESS_CPUTIME_ID};
}

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 2 ? 2 : count > 64 ? 64 : (unsigned)count;
}

static void open_bare(void)
{
    open_world(processors());
    load_open(&product_client, lambda_http_port(world.http), LOAD_CONNECTIONS, world.url);
    uint16_t port = bare_http_open(product_client.answer, processors(), CONNECTION_MEMORY);
    load_open(&yardstick_client, port, LOAD_CONNECTIONS, world.url);
    if (yardstick_client.answer_length == product_client.answer_length) return;
    fprintf(stderr, "the answers differ:\n%s\n%s\n", product_client.answer, yardstick_client.answer);
    exit(1);
}

static void close_clients(void)
{
    load_close(&product_client);
    load_close(&yardstick_client);
}

static void close_bare(void)
{
    close_clients();
    bare_http_close();
    http_world_close(&world);
}

/* nginx has one worker, so the server has one thread. */
static void open_nginx(void)
{
    open_world(1);
    load_open(&product_client, lambda_http_port(world.http), LOAD_CONNECTIONS, world.url);
    uint16_t port = load_free_port();
    nginx_configure(world.directory, port, product_client.body);
    nginx = nginx_start(world.directory);
    first_answer(port, world.url);
    load_open(&yardstick_client, port, LOAD_CONNECTIONS, world.url);
    yardstick_cost.apart = true;
    if (clock_getcpuclockid(nginx_worker(nginx), &yardstick_cost.clock) == 0) return;
    fprintf(stderr, "the worker of nginx has no clock\n");
    exit(1);
}

static void close_nginx(void)
{
    close_clients();
    peer_stop(nginx);
    http_world_close(&world);
}

static void open_signed(void)
{
    char request[HTTP_REQUEST];
    open_world(0);
    http_signed("POST", "/2015-03-31/functions/hello/invocations", "{}", request);
    load_open(&product_client, lambda_http_port(world.http), LOAD_CONNECTIONS, request);
    load_open(&yardstick_client, lambda_http_port(world.http), LOAD_CONNECTIONS, world.url);
}

static void close_signed(void)
{
    close_clients();
    http_world_close(&world);
}

const bench bench_http_url = {.name = "http_url",
                              .what = "function URL, native INLINE handler, \"hello\", 32 connections that are kept",
                              .yardstick = "libmicrohttpd alone with as many threads, answering the same bytes",
                              .target = 1.15,
                              .threads = true,
                              .round_ns = 200000000,
                              .open = open_bare,
                              .product = ask_product,
                              .compare = ask_yardstick,
                              .close = close_bare,
                              .remark = print_costs};

const bench bench_http_url_nginx = {.name = "http_url_nginx",
                                    .what = "the same from one thread",
                                    .yardstick = "nginx, one worker, static return 200",
                                    .target = 1.3,
                                    .threads = true,
                                    .round_ns = 200000000,
                                    .open = open_nginx,
                                    .product = ask_product,
                                    .compare = ask_yardstick,
                                    .close = close_nginx,
                                    .remark = print_costs};

const bench bench_http_invoke_signed = {.name = "http_invoke_signed",
                                        .what = "Invoke of the same handler, its signature of version 4 checked",
                                        .yardstick = "http_url",
                                        .target = 1.5,
                                        .threads = true,
                                        .round_ns = 200000000,
                                        .open = open_signed,
                                        .product = ask_product,
                                        .compare = ask_yardstick,
                                        .close = close_signed,
                                        .remark = print_costs};
