// What a page does with function URLs of another origin. `setup` is set by the page: `urls` by name, `keys` and `region` of AWS_IAM's caller.
const { urls, key, secret, region } = setup;
const same = (is, should, what) => {
    if (JSON.stringify(is) !== JSON.stringify(should)) throw new Error(`${what ?? "it"} is ${JSON.stringify(is)}, not ${JSON.stringify(should)}`);
};
/** A browser refuses, and says no more than that. */
const refused = async (url, options) => {
    let answer;
    try {
        answer = await fetch(url, options);
    } catch (error) {
        same(error.name, "TypeError");
        return;
    }
    throw new Error(`the page was let to see the answer ${answer.status}`);
};
const json = async (url, options) => (await fetch(url, options)).json();
const reached = (step) => fetch(`/reached?step=${step}`);
const until = (step) => fetch(`/until?step=${step}`);
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => new TextEncoder().encode(text);
const sha256 = async (text) => hex(await crypto.subtle.digest("SHA-256", bytes(text)));
const hmac = async (key, text) => crypto.subtle.sign("HMAC", await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]), bytes(text));

/** Headers of a signed POST to `url`. */
async function sign(url, body) {
    const { host, pathname } = new URL(url);
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const scope = `${date.slice(0, 8)}/${region}/lambda/aws4_request`;
    const request = ["POST", pathname, "", `host:${host}`, `x-amz-date:${date}`, "", "host;x-amz-date", await sha256(body)].join("\n");
    let derived = bytes(`AWS4${secret}`);
    for (const part of scope.split("/")) derived = await hmac(derived, part);
    const signature = hex(await hmac(derived, ["AWS4-HMAC-SHA256", date, scope, await sha256(request)].join("\n")));
    return { "x-amz-date": date, authorization: `AWS4-HMAC-SHA256 Credential=${key}/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}` };
}

const cases = {
    async "a simple GET, by the host's name"() {
        const got = await json(`${urls.echo}some/where?a=1&a=2&b=%C3%BC`);
        same(got.method, "GET");
        same(got.path, "/some/where");
        same(got.query, { a: "1,2", b: "ü" });
        same(got.headers.host, new URL(urls.echo).host, "host");
        same(got.headers.origin, location.origin, "origin");
    },
    async "a simple GET, by the path"() {
        same((await json(`${urls.path}some/where`)).path, "/some/where");
    },
    async "POST of JSON, after a preflight"() {
        const body = JSON.stringify({ name: "λ", list: [1, 2] });
        const got = await json(urls.echo, { method: "POST", headers: { "content-type": "application/json", "x-asked": "a" }, body });
        same(got.method, "POST");
        same(got.body, body, "body");
        same(got.headers["x-asked"], "a", "x-asked");
    },
    async "PUT, which is allowed"() {
        same((await json(urls.echo, { method: "PUT", body: "text" })).body, "text");
    },
    async "a method that is not allowed"() {
        await refused(urls.echo, { method: "DELETE" });
    },
    async "a header that is not allowed"() {
        await refused(urls.echo, { headers: { "x-not-asked": "a" } });
    },
    async "an origin that is not allowed"() {
        await refused(urls.elsewhere);
        await refused(urls.elsewhere, { method: "PUT", body: "x" });
        same((await fetch(urls.elsewhere, { mode: "no-cors" })).type, "opaque");
    },
    async "a URL without Cors"() {
        await refused(urls.closed);
        await refused(urls.closed, { method: "PUT", body: "x" });
    },
    async "a function that answers preflights itself"() {
        same(await (await fetch(urls.own, { method: "PATCH" })).text(), "PATCH");
        await refused(urls.own, { method: "DELETE" });
    },
    async "any origin, method and header"() {
        same((await json(urls.open, { method: "DELETE", headers: { "x-any": "a" } })).method, "DELETE");
        await refused(urls.open, { credentials: "include" });
    },
    async "cookies, both ways"() {
        same((await json(urls.echo, { credentials: "include" })).cookies, [], "cookies of the first request");
        same((await json(urls.echo, { credentials: "include" })).cookies, ["seen=1"], "cookies of the second request");
        const put = await json(urls.echo, { method: "PUT", body: "", credentials: "include" });
        same(put.cookies, ["seen=1"], "cookies behind a preflight");
        same((await json(urls.echo, { credentials: "omit" })).cookies, [], "cookies that were left out");
    },
    async "headers that are exposed, and one that is not"() {
        const { headers, status } = await fetch(urls.echo);
        same(status, 200);
        same(headers.get("x-made-by"), "echo");
        same(headers.get("x-hidden"), null);
        same((await fetch(urls.open)).headers.get("x-made-by"), null);
    },
    async "a file"() {
        const answer = await fetch(urls.file);
        same(answer.headers.get("content-disposition"), 'attachment; filename="all.bin"');
        same(Array.from(new Uint8Array(await answer.arrayBuffer())), Array.from({ length: 256 }, (_, i) => i));
    },
    async "a page of a function, with a form"() {
        const frame = document.createElement("iframe");
        const said = new Promise((resolve) => addEventListener("message", resolve, { once: true }));
        frame.src = `${urls.form}a/page`;
        document.body.append(frame);
        const { data, origin } = await said;
        same(origin, new URL(urls.form).origin, "origin");
        same(data.type, "application/x-www-form-urlencoded");
        same(data.base64, true, "isBase64Encoded");
        same(data.fields, { name: "λ & ü", two: "2" });
        same([data.path, data.query], ["/a/sent", "from=form"]);
        same(data.cookies, ["form=shown", "other=2"], "cookies");
    },
    async "a stream, part by part"() {
        const answer = await fetch(`${urls.stream}?step=first`);
        same(answer.headers.get("content-type"), "text/plain");
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        same(await reader.read(), { done: false, value: "first\n" });
        // The function waits for this.
        await reached("first");
        same(await reader.read(), { done: false, value: "last\n" });
        same((await reader.read()).done, true);
    },
    async "a stream that the page gives up"() {
        // The function has one environment: it has to be free again.
        const controller = new AbortController();
        const answer = await fetch(`${urls.stream}?step=abort&more=64`, { signal: controller.signal });
        const runs = Number(answer.headers.get("x-runs"));
        const reader = answer.body.getReader();
        same((await reader.read()).value.length, 6);
        controller.abort();
        await reader.read().then(
            () => Promise.reject(new Error("it could be read")),
            (error) => same(error.name, "AbortError"),
        );
        await reached("abort");
        await until("abort-over");
        let next;
        do next = await fetch(urls.stream);
        while (next.status === 429);
        same(next.status, 200);
        same(Number(next.headers.get("x-runs")), runs + 1, "the environment's invocations");
        same(await next.text(), "first\nlast\n");
    },
    async "a caller who signs"() {
        const body = '{"signed":true}';
        const got = await json(urls.iam, { method: "POST", body, headers: await sign(urls.iam, body) });
        same([got.body, got.caller], [body, key]);
        const wrong = await fetch(urls.iam, { method: "POST", body: '{"signed":false}', headers: await sign(urls.iam, body) });
        same([wrong.status, wrong.headers.get("x-amzn-errortype")], [403, "InvalidSignatureException"]);
        same((await fetch(urls.iam)).status, 403);
    },
};

const results = [];
for (const [name, run] of Object.entries(cases))
    try {
        await run();
        results.push({ name });
    } catch (error) {
        results.push({ name, error: `${error.name}: ${error.message}` });
    }
await fetch("/results", { method: "POST", body: JSON.stringify(results) });
