/*
 * Orders that are not lost. Each is accepted into a file before its number is printed, and handled by a function, later and in the
 * background, as often as it takes. Whoever kills this program and starts it again finds every printed order handled in the ledger,
 * or among the failures: orders.sh does that, and checks it.
 *
 * usage: orders FILE FIRST COUNT [TRACE]
 *
 * Accepts the orders FIRST, FIRST + 1, ..., printing the number of each once it is accepted; then waits until none is left, those of
 * earlier runs included. Beside FILE stand FILE.ledger, a line for each attempt, and FILE.failures, a destination on failure.
 *
 * Two functions share the work: "order" asks "warehouse", and writes down what it said. With TRACE what they did, and when, is written to that
 * file, for https://ui.perfetto.dev: docs/observability.md shows it.
 *
 * Lambda tries an event again after one minute, and then after two. That is too long to look at: this host gives the service a clock of its
 * own that runs a hundred times as fast as the machine's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lambda/lambda.h>
#include <lambda/port/destination.h>
#include <lambda/sqlite.h>

#include "fast_clock.h"

enum { ORDERS_MAX = 1000000, PATH_SIZE = 4096 };

/** One run of the program. */
typedef struct shop {
    fast_clock clock;
    lambda_sqlite *file;
    lambda_t *lambda;
    lambda_trace_ring *trace; /* NULL: nobody wants to see */
    int ledger;
    long run;                       /* which run this is, the first being 1 */
    _Atomic unsigned char *refused; /* by order: how often it was, this run and earlier ones */
} shop;

static int failed(lambda_t *lambda, const char *what, lambda_status status)
{
    if (status == LAMBDA_OK) return 0;
    fprintf(stderr, "%s: %s: %s\n", what, lambda_status_name(status), lambda_error_message(lambda));
    return 1;
}

/** How often an order is refused before it is taken: a tenth of them once, a tenth twice, and a few always. */
static unsigned difficulty(int order)
{
    if (order % 50 == 49) return 100;
    return order % 10 == 3 ? 1 : order % 10 == 6 ? 2 : 0;
}

/** Appends a line in one piece, and has it on disk: the queue is as safe, and the order is forgotten there next. */
static int write_ledger(const shop *s, int order, const char *what)
{
    char line[64];
    int length = snprintf(line, sizeof(line), "%d %s %ld\n", order, what, s->run);
    return write(s->ledger, line, (size_t)length) == length && fdatasync(s->ledger) == 0 ? 0 : -1;
}

/** The function "warehouse": takes an order, or refuses it. */
static lambda_status warehouse(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    shop *s = lambda_context_user(context);
    int order;
    lambda_status status = lambda_event_unpack(event, "{s:i}", "order", &order);
    if (status != LAMBDA_OK) return status;
    if (s->refused[order] >= difficulty(order)) return lambda_response_pack(response, "{s:i}", "taken", order);
    s->refused[order]++;
    return lambda_response_error(response, "OrderRefused", "the warehouse is closed");
}

/** The function "order". It may see one twice: the ledger tells, and who must not do a thing twice looks there first. */
static lambda_status handle(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    shop *s = lambda_context_user(context);
    int order;
    lambda_status status = lambda_event_unpack(event, "{s:i}", "order", &order);
    if (status != LAMBDA_OK) return status;
    if (order < 0 || order >= ORDERS_MAX) return lambda_response_error(response, "NoSuchOrder", "the number is none");
    lambda_annotate_integer(context, "order", order);
    lambda_result answer = LAMBDA_ZERO;
    status = lambda_invoke(s->lambda, "warehouse", lambda_event_payload(event), &answer);
    bool refuses = answer.function_error != NULL;
    lambda_result_clear(&answer);
    if (status != LAMBDA_OK) return status;
    lambda_subsegment_begin(context, "ledger");
    bool written = write_ledger(s, order, refuses ? "refused" : "handled") == 0;
    lambda_subsegment_end(context);
    if (!written) return lambda_response_error(response, "LedgerError", "the ledger cannot be written");
    if (refuses) return lambda_response_error(response, "OrderRefused", "the warehouse is closed");
    return lambda_response_pack(response, "{s:i}", "handled", order);
}

/** Learns from the ledger how often orders were refused, and which run this is. */
static int read_ledger(shop *s, const char *path)
{
    char line[64];
    char what[16];
    int order;
    long run;
    FILE *ledger = fopen(path, "r");
    while (ledger && fgets(line, sizeof(line), ledger)) {
        if (sscanf(line, "%d %15s %ld", &order, what, &run) != 3 || order < 0 || order >= ORDERS_MAX) continue;
        s->refused[order] += strcmp(what, "refused") == 0;
        if (run > s->run) s->run = run;
    }
    if (ledger) fclose(ledger);
    s->run++;
    s->ledger = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (s->ledger >= 0) return 0;
    perror(path);
    return 1;
}

