#!/usr/bin/env python3
"""Puts the output of Benchmarks/run.py, read from standard input, into the README and
docs/maintainers/performance.md."""

import datetime
import os
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH = 120  # columns of a document
FIRST = 4  # rows that are about compiling; the README has these
ROW = re.compile(r"^(.{45}) +([\d.]+) (x|ms) +([\d.]+) \3 +(ok|MISSED) +(.*)$")


def main():
    rows = [match.groups() for match in map(ROW.match, sys.stdin) if match]
    if not rows:
        sys.exit("figures.py: no figures on standard input")
    for name, shown in ("README.md", rows[:FIRST]), ("docs/maintainers/performance.md", rows):
        path = ROOT / name
        path.write_text(re.sub(r"<!-- figures -->.*?<!-- /figures -->", lambda _: block(shown),
                               path.read_text(), flags=re.S))


def block(rows):
    """The list between its marks."""
    today = datetime.date.today().isoformat()
    lines = [f"Measured on {today}, {os.cpu_count()} processors, with `make bench`:", ""]
    for figure, value, unit, limit, verdict, detail in rows:
        lines.append(textwrap.fill(
            f"{figure.strip()}: {value} {unit} (limit {limit} {unit}, {verdict}); {detail.strip()}",
            WIDTH, initial_indent="- ", subsequent_indent="  "))
    return "<!-- figures -->\n" + "\n".join(lines) + "\n<!-- /figures -->"


if __name__ == "__main__":
    main()
