#include "pattern.h"

#include <stdio.h>
#include <stdlib.h>

struct lambda__compiled {
    const char *pattern;
    regex_t compiled;
};

static struct lambda__compiled *compile(const char *pattern)
{
    char whole[1024];
    struct lambda__compiled *made = malloc(sizeof *made);
    if (!made) return NULL;
    made->pattern = pattern;
    snprintf(whole, sizeof whole, "^(%s)$", pattern);
    if (regcomp(&made->compiled, whole, REG_EXTENDED | REG_NOSUB) == 0) return made;
    free(made);
    return NULL;
}

static void release(struct lambda__compiled *compiled)
{
    if (!compiled) return;
    regfree(&compiled->compiled);
    free(compiled);
}

const regex_t *lambda__pattern(lambda_api *api, const char *pattern)
{
    struct lambda__compiled *made = NULL;
    size_t at = ((uintptr_t)pattern >> 3) % LAMBDA__PATTERNS;
    /* There are fewer patterns in the tables than places. */
    for (size_t i = 0; i < LAMBDA__PATTERNS; i++, at = (at + 1) % LAMBDA__PATTERNS) {
        struct lambda__compiled *there = atomic_load_explicit(&api->patterns[at], memory_order_acquire);
        if (!there) {
            if (!made) made = compile(pattern);
            if (!made) return NULL;
            if (atomic_compare_exchange_strong(&api->patterns[at], &there, made)) return &made->compiled;
        }
        if (there->pattern != pattern) continue;
        release(made);
        return &there->compiled;
    }
    release(made);
    return NULL;
}

void lambda__patterns_free(lambda_api *api)
{
    for (size_t i = 0; i < LAMBDA__PATTERNS; i++)
        release(atomic_load_explicit(&api->patterns[i], memory_order_relaxed));
}
