#!/usr/bin/env python3
"""Puts the output of Benchmarks/run.py, read from standard input, into README.md and docs/performance.md."""

import datetime
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROW = re.compile(r"^(.{45}) +([\d.]+) (x|ms) +(\d+) \3 +(ok|MISSED) +(.*)$")


def main():
    rows = [match.groups() for match in map(ROW.match, sys.stdin) if match]
    if not rows:
        sys.exit("figures.py: no figures on standard input")
    today = datetime.date.today().isoformat()
    lines = [f"Measured on {today}, {os.cpu_count()} processors, with `make bench`:", ""]
    lines += ["| figure | measured | limit | |", "|---|---|---|---|"]
    for figure, value, unit, limit, verdict, detail in rows:
        lines.append(f"| {figure.strip()} | {value} {unit} | {limit} {unit}, {verdict} | {detail.strip()} |")
    block = "<!-- figures -->\n" + "\n".join(lines) + "\n<!-- /figures -->"
    for name in ("README.md", "docs/performance.md"):
        path = ROOT / name
        text = re.sub(r"<!-- figures -->.*?<!-- /figures -->", lambda _: block,
                      path.read_text(), flags=re.S)
        path.write_text(text)


if __name__ == "__main__":
    main()
