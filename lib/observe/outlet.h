/*
 * A bounded buffer in front of a sink that may take its time, and whoever empties it.
 *
 * Items are bytes in one piece. Any thread puts one in, under a mutex that is held as long as copying it takes; one consumer at a time takes them
 * out in that order and hands each to `take` with no lock held. What finds no room is dropped and counted, and the consumer is told before the next
 * item that it hands over.
 *
 * The consumer is, by the service's executor: a thread of the library's that is started when the outlet begins and sleeps while there is nothing; a
 * piece of the host's work whenever there is something; or a task of the agenda, for lambda_pump. Where none can be had, items wait until the next is
 * put or the outlet ends.
 *
 * Ending: lambda__outlet_stop says that no more come, and waits until the buffer is empty or the time is over. A consumer that is within `take` by then is
 * a piece of work that was abandoned; it takes nothing more, and what it left is dropped.
 */
#ifndef LAMBDA_LIB_OUTLET_H
#define LAMBDA_LIB_OUTLET_H

#include "base/agenda.h"
#include "base/base.h"

/** What an item must stand on, and is put on. */
#define LAMBDA__OUTLET_ALIGN 8

/** What the consumer calls, on its thread, with no lock held. */
typedef struct lambda__outlet_port {
    void (*take)(void *user, void *item, size_t length);         /* the item may be changed */
    void (*dropped)(void *user, uint64_t items, uint64_t bytes); /* so many since it was last told. NULL: nobody is */
    void (*flush)(void *user); /* nothing waits any more. NULL: nothing is to be done */
    void *user;
} lambda__outlet_port;

typedef struct lambda__outlet {
    lambda__task task; /* first: LAMBDA_EXECUTOR_NONE */
    lambda__base *base;
    lambda__outlet_port port;
    size_t size;           /* bytes, a multiple of LAMBDA__OUTLET_ALIGN */
    pthread_mutex_t mutex; /* of the rest */
    char *bytes;           /* NULL until the first item */
    size_t head;           /* where the first item stands */
    size_t used;           /* bytes from there on */
    uint64_t missed;       /* items dropped that the consumer was not told of */
    uint64_t missed_bytes;
    bool running;             /* there is a consumer: a thread, a piece of work or a scheduled task */
    _Atomic bool thread;      /* it is a thread that lasts */
    bool taking;              /* it has the first item */
    bool stopped;             /* no more come */
    bool given_up;            /* nothing more is taken */
    _Atomic uint32_t asleep;  /* 1: the consumer's thread sleeps */
    _Atomic uint32_t ended;   /* 1: there is none, and there will be none */
    _Atomic uint64_t dropped; /* items, in all */
} lambda__outlet;

/** The buffer is allocated with the first item. LAMBDA_ERROR_SERVICE: the system gave no mutex. */
lambda_status lambda__outlet_open(lambda__outlet *outlet, lambda__base *base, size_t size,
                                  const lambda__outlet_port *port);

/** From here on it may have items; before anybody else knows it. */
void lambda__outlet_begin(lambda__outlet *outlet);

/**
 * Room for an item, or NULL, and then it is dropped and counted. The mutex is held until lambda__outlet_commit, so only copying is done in
 * between.
 */
void *lambda__outlet_reserve(lambda__outlet *outlet, size_t length);

/** The item is complete. */
void lambda__outlet_commit(lambda__outlet *outlet);

/** No more come; hands over what waits. False: `until` (monotonic) came first, and the consumer is abandoned. Nobody else puts any more, or it is dropped. */
bool lambda__outlet_stop(lambda__outlet *outlet, uint64_t until);

/** Frees it. It was stopped, or never had an item; no consumer is left. */
void lambda__outlet_close(lambda__outlet *outlet);

/** Items that were dropped. Any thread. */
static inline uint64_t lambda__outlet_dropped(const lambda__outlet *outlet)
{
    return atomic_load_explicit(&outlet->dropped, memory_order_relaxed);
}

#endif
