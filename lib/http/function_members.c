/* What operations of functions, versions and aliases take: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
#include "function.h"

static const char *const PACKAGE_TYPES[] = {"Image", "Zip", NULL};
static const char *const ARCHITECTURES[] = {"x86_64", "arm64", NULL};
static const char *const TRACING_MODES[] = {"Active", "PassThrough", NULL};
static const char *const LOG_FORMATS[] = {"JSON", "Text", NULL};
static const char *const LEVELS[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", NULL};
static const char *const SYSTEM_LEVELS[] = {"DEBUG", "INFO", "WARN", NULL};
static const char *const FUNCTION_VERSIONS[] = {"ALL", NULL};
static const char *const STORAGE_MODES[] = {"COPY", "REFERENCE", NULL};
static const char *const APPLY_ON[] = {"PublishedVersions", "None", NULL};

const char *const lambda__runtimes[] = {"nodejs",
                                        "nodejs4.3",
                                        "nodejs6.10",
                                        "nodejs8.10",
                                        "nodejs10.x",
                                        "nodejs12.x",
                                        "nodejs14.x",
                                        "nodejs16.x",
                                        "java8",
                                        "java8.al2",
                                        "java11",
                                        "python2.7",
                                        "python3.6",
                                        "python3.7",
                                        "python3.8",
                                        "python3.9",
                                        "dotnetcore1.0",
                                        "dotnetcore2.0",
                                        "dotnetcore2.1",
                                        "dotnetcore3.1",
                                        "dotnet6",
                                        "dotnet8",
                                        "nodejs4.3-edge",
                                        "go1.x",
                                        "ruby2.5",
                                        "ruby2.7",
                                        "provided",
                                        "provided.al2",
                                        "nodejs18.x",
                                        "python3.10",
                                        "java17",
                                        "ruby3.2",
                                        "ruby3.3",
                                        "ruby3.4",
                                        "python3.11",
                                        "nodejs20.x",
                                        "provided.al2023",
                                        "python3.12",
                                        "java21",
                                        "python3.13",
                                        "nodejs22.x",
                                        "nodejs24.x",
                                        "python3.14",
                                        "java25",
                                        "dotnet10",
                                        "ruby4.0",
                                        NULL};

#define CODE                                                                                                           \
    {.name = "ZipFile", .type = LAMBDA__BLOB}, {.name = "S3Bucket"}, {.name = "S3Key"}, {.name = "S3ObjectVersion"},   \
        {.name = "S3ObjectStorageMode", .values = STORAGE_MODES}, {.name = "ImageUri"},                                \
    {                                                                                                                  \
        .name = "SourceKMSKeyArn"                                                                                      \
    }

const lambda__member lambda__members_of_code[] = {CODE, LAMBDA__MEMBERS_END};

static const lambda__member VARIABLE = {.pattern = "[a-zA-Z]([a-zA-Z0-9_])+"};
static const lambda__member ENVIRONMENT[] = {
    {.name = "Variables", .type = LAMBDA__MAP, .element = LAMBDA__STRING, .keys = &VARIABLE}, LAMBDA__MEMBERS_END};
static const lambda__member DEAD_LETTERS[] = {{.name = "TargetArn",
                                               .pattern = "(arn:(aws[a-zA-Z-]*)?:[a-z0-9.-]+:.*)|()",
                                               .shown = "(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()"},
                                              LAMBDA__MEMBERS_END};
static const lambda__member SNAP_START[] = {{.name = "ApplyOn", .values = APPLY_ON}, LAMBDA__MEMBERS_END};
static const lambda__member LAYER = {
    .min = 1,
    .max = 2048,
    .pattern = "(arn:(aws[a-zA-Z-]*)?:lambda:[a-z0-9-]{1,32}:[0-9]{12}:layer:[a-zA-Z0-9_-]+:[0-9]+)|"
               "(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9_-]+)",
    .shown = "(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:"
             "[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"};
static const lambda__member ARCHITECTURE = {.values = ARCHITECTURES};
static const lambda__member TRACING[] = {{.name = "Mode", .values = TRACING_MODES}, LAMBDA__MEMBERS_END};
static const lambda__member STORAGE[] = {
    {.name = "Size", .type = LAMBDA__INTEGER, .required = true, .min = 512, .max = 10240}, LAMBDA__MEMBERS_END};
static const lambda__member LOGGING[] = {
    {.name = "LogFormat", .values = LOG_FORMATS},
    {.name = "ApplicationLogLevel", .values = LEVELS},
    {.name = "SystemLogLevel", .values = SYSTEM_LEVELS},
    {.name = "LogGroup", .min = 1, .max = 512, .pattern = "[.#/A-Za-z0-9_-]+", .shown = "[\\.\\-_/#A-Za-z0-9]+"},
    LAMBDA__MEMBERS_END};

#define ANYTHING(name_)                                                                                                \
    {                                                                                                                  \
        .name = (name_), .type = LAMBDA__STRUCTURE, .members = &(lambda__member)                                       \
        {                                                                                                              \
            .name = NULL                                                                                               \
        }                                                                                                              \
    }

#define CONFIGURATION                                                                                                  \
    {.name = "Handler", .max = 128, .pattern = "[^[:space:]]+", .shown = "[^\\s]+"},                                   \
        {.name = "Description", .max = 256}, {.name = "Timeout", .type = LAMBDA__INTEGER, .min = 1, .max = 900},       \
        {.name = "MemorySize", .type = LAMBDA__INTEGER, .min = 128, .max = 10240},                                     \
        {.name = "Environment", .type = LAMBDA__STRUCTURE, .members = ENVIRONMENT},                                    \
        {.name = "DeadLetterConfig", .type = LAMBDA__STRUCTURE, .members = DEAD_LETTERS},                              \
        {.name = "TracingConfig", .type = LAMBDA__STRUCTURE, .members = TRACING},                                      \
        {.name = "Layers", .type = LAMBDA__LIST, .element = LAMBDA__STRING, .each = &LAYER},                           \
        {.name = "EphemeralStorage", .type = LAMBDA__STRUCTURE, .members = STORAGE},                                   \
        {.name = "LoggingConfig", .type = LAMBDA__STRUCTURE, .members = LOGGING}, {.name = "KMSKeyArn"},               \
        ANYTHING("VpcConfig"),                                                                                         \
        {.name = "FileSystemConfigs", .type = LAMBDA__LIST, .element = LAMBDA__STRUCTURE, .max = 1},                   \
        ANYTHING("ImageConfig"), {.name = "SnapStart", .type = LAMBDA__STRUCTURE, .members = SNAP_START},              \
        ANYTHING("CapacityProviderConfig"), ANYTHING("DurableConfig"),                                                 \
    {                                                                                                                  \
        .name = "Runtime"                                                                                              \
    }

#define ROLE(required_)                                                                                                \
    {                                                                                                                  \
        .name = "Role", .required = (required_),                                                                       \
        .pattern = "arn:(aws[a-zA-Z-]*)?:iam::[0-9]{12}:role/?[a-zA-Z_0-9+=,.@/_-]+",                                  \
        .shown = "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+"                                     \
    }

#define ARCHITECTURES_MEMBER                                                                                           \
    {                                                                                                                  \
        .name = "Architectures", .type = LAMBDA__LIST, .element = LAMBDA__STRING, .min = 1, .max = 1,                  \
        .each = &ARCHITECTURE                                                                                          \
    }

#define NAME_IN_BODY                                                                                                   \
    {                                                                                                                  \
        .name = "FunctionName", .required = true, .min = 1, .max = 256,                                                \
        .pattern = "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z0-9-]{1,32}:)?([0-9]{12}:)?(function:)?[a-zA-Z0-9_-]+",        \
        .shown = "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?"           \
                 "(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"                               \
    }

const lambda__member lambda__members_create_function[] = {
    NAME_IN_BODY,
    ROLE(true),
    {.name = "Code", .type = LAMBDA__STRUCTURE, .required = true, .members = lambda__members_of_code},
    {.name = "Publish", .type = LAMBDA__BOOLEAN},
    {.name = "PublishTo"},
    {.name = "PackageType", .values = PACKAGE_TYPES},
    {.name = "Tags", .type = LAMBDA__MAP, .element = LAMBDA__STRING},
    {.name = "CodeSigningConfigArn"},
    ANYTHING("TenancyConfig"),
    ARCHITECTURES_MEMBER,
    CONFIGURATION,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_update_function_configuration[] = {
    LAMBDA__MEMBER_FUNCTION_NAME, ROLE(false), LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_BODY), CONFIGURATION,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_update_function_code[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_BODY),
    CODE,
    {.name = "Publish", .type = LAMBDA__BOOLEAN},
    {.name = "PublishTo"},
    {.name = "DryRun", .type = LAMBDA__BOOLEAN},
    ARCHITECTURES_MEMBER,
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_get_function[] = {LAMBDA__MEMBER_FUNCTION_NAME, LAMBDA__MEMBER_QUALIFIER(false),
                                                       LAMBDA__MEMBERS_END};
const lambda__member lambda__members_get_function_configuration[] = {
    LAMBDA__MEMBER_FUNCTION_NAME, LAMBDA__MEMBER_QUALIFIER(false), LAMBDA__MEMBERS_END};
const lambda__member lambda__members_delete_function[] = {LAMBDA__MEMBER_FUNCTION_NAME, LAMBDA__MEMBER_QUALIFIER(false),
                                                          LAMBDA__MEMBERS_END};

const lambda__member lambda__members_list_functions[] = {
    {.name = "MasterRegion",
     .place = LAMBDA__IN_QUERY,
     .pattern = "ALL|[a-z0-9-]{1,32}",
     .shown = "ALL|(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}"},
    {.name = "FunctionVersion", .place = LAMBDA__IN_QUERY, .values = FUNCTION_VERSIONS},
    LAMBDA__MEMBER_MARKER,
    LAMBDA__MEMBER_MAX_ITEMS(10000),
    LAMBDA__MEMBERS_END,
};

const lambda__member lambda__members_list_versions_by_function[] = {
    LAMBDA__MEMBER_FUNCTION_NAME, LAMBDA__MEMBER_MARKER, LAMBDA__MEMBER_MAX_ITEMS(10000), LAMBDA__MEMBERS_END};

const lambda__member lambda__members_publish_version[] = {
    LAMBDA__MEMBER_FUNCTION_NAME,
    {.name = "CodeSha256"},
    {.name = "Description", .max = 256},
    {.name = "PublishTo"},
    LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_BODY),
    LAMBDA__MEMBERS_END,
};

/* ---- aliases */

