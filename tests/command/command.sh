#!/bin/sh
# command.sh LAMBDA: the command as people use it, in a data directory of its own and against `lambda serve`. Functions run on Node.js.
set -u
lambda=$1
work=$(mktemp -d)
chmod 755 "$work"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_LAMBDA AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION LAMBDA_DATA
export HOME="$work" LAMBDA_DATA="$work/data"
failed=0

# expect CODE NAME COMMAND...: runs it; out, err.
expect() {
    want=$1 name=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    if [ "$code" -eq "$want" ]; then return 0; fi
    echo "not ok: $name: exit code $code, not $want" >&2
    cat "$work/out" "$work/err" >&2
    failed=1
}

# says FILE TEXT: what the last command wrote there holds the text.
says() {
    if grep -qF -- "$2" "$work/$1"; then return 0; fi
    echo "not ok: $name: '$2' is not in its $1:" >&2
    cat "$work/$1" >&2
    failed=1
}

mkdir "$work/code"
cat >"$work/code/index.js" <<'JS'
exports.echo = async (event) => { console.log("it has run"); return event; };
exports.fail = async () => { throw new TypeError("as it was told to"); };
exports.colour = async () => process.env.COLOUR ?? null;
exports.stream = awslambda.streamifyResponse(async (event, stream) => {
    for (let i = 0; i < 3; i++) stream.write(`part ${i}\n`);
    stream.end();
});
exports.hello = async () => ({ statusCode: 200, body: "hello" });
JS

usage() {
    expect 2 "no command" "$lambda"
    says out "Usage: lambda COMMAND"
    expect 0 "help" "$lambda" help
    says out "invoke"
    expect 0 "help of one" "$lambda" invoke --help
    says out "--qualifier NAME"
    expect 2 "unknown command" "$lambda" fly
    says err "there is no command 'fly'"
    expect 2 "unknown option" "$lambda" list --colour
    says err "list has no option --colour"
    expect 2 "missing value" "$lambda" list --data
    says err "--data needs a value"
    expect 2 "missing operand" "$lambda" invoke
    says err "an argument is missing"
    expect 2 "operand too many" "$lambda" list one
    says err "'one' is one argument too many"
    expect 2 "number" "$lambda" create a --runtime x --zip "$work/code" --memory much
    says err "--memory is 'much'"
    expect 2 "contradiction" "$lambda" list --data "$work/data" --endpoint http://127.0.0.1:1
    says err "exclude each other"
    expect 2 "event" "$lambda" invoke a '{'
    says err "the event is no JSON"
    expect 0 "version" "$lambda" version --json
    says out '"version"'
    for shell in bash zsh fish; do
        expect 0 "completion $shell" "$lambda" completion "$shell"
        says out "invoke"
    done
    expect 2 "completion of none" "$lambda" completion cmd
    expect 0 "completion" "$lambda" completion bash
    if command -v bash >/dev/null; then bash -n "$work/out" || failed=1; fi
}

calls() {
    expect 0 "call" "$lambda" call libm.so.6 'double pow(double x, double y)' x=2 y=10
    says out "1024.0"
    expect 0 "call with an event" "$lambda" call libm.so.6 'double pow(double x, double y)' '{"x": 3, "y": 2}'
    says out "9.0"
    expect 1 "call that fails" "$lambda" call libm.so.6 'double pow(double x, double y)' x=2
    says err 'is missing'
    expect 3 "call of none" "$lambda" call libm.so.6 'double none_such(double x)' x=2
}

