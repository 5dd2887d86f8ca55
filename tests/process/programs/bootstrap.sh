#!/bin/bash
# A function in bash and curl: the custom runtime of https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html with its handler in it.
# The event says what it does: a JSON string of a verb and perhaps words more. All else is answered with itself.
#   "log TEXT"  writes TEXT to its standard output and error      "fail TEXT"  reports an error with TEXT
#   "exit N"    ends with that status                             "hang"       never answers
#   "count"     how many invocations it has had                   "get NAME"   the environment variable's value
set -u
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
head=$(mktemp)
trap 'rm -f "$head"' EXIT

# post PATH BODY [OPTION...]
post() { curl -sS --noproxy '*' -o /dev/null -X POST "${@:3}" --data-binary "$2" "$api/$1"; }

header() { sed -n "s/^$1: *//Ip" "$head" | tr -d '\r'; }

if [ -n "${BOOTSTRAP_FAIL:-}" ]; then
    post init/error "{\"errorType\":\"Bootstrap.Failed\",\"errorMessage\":\"$BOOTSTRAP_FAIL\"}" \
        -H 'Lambda-Runtime-Function-Error-Type: Bootstrap.Failed'
    exit 1
fi
echo "bootstrap begins"
count=0
while event=$(curl -sS --noproxy '*' -D "$head" "$api/invocation/next"); do
    id=$(header Lambda-Runtime-Aws-Request-Id)
    [ -n "$id" ] || exit 1
    count=$((count + 1))
    verb=${event#\"}
    verb=${verb%\"}
    words=${verb#* }
    case $event in
    '"log '*)
        echo "$words"
        echo "$words" >&2
        post "invocation/$id/response" '"logged"'
        ;;
    '"fail '*)
        post "invocation/$id/error" "{\"errorType\":\"Bash.Failed\",\"errorMessage\":\"$words\",\"stackTrace\":[]}" \
            -H 'Lambda-Runtime-Function-Error-Type: Bash.Failed'
        ;;
    '"exit '*) exit "$words" ;;
    '"hang"') sleep infinity ;;
    '"count"') post "invocation/$id/response" "$count" ;;
    '"get '*) post "invocation/$id/response" "\"${!words-}\"" ;;
    *) post "invocation/$id/response" "$event" ;;
    esac
done
exit 1
