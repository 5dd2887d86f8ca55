/* Most requests a second of one address: a bucket of tokens each, in a table of fixed size. Where two addresses meet in a slot the one that came last has it, with a bucket that is full. */
#include <stdlib.h>
#include <string.h>

#include "server.h"

#define SLOTS 4096

struct bucket {
    unsigned char address[16];
    uint64_t seen_ms;
    double tokens;
    bool used;
};

struct lambda__rate {
    pthread_mutex_t lock;
    double most;
    struct bucket slots[SLOTS];
};

lambda__rate *lambda__rate_open(uint32_t most)
{
    lambda__rate *rate = calloc(1, sizeof(*rate));
    if (!rate) return NULL;
    pthread_mutex_init(&rate->lock, NULL);
    rate->most = most;
    return rate;
}

void lambda__rate_close(lambda__rate *rate)
{
    if (!rate) return;
    pthread_mutex_destroy(&rate->lock);
    free(rate);
}

/** IPv6: its network of 64 bits, which one customer has. */
static void key_of(const struct sockaddr_storage *address, unsigned char key[16])
{
    memset(key, 0, 16);
    if (address->ss_family == AF_INET)
        memcpy(key + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
    else if (IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)address)->sin6_addr))
        memcpy(key + 12, ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr + 12, 4);
    else
        memcpy(key, &((const struct sockaddr_in6 *)address)->sin6_addr, 8);
}

bool lambda__rate_allows(lambda__rate *rate, const struct sockaddr_storage *address, uint64_t now_ms)
{
    unsigned char key[16];
    key_of(address, key);
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < sizeof(key); i++)
        hash = (hash ^ key[i]) * UINT64_C(1099511628211);
    pthread_mutex_lock(&rate->lock);
    struct bucket *bucket = &rate->slots[(hash ^ (hash >> 32)) % SLOTS];
    if (!bucket->used || memcmp(bucket->address, key, sizeof(key)) != 0) {
        memcpy(bucket->address, key, sizeof(key));
        bucket->used = true;
        bucket->tokens = rate->most;
        bucket->seen_ms = now_ms;
    }
    if (now_ms > bucket->seen_ms) {
        bucket->tokens += rate->most * (double)(now_ms - bucket->seen_ms) / 1000;
        if (bucket->tokens > rate->most) bucket->tokens = rate->most;
        bucket->seen_ms = now_ms;
    }
    bool allowed = bucket->tokens >= 1;
    if (allowed) bucket->tokens -= 1;
    pthread_mutex_unlock(&rate->lock);
    return allowed;
}
