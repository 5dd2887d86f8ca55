/*
 * Which lines a filter pattern matches. The examples are those of CloudWatch Logs' documentation:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct example {
    const char *pattern;
    const char *line;
    bool matches;
} example;

static void check(const example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lambda_log_filter *filter;
        if (lambda_log_filter_new(examples[i].pattern, NULL, &filter) != LAMBDA_OK)
            fail_msg("%s: %s", examples[i].pattern, lambda_error_message(NULL));
        /* Without a NUL after it, so that the sanitizer sees what is read beyond. */
        size_t length = strlen(examples[i].line);
        char *line = malloc(length + (length == 0));
        assert_non_null(line);
        memcpy(line, examples[i].line, length);
        bool matches = lambda_log_filter_matches(filter, line, length);
        free(line);
        lambda_log_filter_free(filter);
        if (matches != examples[i].matches)
            fail_msg("%s %s %s", examples[i].pattern, matches ? "matches" : "does not match", examples[i].line);
    }
}

#define CHECK(examples) check(examples, sizeof(examples) / sizeof((examples)[0]))

#define ERROR_400 "[ERROR 400] BAD REQUEST"
#define ERROR_401 "[ERROR 401] UNAUTHORIZED REQUEST"
#define ERROR_419 "[ERROR 419] MISSING ARGUMENTS"
#define ERROR_420 "[ERROR 420] INVALID ARGUMENTS"
#define ERROR_500 "[ERROR 500] INTERNAL SERVER ERROR"

static void terms(void **state)
{
    (void)state;
    static const example examples[] = {
        {"", "anything", true},
        {"", "", true},
        {" ", "anything", true},
        {"\" \"", "anything", true},
        {"\"\"", "", true},
        {"ERROR", ERROR_400, true},
        {"ERROR", ERROR_420, true},
        {"ERROR", "[error 400]", false},
        {"ERROR", "Exiting with ERRORCODE: -1", true},
        {"ERROR ARGUMENTS", ERROR_419, true},
        {"ERROR ARGUMENTS", ERROR_420, true},
        {"ERROR ARGUMENTS", ERROR_400, false},
        {"ERROR ARGUMENTS", ERROR_401, false},
        {"?ERROR ?ARGUMENTS", ERROR_400, true},
        {"?ERROR ?ARGUMENTS", "MISSING ARGUMENTS", true},
        {"?ERROR ?ARGUMENTS", "[INFO] REQUEST FAILED", false},
        {"?ERROR ?ARGUMENTS REQUEST", "[INFO] REQUEST FAILED", true},
        {"?ERROR ?ARGUMENTS REQUEST", "[WARN] UNAUTHORIZED REQUEST", true},
        {"?ERROR ?ARGUMENTS REQUEST", "[ERROR] 400", false},
        {"?ERROR -ARGUMENTS", "[INFO] REQUEST FAILED", true},
        {"?ERROR -ARGUMENTS", ERROR_419, false},
        {"\"INTERNAL SERVER ERROR\"", ERROR_500, true},
        {"\"INTERNAL SERVER ERROR\"", "INTERNAL ERROR of a SERVER", false},
        {"ERROR -ARGUMENTS", ERROR_400, true},
        {"ERROR -ARGUMENTS", ERROR_419, false},
        {"-ERROR", "all is well", true},
        {"-ERROR", ERROR_400, false},
        {"\"ERROR\" - \"Exiting\"", "[ERROR] A fatal exception has occurred", true},
        {"\"ERROR\" - \"Exiting\"", "Exiting with ERRORCODE: -1", false},
        {"-\"BAD REQUEST\"", ERROR_400, false},
        {"?\"BAD REQUEST\" ?\"INVALID ARG\"", ERROR_420, true},
        {"?ERROR ?WARN", "WARN message", true},
        {"ERROR WARN", "ERROR message", false},
        {"ERROR -WARN", "ERROR WARN message", false},
        {"\"a \\\"b\\\" \\\\ c\\d\"", "<a \"b\" \\ c\\d>", true},
        {"\"a \\\"b\\\"\"", "a b", false},
        {"größe", "die größe", true},
        {"ab", "a", false},
        {"ERROR %4\\d\\d%", ERROR_400, true},
        {"ERROR %4\\d\\d%", ERROR_500, false},
        {"ERROR -%4\\d\\d%", ERROR_500, true},
        {"ERROR -%4\\d\\d%", ERROR_400, false},
        {"?%4\\d\\d% ?INTERNAL", ERROR_500, true},
    };
    CHECK(examples);
}

