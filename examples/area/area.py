"""The function of area.c for Python."""


def handler(event, context):
    length, width = float(event["length"]), float(event["width"])
    print(f"log group: {context.log_group_name}")
    return {"area": length * width}
