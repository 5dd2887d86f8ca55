/* What tests run in sandboxes: `child VERB [ARGUMENT...]`, verbs below. "ready" is written once it is as the verb says. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void say(const char *text)
{
    if (write(1, text, strlen(text)) < 0) _exit(99);
}

_Noreturn static void stay(void)
{
    for (;;)
        pause();
}

/** A line of /proc/self/status. */
static void print_status(const char *name)
{
    char line[512];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) printf("%s", line);
    if (file) fclose(file);
}

static int identity(int count, char **arguments)
{
    char host[64] = "";
    (void)count;
    (void)arguments;
    gethostname(host, sizeof host - 1);
    printf("uid %d gid %d groups %d host %s\n", (int)getuid(), (int)getgid(), getgroups(0, NULL), host);
    print_status("CapEff");
    print_status("CapPrm");
    print_status("CapBnd");
    print_status("NoNewPrivs");
    print_status("SigBlk");
    print_status("SigIgn");
    printf("sid %d pid %d\n", getsid(0) == getpid(), getpid() > 1);
    return 0;
}

/** Descriptors that it has been given. */
static int descriptors(int count, char **arguments)
{
    char byte;
    (void)count;
    (void)arguments;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
    printf("\nstdin %zd\n", read(0, &byte, 1));
    return 0;
}

static int environment(int count, char **arguments)
{
    char directory[256];
    (void)count;
    for (char **each = environ; *each; each++)
        printf("%s\n", *each);
    for (char **each = arguments; *each; each++)
        printf("argument %s\n", *each);
    printf("cwd %s\n", getcwd(directory, sizeof directory));
    return 0;
}

/** Each path: whether it can be read, and written. */
static int look_at(int count, char **arguments)
{
    (void)count;
    for (char **each = arguments; *each; each++) {
        struct stat what;
        bool there = stat(*each, &what) == 0;
        printf("%s %s", *each, there ? "there" : "absent");
        if (there && S_ISREG(what.st_mode)) {
            char text[128] = "";
            int fd = open(*each, O_RDONLY);
            ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
            text[length > 0 ? length : 0] = 0;
            text[strcspn(text, "\n")] = 0;
            printf(" %s", length < 0 ? strerror(errno) : text);
        }
        if (there && S_ISDIR(what.st_mode)) {
            char path[512];
            snprintf(path, sizeof path, "%s/made", *each);
            int fd = open(path, O_WRONLY | O_CREAT, 0600);
            printf(" %s", fd >= 0 ? "writable" : strerror(errno));
            if (fd >= 0) unlink(path);
        }
        printf("\n");
    }
    return 0;
}

/** Writes so many MB to a file. */
static int fill(int count, char **arguments)
{
    static char block[1 << 20];
    long most = count > 1 ? atol(arguments[1]) : 0;
    long done = 0;
    memset(block, 'x', sizeof block);
    int fd = open(arguments[0], O_WRONLY | O_CREAT, 0600);
    while (done < most && write(fd, block, sizeof block) == (ssize_t)sizeof block)
        done++;
    printf("wrote %ld %s\n", done, done < most ? strerror(errno) : "all");
    fflush(stdout);
    if (count > 2) stay();
    return 0;
}

/** Has so many MB of memory, and keeps them; with "shared", memory that children would have too. */
static int allocate(int count, char **arguments)
{
    size_t bytes = (size_t)atol(arguments[0]) << 20;
    int kind = count > 1 && strcmp(arguments[1], "shared") == 0 ? MAP_SHARED : MAP_PRIVATE;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        say("no memory\n");
        return 3;
    }
    for (size_t i = 0; i < bytes; i += 4096)
        memory[i] = 1;
    say("ready\n");
    stay();
    return 0;
}

/** Leaves a child that is in a session of its own and whose parent is gone. `ignore`: it ignores SIGTERM. */
static void orphan(bool ignore)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            if (ignore) signal(SIGTERM, SIG_IGN);
            say("orphan\n");
            stay();
        }
        _exit(0);
    }
    wait(NULL);
}

static int leave(int count, char **arguments)
{
    int children = count > 0 ? atoi(arguments[0]) : 1;
    for (int i = 0; i < children; i++)
        orphan(true);
    if (count > 1) {
        say("ready\n");
        stay();
    }
    return 0;
}

