#!/usr/bin/env python3
"""Real kernels under an emulated IOMMU: what vfioplan says of them is tried on them.

Nothing needs root except installing the Debian packages that `lab.py deps` names; nothing needs
hardware. Kernels are kept under $XDG_CACHE_HOME/vfioplan-lab. docs/maintainers/kernel-lab.md says the rest.
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
from labkit.cache import cache_directory
from labkit.machines import Machine
from labkit.registry import SCENARIOS
from labkit.scenario import FULL_COUNT, Bench

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_SEED = 1
# What is tried on kernels that the lab can do without, when there is little time.
BRIEF_SCENARIOS = {"plans", "refusals", "tables", "others", "conform"}
# What is needed, and the Debian package that has it.
PACKAGES_OF = {
    "qemu-system-x86_64": "qemu-system-x86", "bison": "bison", "flex": "flex", "bc": "bc",
    "xz": "xz-utils", "gcc": "gcc", "make": "make", "/usr/include/libelf.h": "libelf-dev",
    "/usr/include/openssl/ssl.h": "libssl-dev", "/usr/share/seabios/bios-256k.bin": "seabios",
    "mkfs.minix": "util-linux",
}


def say(*lines: str):
    """Progress, as TAP comments."""
    for line in lines:
        print(f"# {line}", flush=True)


def missing_packages() -> list[str]:
    """The Debian packages that are not installed."""
    return [package for need, package in PACKAGES_OF.items()
            if not (Path(need).exists() if need.startswith("/") else shutil.which(need))]


def obtain_busybox(shelf: kernels.Shelf) -> Path:
    """A static busybox for the guests."""
    path = shelf.directory / "busybox"
    if not path.exists():
        archive = shelf.archive()
        version = archive.candidate("busybox-static")
        scratch = shelf.directory / "unpack" / "busybox"
        debian.unpack_package(archive.download("busybox-static", version), scratch)
        shutil.copy(next(path for path in scratch.rglob("busybox") if os.access(path, os.X_OK)
                         and path.is_file()), path)
        shutil.rmtree(scratch)
    return path


def wanted_benches(shelf: kernels.Shelf, options) -> tuple[list, list[str]]:
    """The benches the filter wants, each with its scenarios, the longest first; the kernels that
    are not there, and why.

    Kernels nobody wants are not made.
    """
    programs = tools.build_programs(shelf.directory)
    found, missing = [], []
    for recipe in kernels.RECIPES:
        if not any(machines_with_scenarios(kernel, options.filter) for kernel in recipe.sketches):
            continue
        made, why = obtain_kernels(shelf, recipe, options.present)
        missing += [f"{recipe.name}: {why}"] if why else []
        is_brief = options.present and recipe.is_optional
        found += [(Bench(kernel, machine, options.program.resolve(), programs, ROOT / "examples",
                         options.count, options.seed), chosen)
                  for kernel in made
                  for machine, chosen in machines_with_scenarios(kernel, options.filter, is_brief)]
    if any(scenario.uses_qemu for _, chosen in found for scenario in chosen):
        archive = qemu.obtain_qemu(shelf.directory, say)
        found = [(replace(bench, qemu=archive), chosen) for bench, chosen in found]
    return sorted(found, key=lambda pair: -runner.time_limit(*pair)), missing


def obtain_kernels(shelf: kernels.Shelf, recipe: kernels.Recipe,
                   is_present: bool) -> tuple[list, str]:
    """A recipe's kernels, or none and the reason: who wants only those made before goes without."""
    if is_present and recipe.is_optional:
        made = shelf.find(recipe)
        return made, "" if made else "not made yet; `make lab` does"
    try:
        return shelf.obtain(recipe), ""
    except debian.Unavailable as reason:
        if not recipe.is_optional:
            raise
        return [], " ".join(str(reason).split())


