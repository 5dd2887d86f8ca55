/* One signed request to a server. */
#include "remote.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "output.h"

static void copy(char *to, size_t size, const char *from, size_t length)
{
    snprintf(to, size, "%.*s", (int)length, from);
}

static size_t take_header(char *data, size_t one, size_t length, void *user)
{
    tool_answer *answer = user;
    const char *value = memchr(data, ':', length);
    (void)one;
    if (!value) return length;
    size_t name = (size_t)(value - data);
    value++;
    size_t left = length - name - 1;
    for (; left > 0 && (*value == ' ' || *value == '\t'); left--)
        value++;
    while (left > 0 && (value[left - 1] == '\r' || value[left - 1] == '\n'))
        left--;
    if (name == 16 && strncasecmp(data, "X-Amzn-ErrorType", name) == 0)
        copy(answer->error_type, sizeof answer->error_type, value, left);
    else if (name == 20 && strncasecmp(data, "X-Amz-Function-Error", name) == 0)
        copy(answer->function_error, sizeof answer->function_error, value, left);
    else if (name == 22 && strncasecmp(data, "X-Amz-Executed-Version", name) == 0)
        copy(answer->version, sizeof answer->version, value, left);
    else if (name == 16 && strncasecmp(data, "x-amzn-RequestId", name) == 0)
        copy(answer->request_id, sizeof answer->request_id, value, left);
    else if (name == 16 && strncasecmp(data, "X-Amz-Log-Result", name) == 0 && !answer->log)
        answer->no_memory = !(answer->log = strndup(value, left));
    return length;
}

static size_t take_body(char *data, size_t one, size_t length, void *user)
{
    tool_answer *answer = user;
    (void)one;
    if (answer->visit && !*answer->error_type)
        return tool_frames_feed(&answer->frames, data, length, answer->visit, answer->user) ? length : 0;
    char *more = realloc(answer->body, answer->length + length + 1);
    if (!more) {
        answer->no_memory = true;
        return 0;
    }
    memcpy(more + answer->length, data, length);
    answer->body = more;
    answer->length += length;
    more[answer->length] = '\0';
    return length;
}

/** Adds a header. False: memory is out; those before stay. */
static bool add(struct curl_slist **list, const char *name, const char *value)
{
    char line[4300];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *more = curl_slist_append(*list, line);
    if (more) *list = more;
    return more != NULL;
}

static bool add_lines(struct curl_slist **list, const char *lines)
{
    bool good = true;
    while (*lines && good) {
        size_t length = strcspn(lines, "\n");
        char *line = strndup(lines, length);
        struct curl_slist *more = line ? curl_slist_append(*list, line) : NULL;
        free(line);
        good = more != NULL;
        if (good) *list = more;
        lines += length + (lines[length] != '\0');
    }
    return good;
}

static struct curl_slist *headers_of(const tool_remote *remote, const lambda_api_request_parts *parts,
                                     lambda_bytes body)
{
    struct curl_slist *list = NULL;
    tool_signature signature;
    const tool_signed request = {parts->method, remote->host, parts->path, remote->region, body, time(NULL)};
    bool good = tool_sign(&remote->keys, &request, &signature) && add(&list, "Host", remote->host) &&
                add(&list, "Authorization", signature.authorization) && add(&list, "X-Amz-Date", signature.date) &&
                add(&list, "X-Amz-Content-Sha256", signature.content) && add(&list, "Expect", "") &&
                add(&list, "Content-Type", "application/json") && add_lines(&list, parts->headers);
    if (good && *remote->keys.token) good = add(&list, "X-Amz-Security-Token", remote->keys.token);
    if (good) return list;
    curl_slist_free_all(list);
    return NULL;
}

static void prepare(CURL *curl, const char *url, const lambda_api_request_parts *parts, lambda_bytes body,
                    tool_answer *answer, char why[CURL_ERROR_SIZE])
{
    bool sends = strcmp(parts->method, "GET") != 0 && (body.length > 0 || strcmp(parts->method, "DELETE") != 0);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (sends) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data ? body.data : "");
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, parts->method);
}

int tool_remote_send(const tool_remote *remote, CURL *curl, const lambda_api_request_parts *parts, lambda_bytes body,
                     tool_answer *answer)
{
    char why[CURL_ERROR_SIZE] = "";
    size_t size = strlen(remote->endpoint) + strlen(parts->path) + 1;
    char *url = malloc(size);
    struct curl_slist *headers = url ? headers_of(remote, parts, body) : NULL;
    if (!headers) {
        free(url);
        return tool_no_memory();
    }
    snprintf(url, size, "%s%s", remote->endpoint, parts->path);
    prepare(curl, url, parts, body, answer, why);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_slist_free_all(headers);
    free(url);
    if (answer->no_memory) return tool_no_memory();
    if (code == CURLE_OK) return TOOL_OK;
    return tool_unreachable("%s cannot be reached: %s\n  next: 'lambda doctor --endpoint %s' looks at what is wrong",
                            remote->endpoint, *why ? why : curl_easy_strerror(code), remote->endpoint);
}

void tool_answer_clear(tool_answer *answer)
{
    free(answer->log);
    free(answer->body);
    free(answer->frames.data);
    *answer = (tool_answer){0};
}
