/* The platform port: everything that differs between operating systems and is not C11 or plain POSIX threads. */
#ifndef LAMBDA_LIB_PLATFORM_H
#define LAMBDA_LIB_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAMBDA__THREAD_NONE UINT32_MAX

/** The number of this thread, UINT32_MAX until lambda__thread_number_take. */
extern _Thread_local uint32_t lambda__thread_number_cached;

static inline uint32_t lambda__thread_number(void)
{
    return lambda__thread_number_cached;
}

/**
 * Gives this thread the lowest number below `limit` that no living thread of the process has, and gives it back when the
 * thread ends. UINT32_MAX where there is none left. The numbers are the one thing that services of a process share.
 */
uint32_t lambda__thread_number_take(uint32_t limit);

/** Lets other threads run. */
void lambda__platform_yield(void);

/** Waits about a millisecond, for what cannot be waited for otherwise. */
void lambda__platform_pause(void);

/** Nanoseconds on the system's monotonic clock, and since 1970. */
uint64_t lambda__platform_monotonic(void);
uint64_t lambda__platform_wall(void);

/** True where `lambda__platform_cycles` is a counter that runs at one speed on all CPUs. */
bool lambda__platform_cycles_dependable(void);
uint64_t lambda__platform_cycles(void);

/** 64 bits from the system. */
uint64_t lambda__platform_random(void);

/** Makes a new directory `parent`/lambda-XXXXXX and writes its path. 0 or an errno. */
int lambda__platform_directory_make(const char *parent, char *path, size_t size);

/** Removes a directory and all in it, following no link. 0 or an errno. */
int lambda__platform_directory_remove(const char *path);

/**
 * A private file holding `length` bytes that can be dlopened, gone when closed: `*descriptor` (the caller's to close) and
 * a path that leads to it while it is open and that no other private file has meanwhile. 0 or an errno.
 */
int lambda__platform_private_file(const char *parent, const void *data, size_t length, int *descriptor, char *path,
                                  size_t size);

#endif
