/*
 * Lines of destinations: any bytes as a line, as the body of a dead letter, and as the payload in a record. What was read once is
 * written and read again and is the same; what was written comes back byte for byte.
 */
#include "fuzz.h"

#include "destination/line.h"
#include "destination/record.h"
#include "service.h"

static void expect(bool truth)
{
    if (!truth) abort();
}

static bool same_bytes(lambda_bytes one, lambda_bytes two)
{
    return one.length == two.length && (one.length == 0 || memcmp(one.data, two.data, one.length) == 0);
}

static bool same_id(lambda_request_id one, lambda_request_id two)
{
    return one.high == two.high && one.low == two.low;
}

/** Writes a delivery and reads it back into `line`; what was written stays in `text`. */
static void write_and_read(lambda__base *base, const lambda_delivery *delivery, lambda__buffer *text,
                           lambda__line *line)
{
    expect(lambda__line_render(base, delivery, text));
    expect(!memchr(text->data, '\n', text->length));
    expect(lambda__line_parse(base, lambda_bytes_make(text->data, text->length), line) == LAMBDA__LINE_DELIVERY);
    expect(line->delivery.kind == delivery->kind);
    expect(same_id(line->delivery.request_id, delivery->request_id));
    expect(strcmp(line->delivery.function_arn, delivery->function_arn) == 0);
}

static void read_line(lambda_t *lambda, lambda_bytes bytes)
{
    lambda__base *base = &lambda->base;
    lambda__line line = {0};
    lambda__line again = {0};
    lambda__buffer text = {0};
    lambda__buffer payload = {0};
    lambda__buffer arn = {0};
    if (lambda__line_parse(base, bytes, &line) == LAMBDA__LINE_DELIVERY) {
        write_and_read(base, &line.delivery, &text, &again);
        if (line.delivery.kind == LAMBDA_DELIVERY_DEAD_LETTER) {
            expect(same_bytes(again.delivery.body, line.delivery.body));
            expect(strcmp(again.delivery.error_code, line.delivery.error_code) == 0);
            expect(strcmp(again.delivery.error_message, line.delivery.error_message) == 0);
        } else {
            lambda__record_request(lambda, line.delivery.body, &payload, &arn);
        }
    }
    lambda__line_clear(base, &line);
    lambda__line_clear(base, &again);
    lambda__buffer_clear(base, &text);
    lambda__buffer_clear(base, &payload);
    lambda__buffer_clear(base, &arn);
}

static void write_dead_letter(lambda_t *lambda, lambda_bytes bytes)
{
    lambda__line line = {0};
    lambda__buffer text = {0};
    const lambda_delivery delivery = {
        .kind = LAMBDA_DELIVERY_DEAD_LETTER, .request_id = {1, 2}, .function_arn = "f", .body = bytes};
    write_and_read(&lambda->base, &delivery, &text, &line);
    expect(same_bytes(line.delivery.body, bytes));
    lambda__line_clear(&lambda->base, &line);
    lambda__buffer_clear(&lambda->base, &text);
}

static void write_record(lambda_t *lambda, lambda_bytes bytes)
{
    lambda__base *base = &lambda->base;
    lambda__line line = {0};
    lambda__buffer text = {0};
    lambda__buffer body = {0};
    lambda__buffer payload = {0};
    const lambda__record record = {.request_id = {1, 2},
                                   .function_arn = "f",
                                   .condition = "Success",
                                   .request = bytes,
                                   .ran = true,
                                   .executed_version = "1",
                                   .response = bytes};
    expect(lambda__record_render(base, &record, &body));
    const lambda_delivery delivery = {.kind = LAMBDA_DELIVERY_ON_FAILURE,
                                      .request_id = {1, 2},
                                      .function_arn = "f",
                                      .body = {body.data, body.length}};
    expect(lambda__record_request(lambda, delivery.body, &payload, NULL) == LAMBDA_OK);
    expect(same_bytes(lambda_bytes_make(payload.data, payload.length), bytes));
    write_and_read(base, &delivery, &text, &line);
    payload.length = 0;
    expect(lambda__record_request(lambda, line.delivery.body, &payload, NULL) == LAMBDA_OK);
    expect(payload.length == bytes.length); /* a line end in JSON has become a space */
    lambda__line_clear(base, &line);
    lambda__buffer_clear(base, &text);
    lambda__buffer_clear(base, &body);
    lambda__buffer_clear(base, &payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lambda_t *lambda = fuzz_service();
    const lambda_bytes bytes = lambda_bytes_make(data, size);
    read_line(lambda, bytes);
    write_dead_letter(lambda, bytes);
    write_record(lambda, bytes);
    return 0;
}
