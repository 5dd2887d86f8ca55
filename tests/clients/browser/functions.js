// Functions for a browser. Environment: PAGES, where the page server is.
const http = require("node:http");

/** Asks the page server, which answers when the page has come so far. */
const ask = (path) =>
    new Promise((resolve, reject) => http.get(process.env.PAGES + path, (answer) => answer.resume().on("end", resolve)).on("error", reject));
const text = (event) => Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8").toString();
let runs = 0;

/** What it was sent, a cookie, and two headers. */
exports.echo = async (event) => ({
    statusCode: 200,
    headers: { "content-type": "application/json", "x-made-by": "echo", "x-hidden": "yes", "access-control-allow-origin": "https://the-function.test" },
    cookies: ["seen=1; Path=/; HttpOnly"],
    body: JSON.stringify({
        method: event.requestContext.http.method,
        path: event.rawPath,
        query: event.queryStringParameters ?? {},
        headers: event.headers,
        cookies: event.cookies ?? [],
        body: text(event),
        caller: event.requestContext.authorizer?.iam.accessKey ?? null,
    }),
});

/** Cross-origin requests are its own business. */
exports.own = async (event) => {
    const headers = { "access-control-allow-origin": event.headers.origin ?? "*", "access-control-allow-methods": "PATCH" };
    return { statusCode: event.requestContext.http.method === "OPTIONS" ? 204 : 200, headers, body: event.requestContext.http.method };
};

exports.file = async () => ({
    statusCode: 200,
    headers: { "content-type": "application/octet-stream", "content-disposition": 'attachment; filename="all.bin"' },
    isBase64Encoded: true,
    body: Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("base64"),
});

/** A page with a form, which posts to the function itself; then what the form said, told to the page around it. */
exports.form = async (event) => {
    const html = { "content-type": "text/html; charset=utf-8" };
    if (event.requestContext.http.method === "GET")
        return {
            statusCode: 200,
            headers: html,
            cookies: ["form=shown; Path=/; SameSite=Strict", "other=2; Path=/"],
            body: `<!doctype html><form method="post" action="sent?from=form"><input name="name" value="λ &amp; ü"><input name="two" value="2"></form><script>document.forms[0].submit()</script>`,
        };
    const sent = JSON.stringify({
        type: event.headers["content-type"],
        base64: event.isBase64Encoded,
        fields: Object.fromEntries(new URLSearchParams(text(event))),
        path: event.rawPath,
        query: event.rawQueryString,
        cookies: event.cookies ?? [],
    });
    return { statusCode: 200, headers: html, body: `<!doctype html><script>parent.postMessage(${sent}, "*")</script>` };
};

/** Goes on only when the page has told the page server that it saw the first part. With `more`, it then writes more than buffers hold. */
exports.stream = awslambda.streamifyResponse(async (event, stream) => {
    const { step, more } = event.queryStringParameters ?? {};
    stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: { "content-type": "text/plain", "x-runs": `${++runs}` } });
    stream.on("error", () => undefined);
    stream.write("first\n");
    if (step) await ask(`/until?step=${step}`);
    for (let i = 0; i < Number(more ?? 0); i++)
        if (!stream.write("x".repeat(65536))) await new Promise((resolve) => stream.once("drain", resolve).once("error", resolve));
    if (more) await ask(`/reached?step=${step}-over`);
    stream.write("last\n");
    stream.end();
});
