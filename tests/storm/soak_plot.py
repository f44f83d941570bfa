#!/usr/bin/env python3
"""Draws what `make soak` has noted: soak_plot.py FILE.csv >FILE.svg. One panel for each figure."""

import csv
import sys
from html import escape

PANELS = [("memory_kib", "memory of the broker, KiB"), ("descriptors", "descriptors of the broker"),
          ("unread", "descriptors on their way"), ("messages", "messages a second"),
          ("p50_us", "canary's wait, median, us"), ("p99_us", "canary's wait, p99, us")]
WIDTH, HEIGHT, LEFT, GAP = 720, 90, 90, 34


def panel(rows, key, title, top):
    """The SVG of one figure over time; its axis begins at 0, so that flat looks flat."""
    times = [float(row["seconds"]) for row in rows]
    values = [float(row[key]) for row in rows]
    most, end = max(values) or 1, times[-1] or 1
    points = " ".join(f"{LEFT + WIDTH * t / end:.0f},{top + HEIGHT * (1 - v / most):.0f}"
                      for t, v in zip(times, values))
    return (f'<text x="{LEFT}" y="{top - 6}">{escape(title)}</text>'
            f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>'
            f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most:.0f}</text>'
            f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>'
            f'<polyline points="{points}" fill="none" stroke="#1f5fa8" stroke-width="1.2"/>\n')


def rates(rows):
    """Counts so far become counts a second."""
    before, count = 0.0, 0
    for row in rows:
        now, sent = float(row["seconds"]), int(row["messages"])
        row["messages"] = (sent - count) / max(now - before, 0.001)
        before, count = now, sent


def main():
    with open(sys.argv[1], encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        sys.exit(f"{sys.argv[1]}: no samples")
    rates(rows)
    height = GAP + len(PANELS) * (HEIGHT + GAP) + 20
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}" '
          'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>')
    for i, (key, title) in enumerate(PANELS):
        print(panel(rows, key, title, GAP + i * (HEIGHT + GAP)), end="")
    print(f'<text x="{LEFT}" y="{height - 22}">0</text><text x="{LEFT + WIDTH}" y="{height - 22}" '
          f'text-anchor="end">{float(rows[-1]["seconds"]):.0f} s</text></svg>')


main()
