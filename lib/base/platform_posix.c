#include "base/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sys/mman.h>
#if defined(__linux__)
#include <sys/random.h>
#endif

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

/* ---- thread numbers: a bit for each number that a living thread has */

#define NUMBERS_MAX 1024

_Thread_local uint32_t lambda__thread_number_cached = LAMBDA__THREAD_NONE;

static pthread_mutex_t numbers_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool numbers_taken[NUMBERS_MAX];
static pthread_once_t numbers_once = PTHREAD_ONCE_INIT;
static pthread_key_t numbers_key;
static bool numbers_key_made;

static void number_give_back(void *value)
{
    size_t number = (size_t)(uintptr_t)value - 1;
    pthread_mutex_lock(&numbers_mutex);
    numbers_taken[number] = false;
    pthread_mutex_unlock(&numbers_mutex);
    lambda__thread_number_cached = LAMBDA__THREAD_NONE;
}

static void numbers_prepare(void)
{
    numbers_key_made = pthread_key_create(&numbers_key, number_give_back) == 0;
}

uint32_t lambda__thread_number_take(uint32_t limit)
{
    pthread_once(&numbers_once, numbers_prepare);
    if (!numbers_key_made) return LAMBDA__THREAD_NONE;
    if (limit > NUMBERS_MAX) limit = NUMBERS_MAX;
    uint32_t number = 0;
    pthread_mutex_lock(&numbers_mutex);
    while (number < limit && numbers_taken[number])
        number++;
    if (number < limit) numbers_taken[number] = true;
    pthread_mutex_unlock(&numbers_mutex);
    if (number == limit) return LAMBDA__THREAD_NONE;
    if (pthread_setspecific(numbers_key, (void *)(uintptr_t)(number + 1)) != 0) {
        number_give_back((void *)(uintptr_t)(number + 1));
        return LAMBDA__THREAD_NONE;
    }
    lambda__thread_number_cached = number;
    return number;
}

void lambda__platform_yield(void)
{
    sched_yield();
}

void lambda__platform_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* ---- clocks */

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t lambda__platform_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t lambda__platform_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

#if defined(__x86_64__) || defined(__i386__)

/**
 * The processor says that its counter never changes speed, and the system has not found it wanting: it offers the counter as a clock, or
 * as a guest has one that is made of it.
 */
bool lambda__platform_cycles_dependable(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & 1u << 8)) return false;
#if defined(__linux__)
    char sources[256] = "";
    int file = open("/sys/devices/system/clocksource/clocksource0/available_clocksource", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t length = read(file, sources, sizeof(sources) - 1);
    close(file);
    return length > 0 && (strstr(sources, "tsc") || strstr(sources, "kvm-clock"));
#else
    return true;
#endif
}

uint64_t lambda__platform_cycles(void)
{
    return __rdtsc();
}

#elif defined(__aarch64__)

bool lambda__platform_cycles_dependable(void)
{
    return true; /* the architecture's generic timer: one fixed frequency for all CPUs */
}

uint64_t lambda__platform_cycles(void)
{
    uint64_t cycles;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(cycles));
    return cycles;
}

#else

bool lambda__platform_cycles_dependable(void)
{
    return false;
}

uint64_t lambda__platform_cycles(void)
{
    return 0;
}

#endif

/* ---- randomness */

uint64_t lambda__platform_random(void)
{
    uint64_t value = 0;
#if defined(__linux__)
    if (getrandom(&value, sizeof(value), GRND_NONBLOCK) == (ssize_t)sizeof(value)) return value;
#else
    arc4random_buf(&value, sizeof(value));
    return value;
#endif
    /* Early in a boot the system may have none yet: ids only need to differ, so clocks and an address will do. */
    static uint64_t counter;
    value = lambda__platform_wall() * UINT64_C(0x9E3779B97F4A7C15) ^ lambda__platform_monotonic();
    return value ^ __atomic_add_fetch(&counter, UINT64_C(0xD1B54A32D192ED03), __ATOMIC_RELAXED) ^ (uintptr_t)&value;
}

/* ---- files */

