// A headless Chromium and function URLs of `lambda serve`: makes the functions, serves a page of another origin, and waits for what the page found out. Argument: the `lambda` program. Environment: endpoint, stage, AWS's variables.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";

const [program] = process.argv.slice(2);
const { endpoint, stage } = process.env;
const here = new URL(".", import.meta.url).pathname;
const lambda = (...words) => execFileSync(program, [...words, "--endpoint", endpoint], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const api = (operation, input) => JSON.parse(lambda("api", operation, JSON.stringify(input)));

/* ---- the page server: also where the page and functions wait for each other */

/** A promise, and what resolves and rejects it. */
const later = () => {
    const made = {};
    made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
    return made;
};
const steps = new Map();
const step = (name) => {
    if (!steps.has(name)) steps.set(name, later());
    return steps.get(name);
};
const results = later();
const setup = { urls: {} };
const routes = {
    "/": (url, request, response) => {
        response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
        const script = fs.readFileSync(`${here}page.js`, "utf8");
        response.end(`<!doctype html><body><script type="module">const setup = ${JSON.stringify(setup)};\n${script}</script>`);
    },
    "/reached": (url, request, response) => {
        step(url.searchParams.get("step")).resolve();
        response.end();
    },
    "/until": async (url, request, response) => {
        await step(url.searchParams.get("step")).promise;
        response.end();
    },
    "/results": async (url, request, response) => {
        let body = "";
        for await (const part of request) body += part;
        response.end();
        results.resolve(JSON.parse(body));
    },
};
const server = http.createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const route = routes[url.pathname];
    if (route) return route(url, request, response);
    response.writeHead(404).end();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address();
// Of the same site as the functions, so that cookies are no third party's; of another origin.
const origin = `http://pages.us-east-1.localhost:${port}`;

/* ---- the functions */

fs.mkdirSync(`${stage}/browser`);
fs.copyFileSync(`${here}functions.js`, `${stage}/browser/index.js`);
const make = (name, handler, Cors, more = {}) => {
    lambda("create", name, "--runtime", "nodejs20.x", "--handler", `index.${handler}`, "--zip", `${stage}/browser`, "--timeout", "30", "--environment", `PAGES=http://127.0.0.1:${port}`);
    const { FunctionUrl } = api("CreateFunctionUrlConfig", { FunctionName: name, AuthType: "NONE", ...(Cors && { Cors }), ...more });
    if (more.AuthType !== "AWS_IAM")
        for (const [Action, condition] of [
            ["lambda:InvokeFunctionUrl", { FunctionUrlAuthType: "NONE" }],
            ["lambda:InvokeFunction", { InvokedViaFunctionUrl: true }],
        ])
            api("AddPermission", { FunctionName: name, StatementId: Action.slice(7), Action, Principal: "*", ...condition });
    setup.urls[name] = FunctionUrl;
};
const page = { AllowOrigins: [origin] };
make("echo", "echo", { ...page, AllowMethods: ["GET", "POST", "PUT"], AllowHeaders: ["content-type", "X-Asked"], ExposeHeaders: ["X-Made-By"], AllowCredentials: true });
make("open", "echo", { AllowOrigins: ["*"], AllowMethods: ["*"], AllowHeaders: ["*"] });
make("elsewhere", "echo", { AllowOrigins: ["https://elsewhere.test"], AllowMethods: ["*"] });
make("closed", "file");
make("own", "own");
make("file", "file", { ...page, ExposeHeaders: ["content-disposition"] });
make("form", "form");
make("stream", "stream", { ...page, ExposeHeaders: ["x-runs"] }, { InvokeMode: "RESPONSE_STREAM" });
make("iam", "echo", { ...page, AllowMethods: ["POST"], AllowHeaders: ["authorization", "x-amz-date"], ExposeHeaders: ["x-amzn-errortype"] }, { AuthType: "AWS_IAM" });
api("PutFunctionConcurrency", { FunctionName: "stream", ReservedConcurrentExecutions: 1 });
setup.urls.path = `${endpoint}/lambda-url/${new URL(setup.urls.echo).hostname.split(".")[0]}/`;
const [, key, secret] = fs.readFileSync(process.env.AWS_SHARED_CREDENTIALS_FILE, "utf8").match(/aws_access_key_id = (\S+)\s+aws_secret_access_key = (\S+)/);
Object.assign(setup, { key, secret, region: "us-east-1" });

/* ---- the browser */

const quiet = ["disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "no-proxy-server"];
const log = fs.openSync(`${stage}/chromium.log`, "w");
const browser = spawn("chromium", ["--headless", "--no-sandbox", ...quiet.map((name) => `--${name}`), `--user-data-dir=${stage}/chromium`, `${origin}/`], {
    stdio: ["ignore", log, log],
    detached: true,
    env: { ...process.env, HOME: stage },
});
const ended = new Promise((resolve) => browser.once("exit", resolve));
const late = setTimeout(() => results.reject(new Error("the page has said nothing for a minute")), 60000);
browser.once("error", results.reject);
browser.once("exit", (code) => results.reject(new Error(`chromium ended with ${code}`)));
results.promise.catch(() => console.error(fs.readFileSync(`${stage}/chromium.log`, "utf8")));
try {
    const found = await results.promise;
    for (const { name, error } of found) console.log(`${error ? "not ok" : "ok"}: ${name}${error ? `: ${error}` : ""}`);
    assert.ok(found.length > 0 && found.every(({ error }) => !error), "the page is not content");
    console.log(`the browser is content with ${found.length} cases`);
} finally {
    clearTimeout(late);
    // Asked kindly, it takes all of its processes with it; they are a group, for where it does not listen.
    const kill = (signal) => {
        try {
            process.kill(-browser.pid, signal);
        } catch {
            // It never began, or is gone.
        }
    };
    kill("SIGTERM");
    const deaf = setTimeout(kill, 5000, "SIGKILL");
    if (browser.pid) await ended;
    clearTimeout(deaf);
    // The last of them may still write there.
    fs.rmSync(`${stage}/chromium`, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    server.closeAllConnections();
    server.close();
}
