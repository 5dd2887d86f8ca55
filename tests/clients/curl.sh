#!/bin/sh
# curl.sh LAMBDA: curl against function URLs, preflights included. Environment: endpoint, stage, AWS's variables.
set -eu
: "${endpoint:?}" "${stage:?}"
program=$1
here=$(cd "$(dirname "$0")" && pwd)
out="$stage/curl.out"
mkdir -p "$stage/curl"
cp "$here/browser/functions.js" "$stage/curl/index.js"

# url NAME HANDLER [OPTION]: makes a function with a URL.
url() {
    "$program" create "curl-$1" --endpoint "$endpoint" --runtime nodejs20.x --handler "index.$2" --zip "$stage/curl" --timeout 20 >"$out"
    # shellcheck disable=SC2086 # none, or one
    "$program" url create "curl-$1" --endpoint "$endpoint" ${3:-}
}
# ask ARGUMENT...: curl's answer with its head.
ask() { curl --silent --show-error --max-time 30 --include "$@" | tr -d '\r' >"$out"; }
# is LINE...: each is a line of the answer, or the beginning of one.
is() {
    for line in "$@"; do
        grep -qi -- "^$line" "$out" || {
            echo "no line \"$line\" in:" >&2
            cat "$out" >&2
            exit 1
        }
    done
}
# member TEXT: the body, which is JSON, has it.
member() {
    grep -qF -- "$1" "$out" || {
        echo "no $1 in:" >&2
        cat "$out" >&2
        exit 1
    }
}

echo=$(url echo echo --public)
"$program" api UpdateFunctionUrlConfig --endpoint "$endpoint" '{"FunctionName": "curl-echo", "Cors": {"AllowOrigins": ["https://a.test"], "AllowMethods": ["GET", "PUT"], "AllowHeaders": ["x-asked"], "MaxAge": 60}}' >"$out"
ask "${echo}a/b?q=1"
is "HTTP/1.1 200" "content-type: application/json" "x-made-by: echo" "set-cookie: seen=1"
member '"path":"/a/b"'
member '"query":{"q":"1"}'
ask "$echo" --json '{"a": "λ"}'
member '"body":"{\"a\": \"λ\"}"'
ask "$echo" --data-urlencode 'a=b c'
member '"content-type":"application/x-www-form-urlencoded"'
ask "$echo" --http1.0
is "HTTP/1.. 200" "connection: close"
ask "$echo" --head
is "HTTP/1.1 200" "content-length: [1-9]"
# A body of unknown length goes in chunks.
printf 'from a pipe' | ask "$echo" --upload-file -
is "HTTP/1.1 200"
member '"method":"PUT"'
member '"body":"from a pipe"'
# For a large one curl asks first, and waits for the answer.
head -c 2000000 /dev/zero | tr '\0' x >"$stage/curl/large"
ask "$echo" --header "Content-Type: text/plain" --header "Expect: 100-continue" --data-binary "@$stage/curl/large"
is "HTTP/1.1 100" "HTTP/1.1 200"
head -c 6291457 /dev/zero >"$stage/curl/large"
ask "$echo" --header "Expect: 100-continue" --data-binary "@$stage/curl/large"
is "HTTP/1.1 413"
if grep -q "HTTP/1.1 100" "$out"; then echo "a body that is too large was asked for" >&2 && exit 1; fi
# Cookies go into curl's jar and come out of it.
ask "$echo" --cookie-jar "$stage/curl/jar"
ask "$echo" --cookie "$stage/curl/jar"
member '"cookies":["seen=1"]'

ask "$echo" --request OPTIONS --header "Origin: https://a.test" --header "Access-Control-Request-Method: PUT" --header "Access-Control-Request-Headers: x-asked"
is "HTTP/1.1 200" "access-control-allow-origin: https://a.test" "access-control-allow-methods: GET, PUT" "access-control-allow-headers: x-asked" "access-control-max-age: 60" "vary: origin"
ask "$echo" --request OPTIONS --header "Origin: https://b.test" --header "Access-Control-Request-Method: PUT"
if grep -qi "^access-control" "$out"; then cat "$out" >&2 && exit 1; fi
ask "$echo" --header "Origin: https://a.test"
is "HTTP/1.1 200" "access-control-allow-origin: https://a.test"

file=$(url file file --public)
curl --silent --show-error --fail --output-dir "$stage/curl" --remote-name --remote-header-name "$file"
i=0
while [ "$i" -lt 256 ]; do
    # shellcheck disable=SC2059 # an escape that is made here
    printf "\\$(printf %03o "$i")"
    i=$((i + 1))
done >"$stage/curl/expected"
cmp "$stage/curl/expected" "$stage/curl/all.bin"

stream=$(url stream stream --public)
"$program" url update curl-stream --endpoint "$endpoint" --public --stream >"$out"
ask "$stream" --no-buffer
is "HTTP/1.1 200" "transfer-encoding: chunked" "x-runs: 1" first last

iam=$(url iam echo)
ask "$iam"
is "HTTP/1.1 403"
key=$(sed -n 's/^aws_access_key_id = //p' "$AWS_SHARED_CREDENTIALS_FILE")
ask "$iam" --aws-sigv4 aws:amz:us-east-1:lambda --user "$key:$(sed -n 's/^aws_secret_access_key = //p' "$AWS_SHARED_CREDENTIALS_FILE")" --json '{}'
is "HTTP/1.1 200"
member "\"caller\":\"$key\""
for name in echo file stream iam; do "$program" delete "curl-$name" --endpoint "$endpoint" >"$out"; done
echo "curl is content"
