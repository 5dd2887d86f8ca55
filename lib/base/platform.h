/* The platform port: everything that differs between operating systems and is not C11 or plain POSIX threads. */
#ifndef LAMBDA_LIB_PLATFORM_H
#define LAMBDA_LIB_PLATFORM_H

#include <stdatomic.h>
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

/** CPUs that this process may run on. */
uint32_t lambda__platform_cpus(void);

/** Tells the processor that this is a loop that waits. */
static inline void lambda__platform_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/** Brings the line at `address`, which need not be anybody's, to this processor to be written. */
static inline void lambda__platform_prefetch_write(const void *address)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/** Starts a thread with all signals blocked that nobody joins. `stack_size` 0: the system's. False where there is none. */
bool lambda__platform_thread_start(void (*run)(void *argument), void *argument, size_t stack_size);

/** Sleeps while `*word` is `value`, at most so long (UINT64_MAX: no end). May return early. */
void lambda__platform_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns);

/** Wakes all who wait on the word. Only its address counts: what it pointed to may be gone. */
void lambda__platform_wake(_Atomic uint32_t *word);

/** Wakes one of them at least. */
void lambda__platform_wake_one(_Atomic uint32_t *word);

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

/** Bytes of all regular files in a directory, following no link. 0 or an errno. */
int lambda__platform_directory_size(const char *path, uint64_t *bytes);

/** Removes a directory and all in it, following no link. 0 or an errno. */
int lambda__platform_directory_remove(const char *path);

/** A private copy of a file that can be dlopened. */
typedef struct lambda__private_file {
    int descriptor;
    char path[320];   /* leads to it while it is open; no other private file has it meanwhile */
    const void *data; /* its bytes, mapped */
    size_t length;
} lambda__private_file;

/**
 * Copies a regular file; `parent` is where it may be put if it cannot be in memory. 0 or an errno: EISDIR for what is no
 * regular file, ENODATA for an empty one, EFBIG for more than `maximum` bytes.
 */
int lambda__platform_private_copy(const char *source, const char *parent, size_t maximum, lambda__private_file *file);

/** The same of bytes: at least one. */
int lambda__platform_private_write(const void *data, size_t length, const char *parent, lambda__private_file *file);

/** Ends it; its bytes are then gone. */
void lambda__platform_private_close(lambda__private_file *file);

/* ---- a file of lines: base/platform_posix_file.c */

/** Bytes of a path, its NUL included. */
#define LAMBDA__PATH_SIZE 4096

/** A file that lines are appended to. One call at a time, but for reading what stood there when nothing was being appended. */
typedef struct lambda__line_file {
    int descriptor;
    bool regular;                 /* else it is a device or a pipe: what goes in cannot be had back */
    bool directory_stale;         /* the directory on disk may not know this file yet */
    char path[LAMBDA__PATH_SIZE]; /* absolute and through no link */
} lambda__line_file;

/** A part of a file. */
typedef struct lambda__file_range {
    uint64_t offset;
    uint64_t length;
} lambda__file_range;

/** Opens a file, made for its owner alone if it is not there. 0 or an errno: EBUSY where it is open already, here or elsewhere. */
int lambda__platform_lines_open(const char *path, lambda__line_file *file);

/**
 * Appends a line and a line end in one write, and one before it where the file ends within a line; on disk when it returns. 0 or an
 * errno: the file is then as it was.
 */
int lambda__platform_lines_append(lambda__line_file *file, const void *line, size_t length);

/**
 * Appends lines that end as they should in one write, and a line end before them where the file ends within a line; nobody waits for
 * the disk. 0 or an errno: the file is then as it was.
 */
int lambda__platform_lines_add(lambda__line_file *file, const void *lines, size_t length);

/** How long the file is. 0 or an errno. */
int lambda__platform_lines_size(const lambda__line_file *file, uint64_t *size);

/** Reads up to `capacity` bytes; `*length` is 0 at the end. 0 or an errno. */
int lambda__platform_lines_read(const lambda__line_file *file, uint64_t offset, void *data, size_t capacity,
                                size_t *length);

/**
 * Forgets all but these parts and what stands at `rest` and behind it: on disk the file is the old or the new one, whole, at any time.
 * 0 or an errno: the file is then as it was.
 */
int lambda__platform_lines_keep(lambda__line_file *file, const lambda__file_range *parts, size_t count, uint64_t rest);

/** Closes it. */
void lambda__platform_lines_close(lambda__line_file *file);

/* ---- folders, reached from each other and never through a link: base/platform_posix_folder.c */

/**
 * Opens the directory at `path`, which may be a link, made for its owner alone if it is not there; and locks it. 0 or an errno: EBUSY
 * where it is locked already, here or elsewhere.
 */
int lambda__platform_folder_lock(const char *path, int *folder);

/** The same to look at alone: it is neither made nor locked. lambda__platform_folder_close closes it. */
int lambda__platform_folder_look(const char *path, int *folder);

/** Gives back the lock, and closes it. */
void lambda__platform_folder_unlock(int folder);

/** Opens `path`, of one part or more, within a folder; parts that are not there are made if `make`. 0 or an errno. */
int lambda__platform_folder_open(int within, const char *path, bool make, int *folder);

/** Closes what lambda__platform_folder_open opened. */
void lambda__platform_folder_close(int folder);

/** Shows the regular files and the folders of a folder, but not "." and "..". What is seen may be removed. 0 or an errno. */
int lambda__platform_folder_list(int folder, void (*see)(void *user, int folder, const char *name, bool is_folder),
                                 void *user);

/** Removes a file. 0 or an errno. */
int lambda__platform_folder_remove(int folder, const char *name);

/** Opens a regular file of a folder, of which only `descriptor` and `regular` are set: no lock. Made if it is not there. 0 or an errno. */
int lambda__platform_folder_lines(int folder, const char *name, lambda__line_file *file);

/** Opens a regular file of a folder to be read. 0 or an errno. lambda__platform_descriptor_close closes it. */
int lambda__platform_folder_read(int folder, const char *name, int *descriptor);

/** Opens a regular file to be read. Likewise. */
int lambda__platform_file_read(const char *path, int *descriptor);

/** How long such a file is, and whether it still has a name. 0 or an errno. */
int lambda__platform_lines_state(int descriptor, uint64_t *size, bool *named);

/** Closes it. */
void lambda__platform_descriptor_close(int descriptor);

/* ---- datagrams: base/platform_posix_socket.c */

/** Opens a socket that sends to an IPv4 or IPv6 address in numbers, and to no other. 0 or an errno: EINVAL for what is no address. */
int lambda__platform_datagram_open(const char *host, uint16_t port, int *descriptor);

/**
 * Sends one, and waits for nothing: EAGAIN where the system has no room for it just now. ECONNREFUSED says that an earlier one came
 * to nobody; this one was sent nevertheless. 0 or an errno.
 */
int lambda__platform_datagram_send(int descriptor, const void *head, size_t head_length, const void *data,
                                   size_t length);

/** Closes it. */
void lambda__platform_datagram_close(int descriptor);

#endif
