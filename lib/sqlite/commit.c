/*
 * Group commit, and who owns the database.
 *
 * A thread that wants to change the file adds its request to those that wait. Where nobody owns the database it becomes the
 * owner, takes all requests that wait and performs them in one transaction, with one wait for the disk; the others wait until
 * that is done. Requests that arrive meanwhile make up the next group. Their owner is whoever comes first: the first of them, or
 * a thread that is running and just arrives. A request is performed exactly once, in the order of arrival, and its thread
 * returns after that.
 *
 * Who waits looks for a few turns of the processor whether it is done: the owner then need not wake it, which costs more than the
 * turns. After that it sleeps. Who has been woken wakes two others before it returns, so that a hundred sleepers are on their
 * feet in a few steps, and the owner is not the one who makes all those system calls.
 *
 * The owner uses a request until it has set its stage to DONE, and after that only where it was ASLEEP, until it is woken.
 *
 * A thread that wants to read waits in a line of its own, which goes first.
 */
#include "file.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

/** Turns of the processor for which a thread looks before it sleeps. */
#define LOOKS 50

/** Of a request. */
enum { STAGE_AWAKE, STAGE_ASLEEP, STAGE_DONE };

static void sleep_on(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR) {
    }
}

/** Has the first request that waits performed by its own thread, unless another is faster. The lock is held. */
static void wake_next(lambda_sqlite *file)
{
    lambda__sqlite_request *next = file->pending;
    /* One that is awake looks itself, once more with the lock held before it sleeps. */
    if (!next || atomic_load_explicit(&next->stage, memory_order_relaxed) != STAGE_ASLEEP) return;
    next->called++;
    sem_post(&next->woken);
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
    if (file->pending_count >= file->crowd || !file->waits_for_disk || !file->attached) return;
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

/** Arranges who wakes whom of a list: the first two are the owner's to wake, the others are given to those before them. */
static void plan_wakes(lambda__sqlite_request *sleepers)
{
    lambda__sqlite_request *giver = sleepers;
    lambda__sqlite_request *request = sleepers && sleepers->next ? sleepers->next->next : NULL;
    for (; request; request = request->next) {
        if (!giver->wake) {
            giver->wake = request;
        } else {
            giver->wake_too = request;
            giver = giver->next;
        }
    }
}

/** Tells a group that it is done, but for `own`; returns those who have to be woken. The lock is held. */
static lambda__sqlite_request *finish(lambda_sqlite *file, lambda__sqlite_request *group, lambda__sqlite_request *own)
{
    lambda__sqlite_request *sleepers = NULL;
    lambda__sqlite_request **tail = &sleepers;
    for (lambda__sqlite_request *request = group, *next; request; request = next) {
        next = request->next;
        if (request->status == LAMBDA_OK) lambda__sqlite_cache_committed(file, request);
        if (request == own) continue;
        if (atomic_exchange_explicit(&request->stage, STAGE_DONE, memory_order_acq_rel) != STAGE_ASLEEP) continue;
        *tail = request;
        tail = &request->next;
    }
    *tail = NULL;
    return sleepers;
}

/** Performs all requests that wait, `own` among them. The database is owned and the lock held before, neither afterwards. */
static void perform_pending(lambda_sqlite *file, lambda__sqlite_request *own)
{
    gather(file);
    lambda__sqlite_request *group = file->pending;
    file->pending = NULL;
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
    pthread_mutex_lock(&file->lock);
    file->end = end;
    file->total = total;
    lambda__sqlite_request *sleepers = finish(file, group, own);
    lambda__sqlite_disown(file);
    pthread_mutex_unlock(&file->lock);
    plan_wakes(sleepers);
    lambda__sqlite_request *second = sleepers ? sleepers->next : NULL;
    if (sleepers) sem_post(&sleepers->woken);
    if (second) sem_post(&second->woken);
}

/** Looks for a while: true once the request is done. False: it may be performed, or the time is over. */
static bool look(lambda_sqlite *file, lambda__sqlite_request *request)
{
    for (int i = 0; i < LOOKS; i++) {
        sched_yield();
        if (atomic_load_explicit(&request->stage, memory_order_acquire) == STAGE_DONE) return true;
        if (!file->owned && file->pending == request) return false;
    }
    return false;
}

/** What is left for one that slept until it was done. */
static void rise(lambda__sqlite_request *request, uint32_t awoken)
{
    /* Whoever is to wake this request still uses it: it was woken before to perform it, and another was faster. */
    for (; awoken < request->called + 1; awoken++)
        sleep_on(&request->woken);
    if (request->wake) sem_post(&request->wake->woken);
    if (request->wake_too) sem_post(&request->wake_too->woken);
}

/**
 * Waits until another thread has performed the request, or until this one may: true, it owns the database and has the lock. With
 * false it has not. The lock is held before.
 */
static bool wait_for_turn(lambda_sqlite *file, lambda__sqlite_request *request)
{
    uint32_t awoken = 0;
    while (file->owned) {
        pthread_mutex_unlock(&file->lock);
        if (look(file, request)) return false;
        pthread_mutex_lock(&file->lock);
        if (!file->owned && atomic_load(&request->stage) != STAGE_DONE) break;
        int stage = STAGE_AWAKE;
        bool asleep = atomic_compare_exchange_strong(&request->stage, &stage, STAGE_ASLEEP);
        pthread_mutex_unlock(&file->lock);
        if (!asleep) return false;
        sleep_on(&request->woken);
        awoken++;
        pthread_mutex_lock(&file->lock);
        stage = STAGE_ASLEEP;
        if (!atomic_compare_exchange_strong(&request->stage, &stage, STAGE_AWAKE)) {
            pthread_mutex_unlock(&file->lock);
            rise(request, awoken);
            return false;
        }
    }
    file->owned = true;
    return true;
}

void lambda__sqlite_commit(lambda_sqlite *file, lambda__sqlite_request *request)
{
    sem_init(&request->woken, 0, 0);
    request->next = NULL;
    if (file->pending)
        file->pending_last->next = request;
    else
        file->pending = request;
    file->pending_last = request;
    file->pending_count++;
    if (wait_for_turn(file, request)) perform_pending(file, request);
    sem_destroy(&request->woken);
}
