#!/usr/bin/env python3
"""Measures vfioplan against a bare libyaml event loop over the same bytes, and its start against that
of a static Swift program that prints a line, in the same run.

    run.py --binary PATH --hello PATH [--rounds N] [--starts N] [--report-only]

Runs are interleaved, so that a busy machine slows both alike; medians are compared. Exit code 1 if a
figure misses its limit, unless --report-only.
"""

import argparse
import itertools
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

import emulated
import growth
import hosts
import many
import table

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE / "build"
SMALL, LARGE, FEW = 10_000, 100_000, 4
GROWTH = 11.5  # at most, of time for ten times the devices
ROLLED_BACK = 71  # the exit code of a run that failed and was undone


def run(arguments, expected=0):
    """Runs a program, output thrown away: seconds from exec to exit, processor time, peak memory."""
    # A plan file of the last run would be replaced, which makes ext4 flush the new one at once.
    if "-o" in arguments:
        pathlib.Path(arguments[arguments.index("-o") + 1]).unlink(missing_ok=True)
    null = os.open(os.devnull, os.O_RDWR)
    files = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    start = time.perf_counter()
    child = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=files)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    os.close(null)
    if os.waitstatus_to_exitcode(status) != expected:
        told = subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        sys.exit(f"failed: {' '.join(arguments)}\n{told.stderr[-2000:]}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def describe(count):
    """Generates the descriptions of `count` devices; their paths."""
    vm, host = str(BUILD / f"vm-{count}.yaml"), str(BUILD / f"host-{count}.yaml")
    subprocess.run([sys.executable, str(HERE / "generate.py"), str(count), vm, host], check=True)
    return vm, host


def compile_command(binary, count):
    vm, host = describe(count)
    plan = str(BUILD / f"plan-{count}.json")
    return [binary, "compile", vm, "--host", host, "--format", "json", "-o", plan]


# What is done with a plan once it is saved; {plan} is the file, {other} that of another objective.
STAGES = [
    ("read back, verify, list", "apply {plan} --dry-run --format json", 0, 5),
    ("the same, listed for people", "apply {plan} --dry-run", 0, 5),
    ("read back, simulate, undo", "apply {plan} --simulate --format json", 0, 6),
    ("that, failing at the last step", "apply {plan} --simulate --format json --fail {last}=EINVAL",
     ROLLED_BACK, 6),
    ("read two back, diff", "diff {plan} {other} --format json", 0, 9),
]


def plans(binary, count):
    """Saves two plans of `count` devices that differ in all they can; what the stages refer to."""
    vm, host = describe(count)
    names = {}
    for key, objective in ("plan", "coherency"), ("other", "device-performance"):
        names[key] = str(BUILD / f"{key}-{count}.json")
        subprocess.run(
            [binary, "compile", vm, "--host", host, "--objective", objective, "-o", names[key]],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(names["plan"], "rb") as file:
        file.seek(-400, os.SEEK_END)
        names["last"] = re.search(rb'"steps":(\d+)', file.read()).group(1).decode()
    return names


def measure_stages(binary, rounds):
    """Yields two figures for each stage: growth in processor time, and memory against the plan.

    Processor time, because these take long enough for a busy machine to stretch one run and not
    another.
    """
    small, large = plans(binary, SMALL), plans(binary, LARGE)
    size = os.path.getsize(large["plan"])
    for name, command, status, limit in STAGES:
        commands = [[binary, *command.format(**names).split()] for names in (small, large)]
        # Ten short runs, half of them before and half after the long one, take as long as that: a
        # machine that is faster or slower for a while changes both.
        tenth, full = [], []
        for _ in range(rounds):
            short = [run(commands[0], status)[1] for _ in range(5)]
            full.append(run(commands[1], status))
            short += [run(commands[0], status)[1] for _ in range(5)]
            tenth.append(statistics.mean(short))
        ten = statistics.median(tenth)
        one = statistics.median(cpu for _, cpu, _ in full)
        times = statistics.median(cpu / short for (_, cpu, _), short in zip(full, tenth))
        seconds = statistics.median(seconds for seconds, _, _ in full)
        peak = max(memory for _, _, memory in full)
        yield (name, times, GROWTH, "x",
               f"processor {ten:.3f} s to {one:.3f} s, {seconds:.3f} s by the clock")
        yield ("  peak memory against the plan file", peak / size, limit, "x",
               f"{peak / 1e6:.0f} MB, the file has {size / 1e6:.0f} MB")


def measure_start(binary, hello, starts):
    """Yields the figure of a small compilation's start against a program's that does nothing.

    Both as they are once installed: what a linker has just written lies in memory page by page, and
    takes up to a third longer to start.
    """
    binary, hello = (shutil.copy(path, BUILD) for path in (binary, hello))
    commands = [compile_command(binary, FEW)[:-2], [hello], ["/bin/true"]]
    taken = zip(*([run(command)[0] for command in commands] for _ in range(starts)))
    few, least, nothing = (statistics.median(seconds) * 1000 for seconds in taken)
    yield (f"{FEW} devices against a static Swift hello", few / least, 3.2, "x",
           f"{few:.2f} ms against {least:.2f} ms from exec to exit; /bin/true takes {nothing:.2f} ms")


def measure(binary, rounds):
    """Yields (figure, measured, limit, unit, detail)."""
    loop = str(BUILD / "bare_loop")
    source = str(HERE / "bare_loop.c")
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-o", loop, source, "-lyaml"], check=True)
    large, small = compile_command(binary, LARGE), compile_command(binary, SMALL)
    inputs = [large[2], large[4]]
    size = sum(os.path.getsize(path) for path in inputs)
    bare, compiled, tenth = [], [], []
    for _ in range(rounds):
        bare.append(run([loop, *inputs]))
        # Giving back the pages of the plan before is not part of making the next one.
        for command in (large, small):
            pathlib.Path(command[-1]).unlink(missing_ok=True)
        compiled.append(run(large))
        tenth.append(run(small)[0])
    base, base_cpu, _ = map(statistics.median, zip(*bare))
    full, full_cpu, _ = map(statistics.median, zip(*compiled))
    ten = statistics.median(tenth)
    peak = max(memory for _, _, memory in compiled)
    plan = os.path.getsize(large[-1])
    yield ("100,000 devices against a bare libyaml loop", full / base, 1.8, "x",
           f"{full:.3f} s against {base:.3f} s (processor {full_cpu:.3f} against {base_cpu:.3f}), "
           f"{size / 1e6:.1f} MB in, {plan / 1e6:.1f} MB out")
    yield ("from 10,000 to 100,000 devices", full / ten, GROWTH, "x", f"{ten:.4f} s to {full:.3f} s")
    yield ("peak memory against the input", peak / size, 25, "x", f"{peak / 1e6:.0f} MB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--hello", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--report-only", action="store_true")
    options = parser.parse_args()
    BUILD.mkdir(exist_ok=True)
    missed = 0
    binary, hello = os.path.abspath(options.binary), os.path.abspath(options.hello)
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"note: the machine is busy (load {load:.1f}); ratios of threads suffer most")
    print(f"{'figure':45} {'measured':>10} {'limit':>7}")
    for figure, value, limit, unit, detail in itertools.chain(
            measure(binary, options.rounds),
            measure_start(binary, hello, options.starts),
            measure_stages(binary, max(1, options.rounds // 2)), many.figures(binary, options.rounds),
            hosts.figures(binary, options.rounds),
            growth.figures(binary), emulated.figures(binary)):
        missed += value > limit
        verdict = table.verdict(value, limit)
        print(table.row(figure, value, limit, unit, detail, verdict), flush=True)
    sys.exit(1 if missed and not options.report_only else 0)


if __name__ == "__main__":
    main()
