#include "observe/outlet.h"

#include <string.h>

#include "base/error.h"
#include "base/executor.h"
#include "base/memory.h"
#include "base/platform.h"

/** Stands before each item. A length of 0: the rest of the buffer is empty, go on at its beginning. */
typedef struct header {
    _Alignas(LAMBDA__OUTLET_ALIGN) size_t length;
} header;

static size_t rounded(size_t length)
{
    return (length + LAMBDA__OUTLET_ALIGN - 1) / LAMBDA__OUTLET_ALIGN * LAMBDA__OUTLET_ALIGN;
}

static header *header_at(const lambda__outlet *outlet, size_t at)
{
    return (header *)(void *)(outlet->bytes + at);
}

static void step(lambda__base *base, lambda__task *task);

lambda_status lambda__outlet_open(lambda__outlet *outlet, lambda__base *base, size_t size,
                                  const lambda__outlet_port *port)
{
    memset(outlet, 0, sizeof(*outlet));
    if (pthread_mutex_init(&outlet->mutex, NULL) != 0)
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the system gave no mutex");
    outlet->base = base;
    outlet->port = *port;
    outlet->size = rounded(size);
    outlet->task.run = step;
    return LAMBDA_OK;
}

/* ---- the consumer. The mutex is held but within the port */

/** Tells what was missed, or hands over the first item; false if there is neither. */
static bool take_one(lambda__outlet *outlet)
{
    const lambda__outlet_port *port = &outlet->port;
    uint64_t items = outlet->missed;
    uint64_t bytes = outlet->missed_bytes;
    if (outlet->given_up) return false;
    if (items > 0 && port->dropped) {
        outlet->missed = outlet->missed_bytes = 0;
        pthread_mutex_unlock(&outlet->mutex);
        port->dropped(port->user, items, bytes);
        pthread_mutex_lock(&outlet->mutex);
        return true;
    }
    if (outlet->used == 0) return false;
    header *first = header_at(outlet, outlet->head);
    if (first->length == 0) {
        outlet->used -= outlet->size - outlet->head;
        outlet->head = 0;
        return true;
    }
    size_t length = first->length;
    outlet->taking = true;
    pthread_mutex_unlock(&outlet->mutex);
    port->take(port->user, first + 1, length);
    pthread_mutex_lock(&outlet->mutex);
    outlet->taking = false;
    /* Its place is writable only now. */
    size_t whole = sizeof(header) + rounded(length);
    outlet->used -= whole;
    outlet->head = outlet->used == 0 ? 0 : (outlet->head + whole) % outlet->size;
    return true;
}

/** Hands over all that waits. */
static void take_all(lambda__outlet *outlet)
{
    bool some = false;
    for (;;) {
        while (take_one(outlet))
            some = true;
        if (!some || !outlet->port.flush || outlet->given_up) break;
        some = false;
        pthread_mutex_unlock(&outlet->mutex);
        outlet->port.flush(outlet->port.user);
        pthread_mutex_lock(&outlet->mutex);
    }
}

/** The consumer goes; who stops the outlet may wait for that. */
static void leave(lambda__outlet *outlet)
{
    outlet->running = false;
    atomic_store_explicit(&outlet->ended, 1, memory_order_release);
    pthread_mutex_unlock(&outlet->mutex);
    lambda__platform_wake(&outlet->ended); /* only an address by now */
}

/** The library's own thread. */
static void live(void *user)
{
    lambda__outlet *outlet = user;
    lambda__base *base = outlet->base;
    pthread_mutex_lock(&outlet->mutex);
    for (;;) {
        take_all(outlet);
        if (outlet->stopped) break;
        atomic_store_explicit(&outlet->asleep, 1, memory_order_relaxed);
        pthread_mutex_unlock(&outlet->mutex);
        while (atomic_load_explicit(&outlet->asleep, memory_order_acquire))
            lambda__platform_wait(&outlet->asleep, 1, UINT64_MAX);
        pthread_mutex_lock(&outlet->mutex);
    }
    leave(outlet);
    lambda__work_end(base);
}

/** A piece of the host's work. */
static void work(void *user)
{
    lambda__outlet *outlet = user;
    lambda__base *base = outlet->base;
    pthread_mutex_lock(&outlet->mutex);
    take_all(outlet);
    leave(outlet);
    lambda__work_end(base);
}

/** A task of the agenda. */
static void step(lambda__base *base, lambda__task *task)
{
    lambda__outlet *outlet = (lambda__outlet *)task;
    (void)base;
    pthread_mutex_lock(&outlet->mutex);
    if (!outlet->stopped) take_all(outlet);
    leave(outlet);
}

