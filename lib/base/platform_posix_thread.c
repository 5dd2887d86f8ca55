/* Threads, and words that threads wait on. */
#include "base/platform.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

uint32_t lambda__platform_cpus(void)
{
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) return (uint32_t)CPU_COUNT(&set);
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}

typedef struct beginning {
    void (*run)(void *argument);
    void *argument;
} beginning;

static void *begin(void *given)
{
    beginning begun = *(beginning *)given;
    free(given);
    begun.run(begun.argument);
    return NULL;
}

bool lambda__platform_thread_start(void (*run)(void *argument), void *argument, size_t stack_size)
{
    /* From malloc: it is freed on a thread that may outlive the service and its allocator. */
    beginning *given = malloc(sizeof(*given));
    pthread_attr_t attributes;
    if (!given) return false;
    *given = (beginning){run, argument};
    if (pthread_attr_init(&attributes) != 0) {
        free(given);
        return false;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    bool started = stack_size == 0 || pthread_attr_setstacksize(&attributes, (stack_size + 65535) / 65536 * 65536) == 0;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = started && pthread_create(&thread, &attributes, begin, given) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (!started) free(given);
    return started;
}

#if defined(__linux__)

void lambda__platform_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000), .tv_nsec = (long)(timeout_ns % 1000000000)};
    syscall(SYS_futex, (void *)word, FUTEX_WAIT_PRIVATE, value, timeout_ns == UINT64_MAX ? NULL : &timeout, NULL, 0);
}

void lambda__platform_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, (void *)word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void lambda__platform_wake_one(_Atomic uint32_t *word)
{
    syscall(SYS_futex, (void *)word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#else

/* A few conditions for all words: who waits is woken too often, and looks again. */
enum { BUCKETS = 16 };
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} buckets[BUCKETS];
static pthread_once_t buckets_once = PTHREAD_ONCE_INIT;

static void buckets_prepare(void)
{
    for (int i = 0; i < BUCKETS; i++) {
        pthread_mutex_init(&buckets[i].mutex, NULL);
        pthread_cond_init(&buckets[i].changed, NULL);
    }
}

static size_t bucket_of(const void *word)
{
    pthread_once(&buckets_once, buckets_prepare);
    return ((uintptr_t)word >> 6) % BUCKETS;
}

void lambda__platform_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
    size_t at = bucket_of((const void *)word);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    /* Waking early is allowed: an hour is as good as forever. */
    uint64_t ns = timeout_ns < UINT64_C(3600000000000) ? timeout_ns : UINT64_C(3600000000000);
    ns += (uint64_t)until.tv_nsec;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&buckets[at].mutex);
    if (atomic_load_explicit(word, memory_order_acquire) == value)
        pthread_cond_timedwait(&buckets[at].changed, &buckets[at].mutex, &until);
    pthread_mutex_unlock(&buckets[at].mutex);
}

void lambda__platform_wake(_Atomic uint32_t *word)
{
    size_t at = bucket_of((const void *)word);
    pthread_mutex_lock(&buckets[at].mutex);
    pthread_cond_broadcast(&buckets[at].changed);
    pthread_mutex_unlock(&buckets[at].mutex);
}

void lambda__platform_wake_one(_Atomic uint32_t *word)
{
    /* Those of several words wait on one condition: whom a single signal would wake is anybody's guess. */
    lambda__platform_wake(word);
}

#endif
