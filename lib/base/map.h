/*
 * A map from names to entries that is read without a lock: in a read section (base/thread.h), beside one writer.
 * Open addressing; each slot is a hash and a pointer to the entry, whose first member is the lambda__map_entry.
 */
#ifndef LAMBDA_LIB_MAP_H
#define LAMBDA_LIB_MAP_H

#include "base/thread.h"

/** Stands first in what a map holds. The name's bytes are found at `name_offset` of the map from the entry's start. */
typedef struct lambda__map_entry {
    uint64_t hash;
    size_t name_length;
} lambda__map_entry;

typedef struct lambda__map_table lambda__map_table;

typedef struct lambda__map {
    _Atomic(lambda__map_table *) table; /* NULL while empty */
    uint64_t key;                       /* of the hash */
    size_t name_offset;                 /* of the name's bytes in an entry */
    size_t count;                       /* entries; the writer's */
    size_t used;                        /* entries and graves; the writer's */
} lambda__map;

/** The entry of that name, or NULL. In a read section, or as the writer. */
lambda__map_entry *lambda__map_find(const lambda__map *map, const char *name, size_t length);

/** Makes room, so that the next insert cannot fail. False when memory is out. The writer; not in a read section. */
bool lambda__map_reserve(lambda__base *base, lambda__map *map);

/** Adds an entry whose name is not there; sets its hash. False when memory is out. The writer; not in a read section. */
bool lambda__map_insert(lambda__base *base, lambda__map *map, lambda__map_entry *entry);

/** Unlinks an entry that is there. Allocates nothing. The caller waits for a grace period before it frees it. */
void lambda__map_remove(lambda__map *map, lambda__map_entry *entry);

/** Frees the table, not the entries. */
void lambda__map_clear(lambda__base *base, lambda__map *map);

#endif
