#include "base/clock.h"

#include "base/memory.h"
#include "base/platform.h"

/* Fitting over a hundredth of a second knows the slope to some parts in a million. */
#define FIRST_FIT_NS UINT64_C(10000000)
#define FIT_NS       UINT64_C(1000000000)
#define SLOPE_BITS   32
/* By so much a line may be off the system's clock and be mended. */
#define MOST_ASTRAY ((int64_t)(FIT_NS / 100))

typedef struct line {
    uint64_t origin; /* cycles */
    uint64_t base;   /* ns at origin */
    uint64_t slope;  /* ns per cycle, times 2^32 */
    uint64_t begin;  /* cycles from which it holds, a little before the origin */
    uint64_t span;   /* cycles for which it holds from there; 0: not fitted, ask the system */
} line;

/*
 * Readers take `lines[sequence & 1]`; the one that fits writes the other, then moves the sequence. A reader that finds the
 * sequence unmoved after it has read has read one line. All parts are atomic, so that the race is a defined one.
 */
typedef struct cycle_clock {
    _Atomic uint64_t sequence;
    struct {
        _Atomic uint64_t origin;
        _Atomic uint64_t base;
        _Atomic uint64_t slope;
        _Atomic uint64_t begin;
        _Atomic uint64_t span;
    } lines[2];
    _Atomic bool fitting;
    bool strayed;          /* the last line did; of who fits, as both below */
    uint64_t first_cycles; /* from where the slope is measured */
    uint64_t first_ns;
} cycle_clock;

static bool holds(const line *fit, uint64_t cycles)
{
    return cycles - fit->begin < fit->span;
}

/** A counter that leapt, forward or back, is off the line: a guest was moved, or a machine slept. */
static bool near(const line *fit, uint64_t cycles)
{
    return cycles - fit->begin < 2 * fit->span;
}

static uint64_t on_line(const line *fit, uint64_t cycles)
{
    /* Another CPU's counter may be a little behind the origin; time stands still rather than going back. */
    uint64_t passed = cycles > fit->origin ? cycles - fit->origin : 0;
    uint64_t high = passed >> 32;
    uint64_t low = passed & UINT32_MAX;
    return fit->base + high * fit->slope + (low * fit->slope >> SLOPE_BITS);
}

static line read_line(cycle_clock *clock, uint64_t *sequence)
{
    line fit;
    do {
        *sequence = atomic_load_explicit(&clock->sequence, memory_order_acquire);
        size_t i = *sequence & 1;
        fit.origin = atomic_load_explicit(&clock->lines[i].origin, memory_order_relaxed);
        fit.base = atomic_load_explicit(&clock->lines[i].base, memory_order_relaxed);
        fit.slope = atomic_load_explicit(&clock->lines[i].slope, memory_order_relaxed);
        fit.begin = atomic_load_explicit(&clock->lines[i].begin, memory_order_relaxed);
        /* Acquire, so that the sequence is read again after all of it. */
        fit.span = atomic_load_explicit(&clock->lines[i].span, memory_order_acquire);
    } while (LAMBDA__UNLIKELY(atomic_load_explicit(&clock->sequence, memory_order_relaxed) != *sequence));
    return fit;
}

static void write_line(cycle_clock *clock, uint64_t sequence, const line *fit)
{
    size_t i = (sequence + 1) & 1;
    atomic_store_explicit(&clock->lines[i].origin, fit->origin, memory_order_relaxed);
    atomic_store_explicit(&clock->lines[i].base, fit->base, memory_order_relaxed);
    atomic_store_explicit(&clock->lines[i].slope, fit->slope, memory_order_relaxed);
    atomic_store_explicit(&clock->lines[i].begin, fit->begin, memory_order_relaxed);
    atomic_store_explicit(&clock->lines[i].span, fit->span, memory_order_relaxed);
    atomic_store_explicit(&clock->sequence, sequence + 1, memory_order_release);
}

/** The system's time and the counter at one moment: the reading in whose middle least time passed. */
static uint64_t read_both(uint64_t *cycles)
{
    uint64_t best = UINT64_MAX;
    uint64_t ns = 0;
    for (int i = 0; i < 4; i++) {
        uint64_t before = lambda__platform_cycles();
        uint64_t now = lambda__platform_monotonic();
        uint64_t after = lambda__platform_cycles();
        if (after - before < best) {
            best = after - before;
            *cycles = before + best / 2;
            ns = now;
        }
    }
    return ns;
}

