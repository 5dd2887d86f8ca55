#!/bin/bash
# The function of area.c as a bootstrap of bash, curl and awk: name it `bootstrap` in a package for provided.al2023.
set -u
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'kill "$!" 2>/dev/null; exit 0' TERM

# number NAME EVENT: that field of a flat JSON object, if it is a number.
number() {
    sed -nE 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*(-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?).*/\1/p' <<<"$2"
}

while true; do
    # In the background, as bash runs no trap while it waits for a command in the foreground. No timeout: the next event may be long in coming.
    curl -sS --noproxy '*' -D "$work/headers" -o "$work/event" "$api/invocation/next" &
    wait "$!" || exit 1
    event=$(cat "$work/event")
    id=$(tr -d '\r' <"$work/headers" | awk 'tolower($1) == "lambda-runtime-aws-request-id:" { print $2 }')
    [ -n "$id" ] || exit 1
    length=$(number length "$event")
    width=$(number width "$event")
    if [ -n "$length" ] && [ -n "$width" ]; then
        echo "log group: $AWS_LAMBDA_LOG_GROUP_NAME"
        answer=$(awk -v length_="$length" -v width="$width" 'BEGIN { area = length_ * width; printf area == int(area) ? "{\"area\":%.1f}" : "{\"area\":%.17g}", area }')
        curl -sS --noproxy '*' -o /dev/null -H 'Content-Type: application/json' -d "$answer" "$api/invocation/$id/response"
    else
        curl -sS --noproxy '*' -o /dev/null -H 'Content-Type: application/json' -H 'Lambda-Runtime-Function-Error-Type: InvalidRequestContentException' \
            -d '{"errorMessage":"length and width are numbers","errorType":"InvalidRequestContentException","stackTrace":[]}' \
            "$api/invocation/$id/error"
    fi
done
