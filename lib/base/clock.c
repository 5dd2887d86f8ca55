#include "base/clock.h"

#include "base/memory.h"
#include "base/platform.h"

/* Fitting over a hundredth of a second knows the slope to some parts in a million. */
#define FIRST_FIT_NS UINT64_C(10000000)
#define FIT_NS       UINT64_C(1000000000)
#define SLOPE_BITS   32

typedef struct line {
    uint64_t origin; /* cycles */
    uint64_t base;   /* ns at origin */
    uint64_t slope;  /* ns per cycle, times 2^32 */
    uint64_t end;    /* cycles at which to fit anew; 0: not fitted, ask the system */
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
        _Atomic uint64_t end;
    } lines[2];
    _Atomic bool fitting;
    uint64_t first_cycles;
    uint64_t first_ns;
} cycle_clock;

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
        /* Acquire, so that the sequence is read again after all of it. */
        fit.end = atomic_load_explicit(&clock->lines[i].end, memory_order_acquire);
    } while (LAMBDA__UNLIKELY(atomic_load_explicit(&clock->sequence, memory_order_relaxed) != *sequence));
    return fit;
}

static void write_line(cycle_clock *clock, uint64_t sequence, const line *fit)
{
    size_t i = (sequence + 1) & 1;
    atomic_store_explicit(&clock->lines[i].origin, fit->origin, memory_order_relaxed);
    atomic_store_explicit(&clock->lines[i].base, fit->base, memory_order_relaxed);
    atomic_store_explicit(&clock->lines[i].slope, fit->slope, memory_order_relaxed);
    atomic_store_explicit(&clock->lines[i].end, fit->end, memory_order_relaxed);
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

/** ns per cycle times 2^32, over the whole time since opening; 0 where it makes no sense. */
static uint64_t true_slope(const cycle_clock *clock, uint64_t cycles, uint64_t ns)
{
    if (cycles <= clock->first_cycles || ns <= clock->first_ns) return 0;
    double slope = (double)(ns - clock->first_ns) / (double)(cycles - clock->first_cycles);
    return slope > 0.001 && slope < 1000 ? (uint64_t)(slope * 4294967296.0) : 0;
}

/** Fits the next line; gives the time. Only one thread fits, others go on with the old line meanwhile. */
static uint64_t fit_line(cycle_clock *clock, const line *old, uint64_t sequence)
{
    uint64_t cycles = 0;
    uint64_t ns = read_both(&cycles);
    uint64_t slope = true_slope(clock, cycles, ns);
    if (!old->end && ns - clock->first_ns < FIRST_FIT_NS) return ns;
    uint64_t start = old->end ? on_line(old, cycles) : ns;
    int64_t behind = (int64_t)(ns - start);
    /* A host that slept, or a counter that jumped: behind by more than a line can mend. Forward is a step, back a stop. */
    bool stray = behind > (int64_t)(FIT_NS / 100) || behind < -(int64_t)(FIT_NS / 100);
    if (slope == 0) return start;
    line fit = {.origin = cycles, .base = stray && behind > 0 ? ns : start, .slope = slope};
    if (!stray)
        fit.slope = (uint64_t)((double)slope * (1.0 + (double)behind / (double)FIT_NS));
    else if (behind < 0)
        fit.slope = slope / 2;
    fit.end = cycles + (uint64_t)((double)FIT_NS * 4294967296.0 / (double)slope);
    write_line(clock, sequence, &fit);
    return fit.base;
}

static uint64_t cycle_monotonic(void *user)
{
    cycle_clock *clock = user;
    uint64_t sequence;
    line fit = read_line(clock, &sequence);
    uint64_t cycles = lambda__platform_cycles();
    if (LAMBDA__LIKELY(cycles < fit.end)) return on_line(&fit, cycles);
    if (atomic_exchange_explicit(&clock->fitting, true, memory_order_acquire))
        return fit.end ? on_line(&fit, cycles) : lambda__platform_monotonic();
    /* Another thread may have fitted since this one read. */
    fit = read_line(clock, &sequence);
    cycles = lambda__platform_cycles();
    uint64_t now = cycles < fit.end ? on_line(&fit, cycles) : fit_line(clock, &fit, sequence);
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