def machines_with_scenarios(kernel: kernels.Kernel, pattern: str,
                            is_brief=False) -> list[tuple[Machine, list]]:
    """The machines that a filter wants of a kernel, each with its scenarios; or of one machine
    those that are about kernels."""
    found = [(machine, [scenario for scenario in SCENARIOS
                        if scenarios.fits(scenario, kernel, machine)
                        and re.search(pattern, f"{kernel.name} {machine.name} {scenario.name}")
                        and (not is_brief or scenario.name in BRIEF_SCENARIOS)])
             for machine in machines.seen_by(kernel) if not is_brief or machine.is_telling(kernel)]
    return [(machine, chosen) for machine, chosen in found if chosen]


def run_wanted(options) -> int:
    """Runs what is wanted; the status says whether all of it is good."""
    missing = missing_packages()
    if missing:
        say(f"missing packages: {' '.join(missing)}")
        return 1
    shelf = kernels.Shelf(cache_directory(), say)
    box = obtain_busybox(shelf)
    say(f"seed {options.seed}, {options.count} generated descriptions a machine")
    todo, not_there = wanted_benches(shelf, options)
    say(*(f"NOT TRIED, no kernel {line}" for line in not_there))
    started, outcomes = time.monotonic(), []
    tap = report.TAP(options.verbose)
    for found in runner.run_benches(todo, box, options.jobs, options.keep, say):
        for outcome in found:
            tap.show(outcome)
        outcomes += found
    for line in not_there:
        tap.line("ok", f"skip # SKIP no kernel {line}")
    outcomes = report.in_lab_order(outcomes, SCENARIOS)
    seconds = time.monotonic() - started
    print(f"1..{tap.number}")
    say(*report.result_tables(outcomes), *report.unseen_answers(outcomes),
        f"{len(todo)} machines in {seconds:.0f} s")
    if options.record and not tap.failures:
        report.record_results(outcomes, SCENARIOS, seconds)
    good = sum(outcome.count(True) for outcome in outcomes)
    skipped = sum(outcome.count(None) for outcome in outcomes) + len(not_there)
    print(f"lab: {good} passed, {tap.failures} failed, {skipped} skipped")
    return 1 if tap.failures or not outcomes else 0


def positive_number(text: str) -> int:
    """A number of things that there has to be at least one of."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def parse_arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("deps", help="name the Debian packages that are missing")
    commands.add_parser("list", help="list kernels, machines and scenarios")
    get = commands.add_parser("kernels", help="download and build what is not in the cache")
    get.add_argument("--only", help="a regular expression over names as `list` has them; without"
                     " it, those that the lab can't do without")
    run = commands.add_parser("run", help="boot the machines and run the scenarios")
    run.add_argument("filter", nargs="?", default="",
                     help="a regular expression over 'KERNEL MACHINE SCENARIO'")
    run.add_argument("--program", type=Path, required=True, help="the static vfioplan")
    run.add_argument("--count", type=positive_number, default=FULL_COUNT,
                     help="generated descriptions a machine")
    run.add_argument("--seed", type=int, default=DEFAULT_SEED)
    run.add_argument("--jobs", type=int, default=3, help="machines at a time")
    run.add_argument("--keep", type=Path, help="keep consoles and results in this directory")
    run.add_argument("--present", action="store_true",
                     help="of kernels that the lab can do without, only those made before, and "
                     "little of each")
    run.add_argument("--verbose", action="store_true", help="a line for each verdict")
    run.add_argument("--record", action="store_true", help="write docs/maintainers/lab-results.md")
    return parser.parse_args()


def main() -> int:
    """Does what the command line says."""
    options = parse_arguments()
    if options.command == "deps":
        print(" ".join(missing_packages()))
    elif options.command == "list":
        for recipe in kernels.RECIPES:
            for kernel in recipe.sketches:
                for machine, chosen in machines_with_scenarios(kernel, ""):
                    for scenario in chosen:
                        print(f"{kernel.name} {machine.name} {scenario.name}: {scenario.law}")
    elif options.command == "kernels":
        shelf = kernels.Shelf(cache_directory(), say)
        for recipe in kernels.RECIPES:
            if re.search(options.only, recipe.name) if options.only else not recipe.is_optional:
                made, why = obtain_kernels(shelf, recipe, False)
                say(*(f"{kernel.name} {kernel.version}: {kernel.image}" for kernel in made),
                    *([f"NOT MADE, {recipe.name}: {why}"] if why else []))
    else:
        return run_wanted(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
