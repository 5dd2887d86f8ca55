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
exports.binary = awslambda.streamifyResponse(async (event, stream) => {
    stream.write(Buffer.from([0, 1, 255, 254, 0]));
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
    expect 0 "help of one, short, whatever else is there" "$lambda" invoke -h --fly one two three
    says out "--qualifier NAME"
    expect 2 "an option that there is not" "$lambda" list -x
    says err "list has no option -x"
    expect 2 "JSON of what has none" "$lambda" completion bash --json
    says err "completion has no option --json"
    # shellcheck disable=SC2016 # the inner shell's
    expect 3 "a full disk" sh -c '"$1" help >/dev/full' sh "$lambda"
    says err "could not be written"
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
    command -v bash >/dev/null || return
    cp "$work/out" "$work/completion"
    expect 0 "commands complete" completes 1 lambda inv
    says out "<invoke>"
    expect 0 "options complete" completes 2 lambda invoke --str
    says out "<--stream>"
    expect 0 "verbs complete" completes 2 lambda alias ""
    says out "<create update get list delete>"
    expect 0 "values are files" completes 3 lambda create --zip ""
    says out "<>"
}

# completes INDEX WORD...: what bash makes of the words.
completes() {
    # shellcheck disable=SC2016 # bash's own
    # shellcheck disable=SC2317 # expect runs it
    bash -c '. "$1"; COMP_CWORD=$2; shift 2; COMP_WORDS=("$@"); _lambda; echo "<${COMPREPLY[*]}>"' bash "$work/completion" "$@"
}

calls() {
    expect 0 "call" "$lambda" call libm.so.6 'double pow(double x, double y)' x=2 y=10
    says out "1024.0"
    expect 0 "call with an event" "$lambda" call libm.so.6 'double pow(double x, double y)' '{"x": 3, "y": 2}'
    says out "9.0"
    expect 1 "call that fails" "$lambda" call libm.so.6 'double pow(double x, double y)' x=2
    says err 'is missing'
    expect 3 "call of no library" "$lambda" call libnone.so.6 'double pow(double x, double y)' x=2
    says err "LibraryError"
    if grep -q "zip -sf" "$work/err"; then echo "not ok: a library is no zip" >&2 && failed=1; fi
    expect 3 "call of none" "$lambda" call libm.so.6 'double none_such(double x)' x=2
}

# What works alike here and against a server.
functions() {
    expect 0 "create" "$lambda" create echo --runtime nodejs20.x --handler index.echo --zip "$work/code" --timeout 10 --environment COLOUR=red
    says out "arn:aws:lambda:us-east-1:000000000000:function:echo"
    expect 0 "create what is no text" "$lambda" create binary --runtime nodejs20.x --handler index.binary --zip "$work/code" --timeout 10
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
    expect 0 "binary" "$lambda" invoke binary --json
    says out '"PayloadBase64": "AAH//gA="'
    "$lambda" invoke binary --stream >"$work/bytes" 2>"$work/err"
    printf '\000\001\377\376\000' >"$work/same"
    cmp "$work/bytes" "$work/same" || { echo "not ok: a stream's bytes are not the function's alone" >&2; failed=1; }
    expect 2 "a stream as JSON" "$lambda" invoke binary --stream --json
    expect 0 "binary away" "$lambda" delete binary
    expect 0 "configuration" "$lambda" config echo --handler index.fail --memory 256 --tracing Active --environment SIZE=big
    says out "256"
    says out '"SIZE":"big"'
    says out '"COLOUR":"red"'
    says out '{"Mode":"Active"}'
    expect 0 "a variable away" "$lambda" config echo --unset SIZE --tracing PassThrough
    if grep -q SIZE "$work/out"; then echo "not ok: the variable is still there" >&2 && failed=1; fi
    expect 2 "a variable away that is not there" "$lambda" config echo --unset SIZE
    expect 3 "tracing as nobody knows it" "$lambda" config echo --tracing Sometimes
    expect 2 "configuration of a version" "$lambda" config echo --qualifier 1 --memory 256
    expect 1 "a function that fails" "$lambda" invoke echo
    says err "as it was told to"
    says err "the function failed (Unhandled)"
    expect 0 "update to stream" "$lambda" config echo --handler index.stream
    expect 0 "stream" "$lambda" invoke echo --stream
    says out "part 2"
    expect 0 "update to colour" "$lambda" config echo --handler index.colour
    expect 0 "environment" "$lambda" invoke echo
    says out '"red"'
    expect 2 "update nothing" "$lambda" update echo
    says err "lambda config echo"
    expect 2 "update of what is configured" "$lambda" update echo --memory 256
    expect 0 "publish" "$lambda" publish echo --description first
    says out ":1"
    expect 0 "alias" "$lambda" alias create echo prod --version 1
    says out "prod"
    expect 0 "aliases" "$lambda" alias list echo
    says out "prod"
    expect 0 "invoke an alias" "$lambda" invoke echo --qualifier prod --json
    says out '"ExecutedVersion": "1"'
    expect 2 "alias of no version" "$lambda" alias create echo other
    echo "and more" >>"$work/code/more.txt"
    expect 0 "a second version" "$lambda" update echo --zip "$work/code" --publish
    says out ":2"
    expect 0 "alias with weights" "$lambda" alias update echo prod --routing-weight 2=0.25
    says out '{"AdditionalVersionWeights":{"2":0.25}}'
    expect 0 "aliases with weights" "$lambda" alias list echo
    says out "2=0.25"
    expect 0 "alias without weights" "$lambda" alias update echo prod --routing-weight none
    if grep -q 0.25 "$work/out"; then echo "not ok: the weight is still there" >&2 && failed=1; fi
    expect 2 "a weight that is none" "$lambda" alias update echo prod --routing-weight 2=much
    expect 2 "a weight beyond all" "$lambda" alias update echo prod --routing-weight 2=1.5
    expect 3 "a weight of no version" "$lambda" alias update echo prod --routing-weight 77=0.5
    expect 2 "alias update of nothing" "$lambda" alias update echo prod
    expect 2 "an option of another verb" "$lambda" alias get echo prod --version 1
    says err "alias get has no --version"
    expect 0 "alias away" "$lambda" alias delete echo prod
    expect 3 "alias is away" "$lambda" alias get echo prod
    expect 0 "update code" "$lambda" update echo --zip "$work/code"
    expect 0 "update handler" "$lambda" config echo --handler index.hello
    expect 0 "url" "$lambda" url create echo
    says out ".lambda-url.us-east-1.localhost"
    expect 2 "url of nothing new" "$lambda" url update echo
    expect 2 "url of both" "$lambda" url update echo --public --private
    expect 0 "url that streams" "$lambda" url update echo --stream
    expect 0 "url is private still" "$lambda" url get echo
    says out "AWS_IAM"
    says out "RESPONSE_STREAM"
    expect 0 "url away, and there again" "$lambda" url delete echo
    expect 0 "public url" "$lambda" url create echo --public
    expect 0 "public url away" "$lambda" url delete echo
    expect 0 "public url, its permissions there already" "$lambda" url create echo
    expect 0 "public later" "$lambda" url update echo --public
    expect 0 "url is there" "$lambda" url get echo
    says out "NONE"
    says out "BUFFERED"
    expect 0 "urls" "$lambda" url list echo
    says out "NONE"
    expect 0 "urls as JSON" "$lambda" url list echo --json
    says out '"FunctionUrlConfigs"'
    expect 2 "urls of what" "$lambda" url list echo --public
    expect 0 "operation" "$lambda" api GetFunctionConfiguration '{"FunctionName": "echo"}'
    says out '"Handler": "index.hello"'
    expect 2 "an operation that there is not" "$lambda" api GetNothing
    says err "'lambda api' lists them"
    expect 2 "an operation that answers no JSON" "$lambda" api Invoke '{"FunctionName": "echo"}'
    says err "lambda invoke NAME"
    expect 0 "all operations" "$lambda" api --json
    says out '"GetLogLines"'
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
    expect 0 "function with a layer" "$lambda" config echo --layer "$layer"
    says out "$layer"
    expect 0 "function without a layer" "$lambda" config echo --layer none
    if grep -q "$layer" "$work/out"; then echo "not ok: the layer is still there" >&2 && failed=1; fi
    expect 0 "layer shown" "$lambda" layer get tables "${layer##*:}"
    expect 0 "layer away" "$lambda" layer delete tables "${layer##*:}"
    expect 2 "which layer" "$lambda" layer get tables
    expect 2 "a layer's option of another verb" "$lambda" layer list --zip "$work/code"
    says err "layer list has no --zip"
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

# SIGINT ends a load early, and what was done until then is told.
interrupted() {
    "$lambda" invoke echo --repeat 10000000 >"$work/out" 2>"$work/err" &
    load=$!
    until grep -q "REPORT" "$work/data/logs/aws/lambda/echo/"*.log 2>/dev/null; do :; done
    kill -INT "$load"
    wait "$load"
    code=$? name="interrupted"
    [ "$code" -eq 130 ] || { echo "not ok: an interrupted load ended with $code" >&2; cat "$work/err" >&2; failed=1; }
    says out "invocations, 0 function errors"
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
expect 0 "a function to load" "$lambda" create echo --runtime nodejs20.x --handler index.echo --zip "$work/code"
rm -r "$work/data/logs/aws/lambda/echo"
interrupted
expect 0 "it is away" "$lambda" delete echo

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
# What AWS does in other services, asked of the server.
elsewhere() {
    expect 0 "a function to look at" "$lambda" create seen --runtime nodejs20.x --handler index.echo --zip "$work/code" --tracing Active --timeout 10
    expect 0 "invoke it" "$lambda" invoke seen
    expect 0 "metrics" "$lambda" metrics --endpoint "$endpoint"
    says out "seen"
    expect 0 "metrics as JSON" "$lambda" metrics --json
    says out '"Invocations": 1'
    expect 0 "traces" "$lambda" trace --function seen
    trace=$(sed -n 's/^\(1-[^ ]*\).*/\1/p' "$work/out" | head -n 1)
    expect 0 "a trace" "$lambda" trace "$trace"
    says out "Initialization"
    expect 3 "a trace that is not there" "$lambda" trace 1-00000000-000000000000000000000000
    expect 0 "logs" "$lambda" logs seen --filter '"it has run"' --since 1h
    says out "it has run"
    expect 0 "logs as JSON" "$lambda" logs seen --json
    says out '"Lines"'
    expect 3 "logs of none" "$lambda" logs nobody
    expect 3 "logs with no pattern" "$lambda" logs seen --filter '{ bad'
    expect 0 "may not run" "$lambda" config seen --concurrency 0
    expect 0 "later" "$lambda" invoke seen --async
    says out "accepted: "
    expect 0 "queue" "$lambda" queue --function seen
    says out "seen"
    expect 3 "not drained" "$lambda" queue drain --wait 0
    expect 0 "purge" "$lambda" queue purge
    says out "purged 1"
    expect 3 "redrive from what is none" "$lambda" queue redrive --destination none
    expect 0 "drain" "$lambda" queue drain --json
    says out '"Events": []'
    expect 0 "it is away" "$lambda" delete seen
}
elsewhere
# The package of a function, fetched from where GetFunction says, makes the same function again.
there_and_back() {
    expect 0 "GetFunction" "$lambda" api GetFunction '{"FunctionName":"echo"}'
    location=$(sed -n 's/.*"Location": "\(.*\)".*/\1/p' "$work/out")
    sum=$(sed -n 's/.*"CodeSha256": "\(.*\)".*/\1/p' "$work/out")
    expect 0 "the package" curl -sf -o "$work/back.zip" "$location"
    expect 0 "made again of it" "$lambda" create back --runtime nodejs20.x --handler index.echo --zip "$work/back.zip" --json
    says out "\"CodeSha256\": \"${sum:-none}\""
    expect 0 "it is away" "$lambda" delete back
}
there_and_back
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
# A profile of ~/.aws/config: its keys, and its region.
profiles() {
    id=$(sed -n 's/^aws_access_key_id *= *//p' "$LAMBDA_DATA/credentials")
    secret=$(sed -n 's/^aws_secret_access_key *= *//p' "$LAMBDA_DATA/credentials")
    mkdir -p "$work/.aws"
    cat >"$work/.aws/config" <<INI
[default]
region = eu-north-1
[profile mine]
aws_access_key_id = $id
aws_secret_access_key = $secret
s3 =
    region = ap-south-1
region = us-east-1
[profile foreign]
sso_session = somewhere
INI
    expect 0 "a profile of the configuration" "$lambda" list --profile mine
    export AWS_CONFIG_FILE="$work/config" AWS_PROFILE=mine
    mv "$work/.aws/config" "$work/config"
    expect 0 "AWS_PROFILE and AWS_CONFIG_FILE" "$lambda" list
    unset AWS_PROFILE
    expect 3 "the region of another profile" "$lambda" list
    says err "InvalidSignatureException"
    says err "--region"
    expect 0 "AWS_DEFAULT_REGION goes before it" env AWS_DEFAULT_REGION=us-east-1 "$lambda" list
    expect 2 "keys in a way that is not taken" "$lambda" list --profile foreign
    says err "its sso_session is not taken here"
    unset AWS_CONFIG_FILE
}
profiles
expect 2 "no endpoint" "$lambda" list --endpoint ftp://127.0.0.1
# Lines that a server writes are followed, until the reader goes.
mkfifo "$work/lines"
"$lambda" logs echo --follow --filter '"it has run"' --data "$work/data" >"$work/lines" 2>"$work/err" &
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
