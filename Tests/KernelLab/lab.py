#!/usr/bin/env python3
"""Real kernels under an emulated IOMMU: `lab.py kernels` gets them, `lab.py run` tries plans.

Results are printed as TAP. Nothing needs root except installing Debian's packages qemu-system-x86,
bison, flex, libelf-dev, libssl-dev, bc and xz-utils; nothing needs hardware. Kernels are kept under
$XDG_CACHE_HOME/vfioplan-lab. Not part of `make test` yet: docs/kernel-lab.md.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labkit import debian, descriptions, kernels, machines, scenarios

SEED = 1


def say(text: str):
    """Progress, as a TAP comment."""
    print(f"# {text}", flush=True)


def cacheDirectory() -> Path:
    """Where kernels are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "vfioplan-lab"


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


def targets(kernel: kernels.Kernel) -> list[str]:
    """The interfaces a kernel has."""
    return ["type1"] if kernel.name == "6.1" else ["iommufd", "type1"]


def tryPlans(kernel, machine, program: Path, box: Path, count: int, keep: Path | None):
    """Applies generated descriptions with --check; TAP lines, and counts for the table."""
    files = {"run.sh": (scenarios.GUEST / "check.sh").read_bytes(),
             "targets": "".join(f"{name}\n" for name in targets(kernel)).encode()}
    for name, text in descriptions.generate(count, SEED):
        files[f"vms/{name}.yaml"] = text.encode()
    with tempfile.TemporaryDirectory(prefix="vfioplan-lab-") as scratch:
        work = keep / f"{kernel.name}-{machine.name}" if keep else Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        image = work / "initramfs"
        image.write_bytes(scenarios.pack(kernel, machine, box, program, files))
        boot = machines.boot(machine, kernel, image, work, timeout=60 + 4 * count)
    return boot


def judge(kernel, machine, boot: machines.Boot, count: int) -> tuple[list[str], Counter]:
    """TAP lines without their numbers."""
    label = f"{kernel.name} {machine.name}"
    lines, counts = [], Counter()
    detail: list[str] = []
    for line in boot.results.splitlines():
        found = re.match(r"check (\S+) (\S+) (applied|refused|FAILED|LEFT)(.*)", line)
        if found:
            vm, target, outcome, rest = found.groups()
            counts[target, outcome] += 1
            isGood = outcome in ("applied", "refused")
            lines.append(f"{'ok' if isGood else 'not ok'} {{}} - {label} {target} {vm}: "
                         f"{outcome}{rest.replace('#', ' ')}")
        elif line.startswith("  # ") and lines:
            detail.append(line)
            lines.append(line.strip())
    expected = count * len(targets(kernel))
    done = sum(number for (_, outcome), number in counts.items() if outcome != "LEFT")
    isWhole = boot.isComplete and done == expected
    lines.append(f"{'ok' if isWhole else 'not ok'} {{}} - {label}: {done} of {expected} tried in "
                 f"{boot.seconds:.0f} s")
    if not isWhole:
        lines += [f"# {line}" for line in boot.console.splitlines()[-30:]]
    return lines, counts


def table(rows: list[tuple[str, str, str, Counter]]) -> list[str]:
    """Kernels, IOMMUs and targets with counts, as Markdown."""
    lines = ["| kernel | IOMMU | target | applied | refused | failed | left behind |",
             "|---|---|---|---:|---:|---:|---:|"]
    for kernel, machine, target, counts in rows:
        numbers = [counts[target, outcome] for outcome in ("applied", "refused", "FAILED", "LEFT")]
        lines.append(f"| {kernel} | {machine} | {target} | " + " | ".join(map(str, numbers)) + " |")
    return lines


def runAll(options) -> int:
    """Every fitting pair of kernel and machine, two at a time."""
    shelf = kernels.Shelf(cacheDirectory(), say)
    box = busybox(shelf)
    pairs = [(kernel, machine)
             for recipe in kernels.RECIPES for kernel in obtained(shelf, recipe, options.filter)
             for machine in machines.MACHINES if machine.fits(kernel)
             and re.search(options.filter, f"{kernel.name} {machine.name}")]
    number, failures, rows = 0, 0, []
    with ThreadPoolExecutor(options.jobs) as pool:
        boots = pool.map(
            lambda pair: tryPlans(*pair, options.program, box, options.count, options.keep), pairs)
        for (kernel, machine), boot in zip(pairs, boots):
            lines, counts = judge(kernel, machine, boot, options.count)
            for line in lines:
                if "{}" in line:
                    number += 1
                    line = line.replace("{}", str(number), 1)
                failures += line.startswith("not ok")
                print(line, flush=True)
            rows += [(f"{kernel.name} ({kernel.version})", machine.name, target, counts)
                     for target in targets(kernel)]
    print(f"1..{number}")
    for line in table(rows):
        print(f"# {line}")
    return 1 if failures or not pairs else 0


def obtained(shelf: kernels.Shelf, recipe: kernels.Recipe, pattern: str) -> list[kernels.Kernel]:
    """The kernels of a recipe, unless the filter wants none of its machines."""
    names = [recipe.name] + ([recipe.name + "-mixed"] if recipe.isBuilt else [])
    if not any(re.search(pattern, f"{name} {machine.name}")
               for name in names for machine in machines.MACHINES):
        return []
    return shelf.obtain(recipe)


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    get = commands.add_parser("kernels", help="download and build what is not in the cache")
    get.add_argument("--only", default="", help="a regular expression over 6.1, 6.12, 7.3")
    run = commands.add_parser("run", help="boot the machines and try plans")
    run.add_argument("filter", nargs="?", default="",
                     help="a regular expression over 'KERNEL MACHINE', for example '7.3 intel'")
    run.add_argument("--program", type=Path, required=True, help="the static vfioplan")
    run.add_argument("--count", type=int, default=200, help="descriptions per machine and target")
    run.add_argument("--jobs", type=int, default=2, help="machines at a time")
    run.add_argument("--keep", type=Path, help="keep consoles and results in this directory")
    options = parser.parse_args()
    if options.command == "run":
        return runAll(options)
    shelf = kernels.Shelf(cacheDirectory(), say)
    for recipe in kernels.RECIPES:
        if re.search(options.only, recipe.name):
            for kernel in shelf.obtain(recipe):
                say(f"{kernel.name} {kernel.version}: {kernel.image}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
