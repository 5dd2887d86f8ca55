/*
 * The helper: a small program with one thread, carried inside the library, which makes sandboxes. Its insides.
 *
 * A *cage* is a sandbox as it sees it: a child, which is process 1, its cgroups and its directory. Children are made ahead: a *spare* one has all that does not depend on what is asked for,
 * and waits for an OPEN. (With version 1 of cgroups putting a process into one waits for a grace period of the kernel's: milliseconds, sometimes.)
 */
#ifndef LAMBDA_PROCESS_HELPER_H
#define LAMBDA_PROCESS_HELPER_H

#include "wire.h"

/** Where cgroups may be. */
typedef enum hierarchy_name { UNIFIED, MEMORY_1, CPU_1, PIDS_1, HIERARCHIES } hierarchy_name;

/** One hierarchy: the directory under which ours are made. */
typedef struct lambda__hierarchy {
    int fd; /* -1: none, or not to be written */
    char path[LAMBDA__PATH];
} lambda__hierarchy;

typedef struct lambda__cage {
    uint64_t id;
    pid_t pid;     /* of process 1; 0 once it was reaped */
    uint32_t user; /* and group, outside of its namespace; 0: the helper's */
    int process;   /* its pidfd, or -1 */
    int setup;     /* a spare's socket; -1 once it was opened */
    int done;      /* the pipe whose closing says that all is gone, or -1 */
    bool closing;
    char name[96]; /* of its cgroups and its directory */
    struct lambda__cage *next;
} lambda__cage;

typedef struct lambda__helper {
    int host;
    int life[2]; /* what lives by the helper holds the read end, the helper the other */
    int signals; /* SIGCHLD */
    int devnull;
    uint32_t without;
    bool namespaces;
    bool own_user;                /* in a user namespace of its own, where only its user exists */
    uint32_t users_first;         /* those that cages are given */
    uint32_t users_count;         /* 0: cages have the helper's */
    unsigned long flags;          /* of clone */
    char prefix[64];              /* of names: what tells this helper from others, and whether it lives */
    char parent[LAMBDA__PATH];    /* the options' directory */
    char directory[LAMBDA__PATH]; /* of this helper, in it */
    int root;                     /* the skeleton of sandboxes' root, where there are namespaces */
    lambda__hierarchy hierarchies[HIERARCHIES];
    bool memory_2, cpu_2, pids_2, freeze_2, kill_2; /* what the unified hierarchy's children have */
    lambda__welcome welcome;
    lambda__cage *cages;
    lambda__cage *spare;
    uint64_t serial;
} lambda__helper;

/** The user that processes in a sandbox seem to be: Lambda's sbx_user1051. Outside of it, where the helper is root, each sandbox has one of its own. */
enum { SEEN_USER = 993, SEEN_GROUP = 990 };

/* ---- helper_text.c */

/** Formats into text of LAMBDA__WIRE_TEXT bytes with the errno behind it; returns the errno. */
int text_error(char *text, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** Writes the whole of a string to a file below a directory (AT_FDCWD too). 0 or an errno. */
int file_write(int directory, const char *path, const char *text);
/** A file's first bytes as a string, "" where it cannot be read. Bytes. */
size_t file_read(int directory, const char *path, char *text, size_t size);
/** "a/b" of two parts into a path. False: too long. */
bool path_join(char *path, size_t size, const char *a, const char *b);

/* ---- helper_cgroup.c */

/** Finds the hierarchies in which directories can be made and limits be written. `option`: the host's choice of the group, or "". */
void cgroups_find(lambda__helper *helper, const char *option, char *why, size_t size);
/** Makes a cage's directories. 0 or an errno. */
int cgroups_make(lambda__helper *helper, const char *name, char *text);
/** The unified one's directory, -1 where there is none. To be closed. */
int cgroups_unified(const lambda__helper *helper, const char *name);
/** Puts the calling process into those of version 1. 0 or an errno. */
int cgroups_enter(const lambda__helper *helper, const char *name, lambda__ready *ready);
int cgroups_limit_memory(const lambda__helper *helper, const char *name, uint64_t bytes, char *text);
/** The file that the processor's quota is written to with cgroups_write_cpu, -1 where there is none. */
int cgroups_open_cpu(const lambda__helper *helper, const char *name);
int cgroups_write_cpu(const lambda__helper *helper, int fd, uint32_t memory_mb); /* 0 or an errno */
void cgroups_kill(const lambda__helper *helper, const char *name);
/** False: something is still in one. */
bool cgroups_remove(const lambda__helper *helper, const char *name);

/* ---- helper_root.c */

/** The helper's own namespaces and the skeleton. 0 or an errno. */
int root_prepare(lambda__helper *helper, char *text);
/** Makes the places that something is mounted on. 0 or an errno. */
int root_place(const lambda__helper *helper, const char *to, const char *from);
/** In a child: mounts what each sandbox has alike. */
int root_enter(const lambda__helper *helper, lambda__ready *ready);
/** In a child: mounts what was asked for and makes it the root. `strings` of the OPEN. */
int root_complete(const lambda__cage *cage, const lambda__open *open, lambda__strings *strings, lambda__ready *ready);

/* ---- helper_user.c */

/** Which users cages can be given: none, where the helper is not root, or the machine knows of no range that nobody else has. */
void users_find(lambda__helper *helper);
/** One of them that no other cage has, drawn at random: another helper draws of the same range. 0 where there are none. */
uint32_t users_draw(const lambda__helper *helper);
/** In a child: gives up its user and every privilege, in this order. */
int user_leave(const lambda__helper *helper, const lambda__cage *cage, lambda__ready *ready);

/* ---- helper_cage.c */

/** Makes a child that waits to be opened. NULL with `text` and `*error`. */
lambda__cage *cage_make(lambda__helper *helper, char *text, int *error);
/** Has the spare one, or a new one, be what is asked for; `control` is the peer of the sandbox's socket and is closed. */
void cage_open(lambda__helper *helper, const lambda__open *open, size_t size, int control);
void cage_kill(lambda__helper *helper, lambda__cage *cage);
/** After its process 1 has been reaped: removes what it had. False: not all of it could be. */
bool cage_clean(lambda__helper *helper, lambda__cage *cage);
void cage_free(lambda__cage *cage);
/** Where no namespaces are: the sandbox's directory, with `tmp` in it. */
bool cage_directory(const lambda__helper *helper, const char *name, char *path, size_t size);

/* ---- helper_init.c */

/** A child's life: waits for its OPEN on `setup`, becomes what is asked for, and is process 1. Does not return. */
_Noreturn void init_run(lambda__helper *helper, lambda__cage *cage, int setup);

/* ---- helper_tree.c: processes by their parents, where no namespace holds them. */

/** Sends a signal to all below `root` but itself, and what `spared` says with what is below that. Returns how many there were. */
int tree_signal(pid_t root, int signal, bool (*spared)(void *user, pid_t pid), void *user);
/** Kills all that is below, until there is nothing. */
void tree_kill(pid_t root, bool (*spared)(void *user, pid_t pid), void *user);

/* ---- helper_sweep.c */

/** Removes what helpers left that are no more. */
void sweep_left(lambda__helper *helper);
/** Removes a directory and what is in it; not across file systems. False: not all. */
bool sweep_directory(int parent, const char *name);

#endif
