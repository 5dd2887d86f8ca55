/*
 * What a request says of its signature: in the header Authorization (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html) or in its query. Errors have the words that AWS's
 * services answer with, since clients and people look for them.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "signature_parts.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

/** Stands for one that is shown and can be nobody's. */
#define NO_TOKEN "\x01"

enum { SKEW_S = 300, MOST_EXPIRES_S = 604800 };

void lambda__signature_refuse(lambda__signature_result *result, int status, const char *type, const char *format, ...)
{
    va_list arguments;
    result->status = status;
    snprintf(result->error_type, sizeof(result->error_type), "%s", type);
    va_start(arguments, format);
    vsnprintf(result->message, sizeof(result->message), format, arguments);
    va_end(arguments);
}

#define incomplete(result, ...) lambda__signature_refuse((result), 400, "IncompleteSignatureException", __VA_ARGS__)
#define invalid(result, ...)    lambda__signature_refuse((result), 403, "InvalidSignatureException", __VA_ARGS__)

/** Copies a part. False: it is too long. */
static bool copy(char *to, size_t size, lambda__span from)
{
    if (from.length >= size) return false;
    if (from.length > 0) memcpy(to, from.at, from.length);
    to[from.length] = '\0';
    return true;
}

#define COPY(to, from) copy((to), sizeof(to), (from))

/* ---- time */

static bool write_time(uint64_t time_s, char text[17])
{
    struct tm parts;
    time_t seconds = (time_t)time_s;
    return gmtime_r(&seconds, &parts) && strftime(text, 17, "%Y%m%dT%H%M%SZ", &parts) == 16;
}

static bool read_digits(const char *text, int count, int *number)
{
    *number = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *number = *number * 10 + (text[i] - '0');
    }
    return true;
}

/** Days since 1970-01-01 of a day of the Gregorian calendar: years from March have their leap day at their end. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/** Is there such a day? No 31st of February. */
static bool is_day(int year, int month, int day)
{
    static const int LENGTHS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
           day <= LENGTHS[month - 1] + (leap && month == 2 ? 1 : 0);
}

/** The C library's own way to the seconds takes a lock of the process. */
static bool read_time(const char *text, uint64_t *time_s)
{
    int year, month, day, hour, minute, second;
    if (strlen(text) != 16 || text[8] != 'T' || text[15] != 'Z') return false;
    if (!read_digits(text, 4, &year) || !read_digits(text + 4, 2, &month) || !read_digits(text + 6, 2, &day) ||
        !read_digits(text + 9, 2, &hour) || !read_digits(text + 11, 2, &minute) || !read_digits(text + 13, 2, &second))
        return false;
    if (!is_day(year, month, day) || hour > 23 || minute > 59 || second > 59) return false;
    *time_s = (uint64_t)(days_of(year, month, day) * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60 + second);
    return true;
}

/** "Sun, 06 Nov 1994 08:49:37 GMT" in the form of the other. */
static bool read_http_date(const char *text, char time[17])
{
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4];
    char made[64];
    int day;
    int year;
    int hour;
    int minute;
    int second;
    if (strlen(text) != 29 || text[3] != ',' || text[19] != ':' || text[22] != ':' || strcmp(text + 25, " GMT") != 0)
        return false;
    if (!read_digits(text + 5, 2, &day) || !read_digits(text + 12, 4, &year) || !read_digits(text + 17, 2, &hour) ||
        !read_digits(text + 20, 2, &minute) || !read_digits(text + 23, 2, &second))
        return false;
    memcpy(month, text + 8, 3);
    month[3] = '\0';
    const char *found = strstr(MONTHS, month);
    if (!found || (found - MONTHS) % 3 != 0) return false;
    snprintf(made, sizeof(made), "%04d%02d%02dT%02d%02d%02dZ", year, (int)((found - MONTHS) / 3 + 1), day, hour, minute,
             second);
    memcpy(time, made, 16); /* each has its digits and no more */
    time[16] = '\0';
    return true;
}

static bool check_time(const lambda__signed_request *request, const lambda__claim *claim,
                       lambda__signature_result *result)
{
    char now[17];
    char edge[17];
    uint64_t good_s = claim->expires_s == UINT64_MAX ? SKEW_S : claim->expires_s;
    bool early = claim->time_s > request->now_s + SKEW_S;
    if (!early && claim->time_s + good_s >= request->now_s) return true;
    write_time(request->now_s, now);
    if (early) {
        write_time(request->now_s + SKEW_S, edge);
        invalid(result, "Signature not yet current: %s is still later than %s (%s + 5 min.)", claim->time, edge, now);
        return false;
    }
    if (claim->expires_s == UINT64_MAX) {
        write_time(request->now_s >= SKEW_S ? request->now_s - SKEW_S : 0, edge);
        invalid(result, "Signature expired: %s is now earlier than %s (%s - 5 min.)", claim->time, edge, now);
    } else {
        write_time(claim->time_s + good_s, edge);
        invalid(result, "Signature expired: %s is now earlier than %s", edge, now);
    }
    return false;
}

