#!/bin/sh
# Runs tests/bindings/test_node.py with the official runtime interface client for Node.js (npm's aws-lambda-ric), which it builds once and keeps in build/cache.
# official-node.sh install: only that, and says where it is. What cannot be fetched is skipped: then the line begins with "skipped", and the exit status is 0.
set -eu
cd "$(dirname "$0")/../.."
lock=tests/bindings/official-node/package-lock.json
node=$(command -v node) || { echo "skipped: there is no node"; exit 0; }
command -v npm >/dev/null || { echo "skipped: there is no npm"; exit 0; }
# Built for this Node.js and from this lock.
cache="build/cache/official-node-$(node -p 'process.version + "-" + process.arch')"
client="$cache/node_modules/aws-lambda-ric/bin/index.mjs"

# Where this Node.js has its headers: its own directory, or Debian's.
headers() {
    for directory in "$(dirname "$(dirname "$(readlink -f "$node")")")" /usr; do
        if [ -e "$directory/include/node/node_api.h" ]; then
            echo "$directory"
            return
        fi
    done
    echo "there are no headers of Node.js: libnode-dev has them" >&2
    return 1
}

install() {
    if ! timeout 60 npm view aws-lambda-ric@3.3.0 version --fetch-retries=1 --fetch-timeout=20000 >/dev/null 2>&1; then
        echo "skipped: npm's registry cannot be reached, and $cache is not there"
        exit 0
    fi
    rm -rf "$cache"
    mkdir -p "$cache"
    cp tests/bindings/official-node/package.json "$lock" "$cache"
    # Its own scripts build it: curl and a C++ client with autoconf and cmake, then the addon with node-gyp, which must not fetch headers.
    (cd "$cache" && MAKEFLAGS=-j2 npm_config_nodedir=$nodedir npm ci --no-audit --no-fund --loglevel=error >install.log 2>&1) ||
        { tail -40 "$cache/install.log" >&2; exit 1; }
    [ -e "$client" ] || { echo "it was installed without $client" >&2; exit 1; }
    # What built it is not what runs it.
    find "$cache/node_modules" -mindepth 1 -maxdepth 1 ! -name aws-lambda-ric -exec rm -rf {} +
    find "$cache/node_modules/aws-lambda-ric" -mindepth 1 -maxdepth 1 ! -name bin ! -name dist ! -name package.json -exec rm -rf {} +
    cksum <"$lock" >"$cache/.lock"
}

if [ "$(cat "$cache/.lock" 2>/dev/null)" != "$(cksum <"$lock")" ]; then
    nodedir=$(headers)
    install
fi
if [ "${1:-}" = install ]; then
    echo "$cache"
    exit 0
fi
TEST_NODE="$node" TEST_NODE_CLIENT="$PWD/$client" python3 tests/bindings/test_node.py
