/* Insides of the host's side of sandboxes. */
#ifndef LAMBDA_PROCESS_SANDBOXES_H
#define LAMBDA_PROCESS_SANDBOXES_H

#include <pthread.h>

#include "sandbox.h"
#include "wire.h"

struct lambda__sandboxes {
    lambda_t *lambda;
    bool best_effort;
    char directory[LAMBDA__PATH];
    char cgroup[LAMBDA__PATH];
    lambda_process_limits limits;
    pthread_mutex_t lock; /* of all below */
    int socket;           /* the helper's, or -1 */
    pid_t helper;
    uid_t user; /* the helper's */
    uint64_t last_id;
};

struct lambda__program {
    lambda__sandbox *sandbox;
    uint32_t id;
    int output;
    int error_output;
    bool started; /* STARTED has come */
    bool runs;
    int error;
    void (*exited)(void *user, int status);
    void *user;
    lambda__program *next;
};

struct lambda__sandbox {
    lambda__sandboxes *sandboxes;
    lambda__loop *loop;
    lambda__watch control;
    uint64_t id;
    pid_t pid; /* process 1, as the host sees it */
    int process;
    int unified; /* -1 each, where there is none */
    int memory;
    int freeze;
    int most_memory; /* the file that says how much it had at most, kept open as it is read after each invocation; -1: not yet, or none */
    int cpu;    /* the file of the processor's quota; -1 too once it is that of memory_mb */
    uid_t user; /* of its processes, to the host */
    char *task;
    char *opt;
    char *tmp;
    uint32_t memory_mb;
    uint32_t storage_mb;
    uint32_t last_program;
    lambda__program *programs;
    bool hung_up; /* process 1 is no more */
    bool killed;  /* by look */
    bool out_of_memory;
    uint64_t peak;            /* seen by look where no cgroup counts, or too much; 0: never */
    uint64_t most_with_files; /* of the cgroup's count, when it was last read */
    uint64_t most_without;    /* that without the files of /tmp */
    uint64_t look_after;      /* looking is dear where there are no cgroups: it is done less often then */
};

/** What is not to be used of what the machine has: lambda__without. For tests, before lambda__sandboxes_open. */
extern unsigned lambda__sandboxes_without;

/** A message to the helper, which is started anew if it is no more. 0 or an errno; `text` of LAMBDA__WIRE_TEXT bytes says what. Any thread. */
int lambda__sandboxes_send(lambda__sandboxes *sandboxes, const void *head, size_t head_size, const void *rest,
                           size_t rest_size, int fd, char *text);

/** Bytes of memory of all in it that no file stands behind, by their /proc; and in what its /tmp holds. */
uint64_t lambda__sandbox_watched_memory(const lambda__sandbox *sandbox);
uint64_t lambda__sandbox_watched_storage(const lambda__sandbox *sandbox);

/** Strings one after the other, each with its zero. */
typedef struct lambda__packed {
    char *bytes;
    size_t length;
    size_t room;
    bool failed; /* there was no memory */
} lambda__packed;

void lambda__packed_add(lambda__packed *packed, const char *string);

/** Reads a number of a file below a directory: the first one, or that behind `name` and a space at the beginning of a line. False: there is none. */
bool lambda__number_read(int directory, const char *file, const char *name, uint64_t *number);

#endif
