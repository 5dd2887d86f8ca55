#!/bin/sh
# functions.sh DIRECTORY: makes the deployment packages that the tests of clients use: node.zip (handlers echo, fail, slow, stream, hello), layer.zip, other.zip.
set -eu
directory=$1
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cat >"$stage/index.js" <<'JS'
exports.echo = async (event) => event;
exports.fail = async () => { throw new TypeError("as it was told to"); };
exports.hello = async (event) => ({ statusCode: 201, headers: { "x-made-by": "libλ".slice(0, 3) }, cookies: ["a=1", "b=2"], body: `hello ${event.rawPath ?? ""}` });
exports.plain = async () => ({ plain: true });
exports.slow = async () => new Promise((resolve) => setTimeout(resolve, 10000));
exports.environment = async () => process.env.COLOUR ?? null;
exports.stream = awslambda.streamifyResponse(async (event, stream) => {
    for (let i = 0; i < 5; i++) stream.write(`part ${i}\n`);
    stream.end();
});
exports.streamHttp = awslambda.streamifyResponse(async (event, stream) => {
    stream = awslambda.HttpResponseStream.from(stream, { statusCode: 202, headers: { "Content-Type": "text/plain", "x-streamed": "yes" }, cookies: ["c=3"] });
    stream.write("one ");
    stream.write("two");
    stream.end();
});
JS
(cd "$stage" && zip -q -X "$directory/node.zip" index.js)
mkdir -p "$stage/nodejs/node_modules/tables"
echo 'module.exports = 42;' >"$stage/nodejs/node_modules/tables/index.js"
(cd "$stage" && zip -q -X -r "$directory/layer.zip" nodejs)
echo 'exports.echo = async () => "other";' >"$stage/index.js"
(cd "$stage" && zip -q -X "$directory/other.zip" index.js)
