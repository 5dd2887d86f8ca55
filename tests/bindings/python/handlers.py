"""What tests/bindings/test_python.py has the client for Python run."""

import decimal
import logging
import os
import sys

count = 0
logger = logging.getLogger("shop")


class OrderError(Exception):
    """An error of the function's own."""


def returns(event, context):
    global count
    count += 1
    return {"event": event, "count": count}


def nothing(event, context):
    return None


def context(event, context):
    client = context.client_context
    return {
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "aws_request_id": context.aws_request_id,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "client": client and [client.client.app_title, client.client.installation_id, client.custom, client.env],
        "remaining": context.get_remaining_time_in_millis(),
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "name": __name__,
    }


def raises(event, context):
    raise OrderError("no such order")


def numbers(event, context):
    return [decimal.Decimal("3"), decimal.Decimal("2.5"), "größer"]


def not_json(event, context):
    return {"value": object()}


def not_a_number(event, context):
    return float("nan")


def logs(event, context):
    print("plain")
    logger.info("quiet")
    logger.warning("two\nlines %d", 2)
    try:
        raises(event, context)
    except OrderError:
        logger.exception("caught", extra={"order": 7})


def exits(event, context):
    sys.exit(7)


number = 3


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("not to be said")


def raises_what_is_hard_to_say(event, context):
    if event == "surrogate":
        raise OSError("no such file: \udcff")
    raise Unprintable()
