/*
 * What the host, the helper and process 1 of a sandbox say to each other: messages of SOCK_SEQPACKET sockets, a fixed part and then strings, each with its final zero. All three are one
 * machine and one build, so structs go as they are.
 *
 * host -> helper   HELLO once, then OPEN and CLOSE, from any thread: a message is one sendmsg
 * helper -> host   WELCOME on that socket; OPENED on the sandbox's own
 * process 1        gets the OPEN from the helper; then READY, STARTED, EXITED to the host; START, SIGNAL, STOP, CONTINUE and END from it
 */
#ifndef LAMBDA_PROCESS_WIRE_H
#define LAMBDA_PROCESS_WIRE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    LAMBDA__WIRE_MOST = 160 * 1024, /* bytes of a message; Linux lets a socket have more by default */
    LAMBDA__WIRE_FDS = 5,
    LAMBDA__WIRE_BINDS = 16,
    LAMBDA__WIRE_TEXT = 256,
    LAMBDA__PROCESSES = 1024, /* processes and threads of an environment, as in Lambda */
    LAMBDA__HELPER_HOST = 3   /* the descriptor of the helper's end of the host's socket */
};

typedef enum lambda__wire_kind {
    LAMBDA__WIRE_HELLO = 1,
    LAMBDA__WIRE_WELCOME,
    LAMBDA__WIRE_OPEN,
    LAMBDA__WIRE_OPENED,
    LAMBDA__WIRE_CLOSE,
    LAMBDA__WIRE_READY,
    LAMBDA__WIRE_START,
    LAMBDA__WIRE_STARTED,
    LAMBDA__WIRE_EXITED,
    LAMBDA__WIRE_SIGNAL,
    LAMBDA__WIRE_STOP,
    LAMBDA__WIRE_CONTINUE,
    LAMBDA__WIRE_END
} lambda__wire_kind;

/** What is not to be used though the machine has it: for tests of what is done without. */
typedef enum lambda__without {
    LAMBDA__WITHOUT_NAMESPACES = 1,
    LAMBDA__WITHOUT_USER_NAMESPACE = 2,
    LAMBDA__WITHOUT_CGROUP_1 = 4,
    LAMBDA__WITHOUT_CGROUP_2 = 8,
    LAMBDA__WITHOUT_SPARE = 16 /* no child is made ahead */
} lambda__without;

/** Strings: directory, cgroup ("" for its own). */
typedef struct lambda__hello {
    uint32_t kind;
    uint32_t without;
} lambda__hello;

/** Mechanisms as in lambda_process_mechanism. */
typedef struct lambda__welcome {
    uint32_t kind;
    int32_t error; /* 0, or the errno of what `text` says */
    char text[LAMBDA__WIRE_TEXT];
    uint32_t memory, cpu, processes, storage, paths, tree, freeze, identity, endpoint;
    char reason[512];
} lambda__welcome;

/** Strings: task, opt ("" for none), then from and to of each bind. Comes with the peer of the sandbox's socket. */
typedef struct lambda__open {
    uint32_t kind;
    uint32_t memory_mb;
    uint32_t storage_mb;
    uint32_t binds;
    uint64_t id;
} lambda__open;

/** Which descriptors come with OPENED, in this order. */
typedef enum lambda__opened_has {
    LAMBDA__HAS_PROCESS = 1, /* pidfd of process 1 */
    LAMBDA__HAS_UNIFIED = 2, /* the cgroup's directory, version 2 */
    LAMBDA__HAS_MEMORY = 4,  /* that of the memory controller, version 1 */
    LAMBDA__HAS_FREEZE = 8,  /* cgroup.freeze */
    LAMBDA__HAS_CPU = 16     /* the file of the processor's quota, of either version */
} lambda__opened_has;

/** String: the directory of the sandbox, "" where there is none. */
typedef struct lambda__opened {
    uint32_t kind;
    uint32_t has;
    int32_t error;
    int32_t pid;
    char text[LAMBDA__WIRE_TEXT];
} lambda__opened;

/** Comes with the write end of a pipe, which is closed once all is gone. */
typedef struct lambda__close {
    uint32_t kind;
    uint64_t id;
} lambda__close;

/** What process 1 could not do, and what of the things that can be missed it has done. */
typedef struct lambda__ready {
    uint32_t kind;
    int32_t error;
    char text[LAMBDA__WIRE_TEXT];
    uint32_t user; /* of its own, as the helper's user namespace has it; 0: the helper's */
    bool user_namespace;
    bool own_proc;  /* /proc shows the sandbox's processes alone */
    int32_t cgroup; /* the hierarchy that it could not enter, in the helper's numbers; -1: it was not that */
} lambda__ready;

/** Strings: path, working directory, arguments, environment. Comes with the write ends of its standard output and error. */
typedef struct lambda__start {
    uint32_t kind;
    uint32_t program;
    uint32_t arguments;
    uint32_t variables;
    uint64_t data_limit; /* RLIMIT_DATA, 0: none */
} lambda__start;

/** STARTED (`value`: errno of execve, or 0), EXITED (`value`: status of waitpid), SIGNAL (`value`: its number). */
typedef struct lambda__told {
    uint32_t kind;
    uint32_t program;
    int32_t value;
    int32_t pid;
} lambda__told;

/** A message: the fixed part and what follows. At most LAMBDA__WIRE_FDS descriptors. 0 or an errno; waits where the socket is full, if it waits at all. */
int lambda__wire_send(int socket, const void *head, size_t head_size, const void *rest, size_t rest_size,
                      const int *fds, int count);

/**
 * A message into `bytes`, its descriptors (close-on-exec) into `fds`, -1 where there is none. Bytes received; 0: the other side has hung up; else the negative errno. -EMFILE where its
 * descriptors had no room here.
 */
ssize_t lambda__wire_receive(int socket, void *bytes, size_t size, int fds[LAMBDA__WIRE_FDS]);

void lambda__wire_close_all(int *fds, int count);

/** Strings of a message, one after the other. `at` ends behind the last zero; `failed` once there was none. */
typedef struct lambda__strings {
    const char *at;
    const char *end;
    bool failed;
} lambda__strings;

/** The next string, "" where there is none. */
const char *lambda__strings_next(lambda__strings *strings);

/** The number that is a word of a text, counted from 0; words are divided by spaces. 0 where there is none. */
unsigned long long lambda__word_number(const char *text, int word);

/* One vCPU at 1,769 MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
enum { LAMBDA__MB_A_CPU = 1769, LAMBDA__CPU_PERIOD_US = 20000, LAMBDA__CPU_TEXT = 48 };

/** What is written to the file of the processor's quota, in a cgroup of version 2 or 1. */
void lambda__cpu_text(char text[LAMBDA__CPU_TEXT], bool version_2, uint32_t memory_mb);

/** The longest path that is taken, with its zero. */
enum { LAMBDA__PATH = PATH_MAX };

#endif
