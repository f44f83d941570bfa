"""What run.py has measured, as ratios, a table and a plot."""

import os
import platform
import statistics
from html import escape

# part, numerator, denominator, figure, goal: at least (rate) or at most (a time) of the denominator
GOALS = [
    ("acquire", "ipcbrokerd", "bare, reopened", "rate", 0.95),
    ("acquire", "ipcbrokerd", "bare, held", "rate", None),
    ("acquire", "ipcbrokerd", "bare, reopened", "p99", 1.2),
    ("acquire", "ipcbrokerd", "s6-fdholderd", "rate", 1.15),
    ("acquire", "ipcbrokerd", "dbus-broker", "rate", 4),
    ("acquire", "ipcbrokerd", "dbus-daemon", "rate", 5),
    ("acquire", "ipcbrokerd, by libipcbroker", "ipcbrokerd", "rate", None),
    ("acquire", "ipcbrokerd", "mq_open by hand", "rate", None),
    ("acquire", "once: ipcbrokerd", "once: bare, reopened", "rate", 0.9),
    ("acquire", "once: ipcbrokerd", "once: s6-fdholderd", "rate", 1.3),
    ("acquire", "once: ipcbrokerd", "once: dbus-broker", "rate", None),
    ("acquire", "once: ipcbrokerd", "once: dbus-daemon", "rate", None),
    *[("batch", f"{n}: queues, ipcbrokerd", f"{n}: queues, bare, reopened", "rate", 0.95)
      for n in (8, 64, 253)],
    *[("batch", f"{n}: eventfds, ipcbrokerd", f"{n}: bare, held", "rate", 0.95)
      for n in (8, 64, 253)],
    ("batch", "64: queues, ipcbrokerd", "1: queues, ipcbrokerd", "rate", 15),
    ("batch", "64: eventfds, ipcbrokerd", "1: eventfds, ipcbrokerd", "rate", 15),
    ("batch", "64: bare, held", "1: bare, held", "rate", None),
    *[("active", f"{n} active", "1 active", "rate", 1) for n in (2, 4, 8, 16, 32, 64)],
    ("idle", "ipcbrokerd, 240 idle", "s6-fdholderd, 240 idle", "rate", 3.5),
    ("idle", "ipcbrokerd, 10000 idle", "ipcbrokerd, 0 idle", "rate", 0.95),
    ("objects", "1000 queues", "10 queues", "rate", 0.95),
    ("objects", "8000 queues", "10 queues", "rate", 0.95),
    ("objects", "10000 eventfds", "10 eventfds", "rate", 0.95),
    ("start", "ipcbrokerd", "bare loop and inih", "ms", 1.15),
    ("start", "reload", "ipcbrokerd", "ms", 0.5),
    ("tools", "ipcbrokerctl exec", "s6-fdholder-retrieve", "ms", None),
    ("data", "queue, library", "queue, bare", "rate", 0.99),
    ("data", "eventfd, library", "eventfd, bare", "rate", 0.99),
    ("data", "pipe, library", "pipe, bare", "rate", 0.99),
    ("data", "pipe, library", "eventfd, library", "rate", None),
]


def head(cpu, options):
    """Where and how the figures came to be."""
    model = ""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
    return {"kernel": platform.release(), "machine": platform.machine(), "cpu": model,
            "pinned_to": cpu, "processors": os.cpu_count(), "load": os.getloadavg()[0],
            "rounds": options.rounds, "milliseconds": options.milliseconds,
            "libc": " ".join(platform.libc_ver())}


def judge(figure, goal, ratios):
    """A goal counts as missed only where the whole interval lies on its wrong side."""
    if goal is None:
        return ""
    if figure == "rate":
        return "missed" if max(ratios) < goal else "met" if statistics.median(ratios) >= goal else "open"
    return "missed" if min(ratios) > goal else "met" if statistics.median(ratios) <= goal else "open"


