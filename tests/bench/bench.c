#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#endif

enum { ROUNDS = 15, ROUND_NS = 40000000, COUNTED = 20000 };

static const bench *const benches[] = {
    &bench_sync_by_target,
    &bench_sync_by_name,
    &bench_sync_two_threads,
    &bench_sync_json,
    &bench_sync_typed,
    &bench_registry_million,
    &bench_env_thread_parked,
    &bench_env_thread_hot,
    &bench_env_cold_native,
    &bench_env_cold_shared_object,
    &bench_env_thousand,
    &bench_pump_idle,
    &bench_simulation_rate,
    &bench_log_filter,
    &bench_observe_off,
    &bench_observe_metrics,
    &bench_observe_logs,
    &bench_observe_trace,
    &bench_observe_two_threads,
    &bench_async_memory_1x1,
    &bench_async_memory_1x1_peers,
    &bench_async_memory_2x2,
    &bench_async_parked,
    &bench_async_depth,
    &bench_async_durable_single,
    &bench_async_durable_group,
    &bench_async_durable_relaxed,
    &bench_package_unpack,
#ifdef BENCH_BOOTSTRAP
    &bench_process_bootstrap,
    &bench_process_ric,
    &bench_process_cold,
#endif
    &bench_process_endpoint,
    &bench_stream_throughput,
#ifdef BENCH_HTTP
    &bench_http_url,
    &bench_http_url_nginx,
    &bench_http_invoke_signed,
#ifdef BENCH_BOOTSTRAP
    &bench_http_invoke_process,
#endif
#ifdef BENCH_COMMAND
    &bench_serve_start,
#endif
#endif
};
enum { BENCHES = sizeof(benches) / sizeof(benches[0]) };

void bench_check(lambda_t *lambda, lambda_status status)
{
    if (status == LAMBDA_OK) return;
    fprintf(stderr, "%s: %s\n", lambda_status_name(status), lambda_error_message(lambda));
    exit(1);
}

lambda_status bench_nothing(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    (void)event;
    (void)context;
    (void)response;
    return LAMBDA_OK;
}

uint64_t bench_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- figures */

typedef struct figures {
    double values[ROUNDS];
    double median, least, most;
} figures;

static int compare_doubles(const void *one, const void *two)
{
    double a = *(const double *)one;
    double b = *(const double *)two;
    return (a > b) - (a < b);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof(values[0]), compare_doubles);
    return values[count / 2];
}

static void summarise(figures *of)
{
    double sorted[ROUNDS];
    memcpy(sorted, of->values, sizeof(sorted));
    of->median = bench_median(sorted, ROUNDS);
    of->least = sorted[0];
    of->most = sorted[ROUNDS - 1];
}

static uint64_t excluded;
static double own_cost;

void bench_exclude(uint64_t ns)
{
    excluded += ns;
}

void bench_cost(double ns)
{
    own_cost = ns;
}

void bench_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (cpu < 0 || i == cpu) CPU_SET(i, &set);
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1) pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/** `*took` is the whole round's time, what does not count included. */
static double cost(void (*work)(uint64_t), uint64_t operations, uint64_t *took)
{
    excluded = 0;
    own_cost = 0;
    uint64_t start = bench_clock();
    work(operations);
    *took = bench_clock() - start;
    return own_cost > 0 ? own_cost : (double)(*took - excluded) / (double)operations;
}

/** So many operations as take one round's time; doubling until then warms everything up. */
static uint64_t calibrate(void (*work)(uint64_t), double round_ns)
{
    for (uint64_t operations = 1;; operations *= 2) {
        uint64_t took;
        cost(work, operations, &took);
        if ((double)took > round_ns / 4) return (uint64_t)(round_ns / (double)took * (double)operations) + 1;
    }
}

static void print_bar(double ratio, double target)
{
    enum { WIDTH = 24 };
    int mark = (int)(target / (target * 2) * WIDTH);
    int filled = (int)(ratio / (target * 2) * WIDTH);
    for (int i = 0; i < WIDTH; i++)
        fputs(i == mark ? "|" : i < filled ? "#" : ".", stdout);
}

