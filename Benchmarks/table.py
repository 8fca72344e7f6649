"""One line for one figure."""

import argparse
import os


def row(figure, value, limit, unit, detail, verdict=None):
    """A figure as it was measured beside its limit, and whether it keeps that if that is to be said."""
    judged = "" if verdict is None else f"{verdict:6}  "
    return f"{figure:45} {value:>7.2f} {unit:2} {limit:>4} {unit:2} {judged}{detail}"


def verdict(value, limit):
    return "ok" if value <= limit else "MISSED"


def command(figures, option, default):
    """What a file does as a command that measures with so many of something: prints a line for each figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--" + option, type=int, default=default)
    options = vars(parser.parse_args())
    for figure in figures(os.path.abspath(options["binary"]), 3, options[option]):
        print(row(*figure))
