// Runs a Lambda handler written for Node.js: speaks the Runtime API for packages that bring no runtime interface client of their own. Node 18 or newer, no dependencies.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, nodejs-handler.html, nodejs-context.html
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import util from "node:util";

const API = process.env.AWS_LAMBDA_RUNTIME_API;
const PREFIX = "/2018-06-01/runtime/";
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const STREAMING_BUFFER = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const HTTP_PRELUDE = "application/vnd.awslambda.http-integration-response";

/** The invocation that runs, or undefined. */
let current;

// ---- errors

/** An error of the runtime's own, by Lambda's type. */
class RuntimeError extends Error {
    constructor(name, message, cause) {
        super(message);
        this.name = name;
        /* A message may have several lines: of the cause's stack only where it happened. */
        this.stack = [`${name}: ${message}`, ...lines((cause ?? this).stack).filter((line) => /^\s+at /.test(line))].join("\n");
    }
}

function isError(value) {
    return util.types.isNativeError(value) || (value instanceof Object && "name" in value && "message" in value && "stack" in value);
}

/** What `look` gives, or else what `otherwise` does: an error may throw when it is read (a getter, a proxy), and its own properties may be no JSON (one that leads back to it). */
function lookAt(look, otherwise) {
    try {
        return look();
    } catch {
        return otherwise();
    }
}

function lines(stack) {
    return typeof stack === "string" ? stack.split("\n") : [];
}

/** Lambda's error object. https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html */
function describeError(error) {
    return lookAt(
        () =>
            isError(error)
                ? { errorType: String(error.name), errorMessage: String(error.message), trace: lines(error.stack) }
                : { errorType: typeof error, errorMessage: String(error), trace: [] },
        () => ({ errorType: typeof error, errorMessage: "an error that cannot be read", trace: [] }),
    );
}

/** The same as a line of the log has it: with the error's own properties. */
function describeForLog(error) {
    if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), stack: [] };
    return { errorType: error.name, errorMessage: error.message, ...error, stack: lines(error.stack) };
}

// ---- the log: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const json = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
const lowest = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));

function errorFields(error) {
    return { errorType: error.name, errorMessage: error.message, stackTrace: lines(error.stack) };
}

function jsonLine(level, values) {
    const line = { timestamp: new Date().toISOString(), level };
    if (current) line.requestId = current.id;
    if (values.length === 1) {
        try {
            return JSON.stringify({ ...line, message: values[0] }, (_, value) => (isError(value) ? errorFields(value) : value));
        } catch {
            // What is no JSON is text.
        }
    }
    const error = values.find(isError);
    return JSON.stringify({ ...line, message: util.format(...values), ...(error && errorFields(error)) });
}

function log(level, ...values) {
    if (LEVELS.indexOf(level) < lowest) return;
    const line = json
        ? jsonLine(level, values)
        : `${new Date().toISOString()}\t${current?.id}\t${level}\t${util.format(...values)}`.replaceAll("\n", "\r");
    process.stdout.write(`${line}\n`);
}

for (const [name, level] of Object.entries({ log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR", fatal: "FATAL" })) {
    console[name] = (...values) => log(level, ...values);
}
console.trace = (...values) => {
    const here = { name: "Trace", message: util.format(...values) };
    Error.captureStackTrace(here, console.trace);
    log("TRACE", here.stack);
};

function logError(what, error) {
    if (json) lookAt(() => log("ERROR", error), () => log("ERROR", describeError(error)));
    else log("ERROR", `${what} \t${lookAt(() => JSON.stringify(describeForLog(error)), () => JSON.stringify(describeError(error)))}`);
}

// ---- the Runtime API

// One connection, kept: requests follow one another. While none is under way it keeps no event loop alive.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1, noDelay: true });

function open(method, where, headers) {
    const [host, port] = API.split(":");
    return http.request({ host, port: port ?? 80, method, path: PREFIX + where, headers, agent });
}

/** The whole answer to a request that has been ended. */
function answered(request) {
    return new Promise((resolve, reject) => {
        request.on("error", reject);
        request.on("response", (response) => {
            const chunks = [];
            response.on("data", (chunk) => chunks.push(chunk));
            response.on("error", reject);
            response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
        });
    });
}

async function next() {
    const request = open("GET", "invocation/next", {});
    request.end();
    const { status, headers, body } = await answered(request);
    if (status !== 200) throw new Error(`next was answered with status ${status}`);
    return { headers, body };
}

/** Whatever was answered, the next event may come, unless the Runtime API says that the environment is broken. */
function accepted({ status, body }, what) {
    if (status < 300) return;
    process.stderr.write(`bootstrap: ${what} was answered with status ${status}: ${body}\n`);
    if (status >= 500) process.exit(1);
}

async function post(where, body, headers) {
    const request = open("POST", where, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), ...headers });
    request.end(body);
    accepted(await answered(request), where);
}

