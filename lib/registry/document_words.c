/* The words of a document for settings that are one of few: Lambda's where it has them. They never change. */
#include <string.h>

#include "registry/document.h"

/* By the value of the setting. NULL: no word, as it is the default. */
static const char *const isolations[] = {NULL, "INLINE", "THREAD", "PROCESS"};
static const char *const log_formats[] = {NULL, "TEXT", "JSON"};
static const char *const log_levels[] = {NULL, "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"};
static const char *const tracing_modes[] = {NULL, "PASS_THROUGH", "ACTIVE", "OFF"};
static const char *const metrics_modes[] = {NULL, "ON", "OFF"};

#define LIST(words)                                                                                                    \
    {                                                                                                                  \
        words, sizeof(words) / sizeof((words)[0])                                                                      \
    }

static const struct {
    const char *const *words;
    size_t count;
} lists[] = {
    [LAMBDA__WORD_ISOLATION] = LIST(isolations),       [LAMBDA__WORD_LOG_FORMAT] = LIST(log_formats),
    [LAMBDA__WORD_LOG_LEVEL] = LIST(log_levels),       [LAMBDA__WORD_TRACING_MODE] = LIST(tracing_modes),
    [LAMBDA__WORD_METRICS_MODE] = LIST(metrics_modes),
};

const char *lambda__document_word(lambda__document_choice choice, unsigned value)
{
    return value < lists[choice].count ? lists[choice].words[value] : NULL;
}

bool lambda__document_value(lambda__document_choice choice, const char *word, unsigned *value)
{
    *value = 0;
    if (!word) return true;
    for (unsigned i = 1; i < lists[choice].count; i++)
        if (strcmp(lists[choice].words[i], word) == 0) {
            *value = i;
            return true;
        }
    return false;
}