/** ns per cycle times 2^32, since the first reading; 0 where it makes no sense. */
static uint64_t true_slope(const cycle_clock *clock, uint64_t cycles, uint64_t ns)
{
    if (cycles <= clock->first_cycles || ns <= clock->first_ns) return 0;
    double slope = (double)(ns - clock->first_ns) / (double)(cycles - clock->first_cycles);
    return slope > 0.001 && slope < 1000 ? (uint64_t)(slope * 4294967296.0) : 0;
}

/** The line strays from the system's clock. Once it is a step: a machine slept. Twice in a row the counter's speed is another than before. */
static uint64_t slope_astray(cycle_clock *clock, const line *old, uint64_t cycles, uint64_t ns)
{
    if (clock->strayed) return true_slope(clock, cycles, ns);
    clock->strayed = true;
    clock->first_cycles = cycles;
    clock->first_ns = ns;
    return old->slope;
}

/** Fits the next line; gives the time. Only one thread fits, others go on with the old line meanwhile. */
static uint64_t fit_line(cycle_clock *clock, const line *old, uint64_t sequence)
{
    uint64_t cycles = 0;
    uint64_t ns = read_both(&cycles);
    if (!old->span && ns - clock->first_ns < FIRST_FIT_NS) return ns;
    line fit = {.origin = cycles, .base = ns, .slope = true_slope(clock, cycles, ns)};
    if (old->span && !near(old, cycles)) {
        /* Readers were ahead of the system's clock by no more than that. */
        fit.base = ns + MOST_ASTRAY;
        clock->strayed = false;
        fit.slope = slope_astray(clock, old, cycles, ns);
    } else if (old->span) {
        uint64_t start = on_line(old, cycles);
        int64_t behind = (int64_t)(ns - start);
        bool stray = behind > MOST_ASTRAY || behind < -MOST_ASTRAY;
        if (stray) fit.slope = slope_astray(clock, old, cycles, ns);
        clock->strayed = stray;
        /* By more than a line can mend: forward is a step, back is slower for a while. */
        if (!stray || behind < 0) fit.base = start;
        if (!stray)
            fit.slope = (uint64_t)((double)fit.slope * (1.0 + (double)behind / (double)FIT_NS));
        else if (behind < 0)
            fit.slope /= 2;
    }
    if (fit.slope == 0) return fit.base;
    uint64_t second = (uint64_t)((double)FIT_NS * 4294967296.0 / (double)fit.slope);
    fit.begin = cycles - second / 64;
    fit.span = second + second / 64;
    write_line(clock, sequence, &fit);
    return fit.base;
}

static uint64_t cycle_monotonic(void *user)
{
    cycle_clock *clock = user;
    uint64_t sequence;
    line fit = read_line(clock, &sequence);
    uint64_t cycles = lambda__platform_cycles();
    if (LAMBDA__LIKELY(holds(&fit, cycles))) return on_line(&fit, cycles);
    if (atomic_exchange_explicit(&clock->fitting, true, memory_order_acquire))
        return near(&fit, cycles) ? on_line(&fit, cycles) : lambda__platform_monotonic();
    /* Another thread may have fitted since this one read. */
    fit = read_line(clock, &sequence);
    cycles = lambda__platform_cycles();
    uint64_t now = holds(&fit, cycles) ? on_line(&fit, cycles) : fit_line(clock, &fit, sequence);
    atomic_store_explicit(&clock->fitting, false, memory_order_release);
    return now;
}

static uint64_t system_monotonic(void *user)
{
    (void)user;
    return lambda__platform_monotonic();
}

static uint64_t system_wall(void *user)
{
    (void)user;
    return lambda__platform_wall();
}

bool lambda__clock_open(lambda__base *base)
{
    base->clock = (lambda_clock){.monotonic = system_monotonic, .wall = system_wall};
    if (!lambda__platform_cycles_dependable()) return true;
    cycle_clock *clock = lambda__allocate_zeroed(base, sizeof(*clock));
    if (!clock) return false;
    clock->first_ns = read_both(&clock->first_cycles);
    base->cycle_clock = clock;
    base->clock.monotonic = cycle_monotonic;
    base->clock.user = clock;
    return true;
}

void lambda__clock_close(lambda__base *base)
{
    lambda__release(base, base->cycle_clock);
    base->cycle_clock = NULL;
}