/** Sees to it that what was put is taken. The mutex is held, and is not afterwards. */
static void see_to_it(lambda__outlet *outlet)
{
    lambda__base *base = outlet->base;
    if (outlet->running) {
        bool asleep = atomic_load_explicit(&outlet->asleep, memory_order_relaxed);
        if (asleep) atomic_store_explicit(&outlet->asleep, 0, memory_order_release);
        pthread_mutex_unlock(&outlet->mutex);
        if (asleep) lambda__platform_wake(&outlet->asleep);
        return;
    }
    bool own = base->executor.kind == LAMBDA_EXECUTOR_THREADS;
    outlet->running = true;
    atomic_store_explicit(&outlet->thread, own, memory_order_relaxed);
    atomic_store_explicit(&outlet->ended, 0, memory_order_relaxed);
    pthread_mutex_unlock(&outlet->mutex);
    if (base->executor.kind == LAMBDA_EXECUTOR_NONE) {
        lambda__agenda_schedule(base, &outlet->task, lambda__now(base));
        return;
    }
    if (lambda__work_start(base, own ? live : work, outlet) == LAMBDA_OK) return;
    pthread_mutex_lock(&outlet->mutex);
    atomic_store_explicit(&outlet->thread, false, memory_order_relaxed);
    leave(outlet);
}

void lambda__outlet_begin(lambda__outlet *outlet)
{
    if (outlet->base->executor.kind != LAMBDA_EXECUTOR_THREADS) return;
    pthread_mutex_lock(&outlet->mutex);
    see_to_it(outlet);
}

/* ---- putting */

/** Where `whole` bytes stand in one piece behind what is there; SIZE_MAX: nowhere. */
static size_t place(lambda__outlet *outlet, size_t whole)
{
    size_t at = outlet->head + outlet->used;
    if (at >= outlet->size) {
        at -= outlet->size;
        return outlet->head - at >= whole ? at : SIZE_MAX;
    }
    if (outlet->size - at >= whole) return at;
    /* Not before the end, but at the beginning: what is left behind is said to be empty. */
    if (outlet->head < whole) return SIZE_MAX;
    header_at(outlet, at)->length = 0;
    outlet->used += outlet->size - at;
    return 0;
}

void *lambda__outlet_reserve(lambda__outlet *outlet, size_t length)
{
    size_t whole = sizeof(header) + rounded(length);
    pthread_mutex_lock(&outlet->mutex);
    if (!outlet->bytes && !outlet->stopped) outlet->bytes = lambda__allocate(outlet->base, outlet->size);
    bool open = outlet->bytes && !outlet->stopped && length > 0 && length < outlet->size;
    size_t at = open && outlet->used + whole <= outlet->size ? place(outlet, whole) : SIZE_MAX;
    if (at == SIZE_MAX) {
        outlet->missed++;
        outlet->missed_bytes += length;
        atomic_fetch_add_explicit(&outlet->dropped, 1, memory_order_relaxed);
        pthread_mutex_unlock(&outlet->mutex);
        return NULL;
    }
    header *put = header_at(outlet, at);
    put->length = length;
    outlet->used += whole;
    return put + 1;
}

void lambda__outlet_commit(lambda__outlet *outlet)
{
    see_to_it(outlet);
}

/* ---- ending */

/** Counts what nobody will take. The mutex is held. */
static void drop_rest(lambda__outlet *outlet)
{
    uint64_t items = 0;
    size_t at = outlet->head;
    /* The first is with a consumer that is abandoned: it has that. */
    for (size_t left = outlet->used; left > 0;) {
        size_t length = header_at(outlet, at)->length;
        size_t whole = length ? sizeof(header) + rounded(length) : outlet->size - at;
        items += length > 0;
        left -= whole;
        at = (at + whole) % outlet->size;
    }
    if (items > 0 && outlet->taking) items--;
    atomic_fetch_add_explicit(&outlet->dropped, items, memory_order_relaxed);
}

bool lambda__outlet_stop(lambda__outlet *outlet, uint64_t until)
{
    lambda__base *base = outlet->base;
    pthread_mutex_lock(&outlet->mutex);
    outlet->stopped = true;
    bool scheduled = base->executor.kind == LAMBDA_EXECUTOR_NONE;
    bool running = outlet->running && !scheduled;
    if (running) {
        see_to_it(outlet);
        running = !lambda__wait(base, &outlet->ended, 0, until);
        pthread_mutex_lock(&outlet->mutex);
    }
    /* Where no consumer was to be had, this is one. */
    if (!running)
        take_all(outlet);
    else
        drop_rest(outlet);
    outlet->given_up = true;
    pthread_mutex_unlock(&outlet->mutex);
    return !running;
}

void lambda__outlet_close(lambda__outlet *outlet)
{
    if (!outlet->base) return;
    lambda__release(outlet->base, outlet->bytes);
    pthread_mutex_destroy(&outlet->mutex);
    memset(outlet, 0, sizeof(*outlet));
}
