/*
 * A game's loop with Lambda functions as its scripts, and no thread but its own. Sixty times a second each creature thinks, and
 * lambda_pump gets a millisecond for what is due: starting environments ahead, shutting idle ones down. Now and then a
 * creature's mind is changed while the game runs. At the end: how long the frames took, and whether one was held up.
 *
 * usage: game [FRAMES]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lambda/lambda.h>

#define FRAME_NS  UINT64_C(16666667)
#define BUDGET_NS UINT64_C(1000000)
/** What the machine may add of its own. */
#define SLACK_NS UINT64_C(250000)

enum { CREATURES = 6, BUCKETS = 10 };

/** The longest that one hook or handler has taken, in time of the processor: the budget may be overrun by that. */
static uint64_t longest;

static uint64_t clock_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** Computes for so many microseconds. */
static void compute(unsigned us)
{
    uint64_t start = clock_of(CLOCK_THREAD_CPUTIME_ID);
    uint64_t took;
    do
        took = clock_of(CLOCK_THREAD_CPUTIME_ID) - start;
    while (took < us * UINT64_C(1000));
    if (took > longest) longest = took;
}

/** What a creature keeps in mind between frames. */
typedef struct mind {
    int paths;
    double x;
} mind;

static lambda_status wake_up(lambda_context *context)
{
    mind *made = calloc(1, sizeof(*made));
    if (!made) return LAMBDA_ERROR_OUT_OF_MEMORY;
    compute(400); /* a map is read, paths are looked for */
    made->paths = 12;
    lambda_context_set_state(context, made);
    return LAMBDA_OK;
}

static void fall_asleep(lambda_context *context)
{
    compute(50);
    free(lambda_context_state(context));
}

static lambda_status think(const lambda_event *event, lambda_context *context, lambda_response *response)
{
    double player;
    mind *own = lambda_context_state(context);
    const double *speed = lambda_context_user(context);
    lambda_status status = lambda_event_unpack(event, "{s:F}", "player", &player);
    if (status != LAMBDA_OK) return status;
    compute(20);
    own->x += player > own->x ? *speed : -*speed;
    return lambda_response_pack(response, "{s:f}", "x", own->x);
}

typedef struct frames {
    unsigned count;
    unsigned buckets[BUCKETS]; /* by millisecond; the last: more */
    uint64_t pumped;           /* pieces of work */
    uint64_t longest_pump;     /* in time of the processor */
    unsigned held_up;          /* pumps that took longer than they may */
    unsigned cold;             /* thoughts that had to wait for an init hook */
} frames;

static int failed(lambda_t *lambda, const char *what, lambda_status status)
{
    if (status == LAMBDA_OK) return 0;
    fprintf(stderr, "%s: %s: %s\n", what, lambda_status_name(status), lambda_error_message(lambda));
    return 1;
}

static int open_game(lambda_t **lambda)
{
    static const double slow = 0.25;
    lambda_options options = {.executor = {.kind = LAMBDA_EXECUTOR_NONE}, .idle_timeout_ms = 500};
    if (failed(NULL, "lambda_open", lambda_open(&options, lambda))) return 1;
    for (int i = 0; i < CREATURES; i++) {
        char name[24];
        char alias[32];
        snprintf(name, sizeof(name), "creature-%d", i);
        snprintf(alias, sizeof(alias), "%s:live", name);
        lambda_function_config config = {.function_name = name,
                                         .publish = true,
                                         .code = lambda_code_native_hooks(think, wake_up, fall_asleep, (void *)&slow)};
        if (failed(*lambda, name, lambda_function_create(*lambda, &config)) ||
            failed(
                *lambda, alias,
                lambda_alias_create(*lambda, name, &(lambda_alias_config){.name = "live", .function_version = "1"})) ||
            failed(*lambda, alias, lambda_provisioned_concurrency_put(*lambda, alias, 1)))
            return 1;
    }
    /* While the title is shown: all that is due, however long it takes. */
    return failed(*lambda, "lambda_pump", lambda_pump(*lambda, UINT64_MAX, NULL));
}

