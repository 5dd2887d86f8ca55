// What tests/bindings/test_node.py has the clients for Node.js run, ours and the official one.
import { setTimeout as later } from "node:timers/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

class OrderError extends Error {
    constructor(message) {
        super(message);
        this.name = "OrderError";
    }
}

let count = 0;

export const returns = async (event) => ({ event, count: ++count });
export const nothing = async () => {};
export const context = async (_, context) => ({
    ...context,
    remaining: context.getRemainingTimeInMillis(),
    trace: process.env._X_AMZN_TRACE_ID ?? null,
});
export const rejects = async () => {
    throw new OrderError("no such order");
};
export const throws = () => {
    throw new OrderError("no such order");
};
const troubled = {
    circular: () => {
        const error = new Error("leads back");
        return Object.assign(error, { request: { error } });
    },
    getter: () => Object.defineProperty(new Error(), "message", { get: () => { throw new Error("trap"); } }),
    bare: () => Object.create(null),
};
export const throwsTroubled = async (event) => {
    throw troubled[event.kind]();
};
export const throwsText = () => {
    throw "text";
};
export const callback = (event, context, callback) => {
    setImmediate(() => callback(null, { called: event.name }));
};
export const callbackError = (event, context, callback) => callback(new OrderError("through the callback"));
let late = 0;
export const callbackWaits = (event, context, callback) => {
    callback(null, { late });
    setTimeout(() => late++, 50);
};
export const callbackGoesOn = (event, context, callback) => {
    context.callbackWaitsForEmptyEventLoop = false;
    setInterval(() => {}, 1000);
    callback(null, { waited: false });
};
export const silent = () => {};
export const circular = async () => {
    const value = {};
    value.value = value;
    return value;
};
export const logs = async () => {
    console.log("plain", { a: 1 });
    console.debug("two\nlines");
    console.warn({ answer: 42 });
    console.error(new OrderError("logged"));
    console.error("failed: %s", "it", new OrderError("logged too"));
    return null;
};
export const unhandled = async () => {
    Promise.reject(new OrderError("nobody waits"));
    await later(5000);
};
export const uncaught = async () => {
    setTimeout(() => {
        throw new OrderError("nobody catches");
    }, 1);
    await later(5000);
};
export const exits = async () => process.exit(7);
export const object = {
    greeting: "hello",
    method() {
        return Promise.resolve(this.greeting);
    },
};
export const noFunction = 3;

export const streams = awslambda.streamifyResponse(async (event, stream) => {
    stream.setContentType("text/plain");
    for (let i = 0; i < event.parts; i++) {
        stream.write(`part ${i}\n`);
        await later(event.pause ?? 1);
    }
    stream.end();
});
export const streamsPipeline = awslambda.streamifyResponse(async (event, stream) => {
    const bytes = Buffer.alloc(65536, "x");
    await pipeline(Readable.from(Array.from({ length: event.parts }, () => bytes)), stream);
});
export const streamsWithoutEnd = awslambda.streamifyResponse(async (event, stream) => {
    stream.write("all of it");
});
export const streamsHttp = awslambda.streamifyResponse(async (event, stream) => {
    const http = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "X-Shape": "square" } });
    http.write("body");
    http.end();
});
export const streamFails = awslambda.streamifyResponse(async (event, stream) => {
    stream.write("before");
    await later(20);
    throw new OrderError("in the middle");
});
export const streamRejects = awslambda.streamifyResponse(async () => {
    throw new OrderError("before the first byte");
});
export const streamUncaught = awslambda.streamifyResponse(async (event, stream) => {
    stream.write("before");
    setTimeout(() => {
        throw new OrderError("nobody catches");
    }, 20);
    await later(5000);
});
/* Writes much at once, of which most is still queued when it fails. */
async function* failingSource(parts) {
    yield* parts;
    throw new OrderError("behind the writes");
}
export const streamQueues = awslambda.streamifyResponse(async (event, stream) => {
    const error = new OrderError("behind the writes");
    const parts = Array.from({ length: event.parts }, (_, i) => Buffer.alloc(event.size, 97 + (i % 26)));
    if (event.how === "pipeline") return pipeline(failingSource(parts), stream);
    if (event.how === "cork") stream.cork();
    for (const part of parts) stream.write(part);
    if (event.how === "destroy") stream.destroy(error);
    else if (event.how === "reject") return Promise.reject(error);
    else if (event.how === "uncaught") {
        setImmediate(() => {
            throw error;
        });
    } else if (event.how === "unhandled") Promise.reject(error);
    else throw error;
    await later(event.how === "destroy" ? 0 : 5000);
});
export const streamGoesOn = awslambda.streamifyResponse(async (event, stream) => {
    stream.write("before");
    const writes = setInterval(() => stream.write("after"), 1);
    stream.on("close", () => clearInterval(writes));
    throw new OrderError("behind the writes");
});
