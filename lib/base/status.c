#include <lambda/status.h>

#define STATUS_NAME(constant, name, text) [constant] = (name),
#define STATUS_TEXT(constant, name, text) [constant] = (text),

static const char *const names[] = {LAMBDA_STATUS_MAP(STATUS_NAME)};
static const char *const texts[] = {LAMBDA_STATUS_MAP(STATUS_TEXT)};

const char *lambda_status_name(lambda_status status)
{
    size_t index = (size_t)status;
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : "Unknown";
}

const char *lambda_status_text(lambda_status status)
{
    size_t index = (size_t)status;
    return index < sizeof(texts) / sizeof(texts[0]) ? texts[index] : "unknown status";
}

int lambda_version_number(void)
{
    return LAMBDA_VERSION_NUMBER;
}
