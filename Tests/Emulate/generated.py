#!/usr/bin/env python3
"""Generated programs of calls: the lab's own `conform`, under `vfioplan emulate`, gets the answers
of the simulator alone.

  generated.py PROGRAM [--count N] [--seed N] [--only REGEX]

PROGRAM is vfioplan; Conform lies beside it. Every studied release on every machine of the lab gets
the first programs that the lab's scenario `conform` makes there with the same seed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from emulate import TESTS, compiled

LAB = TESTS / "KernelLab"
sys.path.insert(0, str(LAB))

from labkit import conform, conform_generator  # noqa: E402
from labkit.conform_fixtures import recorded_host  # noqa: E402
from labkit.machines import seen_by  # noqa: E402
from labkit.recipes import RECIPES, Kernel  # noqa: E402
from labkit.scenario import Bench  # noqa: E402

# Releases that the simulator was written from; the lab has no kernel of 6.6.
RELEASES = [(5, 10), (6, 1), (6, 6), (6, 12), (7, 2), (7, 3)]
KERNELS = [kernel for recipe in RECIPES for kernel in recipe.sketches]
KERNELS += [Kernel(name, "", pathlib.Path()) for name in ("6.6", "6.6-mixed")]
COUNT = 500
AT_A_TIME = 200  # programs that one emulated machine runs
SECONDS = 300  # for so many


@dataclass(frozen=True)
class Outcome:
    """What came of one kernel on one machine."""

    label: str
    count: int
    failures: tuple[str, ...]


def benches(program: pathlib.Path, seed: int, only: str) -> list[Bench]:
    """Every studied release on every machine of the lab that it has."""
    every = [Bench(kernel, machine, program, LAB, LAB, 1, seed)
             for kernel in sorted(KERNELS, key=lambda one: (one.release, one.name))
             if kernel.release in RELEASES
             for machine in seen_by(kernel) if not machine.has_more]
    return [bench for bench in every if re.search(only, f"{bench.label} conform")]


def tried(bench: Bench, count: int, binary: pathlib.Path, folder: pathlib.Path) -> Outcome:
    """Runs the first programs of a machine both ways."""
    programs = conform_generator.generate_programs(
        f"{bench.seed} {bench.label}", count, bench.kernel)
    description = recorded_host(bench)
    simulated = conform.answers_by_program(conform.run_simulator(bench, programs, description))
    emulated: dict[str, list[str]] = {}
    found = []
    for part in parts(programs, simulated):
        answers, problem = under_emulation(bench, part, description, binary, folder)
        emulated |= answers
        found += [f"{bench.label}: {problem}"] if problem else []
    for name, steps in programs.items():
        alone = [line for line in simulated[name] if not is_left(line)]
        text = difference(steps, emulated.get(name, []), alone)
        found += [f"{bench.label}, seed {bench.seed}, program {name}\n{text}"] if text else []
    return Outcome(bench.label, count, tuple(found))


def is_left(line: str) -> bool:
    """Whether a line says what outlives a program, which the program itself can't say."""
    return line.startswith("left ")


def parts(programs: dict[str, list[str]], simulated: dict[str, list[str]]) -> list[dict]:
    """Programs that run on one machine; one that loses files for good has its own."""
    lost = [name for name in programs if any(map(is_left, simulated[name]))]
    others = [name for name in programs if name not in lost]
    groups = [others[start:start + AT_A_TIME] for start in range(0, len(others), AT_A_TIME)]
    groups += [[name] for name in lost]
    return [{name: programs[name] for name in group} for group in groups]


def under_emulation(bench: Bench, programs: dict[str, list[str]], description: str,
                    binary: pathlib.Path, folder: pathlib.Path) -> tuple[dict, str]:
    """What the lab's program prints on an emulated machine, and what is wrong with how it ends."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = pathlib.Path(name)
        (place / "host.yaml").write_text(description)
        (place / "programs").write_text(conform.programs_text(programs))
        command = [bench.program, "emulate", "--simulate-kvm", "--host", place / "host.yaml", "--",
                   binary, place / "programs"]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired as late:
            text = (late.stdout or b"").decode()
            return conform.answers_by_program(text), f"not over after {SECONDS} s"
    problem = f"ended with {run.returncode}\n{run.stderr}" if run.returncode != 0 else ""
    return conform.answers_by_program(run.stdout), problem


def difference(steps: list[str], emulated: list[str], simulated: list[str]) -> str:
    """A program with its answers, both where they differ; nothing if they don't."""
    lines, is_wrong = [], False
    for place in range(max(len(steps), len(emulated), len(simulated))):
        step, one, other = (every[place] if place < len(every) else "nothing"
                            for every in (steps, emulated, simulated))
        is_wrong = is_wrong or one != other
        lines.append(f"    {step}")
        lines += [f"        {one}"] if one == other else \
            [f"      > emulated:  {one}", f"      > simulated: {other}"]
    return "\n".join(lines) if is_wrong else ""


def outcomes(chosen: list[Bench], count: int, folder: pathlib.Path):
    """One outcome for each release and machine, each with its share of the programs."""
    binary = compiled("conform", folder)
    share = -(-count // max(1, len(chosen)))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda bench: tried(bench, share, binary, folder), chosen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=COUNT, help="programs, at least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="a part, as the lab's filters are matched")
    wanted = parser.parse_args()
    chosen = benches(pathlib.Path(wanted.program).resolve(), wanted.seed, wanted.only)
    count = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for one in outcomes(chosen, wanted.count, pathlib.Path(folder)):
            count += one.count
            failed += len(one.failures)
            for text in one.failures:
                print(f"FAILED generated: {text}", flush=True)
    print(f"generated: seed {wanted.seed}, {count} programs on {len(chosen)} machines of "
          f"{len({bench.kernel.release for bench in chosen})} releases, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
