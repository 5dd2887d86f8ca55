/*
 * The exporter to the X-Ray daemon: a line that says what follows, and a document, in one datagram each
 * (https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html). Nothing is waited for: what the system does not take
 * at once is lost, and the service counts it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/platform.h"
#include "observe/trace/xray.h"

#define HEAD "{\"format\": \"json\", \"version\": 1}\n"

/** "64 kB", X-Ray's limit of a document, in the smaller of its two meanings: with the head, it fits into a datagram of IPv4. */
#define DOCUMENT_SIZE 64000

typedef struct udp_exporter {
    lambda__base *base;
    int descriptor;
    int error; /* of the segment that is being written: the first one */
} udp_exporter;

static lambda_status send_document(void *user, const char *text, size_t length)
{
    udp_exporter *exporter = user;
    int error = lambda__platform_datagram_send(exporter->descriptor, HEAD, sizeof(HEAD) - 1, text, length);
    if (exporter->error == 0) exporter->error = error;
    return LAMBDA_OK; /* the others may arrive */
}

static lambda_status udp_write(void *user, const lambda_trace_segment *segment)
{
    udp_exporter *exporter = user;
    exporter->error = 0;
    lambda_status status = lambda__xray_write(exporter->base, segment, DOCUMENT_SIZE, send_document, exporter);
    if (status != LAMBDA_OK || exporter->error == 0) return status;
    return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "the X-Ray daemon cannot be sent to: %s",
                        strerror(exporter->error));
}

static void udp_close(void *user)
{
    udp_exporter *exporter = user;
    lambda__platform_datagram_close(exporter->descriptor);
    lambda__release(exporter->base, exporter);
}

/** Takes an address apart. False where it is none; whether the host is one is not looked at. */
static bool split_address(const char *address, char host[64], uint16_t *port)
{
    const char *colon = strrchr(address, ':');
    if (!colon) return false;
    const char *end = colon;
    if (address[0] == '[') {
        if (end == address || end[-1] != ']') return false;
        address++;
        end--;
    }
    size_t length = (size_t)(end - address);
    /* IPv6 without brackets: where its port begins nobody can tell. */
    if (length == 0 || length >= 64 || (*end == ':' && memchr(address, ':', length))) return false;
    memcpy(host, address, length);
    host[length] = '\0';
    uint32_t number = 0;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits]) return false;
    for (size_t i = 1; i <= digits; i++)
        number = number * 10 + (uint32_t)(colon[i] - '0');
    *port = (uint16_t)number;
    return number > 0 && number <= UINT16_MAX;
}

lambda_status lambda__xray_exporter_udp(lambda__base *base, const char *address, lambda_trace_exporter *exporter)
{
    const lambda_status invalid = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    char host[64];
    uint16_t port;
    if (!exporter) return lambda__fail(NULL, invalid, "exporter: is NULL");
    *exporter = (lambda_trace_exporter){0};
    if (!address) address = "127.0.0.1:2000";
    if (!split_address(address, host, &port))
        return lambda__fail(NULL, invalid, "address: \"%.100s\" is not an address and a port", address);
    udp_exporter *udp = lambda__allocate_zeroed(base, sizeof(*udp));
    if (!udp) return lambda__out_of_memory(NULL);
    udp->base = base;
    int error = lambda__platform_datagram_open(host, port, &udp->descriptor);
    if (error) {
        lambda__release(base, udp);
        if (error == EINVAL)
            return lambda__fail(NULL, invalid, "address: \"%.100s\" is not an IP address in numbers", host);
        return lambda__fail(NULL, LAMBDA_ERROR_SERVICE, "address: \"%.100s\" cannot be sent to: %s", address,
                            strerror(error));
    }
    *exporter = (lambda_trace_exporter){.write = udp_write, .close = udp_close, .user = udp};
    return LAMBDA_OK;
}

lambda_status lambda_trace_exporter_xray(const char *address, lambda_trace_exporter *exporter)
{
    return lambda__xray_exporter_udp(lambda__base_without_service(), address, exporter);
}
