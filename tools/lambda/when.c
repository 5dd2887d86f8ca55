/* Times as people write them. */
#include "when.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)
#define LAST_S    UINT64_C(18000000000)

/** "10m" ago. */
static bool ago(const char *text, uint64_t *ns)
{
    static const char UNITS[] = "smhdw";
    static const uint64_t SECONDS[] = {1, 60, 3600, 86400, 604800};
    struct timespec now;
    size_t digits = strspn(text, "0123456789");
    const char *unit = digits > 0 && digits < 8 && text[digits] ? strchr(UNITS, text[digits]) : NULL;
    if (!unit || text[digits + 1]) return false;
    uint64_t seconds = strtoull(text, NULL, 10) * SECONDS[unit - UNITS];
    clock_gettime(CLOCK_REALTIME, &now);
    *ns = 0;
    if ((uint64_t)now.tv_sec > seconds) *ns = ((uint64_t)now.tv_sec - seconds) * SECOND_NS + (uint64_t)now.tv_nsec;
    return true;
}

/** ".25" as nanoseconds; moves behind it. */
static uint64_t fraction(const char **text)
{
    uint64_t ns = 0;
    uint64_t one = SECOND_NS / 10;
    if (**text != '.') return 0;
    for (++*text; **text >= '0' && **text <= '9'; ++*text, one /= 10)
        ns += (uint64_t)(**text - '0') * one;
    return ns;
}

/** "Z", "+01:00": seconds east of UTC. False: it is neither, or something follows. */
static bool offset(const char *text, long *seconds)
{
    char *end;
    *seconds = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) return true;
    if ((*text != '+' && *text != '-') || strlen(text) != 6 || text[3] != ':') return false;
    if (strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2) return false;
    long hours = strtol(text + 1, &end, 10);
    long minutes = strtol(text + 4, &end, 10);
    *seconds = (hours * 60 + minutes) * (*text == '-' ? -60 : 60);
    return hours < 24 && minutes < 60;
}

bool tool_when(const char *text, uint64_t *ns)
{
    struct tm parts = {0};
    long east = 0;
    if (ago(text, ns)) return true;
    const char *rest = strspn(text, "0123456789") == 4 ? strptime(text, "%Y-%m-%d", &parts) : NULL;
    if (!rest || rest - text != 10) return false;
    uint64_t parted = 0;
    if (*rest) {
        if (!strchr("Tt ", *rest)) return false;
        const char *begin = rest + 1;
        rest = strptime(begin, "%H:%M:%S", &parts);
        if (!rest || rest - begin != 8) return false;
        parted = fraction(&rest);
        if (!offset(rest, &east)) return false;
    }
    /* strptime takes the 31st of every month, which would be a day of the next. */
    const int day = parts.tm_mday;
    time_t seconds = timegm(&parts);
    if (parts.tm_mday != day || seconds - east < 0) return false;
    /* 64 bits of nanoseconds end in the year 2554. */
    const uint64_t since_1970 = (uint64_t)(seconds - east);
    *ns = since_1970 < LAST_S ? since_1970 * SECOND_NS + parted : LAST_S * SECOND_NS;
    return true;
}