def add_ratios(result):
    """Ratios are taken within a round."""
    result["ratios"] = []
    for part, over, under, figure, goal in GOALS:
        ways = result["parts"].get(part, {}).get("ways", {})
        if over not in ways or under not in ways:
            continue
        ratios = [a / b for a, b in zip(ways[over][figure], ways[under][figure])]
        result["ratios"].append({
            "part": part, "over": over, "under": under, "figure": figure, "goal": goal,
            "median": statistics.median(ratios), "least": min(ratios), "most": max(ratios),
            "verdict": judge(figure, goal, ratios)})


def print_ways(part):
    columns = [key for key in ("rate", "p50", "p99", "server_us", "ms")
               if any(key in way for way in part["ways"].values())]
    print(f"{'':34}" + "".join(f"{column:>12}" for column in columns))
    for name, way in part["ways"].items():
        print(f"{name:34}" + "".join(
            f"{statistics.median(way[column]):12.{0 if column == 'rate' else 2}f}"
            for column in columns))


def print_table(result):
    for key, value in result["head"].items():
        print(f"{key:14}{value}")
    for name, part in result["parts"].items():
        print(f"\n== {name} (medians; rate: things a second; p50, p99, server_us: microseconds)")
        if "failed" in part:
            print("FAILED: " + part["failed"])
        if "ways" in part:
            print_ways(part)
        for title in ("facts", "bytes_a_client", "kernel_bytes_a_client_both_ends", "bytes_an_object",
                      "kernel_bytes_an_object", "descriptors", "left_out"):
            for key, value in part.get(title, {}).items():
                print(f"{title + ': ' + key:44}{value if isinstance(value, str) else f'{value:,.0f}'}")
    print(f"\n{'ratio':58}{'figure':>9}{'median':>9}{'least':>8}{'most':>8}{'goal':>7}")
    for ratio in result["ratios"]:
        goal = "" if ratio["goal"] is None else f"{ratio['goal']:g}"
        print(f"{ratio['over'] + ' / ' + ratio['under']:58}{ratio['figure']:>9}{ratio['median']:9.2f}"
              f"{ratio['least']:8.2f}{ratio['most']:8.2f}{goal:>7} {ratio['verdict']}")


# ---- the plot ----

WIDTH, LABEL, LINE = 900, 400, 22
COLOURS = {"met": "#2a7f3f", "open": "#b8860b", "missed": "#b22222", "": "#4a6fa5"}


def write_svg(result, path):
    """A row for each ratio: a line from the least to the most, a dot at the median, a mark at the
    goal, on a logarithmic scale from 1/4 to 32."""
    import math

    def at(value):
        value = min(max(value, 0.25), 32)
        return LABEL + (WIDTH - LABEL - 20) * (math.log2(value) + 2) / 7

    rows = result["ratios"]
    height = LINE * (len(rows) + 3)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>']
    for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32):
        out.append(f'<line x1="{at(tick):.1f}" y1="{LINE}" x2="{at(tick):.1f}" y2="{height - LINE}" '
                   f'stroke="{"#888" if tick == 1 else "#ddd"}"/>'
                   f'<text x="{at(tick):.1f}" y="{LINE - 6}" text-anchor="middle">{tick:g}</text>')
    for i, row in enumerate(rows):
        y = LINE * (i + 2)
        colour = COLOURS[row["verdict"]]
        label = f"{row['over']} / {row['under']}" + ("" if row["figure"] == "rate" else f" ({row['figure']})")
        out.append(f'<text x="{LABEL - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>'
                   f'<line x1="{at(row["least"]):.1f}" y1="{y}" x2="{at(row["most"]):.1f}" y2="{y}" '
                   f'stroke="{colour}" stroke-width="3"/>'
                   f'<circle cx="{at(row["median"]):.1f}" cy="{y}" r="5" fill="{colour}"/>')
        if row["goal"] is not None:
            out.append(f'<line x1="{at(row["goal"]):.1f}" y1="{y - 8}" x2="{at(row["goal"]):.1f}" '
                       f'y2="{y + 8}" stroke="black" stroke-width="2"/>')
    out.append(f'<text x="10" y="{height - 6}">{escape(result["head"]["cpu"])}, kernel '
               f'{escape(result["head"]["kernel"])}; dot: median, line: least to most of a round, '
               f'mark: goal</text></svg>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")
