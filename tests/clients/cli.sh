#!/bin/sh
# The AWS CLI, unmodified, against `lambda serve`. Environment: endpoint, stage (with node.zip, other.zip), AWS's variables.
set -eu
# Debian's, which another of that name may stand before.
program=/usr/bin/aws
: "${endpoint:?}" "${stage:?}"
lambda() { "$program" lambda --endpoint-url "$endpoint" --output json "$@"; }
out="$stage/cli.out"

# is WHAT TEXT: what was printed last has it.
is() {
    grep -qF -- "$2" "$out" || {
        echo "$1: no \"$2\" in:" >&2
        cat "$out" >&2
        exit 1
    }
}
# refused CODE ARGUMENT...: the call fails with that error.
refused() {
    code=$1
    shift
    if lambda "$@" >"$out" 2>&1; then
        echo "$* was not refused" >&2
        exit 1
    fi
    is "$*" "($code)"
}

lambda create-function --function-name cli --runtime nodejs20.x --role arn:aws:iam::000000000000:role/any --handler index.echo \
    --memory-size 512 --timeout 20 --zip-file "fileb://$stage/node.zip" >"$out"
is create '"FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:cli"'
lambda wait function-active-v2 --function-name cli
lambda invoke --function-name cli --cli-binary-format raw-in-base64-out --payload '{"cli":true}' "$stage/answer" >"$out"
is invoke '"StatusCode": 200'
cp "$stage/answer" "$out"
is answer '{"cli":true}'
lambda update-function-code --function-name cli --zip-file "fileb://$stage/other.zip" --publish >"$out"
is update '"Version": "1"'
lambda wait function-updated-v2 --function-name cli
lambda create-alias --function-name cli --name prod --function-version 1 >"$out"
is alias 'function:cli:prod'
lambda invoke --function-name cli:prod "$stage/answer" >"$out"
cp "$stage/answer" "$out"
is "alias's answer" '"other"'
lambda list-versions-by-function --function-name cli >"$out"
is versions '"Version": "1"'
lambda list-functions --max-items 1 >"$out"
is list '"FunctionName"'
lambda create-function-url-config --function-name cli --auth-type NONE >"$out"
is url '.lambda-url.'
lambda put-function-event-invoke-config --function-name cli --maximum-retry-attempts 0 >"$out"
is retries '"MaximumRetryAttempts": 0'
lambda get-account-settings >"$out"
is account '"ConcurrentExecutions": 1000'
refused ResourceNotFoundException get-function --function-name none
refused ResourceConflictException create-alias --function-name cli --name prod --function-version 1
(
    unset AWS_PROFILE
    export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=x
    refused UnrecognizedClientException list-functions
)
lambda delete-function --function-name cli >"$out"
echo "the AWS CLI is content"
