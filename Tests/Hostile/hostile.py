#!/usr/bin/env python3
"""Tries what an enemy, or bad luck, can do to vfioplan; prints how much was tried.

  hostile.py PROGRAM [--seed N] [--only WORD]     the same attempts for the same seed and program

Needs root, /dev/fuse and namespaces; says so where it has not got them.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "FakeSysfs"))

import world  # noqa: E402
import emulated  # noqa: E402
import environments  # noqa: E402
import journals  # noqa: E402
import peers  # noqa: E402
import signals  # noqa: E402
import trees  # noqa: E402

CAMPAIGNS = {
    "signals": signals.signal_cases, "faults": signals.fault_cases, "journals": journals.cases,
    "trees": trees.cases, "archives": trees.archive_cases, "peers": peers.cases,
    "environments": environments.cases, "emulated": emulated.cases}
SHOWN = 8  # of each campaign


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="a word in the names of campaigns")
    parser.add_argument("--shard", type=int, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def attempt_all(options):
    """Tries one shard of every campaign; a line of JSON for each campaign."""
    shard, count = options.shard
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    here = world.World(options.program)
    for name, cases in CAMPAIGNS.items():
        if options.only not in name:
            continue
        tried, broken, start = 0, [], time.monotonic()
        here.renew()
        for case in cases(here, random.Random(options.seed)):
            if zlib.crc32(case.name.encode()) % count != shard:
                continue
            tried += 1
            here.renew()
            try:
                case.attempt()
            except (AssertionError, OSError, ValueError) as error:
                broken.append(f"{case.name}: {error or repr(error)}")
            here.end_strangers()
        seconds = round(time.monotonic() - start, 1)
        print(json.dumps([name, tried, broken, seconds]), flush=True)


def main():
    options = arguments()
    if options.shard:
        return attempt_all(options)
    why = world.obstacle()
    if why:
        return world.skip("hostile", why)
    count = os.cpu_count() or 1
    totals = {}
    with contextlib.ExitStack() as stack:
        shards = [
            stack.enter_context(world.started(
                [*sys.argv, "--shard", str(shard), str(count)], stdout=subprocess.PIPE, text=True))
            for shard in range(count)]
        for shard in shards:
            for line in shard.stdout:
                name, tried, broken, seconds = json.loads(line)
                total = totals.setdefault(name, [0, [], 0])
                totals[name] = [total[0] + tried, total[1] + broken, max(total[2], seconds)]
        failed = any([shard.wait() for shard in shards])
    return report(totals, failed)


def report(totals, failed):
    """Says what was tried and what came of it; the status of the process."""
    broken = 0
    for name, (_, lines, _) in totals.items():
        broken += len(lines)
        for line in lines[:SHOWN]:
            print(f"BROKEN {name}: {line}")
        if len(lines) > SHOWN:
            print(f"and {len(lines) - SHOWN} more of {name}")
    counts = ", ".join(f"{tried} {name}" for name, (tried, _, _) in totals.items())
    times = ", ".join(f"{name} {seconds:.0f}" for name, (_, _, seconds) in totals.items())
    print(f"hostile: {counts}: " + (
        f"{broken} broke a law" if broken else "all documented, nothing lost, nothing left"))
    print(f"seconds: {times}")
    return 1 if broken or failed else 0


if __name__ == "__main__":
    sys.exit(main())
