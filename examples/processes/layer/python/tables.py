"""What functions share: reads a table of comma-separated values."""
import csv


def columns(path):
    """The names of the columns, and the sum of each that holds numbers alone."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sums = {}
    for name in rows[0] if rows else []:
        try:
            sums[name] = sum(float(row[name]) for row in rows)
        except ValueError:
            continue
    return len(rows), sums
