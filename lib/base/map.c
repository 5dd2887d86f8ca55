#include "base/map.h"

#include <string.h>

#include "base/digest.h"
#include "base/memory.h"

/*
 * A slot is empty (NULL), a grave, or an entry. Readers race with the one writer: an entry's pointer is stored last when
 * it is added, and a slot once used never becomes empty again in the same table, so that a probe that began before
 * a change still finds all that stays. A slot's hash may be that of a later entry than its pointer; the entry's own name
 * decides.
 */
typedef struct slot {
    _Atomic uint64_t hash;
    _Atomic(lambda__map_entry *) entry;
} slot;

struct lambda__map_table {
    size_t mask;
    slot slots[];
};

static lambda__map_entry grave_marker;
#define GRAVE (&grave_marker)

static const char *name_of(const lambda__map *map, const lambda__map_entry *entry)
{
    return (const char *)entry + map->name_offset;
}

lambda__map_entry *lambda__map_find(const lambda__map *map, const char *name, size_t length)
{
    lambda__map_table *table = atomic_load_explicit(&map->table, memory_order_acquire);
    if (!table) return NULL;
    uint64_t hash = lambda__hash(map->key, name, length);
    for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        lambda__map_entry *entry = atomic_load_explicit(&table->slots[i].entry, memory_order_acquire);
        if (!entry) return NULL;
        if (entry == GRAVE || atomic_load_explicit(&table->slots[i].hash, memory_order_relaxed) != hash) continue;
        if (entry->name_length == length && memcmp(name_of(map, entry), name, length) == 0) return entry;
    }
}

static void place(lambda__map_table *table, lambda__map_entry *entry)
{
    size_t i = entry->hash & table->mask;
    while (atomic_load_explicit(&table->slots[i].entry, memory_order_relaxed))
        i = (i + 1) & table->mask;
    atomic_store_explicit(&table->slots[i].hash, entry->hash, memory_order_relaxed);
    atomic_store_explicit(&table->slots[i].entry, entry, memory_order_release);
}

/** A table with room for twice what is in it, without the graves; readers move over, then the old one goes. */
static bool rebuild(lambda__base *base, lambda__map *map)
{
    size_t size = 16;
    while (size < (map->count + 1) * 2)
        size *= 2;
    lambda__map_table *fresh = lambda__allocate_zeroed(base, sizeof(*fresh) + size * sizeof(slot));
    if (!fresh) return false;
    fresh->mask = size - 1;
    lambda__map_table *old = atomic_load_explicit(&map->table, memory_order_relaxed);
    for (size_t i = 0; old && i <= old->mask; i++) {
        lambda__map_entry *entry = atomic_load_explicit(&old->slots[i].entry, memory_order_relaxed);
        if (entry && entry != GRAVE) place(fresh, entry);
    }
    atomic_store_explicit(&map->table, fresh, memory_order_release);
    map->used = map->count;
    if (old) {
        lambda__grace_wait(base);
        lambda__release(base, old);
    }
    return true;
}

bool lambda__map_reserve(lambda__base *base, lambda__map *map)
{
    const lambda__map_table *table = atomic_load_explicit(&map->table, memory_order_relaxed);
    /* At most five eighths full, graves counted, so that a probe ends soon. */
    return (table && (map->used + 1) * 8 <= (table->mask + 1) * 5) || rebuild(base, map);
}

bool lambda__map_insert(lambda__base *base, lambda__map *map, lambda__map_entry *entry)
{
    if (!lambda__map_reserve(base, map)) return false;
    lambda__map_table *table = atomic_load_explicit(&map->table, memory_order_relaxed);
    entry->hash = lambda__hash(map->key, name_of(map, entry), entry->name_length);
    place(table, entry);
    map->count++;
    map->used++;
    return true;
}

void lambda__map_remove(lambda__map *map, lambda__map_entry *entry)
{
    lambda__map_table *table = atomic_load_explicit(&map->table, memory_order_relaxed);
    size_t i = entry->hash & table->mask;
    while (atomic_load_explicit(&table->slots[i].entry, memory_order_relaxed) != entry)
        i = (i + 1) & table->mask;
    atomic_store_explicit(&table->slots[i].entry, GRAVE, memory_order_release);
    map->count--;
}

void lambda__map_clear(lambda__base *base, lambda__map *map)
{
    lambda__release(base, atomic_load_explicit(&map->table, memory_order_relaxed));
    atomic_store_explicit(&map->table, NULL, memory_order_relaxed);
    map->count = map->used = 0;
}
