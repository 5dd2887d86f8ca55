/*
 * Whole services, driven for hours of virtual time by one seed each: functions come, go and change, are invoked in
 * bursts, fail, overrun, and services close in the middle of it. After each step what must hold is checked.
 */
#include "world.h"

#include <string.h>
#include <time.h>

typedef struct arguments {
    uint64_t seed;
    uint64_t count;
    double seconds; /* 0: as many as `count` */
    bool verbose;
} arguments;

typedef struct sum {
    uint64_t seeds;
    uint64_t invocations;
    uint64_t errors;
    uint64_t throttles;
    uint64_t events;
    double hours;
} sum;

static uint64_t run(uint64_t seed, bool verbose, sum *all)
{
    sim_world made = {.seed = seed, .random = seed, .verbose = verbose, .log = UINT64_C(0xCBF29CE484222325)};
    sim_world *world = &made;
    made.meddles = seed % 2 == 1;
    made.starves = seed % 4 >= 2;
    made.eventful = seed % 3 != 0;
    made.count = 5 + draw(world, seed % 8 == 0 ? 400 : 60);
    made.functions = calloc(made.count, sizeof(*made.functions));
    CHECK(world, made.functions != NULL);
    for (uint32_t i = 0; i < made.count; i++) {
        made.functions[i].reserved = -1;
        snprintf(made.functions[i].name, sizeof(made.functions[i].name), "f%u", i);
    }
    uint64_t steps = 0;
    for (uint32_t services = 1 + draw(world, 3); services > 0; services--) {
        world_open(world);
        uint32_t end = 50 + draw(world, 400) + made.count;
        for (uint32_t i = 0; i < end; i++) {
            made.step = steps++;
            act(world);
            world_check(world);
        }
        all->invocations += made.counts.invocations;
        all->errors += made.counts.errors;
        all->throttles += made.counts.throttles;
        all->events += made.accepted;
        world_close(world);
    }
    all->seeds++;
    all->hours += (double)made.hours / 3.6e12;
    free(made.functions);
    return made.log;
}

static bool read_arguments(int argc, char **argv, arguments *given)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        char *end = NULL;
        if (strcmp(argv[i], "--verbose") == 0) {
            given->verbose = true;
            continue;
        }
        if (!value) return false;
        if (strcmp(argv[i], "--seed") == 0)
            given->seed = strtoull(value, &end, 10);
        else if (strcmp(argv[i], "--count") == 0)
            given->count = strtoull(value, &end, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            given->seconds = strtod(value, &end);
        if (!end || *end || end == value) return false;
        i++;
    }
    return true;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    arguments given = {.seed = 1, .count = 1};
    sum all = {0};
    if (!read_arguments(argc, argv, &given)) {
        fprintf(stderr, "usage: simulation [--seed N] [--count SEEDS | --seconds S] [--verbose]\n");
        return 2;
    }
    double begin = now();
    printf("from seed %llu\n", (unsigned long long)given.seed);
    fflush(stdout);
    for (uint64_t i = 0; given.seconds > 0 ? now() - begin < given.seconds : i < given.count; i++) {
        uint64_t seed = given.seed + i;
        sum again = {0};
        uint64_t log = run(seed, given.verbose, &all);
        /* Now and then twice: the same seed is the same world, to the last byte of its log. */
        if (i % 10 == 0 && !given.verbose && run(seed, false, &again) != log) {
            printf("seed %llu: the log differs from one run to the next\n", (unsigned long long)seed);
            return 1;
        }
    }
    printf("%llu seeds: %llu invocations, %llu of them function errors, %llu throttled, %llu events, %.0f hours of "
           "virtual "
           "time, in %.1f s\n",
           (unsigned long long)all.seeds, (unsigned long long)all.invocations, (unsigned long long)all.errors,
           (unsigned long long)all.throttles, (unsigned long long)all.events, all.hours, now() - begin);
    return 0;
}
