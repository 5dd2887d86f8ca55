#include "subscription.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>

#include "telemetry.h"

enum { MESSAGE = 256, RESERVED_PORT = 9001 /* Lambda's own in an environment */ };

/** Adds to what is wrong. */
static void wrong(char message[MESSAGE], const char *format, ...)
{
    size_t length = strlen(message);
    if (length > 0) length += (size_t)snprintf(message + length, MESSAGE - length, "; ");
    if (length >= MESSAGE) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message + length, MESSAGE - length, format, arguments);
    va_end(arguments);
}

static void read_version(const json_t *body, char message[MESSAGE])
{
    static const char *const versions[] = {"2025-01-29", "2022-12-13", "2022-07-01"};
    static const char *const logs_versions[] = {"2021-03-18", "2020-08-15"};
    const char *version = json_string_value(json_object_get(body, "schemaVersion"));
    if (!version) {
        wrong(message, "schemaVersion is not provided");
        return;
    }
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        if (strcmp(version, versions[i]) == 0) return;
    for (size_t i = 0; i < sizeof(logs_versions) / sizeof(logs_versions[0]); i++)
        if (strcmp(version, logs_versions[i]) == 0) {
            wrong(message, "schemaVersion %s is the Logs API's, use the Telemetry API's 2022-12-13", version);
            return;
        }
    wrong(message, "schemaVersion \"%.32s\" is not 2025-01-29, 2022-12-13 or 2022-07-01", version);
}

static void read_types(const json_t *body, lambda__subscription *subscription, char message[MESSAGE])
{
    static const struct {
        const char *name;
        unsigned type;
    } known[] = {{"platform", LAMBDA__TELEMETRY_PLATFORM},
                 {"function", LAMBDA__TELEMETRY_FUNCTION},
                 {"extension", LAMBDA__TELEMETRY_EXTENSION}};
    const json_t *types = json_object_get(body, "types");
    size_t i;
    const json_t *each;
    if (!json_is_array(types)) {
        wrong(message, "types is not an array");
        return;
    }
    if (json_array_size(types) == 0) wrong(message, "types should not be empty");
    json_array_foreach(types, i, each)
    {
        const char *name = json_string_value(each);
        unsigned type = 0;
        for (size_t k = 0; name && k < sizeof(known) / sizeof(known[0]); k++)
            if (strcmp(name, known[k].name) == 0) type = known[k].type;
        subscription->types |= type;
        if (type != 0) continue;
        wrong(message, "types has \"%.32s\", which is not platform, function or extension", name ? name : "");
        return;
    }
}

static uint32_t read_number(const json_t *buffering, const char *name, uint32_t preset, uint32_t least, uint32_t most,
                            char message[MESSAGE])
{
    const json_t *given = json_object_get(buffering, name);
    if (!given || json_is_null(given)) return preset;
    json_int_t value = json_integer_value(given);
    if (json_is_integer(given) && value >= least && value <= most) return (uint32_t)value;
    wrong(message, "buffering.%s is not an integer from %u to %u", name, least, most);
    return preset;
}

static void read_buffering(const json_t *body, lambda__subscription *subscription, char message[MESSAGE])
{
    const json_t *buffering = json_object_get(body, "buffering");
    if (buffering && !json_is_object(buffering) && !json_is_null(buffering))
        wrong(message, "buffering is not an object");
    /* One page of the documentation says 1,000 items by default, the other 10,000: so does Lambda's own emulator. */
    subscription->max_items = read_number(buffering, "maxItems", 10000, 1000, 10000, message);
    subscription->max_bytes = read_number(buffering, "maxBytes", 262144, 262144, 1048576, message);
    subscription->timeout_ms = read_number(buffering, "timeoutMs", 1000, 25, 30000, message);
}

static void check_port(long port, const char *name, char message[MESSAGE])
{
    if (port < 1 || port > 65535) wrong(message, "%s is not a port from 1 to 65535", name);
    if (port == RESERVED_PORT) wrong(message, "%s 9001 is reserved", name);
}

/** http://sandbox.localdomain:PORT/PATH, or sandbox alone; nothing else is inside of the environment. */
static void read_uri(const char *uri, lambda__subscription *subscription, char message[MESSAGE])
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *user = NULL;
    if (strlen(uri) >= sizeof(subscription->uri)) {
        wrong(message, "URI is longer than %zu bytes", sizeof(subscription->uri) - 1);
    } else if (!parts || curl_url_set(parts, CURLUPART_URL, uri, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
               curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
        wrong(message, "URI \"%.64s\" is none", uri);
    } else if (strcmp(scheme, "http") != 0) {
        wrong(message, "URI scheme is not http");
    } else if (curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        wrong(message, "URI host is not provided");
    } else if (strcmp(host, "sandbox.localdomain") != 0 && strcmp(host, "sandbox") != 0) {
        wrong(message, "URI host is not sandbox.localdomain");
    } else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK) {
        wrong(message, "URI has a user");
    } else if (curl_url_get(parts, CURLUPART_PORT, &port, 0) != CURLUE_OK) {
        wrong(message, "URI port is not provided");
    } else {
        long number = strtol(port, NULL, 10);
        check_port(number, "URI port", message);
        subscription->port = (uint16_t)number;
        memcpy(subscription->uri, uri, strlen(uri) + 1);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    curl_url_cleanup(parts);
}

static void read_destination(const json_t *body, lambda__subscription *subscription, char message[MESSAGE])
{
    const json_t *destination = json_object_get(body, "destination");
    const char *protocol = json_string_value(json_object_get(destination, "protocol"));
    const char *uri = json_string_value(json_object_get(destination, "URI"));
    const json_t *port = json_object_get(destination, "port");
    if (!json_is_object(destination)) {
        wrong(message, "destination is not an object");
    } else if (!protocol || (strcmp(protocol, "HTTP") != 0 && strcmp(protocol, "TCP") != 0)) {
        wrong(message, "destination.protocol is not HTTP or TCP");
    } else if (strcmp(protocol, "HTTP") == 0) {
        if (uri)
            read_uri(uri, subscription, message);
        else
            wrong(message, "destination.URI is not provided");
    } else if (!json_is_integer(port)) {
        wrong(message, "destination.port is not provided");
    } else {
        json_int_t number = json_integer_value(port);
        check_port(number > 0 && number < 65536 ? (long)number : 0, "destination.port", message);
        subscription->port = (uint16_t)number;
    }
}

bool lambda__subscription_read(lambda_bytes body, lambda__subscription *subscription, char message[MESSAGE])
{
    json_error_t error;
    memset(subscription, 0, sizeof(*subscription));
    message[0] = '\0';
    json_t *object = json_loadb(body.length > 0 ? body.data : "", body.length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        wrong(message, "the body is not a JSON object: %.128s", object ? "it is an array" : error.text);
    } else {
        read_version(object, message);
        read_types(object, subscription, message);
        read_destination(object, subscription, message);
        read_buffering(object, subscription, message);
    }
    json_decref(object);
    return message[0] == '\0';
}
