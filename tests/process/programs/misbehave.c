/*
 * A bootstrap that does what an event says, most of it wrong: the event is a JSON string, a verb and perhaps a word more. It speaks HTTP by hand, so that it can break it.
 * What it does before it asks for the first event is in the variable BEFORE.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define API "/2018-06-01/runtime/"

extern char **environ;

static int connection = -1;
static char answer_head[8192];
static char answer_body[16384];
static char id[64];
static int invocations;
static _Atomic uint64_t *ticks;

static int open_connection(void)
{
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const char *colon = api ? strrchr(api, ':') : NULL;
    int made = socket(AF_INET, SOCK_STREAM, 0);
    if (!colon || made < 0) _exit(90);
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    if (connect(made, (struct sockaddr *)&address, sizeof(address)) != 0) _exit(91);
    return made;
}

static void send_all(int to, const void *data, size_t length)
{
    const char *at = data;
    while (length > 0) {
        ssize_t sent = send(to, at, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return;
        at += sent;
        length -= (size_t)sent;
    }
}

/** Reads an answer; its status, or 0 where the connection broke. */
static int read_answer(int from)
{
    size_t length = 0;
    char *end = NULL;
    while (!end && length + 1 < sizeof(answer_head)) {
        ssize_t got = recv(from, answer_head + length, sizeof(answer_head) - 1 - length, 0);
        if (got <= 0) return 0;
        length += (size_t)got;
        answer_head[length] = '\0';
        end = strstr(answer_head, "\r\n\r\n");
    }
    if (!end) return 0;
    size_t have = length - (size_t)(end + 4 - answer_head), want = 0;
    const char *field = strcasestr(answer_head, "\r\ncontent-length:");
    if (field) want = (size_t)strtoul(field + strlen("\r\ncontent-length:"), NULL, 10);
    memcpy(answer_body, end + 4, have < sizeof(answer_body) ? have : 0);
    while (have < want && have < sizeof(answer_body) - 1) {
        ssize_t got = recv(from, answer_body + have, sizeof(answer_body) - 1 - have, 0);
        if (got <= 0) return 0;
        have += (size_t)got;
    }
    answer_body[have] = '\0';
    return atoi(answer_head + strlen("HTTP/1.1 "));
}

static void send_head(int to, const char *method, const char *path, const char *fields, long length)
{
    char head[1024];
    int size = snprintf(head, sizeof(head), "%s %s%s HTTP/1.1\r\nHost: localhost\r\n%s", method, API, path, fields);
    if (length >= 0) size += snprintf(head + size, sizeof(head) - (size_t)size, "Content-Length: %ld\r\n", length);
    size += snprintf(head + size, sizeof(head) - (size_t)size, "\r\n");
    send_all(to, head, (size_t)size);
}

static int request(const char *method, const char *path, const char *fields, const void *body, size_t length)
{
    if (connection < 0) connection = open_connection();
    send_head(connection, method, path, fields, (long)length);
    send_all(connection, body, length);
    int status = read_answer(connection);
    if (status == 0) {
        close(connection);
        connection = -1;
    }
    return status;
}

static int answer_to(const char *whose, const void *body, size_t length)
{
    char path[128];
    snprintf(path, sizeof(path), "invocation/%s/response", whose);
    return request("POST", path, "", body, length);
}

static int answer(const char *text)
{
    return answer_to(id, text, strlen(text));
}

/** Asks for the next event: its text without quotes. */
static char *next(void)
{
    static char event[8192];
    int status = 403;
    /* It is refused until the other side has seen that an answer which broke off is over. */
    for (int i = 0; i < 1000 && status == 403; i++)
        status = request("GET", "invocation/next", "", "", 0);
    if (status != 200) fprintf(stderr, "next %d %s %s\n", status, answer_head, answer_body), _exit(92);
    const char *field = strcasestr(answer_head, "\r\nlambda-runtime-aws-request-id:");
    if (!field || sscanf(field + strlen("\r\nlambda-runtime-aws-request-id:"), " %36s", id) != 1) _exit(93);
    snprintf(event, sizeof(event), "%.8000s", answer_body);
    size_t length = strlen(event);
    if (length < 2 || event[0] != '"' || event[length - 1] != '"') return event;
    event[length - 1] = '\0';
    return event + 1;
}

/* ---- what it does; each answers, or does not */