static void regular_expressions(void **state)
{
    (void)state;
    static const example examples[] = {
        {"%AUTHORIZED%", ERROR_401, true},
        {"%AUTHORIZED%", "[SUCCESS 200] AUTHORIZED REQUEST", true},
        {"%AUTHORIZED%", ERROR_400, false},
        {"%^[hc]at%", "hat", true},
        {"%^[hc]at%", "cat food", true},
        {"%^[hc]at%", "a hat", false},
        {"%[hc]at$%", "a cat", true},
        {"%[hc]at$%", "cats", false},
        {"%colou?r%", "color", true},
        {"%colou?r%", "colour", true},
        {"%colou?r%", "colouur", false},
        {"%[abc]%", "xxb", true},
        {"%[abc]%", "xyz", false},
        {"%[abcx-z]%", "y", true},
        {"%[abcx-z]%", "w", false},
        {"%^a{3,5}$%", "aa", false},
        {"%^a{3,5}$%", "aaa", true},
        {"%^a{3,5}$%", "aaaaa", true},
        {"%^a{3,5}$%", "aaaaaa", false},
        {"%^a{,2}$%", "", true},
        {"%^a{,2}$%", "aaa", false},
        {"%^a{2,}$%", "a", false},
        {"%^a{2,}$%", "aaaaaaaa", true},
        {"%^a{0,}b$%", "b", true},
        {"%^a{0}b$%", "ab", false},
        {"%gra|ey%", "gray", true},
        {"%gra|ey%", "grey", true},
        {"%gra|ey%", "green", false},
        {"%^starting|^initializing|^shutting down%", "starting ...", true},
        {"%^starting|^initializing|^shutting down%", "initializing ...", true},
        {"%^starting|^initializing|^shutting down%", "shutting down", true},
        {"%^starting|^initializing|^shutting down%", "skipping initializing ...", false},
        {"%abcc|ab[^c]$%", "abcc ...", true},
        {"%abcc|ab[^c]$%", "... aba", true},
        {"%abcc|ab[^c]$%", "aac ...", false},
        {"%\\[.\\]%", "[a]", true},
        {"%\\[.\\]%", "[]]", true},
        {"%\\[.\\]%", "[ ]", true},
        {"%\\[.\\]%", "[]", false},
        {"%10\\.10\\.0\\.1%", "from 10.10.0.1", true},
        {"%10\\.10\\.0\\.1%", "10010,051", false},
        {"%10.10.0.1%", "10010,051", true},
        {"%^ab*c$%", "ac", true},
        {"%^ab*c$%", "abbbc", true},
        {"%^ab*c$%", "adc", false},
        {"%^ab[0-9]*$%", "ab129", true},
        {"%ab+c%", "abbc", true},
        {"%ab+c%", "ac", false},
        {"%.at%", "#at", true},
        {"%.at%", " at", true},
        {"%.at%", "at", false},
        {"%^\\d+$%", "0123456789", true},
        {"%\\D%", "0123456789", false},
        {"%\\s%", "a\tb", true},
        {"%\\S%", " \t\n", false},
        {"%^\\w+$%", "aZ_9", true},
        {"%\\W%", "aZ_9", false},
        {"%\\x3A%", "a:b", true},
        {"%\\x28\\d\\x29%", "(7)", true},
        {"%^[\\w-]+$%", "a-b", true},
        {"%^[^\\d]$%", "7", false},
        {"%^[a\\]b]+$%", "a]b", true},
        {"%^.{3}$%", "a\xC3\xA9z", true},        /* a character of two bytes is one */
        {"%^.{3}$%", "\xE2\x82\xAC\xFF.", true}, /* and a byte that is none of UTF-8 */
        {"%^[^a]$%", "\xF0\x9F\x98\x80", true},
        {"%\\W%", "\xC3\xA9", true},
        {"%^$%", "", true},
        {"%^$%", "a", false},
        {"%$%", "a", true},
        {"%^%", "", true},
        {"%a?b?c?d$%", "ad", true},
        {"%^a?b?c?$%", "ac", true},
        {"%^a?b?c?$%", "ca", false},
    };
    CHECK(examples);
}