/** Gives a creature another mind: published, and the alias moved. Its environment starts within the frames that follow. */
static int change_mind(lambda_t *lambda, unsigned which)
{
    static const double speeds[] = {0.5, 0.75, 1.0};
    char name[24];
    lambda_function_configuration *made = NULL;
    snprintf(name, sizeof(name), "creature-%u", which % CREATURES);
    lambda_function_code_update update = {
        .code = lambda_code_native_hooks(think, wake_up, fall_asleep, (void *)&speeds[which % 3])};
    if (failed(lambda, name, lambda_function_update_code(lambda, name, &update)) ||
        failed(lambda, name, lambda_version_publish(lambda, name, NULL, &made)))
        return 1;
    lambda_alias_config config = {.name = "live", .function_version = made->version};
    int bad = failed(lambda, name, lambda_alias_update(lambda, name, &config));
    lambda_function_configuration_free(made);
    return bad;
}

static int run_frame(lambda_t *lambda, unsigned number, lambda_result *result, frames *seen)
{
    char event[48];
    int length = snprintf(event, sizeof(event), "{\"player\":%.2f}", number * 0.1);
    if (number % 20 == 19 && change_mind(lambda, number)) return 1;
    for (int i = 0; i < CREATURES; i++) {
        char name[32];
        snprintf(name, sizeof(name), "creature-%d:live", i);
        if (failed(lambda, name, lambda_invoke(lambda, name, lambda_bytes_make(event, (size_t)length), result)))
            return 1;
        if (result->function_error) return 1;
        seen->cold += result->cold_start;
    }
    lambda_pump_report report;
    uint64_t start = clock_of(CLOCK_THREAD_CPUTIME_ID);
    if (failed(lambda, "lambda_pump", lambda_pump(lambda, BUDGET_NS, &report))) return 1;
    uint64_t took = clock_of(CLOCK_THREAD_CPUTIME_ID) - start;
    seen->pumped += report.done;
    if (took > seen->longest_pump) seen->longest_pump = took;
    seen->held_up += took > BUDGET_NS + longest + SLACK_NS;
    return 0;
}

static void print(const frames *seen)
{
    printf("%u frames; %llu pieces of work pumped, at most %.2f ms of the processor in a frame; %u cold starts\n",
           seen->count, (unsigned long long)seen->pumped, (double)seen->longest_pump / 1e6, seen->cold);
    for (int i = 0; i < BUCKETS; i++) {
        char bar[61] = "";
        unsigned width = seen->count ? seen->buckets[i] * 60 / seen->count : 0;
        memset(bar, '#', width);
        printf("%s%2d ms %5u %s\n", i == BUCKETS - 1 ? ">=" : "  ", i, seen->buckets[i], bar);
    }
    if (seen->held_up == 0)
        printf("no frame overran its budget by more than one hook's own time (%.2f ms)\n", (double)longest / 1e6);
    else
        printf("%u frames overran their budget by more than one hook's own time (%.2f ms)\n", seen->held_up,
               (double)longest / 1e6);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 120;
    lambda_t *lambda = NULL;
    lambda_result result = {0};
    frames seen = {0};
    int bad = open_game(&lambda);
    uint64_t next = clock_of(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < count && !bad; i++) {
        uint64_t start = clock_of(CLOCK_MONOTONIC);
        bad = run_frame(lambda, i, &result, &seen);
        uint64_t ms = (clock_of(CLOCK_MONOTONIC) - start) / 1000000;
        seen.buckets[ms < BUCKETS ? ms : BUCKETS - 1]++;
        seen.count++;
        next += FRAME_NS;
        struct timespec until = {.tv_sec = (time_t)(next / 1000000000u), .tv_nsec = (long)(next % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    lambda_result_clear(&result);
    lambda_close(lambda);
    print(&seen);
    return bad || seen.held_up > 0;
}