#define VERSION(place_, required_)                                                                                     \
    {                                                                                                                  \
        .name = "FunctionVersion", .place = (place_), .required = (required_), .min = 1, .max = 1024,                  \
        .pattern = "(\\$LATEST(\\.PUBLISHED)?|[0-9]+)", .shown = "(\\$LATEST(\\.PUBLISHED)?|[0-9]+)"                   \
    }

/* Not only digits, which POSIX's expressions cannot say: the library does. */
#define ALIAS(place_)                                                                                                  \
    {                                                                                                                  \
        .name = "Name", .place = (place_), .required = true, .min = 1, .max = 128,                                     \
        .pattern = "[a-zA-Z0-9_-]*[a-zA-Z_-][a-zA-Z0-9_-]*", .shown = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"                   \
    }

static const lambda__member WEIGHT = {.type = LAMBDA__NUMBER, .min = 0, .max = 1};
static const lambda__member WEIGHED = {.min = 1, .max = 1024, .pattern = "[0-9]+"};
static const lambda__member ROUTING[] = {{.name = "AdditionalVersionWeights",
                                          .type = LAMBDA__MAP,
                                          .element = LAMBDA__NUMBER,
                                          .each = &WEIGHT,
                                          .keys = &WEIGHED},
                                         LAMBDA__MEMBERS_END};

#define ALIAS_SETTINGS                                                                                                 \
    {.name = "Description", .max = 256},                                                                               \
    {                                                                                                                  \
        .name = "RoutingConfig", .type = LAMBDA__STRUCTURE, .members = ROUTING                                         \
    }

const lambda__member lambda__members_create_alias[] = {LAMBDA__MEMBER_FUNCTION_NAME, ALIAS(LAMBDA__IN_BODY),
                                                       VERSION(LAMBDA__IN_BODY, true), ALIAS_SETTINGS,
                                                       LAMBDA__MEMBERS_END};
const lambda__member lambda__members_update_alias[] = {LAMBDA__MEMBER_FUNCTION_NAME,
                                                       ALIAS(LAMBDA__IN_PATH),
                                                       VERSION(LAMBDA__IN_BODY, false),
                                                       ALIAS_SETTINGS,
                                                       LAMBDA__MEMBER_REVISION_ID(LAMBDA__IN_BODY),
                                                       LAMBDA__MEMBERS_END};
const lambda__member lambda__members_get_alias[] = {LAMBDA__MEMBER_FUNCTION_NAME, ALIAS(LAMBDA__IN_PATH),
                                                    LAMBDA__MEMBERS_END};
const lambda__member lambda__members_delete_alias[] = {LAMBDA__MEMBER_FUNCTION_NAME, ALIAS(LAMBDA__IN_PATH),
                                                       LAMBDA__MEMBERS_END};
const lambda__member lambda__members_list_aliases[] = {LAMBDA__MEMBER_FUNCTION_NAME, VERSION(LAMBDA__IN_QUERY, false),
                                                       LAMBDA__MEMBER_MARKER, LAMBDA__MEMBER_MAX_ITEMS(10000),
                                                       LAMBDA__MEMBERS_END};