static void variables(void)
{
    size_t length = 0;
    static char text[65536];
    for (char **each = environ; *each; each++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s\n", *each);
    answer_to(id, text, length);
}

static void large(void)
{
    size_t length = (size_t)7 * 1024 * 1024;
    char *body = malloc(length);
    if (!body) _exit(94);
    memset(body, 'x', length);
    int status = answer_to(id, body, length);
    printf("large %d\n", status);
    free(body);
}

/** Part of an answer, then the end of the connection. */
static void begin_answer(const char *fields, long length, const char *body)
{
    char path[128];
    snprintf(path, sizeof(path), "invocation/%s/response", id);
    send_head(connection, "POST", path, fields, length);
    send_all(connection, body, strlen(body));
}

static void children(void)
{
    int ready[2];
    char byte;
    if (pipe(ready) != 0) _exit(95);
    for (int i = 0; i < 10; i++) {
        if (fork() != 0) continue;
        if (i % 2) {
            setsid();
            if (fork() != 0) _exit(0);
        }
        signal(SIGTERM, SIG_IGN);
        if (write(ready[1], "r", 1) != 1) _exit(96);
        for (;;)
            pause();
    }
    for (int i = 0; i < 10; i++)
        if (read(ready[0], &byte, 1) != 1) _exit(97);
    answer("\"ten\"");
}

static void fill(const char *directory)
{
    static char block[65536];
    char path[256], text[64];
    uint64_t written = 0;
    snprintf(path, sizeof(path), "%s/full", directory);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    ssize_t got = 0;
    while (file >= 0 && (got = write(file, block, sizeof(block))) > 0)
        written += (uint64_t)got;
    snprintf(text, sizeof(text), "{\"errno\":%d,\"megabytes\":%llu}", errno, (unsigned long long)(written >> 20));
    close(file);
    unlink(path);
    answer(text);
}

static void memory(void)
{
    for (;;) {
        char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) _exit(98);
        memset(block, 1, 1 << 20);
    }
}

static void lines(const char *megabytes)
{
    static char block[65536];
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = i % 256 == 255 ? '\n' : (char)('a' + i % 26);
    for (long i = 0; i < atol(megabytes) * 16; i++)
        if (write(1, block, sizeof(block)) < 0) _exit(99);
    answer("\"written\"");
}

