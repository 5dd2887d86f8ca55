/* What functions answer: as a whole, and as a stream with a prelude in two parts. Nothing goes out that would end a header line, and where a stream is cut changes nothing. */
#include "fuzz.h"

#include "url.h"

#define TYPE "application/vnd.awslambda.http-integration-response"

static void require(bool holds)
{
    if (!holds) abort();
}

static void check(const lambda__url_answer *answer)
{
    require(answer->status >= 200 && answer->status <= 599);
    require(answer->headers_count <= LAMBDA__URL_HEADERS);
    for (size_t i = 0; i < answer->headers_count; i++) {
        require(answer->headers[i].name[0] && !strpbrk(answer->headers[i].name, "\r\n: "));
        require(!strpbrk(answer->headers[i].value, "\r\n"));
    }
}

/* Feeds it up to `cut`, then the rest; gives how much of it was the prelude. */
static size_t stream(const uint8_t *data, size_t size, size_t cut, lambda__url_prelude *prelude,
                     lambda__url_answer *answer)
{
    size_t first = 0;
    size_t second = 0;
    require(lambda__url_prelude_begin(prelude, TYPE, answer) == LAMBDA_OK);
    require(lambda__url_prelude_feed(prelude, data, cut, &first, answer) == LAMBDA_OK);
    require(first <= cut);
    if (prelude->state == LAMBDA__PRELUDE_MORE) {
        require(first == cut);
        require(lambda__url_prelude_feed(prelude, data + cut, size - cut, &second, answer) == LAMBDA_OK);
        require(second <= size - cut);
    }
    lambda__url_prelude_end(prelude, answer);
    require(prelude->state != LAMBDA__PRELUDE_MORE);
    return first + second;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lambda__url_answer one;
    static lambda__url_answer two;
    static lambda__url_prelude whole;
    static lambda__url_prelude parts;
    require(lambda__url_response(lambda_bytes_make(data, size), &one) == LAMBDA_OK);
    check(&one);
    lambda__url_answer_reset(&one);
    size_t cut = size ? data[size - 1] % (size + 1) : 0;
    size_t used = stream(data, size, size, &whole, &one);
    size_t again = stream(data, size, cut, &parts, &two);
    check(&one);
    check(&two);
    require(whole.state == parts.state && one.status == two.status && one.headers_count == two.headers_count);
    require(whole.state == LAMBDA__PRELUDE_BAD || used == again);
    lambda__url_answer_reset(&one);
    lambda__url_answer_reset(&two);
    return 0;
}
