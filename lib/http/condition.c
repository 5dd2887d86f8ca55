/* Conditions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "identities.h"

/* ---- what is known of a wish */

/** The fifth part of an ARN into `account`; NULL without one. */
static const char *account_of(const char *arn, char account[13])
{
    for (int i = 0; i < 4; i++) {
        arn = strchr(arn, ':');
        if (!arn) return NULL;
        arn++;
    }
    if (strcspn(arn, ":") != 12) return NULL;
    snprintf(account, 13, "%.12s", arn);
    return account;
}

static const char *text_or_null(const char *text)
{
    return text && *text ? text : NULL;
}

typedef enum key {
    SOURCE_ARN,
    SOURCE_ACCOUNT,
    SOURCE_IP,
    SECURE_TRANSPORT,
    PRINCIPAL_ARN,
    PRINCIPAL_ACCOUNT,
    USERNAME,
    FUNCTION_URL_AUTH_TYPE,
    INVOKED_VIA_FUNCTION_URL,
    CURRENT_TIME,
    EPOCH_TIME,
    KEYS
} key;

static const char *const NAMES[KEYS] = {
    [SOURCE_ARN] = "aws:SourceArn",
    [SOURCE_ACCOUNT] = "aws:SourceAccount",
    [SOURCE_IP] = "aws:SourceIp",
    [SECURE_TRANSPORT] = "aws:SecureTransport",
    [PRINCIPAL_ARN] = "aws:PrincipalArn",
    [PRINCIPAL_ACCOUNT] = "aws:PrincipalAccount",
    [USERNAME] = "aws:username",
    [FUNCTION_URL_AUTH_TYPE] = "lambda:FunctionUrlAuthType",
    [INVOKED_VIA_FUNCTION_URL] = "lambda:InvokedViaFunctionUrl",
    [CURRENT_TIME] = "aws:CurrentTime",
    [EPOCH_TIME] = "aws:EpochTime",
};

static key key_named(const char *name)
{
    for (int i = 0; i < KEYS; i++)
        if (strcasecmp(name, NAMES[i]) == 0) return (key)i;
    return KEYS;
}

static const char *username_of(const lambda__caller *caller)
{
    const char *user = caller->arn ? strstr(caller->arn, ":user/") : NULL;
    return user ? strrchr(user, '/') + 1 : NULL;
}

/** The key's value, in `room` where it is made; NULL: the wish has none. */
static const char *value_of(key name, const lambda__wish *wish, char room[32])
{
    const lambda__caller *caller = wish->caller;
    switch (name) {
    case SOURCE_ARN:
        return text_or_null(caller->source_arn);
    case SOURCE_ACCOUNT:
        return caller->source_arn ? account_of(caller->source_arn, room) : NULL;
    case SOURCE_IP:
        return text_or_null(caller->source_ip);
    case SECURE_TRANSPORT:
        return caller->secure_transport;
    case PRINCIPAL_ARN:
        return caller->service ? NULL : text_or_null(caller->arn);
    case PRINCIPAL_ACCOUNT:
        return caller->service ? NULL : text_or_null(caller->account_id);
    case USERNAME:
        return caller->service ? NULL : username_of(caller);
    case FUNCTION_URL_AUTH_TYPE:
        return wish->function_url_auth_type;
    case INVOKED_VIA_FUNCTION_URL:
        return wish->invoked_via_function_url ? "true" : "false";
    case CURRENT_TIME:
    case EPOCH_TIME:
        snprintf(room, 32, "%lld", (long long)time(NULL));
        return room;
    default:
        return NULL;
    }
}

/* ---- operators */

static bool string_equals(const char *wanted, const char *value)
{
    return strcmp(wanted, value) == 0;
}

static bool string_equals_any_case(const char *wanted, const char *value)
{
    return strcasecmp(wanted, value) == 0;
}

static bool string_like(const char *wanted, const char *value)
{
    return lambda__pattern_matches(wanted, value, false);
}

/** Part by part: a star does not take a colon but in the last of six. */
static bool arn_like(const char *wanted, const char *value)
{
    for (int i = 0; i < 5; i++) {
        char one[256];
        char two[256];
        size_t wanted_length = strcspn(wanted, ":");
        size_t value_length = strcspn(value, ":");
        if (!wanted[wanted_length] || !value[value_length]) return false;
        if (wanted_length >= sizeof(one) || value_length >= sizeof(two)) return false;
        snprintf(one, sizeof(one), "%.*s", (int)wanted_length, wanted);
        snprintf(two, sizeof(two), "%.*s", (int)value_length, value);
        if (!lambda__pattern_matches(one, two, false)) return false;
        wanted += wanted_length + 1;
        value += value_length + 1;
    }
    return lambda__pattern_matches(wanted, value, false);
}

static bool read_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end && isfinite(*number);
}

/** Seconds since 1970, or a date and time of ISO 8601 in UTC. */
static bool read_date(const char *text, double *seconds)
{
    static const char *const FORMS[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
        struct tm parts = {0};
        const char *end = strptime(text, FORMS[i], &parts);
        if (end && !*end) {
            *seconds = (double)timegm(&parts);
            return true;
        }
    }
    return read_number(text, seconds);
}

