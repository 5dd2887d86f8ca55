/* Messages of the queue of events: any bytes are refused, or taken apart within their bounds and made of the same parts again. */
#include "fuzz.h"

#include "async/message.h"

static void require(bool holds)
{
    if (!holds) abort();
}

/** Reads all of a part, so that one that stands outside is found. */
static unsigned touch(lambda_bytes part, const char *body, size_t size)
{
    unsigned sum = 0;
    const unsigned char *bytes = part.data;
    if (part.length == 0) return 0;
    require((const char *)part.data >= body && part.length <= (size_t)(body + size - (const char *)part.data));
    for (size_t i = 0; i < part.length; i++)
        sum += bytes[i];
    return sum;
}

static void check(lambda__event_message *message, const char *body, size_t size)
{
    char text[LAMBDA__MESSAGE_NAME_SIZE];
    unsigned sum = 0;
    const lambda__name *name = &message->name;
    lambda__message_name(message, text);
    require(memcmp(text, name->function, name->function_length) == 0);
    require(!name->qualifier || text[name->function_length] == ':');
    lambda_request_id id = lambda__message_id(lambda_bytes_make(body, size));
    require(memcmp(&id, &message->head.request_id, sizeof(id)) == 0);
    sum +=
        touch(lambda_bytes_make(message->lineage, message->head.lineage_count * sizeof(*message->lineage)), body, size);
    sum += touch(message->client_context, body, size);
    sum += touch(message->payload, body, size);
    if (message->trace_id) sum += (unsigned)strlen(message->trace_id);
    if (message->head.delivery) {
        sum += touch(message->executed_version, body, size);
        for (int i = 0; i < LAMBDA__TARGETS; i++)
            sum += touch(message->targets[i], body, size);
        sum += touch(message->error, body, size);
        sum += touch(message->answer, body, size);
    }
    volatile unsigned seen = sum;
    (void)seen;
}

/** Made of its parts again it is the same, unless its trace header has a NUL within. */
static void rebuild(lambda__event_message *message, const char *body, size_t size)
{
    lambda_bytes parts[LAMBDA__MESSAGE_PARTS];
    if (message->trace_id && strlen(message->trace_id) + 1 != message->head.trace_length) return;
    /* Of what is no delivery the lengths of a delivery's parts are not read. */
    size_t count = lambda__message_parts(message, parts);
    require(count <= LAMBDA__MESSAGE_PARTS);
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += parts[i].length;
    require(length == size);
    char *made = malloc(length);
    if (!made) abort();
    char *at = made;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, parts[i].data, parts[i].length);
        at += parts[i].length;
    }
    require(memcmp(made + sizeof(message->head), body + sizeof(message->head), size - sizeof(message->head)) == 0);
    lambda__event_message again;
    require(lambda__message_read(lambda_bytes_make(made, length), &again));
    require(again.head.name_length == message->head.name_length && again.payload.length == message->payload.length);
    free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of its own size: whoever reads past it is seen, and it is aligned as a queue's are. */
    char *body = malloc(size ? size : 1);
    if (!body) abort();
    if (size > 0) memcpy(body, data, size);
    lambda__event_message message = {0};
    if (lambda__message_read(lambda_bytes_make(body, size), &message)) {
        check(&message, body, size);
        rebuild(&message, body, size);
    }
    uint64_t state = 0;
    if (size > 0) memcpy(&state, data, size < sizeof(state) ? size : sizeof(state));
    lambda__tries tries = lambda__tries_unpack(state);
    lambda__tries again = lambda__tries_unpack(lambda__tries_pack(tries));
    require(memcmp(&tries, &again, sizeof(tries)) == 0);
    free(body);
    return 0;
}