int lambda__platform_directory_make(const char *parent, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/lambda-XXXXXX", parent);
    if (length < 0 || (size_t)length >= size) return ENAMETOOLONG;
    return mkdtemp(path) ? 0 : errno;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path) == 0 || errno == ENOENT ? 0 : errno;
}

int lambda__platform_directory_remove(const char *path)
{
    int result = nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (result == -1) return errno == ENOENT ? 0 : errno;
    return result;
}

/* nftw hands its callback no state: each thread has its own sum. */
static _Thread_local uint64_t size_sum;

static int add_size(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)path;
    (void)walk;
    if (type == FTW_F && S_ISREG(info->st_mode)) size_sum += (uint64_t)info->st_size;
    return 0;
}

int lambda__platform_directory_size(const char *path, uint64_t *bytes)
{
    size_sum = 0;
    int result = nftw(path, add_size, 16, FTW_PHYS | FTW_MOUNT);
    *bytes = size_sum;
    return result == 0 ? 0 : errno;
}

#if defined(__linux__)

static int private_open(const char *parent, lambda__private_file *file)
{
    (void)parent;
    file->descriptor = memfd_create("lambda", MFD_CLOEXEC);
    if (file->descriptor < 0) return errno;
    /* The loader knows objects by path: this one is nobody else's while the descriptor is open. */
    snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->descriptor);
    return 0;
}

static void private_unlink(const lambda__private_file *file)
{
    (void)file;
}

#else

static int private_open(const char *parent, lambda__private_file *file)
{
    int length = snprintf(file->path, sizeof(file->path), "%s/lambda-XXXXXX", parent);
    if (length < 0 || (size_t)length >= sizeof(file->path)) return ENAMETOOLONG;
    file->descriptor = mkstemp(file->path);
    return file->descriptor < 0 ? errno : 0;
}

static void private_unlink(const lambda__private_file *file)
{
    unlink(file->path);
}

#endif

static int write_all(int descriptor, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, data, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        data += written;
        length -= (size_t)written;
    }
    return 0;
}

/** Copies all of an open file; what grows beyond the maximum while it is read is refused. */
static int copy_all(int source, size_t maximum, lambda__private_file *file)
{
    char block[16384];
    for (;;) {
        ssize_t length = read(source, block, sizeof(block));
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return errno;
        if (length == 0) return file->length > 0 ? 0 : ENODATA;
        if ((size_t)length > maximum - file->length) return EFBIG;
        int error = write_all(file->descriptor, block, (size_t)length);
        if (error) return error;
        file->length += (size_t)length;
    }
}

/** Maps what was written, or with an error gives the file up. */
static int finish_private(int error, lambda__private_file *file)
{
    if (!error) {
        void *data = mmap(NULL, file->length, PROT_READ, MAP_SHARED, file->descriptor, 0);
        if (data != MAP_FAILED) {
            file->data = data;
            return 0;
        }
        error = errno;
    }
    private_unlink(file);
    close(file->descriptor);
    return error;
}

static int copy_into(int source, const char *parent, size_t maximum, lambda__private_file *file)
{
    struct stat info;
    if (fstat(source, &info) != 0) return errno;
    if (!S_ISREG(info.st_mode)) return EISDIR;
    int error = private_open(parent, file);
    return error ? error : finish_private(copy_all(source, maximum, file), file);
}

int lambda__platform_private_copy(const char *source, const char *parent, size_t maximum, lambda__private_file *file)
{
    *file = (lambda__private_file){.descriptor = -1};
    int descriptor = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return errno;
    int error = copy_into(descriptor, parent, maximum, file);
    close(descriptor);
    return error;
}

int lambda__platform_private_write(const void *data, size_t length, const char *parent, lambda__private_file *file)
{
    *file = (lambda__private_file){.descriptor = -1, .length = length};
    int error = private_open(parent, file);
    return error ? error : finish_private(write_all(file->descriptor, data, length), file);
}

void lambda__platform_private_close(lambda__private_file *file)
{
    munmap((void *)(uintptr_t)file->data, file->length);
    private_unlink(file);
    close(file->descriptor);
}