typedef bool reader(const char *text, double *number);

/** Less than, equal to, more than: -1, 0, 1; 2 for what is no number. */
static int compare(reader *read, const char *wanted, const char *value)
{
    double one;
    double two;
    if (!read(wanted, &one) || !read(value, &two)) return 2;
    return two < one ? -1 : two > one;
}

#define COMPARISONS(name, read)                                                                                        \
    static bool name##_equals(const char *wanted, const char *value)                                                   \
    {                                                                                                                  \
        return compare(read, wanted, value) == 0;                                                                      \
    }                                                                                                                  \
    static bool name##_less(const char *wanted, const char *value)                                                     \
    {                                                                                                                  \
        return compare(read, wanted, value) == -1;                                                                     \
    }                                                                                                                  \
    static bool name##_at_most(const char *wanted, const char *value)                                                  \
    {                                                                                                                  \
        return compare(read, wanted, value) <= 0;                                                                      \
    }                                                                                                                  \
    static bool name##_more(const char *wanted, const char *value)                                                     \
    {                                                                                                                  \
        return compare(read, wanted, value) == 1;                                                                      \
    }                                                                                                                  \
    static bool name##_at_least(const char *wanted, const char *value)                                                 \
    {                                                                                                                  \
        int order = compare(read, wanted, value);                                                                      \
        return order == 0 || order == 1;                                                                               \
    }
COMPARISONS(number, read_number)
COMPARISONS(date, read_date)

/** An address into 16 bytes, IPv4 as IPv6 has it, and after "/" how many bits count. */
static bool read_network(const char *text, unsigned char address[16], unsigned *bits)
{
    static const unsigned char MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    char host[64];
    size_t length = strcspn(text, "/");
    if (length >= sizeof(host)) return false;
    snprintf(host, sizeof(host), "%.*s", (int)length, text);
    bool four = strchr(host, ':') == NULL;
    memcpy(address, MAPPED, sizeof(MAPPED));
    if (inet_pton(four ? AF_INET : AF_INET6, host, four ? address + 12 : address) != 1) return false;
    *bits = four ? 32 : 128;
    if (text[length]) {
        char *end;
        unsigned long given = strtoul(text + length + 1, &end, 10);
        if (*end || end == text + length + 1 || given > *bits) return false;
        *bits = (unsigned)given;
    }
    if (four) *bits += 96;
    return true;
}

static bool ip_address(const char *wanted, const char *value)
{
    unsigned char network[16];
    unsigned char address[16];
    unsigned bits;
    unsigned all;
    if (!read_network(wanted, network, &bits) || !read_network(value, address, &all)) return false;
    if (memcmp(network, address, bits / 8) != 0) return false;
    unsigned rest = bits % 8;
    return rest == 0 || (network[bits / 8] ^ address[bits / 8]) >> (8 - rest) == 0;
}

typedef bool operation(const char *wanted, const char *value);

static bool is_number(const char *wanted)
{
    double number;
    return read_number(wanted, &number);
}

static bool is_date(const char *wanted)
{
    double seconds;
    return read_date(wanted, &seconds);
}

static bool is_boolean(const char *wanted)
{
    return strcasecmp(wanted, "true") == 0 || strcasecmp(wanted, "false") == 0;
}

static bool is_network(const char *wanted)
{
    unsigned char address[16];
    unsigned bits;
    return read_network(wanted, address, &bits);
}

static const struct operator
{
    const char *name;
    operation *holds;
    bool negated;
    bool (*valid)(const char *wanted); /* NULL: any text */
}
OPERATORS[] = {
    {"StringEquals", string_equals, false, NULL},
    {"StringNotEquals", string_equals, true, NULL},
    {"StringEqualsIgnoreCase", string_equals_any_case, false, NULL},
    {"StringNotEqualsIgnoreCase", string_equals_any_case, true, NULL},
    {"StringLike", string_like, false, NULL},
    {"StringNotLike", string_like, true, NULL},
    {"ArnEquals", arn_like, false, NULL}, /* IAM's ArnEquals takes patterns too */
    {"ArnLike", arn_like, false, NULL},
    {"ArnNotEquals", arn_like, true, NULL},
    {"ArnNotLike", arn_like, true, NULL},
    {"Bool", string_equals_any_case, false, is_boolean},
    {"NumericEquals", number_equals, false, is_number},
    {"NumericNotEquals", number_equals, true, is_number},
    {"NumericLessThan", number_less, false, is_number},
    {"NumericLessThanEquals", number_at_most, false, is_number},
    {"NumericGreaterThan", number_more, false, is_number},
    {"NumericGreaterThanEquals", number_at_least, false, is_number},
    {"DateEquals", date_equals, false, is_date},
    {"DateNotEquals", date_equals, true, is_date},
    {"DateLessThan", date_less, false, is_date},
    {"DateLessThanEquals", date_at_most, false, is_date},
    {"DateGreaterThan", date_more, false, is_date},
    {"DateGreaterThanEquals", date_at_least, false, is_date},
    {"IpAddress", ip_address, false, is_network},
    {"NotIpAddress", ip_address, true, is_network},
    {"Null", NULL, false, is_boolean}, /* is there none? */
};