/** A header's value: what cannot stand in one is left away. */
function headerValue(text) {
    return text.replace(/[^\x20-\x7e]/g, "");
}

function postError(where, error) {
    const described = describeError(error);
    return post(where, JSON.stringify(described), { "Lambda-Runtime-Function-Error-Type": headerValue(described.errorType) });
}

// ---- streamed responses: https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html

/** What a streaming handler writes to. The request begins with the first write, so that its type can be set until then. */
class ResponseStream extends Writable {
    #id;
    #type = "application/octet-stream";
    #request;
    #answer;
    #prelude;
    #sources = 0;
    #sent = 0; // bytes that are on their way
    #waiting = []; // for bytes to be so: { settledBy, then }
    #broken = false; // nothing gets on its way any more
    #over = false;

    constructor(id, highWaterMark) {
        super({ highWaterMark });
        this.#id = id;
        this.on("pipe", () => this.#sources++);
        this.on("unpipe", () => this.#sources--);
        // An error of the stream is the handler's to see; nobody else must fall over it.
        this.on("error", () => {});
    }

    /** Something was written, if only into a corked stream. */
    get begun() {
        return this.#request !== undefined || this.writableLength > 0;
    }

    setContentType(type) {
        this.#type = type;
    }

    /** Bytes that go before the first ones. */
    _onBeforeFirstWrite(prelude) {
        this.#prelude = prelude;
    }

    #begin() {
        if (this.#request) return;
        this.#request = open("POST", `invocation/${this.#id}/response`, {
            "Content-Type": this.#type,
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Transfer-Encoding": "chunked",
            Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        });
        this.#answer = answered(this.#request);
        // Answered or not, what is still written then reaches nobody.
        const broken = () => this.#release(0, true);
        this.#answer.then(broken, broken);
        this.#prelude?.((bytes) => this.#request.write(bytes));
    }

    _write(chunk, encoding, done) {
        if (this.#over) return done(new Error("the response has ended"));
        this.#begin();
        this.#request.write(chunk, encoding, (error) => {
            this.#release(chunk.length, Boolean(error));
            done(error);
        });
    }

    /** So many bytes more are on their way. */
    #release(length, broken) {
        this.#sent += length;
        this.#broken ||= broken;
        while (this.#waiting.length > 0 && (this.#broken || this.#waiting[0].settledBy <= this.#sent)) this.#waiting.shift().then();
    }

    /** Calls `then` when all that was written until now is on its way, or cannot be. */
    #afterWrites(then) {
        while (this.writableCorked > 0) this.uncork();
        if (this.writableLength === 0 || this.#broken || this.destroyed) return then();
        this.#waiting.push({ settledBy: this.#sent + this.writableLength, then });
    }

    /** A stream drops what it holds when it is destroyed, as pipeline() does where its source fails: that goes out before. */
    destroy(error, done) {
        if (this.destroyed) return super.destroy(error, done);
        this.#afterWrites(() => super.destroy(error, done));
        return this;
    }

    _final(done) {
        this.#begin();
        done();
    }

    /**
     * When its handler has returned: resolves when all of it is on its way. What a handler has not ended, and nothing is piped into, has ended.
     */
    complete() {
        return new Promise((resolve, reject) => {
            const settle = () => (this.writableFinished ? resolve() : reject(this.errored ?? new Error("the response stream was destroyed")));
            if (this.writableFinished || this.destroyed) return settle();
            this.once("error", reject);
            this.once("finish", resolve);
            this.once("close", settle);
            if (!this.writableEnded && this.#sources === 0) this.end();
        });
    }

    /** Ends the response, behind what was written; with an error in its trailers, if there is one. The first call counts. */
    async finish(error) {
        await new Promise((resolve) => this.#afterWrites(resolve));
        if (!this.#over) this.#end(error);
        accepted(await this.#answer, "streamed response");
    }

    #end(error) {
        this.#begin();
        this.#over = true;
        if (error !== undefined) {
            const described = describeError(error);
            this.#request.addTrailers({
                "Lambda-Runtime-Function-Error-Type": headerValue(described.errorType),
                "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(described)).toString("base64"),
            });
        }
        this.#request.end();
    }
}

globalThis.awslambda = {
    streamifyResponse(handler, options) {
        handler[STREAMING] = "response";
        if (options) handler[STREAMING_BUFFER] = options.highWaterMark;
        return handler;
    },
    HttpResponseStream: {
        /** A response with status and headers: their JSON and eight NUL bytes go before the body. */
        from(stream, metadata) {
            stream.setContentType(HTTP_PRELUDE);
            const prelude = Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8)]);
            stream._onBeforeFirstWrite((write) => write(prelude));
            return stream;
        },
    },
};

