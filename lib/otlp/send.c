/*
 * A batch on its way: a POST, and again where https://opentelemetry.io/docs/specs/otlp/#otlphttp-response says so, until it is accepted,
 * refused, or its time or its attempts are over.
 */
#include "exporter.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

typedef enum verdict {
    ACCEPTED,
    AGAIN,   /* perhaps later */
    REFUSED, /* never */
} verdict;

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_until(uint64_t time_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(time_ms / 1000), .tv_nsec = (long)(time_ms % 1000) * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

/** Between half of `delay_ms` and all of it, so that not all who were turned away come back at once. */
static uint64_t spread(lambda__otlp_exporter *exporter, uint64_t delay_ms)
{
    uint64_t x = exporter->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    exporter->random = x;
    return delay_ms - x % (delay_ms / 2 + 1);
}

/**
 * libcurl with the signal kept off that a connection which breaks may send to this thread: it is blocked meanwhile, and taken away if
 * it came. The host's handlers see nothing, and none is changed.
 */
static CURLcode perform(CURL *curl)
{
    sigset_t broken;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    bool waited = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &broken, &before);
    CURLcode code = curl_easy_perform(curl);
    const struct timespec at_once = {0};
    while (!waited && sigtimedwait(&broken, NULL, &at_once) < 0 && errno == EINTR)
        continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

/** Whether what went wrong on the way may go right another time. */
static bool passing(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
        return true;
    default:
        return false;
    }
}

/** Notes what the collector says of a batch that it took. What it says beside the protocol changes nothing: it has the batch. */
static void read_answer(lambda__otlp_exporter *exporter, char message[256])
{
    /* Most answers have nothing to read, and jansson 2.14 writes where it must not when memory is out while it reads. */
    if (!memmem(exporter->answer, exporter->answer_length, "rejectedSpans", 13)) return;
    json_t *answer = json_loadb(exporter->answer, exporter->answer_length, 0, NULL);
    const json_t *partial = json_object_get(answer, "partialSuccess");
    const json_t *rejected = json_object_get(partial, "rejectedSpans");
    const char *why = json_string_value(json_object_get(partial, "errorMessage"));
    long long count = json_is_integer(rejected) ? json_integer_value(rejected) : 0;
    /* Numbers of 64 bits are texts in this encoding; not everyone keeps to it. */
    if (json_is_string(rejected)) count = strtoll(json_string_value(rejected), NULL, 10);
    if (count > (long long)exporter->spans) count = (long long)exporter->spans;
    if (count > 0) {
        atomic_fetch_add_explicit(&exporter->counts.spans_rejected, (uint64_t)count, memory_order_relaxed);
        snprintf(message, 256, "%lld of %llu spans were rejected: %.150s", count, (unsigned long long)exporter->spans,
                 why ? why : "it is not said why");
    }
    json_decref(answer);
}

/** Sends once. `*retry_after_ms` is what the collector says, 0 for nothing; `message` says what failed. */
static verdict attempt(lambda__otlp_exporter *exporter, uint64_t left_ms, uint64_t *retry_after_ms, char message[256])
{
    long status = 0;
    curl_off_t after = 0;
    exporter->answer_length = 0;
    exporter->error[0] = '\0';
    *retry_after_ms = 0;
    curl_easy_setopt(exporter->curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    atomic_fetch_add_explicit(&exporter->counts.requests, 1, memory_order_relaxed);
    CURLcode code = perform(exporter->curl);
    if (code != CURLE_OK) {
        exporter->memory_out = code == CURLE_OUT_OF_MEMORY;
        snprintf(message, 256, "%.200s", exporter->error[0] ? exporter->error : curl_easy_strerror(code));
        return passing(code) ? AGAIN : REFUSED;
    }
    curl_easy_getinfo(exporter->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
        read_answer(exporter, message);
        return ACCEPTED;
    }
    curl_easy_getinfo(exporter->curl, CURLINFO_RETRY_AFTER, &after);
    if (after > 0) *retry_after_ms = (uint64_t)after * 1000;
    snprintf(message, 256, "the collector answered with HTTP status %ld", status);
    return status == 429 || status == 502 || status == 503 || status == 504 ? AGAIN : REFUSED;
}

/** Sends until something came of it. */
static verdict deliver(lambda__otlp_exporter *exporter, char message[256])
{
    const uint64_t most = (uint64_t)exporter->retry_delay_ms * 10;
    uint64_t delay = exporter->retry_delay_ms;
    uint64_t now = now_ms();
    const uint64_t end = now + exporter->timeout_ms;
    for (uint32_t tries = 1; now < end; tries++) {
        uint64_t after;
        verdict came = attempt(exporter, end - now, &after, message);
        if (came != AGAIN) return came;
        now = now_ms();
        uint64_t next = now + (after > 0 ? after : spread(exporter, delay));
        if (tries == exporter->max_attempts || next >= end) return REFUSED;
        wait_until(next);
        now = now_ms();
        delay = delay * 2 > most ? most : delay * 2;
    }
    return REFUSED;
}

static void count(_Atomic uint64_t *counter, uint64_t number)
{
    atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

lambda_status lambda__otlp_send(lambda__otlp_exporter *exporter)
{
    char message[256] = "";
    exporter->memory_out = false;
    curl_easy_setopt(exporter->curl, CURLOPT_POSTFIELDS, exporter->body.data);
    curl_easy_setopt(exporter->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exporter->body.length);
    bool accepted = deliver(exporter, message) == ACCEPTED;
    if (accepted) {
        count(&exporter->counts.batches, 1);
        count(&exporter->counts.segments, exporter->segments);
        count(&exporter->counts.spans, exporter->spans);
    } else {
        count(&exporter->counts.batches_lost, 1);
        count(&exporter->counts.segments_lost, exporter->segments);
    }
    lambda_status status = accepted               ? LAMBDA_OK
                           : exporter->memory_out ? LAMBDA_ERROR_OUT_OF_MEMORY
                                                  : LAMBDA_ERROR_SERVICE;
    if (message[0] && exporter->failed) exporter->failed(exporter->user, status, message);
    return status;
}