/** Optional and repeated states over the borders of the machine's words. */
static void long_expressions(void **state)
{
    (void)state;
    char line[301];
    memset(line, 'a', 300);
    line[300] = '\0';
    static const example examples[] = {
        {"%^a{200}$%", "", false},
        {"%^a{,290}$%", "", false},
        {"%^a{300}$%", "", true},
        {"%^a{,300}$%", "", true},
        {"%^a{10,301}b?$%", "", true},
        {"%^b{,500}a{300}$%", "", true},
        {"%^a{301,}$%", "", false},
        {"%^a{63}a?a{,300}$%", "", true},
        {"%^c{,127}d{,127}e{,65}a+$%", "", true},
        {"%a{64}b|b{64}|a{299}a$%", "", true},
    };
    example filled[sizeof(examples) / sizeof(examples[0])];
    for (size_t i = 0; i < sizeof(filled) / sizeof(filled[0]); i++)
        filled[i] = (example){examples[i].pattern, line, examples[i].matches};
    CHECK(filled);
}

#define TRAIL                                                                                                          \
    "{\"eventType\": \"UpdateTrail\", \"sourceIPAddress\": \"111.111.111.111\", \"arrayKey\": [\"value\", "            \
    "\"another value\"], \"objectList\": [{\"name\": \"a\", \"id\": 1}, {\"name\": \"b\", \"id\": 2}], "               \
    "\"SomeObject\": null, \"ThisFlag\": true, \"cluster.name\": \"c\"}"

#define USERS                                                                                                          \
    "{\"user\": {\"id\": 1, \"email\": \"John.Stiles@example.com\"}, \"users\": [{\"id\": 2, \"email\": "              \
    "\"John.Doe@example.com\"}, {\"id\": 3, \"email\": \"Jane.Doe@example.com\"}], \"actions\": [\"GET\", \"PUT\", "   \
    "\"DELETE\"], \"coordinates\": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]}"

static void json(void **state)
{
    (void)state;
    static const example examples[] = {
        {"{ $.eventType = \"UpdateTrail\" }", TRAIL, true},
        {"{$.eventType=UpdateTrail}", TRAIL, true},
        {"{ $.eventType = \"updateTrail\" }", TRAIL, false},
        {"{ $.sourceIPAddress != 123.123.* }", TRAIL, true},
        {"{ $.sourceIPAddress != 111.111.* }", TRAIL, false},
        {"{ $.arrayKey[0] = \"value\" }", TRAIL, true},
        {"{ $.arrayKey[1] = \"value\" }", TRAIL, false},
        {"{ $.arrayKey[2] = * }", TRAIL, false},
        {"{ $.eventType = %Trail% }", TRAIL, true},
        {"{ $.eventType != %Trail% }", TRAIL, false},
        {"{ $.arrayKey[*] = %val.{2}% }", TRAIL, true},
        {"{ $.* = %111\\.111\\.111\\.1[0-9]{1,2}% }", TRAIL, true},
        {"{ $.['cluster.name'] = \"c\" }", TRAIL, true},
        {"{ $['cluster.name'] = \"c\" }", TRAIL, true},
        {"{ $[\"cluster.name\"] = \"d\" }", TRAIL, false},
        {"{ $.SomeObject IS NULL }", TRAIL, true},
        {"{ $.eventType IS NULL }", TRAIL, false},
        {"{ $.SomeOtherObject IS NULL }", TRAIL, false},
        {"{ $.SomeOtherObject NOT EXISTS }", TRAIL, true},
        {"{ $.SomeObject NOT EXISTS }", TRAIL, false},
        {"{ $.ThisFlag IS TRUE }", TRAIL, true},
        {"{ $.ThisFlag IS FALSE }", TRAIL, false},
        {"{ $.objectList[1].id = 2 }", TRAIL, true},
        {"{ $.objectList[*].id = 2 }", TRAIL, true},
        {"{ $.objectList[*].id = 3 }", TRAIL, false},
        {"{ $.objectList[*].id != 2 }", TRAIL, true},
        {"{ $.objectList[*].none NOT EXISTS }", TRAIL, true},
        {"{ $.objectList[*].id NOT EXISTS }", TRAIL, false},
        {"{ ($.user.id = 1) && ($.users[0].email = \"John.Doe@example.com\") }", USERS, true},
        {"{ ($.user.id = 2 && $.users[0].email = \"nonmatch\") || $.actions[2] = \"GET\" }", USERS, false},
        {"{ $.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }",
         USERS, true},
        {"{ ($.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }",
         USERS, false},
        {"{ $.coordinates[2][0] >= 7 }", USERS, true},
        {"{ $.users = 1 }", "{\"users\": [1, 2, 3]}", false},
        {"{ $.users != 1 }", "{\"users\": [1, 2, 3]}", false},
        {"{ $.missing != 1 }", "{\"users\": 1}", false},
        {"{ $.foo = bar || $.foo = baz }", "{\"foo\": \"baz\"}", true},
        {"{ $.latency = * }", "{\"latency\": 12}", true},
        {"{ $.latency = * }", "{}", false},
        {"{ $.a = 1 }", "a = 1", false},
        {"{ $.a = 1 }", "{\"a\": 1} and more", false},
        {"{ $.a = 1 }", "", false},
        {"{ $.a = 1 }", " {\"a\": 1}\n", true},
        {"{ $[1] = 2 }", "[1, 2]", true},
        {"{ $.a-b_c = 2 }", "{\"a-b_c\": 2}", true},
    };
    CHECK(examples);
}