// ---- the handler

function malformed(handler) {
    return new RuntimeError("Runtime.MalformedHandlerName", `"${handler}" is not a handler: it should be "FILE.EXPORT"`);
}

/** The nearest package.json's type. */
function packageType(directory) {
    for (let at = directory; ; at = path.dirname(at)) {
        try {
            return JSON.parse(fs.readFileSync(path.join(at, "package.json"), "utf8")).type ?? "commonjs";
        } catch (error) {
            if (error.code !== "ENOENT" && error.code !== "ENOTDIR") return "commonjs";
        }
        if (at === path.dirname(at)) return "commonjs";
    }
}

/** The first of those endings that a file has; undefined. */
function endingOf(file, endings) {
    return endings.find((ending) => fs.statSync(file + ending, { throwIfNoEntry: false })?.isFile());
}

function findModule(root, name) {
    const file = path.resolve(root, name);
    const ending = endingOf(file, ["", ".js", ".mjs", ".cjs"]);
    if (ending !== undefined) return file + ending;
    try {
        // In NODE_PATH: a layer's.
        return createRequire(path.join(root, "package.json")).resolve(name);
    } catch (error) {
        // Only of a module that is nowhere at all: its stack would say that a package.json wants it, which need not be there.
        if (error.code !== "MODULE_NOT_FOUND" || !error.requireStack) throw error;
    }
    const source = endingOf(file, [".ts", ".mts", ".cts", ".tsx"]);
    const why = source
        ? `"${name}${source}" is TypeScript; compile it to JavaScript first`
        : `${root} has no file "${name}.js", "${name}.mjs" or "${name}.cjs"`;
    throw Object.assign(new Error(`Cannot find module '${name}': ${why}`), { code: "MODULE_NOT_FOUND" });
}

async function loadModule(root, name) {
    const file = findModule(root, name);
    const asModule = file.endsWith(".mjs") || (file.endsWith(".js") && packageType(path.dirname(file)) === "module");
    if (asModule) return import(pathToFileURL(file).href);
    return createRequire(file)(file);
}

/** The function that "folder/file.export" names; "file.object.method" works too. */
async function loadHandler(root, handler) {
    const folder = path.dirname(handler);
    const parts = /^([^.]+)\.(.+)$/.exec(path.basename(handler));
    if (!parts || handler.includes("..")) throw malformed(handler);
    let module;
    try {
        module = await loadModule(root, path.join(folder, parts[1]));
    } catch (error) {
        if (error instanceof SyntaxError) throw new RuntimeError("Runtime.UserCodeSyntaxError", error.toString(), error);
        if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
            throw new RuntimeError("Runtime.ImportModuleError", String(error), error);
        }
        throw error;
    }
    let found = module;
    let owner;
    const names = parts[2].split(".");
    // A CommonJS module that is imported as one of the other kind has its exports in `default`.
    if (found?.[names[0]] === undefined && found?.default) found = found.default;
    for (const name of names) [owner, found] = [found, found?.[name]];
    if (found === undefined) throw new RuntimeError("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
    if (typeof found !== "function") throw new RuntimeError("Runtime.HandlerNotFound", `${handler} is not a function`);
    const bound = names.length > 1 ? found.bind(owner) : found;
    return Object.assign(bound, { [STREAMING]: found[STREAMING], [STREAMING_BUFFER]: found[STREAMING_BUFFER] });
}

// ---- one event

