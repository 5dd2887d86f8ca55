/* A VFS of SQLite whose disk fails when the test wants it to. */
#ifndef LAMBDA_TESTS_FAULTY_VFS_H
#define LAMBDA_TESTS_FAULTY_VFS_H

#include <stdbool.h>
#include <stdint.h>

/** The name to open with. */
#define FAULTY_VFS "faulty"

/** What goes wrong. One for the process. */
typedef struct faulty_disk {
    _Atomic long changes;   /* writes, syncs and truncations that were asked for */
    _Atomic long syncs;     /* of those, syncs */
    _Atomic long failures;  /* of those, failed ones */
    _Atomic long fail_at;   /* the change that fails, counted from 1 by `changes`; 0: none does */
    _Atomic long fail_many; /* how many fail from there on; 0: one */
    _Atomic int64_t room;   /* a write beyond this offset of any file finds the disk full; 0: none does */
    _Atomic bool read_only; /* no file can be opened to be written */
} faulty_disk;

extern faulty_disk faulty;

/** Registers the VFS, once, and makes the disk whole. */
void faulty_reset(void);

/** The `count`th change from now fails, and `many` - 1 after it. */
void faulty_arm(long count, long many);

#endif
