#include "process_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about;
    (void)kind;
    (void)walk;
    return remove(path);
}

static lambda_status write_line(void *user, const lambda_log_record *record)
{
    process_world *world = user;
    lambda_status status = world->sink.write(world->sink.user, record);
    pthread_mutex_lock(&world->mutex);
    pthread_cond_broadcast(&world->written);
    pthread_mutex_unlock(&world->mutex);
    return status;
}

void process_world_wait_log(process_world *world, const char *text)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 20;
    int late = 0;
    pthread_mutex_lock(&world->mutex);
    while (late == 0 && lambda_test_log_count(world->log, text) == 0)
        late = pthread_cond_timedwait(&world->written, &world->mutex, &end);
    pthread_mutex_unlock(&world->mutex);
    if (late != 0) fail_msg("\"%s\" does not come:\n%s", text, lambda_test_log_text(world->log));
}

void process_world_begin_service(process_world *world, const lambda_options *options)
{
    lambda_options full = options ? *options : (lambda_options){0};
    char store[96];
    snprintf(store, sizeof(store), "%s/packages", world->directory);
    snprintf(world->environments, sizeof(world->environments), "%s/environments", world->directory);
    assert_true(mkdir(world->environments, 0755) == 0 || errno == EEXIST);
    world->log = lambda_test_log_new();
    assert_non_null(world->log);
    world->sink = lambda_test_log_sink(world->log);
    assert_int_equal(pthread_mutex_init(&world->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&world->written, NULL), 0);
    full.log[0] = (lambda_log_sink){.write = write_line, .user = world, .direct = true};
    assert_ok(NULL, lambda_packages_open(&(lambda_packages_options){.directory = store}, &world->packages));
    world->lambda = test_open(&full);
    world->result = (lambda_result){0};
    assert_ok(world->lambda, lambda_process_open(world->lambda,
                                                 &(lambda_process_options){.packages = world->packages,
                                                                           .directory = world->environments},
                                                 &world->process));
}

void process_world_open(process_world *world, const lambda_options *options)
{
    *world = (process_world){.directory = "/tmp/lambda-test-process-XXXXXX"};
    assert_non_null(mkdtemp(world->directory));
    /* Functions run as another user. */
    assert_int_equal(chmod(world->directory, 0755), 0);
    snprintf(world->mark, sizeof(world->mark), "%s", world->directory + strlen("/tmp/lambda-test-process-"));
    process_world_begin_service(world, options);
}

void process_world_end_service(process_world *world)
{
    lambda_result_clear(&world->result);
    assert_int_equal(lambda_close(world->lambda), 0);
    assert_int_equal(process_world_processes(world), 0);
    lambda_packages_close(world->packages);
    lambda_test_log_free(world->log);
    pthread_cond_destroy(&world->written);
    pthread_mutex_destroy(&world->mutex);
    if (rmdir(world->environments) != 0) fail_msg("%s: %s", world->environments, strerror(errno));
}

void process_world_close(process_world *world)
{
    process_world_end_service(world);
    nftw(world->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *directory_of(const process_world *world, const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", world->directory, name);
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
    return path;
}

/** Makes the directories above a file. */
static void make_above(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
}

const char *process_world_file(process_world *world, const char *name, const char *file, const char *text,
                               bool executable)
{
    const char *directory = directory_of(world, name);
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", directory, file);
    make_above(path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, executable ? 0755 : 0644), 0);
    return directory;
}

const char *process_world_copy(process_world *world, const char *name, const char *file, const char *from)
{
    const char *directory = directory_of(world, name);
    char path[512];
    static char block[65536];
    snprintf(path, sizeof(path), "%s/%s", directory, file);
    make_above(path);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t got; (got = read(in, block, sizeof(block))) > 0;)
        assert_int_equal(write(out, block, (size_t)got), got);
    close(in);
    close(out);
    return directory;
}

const char *process_world_misbehave(process_world *world, const char *name)
{
    const char *program = getenv("TEST_PROCESS_MISBEHAVE");
    assert_non_null(program);
    return process_world_copy(world, name, "bootstrap", program);
}