static int stop(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    pid_t pid = fork();
    if (pid == 0) stay();
    kill(pid, SIGSTOP);
    say("ready\n");
    stay();
}

/** As many processes as it gets, each making more. */
static int bomb(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    for (int i = 0; i < 5000; i++) {
        pid_t pid = fork();
        if (pid < 0) {
            say("full\n");
            stay();
        }
        if (pid == 0 && i % 2) i = 0;
        if (pid == 0) continue;
    }
    stay();
}

static int ignore(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    signal(SIGTERM, SIG_IGN);
    say("ready\n");
    stay();
}

static void terminated(int signal)
{
    (void)signal;
    say("terminated\n");
    _exit(7);
}

static int wait_for_term(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    signal(SIGTERM, terminated);
    say("ready\n");
    stay();
}

/** Counts aloud as fast as its reader reads. */
static int tick(int count, char **arguments)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    (void)count;
    (void)arguments;
    for (;;) {
        say("tick\n");
        nanosleep(&moment, NULL);
    }
    return 0;
}

/** Processor time against time, over so many ms: "share 0.07". */
static int spin(int count, char **arguments)
{
    struct timespec begin, now, used, used_first;
    double wanted = count > 0 ? atof(arguments[0]) / 1000 : 1;
    double passed;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used_first);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        passed = (double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9;
    } while (passed < wanted);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    double share =
        ((double)(used.tv_sec - used_first.tv_sec) + (double)(used.tv_nsec - used_first.tv_nsec) / 1e9) / passed;
    printf("share %.3f\n", share);
    return 0;
}

/** What it must not be able to do to process 1 and to what is around it. */
static int attack(int count, char **arguments)
{
    char path[64];
    char link[256];
    (void)count;
    (void)arguments;
    printf("trace %s\n", ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0 ? "done" : strerror(errno));
    snprintf(path, sizeof path, "/proc/1/fd/3");
    printf("descriptors %s\n", readlink(path, link, sizeof link) >= 0 ? "seen" : strerror(errno));
    printf("kill %s\n", kill(1, SIGKILL) == 0 ? "sent" : strerror(errno));
    printf("chroot %s\n", chroot("/tmp") == 0 ? "done" : strerror(errno));
    printf("setuid %s\n", setuid(0) == 0 ? "done" : strerror(errno));
    printf("hostname %s\n", sethostname("x", 1) == 0 ? "done" : strerror(errno));
    printf("survived\n");
    return 0;
}

/** Asks a port of loopback for the next event, and says what comes: "got ..." or "closed". */
static int ask(int count, char **arguments)
{
    static const char request[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n\r\n";
    char answer[4096];
    ssize_t length = 0;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    name.sin_port = htons((uint16_t)(count > 0 ? atoi(arguments[0]) : 0));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        printf("no connection: %s\n", strerror(errno));
        return 1;
    }
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0) length = recv(fd, answer, sizeof answer - 1, 0);
    answer[length > 0 ? length : 0] = 0;
    printf("%s %s\n", length > 0 ? "got" : "closed", answer);
    return 0;
}

static int quit(int count, char **arguments)
{
    return count > 0 ? atoi(arguments[0]) : 0;
}

static int crash(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    raise(SIGSEGV);
    return 0;
}

static int close_output(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    say("ready\n");
    close(1);
    close(2);
    stay();
}

static const struct {
    const char *name;
    int (*run)(int count, char **arguments);
} verbs[] = {{"identity", identity},
             {"descriptors", descriptors},
             {"environment", environment},
             {"look", look_at},
             {"fill", fill},
             {"allocate", allocate},
             {"leave", leave},
             {"stop", stop},
             {"bomb", bomb},
             {"ignore", ignore},
             {"term", wait_for_term},
             {"tick", tick},
             {"spin", spin},
             {"attack", attack},
             {"ask", ask},
             {"exit", quit},
             {"crash", crash},
             {"close", close_output}};

int main(int count, char **arguments)
{
    for (size_t i = 0; count > 1 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, arguments[1]) == 0) return verbs[i].run(count - 2, arguments + 2);
    fprintf(stderr, "no verb\n");
    return 64;
}
