/*
 * Group commit, and who owns the database.
 *
 * A thread that wants to change the file adds its request to those that wait. Where nobody owns the database it becomes the
 * owner, takes all requests that wait and performs them in one transaction, with one wait for the disk; the others sleep until
 * that is done. Requests that arrive meanwhile make up the next group. Their owner is whoever comes first: the first of them,
 * which is woken for it, or a thread that is running and just arrives. A request is performed exactly once, in the order of
 * arrival, and its thread returns after that.
 *
 * Who has been woken wakes two others before it returns: a group of a hundred threads is on its feet in a few steps, and the
 * owner is not the one who makes all those system calls.
 *
 * A thread that wants to read waits in a line of its own, which goes first.
 */
#include "file.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

static void sleep_on(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR) {
    }
}

/** Has the first request that waits performed by its own thread, unless another is faster. The lock is held. */
static void wake_next(lambda_sqlite *file)
{
    if (!file->pending) return;
    file->pending->called++;
    sem_post(&file->pending->woken);
}

void lambda__sqlite_own(lambda_sqlite *file)
{
    if (!file->owned) {
        file->owned = true;
        return;
    }
    lambda__sqlite_waiter waiter = {.next = NULL};
    sem_init(&waiter.granted, 0, 0);
    *file->waiters_tail = &waiter;
    /* It is off the line before this function returns. */
    /* cppcheck-suppress autoVariables */
    file->waiters_tail = &waiter.next;
    pthread_mutex_unlock(&file->lock);
    sleep_on(&waiter.granted);
    pthread_mutex_lock(&file->lock);
    sem_destroy(&waiter.granted);
}

void lambda__sqlite_disown(lambda_sqlite *file)
{
    lambda__sqlite_waiter *waiter = file->waiters;
    if (waiter) {
        /* It stays owned: nobody comes between. */
        file->waiters = waiter->next;
        if (!file->waiters) file->waiters_tail = &file->waiters;
        sem_post(&waiter->granted);
        return;
    }
    file->owned = false;
    wake_next(file);
}

/**
 * Lets threads that are about to make a request make it: those of the last groups were just woken, and what they do next is
 * likely another request, which would cost a wait for the disk of its own. They are waited for while there are fewer than of
 * late, for at most half of the time that the last transaction took. The database is owned, the lock is held at both ends.
 */
static void gather(lambda_sqlite *file)
{
    if (file->pending_count >= file->crowd || !file->attached) return;
    const lambda_clock *clock = &file->host.clock;
    uint64_t begun = clock->monotonic(clock->user);
    uint64_t patience = file->transaction_ns / 2 < 200000 ? file->transaction_ns / 2 : 200000;
    /* The clock may stand still. */
    for (int turn = 0; turn < 1000 && file->pending_count < file->crowd; turn++) {
        pthread_mutex_unlock(&file->lock);
        sched_yield();
        pthread_mutex_lock(&file->lock);
        if (clock->monotonic(clock->user) - begun >= patience) break;
    }
}

/** Arranges who wakes whom: the first two are the owner's to wake. `own` is left out, it is awake. */
static void plan_wakes(lambda__sqlite_request *group, const lambda__sqlite_request *own,
                       lambda__sqlite_request *roots[2])
{
    lambda__sqlite_request *giver = NULL;
    size_t woken = 0;
    roots[0] = roots[1] = NULL;
    for (lambda__sqlite_request *request = group; request; request = request->next) {
        request->wake = request->wake_too = NULL;
        if (request == own) continue;
        if (woken < 2) {
            roots[woken++] = request;
            if (!giver) giver = request;
            continue;
        }
        /* The tree is filled row by row: request k wakes 2k and 2k + 1. */
        if (!giver->wake) {
            giver->wake = request;
        } else {
            giver->wake_too = request;
            do
                giver = giver->next;
            while (giver == own);
        }
    }
}

/** Performs all requests that wait, `own` among them. The database is owned and the lock held before, neither afterwards. */
static void perform_pending(lambda_sqlite *file, lambda__sqlite_request *own)
{
    gather(file);
    lambda__sqlite_request *group = file->pending;
    file->pending = NULL;
    file->pending_tail = &file->pending;
    size_t fewer = file->crowd - (file->crowd + 7) / 8;
    file->crowd = file->pending_count > fewer ? file->pending_count : fewer;
    file->pending_count = 0;
    int64_t end = file->end;
    uint64_t total = file->total;
    bool timed = file->attached;
    const lambda_clock *clock = &file->host.clock;
    pthread_mutex_unlock(&file->lock);
    uint64_t begun = timed ? clock->monotonic(clock->user) : 0;
    lambda__sqlite_perform(file, group, &end, &total);
    if (timed) file->transaction_ns = clock->monotonic(clock->user) - begun;
    lambda__sqlite_request *roots[2];
    plan_wakes(group, own, roots);
    pthread_mutex_lock(&file->lock);
    file->end = end;
    file->total = total;
    for (lambda__sqlite_request *request = group; request; request = request->next) {
        if (request->status == LAMBDA_OK) lambda__sqlite_cache_committed(file, request);
        atomic_store_explicit(&request->done, true, memory_order_release);
    }
    lambda__sqlite_disown(file);
    pthread_mutex_unlock(&file->lock);
    for (int i = 0; i < 2; i++)
        if (roots[i]) sem_post(&roots[i]->woken);
}

/**
 * Waits until another thread has performed the request, or until this one may: true, it owns the database and has the lock. With
 * false it has not. `*awoken` counts how often it was woken. The lock is held before.
 */
static bool wait_for_turn(lambda_sqlite *file, lambda__sqlite_request *request, uint32_t *awoken)
{
    while (!atomic_load_explicit(&request->done, memory_order_acquire)) {
        if (!file->owned) {
            file->owned = true;
            return true;
        }
        pthread_mutex_unlock(&file->lock);
        sleep_on(&request->woken);
        (*awoken)++;
        /* The usual end, for which the lock is not needed. */
        if (atomic_load_explicit(&request->done, memory_order_acquire)) return false;
        pthread_mutex_lock(&file->lock);
    }
    pthread_mutex_unlock(&file->lock);
    return false;
}

void lambda__sqlite_commit(lambda_sqlite *file, lambda__sqlite_request *request)
{
    sem_init(&request->woken, 0, 0);
    request->next = NULL;
    *file->pending_tail = request;
    file->pending_tail = &request->next;
    file->pending_count++;
    uint32_t awoken = 0;
    if (wait_for_turn(file, request, &awoken)) {
        perform_pending(file, request);
    } else {
        /* Whoever is to wake this request still uses it: it was woken before to perform it, and another was faster. */
        for (; awoken < request->called + 1; awoken++)
            sleep_on(&request->woken);
        if (request->wake) sem_post(&request->wake->woken);
        if (request->wake_too) sem_post(&request->wake_too->woken);
    }
    sem_destroy(&request->woken);
}
