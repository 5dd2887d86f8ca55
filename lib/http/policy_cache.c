#include "policy_cache.h"

#include <lambda/port/attachment.h>
#include <lambda/port/runtime.h>
#include <stdlib.h>
#include <string.h>

/** Functions that are invoked in turn keep their places; others that fall on the same one take it from each other. */
#define PLACES 64

struct lambda__held_policy {
    atomic_uint holders; /* its place is one */
    json_t *document;
    size_t length;
    char text[];
};

typedef struct place {
    pthread_mutex_t lock; /* for as long as a text is compared */
    lambda__held_policy *policy;
} place;

struct lambda__policies {
    place places[PLACES];
};

lambda__policies *lambda__policies_open(void)
{
    lambda__policies *made = calloc(1, sizeof *made);
    for (size_t i = 0; made && i < PLACES; i++)
        pthread_mutex_init(&made->places[i].lock, NULL);
    return made;
}

void lambda__policies_close(lambda__policies *policies)
{
    for (size_t i = 0; policies && i < PLACES; i++) {
        lambda__policy_let_go(policies->places[i].policy);
        pthread_mutex_destroy(&policies->places[i].lock);
    }
    free(policies);
}

const json_t *lambda__policy_document(const lambda__held_policy *held)
{
    return held ? held->document : NULL;
}

void lambda__policy_let_go(lambda__held_policy *held)
{
    if (!held || atomic_fetch_sub_explicit(&held->holders, 1, memory_order_acq_rel) != 1) return;
    json_decref(held->document);
    free(held);
}

static place *place_of(lambda__policies *policies, const char *function_name, const char *qualifier)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (int i = 0; i < 2; i++)
        for (const char *at = i == 0 ? function_name : qualifier; *at; at++)
            hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    return &policies->places[(hash ^ (hash >> 32)) % PLACES];
}

/** What stands at the place, if it is of that text. */
static lambda__held_policy *find(place *at, lambda_bytes text)
{
    pthread_mutex_lock(&at->lock);
    lambda__held_policy *there = at->policy;
    if (there && there->length == text.length && memcmp(there->text, text.data, text.length) == 0)
        atomic_fetch_add_explicit(&there->holders, 1, memory_order_relaxed);
    else
        there = NULL;
    pthread_mutex_unlock(&at->lock);
    return there;
}

/** With one holder. */
static lambda_status parse(lambda_bytes text, lambda__held_policy **parsed)
{
    json_error_t error;
    json_t *document = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &error);
    if (!document)
        return json_error_code(&error) == json_error_out_of_memory ? LAMBDA_ERROR_OUT_OF_MEMORY : LAMBDA_ERROR_SERVICE;
    lambda__held_policy *made = malloc(sizeof *made + text.length);
    if (!made) {
        json_decref(document);
        return LAMBDA_ERROR_OUT_OF_MEMORY;
    }
    atomic_init(&made->holders, 1);
    made->document = document;
    made->length = text.length;
    memcpy(made->text, text.data, text.length);
    *parsed = made;
    return LAMBDA_OK;
}

typedef struct wanted {
    lambda__policies *policies;
    lambda__held_policy *held;
} wanted;

static lambda_status hold(void *user, const char *function_name, const char *qualifier, lambda_bytes text)
{
    wanted *w = user;
    place *at = place_of(w->policies, function_name, qualifier);
    w->held = find(at, text);
    if (w->held) return LAMBDA_OK;
    lambda_status status = parse(text, &w->held);
    if (status != LAMBDA_OK) return status;
    atomic_fetch_add_explicit(&w->held->holders, 1, memory_order_relaxed);
    pthread_mutex_lock(&at->lock);
    lambda__held_policy *before = at->policy;
    at->policy = w->held;
    pthread_mutex_unlock(&at->lock);
    lambda__policy_let_go(before);
    return LAMBDA_OK;
}

lambda__held_policy *lambda__policy_hold(lambda_api *api, const char *name, lambda_status *status)
{
    wanted w = {.policies = api->policies};
    *status = lambda_attachment_get(api->lambda, name, "policy", hold, &w);
    if (*status == LAMBDA_ERROR_SERVICE)
        *status = lambda_runtime_fail(api->lambda, LAMBDA_ERROR_SERVICE,
                                      "%s: the policy that is kept with it is no JSON", name);
    /* An invocation of what is not there is refused for that, by whoever invokes it. */
    if (*status == LAMBDA_ERROR_RESOURCE_NOT_FOUND || *status == LAMBDA_ERROR_INVALID_PARAMETER_VALUE)
        *status = LAMBDA_OK;
    return w.held;
}