static bool run(const bench *one, FILE *json)
{
    figures product = {{0}, 0, 0, 0};
    figures yardstick = product;
    double round_ns = one->round_ns ? (double)one->round_ns : ROUND_NS;
    uint64_t took;
    one->open();
    uint64_t product_operations = calibrate(one->product, round_ns);
    uint64_t yardstick_operations = calibrate(one->compare, round_ns);
    for (int i = 0; i < ROUNDS; i++) {
        product.values[i] = cost(one->product, product_operations, &took);
        yardstick.values[i] = cost(one->compare, yardstick_operations, &took);
    }
    summarise(&product);
    summarise(&yardstick);
    double ratio = product.median / yardstick.median;
    bool met = ratio <= one->target;
    printf("%-22s %9.1f %9.1f..%-9.1f %9.1f %9.1f..%-9.1f %6.2f %6.2f ", one->name, product.median, product.least,
           product.most, yardstick.median, yardstick.least, yardstick.most, ratio, one->target);
    print_bar(ratio, one->target);
    printf(" %s\n", met ? "met" : "MISSED");
    if (one->remark) one->remark();
    fflush(stdout);
    one->close();
    if (json)
        fprintf(
            json,
            "{\"name\":\"%s\",\"product\":%.3f,\"yardstick\":%.3f,\"ratio\":%.4f,\"target\":%.2f,\"unit\":\"ns\","
            "\"rounds\":%d,\"product_min\":%.3f,\"product_max\":%.3f,\"yardstick_min\":%.3f,\"yardstick_max\":%.3f}\n",
            one->name, product.median, yardstick.median, ratio, one->target, ROUNDS, product.least, product.most,
            yardstick.least, yardstick.most);
    return met;
}

/** Runs it in a process of its own, which says at its end whether the target was met. */
static bool run_apart(const bench *one, FILE *json)
{
    enum { MET = 0, MISSED = 3 };
    int ended = -1;
    fflush(stdout);
    if (json) fflush(json);
    pid_t child = fork();
    if (child == 0) exit(run(one, json) ? MET : MISSED);
    if (child > 0) waitpid(child, &ended, 0);
    if (ended == -1 || !WIFEXITED(ended) || (WEXITSTATUS(ended) != MET && WEXITSTATUS(ended) != MISSED))
        printf("%-22s did not come to its end\n", one->name);
    return ended == MET;
}

/* ---- instructions: the bench runs itself under callgrind, collecting only around the counted operations */

static void count_here(const bench *one, bool product)
{
    void (*work)(uint64_t) = product ? one->product : one->compare;
    one->open();
    work(64);
    CALLGRIND_TOGGLE_COLLECT;
    work(COUNTED);
    CALLGRIND_TOGGLE_COLLECT;
    one->close();
}

static double count_instructions(const char *self, const char *name, const char *which)
{
    char command[4096];
    char line[512];
    double total = -1;
    snprintf(command, sizeof(command),
             "valgrind --tool=callgrind --collect-atstart=no --callgrind-out-file=/dev/null '%s' --count %s %s 2>&1",
             self, which, name);
    FILE *output = popen(command, "r");
    if (!output) return -1;
    while (fgets(line, sizeof(line), output)) {
        const char *collected = strstr(line, "Collected : ");
        if (collected) total = atof(collected + strlen("Collected : "));
    }
    return pclose(output) == 0 && total >= 0 ? total / COUNTED : -1;
}

static void print_instructions(const char *self, const bench *one)
{
    if (one->threads) return;
    double product = count_instructions(self, one->name, "product");
    double yardstick = count_instructions(self, one->name, "yardstick");
    if (product < 0 || yardstick < 0)
        printf("%-22s instructions: valgrind did not run\n", one->name);
    else
        printf("%-22s %9.1f instructions, yardstick %.1f, ratio %.2f\n", one->name, product, yardstick,
               product / yardstick);
}

static const bench *find(const char *name)
{
    for (size_t i = 0; i < BENCHES; i++)
        if (strcmp(benches[i]->name, name) == 0) return benches[i];
    fprintf(stderr, "there is no bench \"%s\"; there are", name);
    for (size_t i = 0; i < BENCHES; i++)
        fprintf(stderr, " %s", benches[i]->name);
    fputs("\n", stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    const bench *chosen[BENCHES];
    size_t count = 0;
    bool instructions = false;
    bool strict = false;
    FILE *json = NULL;
    if (argc == 4 && strcmp(argv[1], "--count") == 0) {
        count_here(find(argv[3]), strcmp(argv[2], "product") == 0);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--instructions") == 0)
            instructions = true;
        else if (strcmp(argv[i], "--strict") == 0)
            strict = true;
        else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            json = fopen(argv[++i], "w");
        else if (count < BENCHES)
            chosen[count++] = find(argv[i]);
        if (strcmp(argv[i - 1], "--json") == 0 && !json) {
            perror(argv[i]);
            return 2;
        }
    }
    if (count == 0) {
        memcpy(chosen, benches, sizeof(chosen));
        count = BENCHES;
    }
    printf("%-22s %9s %20s %9s %20s %6s %6s\n", "ns an operation", "median", "least..most", "yardstick", "least..most",
           "ratio", "target");
    bool met = true;
    for (size_t i = 0; i < count; i++) {
        met = run_apart(chosen[i], json) && met;
        if (instructions) print_instructions(argv[0], chosen[i]);
    }
    for (size_t i = 0; i < count; i++)
        printf("%-22s %s; yardstick: %s\n", chosen[i]->name, chosen[i]->what, chosen[i]->yardstick);
    if (json) fclose(json);
    return strict && !met;
}