# What works alike here and against a server.
functions() {
    expect 0 "create" "$lambda" create echo --runtime nodejs20.x --handler index.echo --zip "$work/code" --timeout 10 --environment COLOUR=red
    says out "arn:aws:lambda:us-east-1:000000000000:function:echo"
    expect 3 "create again" "$lambda" create echo --runtime nodejs20.x --handler index.echo --zip "$work/code"
    says err "ResourceConflictException"
    says err "next:"
    expect 2 "create without code" "$lambda" create other --runtime nodejs20.x --handler index.echo
    expect 2 "code that is not there" "$lambda" create other --runtime nodejs20.x --handler index.echo --zip "$work/none"
    expect 0 "list" "$lambda" list
    says out "NAME"
    says out "index.echo"
    expect 0 "list as JSON" "$lambda" list --json
    says out '"FunctionName": "echo"'
    expect 0 "get" "$lambda" get echo
    says out "nodejs20.x"
    expect 3 "get none" "$lambda" get nobody
    says err "ResourceNotFoundException"
    expect 0 "invoke" "$lambda" invoke echo '{"x": [1, "λ"]}'
    says out '{"x":[1,"λ"]}'
    printf '{"from":"a file"}' >"$work/event"
    expect 0 "invoke with a file" "$lambda" invoke echo "@$work/event"
    says out '{"from":"a file"}'
    printf '{"from":"stdin"}' | "$lambda" invoke echo - >"$work/out" 2>"$work/err"
    name="invoke with stdin"
    says out '{"from":"stdin"}'
    expect 0 "invoke as JSON" "$lambda" invoke echo '{"x":2}' --json
    # shellcheck disable=SC2016 # it is Lambda's name
    says out '"ExecutedVersion": "$LATEST"'
    expect 0 "invoke with its log" "$lambda" invoke echo --tail
    says err "it has run"
    expect 3 "invoke none" "$lambda" invoke nobody
    says err "ResourceNotFoundException"
    expect 0 "load" "$lambda" invoke echo --repeat 20 --concurrency 2
    says out "20 invocations, 0 function errors"
    says out "p99"
    expect 0 "update" "$lambda" update echo --handler index.fail --memory 256
    says out "256"
    expect 1 "a function that fails" "$lambda" invoke echo
    says err "as it was told to"
    says err "the function failed (Unhandled)"
    expect 0 "update to stream" "$lambda" update echo --handler index.stream
    expect 0 "stream" "$lambda" invoke echo --stream
    says out "part 2"
    expect 0 "update to colour" "$lambda" update echo --handler index.colour
    expect 0 "environment" "$lambda" invoke echo
    says out '"red"'
    expect 2 "update nothing" "$lambda" update echo
    expect 0 "publish" "$lambda" publish echo --description first
    says out ":1"
    expect 0 "alias" "$lambda" alias create echo prod --version 1
    says out "prod"
    expect 0 "aliases" "$lambda" alias list echo
    says out "prod"
    expect 0 "invoke an alias" "$lambda" invoke echo --qualifier prod --json
    says out '"ExecutedVersion": "1"'
    expect 2 "alias of no version" "$lambda" alias create echo other
    expect 0 "alias away" "$lambda" alias delete echo prod
    expect 3 "alias is away" "$lambda" alias get echo prod
    expect 0 "update code" "$lambda" update echo --zip "$work/code" --handler index.hello
    expect 0 "url" "$lambda" url create echo --public
    says out ".lambda-url.us-east-1.localhost"
    expect 0 "url is there" "$lambda" url get echo
    says out "NONE"
    expect 0 "operation" "$lambda" api GetFunctionConfiguration '{"FunctionName": "echo"}'
    says out '"Handler": "index.hello"'
    expect 3 "operation refused" "$lambda" api GetFunction '{"FunctionName": "nobody"}'
    expect 0 "config" "$lambda" config echo --concurrency 7 --retries 1 --recursion Allow
    says out "ReservedConcurrentExecutions"
    says out '"MaximumRetryAttempts":1'
    says out "Allow"
    expect 0 "config of no concurrency" "$lambda" config echo --concurrency none --age 120
    says out '"MaximumRetryAttempts":1'
    says out '"MaximumEventAgeInSeconds":120'
    if grep -q Reserved "$work/out"; then echo "not ok: the concurrency is still reserved" >&2 && failed=1; fi
    expect 2 "config of what" "$lambda" config echo --retries 3
    expect 3 "config of none" "$lambda" config nobody
    expect 0 "layer" "$lambda" layer publish tables --zip "$work/code" --description "of numbers"
    layer=$(sed -n 's/^LayerVersionArn *//p' "$work/out")
    expect 0 "layers" "$lambda" layer list
    says out "of numbers"
    expect 0 "versions of a layer" "$lambda" layer list tables
    says out "of numbers"
    expect 0 "function with a layer" "$lambda" update echo --layer "$layer"
    says out "$layer"
    expect 0 "layer shown" "$lambda" layer get tables "${layer##*:}"
    expect 0 "layer away" "$lambda" layer delete tables "${layer##*:}"
    expect 2 "which layer" "$lambda" layer get tables
    expect 0 "doctor" "$lambda" doctor
    says out "Node.js"
}

# An event of a function that may not run stays.
queue() {
    expect 0 "no concurrency" "$lambda" config echo --concurrency 0
    expect 0 "event" "$lambda" event s3 --bucket pictures --key "a b.png"
    says out '"pictures"'
    cp "$work/out" "$work/event"
    expect 0 "left to the queue" "$lambda" invoke echo "@$work/event" --async
    says out "accepted: "
    id=$(sed 's/accepted: //' "$work/out")
    expect 0 "queue" "$lambda" queue list
    says out "$id"
    expect 0 "concurrency" "$lambda" config echo --concurrency none
}