static void json_values(void **state)
{
    (void)state;
    static const example examples[] = {
        {"{ $.latency >= 500 }", "{\"latency\": 500}", true},
        {"{ $.bandwidth > 75 }", "{\"bandwidth\": 75}", false},
        {"{ $.bandwidth > 75 }", "{\"bandwidth\": 75.5}", true},
        {"{ $.latency < 50 }", "{\"latency\": 49}", true},
        {"{ $.responseTime <= 5 }", "{\"responseTime\": 5.0}", true},
        {"{ $.responseTime <= 5 }", "{\"responseTime\": 5.1}", false},
        {"{ $.errorCode = 400}", "{\"errorCode\": 400.0}", true},
        {"{ $.errorCode = 400}", "{\"errorCode\": \"400\"}", true},
        {"{ $.errorCode != 500 }", "{\"errorCode\": 400}", true},
        {"{ $.errorCode = 4* }", "{\"errorCode\": 404}", true},
        {"{ $.errorCode = 4* }", "{\"errorCode\": 504}", false},
        {"{ $.number[0] = 1e+3 }", "{\"number\": [1000]}", true},
        {"{ $.number[0] != 1e-3 }", "{\"number\": [0.001]}", false},
        {"{ $.numbers[0] < 10e3 }", "{\"numbers\": [9999.9]}", true},
        {"{ $.latency > +1000 }", "{\"latency\": 1001}", true},
        {"{ $.t < -1.5E2 }", "{\"t\": -151}", true},
        {"{ $.latency > 5 }", "{\"latency\": \"6\"}", false},
        {"{ $.a = 55.5 }", "{\"a\": 55.5}", true},
        {"{ $.a = 0.1 }", "{\"a\": 1e-1}", true},
        /* Integers of 64 bits are compared exactly, though their doubles are the same. */
        {"{ $.a = 9007199254740993 }", "{\"a\": 9007199254740992}", false},
        {"{ $.a > 9007199254740992 }", "{\"a\": 9007199254740993}", true},
        {"{ $.a > 1e20 }", "{\"a\": 200000000000000000000}", true},
        {"{ $.a = 1 }", "{\"a\": true}", false},
        {"{ $.a = true }", "{\"a\": true}", false},
        {"{ $.a = \"*Event\" }", "{\"a\": \"PutEvent\"}", true},
        {"{ $.a = \"Event*\" }", "{\"a\": \"EventId\"}", true},
        {"{ $.a = \"Event*\" }", "{\"a\": \"PutEvent\"}", false},
        {"{ $.a = \"*-*\" }", "{\"a\": \"1-2\"}", true},
        {"{ $.a = \"*-*-*\" }", "{\"a\": \"1-2\"}", false},
        {"{ $.a = \"ab*ba\" }", "{\"a\": \"aba\"}", false},
        {"{ $.a = \"ab**ba\" }", "{\"a\": \"abba\"}", true},
        {"{ $.a = \"\" }", "{\"a\": \"\"}", true},
        {"{ $.a = \"a\\\"b\" }", "{\"a\": \"a\\\"b\"}", true},
        {"{ $.a = \"a*c\" }", "{\"a\": \"a\\u0000c\"}", true},
        {"{ $.a = %^404$% }", "{\"a\": 404}", true},
        {"{ $.a = %^1\\.5$% }", "{\"a\": 1.5}", true},
    };
    CHECK(examples);
}

