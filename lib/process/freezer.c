#include "freezer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/** So many rounds in which nobody rested the thread stays half awake: in between nobody needs to wake it, which is not for nothing. */
#define QUIET_ROUNDS 25

struct lambda__freezer {
    pthread_mutex_t mutex; /* of all that follows, and of each environment's place */
    pthread_cond_t changed;
    pthread_t thread;
    bool started;
    bool stopping;
    bool asleep; /* the thread waits until it is told */
    unsigned quiet;
    lambda__rest *first; /* the one that is due first */
    lambda__rest *last;
};

static void add(lambda__freezer *freezer, lambda__rest *rest)
{
    rest->next = NULL;
    rest->previous = freezer->last;
    *(freezer->last ? &freezer->last->next : &freezer->first) = rest;
    freezer->last = rest;
    rest->resting = true;
}

static void take_out(lambda__freezer *freezer, lambda__rest *rest)
{
    *(rest->previous ? &rest->previous->next : &freezer->first) = rest->next;
    *(rest->next ? &rest->next->previous : &freezer->last) = rest->previous;
    rest->resting = false;
}

static void freeze_due(lambda__freezer *freezer, uint64_t now)
{
    while (freezer->first && freezer->first->due <= now) {
        lambda__rest *rest = freezer->first;
        take_out(freezer, rest);
        lambda__sandbox_freeze(rest->sandbox);
        rest->frozen = true;
    }
}

static void wait_until(lambda__freezer *freezer, uint64_t until)
{
    const struct timespec time = {.tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000)};
    pthread_cond_timedwait(&freezer->changed, &freezer->mutex, &time);
}

static void *run(void *user)
{
    lambda__freezer *freezer = user;
    pthread_mutex_lock(&freezer->mutex);
    while (!freezer->stopping) {
        uint64_t now = lambda__loop_now();
        freeze_due(freezer, now);
        if (freezer->first || freezer->quiet++ < QUIET_ROUNDS) {
            wait_until(freezer, now + LAMBDA__REST_NS);
        } else {
            freezer->asleep = true;
            pthread_cond_wait(&freezer->changed, &freezer->mutex);
            freezer->asleep = false;
        }
    }
    pthread_mutex_unlock(&freezer->mutex);
    return NULL;
}

/** Under the mutex. Signals are the host's: the thread takes none. */
static bool start(lambda__freezer *freezer)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    freezer->started = pthread_create(&freezer->thread, NULL, run, freezer) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return freezer->started;
}

lambda__freezer *lambda__freezer_open(void)
{
    pthread_condattr_t monotonic;
    lambda__freezer *freezer = calloc(1, sizeof(*freezer));
    if (!freezer) return NULL;
    pthread_mutex_init(&freezer->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&freezer->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return freezer;
}

void lambda__freezer_close(lambda__freezer *freezer)
{
    if (!freezer) return;
    pthread_mutex_lock(&freezer->mutex);
    freezer->stopping = true;
    pthread_cond_signal(&freezer->changed);
    pthread_mutex_unlock(&freezer->mutex);
    if (freezer->started) pthread_join(freezer->thread, NULL);
    pthread_cond_destroy(&freezer->changed);
    pthread_mutex_destroy(&freezer->mutex);
    free(freezer);
}

void lambda__freezer_rest(lambda__freezer *freezer, lambda__rest *rest)
{
    pthread_mutex_lock(&freezer->mutex);
    if (freezer->started || start(freezer)) {
        rest->due = lambda__loop_now() + LAMBDA__REST_NS;
        add(freezer, rest);
        freezer->quiet = 0;
        if (freezer->asleep) pthread_cond_signal(&freezer->changed);
    } else {
        lambda__sandbox_freeze(rest->sandbox);
        rest->frozen = true;
    }
    pthread_mutex_unlock(&freezer->mutex);
}

void lambda__freezer_wake(lambda__freezer *freezer, lambda__rest *rest)
{
    pthread_mutex_lock(&freezer->mutex);
    if (rest->resting) take_out(freezer, rest);
    if (rest->frozen) lambda__sandbox_thaw(rest->sandbox);
    rest->frozen = false;
    pthread_mutex_unlock(&freezer->mutex);
}