void process_world_create(process_world *world, const char *name, const char *path, const lambda_function_config *more,
                          const lambda_pair *variables)
{
    lambda_function_config config = more ? *more : (lambda_function_config){0};
    lambda_pair own[6] = {{"MARK", world->mark}};
    size_t count = 1;
    for (; variables && variables->name; variables++)
        own[count++] = *variables;
    config.function_name = name;
    if (!config.code.runtime) config.code = lambda_code_package("provided.al2023", path);
    config.environment = own;
    config.environment_count = count;
    assert_ok(world->lambda, lambda_function_create(world->lambda, &config));
}

void process_world_create_misbehave(process_world *world, const char *name, const char *before, uint32_t timeout_ms)
{
    const lambda_pair variables[] = {{before ? "BEFORE" : NULL, before}, {NULL, NULL}};
    process_world_create(world, name, process_world_misbehave(world, "misbehave"),
                         &(lambda_function_config){.timeout_ms = timeout_ms}, variables);
}

void process_world_say(process_world *world, const char *name, const char *text)
{
    char event[256];
    int length = snprintf(event, sizeof(event), "\"%s\"", text);
    assert_ok(world->lambda,
              lambda_invoke(world->lambda, name, lambda_bytes_make(event, (size_t)length), &world->result));
}

void process_world_answered(const process_world *world, const char *text)
{
    if (world->result.function_error)
        fail_msg("%s: %.*s\n%s", world->result.function_error, (int)world->result.payload.length,
                 (const char *)world->result.payload.data, lambda_test_log_text(world->log));
    test_assert_payload(&world->result, text);
}

void process_world_failed(const process_world *world, const char *type, const char *message)
{
    const char *payload = world->result.payload.data;
    const char *said = "", *of = "";
    json_t *error = json_loadb(payload, world->result.payload.length, 0, NULL);
    bool parsed = error && json_unpack(error, "{s:s, s?s}", "errorType", &of, "errorMessage", &said) == 0;
    if (!world->result.function_error || !parsed || strcmp(of, type) != 0 || !strstr(said, message)) {
        fprintf(stderr, "%s\n", lambda_test_log_text(world->log));
        fail_msg("not %s, %s: %s", type, message, payload);
    }
    json_decref(error);
}

static bool has_mark(const char *pid, const char *mark)
{
    char path[300], wanted[64];
    static char text[65536];
    snprintf(path, sizeof(path), "/proc/%s/environ", pid);
    snprintf(wanted, sizeof(wanted), "MARK=%s", mark);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t length = read(file, text, sizeof(text) - 1);
    close(file);
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(text + at) + 1) {
        text[length] = '\0';
        if (strcmp(text + at, wanted) == 0) return true;
    }
    return false;
}

size_t process_world_processes(const process_world *world)
{
    size_t count = 0;
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (struct dirent *entry; (entry = readdir(processes));)
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_mark(entry->d_name, world->mark);
    closedir(processes);
    return count;
}

void process_world_wait_ended(const process_world *world)
{
    enum { MOST_MS = 20000 };
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (struct dirent *entry; (entry = readdir(processes));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        struct pollfd process = {.events = POLLIN};
        process.fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(entry->d_name, NULL, 10), 0);
        /* One whose mark is seen while it is held is the one that is held. */
        if (process.fd < 0) continue;
        if (has_mark(entry->d_name, world->mark) && poll(&process, 1, MOST_MS) != 1)
            fail_msg("process %s does not end", entry->d_name);
        close(process.fd);
    }
    closedir(processes);
}

/** utime and stime of proc(5)'s stat. */
static uint64_t processor_time_of(const char *pid)
{
    char path[300], text[1024];
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    const char *line = fgets(text, sizeof(text), file);
    fclose(file);
    const char *at = line ? strrchr(line, ')') : NULL;
    if (at) sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
    return user + system;
}

uint64_t process_world_processor_time(const process_world *world)
{
    uint64_t time = 0;
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (struct dirent *entry; (entry = readdir(processes));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_mark(entry->d_name, world->mark))
            time += processor_time_of(entry->d_name);
    closedir(processes);
    return time;
}
