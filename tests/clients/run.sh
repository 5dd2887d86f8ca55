#!/bin/sh
# run.sh LAMBDA: unmodified clients of AWS against `LAMBDA serve`: the AWS CLI, boto3, the SDK for JavaScript, curl. The SDK comes from npm, once, into build/cache.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
sdk="$root/build/cache/aws-sdk"
if [ ! -d "$sdk/node_modules/@aws-sdk/client-lambda" ]; then
    rm -rf "$sdk" && mkdir -p "$sdk"
    (cd "$sdk" && npm init -y >/dev/null && npm install --no-audit --no-fund @aws-sdk/client-lambda >npm.log 2>&1) || {
        cat "$sdk/npm.log" >&2
        exit 1
    }
fi
# shellcheck source=tests/clients/serve.sh
. "$here/serve.sh"
serve "$program"
trap 'stop || true' EXIT
"$here/functions.sh" "$stage"
clients="$here" built=$(sed -n '/liblambda/d; s/^| \([A-Za-z]*\) | .* | built |$/\1/p' "$root/docs/api.md" | tr '\n' ' ')
export clients built
built=${built% }
# The SDK is found beside what imports it.
cp "$here/sdk.test.mjs" "$sdk/sdk.test.mjs"
(cd "$sdk" && node --test sdk.test.mjs)
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 -W ignore::ResourceWarning "$here/boto.py"
/usr/bin/python3 -W ignore::ResourceWarning "$here/cli.py"
"$here/curl.sh" "$program"
trap - EXIT
stop
echo "all clients are content"
