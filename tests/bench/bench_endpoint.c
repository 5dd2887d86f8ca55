/* The Runtime API's endpoint alone, without a sandbox: a minimal runtime asks it, and the bare server. What a real runtime spends on its side makes the ratio of a whole round trip smaller. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bare_server.h"
#include "bench.h"
#include "endpoint.h"

static const char payload[] = "{\"length\":3,\"width\":4}";
static bare_server server;
static bare_server other; /* whose child speaks with the endpoint */
static lambda__loop loop;
static lambda__endpoint *endpoint;
static bool ready;
static bool failed;

static void tell(void *user)
{
    (void)user;
}

static void all_ready(void *user)
{
    (void)user;
    ready = true;
}

static void begin(void *user, bool streamed, const char *content_type)
{
    (void)user;
    (void)content_type;
    failed = failed || streamed;
}

static lambda_status data(void *user, const void *bytes, size_t length)
{
    (void)user;
    failed = failed || length != sizeof(payload) - 1 || memcmp(bytes, payload, length) != 0;
    return LAMBDA_OK;
}

static void end(void *user, bool complete, const char *type, lambda_bytes body)
{
    (void)user;
    (void)body;
    failed = failed || !complete || type;
}

static const lambda__endpoint_events events = {
    .runtime_ready = tell, .all_ready = all_ready, .response_begin = begin, .response_data = data, .response_end = end};

static void until_ready(void)
{
    uint64_t deadline = lambda__loop_now() + UINT64_C(10000000000);
    while (!ready)
        if (lambda__loop_run(&loop, deadline) != 0 || lambda__loop_now() > deadline) exit(1);
    if (failed) exit(1);
}

static void open_both(void)
{
    const char *const arguments[] = {BENCH_CLIENT, NULL};
    char message[256];
    bare_server_open(&server);
    bare_server_start(&server, arguments, NULL, 0);
    if (!bare_server_ready(&server)) exit(1);
    if (lambda__loop_open(&loop) != 0) exit(1);
    const lambda__endpoint_options options = {.loop = &loop,
                                              .events = &events,
                                              .response_limit = (size_t)6 * 1024 * 1024,
                                              .function_name = "f",
                                              .function_version = "$LATEST",
                                              .handler = "",
                                              .account_id = "000000000000",
                                              .peer = geteuid()};
    if (lambda__endpoint_open(&options, &endpoint, message) != LAMBDA_OK) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    bare_server_open(&other);
    snprintf(other.address, sizeof(other.address), "%s", lambda__endpoint_address(endpoint));
    bare_server_start(&other, arguments, NULL, 0);
    until_ready();
}

static void close_both(void)
{
    bare_server_close(&server);
    lambda__endpoint_close(endpoint);
    lambda__loop_close(&loop);
    bare_server_close(&other);
}

static void round_trips(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        char id[48];
        snprintf(id, sizeof(id), "8476a536-e9f4-11e8-9739-%012llx", (unsigned long long)i);
        ready = false;
        const lambda__endpoint_invocation invocation = {
            .request_id = id,
            .invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:f",
            .deadline_ms = 4102444800000,
            .trace_id = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
            .payload = lambda_bytes_make(payload, sizeof(payload) - 1)};
        bench_check(NULL, lambda__endpoint_invoke(endpoint, &invocation));
        until_ready();
    }
}

static void bare_round_trips(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++)
        if (!bare_server_round_trip(&server, payload, sizeof(payload) - 1)) exit(1);
}

const bench bench_process_endpoint = {.name = "process_endpoint",
                                      .what = "next, response, next through the Runtime API's endpoint, minimal client",
                                      .yardstick = "the same client against a bare epoll server",
                                      .target = 1.5,
                                      .threads = true,
                                      .open = open_both,
                                      .product = round_trips,
                                      .compare = bare_round_trips,
                                      .close = close_both};