#define APACHE  "127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534"
#define INFO_1  "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200"
#define INFO_2  "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310"
#define WARNING "WARNING 09/25/2014 12:00:02 Invalid user request"
#define ERROR   "ERROR 09/25/2014 12:00:02 Failed to process request"

static void fields(void **state)
{
    (void)state;
    static const example examples[] = {
        {"[ip=%127\\.0\\.0\\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", APACHE,
         true},
        {"[ip=%127\\.0\\.1\\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", APACHE,
         false},
        {"[..., request =*.html*, status_code = 4*, bytes]", APACHE, true},
        {"[..., request =*.html*, status_code = 4*,]", APACHE, true},
        {"[..., request =*.html*, status_code = 5*, bytes]", APACHE, false},
        {"[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]", APACHE,
         true},
        {"[ip, user, username, timestamp, request, status_code = 4* && status_code != 404, bytes]", APACHE, false},
        {"[ip, user, username, timestamp, request, status_code, bytes > 1000]", APACHE, true},
        {"[..., bytes > 1000 && bytes < 1500]", APACHE, false},
        {"[..., bytes >= 1534.0 && (bytes <= 1.534e3 || bytes = none)]", APACHE, true},
        {"[ip, user, ..., status_code = 404, bytes]", APACHE, true},
        {"[ip, user = Prod, ...]", APACHE, true},
        {"[ip, user = prod, ...]", APACHE, false},
        {"[ip, user, username, timestamp=\"10/Oct/2000:13:25:15 -0700\", ...]", APACHE, true},
        {"[,,, timestamp = %^10/Oct%, ...]", APACHE, true},
        {"[w1=ERROR, w2]", ERROR, true},
        {"[w1=ERROR, w2]", WARNING, false},
        {"[w1=ERROR, w2]", INFO_1, false},
        {"[w1=ERROR]", ERROR, false},
        {"[w1=ERROR || w1=WARNING, w2]", ERROR, true},
        {"[w1=ERROR || w1=WARNING, w2]", WARNING, true},
        {"[w1=ERROR || w1=WARNING, w2]", INFO_2, false},
        {"[w1!=ERROR && w1!=WARNING, w2]", INFO_1, true},
        {"[w1!=ERROR && w1!=WARNING, w2]", ERROR, false},
        {"[w1!=ERROR && w1!=WARNING, w2]", WARNING, false},
        {"[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", INFO_1, true},
        {"[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]", INFO_2, false},
        {"[logLevel, date, time, method, url=%/service/resource/[0-9]+/part/[0-9]+$%, response_time]", INFO_2, true},
        {"[logLevel, date, time, method, url=%/service/resource/[0-9]+/part/[0-9]+$%, response_time]", INFO_1, false},
        /* The last takes what is left, and there must be something. */
        {"[level, message=\"* user request\"]", WARNING, true},
        {"[a, b, c]", "1 2", false},
        {"[a, b]", "1", false},
        {"[a, b]", "1  ", false},
        {"[a]", "", false},
        {"[a, ..., b]", "1 2", true},
        {"[a, ..., b]", "1", false},
        {"[a, ...]", "1", true},
        {"[...]", "", true},
        {"[timestamp=*Z, request_id=\"*-*\", event]", "2024-05-01T00:00:00Z\tb9180f2-1\tINFO\thello", true},
        /* What brackets and quotes hold, and what only looks like it. */
        {"[a=\"b c\"]", " \"b c\"\n", true},
        {"[a=\"[b] c\"]", "[b] c", true},
        {"[a=\"[b]:\", c]", "[b]: c", true},
        {"[a=\"[b\", c]", "[b c", true},
        {"[a=\"\", c=\"x\"]", "[] x", true},
        {"[x, a=\"\\\"b\", c]", "] \"b c", true},
        {"[status > 5, x]", "six x", false},
        {"[user!=-, x]", "- x", false},
    };
    CHECK(examples);
}

static bool match(const char *pattern, const char *line, size_t length)
{
    lambda_log_filter *filter;
    assert_int_equal(lambda_log_filter_new(pattern, NULL, &filter), LAMBDA_OK);
    bool matches = lambda_log_filter_matches(filter, line, length);
    lambda_log_filter_free(filter);
    return matches;
}

