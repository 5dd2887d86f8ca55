#include "http_peers.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "load_client.h"

static void require(int holds, const char *what)
{
    if (holds) return;
    perror(what);
    exit(1);
}

/* ---- libmicrohttpd */

static struct MHD_Daemon *bare;
static struct MHD_Response *response;

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *length, void **context)
{
    (void)user;
    (void)url;
    (void)method;
    (void)version;
    (void)data;
    if (!*context) {
        /* An answer that is queued at once closes the connection. */
        *context = &response;
        return MHD_YES;
    }
    *length = 0;
    return MHD_queue_response(connection, 200, response);
}

/** Those that libmicrohttpd does not make itself. */
static void copy_headers(const char *answer, const char *body)
{
    for (const char *line = strstr(answer, "\r\n") + 2; line < body - 2; line = strstr(line, "\r\n") + 2) {
        char name[128], value[1024];
        if (sscanf(line, "%127[^:]: %1023[^\r]", name, value) != 2) continue;
        if (strcasecmp(name, "Date") != 0 && strcasecmp(name, "Content-Length") != 0)
            require(MHD_add_response_header(response, name, value) == MHD_YES, name);
    }
}

uint16_t bare_http_open(const char *answer, unsigned threads, unsigned memory)
{
    const char *body = strstr(answer, "\r\n\r\n") + 4;
    response = MHD_create_response_from_buffer(strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    require(response != NULL, "MHD_create_response_from_buffer");
    copy_headers(answer, body);
    uint16_t port = load_free_port();
    bare = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, port, NULL, NULL, handle, NULL, MHD_OPTION_THREAD_POOL_SIZE,
                            threads, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)memory, MHD_OPTION_END);
    require(bare != NULL, "MHD_start_daemon");
    return port;
}

void bare_http_close(void)
{
    MHD_stop_daemon(bare);
    MHD_destroy_response(response);
}

/* ---- programs */

pid_t peer_start(const char *const *arguments)
{
    fflush(stdout);
    pid_t parent = getpid();
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    /* What it says of itself is no figure of this program. */
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    perror(arguments[0]);
    _exit(127);
}

void peer_stop(pid_t child)
{
    require(kill(child, SIGTERM) == 0, "kill");
    while (waitpid(child, NULL, 0) < 0)
        require(errno == EINTR, "waitpid");
}

/* ---- nginx */

void nginx_configure(const char *directory, uint16_t port, const char *body)
{
    static const char *const kinds[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
    char path[512];
    snprintf(path, sizeof(path), "%s/nginx.conf", directory);
    FILE *file = fopen(path, "w");
    require(file != NULL, path);
    fprintf(file, "daemon off;\nworker_processes 1;\npid %s/nginx.pid;\nerror_log stderr crit;\n", directory);
    fprintf(file, "events { worker_connections 256; }\nhttp {\n  access_log off;\n  default_type application/json;\n");
    fprintf(file, "  keepalive_requests 1000000000;\n  keepalive_timeout 3600s;\n");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        fprintf(file, "  %s_temp_path %s/%s;\n", kinds[i], directory, kinds[i]);
    fprintf(file, "  server { listen 127.0.0.1:%u; location / { return 200 '%s'; } }\n}\n", port, body);
    require(fclose(file) == 0, path);
}

pid_t nginx_start(const char *directory)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/nginx.conf", directory);
    const char *program = access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx";
    const char *const arguments[] = {program, "-p", directory, "-c", path, "-e", "stderr", NULL};
    return peer_start(arguments);
}

pid_t nginx_worker(pid_t nginx)
{
    char path[64];
    int worker = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)nginx, (int)nginx);
    FILE *file = fopen(path, "r");
    require(file && fscanf(file, "%d", &worker) == 1, path);
    fclose(file);
    return worker;
}

void first_answer(uint16_t port, const char *request)
{
    const struct timespec moment = {.tv_nsec = 20000};
    char answer[8192];
    uint64_t until = bench_clock() + UINT64_C(10000000000);
    int fd = load_connect(port);
    for (; fd < 0 && bench_clock() < until; fd = load_connect(port))
        nanosleep(&moment, NULL);
    require(fd >= 0, "nobody listens");
    if (load_exchange(fd, request, strlen(request), answer, sizeof(answer)) == 0 ||
        strncmp(answer, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "no good answer:\n%s\n", answer);
        exit(1);
    }
    close(fd);
}
