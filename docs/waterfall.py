#!/usr/bin/env python3
"""Draws one trace of a picture that lambda_trace_write_chrome wrote, as an SVG with a row a span.

usage: waterfall.py TRACE.json ANNOTATION VALUE >PICTURE.svg

The trace is the first that has a span with that annotation. Where nothing happens for long, time is cut out.
"""
import json
import sys
from html import escape

WIDTH, LEFT, ROW, FONT = 960, 250, 20, 12
COLOURS = {"function": "#3b6ea5", "initialization": "#b07aa1", "invocation": "#5b9e6f", "overhead": "#9a9a9a",
           "subsegment": "#d99a3d", "call": "#7fb2d9"}


def spans_of(events, key, value):
    """The spans of the trace that has the annotation, each with the segment that it is in."""
    segment, traces, wanted = None, {}, None
    for event in events:
        if event["ph"] != "X":
            continue
        if event["cat"] == "function":
            segment = event
        args = event["args"]
        event["failed"] = "error" in args or "fault" in args
        trace = segment["args"]["trace_id"]
        traces.setdefault(trace, []).append(event)
        if wanted is None and str(args.get("annotations", {}).get(key)) == value:
            wanted = trace
    if wanted is None:
        sys.exit(f"no span is annotated {key} = {value}")
    return sorted(traces[wanted], key=lambda e: (e["ts"], -e["dur"]))


def panels_of(spans):
    """Cut where the trace rests: longer than ten times what the panel took so far."""
    panels, end = [], None
    for span in spans:
        if end is None or span["ts"] - end > 10 * (end - panels[-1][0]["ts"] + 1):
            panels.append([])
            end = span["ts"]
        panels[-1].append(span)
        end = max(end, span["ts"] + span["dur"])
    return panels


def time_text(us):
    return f"{us / 1e6:.3f} s" if us >= 1e6 else f"{us / 1e3:.3f} ms"


def draw(panels, title):
    rows = sum(len(panel) + 2 for panel in panels)
    height = (rows + 1) * ROW + 10
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           f'font-family="sans-serif" font-size="{FONT}">',
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           f'<text x="8" y="{ROW - 4}" font-weight="bold">{escape(title)}</text>']
    y, first = ROW + 8, panels[0][0]["ts"]
    for panel in panels:
        start = panel[0]["ts"]
        length = max(span["ts"] + span["dur"] for span in panel) - start
        scale = (WIDTH - LEFT - 90) / max(length, 1)
        out.append(f'<text x="8" y="{y + 14}" fill="#555555">{"+ " + time_text(start - first) if start > first else "0"}'
                   f'</text><line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y + 10}" y2="{y + 10}" stroke="#cccccc"/>')
        y += ROW
        open_until = []
        for span in panel:
            end = span["ts"] + span["dur"]
            open_until = [until for until in open_until if until >= end - 0.001 and until > span["ts"]]
            x, width = LEFT + (span["ts"] - start) * scale, max(span["dur"] * scale, 1.5)
            colour = COLOURS.get(span["cat"], "#777777")
            stroke = ' stroke="#c0392b" stroke-width="2"' if span["failed"] else ""
            indent = 8 + 14 * len(open_until)
            out.append(f'<text x="{indent}" y="{y + 14}">{escape(span["name"])}</text>'
                       f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{ROW - 6}" fill="{colour}"{stroke}/>'
                       f'<text x="{x + width + 4:.1f}" y="{y + 14}" fill="#555555">{time_text(span["dur"])}</text>')
            open_until.append(end)
            y += ROW
        y += ROW
    out.append("</svg>")
    return "\n".join(out)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    print(draw(panels_of(spans_of(events, sys.argv[2], sys.argv[3])), f"one order: {sys.argv[2]} = {sys.argv[3]}"))


main()
