/*
 * One environment's event loop. There is no thread behind it: whoever invokes, starts or ends the environment runs it until what it waits for has happened. So nothing in it is
 * called by two threads at once, and nothing happens between invocations.
 */
#ifndef LAMBDA_PROCESS_LOOP_H
#define LAMBDA_PROCESS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/** A file descriptor that is looked at. The owner's memory; it must not move while it is in a loop. */
typedef struct lambda__watch {
    int fd;
    /** It can be read (or what else was asked for), or has hung up. May add and remove watches, this one too. */
    void (*ready)(struct lambda__watch *watch, uint32_t events);
    void *user;
    bool added; /* the loop's */
} lambda__watch;

/** Something that has a time of its own, in every loop's round. */
typedef struct lambda__timer {
    /** When it is due, by lambda__loop_now; UINT64_MAX: not. */
    uint64_t due;
    void (*run)(struct lambda__timer *timer);
    void *user;
    struct lambda__timer *next; /* the loop's */
} lambda__timer;

typedef struct lambda__loop {
    int epoll;
    lambda__timer *timers;
    void *ready[32]; /* of the round under way: those removed meanwhile are NULL */
    int ready_count;
} lambda__loop;

/** 0 or an errno. */
int lambda__loop_open(lambda__loop *loop);
void lambda__loop_close(lambda__loop *loop);

/** `events` as for epoll, EPOLLIN most often. 0 or an errno. */
int lambda__loop_add(lambda__loop *loop, lambda__watch *watch, uint32_t events);
int lambda__loop_change(lambda__loop *loop, lambda__watch *watch, uint32_t events);
/** Nothing is called for it any more, not even in the round that is under way. Not added: nothing. It does not close the descriptor. */
void lambda__loop_remove(lambda__loop *loop, lambda__watch *watch);

void lambda__loop_add_timer(lambda__loop *loop, lambda__timer *timer);
void lambda__loop_remove_timer(lambda__loop *loop, lambda__timer *timer);

/** Monotonic, ns. */
uint64_t lambda__loop_now(void);

/** One round: waits until something is ready, a timer is due, or `until`, and calls for what is. 0 or an errno; interrupted is 0. */
int lambda__loop_run(lambda__loop *loop, uint64_t until);

#endif