/** Gives a function its code: it was kept in the file by an earlier run, its settings with it, or is created. */
static int open_function(shop *s, const char *name, lambda_handler *handler)
{
    lambda_function_config function = {.function_name = name,
                                       .code = lambda_code_native(handler, s),
                                       .timeout_ms = 900000,
                                       .tracing_mode = LAMBDA_TRACING_ACTIVE};
    lambda_status status = lambda_function_bind(s->lambda, name, &function.code);
    if (status == LAMBDA_ERROR_RESOURCE_NOT_FOUND) status = lambda_function_create(s->lambda, &function);
    return failed(s->lambda, name, status);
}

/** Opens the service on the file, with its destination and its function. */
static int open_shop(shop *s, const char *path, const char *picture)
{
    char name[PATH_SIZE];
    snprintf(name, sizeof(name), "%s.ledger", path);
    s->refused = calloc(ORDERS_MAX, 1);
    if (!s->refused || read_ledger(s, name)) return 1;
    if (failed(NULL, path, lambda_sqlite_open(path, NULL, &s->file))) return 1;
    lambda_options options = {.clock = fast_clock_open(&s->clock), .async_workers = 4};
    lambda_sqlite_use(s->file, &options);
    if (picture) {
        if (failed(NULL, picture, lambda_trace_ring_new(0, NULL, &s->trace))) return 1;
        options.trace[0] = lambda_trace_ring_exporter(s->trace);
        options.trace_rate = 1;
    }
    if (failed(NULL, "lambda_open", lambda_open(&options, &s->lambda))) return 1;
    snprintf(name, sizeof(name), "%s.failures", path);
    if (failed(s->lambda, name, lambda_destination_register_file(s->lambda, "failures", name))) return 1;
    if (open_function(s, "order", handle) || open_function(s, "warehouse", warehouse)) return 1;
    lambda_event_invoke_config config = {.on_failure = "failures"};
    return failed(s->lambda, "order", lambda_event_invoke_config_put(s->lambda, "order", &config));
}

/** Accepts an order; what is printed is promised. */
static int accept_order(shop *s, long order)
{
    char event[48];
    int length = snprintf(event, sizeof(event), "{\"order\":%ld}", order);
    lambda_status status =
        lambda_invoke_async(s->lambda, "order", lambda_bytes_make(event, (size_t)length), NULL, NULL);
    if (failed(s->lambda, event, status)) return 1;
    length = snprintf(event, sizeof(event), "%ld\n", order);
    return write(STDOUT_FILENO, event, (size_t)length) == length ? 0 : 1;
}

static int draw(const shop *s, const char *picture)
{
    FILE *file = fopen(picture, "w");
    if (!file) {
        perror(picture);
        return 1;
    }
    lambda_status status = lambda_trace_write_chrome(s->trace, (lambda_trace_id){0}, lambda_write_to_file, file);
    return fclose(file) != 0 || failed(NULL, picture, status);
}

static int run(shop *s, const char *path, long first, long count, const char *picture)
{
    if (open_shop(s, path, picture)) return 1;
    for (long order = first; order < first + count; order++)
        if (accept_order(s, order)) return 1;
    if (failed(s->lambda, "lambda_async_wait_all", lambda_async_wait_all(s->lambda, LAMBDA_WAIT_FOREVER))) return 1;
    lambda_async_statistics seen;
    if (failed(s->lambda, "lambda_async_statistics_get", lambda_async_statistics_get(s->lambda, &seen))) return 1;
    fprintf(stderr, "run %ld: %llu events succeeded, %llu were handed on as failures, %llu attempts were repeated\n",
            s->run, (unsigned long long)seen.succeeded, (unsigned long long)seen.delivered,
            (unsigned long long)seen.retries);
    return picture ? draw(s, picture) : 0;
}

int main(int argc, char **argv)
{
    shop s = {.ledger = -1};
    long first = argc > 3 ? atol(argv[2]) : -1;
    long count = argc > 3 ? atol(argv[3]) : -1;
    if (first < 0 || count < 0 || first > ORDERS_MAX || count > ORDERS_MAX - first) {
        fprintf(stderr, "usage: %s FILE FIRST COUNT [TRACE]\nnumbers of orders are less than %d\n", argv[0],
                ORDERS_MAX);
        return 2;
    }
    int bad = run(&s, argv[1], first, count, argc > 4 ? argv[4] : NULL);
    lambda_close(s.lambda);
    lambda_trace_ring_free(s.trace);
    lambda_sqlite_close(s.file);
    if (s.ledger >= 0) close(s.ledger);
    free(s.refused);
    return bad;
}
