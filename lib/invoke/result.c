/* The caller's result: its memory is the response's while the handler runs, so that nothing is copied. */
#include <string.h>

#include "base/memory.h"
#include "invoke/invoke.h"

void lambda__result_begin(lambda_t *lambda, lambda_result *result)
{
    lambda_bytes payload = lambda_bytes_make(result->capacity ? result->payload.data : "", 0);
    size_t capacity = result->capacity;
    const char *log = result->log_capacity > 0 ? result->log_result.data : "";
    size_t log_capacity = result->log_capacity;
    memset(result, 0, sizeof(*result));
    result->log_result = lambda_bytes_make(log, 0);
    result->log_capacity = log_capacity;
    result->payload = payload;
    result->capacity = capacity;
    result->owner = lambda;
    result->max_memory_used = LAMBDA_MEMORY_UNKNOWN;
}

static bool overlaps(lambda_bytes payload, const char *memory, size_t capacity)
{
    uintptr_t start = (uintptr_t)memory;
    uintptr_t data = (uintptr_t)payload.data;
    return payload.length > 0 && capacity > 0 && data < start + capacity && data + payload.length > start;
}

/** True if the payload lies in the result's memory: somebody hands one function's answer to the next. */
static bool payload_within(lambda_bytes payload, const lambda_result *result)
{
    return overlaps(payload, result->payload.data, result->capacity);
}

void lambda__result_open_tail(const lambda__invocation *invocation, lambda__environment *environment)
{
    lambda_result *result = invocation->result;
    lambda__buffer lent = {0};
    /* A payload that is the last invocation's log stays what it is. */
    if (!overlaps(invocation->payload, result->log_result.data, result->log_capacity))
        lent = (lambda__buffer){.data = (char *)(uintptr_t)result->log_result.data, .capacity = result->log_capacity};
    if (lent.capacity == 0) lent.data = NULL;
    lambda__environment_hear(environment, true);
    lambda__tail_open(&environment->tail, lent);
}

void lambda__result_close_tail(const lambda__invocation *invocation, lambda__environment *environment)
{
    lambda_result *result = invocation->result;
    if (!(environment->observe & LAMBDA__OBSERVE_TAIL)) return;
    lambda__buffer buffer = lambda__tail_close(&environment->tail);
    if (overlaps(invocation->payload, result->log_result.data, result->log_capacity))
        lambda__release(&invocation->lambda->base, (void *)(uintptr_t)result->log_result.data);
    result->log_result = lambda_bytes_make(buffer.capacity > 0 ? buffer.data : "", buffer.length);
    result->log_capacity = buffer.capacity;
}

void lambda__result_lend(lambda__invocation *invocation, lambda__environment *environment)
{
    const lambda_result *result = invocation->result;
    lambda__buffer *body = &environment->response.body;
    *body = (lambda__buffer){0};
    if (!result || result->capacity == 0 || payload_within(invocation->payload, result)) return;
    body->data = (char *)(uintptr_t)result->payload.data;
    body->capacity = result->capacity;
}

void lambda__result_take(lambda__invocation *invocation, lambda__environment *environment)
{
    lambda_result *result = invocation->result;
    lambda__buffer *body = &environment->response.body;
    lambda__base *base = &invocation->lambda->base;
    if (LAMBDA__UNLIKELY(!result)) {
        lambda__buffer_clear(base, body);
        return;
    }
    if (LAMBDA__UNLIKELY(result->capacity > 0 && payload_within(invocation->payload, result)))
        lambda__release(base, (void *)(uintptr_t)result->payload.data);
    if (body->capacity > 0) body->data[body->length] = '\0';
    result->payload = lambda_bytes_make(body->capacity > 0 ? body->data : "", body->length);
    result->capacity = body->capacity;
    result->owner = invocation->lambda;
    result->max_memory_used = lambda__environment_max_memory(environment);
    /* A worker's environment frees its body when it ends alone: this one is the result's. */
    if (environment->worker) *body = (lambda__buffer){0};
}

void lambda__result_give(const lambda__invocation *invocation, lambda__buffer *body)
{
    lambda_result *result = invocation->result;
    lambda__base *base = &invocation->lambda->base;
    if (!result) {
        lambda__buffer_clear(base, body);
        return;
    }
    /* What was lent is the worker's now; what was not, because the payload lies in it, ends here. */
    if (result->capacity > 0 && payload_within(invocation->payload, result))
        lambda__release(base, (void *)(uintptr_t)result->payload.data);
    if (body->capacity > 0) body->data[body->length] = '\0';
    result->payload = lambda_bytes_make(body->capacity > 0 ? body->data : "", body->length);
    result->capacity = body->capacity;
    result->owner = invocation->lambda;
}

void lambda__result_export(lambda_result *own, lambda_result *result, size_t size)
{
    memcpy(result, own, size < sizeof(*own) ? size : sizeof(*own));
    bool holds_log = size >= offsetof(lambda_result, log_capacity) + sizeof(own->log_capacity);
    if (!holds_log && own->log_capacity > 0)
        lambda__release(&own->owner->base, (void *)(uintptr_t)own->log_result.data);
}

void lambda_result_clear_sized(lambda_result *result, size_t size)
{
    if (!result) return;
    /* A host's may be shorter than ours. */
    lambda_result own = LAMBDA_ZERO;
    memcpy(&own, result, size < sizeof(own) ? size : sizeof(own));
    if (own.capacity > 0) lambda__release(&own.owner->base, (void *)(uintptr_t)own.payload.data);
    if (own.log_capacity > 0) lambda__release(&own.owner->base, (void *)(uintptr_t)own.log_result.data);
    memset(result, 0, size);
}

/** Eight hexadecimal digits, a nibble in each byte of a word; the first digit is the word's highest. */
static void put_hex(char *at, uint32_t value)
{
    uint64_t nibbles = value;
    nibbles = (nibbles << 16 | nibbles) & UINT64_C(0x0000FFFF0000FFFF);
    nibbles = (nibbles << 8 | nibbles) & UINT64_C(0x00FF00FF00FF00FF);
    nibbles = (nibbles << 4 | nibbles) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    /* What is more than nine is a letter: it carries into the bit above when six are added. */
    uint64_t letters = (nibbles + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    uint64_t digits = nibbles + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
    for (int i = 0; i < 8; i++)
        at[i] = (char)(unsigned char)(digits >> (56 - 8 * i) & 0x7F);
}

void lambda_request_id_format(lambda_request_id id, char text[LAMBDA_REQUEST_ID_SIZE])
{
    char digits[32];
    put_hex(digits, (uint32_t)(id.high >> 32));
    put_hex(digits + 8, (uint32_t)id.high);
    put_hex(digits + 16, (uint32_t)(id.low >> 32));
    put_hex(digits + 24, (uint32_t)id.low);
    memcpy(text, digits, 8);
    memcpy(text + 9, digits + 8, 4);
    memcpy(text + 14, digits + 12, 4);
    memcpy(text + 19, digits + 16, 4);
    memcpy(text + 24, digits + 20, 12);
    text[8] = text[13] = text[18] = text[23] = '-';
    text[36] = '\0';
}