gone() {
    expect 0 "url away" "$lambda" url delete echo
    expect 0 "delete" "$lambda" delete echo
    says out "echo is deleted"
    expect 3 "delete again" "$lambda" delete echo
    expect 0 "later, of none" "$lambda" list
}

logs() {
    expect 0 "logs" "$lambda" logs echo
    says out "it has run"
    expect 0 "logs that match" "$lambda" logs echo --filter '"it has run"'
    says out "it has run"
    if grep -q "REPORT" "$work/out"; then echo "not ok: the filter let REPORT through" >&2 && failed=1; fi
    expect 0 "logs of later" "$lambda" logs echo --since 2999-01-01
    if [ -s "$work/out" ]; then echo "not ok: there are logs of 2999" >&2 && failed=1; fi
    expect 2 "since when" "$lambda" logs echo --since yesterday
    expect 3 "logs of none" "$lambda" logs nobody
}

# Starts a server with those options, and sets endpoint when it says where it listens.
serve() {
    mkfifo "$work/said"
    "$lambda" serve --port 0 --access-log "$work/access" "$@" >"$work/said" 2>"$work/served" &
    server=$!
    read -r line <"$work/said"
    rm "$work/said"
    case $line in
        "listening on http://127.0.0.1:"*) endpoint=${line#listening on } ;;
        *) echo "not ok: serve said '$line'" >&2 && cat "$work/served" >&2 && exit 1 ;;
    esac
}

usage
calls
functions
logs
queue
gone

expect 2 "no rate" "$lambda" serve --port 0 --rate 0
expect 2 "too many connections" "$lambda" serve --port 0 --connections 9999999

serve
name="first start"
grep -q AWS_SECRET_ACCESS_KEY "$work/served" || { echo "not ok: no keys were shown" >&2 && failed=1; }
expect 4 "in use" "$lambda" list
says err "in use by another process"
says err "--endpoint"
expect 4 "served twice" "$lambda" serve --port 0
expect 4 "a port that is taken" "$lambda" serve --data "$work/other" --port "${endpoint##*:}"
says err "next: another port"
expect 2 "an access log that is nowhere" "$lambda" serve --data "$work/other" --port 0 --access-log "$work/none/here"
says err "$work/none/here cannot be opened"
export AWS_ENDPOINT_URL_LAMBDA="$endpoint"
functions
expect 0 "metrics" "$lambda" metrics --endpoint "$endpoint"
says out 'lambda_invocations'
expect 0 "later" "$lambda" invoke echo --async
says out "accepted: "
url=$("$lambda" url get echo --json | sed -n 's/.*"FunctionUrl": "\(.*\)".*/\1/p')
case $url in
    *":${endpoint##*:}/") ;;
    *) echo "not ok: the URL $url does not name the port of $endpoint" >&2 && failed=1 ;;
esac
expect 0 "the URL answers" curl -s --resolve "$(echo "$url" | sed 's,http://\(.*\)/,\1,'):127.0.0.1" "$url"
says out hello
gone
AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=wrong expect 3 "other keys" "$lambda" list
expect 2 "no such profile" "$lambda" list --profile nobody
says err "no keys"
expect 2 "no endpoint" "$lambda" list --endpoint ftp://127.0.0.1
# Lines that a server writes are followed, until the reader goes.
mkfifo "$work/lines"
"$lambda" logs echo --follow --filter '"it has run"' >"$work/lines" 2>"$work/err" &
follower=$!
exec 4<"$work/lines"
read -r line <&4
name="follow"
case $line in
    *"it has run"*) ;;
    *) echo "not ok: logs --follow said '$line'" >&2 && failed=1 ;;
esac
exec 4<&-
wait "$follower"
kill "$server"
wait "$server" || { echo "not ok: serve ended with $?" >&2 && failed=1; }
server=
name="access log"
cp "$work/access" "$work/out"
says out "ListFunctions"
expect 4 "no server" "$lambda" list
says err "cannot be reached"
unset AWS_ENDPOINT_URL_LAMBDA
serve --rate 3 --connections 1
name="bounds"
# One connection for all of them: three a second are answered, and not all of ten.
for _ in 1 2 3 4 5 6 7 8 9 10; do echo "url = $endpoint/healthz"; done |
    curl -s -K - -w '%{http_code} %{num_connects}\n' -o /dev/null >"$work/out" || failed=1
says out "200 1"
says out "429 0"
if grep -q AWS_SECRET "$work/served"; then echo "not ok: the keys were shown again" >&2 && failed=1; fi
kill "$server"
wait "$server" || failed=1
server=
exit "$failed"
