#include "registry/limits.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html, characters. */
#define LAYER_NAME_MAX 140

/* https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Defined runtime environment variables": reserved. */
static const char *const reserved_names[] = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
};

lambda_status lambda__limit_number(lambda_t *lambda, const char *field, uint64_t value, uint64_t minimum,
                                   uint64_t maximum)
{
    if (value == 0 || (value >= minimum && value <= maximum)) return LAMBDA_OK;
    return lambda__fail(&lambda->base, INVALID, "%s: %llu is not between %llu and %llu", field,
                        (unsigned long long)value, (unsigned long long)minimum, (unsigned long long)maximum);
}

lambda_status lambda__limit_text(lambda_t *lambda, const char *field, const char *text, size_t minimum, size_t maximum)
{
    if (!text) return LAMBDA_OK;
    /* No character has more than four bytes: what is longer need not be read to its end. */
    size_t length = strnlen(text, 4 * maximum + 1);
    if (length <= 4 * maximum && !lambda__utf8_valid(text, length))
        return lambda__fail(&lambda->base, INVALID, "%s: is not UTF-8", field);
    size_t count = lambda__utf8_count(text, length);
    if (length > 4 * maximum || count > maximum)
        return lambda__fail(&lambda->base, INVALID, "%s: is longer than %zu characters", field, maximum);
    if (count < minimum)
        return lambda__fail(&lambda->base, INVALID, "%s: is shorter than %zu characters", field, minimum);
    return LAMBDA_OK;
}

lambda_status lambda__limit_handler(lambda_t *lambda, const char *handler)
{
    lambda_status status = lambda__limit_text(lambda, "handler", handler, LAMBDA__HANDLER_MIN, LAMBDA__HANDLER_MAX);
    if (status != LAMBDA_OK || !handler || !strpbrk(handler, " \t\r\n\v\f")) return status;
    return lambda__fail(&lambda->base, INVALID, "handler: \"%s\" has a space in it", handler);
}

/** arn:PARTITION:iam::TWELVE DIGITS:role/PATH AND NAME */
static bool role_is_valid(const char *role)
{
    if (strncmp(role, "arn:aws", 7) != 0) return false;
    role += 7;
    role += strspn(role, LETTERS "-");
    if (strncmp(role, ":iam::", 6) != 0) return false;
    role += 6;
    if (strspn(role, DIGITS) != 12 || strncmp(role + 12, ":role/", 6) != 0) return false;
    role += 18;
    size_t length = strspn(role, LETTERS DIGITS "_+=,.@-/");
    return length > 0 && role[length] == '\0';
}

lambda_status lambda__limit_role(lambda_t *lambda, const char *role)
{
    lambda_status status = lambda__limit_text(lambda, "role", role, LAMBDA__ROLE_MIN, LAMBDA__ROLE_MAX);
    if (status != LAMBDA_OK || !role || role[0] == '\0' || role_is_valid(role)) return status;
    return lambda__fail(&lambda->base, INVALID, "role: \"%.200s\" is not the ARN of an IAM role", role);
}

/**
 * Characters before the version's colon in arn:PARTITION:lambda:REGION:ACCOUNT:layer:NAME:VERSION,
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html; 0 where it is none.
 */
static size_t layer_length(const char *arn)
{
    static const char *const before[] = {"arn:", ":lambda:", ":", ":layer:"};
    static const char *const characters[] = {LETTERS DIGITS "-", LETTERS DIGITS "-", DIGITS, LETTERS DIGITS "-_"};
    const char *at = arn;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        if (strncmp(at, before[i], strlen(before[i])) != 0) return 0;
        at += strlen(before[i]);
        size_t length = strspn(at, characters[i]);
        if (length == 0 || (characters[i][0] == '0' && length != 12) || length > LAYER_NAME_MAX) return 0;
        at += length;
    }
    size_t digits = at[0] == ':' ? strspn(at + 1, DIGITS) : 0;
    bool version = digits > 0 && digits <= 19 && at[1] != '0' && at[1 + digits] == '\0';
    return version ? (size_t)(at - arn) : 0;
}

lambda_status lambda__limit_layers(lambda_t *lambda, const char *const *layers, size_t count)
{
    if (!layers && count > 0) return lambda__fail(&lambda->base, INVALID, "layers: is NULL with a count of %zu", count);
    if (count > LAMBDA__LAYERS_MAX)
        return lambda__fail(&lambda->base, INVALID, "layers: Cannot reference more than %d layers.",
                            (int)LAMBDA__LAYERS_MAX);
    size_t lengths[LAMBDA__LAYERS_MAX];
    for (size_t i = 0; i < count; i++) {
        if (!layers[i]) return lambda__fail(&lambda->base, INVALID, "layers[%zu]: is NULL", i);
        lengths[i] = layer_length(layers[i]);
        if (lengths[i] == 0)
            return lambda__fail(&lambda->base, INVALID, "layers[%zu]: \"%.200s\" is not the ARN of a layer version", i,
                                layers[i]);
        for (size_t j = 0; j < i; j++)
            if (lengths[j] == lengths[i] && memcmp(layers[j], layers[i], lengths[i]) == 0)
                return lambda__fail(
                    &lambda->base, INVALID,
                    "layers: Two different versions of the same layer are not allowed to be referenced in the "
                    "same function. %.200s and %.200s are versions of the same layer.",
                    layers[j], layers[i]);
    }
    return LAMBDA_OK;
}