/* ---- the credential */

/** "KEY/DATE/REGION/SERVICE/aws4_request", whose parts are put into `parts`. */
static bool split_credential(const char *credential, lambda__span parts[5])
{
    for (int i = 0; i < 5; i++) {
        size_t length = strcspn(credential, "/");
        parts[i] = (lambda__span){credential, length};
        if ((credential[length] == '/') != (i < 4)) return false;
        credential += length + 1;
    }
    return true;
}

static bool span_is(lambda__span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

static bool read_credential(const char *credential, lambda__claim *claim, lambda__signature_result *result)
{
    lambda__span parts[5];
    if (split_credential(credential, parts) && COPY(claim->key_id, parts[0]) && parts[0].length > 0 &&
        copy(claim->scope, sizeof(claim->scope), (lambda__span){parts[1].at, strlen(parts[1].at)}))
        return true;
    incomplete(result,
               "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
               "'%.200s'",
               credential);
    return false;
}

/** All that is wrong with the scope, as AWS says it: one sentence each. */
static bool check_scope(const lambda__signed_request *request, const lambda__claim *claim,
                        lambda__signature_result *result)
{
    char words[512] = "";
    lambda__span parts[5] = {{.at = NULL}};
    size_t length = 0;
    char whole[300];
    snprintf(whole, sizeof(whole), "-/%s", claim->scope);
    if (!split_credential(whole, parts)) {
        incomplete(result, "Credential has no scope.");
        return false;
    }
    if (!span_is(parts[2], request->region))
        length += (size_t)snprintf(words, sizeof(words), "Credential should be scoped to a valid region. ");
    if (!span_is(parts[3], request->service))
        length += (size_t)snprintf(words + length, sizeof(words) - length,
                                   "Credential should be scoped to correct service: '%.40s'. ", request->service);
    if (!span_is(parts[4], "aws4_request"))
        length += (size_t)snprintf(words + length, sizeof(words) - length,
                                   "Credential should be scoped with a valid terminator: 'aws4_request', not '%.40s'. ",
                                   parts[4].at);
    if (parts[1].length != 8 || strncmp(parts[1].at, claim->time, 8) != 0)
        length +=
            (size_t)snprintf(words + length, sizeof(words) - length,
                             "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
                             "from HTTP: '%.*s' != '%.8s', from '%s'. ",
                             parts[1].length > 20 ? 20 : (int)parts[1].length, parts[1].at, claim->time, claim->time);
    if (length > 0) invalid(result, "%.*s", (int)length - 1, words);
    return length == 0;
}

/* ---- the header */

/** What AWS shows of a header that is no good: nobody's secret. */
static void fingerprint(lambda__hasher *hasher, lambda__span header, char text[45])
{
    unsigned char digest[32];
    lambda__hasher_begin(hasher);
    lambda__hasher_add(hasher, header.at, header.length);
    lambda__hasher_end(hasher, digest);
    EVP_EncodeBlock((unsigned char *)text, digest, sizeof(digest));
}

typedef struct parameters {
    lambda__span credential;
    lambda__span names;
    lambda__span signature;
} parameters;

static lambda__span trim(const char *at, size_t length)
{
    while (length > 0 && (*at == ' ' || *at == '\t')) {
        at++;
        length--;
    }
    while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
        length--;
    return (lambda__span){at, length};
}

/** "Credential=..., SignedHeaders=..., Signature=...". False for a part without an equal sign, or one that is there twice. */
static bool read_parameters(lambda__span text, parameters *found)
{
    const char *end = text.at + text.length;
    for (const char *at = text.at; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        lambda__span part = trim(at, (size_t)((comma ? comma : end) - at));
        const char *equals = part.length > 0 ? memchr(part.at, '=', part.length) : NULL;
        at = comma ? comma + 1 : end;
        if (part.length == 0) continue;
        if (!equals) return false;
        lambda__span name = {part.at, (size_t)(equals - part.at)};
        lambda__span *place = span_is(name, "Credential")      ? &found->credential
                              : span_is(name, "SignedHeaders") ? &found->names
                              : span_is(name, "Signature")     ? &found->signature
                                                               : NULL;
        if (!place) continue;
        if (place->at) return false;
        *place = (lambda__span){equals + 1, part.length - name.length - 1};
    }
    return true;
}

/** What is missing, one sentence each. */
static bool check_parameters(const parameters *found, bool dated, lambda__span header, lambda__hasher *hasher,
                             lambda__signature_result *result)
{
    char shown[45];
    if (found->credential.length > 0 && found->names.length > 0 && found->signature.length > 0 && dated) return true;
    fingerprint(hasher, header, shown);
    incomplete(result, "%s%s%s%s(Hashed with SHA-256 and encoded with Base64) Authorization=%s",
               found->credential.length > 0 ? "" : "Authorization header requires 'Credential' parameter. ",
               found->signature.length > 0 ? "" : "Authorization header requires 'Signature' parameter. ",
               found->names.length > 0 ? "" : "Authorization header requires 'SignedHeaders' parameter. ",
               dated ? "" : "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
               shown);
    return false;
}

/** The header X-Amz-Date, or Date. */
static bool read_date(const lambda__signed_request *request, char text[64])
{
    size_t count;
    lambda__span date = lambda__header_find(request, "x-amz-date", &count);
    if (!date.at) date = lambda__header_find(request, "date", &count);
    text[0] = '\0';
    return date.length > 0 && (copy(text, 64, date) || copy(text, 64, (lambda__span){date.at, 63}));
}

/** Its time, in either form. */
static bool take_date(const char *date, lambda__claim *claim, lambda__signature_result *result)
{
    if (!read_http_date(date, claim->time))
        (void)copy(claim->time, sizeof(claim->time), (lambda__span){date, strlen(date)});
    if (read_time(claim->time, &claim->time_s)) return true;
    incomplete(result,
               "Date must be in ISO-8601 'basic format'. Got '%.63s'. See http://en.wikipedia.org/wiki/ISO_8601", date);
    return false;
}

static bool read_header(const lambda__signed_request *request, lambda__span header, lambda__hasher *hasher,
                        lambda__claim *claim, lambda__signature_result *result)
{
    char date[64] = "";
    char credential[512] = "";
    char shown[45];
    parameters found = {.credential = {.at = NULL}};
    size_t count;
    size_t word = 0;
    while (word < header.length && header.at[word] != ' ')
        word++;
    lambda__span algorithm = {header.at, word};
    bool dated = read_date(request, date);
    bool version_4 = word >= 5 && memcmp(header.at, "AWS4-", 5) == 0;
    if (version_4 && !span_is(algorithm, ALGORITHM)) {
        incomplete(result, "Unsupported AWS 'algorithm': '%.*s'.", word > 60 ? 60 : (int)word, header.at);
        return false;
    }
    if (version_4 && !read_parameters((lambda__span){header.at + word, header.length - word}, &found)) {
        fingerprint(hasher, header, shown);
        incomplete(result,
                   "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and "
                   "encoded with Base64): '%s'.",
                   shown);
        return false;
    }
    if (!check_parameters(&found, dated, header, hasher, result)) return false;
    if (!COPY(credential, found.credential)) COPY(credential, ((lambda__span){found.credential.at, 511}));
    if (!read_credential(credential, claim, result)) return false;
    if (!COPY(claim->names, found.names)) {
        incomplete(result, "Authorization header's 'SignedHeaders' is too long.");
        return false;
    }
    (void)COPY(claim->signature, found.signature); /* one that does not fit is none */
    if (!COPY(claim->token, lambda__header_find(request, "x-amz-security-token", &count)) || count > 1)
        snprintf(claim->token, sizeof(claim->token), NO_TOKEN);
    claim->expires_s = UINT64_MAX;
    return take_date(date, claim, result);
}

/* ---- the query */

static bool read_expires(const lambda__query *query, lambda__claim *claim, lambda__signature_result *result)
{
    char text[64];
    char *end;
    claim->expires_s = UINT64_MAX;
    if (!lambda__query_has(query, "X-Amz-Expires")) return true;
    if (!lambda__query_find(query, "X-Amz-Expires", text, sizeof(text))) text[0] = '\0';
    uint64_t seconds = text[0] && strspn(text, "0123456789") == strlen(text) ? strtoumax(text, &end, 10) : UINT64_MAX;
    if (seconds >= 1 && seconds <= MOST_EXPIRES_S) {
        claim->expires_s = seconds;
        return true;
    }
    if (seconds == UINT64_MAX)
        incomplete(result, "X-Amz-Expires should be a number");
    else if (seconds == 0)
        incomplete(result, "X-Amz-Expires must be at least 1");
    else
        incomplete(result, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must "
                           "be less than 604800 seconds");
    return false;
}

static bool read_query(const lambda__query *query, lambda__claim *claim, lambda__signature_result *result)
{
    static const char *const NEEDED[] = {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature",
                                         "X-Amz-SignedHeaders", "X-Amz-Date"};
    char credential[512] = "";
    char date[64] = "";
    char words[512] = "";
    size_t length = 0;
    bool have[5];
    claim->presigned = true;
    if (!read_expires(query, claim, result)) return false;
    have[0] = lambda__query_find(query, NEEDED[0], claim->algorithm, sizeof(claim->algorithm));
    have[1] = lambda__query_find(query, NEEDED[1], credential, sizeof(credential));
    have[2] = lambda__query_find(query, NEEDED[2], claim->signature, sizeof(claim->signature));
    have[3] = lambda__query_find(query, NEEDED[3], claim->names, sizeof(claim->names));
    have[4] = lambda__query_find(query, NEEDED[4], date, sizeof(date));
    for (size_t i = 0; i < 5; i++)
        if (!have[i])
            length += (size_t)snprintf(words + length, sizeof(words) - length,
                                       "AWS query-string parameters must include '%s'. ", NEEDED[i]);
    if (length > 0) {
        incomplete(result, "%sRe-examine the query-string parameters.", words);
        return false;
    }
    if (strcmp(claim->algorithm, ALGORITHM) != 0) {
        incomplete(result, "Unsupported AWS 'algorithm': '%.60s'.", claim->algorithm);
        return false;
    }
    if (!lambda__query_find(query, "X-Amz-Security-Token", claim->token, sizeof(claim->token)))
        snprintf(claim->token, sizeof(claim->token), "%s",
                 lambda__query_has(query, "X-Amz-Security-Token") ? NO_TOKEN : "");
    return read_credential(credential, claim, result) && take_date(date, claim, result);
}

/* ---- all of it */

static bool is_sorted(lambda__span before, lambda__span name)
{
    size_t least = before.length < name.length ? before.length : name.length;
    int order = strncasecmp(before.at, name.at, least);
    return order < 0 || (order == 0 && before.length < name.length);
}

/** Host is among them, and each stands there once: a name that came again would stand for all its headers' values again. */
static bool check_names(const char *names, lambda__signature_result *result)
{
    lambda__span before = {"", 0};
    bool host = false;
    while (*names) {
        lambda__span name = {names, strcspn(names, ";")};
        if (!is_sorted(before, name)) {
            incomplete(result, "'SignedHeaders' must be sorted, and have each name once.");
            return false;
        }
        host = host || (name.length == 4 && strncasecmp(names, "host", 4) == 0);
        names += name.length + (names[name.length] == ';');
        before = name;
    }
    if (!host) invalid(result, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    return host;
}

static void read_payload(const lambda__signed_request *request, const lambda__query *query, lambda__claim *claim)
{
    size_t count;
    lambda__span shown = lambda__header_find(request, "x-amz-content-sha256", &count);
    claim->payload[0] = '\0';
    if (shown.length > 0) {
        if (count > 1 || !COPY(claim->payload, shown)) snprintf(claim->payload, sizeof(claim->payload), "-");
    } else if (claim->presigned &&
               !lambda__query_find(query, "X-Amz-Content-Sha256", claim->payload, sizeof(claim->payload))) {
        claim->payload[0] = '\0';
    }
}

bool lambda__claim_read(const lambda__signed_request *request, const lambda__query *query, lambda__hasher *hasher,
                        lambda__claim *claim, lambda__signature_result *result)
{
    size_t count;
    lambda__span header = lambda__header_find(request, "authorization", &count);
    memset(claim, 0, sizeof(*claim));
    if (count > 1) {
        incomplete(result, "There are several Authorization headers.");
        return false;
    }
    bool presigned = lambda__query_has(query, "X-Amz-Algorithm") || lambda__query_has(query, "X-Amz-Signature");
    if (!header.at && !presigned) {
        result->anonymous = true;
        lambda__signature_refuse(result, 403, "MissingAuthenticationTokenException", "Missing Authentication Token");
        return false;
    }
    bool read = header.at ? read_header(request, header, hasher, claim, result) : read_query(query, claim, result);
    if (!read) return false;
    read_payload(request, query, claim);
    return check_names(claim->names, result) && check_scope(request, claim, result) &&
           check_time(request, claim, result);
}