/** A child that counts for ever, whoever is served. */
static void tick(void)
{
    ticks = mmap(NULL, sizeof(*ticks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ticks == MAP_FAILED) _exit(100);
    if (fork() == 0)
        for (;;)
            atomic_fetch_add(ticks, 1);
    while (atomic_load(ticks) == 0) {
    }
    answer("\"ticking\"");
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** Works for so many ms, and says how many thousandths of a processor it had. */
static void spin(const char *milliseconds)
{
    char text[32];
    double begin = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID), passed;
    while ((passed = seconds(CLOCK_MONOTONIC) - begin) < atof(milliseconds) / 1000)
        continue;
    snprintf(text, sizeof(text), "%d", (int)((seconds(CLOCK_PROCESS_CPUTIME_ID) - used) / passed * 1000));
    answer(text);
}

static void post_error(const char *type, const char *body, size_t length)
{
    char path[128], fields[128];
    snprintf(path, sizeof(path), "invocation/%s/error", id);
    snprintf(fields, sizeof(fields), "Lambda-Runtime-Function-Error-Type: %s\r\n", type);
    request("POST", path, fields, body, length);
}

/** Bodies of errors that are not what they should be. */
static const struct {
    const char *body;
    size_t length;
    const char *base64;
} wrong[] = {
    {"{\"errorMessage\":\"caf\xe9\",\"errorType\":\"Mine\"}", 42,
     "eyJlcnJvck1lc3NhZ2UiOiJjYWbpIiwiZXJyb3JUeXBlIjoiTWluZSJ9"},
    {"no \"JSON\" \xff\0", 12, "bm8gIkpTT04iIP8A"},
};

static void stream_wrong(int which)
{
    begin_answer("Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
                 "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n",
                 -1, "5\r\nfirst\r\n");
    char rest[256];
    int length = snprintf(rest, sizeof(rest),
                          "0\r\nLambda-Runtime-Function-Error-Type: Mine\r\n"
                          "Lambda-Runtime-Function-Error-Body: %s\r\n\r\n",
                          wrong[which].base64);
    send_all(connection, rest, (size_t)length);
    read_answer(connection);
}

static void stream(bool fails)
{
    begin_answer(
        "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n"
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n",
        -1, "5\r\nfirst\r\n");
    const char *rest = fails ? "0\r\nLambda-Runtime-Function-Error-Type: Mine\r\n"
                               "Lambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJNaW5lIn0=\r\n\r\n"
                             : "6\r\nsecond\r\n0\r\n\r\n";
    send_all(connection, rest, strlen(rest));
    printf("stream %d\n", read_answer(connection));
}

/** So many chunks of 1 KB of an answer that is never ended. */
static void begin_stream(int chunks)
{
    static char chunk[5 + 1024 + 2] = "400\r\n";
    memset(chunk + 5, 'x', 1024);
    memcpy(chunk + 5 + 1024, "\r\n", 2);
    begin_answer("Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n", -1, "");
    for (int i = 0; i < chunks; i++)
        send_all(connection, chunk, sizeof(chunk));
}

static void fail(const char *type)
{
    const char *body = "{\"errorMessage\":\"mine\",\"errorType\":\"Mine\",\"stackTrace\":[\"here\"]}";
    post_error(type, body, strlen(body));
}

static void fail_large(void)
{
    size_t length = (size_t)3 * 1024 * 1024;
    char *body = malloc(length);
    if (!body) _exit(94);
    memset(body, '\xff', length);
    post_error("Mine", body, length);
    free(body);
}

/** Ways to die; returns where the verb is none. */
static void die(const char *verb, const char *word)
{
    if (strcmp(verb, "exit") == 0) _exit(atoi(word));
    if (strcmp(verb, "signal") == 0) raise(atoi(word));
    if (strcmp(verb, "never") == 0)
        for (;;)
            pause();
    if (strcmp(verb, "stubborn") == 0) {
        signal(SIGTERM, SIG_IGN);
        puts("stubborn");
        for (;;)
            pause();
    }
    if (strcmp(verb, "memory") == 0) memory();
}

/** What breaks the protocol; true where it was that. */
static bool misbehave(const char *verb)
{
    if (strcmp(verb, "twice") == 0) {
        answer("\"first\"");
        printf("second %d\n", answer("\"second\""));
    } else if (strcmp(verb, "other") == 0) {
        printf("other %d\n", answer_to("00000000-0000-4000-8000-000000000000", "1", 1));
        answer("\"mine\"");
    } else if (strcmp(verb, "half-head") == 0) {
        int half = open_connection();
        send_all(half, "POST /2018-06-01/runtime/invoc", 30);
        answer("\"whole\"");
        close(half);
    } else if (strcmp(verb, "half-head-exit") == 0) {
        send_all(connection, "POST /2018-06-01/runtime/invoc", 30);
        _exit(3);
    } else if (strcmp(verb, "half-body") == 0) {
        begin_answer("", 1000, "ten bytes.");
        close(connection);
        connection = -1;
    } else if (strcmp(verb, "half-body-exit") == 0) {
        begin_answer("", 1000, "ten bytes.");
        _exit(4);
    } else if (strcmp(verb, "answer-exit") == 0) {
        answer("\"last words\"");
        _exit(5);
    } else {
        return false;
    }
    return true;
}

static void obey(char *event)
{
    char text[128];
    char *word = strchr(event, ' ');
    if (word) *word++ = '\0';
    if (!word) word = "";
    die(event, word);
    if (misbehave(event)) return;
    if (strcmp(event, "variables") == 0) {
        variables();
    } else if (strcmp(event, "count") == 0) {
        snprintf(text, sizeof(text), "%d", invocations);
        answer(text);
    } else if (strcmp(event, "large") == 0) {
        large();
    } else if (strcmp(event, "binary") == 0) {
        answer_to(id, "\xff\xfe\0\x80", 4);
    } else if (strcmp(event, "children") == 0) {
        children();
    } else if (strcmp(event, "fill") == 0) {
        fill(word);
    } else if (strcmp(event, "lines") == 0) {
        lines(word);
    } else if (strcmp(event, "spin") == 0) {
        spin(word);
    } else if (strcmp(event, "deaf") == 0) {
        close(1);
        close(2);
        answer("\"deaf\"");
    } else if (strcmp(event, "stream") == 0) {
        stream(strcmp(word, "fails") == 0);
    } else if (strcmp(event, "stream-then") == 0) {
        begin_stream((int)strtol(word, &word, 10));
        if (*word) word++;
        obey(word);
    } else if (strcmp(event, "error") == 0) {
        fail(word);
    } else if (strcmp(event, "error-wrong") == 0) {
        post_error("Mine", wrong[atoi(word)].body, wrong[atoi(word)].length);
    } else if (strcmp(event, "error-large") == 0) {
        fail_large();
    } else if (strcmp(event, "stream-wrong") == 0) {
        stream_wrong(atoi(word));
    } else if (strcmp(event, "tick") == 0) {
        tick();
    } else if (strcmp(event, "ticks") == 0) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)atomic_load(ticks));
        answer(text);
    } else if (strcmp(event, "pause") == 0) {
        puts("pausing");
        usleep((useconds_t)atoi(word) * 1000);
        answer("\"paused\"");
    } else if (strcmp(event, "say") == 0) {
        printf("%s\n", word);
        fprintf(stderr, "%s unfinished", word);
        answer("\"said\"");
    } else {
        snprintf(text, sizeof(text), "\"%.100s\"", event);
        answer(text);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *given = getenv("BEFORE");
    char before[64];
    snprintf(before, sizeof(before), "%s", given ? given : "");
    if (before[0]) {
        char *word = strchr(before, ' ');
        if (word) *word++ = '\0';
        die(before, word ? word : "");
        if (strcmp(before, "error") == 0) {
            const char *body = "{\"errorMessage\":\"no init\",\"errorType\":\"Mine.Init\"}";
            request("POST", "init/error", "Lambda-Runtime-Function-Error-Type: Mine.Init\r\n", body, strlen(body));
            _exit(1);
        }
        if (strcmp(before, "error-wrong") == 0) {
            int which = atoi(word ? word : "");
            request("POST", "init/error", "Lambda-Runtime-Function-Error-Type: Mine\r\n", wrong[which].body,
                    wrong[which].length);
            _exit(1);
        }
    }
    for (;;) {
        char *event = next();
        invocations++;
        obey(event);
    }
}
