"""Takes a file in base64, keeps it in /tmp, and reports on what is in it. The reader of tables is in a layer."""
import base64
import os

import tables


def handler(event, context):
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), context.aws_request_id + ".csv")
    with open(path, "wb") as file:
        file.write(base64.b64decode(event["file"], validate=True))
    try:
        rows, sums = tables.columns(path)
    finally:
        os.remove(path)
    print(f"{rows} rows in {event['name']}")
    return {"name": event["name"], "rows": rows, "sums": sums}
