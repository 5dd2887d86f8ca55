/* Records that wait for their time: a pairing heap whose links lie in the records, so that to delay allocates nothing. */
#include "queue/memory.h"

static lambda__queue_record *meld(lambda__queue_record *one, lambda__queue_record *two)
{
    if (!one) return two;
    if (!two) return one;
    /* Equal times in the order of their pushing, as far as the heap knows it. */
    bool second = two->due < one->due || (two->due == one->due && two->pushed < one->pushed);
    lambda__queue_record *top = second ? two : one;
    lambda__queue_record *under = second ? one : two;
    under->sibling = top->child;
    top->child = under;
    top->sibling = NULL;
    return top;
}

/** Melds a row of siblings: in pairs first, then the pairs from the last to the first. */
static lambda__queue_record *meld_row(lambda__queue_record *row)
{
    lambda__queue_record *pairs = NULL;
    while (row) {
        lambda__queue_record *one = row;
        lambda__queue_record *two = one->sibling;
        row = two ? two->sibling : NULL;
        one->sibling = NULL;
        if (two) two->sibling = NULL;
        lambda__queue_record *pair = meld(one, two);
        pair->sibling = pairs;
        pairs = pair;
    }
    lambda__queue_record *top = NULL;
    while (pairs) {
        lambda__queue_record *next = pairs->sibling;
        pairs->sibling = NULL;
        top = meld(top, pairs);
        pairs = next;
    }
    return top;
}

static void publish(lambda__queue_memory *queue)
{
    uint64_t next = queue->delayed ? queue->delayed->due : UINT64_MAX;
    atomic_store_explicit(&queue->next_due, next, memory_order_release);
}

void lambda__delayed_insert(lambda__queue_memory *queue, lambda__queue_record *record)
{
    record->child = record->sibling = NULL;
    queue->delayed = meld(queue->delayed, record);
    queue->delayed_count++;
    publish(queue);
}

lambda__queue_record *lambda__delayed_take(lambda__queue_memory *queue, uint64_t until)
{
    lambda__queue_record *first = queue->delayed;
    if (!first || first->due > until) return NULL;
    queue->delayed = meld_row(first->child);
    queue->delayed_count--;
    publish(queue);
    return first;
}

/** Puts the heap's records into one row by their siblings, parents before children; the last of the row. */
static void flatten(lambda__queue_record *root)
{
    lambda__queue_record *last = root;
    for (lambda__queue_record *each = root; each; each = each->sibling) {
        last->sibling = each->child;
        each->child = NULL;
        while (last->sibling)
            last = last->sibling;
    }
}

bool lambda__delayed_each(lambda__queue_memory *queue, bool (*visit)(void *user, lambda__queue_record *record),
                          void *user)
{
    bool goes_on = true;
    lambda__queue_record *kept = NULL;
    lambda__queue_record *next = queue->delayed;
    if (next) flatten(next);
    while (next) {
        lambda__queue_record *record = next;
        next = record->sibling;
        if (goes_on) goes_on = visit(user, record);
        if (record->purged) {
            queue->delayed_count--;
            continue;
        }
        record->sibling = kept;
        kept = record;
    }
    queue->delayed = meld_row(kept);
    publish(queue);
    return goes_on;
}