lambda_status lambda__limit_logging(lambda_t *lambda, const lambda_logging_config *logging, size_t group_minimum)
{
    const lambda_log_level system = logging->system_log_level;
    if ((unsigned)logging->log_format > LAMBDA_LOG_FORMAT_JSON)
        return lambda__fail(&lambda->base, INVALID, "logging_config.log_format: %d is none", (int)logging->log_format);
    if ((unsigned)logging->application_log_level > LAMBDA_LOG_OFF)
        return lambda__fail(&lambda->base, INVALID, "logging_config.application_log_level: %d is none",
                            (int)logging->application_log_level);
    if (!lambda__system_log_level_valid(system))
        return lambda__fail(&lambda->base, INVALID,
                            "logging_config.system_log_level: is %s, not DEBUG, INFO, WARN or OFF",
                            lambda_log_level_name(system));
    const char *group = logging->log_group;
    lambda_status status =
        lambda__limit_text(lambda, "logging_config.log_group", group, group_minimum, LAMBDA__LOG_GROUP_MAX);
    if (status != LAMBDA_OK || !group || group[strspn(group, LETTERS DIGITS ".-_/#")] == '\0') return status;
    return lambda__fail(&lambda->base, INVALID,
                        "logging_config.log_group: \"%.80s\" has more in it than A-Z a-z 0-9 . - _ / #", group);
}

static lambda_status check_pair(lambda_t *lambda, const char *field, const lambda_pair *pairs, size_t at)
{
    if (!pairs[at].name || !pairs[at].value)
        return lambda__fail(&lambda->base, INVALID, "%s[%zu].%s: is NULL", field, at,
                            pairs[at].name ? "value" : "name");
    for (size_t i = 0; i < at; i++)
        if (strcmp(pairs[i].name, pairs[at].name) == 0)
            return lambda__fail(&lambda->base, INVALID, "%s: \"%.128s\" is there twice", field, pairs[at].name);
    return LAMBDA_OK;
}

static lambda_status check_variable(lambda_t *lambda, const lambda_pair *pair)
{
    size_t letters = strspn(pair->name, LETTERS);
    size_t length = strspn(pair->name, LETTERS DIGITS "_");
    for (size_t i = 0; i < sizeof(reserved_names) / sizeof(reserved_names[0]); i++)
        if (strcmp(pair->name, reserved_names[i]) == 0)
            return lambda__fail(
                &lambda->base, INVALID,
                "environment: Lambda was unable to configure your environment variables because the "
                "environment variables you have provided contains reserved keys that are currently not supported "
                "for modification. Reserved keys used in this request: %s",
                pair->name);
    if (letters == 0 || length < 2 || pair->name[length] != '\0')
        return lambda__fail(&lambda->base, INVALID,
                            "environment: \"%.128s\" is not a letter followed by letters, digits or _", pair->name);
    if (!lambda__utf8_valid(pair->value, strlen(pair->value)))
        return lambda__fail(&lambda->base, INVALID, "environment: the value of \"%.128s\" is not UTF-8", pair->name);
    return LAMBDA_OK;
}

lambda_status lambda__limit_environment(lambda_t *lambda, const lambda_pair *pairs, size_t count)
{
    size_t bytes = 0;
    if (!pairs && count > 0)
        return lambda__fail(&lambda->base, INVALID, "environment: is NULL with a count of %zu", count);
    for (size_t i = 0; i < count; i++) {
        lambda_status status = check_pair(lambda, "environment", pairs, i);
        if (status == LAMBDA_OK) status = check_variable(lambda, &pairs[i]);
        if (status != LAMBDA_OK) return status;
        bytes += strlen(pairs[i].name) + strlen(pairs[i].value);
        if (bytes > lambda->limits.environment_variables)
            return lambda__fail(&lambda->base, INVALID,
                                "environment: Lambda was unable to configure your environment variables because the "
                                "environment variables you have provided exceeded the limit of %u bytes.",
                                lambda->limits.environment_variables);
    }
    return LAMBDA_OK;
}

lambda_status lambda__limit_tags(lambda_t *lambda, const lambda_pair *pairs, size_t count)
{
    if (!pairs && count > 0) return lambda__fail(&lambda->base, INVALID, "tags: is NULL with a count of %zu", count);
    if (count > LAMBDA__TAGS_MAX)
        return lambda__fail(&lambda->base, INVALID, "tags: Number of tags exceeds resource tag limit.");
    for (size_t i = 0; i < count; i++) {
        lambda_status status = check_pair(lambda, "tags", pairs, i);
        if (status == LAMBDA_OK)
            status =
                lambda__limit_text(lambda, "tags: a name", pairs[i].name, LAMBDA__TAG_NAME_MIN, LAMBDA__TAG_NAME_MAX);
        if (status == LAMBDA_OK)
            status = lambda__limit_text(lambda, "tags: a value", pairs[i].value, LAMBDA__TAG_VALUE_MIN,
                                        LAMBDA__TAG_VALUE_MAX);
        if (status == LAMBDA_OK && strncmp(pairs[i].name, "aws:", 4) == 0)
            status = lambda__fail(&lambda->base, INVALID, "tags: \"%.128s\" begins with the reserved \"aws:\"",
                                  pairs[i].name);
        if (status != LAMBDA_OK) return status;
    }
    return LAMBDA_OK;
}