/** An operator's name, taken apart. */
typedef struct test {
    const struct operator* operator; /* NULL: there is no such */
    bool if_exists;
    bool for_all; /* ForAllValues: a key without a value passes */
    bool for_any;
} test;

static test test_named(const char *name)
{
    test self = {.operator= NULL };
    self.for_all = strncmp(name, "ForAllValues:", 13) == 0;
    self.for_any = strncmp(name, "ForAnyValue:", 12) == 0;
    name += self.for_all ? 13 : self.for_any ? 12 : 0;
    size_t length = strlen(name);
    self.if_exists = length > 8 && strcmp(name + length - 8, "IfExists") == 0;
    if (self.if_exists) length -= 8;
    for (size_t i = 0; i < sizeof(OPERATORS) / sizeof(OPERATORS[0]); i++)
        if (strlen(OPERATORS[i].name) == length && strncmp(OPERATORS[i].name, name, length) == 0)
            self.operator= & OPERATORS[i];
    if (self.if_exists && self.operator&& !self.operator->holds) self.operator= NULL; /* NullIfExists is none */
    return self;
}

/** A wanted value as text: JSON's booleans and numbers too, as IAM takes them. NULL: it is none. */
static const char *wanted_text(const json_t *wanted, char room[32])
{
    if (json_is_string(wanted)) return json_string_value(wanted);
    if (json_is_boolean(wanted)) return json_is_true(wanted) ? "true" : "false";
    if (json_is_integer(wanted))
        snprintf(room, 32, "%lld", (long long)json_integer_value(wanted));
    else if (json_is_real(wanted))
        snprintf(room, 32, "%.17g", json_real_value(wanted));
    else
        return NULL;
    return room;
}

/** One of the wanted values. */
static bool one_holds(operation *holds, const json_t *wanted, const char *value)
{
    char room[32];
    const char *text;
    if (!json_is_array(wanted)) return (text = wanted_text(wanted, room)) && holds(text, value);
    size_t index;
    const json_t *one;
    json_array_foreach(wanted, index, one)
    {
        if ((text = wanted_text(one, room)) && holds(text, value)) return true;
    }
    return false;
}

/** Each key here has one value at most. */
static bool key_holds(const test *self, key name, const json_t *wanted, const lambda__wish *wish)
{
    char room[32];
    const char *value = value_of(name, wish, room);
    if (!self->operator->holds) return one_holds(string_equals_any_case, wanted, value ? "false" : "true");
    if (!value) return self->if_exists || self->for_all || (self->operator->negated && !self->for_any);
    return one_holds(self->operator->holds, wanted, value) != self->operator->negated;
}

static const char *wrong_wanted(const test *self, const json_t *wanted)
{
    char room[32];
    const char *text = wanted_text(wanted, room);
    if (!text) return "has a value that is no string, number or boolean";
    if (strstr(text, "${")) return "has a policy variable, which is not supported";
    return self->operator->valid && !self->operator->valid(text) ? "has a value that its operator cannot take" : NULL;
}

static const char *wrong_values(const test *self, const json_t *wanted)
{
    if (!json_is_array(wanted)) return wrong_wanted(self, wanted);
    size_t index;
    const json_t *one;
    const char *wrong = json_array_size(wanted) > 0 ? NULL : "has no value";
    json_array_foreach(wanted, index, one)
    {
        if (!wrong) wrong = wrong_wanted(self, one);
    }
    return wrong;
}

bool lambda__condition_holds(const json_t *block, const lambda__wish *wish, bool otherwise)
{
    const char *operator;
    const json_t *keys;
    const char *name;
    const json_t *wanted;
    if (!json_is_object(block)) return otherwise;
    json_object_foreach((json_t *)block, operator, keys)
    {
        test self = test_named(operator);
        if (!self.operator|| !json_is_object(keys)) {
            if (otherwise) continue;
            return false;
        }
        json_object_foreach((json_t *)keys, name, wanted)
        {
            key known = key_named(name);
            bool understood = known != KEYS && !wrong_values(&self, wanted);
            if (!(understood ? key_holds(&self, known, wanted, wish) : otherwise)) return false;
        }
    }
    return true;
}

bool lambda__condition_check(const json_t *block, char why[256])
{
    const char *operator;
    const json_t *keys;
    const char *name;
    const json_t *wanted;
    if (!json_is_object(block)) {
        snprintf(why, 256, "Condition is no object");
        return false;
    }
    json_object_foreach((json_t *)block, operator, keys)
    {
        test self = test_named(operator);
        if (!self.operator|| !json_is_object(keys)) {
            snprintf(why, 256, "Condition: %.80s is no %s", operator,
                     self.operator? "object of keys" : "operator that is supported");
            return false;
        }
        json_object_foreach((json_t *)keys, name, wanted)
        {
            const char *wrong = wrong_values(&self, wanted);
            if (!wrong) continue;
            snprintf(why, 256, "Condition: %.60s: %.60s %s", operator, name, wrong);
            return false;
        }
    }
    return true;
}
