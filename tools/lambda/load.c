/* An invocation again and again. */
#include "load.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** Between two looks at how far it is. */
#define PROGRESS_NS UINT64_C(100000000)

typedef struct load {
    tool_backend *backend;
    const tool_wish *wish;
    uint64_t repeat;
    uint64_t *times; /* ns, of each; those that were refused are not there */
    atomic_uint_fast64_t next;
    atomic_uint_fast64_t done;
    atomic_uint_fast64_t failed; /* of those done, functions */
    atomic_int code;             /* of one that was refused: it ends all */
    bool shows;                  /* how far it is */
    uint64_t begin;              /* ns */
    atomic_uint_fast64_t shown;  /* when that was last said */
} load;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/** Whoever comes by when it is time says how far it is. */
static void show_progress(load *self, uint64_t done)
{
    uint64_t now = tool_now_ns();
    uint_fast64_t last = atomic_load(&self->shown);
    if (now - last < PROGRESS_NS || !atomic_compare_exchange_strong(&self->shown, &last, now)) return;
    char bar[31];
    uint64_t filled = done * 30 / self->repeat;
    double left = (double)(now - self->begin) / (double)done * (double)(self->repeat - done) / 1e9;
    for (uint64_t i = 0; i < 30; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[30] = '\0';
    fprintf(stderr, "\r[%s] %" PRIu64 " of %" PRIu64 ", %.0f s left \033[K", bar, done, self->repeat, left);
}

static void *work(void *user)
{
    load *self = user;
    tool_outcome outcome = {0};
    while (!interrupted && atomic_load(&self->code) == TOOL_OK && atomic_fetch_add(&self->next, 1) < self->repeat) {
        int code = self->backend->invoke(self->backend, self->wish, &outcome);
        if (code != TOOL_OK) {
            atomic_store(&self->code, code);
            break;
        }
        if (*outcome.function_error) atomic_fetch_add(&self->failed, 1);
        uint64_t done = atomic_fetch_add(&self->done, 1);
        self->times[done] = outcome.duration_ns;
        if (self->shows) show_progress(self, done + 1);
    }
    tool_outcome_clear(self->backend, &outcome);
    return NULL;
}

static int by_time(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/** The nearest rank, in ms. `times` is sorted. */
static double percentile(const uint64_t *times, uint64_t count, double share)
{
    uint64_t rank = (uint64_t)(share * (double)count + 0.999999);
    if (rank == 0) rank = 1;
    return (double)times[rank > count ? count - 1 : rank - 1] / 1e6;
}

/** Bars of doubling times. */
static void print_histogram(const uint64_t *times, uint64_t count)
{
    uint64_t at = 0;
    for (uint64_t limit = 1000; at < count; limit *= 2) {
        uint64_t here = 0;
        while (at < count && times[at] < limit)
            at++, here++;
        if (here == 0) continue;
        printf("  < %10.3f ms %8" PRIu64 " ", (double)limit / 1e6, here);
        for (uint64_t bar = (here * 40 + count - 1) / count; bar > 0; bar--)
            putchar('#');
        putchar('\n');
    }
}

static int report(const load *self, uint64_t all_ns, bool json)
{
    static const double SHARES[] = {0.5, 0.9, 0.99, 0.999, 1};
    static const char *const NAMES[] = {"p50", "p90", "p99", "p99.9", "max"};
    uint64_t count = atomic_load(&self->done);
    uint64_t failures = atomic_load(&self->failed);
    double rate = (double)count / ((double)all_ns / 1e9);
    qsort(self->times, count, sizeof *self->times, by_time);
    if (json) {
        json_t *object = json_pack("{s:I, s:I, s:f}", "Invocations", (json_int_t)count, "FunctionErrors",
                                   (json_int_t)failures, "InvocationsPerSecond", rate);
        for (size_t i = 0; i < 5 && object && count > 0; i++)
            json_object_set_new(object, NAMES[i], json_real(percentile(self->times, count, SHARES[i])));
        return tool_print_json(object);
    }
    printf("%" PRIu64 " invocations, %" PRIu64 " function errors, %.1f a second\n", count, failures, rate);
    for (size_t i = 0; i < 5 && count > 0; i++)
        printf("  %-6s %10.3f ms\n", NAMES[i], percentile(self->times, count, SHARES[i]));
    print_histogram(self->times, count);
    return TOOL_OK;
}

int tool_load(tool_backend *backend, const tool_wish *wish, uint64_t repeat, uint64_t concurrency, bool json)
{
    load self = {.backend = backend, .wish = wish, .repeat = repeat, .shows = isatty(STDERR_FILENO)};
    /* A second one ends the command at once. */
    const struct sigaction ends = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND};
    pthread_t threads[256];
    uint64_t started = 0;
    self.times = calloc(repeat, sizeof *self.times);
    if (!self.times) return tool_no_memory();
    sigaction(SIGINT, &ends, NULL);
    self.begin = tool_now_ns();
    /* One less where the system gives no more threads: this one works too. */
    while (started + 1 < concurrency && started < 255 && pthread_create(&threads[started], NULL, work, &self) == 0)
        started++;
    work(&self);
    for (uint64_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (self.shows) fputs("\r\033[K", stderr);
    int code = atomic_load(&self.code);
    if (code == TOOL_OK) code = report(&self, tool_now_ns() - self.begin, json);
    free(self.times);
    if (code == TOOL_OK && interrupted) return TOOL_INTERRUPTED;
    return code == TOOL_OK && atomic_load(&self.failed) > 0 ? TOOL_FUNCTION_FAILED : code;
}
