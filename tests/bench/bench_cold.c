/* First invocations: in a new environment, and of a shared object that was never loaded. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "environment/environment.h"

static lambda_t *lambda;
static lambda_target *target;
static lambda_result result;
static volatile uint64_t duration;

static lambda_status retire(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)response;
    if (context) lambda_context_retire(context);
    return LAMBDA_OK;
}

static void open_service(void)
{
    bench_check(NULL, lambda_open(&(lambda_options){.limits = {.scaling_rate = 1000000000}}, &lambda));
    bench_check(lambda,
                lambda_function_create(
                    lambda, &(lambda_function_config){.function_name = "f", .code = lambda_code_native(retire, NULL)}));
    bench_check(lambda, lambda_target_open(lambda, "f", &target));
}

static void close_service(void)
{
    lambda_target_close(target);
    lambda_result_clear(&result);
    lambda_close(lambda);
}

static void invoke_cold(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        bench_check(lambda, lambda_target_invoke(target, LAMBDA_JSON("{}"), NULL, &result));
        if (!result.cold_start) exit(1);
    }
}

static void *volatile block;
static lambda_handler *volatile handler = retire;

static void allocate_and_call(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        block = malloc(sizeof(lambda__environment));
        if (!block) exit(1);
        memset(block, 0, sizeof(lambda__environment));
        uint64_t start = bench_clock();
        handler(NULL, NULL, NULL);
        duration = bench_clock() - start;
        free(block);
    }
}

const bench bench_env_cold_native = {.name = "env_cold_native",
                                     .what = "first invocation in a new environment, no init hook, and its end",
                                     .yardstick =
                                         "allocate, zero and free the same bytes, one call, two clock readings",
                                     .target = 5.0,
                                     .open = open_service,
                                     .product = invoke_cold,
                                     .compare = allocate_and_call,
                                     .close = close_service};

/* ---- a shared object */

static void open_bare(void)
{
    bench_check(NULL, lambda_open(NULL, &lambda));
}

static void close_bare(void)
{
    lambda_result_clear(&result);
    lambda_close(lambda);
}

static void load_and_invoke(uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        bench_check(lambda, lambda_function_create(
                                lambda, &(lambda_function_config){.function_name = "f",
                                                                  .handler = "object.nothing",
                                                                  .code = lambda_code_shared_object(BENCH_OBJECT)}));
        bench_check(lambda, lambda_invoke(lambda, "f", LAMBDA_JSON("{}"), &result));
        bench_check(lambda, lambda_function_delete(lambda, "f"));
    }
}

static void copy_and_open(uint64_t operations)
{
    static const char *const names[] = {"lambda_abi_version", "nothing", "lambda_init", "lambda_shutdown"};
    for (uint64_t i = 0; i < operations; i++) {
        char path[64];
        struct stat about;
        int from = open(BENCH_OBJECT, O_RDONLY | O_CLOEXEC);
        int to = memfd_create("object", MFD_CLOEXEC);
        if (from < 0 || to < 0 || fstat(from, &about) != 0) exit(1);
        if (sendfile(to, from, NULL, (size_t)about.st_size) != about.st_size) exit(1);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
        void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!object) exit(1);
        for (size_t k = 0; k < 4; k++)
            block = dlsym(object, names[k]);
        dlclose(object);
        close(to);
        close(from);
    }
}

const bench bench_env_cold_shared_object = {.name = "env_cold_shared_object",
                                            .what = "a shared object that was never loaded: created, invoked, deleted",
                                            .yardstick = "copy the file to a memfd, dlopen, the same dlsyms, dlclose",
                                            .target = 1.3,
                                            .open = open_bare,
                                            .product = load_and_invoke,
                                            .compare = copy_and_open,
                                            .close = close_bare};
