/* lambda metrics: what a server has counted since it began, as Prometheus reads it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "backend.h"
#include "commands.h"

static size_t print(char *data, size_t one, size_t length, void *user)
{
    (void)one;
    return fwrite(data, 1, length, user);
}

static int get(const char *endpoint, const char *url)
{
    char why[CURL_ERROR_SIZE] = "";
    char *text = NULL;
    size_t length;
    long status = 0;
    CURL *curl = curl_easy_init();
    FILE *out = curl ? open_memstream(&text, &length) : NULL;
    if (!out) {
        curl_easy_cleanup(curl);
        return tool_no_memory();
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, print);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    bool whole = fclose(out) == 0 && text;
    int ended = TOOL_OK;
    if (code != CURLE_OK)
        ended = tool_unreachable("%s cannot be reached: %s", endpoint, *why ? why : curl_easy_strerror(code));
    else if (status != 200)
        ended = tool_refused("AccessDeniedException", "metrics are for who is on the server's machine");
    else if (!whole)
        ended = tool_no_memory();
    else
        fwrite(text, 1, length, stdout);
    free(text);
    return ended;
}

int tool_metrics(const tool_arguments *arguments)
{
    const char *endpoint = tool_endpoint(arguments);
    if (!endpoint) return tool_usage("a server counts, not a data directory: --endpoint http://127.0.0.1:PORT");
    size_t length = strlen(endpoint);
    while (length > 0 && endpoint[length - 1] == '/')
        length--;
    char *url = malloc(length + sizeof "/metrics");
    if (!url) return tool_no_memory();
    memcpy(url, endpoint, length);
    memcpy(url + length, "/metrics", sizeof "/metrics");
    int code = get(endpoint, url);
    free(url);
    return code;
}