static void lines_hold_anything(void **state)
{
    (void)state;
    assert_true(match("b", "a\0b", 3));
    assert_false(match("b", "a\0b", 2));
    assert_true(match("%^a\\x00b$%", "a\0b", 3));
    assert_true(match("[x=%a.b%, y=c]", "a\0b c", 5));
    assert_false(match("a", NULL, 0));
    assert_true(match("-a", NULL, 0));
    assert_false(match("{ $.a = 1 }", NULL, 0));
    assert_false(match("[a]", NULL, 0));
    assert_true(match("%^$%", NULL, 0));
    assert_true(lambda_log_filter_matches(NULL, "a", 1));
    lambda_log_filter_free(NULL);
    /* A line of JSON is only read up to a length. */
    size_t length = LAMBDA_LOG_FILTER_JSON_MAX;
    char *line = malloc(length + 1);
    assert_non_null(line);
    memset(line, ' ', length + 1);
    memcpy(line, "{\"a\":1}", 7);
    assert_true(match("{ $.a = 1 }", line, length));
    assert_false(match("{ $.a = 1 }", line, length + 1));
    free(line);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "a ?b -\"c d\" %e{600}f+%",
        "{ ($.a['b'] = \"c*\" && $.d[0] > 5) || $.e = %f{600}|g% || $.h NOT EXISTS }",
        "[a = b || a = %c{600}%, ..., d, e > 5]",
    };
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        bool succeeded = false;
        for (long nth = 1; !succeeded; nth++) {
            assert_true(nth < 20);
            test_memory memory = {.fail_at = nth};
            lambda_allocator allocator = test_allocator(&memory);
            lambda_log_filter *filter = (lambda_log_filter *)&memory;
            lambda_status status = lambda_log_filter_new(patterns[i], &allocator, &filter);
            succeeded = memory.requests < nth;
            assert_int_equal(status, succeeded ? LAMBDA_OK : LAMBDA_ERROR_OUT_OF_MEMORY);
            assert_int_equal(filter != NULL, succeeded);
            /* It takes more than one allocation: a later one fails too. */
            if (succeeded) assert_true(nth > 3);
            lambda_log_filter_free(filter);
            assert_int_equal(memory.live, 0);
        }
    }
    /* What was read before a mistake is freed. */
    test_memory memory = {0};
    lambda_allocator allocator = test_allocator(&memory);
    lambda_log_filter *filter;
    assert_int_equal(lambda_log_filter_new("[a = %c{600}%, b = !]", &allocator, &filter),
                     LAMBDA_ERROR_INVALID_PARAMETER_VALUE);
    assert_null(filter);
    assert_int_equal(memory.live, 0);
}

#define THREADS 4
#define ROUNDS  300

typedef struct shared_filters {
    pthread_barrier_t barrier;
    lambda_log_filter *filters[3];
    _Atomic int wrong;
} shared_filters;

static void *use(void *user)
{
    shared_filters *shared = user;
    static const char yes[] = "{\"level\":\"ERROR\",\"code\":502}", no[] = "{\"level\":\"INFO\",\"code\":200}";
    pthread_barrier_wait(&shared->barrier);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < 3; i++)
            if (!lambda_log_filter_matches(shared->filters[i], yes, strlen(yes)) ||
                lambda_log_filter_matches(shared->filters[i], no, strlen(no)))
                shared->wrong++;
    return NULL;
}

static void threads_share_a_filter(void **state)
{
    (void)state;
    shared_filters shared = {.wrong = 0};
    static const char *const patterns[] = {"ERROR -DEBUG %50\\d%", "{ $.level = \"ERR*\" && $.code >= 500 }",
                                           "[line = *ERROR*]"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(lambda_log_filter_new(patterns[i], NULL, &shared.filters[i]), LAMBDA_OK);
    pthread_t threads[THREADS];
    pthread_barrier_init(&shared.barrier, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, &shared), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&shared.barrier);
    for (size_t i = 0; i < 3; i++)
        lambda_log_filter_free(shared.filters[i]);
    assert_int_equal(shared.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms),
        cmocka_unit_test(regular_expressions),
        cmocka_unit_test(long_expressions),
        cmocka_unit_test(json),
        cmocka_unit_test(json_values),
        cmocka_unit_test(fields),
        cmocka_unit_test(lines_hold_anything),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(threads_share_a_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
