#!/usr/bin/env python3
"""Real kernels under an emulated IOMMU: what vfioplan says of them is tried on them.

Nothing needs root except installing the Debian packages that `lab.py deps` names; nothing needs
hardware. Kernels are kept under $XDG_CACHE_HOME/vfioplan-lab. docs/kernel-lab.md says the rest.
"""

import argparse
import os
import re
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from labkit import debian, kernels, machines, qemu, report, runner, scenarios, tools
from labkit.registry import SCENARIOS
from labkit.scenario import FULL_COUNT, Bench

ROOT = Path(__file__).resolve().parents[2]
SEED = 1
# What is needed, and the Debian package that has it.
NEEDS = {
    "qemu-system-x86_64": "qemu-system-x86", "bison": "bison", "flex": "flex", "bc": "bc",
    "xz": "xz-utils", "gcc": "gcc", "make": "make", "/usr/include/libelf.h": "libelf-dev",
    "/usr/include/openssl/ssl.h": "libssl-dev", "/usr/share/seabios/bios-256k.bin": "seabios",
}


def say(*lines: str):
    """Progress, as TAP comments."""
    for line in lines:
        print(f"# {line}", flush=True)


def cacheDirectory() -> Path:
    """Where kernels are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "vfioplan-lab"


def missingPackages() -> list[str]:
    """The Debian packages that are not installed."""
    return [package for need, package in NEEDS.items()
            if not (Path(need).exists() if need.startswith("/") else shutil.which(need))]


def busybox(shelf: kernels.Shelf) -> Path:
    """A static busybox for the guests."""
    path = shelf.directory / "busybox"
    if not path.exists():
        shelf.refresh()
        version = shelf.archive.candidate("busybox-static")
        scratch = shelf.directory / "unpack" / "busybox"
        debian.unpack(shelf.archive.download("busybox-static", version), scratch)
        shutil.copy(next(path for path in scratch.rglob("busybox") if os.access(path, os.X_OK)
                         and path.is_file()), path)
        shutil.rmtree(scratch)
    return path


def work(shelf: kernels.Shelf, options) -> list:
    """The benches the filter wants, each with its scenarios, the longest first.

    Kernels nobody wants are not made.
    """
    programs = tools.build(shelf.directory)
    found = []
    for recipe in kernels.RECIPES:
        if not any(wanted(name, machine, options.filter)
                   for name in recipe.kernelNames for machine in machines.MACHINES):
            continue
        for kernel in shelf.obtain(recipe):
            for machine in machines.seenBy(kernel):
                chosen = [scenario for scenario in wanted(kernel.name, machine, options.filter)
                          if scenario.fits(kernel, machine)]
                if chosen:
                    found.append((Bench(
                        kernel, machine, options.program.resolve(), programs, ROOT / "examples",
                        options.count, options.seed), chosen))
    if any(scenarios.usesQEMU(scenario) for _, chosen in found for scenario in chosen):
        archive = qemu.obtain(shelf.directory, say)
        found = [(replace(bench, qemu=archive), chosen) for bench, chosen in found]
    return sorted(found, key=lambda pair: -runner.limit(*pair))


def wanted(kernel: str, machine: machines.Machine, pattern: str) -> list:
    """The scenarios that a filter wants of a kernel and a machine."""
    return [scenario for scenario in SCENARIOS
            if re.search(pattern, f"{kernel} {machine.name} {scenario.name}")]


def runAll(options) -> int:
    """Runs what is wanted; the status says whether all of it is good."""
    missing = missingPackages()
    if missing:
        say(f"missing packages: {' '.join(missing)}")
        return 1
    shelf = kernels.Shelf(cacheDirectory(), say)
    box = busybox(shelf)
    say(f"seed {options.seed}, {options.count} generated descriptions a machine")
    todo = work(shelf, options)
    started, outcomes = time.monotonic(), []
    tap = report.TAP(options.verbose)
    for found in runner.runAll(todo, box, options.jobs, options.keep, say):
        for outcome in found:
            tap.show(outcome)
        outcomes += found
    outcomes = report.inOrder(outcomes, SCENARIOS)
    seconds = time.monotonic() - started
    print(f"1..{tap.number}")
    say(*report.tables(outcomes), *report.unseen(outcomes),
        f"{len(todo)} machines in {seconds:.0f} s")
    if options.record and not tap.failures:
        report.record(outcomes, SCENARIOS, seconds)
    good = sum(outcome.count(True) for outcome in outcomes)
    skipped = sum(outcome.count(None) for outcome in outcomes)
    print(f"lab: {good} passed, {tap.failures} failed, {skipped} skipped")
    return 1 if tap.failures or not outcomes else 0


def positive(text: str) -> int:
    """A number of things that there has to be at least one of."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("deps", help="name the Debian packages that are missing")
    commands.add_parser("list", help="list kernels, machines and scenarios")
    get = commands.add_parser("kernels", help="download and build what is not in the cache")
    get.add_argument("--only", default="", help="a regular expression over 6.1, 6.12, 7.3")
    run = commands.add_parser("run", help="boot the machines and run the scenarios")
    run.add_argument("filter", nargs="?", default="",
                     help="a regular expression over 'KERNEL MACHINE SCENARIO'")
    run.add_argument("--program", type=Path, required=True, help="the static vfioplan")
    run.add_argument("--count", type=positive, default=FULL_COUNT,
                     help="generated descriptions a machine")
    run.add_argument("--seed", type=int, default=SEED)
    run.add_argument("--jobs", type=int, default=3, help="machines at a time")
    run.add_argument("--keep", type=Path, help="keep consoles and results in this directory")
    run.add_argument("--verbose", action="store_true", help="a line for each verdict")
    run.add_argument("--record", action="store_true", help="write docs/lab-results.md")
    return parser.parse_args()


def main() -> int:
    """Does what the command line says."""
    options = arguments()
    if options.command == "deps":
        print(" ".join(missingPackages()))
    elif options.command == "list":
        for recipe in kernels.RECIPES:
            for name in recipe.kernelNames:
                kernel = kernels.Kernel(name, "", Path())
                for machine in machines.seenBy(kernel):
                    for scenario in SCENARIOS:
                        if scenario.fits(kernel, machine):
                            print(f"{name} {machine.name} {scenario.name}: {scenario.law}")
    elif options.command == "kernels":
        shelf = kernels.Shelf(cacheDirectory(), say)
        for recipe in kernels.RECIPES:
            if re.search(options.only, recipe.name):
                for kernel in shelf.obtain(recipe):
                    say(f"{kernel.name} {kernel.version}: {kernel.image}")
    else:
        return runAll(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
