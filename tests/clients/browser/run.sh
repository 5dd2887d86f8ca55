#!/bin/sh
# run.sh LAMBDA: a headless Chromium against function URLs of `LAMBDA serve`, cross-origin requests included.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
# shellcheck source=tests/clients/serve.sh
. "$here/../serve.sh"
serve "$program"
trap 'stop || true' EXIT
node "$here/browser.mjs" "$program"
trap - EXIT
stop
