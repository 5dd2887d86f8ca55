#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = sizeof(((lambda__loop *)0)->ready) / sizeof(void *) };

int lambda__loop_open(lambda__loop *loop)
{
    *loop = (lambda__loop){.epoll = epoll_create1(EPOLL_CLOEXEC)};
    return loop->epoll >= 0 ? 0 : errno;
}

void lambda__loop_close(lambda__loop *loop)
{
    if (loop->epoll >= 0) close(loop->epoll);
    loop->epoll = -1;
}

int lambda__loop_add(lambda__loop *loop, lambda__watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) != 0) return errno;
    watch->added = true;
    return 0;
}

int lambda__loop_change(lambda__loop *loop, lambda__watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};
    return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) == 0 ? 0 : errno;
}

void lambda__loop_remove(lambda__loop *loop, lambda__watch *watch)
{
    if (!watch->added) return;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->added = false;
    for (int i = 0; i < loop->ready_count; i++)
        if (loop->ready[i] == watch) loop->ready[i] = NULL;
}

void lambda__loop_add_timer(lambda__loop *loop, lambda__timer *timer)
{
    timer->next = loop->timers;
    loop->timers = timer;
}

void lambda__loop_remove_timer(lambda__loop *loop, lambda__timer *timer)
{
    for (lambda__timer **link = &loop->timers; *link; link = &(*link)->next) {
        if (*link != timer) continue;
        *link = timer->next;
        return;
    }
}

uint64_t lambda__loop_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/** Milliseconds until `until`, rounded up; -1 for ever. */
static int wait_ms(uint64_t until)
{
    const uint64_t most = 3600000;
    if (until == UINT64_MAX) return -1;
    uint64_t now = lambda__loop_now();
    if (until <= now) return 0;
    uint64_t ms = (until - now + 999999) / 1000000;
    return (int)(ms < most ? ms : most);
}

/** Runs what is due. A timer may remove itself or another, so each look begins anew; one that stays due runs once a round. */
static void run_timers(lambda__loop *loop)
{
    if (!loop->timers) return;
    uint64_t now = lambda__loop_now();
    for (;;) {
        lambda__timer *due = loop->timers;
        while (due && due->due > now)
            due = due->next;
        if (!due) return;
        due->due = UINT64_MAX;
        due->run(due);
    }
}

int lambda__loop_run(lambda__loop *loop, uint64_t until)
{
    struct epoll_event events[AT_ONCE];
    for (const lambda__timer *timer = loop->timers; timer; timer = timer->next)
        if (timer->due < until) until = timer->due;
    int count = epoll_wait(loop->epoll, events, AT_ONCE, wait_ms(until));
    if (count < 0) return errno == EINTR ? 0 : errno;
    loop->ready_count = count;
    for (int i = 0; i < count; i++)
        loop->ready[i] = events[i].data.ptr;
    for (int i = 0; i < count; i++) {
        lambda__watch *watch = loop->ready[i];
        if (watch) watch->ready(watch, events[i].events);
    }
    loop->ready_count = 0;
    run_timers(loop);
    return 0;
}
