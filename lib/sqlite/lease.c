/*
 * What is with receivers. Nothing of it is in the file: a process that dies has received nothing. A message stands as HELD until
 * its visibility is over, then as LATE: its body stays for the receiver that has it, and it is on the list of those that are
 * received again. Whoever receives it again gets a copy, so that each receiver's body ends with that receiver.
 */
#include "file.h"

#include <string.h>

/* ---- the heap of those whose visibility ends */

static void place(lambda_sqlite *file, lambda__sqlite_message *message, size_t at)
{
    file->heap[at] = message;
    message->place = at;
}

/** Moves a message from the hole at `at` to where it belongs. */
static void sift(lambda_sqlite *file, lambda__sqlite_message *message, size_t at)
{
    while (at > 0 && file->heap[(at - 1) / 2]->expires > message->expires) {
        place(file, file->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= file->heap_count) break;
        if (child + 1 < file->heap_count && file->heap[child + 1]->expires < file->heap[child]->expires) child++;
        if (file->heap[child]->expires >= message->expires) break;
        place(file, file->heap[child], at);
        at = child;
    }
    place(file, message, at);
}

static void heap_add(lambda_sqlite *file, lambda__sqlite_message *message)
{
    if (message->expires == INT64_MAX) return;
    file->heap_count++;
    sift(file, message, file->heap_count - 1);
}

static void heap_remove(lambda_sqlite *file, lambda__sqlite_message *message)
{
    if (message->expires == INT64_MAX) return;
    lambda__sqlite_message *last = file->heap[--file->heap_count];
    if (last != message) sift(file, last, message->place);
}

/* ---- receipts */

static bool grow(const lambda_allocator *allocator, void **items, size_t count, size_t size)
{
    void *grown = allocator->reallocate(allocator->user, *items, count * size);
    if (grown) *items = grown;
    return grown != NULL;
}

bool lambda__sqlite_lease_reserve(lambda_sqlite *file, size_t count)
{
    const lambda_allocator *allocator = &file->host.allocator;
    /* Each that is in the heap has a slot. */
    size_t needed = file->slots_used + count;
    size_t capacity = file->slots_count ? file->slots_count : 64;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > file->heap_capacity) {
        if (!grow(allocator, (void **)&file->heap, capacity, sizeof(*file->heap))) return false;
        file->heap_capacity = capacity;
    }
    if (capacity > file->slots_count) {
        if (!grow(allocator, (void **)&file->slots, capacity, sizeof(*file->slots))) return false;
        for (size_t i = file->slots_count; i < capacity; i++) {
            file->slots[i] = (lambda__sqlite_slot){.generation = 1, .next_free = file->first_free};
            file->first_free = (uint32_t)i + 1;
        }
        file->slots_count = (uint32_t)capacity;
    }
    return true;
}

uint64_t lambda__sqlite_lease_begin(lambda_sqlite *file, lambda__sqlite_message *message, int64_t expires)
{
    message->slot = file->first_free - 1;
    lambda__sqlite_slot *slot = &file->slots[message->slot];
    file->first_free = slot->next_free;
    file->slots_used++;
    slot->message = message;
    message->standing = MESSAGE_HELD;
    message->borrowed = true;
    message->redelivery = false;
    message->expires = expires;
    message->receive_count++;
    heap_add(file, message);
    file->received++;
    return (uint64_t)slot->generation << 32 | message->slot;
}

lambda__sqlite_message *lambda__sqlite_lease_find(const lambda_sqlite *file, uint64_t receipt)
{
    uint32_t index = (uint32_t)receipt;
    if (index >= file->slots_count || file->slots[index].generation != (uint32_t)(receipt >> 32)) return NULL;
    return file->slots[index].message;
}

void lambda__sqlite_lease_end(lambda_sqlite *file, lambda__sqlite_message *message)
{
    lambda__sqlite_slot *slot = &file->slots[message->slot];
    if (message->standing == MESSAGE_HELD) heap_remove(file, message);
    if (message->standing != MESSAGE_LATE) file->received--;
    slot->message = NULL;
    if (++slot->generation == 0) slot->generation = 1;
    slot->next_free = file->first_free;
    file->first_free = message->slot + 1;
    file->slots_used--;
    message->borrowed = false;
}

/* ---- visibility */

void lambda__sqlite_lease_expire(lambda_sqlite *file, int64_t now)
{
    while (file->heap_count > 0 && file->heap[0]->expires <= now) {
        lambda__sqlite_message *message = file->heap[0];
        heap_remove(file, message);
        message->standing = MESSAGE_LATE;
        message->redelivery = true;
        file->received--;
        lambda__sqlite_list_add(&file->overdue, message);
    }
}

void lambda__sqlite_lease_extend(lambda_sqlite *file, lambda__sqlite_message *message, int64_t expires)
{
    heap_remove(file, message);
    message->expires = expires;
    heap_add(file, message);
}

void lambda__sqlite_lease_freeze(lambda_sqlite *file, lambda__sqlite_message *message)
{
    heap_remove(file, message);
    message->standing = MESSAGE_ENDING;
}

void lambda__sqlite_lease_thaw(lambda_sqlite *file, lambda__sqlite_message *message)
{
    message->standing = MESSAGE_HELD;
    heap_add(file, message);
}

void lambda__sqlite_lease_clear(lambda_sqlite *file)
{
    const lambda_allocator *allocator = &file->host.allocator;
    for (uint32_t i = 0; i < file->slots_count; i++) {
        lambda__sqlite_message *message = file->slots[i].message;
        /* One that is to be received again is on that list. */
        if (message && !message->redelivery) allocator->release(allocator->user, message);
    }
    lambda__sqlite_list_free(allocator, &file->overdue);
    allocator->release(allocator->user, file->slots);
    allocator->release(allocator->user, file->heap);
    file->slots = NULL;
    file->heap = NULL;
    file->slots_count = file->slots_used = file->first_free = 0;
    file->heap_count = file->heap_capacity = 0;
    file->received = 0;
}