function parse(text) {
    return text ? JSON.parse(text) : undefined;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
function makeContext(headers, finish) {
    const deadline = Number(headers["lambda-runtime-deadline-ms"]);
    const { env } = process;
    const context = {
        callbackWaitsForEmptyEventLoop: true,
        functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
        functionName: env.AWS_LAMBDA_FUNCTION_NAME,
        memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
        logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
        logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
        clientContext: parse(headers["lambda-runtime-client-context"]),
        identity: parse(headers["lambda-runtime-cognito-identity"]),
        invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
        awsRequestId: headers["lambda-runtime-aws-request-id"],
        getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    };
    context.done = (error, result) => {
        context.callbackWaitsForEmptyEventLoop = false;
        finish(error, result);
    };
    context.succeed = (result) => context.done(null, result);
    context.fail = (error) => context.done(error ?? "handled");
    return context;
}

function isPromise(value) {
    return typeof value?.then === "function";
}

/** Resolves with what the handler answers, whichever way it does. The first way counts. */
function runHandler(handler, event, headers, stream) {
    return new Promise((resolve, reject) => {
        let idle;
        let context;
        const settle = (error, result) => {
            if (idle) process.off("beforeExit", idle);
            // Any other error is one, "" and 0 too.
            if (error !== undefined && error !== null) reject(error);
            else resolve(result);
        };
        const whenIdle = (error, result) => {
            if (idle) process.off("beforeExit", idle);
            idle = () => settle(error, result);
            process.on("beforeExit", idle);
        };
        let called = false;
        const callback = (error, result) => {
            if (called) return;
            called = true;
            if (context.callbackWaitsForEmptyEventLoop) whenIdle(error, result);
            else settle(error, result);
        };
        context = makeContext(headers, callback);
        // Nothing is left that could answer: the answer is null.
        whenIdle(null, null);
        try {
            const returned = stream ? handler(event, stream, context) : handler(event, context, callback);
            if (isPromise(returned)) returned.then((result) => settle(null, result), (error) => settle(error ?? new Error(String(error))));
            else if (stream) throw new RuntimeError("Runtime.InvalidStreamingOperation", "a streaming handler has to return a promise");
        } catch (error) {
            settle(error ?? new Error(String(error)));
        }
    });
}

function setTrace(trace) {
    if (trace) process.env._X_AMZN_TRACE_ID = trace;
    else delete process.env._X_AMZN_TRACE_ID;
}

function serialize(result) {
    try {
        return JSON.stringify(result === undefined ? null : result) ?? "null";
    } catch (error) {
        throw new RuntimeError("Runtime.MarshalError", `the response is no JSON: ${error.message}`, error);
    }
}

async function runStreaming(handler, event, headers, id) {
    const stream = new ResponseStream(id, handler[STREAMING_BUFFER]);
    current.stream = stream;
    try {
        await runHandler(handler, event, headers, stream);
        await stream.complete();
    } catch (error) {
        logError("Invoke Error", error);
        return stream.begun ? stream.finish(error) : postError(`invocation/${id}/error`, error);
    }
    return stream.finish();
}

async function runBuffered(handler, event, headers, id) {
    let body;
    try {
        body = serialize(await runHandler(handler, event, headers));
    } catch (error) {
        logError("Invoke Error", error);
        return postError(`invocation/${id}/error`, error);
    }
    return post(`invocation/${id}/response`, body);
}

async function runEvent(handler, { headers, body }) {
    const id = headers["lambda-runtime-aws-request-id"];
    current = { id };
    setTrace(headers["lambda-runtime-trace-id"]);
    let event;
    try {
        event = JSON.parse(body.toString("utf8"));
    } catch (error) {
        await postError(`invocation/${id}/error`, new RuntimeError("Runtime.UnmarshalError", `the event is no JSON: ${error.message}`, error));
        current = undefined;
        return;
    }
    await (handler[STREAMING] ? runStreaming : runBuffered)(handler, event, headers, id);
    current = undefined;
}

// ---- the process

/** Something broke that nobody awaits: the event that runs, or init, is answered with it, and the process ends. */
function endWith(what, error, code) {
    logError(what, error);
    const stream = current?.stream?.begun ? current.stream : undefined;
    const told = stream ? stream.finish(error) : postError(current ? `invocation/${current.id}/error` : "init/error", error);
    told.catch((failure) => process.stderr.write(`bootstrap: ${failure.message}\n`)).finally(() => process.exit(code));
}

process.on("uncaughtException", (error) => endWith("Uncaught Exception", error, 129));
process.on("unhandledRejection", (reason) => {
    const described = () => describeError(reason).errorMessage;
    const error = new RuntimeError("Runtime.UnhandledPromiseRejection", lookAt(() => (isError(reason) ? String(reason) : util.format(reason)), described));
    error.reason = lookAt(() => (isError(reason) ? describeForLog(reason) : reason), described);
    endWith("Unhandled Promise Rejection", error, 128);
});

async function main() {
    if (!API) throw new Error("AWS_LAMBDA_RUNTIME_API is not set: this program runs where Lambda's Runtime API is");
    let handler;
    try {
        handler = await loadHandler(process.env.LAMBDA_TASK_ROOT || process.cwd(), process.argv[2] ?? process.env._HANDLER ?? "");
    } catch (error) {
        logError(isError(error) && error.name.startsWith("Runtime.") ? "Uncaught Exception" : "Init Error", error);
        await postError("init/error", error);
        process.exit(1);
    }
    for (;;) await runEvent(handler, await next());
}

main().catch((error) => {
    process.stderr.write(`bootstrap: ${error.stack}\n`);
    process.exit(1);
});
